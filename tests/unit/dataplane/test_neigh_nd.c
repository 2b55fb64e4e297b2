/* Neighbour discovery and ping over hand-built frames. */
#include "dp_neigh_kit.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
