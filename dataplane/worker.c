/* The worker: creation, one turn, and the loop with its adaptive backoff. See worker.h for the ownership rules, stage.h for
 * the pipeline. Everything but creation runs on the worker's own thread.
 *
 * Backoff: while bursts come well filled, the loop never sleeps. Each empty turn beyond the first few doubles the sleep, up
 * to SLEEP_CALLS_US while packets come, SLEEP_QUIET_US when none came for QUIET_US, and SLEEP_IDLE_US while there are no
 * endpoints; each turn with a few packets halves it. So a busy worker polls, and a quiet one wakes about as often as packets
 * come. A command keeps it awake for ALERT_US, since whoever sent one is likely to send the next as soon as it is answered. */
#include "worker.h"

#include <assert.h>
#include <rte_ethdev.h>
#include <rte_pause.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "stage.h"

#define SLEEP_FIRST_US 20
#define SLEEP_CALLS_US 700 /* a packet waits no longer than this */
#define SLEEP_QUIET_US 1000
#define SLEEP_IDLE_US  2000
#define QUIET_US       100000
#define ALERT_US       200
#define SPIN_TURNS     64   /* empty turns before the first sleep after busy times */
#define SWEEP_EVERY_US 1000 /* the inactivity sweep looks at SWEEP_SLICE endpoints this often */
#define SWEEP_SLICE    256

static void local_add(struct dp_worker *w, uint8_t index)
{
	const struct dp_local *l = &w->local[index];
	uint8_t mac[8] = {0};
	uint32_t tail;
	unsigned i;

	memcpy(&tail, l->ip.family == ADDR_V4 ? l->ip.ip : l->ip.ip + 12, 4);
	for (i = local_hash(tail); w->local_slot[i].index; i = (i + 1) % LOCAL_SLOTS)
		;
	memcpy(mac, l->mac, 6);
	w->local_slot[i] = (struct local_slot){
		.mac = station_bits(mac),
		.tail = tail,
		.port = l->port,
		.index = (uint8_t)(index + 1),
		.family = l->ip.family,
	};
}

static bool conf_ok(const struct dp_worker_conf *conf)
{
	if (conf->n_local > DP_LOCAL_MAX || conf->n_port > DP_PORT_MAX)
		return false;
	for (uint8_t i = 0; i < conf->n_port; i++) {
		if (conf->port[i] >= DP_PORT_MAX)
			return false;
	}
	for (uint8_t i = 0; i < conf->n_local; i++) {
		if (conf->local[i].port >= DP_PORT_MAX)
			return false;
	}
	return true;
}

struct dp_worker *dp_worker_create(const struct dp_worker_conf *conf)
{
	struct dp_worker *w;

	if (!conf_ok(conf))
		return NULL;
	w = mem_alloc(sizeof *w);
	if (!w)
		return NULL;
	w->conf = *conf;
	for (uint8_t i = 0; i < conf->n_local; i++) {
		w->local[i] = conf->local[i];
		local_add(w, i);
	}
	w->conf.local = w->local;
	if (endpoint_table_init(&w->table, conf->n_local))
		goto out_mem;
	if (nexthop_table_init(&w->hops))
		goto out_table;
	return w;

out_table:
	endpoint_table_free(&w->table);
out_mem:
	mem_free(w);
	return NULL;
}

void dp_worker_destroy(struct dp_worker *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < DP_PORT_MAX; i++)
		rte_pktmbuf_free_bulk(w->tx[i].m, w->tx[i].n);
	nexthop_table_free(&w->hops);
	endpoint_table_free(&w->table);
	mem_free(w);
}

void dp_punt(struct dp_worker *w, struct dp_burst *b, uint16_t i)
{
	struct rte_mbuf *m = b->pkt[i].m;

	m->port = b->port;
	if (!w->conf.punt || rte_ring_enqueue(w->conf.punt, m) != 0) {
		dp_drop(w, b, i, DROP_PUNT_FULL);
		return;
	}
	b->pkt[i].m = NULL;
	w->wake = true;
}

void worker_pipeline(struct dp_worker *w, struct dp_burst *b)
{
	stage_classify(w, b);
	stage_lookup(w, b);
	stage_parse(w, b);
	stage_latch(w, b);
	stage_measure(w, b);
	stage_rewrite(w, b);
	stage_tx(w, b);
}

