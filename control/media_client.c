/* Control's end of the seam to the dataplane: who holds which port and endpoint, and when it is said.
 *
 * For the call layer and the admin API, on the shard's loop and thread. The link goes DOWN -> HELLO -> (DUMP, the first time)
 * -> RESEND -> UP, and from anywhere back to DOWN, where it is tried again each 100 ms. What the dataplane should hold is
 * in media_slots.c; sending is walking its list of what is out of date, so nothing is lost and nothing piles up while the
 * dataplane is away. Once it is up, a HELLO now and then asks whether anybody still answers: a dataplane that hangs keeps its
 * socket open. A link that fails while somebody calls us is only marked; the loop takes it down, so upcalls never come from
 * inside a call. */
#include "media_client.h"

#include <assert.h>

#include "base/clock.h"
#include "base/hmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "media_link.h"
#include "media_pools.h"
#include "media_slots.h"

enum {
	RETRY_MS = 100,
	ANSWER_MS = 5000,    /* HELLO and each part of DUMP */
	WATCH_MS = 2000,     /* between looks at a link that is up, */
	WATCH_QUIET = 2,     /* so many of which may find no answer to what was asked before */
	ASK_MAX = 4096,      /* questions, sent or not */
	PATH_MAX_BYTES = 108 /* of a Unix socket's address */
};

/* Epochs count quarters of a second since 2025, which is enough for 34 years of starts that are not in one. */
#define EPOCH_BASE_MS 1735689600000U
#define EPOCH_STEP_MS 250U

enum link_state { LINK_DOWN, LINK_HELLO, LINK_DUMP, LINK_RESEND, LINK_UP };

struct media_client {
	struct media_client_conf c;
	char path[PATH_MAX_BYTES];
	uint32_t epoch;
	enum link_state state;
	struct media_link *link; /* NULL while DOWN */
	struct timer
		timer; /* DOWN: next attempt; HELLO, DUMP: patience; else: a failed link's end */
	struct timer watch; /* from RESEND on */
	struct timer sweep;
	uint32_t quiet; /* looks of the watch in a row that found no answer */
	bool known;     /* the first DUMP is complete */
	bool sweep_due;
	uint32_t endpoints_max;
	struct media_slots slots;
	struct media_pools pools;
	struct media_asks asks; /* not sent yet */
	uint32_t n_ask;         /* those and the sent ones */
};

static uint64_t now_ms(const struct media_client *m)
{
	return m->c.wheel->now_ms;
}

/* ---- sending ---- */

static int msg_send(struct media_client *m, struct media_msg *msg, uint16_t type, uint32_t id,
		    struct media_ask *ask)
{
	return media_link_send(m->link, msg, m->epoch, type, id, ask);
}

static int send_slot(struct media_client *m, uint32_t id)
{
	const struct media_slot *slot = media_slots_get(&m->slots, id);
	struct media_msg msg = {0};

	if (slot->state == SLOT_DYING)
		return msg_send(m, &msg, MEDIA_ENDPOINT_DEL, id, NULL);
	msg.spec = *slot->spec;
	return msg_send(m, &msg, MEDIA_ENDPOINT_SET, id, NULL);
}

/* The next thing that has to be said. ERR_NOENT when there is none. */
static int send_next(struct media_client *m)
{
	struct media_msg msg = {0};
	struct media_ask *ask;
	uint32_t id = media_slots_todo(&m->slots);
	int err;

	if (id != MEDIA_NONE) {
		err = send_slot(m, id);
		if (err)
			media_slots_todo_again(&m->slots, id);
		return err;
	}
	ask = m->asks.head;
	if (!ask)
		return ERR_NOENT;
	err = msg_send(m, &msg, MEDIA_STATS, ask->id, ask);
	if (!err)
		(void)media_asks_take(&m->asks);
	return err;
}

