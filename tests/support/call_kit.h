/* A small world around the call layer: real transactions, scan, SDP and configuration; a recorder in the place of the sockets, a dataplane and a
 * registrar made of arrays in the place of the real ones (their functions are defined here, so the linker takes these), and a clock that stands.
 * The kit allocates nothing, so that a test can make any allocation of the code fail. One program includes it once. */
#ifndef TESTS_CALL_KIT_H
#define TESTS_CALL_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "call/bridge.h"
#include "call/call_plan.h"
#include "registrar/registrar.h"

#define UNUSED __attribute__((unused))

enum { PACKETS_MAX = 512, PACKET_MAX = 24000, ENDPOINTS_MAX = 256 };

struct packet {
	char text[PACKET_MAX];
	struct addr from, to;
};

struct kit_endpoint {
	bool used, set, deleted;
	struct media_spec spec;
};

static struct world {
	struct shard s;
	struct conf *conf;
	uint64_t now;
	struct packet sent[PACKETS_MAX];
	size_t n_sent, seen;
	int send_error;
	struct kit_endpoint endpoint[ENDPOINTS_MAX];
	size_t ports_used, ports_max;
	uint16_t port_next;
	int media_sets;
	struct reg_contact contact[8];
	struct reg_binding binding;
	const char *registered; /* user on every flow of the realm `wild`, or NULL */
	struct secret password;
} w;

/* ---- the dataplane ---- */

bool media_client_up(UNUSED const struct media_client *m)
{
	return true;
}

int media_client_create(UNUSED const struct media_client_conf *c, struct media_client **out)
{
	*out = NULL;
	return 0;
}

void media_client_destroy(UNUSED struct media_client *m)
{
}

int media_port_alloc(UNUSED struct media_client *m, const struct conf_media_pool *pool,
		     enum addr_family family, UNUSED uint64_t call_id, UNUSED uint64_t now_ms,
		     struct addr *out)
{
	if (w.ports_used >= w.ports_max)
		return ERR_FULL;
	for (size_t i = 0; i < pool->interface->n_address; i++) {
		if (pool->interface->address[i].family != family)
			continue;
		*out = pool->interface->address[i];
		out->port = w.port_next = (uint16_t)(w.port_next + 2);
		w.ports_used++;
		return 0;
	}
	return ERR_NOENT;
}

void media_port_free(UNUSED struct media_client *m, UNUSED const struct conf_media_pool *pool,
		     UNUSED const struct addr *a, UNUSED uint64_t now_ms)
{
	assert_true(w.ports_used > 0);
	w.ports_used--;
}

size_t media_port_used(UNUSED const struct media_client *m,
		       UNUSED const struct conf_media_pool *pool)
{
	return w.ports_used;
}

int media_endpoint_new(UNUSED struct media_client *m, uint32_t *id)
{
	for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
		if (w.endpoint[i].used)
			continue;
		w.endpoint[i] = (struct kit_endpoint){.used = true};
		*id = i;
		return 0;
	}
	return ERR_FULL;
}

int media_endpoint_set(UNUSED struct media_client *m, uint32_t id, const struct media_spec *spec)
{
	void *p = mem_alloc(1); /* it may fail for want of memory, too */

	if (!p)
		return ERR_NOMEM;
	mem_free(p);
	assert_true(w.endpoint[id].used && !w.endpoint[id].deleted);
	w.endpoint[id].set = true;
	w.endpoint[id].spec = *spec;
	w.media_sets++;
	return 0;
}

void media_endpoint_del(UNUSED struct media_client *m, uint32_t id)
{
	assert_true(w.endpoint[id].used && !w.endpoint[id].deleted);
	if (w.endpoint[id].set)
		w.endpoint[id].deleted = true;
	else
		w.endpoint[id].used = false;
}

