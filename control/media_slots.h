/* Endpoint ids of one control: which are free, which endpoint each one names, and what has still to be said to the dataplane
 * about it. Used by media_client.c only. One thread. */
#ifndef REMPART_MEDIA_SLOTS_H
#define REMPART_MEDIA_SLOTS_H

#include <stdbool.h>

#include "media/media_msg.h"

enum slot_state {
	SLOT_FREE,
	SLOT_NEW,    /* given out, never set */
	SLOT_LIVE,   /* set: the dataplane has it or will */
	SLOT_ORPHAN, /* of an older epoch; found in the dataplane, waits for the sweep */
	SLOT_DYING,  /* to be deleted, or being deleted; free when the dataplane answered */
};

/* What has to be sent: the list of slots in the order in which they came to be out of date, one entry each. */
struct slot_list {
	uint32_t head, tail; /* MEDIA_NONE: empty */
};
struct slot_link {
	uint32_t next, prev;
};

struct media_slot {
	struct media_spec *spec; /* LIVE, ORPHAN, DYING */
	struct slot_link held;   /* in `free`, `live`, `orphans` or `dying` */
	struct slot_link todo;   /* in `todo` while queued */
	uint8_t state;
	uint16_t
		ports; /* ORPHAN, and DYING that was one: table whose port it holds, or SLOT_NO_PORTS */
	bool queued;
	bool orphan;   /* DYING: was one, nobody wants its statistics */
	bool reported; /* DYING: final_stat() has come */
};

struct media_slots {
	struct media_slot *slot;
	uint32_t n, cap; /* ids below n exist */
	uint32_t used;   /* not SLOT_FREE */
	struct slot_list free, live, orphans, dying;
	struct slot_list todo; /* SET for the live, DEL for the dying */
};

void media_slots_init(struct media_slots *s);
void media_slots_free(struct media_slots *s);
/* The id longest free, or a fresh one; state SLOT_NEW. ERR_FULL, ERR_NOMEM. */
int media_slots_new(struct media_slots *s, uint32_t *id) MUST_CHECK;
/* NULL for an id that is free or never was. */
struct media_slot *media_slots_get(const struct media_slots *s, uint32_t id);
/* NEW or LIVE: remembers the spec and queues a SET. ERR_NOMEM: as before. */
int media_slots_set(struct media_slots *s, uint32_t id, const struct media_spec *spec) MUST_CHECK;
/* Marks a free id as an orphan's. ERR_INUSE, ERR_NOMEM. */
int media_slots_adopt(struct media_slots *s, uint32_t id, const struct media_spec *spec) MUST_CHECK;
/* LIVE or ORPHAN: becomes DYING and queues a DEL. */
void media_slots_kill(struct media_slots *s, uint32_t id);
/* Any: becomes free, at the end of the free ids. */
void media_slots_release(struct media_slots *s, uint32_t id);
/* Takes the next id off `todo`; MEDIA_NONE at the end. */
uint32_t media_slots_todo(struct media_slots *s);
/* Puts it back at the front: it could not be sent. */
void media_slots_todo_again(struct media_slots *s, uint32_t id);
/* Everything is to be said anew: the dying first, so that their ports are free, then the live in the order in which they were set. */
void media_slots_todo_all(struct media_slots *s);

#endif
