/* Neighbours over hand-built frames and injected time: what is answered, what is believed, when it is asked again. */
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
static const uint8_t all_mac[6] = {255, 255, 255, 255, 255, 255};

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
};

static struct addr v4(uint8_t last)
{
	return (struct addr){.ip = {192, 0, 2, last}, .family = ADDR_V4};
}

static struct addr v6(uint8_t last)
{
	return (struct addr){.ip = {0x20, 1, 0x0d, 0xb8, [15] = last}, .family = ADDR_V6};
}

static void on_send(void *ctx, uint16_t port, const uint8_t *frame, size_t len)
{
	struct world *w = ctx;

	assert_true(w->sent < SENT_MAX && len <= sizeof w->frame[0]);
	memcpy(w->frame[w->sent], frame, len);
	w->port[w->sent] = port;
	w->len[w->sent++] = len;
}

static void on_learned(void *ctx, uint16_t port, const struct addr *ip, const uint8_t mac[6])
{
	struct world *w = ctx;

	(void)port;
	w->learned_ip = *ip;
	memcpy(w->learned_mac, mac, 6);
	w->learned++;
}

static int setup(void **state)
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

static int teardown(void **state)
{
	struct world *w = *state;

	neigh_destroy(w->n);
	return 0;
}

struct arp {
	const uint8_t *dst, *src, *sha, *tha;
	uint16_t op;
	struct addr spa, tpa;
};

static size_t arp_frame(uint8_t f[ETH_MIN], struct arp a)
{
	memset(f, 0, ETH_MIN);
	put_eth(f, a.dst, a.src ? a.src : a.sha, ETHER_ARP);
	memcpy(f + 14, (uint8_t[]){0, 1, 8, 0, 6, 4}, 6);
	put16(f + 20, a.op);
	memcpy(f + 22, a.sha, 6);
	memcpy(f + 28, a.spa.ip, 4);
	if (a.tha)
		memcpy(f + 32, a.tha, 6);
	memcpy(f + 38, a.tpa.ip, 4);
	return ETH_MIN;
}

static void arp_in(struct world *w, struct arp a, uint64_t now_ms)
{
	uint8_t f[ETH_MIN];

	neigh_input(w->n, 3, f, arp_frame(f, a), now_ms);
}

static struct arp request(const uint8_t *mac, uint8_t from, uint8_t to)
{
	return (struct arp){.dst = all_mac, .sha = mac, .op = 1, .spa = v4(from), .tpa = v4(to)};
}

static struct arp reply(const uint8_t *mac, uint8_t from)
{
	return (struct arp){.dst = our_mac,
			    .sha = mac,
			    .op = 2,
			    .spa = v4(from),
			    .tha = our_mac,
			    .tpa = v4(10)};
}

static void assert_asks_v4(const struct world *w, unsigned i, const uint8_t *dst, uint8_t last)
{
	const struct addr us = v4(10), ip = v4(last);
	const uint8_t *f = w->frame[i];

	assert_true(i < w->sent);
	assert_int_equal(w->port[i], 3);
	assert_int_equal(w->len[i], ETH_MIN);
	assert_memory_equal(f, dst, 6);
	assert_memory_equal(f + 6, our_mac, 6);
	assert_int_equal(get16(f + 12), ETHER_ARP);
	assert_int_equal(get16(f + 20), 1);
	assert_memory_equal(f + 22, our_mac, 6);
	assert_memory_equal(f + 28, us.ip, 4);
	assert_memory_equal(f + 38, ip.ip, 4);
}

static void arp_request_is_answered(void **state)
{
	struct world *w = *state;
	const uint8_t *f = w->frame[0];

	arp_in(w, request(peer_mac, 20, 10), 1000);
	assert_int_equal(w->sent, 1);
	assert_int_equal(w->len[0], ETH_MIN);
	assert_memory_equal(f, peer_mac, 6);
	assert_memory_equal(f + 6, our_mac, 6);
	assert_int_equal(get16(f + 20), 2);
	assert_memory_equal(f + 22, our_mac, 6);
	assert_memory_equal(f + 28, w->local[0].ip.ip, 4);
	assert_memory_equal(f + 32, peer_mac, 6);
	assert_memory_equal(f + 38, v4(20).ip, 4);
	assert_int_equal(w->learned, 0); /* nobody wants it yet */
}

