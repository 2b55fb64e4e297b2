/* Transactions (RFC 3261 17, RFC 6026, RFC 4320): four state machines as tables (txn_fsm.c), found by hash. They retransmit,
 * absorb retransmissions, time out, and tell their user (the call layer) what is new. A transaction is named by txn_id
 * (index and generation), never by pointer, across events. One thread. Time is an argument.
 *
 * What the layer does itself: 100 Trying for INVITE after 200 ms without a response of the user; ACK to non-2xx; CANCEL built from the
 * INVITE, held back until a 1xx came; 200 or 481 to an incoming CANCEL; 482 to a merged INVITE (8.2.2.2) unless it has a To tag. */
#ifndef REMPART_SIP_TXN_H
#define REMPART_SIP_TXN_H

#include "base/hmap.h"
#include "base/timer.h"
#include "sip/build.h"
#include "sip/msg.h"

typedef uint64_t txn_id; /* 0 is none */

enum txn_kind { TXN_ICT, TXN_NICT, TXN_IST, TXN_NIST };
enum txn_failure { TXN_TIMEOUT, TXN_TRANSPORT_ERROR };

struct txn_layer;

/* Upcalls. `owner` is what the user gave at start (or with txn_set_owner()); 0 for a fresh server transaction. */
struct txn_user {
	/* A new request, not an ACK and not a retransmission; answer it now or later with txn_respond(). */
	void (*request)(void *ctx, txn_id t, struct sip_msg *m, uint64_t now_ms);
	/* An ACK that belongs to no server transaction in Completed: the ACK of a 2xx. */
	void (*ack)(void *ctx, struct sip_msg *m, uint64_t now_ms);
	/* A response of a client transaction: every 1xx, the final one, and for INVITE every 2xx that still arrives (RFC 6026 Accepted: other forks and
	 * retransmissions). Retransmitted non-2xx finals are absorbed. */
	void (*response)(void *ctx, txn_id t, uint64_t owner, struct sip_msg *m, uint64_t now_ms);
	/* CANCEL arrived for this INVITE server transaction, which has no final response yet; the CANCEL is answered. */
	void (*cancelled)(void *ctx, txn_id t, uint64_t owner, struct sip_msg *cancel,
			  uint64_t now_ms);
	/* No final response in time, or the message could not be sent. For an INVITE server transaction: no ACK came for a non-2xx. */
	void (*failed)(void *ctx, txn_id t, uint64_t owner, enum txn_failure why, uint64_t now_ms);
};

struct txn_layer_conf {
	struct timer_wheel *wheel;
	const struct txn_user *user;
	void *ctx;
	/* Sends bytes on a flow (sip_transport_send bound to its transport; a recorder in tests). */
	int (*send)(void *send_ctx, const struct sip_flow *flow, struct str bytes);
	void *send_ctx;
	uint32_t shard;
	uint32_t t1_ms, t2_ms, t4_ms; /* 500, 4000, 5000 where 0; tests may shorten */
	uint32_t
		max_txns; /* live at a time, 500,000 where 0; over it ERR_LIMIT, and 503 to a fresh request */
};

int txn_layer_create(const struct txn_layer_conf *conf, struct txn_layer **out) MUST_CHECK;
void txn_layer_destroy(struct txn_layer *l);

/* A scanned message from the transport. Responses without a transaction are dropped. */
void txn_receive(struct txn_layer *l, struct sip_msg *m, uint64_t now_ms);

/* Starts a client transaction and sends bytes (a complete request whose top Via has this branch). ERR_NOMEM, ERR_LIMIT, ERR_INVAL (ACK and CANCEL
 * have no transaction of the user's), ERR_EXIST (the branch is in use), or what send said: then there is no transaction and no upcall. */
int txn_start(struct txn_layer *l, const struct sip_flow *flow, enum sip_method method,
	      struct str branch, struct str bytes, uint64_t owner, uint64_t now_ms,
	      txn_id *out) MUST_CHECK;
/* Sends CANCEL for an INVITE client transaction: at once, or as soon as a 1xx comes; nothing after a final response. The INVITE's final response
 * still comes up (487 or a 2xx that crossed); if none comes within 64*T1 after the CANCEL, failed(TIMEOUT). 0, also when there is nothing to
 * cancel any more; ERR_NOENT for a transaction that is over, ERR_INVAL for one that is not an INVITE client. */
int txn_cancel(struct txn_layer *l, txn_id t, struct str reason_header_lines, uint64_t now_ms);
/* Sends a response on a server transaction; repeated 1xx are fine; after a final one ERR_STATE; ERR_NOENT when the transaction is over. For a 2xx to
 * INVITE the user retransmits (txn_resend_2xx()) until its ACK. What send said comes back too, but the response counts as given, and is
 * retransmitted as usual. Non-INVITE (RFC 4320): a 1xx other than 100 is ERR_INVAL, an early 100 is held back, a 408 ends the transaction in silence. */
int txn_respond(struct txn_layer *l, txn_id t, uint16_t status, struct str bytes,
		uint64_t now_ms) MUST_CHECK;
/* A final response for those whom we do not know: sent, not kept, not repeated, and the transaction is over. The same request is a new one when it comes
 * again, and an ACK belongs to nothing (RFC 3261 8.2.7), so the To tag should be txn_to_tag()'s. Results as txn_respond()'s. */
int txn_respond_once(struct txn_layer *l, txn_id t, uint16_t status, struct str bytes,
		     uint64_t now_ms) MUST_CHECK;
/* A To tag that is the same for every copy of a request. out has 17 bytes. */
struct str txn_to_tag(struct txn_layer *l, struct sip_msg *m, char out[17]);
/* Sends the INVITE server transaction's 2xx once more (it stays until 64*T1 after the 2xx). */
int txn_resend_2xx(struct txn_layer *l, txn_id t, uint64_t now_ms) MUST_CHECK;
int txn_set_owner(struct txn_layer *l, txn_id t, uint64_t owner) MUST_CHECK;
/* The user is gone: upcalls for this transaction stop; the machine runs to its end by itself, at most 64*T1 where it has no timer of its own. */
void txn_disown(struct txn_layer *l, txn_id t);
/* A stream to this flow's remote broke, or was never made: client transactions that went there and have no response fail now. */
void txn_flow_failed(struct txn_layer *l, const struct sip_flow *flow, uint64_t now_ms);
/* Live transactions. */
size_t txn_count(const struct txn_layer *l);

struct txn_stat {
	uint64_t rx_requests, rx_responses, retransmissions_in, retransmissions_out,
		stray_responses, timeouts, merged;
	uint64_t unexpected,
		limited; /* events that no row of the tables wants; requests refused by max_txns or for want of memory */
};
const struct txn_stat *txn_stat(const struct txn_layer *l);

#endif
