/* The admin API over its real sockets, on a loop of the test's: paths, what TCP may not do, waiting without a dataplane, and the
 * JSON of a call made by hand. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "ops/admin_internal.h"
#include "ops/ladder.h"

static const char conf_text[] =
	"version: 1\n"
	"system: {name: \"n\\u00f61\"}\n"
	"dataplane: {ports: {p0: {vdev: \"net_af_packet,iface=eth0\"}}}\n"
	"interfaces:\n"
	"  pub: {port: p0, address: 192.0.2.10/24, sip_address: 192.0.2.11}\n"
	"media_pools: {pub: {interface: pub, ports: 20000-20999}}\n"
	"realms:\n"
	"  access: {interface: pub, media_pool: pub}\n"
	"  core: {interface: pub, media_pool: pub}\n"
	"listeners: {access: {realm: access, on: [udp:5060]}, core: {realm: core, on: "
	"[udp:5061]}}\n"
	"trunks: {pbx: {realm: core, peers: [{uri: \"sip:192.0.2.99\"}]}}\n"
	"observability: {http: \"127.0.0.1:%u\"}\n";

static struct {
	struct shard shard;
	struct conf *conf;
	uv_loop_t loop;
	char dir[64], text[8192];
	unsigned port;
} kit;

static int open_conf(void)
{
	struct conf_errors errors;
	char text[2048];
	int err;

	kit.port = 20000 + (unsigned)(getpid() % 20000);
	snprintf(text, sizeof(text), conf_text, kit.port);
	conf_errors_init(&errors);
	err = conf_load_text("test.yaml", str_c(text), &kit.conf, &errors);
	if (err)
		conf_errors_print(&errors, stderr);
	conf_errors_free(&errors);
	return err;
}

static int setup(void **state)
{
	(void)state;
	memset(&kit, 0, sizeof(kit));
	snprintf(kit.dir, sizeof(kit.dir), "/tmp/test_admin.XXXXXX");
	if (!mkdtemp(kit.dir))
		return -1;
	setenv("RUNTIME_DIRECTORY", kit.dir, 1);
	if (open_conf())
		return -1;
	uv_loop_init(&kit.loop);
	kit.shard.conf = kit.conf;
	kit.shard.loop = &kit.loop;
	kit.shard.start_wall_ms = 1700000000000ULL;
	timer_wheel_init(&kit.shard.wheel, 1000);
	arena_init(&kit.shard.scratch, 65536, 1 << 20);
	return call_table_create(&kit.shard, &kit.shard.calls);
}

static void run(unsigned times)
{
	while (times--)
		uv_run(&kit.loop, UV_RUN_NOWAIT);
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	admin_destroy(kit.shard.admin);
	media_client_destroy(kit.shard.media);
	uv_run(&kit.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&kit.loop), 0);
	call_table_destroy(kit.shard.calls);
	arena_free(&kit.shard.scratch);
	conf_free(kit.conf);
	assert_int_equal(mem_live(), 0);
	snprintf(path, sizeof(path), "%s/control.sock", kit.dir);
	assert_int_equal(access(path, F_OK), -1); /* taken away again */
	rmdir(kit.dir);
	return 0;
}

static void start(void)
{
	char why[256];

	if (admin_create(&kit.shard, &kit.shard.admin, why, sizeof(why)))
		fail_msg("%s", why);
}

static int dial_local(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/control.sock", kit.dir);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static int dial_tcp(void)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&kit.conf->observability.http, &ss);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_true(connect(fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS);
	return fd;
}

static void say(int fd, const char *text)
{
	size_t len = strlen(text), done = 0;

	for (unsigned i = 0; done < len && i < 10000; i++) {
		ssize_t n = send(fd, text + done, len - done, MSG_NOSIGNAL);

		if (n > 0)
			done += (size_t)n;
		run(1);
	}
}

/* Reads until the other side closes; rounds of the loop are the clock. */
static size_t hear(int fd, unsigned rounds)
{
	size_t len = 0;

	for (unsigned i = 0; i < rounds; i++) {
		ssize_t n = recv(fd, kit.text + len, sizeof(kit.text) - 1 - len, 0);

		if (n == 0)
			break;
		if (n > 0)
			len += (size_t)n;
		run(1);
	}
	kit.text[len] = '\0';
	return len;
}

