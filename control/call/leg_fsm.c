/* The leg's state machine: one dialog and the INVITE that makes it, as rows of {states, event, action, next, event for the call}.
 *
 * For the call layer, on the shard's thread. The initial INVITE of a UAS leg goes down the left (incoming, answered), that of a UAC leg
 * down the right (calling, early, cancelling); both meet in confirmed and end in leaving and ended. A re-INVITE does
 * not change the state of a dialog. Every pair is listed: FSM_IGNORE says "on purpose", FSM_CANNOT "does not happen". RFC 3261 12, 13, 15. */
#include "call/call_plan.h"
#include "base/log.h"

#define UNUSED __attribute__((unused))
#define ACT(name)                                                                                  \
	static void name(struct leg *l, UNUSED const struct call_ev *e, struct call_plan *p)

ACT(leg_act_cancel)
{
	plan_add(p, PLAN_CANCEL, l->index)->extra = e->reason;
}

/* The ACK that we owe goes first: a dialog without it is none for the far end. */
static void owed_ack(struct leg *l, struct call_plan *p)
{
	if (l->ack_held)
		plan_add(p, PLAN_ACK, l->index);
	l->ack_held = false;
}

ACT(leg_act_bye)
{
	struct plan_op *op;

	owed_ack(l, p);
	op = plan_add(p, PLAN_BYE, l->index);
	op->extra = e->reason;
}

/* RFC 3261 15.1.1: BYE only after the ACK or after the wait for it; the Reason is lost with the event that had it. */
ACT(leg_act_bye_now)
{
	plan_add(p, PLAN_BYE, l->index);
}

/* Rule 4: a 2xx that crossed our CANCEL gets ACK, then BYE. */
ACT(leg_act_crossed)
{
	if (leg_confirm(l, e->msg)) {
		plan_add(p, PLAN_STRAY, l->index)->pass = e->msg;
		return;
	}
	plan_add(p, PLAN_ACK, l->index);
	plan_add(p, PLAN_BYE, l->index);
}

ACT(leg_act_ack_again)
{
	if (!l->ack_held)
		plan_add(p, PLAN_ACK_AGAIN, l->index);
}

ACT(leg_act_stray)
{
	plan_add(p, PLAN_STRAY, l->index)->pass = e->msg;
}

/* The re-INVITE was taken although the leg is leaving: its 2xx wants an ACK all the same. */
ACT(leg_act_ack)
{
	plan_add(p, PLAN_ACK, l->index);
}

#define S(x) (1U << LEG_##x)
#define ALL  ((1U << LEG_STATES) - 1)
#define UAS  (S(INCOMING) | S(ANSWERED) | S(BYE_WAIT))
#define UAC  (S(CALLING) | S(EARLY) | S(CANCELLING))
#define STAY LEG_STATES

