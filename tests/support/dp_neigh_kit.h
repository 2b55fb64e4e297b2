/* What the tests of neighbours share: a neighbour cache with one address of each family on port 3, the frames that it sent and
 * the last that it learned. A header; one test program includes it once. */
#ifndef REMPART_DP_NEIGH_KIT_H
#define REMPART_DP_NEIGH_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cksum.h"
#include "neigh.h"
#include "neigh_wire.h"

#define SENT_MAX 64

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 0x20};
static const uint8_t evil_mac[6] = {2, 0, 0, 0, 0, 0x66};

struct world {
	struct dp_local local[3];
	struct neigh *n;
	uint8_t frame[SENT_MAX][1600];
	size_t len[SENT_MAX];
	uint16_t port[SENT_MAX];
	unsigned sent;
	struct addr learned_ip;
	uint8_t learned_mac[6];
	unsigned learned;
	bool deaf; /* takes no MAC */
};

static inline struct addr v4(uint8_t last)
{
	return (struct addr){.ip = {192, 0, 2, last}, .family = ADDR_V4};
}

static inline struct addr v6(uint8_t last)
{
	return (struct addr){.ip = {0x20, 1, 0x0d, 0xb8, [15] = last}, .family = ADDR_V6};
}

static inline void on_send(void *ctx, uint16_t port, const uint8_t *frame, size_t len)
{
	struct world *w = ctx;

	assert_true(w->sent < SENT_MAX && len <= sizeof w->frame[0]);
	memcpy(w->frame[w->sent], frame, len);
	w->port[w->sent] = port;
	w->len[w->sent++] = len;
}

static inline bool on_learned(void *ctx, uint16_t port, const struct addr *ip, const uint8_t mac[6])
{
	struct world *w = ctx;

	(void)port;
	w->learned_ip = *ip;
	memcpy(w->learned_mac, mac, 6);
	w->learned++;
	return !w->deaf;
}

static inline int setup(void **state)
{
	static struct world w;
	const struct neigh_ops ops = {
		.send_ctx = &w, .ctx = &w, .send = on_send, .learned = on_learned};

	memset(&w, 0, sizeof w);
	w.local[0] = (struct dp_local){.ip = v4(10),
				       .subnet = {.base = v4(0), .len_bits = 24},
				       .gateway = v4(1),
				       .port = 3};
	w.local[1] = (struct dp_local){
		.ip = v6(0x10), .subnet = {.base = v6(0), .len_bits = 64}, .port = 3};
	memcpy(w.local[0].mac, our_mac, 6);
	memcpy(w.local[1].mac, our_mac, 6);
	w.n = neigh_create(w.local, 2, &ops);
	assert_non_null(w.n);
	*state = &w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	neigh_destroy(w->n);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
