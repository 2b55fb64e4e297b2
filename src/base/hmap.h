/* Intrusive hash map: nodes live in the user's structs. Chained, doubles at load 1, SipHash-1-3 with a random key
 * so that peers cannot choose collisions. One thread. */
#ifndef REMPART_HMAP_H
#define REMPART_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct hmap_node {
	struct hmap_node *next;
	uint64_t hash;
};

struct hmap {
	struct hmap_node **bucket;
	size_t n_bucket; /* power of two */
	size_t count;
};

typedef bool (*hmap_eq_fn)(const struct hmap_node *n, const void *key);

int hmap_init(struct hmap *m, size_t buckets_hint) MUST_CHECK;
/* Frees the table only; the nodes are the user's. */
void hmap_free(struct hmap *m);
/* First node with this hash for which eq says yes, or NULL. */
struct hmap_node *hmap_find(const struct hmap *m, uint64_t hash, hmap_eq_fn eq, const void *key);
/* Never fails: if the table cannot grow, chains get longer. Does not look for a twin. */
void hmap_insert(struct hmap *m, struct hmap_node *n, uint64_t hash);
/* The node must be in the map. */
void hmap_remove(struct hmap *m, struct hmap_node *n);
/* Walk in no order. A node may be removed during a walk only through hmap_each_safe(). */
struct hmap_node *hmap_first(const struct hmap *m);
struct hmap_node *hmap_next(const struct hmap *m, const struct hmap_node *n);

/* Keyed hash; the key is chosen at first use, per process. */
uint64_t hash_bytes(const void *p, size_t len_bytes);
/* ASCII-lowercased input. */
uint64_t hash_bytes_nocase(const void *p, size_t len_bytes);
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b + 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2));

	x ^= x >> 32;
	return x * 0xd6e8feb86659fd93ULL;
}

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
/* n: loop variable of struct hmap_node *; tmp: a second one, so that n may be removed and freed. */
#define hmap_each_safe(m, n, tmp)                                                                  \
	for ((n) = hmap_first(m); (n) && ((tmp) = hmap_next((m), (n)), 1); (n) = (tmp))

#endif
