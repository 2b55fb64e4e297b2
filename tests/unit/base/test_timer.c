/* base/timer: order, far timers, callbacks that start and stop, and the promise of timer_wheel_next().
 * The random test keeps a plain array beside the wheel and compares after every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hmap.h"
#include "base/mem.h"
#include "base/timer.h"

enum { FIRED_MAX = 8192 };

static struct {
	struct timer *t;
	uint64_t now_ms;
} fired[FIRED_MAX];
static size_t n_fired;
static struct timer_wheel w;

static void on_fire(struct timer *t, uint64_t now_ms)
{
	assert_false(timer_running(t));
	assert_true(n_fired < FIRED_MAX);
	fired[n_fired].t = t;
	fired[n_fired++].now_ms = now_ms;
}

static void fresh(uint64_t now_ms)
{
	n_fired = 0;
	timer_wheel_init(&w, now_ms);
}

static void fires_at_its_time_and_not_before(void **state)
{
	static const uint64_t delays[] = {
		1,
		2,
		255,
		256,
		257,
		511,
		512,
		65535,
		65536,
		65537,
		131072,
		16777215,
		16777216,
		16777217,
		UINT32_MAX,
		1ULL << 32,
		5ULL << 32,
		(1ULL << 32) + 1,
		(3ULL << 32) - 1,
		1ULL << 40,
	};
	static const uint64_t starts[] = {0,     1,        255,        256,
					  65535, 16777215, UINT32_MAX, 1700000000123};

	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		for (size_t j = 0; j < sizeof(starts) / sizeof(starts[0]); j++) {
			struct timer t = {.fn = on_fire};
			uint64_t at = starts[j] + delays[i];

			fresh(starts[j]);
			timer_start(&w, &t, at);
			assert_true(timer_running(&t));
			assert_int_equal(w.count, 1);
			timer_wheel_advance(&w, at - 1);
			assert_int_equal(n_fired, 0);
			assert_int_equal(timer_wheel_next(&w, at - 1), 1);
			timer_wheel_advance(&w, at);
			assert_int_equal(n_fired, 1);
			assert_int_equal(fired[0].now_ms, at);
			assert_int_equal(w.count, 0);
			assert_true(timer_wheel_next(&w, at) == UINT64_MAX);
		}
	}
}

static void fires_in_one_jump_over_everything(void **state)
{
	struct timer t = {.fn = on_fire};

	(void)state;
	fresh(77);
	timer_start(&w, &t, UINT64_MAX);
	timer_wheel_advance(&w, UINT64_MAX - 1);
	assert_int_equal(n_fired, 0);
	timer_wheel_advance(&w, UINT64_MAX);
	assert_int_equal(n_fired, 1);
}

static void fires_in_order_of_time_then_of_starting(void **state)
{
	static const uint64_t at[] = {70000, 300,   300, 5,   1ULL << 33,
				      300,   70000, 256, 255, 1ULL << 33};
	static const size_t order[] = {3, 8, 7, 1, 2, 5, 0, 6, 4, 9};
	struct timer t[10];

	(void)state;
	fresh(0);
	for (size_t i = 0; i < 10; i++) {
		t[i] = (struct timer){.fn = on_fire};
		timer_start(&w, &t[i], at[i]);
	}
	timer_wheel_advance(&w, 1ULL << 34);
	assert_int_equal(n_fired, 10);
	for (size_t i = 0; i < 10; i++)
		assert_ptr_equal(fired[i].t, &t[order[i]]);
}

static void later_start_for_the_same_tick_fires_later(void **state)
{
	struct timer a = {.fn = on_fire}, b = {.fn = on_fire};

	(void)state;
	fresh(0);
	timer_start(&w, &a, 1000); /* waits at level 1 and cascades */
	timer_wheel_advance(&w, 990);
	timer_start(&w, &b, 1000); /* goes to level 0 at once */
	timer_wheel_advance(&w, 1000);
	assert_int_equal(n_fired, 2);
	assert_ptr_equal(fired[0].t, &a);
	assert_ptr_equal(fired[1].t, &b);
}

static void past_fires_at_the_next_advance(void **state)
{
	struct timer a = {.fn = on_fire}, b = {.fn = on_fire};

	(void)state;
	fresh(1000);
	timer_start(&w, &a, 1000);
	timer_start(&w, &b, 0);
	assert_int_equal(timer_wheel_next(&w, 1000), 0);
	timer_wheel_advance(&w, 1000);
	assert_int_equal(n_fired, 2);
	timer_start(&w, &a, 3);
	timer_stop(&w, &a);
	assert_true(timer_wheel_next(&w, 1000) == UINT64_MAX);
	timer_wheel_advance(&w, 1001);
	assert_int_equal(n_fired, 2);
}

