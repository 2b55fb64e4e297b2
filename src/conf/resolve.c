/* From names to pointers, and from settings to what follows from them: the ports behind `port: auto`, numbers of realms
 * and trunks, profiles inherited, peers' addresses as sources, folders that systemd made. Runs after the walk, before
 * the checks; a name that leads nowhere is reported with the nearest one and its line. Main thread, at load only. */
#include "conf/load.h"

static size_t kind_count(const struct conf *c, enum conf_kind kind)
{
	return *(const size_t *)(const void *)((const char *)c + conf_kinds[kind].count);
}

static void *kind_item(const struct conf *c, enum conf_kind kind, size_t i)
{
	char *array = *(char *const *)(const void *)((const char *)c + conf_kinds[kind].at);

	return array + i * conf_kinds[kind].size;
}

static struct str item_name(const void *item)
{
	return *(const struct str *)item;
}

void *conf_named(const struct conf *c, enum conf_kind kind, struct str name)
{
	for (size_t i = 0; i < kind_count(c, kind); i++)
		if (str_eq(item_name(kind_item(c, kind, i)), name))
			return kind_item(c, kind, i);
	return NULL;
}

struct conf_realm *conf_realm(const struct conf *c, struct str name)
{
	return conf_named(c, KIND_REALM, name);
}

struct conf_trunk *conf_trunk(const struct conf *c, struct str name)
{
	return conf_named(c, KIND_TRUNK, name);
}

static uint32_t item_line(struct loader *l, enum conf_kind kind, size_t i)
{
	const struct node *n = node_get(l->root, conf_kinds[kind].section);

	if (conf_kinds[kind].subsection)
		n = node_get(n, conf_kinds[kind].subsection);
	n = node_item(n, i);
	return n ? n->key_line : 0;
}

static void no_such(struct loader *l, const struct conf_ref *r)
{
	const char *noun = conf_kinds[r->kind].noun;
	unsigned best = (unsigned)(r->name.len < 4 ? 3 : r->name.len), d;
	size_t near = SIZE_MAX;
	struct str name;

	for (size_t i = 0; i < kind_count(l->c, r->kind); i++) {
		d = str_distance(r->name, item_name(kind_item(l->c, r->kind, i)), best);
		if (d < best) {
			best = d;
			near = i;
		}
	}
	if (r->kind == KIND_PORT && str_distance(r->name, STR("auto"), best) < best) {
		conf_fail(l, r->at, "no %s named '%.*s'; did you mean 'auto'", noun,
			  NODE_CUT(r->name));
	} else if (near == SIZE_MAX && kind_count(l->c, r->kind)) {
		name = item_name(kind_item(l->c, r->kind, 0));
		conf_fail(l, r->at, "no %s named '%.*s'; the first one is '%.*s' (line %u)", noun,
			  NODE_CUT(r->name), NODE_CUT(name), item_line(l, r->kind, 0));
	} else if (near == SIZE_MAX) {
		conf_fail(l, r->at, "no %s named '%.*s'; there is none at all", noun,
			  NODE_CUT(r->name));
	} else {
		name = item_name(kind_item(l->c, r->kind, near));
		conf_fail(l, r->at, "no %s named '%.*s'; did you mean '%.*s' (line %u)", noun,
			  NODE_CUT(r->name), NODE_CUT(name), item_line(l, r->kind, near));
	}
}

/* A TAP device of our own for each `port: auto`, behind the ports that the file names. */
static void make_auto_ports(struct loader *l)
{
	struct conf_dataplane *dp = &l->c->dataplane;
	size_t n_auto = 0, n = dp->n_port;
	struct conf_port *port, *p;
	unsigned number = 0;
	char text[64];
	struct buf b;

	for (const struct conf_ref *r = l->ref; r; r = r->next)
		n_auto += r->is_auto;
	if (!n_auto)
		return;
	port = conf_alloc(l, (n + n_auto) * sizeof(*port));
	if (!port)
		return;
	if (n)
		memcpy(port, dp->port, n * sizeof(*port));
	for (struct conf_ref *r = l->ref; r && !l->nomem; r = r->next) {
		if (!r->is_auto)
			continue;
		p = &port[n];
		do {
			b = BUF_ON(text);
			buf_printf(&b, "auto%u", number++);
		} while (conf_named(l->c, KIND_PORT, buf_view(&b)));
		p->name = conf_keep(l, buf_view(&b));
		b = BUF_ON(text);
		buf_printf(&b, "net_tap,iface=rempart%zu", n++ - dp->n_port);
		p->vdev = conf_keep(l, buf_view(&b));
		p->is_auto = true;
		p->queues = 1;
		r->name = p->name;
	}
	dp->port = port;
	dp->n_port = n;
}

