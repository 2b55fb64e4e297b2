/* What the transaction layer's tests share: a layer on a wheel with a clock that stands still until a test moves it, a
 * network that records what is sent, a user that records what comes up, and messages made from templates. */
#ifndef REMPART_TXN_KIT_H
#define REMPART_TXN_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sip/txn_internal.h"

#define KIT_LOG 256

enum kit_up { UP_REQUEST, UP_ACK, UP_RESPONSE, UP_CANCELLED, UP_FAILED };

struct kit_upcall {
	enum kit_up what;
	txn_id t;
	uint64_t owner, now_ms;
	uint16_t status;
	enum txn_failure why;
};

struct kit {
	struct timer_wheel wheel;
	struct txn_layer *l;
	struct arena arena;
	uint64_t now;
	struct sip_flow flow;
	/* network */
	char *sent[KIT_LOG];
	size_t n_sent, n_up;
	int send_err;
	bool mute; /* count, do not keep */
	/* user */
	struct kit_upcall up[KIT_LOG];
	void (*on_request)(struct kit *k, txn_id t, struct sip_msg *m);
	void (*on_response)(struct kit *k, txn_id t, struct sip_msg *m);
	void (*on_failed)(struct kit *k, txn_id t);
};

static inline void kit_note(struct kit *k, struct kit_upcall u)
{
	if (k->mute)
		return;
	assert_true(k->n_up < KIT_LOG);
	k->up[k->n_up++] = u;
}

static inline void kit_up_request(void *ctx, txn_id t, struct sip_msg *m, uint64_t now_ms)
{
	struct kit *k = ctx;

	kit_note(k, (struct kit_upcall){.what = UP_REQUEST, .t = t, .now_ms = now_ms});
	if (k->on_request)
		k->on_request(k, t, m);
}

static inline void kit_up_ack(void *ctx, struct sip_msg *m, uint64_t now_ms)
{
	(void)m;
	kit_note(ctx, (struct kit_upcall){.what = UP_ACK, .now_ms = now_ms});
}

static inline void kit_up_response(void *ctx, txn_id t, uint64_t owner, struct sip_msg *m,
				   uint64_t now_ms)
{
	struct kit *k = ctx;

	kit_note(k, (struct kit_upcall){.what = UP_RESPONSE,
					.t = t,
					.owner = owner,
					.status = m->status,
					.now_ms = now_ms});
	if (k->on_response)
		k->on_response(k, t, m);
}

static inline void kit_up_cancelled(void *ctx, txn_id t, uint64_t owner, struct sip_msg *m,
				    uint64_t now_ms)
{
	(void)m;
	kit_note(ctx, (struct kit_upcall){
			      .what = UP_CANCELLED, .t = t, .owner = owner, .now_ms = now_ms});
}

static inline void kit_up_failed(void *ctx, txn_id t, uint64_t owner, enum txn_failure why,
				 uint64_t now_ms)
{
	struct kit *k = ctx;

	kit_note(k,
		 (struct kit_upcall){
			 .what = UP_FAILED, .t = t, .owner = owner, .why = why, .now_ms = now_ms});
	if (k->on_failed)
		k->on_failed(k, t);
}

static const struct txn_user kit_user = {
	.request = kit_up_request,
	.ack = kit_up_ack,
	.response = kit_up_response,
	.cancelled = kit_up_cancelled,
	.failed = kit_up_failed,
};

/* Not from mem_alloc(): the sweep over failing allocations shall not hit the test itself. */
static inline int kit_send(void *ctx, const struct sip_flow *flow, struct str bytes)
{
	struct kit *k = ctx;

	(void)flow;
	if (k->send_err)
		return k->send_err;
	if (k->mute) {
		k->n_sent++;
		return 0;
	}
	assert_true(k->n_sent < KIT_LOG);
	k->sent[k->n_sent] = malloc(bytes.len + 1);
	memcpy(k->sent[k->n_sent], bytes.p, bytes.len);
	k->sent[k->n_sent++][bytes.len] = 0;
	return 0;
}

static inline struct addr kit_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_c(text), &a), 0);
	return a;
}

static uint64_t kit_fail_at; /* counts from the creation of the layer */

static inline int kit_open_max(struct kit *k, enum conf_transport transport, uint32_t max_txns)
{
	struct txn_layer_conf c = {
		.user = &kit_user, .ctx = k, .send = kit_send, .send_ctx = k, .max_txns = max_txns};

	*k = (struct kit){.now = 1000};
	timer_wheel_init(&k->wheel, k->now);
	arena_init(&k->arena, 1 << 16, 1 << 20);
	assert_non_null(
		arena_alloc(&k->arena, 16)); /* the chunk that stays, so that scans never fail */
	mem_fail_nth(kit_fail_at);
	c.wheel = &k->wheel;
	k->flow = (struct sip_flow){.local = kit_addr("192.0.2.1:5060"),
				    .remote = kit_addr("192.0.2.9:5060"),
				    .conn = UINT32_MAX,
				    .transport = transport};
	return txn_layer_create(&c, &k->l);
}

