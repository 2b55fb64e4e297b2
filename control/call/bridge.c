/* The bridge of a call: ports and endpoints of m-lines, SDP from one leg to the next, and the facts that the dataplane gets.
 *
 * For the call layer, on the shard's thread. An endpoint looks at its far end through the leg's offer/answer state and at its peer through the leg
 * that it was joined with; nothing is kept twice. Ports stay with a stream while it lives (rule 28): only a refused or removed
 * m-line gives them back. RFC 3264, RFC 7362. */
#include "call/bridge.h"
#include "call/call_plan.h"
#include "base/log.h"

bool bridge_relays(const struct sdp_media *m)
{
	return m->plain_rtp && m->port != 0;
}

/* Of the dataplane's addresses. Those for SIP are the kernel's, and a phone on this machine may share them. */
static bool is_ours(const struct conf *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_interface && addr_is_set(a); i++) {
		const struct conf_interface *f = &c->interface[i];

		for (size_t k = 0; k < f->n_address; k++)
			if (addr_ip_eq(a, &f->address[k]))
				return true;
		if (addr_is_set(&f->advertise) && addr_ip_eq(a, &f->advertise))
			return true;
	}
	return false;
}

bool bridge_refuses(const void *ctx, const struct sdp *s)
{
	for (size_t i = 0; i < s->n_media; i++)
		if (is_ours(ctx, &s->media[i].connection) || is_ours(ctx, &s->media[i].rtcp))
			return true;
	return false;
}

bool bridge_relays_any(const struct sdp *s)
{
	for (size_t i = 0; i < s->n_media; i++)
		if (bridge_relays(&s->media[i]))
			return true;
	return false;
}

static enum addr_family family_wanted(const struct leg *l, size_t i)
{
	const struct sdp *far = oa_far(&l->oa);

	if (far && i < far->n_media && addr_is_set(&far->media[i].connection))
		return (enum addr_family)far->media[i].connection.family;
	return (enum addr_family)l->flow.remote.family;
}

static int open_one(struct leg *l, size_t i, uint64_t now_ms)
{
	struct shard *s = l->call->shard;
	const struct conf_media_pool *pool = l->realm->media_pool;
	enum addr_family family = family_wanted(l, i);
	struct leg_media *m = &l->media[i];
	struct addr local;
	uint32_t id;
	int err;

	if (m->endpoint != MEDIA_NONE)
		return 0;
	if (!pool)
		return ERR_NOENT;
	err = media_port_alloc(s->media, pool, family, l->call->id, now_ms, &local);
	if (err == ERR_NOENT)
		err = media_port_alloc(s->media, pool, family == ADDR_V6 ? ADDR_V4 : ADDR_V6,
				       l->call->id, now_ms, &local);
	if (err)
		return err;
	err = media_endpoint_new(s->media, &id);
	if (err) {
		media_port_free(s->media, pool, &local, now_ms);
		return err;
	}
	m->endpoint = id;
	m->local = local;
	m->set = false;
	m->latched = m->latched_rtcp = (struct addr){0};
	return 0;
}

int bridge_open(struct leg *l, const struct sdp *like, uint64_t now_ms)
{
	int err = 0;

	for (size_t i = 0; i < like->n_media && i < CALL_MEDIA_MAX && !err; i++)
		if (l->echo ? (int)i == sdp_echo_section(like) : bridge_relays(&like->media[i]))
			err = open_one(l, i, now_ms);
	return err;
}

void bridge_join(struct leg *a, struct leg *b)
{
	a->peer = b->index;
	b->peer = a->index;
}

/* What the far end reads in the place of our own address. */
static struct addr shown(const struct leg *l, const struct addr *local)
{
	const struct addr *advertise = &l->realm->interface->advertise;
	struct addr a = *local;

	if (addr_is_set(advertise) && advertise->family == a.family) {
		a = *advertise;
		a.port = local->port;
	}
	return a;
}

