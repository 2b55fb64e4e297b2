/* What one value alone cannot tell: twins among ports, addresses and listeners, ranges that overlap, settings that need
 * each other. Every rule is a function over the filled configuration and reports at the place in the file; a part that was
 * already found wrong is passed over. Runs once per load, on the main thread. check_call.c has the rules about calls. */
#include "conf/check.h"

const struct node *check_at(const struct loader *l, const char *section, size_t i)
{
	return node_item(node_get(l->root, section), i);
}

const struct node *check_in(const struct node *n, const char *key)
{
	const struct node *k = node_get(n, key);

	return k ? k : n;
}

const struct node *check_nth(const struct node *n, size_t i)
{
	return n->kind == NODE_LIST ? node_item(n, i) : n;
}

static const struct node *interface_value(const struct loader *l, size_t i, const char *key,
					  size_t j)
{
	return check_nth(check_in(check_at(l, "interfaces", i), key), j);
}

static void check_ports(struct loader *l)
{
	const struct node *section = node_get(node_get(l->root, "dataplane"), "ports"), *n;
	const struct conf_dataplane *dp = &l->c->dataplane;

	if (dp->n_port > CONF_PORTS_MAX)
		conf_fail_key(l, section ? section : check_in(l->root, "interfaces"),
			      "more than %d ports", CONF_PORTS_MAX);
	for (size_t i = 0; i < dp->n_port && !dp->port[i].is_auto; i++) {
		const struct conf_port *p = &dp->port[i];

		n = node_item(section, i);
		if (str_eq(p->name, STR("auto")))
			conf_fail_key(l, n, "a port cannot be named 'auto'");
		if (n->kind == NODE_MAP && !node_get(n, "pci") == !node_get(n, "vdev"))
			conf_fail_key(l, n, "port '%.*s' needs either pci or vdev",
				      NODE_CUT(p->name));
		for (size_t j = 0; j < i; j++) {
			const struct conf_port *q = &dp->port[j];

			if ((p->pci.len && str_ieq(p->pci, q->pci)) ||
			    (p->vdev.len && str_eq(p->vdev, q->vdev)))
				conf_fail_key(l, n, "port '%.*s' is the same device as '%.*s'",
					      NODE_CUT(p->name), NODE_CUT(q->name));
		}
	}
}

static void check_memory(struct loader *l)
{
	const struct node *n = node_get(node_get(l->root, "dataplane"), "memory");

	if (node_get(n, "huge") && node_get(n, "nohuge"))
		conf_fail_key(l, n, "memory: huge and nohuge exclude each other");
}

/* The addresses of one interface, media ones first. */
static const struct addr *nth_address(const struct conf_interface *f, size_t i, bool *is_sip)
{
	*is_sip = i >= f->n_address;
	return *is_sip ? &f->sip_address[i - f->n_address] : &f->address[i];
}

static void twin_address(struct loader *l, size_t i, size_t j, const struct conf_interface *first)
{
	const struct conf_interface *f = &l->c->interface[i];
	char text[ADDR_TEXT_MAX];
	bool sip;
	const struct addr *a = nth_address(f, j, &sip);
	const struct node *n =
		interface_value(l, i, sip ? "sip_address" : "address", sip ? j - f->n_address : j);

	conf_fail(l, n, "address %s is already taken by interface '%.*s'", addr_ip_text(a, text),
		  NODE_CUT(first->name));
}

/* The kernel and the dataplane each answer for their own; nobody can share one. */
static void check_twin_addresses(struct loader *l)
{
	struct conf *c = l->c;

	for (size_t i = 0; i < c->n_interface; i++) {
		const struct conf_interface *f = &c->interface[i];

		for (size_t j = 0; j < f->n_address + f->n_sip_address; j++) {
			const struct conf_interface *first = NULL;
			bool sip;
			const struct addr *a = nth_address(f, j, &sip);

			for (size_t k = 0; k <= i && !first; k++) {
				const struct conf_interface *g = &c->interface[k];
				size_t end = k == i ? j : g->n_address + g->n_sip_address;

				for (size_t m = 0; m < end && !first; m++)
					if (addr_ip_eq(a, nth_address(g, m, &sip)))
						first = g;
			}
			if (first)
				twin_address(l, i, j, first);
		}
	}
}

