/* The dump: a table in, golden text out, and what comes out loads again to the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "conf/conf.h"

#define TEXT_MAX 65536
#define HEAD(name)                                                                                 \
	"version: 1\nsystem:\n  name: " name                                                       \
	"\n  shards: 1\n  run_dir: /run/rempart\n  state_dir: /var/lib/rempart\n"
#define DATAPLANE "dataplane:\n  poll: adaptive\n  memory:\n    nohuge: 256M\n  crypto: auto\n"
#define LOG       "observability:\n  log:\n    format: logfmt\n    level: info\n"
#define DSCP      "    dscp:\n      sip: cs3\n      rtp: ef\n"

static const struct {
	const char *what, *in, *out;
} table[] = {
	{"nothing but defaults", "version: 1\n", HEAD("rempart") DATAPLANE LOG},
	{"the node and its memory",
	 "version: 1\nsystem: {name: sbc1, user_agent: \"Edge \\\"1\\\"\", run_dir: run}\n"
	 "dataplane: {lcores: 3, poll: busy, memory: {huge: 1024M}, ports: {a: {pci: "
	 "\"3b:00.0\"}}}\n"
	 "observability: {http: \"[::1]:8080\", log: {format: json, level: debug}}\n",
	 "version: 1\nsystem:\n  name: sbc1\n  shards: 1\n  user_agent: \"Edge \\\"1\\\"\"\n"
	 "  run_dir: /etc/rempart/run\n  state_dir: /var/lib/rempart\n"
	 "dataplane:\n  lcores: 3\n  poll: busy\n  memory:\n    huge: 1G\n  crypto: auto\n"
	 "  ports:\n    a:\n      pci: \"3b:00.0\"\n      queues: 1\n"
	 "observability:\n  http: \"[::1]:8080\"\n  log:\n    format: json\n    level: debug\n"},
	{"interfaces and pools",
	 "version: 1\n"
	 "interfaces:\n"
	 "  a: {port: auto, address: [192.0.2.2/24, \"2001:db8::2/64\"], sip_address: 192.0.2.1,\n"
	 "      gateway: 192.0.2.254, advertise: 198.51.100.7, dscp: {sip: af31, rtp: 47}}\n"
	 "media_pools: {p: {interface: a, ports: 2000-2999, quarantine: 1500ms, exhausted: 486}}\n",
	 HEAD("rempart") DATAPLANE
	 "interfaces:\n  a:\n    port: auto\n    address: [192.0.2.2/24, \"2001:db8::2/64\"]\n"
	 "    sip_address: 192.0.2.1\n    gateway: 192.0.2.254\n    advertise: 198.51.100.7\n"
	 "    dscp:\n      sip: af31\n      rtp: 47\n"
	 "media_pools:\n  p:\n    interface: a\n    ports: 2000-2999\n    quarantine: 1500ms\n"
	 "    exhausted: 486\n" LOG},
	{"certificates",
	 "version: 1\n"
	 "tls:\n"
	 "  a: {cert: /dev/../etc/passwd, key: {file: /etc/passwd}, client_auth: required, ca: "
	 "/etc, min: "
	 "\"1.3\", watch: false}\n"
	 "  b: {cert: /etc/passwd, key: {file: /etc/passwd}, sni: {x.example: a, y.example: a}}\n",
	 HEAD("rempart") DATAPLANE
	 "tls:\n"
	 "  a:\n    cert: /dev/../etc/passwd\n    key: {file: /etc/passwd}\n    min: 1.3\n"
	 "    client_auth: required\n    ca: /etc\n    watch: false\n"
	 "  b:\n    cert: /etc/passwd\n    key: {file: /etc/passwd}\n    min: 1.2\n"
	 "    client_auth: none\n    ca: system\n    sni:\n      x.example: a\n      y.example: a\n"
	 "    watch: true\n" LOG},
	{"realms, trunks, routing",
	 "version: 1\n"
	 "interfaces: {i: {port: auto, address: 192.0.2.2/24, sip_address: 192.0.2.1}}\n"
	 "media_pools: {p: {interface: i, ports: 2000-2999}}\n"
	 "profiles: {slow: {timeout: {rtp: 90s}}}\n"
	 "realms:\n"
	 "  r: {interface: i, media_pool: p, nat: off}\n"
	 "  s: {interface: i, media_pool: p, profile: slow, trust: peers_only}\n"
	 "listeners: {r: {realm: r, on: [udp:5060, tcp:5060]}, s: {realm: s, on: udp:5080}}\n"
	 "registrar: {realm: r, domains: [a.example, b.example], users: {bob: {env: DUMP_BOB}, "
	 "al: x}}\n"
	 "trunks: {t: {realm: s, peers: [{uri: \"sip:gw@192.0.2.9\"}], match: {source: "
	 "192.0.2.8/29}}}\n"
	 "routing:\n"
	 "  - {name: a, match: {from: trunk/t, called: [\"1\", \"+2\"]}, to: [registrar]}\n"
	 "  - {name: b, match: {from: realm/r, called_prefix: 00}, reject: 403}\n"
	 "  - {name: c, to: trunk/t}\n",
	 HEAD("rempart") DATAPLANE
	 "interfaces:\n  i:\n    port: auto\n    address: 192.0.2.2/24\n    sip_address: "
	 "192.0.2.1\n" DSCP "realms:\n"
	 "  r:\n    interface: i\n    trust: untrusted\n    media_pool: p\n    topology_hiding: "
	 "full\n"
	 "    nat: off\n"
	 "  s:\n    interface: i\n    trust: peers_only\n    media_pool: p\n    profile: slow\n"
	 "    topology_hiding: full\n    nat: auto\n"
	 "media_pools:\n  p:\n    interface: i\n    ports: 2000-2999\n    quarantine: 1m\n"
	 "    exhausted: 503\n"
	 "listeners:\n  r:\n    realm: r\n    on: [\"udp:5060\", \"tcp:5060\"]\n"
	 "  s:\n    realm: s\n    on: \"udp:5080\"\n"
	 "profiles:\n  slow:\n    srtp: off\n    timeout:\n      rtp: 90s\n      hold: 2h\n"
	 "    prack: none\n    update: none\n    refer: deny\n"
	 "registrar:\n  realm: r\n  mode: local\n  domains: [a.example, b.example]\n"
	 "  users:\n    al: \"***\"\n    bob: {env: DUMP_BOB}\n  max_contacts: 5\n  min_expires: "
	 "1m\n"
	 "trunks:\n  t:\n    realm: s\n    profile: slow\n    peers:\n"
	 "      - uri: \"sip:gw@192.0.2.9\"\n        dns: a\n        priority: 1\n        weight: "
	 "10\n"
	 "    match:\n      source: [192.0.2.8/29, 192.0.2.9/32]\n"
	 "routing:\n"
	 "  - name: a\n    match:\n      from: trunk/t\n      called: [1, \"+2\"]\n    to: "
	 "registrar\n"
	 "  - name: b\n    match:\n      from: realm/r\n      called_prefix: 00\n    reject: 403\n"
	 "  - name: c\n    to: trunk/t\n" LOG},
};

static void dump(const char *text, char out[TEXT_MAX])
{
	struct conf_errors e;
	struct conf *c = NULL;
	struct buf b = buf_on(out, TEXT_MAX);

	conf_errors_init(&e);
	if (conf_load_text("/etc/rempart/test.yaml", str_c(text), &c, &e)) {
		conf_errors_print(&e, stderr);
		fail_msg("does not load:\n%s", text);
	}
	conf_dump(c, &b);
	buf_cstr(&b);
	assert_false(b.overflow);
	conf_free(c);
	conf_errors_free(&e);
}

static void golden(void **state)
{
	static char once[TEXT_MAX], twice[TEXT_MAX];

	(void)state;
	setenv("DUMP_BOB", "secret", 1);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		dump(table[i].in, once);
		assert_string_equal(once, table[i].out);
		dump(once, twice);
		assert_string_equal(once, twice);
	}
}

/* The part of docs/CONFIG.md behind its marker is what the schema says. */
static void the_reference_is_up_to_date(void **state)
{
	static char made[TEXT_MAX * 2], page[TEXT_MAX * 2];
	struct buf b = BUF_ON(made);
	FILE *f = fopen("docs/CONFIG.md", "r");
	const char *marker;
	size_t n;

	(void)state;
	assert_non_null(f);
	n = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	page[n] = 0;
	conf_dump_schema(&b);
	buf_cstr(&b);
	assert_false(b.overflow);
	marker = strstr(page, "gen-docs -->\n");
	assert_non_null(marker);
	if (strcmp(marker + strlen("gen-docs -->\n"), made) != 0)
		fail_msg("docs/CONFIG.md is not what the schema says: run scripts/gen-docs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(the_reference_is_up_to_date),
	};

	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("STATE_DIRECTORY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
