/* Reception statistics: loss, order, repetition, wraps, restarts, jitter (RFC 3550 A.1, A.3, A.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rtp_stat.h"

#define TICK rtp_tick(8000)

static struct rtp_stat s;
static struct rtp_stat_cold c;
static uint64_t now_us;

static int setup(void **state)
{
	(void)state;
	s = (struct rtp_stat){0};
	c = (struct rtp_stat_cold){0};
	now_us = 1000000;
	return 0;
}

/* A packet that left on time and took delay_us on its way. */
static void at(uint32_t ssrc, unsigned n, unsigned delay_us)
{
	rtp_stat_packet(&s, &c, ssrc, (uint16_t)n, n * 160, TICK, 172,
			now_us + n * 20000ULL + delay_us);
}

static struct media_stat fill(void)
{
	struct media_stat out = {0};

	rtp_stat_fill(&s, &c, &out);
	return out;
}

static void nothing_came(void **state)
{
	(void)state;
	assert_int_equal(fill().flags, 0);
}

static void steady_stream(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		at(1, i, 0);
	assert_int_equal(fill().lost, 0);
	assert_int_equal(fill().jitter_us, 0);
	assert_int_equal(fill().flags, MEDIA_STAT_LOSS | MEDIA_STAT_JITTER);
	assert_int_equal(s.bytes, 172000);
	assert_int_equal(fill().ssrc, 1);
}

static void one_packet_has_no_jitter(void **state)
{
	(void)state;
	at(1, 0, 0);
	assert_int_equal(fill().flags, MEDIA_STAT_LOSS);
}

static void loss_is_counted_and_repaired(void **state)
{
	(void)state;
	at(1, 10, 0);
	at(1, 14, 0);
	assert_int_equal(fill().lost, 3);
	at(1, 12, 45000);
	assert_int_equal(fill().lost, 2);
	assert_int_equal(fill().reordered, 1);
	at(1, 12, 46000);
	assert_int_equal(fill().duplicates, 1);
	assert_int_equal(fill().lost, 2);
	assert_int_equal(fill().reordered, 1);
}

static void duplicates_hide_no_loss(void **state)
{
	(void)state;
	at(1, 1, 0);
	at(1, 2, 0);
	at(1, 2, 0);
	at(1, 4, 0);
	assert_int_equal(fill().duplicates, 1);
	assert_int_equal(fill().lost, 1);
}

static void late_packet_before_the_first(void **state)
{
	(void)state;
	at(1, 5, 0);
	at(1, 3, 0);
	assert_int_equal(fill().lost, 1);
	assert_int_equal(fill().reordered, 1);
	at(1, 4, 0);
	assert_int_equal(fill().lost, 0);
}

static void sequence_wraps(void **state)
{
	(void)state;
	for (unsigned i = 65530; i < 65536 + 65536 + 10; i++) {
		if (i % 1000 == 7)
			continue;
		at(1, i, 0);
	}
	assert_int_equal(fill().lost, 66);
	assert_int_equal(c.sources, 1);
	assert_int_equal(fill().duplicates, 0);
}

static void late_packet_across_the_wrap(void **state)
{
	(void)state;
	at(1, 65534, 0);
	at(1, 65536, 0);
	assert_int_equal(fill().lost, 1);
	at(1, 65535, 0);
	assert_int_equal(fill().lost, 0);
	assert_int_equal(fill().reordered, 1);
}

static void new_ssrc_starts_over_and_totals_go_on(void **state)
{
	(void)state;
	at(1, 1, 0);
	at(1, 3, 0);
	at(2, 40000, 0);
	at(2, 40003, 0);
	assert_int_equal(fill().lost, 3);
	assert_int_equal(fill().ssrc, 2);
	assert_int_equal(c.sources, 2);
}

static void jump_restarts_once_two_agree(void **state)
{
	(void)state;
	at(1, 1, 0);
	at(1, 30000, 0); /* one stray packet is no restart */
	at(1, 2, 0);
	assert_int_equal(fill().lost, 0);
	assert_int_equal(c.sources, 1);
	at(1, 30000, 0);
	at(1, 30001, 0);
	at(1, 30002, 0);
	assert_int_equal(fill().lost, 0);
	assert_int_equal(c.sources, 2);
}

static void hold_is_no_loss(void **state)
{
	(void)state;
	at(1, 1, 0);
	at(1, 2, 0);
	rtp_stat_pause(&s);
	at(1, 500, 0);
	at(1, 501, 0);
	assert_int_equal(fill().lost, 0);
}

