/* The latch: rules 1 to 5 as a table, for stage_latch and endpoint.c, on the worker's thread. RFC 7362 section 5.
 *
 * Two things are deliberately not learned from. A late packet of the source that was locked before the description
 * changed: for LATCH_OLD_US it is a stranger, unless the new description names exactly it. And a second candidate of
 * the same rank while the first is still sending: it could otherwise keep the first from ever being proven.
 *
 * RTCP has no sequence numbers and comes every few seconds; from the address that RTP is locked to, a report in the name of
 * the very SSRC whose RTP we receive is proof enough, else LATCH_PROOF reports of one SSRC are. */
#include "latch.h"

#include <string.h>

enum act {
	ACT_REFUSE, /* stranger */
	ACT_WAIT,   /* its turn has not come */
	ACT_PROVE,  /* count it as evidence; locks with the last one needed */
	ACT_LOCK,   /* lock at once */
	ACT_TAKE,   /* it is the locked source */
	ACT_KEEP,   /* it is, and it was not silent after all: stop relearning */
};

/* Rows: state. Columns: what the source is. SOURCE_LOCKED and SOURCE_MOVED do not arise without a lock, nor the ranks with one. */
static const uint8_t table[4][SOURCE_COUNT] = {
	[LATCH_OPEN] =
		{
			[SOURCE_STRANGER] = ACT_REFUSE,
			[SOURCE_EARLY] = ACT_WAIT,
			[SOURCE_SIP] = ACT_PROVE,
			[SOURCE_SDP] = ACT_PROVE,
			[SOURCE_EXACT] = ACT_LOCK, /* the first packet is enough */
		},
	[LATCH_PROVING] =
		{
			[SOURCE_STRANGER] = ACT_REFUSE,
			[SOURCE_EARLY] = ACT_WAIT,
			[SOURCE_SIP] = ACT_PROVE,
			[SOURCE_SDP] = ACT_PROVE, /* displaces a candidate of lower rank */
			[SOURCE_EXACT] = ACT_LOCK,
		},
	[LATCH_LOCKED] =
		{
			[SOURCE_STRANGER] = ACT_REFUSE,
			[SOURCE_MOVED] = ACT_PROVE,
			[SOURCE_LOCKED] = ACT_TAKE,
		},
	[LATCH_RELEARNING] =
		{
			[SOURCE_STRANGER] = ACT_REFUSE,
			[SOURCE_MOVED] = ACT_PROVE,
			[SOURCE_LOCKED] = ACT_KEEP,
		},
};

static bool is_locked(const struct latch *l)
{
	return l->state == LATCH_LOCKED || l->state == LATCH_RELEARNING;
}

static enum latch_source source_when_locked(const struct latch *l, const struct latch_learn *n,
					    const struct addr *src, uint64_t now_us)
{
	if (addr_eq(src, &l->locked))
		return SOURCE_LOCKED;
	if (l->mode == MEDIA_LATCH_OFF || !addr_ip_eq(src, &l->locked))
		return SOURCE_STRANGER;
	if (now_us < l->last_us + LATCH_SILENCE_US)
		return SOURCE_STRANGER;
	if (n->relearned && now_us < n->relearn_us + LATCH_RELEARN_US)
		return SOURCE_STRANGER;
	return SOURCE_MOVED;
}

static enum latch_source rank(const struct latch *l, const struct latch_rule *rule,
			      const struct addr *src)
{
	if (addr_is_set(&rule->remote) && addr_ip_eq(src, &rule->remote))
		return SOURCE_SDP;
	if (!addr_is_set(&rule->signalling) || !addr_ip_eq(src, &rule->signalling))
		return SOURCE_STRANGER;
	if (l->mode == MEDIA_LATCH_REMOTE)
		return SOURCE_SIP;
	return addr_is_set(&rule->remote) && addr_is_private(&rule->remote) ? SOURCE_SIP
									    : SOURCE_STRANGER;
}

