/* The scan, rule by rule and limit by limit, each one step inside and one outside; header names; framing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sip/msg.h"

#define assert_str(got, want) assert_true(str_eq((got), STR(want)))

static struct arena arena;
static struct sip_msg msg;
static struct sip_fault fault;
static char data[70000];
static struct buf b;

/* A good OPTIONS up to its last header. */
static void begin_with(const char *start)
{
	b = BUF_ON(data);
	buf_c(&b, start);
	buf_c(&b, "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
		  "To: <sip:c@d>\r\nCall-ID: x@y\r\nCSeq: 1 OPTIONS\r\n");
}

static void begin(void)
{
	begin_with("OPTIONS sip:c@d SIP/2.0");
}

static void repeat(const char *text, size_t n)
{
	while (n--)
		buf_c(&b, text);
}

/* 0, or the status of the fault; 1: silent. */
static unsigned scan(void)
{
	int err;

	assert_int_equal(buf_check(&b), 0);
	arena_free(&arena);
	arena_init(&arena, 4096, 65536);
	memset(&msg, 0xa5, sizeof(msg)); /* nothing may be left from before */
	fault = (struct sip_fault){0};
	err = sip_scan(data, b.len, &arena, &msg, &fault);
	if (!err)
		return 0;
	assert_true(err == ERR_SYNTAX || err == ERR_LIMIT);
	assert_non_null(fault.text);
	return fault.status ? fault.status : 1;
}

static unsigned end(void)
{
	buf_c(&b, "\r\n");
	return scan();
}

static unsigned with(const char *lines)
{
	begin();
	buf_c(&b, lines);
	return end();
}

static unsigned raw(struct str text)
{
	b = BUF_ON(data);
	buf_str(&b, text);
	return scan();
}

static void test_plain(void **state)
{
	uint16_t i = 0;
	struct str v;

	(void)state;
	assert_int_equal(with("X-One: 1\r\nX-Two:2  \r\nContent-Length: 0\r\n"), 0);
	assert_true(msg.is_request);
	assert_int_equal(msg.method, SIP_M_OPTIONS);
	assert_str(msg.method_name, "OPTIONS");
	assert_str(msg.ruri, "sip:c@d");
	assert_int_equal(msg.n_hdr, 8);
	assert_str(sip_msg_hdr(&msg, SIP_H_CALL_ID), "x@y");
	assert_null(sip_msg_hdr(&msg, SIP_H_CONTACT).p);
	assert_int_equal(msg.body.len, 0);
	assert_true(sip_msg_each(&msg, SIP_H_OTHER, &i, &v));
	assert_str(v, "1");
	assert_true(sip_msg_each(&msg, SIP_H_OTHER, &i, &v));
	assert_str(v, "2");
	assert_false(sip_msg_each(&msg, SIP_H_OTHER, &i, &v));
	/* Leading CRLFs, RFC 3261 7.5. */
	assert_int_equal(
		raw(STR("\r\n\r\nOPTIONS sip:c@d SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\n"
			"t: <sip:a@b>\r\ni: 1\r\nCSeq: 0 OPTIONS\r\n\r\n")),
		0);
	assert_int_equal(msg.raw.p - data, 4);
}

static void test_response(void **state)
{
	(void)state;
	begin_with("SIP/2.0 183 Session Progress");
	assert_int_equal(end(), 0);
	assert_false(msg.is_request);
	assert_int_equal(msg.status, 183);
	assert_str(msg.reason, "Session Progress");
	assert_int_equal(msg.method, SIP_M_OPTIONS);
	begin_with("SIP/2.0 200");
	assert_int_equal(end(), 0);
	begin_with("SIP/2.0 099 x");
	assert_int_equal(end(), 1);
	begin_with("SIP/2.0 700 x");
	assert_int_equal(end(), 1);
	begin_with("SIP/2.0 2000 x");
	assert_int_equal(end(), 1);
	begin_with("SIP/2.0  200 x");
	assert_int_equal(end(), 1);
	begin_with("SIP/3.0 200 x");
	assert_int_equal(end(), 1);
}