int media_endpoint_stat(UNUSED struct media_client *m, UNUSED uint32_t id, UNUSED media_stat_fn cb,
			UNUSED void *ctx)
{
	return ERR_CLOSED;
}

int media_client_totals(UNUSED struct media_client *m, UNUSED media_totals_fn cb, UNUSED void *ctx)
{
	return ERR_CLOSED;
}

void media_client_sweep_orphans(UNUSED struct media_client *m, UNUSED uint64_t grace_ms)
{
}

static size_t endpoints_live(void)
{
	size_t n = 0;

	for (size_t i = 0; i < ENDPOINTS_MAX; i++)
		n += w.endpoint[i].used && !w.endpoint[i].deleted;
	return n;
}

static void kit_media_answers(void)
{
	struct media_stat stat = {.rx_packets = 10};

	for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
		uint64_t id = w.endpoint[i].spec.call_id;

		if (!w.endpoint[i].deleted)
			continue;
		w.endpoint[i] = (struct kit_endpoint){0};
		call_media_user.final_stat(&w.s, id, i, &stat);
	}
}

/* Endpoint whose local port a message's SDP names. */
UNUSED static struct kit_endpoint *endpoint_at(unsigned port)
{
	for (size_t i = 0; i < ENDPOINTS_MAX; i++)
		if (w.endpoint[i].used && !w.endpoint[i].deleted &&
		    w.endpoint[i].spec.local.port == port)
			return &w.endpoint[i];
	return NULL;
}

/* ---- the registrar ---- */

int registrar_create(UNUSED struct shard *s, UNUSED struct registrar **out)
{
	return ERR_UNSUPPORTED;
}

void registrar_destroy(UNUSED struct registrar *r)
{
}

bool registrar_serves(UNUSED const struct registrar *r, UNUSED const struct conf_realm *realm)
{
	return true;
}

void registrar_request(UNUSED struct registrar *r, UNUSED txn_id t, UNUSED struct sip_msg *m,
		       UNUSED uint64_t now_ms)
{
}

struct str registrar_digest_realm(UNUSED const struct registrar *r,
				  UNUSED const struct sip_flow *flow,
				  UNUSED char out[ADDR_TEXT_MAX])
{
	return STR("example.net");
}

const struct secret *registrar_password(UNUSED void *ctx, struct str user)
{
	return str_eq(user, STR("alice")) ? &w.password : NULL;
}

bool registrar_is_domain(UNUSED const struct registrar *r, UNUSED struct str host)
{
	return true;
}

const struct reg_binding *registrar_find(UNUSED const struct registrar *r, struct str user,
					 bool *exists)
{
	bool bob = str_eq(user, STR("bob"));

	if (exists)
		*exists = bob || str_eq(user, STR("carol"));
	return bob && w.binding.n_contact ? &w.binding : NULL;
}

struct str registrar_user_by_flow(UNUSED const struct registrar *r,
				  UNUSED const struct sip_flow *flow)
{
	return str_c(w.registered);
}

bool registrar_user_on_flow(UNUSED const struct registrar *r, UNUSED const struct sip_flow *flow,
			    struct str user)
{
	return w.registered && str_eq(str_c(w.registered), user);
}

const struct reg_binding *registrar_each(UNUSED const struct registrar *r, UNUSED size_t *i)
{
	return NULL;
}

size_t registrar_contacts(UNUSED const struct registrar *r)
{
	return 0;
}

/* ---- sockets ---- */

static int kit_send(UNUSED void *ctx, const struct sip_flow *flow, struct str bytes)
{
	struct packet *p = &w.sent[w.n_sent % PACKETS_MAX];

	if (w.send_error)
		return w.send_error;
	assert_true(bytes.len < PACKET_MAX);
	memcpy(p->text, bytes.p, bytes.len);
	p->text[bytes.len] = 0;
	p->from = flow->local;
	p->to = flow->remote;
	w.n_sent++;
	return 0;
}

