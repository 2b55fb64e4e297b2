"""SIPp in a lab namespace, and what it counted."""
import csv
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from .ns import ROOT

SCENARIOS = ROOT / "tests/func/sipp"


class Sipp:
    """One SIPp. args are its own options; its screen goes nowhere, its errors and counts into a folder."""

    def __init__(self, lab, host, ip, *args, target=None):
        self.folder = tempfile.TemporaryDirectory(prefix="sipp-")
        self.stat_file = Path(self.folder.name) / "stat.csv"
        self.errors = Path(self.folder.name) / "errors.log"
        argv = ["sipp", *([target] if target else []), "-i", ip, "-nostdin", "-trace_stat", "-stf", self.stat_file, "-fd", "1",
                "-trace_err", "-error_file", self.errors, *args]
        # SIPp needs a terminal's name for its screen.
        self.proc = lab.popen(host, *argv, cwd=self.folder.name, env=dict(os.environ, TERM="xterm"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def wait(self, timeout):
        """Exit status: 0 when every call was good."""
        return self.proc.wait(timeout)

    def stop(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(3)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        self.folder.cleanup()

    def counts(self):
        """The last row of its statistics, by column name."""
        with open(self.stat_file, newline="") as f:
            rows = list(csv.DictReader(f, delimiter=";"))
        return rows[-1] if rows else {}

    def error_text(self):
        return self.errors.read_text(errors="replace")[-3000:] if self.errors.exists() else ""


def scenario(name, folder, **replace):
    """A scenario file with NAMES in it replaced, written into folder."""
    text = (SCENARIOS / name).read_text()
    for key, value in replace.items():
        text = text.replace(key, str(value))
    path = Path(folder) / name
    path.write_text(text)
    return path


def alaw_file(path, seconds=30):
    """Raw G.711 A-law to speak from."""
    Path(path).write_bytes(bytes((0xD5 ^ (i // 40 % 2) * 0x15) for i in range(8000 * seconds)))
    return path