static void arp_for_others_is_not_answered(void **state)
{
	struct world *w = *state;
	uint8_t f[ETH_MIN];

	arp_in(w, request(peer_mac, 20, 11), 1000);
	arp_in(w, request(all_mac, 20, 10), 1000); /* a group as a sender */
	arp_in(w, request((const uint8_t[6]){0}, 20, 10), 1000);
	arp_frame(f, request(peer_mac, 20, 10));
	neigh_input(w->n, 4, f, sizeof f, 1000); /* another wire */
	for (size_t len = 0; len < 42; len++)
		neigh_input(w->n, 3, f, len, 1000);
	f[14] = 6; /* not Ethernet */
	neigh_input(w->n, 3, f, sizeof f, 1000);
	arp_frame(f, request(peer_mac, 20, 10));
	put16(f + 20, 3); /* no such operation */
	neigh_input(w->n, 3, f, sizeof f, 1000);
	assert_int_equal(w->sent, 0);
}

static void resolve_asks_three_times_then_backs_off(void **state)
{
	struct world *w = *state;
	const struct addr ip = v4(20);

	neigh_resolve(w->n, 3, &ip, 1000);
	assert_int_equal(w->sent, 1);
	assert_asks_v4(w, 0, all_mac, 20);
	neigh_resolve(w->n, 3, &ip, 1100); /* an open question is enough */
	assert_int_equal(w->sent, 1);
	assert_int_equal(neigh_tick(w->n, 1999), 2000);
	assert_int_equal(w->sent, 1);
	assert_int_equal(neigh_tick(w->n, 2000), 3000);
	assert_int_equal(neigh_tick(w->n, 3000), 4000);
	assert_int_equal(w->sent, 3);
	assert_int_equal(neigh_tick(w->n, 4000), 4000 + NEIGH_BACKOFF_MS);
	neigh_resolve(w->n, 3, &ip, 5000);
	assert_int_equal(w->sent, 3);
	(void)neigh_tick(w->n, 9000);
	assert_int_equal(w->sent, 4);
	(void)neigh_tick(w->n, 10000);
	(void)neigh_tick(w->n, 11000);
	assert_int_equal(neigh_tick(w->n, 12000), 12000 + 2 * NEIGH_BACKOFF_MS);
	assert_int_equal(w->sent, 6);
	assert_int_equal(w->learned, 0);
	assert_int_equal(neigh_tick(w->n, 22000), UINT64_MAX); /* nobody named it since: gone */
	neigh_resolve(w->n, 3, &ip, 23000);
	assert_int_equal(w->sent, 7);
}

static void the_answer_is_learned_and_asked_again_in_time(void **state)
{
	struct world *w = *state;
	const struct addr ip = v4(20);

	neigh_resolve(w->n, 3, &ip, 1000);
	arp_in(w, reply(peer_mac, 20), 1005);
	assert_int_equal(w->learned, 1);
	assert_true(addr_ip_eq(&w->learned_ip, &ip));
	assert_memory_equal(w->learned_mac, peer_mac, 6);
	assert_int_equal(neigh_tick(w->n, 2000), 1005 + NEIGH_FRESH_MS);
	assert_int_equal(w->sent, 1);
	(void)neigh_tick(w->n, 1005 + NEIGH_FRESH_MS);
	assert_int_equal(w->sent, 2);
	assert_asks_v4(w, 1, peer_mac, 20); /* itself first */
	(void)neigh_tick(w->n, 2005 + NEIGH_FRESH_MS);
	assert_asks_v4(w, 2, all_mac, 20); /* then everybody */
	arp_in(w, reply(evil_mac, 20), 2010 + NEIGH_FRESH_MS);
	assert_int_equal(w->learned, 2); /* it moved, and answered our question */
	assert_memory_equal(w->learned_mac, evil_mac, 6);
	neigh_resolve(w->n, 3, &ip, 40000);
	assert_int_equal(w->learned, 3); /* whoever asks is told at once */
	assert_int_equal(w->sent, 3);
}

