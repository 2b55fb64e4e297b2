/* Brings the configured ports up through whatever driver they have. One pool of mbufs for all; one receive and one transmit
 * queue a port. Runs on the main thread while no worker runs yet.
 *
 * Ports over a kernel interface (net_af_packet, net_af_xdp) use the interface's own MAC, so that no promiscuous mode is
 * needed; the groups that IPv6 neighbours ask in (RFC 4291, 2.7.1) are joined through a packet socket, since the kernel knows
 * nothing of our addresses. Other ports ask the driver for all multicast. */
#include "port.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/log.h"
#include "tap.h"

#define RX_DESC         1024
#define TX_DESC         1024
#define POOL_CACHE      128
#define POOL_MIN        4095 /* per port: both rings filled, bursts and punts under way */
#define POOL_MAX        16383
#define POOL_SHARE      4 /* a quarter of the memory is for mbufs, */
#define POOL_MBUF_BYTES 2496
#define LINK_WAIT_MS    3000
#define LINK_POLL_MS    50

static int pool_open(const struct conf *conf, struct ports *p, struct buf *why)
{
	const struct conf_dataplane *dp = &conf->dataplane;
	const uint64_t memory = dp->huge_bytes ? dp->huge_bytes : dp->nohuge_bytes;
	uint64_t n = memory / POOL_SHARE / POOL_MBUF_BYTES;

	if (n > (uint64_t)POOL_MAX * dp->n_port)
		n = (uint64_t)POOL_MAX * dp->n_port;
	if (n < (uint64_t)POOL_MIN * dp->n_port)
		n = (uint64_t)POOL_MIN * dp->n_port; /* too little memory for it fails below */
	p->pool = rte_pktmbuf_pool_create("mbufs", (unsigned)n, POOL_CACHE, 0,
					  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (p->pool)
		return 0;
	buf_printf(why,
		   "dataplane.memory: %llu MiB are not enough for %zu ports (%llu packet buffers); "
		   "give it more",
		   (unsigned long long)(memory >> 20), dp->n_port, (unsigned long long)n);
	return ERR_NOMEM;
}

static int port_fail(const struct port *port, const char *what, int rc, struct buf *why)
{
	const char *reason = eal_last_complaint();

	buf_printf(why, "dataplane.ports.%.*s: %s does not %s: %s", STR_FMT(port->conf->name),
		   port->device.name, what, rc ? rte_strerror(-rc) : "no such device");
	if (reason[0])
		buf_printf(why, " (%s)", reason);
	return ERR_IO;
}

static int queues_setup(struct port *port, struct rte_mempool *pool, struct buf *why)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	uint16_t rx = RX_DESC, tx = TX_DESC;
	int rc;

	rc = rte_eth_dev_info_get(port->id, &info);
	if (rc)
		return port_fail(port, "answer", rc, why);
	/* Software drivers "offload" by computing it themselves, slower than we do. */
	port->tx_checksum = !port->device.vdev[0] &&
			    (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) &&
			    (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
	if (port->tx_checksum)
		conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	rc = rte_eth_dev_configure(port->id, 1, 1, &conf);
	if (!rc)
		rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx, &tx);
	if (rc)
		return port_fail(port, "take its configuration", rc, why);
	rc = rte_eth_rx_queue_setup(port->id, 0, rx, (unsigned)rte_eth_dev_socket_id(port->id),
				    NULL, pool);
	if (!rc)
		rc = rte_eth_tx_queue_setup(port->id, 0, tx,
					    (unsigned)rte_eth_dev_socket_id(port->id), NULL);
	return rc ? port_fail(port, "set up its queues", rc, why) : 0;
}

/* A physical link may take seconds to come up; media just waits for it, so a link that stays down is no error. */
static void link_wait(const struct port *port)
{
	struct rte_eth_link link = {0};

	for (int ms = 0; ms < LINK_WAIT_MS; ms += LINK_POLL_MS) {
		if (rte_eth_link_get_nowait(port->id, &link) || link.link_status)
			return;
		usleep(LINK_POLL_MS * 1000);
	}
	log_warn("port", "link_down", KV_S("port", port->conf->name));
}

/* The kernel's view of an interface under the driver counts, too: net_af_packet stalls over each frame that is longer. */
static int mtu_find(struct port *port)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};
	const int rc = rte_eth_dev_get_mtu(port->id, &port->mtu);

	str_copy(ifr.ifr_name, sizeof ifr.ifr_name, str_c(port->device.iface));
	if (port->device.iface[0] && ioctl(fd, SIOCGIFMTU, &ifr) == 0 && ifr.ifr_mtu > 0 &&
	    ifr.ifr_mtu < port->mtu)
		port->mtu = (uint16_t)ifr.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int port_open(struct port *port, struct rte_mempool *pool, struct buf *why)
{
	struct rte_ether_addr mac;
	int rc;

	if (rte_eth_dev_get_port_by_name(port->device.name, &port->id))
		return port_fail(port, "exist", 0, why);
	if (queues_setup(port, pool, why))
		return ERR_IO;
	rc = rte_eth_dev_start(port->id);
	if (rc)
		return port_fail(port, "start", rc, why);
	rc = rte_eth_macaddr_get(port->id, &mac);
	if (rc)
		return port_fail(port, "tell its MAC address", rc, why);
	memcpy(port->mac, mac.addr_bytes, sizeof port->mac);
	rc = mtu_find(port);
	if (rc)
		return port_fail(port, "tell its MTU", rc, why);
	if (!port->device.vdev[0])
		link_wait(port);
	return 0;
}

