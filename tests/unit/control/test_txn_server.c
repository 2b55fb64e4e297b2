/* Server transactions: every timer and row of the INVITE and non-INVITE server machines, CANCEL, merged requests, matching. */
#include "txn_kit.h"

#define B1 "z9hG4bKin"

static struct kit k;

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

static txn_id open_with(enum conf_transport transport, const char *method)
{
	kit_open(&k, transport);
	kit_request(&k, method, B1, 1, "");
	assert_int_equal(k.n_up, 1);
	assert_int_equal(k.up[0].what, UP_REQUEST);
	return k.up[0].t;
}

static void test_trying_after_200_ms(void **state)
{
	(void)state;
	(void)open_with(CONF_UDP, "INVITE");
	kit_run(&k, 199);
	assert_int_equal(k.n_sent, 0);
	kit_run(&k, 1);
	assert_int_equal(k.n_sent, 1);
	assert_true(kit_sent_is(&k, 0, "SIP/2.0 100 Trying\r\n"));
	kit_request(&k, "INVITE", B1, 1, "");
	assert_int_equal(k.n_sent, 2);
	assert_string_equal(k.sent[0], k.sent[1]);
	assert_int_equal(k.n_up, 1);
	kit_close(&k);
}

static void test_no_trying_where_the_user_was_faster(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(kit_respond(&k, t, 180), 0);
	kit_run(&k, 1000);
	assert_int_equal(k.n_sent, 1);
	assert_int_equal(kit_respond(&k, t, 183), 0);
	kit_request(&k, "INVITE", B1, 1, "");
	assert_int_equal(k.n_sent, 3);
	assert_string_equal(k.sent[2], k.sent[1]); /* the last one */
	kit_close(&k);
}

/* The sender was in more of a hurry than 200 ms: 100 at once, and only once. */
static void test_retransmission_before_any_response(void **state)
{
	(void)state;
	(void)open_with(CONF_UDP, "INVITE");
	kit_run(&k, 100);
	kit_request(&k, "INVITE", B1, 1, "");
	assert_true(kit_sent_is(&k, 0, "SIP/2.0 100 "));
	kit_run(&k, 1000);
	assert_int_equal(k.n_sent, 1);
	assert_int_equal(k.n_up, 1);
	assert_int_equal(txn_stat(k.l)->retransmissions_in, 1);
	kit_close(&k);
}

static void test_accepted(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(txn_resend_2xx(k.l, t, k.now), ERR_STATE);
	assert_int_equal(kit_respond(&k, t, 200), 0);
	assert_int_equal(kit_state(&k, t), IST_ACCEPTED);
	kit_request(&k, "INVITE", B1, 1, "");
	assert_int_equal(k.n_sent, 1); /* absorbed; the user resends (RFC 6026 7.1) */
	assert_int_equal(k.n_up, 1);
	assert_int_equal(txn_resend_2xx(k.l, t, k.now), 0);
	assert_string_equal(k.sent[0], k.sent[1]);
	kit_request(&k, "ACK", "z9hG4bKother", 1, "mine");
	kit_request(&k, "ACK", B1, 1, "mine");
	assert_int_equal(k.n_up, 3);
	assert_int_equal(k.up[1].what, UP_ACK);
	assert_int_equal(k.up[2].what, UP_ACK);
	assert_int_equal(kit_respond(&k, t, 200), ERR_STATE);
	assert_int_equal(kit_respond(&k, t, 486), ERR_STATE);
	kit_run(&k, 31999);
	assert_int_equal(txn_count(k.l), 1);
	assert_int_equal(k.n_sent, 2);
	kit_run(&k, 1); /* timer L */
	assert_int_equal(txn_count(k.l), 0);
	assert_int_equal(txn_resend_2xx(k.l, t, k.now), ERR_NOENT);
	assert_int_equal(kit_respond(&k, t, 200), ERR_NOENT);
	assert_int_equal(k.n_up, 3);
	kit_close(&k);
}

