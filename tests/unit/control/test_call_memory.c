/* What a call does when memory runs out, anywhere, and when events come in no order at all. Whatever happens, in the end nothing is left: no call, no
 * transaction, no port, no byte. */
#include "call_kit.h"
#include "base/rng.h"

/* Answers whatever was sent and has not been looked at, as willing far ends would; some packets never come when memory is short. */
static void be_kind(void)
{
	struct packet *p;

	while ((p = next_packet()) != NULL) {
		const char *realm = p->to.ip[1] == 1 ? "left" : "right";

		if (str_starts(str_c(p->text), STR("BYE ")) ||
		    str_starts(str_c(p->text), STR("CANCEL ")))
			ok(p, realm);
	}
}

static struct packet *look_for(const char *start)
{
	struct packet *p;

	while ((p = next_packet()) != NULL)
		if (str_starts(str_c(p->text), str_c(start)))
			return p;
	return NULL;
}

/* A whole call with early media, hold and BYE, as far as it goes. */
static void whole_call(void)
{
	struct packet *invite, *answered, *p;

	alice_invites("+49", 1, "", SDP_A(4000, ""));
	invite = look_for("INVITE ");
	if (!invite)
		return;
	answer(invite, "right", "183 Progress", "btag", "", SDP_B(5000, ""));
	answer(invite, "right", "200 OK", "btag", "Record-Route: <sip:10.2.0.20;lr>\r\n",
	       SDP_B(5000, ""));
	answered = look_for("SIP/2.0 200");
	if (!answered)
		return;
	alice_sends("ACK", 1, 1, answered, "", NULL);
	alice_sends("INVITE", 1, 2, answered, "", SDP_A(4000, "a=sendonly\r\n"));
	p = look_for("INVITE ");
	if (p)
		answer(p, "right", "200 OK", "", "", SDP_B(5000, "a=recvonly\r\n"));
	alice_sends("ACK", 1, 2, answered, "", NULL);
	alice_sends("BYE", 1, 3, answered, "", NULL);
}

/* Two phones, one answers, the other one crosses; the offer comes late. */
static void forked_call(void)
{
	struct packet *one, *two, *answered;

	kit_contact(1, "sip:bob@10.2.0.32:5060", "10.2.0.32:5060");
	alice_invites("bob", 1, "", NULL);
	one = look_for("INVITE sip:bob@10.2.0.31");
	two = look_for("INVITE sip:bob@10.2.0.32");
	if (!one || !two)
		return;
	answer(one, "right", "180 Ringing", "one", "", NULL);
	answer(two, "right", "180 Ringing", "two", "", NULL);
	answer(one, "right", "200 OK", "one", "", SDP_B(5000, ""));
	answer(two, "right", "200 OK", "two", "", SDP_B(5002, ""));
	answer(one, "right", "200 OK", "three", "", SDP_B(5004, ""));
	answered = look_for("SIP/2.0 200");
	if (answered)
		alice_sends("ACK", 1, 1, answered, "", SDP_A(4000, ""));
}

/* Ends what a scenario left (a BYE that found no memory is lost), with memory again; far ends answer. */
static void settle(void)
{
	pass(1000);
	for (size_t i = call_count(w.s.calls); i-- > 0 && w.s.calls->first;)
		(void)!call_end(w.s.calls, w.s.calls->first->id, STR("over"), w.now);
	for (unsigned i = 0; i < 200; i++) {
		be_kind();
		pass(500);
	}
}

static void sweep(void (*scenario)(void))
{
	uint64_t n, made;

	assert_int_equal(kit_open(), 0);
	kit_contact(0, "sip:bob@10.2.0.31:5060", "10.2.0.31:5060");
	(void)mem_fail_nth(0);
	scenario();
	made = mem_fail_nth(0);
	settle();
	kit_close();
	assert_true(made > 20);
	for (n = 1; n <= made; n++) {
		assert_int_equal(kit_open(), 0);
		kit_contact(0, "sip:bob@10.2.0.31:5060", "10.2.0.31:5060");
		(void)mem_fail_nth(n);
		scenario();
		(void)mem_fail_nth(0);
		settle();
		kit_close();
	}
	print_message("          %llu allocations, each failed once\n", (unsigned long long)made);
}

static void each_allocation_of_a_call_may_fail(void **state)
{
	(void)state;
	sweep(whole_call);
}

static void each_allocation_of_a_forked_call_may_fail(void **state)
{
	(void)state;
	sweep(forked_call);
}

/* Sends fail too. */
static void each_send_may_fail(void **state)
{
	static const int errors[] = {ERR_CLOSED, ERR_LIMIT, ERR_NOMEM};

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		assert_int_equal(kit_open(), 0);
		kit_contact(0, "sip:bob@10.2.0.31:5060", "10.2.0.31:5060");
		w.send_error = errors[i];
		whole_call();
		w.send_error = 0;
		whole_call();
		w.send_error = errors[i];
		pass(1000);
		w.send_error = 0;
		settle();
		kit_close();
	}
}

