/* Timer wheel: 4 levels of 256 slots, of 1 ms, 256 ms, 65 s and 4.7 h.
 *
 * For every timer of a shard (RFC 3261 section 17, session and registration timers), on its thread.
 * A timer stands at the level of the highest byte in which its time differs from the wheel's, in the
 * slot that this byte names. So all slots in use are ahead of the wheel's own, the lowest level in use
 * holds what comes next, and whole stretches without timers are skipped. When the wheel reaches a slot
 * of a higher level its timers are placed again, lower. Past 2^32 ms they wait in one list. Lists are
 * pushed at the head and turned round when taken, so that equal times fire in the order of starting. */
#include "base/timer.h"

#include <assert.h>
#include <string.h>

enum { TIMER_LEVELS = 4, TIMER_SLOTS = 256, TIMER_FAR = TIMER_LEVELS };

/* Where the next timers wait: a slot, or the far list. */
struct timer_place {
	uint64_t at_ms; /* when the wheel has to be there; no timer fires before */
	unsigned level, slot;
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ms)
{
	memset(w, 0, sizeof(*w));
	w->now_ms = now_ms;
}

static void timer_push(struct timer **head, struct timer *t)
{
	t->next = *head;
	t->pprev = head;
	if (t->next)
		t->next->pprev = &t->next;
	*head = t;
}

static void timer_unlink(struct timer *t)
{
	*t->pprev = t->next;
	if (t->next)
		t->next->pprev = t->pprev;
	t->next = NULL;
	t->pprev = NULL;
}

/* Moves a list to *out, oldest first. */
static void timer_take(struct timer **list, struct timer **out)
{
	*out = NULL;
	while (*list) {
		struct timer *t = *list;

		timer_unlink(t);
		timer_push(out, t);
	}
}

static void timer_mark(struct timer_wheel *w, unsigned level, unsigned slot, bool used)
{
	uint64_t bit = 1ULL << (slot % 64);

	if (used)
		w->used[level][slot / 64] |= bit;
	else
		w->used[level][slot / 64] &= ~bit;
}

/* t->at_ms is the wheel's time or later. */
static void timer_place(struct timer_wheel *w, struct timer *t)
{
	uint64_t differ = t->at_ms ^ w->now_ms;
	unsigned level = differ ? (63 - (unsigned)__builtin_clzll(differ)) / 8 : 0;
	unsigned slot;

	if (level >= TIMER_LEVELS) {
		timer_push(&w->far, t);
		return;
	}
	slot = (unsigned)(t->at_ms >> (8 * level)) & (TIMER_SLOTS - 1);
	timer_push(&w->slot[level][slot], t);
	timer_mark(w, level, slot, true);
}

void timer_start(struct timer_wheel *w, struct timer *t, uint64_t at_ms)
{
	assert(t->fn);
	timer_stop(w, t);
	t->at_ms = at_ms;
	w->count++;
	if (at_ms <= w->now_ms)
		timer_push(&w->past, t);
	else
		timer_place(w, t);
}

void timer_stop(struct timer_wheel *w, struct timer *t)
{
	struct timer **was = t->pprev;
	uintptr_t offset = (uintptr_t)was - (uintptr_t)w->slot;

	if (!was)
		return;
	timer_unlink(t);
	w->count--;
	if (offset < sizeof(w->slot) && !*was) {
		unsigned i = (unsigned)(offset / sizeof(*was));

		timer_mark(w, i / TIMER_SLOTS, i % TIMER_SLOTS, false);
	}
}

/* Lowest slot in use of a level, or -1. All are ahead of the wheel's own. */
static int timer_first_slot(const struct timer_wheel *w, unsigned level)
{
	for (unsigned i = 0; i < TIMER_SLOTS / 64; i++)
		if (w->used[level][i])
			return (int)(i * 64) + __builtin_ctzll(w->used[level][i]);
	return -1;
}

/* False when no timer waits (those in past aside). */
static bool timer_next_place(const struct timer_wheel *w, struct timer_place *out)
{
	uint64_t first = UINT64_MAX;

	for (unsigned level = 0; level < TIMER_LEVELS; level++) {
		int slot = timer_first_slot(w, level);
		unsigned shift = 8 * level;

		if (slot < 0)
			continue;
		out->at_ms = (w->now_ms >> shift & ~(uint64_t)(TIMER_SLOTS - 1)) | (uint64_t)slot;
		out->at_ms <<= shift;
		out->level = level;
		out->slot = (unsigned)slot;
		return true;
	}
	if (!w->far)
		return false;
	for (const struct timer *t = w->far; t; t = t->next)
		if (t->at_ms < first)
			first = t->at_ms;
	*out = (struct timer_place){.at_ms = first >> 32 << 32, .level = TIMER_FAR};
	return true;
}

static void timer_fire(struct timer_wheel *w, struct timer **list, uint64_t now_ms)
{
	struct timer *due;

	timer_take(list, &due);
	while (due) {
		struct timer *t = due;

		timer_stop(w, t);
		t->fn(t, now_ms);
	}
}

/* The wheel has come to a place: what waits there goes lower, and what is due now to the slot of now. */
static void timer_cascade(struct timer_wheel *w, const struct timer_place *at)
{
	bool far = at->level == TIMER_FAR;
	struct timer *list;

	timer_take(far ? &w->far : &w->slot[at->level][at->slot], &list);
	if (!far)
		timer_mark(w, at->level, at->slot, false);
	while (list) {
		struct timer *t = list;

		timer_unlink(t);
		timer_place(w, t);
	}
}

void timer_wheel_advance(struct timer_wheel *w, uint64_t now_ms)
{
	struct timer_place at;

	timer_fire(w, &w->past, now_ms);
	while (timer_next_place(w, &at) && at.at_ms <= now_ms) {
		unsigned slot = (unsigned)at.at_ms & (TIMER_SLOTS - 1);

		w->now_ms = at.at_ms;
		if (at.level > 0)
			timer_cascade(w, &at);
		timer_mark(w, 0, slot, false);
		timer_fire(w, &w->slot[0][slot], now_ms);
	}
	if (now_ms > w->now_ms)
		w->now_ms = now_ms;
}

uint64_t timer_wheel_next(const struct timer_wheel *w, uint64_t now_ms)
{
	struct timer_place at;

	if (w->past)
		return 0;
	if (!timer_next_place(w, &at))
		return UINT64_MAX;
	return at.at_ms > now_ms ? at.at_ms - now_ms : 0;
}
