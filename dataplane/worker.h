/* A poll-mode worker: owns its endpoints, its lookup tables, its neighbour entries and its counters; nobody else writes
 * them. It runs the fixed pipeline over every burst, and between bursts executes the commands in its mailbox. All that it
 * knows comes by mailbox; all that is slow leaves by the punt ring. So there is no lock, and nothing to reclaim: an endpoint is
 * changed only between two bursts, by its owner. */
#ifndef REMPART_WORKER_H
#define REMPART_WORKER_H

#include <rte_ring.h>
#include <stdint.h>

#include "burst.h"
#include "media/media_msg.h"

#define DP_LOCAL_MAX 128 /* local media addresses over all ports */
#define DP_PORT_MAX  16

/* A media address of ours. Set up by the agent before the worker starts; read-only afterwards. */
struct dp_local {
	struct addr ip;
	struct prefix subnet;
	struct addr gateway; /* of the same family; unset: on-link only */
	uint16_t port;       /* DPDK port */
	uint8_t mac[6];      /* of that port */
	uint16_t mtu;        /* longest IP packet that leaves there; 0: no limit */
};

/* Commands from the agent to a worker; the struct comes back through the reply ring, filled in. */
enum dp_cmd_type {
	DP_CMD_ENDPOINT_SET, /* head.id, spec; creates or replaces; status out */
	DP_CMD_ENDPOINT_DEL, /* head.id; stat out (ERR_NOENT when unknown) */
	DP_CMD_STATS,        /* head.id; stat out, or totals for MEDIA_NONE */
	DP_CMD_DUMP, /* head.id = first id wanted; gives the next existing one, MEDIA_NONE at the end */
	DP_CMD_NEIGHBOUR, /* next hop `neigh.ip` on `neigh.port` has `neigh.mac` (all zero: not known any more) */
};

struct dp_cmd {
	enum dp_cmd_type type;
	struct media_msg
		msg; /* request in, reply body and head.status out (DUMP: the owner's head, too); head.type stays */
	struct {
		struct addr ip;
		uint16_t port;
		uint8_t mac[6];
	} neigh;
};

/* What a worker tells the agent unasked, through the event ring: copies of struct media_msg (events), and wishes to resolve. */
struct dp_event {
	enum { DP_EV_MEDIA, DP_EV_RESOLVE } type;
	struct media_msg msg; /* DP_EV_MEDIA */
	struct addr ip;       /* DP_EV_RESOLVE: next hop whose MAC is wanted */
	uint16_t port;
};

struct dp_worker_conf {
	const struct dp_local *local;
	uint8_t n_local;
	uint16_t port[DP_PORT_MAX]; /* DPDK ports to poll; below DP_PORT_MAX */
	uint8_t n_port;
	uint16_t queue;         /* of each port, for this worker's rx and tx */
	bool adaptive;          /* sleep when idle */
	struct rte_ring *cmd;   /* agent -> worker: struct dp_cmd * */
	struct rte_ring *reply; /* worker -> agent: struct dp_cmd * */
	struct rte_ring *event; /* worker -> agent: struct dp_event * from event_pool */
	struct rte_ring *punt;  /* worker -> slow path: struct rte_mbuf *, its port where from */
	struct rte_ring *tx;    /* slow path -> worker: struct rte_mbuf *, its port where to */
	struct rte_mempool *event_pool;
	int wake_fd; /* eventfd: written after the worker put something on reply, event or punt; -1 in tests */
	bool tx_checksum_offload[DP_PORT_MAX]; /* by DPDK port: UDP checksum offload may be used */
};

struct dp_worker;

/* Allocates everything the worker will ever need (endpoints lie in a lazily touched mapping). NULL when there is no memory. */
struct dp_worker *dp_worker_create(const struct dp_worker_conf *conf);
void dp_worker_destroy(struct dp_worker *w);
/* One turn: commands, every port's burst through the pipeline, timers (inactivity). Returns packets received. now_us is injected. */
unsigned dp_worker_turn(struct dp_worker *w, uint64_t now_us);
/* Turns until *stop is set; adaptive backoff between them. Run on the worker's own thread. */
int dp_worker_run(struct dp_worker *w, const volatile bool *stop);

#endif
