/* Arena: memory that dies together. Chunks from mem_alloc(), a hard cap, no single frees. One thread. */
#ifndef REMPART_ARENA_H
#define REMPART_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *head; /* newest */
	size_t used_bytes;        /* handed out, with alignment */
	size_t held_bytes;        /* taken from mem_alloc() */
	size_t cap_bytes;         /* held_bytes never goes over it */
	size_t chunk_bytes;       /* first chunk; later ones double up to 16 times it */
};

/* Allocates nothing yet. cap_bytes >= chunk_bytes. */
void arena_init(struct arena *a, size_t chunk_bytes, size_t cap_bytes);
/* Zeroed, aligned to 16; NULL when over the cap or out of memory. */
void *arena_alloc(struct arena *a, size_t len_bytes);
/* Copy of a view with a NUL behind it (not counted in len); .p is NULL on failure. */
struct str arena_str(struct arena *a, struct str s);
/* Forgets everything, keeps the oldest chunk for reuse. */
void arena_reset(struct arena *a);
/* Gives everything back; the arena can be used again as after arena_init(). */
void arena_free(struct arena *a);

#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (size_t)(n)))

#endif
