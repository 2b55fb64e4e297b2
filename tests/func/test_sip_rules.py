"""What a border must do right in SIP, one test a rule; the rules that a plain call shows are in test_call.py. Numbers are those of the project's list of rules."""
import re
import time

import pytest

from parties import ACCESS, CORE, call, hang_up, offer
from sip import Dialog, Message, Peer, register, sdp, token


def ringing(alice, bob, **kw):
    """Up to bob's INVITE, no response yet."""
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice), **kw)
    invite = bob.expect("INVITE")
    return a, Dialog.accepted(bob, invite), invite


def answer(a, b, invite, tag=None, **kw):
    """bob's 200, alice's ACK, bob's ACK. Returns alice's 200 and the ACK."""
    b.peer.reply(invite, 200, "OK", to_tag=tag or b.local_tag, body=offer(b.peer), **kw)
    ok = a.peer.expect("200 INVITE", skip=("100", "180", "183"))
    a.ack(ok)
    return ok, b.peer.expect("ACK")


def refused(a, b, invite):
    """Ends a call that is only ringing."""
    b.peer.reply(invite, 486, "Busy Here", to_tag=b.local_tag, contact=False)
    b.peer.expect("ACK")
    final = a.peer.final()
    a.ack(final)
    return final


def origin(m):
    """(id, version) of the o= line."""
    _, sid, version, *_ = re.search(r"^o=(.*)$", m.body, re.M).group(1).split()
    return int(sid), int(version)


def video(p, port=40002):
    return [f"m=video {port} RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=x-unknown:kept"]


def media(p, lines, version=2):
    """An audio session with more m-lines behind it."""
    return sdp(p.ip, p.rtp.port, version=version).rstrip() + "\r\n" + "\r\n".join(lines) + "\r\n"


def test_rule_01_a_missing_or_wrong_tag_is_481(alice, bob):
    a, b, _ = call(alice, bob)
    good = a.remote
    for to in (good.replace(a.remote_tag, "x" + a.remote_tag[1:]), good.split(";tag=")[0]):
        a.remote = to
        a.request("BYE", contact=False)
        assert alice.expect("481").method == "BYE"
    a.remote, local = good, a.local
    a.local = local.split(";tag=")[0] + ";tag=other"
    a.request("BYE", contact=False)
    alice.expect("481")
    a.local = local
    hang_up(a, b)


def test_rule_02_each_to_tag_is_an_early_dialog_and_the_caller_sees_one(alice, bob):
    """A proxy in front of bob forks: two tags ring, the second answers with a target of its own."""
    a, b, invite = ringing(alice, bob)
    bob.reply(invite, 180, "Ringing", to_tag="one")
    first = alice.expect("180")
    bob.reply(invite, 180, "Ringing", to_tag="two")
    second = alice.expect("180")
    assert first.tag("To") == second.tag("To")
    bob.contact = "<sip:second@10.77.0.20:5060>"
    ok, ack = answer(a, b, invite, tag="two")
    assert ok.tag("To") == first.tag("To")
    assert ack.tag("To") == "two" and ack.ruri == "sip:second@10.77.0.20:5060"
    bob.contact = "<sip:first@10.77.0.20:5060>"
    bob.reply(invite, 200, "OK", to_tag="one", body=offer(bob))
    late = bob.expect("ACK")
    assert late.tag("To") == "one" and late.ruri == "sip:first@10.77.0.20:5060"
    bye = bob.expect("BYE")
    assert bye.tag("To") == "one"
    bob.reply(bye, 200, "OK", contact=False)
    bob.contact = "<sip:bob@10.77.0.20:5060>"
    a.request("BYE", contact=False)
    bye = bob.expect("BYE")
    assert bye.tag("To") == "two"
    bob.reply(bye, 200, "OK", contact=False)
    alice.expect("200 BYE")


def test_rule_03_cancel_waits_for_a_provisional_response(alice, bob):
    a, b, invite = ringing(alice, bob)
    a.cancel()
    assert {alice.expect(s, skip=("100", "487")).status for s in ("200",)} == {200}
    a.ack(alice.expect("487"))
    bob.nothing(0.3, skip=("INVITE",))
    bob.reply(invite, 100, "Trying", contact=False)
    cancel = bob.expect("CANCEL", skip=("INVITE",))
    assert cancel.branch == invite.branch and cancel.ruri == invite.ruri and cancel.cseq == invite.cseq
    bob.reply(cancel, 200, "OK", contact=False)
    bob.reply(invite, 487, "Request Terminated", to_tag="t", contact=False)
    bob.expect("ACK")


