"""Malformed SIP on the wire: who gets which answer, and who gets none."""
import socket

import pytest

from parties import ACCESS, CORE
from sip import Message, Peer

BAD = {
    "negative content length": ("Content-Length: 0", "Content-Length: -5", "400"),
    "two content lengths": ("Content-Length: 0", "Content-Length: 0\r\nContent-Length: 3", "400"),
    "unknown version": (" SIP/2.0\r\n", " SIP/7.0\r\n", "505"),
    "quoted string without an end": ("From: ", 'From: "open ', "400"),
    "CSeq of another method": (" OPTIONS\r\nContact", " INVITE\r\nContact", "400"),
    "no To": ("To: ", "Too: ", "400"),
    "unbracketed IPv6": ("sip:10.77.0.11 SIP", "sip:2001:db8::1 SIP", "400"),
}


def mutated(peer, old, new):
    text = peer.request("OPTIONS", "sip:10.77.0.11", "<sip:10.77.0.11>")
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize("name", BAD)
def test_a_known_peer_is_told(lab, sbc, bob, name):
    old, new, status = BAD[name]
    bob.send(mutated(bob, old, new), CORE)
    m = bob.expect(status)
    assert m.get("Call-ID") and m.get("Via")


@pytest.mark.parametrize("name", BAD)
def test_an_unknown_source_hears_nothing_over_udp(lab, sbc, name):
    old, new, _ = BAD[name]
    with Peer(lab, "peer", "198.51.100.66", port=5090, user="mallory") as m:
        m.send(mutated(m, old, new), ACCESS)
        m.nothing(0.2)


def test_a_stream_is_answered_and_closed_when_its_framing_is_lost(lab, sbc):
    s = lab.tcp("peer", "198.51.100.66", ACCESS)
    with Peer(lab, "peer", "198.51.100.66", port=5091, user="mallory") as m:
        text = mutated(m, "Content-Length: 0", "Content-Length: 0\r\nContent-Length: 3").replace("SIP/2.0/UDP", "SIP/2.0/TCP")
    s.sendall(text.encode())
    s.settimeout(3)
    data = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            break
        data += piece
    assert Message(data).status == 400
    s.close()


def test_two_messages_in_one_segment_and_one_in_pieces(lab, sbc):
    s = lab.tcp("core", "10.77.0.20", CORE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with Peer(lab, "core", "10.77.0.20", port=5092, user="peer") as m:
        one, two = (m.request("OPTIONS", "sip:10.77.0.11", "<sip:10.77.0.11>").replace("SIP/2.0/UDP", "SIP/2.0/TCP") for _ in range(2))
    s.settimeout(3)
    s.sendall((one + two).encode())
    data = b""
    while data.count(b"SIP/2.0 200") < 2:
        data += s.recv(65536)
    for i in range(0, len(one), 37):
        s.sendall(one.replace("z9hG4bK", "z9hG4bKx").encode()[i:i + 37])
    s.sendall(one.replace("z9hG4bK", "z9hG4bKx").encode()[((len(one) - 1) // 37 + 1) * 37:])
    assert b"SIP/2.0 200" in s.recv(65536)
    s.sendall(b"\r\n\r\n")
    assert s.recv(10) == b"\r\n", "RFC 5626 keepalive"
    s.close()
