/* base/addr: texts both ways, mapped IPv6, prefixes, kinds, socket addresses, and what has to be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/addr.h"

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(str_c(text), &a), 0);
	return a;
}

static void reads_and_writes_addresses(void **state)
{
	static const struct {
		const char *in, *out;
		int family;
	} row[] = {
		{"192.0.2.1", "192.0.2.1", ADDR_V4},
		{"0.0.0.0", "0.0.0.0", ADDR_V4},
		{"255.255.255.255", "255.255.255.255", ADDR_V4},
		{"2001:db8::1", "2001:db8::1", ADDR_V6},
		{"[2001:DB8:0:0:0:0:0:1]", "2001:db8::1", ADDR_V6},
		{"::", "::", ADDR_V6},
		{"::1", "::1", ADDR_V6},
		{"::ffff:192.0.2.1", "192.0.2.1", ADDR_V4},
		{"[::FFFF:c000:0201]", "192.0.2.1", ADDR_V4},
		{"::fffe:192.0.2.1", "::fffe:c000:201", ADDR_V6},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ADDR_V6},
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct addr a = ip(row[i].in);

		assert_int_equal(a.family, row[i].family);
		assert_int_equal(a.port, 0);
		assert_string_equal(addr_ip_text(&a, text), row[i].out);
		a.port = 65535;
		assert_non_null(strstr(addr_text(&a, text), ":65535"));
	}
}

static void refuses_bad_addresses(void **state)
{
	static const char *const bad[] = {
		"",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.-4",
		"0x1.2.3.4",
		"1.2.3.4:5060",
		"[1.2.3.4]",
		"[2001:db8::1",
		"2001:db8::1]",
		"[]",
		"[",
		"[[::1]]",
		"1::2::3",
		"12345::",
		"fe80::1%eth0",
		"::g",
		"[::1]:5060",
		"localhost",
		":::",
		"1:2:3:4:5:6:7:8:9",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
	};
	struct addr a = {.port = 99};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(addr_parse_ip(str_c(bad[i]), &a), ERR_SYNTAX);
	assert_int_equal(addr_parse_ip(STR("1.2.3.4\0"), &a), ERR_SYNTAX);
	assert_int_equal(addr_parse_ip((struct str){0}, &a), ERR_SYNTAX);
	assert_int_equal(a.port, 99);
	assert_int_equal(a.family, ADDR_NONE);
}

static void reads_addresses_with_port(void **state)
{
	static const char *const same[] = {"192.0.2.1:5060", "[2001:db8::1]:1", "[::]:65535"};
	char text[ADDR_TEXT_MAX];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(addr_parse(str_c(same[i]), &a), 0);
		assert_string_equal(addr_text(&a, text), same[i]);
	}
	assert_int_equal(addr_parse(STR("[::ffff:10.0.0.1]:5061"), &a), 0);
	assert_string_equal(addr_text(&a, text), "10.0.0.1:5061");
	assert_string_equal(addr_text(&(struct addr){0}, text), "none");
}

static void refuses_bad_ports(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{"1.2.3.4", ERR_SYNTAX},
		{"1.2.3.4:", ERR_SYNTAX},
		{"1.2.3.4:0", ERR_RANGE},
		{"1.2.3.4:65536", ERR_RANGE},
		{"1.2.3.4:-1", ERR_SYNTAX},
		{"1.2.3.4:5060x", ERR_SYNTAX},
		{"2001:db8::1:5060", ERR_SYNTAX},
		{"[2001:db8::1]", ERR_SYNTAX},
		{"[2001:db8::1]5060", ERR_SYNTAX},
		{"[2001:db8::1]x:5060", ERR_SYNTAX},
		{"[1.2.3.4]:5060", ERR_SYNTAX},
		{":5060", ERR_SYNTAX},
		{"]:5060", ERR_SYNTAX},
		{"", ERR_SYNTAX},
		{"::1", ERR_SYNTAX},
		{"1.2.3.4:99999999999999999999999", ERR_RANGE},
	};
	struct addr a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(addr_parse(str_c(bad[i].text), &a), bad[i].err);
	assert_int_equal(a.family, ADDR_NONE);
}

static void reads_prefixes(void **state)
{
	static const struct {
		const char *in, *base, *host;
		unsigned len;
	} row[] = {
		{"192.0.2.77/24", "192.0.2.0", "192.0.2.77", 24},
		{"192.0.2.77", "192.0.2.77", "192.0.2.77", 32},
		{"10.255.255.255/9", "10.128.0.0", "10.255.255.255", 9},
		{"1.2.3.4/0", "0.0.0.0", "1.2.3.4", 0},
		{"2001:db8:ffff::1/33", "2001:db8:8000::", "2001:db8:ffff::1", 33},
		{"2001:db8::1", "2001:db8::1", "2001:db8::1", 128},
		{"::ffff:192.0.2.77/120", "192.0.2.0", "192.0.2.77", 24},
		{"::ffff:192.0.2.77", "192.0.2.77", "192.0.2.77", 32},
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct prefix p;
		struct addr host;

		assert_int_equal(addr_parse_prefix(str_c(row[i].in), &p, &host), 0);
		assert_int_equal(p.len_bits, row[i].len);
		assert_string_equal(addr_ip_text(&p.base, text), row[i].base);
		assert_string_equal(addr_ip_text(&host, text), row[i].host);
		assert_int_equal(addr_parse_prefix(str_c(row[i].in), &p, NULL), 0);
		assert_true(addr_in(&p, &host));
	}
}

static void refuses_bad_prefixes(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{"1.2.3.4/33", ERR_RANGE},
		{"::/129", ERR_RANGE},
		{"::ffff:1.2.3.4/95", ERR_RANGE},
		{"1.2.3.4/", ERR_SYNTAX},
		{"/24", ERR_SYNTAX},
		{"1.2.3.4/2x", ERR_SYNTAX},
		{"1.2.3.4/24/1", ERR_SYNTAX},
		{"[::1]/64", ERR_SYNTAX},
		{"1.2.3/24", ERR_SYNTAX},
	};
	struct prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(addr_parse_prefix(str_c(bad[i].text), &p, NULL), bad[i].err);
}

static bool in(const char *prefix, const char *addr)
{
	struct prefix p;
	struct addr a = ip(addr);

	assert_int_equal(addr_parse_prefix(str_c(prefix), &p, NULL), 0);
	return addr_in(&p, &a);
}

static void knows_what_is_in_a_prefix(void **state)
{
	struct prefix all;

	(void)state;
	assert_true(in("10.0.0.0/8", "10.255.0.1"));
	assert_false(in("10.0.0.0/8", "11.0.0.0"));
	assert_true(in("172.16.0.0/12", "172.31.255.255"));
	assert_false(in("172.16.0.0/12", "172.32.0.0"));
	assert_true(in("192.0.2.1/32", "192.0.2.1"));
	assert_false(in("192.0.2.1/32", "192.0.2.0"));
	assert_true(in("0.0.0.0/0", "1.2.3.4"));
	assert_false(in("0.0.0.0/0", "::1"));
	assert_false(in("::/0", "1.2.3.4"));
	assert_true(in("2001:db8::/127", "2001:db8::1"));
	assert_false(in("2001:db8::/127", "2001:db8::2"));
	assert_true(in("10.0.0.0/8", "::ffff:10.1.1.1"));
	assert_int_equal(addr_parse_prefix(STR("::/0"), &all, NULL), 0);
	assert_false(addr_in(&all, &(struct addr){0}));
	assert_false(addr_in(&(struct prefix){0}, &(struct addr){0}));
}

static void tells_kinds(void **state)
{
	static const struct {
		const char *text;
		const char *kinds; /* a any, l loopback, m multicast, b broadcast, p private */
	} row[] = {
		{"0.0.0.0", "a"},
		{"::", "a"},
		{"127.0.0.1", "l"},
		{"127.255.0.1", "l"},
		{"::1", "l"},
		{"224.0.0.1", "m"},
		{"239.255.255.255", "m"},
		{"ff02::1", "m"},
		{"255.255.255.255", "b"},
		{"10.0.0.1", "p"},
		{"172.15.255.255", ""},
		{"172.16.0.1", "p"},
		{"172.31.255.1", "p"},
		{"172.32.0.0", ""},
		{"192.168.1.1", "p"},
		{"192.169.0.0", ""},
		{"100.63.255.255", ""},
		{"100.64.0.1", "p"},
		{"100.127.255.255", "p"},
		{"100.128.0.0", ""},
		{"169.254.1.1", "p"},
		{"fe80::1", "p"},
		{"febf::1", "p"},
		{"fec0::1", ""},
		{"fc00::1", "p"},
		{"fdff::1", "p"},
		{"fe00::1", ""},
		{"8.8.8.8", ""},
		{"2001:db8::1", ""},
		{"::ffff:127.0.0.1", "l"},
		{"240.0.0.1", ""},
		{"0.0.0.1", ""},
		{"::2", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct addr a = ip(row[i].text);
		const char *k = row[i].kinds;

		assert_true(addr_is_set(&a));
		assert_int_equal(addr_is_any(&a), strchr(k, 'a') != NULL);
		assert_int_equal(addr_is_loopback(&a), strchr(k, 'l') != NULL);
		assert_int_equal(addr_is_multicast(&a), strchr(k, 'm') != NULL);
		assert_int_equal(addr_is_broadcast(&a), strchr(k, 'b') != NULL);
		assert_int_equal(addr_is_private(&a), strchr(k, 'p') != NULL);
	}
	assert_false(addr_is_set(&(struct addr){0}));
	assert_false(addr_is_any(&(struct addr){0}));
}

