/* What the dataplane's tests share: EAL without hugepages, a worker with its rings but without ports, frames built by hand
 * with checksums of their own, and the frames that came out. A header, since it needs DPDK; one test program includes it once.
 *
 * Our addresses: 0 = 198.51.100.1/24 on port 0 (gateway .254), 1 = 10.0.0.1/24 on port 1 (none), 2 = 2001:db8::1/64 on
 * port 1 (gateway ::ff). Time starts at one second and stands still until a test moves it. */
#ifndef REMPART_DP_KIT_H
#define REMPART_DP_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "stage.h"

#define KIT_PAYLOAD 172 /* RTP header and 160 bytes */

struct kit {
	struct rte_mempool *pool, *event_pool;
	struct rte_ring *cmd, *reply, *event, *punt, *tx;
	struct dp_local local[3];
	struct dp_worker *w;
	uint64_t now_us;
};

static struct kit kit; /* one a program */

static inline struct addr kit_addr(const char *text)
{
	struct addr a = {0};

	if (addr_parse(str_c(text), &a) && addr_parse_ip(str_c(text), &a))
		fail_msg("bad address %s", text);
	return a;
}

static inline int kit_eal(void)
{
	static char a0[] = "test", a1[] = "--no-huge", a2[] = "-m", a3[] = "64", a4[] = "--no-pci",
		    a5[] = "--no-telemetry", a6[] = "-l", a7[] = "0", a8[] = "--iova-mode=va",
		    a9[] = "--log-level=error", aa[] = "--no-shconf";
	char *argv[] = {a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, aa, NULL};

	if (rte_eal_init(11, argv) < 0)
		return -1;
	kit.pool = rte_pktmbuf_pool_create("packets", 1023, 0, 0, 2048, SOCKET_ID_ANY);
	kit.event_pool = rte_mempool_create("events", 63, sizeof(struct dp_event), 0, 0, NULL, NULL,
					    NULL, NULL, SOCKET_ID_ANY, 0);
	kit.cmd = rte_ring_create("cmd", 64, SOCKET_ID_ANY, 0);
	kit.reply = rte_ring_create("reply", 64, SOCKET_ID_ANY, 0);
	kit.event = rte_ring_create("event", 64, SOCKET_ID_ANY, 0);
	kit.punt = rte_ring_create("punt", 64, SOCKET_ID_ANY, 0);
	kit.tx = rte_ring_create("tx", 64, SOCKET_ID_ANY, 0);
	return kit.pool && kit.event_pool && kit.tx ? 0 : -1;
}

static inline struct dp_local kit_local(const char *ip, const char *net, const char *gateway,
					uint16_t port, uint8_t mac_last)
{
	struct dp_local l = {.port = port, .mac = {2, 0, 0, 0, 0, mac_last}};

	l.ip = kit_addr(ip);
	if (addr_parse_prefix(str_c(net), &l.subnet, NULL))
		fail_msg("bad prefix %s", net);
	if (gateway)
		l.gateway = kit_addr(gateway);
	return l;
}

/* cmocka setup: a fresh worker. */
static inline int kit_setup(void **state)
{
	struct dp_worker_conf conf = {
		.local = kit.local,
		.n_local = 3,
		.cmd = kit.cmd,
		.reply = kit.reply,
		.event = kit.event,
		.punt = kit.punt,
		.tx = kit.tx,
		.wake_fd = -1,
		.event_pool = kit.event_pool,
	};

	(void)state;
	kit.local[0] = kit_local("198.51.100.1", "198.51.100.0/24", "198.51.100.254", 0, 0x10);
	kit.local[1] = kit_local("10.0.0.1", "10.0.0.0/24", NULL, 1, 0x11);
	kit.local[2] = kit_local("2001:db8::1", "2001:db8::/64", "2001:db8::ff", 1, 0x11);
	kit.now_us = 1000000;
	kit.w = dp_worker_create(&conf);
	return kit.w ? 0 : -1;
}

static inline bool kit_event(struct dp_event *out)
{
	void *ev;

	if (rte_ring_dequeue(kit.event, &ev) != 0)
		return false;
	*out = *(struct dp_event *)ev;
	rte_mempool_put(kit.event_pool, ev);
	return true;
}

/* The next media event; wishes to resolve are skipped. */
static inline bool kit_media_event(struct media_msg *out)
{
	struct dp_event ev;

	while (kit_event(&ev)) {
		if (ev.type != DP_EV_MEDIA)
			continue;
		*out = ev.msg;
		return true;
	}
	return false;
}

