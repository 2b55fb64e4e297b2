/* Calls of two legs: setup, answer, end, and everything that may go wrong between them. */
#include "call_kit.h"

static void a_call_is_made_and_ended(void **state)
{
	struct packet *invite, *p, *ring;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE sip:+49@10.2.0.20 SIP/2.0");
	assert_string_equal(hdr(invite, "Max-Forwards"), "69");
	assert_string_equal(hdr(invite, "Subject"), "hello");
	assert_true(str_starts(str_c(hdr(invite, "From")),
			       STR("\"Alice A\" <sip:alice@10.2.0.1:5060>;tag=")));
	assert_string_equal(hdr(invite, "To"), "<sip:+49@10.2.0.20>");
	assert_true(has(invite, "c=IN IP4 10.2.0.2\r\n"));
	answer(invite, "right", "180 Ringing", "btag", "", NULL);
	ring = expect("SIP/2.0 180 Ringing");
	assert_string_equal(hdr(ring, "Call-ID"), "acall1@10.1.0.50");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	p = expect("SIP/2.0 200 OK");
	assert_string_equal(hdr(p, "To"), hdr(ring, "To"));
	assert_true(has(p, "c=IN IP4 10.1.0.2\r\n"));
	expect("ACK sip:bob@10.2.0.20:5060 SIP/2.0");
	alice_sends("ACK", 1, 1, p, "", NULL);
	expect_silence();
	assert_int_equal(endpoints_live(), 2);
	alice_sends("BYE", 1, 2, p, "Reason: Q.850;cause=16\r\n", NULL);
	expect("SIP/2.0 200 OK");
	p = expect("BYE sip:bob@10.2.0.20:5060 SIP/2.0");
	assert_string_equal(hdr(p, "Reason"), "Q.850;cause=16");
	ok(p, "right");
	pass(50);
	assert_int_equal(call_count(w.s.calls), 0);
	assert_int_equal(metric_get(&w.s.metrics.value[M_CALLS_ANSWERED]), 1);
	assert_int_equal(metric_get(&w.s.metrics.value[M_CALL_UNEXPECTED]), 0);
}

static void media_is_joined(void **state)
{
	struct packet *invite, *p;
	struct kit_endpoint *a, *b;

	(void)state;
	establish(&invite, &p);
	a = endpoint_at(audio_port(p));
	b = endpoint_at(audio_port(invite));
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(a->spec.sink, MEDIA_SINK_PEER);
	assert_int_equal(a->spec.sink_id, b - w.endpoint);
	assert_int_equal(b->spec.sink_id, a - w.endpoint);
	assert_int_equal(a->spec.remote.port, 4000);
	assert_int_equal(a->spec.remote_rtcp.port, 4001);
	assert_int_equal(b->spec.remote.port, 5000);
	assert_int_equal(a->spec.direction, MEDIA_RECV | MEDIA_SEND);
	assert_int_equal(a->spec.latch, MEDIA_LATCH_AUTO);
	assert_int_equal(a->spec.timeout_ms, 60000);
	assert_int_equal(a->spec.n_pt, 3);
	assert_int_equal(a->spec.pt[0], 8);
	call_media_user.timeout(&w.s, a->spec.call_id, (uint32_t)(a - w.endpoint),
				&(struct media_stat){0});
	p = expect("BYE sip:alice@10.1.0.50:5060");
	assert_string_equal(hdr(p, "Reason"), "SIP;cause=408;text=\"Media timeout\"");
	ok(p, "left");
	ok(expect("BYE sip:bob@"), "right");
}

static void the_ladder_tells_rtp_from_rtcp(void **state)
{
	struct media_stat stat = {0};
	struct packet *invite, *answered;
	struct call_info info;
	struct kit_endpoint *a;
	size_t i = 0;

	(void)state;
	establish(&invite, &answered);
	a = endpoint_at(audio_port(answered));
	assert_int_equal(addr_parse(STR("[2001:db8:1111:2222:3333::4]:40000"), &stat.latched), 0);
	assert_int_equal(addr_parse(STR("203.0.113.7:40001"), &stat.latched_rtcp), 0);
	for (int again = 0; again < 2; again++) {
		stat.flags = 0;
		call_media_user.latched(&w.s, a->spec.call_id, (uint32_t)(a - w.endpoint), &stat);
		stat.flags = MEDIA_STAT_RTCP;
		call_media_user.latched(&w.s, a->spec.call_id, (uint32_t)(a - w.endpoint), &stat);
	}
	assert_true(call_each(w.s.calls, &i, w.now, &info));
	assert_int_equal(info.ladder->n, 8);
	assert_string_equal(info.ladder->entry[6].text, "RTP from [2001:db8:1111:2222:3333::4]:4");
	assert_string_equal(info.ladder->entry[7].text, "RTCP from 203.0.113.7:40001");
	assert_int_equal(call_end(w.s.calls, info.id, STR(""), w.now), 0);
	ok(expect("BYE sip:alice@"), "left");
	ok(expect("BYE sip:bob@"), "right");
}