const struct leg_row leg_rows[] = {
	/* states                                event             action             next            event for the call */
	{S(NEW), LEV_RX_INVITE, NULL, LEG_INCOMING, EV_INVITE, 0}, /* RFC 3261 13.3 */
	{ALL & ~S(NEW), LEV_RX_INVITE, NULL, STAY, EV_NONE, FSM_CANNOT},
	{S(INCOMING), LEV_TX_2XX, NULL, LEG_ANSWERED, EV_NONE, 0}, /* 13.3.1.4 */
	{S(CONFIRMED), LEV_TX_2XX, NULL, STAY, EV_NONE, 0},        /* 14.2 */
	{ALL & ~(S(INCOMING) | S(CONFIRMED)), LEV_TX_2XX, NULL, STAY, EV_NONE, FSM_CANNOT},
	{S(INCOMING), LEV_TX_FAIL, NULL, LEG_ENDED, EV_NONE, 0}, /* 13.3.1.3 */
	{S(CONFIRMED) | S(LEAVING) | S(ENDED), LEV_TX_FAIL, NULL, STAY, EV_NONE,
	 0}, /* 14.2: dialog unchanged */
	{ALL & ~(S(INCOMING) | S(CONFIRMED) | S(LEAVING) | S(ENDED)), LEV_TX_FAIL, NULL, STAY,
	 EV_NONE, FSM_CANNOT},
	{S(INCOMING) | S(CONFIRMED), LEV_RX_CANCEL, NULL, STAY, EV_CANCEL, 0}, /* 9.2 */
	{ALL & ~(S(INCOMING) | S(CONFIRMED)), LEV_RX_CANCEL, NULL, STAY, EV_NONE, FSM_IGNORE},
	{S(ANSWERED), LEV_RX_ACK, NULL, LEG_CONFIRMED, EV_ACK, 0}, /* 13.3.1.4 */
	{S(CONFIRMED), LEV_RX_ACK, NULL, STAY, EV_ACK, 0},
	{S(BYE_WAIT), LEV_RX_ACK, leg_act_bye_now, LEG_LEAVING, EV_NONE, 0}, /* 15 */
	{ALL & ~(S(ANSWERED) | S(CONFIRMED) | S(BYE_WAIT)), LEV_RX_ACK, NULL, STAY, EV_NONE,
	 FSM_IGNORE},
	{S(ANSWERED) | S(CONFIRMED), LEV_NO_ACK, NULL, LEG_CONFIRMED, EV_NO_ACK,
	 0}, /* 13.3.1.4, 14.2 */
	{S(BYE_WAIT), LEV_NO_ACK, leg_act_bye_now, LEG_LEAVING, EV_NONE, 0},
	{S(LEAVING) | S(ENDED), LEV_NO_ACK, NULL, STAY, EV_NONE, FSM_IGNORE},
	{ALL & ~(S(ANSWERED) | S(CONFIRMED) | S(BYE_WAIT) | S(LEAVING) | S(ENDED)), LEV_NO_ACK,
	 NULL, STAY, EV_NONE, FSM_CANNOT},

	{S(NEW), LEV_TX_INVITE, NULL, LEG_CALLING, EV_NONE, 0}, /* 13.2 */
	{ALL & ~S(NEW), LEV_TX_INVITE, NULL, STAY, EV_NONE, FSM_CANNOT},
	{S(CALLING) | S(EARLY), LEV_RX_1XX, NULL, LEG_EARLY, EV_PROGRESS, 0}, /* 13.2.2.1 */
	{S(CANCELLING), LEV_RX_1XX, NULL, STAY, EV_NONE, FSM_IGNORE},
	{ALL & ~UAC, LEV_RX_1XX, NULL, STAY, EV_NONE, FSM_IGNORE}, /* late, or of a re-INVITE */
	{S(CALLING) | S(EARLY), LEV_RX_2XX, NULL, LEG_CONFIRMED, EV_ANSWER, 0}, /* 13.2.2.4 */
	{S(CANCELLING), LEV_RX_2XX, leg_act_crossed, LEG_LEAVING, EV_NONE, 0},  /* rule 4 */
	{ALL & ~UAC, LEV_RX_2XX, leg_act_stray, STAY, EV_NONE,
	 0}, /* after a final response: a late fork */
	{S(CONFIRMED) | S(LEAVING), LEV_RX_2XX_AGAIN, leg_act_ack_again, STAY, EV_NONE,
	 0}, /* 13.2.2.4, rule 5 */
	{S(ENDED), LEV_RX_2XX_AGAIN, leg_act_ack_again, STAY, EV_NONE, 0},
	{ALL & ~(S(CONFIRMED) | S(LEAVING) | S(ENDED)), LEV_RX_2XX_AGAIN, NULL, STAY, EV_NONE,
	 FSM_CANNOT},
	{S(CONFIRMED) | S(LEAVING) | S(ENDED), LEV_RX_2XX_STRAY, leg_act_stray, STAY, EV_NONE,
	 0}, /* 13.2.2.4 */
	{ALL & ~(S(CONFIRMED) | S(LEAVING) | S(ENDED)), LEV_RX_2XX_STRAY, NULL, STAY, EV_NONE,
	 FSM_CANNOT},
	{S(CALLING) | S(EARLY), LEV_RX_FAIL, NULL, LEG_ENDED, EV_REFUSED,
	 0},                                                       /* 13.2.2.2, 13.2.2.3 */
	{S(CANCELLING), LEV_RX_FAIL, NULL, LEG_ENDED, EV_NONE, 0}, /* 9.1 */
	{ALL & ~UAC, LEV_RX_FAIL, NULL, STAY, EV_NONE,
	 FSM_IGNORE}, /* of a transaction that outlived the leg */
	{S(CALLING) | S(EARLY), LEV_TX_CANCEL, leg_act_cancel, LEG_CANCELLING, EV_NONE,
	 0}, /* 9.1 */
	{ALL & ~(S(CALLING) | S(EARLY)), LEV_TX_CANCEL, NULL, STAY, EV_NONE, FSM_CANNOT},

	{S(CONFIRMED), LEV_RX_REINVITE, NULL, STAY, EV_REINVITE, 0}, /* 14.2 */
	{ALL & ~S(CONFIRMED), LEV_RX_REINVITE, NULL, STAY, EV_NONE,
	 FSM_CANNOT},                                               /* refused before */
	{S(CONFIRMED), LEV_RX_RE_2XX, NULL, STAY, EV_RE_ANSWER, 0}, /* 14.1 */
	{S(LEAVING) | S(ENDED), LEV_RX_RE_2XX, leg_act_ack, STAY, EV_NONE, 0},
	{ALL & ~(S(CONFIRMED) | S(LEAVING) | S(ENDED)), LEV_RX_RE_2XX, NULL, STAY, EV_NONE,
	 FSM_CANNOT},
	{S(CONFIRMED), LEV_RX_RE_FAIL, NULL, STAY, EV_RE_REFUSED, 0}, /* 14.1 */
	{S(LEAVING) | S(ENDED), LEV_RX_RE_FAIL, NULL, STAY, EV_NONE, FSM_IGNORE},
	{ALL & ~(S(CONFIRMED) | S(LEAVING) | S(ENDED)), LEV_RX_RE_FAIL, NULL, STAY, EV_NONE,
	 FSM_CANNOT},

	{S(CONFIRMED), LEV_TX_BYE, leg_act_bye, LEG_LEAVING, EV_NONE, 0}, /* 15.1.1 */
	{S(ANSWERED), LEV_TX_BYE, NULL, LEG_BYE_WAIT, EV_NONE, 0}, /* 15: not before the ACK */
	{ALL & ~(S(CONFIRMED) | S(ANSWERED)), LEV_TX_BYE, NULL, STAY, EV_NONE, FSM_CANNOT},
	{S(INCOMING), LEV_RX_BYE, NULL, STAY, EV_CANCEL, 0}, /* 15: BYE in an early dialog */
	{S(CONFIRMED) | S(ANSWERED), LEV_RX_BYE, NULL, LEG_ENDED, EV_BYE, 0}, /* 15.1.2 */
	{S(LEAVING) | S(BYE_WAIT), LEV_RX_BYE, NULL, LEG_ENDED, EV_NONE, 0},  /* both at once */
	{UAC, LEV_RX_BYE, NULL, STAY, EV_NONE, FSM_IGNORE}, /* 15: a UAS must not, before the ACK */
	{S(NEW) | S(ENDED), LEV_RX_BYE, NULL, STAY, EV_NONE, FSM_CANNOT}, /* 481 before */
	{S(LEAVING), LEV_BYE_DONE, NULL, LEG_ENDED, EV_NONE,
	 0}, /* 15.1.1: whatever the answer is */
	{S(ENDED), LEV_BYE_DONE, NULL, STAY, EV_NONE, FSM_IGNORE},
	{ALL & ~(S(LEAVING) | S(ENDED)), LEV_BYE_DONE, NULL, STAY, EV_NONE, FSM_CANNOT},
	{ALL, LEV_LOST, NULL, LEG_ENDED, EV_NONE, 0}, /* no memory to keep it */
};
const size_t n_leg_rows = sizeof leg_rows / sizeof leg_rows[0];

