/* The sockets of one shard: opens what the configuration lists, picks a socket for what goes out, closes all in order.
 *
 * For the shard's wiring, on its thread and loop. UDP, TCP and TLS have a file each. What was queued for UDP leaves when the loop
 * has handled its input (check) and once more before it sleeps (prepare: timers). WebSocket is not there yet.
 * RFC 3261 18, RFC 5626. */
#include "sip/transport_internal.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

static const char *transport_name(enum conf_transport t)
{
	static const char *const names[] = {
		[CONF_UDP] = "udp", [CONF_TCP] = "tcp", [CONF_TLS] = "tls",
		[CONF_WS] = "ws",   [CONF_WSS] = "wss",
	};

	return names[t];
}

int sip_fail_listen(const struct sip_socket *s, int errno_value, char *error_text, size_t error_cap)
{
	static const struct {
		int errno_value;
		int err;
		const char *text;
	} known[] = {
		{EADDRINUSE, ERR_INUSE,
		 "the port is in use; stop the program that holds it (ss -lunpt shows it) or "
		 "choose another port in"},
		{EADDRNOTAVAIL, ERR_NOENT,
		 "this machine does not have the address; give it to a network interface or "
		 "correct sip_address for"},
		{EACCES, ERR_ACCESS,
		 "no permission; ports below 1024 need CAP_NET_BIND_SERVICE, or choose a higher "
		 "port in"},
		{EPERM, ERR_ACCESS,
		 "no permission; ports below 1024 need CAP_NET_BIND_SERVICE, or choose a higher "
		 "port in"},
		{EAFNOSUPPORT, ERR_UNSUPPORTED,
		 "this machine has no IPv6; switch it on or remove the address from"},
		{EMFILE, ERR_LIMIT,
		 "too many open files; raise the limit (ulimit -n) or remove sockets from"},
		{EPROTONOSUPPORT, ERR_UNSUPPORTED,
		 "this transport is not supported yet; use udp, tcp or tls in"},
	};
	const char *text = strerror(errno_value);
	int err = err_from_errno(errno_value);
	char where[ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (known[i].errno_value != errno_value)
			continue;
		text = known[i].text;
		err = known[i].err;
	}
	snprintf(error_text, error_cap, "cannot listen on %s (%s): %s listener %.*s",
		 addr_text(&s->local, where), transport_name(s->transport), text,
		 STR_FMT(s->listener->name));
	return err;
}

/* Best effort: less buffer or no DSCP is no reason to stay away. */
void sip_socket_options(const struct sip_socket *s, int fd)
{
	const int bytes = SIP_SOCKET_BUFFER_BYTES, tos = s->dscp << 2, one = 1;

	if (s->t->conf.conf->system.shards > 1) /* each has sockets of its own on the same ports */
		(void)!setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
	if (s->transport == CONF_UDP) {
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes))
			(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
		if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes))
			(void)!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	}
	if (s->local.family == ADDR_V6)
		(void)!setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
	else
		(void)!setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
}

static int open_socket(struct sip_socket *s, char *error_text, size_t error_cap)
{
	if (s->transport == CONF_UDP)
		return udp_open(s, error_text, error_cap);
	if (s->transport == CONF_TCP || s->transport == CONF_TLS)
		return tcp_open(s, error_text, error_cap);
	return sip_fail_listen(s, EPROTONOSUPPORT, error_text, error_cap);
}

static int open_listener(struct sip_transport *t, const struct conf_listener *l, char *error_text,
			 size_t error_cap)
{
	const struct conf_interface *itf = l->realm->interface;

	for (size_t on = 0; on < l->n_on; on++) {
		for (size_t a = 0; a < itf->n_sip_address; a++) {
			struct sip_socket *s = &t->socket[t->n_socket];
			char where[ADDR_TEXT_MAX];
			int err;

			*s = (struct sip_socket){
				.t = t,
				.local = itf->sip_address[a],
				.realm = l->realm,
				.listener = l,
				.index = t->n_socket,
				.transport = l->on[on].transport,
				.dscp = itf->dscp_sip,
				.udp_fd = -1,
			};
			s->local.port = l->on[on].port;
			err = open_socket(s, error_text, error_cap);
			t->n_socket += s->open; /* a half-open one has to be closed too */
			if (err)
				return err;
			log_info("transport", "listening", KV_C("on", addr_text(&s->local, where)),
				 KV_C("transport", transport_name(s->transport)),
				 KV_S("realm", s->realm->name));
		}
	}
	return 0;
}

static size_t count_sockets(const struct conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_listener; i++)
		n += conf->listener[i].n_on * conf->listener[i].realm->interface->n_sip_address;
	return n;
}

/* Also where connections are accepted that found no memory before. */
static void flush_all(struct sip_transport *t)
{
	for (uint32_t i = 0; i < t->n_socket; i++)
		if (t->socket[i].transport == CONF_UDP)
			udp_flush(&t->socket[i]);
		else
			tcp_accept_again(&t->socket[i]);
}

static void on_prepare(uv_prepare_t *p)
{
	flush_all(p->data);
}

static void on_check(uv_check_t *c)
{
	flush_all(c->data);
}

static void start_hooks(struct sip_transport *t)
{
	uv_prepare_init(t->conf.loop, &t->prepare);
	uv_check_init(t->conf.loop, &t->check);
	t->prepare.data = t;
	t->check.data = t;
	t->handles += 2;
	uv_prepare_start(&t->prepare, on_prepare);
	uv_check_start(&t->check, on_check);
	uv_unref((uv_handle_t *)&t->prepare);
	uv_unref((uv_handle_t *)&t->check);
}