static void neither_side_sees_the_other(void **state)
{
	static const char *const of_a[] = {"10.1.0.",    "secret-a",     "acall1", "atag1",
					   "alice-only", "z9hG4bKalice", "o=alice"};
	static const char *const of_b[] = {"10.2.0.", "btag", "bob-only", "o=bob"};
	struct packet *invite, *answered, *p;

	(void)state;
	establish(&invite, &answered);
	bob_sends("INVITE", 7, invite, "btag", "", SDP_B(5000, "a=sendonly\r\n"));
	p = expect("INVITE sip:alice@");
	answer(p, "left", "200 OK", "", "", SDP_A(4000, "a=recvonly\r\n"));
	expect("SIP/2.0 200");
	expect("ACK ");
	bob_sends("ACK", 7, invite, "btag", "", NULL);
	bob_sends("BYE", 8, invite, "btag", "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "left");
	for (size_t i = 0; i < w.n_sent; i++) {
		bool to_a = w.sent[i].to.ip[1] == 1;
		const char *const *secret = to_a ? of_b : of_a;
		size_t n = to_a ? sizeof of_b / sizeof *of_b : sizeof of_a / sizeof *of_a;

		for (size_t k = 0; k < n; k++)
			if (has(&w.sent[i], secret[k]))
				fail_msg("'%s' crossed in\n%s", secret[k], w.sent[i].text);
	}
}

static void cancel_reaches_the_other_side(void **state)
{
	struct packet *invite;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "180 Ringing", "btag", "", NULL);
	expect("SIP/2.0 180");
	deliver(flow_of("left", "10.1.0.50:5060"),
		"CANCEL sip:+49@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"10.1.0.50:5060;rport;branch=z9hG4bKalice1\r\nMax-Forwards: 70\r\n"
		"From: \"Alice A\" <sip:alice@secret-a.example>;tag=atag1\r\nTo: "
		"<sip:+49@secret-a.example>\r\nCall-ID: acall1@10.1.0.50\r\n"
		"CSeq: 1 CANCEL\r\nReason: SIP;cause=487\r\nContent-Length: 0\r\n\r\n");
	expect("SIP/2.0 200");
	expect("SIP/2.0 487");
	assert_string_equal(hdr(expect("CANCEL sip:+49@10.2.0.20"), "Reason"), "SIP;cause=487");
	answer(invite, "right", "487 Request Terminated", "btag", "", NULL);
	expect("ACK ");
	pass(100);
	assert_int_equal(call_count(w.s.calls), 0);
	assert_int_equal(w.ports_used, 0);
	w.seen = w.n_sent; /* 487 retransmissions: nobody acknowledges */
}

static void a_2xx_that_crosses_the_cancel_is_acked_and_ended(void **state)
{
	struct packet *invite, *p;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "180 Ringing", "btag", "", NULL);
	p = expect("SIP/2.0 180");
	alice_sends("BYE", 1, 2, p, "", NULL); /* BYE in an early dialog is like CANCEL */
	expect("SIP/2.0 200");
	expect("SIP/2.0 487");
	expect("CANCEL ");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	expect("ACK sip:bob@");
	p = expect("BYE sip:bob@");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	expect("ACK sip:bob@"); /* the same again, and no second BYE */
	expect_silence();
	ok(p, "right");
}

static void a_refusal_is_passed_on(void **state)
{
	static const struct {
		const char *from_bob, *to_alice;
	} row[] = {
		{"486 Busy Here", "SIP/2.0 486 Busy Here"},
		{"603 Go away", "SIP/2.0 603 Go away"},
		{"302 Moved", "SIP/2.0 480 "},
		{"407 Proxy Authentication Required", "SIP/2.0 500 "},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
		struct packet *p;

		alice_invites("+49", i, "", SDP_A(4000, ""));
		answer(expect("INVITE "), "right", row[i].from_bob, "btag",
		       "Contact: <sip:x@10.2.0.99>\r\n", NULL);
		expect("ACK ");
		p = expect(row[i].to_alice);
		assert_false(has(p, "10.2.0.99"));
		alice_sends("ACK", i, 1, p, "", NULL);
		expect_silence();
	}
}

