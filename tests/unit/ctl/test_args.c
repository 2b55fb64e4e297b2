/* The command line: which words and options become which command, and what is said about the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/ctl.h"

static char said[1024];

static int parse(const char *text, struct ctl_args *out)
{
	static char mem[512];
	char *argv[16];
	struct str rest = str_c(text), w;
	struct buf b = BUF_ON(mem);
	FILE *err = fmemopen(said, sizeof(said), "w");
	int argc = 0, code;

	assert_non_null(err);
	memset(said, 0, sizeof(said));
	argv[argc++] = (char *)(uintptr_t) "rempartctl";
	while (!str_empty(w = str_word(&rest))) {
		argv[argc++] = b.p + b.len;
		buf_str(&b, w);
		buf_ch(&b, '\0');
	}
	*out = (struct ctl_args){0};
	code = ctl_args(argc, argv, out, err);
	fclose(err);
	return code;
}

static void commands(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *words, *path; /* or what is said */
	} row[] = {
		{"status", CTL_OK, "status", "/v1/status"},
		{"calls", CTL_OK, "calls", "/v1/calls"},
		{"call show 00ab", CTL_OK, "call show", "/v1/calls/00ab"},
		{"call end 1", CTL_OK, "call end", "/v1/calls/1"},
		{"call end 1 --reason busy", CTL_OK, "call end", "/v1/calls/1?reason=busy"},
		{"--reason=a/b&c call end 1", CTL_OK, "call end", "/v1/calls/1?reason=a%2Fb%26c"},
		{"reg list", CTL_OK, "reg list", "/v1/registrations"},
		{"reg show a%b?", CTL_OK, "reg show", "/v1/registrations?user=a%25b%3F"},
		{"call show ../status", CTL_OK, "call show", "/v1/calls/..%2Fstatus"},
		{"reg show -- -x", CTL_OK, "reg show", "/v1/registrations?user=-x"},
		{"metrics", CTL_OK, "metrics", "/metrics"},
		{"", CTL_USAGE, NULL, "no command"},
		{"statsu", CTL_USAGE, NULL, "did you mean 'status'"},
		{"reg lst", CTL_USAGE, NULL, "did you mean 'reg list'"},
		{"fly", CTL_USAGE, NULL, "no command 'fly'; rempartctl"},
		{"call", CTL_USAGE, NULL, "call what? call show, call end;"},
		{"reg", CTL_USAGE, NULL, "reg what? reg list, reg show;"},
		{"ban", CTL_USAGE, NULL, "ban what? ban list, ban add, ban del;"},
		{"cal", CTL_USAGE, NULL, "did you mean 'calls'"},
		{"call show", CTL_USAGE, NULL, "missing: ID"},
		{"calls now", CTL_USAGE, NULL, "too many arguments: now"},
		{"status --fast", CTL_USAGE, NULL, "unknown option --fast"},
		{"status --reason x", CTL_USAGE, NULL, "--reason goes with call end only"},
		{"status -o yaml", CTL_USAGE, NULL, "-o takes table or json, not yaml"},
		{"status -o", CTL_USAGE, NULL, "a value is missing behind -o"},
		{"status --socket", CTL_USAGE, NULL, "a value is missing behind --socket"},
		{"trunk list", CTL_FAILED, NULL, "trunk list is not supported yet"},
		{"route test --from trunk/a --called 1", CTL_FAILED, NULL, "not supported yet"},
		{"config apply x.yaml", CTL_FAILED, NULL, "not supported yet"},
		{"drain", CTL_FAILED, NULL, "not supported yet"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ctl_args a;
		char path[256];
		struct buf b = BUF_ON(path);
		int code = parse(row[i].line, &a);

		if (code != row[i].code)
			fail_msg("%s: %d, %s", row[i].line, code, said);
		if (code != CTL_OK) {
			if (str_find_str(str_c(said), str_c(row[i].path)) < 0)
				fail_msg("%s: %s", row[i].line, said);
			continue;
		}
		assert_string_equal(a.command->words, row[i].words);
		assert_int_equal(ctl_path(&a, &b), 0);
		assert_string_equal(path, row[i].path);
	}
}

static void options_may_stand_anywhere(void **state)
{
	static const char *const line[] = {
		"-o json --socket /s call show 1",
		"call -o json show --socket /s 1",
		"call show 1 --socket=/s -ojson",
		"call show 1 --socket=/s -o=json",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(line) / sizeof(line[0]); i++) {
		struct ctl_args a;

		assert_int_equal(parse(line[i], &a), CTL_OK);
		assert_true(a.json);
		assert_string_equal(a.socket, "/s");
		assert_string_equal(a.arg, "1");
	}
}

static void help_and_version_need_no_command(void **state)
{
	struct ctl_args a;

	(void)state;
	assert_int_equal(parse("--help", &a), CTL_OK);
	assert_true(a.help);
	assert_int_equal(parse("call -h", &a), CTL_OK);
	assert_true(a.help);
	assert_int_equal(parse("--version", &a), CTL_OK);
	assert_true(a.version);
}

static void where_the_socket_is(void **state)
{
	static const struct {
		const char *socket, *runtime, *want;
	} row[] = {
		{NULL, NULL, "/run/rempart/control.sock"},
		{NULL, "", "/run/rempart/control.sock"},
		{NULL, "/run/a", "/run/a/control.sock"},
		{NULL, "/run/a:/run/b", "/run/a/control.sock"},
		{"/tmp/x", "/run/a", "/tmp/x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ctl_args a = {.socket = row[i].socket};
		char mem[64];
		struct buf b = BUF_ON(mem);

		assert_int_equal(ctl_socket(&a, row[i].runtime, &b), 0);
		assert_string_equal(mem, row[i].want);
	}
}

/* No command hides another, and each supported one has a path for its argument. */
static void the_table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_ctl_command; i++) {
		const struct ctl_command *c = &ctl_command[i];

		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(c->words, ctl_command[k].words);
		if (c->method)
			assert_int_equal(c->n_arg, str_find(str_c(c->path), '%') >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(help_and_version_need_no_command),
		cmocka_unit_test(where_the_socket_is),
		cmocka_unit_test(the_table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
