/* sdp/print: text in, text out, byte for byte. Line ends in the tables are bare; what is written has CRLF, which
 * the comparison checks and takes away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sdp/sdp.h"

static struct arena arena;
static char out_mem[2 * SDP_MAX];
static char plain_mem[2 * SDP_MAX];
static struct buf out, plain;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 2048, 1024 * 1024);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	assert_int_equal(mem_live(), 0);
	return 0;
}

static struct sdp *parse(const char *text)
{
	struct sdp *s = NULL;

	assert_int_equal(sdp_parse(str_c(text), &arena, &s), 0);
	return s;
}

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(str_c(text), &a), 0);
	return a;
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse_ip(str_c(text), &a), 0);
	return a;
}

/* What was written, with its CRLF made LF; each line must have had one. */
static const char *lines_written(void)
{
	struct str rest = buf_view(&out);

	plain = BUF_ON(plain_mem);
	while (!str_empty(rest)) {
		struct str line = str_cut(&rest, '\n');

		assert_true(line.len > 0 && line.p[line.len - 1] == '\r');
		buf_str(&plain, str_head(line, line.len - 1));
		buf_ch(&plain, '\n');
	}
	return buf_cstr(&plain);
}

/* Our side: ports 20000, 20002, ... on 198.51.100.7. */
static struct sdp_local_media ours[SDP_MEDIA_MAX];
static struct sdp_rewrite rewrite_of(const struct sdp *s)
{
	for (size_t i = 0; i < SDP_MEDIA_MAX; i++) {
		ours[i].addr = ip("198.51.100.7");
		ours[i].addr.port = (uint16_t)(20000 + 2 * i);
		ours[i].direction = i < s->n_media ? s->media[i].direction : SDP_SENDRECV;
	}
	return (struct sdp_rewrite){.session_id = 77,
				    .version = 5,
				    .origin_addr = ip("198.51.100.7"),
				    .media = ours,
				    .n_media = s->n_media};
}

static void assert_printed(const char *in, const char *expected)
{
	struct sdp *s = parse(in);
	struct sdp_rewrite rw = rewrite_of(s);

	out = BUF_ON(out_mem);
	assert_int_equal(sdp_print(s, &rw, &out), 0);
	assert_string_equal(lines_written(), expected);
}

#define IN_HEAD  "v=0\no=alice 1 2 IN IP4 192.0.2.1\ns=-\n"
#define IN_CONN  "c=IN IP4 192.0.2.1\n"
#define OUT_HEAD "v=0\no=- 77 5 IN IP4 198.51.100.7\ns=-\n"
#define OUT_CONN "c=IN IP4 198.51.100.7\n"
#define T        "t=0 0\n"
#define M_IN     "m=audio 4000 RTP/AVP 0 8\n"
#define M_OUT    "m=audio 20000 RTP/AVP 0 8\n"

