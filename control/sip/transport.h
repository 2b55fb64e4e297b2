/* Sockets: the listeners of the configuration, UDP with batched receive and send, TCP with framing and connection reuse.
 * One instance a shard, on the shard's loop and thread. A stalled peer delays nobody. */
#ifndef REMPART_SIP_TRANSPORT_H
#define REMPART_SIP_TRANSPORT_H

#include <uv.h>

#include "sip/msg.h"

struct sip_transport;

/* A complete message came. data is writable and lives for the call only. */
typedef void (*sip_rx_fn)(void *ctx, const struct sip_flow *flow, char *data, size_t len);

struct sip_transport_conf {
	uv_loop_t *loop;
	const struct conf *conf;
	sip_rx_fn rx;
	void *ctx;
};

/* Opens every listener on every sip_address of its realm's interface. On failure *error_text (static or in a buffer of the
 * transport's) is one sentence that says what to do ("cannot listen on 10.0.0.11:5060 (udp): the port is in use; ..."). */
int sip_transport_open(const struct sip_transport_conf *conf, struct sip_transport **out, char *error_text, size_t error_cap) MUST_CHECK;
/* Closes the sockets; the loop must run once more before it is closed. */
void sip_transport_close(struct sip_transport *t);

/* Queues one message; UDP leaves with the loop iteration's batch, or at once when the batch is full. TCP: on the flow's connection when it still lives, else on
 * another connection to flow->remote, else a new one. ERR_CLOSED, ERR_LIMIT (too much queued for a stalled peer), ERR_UNSUPPORTED. */
int sip_transport_send(struct sip_transport *t, const struct sip_flow *flow, struct str bytes) MUST_CHECK;
void sip_transport_flush(struct sip_transport *t);
/* A flow for a new request out of a realm towards remote: the realm's listening socket of that transport and family. ERR_NOENT when there is none. */
int sip_transport_flow(struct sip_transport *t, const struct conf_realm *realm, enum conf_transport transport, const struct addr *remote, struct sip_flow *out) MUST_CHECK;

struct sip_transport_stat {
	uint64_t rx_messages, tx_messages, rx_bytes, tx_bytes, tx_errors, connections, connections_refused;
};
const struct sip_transport_stat *sip_transport_stat(const struct sip_transport *t);

#endif
