"""alice in the access realm and bob in the core, with registrations and media sockets; and the calls that they make. Against config/lab.yaml."""
import pytest

from labkit.daemon import wait_for
from rtp import Stream
from sip import Dialog, Peer, register, sdp

ACCESS, CORE = ("198.51.100.11", 5060), ("10.77.0.11", 5060)
ACCESS6, CORE6 = ("2001:db8:a::11", 5060), ("2001:db8:c::11", 5060)


@pytest.fixture
def alice(lab, sbc):
    """alice in the access realm, registered, with a media socket."""
    with Peer(lab, "peer", "198.51.100.66", user="alice") as p:
        register(p, ACCESS, "wonderland")
        p.rtp = Stream(lab, "peer", p.ip)
        yield p
        register(p, ACCESS, "wonderland", expires=0)
        p.rtp.close()
    no_calls(sbc)


@pytest.fixture
def bob(lab, sbc):
    with Peer(lab, "core", "10.77.0.20", user="bob") as p:
        register(p, CORE, "builder")
        p.rtp = Stream(lab, "core", p.ip)
        yield p
        register(p, CORE, "builder", expires=0)
        p.rtp.close()
    no_calls(sbc)


def no_calls(sbc):
    wait_for("all calls to be gone", lambda: not sbc.ctl("calls")["calls"], timeout=5)


def offer(p, **kw):
    return sdp(p.ip, p.rtp.port, **kw)


def call(alice, bob, answer=True):
    """A call from alice to bob up to its confirmation. Returns both dialogs and bob's received INVITE."""
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice))
    invite = bob.expect("INVITE")
    b = Dialog.accepted(bob, invite)
    bob.reply(invite, 180, "Ringing", to_tag=b.local_tag)
    a.established(alice.expect("180"))
    if answer:
        bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
        ok = alice.expect("200 INVITE")
        a.ack(ok)
        bob.expect("ACK")
        a.media, b.media = ok.sdp_media()[0], invite.sdp_media()[0]
    return a, b, invite


def hang_up(a, b, first=None):
    first = first or a
    other = b if first is a else a
    first.request("BYE", contact=False)
    bye = other.peer.expect("BYE")
    other.peer.reply(bye, 200, "OK", contact=False)
    first.peer.expect("200 BYE")
