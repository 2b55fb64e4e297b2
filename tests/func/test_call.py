"""Calls between a phone in the access realm and one in the core, message by message."""
import pytest

from parties import ACCESS, ACCESS6, CORE, call, hang_up, offer
from rtp import Stream
from sip import Dialog, Message, Peer, register, sdp

def test_basic_call_and_media_both_ways(alice, bob):
    a, b, invite = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]
    assert to_a[0] == "198.51.100.10" and to_b[0] == "10.77.0.10"
    got_a, got_b = alice.rtp.exchange(to_a, bob.rtp, to_b)
    assert len(got_a) >= 10 and len(got_b) >= 10
    assert all(src == to_a for _, src in got_a), "media comes from the port that the SDP named"
    assert all(src == to_b for _, src in got_b)
    hang_up(a, b)


def test_called_party_hangs_up(alice, bob):
    a, b, _ = call(alice, bob)
    hang_up(a, b, first=b)


def test_topology_is_hidden(alice, bob):
    """Neither side sees anything of the other but user parts and display names."""
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice), display="Alice W", headers=["User-Agent: AlicePhone/1.0", "X-Secret: 192.168.9.9", "Subject: hello"])
    invite = bob.expect("INVITE")
    for leak in ("198.51.100", a.call_id, a.local_tag, a.branch, "AlicePhone", "X-Secret"):
        assert leak not in invite.text, f"{leak} leaked:\n{invite.text}"
    assert "Alice W" in invite.get("From") and "sip:alice@" in invite.get("From")
    assert invite.get("Subject") == "hello"
    assert invite.get("Max-Forwards") == "69"
    b = Dialog.accepted(bob, invite)
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob), headers=["Server: BobPhone/2.0", "X-Inner: 10.77.0.20"])
    ok = alice.expect("200 INVITE", skip=("100", "180"))
    for leak in ("10.77.0", b.call_id, b.local_tag, "BobPhone", "X-Inner"):
        assert leak not in ok.text, f"{leak} leaked:\n{ok.text}"
    a.ack(ok)
    assert "198.51.100" not in bob.expect("ACK").text
    hang_up(a, b)


def test_early_media(alice, bob):
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice))
    invite = bob.expect("INVITE")
    b = Dialog.accepted(bob, invite)
    bob.reply(invite, 183, "Session Progress", to_tag=b.local_tag, body=offer(bob))
    progress = alice.expect("183")
    got_a, _ = alice.rtp.exchange(progress.sdp_media()[0][1:3], bob.rtp, invite.sdp_media()[0][1:3])
    assert len(got_a) >= 10
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    ok = alice.expect("200 INVITE")
    assert ok.body == progress.body, "the preview is what the answer says"
    assert ok.tag("To") == progress.tag("To")
    a.ack(ok)
    bob.expect("ACK")
    hang_up(a, b)


def test_cancel(alice, bob):
    a, b, invite = call(alice, bob, answer=False)
    a.cancel()
    cancel = bob.expect("CANCEL")
    assert cancel.branch == invite.branch and cancel.ruri == invite.ruri and cancel.cseq == invite.cseq
    bob.reply(cancel, 200, "OK", contact=False)
    bob.reply(invite, 487, "Request Terminated", to_tag=b.local_tag, contact=False)
    bob.expect("ACK")
    first = alice.recv()
    second = alice.expect("487" if first.status == 200 else "200 CANCEL")
    a.ack(second if second.status == 487 else first)


def test_2xx_that_crosses_cancel_is_acked_then_byed(alice, bob):
    a, b, invite = call(alice, bob, answer=False)
    a.cancel()
    cancel = bob.expect("CANCEL")
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    bob.reply(cancel, 200, "OK", contact=False)
    bob.expect("ACK")
    bye = bob.expect("BYE")
    bob.reply(bye, 200, "OK", contact=False)
    a.ack(alice.expect("487", skip=("200",)))


@pytest.mark.parametrize("status,reason", [(486, "Busy Here"), (603, "Decline"), (404, "Not Found"), (500, "Server Internal Error")])
def test_rejection_is_passed(alice, bob, status, reason):
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice))
    invite = bob.expect("INVITE")
    bob.reply(invite, status, reason, to_tag="t1", contact=False)
    bob.expect("ACK")
    a.ack(alice.expect(str(status)))


def test_unanswered_2xx_is_repeated_and_acked_again(alice, bob):
    a, b, invite = call(alice, bob, answer=False)
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    ok = alice.expect("200 INVITE")
    again = alice.expect("200 INVITE", timeout=2)
    assert again.text == ok.text
    a.ack(ok)
    first = bob.expect("ACK")
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    assert bob.expect("ACK").text == first.text
    hang_up(a, b)


