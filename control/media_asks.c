/* Questions to the dataplane: a queue, and the one upcall that each of them gets.
 *
 * For media_client.c, on the shard's thread. A question is freed before its upcall, which may ask again. */
#include "media_asks.h"

#include "base/mem.h"

void media_asks_append(struct media_asks *l, struct media_ask *a)
{
	a->next = NULL;
	if (l->tail)
		l->tail->next = a;
	else
		l->head = a;
	l->tail = a;
}

struct media_ask *media_asks_take(struct media_asks *l)
{
	struct media_ask *a = l->head;

	if (a)
		l->head = a->next;
	if (!l->head)
		l->tail = NULL;
	return a;
}

void media_ask_answer(struct media_ask *a, const struct media_msg *msg)
{
	bool ok = msg && msg->head.status == 0;
	struct media_ask q = *a;

	mem_free(a);
	if (q.stat)
		q.stat(q.ctx, q.id, ok ? &msg->stat : NULL);
	else
		q.totals(q.ctx, ok ? &msg->totals : NULL);
}
