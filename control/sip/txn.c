/* The transaction layer: which transaction a message belongs to, and the calls of the user.
 *
 * For the call layer and the registrar of one shard, on its thread. Three hash tables find a transaction in constant time:
 * by client key, by server key (txn_key.c), and by what a merged request has in common with another. Names are slots with
 * generations, in chunks that never move. The machines are in txn_fsm.c, what they do in txn_act.c. What needs no memory is
 * answered without: CANCEL (200, 481), and 503 when the table is full. RFC 3261 8.2.2.2, 9.2, 17, 18.1.2. */
#include "sip/txn_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"

static struct txn_slot *slot_at(const struct txn_layer *l, uint32_t i)
{
	return &l->chunk[i / TXN_CHUNK][i % TXN_CHUNK];
}

struct txn *txn_find(const struct txn_layer *l, txn_id id)
{
	uint32_t i = (uint32_t)id;
	const struct txn_slot *s;

	if (i >= l->n_slots)
		return NULL;
	s = slot_at(l, i);
	return s->gen == id >> 32 ? s->t : NULL;
}

/* A fresh slot, in *out, or ERR_LIMIT, ERR_NOMEM. */
static int slot_take(struct txn_layer *l, uint32_t *out)
{
	uint32_t i = l->n_slots;

	if (l->count >= l->conf.max_txns)
		return ERR_LIMIT;
	if (l->free_slot) {
		*out = l->free_slot - 1;
		l->free_slot = slot_at(l, *out)->next_free;
		return 0;
	}
	if (!l->chunk[i / TXN_CHUNK]) {
		l->chunk[i / TXN_CHUNK] = mem_alloc(TXN_CHUNK * sizeof(struct txn_slot));
		if (!l->chunk[i / TXN_CHUNK])
			return ERR_NOMEM;
	}
	l->n_slots++;
	slot_at(l, i)->gen = 1;
	*out = i;
	return 0;
}

static void slot_give(struct txn_layer *l, uint32_t i)
{
	struct txn_slot *s = slot_at(l, i);

	s->t = NULL;
	s->gen = s->gen == UINT32_MAX ? 1 : s->gen + 1;
	s->next_free = l->free_slot;
	l->free_slot = i + 1;
}

int txn_hold_bytes(struct txn *t, struct str bytes)
{
	char *copy = mem_alloc(bytes.len ? bytes.len : 1);

	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, bytes.p, bytes.len);
	mem_free(t->bytes);
	t->bytes = copy;
	t->bytes_len = (uint32_t)bytes.len;
	return 0;
}

void txn_drop_bytes(struct txn *t)
{
	mem_free(t->bytes);
	t->bytes = NULL;
	t->bytes_len = 0;
}

static const uint8_t first_state[] = {
	[TXN_ICT] = ICT_CALLING,
	[TXN_NICT] = NICT_TRYING,
	[TXN_IST] = IST_PROCEEDING,
	[TXN_NIST] = NIST_TRYING,
};

static bool is_client(const struct txn *t)
{
	return t->kind == TXN_ICT || t->kind == TXN_NICT;
}

int txn_new(struct txn_layer *l, enum txn_kind kind, enum sip_method method,
	    const struct sip_flow *flow, struct str key, uint64_t now_ms, struct txn **out)
{
	struct txn *t;
	uint32_t slot;
	int err = slot_take(l, &slot);

	if (err)
		return err;
	t = mem_alloc(sizeof *t + key.len);
	if (!t) {
		slot_give(l, slot);
		return ERR_NOMEM;
	}
	t->layer = l;
	t->kind = (uint8_t)kind;
	t->state = first_state[kind];
	t->method = (uint8_t)method;
	t->flow = *flow;
	t->reliable = flow->transport != CONF_UDP;
	t->created_ms = now_ms;
	t->serial = ++l->serial;
	t->id = (uint64_t)slot_at(l, slot)->gen << 32 | slot;
	t->key_len = (uint32_t)key.len;
	memcpy(t->key, key.p, key.len);
	slot_at(l, slot)->t = t;
	l->count++;
	hmap_insert(is_client(t) ? &l->client : &l->server, &t->node, hash_bytes(key.p, key.len));
	if (is_client(t) && t->reliable) {
		t->in_flows = true;
		hmap_insert(&l->flows, &t->flow_node, txn_key_flow(flow));
	}
	*out = t;
	return 0;
}

