/* The way out of an endpoint for one flow: the prebuilt Ethernet, IP and UDP header towards its current target, and what
 * sending a packet still has to add: MAC address, lengths, identification, checksums. */
#ifndef REMPART_PATH_H
#define REMPART_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "nexthop.h"
#include "worker.h"

#define PATH_HDR_V4 42 /* Ethernet, IPv4, UDP */
#define PATH_HDR_V6 62 /* Ethernet, IPv6, UDP */
#define PATH_TTL    64

/* Two cache lines: what a packet needs, and the template. */
struct dp_path {
	struct nexthop *hop; /* NULL: the target is not on-link and there is no gateway */
	uint64_t tx_packets, tx_bytes;
	uint32_t ip_sum;   /* of the IPv4 header with length, identification and checksum 0 */
	uint32_t udp_sum;  /* of pseudo header and UDP header without the lengths */
	uint32_t gen;      /* RTP's path only: the endpoint's generation, odd while it lives */
	uint16_t port;     /* DPDK port */
	uint8_t hdr_len;   /* PATH_HDR_V4 or PATH_HDR_V6; 0: no target */
	uint8_t direction; /* RTP's path only: enum media_direction_bit */
	struct addr target;
	uint32_t pad_;
	uint8_t hdr[64];
} __attribute__((aligned(64)));

/* Points the path at target (of the family of `from`), from UDP port from_port. The statistics stay. */
void path_build(struct dp_path *p, struct nexthop_table *hops, const struct dp_local *from,
		uint16_t from_port, const struct addr *target, uint8_t dscp);
/* No target any more; gives the next hop back. */
void path_clear(struct dp_path *p);

/* Writes the header for a payload of payload_len bytes whose Internet sum is payload_sum to `at`, hdr_len bytes. The next
 * hop must be known. with_sum false: the UDP checksum field gets the pseudo header's sum, for a port that does the rest. */
void path_write(const struct dp_path *p, uint8_t *at, uint16_t payload_len, uint16_t payload_sum,
		uint16_t ip_id, bool with_sum);

#endif