/* Sections to write: as many as the reader's own offer has, or, when we offer, never fewer than before (rule 23). */
static size_t sections(const struct leg *to, const struct sdp *src)
{
	if (to->oa.state == OA_OFFER_RECEIVED && to->oa.pending_far)
		return to->oa.pending_far->n_media;
	return src->n_media > to->oa.n_media ? src->n_media : to->oa.n_media;
}

int bridge_sdp(struct leg *to, const struct sdp *src, bool echo, struct str *out)
{
	struct sdp_local_media local[CALL_MEDIA_MAX] = {0};
	struct sdp_rewrite rw = {.media = local,
				 .n_media = CALL_MEDIA_MAX,
				 .sections = echo ? 0 : sections(to, src)};
	struct buf b = msg_buf(to->call->shard);
	int err;

	rw.origin_addr = shown(to, &to->flow.local);
	for (size_t i = CALL_MEDIA_MAX; i-- > 0;) {
		if (i < src->n_media)
			local[i].direction = echo ? SDP_SENDRECV : src->media[i].direction;
		if (to->media[i].endpoint == MEDIA_NONE)
			continue;
		local[i].addr = shown(to, &to->media[i].local);
		rw.origin_addr = local[i].addr;
	}
	err = sdp_origin_print(&to->oa.origin, src, &rw, echo, &b);
	if (err)
		return err;
	*out = arena_str(&to->call->shard->scratch, buf_view(&b));
	return out->p ? 0 : ERR_NOMEM;
}

static const struct sdp_media *far_media(const struct leg *l, size_t i)
{
	const struct sdp *far = oa_far(&l->oa);

	return far && i < far->n_media ? &far->media[i] : NULL;
}

static struct leg *peer_of(const struct leg *l)
{
	return l->peer < l->call->n_leg ? l->call->leg[l->peer] : NULL;
}

static void add_pts(struct media_spec *out, const struct sdp_media *m)
{
	for (size_t k = 0; m && k < m->n_codec; k++) {
		bool known = out->n_pt == MEDIA_PT_MAX;

		for (size_t j = 0; j < out->n_pt && !known; j++)
			known = out->pt[j] == m->codec[k].pt;
		if (known)
			continue;
		out->pt[out->n_pt] = m->codec[k].pt;
		out->pt_out[out->n_pt] = m->codec[k].pt;
		out->clock_rate[out->n_pt] = m->codec[k].clock_rate;
		out->n_pt++;
	}
}

/* MEDIA-RULES: never "any"; who says that he sits elsewhere than his SDP is believed only where NAT is expected. */
static enum media_latch latch_of(const struct leg *l, const struct sdp_media *far)
{
	bool elsewhere = l->nat || (addr_is_set(&far->connection) &&
				    !addr_ip_eq(&far->connection, &l->flow.remote));

	switch (l->realm->nat) {
	case CONF_NAT_OFF:
		return MEDIA_LATCH_OFF;
	case CONF_NAT_REMOTE:
		return MEDIA_LATCH_REMOTE;
	case CONF_NAT_AUTO:
		break;
	}
	return elsewhere ? MEDIA_LATCH_REMOTE : MEDIA_LATCH_AUTO;
}

