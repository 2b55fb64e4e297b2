/* Upcalls of the transaction layer that come to a transaction's owner: responses, failures, and the CANCEL of an INVITE that is being answered.
 *
 * On the shard's thread. An owner names call, leg and purpose; one whose call is gone is nobody's, and nothing happens. A 2xx is told apart here: the
 * first one, the same once more, or one of another fork. RFC 3261 13.2.2, 17.1; RFC 6026. */
#include "call/call_rx.h"

void call_note_request(struct leg *l, struct sip_msg *m)
{
	ladder_add(&l->call->ladder, clock_wall_ms(), l->index, false, m->method_name,
		   !str_empty(m->body));
}

static void note_response(struct leg *l, const struct sip_msg *m)
{
	char text[LADDER_TEXT];
	struct buf b = BUF_ON(text);

	buf_u64(&b, m->status);
	buf_ch(&b, ' ');
	buf_str(&b, str_head(m->reason, LADDER_TEXT - 8));
	ladder_add(&l->call->ladder, clock_wall_ms(), l->index, false, buf_view(&b),
		   !str_empty(m->body) && m->method == SIP_M_INVITE);
}

static struct leg *owner_leg(const struct shard *s, uint64_t owner, enum owner_kind *kind,
			     uint8_t *slot)
{
	struct call *c = call_get(s->calls, owner & (((uint64_t)1 << CALL_ID_BITS) - 1));
	size_t leg = owner >> CALL_ID_BITS & 15;

	*kind = (enum owner_kind)(owner >> (CALL_ID_BITS + 4) & 15);
	*slot = (uint8_t)(owner >> (CALL_ID_BITS + 8) & 15);
	return c && leg < c->n_leg ? c->leg[leg] : NULL;
}

/* The first 2xx, the same once more, or one of another fork. */
static enum leg_event which_2xx(struct leg *l, struct sip_msg *m, txn_id t, bool initial)
{
	const struct sip_nameaddr *to;
	bool ours = sip_msg_to(m, &to) == 0 && str_eq(sip_nameaddr_tag(to), l->remote_tag);

	if (l->out_invite == t) {
		l->out_invite = 0;
		return initial ? LEV_RX_2XX : LEV_RX_RE_2XX;
	}
	if (ours)
		return LEV_RX_2XX_AGAIN;
	return l->state == LEG_CONFIRMED || l->state == LEG_LEAVING || l->state == LEG_ENDED
		       ? LEV_RX_2XX_STRAY
		       : LEV_RX_2XX;
}

/* A 2xx of an INVITE before the last one finds no ACK any more; its retransmission is older than the ACK that ended it. */
static bool current(const struct leg *l, struct sip_msg *m)
{
	const struct sip_cseq *cseq;

	return sip_msg_cseq(m, &cseq) == 0 && cseq->number == l->out_cseq;
}

static void on_invite_response(struct leg *l, txn_id t, struct sip_msg *m, struct call_ev *e)
{
	bool initial = l->role == LEG_UAC && !l->routes_frozen;

	if (m->status == 100)
		return;
	if (l->out_invite != t && (m->status >= 300 || !current(l, m)))
		return;
	note_response(l, m);
	if (m->status < 200) {
		call_leg_event(l, LEV_RX_1XX, e);
		return;
	}
	if (m->status < 300) {
		call_leg_event(l, which_2xx(l, m, t, initial), e);
		return;
	}
	l->out_invite = 0;
	call_leg_event(l, initial ? LEV_RX_FAIL : LEV_RX_RE_FAIL, e);
}

static void on_final(struct leg *l, enum owner_kind kind, struct call_ev *e)
{
	switch (kind) {
	case OWN_BYE:
		call_leg_event(l, LEV_BYE_DONE, e);
		break;
	case OWN_RELAY:
		e->type = EV_RESPONSE;
		call_event(l->call, e);
		break;
	case OWN_INVITE:
	case OWN_SERVER:
		break;
	}
}

void call_up_response(void *ctx, txn_id t, uint64_t owner, struct sip_msg *m, uint64_t now_ms)
{
	struct call_ev e = {.msg = m, .txn = t, .now_ms = now_ms};
	struct shard *s = ctx;
	enum owner_kind kind;
	struct leg *l;

	shard_enter(s);
	l = owner_leg(s, owner, &kind, &e.slot);
	e.leg = l;
	if (l && kind == OWN_INVITE) {
		on_invite_response(l, t, m, &e);
	} else if (l && m->status >= 200) {
		note_response(l, m);
		on_final(l, kind, &e);
	} else if (!l && kind == OWN_INVITE && m->status / 100 == 2) {
		call_end_late(s, m, now_ms);
	}
	shard_leave(s);
}

void call_up_cancelled(void *ctx, txn_id t, uint64_t owner, struct sip_msg *cancel, uint64_t now_ms)
{
	struct call_ev e = {.msg = cancel, .txn = t, .now_ms = now_ms};
	struct shard *s = ctx;
	enum owner_kind kind;
	struct leg *l;

	shard_enter(s);
	l = owner_leg(s, owner, &kind, &e.slot);
	if (l && kind == OWN_SERVER && l->in_invite == t) {
		call_note_request(l, cancel);
		call_leg_event(l, LEV_RX_CANCEL, &e);
	}
	shard_leave(s);
}

void call_up_failed(void *ctx, txn_id t, uint64_t owner, enum txn_failure why, uint64_t now_ms)
{
	struct call_ev e = {.txn = t, .status = why == TXN_TIMEOUT ? 408 : 503, .now_ms = now_ms};
	struct shard *s = ctx;
	enum owner_kind kind;
	struct leg *l;

	shard_enter(s);
	l = owner_leg(s, owner, &kind, &e.slot);
	e.leg = l;
	if (l && kind == OWN_INVITE && l->out_invite == t) {
		l->out_invite = 0;
		call_leg_event(
			l, l->role == LEG_UAC && !l->routes_frozen ? LEV_RX_FAIL : LEV_RX_RE_FAIL,
			&e);
	} else if (l) {
		on_final(l, kind, &e);
	}
	shard_leave(s);
}
