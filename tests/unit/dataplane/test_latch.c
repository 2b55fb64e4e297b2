/* The latch, transition by transition: who locks it, who never does, where packets go meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "latch.h"

static struct latch l, rtp;
static struct latch_learn n;
static struct latch_rule rule;
static uint64_t now_us;

static struct addr a(const char *text)
{
	struct addr out = {0};

	if (addr_parse(str_c(text), &out) && addr_parse_ip(str_c(text), &out))
		fail_msg("bad address %s", text);
	return out;
}

/* The usual far end: a phone at 192.168.1.5:4000 behind a NAT at 198.51.100.9. */
static void begin(enum media_latch mode)
{
	l = rtp = (struct latch){0};
	n = (struct latch_learn){0};
	rule = (struct latch_rule){.remote = a("192.168.1.5:4000"),
				   .signalling = a("198.51.100.9")};
	now_us = 1000000;
	latch_reset(&l, &n, (uint8_t)mode, false, now_us);
}

static enum latch_verdict from(const char *src, uint32_t ssrc, uint16_t seq)
{
	struct addr s = a(src);

	now_us += 20000;
	return latch_packet(&l, &n, &rule, &s, ssrc, seq, now_us);
}

static void assert_locked(const char *to)
{
	struct addr want = a(to);

	assert_true(l.state == LATCH_LOCKED || l.state == LATCH_RELEARNING);
	assert_true(addr_eq(&l.locked, &want));
}

static void lock_to(const char *src)
{
	uint16_t seq = 0;

	while (l.state != LATCH_LOCKED)
		(void)from(src, 7, ++seq);
	assert_locked(src);
}

static void exact_locks_with_the_first(void **state)
{
	(void)state;
	for (unsigned mode = MEDIA_LATCH_OFF; mode <= MEDIA_LATCH_REMOTE; mode++) {
		begin((enum media_latch)mode);
		assert_int_equal(from("192.168.1.5:4000", 1, 1), LATCH_LEARNED);
		assert_locked("192.168.1.5:4000");
		assert_int_equal(from("192.168.1.5:4000", 2, 999), LATCH_TAKE);
	}
}

static void off_learns_nothing(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_OFF);
	for (uint16_t i = 0; i < 20; i++) {
		assert_int_equal(from("192.168.1.5:4002", 1, i), LATCH_REFUSE);
		assert_int_equal(from("198.51.100.9:4000", 1, i), LATCH_REFUSE);
	}
	assert_int_equal(l.state, LATCH_OPEN);
	lock_to("192.168.1.5:4000");
	now_us += 60 * 1000000ULL;
	for (uint16_t i = 0; i < 20; i++)
		assert_int_equal(from("192.168.1.5:4002", 1, i), LATCH_REFUSE);
	assert_locked("192.168.1.5:4000");
}

static void candidate_needs_four(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	for (uint16_t i = 1; i <= 3; i++) {
		assert_int_equal(from("198.51.100.9:31000", 1, i), LATCH_WAIT);
		assert_int_equal(l.state, LATCH_PROVING);
	}
	assert_int_equal(from("198.51.100.9:31000", 1, 4), LATCH_LEARNED);
	assert_locked("198.51.100.9:31000");
}

static void other_port_of_the_description_needs_four(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_AUTO);
	for (uint16_t i = 1; i <= 3; i++)
		assert_int_equal(from("192.168.1.5:4002", 1, i), LATCH_WAIT);
	assert_int_equal(from("192.168.1.5:4002", 1, 4), LATCH_LEARNED);
}

static void strangers_never(void **state)
{
	(void)state;
	for (unsigned mode = MEDIA_LATCH_OFF; mode <= MEDIA_LATCH_REMOTE; mode++) {
		begin((enum media_latch)mode);
		for (uint16_t i = 0; i < 1000; i++)
			assert_int_equal(from("203.0.113.66:4000", 1, i), LATCH_REFUSE);
		assert_int_equal(l.state, LATCH_OPEN);
		assert_int_equal(n.cand_n, 0);
	}
}