/* Frames that the slow path made. */
static void slow_path_turn(struct dp_worker *w)
{
	struct rte_mbuf *m[BURST_MAX];
	unsigned n;

	if (!w->conf.tx || rte_ring_empty(w->conf.tx))
		return;
	n = rte_ring_dequeue_burst(w->conf.tx, (void **)m, BURST_MAX, NULL);
	for (unsigned i = 0; i < n; i++) {
		if (m[i]->port < DP_PORT_MAX)
			worker_send(w, m[i]->port, m[i]);
		else
			rte_pktmbuf_free(m[i]);
	}
}

static void sweep_turn(struct dp_worker *w, uint64_t now_us)
{
	uint32_t n = w->table.pool_high < SWEEP_SLICE ? w->table.pool_high : SWEEP_SLICE;

	if (now_us < w->sweep_us + SWEEP_EVERY_US)
		return;
	w->sweep_us = now_us;
	for (; n; n--) {
		struct dp_endpoint *ep;

		if (w->sweep_at >= w->table.pool_high)
			w->sweep_at = 0;
		ep = &w->table.pool[w->sweep_at++];
		if (endpoint_live(ep) && endpoint_silent(ep, now_us))
			ep->timed_out = mailbox_event(w, ep, MEDIA_EV_TIMEOUT, 0, now_us);
	}
}

static void wake_agent(struct dp_worker *w)
{
	uint64_t one = 1;

	if (!w->wake)
		return;
	w->wake = false;
	/* A full counter (EAGAIN) means that the agent is awake already. */
	if (w->conf.wake_fd >= 0 && write(w->conf.wake_fd, &one, sizeof one) < 0)
		return;
}

unsigned dp_worker_turn(struct dp_worker *w, uint64_t now_us)
{
	struct dp_burst *b = &w->burst;
	unsigned received = 0;

	mailbox_turn(w, now_us);
	for (uint8_t i = 0; i < w->conf.n_port; i++) {
		b->port = w->conf.port[i];
		b->now_us = now_us;
		stage_rx(w, b);
		w->polls++;
		if (!b->n) {
			w->polls_empty++;
			continue;
		}
		received += b->n;
		worker_pipeline(w, b);
	}
	slow_path_turn(w);
	worker_flush(w);
	sweep_turn(w, now_us);
	wake_agent(w);
	return received;
}

struct backoff {
	unsigned empty;
	uint32_t sleep_us; /* 0: not sleeping */
	uint32_t slept_us; /* since the last packet */
	uint64_t alert_until_us;
};

static uint32_t sleep_max_us(const struct backoff *o, uint32_t endpoints)
{
	if (!endpoints)
		return SLEEP_IDLE_US;
	return o->slept_us < QUIET_US ? SLEEP_CALLS_US : SLEEP_QUIET_US;
}

static void backoff(struct backoff *o, const struct dp_worker *w, unsigned received,
		    uint64_t now_us)
{
	uint32_t max_us;
	struct timespec ts;

	if (received >= BURST_MAX / 2) {
		*o = (struct backoff){0};
		return;
	}
	if (w->commanded) {
		o->alert_until_us = now_us + ALERT_US;
		o->sleep_us = 0;
	}
	if (now_us < o->alert_until_us) {
		rte_pause();
		return;
	}
	if (received) {
		o->slept_us = 0;
		o->sleep_us /= 2;
		if (o->sleep_us > SLEEP_CALLS_US)
			o->sleep_us = SLEEP_CALLS_US;
		if (o->sleep_us < SLEEP_FIRST_US)
			o->sleep_us = 0;
		o->empty = o->sleep_us ? SPIN_TURNS : SPIN_TURNS / 2;
		return;
	}
	if (o->empty++ < SPIN_TURNS) {
		rte_pause();
		return;
	}
	o->sleep_us = o->sleep_us ? o->sleep_us * 2 : SLEEP_FIRST_US;
	max_us = sleep_max_us(o, w->table.n);
	if (o->sleep_us > max_us)
		o->sleep_us = max_us;
	if (o->slept_us < QUIET_US)
		o->slept_us += o->sleep_us;
	ts = (struct timespec){.tv_nsec = (long)o->sleep_us * 1000};
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

int dp_worker_run(struct dp_worker *w, const volatile bool *stop)
{
	struct backoff o = {0};

	/* Sleeps of some microseconds would else be rounded up by 50. */
	(void)prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	while (!*stop) {
		const uint64_t now_us = clock_us();
		const unsigned received = dp_worker_turn(w, now_us);

		if (w->conf.adaptive)
			backoff(&o, w, received, now_us);
	}
	return 0;
}
