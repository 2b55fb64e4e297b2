"""A baresip phone in a lab namespace: a file as microphone, a recording of what it hears, commands over its TCP control port."""
import json
import os
import signal
import subprocess
from pathlib import Path

from .daemon import wait_for

CONFIG = """\
poll_method epoll
sip_listen {ip}:{sip_port}
sip_trans_def udp
audio_source aufile,{microphone}
audio_player aubridge,sink
audio_alert aubridge,alert
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports 10000-10100
rtcp_mux no
jitter_buffer_delay 5-10
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
ctrl_tcp_listen {ip}:4444
snd_path .
"""


class Phone:
    def __init__(self, lab, host, name, password, ip, registrar, folder, microphone, sip_port=5060, transport="udp"):
        self.lab, self.host, self.name, self.ip = lab, host, name, ip
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "baresip.log"
        # baresip's configuration knows no quotes and its paths are short, so it sees none but relative ones.
        microphone = os.path.relpath(microphone, self.folder)
        (self.folder / "config").write_text(CONFIG.format(ip=ip, sip_port=sip_port, microphone=microphone))
        (self.folder / "accounts").write_text(
            f"<sip:{name}@{registrar};transport={transport}>;auth_user={name};auth_pass={password};regint=60;answermode=auto;audio_codecs=pcmu,pcma\n")
        (self.folder / "contacts").write_text("")
        self.proc = None

    def start(self):
        self.proc = self.lab.popen(self.host, "baresip", "-f", ".", cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        wait_for(f"{self.name}'s control port", lambda: self._connect(), timeout=10)
        return self

    def _connect(self):
        if self.proc.poll() is not None:
            raise RuntimeError(f"baresip of {self.name} ended:\n{self.log.read_text(errors='replace')[-2000:]}")
        try:
            self.sock = self.lab.tcp(self.host, self.ip, (self.ip, 4444), timeout=5)
            return True
        except OSError:
            return False

    def command(self, command, params=""):
        text = json.dumps({"command": command, "params": params, "token": command}).encode()
        self.sock.sendall(b"%d:%s," % (len(text), text))

    def dial(self, uri):
        self.command("dial", uri)

    def hangup(self):
        self.command("hangup")

    def recording(self):
        """Path of the newest recording of what this phone heard, or None."""
        files = sorted(self.folder.glob("dump-*-dec.wav"))
        return files[-1] if files else None

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(5)
            except subprocess.TimeoutExpired:
                self.proc.kill()
                self.proc.wait()
        self.proc = None
