/* Offer/answer state of one leg (RFC 3264, RFC 6337): who has offered, what was agreed. A pending offer that is
 * refused leaves the agreed pair as it was. The texts lie in two arenas that swap on commit, so a call
 * that lives for days does not grow. A call that fails changes nothing. One thread. */
#ifndef REMPART_SDP_OFFER_ANSWER_H
#define REMPART_SDP_OFFER_ANSWER_H

#include "sdp/sdp.h"

enum oa_state {
	OA_IDLE,           /* nothing pending */
	OA_OFFER_SENT,     /* we offered to this far end */
	OA_OFFER_RECEIVED, /* the far end offered to us */
};

struct oa {
	enum oa_state state;
	struct arena arena[2]; /* [0] agreed, [1] pending; swapped on commit */
	struct sdp *far; /* agreed: what the far end described (NULL before the first agreement) */
	struct sdp *
		pending_far; /* the far end's offer (OA_OFFER_RECEIVED) or its answer's preview (OA_OFFER_SENT) */
	size_t n_media; /* m-lines of the last agreement: later offers, ours too, have at least as many */
	struct sdp_origin origin;
	/* What else nobody may ask for; NULL: nothing. Set by the owner after oa_init(). */
	bool (*refuses)(const void *ctx, const struct sdp *s);
	const void *refuses_ctx;
};

void oa_init(struct oa *oa);
void oa_free(struct oa *oa);
/* The far end offered; the text is copied and parsed. ERR_STATE when an offer is pending (491 or 500), ERR_SYNTAX also
 * for an offer with fewer m-lines than were agreed (488), ERR_RANGE for one that refuses() (488), else sdp_parse()'s codes. */
int oa_offer_received(struct oa *oa, struct str text) MUST_CHECK;
/* We offered to the far end. ERR_STATE when an offer is pending. */
int oa_offer_sent(struct oa *oa) MUST_CHECK;
/* Answer to our offer, final (200, ACK, reliable 1xx) or a preview (unreliable 183; the newest one counts). A final one makes
 * it the agreed. ERR_STATE without an offer of ours; ERR_SYNTAX when the m-lines are not as many as we offered. */
int oa_answer_received(struct oa *oa, struct str text, size_t offered_media, bool final) MUST_CHECK;
/* We answered the far end's offer: its offer becomes the agreed description. ERR_STATE without one. */
int oa_answer_sent(struct oa *oa) MUST_CHECK;
/* The pending offer came to nothing: back to the agreed. */
void oa_rollback(struct oa *oa);
/* What the far end last described: pending when there is one, else agreed; NULL when nothing is known. */
const struct sdp *oa_far(const struct oa *oa);

#endif