static void auto_takes_the_sip_address_only_behind_nat(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_AUTO);
	assert_int_equal(from("198.51.100.9:31000", 1, 1), LATCH_WAIT);
	begin(MEDIA_LATCH_AUTO);
	rule.remote = a("203.0.113.5:4000"); /* a media server */
	assert_int_equal(from("198.51.100.9:31000", 1, 1), LATCH_REFUSE);
	begin(MEDIA_LATCH_REMOTE);
	rule.remote = a("203.0.113.5:4000");
	assert_int_equal(from("198.51.100.9:31000", 1, 1), LATCH_WAIT);
}

static void unknown_remote(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	rule.remote = (struct addr){0};
	assert_int_equal(from("198.51.100.9:31000", 1, 1), LATCH_WAIT);
	begin(MEDIA_LATCH_AUTO);
	rule.remote = (struct addr){0};
	assert_int_equal(from("198.51.100.9:31000", 1, 1), LATCH_REFUSE);
	rule.signalling = (struct addr){0};
	assert_int_equal(from("198.51.100.9:31000", 1, 1), LATCH_REFUSE);
}

static void another_ssrc_starts_the_proof_over(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	for (uint16_t i = 1; i <= 3; i++)
		(void)from("198.51.100.9:31000", 1, i);
	assert_int_equal(from("198.51.100.9:31000", 2, 4), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:31000", 2, 5), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:31000", 2, 6), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:31000", 2, 7), LATCH_LEARNED);
}

static void random_sequence_numbers_prove_nothing(void **state)
{
	uint32_t x = 1;

	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	for (unsigned i = 0; i < 1000; i++) {
		x = x * 1664525 + 1013904223;
		assert_int_equal(from("198.51.100.9:31000", 1, (uint16_t)(i * 1000 + x % 100)),
				 LATCH_WAIT);
	}
}

static void repeated_and_late_packets_prove_nothing(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	(void)from("198.51.100.9:31000", 1, 65534);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(from("198.51.100.9:31000", 1, 65534), LATCH_WAIT);
		assert_int_equal(from("198.51.100.9:31000", 1, 65530), LATCH_WAIT);
	}
	assert_int_equal(from("198.51.100.9:31000", 1, 65535), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:31000", 1, 0), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:31000", 1, 1), LATCH_LEARNED);
}

static void higher_rank_displaces_lower(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	for (uint16_t i = 1; i <= 3; i++)
		(void)from("198.51.100.9:31000", 1, i);
	(void)from("192.168.1.5:4002", 2, 1);
	assert_int_equal(from("198.51.100.9:31000", 1, 4), LATCH_WAIT);
	assert_int_equal(from("192.168.1.5:4002", 2, 2), LATCH_WAIT);
	assert_int_equal(from("192.168.1.5:4000", 3, 1), LATCH_LEARNED);
}

