/* The admin API's paths and sockets.
 *
 * Called by the shard, on its thread. Paths are one table: what may be asked how, whether over TCP too, and who
 * answers. The Unix socket belongs to whoever may write it (mode 0600, in run_dir); TCP is for reading only, since
 * nobody is asked there who he is. */
#include "ops/admin.h"

#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "ops/admin_internal.h"
#include "registrar/registrar.h"

enum { ADMIN_BACKLOG = 32, ADMIN_REASON_MAX = 64 };

static uint64_t admin_now(const struct admin_request *q)
{
	return q->admin->shard->wheel.now_ms;
}

static void write_status(struct admin_request *q, const struct admin_figures *f)
{
	size_t len;
	char *text = admin_json_status(q->admin, f, admin_now(q), &len);

	admin_answer(q, 200, ADMIN_JSON, text, len);
}

static void get_status(struct admin_request *q, struct str id)
{
	(void)id;
	admin_gather(q, true, NULL, 0, write_status);
}

static void write_metrics(struct admin_request *q, const struct admin_figures *f)
{
	size_t len;
	char *text = admin_metrics(q->admin, f, &len);

	admin_answer(q, 200, ADMIN_PROMETHEUS, text, len);
}

static void get_metrics(struct admin_request *q, struct str id)
{
	(void)id;
	admin_gather(q, true, NULL, 0, write_metrics);
}

static void get_calls(struct admin_request *q, struct str id)
{
	size_t len;
	char *text = admin_json_calls(q->admin->shard->calls, admin_now(q), &len);

	(void)id;
	admin_answer(q, 200, ADMIN_JSON, text, len);
}

/* 16 hex digits, as we print them. ERR_SYNTAX. */
static int call_id(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.len == 0 || s.len > 16)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return ERR_SYNTAX;
	}
	*out = v;
	return 0;
}

/* The call named last in the path; NULL, and the request answered, when there is none. mem_free(). */
static struct call_info *find_call(struct admin_request *q, struct str id)
{
	struct call_info *c;
	uint64_t v;

	if (call_id(id, &v)) {
		admin_answer_error(q, 400, "a call's id is 16 hex digits");
		return NULL;
	}
	c = mem_alloc(sizeof(*c));
	if (!c) {
		admin_answer_error(q, 503, "out of memory");
		return NULL;
	}
	if (call_find(q->admin->shard->calls, v, admin_now(q), c)) {
		mem_free(c);
		admin_answer_error(q, 404, "no such call");
		return NULL;
	}
	return c;
}

static struct str last_part(struct str path)
{
	for (size_t i = path.len; i > 0; i--)
		if (path.p[i - 1] == '/')
			return str_from(path, i);
	return path;
}

static void write_call(struct admin_request *q, const struct admin_figures *f)
{
	struct call_info *c = find_call(q, last_part(q->path));
	size_t len;
	char *text;

	if (!c)
		return;
	text = admin_json_call(c, f, &len);
	mem_free(c);
	admin_answer(q, 200, ADMIN_JSON, text, len);
}

static void get_call(struct admin_request *q, struct str id)
{
	struct call_info *c = find_call(q, id);
	uint32_t endpoint[ADMIN_ENDPOINTS];
	size_t n = 0;

	if (!c)
		return;
	for (size_t i = 0; i < c->n_leg; i++)
		for (size_t k = 0; k < c->leg[i].n_endpoint; k++)
			endpoint[n++] = c->leg[i].endpoint[k];
	mem_free(c);
	admin_gather(q, false, endpoint, n, write_call);
}

static void end_call(struct admin_request *q, struct str id)
{
	struct str reason = admin_query(q, "reason");
	uint64_t v;

	if (call_id(id, &v)) {
		admin_answer_error(q, 400, "a call's id is 16 hex digits");
		return;
	}
	/* It goes into a header. */
	if (reason.len > ADMIN_REASON_MAX || !str_printable(reason) || str_find(reason, '"') >= 0 ||
	    str_find(reason, '\\') >= 0) {
		admin_answer_error(q, 400, "a reason is at most 64 characters without quotes");
		return;
	}
	if (call_end(q->admin->shard->calls, v, reason, admin_now(q))) {
		admin_answer_error(q, 404, "no such call");
		return;
	}
	log_info("admin", "call_end", KV_X("call", v), KV_S("reason", reason));
	admin_answer(q, 200, ADMIN_JSON, mem_strdup("{\"ended\":true}"), 14);
}

static void get_registrations(struct admin_request *q, struct str id)
{
	size_t len;
	char *text = admin_json_registrations(q->admin->shard->registrar, admin_query(q, "user"),
					      admin_now(q), &len);

	(void)id;
	admin_answer(q, 200, ADMIN_JSON, text, len);
}

static void get_health(struct admin_request *q, struct str id)
{
	(void)id;
	admin_answer_text(q, 200, "ok\n");
}

static void get_ready(struct admin_request *q, struct str id)
{
	const struct shard *s = q->admin->shard;

	(void)id;
	if (s->draining)
		admin_answer_text(q, 503, "draining\n");
	else if (!s->media || !media_client_up(s->media))
		admin_answer_text(q, 503, "no dataplane\n");
	else
		admin_answer_text(q, 200, "ready\n");
}

static const struct {
	const char *method, *path; /* one that ends in '/' takes an id */
	bool local_only;
	void (*handle)(struct admin_request *q, struct str id);
} admin_path[] = {
	{"GET", "/v1/status", false, get_status},
	{"GET", "/v1/calls", false, get_calls},
	{"GET", "/v1/calls/", false, get_call},
	{"DELETE", "/v1/calls/", true, end_call},
	{"GET", "/v1/registrations", false, get_registrations},
	{"GET", "/metrics", false, get_metrics},
	{"GET", "/healthz", false, get_health},
	{"GET", "/readyz", false, get_ready},
};

