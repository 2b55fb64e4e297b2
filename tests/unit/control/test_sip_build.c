/* What is written: branches, our addresses, response Vias, whole responses, the allow-list, where responses go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sip/build.h"

#define assert_str(got, want) assert_true(str_eq((got), STR(want)))

static struct arena arena;
static struct sip_msg msg;
static char data[4096], out[4096];
static struct buf b;

static struct conf_interface interface;
static struct conf_realm realm = {.interface = &interface};

static struct addr addr(const char *text)
{
	struct addr a = {0};

	if (addr_parse(str_c(text), &a))
		assert_int_equal(addr_parse_ip(str_c(text), &a), 0);
	return a;
}

static struct sip_flow flow(enum conf_transport transport)
{
	return (struct sip_flow){.local = addr("10.0.0.11:5060"),
				 .remote = addr("192.0.2.1:40000"),
				 .realm = &realm,
				 .conn = UINT32_MAX,
				 .transport = transport};
}

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4096, 65536);
	interface = (struct conf_interface){0};
	realm.nat = CONF_NAT_OFF;
	b = BUF_ON(out);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* An INVITE with these Via lines and this To, from 192.0.2.1:40000. */
static void request(const char *vias, const char *to)
{
	struct sip_fault fault;
	struct buf d = BUF_ON(data);

	buf_printf(&d, "INVITE sip:x SIP/2.0\r\n%sFrom: <sip:a@b>;tag=1\r\nTo: %s\r\n", vias, to);
	buf_c(&d, "Call-ID: 1\r\nCSeq: 1 INVITE\r\nTimestamp: 54\r\n"
		  "Subject: one\r\n two\r\nX-Secret: 1\r\nUser-Agent: x\r\nAlert-Info: <a>\r\n"
		  "a: *;p\r\nPriority: \"\\\x01\"\r\nl: 0\r\n\r\n");
	assert_int_equal(sip_scan(data, d.len, &arena, &msg, &fault), 0);
	msg.flow = flow(CONF_UDP);
}

static void test_branch(void **state)
{
	char one[SIP_BRANCH_LEN], two[SIP_BRANCH_LEN];

	(void)state;
	sip_branch(0x1a2b, one);
	sip_branch(0x1a2b, two);
	assert_int_equal(strlen(one), SIP_BRANCH_LEN - 1);
	assert_true(str_starts(str_c(one), STR("z9hG4bK1a2b")));
	assert_false(str_eq(str_c(one), str_c(two)));
	assert_int_equal(sip_branch_shard(str_c(one)), 0x1a2b);
	assert_int_equal(sip_branch_shard(STR("z9hG4bK1a2b")), UINT32_MAX);
	one[8] = 'x';
	assert_int_equal(sip_branch_shard(str_c(one)), UINT32_MAX);
	assert_int_equal(sip_branch_shard(STR("")), UINT32_MAX);
}

static void test_lines(void **state)
{
	(void)state;
	sip_request_line(&b, STR("BYE"), STR("sip:a@b"));
	sip_status_line(&b, 486, STR(""));
	sip_status_line(&b, 480, STR("Gone Fishing"));
	sip_status_line(&b, 299, STR(""));
	sip_put(&b, SIP_H_CALL_ID, STR("1"));
	sip_put_u64(&b, SIP_H_MAX_FORWARDS, 70);
	assert_str(buf_view(&b), "BYE sip:a@b SIP/2.0\r\nSIP/2.0 486 Busy Here\r\n"
				 "SIP/2.0 480 Gone Fishing\r\nSIP/2.0 299 OK\r\nCall-ID: 1\r\n"
				 "Max-Forwards: 70\r\n");
}

