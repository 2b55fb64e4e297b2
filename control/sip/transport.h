/* Sockets: the listeners of the configuration, UDP with batched receive and send, TCP and TLS with framing and connection reuse.
 * One instance a shard, on the shard's loop and thread. A stalled peer delays nobody. */
#ifndef REMPART_SIP_TRANSPORT_H
#define REMPART_SIP_TRANSPORT_H

#include <uv.h>

#include "sip/msg.h"

struct sip_transport;

/* A complete message came. data is writable and lives for the call only. */
typedef void (*sip_rx_fn)(void *ctx, const struct sip_flow *flow, char *data, size_t len);

/* A stream to flow->remote could not be made, or broke: what was sent there may be lost (see txn_flow_failed()). Never from within another call. */
typedef void (*sip_stream_failed_fn)(void *ctx, const struct sip_flow *flow);

struct sip_transport_conf {
	uv_loop_t *loop;
	const struct conf *conf;
	sip_rx_fn rx;
	void *ctx;
	sip_stream_failed_fn failed; /* may be NULL */
	/* Streams; 0 takes the value in brackets. */
	uint32_t first_byte_ms;    /* from accepting to the first byte (5000) */
	uint32_t message_ms;       /* from a message's first byte to its last (4000) */
	uint32_t idle_ms;          /* without traffic (120000), but see sip_transport_keep() */
	uint32_t connect_ms;       /* (4000) */
	uint32_t handshake_ms;     /* of TLS, from accepting or having connected (5000) */
	uint32_t watch_ms;         /* between two looks at the files of certificates (2000) */
	uint32_t max_per_source;   /* accepted connections of one address (64) */
	uint32_t max_connections;  /* (8192) */
	uint32_t max_queued_bytes; /* per connection (262144) */
};

/* Opens every listener on every sip_address of its realm's interface. On failure *error_text (static or in a buffer of the
 * transport's) is one sentence that says what to do ("cannot listen on 10.0.0.11:5060 (udp): the port is in use; ..."). */
int sip_transport_open(const struct sip_transport_conf *conf, struct sip_transport **out,
		       char *error_text, size_t error_cap) MUST_CHECK;
/* Closes the sockets; the loop must run once more before it is closed. */
void sip_transport_close(struct sip_transport *t);

/* Queues one message; UDP leaves with the loop iteration's batch, or at once when the batch is full. TCP: on the flow's connection when it still lives, else on
 * another connection to flow->remote (TLS: whose peer has proven flow->tls_name, or its address where that is empty), else a new one. ERR_CLOSED, ERR_LIMIT (too much queued for a stalled peer), ERR_UNSUPPORTED. */
int sip_transport_send(struct sip_transport *t, const struct sip_flow *flow,
		       struct str bytes) MUST_CHECK;
void sip_transport_flush(struct sip_transport *t);
/* A flow for a new request out of a realm towards remote: the realm's listening socket of that transport and family. ERR_NOENT when there is none. */
int sip_transport_flow(struct sip_transport *t, const struct conf_realm *realm,
		       enum conf_transport transport, const struct addr *remote,
		       struct sip_flow *out) MUST_CHECK;
/* A registered phone lives behind this flow's connection (or no longer does): it is not closed for being idle. */
void sip_transport_keep(struct sip_transport *t, const struct sip_flow *flow, bool keep);

struct sip_transport_stat {
	uint64_t rx_messages, tx_messages, rx_bytes, tx_bytes, tx_errors, connections,
		connections_refused; /* connections: open now */
	uint64_t rx_keepalives, rx_oversize, rx_ignored,
		timeouts; /* CRLF; datagrams over SIP_MSG_MAX_UDP; STUN and empty ones; streams closed by a limit of time */
};
const struct sip_transport_stat *sip_transport_stat(const struct sip_transport *t);

#endif
