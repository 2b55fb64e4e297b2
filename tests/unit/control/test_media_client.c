/* media_client against a dataplane of the test's own on a real socket: ports wait for the first link, everything is said again
 * after a lost one, orphans keep their ids and ports until they are swept, every question gets its one answer. Loop and
 * wheel are turned by hand; nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/mem.h"
#include "media/media_chan.h"
#include "media_client.h"

enum { IDS = 4096, LOG = 8192, TURNS = 200 };

/* The dataplane: holds what it is told, remembers what it heard. */
static struct {
	char dir[64], path[80];
	int listener, fd;
	bool deaf;   /* does not read */
	bool silent; /* reads and does not answer */
	uint32_t workers, endpoints_max;
	int32_t hello_status, set_status;
	uint32_t hello_epoch; /* in a refusal */
	bool has[IDS];
	uint32_t controller[IDS];
	struct media_spec spec[IDS];
	struct {
		uint16_t type;
		uint32_t id, epoch;
	} heard[LOG];
	size_t n_heard;
} dp;

/* What the client's user was told. */
static struct {
	int up, down, latched, timeout;
	int final, final_null;
	uint64_t final_call;
	uint64_t event_call;
	uint32_t final_id;
	int stat, stat_null, totals, totals_null;
	uint64_t stat_rx;
} got;

static uv_loop_t loop;
static struct timer_wheel wheel;
static struct media_client *client;
static int64_t live_before;

static struct conf_interface interface = {
	.address = {{.ip = {192, 0, 2, 1}, .family = ADDR_V4},
		    {.ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, .family = ADDR_V6}},
	.n_address = 2,
};
static struct conf_interface v4_only = {
	.address = {{.ip = {192, 0, 2, 2}, .family = ADDR_V4}},
	.n_address = 1,
};
static struct conf_media_pool pools[] = {
	{.interface = &interface, .port_first = 20000, .port_last = 20019, .quarantine_ms = 1000},
	{.interface = &v4_only, .port_first = 30000, .port_last = 30399, .quarantine_ms = 0},
};
static struct conf conf = {.media_pool = pools, .n_media_pool = 2};

static void on_link(void *ctx, bool up)
{
	(void)ctx;
	if (up)
		got.up++;
	else
		got.down++;
}

static void on_latched(void *ctx, uint64_t call_id, uint32_t id, const struct media_stat *s)
{
	(void)ctx;
	(void)id;
	assert_non_null(s);
	got.latched++;
	got.event_call = call_id;
}

static void on_timeout(void *ctx, uint64_t call_id, uint32_t id, const struct media_stat *s)
{
	(void)ctx;
	assert_non_null(s);
	got.timeout++;
	got.event_call = call_id;
	media_endpoint_del(client, id); /* as a call does */
}

static void on_final(void *ctx, uint64_t call_id, uint32_t id, const struct media_stat *s)
{
	(void)ctx;
	got.final++;
	got.final_null += s == NULL;
	got.final_call = call_id;
	got.final_id = id;
}

static void on_stat(void *ctx, uint32_t id, const struct media_stat *s)
{
	(void)ctx;
	(void)id;
	got.stat++;
	got.stat_null += s == NULL;
	got.stat_rx = s ? s->rx_packets : 0;
}

static void on_totals(void *ctx, const struct media_totals *t)
{
	(void)ctx;
	got.totals++;
	got.totals_null += t == NULL;
	if (t)
		assert_int_equal(t->rx_packets, 77);
}

static const struct media_client_user user = {
	.link = on_link,
	.latched = on_latched,
	.timeout = on_timeout,
	.final_stat = on_final,
};

/* ---- the dataplane ---- */

static void dp_send(struct media_msg *m)
{
	if (dp.fd >= 0 && !dp.silent)
		(void)!media_chan_send(dp.fd, m);
}

static struct media_msg reply_to(const struct media_msg *m, int32_t status)
{
	struct media_msg r = {.head = m->head};

	r.head.type = (uint16_t)(r.head.type | MEDIA_REPLY);
	r.head.status = status;
	return r;
}

static void dp_hello(const struct media_msg *m)
{
	struct media_msg r = reply_to(m, dp.hello_status);

	r.hello.workers = dp.workers;
	r.hello.endpoints_max = dp.endpoints_max;
	if (dp.hello_status)
		r.head.epoch = dp.hello_epoch;
	dp_send(&r);
}

