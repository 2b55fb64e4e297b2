/* Sessions that change: hold and resume, refusal, glare, delayed offers, in both directions. */
#include "call_kit.h"

static struct packet *invite, *answered;

static void established(void)
{
	establish(&invite, &answered);
}

static void over(unsigned cseq)
{
	alice_sends("BYE", 1, cseq, answered, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "right");
	expect_silence();
	assert_int_equal(metric_get(&w.s.metrics.value[M_CALL_UNEXPECTED]), 0);
}

static struct media_spec *spec_a(void)
{
	return &endpoint_at(audio_port(answered))->spec;
}

static struct media_spec *spec_b(void)
{
	return &endpoint_at(audio_port(invite))->spec;
}

/* o= of a body: id and version. */
static const char *origin(const struct packet *p)
{
	struct str rest = after(str_c(body_of(p)), "o=");
	struct str line = str_cut(&rest, '\r');

	return fmt("%.*s", STR_FMT(line));
}

static void hold_and_resume(void **state)
{
	struct packet *p, *q;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, "a=sendonly\r\n"));
	p = expect("INVITE sip:bob@10.2.0.20:5060");
	assert_string_equal(hdr(p, "CSeq"), "2 INVITE");
	assert_string_equal(hdr(p, "Call-ID"), hdr(invite, "Call-ID"));
	assert_true(str_ends(str_c(hdr(p, "To")), STR(";tag=btag")));
	assert_true(has(p, "a=sendonly"));
	assert_int_equal(audio_port(p), audio_port(invite)); /* rule 28 */
	assert_string_not_equal(origin(p), origin(invite));  /* rule 22: the version went up */
	answer(p, "right", "200 OK", "", "", SDP_B(5000, "a=recvonly\r\n"));
	q = expect("SIP/2.0 200");
	assert_true(has(q, "a=recvonly"));
	expect("ACK ");
	assert_int_equal(spec_a()->direction, MEDIA_RECV);
	assert_int_equal(spec_b()->direction, MEDIA_SEND);
	assert_int_equal(spec_a()->timeout_ms, 7200000);
	alice_sends("ACK", 1, 2, answered, "", NULL);
	alice_sends("INVITE", 1, 3, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	assert_false(has(p, "a=sendonly"));
	answer(p, "right", "200 OK", "", "", SDP_B(5000, ""));
	expect("SIP/2.0 200");
	expect("ACK ");
	assert_int_equal(spec_b()->direction, MEDIA_RECV | MEDIA_SEND);
	assert_int_equal(spec_b()->timeout_ms, 60000);
	alice_sends("ACK", 1, 3, answered, "", NULL);
	over(4);
}

/* Rule 24: the hold of RFC 2543, from the called side. */
static void hold_by_zero_address(void **state)
{
	struct packet *p;

	(void)state;
	established();
	bob_sends("INVITE", 100, invite, "btag", "",
		  "v=0\r\no=bob 5 7 IN IP4 10.2.0.20\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 "
		  "0\r\nm=audio 5000 RTP/AVP 8 101\r\n");
	p = expect("INVITE sip:alice@10.1.0.50:5060");
	assert_true(has(p, "c=IN IP4 10.1.0.2"));
	assert_true(has(p, "a=sendonly"));
	answer(p, "left", "200 OK", "", "", SDP_A(4000, "a=recvonly\r\n"));
	expect("SIP/2.0 200");
	expect("ACK ");
	assert_false(addr_is_set(&spec_b()->remote));
	assert_int_equal(spec_b()->direction, MEDIA_RECV);
	assert_int_equal(spec_a()->direction, MEDIA_SEND);
	bob_sends("ACK", 100, invite, "btag", "", NULL);
	over(2);
}

/* Up to our ACK to bob; alice's is still on its way. */
static void half_established(void)
{
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE sip:+49@10.2.0.20 SIP/2.0");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	answered = expect("SIP/2.0 200 OK");
	expect("ACK ");
}

/* Rule 9: for bob the call stands, so his offer is none that crosses another; it waits until alice's ACK is here. */
static void an_offer_before_the_other_sides_ack_waits(void **state)
{
	struct packet *p;

	(void)state;
	half_established();
	bob_sends("INVITE", 100, invite, "btag", "", SDP_B(5000, "a=sendonly\r\n"));
	expect_silence();
	bob_sends("INVITE", 101, invite, "btag", "", SDP_B(5000, ""));
	expect("SIP/2.0 500"); /* one at a time */
	bob_sends("ACK", 101, invite, "btag", "", NULL);
	alice_sends("ACK", 1, 1, answered, "", NULL);
	p = expect("INVITE sip:alice@10.1.0.50:5060");
	assert_true(has(p, "a=sendonly"));
	answer(p, "left", "200 OK", "", "", SDP_A(4000, "a=recvonly\r\n"));
	p = expect("SIP/2.0 200");
	assert_string_equal(hdr(p, "CSeq"), "100 INVITE");
	expect("ACK ");
	bob_sends("ACK", 100, invite, "btag", "", NULL);
	over(2);
}

