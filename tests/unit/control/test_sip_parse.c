/* URIs, name-addrs and Vias: what they are taken apart into, what is refused, equality, and no leak or crash when memory ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sip/msg.h"

#define assert_str(got, want) assert_true(str_eq((got), STR(want)))

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4096, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return mem_live() == 0 ? 0 : -1;
}

static struct sip_uri uri(const char *text)
{
	struct sip_uri u = {0};

	if (sip_parse_uri(str_c(text), &arena, &u))
		fail_msg("refused: %s", text);
	return u;
}

static void test_uri(void **state)
{
	struct sip_uri u = uri("sip:alice:secret@Example.com:5070;transport=tcp;LR?Subject=x&a=b");

	(void)state;
	assert_int_equal(u.scheme, SIP_URI_SIP);
	assert_str(u.user, "alice");
	assert_str(u.password, "secret");
	assert_str(u.host, "Example.com");
	assert_int_equal(u.port, 5070);
	assert_false(addr_is_set(&u.addr));
	assert_int_equal(u.params.n, 2);
	assert_str(sip_param_find(&u.params, STR("Transport"))->value, "tcp");
	assert_true(sip_param_find(&u.params, STR("transport"))->has_value);
	assert_false(sip_param_find(&u.params, STR("lr"))->has_value);
	assert_null(sip_param_find(&u.params, STR("maddr")));
	assert_str(u.headers, "Subject=x&a=b");
	u = uri("SIPS:192.0.2.7");
	assert_int_equal(u.scheme, SIP_URI_SIPS);
	assert_int_equal(u.user.len, 0);
	assert_int_equal(u.port, 0);
	assert_int_equal(u.addr.family, ADDR_V4);
	assert_int_equal(u.addr.port, 0);
	u = uri("sip:[2001:db8::1]:5061");
	assert_str(u.host, "2001:db8::1");
	assert_int_equal(u.addr.family, ADDR_V6);
	assert_int_equal(u.addr.port, 5061);
	u = uri("sip:+1-212-555-1212:1234@gateway.com;user=phone");
	assert_str(u.user, "+1-212-555-1212");
	u = uri("sip:*31#@host");
	assert_str(u.user, "*31#");
	u = uri("sip:a%40b;x=y@[::1];lr");
	assert_str(u.user, "a%40b;x=y");
	assert_str(u.host, "::1");
	u = uri("sip:a");
	assert_str(u.host, "a");
}

static void test_other_schemes(void **state)
{
	struct sip_uri u = uri("tel:+1-201-555-0123;phone-context=+1;NPDI;rn=+1-202");

	(void)state;
	assert_int_equal(u.scheme, SIP_URI_TEL);
	assert_str(u.user, "+1-201-555-0123;phone-context=+1;NPDI;rn=+1-202");
	assert_int_equal(u.params.n, 3);
	assert_str(sip_param_find(&u.params, STR("rn"))->value, "+1-202");
	assert_int_equal(uri("tel:7").scheme, SIP_URI_TEL);
	assert_int_equal(uri("urn:service:sos").scheme, SIP_URI_OTHER);
	assert_int_equal(uri("soap.beep://192.0.2.103:3002").scheme, SIP_URI_OTHER);
	assert_int_equal(uri("sipx:whatever").scheme, SIP_URI_OTHER);
}

static void test_bad_uris(void **state)
{
	static const char *const bad[] = {
		"",
		"sip",
		"sip:",
		":a@b",
		"1sip:a@b",
		"s ip:a@b",
		"sip:@b",
		"sip::x@b",
		"sip:a@",
		"sip:a@:5060",
		"sip:a@b:",
		"sip:a@b:0",
		"sip:a@b:65536",
		"sip:a@b:123456",
		"sip:a@b:50x0",
		"sip:a@b:5060:5061",
		"sip:a@b@c",
		"sip:a@b;x=@",
		"sip:a@b;",
		"sip:a@b;;lr",
		"sip:a@b;=x",
		"sip:a@b;x=",
		"sip:a@b;%zz",
		"sip:a%4@b",
		"sip:a%gg@b",
		"sip:a@b?",
		"sip:a@b c",
		"sip:a <b>",
		"sip:a\"@b",
		"sip:a@b>",
		"sip:a@\xc3\xa4",
		"sip:2001:db8::1",
		"sip:a@2001:db8::10:5070",
		"sip:[2001:db8::1",
		"sip:[]",
		"sip:[192.0.2.1]",
		"sip:[::g]",
		"sip:[fe80::1%25eth0]",
		"sip:a@1.2.3.4.5",
		"sip:a@256.1.1.1",
		"sip:a@1.2.3",
		"sip:a@b/c",
		"sip:a@b;transport=tcp;transport=udp",
		"sip:a@b;maddr=c;MADDR=d",
		"sip:a@b;%6daddr=c;maddr=d",
		"sip:a:@b",
		"tel:",
		"tel:x",
		"tel:+1;",
		"tel:+1;x=",
		"sip:a@[::1]x",
		"sip:a@[::1]5060",
	};
	struct sip_uri u;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sip_parse_uri(str_c(bad[i]), &arena, &u) != ERR_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(sip_parse_uri(str_n("sip:a\0b@c", 9), &arena, &u), ERR_SYNTAX);
}

/* The worst that one line can hold goes through or is refused, and takes no more than a little of the arena. */
static void test_big_uris(void **state)
{
	char text[SIP_LINE_MAX + 1];
	struct buf b = BUF_ON(text);
	struct sip_uri u;

	(void)state;
	buf_c(&b, "sip:a@b");
	for (int i = 0; i < SIP_PARAMS_MAX; i++)
		buf_printf(&b, ";p%d=v", i);
	assert_int_equal(sip_parse_uri(buf_view(&b), &arena, &u), 0);
	assert_int_equal(u.params.n, SIP_PARAMS_MAX);
	buf_c(&b, ";x");
	assert_int_equal(sip_parse_uri(buf_view(&b), &arena, &u), ERR_LIMIT);
	b = BUF_ON(text);
	buf_c(&b, "sip:");
	while (b.len < 1000)
		buf_ch(&b, 'u');
	buf_c(&b, "@h;p=");
	while (b.len < SIP_LINE_MAX)
		buf_ch(&b, 'v');
	assert_int_equal(sip_parse_uri(buf_view(&b), &arena, &u), 0);
	buf_ch(&b, 'v');
	assert_int_equal(sip_parse_uri(buf_view(&b), &arena, &u), ERR_LIMIT);
	b = BUF_ON(text);
	buf_c(&b, "sip:a@b?x=y");
	while (b.len < SIP_LINE_MAX - 4)
		buf_c(&b, "&x=y");
	assert_int_equal(sip_parse_uri(buf_view(&b), &arena, &u), 0);
}

