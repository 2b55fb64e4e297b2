/* A leg: one SIP dialog of a call, early or confirmed, with its own CSeq spaces, route set, remote target, offer/answer state and media endpoints.
 * Its state machine (leg_fsm.c) knows one dialog only; what concerns the other legs goes up to the call as an event. Owned by
 * its call, in the call's arena; the shard's thread. RFC 3261 12 to 15. */
#ifndef REMPART_CALL_LEG_H
#define REMPART_CALL_LEG_H

#include "base/timer.h"
#include "call/call.h"
#include "policy/route.h"
#include "sdp/offer_answer.h"

struct call_ev;
struct call_plan;

#define LEG_STATE_LIST(X)                                                                          \
	X(LEG_NEW, "new")                                                                          \
	X(LEG_INCOMING, "incoming")     /* UAS: no final response sent */                          \
	X(LEG_ANSWERED, "answered")     /* UAS: 2xx sent, no ACK yet */                            \
	X(LEG_BYE_WAIT, "bye-wait")     /* UAS: we want to leave, but the ACK is missing */        \
	X(LEG_CALLING, "calling")       /* UAC: INVITE sent */                                     \
	X(LEG_EARLY, "early")           /* UAC: a provisional response came */                     \
	X(LEG_CANCELLING, "cancelling") /* UAC: CANCEL asked for, no final response yet */         \
	X(LEG_CONFIRMED, "confirmed")                                                              \
	X(LEG_LEAVING, "leaving") /* BYE sent */                                                   \
	X(LEG_ENDED, "ended")
enum leg_state {
#define X(id, name) id,
	LEG_STATE_LIST(X)
#undef X
		LEG_STATES
};

#define LEG_EVENT_LIST(X)                                                                          \
	X(LEV_RX_INVITE, "INVITE in")                                                              \
	X(LEV_TX_2XX, "2xx out")                                                                   \
	X(LEV_TX_FAIL, "3xx-6xx out")                                                              \
	X(LEV_RX_CANCEL, "CANCEL in")                                                              \
	X(LEV_RX_ACK, "ACK in")                                                                    \
	X(LEV_NO_ACK, "no ACK")                                                                    \
	X(LEV_TX_INVITE, "INVITE out")                                                             \
	X(LEV_RX_1XX, "1xx in")                                                                    \
	X(LEV_RX_2XX, "2xx in")                                                                    \
	X(LEV_RX_2XX_AGAIN, "2xx again")                                                           \
	X(LEV_RX_2XX_STRAY, "2xx other tag")                                                       \
	X(LEV_RX_FAIL, "3xx-6xx in")                                                               \
	X(LEV_TX_CANCEL, "CANCEL out")                                                             \
	X(LEV_RX_REINVITE, "re-INVITE in")                                                         \
	X(LEV_RX_RE_2XX, "re-INVITE 2xx in")                                                       \
	X(LEV_RX_RE_FAIL, "re-INVITE 3xx-6xx in")                                                  \
	X(LEV_TX_BYE, "BYE out")                                                                   \
	X(LEV_RX_BYE, "BYE in")                                                                    \
	X(LEV_BYE_DONE, "BYE answered")                                                            \
	X(LEV_LOST, "given up")
enum leg_event {
#define X(id, name) id,
	LEG_EVENT_LIST(X)
#undef X
		LEG_EVENTS
};

/* One m-line of a leg. */
struct leg_media {
	uint32_t endpoint;                 /* MEDIA_NONE: no endpoint, no ports */
	uint32_t closing;                  /* deleted, final statistics awaited; MEDIA_NONE: none */
	struct addr latched, latched_rtcp; /* as the dataplane told us; unset: not yet */
	bool set;                          /* the dataplane was told */
	char codec[12];                    /* of the closing endpoint */
	struct addr local;
};

/* A To-tag that some 1xx or 2xx of our INVITE brought: an early dialog (rule 2), or one that we had to end. */
struct leg_tag {
	struct leg_tag *next;
	struct str tag;
	bool byed;
};
#define LEG_TAGS_MAX 16

struct leg {
	struct call *call;
	uint8_t index;
	uint8_t peer;  /* index of the leg that the bridge joined it with; CALL_LEGS_MAX: none */
	uint8_t state; /* enum leg_state; only leg_step() writes it */
	enum call_leg_role role;
	const struct conf_realm *realm;
	const struct conf_trunk *trunk; /* NULL: none */
	const struct conf_profile *profile;
	struct sip_flow flow; /* where it was last reached */
	bool nat;             /* the registrar saw a NAT */
	bool echo;            /* its media goes back to where it came from */

