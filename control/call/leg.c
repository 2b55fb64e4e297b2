/* A leg's dialog: who the two ends are, how they are named in headers, where its requests go.
 *
 * For the call layer, on the shard's thread. A UAS leg takes its identity from the INVITE that came; a UAC leg's is written by us, with user
 * parts and display names of the caller's and nothing else of it. Local tags name shard, call and leg, so that a request in a dialog finds
 * its leg without a search; the tag is compared in full all the same. RFC 3261 12. */
#include "call/bridge.h"
#include "call/call_plan.h"
#include "base/mem.h"
#include "base/rng.h"

int held_set(struct str *s, struct str value)
{
	char *p;

	if (str_eq(*s, value) && s->p)
		return 0;
	p = mem_alloc(value.len + 1);
	if (!p)
		return ERR_NOMEM;
	if (value.len)
		memcpy(p, value.p, value.len);
	held_free(s);
	*s = str_n(p, value.len);
	return 0;
}

void held_free(struct str *s)
{
	mem_free((void *)(uintptr_t)s->p);
	*s = (struct str){0};
}

/* Out of memory: the call's own, or the machine's? */
static int full(const struct call *c, size_t wanted)
{
	if (c->arena.cap_bytes - c->arena.held_bytes < wanted + sizeof(max_align_t))
		metric_inc(&c->shard->metrics, M_CALLS_ARENA_CAP);
	return ERR_NOMEM;
}

static int keep(struct leg *l, struct str *to, struct str s)
{
	*to = arena_str(&l->call->arena, s);
	return to->p ? 0 : full(l->call, s.len);
}

int leg_create(struct call *c, enum call_leg_role role, const struct conf_realm *realm,
	       const struct conf_trunk *trunk, struct leg **out)
{
	char tag[CALL_TAG_LEN];
	struct leg *l;

	if (c->n_leg == CALL_LEGS_MAX)
		return ERR_FULL;
	l = arena_new(&c->arena, struct leg);
	if (!l)
		return full(c, sizeof *l);
	l->call = c;
	l->index = c->n_leg;
	l->peer = CALL_LEGS_MAX;
	l->role = role;
	l->realm = realm;
	l->trunk = trunk;
	l->profile = trunk && trunk->profile ? trunk->profile : realm->profile;
	for (size_t i = 0; i < CALL_MEDIA_MAX; i++)
		l->media[i] = (struct leg_media){.endpoint = MEDIA_NONE, .closing = MEDIA_NONE};
	call_tag_write(c, l->index, tag);
	if (keep(l, &l->local_tag, str_n(tag, sizeof tag)))
		return ERR_NOMEM;
	oa_init(&l->oa);
	l->oa.refuses = bridge_refuses;
	l->oa.refuses_ctx = c->shard->conf;
	c->leg[c->n_leg++] = l;
	*out = l;
	return 0;
}

void leg_free(struct leg *l)
{
	timer_stop(&l->call->shard->wheel, &l->resend);
	held_free(&l->target);
	held_free(&l->in_head);
	held_free(&l->held);
	held_free(&l->ack);
	oa_free(&l->oa);
}

/* "<uri>" of each Record-Route into the leg's route set; reversed for the UAC (RFC 3261 12.1.2). */
static int take_routes(struct leg *l, struct sip_msg *m)
{
	struct sip_nameaddr *rr;
	size_t n = 0;
	int err = sip_msg_record_routes(m, &rr, &n);

	if (err && err != ERR_NOENT)
		return err;
	if (err || n == 0)
		return 0;
	if (n > SIP_ROUTE_MAX)
		return ERR_LIMIT;
	l->route = arena_array(&l->call->arena, struct str, n);
	if (!l->route)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct sip_nameaddr *na = &rr[l->role == LEG_UAC ? n - 1 - i : i];

		if (keep(l, &l->route[i], na->uri.raw))
			return ERR_NOMEM;
		if (i == 0)
			l->strict = !sip_param_find(&na->uri.params, STR("lr"));
	}
	l->n_route = n;
	return 0;
}

