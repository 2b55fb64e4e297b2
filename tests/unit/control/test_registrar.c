/* The registrar as a phone sees it: real scan, real transactions, a recorder where the network is, and a clock of our own.
 * Every test names the rule (RFC 3261 10.3, RFC 4475, SIP security) that it is about. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mem.h"
#include "registrar/registrar.h"
#include "shard.h"

#define CONF_HEAD                                                                                  \
	"version: 1\n"                                                                             \
	"dataplane: {ports: {p0: {vdev: \"net_af_packet,iface=eth0\"}}}\n"                         \
	"interfaces:\n"                                                                            \
	"  pub: {port: p0, address: 192.0.2.10/24, sip_address: [192.0.2.11, \"2001:db8::11\"]}\n" \
	"media_pools: {pub: {interface: pub, ports: 20000-20999}}\n"                               \
	"realms:\n"                                                                                \
	"  access: {interface: pub, media_pool: pub}\n"                                            \
	"  core: {interface: pub, media_pool: pub}\n"                                              \
	"  other: {interface: pub, media_pool: pub}\n"                                             \
	"listeners:\n"                                                                             \
	"  access: {realm: access, on: [udp:5060]}\n"                                              \
	"  core: {realm: core, on: [udp:5061]}\n"                                                  \
	"  other: {realm: other, on: [udp:5062]}\n"
#define USERS "users: {alice: wonderland, bob: builder, 'null-%00-null': zero}"

static const char conf_domains[] =
	CONF_HEAD "registrar: {realm: [access, core], domains: [example.net, example.com], "
		  "max_contacts: 3, " USERS "}\n";
static const char conf_any[] = CONF_HEAD "registrar: {realm: access, " USERS "}\n";

#define START 1000000ULL

static struct {
	struct shard shard;
	struct conf *conf;
	uint64_t now_ms;
	char sent[65536];
	size_t sent_len;
	unsigned n_sent, serial;
	struct sip_flow flow;
} kit;

static int kit_send(void *ctx, const struct sip_flow *flow, struct str bytes)
{
	(void)ctx;
	(void)flow;
	assert_true(bytes.len < sizeof(kit.sent));
	memcpy(kit.sent, bytes.p, bytes.len);
	kit.sent[bytes.len] = '\0';
	kit.sent_len = bytes.len;
	kit.n_sent++;
	return 0;
}

static void kit_request(void *ctx, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	(void)ctx;
	registrar_request(kit.shard.registrar, t, m, now_ms);
}

static void kit_failed(void *ctx, txn_id t, uint64_t owner, enum txn_failure why, uint64_t now_ms)
{
	(void)ctx;
	(void)t;
	(void)owner;
	(void)why;
	(void)now_ms;
}

static const struct txn_user kit_user = {.request = kit_request, .failed = kit_failed};

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_c(text), &a), 0);
	return a;
}

static void flow_from(const char *realm, const char *remote)
{
	kit.flow = (struct sip_flow){
		.local = addr_of("192.0.2.11:5060"),
		.remote = addr_of(remote),
		.realm = conf_realm(kit.conf, str_c(realm)),
		.conn = UINT32_MAX,
		.transport = CONF_UDP,
	};
}

static int kit_open(const char *text)
{
	struct txn_layer_conf txn = {
		.wheel = &kit.shard.wheel,
		.user = &kit_user,
		.send = kit_send,
	};
	struct conf_errors errors;
	int err;

	memset(&kit, 0, sizeof(kit));
	log_init("test", 2, LOG_ERROR, LOG_LOGFMT);
	conf_errors_init(&errors);
	err = conf_load_text("test.yaml", str_c(text), &kit.conf, &errors);
	if (err)
		conf_errors_print(&errors, stderr);
	conf_errors_free(&errors);
	if (err)
		return err;
	kit.now_ms = START;
	kit.shard.conf = kit.conf;
	timer_wheel_init(&kit.shard.wheel, kit.now_ms);
	arena_init(&kit.shard.scratch, 65536, 1 << 20);
	digest_server_init(&kit.shard.digest);
	err = txn_layer_create(&txn, &kit.shard.txn);
	if (!err)
		err = registrar_create(&kit.shard, &kit.shard.registrar);
	flow_from("access", "198.51.100.7:5060");
	return err;
}

static void kit_close(void)
{
	registrar_destroy(kit.shard.registrar);
	txn_layer_destroy(kit.shard.txn);
	arena_free(&kit.shard.scratch);
	conf_free(kit.conf);
}

static int setup(void **state)
{
	(void)state;
	return kit_open(conf_domains);
}

static int setup_any(void **state)
{
	(void)state;
	return kit_open(conf_any);
}

static int teardown(void **state)
{
	(void)state;
	kit_close();
	assert_int_equal(mem_live(), 0);
	return 0;
}

static void pass(uint64_t ms)
{
	kit.now_ms += ms;
	timer_wheel_advance(&kit.shard.wheel, kit.now_ms);
}

/* Lets a raw message in; the status of the answer, 0 for none. */
static unsigned receive(const char *text)
{
	struct sip_fault fault = {0};
	static struct sip_msg m;
	static char data[65536];
	unsigned before = kit.n_sent, status = 0;
	size_t len = strlen(text);
	uint64_t v;

	assert_true(len < sizeof(data));
	memcpy(data, text, len);
	m = (struct sip_msg){.flow = kit.flow, .received_ms = kit.now_ms};
	if (sip_scan(data, len, &kit.shard.scratch, &m, &fault) || sip_msg_check(&m, &fault))
		status = fault.status;
	else
		txn_receive(kit.shard.txn, &m, kit.now_ms);
	arena_reset(&kit.shard.scratch);
	if (status || kit.n_sent == before)
		return status;
	assert_int_equal(kit.n_sent, before + 1);
	assert_memory_equal(kit.sent, "SIP/2.0 ", 8);
	assert_int_equal(str_to_u64(str_n(kit.sent + 8, 3), 999, &v), 0);
	return (unsigned)v;
}

