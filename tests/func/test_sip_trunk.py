"""Two trunks joined by routes: sources, addresses of every kind, scarce ports, silence."""
import time

import pytest

from conftest import ROOT
from labkit.daemon import wait_for
from parties import hang_up, offer
from rtp import Stream
from sip import Dialog, Message, Peer, sdp, token

ITSP, PBX = ("198.51.100.11", 5060), ("10.77.0.11", 5060)


@pytest.fixture(scope="module")
def sbc_config():
    text = (ROOT / "tests/data/load.yaml").read_text()
    text = text.replace("ports: 20000-59999", "ports: 20000-20011").replace("realms:", "profiles: {quick: {timeout: {rtp: 2s, hold: 2h}}}\nrealms:")
    return text.replace('nat: "off"', 'nat: "off", profile: quick')


@pytest.fixture
def itsp(lab, sbc):
    yield from party(lab, sbc, "peer", "198.51.100.66", "carrier")


@pytest.fixture
def pbx(lab, sbc):
    yield from party(lab, sbc, "core", "10.77.0.20", "office")


def party(lab, sbc, host, ip, user):
    with Peer(lab, host, ip, user=user) as p:
        p.rtp = Stream(lab, host, ip)
        yield p
        p.rtp.close()
    wait_for("all calls to be gone", lambda: not sbc.ctl("calls")["calls"], timeout=5)


def begin(x, y, to, called="+4930123456", **kw):
    a = Dialog.invite(x, to, called, offer(x, **kw))
    invite = y.expect("INVITE")
    return a, Dialog.accepted(y, invite), invite


def connect(x, y, to):
    a, b, invite = begin(x, y, to)
    y.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(y))
    ok = x.expect("200 INVITE")
    a.ack(ok)
    y.expect("ACK")
    a.media, b.media = ok.sdp_media()[0], invite.sdp_media()[0]
    return a, b


@pytest.mark.parametrize("way", ["in", "out"])
def test_from_trunk_to_trunk(itsp, pbx, way):
    x, y, to, peer = (itsp, pbx, ITSP, "10.77.0.20") if way == "in" else (pbx, itsp, PBX, "198.51.100.66")
    a, b, invite = begin(x, y, to)
    assert invite.ruri == f"sip:+4930123456@{peer}"
    y.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(y))
    ok = x.expect("200 INVITE")
    a.ack(ok)
    y.expect("ACK")
    got = x.rtp.exchange(ok.sdp_media()[0][1:3], y.rtp, invite.sdp_media()[0][1:3])
    assert all(len(g) >= 10 for g in got)
    hang_up(a, b)


def test_an_unknown_source_is_403_and_hears_it_once(lab, sbc, pbx):
    with Peer(lab, "nat", "198.51.100.2", port=5077, user="somebody") as p:
        a = Dialog.invite(p, ITSP, "+4930123456", sdp(p.ip, 40000))
        a.ack(p.expect("403"))
        p.send(p.request("REGISTER", "sip:198.51.100.11", "<sip:a@198.51.100.11>"), ITSP)
        p.expect("405")  # there is no registrar
        p.nothing(0.7)
    pbx.nothing(0)


def test_in_dialog_requests_go_where_the_contact_says(lab, itsp, pbx):
    """Without NAT the Contact counts: another address, another port."""
    with Peer(lab, "core", "10.77.0.21", port=5090, user="elsewhere") as other:
        a, b, invite = begin(itsp, pbx, ITSP)
        pbx.contact = other.contact
        pbx.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(pbx))
        a.ack(itsp.expect("200 INVITE"))
        other.expect("ACK")
        a.request("BYE", contact=False)
        itsp.expect("200 BYE")
        bye = other.expect("BYE")
        assert bye.ruri == "sip:elsewhere@10.77.0.21:5090"
        other.reply(bye, 200, "OK", contact=False)


def test_a_contact_with_ipv6(lab, itsp, pbx):
    with Peer(lab, "core", "2001:db8:c::20", port=5091, user="six") as other:
        a, b, invite = begin(itsp, pbx, ITSP)
        pbx.contact = other.contact
        pbx.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(pbx))
        a.ack(itsp.expect("200 INVITE"))
        ack = other.expect("ACK")
        assert ack.ruri == "sip:six@[2001:db8:c::20]:5091" and "[2001:db8:c::11]:5060" in ack.get("Via")
        a.request("BYE", contact=False)
        itsp.expect("200 BYE")
        other.reply(other.expect("BYE"), 200, "OK", contact=False)


def test_a_contact_with_transport_tcp(lab, itsp, pbx):
    """The call came over UDP; what follows goes over TCP, as the Contact wishes."""
    import socket

    server = lab.inside("core", lambda: socket.create_server(("10.77.0.20", 5092)))
    a, b, invite = begin(itsp, pbx, ITSP)
    pbx.contact = "<sip:office@10.77.0.20:5092;transport=tcp>"
    pbx.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(pbx))
    a.ack(itsp.expect("200 INVITE"))
    server.settimeout(3)
    conn, _ = server.accept()
    conn.settimeout(3)
    ack = Message(conn.recv(4096))
    assert ack.start.startswith("ACK sip:office@10.77.0.20:5092;transport=tcp") and "SIP/2.0/TCP" in ack.get("Via")
    a.request("BYE", contact=False)
    itsp.expect("200 BYE")
    bye = Message(conn.recv(4096))
    assert bye.method == "BYE"
    conn.sendall(pbx.response(bye, 200, "OK", contact=False).encode())
    conn.close()
    server.close()


