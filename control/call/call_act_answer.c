/* Actions around an answer: the 2xx of a far leg becomes ours, its ACK, and the ACK that we wait for.
 *
 * For call_fsm.c, on the shard's thread; no I/O. INVITE and re-INVITE share the path: one leg has an INVITE pending (inv_from), the
 * other one accepted it (inv_to). With an offer in the INVITE the 2xx carries the answer and is acknowledged at once; without one
 * the 2xx carries the offer, and our ACK waits for the answer in the ACK of the other side (rule 6). RFC 3261 13.2.2.4, 14; RFC 3264. */
#include "call/bridge.h"
#include "call/call_plan.h"

void call_answered(struct call *c, uint64_t now_ms)
{
	if (c->answered)
		return;
	c->answered = true;
	c->answer_ms = now_ms;
	metric_inc(&c->shard->metrics, M_CALLS_ANSWERED);
}

/* M-lines of what we offered to y on behalf of x. */
static size_t offered(const struct leg *x, const struct leg *y)
{
	size_t n = oa_far(&x->oa)->n_media;

	return n > y->oa.n_media ? n : y->oa.n_media;
}

/* The description in a 18x was of the dialog that now answers; one without a tag is the only one there is. */
static bool own_preview(const struct leg *l)
{
	return l->oa.pending_far && (!l->preview || str_empty(l->preview->tag) ||
				     str_eq(l->preview->tag, l->remote_tag));
}

/* The body of y's 2xx taken, and rewritten for x. 0, or the status for x. */
static unsigned take_answer(struct leg *x, struct leg *y, struct str body, struct str *out)
{
	int err = 0;

	if (!str_empty(body))
		err = oa_answer_received(&y->oa, body, offered(x, y), true);
	else if (own_preview(y)) /* the answer came in a 18x and is not said again */
		err = oa_answer_received(&y->oa, y->oa.pending_far->text, offered(x, y), true);
	else
		return 502;
	if (err)
		return err == ERR_NOMEM ? 500 : 502;
	bridge_join(x, y);
	if (bridge_sdp(x, oa_far(&y->oa), false, out) || oa_answer_sent(&x->oa))
		return 500;
	return 0;
}

/* y's 2xx carries the offer. */
static unsigned take_late_offer(struct call *c, const struct call_ev *e, struct leg *x,
				struct leg *y, struct str *out)
{
	const struct sdp *offer;
	unsigned status;
	int err = str_empty(e->msg->body) ? ERR_SYNTAX : oa_offer_received(&y->oa, e->msg->body);

	if (err)
		return err == ERR_NOMEM ? 500 : 502;
	offer = oa_far(&y->oa);
	if (!bridge_relays_any(offer))
		return 488;
	status = call_media_status(c, x, bridge_open(x, offer, e->now_ms));
	if (!status)
		status = call_media_status(c, y, bridge_open(y, offer, e->now_ms));
	if (status)
		return status;
	bridge_join(x, y);
	if (bridge_sdp(x, offer, false, out) || oa_offer_sent(&x->oa))
		return 500;
	return 0;
}

/* y accepted what x asked for. False: it came to nothing, and all legs leave. */
static bool accepted(struct call *c, const struct call_ev *e, struct call_plan *p, struct leg *x,
		     struct leg *y)
{
	struct str body;
	unsigned status;

	y->ack_held = true;
	status = c->delayed ? take_late_offer(c, e, x, y, &body)
			    : take_answer(x, y, e->msg->body, &body);
	if (status) {
		call_teardown(c, e, p, status, (struct str){0}, (struct str){0});
		return false;
	}
	call_answered(c, e->now_ms);
	plan_respond(x, e, p, e->msg->status, e->msg->reason, body, e->msg);
	if (c->delayed)
		return true;
	y->ack_held = false;
	plan_add(p, PLAN_ACK, y->index);
	plan_add(p, PLAN_MEDIA, x->index);
	plan_add(p, PLAN_MEDIA, y->index);
	return true;
}

bool act_answer(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct leg *winner = e->leg;

	plan_timer(p, 0);
	if (leg_confirm(winner, e->msg)) {
		plan_add(p, PLAN_STRAY, winner->index)->pass = e->msg;
		leg_step(winner, LEV_LOST, e, p);
		call_teardown(c, e, p, 500, (struct str){0}, (struct str){0});
		return false;
	}
	c->inv_to = winner->index;
	if (!accepted(c, e, p, c->leg[c->inv_from], winner))
		return false;
	for (size_t i = 1; i < c->n_leg; i++)
		if (c->leg[i] != winner)
			leg_dismiss(
				c->leg[i], e, p,
				STR("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"));
	return true;
}

bool act_re_answer(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	plan_timer(p, 0);
	if (leg_refresh_target(e->leg, e->msg)) {
		e->leg->ack_held = true;
		call_teardown(c, e, p, 500, (struct str){0}, (struct str){0});
		return false;
	}
	return accepted(c, e, p, c->leg[c->inv_from], e->leg);
}

/* The answer in the ACK goes on in ours. */
bool act_ack(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct leg *x = e->leg, *y;
	struct plan_op *op;
	struct str body;

	if (!c->delayed)
		return true;
	c->delayed = false;
	y = c->leg[c->inv_to];
	if (str_empty(e->msg->body) ||
	    oa_answer_received(&x->oa, e->msg->body, offered(y, x), true) ||
	    bridge_sdp(y, oa_far(&x->oa), false, &body) || oa_answer_sent(&y->oa)) {
		call_teardown(c, e, p, 500, (struct str){0},
			      STR("Reason: SIP;cause=488;text=\"No answer to the offer\"\r\n"));
		return false;
	}
	op = plan_add(p, PLAN_ACK, y->index);
	op->body = body;
	y->ack_held = false;
	plan_add(p, PLAN_MEDIA, x->index);
	plan_add(p, PLAN_MEDIA, y->index);
	return true;
}
