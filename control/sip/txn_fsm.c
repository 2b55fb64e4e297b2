/* The four transaction machines, one row a transition: RFC 3261 17.1.1 (INVITE client), 17.1.2 (client), 17.2.1 (INVITE
 * server), 17.2.2 (server), as changed by RFC 6026 (Accepted, timers L and M; a server stays where it is when it cannot
 * send) and RFC 4320 (no 408 and no early 100 to non-INVITE).
 *
 * For txn.c, on its thread. The rows are compiled into [state][event] when a layer is made; a pair that stands there twice
 * aborts. What is ignored on purpose stands in a second table with the reason; what cannot happen to a kind of machine in a
 * third. What is in none of them is counted and logged. A unit test proves that every pair is in exactly one. */
#include "sip/txn_internal.h"

#include <assert.h>

#include "base/log.h"
#include "base/mem.h"

#define ACT(name) txn_act_##name

static const struct txn_row rows[] = {
	/* state            event            action                next                   RFC */
	{ICT_CALLING, EV_START, ACT(ict_start), ICT_CALLING},              /* 3261 17.1.1.2 */
	{ICT_CALLING, EV_TIMER_A, ACT(ict_resend), ICT_CALLING},           /* 3261 17.1.1.2 */
	{ICT_CALLING, EV_TIMER_B, ACT(timeout), TXN_TERMINATED},           /* 3261 17.1.1.2 */
	{ICT_CALLING, EV_TX_ERROR, ACT(transport), TXN_TERMINATED},        /* 3261 17.1.4 */
	{ICT_CALLING, EV_1XX, ACT(ict_progress), ICT_PROCEEDING},          /* 3261 17.1.1.2, 9.1 */
	{ICT_CALLING, EV_2XX, ACT(ict_accept), ICT_ACCEPTED},              /* 6026 7.2 */
	{ICT_CALLING, EV_FINAL, ACT(ict_reject), ICT_COMPLETED},           /* 3261 17.1.1.2 */
	{ICT_CALLING, EV_USER_CANCEL, ACT(ict_hold_cancel), ICT_CALLING},  /* 3261 9.1 */
	{ICT_PROCEEDING, EV_1XX, ACT(ict_ring), ICT_PROCEEDING},           /* 3261 17.1.1.2 */
	{ICT_PROCEEDING, EV_2XX, ACT(ict_accept), ICT_ACCEPTED},           /* 6026 7.2 */
	{ICT_PROCEEDING, EV_FINAL, ACT(ict_reject), ICT_COMPLETED},        /* 3261 17.1.1.2 */
	{ICT_PROCEEDING, EV_USER_CANCEL, ACT(ict_cancel), ICT_PROCEEDING}, /* 3261 9.1 */
	{ICT_PROCEEDING, EV_DISOWN, ACT(orphan), ICT_PROCEEDING},          /* ours */
	{ICT_PROCEEDING, EV_TIMER_LIFE, ACT(timeout), TXN_TERMINATED},     /* 3261 9.1 */
	{ICT_COMPLETED, EV_FINAL, ACT(ict_reack), ICT_COMPLETED},          /* 3261 17.1.1.2 */
	{ICT_COMPLETED, EV_TX_ERROR, ACT(end), TXN_TERMINATED},            /* 3261 17.1.1.2 */
	{ICT_COMPLETED, EV_TIMER_D, ACT(end), TXN_TERMINATED},             /* 3261 17.1.1.2 */
	{ICT_ACCEPTED, EV_2XX, ACT(ict_again), ICT_ACCEPTED},              /* 6026 7.2 */
	{ICT_ACCEPTED, EV_TIMER_M, ACT(end), TXN_TERMINATED},              /* 6026 7.2 */

	{NICT_TRYING, EV_START, ACT(nict_start), NICT_TRYING},               /* 3261 17.1.2.2 */
	{NICT_TRYING, EV_TIMER_E, ACT(nict_resend), NICT_TRYING},            /* 3261 17.1.2.2 */
	{NICT_TRYING, EV_TIMER_F, ACT(timeout), TXN_TERMINATED},             /* 3261 17.1.2.2 */
	{NICT_TRYING, EV_TX_ERROR, ACT(transport), TXN_TERMINATED},          /* 3261 17.1.4 */
	{NICT_TRYING, EV_1XX, ACT(nict_progress), NICT_PROCEEDING},          /* 3261 17.1.2.2 */
	{NICT_TRYING, EV_2XX, ACT(nict_final), NICT_COMPLETED},              /* 3261 17.1.2.2 */
	{NICT_TRYING, EV_FINAL, ACT(nict_final), NICT_COMPLETED},            /* 3261 17.1.2.2 */
	{NICT_PROCEEDING, EV_TIMER_E, ACT(nict_resend_t2), NICT_PROCEEDING}, /* 3261 17.1.2.2 */
	{NICT_PROCEEDING, EV_TIMER_F, ACT(timeout), TXN_TERMINATED},         /* 3261 17.1.2.2 */
	{NICT_PROCEEDING, EV_TX_ERROR, ACT(transport), TXN_TERMINATED},      /* 3261 17.1.4 */
	{NICT_PROCEEDING, EV_1XX, ACT(nict_progress), NICT_PROCEEDING},      /* 3261 17.1.2.2 */
	{NICT_PROCEEDING, EV_2XX, ACT(nict_final), NICT_COMPLETED},          /* 3261 17.1.2.2 */
	{NICT_PROCEEDING, EV_FINAL, ACT(nict_final), NICT_COMPLETED},        /* 3261 17.1.2.2 */
	{NICT_COMPLETED, EV_2XX, ACT(absorb), NICT_COMPLETED},               /* 3261 17.1.2.2 */
	{NICT_COMPLETED, EV_FINAL, ACT(absorb), NICT_COMPLETED},             /* 3261 17.1.2.2 */
	{NICT_COMPLETED, EV_TIMER_K, ACT(end), TXN_TERMINATED},              /* 3261 17.1.2.2 */

	{IST_PROCEEDING, EV_START, ACT(ist_start), IST_PROCEEDING},         /* 3261 17.2.1 */
	{IST_PROCEEDING, EV_REQUEST, ACT(ist_replay), IST_PROCEEDING},      /* 3261 17.2.1 */
	{IST_PROCEEDING, EV_CANCEL, ACT(ist_cancel), IST_PROCEEDING},       /* 3261 9.2 */
	{IST_PROCEEDING, EV_TIMER_TRYING, ACT(ist_trying), IST_PROCEEDING}, /* 3261 17.2.1 */
	{IST_PROCEEDING, EV_TX_1XX, ACT(ist_provisional), IST_PROCEEDING},  /* 3261 17.2.1 */
	{IST_PROCEEDING, EV_TX_2XX, ACT(ist_accept), IST_ACCEPTED},         /* 6026 7.1 */
	{IST_PROCEEDING, EV_TX_FINAL, ACT(ist_reject), IST_COMPLETED},      /* 3261 17.2.1 */
	{IST_PROCEEDING, EV_TX_ONCE, ACT(once), TXN_TERMINATED},            /* 3261 8.2.7 */
	{IST_PROCEEDING, EV_TX_ERROR, ACT(tell_transport), IST_PROCEEDING}, /* 6026 8.8 */
	{IST_PROCEEDING, EV_DISOWN, ACT(orphan), IST_PROCEEDING},           /* ours */
	{IST_PROCEEDING, EV_TIMER_LIFE, ACT(end), TXN_TERMINATED},   /* ours: nobody will answer */
	{IST_COMPLETED, EV_REQUEST, ACT(ist_replay), IST_COMPLETED}, /* 3261 17.2.1 */
	{IST_COMPLETED, EV_CANCEL, ACT(ist_cancel_late), IST_COMPLETED},  /* 3261 9.2 */
	{IST_COMPLETED, EV_TIMER_G, ACT(ist_resend), IST_COMPLETED},      /* 3261 17.2.1 */
	{IST_COMPLETED, EV_TIMER_H, ACT(timeout), TXN_TERMINATED},        /* 3261 17.2.1 */
	{IST_COMPLETED, EV_ACK, ACT(ist_confirm), IST_CONFIRMED},         /* 3261 17.2.1 */
	{IST_COMPLETED, EV_TX_ERROR, ACT(tell_transport), IST_COMPLETED}, /* 6026 8.8 */
	{IST_CONFIRMED, EV_ACK, ACT(absorb), IST_CONFIRMED},              /* 3261 17.2.1 */
	{IST_CONFIRMED, EV_REQUEST, ACT(absorb), IST_CONFIRMED},          /* 3261 17.2.1 */
	{IST_CONFIRMED, EV_CANCEL, ACT(ist_cancel_late), IST_CONFIRMED},  /* 3261 9.2 */
	{IST_CONFIRMED, EV_TIMER_I, ACT(end), TXN_TERMINATED},            /* 3261 17.2.1 */
	{IST_ACCEPTED, EV_REQUEST, ACT(absorb), IST_ACCEPTED},            /* 6026 7.1 */
	{IST_ACCEPTED, EV_ACK, ACT(ist_ack_up), IST_ACCEPTED},            /* 6026 7.1 */
	{IST_ACCEPTED, EV_CANCEL, ACT(ist_cancel_late), IST_ACCEPTED},    /* 3261 9.2 */
	{IST_ACCEPTED, EV_RESEND_2XX, ACT(ist_resend_2xx), IST_ACCEPTED}, /* 6026 7.1 */
	{IST_ACCEPTED, EV_DISOWN, ACT(ist_release), IST_ACCEPTED},        /* ours: no more 2xx */
	{IST_ACCEPTED, EV_TX_ERROR, ACT(tell_transport), IST_ACCEPTED},   /* 6026 8.8 */
	{IST_ACCEPTED, EV_TIMER_L, ACT(end), TXN_TERMINATED},             /* 6026 7.1 */

	{NIST_TRYING, EV_START, ACT(nist_start), NIST_TRYING},                /* 3261 17.2.2 */
	{NIST_TRYING, EV_REQUEST, ACT(absorb), NIST_TRYING},                  /* 3261 17.2.2 */
	{NIST_TRYING, EV_TIMER_TRYING, ACT(nist_trying), NIST_PROCEEDING},    /* 4320 4.1 */
	{NIST_TRYING, EV_TX_1XX, ACT(nist_provisional), NIST_PROCEEDING},     /* 3261 17.2.2 */
	{NIST_TRYING, EV_TX_2XX, ACT(nist_final), NIST_COMPLETED},            /* 3261 17.2.2 */
	{NIST_TRYING, EV_TX_FINAL, ACT(nist_final), NIST_COMPLETED},          /* 3261 17.2.2 */
	{NIST_TRYING, EV_TX_SILENT, ACT(nist_silent), NIST_COMPLETED},        /* 4320 4.2 */
	{NIST_TRYING, EV_TX_ONCE, ACT(once), TXN_TERMINATED},                 /* 3261 8.2.7 */
	{NIST_TRYING, EV_DISOWN, ACT(orphan), NIST_TRYING},                   /* ours */
	{NIST_TRYING, EV_TIMER_LIFE, ACT(timeout), TXN_TERMINATED},           /* 4320 4.2 */
	{NIST_PROCEEDING, EV_REQUEST, ACT(nist_replay), NIST_PROCEEDING},     /* 3261 17.2.2 */
	{NIST_PROCEEDING, EV_TX_1XX, ACT(nist_provisional), NIST_PROCEEDING}, /* 3261 17.2.2 */
	{NIST_PROCEEDING, EV_TX_2XX, ACT(nist_final), NIST_COMPLETED},        /* 3261 17.2.2 */
	{NIST_PROCEEDING, EV_TX_FINAL, ACT(nist_final), NIST_COMPLETED},      /* 3261 17.2.2 */
	{NIST_PROCEEDING, EV_TX_SILENT, ACT(nist_silent), NIST_COMPLETED},    /* 4320 4.2 */
	{NIST_PROCEEDING, EV_TX_ONCE, ACT(once), TXN_TERMINATED},             /* 3261 8.2.7 */
	{NIST_PROCEEDING, EV_TX_ERROR, ACT(tell_transport), NIST_PROCEEDING}, /* 6026 8.8 */
	{NIST_PROCEEDING, EV_DISOWN, ACT(orphan), NIST_PROCEEDING},           /* ours */
	{NIST_PROCEEDING, EV_TIMER_LIFE, ACT(timeout), TXN_TERMINATED},       /* 4320 4.2 */
	{NIST_COMPLETED, EV_REQUEST, ACT(nist_replay), NIST_COMPLETED},       /* 3261 17.2.2 */
	{NIST_COMPLETED, EV_TX_ERROR, ACT(tell_transport), NIST_COMPLETED},   /* 6026 8.8 */
	{NIST_COMPLETED, EV_TIMER_J, ACT(end), TXN_TERMINATED},               /* 3261 17.2.2 */
};

