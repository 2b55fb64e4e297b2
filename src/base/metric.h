/* Metrics: an X-macro list per program gives enum, name, help and type; values are plain counters owned by one thread,
 * read by others with relaxed atomics. This header has only what the lists share: the Prometheus text writer. */
#ifndef REMPART_METRIC_H
#define REMPART_METRIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE };

struct metric_desc {
	const char *name; /* "rempart_calls_total" */
	const char *help;
	enum metric_type type;
};

/* Rows look like X(M_CALLS_TOTAL, COUNTER, "rempart_calls_total", "Calls since start.") */
#define METRIC_ENUM(id, type, name, help) id,
#define METRIC_DESC(id, type_, name_, help_)                                                       \
	[id] = {.name = name_, .help = help_, .type = METRIC_##type_},

/* "# HELP ...\n# TYPE ...\n" for one metric. */
void metric_head(struct buf *b, const struct metric_desc *d);
/* "name value\n"; with label: name{label="value"} value. label may be NULL. The label value is escaped. */
void metric_value(struct buf *b, const struct metric_desc *d, const char *label,
		  struct str label_value, uint64_t value);

static inline void metric_add(uint64_t *v, uint64_t n)
{
	__atomic_store_n(v, *v + n, __ATOMIC_RELAXED); /* one writer */
}
static inline uint64_t metric_get(const uint64_t *v)
{
	return __atomic_load_n(v, __ATOMIC_RELAXED);
}

#endif