static void clock_that_goes_back_changes_nothing(void **state)
{
	struct timer a = {.fn = on_fire};

	(void)state;
	fresh(1000);
	timer_start(&w, &a, 1010);
	timer_wheel_advance(&w, 500);
	assert_int_equal(w.now_ms, 1000);
	assert_int_equal(timer_wheel_next(&w, 500), 510);
	timer_wheel_advance(&w, 1010);
	assert_int_equal(n_fired, 1);
}

static void restart_moves_and_stop_is_final(void **state)
{
	struct timer a = {.fn = on_fire};

	(void)state;
	fresh(0);
	timer_start(&w, &a, 10);
	timer_start(&w, &a, 100000);
	assert_int_equal(w.count, 1);
	timer_wheel_advance(&w, 10);
	assert_int_equal(n_fired, 0);
	timer_start(&w, &a, 20);
	timer_wheel_advance(&w, 20);
	assert_int_equal(n_fired, 1);
	timer_start(&w, &a, 30);
	timer_stop(&w, &a);
	timer_stop(&w, &a);
	assert_false(timer_running(&a));
	assert_int_equal(w.count, 0);
	assert_true(timer_wheel_next(&w, 20) == UINT64_MAX);
	timer_wheel_advance(&w, 1000000);
	assert_int_equal(n_fired, 1);
}

struct looper {
	struct timer t;
	int mode;
	unsigned runs;
	struct timer *other;
};

enum { AGAIN_NOW, AGAIN_OWN_TIME, AGAIN_LATER, START_AND_STOP, STOP_OTHER, PULL_OTHER, FREE_SELF };

static void on_loop(struct timer *t, uint64_t now_ms)
{
	struct looper *l = container_of(t, struct looper, t);

	l->runs++;
	switch (l->mode) {
	case AGAIN_NOW:
		timer_start(&w, t, now_ms);
		break;
	case AGAIN_OWN_TIME:
		timer_start(&w, t, t->at_ms);
		break;
	case AGAIN_LATER:
		timer_start(&w, t, t->at_ms + 500);
		break;
	case START_AND_STOP:
		timer_start(&w, t, now_ms + 1);
		timer_stop(&w, t);
		break;
	case STOP_OTHER:
		timer_stop(&w, l->other);
		break;
	case PULL_OTHER:
		timer_start(&w, l->other, t->at_ms + 1);
		break;
	default:
		mem_free(l);
		break;
	}
}

static void restart_in_own_callback_for_now_waits_for_the_next_call(void **state)
{
	struct looper l = {.t.fn = on_loop, .mode = AGAIN_OWN_TIME};

	(void)state;
	fresh(0);
	timer_start(&w, &l.t, 50);
	timer_wheel_advance(&w, 100);
	assert_int_equal(l.runs, 1);
	assert_int_equal(timer_wheel_next(&w, 100), 0);
	timer_wheel_advance(&w, 100);
	assert_int_equal(l.runs, 2);
	l.mode = AGAIN_NOW;
	timer_start(&w, &l.t, 150);
	timer_wheel_advance(&w, 200); /* at 150, and once more at 200 */
	assert_int_equal(l.runs, 4);
	timer_wheel_advance(&w, 201);
	assert_true(l.runs >= 5 && l.runs <= 6);
}

static void restart_in_own_callback_catches_up(void **state)
{
	struct looper l = {.t.fn = on_loop, .mode = AGAIN_LATER};

	(void)state;
	fresh(0);
	timer_start(&w, &l.t, 500);
	timer_wheel_advance(&w, 100000);
	assert_int_equal(l.runs, 200);
	assert_int_equal(l.t.at_ms, 100500);
}

static void stop_in_own_callback(void **state)
{
	struct looper l = {.t.fn = on_loop, .mode = START_AND_STOP};

	(void)state;
	fresh(0);
	timer_start(&w, &l.t, 255);
	timer_wheel_advance(&w, 256);
	timer_wheel_advance(&w, 1000);
	assert_int_equal(l.runs, 1);
	assert_int_equal(w.count, 0);
}

static void callback_stops_the_next_of_the_same_tick(void **state)
{
	struct timer b = {.fn = on_fire}, c = {.fn = on_fire};
	struct looper l = {.t.fn = on_loop, .mode = STOP_OTHER, .other = &b};

	(void)state;
	fresh(0);
	timer_start(&w, &l.t, 300);
	timer_start(&w, &b, 300);
	timer_start(&w, &c, 300);
	timer_wheel_advance(&w, 300);
	assert_int_equal(l.runs, 1);
	assert_int_equal(n_fired, 1);
	assert_ptr_equal(fired[0].t, &c);
	assert_int_equal(w.count, 0);
}

static void callback_pulls_another_into_the_same_advance(void **state)
{
	struct timer b = {.fn = on_fire};
	struct looper l = {.t.fn = on_loop, .mode = PULL_OTHER, .other = &b};

	(void)state;
	fresh(0);
	timer_start(&w, &b, 1ULL << 35);
	timer_start(&w, &l.t, 255);
	timer_wheel_advance(&w, 256);
	assert_int_equal(n_fired, 1);
	assert_int_equal(b.at_ms, 256);
}

