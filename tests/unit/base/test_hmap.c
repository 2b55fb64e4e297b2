/* base/hmap: growth, removal during a walk, no memory to grow, and the hash (SipHash-1-3, with and without case). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/hmap.h"
#include "base/mem.h"

enum { N = 5000 };

static struct item {
	struct hmap_node node;
	uint32_t key;
	unsigned seen;
} items[N];

static bool item_eq(const struct hmap_node *n, const void *key)
{
	return container_of(n, const struct item, node)->key == *(const uint32_t *)key;
}

static struct item *find(const struct hmap *m, uint32_t key)
{
	struct hmap_node *n = hmap_find(m, hash_bytes(&key, sizeof(key)), item_eq, &key);

	return n ? container_of(n, struct item, node) : NULL;
}

static void fill(struct hmap *m, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		items[i] = (struct item){.key = i};
		hmap_insert(m, &items[i].node, hash_bytes(&i, sizeof(i)));
	}
}

static void grows_and_finds_everything(void **state)
{
	struct hmap m;

	(void)state;
	assert_int_equal(hmap_init(&m, 0), 0);
	assert_null(hmap_first(&m));
	assert_null(find(&m, 0));
	fill(&m, N);
	assert_int_equal(m.count, N);
	assert_true(m.n_bucket >= N && m.n_bucket < 4 * N);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(find(&m, i), &items[i]);
	assert_null(find(&m, N));
	for (uint32_t i = 0; i < N; i += 2)
		hmap_remove(&m, &items[i].node);
	assert_int_equal(m.count, N / 2);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(find(&m, i), i % 2 ? &items[i] : NULL);
	hmap_free(&m);
	assert_int_equal(mem_live(), 0);
	assert_null(find(&m, 1));
	assert_null(hmap_first(&m));
}

static void walk_meets_each_once_and_lets_it_be_removed(void **state)
{
	struct hmap_node *n, *tmp;
	struct hmap m;
	size_t met = 0;

	(void)state;
	assert_int_equal(hmap_init(&m, 1), 0);
	hmap_each_safe(&m, n, tmp) fail();
	fill(&m, 1000);
	hmap_each_safe(&m, n, tmp)
	{
		struct item *it = container_of(n, struct item, node);

		it->seen++;
		met++;
		if (it->key % 3 == 0) {
			hmap_remove(&m, n);
			memset(n, 0xee, sizeof(*n));
		}
	}
	assert_int_equal(met, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(items[i].seen, 1);
		assert_ptr_equal(find(&m, i), i % 3 ? &items[i] : NULL);
	}
	hmap_each_safe(&m, n, tmp) hmap_remove(&m, n);
	assert_int_equal(m.count, 0);
	assert_null(hmap_first(&m));
	hmap_free(&m);
}

static void works_on_when_it_cannot_grow(void **state)
{
	struct hmap m;

	(void)state;
	mem_fail_nth(1);
	assert_int_equal(hmap_init(&m, 4), ERR_NOMEM);
	assert_int_equal(hmap_init(&m, SIZE_MAX), ERR_NOMEM);
	assert_int_equal(hmap_init(&m, 4), 0);
	for (uint32_t i = 0; i < 100; i++) {
		items[i] = (struct item){.key = i};
		mem_fail_nth(1);
		hmap_insert(&m, &items[i].node, hash_bytes(&i, sizeof(i)));
	}
	mem_fail_nth(0);
	assert_int_equal(m.n_bucket, 8);
	for (uint32_t i = 0; i < 100; i++)
		assert_ptr_equal(find(&m, i), &items[i]);
	items[100] = (struct item){.key = 100};
	hmap_insert(&m, &items[100].node, hash_bytes(&items[100].key, sizeof(uint32_t)));
	assert_int_equal(m.n_bucket, 16);
	for (uint32_t i = 0; i <= 100; i++)
		assert_ptr_equal(find(&m, i), &items[i]);
	hmap_free(&m);
	assert_int_equal(mem_live(), 0);
}

static void equal_hashes_are_told_apart_by_key(void **state)
{
	struct hmap m;
	uint32_t key = 1;

	(void)state;
	assert_int_equal(hmap_init(&m, 8), 0);
	for (uint32_t i = 0; i < 3; i++) {
		items[i] = (struct item){.key = i};
		hmap_insert(&m, &items[i].node, 42);
	}
	assert_ptr_equal(hmap_find(&m, 42, item_eq, &key), &items[1].node);
	assert_null(hmap_find(&m, 42 + 8, item_eq, &key)); /* same bucket, another hash */
	hmap_remove(&m, &items[1].node);
	assert_null(hmap_find(&m, 42, item_eq, &key));
	hmap_free(&m);
}

static void hash_depends_on_every_byte_and_the_length(void **state)
{
	unsigned char text[40] = {0};

	(void)state;
	for (size_t len = 0; len <= sizeof(text); len++) {
		uint64_t h = hash_bytes(text, len);

		assert_true(h == hash_bytes(text, len));
		if (len)
			assert_true(h != hash_bytes(text, len - 1));
		for (size_t i = 0; i < len; i++) {
			text[i] = 1;
			assert_true(h != hash_bytes(text, len));
			text[i] = 0;
		}
	}
	assert_true(hash_bytes(NULL, 0) == hash_bytes("", 0));
}

static void hash_without_case_is_that_of_the_lowered_text(void **state)
{
	unsigned char text[256], lower[256];

	(void)state;
	for (size_t i = 0; i < 256; i++) {
		text[i] = (unsigned char)i;
		lower[i] = (unsigned char)(i >= 'A' && i <= 'Z' ? i + 32 : i);
	}
	for (size_t from = 0; from < 256; from++)
		for (size_t len = 0; len < 20 && from + len <= 256; len++)
			assert_true(hash_bytes_nocase(text + from, len) ==
				    hash_bytes(lower + from, len));
}

static void hash_spreads_over_buckets(void **state)
{
	unsigned load[256] = {0};

	(void)state;
	for (uint32_t i = 0; i < 256 * 64; i++)
		load[hash_bytes(&i, sizeof(i)) & 255]++;
	for (size_t i = 0; i < 256; i++)
		assert_true(load[i] > 10 && load[i] < 160); /* 64 on average, deviation 8 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_finds_everything),
		cmocka_unit_test(walk_meets_each_once_and_lets_it_be_removed),
		cmocka_unit_test(works_on_when_it_cannot_grow),
		cmocka_unit_test(equal_hashes_are_told_apart_by_key),
		cmocka_unit_test(hash_depends_on_every_byte_and_the_length),
		cmocka_unit_test(hash_without_case_is_that_of_the_lowered_text),
		cmocka_unit_test(hash_spreads_over_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
