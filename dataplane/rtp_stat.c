/* Reception statistics after RFC 3550 A.1, A.3 and A.8, for stage_measure, on the worker's thread.
 *
 * Loss is expected minus received, where received leaves duplicates out (A.3 would let them hide loss): a window of 64
 * bits behind the highest number tells late packets from repeated ones. Jitter is kept in microseconds, so payload types
 * of different clock rates do not disturb each other: a change of rate or a jump of the timestamps takes a new base.
 * A packet whose number advances while its timestamp does not is a part of the same instant (a telephone-event
 * report of RFC 4733, a further packet of one video frame): it says nothing about the network's delay and is left out. */
#include "rtp_stat.h"

#include <assert.h>

static_assert(sizeof(struct rtp_stat) == 64, "one cache line");

static uint32_t source_lost(const struct rtp_stat *s)
{
	uint32_t expected = s->ext_max - s->ext_base + 1;

	if (!(s->flags & RTP_STAT_STARTED) || expected < s->received)
		return 0;
	return expected - s->received;
}

static void source_start(struct rtp_stat *s, struct rtp_stat_cold *c, uint32_t ssrc, uint16_t seq)
{
	c->lost += source_lost(s);
	c->sources++;
	s->ssrc = ssrc;
	s->ext_base = s->ext_max = 65536U + seq;
	s->received = 1;
	s->window = 1;
	s->flags = (uint16_t)((s->flags & RTP_STAT_JITTER) | RTP_STAT_STARTED);
}

/* RFC 3550 A.8 in microseconds. `advanced`: the sequence number is the highest so far. */
static void jitter_add(struct rtp_stat *s, uint32_t ts, uint32_t tick, uint64_t now_us,
		       bool advanced)
{
	int32_t d_ts = (int32_t)(ts - s->last_ts);
	int64_t d;

	if (!tick)
		return;
	if (!(s->flags & RTP_STAT_TS_BASE) || tick != s->tick)
		goto base;
	if (d_ts == 0 || (advanced && d_ts < 0 && d_ts > -(1 << 20)))
		return;
	d = (int64_t)(now_us - s->last_us) - (((int64_t)d_ts * tick) >> RTP_TICK_SHIFT);
	if (d < 0)
		d = -d;
	if (d > RTP_JITTER_MAX_US)
		goto base;
	s->jitter += (uint32_t)d - ((s->jitter + 8) >> 4);
	s->flags |= RTP_STAT_JITTER;
	if (s->jitter > s->jitter_max)
		s->jitter_max = s->jitter;
base:
	s->last_ts = ts;
	s->last_us = now_us;
	s->tick = tick;
	s->flags |= RTP_STAT_TS_BASE;
}

/* A number from behind the highest one: late, or seen already. */
static void seq_behind(struct rtp_stat *s, struct rtp_stat_cold *c, uint32_t back)
{
	uint64_t bit = 1ULL << back;

	if (s->window & bit) {
		c->duplicates++;
		return;
	}
	s->window |= bit;
	s->received++;
	c->reordered++;
	if (s->ext_max - back < s->ext_base)
		s->ext_base = s->ext_max - back;
}

void rtp_stat_packet(struct rtp_stat *s, struct rtp_stat_cold *c, uint32_t ssrc, uint16_t seq,
		     uint32_t ts, uint32_t tick, uint32_t len_bytes, uint64_t now_us)
{
	uint16_t ahead = (uint16_t)(seq - (uint16_t)s->ext_max);
	uint16_t behind = (uint16_t)-ahead;

	s->bytes += len_bytes;
	if (!(s->flags & RTP_STAT_STARTED) || s->flags & RTP_STAT_PAUSED || ssrc != s->ssrc) {
		source_start(s, c, ssrc, seq);
		jitter_add(s, ts, tick, now_us, true);
		return;
	}
	if (ahead != 0 && ahead < RTP_MAX_DROPOUT) {
		s->window = ahead < 64 ? s->window << ahead | 1 : 1;
		s->ext_max += ahead;
		s->received++;
		s->flags &= (uint16_t)~RTP_STAT_BAD_SEQ;
		jitter_add(s, ts, tick, now_us, true);
		return;
	}
	if (behind < RTP_MAX_MISORDER) {
		seq_behind(s, c, behind);
		if (behind)
			jitter_add(s, ts, tick, now_us, false);
		return;
	}
	if (s->flags & RTP_STAT_BAD_SEQ && seq == s->bad_seq) {
		/* Two in a row from over there: the source has restarted. The first of them counts, too. */
		source_start(s, c, ssrc, (uint16_t)(seq - 1));
		s->ext_max++;
		s->window = 3;
		s->received = 2;
		jitter_add(s, ts, tick, now_us, true);
		return;
	}
	s->bad_seq = (uint16_t)(seq + 1);
	s->flags |= RTP_STAT_BAD_SEQ;
}

void rtp_stat_fill(const struct rtp_stat *s, const struct rtp_stat_cold *c, struct media_stat *out)
{
	out->lost = c->lost + source_lost(s);
	out->reordered = c->reordered;
	out->duplicates = c->duplicates;
	out->ssrc = s->ssrc;
	if (c->sources)
		out->flags |= MEDIA_STAT_LOSS;
	if (s->flags & RTP_STAT_JITTER) {
		out->flags |= MEDIA_STAT_JITTER;
		out->jitter_us = s->jitter >> 4;
		out->jitter_max_us = s->jitter_max >> 4;
	}
}
