"""A SIP endpoint by hand: messages as text, a socket in a lab namespace, and expectations about what comes. Nothing is automatic but what a method
says, so that a test shows every message that it sends and awaits."""
import hashlib
import random
import re
import select
import socket
import time


def token(n=10):
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(n))


class Message:
    """A received or built message. Header names are looked up case-insensitively; get() gives the first value or None."""

    def __init__(self, text):
        self.text = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
        head, _, self.body = self.text.partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.start = lines[0]
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.append((name.strip(), value.strip()))
        self.is_response = self.start.startswith("SIP/2.0 ")
        self.status = int(self.start.split()[1]) if self.is_response else None
        self.method = self.get("CSeq").split()[1] if self.is_response and self.get("CSeq") else self.start.split()[0]
        self.ruri = None if self.is_response else self.start.split()[1]

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def cseq(self):
        return int(self.get("CSeq").split()[0])

    def tag(self, name):
        m = re.search(r";\s*tag=([^;>\s]+)", self.get(name) or "")
        return m.group(1) if m else None

    @property
    def branch(self):
        m = re.search(r"branch=([^;,\s]+)", self.get("Via") or "")
        return m.group(1) if m else None

    def contact_uri(self):
        return re.search(r"<([^>]+)>", self.get("Contact")).group(1)

    def sdp_media(self):
        """[(kind, ip, port, [payload types], direction)] of the body."""
        out, session_ip, session_dir = [], None, "sendrecv"
        for line in self.body.split("\r\n"):
            if line.startswith("c="):
                ip = line.split()[2]
                if out:
                    out[-1][1] = ip
                else:
                    session_ip = ip
            elif line.startswith("m="):
                kind, port, _, *pts = line[2:].split()
                out.append([kind, session_ip, int(port), [int(p) if p.isdigit() else p for p in pts], session_dir])
            elif line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive"):
                if out:
                    out[-1][4] = line[2:]
                else:
                    session_dir = line[2:]
        return [tuple(m) for m in out]

    def __repr__(self):
        return f"<{self.start}>\n{self.text}"


def sdp(ip, port, payloads=((0, "PCMU/8000"), (8, "PCMA/8000"), (101, "telephone-event/8000")), direction="sendrecv", version=1, extra=(), connection=None):
    """An audio session as a phone writes it."""
    family = "IP6" if ":" in ip else "IP4"
    lines = ["v=0", f"o=- 4711 {version} IN {family} {ip}", "s=call", f"c=IN {family} {connection or ip}", "t=0 0",
             f"m=audio {port} RTP/AVP " + " ".join(str(p) for p, _ in payloads)]
    lines += [f"a=rtpmap:{p} {name}" for p, name in payloads]
    lines += list(extra)
    lines.append(f"a={direction}")
    return "\r\n".join(lines) + "\r\n"