static bool sent_has(const char *text)
{
	return str_find_str(str_n(kit.sent, kit.sent_len), str_c(text)) >= 0;
}

static unsigned sent_count(const char *text)
{
	struct str rest = str_n(kit.sent, kit.sent_len);
	unsigned n = 0;
	ptrdiff_t at;

	while ((at = str_find_str(rest, str_c(text))) >= 0) {
		rest = str_from(rest, (size_t)at + 1);
		n++;
	}
	return n;
}

/* How a REGISTER differs from alice's plain one. */
struct reg {
	const char *user, *password, *to, *ruri, *call_id, *lines, *algorithm, *realm;
	unsigned cseq;
	bool bare; /* without credentials */
};

static void write_request(struct buf *b, const struct reg *q, const char *auth)
{
	kit.serial++;
	buf_printf(b,
		   "REGISTER %s SIP/2.0\r\n"
		   "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKreg%u;rport\r\n"
		   "Max-Forwards: 70\r\n"
		   "From: <%s>;tag=f1\r\nTo: <%s>\r\n"
		   "Call-ID: %s\r\nCSeq: %u REGISTER\r\n%s%sContent-Length: 0\r\n\r\n",
		   q->ruri ? q->ruri : "sip:example.net", kit.serial,
		   q->to ? q->to : "sip:alice@example.net", q->to ? q->to : "sip:alice@example.net",
		   q->call_id ? q->call_id : "call-1",
		   q->cseq && *auth ? q->cseq : 1000 + kit.serial, q->lines ? q->lines : "", auth);
	assert_int_equal(buf_check(b), 0);
}

static struct str sent_nonce(void)
{
	struct str all = str_n(kit.sent, kit.sent_len);
	ptrdiff_t at = str_find_str(all, STR("nonce=\""));

	assert_true(at > 0);
	all = str_from(all, (size_t)at + 7);
	return str_cut(&all, '"');
}

/* The Authorization line that answers the challenge in kit.sent. */
static void write_auth(struct buf *b, const struct reg *q)
{
	struct digest_credentials c = {
		.username = str_c(q->user ? q->user : "alice"),
		.realm = str_c(q->realm ? q->realm : "example.net"),
		.nonce = sent_nonce(),
		.uri = str_c(q->ruri ? q->ruri : "sip:example.net"),
		.algorithm = str_c(q->algorithm ? q->algorithm : "MD5"),
		.cnonce = STR("c0ffee"),
		.nc = STR("00000001"),
		.qop = STR("auth"),
	};
	char hex[DIGEST_RESPONSE_MAX];
	struct str response;

	assert_true(digest_response(&c, STR("REGISTER"),
				    str_c(q->password ? q->password : "wonderland"), hex,
				    &response));
	buf_printf(b,
		   "Authorization: Digest username=\"%.*s\", realm=\"%.*s\", nonce=\"%.*s\", "
		   "uri=\"%.*s\", response=\"%.*s\", algorithm=%.*s, cnonce=\"c0ffee\", "
		   "nc=00000001, qop=auth\r\n",
		   STR_FMT(c.username), STR_FMT(c.realm), STR_FMT(c.nonce), STR_FMT(c.uri),
		   STR_FMT(response), STR_FMT(c.algorithm));
}

