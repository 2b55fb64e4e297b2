/* One INVITE, several far ends: contacts of a user, and forks that somebody downstream made. */
#include "call_kit.h"

static int setup_three(void **state)
{
	if (setup(state))
		return 1;
	kit_contact(1, "sip:bob@10.2.0.32:5060", "10.2.0.32:5060");
	kit_contact(2, "sip:bob@10.2.0.33:5060", "10.2.0.33:5060");
	return 0;
}

static struct packet *invite[3];

static void ring_bob(void)
{
	alice_invites("bob", 1, "", SDP_A(4000, ""));
	invite[0] = expect("INVITE sip:bob@10.2.0.31:5060");
	invite[1] = expect("INVITE sip:bob@10.2.0.32:5060");
	invite[2] = expect("INVITE sip:bob@10.2.0.33:5060");
	expect_silence();
}

static void the_first_to_answer_wins(void **state)
{
	struct packet *p, *bye;

	(void)state;
	ring_bob();
	assert_string_not_equal(hdr(invite[0], "Call-ID"), hdr(invite[1], "Call-ID"));
	assert_int_not_equal(audio_port(invite[0]), audio_port(invite[1]));
	assert_int_equal(w.ports_used, 4);
	for (unsigned i = 0; i < 3; i++) {
		answer(invite[i], "right", "180 Ringing", fmt("tag%u", i), "", NULL);
		expect("SIP/2.0 180");
	}
	answer(invite[1], "right", "200 OK", "tag1", "", SDP_B(5000, ""));
	p = expect("SIP/2.0 200");
	expect("ACK sip:bob@10.2.0.32:5060");
	assert_string_equal(hdr(expect("CANCEL sip:bob@10.2.0.31:5060"), "Reason"),
			    "SIP;cause=200;text=\"Call completed elsewhere\"");
	expect("CANCEL sip:bob@10.2.0.33:5060");
	answer(invite[0], "right", "487 Request Terminated", "tag0", "", NULL);
	expect("ACK ");
	answer(invite[2], "right", "200 OK", "tag2", "",
	       SDP_B(5002, "")); /* crossed our CANCEL: rule 4 */
	expect("ACK sip:bob@10.2.0.33:5060");
	bye = expect("BYE sip:bob@10.2.0.33:5060");
	ok(bye, "right");
	expect_silence();
	pass(50);
	assert_int_equal(w.ports_used, 2);
	alice_sends("ACK", 1, 1, p, "", NULL);
	assert_int_equal(call_count(w.s.calls), 1);
	assert_int_equal(endpoint_at(audio_port(p))->spec.remote.port, 4000);
	alice_sends("BYE", 1, 2, p, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE sip:bob@10.2.0.32:5060"), "right");
	expect_silence();
	assert_int_equal(metric_get(&w.s.metrics.value[M_CALL_UNEXPECTED]), 0);
}

static void the_best_refusal_is_chosen(void **state)
{
	static const struct {
		const char *status[3], *best;
	} row[] = {
		{{"404 Not Found", "486 Busy Here", "503 Unavailable"}, "SIP/2.0 486 Busy Here"},
		{{"500 Broken", "480 Away", "302 Moved"}, "SIP/2.0 480 "},
		{{"401 Who", "503 Unavailable", "404 Not Found"}, "SIP/2.0 404 "},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
		ring_bob();
		for (unsigned k = 0; k < 3; k++) {
			answer(invite[k], "right", row[i].status[k], "x", "", NULL);
			expect("ACK ");
		}
		expect(row[i].best);
		pass(40000);
		w.seen = w.n_sent;
		assert_int_equal(call_count(w.s.calls), 0);
	}
}

static void a_6xx_ends_all(void **state)
{
	(void)state;
	ring_bob();
	for (unsigned i = 0; i < 3; i++) {
		answer(invite[i], "right", "180 Ringing", "x", "", NULL);
		expect("SIP/2.0 180");
	}
	answer(invite[1], "right", "603 Decline", "x", "", NULL);
	expect("ACK ");
	expect("SIP/2.0 603 Decline");
	expect("CANCEL sip:bob@10.2.0.31");
	expect("CANCEL sip:bob@10.2.0.33");
	answer(invite[0], "right", "487 Request Terminated", "x", "", NULL);
	answer(invite[2], "right", "487 Request Terminated", "x", "", NULL);
	pass(40000);
}

static void a_loser_that_never_rang_is_cancelled_later(void **state)
{
	struct packet *p;

	(void)state;
	ring_bob();
	answer(invite[0], "right", "200 OK", "a", "", SDP_B(5000, ""));
	p = expect("SIP/2.0 200");
	expect("ACK ");
	expect_silence(); /* rule 3: CANCEL only after a 1xx */
	alice_sends("ACK", 1, 1, p, "", NULL);
	answer(invite[1], "right", "180 Ringing", "b", "", NULL);
	expect("CANCEL sip:bob@10.2.0.32");
	answer(invite[1], "right", "487 Request Terminated", "b", "", NULL);
	alice_sends("BYE", 1, 2, p, "", NULL);
	pass(100);
	assert_int_equal(call_count(w.s.calls), 1); /* the third one is still out there */
	for (struct packet *q; (q = next_packet()) != NULL;)
		if (str_starts(str_c(q->text), STR("BYE")))
			ok(q, "right");
	pass(70000);
}

/* Rule 2: a 2xx with another To tag on one INVITE is another dialog: ACK and BYE, once. */
static void a_fork_downstream_is_ended(void **state)
{
	struct packet *inv, *answered, *ack, *bye;

	(void)state;
	establish(&inv, &answered);
	answer(inv, "right", "200 OK", "late", "Record-Route: <sip:10.2.0.70;lr>\r\n",
	       SDP_B(6000, ""));
	ack = expect("ACK ");
	assert_true(str_ends(str_c(hdr(ack, "To")), STR(";tag=late")));
	assert_string_equal(hdr(ack, "Route"), "<sip:10.2.0.70;lr>");
	assert_string_equal(hdr(ack, "CSeq"), "1 ACK");
	bye = expect("BYE ");
	assert_true(str_ends(str_c(hdr(bye, "To")), STR(";tag=late")));
	ok(bye, "right");
	answer(inv, "right", "200 OK", "late", "", SDP_B(6000, ""));
	expect("ACK ");
	expect_silence();
	alice_sends("BYE", 1, 2, answered, "", NULL);
	expect("SIP/2.0 200");
	bye = expect("BYE ");
	assert_true(str_ends(str_c(hdr(bye, "To")), STR(";tag=btag")));
	ok(bye, "right");
}

static void forks_show_no_early_media(void **state)
{
	(void)state;
	ring_bob();
	answer(invite[0], "right", "183 Progress", "a", "", SDP_B(5000, ""));
	assert_string_equal(body_of(expect("SIP/2.0 183")), "");
	pass(181000);
	for (struct packet *p; (p = next_packet()) != NULL;)
		if (str_starts(str_c(p->text), STR("CANCEL")))
			answer(invite[0], "right", "487 Request Terminated", "a", "", NULL);
	pass(70000);
}

static void few_ports_ring_few_phones(void **state)
{
	(void)state;
	w.ports_max = 2;
	alice_invites("bob", 1, "", SDP_A(4000, ""));
	invite[0] = expect("INVITE sip:bob@10.2.0.31:5060");
	expect_silence();
	answer(invite[0], "right", "486 Busy Here", "x", "", NULL);
	expect("ACK ");
	expect("SIP/2.0 486");
	w.seen = w.n_sent;
}

/* RFC 3261 13.2.2.4: also when the call has come and gone before the last fork answered. */
static void a_fork_that_answers_when_all_is_over_is_ended(void **state)
{
	struct packet *inv, *answered, *p;

	(void)state;
	establish(&inv, &answered);
	alice_sends("BYE", 1, 2, answered, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "right");
	pass(2000);
	assert_int_equal(call_count(w.s.calls), 0);
	answer(inv, "right", "200 OK", "late", "Record-Route: <sip:10.2.0.70;lr>\r\n",
	       SDP_B(6000, ""));
	p = expect("ACK sip:bob@10.2.0.20:5060 SIP/2.0");
	assert_true(str_ends(str_c(hdr(p, "To")), STR(";tag=late")));
	assert_string_equal(hdr(p, "From"), hdr(inv, "From"));
	assert_string_equal(hdr(p, "Call-ID"), hdr(inv, "Call-ID"));
	assert_string_equal(hdr(p, "CSeq"), "1 ACK");
	assert_string_equal(hdr(p, "Route"), "<sip:10.2.0.70;lr>");
	p = expect("BYE sip:bob@10.2.0.20:5060 SIP/2.0");
	assert_true(str_ends(str_c(hdr(p, "To")), STR(";tag=late")));
	assert_string_equal(hdr(p, "CSeq"), "2 BYE");
	ok(p, "right");
	expect_silence();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_three, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_to_answer_wins),
		T(the_best_refusal_is_chosen),
		T(a_6xx_ends_all),
		T(a_loser_that_never_rang_is_cancelled_later),
		T(a_fork_downstream_is_ended),
		T(a_fork_that_answers_when_all_is_over_is_ended),
		T(forks_show_no_early_media),
		T(few_ports_ring_few_phones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
