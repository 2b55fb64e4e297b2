/* A plan: what an event wants done. Actions append, call_commit() alone executes, in order. Lives on the stack for one event; texts it names live in the
 * shard's scratch arena or longer. */
#ifndef REMPART_CALL_PLAN_H
#define REMPART_CALL_PLAN_H

#include "call/call_fsm.h"

#define PLAN_LIST(X)                                                                               \
	X(PLAN_INVITE, "invite")       /* INVITE or re-INVITE on a leg */                          \
	X(PLAN_RESPOND, "respond")     /* response to the INVITE pending on a leg */               \
	X(PLAN_ACK, "ack")             /* ACK of a 2xx; kept for its retransmissions */            \
	X(PLAN_ACK_AGAIN, "ack-again") /* the same bytes once more */                              \
	X(PLAN_STRAY, "stray")         /* ACK, then BYE, for a 2xx of another fork */              \
	X(PLAN_CANCEL, "cancel")                                                                   \
	X(PLAN_BYE, "bye")                                                                         \
	X(PLAN_MEDIA, "media") /* tell the dataplane a leg's endpoints */                          \
	X(PLAN_MEDIA_DROP, "media-drop")                                                           \
	X(PLAN_RELAY, "relay") /* pass a request on */                                             \
	X(PLAN_RELAY_BACK, "relay-back")                                                           \
	X(PLAN_TIMER, "timer") /* the call's timer; 0 ms stops it */
enum plan_type {
#define X(id, name) id,
	PLAN_LIST(X)
#undef X
};

struct plan_op {
	enum plan_type type;
	uint8_t leg;
	uint8_t slot; /* relay slot */
	uint16_t status;
	txn_id txn;            /* PLAN_RESPOND: to which */
	struct str reason;     /* phrase; empty: the standard one */
	struct str body;       /* SDP */
	struct str extra;      /* complete header lines */
	struct sip_msg *pass;  /* headers that cross from this message; NULL: none */
	uint32_t max_forwards; /* of the message; 0: 70, UINT32_MAX: 0 */
	uint64_t ms;
};
#define PLAN_MAX 64
struct call_plan {
	struct plan_op op[PLAN_MAX];
	size_t n;
	bool overflow;
	uint64_t now_ms;
};

/* A zeroed op at the end; when the plan is full it is one that will be ignored, and overflow is set. */
struct plan_op *plan_add(struct call_plan *p, enum plan_type type, unsigned leg);
void plan_timer(struct call_plan *p, uint64_t ms);
/* Response to the INVITE pending on a leg, through the leg's machine when it is final; then the INVITE is pending no more. */
void plan_respond(struct leg *l, const struct call_ev *e, struct call_plan *p, unsigned status,
		  struct str reason, struct str body, struct sip_msg *pass);
void plan_respond_extra(struct leg *l, const struct call_ev *e, struct call_plan *p,
			unsigned status, struct str reason, struct str extra);

/* Executes: transactions, media client, timers. The call is busy meanwhile; failures come back by call_later(). */
void call_commit(struct call *c, struct call_plan *p);

/* A 2xx whose call is gone: ACK and BYE, so that the phone which answered too late does not wait for anybody. */
void call_end_late(struct shard *s, struct sip_msg *m, uint64_t now_ms);

/* Message texts (call_msg.c). */
struct msg_request {
	enum sip_method method;
	struct str method_name; /* empty: the method's */
	uint32_t cseq, max_forwards;
	struct str branch, extra, content_type, body;
	struct sip_msg *pass;
};
void msg_request(struct buf *b, const struct leg *l, const struct sip_flow *flow,
		 const struct msg_request *r);
void msg_response(struct buf *b, const struct leg *l, unsigned status, struct str reason,
		  struct str extra, struct str body, struct sip_msg *pass);
/* Via, Record-Route, From, To with our tag, Call-ID, CSeq: the head of every response to this request. */
void msg_head(struct buf *b, const struct leg *l, struct sip_msg *request);
/* The shard's buffer for one message: what is written there must be sent or copied before the next one is begun. */
struct buf msg_buf(struct shard *s);

/* Actions (call_act_*.c). */
bool act_setup(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_setup_echo(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_progress(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_refused(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_answer(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_ack(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_cancel(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_cancel_modify(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_ring_timeout(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_no_ack(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_bye(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_media_timeout(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_hangup(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_linger(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_over(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_reinvite(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_reinvite_echo(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_re_answer(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_re_refused(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_request(struct call *c, const struct call_ev *e, struct call_plan *p);
bool act_response(struct call *c, const struct call_ev *e, struct call_plan *p);

/* Every leg leaves: pending INVITEs are refused with status, dialogs get BYE, our INVITEs CANCEL; media is dropped. extra: Reason line. */
void call_teardown(struct call *c, const struct call_ev *e, struct call_plan *p, unsigned status,
		   struct str phrase, struct str extra);
/* SIP status for an error of bridge_open(), counted; 0 for 0. */
unsigned call_media_status(struct call *c, const struct leg *l, int err);
/* What the other side hears of a far end's final status. */
unsigned call_far_status(unsigned status);
/* The first answer: time and metric. */
void call_answered(struct call *c, uint64_t now_ms);
/* One fork that lost or one leg that must go. */
void leg_dismiss(struct leg *l, const struct call_ev *e, struct call_plan *p, struct str extra);

#endif
