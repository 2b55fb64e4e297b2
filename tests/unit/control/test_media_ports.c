/* media_ports: random, even, rested, sorted by class, exhausted cleanly; and a plain array beside it through random use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "media_ports.h"

static const struct addr ip = {.ip = {192, 0, 2, 1}, .family = ADDR_V4};

static struct media_ports ports(uint16_t first, uint16_t last, uint64_t quarantine_ms)
{
	struct media_ports p;

	assert_int_equal(media_ports_init(&p, &ip, first, last, quarantine_ms), 0);
	return p;
}

static uint16_t take(struct media_ports *p, uint64_t class_of, uint64_t now)
{
	uint16_t port = 0;

	assert_int_equal(media_ports_take(p, class_of, now, &port), 0);
	return port;
}

static void assert_full(struct media_ports *p, uint64_t class_of, uint64_t now)
{
	uint16_t port = 7;

	assert_int_equal(media_ports_take(p, class_of, now, &port), ERR_FULL);
	assert_int_equal(port, 7);
}

static void pairs_lie_within_the_range(void **state)
{
	static const struct {
		uint16_t first, last, even, n;
	} rows[] = {
		{20000, 20001, 20000, 1}, {20000, 20000, 20000, 0},  {20001, 20003, 20002, 1},
		{20001, 20002, 20002, 0}, {20000, 20019, 20000, 10}, {20000, 20018, 20000, 9},
		{65534, 65535, 65534, 1}, {65535, 65535, 0, 0},      {1024, 65535, 1024, 32256},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct media_ports p = ports(rows[i].first, rows[i].last, 0);

		assert_int_equal(p.n_pair, rows[i].n);
		for (uint32_t n = 0; n < rows[i].n; n++) {
			uint16_t port = take(&p, n, 0);

			assert_true(port % 2 == 0 && port >= rows[i].even && port < rows[i].last);
		}
		assert_full(&p, 0, 0);
		assert_int_equal(p.n_used, rows[i].n);
		media_ports_free(&p);
	}
}

static void no_pair_is_given_twice(void **state)
{
	static bool seen[65536];
	struct media_ports p = ports(20000, 59999, 0);

	(void)state;
	for (uint32_t n = 0; n < p.n_pair; n++) {
		uint16_t port = take(&p, 0, 0);

		assert_false(seen[port]);
		seen[port] = true;
	}
	assert_full(&p, 0, 0);
	media_ports_free(&p);
}

/* Chi-square over 100 pairs, 20,000 draws: 99 degrees of freedom, 180 is far beyond chance (p < 1e-6). */
static void draws_are_spread_evenly(void **state)
{
	struct media_ports p = ports(20000, 20199, 0);
	uint32_t count[100] = {0};
	double chi = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint16_t port = take(&p, 0, 0);

		count[(port - 20000) / 2]++;
		media_ports_release(&p, port, 0);
	}
	for (size_t i = 0; i < 100; i++)
		chi += ((double)count[i] - 200) * ((double)count[i] - 200) / 200;
	assert_true(chi < 180);
	media_ports_free(&p);
}

static void a_released_pair_rests(void **state)
{
	struct media_ports p = ports(20000, 20003, 1000);
	uint16_t a = take(&p, 0, 0), b = take(&p, 0, 0);

	(void)state;
	media_ports_release(&p, a, 100);
	media_ports_release(&p, b, 200);
	assert_int_equal(p.n_used, 0);
	assert_full(&p, 0, 200);
	assert_full(&p, 0, 1099);
	assert_int_equal(take(&p, 0, 1100), a);
	assert_full(&p, 0, 1199);
	assert_int_equal(take(&p, 0, 1200), b);
	media_ports_free(&p);
}

static void classes_are_kept(void **state)
{
	struct media_ports p = ports(20000, 20059, 10);
	uint16_t taken[10];

	(void)state;
	assert_int_equal(media_ports_set_classes(&p, 3), 0);
	for (uint64_t class = 0; class < 3; class ++) {
		for (size_t i = 0; i < 10; i++) {
			taken[i] = take(&p, class + 3, 0);
			assert_int_equal((taken[i] >> 1) % 3, class);
		}
		assert_full(&p, class, 0);
		media_ports_release(&p, taken[0], 0);
		assert_full(&p, class, 9);
		assert_int_equal(take(&p, class, 10), taken[0]);
	}
	media_ports_free(&p);
}

static void more_classes_than_pairs_is_fine(void **state)
{
	struct media_ports p = ports(20000, 20003, 0);

	(void)state;
	assert_int_equal(media_ports_set_classes(&p, 64), 0);
	for (uint64_t class = 0; class < 64; class ++) {
		if (class == 10000 % 64 || class == 10001 % 64)
			assert_int_equal((take(&p, class, 0) >> 1) % 64, class);
		else
			assert_full(&p, class, 0);
	}
	media_ports_free(&p);
}

static void other_classes_leave_use_and_rest_alone(void **state)
{
	struct media_ports p = ports(20000, 20039, 1000);
	uint16_t used = take(&p, 0, 0), resting = take(&p, 0, 0);

	(void)state;
	media_ports_release(&p, resting, 0);
	assert_int_equal(media_ports_set_classes(&p, 4), 0);
	for (uint64_t i = 0; i < 20; i++) {
		uint16_t port = 0;

		if (!media_ports_take(&p, i % 4, 0, &port))
			assert_true(port != used && port != resting);
	}
	assert_int_equal(p.n_used, 19);
	assert_int_equal(take(&p, resting >> 1, 1000), resting);
	media_ports_free(&p);
}

