/* Client transactions: every timer and row of the INVITE and non-INVITE client machines, ACK, CANCEL. */
#include "txn_kit.h"

#define B1 "z9hG4bKone"

static struct kit k;

/* Runs the clock to its end and notes when something was sent, in ms from now. */
static size_t send_times(uint64_t ms, uint64_t at[], size_t cap)
{
	uint64_t start = k.now;
	size_t n = 0;

	for (uint64_t i = 0; i < ms; i++) {
		size_t before = k.n_sent;

		kit_run(&k, 1);
		if (k.n_sent > before && n < cap)
			at[n++] = k.now - start;
	}
	return n;
}

static void test_timer_a_and_b(void **state)
{
	const uint64_t want[] = {500, 1500, 3500, 7500, 15500, 31500};
	uint64_t at[16];

	(void)state;
	kit_open(&k, CONF_UDP);
	(void)kit_start(&k, SIP_M_INVITE, B1, 7);
	assert_int_equal(k.n_sent, 1);
	assert_int_equal(send_times(31999, at, 16), 6);
	assert_memory_equal(at, want, sizeof want);
	assert_string_equal(k.sent[0], k.sent[6]);
	assert_int_equal(k.n_up, 0);
	kit_run(&k, 1);
	assert_int_equal(k.n_up, 1);
	assert_int_equal(k.up[0].what, UP_FAILED);
	assert_int_equal(k.up[0].why, TXN_TIMEOUT);
	assert_int_equal(k.up[0].owner, 7);
	assert_int_equal(txn_count(k.l), 0);
	assert_int_equal(txn_stat(k.l)->timeouts, 1);
	assert_int_equal(txn_stat(k.l)->retransmissions_out, 6);
	kit_close(&k);
}

static void test_invite_on_a_stream_is_sent_once(void **state)
{
	(void)state;
	kit_open(&k, CONF_TCP);
	(void)kit_start(&k, SIP_M_INVITE, B1, 7);
	kit_run(&k, 32000);
	assert_int_equal(k.n_sent, 1);
	assert_int_equal(k.up[0].why, TXN_TIMEOUT);
	kit_close(&k);
}

static void test_provisional_stops_a_and_b(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	kit_response(&k, 100, "INVITE", B1, "x");
	kit_response(&k, 180, "INVITE", B1, "x");
	kit_run(&k, 300000);
	assert_int_equal(k.n_sent, 1);
	assert_int_equal(k.n_up, 2);
	assert_int_equal(k.up[1].status, 180);
	assert_int_equal(kit_state(&k, t), ICT_PROCEEDING);
	kit_close(&k);
}