/* Registers as phones do: asks, is challenged, asks again with credentials. The status of the last answer. */
static unsigned reg(const struct reg *q)
{
	char text[32768], auth[1024] = "";
	struct buf b = BUF_ON(text), a = BUF_ON(auth);
	unsigned status;

	write_request(&b, q, "");
	status = receive(buf_cstr(&b));
	if (status != 401 || q->bare)
		return status;
	write_auth(&a, q);
	b = BUF_ON(text);
	write_request(&b, q, buf_cstr(&a));
	return receive(buf_cstr(&b));
}

#define REG(...) reg(&(struct reg){__VA_ARGS__})

static size_t contacts(const char *user)
{
	const struct reg_binding *b = registrar_find(kit.shard.registrar, str_c(user), NULL);

	return b ? b->n_contact : 0;
}

static const struct reg_contact *first(const char *user)
{
	const struct reg_binding *b = registrar_find(kit.shard.registrar, str_c(user), NULL);

	assert_non_null(b);
	return b->contact;
}

static void a_stranger_is_challenged_and_costs_nothing(void **state)
{
	int64_t before;

	(void)state;
	before = mem_live();
	assert_int_equal(REG(.bare = true, .lines = "Contact: <sip:alice@10.0.0.5>\r\n"), 401);
	assert_true(sent_has("WWW-Authenticate: Digest realm=\"example.net\""));
	assert_true(sent_has("algorithm=SHA-256"));
	assert_true(sent_has("algorithm=MD5"));
	assert_false(sent_has("stale=true"));
	assert_int_equal(contacts("alice"), 0);
	pass(64000); /* the transaction is over */
	arena_free(&kit.shard.scratch);
	assert_true(mem_live() <= before + 1);
}

static void both_algorithms_bind(void **state)
{
	(void)state;
	assert_int_equal(REG(.lines = "Contact: <sip:alice@198.51.100.7>\r\n"), 200);
	assert_true(sent_has("Contact: <sip:alice@198.51.100.7>;expires=3600\r\n"));
	assert_int_equal(
		REG(.algorithm = "SHA-256", .lines = "Contact: <sip:alice@198.51.100.8>\r\n"), 200);
	assert_int_equal(contacts("alice"), 2);
	assert_int_equal(registrar_contacts(kit.shard.registrar), 2);
	assert_int_equal(kit.shard.metrics.value[M_REG_CONTACTS], 2);
	assert_int_equal(kit.shard.metrics.value[M_REG_AUTH_FAILED], 0);
	assert_int_equal(kit.shard.metrics.value[M_REG_REQUESTS], 4);
}

static void wrong_credentials_bind_nothing(void **state)
{
	(void)state;
	assert_int_equal(REG(.password = "x", .lines = "Contact: <sip:a@h.example>\r\n"), 401);
	assert_int_equal(REG(.user = "nobody", .to = "sip:nobody@example.net", .password = "x",
			     .lines = "Contact: <sip:a@h.example>\r\n"),
			 401); /* the same answer: nobody learns who exists */
	/* bob's password does not open alice's door (10.3 step 4) */
	assert_int_equal(REG(.user = "bob", .password = "builder",
			     .lines = "Contact: <sip:a@h.example>\r\n"),
			 403);
	assert_int_equal(contacts("alice") + contacts("bob"), 0);
	assert_int_equal(kit.shard.metrics.value[M_REG_AUTH_FAILED], 3);
}

static void an_old_nonce_is_stale(void **state)
{
	char text[4096], auth[1024];
	struct buf b = BUF_ON(text), a = BUF_ON(auth);
	struct reg q = {.lines = "Contact: <sip:alice@10.0.0.5>\r\n"};

	(void)state;
	write_request(&b, &q, "");
	assert_int_equal(receive(buf_cstr(&b)), 401);
	write_auth(&a, &q);
	pass(301 * 1000);
	b = BUF_ON(text);
	write_request(&b, &q, buf_cstr(&a));
	assert_int_equal(receive(buf_cstr(&b)), 401);
	assert_true(sent_has("stale=true"));
	assert_int_equal(contacts("alice"), 0);
}

