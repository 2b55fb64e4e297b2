/* Actions that end a call, whoever wants it: caller's CANCEL, BYE, silence, operator, time.
 *
 * For call_fsm.c, on the shard's thread; no I/O. All of them come down to call_teardown(): what is pending is refused, dialogs get BYE,
 * INVITEs of ours CANCEL, media goes. The call stays in `ending` until each leg's last transaction is over. RFC 3261 9, 15. */
#include "call/call_plan.h"

#define UNUSED __attribute__((unused))

/* Longer than any transaction: 64*T1 for an ACK that is awaited, and 64*T1 for the BYE behind it. */
enum { CALL_LINGER_MS = 80000, CALL_PART_MS = 4000, CALL_STAT_WAIT_MS = 1000 };

/* The Reason lines of a message, as header lines. */
static struct str reasons(struct call *c, const struct sip_msg *m)
{
	char text[SIP_LINE_MAX];
	struct buf b = BUF_ON(text);
	struct str value;
	uint16_t i = 0;

	while (m && sip_msg_each(m, SIP_H_REASON, &i, &value))
		sip_put(&b, SIP_H_REASON, value);
	return buf_check(&b) || b.len == 0 ? (struct str){0}
					   : arena_str(&c->shard->scratch, buf_view(&b));
}

void leg_dismiss(struct leg *l, const struct call_ev *e, struct call_plan *p, struct str extra)
{
	struct call_ev own = {.leg = l, .reason = extra, .now_ms = e->now_ms};

	switch ((enum leg_state)l->state) {
	case LEG_CALLING:
	case LEG_EARLY:
		leg_step(l, LEV_TX_CANCEL, &own, p);
		break;
	case LEG_ANSWERED:
	case LEG_CONFIRMED:
		leg_step(l, LEV_TX_BYE, &own, p);
		break;
	default:
		break;
	}
	plan_add(p, PLAN_MEDIA_DROP, l->index);
}

void call_teardown(struct call *c, const struct call_ev *e, struct call_plan *p, unsigned status,
		   struct str phrase, struct str extra)
{
	for (size_t i = 0; i < c->n_leg; i++) {
		struct leg *l = c->leg[i];

		if (l->in_invite)
			plan_respond_extra(l, e, p, l->state == LEG_INCOMING ? status : 487, phrase,
					   extra);
		if (l->out_invite && l->state == LEG_CONFIRMED)
			plan_add(p, PLAN_CANCEL, l->index);
		leg_dismiss(l, e, p, extra);
	}
	plan_timer(p, CALL_LINGER_MS);
}

bool act_cancel(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	call_teardown(c, e, p, 487, (struct str){0}, reasons(c, e->msg));
	return true;
}

/* RFC 3261 13.3.1: an INVITE that expired as its caller wished is 487. */
bool act_ring_timeout(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	call_teardown(c, e, p, c->expires ? 487 : 408, (struct str){0}, (struct str){0});
	return true;
}

bool act_no_ack(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	call_teardown(c, e, p, 408, (struct str){0},
		      STR("Reason: SIP;cause=408;text=\"ACK missing\"\r\n"));
	return true;
}

bool act_bye(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	call_teardown(c, e, p, 487, (struct str){0}, reasons(c, e->msg));
	return true;
}

bool act_media_timeout(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	metric_inc(&c->shard->metrics, M_CALLS_MEDIA_TIMEOUT);
	call_teardown(c, e, p, 408, (struct str){0},
		      STR("Reason: SIP;cause=408;text=\"Media timeout\"\r\n"));
	return true;
}

bool act_hangup(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	char text[128];
	struct buf b = BUF_ON(text);
	struct str extra = {0};

	if (!str_empty(e->reason) && str_printable(e->reason) && str_find(e->reason, '"') < 0 &&
	    str_find(e->reason, '\\') < 0) {
		buf_c(&b, "Reason: SIP;cause=480;text=\"");
		buf_str(&b, str_head(e->reason, 64));
		buf_c(&b, "\"\r\n");
		if (buf_check(&b) == 0)
			extra = arena_str(&c->shard->scratch, buf_view(&b));
	}
	call_teardown(c, e, p, e->status ? e->status : 503, (struct str){0}, extra);
	return true;
}

/* The safety net: nothing may keep a call for ever. */
bool act_linger(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	for (size_t i = 0; i < c->n_leg; i++)
		leg_step(c->leg[i], LEV_LOST, e, p);
	return true;
}

/* The dialogs are over. Answers to our BYEs are waited for as long as a living far end may take, then the transactions go on alone; final statistics for
 * a moment. */
bool act_over(struct call *c, UNUSED const struct call_ev *e, struct call_plan *p)
{
	if (call_over(c) && c->n_closing == 0)
		return true;
	plan_timer(p, call_over(c) ? CALL_STAT_WAIT_MS : CALL_PART_MS);
	return false;
}
