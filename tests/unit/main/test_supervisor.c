/* The supervisor's decisions, against a world that only writes down what it is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "supervisor.h"

struct world {
	struct supervisor s;
	struct buf log;
	char text[1024];
	bool refuse; /* no more processes */
	uint64_t now;
};

static const char letter[SUP_PROGS] = {[SUP_DATAPLANE] = 'd', [SUP_CONTROL] = 'c'};

static int start(void *ctx, enum sup_prog p)
{
	struct world *w = ctx;

	buf_printf(&w->log, "start-%c ", letter[p]);
	return w->refuse ? ERR_NOMEM : 0;
}

static void send_signal(void *ctx, enum sup_prog p, int signo)
{
	struct world *w = ctx;

	buf_printf(&w->log, "%s-%c ", signo == SIGTERM ? "term" : "kill", letter[p]);
}

static void all_ready(void *ctx)
{
	buf_c(&((struct world *)ctx)->log, "ready ");
}

static void stopping(void *ctx)
{
	buf_c(&((struct world *)ctx)->log, "stopping ");
}

static const struct sup_ops ops = {start, send_signal, all_ready, stopping};

static void begin(struct world *w)
{
	*w = (struct world){.now = 1000};
	w->log = BUF_ON(w->text);
	supervisor_begin(&w->s, &sup_times_default, &ops, w, w->now);
}

/* Lets time pass up to what is due next and says how long that was. */
static uint64_t until_next(struct world *w)
{
	uint64_t next = supervisor_next(&w->s), waited;

	assert_true(next != SUP_NEVER && next >= w->now);
	waited = next - w->now;
	if (waited > 1) { /* not a moment earlier */
		struct supervisor before = w->s;

		supervisor_tick(&w->s, next - 1);
		assert_memory_equal(&before, &w->s, sizeof(before));
	}
	w->now = next;
	supervisor_tick(&w->s, next);
	return waited;
}

static void expect_log(struct world *w, const char *text)
{
	assert_string_equal(buf_cstr(&w->log), text);
	w->log.len = 0;
}

static void up(struct world *w)
{
	begin(w);
	supervisor_ready(&w->s, SUP_DATAPLANE, w->now);
	supervisor_ready(&w->s, SUP_CONTROL, w->now);
	w->log.len = 0;
}

static void dataplane_first_then_control(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	expect_log(&w, "start-d ");
	supervisor_ready(&w.s, SUP_DATAPLANE, w.now);
	expect_log(&w, "start-c ");
	supervisor_ready(&w.s, SUP_CONTROL, w.now);
	expect_log(&w, "ready ");
	assert_int_equal(supervisor_next(&w.s), SUP_NEVER);
	assert_false(supervisor_done(&w.s));
}

static void stop_in_order(void **state)
{
	struct world w;

	(void)state;
	up(&w);
	supervisor_stop(&w.s, w.now);
	expect_log(&w, "stopping term-c ");
	supervisor_exited(&w.s, SUP_CONTROL, w.now + 10);
	expect_log(&w, "term-d ");
	assert_false(supervisor_done(&w.s));
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now + 20);
	expect_log(&w, "");
	assert_true(supervisor_done(&w.s));
	assert_false(w.s.failed);
}

static void the_deaf_are_killed_after_five_seconds_each(void **state)
{
	struct world w;

	(void)state;
	up(&w);
	supervisor_stop(&w.s, w.now);
	assert_int_equal(until_next(&w), 5000);
	expect_log(&w, "stopping term-c kill-c ");
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	assert_int_equal(until_next(&w), 5000);
	expect_log(&w, "term-d kill-d ");
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	assert_true(supervisor_done(&w.s));
}

static void a_second_stop_kills_at_once(void **state)
{
	struct world w;

	(void)state;
	up(&w);
	supervisor_stop(&w.s, w.now);
	supervisor_stop(&w.s, w.now);
	expect_log(&w, "stopping term-c kill-d kill-c ");
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	expect_log(&w, "");
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	assert_true(supervisor_done(&w.s));
}

static void restart_pauses_double_up_to_five_seconds(void **state)
{
	static const uint64_t pause[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};

	for (enum sup_prog p = 0; p < SUP_PROGS; p++) {
		struct world w;

		(void)state;
		up(&w);
		for (size_t i = 0; i < sizeof(pause) / sizeof(pause[0]); i++) {
			supervisor_exited(&w.s, p, w.now);
			assert_int_equal(w.s.child[!p].state, SUP_UP); /* the other one lives on */
			assert_int_equal(until_next(&w), pause[i]);
			expect_log(&w, p == SUP_CONTROL ? "start-c " : "start-d ");
			supervisor_ready(&w.s, p, w.now);
			expect_log(&w, "");
		}
	}
}

