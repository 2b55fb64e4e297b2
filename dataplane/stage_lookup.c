/* Finds the endpoint of each packet and brings the lines that the next stages need into the cache, for all packets
 * before any of them is looked at: first the receiving endpoint's, then its sink's. Worker's thread. */
#include <rte_prefetch.h>

#include "stage.h"

void stage_lookup(struct dp_worker *w, struct dp_burst *b)
{
	for (uint16_t i = 0; i < b->n; i++) {
		struct dp_pkt *p = &b->pkt[i];

		p->ep = endpoint_by_port(&w->table, p->dst_addr, p->dst_port);
		if (!p->ep) {
			dp_drop(w, b, i, DROP_NO_ENDPOINT);
			continue;
		}
		p->kind = p->dst_port & 1 ? PKT_RTCP : PKT_RTP;
		rte_prefetch0(&p->ep->latch);
		rte_prefetch0(&p->ep->stat);
	}
	burst_compact(b);
	for (uint16_t i = 0; i < b->n; i++) {
		struct dp_pkt *p = &b->pkt[i];

		p->out = p->ep->sink;
		if (p->out)
			rte_prefetch0(&p->out->rtp);
	}
}
