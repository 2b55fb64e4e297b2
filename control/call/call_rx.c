/* Upcalls of the transaction layer for requests: which call and leg a message belongs to, and what it is for them.
 *
 * On the shard's thread. A request with a To tag belongs to a dialog or to nobody: the tag names shard, call and leg, and Call-ID and both
 * tags are compared in full (rule 1). What a dialog's state refuses without asking the other leg (a second INVITE, a stale CSeq, a method
 * that we do not offer) is refused here; everything else becomes an event. RFC 3261 8.2, 12.2.2, 14.2. */
#include "call/call_rx.h"
#include "base/log.h"
#include "base/rng.h"
#include "registrar/registrar.h"

typedef int (*respond_fn)(struct txn_layer *l, txn_id t, uint16_t status, struct str bytes,
			  uint64_t now_ms);

static void write_reply(struct shard *s, struct buf *b, struct sip_msg *m, unsigned status,
			struct str extra)
{
	char tag[17];

	*b = msg_buf(s);
	sip_build_response(b, m, (uint16_t)status, (struct str){0}, txn_to_tag(s->txn, m, tag),
			   extra);
}

static void give(struct shard *s, txn_id t, unsigned status, struct buf *b, respond_fn respond,
		 uint64_t now_ms)
{
	int err = buf_check(b) ? ERR_NOMEM
			       : respond(s->txn, t, (uint16_t)status, buf_view(b), now_ms);

	if (err == ERR_NOMEM)
		txn_disown(s->txn, t);
	if (status >= 400)
		metric_inc(&s->metrics, M_SIP_REJECTED);
}

static void reply(struct shard *s, txn_id t, struct sip_msg *m, unsigned status, struct str extra,
		  uint64_t now_ms)
{
	struct buf b;

	write_reply(s, &b, m, status, extra);
	give(s, t, status, &b, txn_respond, now_ms);
}

/* Whose address anybody could have written there: no handshake, no trunk, no registration. */
static bool is_stranger(const struct shard *s, const struct sip_flow *flow)
{
	return flow->transport == CONF_UDP &&
	       source_check(flow->realm, trunk_match(s->conf, flow)) != SOURCE_ALLOW &&
	       !(s->registrar && !str_empty(registrar_user_by_flow(s->registrar, flow)));
}

/* For requests that belong to nothing of ours. A stranger costs no memory, hears everything once, and, challenges aside, hears not more than
 * he said: whoever writes a victim's address into his packets shall have no gain from us. */
static void reply_apart(struct shard *s, txn_id t, struct sip_msg *m, unsigned status,
			struct str extra, uint64_t now_ms)
{
	bool challenge = status == 401 || status == 407;
	struct buf b;

	if (!is_stranger(s, &m->flow)) {
		reply(s, t, m, status, extra, now_ms);
		return;
	}
	write_reply(s, &b, m, status, extra);
	if (!challenge && b.len > m->raw.len)
		write_reply(s, &b, m, status, (struct str){0});
	give(s, t, status, &b, txn_respond_once, now_ms);
}

/* ---- new calls ---- */

static int keep_names(struct call *c, const struct call_admission *a, struct sip_msg *m)
{
	const struct sip_nameaddr *from;
	int err = sip_msg_from(m, &from);

	if (err)
		return err;
	c->from_user = arena_str(&c->arena, from->uri.user);
	c->to_user = arena_str(&c->arena, a->called);
	c->from_name = a->trunk ? a->trunk->name : a->realm->name;
	c->to_name = a->route->to == CONF_TO_TRUNK  ? a->route->to_trunk->name
		     : a->route->to == CONF_TO_ECHO ? STR("echo")
						    : STR("registrar");
	return c->from_user.p && c->to_user.p ? 0 : ERR_NOMEM;
}

static int make_call(struct shard *s, txn_id t, struct sip_msg *m, struct call_admission *a,
		     uint64_t now_ms, struct leg **out)
{
	struct call *c;
	struct leg *l;
	int err = call_create(s->calls, now_ms, &c);

	if (err)
		return err;
	err = keep_names(c, a, m);
	if (!err)
		err = leg_create(c, LEG_UAS, a->realm, a->trunk, &l);
	if (!err)
		err = leg_init_uas(l, m);
	if (!err)
		err = leg_take_invite(l, t, m);
	if (!err)
		err = txn_set_owner(s->txn, t, owner_make(c, l->index, OWN_SERVER, 0));
	if (err) {
		if (c->n_leg)
			c->leg[0]->in_invite = 0; /* answered by our caller */
		call_destroy(c);
		return err;
	}
	*out = l;
	return 0;
}

