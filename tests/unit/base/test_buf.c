/* base/buf: whole writes or none, the overflow state, exact fits. Guard bytes stand behind each buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"

static void builds_text(void **state)
{
	char mem[64];
	struct buf b = BUF_ON(mem);

	(void)state;
	buf_c(&b, "a");
	buf_ch(&b, ' ');
	buf_str(&b, STR("b"));
	buf_str(&b, (struct str){0});
	buf_u64(&b, 0);
	buf_u64(&b, UINT64_MAX);
	buf_hex(&b, "\x00\xff\x1a", 3);
	buf_printf(&b, "%s", "");
	buf_printf(&b, "-%d", -5);
	assert_int_equal(buf_check(&b), 0);
	assert_true(str_eq(buf_view(&b), STR("a b01844674407370955161500ff1a--5")));
	assert_string_equal(buf_cstr(&b), "a b01844674407370955161500ff1a--5");
}

static void fits_exactly(void **state)
{
	char mem[8];
	struct buf b = buf_on(mem, 4);

	(void)state;
	memset(mem, '#', sizeof(mem));
	buf_c(&b, "abc");
	buf_ch(&b, 'd');
	assert_int_equal(buf_check(&b), 0);
	assert_memory_equal(mem, "abcd####", 8);
	assert_string_equal(buf_cstr(&b), "abc");
	assert_int_equal(buf_check(&b), ERR_LIMIT);
	assert_memory_equal(mem + 4, "####", 4);
}

static void keeps_nothing_of_what_does_not_fit_nor_after_it(void **state)
{
	static const struct str want = STR_INIT("abc");
	char mem[16];

	(void)state;
	for (int how = 0; how < 5; how++) {
		struct buf b = buf_on(mem, 5);

		memset(mem, '#', sizeof(mem));
		buf_c(&b, "abc");
		if (how == 0)
			buf_c(&b, "def");
		else if (how == 1)
			buf_u64(&b, 100);
		else if (how == 2)
			buf_hex(&b, "ab", 2);
		else if (how == 3)
			buf_printf(&b, "%d", 12);
		else
			buf_str(&b, str_n("x", SIZE_MAX));
		assert_int_equal(buf_check(&b), ERR_LIMIT);
		buf_ch(&b, 'x');
		buf_printf(&b, "y");
		buf_hex(&b, "", 0);
		assert_true(str_eq(buf_view(&b), want));
		assert_string_equal(buf_cstr(&b), "abc");
		assert_memory_equal(mem + 5, "###########", 11);
	}
}

static void length_of_hex_does_not_wrap(void **state)
{
	char mem[4] = {0};
	struct buf b = BUF_ON(mem);

	(void)state;
	buf_hex(&b, mem, SIZE_MAX / 2 + 1);
	assert_int_equal(buf_check(&b), ERR_LIMIT);
	assert_int_equal(b.len, 0);
}

static void works_on_no_memory(void **state)
{
	struct buf b = buf_on(NULL, 0);

	(void)state;
	buf_c(&b, "");
	buf_printf(&b, "%s", "");
	assert_int_equal(buf_check(&b), 0);
	buf_printf(&b, "a");
	assert_int_equal(buf_check(&b), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_text),
		cmocka_unit_test(fits_exactly),
		cmocka_unit_test(keeps_nothing_of_what_does_not_fit_nor_after_it),
		cmocka_unit_test(length_of_hex_does_not_wrap),
		cmocka_unit_test(works_on_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
