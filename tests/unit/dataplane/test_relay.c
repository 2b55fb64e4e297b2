/* Whole packets through whole calls: the bytes that leave, payload types, latches seen from outside, hold, echo, sinks that
 * come and go, neighbours. */
#include "dp_kit.h"

#include "cksum.h"

#define US_A "198.51.100.1:20000"  /* endpoint 1, port 0 */
#define US_B "10.0.0.1:30000"      /* endpoint 2, port 1 */
#define US_6 "[2001:db8::1]:40000" /* endpoint 6, port 1 */
#define A    "198.51.100.7:4000"
#define A_C  "198.51.100.7:4001"
#define B    "10.0.0.7:5000"
#define B_C  "10.0.0.7:5001"
#define V6   "[2001:db8::7]:6000"

/* A and B in a call, everything known, nothing locked yet. */
static void call(void)
{
	struct media_spec a = kit_spec(US_A, A, 2), b = kit_spec(US_B, B, 1);

	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(2, &b), 0);
	kit_learn("198.51.100.7", 0);
	kit_learn("198.51.100.254", 0);
	kit_learn("10.0.0.7", 1);
}

/* The frame that ought to leave: from our address to the far end's, with its neighbour's MAC. */
static void expect_frame(uint16_t port, const char *from, const char *to, const char *hop,
			 const uint8_t *payload, uint16_t len, uint8_t dscp)
{
	struct addr s = kit_addr(from), d = kit_addr(to), h = kit_addr(hop);
	struct rte_mbuf *m = kit_sent(port);
	bool v6 = s.family == ADDR_V6;
	uint8_t want[512], *ip = want + 14;
	const uint8_t *got;
	uint16_t n = kit_frame(want, &s, &d, payload, len);

	assert_non_null(m);
	got = rte_pktmbuf_mtod(m, const uint8_t *);
	want[0] = 2;
	want[1] = 0xaa;
	memcpy(want + 2, h.ip + (v6 ? 12 : 0), 4);
	memset(want + 6, 0, 6);
	want[6] = 2;
	want[11] = port ? 0x11 : 0x10;
	if (v6) {
		ip[0] = (uint8_t)(0x60 | dscp >> 2);
		ip[1] = (uint8_t)(dscp << 6);
		ip[7] = 64;
	} else {
		ip[1] = (uint8_t)(dscp << 2);
		ip[8] = 64;
		memcpy(ip + 4, got + 18, 2); /* identification: any */
		kit_ip_sum(want);
	}
	assert_int_equal(m->pkt_len, n);
	assert_int_equal(m->data_len, n);
	assert_int_equal(m->port, port);
	assert_memory_equal(got, want, n);
	rte_pktmbuf_free(m);
}

static void bytes_that_leave(void **state)
{
	uint8_t p[KIT_PAYLOAD];
	struct media_stat s;

	(void)state;
	call();
	kit_rtp(p, 0, 7, 7 * 160, 99);
	kit_send_rtp(A, US_A, 0, 7, 99);
	expect_frame(1, US_B, B, "10.0.0.7", p, sizeof p, 0);
	kit_send_rtp(B, US_B, 0, 7, 99);
	expect_frame(0, US_A, A, "198.51.100.7", p, sizeof p, 0);
	s = kit_stat(1);
	assert_int_equal(s.rx_packets, 1);
	assert_int_equal(s.rx_bytes, KIT_PAYLOAD);
	assert_int_equal(s.tx_packets, 1);
	assert_int_equal(s.tx_bytes, KIT_PAYLOAD);
	assert_int_equal(s.dropped, 0);
	assert_int_equal(s.ssrc, 99);
}

static void sizes_and_missing_checksums(void **state)
{
	struct addr src = kit_addr(A), us = kit_addr(US_A);
	uint8_t p[KIT_PAYLOAD], f[512];

	(void)state;
	call();
	for (uint16_t len = 12; len < KIT_PAYLOAD; len++) {
		uint16_t n;

		kit_rtp(p, 0, len, len, 1);
		n = kit_frame(f, &src, &us, p, len);
		kit_receive(kit_mbuf(f, n), 0);
		expect_frame(1, US_B, B, "10.0.0.7", p, len, 0);
		kit_put16(f + 40, 0);
		kit_receive(kit_mbuf(f, n), 0);
		expect_frame(1, US_B, B, "10.0.0.7", p, len, 0);
		kit_put16(f + 40, kit_sum(17U + len + 8, f + 26, 8));
		kit_receive(kit_mbuf(f, n), 0);
		expect_frame(1, US_B, B, "10.0.0.7", p, len, 0);
	}
}