def test_rule_07_what_we_originate_is_repeated(alice, bob):
    a, b, _ = call(alice, bob)
    a.request("BYE", contact=False)
    alice.expect("200 BYE")
    bye = bob.expect("BYE")
    assert bob.expect("BYE", timeout=1).text == bye.text
    bob.reply(bye, 200, "OK", contact=False)


def test_rule_08_an_ack_for_nothing_is_nothing(alice, bob):
    a, b, _ = call(alice, bob)
    alice.send(alice.request("ACK", a.target, "<sip:bob@198.51.100.11>;tag=none", a.local, "nowhere", 7, contact=False), ACCESS)
    alice.nothing(0.2)
    bob.nothing(0)
    hang_up(a, b)


def test_rule_09_crossing_reinvites_are_491_and_both_may_try_again(alice, bob):
    a, b, _ = call(alice, bob)
    a.request("INVITE", body=offer(alice, version=2))
    re_b = bob.expect("INVITE")
    b.request("INVITE", body=offer(bob, version=2))
    crossed = bob.expect("491")
    b.ack(crossed)
    bob.reply(re_b, 491, "Request Pending", contact=False)
    bob.expect("ACK")
    a.ack(alice.expect("491"))
    for x, y in ((b, a), (a, b)):
        x.request("INVITE", body=offer(x.peer, version=3))
        y.peer.reply(y.peer.expect("INVITE"), 200, "OK", body=offer(y.peer, version=3))
        x.ack(x.peer.expect("200 INVITE"))
        y.peer.expect("ACK")
        y.peer.nothing(0.3)  # x's ACK is on its way to us
    hang_up(a, b)


def test_rule_09_a_lower_cseq_is_500(alice, bob):
    a, b, _ = call(alice, bob)
    b.cseq = 500
    bob.nothing(0.3)  # alice's ACK is on its way to us: before it a re-INVITE is 491
    b.request("INVITE", body=offer(bob, version=2))
    alice.reply(alice.expect("INVITE"), 200, "OK", body=offer(alice, version=2))
    b.ack(bob.expect("200 INVITE"))
    alice.expect("ACK")
    b.request("INFO", cseq=400, contact=False)
    bob.expect("500 INFO")
    b.request("BYE", cseq=500, contact=False)
    bob.expect("500 BYE")
    hang_up(a, b, first=b)


def test_rule_10_a_late_180_is_not_forwarded(alice, bob):
    a, b, invite = call(alice, bob)
    bob.reply(invite, 180, "Ringing", to_tag=b.local_tag)
    bob.reply(invite, 183, "Session Progress", to_tag="another", body=offer(bob))
    alice.nothing(0.2)
    hang_up(a, b)


def test_rule_11_bye_in_an_early_dialog_ends_it(alice, bob):
    a, b, invite = ringing(alice, bob)
    bob.reply(invite, 180, "Ringing", to_tag=b.local_tag)
    a.established(alice.expect("180"))
    branch = a.branch
    a.request("BYE", contact=False)
    alice.expect("200 BYE")
    final = alice.expect("487 INVITE")
    a.branch = branch
    a.ack(final)
    cancel = bob.expect("CANCEL")
    bob.reply(cancel, 200, "OK", contact=False)
    bob.reply(invite, 487, "Request Terminated", to_tag=b.local_tag, contact=False)
    bob.expect("ACK")


def test_rule_11_expires_of_an_invite_ends_the_ringing(alice, bob):
    a, b, invite = ringing(alice, bob, headers=["Expires: 1"])
    bob.reply(invite, 180, "Ringing", to_tag=b.local_tag)
    alice.expect("180")
    a.ack(alice.expect("487", timeout=3))
    cancel = bob.expect("CANCEL")
    bob.reply(cancel, 200, "OK", contact=False)
    bob.reply(invite, 487, "Request Terminated", to_tag=b.local_tag, contact=False)
    bob.expect("ACK")


def test_rule_12_a_merged_invite_is_482(alice, bob):
    a, b, invite = ringing(alice, bob)
    again = a.invite_text.replace(a.branch, "z9hG4bK" + token())
    alice.send(again, ACCESS)
    merged = alice.expect("482")
    alice.send(alice.request("ACK", a.target, merged.get("To"), a.local, a.call_id, 1, merged.branch, contact=False), ACCESS)
    bob.nothing(0.1, skip=("INVITE",))
    assert refused(a, b, invite).status == 486


def test_rule_13_an_invite_that_is_repeated_after_its_2xx_is_absorbed(alice, bob):
    a, b, _ = call(alice, bob)
    alice.send(a.invite_text, ACCESS)
    alice.nothing(0.2)
    bob.nothing(0)
    hang_up(a, b)