def test_hold_and_resume(alice, bob):
    a, b, _ = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]
    assert all(len(x) >= 5 for x in alice.rtp.exchange(to_a, bob.rtp, to_b, n=5))
    a.request("INVITE", body=offer(alice, direction="sendonly", version=2))
    re = bob.expect("INVITE")
    assert re.tag("To") == b.local_tag and re.sdp_media()[0][4] == "sendonly"
    assert re.sdp_media()[0][1:3] == to_b, "local ports stay for the life of the stream"
    bob.reply(re, 200, "OK", body=offer(bob, direction="recvonly", version=2))
    ok = alice.expect("200 INVITE")
    assert ok.sdp_media()[0][4] == "recvonly"
    a.ack(ok)
    bob.expect("ACK")
    alice.rtp.receive(100, 0.1)
    bob.rtp.send(to_b, 5)
    assert not alice.rtp.receive(1, 0.3), "held: nothing goes to the one who holds"
    a.request("INVITE", body=offer(alice, version=3))
    re = bob.expect("INVITE")
    assert re.sdp_media()[0][4] == "sendrecv"
    bob.reply(re, 200, "OK", body=offer(bob, version=3))
    a.ack(alice.expect("200 INVITE"))
    bob.expect("ACK")
    assert all(len(x) >= 5 for x in alice.rtp.exchange(to_a, bob.rtp, to_b, n=5))
    hang_up(a, b)


def test_hold_from_the_called_side_in_the_old_form(alice, bob):
    """c=0.0.0.0 (RFC 2543) from bob."""
    a, b, _ = call(alice, bob)
    b.request("INVITE", body=offer(bob, connection="0.0.0.0", version=2))
    re = alice.expect("INVITE")
    assert re.tag("To") == a.local_tag
    assert re.sdp_media()[0][4] in ("sendonly", "inactive") or re.sdp_media()[0][1] == "0.0.0.0"
    alice.reply(re, 200, "OK", body=offer(alice, direction="recvonly", version=2))
    b.ack(bob.expect("200 INVITE"))
    alice.expect("ACK")
    hang_up(a, b)


def test_failed_reinvite_restores_media(alice, bob):
    a, b, _ = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]
    a.request("INVITE", body=offer(alice, direction="inactive", version=2))
    re = bob.expect("INVITE")
    bob.reply(re, 488, "Not Acceptable Here", contact=False)
    bob.expect("ACK")
    a.ack(alice.expect("488"))
    assert all(len(x) >= 5 for x in alice.rtp.exchange(to_a, bob.rtp, to_b, n=5))
    hang_up(a, b)


def test_delayed_offer(alice, bob):
    """INVITE without an offer: the ACK that carries the answer reaches bob only when alice has answered."""
    a = Dialog.invite(alice, ACCESS, "bob", "")
    invite = bob.expect("INVITE")
    assert not invite.body
    b = Dialog.accepted(bob, invite)
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    ok = alice.expect("200 INVITE")
    assert ok.sdp_media()[0][1] == "198.51.100.10"
    bob.nothing(0.2)
    a.ack(ok, body=offer(alice))
    ack = bob.expect("ACK")
    assert ack.sdp_media()[0][1] == "10.77.0.10"
    got = alice.rtp.exchange(ok.sdp_media()[0][1:3], bob.rtp, ack.sdp_media()[0][1:3])
    assert all(len(x) >= 10 for x in got)
    hang_up(a, b)


def test_forking_one_winner(lab, sbc, alice, bob):
    """Two contacts of bob ring; the first answer wins, the other is cancelled, its late 200 is acknowledged and ended."""
    with Peer(lab, "core", "10.77.0.21", user="bob") as second:
        register(second, CORE, "builder")
        a = Dialog.invite(alice, ACCESS, "bob", offer(alice))
        i1, i2 = bob.expect("INVITE"), second.expect("INVITE")
        assert i1.get("Call-ID") and i1.branch != i2.branch
        bob.reply(i1, 180, "Ringing", to_tag="one")
        second.reply(i2, 180, "Ringing", to_tag="two")
        alice.expect("180")
        b = Dialog.accepted(bob, i1)
        bob.reply(i1, 200, "OK", to_tag=b.local_tag, body=offer(bob))
        ok = alice.expect("200 INVITE", skip=("100", "180"))
        a.ack(ok)
        bob.expect("ACK")
        cancel = second.expect("CANCEL")
        second.reply(i2, 200, "OK", to_tag="two", body=sdp("10.77.0.21", 40000))
        second.reply(cancel, 200, "OK", contact=False)
        second.expect("ACK")
        bye = second.expect("BYE")
        second.reply(bye, 200, "OK", contact=False)
        hang_up(a, b)
        register(second, CORE, "builder", expires=0)


