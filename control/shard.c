/* Wiring of a shard: the loop, the timer wheel in it, the modules in their order, and the way of a message from socket to transaction.
 *
 * For main.c, on the shard's thread. The wheel is driven from a prepare handle, so everything that is due fires once a turn of the loop, and a uv
 * timer makes the loop turn in time. The media channel comes up first: without it no call could be placed, and with it the sockets open. */
#include "shard.h"

#include <stdio.h>

#include "base/log.h"
#include "call/call.h"
#include "ops/admin.h"
#include "policy/route.h"
#include "registrar/registrar.h"

enum { MEDIA_WAIT_MS = 20000, ORPHAN_GRACE_MS = 600000, FAULT_MAX = 8192 };

/* ---- loop ---- */

static void on_tick(uv_timer_t *t)
{
	(void)t; /* the turn of the loop is what it was for */
}

static void advance(struct shard *s)
{
	shard_enter(s);
	timer_wheel_advance(&s->wheel, clock_ms());
	shard_leave(s);
}

static void on_prepare(uv_prepare_t *p)
{
	struct shard *s = p->data;
	uint64_t next;

	advance(s);
	if (s->transport)
		sip_transport_flush(s->transport);
	uv_update_time(s->loop);
	next = timer_wheel_next(&s->wheel, clock_ms());
	if (next == UINT64_MAX)
		(void)uv_timer_stop(&s->tick);
	else
		(void)uv_timer_start(&s->tick, on_tick, next, 0);
}

static int open_loop(struct shard *s)
{
	timer_wheel_init(&s->wheel, clock_ms());
	if (uv_timer_init(s->loop, &s->tick))
		return ERR_IO;
	s->n_handles = 1;
	if (uv_prepare_init(s->loop, &s->prepare))
		return ERR_IO;
	s->n_handles = 2;
	s->prepare.data = s;
	return uv_prepare_start(&s->prepare, on_prepare) ? ERR_IO : 0;
}

/* ---- messages ---- */

/* Who gets an answer to what the scan refused: those who may begin something, registered phones, and whoever has proven by a
 * handshake to be where he says. To all others we are silent. */
static bool is_known(const struct shard *s, const struct sip_flow *flow)
{
	if (flow->transport != CONF_UDP)
		return true;
	if (source_check(flow->realm, trunk_match(s->conf, flow)) == SOURCE_ALLOW)
		return true;
	return s->registrar && !str_empty(registrar_user_by_flow(s->registrar, flow));
}

static void refuse(struct shard *s, struct sip_msg *m, const struct sip_fault *fault)
{
	char text[FAULT_MAX];
	struct buf b = BUF_ON(text);
	struct sip_flow to;

	metric_inc(&s->metrics, M_SIP_MALFORMED);
	log_limited(LOG_INFO, "sip", "malformed", KV_A("source", &m->flow.remote),
		    KV_U("status", fault->status), KV_C("why", fault->text));
	if (!fault->status || !is_known(s, &m->flow))
		return;
	sip_build_fault(&b, m, fault);
	if (buf_check(&b))
		return;
	to = sip_response_flow(m);
	if (s->net.send(s->net.ctx, &to, buf_view(&b)))
		log_limited(LOG_INFO, "sip", "refusal_lost", KV_A("to", &to.remote));
}

void shard_receive(struct shard *s, const struct sip_flow *flow, char *data, size_t len,
		   uint64_t now_ms)
{
	struct sip_fault fault = {0};
	struct sip_msg m;
	int err;

	shard_enter(s);
	err = sip_scan(data, len, &s->scratch, &m, &fault);
	m.flow = *flow;
	m.received_ms = now_ms;
	if (!err)
		err = sip_msg_check(&m, &fault);
	if (err)
		refuse(s, &m, &fault);
	else
		txn_receive(s->txn, &m, now_ms);
	shard_leave(s);
}

static void on_message(void *ctx, const struct sip_flow *flow, char *data, size_t len)
{
	struct shard *s = ctx;

	advance(s);
	shard_receive(s, flow, data, len, s->wheel.now_ms);
}

static void on_stream_failed(void *ctx, const struct sip_flow *flow)
{
	struct shard *s = ctx;

	shard_enter(s);
	if (s->txn)
		txn_flow_failed(s->txn, flow, clock_ms());
	shard_leave(s);
}

static int net_send(void *ctx, const struct sip_flow *flow, struct str bytes)
{
	struct shard *s = ctx;

	return sip_transport_send(s->transport, flow, bytes);
}

static int net_flow(void *ctx, const struct conf_realm *realm, enum conf_transport transport,
		    const struct addr *remote, struct sip_flow *out)
{
	struct shard *s = ctx;

	return sip_transport_flow(s->transport, realm, transport, remote, out);
}