/* Any event in any state: the table decides, and nothing is torn. */
static void random_events(void **state)
{
	struct packet *invite, *answered;
	uint32_t calls = 0;

	(void)state;
	assert_int_equal(kit_open(), 0);
	kit_contact(0, "sip:bob@10.2.0.31:5060", "10.2.0.31:5060");
	for (uint32_t i = 0; i < 10000; i++) {
		struct call *c = w.s.calls->first;
		struct sip_msg *m;
		uint64_t id;

		if (!c) {
			calls++;
			w.seen = w.n_sent;
			if (calls % 3) {
				alice_invites(calls % 2 ? "+49" : "bob", calls + 1, "",
					      SDP_A(4000, ""));
				w.seen = w.n_sent;
			} else {
				pass(70000); /* alice's Call-ID is always the same here */
				w.seen = w.n_sent;
				establish(&invite, &answered);
			}
			c = w.s.calls->first;
			if (!c)
				continue;
		}
		id = c->id;
		shard_enter(&w.s);
		m = arena_new(&w.s.scratch, struct sip_msg);
		assert_non_null(m);
		{
			static char text[8][2048];
			struct sip_fault fault;
			char *d = text[i % 8];
			int n = snprintf(
				d, 2048,
				"SIP/2.0 %u Whatever\r\nVia: SIP/2.0/UDP "
				"10.2.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
				"<sip:b@c>;tag=r%u\r\n"
				"Call-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:b@10.2.0.20>\r\n%s",
				180 + rng_below(5) * 100, rng_below(4),
				with_body(rng_below(2) ? SDP_B(5000, "") : NULL));
			struct call_ev e = {.msg = m,
					    .status = 503,
					    .now_ms = w.now,
					    .slot = (uint8_t)rng_below(CALL_RELAYS)};

			assert_int_equal(sip_scan(d, (size_t)n, &w.s.scratch, m, &fault), 0);
			m->flow = flow_of("right", "10.2.0.20:5060");
			c->admission = NULL;
			if (rng_below(3)) {
				static const uint8_t safe[] = {
					LEV_RX_CANCEL,    LEV_RX_ACK,  LEV_NO_ACK,
					LEV_RX_1XX,       LEV_RX_2XX,  LEV_RX_2XX_AGAIN,
					LEV_RX_2XX_STRAY, LEV_RX_FAIL, LEV_RX_RE_2XX,
					LEV_RX_RE_FAIL,   LEV_RX_BYE,  LEV_BYE_DONE,
					LEV_TX_INVITE,    LEV_LOST};

				call_leg_event(c->leg[rng_below(c->n_leg)],
					       (enum leg_event)safe[rng_below(sizeof safe)], &e);
			} else {
				static const uint8_t safe[] = {
					EV_CANCEL,        EV_NO_ACK, EV_BYE,  EV_TIMER,
					EV_MEDIA_TIMEOUT, EV_HANGUP, EV_OVER, EV_RESPONSE};

				e.leg = c->leg[rng_below(c->n_leg)];
				e.type = (enum call_event)safe[rng_below(sizeof safe)];
				call_event(c, &e);
			}
		}
		shard_leave(&w.s);
		if (!call_get(w.s.calls, id))
			continue;
		if (rng_below(4) == 0)
			pass(rng_below(40000));
		w.seen = w.n_sent;
	}
	settle();
	pass(200000);
	kit_close();
	print_message("          10000 events over %u calls\n", calls);
}

/* What one call may hold is bounded, whatever its far ends send. */
static void a_call_has_a_cap(void **state)
{
	static char pad[1701], routes[24000];
	struct buf b = BUF_ON(routes);
	struct packet *invite;

	(void)state;
	assert_int_equal(kit_open(), 0);
	memset(pad, 'x', sizeof pad - 1);
	for (unsigned i = 0; i < 3; i++)
		kit_contact(i, "sip:bob@10.2.0.31:5060", "10.2.0.31:5060");
	for (unsigned i = 0; i < 10; i++)
		buf_printf(&b, "Record-Route: <sip:10.1.0.60;lr;p=%s>\r\n", pad);
	deliver(flow_of("left", "10.1.0.50:5060"),
		fmt("INVITE sip:bob@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "10.1.0.50:5060;rport;branch=z9hG4bKcap\r\nFrom: \"%s\" "
		    "<sip:alice@x>;tag=cap\r\n"
		    "To: <sip:bob@x>\r\nCall-ID: cap\r\nCSeq: 1 INVITE\r\nContact: "
		    "<sip:alice@10.1.0.50>\r\n%s%s",
		    pad, buf_cstr(&b), with_body(NULL)));
	invite = expect("INVITE ");
	for (unsigned i = 0; i < 14; i++)
		answer(invite, "right", "180 Ringing", fmt("%u%s", i, pad), "", NULL);
	w.seen = w.n_sent;
	answer(invite, "right", "200 OK", "z", buf_cstr(&b), SDP_B(5000, ""));
	expect("ACK ");
	ok(expect("BYE "), "right");
	expect("SIP/2.0 500 ");
	assert_true(metric_get(&w.s.metrics.value[M_CALLS_ARENA_CAP]) > 0);
	assert_true(w.s.calls->first == NULL ||
		    w.s.calls->first->arena.held_bytes <= CALL_ARENA_CAP);
	settle();
	kit_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_of_a_call_may_fail),
		cmocka_unit_test(each_allocation_of_a_forked_call_may_fail),
		cmocka_unit_test(each_send_may_fail),
		cmocka_unit_test(random_events),
		cmocka_unit_test(a_call_has_a_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
