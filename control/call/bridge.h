/* The bridge: what joins a call's legs. It owns the ports and endpoints of the legs' m-lines, rewrites SDP from one leg for the reader on another,
 * and says what the dataplane is told. M-line i of a leg is joined with m-line i of its peer. The shard's thread. RFC 3264, MEDIA-RULES. */
#ifndef REMPART_CALL_BRIDGE_H
#define REMPART_CALL_BRIDGE_H

#include "call/call_fsm.h"

/* Is this m-line one that we relay? */
bool bridge_relays(const struct sdp_media *m);
/* Some m-line wants our media sent to ourselves; ctx is the struct conf. For struct oa. */
bool bridge_refuses(const void *ctx, const struct sdp *s);
/* Some m-line of it is. */
bool bridge_relays_any(const struct sdp *s);
/* Ports and endpoint ids for every relayed m-line of `like` that has none yet on this leg (an echo leg: for the one that it answers). ERR_FULL: a pool is exhausted (what was allocated
 * stays until bridge_trim() or bridge_close()); ERR_NOENT: no media address. */
int bridge_open(struct leg *l, const struct sdp *like, uint64_t now_ms) MUST_CHECK;
void bridge_join(struct leg *a, struct leg *b);
/* The description `src` of another leg's far end, written for the far end of `to`; text in scratch. echo: our own answer to src, its offer. */
int bridge_sdp(struct leg *to, const struct sdp *src, bool echo, struct str *out) MUST_CHECK;
/* Facts for the dataplane about m-line i. */
void bridge_spec(const struct leg *l, size_t i, struct media_spec *out);
/* For call_commit(): tells the dataplane about the leg's m-lines, and lets go of those that are no part of what was agreed. */
int bridge_sync(struct leg *l, uint64_t now_ms) MUST_CHECK;
/* For call_commit(): gives ports and endpoints back. */
void bridge_close(struct leg *l, uint64_t now_ms);
/* Leg and m-line of an endpoint, deleted ones too; NULL when the call has none such. */
struct leg *bridge_find(const struct call *c, uint32_t endpoint, size_t *i);
/* Encoding name of the first agreed codec, or an empty view. */
struct str bridge_codec(const struct leg *l, size_t i);

#endif