const char *const leg_state_name[LEG_STATES] = {
#define X(id, name) [id] = (name),
	LEG_STATE_LIST(X)
#undef X
};
const char *const leg_event_name[LEG_EVENTS] = {
#define X(id, name) [id] = (name),
	LEG_EVENT_LIST(X)
#undef X
};

int leg_step(struct leg *l, enum leg_event event, const struct call_ev *e, struct call_plan *p)
{
	struct shard *s = l->call->shard;
	uint8_t at = s->calls->fsm.leg[l->state][event];
	const struct leg_row *row = at ? &leg_rows[at - 1] : NULL;
	enum leg_state old = l->state;

	if (!row || row->kind == FSM_CANNOT) {
		metric_inc(&s->metrics, M_CALL_UNEXPECTED);
		log_limited(LOG_WARN, "call", "unexpected", KV_X("call", l->call->id),
			    KV_U("leg", l->index), KV_C("state", leg_state_name[old]),
			    KV_C("on", leg_event_name[event]));
		return EV_NONE;
	}
	if (row->kind == FSM_IGNORE)
		return EV_NONE;
	if (row->next != LEG_STATES)
		l->state = (uint8_t)row->next;
	log_debug("call", "leg", KV_X("call", l->call->id), KV_U("leg", l->index),
		  KV_C("on", leg_event_name[event]), KV_C("from", leg_state_name[old]),
		  KV_C("to", leg_state_name[l->state]));
	if (row->act)
		row->act(l, e, p);
	return row->up;
}