static void test_not_sip(void **state)
{
	(void)state;
	assert_int_equal(raw(STR("")), 1);
	assert_int_equal(raw(STR("\r\n\r\n")), 1);
	assert_int_equal(raw(STR("\0\0\0\0")), 1);
	assert_int_equal(raw(STR("GET / HTTP/1.1\r\nVia: SIP/2.0/UDP x\r\n\r\n")), 1);
	assert_int_equal(raw(STR("OPTIONS sip:c@d SIP/2.0")), 1);
	assert_int_equal(raw(STR("SIP/2.0\r\n\r\n")), 1);
	assert_int_equal(raw(STR("\x16\x03\x01\x02\x00\x01\r\n\r\n")), 1);
	assert_true(fault.close_stream);
	/* Nobody to answer to. */
	assert_int_equal(raw(STR("OPTIONS sip:c@d SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n")), 1);
}

static void test_start_line(void **state)
{
	static const struct {
		const char *line;
		unsigned want;
	} row[] = {
		{"OPTIONS sip:c@d SIP/2.0", 0},
		{"OPTIONS sip:c@d sip/2.0", 0},
		{"OPTIONS sip:c@d SIP/1.0", 505},
		{"OPTIONS sip:c@d SIP/2.00", 505},
		{"OPTIONS  sip:c@d SIP/2.0", 400},
		{"OPTIONS sip:c@d  SIP/2.0", 400},
		{"OPTIONS sip:c@d SIP/2.0 ", 400},
		{"OPTIONS\tsip:c@d SIP/2.0", 1},
		{"OPTIONS <sip:c@d> SIP/2.0", 400},
		{"OPTIONS sip:c@\x01 SIP/2.0", 400},
		{"OPTIONS sip:c@\xc3\xa4 SIP/2.0", 400},
		{"OPTIONS SIP/2.0", 400},
		{"OPTI(NS sip:c@d SIP/2.0", 1},
		{" OPTIONS sip:c@d SIP/2.0", 1},
		{"OPTIONS sip:c@d SIP/2.0\r\n folded", 400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned got;

		begin_with(row[i].line);
		got = end();
		if (got != row[i].want)
			fail_msg("%s: %u, not %u", row[i].line, got, row[i].want);
	}
}

static void test_characters(void **state)
{
	static const struct {
		struct str line;
		unsigned want;
	} row[] = {
		{STR_INIT("Z: a\tb\r\n"), 0},
		{STR_INIT("Z: \xc3\xa4\xff\r\n"), 0},
		{STR_INIT("Z: a\0b\r\n"), 400},
		{STR_INIT("Z: a\rb\r\n"), 400},
		{STR_INIT("Z: a\nb\r\n"), 400},
		{STR_INIT("Z: a\r\r\n"), 400},
		{STR_INIT("Z: a\x7f\r\n"), 400},
		{STR_INIT("Z: a\\\0b\r\n"), 400},
		{STR_INIT("Z: \"a\\\0b\"\r\n"), 0},
		{STR_INIT("Z: \"a\\\"\0b\"\r\n"), 400},
		{STR_INIT("Z: \"a\\\rb\"\r\n"), 400},
		{STR_INIT("Z: \"a\\\nb\"\r\n"), 400},
		{STR_INIT("no colon\r\n"), 400},
		{STR_INIT(": no name\r\n"), 400},
		{STR_INIT("Z Y: 1\r\n"), 400},
		{STR_INIT("Z(: 1\r\n"), 400},
		{STR_INIT("Z:\r\n"), 0},
		{STR_INIT("Z : 1\r\n"), 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		unsigned got;

		begin();
		buf_str(&b, row[i].line);
		got = end();
		if (got != row[i].want)
			fail_msg("row %zu: %u (%s), not %u", i, got, fault.text ? fault.text : "",
				 row[i].want);
	}
	/* The end of the headers has to be there. */
	begin();
	assert_int_equal(scan(), 400);
	begin();
	buf_c(&b, "\r");
	assert_int_equal(scan(), 400);
	begin();
	buf_c(&b, "Z: 1");
	assert_int_equal(scan(), 400);
}

static void test_folding(void **state)
{
	(void)state;
	assert_int_equal(with("Subject: one\r\n two\r\n\tthree\r\nZ: 1\r\n"), 0);
	assert_str(sip_msg_hdr(&msg, SIP_H_SUBJECT), "one   two   three");
	assert_int_equal(with("Subject:\r\n \r\n  x\r\n"), 0);
	assert_str(sip_msg_hdr(&msg, SIP_H_SUBJECT), "x");
	assert_int_equal(with("Subject: x\r\n \r\n"), 0);
	assert_str(sip_msg_hdr(&msg, SIP_H_SUBJECT), "x");
}

static void test_mandatory(void **state)
{
	static const char *const line[] = {"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n",
					   "From: <sip:a@b>;tag=1\r\n", "To: <sip:c@d>\r\n",
					   "Call-ID: x@y\r\n", "CSeq: 1 OPTIONS\r\n"};

	(void)state;
	for (size_t missing = 0; missing < 5; missing++) {
		b = BUF_ON(data);
		buf_c(&b, "OPTIONS sip:c@d SIP/2.0\r\n");
		for (size_t i = 0; i < 5; i++)
			if (i != missing)
				buf_c(&b, line[i]);
		assert_int_equal(end(), missing == 0 ? 1 : 400);
		/* Empty is as good as absent. */
		b = BUF_ON(data);
		buf_c(&b, "OPTIONS sip:c@d SIP/2.0\r\n");
		for (size_t i = 0; i < 5; i++) {
			struct str rest = str_c(line[i]);

			if (i == missing) {
				buf_str(&b, str_cut(&rest, ':'));
				buf_c(&b, ":\r\n");
			} else {
				buf_c(&b, line[i]);
			}
		}
		assert_int_equal(end(), 400);
	}
}

static void test_singles(void **state)
{
	static const char *const twice[] = {
		"f: <sip:a@b>;tag=1\r\n",
		"t: <sip:a@b>\r\n",
		"i: 1\r\n",
		"CSeq: 1 OPTIONS\r\n",
		"Max-Forwards: 1\r\nMax-Forwards: 1\r\n",
		"c: text/plain\r\nContent-Type: text/plain\r\n",
		"l: 0\r\nContent-Length: 0\r\n",
		"Expires: 1\r\nExpires: 1\r\n",
		"RSeq: 1\r\nRSeq: 1\r\n",
		"r: <sip:a@b>\r\nRefer-To: <sip:a@b>\r\n",
		"x: 90\r\nSession-Expires: 90\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
		assert_int_equal(with(twice[i]), 400);
	assert_int_equal(with("Supported: a\r\nk: b, c\r\nZ: 1\r\nZ: 1\r\n"), 0);
	assert_true(sip_msg_has_token(&msg, SIP_H_SUPPORTED, STR("A")));
	assert_true(sip_msg_has_token(&msg, SIP_H_SUPPORTED, STR("c")));
	assert_false(sip_msg_has_token(&msg, SIP_H_SUPPORTED, STR("d")));
}

static void test_cseq(void **state)
{
	static const struct {
		const char *start, *cseq;
		unsigned want;
	} row[] = {
		{"OPTIONS sip:a@b SIP/2.0", "0 OPTIONS", 0},
		{"OPTIONS sip:a@b SIP/2.0", "2147483647 OPTIONS", 0},
		{"OPTIONS sip:a@b SIP/2.0", "2147483648 OPTIONS", 400},
		{"OPTIONS sip:a@b SIP/2.0", "-1 OPTIONS", 400},
		{"OPTIONS sip:a@b SIP/2.0", "+1 OPTIONS", 400},
		{"OPTIONS sip:a@b SIP/2.0", "1", 400},
		{"OPTIONS sip:a@b SIP/2.0", "OPTIONS", 400},
		{"OPTIONS sip:a@b SIP/2.0", "1 OPTIONS x", 400},
		{"OPTIONS sip:a@b SIP/2.0", "1 options", 400},
		{"OPTIONS sip:a@b SIP/2.0", "1   OPTIONS", 0},
		{"options sip:a@b SIP/2.0", "1 OPTIONS", 501},
		{"ACK sip:a@b SIP/2.0", "1 INVITE", 1},
		{"SIP/2.0 200 OK", "2147483648 INVITE", 1},
		{"SIP/2.0 200 OK", "1 NEW", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		b = BUF_ON(data);
		buf_printf(&b, "%s\r\nVia: SIP/2.0/UDP h\r\nFrom: a\r\nTo: b\r\nCall-ID: c\r\n",
			   row[i].start);
		buf_printf(&b, "CSeq: %s\r\n", row[i].cseq);
		if (end() != row[i].want)
			fail_msg("row %zu", i);
	}
}

static void test_numbers_and_call_id(void **state)
{
	(void)state;
	assert_int_equal(with("Max-Forwards: 255\r\n"), 0);
	assert_int_equal(with("Max-Forwards: 256\r\n"), 400);
	assert_int_equal(with("Max-Forwards: -1\r\n"), 400);
	assert_int_equal(with("Max-Forwards:\r\n"), 400);
	assert_int_equal(raw(STR("OPTIONS sip:c@d SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:a@b>\r\n"
				 "t: <sip:a@b>\r\ni: 1 2\r\nCSeq: 0 OPTIONS\r\n\r\n")),
			 400);
}

static unsigned body(const char *headers, const char *text)
{
	begin();
	buf_c(&b, headers);
	buf_c(&b, "\r\n");
	buf_c(&b, text);
	return scan();
}

static void test_body(void **state)
{
	(void)state;
	assert_int_equal(body("c: text/plain\r\n", "hello"), 0);
	assert_str(msg.body, "hello");
	assert_int_equal(body("c: text/plain\r\nl: 3\r\n", "hello"), 0);
	assert_str(msg.body, "hel");
	assert_true(str_ends(msg.raw, STR("\r\n\r\nhel")));
	assert_int_equal(body("c: text/plain\r\nl: 6\r\n", "hello"), 400);
	assert_true(fault.close_stream);
	assert_int_equal(body("l: 5\r\n", "hello"), 400);
	assert_false(fault.close_stream);
	assert_int_equal(body("l: 0\r\n", "hello"), 0);
	assert_int_equal(msg.body.len, 0);
	assert_int_equal(body("c: text/plain\r\n", ""), 0);
	assert_int_equal(body("l: 000005\r\nc: a/b\r\n", "hello"), 400);
	assert_int_equal(body("l: 00005\r\nc: a/b\r\n", "hello"), 0);
	assert_int_equal(body("l: 5 5\r\nc: a/b\r\n", "hello"), 400);
	assert_int_equal(body("l: 0x5\r\nc: a/b\r\n", "hello"), 400);
	assert_int_equal(body("l: +5\r\nc: a/b\r\n", "hello"), 400);
	assert_int_equal(body("l:\r\n", ""), 400);
	begin();
	buf_c(&b, "c: a/b\r\n\r\n");
	repeat("x", SIP_BODY_MAX);
	assert_int_equal(scan(), 0);
	buf_c(&b, "x");
	assert_int_equal(scan(), 413);
}

static unsigned limit(const char *before, const char *each, size_t n, const char *after)
{
	begin();
	buf_c(&b, before);
	repeat(each, n);
	buf_c(&b, after);
	return end();
}

static void test_limits(void **state)
{
	(void)state;
	/* Lines: "Z: " and the value, unfolded. */
	assert_int_equal(limit("Z: ", "y", SIP_LINE_MAX - 3, "\r\n"), 0);
	assert_int_equal(limit("Z: ", "y", SIP_LINE_MAX - 2, "\r\n"), 400);
	assert_int_equal(limit("Z: ", "y\r\n y", SIP_LINE_MAX / 5 - 1, "\r\n"), 0);
	assert_int_equal(limit("Z: ", "y\r\n y", SIP_LINE_MAX / 5 + 1, "\r\n"), 400);
	/* Headers: five are there. */
	assert_int_equal(limit("", "Z: 1\r\n", SIP_HDRS_MAX - 5, ""), 0);
	assert_int_equal(limit("", "Z: 1\r\n", SIP_HDRS_MAX - 4, ""), 400);
	/* Vias: one is there. Lines or items. */
	assert_int_equal(limit("", "v: SIP/2.0/UDP h\r\n", SIP_VIA_MAX - 1, ""), 0);
	assert_int_equal(limit("", "v: SIP/2.0/UDP h\r\n", SIP_VIA_MAX, ""), 400);
	assert_int_equal(limit("v: SIP/2.0/UDP h", ",SIP/2.0/UDP h", SIP_VIA_MAX - 2, "\r\n"), 0);
	assert_int_equal(limit("v: SIP/2.0/UDP h", ",SIP/2.0/UDP h", SIP_VIA_MAX - 1, "\r\n"), 400);
	assert_int_equal(limit("Route: <sip:a>", ",<sip:a>", SIP_ROUTE_MAX - 1, "\r\n"), 0);
	assert_int_equal(limit("Route: <sip:a>", ",<sip:a>", SIP_ROUTE_MAX, "\r\n"), 400);
	assert_int_equal(limit("", "Record-Route: <sip:a>\r\n", SIP_ROUTE_MAX, ""), 0);
	assert_int_equal(limit("", "Record-Route: <sip:a>\r\n", SIP_ROUTE_MAX + 1, ""), 400);
	assert_int_equal(limit("m: <sip:a>", ",<sip:a>", SIP_CONTACT_MAX - 1, "\r\n"), 0);
	assert_int_equal(limit("m: <sip:a>", ",<sip:a>", SIP_CONTACT_MAX, "\r\n"), 400);
	/* Commas in quotes and <> are no items. */
	assert_int_equal(limit("m: \"", ",", 100, "\" <sip:a,b,c>\r\n"), 0);
	assert_int_equal(limit("Accept: a/b", ",a/b", SIP_LIST_MAX - 1, "\r\n"), 0);
	assert_int_equal(limit("Accept: a/b", ",a/b", SIP_LIST_MAX, "\r\n"), 400);
	assert_int_equal(limit("m: <sip:a>", ";p", SIP_PARAMS_MAX, "\r\n"), 0);
	assert_int_equal(limit("m: <sip:a>", ";p", SIP_PARAMS_MAX + 1, "\r\n"), 400);
	/* Separators: two are there. */
	assert_int_equal(limit("Z: ", ";,&", (SIP_SEPARATORS_MAX - 2) / 3, "\r\n"), 0);
	assert_int_equal(limit("Z: ", ";,&", (SIP_SEPARATORS_MAX - 2) / 3 + 1, "\r\n"), 400);
	/* All of it. */
	begin();
	buf_c(&b, "c: a/b\r\n");
	repeat("Z: 0123456789012345678901234567890123456789012345678901234567890123456789"
	       "012345678901234567890123456789012345678901234567890123456789\r\n",
	       100);
	buf_c(&b, "\r\n");
	repeat("x", SIP_MSG_MAX_STREAM - b.len);
	assert_true(scan() == 413 || scan() == 0);
	buf_c(&b, "x");
	assert_int_equal(scan(), 413);
	assert_true(fault.close_stream);
	assert_true(msg.first[SIP_H_CALL_ID] != 0);
}

static void test_salvage(void **state)
{
	(void)state;
	/* What stands before and after a bad line is kept, the bad line is not. */
	assert_int_equal(raw(STR("OPTIONS sip:c@d SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: <sip:a@b>\0\r\n"
				 "t: <sip:a@b>\r\ni: 1\r\nCSeq: 0 OPTIONS\r\n\r\n")),
			 400);
	assert_null(sip_msg_hdr(&msg, SIP_H_FROM).p);
	assert_str(sip_msg_hdr(&msg, SIP_H_TO), "<sip:a@b>");
	assert_str(sip_msg_hdr(&msg, SIP_H_CSEQ), "0 OPTIONS");
	/* The first fault is the one that is told. */
	begin_with("OPTIONS sip:c@d SIP/4.0");
	buf_c(&b, "junk\r\n");
	assert_int_equal(end(), 505);
}

static void test_header_names(void **state)
{
	(void)state;
	for (unsigned id = 1; id < SIP_H_COUNT; id++) {
		struct str name = sip_hdr_name((enum sip_hdr_id)id);
		char upper[64];

		assert_int_equal(sip_hdr_lookup(name), id);
		str_copy(upper, sizeof(upper), name);
		for (char *p = upper; *p; p++)
			*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
		assert_int_equal(sip_hdr_lookup(str_c(upper)), id);
		upper[name.len - 1] = '#';
		assert_int_equal(sip_hdr_lookup(str_c(upper)), SIP_H_OTHER);
	}
#define X(id, text, letter, policy, list)                                                          \
	if (letter) {                                                                              \
		char c[2] = {letter, 'x'};                                                         \
		assert_int_equal(sip_hdr_lookup(str_n(c, 1)), SIP_H_##id);                         \
		assert_int_equal(sip_hdr_lookup(str_n(c, 2)), SIP_H_OTHER);                        \
		c[0] = (char)(c[0] - 32);                                                          \
		assert_int_equal(sip_hdr_lookup(str_n(c, 1)), SIP_H_##id);                         \
	}                                                                                          \
	assert_int_equal(sip_hdr_policy(SIP_H_##id), HDR_##policy);                                \
	assert_int_equal(sip_hdr_is_list(SIP_H_##id), list);
	SIP_HDR_LIST(X)
#undef X
	assert_int_equal(sip_hdr_lookup(STR("")), SIP_H_OTHER);
	assert_int_equal(sip_hdr_lookup(STR("z")), SIP_H_OTHER);
	assert_int_equal(sip_hdr_lookup(STR("\xe9")), SIP_H_OTHER);
	assert_int_equal(sip_hdr_policy(SIP_H_OTHER), HDR_DROP);
#define X(m) assert_int_equal(sip_method_lookup(STR(#m)), SIP_M_##m);
	SIP_METHOD_LIST(X)
#undef X
	assert_int_equal(sip_method_lookup(STR("invite")), SIP_M_OTHER);
	assert_int_equal(sip_method_lookup(STR("")), SIP_M_OTHER);
}

static void test_lists(void **state)
{
	static const char *const want[] = {"a", "\"b,c\" <sip:x,y>", "d", "e"};
	struct sip_list_cursor c = {0};
	struct str item;
	size_t n = 0;

	(void)state;
	assert_int_equal(with("P-Asserted-Identity: a , \"b,c\" <sip:x,y>,,\r\nZ: 1\r\n"
			      "P-Asserted-Identity:\r\nP-Asserted-Identity: d,e\r\n"),
			 0);
	while (sip_msg_each_item(&msg, SIP_H_P_ASSERTED_IDENTITY, &c, &item)) {
		assert_true(n < 4);
		assert_true(str_eq(item, str_c(want[n])));
		n++;
	}
	assert_int_equal(n, 4);
}

static void frame(struct str s, int want, size_t skip, size_t len, bool ping)
{
	size_t got_skip = 99, got_len = 99;
	bool got_ping = !ping;
	int err = sip_frame(s.p, s.len, &got_skip, &got_len, &got_ping);

	assert_int_equal(err, want);
	assert_int_equal(got_skip, skip);
	assert_int_equal(got_len, len);
	assert_int_equal(got_ping, ping);
}

static void test_framing(void **state)
{
	static const struct str whole = STR_INIT(
		"\r\nA b SIP/2.0\r\nContent-Type: x\r\nCONTENT-LENGTH  :\r\n 3 \r\nZ: l: 9\r\n"
		"\r\nabcNEXT");
	size_t head = (size_t)str_find_str(whole, STR("\r\n\r\n")) + 4 - 2;

	(void)state;
	frame(whole, 0, 2, head + 3, false);
	for (size_t n = 0; n < head + 2 + 3; n++) {
		size_t skip, len;
		bool ping;

		assert_int_equal(sip_frame(whole.p, n, &skip, &len, &ping), 0);
		assert_int_equal(len, 0);
	}
	frame(STR(""), 0, 0, 0, false);
	frame(STR("\r"), 0, 0, 0, false);
	frame(STR("\r\n"), 0, 2, 0, false);
	frame(STR("\r\n\r\n"), 0, 4, 0, true);
	frame(STR("\r\n\r\n\r"), 0, 4, 0, true);
	frame(STR("\r\n\r\nA\r\nl:0\r\n\r\n"), 0, 4, 10, true);
	/* Framing that is lost. */
	frame(STR("A\r\nZ: 1\r\n\r\n"), ERR_SYNTAX, 0, 0, false);
	frame(STR("A\r\nl: 1\r\nl: 1\r\n\r\nx"), ERR_SYNTAX, 0, 17, false);
	frame(STR("A\r\nl: 1\r\nContent-Length: 2\r\n\r\nx"), ERR_SYNTAX, 0, 30, false);
	frame(STR("A\r\nl: -1\r\n\r\nx"), ERR_SYNTAX, 0, 12, false);
	frame(STR("A\r\nl: 1\r\n 1\r\n\r\nx"), ERR_SYNTAX, 0, 15, false);
	frame(STR("A\r\nl: 000001\r\n\r\nx"), ERR_SYNTAX, 0, 16, false);
	frame(STR("A\r\nl: 16385\r\n\r\nx"), ERR_LIMIT, 0, 15, false);
	b = BUF_ON(data);
	repeat("x", SIP_MSG_MAX_STREAM);
	frame(buf_view(&b), 0, 0, 0, false);
	buf_c(&b, "x");
	frame(buf_view(&b), ERR_LIMIT, 0, SIP_MSG_MAX_STREAM + 1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),      cmocka_unit_test(test_response),
		cmocka_unit_test(test_not_sip),    cmocka_unit_test(test_start_line),
		cmocka_unit_test(test_characters), cmocka_unit_test(test_folding),
		cmocka_unit_test(test_mandatory),  cmocka_unit_test(test_singles),
		cmocka_unit_test(test_cseq),       cmocka_unit_test(test_numbers_and_call_id),
		cmocka_unit_test(test_body),       cmocka_unit_test(test_limits),
		cmocka_unit_test(test_salvage),    cmocka_unit_test(test_header_names),
		cmocka_unit_test(test_lists),      cmocka_unit_test(test_framing),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	arena_free(&arena);
	return failed;
}