static void checksum_left_to_the_port(void **state)
{
	struct addr src = kit_addr(A), us = kit_addr(US_A);
	uint8_t p[KIT_PAYLOAD], f[512];
	struct rte_mbuf *m;
	const uint8_t *got;
	uint16_t n;

	(void)state;
	call();
	kit.w->conf.tx_checksum_offload[1] = true;
	kit_rtp(p, 0, 1, 1, 1);
	n = kit_frame(f, &src, &us, p, sizeof p);
	kit_put16(f + 40, 0);
	kit_receive(kit_mbuf(f, n), 0);
	m = kit_sent(1);
	assert_non_null(m);
	got = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_UDP_CKSUM);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_IPV4);
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(kit_get16(got + 40), kit_sum(17U + KIT_PAYLOAD + 8, got + 26, 8));
	rte_pktmbuf_free(m);
}

static void v4_to_v6_and_back(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 6), v6 = kit_spec(US_6, V6, 1);
	uint8_t p[KIT_PAYLOAD];

	(void)state;
	a.dscp = 46;
	v6.dscp = 46;
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(6, &v6), 0);
	kit_learn("198.51.100.7", 0);
	kit_learn("2001:db8::7", 1);
	for (uint16_t i = 0; i < 10; i++) {
		kit_rtp(p, 8, i, i * 160U, 5);
		kit_send_rtp(A, US_A, 8, i, 5);
		expect_frame(1, US_6, V6, "2001:db8::7", p, sizeof p, 46);
		kit_send_rtp(V6, US_6, 8, i, 5);
		expect_frame(0, US_A, A, "198.51.100.7", p, sizeof p, 46);
	}
}

static void no_headroom(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 6), v6 = kit_spec(US_6, V6, 1);
	struct addr s = kit_addr(A), d = kit_addr(US_A);
	uint8_t p[KIT_PAYLOAD];
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(6, &v6), 0);
	kit_learn("2001:db8::7", 1);
	kit_rtp(p, 0, 1, 1, 1);
	m = kit_udp(&s, &d, p, sizeof p);
	memmove(m->buf_addr, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = 0;
	kit_receive(m, 0);
	assert_int_equal(kit_drops(DROP_HEADROOM), 1);
	m = kit_udp(&s, &d, p, sizeof p);
	memmove((uint8_t *)m->buf_addr + 20, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = 20;
	kit_receive(m, 0);
	expect_frame(1, US_6, V6, "2001:db8::7", p, sizeof p, 0);
}

/* A driver may stall, or drop others' packets, over a frame that its link cannot carry. */
static void nothing_over_the_mtu_leaves(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 6), v6 = kit_spec(US_6, V6, 1);
	uint8_t p[KIT_PAYLOAD];

	(void)state;
	kit.w->local[0].mtu = 20 + 8 + KIT_PAYLOAD;
	kit.w->local[2].mtu = 40 + 8 + KIT_PAYLOAD - 1;
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(6, &v6), 0);
	kit_learn("198.51.100.7", 0);
	kit_learn("2001:db8::7", 1);
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(kit_drops(DROP_TOO_BIG), 1);
	assert_int_equal(kit_count_sent(1), 0);
	assert_int_equal(kit_stat(6).tx_packets, 0);
	kit_rtp(p, 0, 1, 160, 1);
	kit_send_rtp(V6, US_6, 0, 1, 1);
	expect_frame(0, US_A, A, "198.51.100.7", p, sizeof p, 0);
}

static void payload_types_are_mapped(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 2), b = kit_spec(US_B, B, 1);
	uint8_t p[KIT_PAYLOAD];

	(void)state;
	call();
	a.pt_out[2] = 96; /* 101 here is 96 there */
	b.pt[2] = 96;
	b.pt_out[2] = 101;
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(2, &b), 0);
	for (unsigned marker = 0; marker <= 0x80; marker += 0x80) {
		kit_rtp(p, (uint8_t)(96 | marker), 3, 480, 1);
		kit_send_rtp(A, US_A, (uint8_t)(101 | marker), 3, 1);
		expect_frame(1, US_B, B, "10.0.0.7", p, sizeof p, 0);
		kit_rtp(p, (uint8_t)(101 | marker), 3, 480, 1);
		kit_send_rtp(B, US_B, (uint8_t)(96 | marker), 3, 1);
		expect_frame(0, US_A, A, "198.51.100.7", p, sizeof p, 0);
	}
	kit_rtp(p, 8, 4, 640, 1);
	kit_send_rtp(A, US_A, 8, 4, 1);
	expect_frame(1, US_B, B, "10.0.0.7", p, sizeof p, 0);
	kit_send_rtp(A, US_A, 96, 5, 1);
	kit_send_rtp(A, US_A, 18, 5, 1);
	assert_int_equal(kit_drops(DROP_PAYLOAD_TYPE), 2);
	assert_int_equal(kit_stat(1).dropped, 2);
	assert_int_equal(kit_count_sent(1), 0);
}

