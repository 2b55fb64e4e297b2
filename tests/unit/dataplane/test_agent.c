/* The agent between a real socket and a worker that the test plays: order, limits, restarts of control, silence. */
#include "dp_kit.h"

#include <unistd.h>

#include "agent.h"
#include "base/buf.h"
#include "base/mem.h"

#define EVENTS 1000
#define T0     1000000

struct world {
	struct agent *a;
	struct dp_worker_conf wc;
	char dir[32], path[80];
	int fd; /* control */
	uint32_t serial;
	uint64_t now_ms;
	unsigned resolved;
	/* the played worker */
	uint32_t endpoint[MEDIA_ID_MAX]; /* timeout_ms + 1, 0 = none */
	uint64_t last_rx_ms[64];
	struct dp_cmd neighbour;
	unsigned neighbours, deleted;
};

static struct world world;

static void on_resolve(void *ctx, uint16_t port, const struct addr *ip, uint64_t now_ms)
{
	struct world *w = ctx;

	(void)port;
	(void)ip;
	(void)now_ms;
	w->resolved++;
}

static struct media_spec spec_of(uint32_t id)
{
	return (struct media_spec){.local = {.ip = {10, 0, 0, 1}, .family = ADDR_V4, .port = 20000},
				   .call_id = id};
}

static void dump_next(struct world *w, struct media_msg *m)
{
	uint32_t id = m->head.id;

	while (id < MEDIA_ID_MAX && !w->endpoint[id])
		id++;
	if (id >= MEDIA_ID_MAX) {
		m->head.id = MEDIA_NONE;
		return;
	}
	m->head.id = id;
	memset(&m->dump, 0, sizeof m->dump);
	m->dump.spec = spec_of(id);
	m->dump.spec.timeout_ms = w->endpoint[id] - 1;
	m->dump.stat.last_rx_ms = id < 64 ? w->last_rx_ms[id] : 0;
}

/* The worker's turn: answers up to n commands. */
static void work(struct world *w, unsigned n)
{
	void *p;

	while (n-- && rte_ring_dequeue(w->wc.cmd, &p) == 0) {
		struct dp_cmd *c = p;
		struct media_head *h = &c->msg.head;
		const uint32_t id = h->id;

		h->status = 0;
		switch (c->type) {
		case DP_CMD_ENDPOINT_SET:
			w->endpoint[id] = c->msg.spec.timeout_ms + 1;
			break;
		case DP_CMD_ENDPOINT_DEL:
			h->status = w->endpoint[id] ? 0 : ERR_NOENT;
			w->endpoint[id] = 0;
			w->deleted++;
			memset(&c->msg.stat, 0, sizeof c->msg.stat);
			break;
		case DP_CMD_STATS:
			memset(&c->msg.totals, 0, sizeof c->msg.totals);
			c->msg.totals.endpoints = 3;
			break;
		case DP_CMD_DUMP:
			dump_next(w, &c->msg);
			break;
		case DP_CMD_NEIGHBOUR:
			w->neighbour = *c;
			w->neighbours++;
			break;
		}
		assert_int_equal(rte_ring_enqueue(w->wc.reply, c), 0);
	}
}

static void turn(struct world *w)
{
	(void)agent_turn(w->a, w->now_ms);
}

/* Agent and worker until both are at rest. */
static void settle(struct world *w)
{
	for (int i = 0; i < 1000; i++) {
		turn(w);
		if (rte_ring_empty(w->wc.cmd) && rte_ring_empty(w->wc.reply))
			return;
		work(w, UINT_MAX);
	}
	fail_msg("no rest");
}

static void ask(struct world *w, uint16_t type, uint32_t id)
{
	struct media_msg m;

	memset(&m, 0, sizeof m);
	m.head = (struct media_head){.serial = ++w->serial,
				     .version = MEDIA_VERSION,
				     .type = type,
				     .epoch = 9,
				     .id = id};
	if (type == MEDIA_ENDPOINT_SET)
		m.spec = spec_of(id);
	assert_int_equal(media_chan_send(w->fd, &m), 0);
}

/* The next message must be this answer. */
static struct media_msg answer(struct world *w, uint32_t serial, uint16_t type, int status)
{
	struct media_msg m;

	assert_int_equal(media_chan_recv(w->fd, &m), 0);
	assert_int_equal(m.head.type, type | MEDIA_REPLY);
	assert_int_equal(m.head.serial, serial);
	assert_int_equal(m.head.status, status);
	return m;
}

