"""A phone behind the lab's NAT router: its Contact and Via are private, its media comes from wherever the router says."""
import re

import pytest

from labkit.daemon import wait_for
from parties import ACCESS, CORE, hang_up, offer
from rtp import Stream
from sip import Dialog, Peer, authorization, register, token

PRIVATE, PUBLIC = "192.168.77.2", "198.51.100.2"


@pytest.fixture
def natted(lab, sbc):
    with Peer(lab, "phone", PRIVATE, user="alice") as p:
        register(p, ACCESS, "wonderland")
        p.rtp = Stream(lab, "phone", PRIVATE)
        yield p
        register(p, ACCESS, "wonderland", expires=0)
        p.rtp.close()
    wait_for("all calls to be gone", lambda: not sbc.ctl("calls")["calls"], timeout=5)


def public_address(sbc, user="alice"):
    """Where the registrar saw the phone."""
    text = sbc.ctl_text("reg", "list")
    return re.search(rf"{user}\b.*?({re.escape(PUBLIC)}:\d+)", text).group(1)


def test_the_natted_phone_calls_and_every_request_reaches_it(natted, bob):
    a = Dialog.invite(natted, ACCESS, "bob", offer(natted))
    invite = bob.expect("INVITE")
    assert PRIVATE not in invite.text and PUBLIC not in invite.text
    b = Dialog.accepted(bob, invite)
    bob.reply(invite, 180, "Ringing", to_tag=b.local_tag)
    a.established(natted.expect("180"))
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    ok = natted.expect("200 INVITE")
    a.ack(ok)
    bob.expect("ACK")
    got = natted.rtp.exchange(ok.sdp_media()[0][1:3], bob.rtp, invite.sdp_media()[0][1:3])
    assert all(len(g) >= 10 for g in got)
    b.request("INVITE", body=offer(bob, version=2))
    re_a = natted.expect("INVITE")
    assert re_a.ruri == f"sip:alice@{PRIVATE}:5060", "the target is the phone's own word, the way there is not"
    natted.reply(re_a, 200, "OK", body=offer(natted, version=2))
    b.ack(bob.expect("200 INVITE"))
    natted.expect("ACK")
    b.request("INFO", contact=False)
    info = natted.expect("INFO")
    natted.reply(info, 200, "OK", contact=False)
    bob.expect("200 INFO")
    hang_up(a, b, first=b)


def test_the_natted_phone_is_called(natted, bob):
    b = Dialog.invite(bob, CORE, "alice", offer(bob))
    invite = natted.expect("INVITE")
    a = Dialog.accepted(natted, invite)
    natted.reply(invite, 180, "Ringing", to_tag=a.local_tag)
    b.established(bob.expect("180"))
    natted.reply(invite, 200, "OK", to_tag=a.local_tag, body=offer(natted))
    ok = bob.expect("200 INVITE")
    assert PRIVATE not in ok.text and PUBLIC not in ok.text
    b.ack(ok)
    natted.expect("ACK")
    got = natted.rtp.exchange(invite.sdp_media()[0][1:3], bob.rtp, ok.sdp_media()[0][1:3])
    assert all(len(g) >= 10 for g in got)
    hang_up(b, a)


def test_cancel_reaches_the_natted_phone(natted, bob):
    b = Dialog.invite(bob, CORE, "alice", offer(bob))
    invite = natted.expect("INVITE")
    natted.reply(invite, 180, "Ringing", to_tag="t")
    bob.expect("180")
    b.cancel()
    bob.expect("200")
    b.ack(bob.expect("487"))
    cancel = natted.expect("CANCEL")
    natted.reply(cancel, 200, "OK", contact=False)
    natted.reply(invite, 487, "Request Terminated", to_tag="t", contact=False)
    natted.expect("ACK")


def test_the_router_forgets_and_the_phone_registers_anew(lab, sbc, natted, bob):
    """Another public port: the next REGISTER moves the binding, the old one is no more, and calls go to the new place."""
    before = public_address(sbc)
    call_id = token(16)
    natted.sock.close()
    # The router keeps its entries for the old port; another local port gets another public one.
    natted.sock = lab.udp("phone", PRIVATE, 5071)
    register(natted, ACCESS, "wonderland", call_id=call_id)
    after = public_address(sbc)
    assert after != before
    b = Dialog.invite(bob, CORE, "alice", offer(bob))
    invite = natted.expect("INVITE")
    natted.reply(invite, 486, "Busy Here", to_tag="t", contact=False)
    natted.expect("ACK")
    final = bob.final()
    assert final.status == 486
    b.ack(final)


def test_the_registrars_answers(natted):
    host = ACCESS[0]
    ruri, aor = f"sip:{host}", f"<sip:alice@{host}>"

    def ask(headers, status):
        call_id = token(16)
        natted.send(natted.request("REGISTER", ruri, aor, aor, call_id, 1, headers=headers, contact=False), ACCESS)
        auth = authorization(natted.expect("401"), "REGISTER", ruri, "alice", "wonderland")
        natted.send(natted.request("REGISTER", ruri, aor, aor, call_id, 2, headers=[*headers, auth], contact=False), ACCESS)
        return natted.expect(status)

    brief = ask([f"Contact: {natted.contact};expires=5"], "423")
    assert int(brief.get("Min-Expires")) > 5
    two = ask([f"Contact: {natted.contact}", f"Contact: <sip:alice@{PRIVATE}:5099>;q=0.5"], "200")
    assert len(two.all("Contact")) == 2
    ask(["Contact: *"], "400")
    gone = ask(["Contact: *", "Expires: 0"], "200")
    assert not gone.all("Contact")
