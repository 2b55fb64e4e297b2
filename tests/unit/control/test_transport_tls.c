/* TLS over real loopback sockets, with certificates made here: handshakes either way, framing across records, names, client
 * certificates, server names, limits of time, and certificates that change. */
#include "transport_kit.h"

#include <signal.h>

#include "tls_kit.h"

#define M1 "ONE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"
#define M2 "TWO sip:a SIP/2.0\r\nl: 5\r\n\r\nhello"

static struct net n;
static struct authority ca;
static struct conf_tls tls[2];
static struct conf_sni sni[2];
static struct conf_trunk trunk[2];
static char file[5][128];

static const char *const names[] = {"edge", "other", "peer", "phone", "wild"};

/* The first realm's listener speaks TLS on 5061. */
static void prepare(void)
{
	static const char *const sans[] = {"DNS:edge.example", "DNS:other.example",
					   "DNS:peer.example,URI:sip:uri.example,IP:127.0.0.1",
					   "DNS:phone.example", "DNS:*.example"};

	authority_open(&ca);
	for (unsigned i = 0; i < 5; i++)
		authority_issue(&ca, names[i], sans[i]);
	net_prepare(&n);
	n.here.port = 5061;
	n.on[0][1] = (struct conf_listen){CONF_TLS, 5061};
	pem_path(&ca, "ca", "pem", file[4]);
	for (unsigned i = 0; i < 2; i++) {
		pem_path(&ca, names[i], "pem", file[2 * i]);
		pem_path(&ca, names[i], "key", file[2 * i + 1]);
		tls[i] = (struct conf_tls){.name = str_c(names[i]),
					   .index = i,
					   .cert = str_c(file[2 * i]),
					   .key = str_c(file[2 * i + 1]),
					   .ca = str_c(file[4]),
					   .watch = true};
		trunk[i] = (struct conf_trunk){.name = str_c(names[i]), .realm = &n.realm[0]};
	}
	n.listener[0].tls = &tls[0];
	n.conf.tls = tls;
	n.conf.n_tls = 2;
	n.conf.trunk = trunk;
	n.tc.watch_ms = 10;
	n.echo = true;
}

static void finish(void)
{
	net_close(&n);
	for (unsigned i = 0; i < 5; i++)
		authority_remove(&ca, names[i]);
	authority_close(&ca);
}

struct client {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
};

/* On a connected socket; with a certificate by that name, where given. */
static void client_init(struct client *c, int fd, const char *cert, bool server)
{
	char path[128];

	c->fd = fd;
	c->ctx = SSL_CTX_new(TLS_method());
	pem_path(&ca, "ca", "pem", path);
	assert_int_equal(SSL_CTX_load_verify_file(c->ctx, path), 1);
	if (cert) {
		pem_path(&ca, cert, "pem", path);
		assert_int_equal(SSL_CTX_use_certificate_chain_file(c->ctx, path), 1);
		pem_path(&ca, cert, "key", path);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(c->ctx, path, SSL_FILETYPE_PEM), 1);
	}
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, fd);
	if (server)
		SSL_set_accept_state(c->ssl);
	else
		SSL_set_connect_state(c->ssl);
}

static void client_connect(struct client *c, const char *cert)
{
	client_init(c, net_connect(&n, "127.0.0.1"), cert, false);
}

static void client_close(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
	ERR_clear_error();
}