static void wrong_packets_lock_nothing(void **state)
{
	struct addr s = kit_addr(A), d = kit_addr(US_A);
	uint8_t p[KIT_PAYLOAD];

	(void)state;
	call();
	kit_send_rtp(A, US_A, 18, 1, 1);
	kit_rtp(p, 0, 1, 1, 1);
	p[0] = 0x40;
	kit_receive(kit_udp(&s, &d, p, sizeof p), 0);
	kit_rtp(p, 0, 1, 1, 1);
	kit_receive(kit_udp(&s, &d, p, 11), 0);
	assert_int_equal(kit_drops(DROP_NOT_RTP), 2);
	assert_int_equal(kit_stat(1).latch_state, LATCH_OPEN);
	assert_int_equal(kit_stat(1).last_rx_ms, UINT64_MAX);
}

static void latched_event(void **state)
{
	struct addr a = kit_addr(A);
	struct media_msg ev;

	(void)state;
	call();
	assert_false(kit_media_event(&ev));
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_true(kit_media_event(&ev));
	assert_int_equal(ev.head.type, MEDIA_EV_LATCHED);
	assert_int_equal(ev.head.id, 1);
	assert_int_equal(ev.head.epoch, 1);
	assert_int_equal(ev.head.serial, 0);
	assert_true(addr_eq(&ev.stat.latched, &a));
	assert_int_equal(media_msg_check(&ev, media_msg_len(&ev.head)), 0);
	assert_false(ev.stat.flags & MEDIA_STAT_RTCP);
	kit_send_rtp(A, US_A, 0, 2, 1);
	assert_false(kit_media_event(&ev));
	assert_int_equal(kit_count_sent(1), 2);
	kit_send_rtcp(A_C, "198.51.100.1:20001", 1);
	assert_true(kit_media_event(&ev));
	assert_int_equal(ev.head.type, MEDIA_EV_LATCHED);
	assert_true(ev.stat.flags & MEDIA_STAT_RTCP);
	a = kit_addr(A_C);
	assert_true(addr_eq(&ev.stat.latched_rtcp, &a));
	assert_int_equal(media_msg_check(&ev, media_msg_len(&ev.head)), 0);
	assert_int_equal(kit_count_sent(1), 1);
}

/* A is a phone behind a NAT at 198.51.100.9, B a plain one. */
static void behind_nat(void)
{
	struct media_spec a = kit_spec(US_A, "192.168.1.5:4000", 2), b = kit_spec(US_B, B, 1);

	a.latch = MEDIA_LATCH_REMOTE;
	a.signalling = kit_addr("198.51.100.9");
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(2, &b), 0);
	kit_learn("198.51.100.9", 0);
	kit_learn("198.51.100.254", 0);
	kit_learn("10.0.0.7", 1);
}

static void nat_phone_is_latched(void **state)
{
	uint8_t p[KIT_PAYLOAD];

	(void)state;
	behind_nat();
	kit_send_rtp(B, US_B, 0, 1, 1);
	assert_int_equal(kit_drops(DROP_NO_TARGET), 1); /* nothing to a private address */
	for (uint16_t i = 1; i <= 3; i++) {
		kit_send_rtp("198.51.100.9:31000", US_A, 0, i, 7);
		kit_send_rtp(B, US_B, 0, (uint16_t)(i + 1), 1);
	}
	assert_int_equal(kit_drops(DROP_LATCH_WAIT), 3);
	assert_int_equal(kit_drops(DROP_NO_TARGET), 4);
	assert_int_equal(kit_count_sent(0) + kit_count_sent(1), 0);
	kit_send_rtp("198.51.100.9:31000", US_A, 0, 4, 7);
	assert_int_equal(kit_count_sent(1), 1);
	kit_rtp(p, 0, 9, 9 * 160, 1);
	kit_send_rtp(B, US_B, 0, 9, 1);
	expect_frame(0, US_A, "198.51.100.9:31000", "198.51.100.9", p, sizeof p, 0);
	assert_int_equal(kit_stat(1).dropped, 3);
	assert_int_equal(kit_stat(1).rx_packets, 1);
}

