/* The dataplane's end of the seam. A request of control's becomes a command in the worker's mailbox; its answer goes out in
 * the order of the requests. All commands come from one preallocated array: when it is used up the socket is not read, and
 * control feels it as a full socket. One control at a time; a new connection takes the place of the old one, because that is
 * what a restarted control looks like. The agent's thread.
 *
 * While no control is there the endpoints stay and relay. When none came for ten minutes, those that are silent for longer
 * than their own timeout are removed. */
#include "agent.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define READ_BUDGET   256 /* requests a turn */
#define EVENT_BURST   64
#define HELLO_WORKERS 1

static_assert(AGENT_BACKLOG >= AGENT_EVENTS - 1 - (AGENT_EVENTS - 1) / 4,
	      "what a worker makes has room (resolve_reserve() in mailbox.c)");

enum cmd_kind {
	CMD_REQUEST, /* of the connected control; in the answer queue */
	CMD_ORPHAN,  /* nobody waits for the answer */
	CMD_SWEEP,   /* the walk over silent endpoints */
};

struct agent_cmd {
	struct dp_cmd cmd; /* first: the worker hands out pointers to it */
	struct agent_cmd *next;
	struct media_head request;
	uint8_t kind;
	bool done;
};

struct agent {
	char path[108];
	int listen_fd, conn_fd;
	bool greeted; /* HELLO came on this connection */
	bool blocked; /* the socket took no more */
	struct agent_ops ops;
	struct rte_ring *cmd, *reply, *event;
	struct rte_mempool *event_pool;
	uint64_t start_wall_ms;
	uint64_t away_ms;  /* since when there is no control; UINT64_MAX: there is one */
	uint64_t sweep_ms; /* when to look for silent endpoints */
	bool sweeping;
	struct agent_cmd *free;
	uint32_t n_free;
	struct agent_cmd *head, **tail; /* requests of this connection, oldest first */
	struct dp_event *backlog[AGENT_BACKLOG];
	uint32_t backlog_first, backlog_n;
	struct agent_cmd cmds[AGENT_CMDS];
};

static struct agent_cmd *cmd_get(struct agent *a, enum cmd_kind kind)
{
	struct agent_cmd *c = a->free;

	if (!c)
		return NULL;
	a->free = c->next;
	a->n_free--;
	c->next = NULL;
	c->kind = (uint8_t)kind;
	c->done = false;
	return c;
}

static void cmd_put(struct agent *a, struct agent_cmd *c)
{
	c->next = a->free;
	a->free = c;
	a->n_free++;
}

/* The ring has room for every command there is. */
static void cmd_submit(struct agent *a, struct agent_cmd *c)
{
	if (rte_ring_enqueue(a->cmd, &c->cmd))
		abort();
}

static void away_begin(struct agent *a, uint64_t now_ms)
{
	a->away_ms = now_ms;
	a->sweep_ms = now_ms + AGENT_AWAY_MS;
}

struct agent *agent_create(const char *path, const struct dp_worker_conf *wc,
			   const struct agent_ops *ops, uint64_t now_ms, int *err)
{
	struct agent *a = mem_alloc(sizeof *a);

	if (!a) {
		*err = ERR_NOMEM;
		return NULL;
	}
	a->listen_fd = media_chan_listen(path);
	if (a->listen_fd < 0) {
		*err = a->listen_fd;
		mem_free(a);
		return NULL;
	}
	str_copy(a->path, sizeof a->path, str_c(path));
	a->conn_fd = -1;
	a->ops = *ops;
	a->cmd = wc->cmd;
	a->reply = wc->reply;
	a->event = wc->event;
	a->event_pool = wc->event_pool;
	a->start_wall_ms = clock_wall_ms();
	a->tail = &a->head;
	away_begin(a, now_ms);
	for (size_t i = AGENT_CMDS; i-- > 0;)
		cmd_put(a, &a->cmds[i]);
	return a;
}

static void event_free(struct agent *a, struct dp_event *e)
{
	rte_mempool_put(a->event_pool, e);
}

