/* The worker around the pipeline: turns over real (ring) ports, mailbox, dump and totals, timers, wake-ups; and its tables when
 * they are full. */
#include "dp_kit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <rte_ethdev.h>
#include <rte_eth_ring.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define US_A "198.51.100.1:20000"
#define US_B "10.0.0.1:30000"
#define A    "198.51.100.7:4000"
#define B    "10.0.0.7:5000"

static struct rte_ring *wire_in[2], *wire_out[2];

static int port_start(uint16_t port)
{
	struct rte_eth_conf conf = {0};

	if (rte_eth_dev_configure(port, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(port, 0, 64, 0, NULL, kit.pool) ||
	    rte_eth_tx_queue_setup(port, 0, 64, 0, NULL))
		return -1;
	return rte_eth_dev_start(port);
}

/* Drivers are EAL's plugins, not libraries that programs link. */
static int from_rings(const char *name, struct rte_ring **in, struct rte_ring **out)
{
	void *lib = dlopen("librte_net_ring.so", RTLD_NOW);
	void *sym = lib ? dlsym(lib, "rte_eth_from_rings") : NULL;
	__typeof__(&rte_eth_from_rings) make;

	if (!sym)
		return -1;
	memcpy(&make, &sym, sizeof make);
	return make(name, in, 1, out, 1, 0);
}

static int group_setup(void **state)
{
	static const char *const name[] = {"in0", "in1", "out0", "out1"};

	(void)state;
	if (kit_eal())
		return -1;
	for (unsigned i = 0; i < 2; i++) {
		int port;

		wire_in[i] = rte_ring_create(name[i], 128, SOCKET_ID_ANY, 0);
		wire_out[i] = rte_ring_create(name[i + 2], 32, SOCKET_ID_ANY, 0);
		port = from_rings(name[i], &wire_in[i], &wire_out[i]);
		if (port != (int)i || port_start((uint16_t)port))
			return -1;
	}
	return 0;
}

static int setup(void **state)
{
	if (kit_setup(state))
		return -1;
	kit.w->conf.n_port = 2;
	kit.w->conf.port[0] = 0;
	kit.w->conf.port[1] = 1;
	return 0;
}

static void call(void)
{
	struct media_spec a = kit_spec(US_A, A, 2), b = kit_spec(US_B, B, 1);

	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(2, &b), 0);
	kit_learn("198.51.100.7", 0);
	kit_learn("10.0.0.7", 1);
}

static void on_wire(const char *src, const char *dst, uint16_t seq)
{
	struct addr s = kit_addr(src), d = kit_addr(dst);
	uint8_t p[KIT_PAYLOAD];

	kit_rtp(p, 0, seq, seq * 160U, 1);
	assert_int_equal(rte_ring_enqueue(wire_in[kit_port_of(&d)], kit_udp(&s, &d, p, sizeof p)),
			 0);
}

static unsigned left_on(unsigned port)
{
	unsigned n = 0;
	void *m;

	for (; rte_ring_dequeue(wire_out[port], &m) == 0; n++)
		rte_pktmbuf_free(m);
	return n;
}

static struct media_totals totals(void)
{
	struct dp_cmd cmd = {.type = DP_CMD_STATS};

	cmd.msg.head.id = MEDIA_NONE;
	mailbox_execute(kit.w, &cmd, kit.now_us);
	return cmd.msg.totals;
}

static void turn_relays_both_ways(void **state)
{
	struct media_totals t;

	(void)state;
	call();
	for (uint16_t i = 0; i < 5; i++) {
		on_wire(A, US_A, i);
		on_wire(B, US_B, i);
	}
	assert_int_equal(dp_worker_turn(kit.w, kit.now_us), 10);
	assert_int_equal(left_on(0), 5);
	assert_int_equal(left_on(1), 5);
	assert_int_equal(dp_worker_turn(kit.w, kit.now_us), 0);
	t = totals();
	assert_int_equal(t.rx_packets, 10);
	assert_int_equal(t.tx_packets, 10);
	assert_int_equal(t.rx_bytes, 10 * (KIT_PAYLOAD + 42));
	assert_int_equal(t.tx_bytes, 10 * (KIT_PAYLOAD + 42));
	assert_int_equal(t.polls, 4);
	assert_int_equal(t.polls_empty, 2);
	assert_int_equal(t.endpoints, 2);
}

