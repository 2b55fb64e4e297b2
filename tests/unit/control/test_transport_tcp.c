/* TCP over real loopback sockets: framing, reuse, connecting, and every limit of time, number and memory. */
#include "transport_kit.h"

#define BODYLESS(name) name " sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"
#define M1             BODYLESS("ONE")
#define M2             "TWO sip:a SIP/2.0\r\nl: 5\r\n\r\nhello"

static struct net n;

static void open_echo(void)
{
	net_prepare(&n);
	net_open(&n);
	n.echo = true;
}

static void test_echo(void **state)
{
	char text[200] = "";
	struct addr me;
	int fd;

	(void)state;
	open_echo();
	fd = net_connect(&n, "127.0.0.1");
	net_write(fd, M1);
	net_until(&n, n.n_rx == 1);
	me = net_name(fd);
	assert_string_equal(n.text[0], M1);
	assert_true(addr_eq(&n.flow[0].remote, &me));
	assert_true(addr_eq(&n.flow[0].local, &n.here));
	assert_ptr_equal(n.flow[0].realm, &n.realm[0]);
	assert_int_equal(n.flow[0].transport, CONF_TCP);
	assert_int_not_equal(n.flow[0].conn, UINT32_MAX);
	net_until(&n, !net_read(fd, text, sizeof text) && strlen(text) == strlen(M1));
	assert_string_equal(text, M1);
	assert_int_equal(sip_transport_stat(n.t)->connections, 1);
	close(fd);
	net_until(&n, sip_transport_stat(n.t)->connections == 0);
	assert_int_equal(n.n_failed, 0);
	net_close(&n);
}

static void test_framing(void **state)
{
	int fd;

	(void)state;
	open_echo();
	fd = net_connect(&n, "127.0.0.1");
	net_write(fd, "\r\n" M1 M2 "\r\n" M1); /* three in one segment */
	net_until(&n, n.n_rx == 3);
	assert_string_equal(n.text[1], M2);
	assert_string_equal(n.text[2], M1);
	for (size_t i = 0; i < strlen(M2); i++) { /* one in as many segments as it has bytes */
		assert_int_equal(n.n_rx, 3);
		assert_int_equal(send(fd, &M2[i], 1, 0), 1);
		net_turn(&n);
	}
	net_until(&n, n.n_rx == 4);
	assert_string_equal(n.text[3], M2);
	net_write(fd, M1 M1 "TWO sip:a SIP/2.0\r\nl: 5"); /* two, and the half of one */
	net_until(&n, n.n_rx == 6);
	net_turn(&n);
	net_write(fd, "\r\n\r\nhello" M1);
	net_until(&n, n.n_rx == 8);
	assert_string_equal(n.text[6], M2);
	assert_string_equal(n.text[7], M1);
	close(fd);
	net_close(&n);
}

/* The largest message, in pieces, and many small ones behind it. */
static void test_large_message(void **state)
{
	static char big[SIP_MSG_MAX_STREAM + 1];
	size_t head, sent = 0;
	int fd;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	snprintf(big, sizeof big, "BIG sip:a SIP/2.0\r\nContent-Length: %d\r\n", SIP_BODY_MAX);
	while (strlen(big) < SIP_MSG_MAX_STREAM - SIP_BODY_MAX - 300)
		memcpy(big + strlen(big), "Subject: x\r\n", 13);
	memcpy(big + strlen(big), "\r\n", 3);
	head = strlen(big);
	memset(big + head, 'b', SIP_BODY_MAX);
	head += SIP_BODY_MAX;
	fd = net_connect(&n, "127.0.0.1");
	while (sent < head) {
		size_t piece = head - sent < 1000 ? head - sent : 1000;
		ssize_t did = send(fd, big + sent, piece, 0);

		net_turn(&n);
		if (did > 0)
			sent += (size_t)did;
	}
	net_write(fd, M1);
	net_until(&n, n.n_rx == 2);
	assert_memory_equal(n.text[0], big, head);
	assert_string_equal(n.text[1], M1);
	close(fd);
	net_close(&n);
}

