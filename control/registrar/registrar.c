/* The local registrar: one REGISTER in, one answer out.
 *
 * For the call layer, on the shard's thread. A request walks down the steps of RFC 3261 10.3 in their order;
 * each either lets it pass or names the status of the answer, and the last one binds. Nothing is stored
 * before the digest was right (the nonce needs no memory either), and nothing is bound before every contact
 * of the request was looked at, so that a REGISTER counts as a whole or not at all. Who a phone is, is what
 * its digest says; where it is, is where its REGISTER came from: From, Via and Contact give no trust. */
#include "registrar/registrar.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "registrar/location.h"
#include "shard.h"

enum {
	REG_EXPIRES_S =
		3600, /* asked for nothing, or for something that is no number (10.3, 20.19) */
	REG_EXPIRES_MAX_S = 3600,
	REG_URI_MAX = 512, /* bytes of a contact */
	REG_CALL_ID_MAX = 256,
	REG_AGENT_MAX = 128,
	REG_EXTRA_MAX = 16384, /* header lines of an answer */
};

struct registrar {
	struct shard *shard;
	const struct conf_registrar *conf;
	struct location_table table;
};

/* What a contact of the request becomes. */
struct reg_change {
	struct location *old, *fresh; /* one of the two may be NULL */
	struct sip_uri *uri;
	uint16_t q_x1000;
	uint32_t expires_s; /* 0: it goes */
};

/* One REGISTER on its way down the steps. */
struct reg_request {
	struct registrar *r;
	struct sip_msg *m;
	uint64_t now_ms;
	struct location_user *user;
	const struct sip_cseq *cseq;
	struct str call_id;
	struct sip_nameaddr *contact;
	size_t n_contact;
	struct reg_change change[SIP_CONTACT_MAX];
	const char *reason; /* NULL: the standard phrase */
	struct buf extra;   /* header lines of the answer */
};

/* 0: go on; else the answer. */
typedef unsigned (*reg_step_fn)(struct reg_request *q);

static unsigned reg_answer(struct reg_request *q, unsigned status, const char *reason)
{
	q->reason = reason;
	return status;
}

static bool reg_own_address(const struct registrar *r, const struct addr *a)
{
	for (size_t i = 0; i < r->conf->n_realm; i++) {
		const struct conf_interface *f = r->conf->realm[i]->interface;

		for (size_t k = 0; k < f->n_sip_address; k++)
			if (addr_ip_eq(a, &f->sip_address[k]))
				return true;
		if (addr_is_set(&f->advertise) && addr_ip_eq(a, &f->advertise))
			return true;
	}
	return false;
}

