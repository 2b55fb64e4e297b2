"""Load: 500 calls at 50 calls/s through two trunks, with media in each, and not a packet lost."""
import re

import pytest

from conftest import ROOT
from labkit import sipp
from labkit.daemon import wait_for

CALLS, RATE, TALK_MS = 500, 50, 2000


@pytest.fixture(scope="module")
def sbc_config():
    return (ROOT / "tests/data/load.yaml").read_text().replace("level: warn", "level: info")


def test_500_calls_with_media_and_no_packet_lost(lab, sbc, tmp_path):
    called = sipp.Sipp(lab, "core", "10.77.0.20", "-sf", sipp.SCENARIOS / "uas.xml", "-p", "5060", "-mi", "10.77.0.20", "-mp", "30000", "-rtp_echo")
    speech = sipp.alaw_file(tmp_path / "speech.alaw")
    caller = sipp.Sipp(lab, "peer", "198.51.100.66", "-sf", sipp.scenario("uac_rtp.xml", tmp_path, MEDIA_FILE=speech), "-s", "1234", "-p", "5060",
                       "-mi", "198.51.100.66", "-d", TALK_MS, "-r", RATE, "-m", CALLS, target="198.51.100.11:5060")
    try:
        assert caller.wait(CALLS / RATE + 40) == 0, caller.error_text() + str(caller.counts())
        wait_for("all calls to be gone", lambda: not sbc.ctl("calls")["calls"], timeout=10)
        counts = caller.counts()
        assert int(counts["SuccessfulCall(C)"]) == CALLS and int(counts["FailedCall(C)"]) == 0
    finally:
        caller.stop()
        called.stop()
    # One line a leg at each call's end, from the dataplane's final statistics.
    legs = [dict(re.findall(r"(\w+)=(\S+)", line)) for line in sbc.log.read_text().splitlines() if "event=media" in line]
    legs = [leg for leg in legs if "rx_packets" in leg]
    assert len(legs) == 2 * CALLS
    assert sum(int(leg.get("lost", 0)) for leg in legs) == 0
    by_call = {}
    for leg in legs:
        by_call.setdefault(leg["call"], []).append(leg)
    for pair in by_call.values():
        assert len(pair) == 2
        a, b = pair
        assert int(a["rx_packets"]) >= TALK_MS / 20 * 0.9 and int(b["rx_packets"]) >= TALK_MS / 20 * 0.9
        assert a["rx_packets"] == b["tx_packets"] and b["rx_packets"] == a["tx_packets"], "what one leg received the other sent"
