/* Whose packets an endpoint takes, and where it sends: the latch (RFC 7362; against RTP Bleed and RTP inject).
 * One latch per flow: one for RTP, one for RTCP. Pure state machine with injected time; owned by the endpoint's worker.
 *
 * Sources are ranked. EXACT is the address and port of the session description. SDP is its address with another port.
 * SIP is the address that the leg's SIP came from: with MEDIA_LATCH_REMOTE always, with MEDIA_LATCH_AUTO only if the
 * description's address is a private one and is not the SIP address (a public one that differs is a media server, not
 * a NAT). With MEDIA_LATCH_OFF there is only EXACT. Everybody else is a stranger, always.
 *
 * Where packets go while nothing is locked:
 *   OFF, AUTO  to the description's address, at once.
 *   REMOTE     to the description's address only if the far end can be there: it is public, or it is the address that
 *              the SIP came from. Else to nobody. So a silent far end without a NAT gets its media, one behind a NAT is locked by
 *              its own first packets, and two of those that wait for each other still both send first.
 *   RTCP       the same; but once RTP is locked to another address than RTCP's of the description, to nobody until
 *              RTCP is locked itself.
 */
#ifndef REMPART_LATCH_H
#define REMPART_LATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/addr.h"
#include "media/media_msg.h"

#define LATCH_PROOF    4  /* packets that a source other than EXACT must show */
#define LATCH_SEQ_STEP 50 /* how far its sequence numbers may jump from packet to packet */
#define LATCH_SILENCE_US                                                                           \
	5000000 /* of the locked source, before another port of its address may be learned */
#define LATCH_RELEARN_US 10000000 /* least time between two such */
#define LATCH_OLD_US                                                                               \
	5000000 /* so long after a change of the target are packets from the old source late ones */
#define LATCH_CANDIDATE_US                                                                         \
	1000000 /* a candidate silent for this long gives way to one of the same rank */

enum latch_state { LATCH_OPEN, LATCH_PROVING, LATCH_LOCKED, LATCH_RELEARNING };

/* What a packet's source is to the latch. In the order of rank. */
enum latch_source {
	SOURCE_STRANGER,
	SOURCE_EARLY, /* RTCP of a candidate while RTP is not locked: RTCP follows RTP */
	SOURCE_SIP,
	SOURCE_SDP,
	SOURCE_EXACT,
	SOURCE_MOVED, /* locked address, other port, after silence */
	SOURCE_LOCKED,
	SOURCE_COUNT
};

enum latch_verdict {
	LATCH_TAKE,    /* the packet is the far end's */
	LATCH_LEARNED, /* so it is, and with it the latch locked (again) */
	LATCH_WAIT,    /* a candidate's, not yet proven */
	LATCH_REFUSE,  /* a stranger's */
};

/* What every packet touches. */
struct latch {
	uint64_t last_us;   /* arrival of the newest packet that was taken; 0: none yet */
	struct addr locked; /* unset while not locked */
	uint8_t state;      /* enum latch_state */
	uint8_t mode;       /* enum media_latch */
};

/* What only learning touches. */
struct latch_learn {
	uint64_t cand_us;      /* newest packet of the candidate */
	uint64_t old_until_us; /* `old` teaches nothing before this */
	uint64_t relearn_us;   /* when the latch was last learned again */
	struct addr cand, old;
	uint32_t cand_ssrc;
	uint16_t cand_seq;
	uint8_t cand_n;      /* packets proven so far; 0: no candidate */
	uint8_t cand_source; /* enum latch_source */
	bool relearned;
};

/* Where the flow may come from; made from the endpoint's spec. */
struct latch_rule {
	struct addr remote; /* of this flow: RTP's or RTCP's */
	struct addr signalling;
	const struct latch *rtp; /* RTCP: the latch of the RTP flow, that it follows; RTP: NULL */
	uint32_t rtp_ssrc;       /* RTCP: the RTP source's */
	bool rtp_ssrc_known;
};

/* As addr_ip_eq() for addresses of one family, without a call. */
static inline bool latch_same_ip(const struct addr *a, const struct addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a->ip, 16);
	memcpy(y, b->ip, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* What latch_packet() would refuse whatever the packet holds, told by two cache lines: another host, while locked. So that
 * a flood costs neither checksum nor parsing. */
static inline bool latch_foreign(const struct latch *l, const struct addr *src)
{
	return l->state == LATCH_LOCKED && !latch_same_ip(src, &l->locked);
}

/* Judges one valid packet with a negotiated payload type. seq is ignored for RTCP. */
enum latch_verdict latch_packet(struct latch *l, struct latch_learn *n,
				const struct latch_rule *rule, const struct addr *src,
				uint32_t ssrc, uint16_t seq, uint64_t now_us);
/* What src is to this latch now. */
enum latch_source latch_source_of(const struct latch *l, const struct latch_learn *n,
				  const struct latch_rule *rule, const struct addr *src,
				  uint32_t ssrc, uint64_t now_us);
/* Back to LATCH_OPEN because the target changed. was_known: the old target was known, so what was locked is now the old
 * source, whose late packets teach nothing. */
void latch_reset(struct latch *l, struct latch_learn *n, uint8_t mode, bool was_known,
		 uint64_t now_us);
/* Where packets of this flow are to be sent now. False: nowhere. */
bool latch_target(const struct latch *l, const struct latch_rule *rule, struct addr *out);

#endif
