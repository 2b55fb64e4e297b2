/* Makes of a received packet the one that leaves: the old headers are cut off, the sink's template is put in their place, the
 * payload type is mapped. The payload stays where it is; between IPv4 and IPv6 the frame's start moves into the headroom or
 * out of it. Worker's thread. */
#include <string.h>

#include "cksum.h"
#include "stage.h"

/* Why the packet cannot leave through out, or -1. */
static int obstacle(struct dp_worker *w, const struct dp_path *path, struct nexthop *hop,
		    const struct dp_pkt *p, uint64_t now_us)
{
	if (p->kind == PKT_RTP && !(p->out->rtp.direction & MEDIA_SEND))
		return DROP_DIRECTION;
	if (!path->hdr_len)
		return DROP_NO_TARGET;
	if (!hop)
		return DROP_NEIGHBOUR;
	if (p->payload_len > path->payload_max)
		return DROP_TOO_BIG;
	if (!hop->known) {
		mailbox_resolve(w, hop, now_us);
		return DROP_NEIGHBOUR;
	}
	return -1;
}

/* Maps the payload type and keeps the payload's sum right. */
static void map_payload_type(struct dp_pkt *p, uint8_t *payload)
{
	uint16_t old, new;

	memcpy(&old, payload, 2);
	payload[1] = (uint8_t)((payload[1] & 0x80) | p->pt_out);
	memcpy(&new, payload, 2);
	p->payload_sum = cksum_fold((uint64_t)p->payload_sum + (uint16_t)~old + new);
}

static bool rewrite(struct dp_worker *w, struct dp_pkt *p, struct dp_path *path,
		    const struct nexthop *hop)
{
	struct rte_mbuf *m = p->m;
	uint8_t *payload = pkt_payload(p);
	uint16_t cut = (uint16_t)(p->l4_off + 8);
	bool offload = false;

	if (m->data_off + cut < path->hdr_len)
		return false;
	if (!(p->flags & PKT_SUM_KNOWN)) {
		offload = w->conf.tx_checksum_offload[path->port];
		if (!offload)
			p->payload_sum = cksum_fold(cksum_add(payload, p->payload_len));
	}
	if (p->kind == PKT_RTP && p->pt != p->pt_out)
		map_payload_type(p, payload);
	m->data_off = (uint16_t)(m->data_off + cut - path->hdr_len);
	m->data_len = (uint16_t)(path->hdr_len + p->payload_len);
	m->pkt_len = m->data_len;
	m->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
	if (offload) {
		bool v4 = path->hdr_len == PATH_HDR_V4;

		m->l2_len = 14;
		m->l3_len = v4 ? 20 : 40;
		m->ol_flags |=
			RTE_MBUF_F_TX_UDP_CKSUM | (v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
	}
	path_write(path, hop->mac, payload - path->hdr_len, p->payload_len, p->payload_sum,
		   w->ip_id++, !offload);
	m->port = path->port;
	path->tx_packets++;
	path->tx_bytes += p->payload_len;
	return true;
}

void stage_rewrite(struct dp_worker *w, struct dp_burst *b)
{
	for (uint16_t i = 0; i < b->n; i++) {
		struct dp_pkt *p = &b->pkt[i];
		struct nexthop *hop;
		struct dp_path *path;
		int why;

		p->out = endpoint_sink(w, p->ep);
		if (!p->out) {
			dp_drop(w, b, i, DROP_NO_SINK);
			continue;
		}
		path = p->kind == PKT_RTP ? &p->out->rtp : &p->out->rtcp;
		hop = path_hop(path, &w->hops);
		why = obstacle(w, path, hop, p, b->now_us);
		if (why < 0 && hop && !rewrite(w, p, path, hop))
			why = DROP_HEADROOM;
		if (why >= 0)
			dp_drop(w, b, i, (enum drop)why);
	}
	burst_compact(b);
}
