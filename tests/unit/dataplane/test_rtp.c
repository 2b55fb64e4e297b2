/* RTP and RTCP validation: what is in the RFC passes, whatever contradicts itself does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "rtp.h"

static void takes_plain_header(void **state)
{
	const uint8_t p[] = {0x80, 0x88, 0x12, 0x34, 0, 1, 0, 2, 0xde, 0xad, 0xbe, 0xef, 1, 2};
	struct rtp_info i;

	(void)state;
	assert_true(rtp_parse(p, sizeof p, &i));
	assert_int_equal(i.pt, 8);
	assert_int_equal(i.seq, 0x1234);
	assert_int_equal(i.ts, 0x10002);
	assert_int_equal(i.ssrc, 0xdeadbeef);
	assert_true(rtp_parse(p, 12, &i));
}

static void refuses_bad_headers(void **state)
{
	static const struct {
		const char *why;
		uint8_t p[24];
		size_t len;
	} bad[] = {
		{"empty", {0}, 0},
		{"short", {0x80}, 11},
		{"version 1", {0x40}, 24},
		{"version 3", {0xc0}, 24},
		{"CSRCs missing", {0x84}, 24},
		{"extension missing", {0x90}, 12},
		{"extension cut", {0x90, [14] = 0, [15] = 3}, 24},
		{"extension of 65535 words", {0x90, [14] = 0xff, [15] = 0xff}, 24},
		{"padding 0", {0xa0}, 24},
		{"padding over the header", {0xa0, [23] = 13}, 24},
		{"padding without payload", {0xa0, [11] = 1}, 12},
	};
	struct rtp_info i;

	(void)state;
	for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++) {
		if (rtp_parse(bad[n].p, bad[n].len, &i))
			fail_msg("taken: %s", bad[n].why);
	}
}

static void takes_csrc_extension_padding(void **state)
{
	const uint8_t csrc[16] = {0x81};
	const uint8_t ext[20] = {0x90, [15] = 1};
	const uint8_t pad[16] = {0xa0, [15] = 4};
	const uint8_t all[28] = {0xb1, [19] = 1, [27] = 4};
	struct rtp_info i;

	(void)state;
	assert_true(rtp_parse(csrc, sizeof csrc, &i));
	assert_true(rtp_parse(ext, sizeof ext, &i));
	assert_true(rtp_parse(pad, sizeof pad, &i));
	assert_true(rtp_parse(all, sizeof all, &i));
}

static void takes_rtcp(void **state)
{
	const uint8_t rr[8] = {0x80, 201, 0, 1, 1, 2, 3, 4};
	const uint8_t sr[28] = {0x80, 200, 0, 6, 1, 2, 3, 4};
	const uint8_t compound[24] = {0x80, 201, 0, 1, 1, 2, 3,   4,   0x81, 202, 0, 3,
				      1,    2,   3, 4, 1, 2, 'a', 'b', 0,    0,   0, 0};
	const uint8_t bye_padded[20] = {0x80, 201, 0, 1, 1, 2, 3, 4, 0xa1, 203,
					0,    2,   1, 2, 3, 4, 0, 0, 0,    4};
	const uint8_t pli[12] = {0x81, 206, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
	uint32_t ssrc = 0;

	(void)state;
	assert_true(rtcp_parse(rr, sizeof rr, &ssrc));
	assert_int_equal(ssrc, 0x01020304);
	assert_true(rtcp_parse(sr, sizeof sr, &ssrc));
	assert_true(rtcp_parse(compound, sizeof compound, &ssrc));
	assert_true(rtcp_parse(bye_padded, sizeof bye_padded, &ssrc));
	assert_true(rtcp_parse(pli, sizeof pli, &ssrc)); /* RFC 5506 */
}

static void refuses_bad_rtcp(void **state)
{
	static const struct {
		const char *why;
		uint8_t p[28];
		size_t len;
	} bad[] = {
		{"empty", {0}, 0},
		{"cut", {0x80, 201, 0, 1}, 7},
		{"version", {0x40, 201, 0, 1}, 8},
		{"RTP", {0x80, 0, 0, 1}, 8},
		{"type below", {0x80, 199, 0, 1}, 8},
		{"type above", {0x80, 208, 0, 1}, 8},
		{"length beyond the end", {0x80, 201, 0, 2}, 8},
		{"bytes behind the end", {0x80, 201, 0, 1}, 10},
		{"SR too short", {0x80, 200, 0, 1}, 8},
		{"report block missing", {0x81, 201, 0, 1}, 8},
		{"padding in the middle", {0xa0, 201, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 1}, 16},
		{"padding of 0", {0x80, 201, 0, 1, 0, 0, 0, 0, 0xa0, 203, 0, 1}, 16},
		{"padding of 3", {0x80, 201, 0, 1, 0, 0, 0, 0, 0xa1, 203, 0, 2, [19] = 3}, 20},
		{"padding over all", {0xa0, 203, 0, 1, [7] = 8}, 8},
		{"second of version 1", {0x80, 201, 0, 1, 0, 0, 0, 0, 0x40, 203, 0, 1}, 16},
		{"SDES chunk missing", {0x82, 202, 0, 2}, 12},
	};
	uint32_t ssrc;

	(void)state;
	for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++) {
		if (rtcp_parse(bad[n].p, bad[n].len, &ssrc))
			fail_msg("taken: %s", bad[n].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_plain_header),
		cmocka_unit_test(refuses_bad_headers),
		cmocka_unit_test(takes_csrc_extension_padding),
		cmocka_unit_test(takes_rtcp),
		cmocka_unit_test(refuses_bad_rtcp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