/* Much of an unfinished message comes with one read, the first. */
static void test_half_a_large_message_at_once(void **state)
{
	static char big[SIP_MSG_MAX_STREAM];
	size_t head;
	int fd;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	snprintf(big, sizeof big, "BIG sip:a SIP/2.0\r\nContent-Length: %d\r\n\r\n", SIP_BODY_MAX);
	head = strlen(big);
	memset(big + head, 'b', SIP_BODY_MAX);
	fd = net_connect(&n, "127.0.0.1");
	net_until(&n, sip_transport_stat(n.t)->connections == 1);
	assert_int_equal(send(fd, big, head + SIP_BODY_MAX - 10, 0), head + SIP_BODY_MAX - 10);
	net_turn(&n);
	assert_int_equal(n.n_rx, 0);
	net_write(fd, "bbbbbbbbbb");
	net_until(&n, n.n_rx == 1);
	assert_string_equal(n.text[0], big);
	close(fd);
	net_close(&n);
}

/* RFC 5626 4.4.1: a double CRLF is answered with one, whether it comes whole or in two segments. */
static void test_ping(void **state)
{
	char text[50] = "";
	int fd;

	(void)state;
	open_echo();
	fd = net_connect(&n, "127.0.0.1");
	net_write(fd, "\r\n\r\n");
	net_until(&n, !net_read(fd, text, sizeof text) && strlen(text) == 2);
	assert_string_equal(text, "\r\n");
	net_write(fd, "\r\n");
	net_turn(&n);
	assert_false(net_read(fd, text, sizeof text));
	assert_int_equal(strlen(text), 2);
	net_write(fd, "\r\n");
	net_until(&n, !net_read(fd, text, sizeof text) && strlen(text) == 4);
	net_write(fd, "\r\n\r");
	net_turn(&n);
	net_write(fd, "\n");
	net_until(&n, !net_read(fd, text, sizeof text) && strlen(text) == 6);
	assert_int_equal(n.n_rx, 0);
	assert_int_equal(sip_transport_stat(n.t)->rx_keepalives, 3);
	close(fd);
	net_close(&n);
}

/* Whatever goes to the peer takes the connection that is there: by name, or by its address. */
static void test_reuse(void **state)
{
	char text[400] = "";
	struct sip_flow flow;
	struct addr me;
	int fd;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	fd = net_connect(&n, "127.0.0.1");
	net_write(fd, M1);
	net_until(&n, n.n_rx == 1);
	me = net_name(fd);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TCP, &me, &flow), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
	assert_int_equal(sip_transport_send(n.t, &n.flow[0], STR(M2)), 0);
	flow = n.flow[0];
	flow.conn_gen++; /* a name that is stale */
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
	net_until(&n, !net_read(fd, text, sizeof text) && strlen(text) == strlen(M1 M2 M1));
	assert_string_equal(text, M1 M2 M1);
	assert_int_equal(sip_transport_stat(n.t)->connections, 1);
	/* Another realm does not share it. */
	assert_int_equal(sip_transport_flow(n.t, &n.realm[1], CONF_TCP, &me, &flow), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
	assert_int_equal(sip_transport_stat(n.t)->connections, 2);
	close(fd);
	net_close(&n);
}

/* The slot of a closed connection serves another peer: the old name does not lead there. */
static void test_stale_name(void **state)
{
	char text[100] = "";
	int first, second;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	first = net_connect(&n, "127.0.0.1");
	net_write(first, M1);
	net_until(&n, n.n_rx == 1);
	close(first);
	net_until(&n, sip_transport_stat(n.t)->connections == 0);
	second = net_connect(&n, "127.0.0.1");
	net_write(second, M1);
	net_until(&n, n.n_rx == 2);
	assert_int_equal(n.flow[0].conn, n.flow[1].conn);
	assert_int_equal(sip_transport_send(n.t, &n.flow[0], STR("for the first")), 0);
	net_until(&n, n.n_failed == 1);
	assert_false(net_read(second, text, sizeof text));
	assert_string_equal(text, "");
	close(second);
	net_close(&n);
}

static int listener(struct addr *at, int backlog)
{
	struct addr any = net_addr("127.0.0.1", 0);
	int fd = net_socket(SOCK_STREAM, &any);

	assert_int_equal(listen(fd, backlog), 0);
	*at = net_name(fd);
	return fd;
}

