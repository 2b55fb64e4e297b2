/* What the two files of upcalls share: call_rx.c (requests) and call_rx_owner.c (what comes to the owner of a transaction). For them only. */
#ifndef REMPART_CALL_RX_H
#define REMPART_CALL_RX_H

#include "call/call_plan.h"

/* A received request, into the call's ladder. */
void call_note_request(struct leg *l, struct sip_msg *m);

/* struct txn_user's response, cancelled and failed. */
void call_up_response(void *ctx, txn_id t, uint64_t owner, struct sip_msg *m, uint64_t now_ms);
void call_up_cancelled(void *ctx, txn_id t, uint64_t owner, struct sip_msg *cancel,
		       uint64_t now_ms);
void call_up_failed(void *ctx, txn_id t, uint64_t owner, enum txn_failure why, uint64_t now_ms);

#endif
