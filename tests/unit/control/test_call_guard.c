/* The door: what an INVITE must pass, who may call, where requests go, and how each method is answered. */
#include "call_kit.h"

static void what_the_guard_refuses(void **state)
{
	static const struct {
		const char *called, *extra, *answer, *with;
	} row[] = {
		{"+49", "Require: 100rel, foo\r\n", "SIP/2.0 420 ", "Unsupported: 100rel, foo\r\n"},
		{"+49", "Proxy-Require: bar\r\n", "SIP/2.0 420 ", "Unsupported: bar\r\n"},
		{"+49", "Content-Encoding: gzip\r\n", "SIP/2.0 415 ",
		 "Accept-Encoding: identity\r\n"},
		{"nobody", "", "SIP/2.0 404 ", ""},
		{"dave", "", "SIP/2.0 404 ", ""},
		{"carol", "", "SIP/2.0 480 ", ""},
		{"999", "", "SIP/2.0 603 ", ""},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
		struct packet *p;

		alice_invites(row[i].called, i, row[i].extra, SDP_A(4000, ""));
		p = expect(row[i].answer);
		assert_true(has(p, row[i].with));
		alice_sends("ACK", i, 1, p, "", NULL);
		expect_silence();
	}
	assert_int_equal(metric_get(&w.s.metrics.value[M_CALLS_TOTAL]), 0);
}

static void raw_invite(const char *uri, const char *mf, const char *type, const char *body,
		       const char *realm, const char *from, unsigned n)
{
	deliver(flow_of(realm, from),
		fmt("INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bKr%u\r\n%sFrom: "
		    "<sip:alice@x>;tag=r%u\r\nTo: <sip:bob@x>\r\nCall-ID: r%u\r\n"
		    "CSeq: 1 INVITE\r\nContact: <sip:alice@%s>\r\n%sContent-Length: %zu\r\n\r\n%s",
		    uri, from, n, mf, n, n, from, type, strlen(body), body));
}

static void more_that_the_guard_refuses(void **state)
{
	static const char sdp[] = "Content-Type: application/sdp\r\n";
	static const struct {
		const char *uri, *mf, *type, *body, *realm, *answer;
	} row[] = {
		{"sip:+49@10.1.0.1", "Max-Forwards: 0\r\n", sdp, "v", "left", "SIP/2.0 483 "},
		{"sips:+49@10.1.0.1", "", sdp, "v", "left", "SIP/2.0 416 "},
		{"http:+49@10.1.0.1", "", sdp, "v", "left", "SIP/2.0 416 "},
		{"sip:+49@10.1.0.1", "", "Content-Type: text/plain\r\n", "hello", "left",
		 "SIP/2.0 415 "},
		{"sip:+49@10.1.0.1", "", sdp, "garbage", "left", "SIP/2.0 400 "},
		{"sip:+49@10.1.0.1", "", sdp,
		 "v=0\r\no=- 1 1 IN IP4 10.1.0.50\r\ns=-\r\nc=IN IP4 10.1.0.50\r\nt=0 0\r\nm=audio "
		 "4000 RTP/SAVP 0\r\n",
		 "left", "SIP/2.0 488 "},
		{"sip:+49@10.1.0.1", "", sdp,
		 "v=0\r\no=- 1 1 IN IP4 10.1.0.50\r\ns=-\r\nc=IN IP4 10.2.0.2\r\nt=0 0\r\nm=audio "
		 "20002 RTP/AVP 0\r\n",
		 "left", "SIP/2.0 488 "},
		{"sip:+49@10.1.0.1", "", sdp,
		 "v=0\r\no=- 1 1 IN IP4 10.1.0.50\r\ns=-\r\nc=IN IP4 10.1.0.50\r\nt=0 0\r\nm=audio "
		 "20002 RTP/AVP 0\r\na=rtcp:20003 IN IP4 10.1.0.2\r\n",
		 "left", "SIP/2.0 488 "},
		{"sip:+49@10.1.0.1", "", sdp,
		 "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio "
		 "4000 RTP/AVP 0\r\n",
		 "left", "SIP/2.0 488 "},
		{"sip:+49@10.2.0.1", "", sdp, "v", "itsp", "SIP/2.0 403 "},
		{"sip:bob@10.1.0.1", "", sdp, "v", "wild", "SIP/2.0 407 "},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof row / sizeof *row; i++) {
		raw_invite(row[i].uri, row[i].mf, row[i].type, row[i].body, row[i].realm,
			   "10.1.0.77:5060", i);
		expect(row[i].answer);
		expect_silence();
	}
	w.seen = w.n_sent;
	w.s.draining = true;
	raw_invite("sip:+49@10.1.0.1", "", sdp, "v", "left", "10.1.0.77:5060", 100);
	expect("SIP/2.0 503 ");
	pass(40000);
	w.seen = w.n_sent;
}

