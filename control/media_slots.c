/* Endpoint ids: one array of slots, and lists through it.
 *
 * For media_client.c, on the shard's thread. A freed id goes to the end of the free ones and a dying one is not free until the
 * dataplane has answered, so a late event never meets another call's endpoint. What has to be sent is a list of
 * slots and not of messages: an endpoint that changes twice before the socket takes it is sent once, and the queue
 * cannot grow past the number of endpoints, however long the dataplane is away. */
#include "media_slots.h"

#include <assert.h>
#include <stddef.h>

#include "base/mem.h"

#define LIST_EMPTY                                                                                 \
	(struct slot_list)                                                                         \
	{                                                                                          \
		.head = MEDIA_NONE, .tail = MEDIA_NONE                                             \
	}

enum { SLOTS_FIRST = 64 };

/* The link of a slot that a list runs through: member is its offset. */
static struct slot_link *link_of(struct media_slots *s, uint32_t id, size_t member)
{
	return (struct slot_link *)(void *)((char *)&s->slot[id] + member);
}

#define HELD offsetof(struct media_slot, held)
#define TODO offsetof(struct media_slot, todo)

static void list_append(struct media_slots *s, struct slot_list *l, uint32_t id, size_t member)
{
	*link_of(s, id, member) = (struct slot_link){.next = MEDIA_NONE, .prev = l->tail};
	if (l->tail == MEDIA_NONE)
		l->head = id;
	else
		link_of(s, l->tail, member)->next = id;
	l->tail = id;
}

static void list_prepend(struct media_slots *s, struct slot_list *l, uint32_t id, size_t member)
{
	*link_of(s, id, member) = (struct slot_link){.next = l->head, .prev = MEDIA_NONE};
	if (l->head == MEDIA_NONE)
		l->tail = id;
	else
		link_of(s, l->head, member)->prev = id;
	l->head = id;
}

static void list_remove(struct media_slots *s, struct slot_list *l, uint32_t id, size_t member)
{
	struct slot_link at = *link_of(s, id, member);

	if (at.prev == MEDIA_NONE)
		l->head = at.next;
	else
		link_of(s, at.prev, member)->next = at.next;
	if (at.next == MEDIA_NONE)
		l->tail = at.prev;
	else
		link_of(s, at.next, member)->prev = at.prev;
}

static struct slot_list *list_of_state(struct media_slots *s, uint8_t state)
{
	struct slot_list *lists[] = {
		[SLOT_FREE] = &s->free,      [SLOT_NEW] = NULL,        [SLOT_LIVE] = &s->live,
		[SLOT_ORPHAN] = &s->orphans, [SLOT_DYING] = &s->dying,
	};

	return lists[state];
}

static void slot_move(struct media_slots *s, uint32_t id, enum slot_state to)
{
	struct media_slot *slot = &s->slot[id];
	struct slot_list *from_list = list_of_state(s, slot->state);
	struct slot_list *to_list = list_of_state(s, (uint8_t)to);

	if (from_list)
		list_remove(s, from_list, id, HELD);
	s->used = s->used + (to != SLOT_FREE) - (slot->state != SLOT_FREE);
	slot->state = (uint8_t)to;
	if (to_list)
		list_append(s, to_list, id, HELD);
}

static void todo_add(struct media_slots *s, uint32_t id)
{
	if (s->slot[id].queued)
		return;
	s->slot[id].queued = true;
	list_append(s, &s->todo, id, TODO);
}

static void todo_drop(struct media_slots *s, uint32_t id)
{
	if (!s->slot[id].queued)
		return;
	s->slot[id].queued = false;
	list_remove(s, &s->todo, id, TODO);
}

void media_slots_init(struct media_slots *s)
{
	*s = (struct media_slots){
		.free = LIST_EMPTY,
		.live = LIST_EMPTY,
		.orphans = LIST_EMPTY,
		.dying = LIST_EMPTY,
		.todo = LIST_EMPTY,
	};
}

void media_slots_free(struct media_slots *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		mem_free(s->slot[i].spec);
	mem_free(s->slot);
	media_slots_init(s);
}