void conf_resolve(struct loader *l)
{
	void *item;

	make_auto_ports(l);
	for (const struct conf_ref *r = l->ref; r && !l->nomem; r = r->next) {
		item = conf_named(l->c, r->kind, r->name);
		if (item)
			memcpy(r->slot, &item, sizeof(item));
		else
			no_such(l, r);
	}
}

/* A folder from systemd in the place of the default; of several (colons) the first. */
static void folder_from_env(struct loader *l, const char *name, bool given, struct str *dir)
{
	struct str env = str_c(getenv(name)), first = str_cut(&env, ':');

	if (!given && !str_empty(first))
		*dir = conf_keep(l, first);
}

static void finish_system(struct loader *l)
{
	const struct node *n = node_get(l->root, "system");
	struct conf_system *s = &l->c->system;

	s->run_dir_given = node_get(n, "run_dir") != NULL;
	s->state_dir_given = node_get(n, "state_dir") != NULL;
	folder_from_env(l, "RUNTIME_DIRECTORY", s->run_dir_given, &s->run_dir);
	folder_from_env(l, "STATE_DIRECTORY", s->state_dir_given, &s->state_dir);
	if (str_eq(s->user_agent, STR("none")))
		s->user_agent = str_n("", 0);
}

static bool has_prefix(const struct conf_trunk *t, const struct prefix *p)
{
	for (size_t i = 0; i < t->n_match_source; i++)
		if (addr_eq(&t->match_source[i].base, &p->base) &&
		    t->match_source[i].len_bits == p->len_bits)
			return true;
	return false;
}

/* Calls from a peer's own address are the trunk's. */
static void add_peer_sources(struct loader *l, struct conf_trunk *t)
{
	struct prefix *all = conf_alloc(l, (t->n_match_source + t->n_peer) * sizeof(*all)), p;

	if (!all)
		return;
	if (t->n_match_source)
		memcpy(all, t->match_source, t->n_match_source * sizeof(*all));
	t->match_source = all;
	for (size_t i = 0; i < t->n_peer; i++) {
		if (!addr_is_set(&t->peer[i].addr))
			continue;
		p = (struct prefix){.base = t->peer[i].addr};
		p.base.port = 0;
		p.len_bits = p.base.family == ADDR_V4 ? 32 : 128;
		if (!has_prefix(t, &p))
			all[t->n_match_source++] = p;
	}
}

void conf_finish(struct loader *l)
{
	struct conf *c = l->c;

	finish_system(l);
	if (!c->dataplane.huge_bytes && !c->dataplane.nohuge_bytes)
		c->dataplane.nohuge_bytes = 256ULL << 20;
	c->observability.http_enabled = addr_is_set(&c->observability.http);
	for (size_t i = 0; i < c->n_interface; i++)
		c->interface[i].index = (uint32_t)i;
	for (size_t i = 0; i < c->n_tls; i++)
		c->tls[i].index = (uint32_t)i;
	for (size_t i = 0; i < c->n_realm; i++) {
		c->realm[i].index = (uint32_t)i;
		if (!c->realm[i].profile)
			c->realm[i].profile = &c->profile_default;
	}
	for (size_t i = 0; i < c->n_trunk && !l->nomem; i++) {
		c->trunk[i].index = (uint32_t)i;
		if (!c->trunk[i].profile && c->trunk[i].realm)
			c->trunk[i].profile = c->trunk[i].realm->profile;
		if (str_empty(c->trunk[i].tls_san) || c->trunk[i].n_match_source)
			add_peer_sources(l, &c->trunk[i]);
	}
	for (size_t i = 0; i < c->n_route; i++)
		if (c->route[i].reject)
			c->route[i].to = CONF_TO_REJECT;
}