/* Two phones behind NATs: each is locked by its own packets, so neither waits for ever. */
static void two_nats(void **state)
{
	struct media_spec a = kit_spec(US_A, "192.168.1.5:4000", 2),
			  b = kit_spec(US_B, "192.168.2.5:4000", 1);

	(void)state;
	a.latch = b.latch = MEDIA_LATCH_REMOTE;
	a.signalling = kit_addr("198.51.100.9");
	b.signalling = kit_addr("10.0.0.9");
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(2, &b), 0);
	kit_learn("198.51.100.9", 0);
	kit_learn("10.0.0.9", 1);
	for (uint16_t i = 1; i <= 4; i++) {
		kit_send_rtp("198.51.100.9:31000", US_A, 0, i, 7);
		kit_send_rtp("10.0.0.9:32000", US_B, 0, i, 8);
	}
	assert_int_equal(kit_count_sent(0), 1);
	kit_send_rtp("198.51.100.9:31000", US_A, 0, 5, 7);
	assert_int_equal(kit_count_sent(1), 1);
}

/* An attacker sprays good RTP at both ends for the whole call, with the right SSRC and numbers. */
static void spray_changes_nothing(void **state)
{
	uint8_t p[KIT_PAYLOAD];
	uint16_t seq = 0;

	(void)state;
	behind_nat();
	for (unsigned phase = 0; phase < 3; phase++) {
		for (uint16_t i = 0; i < 50; i++) {
			kit.now_us += 20000;
			kit_send_rtp("203.0.113.66:4000", US_A, 0, (uint16_t)(seq + i), 7);
			kit_send_rtp("203.0.113.66:4000", US_B, 0, (uint16_t)(seq + i), 1);
			kit_send_rtcp("203.0.113.66:4001", "198.51.100.1:20001", 7);
		}
		assert_int_equal(kit_count_sent(0) + kit_count_sent(1), 0);
		if (phase == 2)
			break;
		for (uint16_t i = 0; i < 4; i++)
			kit_send_rtp("198.51.100.9:31000", US_A, 0, ++seq, 7);
		kit_send_rtp(B, US_B, 0, seq, 1);
		assert_true(kit_count_sent(0) && kit_count_sent(1));
	}
	kit_rtp(p, 0, 77, 77 * 160, 1);
	kit_send_rtp(B, US_B, 0, 77, 1);
	expect_frame(0, US_A, "198.51.100.9:31000", "198.51.100.9", p, sizeof p, 0);
	assert_int_equal(kit_stat(1).lost, 0);
	assert_int_equal(kit_drops(DROP_SOURCE), 450);
}

/* A flood from another host is told by its address alone, before anything is summed or parsed. */
static void foreign_garbage_is_cheap(void **state)
{
	struct addr s = kit_addr("203.0.113.66:4000"), d = kit_addr(US_A);
	uint8_t p[KIT_PAYLOAD] = {0};

	(void)state;
	call();
	kit_receive(kit_udp(&s, &d, p, sizeof p), 0);
	assert_int_equal(kit_drops(DROP_NOT_RTP), 1); /* nothing is locked yet */
	kit_send_rtp(A, US_A, 0, 1, 1);
	kit_receive(kit_udp(&s, &d, p, sizeof p), 0);
	assert_int_equal(kit_drops(DROP_SOURCE), 1);
	s = kit_addr(A);
	kit_receive(kit_udp(&s, &d, p, sizeof p), 0);
	assert_int_equal(kit_drops(DROP_NOT_RTP), 2);
	assert_int_equal(kit_count_sent(1), 1);
	kit.w->table.pool[0].dropped = UINT32_MAX; /* counts on beyond 32 bits */
	kit_send_rtp("203.0.113.66:4000", US_A, 0, 1, 1);
	assert_int_equal(kit_stat(1).dropped, 1ULL << 32);
}

static void rtcp_goes_its_own_way(void **state)
{
	uint8_t p[KIT_RTCP_LEN];
	struct media_stat s;
	struct addr c = kit_addr(A_C);

	(void)state;
	call();
	kit_rtcp(p, 5);
	kit_send_rtcp(A_C, "198.51.100.1:20001", 5);
	expect_frame(1, "10.0.0.1:30001", B_C, "10.0.0.7", p, sizeof p, 0);
	kit_send_rtcp(B_C, "10.0.0.1:30001", 5);
	expect_frame(0, "198.51.100.1:20001", A_C, "198.51.100.7", p, sizeof p, 0);
	s = kit_stat(1);
	assert_int_equal(s.rx_rtcp, 1);
	assert_int_equal(s.tx_rtcp, 1);
	assert_int_equal(s.rx_packets, 0);
	assert_true(addr_eq(&s.latched_rtcp, &c));
	assert_false(addr_is_set(&s.latched));
	/* RTP on the RTCP port and the other way round */
	kit_send_rtp(A_C, "198.51.100.1:20001", 0, 1, 1);
	assert_int_equal(kit_drops(DROP_NOT_RTCP), 1);
	kit_send_rtcp(A, US_A, 5);
	assert_int_equal(kit_drops(DROP_PAYLOAD_TYPE), 1);
}

