/* The loader on good configurations: what lands where, defaults, references, and the shipped files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/conf.h"

static const char least[] = "version: 1\n"
			    "interfaces:\n"
			    "  lan: {port: auto, address: 198.18.0.2/24, sip_address: 198.18.0.1}\n"
			    "realms:\n"
			    "  lab: {interface: lan, trust: trusted, media_pool: lab}\n"
			    "media_pools:\n"
			    "  lab: {interface: lan, ports: 20000-20999}\n"
			    "listeners:\n"
			    "  lab: {realm: lab, on: [udp:5060, tcp:5060]}\n"
			    "registrar: {realm: lab, users: {bob: demo, alice: demo}}\n"
			    "routing:\n"
			    "  - {name: echo, match: {called: \"600\"}, to: media/echo}\n"
			    "  - {name: phones, match: {from: realm/lab}, to: registrar}\n"
			    "observability: {http: \"127.0.0.1:8080\"}\n";

static struct conf *load(const char *text, size_t warnings)
{
	struct conf_errors e;
	struct conf *c = NULL;
	int err;

	conf_errors_init(&e);
	err = conf_load_text("/etc/rempart/test.yaml", str_c(text), &c, &e);
	if (err || e.n != warnings)
		conf_errors_print(&e, stderr);
	assert_int_equal(err, 0);
	assert_int_equal(e.n, warnings);
	conf_errors_free(&e);
	return c;
}

#define assert_str(s, text) assert_true(str_eq((s), STR(text)))

static void the_least_that_works(void **state)
{
	struct conf *c = load(least, 2);
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(c->version, 1);
	assert_str(c->system.name, "rempart");
	assert_str(c->system.user_agent, "");
	assert_str(c->system.run_dir, "/run/rempart");
	assert_str(c->system.state_dir, "/var/lib/rempart");
	assert_int_equal(c->system.shards, 1);
	assert_int_equal(c->dataplane.lcores.len, 0);
	assert_int_equal(c->dataplane.poll, CONF_POLL_ADAPTIVE);
	assert_int_equal(c->dataplane.nohuge_bytes, 256 << 20);
	assert_int_equal(c->dataplane.huge_bytes, 0);
	assert_int_equal(c->dataplane.n_port, 1);
	assert_str(c->dataplane.port[0].name, "auto0");
	assert_str(c->dataplane.port[0].vdev, "net_tap,iface=rempart0");
	assert_true(c->dataplane.port[0].is_auto);
	assert_int_equal(c->dataplane.port[0].queues, 1);
	assert_int_equal(c->n_interface, 1);
	assert_str(c->interface[0].name, "lan");
	assert_ptr_equal(c->interface[0].port, &c->dataplane.port[0]);
	assert_int_equal(c->interface[0].n_address, 1);
	assert_string_equal(addr_ip_text(&c->interface[0].address[0], text), "198.18.0.2");
	assert_string_equal(addr_ip_text(&c->interface[0].subnet[0].base, text), "198.18.0.0");
	assert_int_equal(c->interface[0].subnet[0].len_bits, 24);
	assert_string_equal(addr_ip_text(&c->interface[0].sip_address[0], text), "198.18.0.1");
	assert_false(addr_is_set(&c->interface[0].advertise));
	assert_int_equal(c->interface[0].dscp_sip, 24);
	assert_int_equal(c->interface[0].dscp_rtp, 46);
	assert_int_equal(c->n_realm, 1);
	assert_ptr_equal(c->realm[0].interface, &c->interface[0]);
	assert_ptr_equal(c->realm[0].media_pool, &c->media_pool[0]);
	assert_ptr_equal(c->realm[0].profile, &c->profile_default);
	assert_int_equal(c->realm[0].trust, CONF_TRUST_TRUSTED);
	assert_int_equal(c->realm[0].nat, CONF_NAT_AUTO);
	assert_int_equal(c->profile_default.timeout_rtp_ms, 60000);
	assert_int_equal(c->profile_default.timeout_hold_ms, 7200000);
	assert_int_equal(c->media_pool[0].port_first, 20000);
	assert_int_equal(c->media_pool[0].port_last, 20999);
	assert_int_equal(c->media_pool[0].quarantine_ms, 60000);
	assert_int_equal(c->media_pool[0].exhausted, 503);
	assert_int_equal(c->listener[0].n_on, 2);
	assert_int_equal(c->listener[0].on[1].transport, CONF_TCP);
	assert_int_equal(c->listener[0].on[1].port, 5060);
	assert_true(c->registrar.enabled);
	assert_int_equal(c->registrar.n_user, 2);
	assert_str(c->registrar.user[0].name, "alice"); /* sorted */
	assert_true(secret_eq(&c->registrar.user[1].password, STR("demo")));
	assert_int_equal(c->registrar.max_contacts, 5);
	assert_int_equal(c->registrar.min_expires_ms, 60000);
	assert_int_equal(c->n_route, 2);
	assert_int_equal(c->route[0].to, CONF_TO_ECHO);
	assert_str(c->route[0].called[0], "600");
	assert_ptr_equal(c->route[1].from_realm, &c->realm[0]);
	assert_int_equal(c->route[1].to, CONF_TO_REGISTRAR);
	assert_true(c->observability.http_enabled);
	assert_int_equal(c->observability.http.port, 8080);
	assert_int_equal(c->observability.log_level, LOG_INFO);
	assert_int_equal(c->observability.log_format, LOG_LOGFMT);
	conf_free(c);
}