/* cmocka teardown: nothing may have leaked. */
static inline int kit_teardown(void **state)
{
	struct dp_event ev;
	void *m;

	(void)state;
	dp_worker_destroy(kit.w);
	kit.w = NULL;
	while (kit_event(&ev))
		;
	while (rte_ring_dequeue(kit.punt, &m) == 0)
		rte_pktmbuf_free(m);
	return rte_mempool_in_use_count(kit.pool) == 0 ? 0 : -1;
}

/* Checksums on their own, byte by byte as RFC 1071 has it: not the code under test. */
static inline uint32_t kit_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static inline void kit_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline uint16_t kit_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The UDP checksum that a frame of ours ought to have; its own field counts as 0. */
static inline uint16_t kit_udp_sum(const uint8_t *frame)
{
	bool v6 = frame[12] == 0x86;
	const uint8_t *udp = frame + (v6 ? 54 : 34);
	uint16_t len = kit_get16(udp + 4);
	uint32_t sum = kit_sum(17U + len, udp - (v6 ? 32 : 8), v6 ? 32 : 8);

	sum = kit_sum(sum, udp, 6);
	sum = kit_sum(sum, udp + 8, len - 8U);
	sum = ~sum & 0xffff;
	return sum ? (uint16_t)sum : 0xffff;
}

static inline void kit_ip_sum(uint8_t *frame)
{
	kit_put16(frame + 24, 0);
	kit_put16(frame + 24, ~kit_sum(0, frame + 14, 20U));
}

/* Builds a whole frame into `at`; returns its length. dst is an address of ours; the MACs are a neighbour's and the port's. */
static inline uint16_t kit_frame(uint8_t *at, const struct addr *src, const struct addr *dst,
				 const void *payload, uint16_t len)
{
	static const uint8_t from[6] = {2, 9, 9, 9, 9, 9};
	bool v6 = src->family == ADDR_V6;
	uint16_t head = v6 ? 62 : 42;
	uint8_t *ip = at + 14, *udp = at + head - 8;

	memset(at, 0, head);
	for (unsigned i = 0; i < 3; i++) {
		if (addr_ip_eq(&kit.local[i].ip, dst))
			memcpy(at, kit.local[i].mac, 6);
	}
	memcpy(at + 6, from, 6);
	kit_put16(at + 12, v6 ? 0x86dd : 0x0800);
	if (v6) {
		ip[0] = 0x60;
		kit_put16(ip + 4, len + 8U);
		ip[6] = 17;
		ip[7] = 60;
		memcpy(ip + 8, src->ip, 16);
		memcpy(ip + 24, dst->ip, 16);
	} else {
		ip[0] = 0x45;
		kit_put16(ip + 2, len + 28U);
		ip[8] = 60;
		ip[9] = 17;
		memcpy(ip + 12, src->ip, 4);
		memcpy(ip + 16, dst->ip, 4);
		kit_ip_sum(at);
	}
	kit_put16(udp, src->port);
	kit_put16(udp + 2, dst->port);
	kit_put16(udp + 4, len + 8U);
	memcpy(udp + 8, payload, len);
	kit_put16(udp + 6, kit_udp_sum(at));
	return (uint16_t)(head + len);
}

static inline struct rte_mbuf *kit_mbuf(const void *frame, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(kit.pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, len), frame, len);
	return m;
}

static inline struct rte_mbuf *kit_udp(const struct addr *src, const struct addr *dst,
				       const void *payload, uint16_t len)
{
	uint8_t frame[2048];

	return kit_mbuf(frame, kit_frame(frame, src, dst, payload, len));
}

/* An RTP packet of KIT_PAYLOAD bytes. */
static inline void kit_rtp(uint8_t out[KIT_PAYLOAD], uint8_t pt, uint16_t seq, uint32_t ts,
			   uint32_t ssrc)
{
	for (unsigned i = 12; i < KIT_PAYLOAD; i++)
		out[i] = (uint8_t)(i * 7 + seq);
	out[0] = 0x80;
	out[1] = pt;
	kit_put16(out + 2, seq);
	kit_put16(out + 4, ts >> 16);
	kit_put16(out + 6, ts);
	kit_put16(out + 8, ssrc >> 16);
	kit_put16(out + 10, ssrc);
}

/* A receiver report and SDES, 8 + 16 bytes. */
#define KIT_RTCP_LEN 24
static inline void kit_rtcp(uint8_t out[KIT_RTCP_LEN], uint32_t ssrc)
{
	static const uint8_t form[KIT_RTCP_LEN] = {0x80, 201, 0,   1,   0,   0,   0, 0,
						   0x81, 202, 0,   3,   0,   0,   0, 0,
						   1,    4,   'x', 'y', 'z', 't', 0, 0};

	memcpy(out, form, sizeof form);
	for (unsigned at = 4; at <= 12; at += 8) {
		kit_put16(out + at, ssrc >> 16);
		kit_put16(out + at + 2, ssrc);
	}
}