def test_forking_all_busy(lab, sbc, alice, bob):
    with Peer(lab, "core", "10.77.0.21", user="bob") as second:
        register(second, CORE, "builder")
        a = Dialog.invite(alice, ACCESS, "bob", offer(alice))
        i1, i2 = bob.expect("INVITE"), second.expect("INVITE")
        bob.reply(i1, 486, "Busy Here", to_tag="one", contact=False)
        bob.expect("ACK")
        alice.nothing(0.2, skip=("100", "180"))
        second.reply(i2, 480, "Temporarily Unavailable", to_tag="two", contact=False)
        second.expect("ACK")
        final = alice.final()
        assert final.status in (486, 480)
        a.ack(final)
        register(second, CORE, "builder", expires=0)


def test_in_dialog_request_with_a_wrong_tag_is_481(alice, bob):
    a, b, _ = call(alice, bob)
    good = a.remote
    a.remote = good.replace(a.remote_tag, "wrong")
    a.request("BYE", contact=False)
    alice.expect("481")
    a.remote = good
    hang_up(a, b)
    a.request("BYE", contact=False)
    alice.expect("481")


def test_second_invite_before_the_final_answer_is_500(alice, bob):
    a, b, _ = call(alice, bob)
    a.request("INVITE", body=offer(alice, version=2))
    re = bob.expect("INVITE")
    first = Message(a.peer.request("INVITE", a.target, a.remote, a.local, a.call_id, a.cseq, a.branch))
    a.request("INVITE", body=offer(alice, version=3))
    refused = alice.expect("500")
    assert 0 <= int(refused.get("Retry-After")) <= 10
    a.ack(refused)
    bob.reply(re, 200, "OK", body=offer(bob, version=2))
    ok = alice.expect("200 INVITE")
    assert ok.cseq == first.cseq
    a.ack(ok)
    bob.expect("ACK")
    hang_up(a, b)


def test_options(lab, sbc, alice):
    alice.send(alice.request("OPTIONS", "sip:198.51.100.11", "<sip:198.51.100.11>"), ACCESS)
    ok = alice.expect("200")
    assert "INVITE" in ok.get("Allow") and "application/sdp" in ok.get("Accept")


def test_nobody_and_nowhere(alice):
    for called, status in (("nobody", "404"), ("carol", "480")):
        a = Dialog.invite(alice, ACCESS, called, offer(alice))
        a.ack(alice.expect(status))


def test_unregistered_caller_is_challenged_and_refused(lab, sbc, bob):
    with Peer(lab, "peer", "198.51.100.66", port=5062, user="mallory") as mallory:
        a = Dialog.invite(mallory, ACCESS, "bob", sdp(mallory.ip, 40000))
        challenge = mallory.expect("407")
        a.authorize(challenge, "alice", "guess")
        refused = mallory.final()
        assert refused.status in (403, 407)
        a.ack(refused)
        bob.nothing(0.2)


def test_echo(alice):
    a = Dialog.invite(alice, ACCESS, "600", offer(alice))
    ok = alice.expect("200 INVITE")
    a.ack(ok)
    target = ok.sdp_media()[0][1:3]
    alice.rtp.send(target, 10, pace_s=0.005)
    back = alice.rtp.receive(9, 2)
    assert len(back) >= 9
    a.bye()


def test_max_forwards_zero_is_483(alice):
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice), max_forwards=0)
    a.ack(alice.expect("483"))


def test_killed_phone_ends_the_call(alice, bob, sbc):
    """Bob's phone vanishes: requests to it time out, and alice's side ends. Here by its own BYE, which bob never answers."""
    a, b, _ = call(alice, bob)
    a.request("BYE", contact=False)
    alice.expect("200 BYE")
    bob.expect("BYE")
    bob.drain()


def test_ipv6_to_ipv4(lab, sbc, bob):
    with Peer(lab, "peer", "2001:db8:a::66", user="carol") as carol:
        carol.rtp = Stream(lab, "peer", carol.ip)
        register(carol, ACCESS6, "christmas")
        a = Dialog.invite(carol, ACCESS6, "bob", offer(carol))
        invite = bob.expect("INVITE")
        assert invite.sdp_media()[0][1] == "10.77.0.10" and "IP4" in invite.body and "IP6" not in invite.body
        b = Dialog.accepted(bob, invite)
        bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
        ok = carol.expect("200 INVITE")
        assert ok.sdp_media()[0][1] == "2001:db8:a::10"
        a.ack(ok)
        bob.expect("ACK")
        got = carol.rtp.exchange(ok.sdp_media()[0][1:3], bob.rtp, invite.sdp_media()[0][1:3])
        assert all(len(x) >= 10 for x in got)
        hang_up(a, b)
        register(carol, ACCESS6, "christmas", expires=0)
        carol.rtp.close()
