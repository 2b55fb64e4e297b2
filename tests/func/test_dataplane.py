"""The dataplane alone, driven over the media channel: relays, latches, answers for its addresses, starts, stops, and says what is wrong."""
import os
import socket
import subprocess
import time

import pytest

import media_client as mc
from labkit.daemon import BIN
from media_client import MediaClient, spec
from rtp import Stream, packet, parse
from wire import LEFT, RIGHT, Dataplane, Wire, config

PORT = 20000
FAMILIES = ("v4", "v6")


def ip(side, family, last):
    return f"{side['v4']}.{last}" if family == "v4" else f"{side['v6']}:{last}"


def af_packet_config(folder):
    return config(folder / "run", f"net_af_packet,iface={LEFT['sbc']}", f"net_af_packet,iface={RIGHT['sbc']}")


@pytest.fixture(scope="module")
def wire():
    w = Wire("agent%d" % (os.getpid() % 100000))
    w.up()
    yield w
    w.down()


@pytest.fixture(scope="module")
def dp(wire, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dp")
    d = Dataplane(wire, af_packet_config(folder), folder)
    assert d.ready, d.text()
    yield d
    code = d.stop()
    assert code == 0, d.text()
    assert list(d.run_dir.iterdir()) == [], "nothing stays behind"


@pytest.fixture
def control(dp):
    c = MediaClient(dp.socket)
    for i in list(c.dump()):
        c.delete(i)
    yield c
    c.close()


class Call:
    """Two phones, left and right, and the two endpoints between them."""

    def __init__(self, lab, control, family="v4", port=PORT, **how):
        self.left = Stream(lab, "left", ip(LEFT, family, 20))
        self.right = Stream(lab, "right", ip(RIGHT, family, 20))
        self.to_left, self.to_right = (ip(LEFT, family, 10), port), (ip(RIGHT, family, 10), port)
        control.set(1, spec(self.to_left, (self.left.ip, self.left.port), sink_id=2, **how))
        control.set(2, spec(self.to_right, (self.right.ip, self.right.port), sink_id=1, **how))

    def both_ways(self, n=10):
        return self.left.exchange(self.to_left, self.right, self.to_right, n)

    def close(self):
        self.left.close()
        self.right.close()


@pytest.fixture(params=FAMILIES)
def call(request, wire, control):
    c = Call(wire, control, request.param)
    yield c
    c.close()


def assert_relayed(call, n=10):
    got_left, got_right = call.both_ways(n)
    assert len(got_left) >= n and len(got_right) >= n
    assert {src[:2] for _, src in got_left} == {call.to_left}, "from the address and port of the session description"
    assert {src[:2] for _, src in got_right} == {call.to_right}
    assert {parse(d)[3] for d, _ in got_right} == {call.left.ssrc}
    assert {parse(d)[3] for d, _ in got_left} == {call.right.ssrc}


def test_hello(control):
    assert control.hello.workers == 1
    assert control.hello.endpoints_max == 200000
    assert abs(control.hello.start_wall_ms - time.time() * 1000) < 600000


def test_start_is_quick(dp):
    assert dp.start_s < 3.0, "aim: below 1 s on an idle machine"


def test_relays_both_ways(call, control):
    assert_relayed(call)
    before = control.stats(1)
    call.left.send(call.to_left, 5)
    got = call.right.receive(5)
    assert len(got) == 5
    after = control.stats(1)
    assert after.rx_packets - before.rx_packets == 5
    assert after.rx_bytes - before.rx_bytes == 5 * 172


def test_payload_and_header_pass_unchanged(call):
    assert_relayed(call)
    call.left.receive(100, 0.05)
    call.right.receive(100, 0.05)
    sent = packet(call.left.seq, call.left.ts, call.left.ssrc, 0, os.urandom(160), marker=True)
    call.left.sock.sendto(sent, call.to_left)
    assert [d for d, _ in call.right.receive(1)] == [sent]


def test_large_packets_pass(call):
    assert_relayed(call)
    body = os.urandom(1400)
    call.left.send(call.to_left, 3, payload=body)
    assert [d[12:] for d, _ in call.right.receive(60, 0.3) if d[12:] == body] == [body] * 3


def test_packets_too_big_for_the_other_link_hold_nothing_up(wire, control):
    """From IPv4 to IPv6 a packet grows by 20 bytes. The driver would stall over each one that no longer fits the link."""
    here, there = Stream(wire, "left", ip(LEFT, "v4", 20)), Stream(wire, "right", ip(RIGHT, "v6", 20))
    to_here, to_there = (ip(LEFT, "v4", 10), PORT), (ip(RIGHT, "v6", 10), PORT)
    control.set(1, spec(to_here, (here.ip, here.port), sink_id=2))
    control.set(2, spec(to_there, (there.ip, there.port), sink_id=1))
    assert all(len(got) >= 10 for got in here.exchange(to_here, there, to_there, 10))
    before = control.totals()
    here.send(to_here, 600, pace_s=0.0002, payload=os.urandom(1460))
    after = control.totals()
    for _ in range(100):
        if after.drop["too_big"] - before.drop["too_big"] == 600:
            break
        time.sleep(0.02)
        after = control.totals()
    assert after.drop["too_big"] - before.drop["too_big"] == 600
    there.receive(1000, 0.05)
    here.send(to_here, 5)
    assert len(there.receive(5)) == 5
    here.close()
    there.close()


@pytest.mark.parametrize("family, far", [("v4", "10.99.0.5"), ("v6", "2001:db8:99::5")])
def test_behind_a_gateway(wire, control, family, far):
    wire.run("left", "ip", "addr", "replace", far, "dev", "lo")
    here = Stream(wire, "left", far)
    there = Stream(wire, "right", ip(RIGHT, family, 20))
    control.set(1, spec((ip(LEFT, family, 10), PORT), (far, here.port), sink_id=2))
    control.set(2, spec((ip(RIGHT, family, 10), PORT), (there.ip, there.port), sink_id=1))
    got_here, got_there = here.exchange((ip(LEFT, family, 10), PORT), there, (ip(RIGHT, family, 10), PORT))
    assert len(got_here) >= 10 and len(got_there) >= 10
    here.close()
    there.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_spray_from_a_wrong_source_reaches_nobody(wire, control, family):
    call = Call(wire, control, family)
    attacker = Stream(wire, "left", ip(LEFT, family, 20))
    try:
        assert_relayed(call)
        call.right.receive(100, 0.05)
        before = control.stats(1)
        for port in range(PORT, PORT + 20):
            attacker.send((call.to_left[0], port), 5)
        time.sleep(0.1)
        call.left.send(call.to_left, 3)
        got = [parse(d)[3] for d, _ in call.right.receive(100, 0.3)]
        assert got == [call.left.ssrc] * 3
        assert attacker.receive(1, 0.1) == []
        assert control.stats(1).dropped - before.dropped >= 5
        assert control.totals().drop["no_endpoint"] >= 45
    finally:
        attacker.close()
        call.close()


def test_nothing_is_sent_before_the_far_end_is_known(wire, control):
    phone = Stream(wire, "left", ip(LEFT, "v4", 20))
    other = Stream(wire, "right", ip(RIGHT, "v4", 20))
    control.set(1, spec((ip(LEFT, "v4", 10), PORT), (phone.ip, phone.port), sink_id=2))
    control.set(2, spec((ip(RIGHT, "v4", 10), PORT), sink_id=1))
    phone.send((ip(LEFT, "v4", 10), PORT), 5)
    assert other.receive(1, 0.3) == []
    assert control.totals().drop["no_target"] >= 1
    phone.close()
    other.close()


def test_echo(wire, control):
    phone = Stream(wire, "left", ip(LEFT, "v4", 20))
    to = (ip(LEFT, "v4", 10), PORT)
    control.set(7, spec(to, (phone.ip, phone.port), sink=mc.SINK_ECHO))
    end, got = time.monotonic() + 3, []
    while not got and time.monotonic() < end:
        phone.send(to)
        got = phone.receive(1, 0.05)
    assert got and got[0][1] == to
    phone.close()


def test_latched_and_timeout_come_as_events(wire, control):
    call = Call(wire, control, timeout_ms=500)
    assert_relayed(call)
    assert control.event(mc.EV_LATCHED, 1).latched == (call.left.ip, call.left.port)
    silent = control.event(mc.EV_TIMEOUT, 1)
    assert silent is not None and silent.last_rx_ms >= 500
    call.close()


def test_endpoints_outlive_control(wire, dp, control):
    call = Call(wire, control)
    assert_relayed(call)
    control.close()
    assert_relayed(call)
    again = MediaClient(dp.socket, epoch=2)
    assert again.hello.endpoints == 2
    held = again.dump()
    assert sorted(held) == [1, 2]
    assert held[1][0] == spec(call.to_left, (call.left.ip, call.left.port), sink_id=2)
    status, final = again.delete(1)
    assert status == 0 and final.rx_packets >= 20
    assert again.delete(1)[0] == mc.ERR_NOENT
    assert sorted(again.dump()) == [2]
    again.close()
    call.close()


def test_a_new_control_replaces_the_old_one(dp, control):
    new = MediaClient(dp.socket, epoch=3)
    with pytest.raises((EOFError, ConnectionError)):
        control.receive()
    assert new.totals().endpoints == 0
    new.close()


def test_requests_before_hello_are_refused(dp):
    c = MediaClient(dp.socket, hello=False)
    assert c.ask(mc.STATS)[0] == mc.ERR_STATE
    c.say_hello()
    c.totals()
    c.close()


def test_out_of_range_is_answered_and_garbage_ends_the_connection(dp, control):
    assert control.ask(mc.SET, 1, spec((ip(LEFT, "v4", 10), PORT + 1)))[0] == mc.ERR_RANGE
    assert control.ask(mc.DEL, 200000)[0] == mc.ERR_RANGE
    assert control.totals().endpoints == 0
    control.sock.send(b"\0" * 40)
    with pytest.raises((EOFError, ConnectionError)):
        control.receive()
    assert MediaClient(dp.socket).hello.workers == 1


def test_many_requests_in_one_go_are_answered_in_order(control):
    local = (ip(LEFT, "v4", 10), PORT)
    serials = [control.send(mc.SET, i, spec((local[0], PORT + 2 * i), call_id=i)) for i in range(400)]
    assert [control.answer(s)[:2] for s in serials] == [(0, i) for i in range(400)]
    assert sorted(control.dump()) == list(range(400))
    serials = [control.send(mc.DEL, i) for i in range(400)]
    assert [control.answer(s)[0] for s in serials] == [0] * 400


@pytest.mark.parametrize("family", FAMILIES)
def test_ping_is_answered(wire, dp, family):
    out = wire.run("left", "ping", "-c", "3", "-i", "0.2", "-W", "2", ip(LEFT, family, 10)).stdout
    assert "3 received" in out
    out = wire.run("left", "ping", "-c", "1", "-W", "2", ip(LEFT, family, 11)).stdout
    assert "1 received" in out, "the kernel's own address still works on the same wire"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_mac_is_told_to_who_asks(wire, dp, family):
    wire.run("left", "ip", "neigh", "flush", "dev", "eth0")
    wire.run("left", "ping", "-c", "1", "-W", "2", ip(LEFT, family, 10))
    shown = wire.run("left", "ip", "neigh", "show", ip(LEFT, family, 10)).stdout
    mac = wire.run("sbc", "cat", f"/sys/class/net/{LEFT['sbc']}/address").stdout.strip()
    assert mac in shown


def test_a_port_nobody_has_stays_silent(wire, control):
    """No ICMP from us: the socket would see the connection refused."""
    s = wire.udp("left", ip(LEFT, "v4", 20))
    s.connect((ip(LEFT, "v4", 10), 20998))
    s.settimeout(0.3)
    s.send(b"hello")
    with pytest.raises(socket.timeout):
        s.recv(100)
    s.close()


def test_what_the_kernel_sends_has_not_arrived(wire, control):
    s = wire.udp("sbc", ip(LEFT, "v4", 11))
    s.sendto(b"warm up", (ip(LEFT, "v4", 20), 9))
    time.sleep(0.3)
    before = control.totals().rx_packets
    for _ in range(200):
        s.sendto(b"the kernel's own", (ip(LEFT, "v4", 20), 9))
    time.sleep(0.3)
    assert control.totals().rx_packets - before < 100
    s.close()


def test_idle_is_cheap(dp, control):
    time.sleep(0.3)
    before, begin = dp.cpu_s(), time.monotonic()
    time.sleep(3)
    share = (dp.cpu_s() - before) / (time.monotonic() - begin)
    assert share < 0.05, f"{100 * share:.1f} % of a core"


def relay_over(wire, folder, vdev_left, vdev_right, family):
    d = Dataplane(wire, config(folder / "run", vdev_left, vdev_right), folder)
    try:
        assert d.ready, d.text()
        c = MediaClient(d.socket)
        call = Call(wire, c, family)
        assert_relayed(call)
        call.close()
        c.close()
    finally:
        code = d.stop()
    assert code == 0, d.text()


@pytest.fixture
def quiet_wire():
    """Wires of its own: net_af_xdp takes every packet away from the kernel."""
    w = Wire("agentx%d" % (os.getpid() % 100000))
    w.up()
    yield w
    w.down()


@pytest.mark.parametrize("family", FAMILIES)
def test_af_xdp_relays(quiet_wire, tmp_path, family):
    relay_over(quiet_wire, tmp_path, f"net_af_xdp,iface={LEFT['sbc']}", f"net_af_xdp,iface={RIGHT['sbc']}", family)


@pytest.mark.parametrize("driver", ["net_af_packet", "net_af_xdp"])
def test_starts_again_after_a_crash(quiet_wire, tmp_path, driver):
    ports = [f"{driver},iface={side['sbc']}" for side in (LEFT, RIGHT)]
    d = Dataplane(quiet_wire, config(tmp_path / "run", *ports), tmp_path)
    assert d.ready, d.text()
    d.proc.kill()
    d.proc.wait()
    relay_over(quiet_wire, tmp_path, *ports, "v4")
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU")
def test_the_worker_is_pinned_where_the_configuration_says(wire, dp, tmp_path):
    everywhere = dp.cpus_of_threads()
    assert len(set(everywhere)) == 1
    cpu = max(os.sched_getaffinity(0))
    d = Dataplane(wire, af_packet_config(tmp_path).replace("dataplane:\n", f"dataplane:\n  lcores: {cpu}\n"), tmp_path)
    assert d.ready, d.text()
    cpus = d.cpus_of_threads()
    assert d.stop() == 0
    assert cpus.count(str(cpu)) == 1
    assert set(cpus) == {str(cpu), everywhere[0]}


def test_the_configuration_may_come_by_descriptor(wire, tmp_path):
    """--config-fd is what counts; the file may have changed since."""
    fd = os.memfd_create("conf", 0)
    os.write(fd, af_packet_config(tmp_path).encode())
    d = Dataplane(wire, "not: [this", tmp_path, args=["--config-fd", str(fd)], fds=[fd])
    os.close(fd)
    assert d.ready and d.stop() == 0, d.text()


def test_a_forwarding_kernel_is_warned_of(quiet_wire, tmp_path):
    quiet_wire.run("sbc", "sysctl", "-qw", f"net.ipv4.conf.{LEFT['sbc']}.forwarding=1")
    d = Dataplane(quiet_wire, af_packet_config(tmp_path), tmp_path)
    assert d.ready and d.stop() == 0, d.text()
    told = [line for line in d.text().splitlines() if "event=kernel_forwards" in line]
    assert len(told) == 1 and f"port=left set_to_0=/proc/sys/net/ipv4/conf/{LEFT['sbc']}/forwarding" in told[0]


TAP = """version: 1
system: {run_dir: RUN}
interfaces:
  lan: {port: auto, address: ["198.18.0.2/24", "2001:db8:18::2/64"], sip_address: ["198.18.0.1", "2001:db8:18::1"]}
media_pools:
  lab: {interface: lan, ports: 20000-20999}
realms:
  lab: {interface: lan, trust: trusted, media_pool: lab}
listeners:
  lab: {realm: lab, on: ["udp:5060"]}
"""


def test_tap_works_at_once(wire, tmp_path):
    d = Dataplane(wire, TAP.replace("RUN", str(tmp_path / "run")), tmp_path)
    try:
        assert d.ready, d.text()
        links = wire.run("sbc", "ip", "-br", "link", "show", "rempart0").stdout
        assert "UP" in links
        c = MediaClient(d.socket)
        for ours, media in (("198.18.0.1", "198.18.0.2"), ("2001:db8:18::1", "2001:db8:18::2")):
            assert "1 received" in wire.run("sbc", "ping", "-c", "1", "-W", "2", media).stdout
            assert "lladdr" in wire.run("sbc", "ip", "neigh", "show", media).stdout
            assert wire.run("sbc", "ip", "neigh", "show", media).stdout.split("lladdr ")[1].split()[0] not in links
            a, b = Stream(wire, "sbc", ours), Stream(wire, "sbc", ours)
            c.set(1, spec((media, 20000), (a.ip, a.port), sink_id=2))
            c.set(2, spec((media, 20002), (b.ip, b.port), sink_id=1))
            got_a, got_b = a.exchange((media, 20000), b, (media, 20002))
            assert len(got_a) >= 10 and len(got_b) >= 10
            a.close()
            b.close()
        c.close()
    finally:
        code = d.stop()
    assert code == 0, d.text()
    assert wire.run("sbc", "ip", "link", "show", "rempart0", check=False).returncode != 0, "the TAP is gone"


@pytest.mark.parametrize("left, said", [
    ("net_af_packet,iface=nosuch0", "dataplane.ports.left: there is no network interface named 'nosuch0'; create it or name another"),
    ("net_af_packet", "dataplane.ports.left: net_af_packet needs iface=NAME behind it"),
    ("net_tap,iface=wright", "dataplane.ports.left: a network interface named 'wright' is there already"),
    ("net_nosuch,iface=wleft", "dataplane.ports.left: DPDK does not start: "),
])
def test_what_is_wrong_is_one_sentence(wire, tmp_path, left, said):
    d = Dataplane(wire, config(tmp_path / "run", left, f"net_af_packet,iface={RIGHT['sbc']}"), tmp_path)
    assert not d.ready
    assert d.stop() == 1
    lines = [line for line in d.text().splitlines() if not line.startswith("ts=")]
    assert len(lines) == 1 and said in lines[0], d.text()


def test_missing_hugepages_say_what_to_do(wire, tmp_path):
    text = af_packet_config(tmp_path).replace("dataplane:\n", "dataplane:\n  memory: {huge: 900G}\n")
    d = Dataplane(wire, text, tmp_path)
    assert d.stop() == 1
    assert "echo 460800 > /proc/sys/vm/nr_hugepages" in d.text()


def test_missing_permission_is_named(wire, tmp_path):
    (tmp_path / "dataplane.yaml").write_text(af_packet_config(tmp_path))
    r = wire.run("sbc", "setpriv", "--bounding-set=-net_raw", BIN / "rempart-dataplane", "-c", tmp_path / "dataplane.yaml", check=False)
    assert r.returncode == 1
    assert "dataplane.ports.left: net_af_packet needs CAP_NET_RAW; start as root" in r.stderr


def test_usage(tmp_path):
    for args in ([], ["-x"], ["-c", "a", "b"], ["-c", "a", "--config-fd", "x"]):
        assert subprocess.run([BIN / "rempart-dataplane", *args], capture_output=True, timeout=10).returncode == 2
    assert subprocess.run([BIN / "rempart-dataplane", "-c", tmp_path / "none.yaml"], capture_output=True, timeout=10).returncode == 1