def test_rule_14_max_forwards_and_our_own_loop(alice, bob):
    a, b, invite = ringing(alice, bob, max_forwards=None)
    assert invite.get("Max-Forwards") == "69"
    back = invite.text.replace(invite.branch, "z9hG4bK" + token(), 1)
    bob.send(back, CORE)
    loop = bob.expect("482", skip=("INVITE", "100"))
    ack = bob.request("ACK", invite.ruri, loop.get("To"), invite.get("From"), invite.get("Call-ID"), invite.cseq, loop.branch, contact=False)
    bob.send(ack.replace(f"SIP/2.0/UDP {bob.hostport}", f"SIP/2.0/UDP {CORE[0]}:{CORE[1]}"), CORE)
    refused(a, b, invite)
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice), max_forwards=1)
    invite = bob.expect("INVITE")
    assert invite.get("Max-Forwards") == "0"
    refused(a, Dialog.accepted(bob, invite), invite)


@pytest.mark.parametrize("lr", [";lr", ""])
def test_rule_15_record_route_on_the_called_side(alice, bob, lr):
    """Two proxies, the nearer one loose or strict; both are bob's socket."""
    a, b, invite = ringing(alice, bob)
    near, far = f"sip:near@10.77.0.20:5060{lr}", "sip:far@10.77.0.99;lr"
    text = bob.response(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob), headers=[f"Record-Route: <{far}>, <{near}>;x=1"])
    bob.send(text, bob.last_from)
    a.ack(alice.expect("200 INVITE"))
    ack = bob.expect("ACK")
    routes = [r.strip() for line in ack.all("Route") for r in line.split(",")]
    target = "sip:bob@10.77.0.20:5060"
    if lr:
        assert ack.ruri == target and routes == [f"<{near}>", f"<{far}>"]
    else:
        assert ack.ruri == near and routes == [f"<{far}>", f"<{target}>"]
    # A re-INVITE's responses do not change the route set, but its Contact does the target.
    a.request("INVITE", body=offer(alice, version=2))
    re_b = bob.expect("INVITE")
    bob.contact = "<sip:moved@10.77.0.20:5060>"
    bob.send(bob.response(re_b, 200, "OK", body=offer(bob, version=2), headers=["Record-Route: <sip:new@10.77.0.20;lr>"]), bob.last_from)
    a.ack(alice.expect("200 INVITE"))
    ack = bob.expect("ACK")
    assert (ack.ruri if lr else ack.all("Route")[-1].strip("<>")) == "sip:moved@10.77.0.20:5060"
    assert "new@" not in ack.text
    bob.contact = "<sip:bob@10.77.0.20:5060>"
    hang_up(a, b)


def test_rule_15_record_route_on_the_calling_side(alice, bob):
    near, far = "<sip:p1@198.51.100.66:5060;lr>", "<sip:p2@198.51.100.99;lr>"
    a, b, invite = ringing(alice, bob, headers=[f"Record-Route: {near}", f"Record-Route: {far}"])
    ok, _ = answer(a, b, invite)
    assert [r.strip() for line in ok.all("Record-Route") for r in line.split(",")] == [near, far]
    bob.nothing(0.3)
    b.request("INVITE", body=offer(bob, version=2))
    re_a = alice.expect("INVITE")
    assert [r.strip() for line in re_a.all("Route") for r in line.split(",")] == [near, far]
    assert "p1" not in bob.last_from[0]
    alice.reply(re_a, 200, "OK", body=offer(alice, version=2))
    b.ack(bob.expect("200 INVITE"))
    assert alice.expect("ACK").all("Route")
    hang_up(a, b)


def test_rule_16_via_and_contact_name_the_socket(alice, bob):
    a, b, invite = ringing(alice, bob)
    assert bob.last_from == CORE
    assert "10.77.0.11:5060" in invite.get("Via") and "10.77.0.11:5060" in invite.get("Contact")
    ok, ack = answer(a, b, invite)
    assert "198.51.100.11:5060" in ok.get("Contact") and "received=198.51.100.66" in ok.get("Via")
    hang_up(a, b)


def test_rule_17_a_preloaded_route_is_stripped(alice, bob):
    a, b, invite = ringing(alice, bob, headers=["Route: <sip:198.51.100.11;lr>", "Route: <sip:10.77.0.99;lr>"])
    assert not invite.get("Route") and "10.77.0.99" not in invite.text
    refused(a, b, invite)


def test_rule_18_sips_is_416_and_tel_is_a_number(alice, bob):
    for uri in ("sips:bob@198.51.100.11", "mailto:bob@example.net"):
        a = Dialog(alice, ACCESS)
        branch = "z9hG4bK" + token()
        alice.send(alice.request("INVITE", uri, "<sip:bob@198.51.100.11>", None, a.call_id, 1, branch, body=offer(alice)), ACCESS)
        final = alice.expect("416")
        alice.send(alice.request("ACK", uri, final.get("To"), final.get("From"), a.call_id, 1, branch, contact=False), ACCESS)