static void conn_close(struct agent *a, const char *why, uint64_t now_ms)
{
	struct agent_cmd *c = a->head, *next;

	if (a->conn_fd < 0)
		return;
	log_info("agent", "control_gone", KV_C("why", why));
	close(a->conn_fd);
	a->conn_fd = -1;
	a->greeted = a->blocked = false;
	for (; c; c = next) {
		next = c->next;
		if (c->done)
			cmd_put(a, c);
		else
			c->kind = CMD_ORPHAN;
	}
	a->head = NULL;
	a->tail = &a->head;
	for (; a->backlog_n; a->backlog_n--) {
		event_free(a, a->backlog[a->backlog_first]);
		a->backlog_first = (a->backlog_first + 1) % AGENT_BACKLOG;
	}
	away_begin(a, now_ms);
}

void agent_destroy(struct agent *a)
{
	struct dp_event *e;

	if (!a)
		return;
	conn_close(a, "stop", 0);
	while (rte_ring_dequeue(a->event, (void **)&e) == 0)
		event_free(a, e);
	close(a->listen_fd);
	unlink(a->path);
	mem_free(a);
}

bool agent_neighbour(struct agent *a, uint16_t port, const struct addr *ip, const uint8_t mac[6])
{
	struct agent_cmd *c = cmd_get(a, CMD_ORPHAN);

	if (!c)
		return false;
	c->cmd.type = DP_CMD_NEIGHBOUR;
	c->cmd.neigh.ip = *ip;
	c->cmd.neigh.port = port;
	memcpy(c->cmd.neigh.mac, mac, 6);
	cmd_submit(a, c);
	return true;
}

/* A new control. The old one is dead or will notice. */
static void conn_accept(struct agent *a, uint64_t now_ms)
{
	int fd;

	while ((fd = media_chan_accept(a->listen_fd)) >= 0) {
		conn_close(a, "replaced", now_ms);
		a->conn_fd = fd;
		a->away_ms = UINT64_MAX;
		log_info("agent", "control_connected");
	}
}

static void queue_request(struct agent *a, struct agent_cmd *c)
{
	*a->tail = c;
	a->tail = &c->next;
}

/* An answer that needs no worker. */
static void answer_status(struct agent *a, struct agent_cmd *c, int status)
{
	memset(&c->cmd.msg, 0, sizeof c->cmd.msg);
	c->cmd.msg.head.status = status;
	c->done = true;
	queue_request(a, c);
}

static const struct {
	uint16_t type;
	enum dp_cmd_type cmd;
} request_cmds[] = {
	{MEDIA_HELLO, DP_CMD_STATS}, /* the totals have the number of endpoints */
	{MEDIA_ENDPOINT_SET, DP_CMD_ENDPOINT_SET},
	{MEDIA_ENDPOINT_DEL, DP_CMD_ENDPOINT_DEL},
	{MEDIA_STATS, DP_CMD_STATS},
	{MEDIA_DUMP, DP_CMD_DUMP},
};

/* True for what control may send; *cmd is what the worker has to do for it. */
static bool request_cmd(uint16_t type, enum dp_cmd_type *cmd)
{
	for (size_t i = 0; i < sizeof request_cmds / sizeof request_cmds[0]; i++) {
		if (request_cmds[i].type == type) {
			*cmd = request_cmds[i].cmd;
			return true;
		}
	}
	return false;
}

/* err: what media_msg_check() said of the message: 0 or ERR_RANGE. */
static void request_take(struct agent *a, struct agent_cmd *c, int err)
{
	if (c->request.type == MEDIA_HELLO && !err) {
		c->cmd.msg.head.id = MEDIA_NONE;
		a->greeted = true;
	}
	if (err || !a->greeted) {
		answer_status(a, c, err ? err : ERR_STATE);
		return;
	}
	queue_request(a, c);
	cmd_submit(a, c);
}

