/* The command line: THE table of commands, and how words and options become one of them.
 *
 * For main.c. Options may stand before, between and behind the words. Commands that the manual knows and this version
 * does not do are in the table too, so that the answer is "not supported yet" and not "what?". */
#include "ctl/ctl.h"

/* clang-format off */
const struct ctl_command ctl_command[] = {
	{"status", "", "the node, its calls, trunks and drops", "GET", "/v1/status", .print = ctl_print_status},
	{"calls", "", "a line for each call", "GET", "/v1/calls", .print = ctl_print_calls},
	{"call show", "ID", "one call: legs, media figures, SIP ladder", "GET", "/v1/calls/%", 1, .print = ctl_print_call},
	{"call end", "ID [--reason TEXT]", "end a call from our side", "DELETE", "/v1/calls/%", 1, .reason = true, .print = ctl_print_ended},
	{"reg list", "", "a line for each registered contact", "GET", "/v1/registrations", .print = ctl_print_registrations},
	{"reg show", "USER", "one user's contacts", "GET", "/v1/registrations?user=%", 1, .needs = "registrations", .without = "has no contact registered", .print = ctl_print_registrations},
	{"metrics", "", "all counters, Prometheus text", "GET", "/metrics"},
	{"trunk list", "", "state of the trunks"},
	{"trunk test", "NAME", "ask a trunk whether it is there"},
	{"route test", "--from .. --called N", "explain where a call would go"},
	{"config check", "FILE", "check a configuration"},
	{"config diff", "FILE", "what would change"},
	{"config apply", "FILE", "take a configuration over"},
	{"ban list", "", "banned sources"},
	{"ban add", "ADDRESS", "ban a source"},
	{"ban del", "ADDRESS", "let a source in again"},
	{"drain", "", "take no new calls"},
	{"cert reload", "", "load certificates again"},
};
/* clang-format on */
const size_t n_ctl_command = sizeof(ctl_command) / sizeof(ctl_command[0]);

enum { WORDS_MAX = 8 };

void ctl_usage(FILE *out)
{
	fputs("rempartctl [-o table|json] [--socket PATH] COMMAND\n", out);
	for (size_t i = 0; i < n_ctl_command; i++) {
		const struct ctl_command *c = &ctl_command[i];
		char text[64];
		struct buf b = BUF_ON(text);

		buf_printf(&b, "%s %s", c->words, c->args);
		fprintf(out, "  %-34s %s%s\n", buf_cstr(&b), c->help,
			c->method ? "" : " (not supported yet)");
	}
	fputs("Exit: 0 ok, 1 failed, 2 usage, 3 unreachable.\n", out);
}

/* Walks over argv: the value of an option that stands in the next argument or behind '='. */
struct walk {
	int argc, i;
	char *const *argv;
	bool missing; /* an option without its value */
};

static const char *value_of(struct walk *w, const char *option)
{
	size_t len = strlen(option);
	const char *arg = w->argv[w->i];

	if (arg[len] == '=')
		return arg + len + 1;
	if (option[1] != '-' && arg[len])
		return arg + len;
	if (w->i + 1 < w->argc)
		return w->argv[++w->i];
	w->missing = true;
	return NULL;
}

static bool is_option(const char *arg, const char *option)
{
	size_t len = strlen(option);

	if (strncmp(arg, option, len) != 0)
		return false;
	return !arg[len] || arg[len] == '=' || option[1] != '-';
}

/* How many of a command's words stand at the beginning; all of them: the command. */
static unsigned words_fit(const struct ctl_command *c, const char *const *word, unsigned n)
{
	struct str rest = str_c(c->words);
	unsigned k = 0;

	while (!str_empty(rest)) {
		struct str w = str_cut(&rest, ' ');

		if (k == n || !str_eq(w, str_c(word[k])))
			return 0;
		k++;
	}
	return k;
}

static const struct ctl_command *find(const char *const *word, unsigned n, unsigned *n_used)
{
	for (size_t i = 0; i < n_ctl_command; i++) {
		*n_used = words_fit(&ctl_command[i], word, n);
		if (*n_used)
			return &ctl_command[i];
	}
	return NULL;
}

/* The first of a command's words alone: says which ones begin so. */
static bool half_a_command(FILE *err, struct str typed)
{
	bool found = false;

	for (size_t i = 0; i < n_ctl_command; i++) {
		struct str rest = str_c(ctl_command[i].words), first = str_cut(&rest, ' ');

		if (str_empty(rest) || !str_eq(first, typed))
			continue;
		if (found)
			fputs(", ", err);
		else
			fprintf(err, "rempartctl: %.*s what? ", STR_FMT(typed));
		fputs(ctl_command[i].words, err);
		found = true;
	}
	if (found)
		fputs("; see rempartctl --help\n", err);
	return found;
}

