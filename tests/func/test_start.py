"""rempartd as an operator meets it: checking a file, and every way in which a start can fail, each with one sentence that says what to do."""
import os
import re
import signal
import subprocess

import pytest

from conftest import CONFIG, ROOT
from labkit.daemon import BIN, Rempart, wait_for
from parties import ACCESS
from rtp import Stream
from sip import Dialog, Peer, register, sdp


def run(lab, tmp_path, text, *args, host="sbc", timeout=30):
    path = tmp_path / "r.yaml"
    path.write_text(text)
    env = dict(os.environ, RUNTIME_DIRECTORY=str(tmp_path / "run"), STATE_DIRECTORY=str(tmp_path / "state"))
    return subprocess.run(lab.cmd(host, BIN / "rempartd", "-c", path, *args), capture_output=True, text=True, env=env, timeout=timeout, check=False)


def test_good_file(lab, tmp_path):
    r = run(lab, tmp_path, CONFIG, "-t")
    assert r.returncode == 0, r.stderr


def test_all_errors_at_once_with_places(lab, tmp_path):
    text = CONFIG.replace("trust: untrusted, media_pool: acc", "trust: sometimes, media_pool: ac").replace("media_pools:", "media_pool:", 1)
    r = run(lab, tmp_path, text, "-t")
    assert r.returncode == 1
    lines = [x for x in r.stderr.splitlines() if "error:" in x]
    assert len(lines) >= 2, r.stderr
    assert any("did you mean 'media_pools'" in x for x in lines), r.stderr
    assert any("sometimes" in x for x in lines), r.stderr
    for x in lines:
        name, line, column = x.split(": ")[0].rsplit(":", 2)
        assert name.endswith("r.yaml") and int(line) > 0 and int(column) > 0
    assert run(lab, tmp_path, text).returncode == 1, "and it does not start with it"


def test_what_is_not_there_yet_is_refused(lab, tmp_path):
    r = run(lab, tmp_path, CONFIG + "cluster: {heartbeat: 100ms}\n", "-t")
    assert r.returncode == 1 and "not supported yet" in r.stderr


@pytest.mark.parametrize("args, word", [(["--nonsense"], "nonsense"), ([], "-c FILE is missing"), (["-t"], "-c FILE is missing"), (["-t", "-c", ""], "-c FILE is missing"),
                                        (["-c", "a.yaml", "b.yaml"], "b.yaml"), (["-c"], "requires an argument")])
def test_usage(args, word):
    r = subprocess.run([BIN / "rempartd", *args], capture_output=True, text=True, check=False)
    assert r.returncode == 2
    assert word in r.stderr.splitlines()[0] and "usage" in r.stderr and not r.stdout


def test_folder_too_deep_for_sockets(lab, tmp_path):
    """A socket's path has 107 bytes, so the folder is judged before anything starts."""
    r = run(lab, tmp_path, CONFIG + f"system: {{run_dir: /tmp/{'x' * 100}}}\n")
    assert r.returncode == 1
    assert "run_dir" in r.stderr and "too long" in r.stderr and "dataplane" not in r.stderr
    assert not os.path.exists("/tmp/" + "x" * 100)