/* The user has its ACK and lets go: the 2xx needs no memory any more, retransmissions are absorbed on. */
static void test_accepted_and_disowned(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(kit_respond(&k, t, 200), 0);
	txn_disown(k.l, t);
	assert_null(txn_find(k.l, t)->bytes);
	assert_int_equal(txn_resend_2xx(k.l, t, k.now), ERR_NOENT);
	kit_request(&k, "INVITE", B1, 1, "");
	assert_int_equal(k.n_up, 1);
	assert_int_equal(txn_stat(k.l)->unexpected, 0);
	kit_close(&k);
}

static void test_timer_g_and_h(void **state)
{
	const uint64_t want[] = {500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500};
	uint64_t at[16];
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(txn_set_owner(k.l, t, 42), 0);
	assert_int_equal(kit_respond(&k, t, 486), 0);
	assert_int_equal(send_times(31999, at, 16), 10);
	assert_memory_equal(at, want, sizeof want);
	assert_string_equal(k.sent[0], k.sent[10]);
	kit_run(&k, 1);
	assert_int_equal(k.n_up, 2);
	assert_int_equal(k.up[1].what, UP_FAILED);
	assert_int_equal(k.up[1].why, TXN_TIMEOUT);
	assert_int_equal(k.up[1].owner, 42);
	assert_int_equal(txn_count(k.l), 0);
	assert_int_equal(txn_set_owner(k.l, t, 43), ERR_NOENT);
	kit_close(&k);
}

static void test_reject_on_a_stream(void **state)
{
	uint64_t at[4];
	txn_id t;

	(void)state;
	t = open_with(CONF_TCP, "INVITE");
	assert_int_equal(kit_respond(&k, t, 486), 0);
	assert_int_equal(send_times(31000, at, 4), 0);
	kit_request(&k, "ACK", B1, 1, "mine");
	kit_run(&k, 1); /* timer I is zero */
	assert_int_equal(txn_count(k.l), 0);
	assert_int_equal(k.n_up, 1);
	kit_close(&k);
	t = open_with(CONF_TCP, "INVITE"); /* H runs there too */
	assert_int_equal(kit_respond(&k, t, 486), 0);
	kit_run(&k, 32000);
	assert_int_equal(k.up[1].why, TXN_TIMEOUT);
	kit_close(&k);
}

static void test_ack_confirms(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(kit_respond(&k, t, 404), 0);
	kit_request(&k, "INVITE", B1, 1, "");
	assert_int_equal(k.n_sent, 2);
	assert_string_equal(k.sent[0], k.sent[1]);
	kit_request(&k, "ACK", B1, 1, "mine");
	assert_int_equal(kit_state(&k, t), IST_CONFIRMED);
	assert_null(txn_find(k.l, t)->bytes);
	kit_request(&k, "ACK", B1, 1, "mine");
	kit_request(&k, "INVITE", B1, 1, "");
	kit_run(&k, 4999);
	assert_int_equal(txn_count(k.l), 1);
	kit_run(&k, 1); /* timer I */
	assert_int_equal(txn_count(k.l), 0);
	assert_int_equal(k.n_sent, 2);
	assert_int_equal(k.n_up, 1); /* neither ACK came up */
	kit_request(&k, "ACK", B1, 1, "mine");
	assert_int_equal(k.up[1].what, UP_ACK); /* nobody's any more: the call layer drops it */
	kit_close(&k);
}

static void test_ack_before_any_response_is_nothing(void **state)
{
	(void)state;
	(void)open_with(CONF_UDP, "INVITE");
	kit_request(&k, "ACK", B1, 1, "");
	assert_int_equal(k.n_up, 1);
	assert_int_equal(k.n_sent, 0);
	assert_int_equal(txn_stat(k.l)->unexpected, 0);
	kit_close(&k);
}

