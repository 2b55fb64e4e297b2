/* The neighbour cache: which next hop has which MAC, when to ask again, whom to believe. The protocols are in neigh_arp.c and
 * neigh_nd.c; this file has the table and the time. The slow path's thread.
 *
 * An entry is wanted once neigh_resolve() named it, and then stays: it is probed again every 30 s, because a worker sends to
 * it without telling. When the table is full of such entries the one named longest ago makes room (no gateway does), and the
 * worker is told to forget it: if it is still in use, the worker names it again with its next packet. What others volunteer
 * (they asked for our address) is kept for a minute in free places only, so that they push out nothing that is in use. A known
 * MAC is replaced by an answer to a question of ours, by nothing else: a request or an announcement with another MAC only makes
 * us ask. */
#include "neigh.h"

#include "base/log.h"
#include "base/mem.h"
#include "neigh_wire.h"

struct entry {
	struct addr ip;
	uint64_t due_ms; /* wanted: next probe; else: forget it */
	uint64_t asked_ms;
	uint64_t named_ms; /* wanted: newest neigh_resolve() */
	uint16_t port;
	uint8_t mac[6];
	bool used, wanted, has_mac;
	bool demanded;  /* neigh_resolve() named it since the last round of questions */
	bool doubt;     /* two MACs claim it: ask everybody */
	bool untold;    /* the owner did not take the MAC */
	uint8_t tries;  /* questions sent since the last answer; 0: none is open */
	uint8_t rounds; /* of NEIGH_TRIES without an answer */
};

struct neigh {
	const struct dp_local *local;
	uint8_t n_local;
	struct neigh_ops ops;
	uint64_t next_ms;
	uint64_t ping_ms;
	uint32_t ping_tokens;
	uint32_t n_used; /* entries behind it were never used */
	struct entry entry[NEIGH_MAX];
};

struct neigh *neigh_create(const struct dp_local *local, uint8_t n_local,
			   const struct neigh_ops *ops)
{
	struct neigh *n = mem_alloc(sizeof *n);

	if (!n)
		return NULL;
	n->local = local;
	n->n_local = n_local;
	n->ops = *ops;
	n->next_ms = UINT64_MAX;
	n->ping_tokens = NEIGH_PINGS_PER_S;
	return n;
}

void neigh_destroy(struct neigh *n)
{
	mem_free(n);
}

void neigh_send(struct neigh *n, uint16_t port, const uint8_t *frame, size_t len)
{
	n->ops.send(n->ops.send_ctx, port, frame, len);
}

const struct dp_local *neigh_local(const struct neigh *n, uint16_t port, const struct addr *ip)
{
	for (size_t i = 0; i < n->n_local; i++) {
		if (n->local[i].port == port && addr_ip_eq(&n->local[i].ip, ip))
			return &n->local[i];
	}
	return NULL;
}

static bool is_link_local(const struct addr *ip)
{
	return ip->family == ADDR_V6 && ip->ip[0] == 0xfe && (ip->ip[1] & 0xc0) == 0x80;
}

/* The address of ours that asks for ip: one of its subnet, or any of the family on the port for a link-local one. */
static const struct dp_local *local_towards(const struct neigh *n, uint16_t port,
					    const struct addr *ip)
{
	for (size_t i = 0; i < n->n_local; i++) {
		const struct dp_local *l = &n->local[i];

		if (l->port == port && l->ip.family == ip->family &&
		    (addr_in(&l->subnet, ip) || is_link_local(ip)))
			return l;
	}
	return NULL;
}

bool neigh_on_link(const struct neigh *n, uint16_t port, const struct addr *ip)
{
	return local_towards(n, port, ip) != NULL;
}

bool neigh_ping_pass(struct neigh *n, uint64_t now_ms)
{
	const uint64_t refill = (now_ms - n->ping_ms) * NEIGH_PINGS_PER_S / 1000;

	if (refill) {
		n->ping_ms = now_ms;
		n->ping_tokens = refill >= NEIGH_PINGS_PER_S - n->ping_tokens
					 ? NEIGH_PINGS_PER_S
					 : n->ping_tokens + (uint32_t)refill;
	}
	if (n->ping_tokens == 0)
		return false;
	n->ping_tokens--;
	return true;
}

