/* Takes punted frames off the ring and gives them to the neighbour code; puts its frames into mbufs. On the agent's thread.
 * A flood of punts is bounded by the ring's size and by the turn's budget, so control's messages are always served. */
#include "slow_path.h"

#include <rte_mbuf.h>

#include "base/log.h"

#define PUNT_BUDGET 256

/* Without a buffer or room the frame is lost: whatever it asked or answered comes again. */
static void frame_send(void *ctx, uint16_t port, const uint8_t *frame, size_t len)
{
	struct slow_path *s = ctx;
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pool);
	char *p = m ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;

	if (p) {
		memcpy(p, frame, len);
		m->port = port;
		if (rte_ring_enqueue(s->tx, m) == 0)
			return;
	}
	rte_pktmbuf_free(m);
}

int slow_path_open(struct slow_path *s, const struct dp_worker_conf *wc, struct rte_mempool *pool,
		   slow_path_learned_fn learned, void *ctx)
{
	struct neigh_ops ops = {.ctx = ctx, .send = frame_send, .learned = learned};

	*s = (struct slow_path){.punt = wc->punt, .tx = wc->tx, .pool = pool};
	ops.send_ctx = s;
	s->neigh = neigh_create(wc->local, wc->n_local, &ops);
	if (!s->neigh)
		return ERR_NOMEM;
	neigh_announce(s->neigh);
	return 0;
}

void slow_path_close(struct slow_path *s)
{
	struct rte_mbuf *m;

	neigh_destroy(s->neigh);
	while (s->punt && rte_ring_dequeue(s->punt, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	while (s->tx && rte_ring_dequeue(s->tx, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	*s = (struct slow_path){0};
}

uint64_t slow_path_turn(struct slow_path *s, uint64_t now_ms)
{
	struct rte_mbuf *m[PUNT_BUDGET];
	const unsigned n = rte_ring_dequeue_burst(s->punt, (void **)m, PUNT_BUDGET, NULL);
	uint64_t next;

	for (unsigned i = 0; i < n; i++) {
		if (rte_pktmbuf_linearize(m[i]) == 0)
			neigh_input(s->neigh, m[i]->port, rte_pktmbuf_mtod(m[i], const uint8_t *),
				    m[i]->data_len, now_ms);
		rte_pktmbuf_free(m[i]);
	}
	next = neigh_tick(s->neigh, now_ms);
	return rte_ring_empty(s->punt) ? next : now_ms;
}
