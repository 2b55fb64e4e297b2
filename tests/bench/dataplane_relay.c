/* What a packet costs in the relay pipeline, by stage, and what it costs to drop one: nanoseconds on one core, bursts of 32, 160
 * bytes of payload, endpoints in random order. Ports are left out: frames are built beforehand, 32 bursts at a time, so that
 * they come from the second or third cache as they do from a NIC; building and freeing are not measured. Figures are medians
 * over bursts, since a machine that does other things would spoil a mean. Asserts nothing about time. */
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_prefetch.h>

#include "cksum.h"
#include "stage.h"

#define LOCALS     16
#define ROUND      32 /* bursts built at once */
#define BURSTS     16000
#define PAYLOAD    172
#define FRAME      (42 + PAYLOAD)
#define COLUMNS    8
#define FIRST_PORT 1024

enum { COL_RX, COL_CLASSIFY, COL_LOOKUP, COL_PARSE, COL_LATCH, COL_MEASURE, COL_REWRITE, COL_SUM };

static struct rte_mempool *pool;
static struct dp_worker *w;
static struct dp_local local[LOCALS];
static uint16_t *seq; /* by endpoint */
static uint32_t cycles[COLUMNS][BURSTS];
static uint64_t rng = 88172645463325252ULL;

static uint64_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static struct addr v4(uint32_t ip, uint16_t port)
{
	struct addr a = {.family = ADDR_V4, .port = port};

	for (unsigned i = 0; i < 4; i++)
		a.ip[i] = (uint8_t)(ip >> (24 - 8 * i));
	return a;
}

/* Endpoint i: our address and port, its far end. Ends 2k and 2k + 1 are a call. */
static struct addr ours(uint32_t i)
{
	return v4(0x0a000001 + i % LOCALS, (uint16_t)(FIRST_PORT + i / LOCALS * 2));
}

static struct addr theirs(uint32_t i)
{
	return v4(0x0b000000 + i, 4000);
}

static int add_endpoints(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct media_msg m = {.head = {.id = i}};

		m.spec = (struct media_spec){
			.local = ours(i),
			.remote = theirs(i),
			.direction = MEDIA_RECV | MEDIA_SEND,
			.sink = MEDIA_SINK_PEER,
			.sink_id = i ^ 1,
			.n_pt = 2,
			.pt = {8, 101},
			.pt_out = {8, 101},
			.clock_rate = {8000, 8000},
		};
		if (endpoint_set(w, &m, 1))
			return -1;
	}
	return 0;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_sum(uint8_t *p, uint64_t sum)
{
	uint16_t v = (uint16_t)~cksum_fold(sum);

	memcpy(p, &v, 2);
}

static void build(struct rte_mbuf *m, const struct addr *src, const struct addr *dst, uint16_t n)
{
	uint8_t *f = rte_pktmbuf_mtod(m, uint8_t *), *ip = f + 14, *udp = f + 34;
	uint8_t proto[2] = {0, 17};

	m->data_len = FRAME;
	m->pkt_len = FRAME;
	memset(f, 0, 54);
	f[0] = 2;
	put16(f + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, FRAME - 14);
	ip[8] = 60;
	ip[9] = 17;
	memcpy(ip + 12, src->ip, 4);
	memcpy(ip + 16, dst->ip, 4);
	put_sum(ip + 10, cksum_add(ip, 20));
	put16(udp, src->port);
	put16(udp + 2, dst->port);
	put16(udp + 4, PAYLOAD + 8);
	memset(udp + 20, n & 0xff, PAYLOAD - 12);
	udp[8] = 0x80;
	udp[9] = 8;
	put16(udp + 10, n);
	put16(udp + 14, n * 160U);
	put_sum(udp + 6, cksum_add(ip + 12, 8) + cksum_add(proto, 2) + cksum_add(udp + 4, 2) +
				 cksum_add(udp, PAYLOAD + 8));
}

enum load { LOAD_RELAY, LOAD_NO_ENDPOINT, LOAD_SOURCE, LOAD_NOT_OURS };

static struct rte_mbuf *make(enum load load, uint32_t i)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct addr src = theirs(i), dst = ours(i);

	if (!m)
		abort();
	if (load == LOAD_NO_ENDPOINT)
		dst.port = (uint16_t)(60000 + i % 2000 * 2);
	else if (load == LOAD_SOURCE)
		src = v4(0xcb007142, 4000);
	else if (load == LOAD_NOT_OURS)
		dst = v4(0x0a000064, dst.port);
	build(m, &src, &dst, load == LOAD_RELAY ? ++seq[i] : 1);
	return m;
}