static void no_such(FILE *err, const char *const *word, unsigned n)
{
	char text[128];
	struct buf b = BUF_ON(text);
	unsigned best = 4, d;
	const char *near = NULL;

	if (n == 1 && half_a_command(err, str_c(word[0])))
		return;
	buf_c(&b, word[0]);
	if (n > 1) {
		buf_ch(&b, ' ');
		buf_c(&b, word[1]);
	}
	for (size_t i = 0; i < n_ctl_command; i++) {
		struct str words = str_c(ctl_command[i].words);
		struct str typed = str_find(words, ' ') < 0 ? str_c(word[0]) : buf_view(&b);

		d = str_distance(typed, words, best);
		if (d < best) {
			best = d;
			near = ctl_command[i].words;
		}
	}
	fprintf(err, "rempartctl: no command '%.*s'", STR_FMT(buf_view(&b)));
	if (near)
		fprintf(err, "; did you mean '%s'", near);
	fputs("; rempartctl --help lists them\n", err);
}

static int usage(FILE *err, const char *what, const char *which)
{
	fprintf(err, "rempartctl: %s%s; see rempartctl --help\n", what, which);
	return CTL_USAGE;
}

/* What stands behind the command's words has to be what it takes. */
static int judge(struct ctl_args *a, const char *const *word, unsigned n, unsigned n_used,
		 const char *unknown, FILE *err)
{
	const struct ctl_command *c = a->command;

	if (!c->method) {
		fprintf(err, "rempartctl: %s is not supported yet\n", c->words);
		return CTL_FAILED;
	}
	if (unknown)
		return usage(err, "unknown option ", unknown);
	if (a->reason && !c->reason)
		return usage(err, "--reason goes with call end only", "");
	if (n - n_used < c->n_arg)
		return usage(err, "missing: ", c->args);
	if (n - n_used > c->n_arg)
		return usage(err, "too many arguments: ", word[n_used + c->n_arg]);
	if (c->n_arg)
		a->arg = word[n_used];
	return CTL_OK;
}

int ctl_args(int argc, char *const *argv, struct ctl_args *out, FILE *err)
{
	struct walk w = {.argc = argc, .argv = argv};
	const char *word[WORDS_MAX], *unknown = NULL, *format = NULL;
	struct ctl_args a = {0};
	unsigned n = 0, n_used = 0;
	bool only_words = false;
	int code;

	for (w.i = 1; w.i < argc; w.i++) {
		const char *arg = argv[w.i];

		if (only_words || arg[0] != '-' || !arg[1]) {
			if (n == WORDS_MAX)
				return usage(err, "too many arguments: ", arg);
			word[n++] = arg;
		} else if (strcmp(arg, "--") == 0) {
			only_words = true;
		} else if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
			a.help = true;
		} else if (strcmp(arg, "--version") == 0) {
			a.version = true;
		} else if (is_option(arg, "-o")) {
			format = value_of(&w, "-o");
		} else if (is_option(arg, "--socket")) {
			a.socket = value_of(&w, "--socket");
		} else if (is_option(arg, "--reason")) {
			a.reason = value_of(&w, "--reason");
		} else if (!unknown) {
			unknown = arg;
		}
		if (w.missing)
			return usage(err, "a value is missing behind ", arg);
	}
	if (format && strcmp(format, "table") != 0 && strcmp(format, "json") != 0)
		return usage(err, "-o takes table or json, not ", format);
	a.json = format && strcmp(format, "json") == 0;
	if (!a.help && !a.version) {
		if (n == 0)
			return usage(err, unknown ? "unknown option " : "no command",
				     unknown ? unknown : "");
		a.command = find(word, n, &n_used);
		if (!a.command) {
			no_such(err, word, n);
			return CTL_USAGE;
		}
		code = judge(&a, word, n, n_used, unknown, err);
		if (code != CTL_OK)
			return code;
	}
	*out = a;
	return CTL_OK;
}

/* Percent-encoding of everything but RFC 3986's unreserved characters. */
static void encode(struct buf *b, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '-' || c == '.' || c == '_' || c == '~') {
			buf_ch(b, (char)c);
		} else {
			buf_ch(b, '%');
			buf_ch(b, hex[c >> 4]);
			buf_ch(b, hex[c & 15]);
		}
	}
}

int ctl_path(const struct ctl_args *a, struct buf *b)
{
	for (const char *p = a->command->path; *p; p++) {
		if (*p == '%')
			encode(b, a->arg);
		else
			buf_ch(b, *p);
	}
	if (a->reason) {
		buf_c(b, "?reason=");
		encode(b, a->reason);
	}
	buf_cstr(b);
	return buf_check(b);
}

int ctl_socket(const struct ctl_args *a, const char *runtime_directory, struct buf *b)
{
	struct str folders = str_c(runtime_directory), first = str_cut(&folders, ':');

	if (a->socket) {
		buf_c(b, a->socket);
	} else {
		buf_str(b, str_empty(first) ? STR("/run/rempart") : first);
		buf_c(b, "/control.sock");
	}
	buf_cstr(b);
	return buf_check(b);
}