static void rtcp_behind_nat(void **state)
{
	uint8_t p[KIT_RTCP_LEN];

	(void)state;
	behind_nat();
	kit_send_rtcp("198.51.100.9:31001", "198.51.100.1:20001", 7);
	assert_int_equal(kit_drops(DROP_LATCH_WAIT), 1);
	for (uint16_t i = 1; i <= 4; i++)
		kit_send_rtp("198.51.100.9:31000", US_A, 0, i, 7);
	assert_int_equal(kit_count_sent(1), 1);
	kit_send_rtcp(B_C, "10.0.0.1:30001", 1);
	assert_int_equal(kit_drops(DROP_NO_TARGET), 1);
	kit_send_rtcp("198.51.100.9:31001", "198.51.100.1:20001", 7);
	assert_int_equal(kit_count_sent(1), 1);
	kit_rtcp(p, 1);
	kit_send_rtcp(B_C, "10.0.0.1:30001", 1);
	expect_frame(0, "198.51.100.1:20001", "198.51.100.9:31001", "198.51.100.9", p, sizeof p, 0);
}

static void explicit_rtcp_port(void **state)
{
	struct media_spec b = kit_spec(US_B, B, 1);
	uint8_t p[KIT_RTCP_LEN];

	(void)state;
	call();
	b.remote_rtcp = kit_addr("10.0.0.8:7777");
	assert_int_equal(kit_set(2, &b), 0);
	kit_learn("10.0.0.8", 1);
	kit_rtcp(p, 5);
	kit_send_rtcp(A_C, "198.51.100.1:20001", 5);
	expect_frame(1, "10.0.0.1:30001", "10.0.0.8:7777", "10.0.0.8", p, sizeof p, 0);
}

static void hold_and_resume(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 2);

	(void)state;
	call();
	for (uint16_t i = 1; i <= 5; i++)
		kit_send_rtp(A, US_A, 0, i, 1);
	kit_send_rtp(B, US_B, 0, 1, 2);
	assert_int_equal(kit_count_sent(1), 5);
	assert_int_equal(kit_count_sent(0), 1);

	a.direction = 0; /* A holds: nothing either way, but RTCP */
	assert_int_equal(kit_set(1, &a), 0);
	for (uint16_t i = 6; i <= 50; i++)
		kit_send_rtp(A, US_A, 0, i, 1);
	kit_send_rtp(B, US_B, 0, 2, 2);
	assert_int_equal(kit_count_sent(0) + kit_count_sent(1), 0);
	assert_int_equal(kit_drops(DROP_DIRECTION), 46);
	kit_send_rtcp(A_C, "198.51.100.1:20001", 1);
	assert_int_equal(kit_count_sent(1), 1);

	a.direction = MEDIA_SEND; /* music on hold for A */
	assert_int_equal(kit_set(1, &a), 0);
	kit_send_rtp(A, US_A, 0, 51, 1);
	kit_send_rtp(B, US_B, 0, 3, 2);
	assert_int_equal(kit_count_sent(0), 1);
	assert_int_equal(kit_count_sent(1), 0);

	a.direction = MEDIA_RECV | MEDIA_SEND;
	assert_int_equal(kit_set(1, &a), 0);
	kit_send_rtp(A, US_A, 0, 52, 1);
	assert_int_equal(kit_count_sent(1), 1);
	assert_int_equal(kit_stat(1).rx_packets, 6);
	assert_int_equal(kit_stat(1).lost, 0);
	assert_int_equal(kit_stat(1).latch_state, LATCH_LOCKED);
}

static void echo(void **state)
{
	struct media_spec a = kit_spec(US_A, "192.168.1.5:4000", 0);
	uint8_t p[KIT_PAYLOAD], c[KIT_RTCP_LEN];

	(void)state;
	a.sink = MEDIA_SINK_ECHO;
	a.latch = MEDIA_LATCH_REMOTE;
	a.signalling = kit_addr("198.51.100.9");
	assert_int_equal(kit_set(1, &a), 0);
	kit_learn("198.51.100.9", 0);
	for (uint16_t i = 1; i <= 3; i++)
		kit_send_rtp("198.51.100.9:31000", US_A, 0, i, 7);
	assert_int_equal(kit_count_sent(0), 0);
	kit_rtp(p, 0, 4, 640, 7);
	kit_send_rtp("198.51.100.9:31000", US_A, 0, 4, 7);
	expect_frame(0, US_A, "198.51.100.9:31000", "198.51.100.9", p, sizeof p, 0);
	kit_rtcp(c, 7);
	kit_send_rtcp("198.51.100.9:31001", "198.51.100.1:20001", 7);
	expect_frame(0, "198.51.100.1:20001", "198.51.100.9:31001", "198.51.100.9", c, sizeof c, 0);
}

