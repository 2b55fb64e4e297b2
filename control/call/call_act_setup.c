/* Actions on the way to an answer: the INVITE sent on to one or several far ends, echo answered at once, progress and refusal.
 *
 * For call_fsm.c, on the shard's thread; no I/O. Every contact of a user is a leg of its own with ports of its own, and all are rung in
 * parallel. With one far leg the SDP of its first early dialog is shown to the caller as a preview; with several
 * there is none, since the caller sees one To-tag and one tag has one answer (rules 2 and 20). RFC 3261 13, 16.7. */
#include "call/bridge.h"
#include "call/call_plan.h"
#include "registrar/registrar.h"

/* Takes the caller's offer and opens its ports. 0, or the status to refuse with. */
static unsigned take_offer(struct leg *a, const struct call_ev *e)
{
	struct call *c = a->call;
	int err = oa_offer_received(&a->oa, e->msg->body);

	switch (err) {
	case 0:
		break;
	case ERR_NOMEM:
		return 500;
	case ERR_RANGE:
		return 488;
	default:
		return 400;
	}
	if (a->echo ? sdp_echo_section(oa_far(&a->oa)) < 0 : !bridge_relays_any(oa_far(&a->oa)))
		return 488;
	return call_media_status(c, a, bridge_open(a, oa_far(&a->oa), e->now_ms));
}

unsigned call_media_status(struct call *c, const struct leg *l, int err)
{
	switch (err) {
	case 0:
		return 0;
	case ERR_FULL:
		metric_inc(&c->shard->metrics, M_CALLS_NO_PORTS);
		return l->realm->media_pool ? l->realm->media_pool->exhausted : 503;
	case ERR_NOENT:
		return 503;
	default:
		return 500;
	}
}

/* Where one far leg goes and how it is named. */
struct target {
	const struct conf_realm *realm;
	const struct conf_trunk *trunk;
	struct leg_uac uac;
};

static void put_uri_host(struct buf *b, const struct sip_uri *u)
{
	bool v6 = str_find(u->host, ':') >= 0;

	buf_c(b, v6 ? "[" : "");
	buf_str(b, u->host);
	buf_c(b, v6 ? "]" : "");
	if (u->port) {
		buf_ch(b, ':');
		buf_u64(b, u->port);
	}
}

static void put_addr(struct buf *b, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (a->port != 5060) {
		buf_c(b, addr_text(a, text));
		return;
	}
	buf_c(b, a->family == ADDR_V6 ? "[" : "");
	buf_c(b, addr_ip_text(a, text));
	buf_c(b, a->family == ADDR_V6 ? "]" : "");
}

static int scratch_str(struct shard *s, const struct buf *b, struct str *out)
{
	if (buf_check(b))
		return ERR_LIMIT;
	*out = arena_str(&s->scratch, buf_view(b));
	return out->p ? 0 : ERR_NOMEM;
}

static int target_trunk(struct call *c, struct target *t)
{
	const struct call_admission *a = c->admission;
	char text[SIP_LINE_MAX];
	struct buf b = BUF_ON(text);
	int err;

	t->realm = a->route->to_trunk->realm;
	t->trunk = a->route->to_trunk;
	err = c->shard->net.flow(c->shard->net.ctx, t->realm, a->peer->transport, &a->peer->addr,
				 &t->uac.flow);
	if (err)
		return err;
	t->uac.flow.tls_name = t->trunk->tls_san;
	put_addr(&b, &a->peer->addr);
	err = scratch_str(c->shard, &b, &t->uac.to_host);
	if (err)
		return err;
	b = BUF_ON(text);
	buf_c(&b, "sip:");
	buf_str(&b, a->called);
	buf_c(&b, str_empty(a->called) ? "" : "@");
	put_addr(&b, &a->peer->addr);
	if (a->peer->transport != CONF_UDP) {
		buf_c(&b, ";transport=");
		buf_str(&b, sip_transport_param(a->peer->transport));
	}
	buf_c(&b, a->called_tel ? ";user=phone" : "");
	return scratch_str(c->shard, &b, &t->uac.ruri);
}