static bool path_fits(struct str path, struct str want)
{
	if (want.p[want.len - 1] != '/')
		return str_eq(path, want);
	return str_starts(path, want) && path.len > want.len &&
	       str_find(str_from(path, want.len), '/') < 0;
}

void admin_dispatch(struct admin_request *q)
{
	unsigned status = 404;

	for (size_t i = 0; i < sizeof(admin_path) / sizeof(admin_path[0]); i++) {
		struct str want = str_c(admin_path[i].path);

		if (!path_fits(q->path, want))
			continue;
		status = status == 403 ? 403 : 405;
		if (!str_eq(q->method, str_c(admin_path[i].method)))
			continue;
		if (admin_path[i].local_only && !q->local) {
			status = 403;
			continue;
		}
		admin_path[i].handle(q, str_from(q->path, want.len));
		return;
	}
	admin_answer_error(q, status,
			   status == 404   ? "no such path"
			   : status == 403 ? "only through the Unix socket"
					   : "method not allowed");
}

/* Calls begun, once a second: what "cps" is made of. */
static void admin_tick(struct timer *t, uint64_t now_ms)
{
	struct admin *a = container_of(t, struct admin, rate);

	a->rate_n++;
	a->rate_calls[a->rate_n % (ADMIN_RATE_S + 1)] =
		metric_get(&a->shard->metrics.value[M_CALLS_TOTAL]);
	timer_start(&a->shard->wheel, t, now_ms + 1000);
}

static int cannot(char *text, size_t cap, const char *where, const char *advice)
{
	int e = errno;

	snprintf(text, cap, "cannot listen on %s (admin API): %s; %s", where, strerror(e), advice);
	return err_from_errno(e);
}

/* True when somebody answers there: it is not ours to take away. */
static bool socket_lives(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool lives = fd >= 0 && (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
				 errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return lives;
}

static int local_path(const struct conf *c, struct buf *b)
{
	buf_str(b, c->system.run_dir);
	buf_c(b, "/control.sock");
	buf_cstr(b);
	return buf_check(b);
}

static int open_local(const struct conf *c, int *out, char *text, size_t cap)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct buf b = BUF_ON(sun.sun_path);
	int fd;

	if (local_path(c, &b)) {
		snprintf(text, cap, "system.run_dir is too long for a Unix socket's path");
		return ERR_LIMIT;
	}
	if (socket_lives(&sun)) {
		snprintf(text, cap,
			 "cannot listen on %s (admin API): another Rempart is running there; stop "
			 "it, or give this one a run_dir of its own",
			 sun.sun_path);
		return ERR_INUSE;
	}
	unlink(sun.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The mode is set before there is a name, so nobody slips in. */
	if (fd < 0 || fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) ||
	    listen(fd, ADMIN_BACKLOG)) {
		int err = cannot(text, cap, sun.sun_path,
				 "run_dir has to exist and be writable for us");

		if (fd >= 0)
			close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

static int open_tcp(const struct conf *c, int *out, char *text, size_t cap)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&c->observability.http, &ss);
	char where[ADDR_TEXT_MAX];
	int fd, on = 1;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&ss, len) || listen(fd, ADMIN_BACKLOG)) {
		int err = cannot(text, cap, addr_text(&c->observability.http, where),
				 "see observability.http");

		if (fd >= 0)
			close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

static int admin_listen(struct admin *a, char *text, size_t cap)
{
	const struct conf *c = a->shard->conf;
	int fd = -1, err;

	err = open_local(c, &fd, text, cap);
	if (!err)
		err = admin_http_create(a, fd, true, &a->local);
	if (!err && c->observability.http_enabled) {
		err = open_tcp(c, &fd, text, cap);
		if (!err)
			err = admin_http_create(a, fd, false, &a->tcp);
	}
	return err;
}

int admin_create(struct shard *s, struct admin **out, char *error_text, size_t error_cap)
{
	struct admin *a = mem_alloc(sizeof(*a));
	int err;

	snprintf(error_text, error_cap, "cannot open the admin API: out of memory or descriptors");
	if (!a)
		return ERR_NOMEM;
	json_set_alloc_funcs(mem_alloc, mem_free);
	a->shard = s;
	a->start_ms = s->wheel.now_ms;
	a->rate.fn = admin_tick;
	err = admin_listen(a, error_text, error_cap);
	if (err) {
		admin_destroy(a);
		return err;
	}
	timer_start(&s->wheel, &a->rate, a->start_ms + 1000);
	*out = a;
	return 0;
}

static void admin_closed(void *ctx)
{
	struct admin *a = ctx;

	if (--a->closing == 0)
		mem_free(a);
}

void admin_destroy(struct admin *a)
{
	char mem[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct buf path = BUF_ON(mem);

	if (!a)
		return;
	timer_stop(&a->shard->wheel, &a->rate);
	while (a->waiting) {
		admin_gather_forget(a->waiting);
		admin_answer_error(a->waiting, 503, "shutting down");
	}
	a->closing = 1;
	if (a->local) {
		if (local_path(a->shard->conf, &path) == 0)
			unlink(path.p);
		a->closing++;
		admin_http_destroy(a->local, admin_closed, a);
	}
	if (a->tcp) {
		a->closing++;
		admin_http_destroy(a->tcp, admin_closed, a);
	}
	admin_closed(a);
}