/* It is answered even if that ACK never comes, or bob thinks better of it. */
static void an_offer_that_waits_ends_with_the_call(void **state)
{
	(void)state;
	half_established();
	bob_sends("INVITE", 100, invite, "btag", "", SDP_B(5000, ""));
	expect_silence();
	bob_sends("BYE", 101, invite, "btag", "", NULL);
	expect("SIP/2.0 200");
	expect("SIP/2.0 487");
	bob_sends("ACK", 100, invite, "btag", "", NULL);
	alice_sends("ACK", 1, 1, answered, "", NULL);
	ok(expect("BYE "), "left");
	expect_silence();
}

static void another_address_and_codec(void **state)
{
	struct packet *p;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "",
		    "v=0\r\no=alice 77 89 IN IP4 10.1.0.51\r\ns=-\r\nc=IN IP4 10.1.0.51\r\nt=0 "
		    "0\r\nm=audio 4444 RTP/AVP 9\r\n");
	p = expect("INVITE ");
	answer(p, "right", "200 OK", "", "",
	       "v=0\r\no=bob 5 7 IN IP4 10.2.0.20\r\ns=-\r\nc=IN IP4 10.2.0.20\r\nt=0 0\r\nm=audio "
	       "5000 RTP/AVP 9\r\n");
	expect("SIP/2.0 200");
	expect("ACK ");
	assert_int_equal(spec_a()->remote.port, 4444);
	assert_int_equal(spec_a()->remote.ip[3], 51);
	assert_int_equal(spec_a()->n_pt, 1);
	assert_int_equal(spec_a()->pt[0], 9);
	assert_int_equal(spec_a()->latch, MEDIA_LATCH_REMOTE); /* not where its signalling is */
	alice_sends("ACK", 1, 2, answered, "", NULL);
	over(3);
}

/* Rule 25. */
static void a_refused_change_changes_nothing(void **state)
{
	struct media_spec a, b;
	struct packet *p;

	(void)state;
	established();
	a = *spec_a();
	b = *spec_b();
	alice_sends("INVITE", 1, 2, answered, "",
		    fmt("%sm=video 4010 RTP/AVP 96\r\n", SDP_A(4002, "")));
	p = expect("INVITE ");
	assert_int_equal(w.ports_used, 4);
	answer(p, "right", "488 Not Acceptable Here", "", "", NULL);
	expect("ACK ");
	expect("SIP/2.0 488 Not Acceptable Here");
	alice_sends("ACK", 1, 2, answered, "", NULL);
	assert_int_equal(w.ports_used, 2);
	assert_memory_equal(&a, spec_a(), sizeof a);
	assert_memory_equal(&b, spec_b(), sizeof b);
	alice_sends("INVITE", 1, 3, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	answer(p, "right", "200 OK", "", "", SDP_B(5000, ""));
	expect("SIP/2.0 200");
	expect("ACK ");
	alice_sends("ACK", 1, 3, answered, "", NULL);
	over(4);
}

/* Rule 23 and 26: what one side refuses is refused, the rest goes on. */
static void a_second_m_line_is_refused_alone(void **state)
{
	struct packet *p, *q;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "",
		    fmt("%sm=video 4010 RTP/AVP 96\r\n", SDP_A(4000, "")));
	p = expect("INVITE ");
	answer(p, "right", "200 OK", "", "", fmt("%sm=video 0 RTP/AVP 96\r\n", SDP_B(5000, "")));
	q = expect("SIP/2.0 200");
	assert_true(has(q, "m=video 0 "));
	expect("ACK ");
	assert_int_equal(w.ports_used, 2);
	alice_sends("ACK", 1, 2, answered, "", NULL);
	alice_sends("INVITE", 1, 3, answered, "", SDP_A(4000, "")); /* fewer lines than agreed */
	expect("SIP/2.0 488");
	alice_sends("ACK", 1, 3, answered, "", NULL);
	over(4);
}

/* Rule 9. */
static void a_second_invite_waits(void **state)
{
	struct packet *p, *q;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	alice_sends("INVITE", 1, 3, answered, "", SDP_A(4002, ""));
	q = expect("SIP/2.0 500");
	assert_true(str_to_u32(str_c(hdr(q, "Retry-After")), &(uint32_t){0}) == 0);
	alice_sends("ACK", 1, 3, answered, "", NULL);
	bob_sends("INVITE", 9, invite, "btag", "", SDP_B(5002, ""));
	expect("SIP/2.0 491");
	bob_sends("ACK", 9, invite, "btag", "", NULL);
	answer(p, "right", "491 Request Pending", "", "", NULL); /* Bob sees the same glare */
	expect("ACK ");
	expect("SIP/2.0 491");
	alice_sends("ACK", 1, 2, answered, "", NULL);
	over(5);
}

