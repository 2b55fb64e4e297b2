/* base/log: what a peer sends cannot forge or break a line, in logfmt nor in JSON; the cap; the rate limit.
 * Lines go into a pipe and are read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int ends[2];
static char got[2 * LOG_LINE_MAX];

static void open_log(enum log_level level, enum log_format format)
{
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	log_init("test", ends[1], level, format);
}

/* What was written since, NUL-terminated; "" when nothing. */
static const char *drain(void)
{
	ssize_t n = read(ends[0], got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

static void close_log(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* The line without what stands before the event's own pairs, checked on the way. */
static const char *pairs(void)
{
	static const char *const fixed[] = {
		" level=info prog=test mod=call event=state",
		"\",\"level\":\"info\",\"prog\":\"test\",\"mod\":\"call\","
		"\"event\":\"state\""};
	const char *line = drain();
	bool json = line[0] == '{';
	size_t ts = json ? strlen("{\"ts\":\"") : strlen("ts=");

	assert_true(strlen(line) > ts + 24);
	assert_memory_equal(line, json ? "{\"ts\":\"" : "ts=", ts);
	assert_int_equal(line[ts + 10], 'T');
	assert_int_equal(line[ts + 23], 'Z');
	line += ts + 24;
	assert_memory_equal(line, fixed[json], strlen(fixed[json]));
	return line + strlen(fixed[json]);
}

static void writes_logfmt(void **state)
{
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse(STR("[2001:db8::1]:5060"), &a), 0);
	open_log(LOG_INFO, LOG_LOGFMT);
	log_info("call", "state");
	assert_string_equal(pairs(), "\n");
	log_info("call", "state", KV_X("call", 0x1a2b), KV_C("from", "early"),
		 KV_U("n", UINT64_MAX), KV_I("m", INT64_MIN), KV_A("src", &a), KV_A("none", NULL),
		 KV_C("null", NULL), KV_C("empty", ""));
	assert_string_equal(pairs(), " call=0000000000001a2b from=early n=18446744073709551615 "
				     "m=-9223372036854775808 src=[2001:db8::1]:5060 none=none "
				     "null=\"\" empty=\"\"\n");
	close_log();
}

static void writes_json(void **state)
{
	(void)state;
	open_log(LOG_INFO, LOG_JSON);
	log_info("call", "state", KV_X("call", 0x1a2b), KV_I("n", -1), KV_U("m", 5),
		 KV_C("s", "a=b"));
	assert_string_equal(pairs(),
			    ",\"call\":\"0000000000001a2b\",\"n\":-1,\"m\":5,\"s\":\"a=b\"}\n");
	close_log();
}

static void escapes_what_could_forge_a_line(void **state)
{
	static const struct {
		struct str in;
		const char *logfmt, *json;
	} row[] = {
		{STR_INIT("a b"), "\"a b\"", "\"a b\""},
		{STR_INIT("a=b"), "\"a=b\"", "\"a=b\""},
		{STR_INIT("a\nts=1"), "\"a\\nts=1\"", "\"a\\nts=1\""},
		{STR_INIT("\r\t"), "\"\\r\\t\"", "\"\\r\\t\""},
		{STR_INIT("say \"x\""), "\"say \\\"x\\\"\"", "\"say \\\"x\\\"\""},
		{STR_INIT("\\"), "\"\\\\\"", "\"\\\\\""},
		{STR_INIT("\\\""), "\"\\\\\\\"\"", "\"\\\\\\\"\""},
		{STR_INIT("a\0b"), "\"a\\u0000b\"", "\"a\\u0000b\""},
		{STR_INIT("\x1b[2J"), "\"\\u001b[2J\"", "\"\\u001b[2J\""},
		{STR_INIT("\x7f"), "\"\\u007f\"", "\"\\u007f\""},
		{STR_INIT("\xc2\x9b"), "\"\\u009b\"", "\"\\u009b\""},
		{STR_INIT("\xe2\x80\xa8"), "\"\\u2028\"", "\"\\u2028\""},
		{STR_INIT("\xe2\x80\xae"), "\"\\u202e\"", "\"\\u202e\""},
		{STR_INIT("\xc3\xa9\xf0\x9f\x93\x9e"), "\"\xc3\xa9\xf0\x9f\x93\x9e\"",
		 "\"\xc3\xa9\xf0\x9f\x93\x9e\""},
		{STR_INIT("\xff"), "\"\\xff\"", "\"\\\\xff\""},
		{STR_INIT("\xc3"), "\"\\xc3\"", "\"\\\\xc3\""},
		{STR_INIT("\xc3z"), "\"\\xc3z\"", "\"\\\\xc3z\""},
		{STR_INIT("\xc0\x8a"), "\"\\xc0\\x8a\"", "\"\\\\xc0\\\\x8a\""},
		{STR_INIT("\xe0\x80\x8a"), "\"\\xe0\\x80\\x8a\"", "\"\\\\xe0\\\\x80\\\\x8a\""},
		{STR_INIT("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"", "\"\\\\xed\\\\xa0\\\\x80\""},
		{STR_INIT("\xf4\x90\x80\x80"), "\"\\xf4\\x90\\x80\\x80\"",
		 "\"\\\\xf4\\\\x90\\\\x80\\\\x80\""},
	};
	char want[128];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		open_log(LOG_INFO, LOG_LOGFMT);
		log_info("call", "state", KV_S("v", row[i].in), KV_C("end", "x"));
		snprintf(want, sizeof(want), " v=%s end=x\n", row[i].logfmt);
		assert_string_equal(pairs(), want);
		close_log();
		open_log(LOG_INFO, LOG_JSON);
		log_info("call", "state", KV_S("v", row[i].in), KV_C("end", "x"));
		snprintf(want, sizeof(want), ",\"v\":%s,\"end\":\"x\"}\n", row[i].json);
		assert_string_equal(pairs(), want);
		close_log();
	}
}

static void every_byte_stays_on_one_printable_line(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;

		for (enum log_format f = LOG_LOGFMT; f <= LOG_JSON; f++) {
			size_t len;

			open_log(LOG_INFO, f);
			log_info("call", "state", KV_S("v", str_n(&byte, 1)));
			len = strlen(drain());
			assert_int_equal(got[len - 1], '\n');
			for (size_t i = 0; i + 1 < len; i++)
				assert_true(got[i] >= ' ' && got[i] < 0x7f);
			close_log();
		}
	}
}

/* True where the quotes of a line pair up and every escape is whole. */
static bool quotes_pair(const char *line)
{
	bool inside = false;

	for (; *line; line++) {
		if (inside && *line == '\\') {
			size_t digits = line[1] == 'u' ? 4 : line[1] == 'x' ? 2 : 0;

			if (!line[1] || strspn(line + 2, "0123456789abcdef") < digits)
				return false;
			line += 1 + digits;
		} else if (*line == '"') {
			inside = !inside;
		}
	}
	return !inside;
}

static void cuts_long_lines_with_a_marker(void **state)
{
	static const char *const fills[] = {"a",  "\n",       "\x01",        "\xff",
					    "\"", "\xc3\xa9", "\xe2\x82\xac"};
	static const char *const marker[] = {" trunc=true\n", ",\"trunc\":true}\n"};
	static char big[3000];

	(void)state;
	for (size_t fill = 0; fill < sizeof(fills) / sizeof(fills[0]); fill++) {
		size_t unit = strlen(fills[fill]);

		for (size_t i = 0; i < sizeof(big); i++)
			big[i] = fills[fill][i % unit];
		for (size_t units = 200; units < 2100 / unit; units++) {
			for (enum log_format f = LOG_LOGFMT; f <= LOG_JSON; f++) {
				size_t len;
				bool cut;

				open_log(LOG_INFO, f);
				log_info("call", "state", KV_S("v", str_n(big, units * unit)),
					 KV_U("n", 12345), KV_C("last", "word"));
				len = strlen(drain());
				assert_true(len <= LOG_LINE_MAX);
				assert_ptr_equal(strchr(got, '\n'), got + len - 1);
				assert_true(quotes_pair(got));
				cut = len > 20 &&
				      strcmp(got + len - strlen(marker[f]), marker[f]) == 0;
				assert_true(cut || strstr(got, "word"));
				if (units * unit >= LOG_LINE_MAX)
					assert_true(cut && len > LOG_LINE_MAX - 50);
				close_log();
			}
		}
	}
}

static void drops_what_is_below_the_level(void **state)
{
	(void)state;
	open_log(LOG_WARN, LOG_LOGFMT);
	log_info("call", "state");
	assert_string_equal(drain(), "");
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_WARN));
	log_error("call", "state");
	assert_non_null(strstr(drain(), "level=error"));
	log_set_level(LOG_DEBUG);
	log_debug("call", "state");
	assert_non_null(strstr(drain(), "level=debug"));
	close_log();
}

