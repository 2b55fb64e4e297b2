"""Killing rempart-control: it comes back, and the media of running calls goes on through the gap."""
import os
import signal

from labkit.daemon import wait_for
from sip import register
from parties import ACCESS, CORE, call, hang_up


def test_media_goes_on_while_control_is_restarted(lab, sbc, alice, bob):
    a, b, _ = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]
    assert all(len(x) >= 10 for x in alice.rtp.exchange(to_a, bob.rtp, to_b))
    bob.rtp.receive(500, 0.1)
    old = sbc.child("rempart-control")
    os.kill(old, signal.SIGKILL)
    alice.rtp.send(to_a, 100, pace_s=0.005)
    assert len(bob.rtp.receive(100, 2)) == 100, "not a packet was lost in the gap"
    new = wait_for("control's return", lambda: (lambda p: p if p and p != old else None)(sbc.child("rempart-control")), timeout=10)
    assert new != old
    wait_for("the admin API", lambda: sbc.ctl_try("status"), timeout=10)
    alice.rtp.send(to_a, 100, pace_s=0.002)
    assert len(bob.rtp.receive(100, 2)) == 100, "nor after it"
    register(alice, ACCESS, "wonderland")
    register(bob, CORE, "builder")
    call_again = call(alice, bob)
    hang_up(*call_again[:2])