/* 1 done, 0 not yet, -1 failed */
static int client_step(struct client *c)
{
	int r, err;

	ERR_clear_error();
	r = SSL_do_handshake(c->ssl);
	err = SSL_get_error(c->ssl, r);
	return r == 1 ? 1 : err == SSL_ERROR_WANT_READ || err == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static bool client_shakes(struct client *c)
{
	int r = 0;

	net_until(&n, (r = client_step(c)) != 0);
	return r == 1;
}

/* What there is, appended; true when the peer has closed or broken off. */
static bool client_read(struct client *c, char *text, size_t cap)
{
	size_t at = strlen(text);
	int r, err;

	ERR_clear_error();
	r = SSL_read(c->ssl, text + at, (int)(cap - at - 1));
	err = SSL_get_error(c->ssl, r);
	if (r > 0)
		text[at + (size_t)r] = 0;
	return r <= 0 && err != SSL_ERROR_WANT_READ;
}

static void client_write(struct client *c, const char *text)
{
	assert_int_equal(SSL_write(c->ssl, text, (int)strlen(text)), strlen(text));
}

static void client_gets(struct client *c, const char *wanted)
{
	char text[1000] = "";

	net_until(&n, !client_read(c, text, sizeof text) && strlen(text) == strlen(wanted));
	assert_string_equal(text, wanted);
}

static bool client_is_shut_out(struct client *c)
{
	char text[10] = "";
	bool out = !client_shakes(c);

	if (!out) /* TLS 1.3: the client is done before it is refused */
		net_until(&n, (out = client_read(c, text, sizeof text)));
	return out;
}

static const char *server_name(struct client *c, char text[64])
{
	X509 *x = SSL_get1_peer_certificate(c->ssl);

	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, 64);
	X509_free(x);
	return text;
}