/* The first and last address of an IPv4 subnet are not a host's (but RFC 3021: a /31 has two hosts). */
static bool is_subnet_edge(const struct addr *a, const struct prefix *p)
{
	unsigned host_bits = 32U - p->len_bits;
	uint32_t v, mask;

	if (a->family != ADDR_V4 || p->len_bits > 30)
		return false;
	mask = (uint32_t)((1ULL << host_bits) - 1);
	v = ((uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 |
	     a->ip[3]) &
	    mask;
	return v == 0 || v == mask;
}

static void check_interface(struct loader *l, size_t i)
{
	const struct conf_interface *f = &l->c->interface[i];
	char text[ADDR_TEXT_MAX];
	bool reached;

	for (size_t j = 0; j < f->n_address; j++)
		if (is_subnet_edge(&f->address[j], &f->subnet[j]))
			conf_fail(l, interface_value(l, i, "address", j),
				  "%s is the first or last address of its subnet",
				  addr_ip_text(&f->address[j], text));
	for (size_t j = 0; j < f->n_gateway && f->n_address; j++) {
		reached = false;
		for (size_t k = 0; k < f->n_address; k++)
			reached = reached || addr_in(&f->subnet[k], &f->gateway[j]);
		if (!reached)
			conf_fail(l, interface_value(l, i, "gateway", j),
				  "gateway %s is in no subnet of interface '%.*s'",
				  addr_ip_text(&f->gateway[j], text), NODE_CUT(f->name));
	}
}

static void check_interfaces(struct loader *l)
{
	if (l->c->n_interface > CONF_IFS_MAX)
		conf_fail_key(l, node_get(l->root, "interfaces"), "more than %d interfaces",
			      CONF_IFS_MAX);
	for (size_t i = 0; i < l->c->n_interface; i++)
		check_interface(l, i);
	check_twin_addresses(l);
}

static void check_pools(struct loader *l)
{
	const struct conf *c = l->c;

	for (size_t i = 0; i < c->n_media_pool; i++) {
		const struct conf_media_pool *p = &c->media_pool[i], *q;
		const struct node *n = check_in(check_at(l, "media_pools", i), "ports");

		if (!p->port_first)
			continue;
		if (p->port_first < 1024)
			conf_fail(l, n, "ports: below 1024 is not for media");
		if (p->port_first % 2 || p->port_last % 2 == 0)
			conf_fail(l, n,
				  "ports: begin with an even and end with an odd port, "
				  "RTP and RTCP go in pairs");
		for (size_t j = 0; j < i; j++) {
			q = &c->media_pool[j];
			if (p->interface && p->interface == q->interface &&
			    p->port_first <= q->port_last && q->port_first <= p->port_last)
				conf_fail(l, n,
					  "ports: %u-%u overlap with media pool '%.*s' (%u-%u)",
					  p->port_first, p->port_last, NODE_CUT(q->name),
					  q->port_first, q->port_last);
		}
	}
}

static bool has_listener(const struct conf *c, const struct conf_realm *r)
{
	for (size_t i = 0; i < c->n_listener; i++)
		if (c->listener[i].realm == r)
			return true;
	return false;
}

static bool has_trunk(const struct conf *c, const struct conf_realm *r)
{
	for (size_t i = 0; i < c->n_trunk; i++)
		if (c->trunk[i].realm == r || !c->trunk[i].realm) /* NULL: reported */
			return true;
	return false;
}

static void check_realms(struct loader *l)
{
	const struct conf *c = l->c;

	for (size_t i = 0; i < c->n_realm; i++) {
		const struct conf_realm *r = &c->realm[i];
		const struct node *n = check_at(l, "realms", i);

		if (n->kind != NODE_MAP)
			continue;
		if (l->errors->n_fatal == 0 && !has_listener(c, r))
			conf_warn(l, n, "realm '%.*s' has no listener, nobody can call from it",
				  NODE_CUT(r->name));
		if (r->trust == CONF_TRUST_PEERS_ONLY && !has_trunk(c, r))
			conf_fail(l, check_in(n, "trust"),
				  "realm '%.*s' trusts peers only, but no trunk is in it",
				  NODE_CUT(r->name));
	}
}

/* UDP has its ports, all others share those of TCP. */
static bool same_socket(const struct conf_listen *a, const struct conf_listen *b)
{
	return a->port == b->port && (a->transport == CONF_UDP) == (b->transport == CONF_UDP);
}

/* Who has taken this socket before listener i's j-th, on the same interface. */
static const struct conf_listener *taken_by(const struct conf *c, size_t i, size_t j)
{
	for (size_t k = 0; k <= i; k++) {
		const struct conf_listener *o = &c->listener[k];

		if (!o->realm || !c->listener[i].realm ||
		    o->realm->interface != c->listener[i].realm->interface)
			continue;
		for (size_t m = 0; m < (k == i ? j : o->n_on); m++)
			if (same_socket(&c->listener[i].on[j], &o->on[m]))
				return o;
	}
	return NULL;
}

static bool has_tls(const struct conf_listener *s)
{
	for (size_t i = 0; i < s->n_on; i++)
		if (s->on[i].transport == CONF_TLS)
			return true;
	return false;
}

static void check_listeners(struct loader *l)
{
	const struct conf *c = l->c;

	for (size_t i = 0; i < c->n_listener; i++) {
		const struct conf_listener *s = &c->listener[i], *other;
		const struct conf_interface *f = s->realm ? s->realm->interface : NULL;
		const struct node *n = check_at(l, "listeners", i);

		for (size_t j = 0; j < s->n_on; j++) {
			other = taken_by(c, i, j);
			if (other)
				conf_fail(l, check_nth(check_in(n, "on"), j),
					  "on: this port is already taken by listener '%.*s'",
					  NODE_CUT(other->name));
		}
		if (s->n_on && has_tls(s) && !s->tls && !node_get(n, "tls"))
			conf_fail_key(l, n,
				      "listener '%.*s' has a tls port and needs 'tls', a name "
				      "under tls",
				      NODE_CUT(s->name));
		if (s->n_on && !has_tls(s) && s->tls)
			conf_warn(l, check_in(n, "tls"), "listener '%.*s' has no tls port",
				  NODE_CUT(s->name));
		if (f && !f->n_sip_address &&
		    !node_get(check_at(l, "interfaces", f->index), "sip_address"))
			conf_fail_key(l, n, "listener '%.*s': interface '%.*s' has no sip_address",
				      NODE_CUT(s->name), NODE_CUT(f->name));
	}
}

void conf_check(struct loader *l)
{
	check_ports(l);
	check_memory(l);
	check_interfaces(l);
	check_pools(l);
	check_realms(l);
	check_listeners(l);
	check_calls(l);
}