/* Runs one frame that arrived on this port through all stages. */
static inline void kit_receive(struct rte_mbuf *m, uint16_t port)
{
	static struct dp_burst b;

	b.port = port;
	b.now_us = kit.now_us;
	b.n = 1;
	b.pkt[0].m = m;
	worker_pipeline(kit.w, &b);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.n_dead, 0);
}

static inline uint16_t kit_port_of(const struct addr *dst)
{
	return dst->ip[0] == 198 ? 0 : 1;
}

static inline void kit_send_rtp(const char *src, const char *dst, uint8_t pt, uint16_t seq,
				uint32_t ssrc)
{
	struct addr s = kit_addr(src), d = kit_addr(dst);
	uint8_t p[KIT_PAYLOAD];

	kit_rtp(p, pt, seq, seq * 160U, ssrc);
	kit_receive(kit_udp(&s, &d, p, sizeof p), kit_port_of(&d));
}

static inline void kit_send_rtcp(const char *src, const char *dst, uint32_t ssrc)
{
	struct addr s = kit_addr(src), d = kit_addr(dst);
	uint8_t p[KIT_RTCP_LEN];

	kit_rtcp(p, ssrc);
	kit_receive(kit_udp(&s, &d, p, sizeof p), kit_port_of(&d));
}

/* The oldest frame that waits to leave through this port, or NULL. The caller frees it. */
static inline struct rte_mbuf *kit_sent(uint16_t port)
{
	struct tx_buffer *t = &kit.w->tx[port];
	struct rte_mbuf *m;

	if (!t->n)
		return NULL;
	m = t->m[0];
	memmove(t->m, t->m + 1, --t->n * sizeof t->m[0]);
	return m;
}

/* How many frames wait on this port; frees them. */
static inline unsigned kit_count_sent(uint16_t port)
{
	unsigned n = 0;
	struct rte_mbuf *m;

	for (; (m = kit_sent(port)); n++)
		rte_pktmbuf_free(m);
	return n;
}

/* A plain spec: PCMU and PCMA and telephone-event 101, both directions, sink a peer. remote may be NULL. */
static inline struct media_spec kit_spec(const char *local, const char *remote, uint32_t sink_id)
{
	struct media_spec s = {
		.local = kit_addr(local),
		.direction = MEDIA_RECV | MEDIA_SEND,
		.sink = MEDIA_SINK_PEER,
		.sink_id = sink_id,
		.n_pt = 3,
		.pt = {0, 8, 101},
		.pt_out = {0, 8, 101},
		.clock_rate = {8000, 8000, 8000},
	};

	if (remote)
		s.remote = kit_addr(remote);
	return s;
}

static inline int kit_set(uint32_t id, const struct media_spec *spec)
{
	struct dp_cmd cmd = {.type = DP_CMD_ENDPOINT_SET};

	cmd.msg.head = (struct media_head){
		.version = MEDIA_VERSION, .type = MEDIA_ENDPOINT_SET, .epoch = 1, .id = id};
	cmd.msg.spec = *spec;
	mailbox_execute(kit.w, &cmd, kit.now_us);
	return cmd.msg.head.status;
}

static inline int kit_del(uint32_t id, struct media_stat *stat)
{
	struct dp_cmd cmd = {.type = DP_CMD_ENDPOINT_DEL};

	cmd.msg.head.id = id;
	mailbox_execute(kit.w, &cmd, kit.now_us);
	if (stat)
		*stat = cmd.msg.stat;
	return cmd.msg.head.status;
}

static inline struct media_stat kit_stat(uint32_t id)
{
	struct dp_cmd cmd = {.type = DP_CMD_STATS};

	cmd.msg.head.id = id;
	mailbox_execute(kit.w, &cmd, kit.now_us);
	assert_int_equal(cmd.msg.head.status, 0);
	return cmd.msg.stat;
}

/* The MAC of every hop in the tests: 02:aa:<last four bytes of the address>. */
static inline void kit_learn(const char *ip, uint16_t port)
{
	struct dp_cmd cmd = {.type = DP_CMD_NEIGHBOUR};
	size_t at;

	cmd.neigh.ip = kit_addr(ip);
	cmd.neigh.port = port;
	at = cmd.neigh.ip.family == ADDR_V4 ? 0 : 12;
	cmd.neigh.mac[0] = 2;
	cmd.neigh.mac[1] = 0xaa;
	memcpy(cmd.neigh.mac + 2, cmd.neigh.ip.ip + at, 4);
	mailbox_execute(kit.w, &cmd, kit.now_us);
	assert_int_equal(cmd.msg.head.status, 0);
}

static inline uint64_t kit_drops(enum drop d)
{
	return kit.w->drop[d];
}

#endif