/* While it rings only what ACK and CANCEL need is kept. */
static void test_ringing_keeps_no_body(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	assert_int_equal(txn_find(k.l, t)->bytes_len, strlen(k.sent[0]));
	kit_response(&k, 180, "INVITE", B1, "x");
	assert_int_equal(str_find_str(str_n(txn_find(k.l, t)->bytes, txn_find(k.l, t)->bytes_len),
				      STR("v=0")),
			 -1);
	assert_int_equal(str_find_str(str_n(txn_find(k.l, t)->bytes, txn_find(k.l, t)->bytes_len),
				      STR("Contact")),
			 -1);
	kit_close(&k);
	kit_open(&k, CONF_TCP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	assert_true(txn_find(k.l, t)->bytes_len < strlen(k.sent[0]));
	kit_close(&k);
}

static void test_accepted_delivers_every_2xx(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	kit_response(&k, 180, "INVITE", B1, "x");
	kit_response(&k, 200, "INVITE", B1, "x");
	assert_int_equal(kit_state(&k, t), ICT_ACCEPTED);
	assert_null(txn_find(k.l, t)->bytes);
	kit_response(&k, 200, "INVITE", B1, "x");
	kit_response(&k, 200, "INVITE", B1, "fork");
	kit_response(&k, 180, "INVITE", B1, "fork2"); /* too late */
	kit_response(&k, 486, "INVITE", B1, "fork2");
	assert_int_equal(k.n_up, 4);
	assert_int_equal(k.n_sent, 1); /* the user writes the ACK of a 2xx */
	kit_run(&k, 31999);
	assert_int_equal(txn_count(k.l), 1);
	kit_run(&k, 1); /* timer M */
	assert_int_equal(txn_count(k.l), 0);
	kit_response(&k, 200, "INVITE", B1, "x");
	assert_int_equal(txn_stat(k.l)->stray_responses, 1);
	assert_int_equal(k.n_up, 4);
	assert_int_equal(txn_stat(k.l)->unexpected, 0);
	kit_close(&k);
}

static void test_2xx_without_provisional(void **state)
{
	(void)state;
	kit_open(&k, CONF_UDP);
	assert_int_not_equal(kit_start(&k, SIP_M_INVITE, B1, 7), 0);
	kit_response(&k, 200, "INVITE", B1, "x");
	kit_run(&k, 10000);
	assert_int_equal(k.n_sent, 1);
	assert_int_equal(k.n_up, 1);
	kit_close(&k);
}

static const char ack_text[] = "ACK sip:carol@198.51.100.7 SIP/2.0\r\n"
			       "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=" B1 "\r\n"
			       "Route: <sip:p1.example;lr>\r\n"
			       "Route: <sip:p2.example;lr>\r\n"
			       "Max-Forwards: 70\r\n"
			       "From: \"A; B\" <sip:alice@192.0.2.1>;tag=ours\r\n"
			       "To: <sip:carol@example.net>;tag=busy\r\n"
			       "Call-ID: out1\r\n"
			       "CSeq: 17 ACK\r\n"
			       "Content-Length: 0\r\n\r\n";

static void test_reject_is_acked_and_absorbed(void **state)
{
	txn_id t;

	(void)state;
	for (unsigned ringing = 0; ringing < 2; ringing++) {
		kit_open(&k, CONF_UDP);
		t = kit_start(&k, SIP_M_INVITE, B1, 7);
		if (ringing)
			kit_response(&k, 180, "INVITE", B1, "busy");
		kit_response(&k, 486, "INVITE", B1, "busy");
		assert_string_equal(k.sent[1], ack_text);
		assert_int_equal(k.up[ringing].status, 486);
		kit_response(&k, 486, "INVITE", B1, "busy");
		kit_response(&k, 486, "INVITE", B1, "busy");
		assert_int_equal(k.n_sent, 4);
		assert_string_equal(k.sent[3], ack_text);
		kit_response(&k, 200, "INVITE", B1, "late");
		kit_response(&k, 180, "INVITE", B1, "late");
		assert_int_equal(k.n_up, 1 + ringing);
		assert_int_equal(txn_stat(k.l)->retransmissions_in, 2);
		assert_int_equal(kit_state(&k, t), ICT_COMPLETED);
		kit_run(&k, 31999);
		assert_int_equal(txn_count(k.l), 1);
		kit_run(&k, 1); /* timer D */
		assert_int_equal(txn_count(k.l), 0);
		kit_close(&k);
	}
}

static void test_timers_d_and_k_are_zero_on_streams(void **state)
{
	(void)state;
	kit_open(&k, CONF_TCP);
	(void)kit_start(&k, SIP_M_INVITE, B1, 7);
	(void)kit_start(&k, SIP_M_OPTIONS, "z9hG4bKtwo", 8);
	kit_response(&k, 486, "INVITE", B1, "busy");
	kit_response(&k, 200, "OPTIONS", "z9hG4bKtwo", "x");
	assert_string_equal(k.sent[2], ack_text);
	kit_run(&k, 1);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

static const char cancel_text[] = "CANCEL sip:carol@198.51.100.7 SIP/2.0\r\n"
				  "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=" B1 "\r\n"
				  "Route: <sip:p1.example;lr>\r\n"
				  "Route: <sip:p2.example;lr>\r\n"
				  "Max-Forwards: 70\r\n"
				  "From: \"A; B\" <sip:alice@192.0.2.1>;tag=ours\r\n"
				  "To: <sip:carol@example.net>\r\n"
				  "Call-ID: out1\r\n"
				  "CSeq: 17 CANCEL\r\n"
				  "Reason: Q.850;cause=16\r\n"
				  "Content-Length: 0\r\n\r\n";
#define REASON STR("Reason: Q.850;cause=16\r\n")

static void test_cancel_waits_for_a_provisional(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	assert_int_equal(txn_cancel(k.l, t, REASON, k.now), 0);
	assert_int_equal(txn_cancel(k.l, t, STR("Reason: other\r\n"), k.now), 0);
	assert_int_equal(k.n_sent, 1);
	kit_response(&k, 100, "INVITE", B1, "x");
	assert_int_equal(k.n_sent, 2);
	assert_string_equal(k.sent[1], cancel_text);
	kit_run(&k, 500); /* CANCEL is retransmitted, the INVITE no more */
	assert_int_equal(k.n_sent, 3);
	assert_string_equal(k.sent[2], cancel_text);
	kit_response(&k, 200, "CANCEL", B1, "x");
	kit_response(&k, 487, "INVITE", B1, "x");
	assert_true(kit_sent_is(&k, 3, "ACK "));
	assert_int_equal(k.n_up, 2); /* 100 and 487, nothing of the CANCEL */
	assert_int_equal(k.up[1].status, 487);
	kit_run(&k, 40000);
	assert_int_equal(k.n_sent, 4);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

static void test_cancel_while_ringing(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_TCP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	kit_response(&k, 180, "INVITE", B1, "x");
	assert_int_equal(txn_cancel(k.l, t, REASON, k.now), 0);
	assert_int_equal(txn_cancel(k.l, t, REASON, k.now), 0);
	assert_int_equal(k.n_sent, 2);
	assert_string_equal(k.sent[1], cancel_text);
	kit_close(&k);
}

static void test_cancel_after_final_sends_nothing(void **state)
{
	txn_id t;

	(void)state;
	for (unsigned status = 200; status <= 486; status += 286) {
		kit_open(&k, CONF_UDP);
		t = kit_start(&k, SIP_M_INVITE, B1, 7);
		kit_response(&k, status, "INVITE", B1, "x");
		size_t sent = k.n_sent;
		assert_int_equal(txn_cancel(k.l, t, REASON, k.now), 0);
		assert_int_equal(k.n_sent, sent);
		assert_int_equal(txn_stat(k.l)->unexpected, 0);
		kit_close(&k);
	}
	kit_open(&k, CONF_UDP);
	assert_int_equal(txn_cancel(k.l, 0, REASON, k.now), ERR_NOENT);
	t = kit_start(&k, SIP_M_OPTIONS, B1, 7);
	assert_int_equal(txn_cancel(k.l, t, REASON, k.now), ERR_INVAL);
	kit_close(&k);
}

static void test_2xx_that_crosses_the_cancel(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	kit_response(&k, 180, "INVITE", B1, "x");
	assert_int_equal(txn_cancel(k.l, t, STR(""), k.now), 0);
	kit_response(&k, 200, "INVITE", B1, "x");
	kit_response(&k, 481, "CANCEL", B1, "x");
	assert_int_equal(k.n_up, 2);
	assert_int_equal(k.up[1].status, 200);
	assert_int_equal(k.up[1].t, t);
	kit_run(&k, 33000);
	assert_int_equal(k.n_up, 2);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

/* The held CANCEL finds a final response first: it is never sent. */
static void test_final_before_the_held_cancel(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	assert_int_equal(txn_cancel(k.l, t, REASON, k.now), 0);
	kit_response(&k, 200, "INVITE", B1, "x");
	assert_int_equal(k.n_sent, 1);
	assert_int_equal(k.up[0].status, 200);
	kit_close(&k);
}

static void test_cancel_without_any_answer(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	kit_response(&k, 180, "INVITE", B1, "x");
	kit_run(&k, 10000);
	assert_int_equal(txn_cancel(k.l, t, STR(""), k.now), 0);
	kit_run(&k, 10000);
	assert_int_equal(txn_cancel(k.l, t, STR(""), k.now), 0); /* buys no time */
	kit_run(&k, 21999);
	assert_int_equal(k.n_up, 1);
	kit_run(&k, 1);
	assert_int_equal(k.n_up, 2);
	assert_int_equal(k.up[1].what, UP_FAILED);
	assert_int_equal(k.up[1].t, t);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
	kit_open(&k, CONF_UDP); /* and with nothing at all timer B counts, without a CANCEL */
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	assert_int_equal(txn_cancel(k.l, t, REASON, k.now), 0);
	kit_run(&k, 32000);
	assert_int_equal(k.n_sent, 7);
	for (size_t i = 0; i < k.n_sent; i++)
		assert_true(kit_sent_is(&k, i, "INVITE "));
	assert_int_equal(k.up[0].why, TXN_TIMEOUT);
	kit_close(&k);
}

static void test_timer_e_and_f(void **state)
{
	const uint64_t want[] = {500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500};
	uint64_t at[16];

	(void)state;
	kit_open(&k, CONF_UDP);
	(void)kit_start(&k, SIP_M_REGISTER, B1, 7);
	assert_int_equal(send_times(31999, at, 16), 10);
	assert_memory_equal(at, want, sizeof want);
	assert_int_equal(k.n_up, 0);
	kit_run(&k, 1);
	assert_int_equal(k.up[0].why, TXN_TIMEOUT);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
	kit_open(&k, CONF_TCP);
	(void)kit_start(&k, SIP_M_REGISTER, B1, 7);
	assert_int_equal(send_times(32000, at, 16), 0);
	assert_int_equal(k.up[0].why, TXN_TIMEOUT);
	kit_close(&k);
}

static void test_proceeding_resends_every_t2(void **state)
{
	const uint64_t want[] = {400, 4400, 8400, 12400, 16400, 20400, 24400, 28400};
	uint64_t at[16];

	(void)state;
	kit_open(&k, CONF_UDP);
	(void)kit_start(&k, SIP_M_BYE, B1, 7);
	kit_run(&k, 100);
	kit_response(&k, 100, "BYE", B1, "x");
	kit_response(&k, 100, "BYE", B1, "x");
	assert_int_equal(k.n_up, 2);
	assert_int_equal(send_times(31899, at, 16), 8);
	assert_memory_equal(at, want, sizeof want);
	kit_run(&k, 1);
	assert_int_equal(k.up[2].why, TXN_TIMEOUT);
	kit_close(&k);
}

static void test_final_is_given_once(void **state)
{
	(void)state;
	for (unsigned status = 200; status <= 404; status += 204) {
		for (unsigned trying = 0; trying < 2; trying++) {
			kit_open(&k, CONF_UDP);
			txn_id t = kit_start(&k, SIP_M_BYE, B1, 7);

			if (trying)
				kit_response(&k, 100, "BYE", B1, "x");
			kit_response(&k, status, "BYE", B1, "x");
			kit_response(&k, status, "BYE", B1, "x");
			kit_response(&k, 100, "BYE", B1, "x");
			assert_int_equal(k.n_up, 1 + trying);
			assert_int_equal(k.up[trying].status, status);
			assert_int_equal(kit_state(&k, t), NICT_COMPLETED);
			assert_null(txn_find(k.l, t)->bytes);
			kit_run(&k, 4999);
			assert_int_equal(txn_count(k.l), 1);
			kit_run(&k, 1); /* timer K */
			assert_int_equal(txn_count(k.l), 0);
			assert_int_equal(k.n_sent, 1);
			kit_close(&k);
		}
	}
}

static void test_method_and_branch_both_count(void **state)
{
	(void)state;
	kit_open(&k, CONF_UDP);
	(void)kit_start(&k, SIP_M_INVITE, B1, 7);
	(void)kit_start(&k, SIP_M_INVITE, "z9hG4bKtwo", 8);
	kit_response(&k, 180, "BYE", B1, "x");
	kit_response(&k, 180, "INVITE", "z9hG4bKnone", "x");
	assert_int_equal(k.n_up, 0);
	assert_int_equal(txn_stat(k.l)->stray_responses, 2);
	kit_response(&k, 180, "INVITE", "z9hG4bKtwo", "x");
	assert_int_equal(k.up[0].owner, 8);
	kit_close(&k);
}

static void test_two_vias_are_not_for_us(void **state)
{
	(void)state;
	kit_open(&k, CONF_UDP);
	(void)kit_start(&k, SIP_M_OPTIONS, B1, 7);
	kit_receive(&k, "SIP/2.0 200 OK\r\n"
			"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=" B1
			", SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx\r\n"
			"From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:b@192.0.2.1>;tag=2\r\n"
			"Call-ID: out1\r\nCSeq: 17 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(k.n_up, 0);
	assert_int_equal(txn_stat(k.l)->stray_responses, 1);
	kit_close(&k);
}

static void test_what_start_refuses(void **state)
{
	char text[1024];
	txn_id t = 99;
	struct str bytes = kit_out(text, sizeof text, "INVITE", B1);

	(void)state;
	kit_open(&k, CONF_UDP);
	assert_int_equal(txn_start(k.l, &k.flow, SIP_M_ACK, STR(B1), bytes, 0, k.now, &t),
			 ERR_INVAL);
	assert_int_equal(txn_start(k.l, &k.flow, SIP_M_CANCEL, STR(B1), bytes, 0, k.now, &t),
			 ERR_INVAL);
	k.send_err = ERR_CLOSED;
	assert_int_equal(txn_start(k.l, &k.flow, SIP_M_INVITE, STR(B1), bytes, 0, k.now, &t),
			 ERR_CLOSED);
	assert_int_equal(txn_start(k.l, &k.flow, SIP_M_OPTIONS, STR(B1), bytes, 0, k.now, &t),
			 ERR_CLOSED);
	assert_int_equal(t, 99);
	assert_int_equal(txn_count(k.l), 0);
	assert_int_equal(k.n_up, 0);
	k.send_err = 0;
	(void)kit_start(&k, SIP_M_INVITE, B1, 7);
	assert_int_equal(txn_start(k.l, &k.flow, SIP_M_INVITE, STR(B1), bytes, 0, k.now, &t),
			 ERR_EXIST);
	kit_close(&k);
}

/* A full queue on UDP is a lost datagram; the next retransmission makes up for it. On a stream it is the end. */
static void test_full_queue(void **state)
{
	char text[1024];
	txn_id t;
	struct str bytes = kit_out(text, sizeof text, "INVITE", B1);

	(void)state;
	kit_open(&k, CONF_UDP);
	k.send_err = ERR_LIMIT;
	(void)kit_start(&k, SIP_M_INVITE, B1, 7);
	k.send_err = 0;
	kit_run(&k, 500);
	assert_int_equal(k.n_sent, 1);
	kit_close(&k);
	kit_open(&k, CONF_TCP);
	k.send_err = ERR_LIMIT;
	assert_int_equal(txn_start(k.l, &k.flow, SIP_M_INVITE, STR(B1), bytes, 0, k.now, &t),
			 ERR_LIMIT);
	kit_close(&k);
}

static void test_transport_error_later(void **state)
{
	const struct {
		enum sip_method method;
		bool trying;
	} rows[] = {{SIP_M_INVITE, false}, {SIP_M_BYE, false}, {SIP_M_BYE, true}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		kit_open(&k, CONF_UDP);
		(void)kit_start(&k, rows[i].method, B1, 7);
		if (rows[i].trying)
			kit_response(&k, 100, "BYE", B1, "x");
		k.send_err = ERR_CLOSED;
		kit_run(&k, 500);
		assert_int_equal(k.n_up, 1 + rows[i].trying);
		assert_int_equal(k.up[rows[i].trying].what, UP_FAILED);
		assert_int_equal(k.up[rows[i].trying].why, TXN_TRANSPORT_ERROR);
		assert_int_equal(txn_count(k.l), 0);
		kit_close(&k);
	}
}

/* The ACK cannot be sent: the response is given all the same, and nothing more is heard. */
static void test_transport_error_of_the_ack(void **state)
{
	(void)state;
	kit_open(&k, CONF_UDP);
	(void)kit_start(&k, SIP_M_INVITE, B1, 7);
	k.send_err = ERR_CLOSED;
	kit_response(&k, 503, "INVITE", B1, "x");
	assert_int_equal(k.n_up, 1);
	assert_int_equal(k.up[0].status, 503);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

static void test_broken_stream_fails_what_waits(void **state)
{
	struct sip_flow other;

	(void)state;
	kit_open(&k, CONF_TCP);
	(void)kit_start(&k, SIP_M_INVITE, B1, 1);
	(void)kit_start(&k, SIP_M_BYE, "z9hG4bKtwo", 2);
	(void)kit_start(&k, SIP_M_INVITE, "z9hG4bKthree", 3);
	kit_response(&k, 180, "INVITE", "z9hG4bKthree", "x");
	other = k.flow;
	other.remote.port = 5070;
	txn_flow_failed(k.l, &other, k.now);
	assert_int_equal(k.n_up, 1);
	txn_flow_failed(k.l, &k.flow, k.now);
	assert_int_equal(k.n_up, 3);
	assert_int_equal(k.up[1].owner + k.up[2].owner, 3);
	assert_int_equal(k.up[1].why, TXN_TRANSPORT_ERROR);
	assert_int_equal(txn_count(k.l), 1);
	kit_close(&k);
}

static void retry(struct kit *kit, txn_id t)
{
	(void)t;
	if (kit->n_up < 10)
		(void)kit_start(kit, SIP_M_INVITE, kit->n_up == 1 ? "z9hG4bKr1" : "z9hG4bKr2", 5);
}

/* What the user starts again on the same way is not failed in the same breath. */
static void test_broken_stream_and_a_stubborn_user(void **state)
{
	(void)state;
	kit_open(&k, CONF_TCP);
	(void)kit_start(&k, SIP_M_INVITE, B1, 1);
	k.on_failed = retry;
	txn_flow_failed(k.l, &k.flow, k.now);
	assert_int_equal(k.n_up, 1);
	assert_int_equal(txn_count(k.l), 1);
	kit_close(&k);
}

static void test_disowned_is_silent_and_ends(void **state)
{
	txn_id t;

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	txn_disown(k.l, t);
	kit_run(&k, 32000);
	assert_int_equal(txn_count(k.l), 0);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	kit_response(&k, 180, "INVITE", B1, "x"); /* ringing, and then the user goes */
	txn_disown(k.l, t);
	kit_run(&k, 32000);
	assert_int_equal(txn_count(k.l), 0);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	txn_disown(k.l, t); /* and the other way round */
	kit_response(&k, 180, "INVITE", B1, "x");
	kit_run(&k, 32000);
	assert_int_equal(txn_count(k.l), 0);
	t = kit_start(&k, SIP_M_INVITE, B1, 7);
	txn_disown(k.l, t);
	kit_response(&k, 486, "INVITE", B1, "busy");
	assert_true(kit_sent_is(&k, k.n_sent - 1, "ACK "));
	assert_int_equal(k.n_up, 1);
	assert_int_equal(txn_stat(k.l)->unexpected, 0);
	kit_close(&k);
}

static void leave(struct kit *kit, txn_id t, struct sip_msg *m)
{
	(void)m;
	txn_disown(kit->l, t);
	(void)txn_cancel(kit->l, t, STR(""), kit->now);
}

static void test_user_acts_from_within_the_upcall(void **state)
{
	(void)state;
	kit_open(&k, CONF_UDP);
	(void)kit_start(&k, SIP_M_INVITE, B1, 7);
	k.on_response = leave;
	kit_response(&k, 180, "INVITE", B1, "x");
	assert_true(kit_sent_is(&k, 1, "CANCEL "));
	kit_response(&k, 487, "INVITE", B1, "x");
	assert_true(kit_sent_is(&k, 2, "ACK "));
	assert_int_equal(k.n_up, 1);
	kit_close(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timer_a_and_b),
		cmocka_unit_test(test_invite_on_a_stream_is_sent_once),
		cmocka_unit_test(test_provisional_stops_a_and_b),
		cmocka_unit_test(test_ringing_keeps_no_body),
		cmocka_unit_test(test_accepted_delivers_every_2xx),
		cmocka_unit_test(test_2xx_without_provisional),
		cmocka_unit_test(test_reject_is_acked_and_absorbed),
		cmocka_unit_test(test_timers_d_and_k_are_zero_on_streams),
		cmocka_unit_test(test_cancel_waits_for_a_provisional),
		cmocka_unit_test(test_cancel_while_ringing),
		cmocka_unit_test(test_cancel_after_final_sends_nothing),
		cmocka_unit_test(test_2xx_that_crosses_the_cancel),
		cmocka_unit_test(test_final_before_the_held_cancel),
		cmocka_unit_test(test_cancel_without_any_answer),
		cmocka_unit_test(test_timer_e_and_f),
		cmocka_unit_test(test_proceeding_resends_every_t2),
		cmocka_unit_test(test_final_is_given_once),
		cmocka_unit_test(test_method_and_branch_both_count),
		cmocka_unit_test(test_two_vias_are_not_for_us),
		cmocka_unit_test(test_what_start_refuses),
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_transport_error_later),
		cmocka_unit_test(test_transport_error_of_the_ack),
		cmocka_unit_test(test_broken_stream_fails_what_waits),
		cmocka_unit_test(test_broken_stream_and_a_stubborn_user),
		cmocka_unit_test(test_disowned_is_silent_and_ends),
		cmocka_unit_test(test_user_acts_from_within_the_upcall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
