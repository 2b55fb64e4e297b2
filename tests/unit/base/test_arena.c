/* base/arena: alignment, zeroes after a reset, growth, the cap, failing allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"

static void is_zeroed_and_aligned(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 256, 65536);
	assert_int_equal(a.held_bytes, 0);
	for (size_t len = 0; len < 100; len++) {
		unsigned char *p = arena_alloc(&a, len);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xee, len);
	}
	arena_free(&a);
	assert_int_equal(mem_live(), 0);
	assert_int_equal(a.held_bytes, 0);
	assert_int_equal(a.used_bytes, 0);
	assert_non_null(arena_alloc(&a, 10));
	arena_free(&a);
}

static void reset_keeps_the_oldest_chunk_and_clears_it(void **state)
{
	struct arena a;
	unsigned char *first;

	(void)state;
	arena_init(&a, 256, 65536);
	first = arena_alloc(&a, 200);
	memset(first, 0xee, 200);
	assert_non_null(arena_alloc(&a, 5000));
	arena_reset(&a);
	assert_int_equal(mem_live(), 1);
	assert_int_equal(a.held_bytes, 256);
	assert_int_equal(a.used_bytes, 0);
	mem_fail_nth(1);
	assert_ptr_equal(arena_alloc(&a, 200), first);
	mem_fail_nth(0);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(first[i], 0);
	arena_free(&a);
	arena_reset(&a);
	assert_int_equal(mem_live(), 0);
}

static void never_holds_more_than_its_cap(void **state)
{
	struct arena a;
	size_t n = 0;

	(void)state;
	arena_init(&a, 256, 10000);
	assert_null(arena_alloc(&a, 10000));
	while (arena_alloc(&a, 48)) {
		n++;
		assert_true(a.held_bytes <= 10000);
		assert_int_equal(a.used_bytes, n * 48);
	}
	assert_true(n * 48 > 9000); /* and it uses what it has */
	assert_true(a.held_bytes > 9900);
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 5000));
	arena_free(&a);
	assert_int_equal(mem_live(), 0);
}

static void chunks_double_up_to_sixteen_times(void **state)
{
	struct arena a;
	size_t held = 0, largest = 0;

	(void)state;
	arena_init(&a, 256, 1 << 20);
	for (size_t i = 0; i < 2000; i++) {
		assert_non_null(arena_alloc(&a, 64));
		if (a.held_bytes - held > largest)
			largest = a.held_bytes - held;
		held = a.held_bytes;
	}
	assert_int_equal(largest, 4096);
	assert_non_null(arena_alloc(&a, 100000));
	assert_non_null(arena_alloc(&a, 4000));
	arena_free(&a);
	assert_int_equal(mem_live(), 0);
}

static void refuses_lengths_that_wrap(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 256, SIZE_MAX);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 15));
	assert_null(arena_alloc(&a, SIZE_MAX - 16));
	assert_null(arena_str(&a, str_n("x", SIZE_MAX)).p);
	arena_free(&a);
	assert_int_equal(mem_live(), 0);
}

static void copies_views(void **state)
{
	struct arena a;
	struct str s;

	(void)state;
	arena_init(&a, 256, 512);
	s = arena_str(&a, STR("a\0b"));
	assert_true(str_eq(s, STR("a\0b")));
	assert_int_equal(s.p[3], 0);
	s = arena_str(&a, (struct str){0});
	assert_non_null(s.p);
	assert_int_equal(s.len, 0);
	arena_free(&a);
}

static void failing_allocation_leaves_it_whole(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 256, 65536);
	mem_fail_nth(1);
	assert_null(arena_alloc(&a, 16));
	assert_non_null(arena_alloc(&a, 16));
	mem_fail_nth(1);
	assert_null(arena_str(&a, str_n((char[1000]){0}, 1000)).p);
	assert_int_equal(a.used_bytes, 16);
	arena_free(&a);
	assert_int_equal(mem_live(), 0);
	mem_fail_nth(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_zeroed_and_aligned),
		cmocka_unit_test(reset_keeps_the_oldest_chunk_and_clears_it),
		cmocka_unit_test(never_holds_more_than_its_cap),
		cmocka_unit_test(chunks_double_up_to_sixteen_times),
		cmocka_unit_test(refuses_lengths_that_wrap),
		cmocka_unit_test(copies_views),
		cmocka_unit_test(failing_allocation_leaves_it_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
