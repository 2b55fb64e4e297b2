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

struct shard {
	uint32_t index;
	const struct conf *conf;
	uv_loop_t *loop;
	struct timer_wheel wheel;
	struct arena scratch;         /* emptied after each event */
	struct sip_transport *transport;
	struct txn_layer *txn;
	struct media_client *media;
	struct digest_server digest;
	struct registrar *registrar;  /* NULL when the configuration has none */
	struct call_table *calls;
	struct admin *admin;
	struct metrics metrics;
	uint64_t start_wall_ms;
	bool draining;                /* new calls get 503 */
};

/* Opens everything (media channel, transports, registrar, calls, admin). On failure error_text is one sentence. */
int shard_open(struct shard *s, const struct conf *conf, uv_loop_t *loop, char *error_text, size_t error_cap) MUST_CHECK;
void shard_close(struct shard *s);

#endif
