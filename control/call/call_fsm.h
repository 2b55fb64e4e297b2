/* The call's inside: its states and events, the table that joins them (call_fsm.c), and the struct. Only files in call/ and its tests include this.
 *
 *   upcall -> leg_step() -> call_step() -> plan -> call_commit()
 *
 * call_event() and call_leg_event() (call_run.c) drive that chain. One thread, the shard's. */
#ifndef REMPART_CALL_FSM_H
#define REMPART_CALL_FSM_H

#include "call/call.h"
#include "call/leg.h"
#include "ops/ladder.h"
#include "shard.h"

#define CALL_STATE_LIST(X)                                                                         \
	X(CALL_NEW, "new")                                                                         \
	X(CALL_SETUP, "setup")       /* INVITE sent on, nothing heard */                           \
	X(CALL_EARLY, "early")       /* the caller was told of progress */                         \
	X(CALL_ANSWERED, "answered") /* 2xx sent to the caller, no ACK yet */                      \
	X(CALL_ACTIVE, "active")                                                                   \
	X(CALL_MODIFY, "modify") /* a re-INVITE was sent on */                                     \
	X(CALL_REACK, "reack")   /* its 2xx was sent back, no ACK yet */                           \
	X(CALL_ENDING, "ending") /* legs are leaving */                                            \
	X(CALL_DEAD, "dead")     /* freed when the event is done */
enum call_state {
#define X(id, name) id,
	CALL_STATE_LIST(X)
#undef X
		CALL_STATES
};

#define CALL_EVENT_LIST(X)                                                                         \
	X(EV_NONE, "none")                                                                         \
	X(EV_INVITE, "INVITE")                                                                     \
	X(EV_INVITE_ECHO, "INVITE for echo")                                                       \
	X(EV_CANCEL, "CANCEL")                                                                     \
	X(EV_PROGRESS, "1xx")                                                                      \
	X(EV_ANSWER, "2xx")                                                                        \
	X(EV_REFUSED, "3xx-6xx or failure")                                                        \
	X(EV_ACK, "ACK")                                                                           \
	X(EV_NO_ACK, "no ACK")                                                                     \
	X(EV_REINVITE, "re-INVITE")                                                                \
	X(EV_REINVITE_ECHO, "re-INVITE for echo")                                                  \
	X(EV_RE_ANSWER, "re-INVITE 2xx")                                                           \
	X(EV_RE_REFUSED, "re-INVITE 3xx-6xx or failure")                                           \
	X(EV_BYE, "BYE")                                                                           \
	X(EV_REQUEST, "other request")                                                             \
	X(EV_RESPONSE, "its response")                                                             \
	X(EV_TIMER, "timer")                                                                       \
	X(EV_MEDIA_TIMEOUT, "media timeout")                                                       \
	X(EV_HANGUP, "hangup")                                                                     \
	X(EV_OVER, "all legs ended or leaving")
enum call_event {
#define X(id, name) id,
	CALL_EVENT_LIST(X)
#undef X
		CALL_EVENTS
};

/* What an event carries. msg lives for the event only. */
struct call_ev {
	enum call_event type;
	struct leg *leg;     /* NULL: the call itself */
	struct sip_msg *msg; /* NULL: none */
	txn_id txn;
	uint32_t max_forwards; /* of a request to pass on, as in struct plan_op */
	uint16_t status;       /* of a failure without a message */
	struct str reason;     /* operator's or our words */
	uint8_t slot;          /* relay slot */
	uint64_t now_ms;
};

/* Decisions about an INVITE that the action needs; call_admit.c makes it. */
struct call_admission {
	struct shard *shard;
	const struct conf_realm *realm;
	const struct conf_trunk *trunk;
	const struct conf_route *route;
	const struct conf_peer *peer;      /* CONF_TO_TRUNK */
	const struct reg_binding *binding; /* CONF_TO_REGISTRAR */
	struct str called, user; /* called: R-URI user; user: authenticated, may be empty */
	bool called_tel;         /* a telephone number */
	uint32_t max_forwards;   /* for the far side, as in struct plan_op */
	uint64_t ring_ms;
	bool expires; /* ring_ms is the caller's wish */
};

enum fsm_kind {
	FSM_ACT,
	FSM_IGNORE /* on purpose */,
	FSM_CANNOT /* does not happen: logged and counted if it does */
};

/* The action returns true for `next`, false for `other`. CALL_STATES: stays. */
typedef bool (*call_act_fn)(struct call *c, const struct call_ev *e, struct call_plan *p);
struct call_row {
	uint32_t states; /* bit mask */
	enum call_event event;
	call_act_fn act;
	enum call_state next, other;
	uint8_t kind; /* enum fsm_kind */
};
extern const struct call_row call_rows[];
extern const size_t n_call_rows;
extern const char *const call_state_name[CALL_STATES];
extern const char *const call_event_name[CALL_EVENTS];

