"""A control plane by hand: speaks src/media/media_msg.h with a dataplane."""
import ipaddress
import socket
import struct
import time
from types import SimpleNamespace

VERSION = 1
NONE = 0xFFFFFFFF
HELLO, SET, DEL, STATS, DUMP = 1, 2, 3, 4, 5
REPLY = 0x80
EV_LATCHED, EV_TIMEOUT, EV_FAULT = 0x40, 0x41, 0x42
LATCH_OFF, LATCH_AUTO, LATCH_REMOTE = 0, 1, 2
SINK_NONE, SINK_PEER, SINK_ECHO = 0, 1, 2
RECV, SEND = 1, 2
ERR_NOENT, ERR_RANGE, ERR_STATE = -7, -4, -16

HEAD = struct.Struct("=IHHiIII")
HELLO_BODY = struct.Struct("=IIIIQ")
SPEC = struct.Struct("=20s20s20s20sBBBBIIB3x16s16s16IQ")
STAT = struct.Struct("=10Q4I20s20sQB7x")
STAT_NAMES = ("rx_packets rx_bytes tx_packets tx_bytes rx_rtcp tx_rtcp lost reordered duplicates dropped "
              "jitter_us jitter_max_us flags ssrc latched latched_rtcp last_rx_ms latch_state").split()
TOTALS = struct.Struct("=6Q2I64Q1536s")


def addr(ip=None, port=0):
    """struct addr; without an IP the unset one."""
    if ip is None:
        return bytes(20)
    packed = ipaddress.ip_address(ip).packed
    return packed.ljust(16, b"\0") + struct.pack("=HBB", port, 4 if len(packed) == 4 else 6, 0)


def addr_text(raw):
    """(ip, port), or None where it is unset."""
    port, family, _ = struct.unpack("=HBB", raw[16:])
    return {0: None, 4: (str(ipaddress.IPv4Address(raw[:4])), port), 6: (str(ipaddress.IPv6Address(raw[:16])), port)}[family]


def spec(local, remote=None, remote_rtcp=None, signalling=None, latch=LATCH_OFF, sink=SINK_PEER, sink_id=0, direction=RECV | SEND,
         dscp=46, timeout_ms=0, pt=(0,), pt_out=None, clock=8000, call_id=1):
    """struct media_spec. local, remote, remote_rtcp: (ip, port); RTCP goes to the next port unless given."""
    if remote and not remote_rtcp:
        remote_rtcp = (remote[0], remote[1] + 1)
    pad = bytes(16 - len(pt))
    return SPEC.pack(addr(*local), addr(*(remote or ())), addr(*(remote_rtcp or ())), addr(signalling), latch, sink, direction, dscp,
                     sink_id, timeout_ms, len(pt), bytes(pt) + pad, bytes(pt_out or pt) + pad, *([clock] * len(pt) + [0] * len(pad)), call_id)


def stat(raw):
    s = SimpleNamespace(**dict(zip(STAT_NAMES, STAT.unpack(raw))))
    s.latched, s.latched_rtcp = addr_text(s.latched), addr_text(s.latched_rtcp)
    return s


class MediaClient:
    def __init__(self, path, epoch=1, timeout=5.0, hello=True):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.settimeout(timeout)
        self.sock.connect(str(path))
        self.epoch, self.serial, self.events = epoch, 0, []
        if hello:
            self.hello = self.say_hello()

    def close(self):
        self.sock.close()

    def send(self, type_, id_=NONE, body=b"", version=VERSION):
        self.serial += 1
        self.sock.send(HEAD.pack(self.serial, version, type_, 0, 0, self.epoch, id_) + body)
        return self.serial

    def receive(self):
        """Next message: (serial, type, status, id, body)."""
        data = self.sock.recv(8192)
        if not data:
            raise EOFError("the dataplane closed the channel")
        serial, version, type_, status, _, _, id_ = HEAD.unpack(data[:HEAD.size])
        assert version == VERSION
        return serial, type_, status, id_, data[HEAD.size:]

    def answer(self, serial):
        """(status, id, body) of that request; events on the way are kept."""
        while True:
            got, type_, status, id_, body = self.receive()
            if type_ & REPLY:
                assert got == serial, "answers come in order"
                return status, id_, body
            self.events.append((type_, id_, body))

    def ask(self, type_, id_=NONE, body=b""):
        return self.answer(self.send(type_, id_, body))

    def say_hello(self):
        status, _, body = self.ask(HELLO, NONE, bytes(HELLO_BODY.size))
        assert status == 0, status
        workers, endpoints, endpoints_max, _, start = HELLO_BODY.unpack(body)
        return SimpleNamespace(workers=workers, endpoints=endpoints, endpoints_max=endpoints_max, start_wall_ms=start)

    def set(self, id_, spec_):
        status, got, _ = self.ask(SET, id_, spec_)
        assert (status, got) == (0, id_), (status, got)

    def delete(self, id_):
        status, _, body = self.ask(DEL, id_)
        return status, stat(body)

    def stats(self, id_):
        status, _, body = self.ask(STATS, id_)
        assert status == 0, status
        return stat(body)

    def totals(self):
        """Totals with .drop as {name: count}."""
        status, _, body = self.ask(STATS, NONE)
        assert status == 0, status
        v = TOTALS.unpack(body)
        n = v[7]
        names = [v[72][i * 24:(i + 1) * 24].split(b"\0")[0].decode() for i in range(n)]
        return SimpleNamespace(rx_packets=v[0], tx_packets=v[1], polls=v[4], polls_empty=v[5], endpoints=v[6], drop=dict(zip(names, v[8:8 + n])))

    def dump(self, first=0):
        """{id: (spec bytes, stat)}"""
        serial, out = self.send(DUMP, first), {}
        while True:
            status, id_, body = self.answer(serial)
            assert status == 0, status
            if id_ == NONE:
                return out
            out[id_] = (body[:SPEC.size], stat(body[SPEC.size:]))

    def event(self, type_, id_, timeout=3.0):
        """Waits for this event and takes it; its statistics, or None."""
        end = time.monotonic() + timeout
        while True:
            for e in self.events:
                if e[:2] == (type_, id_):
                    self.events.remove(e)
                    return stat(e[2])
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                _, got, _, got_id, body = self.receive()
                assert not got & REPLY
                self.events.append((got, got_id, body))
            except TimeoutError:
                return None
            finally:
                self.sock.settimeout(5.0)
