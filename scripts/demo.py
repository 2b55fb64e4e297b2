"""What scripts/run shows: alice, behind a NAT router, calls bob in the core network through Rempart. See scripts/run."""
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from labkit import audio                                    # noqa: E402
from labkit.baresip import Phone                            # noqa: E402
from labkit.daemon import Rempart, wait_for                 # noqa: E402
from labkit.ns import ROOT, Lab                             # noqa: E402
import subprocess                                           # noqa: E402

CALL_S = 6.0
SIP_ACCESS, SIP_CORE = "198.51.100.11", "10.77.0.11"


def say(text=""):
    print(text, flush=True)


def step(text):
    print(f"  .. {text}", flush=True)


def check(call, recordings):
    """Everything that must be true of a good call: a list of complaints, empty when all is well."""
    bad = []
    for n, leg in enumerate(call["legs"]):
        for ep in leg["endpoints"]:
            if ep.get("rx_packets", 0) < 50 * CALL_S * 0.8 or ep.get("tx_packets", 0) < 50 * CALL_S * 0.8:
                bad.append(f"leg {n}: too few packets: {ep}")
            if ep.get("lost", 1) != 0:
                bad.append(f"leg {n}: packets lost: {ep}")
    for name, (path, notes) in recordings.items():
        times = audio.find_melody(path, notes) if path else 0
        if times < 2:
            bad.append(f"{name} did not hear what was played: found {times} times in {path}")
        else:
            say(f"  {name} heard it: the melody is {times} times in {path}")
    return bad


def demo(lab, folder, run, keep):
    t0 = time.monotonic()
    step("making the lab: a NAT router, a bridge, an SBC, a core network")
    lab.up()
    subprocess.run([ROOT / "scripts/lab", "host", lab.prefix], check=False, stderr=subprocess.DEVNULL)
    mic_a, mic_b = folder / "alice.wav", folder / "bob.wav"
    audio.write_melody(mic_a, audio.MELODY, 30)
    audio.write_melody(mic_b, audio.REPLY, 30)

    step("starting Rempart")
    sbc = Rempart(lab, ROOT / "config/lab.yaml", run)
    phones = []
    try:
        sbc.start()
        alice = Phone(lab, "phone", "alice", "wonderland", "192.168.77.2", SIP_ACCESS, folder / "alice", mic_a)
        bob = Phone(lab, "core", "bob", "builder", "10.77.0.20", SIP_CORE, folder / "bob", mic_b)
        step("alice (192.168.77.2, behind the NAT router) and bob (10.77.0.20) register")
        for p in (alice, bob):
            phones.append(p.start())
        wait_for("both registrations", lambda: len(sbc.ctl("reg", "list")["registrations"]) == 2, timeout=10)
        say(sbc.ctl_text("reg", "list"))
        step("alice calls bob, playing a melody; bob plays another")
        alice.dial(f"sip:bob@{SIP_ACCESS}")
        calls = wait_for("the answer", lambda: [c for c in sbc.ctl("calls")["calls"] if c["state"] == "active"], timeout=10)
        time.sleep(CALL_S)
        call_id = calls[0]["id"]
        call = sbc.ctl("call", "show", call_id)
        say()
        say(sbc.ctl_text("call", "show", call_id))
        alice.hangup()
        wait_for("the end of the call", lambda: not sbc.ctl("calls")["calls"], timeout=5)
        for p in phones:
            wait_for(f"{p.name}'s recording", p.recording, timeout=3)
        for p in phones:
            p.stop()
        say(f"{call['from']} called {call['to']}: answered after {call['setup_ms']} ms, talked for {call['talk_ms'] / 1000:.1f} s")
        bad = check(call, {"bob": (bob.recording(), audio.MELODY), "alice": (alice.recording(), audio.REPLY)})
        for b in bad:
            say(f"  FAILED: {b}")
        say(f"\n{'FAILED' if bad else 'ok'} after {time.monotonic() - t0:.1f} s; everything is in {folder}")
        if keep and not bad:
            stay(sbc)
        if bad:
            say(f"Rempart's log ended with:\n{sbc.tail(15)}")
        return 1 if bad else 0
    finally:
        undisturbed()
        for p in phones:
            p.stop()
        sbc.stop()


def stay(sbc):
    say(f"""
Rempart stays up until Ctrl-C. Your own softphone, on this machine, can join in:
  registrar   sip:{SIP_ACCESS}:5060 (UDP or TCP)
  user        carol, password christmas     (alice/wonderland and bob/builder are free now, too)
  dial        sip:600@{SIP_ACCESS} to hear yourself, sip:bob@{SIP_ACCESS} once somebody registered as bob
  watch       {' '.join(sbc.ctl_cmd('calls'))}
              tail -f {sbc.log}""")
    try:
        signal.pause()
    except KeyboardInterrupt:
        say()


def undisturbed():
    """From here on nothing interrupts the cleaning up: no second Ctrl-C, no terminal that goes away."""
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, signal.SIG_IGN)


def interrupted(*_):
    undisturbed()
    raise KeyboardInterrupt


def main():
    once = "--once" in sys.argv[1:]
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, interrupted)
    folder = ROOT / "build/demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run = tempfile.TemporaryDirectory(prefix="rempart-demo-")
    lab = Lab("rd%d" % (os.getpid() % 10000))
    try:
        return demo(lab, folder, run.name, not once)
    except (RuntimeError, subprocess.SubprocessError, OSError) as e:
        say(f"FAILED: {e}\nThe logs of Rempart and of the phones are in {folder}")
        return 1
    except KeyboardInterrupt:
        return 1
    finally:
        undisturbed()
        lab.down()
        log = Path(run.name) / "rempart.log"
        if log.exists():
            shutil.copy(log, folder)
        run.cleanup()
        subprocess.run(["ip", "link", "del", f"{lab.prefix}-host"], stderr=subprocess.DEVNULL, check=False)


if __name__ == "__main__":
    sys.exit(main())
