/* The pipeline's stages, and the worker that they run on. Each stage takes a dense burst and leaves a dense burst:
 *
 *   rx        frames from a port
 *   classify  Ethernet, IPv4/IPv6, UDP to one of our addresses; ARP, ND and ping go to the slow path
 *   lookup    the endpoint on that address and port
 *   parse     UDP checksum, RTP or RTCP, payload type
 *   latch     whose packet it is; the direction of the session description
 *   measure   statistics
 *   rewrite   the sink's header in front of the payload
 *   tx        into the port's buffer; flushed at the end of the turn
 *
 * All of this is private to the worker's thread. */
#ifndef REMPART_STAGE_H
#define REMPART_STAGE_H

#include <assert.h>
#include <string.h>

#include "burst.h"
#include "endpoint.h"
#include "endpoint_table.h"
#include "nexthop.h"
#include "worker.h"

#define TX_BUFFER   64
#define LOCAL_SLOTS 256 /* hash of our addresses */

static_assert(LOCAL_SLOTS == 256, "local_hash() gives 8 bits");
static_assert(LOCAL_SLOTS >= 2 * DP_LOCAL_MAX, "the hash of our addresses stays half empty");

/* One of our addresses as classify wants it: a hash slot, with all that a frame is compared with in one line. */
struct local_slot {
	uint64_t mac;  /* as station_bits() reads it from a frame */
	uint32_t tail; /* last 4 bytes of the address, as they lie in memory */
	uint16_t port; /* DPDK port */
	uint8_t index; /* of our address, + 1; 0 = empty */
	uint8_t family;
};

struct tx_buffer {
	uint16_t n;
	struct rte_mbuf *m[TX_BUFFER];
};

struct dp_worker {
	struct dp_worker_conf conf;
	struct endpoint_table table;
	struct nexthop_table hops;
	struct dp_local local[DP_LOCAL_MAX];
	struct local_slot local_slot[LOCAL_SLOTS];
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t polls, polls_empty;
	uint64_t drop[DROP_COUNT];
	uint16_t ip_id;
	bool wake;         /* something was put on a ring since wake_fd was last written */
	bool commanded;    /* this turn had commands */
	uint32_t sweep_at; /* pool index where the inactivity sweep goes on */
	uint64_t sweep_us;
	struct tx_buffer tx[DP_PORT_MAX]; /* by DPDK port */
	struct dp_burst burst;
};

void stage_rx(struct dp_worker *w, struct dp_burst *b);
void stage_classify(struct dp_worker *w, struct dp_burst *b);
void stage_lookup(struct dp_worker *w, struct dp_burst *b);
void stage_parse(struct dp_worker *w, struct dp_burst *b);
void stage_latch(struct dp_worker *w, struct dp_burst *b);
void stage_measure(struct dp_worker *w, struct dp_burst *b);
void stage_rewrite(struct dp_worker *w, struct dp_burst *b);
void stage_tx(struct dp_worker *w, struct dp_burst *b);

/* All that follow rx, over a burst whose mbufs, n, port and now_us are set. */
void worker_pipeline(struct dp_worker *w, struct dp_burst *b);
/* Sends everything that waits in the ports' buffers. */
void worker_flush(struct dp_worker *w);
/* Queues one frame for its port (m->port), flushing where the buffer is full. */
void worker_send(struct dp_worker *w, uint16_t port, struct rte_mbuf *m);

/* Commands waiting in the mailbox, at most MAILBOX_TURN of them. */
#define MAILBOX_TURN 16
void mailbox_turn(struct dp_worker *w, uint64_t now_us);
/* Executes one command in place. For mailbox_turn() and tests. */
void mailbox_execute(struct dp_worker *w, struct dp_cmd *cmd, uint64_t now_us);
/* Tells control about this endpoint; flags are MEDIA_STAT_RTCP or 0. False when the event could not be queued. */
bool mailbox_event(struct dp_worker *w, const struct dp_endpoint *ep, enum media_type type,
		   uint32_t flags, uint64_t now_us);
/* Asks the agent for the MAC of a hop, unless it is known or was asked for just now. NULL is allowed. */
void mailbox_resolve(struct dp_worker *w, struct nexthop *hop, uint64_t now_us);

/* Drops packet i, which is freed when the stage compacts the burst. */
static inline void dp_drop(struct dp_worker *w, struct dp_burst *b, uint16_t i, enum drop why)
{
	w->drop[why]++;
	b->dead[b->n_dead++] = b->pkt[i].m;
	b->pkt[i].m = NULL;
}

/* The same, for a packet that its endpoint did not take. */
static inline void dp_refuse(struct dp_worker *w, struct dp_burst *b, uint16_t i, enum drop why)
{
	struct dp_endpoint *ep = b->pkt[i].ep;

	if (++ep->dropped == 0)
		ep->dropped_high++;
	dp_drop(w, b, i, why);
}

/* Gives packet i to the slow path. */
void dp_punt(struct dp_worker *w, struct dp_burst *b, uint16_t i);

/* The 6 bytes of a MAC address at p; 8 bytes must be readable. */
static inline uint64_t station_bits(const uint8_t *p)
{
	static const uint8_t six[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0};
	uint64_t v, mask;

	memcpy(&v, p, 8);
	memcpy(&mask, six, 8);
	return v & mask;
}

static inline unsigned local_hash(uint32_t tail)
{
	return (tail * 0x9e3779b1U) >> 24;
}

/* Our address with this family and these 4 or 16 bytes; NULL when it is not ours. */
static inline const struct local_slot *worker_local(const struct dp_worker *w, uint8_t family,
						    const uint8_t *ip)
{
	const struct local_slot *s;
	uint32_t tail;

	memcpy(&tail, family == ADDR_V4 ? ip : ip + 12, 4);
	for (unsigned i = local_hash(tail); (s = &w->local_slot[i])->index;
	     i = (i + 1) % LOCAL_SLOTS) {
		if (s->tail != tail || s->family != family)
			continue;
		if (family == ADDR_V4 || memcmp(w->local[s->index - 1].ip.ip, ip, 12) == 0)
			return s;
	}
	return NULL;
}

#endif
