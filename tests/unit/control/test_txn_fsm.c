/* The tables of the transaction machines: complete, without contradiction, every state left again. */
#include "txn_kit.h"

static const struct txn_row *row_of(enum txn_state s, enum txn_ev ev, unsigned *times)
{
	const struct txn_row *found = NULL;
	size_t n;
	const struct txn_row *rows = txn_fsm_rows(&n);

	*times = 0;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].state != s || rows[i].ev != ev)
			continue;
		found = &rows[i];
		++*times;
	}
	return found;
}

static void test_every_pair_is_listed_once(void **state)
{
	(void)state;
	for (unsigned s = 0; s < TXN_STATES; s++) {
		for (unsigned ev = 0; ev < TXN_EVENTS; ev++) {
			unsigned listed;
			unsigned ignored = txn_fsm_ignored(s, ev), foreign = txn_fsm_foreign(s, ev);

			(void)row_of(s, ev, &listed);
			if (listed + ignored + foreign != 1)
				fail_msg("%s + %s: listed %u times, ignored %u, foreign %u",
					 txn_state_name(s), txn_ev_name(ev), listed, ignored,
					 foreign);
		}
	}
}

static void test_rows_stay_in_their_machine(void **state)
{
	size_t n;
	const struct txn_row *rows = txn_fsm_rows(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_non_null(rows[i].act);
		if (rows[i].next != TXN_TERMINATED)
			assert_int_equal(txn_state_kind(rows[i].state),
					 txn_state_kind(rows[i].next));
	}
}

static void test_compiled_cells_are_the_rows(void **state)
{
	static struct txn_cell fsm[TXN_STATES][TXN_EVENTS];
	unsigned times;

	(void)state;
	txn_fsm_compile(fsm);
	for (unsigned s = 0; s < TXN_STATES; s++) {
		for (unsigned ev = 0; ev < TXN_EVENTS; ev++) {
			const struct txn_row *row = row_of(s, ev, &times);

			assert_non_null(fsm[s][ev].act);
			assert_int_equal(fsm[s][ev].next, row ? row->next : s);
			if (row)
				assert_ptr_equal(fsm[s][ev].act, row->act);
		}
	}
}

/* From every state a timer alone leads, in some steps, to the end: no transaction lives for ever. */
static void test_time_ends_every_state(void **state)
{
	size_t n;
	const struct txn_row *rows = txn_fsm_rows(&n);

	(void)state;
	for (unsigned s = 0; s < TXN_STATES; s++) {
		bool ends = false;

		for (size_t i = 0; i < n; i++)
			ends |= rows[i].state == s && rows[i].ev >= EV_TIMER_A &&
				rows[i].next == TXN_TERMINATED;
		if (!ends)
			fail_msg("no timer ends %s", txn_state_name(s));
	}
}

/* An event that nobody wants is counted and changes nothing. */
static void test_unexpected_is_counted(void **state)
{
	struct kit k;
	txn_id t;
	struct txn_event e = {.ev = EV_ACK};

	(void)state;
	kit_open(&k, CONF_UDP);
	t = kit_start(&k, SIP_M_OPTIONS, "z9hG4bKa", 1);
	txn_step(k.l, txn_find(k.l, t), &e);
	assert_int_equal(txn_stat(k.l)->unexpected, 1);
	assert_int_equal(kit_state(&k, t), NICT_TRYING);
	kit_close(&k);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned s = 0; s <= TXN_STATES; s++)
		assert_non_null(txn_state_name(s));
	for (unsigned ev = 0; ev < TXN_EVENTS; ev++)
		assert_non_null(txn_ev_name(ev));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair_is_listed_once),
		cmocka_unit_test(test_rows_stay_in_their_machine),
		cmocka_unit_test(test_compiled_cells_are_the_rows),
		cmocka_unit_test(test_time_ends_every_state),
		cmocka_unit_test(test_unexpected_is_counted),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
