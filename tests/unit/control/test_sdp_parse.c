/* sdp/parse: what is understood, what is refused, and every limit on both sides of its edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sdp/sdp.h"

#define HEAD "v=0\r\no=alice 1 2 IN IP4 192.0.2.1\r\ns=-\r\n"
#define CONN "c=IN IP4 192.0.2.1\r\n"
#define TIME "t=0 0\r\n"
#define M    "m=audio 4000 RTP/AVP 0 8 96\r\n"
#define BASE HEAD CONN TIME M

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 2048, 96 * 1024);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	assert_int_equal(mem_live(), 0);
	return 0;
}

static struct sdp *parse(struct str text)
{
	struct sdp *s = NULL;

	assert_int_equal(sdp_parse(text, &arena, &s), 0);
	assert_non_null(s);
	return s;
}

static void assert_addr(const struct addr *a, const char *text)
{
	char out[ADDR_TEXT_MAX];

	assert_string_equal(addr_text(a, out), text);
}

static void assert_str(struct str s, const char *text)
{
	assert_true(str_eq(s, str_c(text)));
}

static void a_plain_offer_is_understood(void **state)
{
	struct sdp *s = parse(STR(BASE "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
				       "a=ptime:20\r\na=sendonly\r\n"));
	const struct sdp_media *m = &s->media[0];

	(void)state;
	assert_int_equal(s->n_media, 1);
	assert_int_equal(s->n_line, 10);
	assert_str(s->origin_user, "alice");
	assert_int_equal(s->origin_id, 1);
	assert_int_equal(s->origin_version, 2);
	assert_int_equal(m->type, SDP_AUDIO);
	assert_true(m->is_rtp && m->plain_rtp && !m->rtcp_mux && !m->zero_connection);
	assert_int_equal(m->n_codec, 3);
	assert_str(m->codec[0].encoding, "PCMU");
	assert_int_equal(m->codec[1].clock_rate, 8000);
	assert_str(m->codec[2].encoding, "opus");
	assert_int_equal(m->codec[2].clock_rate, 48000);
	assert_int_equal(m->codec[2].channels, 2);
	assert_str(m->codec[2].fmtp, "useinbandfec=1");
	assert_ptr_equal(sdp_codec_find(m, 96), &m->codec[2]);
	assert_null(sdp_codec_find(m, 3));
	assert_int_equal(m->ptime_ms, 20);
	assert_int_equal(m->direction, SDP_SENDONLY);
	assert_addr(&m->connection, "192.0.2.1:4000");
	assert_addr(&m->rtcp, "192.0.2.1:4001");
}

static void line_ends_may_be_bare_and_the_last_may_be_missing(void **state)
{
	(void)state;
	assert_int_equal(parse(STR("v=0\no=- 1 1 IN IP4 192.0.2.1\nm=audio 2 RTP/AVP 0"))->n_line,
			 3);
	assert_int_equal(parse(STR(BASE "\r\n\r\n"))->n_line, 6);
	assert_int_equal(parse(STR("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=\r\n"))->n_media, 0);
}

static void form_is_checked(void **state)
{
	static const struct {
		struct str text;
		int err;
	} rows[] = {
		{STR_INIT(""), ERR_SYNTAX},
		{STR_INIT("v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\n"), ERR_SYNTAX},
		{STR_INIT("o=- 1 1 IN IP4 1.2.3.4\r\nv=0\r\n"), ERR_SYNTAX},
		{STR_INIT("v=0\r\ns=-\r\n"), ERR_SYNTAX},
		{STR_INIT("v=0\r\ns=-\r\nm=audio 2 RTP/AVP 0\r\no=- 1 1 IN IP4 1.2.3.4\r\n"),
		 ERR_SYNTAX},
		{STR_INIT(HEAD "o=- 1 1 IN IP4 1.2.3.4\r\n"), ERR_SYNTAX},
		{STR_INIT("v=0\r\no=- x 1 IN IP4 1.2.3.4\r\n"), ERR_SYNTAX},
		{STR_INIT("v=0\r\no=- 1 -1 IN IP4 1.2.3.4\r\n"), ERR_SYNTAX},
		{STR_INIT("v=0\r\no=- 1 1 IN IP4\r\n"), ERR_SYNTAX},
		{STR_INIT("v=0\r\no=a b 1 1 IN IP4 1.2.3.4\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "\r\n" TIME), ERR_SYNTAX},
		{STR_INIT(HEAD "garbage\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "=x\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "1=x\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "a =x\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "a=x\0y\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "a=x\ra=y\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "Z=kept\r\n"), 0},
		{STR_INIT(HEAD "c=IN IP4\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "m=audio\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "m=audio x RTP/AVP 0\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "m=audio -1 RTP/AVP 0\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "m=audio 65536 RTP/AVP 0\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "m=audio 4000 RTP/AVP\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "m=audio 0 RTP/AVP\r\n"), 0},
		{STR_INIT(HEAD "m=audio 4000 RTP/AVP x\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "m=audio 4000 RTP/AVP 128\r\n"), ERR_SYNTAX},
		{STR_INIT(HEAD "m=image 4000 udptl t38\r\n"), 0},
		{STR_INIT(BASE "a=rtcp:x\r\n"), ERR_SYNTAX},
		{STR_INIT(BASE "a=rtcp:65536\r\n"), ERR_SYNTAX},
		{STR_INIT(BASE "a=rtpmap:garbage\r\na=fmtp:\r\na=ptime:x\r\na=\r\na=:\r\n"), 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp *s = NULL;
		int err = sdp_parse(rows[i].text, &arena, &s);

		if (err != rows[i].err)
			fail_msg("row %zu: %d, not %d", i, err, rows[i].err);
	}
}

static void numbers_in_origin_may_be_larger_than_ours(void **state)
{
	struct sdp *s = parse(STR("v=0\r\no=- 99999999999999999999999 7 IN IP4 h\r\ns=-\r\n"));

	(void)state;
	assert_true(s->origin_id == UINT64_MAX);
	assert_int_equal(s->origin_version, 7);
}

static void dangerous_targets_are_refused(void **state)
{
	static const struct {
		const char *net;
		int err;
	} rows[] = {
		{"IN IP4 192.0.2.1", 0},
		{"IN IP4 10.0.0.1", 0},
		{"IN IP4 192.168.1.1", 0},
		{"IN IP4 169.254.1.1", 0},
		{"IN IP4 0.0.0.0", 0},
		{"IN IP6 ::", 0},
		{"IN IP6 2001:db8::1", 0},
		{"IN IP6 fe80::1", 0},
		{"IN IP4 host.example", 0},
		{"IN IP4 0177.0.0.1", 0}, /* a name to us, never a target */
		{"IN IP4 127.1", 0},
		{"ATM NSAP 47.0", 0},
		{"IN IP4 127.0.0.1", ERR_RANGE},
		{"IN IP4 127.255.0.9", ERR_RANGE},
		{"IN IP4 0.0.0.1", ERR_RANGE},
		{"IN IP4 0.1.2.3", ERR_RANGE},
		{"IN IP4 224.2.1.1", ERR_RANGE},
		{"IN IP4 224.2.1.1/127", ERR_RANGE},
		{"IN IP4 239.255.0.1/127/3", ERR_RANGE},
		{"IN IP4 255.255.255.255", ERR_RANGE},
		{"IN IP6 ::1", ERR_RANGE},
		{"IN IP4 ::1", ERR_RANGE},
		{"IN IP6 127.0.0.1", ERR_RANGE},
		{"IN IP6 ff02::1", ERR_RANGE},
		{"IN IP6 ff15::101/3", ERR_RANGE},
		{"IN IP6 ::ffff:127.0.0.1", ERR_RANGE},
		{"IN IP6 ::ffff:192.0.2.1", ERR_RANGE},
		{"IN IP6 ::ffff:0.0.0.0", ERR_RANGE},
		{"IN IP6 ::127.0.0.1", ERR_RANGE},
	};
	static const char *const places[] = {
		HEAD "c=%s\r\n" TIME M,      HEAD TIME M "c=%s\r\n",    HEAD CONN TIME M "c=%s\r\n",
		HEAD TIME M CONN "c=%s\r\n", BASE "a=rtcp:5000 %s\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t j = 0; j < sizeof(places) / sizeof(places[0]); j++) {
			char text[512];
			struct buf b = BUF_ON(text);
			struct str rest = str_c(places[j]);
			struct sdp *s;
			int err;

			buf_str(&b, str_cut(&rest, '%'));
			buf_c(&b, rows[i].net);
			buf_str(&b, str_from(rest, 1));
			err = sdp_parse(buf_view(&b), &arena, &s);
			if (err != rows[i].err)
				fail_msg("%s in place %zu: %d", rows[i].net, j, err);
			arena_reset(&arena);
		}
	}
}

