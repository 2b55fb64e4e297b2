/* Offer/answer of one leg: which of the two ends waits for the other, and what they agreed on last.
 *
 * For the legs of a call, on the shard's thread. RFC 3264 section 4 allows one pending offer per dialog; RFC 6337 says
 * which messages may carry what, which is the leg's to know. A new text is parsed into an arena of
 * its own first and put in the place of the pending one only when it is good, so an error leaves all as it was.
 * Arenas are given back whole as soon as nobody can look at them: an idle leg holds one text. */
#include "sdp/offer_answer.h"

enum { OA_AGREED, OA_PENDING };
enum { OA_CHUNK_BYTES = 2048, OA_CAP_BYTES = 96 * 1024 };

static void oa_arena_init(struct arena *a)
{
	arena_init(a, OA_CHUNK_BYTES, OA_CAP_BYTES);
}

void oa_init(struct oa *oa)
{
	*oa = (struct oa){.state = OA_IDLE};
	oa_arena_init(&oa->arena[OA_AGREED]);
	oa_arena_init(&oa->arena[OA_PENDING]);
	sdp_origin_init(&oa->origin);
}

void oa_free(struct oa *oa)
{
	arena_free(&oa->arena[OA_AGREED]);
	arena_free(&oa->arena[OA_PENDING]);
	oa->far = NULL;
	oa->pending_far = NULL;
	oa->n_media = 0;
	oa->state = OA_IDLE;
}

/* Parses a copy of text into the pending arena; sections says how many m-lines it must have, at least or exactly. */
static int oa_take(struct oa *oa, struct str text, size_t sections, bool exactly)
{
	struct arena fresh;
	struct str copy;
	struct sdp *s;
	int err;

	if (text.len > SDP_MAX)
		return ERR_LIMIT;
	oa_arena_init(&fresh);
	copy = arena_str(&fresh, text);
	err = copy.p ? sdp_parse(copy, &fresh, &s) : ERR_NOMEM;
	if (!err && (s->n_media < sections || (exactly && s->n_media > sections)))
		err = ERR_SYNTAX;
	if (!err && oa->refuses && oa->refuses(oa->refuses_ctx, s))
		err = ERR_RANGE;
	if (err) {
		arena_free(&fresh);
		return err;
	}
	arena_free(&oa->arena[OA_PENDING]);
	oa->arena[OA_PENDING] = fresh;
	oa->pending_far = s;
	return 0;
}

/* The pending description becomes the agreed one. */
static void oa_commit(struct oa *oa)
{
	struct arena old = oa->arena[OA_AGREED];

	oa->arena[OA_AGREED] = oa->arena[OA_PENDING];
	oa->arena[OA_PENDING] = old;
	arena_free(&oa->arena[OA_PENDING]);
	oa->far = oa->pending_far;
	oa->pending_far = NULL;
	oa->n_media = oa->far->n_media;
	oa->state = OA_IDLE;
}

int oa_offer_received(struct oa *oa, struct str text)
{
	int err;

	if (oa->state != OA_IDLE)
		return ERR_STATE;
	err = oa_take(oa, text, oa->n_media, false);
	if (err)
		return err;
	oa->state = OA_OFFER_RECEIVED;
	return 0;
}

int oa_offer_sent(struct oa *oa)
{
	if (oa->state != OA_IDLE)
		return ERR_STATE;
	oa->state = OA_OFFER_SENT;
	return 0;
}

int oa_answer_received(struct oa *oa, struct str text, size_t offered_media, bool final)
{
	int err;

	if (oa->state != OA_OFFER_SENT)
		return ERR_STATE;
	err = oa_take(oa, text, offered_media, true);
	if (!err && final)
		oa_commit(oa);
	return err;
}

int oa_answer_sent(struct oa *oa)
{
	if (oa->state != OA_OFFER_RECEIVED)
		return ERR_STATE;
	oa_commit(oa);
	return 0;
}

void oa_rollback(struct oa *oa)
{
	arena_free(&oa->arena[OA_PENDING]);
	oa->pending_far = NULL;
	oa->state = OA_IDLE;
}

const struct sdp *oa_far(const struct oa *oa)
{
	return oa->pending_far ? oa->pending_far : oa->far;
}
