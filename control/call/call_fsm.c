/* The call's state machine: rows of {states, event, action, next state, other state}, compiled into [state][event] at start.
 *
 * For the call layer, on the shard's thread. Events come from legs (leg_fsm.c), timers, the media client and operators. An action edits the
 * call and fills a plan; its answer chooses between `next` and `other`. Each pair of state and event is listed: FSM_IGNORE says "on purpose",
 * FSM_CANNOT "does not happen", which is logged and counted if it does. docs/CALL-FSM.md is made from these tables. */
#include "call/call_plan.h"
#include "base/log.h"

#define S(x)   (1U << CALL_##x)
#define ALL    ((1U << CALL_STATES) - 1)
#define RING   (S(SETUP) | S(EARLY))
#define TALK   (S(ANSWERED) | S(ACTIVE) | S(MODIFY) | S(REACK))
#define OVER   (S(ENDING) | S(DEAD))
#define STAY   CALL_STATES
#define ENDING CALL_ENDING

const struct call_row call_rows[] = {
	/* states                 event              action             next           other */
	{S(NEW), EV_INVITE, act_setup, CALL_SETUP, ENDING, 0}, /* RFC 3261 13.3.1, 13.2.1 */
	{S(NEW), EV_INVITE_ECHO, act_setup_echo, CALL_ANSWERED, ENDING, 0}, /* 13.3.1.4 */
	{ALL & ~S(NEW), EV_INVITE, NULL, STAY, STAY, FSM_CANNOT},
	{ALL & ~S(NEW), EV_INVITE_ECHO, NULL, STAY, STAY, FSM_CANNOT},
	{RING, EV_CANCEL, act_cancel, ENDING, ENDING, 0}, /* 9.2, 15: BYE in an early dialog too */
	{S(MODIFY), EV_CANCEL, act_cancel_modify, STAY, STAY, 0}, /* 9.2 */
	{S(NEW), EV_CANCEL, NULL, STAY, STAY, FSM_CANNOT},
	{ALL & ~(RING | S(MODIFY) | S(NEW)), EV_CANCEL, NULL, STAY, STAY,
	 FSM_IGNORE},                                                 /* after the final response */
	{RING, EV_PROGRESS, act_progress, CALL_EARLY, CALL_EARLY, 0}, /* 13.2.2.1 */
	{TALK | OVER, EV_PROGRESS, NULL, STAY, STAY, FSM_IGNORE},     /* rule 10 */
	{S(NEW), EV_PROGRESS, NULL, STAY, STAY, FSM_CANNOT},
	{RING, EV_ANSWER, act_answer, CALL_ANSWERED, ENDING, 0}, /* 13.2.2.4 */
	{ALL & ~RING, EV_ANSWER, NULL, STAY, STAY,
	 FSM_CANNOT},                                     /* the losers' legs are cancelling */
	{RING, EV_REFUSED, act_refused, ENDING, STAY, 0}, /* 13.2.2.3, 16.7 */
	{ALL & ~RING, EV_REFUSED, NULL, STAY, STAY, FSM_CANNOT},
	{S(ANSWERED), EV_ACK, act_ack, CALL_ACTIVE, ENDING, 0}, /* 13.3.1.4 */
	{S(REACK), EV_ACK, act_ack, CALL_ACTIVE, ENDING, 0},    /* 14.2 */
	{ALL & ~(S(ANSWERED) | S(REACK)), EV_ACK, NULL, STAY, STAY, FSM_IGNORE},
	{S(ANSWERED) | S(REACK), EV_NO_ACK, act_no_ack, ENDING, ENDING, 0}, /* 13.3.1.4, rule 5 */
	{ALL & ~(S(ANSWERED) | S(REACK)), EV_NO_ACK, NULL, STAY, STAY, FSM_CANNOT},
	{S(ACTIVE), EV_REINVITE, act_reinvite, CALL_MODIFY, STAY, 0},          /* 14.2 */
	{S(ACTIVE), EV_REINVITE_ECHO, act_reinvite_echo, CALL_REACK, STAY, 0}, /* 14.2 */
	{ALL & ~S(ACTIVE), EV_REINVITE, NULL, STAY, STAY, FSM_CANNOT}, /* 491 or 500 before */
	{ALL & ~S(ACTIVE), EV_REINVITE_ECHO, NULL, STAY, STAY, FSM_CANNOT},
	{S(MODIFY), EV_RE_ANSWER, act_re_answer, CALL_REACK, ENDING, 0}, /* 14.1 */
	{ALL & ~S(MODIFY), EV_RE_ANSWER, NULL, STAY, STAY, FSM_CANNOT},
	{S(MODIFY), EV_RE_REFUSED, act_re_refused, CALL_ACTIVE, ENDING, 0}, /* 14.1, rule 25 */
	{ALL & ~S(MODIFY), EV_RE_REFUSED, NULL, STAY, STAY, FSM_CANNOT},
	{TALK, EV_BYE, act_bye, ENDING, ENDING, 0}, /* 15.1.2 */
	{OVER, EV_BYE, NULL, STAY, STAY, FSM_IGNORE},
	{ALL & ~(TALK | OVER), EV_BYE, NULL, STAY, STAY, FSM_CANNOT},
	{TALK, EV_REQUEST, act_request, STAY, STAY, 0},          /* RFC 6086 */
	{ALL & ~TALK, EV_REQUEST, NULL, STAY, STAY, FSM_CANNOT}, /* refused before */
	{ALL & ~(S(NEW) | RING), EV_RESPONSE, act_response, STAY, STAY, 0},
	{S(NEW) | RING, EV_RESPONSE, NULL, STAY, STAY, FSM_CANNOT},
	{RING, EV_TIMER, act_ring_timeout, ENDING, ENDING, 0}, /* rule 11 */
	{S(MODIFY), EV_TIMER, act_cancel_modify, STAY, STAY, 0},
	{S(ENDING), EV_TIMER, act_linger, CALL_DEAD, CALL_DEAD, 0},
	{ALL & ~(RING | S(MODIFY) | S(ENDING)), EV_TIMER, NULL, STAY, STAY, FSM_CANNOT},
	{TALK, EV_MEDIA_TIMEOUT, act_media_timeout, ENDING, ENDING, 0},
	{ALL & ~TALK, EV_MEDIA_TIMEOUT, NULL, STAY, STAY,
	 FSM_IGNORE}, /* crossed the end of the call */
	{RING | TALK, EV_HANGUP, act_hangup, ENDING, ENDING, 0},
	{OVER, EV_HANGUP, NULL, STAY, STAY, FSM_IGNORE},
	{S(NEW), EV_HANGUP, NULL, STAY, STAY, FSM_CANNOT},
	{S(ENDING), EV_OVER, act_over, CALL_DEAD, STAY, 0},
	{ALL & ~S(ENDING), EV_OVER, NULL, STAY, STAY, FSM_CANNOT},
	{ALL, EV_NONE, NULL, STAY, STAY, FSM_CANNOT},
};
const size_t n_call_rows = sizeof call_rows / sizeof call_rows[0];
static_assert(sizeof call_rows / sizeof call_rows[0] < 255, "row numbers are bytes");