class Peer:
    """A SIP speaker on one UDP socket."""

    def __init__(self, lab, host, ip, port=5060, user="peer", contact=None):
        self.sock = lab.udp(host, ip, port)
        self.lab, self.host, self.ip, self.user = lab, host, ip, user
        self.port = self.sock.getsockname()[1]
        self.hostport = f"[{ip}]:{self.port}" if ":" in ip else f"{ip}:{self.port}"
        self.contact = contact or f"<sip:{user}@{self.hostport}>"
        self.pending = []

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, text, to):
        self.sock.sendto(text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text, to)

    def recv(self, timeout=3.0):
        """The next message, or None."""
        if self.pending:
            return self.pending.pop(0)
        r, _, _ = select.select([self.sock], [], [], timeout)
        if not r:
            return None
        data, self.last_from = self.sock.recvfrom(65536)
        return Message(data)

    def expect(self, what, timeout=3.0, skip=("100",)):
        """The next message that is `what`: a method ("INVITE") or a status with an optional method ("200", "200 BYE"). Messages named in `skip`, and retransmissions of what was
        asked for, may come before it; anything else fails the test."""
        end = time.monotonic() + timeout
        want = what.split()
        while True:
            m = self.recv(max(0.0, end - time.monotonic()))
            assert m is not None, f"{self.user}: nothing came in {timeout} s; expected {what}"
            got = str(m.status) if m.is_response else m.method
            if got == want[0] and (len(want) == 1 or m.method == want[1]):
                return m
            assert got in skip, f"{self.user}: expected {what}, but got:\n{m.text}"

    def final(self, timeout=3.0):
        """The next final response, whatever its status; provisional ones before it are passed over."""
        end = time.monotonic() + timeout
        while True:
            m = self.recv(max(0.0, end - time.monotonic()))
            assert m is not None, f"{self.user}: no final response in {timeout} s"
            assert m.is_response, f"{self.user}: expected a final response, but got:\n{m.text}"
            if m.status >= 200:
                return m

    def nothing(self, seconds=0.3, skip=()):
        """Fails if anything (but what is named in skip) comes within the time."""
        end = time.monotonic() + seconds
        while True:
            m = self.recv(max(0.0, end - time.monotonic()))
            if m is None:
                return
            got = str(m.status) if m.is_response else m.method
            assert got in skip, f"{self.user}: expected silence, but got:\n{m.text}"

    def drain(self):
        while self.recv(0) is not None:
            pass

    # Building

    def request(self, method, ruri, to, from_=None, call_id=None, cseq=1, branch=None, headers=(), body="", contact=True, max_forwards=70, content_type="application/sdp"):
        """`to` and `from_` are whole header values; from_ gets a tag when it has none."""
        from_ = from_ or f"<sip:{self.user}@{self.ip if ':' not in self.ip else '[' + self.ip + ']'}>"
        if ";tag=" not in from_:
            from_ += ";tag=" + token()
        lines = [f"{method} {ruri} SIP/2.0", f"Via: SIP/2.0/UDP {self.hostport};rport;branch={branch or 'z9hG4bK' + token()}"]
        if max_forwards is not None:
            lines.append(f"Max-Forwards: {max_forwards}")
        lines += [f"From: {from_}", f"To: {to}", f"Call-ID: {call_id or token(16)}", f"CSeq: {cseq} {method}"]
        if contact:
            lines.append(f"Contact: {self.contact}")
        lines += list(headers)
        if body:
            lines.append(f"Content-Type: {content_type}")
        lines.append(f"Content-Length: {len(body.encode('utf-8', 'surrogateescape'))}")
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def response(self, req, status, reason="Reason", to_tag=None, headers=(), body="", contact=True, content_type="application/sdp"):
        lines = [f"SIP/2.0 {status} {reason}"]
        lines += [f"Via: {v}" for v in req.all("Via")]
        lines += [f"Record-Route: {v}" for v in req.all("Record-Route")]
        to = req.get("To")
        if to_tag and ";tag=" not in to:
            to += f";tag={to_tag}"
        lines += [f"From: {req.get('From')}", f"To: {to}", f"Call-ID: {req.get('Call-ID')}", f"CSeq: {req.get('CSeq')}"]
        if contact:
            lines.append(f"Contact: {self.contact}")
        lines += list(headers)
        if body:
            lines.append(f"Content-Type: {content_type}")
        lines.append(f"Content-Length: {len(body.encode())}")
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def reply(self, req, status, reason="Reason", **kw):
        """Answers a request to where it came from."""
        self.send(self.response(req, status, reason, **kw), self.last_from)


