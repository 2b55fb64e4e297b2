/* The admin API's JSON: calls, one call in detail, registrations, status.
 *
 * For admin.c, on the shard's thread; rempartctl and scripts read it, so a key once given stays. A figure without a
 * source is an absent key, never 0. What peers sent is text of theirs: what is not UTF-8 is shown with '?' in its
 * place. Lists are cut at ADMIN_LIST_MAX, and "total" says how long they are. */
#include <jansson.h>

#include "base/mem.h"
#include "base/version.h"
#include "ops/admin_internal.h"
#include "ops/ladder.h"
#include "registrar/registrar.h"

/* An object under construction; bad: some memory was missing, somewhere in the document. */
struct doc {
	bool bad;
};

static void put(struct doc *d, json_t *o, const char *key, json_t *v)
{
	if (!o || !v) {
		json_decref(v);
		d->bad = true;
	} else if (json_object_set_new(o, key, v)) {
		d->bad = true;
	}
}

static void append(struct doc *d, json_t *array, json_t *v)
{
	if (!array || !v) {
		json_decref(v);
		d->bad = true;
	} else if (json_array_append_new(array, v)) {
		d->bad = true;
	}
}

static void put_u64(struct doc *d, json_t *o, const char *key, uint64_t v)
{
	put(d, o, key, json_integer((json_int_t)v));
}

static void put_real(struct doc *d, json_t *o, const char *key, double v)
{
	put(d, o, key, json_real(v));
}