void txn_leave_flows(struct txn_layer *l, struct txn *t)
{
	if (t->in_flows)
		hmap_remove(&l->flows, &t->flow_node);
	t->in_flows = false;
}

void txn_kill(struct txn_layer *l, struct txn *t)
{
	t->dead = true;
	timer_stop(l->conf.wheel, &t->fast);
	timer_stop(l->conf.wheel, &t->slow);
	hmap_remove(is_client(t) ? &l->client : &l->server, &t->node);
	txn_leave_flows(l, t);
	if (t->in_merge)
		hmap_remove(&l->merge, &t->merge_node);
	slot_give(l, (uint32_t)t->id);
	l->count--;
}

static struct txn *find_key(const struct hmap *map, struct str key)
{
	struct hmap_node *n = hmap_find(map, hash_bytes(key.p, key.len), txn_key_eq, &key);

	return n ? container_of(n, struct txn, node) : NULL;
}

int txn_layer_create(const struct txn_layer_conf *conf, struct txn_layer **out)
{
	struct txn_layer *l = mem_alloc(sizeof *l);
	int err;

	if (!l)
		return ERR_NOMEM;
	l->conf = *conf;
	l->conf.t1_ms = conf->t1_ms ? conf->t1_ms : 500;
	l->conf.t2_ms = conf->t2_ms ? conf->t2_ms : 4000;
	l->conf.t4_ms = conf->t4_ms ? conf->t4_ms : 5000;
	l->conf.max_txns = conf->max_txns ? conf->max_txns : TXN_MAX_DEFAULT;
	if (l->conf.max_txns > TXN_CHUNK * TXN_CHUNKS)
		l->conf.max_txns = TXN_CHUNK * TXN_CHUNKS;
	for (uint32_t e = l->conf.t1_ms; e < l->conf.t2_ms; e *= 2)
		l->late_ms += e;
	txn_fsm_compile(l->fsm);
	struct hmap *const maps[] = {&l->client, &l->server, &l->merge, &l->flows};
	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
		err = hmap_init(maps[i], 64);
		if (err) {
			txn_layer_destroy(l);
			return err;
		}
	}
	*out = l;
	return 0;
}

void txn_layer_destroy(struct txn_layer *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->n_slots; i++) {
		struct txn *t = slot_at(l, i)->t;

		if (!t)
			continue;
		txn_kill(l, t);
		txn_drop_bytes(t);
		mem_free(t->cancel_lines);
		mem_free(t);
	}
	for (size_t i = 0; i < TXN_CHUNKS; i++)
		mem_free(l->chunk[i]);
	hmap_free(&l->client);
	hmap_free(&l->server);
	hmap_free(&l->merge);
	hmap_free(&l->flows);
	mem_free(l);
}

struct str txn_to_tag(struct txn_layer *l, struct sip_msg *m, char out[17])
{
	struct buf key = BUF_ON(l->scratch), text = buf_on(out, 17);
	uint64_t h;

	buf_str(&key, sip_msg_hdr(m, SIP_H_CALL_ID));
	buf_str(&key, sip_msg_hdr(m, SIP_H_FROM));
	buf_str(&key, sip_msg_hdr(m, SIP_H_VIA));
	h = hash_bytes(key.p, key.len);
	buf_hex(&text, &h, sizeof h);
	return buf_view(&text);
}

void txn_reply(struct txn_layer *l, struct sip_msg *m, uint16_t status, struct str to_tag,
	       struct str extra)
{
	struct sip_flow flow = sip_response_flow(m);
	struct buf b = BUF_ON(l->scratch);

	sip_build_response(&b, m, status, STR(""), to_tag, extra);
	if (buf_check(&b) == 0)
		(void)!l->conf.send(l->conf.send_ctx, &flow, buf_view(&b));
}

/* The 100 that falls due when the user is slow. Without memory there is none. */
static void prepare_trying(struct txn_layer *l, struct txn *t, struct sip_msg *m)
{
	struct buf b = BUF_ON(l->scratch);

	sip_build_response(&b, m, 100, STR(""), STR(""), STR(""));
	if (buf_check(&b) == 0)
		(void)!txn_hold_bytes(t, buf_view(&b));
}