@pytest.mark.parametrize("user", ["b%6fb", "%62%6F%62"])
def test_rule_18_user_parts_stay_as_they_are(alice, bob, user):
    a = Dialog.invite(alice, ACCESS, user, offer(alice), caller="alice", display='A \\"quoted\\" \\\\ ü Name')
    invite = bob.expect("INVITE")
    assert f"<sip:{user}@" in invite.get("To")
    assert invite.get("From").startswith('"A \\"quoted\\" \\\\ ü Name" <sip:alice@')
    refused(a, Dialog.accepted(bob, invite), invite)


def test_rule_20_the_answer_of_a_preview_counts_when_the_200_has_none(alice, bob):
    a, b, invite = ringing(alice, bob)
    bob.reply(invite, 183, "Session Progress", to_tag=b.local_tag, body=offer(bob))
    progress = alice.expect("183")
    bob.reply(invite, 200, "OK", to_tag=b.local_tag)
    ok = alice.expect("200 INVITE")
    assert ok.body == progress.body
    a.ack(ok)
    bob.expect("ACK")
    hang_up(a, b)


def test_rule_20_a_preview_of_another_fork_is_no_answer(alice, bob):
    """The early media was one fork's, the 200 without SDP is another's: that is no answer."""
    a, b, invite = ringing(alice, bob)
    bob.reply(invite, 183, "Session Progress", to_tag="one", body=offer(bob))
    alice.expect("183")
    bob.reply(invite, 200, "OK", to_tag="two")
    final = alice.final()
    assert final.status >= 500
    a.ack(final)
    bob.expect("ACK")
    bye = bob.expect("BYE")
    assert bye.tag("To") == "two"
    bob.reply(bye, 200, "OK", contact=False)


def test_rule_20_the_answer_may_differ_from_another_forks_preview(alice, bob):
    a, b, invite = ringing(alice, bob)
    bob.reply(invite, 183, "Session Progress", to_tag="one", body=sdp(bob.ip, 40000, payloads=((0, "PCMU/8000"),)))
    preview = alice.expect("183")
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=sdp(bob.ip, bob.rtp.port, payloads=((8, "PCMA/8000"),)))
    ok = alice.expect("200 INVITE")
    assert preview.sdp_media()[0][3] == [0] and ok.sdp_media()[0][3] == [8]
    assert ok.sdp_media()[0][2] == preview.sdp_media()[0][2]
    assert origin(ok) == (origin(preview)[0], origin(preview)[1] + 1)
    a.ack(ok)
    bob.expect("ACK")
    hang_up(a, b)


def test_rule_21_a_reinvite_without_an_offer_gets_a_full_one(alice, bob):
    a, b, _ = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]
    a.request("INVITE")
    re_b = bob.expect("INVITE")
    assert not re_b.body
    bob.reply(re_b, 200, "OK", body=offer(bob, version=2))
    ok = alice.expect("200 INVITE")
    assert ok.sdp_media()[0][1:4] == (*to_a, [0, 8, 101])
    bob.nothing(0.1)
    a.ack(ok, body=offer(alice, version=2))
    assert bob.expect("ACK").sdp_media()[0][1:3] == to_b
    assert all(len(x) >= 5 for x in alice.rtp.exchange(to_a, bob.rtp, to_b, n=5))
    hang_up(a, b)


def test_rule_22_our_own_origin(alice, bob):
    a, b, invite = call(alice, bob)
    versions = [origin(invite)]
    for version, direction in ((2, "sendrecv"), (3, "sendonly"), (4, "sendonly")):
        a.request("INVITE", body=offer(alice, version=version, direction=direction))
        re_b = bob.expect("INVITE")
        versions.append(origin(re_b))
        bob.reply(re_b, 200, "OK", body=offer(bob, version=version))
        a.ack(alice.expect("200 INVITE"))
        bob.expect("ACK")
    (sid, v), *rest = versions
    assert sid != 4711
    assert rest == [(sid, v), (sid, v + 1), (sid, v + 1)]
    hang_up(a, b)