static void ten_good_seconds_begin_the_row_anew(void **state)
{
	struct world w;

	(void)state;
	up(&w);
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	assert_int_equal(until_next(&w), 100);
	supervisor_ready(&w.s, SUP_CONTROL, w.now);
	w.now += 9999;
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	assert_int_equal(until_next(&w), 200);
	supervisor_ready(&w.s, SUP_CONTROL, w.now);
	w.now += 10000;
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	assert_int_equal(until_next(&w), 100);
}

static void a_failed_first_start_ends_all(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	expect_log(&w, "start-d stopping ");
	assert_true(supervisor_done(&w.s));
	assert_true(w.s.failed);

	begin(&w);
	supervisor_ready(&w.s, SUP_DATAPLANE, w.now);
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	expect_log(&w, "start-d start-c stopping term-d ");
	assert_false(supervisor_done(&w.s));
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	assert_true(supervisor_done(&w.s));
	assert_true(w.s.failed);
}

static void never_ready_is_a_failed_start(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	assert_int_equal(until_next(&w), 20000);
	expect_log(&w, "start-d kill-d ");
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	assert_true(supervisor_done(&w.s));
	assert_true(w.s.failed);
}

static void a_restart_that_never_gets_ready_is_tried_again(void **state)
{
	struct world w;

	(void)state;
	up(&w);
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	until_next(&w);
	assert_int_equal(until_next(&w), 20000);
	expect_log(&w, "start-c kill-c ");
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	assert_int_equal(w.s.child[SUP_CONTROL].state, SUP_WAITING);
	assert_false(w.s.stopping);
}

static void no_process_to_be_had(void **state)
{
	struct world w = {0};

	(void)state;
	w.refuse = true;
	w.log = BUF_ON(w.text);
	supervisor_begin(&w.s, &sup_times_default, &ops, &w, 1);
	assert_true(supervisor_done(&w.s));
	assert_true(w.s.failed);

	up(&w);
	w.refuse = true;
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	assert_int_equal(until_next(&w), 100);
	assert_int_equal(until_next(&w), 200); /* keeps trying */
	assert_false(w.s.stopping);
}

static void stop_while_one_waits_or_starts(void **state)
{
	struct world w;

	(void)state;
	up(&w);
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	supervisor_stop(&w.s, w.now);
	expect_log(&w, "stopping term-d ");
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	assert_true(supervisor_done(&w.s));

	begin(&w);
	supervisor_stop(&w.s, w.now);
	expect_log(&w, "start-d stopping term-d ");
	supervisor_ready(&w.s, SUP_DATAPLANE, w.now); /* too late to matter */
	expect_log(&w, "");
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	assert_true(supervisor_done(&w.s));
	assert_false(w.s.failed);
}

static void the_dataplane_dying_while_control_ends(void **state)
{
	struct world w;

	(void)state;
	up(&w);
	supervisor_stop(&w.s, w.now);
	supervisor_exited(&w.s, SUP_DATAPLANE, w.now);
	assert_false(supervisor_done(&w.s));
	supervisor_exited(&w.s, SUP_CONTROL, w.now);
	expect_log(&w, "stopping term-c ");
	assert_true(supervisor_done(&w.s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dataplane_first_then_control),
		cmocka_unit_test(stop_in_order),
		cmocka_unit_test(the_deaf_are_killed_after_five_seconds_each),
		cmocka_unit_test(a_second_stop_kills_at_once),
		cmocka_unit_test(restart_pauses_double_up_to_five_seconds),
		cmocka_unit_test(ten_good_seconds_begin_the_row_anew),
		cmocka_unit_test(a_failed_first_start_ends_all),
		cmocka_unit_test(never_ready_is_a_failed_start),
		cmocka_unit_test(a_restart_that_never_gets_ready_is_tried_again),
		cmocka_unit_test(no_process_to_be_had),
		cmocka_unit_test(stop_while_one_waits_or_starts),
		cmocka_unit_test(the_dataplane_dying_while_control_ends),
	};

	log_init("test", 2, LOG_ERROR + 1, LOG_LOGFMT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