#define E1(a)      (1U << EV_##a)
#define E2(a, ...) (E1(a) | E1(__VA_ARGS__))
#define E3(a, ...) (E1(a) | E2(__VA_ARGS__))
#define E4(a, ...) (E1(a) | E3(__VA_ARGS__))
#define E5(a, ...) (E1(a) | E4(__VA_ARGS__))
#define E6(a, ...) (E1(a) | E5(__VA_ARGS__))
#define E7(a, ...) (E1(a) | E6(__VA_ARGS__))
_Static_assert(TXN_EVENTS <= 32, "a set of events is a word");

/* Ignored on purpose, with the reason. */
static const struct {
	enum txn_state state;
	uint32_t events;
	const char *why;
} ignored[] = {
	{ICT_CALLING, E1(DISOWN), "timer B ends it"},
	{ICT_CALLING, E3(TIMER_D, TIMER_M, TIMER_LIFE), "does not run here"},
	{ICT_PROCEEDING, E4(TIMER_A, TIMER_B, TIMER_D, TIMER_M), "does not run here"},
	{ICT_PROCEEDING, E2(START, TX_ERROR), "the INVITE was sent long ago"},
	{ICT_COMPLETED, E2(1XX, 2XX), "behind a non-2xx nothing counts (17.1.1.2)"},
	{ICT_COMPLETED, E2(USER_CANCEL, DISOWN), "final already; timer D ends it"},
	{ICT_COMPLETED, E5(START, TIMER_A, TIMER_B, TIMER_M, TIMER_LIFE), "does not run here"},
	{ICT_ACCEPTED, E2(1XX, FINAL), "another branch lost the race (6026 7.2)"},
	{ICT_ACCEPTED, E3(USER_CANCEL, DISOWN, TX_ERROR), "final already; timer M ends it"},
	{ICT_ACCEPTED, E5(START, TIMER_A, TIMER_B, TIMER_D, TIMER_LIFE), "does not run here"},

	{NICT_TRYING, E2(DISOWN, USER_CANCEL), "timer F ends it; only INVITE is cancelled (9.1)"},
	{NICT_TRYING, E1(TIMER_K), "does not run here"},
	{NICT_PROCEEDING, E2(DISOWN, USER_CANCEL),
	 "timer F ends it; only INVITE is cancelled (9.1)"},
	{NICT_PROCEEDING, E2(START, TIMER_K), "does not run here"},
	{NICT_COMPLETED, E1(1XX), "late provisional"},
	{NICT_COMPLETED, E3(DISOWN, USER_CANCEL, TX_ERROR), "final already; timer K ends it"},
	{NICT_COMPLETED, E3(START, TIMER_E, TIMER_F), "does not run here"},

	{IST_PROCEEDING, E1(ACK), "an ACK to nothing"},
	{IST_PROCEEDING, E1(RESEND_2XX), "no 2xx yet; the caller hears ERR_STATE"},
	{IST_PROCEEDING, E4(TIMER_G, TIMER_H, TIMER_I, TIMER_L), "does not run here"},
	{IST_COMPLETED, E5(TX_1XX, TX_2XX, TX_FINAL, TX_ONCE, RESEND_2XX),
	 "the caller hears ERR_STATE"},
	{IST_COMPLETED, E1(DISOWN), "timer H ends it"},
	{IST_COMPLETED, E5(START, TIMER_I, TIMER_L, TIMER_TRYING, TIMER_LIFE), "does not run here"},
	{IST_CONFIRMED, E5(TX_1XX, TX_2XX, TX_FINAL, TX_ONCE, RESEND_2XX),
	 "the caller hears ERR_STATE"},
	{IST_CONFIRMED, E2(DISOWN, TX_ERROR), "timer I ends it"},
	{IST_CONFIRMED, E6(START, TIMER_G, TIMER_H, TIMER_L, TIMER_TRYING, TIMER_LIFE),
	 "does not run here"},
	{IST_ACCEPTED, E4(TX_1XX, TX_2XX, TX_FINAL, TX_ONCE), "the caller hears ERR_STATE"},
	{IST_ACCEPTED, E6(START, TIMER_G, TIMER_H, TIMER_I, TIMER_TRYING, TIMER_LIFE),
	 "does not run here"},

	{NIST_TRYING, E1(TX_ERROR), "nothing was sent"},
	{NIST_TRYING, E1(TIMER_J), "does not run here"},
	{NIST_PROCEEDING, E3(START, TIMER_J, TIMER_TRYING), "does not run here"},
	{NIST_COMPLETED, E5(TX_1XX, TX_2XX, TX_FINAL, TX_SILENT, TX_ONCE),
	 "the caller hears ERR_STATE"},
	{NIST_COMPLETED, E1(DISOWN), "timer J ends it"},
	{NIST_COMPLETED, E3(START, TIMER_TRYING, TIMER_LIFE), "does not run here"},
};