static void a_wrong_tag_is_481(void **state)
{
	struct packet *invite, *answered, *p;

	(void)state;
	establish(&invite, &answered);
	bob_sends("BYE", 5, invite, "wrong", "", NULL);
	expect("SIP/2.0 481");
	alice_sends("BYE", 2, 6, answered, "", NULL); /* From tag and Call-ID of another call */
	expect("SIP/2.0 481");
	deliver(flow_of("left", "10.1.0.50:5060"),
		"BYE sip:x@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"10.1.0.50;branch=z9hG4bKnotag\r\nFrom: <sip:a@b>;tag=atag1\r\nTo: <sip:b@b>\r\n"
		"Call-ID: acall1@10.1.0.50\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n");
	expect("SIP/2.0 481");
	bob_sends("ACK", 5, invite, "wrong", "", NULL); /* rule 8 */
	expect_silence();
	deliver(flow_of("wild", "10.1.0.50:5060"), /* the right tags, from another realm */
		fmt("BYE sip:x@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "10.1.0.50;branch=z9hG4bKrealm\r\nFrom: <sip:a@b>;tag=atag1\r\nTo: %s\r\n"
		    "Call-ID: acall1@10.1.0.50\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
		    hdr(answered, "To")));
	expect("SIP/2.0 481");
	expect_silence();
	alice_sends("BYE", 1, 2, answered, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "right");
	pass(100);
	alice_sends("BYE", 1, 3, answered, "", NULL);
	p = expect("SIP/2.0 481");
	assert_string_equal(hdr(p, "To"), hdr(answered, "To"));
}

static void stale_cseq_is_500(void **state)
{
	struct packet *invite, *answered;

	(void)state;
	establish(&invite, &answered);
	alice_sends("INFO", 1, 1, answered, "", NULL);
	expect("SIP/2.0 500");
	alice_sends("BYE", 1, 2, answered, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "right");
}

static void byes_may_cross(void **state)
{
	struct packet *invite, *answered, *bye;

	(void)state;
	establish(&invite, &answered);
	alice_sends("BYE", 1, 2, answered, "", NULL);
	expect("SIP/2.0 200");
	bye = expect("BYE ");
	bob_sends("BYE", 9, invite, "btag", "", NULL);
	expect("SIP/2.0 200");
	answer(bye, "right", "481 Gone", "", "", NULL);
	pass(100);
	assert_int_equal(call_count(w.s.calls), 0);
	assert_int_equal(metric_get(&w.s.metrics.value[M_CALL_UNEXPECTED]), 0);
}

/* Rule 5, first half: T1, doubling to T2, for 64*T1; then BYE to both. */
static void a_2xx_is_repeated_until_its_ack(void **state)
{
	static const unsigned at_ms[] = {500,   1500,  3500,  7500,  11500,
					 15500, 19500, 23500, 27500, 31500};
	struct packet *invite, *p;
	uint64_t start;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	expect("SIP/2.0 200");
	expect("ACK ");
	start = w.now;
	for (size_t i = 0; i < sizeof at_ms / sizeof *at_ms; i++) {
		pass(start + at_ms[i] - 50 - w.now);
		expect_silence();
		pass(50);
		expect("SIP/2.0 200");
	}
	pass(start + 32000 - w.now);
	ok(expect("BYE sip:alice@"), "left");
	p = expect("BYE sip:bob@");
	assert_string_equal(hdr(p, "Reason"), "SIP;cause=408;text=\"ACK missing\"");
	ok(p, "right");
}

/* Rule 5, second half. */
static void a_repeated_2xx_gets_the_same_ack(void **state)
{
	struct packet *invite, *first, *again;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	expect("SIP/2.0 200");
	first = expect("ACK ");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	again = expect("ACK ");
	assert_string_equal(first->text, again->text);
	expect_silence();
	pass(40000); /* Alice never acknowledges */
	for (struct packet *p; (p = next_packet()) != NULL;)
		if (str_starts(str_c(p->text), STR("BYE")))
			ok(p, p->to.ip[1] == 1 ? "left" : "right");
}

