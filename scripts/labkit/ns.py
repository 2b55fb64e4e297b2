"""Network namespaces of scripts/lab: run programs in them, and open this process' own sockets in them."""
import ctypes
import os
import socket
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Lab:
    """One lab with its own prefix. up() makes it, down() takes it away and ends what still runs in it."""

    def __init__(self, prefix):
        self.prefix = prefix

    def up(self):
        subprocess.run([ROOT / "scripts/lab", "up", self.prefix], check=True)
        return self

    def down(self):
        for host in ("phone", "nat", "inet", "sbc", "core", "peer"):
            pids = subprocess.run(["ip", "netns", "pids", self.ns(host)], capture_output=True, text=True).stdout
            for pid in pids.split():
                if int(pid) != os.getpid():
                    try:
                        os.kill(int(pid), 9)
                    except ProcessLookupError:
                        pass
        subprocess.run([ROOT / "scripts/lab", "down", self.prefix], check=False)

    def ns(self, host):
        return f"{self.prefix}-{host}"

    def cmd(self, host, *argv):
        return ["ip", "netns", "exec", self.ns(host), *map(str, argv)]

    def popen(self, host, *argv, **kw):
        return subprocess.Popen(self.cmd(host, *argv), **kw)

    def run(self, host, *argv, **kw):
        kw.setdefault("check", True)
        kw.setdefault("capture_output", True)
        kw.setdefault("text", True)
        kw.setdefault("timeout", 30)
        return subprocess.run(self.cmd(host, *argv), **kw)

    def inside(self, host, fn, *args):
        """Calls fn(*args) in a thread that lives in the host's namespace; sockets that it opens stay there."""
        result = {}

        def body():
            try:
                with open(f"/run/netns/{self.ns(host)}") as f:
                    if _libc.setns(f.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result["value"] = fn(*args)
            except BaseException as e:  # handed to the caller below
                result["error"] = e

        t = threading.Thread(target=body)
        t.start()
        t.join()
        if "error" in result:
            raise result["error"]
        return result["value"]

    def udp(self, host, ip, port=0):
        """A bound UDP socket in the host's namespace."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET

        def make():
            s = socket.socket(family, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            s.bind((ip, port))
            return s

        return self.inside(host, make)

    def tcp(self, host, ip, to, timeout=3):
        """A connected TCP socket in the host's namespace."""
        return self.inside(host, lambda: socket.create_connection(to, timeout=timeout, source_address=(ip, 0)))
