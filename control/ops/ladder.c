/* The ladder of one call: its first entries, which tell how it began, and the newest, which tell how it ended.
 *
 * Written by the call layer, read by the admin API, on the shard's thread. See ladder.h for which entries are kept. */
#include "ops/ladder.h"

#include <stdio.h>

enum { LADDER_FIRST = 24 };

void ladder_add(struct ladder *l, uint64_t wall_ms, uint8_t leg, bool out, struct str text,
		bool sdp)
{
	uint32_t at = l->n < LADDER_MAX
			      ? l->n
			      : LADDER_FIRST + (l->n - LADDER_FIRST) % (LADDER_MAX - LADDER_FIRST);
	struct ladder_entry *e = &l->entry[at];
	size_t len;

	*e = (struct ladder_entry){.wall_ms = wall_ms, .leg = leg, .out = out};
	str_copy(e->text, sizeof e->text - (sdp ? 4 : 0), text);
	len = strlen(e->text);
	if (sdp)
		str_copy(e->text + len, sizeof e->text - len, STR("+sdp"));
	l->n++;
}

const struct ladder_entry *ladder_at(const struct ladder *l, uint32_t i)
{
	uint32_t kept = l->n < LADDER_MAX ? l->n : LADDER_MAX;

	if (i >= kept)
		return NULL;
	if (l->n <= LADDER_MAX || i < LADDER_FIRST)
		return &l->entry[i];
	return &l->entry[LADDER_FIRST +
			 (l->n - LADDER_FIRST + i - LADDER_FIRST) % (LADDER_MAX - LADDER_FIRST)];
}
