/* TCP: listeners, connections either way, framing, and the limits that keep a slow or hostile peer from costing the others.
 *
 * On the shard's thread, from its loop. A connection is named by slot and generation in the flow, and found again by remote
 * address, port and realm, so that whatever goes to a peer takes the connection that is there. Reading costs no memory of
 * its own while messages come whole: bytes go into one buffer of the transport's, and only an unfinished message moves to
 * the connection. Writing is bounded: a peer that does not read loses its connection. With TLS, transport_tls.c stands
 * between the socket and the framing, on both ways. RFC 3261 18, RFC 5626 3.5.1 and 4.4.1. */
#include "sip/transport_internal.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"

#define TCP_BACKLOG     512
#define TCP_KEEPALIVE_S 120
#define RX_CAP          (2 * SIP_MSG_MAX_STREAM)

struct tcp_write {
	uv_write_t req;
	struct tcp_conn *c;
	size_t len;
	char data[];
};

static void on_conn_closed(uv_handle_t *h)
{
	struct tcp_conn *c = h->data;
	struct sip_transport *t = c->t;

	if (--c->handles)
		return;
	if (c->broken && !t->closing && t->conf.failed)
		t->conf.failed(t->conf.ctx, &c->flow);
	tls_detach(c);
	mem_free(c->rx);
	mem_free(c);
	sip_transport_handle_closed(t);
}

static void conn_forget(struct tcp_conn *c)
{
	struct sip_transport *t = c->t;
	struct tcp_slot *s = &t->slot[c->flow.conn];

	s->c = NULL;
	s->gen++;
	s->next_free = t->free_slot;
	t->free_slot = c->flow.conn + 1;
	t->stat.connections--;
	hmap_remove(&t->conns, &c->node);
}

/* broken: what we sent may be lost. The slot is free at once, the memory once libuv is done. */
void tcp_conn_close(struct tcp_conn *c, bool broken, const char *why)
{
	if (c->closing)
		return;
	log_debug("transport", "closed", KV_A("remote", &c->flow.remote), KV_C("why", why));
	c->closing = true;
	c->broken = broken || (c->handshaking && !c->source); /* what waits for it is lost */
	tls_goodbye(c);
	if (c->flow.conn != UINT32_MAX)
		conn_forget(c);
	if (c->source && --c->source->n == 0) {
		hmap_remove(&c->t->sources, &c->source->node);
		mem_free(c->source);
	}
	c->source = NULL;
	uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
	uv_close((uv_handle_t *)&c->timer, on_conn_closed);
}

static uint64_t remote_hash(const struct addr *remote)
{
	return hash_bytes(remote, sizeof *remote);
}

/* Nobody gets what is for another only because he sits at the address; where we connect, the handshake is yet to prove it. */
static bool is_proven(const struct tcp_conn *c, const struct sip_flow *f)
{
	return (c->proven || !c->source) && str_ieq(c->flow.tls_name, f->tls_name);
}

static bool conn_eq(const struct hmap_node *n, const void *key)
{
	const struct tcp_conn *c = container_of(n, struct tcp_conn, node);
	const struct sip_flow *f = key;

	return c->flow.transport == f->transport && c->flow.realm == f->realm && !c->closing_soon &&
	       (!c->tls || is_proven(c, f)) && addr_eq(&c->flow.remote, &f->remote);
}

/* The flow's own connection, or another one to its remote; NULL when there is none. */
static struct tcp_conn *conn_find(struct sip_transport *t, const struct sip_flow *flow)
{
	struct hmap_node *n;

	if (flow->conn < t->n_slot && t->slot[flow->conn].c &&
	    t->slot[flow->conn].gen == flow->conn_gen)
		return t->slot[flow->conn].c;
	n = hmap_find(&t->conns, remote_hash(&flow->remote), conn_eq, flow);
	return n ? container_of(n, struct tcp_conn, node) : NULL;
}

static void on_timer(uv_timer_t *timer);

static void arm(struct tcp_conn *c, uint64_t ms)
{
	uv_timer_start(&c->timer, on_timer, ms, 0);
}

