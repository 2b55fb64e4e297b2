/* What is measured of the RTP that one endpoint receives: loss, reordering, duplicates, jitter (RFC 3550 A.1, A.3, A.8).
 * Without A.1's probation: the latch has already decided whose packets these are, and every one of them counts.
 * One source (SSRC) at a time; when it changes, or its sequence jumps, a new source starts and the totals go on.
 * Written by the worker that owns the endpoint. */
#ifndef REMPART_RTP_STAT_H
#define REMPART_RTP_STAT_H

#include <stdbool.h>
#include <stdint.h>

#include "media/media_msg.h"

#define RTP_MAX_DROPOUT 3000 /* a jump forward by more is a restart, once two packets agree */
#define RTP_MAX_MISORDER                                                                           \
	64 /* how far back a late packet is still told from a duplicate: bits of the window */
#define RTP_JITTER_MAX_US 1000000 /* a bigger deviation is a new timestamp base, not jitter */

enum rtp_stat_flag {
	RTP_STAT_STARTED = 1,
	RTP_STAT_TS_BASE = 2, /* last_ts and last_us are there */
	RTP_STAT_JITTER = 4,  /* at least one deviation was taken */
	RTP_STAT_BAD_SEQ = 8,
	RTP_STAT_PAUSED = 16, /* packets were held back: the next one starts a new source */
};

/* The part that every packet touches: one cache line. */
struct rtp_stat {
	uint64_t window;  /* bit k: ext_max - k was received */
	uint64_t bytes;   /* UDP payload of all that was counted, all sources */
	uint64_t last_us; /* arrival of the packet that last_ts belongs to */
	uint32_t last_ts;
	uint32_t
		tick; /* microseconds per timestamp unit of last_ts, << RTP_TICK_SHIFT; 0: unknown */
	uint32_t ssrc;
	uint32_t ext_max;  /* highest sequence number, extended by wraps, plus 65536 */
	uint32_t ext_base; /* first of this source */
	uint32_t received; /* of this source, without duplicates */
	uint32_t jitter;   /* microseconds, << 4 (A.8) */
	uint32_t jitter_max;
	uint16_t bad_seq;
	uint16_t flags; /* enum rtp_stat_flag */
	uint32_t pad_;
};

/* Totals of the sources before, and rare events. */
struct rtp_stat_cold {
	uint64_t lost; /* of earlier sources */
	uint64_t reordered;
	uint64_t duplicates;
	uint32_t sources;
};

#define RTP_TICK_SHIFT 20
/* Fixed-point microseconds per unit of a clock rate; 0 (no jitter) for rates that no codec has. */
static inline uint32_t rtp_tick(uint32_t clock_rate)
{
	if (clock_rate < 1000 || clock_rate > 1000000)
		return 0;
	return (uint32_t)(((1000000ULL << RTP_TICK_SHIFT) + clock_rate / 2) / clock_rate);
}

/* Counts one packet. tick: rtp_tick() of its payload type. */
void rtp_stat_packet(struct rtp_stat *s, struct rtp_stat_cold *c, uint32_t ssrc, uint16_t seq,
		     uint32_t ts, uint32_t tick, uint32_t len_bytes, uint64_t now_us);
/* A packet of this endpoint was held back by direction: what was missed meanwhile is no loss. */
static inline void rtp_stat_pause(struct rtp_stat *s)
{
	s->flags |= RTP_STAT_PAUSED;
}
/* Fills lost, reordered, duplicates, jitter and their flags, and ssrc. */
void rtp_stat_fill(const struct rtp_stat *s, const struct rtp_stat_cold *c, struct media_stat *out);

#endif
