/* base/rng: ranges, alphabets, and that no two draws, threads or processes share bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"

static void below_is_uniform_enough(void **state)
{
	unsigned seen[10] = {0};

	(void)state;
	for (int i = 0; i < 10000; i++)
		seen[rng_below(10)]++;
	for (int i = 0; i < 10; i++)
		assert_true(seen[i] > 800 && seen[i] < 1200); /* 1000, deviation 30 */
	for (int i = 0; i < 100; i++)
		assert_int_equal(rng_below(1), 0);
	for (int i = 0; i < 100; i++)
		assert_true(rng_below(UINT32_MAX) < UINT32_MAX);
}

static void token_has_its_alphabet_and_length(void **state)
{
	char out[601];
	bool seen[256] = {0};
	size_t kinds = 0;

	(void)state;
	memset(out, '#', sizeof(out));
	rng_token(out, 0);
	assert_int_equal(out[0], '#');
	rng_token(out, 600);
	assert_int_equal(out[600], '#');
	out[600] = '\0';
	assert_int_equal(strspn(out, "abcdefghijklmnopqrstuvwxyz234567"), 600);
	for (size_t i = 0; i < 600; i++) {
		kinds += !seen[(unsigned char)out[i]];
		seen[(unsigned char)out[i]] = true;
	}
	assert_true(kinds > 25);
}

static void draws_do_not_repeat(void **state)
{
	uint64_t v[1000];

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		v[i] = i % 2 ? rng_u64() : (uint64_t)rng_u32() << 32 | rng_u32();
	for (size_t i = 0; i < 1000; i++)
		for (size_t j = i + 1; j < 1000; j++)
			assert_true(v[i] != v[j]);
}

static void every_length_is_filled(void **state)
{
	unsigned char a[1100], any[1100];

	(void)state;
	for (size_t len = 0; len <= 1099; len += len < 20 ? 1 : 49) {
		memset(any, 0, sizeof(any));
		for (int round = 0; round < 8; round++) {
			memset(a, 0, sizeof(a));
			rng_bytes(a, len);
			assert_int_equal(a[len], 0);
			for (size_t i = 0; i < len; i++)
				any[i] |= a[i];
		}
		for (size_t i = 0; i < len; i++)
			assert_int_not_equal(any[i], 0);
	}
}

static void forked_child_draws_its_own(void **state)
{
	uint64_t mine, its = 0;
	int ends[2];
	pid_t pid;

	(void)state;
	rng_u32(); /* fills the buffer that the child inherits */
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		mine = rng_u64();
		_exit(write(ends[1], &mine, sizeof(mine)) != sizeof(mine));
	}
	mine = rng_u64();
	assert_int_equal(read(ends[0], &its, sizeof(its)), sizeof(its));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(mine != its);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(below_is_uniform_enough),
		cmocka_unit_test(token_has_its_alphabet_and_length),
		cmocka_unit_test(draws_do_not_repeat),
		cmocka_unit_test(every_length_is_filled),
		cmocka_unit_test(forked_child_draws_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
