"""SIP over TLS: phones, a carrier that proves its name and to which we prove ours, whoever does not, and a certificate that changes under living connections."""
import os
import re
import select
import socket
import ssl
import subprocess
import time

import pytest

from conftest import CONFIG
from labkit.daemon import wait_for
from parties import ACCESS, CORE, call, hang_up, no_calls, offer
from rtp import Stream
from sip import Dialog, Message, Peer, register, token

ACCESS_TLS, CORE_TLS, CARRIER = ("198.51.100.11", 5061), ("10.77.0.11", 5061), ("10.77.0.11", 5071)
PEER = ("10.77.0.21", 5061)     # the carrier's own server


class Authority:
    """A certificate authority in a folder: ca.pem, and NAME.pem with NAME.key for each issue()."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl("req", "-x509", *self.new_key("ca"), "-out", "ca.pem", "-subj", "/CN=lab authority", "-days", "2")

    def openssl(self, *argv):
        subprocess.run(["openssl", *argv], cwd=self.folder, check=True, capture_output=True, timeout=20)

    def new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]

    def issue(self, name, san):
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={san}\n")
        self.openssl("req", "-new", *self.new_key(name), "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext",
                     "-out", f"{name}.pem")

    def context(self, name=None, server=False, ca="ca.pem"):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        c.load_verify_locations(self.folder / ca)
        c.verify_mode = ssl.CERT_REQUIRED
        if name:
            c.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return c


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    a = Authority(tmp_path_factory.mktemp("pki"))
    a.issue("edge", "DNS:edge.example")
    a.issue("next", "DNS:edge.example")
    a.issue("other", "DNS:sip.other.example")
    a.issue("sbc", "DNS:sbc.example,IP:10.77.0.11")
    a.issue("carrier", "DNS:carrier.example")
    a.issue("stranger", "DNS:stranger.example")
    for kind in ("pem", "key"):
        (a.folder / f"live.{kind}").write_bytes((a.folder / f"edge.{kind}").read_bytes())
    return a


@pytest.fixture(scope="module")
def sbc_config(pki):
    f = pki.folder
    text = CONFIG.replace("on: [udp:5060, tcp:5060]}", "on: [udp:5060, tcp:5060, tls:5061], tls: edge}")
    text = text.replace("listeners:\n", "listeners:\n  carrier: {realm: carrier, on: tls:5071, tls: mutual}\n")
    text = text.replace("realms:\n", "realms:\n  carrier: {interface: core, trust: peers_only, media_pool: core}\n", 1)
    text = text.replace("routing:\n", "routing:\n  - {name: out, match: {called: \"900\"}, to: trunk/carrier}\n")
    return text + f"""
tls:
  edge: {{cert: {f}/live.pem, key: {{file: {f}/live.key}}, sni: {{sip.other.example: other}}}}
  other: {{cert: {f}/other.pem, key: {{file: {f}/other.key}}}}
  mutual: {{cert: {f}/sbc.pem, key: {{file: {f}/sbc.key}}, client_auth: required, ca: {f}/ca.pem}}
trunks:
  carrier: {{realm: carrier, peers: [{{uri: "sip:{PEER[0]};transport=tls"}}], match: {{tls_san: carrier.example}}}}
"""


class TlsPeer(Peer):
    """A SIP speaker on one TLS connection."""

    def __init__(self, lab, host, ip, to, user, context, name="edge.example", sock=None):
        self.lab, self.host, self.ip, self.user, self.pending, self.buffer, self.last_from = lab, host, ip, user, [], b"", to
        self.sock = sock or connect(lab, host, ip, to, context, name)
        self.port = self.sock.getsockname()[1]
        self.hostport = f"[{ip}]:{self.port}" if ":" in ip else f"{ip}:{self.port}"
        self.contact = f"<sip:{self.user}@{self.hostport};transport=tls>"

    def send(self, text, to=None):
        self.sock.sendall(text.replace("SIP/2.0/UDP", "SIP/2.0/TLS", 1).encode("utf-8", "surrogateescape"))

    def recv(self, timeout=3.0):
        end = time.monotonic() + timeout
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            head, mark, rest = self.buffer.partition(b"\r\n\r\n")
            if mark:
                n = int(re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head).group(1))
                if len(rest) >= n:
                    self.buffer = rest[n:]
                    return Message(head + mark + rest[:n])
            if not self.sock.pending() and not select.select([self.sock], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            data = self.sock.recv(65536)
            if not data:
                return None
            self.buffer += data


def connect(lab, host, ip, to, context, name="edge.example"):
    raw = lab.tcp(host, ip, to)
    try:
        return context.wrap_socket(raw, server_hostname=name)
    except BaseException:
        raw.close()
        raise


def shown(lab, context, name="edge.example"):
    """The serial number and the first name of the certificate that a new connection gets."""
    with connect(lab, "peer", "198.51.100.66", ACCESS_TLS, context, name) as s:
        cert = s.getpeercert()
        return cert["serialNumber"], cert["subjectAltName"][0][1]


@pytest.fixture
def tls_alice(lab, sbc, pki):
    with TlsPeer(lab, "peer", "198.51.100.66", ACCESS_TLS, "alice", pki.context()) as p:
        register(p, ACCESS, "wonderland")
        p.rtp = Stream(lab, "peer", p.ip)
        yield p
        register(p, ACCESS, "wonderland", expires=0)
        p.rtp.close()
    no_calls(sbc)


@pytest.fixture
def carrier(lab, sbc, pki):
    """The carrier calls: it shows its certificate and sees ours."""
    with TlsPeer(lab, "core", PEER[0], CARRIER, "carrier", pki.context("carrier"), "sbc.example") as p:
        p.rtp = Stream(lab, "core", p.ip)
        yield p
        p.rtp.close()
    no_calls(sbc)


@pytest.fixture
def server(lab):
    """The carrier's listening socket."""
    s = lab.inside("core", lambda: socket.create_server(PEER))
    s.settimeout(5)
    yield s
    s.close()