/* Says what there is to say until the link is full. No upcalls. */
static void flush(struct media_client *m)
{
	int err = 0;

	if (m->state < LINK_RESEND || timer_running(&m->timer))
		return;
	while (!err)
		err = send_next(m);
	if (err != ERR_NOENT && err != ERR_AGAIN)
		timer_start(m->c.wheel, &m->timer, now_ms(m));
}

/* ---- the link ---- */

/* Nobody answers for what is being deleted: a link that was lost has been tried again, in vain. */
static void report_dying(struct media_client *m)
{
	for (uint32_t id = m->slots.dying.head; id != MEDIA_NONE;
	     id = m->slots.slot[id].held.next) {
		uint64_t call_id = m->slots.slot[id].spec->call_id;

		if (m->slots.slot[id].reported)
			continue;
		m->slots.slot[id].reported = true;
		if (m->c.user->final_stat)
			m->c.user->final_stat(m->c.ctx, call_id, id, NULL);
	}
}

/* Every question, sent first, gets no answer. The link is closed. */
static void link_end(struct media_client *m)
{
	struct media_asks all = {0};
	struct media_ask *a;

	while (m->link && (a = media_link_take_ask(m->link)) != NULL)
		media_asks_append(&all, a);
	while ((a = media_asks_take(&m->asks)) != NULL)
		media_asks_append(&all, a);
	m->n_ask = 0;
	media_link_close(m->link);
	m->link = NULL;
	while ((a = media_asks_take(&all)) != NULL)
		media_ask_answer(a, NULL);
}

static void link_lost(struct media_client *m, const char *why)
{
	enum link_state was = m->state;

	log_limited(LOG_WARN, "media", "link_lost", KV_C("why", why), KV_C("path", m->path));
	m->state = LINK_DOWN;
	timer_start(m->c.wheel, &m->timer, now_ms(m) + RETRY_MS);
	if (timer_running(&m->watch))
		timer_stop(m->c.wheel, &m->watch);
	link_end(m);
	if (was == LINK_UP && m->c.user->link)
		m->c.user->link(m->c.ctx, false);
	if (was < LINK_RESEND)
		report_dying(m);
}

static int on_reply(void *ctx, const struct media_sent *sent, const struct media_msg *msg);
static void on_event(void *ctx, const struct media_msg *msg);
static void on_turn(void *ctx);
static void on_lost(void *ctx, const char *why);

static const struct media_link_user link_user = {
	.reply = on_reply,
	.event = on_event,
	.turn = on_turn,
	.lost = on_lost,
};

static int link_open(struct media_client *m)
{
	struct media_msg msg = {0};
	int err = media_link_open(m->c.loop, m->path, &link_user, m, &m->link);

	if (err)
		return err;
	err = msg_send(m, &msg, MEDIA_HELLO, MEDIA_NONE, NULL);
	if (err) {
		link_end(m);
		return err;
	}
	m->state = LINK_HELLO;
	return 0;
}

static void on_timer(struct timer *t, uint64_t now)
{
	struct media_client *m = container_of(t, struct media_client, timer);

	(void)now;
	if (m->state == LINK_HELLO || m->state == LINK_DUMP) {
		link_lost(m, "no answer");
		return;
	}
	if (m->state != LINK_DOWN) {
		link_lost(m, "cannot send");
		return;
	}
	if (!link_open(m)) {
		timer_start(m->c.wheel, t, now_ms(m) + ANSWER_MS);
		return;
	}
	timer_start(m->c.wheel, t, now_ms(m) + RETRY_MS);
	report_dying(m);
}

static void watch_begin(struct media_client *m)
{
	m->quiet = 0;
	timer_start(m->c.wheel, &m->watch, now_ms(m) + WATCH_MS);
}

static void on_watch(struct timer *t, uint64_t now)
{
	struct media_client *m = container_of(t, struct media_client, watch);
	struct media_msg msg = {0};
	int err = 0;

	(void)now;
	m->quiet = media_link_quiet(m->link) ? m->quiet + 1 : 0;
	if (m->quiet == WATCH_QUIET) {
		link_lost(m, "no answer");
		return;
	}
	if (!media_link_waiting(m->link))
		err = msg_send(m, &msg, MEDIA_HELLO, MEDIA_NONE, NULL);
	if (err && err != ERR_AGAIN)
		timer_start(m->c.wheel, &m->timer, now_ms(m));
	timer_start(m->c.wheel, t, now_ms(m) + WATCH_MS);
}

