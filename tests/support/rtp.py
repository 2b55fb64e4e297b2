"""RTP by hand: a source with its own sequence and timestamp, and a receiver that keeps what came."""
import random
import select
import struct
import time


def packet(seq, ts, ssrc, pt=0, payload=b"\xd5" * 160, marker=False):
    return struct.pack("!BBHII", 0x80, (0x80 if marker else 0) | pt, seq & 0xFFFF, ts & 0xFFFFFFFF, ssrc) + payload


def parse(data):
    """(pt, seq, ts, ssrc, payload) of a plain RTP packet."""
    b0, b1, seq, ts, ssrc = struct.unpack("!BBHII", data[:12])
    assert b0 >> 6 == 2
    return b1 & 0x7F, seq, ts, ssrc, data[12 + 4 * (b0 & 15):]


class Stream:
    """One media socket of a phone."""

    def __init__(self, lab, host, ip, port=0):
        while True:
            self.sock = lab.udp(host, ip, port)
            self.ip, self.port = ip, self.sock.getsockname()[1]
            if port or self.port % 2 == 0:
                break
            self.sock.close()
        self.seq, self.ts, self.ssrc = random.randint(0, 65535), random.getrandbits(32), random.getrandbits(32)
        self.sent = 0

    def close(self):
        self.sock.close()

    def send(self, to, n=1, pt=0, payload=None, pace_s=0.0):
        """n packets of 20 ms; the payload begins with this stream's SSRC so that a receiver knows whose it is."""
        for _ in range(n):
            body = payload if payload is not None else struct.pack("!I", self.ssrc) + b"\xd5" * 156
            self.sock.sendto(packet(self.seq, self.ts, self.ssrc, pt, body), to)
            self.seq, self.ts, self.sent = self.seq + 1, self.ts + 160, self.sent + 1
            if pace_s:
                time.sleep(pace_s)

    def receive(self, n=1, timeout=2.0):
        """Up to n packets: list of (data, source)."""
        out, end = [], time.monotonic() + timeout
        while len(out) < n:
            r, _, _ = select.select([self.sock], [], [], max(0.0, end - time.monotonic()))
            if not r:
                break
            out.append(self.sock.recvfrom(4096))
        return out

    def exchange(self, to, other, other_to, n=10, timeout=2.0):
        """Both streams send to their target in turns until both have locked and n packets of each arrived at the other. Returns the two lists."""
        mine, theirs = [], []
        end = time.monotonic() + timeout
        while (len(mine) < n or len(theirs) < n) and time.monotonic() < end:
            self.send(to)
            other.send(other_to)
            mine += self.receive(50, 0.01)
            theirs += other.receive(50, 0.01)
        return mine, theirs