/* Rule 18: the number keeps its parameters. Rule 14: 1 becomes 0. */
static void a_tel_uri_becomes_a_sip_uri(void **state)
{
	struct packet *invite;

	(void)state;
	raw_invite("tel:+49-30;phone-context=example.net", "Max-Forwards: 1\r\n",
		   "Content-Type: application/sdp\r\n", SDP_A(4000, ""), "left", "10.1.0.50:5060",
		   1);
	invite = expect("INVITE sip:+49-30;phone-context=example.net@10.2.0.20;user=phone SIP/2.0");
	assert_string_equal(hdr(invite, "Max-Forwards"), "0");
	answer(invite, "right", "404 Not Found", "x", "", NULL);
	expect("ACK ");
	expect("SIP/2.0 404");
	w.seen = w.n_sent;
}

/* user=phone stays; a control character that a quoted pair hides does not, nor a name that fills the header. */
static void names_are_written_clean(void **state)
{
	static const char long_name[] = {[0 ... 1699] = 'x', 0};
	const char *display[] = {"BEL\\\x07", "x\\\x01", long_name, "A \\\"B\\\" \xc3\xbc"};
	struct packet *invite;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		deliver(flow_of("left", "10.1.0.50:5060"),
			fmt("INVITE sip:+49@10.1.0.1;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP "
			    "10.1.0.50;branch=z9hG4bKn%u\r\nFrom: \"%s\" "
			    "<sip:alice@x;user=phone>;tag=n%u\r\nTo: "
			    "<sip:+49@x;user=phone>\r\nCall-ID: n%u\r\nCSeq: 1 INVITE\r\n%s",
			    i, display[i], i, i, with_body(SDP_A(4000, ""))));
		invite = expect("INVITE sip:+49@10.2.0.20;user=phone SIP/2.0");
		assert_true(str_starts(str_c(hdr(invite, "From")),
				       i == 3 ? STR("\"A \\\"B\\\" \xc3\xbc\" "
						    "<sip:alice@10.2.0.1:5060;user=phone>;tag=")
					      : STR("<sip:alice@10.2.0.1:5060;user=phone>;tag=")));
		assert_string_equal(hdr(invite, "To"), "<sip:+49@10.2.0.20;user=phone>");
		answer(invite, "right", "404 Not Found", "x", "", NULL);
		expect("ACK ");
		expect("SIP/2.0 404");
	}
	w.seen = w.n_sent;
}