static void test_our_address(void **state)
{
	struct sip_flow f = flow(CONF_UDP);

	(void)state;
	sip_put_via(&b, &f, STR("z9hG4bK1"));
	sip_put_contact(&b, &f, STR("al%20ice"));
	f.transport = CONF_TCP;
	sip_put_via(&b, &f, STR("z9hG4bK2"));
	sip_put_contact(&b, &f, STR(""));
	assert_str(buf_view(&b), "Via: SIP/2.0/UDP 10.0.0.11:5060;rport;branch=z9hG4bK1\r\n"
				 "Contact: <sip:al%20ice@10.0.0.11:5060>\r\n"
				 "Via: SIP/2.0/TCP 10.0.0.11:5060;rport;branch=z9hG4bK2\r\n"
				 "Contact: <sip:10.0.0.11:5060;transport=tcp>\r\n");
	b = BUF_ON(out);
	interface.advertise = addr("203.0.113.9");
	sip_put_hostport(&b, &f);
	buf_ch(&b, ' ');
	interface.advertise = addr("203.0.113.9:15060");
	sip_put_hostport(&b, &f);
	buf_ch(&b, ' ');
	f.local = addr("[2001:db8::5]:5060"); /* the other family: not this one's business */
	sip_put_hostport(&b, &f);
	buf_ch(&b, ' ');
	f.realm = NULL;
	sip_put_hostport(&b, &f);
	assert_str(buf_view(&b), "203.0.113.9:5060 203.0.113.9:15060 [2001:db8::5]:5060 "
				 "[2001:db8::5]:5060");
}