/* What one kind of machine can meet at all; everything else is foreign to it. */
static const uint32_t native[] = {
	[TXN_ICT] = E7(START, 1XX, 2XX, FINAL, USER_CANCEL, DISOWN, TX_ERROR) |
		    E5(TIMER_A, TIMER_B, TIMER_D, TIMER_M, TIMER_LIFE),
	[TXN_NICT] = E7(START, 1XX, 2XX, FINAL, USER_CANCEL, DISOWN, TX_ERROR) |
		     E3(TIMER_E, TIMER_F, TIMER_K),
	[TXN_IST] = E7(START, REQUEST, ACK, CANCEL, TX_1XX, TX_2XX, TX_FINAL) |
		    E4(TX_ONCE, RESEND_2XX, DISOWN, TX_ERROR) |
		    E6(TIMER_G, TIMER_H, TIMER_I, TIMER_L, TIMER_TRYING, TIMER_LIFE),
	[TXN_NIST] = E7(START, REQUEST, TX_1XX, TX_2XX, TX_FINAL, TX_SILENT, DISOWN) |
		     E5(TX_ONCE, TX_ERROR, TIMER_J, TIMER_TRYING, TIMER_LIFE),
};

static const char *const state_names[] = {
	[ICT_CALLING] = "ict_calling",         [ICT_PROCEEDING] = "ict_proceeding",
	[ICT_COMPLETED] = "ict_completed",     [ICT_ACCEPTED] = "ict_accepted",
	[NICT_TRYING] = "nict_trying",         [NICT_PROCEEDING] = "nict_proceeding",
	[NICT_COMPLETED] = "nict_completed",   [IST_PROCEEDING] = "ist_proceeding",
	[IST_COMPLETED] = "ist_completed",     [IST_CONFIRMED] = "ist_confirmed",
	[IST_ACCEPTED] = "ist_accepted",       [NIST_TRYING] = "nist_trying",
	[NIST_PROCEEDING] = "nist_proceeding", [NIST_COMPLETED] = "nist_completed",
	[TXN_TERMINATED] = "terminated",
};