static struct sip_nameaddr nameaddr(const char *text)
{
	struct sip_nameaddr na = {0};

	if (sip_parse_nameaddr(str_c(text), &arena, &na))
		fail_msg("refused: %s", text);
	return na;
}

static void test_nameaddr(void **state)
{
	struct sip_nameaddr na =
		nameaddr("\"A \\\"B\\\" <x>, \xc3\xa4\" <sip:a@b;lr>;tag=x ; q=0.5");

	(void)state;
	assert_str(na.display, "A \\\"B\\\" <x>, \xc3\xa4");
	assert_str(na.uri.user, "a");
	assert_int_equal(na.uri.params.n, 1);
	assert_str(sip_nameaddr_tag(&na), "x");
	assert_str(sip_param_find(&na.params, STR("q"))->value, "0.5");
	na = nameaddr("sip:a@b;tag=y");
	assert_int_equal(na.uri.params.n, 0);
	assert_str(sip_nameaddr_tag(&na), "y");
	assert_str(na.uri.raw, "sip:a@b");
	na = nameaddr("Alice Liddell <sip:a@b>");
	assert_str(na.display, "Alice Liddell");
	assert_int_equal(sip_nameaddr_tag(&na).len, 0);
	na = nameaddr("J\xc3\xbcrgen<sip:a@b>");
	assert_str(na.display, "J\xc3\xbcrgen");
	na = nameaddr("<sip:a@b>;+sip.instance=\"<urn:uuid:1>\";reg-id=1");
	assert_str(sip_param_find(&na.params, STR("+sip.instance"))->value, "<urn:uuid:1>");
	na = nameaddr("sip:a@b;+sip.instance=\"<urn:uuid:1>\"");
	assert_str(na.uri.host, "b");
	na = nameaddr(" * ");
	assert_true(na.star);
	na = nameaddr("\"\" <sip:a@b>");
	assert_int_equal(na.display.len, 0);
	na = nameaddr("tel:+1;tag=2");
	assert_str(na.uri.user, "+1");
	assert_str(sip_nameaddr_tag(&na), "2");
	na = nameaddr("<sip:a@b>;tag=abc==");
	assert_str(sip_nameaddr_tag(&na), "abc==");
}