bool registrar_is_domain(const struct registrar *r, struct str host)
{
	struct addr a;

	if (r->conf->n_domain == 0)
		return true;
	if (addr_parse_ip(host, &a) == 0)
		return reg_own_address(r, &a);
	if (host.len > 1 && host.p[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; i < r->conf->n_domain; i++)
		if (str_ieq(host, r->conf->domain[i]))
			return true;
	return false;
}

bool registrar_serves(const struct registrar *r, const struct conf_realm *realm)
{
	for (size_t i = 0; i < r->conf->n_realm; i++)
		if (r->conf->realm[i] == realm)
			return true;
	return false;
}

struct str registrar_digest_realm(const struct registrar *r, const struct sip_flow *flow,
				  char out[ADDR_TEXT_MAX])
{
	const struct addr *shown = &flow->local;

	if (r->conf->n_domain)
		return r->conf->domain[0];
	if (flow->realm && flow->realm->interface->advertise.family == shown->family)
		shown = &flow->realm->interface->advertise;
	return str_c(addr_ip_text(shown, out));
}

const struct secret *registrar_password(void *ctx, struct str user)
{
	const struct registrar *r = ctx;
	const struct location_user *u = location_user(&r->table, user);

	return u ? &u->conf->password : NULL;
}

/* RFC 3261 10.3 and 19.1: what we are able to reach. */
static unsigned reg_check_scheme(struct reg_request *q)
{
	const struct sip_nameaddr *to;
	const struct sip_uri *ruri;

	if (sip_msg_ruri(q->m, &ruri) || sip_msg_to(q->m, &to) || sip_msg_cseq(q->m, &q->cseq))
		return reg_answer(q, 400, NULL);
	if (ruri->scheme != SIP_URI_SIP || to->uri.scheme != SIP_URI_SIP)
		return reg_answer(q, 416, NULL);
	return 0;
}

/* 8.2.2.3: no extension is ours yet. */
static unsigned reg_check_require(struct reg_request *q)
{
	struct sip_list_cursor c = {0};
	const char *lead = "Unsupported: ";
	struct str item;

	while (sip_msg_each_item(q->m, SIP_H_REQUIRE, &c, &item)) {
		buf_c(&q->extra, lead);
		buf_str(&q->extra, item);
		lead = ", ";
	}
	if (q->extra.len == 0)
		return 0;
	buf_c(&q->extra, "\r\n");
	return reg_answer(q, 420, NULL);
}

/* 10.3 step 1: we forward to no other registrar. */
static unsigned reg_check_domain(struct reg_request *q)
{
	const struct sip_uri *ruri;

	if (sip_msg_ruri(q->m, &ruri) || !registrar_is_domain(q->r, ruri->host))
		return reg_answer(q, 403, "Not Our Domain");
	return 0;
}

static unsigned reg_challenge(struct reg_request *q, struct str realm, bool stale)
{
	digest_challenge(&q->extra, &q->r->shard->digest, q->m, realm, stale, false, q->now_ms);
	return reg_answer(q, 401, NULL);
}

/* Steps 3 and 4: a known user, and nobody's contacts but his own. */
static unsigned reg_check_digest(struct reg_request *q)
{
	struct digest_credentials cred = {0};
	const struct sip_nameaddr *to;
	enum digest_result result;
	char mem[ADDR_TEXT_MAX];
	struct str realm = registrar_digest_realm(q->r, &q->m->flow, mem);

	result = digest_check(&q->r->shard->digest, q->m, realm, registrar_password, q->r,
			      q->now_ms, &cred);
	if (result == DIGEST_NONE || result == DIGEST_STALE)
		return reg_challenge(q, realm, result == DIGEST_STALE);
	if (result == DIGEST_OK && sip_msg_to(q->m, &to) == 0) {
		q->user = location_user(&q->r->table, cred.username);
		if (q->user && location_user(&q->r->table, to->uri.user) == q->user)
			return 0;
	}
	metric_inc(&q->r->shard->metrics, M_REG_AUTH_FAILED);
	log_limited(LOG_WARN, "reg", "auth_failed", KV_S("user", str_head(cred.username, 64)),
		    KV_A("source", &q->m->flow.remote),
		    KV_C("why", result == DIGEST_OK ? "other_user" : "credentials"));
	if (result == DIGEST_OK)
		return reg_answer(q, 403, NULL);
	return reg_challenge(q, realm, false);
}

/* Step 5. */
static unsigned reg_check_aor(struct reg_request *q)
{
	const struct sip_nameaddr *to;

	if (sip_msg_to(q->m, &to) || !registrar_is_domain(q->r, to->uri.host))
		return reg_answer(q, 404, NULL);
	return 0;
}

/* Seconds; what is no number counts as not said (10.3 step 7, 20.19), what is too large as the most. */
static uint32_t reg_seconds(struct str s, uint32_t otherwise)
{
	uint64_t v;
	int err = str_to_u64(s, UINT32_MAX, &v);

	if (err == ERR_RANGE)
		return UINT32_MAX;
	return err ? otherwise : (uint32_t)v;
}

/* qvalue (25.1): "0", "1", and up to three digits behind the dot. ERR_SYNTAX. */
static int reg_q(struct str s, uint16_t *q_x1000)
{
	unsigned v, unit = 1000;

	if (str_empty(s) || s.p[0] < '0' || s.p[0] > '1' || s.len > 5)
		return ERR_SYNTAX;
	v = (unsigned)(s.p[0] - '0') * unit;
	if (s.len > 1 && s.p[1] != '.')
		return ERR_SYNTAX;
	for (size_t i = 2; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return ERR_SYNTAX;
		unit /= 10;
		v += (unsigned)(s.p[i] - '0') * unit;
	}
	if (v > 1000)
		return ERR_SYNTAX;
	*q_x1000 = (uint16_t)v;
	return 0;
}

/* RFC 3261 10.3 step 7: an interval under an hour may be too short for us. */
static bool reg_too_brief(const struct registrar *r, uint32_t seconds)
{
	return seconds && seconds < REG_EXPIRES_S && seconds * 1000ULL < r->conf->min_expires_ms;
}

/* How long, and how much liked: checked before anything is changed. */
static unsigned reg_read_contact(struct reg_request *q, const struct sip_nameaddr *na,
				 struct reg_change *c)
{
	uint32_t asked = REG_EXPIRES_S, most = REG_EXPIRES_MAX_S;
	const struct sip_param *p;
	struct str header = sip_msg_hdr(q->m, SIP_H_EXPIRES);

	if (na->uri.scheme != SIP_URI_SIP)
		return reg_answer(q, 416, NULL);
	if (na->uri.raw.len > REG_URI_MAX)
		return reg_answer(q, 400, "Contact Too Long");
	c->q_x1000 = 1000;
	p = sip_param_find(&na->params, STR("q"));
	if (p && reg_q(p->value, &c->q_x1000))
		return reg_answer(q, 400, "Bad Contact q");
	if (header.p)
		asked = reg_seconds(header, asked);
	p = sip_param_find(&na->params, STR("expires"));
	if (p)
		asked = reg_seconds(p->value, REG_EXPIRES_S);
	if (reg_too_brief(q->r, asked)) {
		sip_put_u64(&q->extra, SIP_H_MIN_EXPIRES,
			    (q->r->conf->min_expires_ms + 999) / 1000);
		return reg_answer(q, 423, NULL);
	}
	if (q->r->conf->min_expires_ms > most * 1000ULL)
		most = (uint32_t)((q->r->conf->min_expires_ms + 999) / 1000);
	c->expires_s = asked < most ? asked : most;
	return 0;
}

/* Step 6: `*` takes all away, and says so twice. */
static unsigned reg_read_star(struct reg_request *q)
{
	uint64_t v;

	if (q->n_contact != 1 || str_to_u64(sip_msg_hdr(q->m, SIP_H_EXPIRES), 0, &v))
		return reg_answer(q, 400, "Contact * Needs Expires 0");
	return 0;
}

static unsigned reg_read_contacts(struct reg_request *q)
{
	unsigned status;

	q->call_id = sip_msg_hdr(q->m, SIP_H_CALL_ID);
	if (q->call_id.len > REG_CALL_ID_MAX)
		return reg_answer(q, 400, "Call-ID Too Long");
	if (sip_msg_contacts(q->m, &q->contact, &q->n_contact))
		return reg_answer(q, 400, "Bad Contact");
	if (q->n_contact && q->contact[0].star)
		return reg_read_star(q);
	for (size_t i = 0; i < q->n_contact; i++) {
		q->change[i].uri = &q->contact[i].uri;
		status = reg_read_contact(q, &q->contact[i], &q->change[i]);
		if (status)
			return status;
	}
	return 0;
}

/* Step 7: within one Call-ID, only forward. */
static bool reg_out_of_order(const struct reg_request *q, const struct reg_contact *c)
{
	return str_eq(c->call_id, q->call_id) && q->cseq->number <= c->cseq;
}

/* Does the packet come from where host and port say? The port of a stream is nobody's. */
static bool reg_same_place(const struct sip_flow *flow, const struct addr *ip, uint16_t port)
{
	if (!addr_ip_eq(ip, &flow->remote))
		return false;
	return flow->transport != CONF_UDP || flow->remote.port == (port ? port : 5060);
}

static bool reg_behind_nat(struct reg_request *q, const struct sip_uri *contact)
{
	const struct sip_via *via;
	struct addr ip;

	if (addr_is_set(&contact->addr))
		return !reg_same_place(&q->m->flow, &contact->addr, contact->port);
	/* A name, which we do not look up: the Via may know better. */
	return sip_msg_via(q->m, &via) || addr_parse_ip(via->host, &ip) ||
	       !reg_same_place(&q->m->flow, &ip, via->port);
}

static struct location *reg_fresh(struct reg_request *q, const struct reg_change *c)
{
	struct str agent = str_head(sip_msg_hdr(q->m, SIP_H_USER_AGENT), REG_AGENT_MAX);
	struct reg_contact contact = {
		.uri = c->uri->raw,
		.call_id = q->call_id,
		.user_agent = agent,
		.flow = q->m->flow,
		.cseq = q->cseq->number,
		.q_x1000 = c->q_x1000,
		.nat = reg_behind_nat(q, c->uri),
		.expires_at_ms = q->now_ms + c->expires_s * 1000ULL,
		.registered_at_ms = c->old ? c->old->contact.registered_at_ms : q->now_ms,
	};

	return location_new(&contact);
}

/* Finds what each contact replaces and makes what takes its place; nothing in the table changes. */
static unsigned reg_prepare(struct reg_request *q)
{
	size_t n_set = 0;

	for (size_t i = 0; i < q->n_contact; i++) {
		struct reg_change *c = &q->change[i];

		for (size_t k = 0; k < i; k++)
			if (sip_uri_eq(q->change[k].uri, c->uri))
				return reg_answer(q, 400, "Same Contact Twice");
		if (location_find(q->user, c->uri, q->m->arena, &c->old))
			return reg_answer(q, 503, NULL);
		/* Equality is not transitive: <sip:a@h> equals <sip:a@h;x=1> and <sip:a@h;x=2>, which differ. */
		for (size_t k = 0; k < i; k++)
			if (q->change[k].old == c->old)
				c->old = NULL;
		if (c->old && reg_out_of_order(q, &c->old->contact))
			return reg_answer(q, 400, "CSeq Not Higher");
		n_set += c->expires_s > 0;
	}
	if (n_set > q->r->conf->max_contacts)
		return reg_answer(q, 403, "Too Many Contacts");
	for (size_t i = 0; i < q->n_contact; i++) {
		if (!q->change[i].expires_s)
			continue;
		q->change[i].fresh = reg_fresh(q, &q->change[i]);
		if (!q->change[i].fresh)
			return reg_answer(q, 503, NULL);
	}
	return 0;
}

static void reg_log(const struct reg_request *q, const char *event, const struct reg_contact *c,
		    uint32_t expires_s)
{
	log_limited(LOG_INFO, "reg", event, KV_S("user", q->user->conf->name),
		    KV_S("contact", c->uri), KV_A("source", &c->flow.remote),
		    KV_S("realm", q->m->flow.realm->name), KV_C("nat", c->nat ? "true" : "false"),
		    KV_U("expires_s", expires_s));
}

static void reg_commit(struct reg_request *q)
{
	struct location_table *t = &q->r->table;
	bool known;

	for (size_t i = 0; i < q->n_contact; i++) {
		struct reg_change *c = &q->change[i];

		known = c->old && addr_eq(&c->old->contact.flow.remote, &q->m->flow.remote);
		if (c->fresh) {
			location_add(t, q->user, c->fresh, q->now_ms);
			if (!known) /* not for each refresh */
				reg_log(q, c->old ? "moved" : "registered", &c->fresh->contact,
					c->expires_s);
			c->fresh = NULL;
		} else if (c->old) {
			reg_log(q, "removed", &c->old->contact, 0);
		}
		if (c->old)
			location_remove(t, c->old);
	}
	/* Those of this request are in front, and at most max_contacts. */
	while (q->user->binding.n_contact > q->r->conf->max_contacts) {
		struct reg_contact *last = q->user->binding.contact;

		while (last->next)
			last = last->next;
		reg_log(q, "dropped", last, 0);
		location_remove(t, (struct location *)(void *)last);
	}
}

static unsigned reg_bind_star(struct reg_request *q)
{
	struct reg_contact *c;

	for (c = q->user->binding.contact; c; c = c->next)
		if (reg_out_of_order(q, c))
			return reg_answer(q, 400, "CSeq Not Higher");
	while ((c = q->user->binding.contact) != NULL) {
		reg_log(q, "removed", c, 0);
		location_remove(&q->r->table, (struct location *)(void *)c);
	}
	return 0;
}

static unsigned reg_bind(struct reg_request *q)
{
	unsigned status;

	if (q->n_contact && q->contact[0].star)
		return reg_bind_star(q);
	status = reg_prepare(q);
	if (!status)
		reg_commit(q);
	for (size_t i = 0; i < q->n_contact; i++)
		location_free(q->change[i].fresh);
	return status;
}

/* Step 8: all of the user's contacts and how long each will last. Newest first: the request's own are there
 * even when a user has so many that not all fit. */
static unsigned reg_list(struct reg_request *q)
{
	for (const struct reg_contact *c = q->user->binding.contact; c; c = c->next) {
		struct buf before = q->extra;

		buf_c(&q->extra, "Contact: <");
		buf_str(&q->extra, c->uri);
		buf_c(&q->extra, ">;expires=");
		buf_u64(&q->extra, c->expires_at_ms > q->now_ms
					   ? (c->expires_at_ms - q->now_ms + 999) / 1000
					   : 0);
		if (c->q_x1000 != 1000)
			buf_printf(&q->extra, ";q=0.%03u", c->q_x1000);
		buf_c(&q->extra, "\r\n");
		if (q->extra.overflow) {
			q->extra = before;
			break;
		}
	}
	return reg_answer(q, 200, NULL);
}

static const reg_step_fn reg_step[] = {
	reg_check_scheme, reg_check_require, reg_check_domain, reg_check_digest,
	reg_check_aor,    reg_read_contacts, reg_bind,         reg_list,
};

void registrar_request(struct registrar *r, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	char extra[REG_EXTRA_MAX], out[SIP_MSG_MAX_STREAM + REG_EXTRA_MAX], tag[17];
	struct reg_request q = {.r = r, .m = m, .now_ms = now_ms, .extra = BUF_ON(extra)};
	struct buf b = BUF_ON(out);
	unsigned status = 0;
	int err;

	metric_inc(&r->shard->metrics, M_REG_REQUESTS);
	if (!registrar_serves(r, m->flow.realm))
		status = 403;
	for (size_t i = 0; !status && i < sizeof(reg_step) / sizeof(reg_step[0]); i++)
		status = reg_step[i](&q);
	if (status >= 400 && status != 401)
		metric_inc(&r->shard->metrics, M_SIP_REJECTED);
	sip_build_response(&b, m, (uint16_t)status, str_c(q.reason),
			   txn_to_tag(r->shard->txn, m, tag),
			   q.extra.overflow ? STR("") : buf_view(&q.extra));
	err = buf_check(&b);
	/* Nothing is kept for those who have not proven who they are. */
	if (!err)
		err = (q.user ? txn_respond : txn_respond_once)(r->shard->txn, t, (uint16_t)status,
								buf_view(&b), now_ms);
	if (err)
		log_limited(LOG_DEBUG, "reg", "not_answered", KV_U("status", status),
			    KV_C("why", err_text(err)), KV_A("source", &m->flow.remote));
}

int registrar_create(struct shard *s, struct registrar **out)
{
	struct registrar *r = mem_alloc(sizeof(*r));
	int err;

	if (!r)
		return ERR_NOMEM;
	r->shard = s;
	r->conf = &s->conf->registrar;
	err = location_open(&r->table, s);
	if (err) {
		mem_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void registrar_destroy(struct registrar *r)
{
	if (!r)
		return;
	location_close(&r->table);
	mem_free(r);
}

const struct reg_binding *registrar_find(const struct registrar *r, struct str user, bool *exists)
{
	const struct location_user *u = location_user(&r->table, user);

	if (exists)
		*exists = u != NULL;
	return u && u->binding.n_contact ? &u->binding : NULL;
}

struct str registrar_user_by_flow(const struct registrar *r, const struct sip_flow *flow)
{
	const struct location *l = location_by_flow(&r->table, flow, NULL), *newest = l;

	for (; l; l = location_by_flow(&r->table, flow, l))
		if (l->contact.registered_at_ms > newest->contact.registered_at_ms)
			newest = l;
	return newest ? newest->user->conf->name : STR("");
}

bool registrar_user_on_flow(const struct registrar *r, const struct sip_flow *flow, struct str user)
{
	const struct location_user *u = location_user(&r->table, user);
	const struct location *l = u ? location_by_flow(&r->table, flow, NULL) : NULL;

	for (; l; l = location_by_flow(&r->table, flow, l))
		if (l->user == u)
			return true;
	return false;
}

const struct reg_binding *registrar_each(const struct registrar *r, size_t *i)
{
	while (*i < r->table.n_user) {
		const struct location_user *u = &r->table.user[(*i)++];

		if (u->binding.n_contact)
			return &u->binding;
	}
	return NULL;
}

size_t registrar_contacts(const struct registrar *r)
{
	return r->table.n_contact;
}
