/* A shard: one thread, one loop, and everything that its calls need. There are no globals; whoever needs one of these things is
 * handed the shard. One shard now; its number is inside every Call-ID, tag and branch that we create. */
#ifndef REMPART_SHARD_H
#define REMPART_SHARD_H

#include <uv.h>

#include "base/arena.h"
#include "base/timer.h"
#include "conf/conf.h"
#include "media_client.h"
#include "ops/metrics.h"
#include "sip/digest.h"
#include "sip/transport.h"
#include "sip/txn.h"

struct call_table;
struct registrar;
struct admin;

/* How messages leave: the transport layer, or a recorder in tests. */
struct shard_net {
	int (*send)(void *ctx, const struct sip_flow *flow, struct str bytes);
	/* A flow for a new request, as sip_transport_flow(). */
	int (*flow)(void *ctx, const struct conf_realm *realm, enum conf_transport transport,
		    const struct addr *remote, struct sip_flow *out);
	void *ctx;
};

#define SHARD_OUT_MAX (SIP_MSG_MAX_STREAM + 4096)

struct shard {
	uint32_t index;
	const struct conf *conf;
	uv_loop_t *loop;
	struct timer_wheel wheel;
	struct arena scratch;    /* emptied after each event; see shard_enter() */
	char out[SHARD_OUT_MAX]; /* one message, while it is being written */
	uint64_t (*clock)(void); /* NULL: the wheel's time, in tests */
	uint32_t depth;          /* events being handled */
	struct shard_net net;
	struct sip_transport *transport;
	struct txn_layer *txn;
	struct media_client *media;
	struct digest_server digest;
	struct registrar *registrar; /* NULL when the configuration has none */
	struct call_table *calls;
	struct admin *admin;
	struct metrics metrics;
	uint32_t generation; /* of the configuration: 1 since the start, a reload will count on */
	uint64_t start_wall_ms;
	uint32_t t1_ms, t2_ms; /* RFC 3261 17.1.1.1, as the transaction layer's */
	bool draining;         /* new calls get 503 */
	bool media_ready;      /* the dataplane has answered at least once */
	uv_timer_t tick;
	uv_prepare_t prepare;
	uint32_t n_handles; /* of the two above, opened and not closed */
};

#define SHARD_SCRATCH_CHUNK (64 * 1024)
#define SHARD_SCRATCH_CAP   (4 * 1024 * 1024)

/* For upcalls that bring no time with them. */
static inline uint64_t shard_now(const struct shard *s)
{
	return s->clock ? s->clock() : s->wheel.now_ms;
}

/* Around everything that uses the scratch arena; the outermost leave empties it. */
static inline void shard_enter(struct shard *s)
{
	s->depth++;
}
static inline void shard_leave(struct shard *s)
{
	if (--s->depth == 0)
		arena_reset(&s->scratch);
}

/* A message as the transport delivers it: scan, fault answers, transactions. */
void shard_receive(struct shard *s, const struct sip_flow *flow, char *data, size_t len,
		   uint64_t now_ms);
/* Opens everything: media channel first, and the loop runs until it is up (20 s at most); then transports, registrar, calls, admin. On failure error_text is one sentence. */
int shard_open(struct shard *s, const struct conf *conf, uv_loop_t *loop, char *error_text,
	       size_t error_cap) MUST_CHECK;
/* Closes everything; the loop must run until it is empty before it is closed. */
void shard_close(struct shard *s);

#endif
