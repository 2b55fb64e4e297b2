/* The slow path: what a worker punts (ARP, ND, ping), and what it wants resolved. Runs on the agent's thread, woken by the
 * worker's eventfd; its frames leave through the worker's tx ring. */
#ifndef REMPART_SLOW_PATH_H
#define REMPART_SLOW_PATH_H

#include "neigh.h"

struct slow_path {
	struct neigh *neigh;
	struct rte_ring *punt, *tx;
	struct rte_mempool *pool;
};

typedef bool (*slow_path_learned_fn)(void *ctx, uint16_t port, const struct addr *ip,
				     const uint8_t mac[6]);

/* wc: the worker's rings and addresses (they outlive it). Announces the addresses. ERR_NOMEM. */
int slow_path_open(struct slow_path *s, const struct dp_worker_conf *wc, struct rte_mempool *pool,
		   slow_path_learned_fn learned, void *ctx) MUST_CHECK;
void slow_path_close(struct slow_path *s);
/* Everything that waits and everything that is due; returns the time of the next work, UINT64_MAX without any. */
uint64_t slow_path_turn(struct slow_path *s, uint64_t now_ms);

#endif