static void values_are_typed_by_the_schema(void **state)
{
	struct conf *c = load(
		"version: 1\n"
		"system: {name: no, user_agent: 0049}\n"
		"interfaces:\n"
		"  yes: {port: auto, address: [192.0.2.2/24, \"2001:db8::2/64\"]}\n"
		"realms:\n"
		"  on: {interface: yes, media_pool: 007, nat: off}\n"
		"media_pools:\n"
		"  007: {interface: yes, ports: 2000-2001}\n"
		"routing:\n"
		"  - {name: null, match: {from: realm/on, called: [0049, no, 1e3]}, reject: 404}\n",
		1);

	(void)state;
	assert_str(c->system.name, "no");
	assert_str(c->system.user_agent, "0049");
	assert_str(c->realm[0].media_pool->name, "007");
	assert_int_equal(c->realm[0].nat, CONF_NAT_OFF);
	assert_str(c->route[0].name, "null");
	assert_str(c->route[0].called[0], "0049");
	assert_str(c->route[0].called[1], "no");
	assert_str(c->route[0].called[2], "1e3");
	assert_int_equal(c->route[0].to, CONF_TO_REJECT);
	assert_int_equal(c->route[0].reject, 404);
	assert_int_equal(c->interface[0].n_address, 2);
	assert_false(c->registrar.enabled);
	assert_false(c->observability.http_enabled);
	conf_free(c);
}

static void two_realms(void **state)
{
	struct conf_errors e;
	struct conf *c = NULL;
	struct conf_trunk *t;
	char text[ADDR_TEXT_MAX];

	(void)state;
	setenv("ALICE_PASSWORD", "wonder", 1);
	setenv("BOB_PASSWORD", "builder", 1);
	conf_errors_init(&e);
	assert_int_equal(conf_load("config/examples/two-realms.yaml", &c, &e), 0);
	assert_int_equal(e.n, 0);
	t = conf_trunk(c, STR("pbx"));
	assert_non_null(t);
	assert_ptr_equal(t->realm, conf_realm(c, STR("core")));
	assert_ptr_equal(t->profile, &c->profile_default);
	assert_int_equal(t->n_peer, 2);
	assert_string_equal(addr_text(&t->peer[0].addr, text), "10.0.0.20:5060");
	assert_int_equal(t->peer[0].transport, CONF_UDP);
	assert_int_equal(t->peer[0].weight, 10);
	assert_string_equal(addr_text(&t->peer[1].addr, text), "10.0.0.21:5070");
	assert_int_equal(t->peer[1].transport, CONF_TCP);
	assert_int_equal(t->peer[1].priority, 2);
	assert_int_equal(t->n_match_source, 3); /* the prefix and both peers */
	assert_string_equal(addr_ip_text(&t->match_source[0].base, text), "10.0.0.16");
	assert_string_equal(addr_ip_text(&t->match_source[2].base, text), "10.0.0.21");
	assert_int_equal(t->match_source[2].len_bits, 32);
	assert_true(secret_eq(&c->registrar.user[0].password, STR("wonder")));
	assert_str(c->dataplane.lcores, "1");
	assert_str(conf_realm(c, STR("access"))->profile->name, "phones");
	assert_int_equal(conf_realm(c, STR("access"))->profile->timeout_rtp_ms, 30000);
	assert_null(conf_realm(c, STR("nobody")));
	conf_free(c);
	conf_errors_free(&e);
}

