/* What an INVITE must pass before a call is made of it: guard, source, caller, route. No memory is held for one that does not.
 *
 * For call_rx.c, on the shard's thread. Answers are statuses with header lines; the caller writes them. RFC 3261 8.2, 16.3 (Max-Forwards), 22; SIP-RULES
 * 14, 17, 18, 35. A pre-loaded Route of ours is ignored like any other: we route by our own table. */
#include "call/call_plan.h"
#include "base/rng.h"
#include "registrar/registrar.h"

enum { EXTRA_MAX = 2048, RING_MS = 180000 };

static struct buf extra_buf(struct shard *s)
{
	char *p = arena_alloc(&s->scratch, EXTRA_MAX);

	return buf_on(p, p ? EXTRA_MAX : 0);
}

/* "Unsupported: a, b" of what the headers want; we implement no extension that may be required. */
static int check_require(struct shard *s, struct sip_msg *m, struct str *extra)
{
	static const enum sip_hdr_id want[] = {SIP_H_REQUIRE, SIP_H_PROXY_REQUIRE};
	struct buf b = extra_buf(s);
	const char *sep = "Unsupported: ";

	for (size_t k = 0; k < sizeof want / sizeof want[0]; k++) {
		struct sip_list_cursor c = {0};
		struct str item;

		while (sip_msg_each_item(m, want[k], &c, &item)) {
			buf_c(&b, sep);
			buf_str(&b, item);
			sep = ", ";
		}
	}
	if (*sep == 'U')
		return 0;
	buf_c(&b, "\r\n");
	if (buf_check(&b) == 0)
		*extra = buf_view(&b);
	return 420;
}

/* A body has a type, and no encoding: that header is not passed on. */
static int check_any_body(const struct sip_msg *m, struct str *extra)
{
	struct str encoding = sip_msg_hdr(m, SIP_H_CONTENT_ENCODING);

	if (str_empty(m->body))
		return 0;
	if (str_empty(sip_msg_hdr(m, SIP_H_CONTENT_TYPE)))
		return 400; /* rule 36 */
	if (encoding.p && !str_ieq(encoding, STR("identity"))) {
		*extra = STR("Accept-Encoding: identity\r\n");
		return 415;
	}
	return 0;
}

static int check_sdp(const struct sip_msg *m, struct str *extra)
{
	struct str type = sip_msg_hdr(m, SIP_H_CONTENT_TYPE);

	if (str_empty(m->body) || str_empty(type) ||
	    str_ieq(str_trim(str_cut(&type, ';')), STR("application/sdp")))
		return check_any_body(m, extra);
	*extra = STR("Accept: application/sdp\r\n");
	return 415;
}

static int check_head(struct shard *s, struct sip_msg *m, uint32_t *max_forwards, struct str *extra)
{
	struct str mf = sip_msg_hdr(m, SIP_H_MAX_FORWARDS);
	uint32_t n = 70;

	if (mf.p && str_to_u32(mf, &n))
		return 400;
	if (n == 0)
		return 483;
	*max_forwards = n > 255 ? 254 : n - 1;
	if (*max_forwards == 0)
		*max_forwards = UINT32_MAX; /* written as 0, see msg_request() */
	return check_require(s, m, extra);
}

int call_guard(struct shard *s, struct sip_msg *m, uint32_t *max_forwards, struct str *extra)
{
	int status = check_head(s, m, max_forwards, extra);

	return status ? status : check_sdp(m, extra);
}

int call_guard_relayed(struct shard *s, struct sip_msg *m, uint32_t *max_forwards,
		       struct str *extra)
{
	int status = check_head(s, m, max_forwards, extra);

	return status ? status : check_any_body(m, extra);
}

/* An INVITE that we sent came back: its From tag is ours, and so is its Call-ID. A loop through another B2BUA is Max-Forwards' to end. */
static bool is_loop(const struct shard *s, struct sip_msg *m, const struct sip_nameaddr *from)
{
	const struct leg *l = call_tag_find(s->calls, sip_nameaddr_tag(from));

	return l && str_eq(l->call_id, sip_msg_hdr(m, SIP_H_CALL_ID));
}