static void on_invite(struct shard *s, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	struct call_ev e = {.msg = m, .txn = t, .now_ms = now_ms};
	struct call_admission a;
	struct str extra;
	struct leg *l;
	int status = call_admit(s, m, now_ms, &a, &extra);
	int err;

	if (status) {
		log_limited(LOG_INFO, "call", "refused", KV_I("status", status),
			    KV_A("source", &m->flow.remote), KV_S("uri", m->ruri));
		(str_empty(a.user) ? reply_apart : reply)(s, t, m, (unsigned)status, extra, now_ms);
		return;
	}
	err = make_call(s, t, m, &a, now_ms, &l);
	if (err) {
		reply(s, t, m,
		      err == ERR_FULL    ? 503
		      : err == ERR_NOMEM ? 500
					 : 400,
		      (struct str){0}, now_ms);
		return;
	}
	log_info("call", "begin", KV_X("call", l->call->id), KV_S("from", l->call->from_user),
		 KV_S("to", l->call->to_user), KV_S("in", l->call->from_name),
		 KV_S("route", a.route->name), KV_A("source", &m->flow.remote));
	call_note_request(l, m);
	l->call->admission = &a;
	call_leg_event(l, LEV_RX_INVITE, &e);
}

/* ---- requests in dialogs ---- */

/* The leg whose dialog this request belongs to; NULL: nobody's. */
static struct leg *dialog_of(struct shard *s, struct sip_msg *m, const struct sip_nameaddr *to)
{
	struct leg *l = call_tag_find(s->calls, sip_nameaddr_tag(to));
	const struct sip_nameaddr *from;

	/* What belongs to one realm is no business of another's, whoever knows the tags. */
	if (!l || l->state == LEG_ENDED || l->state == LEG_NEW || l->realm != m->flow.realm ||
	    sip_msg_from(m, &from))
		return NULL;
	if (!str_eq(l->call_id, sip_msg_hdr(m, SIP_H_CALL_ID)) ||
	    !leg_tag_known(l, sip_nameaddr_tag(from)))
		return NULL;
	return l;
}

static struct str retry_after(struct shard *s)
{
	char text[32];
	struct buf b = BUF_ON(text);

	buf_c(&b, "Retry-After: ");
	buf_u64(&b, rng_below(11)); /* RFC 3261 14.2: 0 to 10 s */
	buf_c(&b, "\r\n");
	return arena_str(&s->scratch, buf_view(&b));
}

/* This far end has its ACK, the other one's is still on its way to us: rule 9, the offer waits. */
static bool must_wait(const struct leg *l)
{
	const struct call *c = l->call;

	return (c->state == CALL_ANSWERED || c->state == CALL_REACK) && l->index == c->inv_to &&
	       l->state == LEG_CONFIRMED && !l->ack_held && !l->out_invite && !l->in_2xx;
}

static void on_reinvite(struct leg *l, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	struct call_ev e = {.msg = m, .txn = t, .now_ms = now_ms};
	struct shard *s = l->call->shard;
	struct str extra = {0};
	bool wait = must_wait(l);
	int status = 0;

	if (l->in_invite)
		status = 500;
	else if (wait)
		l->held_flow = m->flow;
	else if (l->call->state != CALL_ACTIVE || l->out_invite || l->in_2xx ||
		 l->state != LEG_CONFIRMED)
		status = l->call->state == CALL_ENDING ? 481 : 491;
	if (status == 500)
		extra = retry_after(s);
	if (!status)
		status = call_guard(s, m, &e.max_forwards, &extra);
	if (!status && ((wait && held_set(&l->held, m->raw)) || leg_take_invite(l, t, m) ||
			txn_set_owner(s->txn, t, owner_make(l->call, l->index, OWN_SERVER, 0)))) {
		held_free(&l->held);
		l->in_invite = 0;
		status = 500;
	}
	if (status) {
		reply(s, t, m, (unsigned)status, extra, now_ms);
		return;
	}
	if (!wait)
		call_leg_event(l, LEV_RX_REINVITE, &e);
}

