"""Calls with phones on TCP, on either side and over IPv6; connections that close; messages larger than a datagram should be."""
import re
import select
import time

import pytest

from labkit.daemon import wait_for
from parties import ACCESS, ACCESS6, CORE, CORE6, call, hang_up, offer
from rtp import Stream
from sip import Dialog, Message, Peer, authorization, register, token


class TcpPeer(Peer):
    """A SIP phone that keeps one connection to Rempart, and listens for others on the same port."""

    def __init__(self, lab, host, ip, to, user):
        self.lab, self.host, self.ip, self.user, self.to = lab, host, ip, user, to
        self.pending, self.buffer, self.last_from = [], b"", to
        self.connect()

    def connect(self):
        self.sock = self.lab.tcp(self.host, self.ip, self.to)
        self.port = self.sock.getsockname()[1]
        self.hostport = f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"
        self.contact = f"<sip:{self.user}@{self.hostport};transport=tcp>"
        self.buffer = b""

    def send(self, text, to=None):
        self.sock.sendall(text.replace("SIP/2.0/UDP", "SIP/2.0/TCP", 1).encode("utf-8", "surrogateescape"))

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
            r, _, _ = select.select([self.sock], [], [], max(0.0, end - time.monotonic()))
            if not r:
                return None
            data = self.sock.recv(65536)
            if not data:
                return None
            self.buffer += data


@pytest.fixture
def tcp_alice(lab, sbc):
    yield from phone(lab, "peer", "198.51.100.66", ACCESS, "alice", "wonderland")


@pytest.fixture
def tcp_bob(lab, sbc):
    yield from phone(lab, "core", "10.77.0.20", CORE, "bob", "builder")


@pytest.fixture
def tcp6_carol(lab, sbc):
    yield from phone(lab, "core", "2001:db8:c::20", CORE6, "carol", "christmas")


def phone(lab, host, ip, sbc_addr, user, password):
    with TcpPeer(lab, host, ip, sbc_addr, user) as p:
        register(p, sbc_addr, password)
        p.rtp = Stream(lab, host, ip)
        yield p
        forget(p, sbc_addr, password)
        p.rtp.close()


def forget(p, sbc_addr, password):
    """Takes all contacts of the user away: those of connections that are gone, too."""
    host = f"[{sbc_addr[0]}]" if ":" in sbc_addr[0] else sbc_addr[0]
    ruri, aor, call_id, star = f"sip:{host}", f"<sip:{p.user}@{host}>", token(16), ["Contact: *", "Expires: 0"]
    p.send(p.request("REGISTER", ruri, aor, aor, call_id, 1, headers=star, contact=False))
    auth = authorization(p.expect("401"), "REGISTER", ruri, p.user, password)
    p.send(p.request("REGISTER", ruri, aor, aor, call_id, 2, headers=[*star, auth], contact=False))
    p.expect("200")


def talk(a, b, to, called="bob"):
    """A whole call: media both ways, hold from the called side, BYE from there."""
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


def test_tcp_to_udp(tcp_alice, bob):
    invite, ok = talk(tcp_alice, bob, ACCESS)
    assert "SIP/2.0/UDP 10.77.0.11:5060" in invite.get("Via") and "transport" not in invite.get("Contact")
    assert "198.51.100.11:5060;transport=tcp" in ok.get("Contact")


def test_udp_to_tcp(alice, tcp_bob):
    invite, ok = talk(alice, tcp_bob, ACCESS)
    assert "SIP/2.0/TCP 10.77.0.11:5060" in invite.get("Via") and "10.77.0.11:5060;transport=tcp" in invite.get("Contact")
    assert "transport" not in ok.get("Contact")


def test_tcp_to_tcp(tcp_alice, tcp_bob):
    talk(tcp_alice, tcp_bob, ACCESS)


def test_udp_to_tcp_over_ipv6(alice, tcp6_carol):
    invite, _ = talk(alice, tcp6_carol, ACCESS, "carol")
    assert "SIP/2.0/TCP [2001:db8:c::11]:5060" in invite.get("Via")
    assert "IP6 2001:db8:c::10" in invite.body


