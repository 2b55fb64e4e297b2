/* base/secret: from files and the environment, wiped and compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/secret.h"

static char path[64];

static void write_file(struct str s)
{
	int fd;

	str_copy(path, sizeof(path), STR("/tmp/rempart-secret-XXXXXX"));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, s.p, s.len), (ssize_t)s.len);
	close(fd);
}

static int from_file(struct secret *s, struct str content)
{
	int err;

	write_file(content);
	err = secret_from_file(s, path);
	unlink(path);
	return err;
}

static void is_set_replaced_and_wiped(void **state)
{
	struct secret s = {0};

	(void)state;
	assert_int_equal(secret_set(&s, STR("one")), 0);
	assert_string_equal(s.p, "one");
	mem_fail_nth(1);
	assert_int_equal(secret_set(&s, STR("two")), ERR_NOMEM);
	assert_string_equal(s.p, "one");
	assert_int_equal(secret_set(&s, str_n(s.p, s.len)), 0); /* by itself */
	assert_string_equal(s.p, "one");
	secret_wipe(&s);
	assert_null(s.p);
	assert_int_equal(s.len, 0);
	secret_wipe(&s);
	assert_int_equal(mem_live(), 0);
	mem_fail_nth(0);
}

static void takes_the_first_line_of_a_file(void **state)
{
	static const struct str good[] = {STR_INIT("pass word"), STR_INIT("pass word\n"),
					  STR_INIT("pass word\r\n"), STR_INIT("pass word\nmore\n")};
	struct secret s = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(from_file(&s, good[i]), 0);
		assert_string_equal(s.p, "pass word");
		assert_int_equal(s.len, 9);
	}
	secret_wipe(&s);
	assert_int_equal(mem_live(), 0);
}

static void refuses_bad_files(void **state)
{
	static char big[5000];
	struct secret s = {0};

	(void)state;
	assert_int_equal(from_file(&s, STR("")), ERR_SYNTAX);
	assert_int_equal(from_file(&s, STR("\nsecond")), ERR_SYNTAX);
	assert_int_equal(from_file(&s, STR("\r\n")), ERR_SYNTAX);
	assert_int_equal(from_file(&s, STR("a\0b\n")), ERR_SYNTAX);
	memset(big, 'x', sizeof(big));
	assert_int_equal(from_file(&s, str_n(big, 5000)), ERR_LIMIT);
	assert_int_equal(from_file(&s, str_n(big, 4097)), ERR_LIMIT);
	assert_null(s.p);
	assert_int_equal(from_file(&s, str_n(big, 4096)), 0);
	assert_int_equal(s.len, 4096);
	big[4096] = '\r';
	big[4097] = '\n';
	assert_int_equal(from_file(&s, str_n(big, 5000)), 0);
	assert_int_equal(s.len, 4096);
	assert_int_equal(secret_from_file(&s, "/nonexistent/file"), ERR_NOENT);
	assert_int_equal(secret_from_file(&s, "/tmp"), ERR_IO);
	assert_int_equal(s.len, 4096);
	secret_wipe(&s);
}

static void comes_from_the_environment(void **state)
{
	struct secret s = {0};

	(void)state;
	assert_int_equal(setenv("REMPART_TEST_SECRET", "abc", 1), 0);
	assert_int_equal(secret_from_env(&s, "REMPART_TEST_SECRET"), 0);
	assert_string_equal(s.p, "abc");
	assert_int_equal(setenv("REMPART_TEST_SECRET", "", 1), 0);
	assert_int_equal(secret_from_env(&s, "REMPART_TEST_SECRET"), ERR_NOENT);
	unsetenv("REMPART_TEST_SECRET");
	assert_int_equal(secret_from_env(&s, "REMPART_TEST_SECRET"), ERR_NOENT);
	secret_wipe(&s);
}

static void compares(void **state)
{
	struct secret s = {0};

	(void)state;
	assert_false(secret_eq(&s, STR("")));
	assert_int_equal(secret_set(&s, STR("abc\0d")), 0);
	assert_true(secret_eq(&s, STR("abc\0d")));
	assert_false(secret_eq(&s, STR("abc\0e")));
	assert_false(secret_eq(&s, STR("bbc\0d")));
	assert_false(secret_eq(&s, STR("abc")));
	assert_int_equal(secret_set(&s, STR("")), 0);
	assert_true(secret_eq(&s, STR("")));
	secret_wipe(&s);
}

static void zeroes(void **state)
{
	char key[4] = {1, 2, 3, 4};

	(void)state;
	secret_zero(key, 3);
	assert_memory_equal(key, "\0\0\0\4", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_set_replaced_and_wiped),
		cmocka_unit_test(takes_the_first_line_of_a_file),
		cmocka_unit_test(refuses_bad_files),
		cmocka_unit_test(comes_from_the_environment),
		cmocka_unit_test(compares),
		cmocka_unit_test(zeroes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
