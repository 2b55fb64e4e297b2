/* One connection to the dataplane: messages out, replies matched to their requests, events in. It has no opinion on what is said.
 * Used by media_client.c only. On the loop it was opened on; one thread. */
#ifndef REMPART_MEDIA_LINK_H
#define REMPART_MEDIA_LINK_H

#include "media_asks.h"

struct media_link;

/* A request that waits for its reply. */
struct media_sent {
	uint32_t serial, id;
	uint16_t type;
	struct media_ask *ask; /* NULL: nobody asked */
};

/* Upcalls, from the loop only. The link may be closed in turn() and lost(), not in the others. */
struct media_link_user {
	/* A reply to what was sent. An error ends the link. */
	int (*reply)(void *ctx, const struct media_sent *sent, const struct media_msg *msg);
	void (*event)(void *ctx, const struct media_msg *msg);
	/* Something was read, or the socket takes more: the moment to send. */
	void (*turn)(void *ctx);
	/* It is of no use any more; the user closes it. */
	void (*lost)(void *ctx, const char *why);
};

/* Connects. media_chan_connect()'s errors, ERR_NOMEM. */
int media_link_open(uv_loop_t *loop, const char *path, const struct media_link_user *user,
		    void *ctx, struct media_link **out) MUST_CHECK;
/* The loop must run once more until the memory is free. NULL is fine. Take the asks first. */
void media_link_close(struct media_link *l);
/* Fills in the head and sends. ERR_AGAIN: turn() comes when there is room; any other error: the link is broken. */
int media_link_send(struct media_link *l, struct media_msg *msg, uint32_t epoch, uint16_t type,
		    uint32_t id, struct media_ask *ask) MUST_CHECK;
/* Requests without a reply. */
uint32_t media_link_waiting(const struct media_link *l);
/* True when requests wait and nothing was read since the last call, though the loop has looked. */
bool media_link_quiet(struct media_link *l);
/* Next question among the requests without a reply, oldest first, and forgets those requests; NULL when there is none. */
struct media_ask *media_link_take_ask(struct media_link *l);

#endif
