/* A burst of packets on its way through the stages. Stages keep it dense: dp_drop() and dp_punt() (stage.h) mark a
 * packet, and burst_compact() at the end of a stage closes the gaps. */
#ifndef REMPART_BURST_H
#define REMPART_BURST_H

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "drop.h"

#define BURST_MAX 32

struct dp_endpoint;

enum pkt_kind { PKT_RTP, PKT_RTCP };

enum pkt_flag {
	PKT_SUM_KNOWN = 1, /* payload_sum is right: the UDP checksum was verified in software */
};

/* What the stages learned about one packet; written by classify, then enriched. */
struct dp_pkt {
	struct rte_mbuf *m;     /* NULL once dropped or punted */
	struct dp_endpoint *ep; /* lookup: the endpoint that received it */
	struct dp_endpoint *
		out; /* lookup: the endpoint it leaves through; NULL: none. Fully checked by rewrite */
	struct addr src;       /* source address and port */
	uint32_t ssrc, rtp_ts; /* parse (RTCP: sender's SSRC of the first packet) */
	uint16_t rtp_seq;      /* parse */
	uint16_t dst_port;     /* host order */
	uint8_t dst_addr;      /* index of our local media address */
	uint8_t kind;          /* enum pkt_kind */
	uint8_t pt, pt_out;    /* parse: payload type as received and as it leaves */
	uint32_t tick;         /* parse: rtp_tick() of the payload type */
	uint8_t flags;         /* enum pkt_flag */
	uint8_t l4_off;        /* UDP header from the frame's start: 34 (IPv4) or 54 (IPv6) */
	uint16_t payload_len;  /* UDP payload bytes */
	uint16_t payload_sum;  /* Internet sum (not complemented) of the UDP payload as received */
};

struct dp_burst {
	uint16_t n;
	uint16_t port;   /* DPDK port it came from */
	uint64_t now_us; /* one clock reading a burst */
	uint16_t n_dead; /* dropped and not yet freed */
	struct rte_mbuf *dead[BURST_MAX];
	struct dp_pkt pkt[BURST_MAX];
};

/* UDP payload of a packet that classify has accepted. */
static inline uint8_t *pkt_payload(const struct dp_pkt *p)
{
	return rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off + 8);
}

/* Closes the gaps that dp_drop() and dp_punt() left and frees what was dropped. Called at the end of a stage. */
void burst_compact(struct dp_burst *b);

#endif
