/* The only file of the call layer that acts: it executes a plan through the transaction layer, the media client and the timer wheel.
 *
 * For call_run.c, on the shard's thread. What cannot be sent comes back as an event of the leg concerned (call_later()), so that the machines
 * decide what follows. Everything sent goes into the call's ladder. RFC 3261 13.2.2.4 for ACKs, 13.3.1.4 for 2xx retransmission. */
#include "call/bridge.h"
#include "call/call_plan.h"
#include "base/log.h"
#include "base/mem.h"

static void note(const struct leg *l, struct str text, bool sdp)
{
	ladder_add(&l->call->ladder, clock_wall_ms(), l->index, true, text, sdp);
}

static void note_status(const struct leg *l, unsigned status, struct str reason, bool sdp)
{
	char text[LADDER_TEXT];
	struct buf b = BUF_ON(text);

	buf_u64(&b, status);
	buf_ch(&b, ' ');
	buf_str(&b, str_head(str_empty(reason) ? str_c(sip_reason((uint16_t)status)) : reason,
			     LADDER_TEXT - 8));
	note(l, buf_view(&b), sdp);
}

/* Writes a request and starts its transaction. */
static int start(struct leg *l, const struct sip_flow *flow, const struct msg_request *what,
		 uint64_t owner, uint64_t now_ms, txn_id *t)
{
	struct shard *s = l->call->shard;
	struct msg_request r = *what;
	struct buf b = msg_buf(s);
	char branch[SIP_BRANCH_LEN];
	int err;

	sip_branch(s->index, branch);
	r.branch = str_c(branch);
	msg_request(&b, l, flow, &r);
	if (buf_check(&b))
		return ERR_NOMEM;
	err = txn_start(s->txn, flow, r.method, r.branch, buf_view(&b), owner, now_ms, t);
	if (!err)
		note(l, str_empty(r.method_name) ? sip_method_name(r.method) : r.method_name,
		     !str_empty(r.body));
	return err;
}

static uint16_t status_of(int err)
{
	return err == ERR_NOMEM ? 500 : 503;
}

static void do_invite(struct leg *l, const struct plan_op *op, uint64_t now_ms)
{
	bool again = l->state == LEG_CONFIRMED;
	struct sip_flow flow = again ? leg_next_hop(l) : l->flow;
	struct msg_request r = {.method = SIP_M_INVITE,
				.cseq = ++l->local_cseq,
				.max_forwards = op->max_forwards,
				.body = op->body,
				.pass = op->pass};
	int err;

	l->out_cseq = r.cseq;
	held_free(&l->ack);
	err = start(l, &flow, &r, owner_make(l->call, l->index, OWN_INVITE, 0), now_ms,
		    &l->out_invite);
	if (!err)
		return;
	l->out_invite = 0;
	log_limited(LOG_WARN, "call", "invite_failed", KV_X("call", l->call->id),
		    KV_U("leg", l->index), KV_A("to", &flow.remote), KV_C("why", err_text(err)));
	call_later(l->call, l, again ? LEV_RX_RE_FAIL : LEV_RX_FAIL, status_of(err));
}

static void on_resend(struct timer *t, uint64_t now_ms)
{
	struct leg *l = container_of(t, struct leg, resend);
	struct shard *s = l->call->shard;
	struct call_ev e = {.leg = l, .now_ms = now_ms};

	if (now_ms >= l->resend_end_ms) {
		l->in_2xx = 0;
		call_leg_event(l, LEV_NO_ACK, &e);
		return;
	}
	l->resend_ms = l->resend_ms * 2 < s->t2_ms ? l->resend_ms * 2 : s->t2_ms;
	if (txn_resend_2xx(s->txn, l->in_2xx, now_ms))
		log_debug("call", "resend_failed", KV_X("call", l->call->id));
	timer_start(&s->wheel, t,
		    now_ms + l->resend_ms < l->resend_end_ms ? now_ms + l->resend_ms
							     : l->resend_end_ms);
}

static void await_ack(struct leg *l, uint64_t now_ms)
{
	struct shard *s = l->call->shard;

	l->resend.fn = on_resend;
	l->resend_ms = s->t1_ms;
	l->resend_end_ms = now_ms + 64 * (uint64_t)s->t1_ms;
	timer_start(&s->wheel, &l->resend, now_ms + l->resend_ms);
}

static void do_respond(struct leg *l, const struct plan_op *op, uint64_t now_ms)
{
	struct shard *s = l->call->shard;
	struct buf b = msg_buf(s);
	int err;

	msg_response(&b, l, op->status, op->reason, op->extra, op->body, op->pass);
	err = buf_check(&b) ? ERR_NOMEM
			    : txn_respond(s->txn, op->txn, op->status, buf_view(&b), now_ms);
	if (err == ERR_NOMEM && op->status >= 200)
		txn_disown(s->txn, op->txn);
	if (op->status >= 200 && op->status < 300) {
		await_ack(l, now_ms);
		l->call->doomed |= err == ERR_NOMEM;
	}
	note_status(l, op->status, op->reason, !str_empty(op->body));
}