/* Good and bad packets in one burst: the good keep their order. */
static void mixed_burst(void **state)
{
	uint16_t want = 0;
	void *v;

	(void)state;
	call();
	for (uint16_t i = 0; i < 60; i++) {
		if (i % 3 == 1)
			on_wire(A, "198.51.100.1:20002", i);
		else if (i % 7 == 2)
			on_wire("198.51.100.66:4000", US_A, i);
		else
			on_wire(A, US_A, i);
	}
	for (unsigned turns = 0; turns < 2; turns++) {
		(void)dp_worker_turn(kit.w, kit.now_us);
		while (rte_ring_dequeue(wire_out[1], &v) == 0) {
			struct rte_mbuf *m = v;

			while (want % 3 == 1 || want % 7 == 2)
				want++;
			assert_int_equal(kit_get16(rte_pktmbuf_mtod_offset(m, uint8_t *, 44)),
					 want);
			want++;
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(want, 60);
	assert_int_equal(kit_drops(DROP_NO_ENDPOINT), 20);
	assert_int_equal(kit_stat(1).rx_packets + kit_drops(DROP_SOURCE), 40);
}

static void full_port_drops(void **state)
{
	(void)state;
	call();
	for (uint16_t i = 0; i < 64; i++)
		on_wire(A, US_A, i);
	(void)dp_worker_turn(kit.w, kit.now_us);
	(void)dp_worker_turn(kit.w, kit.now_us);
	assert_int_equal(left_on(1), 31);
	assert_int_equal(kit_drops(DROP_TX_FULL), 33);
	assert_int_equal(totals().tx_packets, 31);
}

static void slow_path_frames_leave(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(kit.pool), *bad = rte_pktmbuf_alloc(kit.pool);

	(void)state;
	(void)rte_pktmbuf_append(m, 60);
	m->port = 1;
	bad->port = DP_PORT_MAX;
	assert_int_equal(rte_ring_enqueue(kit.tx, m), 0);
	assert_int_equal(rte_ring_enqueue(kit.tx, bad), 0);
	(void)dp_worker_turn(kit.w, kit.now_us);
	assert_int_equal(left_on(1), 1);
}

static void wakes_once_a_turn(void **state)
{
	uint64_t n = 0;
	int fd = eventfd(0, EFD_NONBLOCK);

	(void)state;
	kit.w->conf.wake_fd = fd;
	call();
	(void)dp_worker_turn(kit.w, kit.now_us); /* wishes to resolve */
	assert_int_equal(read(fd, &n, sizeof n), sizeof n);
	(void)dp_worker_turn(kit.w, kit.now_us);
	assert_int_equal(read(fd, &n, sizeof n), -1);
	on_wire(A, US_A, 1);
	on_wire(B, US_B, 1); /* two events */
	(void)dp_worker_turn(kit.w, kit.now_us);
	assert_int_equal(read(fd, &n, sizeof n), sizeof n);
	assert_int_equal(n, 1);
	close(fd);
	assert_int_equal(left_on(0) + left_on(1), 2);
}

static void mailbox_answers_in_order(void **state)
{
	static struct dp_cmd cmd[40];
	void *p;

	(void)state;
	call();
	for (unsigned i = 0; i < 40; i++) {
		cmd[i].type = i % 2 ? DP_CMD_STATS : (enum dp_cmd_type)99;
		cmd[i].msg.head.id = 1 + i % 3;
		assert_int_equal(rte_ring_enqueue(kit.cmd, &cmd[i]), 0);
	}
	(void)dp_worker_turn(kit.w, kit.now_us);
	assert_int_equal(rte_ring_count(kit.reply), MAILBOX_TURN); /* bounded */
	assert_true(kit.w->commanded);
	while (!rte_ring_empty(kit.cmd))
		(void)dp_worker_turn(kit.w, kit.now_us);
	(void)dp_worker_turn(kit.w, kit.now_us);
	assert_false(kit.w->commanded);
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(rte_ring_dequeue(kit.reply, &p), 0);
		assert_ptr_equal(p, &cmd[i]);
		assert_int_equal(cmd[i].msg.head.status, i % 2 == 0   ? ERR_UNSUPPORTED
							 : i % 3 == 2 ? ERR_NOENT
								      : 0);
	}
}

static void full_reply_ring_holds_commands_back(void **state)
{
	static struct dp_cmd cmd[2] = {{.type = DP_CMD_STATS}, {.type = DP_CMD_STATS}};
	void *p;

	(void)state;
	while (rte_ring_enqueue(kit.reply, &cmd[0]) == 0)
		;
	assert_int_equal(rte_ring_enqueue(kit.cmd, &cmd[1]), 0);
	(void)dp_worker_turn(kit.w, kit.now_us);
	assert_int_equal(rte_ring_count(kit.cmd), 1);
	assert_int_equal(rte_ring_dequeue(kit.reply, &p), 0);
	(void)dp_worker_turn(kit.w, kit.now_us);
	assert_true(rte_ring_empty(kit.cmd));
	while (rte_ring_dequeue(kit.reply, &p) == 0)
		;
}

static void dump_walks_by_id(void **state)
{
	static const uint32_t id[] = {3, 70, MEDIA_ID_MAX - 1};
	struct dp_cmd cmd = {.type = DP_CMD_DUMP};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct media_spec s;

		(void)snprintf(text, sizeof text, "198.51.100.1:%u", 20000 + 2 * i);
		s = kit_spec(text, A, 0);
		s.call_id = 1000 + i;
		assert_int_equal(kit_set(id[i], &s), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		mailbox_execute(kit.w, &cmd, kit.now_us);
		assert_int_equal(cmd.msg.head.status, 0);
		assert_int_equal(cmd.msg.head.id, id[i]);
		assert_int_equal(cmd.msg.head.epoch, 1);
		assert_int_equal(cmd.msg.dump.spec.call_id, 1000 + i);
		assert_int_equal(cmd.msg.dump.stat.last_rx_ms, UINT64_MAX);
		cmd.msg.head.id++;
	}
	mailbox_execute(kit.w, &cmd, kit.now_us);
	assert_int_equal(cmd.msg.head.id, MEDIA_NONE);
}

static void controllers_are_kept_apart(void **state)
{
	struct dp_cmd cmd = {.type = DP_CMD_ENDPOINT_SET};

	(void)state;
	call();
	cmd.msg.head.id = 1;
	cmd.msg.head.controller = 5;
	cmd.msg.spec = kit_spec(US_A, A, 2);
	mailbox_execute(kit.w, &cmd, kit.now_us);
	assert_int_equal(cmd.msg.head.status, ERR_INUSE);
	cmd.type = DP_CMD_ENDPOINT_DEL;
	mailbox_execute(kit.w, &cmd, kit.now_us);
	assert_int_equal(cmd.msg.head.status, ERR_NOENT);
	/* Nor does one's packet leave through another's endpoint. */
	cmd.type = DP_CMD_ENDPOINT_SET;
	cmd.msg.head.id = 8;
	cmd.msg.spec = kit_spec("198.51.100.1:20100", A, 2);
	mailbox_execute(kit.w, &cmd, kit.now_us);
	assert_int_equal(cmd.msg.head.status, 0);
	kit_send_rtp(A, "198.51.100.1:20100", 0, 1, 1);
	assert_int_equal(kit_drops(DROP_NO_SINK), 1);
}

static void totals_name_the_drops(void **state)
{
	struct media_totals t;

	(void)state;
	kit_send_rtp(A, US_A, 0, 1, 1);
	t = totals();
	assert_int_equal(t.n_drop, DROP_COUNT);
	assert_int_equal(t.drop[DROP_NO_ENDPOINT], 1);
	assert_string_equal(t.drop_name[DROP_NO_ENDPOINT], "no_endpoint");
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		assert_true(strlen(drop_name((enum drop)i)) > 2);
		assert_true(strlen(drop_help((enum drop)i)) > 10);
	}
	assert_string_equal(drop_name(DROP_COUNT), "unknown");
}