static void refuse(struct txn_layer *l, struct sip_msg *m)
{
	char text[17], line[32];
	struct buf retry = BUF_ON(line);
	struct str tag = txn_to_tag(l, m, text);

	l->stat.limited++;
	buf_c(&retry, "Retry-After: ");
	buf_u64(&retry, 5 + rng_below(26));
	buf_c(&retry, "\r\n");
	txn_reply(l, m, 503, tag, buf_view(&retry));
}

static bool merge_eq(const struct hmap_node *n, const void *key)
{
	(void)n;
	(void)key;
	return true; /* the 64-bit keyed hash is the key */
}

/* True, and its hash, where the request can be merged at all: it starts something new. */
static bool merge_hash(struct txn_layer *l, struct sip_msg *m, uint64_t *hash)
{
	struct buf b = BUF_ON(l->scratch);
	const struct sip_nameaddr *to;

	if (sip_msg_to(m, &to) || !str_empty(sip_nameaddr_tag(to)) || txn_key_merge(&b, m))
		return false;
	*hash = hash_bytes(b.p, b.len);
	return true;
}

static void answer_merged(struct txn_layer *l, struct txn *t, struct sip_msg *m, uint64_t now_ms)
{
	struct txn_event e = {.ev = EV_START, .now_ms = now_ms, .m = m};
	char text[17];
	struct str tag = txn_to_tag(l, m, text);
	struct buf b = BUF_ON(l->scratch);

	l->stat.merged++;
	t->disowned = true;
	txn_step(l, t, &e);
	e.ev = EV_DISOWN;
	txn_step(l, t, &e);
	sip_build_response(&b, m, 482, STR(""), tag, STR(""));
	e = (struct txn_event){.ev = EV_TX_FINAL, .now_ms = now_ms, .bytes = buf_view(&b)};
	if (buf_check(&b) == 0)
		txn_step(l, t, &e);
}

static void receive_fresh(struct txn_layer *l, struct sip_msg *m, struct str key, uint64_t now_ms)
{
	enum txn_kind kind = m->method == SIP_M_INVITE ? TXN_IST : TXN_NIST;
	struct txn_event e = {.ev = EV_START, .now_ms = now_ms, .m = m};
	struct sip_flow flow = sip_response_flow(m);
	struct txn *t;
	uint64_t hash;
	bool mergeable;

	if (txn_new(l, kind, m->method, &flow, key, now_ms, &t)) {
		refuse(l, m);
		return;
	}
	mergeable = merge_hash(l, m, &hash);
	if (mergeable && hmap_find(&l->merge, hash, merge_eq, NULL)) {
		answer_merged(l, t, m, now_ms);
		return;
	}
	if (mergeable) {
		t->in_merge = true;
		hmap_insert(&l->merge, &t->merge_node, hash);
	}
	prepare_trying(l, t, m);
	txn_step(l, t, &e);
}

/* RFC 3261 9.2: 200 where the INVITE is known, whatever its state; else 481. Both without memory, the same for each copy. */
static void receive_cancel(struct txn_layer *l, struct txn *invite, struct sip_msg *m,
			   uint64_t now_ms)
{
	struct txn_event e = {.ev = EV_CANCEL, .now_ms = now_ms, .m = m};
	char text[17];

	if (invite)
		txn_step(l, invite, &e);
	else
		txn_reply(l, m, 481, txn_to_tag(l, m, text), STR(""));
}

static void receive_request(struct txn_layer *l, struct sip_msg *m, uint64_t now_ms)
{
	enum sip_method method =
		m->method == SIP_M_ACK || m->method == SIP_M_CANCEL ? SIP_M_INVITE : m->method;
	struct buf key = BUF_ON(l->scratch);
	struct txn_event e = {
		.ev = m->method == SIP_M_ACK ? EV_ACK : EV_REQUEST, .now_ms = now_ms, .m = m};
	struct txn *t;

	l->stat.rx_requests++;
	if (txn_key_server(&key, m, method))
		return;
	t = find_key(&l->server, buf_view(&key));
	if (m->method == SIP_M_CANCEL)
		receive_cancel(l, t, m, now_ms);
	else if (t)
		txn_step(l, t, &e);
	else if (m->method == SIP_M_ACK)
		l->conf.user->ack(l->conf.ctx, m, now_ms);
	else
		receive_fresh(l, m, buf_view(&key), now_ms);
}