static uint32_t timeout_of(const struct leg *l, const struct sdp_media *far,
			   const struct sdp_media *peer)
{
	bool held = far->direction != SDP_SENDRECV || (peer && peer->direction != SDP_SENDRECV);
	uint64_t ms = held ? l->profile->timeout_hold_ms : l->profile->timeout_rtp_ms;

	if (!l->call->answered || far->type != SDP_AUDIO)
		return 0;
	return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

void bridge_spec(const struct leg *l, size_t i, struct media_spec *out)
{
	const struct sdp_media *far = far_media(l, i);
	const struct leg *peer = peer_of(l);
	const struct sdp_media *other = peer ? far_media(peer, i) : NULL;

	*out = (struct media_spec){
		.local = l->media[i].local, .signalling = l->flow.remote, .sink_id = MEDIA_NONE};
	out->call_id = l->call->id;
	out->dscp = l->realm->interface->dscp_rtp;
	if (!far)
		return;
	out->remote = far->connection;
	out->remote_rtcp = far->rtcp;
	out->latch = (uint8_t)latch_of(l, far);
	if (far->direction == SDP_SENDRECV || far->direction == SDP_SENDONLY)
		out->direction |= MEDIA_RECV;
	if (far->direction == SDP_SENDRECV || far->direction == SDP_RECVONLY)
		out->direction |= MEDIA_SEND;
	out->timeout_ms = timeout_of(l, far, other);
	/* What the far end sends to us is what the peer told it, or what it offered itself. */
	add_pts(out, other);
	add_pts(out, far);
	if (l->echo) {
		out->sink = MEDIA_SINK_ECHO;
	} else if (peer && peer->media[i].endpoint != MEDIA_NONE) {
		out->sink = MEDIA_SINK_PEER;
		out->sink_id = peer->media[i].endpoint;
	}
}

static void close_one(struct leg *l, size_t i, uint64_t now_ms)
{
	struct shard *s = l->call->shard;
	struct leg_media *m = &l->media[i];

	if (m->endpoint == MEDIA_NONE)
		return;
	str_copy(m->codec, sizeof m->codec, bridge_codec(l, i));
	if (m->set) {
		if (m->closing == MEDIA_NONE)
			l->call->n_closing++;
		m->closing = m->endpoint;
	}
	media_endpoint_del(s->media, m->endpoint);
	media_port_free(s->media, l->realm->media_pool, &m->local, now_ms);
	m->endpoint = MEDIA_NONE;
	m->set = false;
}

/* Both ends want the m-line, as far as they have spoken. */
static bool wanted(const struct leg *l, size_t i)
{
	const struct sdp_media *far = far_media(l, i);
	const struct leg *peer = peer_of(l);
	const struct sdp *other = peer ? oa_far(&peer->oa) : NULL;

	if (!far || !bridge_relays(far))
		return false;
	if (l->echo)
		return (int)i == sdp_echo_section(oa_far(&l->oa));
	return !other || (i < other->n_media && bridge_relays(&other->media[i]));
}

int bridge_sync(struct leg *l, uint64_t now_ms)
{
	struct media_spec spec;

	for (size_t i = 0; i < CALL_MEDIA_MAX; i++) {
		struct leg_media *m = &l->media[i];
		int err;

		if (m->endpoint == MEDIA_NONE)
			continue;
		if (!wanted(l, i)) {
			close_one(l, i, now_ms);
			continue;
		}
		bridge_spec(l, i, &spec);
		err = media_endpoint_set(l->call->shard->media, m->endpoint, &spec);
		if (err)
			return err;
		m->set = true;
	}
	return 0;
}

void bridge_close(struct leg *l, uint64_t now_ms)
{
	for (size_t i = 0; i < CALL_MEDIA_MAX; i++)
		close_one(l, i, now_ms);
}

struct leg *bridge_find(const struct call *c, uint32_t endpoint, size_t *i)
{
	for (size_t n = 0; n < c->n_leg; n++)
		for (*i = 0; *i < CALL_MEDIA_MAX; (*i)++)
			if (c->leg[n]->media[*i].endpoint == endpoint ||
			    c->leg[n]->media[*i].closing == endpoint)
				return c->leg[n];
	return NULL;
}

struct str bridge_codec(const struct leg *l, size_t i)
{
	const struct leg *peer = peer_of(l);
	const struct sdp_media *m = far_media(l, i);

	/* The answer's first codec is the one in use; a UAS leg's far end made the offer. */
	if (l->role == LEG_UAS && peer && far_media(peer, i))
		m = far_media(peer, i);
	return m && m->n_codec ? m->codec[0].encoding : (struct str){0};
}
