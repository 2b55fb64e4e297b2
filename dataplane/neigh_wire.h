/* Between the neighbour cache (neigh.c) and the protocols that feed it (neigh_arp.c, neigh_nd.c, neigh_ping.c). One thread. */
#ifndef REMPART_NEIGH_WIRE_H
#define REMPART_NEIGH_WIRE_H

#include <stdbool.h>

#include "neigh.h"

#define ETH_LEN         14
#define ETH_MIN         60 /* without FCS; shorter frames are padded */
#define ETHER_IPV4      0x0800
#define ETHER_ARP       0x0806
#define ETHER_IPV6      0x86dd
#define IP6_LEN         40
#define NEIGH_REPLY_MAX 1514

/* How good the evidence is that an address has a MAC. */
enum neigh_proof {
	NEIGH_ANSWER, /* an answer addressed to us; believed if we asked */
	NEIGH_ASKED,  /* it asked for one of our addresses itself */
	NEIGH_RUMOUR, /* told to everybody: at most a reason to ask */
};

void neigh_heard(struct neigh *n, uint16_t port, const struct addr *ip, const uint8_t mac[6],
		 enum neigh_proof proof, uint64_t now_ms);
void neigh_send(struct neigh *n, uint16_t port, const uint8_t *frame, size_t len);
/* Our address ip on this port, or NULL. */
const struct dp_local *neigh_local(const struct neigh *n, uint16_t port, const struct addr *ip);
bool neigh_on_link(const struct neigh *n, uint16_t port, const struct addr *ip);
/* True while the rate limit of ping replies allows one more. */
bool neigh_ping_pass(struct neigh *n, uint64_t now_ms);

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void put_eth(uint8_t *f, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	put16(f + 12, type);
}
static inline struct addr addr4(const uint8_t *p)
{
	struct addr a = {.family = ADDR_V4};

	memcpy(a.ip, p, 4);
	return a;
}
static inline struct addr addr6(const uint8_t *p)
{
	struct addr a = {.family = ADDR_V6};

	memcpy(a.ip, p, 16);
	return a;
}
/* A station's own MAC: no group bit, not zero. */
static inline bool mac_unicast(const uint8_t mac[6])
{
	return !(mac[0] & 1) && (mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

void arp_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t len, uint64_t now_ms);
/* Asks for ip as `from`; mac is where to (NULL: everybody). */
void arp_ask(struct neigh *n, const struct dp_local *from, const struct addr *ip,
	     const uint8_t *mac);
void arp_announce(struct neigh *n, const struct dp_local *l);

void nd_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t len, uint64_t now_ms);
void nd_ask(struct neigh *n, const struct dp_local *from, const struct addr *ip,
	    const uint8_t *mac);
void nd_announce(struct neigh *n, const struct dp_local *l);

/* Internet checksum over an ICMPv6 message of len bytes behind the IPv6 header ip6: 0 when the one inside is right; the
 * one to write, when that field is 0. */
uint16_t icmp6_checksum(const uint8_t *ip6, const uint8_t *icmp, size_t len);

void ping4_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t len, uint64_t now_ms);
/* icmp_len bytes of a checked ICMPv6 message behind f's IPv6 header. */
void ping6_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t icmp_len,
		 uint64_t now_ms);

#endif