static void a_pair_that_somebody_holds_is_claimed(void **state)
{
	struct media_ports p = ports(20000, 20007, 1000);

	(void)state;
	assert_true(media_ports_claim(&p, 20004));
	assert_false(media_ports_claim(&p, 20004));
	assert_false(media_ports_claim(&p, 20005));
	assert_false(media_ports_claim(&p, 19998));
	assert_false(media_ports_claim(&p, 20008));
	for (int i = 0; i < 3; i++)
		assert_true(take(&p, 0, 0) != 20004);
	assert_full(&p, 0, 0);
	media_ports_release(&p, 20000, 0);
	media_ports_release(&p, 20002, 0);
	media_ports_release(&p, 20006, 0);
	assert_true(media_ports_claim(&p, 20002)); /* from the middle of the resting */
	assert_int_equal(p.n_used, 2);
	assert_int_equal(take(&p, 0, 1000) + take(&p, 0, 1000), 20000 + 20006);
	assert_full(&p, 0, 5000);
	media_ports_free(&p);
}

/* After a burst of calls, one allocation brings few pairs back, and the last one is found all the same. */
static void waking_is_done_in_portions(void **state)
{
	struct media_ports p = ports(20000, 20999, 10);

	(void)state;
	for (uint16_t port = 20000; port < 21000; port = (uint16_t)(port + 2)) {
		assert_true(media_ports_claim(&p, port));
		media_ports_release(&p, port, 0);
	}
	(void)take(&p, 0, 10);
	assert_true(p.n_free[0] < 16);
	for (int i = 1; i < 500; i++)
		(void)take(&p, 0, 10);
	assert_full(&p, 0, 10);
	media_ports_free(&p);
}

/* The same in plain: a state and a time per pair. */
static void random_use_agrees_with_a_plain_array(void **state)
{
	enum { PAIRS = 37, STEPS = 200000 };
	struct media_ports p = ports(30000, 30000 + 2 * PAIRS - 1, 50);
	struct {
		bool used;
		uint64_t free_at;
	} plain[PAIRS] = {0};
	uint32_t n_used = 0;
	uint64_t now = 0;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		uint32_t what = rng_below(100), i = rng_below(PAIRS);
		uint16_t port = (uint16_t)(30000 + 2 * i);

		now += rng_below(4);
		if (what < 45) {
			uint32_t class = rng_below(5);
			bool possible = false;

			for (uint32_t k = 0; k < PAIRS; k++)
				possible |= !plain[k].used && plain[k].free_at <= now &&
					    (15000 + k) % p.classes == class % p.classes;
			if (media_ports_take(&p, class, now, &port)) {
				assert_false(possible);
				continue;
			}
			i = (port - 30000U) / 2;
			assert_true(possible && !plain[i].used && plain[i].free_at <= now);
			assert_int_equal((port >> 1) % p.classes, class % p.classes);
			plain[i].used = true;
			n_used++;
		} else if (what < 90 && plain[i].used) {
			media_ports_release(&p, port, now);
			plain[i].used = false;
			plain[i].free_at = now + 50;
			n_used--;
		} else if (what < 95) {
			assert_int_equal(media_ports_claim(&p, port), !plain[i].used);
			n_used += !plain[i].used;
			plain[i].used = true;
		} else if (what == 99) {
			assert_int_equal(media_ports_set_classes(&p, 1 + rng_below(5)), 0);
		}
		assert_int_equal(p.n_used, n_used);
	}
	media_ports_free(&p);
}

static void failing_allocations_are_survived(void **state)
{
	struct media_ports p;
	int64_t live = mem_live();
	uint64_t n = 1;
	int err;

	(void)state;
	do {
		(void)mem_fail_nth(n++);
		err = media_ports_init(&p, &ip, 20000, 20099, 0);
		(void)mem_fail_nth(0);
		assert_true(err == 0 || err == ERR_NOMEM);
		if (err)
			assert_int_equal(mem_live(), live);
	} while (err);
	assert_true(n == 5);
	(void)mem_fail_nth(1);
	assert_int_equal(media_ports_set_classes(&p, 4), ERR_NOMEM);
	(void)mem_fail_nth(0);
	assert_int_equal(p.classes, 1);
	(void)take(&p, 3, 0);
	media_ports_free(&p);
	assert_int_equal(mem_live(), live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_lie_within_the_range),
		cmocka_unit_test(no_pair_is_given_twice),
		cmocka_unit_test(draws_are_spread_evenly),
		cmocka_unit_test(a_released_pair_rests),
		cmocka_unit_test(classes_are_kept),
		cmocka_unit_test(more_classes_than_pairs_is_fine),
		cmocka_unit_test(other_classes_leave_use_and_rest_alone),
		cmocka_unit_test(a_pair_that_somebody_holds_is_claimed),
		cmocka_unit_test(waking_is_done_in_portions),
		cmocka_unit_test(random_use_agrees_with_a_plain_array),
		cmocka_unit_test(failing_allocations_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