/* Turns for this long, in steps of the sweep; returns the timeout events seen. */
static unsigned let_pass(uint32_t ms)
{
	struct media_msg ev;
	unsigned n = 0;

	for (; ms; ms--) {
		kit.now_us += 1000;
		(void)dp_worker_turn(kit.w, kit.now_us);
		while (kit_media_event(&ev))
			n += ev.head.type == MEDIA_EV_TIMEOUT;
	}
	return n;
}

static void silence_times_out_once(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 2), b = kit_spec(US_B, B, 1);

	(void)state;
	a.timeout_ms = 1000;
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(kit_set(2, &b), 0); /* 0: never */
	assert_int_equal(let_pass(990), 0);
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(let_pass(990), 0);
	kit_send_rtcp("198.51.100.7:4001", "198.51.100.1:20001", 1); /* RTCP is no RTP */
	kit_send_rtp("203.0.113.66:1", US_A, 0, 2, 1);               /* nor is a stranger's */
	assert_int_equal(let_pass(20), 1);
	assert_int_equal(let_pass(3000), 0);
	kit_send_rtp(A, US_A, 0, 2, 1);
	assert_int_equal(let_pass(3000), 0);
	assert_int_equal(kit_set(1, &a), 0); /* arms it again, from now */
	assert_int_equal(let_pass(990), 0);
	assert_int_equal(let_pass(20), 1);
}