static void domains_are_checked(void **state)
{
	static const struct {
		const char *ruri, *to;
		unsigned status;
	} row[] = {
		{"sip:example.net", "sip:alice@example.com", 200},
		{"sip:EXAMPLE.com", "sip:alice@example.net", 200},
		{"sip:192.0.2.11", "sip:alice@192.0.2.11", 200}, /* our own address */
		{"sip:[2001:db8::11]", "sip:alice@example.net", 200},
		{"sip:example.org", "sip:alice@example.net", 403}, /* 10.3 step 1 */
		{"sip:192.0.2.99", "sip:alice@example.net", 403},
		{"sip:example.net", "sip:alice@example.org", 404}, /* step 5 */
		{"sips:example.net", "sip:alice@example.net", 416},
		{"sip:example.net", "sips:alice@example.net", 416},
		{"sip:example.net", "isbn:2983792873", 416}, /* RFC 4475 unksm2 */
		{"tel:123", "sip:alice@example.net", 416},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned status = REG(.ruri = row[i].ruri, .to = row[i].to);

		if (status != row[i].status)
			fail_msg("%s %s: %u", row[i].ruri, row[i].to, status);
	}
}

static void without_domains_every_one_is_ours(void **state)
{
	(void)state;
	assert_int_equal(REG(.ruri = "sip:whatever.example", .to = "sip:alice@else.example",
			     .realm = "192.0.2.11", .lines = "Contact: <sip:alice@10.0.0.5>\r\n"),
			 200);
	assert_int_equal(contacts("alice"), 1);
	assert_true(registrar_is_domain(kit.shard.registrar, STR("any.example")));
}

static void only_its_realms(void **state)
{
	(void)state;
	flow_from("other", "198.51.100.7:5060");
	assert_int_equal(REG(.lines = "Contact: <sip:alice@10.0.0.5>\r\n"), 403);
	flow_from("core", "198.51.100.7:5060");
	assert_int_equal(REG(.lines = "Contact: <sip:alice@10.0.0.5>\r\n"), 200);
	assert_true(registrar_serves(kit.shard.registrar, conf_realm(kit.conf, STR("access"))));
	assert_false(registrar_serves(kit.shard.registrar, conf_realm(kit.conf, STR("other"))));
	assert_false(registrar_serves(kit.shard.registrar, NULL));
}

static void expiry_is_param_then_header_then_an_hour(void **state)
{
	static const struct {
		const char *lines, *want;
		unsigned status;
	} row[] = {
		{"Contact: <sip:a@h1.example>\r\n", "<sip:a@h1.example>;expires=3600", 200},
		{"Expires: 120\r\nContact: <sip:a@h1.example>\r\n", ";expires=120\r\n", 200},
		{"Expires: 120\r\nContact: <sip:a@h1.example>;expires=200\r\n", ";expires=200\r\n",
		 200},
		{"Contact: <sip:a@h1.example>;expires=99999\r\n", ";expires=3600\r\n", 200},
		{"Contact: <sip:a@h1.example>;expires=99999999999999\r\n", ";expires=3600\r\n",
		 200},
		{"Contact: <sip:a@h1.example>;expires=\"12\"\r\n", "Min-Expires: 60\r\n", 423},
		{"Contact: <sip:a@h1.example>;expires=soon\r\n", ";expires=3600\r\n", 200},
		{"Expires: soon\r\nContact: <sip:a@h1.example>\r\n", ";expires=3600\r\n", 200},
		{"Contact: <sip:a@h1.example>;expires=59\r\n", "Min-Expires: 60\r\n", 423},
		{"Expires: 1\r\nContact: <sip:a@h1.example>\r\n", "Min-Expires: 60\r\n", 423},
		{"Contact: <sip:a@h1.example>;expires=60\r\n", ";expires=60\r\n", 200},
		{"Contact: <sip:a@h1.example>;expires=0\r\n", "SIP/2.0 200 OK", 200},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned status = REG(.lines = row[i].lines);

		if (status != row[i].status || !sent_has(row[i].want))
			fail_msg("%s: %u, %s", row[i].lines, status, kit.sent);
	}
	assert_int_equal(contacts("alice"), 0);
}