static void second_candidate_does_not_disturb_the_first(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	for (uint16_t i = 1; i <= 3; i++) {
		assert_int_equal(from("198.51.100.9:31000", 1, i), LATCH_WAIT);
		assert_int_equal(from("198.51.100.9:666", 2, i), LATCH_WAIT);
	}
	assert_int_equal(from("198.51.100.9:666", 2, 4), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:31000", 1, 4), LATCH_LEARNED);
}

static void silent_candidate_gives_way(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	(void)from("198.51.100.9:666", 2, 1);
	now_us += LATCH_CANDIDATE_US;
	for (uint16_t i = 1; i <= 3; i++)
		assert_int_equal(from("198.51.100.9:31000", 1, i), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:31000", 1, 4), LATCH_LEARNED);
}

static void locked_stays_locked(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	lock_to("198.51.100.9:31000");
	for (uint16_t i = 0; i < 1000; i++) {
		assert_int_equal(from("192.168.1.5:4000", 1, i), LATCH_REFUSE);
		assert_int_equal(from("198.51.100.9:31002", 1, i), LATCH_REFUSE);
		assert_int_equal(from("203.0.113.66:1", 1, i), LATCH_REFUSE);
		assert_int_equal(from("198.51.100.9:31000", 7, i), LATCH_TAKE);
	}
	assert_locked("198.51.100.9:31000");
}

static void relearns_after_silence_from_the_same_address(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	lock_to("198.51.100.9:31000");
	now_us = l.last_us + LATCH_SILENCE_US - 20001;
	assert_int_equal(from("198.51.100.9:31002", 1, 1), LATCH_REFUSE);
	now_us += 1;
	for (uint16_t i = 1; i <= 3; i++) {
		assert_int_equal(from("203.0.113.66:1", 1, i), LATCH_REFUSE);
		assert_int_equal(from("192.168.1.5:4000", 1, i), LATCH_REFUSE);
		assert_int_equal(from("198.51.100.9:31002", 1, i), LATCH_WAIT);
		assert_int_equal(l.state, LATCH_RELEARNING);
		assert_locked("198.51.100.9:31000");
	}
	assert_int_equal(from("198.51.100.9:31002", 1, 4), LATCH_LEARNED);
	assert_locked("198.51.100.9:31002");
}

static void old_source_ends_relearning(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	lock_to("198.51.100.9:31000");
	now_us += LATCH_SILENCE_US;
	for (uint16_t i = 1; i <= 3; i++)
		assert_int_equal(from("198.51.100.9:31002", 1, i), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:31000", 7, 50), LATCH_TAKE);
	assert_int_equal(l.state, LATCH_LOCKED);
	assert_int_equal(from("198.51.100.9:31002", 1, 4), LATCH_REFUSE);
	assert_locked("198.51.100.9:31000");
}

static void relearns_once_in_ten_seconds(void **state)
{
	uint64_t first;

	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	lock_to("198.51.100.9:31000");
	now_us += LATCH_SILENCE_US;
	for (uint16_t i = 1; i <= 4; i++)
		(void)from("198.51.100.9:31002", 1, i);
	assert_locked("198.51.100.9:31002");
	first = now_us;
	now_us += LATCH_SILENCE_US;
	assert_int_equal(from("198.51.100.9:31004", 1, 1), LATCH_REFUSE);
	now_us = first + LATCH_RELEARN_US - 20001;
	assert_int_equal(from("198.51.100.9:31004", 1, 1), LATCH_REFUSE);
	now_us += 1;
	for (uint16_t i = 1; i <= 4; i++)
		(void)from("198.51.100.9:31004", 1, i);
	assert_locked("198.51.100.9:31004");
}

static void late_packets_of_the_old_source_teach_nothing(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	lock_to("198.51.100.9:31000");
	rule.remote = a("192.168.1.5:5000");
	latch_reset(&l, &n, MEDIA_LATCH_REMOTE, true, now_us);
	assert_int_equal(l.state, LATCH_OPEN);
	for (uint16_t i = 10; i < 50; i++)
		assert_int_equal(from("198.51.100.9:31000", 7, i), LATCH_REFUSE);
	assert_int_equal(n.cand_n, 0);
	for (uint16_t i = 1; i <= 3; i++)
		assert_int_equal(from("198.51.100.9:32000", 7, i), LATCH_WAIT);
	assert_int_equal(from("198.51.100.9:32000", 7, 4), LATCH_LEARNED);
	/* Long after a change a phone that did keep its socket may prove itself again. */
	latch_reset(&l, &n, MEDIA_LATCH_REMOTE, true, now_us);
	now_us += LATCH_OLD_US;
	assert_int_equal(from("198.51.100.9:32000", 7, 5), LATCH_WAIT);
}

static void old_source_that_the_new_description_names(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	lock_to("198.51.100.9:31000");
	rule.remote = a("198.51.100.9:31000");
	latch_reset(&l, &n, MEDIA_LATCH_REMOTE, true, now_us);
	assert_int_equal(from("198.51.100.9:31000", 7, 9), LATCH_LEARNED);
}

static void first_description_bans_nobody(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	rule.remote = (struct addr){0};
	lock_to("198.51.100.9:31000");
	rule.remote = a("192.168.1.5:5000");
	latch_reset(&l, &n, MEDIA_LATCH_REMOTE, false, now_us);
	assert_int_equal(from("198.51.100.9:31000", 7, 9), LATCH_WAIT);
}

static void rtcp_follows_rtp(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	rule.rtp = &rtp;
	rule.remote = a("192.168.1.5:4001");
	/* Before RTP: only the exact address. */
	for (uint16_t i = 0; i < 10; i++) {
		assert_int_equal(from("198.51.100.9:31001", 1, 0), LATCH_WAIT);
		assert_int_equal(from("203.0.113.66:1", 1, 0), LATCH_REFUSE);
	}
	assert_int_equal(l.state, LATCH_OPEN);
	rtp.state = LATCH_LOCKED;
	rtp.locked = a("198.51.100.9:31000");
	for (uint16_t i = 0; i < 3; i++) {
		assert_int_equal(from("203.0.113.66:1", 1, 0), LATCH_REFUSE);
		assert_int_equal(from("192.168.1.5:4003", 1, 0), LATCH_REFUSE);
		assert_int_equal(from("198.51.100.9:31001", 1, 0), LATCH_WAIT);
	}
	assert_int_equal(from("198.51.100.9:31001", 1, 0), LATCH_LEARNED);
	assert_int_equal(from("198.51.100.9:31001", 1, 0), LATCH_TAKE);
}

static void rtcp_of_the_rtp_source_locks_at_once(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	rule.rtp = &rtp;
	rule.remote = a("192.168.1.5:4001");
	rule.rtp_ssrc = 7;
	rtp.state = LATCH_LOCKED;
	rtp.locked = a("198.51.100.9:31000");
	assert_int_equal(from("198.51.100.9:31001", 7, 0), LATCH_WAIT);
	rule.rtp_ssrc_known = true;
	assert_int_equal(from("203.0.113.66:1", 7, 0), LATCH_REFUSE);
	assert_int_equal(from("198.51.100.9:31001", 7, 0), LATCH_LEARNED);
}

static void rtcp_exact_and_off(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_OFF);
	rule.rtp = &rtp;
	rule.remote = a("192.168.1.5:4001");
	rule.rtp_ssrc = 7;
	rule.rtp_ssrc_known = true;
	rtp.state = LATCH_LOCKED;
	rtp.locked = a("192.168.1.5:4000");
	assert_int_equal(from("192.168.1.5:4003", 7, 0), LATCH_REFUSE);
	assert_int_equal(from("192.168.1.5:4001", 9, 0), LATCH_LEARNED);
}

/* Every state against every source: the verdict of one packet. */
static void every_pair(void **state)
{
	static const struct {
		enum latch_state s;
		const char *src;
		enum latch_verdict v;
		enum latch_state next;
	} row[] = {
		{LATCH_OPEN, "203.0.113.66:1", LATCH_REFUSE, LATCH_OPEN},
		{LATCH_OPEN, "198.51.100.9:5", LATCH_WAIT, LATCH_PROVING},
		{LATCH_OPEN, "192.168.1.5:5", LATCH_WAIT, LATCH_PROVING},
		{LATCH_OPEN, "192.168.1.5:4000", LATCH_LEARNED, LATCH_LOCKED},
		{LATCH_PROVING, "203.0.113.66:1", LATCH_REFUSE, LATCH_PROVING},
		{LATCH_PROVING, "198.51.100.9:5", LATCH_WAIT, LATCH_PROVING},
		{LATCH_PROVING, "192.168.1.5:5", LATCH_WAIT, LATCH_PROVING},
		{LATCH_PROVING, "192.168.1.5:4000", LATCH_LEARNED, LATCH_LOCKED},
		{LATCH_LOCKED, "203.0.113.66:1", LATCH_REFUSE, LATCH_LOCKED},
		{LATCH_LOCKED, "198.51.100.9:5", LATCH_WAIT, LATCH_RELEARNING},
		{LATCH_LOCKED, "192.168.1.5:5", LATCH_REFUSE, LATCH_LOCKED},
		{LATCH_LOCKED, "192.168.1.5:4000", LATCH_REFUSE, LATCH_LOCKED},
		{LATCH_LOCKED, "198.51.100.9:31000", LATCH_TAKE, LATCH_LOCKED},
		{LATCH_RELEARNING, "203.0.113.66:1", LATCH_REFUSE, LATCH_RELEARNING},
		{LATCH_RELEARNING, "198.51.100.9:5", LATCH_WAIT, LATCH_RELEARNING},
		{LATCH_RELEARNING, "192.168.1.5:5", LATCH_REFUSE, LATCH_RELEARNING},
		{LATCH_RELEARNING, "192.168.1.5:4000", LATCH_REFUSE, LATCH_RELEARNING},
		{LATCH_RELEARNING, "198.51.100.9:31000", LATCH_TAKE, LATCH_LOCKED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		begin(MEDIA_LATCH_REMOTE);
		if (row[i].s == LATCH_PROVING)
			(void)from("198.51.100.9:5", 1, 1);
		if (row[i].s >= LATCH_LOCKED) {
			lock_to("198.51.100.9:31000");
			now_us += LATCH_SILENCE_US;
		}
		if (row[i].s == LATCH_RELEARNING)
			(void)from("198.51.100.9:5", 1, 1);
		assert_int_equal(l.state, row[i].s);
		if (from(row[i].src, 1, 2) != row[i].v || l.state != row[i].next)
			fail_msg("row %zu", i);
	}
}

static bool target_is(const char *want)
{
	struct addr out, w;

	if (!latch_target(&l, &rule, &out))
		return want == NULL;
	if (!want)
		return false;
	w = a(want);
	return addr_eq(&out, &w);
}

static void where_packets_go(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_OFF);
	assert_true(target_is("192.168.1.5:4000"));
	begin(MEDIA_LATCH_AUTO);
	assert_true(target_is("192.168.1.5:4000"));
	begin(MEDIA_LATCH_REMOTE);
	assert_true(target_is(NULL)); /* private, and not where the SIP came from */
	(void)from("198.51.100.9:31000", 1, 1);
	assert_true(target_is(NULL)); /* nothing to a candidate */
	lock_to("198.51.100.9:31000");
	assert_true(target_is("198.51.100.9:31000"));
	begin(MEDIA_LATCH_REMOTE);
	rule.remote = a("203.0.113.5:4000");
	assert_true(target_is("203.0.113.5:4000")); /* public */
	rule.remote = a("10.0.0.7:4000");
	rule.signalling = a("10.0.0.7");
	assert_true(target_is("10.0.0.7:4000")); /* where the SIP came from */
	rule.remote = (struct addr){0};
	assert_true(target_is(NULL));
}

static void where_rtcp_goes(void **state)
{
	(void)state;
	begin(MEDIA_LATCH_REMOTE);
	rule.rtp = &rtp;
	rule.remote = a("203.0.113.5:4001");
	assert_true(target_is("203.0.113.5:4001"));
	rtp.state = LATCH_LOCKED;
	rtp.locked = a("203.0.113.5:4000");
	assert_true(target_is("203.0.113.5:4001"));
	rtp.locked = a("198.51.100.9:31000");
	assert_true(target_is(NULL));
	l.mode = MEDIA_LATCH_OFF;
	assert_true(target_is("203.0.113.5:4001"));
	l.state = LATCH_LOCKED;
	l.locked = a("198.51.100.9:31001");
	assert_true(target_is("198.51.100.9:31001"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_locks_with_the_first),
		cmocka_unit_test(off_learns_nothing),
		cmocka_unit_test(candidate_needs_four),
		cmocka_unit_test(other_port_of_the_description_needs_four),
		cmocka_unit_test(strangers_never),
		cmocka_unit_test(auto_takes_the_sip_address_only_behind_nat),
		cmocka_unit_test(unknown_remote),
		cmocka_unit_test(another_ssrc_starts_the_proof_over),
		cmocka_unit_test(random_sequence_numbers_prove_nothing),
		cmocka_unit_test(repeated_and_late_packets_prove_nothing),
		cmocka_unit_test(higher_rank_displaces_lower),
		cmocka_unit_test(second_candidate_does_not_disturb_the_first),
		cmocka_unit_test(silent_candidate_gives_way),
		cmocka_unit_test(locked_stays_locked),
		cmocka_unit_test(relearns_after_silence_from_the_same_address),
		cmocka_unit_test(old_source_ends_relearning),
		cmocka_unit_test(relearns_once_in_ten_seconds),
		cmocka_unit_test(late_packets_of_the_old_source_teach_nothing),
		cmocka_unit_test(old_source_that_the_new_description_names),
		cmocka_unit_test(first_description_bans_nobody),
		cmocka_unit_test(rtcp_follows_rtp),
		cmocka_unit_test(rtcp_of_the_rtp_source_locks_at_once),
		cmocka_unit_test(rtcp_exact_and_off),
		cmocka_unit_test(every_pair),
		cmocka_unit_test(where_packets_go),
		cmocka_unit_test(where_rtcp_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
