/* What becomes of a frame before anybody asks whose media it is: every way to be malformed, foreign or somebody else's job. */
#include "dp_kit.h"

#define LOCAL_V4 "198.51.100.1:20000"
#define LOCAL_V6 "[2001:db8::1]:20000"

static uint8_t f[512];
static uint16_t len;

/* A good RTP frame to an endpoint that does not exist: DROP_NO_ENDPOINT says that it passed. */
static void good_v4(void)
{
	struct addr s = kit_addr("203.0.113.9:4000"), d = kit_addr(LOCAL_V4);
	uint8_t p[KIT_PAYLOAD];

	kit_rtp(p, 0, 1, 1, 1);
	len = kit_frame(f, &s, &d, p, sizeof p);
}

static void good_v6(void)
{
	struct addr s = kit_addr("[2001:db8:5::9]:4000"), d = kit_addr(LOCAL_V6);
	uint8_t p[KIT_PAYLOAD];

	kit_rtp(p, 0, 1, 1, 1);
	len = kit_frame(f, &s, &d, p, sizeof p);
}

/* Receives f and tells why it was dropped; DROP_COUNT when it was not. */
static enum drop receive(uint16_t port)
{
	uint64_t before[DROP_COUNT];
	enum drop why = DROP_COUNT;

	memcpy(before, kit.w->drop, sizeof before);
	kit_receive(kit_mbuf(f, len), port);
	for (unsigned d = 0; d < DROP_COUNT; d++) {
		if (kit.w->drop[d] != before[d])
			why = (enum drop)d;
	}
	return why;
}

static unsigned punted(void)
{
	void *m;
	unsigned n = 0;

	for (; rte_ring_dequeue(kit.punt, &m) == 0; n++)
		rte_pktmbuf_free(m);
	return n;
}

static void good_frames_pass(void **state)
{
	(void)state;
	good_v4();
	assert_int_equal(receive(0), DROP_NO_ENDPOINT);
	good_v6();
	assert_int_equal(receive(1), DROP_NO_ENDPOINT);
	good_v4();
	len += 10; /* Ethernet padding */
	assert_int_equal(receive(0), DROP_NO_ENDPOINT);
}

static void every_truncation(void **state)
{
	uint16_t full;

	(void)state;
	good_v4();
	for (full = len, len = 0; len < full; len++)
		assert_int_equal(receive(0), DROP_MALFORMED);
	good_v6();
	for (full = len, len = 0; len < full; len++)
		assert_int_equal(receive(1), DROP_MALFORMED);
}

/* One byte of a good frame is changed (the IPv4 checksum made right again), and this happens. */
struct change {
	const char *what;
	uint16_t at;
	uint8_t to;
	enum drop why;
};

static void apply(const struct change *c, size_t n, void (*good)(void), uint16_t port, bool fix)
{
	for (size_t i = 0; i < n; i++) {
		good();
		f[c[i].at] = c[i].to;
		if (fix)
			kit_ip_sum(f);
		if (receive(port) != c[i].why)
			fail_msg("%s", c[i].what);
	}
	assert_int_equal(punted(), 0);
}
#define APPLY(c, good, port, fix) apply(c, sizeof(c) / sizeof(c)[0], good, port, fix)

static void ipv4_in_order(void **state)
{
	static const struct change c[] = {
		{"version", 14, 0x65, DROP_MALFORMED},
		{"header length 4", 14, 0x44, DROP_MALFORMED},
		{"total below header", 17, 19, DROP_MALFORMED},
		{"total over the frame", 16, 1, DROP_MALFORMED},
		{"more fragments", 20, 0x20, DROP_FRAGMENT},
		{"fragment offset", 21, 1, DROP_FRAGMENT},
		{"TCP", 23, 6, DROP_NOT_UDP},
		{"ICMP that is no echo request", 23, 1, DROP_NOT_UDP},
		{"source of this network", 26, 0, DROP_MALFORMED},
		{"source loopback", 26, 127, DROP_MALFORMED},
		{"source multicast", 26, 224, DROP_MALFORMED},
		{"source broadcast", 26, 255, DROP_MALFORMED},
		{"other destination", 33, 2, DROP_NOT_OURS},
		{"UDP length 7", 39, 7, DROP_MALFORMED},
		{"UDP length over IP's", 38, 9, DROP_MALFORMED},
		{"VLAN tag", 12, 0x81, DROP_NOT_OURS},
		{"ethertype", 12, 0x88, DROP_NOT_OURS},
		{"another station", 5, 0x77, DROP_NOT_OURS},
		{"a group", 0, 0x01, DROP_NOT_OURS},
	};

	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
		apply(&c[i], 1, good_v4, 0, c[i].at > 13 && c[i].at < 34);
	good_v4();
	kit_put16(f + 34, 0); /* source port */
	assert_int_equal(receive(0), DROP_MALFORMED);
}

