/* The location service: who can be reached where, until when (RFC 3261 10.3).
 *
 * For the registrar, on the shard's thread. Users are the configuration's and have their record from the
 * start, so that a stranger's name costs nothing. A contact is one block of memory: its texts stand behind
 * it, and their lengths are bounded by the registrar. Every contact is in three places, which location_add()
 * and location_remove() keep together: its user's list, the wheel, and the table of flows. */
#include "registrar/location.h"

#include "base/log.h"
#include "base/mem.h"
#include "shard.h"

static int location_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A user part as it means: escapes undone (RFC 3261 19.1.4). False when it is too long for anybody's name. */
static bool location_name(struct str user, char out[LOCATION_USER_MAX], struct str *name)
{
	size_t n = 0;

	for (size_t i = 0; i < user.len; i++) {
		char c = user.p[i];

		if (n == LOCATION_USER_MAX)
			return false;
		if (c == '%' && user.len - i >= 3) {
			int hi = location_hex(user.p[i + 1]), lo = location_hex(user.p[i + 2]);

			if (hi >= 0 && lo >= 0) {
				c = (char)(hi << 4 | lo);
				i += 2;
			}
		}
		out[n++] = c;
	}
	*name = str_n(out, n);
	return true;
}

static bool location_user_eq(const struct hmap_node *n, const void *key)
{
	const struct location_user *u = container_of(n, const struct location_user, node);
	char mem[LOCATION_USER_MAX];
	struct str name;

	return location_name(u->conf->name, mem, &name) && str_eq(name, *(const struct str *)key);
}

struct location_user *location_user(const struct location_table *t, struct str user)
{
	char mem[LOCATION_USER_MAX];
	struct hmap_node *n;
	struct str name;

	if (!location_name(user, mem, &name))
		return NULL;
	n = hmap_find(&t->users, hash_bytes(name.p, name.len), location_user_eq, &name);
	return n ? container_of(n, struct location_user, node) : NULL;
}

int location_open(struct location_table *t, struct shard *s)
{
	const struct conf_registrar *c = &s->conf->registrar;
	struct location_table fresh = {.shard = s};
	char mem[LOCATION_USER_MAX];
	struct str name;
	int err;

	err = hmap_init(&fresh.users, c->n_user);
	if (!err)
		err = hmap_init(&fresh.flows, 64);
	if (!err && c->n_user) {
		fresh.user = mem_alloc(c->n_user * sizeof(*fresh.user));
		if (!fresh.user)
			err = ERR_NOMEM;
	}
	if (err) {
		location_close(&fresh);
		return err;
	}
	for (size_t i = 0; i < c->n_user; i++) {
		struct location_user *u = &fresh.user[fresh.n_user++];

		u->conf = &c->user[i];
		u->binding.user = u->conf->name;
		if (location_name(u->conf->name, mem, &name))
			hmap_insert(&fresh.users, &u->node, hash_bytes(name.p, name.len));
	}
	*t = fresh;
	return 0;
}

void location_close(struct location_table *t)
{
	for (size_t i = 0; i < t->n_user; i++)
		while (t->user[i].binding.contact)
			location_remove(t, (struct location *)(void *)t->user[i].binding.contact);
	hmap_free(&t->users);
	hmap_free(&t->flows);
	mem_free(t->user);
	*t = (struct location_table){0};
}

int location_find(const struct location_user *u, const struct sip_uri *uri, struct arena *a,
		  struct location **out)
{
	struct sip_uri known;
	int err;

	for (struct reg_contact *c = u->binding.contact; c; c = c->next) {
		err = sip_parse_uri(c->uri, a, &known);
		if (err == ERR_NOMEM)
			return err;
		if (!err && sip_uri_eq(&known, uri)) {
			*out = (struct location *)(void *)c;
			return 0;
		}
	}
	*out = NULL;
	return 0;
}

static struct str location_text(char **to, struct str s)
{
	struct str copy = str_n(*to, s.len);

	if (s.len)
		memcpy(*to, s.p, s.len);
	*to += s.len;
	return copy;
}

