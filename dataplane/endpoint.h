/* An endpoint: our end of one m-line of one leg, compiled from its struct media_spec so that a packet costs table reads. Owned
 * by one worker and changed by it alone, between two bursts. Lies in the worker's endpoint table and never moves. */
#ifndef REMPART_ENDPOINT_H
#define REMPART_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "burst.h"
#include "latch.h"
#include "media/media_msg.h"
#include "path.h"
#include "rtp_stat.h"

#define ENDPOINT_PT_NONE 0xff

struct dp_endpoint {
	/* Line 0: a packet comes in. */
	struct latch latch;       /* of RTP */
	struct dp_endpoint *sink; /* believed only while its path's gen is sink_gen */
	uint32_t sink_gen;
	uint32_t tick; /* rtp_tick() of pt_last */
	uint64_t rx_packets;
	uint8_t pt_last,
		pt_last_out; /* newest payload type and what it becomes: saves the search */
	uint8_t direction;   /* enum media_direction_bit */
	uint8_t sink_kind;   /* enum media_sink */
	uint32_t dropped;    /* datagrams that were not taken; dropped_high counts its wraps */
	/* Line 1: it is measured. */
	struct rtp_stat stat;
	/* Line 2 (IPv6: and 3): a packet goes out, of this endpoint as a sink. */
	struct dp_path rtp;
	/* From here on: RTCP, learning, and what only commands read. */
	struct dp_path rtcp;
	struct latch latch_rtcp;
	struct latch_learn learn, learn_rtcp;
	struct rtp_stat_cold stat_cold;
	uint64_t rx_rtcp;
	uint64_t armed_us; /* the inactivity timer counts from here if no packet came since */
	uint32_t id, controller, epoch;
	uint32_t dropped_high;
	uint32_t next_free;
	uint8_t local; /* index of our address */
	bool timed_out;
	struct media_spec spec;
} __attribute__((aligned(64)));

struct dp_worker;

/* ENDPOINT_SET: creates the endpoint or changes it in place. A remote that did not change keeps latch and statistics; one
 * that did resets the latch. ERR_RANGE (a field), ERR_NOENT (not an address of ours), ERR_INUSE (port or id belongs to
 * another endpoint or controller), ERR_FULL. On error nothing has changed. */
int endpoint_set(struct dp_worker *w, const struct media_msg *msg, uint64_t now_us) MUST_CHECK;
/* Takes it out; whoever sinks to it finds no sink from then on. */
void endpoint_delete(struct dp_worker *w, struct dp_endpoint *ep);
/* Points both paths where the latches say, now. Call after any of them changed. */
void endpoint_aim(struct dp_worker *w, struct dp_endpoint *ep, uint64_t now_us);
/* Looks up the endpoint that ep's packets leave through; NULL when there is none (yet). */
struct dp_endpoint *endpoint_find_sink(struct dp_worker *w, struct dp_endpoint *ep);
/* The same, for every packet: looks it up again only if it was deleted or replaced. */
static inline struct dp_endpoint *endpoint_sink(struct dp_worker *w, struct dp_endpoint *ep)
{
	if (ep->sink && ep->sink->rtp.gen == ep->sink_gen)
		return ep->sink;
	return endpoint_find_sink(w, ep);
}
/* Makes pt the newest payload type. False when it was not negotiated. */
bool endpoint_payload_type(struct dp_endpoint *ep, uint8_t pt);
/* The latch rules of its RTP or RTCP flow. */
struct latch_rule endpoint_rule(const struct dp_endpoint *ep, enum pkt_kind kind);
void endpoint_stat(const struct dp_endpoint *ep, uint64_t now_us, struct media_stat *out);
/* RTP was silent for timeout_ms. True once, until the next ENDPOINT_SET arms it again. */
bool endpoint_silent(const struct dp_endpoint *ep, uint64_t now_us);

#endif