static void arm_idle(struct tcp_conn *c)
{
	c->active_ms = uv_now(c->t->conf.loop);
	arm(c, c->t->conf.idle_ms);
}

static void on_timer(uv_timer_t *timer)
{
	struct tcp_conn *c = timer->data;
	uint64_t idle = uv_now(c->t->conf.loop) - c->active_ms;
	bool waiting = c->connecting || c->handshaking || c->in_message || c->active_ms == 0 ||
		       c->closing_soon;

	if (!waiting && idle < c->t->conf.idle_ms) {
		arm(c, c->t->conf.idle_ms - idle);
		return;
	}
	if (!waiting && c->keep) {
		arm(c, c->t->conf.idle_ms);
		return;
	}
	c->t->stat.timeouts++;
	tcp_conn_close(c, c->connecting,
		       c->connecting    ? "connect timeout"
		       : c->handshaking ? "handshake timeout"
					: "timeout");
}

/* A connection with its handles, in no table yet. */
static struct tcp_conn *conn_alloc(struct sip_transport *t)
{
	struct tcp_conn *c = mem_alloc(sizeof *c);

	if (!c)
		return NULL;
	if (uv_tcp_init(t->conf.loop, &c->tcp)) {
		mem_free(c);
		return NULL;
	}
	uv_timer_init(t->conf.loop, &c->timer);
	c->t = t;
	c->tcp.data = c;
	c->timer.data = c;
	c->handles = 2;
	c->flow.conn = UINT32_MAX;
	t->handles++;
	return c;
}

/* Gives it a slot, and makes it known as the way to remote. ERR_LIMIT. */
static int conn_register(struct tcp_conn *c, struct sip_socket *s, const struct addr *remote)
{
	struct sip_transport *t = c->t;
	uint32_t i = t->free_slot ? t->free_slot - 1 : t->n_slot;

	if (i >= t->conf.max_connections)
		return ERR_LIMIT;
	if (t->free_slot)
		t->free_slot = t->slot[i].next_free;
	else
		t->n_slot++;
	t->slot[i].c = c;
	t->stat.connections++;
	c->flow = (struct sip_flow){
		.local = s->local,
		.remote = *remote,
		.realm = s->realm,
		.socket = s->index,
		.conn = i,
		.conn_gen = t->slot[i].gen,
		.transport = s->transport,
	};
	hmap_insert(&t->conns, &c->node, remote_hash(remote));
	return 0;
}

static void set_options(struct tcp_conn *c)
{
	uv_os_fd_t fd;

	uv_tcp_nodelay(&c->tcp, 1);
	if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0)
		sip_socket_options(&c->t->socket[c->flow.socket], fd);
}

/* Writing */

static void on_written(uv_write_t *req, int status)
{
	struct tcp_write *w = container_of(req, struct tcp_write, req);
	struct tcp_conn *c = w->c;

	c->queued_bytes -= w->len;
	mem_free(w);
	if (c->closing)
		return;
	if (status < 0)
		tcp_conn_close(c, true, "write failed");
}

int tcp_write(struct tcp_conn *c, struct str bytes)
{
	struct tcp_write *w;
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes.p, (unsigned)bytes.len);
	int n;

	if (!c->connecting && c->queued_bytes == 0) {
		n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
		if (n < 0 && n != UV_EAGAIN) {
			tcp_conn_close(c, true, "write failed");
			return ERR_CLOSED;
		}
		if (n > 0)
			bytes = str_from(bytes, (size_t)n);
		if (str_empty(bytes))
			return 0;
	}
	if (c->queued_bytes + bytes.len > c->t->conf.max_queued_bytes) {
		tcp_conn_close(c, true, "the peer does not read");
		return ERR_LIMIT;
	}
	w = mem_alloc(sizeof *w + bytes.len);
	if (!w) {
		tcp_conn_close(c, true, "out of memory"); /* half a message may be out */
		return ERR_NOMEM;
	}
	w->c = c;
	w->len = bytes.len;
	memcpy(w->data, bytes.p, bytes.len);
	buf = uv_buf_init(w->data, (unsigned)w->len);
	if (uv_write(&w->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written)) {
		mem_free(w);
		tcp_conn_close(c, true, "write failed");
		return ERR_CLOSED;
	}
	c->queued_bytes += bytes.len;
	return 0;
}