static void test_response_vias(void **state)
{
	static const struct {
		const char *in, *want;
	} row[] = {
		{"Via: SIP/2.0/UDP 192.0.2.1:40000;branch=1\r\n",
		 "Via: SIP/2.0/UDP 192.0.2.1:40000;branch=1\r\n"},
		{"Via: SIP/2.0/UDP 10.9.9.9;branch=1\r\n",
		 "Via: SIP/2.0/UDP 10.9.9.9;branch=1;received=192.0.2.1\r\n"},
		{"Via: SIP/2.0/UDP host;branch=1\r\n",
		 "Via: SIP/2.0/UDP host;branch=1;received=192.0.2.1\r\n"},
		{"Via: SIP/2.0/UDP 192.0.2.1:40000;rport;branch=1\r\n",
		 "Via: SIP/2.0/UDP 192.0.2.1:40000;branch=1;received=192.0.2.1;rport=40000\r\n"},
		/* Whatever the sender claims. */
		{"Via: SIP/2.0/UDP h;received=8.8.8.8;rport=53;branch=1;x=\"a;b\"\r\n",
		 "Via: SIP/2.0/UDP h;branch=1;x=\"a;b\";received=192.0.2.1;rport=40000\r\n"},
		{"v: SIP/2.0/UDP 192.0.2.1;branch=1, SIP/2.0/TCP b;rport\r\nVia: SIP/2.0/TLS c\r\n",
		 "Via: SIP/2.0/UDP 192.0.2.1;branch=1\r\nVia: SIP/2.0/TCP b;rport\r\n"
		 "Via: SIP/2.0/TLS c\r\n"},
		/* What cannot be read is handed back. */
		{"Via: SIP/7.0/UDP c;branch=1\r\n", "Via: SIP/7.0/UDP c;branch=1\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		request(row[i].in, "<sip:c@d>");
		b = BUF_ON(out);
		sip_put_response_vias(&b, &msg);
		if (!str_eq(buf_view(&b), str_c(row[i].want)))
			fail_msg("%s gave %.*s", row[i].in, STR_FMT(buf_view(&b)));
	}
}

static void test_response(void **state)
{
	(void)state;
	request("Via: SIP/2.0/UDP 192.0.2.1;branch=1\r\n", "<sip:c@d>");
	sip_build_response(&b, &msg, 404, STR(""), STR("t1"), STR("X: 1\r\n"));
	assert_str(buf_view(&b), "SIP/2.0 404 Not Found\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=1\r\n"
				 "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=t1\r\nCall-ID: 1\r\n"
				 "CSeq: 1 INVITE\r\nX: 1\r\nContent-Length: 0\r\n\r\n");
	b = BUF_ON(out);
	request("Via: SIP/2.0/UDP 192.0.2.1;branch=1\r\n", "<sip:c@d>;tag=theirs");
	sip_build_response(&b, &msg, 100, STR(""), STR("t1"), STR(""));
	assert_str(buf_view(&b),
		   "SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=1\r\n"
		   "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=theirs\r\nCall-ID: 1\r\n"
		   "CSeq: 1 INVITE\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n");
	b = BUF_ON(out);
	request("Via: SIP/2.0/UDP 192.0.2.1;branch=1\r\n", "sip:c@d");
	sip_build_response(&b, &msg, 200, STR(""), STR(""), STR(""));
	assert_true(str_find_str(buf_view(&b), STR("\r\nTo: sip:c@d\r\n")) > 0);
}

static void test_fault(void **state)
{
	char text[] =
		"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.1.1;branch=1\r\nTo: <sip:a@b>\r\n"
		"From: \"\r\nCall-ID: 1\r\nCall-ID: 2\r\n\r\n";
	struct sip_fault fault;
	struct str s;

	(void)state;
	assert_int_equal(sip_scan(text, sizeof(text) - 1, &arena, &msg, &fault), ERR_SYNTAX);
	assert_int_equal(fault.status, 400);
	msg.flow = flow(CONF_UDP);
	sip_build_fault(&b, &msg, &fault);
	s = buf_view(&b);
	assert_true(str_starts(s, STR("SIP/2.0 400 Duplicate Header\r\n"
				      "Via: SIP/2.0/UDP 10.1.1.1;branch=1;received=192.0.2.1\r\n"
				      "From: \"\r\nTo: <sip:a@b>;tag=")));
	assert_true(str_ends(s, STR("\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n")));
}

static void test_passed(void **state)
{
	(void)state;
	request("Via: SIP/2.0/UDP h\r\n", "<sip:c@d>");
	sip_put_passed(&b, &msg);
	assert_str(buf_view(&b),
		   "Subject: one   two\r\nAlert-Info: <a>\r\nAccept-Contact: *;p\r\n");
}

static void test_body(void **state)
{
	(void)state;
	sip_put_body(&b, STR("application/sdp"), STR("v=0\r\n"));
	assert_str(buf_view(&b),
		   "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
	b = BUF_ON(out);
	sip_put_body(&b, STR("application/sdp"), STR(""));
	assert_str(buf_view(&b), "Content-Length: 0\r\n\r\n");
}

static void test_response_flow(void **state)
{
	static const struct {
		const char *via;
		enum conf_transport transport;
		enum conf_nat nat;
		const char *want;
	} row[] = {
		{"SIP/2.0/UDP h:5090;rport", CONF_UDP, CONF_NAT_OFF, "192.0.2.1:40000"},
		{"SIP/2.0/UDP h:5090", CONF_UDP, CONF_NAT_OFF, "192.0.2.1:5090"},
		{"SIP/2.0/UDP h", CONF_UDP, CONF_NAT_OFF, "192.0.2.1:5060"},
		{"SIP/2.0/UDP h;maddr=239.1.1.1", CONF_UDP, CONF_NAT_OFF, "192.0.2.1:5060"},
		{"SIP/2.0/UDP 192.0.2.1:5090", CONF_UDP, CONF_NAT_AUTO, "192.0.2.1:5090"},
		{"SIP/2.0/UDP 10.0.0.1:5090", CONF_UDP, CONF_NAT_AUTO, "192.0.2.1:40000"},
		{"SIP/2.0/UDP 192.0.2.1:5090", CONF_UDP, CONF_NAT_REMOTE, "192.0.2.1:40000"},
		{"SIP/2.0/TCP h:5090", CONF_TCP, CONF_NAT_OFF, "192.0.2.1:40000"},
		{"SIP/7.0/UDP h:5090", CONF_UDP, CONF_NAT_OFF, "192.0.2.1:40000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char via[128], text[ADDR_TEXT_MAX];
		struct buf v = BUF_ON(via);
		struct sip_flow f;

		buf_printf(&v, "Via: %s\r\n", row[i].via);
		request(buf_cstr(&v), "<sip:c@d>");
		msg.flow.transport = row[i].transport;
		realm.nat = row[i].nat;
		f = sip_response_flow(&msg);
		if (!str_eq(str_c(addr_text(&f.remote, text)), str_c(row[i].want)))
			fail_msg("%s: %s", row[i].via, text);
		assert_true(addr_eq(&f.local, &msg.flow.local));
	}
}

static void test_overflow(void **state)
{
	char small[64];
	struct buf s = BUF_ON(small);

	(void)state;
	request("Via: SIP/2.0/UDP h\r\n", "<sip:c@d>");
	sip_build_response(&s, &msg, 200, STR(""), STR("t"), STR(""));
	assert_int_equal(buf_check(&s), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_branch),        T(test_lines),    T(test_our_address), T(test_response_vias),
		T(test_response),      T(test_fault),    T(test_passed),      T(test_body),
		T(test_response_flow), T(test_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
