/* Neighbour discovery (RFC 4861) for our IPv6 media addresses: solicitations answered and sent, advertisements believed when
 * we asked. No router discovery (gateways are configured) and no DAD (addresses are allotted by configuration). The checks are
 * those of sections 7.1.1 and 7.1.2. The slow path's thread. */
#include "base/log.h"
#include "cksum.h"
#include "neigh_wire.h"

#define IP6_ICMP      58
#define ND_HOPS       255
#define ICMP6_ECHO    128
#define ND_SOLICIT    135
#define ND_ADVERT     136
#define ND_LEN        24 /* without options */
#define ND_OPT_SOURCE 1
#define ND_OPT_TARGET 2
#define NA_SOLICITED  0x40
#define NA_OVERRIDE   0x20

/* Offsets from the frame's start. */
enum {
	IP6 = ETH_LEN,
	IP6_PAYLOAD = IP6 + 4,
	IP6_NEXT = IP6 + 6,
	IP6_HOPS = IP6 + 7,
	IP6_SRC = IP6 + 8,
	IP6_DST = IP6 + 24,
	ICMP = IP6 + IP6_LEN,
	ND_FLAGS = ICMP + 4,
	ND_TARGET = ICMP + 8,
	ND_OPT = ICMP + ND_LEN,
};

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t solicited_node[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};

uint16_t icmp6_checksum(const uint8_t *ip6, const uint8_t *icmp, size_t len)
{
	const uint8_t pseudo[8] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len, 0, 0, 0, IP6_ICMP};
	const uint64_t sum =
		cksum_add(ip6 + 8, 32) + cksum_add(pseudo, sizeof pseudo) + cksum_add(icmp, len);

	return (uint16_t)~cksum_fold(sum);
}

/* A solicitation or advertisement with the link-layer option; eth and dst are where it goes. */
static void nd_send(struct neigh *n, const struct dp_local *from, uint8_t type, uint8_t flags,
		    const uint8_t *eth, const uint8_t *dst, const uint8_t *target)
{
	uint8_t f[ND_OPT + 8] = {0};
	uint16_t sum;

	put_eth(f, eth, from->mac, ETHER_IPV6);
	f[IP6] = 0x60;
	put16(f + IP6_PAYLOAD, ND_LEN + 8);
	f[IP6_NEXT] = IP6_ICMP;
	f[IP6_HOPS] = ND_HOPS;
	memcpy(f + IP6_SRC, from->ip.ip, 16);
	memcpy(f + IP6_DST, dst, 16);
	f[ICMP] = type;
	f[ND_FLAGS] = flags;
	memcpy(f + ND_TARGET, target, 16);
	f[ND_OPT] = type == ND_SOLICIT ? ND_OPT_SOURCE : ND_OPT_TARGET;
	f[ND_OPT + 1] = 1;
	memcpy(f + ND_OPT + 2, from->mac, 6);
	sum = icmp6_checksum(f + IP6, f + ICMP, ND_LEN + 8);
	memcpy(f + ICMP + 2, &sum, 2);
	neigh_send(n, from->port, f, sizeof f);
}

void nd_ask(struct neigh *n, const struct dp_local *from, const struct addr *ip, const uint8_t *mac)
{
	uint8_t group[16];
	const uint8_t group_mac[6] = {0x33, 0x33, 0xff, ip->ip[13], ip->ip[14], ip->ip[15]};

	memcpy(group, solicited_node, sizeof solicited_node);
	memcpy(group + 13, ip->ip + 13, 3);
	nd_send(n, from, ND_SOLICIT, 0, mac ? mac : group_mac, mac ? ip->ip : group, ip->ip);
}

void nd_announce(struct neigh *n, const struct dp_local *l)
{
	nd_send(n, l, ND_ADVERT, NA_OVERRIDE, all_nodes_mac, all_nodes, l->ip.ip);
}

/* Walks the options: false when they are malformed; *mac is the link-layer address of the wanted type, or NULL. */
static bool nd_options(const uint8_t *opt, size_t len, uint8_t type, const uint8_t **mac)
{
	*mac = NULL;
	while (len) {
		const size_t opt_len = len < 2 ? 0 : (size_t)opt[1] * 8;

		if (opt_len == 0 || opt_len > len)
			return false;
		if (opt[0] == type && opt_len == 8)
			*mac = opt + 2;
		opt += opt_len;
		len -= opt_len;
	}
	return true;
}

static void solicit_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t opt_len,
			  uint64_t now_ms)
{
	const struct addr target = addr6(f + ND_TARGET), source = addr6(f + IP6_SRC);
	const struct dp_local *us = neigh_local(n, port, &target);
	const bool to_group = memcmp(f + IP6_DST, solicited_node, sizeof solicited_node) == 0;
	const uint8_t *mac;

	if (!us || !nd_options(f + ND_OPT, opt_len, ND_OPT_SOURCE, &mac))
		return;
	if (addr_is_any(&source)) { /* somebody wants to take our address (DAD) */
		if (!mac && to_group)
			nd_announce(n, us);
		return;
	}
	if (addr_is_multicast(&source) || !neigh_on_link(n, port, &source) ||
	    neigh_local(n, port, &source))
		return;
	nd_send(n, us, ND_ADVERT, NA_SOLICITED | NA_OVERRIDE, mac ? mac : f + 6, source.ip,
		target.ip);
	if (mac)
		neigh_heard(n, port, &source, mac, NEIGH_ASKED, now_ms);
}

static void advert_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t opt_len,
			 uint64_t now_ms)
{
	const struct addr target = addr6(f + ND_TARGET), dst = addr6(f + IP6_DST);
	const bool solicited = f[ND_FLAGS] & NA_SOLICITED;
	const struct dp_local *us = neigh_local(n, port, &target);
	const uint8_t *mac;

	if (addr_is_multicast(&target) || !nd_options(f + ND_OPT, opt_len, ND_OPT_TARGET, &mac))
		return;
	if (solicited && addr_is_multicast(&dst))
		return;
	if (us) {
		if (mac && memcmp(mac, us->mac, 6) != 0)
			log_limited(LOG_WARN, "neigh", "address_conflict",
				    KV_C("ip", addr_ip_text(&target, (char[ADDR_TEXT_MAX]){0})));
		return;
	}
	if (!mac && solicited) /* allowed in an answer to a question that was sent to it alone */
		mac = f + 6;
	if (mac)
		neigh_heard(n, port, &target, mac,
			    solicited && neigh_local(n, port, &dst) ? NEIGH_ANSWER : NEIGH_RUMOUR,
			    now_ms);
}

void nd_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t len, uint64_t now_ms)
{
	size_t icmp_len;

	if (len < ICMP + 8 || f[IP6] >> 4 != 6 || f[IP6_NEXT] != IP6_ICMP)
		return;
	icmp_len = get16(f + IP6_PAYLOAD);
	if (icmp_len < 8 || icmp_len > len - ICMP || icmp6_checksum(f + IP6, f + ICMP, icmp_len))
		return;
	if (f[ICMP] == ICMP6_ECHO) {
		ping6_input(n, port, f, icmp_len, now_ms);
		return;
	}
	if (f[IP6_HOPS] != ND_HOPS || f[ICMP + 1] != 0 || icmp_len < ND_LEN)
		return;
	if (f[ICMP] == ND_SOLICIT)
		solicit_input(n, port, f, icmp_len - ND_LEN, now_ms);
	else if (f[ICMP] == ND_ADVERT)
		advert_input(n, port, f, icmp_len - ND_LEN, now_ms);
}