static void contacts_expire(void **state)
{
	(void)state;
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>;expires=100, "
				      "<sip:a@h2.example>;expires=200;q=0.5\r\n"),
			 200);
	pass(40500);
	assert_int_equal(REG(), 200); /* a fetch: no Contact (10.2.3) */
	assert_true(sent_has("<sip:a@h1.example>;expires=60\r\n"));
	assert_true(sent_has("<sip:a@h2.example>;expires=160;q=0.500\r\n"));
	pass(59499);
	assert_int_equal(contacts("alice"), 2);
	pass(1);
	assert_int_equal(contacts("alice"), 1);
	assert_true(str_eq(first("alice")->uri, STR("sip:a@h2.example")));
	assert_int_equal(first("alice")->q_x1000, 500);
	pass(100000);
	assert_null(registrar_find(kit.shard.registrar, STR("alice"), NULL));
	assert_int_equal(kit.shard.metrics.value[M_REG_CONTACTS], 0);
}

static void contacts_are_known_by_uri_equality(void **state)
{
	(void)state;
	assert_int_equal(REG(.lines = "Contact: <sip:alice@H1.Example;x=1>\r\n"), 200);
	assert_int_equal(REG(.lines = "Contact: \"A\" <sip:%61lice@h1.example>\r\n"), 200);
	assert_int_equal(contacts("alice"), 1);
	assert_int_equal(REG(.lines = "Contact: <sip:alice@h1.example:5060>\r\n"), 200);
	assert_int_equal(contacts("alice"), 2); /* 19.1.4: an omitted port is not 5060 */
}

/* sip:a@h equals both sip:a@h;x=1 and sip:a@h;x=2, which are two. */
static void equality_is_not_transitive(void **state)
{
	(void)state;
	assert_int_equal(REG(.lines = "Contact: <sip:a@h.example>\r\n"), 200);
	assert_int_equal(REG(.lines = "Contact: <sip:a@h.example;x=1>, <sip:a@h.example;x=2>\r\n"),
			 200);
	assert_int_equal(contacts("alice"), 2);
}

static void a_new_source_replaces_the_flow(void **state)
{
	(void)state;
	flow_from("access", "198.51.100.7:40001");
	assert_int_equal(REG(.lines = "Contact: <sip:alice@10.0.0.5:5060>\r\n"), 200);
	assert_true(first("alice")->nat);
	assert_true(str_eq(registrar_user_by_flow(kit.shard.registrar, &kit.flow), STR("alice")));
	flow_from("access", "198.51.100.7:40002"); /* the NAT forgot */
	assert_int_equal(REG(.lines = "Contact: <sip:alice@10.0.0.5:5060>\r\n"), 200);
	assert_int_equal(contacts("alice"), 1);
	assert_int_equal(first("alice")->flow.remote.port, 40002);
	assert_true(str_eq(registrar_user_by_flow(kit.shard.registrar, &kit.flow), STR("alice")));
	flow_from("access", "198.51.100.7:40001");
	assert_int_equal(registrar_user_by_flow(kit.shard.registrar, &kit.flow).len, 0);
}

