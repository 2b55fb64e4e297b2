/* base/clock and base/err: time texts at their edges; every code has a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"

static void writes_rfc3339(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} row[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{1767323045678, "2026-01-02T03:04:05.678Z"},
		{951782399999, "2000-02-28T23:59:59.999Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{4294967296000, "2106-02-07T06:28:16.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
		{253402300800000, "9999-12-31T23:59:59.999Z"},
		{UINT64_MAX, "9999-12-31T23:59:59.999Z"},
	};
	char out[25];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		clock_rfc3339(row[i].ms, out);
		assert_string_equal(out, row[i].text);
	}
}

static void clocks_agree_and_do_not_go_back(void **state)
{
	uint64_t ms = clock_ms(), us = clock_us(), ns = clock_ns();

	(void)state;
	assert_true(us / 1000 >= ms && ns / 1000 >= us);
	assert_true(clock_ms() >= ms);
	assert_true(clock_wall_ms() > 1700000000000);
}

static void every_error_has_a_text(void **state)
{
	(void)state;
	assert_string_equal(err_text(0), "ok");
	assert_string_equal(err_text(ERR_NOMEM), "out of memory");
	assert_string_equal(err_text(-999), "unknown error");
	assert_string_equal(err_text(1), "unknown error");
#define X(name, value, text) assert_string_equal(err_text(name), text);
	ERR_LIST(X)
#undef X
}

static void maps_errno(void **state)
{
	(void)state;
	assert_int_equal(err_from_errno(0), 0);
	assert_int_equal(err_from_errno(ENOMEM), ERR_NOMEM);
	assert_int_equal(err_from_errno(ENOENT), ERR_NOENT);
	assert_int_equal(err_from_errno(EACCES), ERR_ACCESS);
	assert_int_equal(err_from_errno(EWOULDBLOCK), ERR_AGAIN);
	assert_int_equal(err_from_errno(EADDRINUSE), ERR_INUSE);
	for (int e = 1; e < 200; e++)
		assert_true(err_from_errno(e) < 0);
	assert_int_equal(err_from_errno(12345), ERR_IO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_rfc3339),
		cmocka_unit_test(clocks_agree_and_do_not_go_back),
		cmocka_unit_test(every_error_has_a_text),
		cmocka_unit_test(maps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
