/* HTTP for the admin API: libmicrohttpd, without a thread of its own.
 *
 * Each listening socket has a daemon in external epoll mode. Its epoll descriptor is polled by the shard's loop, its
 * time-outs by a timer of that loop, so every upcall is on the shard's thread. A request whose answer has to wait is
 * suspended and taken up again by admin_answer(). Bounded: connections, time, and how much of a body is read. */
#include <microhttpd.h>

#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "ops/admin_internal.h"

struct admin_http {
	struct admin *admin;
	struct MHD_Daemon *daemon;
	bool local;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles; /* opened and not closed */
	void (*done)(void *ctx);
	void *ctx;
};

static void http_run(struct admin_http *h);

static void http_timer(uv_timer_t *t)
{
	http_run(t->data);
}

static void http_poll(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	http_run(p->data);
}

static unsigned http_connections(const struct admin_http *h)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info ? info->num_connections : 0;
}

static void http_run(struct admin_http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;
	unsigned before;

	/* At its limit the daemon stops watching the listening socket, and it starts again only in the run after the
	 * one that closed a connection: nothing else would wake us for that. */
	do {
		before = http_connections(h);
		if (MHD_run(h->daemon) != MHD_YES)
			log_limited(LOG_WARN, "admin", "http_failed");
	} while (http_connections(h) < before);
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES)
		uv_timer_start(&h->timer, http_timer, ms, 0);
	else
		uv_timer_stop(&h->timer);
}

struct str admin_query(const struct admin_request *q, const char *name)
{
	const char *value = NULL;
	size_t len = 0;

	if (MHD_lookup_connection_value_n(q->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
					  &value, &len) != MHD_YES ||
	    !value)
		return (struct str){0};
	return str_n(value, len);
}

static void http_wait(struct admin_request *q)
{
	q->suspended = true;
	q->next = q->admin->waiting;
	q->pprev = &q->admin->waiting;
	if (q->next)
		q->next->pprev = &q->next;
	q->admin->waiting = q;
	MHD_suspend_connection(q->connection);
}

void admin_answer(struct admin_request *q, unsigned status, const char *type, char *text,
		  size_t len)
{
	q->answered = true;
	q->status = text ? status : 500;
	q->type = type;
	q->text = text;
	q->len = text ? len : 0;
	if (!q->suspended)
		return;
	q->suspended = false;
	*q->pprev = q->next;
	if (q->next)
		q->next->pprev = q->pprev;
	MHD_resume_connection(q->connection);
	/* Its epoll descriptor does not tell that: without threads there is no eventfd in it. */
	uv_timer_start(&q->http->timer, http_timer, 0, 0);
	/* The daemon is not told by itself: it has no thread, and this is answered out of turn. */
	uv_timer_start(&(q->local ? q->admin->local : q->admin->tcp)->timer, http_timer, 0, 0);
}

void admin_answer_text(struct admin_request *q, unsigned status, const char *text)
{
	admin_answer(q, status, ADMIN_TEXT, mem_strdup(text), strlen(text));
}

void admin_answer_error(struct admin_request *q, unsigned status, const char *text)
{
	size_t len = 0;
	char *json = admin_json_error(text, &len);

	admin_answer(q, status, ADMIN_JSON, json, len);
}

static void http_free_text(void *text)
{
	mem_free(text);
}

static enum MHD_Result http_send(struct admin_request *q)
{
	struct MHD_Response *r;
	enum MHD_Result ok;