static const struct {
	const char *name, *in, *out;
} prints[] = {
	{"a plain offer", IN_HEAD IN_CONN T M_IN "a=rtpmap:0 PCMU/8000\n",
	 OUT_HEAD OUT_CONN T M_OUT "a=rtpmap:0 PCMU/8000\n"},
	{"unknown lines and odd spaces stay in place (rule 23)",
	 "v=0\no=- 1 1 IN IP4 192.0.2.1\ns= A  call \ni=info\nu=http://h/\ne=x@h\np=+1\n" IN_CONN
	 "b=AS:64\nb=X-YZ:9\nt=1 2\nr=7d 1h 0 25h\nz=0 -1h\nX=what\na=tool: x  y\n"
	 "m=audio 4000 RTP/AVP 0  8\ni=title\nb=TIAS:64000\na=x-Foo:\ta\na=ssrc:1 "
	 "cname:u\nq=\na=\n",
	 "v=0\no=- 77 5 IN IP4 198.51.100.7\ns= A  call "
	 "\ni=info\nu=http://h/\ne=x@h\np=+1\n" OUT_CONN
	 "b=AS:64\nb=X-YZ:9\nt=1 2\nr=7d 1h 0 25h\nz=0 -1h\nX=what\na=tool: x  y\n"
	 "m=audio 20000 RTP/AVP 0  8\ni=title\nb=TIAS:64000\na=x-Foo:\ta\na=ssrc:1 "
	 "cname:u\nq=\na=\n"},
	{"the other side's transport is not named",
	 IN_HEAD IN_CONN T
	 "k=clear:x\na=ice-lite\na=ice-options:trickle\na=fingerprint:sha-256 AA\n"
	 "a=setup:actpass\na=group:BUNDLE a v\na=group:LS a v\na=msid-semantic: WMS\n"
	 "a=source-filter: incl IN IP4 * 192.0.2.9\na=rtcp:9 IN IP4 192.0.2.1\n" M_IN
	 "k=prompt\na=ice-ufrag:u\na=ICE-pwd:p\na=candidate:1 1 UDP 1 192.0.2.1 4 typ host\n"
	 "a=end-of-candidates\na=remote-candidates:1 192.0.2.1 4\na=crypto:1 AES x\n"
	 "a=key-mgmt:mikey A\na=fingerprint:sha-1 B\na=setup:active\na=tls-id:1\n"
	 "a=connection:new\na=rtcp-mux\na=rtcp-mux-only\na=bundle-only\na=mid:a\n"
	 "a=altc:1 IP4 192.0.2.1 4\na=alt:1 1 : x y 192.0.2.1 4\na=tcap:1 RTP/SAVP\n"
	 "a=acap:1 crypto:1 x\na=pcfg:1 t=1 a=1\na=acfg:1\na=rtcp-rsize\n",
	 OUT_HEAD OUT_CONN T "a=group:LS a v\na=msid-semantic: WMS\n" M_OUT
			     "a=mid:a\na=rtcp-rsize\n"},
	{"a=rtcp is ours in the form that stood there",
	 IN_HEAD IN_CONN T M_IN
	 "a=rtcp:4009\nm=audio 5000 RTP/AVP 0\na=rtcp:4019 IN IP4 192.0.2.3\n",
	 OUT_HEAD OUT_CONN T M_OUT
	 "a=rtcp:20001\nm=audio 20002 RTP/AVP 0\na=rtcp:20003 IN IP4 198.51.100.7\n"},
	{"connections where they stood",
	 IN_HEAD T M_IN IN_CONN "b=AS:1\nm=audio 5000 RTP/AVP 0\ni=x\nc=IN IP4 192.0.2.2\n",
	 OUT_HEAD T M_OUT OUT_CONN "b=AS:1\nm=audio 20002 RTP/AVP 0\ni=x\n" OUT_CONN},
	{"a connection at both levels, and twice in one", IN_HEAD IN_CONN T M_IN IN_CONN IN_CONN,
	 OUT_HEAD OUT_CONN T M_OUT OUT_CONN},
	{"a session's connection twice", IN_HEAD IN_CONN IN_CONN T M_IN, OUT_HEAD OUT_CONN T M_OUT},
	{"a connection where none stood at all",
	 IN_HEAD T M_IN "a=x\nm=audio 5000 RTP/AVP 0\ni=y\na=z\n",
	 OUT_HEAD T M_OUT OUT_CONN "a=x\nm=audio 20002 RTP/AVP 0\ni=y\n" OUT_CONN "a=z\n"},
	{"IPv6 becomes IPv4", "v=0\no=- 1 1 IN IP6 2001:db8::1\ns=-\nc=IN IP6 2001:db8::1\n" T M_IN,
	 OUT_HEAD OUT_CONN T M_OUT},
	{"a hostname is replaced too", IN_HEAD "c=IN IP4 host.example\n" T M_IN,
	 OUT_HEAD OUT_CONN T M_OUT},
	{"what we do not relay is refused in place (rule 23, 27)",
	 IN_HEAD IN_CONN T M_IN
	 "m=image 6000 udptl t38\na=T38FaxVersion:0\nm=audio 7000 RTP/SAVP 0\n"
	 "a=crypto:1 x\nm=video 8000 UDP/TLS/RTP/SAVPF 96 97\na=sendonly\n"
	 "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\n",
	 OUT_HEAD OUT_CONN T M_OUT
	 "m=image 0 udptl t38\na=T38FaxVersion:0\nm=audio 0 RTP/SAVP 0\n"
	 "m=video 0 UDP/TLS/RTP/SAVPF 96 97\na=sendonly\n"
	 "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\n"},
	{"what they refused stays refused (rule 26)",
	 IN_HEAD IN_CONN T M_IN "m=video 0 RTP/AVP 96\na=rtcp:9\nm=video 0 RTP/AVP\n",
	 OUT_HEAD OUT_CONN T M_OUT "m=video 0 RTP/AVP 96\nm=video 0 RTP/AVP\n"},
	{"a port count means one port", IN_HEAD IN_CONN T "m=audio 4000/2 RTP/AVP 0 8\n",
	 OUT_HEAD OUT_CONN T M_OUT},
	{"hold of old is written as hold of today (rule 24)",
	 IN_HEAD "c=IN IP4 0.0.0.0\n" T M_IN "a=x\n",
	 OUT_HEAD OUT_CONN T M_OUT "a=x\na=sendonly\n"},
	{"hold of old with a direction", IN_HEAD T M_IN "c=IN IP4 0.0.0.0\na=sendrecv\na=x\n",
	 OUT_HEAD T M_OUT OUT_CONN "a=sendonly\na=x\n"},
	{"directions that are right stay as they stand",
	 IN_HEAD IN_CONN T "a=inactive\n" M_IN "m=audio 5000 RTP/AVP 0\na=SENDONLY\n",
	 OUT_HEAD OUT_CONN T "a=inactive\n" M_OUT "m=audio 20002 RTP/AVP 0\na=SENDONLY\n"},
	{"no media at all", IN_HEAD IN_CONN T, OUT_HEAD OUT_CONN T},
};

