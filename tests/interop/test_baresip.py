"""Two baresip phones, one behind the NAT router, one in the core: they register, call, hear each other, and hang up from either side."""
import pytest

from labkit import audio
from labkit.baresip import Phone
from labkit.daemon import wait_for

SIP_ACCESS, SIP_CORE = "198.51.100.11", "10.77.0.11"


@pytest.fixture(params=["udp", "tcp"])
def phones(request, lab, sbc, tmp_path):
    tmp_path = tmp_path / "a folder"    # the whole tree may stand behind a space
    tmp_path.mkdir()
    mics = {}
    for name, notes in (("alice", audio.MELODY), ("bob", audio.REPLY)):
        mics[name] = tmp_path / f"{name}.wav"
        audio.write_melody(mics[name], notes, 20)
    alice = Phone(lab, "phone", "alice", "wonderland", "192.168.77.2", SIP_ACCESS, tmp_path / "alice", mics["alice"], transport=request.param)
    bob = Phone(lab, "core", "bob", "builder", "10.77.0.20", SIP_CORE, tmp_path / "bob", mics["bob"], transport=request.param)
    for p in (alice, bob):
        p.start()
    wait_for("both registrations", lambda: len(sbc.ctl("reg", "list")["registrations"]) == 2)
    yield alice, bob
    for p in (alice, bob):
        p.stop()
    wait_for("both to be gone", lambda: not sbc.ctl("reg", "list")["registrations"])


@pytest.mark.parametrize("caller", ["alice", "bob"])
def test_call_with_melodies(sbc, phones, caller):
    alice, bob = phones
    first, second = (alice, bob) if caller == "alice" else (bob, alice)
    host = SIP_ACCESS if first is alice else SIP_CORE
    first.dial(f"sip:{second.name}@{host}")
    call = wait_for("the answer", lambda: [c for c in sbc.ctl("calls")["calls"] if c["state"] == "active"])[0]

    def packets():
        legs = sbc.ctl("call", "show", call["id"])["legs"]
        return len(legs) == 2 and all(leg["endpoints"][0].get("rx_packets", 0) > 220 for leg in legs)
    wait_for("five seconds of media", packets, timeout=15, step=0.2)
    legs = sbc.ctl("call", "show", call["id"])["legs"]
    assert all(leg["endpoints"][0]["lost"] == 0 for leg in legs)
    nat = next(leg for leg in legs if leg["remote"].startswith("198.51.100.2:"))
    assert nat["endpoints"][0]["sdp"].startswith("192.168.77.2:") and nat["endpoints"][0]["latched"].startswith("198.51.100.2:")
    second.hangup()
    wait_for("the end of the call", lambda: not sbc.ctl("calls")["calls"])
    for p, notes in ((alice, audio.REPLY), (bob, audio.MELODY)):
        wait_for(f"{p.name}'s recording", p.recording)
        p.stop()
        assert audio.find_melody(p.recording(), notes) >= 1


def test_echo(sbc, phones):
    alice, _ = phones
    alice.dial(f"sip:600@{SIP_ACCESS}")
    call = wait_for("the answer", lambda: [c for c in sbc.ctl("calls")["calls"] if c["state"] == "active"])[0]
    wait_for("media", lambda: sbc.ctl("call", "show", call["id"])["legs"][0]["endpoints"][0].get("tx_packets", 0) > 200, timeout=15, step=0.2)
    alice.hangup()
    wait_for("the end of the call", lambda: not sbc.ctl("calls")["calls"])
    alice.stop()
    assert audio.find_melody(alice.recording(), audio.MELODY) >= 1
