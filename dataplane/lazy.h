/* Big tables that cost nothing until they are used: anonymous mappings, zero-filled, given memory by touch. */
#ifndef REMPART_LAZY_H
#define REMPART_LAZY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

/* NULL when the address space does not allow it. huge: let the kernel use huge pages where it can. */
static inline void *lazy_map(size_t len_bytes, bool huge)
{
	void *p = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (huge)
		(void)madvise(p, len_bytes, MADV_HUGEPAGE);
	return p;
}

static inline void lazy_unmap(void *p, size_t len_bytes)
{
	if (p)
		munmap(p, len_bytes);
}

#endif
