/* base/metric: the Prometheus text, escapes, and the X-macro rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/metric.h"

#define ROWS(X)                                                                                    \
	X(M_CALLS, COUNTER, "rempart_calls_total", "Calls since start.")                           \
	X(M_OPEN, GAUGE, "rempart_calls", "Open\ncalls, C:\\ \"now\".")

enum { ROWS(METRIC_ENUM) M_MAX };
static const struct metric_desc desc[] = {ROWS(METRIC_DESC)};

static void writes_heads(void **state)
{
	char mem[512];
	struct buf b = BUF_ON(mem);

	(void)state;
	assert_int_equal(sizeof(desc) / sizeof(desc[0]), M_MAX);
	metric_head(&b, &desc[M_CALLS]);
	metric_head(&b, &desc[M_OPEN]);
	assert_string_equal(buf_cstr(&b), "# HELP rempart_calls_total Calls since start.\n"
					  "# TYPE rempart_calls_total counter\n"
					  "# HELP rempart_calls Open\\ncalls, C:\\\\ \"now\".\n"
					  "# TYPE rempart_calls gauge\n");
}

static void writes_values_and_escapes_labels(void **state)
{
	char mem[512];
	struct buf b = BUF_ON(mem);

	(void)state;
	metric_value(&b, &desc[M_OPEN], NULL, (struct str){0}, UINT64_MAX);
	metric_value(&b, &desc[M_OPEN], "realm", STR("a\"b\\c\nd"), 0);
	assert_string_equal(buf_cstr(&b), "rempart_calls 18446744073709551615\n"
					  "rempart_calls{realm=\"a\\\"b\\\\c\\nd\"} 0\n");
}

static void overflow_shows(void **state)
{
	char mem[20];
	struct buf b = BUF_ON(mem);

	(void)state;
	metric_value(&b, &desc[M_CALLS], "realm", STR("core"), 1);
	assert_int_equal(buf_check(&b), ERR_LIMIT);
}

static void counts(void **state)
{
	uint64_t v = 0;

	(void)state;
	metric_add(&v, 2);
	metric_add(&v, 3);
	assert_int_equal(metric_get(&v), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_heads),
		cmocka_unit_test(writes_values_and_escapes_labels),
		cmocka_unit_test(overflow_shows),
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