static void timeout_waits_for_room(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 2);
	void *ev[64];
	unsigned n = 0;

	(void)state;
	a.timeout_ms = 100;
	assert_int_equal(kit_set(1, &a), 0);
	assert_int_equal(let_pass(1), 0);
	while (rte_mempool_get(kit.event_pool, &ev[n]) == 0)
		n++;
	assert_int_equal(let_pass(200), 0);
	rte_mempool_put_bulk(kit.event_pool, ev, n);
	assert_int_equal(let_pass(5), 1);
}

/* A silent call ends by its event alone, so the event waits with the endpoint while control takes none. */
static void no_timeout_is_lost_on_a_stuck_control(void **state)
{
	struct media_spec s;
	char text[ADDR_TEXT_MAX];
	unsigned queued;

	(void)state;
	kit_learn("198.51.100.7", 0);
	for (uint32_t i = 0; i < 100; i++) {
		(void)snprintf(text, sizeof text, "198.51.100.1:%u", 20000 + 2 * i);
		s = kit_spec(text, A, 0);
		s.timeout_ms = 100;
		assert_int_equal(kit_set(i, &s), 0);
	}
	for (unsigned ms = 0; ms < 200; ms++) {
		kit.now_us += 1000;
		(void)dp_worker_turn(kit.w, kit.now_us);
	}
	queued = rte_ring_count(kit.event);
	assert_int_equal(queued, rte_mempool_in_use_count(kit.event_pool));
	assert_true(rte_mempool_avail_count(kit.event_pool) >= 15);
	s = kit_spec(US_B, "10.0.0.9:5000", 0); /* a neighbour nobody knows */
	assert_int_equal(kit_set(200, &s), 0);
	assert_true(rte_ring_count(kit.event) > queued);
	assert_int_equal(let_pass(20), 100);
}

static void sweep_reaches_everybody(void **state)
{
	char text[ADDR_TEXT_MAX];
	unsigned n = 0;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct media_spec s;

		(void)snprintf(text, sizeof text, "198.51.100.1:%u", 20000 + 2 * i);
		s = kit_spec(text, A, 0);
		s.timeout_ms = 1000;
		assert_int_equal(kit_set(i * 7, &s), 0);
	}
	assert_int_equal(let_pass(998), 0);
	/* A slice a millisecond, and the event pool of this test has room for 48 of them. */
	n = let_pass(2000 / 48 * 8 + 20);
	assert_int_equal(n, 2000);
}

static void memory_is_used_again(void **state)
{
	struct media_spec a = kit_spec(US_A, A, 2);

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(kit_set(i, &a), 0);
		assert_int_equal(kit_del(i, NULL), 0);
	}
	assert_int_equal(kit.w->table.pool_high, 1);
	assert_int_equal(kit.w->table.n, 0);
	assert_int_equal(kit.w->hops.n, 1);
	assert_int_equal(kit.w->hops.hop[0].refs, 0);
	assert_int_equal(kit_set(5, &a), 0);
	assert_int_equal(kit_stat(5).rx_packets, 0);
}