static void conn_read(struct agent *a, uint64_t now_ms)
{
	for (int i = 0; i < READ_BUDGET && a->conn_fd >= 0 && a->n_free > AGENT_RESERVE; i++) {
		struct agent_cmd *c = cmd_get(a, CMD_REQUEST);
		const int err = media_chan_recv(a->conn_fd, &c->cmd.msg);

		c->request = c->cmd.msg.head;
		if ((err == 0 || err == ERR_RANGE) && request_cmd(c->request.type, &c->cmd.type)) {
			request_take(a, c, err);
			continue;
		}
		cmd_put(a, c);
		if (err == ERR_AGAIN)
			return;
		conn_close(a, err && err != ERR_RANGE ? err_text(err) : "not a request", now_ms);
	}
}

static bool conn_send(struct agent *a, const struct media_msg *m, uint64_t now_ms)
{
	const int err = media_chan_send(a->conn_fd, m);

	if (err == 0)
		return true;
	if (err == ERR_AGAIN)
		a->blocked = true;
	else
		conn_close(a, err_text(err), now_ms);
	return false;
}

/* The worker's answer as control expects it: head of the request, body by its type. */
static void answer_finish(const struct agent *a, struct agent_cmd *c)
{
	struct media_msg *m = &c->cmd.msg;
	const bool dump = c->request.type == MEDIA_DUMP;
	struct media_head head = c->request;

	head.version = MEDIA_VERSION;
	head.type |= MEDIA_REPLY;
	head.status = m->head.status;
	if (dump) { /* these name the endpoint's owner */
		head.id = m->head.id;
		head.controller = m->head.controller;
		head.epoch = m->head.epoch;
	}
	if (dump && head.status)
		head.id = MEDIA_NONE;
	if (c->request.type == MEDIA_HELLO)
		m->hello = (struct media_hello){.workers = HELLO_WORKERS,
						.endpoints = m->totals.endpoints,
						.endpoints_max = MEDIA_ID_MAX,
						.start_wall_ms = a->start_wall_ms};
	m->head = head;
}

/* A walk goes on at the next id until it met the end. */
static bool dump_goes_on(struct agent *a, struct agent_cmd *c)
{
	const uint32_t id = c->cmd.msg.head.id;

	if (c->request.type != MEDIA_DUMP || id == MEDIA_NONE)
		return false;
	c->cmd.msg.head = c->request;
	c->cmd.msg.head.id = id + 1;
	c->done = false;
	cmd_submit(a, c);
	return true;
}

static void answers_send(struct agent *a, uint64_t now_ms)
{
	while (a->head && a->head->done && !a->blocked) {
		struct agent_cmd *c = a->head;

		answer_finish(a, c);
		if (!conn_send(a, &c->cmd.msg, now_ms) || dump_goes_on(a, c))
			return;
		a->head = c->next;
		if (!a->head)
			a->tail = &a->head;
		cmd_put(a, c);
	}
}

static bool is_silent(const struct agent *a, const struct media_dump *d, uint64_t now_ms)
{
	const uint64_t away_ms = now_ms - a->away_ms;
	const uint64_t silent_ms = d->stat.last_rx_ms == UINT64_MAX ? away_ms : d->stat.last_rx_ms;

	return d->spec.timeout_ms && silent_ms >= d->spec.timeout_ms;
}

static void sweep_step(struct agent *a, struct agent_cmd *c, uint64_t now_ms)
{
	const struct media_head head = c->cmd.msg.head;
	struct agent_cmd *del;

	if (head.status || head.id == MEDIA_NONE || a->away_ms == UINT64_MAX) {
		a->sweeping = false;
		cmd_put(a, c);
		return;
	}
	if (is_silent(a, &c->cmd.msg.dump, now_ms) && (del = cmd_get(a, CMD_ORPHAN))) {
		log_info("agent", "endpoint_abandoned", KV_U("id", head.id),
			 KV_X("call", c->cmd.msg.dump.spec.call_id));
		del->cmd.type = DP_CMD_ENDPOINT_DEL;
		del->cmd.msg.head = head;
		cmd_submit(a, del);
	}
	c->cmd.msg.head = (struct media_head){.version = MEDIA_VERSION, .id = head.id + 1};
	cmd_submit(a, c);
}