static void the_shipped_default(void **state)
{
	struct conf_errors e;
	struct conf *c = NULL;

	(void)state;
	conf_errors_init(&e);
	assert_int_equal(conf_load("config/rempart.yaml", &c, &e), 0);
	assert_int_equal(e.n, 2); /* its two plain passwords */
	assert_true(e.error[0].warning);
	conf_free(c);
	conf_errors_free(&e);
}

static void paths_and_secrets_start_at_the_files_folder(void **state)
{
	char dir[] = "/tmp/rempart-conf-XXXXXX", path[128], text[512];
	struct conf_errors e;
	struct conf *c = NULL;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/alice.pw", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("wonder land\nsecond line\n", f);
	fclose(f);
	snprintf(text, sizeof(text),
		 "version: 1\nsystem: {run_dir: run, state_dir: /srv/x}\n"
		 "interfaces: {a: {port: auto, address: 192.0.2.2/24, sip_address: 192.0.2.1}}\n"
		 "media_pools: {a: {interface: a, ports: 2000-2999}}\n"
		 "realms: {a: {interface: a, media_pool: a}}\n"
		 "listeners: {a: {realm: a, on: udp:5060}}\n"
		 "registrar: {realm: a, users: {alice: {file: alice.pw}}}\n");
	snprintf(path, sizeof(path), "%s/test.yaml", dir);
	conf_errors_init(&e);
	assert_int_equal(conf_load_text(path, str_c(text), &c, &e), 0);
	assert_int_equal(e.n, 0);
	assert_true(secret_eq(&c->registrar.user[0].password, STR("wonder land")));
	snprintf(text, sizeof(text), "%s/run", dir);
	assert_true(str_eq(c->system.run_dir, str_c(text)));
	assert_true(c->system.run_dir_given);
	assert_str(c->system.state_dir, "/srv/x");
	conf_free(c);
	conf_errors_free(&e);
	snprintf(path, sizeof(path), "%s/alice.pw", dir);
	unlink(path);
	rmdir(dir);
}

static void systemds_folders_replace_the_defaults_only(void **state)
{
	struct conf *c;

	(void)state;
	setenv("RUNTIME_DIRECTORY", "/run/a:/run/b", 1);
	setenv("STATE_DIRECTORY", "/var/lib/a", 1);
	c = load(least, 2);
	assert_str(c->system.run_dir, "/run/a");
	assert_str(c->system.state_dir, "/var/lib/a");
	assert_false(c->system.run_dir_given);
	conf_free(c);
	c = load("version: 1\nsystem: {run_dir: /run/mine}\n", 0);
	assert_str(c->system.run_dir, "/run/mine");
	conf_free(c);
	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("STATE_DIRECTORY");
}

static void a_registrar_may_serve_several_realms(void **state)
{
	static const char text[] =
		"version: 1\n"
		"interfaces:\n"
		"  a: {port: auto, address: 192.0.2.2/24, sip_address: 192.0.2.1}\n"
		"media_pools: {a: {interface: a, ports: 20000-20999}}\n"
		"realms:\n"
		"  in: {interface: a, media_pool: a}\n"
		"  out: {interface: a, media_pool: a}\n"
		"  trunks: {interface: a, media_pool: a, trust: peers_only}\n"
		"listeners:\n"
		"  in: {realm: in, on: [udp:5060]}\n"
		"  out: {realm: out, on: [udp:5061]}\n"
		"  trunks: {realm: trunks, on: [udp:5062]}\n"
		"trunks: {t: {realm: trunks, peers: [{uri: \"sip:192.0.2.9\"}]}}\n"
		"registrar: {realm: %s, users: {alice: {env: REG_TEST_PW}}}\n";
	static const struct {
		const char *realm, *error; /* NULL: it loads */
	} row[] = {
		{"in", NULL},
		{"[in, out]", NULL},
		{"[in, in]", "realm 'in' stands here twice"},
		{"[]", "realm: the list is empty"},
		{"[in, trunks]", "realm 'trunks' trusts peers only, phones cannot register there"},
		{"[in, uot]", "no realm named 'uot'; did you mean 'out' (line 7)"},
	};
	struct conf_errors e;
	char file[1024];
	struct conf *c;

	(void)state;
	setenv("REG_TEST_PW", "x", 1);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(file, sizeof(file), text, row[i].realm);
		conf_errors_init(&e);
		c = NULL;
		if (row[i].error) {
			assert_int_equal(conf_load_text("x.yaml", str_c(file), &c, &e), ERR_SYNTAX);
			assert_int_equal(e.n_fatal, 1);
			assert_true(str_eq(e.error[0].text, str_c(row[i].error)));
		} else {
			assert_int_equal(conf_load_text("x.yaml", str_c(file), &c, &e), 0);
			assert_int_equal(c->registrar.n_realm, i + 1);
			assert_true(
				str_eq(c->registrar.realm[i]->name, i ? STR("out") : STR("in")));
		}
		conf_free(c);
		conf_errors_free(&e);
	}
	unsetenv("REG_TEST_PW");
}