static void test_echo_and_goodbye(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct client c;
	char text[10] = "";

	(void)state;
	prepare();
	net_open(&n);
	for (unsigned i = 0; i < 2; i++) {
		client_connect(&c, NULL);
		SSL_set_min_proto_version(c.ssl, versions[i]);
		SSL_set_max_proto_version(c.ssl, versions[i]);
		assert_true(client_shakes(&c));
		client_write(&c, M1);
		client_gets(&c, M1);
		assert_int_equal(n.flow[i].transport, CONF_TLS);
		assert_true(addr_eq(&n.flow[i].local, &n.here));
		assert_true(str_empty(n.flow[i].tls_name));
		SSL_shutdown(c.ssl); /* is answered with the same, then closed */
		net_until(&n, client_read(&c, text, sizeof text));
		assert_int_equal(SSL_get_shutdown(c.ssl),
				 SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		client_close(&c);
		net_until(&n, sip_transport_stat(n.t)->connections == 0);
	}
	assert_int_equal(n.n_failed, 0);
	finish();
}

static void test_framing_across_records(void **state)
{
	struct client c;

	(void)state;
	prepare();
	n.echo = false;
	net_open(&n);
	client_connect(&c, NULL);
	assert_true(client_shakes(&c));
	client_write(&c, "\r\n" M1 M2 M1);
	net_until(&n, n.n_rx == 3);
	assert_string_equal(n.text[1], M2);
	for (size_t i = 0; i < strlen(M2); i++) {
		assert_int_equal(n.n_rx, 3);
		assert_int_equal(SSL_write(c.ssl, &M2[i], 1), 1);
		net_turn(&n);
	}
	net_until(&n, n.n_rx == 4);
	assert_string_equal(n.text[3], M2);
	client_write(&c, "\r\n\r\n");
	client_gets(&c, "\r\n");
	client_close(&c);
	finish();
}

static void test_large_both_ways(void **state)
{
	static char big[SIP_MSG_MAX_STREAM], back[SIP_MSG_MAX_STREAM];
	size_t head;
	struct client c;

	(void)state;
	prepare();
	net_open(&n);
	snprintf(big, sizeof big, "BIG sip:a SIP/2.0\r\nContent-Length: %d\r\n\r\n", SIP_BODY_MAX);
	head = strlen(big);
	memset(big + head, 'b', SIP_BODY_MAX);
	client_connect(&c, NULL);
	assert_true(client_shakes(&c));
	client_write(&c, big);
	net_until(&n, !client_read(&c, back, sizeof back) && strlen(back) == strlen(big));
	assert_string_equal(back, big);
	client_close(&c);
	finish();
}

static void test_slow_handshake(void **state)
{
	int fd;

	(void)state;
	prepare();
	n.tc.handshake_ms = 30;
	net_open(&n);
	fd = net_connect(&n, "127.0.0.1");
	net_write(fd, "\x16\x03\x01"); /* the beginning of a ClientHello */
	net_until(&n, net_closed(fd));
	assert_int_equal(sip_transport_stat(n.t)->timeouts, 1);
	close(fd);
	finish();
}

static void test_plaintext_is_refused(void **state)
{
	int fd;

	(void)state;
	prepare();
	net_open(&n);
	fd = net_connect(&n, "127.0.0.1");
	net_write(fd, M1);
	net_until(&n, net_closed(fd));
	assert_int_equal(n.n_rx, 0);
	assert_int_equal(n.n_failed, 0);
	assert_int_equal(sip_transport_stat(n.t)->connections, 0);
	close(fd);
	finish();
}

static void test_old_versions_are_refused(void **state)
{
	struct client c;

	(void)state;
	prepare();
	tls[0].min = CONF_TLS_1_3;
	net_open(&n);
	client_connect(&c, NULL);
	SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
	assert_false(client_shakes(&c));
	client_close(&c);
	finish();
}

static void test_client_certificates(void **state)
{
	struct client c;

	(void)state;
	for (int auth = CONF_CLIENT_OPTIONAL; auth <= CONF_CLIENT_REQUIRED; auth++) {
		prepare();
		tls[0].client_auth = (enum conf_client_auth)auth;
		trunk[0].tls_san = STR("nobody.example");
		trunk[1].tls_san = STR("Peer.example");
		n.conf.n_trunk = 2;
		net_open(&n);
		client_connect(&c, NULL);
		if (auth == CONF_CLIENT_OPTIONAL) {
			assert_true(client_shakes(&c));
			client_write(&c, M1);
			client_gets(&c, M1);
			assert_true(str_empty(n.flow[0].tls_name));
		} else {
			assert_true(client_is_shut_out(&c));
		}
		client_close(&c);
		client_connect(&c, "peer");
		assert_true(client_shakes(&c));
		client_write(&c, M1);
		client_gets(&c, M1);
		assert_true(str_eq(n.flow[n.n_rx - 1].tls_name, STR("Peer.example")));
		client_close(&c);
		client_connect(&c, "phone"); /* good, but no trunk's */
		assert_true(client_shakes(&c));
		client_write(&c, M1);
		client_gets(&c, M1);
		assert_true(str_empty(n.flow[n.n_rx - 1].tls_name));
		client_close(&c);
		finish();
	}
}

/* Carriers have certificates of servers; what is for mail only is no proof. */
static void test_what_a_certificate_is_for(void **state)
{
	static const struct {
		const char *usage;
		bool good;
	} table[] = {{"serverAuth", true}, {"clientAuth", true}, {"emailProtection", false}};
	struct client c;

	(void)state;
	prepare();
	tls[0].client_auth = CONF_CLIENT_REQUIRED;
	trunk[0].tls_san = STR("peer.example");
	n.conf.n_trunk = 1;
	net_open(&n);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		authority_issue_for(&ca, "peer", "DNS:peer.example", table[i].usage);
		client_connect(&c, "peer");
		if (table[i].good) {
			assert_true(client_shakes(&c));
			client_write(&c, M1);
			client_gets(&c, M1);
			assert_true(str_eq(n.flow[i].tls_name, STR("peer.example")));
		} else {
			assert_true(client_is_shut_out(&c));
		}
		client_close(&c);
	}
	finish();
}

/* A certificate that our authority has not signed is no better than none. */
static void test_foreign_client_certificate(void **state)
{
	struct authority good;
	struct client c;

	(void)state;
	prepare();
	tls[0].client_auth = CONF_CLIENT_OPTIONAL;
	net_open(&n);
	good = ca;
	authority_open(&ca);
	authority_issue(&ca, "peer", "DNS:peer.example");
	client_connect(&c, "peer");
	SSL_set_verify(c.ssl, SSL_VERIFY_NONE, NULL);
	assert_true(client_is_shut_out(&c));
	client_close(&c);
	authority_remove(&ca, "peer");
	authority_close(&ca);
	ca = good;
	finish();
}