static int conn_write(struct tcp_conn *c, struct str bytes)
{
	return c->tls ? tls_write(c, bytes) : tcp_write(c, bytes);
}

/* Reading */

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)req;
	(void)status; /* the timer or the peer's end closes it */
}

/* Lost framing: an answer may be on its way; then no more. What still comes is read and thrown away for a while, because closing on
 * unread bytes is a reset, and that would take the answer along. */
static void close_after_writing(struct tcp_conn *c)
{
	if (c->closing)
		return;
	c->closing_soon = true;
	arm(c, c->t->conf.message_ms);
	tls_goodbye(c);
	if (c->closing)
		return;
	if (uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown))
		tcp_conn_close(c, false, "framing lost");
}

static void deliver(struct tcp_conn *c, char *data, size_t len)
{
	struct sip_transport *t = c->t;
	struct sip_flow flow = c->flow; /* the connection may go while the message is handled */

	t->stat.rx_messages++;
	t->stat.rx_bytes += len;
	t->conf.rx(t->conf.ctx, &flow, data, len);
}

/* Hands up all whole messages; returns how many bytes are done. */
static size_t take_messages(struct tcp_conn *c, char *data, size_t n)
{
	size_t done = 0;

	while (!c->closing && done < n) {
		size_t skip, len;
		bool ping;
		int err = sip_frame(data + done, n - done, &skip, &len, &ping);

		if (ping) {
			c->t->stat.rx_keepalives++;
			(void)!conn_write(c, STR("\r\n")); /* RFC 5626 4.4.1 */
		}
		if (c->closing)
			break;
		if (!err && len == 0 && n - done < 4)
			break; /* a ping may come in pieces */
		done += skip;
		if (err) {
			if (len)
				deliver(c, data + done, len);
			close_after_writing(c);
			return n;
		}
		if (len == 0)
			break;
		deliver(c, data + done, len);
		done += len;
		c->in_message = false;
	}
	return done;
}

/* Keeps what is left of data, which may be in c->rx already, for the next read. */
static int keep_rest(struct tcp_conn *c, const char *rest, size_t n)
{
	size_t cap = c->rx_cap ? c->rx_cap : 2048;

	if (n == 0) {
		mem_free(c->rx);
		c->rx = NULL;
		c->rx_len = c->rx_cap = 0;
		return 0;
	}
	while (cap < n + 512)
		cap *= 2;
	if (!c->rx || cap > c->rx_cap) {
		char *bigger = mem_alloc(cap);

		if (!bigger)
			return ERR_NOMEM;
		memcpy(bigger, rest, n);
		mem_free(c->rx);
		c->rx = bigger;
		c->rx_cap = cap;
	} else {
		memmove(c->rx, rest, n);
	}
	c->rx_len = n;
	return 0;
}

static bool message_begun(const struct tcp_conn *c)
{
	return c->rx_len > 0 && c->rx[0] != '\r' && c->rx[0] != '\n';
}

static void take_bytes(struct tcp_conn *c, char *data, size_t n)
{
	size_t done = take_messages(c, data, n);

	if (c->closing || c->closing_soon)
		return;
	if (keep_rest(c, data + done, n - done)) {
		tcp_conn_close(c, true, "out of memory");
		return;
	}
	c->active_ms = uv_now(c->t->conf.loop);
	if (!message_begun(c)) {
		arm_idle(c);
	} else if (!c->in_message) {
		c->in_message = true;
		arm(c, c->t->conf.message_ms);
	}
}

uv_buf_t tcp_room(struct tcp_conn *c)
{
	if (c->rx)
		return uv_buf_init(c->rx + c->rx_len, (unsigned)(c->rx_cap - c->rx_len));
	return uv_buf_init(c->t->stream_rx, RX_CAP);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct tcp_conn *c = h->data;

	(void)suggested;
	*buf = c->tls ? uv_buf_init(c->t->tls_rx, TLS_RX_CAP) : tcp_room(c);
}

