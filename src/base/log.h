/* logfmt logger: one line per event on standard error (or a file descriptor), written with one write().
 *   ts=2026-01-02T03:04:05.678Z level=info prog=control mod=call event=state call=0000000100001a2b from=early
 *   to=active
 * Values are quoted where needed and control characters are escaped, so nothing that a peer sends can forge a
 * line. Any thread. Keys, digests and full SDP never go in above debug. */
#ifndef REMPART_LOG_H
#define REMPART_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_kv {
	const char *key; /* NULL ends the list */
	enum { LOG_V_STR, LOG_V_U64, LOG_V_I64, LOG_V_ADDR, LOG_V_HEX } type;
	union {
		struct str s;
		uint64_t u;
		int64_t i;
		const struct addr *a;
	};
};

#define KV_S(k, v)                                                                                 \
	{                                                                                          \
		.key = (k), .type = LOG_V_STR, .s = (v)                                            \
	} /* struct str */
#define KV_C(k, v)                                                                                 \
	{                                                                                          \
		.key = (k), .type = LOG_V_STR, .s = str_c(v)                                       \
	} /* const char * */
#define KV_U(k, v)                                                                                 \
	{                                                                                          \
		.key = (k), .type = LOG_V_U64, .u = (uint64_t)(v)                                  \
	}
#define KV_I(k, v)                                                                                 \
	{                                                                                          \
		.key = (k), .type = LOG_V_I64, .i = (int64_t)(v)                                   \
	}
#define KV_X(k, v)                                                                                 \
	{                                                                                          \
		.key = (k), .type = LOG_V_HEX, .u = (uint64_t)(v)                                  \
	} /* an id: always 16 hexadecimal digits, as the admin API writes it */
#define KV_A(k, v)                                                                                 \
	{                                                                                          \
		.key = (k), .type = LOG_V_ADDR, .a = (v)                                           \
	} /* const struct addr * */

#define LOG_LINE_MAX                                                                               \
	2048 /* bytes, line end included; what does not fit is cut and marked with trunc=true */

/* prog is the short program name; fd takes the lines (2 by default). Call before threads start. */
void log_init(const char *prog, int fd, enum log_level level, enum log_format format);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* Keeps errno. A line that the descriptor does not take at once is lost, never waited for. */
void log_write(enum log_level level, const char *mod, const char *event, const struct log_kv *kv);

#define log_at(level, mod, event, ...)                                                             \
	do {                                                                                       \
		if (log_enabled(level))                                                            \
			log_write((level), (mod), (event),                                         \
				  (const struct log_kv[]){__VA_ARGS__ __VA_OPT__(, ){0}});         \
	} while (0)
#define log_debug(mod, event, ...) log_at(LOG_DEBUG, mod, event, __VA_ARGS__)
#define log_info(mod, event, ...)  log_at(LOG_INFO, mod, event, __VA_ARGS__)
#define log_warn(mod, event, ...)  log_at(LOG_WARN, mod, event, __VA_ARGS__)
#define log_error(mod, event, ...) log_at(LOG_ERROR, mod, event, __VA_ARGS__)

/* For lines that a peer can trigger: a bucket of 10, one more each 100 ms; counts what it swallowed and adds
 * suppressed=N to the next line that passes. Per call site and thread. */
struct log_limit {
	uint64_t last_ms;
	uint32_t used, suppressed;
};
bool log_limit_pass(struct log_limit *l, uint64_t now_ms, uint32_t *suppressed);
#define log_limited(level, mod, event, ...)                                                        \
	do {                                                                                       \
		static _Thread_local struct log_limit log_limit_;                                  \
		uint32_t log_sup_ = 0;                                                             \
		if (log_enabled(level) && log_limit_pass(&log_limit_, clock_ms(), &log_sup_))      \
			log_write((level), (mod), (event),                                         \
				  (const struct log_kv[]){                                         \
					  __VA_ARGS__ __VA_OPT__(, )                               \
						  KV_U(log_sup_ ? "suppressed" : NULL, log_sup_),  \
					  {0}});                                                   \
	} while (0)

#endif
