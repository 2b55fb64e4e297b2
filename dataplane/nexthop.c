/* Neighbour entries: a dense array, found by an open-addressed index over address and port. For path.c and the
 * mailbox, on the worker's thread. Entries without a path are kept, since the next call to the same neighbour is near;
 * when the array is full they are thrown out together and the index is built anew. */
#include "nexthop.h"

#include <string.h>

#include "lazy.h"

#define HOP_BYTES   (sizeof(struct nexthop) * NEXTHOP_MAX)
#define INDEX_BYTES (sizeof(uint16_t) * NEXTHOP_SLOTS)

int nexthop_table_init(struct nexthop_table *t)
{
	*t = (struct nexthop_table){0};
	t->hop = lazy_map(HOP_BYTES, false);
	t->index = lazy_map(INDEX_BYTES, false);
	if (t->hop && t->index)
		return 0;
	nexthop_table_free(t);
	return ERR_NOMEM;
}

void nexthop_table_free(struct nexthop_table *t)
{
	lazy_unmap(t->hop, HOP_BYTES);
	lazy_unmap(t->index, INDEX_BYTES);
	*t = (struct nexthop_table){0};
}

/* Configured subnets bound who can become an entry, so this hash needs no secret. */
static uint32_t slot_of(const struct addr *ip, uint16_t port)
{
	uint64_t a, b;

	memcpy(&a, ip->ip, 8);
	memcpy(&b, ip->ip + 8, 8);
	a ^= (b + port) * 0x9e3779b97f4a7c15ULL;
	a *= 0xff51afd7ed558ccdULL;
	return (uint32_t)(a >> 40) & (NEXTHOP_SLOTS - 1);
}

static struct nexthop *find(struct nexthop_table *t, const struct addr *ip, uint16_t port,
			    uint32_t *slot)
{
	uint32_t i = slot_of(ip, port);

	for (; t->index[i]; i = (i + 1) & (NEXTHOP_SLOTS - 1)) {
		struct nexthop *h = &t->hop[t->index[i] - 1];

		if (h->port == port && addr_ip_eq(&h->ip, ip))
			return h;
	}
	*slot = i;
	return NULL;
}

/* Throws out all entries without a path. Held ones stay where they are; the holes are found by scanning. */
static void reclaim(struct nexthop_table *t)
{
	memset(t->index, 0, INDEX_BYTES);
	for (uint32_t i = 0; i < t->n; i++) {
		struct nexthop *h = &t->hop[i];
		uint32_t slot;

		if (!h->in_use || !h->refs) {
			h->in_use = false;
			continue;
		}
		if (!find(t, &h->ip, h->port, &slot))
			t->index[slot] = (uint16_t)(i + 1);
	}
}

/* Number of an unused entry, or NEXTHOP_MAX. */
static uint32_t unused(struct nexthop_table *t)
{
	uint32_t i = 0;

	if (t->n < NEXTHOP_MAX)
		return t->n++;
	while (i < NEXTHOP_MAX && t->hop[i].in_use)
		i++;
	return i;
}

static struct nexthop *get(struct nexthop_table *t, const struct addr *ip, uint16_t port)
{
	uint32_t slot = 0, i;
	struct nexthop *h = find(t, ip, port, &slot);

	if (h)
		return h;
	i = unused(t);
	if (i == NEXTHOP_MAX) {
		reclaim(t);
		i = unused(t);
		if (i == NEXTHOP_MAX)
			return NULL;
		(void)find(t, ip, port, &slot);
	}
	h = &t->hop[i];
	*h = (struct nexthop){.ip = *ip, .port = port, .in_use = true};
	h->ip.port = 0;
	t->index[slot] = (uint16_t)(i + 1);
	return h;
}

struct nexthop *nexthop_hold(struct nexthop_table *t, const struct addr *ip, uint16_t port)
{
	struct nexthop *h = get(t, ip, port);

	if (h)
		h->refs++;
	return h;
}

void nexthop_release(struct nexthop *h)
{
	if (h)
		h->refs--;
}

int nexthop_learn(struct nexthop_table *t, const struct addr *ip, uint16_t port,
		  const uint8_t mac[6])
{
	static const uint8_t none[6];
	struct nexthop *h = get(t, ip, port);

	if (!h)
		return ERR_FULL;
	memcpy(h->mac, mac, 6);
	h->known = memcmp(mac, none, 6) != 0;
	return 0;
}
