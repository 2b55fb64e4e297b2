/* Arena: a list of chunks, newest first; an allocation moves the newest chunk's mark.
 *
 * For calls and for single events, one thread each. The cap is the defence: what one peer can make a
 * call hold is bounded, whatever it sends. Memory is zero when it is handed out: chunks come zeroed from
 * mem_alloc(), and a reset clears what was used of the chunk that it keeps. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

enum { ARENA_ALIGN = 16, ARENA_GROWTH = 16 };

struct arena_chunk {
	_Alignas(ARENA_ALIGN) struct arena_chunk *older;
	size_t size, used; /* bytes behind this header */
};

static char *arena_mem(struct arena_chunk *c)
{
	return (char *)(c + 1);
}

void arena_init(struct arena *a, size_t chunk_bytes, size_t cap_bytes)
{
	assert(cap_bytes >= chunk_bytes && chunk_bytes > sizeof(struct arena_chunk));
	*a = (struct arena){.cap_bytes = cap_bytes, .chunk_bytes = chunk_bytes};
}

/* A new head with room for len (aligned), or false. Near the cap it gets what is left. */
static bool arena_grow(struct arena *a, size_t len)
{
	size_t room = a->cap_bytes - a->held_bytes;
	size_t most = a->chunk_bytes * ARENA_GROWTH;
	size_t held = a->chunk_bytes;
	struct arena_chunk *c;

	if (room < sizeof(*c) || len > room - sizeof(*c))
		return false;
	if (a->head)
		held = (a->head->size + sizeof(*c)) * 2;
	if (held > most)
		held = most;
	if (held < len + sizeof(*c))
		held = len + sizeof(*c);
	if (held > room)
		held = room;
	c = mem_alloc(held);
	if (!c)
		return false;
	c->older = a->head;
	c->size = held - sizeof(*c);
	a->head = c;
	a->held_bytes += held;
	return true;
}

void *arena_alloc(struct arena *a, size_t len_bytes)
{
	struct arena_chunk *c;
	size_t len;
	void *p;

	if (len_bytes > SIZE_MAX - ARENA_ALIGN)
		return NULL;
	len = (len_bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (len == 0)
		len = ARENA_ALIGN;
	if ((!a->head || len > a->head->size - a->head->used) && !arena_grow(a, len))
		return NULL;
	c = a->head;
	p = arena_mem(c) + c->used;
	c->used += len;
	a->used_bytes += len;
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;

	if (!p)
		return (struct str){0};
	if (s.len)
		memcpy(p, s.p, s.len);
	return str_n(p, s.len);
}

/* Frees every chunk that has an older one, or all. */
static void arena_drop(struct arena *a, bool all)
{
	while (a->head && (all || a->head->older)) {
		struct arena_chunk *c = a->head;

		a->head = c->older;
		a->held_bytes -= c->size + sizeof(*c);
		mem_free(c);
	}
	a->used_bytes = 0;
}

void arena_reset(struct arena *a)
{
	arena_drop(a, false);
	if (!a->head)
		return;
	memset(arena_mem(a->head), 0, a->head->used);
	a->head->used = 0;
}

void arena_free(struct arena *a)
{
	arena_drop(a, true);
}