static void test_non_invite(void **state)
{
	txn_id t;

	(void)state;
	for (unsigned status = 200; status <= 404; status += 204) {
		t = open_with(CONF_UDP, "OPTIONS");
		kit_request(&k, "OPTIONS", B1, 1, ""); /* absorbed without a word */
		assert_int_equal(k.n_sent, 0);
		assert_int_equal(kit_respond(&k, t, (uint16_t)status), 0);
		kit_request(&k, "OPTIONS", B1, 1, "");
		assert_int_equal(k.n_sent, 2);
		assert_string_equal(k.sent[0], k.sent[1]);
		assert_int_equal(kit_respond(&k, t, 200), ERR_STATE);
		assert_int_equal(k.n_up, 1);
		kit_run(&k, 31999);
		assert_int_equal(txn_count(k.l), 1);
		kit_run(&k, 1); /* timer J */
		assert_int_equal(txn_count(k.l), 0);
		assert_int_equal(k.n_sent, 2);
		kit_close(&k);
	}
	t = open_with(CONF_TCP, "OPTIONS");
	assert_int_equal(kit_respond(&k, t, 200), 0);
	kit_run(&k, 1); /* J is zero */
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

/* RFC 4320 4.1: nothing but 100, and on UDP not before a client's timer E is at T2. */
static void test_non_invite_provisional(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "OPTIONS");
	assert_int_equal(kit_respond(&k, t, 180), ERR_INVAL);
	assert_int_equal(kit_respond(&k, t, 100), 0);
	kit_run(&k, 3499);
	assert_int_equal(k.n_sent, 0);
	kit_run(&k, 1);
	assert_int_equal(k.n_sent, 1);
	assert_true(kit_sent_is(&k, 0, "SIP/2.0 100 "));
	assert_int_equal(kit_state(&k, t), NIST_PROCEEDING);
	kit_request(&k, "OPTIONS", B1, 1, "");
	assert_int_equal(k.n_sent, 2);
	assert_int_equal(kit_respond(&k, t, 100), 0);
	assert_int_equal(k.n_sent, 3);
	assert_int_equal(kit_respond(&k, t, 404), 0);
	assert_int_equal(kit_state(&k, t), NIST_COMPLETED);
	kit_close(&k);
	t = open_with(CONF_TCP, "OPTIONS");
	assert_int_equal(kit_respond(&k, t, 100), 0);
	assert_int_equal(k.n_sent, 1); /* streams do not mind */
	kit_run(&k, 5000);
	assert_int_equal(k.n_sent, 1);
	assert_int_equal(kit_respond(&k, t, 200), 0);
	kit_close(&k);
}

/* RFC 4320 4.2 */
static void test_non_invite_gets_no_408(void **state)
{
	txn_id t;

	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		t = open_with(CONF_UDP, "OPTIONS");
		kit_run(&k, late * 4000);
		kit_forget(&k);
		assert_int_equal(kit_respond(&k, t, 408), 0);
		kit_request(&k, "OPTIONS", B1, 1, "");
		assert_int_equal(k.n_sent, 0);
		assert_int_equal(k.n_up, 0);
		kit_run(&k, 32000);
		assert_int_equal(txn_count(k.l), 0);
		kit_close(&k);
	}
	t = open_with(CONF_UDP, "INVITE"); /* where it is fine */
	assert_int_equal(kit_respond(&k, t, 408), 0);
	assert_true(kit_sent_is(&k, 0, "SIP/2.0 408 "));
	kit_close(&k);
}