/* The first Contact is the target. A request without one is answered all the same: its From URI has to do. */
static int take_target(struct leg *l, struct sip_msg *m, struct str fallback)
{
	struct sip_nameaddr *contact;
	struct str target;
	size_t n = 0;
	int err;

	if (sip_msg_contacts(m, &contact, &n) || n == 0 || contact[0].star ||
	    (contact[0].uri.scheme != SIP_URI_SIP && contact[0].uri.scheme != SIP_URI_SIPS))
		return str_empty(fallback) ? 0 : held_set(&l->target, fallback);
	err = sip_uri_target(&contact[0].uri, m->arena, &target);
	return err ? err : held_set(&l->target, target);
}

int leg_refresh_target(struct leg *l, struct sip_msg *m)
{
	return take_target(l, m, (struct str){0});
}

int leg_init_uas(struct leg *l, struct sip_msg *m)
{
	const struct sip_nameaddr *from, *to;
	const struct sip_cseq *cseq;
	int err = sip_msg_from(m, &from);

	if (!err)
		err = sip_msg_to(m, &to);
	if (!err)
		err = sip_msg_cseq(m, &cseq);
	if (err)
		return err;
	l->flow = m->flow;
	l->remote_cseq = cseq->number;
	l->remote_cseq_set = true;
	l->local_cseq = rng_u32() >> 12;
	err = keep(l, &l->call_id, sip_msg_hdr(m, SIP_H_CALL_ID));
	if (!err)
		err = keep(l, &l->remote_tag, sip_nameaddr_tag(from));
	if (!err)
		err = keep(l, &l->remote_value, sip_msg_hdr(m, SIP_H_FROM));
	if (!err)
		err = keep(l, &l->local_value, sip_msg_hdr(m, SIP_H_TO));
	if (!err)
		err = keep(l, &l->contact_user,
			   to->uri.scheme == SIP_URI_TEL ? STR("") : to->uri.user);
	if (!err)
		err = take_routes(l, m);
	if (!err)
		err = take_target(l, m, from->uri.raw);
	l->routes_frozen = true;
	return err;
}

static void put_user(struct buf *b, struct str user)
{
	buf_c(b, "sip:");
	buf_str(b, user);
	buf_c(b, str_empty(user) ? "" : "@");
}

/* A quoted pair can hide a control character, and a name as long as a header leaves no room for the rest: both stay here. */
enum { DISPLAY_MAX = 256 };

static void put_display(struct buf *b, struct str display)
{
	if (str_empty(display) || display.len > DISPLAY_MAX || !str_printable(display))
		return;
	buf_ch(b, '"');
	buf_str(b, display);
	buf_c(b, "\" ");
}

int leg_init_uac(struct leg *l, const struct leg_uac *u)
{
	char text[SIP_LINE_MAX];
	struct buf b = BUF_ON(text);
	char id[CALL_TAG_LEN];
	int err;

	l->flow = u->flow;
	l->nat = u->nat;
	l->local_cseq = 0;
	put_display(&b, u->from_display);
	buf_ch(&b, '<');
	put_user(&b, u->from_user);
	sip_put_hostport(&b, &u->flow);
	buf_c(&b, u->from_tel ? ";user=phone>" : ">");
	err = buf_check(&b);
	if (!err)
		err = keep(l, &l->local_value, buf_view(&b));
	b = BUF_ON(text);
	put_display(&b, u->to_display);
	buf_ch(&b, '<');
	put_user(&b, u->to_user);
	buf_str(&b, u->to_host);
	buf_c(&b, u->to_tel ? ";user=phone>" : ">");
	if (!err)
		err = buf_check(&b);
	if (!err)
		err = keep(l, &l->remote_value, buf_view(&b));
	call_tag_write(l->call, l->index, id);
	if (!err)
		err = keep(l, &l->call_id, str_n(id, sizeof id));
	if (!err)
		err = keep(l, &l->contact_user,
			   str_find(u->from_user, ';') < 0 ? u->from_user : STR(""));
	if (!err)
		err = held_set(&l->target, u->ruri);
	return err;
}