static void test_connecting(void **state)
{
	char text[400] = "";
	struct addr at, peer;
	struct sip_flow flow;
	struct sockaddr_storage ss;
	socklen_t len = sizeof ss;
	int server, fd = -1;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	server = listener(&at, 10);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TCP, &at, &flow), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M2)),
			 0); /* waits for the same connection */
	assert_int_equal(sip_transport_stat(n.t)->connections, 1);
	net_until(&n, (fd = accept4(server, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK)) >= 0);
	net_until(&n, !net_read(fd, text, sizeof text) && strlen(text) == strlen(M1 M2));
	assert_string_equal(text, M1 M2);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &peer), 0);
	assert_true(addr_ip_eq(&peer, &n.here)); /* from our address, any port */
	net_write(fd, M1);
	net_until(&n, n.n_rx == 1);
	assert_true(addr_eq(&n.flow[0].remote, &at));
	assert_int_equal(n.flow[0].local.port, 5060);
	/* The peer closes: the next message goes out on a new connection. */
	close(fd);
	net_until(&n, sip_transport_stat(n.t)->connections == 0);
	assert_int_equal(sip_transport_send(n.t, &n.flow[0], STR(M2)), 0);
	net_until(&n, (fd = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	*text = 0;
	net_until(&n, !net_read(fd, text, sizeof text) && strlen(text) == strlen(M2));
	close(fd);
	close(server);
	net_close(&n);
}

static void test_refused(void **state)
{
	struct addr at;
	struct sip_flow flow;
	int server;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	server = listener(&at, 1);
	close(server);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TCP, &at, &flow), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
	assert_int_equal(n.n_failed, 0);
	net_until(&n, n.n_failed == 1);
	assert_true(addr_eq(&n.failed.remote, &at));
	assert_int_equal(n.failed.transport, CONF_TCP);
	assert_int_equal(sip_transport_stat(n.t)->connections, 0);
	net_close(&n);
}

/* A peer whose backlog is full answers nothing. */
static void test_connect_timeout(void **state)
{
	struct addr at;
	struct sip_flow flow;
	struct sockaddr_storage ss;
	socklen_t len;
	int server, filler[3];

	(void)state;
	net_prepare(&n);
	n.tc.connect_ms = 40;
	net_open(&n);
	server = listener(&at, 0);
	len = addr_to_sockaddr(&at, &ss);
	for (int i = 0; i < 3; i++) {
		struct addr any = net_addr("127.0.0.1", 0);

		filler[i] = net_socket(SOCK_STREAM, &any);
		(void)!connect(filler[i], (struct sockaddr *)&ss, len);
	}
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TCP, &at, &flow), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
	net_until(&n, n.n_failed == 1);
	assert_int_equal(sip_transport_stat(n.t)->timeouts, 1);
	for (int i = 0; i < 3; i++)
		close(filler[i]);
	close(server);
	net_close(&n);
}

static void test_queue_while_connecting_is_bounded(void **state)
{
	static char big[20000];
	struct addr at;
	struct sip_flow flow;
	int server, err = 0;
	unsigned sent = 0;

	(void)state;
	memset(big, 'b', sizeof big);
	net_prepare(&n);
	n.tc.max_queued_bytes = 100000;
	net_open(&n);
	server = listener(&at, 10);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TCP, &at, &flow), 0);
	while ((err = sip_transport_send(n.t, &flow, str_n(big, sizeof big))) == 0)
		sent++;
	assert_int_equal(err, ERR_LIMIT);
	assert_int_equal(sent, 5);
	net_until(&n, n.n_failed == 1);
	close(server);
	net_close(&n);
}

static void test_first_byte(void **state)
{
	int fd;

	(void)state;
	net_prepare(&n);
	n.tc.first_byte_ms = 30;
	net_open(&n);
	fd = net_connect(&n, "127.0.0.1");
	net_until(&n, net_closed(fd));
	assert_int_equal(sip_transport_stat(n.t)->timeouts, 1);
	assert_int_equal(n.n_failed, 0);
	close(fd);
	net_close(&n);
}

