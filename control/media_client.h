/* Control's side of the media seam: the port pools (control allocates), endpoint ids, and the asynchronous
 * channel to the dataplane on the shard's loop. Nothing here waits: ENDPOINT_SET is sent and believed; a lost dataplane
 * is reconnected and told everything again. One thread. */
#ifndef REMPART_MEDIA_CLIENT_H
#define REMPART_MEDIA_CLIENT_H

#include <uv.h>

#include "base/arena.h"
#include "base/timer.h"
#include "conf/conf.h"
#include "media/media_msg.h"

struct media_client;

/* Upcalls, any may be NULL. call_id is media_spec.call_id as it was set. They come from the loop or the timer wheel, never
 * from inside a call to this module; all functions but media_client_destroy() may be called from them. */
struct media_client_user {
	/* The dataplane is there and what it holds of older epochs is known; later: connection lost (up false) and found
	 * again (up true, all endpoints were sent anew). */
	void (*link)(void *ctx, bool up);
	void (*latched)(void *ctx, uint64_t call_id, uint32_t endpoint,
			const struct media_stat *stat);
	/* Silence for too long, or an endpoint that the dataplane refused. */
	void (*timeout)(void *ctx, uint64_t call_id, uint32_t endpoint,
			const struct media_stat *stat);
	/* Final statistics of an endpoint that media_endpoint_del() removed: once for each that was set. stat is NULL when the
	 * dataplane was lost before it answered, or no longer had it. */
	void (*final_stat)(void *ctx, uint64_t call_id, uint32_t endpoint,
			   const struct media_stat *stat);
};

struct media_client_conf {
	uv_loop_t *loop;
	struct timer_wheel *wheel;
	const struct conf *conf;
	const struct media_client_user *user;
	void *ctx;
	struct str socket_path; /* <run_dir>/media.sock */
};

/* Starts connecting (retried each 100 ms, the wish to stop aside, for ever). conf's media pools must outlive it. ERR_NOMEM. */
int media_client_create(const struct media_client_conf *c, struct media_client **out) MUST_CHECK;
/* Pending questions get their NULL; no other upcalls. The loop must run once more before it is closed. NULL is fine. */
void media_client_destroy(struct media_client *m);
bool media_client_up(const struct media_client *m);

/* A pair of ports (RTP even, RTCP odd) out of a pool, on its interface's media address of this family: random
 * within the pool, rested for the pool's quarantine since its last use, of the port class of the call (ignored with one
 * worker). ERR_FULL when exhausted, ERR_NOENT when the interface has no address of the family, ERR_AGAIN before the first
 * link(up): which ports endpoints of older epochs hold is not known yet. */
int media_port_alloc(struct media_client *m, const struct conf_media_pool *pool,
		     enum addr_family family, uint64_t call_id, uint64_t now_ms,
		     struct addr *out) MUST_CHECK;
void media_port_free(struct media_client *m, const struct conf_media_pool *pool,
		     const struct addr *a, uint64_t now_ms);
/* Pairs in use, those of orphans among them; without those at rest. */
size_t media_port_used(const struct media_client *m, const struct conf_media_pool *pool);

/* A fresh endpoint id. ERR_FULL, ERR_NOMEM, ERR_AGAIN before the first link(up). */
int media_endpoint_new(struct media_client *m, uint32_t *id) MUST_CHECK;
/* Creates or changes the endpoint in the dataplane (idempotent); remembered for a reconnect. ERR_RANGE and the like for a
 * spec that media_msg_check() refuses, ERR_NOENT for an id that is not given out or is deleted already, ERR_NOMEM. */
int media_endpoint_set(struct media_client *m, uint32_t id,
		       const struct media_spec *spec) MUST_CHECK;
/* Removes it and frees the id once the dataplane answered; final_stat() comes then, or when the dataplane is lost. Safe for
 * an id that was never set (no final_stat() then), or is deleted already. */
void media_endpoint_del(struct media_client *m, uint32_t id);
/* Asks for statistics. On success cb comes once, later, with stat NULL when the endpoint or the dataplane is gone. ERR_CLOSED
 * while the link is down, ERR_NOENT for an endpoint that is not set, ERR_FULL over 4096 questions, ERR_NOMEM: then cb
 * does not come. Totals likewise. */
typedef void (*media_stat_fn)(void *ctx, uint32_t id, const struct media_stat *stat);
int media_endpoint_stat(struct media_client *m, uint32_t id, media_stat_fn cb,
			void *ctx) MUST_CHECK;
typedef void (*media_totals_fn)(void *ctx, const struct media_totals *totals);
int media_client_totals(struct media_client *m, media_totals_fn cb, void *ctx) MUST_CHECK;
/* After a start of control: endpoints of older epochs that nobody claimed (the first link's DUMP listed them) are deleted,
 * so that orphans do not stay. Their media goes on for grace_ms first; until then their ids and ports are taken. */
void media_client_sweep_orphans(struct media_client *m, uint64_t grace_ms);

/* How many endpoints of older epochs are still there. */
size_t media_client_orphans(const struct media_client *m);

/* Quality from measurement: MOS-LQ by the E-model (ITU-T G.107) from loss, jitter and codec. Returns MOS times
 * 100 (100..450), or 0 when it cannot be said (no packets, loss or jitter not measured, codec without figures).
 * codec is an encoding name ("PCMA"); delay_ms is one-way, 0 when not known. */
uint32_t media_mos_x100(const struct media_stat *s, struct str codec, uint32_t delay_ms);

#endif