/* ---- orphans ---- */

static int orphan_found(struct media_client *m, uint32_t id, const struct media_spec *spec)
{
	int err = media_slots_adopt(&m->slots, id, spec);

	if (err)
		return err == ERR_INUSE ? 0 : err; /* listed before the link broke */
	media_slots_get(&m->slots, id)->ports = media_pools_claim(&m->pools, &spec->local);
	return 0;
}

static void orphans_kill(struct media_client *m)
{
	m->sweep_due = false;
	while (m->slots.orphans.head != MEDIA_NONE)
		media_slots_kill(&m->slots, m->slots.orphans.head);
	flush(m);
}

static void on_sweep(struct timer *t, uint64_t now)
{
	struct media_client *m = container_of(t, struct media_client, sweep);

	(void)now;
	m->sweep_due = true;
	if (m->known)
		orphans_kill(m);
}

/* ---- receiving ---- */

static int on_hello(struct media_client *m, const struct media_msg *msg)
{
	struct media_msg dump = {0};
	int err;

	if (msg->head.status) {
		/* Refused for an epoch that is not newer than one that it knows: a clock that went back. */
		if (msg->head.epoch >= m->epoch && msg->head.epoch < UINT32_MAX)
			m->epoch = msg->head.epoch + 1;
		return msg->head.status;
	}
	if (m->state >= LINK_RESEND)
		return 0; /* the watch's */
	err = media_pools_set_classes(&m->pools, msg->hello.workers);
	if (err)
		return err;
	m->endpoints_max = msg->hello.endpoints_max;
	if (m->known) {
		timer_stop(m->c.wheel, &m->timer);
		media_slots_todo_all(&m->slots);
		m->state = LINK_RESEND;
		watch_begin(m);
		return 0;
	}
	timer_start(m->c.wheel, &m->timer, now_ms(m) + ANSWER_MS);
	m->state = LINK_DUMP;
	return msg_send(m, &dump, MEDIA_DUMP, 0, NULL);
}

static int on_dump(struct media_client *m, const struct media_msg *msg)
{
	if (msg->head.status)
		return msg->head.status;
	if (msg->head.id != MEDIA_NONE) {
		timer_start(m->c.wheel, &m->timer, now_ms(m) + ANSWER_MS);
		return msg->head.controller ? 0 : orphan_found(m, msg->head.id, &msg->dump.spec);
	}
	timer_stop(m->c.wheel, &m->timer);
	m->known = true;
	m->state = LINK_RESEND;
	watch_begin(m);
	if (m->sweep_due)
		orphans_kill(m);
	return 0;
}

static void on_deleted(struct media_client *m, const struct media_msg *msg, uint32_t id)
{
	struct media_slot *slot = media_slots_get(&m->slots, id);
	uint64_t call_id = slot->spec->call_id;
	uint16_t port = slot->spec->local.port;
	bool reported = slot->reported;

	assert(slot->state == SLOT_DYING);
	if (slot->orphan)
		media_pools_unclaim(&m->pools, slot->ports, port, now_ms(m));
	media_slots_release(&m->slots, id);
	if (!reported && m->c.user->final_stat)
		m->c.user->final_stat(m->c.ctx, call_id, id, msg->head.status ? NULL : &msg->stat);
}

/* It relays nothing and measures no silence: the call is told what the dataplane cannot tell. */
static void on_refused(struct media_client *m, uint32_t id, int err)
{
	const struct media_slot *slot = media_slots_get(&m->slots, id);
	const struct media_stat none = {.last_rx_ms = UINT64_MAX};

	log_limited(LOG_ERROR, "media", "endpoint_refused", KV_U("id", id),
		    KV_C("error", err_text(err)));
	if (slot && slot->state == SLOT_LIVE && m->c.user->timeout)
		m->c.user->timeout(m->c.ctx, slot->spec->call_id, id, &none);
}