class Dialog:
    """One side of a dialog after its INVITE: knows tags, targets and CSeq, and builds what follows."""

    def __init__(self, peer, to_addr):
        self.peer, self.addr = peer, to_addr
        self.cseq = 1
        self.call_id = token(16)
        self.local_tag, self.remote_tag = token(), None
        self.local = self.remote = self.target = None

    @classmethod
    def invite(cls, peer, sbc_addr, called, body, caller=None, headers=(), domain=None, display=None, **kw):
        """Sends the INVITE of a new dialog."""
        d = cls(peer, sbc_addr)
        host = domain or (sbc_addr[0] if ":" not in sbc_addr[0] else f"[{sbc_addr[0]}]")
        d.target = f"sip:{called}@{host}"
        d.local = (f'"{display}" ' if display else "") + f"<sip:{caller or peer.user}@{host}>;tag={d.local_tag}"
        d.remote = f"<sip:{called}@{host}>"
        d.branch = "z9hG4bK" + token()
        d.invite_text = peer.request("INVITE", d.target, d.remote, d.local, d.call_id, d.cseq, d.branch, headers=headers, body=body, **kw)
        peer.send(d.invite_text, sbc_addr)
        return d

    def authorize(self, challenge, user, password, headers=(), body=None):
        """ACKs the 401/407 and sends the INVITE again with credentials."""
        self.ack(challenge)
        self.cseq += 1
        old = Message(self.invite_text)
        self.branch = "z9hG4bK" + token()
        auth = authorization(challenge, "INVITE", self.target, user, password)
        self.invite_text = self.peer.request("INVITE", self.target, self.remote, self.local, self.call_id, self.cseq, self.branch,
                                             headers=(*headers, auth), body=old.body if body is None else body)
        self.peer.send(self.invite_text, self.addr)

    @classmethod
    def accepted(cls, peer, invite):
        """The called side's view of an INVITE that it received."""
        d = cls(peer, peer.last_from)
        d.call_id, d.remote_tag, d.remote, d.target = invite.get("Call-ID"), invite.tag("From"), invite.get("From"), invite.contact_uri()
        d.local = invite.get("To") + f";tag={d.local_tag}"
        d.cseq = random.randint(1, 1000)
        return d

    def established(self, response):
        """Takes tag and target from a 1xx or 2xx."""
        self.remote, self.remote_tag = response.get("To"), response.tag("To")
        if response.get("Contact"):
            self.target = response.contact_uri()

    def ack(self, response, body=""):
        """ACK: a new branch and the target for a 2xx, the INVITE's own branch for anything else."""
        ok = 200 <= response.status < 300
        if ok:
            self.established(response)
        m = self.peer.request("ACK", self.target, response.get("To"), self.local, self.call_id, response.cseq,
                              "z9hG4bK" + token() if ok else self.branch, body=body, contact=False)
        self.peer.send(m, self.addr)
        return m

    def request(self, method, body="", headers=(), cseq=None, contact=True):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        self.branch = "z9hG4bK" + token()
        text = self.peer.request(method, self.target, self.remote, self.local, self.call_id, cseq, self.branch, headers=headers, body=body, contact=contact)
        self.peer.send(text, self.addr)
        return text

    def cancel(self):
        inv = Message(self.invite_text)
        self.peer.send(self.peer.request("CANCEL", inv.ruri, inv.get("To"), inv.get("From"), self.call_id, inv.cseq, inv.branch, contact=False), self.addr)

    def bye(self, status="200"):
        self.request("BYE", contact=False)
        return self.peer.expect(f"{status} BYE")


def authorization(challenge, method, uri, user, password, algorithm="SHA-256", **override):
    """The Authorization (or Proxy-Authorization) line that answers a challenge, by the offered algorithm of this name."""
    for header, answer in (("WWW-Authenticate", "Authorization"), ("Proxy-Authenticate", "Proxy-Authorization")):
        for value in challenge.all(header):
            p = dict(re.findall(r'(\w+)="?([^",]*)"?', value.split(None, 1)[1]))
            if p.get("algorithm", "MD5") != algorithm:
                continue
            h = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

            def digest(s):
                return h(s.encode()).hexdigest()
            nc, cnonce = "00000001", token(8)
            p.update(override)
            ha1, ha2 = digest(f"{user}:{p['realm']}:{password}"), digest(f"{method}:{uri}")
            response = override.get("response") or digest(f"{ha1}:{p['nonce']}:{nc}:{cnonce}:auth:{ha2}")
            return (f'{answer}: Digest username="{user}", realm="{p["realm"]}", nonce="{p["nonce"]}", uri="{uri}", response="{response}", '
                    f'algorithm={algorithm}, qop=auth, nc={nc}, cnonce="{cnonce}"' + (f', opaque="{p["opaque"]}"' if "opaque" in p else ""))
    raise AssertionError(f"no {algorithm} challenge in:\n{challenge.text}")


def register(peer, sbc_addr, password, expires=600, user=None, algorithm="SHA-256", contact=None, status="200", call_id=None, cseq=1):
    """A whole registration with its challenge; returns the final response."""
    user = user or peer.user
    host = sbc_addr[0] if ":" not in sbc_addr[0] else f"[{sbc_addr[0]}]"
    ruri, aor, call_id = f"sip:{host}", f"<sip:{user}@{host}>", call_id or token(16)
    contact_line = f"Contact: {contact or peer.contact};expires={expires}"
    peer.send(peer.request("REGISTER", ruri, aor, aor, call_id, cseq, headers=[contact_line], contact=False), sbc_addr)
    challenge = peer.expect("401")
    auth = authorization(challenge, "REGISTER", ruri, user, password, algorithm)
    peer.send(peer.request("REGISTER", ruri, aor, aor, call_id, cseq + 1, headers=[contact_line, auth], contact=False), sbc_addr)
    return peer.expect(status)
