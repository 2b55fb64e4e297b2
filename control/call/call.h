/* Calls: what the rest of control sees of them. A call has 1 to 8 legs and a bridge; see call_fsm.h, leg.h and call_plan.h for the inside.
 * A call is named by call_id (index and generation) across events. One thread, the shard's. */
#ifndef REMPART_CALL_H
#define REMPART_CALL_H

#include "base/addr.h"
#include "media/media_msg.h"
#include "sip/txn.h"

struct shard;
struct call;
struct call_table;
struct ladder;

#define CALL_LEGS_MAX  8
#define CALL_MEDIA_MAX 8 /* m-lines */
#define CALL_ARENA_CAP (64 * 1024)

int call_table_create(struct shard *s, struct call_table **out) MUST_CHECK;
void call_table_destroy(struct call_table *t);

/* The transaction layer's upcalls for the call layer, ctx = struct shard *. `request` handles every method: INVITE new and in dialog, BYE, OPTIONS (answered
 * 200 with Allow, Accept, Supported), REGISTER (handed to the registrar), in-dialog matching by Call-ID and both tags, else 481; unknown methods 501, known but not offered 405. */
extern const struct txn_user call_txn_user;
/* The media client's upcalls, ctx = struct shard *. */
struct media_client_user;
extern const struct media_client_user call_media_user;

/* Operators: a walk over calls, newest last; and one call in detail. Views live until the next event. */
enum call_leg_role { LEG_UAS, LEG_UAC };
struct call_leg_info {
	enum call_leg_role role;
	const char *state;
	struct str call_id, local_tag, remote_tag, far_uri;
	struct sip_flow flow;
	uint32_t endpoint[CALL_MEDIA_MAX];
	struct addr local[CALL_MEDIA_MAX],
		sdp_remote
			[CALL_MEDIA_MAX]; /* of each endpoint; what the far end's SDP named, unset: nothing yet */
	struct str codec;
	size_t n_endpoint;
};
struct call_info {
	uint64_t id; /* printed as 16 hex digits */
	const char *state;
	struct str from, to;           /* user parts */
	struct str from_name, to_name; /* realm or trunk names */
	uint64_t start_wall_ms, setup_ms /* INVITE to 2xx */, talk_ms;
	const struct ladder *ladder;
	struct call_leg_info leg[CALL_LEGS_MAX];
	size_t n_leg;
};
size_t call_count(const struct call_table *t);
/* i starts at 0; false at the end. */
bool call_each(const struct call_table *t, size_t *i, uint64_t now_ms, struct call_info *out);
int call_find(const struct call_table *t, uint64_t id, uint64_t now_ms,
	      struct call_info *out) MUST_CHECK;
struct buf;
/* The state machines' tables as Markdown (docs/CALL-FSM.md). */
void call_fsm_dump(struct buf *b);
/* Ends a call from our side (BYE or CANCEL or 503 on every leg). */
int call_end(struct call_table *t, uint64_t id, struct str reason, uint64_t now_ms) MUST_CHECK;

#endif
