/* Compiles a struct media_spec into an endpoint and keeps its parts consistent: latches, paths, sink, timer.
 * For the mailbox (commands) and the stages (the slow turns of theirs), on the worker's thread.
 *
 * A sink is held by pointer and generation. Endpoints never move and their memory is never given back, so a stale pointer
 * reads a generation that does not match, and the id is looked up again; nothing has to be unlinked. */
#include "endpoint.h"

#include <string.h>

#include "endpoint_table.h"
#include "stage.h"

static const struct addr none;

/* RTCP's target: what the description said, or the port above RTP's (RFC 3550 11, RFC 3605). */
static struct addr rtcp_remote(const struct media_spec *s)
{
	struct addr a = s->remote_rtcp;

	if (addr_is_set(&a) || !addr_is_set(&s->remote) || s->remote.port == UINT16_MAX)
		return a;
	a = s->remote;
	a.port++;
	return a;
}

struct latch_rule endpoint_rule(const struct dp_endpoint *ep, enum pkt_kind kind)
{
	if (kind == PKT_RTP)
		return (struct latch_rule){.remote = ep->spec.remote,
					   .signalling = ep->spec.signalling};
	return (struct latch_rule){
		.remote = rtcp_remote(&ep->spec),
		.signalling = ep->spec.signalling,
		.rtp = &ep->latch,
		.rtp_ssrc = ep->stat.ssrc,
		.rtp_ssrc_known = ep->stat.flags & RTP_STAT_STARTED,
	};
}

/* Never at an address of ours: two endpoints that echo or relay to each other would keep a packet for ever. */
static void aim_one(struct dp_worker *w, struct dp_endpoint *ep, struct dp_path *p,
		    enum pkt_kind kind, uint64_t now_us)
{
	const struct latch *l = kind == PKT_RTP ? &ep->latch : &ep->latch_rtcp;
	struct latch_rule rule = endpoint_rule(ep, kind);
	uint16_t port = (uint16_t)(ep->spec.local.port + (kind == PKT_RTCP));
	struct addr target;

	if (!latch_target(l, &rule, &target) || worker_local(w, target.family, target.ip)) {
		path_clear(p, &w->hops);
		return;
	}
	path_build(p, &w->hops, &w->local[ep->local], port, &target, ep->spec.dscp);
	mailbox_resolve(w, path_hop(p, &w->hops), now_us);
}

void endpoint_aim(struct dp_worker *w, struct dp_endpoint *ep, uint64_t now_us)
{
	aim_one(w, ep, &ep->rtp, PKT_RTP, now_us);
	aim_one(w, ep, &ep->rtcp, PKT_RTCP, now_us);
}

static bool target_ok(const struct addr *a, const struct addr *local)
{
	return !addr_is_set(a) || (a->family == local->family && a->port != 0 && !addr_is_any(a) &&
				   !addr_is_multicast(a) && !addr_is_broadcast(a));
}

static int spec_check(const struct media_spec *s)
{
	if (s->local.port == 0 || s->local.port & 1 || s->n_pt > MEDIA_PT_MAX ||
	    s->latch > MEDIA_LATCH_REMOTE || s->sink > MEDIA_SINK_ECHO || s->dscp > 63 ||
	    s->direction > (MEDIA_RECV | MEDIA_SEND))
		return ERR_RANGE;
	if (s->sink == MEDIA_SINK_PEER && s->sink_id >= MEDIA_ID_MAX)
		return ERR_RANGE;
	for (uint8_t i = 0; i < s->n_pt; i++) {
		if (s->pt[i] > 127 || s->pt_out[i] > 127)
			return ERR_RANGE;
	}
	return target_ok(&s->remote, &s->local) && target_ok(&s->remote_rtcp, &s->local)
		       ? 0
		       : ERR_RANGE;
}

/* What a change of the spec means for the latches. fresh: there was no spec before. */
static void latches_follow(struct dp_endpoint *ep, const struct media_spec *s, bool fresh,
			   uint64_t now_us)
{
	struct addr old_rtcp = rtcp_remote(&ep->spec), new_rtcp = rtcp_remote(s);
	bool moved = fresh || !addr_eq(&ep->spec.local, &s->local) || ep->spec.latch != s->latch;
	bool rtp = moved || !addr_eq(&ep->spec.remote, &s->remote);
	bool rtcp = rtp || !addr_eq(&old_rtcp, &new_rtcp);

	if (rtp)
		latch_reset(&ep->latch, &ep->learn, s->latch, addr_is_set(&ep->spec.remote),
			    now_us);
	if (rtcp)
		latch_reset(&ep->latch_rtcp, &ep->learn_rtcp, s->latch, addr_is_set(&old_rtcp),
			    now_us);
}

