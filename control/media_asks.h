/* Questions to the dataplane that wait for their one answer. Used by media_client.c only. One thread. */
#ifndef REMPART_MEDIA_ASKS_H
#define REMPART_MEDIA_ASKS_H

#include "media_client.h"

/* One of stat and totals is set. */
struct media_ask {
	struct media_ask *next;
	uint32_t id; /* MEDIA_NONE: totals */
	media_stat_fn stat;
	media_totals_fn totals;
	void *ctx;
};

/* Oldest first. */
struct media_asks {
	struct media_ask *head, *tail;
};

void media_asks_append(struct media_asks *l, struct media_ask *a);
/* NULL when there is none. */
struct media_ask *media_asks_take(struct media_asks *l);
/* Frees a, then makes its upcall: with what stands in msg, or with NULL for no msg or one that reports an error. */
void media_ask_answer(struct media_ask *a, const struct media_msg *msg);

#endif