static void test_server_names(void **state)
{
	static const struct {
		const char *asked, *got;
	} table[] = {
		{"sip.other.example", "other"},
		{"SIP.Other.Example", "other"},
		{"a.wild.example", "other"},
		{"a.b.wild.example", "edge"},
		{"wild.example", "edge"},
		{"unknown.example", "edge"},
		{NULL, "edge"},
	};
	struct client c;
	char text[64];

	(void)state;
	prepare();
	sni[0] = (struct conf_sni){.name = STR("sip.other.example"), .tls = &tls[1]};
	sni[1] = (struct conf_sni){.name = STR("*.wild.example"), .tls = &tls[1]};
	tls[0].sni = sni;
	tls[0].n_sni = 2;
	net_open(&n);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		client_connect(&c, NULL);
		if (table[i].asked)
			SSL_set_tlsext_host_name(c.ssl, table[i].asked);
		assert_true(client_shakes(&c));
		assert_string_equal(server_name(&c, text), table[i].got);
		client_close(&c);
	}
	finish();
}

/* What the other set asks for holds too: certificates and versions. */
static void test_server_name_brings_its_rules(void **state)
{
	struct client c;

	(void)state;
	prepare();
	sni[0] = (struct conf_sni){.name = STR("other.example"), .tls = &tls[1]};
	tls[0].sni = sni;
	tls[0].n_sni = 1;
	tls[1].client_auth = CONF_CLIENT_REQUIRED;
	tls[1].min = CONF_TLS_1_3;
	net_open(&n);
	client_connect(&c, NULL);
	SSL_set_tlsext_host_name(c.ssl, "other.example");
	assert_true(client_is_shut_out(&c));
	client_close(&c);
	client_connect(&c, "peer");
	SSL_set_tlsext_host_name(c.ssl, "other.example");
	SSL_set_max_proto_version(c.ssl, TLS1_2_VERSION);
	assert_false(client_shakes(&c));
	client_close(&c);
	finish();
}

static int listener(struct addr *at)
{
	struct addr any = net_addr("127.0.0.1", 0);
	int fd = net_socket(SOCK_STREAM, &any);

	assert_int_equal(listen(fd, 10), 0);
	*at = net_name(fd);
	return fd;
}