static void sink_forget(struct dp_endpoint *ep)
{
	ep->sink = NULL;
	ep->sink_gen = 0;
}

int endpoint_set(struct dp_worker *w, const struct media_msg *msg, uint64_t now_us)
{
	const struct media_spec *s = &msg->spec;
	struct dp_endpoint *ep, *there;
	const struct local_slot *ours;
	uint8_t local;
	bool fresh;
	int err;

	if (msg->head.id >= MEDIA_ID_MAX)
		return ERR_RANGE;
	err = spec_check(s);
	if (err)
		return err;
	ours = worker_local(w, s->local.family, s->local.ip);
	if (!ours)
		return ERR_NOENT;
	local = (uint8_t)(ours->index - 1);
	ep = endpoint_by_id(&w->table, msg->head.id);
	there = endpoint_by_port(&w->table, local, s->local.port);
	if ((there && there != ep) || (ep && ep->controller != msg->head.controller))
		return ERR_INUSE;
	fresh = !ep;
	if (fresh)
		ep = endpoint_table_add(&w->table, msg->head.id);
	if (!ep)
		return ERR_FULL;

	latches_follow(ep, s, fresh, now_us);
	endpoint_table_bind(&w->table, ep, local, s->local.port);
	ep->spec = *s;
	ep->controller = msg->head.controller;
	ep->epoch = msg->head.epoch;
	ep->direction = s->direction;
	ep->rtp.direction = s->direction;
	ep->sink_kind = s->sink;
	sink_forget(ep);
	ep->pt_last = ENDPOINT_PT_NONE;
	ep->armed_us = now_us;
	ep->timed_out = false;
	endpoint_aim(w, ep, now_us);
	(void)endpoint_sink(w, ep);
	return 0;
}

void endpoint_delete(struct dp_worker *w, struct dp_endpoint *ep)
{
	path_clear(&ep->rtp, &w->hops);
	path_clear(&ep->rtcp, &w->hops);
	endpoint_table_remove(&w->table, ep);
}

struct dp_endpoint *endpoint_find_sink(struct dp_worker *w, struct dp_endpoint *ep)
{
	struct dp_endpoint *to;

	sink_forget(ep);
	if (ep->sink_kind == MEDIA_SINK_NONE)
		return NULL;
	to = ep->sink_kind == MEDIA_SINK_ECHO ? ep : endpoint_by_id(&w->table, ep->spec.sink_id);
	if (!to || to->controller != ep->controller)
		return NULL;
	ep->sink = to;
	ep->sink_gen = to->rtp.gen;
	return to;
}

bool endpoint_payload_type(struct dp_endpoint *ep, uint8_t pt)
{
	for (uint8_t i = 0; i < ep->spec.n_pt; i++) {
		if (ep->spec.pt[i] != pt)
			continue;
		ep->pt_last = pt;
		ep->pt_last_out = ep->spec.pt_out[i];
		ep->tick = rtp_tick(ep->spec.clock_rate[i]);
		return true;
	}
	return false;
}

void endpoint_stat(const struct dp_endpoint *ep, uint64_t now_us, struct media_stat *out)
{
	*out = (struct media_stat){
		.rx_packets = ep->rx_packets,
		.rx_bytes = ep->stat.bytes,
		.tx_packets = ep->rtp.tx_packets,
		.tx_bytes = ep->rtp.tx_bytes,
		.rx_rtcp = ep->rx_rtcp,
		.tx_rtcp = ep->rtcp.tx_packets,
		.dropped = (uint64_t)ep->dropped_high << 32 | ep->dropped,
		.latched = ep->latch.state >= LATCH_LOCKED ? ep->latch.locked : none,
		.latched_rtcp = ep->latch_rtcp.state >= LATCH_LOCKED ? ep->latch_rtcp.locked : none,
		.last_rx_ms = UINT64_MAX,
		.latch_state = ep->latch.state,
	};
	if (ep->latch.last_us)
		out->last_rx_ms = (now_us - ep->latch.last_us) / 1000;
	rtp_stat_fill(&ep->stat, &ep->stat_cold, out);
}

bool endpoint_silent(const struct dp_endpoint *ep, uint64_t now_us)
{
	uint64_t since = ep->latch.last_us > ep->armed_us ? ep->latch.last_us : ep->armed_us;

	return ep->spec.timeout_ms && !ep->timed_out &&
	       now_us >= since + 1000ULL * ep->spec.timeout_ms;
}