const char *const call_state_name[CALL_STATES] = {
#define X(id, name) [id] = (name),
	CALL_STATE_LIST(X)
#undef X
};
const char *const call_event_name[CALL_EVENTS] = {
#define X(id, name) [id] = (name),
	CALL_EVENT_LIST(X)
#undef X
};

static void put_cell(uint8_t *cell, size_t row, const char *state, const char *event)
{
	if (*cell) {
		log_error("call", "fsm_row_twice", KV_C("state", state), KV_C("on", event));
		abort();
	}
	*cell = (uint8_t)(row + 1);
}

void call_fsm_compile(struct call_fsm *f)
{
	*f = (struct call_fsm){0};
	for (size_t r = 0; r < n_call_rows; r++)
		for (unsigned s = 0; s < CALL_STATES; s++)
			if (call_rows[r].states & 1U << s)
				put_cell(&f->call[s][call_rows[r].event], r, call_state_name[s],
					 call_event_name[call_rows[r].event]);
	for (size_t r = 0; r < n_leg_rows; r++)
		for (unsigned s = 0; s < LEG_STATES; s++)
			if (leg_rows[r].states & 1U << s)
				put_cell(&f->leg[s][leg_rows[r].event], r, leg_state_name[s],
					 leg_event_name[leg_rows[r].event]);
}

