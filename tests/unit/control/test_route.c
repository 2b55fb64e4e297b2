/* Sources, trust and routes as tables: every row is one rule of policy/route.h. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "policy/route.h"

static const char conf_text[] =
	"version: 1\n"
	"dataplane: {ports: {p0: {vdev: \"net_af_packet,iface=eth0\"}}}\n"
	"interfaces:\n"
	"  pub: {port: p0, address: [192.0.2.10/24, \"2001:db8::10/64\"], sip_address: "
	"[192.0.2.11, "
	"\"2001:db8::11\"]}\n"
	"media_pools: {pub: {interface: pub, ports: 20000-20999}}\n"
	"realms:\n"
	"  open: {interface: pub, trust: trusted, media_pool: pub}\n"
	"  peers: {interface: pub, trust: peers_only, media_pool: pub}\n"
	"  world: {interface: pub, trust: untrusted, media_pool: pub}\n"
	"listeners:\n"
	"  open: {realm: open, on: [udp:5060]}\n"
	"  peers: {realm: peers, on: [udp:5061]}\n"
	"  world: {realm: world, on: [udp:5062]}\n"
	"registrar: {realm: world, users: {alice: x}}\n"
	"trunks:\n"
	"  wide: {realm: peers, peers: [{uri: \"sip:10.1.0.1\"}], match: {source: [10.0.0.0/8]}}\n"
	"  narrow: {realm: peers, peers: [{uri: \"sip:10.2.0.1\"}], match: {source: [10.2.0.0/16, "
	"\"2001:db8:7::/48\"]}}\n"
	"  other: {realm: world, peers: [{uri: \"sip:10.3.0.1\"}], match: {source: [10.3.0.1]}}\n"
	"  named: {realm: peers, peers: [{uri: \"sip:10.4.0.1\"}], match: {tls_san: n.example}}\n"
	"  both: {realm: peers, peers: [{uri: \"sip:10.5.0.1\"}], match: {tls_san: b.example, "
	"source: [10.5.0.0/16]}}\n"
	"routing:\n"
	"  - {name: echo, match: {called: [\"600\", \"601\"]}, to: media/echo}\n"
	"  - {name: premium, match: {from: realm/world, called_prefix: [\"0900\", \"+49900\"]}, "
	"reject: "
	"403}\n"
	"  - {name: narrow-in, match: {from: trunk/narrow, called_prefix: \"7\"}, to: registrar}\n"
	"  - {name: world, match: {from: realm/world}, to: trunk/wide}\n";

static struct conf *conf;

static int setup(void **state)
{
	struct conf_errors errors;
	int err;

	(void)state;
	conf_errors_init(&errors);
	err = conf_load_text("test.yaml", str_c(conf_text), &conf, &errors);
	conf_errors_print(&errors, stderr);
	conf_errors_free(&errors);
	return err;
}

static int teardown(void **state)
{
	(void)state;
	conf_free(conf);
	return 0;
}

static struct sip_flow flow_of(const char *realm, const char *ip)
{
	struct sip_flow f = {.realm = conf_realm(conf, str_c(realm)), .conn = UINT32_MAX};

	assert_non_null(f.realm);
	assert_int_equal(addr_parse_ip(str_c(ip), &f.remote), 0);
	f.remote.port = 5060;
	return f;
}

static void trunk_by_source(void **state)
{
	static const struct {
		const char *realm, *ip, *trunk;
	} row[] = {
		{"peers", "10.9.9.9", "wide"}, /* prefix */
		{"peers", "10.2.3.4",
		 "narrow"},                    /* the longer prefix wins, though it stands later */
		{"peers", "10.1.0.1", "wide"}, /* a peer's own address */
		{"peers", "2001:db8:7::1", "narrow"}, /* v6 */
		{"peers", "2001:db8:8::1", NULL},
		{"peers", "11.0.0.1", NULL},
		{"peers", "10.3.0.1", "wide"}, /* other's address, but other is not of this realm */
		{"world", "10.3.0.1", "other"},
		{"world", "10.2.3.4", NULL}, /* another realm's source is nobody here */
		{"open", "10.2.3.4", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sip_flow f = flow_of(row[i].realm, row[i].ip);
		const struct conf_trunk *t = trunk_match(conf, &f);

		if (!row[i].trunk) {
			assert_null(t);
			continue;
		}
		assert_non_null(t);
		assert_true(str_eq(t->name, str_c(row[i].trunk)));
	}
}