/* The status; the whole answer is in kit.text. */
static unsigned ask_on(int fd, const char *method, const char *path)
{
	char request[512];
	uint64_t status = 0;

	snprintf(request, sizeof(request),
		 "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method, path);
	say(fd, request);
	hear(fd, 3000);
	close(fd);
	if (!str_starts(str_c(kit.text), STR("HTTP/1.1 ")) ||
	    str_to_u64(str_n(kit.text + 9, 3), 999, &status))
		return 0;
	return (unsigned)status;
}

static unsigned ask(const char *method, const char *path)
{
	return ask_on(dial_local(), method, path);
}

static bool said(const char *text)
{
	return strstr(kit.text, text) != NULL;
}

static void paths(void **state)
{
	static const struct {
		const char *method, *path;
		unsigned local, tcp;
		const char *text;
	} row[] = {
		{"GET", "/healthz", 200, 200, "ok\n"},
		{"GET", "/readyz", 503, 503, "no dataplane\n"},
		{"GET", "/v1/calls", 200, 200, "{\"calls\":[],\"total\":0}"},
		{"GET", "/v1/registrations", 200, 200, "{\"registrations\":[],\"total\":0}"},
		{"GET", "/v1/registrations?user=x", 200, 200, "\"total\":0"},
		{"GET", "/v1/calls/0000000000000001", 404, 404, "{\"error\":\"no such call\"}"},
		{"GET", "/v1/calls/xyz", 400, 400, "16 hex digits"},
		{"GET", "/v1/calls/", 404, 404, "no such path"},
		{"GET", "/v1/calls/1/2", 404, 404, "no such path"},
		{"GET", "/", 404, 404, "no such path"},
		{"GET", "/v1/calls/%00", 404, 404, NULL},
		{"DELETE", "/v1/calls/0000000000000001", 404, 403, NULL},
		{"DELETE", "/v1/calls/1?reason=a%0d%0ab", 400, 403, NULL},
		{"DELETE", "/v1/calls/1?reason=a%22b", 400, 403, NULL},
		{"DELETE", "/v1/calls", 405, 405, "method not allowed"},
		{"POST", "/v1/status", 405, 405, "method not allowed"},
		{"GET", "/v1/status", 200, 200, "\"media\":{\"up\":false}"},
		{"GET", "/metrics", 200, 200, "# TYPE rempart_calls gauge\nrempart_calls 0\n"},
	};

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned local = ask(row[i].method, row[i].path);

		if (local != row[i].local || (row[i].text && !said(row[i].text)))
			fail_msg("%s %s: %u, %s", row[i].method, row[i].path, local, kit.text);
		if (ask_on(dial_tcp(), row[i].method, row[i].path) != row[i].tcp)
			fail_msg("TCP: %s %s: %s", row[i].method, row[i].path, kit.text);
	}
}

static void the_socket_is_its_owners(void **state)
{
	char path[128];
	struct stat st;

	(void)state;
	start();
	snprintf(path, sizeof(path), "%s/control.sock", kit.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_dead_socket_is_replaced_a_living_one_is_not(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct admin *other = NULL;
	char why[256];

	(void)state;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/control.sock", kit.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd); /* it died */
	start();
	assert_int_equal(admin_create(&kit.shard, &other, why, sizeof(why)), ERR_INUSE);
	assert_null(other);
	assert_non_null(strstr(why, "another Rempart is running"));
	assert_int_equal(ask("GET", "/healthz"), 200);
}

static void a_port_in_use_is_one_sentence(void **state)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&kit.conf->observability.http, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct admin *a = NULL;
	char why[256];
	int on = 1;

	(void)state;
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(admin_create(&kit.shard, &a, why, sizeof(why)), ERR_INUSE);
	assert_null(a);
	assert_non_null(strstr(why, "cannot listen on 127.0.0.1:"));
	close(fd);
}

static void more_connections_than_the_limit(void **state)
{
	int fd[ADMIN_CONNECTIONS + 4];

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++) {
		fd[i] = dial_local();
		say(fd[i], "GET /he");
	}
	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		close(fd[i]);
	run(100);
	assert_int_equal(ask("GET", "/healthz"), 200);
}

static void a_large_body_is_cut_off(void **state)
{
	static char body[ADMIN_BODY_MAX + 8192];
	int fd;

	(void)state;
	start();
	fd = dial_local();
	memset(body, 'x', sizeof(body) - 1);
	say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n");
	say(fd, body);
	hear(fd, 100);
	assert_false(said("200 OK"));
	close(fd);
	assert_int_equal(ask("GET", "/healthz"), 200);
}

static void garbage_is_survived(void **state)
{
	int fd;

	(void)state;
	start();
	fd = dial_local();
	say(fd, "\x16\x03\x01 nonsense\r\n\r\n");
	hear(fd, 100);
	close(fd);
	assert_int_equal(ask("GET", "/healthz"), 200);
}

