"""Hostile input: garbage on every port, strangers' RTP, exhausted pools. What matters is what does not happen."""
import os
import random
import time

import pytest

from rtp import Stream, packet
from sip import Dialog, Peer
from parties import ACCESS, CORE, call, hang_up, offer


def test_garbage_on_sip_ports_disturbs_nothing(lab, sbc, alice, bob):
    rng = random.Random(1)
    a, b, _ = call(alice, bob)
    with Peer(lab, "peer", "198.51.100.66", port=0, user="mallory") as m:
        template = alice.request("OPTIONS", "sip:198.51.100.11", "<sip:198.51.100.11>").encode()
        for i in range(3000):
            kind = i % 4
            if kind == 0:
                data = rng.randbytes(rng.randint(0, 1400))
            elif kind == 1:
                data = bytearray(template)
                for _ in range(rng.randint(1, 8)):
                    data[rng.randrange(len(data))] = rng.randrange(256)
            elif kind == 2:
                data = template[:rng.randrange(len(template))]
            else:
                data = b"INVITE sip:bob@198.51.100.11 SIP/2.0\r\n" + b"Via: ;\r\n" * rng.randint(1, 900)
            m.send(bytes(data), ACCESS)
        m.drain()
    to_a, to_b = a.media[1:3], b.media[1:3]
    assert all(len(x) >= 10 for x in alice.rtp.exchange(to_a, bob.rtp, to_b))
    hang_up(a, b)
    assert sbc.child("rempart-control")


def test_garbage_on_media_ports_disturbs_nothing(lab, sbc, alice, bob):
    a, b, _ = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]
    assert all(len(x) >= 10 for x in alice.rtp.exchange(to_a, bob.rtp, to_b))
    bob.rtp.receive(200, 0.1)
    mallory = Stream(lab, "peer", "198.51.100.66")
    rng = random.Random(2)
    for i in range(5000):
        mallory.sock.sendto(rng.randbytes(rng.randint(0, 300)), (to_a[0], to_a[1] + (i & 1)))
        mallory.sock.sendto(packet(i, i * 160, 0xBADBAD, 0, b"\x00" * 160), ("198.51.100.10", rng.randint(20000, 29999)))
    before = bob.rtp.receive(10, 0.3)
    assert not before, "nothing of the attacker's reached bob"
    assert not mallory.receive(1, 0.2), "nothing reached the attacker"
    sent = alice.rtp.sent
    alice.rtp.send(to_a, 50, pace_s=0.002)
    assert len(bob.rtp.receive(50, 2)) == 50, "not a packet of the call was lost"
    assert alice.rtp.sent == sent + 50
    mallory.close()
    hang_up(a, b)


def test_rtp_from_a_wrong_address_diverts_nothing(lab, sbc, alice, bob):
    """RTP bleed: an attacker sprays before, during and after the latch."""
    mallory = Stream(lab, "nat", "198.51.100.2")
    a, b, _ = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]
    mallory.send(to_a, 20)
    got_b = bob.rtp.receive(5, 0.3)
    assert not got_b, "a stranger may not speak to bob before alice does"
    bob.rtp.send(to_b, 20)
    assert not mallory.receive(1, 0.3), "a stranger must not get bob's media"
    assert all(len(x) >= 10 for x in alice.rtp.exchange(to_a, bob.rtp, to_b))
    mallory.send(to_a, 200)
    alice.rtp.receive(1000, 0.1)
    bob.rtp.receive(1000, 0.2)
    bob.rtp.send(to_b, 20)
    assert len(alice.rtp.receive(20, 1)) == 20
    assert not mallory.receive(1, 0.2)
    hang_up(a, b)
    mallory.send(to_a, 20)
    assert not bob.rtp.receive(1, 0.2)
    mallory.close()


class TestPortExhaustion:
    @pytest.fixture(scope="class")
    def tight(self, lab, tmp_path_factory):
        """Rempart of its own with room for two calls on the core's side."""
        from conftest import CONFIG
        from labkit.daemon import Rempart
        folder = tmp_path_factory.mktemp("tight")
        text = CONFIG.replace("core: {interface: core, ports: 20000-29999}", "core: {interface: core, ports: 20000-20003, quarantine: 0s}")
        (folder / "rempart.yaml").write_text(text)
        r = Rempart(lab, folder / "rempart.yaml", folder)
        yield r
        r.stop()

    def test_third_call_is_503_and_room_comes_back(self, lab, sbc, tight):
        from sip import register
        sbc.stop()
        tight.start()
        try:
            with Peer(lab, "peer", "198.51.100.66", user="alice") as a_peer, Peer(lab, "core", "10.77.0.20", user="bob") as b_peer:
                for p, sbc_addr, pw in ((a_peer, ACCESS, "wonderland"), (b_peer, CORE, "builder")):
                    register(p, sbc_addr, pw)
                    p.rtp = Stream(lab, p.host, p.ip)
                up = [call(a_peer, b_peer)[:2] for _ in range(2)]
                d = Dialog.invite(a_peer, ACCESS, "bob", offer(a_peer))
                d.ack(a_peer.expect("503"))
                hang_up(*up[0])
                time.sleep(0.1)
                up[0] = call(a_peer, b_peer)[:2]
                for pair in up:
                    hang_up(*pair)
                for p in (a_peer, b_peer):
                    p.rtp.close()
        finally:
            tight.stop()
            sbc.start()


def test_no_leak_over_garbage_and_calls(sbc, alice, bob):
    """Resident memory of control after many aborted calls stays where it was."""
    def rss():
        with open(f"/proc/{sbc.child('rempart-control')}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def burst():
        for _ in range(100):
            a = Dialog.invite(alice, ACCESS, "bob", offer(alice))
            invite = bob.expect("INVITE")
            bob.reply(invite, 486, "Busy Here", to_tag="x", contact=False)
            bob.expect("ACK")
            a.ack(alice.expect("486"))
    burst()
    before = rss()
    burst()
    assert rss() - before < 2 << 20
