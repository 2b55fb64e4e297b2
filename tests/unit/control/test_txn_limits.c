/* The transaction layer at its limits: how many, how fast they are found, and what happens when memory fails. */
#include "txn_kit.h"

static struct kit k;

static void test_too_many(void **state)
{
	char text[1024];
	txn_id t = 0, id[2];

	(void)state;
	assert_int_equal(kit_open_max(&k, CONF_UDP, 2), 0);
	id[0] = kit_start(&k, SIP_M_OPTIONS, "z9hG4bKa", 1);
	id[1] = kit_start(&k, SIP_M_OPTIONS, "z9hG4bKb", 2);
	assert_int_equal(txn_start(k.l, &k.flow, SIP_M_OPTIONS, STR("z9hG4bKc"),
				   kit_out(text, sizeof text, "OPTIONS", "z9hG4bKc"), 3, k.now, &t),
			 ERR_LIMIT);
	kit_request(&k, "INVITE", "z9hG4bKin", 1, "");
	assert_int_equal(k.n_up, 0);
	assert_true(kit_sent_is(&k, 2, "SIP/2.0 503 "));
	assert_non_null(strstr(k.sent[2], "\r\nRetry-After: "));
	assert_int_equal(txn_stat(k.l)->limited, 2);
	kit_response(&k, 200, "OPTIONS", "z9hG4bKa", "x");
	kit_run(&k, 5000);
	assert_int_equal(txn_count(k.l), 1);
	kit_request(&k, "INVITE", "z9hG4bKin", 1, "");
	assert_int_equal(k.up[1].what, UP_REQUEST);
	/* The slot is the old one, the name is not. */
	assert_int_equal((uint32_t)k.up[1].t, (uint32_t)id[0]);
	assert_int_not_equal(k.up[1].t, id[0]);
	assert_null(txn_find(k.l, id[0]));
	assert_non_null(txn_find(k.l, id[1]));
	kit_close(&k);
}

static size_t longest_chain(const struct hmap *m)
{
	size_t longest = 0;

	for (size_t i = 0; i < m->n_bucket; i++) {
		size_t n = 0;

		for (const struct hmap_node *x = m->bucket[i]; x; x = x->next)
			n++;
		if (n > longest)
			longest = n;
	}
	return longest;
}

/* A search walks one chain, so the longest chain is the dearest search: counted, not timed. */
static void test_search_is_flat(void **state)
{
	enum { N = 100000 };
	char branch[32], bytes[512];
	static txn_id id[N];

	(void)state;
	kit_open(&k, CONF_UDP);
	k.mute = true;
	for (unsigned i = 0; i < N; i++) {
		snprintf(branch, sizeof branch, "z9hG4bK%u", i);
		assert_int_equal(txn_start(k.l, &k.flow, SIP_M_INVITE, str_c(branch),
					   kit_out(bytes, sizeof bytes, "INVITE", branch), i, k.now,
					   &id[i]),
				 0);
	}
	for (unsigned i = 0; i < N; i++) {
		snprintf(branch, sizeof branch, "z9hG4bKs%u", i);
		kit_request(&k, "OPTIONS", branch, i, "");
	}
	assert_int_equal(txn_count(k.l), 2 * N);
	assert_true(k.l->client.n_bucket >= N);
	assert_true(k.l->server.n_bucket >= N);
	assert_in_range(longest_chain(&k.l->client), 1, 16);
	assert_in_range(longest_chain(&k.l->server), 1, 16);
	assert_in_range(longest_chain(&k.l->merge), 1, 16);
	for (unsigned i = 0; i < N; i += 997) {
		assert_int_equal(txn_find(k.l, id[i])->owner, i);
		snprintf(branch, sizeof branch, "z9hG4bK%u", i);
		kit_response(&k, 200, "INVITE", branch, "x");
		assert_int_equal(kit_state(&k, id[i]), ICT_ACCEPTED);
	}
	assert_int_equal(txn_stat(k.l)->stray_responses, 0);
	k.n_sent = 0;
	kit_close(&k);
}

/* A bit of everything, so that each allocation of the layer is made at least once. */
static void scenario(enum conf_transport transport)
{
	char text[1024];
	txn_id t = 0, u = 0;

	if (kit_open_max(&k, transport, 0)) {
		arena_free(&k.arena);
		return;
	}
	if (txn_start(k.l, &k.flow, SIP_M_INVITE, STR("z9hG4bKa"),
		      kit_out(text, sizeof text, "INVITE", "z9hG4bKa"), 1, k.now, &t) == 0) {
		(void)txn_cancel(k.l, t, STR("Reason: x\r\n"), k.now);
		kit_response(&k, 180, "INVITE", "z9hG4bKa", "x");
		assert_true(kit_sent_is(&k, 1, "CANCEL ")); /* whatever failed */
		kit_response(&k, 487, "INVITE", "z9hG4bKa", "x");
		assert_true(kit_sent_is(&k, 2, "ACK "));
	}
	(void)!txn_start(k.l, &k.flow, SIP_M_BYE, STR("z9hG4bKb"),
			 kit_out(text, sizeof text, "BYE", "z9hG4bKb"), 1, k.now, &u);
	size_t up = k.n_up;
	kit_request(&k, "INVITE", "z9hG4bKin", 1, "");
	if (k.n_up > up) {
		(void)!kit_respond(&k, k.up[up].t, 180);
		kit_request(&k, "INVITE", "z9hG4bKother", 1, "");
		kit_request(&k, "CANCEL", "z9hG4bKin", 1, "");
		assert_int_equal(kit_respond(&k, k.up[up].t, 487), 0);
		kit_request(&k, "INVITE", "z9hG4bKin", 1, "");
	}
	kit_run(&k, 70000);
	assert_int_equal(txn_count(k.l), 0);
	kit_close(&k);
}

static void test_memory_fails_anywhere(void **state)
{
	const enum conf_transport transports[] = {CONF_UDP, CONF_TCP};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint64_t n_alloc;

		kit_fail_at = 0;
		scenario(transports[i]);
		n_alloc = mem_fail_nth(0);
		assert_true(n_alloc > 10);
		for (uint64_t n = 1; n <= n_alloc; n++) {
			kit_fail_at = n;
			scenario(transports[i]);
			assert_int_equal(mem_live(), 0);
		}
	}
	kit_fail_at = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_search_is_flat),
		cmocka_unit_test(test_memory_fails_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
