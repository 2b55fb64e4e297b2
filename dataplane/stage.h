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

#include "burst.h"
#include "endpoint.h"
#include "endpoint_table.h"
#include "nexthop.h"
#include "worker.h"

#define TX_BUFFER   64
#define LOCAL_SLOTS 256 /* hash of our addresses; a power of 2, over 2 * DP_LOCAL_MAX - 1 */

static_assert(LOCAL_SLOTS >= 2 * DP_LOCAL_MAX, "the hash of our addresses stays half empty");

struct tx_buffer {
	uint16_t n;
	struct rte_mbuf *m[TX_BUFFER];
};

struct dp_worker {
	struct dp_worker_conf conf;
	struct endpoint_table table;
	struct nexthop_table hops;
	struct dp_local local[DP_LOCAL_MAX];
	uint8_t local_slot[LOCAL_SLOTS]; /* index + 1, 0 = empty */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t polls, polls_empty;
	uint64_t punted, events_lost;
	uint64_t drop[DROP_COUNT];
	uint16_t ip_id;
	bool wake;         /* something was put on a ring since wake_fd was last written */
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
/* Tells control about this endpoint. False when the event could not be queued. */
bool mailbox_event(struct dp_worker *w, const struct dp_endpoint *ep, enum media_type type,
		   uint64_t now_us);
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
	b->pkt[i].ep->dropped++;
	dp_drop(w, b, i, why);
}

/* Gives packet i to the slow path. */
void dp_punt(struct dp_worker *w, struct dp_burst *b, uint16_t i);

/* Index of our address with this family and these 4 or 16 bytes; -1 when it is not ours. */
int worker_local(const struct dp_worker *w, uint8_t family, const uint8_t *ip);

#endif