/* More than one Via: it was not for us (RFC 3261 8.1.3.3). */
static bool one_via(const struct sip_msg *m)
{
	struct sip_list_cursor c = {0};
	struct str item;
	unsigned n = 0;

	while (n < 2 && sip_msg_each_item(m, SIP_H_VIA, &c, &item))
		n++;
	return n == 1;
}

static void receive_response(struct txn_layer *l, struct sip_msg *m, uint64_t now_ms)
{
	struct txn_event e = {.now_ms = now_ms, .m = m};
	struct buf key = BUF_ON(l->scratch);
	const struct sip_via *via;
	struct txn *t = NULL;

	l->stat.rx_responses++;
	if (one_via(m) && sip_msg_via(m, &via) == 0) {
		txn_key_client(&key, via->branch, m->method);
		t = find_key(&l->client, buf_view(&key));
	}
	if (!t) {
		l->stat.stray_responses++;
		return;
	}
	e.ev = m->status < 200 ? EV_1XX : m->status < 300 ? EV_2XX : EV_FINAL;
	txn_step(l, t, &e);
}

void txn_receive(struct txn_layer *l, struct sip_msg *m, uint64_t now_ms)
{
	if (m->is_request)
		receive_request(l, m, now_ms);
	else
		receive_response(l, m, now_ms);
}

static int start_client(struct txn_layer *l, const struct sip_flow *flow, enum sip_method method,
			struct str key, struct str bytes, uint64_t owner, bool disowned,
			uint64_t now_ms, txn_id *out)
{
	struct txn_event e = {.ev = EV_START, .now_ms = now_ms, .bytes = bytes};
	struct txn *t;
	txn_id id;
	int err;

	if (find_key(&l->client, key))
		return ERR_EXIST;
	err = txn_new(l, method == SIP_M_INVITE ? TXN_ICT : TXN_NICT, method, flow, key, now_ms,
		      &t);
	if (err) {
		l->stat.limited += err == ERR_LIMIT;
		return err;
	}
	t->owner = owner;
	t->disowned = disowned;
	id = t->id;
	txn_step(l, t, &e);
	err = e.err;
	if (err && txn_find(l, id)) {
		t->disowned = true; /* the caller hears it as the result */
		e = (struct txn_event){.ev = EV_TX_ERROR, .now_ms = now_ms};
		txn_step(l, t, &e);
	}
	if (!err)
		*out = id;
	return err;
}

int txn_start(struct txn_layer *l, const struct sip_flow *flow, enum sip_method method,
	      struct str branch, struct str bytes, uint64_t owner, uint64_t now_ms, txn_id *out)
{
	char text[256];
	struct buf key = BUF_ON(text);

	if (method == SIP_M_ACK || method == SIP_M_CANCEL)
		return ERR_INVAL;
	txn_key_client(&key, branch, method);
	if (buf_check(&key))
		return ERR_INVAL;
	return start_client(l, flow, method, buf_view(&key), bytes, owner, false, now_ms, out);
}

void txn_start_cancel(struct txn_layer *l, struct txn *invite, struct str lines, uint64_t now_ms)
{
	struct buf b = BUF_ON(l->scratch);
	char text[256];
	struct buf key = BUF_ON(text);
	txn_id id;
	int err;

	txn_derive_cancel(&b, str_n(invite->bytes, invite->bytes_len), lines);
	if (buf_check(&b))
		return;
	txn_key_client(&key, str_n(invite->key + 1, invite->key_len - 1), SIP_M_CANCEL);
	err = start_client(l, &invite->flow, SIP_M_CANCEL, buf_view(&key), buf_view(&b), 0, true,
			   now_ms, &id);
	if (err == ERR_NOMEM || err == ERR_LIMIT) /* at least once */
		(void)!l->conf.send(l->conf.send_ctx, &invite->flow, buf_view(&b));
}

int txn_cancel(struct txn_layer *l, txn_id id, struct str reason_header_lines, uint64_t now_ms)
{
	struct txn_event e = {.ev = EV_USER_CANCEL, .now_ms = now_ms, .bytes = reason_header_lines};
	struct txn *t = txn_find(l, id);

	if (!t)
		return ERR_NOENT;
	if (t->kind != TXN_ICT)
		return ERR_INVAL;
	txn_step(l, t, &e);
	return 0;
}

