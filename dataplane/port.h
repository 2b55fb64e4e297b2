/* The DPDK ports: configured, started, named, closed. The main thread, before the worker starts and after it ended. */
#ifndef REMPART_PORT_H
#define REMPART_PORT_H

#include <rte_mempool.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "eal.h"
#include "worker.h"

struct port {
	const struct conf_port *conf;
	struct eal_device device;
	uint16_t id; /* DPDK's */
	uint8_t mac[6];
	uint16_t mtu;
	bool tx_checksum; /* the hardware can write UDP checksums */
};

struct ports {
	struct port port[CONF_PORTS_MAX];
	size_t n;
	struct rte_mempool *pool; /* every mbuf there is */
	int packet_fd;            /* holds multicast memberships of kernel interfaces; -1 without */
};

/* Opens and starts all ports after eal_start(). On an error ports is closed and why has a sentence. */
int ports_open(const struct conf *conf, struct ports *p, struct buf *why) MUST_CHECK;
void ports_close(struct ports *p);
/* The media addresses of all interfaces with their ports' numbers and MACs. ERR_LIMIT over DP_LOCAL_MAX. */
int ports_locals(const struct conf *conf, const struct ports *p, struct dp_local *out,
		 uint8_t *n) MUST_CHECK;

#endif