static void sweep_begin(struct agent *a, uint64_t now_ms)
{
	struct agent_cmd *c;

	if (a->away_ms == UINT64_MAX || now_ms < a->sweep_ms || a->sweeping)
		return;
	a->sweep_ms = now_ms + AGENT_SWEEP_MS;
	c = cmd_get(a, CMD_SWEEP);
	if (!c)
		return;
	a->sweeping = true;
	c->cmd.type = DP_CMD_DUMP;
	c->cmd.msg.head = (struct media_head){.version = MEDIA_VERSION, .id = 0};
	cmd_submit(a, c);
}

static void orphan_done(struct agent *a, struct agent_cmd *c)
{
	if (c->cmd.type == DP_CMD_NEIGHBOUR && c->cmd.msg.head.status)
		log_limited(LOG_WARN, "agent", "neighbour_refused",
			    KV_C("ip", addr_ip_text(&c->cmd.neigh.ip, (char[ADDR_TEXT_MAX]){0})),
			    KV_C("why", err_text(c->cmd.msg.head.status)));
	cmd_put(a, c);
}

static void replies_take(struct agent *a, uint64_t now_ms)
{
	void *p;

	while (rte_ring_dequeue(a->reply, &p) == 0) {
		struct agent_cmd *c = p;

		c->done = true;
		if (c->kind == CMD_ORPHAN)
			orphan_done(a, c);
		else if (c->kind == CMD_SWEEP)
			sweep_step(a, c, now_ms);
	}
}

/* Resolving must never wait for a slow control: its events queue up here. A worker never makes more than have room (mailbox.c:
 * what does not fit waits with the endpoint), so none is lost. */
static void event_take(struct agent *a, struct dp_event *e, uint64_t now_ms)
{
	if (e->type == DP_EV_RESOLVE) {
		a->ops.resolve(a->ops.ctx, e->port, &e->ip, now_ms);
	} else if (a->greeted && a->backlog_n < AGENT_BACKLOG) {
		a->backlog[(a->backlog_first + a->backlog_n++) % AGENT_BACKLOG] = e;
		return;
	} else if (a->greeted) {
		log_limited(LOG_WARN, "agent", "event_lost", KV_U("id", e->msg.head.id));
	}
	event_free(a, e);
}

static void events_take(struct agent *a, uint64_t now_ms)
{
	struct dp_event *e[EVENT_BURST];
	unsigned n;

	do {
		n = rte_ring_dequeue_burst(a->event, (void **)e, EVENT_BURST, NULL);
		for (unsigned i = 0; i < n; i++)
			event_take(a, e[i], now_ms);
	} while (n);
}

static void events_send(struct agent *a, uint64_t now_ms)
{
	while (a->backlog_n && !a->blocked) {
		struct dp_event *e = a->backlog[a->backlog_first];

		if (!conn_send(a, &e->msg, now_ms))
			return; /* closed: the backlog is gone; full: it waits */
		a->backlog_first = (a->backlog_first + 1) % AGENT_BACKLOG;
		a->backlog_n--;
		event_free(a, e);
	}
}

void agent_fds(const struct agent *a, struct pollfd fd[AGENT_FDS])
{
	short events = 0;

	if (a->n_free > AGENT_RESERVE)
		events |= POLLIN;
	if (a->blocked)
		events |= POLLOUT;
	fd[0] = (struct pollfd){.fd = a->listen_fd, .events = POLLIN};
	fd[1] = (struct pollfd){.fd = events ? a->conn_fd : -1, .events = events};
}

uint64_t agent_turn(struct agent *a, uint64_t now_ms)
{
	a->blocked = false; /* one try a turn */
	conn_accept(a, now_ms);
	replies_take(a, now_ms);
	events_take(a, now_ms);
	answers_send(a, now_ms);
	events_send(a, now_ms);
	conn_read(a, now_ms);
	answers_send(a, now_ms);
	sweep_begin(a, now_ms);
	return a->away_ms == UINT64_MAX ? UINT64_MAX : a->sweep_ms;
}