static void what_nobody_asked_teaches_nothing(void **state)
{
	struct world *w = *state;
	const struct addr ip = v4(20);
	struct arp a;

	arp_in(w, reply(evil_mac, 20), 900); /* before any question */
	neigh_resolve(w->n, 3, &ip, 1000);
	assert_int_equal(w->learned, 0);
	a = reply(evil_mac, 20);
	a.dst = all_mac; /* not to us */
	arp_in(w, a, 1001);
	a = reply(evil_mac, 20);
	a.tha = evil_mac;
	arp_in(w, a, 1002);
	a = reply(evil_mac, 20);
	a.sha = all_mac;
	a.src = evil_mac;
	arp_in(w, a, 1003);
	assert_int_equal(w->learned, 0);
	arp_in(w, reply(peer_mac, 20), 1004);
	assert_int_equal(w->learned, 1);
	arp_in(w, reply(evil_mac, 20), 1005); /* the second answer to one question */
	assert_int_equal(w->learned, 1);
}

static void another_mac_makes_us_ask_and_only_the_answer_counts(void **state)
{
	struct world *w = *state;
	const struct addr ip = v4(20);

	neigh_resolve(w->n, 3, &ip, 1000);
	arp_in(w, reply(peer_mac, 20), 1001);
	w->sent = 0;
	arp_in(w, request(evil_mac, 20, 10), 5000);
	assert_int_equal(w->learned, 1);
	assert_int_equal(w->sent, 2); /* the reply, and our question to everybody */
	assert_asks_v4(w, 1, all_mac, 20);
	arp_in(w, reply(peer_mac, 20), 5001);
	assert_int_equal(w->learned, 1);
	w->sent = 0;
	arp_in(w, request(evil_mac, 20, 20), 9000); /* a gratuitous one: the same */
	assert_int_equal(w->sent, 1);
	arp_in(w, request(evil_mac, 20, 20), 9001);
	assert_int_equal(w->sent, 1); /* but not once for each */
	arp_in(w, reply(evil_mac, 20), 9002);
	assert_int_equal(w->learned, 2);
	assert_memory_equal(w->learned_mac, evil_mac, 6);
}

static void who_asks_for_us_is_known_when_wanted(void **state)
{
	struct world *w = *state;
	const struct addr ip = v4(20), off_link = {.ip = {203, 0, 113, 5}, .family = ADDR_V4};
	struct arp a = request(peer_mac, 20, 10);

	arp_in(w, a, 1000);
	w->sent = 0;
	neigh_resolve(w->n, 3, &ip, 1001);
	assert_int_equal(w->learned, 1);
	assert_int_equal(w->sent, 0);
	a.spa = off_link; /* answered, but kept out of the table */
	arp_in(w, a, 1002);
	neigh_resolve(w->n, 3, &off_link, 1003);
	assert_int_equal(w->learned, 1);
}

static void hearsay_is_forgotten(void **state)
{
	struct world *w = *state;
	const struct addr ip = v4(20);

	arp_in(w, request(peer_mac, 20, 10), 1000);
	assert_int_equal(neigh_tick(w->n, 1000 + NEIGH_HEARSAY_MS), UINT64_MAX);
	neigh_resolve(w->n, 3, &ip, 2000 + NEIGH_HEARSAY_MS);
	assert_int_equal(w->learned, 0);
}

static void a_flood_does_not_push_out_what_is_in_use(void **state)
{
	struct world *w = *state;
	const struct addr ip = v4(20), other = v4(21);

	w->local[0].subnet =
		(struct prefix){.base = {.ip = {192}, .family = ADDR_V4}, .len_bits = 8};
	neigh_resolve(w->n, 3, &ip, 1000);
	arp_in(w, reply(peer_mac, 20), 1001);
	for (unsigned i = 0; i < 2 * NEIGH_MAX; i++) {
		struct arp a = request(evil_mac, 20, 10);

		a.spa = (struct addr){.ip = {192, 1, (uint8_t)(i >> 8), (uint8_t)i},
				      .family = ADDR_V4};
		w->sent = 0;
		arp_in(w, a, 2000);
	}
	neigh_resolve(w->n, 3, &ip, 3000);
	assert_int_equal(w->learned, 2);
	assert_memory_equal(w->learned_mac, peer_mac, 6);
	w->sent = 0;
	neigh_resolve(w->n, 3, &other, 3000); /* a wanted one finds a place among the others */
	assert_int_equal(w->sent, 1);
	arp_in(w, reply(peer_mac, 21), 3001);
	assert_int_equal(w->learned, 3);
}

static void our_own_address_elsewhere_is_not_learned(void **state)
{
	struct world *w = *state;

	arp_in(w, request(evil_mac, 10, 10), 1000);
	arp_in(w, request(our_mac, 10, 10), 1000); /* our own, mirrored */
	assert_int_equal(w->sent, 0);
	assert_int_equal(w->learned, 0);
}

