/* Hands the packets to their ports: into a buffer per port, sent when it is full or at the end of the turn, so that
 * several bursts share one doorbell. What the port does not take is dropped: late media is worthless. Worker's thread. */
#include <rte_ethdev.h>

#include "stage.h"

static void flush(struct dp_worker *w, uint16_t port)
{
	struct tx_buffer *t = &w->tx[port];
	uint64_t bytes[TX_BUFFER];
	uint16_t sent;

	if (!t->n)
		return;
	for (uint16_t i = 0; i < t->n; i++)
		bytes[i] = t->m[i]->pkt_len;
	sent = rte_eth_tx_burst(port, w->conf.queue, t->m, t->n);
	w->tx_packets += sent;
	for (uint16_t i = 0; i < sent; i++)
		w->tx_bytes += bytes[i];
	if (sent < t->n) {
		w->drop[DROP_TX_FULL] += (uint64_t)(t->n - sent);
		rte_pktmbuf_free_bulk(t->m + sent, (unsigned)(t->n - sent));
	}
	t->n = 0;
}

void worker_send(struct dp_worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct tx_buffer *t = &w->tx[port];

	t->m[t->n++] = m;
	if (t->n == TX_BUFFER)
		flush(w, port);
}

void stage_tx(struct dp_worker *w, struct dp_burst *b)
{
	for (uint16_t i = 0; i < b->n; i++)
		worker_send(w, b->pkt[i].m->port, b->pkt[i].m);
	b->n = 0;
}

void worker_flush(struct dp_worker *w)
{
	for (uint8_t i = 0; i < w->conf.n_port; i++)
		flush(w, w->conf.port[i]);
}