static void full_neighbour_table(void **state)
{
	static struct nexthop *held[NEXTHOP_MAX];
	const uint8_t mac[6] = {2, 1};
	struct nexthop_table *t = &kit.w->hops;
	struct addr ip = kit_addr("10.0.0.0");

	(void)state;
	/* Entries that nobody holds make room ... */
	for (uint32_t i = 0; i < 3 * NEXTHOP_MAX; i++) {
		memcpy(ip.ip, &i, 4);
		assert_int_equal(nexthop_learn(t, &ip, 1, mac), 0);
	}
	/* ... held ones stay where they are. */
	for (uint32_t i = 0; i < NEXTHOP_MAX; i++) {
		memcpy(ip.ip, &i, 4);
		held[i] = nexthop_hold(t, &ip, 0);
		assert_non_null(held[i]);
	}
	assert_null(nexthop_hold(t, &ip, 7));
	assert_int_equal(nexthop_learn(t, &ip, 7, mac), ERR_FULL);
	for (uint32_t i = 0; i < NEXTHOP_MAX; i++) {
		memcpy(ip.ip, &i, 4);
		assert_true(addr_ip_eq(&held[i]->ip, &ip));
		assert_int_equal(nexthop_learn(t, &ip, 0, mac), 0);
		assert_true(held[i]->known);
	}
	nexthop_release(held[5]);
	nexthop_release(NULL);
	assert_ptr_equal(nexthop_hold(t, &ip, 7), held[5]);
}

static void neighbour_forgotten(void **state)
{
	struct dp_cmd cmd = {.type = DP_CMD_NEIGHBOUR, .neigh.port = 1};

	(void)state;
	call();
	kit_send_rtp(A, US_A, 0, 1, 1);
	assert_int_equal(kit_count_sent(1), 1);
	cmd.neigh.ip = kit_addr("10.0.0.7");
	mailbox_execute(kit.w, &cmd, kit.now_us);
	kit_send_rtp(A, US_A, 0, 2, 1);
	assert_int_equal(kit_drops(DROP_NEIGHBOUR), 1);
}

static void *set_true(void *stop)
{
	*(volatile bool *)stop = true;
	return NULL;
}

static void run_ends_when_told(void **state)
{
	volatile bool stop = true;
	pthread_t other;

	(void)state;
	kit.w->conf.adaptive = true;
	assert_int_equal(dp_worker_run(kit.w, &stop), 0);
	stop = false;
	assert_int_equal(pthread_create(&other, NULL, set_true, (void *)&stop), 0);
	assert_int_equal(dp_worker_run(kit.w, &stop), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
}

static void bad_configurations(void **state)
{
	struct dp_local l = {.port = DP_PORT_MAX};
	struct dp_worker_conf conf = {.n_port = 1, .port = {DP_PORT_MAX}};

	(void)state;
	assert_null(dp_worker_create(&conf));
	conf = (struct dp_worker_conf){.local = &l, .n_local = 1};
	assert_null(dp_worker_create(&conf));
	conf = (struct dp_worker_conf){.n_local = DP_LOCAL_MAX + 1};
	assert_null(dp_worker_create(&conf));
	dp_worker_destroy(NULL);
}

static void many_addresses(void **state)
{
	struct dp_local *l = calloc(DP_LOCAL_MAX, sizeof *l);
	struct dp_worker_conf conf = {.local = l, .n_local = DP_LOCAL_MAX, .wake_fd = -1};
	struct dp_worker *w;
	struct addr other;

	(void)state;
	assert_non_null(l);
	for (unsigned i = 0; i < DP_LOCAL_MAX; i++) {
		char text[ADDR_TEXT_MAX];

		(void)snprintf(text, sizeof text, i % 2 ? "10.0.%u.1" : "2001:db8::%x:1", i);
		l[i].ip = kit_addr(text);
	}
	w = dp_worker_create(&conf);
	assert_non_null(w);
	for (unsigned i = 0; i < DP_LOCAL_MAX; i++)
		assert_int_equal(worker_local(w, l[i].ip.family, l[i].ip.ip)->index, i + 1);
	other = kit_addr("10.0.0.1");
	assert_null(worker_local(w, ADDR_V4, other.ip));
	dp_worker_destroy(w);
	free(l);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, kit_teardown)
	const struct CMUnitTest tests[] = {
		T(turn_relays_both_ways),
		T(mixed_burst),
		T(full_port_drops),
		T(slow_path_frames_leave),
		T(wakes_once_a_turn),
		T(mailbox_answers_in_order),
		T(full_reply_ring_holds_commands_back),
		T(dump_walks_by_id),
		T(controllers_are_kept_apart),
		T(totals_name_the_drops),
		T(silence_times_out_once),
		T(timeout_waits_for_room),
		T(no_timeout_is_lost_on_a_stuck_control),
		T(sweep_reaches_everybody),
		T(memory_is_used_again),
		T(full_neighbour_table),
		T(neighbour_forgotten),
		T(run_ends_when_told),
		T(bad_configurations),
		T(many_addresses),
	};

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