int leg_confirm(struct leg *l, struct sip_msg *m)
{
	const struct sip_nameaddr *to;
	struct leg_tag *tag;
	int err = sip_msg_to(m, &to);

	if (err)
		return err;
	tag = leg_tag_note(l, sip_nameaddr_tag(to));
	if (!tag)
		return ERR_LIMIT;
	if (!l->routes_frozen) {
		err = take_routes(l, m);
		if (err)
			return err;
	}
	err = leg_refresh_target(l, m);
	if (err)
		return err;
	l->routes_frozen = true;
	l->remote_tag = tag->tag;
	return 0;
}

struct leg_tag *leg_tag_note(struct leg *l, struct str tag)
{
	struct leg_tag *t;

	for (t = l->tags; t; t = t->next)
		if (str_eq(t->tag, tag))
			return t;
	if (l->n_tags == LEG_TAGS_MAX)
		return NULL;
	t = arena_new(&l->call->arena, struct leg_tag);
	if (!t || keep(l, &t->tag, tag))
		return NULL;
	t->next = l->tags;
	l->tags = t;
	l->n_tags++;
	return t;
}

bool leg_tag_known(const struct leg *l, struct str tag)
{
	if (l->role == LEG_UAS || l->state == LEG_CONFIRMED || l->state == LEG_LEAVING ||
	    l->state == LEG_ENDED)
		return str_eq(l->remote_tag, tag);
	for (const struct leg_tag *t = l->tags; t; t = t->next)
		if (str_eq(t->tag, tag))
			return true;
	return false;
}

int leg_take_invite(struct leg *l, txn_id t, struct sip_msg *m)
{
	struct buf b = msg_buf(l->call->shard);
	const struct sip_cseq *cseq;
	int err = sip_msg_cseq(m, &cseq);

	if (err)
		return err;
	msg_head(&b, l, m);
	err = buf_check(&b);
	if (!err)
		err = held_set(&l->in_head, buf_view(&b));
	if (err)
		return err;
	l->in_invite = t;
	l->in_cseq = cseq->number;
	return 0;
}

static enum conf_transport uri_transport(const struct sip_uri *u)
{
	const struct sip_param *p = sip_param_find(&u->params, STR("transport"));

	if (!p)
		return CONF_UDP;
	return str_ieq(p->value, STR("tls"))   ? CONF_TLS
	       : str_ieq(p->value, STR("tcp")) ? CONF_TCP
					       : CONF_UDP;
}

/* Behind NAT the way back is the way in which it came, whatever its Contact says. A stream stays in use for everything at its other end (RFC 5923),
 * but a route or a target at another address is reached there. */
struct sip_flow leg_next_hop(const struct leg *l)
{
	struct shard *s = l->call->shard;
	struct str text = l->n_route ? l->route[0] : l->target;
	struct sip_flow flow = l->flow;
	struct sip_uri uri;

	if (l->realm->nat == CONF_NAT_REMOTE || (l->nat && l->realm->nat != CONF_NAT_OFF))
		return l->flow;
	if (sip_parse_uri(text, &s->scratch, &uri) || !addr_is_set(&uri.addr))
		return l->flow;
	if (uri.addr.port == 0)
		uri.addr.port = uri_transport(&uri) == CONF_TLS ? 5061 : 5060;
	if (l->realm->nat == CONF_NAT_AUTO && l->n_route == 0 &&
	    !addr_ip_eq(&uri.addr, &l->flow.remote))
		return l->flow;
	if (flow.transport != CONF_UDP && addr_ip_eq(&uri.addr, &flow.remote))
		return l->flow;
	if (flow.transport == CONF_UDP && uri_transport(&uri) == CONF_UDP &&
	    uri.addr.family == flow.remote.family) {
		flow.remote = uri.addr;
		return flow;
	}
	if (s->net.flow(s->net.ctx, l->realm, uri_transport(&uri), &uri.addr, &flow))
		return l->flow;
	flow.tls_name = l->flow.tls_name; /* another server of the same peer */
	return flow;
}