/* A name, and a source too where both are given; a name counts for more. */
static void trunk_by_name(void **state)
{
	static const struct {
		const char *realm, *ip, *name, *trunk;
	} row[] = {
		{"peers", "203.0.113.5", "n.example", "named"},
		{"peers", "203.0.113.5", "N.Example", "named"},
		{"peers", "10.2.3.4", "n.example", "named"},
		{"peers", "203.0.113.5", "", NULL},
		{"peers", "10.4.0.1", "", "wide"}, /* its peer's address is no proof */
		{"world", "203.0.113.5", "n.example", NULL},
		{"peers", "10.5.9.9", "b.example", "both"},
		{"peers", "10.5.0.1", "", "wide"},
		{"peers", "10.5.0.1", "n.example", "named"},
		{"peers", "203.0.113.5", "b.example", NULL},
		{"peers", "10.6.0.1", "b.example", "wide"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sip_flow f = flow_of(row[i].realm, row[i].ip);
		const struct conf_trunk *t;

		f.tls_name = str_c(row[i].name);
		t = trunk_match(conf, &f);
		assert_true(str_eq(t ? t->name : STR(""), str_c(row[i].trunk ? row[i].trunk : "")));
	}
}

static void trunk_needs_a_realm(void **state)
{
	struct sip_flow f = flow_of("peers", "10.9.9.9");

	(void)state;
	f.realm = NULL;
	assert_null(trunk_match(conf, &f));
}

static void verdicts(void **state)
{
	const struct conf_trunk *t = conf_trunk(conf, STR("wide"));
	static const struct {
		const char *realm;
		bool trunk;
		enum source_verdict want;
	} row[] = {
		{"open", false, SOURCE_ALLOW},      {"open", true, SOURCE_ALLOW},
		{"peers", false, SOURCE_DENY},      {"peers", true, SOURCE_ALLOW},
		{"world", false, SOURCE_CHALLENGE}, {"world", true, SOURCE_ALLOW},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(source_check(conf_realm(conf, str_c(row[i].realm)),
					      row[i].trunk ? t : NULL),
				 row[i].want);
	assert_int_equal(source_check(NULL, t), SOURCE_DENY);
}

static void routes(void **state)
{
	static const struct {
		const char *realm, *trunk, *called, *route;
	} row[] = {
		{"open", NULL, "600", "echo"},
		{"open", NULL, "601", "echo"},
		{"open", NULL, "6001", NULL}, /* called is the whole number */
		{"open", NULL, "60", NULL},
		{"open", NULL, "", NULL},
		{"world", NULL, "600", "echo"}, /* first match wins */
		{"world", NULL, "090012", "premium"},
		{"world", NULL, "0900", "premium"},
		{"world", NULL, "090", "world"},
		{"world", NULL, "+4990077", "premium"},
		{"world", NULL, "0%3900", "premium"}, /* an escaped 9 is a 9 */
		{"world", NULL, "%30%39%30%30", "premium"},
		{"world", NULL, "09%3", "world"}, /* not an escape */
		{"world", NULL, "09%zz00", "world"},
		{"world", NULL, "%2B49900", "premium"},
		{"world", NULL, "%2b49900", "premium"},
		{"open", NULL, "600;phone-context=x", "echo"},
		{"open", NULL, "600%3Bx", NULL}, /* an escaped ; is part of the name */
		{"world", NULL, "anything", "world"},
		{"peers", "narrow", "71", "narrow-in"},
		{"peers", "narrow", "81", NULL}, /* all given parts must match */
		{"peers", "wide", "71", NULL},   /* another trunk */
		{"peers", NULL, "71", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct conf_trunk *t =
			row[i].trunk ? conf_trunk(conf, str_c(row[i].trunk)) : NULL;
		const struct conf_route *r = route_find(conf, conf_realm(conf, str_c(row[i].realm)),
							t, str_c(row[i].called));

		if (!row[i].route != !r || (r && !str_eq(r->name, str_c(row[i].route))))
			fail_msg("%s from %s: not %s", row[i].called, row[i].realm,
				 row[i].route ? row[i].route : "nothing");
	}
}

static void peers(void **state)
{
	struct conf_peer p[] = {
		{.uri = STR_INIT("a"), .priority = 2, .weight = 50},
		{.uri = STR_INIT("b"), .priority = 1, .weight = 10},
		{.uri = STR_INIT("c"), .priority = 1, .weight = 30},
		{.uri = STR_INIT("d"), .priority = 1, .weight = 0},
	};
	struct conf_trunk t = {.peer = p, .n_peer = 4};
	unsigned count[4] = {0};

	(void)state;
	for (uint64_t r = 0; r <= UINT32_MAX; r += 1U << 20)
		count[trunk_peer(&t, (uint32_t)r) - p]++;
	assert_int_equal(count[0], 0); /* a higher number only when the lower ones are gone */
	assert_int_equal(count[1], 1024);
	assert_int_equal(count[2], 3072);
	assert_int_equal(count[3], 0); /* weight 0 beside others: last */
	assert_ptr_equal(trunk_peer(&t, 0), &p[1]);
	assert_ptr_equal(trunk_peer(&t, UINT32_MAX), &p[2]);

	p[1].weight = p[2].weight = 0;
	assert_ptr_equal(trunk_peer(&t, 0), &p[1]);
	assert_ptr_equal(trunk_peer(&t, 1U << 31), &p[2]);
	assert_ptr_equal(trunk_peer(&t, UINT32_MAX), &p[3]);
	t.n_peer = 0;
	assert_null(trunk_peer(&t, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trunk_by_source),
		cmocka_unit_test(trunk_by_name),
		cmocka_unit_test(trunk_needs_a_realm),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(routes),
		cmocka_unit_test(peers),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