/* Two messages to a server that shows this certificate; true when they arrive. */
static bool reaches(const char *cert, struct str wanted)
{
	char text[200] = "", name[64];
	struct sip_flow flow;
	struct client c;
	struct addr at;
	int server = listener(&at), fd = -1;
	size_t failed = n.n_failed, received = n.n_rx;
	bool done = false;

	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TLS, &at, &flow), 0);
	flow.tls_name = wanted;
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M2)), 0);
	net_until(&n, (fd = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0);
	client_init(&c, fd, cert, true);
	SSL_set_verify(c.ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	net_until(&n, (client_step(&c) == 1 && !client_read(&c, text, sizeof text) &&
		       strlen(text) == strlen(M1 M2)) ||
			      n.n_failed > failed);
	done = n.n_failed == failed;
	if (done) {
		struct sip_flow other = flow;

		assert_string_equal(text, M1 M2);
		assert_string_equal(server_name(&c, name), "edge"); /* mutual */
		client_write(&c, M1);
		net_until(&n, n.n_rx > received);
		assert_true(str_eq(n.flow[n.n_rx - 1].tls_name, wanted));
		assert_int_equal(sip_transport_send(n.t, &flow, STR(M1)), 0);
		assert_int_equal(sip_transport_stat(n.t)->connections, 1);
		other.tls_name = STR("another.example"); /* is another connection */
		assert_int_equal(sip_transport_send(n.t, &other, STR(M1)), 0);
		assert_int_equal(sip_transport_stat(n.t)->connections, 2);
	} else {
		assert_string_equal(text, "");
	}
	client_close(&c);
	close(server);
	net_until(&n, sip_transport_stat(n.t)->connections == 0);
	return done;
}

static void test_connecting_checks_the_name(void **state)
{
	(void)state;
	prepare();
	n.echo = false;
	net_open(&n);
	assert_true(reaches("peer", STR("peer.example")));
	assert_true(reaches("peer", STR("uri.example")));
	assert_true(reaches("peer", STR("127.0.0.1")));
	assert_true(reaches("peer", STR(""))); /* by its address */
	assert_false(reaches("peer", STR("phone.example")));
	assert_false(reaches("phone", STR("")));
	assert_false(reaches("phone", STR("phone"))); /* the subject's name is none */
	assert_false(reaches("wild", STR("peer.example")));
	finish();
}

static void test_connecting_to_a_stranger(void **state)
{
	struct authority good;
	bool reached;

	(void)state;
	prepare();
	net_open(&n);
	good = ca;
	authority_open(&ca);
	authority_issue(&ca, "peer", "DNS:peer.example");
	reached = reaches("peer", STR("peer.example"));
	authority_remove(&ca, "peer");
	authority_close(&ca);
	ca = good;
	assert_false(reached);
	finish();
}

/* Nobody gets what is for another only because he holds the address. */
static void test_an_unproven_connection_is_not_reused(void **state)
{
	struct sip_flow flow;
	struct client c;
	struct addr me;

	(void)state;
	prepare();
	net_open(&n);
	client_connect(&c, NULL);
	assert_true(client_shakes(&c));
	client_write(&c, M1);
	client_gets(&c, M1);
	me = net_name(c.fd);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TLS, &me, &flow), 0);
	assert_int_equal(sip_transport_send(n.t, &flow, STR(M2)), 0);
	net_until(&n, n.n_failed == 1); /* a new one, and nobody listens there */
	assert_int_equal(sip_transport_send(n.t, &n.flow[0], STR(M2)), 0);
	client_gets(&c, M2); /* by the connection's own name all is well */
	client_close(&c);
	finish();
}

static void test_queue_during_the_handshake_is_bounded(void **state)
{
	static char big[20000];
	struct sip_flow flow;
	struct addr at;
	int server, err = 0;
	unsigned sent = 0;

	(void)state;
	prepare();
	memset(big, 'b', sizeof big);
	n.tc.max_queued_bytes = 100000;
	net_open(&n);
	server = listener(&at);
	assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TLS, &at, &flow), 0);
	while ((err = sip_transport_send(n.t, &flow, str_n(big, sizeof big))) == 0)
		sent++;
	assert_int_equal(err, ERR_LIMIT);
	assert_int_equal(sent, 5);
	net_until(&n, n.n_failed == 1);
	close(server);
	finish();
}

/* Whatever finds no memory costs one connection or one message, and leaks nothing. */
static void test_every_allocation_may_fail(void **state)
{
	struct sip_flow flow;
	struct client c;
	struct addr at;
	int server;

	(void)state;
	prepare();
	net_open(&n);
	server = listener(&at);
	for (uint64_t nth = 1; nth <= 8; nth++) {
		char text[100] = "";
		int r = 0;

		client_connect(&c, NULL);
		(void)mem_fail_nth(nth);
		for (int i = 0; i < 30; i++) {
			r = r == 1 ? 1 : client_step(&c);
			if (r == 1 && i % 10 == 5)
				(void)!SSL_write(c.ssl, M1, (int)strlen(M1) - (i < 10));
			if (r == 1)
				(void)client_read(&c, text, sizeof text);
			uv_run(&n.loop, UV_RUN_NOWAIT);
		}
		(void)mem_fail_nth(nth);
		assert_int_equal(sip_transport_flow(n.t, &n.realm[0], CONF_TLS, &at, &flow), 0);
		(void)!sip_transport_send(n.t, &flow, STR(M1));
		net_turn(&n);
		(void)mem_fail_nth(0);
		client_close(&c);
	}
	client_connect(&c, NULL);
	assert_true(client_shakes(&c));
	client_write(&c, M1);
	client_gets(&c, M1);
	client_close(&c);
	close(server);
	finish();
}

