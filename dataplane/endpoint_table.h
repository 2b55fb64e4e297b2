/* A worker's endpoints: by id, and by our address and port. Two array reads find one; nothing is hashed. All tables are lazy
 * mappings: an idle worker costs address space only. Ports come in pairs (RTP even, RTCP one above), so one
 * entry serves both. */
#ifndef REMPART_ENDPOINT_TABLE_H
#define REMPART_ENDPOINT_TABLE_H

#include <stdint.h>

#include "endpoint.h"
#include "worker.h"

#define ENDPOINT_PAIRS 32768 /* port pairs of one address */

struct endpoint_table {
	struct dp_endpoint *pool; /* MEDIA_ID_MAX; used from the start */
	uint32_t *by_id;          /* MEDIA_ID_MAX: pool index + 1, 0 = none */
	uint32_t *by_port;        /* [n_local][ENDPOINT_PAIRS]: the same */
	uint32_t n_local;
	uint32_t n;         /* live endpoints */
	uint32_t pool_high; /* pool entries ever used */
	uint32_t id_high;   /* one above the highest id ever used */
	uint32_t free_head; /* pool index + 1 of freed ones */
};

int endpoint_table_init(struct endpoint_table *t, uint32_t n_local) MUST_CHECK;
void endpoint_table_free(struct endpoint_table *t);

/* A new endpoint under this id, zeroed but for id and generation; NULL when the pool is exhausted. The id must be free. */
struct dp_endpoint *endpoint_table_add(struct endpoint_table *t, uint32_t id);
/* Takes it out of both arrays; its generation changes, so that pointers to it are recognized as stale. */
void endpoint_table_remove(struct endpoint_table *t, struct dp_endpoint *ep);
/* Moves it to this address and port; either may be new. The pair must be free. */
void endpoint_table_bind(struct endpoint_table *t, struct dp_endpoint *ep, uint8_t local,
			 uint16_t port);

static inline bool endpoint_live(const struct dp_endpoint *ep)
{
	return ep->rtp.gen & 1;
}

static inline struct dp_endpoint *endpoint_by_id(const struct endpoint_table *t, uint32_t id)
{
	uint32_t i = id < MEDIA_ID_MAX ? t->by_id[id] : 0;

	return i ? &t->pool[i - 1] : NULL;
}

static inline const uint32_t *endpoint_port_entry(const struct endpoint_table *t, uint8_t local,
						  uint16_t port)
{
	return &t->by_port[(size_t)local * ENDPOINT_PAIRS + (port >> 1)];
}

static inline struct dp_endpoint *endpoint_by_port(const struct endpoint_table *t, uint8_t local,
						   uint16_t port)
{
	uint32_t i = *endpoint_port_entry(t, local, port);

	return i ? &t->pool[i - 1] : NULL;
}

#endif
