/* Header templates: RFC 791 (identification per RFC 6864, DF clear), RFC 8200, RFC 768 with a checksum always. Built by
 * endpoint.c when a target is set or locked, written by stage_rewrite with every packet, on the worker's thread. */
#include "path.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "cksum.h"

static_assert(sizeof(struct dp_path) == 128, "two cache lines");
static_assert(offsetof(struct dp_path, v6) == 64, "IPv4 needs one of them");

#define ETH_LEN 14
#define V4_LEN  20

static void put16(uint8_t *at, uint16_t host)
{
	at[0] = (uint8_t)(host >> 8);
	at[1] = (uint8_t)host;
}

static bool is_link_local(const struct addr *a)
{
	return a->family == ADDR_V6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

/* NULL: not on-link and no gateway, or no room in the table. */
static struct nexthop *next_hop(struct nexthop_table *hops, const struct dp_local *from,
				const struct addr *target)
{
	if (addr_in(&from->subnet, target) || is_link_local(target))
		return nexthop_hold(hops, target, from->port);
	if (!addr_is_set(&from->gateway))
		return NULL;
	return nexthop_hold(hops, &from->gateway, from->port);
}

/* Both fill in an IP header at f + ETH_LEN and the sums that depend on it. */
static void build_v4(struct dp_path *p, uint8_t *f, const struct dp_local *from,
		     const struct addr *target, uint8_t dscp)
{
	uint8_t *ip = f + ETH_LEN;

	put16(f + 12, 0x0800);
	ip[0] = 0x45;
	ip[1] = (uint8_t)(dscp << 2);
	ip[8] = PATH_TTL;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, from->ip.ip, 4);
	memcpy(ip + 16, target->ip, 4);
	p->hdr_len = PATH_HDR_V4;
	p->ip_sum = cksum_fold(cksum_add(ip, V4_LEN));
	p->udp_sum = cksum_fold(cksum_8(ip + 12));
}

static void build_v6(struct dp_path *p, uint8_t *f, const struct dp_local *from,
		     const struct addr *target, uint8_t dscp)
{
	uint8_t *ip = f + ETH_LEN;

	put16(f + 12, 0x86dd);
	ip[0] = (uint8_t)(0x60 | dscp >> 2);
	ip[1] = (uint8_t)(dscp << 6);
	ip[6] = IPPROTO_UDP;
	ip[7] = PATH_TTL;
	memcpy(ip + 8, from->ip.ip, 16);
	memcpy(ip + 24, target->ip, 16);
	p->hdr_len = PATH_HDR_V6;
	p->udp_sum = cksum_fold(cksum_add(ip + 8, 32));
}

void path_build(struct dp_path *p, struct nexthop_table *hops, const struct dp_local *from,
		uint16_t from_port, const struct addr *target, uint8_t dscp)
{
	struct nexthop *hop = next_hop(hops, from, target);
	uint8_t f[PATH_HDR_V6] = {0}, *udp;

	nexthop_release(path_hop(p, hops));
	p->hop = hop ? (uint16_t)(hop - hops->hop + 1) : 0;
	p->port = (uint8_t)from->port;
	memcpy(f + 6, from->mac, 6);
	if (target->family == ADDR_V6)
		build_v6(p, f, from, target, dscp);
	else
		build_v4(p, f, from, target, dscp);
	p->payload_max = (uint16_t)((from->mtu ? from->mtu : UINT16_MAX) - (p->hdr_len - ETH_LEN));
	udp = f + p->hdr_len - 8;
	put16(udp, from_port);
	put16(udp + 2, target->port);
	p->udp_sum = cksum_fold(p->udp_sum + cksum_4(udp) + htons(IPPROTO_UDP));
	memcpy(p->v4, f + PATH_AT, PATH_TEXT_V4);
	memcpy(p->v6, f + PATH_AT, PATH_TEXT_V6);
}

void path_clear(struct dp_path *p, struct nexthop_table *hops)
{
	nexthop_release(path_hop(p, hops));
	p->hop = 0;
	p->hdr_len = 0;
}