static void copy_file(const char *from, const char *to)
{
	static char text[8192];
	FILE *f = fopen(from, "r");
	size_t len = fread(text, 1, sizeof text, f);

	fclose(f);
	f = fopen(to, "w");
	fwrite(text, 1, len, f);
	fclose(f);
}

/* "other" takes the place of "edge", with a broken file in between. */
static void test_reload(void **state)
{
	struct client old, c;
	char text[64];
	const char *now = "edge";
	FILE *f;

	(void)state;
	prepare();
	net_open(&n);
	client_connect(&old, NULL);
	assert_true(client_shakes(&old));
	f = fopen(file[0], "w");
	fputs("nothing\n", f);
	fclose(f);
	for (int i = 0; i < 10; i++) /* the watch has its turn every other time */
		uv_run(&n.loop, UV_RUN_ONCE);
	client_connect(&c, NULL);
	assert_true(client_shakes(&c));
	assert_string_equal(server_name(&c, text), "edge");
	client_close(&c);
	copy_file(file[2], file[0]);
	copy_file(file[3], file[1]);
	for (int i = 0; i < 100 && strcmp(now, "other") != 0; i++) {
		uv_run(&n.loop, UV_RUN_ONCE);
		client_connect(&c, NULL);
		assert_true(client_shakes(&c));
		now = server_name(&c, text);
		client_close(&c);
	}
	assert_string_equal(now, "other");
	client_write(&old, M1);
	client_gets(&old, M1);
	client_close(&old);
	finish();
}

static void assert_refused(const char *why)
{
	assert_int_equal(net_try_open(&n), ERR_INVAL);
	if (!strstr(n.error, why))
		fail_msg("%s", n.error);
	uv_close((uv_handle_t *)&n.tick, NULL);
	uv_run(&n.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&n.loop), 0);
	assert_int_equal(mem_live(), 0);
	for (unsigned i = 0; i < 5; i++)
		authority_remove(&ca, names[i]);
	authority_close(&ca);
}

static void test_files_that_are_no_good(void **state)
{
	(void)state;
	prepare();
	tls[1].key = tls[0].key;
	assert_refused("is not that of the certificate");
	prepare();
	tls[0].cert = tls[0].key;
	assert_refused("holds no certificate that can be used");
	prepare();
	tls[0].key = tls[0].cert;
	assert_refused("holds no key that can be used");
	prepare();
	tls[0].ca = tls[0].key;
	assert_refused("no authority can be read from");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo_and_goodbye),
		cmocka_unit_test(test_framing_across_records),
		cmocka_unit_test(test_large_both_ways),
		cmocka_unit_test(test_slow_handshake),
		cmocka_unit_test(test_plaintext_is_refused),
		cmocka_unit_test(test_old_versions_are_refused),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_what_a_certificate_is_for),
		cmocka_unit_test(test_foreign_client_certificate),
		cmocka_unit_test(test_server_names),
		cmocka_unit_test(test_server_name_brings_its_rules),
		cmocka_unit_test(test_connecting_checks_the_name),
		cmocka_unit_test(test_connecting_to_a_stranger),
		cmocka_unit_test(test_an_unproven_connection_is_not_reused),
		cmocka_unit_test(test_queue_during_the_handshake_is_bounded),
		cmocka_unit_test(test_every_allocation_may_fail),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_files_that_are_no_good),
	};

	signal(SIGPIPE, SIG_IGN); /* as the program does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