/* The RFC's own arithmetic in floating point. */
static void jitter_follows_the_rfc(void **state)
{
	double want = 0;
	unsigned before = 0, seed = 1;

	(void)state;
	at(1, 0, 0);
	for (unsigned i = 1; i < 500; i++) {
		unsigned delay;
		double d;

		seed = seed * 1103515245 + 12345;
		delay = (seed >> 16) % 9000;
		d = (double)delay - (double)before;
		want += ((d < 0 ? -d : d) - want) / 16;
		at(1, i, delay);
		before = delay;
	}
	assert_in_range(fill().jitter_us, (uint64_t)want - 2, (uint64_t)want + 2);
	assert_true(fill().jitter_max_us >= fill().jitter_us);
}

static void telephone_event_is_not_jitter(void **state)
{
	unsigned n = 0;

	(void)state;
	for (; n < 10; n++)
		at(1, n, 0);
	/* A digit of 200 ms: one timestamp, a packet each 20 ms, three at the end at once; audio goes on in between. */
	for (unsigned i = 0; i < 10; i++) {
		uint64_t t = now_us + (10 + i) * 20000ULL;

		rtp_stat_packet(&s, &c, 1, (uint16_t)n++, 1600, TICK, 16, t);
		if (i % 2)
			rtp_stat_packet(&s, &c, 1, (uint16_t)n++, (10 + i) * 160, TICK, 172, t);
	}
	for (unsigned i = 0; i < 3; i++)
		rtp_stat_packet(&s, &c, 1, (uint16_t)n++, 1600, TICK, 16, now_us + 400000);
	rtp_stat_packet(&s, &c, 1, (uint16_t)n, 20 * 160, TICK, 172, now_us + 400000);
	assert_int_equal(fill().jitter_max_us, 0);
	assert_int_equal(fill().lost, 0);
}

static void silence_is_not_jitter(void **state)
{
	(void)state;
	at(1, 0, 0);
	at(1, 1, 0);
	/* DTX: the number goes on by one, the timestamp by ten seconds. */
	rtp_stat_packet(&s, &c, 1, 2, 160 + 80000, TICK, 172, now_us + 20000 + 10000000);
	assert_int_equal(fill().jitter_us, 0);
}

static void timestamp_jump_is_a_new_base(void **state)
{
	(void)state;
	at(1, 0, 0);
	at(1, 1, 0);
	rtp_stat_packet(&s, &c, 1, 2, 0x80001000, TICK, 172, now_us + 40000);
	rtp_stat_packet(&s, &c, 1, 3, 0x800010a0, TICK, 172, now_us + 60000);
	assert_int_equal(fill().jitter_us, 0);
}

static void clock_rate_changes(void **state)
{
	(void)state;
	at(1, 0, 0);
	at(1, 1, 0);
	for (unsigned i = 2; i < 20; i++)
		rtp_stat_packet(&s, &c, 1, (uint16_t)i, i * 960, rtp_tick(48000), 172,
				now_us + i * 20000ULL);
	assert_int_equal(fill().jitter_us, 0);
}

static void unknown_rate_has_no_jitter(void **state)
{
	(void)state;
	assert_int_equal(rtp_tick(0), 0);
	assert_int_equal(rtp_tick(999), 0);
	for (unsigned i = 0; i < 20; i++)
		rtp_stat_packet(&s, &c, 1, (uint16_t)i, i * 7, 0, 172, now_us + i * 20000ULL);
	assert_int_equal(fill().flags, MEDIA_STAT_LOSS);
}

static void any_input_is_survived(void **state)
{
	uint64_t x = 88172645463325252ULL;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		now_us += x & 0xfffff;
		rtp_stat_packet(&s, &c, (uint32_t)(x >> 60) & 1, (uint16_t)(x >> 20),
				(uint32_t)(x >> 8), x & 1 ? TICK : rtp_tick(1000), 172, now_us);
		(void)fill();
	}
	assert_true(fill().jitter_us <= RTP_JITTER_MAX_US);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		T(nothing_came),
		T(steady_stream),
		T(one_packet_has_no_jitter),
		T(loss_is_counted_and_repaired),
		T(duplicates_hide_no_loss),
		T(late_packet_before_the_first),
		T(sequence_wraps),
		T(late_packet_across_the_wrap),
		T(new_ssrc_starts_over_and_totals_go_on),
		T(jump_restarts_once_two_agree),
		T(hold_is_no_loss),
		T(jitter_follows_the_rfc),
		T(telephone_event_is_not_jitter),
		T(silence_is_not_jitter),
		T(timestamp_jump_is_a_new_base),
		T(clock_rate_changes),
		T(unknown_rate_has_no_jitter),
		T(any_input_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
