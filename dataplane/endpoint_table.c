/* The arrays behind endpoint_table.h. Pool entries are handed out densely and the last freed first, so that live
 * endpoints share pages; huge pages are asked for, since a burst touches 32 of them at random. Worker's thread. */
#include "endpoint_table.h"

#include <assert.h>
#include <string.h>

#include "lazy.h"

static_assert(sizeof(struct dp_endpoint) <= 1024, "memory per endpoint");
static_assert(offsetof(struct dp_endpoint, stat) == 64, "line 0 is what reception needs");
static_assert(offsetof(struct dp_endpoint, rtp) == 128, "line 1 is the measurement");

#define POOL_BYTES  (sizeof(struct dp_endpoint) * MEDIA_ID_MAX)
#define BY_ID_BYTES (sizeof(uint32_t) * MEDIA_ID_MAX)

static size_t by_port_bytes(uint32_t n_local)
{
	return sizeof(uint32_t) * ENDPOINT_PAIRS * (n_local ? n_local : 1);
}

int endpoint_table_init(struct endpoint_table *t, uint32_t n_local)
{
	*t = (struct endpoint_table){.n_local = n_local};
	t->pool = lazy_map(POOL_BYTES, true);
	t->by_id = lazy_map(BY_ID_BYTES, false);
	t->by_port = lazy_map(by_port_bytes(n_local), true);
	if (t->pool && t->by_id && t->by_port)
		return 0;
	endpoint_table_free(t);
	return ERR_NOMEM;
}

void endpoint_table_free(struct endpoint_table *t)
{
	lazy_unmap(t->pool, POOL_BYTES);
	lazy_unmap(t->by_id, BY_ID_BYTES);
	lazy_unmap(t->by_port, by_port_bytes(t->n_local));
	*t = (struct endpoint_table){0};
}

static uint32_t number(const struct endpoint_table *t, const struct dp_endpoint *ep)
{
	return (uint32_t)(ep - t->pool) + 1;
}

struct dp_endpoint *endpoint_table_add(struct endpoint_table *t, uint32_t id)
{
	struct dp_endpoint *ep;
	uint32_t gen;

	if (t->free_head) {
		ep = &t->pool[t->free_head - 1];
		t->free_head = ep->next_free;
	} else if (t->pool_high < MEDIA_ID_MAX) {
		ep = &t->pool[t->pool_high++];
	} else {
		return NULL;
	}
	gen = ep->rtp.gen;
	memset(ep, 0, sizeof *ep);
	ep->rtp.gen = gen + 1;
	ep->id = id;
	t->by_id[id] = number(t, ep);
	if (id >= t->id_high)
		t->id_high = id + 1;
	t->n++;
	return ep;
}

static uint32_t *pair(struct endpoint_table *t, uint8_t local, uint16_t port)
{
	return &t->by_port[(size_t)local * ENDPOINT_PAIRS + (port >> 1)];
}

void endpoint_table_remove(struct endpoint_table *t, struct dp_endpoint *ep)
{
	uint32_t *at = pair(t, ep->local, ep->spec.local.port);

	if (*at == number(t, ep))
		*at = 0;
	t->by_id[ep->id] = 0;
	ep->rtp.gen++;
	ep->next_free = t->free_head;
	t->free_head = number(t, ep);
	t->n--;
}

void endpoint_table_bind(struct endpoint_table *t, struct dp_endpoint *ep, uint8_t local,
			 uint16_t port)
{
	uint32_t *old = pair(t, ep->local, ep->spec.local.port);

	if (*old == number(t, ep))
		*old = 0;
	*pair(t, local, port) = number(t, ep);
	ep->local = local;
}
