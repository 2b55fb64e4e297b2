/* The seam between control and dataplane: fixed-size messages without pointers over a Unix SOCK_SEQPACKET, one message a
 * packet, host byte order (both ends run on one machine). Control decides and allocates addresses and ports; the dataplane is
 * a table machine that executes. The dataplane listens on <run_dir>/media.sock; control connects and says HELLO first.
 *
 * Keying: an endpoint is (controller, epoch, id). `controller` names a control process' identity (0 on a single node), `epoch`
 * grows with each start of it, `id` is control's own index. The dataplane's key is (controller, id): endpoints of an older epoch
 * stay and relay until the controller replaces or deletes them, so that media goes on while control is away; the new control
 * reads them with DUMP and removes those it does not want.
 *
 * The receiver checks every index, length and enumeration again: media_msg_check(). Requests carry a serial number, and
 * the reply with the same serial comes back in order. Events have serial 0. */
#ifndef REMPART_MEDIA_MSG_H
#define REMPART_MEDIA_MSG_H

#include <assert.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

#define MEDIA_VERSION 1
#define MEDIA_PT_MAX  16     /* payload types of one endpoint */
#define MEDIA_ID_MAX  200000 /* endpoint ids are below it */
#define MEDIA_NONE    UINT32_MAX

enum media_type {
	/* requests, control to dataplane */
	MEDIA_HELLO = 1,
	MEDIA_ENDPOINT_SET,
	MEDIA_ENDPOINT_DEL,
	MEDIA_STATS,
	MEDIA_DUMP,
	/* replies: request type | 0x80 */
	MEDIA_REPLY = 0x80,
	/* events, dataplane to control */
	MEDIA_EV_LATCHED = 0x40,
	MEDIA_EV_TIMEOUT,
	MEDIA_EV_FAULT,
};

struct media_head {
	uint32_t serial;
	uint16_t version; /* MEDIA_VERSION */
	uint16_t type;
	int32_t status; /* replies: 0 or enum err; else 0 */
	uint32_t controller;
	uint32_t epoch;
	uint32_t id; /* endpoint, MEDIA_NONE where it does not apply */
};

enum media_latch { MEDIA_LATCH_OFF, MEDIA_LATCH_AUTO, MEDIA_LATCH_REMOTE };
enum media_sink { MEDIA_SINK_NONE, MEDIA_SINK_PEER, MEDIA_SINK_ECHO };
enum media_direction_bit {
	MEDIA_RECV = 1,
	MEDIA_SEND = 2
}; /* as seen from us towards the far end */

/* One endpoint: one m-line of one leg. 0-filled means nothing. RTP is local.port (even), RTCP local.port + 1. */
struct media_spec {
	struct addr local;       /* one of the dataplane's media addresses, port even */
	struct addr remote;      /* RTP target from the SDP; unset: not known yet */
	struct addr remote_rtcp; /* RTCP target from the SDP (a=rtcp, else port + 1) */
	struct addr
		signalling; /* address that the leg's SIP comes from: lowest-ranked latch candidate, port ignored */
	uint8_t latch; /* enum media_latch */
	uint8_t sink;  /* enum media_sink */
	uint8_t direction; /* MEDIA_RECV: packets from the far end are taken; MEDIA_SEND: packets are sent to it */
	uint8_t dscp;
	uint32_t
		sink_id; /* for MEDIA_SINK_PEER: the endpoint that our received packets leave through */
	uint32_t
		timeout_ms; /* silence of received RTP after which EV_TIMEOUT comes, once; 0 = never */
	uint8_t n_pt;
	uint8_t pad_[3];
	uint8_t pt[MEDIA_PT_MAX];     /* negotiated payload types that the far end may send to us */
	uint8_t pt_out[MEDIA_PT_MAX]; /* what each becomes on the sink's side (equal: unchanged) */
	uint32_t clock_rate[MEDIA_PT_MAX]; /* Hz, for jitter */
	uint64_t call_id; /* control's own name for the call, comes back in DUMP and events */
};

/* Statistics of what one endpoint received and sent. A figure without a source is absent: flags say which are there. */
enum media_stat_flag {
	MEDIA_STAT_JITTER = 1,
	MEDIA_STAT_LOSS = 2,
	MEDIA_STAT_RTCP = 4 /* EV_LATCHED: it was RTCP's latch, see latched_rtcp; else RTP's */
};
struct media_stat {
	uint64_t rx_packets, rx_bytes; /* RTP taken from the far end; bytes are UDP payload */
	uint64_t tx_packets, tx_bytes; /* RTP sent to the far end */
	uint64_t rx_rtcp, tx_rtcp;
	uint64_t lost, reordered, duplicates; /* of received RTP, RFC 3550 A.3 over all sources */
	uint64_t dropped;                     /* datagrams to this endpoint that were not taken */
	uint32_t jitter_us;                   /* RFC 3550 A.8, now */
	uint32_t jitter_max_us;
	uint32_t flags;                    /* enum media_stat_flag */
	uint32_t ssrc;                     /* newest source */
	struct addr latched, latched_rtcp; /* unset while not locked */
	uint64_t last_rx_ms;               /* age of the newest packet, UINT64_MAX when none came */
	uint8_t latch_state, pad_[7];
};

struct media_hello {        /* request and reply */
	uint32_t workers;   /* reply: poll-mode workers; port class = (port >> 1) % workers */
	uint32_t endpoints; /* reply: endpoints held now */
	uint32_t endpoints_max;
	uint32_t pad_;
	uint64_t start_wall_ms; /* reply: when the dataplane started */
};

/* Totals of the dataplane (STATS reply). drop[] is indexed by the dataplane's drop list; names come with DROP_NAMES in
 * dataplane/drop.h, and travel here as text so that control needs no table. */
#define MEDIA_DROPS_MAX 64
struct media_totals {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
	uint64_t polls, polls_empty;
	uint32_t endpoints, n_drop;
	uint64_t drop[MEDIA_DROPS_MAX];
	char drop_name[MEDIA_DROPS_MAX][24];
};

struct media_fault {
	char text[120];
};

/* DUMP: request with head.id = first id wanted; each reply holds one endpoint (head.id) with its spec and statistics;
 * the last reply has id MEDIA_NONE. STATS with an id: that endpoint's media_stat; with MEDIA_NONE: totals. */
struct media_dump {
	struct media_spec spec;
	struct media_stat stat;
};

struct media_msg {
	struct media_head head;
	union {
		struct media_hello hello;
		struct media_spec spec; /* ENDPOINT_SET */
		struct media_stat
			stat; /* ENDPOINT_DEL reply, STATS reply, EV_LATCHED, EV_TIMEOUT */
		struct media_totals totals; /* STATS reply for MEDIA_NONE */
		struct media_dump dump;     /* DUMP reply */
		struct media_fault fault;
	};
};

static_assert(sizeof(struct media_head) == 24, "wire layout");
static_assert(sizeof(struct addr) == 20, "wire layout");
static_assert(sizeof(struct media_spec) % 8 == 0, "wire layout");

/* Bytes on the wire of a message with this head (type and direction decide). 0 for an unknown type. */
size_t media_msg_len(const struct media_head *head);
/* 0, or ERR_RANGE, ERR_SYNTAX, ERR_UNSUPPORTED (version): the packet of len bytes is a well-formed message. Used by both ends. */
int media_msg_check(const struct media_msg *m, size_t len) MUST_CHECK;

#endif