/* Slow loris: a byte now and then does not buy more time. Whole messages do. */
static void test_slow_message(void **state)
{
	int slow, good;
	bool dead = false;

	(void)state;
	net_prepare(&n);
	n.tc.message_ms = 60;
	n.echo = true;
	net_open(&n);
	slow = net_connect(&n, "127.0.0.1");
	good = net_connect(&n, "127.0.0.1");
	net_write(slow, "OPTIONS sip:a SIP/2.0\r\n");
	while (!dead && n.n_rx < 100) {
		size_t rx = n.n_rx;

		(void)!send(slow, "X", 1, MSG_NOSIGNAL);
		net_write(good, M1);
		net_until(&n, n.n_rx == rx + 1);
		uv_run(&n.loop, UV_RUN_ONCE); /* up to 5 ms */
		dead = net_closed(slow);
	}
	assert_true(dead);
	assert_int_equal(sip_transport_stat(n.t)->timeouts, 1);
	assert_int_equal(sip_transport_stat(n.t)->connections, 1);
	assert_true(n.n_rx > 3);
	close(slow);
	close(good);
	net_close(&n);
}

static void test_idle(void **state)
{
	int idle, kept, busy;
	unsigned n_busy = 0;

	(void)state;
	net_prepare(&n);
	n.tc.idle_ms = 60;
	net_open(&n);
	kept = net_connect(&n, "127.0.0.1");
	net_write(kept, M1);
	net_until(&n, n.n_rx == 1);
	sip_transport_keep(n.t, &n.flow[0], true);
	idle = net_connect(&n, "127.0.0.1");
	busy = net_connect(&n, "127.0.0.1");
	net_write(idle, M1);
	net_write(busy, M1);
	net_until(&n, n.n_rx == 3);
	for (int i = 0; i < 2;
	     i++) { /* twice the time, so that what is kept would have been closed too */
		uint64_t end = clock_ms() + 80;

		while (clock_ms() < end) {
			n_busy++;
			net_write(busy, "\r\n");
			uv_run(&n.loop, UV_RUN_ONCE);
		}
	}
	assert_true(net_closed(idle));
	assert_false(net_closed(kept));
	assert_false(net_closed(busy));
	assert_int_equal(sip_transport_stat(n.t)->connections, 2);
	sip_transport_keep(n.t, &n.flow[0], false);
	net_until(&n, net_closed(kept));
	close(idle);
	close(kept);
	close(busy);
	net_close(&n);
}

static void test_connections_of_one_address(void **state)
{
	const struct sip_transport_stat *stat;
	int fd[65], other;

	(void)state;
	open_echo();
	stat = sip_transport_stat(n.t);
	for (int i = 0; i < 64; i++)
		fd[i] = net_connect(&n, "127.0.0.1");
	net_until(&n, stat->connections == 64);
	fd[64] = net_connect(&n, "127.0.0.1");
	net_until(&n, net_closed(fd[64]));
	assert_int_equal(stat->connections_refused, 1);
	other = net_connect(&n, "127.0.0.2");
	net_until(&n, stat->connections == 65);
	close(fd[0]); /* one goes, one may come */
	net_until(&n, stat->connections == 64);
	fd[0] = net_connect(&n, "127.0.0.1");
	net_until(&n, stat->connections == 65);
	assert_int_equal(stat->connections_refused, 1);
	for (int i = 0; i < 65; i++)
		close(fd[i]);
	close(other);
	net_until(&n, stat->connections == 0);
	assert_int_equal(n.t->sources.count, 0);
	net_close(&n);
}

static void test_all_connections(void **state)
{
	const struct sip_transport_stat *stat;
	struct addr at = net_addr("127.0.0.1", 9);
	struct sip_flow flow;
	int fd[4];

	(void)state;
	net_prepare(&n);
	n.tc.max_connections = 3;
	net_open(&n);
	stat = sip_transport_stat(n.t);
	for (int i = 0; i < 4; i++)
		fd[i] = net_connect(&n, "127.0.0.1");
	net_until(&n, stat->connections == 3 && stat->connections_refused == 1);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TCP, &at, &flow), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), ERR_LIMIT);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	net_close(&n);
}

/* Where the next message begins is not known any more: the answer, then the end. */
static void test_lost_framing(void **state)
{
	static const char bad[] =
		"ONE sip:a SIP/2.0\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n";
	char text[200] = "";
	int fd;

	(void)state;
	net_prepare(&n);
	n.answer = "SIP/2.0 400 Bad Request\r\n\r\n";
	net_open(&n);
	fd = net_connect(&n, "127.0.0.1");
	net_write(fd, bad);
	net_write(fd, M1);
	net_until(&n, net_read(fd, text, sizeof text));
	assert_string_equal(text, n.answer);
	assert_int_equal(n.n_rx, 1);
	assert_string_equal(n.text[0], bad);
	close(fd);
	net_until(&n, sip_transport_stat(n.t)->connections == 0);
	net_close(&n);
}

