/* What txn.c (layer, lookup), txn_fsm.c (tables), txn_act.c (actions), txn_key.c and txn_derive.c share. For nobody else but their tests. */
#ifndef REMPART_SIP_TXN_INTERNAL_H
#define REMPART_SIP_TXN_INTERNAL_H

#include "sip/txn.h"

enum txn_state {
	ICT_CALLING,
	ICT_PROCEEDING,
	ICT_COMPLETED,
	ICT_ACCEPTED,
	NICT_TRYING,
	NICT_PROCEEDING,
	NICT_COMPLETED,
	IST_PROCEEDING,
	IST_COMPLETED,
	IST_CONFIRMED,
	IST_ACCEPTED,
	NIST_TRYING,
	NIST_PROCEEDING,
	NIST_COMPLETED,
	TXN_STATES,
	TXN_TERMINATED = TXN_STATES, /* gone: no event ever comes to it */
};

/* The timers are events themselves. TRYING: a 100 is due (200 ms, RFC 4320's for non-INVITE). LIFE: 64*T1 for what has no RFC timer. */
/* clang-format off */
#define TXN_EVENT_LIST(X) \
	X(START) X(REQUEST) X(ACK) X(CANCEL) X(1XX) X(2XX) X(FINAL) X(TX_1XX) X(TX_2XX) \
	X(TX_FINAL) X(TX_SILENT) X(TX_ONCE) X(RESEND_2XX) X(USER_CANCEL) X(DISOWN) X(TX_ERROR) \
	X(TIMER_A) X(TIMER_B) X(TIMER_D) X(TIMER_E) X(TIMER_F) X(TIMER_G) X(TIMER_H) \
	X(TIMER_I) X(TIMER_J) X(TIMER_K) X(TIMER_L) X(TIMER_M) X(TIMER_TRYING) \
	X(TIMER_LIFE)
/* clang-format on */
enum txn_ev {
#define X(name) EV_##name,
	TXN_EVENT_LIST(X)
#undef X
		TXN_EVENTS
};

struct txn {
	struct txn_layer *layer;
	struct hmap_node node;       /* in layer->client or layer->server */
	struct hmap_node merge_node; /* server, without To tag: in layer->merge */
	struct hmap_node flow_node;  /* client on a stream, before any response: in layer->flows */
	/* Two timers are enough: fast is A, E, G or TRYING, slow is one of the others. */
	struct timer fast, slow;
	uint64_t owner, created_ms, serial;
	txn_id id;
	struct sip_flow flow;
	char *bytes; /* client: the request, or what CANCEL and ACK need of it; server: the last response, or the 100 that may be due */
	char *cancel_lines; /* header lines for a CANCEL held back */
	uint32_t bytes_len, cancel_len;
	uint32_t interval_ms; /* of the fast timer */
	uint32_t key_len;
	uint8_t kind, state, method, fast_ev, slow_ev, busy;
	bool reliable, disowned, cancel_wanted, cancel_sent, cancelled, told, dead, in_merge,
		in_flows;
	char key[];
};

/* One event on its way through txn_step(). */
struct txn_event {
	enum txn_ev ev;
	uint64_t now_ms;
	struct sip_msg *m; /* received ones */
	struct str bytes;  /* TX_*: the response; USER_CANCEL: header lines */
	int err;           /* out: what send said, for calls of the user's */
};

typedef void (*txn_act_fn)(struct txn_layer *l, struct txn *t, struct txn_event *e);

struct txn_row {
	enum txn_state state;
	enum txn_ev ev;
	txn_act_fn act;
	enum txn_state next;
};

struct txn_cell {
	txn_act_fn act;
	uint8_t next;
};

struct txn_slot {
	struct txn *t;
	uint32_t gen, next_free;
};

#define TXN_CHUNK       1024
#define TXN_CHUNKS      512
#define TXN_MAX_DEFAULT 500000

struct txn_layer {
	struct txn_layer_conf conf;
	struct txn_stat stat;
	struct hmap client, server, merge, flows;
	struct txn_cell fsm[TXN_STATES][TXN_EVENTS];
	struct txn_slot *chunk[TXN_CHUNKS];
	uint32_t n_slots, free_slot; /* free_slot: index + 1, 0 for none */
	size_t count;
	uint64_t serial;  /* of the newest transaction */
	uint32_t late_ms; /* when a client's timer E has come to T2 (RFC 4320 4.1) */
	char scratch[SIP_MSG_MAX_STREAM];
};