/* Sends bytes that no transaction carries. */
static void send_raw(struct leg *l, const struct sip_flow *flow, struct str bytes)
{
	struct shard *s = l->call->shard;
	int err = s->net.send(s->net.ctx, flow, bytes);

	if (err)
		log_limited(LOG_WARN, "call", "ack_failed", KV_X("call", l->call->id),
			    KV_A("to", &flow->remote), KV_C("why", err_text(err)));
}

static int write_ack(struct buf *b, const struct leg *l, const struct sip_flow *flow, uint32_t cseq,
		     struct str body)
{
	struct msg_request r = {.method = SIP_M_ACK, .cseq = cseq, .body = body};
	char branch[SIP_BRANCH_LEN];

	sip_branch(l->call->shard->index, branch);
	r.branch = str_c(branch);
	msg_request(b, l, flow, &r);
	return buf_check(b);
}

static void do_ack(struct leg *l, const struct plan_op *op)
{
	struct buf b = msg_buf(l->call->shard);

	l->ack_flow = leg_next_hop(l);
	l->ack_held = false;
	if (write_ack(&b, l, &l->ack_flow, l->out_cseq, op->body)) {
		l->call->doomed = true;
		return;
	}
	if (held_set(&l->ack, buf_view(&b)))
		held_free(&l->ack); /* this one goes out; a retransmitted 2xx will find none */
	send_raw(l, &l->ack_flow, buf_view(&b));
	note(l, STR("ACK"), !str_empty(op->body));
}

static void do_bye(struct leg *l, const struct plan_op *op, uint64_t now_ms)
{
	struct sip_flow flow = leg_next_hop(l);
	struct msg_request r = {.method = SIP_M_BYE, .cseq = ++l->local_cseq, .extra = op->extra};
	txn_id t;

	if (start(l, &flow, &r, owner_make(l->call, l->index, OWN_BYE, 0), now_ms, &t))
		call_later(l->call, l, LEV_BYE_DONE, 0);
}

/* The dialog that this 2xx would make, for its ACK and BYE only; texts in scratch. */
static int stray_dialog(struct leg *tmp, struct sip_msg *m)
{
	struct shard *s = tmp->call->shard;
	struct sip_nameaddr *na;
	const struct sip_nameaddr *to;
	size_t n = 0;

	if (sip_msg_to(m, &to))
		return ERR_SYNTAX;
	tmp->remote_tag = sip_nameaddr_tag(to);
	tmp->n_route = 0;
	if (sip_msg_contacts(m, &na, &n) == 0 && n && !na[0].star &&
	    sip_uri_target(&na[0].uri, &s->scratch, &tmp->target))
		return ERR_NOMEM;
	if (sip_msg_record_routes(m, &na, &n) || n == 0)
		return 0;
	tmp->route = arena_array(&s->scratch, struct str, n);
	if (!tmp->route)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		tmp->route[i] = na[n - 1 - i].uri.raw;
	tmp->n_route = n;
	tmp->strict = !sip_param_find(&na[n - 1].uri.params, STR("lr"));
	return 0;
}

static void do_stray(struct leg *l, const struct plan_op *op, uint64_t now_ms)
{
	struct msg_request r = {.method = SIP_M_BYE, .cseq = l->local_cseq + 1};
	struct buf b = msg_buf(l->call->shard);
	struct leg tmp = *l;
	struct leg_tag *tag;
	struct sip_flow flow;
	txn_id t;

	if (stray_dialog(&tmp, op->pass))
		return;
	flow = leg_next_hop(&tmp);
	if (write_ack(&b, &tmp, &flow, l->out_cseq, (struct str){0}))
		return;
	send_raw(l, &flow, buf_view(&b));
	note(l, STR("ACK"), false);
	tag = leg_tag_note(l, tmp.remote_tag);
	if (!tag || tag->byed)
		return;
	tag->byed = start(&tmp, &flow, &r, 0, now_ms, &t) == 0;
}

void call_end_late(struct shard *s, struct sip_msg *m, uint64_t now_ms)
{
	struct call c = {.shard = s};
	/* From and To as they came, tags and all: that is how msg_request() writes a UAS leg's remote value. */
	struct leg l = {.call = &c,
			.role = LEG_UAS,
			.realm = m->flow.realm,
			.flow = m->flow,
			.call_id = sip_msg_hdr(m, SIP_H_CALL_ID),
			.local_value = sip_msg_hdr(m, SIP_H_FROM),
			.remote_value = sip_msg_hdr(m, SIP_H_TO)};
	struct msg_request bye = {.method = SIP_M_BYE};
	struct buf b = msg_buf(s);
	const struct sip_cseq *cseq;
	struct sip_flow flow;
	txn_id t;

	if (sip_msg_cseq(m, &cseq) || stray_dialog(&l, m) || str_empty(l.target))
		return;
	flow = leg_next_hop(&l);
	if (write_ack(&b, &l, &flow, cseq->number, (struct str){0}))
		return;
	send_raw(&l, &flow, buf_view(&b));
	bye.cseq = cseq->number + 1;
	if (start(&l, &flow, &bye, 0, now_ms, &t))
		log_debug("call", "late_bye_failed", KV_A("to", &flow.remote));
}

