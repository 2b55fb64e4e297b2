/* UDP over real loopback sockets: echo, batches, what is swallowed, what cannot be opened. */
#include "transport_kit.h"

#define MSG "OPTIONS sip:a SIP/2.0\r\n\r\n"

static struct net n;

static int client(void)
{
	struct addr any = net_addr("127.0.0.1", 0);

	return net_socket(SOCK_DGRAM, &any);
}

static void test_echo(void **state)
{
	int fd = client();
	struct addr me = net_name(fd);
	char text[100] = "";

	(void)state;
	net_prepare(&n);
	net_open(&n);
	n.echo = true;
	net_send_to(fd, &n.here, MSG, strlen(MSG));
	net_until(&n, n.n_rx == 1);
	assert_string_equal(n.text[0], MSG);
	assert_true(addr_eq(&n.flow[0].remote, &me));
	assert_true(addr_eq(&n.flow[0].local, &n.here));
	assert_ptr_equal(n.flow[0].realm, &n.realm[0]);
	assert_int_equal(n.flow[0].conn, UINT32_MAX);
	assert_int_equal(n.flow[0].transport, CONF_UDP);
	net_until(&n, recv(fd, text, sizeof text, 0) > 0);
	assert_string_equal(text, MSG);
	assert_int_equal(sip_transport_stat(n.t)->rx_messages, 1);
	assert_int_equal(sip_transport_stat(n.t)->tx_messages, 1);
	assert_int_equal(sip_transport_stat(n.t)->tx_bytes, strlen(MSG));
	close(fd);
	net_close(&n);
}

/* The realm decides from which socket a new request goes. */
static void test_flow(void **state)
{
	struct addr remote = net_addr("127.0.0.1", 9), v6 = net_addr("::1", 9);
	struct conf_realm other = {0};
	struct sip_flow flow;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[1], CONF_UDP, &remote, &flow), 0);
	assert_int_equal(flow.local.port, 5062);
	assert_ptr_equal(flow.realm, &n.realm[1]);
	assert_true(addr_eq(&flow.remote, &remote));
	assert_int_equal(sip_transport_flow(n.t, &n.realm[1], CONF_TLS, &remote, &flow), ERR_NOENT);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[1], CONF_UDP, &v6, &flow), ERR_NOENT);
	assert_int_equal(sip_transport_flow(n.t, &other, CONF_UDP, &remote, &flow), ERR_NOENT);
	flow.remote = v6;
	assert_int_equal(sip_transport_send(n.t, &flow, STR(MSG)), ERR_UNSUPPORTED);
	flow.socket = 77;
	assert_int_equal(sip_transport_send(n.t, &flow, STR(MSG)), ERR_UNSUPPORTED);
	assert_int_equal(sip_transport_stat(n.t)->tx_errors, 2);
	net_close(&n);
}

static struct sip_flow flow_to(int fd)
{
	struct addr me = net_name(fd);
	struct sip_flow flow;

	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_UDP, &me, &flow), 0);
	return flow;
}

static size_t drain(int fd, unsigned first)
{
	char text[32], want[32];
	size_t got = 0;
	ssize_t len;

	while ((len = recv(fd, text, sizeof text - 1, 0)) > 0) {
		text[len] = 0;
		snprintf(want, sizeof want, "m%u", first + (unsigned)got++);
		assert_string_equal(text, want);
	}
	return got;
}

static int send_numbers(const struct sip_flow *flow, unsigned from, unsigned to)
{
	char text[32];
	int err = 0;

	for (unsigned i = from; i < to && !err; i++) {
		snprintf(text, sizeof text, "m%u", i);
		err = sip_transport_send(n.t, flow, str_c(text));
	}
	return err;
}

static void test_batches(void **state)
{
	int fd = client();
	struct sip_flow flow;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	flow = flow_to(fd);
	assert_int_equal(send_numbers(&flow, 0, 3), 0);
	assert_int_equal(drain(fd, 0), 0);
	uv_run(&n.loop, UV_RUN_NOWAIT); /* the end of the iteration */
	assert_int_equal(drain(fd, 0), 3);
	assert_int_equal(send_numbers(&flow, 0, UDP_TX_BATCH - 1), 0);
	assert_int_equal(drain(fd, 0), 0);
	assert_int_equal(send_numbers(&flow, UDP_TX_BATCH - 1, UDP_TX_BATCH + 5),
			 0); /* a full batch leaves at once */
	assert_int_equal(drain(fd, 0), UDP_TX_BATCH);
	sip_transport_flush(n.t);
	assert_int_equal(drain(fd, UDP_TX_BATCH), 5);
	for (unsigned i = 0; i < 300; i++) /* and many come in at once */
		net_send_to(fd, &n.here, MSG, strlen(MSG));
	net_until(&n, n.n_rx == 300);
	close(fd);
	net_close(&n);
}