/* A BYE must not overtake the caller's ACK. */
static void bye_waits_for_the_ack(void **state)
{
	struct packet *invite, *answered;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	answered = expect("SIP/2.0 200");
	expect("ACK ");
	bob_sends("BYE", 2, invite, "btag", "", NULL);
	expect("SIP/2.0 200");
	expect_silence();
	alice_sends("ACK", 1, 1, answered, "", NULL);
	ok(expect("BYE sip:alice@"), "left");
}

static void ringing_ends_after_three_minutes(void **state)
{
	struct packet *invite;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "180 Ringing", "btag", "", NULL);
	expect("SIP/2.0 180");
	pass(179900);
	expect_silence();
	pass(200);
	expect("SIP/2.0 408");
	expect("CANCEL ");
	answer(invite, "right", "487 Request Terminated", "btag", "", NULL);
}

static void the_expires_of_the_caller_counts(void **state)
{
	struct packet *invite;

	(void)state;
	alice_invites("+49", 1, "Expires: 20\r\n", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "180 Ringing", "btag", "", NULL);
	expect("SIP/2.0 180");
	pass(20000);
	expect("SIP/2.0 487"); /* RFC 3261 13.3.1 */
	expect("CANCEL ");
	answer(invite, "right", "487 Request Terminated", "btag", "", NULL);
}

static void a_dead_trunk_is_408_and_a_broken_socket_503(void **state)
{
	struct packet *p;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	pass(33000);
	for (p = next_packet(); p && !str_starts(str_c(p->text), STR("SIP/2.0 408"));
	     p = next_packet())
		;
	assert_non_null(p);
	alice_sends("ACK", 1, 1, p, "", NULL);
	w.seen = w.n_sent;
}

static void echo_is_answered_here(void **state)
{
	struct packet *p, *q;
	struct kit_endpoint *e;

	(void)state;
	alice_invites("600", 1, "", SDP_A(4000, ""));
	p = expect("SIP/2.0 200 OK");
	alice_sends("ACK", 1, 1, p, "", NULL);
	e = endpoint_at(audio_port(p));
	assert_int_equal(e->spec.sink, MEDIA_SINK_ECHO);
	assert_int_equal(e->spec.remote.port, 4000);
	alice_sends("INVITE", 1, 2, p, "", SDP_A(4002, "a=sendonly\r\n"));
	q = expect("SIP/2.0 200 OK");
	assert_true(has(q, "a=recvonly"));
	assert_int_equal(audio_port(p), audio_port(q));
	assert_int_equal(e->spec.remote.port, 4002);
	assert_int_equal(e->spec.direction, MEDIA_RECV);
	assert_int_equal(e->spec.timeout_ms, 7200000);
	alice_sends("ACK", 1, 2, p, "", NULL);
	alice_sends("BYE", 1, 3, p, "", NULL);
	expect("SIP/2.0 200 OK");
	expect_silence();
	pass(100);
	assert_int_equal(call_count(w.s.calls), 0);
}

static void early_media_is_a_preview(void **state)
{
	struct packet *invite, *ring, *again, *final;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "183 Session Progress", "btag", "", SDP_B(5000, ""));
	ring = expect("SIP/2.0 183");
	assert_int_equal(endpoint_at(audio_port(ring))->spec.remote.port, 4000);
	assert_int_equal(endpoint_at(audio_port(ring))->spec.timeout_ms, 0);
	answer(invite, "right", "183 Session Progress", "btag", "", SDP_B(5000, ""));
	again = expect("SIP/2.0 183");
	assert_string_equal(body_of(ring), body_of(again));
	answer(invite, "right", "183 Session Progress", "other", "", SDP_B(6000, ""));
	assert_string_equal(body_of(expect("SIP/2.0 183")),
			    "");                             /* another early dialog is not shown */
	answer(invite, "right", "200 OK", "btag", "", NULL); /* the answer was in the 183 */
	final = expect("SIP/2.0 200");
	assert_string_equal(body_of(ring), body_of(final));
	expect("ACK ");
	alice_sends("ACK", 1, 1, final, "", NULL);
	answer(invite, "right", "180 Ringing", "btag", "", NULL); /* rule 10 */
	expect_silence();
	alice_sends("BYE", 1, 2, final, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "right");
}

