/* base/str: cutting, comparing, numbers and their overflow, edit distance; empty views everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

static const struct str none = {0};

static void same(struct str got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.p, want, got.len);
}

static void compares_without_case_in_ascii_only(void **state)
{
	(void)state;
	assert_true(str_ieq(STR("VIA"), STR("via")));
	assert_false(str_ieq(STR("via"), STR("vias")));
	assert_false(str_ieq(STR("["), STR("{")));
	assert_false(str_ieq(STR("\xc0"), STR("\xe0")));
	assert_false(str_ieq(STR("@"), STR("`")));
	assert_true(str_ieq(none, STR("")));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
}

static void finds_starts_and_ends(void **state)
{
	(void)state;
	assert_true(str_starts(STR("sip:a"), STR("sip:")));
	assert_false(str_starts(STR("sip"), STR("sip:")));
	assert_true(str_starts(STR("x"), none));
	assert_true(str_istarts(STR("SIP:a"), STR("sip:")));
	assert_true(str_ends(STR("a.wav"), STR(".wav")));
	assert_false(str_ends(STR("wav"), STR(".wav")));
	assert_true(str_ends(none, none));
	assert_int_equal(str_find(STR("abc"), 'c'), 2);
	assert_int_equal(str_find(STR("abc"), 'd'), -1);
	assert_int_equal(str_find(none, '\0'), -1);
	assert_int_equal(str_find_str(STR("aab"), STR("ab")), 1);
	assert_int_equal(str_find_str(STR("ab"), STR("abc")), -1);
	assert_int_equal(str_find_str(none, STR("a")), -1);
	assert_int_equal(str_find_str(none, none), 0);
}

static void orders_like_memcmp_then_by_length(void **state)
{
	(void)state;
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("b"), STR("ab")) > 0);
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
	assert_true(str_cmp(STR("ab"), STR("a")) > 0);
	assert_true(str_cmp(STR("a"), STR("\xff")) < 0);
	assert_int_equal(str_cmp(none, STR("")), 0);
}

static void slices_stay_inside(void **state)
{
	(void)state;
	same(str_from(STR("abc"), 1), "bc");
	same(str_from(STR("abc"), 3), "");
	same(str_from(STR("abc"), 99), "");
	assert_true(str_empty(str_from(none, 5)));
	same(str_head(STR("abc"), 2), "ab");
	same(str_head(STR("abc"), 99), "abc");
	same(str_trim(STR(" \t\r\na b\r\n ")), "a b");
	same(str_trim(STR(" \r\n")), "");
	assert_true(str_empty(str_trim(none)));
}

static void cuts_and_words(void **state)
{
	struct str rest = STR("a,,b,");

	(void)state;
	same(str_cut(&rest, ','), "a");
	same(str_cut(&rest, ','), "");
	same(str_cut(&rest, ','), "b");
	assert_true(str_empty(rest));
	same(str_cut(&rest, ','), "");
	rest = STR("only");
	same(str_cut(&rest, ','), "only");
	assert_true(str_empty(rest));
	rest = STR("  INVITE \tsip:a SIP/2.0 ");
	same(str_word(&rest), "INVITE");
	same(str_word(&rest), "sip:a");
	same(str_word(&rest), "SIP/2.0");
	same(str_word(&rest), "");
	assert_true(str_empty(rest));
}

static void reads_numbers_up_to_their_limit(void **state)
{
	uint64_t v = 7;
	uint32_t u = 7;

	(void)state;
	assert_int_equal(str_to_u64(STR("18446744073709551615"), UINT64_MAX, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(str_to_u64(STR("0"), 0, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(str_to_u64(STR("000000000000000000000000012"), 12, &v), 0);
	assert_int_equal(v, 12);
	assert_int_equal(str_to_u32(STR("4294967295"), &u), 0);
	assert_true(u == UINT32_MAX);
}

static void refuses_numbers_and_leaves_out_alone(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{"18446744073709551616", ERR_RANGE},
		{"18446744073709551620", ERR_RANGE},
		{"99999999999999999999999", ERR_RANGE},
		{"36893488147419103232", ERR_RANGE}, /* 2^65 */
		{"101", ERR_RANGE},
		{"99999999999999999999999x", ERR_SYNTAX},
		{"", ERR_SYNTAX},
		{"+1", ERR_SYNTAX},
		{"-1", ERR_SYNTAX},
		{" 1", ERR_SYNTAX},
		{"1 ", ERR_SYNTAX},
		{"0x1", ERR_SYNTAX},
		{"\xb2", ERR_SYNTAX},
	};
	uint64_t v = 7;
	uint32_t u = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(str_to_u64(str_c(bad[i].text), 100, &v), bad[i].err);
	assert_int_equal(str_to_u64(STR("18446744073709551616"), UINT64_MAX, &v), ERR_RANGE);
	assert_int_equal(str_to_u64(STR("184467440737095516160"), UINT64_MAX, &v), ERR_RANGE);
	assert_int_equal(str_to_u64(STR("1\0"), 100, &v), ERR_SYNTAX);
	assert_int_equal(str_to_u64(none, 100, &v), ERR_SYNTAX);
	assert_int_equal(str_to_u32(STR("4294967296"), &u), ERR_RANGE);
	assert_int_equal(v, 7);
	assert_int_equal(u, 7);
}

static void copies_with_a_nul(void **state)
{
	char out[4];

	(void)state;
	assert_string_equal(str_copy(out, sizeof(out), STR("abcdef")), "abc");
	assert_string_equal(str_copy(out, sizeof(out), STR("abc")), "abc");
	assert_string_equal(str_copy(out, sizeof(out), none), "");
	assert_string_equal(str_copy(out, 1, STR("abc")), "");
}

static void tells_printable(void **state)
{
	(void)state;
	assert_true(str_printable(STR("a b~\x80\xff")));
	assert_true(str_printable(none));
	assert_false(str_printable(STR("a\x1f")));
	assert_false(str_printable(STR("a\x7f")));
	assert_false(str_printable(STR("a\0")));
}

static void measures_distance_up_to_max(void **state)
{
	char big[129];

	(void)state;
	memset(big, 'a', sizeof(big));
	assert_int_equal(str_distance(STR("realm"), STR("realm"), 3), 0);
	assert_int_equal(str_distance(STR("realms"), STR("realm"), 3), 1);
	assert_int_equal(str_distance(STR("relam"), STR("realm"), 3), 2);
	assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 9), 3);
	assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 3), 3);
	assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 2), 2);
	assert_int_equal(str_distance(STR(""), STR("abc"), 9), 3);
	assert_int_equal(str_distance(STR("abc"), none, 9), 3);
	assert_int_equal(str_distance(none, none, 9), 0);
	assert_int_equal(str_distance(str_n(big, 128), str_n(big, 127), 9), 1);
	assert_int_equal(str_distance(str_n(big, 129), str_n(big, 129), 9), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_without_case_in_ascii_only),
		cmocka_unit_test(finds_starts_and_ends),
		cmocka_unit_test(orders_like_memcmp_then_by_length),
		cmocka_unit_test(slices_stay_inside),
		cmocka_unit_test(cuts_and_words),
		cmocka_unit_test(reads_numbers_up_to_their_limit),
		cmocka_unit_test(refuses_numbers_and_leaves_out_alone),
		cmocka_unit_test(copies_with_a_nul),
		cmocka_unit_test(tells_printable),
		cmocka_unit_test(measures_distance_up_to_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
