/* Actions of a re-INVITE: hold and resume, other codecs, another address. It is passed on to the other leg and its answer back.
 *
 * For call_fsm.c, on the shard's thread; no I/O. Until the far leg has accepted, nothing of the session changes; a refusal takes both
 * legs' offer/answer state back to what was agreed (rule 25). A dialog that the far end does not know any more ends
 * the call (RFC 3261 12.2.1.2). One at a time in a call: a second one from the same side is refused with 500, one from the other side
 * with 491, before it gets here (rule 9). RFC 3261 14, RFC 6141. */
#include "call/bridge.h"
#include "call/call_plan.h"

enum { REINVITE_MS = 180000 };

/* 0, or the status for x; then everything is as it was. */
static unsigned pass_on(struct call *c, const struct call_ev *e, struct leg *x, struct leg *y,
			struct str *body)
{
	unsigned status;
	int err;

	*body = (struct str){0};
	c->delayed = str_empty(e->msg->body);
	if (leg_refresh_target(x, e->msg))
		return 500;
	x->flow = e->msg->flow;
	if (c->delayed)
		return 0;
	err = oa_offer_received(&x->oa, e->msg->body);
	if (err)
		return err == ERR_NOMEM ? 500 : err == ERR_STATE ? 491 : 488;
	status = bridge_relays_any(oa_far(&x->oa)) ? 0 : 488;
	if (!status)
		status = call_media_status(c, x, bridge_open(x, oa_far(&x->oa), e->now_ms));
	if (!status && !x->echo)
		status = call_media_status(c, y, bridge_open(y, oa_far(&x->oa), e->now_ms));
	if (!status && bridge_sdp(x->echo ? x : y, oa_far(&x->oa), x->echo, body))
		status = 500;
	if (!status && !x->echo && oa_offer_sent(&y->oa))
		status = 491;
	if (status)
		oa_rollback(&x->oa);
	return status;
}

bool act_reinvite(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct leg *x = e->leg, *y = c->leg[x->peer];
	struct plan_op *op;
	struct str body;
	unsigned status = pass_on(c, e, x, y, &body);

	if (status) {
		plan_respond(x, e, p, status, (struct str){0}, (struct str){0}, NULL);
		plan_add(p, PLAN_MEDIA, x->index);
		plan_add(p, PLAN_MEDIA, y->index);
		return false;
	}
	c->inv_from = x->index;
	c->inv_to = y->index;
	op = plan_add(p, PLAN_INVITE, y->index);
	op->body = body;
	op->pass = e->msg;
	op->max_forwards = e->max_forwards;
	plan_timer(p, REINVITE_MS);
	return true;
}

bool act_reinvite_echo(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct leg *x = e->leg;
	struct str body;
	unsigned status = str_empty(e->msg->body) ? 488 : pass_on(c, e, x, NULL, &body);

	if (!status && oa_answer_sent(&x->oa))
		status = 500;
	if (status) {
		plan_respond(x, e, p, status, (struct str){0}, (struct str){0}, NULL);
		plan_add(p, PLAN_MEDIA, x->index);
		return false;
	}
	plan_respond(x, e, p, 200, (struct str){0}, body, NULL);
	plan_add(p, PLAN_MEDIA, x->index);
	return true;
}

bool act_re_refused(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct leg *x = c->leg[c->inv_from], *y = e->leg;
	unsigned status = e->msg ? e->msg->status : e->status;

	plan_timer(p, 0);
	oa_rollback(&x->oa);
	oa_rollback(&y->oa);
	c->delayed = false;
	if (status == 481 || status == 408) {
		call_teardown(c, e, p, status, (struct str){0}, (struct str){0});
		return false;
	}
	plan_respond(x, e, p, call_far_status(status),
		     e->msg && call_far_status(status) == status ? e->msg->reason : (struct str){0},
		     (struct str){0}, e->msg);
	plan_add(p, PLAN_MEDIA, x->index);
	plan_add(p, PLAN_MEDIA, y->index);
	return true;
}

/* Its CANCEL, or it takes too long: the far leg's final response decides what x hears. */
bool act_cancel_modify(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	if (e->leg && e->leg->index != c->inv_from)
		return true;
	plan_add(p, PLAN_CANCEL, c->inv_to);
	return true;
}