static void test_bad_nameaddrs(void **state)
{
	static const char *const bad[] = {
		"",
		"<",
		"<>",
		"\"",
		"\"a",
		"\"a\"",
		"\"a\" sip:a@b",
		"\"a\" x <sip:a@b>",
		"<sip:a@b",
		"< sip:a@b>",
		"<sip:a@b >",
		"<sip:a@b>x",
		"<sip:a@b>,",
		"<sip:a@b>;",
		"<sip:a@b>;;x",
		"<sip:a@b>;tag",
		"<sip:a@b>;tag=",
		"<sip:a@b>;tag=\"\"",
		"<sip:a@b>;tag=1;tag=2",
		"<sip:a@b>;x=\"",
		"<sip:a@b>;x=\"y\"z",
		"<sip:a@b>; =x",
		"<sip:a@b> <sip:c@d>",
		"a, b <sip:a@b>",
		"a;b <sip:a@b>",
		"a@b <sip:a@b>",
		"sip:a@b?x=y",
		"sip:a@b,c",
		"sip:a;x=y@b",
		"sip:a@b x",
		"sip:a@b;x=a b",
		"<<sip:a@b>>",
		"**",
		"* ;q=1",
		"<sip:a@b>;x=<y>",
		"a\\b <sip:a@b>",
	};
	struct sip_nameaddr na;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sip_parse_nameaddr(str_c(bad[i]), &arena, &na) != ERR_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
}

static void test_via(void **state)
{
	struct sip_via v;

	(void)state;
	assert_int_equal(
		sip_parse_via(STR("SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bK1;x=\"(;\""),
			      &arena, &v),
		0);
	assert_str(v.transport, "UDP");
	assert_str(v.host, "192.0.2.1");
	assert_int_equal(v.port, 5070);
	assert_str(v.branch, "z9hG4bK1");
	assert_int_equal(v.params.n, 3);
	assert_str(sip_param_find(&v.params, STR("x"))->value, "(;");
	assert_int_equal(
		sip_parse_via(STR("SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 "
				  ";branch=z9hG4bKa7c6a8dlze.1"),
			      &arena, &v),
		0);
	assert_str(v.host, "first.example.com");
	assert_int_equal(v.port, 4000);
	assert_int_equal(sip_parse_via(STR("sip/2.0/TLS [2001:db8::9:1]:5061"), &arena, &v), 0);
	assert_str(v.host, "2001:db8::9:1");
	assert_int_equal(v.branch.len, 0);
}

static void test_bad_vias(void **state)
{
	static const char *const bad[] = {
		"",
		"SIP",
		"SIP/2.0",
		"SIP/2.0/UDP",
		"SIP/2.0/UDP ",
		"SIP/2.0/UDP ;branch=1",
		"SIP/3.0/UDP h",
		"XYZ/2.0/UDP h",
		"SIP/2.0/ h",
		"SIP//UDP h",
		"SIP/2.0/UDP[::1]",
		"SIP/2.0/UDP h h",
		"SIP/2.0/UDP h;",
		"SIP/2.0/UDP h;branch",
		"SIP/2.0/UDP h;branch=",
		"SIP/2.0/UDP h;branch=a;branch=b",
		"SIP/2.0/UDP h:",
		"SIP/2.0/UDP h:0",
		"SIP/2.0/UDP h:99999",
		"SIP/2.0/UDP 2001:db8::1",
		"SIP/2.0/UDP [::1",
		"SIP/2.0/UDP h (comment)",
		"SIP/2.0/UDP h,",
		"SIP/2.0/UDP h;rport;rport",
		"SIP/2.0/UDP h;received=1;received=2",
		"SIP/2.0/UDP 1.2.3.4.5",
		"SIP/2.0/UDP h/x",
	};
	struct sip_via v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sip_parse_via(str_c(bad[i]), &arena, &v) != ERR_SYNTAX)
			fail_msg("accepted: %s", bad[i]);
}

