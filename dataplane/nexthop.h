/* The worker's view of its neighbours: next hop (address and DPDK port) to MAC address. Filled by the agent, who does ARP
 * and ND; read with every packet sent. An entry never moves while a path holds it, so a MAC that changes reaches all
 * templates at once, whatever their number. Owned by one worker. */
#ifndef REMPART_NEXTHOP_H
#define REMPART_NEXTHOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define NEXTHOP_MAX    8192
#define NEXTHOP_SLOTS  (2 * NEXTHOP_MAX) /* of the open-addressed index; a power of 2 */
#define NEXTHOP_ASK_US 100000            /* least time between two wishes to resolve one hop */

struct nexthop {
	struct addr ip; /* port 0 */
	uint16_t port;  /* DPDK port */
	uint8_t mac[6];
	bool known;
	bool in_use;
	uint32_t refs;     /* paths that send through it */
	uint64_t asked_us; /* when the agent was last asked to resolve it; 0: never */
} __attribute__((aligned(64)));

struct nexthop_table {
	struct nexthop *hop; /* NEXTHOP_MAX, dense, lazily touched */
	uint16_t *index;     /* NEXTHOP_SLOTS: entry + 1, 0 = empty */
	uint32_t n;          /* entries used from the start of hop[] */
};

int nexthop_table_init(struct nexthop_table *t) MUST_CHECK;
void nexthop_table_free(struct nexthop_table *t);
/* The entry, made (unknown yet) if it is not there; NULL when NEXTHOP_MAX are held by paths. Takes a reference. */
struct nexthop *nexthop_hold(struct nexthop_table *t, const struct addr *ip, uint16_t port);
/* Gives the reference back; the entry stays known until its room is needed. NULL is allowed. */
void nexthop_release(struct nexthop *h);
/* Sets the MAC; all zero means unknown again. ERR_FULL when there is no room for a new entry. */
int nexthop_learn(struct nexthop_table *t, const struct addr *ip, uint16_t port,
		  const uint8_t mac[6]) MUST_CHECK;

#endif
