/* The SIP ladder: a bounded ring of what was sent and received, so that `call show` and scripts can draw both legs of a call. One entry is start
 * line, flow, time and call; no headers, no bodies. One thread. */
#ifndef REMPART_OPS_LADDER_H
#define REMPART_OPS_LADDER_H

#include "base/addr.h"
#include "base/str.h"

#define LADDER_MAX  32 /* entries a call keeps: the first 24 and the newest 8 */
#define LADDER_TEXT 40

struct ladder_entry {
	uint64_t wall_ms;
	uint8_t leg;            /* index in the call */
	bool out;               /* we sent it */
	char text[LADDER_TEXT]; /* "INVITE", "180 Ringing", with "+sdp" where it has a body */
};
struct ladder {
	struct ladder_entry entry[LADDER_MAX];
	uint32_t n; /* ever added */
};
void ladder_add(struct ladder *l, uint64_t wall_ms, uint8_t leg, bool out, struct str text,
		bool sdp);
/* The i-th kept entry in order of time, NULL at the end. */
const struct ladder_entry *ladder_at(const struct ladder *l, uint32_t i);

#endif
