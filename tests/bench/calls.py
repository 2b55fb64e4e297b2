"""CPU and memory of whole calls (INVITE, 100, 180, 200, ACK, BYE, 200) through two trunks, SIPp on both ends, in the lab: a table by call rate.
   REMPART_BIN=build/gcc/bin tests/bench/calls.py [RATE ...]"""
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts")]

from labkit.daemon import Rempart, wait_for     # noqa: E402
from labkit.ns import Lab                       # noqa: E402
from labkit.sipp import SCENARIOS, Sipp         # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
SECONDS = 8


def cpu_s(pid):
    """User and system time of a process so far, from the scheduler's own account (nanoseconds)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def rss_kb(pid):
    return int(next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS")).split()[1])


def run(lab, sbc, rate, hold_ms, calls, extra=()):
    called = Sipp(lab, "core", "10.77.0.20", "-sf", SCENARIOS / "uas.xml", "-p", "5060", "-mi", "10.77.0.20")
    caller = Sipp(lab, "peer", "198.51.100.66", "-sn", "uac", "-s", "1234", "-p", "5060", "-mi", "198.51.100.66", "-d", hold_ms, "-r", rate, "-m", calls,
                  "-l", 100000, *extra, target="198.51.100.11:5060")
    return called, caller


def main():
    rates = [int(x) for x in sys.argv[1:]] or [200, 500, 1000]
    lab = Lab("cb%d" % (os.getpid() % 10000)).up()
    try:
        with tempfile.TemporaryDirectory() as folder:
            sbc = Rempart(lab, ROOT / "tests/data/load.yaml", folder).start()
            control, dataplane = sbc.child("rempart-control"), sbc.child("rempart-dataplane")
            # The dataplane's worker polls whether there are calls or not: its cost without them is taken off.
            d0, t0 = cpu_s(dataplane), time.monotonic()
            time.sleep(2)
            idle = (cpu_s(dataplane) - d0) / (time.monotonic() - t0)
            print(f"idle dataplane: {100 * idle:.1f} % of one core")
            print(f"{'calls/s':>8} {'good':>7} {'failed':>7} {'control us/call':>16} {'dataplane us/call':>18}")
            for rate in rates:
                c0, d0, t0 = cpu_s(control), cpu_s(dataplane), time.monotonic()
                called, caller = run(lab, sbc, rate, 0, rate * SECONDS)
                caller.wait(SECONDS + 60)
                wait_for("all calls to be gone", lambda: not sbc.ctl("calls")["calls"], timeout=40)
                elapsed = time.monotonic() - t0
                n = caller.counts()
                good, bad = int(n["SuccessfulCall(C)"]), int(n["FailedCall(C)"])
                print(f"{rate:8} {good:7} {bad:7} {(cpu_s(control) - c0) / max(good, 1) * 1e6:16.0f} "
                      f"{max(0.0, cpu_s(dataplane) - d0 - idle * elapsed) / max(good, 1) * 1e6:18.0f}", flush=True)
                caller.stop()
                called.stop()
            n = 5000
            before = rss_kb(control), rss_kb(dataplane)
            called, caller = run(lab, sbc, 500, 25000, n)
            wait_for("all calls to stand", lambda: sbc.ctl("status")["calls"] >= n, timeout=30, step=0.2)
            time.sleep(1)
            after = rss_kb(control), rss_kb(dataplane)
            print(f"memory of an established call, {n} at once: control {(after[0] - before[0]) / n:.1f} KB, dataplane {(after[1] - before[1]) / n:.1f} KB")
            caller.wait(60)
            caller.stop()
            called.stop()
            sbc.stop()
    finally:
        lab.down()


if __name__ == "__main__":
    main()
