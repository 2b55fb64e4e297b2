/* Values with units: what is read, what is refused, and that the printed form reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/value.h"

#define BAD  UINT64_MAX
#define N(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *text;
	uint64_t value; /* BAD: refused */
	const char *printed;
};

static const struct row durations[] = {
	{"0s", 0, "0ms"},
	{"250ms", 250, "250ms"},
	{"60s", 60000, "1m"},
	{"90s", 90000, "90s"},
	{"120m", 7200000, "2h"},
	{"2h", 7200000, "2h"},
	{"60", BAD, NULL},
	{"", BAD, NULL},
	{"s", BAD, NULL},
	{"-1s", BAD, NULL},
	{"1.5s", BAD, NULL},
	{"1 s", BAD, NULL},
	{"1d", BAD, NULL},
	{"1h30m", BAD, NULL},
	{"18446744073709551615h", BAD, NULL},
	{"99999999999999999999ms", BAD, NULL},
};

static const struct row sizes[] = {
	{"1", 1, "1"},
	{"1024", 1024, "1K"},
	{"256M", 256ULL << 20, "256M"},
	{"2048M", 2ULL << 30, "2G"},
	{"1025K", 1025ULL << 10, "1025K"},
	{"2T", BAD, NULL},
	{"M", BAD, NULL},
	{"2g", BAD, NULL},
	{"18446744073709551615K", BAD, NULL},
};

static const struct row dscps[] = {
	{"cs0", 0, "cs0"},    {"cs3", 24, "cs3"},   {"cs7", 56, "cs7"},  {"af11", 10, "af11"},
	{"af31", 26, "af31"}, {"af43", 38, "af43"}, {"ef", 46, "ef"},    {"46", 46, "ef"},
	{"47", 47, "47"},     {"63", 63, "63"},     {"0", 0, "cs0"},     {"42", 42, "42"},
	{"64", BAD, NULL},    {"cs8", BAD, NULL},   {"af14", BAD, NULL}, {"af50", BAD, NULL},
	{"EF", BAD, NULL},    {"", BAD, NULL},
};

static void check(const struct row *r, size_t n, int (*read)(struct str, uint64_t *),
		  void (*print)(struct buf *, uint64_t))
{
	for (size_t i = 0; i < n; i++) {
		char text[64] = "";
		struct buf b = BUF_ON(text);
		uint64_t v = BAD, again = 0;
		int err = read(str_c(r[i].text), &v);

		if (r[i].value == BAD) {
			if (!err || v != BAD)
				fail_msg("'%s' was taken", r[i].text);
			continue;
		}
		if (err || v != r[i].value)
			fail_msg("'%s' gave %d, %llu", r[i].text, err, (unsigned long long)v);
		print(&b, v);
		assert_string_equal(buf_cstr(&b), r[i].printed);
		assert_int_equal(read(str_c(text), &again), 0);
		assert_int_equal(again, v);
	}
}

static int read_dscp(struct str s, uint64_t *out)
{
	uint8_t v;
	int err = value_dscp(s, &v);

	if (!err)
		*out = v;
	return err;
}

static void print_dscp(struct buf *b, uint64_t v)
{
	value_dscp_text(b, (uint8_t)v);
}

static void duration(void **state)
{
	(void)state;
	check(durations, N(durations), value_duration, value_duration_text);
}

static void size(void **state)
{
	(void)state;
	check(sizes, N(sizes), value_size, value_size_text);
}

static void dscp(void **state)
{
	(void)state;
	check(dscps, N(dscps), read_dscp, print_dscp);
	for (unsigned v = 0; v < 64; v++) { /* every one reads back */
		char text[16];
		struct buf b = BUF_ON(text);
		uint8_t again;

		value_dscp_text(&b, (uint8_t)v);
		assert_int_equal(value_dscp(buf_view(&b), &again), 0);
		assert_int_equal(again, v);
	}
}

static void rate(void **state)
{
	static const struct {
		const char *text;
		uint32_t count;
		uint64_t per_ms; /* 0: refused */
		const char *printed;
	} row[] = {
		{"30/s", 30, 1000, "30/1s"}, {"10/60s", 10, 60000, "10/1m"},
		{"5/h", 5, 3600000, "5/1h"}, {"1/ms", 1, 1, "1/1ms"},
		{"30", 0, 0, NULL},          {"30/", 0, 0, NULL},
		{"/s", 0, 0, NULL},          {"30/0s", 0, 0, NULL},
		{"30/60", 0, 0, NULL},       {"4294967296/s", 0, 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < N(row); i++) {
		char text[64];
		struct buf b = BUF_ON(text);
		struct rate r = {0};
		int err = value_rate(str_c(row[i].text), &r);

		assert_int_equal(err == 0, row[i].per_ms != 0);
		assert_int_equal(r.count, row[i].count);
		assert_int_equal(r.per_ms, row[i].per_ms);
		if (err)
			continue;
		value_rate_text(&b, r);
		assert_string_equal(buf_cstr(&b), row[i].printed);
		assert_int_equal(value_rate(buf_view(&b), &r), 0);
	}
}

static void percent(void **state)
{
	static const char *const bad[] = {"85", "101%", "%", "-1%", "8 5%", ""};
	uint32_t v;

	(void)state;
	assert_int_equal(value_percent(STR("0%"), &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(value_percent(STR("100%"), &v), 0);
	assert_int_equal(v, 100);
	for (size_t i = 0; i < N(bad); i++)
		assert_true(value_percent(str_c(bad[i]), &v) < 0);
}

static void ports(void **state)
{
	static const char *const bad[] = {"2000",    "2000-", "-2000", "2001-2000", "0-10",
					  "1-65536", "1-2-3", "a-b",   ""};
	uint16_t a = 0, b = 0;

	(void)state;
	assert_int_equal(value_ports(STR("20000-20999"), &a, &b), 0);
	assert_int_equal(a, 20000);
	assert_int_equal(b, 20999);
	assert_int_equal(value_ports(STR("65535-65535"), &a, &b), 0);
	for (size_t i = 0; i < N(bad); i++)
		assert_true(value_ports(str_c(bad[i]), &a, &b) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duration), cmocka_unit_test(size),    cmocka_unit_test(dscp),
		cmocka_unit_test(rate),     cmocka_unit_test(percent), cmocka_unit_test(ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