def test_without_root(lab, tmp_path):
    """One sentence that says what to do: no folder for the sockets; then, with one, no right to the devices."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    config = tmp_path / "r.yaml"
    config.write_text(CONFIG)
    for p in (config, *config.parents):
        if str(p).startswith("/tmp/"):
            p.chmod(p.stat().st_mode | 0o055)
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    if subprocess.run([*nobody, "test", "-x", BIN / "rempartd"], check=False).returncode:
        pytest.skip("nobody but root may read this folder")
    for env, words in (({"RUNTIME_DIRECTORY": "/proc/rempart", "STATE_DIRECTORY": "/proc/rempart"}, ("system.run_dir", "root")),
                       ({"RUNTIME_DIRECTORY": str(folder / "run"), "STATE_DIRECTORY": str(folder / "state")}, ("CAP_NET_RAW", "root"))):
        r = subprocess.run(lab.cmd("sbc", *nobody, BIN / "rempartd", "-c", config), capture_output=True, text=True, env=dict(os.environ, **env), timeout=20, check=False)
        assert r.returncode == 1
        said = [x for x in r.stderr.splitlines() if not x.startswith("ts=") and "warning:" not in x]
        assert len(said) == 1 and all(w in said[0] for w in words), r.stderr


def test_absent_interface(lab, tmp_path):
    r = run(lab, tmp_path, CONFIG.replace("iface=acc", "iface=nosuch0"))
    assert r.returncode == 1
    assert "nosuch0" in r.stderr and "core0" not in r.stderr


def test_sip_address_not_on_this_machine(lab, tmp_path):
    r = run(lab, tmp_path, CONFIG.replace("10.77.0.11", "10.77.0.99"))
    assert r.returncode == 1
    assert "10.77.0.99:5060" in r.stderr


def test_port_in_use(lab, tmp_path):
    with lab.udp("sbc", "198.51.100.11", 5060):
        r = run(lab, tmp_path, CONFIG)
    assert r.returncode == 1
    assert "198.51.100.11:5060" in r.stderr and "use" in r.stderr


def test_certificate_that_is_none(lab, tmp_path):
    """A file that is not there is seen by -t, with its place; what is wrong in one ends the start."""
    text = CONFIG.replace("on: [udp:5060, tcp:5060]}", "on: [udp:5060, tls:5061], tls: edge}", 1) + "tls: {edge: {cert: none.pem, key: {file: r.yaml}}}\n"
    r = run(lab, tmp_path, text, "-t")
    assert r.returncode == 1
    assert re.search(r"r\.yaml:\d+:20: error: cert: cannot read .*none\.pem: there is no such file", r.stderr)
    r = run(lab, tmp_path, text.replace("none.pem", "r.yaml"))
    assert r.returncode == 1
    assert "tls 'edge'" in r.stderr and "holds no certificate that can be used" in r.stderr


def test_no_hugepages(lab, tmp_path):
    if int(open("/proc/sys/vm/nr_hugepages").read()) != 0:
        pytest.skip("this machine has hugepages reserved")
    r = run(lab, tmp_path, CONFIG.replace("dataplane:\n", "dataplane:\n  memory: {huge: 1G}\n"))
    assert r.returncode == 1
    assert "nr_hugepages" in r.stderr


def test_second_instance(lab, tmp_path):
    (tmp_path / "r.yaml").write_text(CONFIG)
    first = Rempart(lab, tmp_path / "r.yaml", tmp_path)
    first.start()
    try:
        r = run(lab, tmp_path, CONFIG)
        assert r.returncode == 1 and "run" in r.stderr
    finally:
        assert first.stop() == 0


def test_dead_dataplane_comes_back_and_running_calls_have_media_again(lab, tmp_path):
    (tmp_path / "r.yaml").write_text(CONFIG)
    r = Rempart(lab, tmp_path / "r.yaml", tmp_path)
    r.start()
    try:
        with Peer(lab, "peer", "198.51.100.66", user="alice") as alice:
            rtp = Stream(lab, "peer", alice.ip)
            register(alice, ACCESS, "wonderland")
            a = Dialog.invite(alice, ACCESS, "600", sdp(alice.ip, rtp.port))
            ok = alice.expect("200 INVITE")
            a.ack(ok)
            to = ok.sdp_media()[0][1:3]
            rtp.send(to, 10, pace_s=0.005)
            assert rtp.receive(10, 2)
            old, control = r.child("rempart-dataplane"), r.child("rempart-control")
            os.kill(old, signal.SIGKILL)
            wait_for("the dataplane's return", lambda: r.child("rempart-dataplane") not in (None, old), timeout=10)
            wait_for("its endpoints", lambda: (r.ctl_try("status") or {}).get("media", {}).get("endpoints"), timeout=10)
            rtp.receive(500, 0.1)
            rtp.send(to, 50, pace_s=0.005)
            assert len(rtp.receive(45, 2)) >= 45, "the same call, on the same ports"
            assert r.child("rempart-control") == control
            a.bye()
            rtp.close()
    finally:
        assert r.stop() == 0


def test_nothing_is_left_after_sigterm(lab, tmp_path):
    (tmp_path / "r.yaml").write_text(CONFIG)
    r = Rempart(lab, tmp_path / "r.yaml", tmp_path)
    r.start()
    assert r.stop() == 0
    assert not list(r.run_dir.rglob("*.sock"))
    assert not list(r.run_dir.rglob("*.pid"))


def test_a_log_that_nobody_reads_stops_nothing(lab, tmp_path):
    """A pager that ends, a log collector that restarts: the lines are lost, the calls are not."""
    (tmp_path / "r.yaml").write_text(CONFIG)
    r = Rempart(lab, tmp_path / "r.yaml", tmp_path)
    reader, writer = os.pipe()
    r.start(log=writer)
    os.close(writer)
    os.close(reader)
    try:
        for _ in range(3):
            r.proc.send_signal(signal.SIGHUP)    # it logs
            assert r.ctl("status")["state"] == "running"
        os.kill(r.child("rempart-control"), signal.SIGKILL)
        wait_for("control's return", lambda: r.ctl_try("status"), timeout=10)
    finally:
        assert r.stop() == 0


def test_started_without_standard_descriptors(lab, tmp_path):
    """Else a log line would go into whatever socket or file is opened as number 2."""
    (tmp_path / "r.yaml").write_text(CONFIG)
    r = Rempart(lab, tmp_path / "r.yaml", tmp_path)
    r.start(closed=True)
    try:
        for pid in (r.proc.pid, r.child("rempart-control"), r.child("rempart-dataplane")):
            assert [os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)] == ["/dev/null"] * 3
    finally:
        assert r.stop() == 0


def test_nothing_is_left_of_a_control_that_hangs(lab, tmp_path):
    (tmp_path / "r.yaml").write_text(CONFIG)
    r = Rempart(lab, tmp_path / "r.yaml", tmp_path)
    r.start()
    os.kill(r.child("rempart-control"), signal.SIGSTOP)
    assert r.stop() == 0
    assert not list(r.run_dir.rglob("*.sock"))


def test_sigterm_ends_calls_even_if_nobody_answers(lab, tmp_path):
    """Running calls get some seconds to end, then BYE; a phone that never answers its BYE holds nothing up."""
    (tmp_path / "r.yaml").write_text(CONFIG)
    r = Rempart(lab, tmp_path / "r.yaml", tmp_path)
    r.start()
    with Peer(lab, "peer", "198.51.100.66", user="alice") as alice:
        register(alice, ACCESS, "wonderland")
        a = Dialog.invite(alice, ACCESS, "600", sdp(alice.ip, 40000))
        a.ack(alice.expect("200 INVITE"))
        assert r.stop(timeout=9) == 0
        alice.expect("BYE")


def test_laptop_configuration_with_a_tap_of_its_own(lab, tmp_path):
    """config/rempart.yaml as it stands: programs on the same machine call the echo over rempart0."""
    r = Rempart(lab, ROOT / "config/rempart.yaml", tmp_path)
    r.start()
    try:
        with Peer(lab, "sbc", "198.18.0.1", port=5070, user="alice") as alice:
            rtp = Stream(lab, "sbc", alice.ip)
            register(alice, ("198.18.0.1", 5060), "demo")
            a = Dialog.invite(alice, ("198.18.0.1", 5060), "600", sdp(alice.ip, rtp.port))
            ok = alice.expect("200 INVITE")
            a.ack(ok)
            rtp.send(ok.sdp_media()[0][1:3], 3)
            rtp.receive(3, 1)
            rtp.send(ok.sdp_media()[0][1:3], 50, pace_s=0.005)
            assert len(rtp.receive(50, 2)) == 50
            a.bye()
            rtp.close()
    finally:
        assert r.stop() == 0
    assert "rempart0" not in lab.run("sbc", "ip", "link").stdout