def test_cancel_over_tcp(tcp_alice, tcp_bob):
    a = Dialog.invite(tcp_alice, ACCESS, "bob", offer(tcp_alice))
    invite = tcp_bob.expect("INVITE")
    tcp_bob.reply(invite, 180, "Ringing", to_tag="t")
    tcp_alice.expect("180")
    a.cancel()
    assert tcp_alice.expect("200").method == "CANCEL"
    a.ack(tcp_alice.expect("487"))
    cancel = tcp_bob.expect("CANCEL")
    assert cancel.branch == invite.branch and "SIP/2.0/TCP" in cancel.get("Via")
    tcp_bob.reply(cancel, 200, "OK", contact=False)
    tcp_bob.reply(invite, 487, "Request Terminated", to_tag="t", contact=False)
    tcp_bob.expect("ACK")
    tcp_bob.nothing(0.2)
    tcp_alice.nothing(0)


def test_an_unacknowledged_2xx_is_repeated_on_tcp_too(tcp_alice, bob):
    """RFC 3261 13.3.1.4: end to end, whatever the transport."""
    a = Dialog.invite(tcp_alice, ACCESS, "bob", offer(tcp_alice))
    invite = bob.expect("INVITE")
    b = Dialog.accepted(bob, invite)
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    ok = tcp_alice.expect("200 INVITE")
    assert tcp_alice.expect("200 INVITE", timeout=1.5).text == ok.text
    a.ack(ok)
    bob.expect("ACK")
    hang_up(a, b)


def test_a_refusal_is_not_repeated_on_tcp(tcp_alice, bob):
    a = Dialog.invite(tcp_alice, ACCESS, "bob", offer(tcp_alice))
    invite = bob.expect("INVITE")
    bob.reply(invite, 486, "Busy Here", to_tag="t", contact=False)
    bob.expect("ACK")
    final = tcp_alice.expect("486")
    tcp_alice.nothing(0.8)
    a.ack(final)


def test_a_message_in_pieces_and_two_in_one(tcp_alice, bob):
    a = Dialog(tcp_alice, ACCESS)
    text = tcp_alice.request("OPTIONS", "sip:198.51.100.11", "<sip:198.51.100.11>").replace("/UDP", "/TCP")
    for i in range(0, len(text), 40):
        tcp_alice.sock.sendall(text[i:i + 40].encode())
        time.sleep(0.002)
    tcp_alice.expect("200 OPTIONS")
    both = "".join(tcp_alice.request("OPTIONS", "sip:198.51.100.11", "<sip:198.51.100.11>").replace("/UDP", "/TCP") for _ in range(2))
    tcp_alice.sock.sendall(("\r\n\r\n" + both).encode())
    assert [tcp_alice.expect("200 OPTIONS").status for _ in range(2)] == [200, 200]


def test_a_large_invite_on_tcp(tcp_alice, tcp_bob):
    extra = [f"a=x-pad-{i}:" + "y" * 60 for i in range(90)]
    a = Dialog.invite(tcp_alice, ACCESS, "bob", offer(tcp_alice, extra=extra))
    invite = tcp_bob.expect("INVITE")
    assert invite.body.count("a=x-pad-") == 90
    tcp_bob.reply(invite, 486, "Busy Here", to_tag="t", contact=False)
    tcp_bob.expect("ACK")
    a.ack(tcp_alice.expect("486"))


def test_the_caller_connects_anew_in_a_call(tcp_alice, bob):
    """alice's connection breaks; her re-INVITE on the next one is where she is reached from then on."""
    a = Dialog.invite(tcp_alice, ACCESS, "bob", offer(tcp_alice))
    invite = bob.expect("INVITE")
    b = Dialog.accepted(bob, invite)
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    a.ack(tcp_alice.expect("200 INVITE"))
    bob.expect("ACK")
    tcp_alice.sock.close()
    tcp_alice.connect()
    register(tcp_alice, ACCESS, "wonderland")
    a.request("INVITE", body=offer(tcp_alice, version=2))
    bob.reply(bob.expect("INVITE"), 200, "OK", body=offer(bob, version=2))
    a.ack(tcp_alice.expect("200 INVITE"))
    bob.expect("ACK")
    hang_up(a, b, first=b)


def test_a_called_phone_whose_connection_is_gone(lab, sbc, alice, tcp_bob):
    """Nobody listens where it came from: the caller hears so at once, and not after half a minute."""
    tcp_bob.sock.close()
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice))
    final = alice.final(timeout=6)
    assert final.status in (480, 503)
    a.ack(final)
    tcp_bob.connect()


def test_bye_to_a_connection_that_is_gone_ends_the_call_all_the_same(sbc, alice, tcp_bob):
    a, b, _ = call(alice, tcp_bob)
    tcp_bob.sock.close()
    a.request("BYE", contact=False)
    alice.expect("200 BYE")
    wait_for("the call to be gone", lambda: not sbc.ctl("calls")["calls"], timeout=10)
    tcp_bob.connect()