static void put_str(struct doc *d, json_t *o, const char *key, struct str s)
{
	char ascii[1024];
	json_t *v = json_stringn(s.p ? s.p : "", s.len);

	if (!v) { /* not UTF-8, or no memory */
		str_copy(ascii, sizeof(ascii), s);
		for (char *c = ascii; *c; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
		v = json_string(ascii);
	}
	put(d, o, key, v);
}

static void put_c(struct doc *d, json_t *o, const char *key, const char *s)
{
	put_str(d, o, key, str_c(s));
}

static void put_addr(struct doc *d, json_t *o, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (addr_is_set(a))
		put_c(d, o, key, a->port ? addr_text(a, text) : addr_ip_text(a, text));
}

struct dump {
	char *text;
	size_t len, cap;
	bool bad; /* kept here: jansson 2.14 does not look at every result */
};

static int dump_more(const char *p, size_t n, void *ctx)
{
	struct dump *o = ctx;
	size_t cap = o->cap ? o->cap : 1024;
	char *grown;

	while (cap < o->len + n + 1)
		cap *= 2;
	if (!o->bad && cap != o->cap) {
		grown = mem_realloc(o->text, cap);
		o->bad = !grown;
		o->text = grown ? grown : o->text;
		o->cap = grown ? cap : o->cap;
	}
	if (o->bad)
		return -1;
	memcpy(o->text + o->len, p, n);
	o->len += n;
	o->text[o->len] = '\0';
	return 0;
}

/* One line of text; frees the document. */
static char *print(struct doc *d, json_t *root, size_t *len)
{
	struct dump o = {0};

	o.bad = !root || d->bad ||
		json_dump_callback(root, dump_more, &o, JSON_COMPACT | JSON_REAL_PRECISION(6)) ||
		o.bad;
	json_decref(root);
	if (o.bad) {
		mem_free(o.text);
		o = (struct dump){0};
	}
	*len = o.len;
	return o.text;
}

char *admin_json_error(const char *text, size_t *len)
{
	struct doc d = {0};
	json_t *root = json_object();

	put_c(&d, root, "error", text);
	return print(&d, root, len);
}

static void put_call(struct doc *d, json_t *o, const struct call_info *c)
{
	char id[17], start[25];
	bool answered = c->setup_ms || c->talk_ms;

	snprintf(id, sizeof(id), "%016llx", (unsigned long long)c->id);
	clock_rfc3339(c->start_wall_ms, start);
	put_c(d, o, "id", id);
	put_c(d, o, "state", c->state);
	put_str(d, o, "from", c->from);
	put_str(d, o, "to", c->to);
	put_str(d, o, "from_name", c->from_name);
	put_str(d, o, "to_name", c->to_name);
	put_c(d, o, "start", start);
	if (answered) {
		put_u64(d, o, "setup_ms", c->setup_ms);
		put_u64(d, o, "talk_ms", c->talk_ms);
	}
	put_u64(d, o, "legs_n", c->n_leg);
}

char *admin_json_calls(const struct call_table *t, uint64_t now_ms, size_t *len)
{
	json_t *root = json_object(), *list = json_array();
	struct call_info *c = mem_alloc(sizeof(*c));
	struct doc d = {.bad = c == NULL};
	size_t i = 0, n = 0;

	while (c && n < ADMIN_LIST_MAX && call_each(t, &i, now_ms, c)) {
		json_t *o = json_object();

		put_call(&d, o, c);
		append(&d, list, o);
		n++;
	}
	put(&d, root, "calls", list);
	put_u64(&d, root, "total", call_count(t));
	mem_free(c);
	return print(&d, root, len);
}

/* Figures of one endpoint; s is NULL when the dataplane did not tell. */
static void put_stat(struct doc *d, json_t *o, const struct media_stat *s, struct str codec)
{
	uint32_t mos;

	if (!s)
		return;
	put_u64(d, o, "rx_packets", s->rx_packets);
	put_u64(d, o, "tx_packets", s->tx_packets);
	put_u64(d, o, "rx_bytes", s->rx_bytes);
	put_u64(d, o, "tx_bytes", s->tx_bytes);
	put_u64(d, o, "rx_rtcp", s->rx_rtcp);
	put_u64(d, o, "tx_rtcp", s->tx_rtcp);
	put_u64(d, o, "dropped", s->dropped);
	if (s->flags & MEDIA_STAT_LOSS) {
		put_u64(d, o, "lost", s->lost);
		put_u64(d, o, "reordered", s->reordered);
		put_u64(d, o, "duplicates", s->duplicates);
		if (s->rx_packets + s->lost)
			put_real(d, o, "loss_percent",
				 100.0 * (double)s->lost / (double)(s->rx_packets + s->lost));
	}
	if (s->flags & MEDIA_STAT_JITTER) {
		put_real(d, o, "jitter_ms", s->jitter_us / 1000.0);
		put_real(d, o, "jitter_max_ms", s->jitter_max_us / 1000.0);
	}
	mos = media_mos_x100(s, codec, 0);
	if (mos)
		put_real(d, o, "mos", mos / 100.0);
	put_addr(d, o, "latched", &s->latched);
	if (s->last_rx_ms != UINT64_MAX)
		put_u64(d, o, "last_rx_ms", s->last_rx_ms);
}

static json_t *leg_json(struct doc *d, const struct call_leg_info *l, const struct admin_figures *f)
{
	json_t *o = json_object(), *list = json_array();

	put_c(d, o, "role", l->role == LEG_UAS ? "caller" : "called");
	put_c(d, o, "state", l->state);
	put_str(d, o, "call_id", l->call_id);
	put_str(d, o, "far_uri", l->far_uri);
	if (l->flow.realm)
		put_str(d, o, "realm", l->flow.realm->name);
	put_str(d, o, "transport", sip_transport_param(l->flow.transport));
	put_addr(d, o, "remote", &l->flow.remote);
	if (!str_empty(l->codec))
		put_str(d, o, "codec", l->codec);
	for (size_t i = 0; i < l->n_endpoint; i++) {
		json_t *e = json_object();

		put_u64(d, e, "id", l->endpoint[i]);
		put_addr(d, e, "local", &l->local[i]);
		put_addr(d, e, "sdp", &l->sdp_remote[i]);
		put_stat(d, e, admin_figure(f, l->endpoint[i]), l->codec);
		append(d, list, e);
	}
	put(d, o, "endpoints", list);
	return o;
}

static json_t *ladder_json(struct doc *d, const struct ladder *l)
{
	json_t *list = json_array();
	const struct ladder_entry *e, *first = l ? ladder_at(l, 0) : NULL;

	for (uint32_t i = 0; first && (e = ladder_at(l, i)) != NULL; i++) {
		json_t *o = json_object();

		put_u64(d, o, "t_ms",
			e->wall_ms > first->wall_ms ? e->wall_ms - first->wall_ms : 0);
		put_u64(d, o, "leg", e->leg);
		put_c(d, o, "dir", e->out ? "out" : "in");
		put_c(d, o, "text", e->text);
		append(d, list, o);
	}
	return list;
}

char *admin_json_call(const struct call_info *c, const struct admin_figures *f, size_t *len)
{
	json_t *root = json_object(), *legs = json_array();
	struct doc d = {0};

	put_call(&d, root, c);
	for (size_t i = 0; i < c->n_leg; i++)
		append(&d, legs, leg_json(&d, &c->leg[i], f));
	put(&d, root, "legs", legs);
	put(&d, root, "ladder", ladder_json(&d, c->ladder));
	if (c->ladder && c->ladder->n > LADDER_MAX)
		put_u64(&d, root, "ladder_left_out", c->ladder->n - LADDER_MAX);
	return print(&d, root, len);
}

static json_t *contact_json(struct doc *d, struct str user, const struct reg_contact *c,
			    uint64_t now_ms)
{
	json_t *o = json_object();

	put_str(d, o, "user", user);
	put_str(d, o, "contact", c->uri);
	put_addr(d, o, "source", &c->flow.remote);
	put(d, o, "nat", json_boolean(c->nat));
	put_str(d, o, "transport", sip_transport_param(c->flow.transport));
	if (c->flow.realm)
		put_str(d, o, "realm", c->flow.realm->name);
	put_u64(d, o, "expires_s",
		c->expires_at_ms > now_ms ? (c->expires_at_ms - now_ms + 999) / 1000 : 0);
	put_u64(d, o, "age_s",
		now_ms > c->registered_at_ms ? (now_ms - c->registered_at_ms) / 1000 : 0);
	put_real(d, o, "q", c->q_x1000 / 1000.0);
	if (!str_empty(c->user_agent))
		put_str(d, o, "user_agent", c->user_agent);
	return o;
}

char *admin_json_registrations(const struct registrar *r, struct str user, uint64_t now_ms,
			       size_t *len)
{
	json_t *root = json_object(), *list = json_array();
	const struct reg_binding *b;
	struct doc d = {0};
	size_t i = 0, total = 0;

	while (r && (b = registrar_each(r, &i)) != NULL) {
		if (user.p && !str_eq(user, b->user))
			continue;
		for (const struct reg_contact *c = b->contact; c; c = c->next)
			if (total++ < ADMIN_LIST_MAX)
				append(&d, list, contact_json(&d, b->user, c, now_ms));
	}
	put(&d, root, "registrations", list);
	put_u64(&d, root, "total", total);
	return print(&d, root, len);
}

static json_t *media_json(struct doc *d, const struct admin *a, const struct admin_figures *f)
{
	const struct media_totals *t = &f->totals;
	json_t *o = json_object(), *drops;

	put(d, o, "up", json_boolean(a->shard->media && media_client_up(a->shard->media)));
	if (!f->has_totals)
		return o;
	put_u64(d, o, "endpoints", t->endpoints);
	put_u64(d, o, "rx_packets", t->rx_packets);
	put_u64(d, o, "tx_packets", t->tx_packets);
	put_u64(d, o, "rx_bytes", t->rx_bytes);
	put_u64(d, o, "tx_bytes", t->tx_bytes);
	drops = json_object();
	for (uint32_t i = 0; i < t->n_drop && i < MEDIA_DROPS_MAX; i++) {
		char name[sizeof(t->drop_name[i]) + 1];

		str_copy(name, sizeof(name),
			 str_n(t->drop_name[i], strnlen(t->drop_name[i], sizeof(t->drop_name[i]))));
		if (t->drop[i])
			put_u64(d, drops, name, t->drop[i]);
	}
	put(d, o, "drops", drops);
	return o;
}

/* One row a worker; there is one. */
static json_t *lcores_json(struct doc *d, const struct admin_figures *f)
{
	json_t *list = json_array(), *o;

	if (!f->has_totals)
		return list;
	o = json_object();
	put_u64(d, o, "worker", 0);
	put_u64(d, o, "polls", f->totals.polls);
	put_u64(d, o, "polls_empty", f->totals.polls_empty);
	append(d, list, o);
	return list;
}

static json_t *trunks_json(struct doc *d, const struct conf *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_trunk; i++) {
		json_t *o = json_object();

		put_str(d, o, "name", c->trunk[i].name);
		put_str(d, o, "realm", c->trunk[i].realm->name);
		put_u64(d, o, "peers", c->trunk[i].n_peer);
		append(d, list, o);
	}
	return list;
}