static void nat_is_seen(void **state)
{
	static const struct {
		const char *source, *contact;
		bool nat;
	} row[] = {
		{"198.51.100.7:5060", "<sip:a@198.51.100.7>", false},
		{"198.51.100.7:5060", "<sip:a@198.51.100.7:5060>", false},
		{"198.51.100.7:5062", "<sip:a@198.51.100.7:5062>", false},
		{"198.51.100.7:5062", "<sip:a@198.51.100.7>", true},
		{"198.51.100.7:5060", "<sip:a@10.0.0.5>", true},
		{"10.0.0.5:5060", "<sip:a@phone.example>", false}, /* the Via says so */
		{"198.51.100.7:5060", "<sip:a@phone.example>", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char lines[256];

		flow_from("access", row[i].source);
		snprintf(lines, sizeof(lines), "Contact: %s\r\n", row[i].contact);
		assert_int_equal(REG(.lines = lines), 200);
		if (first("alice")->nat != row[i].nat)
			fail_msg("%s from %s", row[i].contact, row[i].source);
		assert_int_equal(REG(.lines = "Contact: *\r\nExpires: 0\r\n"), 200);
	}
}

static void two_users_may_share_a_flow(void **state)
{
	struct sip_flow stream;

	(void)state;
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>\r\n"), 200);
	pass(10);
	assert_int_equal(REG(.user = "bob", .password = "builder", .to = "sip:bob@example.net",
			     .call_id = "b", .lines = "Contact: <sip:b@h1.example>\r\n"),
			 200);
	assert_true(str_eq(registrar_user_by_flow(kit.shard.registrar, &kit.flow), STR("bob")));
	assert_true(registrar_user_on_flow(kit.shard.registrar, &kit.flow, STR("alice")));
	assert_true(registrar_user_on_flow(kit.shard.registrar, &kit.flow, STR("bob")));
	assert_false(registrar_user_on_flow(kit.shard.registrar, &kit.flow, STR("nobody")));
	stream = kit.flow;
	stream.transport = CONF_TCP; /* the same numbers on another transport are another peer */
	stream.conn = 1;
	assert_int_equal(registrar_user_by_flow(kit.shard.registrar, &stream).len, 0);
	flow_from("core", "198.51.100.7:5060"); /* and so in another realm */
	assert_false(registrar_user_on_flow(kit.shard.registrar, &kit.flow, STR("alice")));
}

static void streams_are_known_by_their_connection(void **state)
{
	(void)state;
	kit.flow.transport = CONF_TCP;
	kit.flow.conn = 3;
	kit.flow.conn_gen = 7;
	kit.flow.remote.port = 40000;
	assert_int_equal(REG(.lines = "Contact: <sip:a@198.51.100.7;transport=tcp>\r\n"), 200);
	assert_false(first("alice")->nat); /* the port of a stream is nobody's */
	assert_int_equal(registrar_user_by_flow(kit.shard.registrar, &kit.flow).len, 5);
	kit.flow.conn_gen = 8;
	assert_int_equal(registrar_user_by_flow(kit.shard.registrar, &kit.flow).len, 0);
}

static void several_contacts_count_as_a_whole(void **state)
{
	(void)state;
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>, <sip:a@h2.example>;q=0.3\r\n"),
			 200);
	assert_int_equal(contacts("alice"), 2);
	/* one too brief, one of a scheme that we cannot reach, one q that is none: nothing changes */
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>;expires=0, "
				      "<sip:a@h3.example>;expires=5\r\n"),
			 423);
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>;expires=0, <mailto:a@h>\r\n"),
			 416);
	assert_int_equal(
		REG(.lines = "Contact: <sip:a@h1.example>;expires=0, <sips:a@h3.example>\r\n"),
		416);
	assert_int_equal(
		REG(.lines = "Contact: <sip:a@h1.example>;expires=0, <sip:a@h3.example>;q=2\r\n"),
		400);
	assert_int_equal(
		REG(.lines = "Contact: <sip:a@h3.example>, <sip:a@h3.example>;expires=0\r\n"), 400);
	assert_int_equal(contacts("alice"), 2);
	assert_int_equal(
		REG(.lines = "Contact: <sip:a@h1.example>;expires=0, <sip:a@h3.example>\r\n"), 200);
	assert_int_equal(contacts("alice"), 2);
	assert_false(sent_has("h1.example"));
}

static void star_takes_all_away(void **state)
{
	(void)state;
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>, <sip:a@h2.example>\r\n"), 200);
	assert_int_equal(REG(.lines = "Contact: *\r\n"), 400);
	assert_int_equal(REG(.lines = "Contact: *\r\nExpires: 60\r\n"), 400);
	assert_int_equal(REG(.lines = "Contact: *, <sip:a@h1.example>\r\nExpires: 0\r\n"), 400);
	assert_int_equal(contacts("alice"), 2);
	assert_int_equal(REG(.lines = "Contact: *\r\nExpires: 0\r\n"), 200);
	assert_false(sent_has("Contact:"));
	assert_int_equal(contacts("alice"), 0);
}

