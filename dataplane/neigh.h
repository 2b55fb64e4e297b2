/* The neighbours of our media addresses: answers ARP, ND and ping for these addresses, finds the MAC of next hops and keeps
 * them fresh. Knows frames and time only: what it sends and what it learned goes out through two functions of the owner's.
 * The slow path's thread. Never trusts a frame: lengths, checksums and hop limits are checked here. RFC 826, 4861, 5227. */
#ifndef REMPART_NEIGH_H
#define REMPART_NEIGH_H

#include "worker.h"

#define NEIGH_MAX         1024 /* entries */
#define NEIGH_TRIES       3
#define NEIGH_TRY_MS      1000
#define NEIGH_BACKOFF_MS  5000  /* after a round of tries without an answer; doubles */
#define NEIGH_FRESH_MS    30000 /* between probes of what is in use; the backoff's end, too */
#define NEIGH_HEARSAY_MS  60000 /* what nobody asked for is forgotten */
#define NEIGH_RETELL_MS   10    /* until a MAC is told again that could not be taken */
#define NEIGH_PINGS_PER_S 100

struct neigh_ops {
	void *send_ctx, *ctx; /* for send, for learned */
	/* Sends a whole Ethernet frame; it may be lost. */
	void (*send)(void *ctx, uint16_t port, const uint8_t *frame, size_t len);
	/* The next hop ip on port has mac (all zero: not known any more): after neigh_resolve(), and again whenever it
	 * changes. False when it could not be taken now; it comes again. */
	bool (*learned)(void *ctx, uint16_t port, const struct addr *ip, const uint8_t mac[6]);
};

struct neigh;

/* local must outlive it. NULL without memory. */
struct neigh *neigh_create(const struct dp_local *local, uint8_t n_local,
			   const struct neigh_ops *ops);
void neigh_destroy(struct neigh *n);
/* Tells everybody our addresses: gratuitous ARP, unsolicited NA. */
void neigh_announce(struct neigh *n);
/* Somebody needs the MAC of this next hop, from now on. */
void neigh_resolve(struct neigh *n, uint16_t port, const struct addr *ip, uint64_t now_ms);
/* One punted frame. */
void neigh_input(struct neigh *n, uint16_t port, const uint8_t *frame, size_t len, uint64_t now_ms);
/* Sends what is due; returns when the next thing is, UINT64_MAX when nothing is. */
uint64_t neigh_tick(struct neigh *n, uint64_t now_ms);

#endif