/* The ACK came: the re-INVITE that waited for it goes on. It was judged when it came. */
static void release_held(struct call *c, uint64_t now_ms)
{
	struct leg *l = c->inv_to < c->n_leg ? c->leg[c->inv_to] : NULL;
	struct call_ev e = {.now_ms = now_ms};
	struct sip_fault fault;
	struct sip_msg m;
	struct str raw, extra;

	if (c->state != CALL_ACTIVE || !l || !l->held.p)
		return;
	raw = l->held;
	l->held = (struct str){0};
	e.msg = &m;
	e.txn = l->in_invite;
	if (sip_scan((char *)(uintptr_t)raw.p, raw.len, &c->shard->scratch, &m, &fault) ||
	    call_guard(c->shard, &m, &e.max_forwards, &extra)) { /* only for want of memory */
		txn_disown(c->shard->txn, l->in_invite);
		l->in_invite = 0;
	} else {
		m.flow = l->held_flow;
		m.received_ms = now_ms;
		call_leg_event(l, LEV_RX_REINVITE, &e);
	}
	held_free(&raw);
}

static void on_bye(struct leg *l, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	struct call_ev e = {.msg = m, .txn = t, .now_ms = now_ms};

	reply(l->call->shard, t, m, 200, (struct str){0}, now_ms);
	call_leg_event(l, LEV_RX_BYE, &e);
}

static int take_slot(struct call *c, struct leg *l, txn_id t, struct sip_msg *m, uint8_t *slot)
{
	struct buf b = msg_buf(c->shard);
	uint8_t i = 0;

	while (i < CALL_RELAYS && c->relay[i].in)
		i++;
	if (i == CALL_RELAYS)
		return ERR_FULL;
	msg_head(&b, l, m);
	if (buf_check(&b) || held_set(&c->relay[i].in_head, buf_view(&b)))
		return ERR_NOMEM;
	c->relay[i].in = t;
	c->relay[i].from = l->index;
	*slot = i;
	return 0;
}

/* Goes to the other leg and its answer comes back. */
static void on_info(struct leg *l, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	struct call_ev e = {.type = EV_REQUEST, .leg = l, .msg = m, .txn = t, .now_ms = now_ms};
	struct call *c = l->call;
	struct shard *s = c->shard;
	struct str extra = {0};
	int status;

	if (c->state < CALL_ANSWERED || c->state > CALL_REACK || l->peer >= c->n_leg ||
	    c->leg[l->peer]->state != LEG_CONFIRMED) {
		reply(s, t, m, c->state == CALL_ENDING ? 481 : 405,
		      STR("Allow: " CALL_ALLOW "\r\n"), now_ms);
		return;
	}
	status = call_guard_relayed(s, m, &e.max_forwards, &extra);
	if (status) {
		reply(s, t, m, (unsigned)status, extra, now_ms);
		return;
	}
	if (take_slot(c, l, t, m, &e.slot)) {
		reply(s, t, m, 500, retry_after(s), now_ms);
		return;
	}
	call_event(c, &e);
}

/* How each method is answered, with a To tag and without. */
enum answer { ANS_INVITE, ANS_BYE, ANS_OPTIONS, ANS_REGISTER, ANS_INFO, ANS_405, ANS_501 };
static const uint8_t answers[][2] = {
	/*                 new           in a dialog */
	[SIP_M_OTHER] = {ANS_501, ANS_501},         [SIP_M_INVITE] = {ANS_INVITE, ANS_INVITE},
	[SIP_M_ACK] = {ANS_405, ANS_405},           [SIP_M_BYE] = {ANS_BYE, ANS_BYE},
	[SIP_M_CANCEL] = {ANS_405, ANS_405},        [SIP_M_OPTIONS] = {ANS_OPTIONS, ANS_OPTIONS},
	[SIP_M_REGISTER] = {ANS_REGISTER, ANS_405}, [SIP_M_PRACK] = {ANS_405, ANS_405},
	[SIP_M_UPDATE] = {ANS_405, ANS_405},        [SIP_M_INFO] = {ANS_405, ANS_INFO},
	[SIP_M_MESSAGE] = {ANS_405, ANS_405},       [SIP_M_SUBSCRIBE] = {ANS_405, ANS_405},
	[SIP_M_NOTIFY] = {ANS_405, ANS_405},        [SIP_M_PUBLISH] = {ANS_405, ANS_405},
	[SIP_M_REFER] = {ANS_405, ANS_405},
};