static const struct conf_realm *realm_of(const char *name)
{
	const struct conf_realm *r = conf_realm(w.conf, str_c(name));

	assert_non_null(r);
	return r;
}

static struct sip_flow flow_of(const char *realm, const char *remote)
{
	struct sip_flow f = {.realm = realm_of(realm), .conn = UINT32_MAX, .transport = CONF_UDP};

	f.local = f.realm->interface->sip_address[0];
	f.local.port = str_eq(str_c(realm), STR("wild")) ? 5070 : 5060;
	assert_int_equal(addr_parse(str_c(remote), &f.remote), 0);
	return f;
}

static int kit_flow(UNUSED void *ctx, const struct conf_realm *realm, enum conf_transport transport,
		    const struct addr *remote, struct sip_flow *out)
{
	if (transport != CONF_UDP)
		return ERR_NOENT;
	*out = (struct sip_flow){.realm = realm,
				 .conn = UINT32_MAX,
				 .transport = CONF_UDP,
				 .local = realm->interface->sip_address[0],
				 .remote = *remote};
	out->local.port = 5060;
	return 0;
}

/* ---- messages ---- */

/* The next packet that nobody looked at; NULL when there is none. */
static struct packet *next_packet(void)
{
	return w.seen < w.n_sent ? &w.sent[w.seen++ % PACKETS_MAX] : NULL;
}

/* The next packet must begin like this. */
UNUSED static struct packet *expect(const char *start)
{
	struct packet *p = next_packet();

	if (!p) {
		fail_msg("nothing was sent; expected '%s'", start);
		abort(); /* for the analyser, which does not know that cmocka jumps */
	}
	if (!str_starts(str_c(p->text), str_c(start)))
		fail_msg("expected '%s', got:\n%s", start, p->text);
	return p;
}

UNUSED static void expect_silence(void)
{
	struct packet *p = next_packet();

	if (p)
		fail_msg("nothing expected, got:\n%s", p->text);
}

/* Whole value of the first header of this name, in a static buffer of its own (16 live at a time); "" when absent. */
static const char *hdr(const struct packet *p, const char *name)
{
	static char out[16][4096];
	static unsigned turn;
	struct str rest = str_c(p->text);
	char *o = out[turn++ % 16];

	o[0] = 0;
	while (!str_empty(rest)) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		struct str key = str_cut(&line, ':');

		if (str_empty(key))
			break;
		if (str_ieq(str_trim(key), str_c(name)))
			return str_copy(o, 4096, str_trim(line));
	}
	return o;
}

static struct str after(struct str s, const char *mark)
{
	ptrdiff_t at = str_find_str(s, str_c(mark));

	return at < 0 ? (struct str){0} : str_from(s, (size_t)at + strlen(mark));
}

static const char *body_of(const struct packet *p)
{
	struct str b = after(str_c(p->text), "\r\n\r\n");

	return b.len ? b.p : "";
}

UNUSED static unsigned audio_port(const struct packet *p)
{
	struct str s = after(str_c(body_of(p)), "m=audio ");
	uint64_t v = 0;

	if (str_to_u64(str_word(&s), 65535, &v))
		return 0;
	return (unsigned)v;
}

UNUSED static bool has(const struct packet *p, const char *what)
{
	return str_find_str(str_c(p->text), str_c(what)) >= 0;
}

static const char *fmt(const char *f, ...) __attribute__((format(printf, 1, 2)));
static const char *fmt(const char *f, ...)
{
	static char out[16][PACKET_MAX];
	static unsigned turn;
	char *o = out[turn++ % 16];
	va_list ap;

	va_start(ap, f);
	vsnprintf(o, PACKET_MAX, f, ap);
	va_end(ap);
	return o;
}