void tcp_received(struct tcp_conn *c, size_t n)
{
	if (c->closing_soon)
		return;
	if (c->rx)
		take_bytes(c, c->rx, c->rx_len + n);
	else
		take_bytes(c, c->t->stream_rx, n);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct tcp_conn *c = stream->data;

	(void)buf;
	if (n == 0 || c->closing)
		return;
	if (n < 0)
		tcp_conn_close(c, n != UV_EOF, n == UV_EOF ? "by the peer" : "read failed");
	else if (c->tls)
		tls_input(c, (size_t)n);
	else
		tcp_received(c, (size_t)n);
}

/* From now on there are bytes to read; the timer runs for the handshake or for what comes first. */
static void start_reading(struct tcp_conn *c)
{
	if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read))
		tcp_conn_close(c, true, "cannot read");
	else if (c->tls)
		tls_start(c);
}

void tcp_ready(struct tcp_conn *c)
{
	if (c->source)
		arm(c, c->t->conf.first_byte_ms);
	else
		arm_idle(c);
}

/* Accepting */

static bool source_eq(const struct hmap_node *n, const void *key)
{
	return addr_ip_eq(&container_of(n, struct tcp_source, node)->ip, key);
}

/* Counts one more connection of an address. ERR_LIMIT, ERR_NOMEM. */
static int source_take(struct sip_transport *t, const struct addr *remote, struct tcp_source **out)
{
	struct addr ip = *remote;
	struct hmap_node *n;
	struct tcp_source *s;
	uint64_t hash;

	ip.port = 0;
	hash = hash_bytes(&ip, sizeof ip);
	n = hmap_find(&t->sources, hash, source_eq, &ip);
	if (n) {
		s = container_of(n, struct tcp_source, node);
		if (s->n >= t->conf.max_per_source)
			return ERR_LIMIT;
	} else {
		s = mem_alloc(sizeof *s);
		if (!s)
			return ERR_NOMEM;
		s->ip = ip;
		hmap_insert(&t->sources, &s->node, hash);
	}
	s->n++;
	*out = s;
	return 0;
}

static int peer_of(const uv_tcp_t *tcp, struct addr *out)
{
	struct sockaddr_storage ss;
	int len = sizeof ss;

	if (uv_tcp_getpeername(tcp, (struct sockaddr *)&ss, &len))
		return ERR_CLOSED;
	return addr_from_sockaddr((const struct sockaddr *)&ss, out);
}

static void on_connection(uv_stream_t *server, int status)
{
	struct sip_socket *s = server->data;
	struct tcp_conn *c;
	struct addr remote;

	if (status < 0 || s->t->closing)
		return;
	c = conn_alloc(s->t);
	s->accept_later = !c;
	if (!c) /* libuv calls no more before somebody accepts */
		return;
	if (uv_accept(server, (uv_stream_t *)&c->tcp) || peer_of(&c->tcp, &remote)) {
		tcp_conn_close(c, false, "gone already");
		return;
	}
	if (source_take(s->t, &remote, &c->source) || conn_register(c, s, &remote)) {
		s->t->stat.connections_refused++;
		tcp_conn_close(c, false, "too many");
		return;
	}
	set_options(c);
	if (s->transport == CONF_TLS && tls_attach(c)) {
		tcp_conn_close(c, false, "out of memory");
		return;
	}
	arm(c, c->tls ? s->t->conf.handshake_ms : s->t->conf.first_byte_ms);
	start_reading(c);
}

void tcp_accept_again(struct sip_socket *s)
{
	if (s->accept_later)
		on_connection((uv_stream_t *)&s->tcp, 0);
}

