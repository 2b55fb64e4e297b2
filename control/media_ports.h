/* Port pools: pairs of UDP ports (RTP even, RTCP the odd one behind it) of one media address, handed out at random and
 * rested after use. Allocation, release and rest are O(1); nothing is searched, also not when a pool is exhausted.
 * Used by media_client.c only. One thread; time is an argument. */
#ifndef REMPART_MEDIA_PORTS_H
#define REMPART_MEDIA_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct media_pair;
struct media_ports {
	struct addr addr; /* port 0; unset: the interface has no address of this family */
	uint16_t first;   /* even */
	uint64_t quarantine_ms;
	uint32_t n_pair, n_used;
	uint32_t classes;              /* of (port >> 1) % classes; at least 1 */
	struct media_pair *pair;       /* [n_pair] */
	uint16_t *free_pair;           /* [n_pair], a segment per class, its free ones first */
	uint32_t *n_free;              /* [classes] */
	uint32_t rest_head, rest_tail; /* resting pairs, oldest first */
};

/* Pairs within [first, last]. ERR_NOMEM. */
int media_ports_init(struct media_ports *p, const struct addr *addr, uint16_t first, uint16_t last,
		     uint64_t quarantine_ms) MUST_CHECK;
void media_ports_free(struct media_ports *p);
/* Sorts the free pairs by another number of classes; those in use or at rest keep their state. ERR_NOMEM: as before. */
int media_ports_set_classes(struct media_ports *p, uint32_t classes) MUST_CHECK;
/* A random rested pair of the class (taken modulo classes): its even port. ERR_FULL. */
int media_ports_take(struct media_ports *p, uint64_t class_of, uint64_t now_ms,
		     uint16_t *port) MUST_CHECK;
/* Marks this very pair as used, wherever it is: somebody holds it already. False when it is in use or not of this pool. */
bool media_ports_claim(struct media_ports *p, uint16_t port);
/* Back to rest. The pair must be in use. */
void media_ports_release(struct media_ports *p, uint16_t port, uint64_t now_ms);

#endif
