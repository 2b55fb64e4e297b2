/* The configured media pools with their ports: two tables each, one per address family of the pool's interface.
 * Used by media_client.c only. One thread. */
#ifndef REMPART_MEDIA_POOLS_H
#define REMPART_MEDIA_POOLS_H

#include "conf/conf.h"
#include "media_ports.h"

#define MEDIA_NO_PORTS UINT16_MAX

struct media_pools {
	const struct conf *conf;
	struct media_ports *ports; /* [2 * conf->n_media_pool]: IPv4, IPv6 */
};

/* ERR_NOMEM. */
int media_pools_init(struct media_pools *p, const struct conf *conf) MUST_CHECK;
void media_pools_free(struct media_pools *p);
/* The table of one of conf's pools; its addr is unset where the interface has none of the family. */
struct media_ports *media_pools_get(const struct media_pools *p, const struct conf_media_pool *pool,
				    uint8_t family);
/* All tables. ERR_NOMEM: some may have changed, trying again is fine. */
int media_pools_set_classes(struct media_pools *p, uint32_t classes) MUST_CHECK;
/* Claims the pair for somebody who holds it already: the table's number, or MEDIA_NO_PORTS when no pool has it free. */
uint16_t media_pools_claim(struct media_pools *p, const struct addr *local);
/* Gives back what was claimed. Nothing for MEDIA_NO_PORTS. */
void media_pools_unclaim(struct media_pools *p, uint16_t table, uint16_t port, uint64_t now_ms);

#endif