static json_t *pools_json(struct doc *d, const struct shard *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->conf->n_media_pool; i++) {
		const struct conf_media_pool *p = &s->conf->media_pool[i];
		json_t *o = json_object();

		put_str(d, o, "name", p->name);
		if (s->media)
			put_u64(d, o, "used", media_port_used(s->media, p));
		put_u64(d, o, "size",
			(size_t)(p->port_last - p->port_first + 1) / 2 * p->interface->n_address);
		append(d, list, o);
	}
	return list;
}

char *admin_json_status(const struct admin *a, const struct admin_figures *f, uint64_t now_ms,
			size_t *len)
{
	const struct shard *s = a->shard;
	const uint64_t *m = s->metrics.value;
	json_t *root = json_object();
	struct doc d = {0};

	put_str(&d, root, "node", s->conf->system.name);
	put_u64(&d, root, "generation", s->generation);
	put_c(&d, root, "version", rempart_version);
	put_c(&d, root, "state", s->draining ? "draining" : "running");
	put_u64(&d, root, "uptime_s", (now_ms - a->start_ms) / 1000);
	put_u64(&d, root, "calls", s->calls ? call_count(s->calls) : 0);
	put_u64(&d, root, "calls_total", metric_get(&m[M_CALLS_TOTAL]));
	put_u64(&d, root, "calls_answered", metric_get(&m[M_CALLS_ANSWERED]));
	put_u64(&d, root, "calls_failed", metric_get(&m[M_CALLS_FAILED]));
	put_real(&d, root, "cps", (double)admin_rate_x100(a) / 100.0);
	if (s->registrar)
		put_u64(&d, root, "registrations", registrar_contacts(s->registrar));
	if (s->txn)
		put_u64(&d, root, "transactions", txn_count(s->txn));
	put(&d, root, "trunks", trunks_json(&d, s->conf));
	put(&d, root, "pools", pools_json(&d, s));
	put(&d, root, "lcores", lcores_json(&d, f));
	put(&d, root, "media", media_json(&d, a, f));
	return print(&d, root, len);
}