def test_rule_23_and_28_video_comes_goes_and_comes_back(alice, bob):
    a, b, _ = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]

    def change(version, lines_a, lines_b):
        a.request("INVITE", body=media(alice, lines_a, version))
        re_b = bob.expect("INVITE")
        bob.reply(re_b, 200, "OK", body=media(bob, lines_b, version))
        ok = alice.expect("200 INVITE")
        a.ack(ok)
        bob.expect("ACK")
        assert ok.sdp_media()[0][1:3] == to_a and re_b.sdp_media()[0][1:3] == to_b
        assert len(ok.sdp_media()) == len(re_b.sdp_media()) == 2
        return ok, re_b

    ok, re_b = change(2, video(alice), video(bob))
    v_a, v_b = ok.sdp_media()[1], re_b.sdp_media()[1]
    assert v_a[0] == v_b[0] == "video" and v_a[2] not in (0, to_a[1]) and v_b[2] not in (0, to_b[1])
    assert "a=x-unknown:kept" in re_b.body and "a=x-unknown:kept" in ok.body
    gone = ["m=video 0 RTP/AVP 96"]
    ok, re_b = change(3, gone, gone)
    assert ok.sdp_media()[1][2] == re_b.sdp_media()[1][2] == 0
    ok, re_b = change(4, video(alice), video(bob))
    assert ok.sdp_media()[1][2] and re_b.sdp_media()[1][2]
    assert all(len(x) >= 5 for x in alice.rtp.exchange(to_a, bob.rtp, to_b, n=5))
    # Fewer m-lines than before is no offer.
    a.request("INVITE", body=offer(alice, version=5))
    a.ack(alice.expect("488"))
    hang_up(a, b)


@pytest.mark.parametrize("lines", [[], ["m=video 0 RTP/AVP 96", "m=text 0 RTP/AVP 98"]])
def test_rule_23_an_answer_with_other_m_lines_than_offered_is_none(alice, bob, lines):
    a = Dialog.invite(alice, ACCESS, "bob", media(alice, video(alice)))
    invite = bob.expect("INVITE")
    b = Dialog.accepted(bob, invite)
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=media(bob, lines) if lines else offer(bob))
    final = alice.final()
    assert final.status == 502
    a.ack(final)
    bob.expect("ACK")
    bye = bob.expect("BYE")
    bob.reply(bye, 200, "OK", contact=False)


def test_rule_26_video_refused_leaves_audio(alice, bob):
    a, b, _ = call(alice, bob)
    a.request("INVITE", body=media(alice, video(alice)))
    re_b = bob.expect("INVITE")
    assert re_b.sdp_media()[1][2] != 0
    bob.reply(re_b, 200, "OK", body=media(bob, ["m=video 0 RTP/AVP 96"]))
    ok = alice.expect("200 INVITE")
    assert [m[2] != 0 for m in ok.sdp_media()] == [True, False]
    a.ack(ok)
    bob.expect("ACK")
    hang_up(a, b)


def test_rule_27_fax_is_refused_and_audio_stays(alice, bob):
    """T.38 is not relayed yet: its re-INVITE is 488, and the call goes on as it was."""
    a, b, _ = call(alice, bob)
    to_a, to_b = a.media[1:3], b.media[1:3]
    bob.nothing(0.3)
    b.request("INVITE", body=f"v=0\r\no=- 4711 2 IN IP4 {bob.ip}\r\ns=-\r\nc=IN IP4 {bob.ip}\r\nt=0 0\r\nm=image 40100 udptl t38\r\n")
    b.ack(bob.expect("488"))
    assert all(len(x) >= 5 for x in alice.rtp.exchange(to_a, bob.rtp, to_b, n=5))
    hang_up(a, b)


@pytest.mark.parametrize("status,headers,seen", [
    (302, ["Contact: <sip:elsewhere@10.77.0.77>"], 480),
    (401, ['WWW-Authenticate: Digest realm="inner", nonce="1"'], 500),
    (407, ['Proxy-Authenticate: Digest realm="inner", nonce="1"'], 500),
])
def test_rule_33_redirections_and_challenges_of_the_far_side_stay_there(alice, bob, status, headers, seen):
    a, b, invite = ringing(alice, bob, headers=['Proxy-Authorization: Digest username="alice", realm="x", nonce="n", uri="u", response="r"'])
    assert "Authorization" not in invite.text
    bob.reply(invite, status, "No", to_tag="t", contact=False, headers=headers)
    bob.expect("ACK")
    final = alice.final()
    assert final.status == seen and "inner" not in final.text and "10.77.0" not in final.text
    a.ack(final)


def test_rule_35_require_is_420(alice, bob):
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice), headers=["Require: 100rel, timer", "Proxy-Require: nat"])
    final = alice.expect("420")
    assert {x.strip() for x in final.get("Unsupported").split(",")} == {"100rel", "timer", "nat"}
    a.ack(final)
    a, b, _ = call(alice, bob)
    for method in ("INVITE", "INFO"):
        a.request(method, headers=["Require: foo"], contact=method == "INVITE", body=offer(alice, version=2) if method == "INVITE" else "")
        final = alice.expect("420 " + method)
        assert final.get("Unsupported") == "foo"
        if method == "INVITE":
            a.ack(final)
    hang_up(a, b)