/* The examples of RFC 3261 19.1.4, and then some. */
static void test_equality(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} row[] = {
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp",
		 true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		 "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		 "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP",
		 false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@b", "sips:a@b", false},
		{"sip:a@b", "sip:b", false},
		{"sip:a:x@b", "sip:a:y@b", false},
		{"sip:a@b;lr", "sip:a@b", true},
		{"sip:a@b;user=phone", "sip:a@b", false},
		{"sip:a@b;maddr=c", "sip:a@b", false},
		{"sip:a@b;ttl=1", "sip:a@b", false},
		{"sip:a%40x@b", "sip:a%40X@b", false},
		{"sip:a%3bx@b", "sip:a;x@b", false},
		{"sip:a%3Bx@b", "sip:a%3bx@b", true},
		{"sip:%00@b", "sip:%00%00@b", false},
		{"sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true},
		{"sip:a@b?x=y&x=y", "sip:a@b?x=y", false},
		{"tel:+1-201-555-0123", "tel:+12015550123", true},
		{"tel:+1-201", "tel:+1-2010", false},
		{"tel:1;phone-context=a", "tel:1", false},
		{"urn:service:sos", "urn:service:sos", true},
		{"urn:service:sos", "urn:service:SOS", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sip_uri a, b;

		a = uri(row[i].a);
		b = uri(row[i].b);
		if (sip_uri_eq(&a, &b) != row[i].equal || sip_uri_eq(&b, &a) != row[i].equal)
			fail_msg("%s and %s", row[i].a, row[i].b);
		assert_true(sip_uri_eq(&a, &a));
	}
}

static const char invite[] =
	"INVITE sip:bob%20x@[2001:db8::1];lr;%6Cx=1 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP a.example.com;branch=z9hG4bK1, SIP/2.0/TCP b.example.com\r\n"
	"From: \"A\" <sip:a@b;x=y>;tag=1\r\nTo: <sip:c@d>;x=y\r\nCall-ID: 1\r\nCSeq: 7 INVITE\r\n"
	"Contact: <sip:a@192.0.2.1:5062;ob>;expires=60\r\n"
	"Route: <sip:p1;lr>, <sip:p2;lr>\r\nRoute: <sip:p3;lr>\r\n"
	"Record-Route: <sip:r1;lr>,<sip:r2;lr>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";

static int parse_all(struct sip_msg *m, char *data, size_t len, struct arena *a)
{
	struct sip_fault fault = {0};
	int err;

	memcpy(data, invite, len);
	err = sip_scan(data, len, a, m, &fault);
	assert_int_equal(err, 0);
	err = sip_msg_check(m, &fault);
	if (err)
		assert_int_equal(fault.status, err == ERR_NOMEM ? 500 : 400);
	return err;
}

static void test_remembered(void **state)
{
	const struct sip_nameaddr *f1, *f2;
	const struct sip_cseq *cseq;
	struct sip_nameaddr *list;
	char data[sizeof(invite)];
	struct sip_msg m;
	size_t n, used;

	(void)state;
	assert_int_equal(parse_all(&m, data, sizeof(invite) - 1, &arena), 0);
	assert_int_equal(sip_msg_cseq(&m, &cseq), 0);
	assert_int_equal(cseq->number, 7);
	used = arena.used_bytes;
	assert_int_equal(sip_msg_from(&m, &f1), 0);
	assert_int_equal(sip_msg_from(&m, &f2), 0);
	assert_ptr_equal(f1, f2);
	assert_int_equal(sip_msg_routes(&m, &list, &n), 0);
	assert_int_equal(n, 3);
	assert_str(list[2].uri.host, "p3");
	assert_int_equal(sip_msg_record_routes(&m, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(arena.used_bytes, used);
	assert_true(used < 4096);
}

static void test_allocation_failures(void **state)
{
	char data[sizeof(invite)];
	struct sip_msg m;
	bool failed = true;

	(void)state;
	/* Tiny chunks: every allocation of the arena is one of the heap. */
	for (uint64_t nth = 1; failed; nth++) {
		struct arena small;
		int err;

		arena_init(&small, 64, 65536);
		mem_fail_nth(nth);
		err = parse_all(&m, data, sizeof(invite) - 1, &small);
		failed = mem_fail_nth(0) >= nth;
		assert_int_equal(err, failed ? ERR_NOMEM : 0);
		/* Nothing half done: it works at once when memory is there. */
		assert_int_equal(parse_all(&m, data, sizeof(invite) - 1, &small), 0);
		arena_free(&small);
		assert_true(nth < 100);
	}
}

/* From, To and friends that are refused stay refused, and the message is as it was. */
static void test_on_demand_errors(void **state)
{
	char data[] =
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch\r\nFrom: *\r\nTo: <sip:a@b>;tag\r\n"
		"Call-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@b>,\r\nRoute: *\r\n\r\n";
	const struct sip_nameaddr *na;
	const struct sip_via *via;
	const struct sip_uri *u;
	struct sip_nameaddr *list;
	struct sip_fault fault;
	struct sip_msg m;
	size_t n;

	(void)state;
	assert_int_equal(sip_scan(data, sizeof(data) - 1, &arena, &m, &fault), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sip_msg_via(&m, &via), ERR_SYNTAX);
		assert_int_equal(sip_msg_from(&m, &na), ERR_SYNTAX);
		assert_int_equal(sip_msg_to(&m, &na), ERR_SYNTAX);
		assert_int_equal(sip_msg_contacts(&m, &list, &n), ERR_SYNTAX);
		assert_int_equal(sip_msg_routes(&m, &list, &n), ERR_SYNTAX);
		assert_int_equal(sip_msg_ruri(&m, &u), ERR_NOENT);
		assert_int_equal(sip_msg_record_routes(&m, &list, &n), 0);
		assert_int_equal(n, 0);
	}
	assert_int_equal(sip_msg_check(&m, &fault), ERR_SYNTAX);
	assert_int_equal(fault.status, 0);
}

static unsigned check(const char *method, const char *contact)
{
	char data[1024];
	struct buf b = BUF_ON(data);
	struct sip_fault fault = {0};
	struct sip_msg m;

	buf_printf(&b, "%s sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>\r\n", method);
	buf_printf(&b, "To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 %s\r\nContact: %s\r\n\r\n", method,
		   contact);
	assert_int_equal(sip_scan(data, b.len, &arena, &m, &fault), 0);
	return sip_msg_check(&m, &fault) ? fault.status : 200;
}

static void test_one_contact(void **state)
{
	(void)state;
	assert_int_equal(check("INVITE", "<sip:a@b>"), 200);
	assert_int_equal(check("INVITE", "<sip:a@b>, <sip:c@d>"), 400);
	assert_int_equal(check("INVITE", "*"), 400);
	assert_int_equal(check("REGISTER", "<sip:a@b>, <sip:c@d>"), 200);
	assert_int_equal(check("REGISTER", "*"), 200);
	assert_int_equal(check("REGISTER", "*, <sip:a@b>"), 400);
	assert_int_equal(check("REGISTER", "*, *"), 400);
	assert_int_equal(check("REGISTER", ""), 400);
	assert_int_equal(check("ACK", "*"), 0);
}

/* RFC 3261 19.1.1, table 1: what a Request-URI does not have. */
static void test_target(void **state)
{
	static const char *const row[][2] = {
		{"sip:a@h", "sip:a@h"},
		{"sip:a;x=1@h:5070;transport=tcp;lr", "sip:a;x=1@h:5070;transport=tcp;lr"},
		{"sip:a@h?Route=%3Csip:x%3E&b=c", "sip:a@h"},
		{"sip:a@[2001:db8::1]:5062;METHOD=BYE", "sip:a@[2001:db8::1]:5062"},
		{"sip:a?b@h;x=y;method=INVITE;ob?Subject=z", "sip:a?b@h;x=y;ob"},
		{"sips:h;method=INVITE;transport=tcp", "sips:h;transport=tcp"},
		{"tel:+49;method=x", "tel:+49;method=x"},
	};
	struct str out;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct sip_uri u = uri(row[i][0]);

		assert_int_equal(sip_uri_target(&u, &arena, &out), 0);
		assert_true(str_eq(out, str_c(row[i][1])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_uri),
		T(test_other_schemes),
		T(test_bad_uris),
		T(test_big_uris),
		T(test_nameaddr),
		T(test_bad_nameaddrs),
		T(test_via),
		T(test_bad_vias),
		T(test_equality),
		T(test_remembered),
		T(test_allocation_failures),
		T(test_on_demand_errors),
		T(test_one_contact),
		T(test_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