static int target_contact(struct call *c, const struct reg_contact *contact, struct target *t)
{
	char text[SIP_LINE_MAX];
	struct buf b = BUF_ON(text);
	struct sip_uri uri;
	int err = sip_parse_uri(contact->uri, &c->shard->scratch, &uri);

	if (err)
		return err;
	t->realm = contact->flow.realm;
	t->trunk = NULL;
	t->uac.flow = contact->flow;
	err = sip_uri_target(&uri, &c->shard->scratch, &t->uac.ruri);
	if (err)
		return err;
	t->uac.nat = contact->nat;
	put_uri_host(&b, &uri);
	return scratch_str(c->shard, &b, &t->uac.to_host);
}

/* A telephone number, by its scheme or because it says so (RFC 3261 19.1.6). */
static bool is_phone(const struct sip_uri *u)
{
	const struct sip_param *p = sip_param_find(&u->params, STR("user"));

	return u->scheme == SIP_URI_TEL || (p && str_ieq(p->value, STR("phone")));
}

/* Caller and called party, as every far leg names them. */
static int name_parties(struct sip_msg *m, struct leg_uac *u)
{
	const struct sip_nameaddr *from, *to;
	int err = sip_msg_from(m, &from);

	if (!err)
		err = sip_msg_to(m, &to);
	if (err)
		return err;
	u->from_user = from->uri.user;
	u->from_display = from->display;
	u->from_tel = is_phone(&from->uri);
	u->to_user = to->uri.user;
	u->to_display = to->display;
	u->to_tel = is_phone(&to->uri);
	return 0;
}

/* One far leg with ports and offer. 0, or the status that tells why not. */
static unsigned call_out(struct call *c, const struct call_ev *e, const struct target *t,
			 struct call_plan *p)
{
	const struct sdp *offer = c->delayed ? NULL : oa_far(&c->leg[0]->oa);
	struct str body = {0};
	struct plan_op *op;
	struct leg *l;
	unsigned status;

	if (leg_create(c, LEG_UAC, t->realm, t->trunk, &l) || leg_init_uac(l, &t->uac))
		return 500;
	if (offer) {
		status = call_media_status(c, l, bridge_open(l, offer, e->now_ms));
		if (!status && (bridge_sdp(l, offer, false, &body) || oa_offer_sent(&l->oa)))
			status = 500;
		if (status) {
			plan_add(p, PLAN_MEDIA_DROP, l->index);
			return status;
		}
	}
	leg_step(l, LEV_TX_INVITE, e, p);
	op = plan_add(p, PLAN_INVITE, l->index);
	op->body = body;
	op->pass = e->msg;
	op->max_forwards = c->admission->max_forwards;
	return 0;
}

static bool refuse(struct call *c, const struct call_ev *e, struct call_plan *p, unsigned status)
{
	call_teardown(c, e, p, status, (struct str){0}, (struct str){0});
	return false;
}

bool act_setup(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	const struct call_admission *a = c->admission;
	struct target t = {0};
	unsigned status = 0;
	size_t n = 0;

	c->delayed = str_empty(e->msg->body);
	if (!c->delayed)
		status = take_offer(e->leg, e);
	if (!status && name_parties(e->msg, &t.uac))
		status = 400;
	if (status)
		return refuse(c, e, p, status);
	if (a->route->to == CONF_TO_TRUNK) {
		status = target_trunk(c, &t) ? 503 : call_out(c, e, &t, p);
		n += status == 0;
	} else {
		for (const struct reg_contact *r = a->binding->contact;
		     r && c->n_leg < CALL_LEGS_MAX; r = r->next) {
			unsigned failed = target_contact(c, r, &t) ? 500 : call_out(c, e, &t, p);

			n += failed == 0;
			status = failed ? failed : status;
		}
	}
	if (n == 0)
		return refuse(c, e, p, status ? status : 480);
	c->inv_from = e->leg->index;
	if (n == 1 && c->n_leg == 2)
		bridge_join(c->leg[0], c->leg[1]);
	c->expires = a->expires;
	plan_timer(p, a->ring_ms);
	return true;
}