/* All stages over one burst; the time of each goes to its column. */
static void run(struct dp_burst *b, uint32_t at)
{
	static void (*const stage[])(struct dp_worker *, struct dp_burst *) = {
		[COL_CLASSIFY] = stage_classify, [COL_LOOKUP] = stage_lookup,
		[COL_PARSE] = stage_parse,       [COL_LATCH] = stage_latch,
		[COL_MEASURE] = stage_measure,   [COL_REWRITE] = stage_rewrite,
	};
	uint64_t begin = rte_rdtsc_precise(), t = begin, u;

	/* As stage_rx does it; the port would have the mbufs in its cache. */
	for (uint16_t i = 0; i < b->n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(b->pkt[i].m, void *));
		w->rx_bytes += b->pkt[i].m->pkt_len;
	}
	for (unsigned c = COL_CLASSIFY; c < COL_SUM; c++) {
		u = rte_rdtsc();
		cycles[c - 1][at] = (uint32_t)(u - t);
		t = u;
		stage[c](w, b);
	}
	u = rte_rdtsc_precise();
	cycles[COL_REWRITE][at] = (uint32_t)(u - t);
	cycles[COL_SUM][at] = (uint32_t)(u - begin);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double median_ns(uint32_t *c, uint32_t n)
{
	uint32_t middle;

	qsort(c, n, sizeof *c, by_value);
	middle = c[n / 2];
	return (double)middle * 1e9 / (double)rte_get_tsc_hz() / BURST_MAX;
}

static void measure(const char *what, enum load load, uint32_t endpoints, uint32_t bursts)
{
	static struct rte_mbuf *m[ROUND][BURST_MAX];
	static struct dp_burst b;
	uint64_t now_us = 1000000;

	for (uint32_t at = 0; at < bursts; at += ROUND) {
		for (unsigned r = 0; r < ROUND; r++) {
			for (unsigned i = 0; i < BURST_MAX; i++)
				m[r][i] = make(load, (uint32_t)(next_random() % endpoints));
		}
		for (unsigned r = 0; r < ROUND; r++) {
			b.n = BURST_MAX;
			b.port = 0;
			b.now_us = now_us += 20;
			for (unsigned i = 0; i < BURST_MAX; i++)
				b.pkt[i].m = m[r][i];
			run(&b, at + r);
			if ((load == LOAD_RELAY) != (b.n == BURST_MAX)) {
				printf("%s: %u packets left the pipeline\n", what, b.n);
				exit(1);
			}
			for (unsigned i = 0; i < b.n; i++)
				rte_pktmbuf_free(b.pkt[i].m);
		}
	}
	printf("%-24s %9u", what, endpoints);
	for (unsigned c = 0; c < COLUMNS; c++)
		printf(" %8.1f", median_ns(cycles[c], bursts));
	printf("\n");
}

static int lock_all(uint32_t from, uint32_t to)
{
	static struct dp_burst b;

	for (uint32_t i = from; i < to; i++) {
		b.n = 1;
		b.now_us = 500000;
		b.pkt[0].m = make(LOAD_RELAY, i);
		run(&b, 0);
		if (b.n != 1)
			return -1;
		rte_pktmbuf_free(b.pkt[0].m);
	}
	return 0;
}

static int start(void)
{
	static char args[][24] = {"bench",
				  "--no-huge",
				  "-m",
				  "64",
				  "--no-pci",
				  "--no-telemetry",
				  "-l",
				  "0",
				  "--iova-mode=va",
				  "--no-shconf",
				  "--log-level=error"};
	char *argv[sizeof args / sizeof args[0] + 1] = {NULL};
	struct dp_worker_conf conf = {.local = local, .n_local = LOCALS, .wake_fd = -1};
	const uint8_t mac[6] = {2, 2};
	struct addr gateway = v4(0x0a0000fe, 0);

	for (size_t i = 0; i < sizeof args / sizeof args[0]; i++)
		argv[i] = args[i];
	if (rte_eal_init((int)(sizeof args / sizeof args[0]), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("packets", 2047, 256, 0, 2048, SOCKET_ID_ANY);
	for (uint32_t i = 0; i < LOCALS; i++) {
		local[i].ip = v4(0x0a000001 + i, 0);
		local[i].subnet = (struct prefix){.base = v4(0x0a000000, 0), .len_bits = 24};
		local[i].gateway = gateway;
		local[i].mac[0] = 2;
	}
	w = dp_worker_create(&conf);
	seq = calloc(MEDIA_ID_MAX, sizeof *seq);
	if (!pool || !w || !seq)
		return -1;
	return nexthop_learn(&w->hops, &gateway, 0, mac);
}

int main(void)
{
	static const uint32_t sizes[] = {100, 10000, 100000};
	uint32_t have = 0;

	if (start()) {
		printf("DPDK's environment or the worker did not start\n");
		return 1;
	}
	printf("relay pipeline, ns per packet, burst %u, %u bytes of RTP, one core\n\n", BURST_MAX,
	       PAYLOAD);
	printf("%-24s %9s %8s %8s %8s %8s %8s %8s %8s %8s\n", "work", "endpoints", "rx", "classify",
	       "lookup", "parse", "latch", "measure", "rewrite", "sum");
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		if (add_endpoints(have, sizes[i]) || lock_all(have, sizes[i])) {
			printf("endpoints could not be made\n");
			return 1;
		}
		have = sizes[i];
		measure("relay RTP to RTP", LOAD_RELAY, have, BURSTS);
		measure("drop: unknown port", LOAD_NO_ENDPOINT, have, BURSTS / 4);
		measure("drop: denied source", LOAD_SOURCE, have, BURSTS / 4);
		measure("drop: not our address", LOAD_NOT_OURS, have, BURSTS / 4);
	}
	printf("\nmemory per endpoint: %zu bytes, and %zu in the tables\n",
	       sizeof(struct dp_endpoint), 2 * sizeof(uint32_t));
	return 0;
}
