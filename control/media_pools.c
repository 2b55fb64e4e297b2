/* The configured media pools: which table of ports a pool, a family or an address means.
 *
 * For media_client.c, on the shard's thread. The configuration's check has made sure that pools of one interface do not
 * overlap, so an address and port belong to one table at most. A pool takes the first address of each
 * family that its interface has. */
#include "media_pools.h"

#include <assert.h>

#include "base/mem.h"

static size_t n_tables(const struct media_pools *p)
{
	return p->ports ? 2 * p->conf->n_media_pool : 0;
}

static const struct addr *address_of(const struct conf_interface *interface, uint8_t family)
{
	for (size_t i = 0; i < interface->n_address; i++)
		if (interface->address[i].family == family)
			return &interface->address[i];
	return NULL;
}

int media_pools_init(struct media_pools *p, const struct conf *conf)
{
	p->conf = conf;
	p->ports = mem_alloc(2 * conf->n_media_pool * sizeof(*p->ports));
	if (!p->ports)
		return ERR_NOMEM;
	for (size_t i = 0; i < n_tables(p); i++) {
		const struct conf_media_pool *pool = &conf->media_pool[i / 2];
		const struct addr *a = address_of(pool->interface, i % 2 ? ADDR_V6 : ADDR_V4);
		int err = a ? media_ports_init(&p->ports[i], a, pool->port_first, pool->port_last,
					       pool->quarantine_ms)
			    : 0;

		if (err) {
			media_pools_free(p);
			return err;
		}
	}
	return 0;
}

void media_pools_free(struct media_pools *p)
{
	for (size_t i = 0; i < n_tables(p); i++)
		media_ports_free(&p->ports[i]);
	mem_free(p->ports);
	p->ports = NULL;
}

struct media_ports *media_pools_get(const struct media_pools *p, const struct conf_media_pool *pool,
				    uint8_t family)
{
	size_t i = (size_t)(pool - p->conf->media_pool);

	assert(i < p->conf->n_media_pool);
	return &p->ports[2 * i + (family == ADDR_V6)];
}

int media_pools_set_classes(struct media_pools *p, uint32_t classes)
{
	for (size_t i = 0; i < n_tables(p); i++) {
		int err = addr_is_set(&p->ports[i].addr)
				  ? media_ports_set_classes(&p->ports[i], classes)
				  : 0;

		if (err)
			return err;
	}
	return 0;
}

uint16_t media_pools_claim(struct media_pools *p, const struct addr *local)
{
	for (size_t i = 0; i < n_tables(p); i++) {
		if (addr_ip_eq(&p->ports[i].addr, local) &&
		    media_ports_claim(&p->ports[i], local->port))
			return (uint16_t)i;
	}
	return MEDIA_NO_PORTS;
}

void media_pools_unclaim(struct media_pools *p, uint16_t table, uint16_t port, uint64_t now_ms)
{
	if (table != MEDIA_NO_PORTS)
		media_ports_release(&p->ports[table], port, now_ms);
}
