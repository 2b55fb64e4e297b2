/* What the transports' tests share: a transport on a loop of its own, listening on a loopback address that only this program
 * uses, plain sockets as its peers, and a loop that runs until something is true, for two seconds at most. */
#ifndef REMPART_TRANSPORT_KIT_H
#define REMPART_TRANSPORT_KIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sip/transport_internal.h"

#define NET_LOG 512

struct net {
	uv_loop_t loop;
	uv_timer_t tick; /* so that a loop without events comes back */
	struct conf conf;
	struct conf_interface itf[2];
	struct conf_realm realm[2];
	struct conf_listen on[2][2];
	struct conf_listener listener[2];
	struct sip_transport_conf tc; /* limits of time and number may be set before net_open() */
	struct sip_transport *t;
	char error[256];
	struct addr here;
	/* what came */
	size_t n_rx, n_failed;
	struct sip_flow flow[NET_LOG];
	char *text[NET_LOG];
	struct sip_flow failed;
	bool echo;
	const char *answer; /* in the place of an echo */
};

static inline struct addr net_addr(const char *text, uint16_t port)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(str_c(text), &a), 0);
	a.port = port;
	return a;
}

static inline void net_on_rx(void *ctx, const struct sip_flow *flow, char *data, size_t len)
{
	struct net *n = ctx;

	assert_true(n->n_rx < NET_LOG);
	n->flow[n->n_rx] = *flow;
	n->text[n->n_rx] = malloc(len + 1);
	memcpy(n->text[n->n_rx], data, len);
	n->text[n->n_rx++][len] = 0;
	memset(data, 'x', len); /* it is writable */
	if (n->answer)
		assert_int_equal(sip_transport_send(n->t, flow, str_c(n->answer)), 0);
	else if (n->echo)
		assert_int_equal(sip_transport_send(n->t, flow, str_c(n->text[n->n_rx - 1])), 0);
}

static inline void net_on_failed(void *ctx, const struct sip_flow *flow)
{
	struct net *n = ctx;

	n->failed = *flow;
	n->n_failed++;
}

static inline void net_on_tick(uv_timer_t *t)
{
	(void)t;
}

/* Two realms on one address, one listener each: UDP and TCP on 5060 and on 5062. */
static inline void net_prepare(struct net *n)
{
	static unsigned serial;
	char text[32];

	memset(n, 0, sizeof *n);
	snprintf(text, sizeof text, "127.%u.%u.%u", 64 + serial++ % 64,
		 (unsigned)getpid() >> 8 & 255, (unsigned)getpid() & 255);
	n->here = net_addr(text, 5060);
	for (unsigned i = 0; i < 2; i++) {
		n->itf[i].name = STR("lo");
		n->itf[i].sip_address[0] = n->here;
		n->itf[i].sip_address[0].port = 0;
		n->itf[i].n_sip_address = 1;
		n->itf[i].dscp_sip = 24;
		n->realm[i].name = i ? STR("two") : STR("one");
		n->realm[i].interface = &n->itf[i];
		n->on[i][0] = (struct conf_listen){CONF_UDP, (uint16_t)(5060 + 2 * i)};
		n->on[i][1] = (struct conf_listen){CONF_TCP, (uint16_t)(5060 + 2 * i)};
		n->listener[i] = (struct conf_listener){
			.name = n->realm[i].name, .realm = &n->realm[i], .on = n->on[i], .n_on = 2};
	}
	n->conf.listener = n->listener;
	n->conf.n_listener = 2;
	assert_int_equal(uv_loop_init(&n->loop), 0);
	uv_timer_init(&n->loop, &n->tick);
	uv_timer_start(&n->tick, net_on_tick, 5, 5);
	n->tc = (struct sip_transport_conf){.loop = &n->loop,
					    .conf = &n->conf,
					    .rx = net_on_rx,
					    .ctx = n,
					    .failed = net_on_failed};
}

static inline int net_try_open(struct net *n)
{
	return sip_transport_open(&n->tc, &n->t, n->error, sizeof n->error);
}

static inline void net_open(struct net *n)
{
	if (net_try_open(n))
		fail_msg("%s", n->error);
}

static inline void net_close(struct net *n)
{
	sip_transport_close(n->t);
	uv_close((uv_handle_t *)&n->tick, NULL);
	uv_run(&n->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&n->loop), 0);
	for (size_t i = 0; i < n->n_rx; i++)
		free(n->text[i]);
	assert_int_equal(mem_live(), 0);
}

/* Runs the loop until the condition is true; fails after two seconds. */
#define net_until(n, condition)                                                                    \
	do {                                                                                       \
		uint64_t end_ = clock_ms() + 2000;                                                 \
		while (!(condition)) {                                                             \
			if (clock_ms() > end_) {                                                   \
				fail_msg("never: %s", #condition);                                 \
				break;                                                             \
			}                                                                          \
			uv_run(&(n)->loop, UV_RUN_ONCE);                                           \
		}                                                                                  \
	} while (0)

/* A few turns of the loop, for what must not happen. */
static inline void net_turn(struct net *n)
{
	for (int i = 0; i < 5; i++)
		uv_run(&n->loop, UV_RUN_NOWAIT);
}

/* A peer's socket, bound to ip (any port where 0), not blocking. */
static inline int net_socket(int type, const struct addr *at)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(at, &ss);
	const int bytes = 4 << 20;
	int fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (type == SOCK_DGRAM)
		(void)!setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static inline struct addr net_name(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	struct addr a;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &a), 0);
	return a;
}

static inline void net_send_to(int fd, const struct addr *to, const void *p, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(to, &ss);

	assert_int_equal(sendto(fd, p, len, 0, (struct sockaddr *)&ss, n), len);
}

static inline int net_connect(struct net *n, const char *from)
{
	struct addr any = net_addr(from, 0);
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&n->here, &ss);
	int fd = net_socket(SOCK_STREAM, &any);

	assert_true(connect(fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS);
	return fd;
}

static inline void net_write(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What there is to read now, appended to text. True when the peer has closed. */
static inline bool net_read(int fd, char *text, size_t cap)
{
	size_t at = strlen(text);
	ssize_t n = recv(fd, text + at, cap - at - 1, 0);

	if (n > 0)
		text[at + (size_t)n] = 0;
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static inline bool net_closed(int fd)
{
	char text[4096] = "";

	return net_read(fd, text, sizeof text);
}

#endif