/* The kernel's buffer is full: what the queue can hold waits, the rest is refused, the order stays. */
static void test_blocked_socket(void **state)
{
	int fd = client();
	struct sip_flow flow;
	struct udp_queue *q;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	flow = flow_to(fd);
	q = n.t->socket[flow.socket].queue;
	q->blocked = true;
	assert_int_equal(send_numbers(&flow, 0, UDP_TX_QUEUE), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR("more")), ERR_LIMIT);
	q->first = 100; /* as if so many had left */
	assert_int_equal(send_numbers(&flow, UDP_TX_QUEUE, UDP_TX_QUEUE + 100), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR("more")), ERR_LIMIT);
	assert_int_equal(q->first, 0);
	sip_transport_flush(n.t);
	assert_int_equal(drain(fd, 100), 0);
	q->blocked = false;
	sip_transport_flush(n.t);
	assert_int_equal(drain(fd, 100), UDP_TX_QUEUE);
	assert_int_equal(q->end, 0);
	assert_int_equal(sip_transport_stat(n.t)->tx_errors, 2);
	close(fd);
	net_close(&n);
}

static void test_large_messages_fill_the_queue_by_bytes(void **state)
{
	static char big[60000];
	int fd = client();
	struct sip_flow flow;
	struct udp_queue *q;
	unsigned sent = 0;

	(void)state;
	memset(big, 'b', sizeof big);
	net_prepare(&n);
	net_open(&n);
	flow = flow_to(fd);
	q = n.t->socket[flow.socket].queue;
	q->blocked = true;
	while (sip_transport_send(n.t, &flow, str_n(big, sizeof big)) == 0)
		sent++;
	assert_int_equal(sent, UDP_TX_BYTES / sizeof big);
	q->blocked = false;
	assert_int_equal(sip_transport_send(n.t, &flow, str_n(big, sizeof big)),
			 0); /* flushed first */
	assert_int_equal(sip_transport_send(n.t, &flow, str_n(big, 70000)), ERR_LIMIT);
	close(fd);
	net_close(&n);
}

static void test_what_is_swallowed(void **state)
{
	static char big[SIP_MSG_MAX_UDP + 1];
	const struct sip_transport_stat *stat;
	int fd = client();

	(void)state;
	memset(big, 'b', sizeof big);
	net_prepare(&n);
	net_open(&n);
	stat = sip_transport_stat(n.t);
	net_send_to(fd, &n.here, "\r\n\r\n", 4);
	net_send_to(fd, &n.here, "\r\n", 2);
	net_send_to(fd, &n.here, "", 0);
	net_send_to(fd, &n.here, "\0\1\0\0\x21\x12\xa4\x42............", 20);
	net_send_to(fd, &n.here, big, sizeof big);
	net_send_to(fd, &n.here, big, sizeof big - 1);
	net_until(&n, n.n_rx == 1);
	assert_int_equal(strlen(n.text[0]), SIP_MSG_MAX_UDP);
	assert_int_equal(stat->rx_keepalives, 2);
	assert_int_equal(stat->rx_ignored, 2);
	assert_int_equal(stat->rx_oversize, 1);
	assert_int_equal(stat->rx_messages, 1);
	close(fd);
	net_close(&n);
}

/* A peer that is not there any more: its ICMP error stops nobody. */
static void test_refused_peer(void **state)
{
	int gone = client(), fd = client();
	struct sip_flow dead;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	n.echo = true;
	dead = flow_to(gone);
	close(gone);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(sip_transport_send(n.t, &dead, STR(MSG)), 0);
		uv_run(&n.loop, UV_RUN_NOWAIT);
	}
	net_send_to(fd, &n.here, MSG, strlen(MSG));
	char text[100] = "";
	net_until(&n, recv(fd, text, sizeof text, 0) > 0);
	close(fd);
	net_close(&n);
}

static void test_options(void **state)
{
	int value = 0;
	socklen_t len = sizeof value;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	assert_int_equal(getsockopt(n.t->socket[0].udp_fd, IPPROTO_IP, IP_TOS, &value, &len), 0);
	assert_int_equal(value, 24 << 2);
	net_close(&n);
}