static void addresses_are_announced(void **state)
{
	struct world *w = *state;
	const uint8_t *f = w->frame[0];

	neigh_announce(w->n);
	assert_int_equal(w->sent, 2);
	assert_asks_v4(w, 0, all_mac, 10);
	assert_memory_equal(f + 28, f + 38, 4);
	f = w->frame[1];
	assert_memory_equal(f, ((const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}), 6);
	assert_int_equal(f[54], 136);
	assert_int_equal(f[58], 0x20); /* override, not solicited */
	assert_memory_equal(f + 62, w->local[1].ip.ip, 16);
	assert_int_equal(icmp6_checksum(f + 14, f + 54, 32), 0);
}

struct nd {
	uint8_t type, flags, hops, opt_type, opt_units;
	const uint8_t *src_mac, *opt_mac;
	struct addr src, dst, target;
};

static size_t nd_frame(uint8_t f[128], const struct nd *d)
{
	const size_t icmp_len = 24 + (d->opt_mac ? 8U : 0U);
	uint16_t sum;

	memset(f, 0, 128);
	put_eth(f, our_mac, d->src_mac ? d->src_mac : peer_mac, ETHER_IPV6);
	f[14] = 0x60;
	put16(f + 18, (uint16_t)icmp_len);
	f[20] = 58;
	f[21] = d->hops ? d->hops : 255;
	memcpy(f + 22, d->src.ip, 16);
	memcpy(f + 38, d->dst.ip, 16);
	f[54] = d->type;
	f[58] = d->flags;
	memcpy(f + 62, d->target.ip, 16);
	if (d->opt_mac) {
		f[78] = d->opt_type;
		f[79] = d->opt_units;
		memcpy(f + 80, d->opt_mac, 6);
	}
	sum = icmp6_checksum(f + 14, f + 54, icmp_len);
	memcpy(f + 56, &sum, 2);
	return 54 + icmp_len;
}

static void nd_in(struct world *w, const struct nd *d, uint64_t now_ms)
{
	uint8_t f[128];

	neigh_input(w->n, 3, f, nd_frame(f, d), now_ms);
}

static struct addr solicited(uint8_t last)
{
	return (struct addr){.ip = {0xff, 2, [11] = 1, [12] = 0xff, [15] = last},
			     .family = ADDR_V6};
}

static struct nd solicitation(uint8_t from, uint8_t to)
{
	return (struct nd){.type = 135,
			   .src = v6(from),
			   .dst = solicited(to),
			   .target = v6(to),
			   .opt_type = 1,
			   .opt_units = 1,
			   .opt_mac = peer_mac};
}

static struct nd advertisement(const uint8_t *mac, uint8_t from)
{
	return (struct nd){.type = 136,
			   .flags = 0x60,
			   .src = v6(from),
			   .dst = v6(0x10),
			   .target = v6(from),
			   .opt_type = 2,
			   .opt_units = 1,
			   .opt_mac = mac};
}

static void solicitation_is_answered(void **state)
{
	struct world *w = *state;
	const struct nd d = solicitation(0x20, 0x10);
	const uint8_t *f = w->frame[0];

	nd_in(w, &d, 1000);
	assert_int_equal(w->sent, 1);
	assert_int_equal(w->len[0], 86);
	assert_memory_equal(f, peer_mac, 6);
	assert_memory_equal(f + 6, our_mac, 6);
	assert_int_equal(f[21], 255);
	assert_memory_equal(f + 22, v6(0x10).ip, 16);
	assert_memory_equal(f + 38, v6(0x20).ip, 16);
	assert_int_equal(f[54], 136);
	assert_int_equal(f[58], 0x60); /* solicited, override */
	assert_memory_equal(f + 62, v6(0x10).ip, 16);
	assert_memory_equal(f + 78, ((const uint8_t[]){2, 1}), 2);
	assert_memory_equal(f + 80, our_mac, 6);
	assert_int_equal(icmp6_checksum(f + 14, f + 54, 32), 0);
}

