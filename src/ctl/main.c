/* rempartctl: asks the admin API one thing and prints the answer. Reads nothing else, decides nothing. */
#include <curl/curl.h>
#include <jansson.h>

#include "base/mem.h"
#include "base/version.h"
#include "ctl/ctl.h"
#include "ctl/ctl_json.h"
#include "ctl/ctl_table.h"

/* What the API said instead of an answer. */
static int refused(unsigned status, const json_t *answer)
{
	const char *why = json_string_value(json_object_get(answer, "error"));

	fputs("rempartctl: ", stderr);
	if (why)
		text_print(stderr, str_c(why));
	else
		fprintf(stderr, "HTTP status %u", status);
	fputc('\n', stderr);
	return CTL_FAILED;
}

/* Whether there is nothing by the name that was asked for; then says so. */
static bool lacks(const struct ctl_args *a, const json_t *answer)
{
	const struct ctl_command *c = a->command;

	if (!c->needs || json_array_size(json_object_get(answer, c->needs)))
		return false;
	fputs("rempartctl: ", stderr);
	text_print(stderr, str_c(a->arg));
	fprintf(stderr, " %s\n", c->without);
	return true;
}

static int show(const struct ctl_args *a, unsigned status, const char *text, size_t len)
{
	json_t *answer = json_loadb(text ? text : "", len, 0, NULL);
	int code;

	if (status != 200) {
		code = refused(status, answer);
	} else if (!a->command->print) {
		code = CTL_OK;
		if (a->json)
			code = ctl_print_metrics_json(stdout, text ? text : "");
		else
			fwrite(text, 1, len, stdout);
	} else if (!answer) {
		fputs("rempartctl: the answer is not JSON\n", stderr);
		code = CTL_FAILED;
	} else if (a->json) {
		fwrite(text, 1, len, stdout);
		fputc('\n', stdout);
		code = lacks(a, answer) ? CTL_FAILED : CTL_OK;
	} else {
		code = lacks(a, answer) ? CTL_FAILED : a->command->print(stdout, answer, a);
	}
	json_decref(answer);
	if (fflush(stdout) && code == CTL_OK)
		code = CTL_FAILED;
	return code;
}

static int ask(const struct ctl_args *a)
{
	char socket[512], path[1024], why[768];
	struct buf s = BUF_ON(socket), p = BUF_ON(path);
	unsigned status = 0;
	char *text = NULL;
	size_t len = 0;
	int code;

	if (ctl_socket(a, getenv("RUNTIME_DIRECTORY"), &s) || ctl_path(a, &p)) {
		fputs("rempartctl: an argument is too long\n", stderr);
		return CTL_USAGE;
	}
	if (ctl_http(socket, a->command->method, path, &status, &text, &len, why, sizeof(why))) {
		fprintf(stderr, "rempartctl: %s\n", why);
		return CTL_UNREACHABLE;
	}
	code = show(a, status, text, len);
	mem_free(text);
	return code;
}

int main(int argc, char **argv)
{
	struct ctl_args a;
	int code = ctl_args(argc, argv, &a, stderr);

	if (code != CTL_OK)
		return code;
	if (a.version) {
		printf("rempartctl %s\n", rempart_version);
		return CTL_OK;
	}
	if (a.help) {
		ctl_usage(stdout);
		return CTL_OK;
	}
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		fputs("rempartctl: libcurl does not start\n", stderr);
		return CTL_FAILED;
	}
	code = ask(&a);
	curl_global_cleanup();
	return code;
}