static void deliver(struct sip_flow flow, const char *text)
{
	static char data[8][PACKET_MAX];
	static unsigned turn;
	char *d = data[turn++ % 8];
	struct sip_fault fault;
	struct sip_msg m;
	size_t n = text ? strlen(text) : 0;

	if (!text || n == 0 || n >= PACKET_MAX) {
		fail_msg("the kit cannot deliver %zu bytes", n);
		return;
	}
	memcpy(d, text, n);
	shard_enter(&w.s);
	if (sip_scan(d, n, &w.s.scratch, &m, &fault) == 0) {
		m.flow = flow;
		m.received_ms = w.now;
		txn_receive(w.s.txn, &m, w.now);
	} else {
		print_message("kit: scan refused: %s\n%s\n", fault.text ? fault.text : "?", text);
	}
	shard_leave(&w.s);
}

/* Lets time pass; the dataplane answers meanwhile. */
static void pass(uint64_t ms)
{
	uint64_t end = w.now + ms;

	while (w.now < end) {
		w.now += end - w.now < 50 ? end - w.now : 50;
		shard_enter(&w.s);
		timer_wheel_advance(&w.s.wheel, w.now);
		shard_leave(&w.s);
		kit_media_answers();
	}
}

#define SDP_A(port, extra)                                                                         \
	fmt("v=0\r\no=alice 77 88 IN IP4 10.1.0.50\r\ns=call of alice\r\nc=IN IP4 "                \
	    "10.1.0.50\r\nt=0 0\r\nm=audio %d RTP/AVP 8 0 101\r\n"                                 \
	    "a=rtpmap:101 telephone-event/8000\r\n%s",                                             \
	    (port), (extra))
#define SDP_B(port, extra)                                                                         \
	fmt("v=0\r\no=bob 5 6 IN IP4 10.2.0.20\r\ns=-\r\nc=IN IP4 10.2.0.20\r\nt=0 0\r\nm=audio "  \
	    "%d RTP/AVP 8 101\r\n"                                                                 \
	    "a=rtpmap:101 telephone-event/8000\r\n%s",                                             \
	    (port), (extra))

static const char *with_body(const char *sdp)
{
	if (!sdp || !*sdp)
		return "Content-Length: 0\r\n\r\n";
	return fmt("Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s", strlen(sdp),
		   sdp);
}

/* Alice's INVITE out of nothing. */
UNUSED static void alice_invites(const char *called, unsigned n, const char *extra, const char *sdp)
{
	deliver(flow_of("left", "10.1.0.50:5060"),
		fmt("INVITE sip:%s@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "10.1.0.50:5060;rport;branch=z9hG4bKalice%u\r\nMax-Forwards: 70\r\n"
		    "From: \"Alice A\" <sip:alice@secret-a.example>;tag=atag%u\r\nTo: "
		    "<sip:%s@secret-a.example>\r\nCall-ID: acall%u@10.1.0.50\r\n"
		    "CSeq: 1 INVITE\r\nContact: <sip:alice@10.1.0.50:5060>\r\nSubject: "
		    "hello\r\nX-Secret: alice-only\r\n%s%s",
		    called, n, n, called, n, extra, with_body(sdp)));
}

/* A request of Alice's in the dialog of this response of ours to her INVITE. */
UNUSED static void alice_sends(const char *method, unsigned n, unsigned cseq,
			       const struct packet *ours, const char *extra, const char *sdp)
{
	deliver(flow_of("left", "10.1.0.50:5060"),
		fmt("%s sip:x@10.1.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "10.1.0.50:5060;rport;branch=z9hG4bKa%u%s%u\r\nMax-Forwards: 70\r\n"
		    "From: \"Alice A\" <sip:alice@secret-a.example>;tag=atag%u\r\nTo: "
		    "%s\r\nCall-ID: acall%u@10.1.0.50\r\nCSeq: %u %s\r\n"
		    "Contact: <sip:alice@10.1.0.50:5060>\r\n%s%s",
		    method, n, method, cseq, n, hdr(ours, "To"), n, cseq, method, extra,
		    with_body(sdp)));
}