/* txn_fsm.c: the tables, and what their test looks at. */
void txn_fsm_compile(struct txn_cell fsm[TXN_STATES][TXN_EVENTS]);
void txn_step(struct txn_layer *l, struct txn *t, struct txn_event *e);
const struct txn_row *txn_fsm_rows(size_t *n);
bool txn_fsm_ignored(enum txn_state s, enum txn_ev ev); /* on purpose, in this state */
bool txn_fsm_foreign(enum txn_state s, enum txn_ev ev); /* never happens to this kind of machine */
enum txn_kind txn_state_kind(enum txn_state s);
const char *txn_state_name(enum txn_state s);
const char *txn_ev_name(enum txn_ev ev);

/* txn_act.c: one action per row of the tables. */
/* clang-format off */
#define TXN_ACT_LIST(X) \
	X(ict_start) X(ict_resend) X(ict_progress) X(ict_ring) X(ict_accept) X(ict_again) \
	X(ict_reject) X(ict_reack) X(ict_hold_cancel) X(ict_cancel) X(nict_start) \
	X(nict_resend) X(nict_resend_t2) X(nict_progress) X(nict_final) X(ist_start) \
	X(ist_replay) X(ist_trying) X(ist_provisional) X(ist_accept) X(ist_resend_2xx) \
	X(ist_reject) X(ist_resend) X(ist_confirm) X(ist_ack_up) X(ist_cancel) \
	X(ist_cancel_late) X(nist_start) X(nist_trying) X(nist_provisional) X(nist_final) \
	X(nist_silent) X(nist_replay) X(ist_release) X(absorb) X(orphan) X(end) X(timeout) \
	X(transport) X(tell_transport) X(once)
/* clang-format on */
#define X(name) void txn_act_##name(struct txn_layer *l, struct txn *t, struct txn_event *e);
TXN_ACT_LIST(X)
#undef X

/* txn.c: life of a transaction. */
struct txn *txn_find(const struct txn_layer *l, txn_id id);
int txn_new(struct txn_layer *l, enum txn_kind kind, enum sip_method method,
	    const struct sip_flow *flow, struct str key, uint64_t now_ms,
	    struct txn **out) MUST_CHECK;
void txn_kill(struct txn_layer *l,
	      struct txn *t); /* out of all tables at once; freed when no step of it runs */
void txn_leave_flows(struct txn_layer *l, struct txn *t);
int txn_hold_bytes(struct txn *t,
		   struct str bytes) MUST_CHECK; /* a copy; on ERR_NOMEM the old bytes stay */
void txn_drop_bytes(struct txn *t);
/* Sends a response to m without a transaction; to_tag where the request has none. */
void txn_reply(struct txn_layer *l, struct sip_msg *m, uint16_t status, struct str to_tag,
	       struct str extra);
/* Client transaction of the layer itself (CANCEL). */
void txn_start_cancel(struct txn_layer *l, struct txn *invite, struct str lines, uint64_t now_ms);

/* txn_key.c: what two messages of one transaction have in common, as bytes to hash and compare. */
void txn_key_client(struct buf *b, struct str branch, enum sip_method method);
int txn_key_server(struct buf *b, struct sip_msg *m, enum sip_method method) MUST_CHECK;
int txn_key_merge(struct buf *b, struct sip_msg *m) MUST_CHECK;
uint64_t txn_key_flow(const struct sip_flow *flow);
bool txn_key_eq(const struct hmap_node *n, const void *key); /* key: struct str, n: node */

/* txn_derive.c: requests made of an earlier one, whose bytes we wrote ourselves. */
void txn_derive_skeleton(struct buf *b, struct str request);
void txn_derive_ack(struct buf *b, struct str request, struct str response_to);
void txn_derive_cancel(struct buf *b, struct str request, struct str lines);
struct str txn_derive_to_tag(struct str response); /* of the To line; empty when it has none */
struct str txn_derive_branch(struct str request);  /* of the top Via */

#endif
