/* Hash map: buckets of chained nodes, and the keyed hash for what peers send.
 *
 * For the tables of calls, transactions and registrations, one thread each. The hash is SipHash-1-3
 * (Aumasson and Bernstein, 2012) with a key of this process: a peer who picks Call-IDs cannot pick
 * buckets. Growing doubles the table in one go; when there is no memory for that the map goes on with
 * longer chains and tries again at the next insertion. */
#include "base/hmap.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { HMAP_BUCKETS_MIN = 8 };

static struct hmap_node **hmap_bucket(const struct hmap *m, uint64_t hash)
{
	return &m->bucket[hash & (m->n_bucket - 1)];
}

int hmap_init(struct hmap *m, size_t buckets_hint)
{
	size_t n = HMAP_BUCKETS_MIN;
	struct hmap_node **bucket;

	if (buckets_hint > SIZE_MAX / sizeof(*bucket) / 2)
		return ERR_NOMEM;
	while (n < buckets_hint)
		n *= 2;
	bucket = mem_alloc(n * sizeof(*bucket));
	if (!bucket)
		return ERR_NOMEM;
	*m = (struct hmap){.bucket = bucket, .n_bucket = n};
	return 0;
}

void hmap_free(struct hmap *m)
{
	mem_free(m->bucket);
	*m = (struct hmap){0};
}

struct hmap_node *hmap_find(const struct hmap *m, uint64_t hash, hmap_eq_fn eq, const void *key)
{
	if (m->count == 0)
		return NULL;
	for (struct hmap_node *n = *hmap_bucket(m, hash); n; n = n->next)
		if (n->hash == hash && eq(n, key))
			return n;
	return NULL;
}

static void hmap_grow(struct hmap *m)
{
	struct hmap bigger = {.n_bucket = m->n_bucket * 2, .count = m->count};

	bigger.bucket = mem_alloc(bigger.n_bucket * sizeof(struct hmap_node *));
	if (!bigger.bucket)
		return;
	for (size_t i = 0; i < m->n_bucket; i++) {
		struct hmap_node *n = m->bucket[i];

		while (n) {
			struct hmap_node *next = n->next;
			struct hmap_node **at = hmap_bucket(&bigger, n->hash);

			n->next = *at;
			*at = n;
			n = next;
		}
	}
	mem_free(m->bucket);
	*m = bigger;
}

void hmap_insert(struct hmap *m, struct hmap_node *n, uint64_t hash)
{
	struct hmap_node **at;

	assert(m->bucket);
	if (m->count >= m->n_bucket)
		hmap_grow(m);
	at = hmap_bucket(m, hash);
	n->hash = hash;
	n->next = *at;
	*at = n;
	m->count++;
}

void hmap_remove(struct hmap *m, struct hmap_node *n)
{
	struct hmap_node **at = hmap_bucket(m, n->hash);

	while (*at != n) {
		assert(*at);
		at = &(*at)->next;
	}
	*at = n->next;
	n->next = NULL;
	m->count--;
}

static struct hmap_node *hmap_from_bucket(const struct hmap *m, size_t i)
{
	for (; i < m->n_bucket; i++)
		if (m->bucket[i])
			return m->bucket[i];
	return NULL;
}

struct hmap_node *hmap_first(const struct hmap *m)
{
	return m->count ? hmap_from_bucket(m, 0) : NULL;
}

struct hmap_node *hmap_next(const struct hmap *m, const struct hmap_node *n)
{
	if (n->next)
		return n->next;
	return hmap_from_bucket(m, (size_t)(n->hash & (m->n_bucket - 1)) + 1);
}

static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void hash_key_make(void)
{
	rng_bytes(hash_key, sizeof(hash_key));
}

static uint64_t hash_rotl(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void hash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = hash_rotl(v[1], 13) ^ v[0];
	v[0] = hash_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = hash_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = hash_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = hash_rotl(v[1], 17) ^ v[2];
	v[2] = hash_rotl(v[2], 32);
}

/* Lowercases the eight ASCII bytes of a word at once: bit 7 of ge and gt says >= 'A' and > 'Z'. */
static uint64_t hash_lower(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101U;
	uint64_t low = w & (0x7f * ones);
	uint64_t ge = low + (0x80 - 'A') * ones;
	uint64_t gt = low + (0x7f - 'Z') * ones;

	return w | ((ge ^ gt) & ~w & (0x80 * ones)) >> 2;
}

static inline uint64_t hash_sip13(const void *p, size_t len_bytes, bool nocase)
{
	const unsigned char *at = p;
	uint64_t last = (uint64_t)len_bytes << 56;
	uint64_t tail = 0;
	uint64_t v[4];

	pthread_once(&hash_key_once, hash_key_make);
	v[0] = hash_key[0] ^ 0x736f6d6570736575U;
	v[1] = hash_key[1] ^ 0x646f72616e646f6dU;
	v[2] = hash_key[0] ^ 0x6c7967656e657261U;
	v[3] = hash_key[1] ^ 0x7465646279746573U;
	for (; len_bytes >= 8; len_bytes -= 8, at += 8) {
		uint64_t w;

		memcpy(&w, at, sizeof(w));
		if (nocase)
			w = hash_lower(w);
		v[3] ^= w;
		hash_round(v);
		v[0] ^= w;
	}
	if (len_bytes)
		memcpy(&tail, at, len_bytes);
	last |= nocase ? hash_lower(tail) : tail;
	v[3] ^= last;
	hash_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		hash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_bytes(const void *p, size_t len_bytes)
{
	return hash_sip13(p, len_bytes, false);
}

uint64_t hash_bytes_nocase(const void *p, size_t len_bytes)
{
	return hash_sip13(p, len_bytes, true);
}
