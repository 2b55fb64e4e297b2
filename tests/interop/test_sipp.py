"""SIPp's own scenarios and its digest client."""
from labkit.sipp import SCENARIOS, Sipp


def test_registration_with_digest(lab, sbc):
    s = Sipp(lab, "peer", "198.51.100.66", "-sf", SCENARIOS / "register.xml", "-s", "alice", "-m", "1", "-p", "5070", "-timeout", "10s", target="198.51.100.11:5060")
    try:
        assert s.wait(15) == 0, s.error_text()
        assert [r["user"] for r in sbc.ctl("reg", "list")["registrations"]] == ["alice"]
    finally:
        s.stop()
