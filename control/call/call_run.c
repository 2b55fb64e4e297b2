/* The chain that an event goes through: leg's machine, call's machine, commit; then what came up meanwhile, until nothing is left.
 *
 * For the upcalls (call_rx.c, call_media.c, timers), on the shard's thread. An event that comes while the call handles another (a send that failed
 * at once) waits in the call's small queue. The call is freed here, and only here, once it is dead and nothing of it is on the stack. */
#include "call/call_plan.h"
#include "base/log.h"

void call_later(struct call *c, struct leg *l, enum leg_event event, uint16_t status)
{
	if (c->n_soon == CALL_SOON_MAX) {
		c->doomed = true;
		return;
	}
	c->soon[c->n_soon++] =
		(struct call_soon){.leg = l->index, .event = (uint8_t)event, .status = status};
}

bool call_over(const struct call *c)
{
	for (size_t i = 0; i < c->n_leg; i++)
		if (c->leg[i]->state != LEG_NEW && c->leg[i]->state != LEG_ENDED)
			return false;
	return true;
}

/* Nothing is left of it but BYEs without an answer. */
static bool call_parted(const struct call *c)
{
	for (size_t i = 0; i < c->n_leg; i++)
		if (c->leg[i]->state != LEG_NEW && c->leg[i]->state != LEG_LEAVING &&
		    c->leg[i]->state != LEG_ENDED)
			return false;
	return true;
}

size_t call_forks(const struct call *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_leg; i++)
		n += c->leg[i]->state == LEG_CALLING || c->leg[i]->state == LEG_EARLY;
	return n;
}

/* Legs that have ended wait for nothing. */
static void still(struct call *c)
{
	for (size_t i = 0; i < c->n_leg; i++)
		if (c->leg[i]->state == LEG_ENDED || !c->leg[i]->in_2xx)
			timer_stop(&c->shard->wheel, &c->leg[i]->resend);
}

static enum call_event for_echo(const struct call *c, const struct leg *l, enum call_event up)
{
	if (up == EV_INVITE && c->admission->route->to == CONF_TO_ECHO)
		return EV_INVITE_ECHO;
	return up == EV_REINVITE && l->echo ? EV_REINVITE_ECHO : up;
}

/* One event through both machines and out. l NULL: for the call itself. */
static void one(struct call *c, struct leg *l, enum leg_event event, struct call_ev *e)
{
	struct call_plan p;
	int up;

	p.n = 0;
	p.overflow = false;
	p.now_ms = e->now_ms;
	if (l) {
		e->leg = l;
		up = leg_step(l, event, e, &p);
		e->type = for_echo(c, l, (enum call_event)up);
	}
	if (e->type != EV_NONE)
		call_step(c, e, &p);
	call_commit(c, &p);
	c->doomed |= p.overflow;
	still(c);
}

static void run(struct call *c, struct leg *l, enum leg_event event, const struct call_ev *first)
{
	struct shard *s = c->shard;
	struct call_ev e = *first;
	bool dead;

	shard_enter(s);
	c->busy = true;
	one(c, l, event, &e);
	for (;;) {
		e = (struct call_ev){.now_ms = first->now_ms};
		if (c->n_soon) {
			struct call_soon next = c->soon[0];

			memmove(c->soon, c->soon + 1, --c->n_soon * sizeof c->soon[0]);
			e.status = next.status;
			one(c, c->leg[next.leg], (enum leg_event)next.event, &e);
		} else if (c->doomed) {
			c->doomed = false;
			e.type = EV_HANGUP;
			e.status = 500;
			one(c, NULL, 0, &e);
		} else {
			break;
		}
	}
	if (c->state == CALL_ENDING && (call_over(c) || (call_parted(c) && !c->parted))) {
		c->parted = true;
		e.type = EV_OVER;
		one(c, NULL, 0, &e);
	}
	c->busy = false;
	dead = c->state == CALL_DEAD;
	if (dead)
		call_destroy(c);
	shard_leave(s);
}

void call_event(struct call *c, const struct call_ev *e)
{
	if (c->busy) {
		c->doomed |= e->type == EV_HANGUP;
		return;
	}
	run(c, NULL, 0, e);
}

void call_leg_event(struct leg *l, enum leg_event event, const struct call_ev *e)
{
	if (l->call->busy)
		call_later(l->call, l, event, e->status);
	else
		run(l->call, l, event, e);
}