/* RFC 4320: what may be said about a non-INVITE request before its end. 0: nothing now, and that is fine. */
static int respond_non_invite(const struct txn_layer *l, const struct txn *t, uint16_t status,
			      uint64_t now_ms, bool *now)
{
	*now = status >= 200 || t->reliable || now_ms >= t->created_ms + l->late_ms;
	return status > 100 && status < 200 ? ERR_INVAL : 0;
}

/* Does this transaction take a response of the user's? */
static int check_respond(const struct txn *t, uint16_t status, uint16_t lowest)
{
	if (!t)
		return ERR_NOENT;
	if (is_client(t) || status < lowest || status > 699)
		return ERR_INVAL;
	if (t->state != IST_PROCEEDING && t->state != NIST_TRYING && t->state != NIST_PROCEEDING)
		return ERR_STATE;
	return 0;
}

int txn_respond(struct txn_layer *l, txn_id id, uint16_t status, struct str bytes, uint64_t now_ms)
{
	struct txn_event e = {.now_ms = now_ms, .bytes = bytes};
	struct txn *t = txn_find(l, id);
	bool now = true;
	int err = check_respond(t, status, 100);

	if (err)
		return err;
	if (t->kind == TXN_NIST)
		err = respond_non_invite(l, t, status, now_ms, &now);
	if (err || !now)
		return err;
	e.ev = status < 200 ? EV_TX_1XX : status < 300 ? EV_TX_2XX : EV_TX_FINAL;
	if (status == 408 && t->kind == TXN_NIST)
		e.ev = EV_TX_SILENT;
	txn_step(l, t, &e);
	return e.err;
}

int txn_respond_once(struct txn_layer *l, txn_id id, uint16_t status, struct str bytes,
		     uint64_t now_ms)
{
	struct txn_event e = {.ev = EV_TX_ONCE, .now_ms = now_ms, .bytes = bytes};
	struct txn *t = txn_find(l, id);
	int err = check_respond(t, status, 200);

	if (err)
		return err;
	txn_step(l, t, &e);
	return e.err;
}

int txn_resend_2xx(struct txn_layer *l, txn_id id, uint64_t now_ms)
{
	struct txn_event e = {.ev = EV_RESEND_2XX, .now_ms = now_ms};
	struct txn *t = txn_find(l, id);

	if (!t)
		return ERR_NOENT;
	if (t->state != IST_ACCEPTED)
		return ERR_STATE;
	txn_step(l, t, &e);
	return e.err;
}

int txn_set_owner(struct txn_layer *l, txn_id id, uint64_t owner)
{
	struct txn *t = txn_find(l, id);

	if (!t)
		return ERR_NOENT;
	t->owner = owner;
	return 0;
}

void txn_disown(struct txn_layer *l, txn_id id)
{
	struct txn_event e = {.ev = EV_DISOWN};
	struct txn *t = txn_find(l, id);

	if (!t || t->disowned)
		return;
	t->disowned = true;
	e.now_ms = l->conf.wheel->now_ms;
	txn_step(l, t, &e);
}

/* Older than the call, so that what the upcalls start on the same way is not failed at once. */
struct flow_key {
	const struct sip_flow *flow;
	uint64_t serial_max;
};

static bool flow_eq(const struct hmap_node *n, const void *key)
{
	const struct txn *t = container_of(n, struct txn, flow_node);
	const struct flow_key *k = key;

	return t->serial <= k->serial_max && t->flow.realm == k->flow->realm &&
	       t->flow.transport == k->flow->transport &&
	       addr_eq(&t->flow.remote, &k->flow->remote);
}

void txn_flow_failed(struct txn_layer *l, const struct sip_flow *flow, uint64_t now_ms)
{
	const struct flow_key key = {.flow = flow, .serial_max = l->serial};
	uint64_t hash = txn_key_flow(flow);
	struct hmap_node *n;

	while ((n = hmap_find(&l->flows, hash, flow_eq, &key))) {
		struct txn *t = container_of(n, struct txn, flow_node);
		struct txn_event e = {.ev = EV_TX_ERROR, .now_ms = now_ms};

		txn_leave_flows(l, t);
		txn_step(l, t, &e);
	}
}

size_t txn_count(const struct txn_layer *l)
{
	return l->count;
}

const struct txn_stat *txn_stat(const struct txn_layer *l)
{
	return &l->stat;
}