static inline void kit_open(struct kit *k, enum conf_transport transport)
{
	assert_int_equal(kit_open_max(k, transport, 0), 0);
}

static inline void kit_forget(struct kit *k)
{
	for (size_t i = 0; i < k->n_sent && !k->mute; i++) {
		free(k->sent[i]);
		k->sent[i] = NULL;
	}
	k->n_sent = k->n_up = 0;
}

static inline void kit_close(struct kit *k)
{
	kit_forget(k);
	txn_layer_destroy(k->l);
	arena_free(&k->arena);
	assert_int_equal(k->wheel.count, 0);
	assert_int_equal(mem_live(), 0);
}

/* Moves the clock in steps of one ms, as a loop does. */
static inline void kit_run(struct kit *k, uint64_t ms)
{
	for (uint64_t end = k->now + ms; k->now < end;)
		timer_wheel_advance(&k->wheel, ++k->now);
}

static inline void kit_receive(struct kit *k, const char *text)
{
	char data[4096];
	struct sip_msg m;
	struct sip_fault fault;
	size_t len = strlen(text);

	memcpy(data, text, len);
	arena_reset(&k->arena);
	memset(&m, 0, sizeof m);
	if (sip_scan(data, len, &k->arena, &m, &fault)) {
		fail_msg("scan: %s", fault.text);
		return;
	}
	m.flow = k->flow;
	txn_receive(k->l, &m, k->now);
}

/* A request to us. to_tag may be empty. */
static inline void kit_request(struct kit *k, const char *method, const char *branch, unsigned cseq,
			       const char *to_tag)
{
	char text[2048];

	snprintf(text, sizeof text,
		 "%s sip:bob@192.0.2.1 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=%s\r\n"
		 "Max-Forwards: 70\r\n"
		 "From: <sip:alice@192.0.2.9>;tag=from1\r\n"
		 "To: <sip:bob@192.0.2.1>%s%s\r\n"
		 "Call-ID: in1@192.0.2.9\r\n"
		 "CSeq: %u %s\r\n"
		 "Content-Length: 0\r\n\r\n",
		 method, branch, *to_tag ? ";tag=" : "", to_tag, cseq, method);
	kit_receive(k, text);
}

/* A request of ours, with a body and two routes. */
static inline struct str kit_out(char *text, size_t cap, const char *method, const char *branch)
{
	snprintf(text, cap,
		 "%s sip:carol@198.51.100.7 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=%s\r\n"
		 "Route: <sip:p1.example;lr>\r\n"
		 "Route: <sip:p2.example;lr>\r\n"
		 "Max-Forwards: 69\r\n"
		 "From: \"A; B\" <sip:alice@192.0.2.1>;tag=ours\r\n"
		 "To: <sip:carol@example.net>\r\n"
		 "Call-ID: out1\r\n"
		 "CSeq: 17 %s\r\n"
		 "Contact: <sip:192.0.2.1:5060>\r\n"
		 "Content-Type: application/sdp\r\n"
		 "Content-Length: 5\r\n\r\nv=0\r\n",
		 method, branch, method);
	return str_c(text);
}

static inline txn_id kit_start(struct kit *k, enum sip_method method, const char *branch,
			       uint64_t owner)
{
	char text[1024];
	txn_id t = 0;
	struct str name = sip_method_name(method);
	char method_text[16];

	str_copy(method_text, sizeof method_text, name);
	assert_int_equal(txn_start(k->l, &k->flow, method, str_c(branch),
				   kit_out(text, sizeof text, method_text, branch), owner, k->now,
				   &t),
			 0);
	return t;
}

/* A response to kit_out(). */
static inline void kit_response(struct kit *k, unsigned status, const char *method,
				const char *branch, const char *to_tag)
{
	char text[1024];

	snprintf(text, sizeof text,
		 "SIP/2.0 %u X\r\n"
		 "Via: SIP/2.0/UDP 192.0.2.1:5060;rport=5060;branch=%s\r\n"
		 "From: \"A; B\" <sip:alice@192.0.2.1>;tag=ours\r\n"
		 "To: <sip:carol@example.net>;tag=%s\r\n"
		 "Call-ID: out1\r\n"
		 "CSeq: 17 %s\r\n"
		 "Content-Length: 0\r\n\r\n",
		 status, branch, to_tag, method);
	kit_receive(k, text);
}

/* Answers a server transaction with a minimal response. */
static inline int kit_respond(struct kit *k, txn_id t, uint16_t status)
{
	char text[256];

	snprintf(text, sizeof text, "SIP/2.0 %u Y\r\nTo: <sip:bob@192.0.2.1>;tag=mine\r\n\r\n",
		 status);
	return txn_respond(k->l, t, status, str_c(text), k->now);
}

static inline bool kit_sent_is(const struct kit *k, size_t i, const char *start)
{
	return i < k->n_sent && strncmp(k->sent[i], start, strlen(start)) == 0;
}

static inline enum txn_state kit_state(const struct kit *k, txn_id t)
{
	const struct txn *x = txn_find(k->l, t);

	return x ? x->state : TXN_TERMINATED;
}

#endif
