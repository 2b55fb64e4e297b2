/* The tables of calls and legs: every pair of state and event is listed, once, or ignored on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "call/call_plan.h"

static struct call_fsm fsm;

static void every_pair_of_a_call_is_listed(void **state)
{
	(void)state;
	call_fsm_compile(&fsm);
	for (unsigned s = 0; s < CALL_STATES; s++)
		for (unsigned e = 0; e < CALL_EVENTS; e++)
			if (!fsm.call[s][e])
				fail_msg("call: nobody says what %s does in %s", call_event_name[e],
					 call_state_name[s]);
}

static void every_pair_of_a_leg_is_listed(void **state)
{
	(void)state;
	call_fsm_compile(&fsm);
	for (unsigned s = 0; s < LEG_STATES; s++)
		for (unsigned e = 0; e < LEG_EVENTS; e++)
			if (!fsm.leg[s][e])
				fail_msg("leg: nobody says what %s does in %s", leg_event_name[e],
					 leg_state_name[s]);
}

static void rows_that_act_have_an_action(void **state)
{
	(void)state;
	for (size_t r = 0; r < n_call_rows; r++)
		assert_int_equal(call_rows[r].act != NULL, call_rows[r].kind == FSM_ACT);
}

static void every_state_is_named_and_left(void **state)
{
	(void)state;
	for (unsigned s = 0; s < CALL_STATES; s++) {
		bool left = s == CALL_DEAD;

		assert_non_null(call_state_name[s]);
		for (size_t r = 0; r < n_call_rows; r++)
			left |= (call_rows[r].states & 1U << s) &&
				call_rows[r].next != CALL_STATES && call_rows[r].next != s;
		if (!left)
			fail_msg("no way out of %s", call_state_name[s]);
	}
}

static void the_dump_is_whole(void **state)
{
	static char text[64 * 1024];
	struct buf b = BUF_ON(text);

	(void)state;
	call_fsm_dump(&b);
	assert_int_equal(buf_check(&b), 0);
	assert_true(str_find_str(buf_view(&b), STR("| setup, early | 2xx | answered | ending |")) >
		    0);
	assert_true(str_find_str(buf_view(&b), STR("| cancelling | 2xx in | leaving |")) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_a_call_is_listed),
		cmocka_unit_test(every_pair_of_a_leg_is_listed),
		cmocka_unit_test(rows_that_act_have_an_action),
		cmocka_unit_test(every_state_is_named_and_left),
		cmocka_unit_test(the_dump_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