	if (q->text)
		r = MHD_create_response_from_buffer_with_free_callback(q->len, q->text,
								       http_free_text);
	else
		r = MHD_create_response_from_buffer(0, (void *)(uintptr_t) "",
						    MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO; /* the text goes with the request */
	q->text = NULL;
	if (q->type)
		MHD_add_response_header(r, "Content-Type", q->type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	if (q->status == 405)
		MHD_add_response_header(r, "Allow", "GET");
	ok = MHD_queue_response(q->connection, q->status, r);
	MHD_destroy_response(r);
	return ok;
}

static struct admin_request *http_begin(struct admin_http *h, struct MHD_Connection *c)
{
	struct admin_request *q = mem_alloc(sizeof(*q));

	if (!q)
		return NULL;
	q->admin = h->admin;
	q->http = h;
	q->connection = c;
	q->local = h->local;
	return q;
}

/* Called with the head, then with each piece of the body, then with none, and once more after a suspension. */
static enum MHD_Result http_access(void *cls, struct MHD_Connection *c, const char *url,
				   const char *method, const char *version, const char *upload,
				   size_t *upload_len, void **req)
{
	struct admin_http *h = cls;
	struct admin_request *q = *req;

	(void)version;
	(void)upload;
	if (!q) {
		*req = http_begin(h, c);
		return *req ? MHD_YES : MHD_NO;
	}
	if (*upload_len) { /* nothing here takes a body */
		q->body_bytes += *upload_len;
		*upload_len = 0;
		return q->body_bytes > ADMIN_BODY_MAX ? MHD_NO : MHD_YES;
	}
	if (!q->handled) {
		q->handled = true;
		q->method = str_c(method);
		q->path = str_c(url);
		shard_enter(h->admin->shard);
		admin_dispatch(q);
		shard_leave(h->admin->shard);
	}
	if (q->answered)
		return http_send(q);
	if (!q->suspended)
		http_wait(q);
	return MHD_YES;
}

static void http_completed(void *cls, struct MHD_Connection *c, void **req,
			   enum MHD_RequestTerminationCode why)
{
	struct admin_request *q = *req;

	(void)cls;
	(void)c;
	(void)why;
	if (!q)
		return;
	admin_gather_forget(q);
	mem_free(q->text);
	mem_free(q);
	*req = NULL;
}

__attribute__((format(printf, 2, 0))) static void http_log(void *cls, const char *fmt, va_list ap)
{
	char text[256];

	(void)cls;
	vsnprintf(text, sizeof(text), fmt, ap);
	log_limited(LOG_DEBUG, "admin", "http", KV_S("text", str_trim(str_c(text))));
}

static void http_closed(uv_handle_t *handle)
{
	struct admin_http *h = handle->data;

	if (--h->handles)
		return;
	if (h->done)
		h->done(h->ctx);
	mem_free(h);
}

void admin_http_destroy(struct admin_http *h, void (*done)(void *ctx), void *ctx)
{
	h->done = done;
	h->ctx = ctx;
	h->handles = 2;
	uv_close((uv_handle_t *)&h->poll, http_closed);
	uv_close((uv_handle_t *)&h->timer, http_closed);
	MHD_run(h->daemon); /* those that were resumed just now get their answer */
	MHD_stop_daemon(h->daemon);
}

static int http_watch(struct admin_http *h)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	if (!info || uv_poll_init(h->admin->shard->loop, &h->poll, info->epoll_fd))
		return ERR_IO;
	h->poll.data = h;
	uv_timer_init(h->admin->shard->loop, &h->timer);
	h->timer.data = h;
	uv_poll_start(&h->poll, UV_READABLE, http_poll);
	return 0;
}

int admin_http_create(struct admin *a, int listen_fd, bool local, struct admin_http **out)
{
	struct admin_http *h = mem_alloc(sizeof(*h));

	if (!h) {
		close(listen_fd);
		return ERR_NOMEM;
	}
	h->admin = a;
	h->local = local;
	h->daemon =
		MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
				 NULL, NULL, http_access, h, MHD_OPTION_EXTERNAL_LOGGER, http_log,
				 NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
				 MHD_OPTION_CONNECTION_LIMIT, (unsigned)ADMIN_CONNECTIONS,
				 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)ADMIN_TIMEOUT_S,
				 MHD_OPTION_NOTIFY_COMPLETED, http_completed, NULL, MHD_OPTION_END);
	if (!h->daemon) {
		close(listen_fd);
		mem_free(h);
		return ERR_IO;
	}
	if (http_watch(h)) {
		MHD_stop_daemon(h->daemon);
		mem_free(h);
		return ERR_IO;
	}
	*out = h;
	return 0;
}