def talk(a, b, called, to=ACCESS):
    x = Dialog.invite(a, to, called, offer(a))
    invite = b.expect("INVITE")
    y = Dialog.accepted(b, invite)
    b.reply(invite, 180, "Ringing", to_tag=y.local_tag)
    x.established(a.expect("180"))
    b.reply(invite, 200, "OK", to_tag=y.local_tag, body=offer(b))
    ok = a.expect("200 INVITE")
    x.ack(ok)
    b.expect("ACK")
    got = a.rtp.exchange(ok.sdp_media()[0][1:3], b.rtp, invite.sdp_media()[0][1:3])
    assert all(len(g) >= 10 for g in got)
    y.request("INVITE", body=offer(b, direction="sendonly", version=2))
    a.reply(a.expect("INVITE"), 200, "OK", body=offer(a, direction="recvonly", version=2))
    y.ack(b.expect("200 INVITE"))
    a.expect("ACK")
    hang_up(x, y, first=y)
    return invite, ok


def test_tls_to_udp(tls_alice, bob):
    invite, ok = talk(tls_alice, bob, "bob")
    assert "SIP/2.0/UDP 10.77.0.11:5060" in invite.get("Via") and "transport" not in invite.get("Contact")
    assert "198.51.100.11:5061;transport=tls" in ok.get("Contact")


def test_udp_to_tls(tls_alice, bob):
    invite, ok = talk(bob, tls_alice, "alice", CORE)
    assert "SIP/2.0/TLS 198.51.100.11:5061" in invite.get("Via") and "198.51.100.11:5061;transport=tls" in invite.get("Contact")
    assert "transport" not in ok.get("Contact")


def test_tls_to_tls_and_to_ipv6(lab, sbc, pki, tls_alice):
    for ip, to in (("10.77.0.20", CORE_TLS), ("2001:db8:c::20", ("2001:db8:c::11", 5061))):
        with TlsPeer(lab, "core", ip, to, "carol", pki.context()) as p:
            register(p, to, "christmas")
            p.rtp = Stream(lab, "core", p.ip)
            invite, _ = talk(tls_alice, p, "carol")
            assert f"SIP/2.0/TLS {'[' + to[0] + ']' if ':' in ip else to[0]}:5061" in invite.get("Via")
            register(p, to, "christmas", expires=0)
            p.rtp.close()


def test_the_carrier_calls(carrier, bob):
    invite, ok = talk(carrier, bob, "bob", CARRIER)
    assert "SIP/2.0/UDP 10.77.0.11:5060" in invite.get("Via")
    assert "10.77.0.11:5071;transport=tls" in ok.get("Contact")


def test_we_call_the_carrier(lab, sbc, pki, server, tls_alice):
    """Two calls on one connection; we show our certificate and want to see the carrier's name."""
    a = Dialog.invite(tls_alice, ACCESS, "900", offer(tls_alice))
    raw, _ = server.accept()
    asked = []
    context = pki.context("carrier", server=True)
    context.sni_callback = lambda sock, name, ctx: asked.append(name)
    conn = context.wrap_socket(raw, server_side=True)
    assert ("DNS", "sbc.example") in conn.getpeercert()["subjectAltName"] and asked == ["carrier.example"]
    with TlsPeer(lab, "core", PEER[0], CARRIER, "carrier", None, sock=conn) as p:
        p.rtp = Stream(lab, "core", p.ip)
        p.contact = f"<sip:carrier@{PEER[0]}:{PEER[1]};transport=tls>"
        invite = p.expect("INVITE")
        assert invite.ruri == f"sip:900@{PEER[0]}:5061;transport=tls"
        assert "SIP/2.0/TLS 10.77.0.11:5071" in invite.get("Via")
        p.reply(invite, 486, "Busy Here", to_tag="t", contact=False)
        p.expect("ACK")
        a.ack(tls_alice.expect("486"))
        talk(tls_alice, p, "900")
        p.rtp.close()