static void a_wrong_solicitation_is_not_answered(void **state)
{
	struct world *w = *state;
	struct nd d = solicitation(0x20, 0x10);
	uint8_t f[128];
	uint16_t sum;
	size_t len;

	d.hops = 254; /* a router forwarded it */
	nd_in(w, &d, 1000);
	d = solicitation(0x20, 0x11); /* not ours */
	nd_in(w, &d, 1000);
	d = solicitation(0x20, 0x10);
	d.opt_units = 0; /* an endless option */
	nd_in(w, &d, 1000);
	d.opt_units = 2; /* over the end */
	nd_in(w, &d, 1000);
	d = solicitation(0x20, 0x10);
	d.src = (struct addr){.ip = {0x20, 1, 0x0d, 0xb9}, .family = ADDR_V6}; /* off link */
	nd_in(w, &d, 1000);
	d.src = solicited(1);
	nd_in(w, &d, 1000);
	d.src = (struct addr){.family = ADDR_V6}; /* DAD must not have the option */
	nd_in(w, &d, 1000);
	d = solicitation(0x20, 0x10);
	len = nd_frame(f, &d);
	f[70] ^= 1; /* checksum */
	neigh_input(w->n, 3, f, len, 1000);
	f[70] ^= 1;
	f[55] = 1; /* code, with its checksum right */
	put16(f + 56, 0);
	sum = icmp6_checksum(f + 14, f + 54, len - 54);
	memcpy(f + 56, &sum, 2);
	neigh_input(w->n, 3, f, len, 1000);
	len = nd_frame(f, &d);
	for (size_t n = 0; n < len; n++)
		neigh_input(w->n, 3, f, n, 1000);
	assert_int_equal(w->sent, 0);
}

static void duplicate_detection_of_others_is_defended(void **state)
{
	struct world *w = *state;
	struct nd d = solicitation(0x20, 0x10);

	d.src = (struct addr){.family = ADDR_V6};
	d.opt_mac = NULL;
	nd_in(w, &d, 1000);
	assert_int_equal(w->sent, 1);
	assert_memory_equal(w->frame[0] + 38, ((const uint8_t[16]){0xff, 2, [15] = 1}), 16);
	assert_int_equal(w->frame[0][58], 0x20);
}

static void v6_is_resolved(void **state)
{
	struct world *w = *state;
	const struct addr ip = v6(0x20);
	const uint8_t *f = w->frame[0];
	struct nd d = advertisement(evil_mac, 0x20);

	nd_in(w, &d, 900);
	neigh_resolve(w->n, 3, &ip, 1000);
	assert_int_equal(w->sent, 1);
	assert_int_equal(w->learned, 0);
	assert_memory_equal(f, ((const uint8_t[]){0x33, 0x33, 0xff, 0, 0, 0x20}), 6);
	assert_int_equal(f[21], 255);
	assert_memory_equal(f + 38, solicited(0x20).ip, 16);
	assert_int_equal(f[54], 135);
	assert_memory_equal(f + 62, ip.ip, 16);
	assert_memory_equal(f + 78, ((const uint8_t[]){1, 1}), 2);
	assert_int_equal(icmp6_checksum(f + 14, f + 54, 32), 0);
	d.hops = 64;
	nd_in(w, &d, 1001);
	d = advertisement(evil_mac, 0x20);
	d.flags = 0x20; /* not an answer */
	nd_in(w, &d, 1002);
	d = advertisement(evil_mac, 0x20);
	d.dst = (struct addr){.ip = {0xff, 2, [15] = 1}, .family = ADDR_V6};
	nd_in(w, &d, 1003);
	assert_int_equal(w->learned, 0);
	d = advertisement(peer_mac, 0x20);
	nd_in(w, &d, 1004);
	assert_int_equal(w->learned, 1);
	assert_memory_equal(w->learned_mac, peer_mac, 6);
	(void)neigh_tick(w->n, 1004 + NEIGH_FRESH_MS);
	assert_memory_equal(w->frame[1], peer_mac, 6); /* alone */
	assert_memory_equal(w->frame[1] + 38, ip.ip, 16);
	d.opt_mac = NULL; /* an answer to that needs no option */
	nd_in(w, &d, 1005 + NEIGH_FRESH_MS);
	assert_int_equal(neigh_tick(w->n, 2100 + NEIGH_FRESH_MS), 1005 + 2 * NEIGH_FRESH_MS);
}

