/* The allocator of everything outside the dataplane's mempools. One place, so that a test can make the
 * Nth allocation fail and replay a whole scenario for every N. */
#ifndef REMPART_MEM_H
#define REMPART_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, or NULL. Any thread. Free with mem_free(). */
void *mem_alloc(size_t len_bytes);
/* Like realloc(); new bytes are not zeroed; on NULL the old block is still there. */
void *mem_realloc(void *p, size_t len_bytes);
void mem_free(void *p);
/* NUL-terminated copy of s, or NULL. */
char *mem_strdup(const char *s);

/* Test hook: the n-th allocation from now (1 = the next one) fails, once; 0 switches it off.
 * Returns how many allocations had been made since the last call. This thread only. */
uint64_t mem_fail_nth(uint64_t n);
/* Test hook: blocks allocated and not freed, this thread's balance. */
int64_t mem_live(void);

#endif