static void set_default(uint32_t *v, uint32_t value)
{
	if (*v == 0)
		*v = value;
}

static void free_transport(struct sip_transport *t)
{
	for (uint32_t i = 0; i < t->n_socket; i++)
		mem_free(t->socket[i].queue);
	hmap_free(&t->conns);
	hmap_free(&t->sources);
	mem_free(t->socket);
	mem_free(t->slot);
	mem_free(t->rx);
	mem_free(t->stream_rx);
	tls_free(t);
	mem_free(t);
}

static int allocate(struct sip_transport *t, size_t n_socket)
{
	int err;

	t->socket = mem_alloc((n_socket ? n_socket : 1) * sizeof *t->socket);
	t->slot = mem_alloc(t->conf.max_connections * sizeof *t->slot);
	t->rx = udp_rx_new();
	t->stream_rx = mem_alloc(2 * SIP_MSG_MAX_STREAM);
	if (!t->socket || !t->slot || !t->rx || !t->stream_rx)
		return ERR_NOMEM;
	err = hmap_init(&t->conns, 64);
	return err ? err : hmap_init(&t->sources, 64);
}

int sip_transport_open(const struct sip_transport_conf *conf, struct sip_transport **out,
		       char *error_text, size_t error_cap)
{
	size_t n_socket = count_sockets(conf->conf);
	struct sip_transport *t;
	int err = 0;

	if (n_socket > SIP_SOCKETS_MAX) {
		snprintf(error_text, error_cap,
			 "the listeners need %zu sockets, and %d is the most; remove some",
			 n_socket, SIP_SOCKETS_MAX);
		return ERR_LIMIT;
	}
	snprintf(error_text, error_cap,
		 "cannot listen: out of memory; free some or remove listeners");
	t = mem_alloc(sizeof *t);
	if (!t)
		return ERR_NOMEM;
	t->conf = *conf;
	set_default(&t->conf.first_byte_ms, 5000);
	set_default(&t->conf.message_ms, 4000);
	set_default(&t->conf.idle_ms, 120000);
	set_default(&t->conf.connect_ms, 4000);
	set_default(&t->conf.handshake_ms, 5000);
	set_default(&t->conf.watch_ms, 2000);
	set_default(&t->conf.max_per_source, 64);
	set_default(&t->conf.max_connections, 8192);
	set_default(&t->conf.max_queued_bytes, 256U << 10);
	err = allocate(t, n_socket);
	if (err) {
		free_transport(t);
		return err;
	}
	start_hooks(t);
	err = tls_open(t, error_text, error_cap);
	for (size_t i = 0; i < conf->conf->n_listener && !err; i++)
		err = open_listener(t, &conf->conf->listener[i], error_text, error_cap);
	if (err) {
		sip_transport_close(t);
		return err;
	}
	*error_text = 0;
	*out = t;
	return 0;
}

void sip_transport_handle_closed(struct sip_transport *t)
{
	t->handles--;
	if (t->handles == 0)
		free_transport(t);
}

static void on_hook_closed(uv_handle_t *h)
{
	sip_transport_handle_closed(h->data);
}

void sip_transport_close(struct sip_transport *t)
{
	if (!t || t->closing)
		return;
	flush_all(t);
	t->closing = true;
	tcp_close_all(t);
	tls_close(t);
	for (uint32_t i = 0; i < t->n_socket; i++) {
		if (t->socket[i].transport == CONF_UDP)
			udp_close(&t->socket[i]);
		else
			tcp_close(&t->socket[i]);
	}
	uv_close((uv_handle_t *)&t->prepare, on_hook_closed);
	uv_close((uv_handle_t *)&t->check, on_hook_closed);
}

static int send_on(struct sip_transport *t, const struct sip_flow *flow, struct str bytes)
{
	if (t->closing)
		return ERR_CLOSED;
	if (flow->socket >= t->n_socket || t->socket[flow->socket].transport != flow->transport)
		return ERR_UNSUPPORTED;
	if (flow->transport == CONF_UDP)
		return udp_send(&t->socket[flow->socket], &flow->remote, bytes);
	return tcp_send(t, flow, bytes);
}

int sip_transport_send(struct sip_transport *t, const struct sip_flow *flow, struct str bytes)
{
	int err = send_on(t, flow, bytes);

	t->stat.tx_errors += err != 0;
	t->stat.tx_messages += err == 0;
	t->stat.tx_bytes += err ? 0 : bytes.len;
	return err;
}

void sip_transport_flush(struct sip_transport *t)
{
	flush_all(t);
}

int sip_transport_flow(struct sip_transport *t, const struct conf_realm *realm,
		       enum conf_transport transport, const struct addr *remote,
		       struct sip_flow *out)
{
	for (uint32_t i = 0; i < t->n_socket; i++) {
		const struct sip_socket *s = &t->socket[i];

		if (s->realm != realm || s->transport != transport ||
		    s->local.family != remote->family)
			continue;
		*out = (struct sip_flow){
			.local = s->local,
			.remote = *remote,
			.realm = realm,
			.socket = i,
			.conn = UINT32_MAX,
			.transport = transport,
		};
		return 0;
	}
	return ERR_NOENT;
}

void sip_transport_keep(struct sip_transport *t, const struct sip_flow *flow, bool keep)
{
	if (flow->transport != CONF_UDP)
		tcp_keep(t, flow, keep);
}

const struct sip_transport_stat *sip_transport_stat(const struct sip_transport *t)
{
	return &t->stat;
}