/* A response to a request that we sent, from where it was sent to. */
UNUSED static void answer(const struct packet *req, const char *realm, const char *status,
			  const char *tag, const char *extra, const char *sdp)
{
	char remote[ADDR_TEXT_MAX];
	const char *to = hdr(req, "To");
	bool tagged = str_find_str(str_c(to), STR(";tag=")) >= 0;

	addr_text(&req->to, remote);
	deliver(flow_of(realm, remote),
		fmt("SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: "
		    "%s\r\nContact: <sip:bob@%s>\r\nX-Secret: bob-only\r\n%s%s",
		    status, hdr(req, "Via"), hdr(req, "From"), to,
		    tagged ? "" : ";tag=", tagged ? "" : tag, hdr(req, "Call-ID"), hdr(req, "CSeq"),
		    remote, extra, with_body(sdp)));
}

/* A request of Bob's in the dialog of our INVITE to him. */
UNUSED static void bob_sends(const char *method, unsigned cseq, const struct packet *invite,
			     const char *tag, const char *extra, const char *sdp)
{
	char remote[ADDR_TEXT_MAX];

	addr_text(&invite->to, remote);
	deliver(flow_of("right", remote),
		fmt("%s sip:x@10.2.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
		    "%s;rport;branch=z9hG4bKb%s%u\r\nMax-Forwards: 70\r\nFrom: %s;tag=%s\r\nTo: "
		    "%s\r\n"
		    "Call-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:bob@%s>\r\n%s%s",
		    method, remote, method, cseq, hdr(invite, "To"), tag, hdr(invite, "From"),
		    hdr(invite, "Call-ID"), cseq, method, remote, extra, with_body(sdp)));
}

/* 200 to a request of ours without a body. */
UNUSED static void ok(const struct packet *req, const char *realm)
{
	answer(req, realm, "200 OK", "t", "", NULL);
}

/* ---- world ---- */

static const char kit_conf[] =
	"version: 1\n"
	"system: {run_dir: /tmp/kit, state_dir: /tmp/kit}\n"
	"interfaces:\n"
	"  a: {port: auto, address: 10.1.0.2/24, sip_address: 10.1.0.1}\n"
	"  b: {port: auto, address: 10.2.0.2/24, sip_address: 10.2.0.1}\n"
	"profiles: {p: {timeout: {rtp: 60s, hold: 2h}}}\n"
	"realms:\n"
	"  left: {interface: a, trust: trusted, media_pool: a, profile: p}\n"
	"  wild: {interface: a, trust: untrusted, media_pool: a, nat: remote}\n"
	"  right: {interface: b, trust: trusted, media_pool: b, profile: p}\n"
	"  itsp: {interface: b, trust: peers_only, media_pool: b}\n"
	"media_pools:\n"
	"  a: {interface: a, ports: 20000-20999}\n"
	"  b: {interface: b, ports: 20000-20999}\n"
	"listeners:\n"
	"  left: {realm: left, on: [\"udp:5060\"]}\n"
	"  wild: {realm: wild, on: [\"udp:5070\"]}\n"
	"  right: {realm: right, on: [\"udp:5060\"]}\n"
	"  itsp: {realm: itsp, on: [\"udp:5080\"]}\n"
	"registrar: {realm: wild, users: {alice: {env: KIT_SECRET}, bob: {env: KIT_SECRET}, carol: "
	"{env: KIT_SECRET}}}\n"
	"trunks:\n"
	"  pbx: {realm: right, peers: [{uri: \"sip:10.2.0.20\"}], match: {source: [10.2.0.20]}}\n"
	"  far: {realm: itsp, peers: [{uri: \"sip:10.2.0.21\"}]}\n"
	"routing:\n"
	"  - {name: echo, match: {called: [\"600\"]}, to: media/echo}\n"
	"  - {name: no, match: {called: [\"999\"]}, reject: 603}\n"
	"  - {name: out, match: {called_prefix: [\"+\"]}, to: trunk/pbx}\n"
	"  - {name: phones, match: {called: [bob, carol, dave]}, to: registrar}\n";

