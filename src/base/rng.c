/* Random numbers: the kernel's, fetched 512 bytes at a time.
 *
 * For tags, branches, ports, keys and hash seeds, on any thread: each has its own buffer, so there is no
 * lock. Bytes are wiped from the buffer as they are handed out, and a forked child throws away what it
 * inherited, so that no two processes share a key. RFC 4086 is why there is no generator of our own. */
#include "base/rng.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static _Thread_local struct {
	unsigned char byte[512];
	size_t left; /* at the end of byte[] */
} rng_pool;

static pthread_once_t rng_once = PTHREAD_ONCE_INIT;

static void rng_forget(void)
{
	explicit_bzero(&rng_pool, sizeof(rng_pool));
}

static void rng_watch_fork(void)
{
	if (pthread_atfork(NULL, NULL, rng_forget))
		abort();
}

static void rng_kernel(unsigned char *out, size_t len)
{
	while (len) {
		ssize_t n = getrandom(out, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		out += n;
		len -= (size_t)n;
	}
}

void rng_bytes(void *out, size_t len_bytes)
{
	unsigned char *at;

	if (len_bytes == 0)
		return;
	if (len_bytes > sizeof(rng_pool.byte)) {
		rng_kernel(out, len_bytes);
		return;
	}
	pthread_once(&rng_once, rng_watch_fork);
	if (rng_pool.left < len_bytes) {
		rng_kernel(rng_pool.byte, sizeof(rng_pool.byte));
		rng_pool.left = sizeof(rng_pool.byte);
	}
	at = rng_pool.byte + sizeof(rng_pool.byte) - rng_pool.left;
	memcpy(out, at, len_bytes);
	explicit_bzero(at, len_bytes);
	rng_pool.left -= len_bytes;
}

uint32_t rng_u32(void)
{
	uint32_t v;

	rng_bytes(&v, sizeof(v));
	return v;
}

uint64_t rng_u64(void)
{
	uint64_t v;

	rng_bytes(&v, sizeof(v));
	return v;
}

uint32_t rng_below(uint32_t n)
{
	uint32_t first;
	uint32_t v;

	assert(n > 0);
	first = -n % n; /* 2^32 mod n: values below it would make small results likelier */
	do
		v = rng_u32();
	while (v < first);
	return v % n;
}

void rng_token(char *out, size_t len)
{
	static const char digit[] = "abcdefghijklmnopqrstuvwxyz234567";

	rng_bytes(out, len);
	for (size_t i = 0; i < len; i++)
		out[i] = digit[(unsigned char)out[i] & 31];
}