static void test_ipv6(void **state)
{
	struct addr here = net_addr("::1", 0), me;
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), value = 0;
	struct sip_flow flow;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&here, &ss);

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&ss, len)) {
		if (fd >= 0)
			close(fd);
		skip();
	}
	close(fd);
	fd = net_socket(SOCK_DGRAM, &here);
	me = net_name(fd);
	net_prepare(&n);
	n.itf[0].sip_address[1] = here;
	n.itf[0].n_sip_address = 2;
	n.on[0][0].port = (uint16_t)(20000 + getpid() % 10000);
	n.listener[0].n_on = 1;
	net_open(&n);
	n.echo = true;
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_UDP, &me, &flow), 0);
	assert_int_equal(flow.local.family, ADDR_V6);
	len = sizeof value;
	assert_int_equal(getsockopt(n.t->socket[flow.socket].udp_fd, IPPROTO_IPV6, IPV6_V6ONLY,
				    &value, &len),
			 0);
	assert_int_equal(value, 1);
	assert_int_equal(getsockopt(n.t->socket[flow.socket].udp_fd, IPPROTO_IPV6, IPV6_TCLASS,
				    &value, &len),
			 0);
	assert_int_equal(value, 24 << 2);
	net_send_to(fd, &flow.local, MSG, strlen(MSG));
	char text[100] = "";
	net_until(&n, recv(fd, text, sizeof text, 0) > 0);
	close(fd);
	net_close(&n);
}

/* What cannot be opened: an error, one sentence that says what to do, and nothing left open. */
static void assert_refused(int err, const char *part)
{
	assert_int_equal(net_try_open(&n), err);
	if (!strstr(n.error, part))
		fail_msg("\"%s\" does not say \"%s\"", n.error, part);
	assert_null(n.t);
	net_close(&n);
}

static void test_port_in_use(void **state)
{
	const int types[] = {SOCK_DGRAM, SOCK_STREAM};

	(void)state;
	for (int i = 0; i < 2; i++) {
		char want[128], where[ADDR_TEXT_MAX];
		int fd;

		net_prepare(&n);
		fd = net_socket(types[i], &n.here);
		if (types[i] == SOCK_STREAM)
			assert_int_equal(listen(fd, 1), 0);
		snprintf(want, sizeof want, "cannot listen on %s (%s): the port is in use; ",
			 addr_text(&n.here, where), i ? "tcp" : "udp");
		assert_refused(ERR_INUSE, want);
		close(fd);
	}
}

static void test_address_of_somebody_else(void **state)
{
	(void)state;
	for (unsigned on = 0; on < 2; on++) {
		net_prepare(&n);
		n.itf[1].sip_address[0] = net_addr("203.0.113.77", 0);
		n.listener[1].on = &n.on[1][on];
		n.listener[1].n_on = 1;
		assert_refused(ERR_NOENT, "this machine does not have the address; ");
	}
}

static void test_transport_that_is_not_there_yet(void **state)
{
	(void)state;
	net_prepare(&n);
	n.on[1][1].transport = CONF_WS;
	assert_refused(ERR_UNSUPPORTED, "(ws): this transport is not supported yet");
}

static void test_no_permission(void **state)
{
	struct sip_socket s = {.local = net_addr("192.0.2.1", 80), .transport = CONF_UDP};
	char text[256];

	(void)state;
	net_prepare(&n);
	s.listener = &n.listener[0];
	assert_int_equal(sip_fail_listen(&s, EACCES, text, sizeof text), ERR_ACCESS);
	assert_string_equal(
		text, "cannot listen on 192.0.2.1:80 (udp): no permission; ports below 1024 need "
		      "CAP_NET_BIND_SERVICE, or choose a higher port in listener one");
	net_close(&n);
}

static void test_memory_fails_anywhere(void **state)
{
	(void)state;
	for (uint64_t i = 1;; i++) {
		int err;

		net_prepare(&n);
		mem_fail_nth(i);
		err = net_try_open(&n);
		mem_fail_nth(0);
		if (!err)
			break;
		assert_int_equal(err, ERR_NOMEM);
		net_close(&n);
	}
	net_close(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_blocked_socket),
		cmocka_unit_test(test_large_messages_fill_the_queue_by_bytes),
		cmocka_unit_test(test_what_is_swallowed),
		cmocka_unit_test(test_refused_peer),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_port_in_use),
		cmocka_unit_test(test_address_of_somebody_else),
		cmocka_unit_test(test_transport_that_is_not_there_yet),
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_memory_fails_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