static void callback_frees_its_timer(void **state)
{
	struct looper *l = mem_alloc(sizeof(*l));

	(void)state;
	*l = (struct looper){.t.fn = on_loop, .mode = FREE_SELF};
	fresh(0);
	timer_start(&w, &l->t, 70000);
	timer_wheel_advance(&w, 70000);
	assert_int_equal(w.count, 0);
	assert_int_equal(mem_live(), 0);
}

/* Small generator of our own: the test has to be the same each time. */
static uint64_t draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint64_t earliest(const struct timer *t, size_t n)
{
	uint64_t best = UINT64_MAX;

	for (size_t i = 0; i < n; i++)
		if (timer_running(&t[i]) && t[i].at_ms < best)
			best = t[i].at_ms;
	return best;
}

/* A loop that sleeps exactly next() never comes late, and it does not wake up much more often than it has to. */
static void sleeping_next_never_misses(void **state)
{
	enum { N = 300 };
	static struct timer t[N];
	uint64_t seed = 88172645463325252ULL;
	uint64_t now = 1700000000000;
	size_t wakes = 0, fires = 0;

	(void)state;
	fresh(now);
	for (size_t i = 0; i < N; i++) {
		t[i] = (struct timer){.fn = on_fire};
		timer_start(&w, &t[i], now + draw(&seed) % (1ULL << (1 + draw(&seed) % 36)));
	}
	while (w.count) {
		uint64_t due = earliest(t, N);
		uint64_t wait = timer_wheel_next(&w, now);

		assert_true(wait == 0 || now + wait <= due);
		now += wait;
		n_fired = 0;
		timer_wheel_advance(&w, now);
		wakes++;
		for (size_t i = 0; i < n_fired; i++)
			assert_true(fired[i].t->at_ms == now || fired[i].t->at_ms <= 1700000000000);
		assert_true(earliest(t, N) > now);
		fires += n_fired;
		if (fires < 2000)
			for (size_t i = 0; i < n_fired; i++)
				timer_start(&w, fired[i].t, now + 1 + draw(&seed) % 100000);
	}
	assert_true(fires >= 2000);
	assert_true(wakes <= 5 * fires);
}

static void random_starts_stops_and_jumps_match_a_plain_array(void **state)
{
	enum { N = 64, STEPS = 20000 };
	static struct timer t[N];
	uint64_t seed = 0x9e3779b97f4a7c15ULL;
	uint64_t now = (1ULL << 32) - 5000;

	(void)state;
	fresh(now);
	for (size_t i = 0; i < N; i++)
		t[i] = (struct timer){.fn = on_fire};
	for (size_t step = 0; step < STEPS; step++) {
		struct timer *one = &t[draw(&seed) % N];
		uint64_t what = draw(&seed) % 8;
		uint64_t before[N];
		size_t due = 0, running = 0;

		if (what < 4)
			timer_start(&w, one, now + draw(&seed) % (1ULL << (draw(&seed) % 34)));
		else if (what == 4)
			timer_stop(&w, one);
		if (what < 5)
			continue;
		now += draw(&seed) % (1ULL << (draw(&seed) % (step % 50 ? 12 : 34)));
		for (size_t i = 0; i < N; i++) {
			before[i] = timer_running(&t[i]) ? t[i].at_ms : UINT64_MAX;
			due += before[i] <= now;
		}
		n_fired = 0;
		timer_wheel_advance(&w, now);
		assert_int_equal(n_fired, due);
		for (size_t i = 0; i < N; i++) {
			assert_true(timer_running(&t[i]) ==
				    (before[i] != UINT64_MAX && before[i] > now));
			running += timer_running(&t[i]);
		}
		assert_int_equal(w.count, running);
		assert_true(timer_wheel_next(&w, now) <= earliest(t, N) - now ||
			    earliest(t, N) == UINT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_at_its_time_and_not_before),
		cmocka_unit_test(fires_in_one_jump_over_everything),
		cmocka_unit_test(fires_in_order_of_time_then_of_starting),
		cmocka_unit_test(later_start_for_the_same_tick_fires_later),
		cmocka_unit_test(past_fires_at_the_next_advance),
		cmocka_unit_test(clock_that_goes_back_changes_nothing),
		cmocka_unit_test(restart_moves_and_stop_is_final),
		cmocka_unit_test(restart_in_own_callback_for_now_waits_for_the_next_call),
		cmocka_unit_test(restart_in_own_callback_catches_up),
		cmocka_unit_test(stop_in_own_callback),
		cmocka_unit_test(callback_stops_the_next_of_the_same_tick),
		cmocka_unit_test(callback_pulls_another_into_the_same_advance),
		cmocka_unit_test(callback_frees_its_timer),
		cmocka_unit_test(sleeping_next_never_misses),
		cmocka_unit_test(random_starts_stops_and_jumps_match_a_plain_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
