/* The way out of an endpoint for one flow: the prebuilt Ethernet, IP and UDP header towards its current target, and what
 * sending a packet still has to add: MAC address, lengths, identification, checksums. */
#ifndef REMPART_PATH_H
#define REMPART_PATH_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"
#include "cksum.h"
#include "nexthop.h"
#include "worker.h"

#define PATH_HDR_V4 42 /* Ethernet, IPv4, UDP */
#define PATH_HDR_V6 62 /* Ethernet, IPv6, UDP */
#define PATH_TTL    64

/* Where the template is a part of the frame: behind the destination's MAC, up to the UDP length. */
#define PATH_AT      6
#define PATH_TEXT_V4 (PATH_HDR_V4 - 4 - PATH_AT)
#define PATH_TEXT_V6 (PATH_HDR_V6 - 4 - PATH_AT)

/* One cache line with all that a packet to IPv4 needs; IPv6 has its template in the second. */
struct dp_path {
	uint64_t tx_packets, tx_bytes;
	uint32_t gen; /* RTP's path only: the endpoint's generation, odd while it lives */
	uint16_t hop; /* entry of the worker's nexthop table, + 1; 0: not on-link and no gateway */
	uint16_t ip_sum;   /* of the IPv4 header with length, identification and checksum 0 */
	uint16_t udp_sum;  /* of pseudo header and UDP header without the lengths */
	uint8_t port;      /* DPDK port */
	uint8_t hdr_len;   /* PATH_HDR_V4 or PATH_HDR_V6; 0: no target */
	uint8_t direction; /* RTP's path only: enum media_direction_bit */
	uint8_t pad_;
	uint16_t payload_max; /* UDP payload that the link takes */
	uint8_t v4[PATH_TEXT_V4];
	uint8_t v6[PATH_TEXT_V6];
} __attribute__((aligned(64)));

/* Points the path at target (of the family of `from`), from UDP port from_port. The statistics stay. */
void path_build(struct dp_path *p, struct nexthop_table *hops, const struct dp_local *from,
		uint16_t from_port, const struct addr *target, uint8_t dscp);
/* No target any more; gives the next hop back. */
void path_clear(struct dp_path *p, struct nexthop_table *hops);

static inline struct nexthop *path_hop(const struct dp_path *p, const struct nexthop_table *hops)
{
	return p->hop ? &hops->hop[p->hop - 1] : NULL;
}

/* Writes the header for a payload of payload_len bytes whose Internet sum is payload_sum to `at`, hdr_len bytes. with_sum
 * false: the UDP checksum field gets the pseudo header's sum, for a port that does the rest. */
static inline void path_write(const struct dp_path *p, const uint8_t mac[6], uint8_t *at,
			      uint16_t payload_len, uint16_t payload_sum, uint16_t ip_id,
			      bool with_sum)
{
	uint16_t udp_len_be = htons((uint16_t)(payload_len + 8));
	uint64_t sum = (uint64_t)p->udp_sum + udp_len_be;
	uint16_t sum16;

	memcpy(at, mac, 6);
	if (p->hdr_len == PATH_HDR_V4) {
		uint16_t len_be = htons((uint16_t)(payload_len + 28));
		uint16_t ip_sum = (uint16_t)~cksum_fold((uint64_t)p->ip_sum + len_be + ip_id);

		memcpy(at + PATH_AT, p->v4, PATH_TEXT_V4);
		memcpy(at + 16, &len_be, 2);
		memcpy(at + 18, &ip_id, 2);
		memcpy(at + 24, &ip_sum, 2);
	} else {
		memcpy(at + PATH_AT, p->v6, PATH_TEXT_V6);
		memcpy(at + 18, &udp_len_be, 2);
	}
	at += p->hdr_len;
	memcpy(at - 4, &udp_len_be, 2);
	if (with_sum) {
		sum16 = (uint16_t)~cksum_fold(sum + udp_len_be + payload_sum);
		/* 0 would mean "no checksum" (RFC 768). */
		if (sum16 == 0)
			sum16 = 0xffff;
	} else {
		/* The pseudo header holds the length once, and not the ports. */
		sum16 = cksum_fold(sum + (uint16_t)~cksum_fold(cksum_4(at - 8)));
	}
	memcpy(at - 2, &sum16, 2);
}

#endif