static const char *const ev_names[] = {
#define X(name) [EV_##name] = #name,
	TXN_EVENT_LIST(X)
#undef X
};

const char *txn_state_name(enum txn_state s)
{
	return state_names[s];
}

const char *txn_ev_name(enum txn_ev ev)
{
	return ev_names[ev];
}

enum txn_kind txn_state_kind(enum txn_state s)
{
	return s <= ICT_ACCEPTED     ? TXN_ICT
	       : s <= NICT_COMPLETED ? TXN_NICT
	       : s <= IST_ACCEPTED   ? TXN_IST
				     : TXN_NIST;
}

const struct txn_row *txn_fsm_rows(size_t *n)
{
	*n = sizeof rows / sizeof rows[0];
	return rows;
}

bool txn_fsm_ignored(enum txn_state s, enum txn_ev ev)
{
	for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
		if (ignored[i].state == s && ignored[i].events >> ev & 1)
			return true;
	return false;
}

bool txn_fsm_foreign(enum txn_state s, enum txn_ev ev)
{
	return !(native[txn_state_kind(s)] >> ev & 1);
}

static void act_ignore(struct txn_layer *l, struct txn *t, struct txn_event *e)
{
	(void)l;
	(void)t;
	(void)e;
}

static void act_unexpected(struct txn_layer *l, struct txn *t, struct txn_event *e)
{
	l->stat.unexpected++;
	log_limited(LOG_WARN, "txn", "unexpected", KV_X("txn", t->id),
		    KV_C("state", txn_state_name(t->state)), KV_C("ev", txn_ev_name(e->ev)));
}