static void a_dialog_that_is_gone_ends_the_call(void **state)
{
	struct packet *p;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	answer(p, "right", "481 Call/Transaction Does Not Exist", "", "", NULL);
	expect("ACK ");
	expect("SIP/2.0 487");
	ok(expect("BYE sip:alice@"), "left");
	ok(expect("BYE sip:bob@"), "right");
	w.seen = w.n_sent;
}

static void cancel_of_a_reinvite(void **state)
{
	struct packet *p;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	answer(p, "right", "180 Ringing", "", "", NULL);
	deliver(flow_of("left", "10.1.0.50:5060"),
		fmt("CANCEL sip:x@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "10.1.0.50:5060;rport;branch=z9hG4bKa1INVITE2\r\nMax-Forwards: 70\r\n"
		    "From: \"Alice A\" <sip:alice@secret-a.example>;tag=atag1\r\nTo: "
		    "%s\r\nCall-ID: acall1@10.1.0.50\r\nCSeq: 2 CANCEL\r\nContent-Length: "
		    "0\r\n\r\n",
		    hdr(answered, "To")));
	expect("SIP/2.0 200");
	ok(expect("CANCEL "), "right");
	expect_silence(); /* Bob's final response decides */
	answer(p, "right", "487 Request Terminated", "", "", NULL);
	expect("ACK ");
	expect("SIP/2.0 487");
	alice_sends("ACK", 1, 2, answered, "", NULL);
	over(3);
}

static void bye_during_a_reinvite(void **state)
{
	struct packet *p, *bye;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	answer(p, "right", "100 Trying", "", "", NULL);
	bob_sends("BYE", 8, invite, "btag", "", NULL);
	expect("SIP/2.0 200");
	expect("SIP/2.0 487");
	bye = expect("BYE sip:alice@");
	answer(p, "right", "487 Request Terminated", "", "", NULL);
	expect("ACK ");
	ok(bye, "left");
	expect_silence();
	w.seen = w.n_sent;
	alice_sends("ACK", 1, 2, answered, "", NULL);
}

static void a_reinvite_without_offer(void **state)
{
	struct packet *p, *q, *ack;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", NULL);
	p = expect("INVITE ");
	assert_string_equal(body_of(p), "");
	answer(p, "right", "200 OK", "", "", SDP_B(5006, ""));
	q = expect("SIP/2.0 200");
	assert_true(audio_port(q) == audio_port(answered));
	expect_silence(); /* rule 6: the ACK is held */
	alice_sends("ACK", 1, 2, answered, "", SDP_A(4006, ""));
	ack = expect("ACK ");
	assert_int_equal(audio_port(ack), audio_port(invite));
	assert_int_equal(spec_a()->remote.port, 4006);
	assert_int_equal(spec_b()->remote.port, 5006);
	over(3);
}

/* Rule 6. */
static void a_call_with_a_delayed_offer(void **state)
{
	struct packet *ack, *again;

	(void)state;
	alice_invites("+49", 1, "", NULL);
	invite = expect("INVITE ");
	assert_string_equal(body_of(invite), "");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	answered = expect("SIP/2.0 200");
	assert_true(has(answered, "c=IN IP4 10.1.0.2"));
	expect_silence();
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	expect_silence();
	alice_sends("ACK", 1, 1, answered, "", SDP_A(4000, ""));
	ack = expect("ACK ");
	assert_true(has(ack, "c=IN IP4 10.2.0.2"));
	assert_int_equal(spec_a()->remote.port, 4000);
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	again = expect("ACK ");
	assert_string_equal(ack->text, again->text);
	over(2);
}

static void a_delayed_offer_without_an_answer(void **state)
{
	(void)state;
	alice_invites("+49", 1, "", NULL);
	invite = expect("INVITE ");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	answered = expect("SIP/2.0 200");
	alice_sends("ACK", 1, 1, answered, "", NULL);
	ok(expect("BYE sip:alice@"), "left");
	expect("ACK sip:bob@");
	ok(expect("BYE sip:bob@"), "right");
}

static void a_delayed_offer_that_nobody_acknowledges(void **state)
{
	struct packet *p, *last = NULL;

	(void)state;
	alice_invites("+49", 1, "", NULL);
	invite = expect("INVITE ");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	pass(32100);
	while ((p = next_packet()) != NULL) {
		if (str_starts(str_c(p->text), STR("BYE")))
			ok(p, p->to.ip[1] == 1 ? "left" : "right");
		last = p;
	}
	assert_true(str_starts(str_c(last->text), STR("BYE sip:bob@")));
	assert_true(str_starts(str_c(w.sent[w.n_sent - 2].text), STR("ACK sip:bob@")));
}