/* ---- opening, in the order of the table; closing in the reverse ---- */

static int open_media(struct shard *s, char *text, size_t cap)
{
	struct media_client_conf c = {.loop = s->loop,
				      .wheel = &s->wheel,
				      .conf = s->conf,
				      .user = &call_media_user,
				      .ctx = s};
	char path[512];
	struct buf b = BUF_ON(path);
	uint64_t until = clock_ms() + MEDIA_WAIT_MS;
	int err;

	buf_str(&b, s->conf->system.run_dir);
	buf_c(&b, "/media.sock");
	if (buf_check(&b))
		return ERR_LIMIT;
	c.socket_path = buf_view(&b);
	err = media_client_create(&c, &s->media);
	if (err)
		return err;
	while (!s->media_ready && clock_ms() < until)
		(void)uv_run(s->loop, UV_RUN_ONCE);
	if (!s->media_ready) {
		snprintf(text, cap, "rempart-dataplane does not answer on %.*s; is it running?",
			 STR_FMT(c.socket_path));
		return ERR_TIMEOUT;
	}
	/* Calls of an earlier life of control are not taken over: their media goes on for a while, and ends. */
	media_client_sweep_orphans(s->media, ORPHAN_GRACE_MS);
	return 0;
}

static int open_calls(struct shard *s, char *text, size_t cap)
{
	(void)text;
	(void)cap;
	return call_table_create(s, &s->calls);
}

static int open_registrar(struct shard *s, char *text, size_t cap)
{
	(void)text;
	(void)cap;
	return s->conf->registrar.enabled ? registrar_create(s, &s->registrar) : 0;
}

static int open_txn(struct shard *s, char *text, size_t cap)
{
	struct txn_layer_conf c = {.wheel = &s->wheel,
				   .user = &call_txn_user,
				   .ctx = s,
				   .send = net_send,
				   .send_ctx = s,
				   .shard = s->index,
				   .t1_ms = s->t1_ms,
				   .t2_ms = s->t2_ms};

	(void)text;
	(void)cap;
	return txn_layer_create(&c, &s->txn);
}

static int open_transport(struct shard *s, char *text, size_t cap)
{
	struct sip_transport_conf c = {.loop = s->loop,
				       .conf = s->conf,
				       .rx = on_message,
				       .ctx = s,
				       .failed = on_stream_failed};

	return sip_transport_open(&c, &s->transport, text, cap);
}

static int open_admin(struct shard *s, char *text, size_t cap)
{
	return admin_create(s, &s->admin, text, cap);
}

int shard_open(struct shard *s, const struct conf *conf, uv_loop_t *loop, char *error_text,
	       size_t error_cap)
{
	static const struct {
		const char *what;
		int (*open)(struct shard *s, char *text, size_t cap);
	} step[] = {
		{"call table", open_calls},    {"media channel", open_media},
		{"registrar", open_registrar}, {"transactions", open_txn},
		{"sockets", open_transport},   {"admin API", open_admin},
	};
	int err;

	*s = (struct shard){.conf = conf,
			    .loop = loop,
			    .clock = clock_ms,
			    .generation = 1,
			    .start_wall_ms = clock_wall_ms(),
			    .t1_ms = 500,
			    .t2_ms = 4000};
	s->net = (struct shard_net){.send = net_send, .flow = net_flow, .ctx = s};
	arena_init(&s->scratch, SHARD_SCRATCH_CHUNK, SHARD_SCRATCH_CAP);
	digest_server_init(&s->digest);
	error_text[0] = 0;
	err = open_loop(s);
	for (size_t i = 0; !err && i < sizeof step / sizeof step[0]; i++) {
		err = step[i].open(s, error_text, error_cap);
		if (err && !error_text[0])
			snprintf(error_text, error_cap, "cannot open the %s: %s", step[i].what,
				 err_text(err));
	}
	if (err)
		shard_close(s);
	return err;
}

void shard_close(struct shard *s)
{
	admin_destroy(s->admin);
	s->admin = NULL;
	call_table_destroy(s->calls);
	s->calls = NULL;
	if (s->txn)
		txn_layer_destroy(s->txn);
	s->txn = NULL;
	registrar_destroy(s->registrar);
	s->registrar = NULL;
	if (s->transport)
		sip_transport_close(s->transport);
	s->transport = NULL;
	media_client_destroy(s->media);
	s->media = NULL;
	if (s->n_handles > 0)
		uv_close((uv_handle_t *)&s->tick, NULL);
	if (s->n_handles > 1)
		uv_close((uv_handle_t *)&s->prepare, NULL);
	s->n_handles = 0;
	arena_free(&s->scratch);
}
