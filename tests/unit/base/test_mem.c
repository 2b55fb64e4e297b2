/* base/mem: the counters and the fault that tests inject. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "base/mem.h"

static void gives_zeroed_memory_even_of_no_length(void **state)
{
	unsigned char *p = mem_alloc(100);
	void *none = mem_alloc(0);

	(void)state;
	assert_non_null(none);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	mem_free(p);
	mem_free(none);
	mem_free(NULL);
	assert_int_equal(mem_live(), 0);
}

static void fails_the_nth_and_only_it(void **state)
{
	void *p[4];

	(void)state;
	mem_fail_nth(3);
	p[0] = mem_alloc(1);
	p[1] = mem_realloc(NULL, 1);
	p[2] = mem_alloc(1);
	p[3] = mem_strdup("x");
	assert_non_null(p[0]);
	assert_non_null(p[1]);
	assert_null(p[2]);
	assert_non_null(p[3]);
	assert_int_equal(mem_live(), 3);
	assert_int_equal(mem_fail_nth(0), 4);
	assert_int_equal(mem_fail_nth(0), 0);
	mem_free(p[0]);
	mem_free(p[1]);
	mem_free(p[3]);
	assert_int_equal(mem_live(), 0);
}

static void zero_switches_the_fault_off(void **state)
{
	void *p;

	(void)state;
	mem_fail_nth(1);
	mem_fail_nth(0);
	p = mem_alloc(1);
	assert_non_null(p);
	mem_free(p);
}

static void failed_realloc_keeps_the_block(void **state)
{
	char *p = mem_strdup("abc");
	char *q;

	(void)state;
	mem_fail_nth(1);
	assert_null(mem_realloc(p, 1000));
	assert_string_equal(p, "abc");
	assert_int_equal(mem_live(), 1);
	q = mem_realloc(p, 1000);
	assert_string_equal(q, "abc");
	assert_int_equal(mem_live(), 1);
	mem_free(q);
	assert_int_equal(mem_live(), 0);
	mem_fail_nth(0);
}

static void *other_thread(void *arg)
{
	*(void **)arg = mem_alloc(1);
	return (void *)(intptr_t)mem_live();
}

static void each_thread_counts_for_itself(void **state)
{
	pthread_t thread;
	void *live, *block = NULL;

	(void)state;
	mem_fail_nth(1);
	assert_int_equal(pthread_create(&thread, NULL, other_thread, &block), 0);
	pthread_join(thread, &live);
	assert_non_null(block);
	assert_int_equal((intptr_t)live, 1);
	assert_int_equal(mem_live(), 0);
	assert_null(mem_alloc(1));
	assert_int_equal(mem_fail_nth(0), 1);
	mem_free(block);
	assert_int_equal(mem_live(), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_memory_even_of_no_length),
		cmocka_unit_test(fails_the_nth_and_only_it),
		cmocka_unit_test(zero_switches_the_fault_off),
		cmocka_unit_test(failed_realloc_keeps_the_block),
		cmocka_unit_test(each_thread_counts_for_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
