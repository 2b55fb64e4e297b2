/* Takes a burst from a port and starts its frames on their way into the cache. Worker's thread. */
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "stage.h"

void stage_rx(struct dp_worker *w, struct dp_burst *b)
{
	struct rte_mbuf *m[BURST_MAX];
	uint64_t bytes = 0;

	b->n = rte_eth_rx_burst(b->port, w->conf.queue, m, BURST_MAX);
	for (uint16_t i = 0; i < b->n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
		b->pkt[i].m = m[i];
		bytes += m[i]->pkt_len;
	}
	w->rx_packets += b->n;
	w->rx_bytes += bytes;
}
