/* Digest: the RFCs' examples, our own nonces, and everything that must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sip/digest.h"

#define assert_str(got, want) assert_true(str_eq((got), STR(want)))

/* RFC 2617 3.5, RFC 7616 3.9.1 (both hashes); RFC 2069's form computed after RFC 2617 3.2.2.1. */
static void test_vectors(void **state)
{
	struct digest_credentials c = {
		.username = STR("Mufasa"),
		.realm = STR("testrealm@host.com"),
		.nonce = STR("dcd98b7102dd2f0e8b11d0f600bfb0c093"),
		.uri = STR("/dir/index.html"),
		.qop = STR("auth"),
		.nc = STR("00000001"),
		.cnonce = STR("0a4f113b"),
	};
	char hex[DIGEST_RESPONSE_MAX];
	struct str got;

	(void)state;
	assert_true(digest_response(&c, STR("GET"), STR("Circle Of Life"), hex, &got));
	assert_str(got, "6629fae49393a05397450978507c4ef1");
	c.qop = STR("");
	assert_true(digest_response(&c, STR("GET"), STR("Circle Of Life"), hex, &got));
	assert_str(got, "670fd8c2df070c60b045671b8b24ff02");
	c.qop = STR("auth");
	c.realm = STR("http-auth@example.org");
	c.nonce = STR("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v");
	c.cnonce = STR("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
	c.algorithm = STR("MD5");
	assert_true(digest_response(&c, STR("GET"), STR("Circle of Life"), hex, &got));
	assert_str(got, "8ca523f5e9506fed4657c9700eebdbec");
	c.algorithm = STR("SHA-256");
	assert_true(digest_response(&c, STR("GET"), STR("Circle of Life"), hex, &got));
	assert_str(got, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

static void test_parse(void **state)
{
	struct digest_credentials c;
	struct arena a;

	(void)state;
	arena_init(&a, 1024, 8192);
	assert_int_equal(
		digest_parse(STR("Digest username=\"bob\",realm=\"r, \\\"x\\\"\" , nonce=\"n\","
				 " uri=\"sip:a<b>\", response=\"00\", algorithm=MD5,"
				 "cnonce=\"\", qop=auth, nc=00000001,, future=1"),
			     &a, &c),
		0);
	assert_str(c.username, "bob");
	assert_str(c.realm, "r, \"x\"");
	assert_str(c.uri, "sip:a<b>");
	assert_str(c.algorithm, "MD5");
	assert_str(c.nc, "00000001");
	assert_non_null(c.cnonce.p);
	assert_null(c.opaque.p);
	assert_int_equal(digest_parse(STR("Digest username=\"a\\\\b \\\"c\\\"\""), &a, &c), 0);
	assert_str(c.username, "a\\b \"c\"");
	assert_int_equal(digest_parse(STR("NoOneKnowsThisScheme opaque-data=here"), &a, &c),
			 ERR_UNSUPPORTED);
	assert_int_equal(digest_parse(STR("Digest username=\"bob"), &a, &c), ERR_SYNTAX);
	assert_int_equal(digest_parse(STR("Digest username=\"b\" x"), &a, &c), ERR_SYNTAX);
	assert_int_equal(digest_parse(STR("Digest nc=1,nc=2"), &a, &c), ERR_SYNTAX);
	assert_int_equal(digest_parse(STR("Digest username=\"\\\x01\""), &a, &c), ERR_SYNTAX);
	assert_int_equal(digest_parse(STR("Digest username="), &a, &c), ERR_SYNTAX);
	arena_free(&a);
}

/* One client that answers challenges, as wrongly as a test wants it. */
struct client {
	struct digest_server server;
	struct arena arena;
	struct sip_msg msg;
	char data[4096], challenge[2048];
	const char *method, *user, *password, *ruri, *uri, *realm, *algorithm, *qop, *username_wire;
	const char *nonce; /* instead of the challenge's */
	struct digest_credentials cred;
};

static const uint64_t now = 1700000000000;

static const struct secret *lookup(void *ctx, struct str user)
{
	static const struct secret good = {.p = (char *)(uintptr_t) "zanzibar", .len = 8};
	static const struct secret unset = {0};

	(void)ctx;
	if (str_eq(user, STR("unset")))
		return &unset;
	return str_eq(user, STR("bob")) || str_eq(user, STR("b\"o\\b")) ? &good : NULL;
}

/* A request as far as a challenge looks at it. */
static struct sip_msg from_agent(const char *agent)
{
	struct sip_msg m = {0};

	if (!agent)
		return m;
	m.hdr[0] = (struct sip_hdr){.id = SIP_H_USER_AGENT, .value = str_c(agent)};
	m.n_hdr = 1;
	m.first[SIP_H_USER_AGENT] = 1;
	return m;
}

static void client_init(struct client *c)
{
	*c = (struct client){.method = "REGISTER",
			     .user = "bob",
			     .password = "zanzibar",
			     .ruri = "sip:biloxi.example.com",
			     .uri = "sip:biloxi.example.com",
			     .realm = "biloxi.example.com",
			     .algorithm = "SHA-256",
			     .qop = "auth"};
	digest_server_init(&c->server);
	arena_init(&c->arena, 4096, 65536);
}

/* The nonce of the first challenge line. */
static struct str client_nonce(struct client *c, uint64_t at)
{
	const struct sip_msg m = from_agent("Phone/1.0");
	struct buf b = BUF_ON(c->challenge);
	struct str s;

	digest_challenge(&b, &c->server, &m, STR("biloxi.example.com"), false, false, at);
	assert_int_equal(buf_check(&b), 0);
	s = buf_view(&b);
	s = str_from(s, (size_t)str_find_str(s, STR("nonce=\"")) + 7);
	return str_cut(&s, '"');
}

static enum digest_result client_try(struct client *c, uint64_t challenged, uint64_t at)
{
	struct digest_credentials d = {
		.username = str_c(c->user),
		.realm = str_c(c->realm),
		.nonce = c->nonce ? str_c(c->nonce) : client_nonce(c, challenged),
		.uri = str_c(c->uri),
		.algorithm = str_c(c->algorithm),
		.qop = str_c(c->qop),
		.nc = STR("00000001"),
		.cnonce = STR("0a4f113b"),
	};
	char hex[DIGEST_RESPONSE_MAX];
	struct buf b = BUF_ON(c->data);
	struct sip_fault fault;
	struct str response;

	assert_true(digest_response(&d, str_c(c->method), str_c(c->password), hex, &response));
	buf_printf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n", c->method,
		   c->ruri);
	buf_printf(&b, "From: <sip:bob@b>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: 1\r\nCSeq: 1 %s\r\n",
		   c->method);
	buf_c(&b, "Authorization: Basic Ym9i\r\n");
	buf_c(&b, "Authorization: Digest realm=\"elsewhere\", username=\"bob\"\r\n");
	buf_printf(&b, "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%.*s\"",
		   c->username_wire ? c->username_wire : c->user, c->realm, STR_FMT(d.nonce));
	buf_printf(&b, ", uri=\"%s\", response=\"%.*s\"", c->uri, STR_FMT(response));
	if (d.algorithm.len)
		buf_printf(&b, ", algorithm=%s", c->algorithm);
	if (d.qop.len)
		buf_printf(&b, ", qop=%s, nc=00000001, cnonce=\"0a4f113b\"", c->qop);
	buf_c(&b, "\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(buf_check(&b), 0);
	arena_reset(&c->arena);
	assert_int_equal(sip_scan(c->data, b.len, &c->arena, &c->msg, &fault), 0);
	return digest_check(&c->server, &c->msg, STR("biloxi.example.com"), lookup, NULL, at,
			    &c->cred);
}

static void test_good(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	assert_int_equal(client_try(&c, now, now), DIGEST_OK);
	assert_str(c.cred.username, "bob");
	assert_int_equal(client_try(&c, now, now + c.server.nonce_life_ms), DIGEST_OK);
	c.algorithm = "MD5";
	assert_int_equal(client_try(&c, now, now), DIGEST_OK);
	c.algorithm = "";
	assert_int_equal(client_try(&c, now, now), DIGEST_OK);
	c.qop = "";
	assert_int_equal(client_try(&c, now, now), DIGEST_OK); /* RFC 2069 */
	c.user = "b\"o\\b";
	c.username_wire = "b\\\"o\\\\b";
	assert_int_equal(client_try(&c, now, now), DIGEST_OK);
	arena_free(&c.arena);
}

/* Credentials that somebody overheard are of no use at another address; another port is a router's whim. */
static void test_nonce_is_for_one_peer(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.msg.flow.remote.ip[15] = 1;
	assert_int_equal(client_try(&c, now, now), DIGEST_STALE);
	c.msg.flow.remote = (struct addr){.port = 4711};
	assert_int_equal(client_try(&c, now, now), DIGEST_OK);
	c.msg.flow.remote.ip[0] = 198;
	c.password = "guess";
	assert_int_equal(client_try(&c, now, now), DIGEST_BAD);
	arena_free(&c.arena);
}

static void test_nonce(void **state)
{
	struct client c, other;
	char kept[256];
	struct str n;

	(void)state;
	client_init(&c);
	client_init(&other);
	assert_int_equal(client_try(&c, now, now + c.server.nonce_life_ms + 1), DIGEST_STALE);
	assert_int_equal(client_try(&c, now + 1, now), DIGEST_STALE); /* from the future */
	c.nonce = "00";
	assert_int_equal(client_try(&c, now, now), DIGEST_STALE);
	n = client_nonce(&other, now); /* another server's, or ours before a restart */
	c.nonce = str_copy(kept, sizeof(kept), n);
	assert_int_equal(client_try(&c, now, now), DIGEST_STALE);
	n = client_nonce(&c, now);
	str_copy(kept, sizeof(kept), n);
	for (size_t i = 0; kept[i]; i++) {
		char was = kept[i];

		kept[i] = was == '0' ? '1' : '0';
		assert_int_equal(client_try(&c, now, now), DIGEST_STALE);
		kept[i] = was;
	}
	assert_int_equal(client_try(&c, now, now), DIGEST_OK);
	/* A wrong password is wrong, however old the nonce. */
	c.password = "x";
	assert_int_equal(client_try(&c, now, now + 10 * c.server.nonce_life_ms), DIGEST_BAD);
	arena_free(&c.arena);
	arena_free(&other.arena);
}

static void test_bad(void **state)
{
	static const struct {
		const char *user, *password, *uri, *algorithm, *qop;
	} bad[] = {
		{"bob", "Zanzibar", "sip:biloxi.example.com", "SHA-256", "auth"},
		{"nobody", "zanzibar", "sip:biloxi.example.com", "SHA-256", "auth"},
		{"nobody", "", "sip:biloxi.example.com", "SHA-256", "auth"},
		{"unset", "", "sip:biloxi.example.com", "SHA-256", "auth"},
		{"bob", "zanzibar", "sip:+882@biloxi.example.com", "SHA-256", "auth"},
		{"bob", "zanzibar", "sip:elsewhere.example.com", "SHA-256", "auth"},
		{"bob", "zanzibar", "sip:biloxi.example.com", "SHA-256", "auth-int"},
		{"bob", "zanzibar", "sip:biloxi.example.com", "SHA-256", ""},
		{"bob", "zanzibar", "sip:biloxi.example.com", "SHA-256-sess", "auth"},
		{"bob", "zanzibar", "sip:biloxi.example.com", "MD5-sess", "auth"},
		{"bob", "zanzibar", "sip:biloxi.example.com", "token", "auth"},
		{"", "zanzibar", "sip:biloxi.example.com", "SHA-256", "auth"},
	};
	struct client c;

	(void)state;
	client_init(&c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.user = bad[i].user;
		c.password = bad[i].password;
		c.uri = bad[i].uri;
		c.algorithm = bad[i].algorithm;
		c.qop = bad[i].qop;
		if (client_try(&c, now, now) != DIGEST_BAD)
			fail_msg("row %zu was not refused", i);
	}
	arena_free(&c.arena);
	client_init(&c);
	c.realm = "other";
	assert_int_equal(client_try(&c, now, now), DIGEST_NONE);
	arena_free(&c.arena);
}

/* The digest's uri may lack what the Request-URI carries for its way. */
static void test_uri_parameters_do_not_matter(void **state)
{
	struct client c;

	(void)state;
	client_init(&c);
	c.method = "INVITE";
	c.ruri = "sip:100@Biloxi.example.com:5060;transport=tcp";
	c.uri = "sip:100@biloxi.example.com";
	assert_int_equal(client_try(&c, now, now), DIGEST_OK);
	c.uri = "sip:101@biloxi.example.com";
	assert_int_equal(client_try(&c, now, now), DIGEST_BAD);
	arena_free(&c.arena);
}

static void test_challenge(void **state)
{
	const struct sip_msg m = from_agent("Phone/1.0");
	struct digest_server d;
	char text[1024];
	struct buf b = BUF_ON(text);
	struct str s, line;

	(void)state;
	digest_server_init(&d);
	assert_int_equal(d.nonce_life_ms, 300000);
	digest_challenge(&b, &d, &m, STR("a\"b"), true, true, now);
	assert_int_equal(buf_check(&b), 0);
	s = buf_view(&b);
	line = str_cut(&s, '\n');
	assert_true(str_starts(line, STR("Proxy-Authenticate: Digest realm=\"a\\\"b\", nonce=\"")));
	assert_true(str_find_str(line, STR("algorithm=SHA-256, qop=\"auth\", stale=true\r")) > 0);
	line = str_cut(&s, '\n');
	assert_true(str_find_str(line, STR("algorithm=MD5")) > 0);
	assert_int_equal(s.len, 0);
	b = BUF_ON(text);
	digest_challenge(&b, &d, &m, STR("x"), false, false, now);
	assert_true(str_starts(buf_view(&b), STR("WWW-Authenticate: Digest realm=\"x\"")));
	assert_true(str_find_str(buf_view(&b), STR("stale")) < 0);
}

/* Clients that fail at an algorithm they do not know are not shown it, or not first. */
static void test_challenge_by_agent(void **state)
{
	static const struct {
		const char *agent;
		int md5, sha; /* order: 1 first, 2 second, 0 absent */
	} rows[] = {
		{"Phone/1.0", 2, 1},
		{"baresip v1.0.0 (x86_64/linux)", 1, 0},
		{"baresip v4.0.0", 2, 1},
		{"Acme baresip v1.0.0", 2, 1},
		{NULL, 1, 2},
	};
	struct digest_server d;

	(void)state;
	digest_server_init(&d);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_msg m = from_agent(rows[i].agent);
		char text[1024];
		struct buf b = BUF_ON(text);
		ptrdiff_t md5, sha;

		digest_challenge(&b, &d, &m, STR("x"), false, false, now);
		md5 = str_find_str(buf_view(&b), STR("algorithm=MD5"));
		sha = str_find_str(buf_view(&b), STR("algorithm=SHA-256"));
		assert_int_equal(md5 >= 0, rows[i].md5 > 0);
		assert_int_equal(sha >= 0, rows[i].sha > 0);
		if (md5 >= 0 && sha >= 0)
			assert_int_equal(md5 < sha, rows[i].md5 < rows[i].sha);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_nonce_is_for_one_peer),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_uri_parameters_do_not_matter),
		cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_challenge_by_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
