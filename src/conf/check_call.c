/* Rules about calls: the registrar, trunks and their peers, routing. See check.c. */
#include "conf/check.h"

static void check_registrar_realms(struct loader *l, const struct conf_registrar *r,
				   const struct node *n)
{
	const struct node *at;

	for (size_t i = 0; i < r->n_realm; i++) {
		at = check_nth(n, i);
		if (!r->realm[i])
			continue;
		if (r->realm[i]->trust == CONF_TRUST_PEERS_ONLY)
			conf_fail(l, at,
				  "realm '%.*s' trusts peers only, phones cannot register there",
				  NODE_CUT(r->realm[i]->name));
		for (size_t j = 0; j < i; j++)
			if (r->realm[i] == r->realm[j])
				conf_fail(l, at, "realm '%.*s' stands here twice",
					  NODE_CUT(r->realm[i]->name));
	}
}

static void check_registrar(struct loader *l)
{
	const struct conf_registrar *r = &l->c->registrar;
	const struct node *n = node_get(l->root, "registrar");

	if (!r->enabled || n->kind != NODE_MAP)
		return;
	check_registrar_realms(l, r, check_in(n, "realm"));
	if (!node_get(n, "users") && l->errors->n_fatal == 0)
		conf_warn(l, n, "the registrar has no users, nobody can register");
}

/* The realm in which another trunk says the same prefix is its own. */
static void check_trunk_sources(struct loader *l, size_t i)
{
	const struct conf *c = l->c;
	const struct conf_trunk *t = &c->trunk[i];
	char text[ADDR_TEXT_MAX];

	for (size_t j = 0; j < i; j++) {
		const struct conf_trunk *o = &c->trunk[j];

		if (!t->realm || t->realm != o->realm || !str_ieq(t->tls_san, o->tls_san))
			continue;
		if (!t->n_match_source && !o->n_match_source && t->tls_san.len)
			conf_fail_key(l, check_at(l, "trunks", i),
				      "trunks '%.*s' and '%.*s' both match the tls_san %.*s",
				      NODE_CUT(t->name), NODE_CUT(o->name), NODE_CUT(t->tls_san));
		for (size_t a = 0; a < t->n_match_source; a++)
			for (size_t b = 0; b < o->n_match_source; b++)
				if (t->match_source[a].len_bits == o->match_source[b].len_bits &&
				    addr_eq(&t->match_source[a].base, &o->match_source[b].base))
					conf_fail_key(l, check_at(l, "trunks", i),
						      "trunks '%.*s' and '%.*s' both match the "
						      "source %s/%u",
						      NODE_CUT(t->name), NODE_CUT(o->name),
						      addr_ip_text(&t->match_source[a].base, text),
						      t->match_source[a].len_bits);
	}
}

/* A peer that is ourselves: a media address, or a socket that we listen on. */
static bool is_own(const struct conf *c, const struct conf_peer *p)
{
	for (size_t i = 0; i < c->n_interface; i++)
		for (size_t j = 0; j < c->interface[i].n_address; j++)
			if (addr_ip_eq(&p->addr, &c->interface[i].address[j]))
				return true;
	for (size_t i = 0; i < c->n_listener; i++) {
		const struct conf_listener *s = &c->listener[i];
		const struct conf_interface *f = s->realm ? s->realm->interface : NULL;
		bool port = false;

		for (size_t j = 0; j < s->n_on; j++)
			port = port || (s->on[j].port == p->addr.port &&
					s->on[j].transport == p->transport);
		for (size_t j = 0; f && port && j < f->n_sip_address; j++)
			if (addr_ip_eq(&p->addr, &f->sip_address[j]))
				return true;
	}
	return false;
}

/* Whether the realm's interface speaks the address' family where SIP is concerned. */
static bool can_reach(const struct conf_interface *f, const struct addr *a)
{
	for (size_t j = 0; j < f->n_sip_address; j++)
		if (f->sip_address[j].family == a->family)
			return true;
	return f->n_sip_address == 0;
}