def test_a_killed_phone_ends_the_call(itsp, pbx):
    """Nobody sends media any more, and nobody says BYE."""
    a, b = connect(itsp, pbx, ITSP)
    itsp.rtp.exchange(a.media[1:3], pbx.rtp, b.media[1:3])
    begin_s = time.monotonic()
    bye = itsp.expect("BYE", timeout=6)
    assert time.monotonic() - begin_s > 1.5
    assert "Media timeout" in bye.get("Reason")
    itsp.reply(bye, 200, "OK", contact=False)
    pbx.reply(pbx.expect("BYE"), 200, "OK", contact=False)


def test_hold_is_longer_than_silence(itsp, pbx):
    a, b = connect(itsp, pbx, ITSP)
    a.request("INVITE", body=offer(itsp, direction="inactive", version=2))
    pbx.reply(pbx.expect("INVITE"), 200, "OK", body=offer(pbx, direction="inactive", version=2))
    a.ack(itsp.expect("200 INVITE"))
    pbx.expect("ACK")
    itsp.nothing(3)
    hang_up(a, b)


def test_scarce_ports(itsp, pbx):
    """Six port pairs a side, five in use: a re-INVITE that wants two is refused and changes nothing, a call that finds none is 503; ports come back."""
    calls = [connect(itsp, pbx, ITSP) for _ in range(5)]
    a, b = calls[-1]
    two = offer(itsp, version=2).rstrip() + "\r\nm=video 40002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=video 40004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    a.request("INVITE", body=two)
    a.ack(itsp.expect("503"))
    pbx.nothing(0.1)
    got = itsp.rtp.exchange(a.media[1:3], pbx.rtp, b.media[1:3], n=3)
    assert all(len(g) >= 3 for g in got)
    time.sleep(1.2)  # what the refused re-INVITE had taken is in quarantine for a second
    calls.append(connect(itsp, pbx, ITSP))
    no = Dialog.invite(itsp, ITSP, "+4930123456", offer(itsp))
    no.ack(itsp.expect("503"))
    pbx.nothing(0.1)
    for x, y in calls:
        hang_up(x, y)
    time.sleep(1.2)
    hang_up(*connect(itsp, pbx, ITSP))


def test_a_port_is_not_used_again_at_once(itsp, pbx):
    """Late packets of the last call must not be heard in the next one."""
    a, b = connect(itsp, pbx, ITSP)
    first = a.media[2]
    hang_up(a, b)
    a, b = connect(itsp, pbx, ITSP)
    assert a.media[2] != first
    hang_up(a, b)


def test_a_record_routing_proxy_on_tcp(lab, sbc, pbx):
    """The carrier's INVITE comes over TCP by a proxy that stays in the way and names another place of its own: what we send goes there, and not back
    into the connection."""
    with Peer(lab, "peer", "198.51.100.66", user="proxy") as proxy:
        proxy.rtp = Stream(lab, "peer", proxy.ip)
        conn = lab.tcp("peer", "198.51.100.66", ITSP)
        port = conn.getsockname()[1]
        call_id, tag = token(16), token()
        text = proxy.request("INVITE", "sip:+4930@198.51.100.11", "<sip:+4930@198.51.100.11>", f"<sip:c@198.51.100.66>;tag={tag}", call_id, 1, "z9hG4bK" + token(),
                             headers=["Record-Route: <sip:[2001:db8:a::66]:5060;lr>"], body=offer(proxy))
        conn.sendall(text.replace("SIP/2.0/UDP 198.51.100.66:5060", f"SIP/2.0/TCP 198.51.100.66:{port}").encode())
        invite = pbx.expect("INVITE")
        b = Dialog.accepted(pbx, invite)
        pbx.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(pbx))
        pbx.expect("ACK")
        conn.settimeout(3)
        ok = Message(conn.recv(8192).split(b"SIP/2.0 200")[-1].join([b"SIP/2.0 200", b""]))
        ack = proxy.request("ACK", ok.contact_uri(), ok.get("To"), ok.get("From"), call_id, 1, "z9hG4bK" + token(), contact=False)
        conn.sendall(ack.replace("SIP/2.0/UDP 198.51.100.66:5060", f"SIP/2.0/TCP 198.51.100.66:{port}").encode())
        with Peer(lab, "peer", "2001:db8:a::66", user="six") as six:
            time.sleep(0.1)
            b.request("BYE", contact=False)
            pbx.expect("200 BYE")
            bye = six.expect("BYE")
            assert "SIP/2.0/UDP" in bye.get("Via") and bye.get("Route") == "<sip:[2001:db8:a::66]:5060;lr>"
            six.reply(bye, 200, "OK", contact=False)
        conn.close()
        proxy.rtp.close()
    wait_for("all calls to be gone", lambda: not sbc.ctl("calls")["calls"], timeout=5)