@pytest.mark.parametrize("method,status", [("PRACK", 405), ("UPDATE", 405), ("REFER", 405), ("SUBSCRIBE", 405), ("MESSAGE", 405), ("FLY", 501)])
def test_rule_35_methods_that_we_do_not_offer(alice, bob, method, status):
    a, b, _ = call(alice, bob)
    a.request(method)
    final = alice.expect(str(status))
    allow = {m.strip() for m in final.get("Allow").split(",")}
    assert {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"} <= allow and method not in allow
    bob.nothing(0)
    hang_up(a, b)


def test_rule_36_bodies(alice, bob):
    a = Dialog(alice, ACCESS)
    text = alice.request("INVITE", "sip:bob@198.51.100.11", "<sip:bob@198.51.100.11>", None, a.call_id, 1, "z9hG4bK" + token(), body=offer(alice))
    alice.send(text.replace("Content-Type: application/sdp\r\n", ""), ACCESS)
    final = alice.expect("400")
    alice.send(alice.request("ACK", "sip:bob@198.51.100.11", final.get("To"), final.get("From"), a.call_id, 1, final.branch, contact=False), ACCESS)
    a = Dialog.invite(alice, ACCESS, "bob", "--x\r\n\r\n--x--\r\n", content_type="multipart/mixed;boundary=x")
    final = alice.expect("415")
    assert "application/sdp" in final.get("Accept")
    a.ack(final)
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice), headers=["Content-Encoding: gzip"])
    final = alice.expect("415")
    assert final.get("Accept-Encoding")
    a.ack(final)
    a, b, _ = call(alice, bob)
    a.request("INFO", body="Signal=1\r\n", contact=False)  # typed as SDP by the kit
    info = bob.expect("INFO")
    assert info.get("Content-Type") == "application/sdp" and info.body == "Signal=1\r\n"
    bob.reply(info, 200, "OK", contact=False)
    alice.expect("200 INFO")
    a.cseq += 1
    text = alice.request("INFO", a.target, a.remote, a.local, a.call_id, a.cseq, contact=False, body="Signal=1\r\n")
    alice.send(text.replace("Content-Type: application/sdp\r\n", ""), ACCESS)
    alice.expect("400 INFO")
    bob.nothing(0)
    hang_up(a, b)


