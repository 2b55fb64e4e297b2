/* Counts and measures what the far end sent, before anything is done to it. Worker's thread. */
#include "stage.h"

void stage_measure(struct dp_worker *w, struct dp_burst *b)
{
	(void)w;
	for (uint16_t i = 0; i < b->n; i++) {
		struct dp_pkt *p = &b->pkt[i];

		if (p->kind == PKT_RTCP) {
			p->ep->rx_rtcp++;
			continue;
		}
		p->ep->rx_packets++;
		rtp_stat_packet(&p->ep->stat, &p->ep->stat_cold, p->ssrc, p->rtp_seq, p->rtp_ts,
				p->tick, p->payload_len, b->now_us);
	}
}
