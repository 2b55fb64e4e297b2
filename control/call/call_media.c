/* Upcalls of the media client: what the dataplane saw of a call's endpoints.
 *
 * On the shard's thread. Silence ends a call; a latch and the final figures are told to the log, the latter with the quality that was measured here,
 * at the border. A figure without a source is left out. */
#include "call/bridge.h"
#include "call/call_plan.h"
#include "base/log.h"

static void on_link(void *ctx, bool up)
{
	struct shard *s = ctx;

	s->media_ready |= up;
	log_info("media", up ? "up" : "lost");
}

static void on_latched(void *ctx, uint64_t call_id, uint32_t endpoint,
		       const struct media_stat *stat)
{
	const bool rtcp = stat->flags & MEDIA_STAT_RTCP;
	const struct addr *from = rtcp ? &stat->latched_rtcp : &stat->latched;
	struct shard *s = ctx;
	struct call *c = call_get(s->calls, call_id);
	char text[LADDER_TEXT], where[ADDR_TEXT_MAX];
	struct buf b = BUF_ON(text);
	struct addr *known;
	struct leg *l;
	size_t i;

	l = c ? bridge_find(c, endpoint, &i) : NULL;
	if (!l)
		return;
	known = rtcp ? &l->media[i].latched_rtcp : &l->media[i].latched;
	if (addr_eq(known, from))
		return;
	*known = *from;
	buf_c(&b, rtcp ? "RTCP from " : "RTP from ");
	buf_str(&b, str_head(str_c(addr_text(from, where)), LADDER_TEXT - 1 - b.len));
	ladder_add(&c->ladder, clock_wall_ms(), l->index, false, buf_view(&b), false);
	log_info("call", "latched", KV_X("call", c->id), KV_U("leg", l->index),
		 KV_S("realm", l->realm->name), KV_U("endpoint", endpoint),
		 KV_C("flow", rtcp ? "rtcp" : "rtp"), KV_A("remote", from));
}

static void on_timeout(void *ctx, uint64_t call_id, uint32_t endpoint,
		       const struct media_stat *stat)
{
	struct shard *s = ctx;
	struct call_ev e = {.type = EV_MEDIA_TIMEOUT, .now_ms = shard_now(s)};
	struct call *c = call_get(s->calls, call_id);
	size_t i;

	(void)stat;
	if (!c)
		return;
	e.leg = bridge_find(c, endpoint, &i);
	if (!e.leg)
		return;
	log_info("call", "media_timeout", KV_X("call", c->id), KV_U("leg", e.leg->index),
		 KV_S("realm", e.leg->realm->name));
	call_event(c, &e);
}

static void log_stat(const struct call *c, const struct leg *l, struct str codec,
		     const struct media_stat *st)
{
	bool jitter = st->flags & MEDIA_STAT_JITTER, loss = st->flags & MEDIA_STAT_LOSS;
	uint32_t mos = media_mos_x100(st, codec, 0);
	/* A NULL key ends the list, so what may be absent stands last. */
	struct log_kv kv[16] = {KV_X("call", c->id),
				KV_U("leg", l->index),
				KV_S("realm", l->realm->name),
				KV_S("codec", codec),
				KV_U("rx_packets", st->rx_packets),
				KV_U("tx_packets", st->tx_packets),
				KV_U("dropped", st->dropped),
				KV_A("latched", &st->latched)};
	size_t n = 8;

	if (loss)
		kv[n++] = (struct log_kv)KV_U("lost", st->lost);
	if (jitter) {
		kv[n++] = (struct log_kv)KV_U("jitter_us", st->jitter_us);
		kv[n++] = (struct log_kv)KV_U("jitter_max_us", st->jitter_max_us);
	}
	if (mos)
		kv[n++] = (struct log_kv)KV_U("mos_x100", mos);
	log_write(LOG_INFO, "call", "media", kv);
}

static void on_final_stat(void *ctx, uint64_t call_id, uint32_t endpoint,
			  const struct media_stat *stat)
{
	struct shard *s = ctx;
	struct call_ev e = {.type = EV_OVER, .now_ms = shard_now(s)};
	struct call *c = call_get(s->calls, call_id);
	struct leg *l;
	size_t i;

	l = c ? bridge_find(c, endpoint, &i) : NULL;
	if (!l || l->media[i].closing != endpoint)
		return;
	l->media[i].closing = MEDIA_NONE;
	c->n_closing--;
	if (stat && log_enabled(LOG_INFO))
		log_stat(c, l, str_c(l->media[i].codec), stat);
	if (c->n_closing == 0 && c->state == CALL_ENDING && call_over(c))
		call_event(c, &e);
}

const struct media_client_user call_media_user = {
	.link = on_link,
	.latched = on_latched,
	.timeout = on_timeout,
	.final_stat = on_final_stat,
};