struct location *location_new(const struct reg_contact *c)
{
	size_t text = c->uri.len + c->call_id.len + c->user_agent.len;
	struct location *l = mem_alloc(sizeof(*l) + text);
	char *to;

	if (!l)
		return NULL;
	to = (char *)(l + 1);
	l->contact = *c;
	l->contact.next = NULL;
	l->contact.uri = location_text(&to, c->uri);
	l->contact.call_id = location_text(&to, c->call_id);
	l->contact.user_agent = location_text(&to, c->user_agent);
	return l;
}

void location_free(struct location *l)
{
	mem_free(l);
}

static bool location_stream(const struct sip_flow *f)
{
	return f->conn != UINT32_MAX;
}

static bool location_flow_same(const struct sip_flow *a, const struct sip_flow *b)
{
	return addr_eq(&a->remote, &b->remote) && a->transport == b->transport &&
	       a->realm == b->realm &&
	       (!location_stream(a) || (a->conn == b->conn && a->conn_gen == b->conn_gen));
}

static bool location_flow_eq(const struct hmap_node *n, const void *key)
{
	return location_flow_same(&container_of(n, const struct location, flow_node)->contact.flow,
				  key);
}

static uint64_t location_flow_hash(const struct sip_flow *f)
{
	return hash_mix(hash_bytes(&f->remote, sizeof(f->remote)), (uint64_t)f->transport);
}

const struct location *location_by_flow(const struct location_table *t, const struct sip_flow *flow,
					const struct location *after)
{
	const struct hmap_node *n;

	if (!after) {
		n = hmap_find(&t->flows, location_flow_hash(flow), location_flow_eq, flow);
		return n ? container_of(n, const struct location, flow_node) : NULL;
	}
	/* What has the same hash stands in the same chain. */
	for (n = after->flow_node.next; n; n = n->next)
		if (n->hash == after->flow_node.hash && location_flow_eq(n, flow))
			return container_of(n, const struct location, flow_node);
	return NULL;
}

/* An idle stream lives as long as a phone is registered behind it. */
static void location_keep(struct location_table *t, const struct sip_flow *flow, bool keep)
{
	if (t->shard->transport && location_stream(flow))
		sip_transport_keep(t->shard->transport, flow, keep);
}

static void location_count(struct location_table *t)
{
	metric_set(&t->shard->metrics, M_REG_CONTACTS, t->n_contact);
}

static void location_expired(struct timer *timer, uint64_t now_ms)
{
	struct location *l = container_of(timer, struct location, timer);

	(void)now_ms;
	log_limited(LOG_INFO, "reg", "expired", KV_S("user", l->user->conf->name),
		    KV_S("contact", l->contact.uri), KV_A("source", &l->contact.flow.remote));
	location_remove(l->table, l);
}

void location_add(struct location_table *t, struct location_user *u, struct location *l,
		  uint64_t now_ms)
{
	l->user = u;
	l->table = t;
	l->contact.next = u->binding.contact;
	u->binding.contact = &l->contact;
	u->binding.n_contact++;
	hmap_insert(&t->flows, &l->flow_node, location_flow_hash(&l->contact.flow));
	l->timer.fn = location_expired;
	timer_start(&t->shard->wheel, &l->timer,
		    l->contact.expires_at_ms > now_ms ? l->contact.expires_at_ms : now_ms);
	t->n_contact++;
	location_count(t);
	location_keep(t, &l->contact.flow, true);
}

void location_remove(struct location_table *t, struct location *l)
{
	struct reg_contact **at = &l->user->binding.contact;

	while (*at != &l->contact)
		at = &(*at)->next;
	*at = l->contact.next;
	l->user->binding.n_contact--;
	hmap_remove(&t->flows, &l->flow_node);
	timer_stop(&t->shard->wheel, &l->timer);
	t->n_contact--;
	location_count(t);
	if (!location_by_flow(t, &l->contact.flow, NULL))
		location_keep(t, &l->contact.flow, false);
	location_free(l);
}