static void an_older_cseq_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(REG(.cseq = 50, .lines = "Contact: <sip:a@h1.example>\r\n"), 200);
	assert_int_equal(REG(.cseq = 49, .lines = "Contact: <sip:a@h1.example>;expires=0\r\n"),
			 400);
	pass(40000); /* or the transaction layer takes it for a merged request */
	assert_int_equal(REG(.cseq = 50, .lines = "Contact: <sip:a@h1.example>;expires=0\r\n"),
			 400);
	pass(40000);
	assert_int_equal(REG(.cseq = 49, .lines = "Contact: *\r\nExpires: 0\r\n"), 400);
	assert_int_equal(contacts("alice"), 1);
	/* after a reboot: another Call-ID begins anew */
	assert_int_equal(
		REG(.cseq = 1, .call_id = "call-2", .lines = "Contact: <sip:a@h1.example>\r\n"),
		200);
	assert_int_equal(first("alice")->cseq, 1);
}

static void the_oldest_contact_makes_room(void **state)
{
	(void)state;
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>\r\n"), 200);
	assert_int_equal(REG(.lines = "Contact: <sip:a@h2.example>\r\n"), 200);
	assert_int_equal(REG(.lines = "Contact: <sip:a@h3.example>\r\n"), 200);
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>\r\n"), 200); /* refreshed */
	assert_int_equal(REG(.lines = "Contact: <sip:a@h4.example>\r\n"), 200);
	assert_int_equal(contacts("alice"), 3);
	assert_false(sent_has("h2.example"));
	assert_true(sent_has("h1.example"));
	assert_int_equal(REG(.lines = "Contact: <sip:a@h5.example>, <sip:a@h6.example>, "
				      "<sip:a@h7.example>, <sip:a@h8.example>\r\n"),
			 403);
	assert_int_equal(contacts("alice"), 3);
}

static void extensions_are_refused_by_name(void **state)
{
	(void)state;
	assert_int_equal(REG(.lines = "Require: outbound, path\r\nRequire: gruu\r\n"), 420);
	assert_true(sent_has("Unsupported: outbound, path, gruu\r\n"));
}

static void bounds(void **state)
{
	char lines[2000], call_id[400];
	struct buf b = BUF_ON(lines);

	(void)state;
	buf_c(&b, "Contact: <sip:");
	while (b.len < 600)
		buf_ch(&b, 'a');
	buf_c(&b, "@h.example>\r\n");
	assert_int_equal(REG(.lines = buf_cstr(&b)), 400);
	memset(call_id, 'c', sizeof(call_id));
	call_id[300] = '\0';
	assert_int_equal(REG(.call_id = call_id, .lines = "Contact: <sip:a@h.example>\r\n"), 400);
	b = BUF_ON(lines);
	buf_c(&b, "Contact: <sip:a@h.example>\r\nUser-Agent: ");
	while (b.len < 600)
		buf_ch(&b, 'u');
	buf_c(&b, "\r\n");
	assert_int_equal(REG(.lines = buf_cstr(&b)), 200);
	assert_int_equal(first("alice")->user_agent.len, 128);
}

/* RFC 4475, with a user of ours where the answer shall be 200. */
static void torture(void **state)
{
	(void)state;
	/* 3.1.1.5 escnull */
	assert_int_equal(REG(.user = "null-%00-null", .password = "zero",
			     .to = "sip:null-%00-null@example.com",
			     .lines = "Contact: <sip:%00@host5.example.com>\r\n"
				      "Contact: <sip:%00%00@host5.example.com>\r\n"),
			 200);
	assert_int_equal(sent_count("Contact: <sip:%00"), 2);
	assert_int_equal(contacts("null-%00-null"), 2);
	/* 3.1.2.18 cparam01, 3.1.2.19 cparam02 (their numbers), regescrt */
	assert_int_equal(REG(.lines = "Contact: sip:+19725552222@gw1.example.net;unknownparam\r\n"),
			 200);
	assert_true(sent_has("Contact: <sip:+19725552222@gw1.example.net>;expires="));
	assert_int_equal(
		REG(.lines = "Contact: <sip:+19725552222@gw1.example.net;unknownparam>\r\n"), 200);
	assert_true(sent_has("Contact: <sip:+19725552222@gw1.example.net;unknownparam>;expires="));
	assert_int_equal(
		REG(.lines = "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>\r\n"),
		200);
	/* regbadct: a question mark outside of <> */
	assert_int_equal(
		REG(.lines = "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\r\n"),
		400);
	/* regaut01: a scheme that nobody knows */
	assert_int_equal(REG(.bare = true, .lines = "Authorization: NoOneKnowsThisScheme "
						    "opaque-data=here\r\n"),
			 401);
}