static void do_cancel(struct leg *l, const struct plan_op *op, uint64_t now_ms)
{
	bool again = l->state != LEG_CANCELLING;

	if (txn_cancel(l->call->shard->txn, l->out_invite, op->extra, now_ms)) {
		call_later(l->call, l, again ? LEV_RX_RE_FAIL : LEV_RX_FAIL, 408);
		return;
	}
	note(l, STR("CANCEL"), false);
}

/* Response to the relayed request in a slot; the slot is free afterwards. */
static void relay_answer(struct call *c, unsigned slot, unsigned status, struct sip_msg *m,
			 uint64_t now_ms)
{
	struct call_relay *r = &c->relay[slot];
	struct buf b = msg_buf(c->shard);

	sip_status_line(&b, (uint16_t)status,
			m && call_far_status(status) == status ? m->reason : (struct str){0});
	buf_str(&b, r->in_head);
	if (m)
		sip_put_passed(&b, m);
	sip_put_body(&b, m ? sip_msg_hdr(m, SIP_H_CONTENT_TYPE) : (struct str){0},
		     m ? m->body : (struct str){0});
	if (buf_check(&b) ||
	    txn_respond(c->shard->txn, r->in, (uint16_t)status, buf_view(&b), now_ms))
		txn_disown(c->shard->txn, r->in);
	note_status(c->leg[r->from], status, (struct str){0}, false);
	held_free(&r->in_head);
	*r = (struct call_relay){0};
}

static void do_relay(struct leg *l, const struct plan_op *op, uint64_t now_ms)
{
	struct call_relay *slot = &l->call->relay[op->slot];
	struct sip_msg *m = op->pass;
	struct sip_flow flow = leg_next_hop(l);
	struct msg_request r = {.method = m->method,
				.method_name = m->method_name,
				.cseq = ++l->local_cseq,
				.max_forwards = op->max_forwards,
				.content_type = sip_msg_hdr(m, SIP_H_CONTENT_TYPE),
				.body = m->body,
				.pass = m};

	if (start(l, &flow, &r, owner_make(l->call, l->index, OWN_RELAY, op->slot), now_ms,
		  &slot->out))
		relay_answer(l->call, op->slot, 500, NULL, now_ms);
}

static void do_media(struct leg *l, uint64_t now_ms)
{
	int err = bridge_sync(l, now_ms);

	if (!err)
		return;
	log_limited(LOG_WARN, "call", "media_failed", KV_X("call", l->call->id),
		    KV_U("leg", l->index), KV_C("why", err_text(err)));
	l->call->doomed = true;
}

static void on_timer(struct timer *t, uint64_t now_ms)
{
	struct call_ev e = {.type = EV_TIMER, .now_ms = now_ms};

	call_event(container_of(t, struct call, timer), &e);
}

static void do_timer(struct call *c, uint64_t ms, uint64_t now_ms)
{
	c->timer.fn = on_timer;
	if (ms)
		timer_start(&c->shard->wheel, &c->timer, now_ms + ms);
	else
		timer_stop(&c->shard->wheel, &c->timer);
}

void call_commit(struct call *c, struct call_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct plan_op *op = &p->op[i];
		struct leg *l = c->leg[op->leg];

		switch (op->type) {
		case PLAN_INVITE:
			do_invite(l, op, p->now_ms);
			break;
		case PLAN_RESPOND:
			do_respond(l, op, p->now_ms);
			break;
		case PLAN_ACK:
			do_ack(l, op);
			break;
		case PLAN_ACK_AGAIN:
			if (l->ack.p)
				send_raw(l, &l->ack_flow, l->ack);
			break;
		case PLAN_STRAY:
			do_stray(l, op, p->now_ms);
			break;
		case PLAN_CANCEL:
			do_cancel(l, op, p->now_ms);
			break;
		case PLAN_BYE:
			do_bye(l, op, p->now_ms);
			break;
		case PLAN_MEDIA:
			do_media(l, p->now_ms);
			break;
		case PLAN_MEDIA_DROP:
			bridge_close(l, p->now_ms);
			break;
		case PLAN_RELAY:
			do_relay(l, op, p->now_ms);
			break;
		case PLAN_RELAY_BACK:
			relay_answer(c, op->slot, op->status, op->pass, p->now_ms);
			break;
		case PLAN_TIMER:
			do_timer(c, op->ms, p->now_ms);
			break;
		}
	}
}