/* A user's right password from an unknown place; somebody else's name is not his. */
static void a_caller_may_prove_who_he_is(void **state)
{
	static const struct {
		const char *from, *answer;
	} row[] = {{"alice", "INVITE sip:bob@"}, {"carol", "SIP/2.0 403 "}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct digest_credentials c = {.username = STR("alice"),
					       .realm = STR("example.net"),
					       .uri = STR("sip:bob@10.1.0.1"),
					       .algorithm = STR("MD5"),
					       .cnonce = STR("c"),
					       .nc = STR("00000001"),
					       .qop = STR("auth")};
		char hex[DIGEST_RESPONSE_MAX];
		struct packet *p;
		struct str rest;

		raw_invite("sip:bob@10.1.0.1", "", "Content-Type: application/sdp\r\n",
			   SDP_A(4000, ""), "wild", "10.1.0.77:5060", 10 + i);
		p = expect("SIP/2.0 407 ");
		rest = after(str_c(p->text), "nonce=\"");
		c.nonce = str_cut(&rest, '"');
		assert_true(digest_response(&c, STR("INVITE"), STR("demo"), hex, &c.response));
		deliver(flow_of("wild", "10.1.0.77:5060"),
			fmt("INVITE sip:bob@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
			    "10.1.0.77:5060;rport;branch=z9hG4bKauth%u\r\nFrom: "
			    "<sip:%s@x>;tag=r%u\r\n"
			    "To: <sip:bob@x>\r\nCall-ID: auth%u\r\nCSeq: 2 INVITE\r\nContact: "
			    "<sip:alice@10.1.0.77>\r\n"
			    "Proxy-Authorization: Digest username=\"alice\", "
			    "realm=\"example.net\", nonce=\"%.*s\", uri=\"sip:bob@10.1.0.1\", "
			    "algorithm=MD5, "
			    "cnonce=\"c\", nc=00000001, qop=auth, response=\"%.*s\"\r\n%s",
			    i, row[i].from, i, i, STR_FMT(c.nonce), STR_FMT(c.response),
			    with_body(SDP_A(4000, ""))));
		p = expect(row[i].answer);
		assert_false(has(p, "Proxy-Authorization"));
		if (i == 0)
			answer(p, "right", "486 Busy Here", "x", "", NULL);
		w.seen = w.n_sent;
		pass(40000);
		w.seen = w.n_sent;
	}
}

static void a_registered_phone_needs_no_challenge(void **state)
{
	struct packet *invite;

	(void)state;
	w.registered = "alice";
	raw_invite("sip:bob@10.1.0.1", "", "Content-Type: application/sdp\r\n", SDP_A(4000, ""),
		   "wild", "10.1.0.77:5060", 1);
	invite = expect("INVITE sip:bob@10.2.0.31:5060");
	assert_true(has(invite, "To: <sip:bob@10.2.0.31:5060>"));
	answer(invite, "right", "486 Busy Here", "x", "", NULL);
	pass(40000);
}

/* nat: remote: requests go back to where the phone's came from, whatever its Contact says. */
static void a_phone_behind_nat_is_reached_on_its_flow(void **state)
{
	struct packet *invite, *p;
	char text[ADDR_TEXT_MAX];

	(void)state;
	w.registered = "alice";
	deliver(flow_of("wild", "10.1.0.77:33333"),
		fmt("INVITE sip:bob@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "192.168.1.5;rport;branch=z9hG4bKn\r\nFrom: <sip:alice@x>;tag=n\r\nTo: "
		    "<sip:bob@x>\r\n"
		    "Call-ID: n\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.168.1.5>\r\n%s",
		    with_body("v=0\r\no=- 1 1 IN IP4 192.168.1.5\r\ns=-\r\nc=IN IP4 "
			      "192.168.1.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n")));
	invite = expect("INVITE ");
	answer(invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	p = expect("SIP/2.0 200");
	assert_int_equal(endpoint_at(audio_port(p))->spec.latch, MEDIA_LATCH_REMOTE);
	assert_string_equal(addr_text(&endpoint_at(audio_port(p))->spec.signalling, text),
			    "10.1.0.77:33333");
	expect("ACK ");
	deliver(flow_of("wild", "10.1.0.77:33333"),
		fmt("ACK sip:x@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "192.168.1.5;rport;branch=z9hG4bKn2\r\nFrom: <sip:alice@x>;tag=n\r\nTo: %s\r\n"
		    "Call-ID: n\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
		    hdr(p, "To")));
	bob_sends("BYE", 2, invite, "btag", "", NULL);
	expect("SIP/2.0 200");
	p = expect("BYE sip:alice@192.168.1.5 SIP/2.0");
	assert_string_equal(addr_text(&p->to, text), "10.1.0.77:33333");
	ok(p, "wild");
}

static void no_ports_is_503(void **state)
{
	struct packet *p;

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		w.ports_max = n;
		alice_invites("+49", n, "", SDP_A(4000, ""));
		p = expect("SIP/2.0 503");
		alice_sends("ACK", n, 1, p, "", NULL);
		expect_silence();
		pass(100);
		assert_int_equal(w.ports_used, 0);
	}
	assert_int_equal(metric_get(&w.s.metrics.value[M_CALLS_NO_PORTS]), 2);
}