/* Makes ids below n exist; the new ones are free. */
static int slots_grow(struct media_slots *s, uint32_t n)
{
	uint32_t cap = s->cap ? s->cap : SLOTS_FIRST;
	struct media_slot *slot;

	if (n > s->cap) {
		while (cap < n)
			cap *= 2;
		slot = mem_realloc(s->slot, cap * sizeof(*slot));
		if (!slot)
			return ERR_NOMEM;
		s->slot = slot;
		s->cap = cap;
	}
	for (; s->n < n; s->n++) {
		s->slot[s->n] = (struct media_slot){.state = SLOT_FREE};
		list_append(s, &s->free, s->n, HELD);
	}
	return 0;
}

int media_slots_new(struct media_slots *s, uint32_t *id)
{
	int err = 0;

	if (s->free.head == MEDIA_NONE) {
		if (s->n >= MEDIA_ID_MAX)
			return ERR_FULL;
		err = slots_grow(s, s->n + 1);
	}
	if (err)
		return err;
	*id = s->free.head;
	slot_move(s, *id, SLOT_NEW);
	return 0;
}

struct media_slot *media_slots_get(const struct media_slots *s, uint32_t id)
{
	return id < s->n && s->slot[id].state != SLOT_FREE ? &s->slot[id] : NULL;
}

static struct media_spec *spec_copy(const struct media_spec *spec)
{
	struct media_spec *copy = mem_alloc(sizeof(*copy));

	if (copy)
		*copy = *spec;
	return copy;
}

int media_slots_set(struct media_slots *s, uint32_t id, const struct media_spec *spec)
{
	struct media_slot *slot = media_slots_get(s, id);

	assert(slot && (slot->state == SLOT_NEW || slot->state == SLOT_LIVE));
	if (slot->spec) {
		*slot->spec = *spec;
	} else {
		slot->spec = spec_copy(spec);
		if (!slot->spec)
			return ERR_NOMEM;
		slot_move(s, id, SLOT_LIVE);
	}
	todo_add(s, id);
	return 0;
}

int media_slots_adopt(struct media_slots *s, uint32_t id, const struct media_spec *spec)
{
	struct media_spec *copy;
	int err;

	assert(id < MEDIA_ID_MAX);
	if (media_slots_get(s, id))
		return ERR_INUSE;
	err = slots_grow(s, id < s->n ? s->n : id + 1);
	if (err)
		return err;
	copy = spec_copy(spec);
	if (!copy)
		return ERR_NOMEM;
	s->slot[id].spec = copy;
	slot_move(s, id, SLOT_ORPHAN);
	return 0;
}

void media_slots_kill(struct media_slots *s, uint32_t id)
{
	struct media_slot *slot = media_slots_get(s, id);

	assert(slot && (slot->state == SLOT_LIVE || slot->state == SLOT_ORPHAN));
	slot->orphan = slot->state == SLOT_ORPHAN;
	slot->reported = slot->orphan;
	slot_move(s, id, SLOT_DYING);
	todo_add(s, id);
}

void media_slots_release(struct media_slots *s, uint32_t id)
{
	assert(media_slots_get(s, id));
	todo_drop(s, id);
	slot_move(s, id, SLOT_FREE);
	mem_free(s->slot[id].spec);
	s->slot[id].spec = NULL;
	s->slot[id].orphan = false;
	s->slot[id].reported = false;
}

uint32_t media_slots_todo(struct media_slots *s)
{
	uint32_t id = s->todo.head;

	if (id != MEDIA_NONE)
		todo_drop(s, id);
	return id;
}

void media_slots_todo_again(struct media_slots *s, uint32_t id)
{
	assert(!s->slot[id].queued);
	s->slot[id].queued = true;
	list_prepend(s, &s->todo, id, TODO);
}

void media_slots_todo_all(struct media_slots *s)
{
	while (media_slots_todo(s) != MEDIA_NONE)
		;
	for (uint32_t id = s->dying.head; id != MEDIA_NONE; id = s->slot[id].held.next)
		todo_add(s, id);
	for (uint32_t id = s->live.head; id != MEDIA_NONE; id = s->slot[id].held.next)
		todo_add(s, id);
}