static void a_2xx_without_an_answer_ends_it(void **state)
{
	struct packet *invite;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "200 OK", "btag", "", NULL);
	expect("SIP/2.0 502");
	expect("ACK ");
	ok(expect("BYE "), "right");
}

/* What one fork showed is not what another one answers. */
static void a_preview_of_another_fork_is_no_answer(void **state)
{
	struct packet *invite;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "183 Session Progress", "one", "", SDP_B(5000, ""));
	expect("SIP/2.0 183");
	answer(invite, "right", "200 OK", "two", "", NULL);
	expect("SIP/2.0 502");
	expect("ACK ");
	ok(expect("BYE "), "right");
}

/* Media that would go round in circles. */
static void an_answer_that_names_us_ends_it(void **state)
{
	struct packet *invite;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	answer(invite, "right", "200 OK", "btag", "",
	       "v=0\r\no=- 1 1 IN IP4 10.2.0.20\r\ns=-\r\nc=IN IP4 10.1.0.2\r\nt=0 0\r\nm=audio "
	       "20002 RTP/AVP 8\r\n");
	expect("SIP/2.0 502");
	expect("ACK ");
	ok(expect("BYE "), "right");
}

static void operators_see_and_end_it(void **state)
{
	struct packet *invite, *answered, *p;
	struct call_info info;
	size_t i = 0;

	(void)state;
	establish(&invite, &answered);
	assert_true(call_each(w.s.calls, &i, w.now, &info));
	assert_int_equal(info.n_leg, 2);
	assert_string_equal(info.state, "active");
	assert_true(str_eq(info.from, STR("alice")) && str_eq(info.to, STR("+49")) &&
		    str_eq(info.to_name, STR("pbx")));
	assert_true(str_eq(info.leg[0].codec, STR("PCMA")));
	assert_int_equal(info.leg[1].n_endpoint, 1);
	assert_int_equal(info.ladder->n, 6);
	assert_string_equal(info.ladder->entry[0].text, "INVITE+sdp");
	assert_false(call_each(w.s.calls, &i, w.now, &info));
	assert_int_equal(call_end(w.s.calls, info.id, STR("Goodbye"), w.now), 0);
	p = expect("BYE sip:alice@");
	assert_string_equal(hdr(p, "Reason"), "SIP;cause=480;text=\"Goodbye\"");
	ok(p, "left");
	ok(expect("BYE sip:bob@"), "right");
	pass(100);
	assert_int_equal(call_end(w.s.calls, info.id, STR(""), w.now), ERR_NOENT);
}

/* What an established call costs, its texts and agreed descriptions included. */
static void a_call_is_lean(void **state)
{
	struct packet *invite, *answered;
	struct call *c;
	size_t bytes = sizeof *c;

	(void)state;
	establish(&invite, &answered);
	c = w.s.calls->first;
	bytes += c->arena.held_bytes;
	for (size_t i = 0; i < c->n_leg; i++)
		bytes += c->leg[i]->oa.arena[0].held_bytes + c->leg[i]->oa.arena[1].held_bytes +
			 c->leg[i]->target.len + c->leg[i]->in_head.len + c->leg[i]->ack.len;
	print_message(
		"          an established call: %zu bytes, %zu of them the struct, %zu each leg\n",
		bytes, sizeof *c, sizeof(struct leg));
	assert_true(bytes < 16 * 1024);
	alice_sends("BYE", 1, 2, answered, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "right");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call_is_made_and_ended),
		T(media_is_joined),
		T(the_ladder_tells_rtp_from_rtcp),
		T(neither_side_sees_the_other),
		T(cancel_reaches_the_other_side),
		T(a_2xx_that_crosses_the_cancel_is_acked_and_ended),
		T(a_refusal_is_passed_on),
		T(a_wrong_tag_is_481),
		T(stale_cseq_is_500),
		T(byes_may_cross),
		T(a_2xx_is_repeated_until_its_ack),
		T(a_repeated_2xx_gets_the_same_ack),
		T(bye_waits_for_the_ack),
		T(ringing_ends_after_three_minutes),
		T(the_expires_of_the_caller_counts),
		T(a_dead_trunk_is_408_and_a_broken_socket_503),
		T(echo_is_answered_here),
		T(early_media_is_a_preview),
		T(a_2xx_without_an_answer_ends_it),
		T(a_preview_of_another_fork_is_no_answer),
		T(an_answer_that_names_us_ends_it),
		T(operators_see_and_end_it),
		T(a_call_is_lean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