static void on_options(struct shard *s, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	struct str mf = sip_msg_hdr(m, SIP_H_MAX_FORWARDS);
	struct str extra = {0};
	uint32_t n = 70;
	int status = mf.p && (str_to_u32(mf, &n) || n == 0) ? (n == 0 ? 483 : 400) : 0;
	uint32_t unused;

	if (!status && sip_msg_hdr(m, SIP_H_REQUIRE).p)
		status = call_guard(s, m, &unused, &extra);
	if (!status)
		extra = STR("Allow: " CALL_ALLOW "\r\nAccept: application/sdp\r\n");
	reply_apart(s, t, m, status ? (unsigned)status : 200, extra, now_ms);
}

static void in_dialog(struct shard *s, txn_id t, struct sip_msg *m, const struct sip_nameaddr *to,
		      uint64_t now_ms)
{
	struct leg *l = dialog_of(s, m, to);
	const struct sip_cseq *cseq;

	if (!l) {
		reply_apart(s, t, m, 481, (struct str){0}, now_ms);
		return;
	}
	if (sip_msg_cseq(m, &cseq)) {
		reply(s, t, m, 400, (struct str){0}, now_ms);
		return;
	}
	if (l->remote_cseq_set && cseq->number <= l->remote_cseq) { /* RFC 3261 12.2.2 */
		reply(s, t, m, 500, m->method == SIP_M_INVITE ? retry_after(s) : (struct str){0},
		      now_ms);
		return;
	}
	l->remote_cseq = cseq->number;
	l->remote_cseq_set = true;
	call_note_request(l, m);
	switch ((enum answer)answers[m->method][1]) {
	case ANS_INVITE:
		on_reinvite(l, t, m, now_ms);
		break;
	case ANS_BYE:
		on_bye(l, t, m, now_ms);
		break;
	case ANS_INFO:
		on_info(l, t, m, now_ms);
		break;
	case ANS_OPTIONS:
		on_options(s, t, m, now_ms);
		break;
	case ANS_REGISTER:
	case ANS_405:
		reply(s, t, m, 405, STR("Allow: " CALL_ALLOW "\r\n"), now_ms);
		break;
	case ANS_501:
		reply(s, t, m, 501, STR("Allow: " CALL_ALLOW "\r\n"), now_ms);
		break;
	}
}

static void up_request(void *ctx, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	struct shard *s = ctx;
	const struct sip_nameaddr *to;

	shard_enter(s);
	if (sip_msg_to(m, &to)) {
		reply_apart(s, t, m, 400, (struct str){0}, now_ms);
		goto out;
	}
	if (!str_empty(sip_nameaddr_tag(to))) {
		in_dialog(s, t, m, to, now_ms);
		goto out;
	}
	switch ((enum answer)answers[m->method][0]) {
	case ANS_INVITE:
		on_invite(s, t, m, now_ms);
		break;
	case ANS_OPTIONS:
		on_options(s, t, m, now_ms);
		break;
	case ANS_REGISTER:
		if (s->registrar)
			registrar_request(s->registrar, t, m, now_ms);
		else
			reply_apart(s, t, m, 405, STR("Allow: " CALL_ALLOW "\r\n"), now_ms);
		break;
	case ANS_BYE:
		reply_apart(s, t, m, 481, (struct str){0}, now_ms);
		break;
	case ANS_INFO:
	case ANS_405:
		reply_apart(s, t, m, 405, STR("Allow: " CALL_ALLOW "\r\n"), now_ms);
		break;
	case ANS_501:
		reply_apart(s, t, m, 501, STR("Allow: " CALL_ALLOW "\r\n"), now_ms);
		break;
	}
out:
	shard_leave(s);
}

/* Rule 8: an ACK that nobody waits for is nothing. */
static void up_ack(void *ctx, struct sip_msg *m, uint64_t now_ms)
{
	struct call_ev e = {.msg = m, .now_ms = now_ms};
	struct shard *s = ctx;
	const struct sip_nameaddr *to;
	const struct sip_cseq *cseq;
	struct call *c;
	struct leg *l;
	uint64_t id;

	shard_enter(s);
	l = sip_msg_to(m, &to) ? NULL : dialog_of(s, m, to);
	if (l && l->in_2xx && sip_msg_cseq(m, &cseq) == 0 && cseq->number == l->in_cseq) {
		call_note_request(l, m);
		id = l->call->id;
		l->in_2xx = 0;
		call_leg_event(l, LEV_RX_ACK, &e);
		c = call_get(s->calls, id);
		if (c)
			release_held(c, now_ms);
	}
	shard_leave(s);
}

const struct txn_user call_txn_user = {
	.request = up_request,
	.ack = up_ack,
	.response = call_up_response,
	.cancelled = call_up_cancelled,
	.failed = call_up_failed,
};
