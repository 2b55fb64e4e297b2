/* rempartd: the parent. Checks the configuration, makes the folders, starts rempart-dataplane and rempart-control with the
 * same text, keeps them alive and ends them in order. It handles no packet and no SIP message, so that nothing a peer
 * sends can reach it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/version.h"
#include "base/mem.h"
#include "children.h"
#include "conf/conf.h"
#include "rundir.h"

enum action { RUN, CHECK, DUMP };

struct args {
	const char *conf_path;
	enum action action;
};

static const char usage_text[] =
	"usage: rempartd [-t] -c FILE\n"
	"  -c, --config FILE  the configuration\n"
	"  -t, --test         check it and exit: 0 when it is right, 1 with the errors when not\n"
	"      --dump         check it and print it with its defaults filled in\n"
	"      --version      print the version\n";

static int usage_error(void)
{
	fputs(usage_text, stderr);
	return 2;
}

/* Prints what make() writes, in a buffer that is large enough. */
static int print_made(void (*make)(struct buf *, const struct conf *), const struct conf *c)
{
	size_t cap = 64 * 1024;
	struct buf b;
	char *mem;

	do {
		mem = mem_alloc(cap);
		if (!mem)
			return 1;
		b = buf_on(mem, cap);
		make(&b, c);
		if (!b.overflow)
			fwrite(b.p, 1, b.len, stdout);
		mem_free(mem);
		cap *= 2;
	} while (b.overflow);
	return fflush(stdout) ? 1 : 0;
}

static void make_dump(struct buf *b, const struct conf *c)
{
	conf_dump(c, b);
}

static void make_schema(struct buf *b, const struct conf *c)
{
	(void)c;
	conf_dump_schema(b);
}

/* The folder of the two other programs: our own, unless the environment names another. */
static int find_folder(char *out, size_t cap)
{
	const char *given = getenv("REMPART_LIBEXEC");
	ssize_t n;

	if (given && *given) {
		str_copy(out, cap, str_c(given));
		return 0;
	}
	n = readlink("/proc/self/exe", out, cap - 1);
	if (n <= 0)
		return ERR_IO;
	while (n > 1 && out[n - 1] != '/')
		n--;
	out[n - 1] = 0;
	return 0;
}

/* A call takes sockets and files in none of the programs, but a thousand TCP phones do in control. */
static void raise_file_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return;
	l.rlim_cur = l.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &l);
}

static int run(const struct args *a, const struct conf *c, const char *text, size_t len)
{
	struct children_options o = {.conf_path = a->conf_path, .times = sup_times_default};
	char folder[4096];
	int lock, status;

	if (find_folder(folder, sizeof(folder))) {
		fputs("rempartd: cannot tell where its programs are; set REMPART_LIBEXEC\n",
		      stderr);
		return 1;
	}
	if (rundir_check(c->system.run_dir.p) || rundir_make(c->system.run_dir.p) ||
	    rundir_make(c->system.state_dir.p) || rundir_lock(c->system.run_dir.p, &lock))
		return 1;
	o.folder = folder;
	o.conf_fd = children_conf_fd(text, len);
	if (o.conf_fd < 0) {
		fprintf(stderr, "rempartd: memfd: %s\n", strerror(errno));
		rundir_unlock(c->system.run_dir.p, lock);
		return 1;
	}
	raise_file_limit();
	log_init("rempartd", STDERR_FILENO, c->observability.log_level,
		 c->observability.log_format);
	log_info("main", "begin", KV_C("version", rempart_version), KV_C("config", a->conf_path));
	status = children_run(&o);
	log_info("main", "end", KV_I("status", status));
	rundir_unlock(c->system.run_dir.p, lock);
	close(o.conf_fd);
	return status;
}

static int with_conf(const struct args *a, const char *text, size_t len)
{
	struct conf_errors errors;
	struct conf *c = NULL;
	int err, status = 1;

	conf_errors_init(&errors);
	err = conf_load_text(a->conf_path, str_n(text, len), &c, &errors);
	conf_errors_print(&errors, stderr);
	conf_errors_free(&errors);
	if (err == ERR_NOMEM)
		fputs("rempartd: out of memory\n", stderr);
	if (err)
		return 1;
	switch (a->action) {
	case RUN:
		status = run(a, c, text, len);
		break;
	case CHECK:
		printf("%s: ok\n", a->conf_path);
		status = 0;
		break;
	case DUMP:
		status = print_made(make_dump, c);
		break;
	}
	conf_free(c);
	return status;
}

/* -1 when the program is to go on, else its exit status. */
static int parse_args(int argc, char **argv, struct args *a)
{
	enum { OPT_VERSION = 256, OPT_HELP, OPT_DUMP, OPT_SCHEMA };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"test", no_argument, NULL, 't'},
		{"version", no_argument, NULL, OPT_VERSION},
		{"help", no_argument, NULL, OPT_HELP},
		{"dump", no_argument, NULL, OPT_DUMP},
		{"dump-schema", no_argument, NULL, OPT_SCHEMA}, /* for scripts/gen-docs */
		{0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "c:t", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			a->conf_path = optarg;
			break;
		case 't':
			a->action = CHECK;
			break;
		case OPT_DUMP:
			a->action = DUMP;
			break;
		case OPT_VERSION:
			printf("rempartd %s\n", rempart_version);
			return 0;
		case OPT_HELP:
			fputs(usage_text, stdout);
			return 0;
		case OPT_SCHEMA:
			return print_made(make_schema, NULL);
		default:
			return usage_error();
		}
	}
	if (optind < argc)
		fprintf(stderr, "rempartd: too many arguments: %s\n", argv[optind]);
	else if (!a->conf_path || !*a->conf_path)
		fputs("rempartd: -c FILE is missing\n", stderr);
	else
		return -1;
	return usage_error();
}

/* Where a service manager closed some of them: whatever is opened next would get the number of standard error, and the
 * log. */
static void keep_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct args a = {0};
	char *text;
	size_t len;
	int status, err;

	keep_standard_descriptors();
	status = parse_args(argc, argv, &a);
	if (status >= 0)
		return status;
	err = conf_read_text(a.conf_path, -1, &text, &len);
	if (err) {
		fprintf(stderr, "%s: error: cannot read it: %s\n", a.conf_path,
			err == ERR_IO ? strerror(errno) : err_text(err));
		return 1;
	}
	status = with_conf(&a, text, len);
	secret_zero(text, len);
	mem_free(text);
	return status;
}