/* Rule 16. */
static void contacts_refresh_the_target(void **state)
{
	struct packet *p;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	deliver(flow_of("right", "10.2.0.20:5060"),
		fmt("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: "
		    "%s\r\nContact: <sip:bob@10.2.0.20:7070>\r\n"
		    "Record-Route: <sip:10.2.0.99;lr>\r\n%s",
		    hdr(p, "Via"), hdr(p, "From"), hdr(p, "To"), hdr(p, "Call-ID"), hdr(p, "CSeq"),
		    with_body(SDP_B(5000, ""))));
	expect("SIP/2.0 200");
	p = expect("ACK sip:bob@10.2.0.20:7070");
	assert_string_equal(hdr(p, "Route"), ""); /* rule 15: frozen */
	assert_int_equal(p->to.port, 7070);
	alice_sends("ACK", 1, 2, answered, "", NULL);
	over(3);
}

/* Headers and method of a Contact do not belong into a Request-URI, and another scheme is no target at all. */
static void a_target_is_clean(void **state)
{
	struct packet *p;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	deliver(flow_of("right", "10.2.0.20:5060"),
		fmt("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: "
		    "%s\r\nContact: <sip:new@10.2.0.22;method=INVITE;ob?Subject=x>\r\n%s",
		    hdr(p, "Via"), hdr(p, "From"), hdr(p, "To"), hdr(p, "Call-ID"), hdr(p, "CSeq"),
		    with_body(SDP_B(5000, ""))));
	expect("SIP/2.0 200");
	expect("ACK sip:new@10.2.0.22;ob SIP/2.0");
	alice_sends("ACK", 1, 2, answered, "", NULL);
	alice_sends("INVITE", 1, 3, answered, "", SDP_A(4000, ""));
	p = expect("INVITE sip:new@10.2.0.22;ob SIP/2.0");
	deliver(flow_of("right", "10.2.0.20:5060"),
		fmt("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: "
		    "%s\r\nContact: <mailto:bob@10.2.0.22>\r\n%s",
		    hdr(p, "Via"), hdr(p, "From"), hdr(p, "To"), hdr(p, "Call-ID"), hdr(p, "CSeq"),
		    with_body(SDP_B(5000, ""))));
	expect("SIP/2.0 200");
	expect("ACK sip:new@10.2.0.22;ob SIP/2.0");
	alice_sends("ACK", 1, 3, answered, "", NULL);
	over(4);
}

/* Rule 25: what could not be sent was refused, and the call goes on; only 481, 408 and silence say that the dialog is gone. */
static void a_reinvite_that_cannot_be_sent(void **state)
{
	struct packet *p;

	(void)state;
	established();
	w.send_error = ERR_CLOSED;
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, "a=sendonly\r\n"));
	w.send_error = 0;
	pass(600); /* ours to Alice was lost as well */
	p = expect("SIP/2.0 503");
	alice_sends("ACK", 1, 2, p, "", NULL);
	assert_int_equal(spec_a()->direction, MEDIA_RECV | MEDIA_SEND);
	alice_sends("INVITE", 1, 3, answered, "", SDP_A(4000, ""));
	p = expect("INVITE ");
	answer(p, "right", "200 OK", "", "", SDP_B(5000, ""));
	expect("SIP/2.0 200");
	expect("ACK ");
	alice_sends("ACK", 1, 3, answered, "", NULL);
	over(4);
}

static void a_reinvite_that_is_never_answered(void **state)
{
	struct packet *p;

	(void)state;
	established();
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, ""));
	expect("INVITE ");
	pass(32100);
	while ((p = next_packet()) != NULL)
		if (str_starts(str_c(p->text), STR("BYE")))
			ok(p, p->to.ip[1] == 1 ? "left" : "right");
	pass(1000);
	w.seen = w.n_sent;
	pass(40000);
	assert_int_equal(call_count(w.s.calls), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hold_and_resume),
		T(hold_by_zero_address),
		T(an_offer_before_the_other_sides_ack_waits),
		T(an_offer_that_waits_ends_with_the_call),
		T(another_address_and_codec),
		T(a_refused_change_changes_nothing),
		T(a_second_m_line_is_refused_alone),
		T(a_second_invite_waits),
		T(a_dialog_that_is_gone_ends_the_call),
		T(cancel_of_a_reinvite),
		T(bye_during_a_reinvite),
		T(a_reinvite_without_offer),
		T(a_call_with_a_delayed_offer),
		T(a_delayed_offer_without_an_answer),
		T(a_delayed_offer_that_nobody_acknowledges),
		T(contacts_refresh_the_target),
		T(a_target_is_clean),
		T(a_reinvite_that_cannot_be_sent),
		T(a_reinvite_that_is_never_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