/* A dataplane that says HELLO and then only what the test wants. */
static int fake_dataplane(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/media.sock", kit.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void turn(unsigned ms)
{
	run(3);
	timer_wheel_advance(&kit.shard.wheel, kit.shard.wheel.now_ms + ms);
	run(3);
}

/* The next request of control's; the reply to it goes back when there is one. */
static bool dataplane_hears(int fd, enum media_type type, const struct media_totals *totals)
{
	static struct media_msg m;
	bool reply = type != MEDIA_STATS || totals;

	for (unsigned i = 0; i < 200; i++) {
		ssize_t n = recv(fd, &m, sizeof(m), 0);

		if (n > 0 && m.head.type == type) {
			m.head.type |= MEDIA_REPLY;
			if (type == MEDIA_DUMP)
				m.head.id = MEDIA_NONE; /* holds nothing */
			if (type == MEDIA_HELLO)
				m.hello = (struct media_hello){.workers = 1, .endpoints_max = 100};
			else if (type == MEDIA_DUMP)
				m = (struct media_msg){.head = m.head};
			else if (totals)
				m.totals = *totals;
			if (reply)
				assert_true(send(fd, &m, media_msg_len(&m.head), 0) > 0);
			turn(0);
			return true;
		}
		turn(1);
	}
	return false;
}

static void ignore_link(void *ctx, bool up)
{
	(void)ctx;
	(void)up;
}

static void ignore_stat(void *ctx, uint64_t call_id, uint32_t endpoint,
			const struct media_stat *stat)
{
	(void)ctx;
	(void)call_id;
	(void)endpoint;
	(void)stat;
}

static void figures_are_waited_for_half_a_second(void **state)
{
	static const struct media_client_user nobody = {
		.link = ignore_link,
		.latched = ignore_stat,
		.timeout = ignore_stat,
		.final_stat = ignore_stat,
	};
	static struct media_totals totals;
	struct media_client_conf conf = {
		.loop = &kit.loop, .wheel = &kit.shard.wheel, .conf = kit.conf, .user = &nobody};
	char path[128];
	int listener = fake_dataplane(), dp = -1, fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/media.sock", kit.dir);
	conf.socket_path = str_c(path);
	assert_int_equal(media_client_create(&conf, &kit.shard.media), 0);
	start();
	for (unsigned i = 0; i < 100 && dp < 0; i++) {
		turn(10);
		dp = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	}
	assert_true(dp >= 0);
	assert_true(dataplane_hears(dp, MEDIA_HELLO, NULL));
	assert_true(dataplane_hears(dp, MEDIA_DUMP, NULL));

	/* An answer: it is in the document. */
	totals = (struct media_totals){
		.rx_packets = 77, .n_drop = 1, .drop = {5}, .drop_name = {"replay"}};
	fd = dial_local();
	say(fd, "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_true(dataplane_hears(dp, MEDIA_STATS, &totals));
	hear(fd, 1000);
	close(fd);
	assert_true(said("\"rx_packets\":77"));
	assert_true(said("\"drops\":{\"replay\":5}"));

	/* None: the document comes without it, half a second later. */
	fd = dial_local();
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_true(dataplane_hears(dp, MEDIA_STATS, NULL));
	turn(490);
	assert_int_equal(hear(fd, 100), 0);
	turn(20);
	hear(fd, 1000);
	close(fd);
	assert_true(said("rempart_calls 0"));
	assert_false(said("rempart_media_rx_packets_total"));

	/* The client went away, and then we end: nothing is left behind. */
	fd = dial_local();
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(dataplane_hears(dp, MEDIA_STATS, NULL));
	close(fd);
	turn(10);
	admin_destroy(kit.shard.admin);
	kit.shard.admin = NULL;
	media_client_destroy(kit.shard.media);
	kit.shard.media = NULL;
	close(dp);
	close(listener);
	unlink(path);
}

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_c(text), &a), 0);
	return a;
}

static void one_call(struct call_info *c, struct ladder *l)
{
	memset(l, 0, sizeof(*l));
	ladder_add(l, 5000, 0, false, STR("INVITE"), true);
	ladder_add(l, 5012, 1, true, STR("INVITE"), true);
	*c = (struct call_info){
		.id = 0xab,
		.state = "active",
		.from = STR("al\xff"
			    "ice"),
		.to = STR("bob"),
		.from_name = STR("access"),
		.to_name = STR("core"),
		.start_wall_ms = 1700000000000ULL,
		.setup_ms = 120,
		.talk_ms = 3000,
		.ladder = l,
		.n_leg = 2,
	};
	for (size_t i = 0; i < 2; i++) {
		c->leg[i] = (struct call_leg_info){
			.role = i ? LEG_UAC : LEG_UAS,
			.state = "confirmed",
			.call_id = STR("c1"),
			.far_uri = STR("sip:x@h"),
			.codec = STR("PCMA"),
			.n_endpoint = 1,
		};
		c->leg[i].flow.remote = addr_of("203.0.113.7:40000");
		c->leg[i].endpoint[0] = 10 + (uint32_t)i;
		c->leg[i].local[0] = addr_of("192.0.2.10:20000");
	}
	c->leg[0].sdp_remote[0] = addr_of("10.0.0.5:4000");
}