static void act_unexpected(struct call *c, const struct call_ev *e)
{
	metric_inc(&c->shard->metrics, M_CALL_UNEXPECTED);
	log_limited(LOG_WARN, "call", "unexpected", KV_X("call", c->id),
		    KV_C("state", call_state_name[c->state]), KV_C("on", call_event_name[e->type]));
}

void call_step(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	uint8_t at = c->shard->calls->fsm.call[c->state][e->type];
	const struct call_row *row = at ? &call_rows[at - 1] : NULL;
	enum call_state old = c->state, next;

	if (!row || row->kind == FSM_CANNOT) {
		act_unexpected(c, e);
		return;
	}
	if (row->kind == FSM_IGNORE)
		return;
	next = row->act(c, e, p) ? row->next : row->other;
	if (next != CALL_STATES)
		c->state = (uint8_t)next;
	if (c->state != old)
		log_info("call", "state", KV_X("call", c->id), KV_C("on", call_event_name[e->type]),
			 KV_C("from", call_state_name[old]), KV_C("to", call_state_name[c->state]));
	if (c->state == CALL_ENDING && !c->end_ms)
		c->end_ms = e->now_ms ? e->now_ms : 1;
}

static const char *kind_text(unsigned kind)
{
	static const char *const text[] = {
		[FSM_ACT] = "", [FSM_IGNORE] = "ignored", [FSM_CANNOT] = "cannot happen"};

	return text[kind];
}

static void put_states(struct buf *b, uint32_t states, const char *const *name, unsigned n)
{
	bool first = true;

	for (unsigned s = 0; s < n; s++) {
		if (!(states & 1U << s))
			continue;
		buf_c(b, first ? "" : ", ");
		buf_c(b, name[s]);
		first = false;
	}
}

void call_fsm_dump(struct buf *b)
{
	buf_c(b, "\n## Call\n\n| states | event | next | otherwise | "
		 "|\n|---|---|---|---|---|\n");
	for (size_t r = 0; r < n_call_rows; r++) {
		const struct call_row *row = &call_rows[r];

		buf_c(b, "| ");
		put_states(b, row->states, call_state_name, CALL_STATES);
		buf_printf(b, " | %s | %s | %s | %s |\n", call_event_name[row->event],
			   row->kind                  ? ""
			   : row->next == CALL_STATES ? "same"
						      : call_state_name[row->next],
			   row->kind || row->other == row->next ? ""
			   : row->other == CALL_STATES          ? "same"
								: call_state_name[row->other],
			   kind_text(row->kind));
	}
	buf_c(b, "\n## Leg\n\nOne SIP dialog. `call event` goes up to the call's machine.\n\n| "
		 "states | event | next | call event | |\n|---|---|---|---|---|\n");
	for (size_t r = 0; r < n_leg_rows; r++) {
		const struct leg_row *row = &leg_rows[r];

		buf_c(b, "| ");
		put_states(b, row->states, leg_state_name, LEG_STATES);
		buf_printf(b, " | %s | %s | %s | %s |\n", leg_event_name[row->event],
			   row->kind                 ? ""
			   : row->next == LEG_STATES ? "same"
						     : leg_state_name[row->next],
			   row->up == EV_NONE ? "" : call_event_name[row->up],
			   kind_text(row->kind));
	}
}
