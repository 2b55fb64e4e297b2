/* What transport.c, transport_udp.c, transport_tcp.c and transport_tls.c share. For nobody else. */
#ifndef REMPART_SIP_TRANSPORT_INTERNAL_H
#define REMPART_SIP_TRANSPORT_INTERNAL_H

#include <netinet/in.h>

#include "base/hmap.h"
#include "sip/transport.h"

#define SIP_SOCKETS_MAX         256
#define UDP_RX_BATCH            32
#define UDP_TX_BATCH            64 /* in one sendmmsg() */
#define UDP_TX_QUEUE            256
#define UDP_TX_BYTES            (512U << 10)
#define SIP_SOCKET_BUFFER_BYTES (4 << 20)

struct udp_tx {
	struct addr to;
	uint32_t offset, len;
};

/* Waits in the socket's own memory between the calls of one loop iteration; longer only while the kernel's buffer is full. */
struct udp_queue {
	uint32_t first, end; /* of tx in use */
	uint32_t bytes;      /* of data in use */
	bool blocked;        /* waits for the socket to be writable */
	struct udp_tx tx[UDP_TX_QUEUE];
	char data[UDP_TX_BYTES];
};

struct sip_socket {
	struct sip_transport *t;
	struct addr local;
	const struct conf_realm *realm;
	const struct conf_listener *listener;
	uint32_t index;
	enum conf_transport transport;
	uint8_t dscp;
	bool open;  /* has a libuv handle to close */
	int udp_fd; /* -1 for none */
	uv_poll_t poll;
	struct udp_queue *queue;
	uv_tcp_t tcp;
	bool accept_later; /* a connection waits for memory */
};

/* Accepted connections of one address. */
struct tcp_source {
	struct hmap_node node;
	struct addr ip;
	uint32_t n;
};

struct tls_session;

struct tcp_conn {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_shutdown_t shutdown;
	struct hmap_node node; /* by remote address, port, transport */
	struct sip_transport *t;
	struct tcp_source *source; /* accepted ones */
	struct sip_flow flow;
	struct tls_session *tls; /* NULL for plain TCP */
	char *rx;                /* an unfinished message */
	size_t rx_len, rx_cap;
	size_t queued_bytes;
	uint64_t active_ms;
	uint8_t handles; /* to be closed before it is freed */
	bool connecting, handshaking, closing, broken, closing_soon, keep, in_message;
	bool proven; /* TLS: the peer's certificate says flow.tls_name, or its address */
};

struct tcp_slot {
	struct tcp_conn *c;
	uint32_t gen, next_free; /* next_free: index + 1 */
};

struct udp_rx;
struct tls_files;

struct sip_transport {
	struct sip_transport_conf conf;
	struct sip_transport_stat stat;
	struct sip_socket *socket;
	uint32_t n_socket;
	uint32_t handles; /* libuv handles that are not closed yet */
	bool closing;
	uv_prepare_t prepare;
	uv_check_t check;
	struct udp_rx *rx; /* one batch, shared by the UDP sockets */
	struct tcp_slot *slot;
	uint32_t n_slot, free_slot; /* free_slot: index + 1 */
	struct hmap conns, sources;
	struct tls_files *tls; /* by the index of struct conf_tls */
	uv_timer_t watch;
	char *tls_rx;    /* what TLS connections read into before it is decrypted */
	char *stream_rx; /* what streams read into, unless a message is unfinished */
};

/* transport.c */
void sip_transport_handle_closed(struct sip_transport *t); /* the last one frees t */
void sip_socket_options(const struct sip_socket *s, int fd);
int sip_fail_listen(const struct sip_socket *s, int errno_value, char *error_text,
		    size_t error_cap) MUST_CHECK;

/* transport_udp.c */
int udp_open(struct sip_socket *s, char *error_text, size_t error_cap) MUST_CHECK;
int udp_send(struct sip_socket *s, const struct addr *to, struct str bytes) MUST_CHECK;
void udp_flush(struct sip_socket *s);
void udp_close(struct sip_socket *s);
struct udp_rx *udp_rx_new(void);

/* transport_tcp.c */
int tcp_open(struct sip_socket *s, char *error_text, size_t error_cap) MUST_CHECK;
int tcp_send(struct sip_transport *t, const struct sip_flow *flow, struct str bytes) MUST_CHECK;
void tcp_keep(struct sip_transport *t, const struct sip_flow *flow, bool keep);
void tcp_accept_again(struct sip_socket *s);
void tcp_close(struct sip_socket *s);
void tcp_close_all(struct sip_transport *t);
/* For TLS, which stands between these and the socket. The first two may close the connection (look at c->closing). */
int tcp_write(struct tcp_conn *c, struct str bytes) MUST_CHECK; /* as they are */
void tcp_received(struct tcp_conn *c, size_t n); /* n more bytes stand where tcp_room() said */
uv_buf_t tcp_room(struct tcp_conn *c);
/* The handshake is done: limits of time are those of any connection from now on. */
void tcp_ready(struct tcp_conn *c);
void tcp_conn_close(struct tcp_conn *c, bool broken, const char *why);

/* transport_tls.c */
#define TLS_RX_CAP 16384
/* Loads what the configuration's tls blocks name and watches the files. ERR_INVALID and the like with one sentence. */
int tls_open(struct sip_transport *t, char *error_text, size_t error_cap) MUST_CHECK;
void tls_close(struct sip_transport *t); /* stops watching */
void tls_free(struct sip_transport *t);
/* Gives a connection its session; the handshake begins with tls_start(), once the socket is connected. */
int tls_attach(struct tcp_conn *c) MUST_CHECK;
void tls_start(struct tcp_conn *c);
void tls_input(struct tcp_conn *c, size_t n); /* n bytes stand in t->tls_rx */
int tls_write(struct tcp_conn *c, struct str bytes) MUST_CHECK;
void tls_goodbye(struct tcp_conn *c); /* close_notify, if it can still be said */
void tls_detach(struct tcp_conn *c);

#endif