static void dp_dump(const struct media_msg *m)
{
	struct media_msg r = reply_to(m, 0);

	for (uint32_t id = m->head.id; id < IDS; id++) {
		if (!dp.has[id])
			continue;
		r.head.id = id;
		r.head.controller = dp.controller[id];
		r.dump.spec = dp.spec[id];
		dp_send(&r);
	}
	r.head.id = MEDIA_NONE;
	r.head.controller = 0;
	dp_send(&r);
}

static void dp_handle(const struct media_msg *m)
{
	uint32_t id = m->head.id;
	struct media_msg r;

	assert_true(dp.n_heard < LOG);
	dp.heard[dp.n_heard].type = m->head.type;
	dp.heard[dp.n_heard].epoch = m->head.epoch;
	dp.heard[dp.n_heard++].id = id;
	switch (m->head.type) {
	case MEDIA_HELLO:
		dp_hello(m);
		return;
	case MEDIA_DUMP:
		dp_dump(m);
		return;
	case MEDIA_ENDPOINT_SET:
		assert_true(id < IDS);
		r = reply_to(m, dp.set_status);
		dp.has[id] = true;
		dp.spec[id] = m->spec;
		break;
	case MEDIA_ENDPOINT_DEL:
		r = reply_to(m, dp.has[id] ? 0 : ERR_NOENT);
		r.stat.rx_packets = 1000 + id;
		dp.has[id] = false;
		break;
	case MEDIA_STATS:
		r = reply_to(m, id == MEDIA_NONE || dp.has[id] ? 0 : ERR_NOENT);
		if (id == MEDIA_NONE)
			r.totals.rx_packets = 77;
		else
			r.stat.rx_packets = 500 + id;
		break;
	default:
		fail();
		return;
	}
	dp_send(&r);
}

static void dp_turn(void)
{
	struct media_msg m;

	if (dp.fd < 0 && dp.listener >= 0)
		dp.fd = media_chan_accept(dp.listener);
	while (dp.fd >= 0 && !dp.deaf) {
		int err = media_chan_recv(dp.fd, &m);

		if (err == ERR_AGAIN)
			return;
		if (err) {
			close(dp.fd);
			dp.fd = -1;
			return;
		}
		dp_handle(&m);
	}
}

static void dp_hang_up(void)
{
	if (dp.fd >= 0)
		close(dp.fd);
	dp.fd = -1;
}

static void dp_stop(void)
{
	dp_hang_up();
	close(dp.listener);
	dp.listener = -1;
}

static void dp_start(void)
{
	dp.listener = media_chan_listen(dp.path);
	assert_true(dp.listener >= 0);
}

static void dp_event(uint16_t type, uint32_t id)
{
	struct media_msg m = {.head = {.version = MEDIA_VERSION, .type = type, .id = id}};

	dp_send(&m);
}

static size_t heard(uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < dp.n_heard; i++)
		n += dp.heard[i].type == type;
	return n;
}

/* ---- the test's own ---- */

/* Some turns of everything, without time passing. */
static void turn(void)
{
	for (int i = 0; i < 8; i++) {
		timer_wheel_advance(&wheel, wheel.now_ms);
		uv_run(&loop, UV_RUN_NOWAIT);
		dp_turn();
	}
}

static void pass(uint64_t ms)
{
	timer_wheel_advance(&wheel, wheel.now_ms + ms);
	turn();
}

static int setup(void **state)
{
	(void)state;
	live_before = mem_live();
	memset(&dp, 0, sizeof(dp));
	memset(&got, 0, sizeof(got));
	dp.fd = -1;
	dp.workers = 1;
	dp.endpoints_max = 1000;
	snprintf(dp.dir, sizeof(dp.dir), "/tmp/test-media-client-XXXXXX");
	assert_non_null(mkdtemp(dp.dir));
	snprintf(dp.path, sizeof(dp.path), "%s/media.sock", dp.dir);
	dp_start();
	assert_int_equal(uv_loop_init(&loop), 0);
	timer_wheel_init(&wheel, 1000);
	client = NULL;
	log_set_level(LOG_ERROR);
	return 0;
}

