/* The neighbour cache over hand-built ARP frames and injected time: what is answered, what is believed, when it is asked
 * again. */
#include "dp_neigh_kit.h"

static const uint8_t all_mac[6] = {255, 255, 255, 255, 255, 255};

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

/* One host of the link that answers for many addresses, and calls that name them. */
static void a_full_table_makes_room_and_keeps_the_gateway(void **state)
{
	static const uint8_t nothing[6];
	struct world *w = *state;
	const struct addr gateway = v4(1), first = {.ip = {192, 1}, .family = ADDR_V4};
	struct addr ip = first;

	w->local[0].subnet =
		(struct prefix){.base = {.ip = {192}, .family = ADDR_V4}, .len_bits = 8};
	neigh_resolve(w->n, 3, &gateway, 1000);
	arp_in(w, reply(peer_mac, 1), 1000);
	for (unsigned i = 0; i < NEIGH_MAX - 1; i++) {
		struct arp a = reply(evil_mac, 20);

		ip.ip[2] = (uint8_t)(i >> 8);
		ip.ip[3] = (uint8_t)i;
		a.spa = ip;
		w->sent = 0;
		neigh_resolve(w->n, 3, &ip, 1001 + i);
		arp_in(w, a, 1001 + i);
	}
	w->sent = 0;
	w->deaf = true; /* the worker cannot be told to forget one: it asks again */
	neigh_resolve(w->n, 3, &(struct addr){.ip = {192, 0, 2, 77}, .family = ADDR_V4}, 5000);
	assert_int_equal(w->sent, 0);
	w->deaf = false;
	neigh_resolve(w->n, 3, &(struct addr){.ip = {192, 0, 2, 77}, .family = ADDR_V4}, 5001);
	assert_true(addr_ip_eq(&w->learned_ip, &first));
	assert_memory_equal(w->learned_mac, nothing, 6);
	assert_asks_v4(w, 0, all_mac, 77);
	neigh_resolve(w->n, 3, &gateway, 5002);
	assert_true(addr_ip_eq(&w->learned_ip, &gateway));
	assert_memory_equal(w->learned_mac, peer_mac, 6);
}

static void what_could_not_be_told_is_told_again(void **state)
{
	struct world *w = *state;
	const struct addr ip = v4(20);

	neigh_resolve(w->n, 3, &ip, 1000);
	w->deaf = true;
	arp_in(w, reply(peer_mac, 20), 1001);
	assert_int_equal(w->learned, 1);
	assert_int_equal(neigh_tick(w->n, 1001), 1001 + NEIGH_RETELL_MS);
	(void)neigh_tick(w->n, 1001 + NEIGH_RETELL_MS);
	assert_int_equal(w->learned, 2);
	w->deaf = false;
	assert_int_equal(neigh_tick(w->n, 1100), 1100 + NEIGH_FRESH_MS);
	assert_int_equal(w->learned, 3);
	assert_memory_equal(w->learned_mac, peer_mac, 6);
	assert_int_equal(w->sent, 1);
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
		T(a_full_table_makes_room_and_keeps_the_gateway),
		T(what_could_not_be_told_is_told_again),
		T(our_own_address_elsewhere_is_not_learned),
		T(addresses_are_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
