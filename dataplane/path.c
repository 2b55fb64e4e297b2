/* Header templates: RFC 791 (identification per RFC 6864, DF clear), RFC 8200, RFC 768 with a checksum always. Built by
 * endpoint.c when a target is set or locked, written by stage_rewrite with every packet, on the worker's thread. */
#include "path.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "cksum.h"

static_assert(sizeof(struct dp_path) == 128, "two cache lines");

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

static const struct addr *next_hop(const struct dp_local *from, const struct addr *target)
{
	if (addr_in(&from->subnet, target) || is_link_local(target))
		return target;
	return addr_is_set(&from->gateway) ? &from->gateway : NULL;
}

static void build_v4(struct dp_path *p, const struct dp_local *from, const struct addr *target,
		     uint8_t dscp)
{
	uint8_t *ip = p->hdr + ETH_LEN;

	put16(p->hdr + 12, 0x0800);
	ip[0] = 0x45;
	ip[1] = (uint8_t)(dscp << 2);
	ip[8] = PATH_TTL;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, from->ip.ip, 4);
	memcpy(ip + 16, target->ip, 4);
	p->hdr_len = PATH_HDR_V4;
	p->ip_sum = cksum_fold(cksum_add(ip, V4_LEN));
	p->udp_sum = cksum_fold(cksum_add(ip + 12, 8));
}

static void build_v6(struct dp_path *p, const struct dp_local *from, const struct addr *target,
		     uint8_t dscp)
{
	uint8_t *ip = p->hdr + ETH_LEN;

	put16(p->hdr + 12, 0x86dd);
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
	const struct addr *via = next_hop(from, target);
	struct nexthop *hop = via ? nexthop_hold(hops, via, from->port) : NULL;
	uint8_t *udp;

	nexthop_release(p->hop);
	p->hop = hop;
	p->port = from->port;
	p->target = *target;
	memset(p->hdr, 0, sizeof p->hdr);
	memcpy(p->hdr + 6, from->mac, 6);
	if (target->family == ADDR_V6)
		build_v6(p, from, target, dscp);
	else
		build_v4(p, from, target, dscp);
	udp = p->hdr + p->hdr_len - 8;
	put16(udp, from_port);
	put16(udp + 2, target->port);
	p->udp_sum = cksum_fold(p->udp_sum + cksum_add(udp, 4) + htons(IPPROTO_UDP));
}

void path_clear(struct dp_path *p)
{
	nexthop_release(p->hop);
	p->hop = NULL;
	p->hdr_len = 0;
	p->target = (struct addr){0};
}

void path_write(const struct dp_path *p, uint8_t *at, uint16_t payload_len, uint16_t payload_sum,
		uint16_t ip_id, bool with_sum)
{
	uint16_t udp_len_be = htons((uint16_t)(payload_len + 8));
	uint64_t sum = (uint64_t)p->udp_sum + udp_len_be;
	uint16_t sum16;

	memcpy(at, p->hop->mac, 6);
	if (p->hdr_len == PATH_HDR_V4) {
		uint16_t len_be = htons((uint16_t)(payload_len + 8 + V4_LEN));
		uint16_t ip_sum = (uint16_t)~cksum_fold((uint64_t)p->ip_sum + len_be + ip_id);

		memcpy(at + 6, p->hdr + 6, PATH_HDR_V4 - 6);
		memcpy(at + ETH_LEN + 2, &len_be, 2);
		memcpy(at + ETH_LEN + 4, &ip_id, 2);
		memcpy(at + ETH_LEN + 10, &ip_sum, 2);
	} else {
		memcpy(at + 6, p->hdr + 6, PATH_HDR_V6 - 6);
		memcpy(at + ETH_LEN + 4, &udp_len_be, 2);
	}
	at += p->hdr_len;
	memcpy(at - 4, &udp_len_be, 2);
	if (with_sum) {
		sum16 = (uint16_t)~cksum_fold(sum + udp_len_be + payload_sum);
		/* 0 would mean "no checksum" (RFC 768). */
		if (sum16 == 0)
			sum16 = 0xffff;
	} else {
		/* RFC 8200 8.1 and RFC 768 pseudo headers hold the length once, the ports not at all. */
		sum16 = cksum_fold(sum + (uint16_t)~cksum_fold(cksum_add(at - 8, 4)));
	}
	memcpy(at - 2, &sum16, 2);
}