def test_rule_37_compact_forms_lists_and_folding(alice, bob):
    body = offer(alice)
    branch, tag, cid = "z9hG4bK" + token(), token(), token()
    text = ("INVITE sip:bob@198.51.100.11 SIP/2.0\r\n"
            f"v: SIP/2.0/UDP {alice.hostport};rport;branch={branch} ,\r\n SIP/2.0/UDP 203.0.113.9 ; branch=z9hG4bKfar\r\n"
            f"f:\"Folded\r\n\tName\"\r\n  <sip:alice@198.51.100.11>\r\n ;tag={tag}\r\nt: <sip:bob@198.51.100.11>\r\ni:{cid}\r\n"
            f"CSeq:  1\r\n  INVITE\r\nm: {alice.contact}\r\nk: timer,\r\n replaces\r\ns: compact\r\nmax-forwards: 70\r\n"
            f"c: application/sdp\r\nl: {len(body)}\r\n\r\n{body}")
    alice.send(text, ACCESS)
    invite = bob.expect("INVITE")
    assert invite.get("Subject") == "compact" and invite.body and "Folded" in invite.get("From")
    b = Dialog.accepted(bob, invite)
    text = bob.response(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    for long, short in (("Via", "v"), ("From", "f"), ("To", "t"), ("Call-ID", "i"), ("Contact", "m"), ("Content-Type", "c"), ("Content-Length", "l")):
        text = text.replace(f"\r\n{long}: ", f"\r\n{short}:")
    bob.send(text, bob.last_from)
    ok = alice.expect("200 INVITE")
    vias = [v.strip() for line in ok.all("Via") for v in line.split(",")]
    assert len(vias) == 2 and branch in vias[0] and "z9hG4bKfar" in vias[1]
    a = Dialog(alice, ACCESS)
    a.call_id, a.local = cid, ok.get("From")
    a.ack(ok)
    bob.expect("ACK")
    a.cseq = 1
    hang_up(a, b)


def test_rule_39_options_in_a_dialog_is_answered_here(alice, bob):
    a, b, _ = call(alice, bob)
    for x, y in ((a, b), (b, a)):
        x.request("OPTIONS", contact=False)
        ok = x.peer.expect("200 OPTIONS")
        assert "INVITE" in ok.get("Allow")
        y.peer.nothing(0)
    a.remote = a.remote.replace(a.remote_tag, "gone")
    a.request("OPTIONS", contact=False)
    alice.expect("481")
    a.remote = a.remote.replace("gone", a.remote_tag)
    hang_up(a, b)


def test_rule_41_call_waiting(lab, sbc, alice, bob):
    """carol calls bob, who is talking to alice: the phone decides, and hears how it shall ring."""
    a, b, _ = call(alice, bob)
    with Peer(lab, "peer", "198.51.100.66", port=5070, user="carol") as carol:
        register(carol, ACCESS, "christmas")
        info = "<http://www.example.com/sounds/moo.wav>;info=alert-autoanswer"
        c = Dialog.invite(carol, ACCESS, "bob", sdp(carol.ip, 40000), headers=[f"Alert-Info: {info}", "Call-Info: <http://example.com/pic.png>;purpose=icon"])
        second = bob.expect("INVITE")
        assert second.get("Alert-Info") == info and second.get("Call-Info") == "<http://example.com/pic.png>;purpose=icon"
        bob.reply(second, 180, "Ringing", to_tag="w", headers=["Alert-Info: <urn:alert:service:call-waiting>"])
        assert carol.expect("180").get("Alert-Info") == "<urn:alert:service:call-waiting>"
        bob.reply(second, 182, "Queued, two ahead", to_tag="w")
        assert carol.expect("182").start.endswith("Queued, two ahead")
        bob.reply(second, 486, "Busy Here", to_tag="w", contact=False)
        bob.expect("ACK")
        c.ack(carol.expect("486"))
        register(carol, ACCESS, "christmas", expires=0)
    hang_up(a, b)


# Who we are to strangers


def test_a_stranger_is_not_answered_more_than_he_sent(lab, sbc):
    """A forged source is no victim of ours: nothing twice, and nothing larger than the request goes there but a challenge, which has its size."""
    with Peer(lab, "peer", "198.51.100.66", port=5099, user="stranger") as p:
        for method in ("OPTIONS", "INVITE", "REGISTER", "MESSAGE", "FLY"):
            text = p.request(method, "sip:198.51.100.11", "<sip:x@198.51.100.11>", body=sdp(p.ip, 40000) if method == "INVITE" else "")
            p.send(text, ACCESS)
            got = p.recv(0.5)
            assert got
            if got.status not in (401, 407):
                assert len(got.text) <= len(text), f"{method}: {len(text)} bytes in, {len(got.text)} out:\n{got.text}"
            assert p.recv(0.8) is None, f"{method}: answered more than once"


def test_a_strangers_invite_is_not_remembered(lab, sbc):
    with Peer(lab, "peer", "198.51.100.66", port=5099, user="stranger") as p:
        a = Dialog.invite(p, ACCESS, "bob", sdp(p.ip, 40000))
        first = p.expect("407")
        p.send(a.invite_text, ACCESS)
        again = p.expect("407")
        nonce = re.compile(r'nonce="([^"]+)"')
        assert nonce.search(first.text).group(1) != nonce.search(again.text).group(1), "made anew, not kept"
        a.ack(again)
        p.nothing(0.7)


@pytest.mark.parametrize("status,change", [
    (400, lambda t: t.replace("CSeq: 1 INVITE", "CSeq: 1 BYE")),
    (400, lambda t: t.replace("sip:bob@198.51.100.11 SIP", "<sip:bob@198.51.100.11> SIP")),
    (400, lambda t: t.replace("Contact: <", "Contact: \"x <")),
    (400, lambda t: t.replace("Max-Forwards: 70", "Max-Forwards: many")),
    (505, lambda t: t.replace(" SIP/2.0\r\n", " SIP/7.0\r\n", 1)),
])
def test_malformed_requests_of_a_known_phone(alice, bob, status, change):
    a = Dialog(alice, ACCESS)
    branch = "z9hG4bK" + token()
    alice.send(change(alice.request("INVITE", "sip:bob@198.51.100.11", "<sip:bob@198.51.100.11>", None, a.call_id, 1, branch, body=offer(alice))), ACCESS)
    final = alice.expect(str(status))
    assert final.get("Call-ID") == a.call_id and final.branch == branch
    alice.send(alice.request("ACK", "sip:bob@198.51.100.11", final.get("To"), final.get("From"), a.call_id, 1, branch, contact=False), ACCESS)
    bob.nothing(0.1)


def test_hostile_names(alice, bob):
    """Control characters in a display name do not reach the far side; a very long one does not end the call."""
    for display in ("BEL\\\x07 \\\x01DEL\\\x7f", "x" * 1900):
        a = Dialog.invite(alice, ACCESS, "bob", offer(alice), display=display)
        invite = bob.expect("INVITE")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", invite.get("From")), invite.get("From")
        assert "<sip:alice@10.77.0.11" in invite.get("From")
        refused(a, Dialog.accepted(bob, invite), invite)


def test_a_contact_with_headers_and_method_makes_a_clean_request_uri(alice, bob):
    a, b, invite = ringing(alice, bob)
    bob.contact = "<sip:bob@10.77.0.20:5060;method=INVITE;x=y?Subject=evil&Route=%3Csip:h%3E>"
    ok, ack = answer(a, b, invite)
    bob.contact = "<sip:bob@10.77.0.20:5060>"
    assert ack.ruri == "sip:bob@10.77.0.20:5060;x=y"
    hang_up(a, b)


def test_user_phone_is_kept(alice, bob):
    a = Dialog(alice, ACCESS)
    branch = "z9hG4bK" + token()
    alice.send(alice.request("INVITE", "sip:bob@198.51.100.11;user=phone", "<sip:bob@198.51.100.11;user=phone>", "<sip:alice@198.51.100.11;user=phone>;tag=a",
                             a.call_id, 1, branch, body=offer(alice)), ACCESS)
    invite = bob.expect("INVITE")
    assert ";user=phone>" in invite.get("From") and ";user=phone>" in invite.get("To")
    b = Dialog.accepted(bob, invite)
    a.target, a.local, a.branch = "sip:bob@198.51.100.11;user=phone", "<sip:alice@198.51.100.11;user=phone>;tag=a", branch
    refused(a, b, invite)


def test_bye_before_the_ack_and_a_2xx_that_comes_again_after_it(alice, bob):
    a, b, invite = call(alice, bob, answer=False)
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    ok = alice.expect("200 INVITE")
    a.established(ok)
    first = bob.expect("ACK")
    a.request("BYE", contact=False)
    alice.expect("200 BYE")
    bye = bob.expect("BYE")
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    assert bob.expect("ACK", skip=("BYE",)).text == first.text
    bob.reply(bye, 200, "OK", contact=False)
    a.ack(ok)
    alice.nothing(0.2)


def test_byes_that_cross(alice, bob):
    a, b, _ = call(alice, bob)
    a.request("BYE", contact=False)
    bye = bob.expect("BYE")
    b.request("BYE", contact=False)
    bob.expect("200 BYE")
    bob.reply(bye, 200, "OK", contact=False)
    alice.expect("200 BYE")
    alice.nothing(0.2)


def test_an_ack_with_another_cseq_is_not_the_one(alice, bob):
    a, b, invite = call(alice, bob, answer=False)
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob))
    ok = alice.expect("200 INVITE")
    bob.expect("ACK")
    a.established(ok)
    alice.send(alice.request("ACK", a.target, a.remote, a.local, a.call_id, 9, contact=False), ACCESS)
    again = alice.expect("200 INVITE", timeout=2)
    a.ack(again)
    a.media, b.media = ok.sdp_media()[0], invite.sdp_media()[0]
    alice.nothing(0.7)
    hang_up(a, b)


