"""A dataplane alone on two wires of its own: namespaces left, sbc and right, veth pairs between them, rempart-dataplane in sbc."""
import os
import signal
import subprocess
import time

from labkit.daemon import BIN
from labkit.ns import Lab

LEFT = {"v4": "10.81.0", "v6": "2001:db8:81:", "sbc": "wleft"}
RIGHT = {"v4": "10.82.0", "v6": "2001:db8:82:", "sbc": "wright"}


class Wire(Lab):
    """left (.20) -- (.10 media, .11 kernel) sbc (.10, .11) -- (.20) right; IPv6 the same with ::10, ::11, ::20."""

    hosts = ("left", "sbc", "right")

    def sh(self, *argv, check=True):
        subprocess.run(argv, check=check, stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL)

    def up(self):
        self.down()
        for host in self.hosts:
            self.sh("ip", "netns", "add", self.ns(host))
            self.run(host, "ip", "link", "set", "lo", "up")
            self.run(host, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        for host, side in (("left", LEFT), ("right", RIGHT)):
            self.sh("ip", "link", "add", "eth0", "netns", self.ns(host), "type", "veth", "peer", "name", side["sbc"], "netns", self.ns("sbc"))
            for where, dev, last in ((host, "eth0", 20), ("sbc", side["sbc"], 11)):
                self.run(where, "ethtool", "-K", dev, "tx", "off")
                self.run(where, "ip", "addr", "add", f"{side['v4']}.{last}/24", "dev", dev)
                self.run(where, "ip", "addr", "add", f"{side['v6']}:{last}/64", "dev", dev, "nodad")
                self.run(where, "ip", "link", "set", dev, "up")
        return self

    def down(self):
        for host in self.hosts:
            self.sh("ip", "netns", "del", self.ns(host), check=False)


def config(run_dir, left_vdev, right_vdev):
    return f"""version: 1
system: {{run_dir: {run_dir}}}
dataplane:
  ports:
    left: {{vdev: "{left_vdev}"}}
    right: {{vdev: "{right_vdev}"}}
interfaces:
  left: {{port: left, address: [{LEFT['v4']}.10/24, "{LEFT['v6']}:10/64"], sip_address: {LEFT['v4']}.11,
         gateway: [{LEFT['v4']}.20, "{LEFT['v6']}:20"]}}
  right: {{port: right, address: [{RIGHT['v4']}.10/24, "{RIGHT['v6']}:10/64"], sip_address: {RIGHT['v4']}.11}}
media_pools:
  left: {{interface: left, ports: 20000-20999}}
  right: {{interface: right, ports: 20000-20999}}
realms:
  left: {{interface: left, trust: trusted, media_pool: left}}
  right: {{interface: right, trust: trusted, media_pool: right}}
listeners:
  left: {{realm: left, on: ["udp:5060"]}}
  right: {{realm: right, on: ["udp:5060"]}}
"""


class Dataplane:
    """rempart-dataplane in the lab's sbc namespace, started as the parent process does: with a descriptor that tells when it is ready."""

    def __init__(self, lab, text, folder, host="sbc", args=(), fds=()):
        self.folder = folder
        self.run_dir = folder / "run"
        (folder / "dataplane.yaml").write_text(text)
        self.log = open(folder / "log", "w+b")
        ready, theirs = os.pipe()
        env = dict(os.environ, REMPART_READY_FD=str(theirs))
        self.proc = lab.popen(host, BIN / "rempart-dataplane", "-c", folder / "dataplane.yaml", *args, env=env, pass_fds=[theirs, *fds],
                              stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        os.close(theirs)
        begin = time.monotonic()
        self.ready = os.read(ready, 1) == b"1"
        self.start_s = time.monotonic() - begin
        os.close(ready)

    @property
    def socket(self):
        return self.run_dir / "media.sock"

    def text(self):
        return (self.folder / "log").read_text(errors="replace")

    def cpus_of_threads(self):
        """CPUs each thread may run on, as the kernel writes them."""
        out = []
        for task in os.listdir(f"/proc/{self.proc.pid}/task"):
            status = open(f"/proc/{self.proc.pid}/task/{task}/status").read()
            out.append(status.split("Cpus_allowed_list:")[1].split()[0])
        return out

    def cpu_s(self):
        """Processor time so far."""
        fields = open(f"/proc/{self.proc.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, timeout=10):
        """As the parent does; the exit status."""
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        try:
            return self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise
        finally:
            self.log.close()