/* Descriptions that name our own addresses: a packet would go round between the two endpoints for ever. */
static void no_loop_through_ourselves(void **state)
{
	struct media_spec a = kit_spec(US_A, US_B, 0), b = kit_spec(US_B, US_A, 0);

	(void)state;
	a.sink = b.sink = MEDIA_SINK_ECHO;
	a.latch = b.latch = MEDIA_LATCH_AUTO;
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(2, &b), 0);
	kit_learn("198.51.100.254", 0);
	kit_send_rtp(US_B, US_A, 0, 1, 7); /* as a router would bring it, or an attacker */
	kit_send_rtcp("10.0.0.1:30001", "198.51.100.1:20001", 7);
	kit_send_rtp(US_A, US_B, 0, 1, 7);
	assert_int_equal(kit_drops(DROP_SOURCE), 3);
	assert_int_equal(kit_count_sent(0), 0);
	assert_int_equal(kit_count_sent(1), 0);
	assert_int_equal(kit_stat(1).latched.family, ADDR_NONE);
	a = kit_spec(US_A, A, 2);
	a.latch = MEDIA_LATCH_OFF;
	assert_int_equal(kit_set(1, &a), 0);
	kit_send_rtp(A, US_A, 0, 1, 7);
	assert_int_equal(kit_drops(DROP_NO_TARGET), 1);
}

static void no_sink_is_measured(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 0);

	(void)state;
	a.sink = MEDIA_SINK_NONE;
	assert_int_equal(kit_set(1, &a), 0);
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(kit_drops(DROP_NO_SINK), 1);
	assert_int_equal(kit_stat(1).rx_packets, 1);
	assert_int_equal(kit_stat(1).dropped, 0);
}

/* The sink goes away, another endpoint takes its memory, the sink comes back: always the right one or none. */
static void sink_deleted_under_traffic(void **state)
{
	struct media_spec b = kit_spec(US_B, B, 1), other = kit_spec("10.0.0.1:30100", B, 1);
	struct media_stat s;
	uint8_t p[KIT_PAYLOAD];

	(void)state;
	call();
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(kit_count_sent(1), 1);
	assert_int_equal(kit_del(2, &s), 0);
	assert_int_equal(s.tx_packets, 1);
	kit_send_rtp(A, US_A, 0, 2, 1);
	assert_int_equal(kit_drops(DROP_NO_SINK), 1);
	kit_send_rtp(B, US_B, 0, 1, 1);
	assert_int_equal(kit_drops(DROP_NO_ENDPOINT), 1);
	assert_int_equal(kit_set(3, &other), 0); /* the freed memory */
	kit_send_rtp(A, US_A, 0, 3, 1);
	assert_int_equal(kit_drops(DROP_NO_SINK), 2);
	assert_int_equal(kit_set(2, &b), 0);
	kit_rtp(p, 0, 4, 640, 1);
	kit_send_rtp(A, US_A, 0, 4, 1);
	expect_frame(1, US_B, B, "10.0.0.7", p, sizeof p, 0);
	assert_int_equal(kit_del(3, NULL), 0);
	assert_int_equal(kit_del(3, NULL), ERR_NOENT);
	kit_send_rtp(A, US_A, 0, 5, 1);
	assert_int_equal(kit_count_sent(1), 1);
}

static void sink_comes_and_goes(void **state)
{
	unsigned sent = 0;

	(void)state;
	call();
	for (unsigned i = 0; i < 200; i++) {
		struct media_spec b = kit_spec(US_B, B, 1);

		kit_send_rtp(A, US_A, 0, (uint16_t)i, 1);
		assert_int_equal(kit_del(2, NULL), 0);
		kit_send_rtp(A, US_A, 0, (uint16_t)i, 1);
		assert_int_equal(kit_set(2, &b), 0);
		sent += kit_count_sent(1);
	}
	assert_int_equal(sent, 200);
	assert_int_equal(kit_drops(DROP_NO_SINK), 200);
}

static void set_again_keeps_everything(void **state)
{
	struct media_spec a = kit_spec(US_A, "192.168.1.5:4000", 2);
	struct media_stat s;

	(void)state;
	behind_nat();
	a.latch = MEDIA_LATCH_REMOTE;
	a.signalling = kit_addr("198.51.100.9");
	for (uint16_t i = 1; i <= 4; i++)
		kit_send_rtp("198.51.100.9:31000", US_A, 0, i, 7);
	assert_int_equal(kit_count_sent(1), 1);
	a.dscp = 46;
	assert_int_equal(kit_set(1, &a), 0);
	s = kit_stat(1);
	assert_int_equal(s.latch_state, LATCH_LOCKED);
	assert_int_equal(s.rx_packets, 1);
	kit_send_rtp("198.51.100.9:31000", US_A, 0, 5, 7);
	assert_int_equal(kit_count_sent(1), 1);
	kit_send_rtp(B, US_B, 0, 1, 1);
	assert_int_equal(kit_count_sent(0), 1);
}

