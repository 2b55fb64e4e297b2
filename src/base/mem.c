/* The allocator: the C library's, with a counter in front.
 *
 * For everything outside the dataplane's mempools, on any thread. The counters exist so that a test can
 * run a scenario once, learn how many allocations it makes, and run it again with each of them failing;
 * they are per thread, so they cost no lock and tests do not see other threads' allocations. A block
 * that one thread allocates and another frees moves the balance of both. */
#include "base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct {
	uint64_t made;
	uint64_t fail_in; /* 0 = never */
	int64_t live;
} mem_count;

/* Counts one attempt; true when it is the one that has to fail. */
static bool mem_attempt(void)
{
	mem_count.made++;
	return mem_count.fail_in != 0 && --mem_count.fail_in == 0;
}

void *mem_alloc(size_t len_bytes)
{
	void *p;

	if (mem_attempt())
		return NULL;
	p = calloc(1, len_bytes ? len_bytes : 1);
	if (p)
		mem_count.live++;
	return p;
}

void *mem_realloc(void *p, size_t len_bytes)
{
	void *q;

	if (mem_attempt())
		return NULL;
	q = realloc(p, len_bytes ? len_bytes : 1);
	if (q && !p)
		mem_count.live++;
	return q;
}

void mem_free(void *p)
{
	if (!p)
		return;
	mem_count.live--;
	free(p);
}

char *mem_strdup(const char *s)
{
	size_t len = strlen(s);
	char *p = mem_alloc(len + 1);

	if (p)
		memcpy(p, s, len);
	return p;
}

uint64_t mem_fail_nth(uint64_t n)
{
	uint64_t made = mem_count.made;

	mem_count.made = 0;
	mem_count.fail_in = n;
	return made;
}

int64_t mem_live(void)
{
	return mem_count.live;
}
