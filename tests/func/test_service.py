"""config/rempart.service: its capabilities are enough for a user without any other right, and systemd hears when Rempart is ready and when it stops."""
import configparser
import os
import signal
import socket
import subprocess

import pytest

from conftest import CONFIG, ROOT
from labkit.daemon import BIN

UNIT = ROOT / "config/rempart.service"


@pytest.fixture(scope="module")
def service():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read(UNIT)
    return unit["Service"]


def test_it_checks_first_and_kills_in_order(service):
    assert service["ExecStart"] == service["ExecStartPre"].replace(" -t", "")
    assert service["Type"] == "notify" and service["KillMode"] == "mixed"
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"]


@pytest.mark.parametrize("text", [CONFIG, (ROOT / "config/rempart.yaml").read_text(), CONFIG.replace("udp:5060, tcp:5060", "udp:506, tcp:506")],
                         ids=["net_af_packet", "net_tap", "low ports"])
def test_its_capabilities_are_enough(lab, service, tmp_path, text):
    caps = ",".join("+" + x.removeprefix("CAP_").lower() for x in service["AmbientCapabilities"].split())
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--inh-caps=-all," + caps, "--ambient-caps=-all," + caps,
            "--bounding-set=-all," + caps]
    if subprocess.run([*user, "test", "-x", BIN / "rempartd"], check=False).returncode:
        pytest.skip("nobody but root may read this folder")
    (tmp_path / "r.yaml").write_text(text)
    for p in (tmp_path, *tmp_path.parents):
        if str(p).startswith("/tmp/"):
            p.chmod(p.stat().st_mode | 0o055)
    (tmp_path / "r.yaml").chmod(0o644)
    run = tmp_path / "run"
    run.mkdir()
    os.chown(run, 65534, 65534)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        (tmp_path / "notify").chmod(0o777)
        notify.settimeout(20)
        env = dict(os.environ, RUNTIME_DIRECTORY=str(run), STATE_DIRECTORY=str(run / "state"), NOTIFY_SOCKET=str(tmp_path / "notify"))
        with open(tmp_path / "log", "wb") as log:
            p = lab.popen("sbc", *user, BIN / "rempartd", "-c", tmp_path / "r.yaml", env=env, stdin=subprocess.DEVNULL, stderr=log)
        try:
            assert notify.recv(100) == b"READY=1"
            p.send_signal(signal.SIGTERM)
            assert notify.recv(100) == b"STOPPING=1"
            assert p.wait(15) == 0
        except TimeoutError:
            pytest.fail((tmp_path / "log").read_text())
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