def test_a_2xx_without_contact_and_a_180_without_a_tag(alice, bob):
    a, b, invite = ringing(alice, bob)
    bob.send(bob.response(invite, 183, "Session Progress", body=offer(bob), contact=False), bob.last_from)
    assert alice.expect("183").body
    bob.reply(invite, 200, "OK", to_tag=b.local_tag, body=offer(bob), contact=False)
    ok = alice.expect("200 INVITE")
    a.ack(ok)
    ack = bob.expect("ACK")
    assert ack.ruri == invite.ruri
    hang_up(a, b)


def test_a_large_invite_goes_through(alice, bob):
    """Beyond the MTU of the link on both sides."""
    extra = [f"a=x-pad-{i}:" + "y" * 60 for i in range(60)]
    a = Dialog.invite(alice, ACCESS, "bob", offer(alice, extra=extra))
    invite = bob.expect("INVITE")
    assert invite.body.count("a=x-pad-") == 60
    refused(a, Dialog.accepted(bob, invite), invite)


def test_a_phone_with_a_dead_transport_ends_only_its_own(alice, bob):
    """A re-INVITE that the far side refuses with 503 leaves the call as it was."""
    a, b, _ = call(alice, bob)
    a.request("INVITE", body=offer(alice, version=2))
    bob.reply(bob.expect("INVITE"), 503, "Service Unavailable", contact=False, headers=["Retry-After: 5"])
    bob.expect("ACK")
    final = alice.expect("503")
    a.ack(final)
    hang_up(a, b)