static void a_call_in_json(void **state)
{
	static struct admin_figures f;
	struct call_info c;
	struct ladder l;
	json_t *root, *leg, *e;
	size_t len;
	char *text;

	(void)state;
	one_call(&c, &l);
	f = (struct admin_figures){.n = 2};
	f.endpoint[0].id = 10;
	f.endpoint[0].there = true;
	f.endpoint[0].stat = (struct media_stat){.rx_packets = 99,
						 .lost = 1,
						 .jitter_us = 1500,
						 .flags = MEDIA_STAT_LOSS,
						 .latched = addr_of("203.0.113.7:4444")};
	f.endpoint[1].id = 11; /* asked, not answered */
	text = admin_json_call(&c, &f, &len);
	assert_non_null(text);
	root = json_loadb(text, len, 0, NULL);
	mem_free(text);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "id")), "00000000000000ab");
	assert_string_equal(json_string_value(json_object_get(root, "from")), "al?ice");
	assert_int_equal(json_integer_value(json_object_get(root, "setup_ms")), 120);
	leg = json_array_get(json_object_get(root, "legs"), 0);
	assert_string_equal(json_string_value(json_object_get(leg, "role")), "caller");
	assert_string_equal(json_string_value(json_object_get(leg, "remote")), "203.0.113.7:40000");
	e = json_array_get(json_object_get(leg, "endpoints"), 0);
	assert_int_equal(json_integer_value(json_object_get(e, "lost")), 1);
	assert_true(json_real_value(json_object_get(e, "loss_percent")) > 0.99);
	assert_true(json_real_value(json_object_get(e, "loss_percent")) < 1.01);
	assert_string_equal(json_string_value(json_object_get(e, "latched")), "203.0.113.7:4444");
	assert_string_equal(json_string_value(json_object_get(e, "sdp")), "10.0.0.5:4000");
	assert_null(json_object_get(e, "jitter_ms")); /* no source, no figure */
	e = json_array_get(
		json_object_get(json_array_get(json_object_get(root, "legs"), 1), "endpoints"), 0);
	assert_null(json_object_get(e, "rx_packets"));
	assert_null(json_object_get(e, "sdp"));
	assert_int_equal(json_array_size(json_object_get(root, "ladder")), 2);
	e = json_array_get(json_object_get(root, "ladder"), 1);
	assert_int_equal(json_integer_value(json_object_get(e, "t_ms")), 12);
	assert_string_equal(json_string_value(json_object_get(e, "dir")), "out");
	json_decref(root);
}

/* Every allocation of a document fails once: the whole document or none, no leak. */
static void json_may_lack_memory(void **state)
{
	static struct admin_figures f;
	struct call_info c;
	struct ladder l;
	char *whole, *text;
	unsigned failed = 0;
	int64_t before;
	size_t len;

	(void)state;
	start();
	one_call(&c, &l);
	whole = admin_json_call(&c, &f, &len);
	assert_non_null(whole);
	before = mem_live();
	for (uint64_t n = 1; n < 400; n++) {
		mem_fail_nth(n);
		text = admin_json_call(&c, &f, &len);
		mem_fail_nth(0);
		failed += !text;
		if (text)
			assert_string_equal(text, whole);
		mem_free(text);
		assert_int_equal(mem_live(), before);
	}
	assert_true(failed > 50);
	mem_free(whole);
}

static void calls_a_second(void **state)
{
	(void)state;
	start();
	assert_int_equal(admin_rate_x100(kit.shard.admin), 0);
	for (unsigned s = 1; s <= 30; s++) {
		kit.shard.metrics.value[M_CALLS_TOTAL] += s <= 20 ? 7 : 0;
		timer_wheel_advance(&kit.shard.wheel, 1000 + s * 1000);
		if (s == 1 || s == 20)
			assert_int_equal(admin_rate_x100(kit.shard.admin), 700);
		if (s == 25)
			assert_int_equal(admin_rate_x100(kit.shard.admin), 350);
	}
	assert_int_equal(admin_rate_x100(kit.shard.admin), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(paths),
		TEST(the_socket_is_its_owners),
		TEST(a_dead_socket_is_replaced_a_living_one_is_not),
		TEST(a_port_in_use_is_one_sentence),
		TEST(more_connections_than_the_limit),
		TEST(a_large_body_is_cut_off),
		TEST(garbage_is_survived),
		TEST(figures_are_waited_for_half_a_second),
		TEST(a_call_in_json),
		TEST(json_may_lack_memory),
		TEST(calls_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