/* And a peer that does not close then is closed. */
static void test_lost_framing_and_a_peer_that_stays(void **state)
{
	int fd;

	(void)state;
	net_prepare(&n);
	n.tc.message_ms = 30;
	net_open(&n);
	fd = net_connect(&n, "127.0.0.1");
	net_write(fd, "ONE sip:a SIP/2.0\r\nl: -1\r\n\r\n");
	net_until(&n, n.n_rx == 1);
	net_until(&n, sip_transport_stat(n.t)->connections == 0);
	close(fd);
	net_close(&n);
}

static void test_reader_that_stalls(void **state)
{
	static char big[16000];
	char text[4096];
	int stalled, good, small = 4096, err = 0;
	unsigned sent = 0;

	(void)state;
	memset(big, 'b', sizeof big);
	open_echo();
	stalled = net_connect(&n, "127.0.0.1");
	(void)!setsockopt(stalled, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	good = net_connect(&n, "127.0.0.1");
	net_write(stalled, M1);
	net_until(&n, n.n_rx == 1);
	while (err == 0 && sent < 2000) {
		err = sip_transport_send(n.t, &n.flow[0], str_n(big, sizeof big));
		sent++;
		if (sent % 20)
			continue;
		size_t rx = n.n_rx; /* the others are served in between */
		net_write(good, M1);
		*text = 0;
		net_until(&n, n.n_rx == rx + 1 && !net_read(good, text, sizeof text) &&
				      strlen(text) == strlen(M1));
	}
	assert_int_equal(err, ERR_LIMIT);
	net_until(&n, n.n_failed == 1);
	assert_int_equal(sip_transport_stat(n.t)->connections, 1);
	close(stalled);
	close(good);
	net_close(&n);
}

static void test_close_with_all_open(void **state)
{
	struct addr at;
	struct sip_flow flow;
	int fd[3], server;

	(void)state;
	net_prepare(&n);
	net_open(&n);
	server = listener(&at, 10);
	for (int i = 0; i < 3; i++)
		fd[i] = net_connect(&n, "127.0.0.1");
	net_write(fd[0], "half a mess");
	net_until(&n, sip_transport_stat(n.t)->connections == 3);
	net_turn(&n);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TCP, &at, &flow), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
	net_close(&n);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	close(server);
	assert_int_equal(n.n_failed, 0);
}

/* Each allocation on the way of a message in and out fails once; the listener lives on. */
static void test_memory_fails_anywhere(void **state)
{
	(void)state;
	for (uint64_t i = 1; i < 12; i++) {
		char text[400] = "";
		struct addr at;
		struct sip_flow flow;
		int fd, server;

		open_echo();
		server = listener(&at, 10);
		assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TCP, &at, &flow), 0);
		mem_fail_nth(i);
		fd = net_connect(&n, "127.0.0.1");
		net_turn(&n);
		(void)!send(fd, "ONE sip:a", 9, MSG_NOSIGNAL);
		net_turn(&n);
		(void)!sip_transport_send(n.t, &flow, STR(M1));
		net_turn(&n);
		mem_fail_nth(0);
		close(fd);
		fd = net_connect(&n, "127.0.0.1");
		net_write(fd, M2);
		net_until(&n, !net_read(fd, text, sizeof text) && strlen(text) == strlen(M2));
		close(fd);
		close(server);
		net_close(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_large_message),
		cmocka_unit_test(test_half_a_large_message_at_once),
		cmocka_unit_test(test_ping),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_stale_name),
		cmocka_unit_test(test_connecting),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_connect_timeout),
		cmocka_unit_test(test_queue_while_connecting_is_bounded),
		cmocka_unit_test(test_first_byte),
		cmocka_unit_test(test_slow_message),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_connections_of_one_address),
		cmocka_unit_test(test_all_connections),
		cmocka_unit_test(test_lost_framing),
		cmocka_unit_test(test_lost_framing_and_a_peer_that_stays),
		cmocka_unit_test(test_reader_that_stalls),
		cmocka_unit_test(test_close_with_all_open),
		cmocka_unit_test(test_memory_fails_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