/* net_af_packet's socket sees what the kernel itself sends on the interface (its SIP, its ARP) as if it had arrived; a
 * filter takes that away (PACKET_IGNORE_OUTGOING has no effect on a socket that is in a fanout group, as the driver's is). The
 * driver does not hand the socket out, so it is found among our descriptors: at this moment only drivers have any. */
static void ignore_outgoing(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		int domain = 0;
		socklen_t len = sizeof domain;
		uint32_t fd;

		if (str_to_u32(str_c(e->d_name), &fd) ||
		    getsockopt((int)fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
		    domain != AF_PACKET)
			continue;
		if (setsockopt((int)fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program))
			log_warn("port", "outgoing_seen", KV_I("errno", errno));
	}
	if (dir)
		closedir(dir);
}

/* One interface's solicited-node groups; all-nodes the kernel has joined itself. */
static int join_groups(struct ports *p, const struct port *port, const struct conf_interface *i)
{
	struct packet_mreq mreq = {.mr_type = PACKET_MR_MULTICAST, .mr_alen = 6};

	mreq.mr_ifindex = (int)if_nametoindex(port->device.iface);
	if (p->packet_fd < 0)
		p->packet_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	for (size_t a = 0; a < i->n_address; a++) {
		const uint8_t *ip = i->address[a].ip;

		if (i->address[a].family != ADDR_V6)
			continue;
		memcpy(mreq.mr_address, (uint8_t[]){0x33, 0x33, 0xff, ip[13], ip[14], ip[15]}, 6);
		if (setsockopt(p->packet_fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof mreq))
			return ERR_IO;
	}
	return 0;
}

static const struct port *port_of(const struct ports *p, const struct conf_interface *i)
{
	for (size_t k = 0; k < p->n; k++) {
		if (p->port[k].conf == i->port)
			return &p->port[k];
	}
	return NULL;
}

static void multicast_setup(const struct conf *conf, struct ports *p)
{
	for (size_t k = 0; k < conf->n_interface; k++) {
		const struct conf_interface *i = &conf->interface[k];
		const struct port *port = port_of(p, i);
		bool v6 = false;
		int err;

		for (size_t a = 0; a < i->n_address; a++)
			v6 |= i->address[a].family == ADDR_V6;
		if (!port || !v6 || port->conf->is_auto)
			continue;
		if (port->device.iface[0] && !str_eq(str_c(port->device.driver), STR("net_tap")))
			err = join_groups(p, port, i);
		else
			err = rte_eth_allmulticast_enable(port->id);
		if (err)
			log_warn("port", "no_multicast", KV_S("port", port->conf->name));
	}
}

static int taps_setup(const struct conf *conf, struct ports *p, struct buf *why)
{
	for (size_t k = 0; k < conf->n_interface; k++) {
		const struct port *port = port_of(p, &conf->interface[k]);
		int err;

		if (!port || !port->conf->is_auto)
			continue;
		err = tap_setup(port->device.iface, &conf->interface[k], why);
		if (err)
			return err;
	}
	return 0;
}

int ports_open(const struct conf *conf, struct ports *p, struct buf *why)
{
	const struct conf_dataplane *dp = &conf->dataplane;
	int err;

	*p = (struct ports){.packet_fd = -1};
	if (dp->n_port == 0 || dp->n_port > CONF_PORTS_MAX) {
		buf_c(why, "dataplane.ports: there is no port; name one, or use `port: auto`");
		return ERR_RANGE;
	}
	err = pool_open(conf, p, why);
	for (size_t i = 0; !err && i < dp->n_port; i++) {
		struct port *port = &p->port[i];

		port->conf = &dp->port[i];
		err = eal_device(port->conf, i, &port->device);
		if (err)
			break;
		err = port_open(port, p->pool, why);
		if (!err)
			p->n++;
	}
	if (!err)
		err = taps_setup(conf, p, why);
	if (err) {
		ports_close(p);
		return err;
	}
	ignore_outgoing();
	multicast_setup(conf, p);
	for (size_t i = 0; i < p->n; i++)
		log_info("port", "up", KV_S("port", p->port[i].conf->name),
			 KV_C("device", p->port[i].device.name), KV_U("id", p->port[i].id));
	return 0;
}

void ports_close(struct ports *p)
{
	for (size_t i = 0; i < p->n; i++) {
		(void)rte_eth_dev_stop(p->port[i].id);
		(void)rte_eth_dev_close(p->port[i].id);
	}
	if (p->packet_fd >= 0)
		close(p->packet_fd);
	rte_mempool_free(p->pool);
	*p = (struct ports){.packet_fd = -1};
}

int ports_locals(const struct conf *conf, const struct ports *p, struct dp_local *out, uint8_t *n)
{
	uint8_t count = 0;

	for (size_t k = 0; k < conf->n_interface; k++) {
		const struct conf_interface *i = &conf->interface[k];
		const struct port *port = port_of(p, i);

		if (!port)
			return ERR_NOENT;
		for (size_t a = 0; a < i->n_address; a++) {
			struct dp_local *l = &out[count];

			if (count == DP_LOCAL_MAX)
				return ERR_LIMIT;
			*l = (struct dp_local){.ip = i->address[a],
					       .subnet = i->subnet[a],
					       .port = port->id,
					       .mtu = port->mtu};
			memcpy(l->mac, port->mac, sizeof l->mac);
			for (size_t g = 0; g < i->n_gateway; g++) {
				if (i->gateway[g].family == l->ip.family)
					l->gateway = i->gateway[g];
			}
			count++;
		}
	}
	*n = count;
	return 0;
}
