/* Keeps a burst dense between stages. Runs on the worker's thread. Dropped packets are freed together, since a
 * bulk return to the mempool costs about the same as a single one. */
#include "burst.h"

void burst_compact(struct dp_burst *b)
{
	uint16_t kept = 0;

	if (b->n_dead) {
		rte_pktmbuf_free_bulk(b->dead, b->n_dead);
		b->n_dead = 0;
	}
	/* The common case: nothing was taken out. */
	while (kept < b->n && b->pkt[kept].m)
		kept++;
	for (uint16_t i = kept; i < b->n; i++) {
		if (!b->pkt[i].m)
			continue;
		b->pkt[kept++] = b->pkt[i];
	}
	b->n = kept;
}