void txn_fsm_compile(struct txn_cell fsm[TXN_STATES][TXN_EVENTS])
{
	for (unsigned s = 0; s < TXN_STATES; s++)
		for (unsigned ev = 0; ev < TXN_EVENTS; ev++)
			fsm[s][ev] = (struct txn_cell){
				.act = txn_fsm_ignored(s, ev) ? act_ignore : act_unexpected,
				.next = (uint8_t)s,
			};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct txn_cell *c = &fsm[rows[i].state][rows[i].ev];

		if (c->act != act_unexpected) /* twice, or ignored as well */
			abort();
		*c = (struct txn_cell){.act = rows[i].act, .next = (uint8_t)rows[i].next};
	}
}

/* The only place where a transaction changes its state. The state is new before the action runs, because an action may call
 * up, and the user may come back with the next event from there. A transaction that ends is out of all tables before its
 * last action, and freed with the outermost step. */
void txn_step(struct txn_layer *l, struct txn *t, struct txn_event *e)
{
	enum txn_state from = t->state;
	const struct txn_cell *c;

	if (t->dead)
		return;
	assert(from < TXN_STATES);
	c = &l->fsm[from][e->ev];
	t->state = c->next;
	if (c->next != from)
		log_debug("txn", "state", KV_X("txn", t->id), KV_C("from", txn_state_name(from)),
			  KV_C("to", txn_state_name(c->next)), KV_C("ev", txn_ev_name(e->ev)));
	t->busy++;
	if (c->next == TXN_TERMINATED)
		txn_kill(l, t);
	c->act(l, t, e);
	t->busy--;
	if (t->dead && t->busy == 0) {
		txn_drop_bytes(t);
		mem_free(t->cancel_lines);
		mem_free(t);
	}
}