static void assert_silence(struct world *w)
{
	struct media_msg m;

	assert_int_equal(media_chan_recv(w->fd, &m), ERR_AGAIN);
}

static int connect_control(struct world *w)
{
	const int fd = media_chan_connect(w->path);

	assert_true(fd >= 0);
	turn(w);
	return fd;
}

static void greet(struct world *w)
{
	ask(w, MEDIA_HELLO, MEDIA_NONE);
	settle(w);
	(void)answer(w, w->serial, MEDIA_HELLO, 0);
}

static int rings(void **state)
{
	struct dp_worker_conf *wc = &world.wc;

	(void)state;
	if (kit_eal())
		return -1;
	wc->cmd = rte_ring_create("a_cmd", AGENT_RING, SOCKET_ID_ANY, 0);
	wc->reply = rte_ring_create("a_reply", AGENT_RING, SOCKET_ID_ANY, 0);
	wc->event = rte_ring_create("a_event", AGENT_RING, SOCKET_ID_ANY, 0);
	wc->event_pool = rte_mempool_create("a_events", EVENTS, sizeof(struct dp_event), 0, 0, NULL,
					    NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	return wc->cmd && wc->reply && wc->event && wc->event_pool ? 0 : -1;
}

static int setup(void **state)
{
	struct world *w = &world;
	const struct dp_worker_conf wc = w->wc;
	const struct agent_ops ops = {.ctx = w, .resolve = on_resolve};
	struct buf b;
	int err = 0;

	memset(w, 0, sizeof *w);
	w->wc = wc;
	w->now_ms = T0;
	snprintf(w->dir, sizeof w->dir, "/tmp/test-agent-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	b = BUF_ON(w->path);
	buf_c(&b, w->dir);
	buf_c(&b, "/media.sock");
	(void)buf_cstr(&b);
	w->a = agent_create(w->path, &wc, &ops, w->now_ms, &err);
	assert_non_null(w->a);
	w->fd = connect_control(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	void *p;

	close(w->fd);
	while (rte_ring_dequeue(w->wc.cmd, &p) == 0 || rte_ring_dequeue(w->wc.reply, &p) == 0)
		;
	agent_destroy(w->a);
	assert_int_equal(rte_mempool_avail_count(w->wc.event_pool), EVENTS);
	assert_int_equal(mem_live(), 0);
	return rmdir(w->dir); /* the socket is gone */
}

static void hello_tells_what_is_there(void **state)
{
	struct world *w = *state;
	struct media_msg m;

	ask(w, MEDIA_HELLO, MEDIA_NONE);
	settle(w);
	m = answer(w, 1, MEDIA_HELLO, 0);
	assert_int_equal(m.hello.workers, 1);
	assert_int_equal(m.hello.endpoints, 3);
	assert_int_equal(m.hello.endpoints_max, MEDIA_ID_MAX);
	assert_true(m.hello.start_wall_ms > 0);
	assert_int_equal(m.head.epoch, 9);
}

static void hello_comes_first(void **state)
{
	struct world *w = *state;

	ask(w, MEDIA_STATS, MEDIA_NONE);
	ask(w, MEDIA_ENDPOINT_SET, 5);
	settle(w);
	(void)answer(w, 1, MEDIA_STATS, ERR_STATE);
	(void)answer(w, 2, MEDIA_ENDPOINT_SET, ERR_STATE);
	assert_int_equal(w->endpoint[5], 0);
}

static void answers_keep_the_order_of_the_requests(void **state)
{
	struct world *w = *state;

	greet(w);
	ask(w, MEDIA_ENDPOINT_SET, 5);
	ask(w, MEDIA_ENDPOINT_DEL, MEDIA_ID_MAX); /* refused without the worker */
	ask(w, MEDIA_STATS, MEDIA_NONE);
	turn(w);
	assert_silence(w); /* the first is still with the worker */
	work(w, 1);
	turn(w);
	(void)answer(w, 2, MEDIA_ENDPOINT_SET, 0);
	(void)answer(w, 3, MEDIA_ENDPOINT_DEL, ERR_RANGE);
	assert_silence(w);
	settle(w);
	assert_int_equal(answer(w, 4, MEDIA_STATS, 0).totals.endpoints, 3);
}

static void more_requests_than_commands_wait_in_the_socket(void **state)
{
	struct world *w = *state;
	struct pollfd fd[AGENT_FDS];
	const uint8_t mac[6] = {2};
	const struct addr ip = {.ip = {10}, .family = ADDR_V4};

	greet(w);
	for (uint32_t i = 0; i < 2000; i++)
		ask(w, MEDIA_STATS, MEDIA_NONE);
	for (int i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(rte_ring_count(w->wc.cmd), AGENT_CMDS - AGENT_RESERVE);
	agent_fds(w->a, fd);
	assert_int_equal(fd[1].events & POLLIN, 0);
	assert_true(agent_neighbour(w->a, 1, &ip, mac)); /* has its own reserve */
	assert_int_equal(rte_ring_count(w->wc.cmd), AGENT_CMDS - AGENT_RESERVE + 1);
	for (uint32_t i = 0; i < 2000; i++) {
		if (i % 300 == 0)
			settle(w);
		(void)answer(w, i + 2, MEDIA_STATS, 0);
	}
	assert_silence(w);
	assert_int_equal(w->neighbours, 1);
	agent_fds(w->a, fd);
	assert_true(fd[1].events & POLLIN);
}

static void a_dump_walks_to_the_end_before_the_next_answer(void **state)
{
	struct world *w = *state;
	const uint32_t ids[] = {2, 3, 700, MEDIA_ID_MAX - 1};

	greet(w);
	for (size_t i = 0; i < 4; i++)
		w->endpoint[ids[i]] = 1;
	ask(w, MEDIA_DUMP, 3);
	ask(w, MEDIA_STATS, MEDIA_NONE);
	settle(w);
	for (size_t i = 1; i < 4; i++) {
		const struct media_msg m = answer(w, 2, MEDIA_DUMP, 0);

		assert_int_equal(m.head.id, ids[i]);
		assert_int_equal(m.dump.spec.call_id, ids[i]);
	}
	assert_int_equal(answer(w, 2, MEDIA_DUMP, 0).head.id, MEDIA_NONE);
	(void)answer(w, 3, MEDIA_STATS, 0);
}

static bool raise_event(struct world *w, int type, uint32_t id)
{
	void *p;
	struct dp_event *e;

	if (rte_mempool_get(w->wc.event_pool, &p))
		return false;
	e = p;
	memset(e, 0, sizeof *e);
	if (type == DP_EV_RESOLVE)
		e->type = DP_EV_RESOLVE;
	e->msg.head =
		(struct media_head){.version = MEDIA_VERSION, .type = MEDIA_EV_TIMEOUT, .id = id};
	assert_int_equal(rte_ring_enqueue(w->wc.event, e), 0);
	return true;
}

static void events_go_to_a_control_that_said_hello(void **state)
{
	struct world *w = *state;
	struct media_msg m;

	raise_event(w, DP_EV_MEDIA, 1);
	turn(w);
	assert_silence(w);
	greet(w);
	raise_event(w, DP_EV_MEDIA, 2);
	turn(w);
	assert_int_equal(media_chan_recv(w->fd, &m), 0);
	assert_int_equal(m.head.type, MEDIA_EV_TIMEOUT);
	assert_int_equal(m.head.id, 2);
	close(w->fd);
	turn(w);
	raise_event(w, DP_EV_MEDIA, 3);
	raise_event(w, DP_EV_RESOLVE, 0);
	turn(w);
	assert_int_equal(w->resolved, 1);
	w->fd = connect_control(w);
	greet(w);
	assert_silence(w);
}

static void a_stuck_control_stops_no_resolving(void **state)
{
	struct world *w = *state;
	struct media_msg m;
	uint32_t next = 0;
	struct pollfd fd[AGENT_FDS];

	greet(w);
	/* Until the socket is full and the backlog with it. */
	for (uint32_t id = 0; rte_mempool_avail_count(w->wc.event_pool) > EVENTS - AGENT_BACKLOG;
	     id++) {
		assert_true(id < MEDIA_ID_MAX);
		assert_true(raise_event(w, DP_EV_MEDIA, id));
		turn(w);
	}
	agent_fds(w->a, fd);
	assert_true(fd[1].events & POLLOUT);
	for (unsigned i = 0; i < 2 * EVENTS; i++) {
		assert_true(raise_event(w, DP_EV_MEDIA, 7)); /* lost */
		assert_true(raise_event(w, DP_EV_RESOLVE, 0));
		turn(w);
	}
	assert_int_equal(w->resolved, 2 * EVENTS);
	/* What was not lost comes in order once control reads again. */
	for (;;) {
		if (media_chan_recv(w->fd, &m)) {
			turn(w);
			if (media_chan_recv(w->fd, &m))
				break;
		}
		assert_int_equal(m.head.id, next++);
	}
	assert_true(next > AGENT_BACKLOG);
	assert_int_equal(rte_mempool_avail_count(w->wc.event_pool), EVENTS);
}

static void a_new_control_gets_no_answers_of_the_old(void **state)
{
	struct world *w = *state;
	struct media_msg m;
	int old;

	greet(w);
	ask(w, MEDIA_ENDPOINT_SET, 5);
	ask(w, MEDIA_STATS, MEDIA_NONE);
	turn(w);
	old = w->fd;
	w->fd = connect_control(w);
	assert_int_equal(media_chan_recv(old, &m), ERR_CLOSED);
	close(old);
	settle(w);
	assert_int_equal(w->endpoint[5], 1); /* what was sent is done */
	assert_silence(w);
	greet(w);
	for (int i = 0; i < 3 * AGENT_CMDS; i++) { /* and no command was lost */
		ask(w, MEDIA_STATS, MEDIA_NONE);
		settle(w);
		(void)answer(w, w->serial, MEDIA_STATS, 0);
	}
}

static void what_is_no_request_ends_the_connection(void **state)
{
	struct world *w = *state;
	struct media_msg m;

	greet(w);
	ask(w, MEDIA_EV_TIMEOUT, 1);
	w->serial = 0;
	turn(w);
	assert_int_equal(media_chan_recv(w->fd, &m), ERR_CLOSED);
	close(w->fd);
	w->fd = connect_control(w);
	greet(w);
	ask(w, MEDIA_ENDPOINT_SET | MEDIA_REPLY, 1);
	turn(w);
	assert_int_equal(media_chan_recv(w->fd, &m), ERR_CLOSED);
}

static void neighbours_reach_the_worker(void **state)
{
	struct world *w = *state;
	const uint8_t mac[6] = {2, 3, 4, 5, 6, 7};
	const struct addr ip = {.ip = {10, 0, 0, 9}, .family = ADDR_V4};

	for (int i = 0; i < 3 * AGENT_CMDS; i++) {
		assert_true(agent_neighbour(w->a, 1, &ip, mac));
		settle(w);
	}
	assert_int_equal(w->neighbours, 3 * AGENT_CMDS);
	assert_memory_equal(w->neighbour.neigh.mac, mac, 6);
	assert_true(addr_eq(&w->neighbour.neigh.ip, &ip));
	assert_int_equal(w->neighbour.neigh.port, 1);
}

static void silent_endpoints_go_when_control_stays_away(void **state)
{
	struct world *w = *state;

	greet(w);
	for (uint32_t id = 1; id <= 4; id++)
		w->endpoint[id] = 60001;
	w->endpoint[5] = 1; /* never times out */
	w->last_rx_ms[1] = 59999;
	w->last_rx_ms[2] = 60000;
	w->last_rx_ms[3] = UINT64_MAX; /* nothing ever came */
	w->last_rx_ms[4] = 0;
	w->last_rx_ms[5] = UINT64_MAX;
	w->now_ms += 10 * AGENT_AWAY_MS;
	settle(w);
	assert_int_equal(w->deleted, 0); /* control is there: it decides */
	close(w->fd);
	settle(w);
	w->now_ms += AGENT_AWAY_MS - 1;
	settle(w);
	assert_int_equal(w->deleted, 0);
	w->now_ms += 1;
	settle(w);
	assert_int_equal(w->deleted, 2);
	assert_true(w->endpoint[1] && !w->endpoint[2] && !w->endpoint[3] && w->endpoint[4] &&
		    w->endpoint[5]);
	w->last_rx_ms[1] = 70000;
	w->now_ms += AGENT_SWEEP_MS - 1;
	settle(w);
	assert_int_equal(w->deleted, 2);
	w->now_ms += 1;
	settle(w);
	assert_int_equal(w->deleted, 3);
	w->fd = connect_control(w);
	w->last_rx_ms[4] = 70000;
	w->now_ms += AGENT_SWEEP_MS;
	settle(w);
	assert_int_equal(w->deleted, 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hello_tells_what_is_there),
		T(hello_comes_first),
		T(answers_keep_the_order_of_the_requests),
		T(more_requests_than_commands_wait_in_the_socket),
		T(a_dump_walks_to_the_end_before_the_next_answer),
		T(events_go_to_a_control_that_said_hello),
		T(a_stuck_control_stops_no_resolving),
		T(a_new_control_gets_no_answers_of_the_old),
		T(what_is_no_request_ends_the_connection),
		T(neighbours_reach_the_worker),
		T(silent_endpoints_go_when_control_stays_away),
	};

	return cmocka_run_group_tests(tests, rings, NULL);
}