static int start(void)
{
	struct media_client_conf c = {
		.loop = &loop,
		.wheel = &wheel,
		.conf = &conf,
		.user = &user,
		.socket_path = str_c(dp.path),
	};

	return media_client_create(&c, &client);
}

static void stop(void)
{
	media_client_destroy(client);
	client = NULL;
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static int teardown(void **state)
{
	(void)state;
	stop();
	dp_hang_up();
	if (dp.listener >= 0)
		close(dp.listener);
	unlink(dp.path);
	rmdir(dp.dir);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(wheel.count, 0);
	assert_int_equal(mem_live(), live_before);
	return 0;
}

static void start_up(void)
{
	assert_int_equal(start(), 0);
	turn();
	assert_true(media_client_up(client));
	assert_int_equal(got.up, 1);
}

static struct media_spec spec_on(uint16_t port, uint64_t call_id)
{
	return (struct media_spec){
		.local = {.ip = {192, 0, 2, 2}, .family = ADDR_V4, .port = port},
		.call_id = call_id,
		.direction = MEDIA_RECV | MEDIA_SEND,
	};
}

/* An endpoint of the second pool, set. */
static uint32_t endpoint(uint64_t call_id)
{
	struct media_spec spec = spec_on(0, call_id);
	uint32_t id = MEDIA_NONE;

	assert_int_equal(
		media_port_alloc(client, &pools[1], ADDR_V4, call_id, wheel.now_ms, &spec.local),
		0);
	assert_int_equal(media_endpoint_new(client, &id), 0);
	assert_int_equal(media_endpoint_set(client, id, &spec), 0);
	return id;
}

static void nothing_is_given_out_before_the_dataplane_is_known(void **state)
{
	struct addr a;
	uint32_t id;

	(void)state;
	assert_int_equal(start(), 0);
	assert_false(media_client_up(client));
	assert_int_equal(media_port_alloc(client, &pools[0], ADDR_V4, 1, 0, &a), ERR_AGAIN);
	assert_int_equal(media_endpoint_new(client, &id), ERR_AGAIN);
	assert_int_equal(media_client_totals(client, on_totals, NULL), ERR_CLOSED);
	turn();
	assert_int_equal(got.up, 1);
	assert_int_equal(heard(MEDIA_HELLO), 1);
	assert_int_equal(heard(MEDIA_DUMP), 1);
	assert_int_equal(media_endpoint_new(client, &id), 0);
}

static void ports_come_from_the_pool_and_family(void **state)
{
	struct addr a, b;
	char text[ADDR_TEXT_MAX];

	(void)state;
	start_up();
	assert_int_equal(media_port_alloc(client, &pools[0], ADDR_V4, 1, 0, &a), 0);
	assert_string_equal(addr_ip_text(&a, text), "192.0.2.1");
	assert_in_range(a.port, 20000, 20018);
	assert_int_equal(media_port_alloc(client, &pools[0], ADDR_V6, 1, 0, &b), 0);
	assert_string_equal(addr_ip_text(&b, text), "2001:db8::1");
	assert_int_equal(media_port_used(client, &pools[0]), 2);
	assert_int_equal(media_port_used(client, &pools[1]), 0);
	assert_int_equal(media_port_alloc(client, &pools[1], ADDR_V6, 1, 0, &b), ERR_NOENT);
	for (int i = 1; i < 10; i++)
		assert_int_equal(media_port_alloc(client, &pools[0], ADDR_V4, 1, 0, &b), 0);
	assert_int_equal(media_port_alloc(client, &pools[0], ADDR_V4, 1, 0, &b), ERR_FULL);
	media_port_free(client, &pools[0], &a, 0);
	assert_int_equal(media_port_alloc(client, &pools[0], ADDR_V4, 1, 999, &b), ERR_FULL);
	assert_int_equal(media_port_alloc(client, &pools[0], ADDR_V4, 1, 1000, &b), 0);
	assert_true(addr_eq(&a, &b));
}

static void both_legs_of_a_call_are_of_one_class(void **state)
{
	(void)state;
	dp.workers = 4;
	start_up();
	for (uint64_t call = 1; call < 20; call++) {
		struct addr a, b;

		assert_int_equal(media_port_alloc(client, &pools[1], ADDR_V4, call, 0, &a), 0);
		assert_int_equal(media_port_alloc(client, &pools[1], ADDR_V4, call, 0, &b), 0);
		assert_int_equal((a.port >> 1) % 4, (b.port >> 1) % 4);
		media_port_free(client, &pools[1], &a, 0);
		media_port_free(client, &pools[1], &b, 0);
	}
}

static void endpoints_are_set_changed_and_deleted(void **state)
{
	struct media_spec spec;
	uint32_t id, next;

	(void)state;
	start_up();
	id = endpoint(42);
	turn();
	assert_true(dp.has[id]);
	assert_int_equal(dp.spec[id].call_id, 42);
	spec = dp.spec[id];
	spec.direction = MEDIA_RECV;
	assert_int_equal(media_endpoint_set(client, id, &spec), 0);
	turn();
	assert_int_equal(dp.spec[id].direction, MEDIA_RECV);
	media_endpoint_del(client, id);
	media_endpoint_del(client, id);
	assert_int_equal(media_endpoint_set(client, id, &spec), ERR_NOENT);
	assert_int_equal(media_endpoint_stat(client, id, on_stat, NULL), ERR_NOENT);
	/* Not free before the answer. */
	assert_int_equal(media_endpoint_new(client, &next), 0);
	assert_int_not_equal(next, id);
	assert_int_equal(got.final, 0);
	turn();
	assert_int_equal(got.final, 1);
	assert_int_equal(got.final_null, 0);
	assert_int_equal(got.final_call, 42);
	assert_int_equal(got.final_id, id);
	assert_int_equal(heard(MEDIA_ENDPOINT_DEL), 1);
	media_endpoint_del(client, next); /* never set */
	media_endpoint_del(client, 4000); /* never was */
	turn();
	assert_int_equal(got.final, 1);
	assert_int_equal(heard(MEDIA_ENDPOINT_DEL), 1);
	spec.local.port = 20001;
	assert_int_equal(media_endpoint_new(client, &id), 0);
	assert_int_equal(media_endpoint_set(client, id, &spec), ERR_RANGE);
}

static void the_dataplanes_size_bounds_the_ids(void **state)
{
	uint32_t id;

	(void)state;
	dp.endpoints_max = 3;
	start_up();
	for (int i = 0; i < 3; i++)
		assert_int_equal(media_endpoint_new(client, &id), 0);
	assert_int_equal(media_endpoint_new(client, &id), ERR_FULL);
	media_endpoint_del(client, id);
	assert_int_equal(media_endpoint_new(client, &id), 0);
}

static void events_find_their_call(void **state)
{
	uint32_t id;

	(void)state;
	start_up();
	id = endpoint(9);
	turn();
	dp_event(MEDIA_EV_LATCHED, id);
	dp_event(MEDIA_EV_LATCHED, id + 1); /* nobody's */
	dp_event(MEDIA_EV_FAULT, id);
	turn();
	assert_int_equal(got.latched, 1);
	assert_int_equal(got.event_call, 9);
	dp_event(MEDIA_EV_TIMEOUT, id);
	dp_event(MEDIA_EV_TIMEOUT, id); /* is being deleted by now */
	turn();
	assert_int_equal(got.timeout, 1);
	assert_int_equal(got.final, 1);
	assert_true(media_client_up(client));
}

static void questions_are_answered(void **state)
{
	uint32_t id;

	(void)state;
	start_up();
	id = endpoint(1);
	assert_int_equal(media_endpoint_stat(client, id, on_stat, NULL), 0);
	assert_int_equal(media_client_totals(client, on_totals, NULL), 0);
	assert_int_equal(got.stat, 0);
	turn();
	assert_int_equal(got.stat, 1);
	assert_int_equal(got.stat_rx, 500 + id);
	assert_int_equal(got.totals, 1);
	dp.has[id] = false;
	assert_int_equal(media_endpoint_stat(client, id, on_stat, NULL), 0);
	turn();
	assert_int_equal(got.stat, 2);
	assert_int_equal(got.stat_null, 1);
	assert_int_equal(media_endpoint_stat(client, 999, on_stat, NULL), ERR_NOENT);
}

static void answered_questions_make_room_for_others(void **state)
{
	(void)state;
	start_up();
	for (int i = 0; i < 5000; i++) {
		assert_int_equal(media_client_totals(client, on_totals, NULL), 0);
		dp.n_heard = 0;
		dp_turn();
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(got.totals, 5000);
	assert_int_equal(got.totals_null, 0);
}

static void no_question_is_forgotten_when_the_link_drops(void **state)
{
	uint32_t id;
	int asked = 0;

	(void)state;
	start_up();
	id = endpoint(1);
	turn();
	dp.deaf = true;
	/* More than may be on their way at once: some are sent, some are not. */
	while (asked < 4095 && !media_endpoint_stat(client, id, on_stat, NULL))
		asked++;
	assert_int_equal(media_client_totals(client, on_totals, NULL), 0);
	assert_int_equal(asked, 4095);
	assert_int_equal(media_client_totals(client, on_totals, NULL), ERR_FULL);
	turn();
	assert_int_equal(got.stat, 0);
	dp_hang_up();
	turn();
	assert_int_equal(got.down, 1);
	assert_int_equal(got.stat, asked);
	assert_int_equal(got.stat_null, asked);
	assert_int_equal(got.totals_null, 1);
	dp.deaf = false;
	pass(100);
	assert_int_equal(got.up, 2);
	assert_int_equal(media_endpoint_stat(client, id, on_stat, NULL), 0);
	turn();
	assert_int_equal(got.stat_null, asked);
}

static void a_destroyed_client_answers_its_questions(void **state)
{
	(void)state;
	start_up();
	dp.deaf = true;
	assert_int_equal(media_client_totals(client, on_totals, NULL), 0);
	(void)endpoint(1);
	stop();
	assert_int_equal(got.totals_null, 1);
	assert_int_equal(got.final, 0);
}

static void everything_is_said_again_in_order(void **state)
{
	uint32_t id[5], fresh;
	size_t before;

	(void)state;
	start_up();
	for (uint64_t i = 0; i < 5; i++)
		id[i] = endpoint(i);
	turn();
	dp_stop();
	turn();
	assert_int_equal(got.down, 1);
	assert_false(media_client_up(client));
	/* Life goes on without it. */
	media_endpoint_del(client, id[3]);
	fresh = endpoint(9);
	assert_int_not_equal(fresh, id[3]);
	for (int i = 0; i < 20; i++)
		pass(100);
	assert_int_equal(got.final, 1); /* nobody there to ask */
	assert_int_equal(got.final_null, 1);
	memset(dp.has, 0, sizeof(dp.has));
	dp_start();
	before = dp.n_heard;
	pass(99);
	pass(100);
	assert_int_equal(got.up, 2);
	assert_int_equal(dp.n_heard - before, 7);
	assert_int_equal(dp.heard[before].type, MEDIA_HELLO);
	assert_int_equal(dp.heard[before + 1].type, MEDIA_ENDPOINT_DEL);
	assert_int_equal(dp.heard[before + 1].id, id[3]);
	assert_int_equal(dp.heard[before + 2].id, id[0]);
	assert_int_equal(dp.heard[before + 3].id, id[1]);
	assert_int_equal(dp.heard[before + 4].id, id[2]);
	assert_int_equal(dp.heard[before + 5].id, id[4]);
	assert_int_equal(dp.heard[before + 6].id, fresh);
	assert_int_equal(dp.heard[before].epoch, dp.heard[0].epoch);
	assert_int_equal(got.final, 1);
	assert_int_equal(heard(MEDIA_DUMP), 1);
}

/* The socket broke, the dataplane lives: figures of what was deleted meanwhile are still to be had. */
static void a_short_gap_loses_no_figures(void **state)
{
	uint32_t id;

	(void)state;
	start_up();
	id = endpoint(5);
	turn();
	dp.deaf = true;
	media_endpoint_del(client, id);
	dp_hang_up();
	turn();
	dp.deaf = false;
	assert_int_equal(got.final, 0);
	pass(100);
	assert_int_equal(got.final, 1);
	assert_int_equal(got.final_null, 0);
	assert_false(dp.has[id]);
}

/* There it is again, but it does not speak: nobody waits for figures longer than for its HELLO. */
static void a_mute_dataplane_keeps_no_call_waiting(void **state)
{
	uint32_t id;

	(void)state;
	start_up();
	id = endpoint(5);
	turn();
	dp_hang_up();
	dp.silent = true;
	turn();
	pass(100);
	media_endpoint_del(client, id);
	for (int i = 0; i < 49; i++)
		pass(100);
	assert_int_equal(got.final, 0);
	pass(100);
	assert_int_equal(got.final, 1);
	assert_int_equal(got.final_null, 1);
	dp.silent = false;
	pass(100);
	assert_false(dp.has[id]);
	assert_int_equal(got.final, 1);
}

static void a_hung_dataplane_is_noticed(void **state)
{
	uint32_t id;
	size_t hellos;

	(void)state;
	start_up();
	id = endpoint(5);
	turn();
	hellos = heard(MEDIA_HELLO);
	for (int i = 0; i < 60; i++)
		pass(1000);
	assert_int_equal(got.down, 0);
	assert_in_range(heard(MEDIA_HELLO) - hellos, 20, 40); /* it was asked now and then */
	assert_int_equal(heard(MEDIA_ENDPOINT_SET), 1);
	dp.deaf = true; /* the socket stays open */
	for (int i = 0; i < 8; i++)
		pass(1000);
	assert_int_equal(got.down, 1);
	assert_false(media_client_up(client));
	dp_hang_up();
	dp.deaf = false;
	for (int i = 0; i < 60; i++)
		pass(100);
	assert_int_equal(got.up, 2);
	assert_int_equal(heard(MEDIA_ENDPOINT_SET), 2);
	assert_true(dp.has[id]);
}

/* After a pause of ours nothing can have been read yet: that is not the dataplane's fault. */
static void our_own_pause_is_no_hang(void **state)
{
	(void)state;
	start_up();
	timer_wheel_advance(&wheel, wheel.now_ms + 2500); /* asked, answer not read */
	pass(600000);
	pass(600000);
	assert_int_equal(got.down, 0);
}

static void a_stalled_dataplane_is_told_the_newest_only(void **state)
{
	struct media_spec spec;
	uint32_t id[100];
	size_t before;

	(void)state;
	start_up();
	for (uint64_t i = 0; i < 100; i++)
		id[i] = endpoint(i);
	turn();
	dp.deaf = true;
	before = dp.n_heard;
	for (uint64_t round = 1; round <= 100; round++) {
		for (size_t i = 0; i < 100; i++) {
			spec = dp.spec[id[i]];
			spec.call_id = round * 1000 + i;
			assert_int_equal(media_endpoint_set(client, id[i], &spec), 0);
		}
		turn();
	}
	dp.deaf = false;
	for (int i = 0; i < TURNS; i++)
		turn();
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(dp.spec[id[i]].call_id, 100000 + i);
	/* Of 10,000 changes the bounded number in flight was sent, and then each endpoint's last. */
	assert_in_range(dp.n_heard - before, 100, 1024 + 200);
	assert_true(media_client_up(client));
}

static void orphan(uint32_t id, uint16_t port)
{
	dp.has[id] = true;
	dp.spec[id] = spec_on(port, 7);
}

static void orphans_keep_ids_and_ports_until_swept(void **state)
{
	struct addr a;

	(void)state;
	pools[1].quarantine_ms = 1000;
	orphan(0, 30000);
	orphan(2, 30396);
	orphan(70, 30398);
	orphan(71, 50000); /* of no pool */
	start_up();
	pools[1].quarantine_ms = 0;
	assert_int_equal(media_client_orphans(client), 4);
	assert_int_equal(media_port_used(client, &pools[1]), 3);
	media_client_sweep_orphans(client, 5000);
	for (int i = 0; i < 197; i++) {
		uint32_t id = endpoint(1);

		assert_true(id != 0 && id != 2 && id != 70 && id != 71);
		turn();
		assert_in_range(dp.spec[id].local.port, 30002, 30394);
	}
	assert_int_equal(media_port_alloc(client, &pools[1], ADDR_V4, 1, 4000, &a), ERR_FULL);
	pass(4999);
	assert_int_equal(heard(MEDIA_ENDPOINT_DEL), 0);
	pass(1);
	assert_int_equal(heard(MEDIA_ENDPOINT_DEL), 4);
	assert_false(dp.has[0] || dp.has[2] || dp.has[70] || dp.has[71]);
	assert_int_equal(media_client_orphans(client), 0);
	assert_int_equal(media_port_used(client, &pools[1]), 197);
	assert_int_equal(got.final, 0);
	/* Their ports rest like others. */
	assert_int_equal(media_port_alloc(client, &pools[1], ADDR_V4, 1, wheel.now_ms + 999, &a),
			 ERR_FULL);
	assert_int_equal(media_port_alloc(client, &pools[1], ADDR_V4, 1, wheel.now_ms + 1000, &a),
			 0);
}

static void another_controls_endpoints_are_not_ours(void **state)
{
	(void)state;
	orphan(0, 30000);
	dp.controller[0] = 9;
	start_up();
	assert_int_equal(media_client_orphans(client), 0);
	media_client_sweep_orphans(client, 0);
	pass(1);
	assert_true(dp.has[0]);
	assert_int_equal(endpoint(1), 0); /* ids are by control */
}

static void a_sweep_waits_for_the_link(void **state)
{
	(void)state;
	orphan(3, 30000);
	dp.deaf = true;
	assert_int_equal(start(), 0);
	turn();
	media_client_sweep_orphans(client, 10);
	pass(10);
	dp.deaf = false;
	turn();
	assert_int_equal(got.up, 1);
	assert_int_equal(heard(MEDIA_ENDPOINT_DEL), 1);
	assert_false(dp.has[3]);
}

static void a_list_that_breaks_off_is_read_again(void **state)
{
	(void)state;
	orphan(3, 30000);
	dp.silent = true;
	assert_int_equal(start(), 0);
	turn();
	assert_int_equal(heard(MEDIA_HELLO), 1);
	/* No answer: given up after a while, tried again. */
	for (int i = 0; i < 52; i++)
		pass(100);
	assert_true(heard(MEDIA_HELLO) >= 2);
	dp.silent = false;
	dp_hang_up();
	turn();
	pass(100);
	assert_int_equal(got.up, 1);
	assert_int_equal(got.down, 0);
	assert_int_equal(media_client_orphans(client), 1);
	dp_hang_up();
	turn();
	pass(100);
	assert_int_equal(got.up, 2);
	assert_int_equal(media_client_orphans(client), 1);
	assert_int_equal(heard(MEDIA_DUMP), 1);
}

static void another_number_of_workers_sorts_the_ports_anew(void **state)
{
	uint32_t id;

	(void)state;
	start_up();
	id = endpoint(1);
	turn();
	dp.workers = 7;
	dp_hang_up();
	turn();
	pass(100);
	assert_int_equal(got.up, 2);
	assert_true(dp.has[id]);
	for (int i = 0; i < 10; i++) {
		struct addr a, b;

		assert_int_equal(media_port_alloc(client, &pools[1], ADDR_V4, 3, 0, &a), 0);
		assert_int_equal(media_port_alloc(client, &pools[1], ADDR_V4, 3, 0, &b), 0);
		assert_int_equal((a.port >> 1) % 7, (b.port >> 1) % 7);
	}
}

static void a_refused_epoch_is_raised(void **state)
{
	(void)state;
	dp.hello_status = ERR_STATE;
	dp.hello_epoch = 4000000000U;
	assert_int_equal(start(), 0);
	turn();
	assert_false(media_client_up(client));
	dp.hello_status = 0;
	pass(100);
	turn();
	assert_true(media_client_up(client));
	assert_int_equal(dp.heard[dp.n_heard - 1].epoch, 4000000001U);
}

static void nonsense_from_the_dataplane_drops_the_link(void **state)
{
	static const struct media_head bad[] = {
		{.version = 9, .type = MEDIA_EV_LATCHED},
		{.version = MEDIA_VERSION, .type = MEDIA_ENDPOINT_DEL | MEDIA_REPLY, .serial = 77},
		{.version = MEDIA_VERSION, .type = MEDIA_HELLO | MEDIA_REPLY, .serial = 1},
		{.version = MEDIA_VERSION, .type = MEDIA_STATS | MEDIA_REPLY, .serial = 2, .id = 5},
	};

	(void)state;
	start_up();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct media_msg m = {.head = bad[i]};

		m.hello.workers = m.head.type == (MEDIA_HELLO | MEDIA_REPLY);
		dp.deaf = true;
		assert_int_equal(media_client_totals(client, on_totals, NULL), 0);
		dp_send(&m);
		turn();
		assert_int_equal(got.down, i + 1);
		assert_int_equal(got.totals_null, i + 1);
		dp.deaf = false;
		turn();
		pass(100);
		assert_int_equal(got.up, i + 2);
	}
}

/* Nothing will ever be relayed, and no silence measured: the call has to hear of it. */
static void a_refused_endpoint_ends_its_call_only(void **state)
{
	(void)state;
	start_up();
	log_set_level(LOG_ERROR + 1);
	(void)endpoint(1);
	turn();
	dp.set_status = ERR_FULL;
	(void)endpoint(2);
	turn();
	assert_true(media_client_up(client));
	assert_int_equal(got.timeout, 1);
	assert_int_equal(got.event_call, 2);
	media_endpoint_del(client, endpoint(3)); /* over before the answer came */
	turn();
	assert_int_equal(got.timeout, 1);
}

static void a_long_life_does_not_grow(void **state)
{
	int64_t live = 0;

	(void)state;
	start_up();
	for (int i = 0; i < 3000; i++) {
		uint32_t id = endpoint(1);
		struct addr local;

		uv_run(&loop, UV_RUN_NOWAIT);
		dp_turn();
		local = dp.spec[id].local;
		dp.n_heard = 0;
		media_endpoint_del(client, id);
		media_port_free(client, &pools[1], &local, wheel.now_ms);
		dp_turn();
		uv_run(&loop, UV_RUN_NOWAIT);
		if (i == 100)
			live = mem_live();
	}
	turn();
	assert_int_equal(got.final, 3000);
	assert_int_equal(mem_live(), live);
}

/* A life with a gap, each of its allocations failing in turn. */
static void failing_allocations_are_survived(void **state)
{
	uint64_t made, n = 1;

	(void)state;
	log_set_level(LOG_ERROR + 1);
	do {
		struct media_spec spec = spec_on(30000, 1);
		uint32_t id = MEDIA_NONE;

		(void)mem_fail_nth(n);
		dp.n_heard = 0;
		memset(dp.has, 0, sizeof(dp.has));
		orphan(100, 30002);
		if (!start()) {
			turn();
			for (int i = 0; i < 3; i++)
				pass(100);
			assert_true(media_client_up(client));
			if (!media_endpoint_new(client, &id) &&
			    !media_endpoint_set(client, id, &spec))
				(void)!media_endpoint_stat(client, id, on_stat, NULL);
			turn();
			dp_hang_up();
			turn();
			for (int i = 0; i < 3; i++)
				pass(100);
			assert_true(media_client_up(client));
			if (id != MEDIA_NONE)
				media_endpoint_del(client, id);
			media_client_sweep_orphans(client, 0);
			pass(1);
			assert_false(dp.has[100]);
			assert_false(id != MEDIA_NONE && dp.has[id]);
		}
		stop();
		dp_turn();
		dp_hang_up();
		made = mem_fail_nth(0);
		assert_int_equal(mem_live(), live_before);
	} while (made >= n++);
	assert_true(n > 12);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(nothing_is_given_out_before_the_dataplane_is_known),
		T(ports_come_from_the_pool_and_family),
		T(both_legs_of_a_call_are_of_one_class),
		T(endpoints_are_set_changed_and_deleted),
		T(the_dataplanes_size_bounds_the_ids),
		T(events_find_their_call),
		T(questions_are_answered),
		T(answered_questions_make_room_for_others),
		T(no_question_is_forgotten_when_the_link_drops),
		T(a_destroyed_client_answers_its_questions),
		T(everything_is_said_again_in_order),
		T(a_short_gap_loses_no_figures),
		T(a_mute_dataplane_keeps_no_call_waiting),
		T(a_hung_dataplane_is_noticed),
		T(our_own_pause_is_no_hang),
		T(a_stalled_dataplane_is_told_the_newest_only),
		T(orphans_keep_ids_and_ports_until_swept),
		T(another_controls_endpoints_are_not_ours),
		T(a_sweep_waits_for_the_link),
		T(a_list_that_breaks_off_is_read_again),
		T(another_number_of_workers_sorts_the_ports_anew),
		T(a_refused_epoch_is_raised),
		T(nonsense_from_the_dataplane_drops_the_link),
		T(a_refused_endpoint_ends_its_call_only),
		T(a_long_life_does_not_grow),
		T(failing_allocations_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
