/* The agent: the dataplane's end of the media channel. Turns control's messages into commands for the worker and the worker's
 * answers and events into messages. One thread (the main lcore's), driven by poll(): nothing here waits. */
#ifndef REMPART_AGENT_H
#define REMPART_AGENT_H

#include <poll.h>

#include "media/media_chan.h"
#include "worker.h"

#define AGENT_CMDS    512  /* commands under way */
#define AGENT_RESERVE 128  /* of them kept for neighbours; control gets the rest, then waits */
#define AGENT_RING    1024 /* size of the cmd and reply rings: they never run full */
#define AGENT_EVENTS  1024 /* events under way, of which */
#define AGENT_BACKLOG                                                                              \
	768 /* may wait for a slow control: all that a worker makes, without DP_EV_RESOLVE */
#define AGENT_FDS      2
#define AGENT_AWAY_MS  600000 /* without control for so long, silent endpoints are removed, */
#define AGENT_SWEEP_MS 60000  /* looked at that often */

struct agent_ops {
	void *ctx;
	void (*resolve)(void *ctx, uint16_t port, const struct addr *ip, uint64_t now_ms);
};

struct agent;

/* wc: the worker's rings. path: the socket's. Listens at once. NULL with *err set. */
struct agent *agent_create(const char *path, const struct dp_worker_conf *wc,
			   const struct agent_ops *ops, uint64_t now_ms, int *err);
/* Closes and unlinks the socket. The worker must have stopped. */
void agent_destroy(struct agent *a);
/* What to poll for until the next turn. */
void agent_fds(const struct agent *a, struct pollfd fd[AGENT_FDS]);
/* After poll(), and whenever the worker woke us. Returns the time of the next work, UINT64_MAX without any. */
uint64_t agent_turn(struct agent *a, uint64_t now_ms);
/* Tells the worker the MAC of a next hop. False when there is no command free for it. */
bool agent_neighbour(struct agent *a, uint16_t port, const struct addr *ip, const uint8_t mac[6]);

#endif