static int on_reply(void *ctx, const struct media_sent *s, const struct media_msg *msg)
{
	struct media_client *m = ctx;

	switch ((enum media_type)s->type) {
	case MEDIA_HELLO:
		return on_hello(m, msg);
	case MEDIA_DUMP:
		return on_dump(m, msg);
	case MEDIA_ENDPOINT_SET:
		if (msg->head.status)
			on_refused(m, s->id, msg->head.status);
		return 0;
	case MEDIA_ENDPOINT_DEL:
		on_deleted(m, msg, s->id);
		return 0;
	case MEDIA_STATS:
		m->n_ask--;
		media_ask_answer(s->ask, msg);
		return 0;
	default:
		return ERR_STATE;
	}
}

static void on_event(void *ctx, const struct media_msg *msg)
{
	struct media_client *m = ctx;
	const struct media_client_user *u = m->c.user;
	const struct media_slot *slot = media_slots_get(&m->slots, msg->head.id);

	if (msg->head.type == MEDIA_EV_FAULT) {
		log_limited(LOG_ERROR, "media", "fault", KV_U("id", msg->head.id),
			    KV_C("text", msg->fault.text));
		return;
	}
	if (!slot || slot->state != SLOT_LIVE)
		return;
	if (msg->head.type == MEDIA_EV_LATCHED && u->latched)
		u->latched(m->c.ctx, slot->spec->call_id, msg->head.id, &msg->stat);
	else if (msg->head.type == MEDIA_EV_TIMEOUT && u->timeout)
		u->timeout(m->c.ctx, slot->spec->call_id, msg->head.id, &msg->stat);
}

static void on_lost(void *ctx, const char *why)
{
	link_lost(ctx, why);
}

static void on_turn(void *ctx)
{
	struct media_client *m = ctx;

	flush(m);
	if (m->state != LINK_RESEND || m->slots.todo.head != MEDIA_NONE)
		return;
	m->state = LINK_UP;
	log_info("media", "link_up", KV_U("endpoints", m->slots.used), KV_U("epoch", m->epoch));
	if (m->c.user->link)
		m->c.user->link(m->c.ctx, true);
}

/* ---- life ---- */

int media_client_create(const struct media_client_conf *c, struct media_client **out)
{
	struct media_client *m = mem_alloc(sizeof(*m));
	int err;

	if (!m)
		return ERR_NOMEM;
	m->c = *c;
	m->timer.fn = on_timer;
	m->watch.fn = on_watch;
	m->sweep.fn = on_sweep;
	m->epoch = (uint32_t)((clock_wall_ms() - EPOCH_BASE_MS) / EPOCH_STEP_MS);
	media_slots_init(&m->slots);
	str_copy(m->path, sizeof(m->path), c->socket_path);
	err = c->socket_path.len < sizeof(m->path) ? media_pools_init(&m->pools, c->conf)
						   : ERR_LIMIT;
	if (err) {
		media_client_destroy(m);
		return err;
	}
	timer_start(c->wheel, &m->timer, c->wheel->now_ms);
	*out = m;
	return 0;
}

void media_client_destroy(struct media_client *m)
{
	if (!m)
		return;
	m->state = LINK_DOWN;
	if (timer_running(&m->timer))
		timer_stop(m->c.wheel, &m->timer);
	if (timer_running(&m->watch))
		timer_stop(m->c.wheel, &m->watch);
	if (timer_running(&m->sweep))
		timer_stop(m->c.wheel, &m->sweep);
	link_end(m);
	media_slots_free(&m->slots);
	media_pools_free(&m->pools);
	mem_free(m);
}

bool media_client_up(const struct media_client *m)
{
	return m->state == LINK_UP;
}

void media_client_sweep_orphans(struct media_client *m, uint64_t grace_ms)
{
	timer_start(m->c.wheel, &m->sweep, now_ms(m) + grace_ms);
}