static struct entry *entry_find(struct neigh *n, uint16_t port, const struct addr *ip)
{
	for (size_t i = 0; i < n->n_used; i++) {
		struct entry *e = &n->entry[i];

		if (e->used && e->port == port && addr_ip_eq(&e->ip, ip))
			return e;
	}
	return NULL;
}

/* Unanswered, and not being asked: the worker will name it again if it still has something to send. */
static bool is_failed(const struct entry *e)
{
	return !e->has_mac && e->tries == 0;
}

static bool is_gateway(const struct neigh *n, const struct entry *e)
{
	for (size_t i = 0; i < n->n_local; i++) {
		if (n->local[i].port == e->port && addr_ip_eq(&n->local[i].gateway, &e->ip))
			return true;
	}
	return false;
}

/* All are wanted and known: which one the worker shall forget. NULL when it cannot be told now. */
static struct entry *entry_oldest(struct neigh *n)
{
	struct entry *oldest = NULL;

	for (size_t i = 0; i < n->n_used; i++) {
		struct entry *e = &n->entry[i];

		if ((!oldest || e->named_ms < oldest->named_ms) && !is_gateway(n, e))
			oldest = e;
	}
	if (!oldest ||
	    !n->ops.learned(n->ops.ctx, oldest->port, &oldest->ip, (const uint8_t[6]){0}))
		return NULL;
	return oldest;
}

/* A free place; for a wanted entry any other, those first that nobody asked for or that nobody answers for. */
static struct entry *entry_new(struct neigh *n, uint16_t port, const struct addr *ip, bool wanted)
{
	struct entry *found = NULL;

	for (size_t i = 0; i < n->n_used; i++) {
		struct entry *e = &n->entry[i];

		if (!e->used) {
			found = e;
			break;
		}
		if (wanted && (!e->wanted || is_failed(e)) && (!found || e->due_ms < found->due_ms))
			found = e;
	}
	if ((!found || found->used) && n->n_used < NEIGH_MAX)
		found = &n->entry[n->n_used++];
	if (!found && wanted)
		found = entry_oldest(n);
	if (!found)
		return NULL;
	*found = (struct entry){.ip = *ip, .port = port, .used = true, .wanted = wanted};
	found->ip.port = 0;
	return found;
}

static void entry_due(struct neigh *n, struct entry *e, uint64_t due_ms)
{
	e->due_ms = due_ms;
	if (due_ms < n->next_ms)
		n->next_ms = due_ms;
}

/* The first question about a known MAC goes to its owner alone (RFC 1122, 2.3.2.1; RFC 4861, 7.3.3). */
static void entry_ask(struct neigh *n, struct entry *e, uint64_t now_ms)
{
	const struct dp_local *from = local_towards(n, e->port, &e->ip);
	const uint8_t *mac = e->has_mac && !e->doubt && e->tries == 0 ? e->mac : NULL;

	e->tries++;
	e->asked_ms = now_ms;
	entry_due(n, e, now_ms + NEIGH_TRY_MS);
	if (!from)
		return;
	if (e->ip.family == ADDR_V4)
		arp_ask(n, from, &e->ip, mac);
	else
		nd_ask(n, from, &e->ip, mac);
}

static void entry_give_up_round(struct neigh *n, struct entry *e, uint64_t now_ms)
{
	uint64_t wait = (uint64_t)NEIGH_BACKOFF_MS << e->rounds;

	if (wait >= NEIGH_FRESH_MS)
		wait = NEIGH_FRESH_MS;
	else
		e->rounds++;
	e->tries = 0;
	e->demanded = false;
	entry_due(n, e, now_ms + wait);
	log_limited(LOG_INFO, "neigh", "no_answer",
		    KV_C("ip", addr_ip_text(&e->ip, (char[ADDR_TEXT_MAX]){0})),
		    KV_U("port", e->port));
}

static void entry_tell(struct neigh *n, struct entry *e, uint64_t now_ms)
{
	e->untold = !n->ops.learned(n->ops.ctx, e->port, &e->ip, e->mac);
	if (e->untold)
		entry_due(n, e, now_ms + NEIGH_RETELL_MS);
}

static void entry_learn(struct neigh *n, struct entry *e, const uint8_t mac[6], uint64_t now_ms)
{
	const bool changed = !e->has_mac || memcmp(e->mac, mac, 6) != 0;

	memcpy(e->mac, mac, 6);
	e->has_mac = true;
	e->doubt = false;
	e->tries = e->rounds = 0;
	entry_due(n, e, now_ms + (e->wanted ? NEIGH_FRESH_MS : NEIGH_HEARSAY_MS));
	if (changed && e->wanted)
		entry_tell(n, e, now_ms);
}