/* Rows compiled into [state][event]: index + 1 into the rows, 0 for a pair that nobody listed. Aborts on a pair listed twice. */
struct call_fsm {
	uint8_t call[CALL_STATES][CALL_EVENTS];
	uint8_t leg[LEG_STATES][LEG_EVENTS];
};
void call_fsm_compile(struct call_fsm *f);
/* The only place that assigns a call's state; logs each transition. */
void call_step(struct call *c, const struct call_ev *e, struct call_plan *p);

/* A request in a dialog that is relayed as it is (INFO). */
struct call_relay {
	txn_id in, out;     /* 0: free */
	uint8_t from;       /* leg */
	struct str in_head; /* owned */
};
#define CALL_RELAYS 4

/* Events that come up while an event is handled: a send that failed at once. */
struct call_soon {
	uint8_t leg, event; /* enum leg_event */
	uint16_t status;
};
#define CALL_SOON_MAX 16

struct call {
	uint64_t id;
	struct shard *shard;
	struct call *next, *prev; /* table's list, newest last */
	uint8_t state;            /* enum call_state */
	bool busy;                /* an event is being handled */
	bool delayed;             /* the running INVITE came without an offer */
	bool answered;
	bool expires;             /* the ringing ends when the caller said */
	bool parted;              /* only answers to BYEs are missing */
	bool doomed;              /* something could not be done: hang up */
	uint8_t inv_from, inv_to; /* legs of the running INVITE */
	uint8_t n_leg;
	uint8_t n_soon;
	uint16_t n_closing; /* endpoints deleted whose final statistics are awaited */
	struct arena arena;
	struct leg *leg[CALL_LEGS_MAX];
	const struct call_admission *admission; /* during EV_INVITE only */
	struct str from_user, to_user;
	struct str from_name, to_name;
	struct timer timer; /* ringing; linger while ending */
	uint64_t start_ms, start_wall_ms, answer_ms, end_ms;
	struct call_relay relay[CALL_RELAYS];
	struct call_soon soon[CALL_SOON_MAX];
	struct ladder ladder;
};

/* Upcall to plan: runs the leg's machine, then the call's, commits, and goes on with what came up meanwhile. The call may be gone afterwards. */
void call_event(struct call *c, const struct call_ev *e);
void call_leg_event(struct leg *l, enum leg_event event, const struct call_ev *e);
/* From inside an event: later. */
void call_later(struct call *c, struct leg *l, enum leg_event event, uint16_t status);

/* Table. */
struct call_table {
	struct shard *shard;
	struct call **slot;
	uint32_t *gen;
	uint32_t *free_slot;
	uint32_t n_slot, n_free;
	size_t count;
	struct call *first, *last;
	struct call_fsm fsm;
};
#define CALL_MAX        100000
#define CALL_INDEX_BITS 20
#define CALL_ID_BITS    48
int call_create(struct call_table *t, uint64_t now_ms, struct call **out) MUST_CHECK;
void call_destroy(struct call *c);
struct call *call_get(const struct call_table *t, uint64_t id);

/* Owners of transactions: call, leg, what for. */
enum owner_kind { OWN_INVITE = 1, OWN_BYE, OWN_SERVER, OWN_RELAY };
static inline uint64_t owner_make(const struct call *c, unsigned leg, enum owner_kind kind,
				  unsigned slot)
{
	return c->id | (uint64_t)leg << CALL_ID_BITS | (uint64_t)kind << (CALL_ID_BITS + 4) |
	       (uint64_t)slot << (CALL_ID_BITS + 8);
}

/* Our tags: shard, leg and call handle in hex, then random characters. */
#define CALL_TAG_LEN 27
void call_tag_write(const struct call *c, unsigned leg, char out[CALL_TAG_LEN]);
/* Leg whose local tag this is (tag compared in full), or NULL. */
struct leg *call_tag_find(const struct call_table *t, struct str tag);

/* True once every leg has ended. */
bool call_over(const struct call *c);
/* Legs that still may answer the initial INVITE. */
size_t call_forks(const struct call *c);

/* Our Allow value. */
#define CALL_ALLOW "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"

/* Guard and routing of an initial INVITE. 0 with *out filled (and *user in it), or the status to answer with extra header lines in
 * *extra (scratch). */
int call_admit(struct shard *s, struct sip_msg *m, uint64_t now_ms, struct call_admission *out,
	       struct str *extra) MUST_CHECK;
/* The parts that every INVITE passes, re-INVITE too: Max-Forwards, Require, body type. 0 or the status. */
int call_guard(struct shard *s, struct sip_msg *m, uint32_t *max_forwards,
	       struct str *extra) MUST_CHECK;
/* The same for a request whose body crosses as it is. */
int call_guard_relayed(struct shard *s, struct sip_msg *m, uint32_t *max_forwards,
		       struct str *extra) MUST_CHECK;

#endif