static void ipv4_header_checksum(void **state)
{
	static const struct change c[] = {{"checksum", 24, 0, DROP_CHECKSUM},
					  {"TTL changed", 22, 9, DROP_CHECKSUM}};

	(void)state;
	APPLY(c, good_v4, 0, false);
}

static void ipv4_options(void **state)
{
	(void)state;
	good_v4();
	f[14] = 0x46;
	kit_put16(f + 24, 0);
	kit_put16(f + 24, ~kit_sum(0, f + 14, 24));
	assert_int_equal(receive(0), DROP_IP_OPTIONS);
}

static void ipv6_in_order(void **state)
{
	static const struct change c[] = {
		{"version", 14, 0x40, DROP_MALFORMED},
		{"length over the frame", 18, 1, DROP_MALFORMED},
		{"length below UDP", 19, 7, DROP_MALFORMED},
		{"hop by hop", 20, 0, DROP_IP_OPTIONS},
		{"routing", 20, 43, DROP_IP_OPTIONS},
		{"fragment", 20, 44, DROP_FRAGMENT},
		{"ESP", 20, 50, DROP_IP_OPTIONS},
		{"AH", 20, 51, DROP_IP_OPTIONS},
		{"destination options", 20, 60, DROP_IP_OPTIONS},
		{"TCP", 20, 6, DROP_NOT_UDP},
		{"ICMPv6 of no interest", 20, 58, DROP_NOT_UDP},
		{"multicast source", 22, 0xff, DROP_MALFORMED},
		{"other destination", 53, 2, DROP_NOT_OURS},
		{"multicast destination", 38, 0xff, DROP_NOT_OURS},
		{"UDP length 7", 59, 7, DROP_MALFORMED},
		{"another station", 5, 0x77, DROP_NOT_OURS},
	};

	(void)state;
	APPLY(c, good_v6, 1, false);
}

static void address_of_another_port(void **state)
{
	(void)state;
	good_v4();
	assert_int_equal(receive(1), DROP_NOT_OURS);
}

static void arp_and_ping_are_punted(void **state)
{
	(void)state;
	good_v4();
	f[12] = 0x08;
	f[13] = 0x06;
	assert_int_equal(receive(0), DROP_COUNT);
	assert_int_equal(punted(), 1);
	good_v4();
	f[23] = 1;
	f[34] = 8; /* echo request */
	kit_ip_sum(f);
	assert_int_equal(receive(0), DROP_COUNT);
	assert_int_equal(punted(), 1);
	good_v6();
	f[20] = 58;
	f[54] = 128;
	assert_int_equal(receive(1), DROP_COUNT);
	assert_int_equal(punted(), 1);
}

static void ping_to_others_is_not(void **state)
{
	(void)state;
	good_v4();
	f[23] = 1;
	f[34] = 8;
	f[33] = 200;
	kit_ip_sum(f);
	assert_int_equal(receive(0), DROP_NOT_OURS);
}

static void neighbour_discovery(void **state)
{
	struct addr node = kit_addr("ff02::1:ff00:1"), all = kit_addr("ff02::1"),
		    other = kit_addr("ff02::1:ff00:2");

	(void)state;
	good_v6();
	f[20] = 58;
	f[54] = 135;
	f[21] = 255;
	memcpy(f + 38, node.ip, 16);
	assert_int_equal(receive(1), DROP_COUNT);
	assert_int_equal(punted(), 1);
	assert_int_equal(receive(0), DROP_NOT_OURS);
	memcpy(f + 38, other.ip, 16);
	assert_int_equal(receive(1), DROP_NOT_OURS);
	memcpy(f + 38, node.ip, 16);
	f[21] = 64; /* was forwarded by a router */
	assert_int_equal(receive(1), DROP_NOT_OURS);
	f[21] = 255;
	f[54] = 136;
	memcpy(f + 38, all.ip, 16);
	assert_int_equal(receive(1), DROP_COUNT);
	assert_int_equal(punted(), 1);
	good_v6();
	f[20] = 58;
	f[54] = 136;
	f[21] = 255;
	assert_int_equal(receive(1), DROP_COUNT);
	assert_int_equal(punted(), 1);
	f[21] = 254;
	assert_int_equal(receive(1), DROP_NOT_UDP);
}

static void full_slow_path(void **state)
{
	(void)state;
	good_v4();
	f[13] = 0x06;
	for (unsigned i = 0; i < 63; i++)
		assert_int_equal(receive(0), DROP_COUNT);
	assert_int_equal(receive(0), DROP_PUNT_FULL);
	assert_int_equal(punted(), 63);
}