static void names_and_holes_are_no_targets(void **state)
{
	static const char *const texts[] = {
		HEAD "c=IN IP4 host.example\r\n" TIME M,
		HEAD "c=IN IP4 0.0.0.0\r\n" TIME M,
		HEAD "c=IN IP6 ::\r\n" TIME M,
		HEAD TIME M,
		HEAD CONN TIME "m=audio 0 RTP/AVP 0\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sdp *s = parse(str_c(texts[i]));

		assert_false(addr_is_set(&s->media[0].connection));
		assert_false(addr_is_set(&s->media[0].rtcp));
		assert_int_equal(s->media[0].connection.port, 0);
	}
}

/* SIP rule 24, the reading half. */
static void every_form_of_hold_is_seen(void **state)
{
	static const struct {
		const char *text;
		enum sdp_direction direction;
		bool zero;
	} rows[] = {
		{BASE, SDP_SENDRECV, false},
		{BASE "a=sendonly\r\n", SDP_SENDONLY, false},
		{BASE "a=recvonly\r\n", SDP_RECVONLY, false},
		{BASE "a=inactive\r\n", SDP_INACTIVE, false},
		{BASE "a=SendOnly\r\n", SDP_SENDONLY, false},
		{HEAD CONN TIME "a=inactive\r\n" M, SDP_INACTIVE, false},
		{HEAD CONN TIME "a=inactive\r\n" M "a=sendrecv\r\n", SDP_SENDRECV, false},
		{HEAD "c=IN IP4 0.0.0.0\r\n" TIME M, SDP_SENDONLY, true},
		{HEAD "c=IN IP4 0.0.0.0\r\n" TIME M "a=sendrecv\r\n", SDP_SENDONLY, true},
		{HEAD "c=IN IP4 0.0.0.0\r\n" TIME M "a=recvonly\r\n", SDP_INACTIVE, true},
		{HEAD "c=IN IP4 0.0.0.0\r\n" TIME M "a=inactive\r\n", SDP_INACTIVE, true},
		{HEAD "c=IN IP4 0.0.0.0\r\n" TIME M CONN, SDP_SENDRECV, false},
		{HEAD CONN TIME M "c=IN IP4 0.0.0.0\r\n", SDP_SENDONLY, true},
		{HEAD CONN TIME M "c=IN IP6 ::\r\n", SDP_SENDONLY, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp *s = parse(str_c(rows[i].text));

		if (s->media[0].direction != rows[i].direction ||
		    s->media[0].zero_connection != rows[i].zero)
			fail_msg("row %zu", i);
	}
}

static void rtcp_is_where_it_was_said(void **state)
{
	static const struct {
		const char *text, *rtcp;
	} rows[] = {
		{BASE, "192.0.2.1:4001"},
		{BASE "a=rtcp:5003\r\n", "192.0.2.1:5003"},
		{BASE "a=rtcp:5003 IN IP4 192.0.2.9\r\n", "192.0.2.9:5003"},
		{BASE "a=rtcp:5003 IN IP4 host.example\r\n", "none"},
		{BASE "a=rtcp:5003 IN IP4 0.0.0.0\r\n", "none"},
		{BASE "a=rtcp:5003 IN IP6 2001:db8::1\r\n", "none"},
		{BASE "a=rtcp:0\r\n", "none"},
		{BASE "a=rtcp-mux\r\n", "192.0.2.1:4001"},
		{HEAD CONN TIME "m=audio 65535 RTP/AVP 0\r\n", "none"},
		{HEAD "c=IN IP6 2001:db8::7\r\n" TIME M, "[2001:db8::7]:4001"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp *s = parse(str_c(rows[i].text));

		assert_addr(&s->media[0].rtcp, rows[i].rtcp);
	}
	assert_true(parse(STR(BASE "a=rtcp-mux\r\n"))->media[0].rtcp_mux);
}

static void sections_have_their_own_connection(void **state)
{
	struct sdp *s = parse(STR(HEAD CONN TIME M "c=IN IP4 192.0.2.2\r\n"
						   "m=video 6000 RTP/AVPF 97\r\n"));

	(void)state;
	assert_addr(&s->media[0].connection, "192.0.2.2:4000");
	assert_addr(&s->media[1].connection, "192.0.2.1:6000");
	assert_int_equal(s->media[1].type, SDP_VIDEO);
	assert_true(str_empty(s->media[1].codec[0].encoding));
}

static void protos_are_told_apart(void **state)
{
	static const struct {
		const char *line;
		bool rtp, plain;
		enum sdp_media_type type;
	} rows[] = {
		{"m=audio 4000 RTP/AVP 0\r\n", true, true, SDP_AUDIO},
		{"m=video 4000 RTP/AVPF 96\r\n", true, true, SDP_VIDEO},
		{"m=audio 4000/2 RTP/AVP 0\r\n", true, true, SDP_AUDIO},
		{"m=audio 4000 rtp/avp 0\r\n", true, true, SDP_AUDIO},
		{"m=audio 4000 RTP/SAVP 0\r\n", true, false, SDP_AUDIO},
		{"m=audio 4000 RTP/SAVPF 0\r\n", true, false, SDP_AUDIO},
		{"m=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n", true, false, SDP_AUDIO},
		{"m=image 4000 udptl t38\r\n", false, false, SDP_IMAGE},
		{"m=application 4000 UDP/DTLS/SCTP webrtc-datachannel\r\n", false, false,
		 SDP_APPLICATION},
		{"m=text 4000 RTP/AVP 98\r\n", true, true, SDP_TEXT},
		{"m=message 4000 TCP/MSRP *\r\n", false, false, SDP_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct buf b = BUF_ON(text);
		struct sdp *s;

		buf_c(&b, HEAD CONN TIME);
		buf_c(&b, rows[i].line);
		s = parse(buf_view(&b));
		assert_int_equal(s->media[0].is_rtp, rows[i].rtp);
		assert_int_equal(s->media[0].plain_rtp, rows[i].plain);
		assert_int_equal(s->media[0].type, rows[i].type);
	}
}

static void static_payload_types_are_those_of_rfc_3551(void **state)
{
	static const struct {
		uint8_t pt;
		const char *name;
		uint32_t rate, channels;
	} rows[] = {
		{0, "PCMU", 8000, 1},   {3, "GSM", 8000, 1},    {4, "G723", 8000, 1},
		{6, "DVI4", 16000, 1},  {8, "PCMA", 8000, 1},   {9, "G722", 8000, 1},
		{10, "L16", 44100, 2},  {11, "L16", 44100, 1},  {13, "CN", 8000, 1},
		{15, "G728", 8000, 1},  {18, "G729", 8000, 1},  {26, "JPEG", 90000, 1},
		{31, "H261", 90000, 1}, {33, "MP2T", 90000, 1}, {34, "H263", 90000, 1},
	};
	static const uint8_t unknown[] = {1, 2, 19, 20, 24, 27, 29, 35, 72, 76, 96, 127};
	struct sdp_codec c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(sdp_codec_static(rows[i].pt, &c));
		assert_str(c.encoding, rows[i].name);
		assert_int_equal(c.clock_rate, rows[i].rate);
		assert_int_equal(c.channels, rows[i].channels);
	}
	for (size_t i = 0; i < sizeof(unknown); i++) {
		assert_false(sdp_codec_static(unknown[i], &c));
		assert_int_equal(c.pt, unknown[i]);
		assert_true(str_empty(c.encoding));
	}
}

static void an_absurd_rtpmap_means_nothing(void **state)
{
	static const char *const lines[] = {
		"a=rtpmap:96 x/1000001\r\n", "a=rtpmap:96 x\r\n",    "a=rtpmap:96 /8000\r\n",
		"a=rtpmap:300 x/8000\r\n",   "a=rtpmap:96 x/8000/y", "a=rtpmap:97 x/8000\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[512];
		struct buf b = BUF_ON(text);

		buf_c(&b, BASE);
		buf_c(&b, lines[i]);
		assert_int_equal(parse(buf_view(&b))->media[0].codec[2].clock_rate, 0);
	}
}

/* n times line behind head. */
static int parse_many(const char *head, const char *line, size_t n)
{
	static char text[3 * SDP_MAX];
	struct buf b = BUF_ON(text);
	struct sdp *s;
	int err;

	buf_c(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_c(&b, line);
	assert_int_equal(buf_check(&b), 0);
	err = sdp_parse(buf_view(&b), &arena, &s);
	arena_reset(&arena);
	return err;
}

static void limits_hold_at_their_edges(void **state)
{
	static const struct {
		const char *head, *line;
		size_t most;
	} rows[] = {
		{HEAD CONN TIME, M, SDP_MEDIA_MAX},
		{BASE, "a=x\n", SDP_ATTR_MAX},
		{BASE, "a=candidate:1\n", SDP_CANDIDATE_MAX},
		{BASE, "b=AS:1\n", SDP_LINE_MAX - 6},
		{HEAD CONN TIME "m=audio 4 RTP/AVP", " 0", SDP_FMT_MAX},
		{"v=0\no=- 1 1 IN IP4 h\ns=", "x", SDP_MAX - 23},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse_many(rows[i].head, rows[i].line, rows[i].most), 0);
		assert_int_equal(parse_many(rows[i].head, rows[i].line, rows[i].most + 1),
				 ERR_LIMIT);
	}
}

static void over_a_limit_nothing_is_allocated(void **state)
{
	(void)state;
	arena_free(&arena);
	(void)mem_fail_nth(0);
	assert_int_equal(parse_many(BASE, "a=x\n", SDP_ATTR_MAX + 1), ERR_LIMIT);
	assert_int_equal(parse_many("", "x", SDP_MAX + 1), ERR_LIMIT);
	assert_int_equal(parse_many(BASE, "a=x\n\n", 3), ERR_SYNTAX);
	assert_int_equal(mem_fail_nth(0), 0);
}

static void the_largest_description_fits_its_arena(void **state)
{
	static char text[SDP_MAX];
	struct buf b = BUF_ON(text);
	struct sdp *s;

	(void)state;
	buf_c(&b, "v=0\no=- 1 1 IN IP4 h\n");
	for (size_t i = 0; i < SDP_MEDIA_MAX; i++) {
		buf_c(&b, "m=audio 2 RTP/AVP");
		for (size_t j = 0; j < SDP_FMT_MAX; j++)
			buf_c(&b, " 0");
		buf_c(&b, "\n");
	}
	for (size_t i = SDP_MEDIA_MAX + 2; i < SDP_LINE_MAX - 1; i++)
		buf_c(&b, "b=AS:123\n");
	buf_c(&b, "a=");
	while (b.len < SDP_MAX)
		buf_c(&b, "x");
	assert_int_equal(sdp_parse(buf_view(&b), &arena, &s), 0);
	assert_int_equal(s->n_line, SDP_LINE_MAX);
}

static void every_failing_allocation_is_survived(void **state)
{
	struct sdp *s = NULL;
	uint64_t n = 1;
	int err;

	(void)state;
	do {
		struct arena small;

		/* Chunks hardly larger than one allocation, so that each is one of its own. */
		arena_init(&small, 48, 96 * 1024);
		(void)mem_fail_nth(n++);
		err = sdp_parse(STR(BASE M), &small, &s);
		(void)mem_fail_nth(0);
		assert_true(err == 0 || (err == ERR_NOMEM && !s));
		arena_free(&small);
		assert_int_equal(mem_live(), 0);
	} while (err);
	assert_true(n > 3);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_plain_offer_is_understood),
		T(line_ends_may_be_bare_and_the_last_may_be_missing),
		T(form_is_checked),
		T(numbers_in_origin_may_be_larger_than_ours),
		T(dangerous_targets_are_refused),
		T(names_and_holes_are_no_targets),
		T(every_form_of_hold_is_seen),
		T(rtcp_is_where_it_was_said),
		T(sections_have_their_own_connection),
		T(protos_are_told_apart),
		T(static_payload_types_are_those_of_rfc_3551),
		T(an_absurd_rtpmap_means_nothing),
		T(limits_hold_at_their_edges),
		T(over_a_limit_nothing_is_allocated),
		T(the_largest_description_fits_its_arena),
		T(every_failing_allocation_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