static void a_descriptor_is_read_from_its_start_each_time(void **state)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);
	struct conf_errors e;
	struct conf *c = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, least, sizeof(least) - 1), sizeof(least) - 1);
	for (int i = 0; i < 2; i++) {
		conf_errors_init(&e);
		assert_int_equal(conf_load_args("/nowhere/x.yaml", fd, &c, &e), 0);
		assert_int_equal(e.n, 0); /* no warnings: the parent has printed them */
		assert_str(c->path, "/nowhere/x.yaml");
		conf_free(c);
		conf_errors_free(&e);
	}
	close(fd);
}

static void auto_ports_step_aside(void **state)
{
	struct conf *c =
		load("version: 1\n"
		     "dataplane: {ports: {auto0: {pci: \"3b:00.0\"}}, memory: {huge: 1G}}\n"
		     "interfaces:\n"
		     "  a: {port: auto, address: 192.0.2.2/24}\n"
		     "  b: {port: auto0, address: 192.0.3.2/24}\n"
		     "  c: {port: auto, address: 192.0.4.2/24}\n",
		     0);

	(void)state;
	assert_int_equal(c->dataplane.n_port, 3);
	assert_str(c->interface[0].port->name, "auto1");
	assert_str(c->interface[0].port->vdev, "net_tap,iface=rempart0");
	assert_str(c->interface[1].port->pci, "3b:00.0");
	assert_str(c->interface[2].port->name, "auto2");
	assert_str(c->interface[2].port->vdev, "net_tap,iface=rempart1");
	assert_int_equal(c->dataplane.huge_bytes, 1 << 30);
	assert_int_equal(c->dataplane.nohuge_bytes, 0);
	conf_free(c);
}

/* Every allocation of a load fails once: ERR_NOMEM, nothing leaks, nothing crashes. */
static void every_allocation_may_fail(void **state)
{
	int64_t before = mem_live();
	struct conf_errors e;
	struct conf *c;
	uint64_t n;
	int err;

	(void)state;
	for (n = 1; n < 10000; n++) {
		c = NULL;
		mem_fail_nth(n);
		conf_errors_init(&e);
		err = conf_load_text("x.yaml", str_c(least), &c, &e);
		conf_free(c);
		conf_errors_free(&e);
		mem_fail_nth(0);
		assert_int_equal(mem_live(), before);
		if (!err)
			break;
		assert_int_equal(err, ERR_NOMEM);
		assert_null(c);
	}
	assert_true(n > 4 && n < 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_that_works),
		cmocka_unit_test(values_are_typed_by_the_schema),
		cmocka_unit_test(two_realms),
		cmocka_unit_test(the_shipped_default),
		cmocka_unit_test(paths_and_secrets_start_at_the_files_folder),
		cmocka_unit_test(systemds_folders_replace_the_defaults_only),
		cmocka_unit_test(a_registrar_may_serve_several_realms),
		cmocka_unit_test(a_descriptor_is_read_from_its_start_each_time),
		cmocka_unit_test(auto_ports_step_aside),
		cmocka_unit_test(every_allocation_may_fail),
	};

	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("STATE_DIRECTORY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