static int challenge(struct shard *s, const struct sip_msg *m, struct str realm, bool stale,
		     uint64_t now_ms, struct str *extra)
{
	struct buf b = extra_buf(s);

	digest_challenge(&b, &s->digest, m, realm, stale, true, now_ms);
	if (buf_check(&b))
		return 500;
	*extra = buf_view(&b);
	return 407;
}

/* Who calls from a realm that is not trusted: a phone on the flow of its REGISTER, or whoever knows a user's password. */
static int check_caller(struct shard *s, struct sip_msg *m, const struct sip_nameaddr *from,
			struct call_admission *a, uint64_t now_ms, struct str *extra)
{
	char mem[ADDR_TEXT_MAX];
	struct digest_credentials cred;
	struct str realm;

	if (!s->registrar || !registrar_serves(s->registrar, m->flow.realm))
		return 403;
	if (registrar_user_on_flow(s->registrar, &m->flow, from->uri.user)) {
		a->user = from->uri.user;
		return 0;
	}
	realm = registrar_digest_realm(s->registrar, &m->flow, mem);
	switch (digest_check(&s->digest, m, realm, registrar_password, s->registrar, now_ms,
			     &cred)) {
	case DIGEST_OK:
		break;
	case DIGEST_STALE:
		return challenge(s, m, realm, true, now_ms, extra);
	case DIGEST_NONE:
	case DIGEST_BAD:
		return challenge(s, m, realm, false, now_ms, extra);
	}
	if (!str_eq(cred.username, from->uri.user))
		return 403;
	a->user = from->uri.user;
	return 0;
}

static int find_route(struct shard *s, struct call_admission *a)
{
	bool exists;

	a->route = route_find(s->conf, a->realm, a->trunk, a->called);
	if (!a->route)
		return 404;
	switch (a->route->to) {
	case CONF_TO_REJECT:
		return (int)a->route->reject;
	case CONF_TO_ECHO:
		return 0;
	case CONF_TO_TRUNK:
		a->peer = trunk_peer(a->route->to_trunk, rng_u32());
		return a->peer ? 0 : 503;
	case CONF_TO_REGISTRAR:
		break;
	}
	if (!s->registrar)
		return 404;
	a->binding = registrar_find(s->registrar, a->called, &exists);
	if (a->binding)
		return 0;
	return exists ? 480 : 404;
}

static uint64_t ring_ms(const struct sip_msg *m, bool *expires)
{
	struct str value = sip_msg_hdr(m, SIP_H_EXPIRES);
	uint32_t s;

	*expires = value.p && str_to_u32(value, &s) == 0 && s > 0 && s < RING_MS / 1000;
	return *expires ? (uint64_t)s * 1000 : RING_MS;
}

int call_admit(struct shard *s, struct sip_msg *m, uint64_t now_ms, struct call_admission *a,
	       struct str *extra)
{
	const struct sip_nameaddr *from, *to;
	const struct sip_param *phone;
	const struct sip_uri *ruri;
	enum source_verdict verdict;
	int status;

	*extra = (struct str){0};
	*a = (struct call_admission){
		.shard = s, .realm = m->flow.realm, .trunk = trunk_match(s->conf, &m->flow)};
	a->ring_ms = ring_ms(m, &a->expires);
	verdict = source_check(a->realm, a->trunk);
	if (verdict == SOURCE_DENY)
		return 403;
	if (sip_msg_ruri(m, &ruri) || sip_msg_from(m, &from) || sip_msg_to(m, &to))
		return 400;
	if (ruri->scheme != SIP_URI_SIP && ruri->scheme != SIP_URI_TEL)
		return 416;
	status = call_guard(s, m, &a->max_forwards, extra);
	if (status)
		return status;
	if (is_loop(s, m, from))
		return 482;
	if (verdict == SOURCE_CHALLENGE) {
		status = check_caller(s, m, from, a, now_ms, extra);
		if (status)
			return status;
	}
	if (s->draining || call_count(s->calls) >= CALL_MAX)
		return 503;
	a->called = ruri->user;
	phone = sip_param_find(&ruri->params, STR("user"));
	a->called_tel =
		ruri->scheme == SIP_URI_TEL || (phone && str_ieq(phone->value, STR("phone")));
	return find_route(s, a);
}