static void keeps_errno_and_survives_a_full_pipe(void **state)
{
	(void)state;
	open_log(LOG_INFO, LOG_LOGFMT);
	errno = ENOENT;
	for (int i = 0; i < 2000; i++)
		log_info("call", "state");
	assert_int_equal(errno, ENOENT);
	close_log();
}

static void limits_to_ten_and_one_more_each_100_ms(void **state)
{
	struct log_limit l = {0};
	uint32_t sup = 99;
	uint64_t now = 1000000;

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_true(log_limit_pass(&l, now, &sup));
		assert_int_equal(sup, 0);
	}
	for (int i = 0; i < 5; i++)
		assert_false(log_limit_pass(&l, now + 99, &sup));
	assert_true(log_limit_pass(&l, now + 100, &sup));
	assert_int_equal(sup, 5);
	assert_false(log_limit_pass(&l, now + 199, &sup));
	assert_true(log_limit_pass(&l, now + 200, &sup));
	assert_int_equal(sup, 1);
	for (int i = 0; i < 10; i++)
		assert_true(log_limit_pass(&l, now + 100000, &sup));
	assert_false(log_limit_pass(&l, now + 100000, &sup));
	assert_false(log_limit_pass(&l, now, &sup)); /* back in time */
}

static void limited_line_says_how_many_it_swallowed(void **state)
{
	size_t lines = 0;

	(void)state;
	open_log(LOG_INFO, LOG_LOGFMT);
	for (int i = 0; i < 10; i++) {
		log_limited(LOG_INFO, "call", "state", KV_U("i", i));
		lines += drain()[0] != '\0';
		assert_null(strstr(got, "suppressed"));
	}
	assert_int_equal(lines, 10);
	close_log();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_logfmt),
		cmocka_unit_test(writes_json),
		cmocka_unit_test(escapes_what_could_forge_a_line),
		cmocka_unit_test(every_byte_stays_on_one_printable_line),
		cmocka_unit_test(cuts_long_lines_with_a_marker),
		cmocka_unit_test(drops_what_is_below_the_level),
		cmocka_unit_test(keeps_errno_and_survives_a_full_pipe),
		cmocka_unit_test(limits_to_ten_and_one_more_each_100_ms),
		cmocka_unit_test(limited_line_says_how_many_it_swallowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
