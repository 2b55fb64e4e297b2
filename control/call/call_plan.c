/* Appending to plans. See call_plan.h. */
#include "call/call_plan.h"

struct plan_op *plan_add(struct call_plan *p, enum plan_type type, unsigned leg)
{
	struct plan_op *op;

	if (p->n == PLAN_MAX) {
		p->overflow = true;
		p->n--;
	}
	op = &p->op[p->n++];
	*op = (struct plan_op){.type = type, .leg = (uint8_t)leg};
	return op;
}

void plan_timer(struct call_plan *p, uint64_t ms)
{
	plan_add(p, PLAN_TIMER, 0)->ms = ms;
}

static struct plan_op *respond(struct leg *l, const struct call_ev *e, struct call_plan *p,
			       unsigned status, struct str reason)
{
	struct plan_op *op;

	op = plan_add(p, PLAN_RESPOND, l->index);
	op->status = (uint16_t)status;
	op->reason = reason;
	op->txn = l->in_invite;
	if (status < 200)
		return op;
	l->in_2xx = status < 300 ? l->in_invite : 0;
	l->in_invite = 0;
	leg_step(l, status < 300 ? LEV_TX_2XX : LEV_TX_FAIL, e, p);
	return op;
}

void plan_respond(struct leg *l, const struct call_ev *e, struct call_plan *p, unsigned status,
		  struct str reason, struct str body, struct sip_msg *pass)
{
	struct plan_op *op = respond(l, e, p, status, reason);

	op->body = body;
	op->pass = pass;
}

void plan_respond_extra(struct leg *l, const struct call_ev *e, struct call_plan *p,
			unsigned status, struct str reason, struct str extra)
{
	respond(l, e, p, status, reason)->extra = extra;
}