/* Whether the realm hears TLS; with asking: from somebody who shows a certificate. */
static bool hears_tls(const struct conf *c, const struct conf_realm *r, bool asking)
{
	for (size_t i = 0; i < c->n_listener; i++) {
		const struct conf_listener *s = &c->listener[i];

		for (size_t j = 0; s->realm == r && j < s->n_on; j++)
			if (s->on[j].transport == CONF_TLS && s->tls &&
			    (!asking || s->tls->client_auth != CONF_CLIENT_NONE))
				return true;
	}
	return false;
}

static void check_trunk_tls(struct loader *l, size_t i)
{
	const struct conf_trunk *t = &l->c->trunk[i];
	const struct node *n = check_at(l, "trunks", i), *peers = node_get(n, "peers");

	if (!t->realm || l->errors->n_fatal) /* a listener may be what is wrong */
		return;
	for (size_t j = 0; j < t->n_peer; j++)
		if (t->peer[j].transport == CONF_TLS && !hears_tls(l->c, t->realm, false))
			conf_fail(l, check_in(node_item(peers, j), "uri"),
				  "uri: realm '%.*s' has no listener with tls to connect from",
				  NODE_CUT(t->realm->name));
	if (t->tls_san.len && !hears_tls(l->c, t->realm, true))
		conf_warn(l, check_in(node_get(n, "match"), "tls_san"),
			  "tls_san: no listener of realm '%.*s' asks for a certificate "
			  "(client_auth), calls from this trunk are not known as its own",
			  NODE_CUT(t->realm->name));
}

static void check_peers(struct loader *l, size_t i)
{
	const struct conf_trunk *t = &l->c->trunk[i];
	const struct node *peers = node_get(check_at(l, "trunks", i), "peers"), *n;
	char text[ADDR_TEXT_MAX];

	if (peers && peers->kind == NODE_LIST && peers->n == 0)
		conf_fail(l, peers, "peers: the list is empty");
	for (size_t j = 0; j < t->n_peer; j++) {
		const struct conf_peer *p = &t->peer[j];

		n = check_in(node_item(peers, j), "uri");
		if (!addr_is_set(&p->addr))
			continue;
		if (is_own(l->c, p))
			conf_fail(l, n, "uri: %s is ourselves", addr_ip_text(&p->addr, text));
		if (t->realm && t->realm->interface && !can_reach(t->realm->interface, &p->addr))
			conf_fail(l, n,
				  "uri: interface '%.*s' has no sip_address of the family of %s",
				  NODE_CUT(t->realm->interface->name),
				  addr_ip_text(&p->addr, text));
	}
}

/* A map whose parts all let everything through. */
static bool matches_all(const struct conf_route *r)
{
	return !r->from_realm && !r->from_trunk && !r->n_called && !r->n_called_prefix;
}

static void check_route(struct loader *l, size_t i)
{
	const struct conf *c = l->c;
	const struct conf_route *r = &c->route[i];
	const struct node *n = check_at(l, "routing", i), *match;

	if (n->kind != NODE_MAP || n->bad)
		return;
	match = node_get(n, "match");
	if (!node_get(n, "to") == !node_get(n, "reject") && !node_get(n, "redirect"))
		conf_fail(l, n, "a rule needs either to or reject");
	if (node_get(n, "to") && r->to == CONF_TO_REGISTRAR && !c->registrar.enabled)
		conf_fail(l, check_in(n, "to"), "to: there is no registrar");
	for (size_t j = 0; j < i; j++)
		if (r->name.len && str_eq(r->name, c->route[j].name))
			conf_fail(l, check_in(n, "name"), "two rules are named '%.*s'",
				  NODE_CUT(r->name));
	if (matches_all(r) && (!match || (match->kind == NODE_MAP && match->n == 0)) &&
	    i + 1 < c->n_route)
		conf_warn(l, n, "rule '%.*s' matches every call, those behind it are never reached",
			  NODE_CUT(r->name));
}

void check_calls(struct loader *l)
{
	check_registrar(l);
	for (size_t i = 0; i < l->c->n_trunk; i++) {
		check_trunk_sources(l, i);
		check_peers(l, i);
		check_trunk_tls(l, i);
	}
	for (size_t i = 0; i < l->c->n_route; i++)
		check_route(l, i);
}