static void our_own_invite_is_a_loop(void **state)
{
	struct packet *invite;

	(void)state;
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = expect("INVITE ");
	deliver(flow_of("right", "10.2.0.20:5060"), invite->text);
	expect("SIP/2.0 482");
	answer(invite, "right", "482 Loop", "x", "", NULL);
	pass(40000);
	w.seen = w.n_sent;
}

/* A forged source is no victim of ours: every answer once, none remembered, and only a challenge may be larger than what it answers. */
static void strangers_cost_nothing(void **state)
{
	static const char *const method[] = {"INVITE", "OPTIONS", "MESSAGE", "DANCE", "BYE"};
	static const char *const status[] = {"407", "200", "405", "501", "481"};

	(void)state;
	for (unsigned i = 0; i < sizeof method / sizeof *method; i++) {
		const char *text =
			fmt("%s sip:x@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
			    "10.1.0.99;branch=z9hG4bKst%u\r\nFrom: <sip:a@b>;tag=q\r\nTo: "
			    "<sip:b@b>%s\r\nCall-ID: st%u\r\nMax-Forwards: 70\r\nContact: "
			    "<sip:a@10.1.0.99>\r\nCSeq: 9 %s\r\nContent-Length: 0\r\n\r\n",
			    method[i], i, i == 4 ? ";tag=z" : "", i, method[i]);
		struct packet *p;

		for (unsigned k = 0; k < 2; k++) {
			deliver(flow_of("wild", "10.1.0.99:5060"), text);
			p = expect(fmt("SIP/2.0 %s", status[i]));
			if (i)
				assert_true(strlen(p->text) <= strlen(text));
			assert_int_equal(txn_count(w.s.txn), 0);
		}
	}
	pass(40000);
	expect_silence();
}

static void methods_have_their_answers(void **state)
{
	static const char *const refused[] = {"PRACK",     "UPDATE", "REFER",  "MESSAGE",
					      "SUBSCRIBE", "NOTIFY", "PUBLISH"};
	struct packet *invite, *answered, *p;
	unsigned cseq = 2;

	(void)state;
	establish(&invite, &answered);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		alice_sends(refused[i], 1, cseq++, answered, "", NULL);
		assert_string_equal(hdr(expect("SIP/2.0 405"), "Allow"), CALL_ALLOW);
	}
	alice_sends("OPTIONS", 1, cseq++, answered, "", NULL);
	expect("SIP/2.0 200");
	alice_sends("DANCE", 1, cseq++, answered, "", NULL);
	expect("SIP/2.0 501");
	deliver(flow_of("left", "10.1.0.50:5060"),
		"INFO sip:x@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		"10.1.0.50;branch=z9hG4bKinfo0\r\nFrom: <sip:a@b>;tag=q\r\nTo: <sip:b@b>\r\n"
		"Call-ID: q\r\nCSeq: 9 INFO\r\nContent-Length: 0\r\n\r\n");
	expect("SIP/2.0 405");
	deliver(flow_of("left", "10.1.0.50:5060"),
		fmt("INFO sip:x@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "10.1.0.50;branch=z9hG4bKinfo\r\nMax-Forwards: 10\r\nFrom: \"Alice A\" "
		    "<sip:alice@secret-a.example>;tag=atag1\r\n"
		    "To: %s\r\nCall-ID: acall1@10.1.0.50\r\nCSeq: 50 INFO\r\nContent-Type: "
		    "application/dtmf-relay\r\nContent-Length: 10\r\n\r\nSignal=5\r\n",
		    hdr(answered, "To")));
	p = expect("INFO sip:bob@10.2.0.20:5060");
	assert_string_equal(hdr(p, "Max-Forwards"), "9");
	assert_string_equal(hdr(p, "Content-Type"), "application/dtmf-relay");
	assert_string_equal(body_of(p), "Signal=5\r\n");
	answer(p, "right", "415 Never Heard", "", "", NULL);
	p = expect("SIP/2.0 415 Never Heard");
	assert_string_equal(hdr(p, "CSeq"), "50 INFO");
	alice_sends("BYE", 1, 60, answered, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "right");
	assert_int_equal(metric_get(&w.s.metrics.value[M_CALL_UNEXPECTED]), 0);
}