enum latch_source latch_source_of(const struct latch *l, const struct latch_learn *n,
				  const struct latch_rule *rule, const struct addr *src,
				  uint32_t ssrc, uint64_t now_us)
{
	if (is_locked(l))
		return source_when_locked(l, n, src, now_us);
	if (addr_is_set(&rule->remote) && addr_eq(src, &rule->remote))
		return SOURCE_EXACT;
	if (l->mode == MEDIA_LATCH_OFF)
		return SOURCE_STRANGER;
	if (now_us < n->old_until_us && addr_eq(src, &n->old))
		return SOURCE_STRANGER;
	if (!rule->rtp)
		return rank(l, rule, src);
	if (!is_locked(rule->rtp))
		return rank(l, rule, src) == SOURCE_STRANGER ? SOURCE_STRANGER : SOURCE_EARLY;
	if (!addr_ip_eq(src, &rule->rtp->locked))
		return SOURCE_STRANGER;
	return rule->rtp_ssrc_known && ssrc == rule->rtp_ssrc ? SOURCE_EXACT : SOURCE_SDP;
}

static enum latch_verdict lock(struct latch *l, struct latch_learn *n, const struct addr *src,
			       uint64_t now_us)
{
	if (is_locked(l)) {
		n->relearned = true;
		n->relearn_us = now_us;
	}
	l->locked = *src;
	l->state = LATCH_LOCKED;
	l->last_us = now_us;
	n->cand_n = 0;
	return LATCH_LEARNED;
}

/* One more packet of a candidate. */
static enum latch_verdict prove(struct latch *l, struct latch_learn *n, bool has_seq,
				enum latch_source source, const struct addr *src, uint32_t ssrc,
				uint16_t seq, uint64_t now_us)
{
	int16_t step = (int16_t)(seq - n->cand_seq);
	bool same = n->cand_n && addr_eq(src, &n->cand);

	if (n->cand_n && !same && source <= n->cand_source &&
	    now_us < n->cand_us + LATCH_CANDIDATE_US)
		return LATCH_WAIT;
	if (!same || ssrc != n->cand_ssrc ||
	    (has_seq && (step > LATCH_SEQ_STEP || step < -LATCH_SEQ_STEP)))
		n->cand_n = 0;
	else if (has_seq && step <= 0)
		return LATCH_WAIT; /* repeated or late: neither for nor against */
	n->cand = *src;
	n->cand_source = (uint8_t)source;
	n->cand_ssrc = ssrc;
	n->cand_seq = seq;
	n->cand_us = now_us;
	if (++n->cand_n >= LATCH_PROOF)
		return lock(l, n, src, now_us);
	l->state = is_locked(l) ? LATCH_RELEARNING : LATCH_PROVING;
	return LATCH_WAIT;
}

enum latch_verdict latch_packet(struct latch *l, struct latch_learn *n,
				const struct latch_rule *rule, const struct addr *src,
				uint32_t ssrc, uint16_t seq, uint64_t now_us)
{
	enum latch_source source = latch_source_of(l, n, rule, src, ssrc, now_us);

	switch ((enum act)table[l->state][source]) {
	case ACT_REFUSE:
		return LATCH_REFUSE;
	case ACT_WAIT:
		return LATCH_WAIT;
	case ACT_PROVE:
		return prove(l, n, !rule->rtp, source, src, ssrc, seq, now_us);
	case ACT_LOCK:
		return lock(l, n, src, now_us);
	case ACT_KEEP:
		l->state = LATCH_LOCKED;
		n->cand_n = 0;
		break;
	case ACT_TAKE:
		break;
	}
	l->last_us = now_us;
	return LATCH_TAKE;
}

void latch_reset(struct latch *l, struct latch_learn *n, uint8_t mode, bool was_known,
		 uint64_t now_us)
{
	struct addr old = l->locked;
	bool ban = was_known && is_locked(l);

	*n = (struct latch_learn){0};
	if (ban) {
		n->old = old;
		n->old_until_us = now_us + LATCH_OLD_US;
	}
	l->locked = (struct addr){0};
	l->state = LATCH_OPEN;
	l->mode = mode;
}

bool latch_target(const struct latch *l, const struct latch_rule *rule, struct addr *out)
{
	if (is_locked(l)) {
		*out = l->locked;
		return true;
	}
	if (!addr_is_set(&rule->remote))
		return false;
	if (rule->rtp && is_locked(rule->rtp) && l->mode != MEDIA_LATCH_OFF) {
		if (!addr_ip_eq(&rule->rtp->locked, &rule->remote))
			return false;
	} else if (l->mode == MEDIA_LATCH_REMOTE && addr_is_private(&rule->remote) &&
		   !(addr_is_set(&rule->signalling) &&
		     addr_ip_eq(&rule->remote, &rule->signalling))) {
		return false;
	}
	*out = rule->remote;
	return true;
}
