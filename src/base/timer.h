/* Hierarchical timer wheel, 1 ms ticks, 4 levels of 256 slots; start and stop are O(1), a timer may be started again or
 * stopped from any callback, its own too. One thread. Time is an argument. */
#ifndef REMPART_TIMER_H
#define REMPART_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer;
/* now_ms is what timer_wheel_advance() was given; t->at_ms is when the timer was due. t does not run any more and
 * may be freed. Must not call timer_wheel_advance(). */
typedef void (*timer_fn)(struct timer *t, uint64_t now_ms);

struct timer {
	struct timer *next, **pprev; /* pprev is NULL when not running */
	uint64_t at_ms;
	timer_fn fn;
};

struct timer_wheel {
	uint64_t now_ms; /* everything due up to here has fired, but for those in past */
	struct timer *slot[4][256];
	uint64_t used[4][4]; /* one bit per slot that is not empty */
	struct timer *past;  /* started when they were due already */
	struct timer *far;   /* due in another block of 2^32 ms */
	uint64_t count;
};

void timer_wheel_init(struct timer_wheel *w, uint64_t now_ms);
/* (Re)starts t to fire at at_ms (at the next advance if that is past). t->fn must be set. */
void timer_start(struct timer_wheel *w, struct timer *t, uint64_t at_ms);
void timer_stop(struct timer_wheel *w, struct timer *t);
static inline bool timer_running(const struct timer *t)
{
	return t->pprev != NULL;
}
/* Fires everything due up to and at now_ms, in order of time and, within one ms, of starting; what was past when it was
 * started comes first. A timer that a callback starts for a time up to its own fires at the next call. A clock that
 * goes back is ignored. */
void timer_wheel_advance(struct timer_wheel *w, uint64_t now_ms);
/* Milliseconds from now_ms until the next timer can be due: a lower bound, at least 0; UINT64_MAX when none runs. */
uint64_t timer_wheel_next(const struct timer_wheel *w, uint64_t now_ms);

#endif