/* The same endpoint for the rest: does the UDP checksum hold? */
static void with_endpoints(void)
{
	struct media_spec v4 = kit_spec(LOCAL_V4, "203.0.113.9:4000", 0);
	struct media_spec v6 = kit_spec(LOCAL_V6, "[2001:db8:5::9]:4000", 0);

	v4.sink = v6.sink = MEDIA_SINK_NONE;
	assert_int_equal(kit_set(4, &v4), 0);
	assert_int_equal(kit_set(6, &v6), 0);
}

static void udp_checksum_v4(void **state)
{
	uint16_t partial;

	(void)state;
	with_endpoints();
	good_v4();
	assert_int_equal(receive(0), DROP_NO_SINK);
	f[60] ^= 1;
	assert_int_equal(receive(0), DROP_CHECKSUM);
	good_v4();
	kit_put16(f + 40, 0); /* none */
	assert_int_equal(receive(0), DROP_NO_SINK);
	/* Left to the hardware by a program on this machine. */
	partial = (uint16_t)kit_sum(17 + 180, f + 26, 8);
	kit_put16(f + 40, partial);
	assert_int_equal(receive(0), DROP_NO_SINK);
	kit_put16(f + 40, partial + 1U);
	assert_int_equal(receive(0), DROP_CHECKSUM);
	assert_int_equal(kit_stat(4).rx_packets, 3);
	assert_int_equal(kit_stat(4).dropped, 2);
}

static void udp_checksum_v6(void **state)
{
	(void)state;
	with_endpoints();
	good_v6();
	assert_int_equal(receive(1), DROP_NO_SINK);
	f[100] ^= 0x80;
	assert_int_equal(receive(1), DROP_CHECKSUM);
	good_v6();
	kit_put16(f + 60, 0);
	assert_int_equal(receive(1), DROP_CHECKSUM);
}

static void udp_checksum_by_hardware(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	with_endpoints();
	good_v4();
	m = kit_mbuf(f, len);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	kit_receive(m, 0);
	assert_int_equal(kit_drops(DROP_CHECKSUM), 1);
	f[60] ^= 1;
	m = kit_mbuf(f, len);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	kit_receive(m, 0);
	assert_int_equal(kit_drops(DROP_CHECKSUM), 1);
	assert_int_equal(kit_drops(DROP_NO_SINK), 1);
}

/* Datagram shorter than its IP packet: UDP's own length counts (RFC 768). */
static void udp_length_below_ip(void **state)
{
	struct addr s = kit_addr("203.0.113.9:4000"), d = kit_addr(LOCAL_V4);
	uint8_t p[KIT_PAYLOAD];

	(void)state;
	with_endpoints();
	kit_rtp(p, 0, 1, 1, 1);
	len = (uint16_t)(kit_frame(f, &s, &d, p, sizeof p) + 6);
	kit_put16(f + 16, KIT_PAYLOAD + 28U + 6);
	kit_ip_sum(f);
	assert_int_equal(receive(0), DROP_NO_SINK);
	assert_int_equal(kit_stat(4).rx_bytes, KIT_PAYLOAD);
}

static void chained_mbufs_are_refused(void **state)
{
	struct rte_mbuf *m, *tail;

	(void)state;
	good_v4();
	m = kit_mbuf(f, len);
	tail = kit_mbuf(f, 20);
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	kit_receive(m, 0);
	assert_int_equal(kit_drops(DROP_MALFORMED), 1);
}

static void garbage_is_survived(void **state)
{
	uint64_t x = 88172645463325252ULL;

	(void)state;
	with_endpoints();
	for (unsigned i = 0; i < 50000; i++) {
		unsigned n;

		if (i & 1)
			good_v4();
		else
			good_v6();
		for (n = (unsigned)(x >> 5) % 6; n; n--) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			f[(x >> 8) % (x & 1 ? len : 80)] = (uint8_t)(x >> 40);
		}
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (x % 5 == 0)
			len = (uint16_t)((x >> 9) % len);
		if (i & 1 && x & 2)
			kit_ip_sum(f);
		if (x & 4)
			kit_put16(f + (i & 1 ? 40 : 60), 0);
		(void)receive(i & 1 ? 0 : 1);
		(void)punted();
	}
	assert_int_equal(kit_count_sent(0) + kit_count_sent(1), 0);
}

static int group_setup(void **state)
{
	(void)state;
	return kit_eal();
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, kit_setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(good_frames_pass),
		T(every_truncation),
		T(ipv4_in_order),
		T(ipv4_header_checksum),
		T(ipv4_options),
		T(ipv6_in_order),
		T(address_of_another_port),
		T(arp_and_ping_are_punted),
		T(ping_to_others_is_not),
		T(neighbour_discovery),
		T(full_slow_path),
		T(udp_checksum_v4),
		T(udp_checksum_v6),
		T(udp_checksum_by_hardware),
		T(udp_length_below_ip),
		T(chained_mbufs_are_refused),
		T(garbage_is_survived),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