static int64_t kit_live;

/* The configuration is loaded once; everything else begins anew. */
static int kit_open(void)
{
	struct txn_layer_conf t = {.user = &call_txn_user, .send = kit_send};
	struct conf_errors errors;
	struct conf *conf = w.conf;

	if (!conf) {
		setenv("KIT_SECRET", "demo", 1);
		log_init("test", 2, getenv("KIT_LOG") ? LOG_DEBUG : LOG_ERROR, LOG_LOGFMT);
		conf_errors_init(&errors);
		if (conf_load_text("kit.yaml", str_c(kit_conf), &conf, &errors)) {
			conf_errors_print(&errors, stderr);
			fail_msg("the kit's configuration does not load");
		}
		conf_errors_free(&errors);
	}
	memset(&w, 0, sizeof w);
	w.conf = conf;
	w.now = 1000000;
	w.ports_max = 1000;
	w.port_next = 20000;
	if (secret_set(&w.password, STR("demo")))
		return ERR_NOMEM;
	w.s.conf = conf;
	w.s.t1_ms = 500;
	w.s.t2_ms = 4000;
	w.s.registrar = (struct registrar *)&w; /* there is one */
	w.s.net = (struct shard_net){.send = kit_send, .flow = kit_flow};
	timer_wheel_init(&w.s.wheel, w.now);
	arena_init(&w.s.scratch, SHARD_SCRATCH_CHUNK, SHARD_SCRATCH_CAP);
	digest_server_init(&w.s.digest);
	t.wheel = &w.s.wheel;
	t.ctx = &w.s;
	kit_live = mem_live();
	if (txn_layer_create(&t, &w.s.txn))
		return ERR_NOMEM;
	return call_table_create(&w.s, &w.s.calls);
}

static void kit_contact(unsigned i, const char *uri, const char *flow)
{
	w.contact[i] = (struct reg_contact){.uri = str_c(uri), .flow = flow_of("right", flow)};
	w.binding.contact = &w.contact[0];
	if (i)
		w.contact[i - 1].next = &w.contact[i];
	w.binding.n_contact = i + 1;
}

UNUSED static int setup(UNUSED void **state)
{
	assert_int_equal(kit_open(), 0);
	kit_contact(0, "sip:bob@10.2.0.31:5060", "10.2.0.31:5060");
	return 0;
}

/* Everything must be gone once all transactions have had their time. */
static void kit_close(void)
{
	w.send_error = 0;
	pass(200000);
	assert_int_equal(call_count(w.s.calls), 0);
	assert_int_equal(txn_count(w.s.txn), 0);
	assert_int_equal(w.ports_used, 0);
	assert_int_equal(endpoints_live(), 0);
	call_table_destroy(w.s.calls);
	txn_layer_destroy(w.s.txn);
	arena_free(&w.s.scratch);
	assert_int_equal(mem_live(), kit_live);
	secret_wipe(&w.password);
}

UNUSED static int teardown(UNUSED void **state)
{
	kit_close();
	return 0;
}

/* Alice calls +49 through the trunk; Bob's 200 has tag btag. Returns with the call active; *invite is ours to Bob, *answered our 200 to Alice. */
UNUSED static void establish(struct packet **invite, struct packet **answered)
{
	alice_invites("+49", 1, "", SDP_A(4000, ""));
	*invite = expect("INVITE sip:+49@10.2.0.20 SIP/2.0");
	answer(*invite, "right", "200 OK", "btag", "", SDP_B(5000, ""));
	*answered = expect("SIP/2.0 200 OK");
	expect("ACK ");
	alice_sends("ACK", 1, 1, *answered, "", NULL);
	expect_silence();
}

#endif
