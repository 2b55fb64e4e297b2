"""Rempart as a user starts it: rempartd in the lab's sbc namespace, watched through rempartctl."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from .ns import ROOT

BIN = Path(os.environ.get("REMPART_BIN", ROOT / "build/gcc/bin"))


class Rempart:
    def __init__(self, lab, config, folder, host="sbc"):
        """config: a path. folder: where run_dir, state_dir and the log go."""
        self.lab, self.config, self.host = lab, Path(config), host
        self.folder = Path(folder)
        self.run_dir = self.folder / "run"
        self.log = self.folder / "rempart.log"
        self.proc = None

    def start(self, timeout=20, log=None, closed=False):
        """log: a descriptor in the log file's place. closed: started with descriptors 0 to 2 closed."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        env = dict(os.environ, RUNTIME_DIRECTORY=str(self.run_dir), STATE_DIRECTORY=str(self.folder / "state"))
        argv = [BIN / "rempartd", "-c", self.config]
        if closed:
            argv = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *argv]
        self.proc = self.lab.popen(self.host, *argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=open(self.log, "ab") if log is None else log)
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.proc.poll() is not None:
                raise RuntimeError(f"rempartd ended with {self.proc.returncode}:\n{self.tail()}")
            if self.ctl_try("status") is not None:
                return self
            time.sleep(0.02)
        raise RuntimeError(f"rempartd was not ready in {timeout} s:\n{self.tail()}")

    def stop(self, timeout=15):
        """Ends it as an operator does; returns the exit status."""
        if self.proc is None:
            return None
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(timeout)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
                raise RuntimeError(f"rempartd did not end in {timeout} s:\n{self.tail()}")
        code, self.proc = self.proc.returncode, None
        return code

    def ctl_cmd(self, *args):
        return [str(BIN / "rempartctl"), "--socket", str(self.run_dir / "control.sock"), *args]

    def ctl_try(self, *args):
        """The command's JSON, or None when it failed."""
        r = subprocess.run(self.ctl_cmd(*args, "-o", "json"), capture_output=True, text=True, timeout=10)
        return json.loads(r.stdout) if r.returncode == 0 else None

    def ctl(self, *args):
        r = subprocess.run(self.ctl_cmd(*args, "-o", "json"), capture_output=True, text=True, timeout=10)
        if r.returncode != 0:
            raise RuntimeError(f"rempartctl {' '.join(args)}: exit {r.returncode}: {r.stderr}")
        return json.loads(r.stdout)

    def ctl_text(self, *args):
        return subprocess.run(self.ctl_cmd(*args), capture_output=True, text=True, timeout=10, check=True).stdout

    def child(self, name):
        """PID of rempart-control or rempart-dataplane; None while it is not there."""
        kids = subprocess.run(["pgrep", "-P", str(self.proc.pid), "-f", name], capture_output=True, text=True).stdout.split()
        return int(kids[0]) if kids else None

    def tail(self, lines=30):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(no log)"


def wait_for(what, fn, timeout=10, step=0.02):
    """Calls fn until it gives something true, which is returned; RuntimeError naming `what` after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > end:
            raise RuntimeError(f"timed out after {timeout} s waiting for {what}")
        time.sleep(step)
