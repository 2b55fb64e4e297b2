/* Where a request comes from and where it goes: a source to its trunk, a called number to a destination.
 *
 * For the call layer, on the shard's thread; pure functions over the configuration, which is read-only. A
 * called number is compared as it means, not as it is spelt: escapes are undone (RFC 3261 19.1.4: 0%3900 is
 * 0900, whoever wants to slip past a route for 0900), and what stands behind ';' in the user part of a
 * telephone number (RFC 3966 5, phone-context and others) does not count. The user part that goes out stays
 * byte-identical all the same. */
#include "policy/route.h"

#define PROVEN_NAME 256 /* counts for more than any length of a prefix */

const struct conf_trunk *trunk_match(const struct conf *c, const struct sip_flow *flow)
{
	const struct conf_trunk *best = NULL;
	int best_rank = -1, rank;

	for (size_t i = 0; i < c->n_trunk; i++) {
		const struct conf_trunk *t = &c->trunk[i];

		if (!flow->realm || t->realm != flow->realm)
			continue;
		rank = 0;
		if (!str_empty(t->tls_san)) {
			if (!str_ieq(t->tls_san, flow->tls_name))
				continue;
			rank = PROVEN_NAME;
			if (t->n_match_source == 0 && rank > best_rank) {
				best = t;
				best_rank = rank;
			}
		}
		for (size_t k = 0; k < t->n_match_source; k++) {
			const struct prefix *p = &t->match_source[k];

			if (rank + p->len_bits > best_rank && addr_in(p, &flow->remote)) {
				best = t;
				best_rank = rank + p->len_bits;
			}
		}
	}
	return best;
}

enum source_verdict source_check(const struct conf_realm *realm, const struct conf_trunk *trunk)
{
	/* [trust][came from a trunk] */
	static const enum source_verdict verdict[][2] = {
		[CONF_TRUST_UNTRUSTED] = {SOURCE_CHALLENGE, SOURCE_ALLOW},
		[CONF_TRUST_PEERS_ONLY] = {SOURCE_DENY, SOURCE_ALLOW},
		[CONF_TRUST_TRUSTED] = {SOURCE_ALLOW, SOURCE_ALLOW},
	};

	return realm ? verdict[realm->trust][trunk != NULL] : SOURCE_DENY;
}

static int route_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next character of a user part, its escape undone, or -1 at the end: of the text, or at the first
 * parameter of a telephone number. */
static int route_next(struct str *user)
{
	int hi, lo;
	char c;

	if (user->len == 0 || user->p[0] == ';')
		return -1;
	c = user->p[0];
	if (c == '%' && user->len >= 3) {
		hi = route_hex(user->p[1]);
		lo = route_hex(user->p[2]);
		if (hi >= 0 && lo >= 0) {
			*user = str_from(*user, 3);
			return hi << 4 | lo;
		}
	}
	*user = str_from(*user, 1);
	return (unsigned char)c;
}

/* True when the called user part begins with this pattern; whole: when it is nothing but it. */
static bool route_pattern(struct str called, struct str pattern, bool whole)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (route_next(&called) != (unsigned char)pattern.p[i])
			return false;
	return !whole || route_next(&called) < 0;
}

static bool route_any(struct str called, const struct str *pattern, size_t n, bool whole)
{
	for (size_t i = 0; i < n; i++)
		if (route_pattern(called, pattern[i], whole))
			return true;
	return n == 0;
}

const struct conf_route *route_find(const struct conf *c, const struct conf_realm *realm,
				    const struct conf_trunk *trunk, struct str called)
{
	for (size_t i = 0; i < c->n_route; i++) {
		const struct conf_route *r = &c->route[i];

		if ((!r->from_realm || r->from_realm == realm) &&
		    (!r->from_trunk || r->from_trunk == trunk) &&
		    route_any(called, r->called, r->n_called, true) &&
		    route_any(called, r->called_prefix, r->n_called_prefix, false))
			return r;
	}
	return NULL;
}

const struct conf_peer *trunk_peer(const struct conf_trunk *t, uint32_t r)
{
	uint32_t lowest = UINT32_MAX;
	uint64_t sum = 0, n = 0, pick;

	for (size_t i = 0; i < t->n_peer; i++)
		if (t->peer[i].priority < lowest)
			lowest = t->peer[i].priority;
	for (size_t i = 0; i < t->n_peer; i++) {
		if (t->peer[i].priority != lowest)
			continue;
		sum += t->peer[i].weight;
		n++;
	}
	if (n == 0)
		return NULL;
	/* Scaled, not a remainder, so that all of r counts. Without any weight all are alike. */
	pick = (uint64_t)(((unsigned __int128)(sum ? sum : n) * r) >> 32);
	for (size_t i = 0; i < t->n_peer; i++) {
		uint64_t share = sum ? t->peer[i].weight : 1;

		if (t->peer[i].priority != lowest)
			continue;
		if (pick < share)
			return &t->peer[i];
		pick -= share;
	}
	return NULL;
}