/* What crosses as it is has to be what both sides understand. */
static void an_info_has_to_be_whole(void **state)
{
	struct packet *invite, *answered;

	(void)state;
	establish(&invite, &answered);
	alice_sends("INFO", 1, 2, answered, "Require: foo\r\n", NULL);
	assert_string_equal(hdr(expect("SIP/2.0 420"), "Unsupported"), "foo");
	alice_sends("INFO", 1, 3, answered, "Content-Encoding: gzip\r\n", "x");
	expect("SIP/2.0 415");
	alice_sends("BYE", 1, 60, answered, "", NULL);
	expect("SIP/2.0 200");
	ok(expect("BYE "), "right");
}

static void the_route_set_is_kept(void **state)
{
	struct packet *invite, *answered, *p;
	char text[ADDR_TEXT_MAX];

	(void)state;
	alice_invites("+49", 1, "Record-Route: <sip:10.1.0.60;lr>, <sip:10.1.0.61;lr>\r\n",
		      SDP_A(4000, ""));
	invite = expect("INVITE ");
	assert_false(has(invite, "Route: "));
	answer(invite, "right", "200 OK", "btag",
	       "Record-Route: <sip:10.2.0.80;lr>\r\nRecord-Route: <sip:10.2.0.70>\r\n",
	       SDP_B(5000, ""));
	answered = expect("SIP/2.0 200");
	assert_true(has(answered, "Record-Route: <sip:10.1.0.60;lr>, <sip:10.1.0.61;lr>\r\n"));
	p = expect("ACK sip:10.2.0.70 SIP/2.0"); /* a strict router */
	assert_string_equal(addr_text(&p->to, text), "10.2.0.70:5060");
	assert_true(has(p, "Route: <sip:10.2.0.80;lr>\r\nRoute: <sip:bob@10.2.0.20:5060>\r\n"));
	alice_sends("ACK", 1, 1, answered, "", NULL);
	bob_sends("BYE", 2, invite, "btag", "", NULL);
	expect("SIP/2.0 200");
	p = expect("BYE sip:alice@10.1.0.50:5060 SIP/2.0");
	assert_true(has(p, "Route: <sip:10.1.0.60;lr>\r\nRoute: <sip:10.1.0.61;lr>\r\n"));
	assert_string_equal(addr_text(&p->to, text), "10.1.0.60:5060");
	ok(p, "left");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_the_guard_refuses),
		T(more_that_the_guard_refuses),
		T(a_tel_uri_becomes_a_sip_uri),
		T(names_are_written_clean),
		T(a_caller_may_prove_who_he_is),
		T(a_registered_phone_needs_no_challenge),
		T(a_phone_behind_nat_is_reached_on_its_flow),
		T(no_ports_is_503),
		T(our_own_invite_is_a_loop),
		T(strangers_cost_nothing),
		T(methods_have_their_answers),
		T(an_info_has_to_be_whole),
		T(the_route_set_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
