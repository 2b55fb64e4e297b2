/* Tables and ladders: what goes in, and the text that comes out, to the space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/ctl_ladder.h"
#include "ctl/ctl_table.h"

static char *text;
static size_t text_len;

static FILE *begin(void)
{
	FILE *f = open_memstream(&text, &text_len);

	assert_non_null(f);
	return f;
}

static void is(FILE *f, const char *want)
{
	fclose(f);
	assert_string_equal(text, want);
	free(text);
	text = NULL;
}

static void columns_are_aligned(void **state)
{
	struct arena a;
	struct table t;
	FILE *f = begin();

	(void)state;
	arena_init(&a, 1024, 65536);
	table_init(&t, &a, "USER|CONTACT|NAT");
	table_cell(&t, STR("alice"));
	table_cell(&t, STR("sip:alice@10.0.0.5"));
	table_cell(&t, STR("yes"));
	table_cell(&t, STR("bob"));
	table_cell(&t, STR(""));
	table_cell(&t, STR("no"));
	assert_int_equal(table_print(&t, f), 0);
	arena_free(&a);
	is(f, "USER   CONTACT             NAT\n"
	      "alice  sip:alice@10.0.0.5  yes\n"
	      "bob    -                   no\n");
}

static void a_plain_table_has_no_title(void **state)
{
	struct arena a;
	struct table t;
	FILE *f = begin();

	(void)state;
	arena_init(&a, 1024, 65536);
	table_init_plain(&t, &a, 2);
	table_cell(&t, STR("node"));
	table_cell(&t, STR("sbc1"));
	table_cell(&t, STR("calls"));
	table_cell(&t, STR("3"));
	assert_int_equal(table_print(&t, f), 0);
	arena_free(&a);
	is(f, "node   sbc1\ncalls  3\n");
}

static void width_counts_characters(void **state)
{
	struct arena a;
	struct table t;
	FILE *f = begin();

	(void)state;
	arena_init(&a, 1024, 65536);
	table_init(&t, &a, "A|B");
	table_cell(&t, STR("J\xc3\xb6rg"));
	table_cell(&t, STR("1"));
	table_cell(&t, STR("abcd"));
	table_cell(&t, STR("2"));
	assert_int_equal(table_print(&t, f), 0);
	arena_free(&a);
	is(f, "A     B\nJ\xc3\xb6rg  1\nabcd  2\n");
}

static void a_peers_text_moves_no_cursor(void **state)
{
	static const struct {
		const char *in, *out;
	} row[] = {
		{"plain", "plain"},
		{"\x1b[2J", "\\x1b[2J"},
		{"a\r\nb\tc", "a\\x0d\\x0ab\\x09c"},
		{"\x7f", "\\x7f"},
		{"\xc2\x9b"
		 "31m",
		 "\\xc2\\x9b31m"}, /* C1: CSI in one character */
		{"\xe2\x80\xae"
		 "x",
		 "\\xe2\\x80\\xaex"}, /* right-to-left override */
		{"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},
		{"J\xc3\xb6rg \xe2\x82\xac", "J\xc3\xb6rg \xe2\x82\xac"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		FILE *f = begin();

		text_print(f, str_c(row[i].in));
		is(f, row[i].out);
	}
}

static void long_text_keeps_its_characters(void **state)
{
	char in[1000], out[1001];
	FILE *f = begin();

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(in); i += 2) {
		in[i] = '\xc3';
		in[i + 1] = '\xb6';
	}
	memcpy(out, in, sizeof(in));
	out[1000] = '\0';
	text_print(f, str_n(in, sizeof(in)));
	is(f, out);
}

static void no_memory_is_said(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 3; n++) {
		struct arena a;
		struct table t;
		FILE *f = begin();

		arena_init(&a, 64, 65536);
		mem_fail_nth(n);
		table_init(&t, &a, "A|B");
		for (int i = 0; i < 20; i++)
			table_cell(&t, STR("x"));
		mem_fail_nth(0);
		assert_int_equal(table_print(&t, f), ERR_NOMEM);
		arena_free(&a);
		is(f, "");
	}
}