static void changed_remote_resets_the_latch(void **state)
{
	struct media_spec a = kit_spec(US_A, "192.168.1.5:5000", 2);
	uint16_t i;

	(void)state;
	behind_nat();
	a.latch = MEDIA_LATCH_REMOTE;
	a.signalling = kit_addr("198.51.100.9");
	for (i = 1; i <= 4; i++)
		kit_send_rtp("198.51.100.9:31000", US_A, 0, i, 7);
	assert_int_equal(kit_count_sent(1), 1);
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_stat(1).latch_state, LATCH_OPEN);
	assert_int_equal(kit_stat(1).rx_packets, 1); /* the totals stay */
	kit_send_rtp(B, US_B, 0, 1, 1);
	assert_int_equal(kit_drops(DROP_NO_TARGET), 1);
	for (; i <= 20; i++)
		kit_send_rtp("198.51.100.9:31000", US_A, 0, i, 7);
	assert_int_equal(kit_stat(1).latch_state, LATCH_OPEN);
	for (; i <= 24; i++)
		kit_send_rtp("198.51.100.9:33000", US_A, 0, i, 7);
	assert_int_equal(kit_stat(1).latch_state, LATCH_LOCKED);
	assert_int_equal(kit_count_sent(1), 1);
}

static void bad_specs_change_nothing(void **state)
{
	static const struct {
		size_t at;
		uint8_t to;
	} bad[] = {
		{offsetof(struct media_spec, latch), 3},
		{offsetof(struct media_spec, sink), 3},
		{offsetof(struct media_spec, direction), 4},
		{offsetof(struct media_spec, dscp), 64},
		{offsetof(struct media_spec, n_pt), MEDIA_PT_MAX + 1},
		{offsetof(struct media_spec, pt), 128},
		{offsetof(struct media_spec, pt_out), 128},
		{offsetof(struct media_spec, sink_id) + 3, 0xff},
		{offsetof(struct media_spec, remote.family), ADDR_V6},
		{offsetof(struct media_spec, remote.ip), 224},
	};
	struct media_spec s;

	(void)state;
	call();
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		s = kit_spec(US_A, A, 2);
		((uint8_t *)&s)[bad[i].at] = bad[i].to;
		if (kit_set(1, &s) != ERR_RANGE || kit_set(5, &s) != ERR_RANGE)
			fail_msg("row %zu", i);
	}
	s = kit_spec("198.51.100.1:20001", A, 2);
	assert_int_equal(kit_set(5, &s), ERR_RANGE); /* odd */
	s = kit_spec("198.51.100.2:20000", A, 2);
	assert_int_equal(kit_set(5, &s), ERR_NOENT); /* not ours */
	s = kit_spec(US_A, A, 2);
	assert_int_equal(kit_set(5, &s), ERR_INUSE); /* endpoint 1's port */
	assert_int_equal(kit_set(2, &s), ERR_INUSE);
	assert_int_equal(kit_set(MEDIA_ID_MAX, &s), ERR_RANGE);
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(kit_count_sent(1), 1);
	assert_int_equal(kit.w->table.n, 2);
}

static void endpoint_moves_to_another_port(void **state)
{
	struct media_spec a = kit_spec("198.51.100.1:20500", A, 2), other = kit_spec(US_A, A, 2);

	(void)state;
	call();
	assert_int_equal(kit_set(1, &a), 0);
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(kit_drops(DROP_NO_ENDPOINT), 1);
	kit_send_rtp(A, "198.51.100.1:20500", 0, 1, 1);
	assert_int_equal(kit_count_sent(1), 1);
	assert_int_equal(kit_set(9, &other), 0);
	assert_int_equal(kit_del(1, NULL), 0);
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(kit_count_sent(1), 1);
}

