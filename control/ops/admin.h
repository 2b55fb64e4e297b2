/* The admin API: what rempartctl, Prometheus and probes ask. HTTP over the Unix socket <run_dir>/control.sock (mode 0600), where calls can be
 * ended too, and, where the configuration says observability.http, over TCP for reading only. On the shard's loop and thread. */
#ifndef REMPART_OPS_ADMIN_H
#define REMPART_OPS_ADMIN_H

#include <stddef.h>

#include "base/err.h"

struct shard;
struct admin;

/* Opens both sockets. A socket that a dead predecessor left is replaced, one of a living one is not. On failure error_text is one sentence that says
 * what to do. */
int admin_create(struct shard *s, struct admin **out, char *error_text,
		 size_t error_cap) MUST_CHECK;
/* Answers what still waits and closes; memory goes when the loop has run once more. NULL is fine. Before the media client is destroyed. */
void admin_destroy(struct admin *a);

#endif