static void compares_with_and_without_port(void **state)
{
	struct addr a = ip("192.0.2.1"), b = ip("::ffff:192.0.2.1"), c = ip("192.0.2.2");

	(void)state;
	assert_true(addr_eq(&a, &b));
	assert_memory_equal(&a, &b, sizeof(a));
	b.port = 5060;
	assert_false(addr_eq(&a, &b));
	assert_true(addr_ip_eq(&a, &b));
	assert_false(addr_ip_eq(&a, &c));
	c = ip("c000:201::");
	assert_memory_equal(a.ip, c.ip, 16);
	assert_false(addr_ip_eq(&a, &c));
}

static void goes_to_socket_addresses_and_back(void **state)
{
	static const char *const texts[] = {"192.0.2.1:5060", "[2001:db8::1]:5061"};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_storage ss;
	struct addr a, b;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(addr_parse(str_c(texts[i]), &a), 0);
		assert_int_equal(addr_to_sockaddr(&a, &ss),
				 i ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
		assert_int_equal(ss.ss_family, i ? AF_INET6 : AF_INET);
		memset(&b, 0xee, sizeof(b));
		assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &b), 0);
		assert_memory_equal(&a, &b, sizeof(a));
	}
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	assert_int_equal(inet_pton(AF_INET6, "::ffff:10.0.0.1", &v6.sin6_addr), 1);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&v6, &b), 0);
	assert_int_equal(b.family, ADDR_V4);
	assert_int_equal(b.port, 7);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&un, &b), ERR_UNSUPPORTED);
	assert_int_equal(addr_to_sockaddr(&(struct addr){0}, &ss), 0);
	assert_int_equal(ss.ss_family, AF_UNSPEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_addresses),
		cmocka_unit_test(refuses_bad_addresses),
		cmocka_unit_test(reads_addresses_with_port),
		cmocka_unit_test(refuses_bad_ports),
		cmocka_unit_test(reads_prefixes),
		cmocka_unit_test(refuses_bad_prefixes),
		cmocka_unit_test(knows_what_is_in_a_prefix),
		cmocka_unit_test(tells_kinds),
		cmocka_unit_test(compares_with_and_without_port),
		cmocka_unit_test(goes_to_socket_addresses_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