static void test_non_invite_without_an_answer(void **state)
{
	(void)state;
	(void)open_with(CONF_UDP, "OPTIONS");
	kit_run(&k, 31999);
	assert_int_equal(k.n_up, 1);
	kit_run(&k, 1);
	assert_int_equal(k.up[1].what, UP_FAILED);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

static void test_cancel(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(txn_set_owner(k.l, t, 42), 0);
	assert_int_equal(kit_respond(&k, t, 180), 0);
	kit_request(&k, "CANCEL", B1, 1, "");
	assert_true(kit_sent_is(&k, 1, "SIP/2.0 200 OK\r\n"));
	assert_non_null(strstr(k.sent[1], "CSeq: 1 CANCEL\r\n"));
	assert_non_null(
		strstr(k.sent[1], ";tag=mine\r\n")); /* as in our response to the INVITE (9.2) */
	assert_int_equal(k.n_up, 2);
	assert_int_equal(k.up[1].what, UP_CANCELLED);
	assert_int_equal(k.up[1].t, t);
	assert_int_equal(k.up[1].owner, 42);
	kit_request(&k, "CANCEL", B1, 1, "");
	assert_string_equal(k.sent[1], k.sent[2]);
	assert_int_equal(k.n_up, 2);
	assert_int_equal(kit_respond(&k, t, 487), 0);
	kit_request(&k, "CANCEL", B1, 1, "");
	assert_string_equal(k.sent[1], k.sent[4]);
	kit_request(&k, "ACK", B1, 1, "mine");
	kit_request(&k, "CANCEL", B1, 1, "");
	assert_true(kit_sent_is(&k, 5, "SIP/2.0 200 "));
	assert_int_equal(k.n_up, 2);
	kit_close(&k);
}

static void test_cancel_before_a_response_has_a_tag(void **state)
{
	(void)state;
	(void)open_with(CONF_UDP, "INVITE");
	kit_request(&k, "CANCEL", B1, 1, "");
	kit_request(&k, "CANCEL", B1, 1, "");
	assert_true(kit_sent_is(&k, 0, "SIP/2.0 200 "));
	assert_non_null(strstr(k.sent[0], "To: <sip:bob@192.0.2.1>;tag="));
	assert_string_equal(k.sent[0], k.sent[1]);
	kit_close(&k);
}

static void test_cancel_after_2xx_changes_nothing(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(kit_respond(&k, t, 200), 0);
	kit_request(&k, "CANCEL", B1, 1, "");
	assert_true(kit_sent_is(&k, 1, "SIP/2.0 200 "));
	assert_int_equal(k.n_up, 1);
	assert_int_equal(kit_state(&k, t), IST_ACCEPTED);
	kit_close(&k);
}

static void test_cancel_of_nothing(void **state)
{
	(void)state;
	kit_open(&k, CONF_UDP);
	kit_request(&k, "CANCEL", B1, 1, "");
	kit_request(&k, "CANCEL", B1, 1, "");
	assert_true(kit_sent_is(&k, 0, "SIP/2.0 481 "));
	assert_string_equal(k.sent[0], k.sent[1]);
	assert_int_equal(k.n_up, 0);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

static void test_merged_request(void **state)
{
	(void)state;
	(void)open_with(CONF_UDP, "INVITE");
	kit_request(&k, "INVITE", "z9hG4bKother", 1, "");
	assert_true(kit_sent_is(&k, 0, "SIP/2.0 482 "));
	assert_non_null(strstr(k.sent[0], ";tag="));
	assert_int_equal(k.n_up, 1);
	assert_int_equal(txn_stat(k.l)->merged, 1);
	kit_request(&k, "INVITE", "z9hG4bKother", 1, "");
	assert_string_equal(k.sent[0], k.sent[1]);
	kit_request(&k, "ACK", "z9hG4bKother", 1, "x");
	assert_int_equal(k.n_up, 1);                      /* absorbed */
	kit_request(&k, "INVITE", "z9hG4bKthird", 2, ""); /* another CSeq */
	assert_int_equal(k.n_up, 2);
	kit_request(&k, "OPTIONS", "z9hG4bKfourth", 1, ""); /* another method */
	assert_int_equal(k.n_up, 3);
	kit_request(&k, "INVITE", "z9hG4bKfifth", 1, "tag"); /* in a dialog */
	assert_int_equal(k.n_up, 4);
	kit_close(&k);
}

static void test_no_longer_merged_when_the_first_is_over(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(kit_respond(&k, t, 486), 0);
	kit_request(&k, "ACK", B1, 1, "mine");
	kit_run(&k, 5000);
	kit_request(&k, "INVITE", "z9hG4bKother", 1, "");
	assert_int_equal(k.n_up, 2);
	kit_close(&k);
}

static void receive_via(const char *method, const char *via)
{
	char text[1024];

	snprintf(text, sizeof text,
		 "%s sip:bob@192.0.2.1 SIP/2.0\r\nVia: %s\r\nFrom: <sip:a@192.0.2.9>;tag=f\r\n"
		 "To: <sip:bob@192.0.2.1>;tag=t\r\nCall-ID: c\r\nCSeq: 1 %s\r\nContent-Length: "
		 "0\r\n\r\n",
		 method, via, method);
	kit_receive(&k, text);
}

/* RFC 3261 17.2.3: branch, sent-by and method, and for RFC 2543 what stands in for them. */
static void test_matching(void **state)
{
	static const struct {
		const char *method, *via;
		unsigned up; /* new requests so far */
	} rows[] = {
		{"INVITE", "SIP/2.0/UDP a.example;branch=z9hG4bKx", 1},
		{"INVITE", "SIP/2.0/UDP A.Example:5060;branch=z9hG4bKx", 1},
		{"INVITE", "SIP/2.0/UDP a.example:5070;branch=z9hG4bKx", 2},
		{"INVITE", "SIP/2.0/UDP b.example;branch=z9hG4bKx", 3},
		{"INVITE", "SIP/2.0/UDP a.example;branch=z9hG4bKX", 4},
		{"OPTIONS", "SIP/2.0/UDP a.example;branch=z9hG4bKx", 5},
		{"FOO", "SIP/2.0/UDP a.example;branch=z9hG4bKx", 6},
		{"BAR", "SIP/2.0/UDP a.example;branch=z9hG4bKx", 7},
		{"FOO", "SIP/2.0/UDP a.example;branch=z9hG4bKx", 7},
		{"INVITE", "SIP/2.0/UDP a.example", 8},
		{"INVITE", "SIP/2.0/UDP a.example", 8},
		{"INVITE", "SIP/2.0/UDP a.example;branch=1", 9},
		{"INVITE", "SIP/2.0/UDP a.example;branch=1", 9},
		{"INVITE", "SIP/2.0/UDP a.example;branch=z9hG4bK", 10},
	};

	(void)state;
	kit_open(&k, CONF_UDP);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		receive_via(rows[i].method, rows[i].via);
		if (k.n_up != rows[i].up)
			fail_msg("row %zu: %zu requests came up", i, k.n_up);
	}
	/* The ACK and CANCEL of an RFC 2543 INVITE. */
	receive_via("CANCEL", "SIP/2.0/UDP a.example");
	assert_int_equal(k.up[10].what, UP_CANCELLED);
	assert_int_equal(k.up[10].t, k.up[7].t);
	assert_int_equal(kit_respond(&k, k.up[7].t, 487), 0);
	receive_via("ACK", "SIP/2.0/UDP a.example");
	assert_int_equal(kit_state(&k, k.up[7].t), IST_CONFIRMED);
	assert_int_equal(k.n_up, 11);
	kit_close(&k);
}

static void test_what_respond_refuses(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	assert_int_equal(kit_respond(&k, 0, 200), ERR_NOENT);
	assert_int_equal(kit_respond(&k, t + (1ULL << 32), 200), ERR_NOENT);
	assert_int_equal(kit_respond(&k, t, 99), ERR_INVAL);
	assert_int_equal(kit_respond(&k, t, 700), ERR_INVAL);
	t = kit_start(&k, SIP_M_OPTIONS, "z9hG4bKo", 1);
	assert_int_equal(kit_respond(&k, t, 200), ERR_INVAL);
	kit_close(&k);
}

/* RFC 6026: a server that cannot send tells once and stays; when the way is good again the peer's retransmission is answered. */
static void test_transport_error(void **state)
{
	txn_id t;

	(void)state;
	t = open_with(CONF_UDP, "INVITE");
	k.send_err = ERR_CLOSED;
	assert_int_equal(kit_respond(&k, t, 486), ERR_CLOSED);
	assert_int_equal(k.n_up, 1);
	kit_run(&k, 1500);
	assert_int_equal(k.n_up, 2);
	assert_int_equal(k.up[1].why, TXN_TRANSPORT_ERROR);
	assert_int_equal(kit_state(&k, t), IST_COMPLETED);
	k.send_err = 0;
	kit_request(&k, "INVITE", B1, 1, "");
	assert_int_equal(k.n_sent, 1);
	assert_true(kit_sent_is(&k, 0, "SIP/2.0 486 "));
	kit_close(&k);
	(void)open_with(CONF_UDP, "INVITE"); /* the 100 */
	k.send_err = ERR_CLOSED;
	kit_run(&k, 200);
	assert_int_equal(k.n_up, 2);
	assert_int_equal(txn_count(k.l), 1);
	kit_close(&k);
	t = open_with(CONF_UDP, "OPTIONS");
	k.send_err = ERR_CLOSED;
	kit_run(&k, 3500);
	assert_int_equal(k.n_up, 2);
	assert_int_equal(kit_respond(&k, t, 200), ERR_CLOSED);
	kit_request(&k, "OPTIONS", B1, 1, "");
	assert_int_equal(k.n_up, 2);
	assert_int_equal(kit_state(&k, t), NIST_COMPLETED);
	assert_int_equal(txn_stat(k.l)->unexpected, 0);
	kit_close(&k);
}

static void test_disowned_ends(void **state)
{
	static const char *const methods[] = {"INVITE", "OPTIONS"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (uint64_t after = 0; after <= 4000; after += 4000) {
			txn_id t = open_with(CONF_UDP, methods[i]);

			kit_run(&k, after);
			txn_disown(k.l, t);
			txn_disown(k.l, t);
			kit_request(&k, methods[i], B1, 1, "");
			kit_request(&k, "CANCEL", B1, 1, "");
			kit_run(&k, 32000);
			assert_int_equal(txn_count(k.l), 0);
			assert_int_equal(k.n_up, 1);
			assert_int_equal(txn_stat(k.l)->unexpected, 0);
			kit_close(&k);
		}
	}
}

static void answer_and_leave(struct kit *kit, txn_id t, struct sip_msg *m)
{
	(void)m;
	assert_int_equal(kit_respond(kit, t, 180), 0);
	assert_int_equal(kit_respond(kit, t, 603), 0);
	txn_disown(kit->l, t);
}

static void test_user_acts_from_within_the_upcall(void **state)
{
	(void)state;
	kit_open(&k, CONF_UDP);
	k.on_request = answer_and_leave;
	kit_request(&k, "INVITE", B1, 1, "");
	assert_int_equal(k.n_sent, 2);
	kit_request(&k, "ACK", B1, 1, "mine");
	kit_run(&k, 5000);
	assert_int_equal(k.n_sent, 2);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

/* Said once, and forgotten: no repetition, no memory, and the same request is a new one. */
static void test_a_response_that_is_not_kept(void **state)
{
	static const char *const method[] = {"INVITE", "OPTIONS"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		txn_id t = open_with(CONF_UDP, method[i]);

		assert_int_equal(txn_respond_once(k.l, t, 100, STR("x"), k.now), ERR_INVAL);
		assert_int_equal(txn_respond_once(k.l, t, 407, STR("SIP/2.0 407 X\r\n\r\n"), k.now),
				 0);
		assert_int_equal(txn_count(k.l), 0);
		assert_int_equal(txn_respond_once(k.l, t, 407, STR("x"), k.now), ERR_NOENT);
		kit_run(&k, 40000);
		assert_int_equal(k.n_sent, 1);
		kit_request(&k, method[i], B1, 1, "");
		assert_int_equal(k.n_up, 2);
		assert_int_equal(txn_stat(k.l)->merged, 0);
		assert_int_equal(kit_respond(&k, k.up[1].t, 486), 0);
		assert_int_equal(txn_respond_once(k.l, k.up[1].t, 407, STR("x"), k.now), ERR_STATE);
		assert_int_equal(txn_stat(k.l)->unexpected, 0);
		kit_close(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_response_that_is_not_kept),
		cmocka_unit_test(test_trying_after_200_ms),
		cmocka_unit_test(test_no_trying_where_the_user_was_faster),
		cmocka_unit_test(test_retransmission_before_any_response),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_accepted_and_disowned),
		cmocka_unit_test(test_timer_g_and_h),
		cmocka_unit_test(test_reject_on_a_stream),
		cmocka_unit_test(test_ack_confirms),
		cmocka_unit_test(test_ack_before_any_response_is_nothing),
		cmocka_unit_test(test_non_invite),
		cmocka_unit_test(test_non_invite_provisional),
		cmocka_unit_test(test_non_invite_gets_no_408),
		cmocka_unit_test(test_non_invite_without_an_answer),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_before_a_response_has_a_tag),
		cmocka_unit_test(test_cancel_after_2xx_changes_nothing),
		cmocka_unit_test(test_cancel_of_nothing),
		cmocka_unit_test(test_merged_request),
		cmocka_unit_test(test_no_longer_merged_when_the_first_is_over),
		cmocka_unit_test(test_matching),
		cmocka_unit_test(test_what_respond_refuses),
		cmocka_unit_test(test_transport_error),
		cmocka_unit_test(test_disowned_ends),
		cmocka_unit_test(test_user_acts_from_within_the_upcall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
