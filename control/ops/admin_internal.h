/* What the admin API's files share: admin.c knows the paths, admin_http.c the protocol, admin_gather.c waits for the
 * dataplane, admin_json.c and admin_metrics.c write. One thread; for these files and their tests only. */
#ifndef REMPART_OPS_ADMIN_INTERNAL_H
#define REMPART_OPS_ADMIN_INTERNAL_H

#include "call/call.h"
#include "ops/admin.h"
#include "shard.h"

enum {
	ADMIN_CONNECTIONS = 16,
	ADMIN_TIMEOUT_S = 10,
	ADMIN_BODY_MAX = 64 * 1024,
	ADMIN_WAIT_MS = 500,   /* for the dataplane's figures */
	ADMIN_LIST_MAX = 2000, /* rows of one answer; "total" tells how many there are */
	ADMIN_ENDPOINTS = CALL_LEGS_MAX * CALL_MEDIA_MAX,
	ADMIN_RATE_S = 10, /* calls per second are over so long */
};

#define ADMIN_JSON       "application/json"
#define ADMIN_TEXT       "text/plain; charset=utf-8"
#define ADMIN_PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

struct admin_gather;
struct admin_http;

struct admin_request {
	struct admin_request *next, **pprev; /* among those that wait */
	struct admin *admin;
	struct admin_http *http;
	void *connection; /* struct MHD_Connection */
	bool local;       /* came through the Unix socket */
	bool suspended, answered, handled;
	size_t body_bytes;
	struct str method, path;
	struct admin_gather *gather;
	unsigned status;
	const char *type;
	char *text; /* mem_alloc() */
	size_t len;
};

struct admin {
	struct shard *shard;
	struct admin_http *local, *tcp; /* tcp: NULL when not wanted */
	struct admin_request *waiting;
	uint64_t start_ms;
	struct timer rate;                     /* once a second */
	uint64_t rate_calls[ADMIN_RATE_S + 1]; /* calls begun, each second; a ring */
	uint32_t rate_n;
	unsigned closing; /* listeners whose handles are not closed yet */
};

/* admin.c */
void admin_dispatch(struct admin_request *q);

/* admin_http.c: one daemon of libmicrohttpd over a listening socket, which it closes. */
int admin_http_create(struct admin *a, int listen_fd, bool local,
		      struct admin_http **out) MUST_CHECK;
/* done(ctx) comes when the loop has closed its handles; the memory is gone then. */
void admin_http_destroy(struct admin_http *h, void (*done)(void *ctx), void *ctx);
/* Value of the query's parameter; .p NULL when absent. */
struct str admin_query(const struct admin_request *q, const char *name);
/* Once a request, at once or later; takes text (mem_alloc(), may be NULL: 500). */
void admin_answer(struct admin_request *q, unsigned status, const char *type, char *text,
		  size_t len);
void admin_answer_text(struct admin_request *q, unsigned status, const char *text);
/* {"error": text} */
void admin_answer_error(struct admin_request *q, unsigned status, const char *text);

/* admin_gather.c: figures that only the dataplane has. What did not come in time is absent. */
struct admin_figures {
	bool has_totals;
	struct media_totals totals;
	size_t n; /* endpoints asked for */
	struct {
		uint32_t id;
		bool there;
		struct media_stat stat;
	} endpoint[ADMIN_ENDPOINTS];
};
/* Asks for the totals and the given endpoints, then calls write, which has to admin_answer(). */
typedef void (*admin_write_fn)(struct admin_request *q, const struct admin_figures *f);
void admin_gather(struct admin_request *q, bool totals, const uint32_t *endpoint, size_t n,
		  admin_write_fn write);
/* The request is gone before its answer. */
void admin_gather_forget(struct admin_request *q);
/* NULL when it did not come. */
const struct media_stat *admin_figure(const struct admin_figures *f, uint32_t endpoint);

/* admin_json.c: whole documents; text by mem_alloc(), NULL when there is no memory. */
char *admin_json_error(const char *text, size_t *len);
char *admin_json_status(const struct admin *a, const struct admin_figures *f, uint64_t now_ms,
			size_t *len);
char *admin_json_calls(const struct call_table *t, uint64_t now_ms, size_t *len);
char *admin_json_call(const struct call_info *c, const struct admin_figures *f, size_t *len);
char *admin_json_registrations(const struct registrar *r, struct str user, uint64_t now_ms,
			       size_t *len);

/* admin_metrics.c */
char *admin_metrics(const struct admin *a, const struct admin_figures *f, size_t *len);
/* Calls begun a second, times 100, over the last ADMIN_RATE_S seconds. */
uint64_t admin_rate_x100(const struct admin *a);

#endif
