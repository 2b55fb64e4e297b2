/* Is it what it claims to be: UDP checksum, then RTP (RFC 3550 5.1) of a negotiated payload type, or RTCP (6.1). What fails
 * here teaches no latch. Another host's packet to a locked endpoint is dropped before all that. Worker's thread.
 *
 * The checksum's payload part is kept, so that the rewrite adds up a few words in place of the whole packet. A checksum
 * field that holds just the pseudo header's sum is how Linux hands over a datagram of a program on the same machine (veth,
 * tap: CHECKSUM_PARTIAL, "the hardware will fill it in"). Nothing was on a wire yet, so it is taken as good. */
#include <netinet/in.h>
#include <arpa/inet.h>
#include <string.h>

#include "cksum.h"
#include "rtp.h"
#include "stage.h"

#define V6_L4_OFF 54

static bool udp_checksum_ok(struct dp_pkt *p)
{
	const uint8_t *udp = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off);
	bool v6 = p->l4_off == V6_L4_OFF;
	uint64_t known = p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint64_t pseudo;
	uint16_t field;

	memcpy(&field, udp + 6, 2);
	if (field == 0)
		return !v6; /* RFC 768: none was made; RFC 8200 8.1 forbids that */
	if (known == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return false;
	if (known == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	p->payload_sum = cksum_fold(cksum_add(udp + 8, p->payload_len));
	p->flags |= PKT_SUM_KNOWN;
	/* The addresses lie right before the UDP header in both families. */
	pseudo = cksum_8(udp - 8) + htons(IPPROTO_UDP) + htons((uint16_t)(p->payload_len + 8));
	if (v6)
		pseudo += cksum_add(udp - 32, 24);
	return cksum_fold(pseudo + cksum_8(udp) + p->payload_sum) == 0xffff ||
	       field == cksum_fold(pseudo);
}

static bool rtp(struct dp_worker *w, struct dp_burst *b, uint16_t i)
{
	struct dp_pkt *p = &b->pkt[i];
	struct rtp_info info;

	if (!rtp_parse(pkt_payload(p), p->payload_len, &info)) {
		dp_refuse(w, b, i, DROP_NOT_RTP);
		return false;
	}
	if (info.pt != p->ep->pt_last && !endpoint_payload_type(p->ep, info.pt)) {
		dp_refuse(w, b, i, DROP_PAYLOAD_TYPE);
		return false;
	}
	p->ssrc = info.ssrc;
	p->rtp_ts = info.ts;
	p->rtp_seq = info.seq;
	p->pt = info.pt;
	p->pt_out = p->ep->pt_last_out;
	p->tick = p->ep->tick;
	return true;
}

void stage_parse(struct dp_worker *w, struct dp_burst *b)
{
	for (uint16_t i = 0; i < b->n; i++) {
		struct dp_pkt *p = &b->pkt[i];

		if (latch_foreign(p->kind == PKT_RTP ? &p->ep->latch : &p->ep->latch_rtcp, &p->src))
			dp_refuse(w, b, i, DROP_SOURCE);
		else if (!udp_checksum_ok(p))
			dp_refuse(w, b, i, DROP_CHECKSUM);
		else if (p->kind == PKT_RTP)
			(void)rtp(w, b, i);
		else if (!rtcp_parse(pkt_payload(p), p->payload_len, &p->ssrc))
			dp_refuse(w, b, i, DROP_NOT_RTCP);
	}
	burst_compact(b);
}