@pytest.mark.parametrize("who", ["stranger", "carrier of another authority"])
def test_we_do_not_call_a_stranger(lab, sbc, pki, server, tls_alice, tmp_path, who):
    """Whoever sits at the carrier's address without its name hears nothing of the call."""
    context = pki.context("stranger", server=True)
    if who != "stranger":
        foreign = Authority(tmp_path)
        foreign.issue("carrier", "DNS:carrier.example")
        context = foreign.context("carrier", server=True)
        context.load_verify_locations(pki.folder / "ca.pem")
    a = Dialog.invite(tls_alice, ACCESS, "900", offer(tls_alice))
    raw, _ = server.accept()
    heard = b""
    try:
        with context.wrap_socket(raw, server_side=True) as conn:
            conn.settimeout(5)
            heard = conn.recv(100)
    except (ssl.SSLError, ConnectionError):
        pass
    assert heard == b""
    refused = tls_alice.final()
    assert 500 <= refused.status < 600
    a.ack(refused)


def test_who_is_not_the_carrier(lab, sbc, pki):
    with TlsPeer(lab, "core", PEER[0], CARRIER, "mallory", pki.context("stranger"), "sbc.example") as p:
        a = Dialog.invite(p, CARRIER, "bob", "")
        answer = p.final()
        assert answer.status == 403
        a.ack(answer)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        s = connect(lab, "core", PEER[0], CARRIER, pki.context(), "sbc.example")
        s.settimeout(3)
        if s.recv(10) == b"":       # 1.3: the refusal comes behind the client's handshake
            raise ConnectionError


def test_server_name_chooses_the_certificate(lab, sbc, pki):
    assert shown(lab, pki.context())[1] == "edge.example"
    assert shown(lab, pki.context(), "sip.other.example")[1] == "sip.other.example"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_versions(lab, sbc, pki, version):
    c = pki.context()
    c.minimum_version = c.maximum_version = ssl.TLSVersion[version]
    with connect(lab, "peer", "198.51.100.66", ACCESS_TLS, c) as s:
        assert s.version() == version.replace("_", ".")
        assert s.cipher()[0].split("-")[-1].split("_")[-1] in ("SHA384", "SHA256", "POLY1305")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_versions_and_ciphers_are_refused(lab, sbc, pki):
    old = pki.context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    cbc = pki.context()
    cbc.maximum_version = ssl.TLSVersion.TLSv1_2
    cbc.set_ciphers("ECDHE-ECDSA-AES256-SHA384")
    for c in (old, cbc):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(lab, "peer", "198.51.100.66", ACCESS_TLS, c)


def test_plaintext_and_garbage_disturb_nobody(lab, sbc, tls_alice, bob):
    a, b, _ = call(tls_alice, bob)
    options = tls_alice.request("OPTIONS", "sip:198.51.100.11", "<sip:198.51.100.11>")
    for data in (options.encode(), b"\r\n\r\n", os.urandom(3000), b"\x16\x03\x01\x02\x00\x01\x00", b"\x16\x03\x01\xff\xff" + os.urandom(70000)):
        s = lab.tcp("peer", "198.51.100.66", ACCESS_TLS)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(7)
            while s.recv(4096):
                pass
        except OSError:     # reset
            pass
        s.close()
    got = tls_alice.rtp.exchange(a.media[1:3], bob.rtp, b.media[1:3])
    assert all(len(g) >= 10 for g in got)
    hang_up(a, b)


def test_who_does_not_shake_hands_is_shut_out(lab, sbc):
    """5 seconds, and meanwhile nobody waits for him."""
    s = lab.tcp("peer", "198.51.100.66", ACCESS_TLS, timeout=8)
    begin = time.monotonic()
    s.sendall(b"\x16\x03\x01")
    assert s.recv(100) == b""
    assert 4 <= time.monotonic() - begin <= 7
    s.close()


def test_a_certificate_changes_while_a_connection_lives(lab, sbc, pki, tls_alice):
    def options():
        tls_alice.send(tls_alice.request("OPTIONS", "sip:198.51.100.11", "<sip:198.51.100.11>", call_id=token()))
        tls_alice.expect("200 OPTIONS")

    before = shown(lab, pki.context())[0]
    (pki.folder / "live.pem").write_text("no certificate\n")
    wait_for("the broken file to be seen", lambda: "the old one stays" in sbc.log.read_text(errors="replace"), timeout=8)
    assert shown(lab, pki.context())[0] == before
    for kind in ("key", "pem"):
        (pki.folder / f"live.{kind}").write_bytes((pki.folder / f"next.{kind}").read_bytes())
    wait_for("the new certificate", lambda: shown(lab, pki.context())[0] != before, timeout=8)
    options()