size_t media_client_orphans(const struct media_client *m)
{
	size_t n = 0;

	for (uint32_t i = 0; i < m->slots.n; i++)
		n += m->slots.slot[i].state == SLOT_ORPHAN || m->slots.slot[i].orphan;
	return n;
}

/* ---- ports and endpoints ---- */

int media_port_alloc(struct media_client *m, const struct conf_media_pool *pool,
		     enum addr_family family, uint64_t call_id, uint64_t now, struct addr *out)
{
	struct media_ports *p = media_pools_get(&m->pools, pool, (uint8_t)family);
	uint16_t port;
	int err;

	if (!addr_is_set(&p->addr))
		return ERR_NOENT;
	if (!m->known)
		return ERR_AGAIN;
	err = media_ports_take(p, hash_mix(call_id, 0), now, &port);
	if (err)
		return err;
	*out = p->addr;
	out->port = port;
	return 0;
}

void media_port_free(struct media_client *m, const struct conf_media_pool *pool,
		     const struct addr *a, uint64_t now)
{
	struct media_ports *p = media_pools_get(&m->pools, pool, a->family);

	assert(addr_ip_eq(&p->addr, a));
	media_ports_release(p, a->port, now);
}

size_t media_port_used(const struct media_client *m, const struct conf_media_pool *pool)
{
	return (size_t)media_pools_get(&m->pools, pool, ADDR_V4)->n_used +
	       media_pools_get(&m->pools, pool, ADDR_V6)->n_used;
}

int media_endpoint_new(struct media_client *m, uint32_t *id)
{
	if (!m->known)
		return ERR_AGAIN;
	if (m->slots.used >= m->endpoints_max)
		return ERR_FULL;
	return media_slots_new(&m->slots, id);
}

static bool slot_settable(const struct media_slot *slot)
{
	return slot && (slot->state == SLOT_NEW || slot->state == SLOT_LIVE);
}

int media_endpoint_set(struct media_client *m, uint32_t id, const struct media_spec *spec)
{
	struct media_msg msg = {
		.head = {.version = MEDIA_VERSION, .type = MEDIA_ENDPOINT_SET, .id = id}};
	int err;

	if (!slot_settable(media_slots_get(&m->slots, id)))
		return ERR_NOENT;
	msg.spec = *spec;
	err = media_msg_check(&msg, media_msg_len(&msg.head));
	if (err)
		return err;
	err = media_slots_set(&m->slots, id, spec);
	if (err)
		return err;
	flush(m);
	return 0;
}

void media_endpoint_del(struct media_client *m, uint32_t id)
{
	const struct media_slot *slot = media_slots_get(&m->slots, id);

	if (!slot_settable(slot))
		return;
	if (slot->state == SLOT_NEW) {
		media_slots_release(&m->slots, id);
		return;
	}
	media_slots_kill(&m->slots, id);
	flush(m);
}

static int ask_new(struct media_client *m, struct media_ask q)
{
	struct media_ask *a;

	if (m->state != LINK_UP)
		return ERR_CLOSED;
	if (m->n_ask >= ASK_MAX)
		return ERR_FULL;
	a = mem_alloc(sizeof(*a));
	if (!a)
		return ERR_NOMEM;
	*a = q;
	m->n_ask++;
	media_asks_append(&m->asks, a);
	flush(m);
	return 0;
}

int media_endpoint_stat(struct media_client *m, uint32_t id, media_stat_fn cb, void *ctx)
{
	const struct media_slot *slot = media_slots_get(&m->slots, id);

	if (!slot || slot->state != SLOT_LIVE)
		return ERR_NOENT;
	return ask_new(m, (struct media_ask){.id = id, .stat = cb, .ctx = ctx});
}

int media_client_totals(struct media_client *m, media_totals_fn cb, void *ctx)
{
	return ask_new(m, (struct media_ask){.id = MEDIA_NONE, .totals = cb, .ctx = ctx});
}