	/* Dialog. Views into the call's arena unless said otherwise. */
	struct str call_id, local_tag, remote_tag;
	struct str local_value,
		remote_value; /* From or To values without our own or their tag's part added: see leg_put_from() */
	struct str contact_user;
	struct str target; /* owned: remote target URI */
	struct str *route; /* "<sip:...;lr>" each, in the order to be written */
	size_t n_route;
	bool strict; /* the first route is a strict router's */
	bool routes_frozen;
	uint32_t local_cseq, remote_cseq;
	bool remote_cseq_set;
	struct leg_tag *tags;
	size_t n_tags;

	/* INVITE that we answer */
	txn_id in_invite; /* no final response sent yet; 0: none */
	txn_id in_2xx;    /* 2xx sent, ACK awaited; 0: none */
	uint32_t in_cseq;
	/* Owned: Via, From, To, Call-ID, CSeq, Record-Route lines of its responses. */
	struct str in_head;
	/* Owned: a re-INVITE that waits for the other side's ACK; its transaction is in_invite. */
	struct str held;
	struct sip_flow held_flow;
	struct timer resend; /* 2xx retransmission */
	uint32_t resend_ms;  /* current interval */
	uint64_t resend_end_ms;

	/* INVITE that we sent */
	txn_id out_invite; /* no final response yet; 0: none */
	uint32_t out_cseq;
	bool ack_held;  /* 2xx came, ACK not sent yet (rule 6) */
	struct str ack; /* owned: the ACK's bytes, for retransmitted 2xx (rule 5) */
	struct sip_flow ack_flow;
	uint16_t final_status; /* of the initial INVITE; 0: none */
	struct str final_reason;
	struct leg_tag *preview; /* the early dialog whose SDP the caller sees */

	struct oa oa;
	struct leg_media media[CALL_MEDIA_MAX];
};

struct leg_row {
	uint32_t states; /* bit mask */
	enum leg_event event;
	void (*act)(struct leg *l, const struct call_ev *e, struct call_plan *p);
	enum leg_state next; /* LEG_STATES: stays */
	int up;              /* enum call_event, EV_NONE for nothing */
	uint8_t kind;        /* enum fsm_kind */
};

extern const char *const leg_state_name[LEG_STATES];
extern const char *const leg_event_name[LEG_EVENTS];
extern const struct leg_row leg_rows[];
extern const size_t n_leg_rows;

/* A new leg at the end of the call's list. ERR_FULL, ERR_NOMEM. */
int leg_create(struct call *c, enum call_leg_role role, const struct conf_realm *realm,
	       const struct conf_trunk *trunk, struct leg **out) MUST_CHECK;
/* Frees what is not in the call's arena and stops timers. */
void leg_free(struct leg *l);
/* The only place that assigns a leg's state: the row's action, the new state, and the event for the call (EV_NONE: nothing). */
int leg_step(struct leg *l, enum leg_event event, const struct call_ev *e, struct call_plan *p);

/* UAS: takes over the dialog's identity from the INVITE. UAC: writes ours. ERR_NOMEM, ERR_LIMIT, ERR_SYNTAX. */
int leg_init_uas(struct leg *l, struct sip_msg *invite) MUST_CHECK;
struct leg_uac {
	struct sip_flow flow;
	struct str ruri;
	struct str from_user, from_display; /* caller */
	struct str to_user, to_display, to_host;
	bool to_tel, from_tel;
	bool nat;
};
int leg_init_uac(struct leg *l, const struct leg_uac *u) MUST_CHECK;
/* Remembers how to answer this INVITE (lines of the response's head) and its transaction. */
int leg_take_invite(struct leg *l, txn_id t, struct sip_msg *invite) MUST_CHECK;
/* The dialog of this 2xx becomes the leg's: tag, target, route set (RFC 3261 12.1.2, 13.2.2.4). */
int leg_confirm(struct leg *l, struct sip_msg *m) MUST_CHECK;
/* Target refresh by an INVITE or its 2xx (rule 16). */
int leg_refresh_target(struct leg *l, struct sip_msg *m) MUST_CHECK;
/* Finds or remembers a To-tag; NULL when there are too many or no memory. */
struct leg_tag *leg_tag_note(struct leg *l, struct str tag);
/* Is this remote tag one of the dialogs of the leg, early ones included? */
bool leg_tag_known(const struct leg *l, struct str tag);
/* The flow that the next request in the dialog takes: route set or target, but for a NATed far end the flow it is reached on. */
struct sip_flow leg_next_hop(const struct leg *l);

/* Owned strings: replaces *s by a copy. ERR_NOMEM leaves it. */
int held_set(struct str *s, struct str value) MUST_CHECK;
void held_free(struct str *s);

#endif