int tcp_open(struct sip_socket *s, char *error_text, size_t error_cap)
{
	struct sip_transport *t = s->t;
	struct sockaddr_storage ss;
	uv_os_fd_t fd;
	int err;

	(void)addr_to_sockaddr(&s->local, &ss);
	err = uv_tcp_init_ex(t->conf.loop, &s->tcp, ss.ss_family);
	if (err)
		return sip_fail_listen(s, -err, error_text, error_cap);
	s->tcp.data = s;
	s->open = true;
	t->handles++;
	if (uv_fileno((const uv_handle_t *)&s->tcp, &fd) == 0)
		sip_socket_options(s, fd);
	err = uv_tcp_bind(&s->tcp, (const struct sockaddr *)&ss,
			  s->local.family == ADDR_V6 ? UV_TCP_IPV6ONLY : 0);
	if (!err)
		err = uv_listen((uv_stream_t *)&s->tcp, TCP_BACKLOG, on_connection);
	return err ? sip_fail_listen(s, -err, error_text, error_cap) : 0;
}

/* Sending, and connecting where there is no connection */

static void on_connected(uv_connect_t *req, int status)
{
	struct tcp_conn *c = req->data;

	if (c->closing)
		return;
	c->connecting = false;
	if (status < 0) {
		tcp_conn_close(c, true, "cannot connect");
		return;
	}
	if (c->tls)
		arm(c, c->t->conf.handshake_ms);
	else
		arm_idle(c);
	start_reading(c);
}

/* From the listener's address, any port. */
static int start_connecting(struct tcp_conn *c)
{
	struct addr from = c->flow.local;
	struct sockaddr_storage ss;
	int err;

	from.port = 0;
	(void)addr_to_sockaddr(&from, &ss);
	err = uv_tcp_bind(&c->tcp, (const struct sockaddr *)&ss, 0);
	if (err)
		return err;
	set_options(c);
	(void)addr_to_sockaddr(&c->flow.remote, &ss);
	c->connect.data = c;
	c->connecting = true;
	return uv_tcp_connect(&c->connect, &c->tcp, (const struct sockaddr *)&ss, on_connected);
}

static int connect_to(struct sip_transport *t, const struct sip_flow *flow, struct tcp_conn **out)
{
	struct sip_socket *s = &t->socket[flow->socket];
	struct tcp_conn *c;
	int err;

	if (s->local.family != flow->remote.family || flow->remote.port == 0)
		return ERR_UNSUPPORTED;
	c = conn_alloc(t);
	if (!c)
		return ERR_NOMEM;
	err = conn_register(c, s, &flow->remote);
	if (err) {
		tcp_conn_close(c, false, "too many");
		return err;
	}
	c->flow.tls_name = flow->tls_name;
	if (s->transport == CONF_TLS && tls_attach(c)) {
		tcp_conn_close(c, false, "out of memory");
		return ERR_NOMEM;
	}
	if (start_connecting(c)) {
		tcp_conn_close(c, false, "cannot connect");
		return ERR_CLOSED;
	}
	arm(c, t->conf.connect_ms);
	*out = c;
	return 0;
}

int tcp_send(struct sip_transport *t, const struct sip_flow *flow, struct str bytes)
{
	struct tcp_conn *c = conn_find(t, flow);
	int err;

	if (!c) {
		err = connect_to(t, flow, &c);
		if (err)
			return err;
	}
	c->active_ms = uv_now(t->conf.loop);
	return conn_write(c, bytes);
}

void tcp_keep(struct sip_transport *t, const struct sip_flow *flow, bool keep)
{
	struct tcp_conn *c = conn_find(t, flow);

	if (!c)
		return;
	c->keep = keep;
	uv_tcp_keepalive(&c->tcp, keep,
			 TCP_KEEPALIVE_S); /* a peer that is gone for good must not stay */
}

static void on_listener_closed(uv_handle_t *h)
{
	struct sip_socket *s = h->data;

	sip_transport_handle_closed(s->t);
}

void tcp_close(struct sip_socket *s)
{
	if (!s->open)
		return;
	s->open = false;
	uv_close((uv_handle_t *)&s->tcp, on_listener_closed);
}

void tcp_close_all(struct sip_transport *t)
{
	for (uint32_t i = 0; i < t->n_slot; i++)
		if (t->slot[i].c)
			tcp_conn_close(t->slot[i].c, false, "shutdown");
}