/* Asks now, unless a question is open or was asked within the last second. */
static void entry_ask_soon(struct neigh *n, struct entry *e, uint64_t now_ms)
{
	if (e->tries == 0 && (e->asked_ms == 0 || now_ms - e->asked_ms >= NEIGH_TRY_MS))
		entry_ask(n, e, now_ms);
}

void neigh_resolve(struct neigh *n, uint16_t port, const struct addr *ip, uint64_t now_ms)
{
	struct entry *e = entry_find(n, port, ip);

	if (!e && neigh_on_link(n, port, ip))
		e = entry_new(n, port, ip, true);
	if (!e) {
		log_limited(LOG_WARN, "neigh", "cannot_resolve",
			    KV_C("ip", addr_ip_text(ip, (char[ADDR_TEXT_MAX]){0})),
			    KV_U("port", port));
		return;
	}
	if (!e->wanted) {
		e->wanted = true;
		entry_due(n, e, now_ms + NEIGH_FRESH_MS);
	}
	e->demanded = true;
	e->named_ms = now_ms;
	if (e->has_mac)
		entry_tell(n, e, now_ms);
	else if (e->rounds == 0)
		entry_ask_soon(n, e, now_ms);
}

void neigh_heard(struct neigh *n, uint16_t port, const struct addr *ip, const uint8_t mac[6],
		 enum neigh_proof proof, uint64_t now_ms)
{
	struct entry *e;

	if (!mac_unicast(mac) || !neigh_on_link(n, port, ip))
		return;
	e = entry_find(n, port, ip);
	if (!e && proof == NEIGH_ASKED)
		e = entry_new(n, port, ip, false);
	if (!e)
		return;
	switch (proof) {
	case NEIGH_ANSWER:
		if (e->tries)
			entry_learn(n, e, mac, now_ms);
		return;
	case NEIGH_ASKED:
		if (!e->wanted || !e->has_mac || memcmp(e->mac, mac, 6) == 0) {
			entry_learn(n, e, mac, now_ms);
			return;
		}
		break;
	case NEIGH_RUMOUR:
		if (!e->wanted || (e->has_mac && memcmp(e->mac, mac, 6) == 0))
			return;
		break;
	}
	e->doubt = true;
	entry_ask_soon(n, e, now_ms);
}

void neigh_announce(struct neigh *n)
{
	for (size_t i = 0; i < n->n_local; i++) {
		if (n->local[i].ip.family == ADDR_V4)
			arp_announce(n, &n->local[i]);
		else
			nd_announce(n, &n->local[i]);
	}
}

static void entry_tick(struct neigh *n, struct entry *e, uint64_t now_ms)
{
	if (e->untold) {
		entry_due(n, e, now_ms + (e->tries ? NEIGH_TRY_MS : NEIGH_FRESH_MS));
		entry_tell(n, e, now_ms);
	} else if (!e->wanted || (is_failed(e) && !e->demanded))
		e->used = false;
	else if (e->tries < NEIGH_TRIES)
		entry_ask(n, e, now_ms);
	else
		entry_give_up_round(n, e, now_ms);
}

uint64_t neigh_tick(struct neigh *n, uint64_t now_ms)
{
	if (now_ms < n->next_ms)
		return n->next_ms;
	n->next_ms = UINT64_MAX;
	for (size_t i = 0; i < n->n_used; i++) {
		struct entry *e = &n->entry[i];

		if (e->used && e->due_ms <= now_ms)
			entry_tick(n, e, now_ms);
		if (e->used && e->due_ms < n->next_ms)
			n->next_ms = e->due_ms;
	}
	return n->next_ms;
}

void neigh_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t len, uint64_t now_ms)
{
	if (len < ETH_LEN || !mac_unicast(f + 6))
		return;
	switch (get16(f + 12)) {
	case ETHER_ARP:
		arp_input(n, port, f, len, now_ms);
		return;
	case ETHER_IPV4:
		ping4_input(n, port, f, len, now_ms);
		return;
	case ETHER_IPV6:
		nd_input(n, port, f, len, now_ms);
		return;
	default:
		return;
	}
}