static void names_are_compared_as_they_mean(void **state)
{
	bool exists = false;

	(void)state;
	assert_int_equal(
		REG(.to = "sip:%61lice@example.net", .lines = "Contact: <sip:a@h.example>\r\n"),
		200);
	assert_int_equal(contacts("alice"), 1);
	assert_int_equal(contacts("%61%6cice"), 1);
	assert_int_equal(contacts("Alice"), 0); /* user parts know case */
	assert_null(registrar_find(kit.shard.registrar, STR("bob"), &exists));
	assert_true(exists);
	assert_null(registrar_find(kit.shard.registrar, STR("carol"), &exists));
	assert_false(exists);
	assert_null(registrar_find(kit.shard.registrar, STR(""), &exists));
	assert_false(exists);
}

static void a_walk_meets_every_binding(void **state)
{
	size_t i = 0;
	const struct reg_binding *b;

	(void)state;
	assert_null(registrar_each(kit.shard.registrar, &i));
	assert_int_equal(REG(.lines = "Contact: <sip:a@h1.example>\r\n"), 200);
	assert_int_equal(REG(.user = "bob", .password = "builder", .to = "sip:bob@example.net",
			     .lines = "Contact: <sip:b@h1.example>\r\n"),
			 200);
	i = 0;
	b = registrar_each(kit.shard.registrar, &i);
	assert_true(str_eq(b->user, STR("alice")));
	b = registrar_each(kit.shard.registrar, &i);
	assert_true(str_eq(b->user, STR("bob")));
	assert_null(registrar_each(kit.shard.registrar, &i));
}

/* Every allocation of a registration fails once: an answer or none, all contacts or none, no leak, no crash. */
static void every_allocation_may_fail(void **state)
{
	static const char lines[] = "Contact: <sip:a@h1.example>, <sip:a@h2.example>;q=0.5\r\n";
	unsigned status = 0;
	uint64_t n;

	(void)state;
	for (n = 1; n < 1000 && status != 200; n++) {
		char text[4096], auth[1024];
		struct buf b = BUF_ON(text), a = BUF_ON(auth);
		struct reg q = {.lines = lines};

		assert_int_equal(kit_open(conf_domains), 0);
		write_request(&b, &q, "");
		assert_int_equal(receive(buf_cstr(&b)), 401);
		write_auth(&a, &q);
		b = BUF_ON(text);
		write_request(&b, &q, buf_cstr(&a));
		arena_free(&kit.shard.scratch);
		mem_fail_nth(n);
		status = receive(buf_cstr(&b));
		mem_fail_nth(0);
		if (status != 200)
			assert_int_equal(contacts("alice"), 0);
		kit_close();
		assert_int_equal(mem_live(), 0);
	}
	assert_int_equal(status, 200);
	assert_true(n > 3);
}

static void creation_may_fail(void **state)
{
	struct registrar *r = NULL;
	uint64_t n;

	(void)state;
	for (n = 1; n < 100 && !r; n++) {
		assert_int_equal(kit_open(conf_domains), 0);
		mem_fail_nth(n);
		if (registrar_create(&kit.shard, &r))
			assert_null(r);
		mem_fail_nth(0);
		registrar_destroy(r);
		kit_close();
		assert_int_equal(mem_live(), 0);
	}
	assert_true(n > 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stranger_is_challenged_and_costs_nothing),
		TEST(both_algorithms_bind),
		TEST(wrong_credentials_bind_nothing),
		TEST(an_old_nonce_is_stale),
		TEST(domains_are_checked),
		cmocka_unit_test_setup_teardown(without_domains_every_one_is_ours, setup_any,
						teardown),
		TEST(only_its_realms),
		TEST(expiry_is_param_then_header_then_an_hour),
		TEST(contacts_expire),
		TEST(contacts_are_known_by_uri_equality),
		TEST(equality_is_not_transitive),
		TEST(a_new_source_replaces_the_flow),
		TEST(nat_is_seen),
		TEST(two_users_may_share_a_flow),
		TEST(streams_are_known_by_their_connection),
		TEST(several_contacts_count_as_a_whole),
		TEST(star_takes_all_away),
		TEST(an_older_cseq_changes_nothing),
		TEST(the_oldest_contact_makes_room),
		TEST(extensions_are_refused_by_name),
		TEST(bounds),
		TEST(torture),
		TEST(names_are_compared_as_they_mean),
		TEST(a_walk_meets_every_binding),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(creation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
