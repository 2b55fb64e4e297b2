/* Requests in a dialog that cross as they are (INFO): taken from one leg, written anew on the other, and the answer back.
 *
 * For call_fsm.c, on the shard's thread; no I/O. The slot remembers whom to answer; call_rx.c fills it. RFC 6086. */
#include "call/call_plan.h"

bool act_request(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct plan_op *op = plan_add(p, PLAN_RELAY, e->leg->peer);

	op->slot = e->slot;
	op->pass = e->msg;
	op->max_forwards = e->max_forwards;
	(void)c;
	return true;
}

bool act_response(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct plan_op *op;

	if (!c->relay[e->slot].in)
		return true;
	op = plan_add(p, PLAN_RELAY_BACK, e->leg->index);
	op->slot = e->slot;
	op->pass = e->msg;
	op->status = (uint16_t)call_far_status(e->msg ? e->msg->status : e->status);
	return true;
}