/* media/echo: answered here, no ringing. */
bool act_setup_echo(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct leg *a = e->leg;
	struct str body;
	unsigned status;

	a->echo = true;
	status = str_empty(e->msg->body) ? 488 : take_offer(a, e);
	if (!status && (bridge_sdp(a, oa_far(&a->oa), true, &body) || oa_answer_sent(&a->oa)))
		status = 500;
	if (status)
		return refuse(c, e, p, status);
	c->inv_from = a->index;
	c->inv_to = CALL_LEGS_MAX;
	call_answered(c, e->now_ms);
	plan_respond(a, e, p, 200, (struct str){0}, body, NULL);
	plan_add(p, PLAN_MEDIA, a->index);
	return true;
}

/* The preview's text for the caller, or an empty view where there is none to show. */
static struct str preview(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct leg *b = e->leg, *a = c->leg[0];
	const struct sip_nameaddr *to;
	struct str body = {0};
	struct leg_tag *tag;

	if (sip_msg_to(e->msg, &to))
		return body;
	tag = leg_tag_note(b, sip_nameaddr_tag(to));
	if (!tag || c->n_leg != 2 || c->delayed || str_empty(e->msg->body) ||
	    (b->preview && b->preview != tag))
		return body;
	if (oa_answer_received(&b->oa, e->msg->body, oa_far(&a->oa)->n_media, false))
		return body;
	b->preview = tag;
	if (bridge_sdp(a, oa_far(&b->oa), false, &body))
		return (struct str){0};
	plan_add(p, PLAN_MEDIA, a->index);
	plan_add(p, PLAN_MEDIA, b->index);
	return body;
}

bool act_progress(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct str body = preview(c, e, p);

	plan_respond(c->leg[0], e, p, e->msg->status, e->msg->reason, body, e->msg);
	return true;
}

/* What crosses of a far end's refusal: its challenge and its other addresses are no business of the caller's (rule 33; 3xx is blocked for now). */
unsigned call_far_status(unsigned status)
{
	if (status == 401 || status == 407)
		return 500;
	if (status >= 300 && status < 400)
		return 480;
	return status;
}

/* RFC 3261 16.7 step 6: 6xx first, then the lowest class; in 4xx those that tell the caller how to do better. Lower is better. */
static unsigned rank(unsigned status)
{
	static const uint16_t telling[] = {415, 420, 484, 486};
	unsigned class = status / 100;

	if (class == 6)
		return 0;
	for (size_t i = 0; i < sizeof telling / sizeof telling[0]; i++)
		if (status == telling[i])
			return class * 1000;
	return class * 1000 + 1 + status % 100;
}

static struct leg *best_refusal(struct call *c)
{
	struct leg *best = NULL;

	for (size_t i = 1; i < c->n_leg; i++) {
		struct leg *l = c->leg[i];

		if (l->final_status && (!best || rank(l->final_status) < rank(best->final_status)))
			best = l;
	}
	return best;
}

bool act_refused(struct call *c, const struct call_ev *e, struct call_plan *p)
{
	struct leg *l = e->leg, *a = c->leg[0], *best;

	l->final_status = (uint16_t)call_far_status(e->msg ? e->msg->status : e->status);
	if (e->msg && l->final_status == e->msg->status)
		l->final_reason = arena_str(&c->arena, str_head(e->msg->reason, 64));
	plan_add(p, PLAN_MEDIA_DROP, l->index);
	if (call_forks(c) && l->final_status < 600)
		return false;
	best = best_refusal(c);
	plan_respond(a, e, p, best->final_status, best->final_reason, (struct str){0},
		     best == l ? e->msg : NULL);
	call_teardown(c, e, p, 487, (struct str){0}, (struct str){0});
	return true;
}