static void tables_are_printed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++) {
		print_message("           %s\n", prints[i].name);
		assert_printed(prints[i].in, prints[i].out);
	}
}

static void what_was_printed_prints_to_itself(void **state)
{
	static char again[2 * SDP_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(prints) / sizeof(prints[0]); i++) {
		struct sdp *s;
		struct sdp_rewrite rw;

		str_copy(again, sizeof(again), str_c(prints[i].out));
		s = parse(again);
		rw = rewrite_of(s);
		out = BUF_ON(out_mem);
		assert_int_equal(sdp_print(s, &rw, &out), 0);
		assert_string_equal(lines_written(), prints[i].out);
	}
}

static void our_direction_is_written_where_it_differs(void **state)
{
	static const struct {
		const char *in;
		enum sdp_direction d;
		const char *out;
	} rows[] = {
		{IN_HEAD IN_CONN T M_IN, SDP_SENDRECV, OUT_HEAD OUT_CONN T M_OUT},
		{IN_HEAD IN_CONN T M_IN "a=x\n", SDP_RECVONLY,
		 OUT_HEAD OUT_CONN T M_OUT "a=x\na=recvonly\n"},
		{IN_HEAD IN_CONN T M_IN "a=sendonly\na=x\n", SDP_INACTIVE,
		 OUT_HEAD OUT_CONN T M_OUT "a=inactive\na=x\n"},
		{IN_HEAD IN_CONN T "a=sendonly\n" M_IN, SDP_SENDRECV,
		 OUT_HEAD OUT_CONN T "a=sendonly\n" M_OUT "a=sendrecv\n"},
		{IN_HEAD IN_CONN T "a=sendonly\n" M_IN, SDP_SENDONLY,
		 OUT_HEAD OUT_CONN T "a=sendonly\n" M_OUT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp *s = parse(rows[i].in);
		struct sdp_rewrite rw = rewrite_of(s);

		ours[0].direction = rows[i].d;
		out = BUF_ON(out_mem);
		assert_int_equal(sdp_print(s, &rw, &out), 0);
		assert_string_equal(lines_written(), rows[i].out);
	}
}

static void sections_have_their_own_addresses(void **state)
{
	struct sdp *s =
		parse(IN_HEAD IN_CONN T M_IN "m=audio 5000 RTP/AVP 0\nm=audio 6000 RTP/AVP 0\n");
	struct sdp_rewrite rw = rewrite_of(s);

	(void)state;
	ours[1].addr = addr("[2001:db8::7]:30000");
	ours[2].addr.port = 0;
	rw.username = STR("rempart");
	out = BUF_ON(out_mem);
	assert_int_equal(sdp_print(s, &rw, &out), 0);
	assert_string_equal(lines_written(),
			    "v=0\no=rempart 77 5 IN IP4 198.51.100.7\ns=-\n" OUT_CONN T M_OUT
			    "m=audio 30000 RTP/AVP 0\nc=IN IP6 2001:db8::7\nm=audio 0 RTP/AVP 0\n");
	rw.origin_addr = ip("2001:db8::7");
	rw.n_media = 1;
	s = parse(IN_HEAD IN_CONN T M_IN);
	ours[0].addr = addr("[2001:db8::7]:30000");
	out = BUF_ON(out_mem);
	assert_int_equal(sdp_print(s, &rw, &out), 0);
	assert_string_equal(lines_written(),
			    "v=0\no=rempart 77 5 IN IP6 2001:db8::7\ns=-\n"
			    "c=IN IP6 2001:db8::7\n" T "m=audio 30000 RTP/AVP 0 8\n");
}

/* SIP rule 23: a dialog that has had more m-lines keeps them; an answer has as many as its offer. */
static void the_number_of_sections_is_ours_to_say(void **state)
{
	struct sdp *s = parse(IN_HEAD IN_CONN T M_IN "a=x\nm=video 5000 RTP/AVP 96\na=y\n");
	struct sdp_rewrite rw = rewrite_of(s);

	(void)state;
	rw.sections = 4;
	out = BUF_ON(out_mem);
	assert_int_equal(sdp_print(s, &rw, &out), 0);
	assert_string_equal(
		lines_written(), OUT_HEAD OUT_CONN T M_OUT
		"a=x\nm=video 20002 RTP/AVP 96\na=y\nm=audio 0 RTP/AVP 0\nm=audio 0 RTP/AVP 0\n");
	rw.sections = 1;
	rw.n_media = 1;
	out = BUF_ON(out_mem);
	assert_int_equal(sdp_print(s, &rw, &out), 0);
	assert_string_equal(lines_written(), OUT_HEAD OUT_CONN T M_OUT "a=x\n");
	rw.sections = 2;
	assert_int_equal(sdp_print(s, &rw, &out), ERR_INVAL);
	rw.sections = 0;
	assert_int_equal(sdp_print(s, &rw, &out), ERR_INVAL);
	rw.n_media = 2;
	rw.sections = SDP_MEDIA_MAX + 1;
	assert_int_equal(sdp_print(s, &rw, &out), ERR_INVAL);
}

static void a_small_buffer_is_an_error(void **state)
{
	struct sdp *s = parse(IN_HEAD IN_CONN T M_IN "a=x\n");
	struct sdp_rewrite rw = rewrite_of(s);
	size_t whole;

	(void)state;
	out = BUF_ON(out_mem);
	assert_int_equal(sdp_print(s, &rw, &out), 0);
	whole = out.len;
	for (size_t cap = 0; cap < whole; cap++) {
		out = buf_on(out_mem, cap);
		assert_int_equal(sdp_print(s, &rw, &out), ERR_LIMIT);
	}
}

static void echo_accepts_the_first_plain_audio(void **state)
{
	struct sdp *s = parse(
		"v=0\no=a 1 1 IN IP4 192.0.2.1\ns=x\n" IN_CONN
		"t=3 4\na=group:BUNDLE 0 1\na=sendonly\n"
		"m=audio 3000 RTP/SAVP 0\na=crypto:1 x\na=mid:0\n"
		"m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 opus/48000/2\na=fmtp:96 y=1\na=ptime:20\n"
		"a=x-secret:1\na=mid:1\na=rtcp:9\nm=audio 5000 RTP/AVP 0\nm=video 0 RTP/AVP 97\n"
		"a=rtpmap:97 VP8/90000\n");
	struct sdp_rewrite rw = rewrite_of(s);

	(void)state;
	assert_int_equal(sdp_echo_section(s), 1);
	for (size_t i = 0; i < 4; i++)
		ours[i].direction = SDP_SENDRECV;
	out = BUF_ON(out_mem);
	assert_int_equal(sdp_print_echo_answer(s, &rw, &out), 0);
	assert_string_equal(lines_written(), OUT_HEAD OUT_CONN
			    "t=3 4\nm=audio 0 RTP/SAVP 0\na=mid:0\n"
			    "m=audio 20002 RTP/AVP 0 96\na=rtpmap:96 opus/48000/2\n"
			    "a=fmtp:96 y=1\na=ptime:20\na=mid:1\na=recvonly\n"
			    "m=audio 0 RTP/AVP 0\nm=video 0 RTP/AVP 97\n");
	s = parse(IN_HEAD IN_CONN T "m=image 6000 udptl t38\n");
	assert_int_equal(sdp_echo_section(s), -1);
	rw.n_media = 0;
	assert_int_equal(sdp_print_echo_answer(s, &rw, &out), ERR_INVAL);
}

/* SIP rule 24: the answer mirrors the offer's hold. */
static void echo_mirrors_hold(void **state)
{
	static const struct {
		const char *in;
		enum sdp_direction ours;
		const char *out;
	} rows[] = {
		{IN_HEAD IN_CONN T M_IN "a=sendonly\n", SDP_SENDRECV,
		 OUT_HEAD OUT_CONN T M_OUT "a=recvonly\n"},
		{IN_HEAD IN_CONN T M_IN "a=recvonly\n", SDP_SENDRECV,
		 OUT_HEAD OUT_CONN T M_OUT "a=sendonly\n"},
		{IN_HEAD IN_CONN T M_IN "a=inactive\n", SDP_SENDRECV,
		 OUT_HEAD OUT_CONN T M_OUT "a=inactive\n"},
		{IN_HEAD IN_CONN T M_IN "a=sendonly\n", SDP_SENDONLY,
		 OUT_HEAD OUT_CONN T M_OUT "a=inactive\n"},
		{IN_HEAD "c=IN IP4 0.0.0.0\n" T M_IN, SDP_SENDRECV,
		 OUT_HEAD OUT_CONN T M_OUT "a=recvonly\n"},
		{IN_HEAD IN_CONN T M_IN, SDP_SENDRECV, OUT_HEAD OUT_CONN T M_OUT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sdp *s = parse(rows[i].in);
		struct sdp_rewrite rw = rewrite_of(s);

		ours[0].direction = rows[i].ours;
		out = BUF_ON(out_mem);
		assert_int_equal(sdp_print_echo_answer(s, &rw, &out), 0);
		assert_string_equal(lines_written(), rows[i].out);
	}
}

static void directions_are_an_algebra(void **state)
{
	static const enum sdp_direction reverse[] = {SDP_SENDRECV, SDP_RECVONLY, SDP_SENDONLY,
						     SDP_INACTIVE};

	(void)state;
	for (enum sdp_direction a = SDP_SENDRECV; a <= SDP_INACTIVE; a++) {
		assert_int_equal(sdp_direction_reverse(a), reverse[a]);
		assert_int_equal(sdp_direction_parse(sdp_direction_name(a)), a);
		assert_int_equal(sdp_direction_and(a, SDP_SENDRECV), a);
		assert_int_equal(sdp_direction_and(a, SDP_INACTIVE), SDP_INACTIVE);
		assert_int_equal(sdp_direction_and(a, a), a);
	}
	assert_int_equal(sdp_direction_and(SDP_SENDONLY, SDP_RECVONLY), SDP_INACTIVE);
}

static void print_origin(struct sdp_origin *o, const char *in, uint16_t port, bool echo)
{
	struct sdp *s = parse(in);
	struct sdp_rewrite rw = rewrite_of(s);

	ours[0].addr.port = port;
	out = BUF_ON(out_mem);
	assert_int_equal(sdp_origin_print(o, s, &rw, echo, &out), 0);
	assert_int_equal(rw.session_id, o->id);
	assert_int_equal(rw.version, o->version);
	assert_non_null(strstr(lines_written(), "\no=- "));
}

/* SIP rule 22. */
static void the_version_rises_only_with_the_body(void **state)
{
	struct sdp_origin o, other;
	uint64_t id, v;

	(void)state;
	sdp_origin_init(&o);
	sdp_origin_init(&other);
	assert_true(o.id != other.id && o.id > 0 && o.id < 1ULL << 62 && o.version < 1ULL << 62);
	id = o.id;
	v = o.version;
	print_origin(&o, IN_HEAD IN_CONN T M_IN, 20000, false);
	assert_int_equal(o.version, v);
	print_origin(&o, IN_HEAD IN_CONN T M_IN, 20000, false);
	assert_int_equal(o.version, v);
	/* Only their o= differs: the same body of ours. */
	print_origin(&o, "v=0\no=bob 9 9 IN IP4 192.0.2.77\ns=-\n" IN_CONN T M_IN, 20000, false);
	assert_int_equal(o.version, v);
	print_origin(&o, IN_HEAD IN_CONN T M_IN, 20008, false);
	assert_int_equal(o.version, v + 1);
	print_origin(&o, IN_HEAD IN_CONN T M_IN "a=inactive\n", 20008, false);
	assert_int_equal(o.version, v + 2);
	print_origin(&o, IN_HEAD IN_CONN T M_IN, 20008, false);
	assert_int_equal(o.version, v + 3);
	print_origin(&o, IN_HEAD IN_CONN "t=0 1\n" M_IN, 20008, true);
	assert_int_equal(o.version, v + 4);
	print_origin(&o, IN_HEAD IN_CONN "t=0 1\n" M_IN, 20008, true);
	assert_int_equal(o.version, v + 4);
	assert_int_equal(o.id, id);
}

static void the_version_may_gain_a_digit(void **state)
{
	struct sdp_origin o = {.id = 5, .version = 9};

	(void)state;
	print_origin(&o, IN_HEAD IN_CONN T M_IN, 20000, false);
	print_origin(&o, IN_HEAD IN_CONN T M_IN, 20002, false);
	assert_non_null(strstr(lines_written(), "v=0\no=- 5 10 IN IP4 198.51.100.7\ns=-\n"));
	assert_int_equal(sdp_parse(buf_view(&out), &arena, &(struct sdp *){NULL}), 0);
}

static void a_failed_print_leaves_the_origin(void **state)
{
	struct sdp *s = parse(IN_HEAD IN_CONN T M_IN);
	struct sdp_rewrite rw = rewrite_of(s);
	struct sdp_origin o = {.id = 5, .version = 9}, before;

	(void)state;
	print_origin(&o, IN_HEAD IN_CONN T M_IN, 20000, false);
	before = o;
	ours[0].addr.port = 20002;
	/* Room for version 9 but not for version 10. */
	out = buf_on(out_mem, out.len);
	assert_int_equal(sdp_origin_print(&o, s, &rw, false, &out), ERR_LIMIT);
	assert_memory_equal(&o, &before, sizeof(o));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(tables_are_printed),
		TEST(what_was_printed_prints_to_itself),
		TEST(our_direction_is_written_where_it_differs),
		TEST(sections_have_their_own_addresses),
		TEST(the_number_of_sections_is_ours_to_say),
		TEST(a_small_buffer_is_an_error),
		TEST(echo_accepts_the_first_plain_audio),
		TEST(echo_mirrors_hold),
		TEST(directions_are_an_algebra),
		TEST(the_version_rises_only_with_the_body),
		TEST(the_version_may_gain_a_digit),
		TEST(a_failed_print_leaves_the_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
