/* A worker's correspondence with the agent: commands and their answers, events, wishes to resolve a neighbour. Everything
 * here runs on the worker's thread between two bursts; the rings are the only thing shared. */
#include <stdio.h>
#include <string.h>

#include "stage.h"

static void totals(const struct dp_worker *w, struct media_totals *t)
{
	*t = (struct media_totals){
		.rx_packets = w->rx_packets,
		.tx_packets = w->tx_packets,
		.rx_bytes = w->rx_bytes,
		.tx_bytes = w->tx_bytes,
		.polls = w->polls,
		.polls_empty = w->polls_empty,
		.endpoints = w->table.n,
		.n_drop = DROP_COUNT,
	};
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		t->drop[i] = w->drop[i];
		(void)snprintf(t->drop_name[i], sizeof t->drop_name[i], "%s",
			       drop_name((enum drop)i));
	}
}

/* The endpoint of a command's head, or NULL: unknown, or another controller's. */
static struct dp_endpoint *named(struct dp_worker *w, const struct media_head *h)
{
	struct dp_endpoint *ep = endpoint_by_id(&w->table, h->id);

	return ep && ep->controller == h->controller ? ep : NULL;
}

static int do_set(struct dp_worker *w, struct dp_cmd *cmd, uint64_t now_us)
{
	return endpoint_set(w, &cmd->msg, now_us);
}

static int do_del(struct dp_worker *w, struct dp_cmd *cmd, uint64_t now_us)
{
	struct dp_endpoint *ep = named(w, &cmd->msg.head);

	if (!ep)
		return ERR_NOENT;
	endpoint_stat(ep, now_us, &cmd->msg.stat);
	endpoint_delete(w, ep);
	return 0;
}

static int do_stats(struct dp_worker *w, struct dp_cmd *cmd, uint64_t now_us)
{
	struct dp_endpoint *ep;

	if (cmd->msg.head.id == MEDIA_NONE) {
		totals(w, &cmd->msg.totals);
		return 0;
	}
	ep = named(w, &cmd->msg.head);
	if (!ep)
		return ERR_NOENT;
	endpoint_stat(ep, now_us, &cmd->msg.stat);
	return 0;
}

static int do_dump(struct dp_worker *w, struct dp_cmd *cmd, uint64_t now_us)
{
	struct media_head *h = &cmd->msg.head;

	for (uint32_t id = h->id; id < w->table.id_high; id++) {
		struct dp_endpoint *ep = endpoint_by_id(&w->table, id);

		if (!ep)
			continue;
		h->id = id;
		h->controller = ep->controller;
		h->epoch = ep->epoch;
		cmd->msg.dump.spec = ep->spec;
		endpoint_stat(ep, now_us, &cmd->msg.dump.stat);
		return 0;
	}
	h->id = MEDIA_NONE;
	return 0;
}

static int do_neighbour(struct dp_worker *w, struct dp_cmd *cmd, uint64_t now_us)
{
	(void)now_us;
	return nexthop_learn(&w->hops, &cmd->neigh.ip, cmd->neigh.port, cmd->neigh.mac);
}

void mailbox_execute(struct dp_worker *w, struct dp_cmd *cmd, uint64_t now_us)
{
	static int (*const verb[])(struct dp_worker *, struct dp_cmd *, uint64_t) = {
		[DP_CMD_ENDPOINT_SET] = do_set,    [DP_CMD_ENDPOINT_DEL] = do_del,
		[DP_CMD_STATS] = do_stats,         [DP_CMD_DUMP] = do_dump,
		[DP_CMD_NEIGHBOUR] = do_neighbour,
	};

	if ((unsigned)cmd->type >= sizeof verb / sizeof verb[0]) {
		cmd->msg.head.status = ERR_UNSUPPORTED;
		return;
	}
	cmd->msg.head.status = verb[cmd->type](w, cmd, now_us);
}

void mailbox_turn(struct dp_worker *w, uint64_t now_us)
{
	struct dp_cmd *cmd[MAILBOX_TURN];
	unsigned room, n;

	w->commanded = false;
	if (!w->conf.cmd || rte_ring_empty(w->conf.cmd))
		return;
	room = rte_ring_free_count(w->conf.reply);
	n = rte_ring_dequeue_burst(w->conf.cmd, (void **)cmd,
				   room < MAILBOX_TURN ? room : MAILBOX_TURN, NULL);
	for (unsigned i = 0; i < n; i++)
		mailbox_execute(w, cmd[i], now_us);
	if (!n)
		return;
	w->commanded = true;
	/* There was room, and nobody else fills this ring. */
	(void)rte_ring_enqueue_bulk(w->conf.reply, (void *const *)cmd, n, NULL);
	w->wake = true;
}

/* The part of the event pool that only wishes to resolve may use: a control that takes no events stops no media. */
static unsigned resolve_reserve(const struct dp_worker *w)
{
	return w->conf.event_pool ? w->conf.event_pool->size / 4 : 0;
}

static struct dp_event *event_new(struct dp_worker *w, unsigned reserve)
{
	void *ev;

	if (!w->conf.event || rte_mempool_avail_count(w->conf.event_pool) <= reserve ||
	    rte_mempool_get(w->conf.event_pool, &ev) != 0)
		return NULL;
	return ev;
}

static bool event_put(struct dp_worker *w, struct dp_event *ev)
{
	if (rte_ring_enqueue(w->conf.event, ev) != 0) {
		rte_mempool_put(w->conf.event_pool, ev);
		return false;
	}
	w->wake = true;
	return true;
}

bool mailbox_event(struct dp_worker *w, const struct dp_endpoint *ep, enum media_type type,
		   uint32_t flags, uint64_t now_us)
{
	struct dp_event *ev = event_new(w, resolve_reserve(w));

	if (!ev)
		return false;
	ev->type = DP_EV_MEDIA;
	ev->msg.head = (struct media_head){
		.version = MEDIA_VERSION,
		.type = (uint16_t)type,
		.controller = ep->controller,
		.epoch = ep->epoch,
		.id = ep->id,
	};
	endpoint_stat(ep, now_us, &ev->msg.stat);
	ev->msg.stat.flags |= flags;
	return event_put(w, ev);
}

void mailbox_resolve(struct dp_worker *w, struct nexthop *hop, uint64_t now_us)
{
	struct dp_event *ev;

	if (!hop || hop->known || (hop->asked_us && now_us < hop->asked_us + NEXTHOP_ASK_US))
		return;
	ev = event_new(w, 0);
	if (!ev)
		return;
	ev->type = DP_EV_RESOLVE;
	ev->ip = hop->ip;
	ev->port = hop->port;
	if (event_put(w, ev))
		hop->asked_us = now_us;
}