static void a_ladder_has_two_lanes(void **state)
{
	static const struct ladder_line line[] = {
		{0, 0, false, STR_INIT("INVITE +sdp")},      {2, 1, true, STR_INIT("INVITE +sdp")},
		{15, 1, false, STR_INIT("180 Ringing")},     {15, 0, true, STR_INIT("180 Ringing")},
		{1234, 2, false, STR_INIT("486 Busy Here")},
	};
	FILE *f = begin();

	(void)state;
	ladder_print(f, STR("alice"), STR("bob"), line, sizeof(line) / sizeof(line[0]));
	is(f,
	   "      time        alice                          rempart                           "
	   "bob\n"
	   "     0.000          |--- INVITE +sdp -------------->|                               |\n"
	   "     0.002          |                               |--- INVITE +sdp -------------->|\n"
	   "     0.015          |                               |<-- 180 Ringing ---------------|\n"
	   "     0.015          |<-- 180 Ringing ---------------|                               |\n"
	   "     1.234          |                               |<-- 486 Busy Here (leg 2) "
	   "-----|\n");
}

static void an_empty_ladder_has_its_heads(void **state)
{
	FILE *f = begin();

	(void)state;
	ladder_print(f, STR("a-very-long-name-of-somebody"), STR("\x1b"), NULL, 0);
	fclose(f);
	assert_non_null(strstr(text, "rempart"));
	assert_null(strchr(text, '\x1b'));
	free(text);
}

static void a_call_shows_every_figure_and_no_raw_control_character(void **state)
{
	static const char json[] =
		"{\"id\":\"1\",\"state\":\"active\",\"from\":\"al\\u001b[2Jice\",\"to\":\"bob\","
		"\"from_name\":\"access\",\"to_name\":\"registrar\",\"setup_ms\":8,\"talk_ms\":"
		"6000,\"legs\":[{"
		"\"role\":\"caller\",\"state\":\"confirmed\",\"far_uri\":\"sip:a@192.0.2.1\","
		"\"transport\":\"udp\","
		"\"remote\":\"192.0.2.1:5060\",\"codec\":\"PCMU\",\"call_id\":\"x\",\"endpoints\":["
		"{"
		"\"local\":\"198.51.100.10:20000\",\"sdp\":\"192.168.0.2:4000\",\"latched\":\"192."
		"0.2.1:4001\","
		"\"rx_packets\":300,\"tx_packets\":299,\"rx_bytes\":51600,\"tx_bytes\":51428,"
		"\"dropped\":4,"
		"\"lost\":0,\"loss_percent\":0.0,\"mos\":4.41}]}],\"ladder\":[]}";
	json_t *o = json_loads(json, 0, NULL);
	struct ctl_args a = {0};
	FILE *f = begin();

	(void)state;
	assert_non_null(o);
	assert_int_equal(ctl_print_call(f, o, &a), CTL_OK);
	fclose(f);
	assert_null(strchr(text, '\x1b'));
	assert_null(strstr(text, "\\x0a"));
	assert_non_null(strstr(text, "latched to 192.0.2.1:4001 (behind NAT)\n"));
	assert_non_null(strstr(text, "received 300 packets (51600 bytes), sent 299 packets"));
	assert_non_null(strstr(text, "MOS 4.41"));
	free(text);
	text = NULL;
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_shows_every_figure_and_no_raw_control_character),
		cmocka_unit_test(columns_are_aligned),
		cmocka_unit_test(a_plain_table_has_no_title),
		cmocka_unit_test(width_counts_characters),
		cmocka_unit_test(a_peers_text_moves_no_cursor),
		cmocka_unit_test(long_text_keeps_its_characters),
		cmocka_unit_test(no_memory_is_said),
		cmocka_unit_test(a_ladder_has_two_lanes),
		cmocka_unit_test(an_empty_ladder_has_its_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