static size_t ping4(uint8_t f[600], size_t data)
{
	uint16_t sum;

	memset(f, 0, 600);
	put_eth(f, our_mac, peer_mac, ETHER_IPV4);
	f[14] = 0x45;
	put16(f + 16, (uint16_t)(28 + data));
	f[22] = 3;
	f[23] = 1;
	memcpy(f + 26, v4(20).ip, 4);
	memcpy(f + 30, v4(10).ip, 4);
	sum = (uint16_t)~cksum_fold(cksum_add(f + 14, 20));
	memcpy(f + 24, &sum, 2);
	f[34] = 8;
	put16(f + 38, 0x1234);
	put16(f + 40, 7);
	for (size_t i = 0; i < data; i++)
		f[42 + i] = (uint8_t)i;
	sum = (uint16_t)~cksum_fold(cksum_add(f + 34, 8 + data));
	memcpy(f + 36, &sum, 2);
	return 42 + data;
}

static void ping_is_answered(void **state)
{
	struct world *w = *state;
	const uint8_t *r = w->frame[0];
	uint8_t f[600];
	size_t len = ping4(f, 101);

	neigh_input(w->n, 3, f, len + 5, 1000); /* with padding behind it */
	assert_int_equal(w->sent, 1);
	assert_int_equal(w->len[0], len);
	assert_memory_equal(r, peer_mac, 6);
	assert_memory_equal(r + 6, our_mac, 6);
	assert_int_equal(r[22], 64);
	assert_memory_equal(r + 26, v4(10).ip, 4);
	assert_memory_equal(r + 30, v4(20).ip, 4);
	assert_int_equal(cksum_fold(cksum_add(r + 14, 20)), 0xffff);
	assert_int_equal(r[34], 0);
	assert_int_equal(cksum_fold(cksum_add(r + 34, len - 34)), 0xffff);
	assert_memory_equal(r + 38, f + 38, len - 38);
}

static void a_wrong_ping_is_not_answered(void **state)
{
	struct world *w = *state;
	uint8_t f[600];
	size_t len = ping4(f, 32);

	f[50] ^= 1;
	neigh_input(w->n, 3, f, len, 1000);
	len = ping4(f, 32);
	f[24] ^= 1;
	neigh_input(w->n, 3, f, len, 1000);
	len = ping4(f, 32);
	put16(f + 16, 600);
	neigh_input(w->n, 3, f, len, 1000);
	len = ping4(f, 32);
	neigh_input(w->n, 4, f, len, 1000);
	for (size_t n = 0; n < len; n++)
		neigh_input(w->n, 3, f, n, 1000);
	assert_int_equal(w->sent, 0);
}

static void pings_are_limited(void **state)
{
	struct world *w = *state;
	unsigned total = 0;
	uint8_t f[600];
	const size_t len = ping4(f, 8);

	for (unsigned i = 0; i < 10 * NEIGH_PINGS_PER_S; i++) {
		w->sent = 0;
		neigh_input(w->n, 3, f, len, 5000);
		total += w->sent;
	}
	assert_int_equal(total, NEIGH_PINGS_PER_S);
	w->sent = 0;
	for (unsigned i = 0; i < 50; i++)
		neigh_input(w->n, 3, f, len, 5100);
	assert_int_equal(w->sent, NEIGH_PINGS_PER_S / 10);
}

static void ping6_is_answered(void **state)
{
	struct world *w = *state;
	const struct nd d = {.type = 128, .src = v6(0x20), .dst = v6(0x10), .hops = 9};
	const uint8_t *r = w->frame[0];

	nd_in(w, &d, 1000);
	assert_int_equal(w->sent, 1);
	assert_int_equal(r[21], 64);
	assert_int_equal(r[54], 129);
	assert_memory_equal(r + 22, v6(0x10).ip, 16);
	assert_memory_equal(r + 38, v6(0x20).ip, 16);
	assert_int_equal(icmp6_checksum(r + 14, r + 54, 24), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(arp_request_is_answered),
		T(arp_for_others_is_not_answered),
		T(resolve_asks_three_times_then_backs_off),
		T(the_answer_is_learned_and_asked_again_in_time),
		T(what_nobody_asked_teaches_nothing),
		T(another_mac_makes_us_ask_and_only_the_answer_counts),
		T(who_asks_for_us_is_known_when_wanted),
		T(hearsay_is_forgotten),
		T(a_flood_does_not_push_out_what_is_in_use),
		T(our_own_address_elsewhere_is_not_learned),
		T(addresses_are_announced),
		T(solicitation_is_answered),
		T(a_wrong_solicitation_is_not_answered),
		T(duplicate_detection_of_others_is_defended),
		T(v6_is_resolved),
		T(ping_is_answered),
		T(a_wrong_ping_is_not_answered),
		T(pings_are_limited),
		T(ping6_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