static void neighbours(void **state)
{
	struct media_spec a = kit_spec(US_A, "203.0.113.7:4000", 2), b = kit_spec(US_B, B, 1);
	struct addr gw = kit_addr("198.51.100.254"), hop = kit_addr("10.0.0.7");
	uint8_t p[KIT_PAYLOAD];
	struct dp_event ev;

	(void)state;
	/* Asked for as soon as the target is known: the gateway for A, B itself. */
	assert_int_equal(kit_set(1, &a), 0);
	assert_true(kit_event(&ev));
	assert_int_equal(ev.type, DP_EV_RESOLVE);
	assert_int_equal(ev.port, 0);
	assert_true(addr_eq(&ev.ip, &gw));
	assert_int_equal(kit_set(2, &b), 0);
	assert_true(kit_event(&ev));
	assert_int_equal(ev.port, 1);
	assert_true(addr_eq(&ev.ip, &hop));
	assert_false(kit_event(&ev));
	/* Then with the packets, but not with every one. */
	for (uint16_t i = 0; i < 10; i++)
		kit_send_rtp("203.0.113.7:4000", US_A, 0, i, 1);
	assert_int_equal(kit_drops(DROP_NEIGHBOUR), 10);
	assert_true(kit_event(&ev));
	assert_int_equal(ev.type, DP_EV_MEDIA);
	assert_false(kit_event(&ev));
	kit.now_us += NEXTHOP_ASK_US;
	kit_send_rtp("203.0.113.7:4000", US_A, 0, 11, 1);
	kit_send_rtp("203.0.113.7:4000", US_A, 0, 12, 1);
	assert_true(kit_event(&ev));
	assert_int_equal(ev.type, DP_EV_RESOLVE);
	assert_false(kit_event(&ev));
	kit_learn("10.0.0.7", 0); /* another port's neighbour of that name */
	kit_send_rtp("203.0.113.7:4000", US_A, 0, 13, 1);
	assert_int_equal(kit_drops(DROP_NEIGHBOUR), 13);
	kit_learn("10.0.0.7", 1);
	kit_learn("198.51.100.254", 0);
	kit_rtp(p, 0, 14, 14 * 160, 1);
	kit_send_rtp("203.0.113.7:4000", US_A, 0, 14, 1);
	expect_frame(1, US_B, B, "10.0.0.7", p, sizeof p, 0);
	kit_send_rtp(B, US_B, 0, 14, 1);
	expect_frame(0, US_A, "203.0.113.7:4000", "198.51.100.254", p, sizeof p, 0);
}

static void no_way_to_the_target(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 2), b = kit_spec(US_B, "203.0.113.7:5000", 1);

	(void)state;
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(2, &b), 0); /* off-link, and no gateway there */
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(kit_drops(DROP_NEIGHBOUR), 1);
}

static void statistics_of_a_bad_line(void **state)
{
	static const uint16_t seq[] = {65533, 65534, 0, 65535, 1, 1, 4, 5};
	struct media_stat s;

	(void)state;
	call();
	for (unsigned i = 0; i < sizeof seq / sizeof seq[0]; i++)
		kit_send_rtp(A, US_A, 0, seq[i], 1);
	s = kit_stat(1);
	assert_int_equal(s.rx_packets, 8);
	assert_int_equal(s.lost, 2);
	assert_int_equal(s.reordered, 1);
	assert_int_equal(s.duplicates, 1);
	assert_int_equal(kit_count_sent(1), 8); /* we relay, we do not repair */
	kit.now_us += 3000000;
	assert_int_equal(kit_stat(1).last_rx_ms, 3000);
}

static void checksum_arithmetic(void **state)
{
	uint8_t p[200];

	(void)state;
	for (unsigned i = 0; i < sizeof p; i++)
		p[i] = (uint8_t)(i * 37 + 11);
	for (unsigned off = 0; off < 8; off++) {
		for (unsigned n = 0; n < 180; n++) {
			uint8_t sum[2];
			uint16_t v = cksum_fold(cksum_add(p + off, n));

			memcpy(sum, &v, 2);
			assert_int_equal(kit_get16(sum), kit_sum(0, p + off, n));
		}
	}
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
		T(bytes_that_leave),
		T(sizes_and_missing_checksums),
		T(checksum_left_to_the_port),
		T(v4_to_v6_and_back),
		T(no_headroom),
		T(nothing_over_the_mtu_leaves),
		T(payload_types_are_mapped),
		T(wrong_packets_lock_nothing),
		T(latched_event),
		T(nat_phone_is_latched),
		T(two_nats),
		T(spray_changes_nothing),
		T(foreign_garbage_is_cheap),
		T(rtcp_goes_its_own_way),
		T(rtcp_behind_nat),
		T(explicit_rtcp_port),
		T(hold_and_resume),
		T(echo),
		T(no_loop_through_ourselves),
		T(no_sink_is_measured),
		T(sink_deleted_under_traffic),
		T(sink_comes_and_goes),
		T(set_again_keeps_everything),
		T(changed_remote_resets_the_latch),
		T(bad_specs_change_nothing),
		T(endpoint_moves_to_another_port),
		T(neighbours),
		T(no_way_to_the_target),
		T(statistics_of_a_bad_line),
		T(checksum_arithmetic),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
