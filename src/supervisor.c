/* Decisions of the parent program; supervisor.h tells the rules. Time is an argument and the world is behind struct
 * sup_ops, so that the tests play years of crashes in a millisecond. Main thread of rempartd. */
#include "supervisor.h"

#include <signal.h>

#include "base/log.h"

const struct sup_times sup_times_default = {
	.ready_ms = 20000,
	.pause_first_ms = 100,
	.pause_last_ms = 5000,
	.good_life_ms = 10000,
	.end_ms = 5000,
};

const char *sup_prog_name(enum sup_prog p)
{
	static const char *const name[SUP_PROGS] = {
		[SUP_DATAPLANE] = "rempart-dataplane",
		[SUP_CONTROL] = "rempart-control",
	};

	return name[p];
}

static bool is_running(const struct sup_child *c)
{
	return c->state == SUP_STARTING || c->state == SUP_UP || c->state == SUP_ENDING;
}

static void set_state(struct supervisor *s, enum sup_prog p, enum sup_state state, uint64_t due_ms)
{
	s->child[p].state = state;
	s->child[p].due_ms = due_ms;
}

/* Control first, the dataplane when control is gone. */
static void end_next(struct supervisor *s, uint64_t now_ms)
{
	enum sup_prog p = is_running(&s->child[SUP_CONTROL]) ? SUP_CONTROL : SUP_DATAPLANE;

	if (!is_running(&s->child[p]) || s->child[p].state == SUP_ENDING)
		return;
	s->ops->signal(s->ctx, p, SIGTERM);
	set_state(s, p, SUP_ENDING, now_ms + s->times.end_ms);
}

static void end_all(struct supervisor *s, uint64_t now_ms)
{
	s->stopping = true;
	s->ops->stopping(s->ctx);
	for (enum sup_prog p = 0; p < SUP_PROGS; p++)
		if (s->child[p].state == SUP_WAITING)
			set_state(s, p, SUP_OFF, SUP_NEVER);
	end_next(s, now_ms);
}

static void fail(struct supervisor *s, uint64_t now_ms)
{
	s->failed = true;
	end_all(s, now_ms);
}

static void pause_child(struct supervisor *s, enum sup_prog p, uint64_t now_ms)
{
	struct sup_child *c = &s->child[p];

	if (now_ms - c->started_ms >= s->times.good_life_ms)
		c->pause_ms = 0;
	c->pause_ms = c->pause_ms ? c->pause_ms * 2 : s->times.pause_first_ms;
	if (c->pause_ms > s->times.pause_last_ms)
		c->pause_ms = s->times.pause_last_ms;
	set_state(s, p, SUP_WAITING, now_ms + c->pause_ms);
	log_warn("supervisor", "restart", KV_C("program", sup_prog_name(p)),
		 KV_U("in_ms", c->pause_ms));
}

static void start_child(struct supervisor *s, enum sup_prog p, uint64_t now_ms)
{
	s->child[p].started_ms = now_ms;
	set_state(s, p, SUP_STARTING, now_ms + s->times.ready_ms);
	if (s->ops->start(s->ctx, p) == 0)
		return;
	set_state(s, p, SUP_OFF, SUP_NEVER);
	if (s->child[p].was_ready)
		pause_child(s, p, now_ms);
	else
		fail(s, now_ms);
}

void supervisor_begin(struct supervisor *s, const struct sup_times *times,
		      const struct sup_ops *ops, void *ctx, uint64_t now_ms)
{
	*s = (struct supervisor){.times = *times, .ops = ops, .ctx = ctx};
	for (enum sup_prog p = 0; p < SUP_PROGS; p++)
		set_state(s, p, SUP_OFF, SUP_NEVER);
	start_child(s, SUP_DATAPLANE, now_ms);
}

void supervisor_ready(struct supervisor *s, enum sup_prog p, uint64_t now_ms)
{
	struct sup_child *c = &s->child[p];
	bool first = !c->was_ready;

	if (c->state != SUP_STARTING)
		return;
	log_info("supervisor", "ready", KV_C("program", sup_prog_name(p)),
		 KV_U("after_ms", now_ms - c->started_ms));
	c->was_ready = true;
	set_state(s, p, SUP_UP, SUP_NEVER);
	if (first && p == SUP_DATAPLANE)
		start_child(s, SUP_CONTROL, now_ms);
	else if (first)
		s->ops->all_ready(s->ctx);
}

void supervisor_exited(struct supervisor *s, enum sup_prog p, uint64_t now_ms)
{
	if (!is_running(&s->child[p]))
		return;
	set_state(s, p, SUP_OFF, SUP_NEVER);
	if (s->stopping) {
		end_next(s, now_ms);
		return;
	}
	if (s->child[p].was_ready) {
		pause_child(s, p, now_ms);
		return;
	}
	log_error("supervisor", "first-start-failed", KV_C("program", sup_prog_name(p)));
	fail(s, now_ms);
}

void supervisor_stop(struct supervisor *s, uint64_t now_ms)
{
	if (!s->stopping) {
		end_all(s, now_ms);
		return;
	}
	for (enum sup_prog p = 0; p < SUP_PROGS; p++) {
		if (!is_running(&s->child[p]))
			continue;
		s->ops->signal(s->ctx, p, SIGKILL);
		set_state(s, p, SUP_ENDING, SUP_NEVER);
	}
}

static void tick_child(struct supervisor *s, enum sup_prog p, uint64_t now_ms)
{
	struct sup_child *c = &s->child[p];

	if (c->due_ms > now_ms)
		return;
	c->due_ms = SUP_NEVER;
	switch (c->state) {
	case SUP_WAITING:
		start_child(s, p, now_ms);
		return;
	case SUP_STARTING:
		log_error("supervisor", "not-ready", KV_C("program", sup_prog_name(p)),
			  KV_U("after_ms", now_ms - c->started_ms));
		s->ops->signal(s->ctx, p, SIGKILL);
		return; /* supervisor_exited() goes on */
	case SUP_ENDING:
		log_warn("supervisor", "kill", KV_C("program", sup_prog_name(p)));
		s->ops->signal(s->ctx, p, SIGKILL);
		return;
	case SUP_OFF:
	case SUP_UP:
		return;
	}
}

void supervisor_tick(struct supervisor *s, uint64_t now_ms)
{
	for (enum sup_prog p = 0; p < SUP_PROGS; p++)
		tick_child(s, p, now_ms);
}

uint64_t supervisor_next(const struct supervisor *s)
{
	uint64_t next = SUP_NEVER;

	for (enum sup_prog p = 0; p < SUP_PROGS; p++)
		if (s->child[p].due_ms < next)
			next = s->child[p].due_ms;
	return next;
}

bool supervisor_done(const struct supervisor *s)
{
	return s->stopping && !is_running(&s->child[SUP_CONTROL]) &&
	       !is_running(&s->child[SUP_DATAPLANE]);
}
