/* Whose packet it is (latch.h), then whether the session description wants RTP in this direction. Worker's thread.
 *
 * No far end has an address of ours, whatever its description says: such a packet is forged, or went in a circle.
 *
 * A held endpoint still learns its far end's address, so that media flows at once after a resume; it takes no RTP.
 * RTCP goes on while a stream is held (RFC 3264 5.1). */
#include "stage.h"

static bool taken(struct dp_worker *w, struct dp_burst *b, uint16_t i)
{
	struct dp_pkt *p = &b->pkt[i];
	struct dp_endpoint *ep = p->ep;
	bool rtp = p->kind == PKT_RTP;
	struct latch *l = rtp ? &ep->latch : &ep->latch_rtcp;
	struct latch_rule rule;

	if (l->state == LATCH_LOCKED && p->src.port == l->locked.port &&
	    latch_same_ip(&p->src, &l->locked)) {
		l->last_us = b->now_us;
		return true;
	}
	if (worker_local(w, p->src.family, p->src.ip)) {
		dp_refuse(w, b, i, DROP_SOURCE);
		return false;
	}
	rule = endpoint_rule(ep, (enum pkt_kind)p->kind);
	switch (latch_packet(l, rtp ? &ep->learn : &ep->learn_rtcp, &rule, &p->src, p->ssrc,
			     p->rtp_seq, b->now_us)) {
	case LATCH_TAKE:
		return true;
	case LATCH_LEARNED:
		endpoint_aim(w, ep, b->now_us);
		(void)mailbox_event(w, ep, MEDIA_EV_LATCHED, rtp ? 0 : MEDIA_STAT_RTCP, b->now_us);
		return true;
	case LATCH_WAIT:
		dp_refuse(w, b, i, DROP_LATCH_WAIT);
		return false;
	case LATCH_REFUSE:
		break;
	}
	dp_refuse(w, b, i, DROP_SOURCE);
	return false;
}

void stage_latch(struct dp_worker *w, struct dp_burst *b)
{
	for (uint16_t i = 0; i < b->n; i++) {
		struct dp_pkt *p = &b->pkt[i];

		if (!taken(w, b, i))
			continue;
		if (p->kind == PKT_RTP && !(p->ep->direction & MEDIA_RECV)) {
			rtp_stat_pause(&p->ep->stat);
			dp_refuse(w, b, i, DROP_DIRECTION);
		}
	}
	burst_compact(b);
}
