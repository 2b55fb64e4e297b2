/* What a frame is: Ethernet, then IPv4 (RFC 791, RFC 1122 3.2.1) or IPv6 (RFC 8200), then UDP (RFC 768). Checks in the order
 * of the RFCs, and no length is believed before it was compared with the frame. Worker's thread.
 *
 * ARP, ND and ping to our addresses are punted to the slow path. Whatever is not for one of our media addresses is
 * DROP_NOT_OURS and cheap: on net_af_packet the kernel has a copy of its own. A frame to another station's MAC, or to a
 * group, with our IP address is not ours either (RFC 1122 3.3.6), nor is one on a port that does not carry the address. VLAN
 * tags are not supported yet and end up there, too. The UDP checksum is left to stage_parse, where it is known that
 * somebody wants the packet. */
#include <netinet/in.h>
#include <rte_prefetch.h>
#include <string.h>

#include "cksum.h"
#include "stage.h"

#define ETH_LEN 14
#define V4_LEN  20
#define V6_LEN  40
#define UDP_LEN 8

/* Instead of a reason to drop. */
enum { CLASS_MEDIA = -1, CLASS_PUNT = -2 };

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool for_station(const struct local_slot *local, const uint8_t *eth, uint16_t port)
{
	return local && local->port == port && local->mac == station_bits(eth);
}

/* ip_len: bytes that the IP header promises behind itself. */
static inline int udp(const struct dp_worker *w, struct dp_pkt *p, const uint8_t *h, size_t ip_len,
		      uint8_t l4_off, const struct local_slot *local)
{
	uint16_t len;

	if (ip_len < UDP_LEN)
		return DROP_MALFORMED;
	len = be16(h + 4);
	if (len < UDP_LEN || len > ip_len)
		return DROP_MALFORMED;
	p->src.port = be16(h);
	if (p->src.port == 0)
		return DROP_MALFORMED;
	p->dst_port = be16(h + 2);
	p->dst_addr = (uint8_t)(local->index - 1);
	p->l4_off = l4_off;
	p->payload_len = (uint16_t)(len - UDP_LEN);
	p->flags = 0;
	rte_prefetch0(endpoint_port_entry(&w->table, p->dst_addr, p->dst_port));
	for (unsigned at = 64; at < l4_off + 8U + p->payload_len && at < 256; at += 64)
		rte_prefetch0(h - l4_off + at);
	return CLASS_MEDIA;
}

/* Sources that nobody may have (RFC 1122 3.2.1.3): this network, loopback, multicast, reserved, broadcast. */
static bool v4_martian(const uint8_t *ip)
{
	return ip[0] == 0 || ip[0] == 127 || ip[0] >= 224;
}

static inline int ipv4(const struct dp_worker *w, struct dp_pkt *p, const uint8_t *eth, size_t len,
		       uint16_t port)
{
	const uint8_t *ip = eth + ETH_LEN;
	const struct local_slot *local;
	size_t head, total;
	uint64_t sum;

	if (len < ETH_LEN + V4_LEN || ip[0] >> 4 != 4)
		return DROP_MALFORMED;
	head = 4U * (ip[0] & 0x0f);
	total = be16(ip + 2);
	if (head < V4_LEN || total < head || total > len - ETH_LEN)
		return DROP_MALFORMED;
	local = worker_local(w, ADDR_V4, ip + 16);
	if (!for_station(local, eth, port))
		return DROP_NOT_OURS;
	sum = cksum_8(ip) + cksum_8(ip + 8) + cksum_4(ip + 16);
	if (head != V4_LEN)
		sum += cksum_add(ip + V4_LEN, head - V4_LEN);
	if (cksum_fold(sum) != 0xffff)
		return DROP_CHECKSUM;
	if (v4_martian(ip + 12))
		return DROP_MALFORMED;
	if (be16(ip + 6) & 0x3fff)
		return DROP_FRAGMENT;
	if (head != V4_LEN)
		return DROP_IP_OPTIONS;
	if (ip[9] == IPPROTO_ICMP)
		return total >= head + 8 && ip[head] == 8 ? CLASS_PUNT : DROP_NOT_UDP;
	if (ip[9] != IPPROTO_UDP)
		return DROP_NOT_UDP;
	p->src = (struct addr){.family = ADDR_V4};
	memcpy(p->src.ip, ip + 12, 4);
	return udp(w, p, ip + V4_LEN, total - head, ETH_LEN + V4_LEN, local);
}

/* Solicitations reach us by multicast to ff02::1:ffXX:XXXX of one of our addresses, or to us (RFC 4861 4.3). */
static bool is_solicited_node(const struct dp_worker *w, const uint8_t *ip, uint16_t port)
{
	static const uint8_t base[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	if (memcmp(ip, base, sizeof base) != 0)
		return false;
	for (uint8_t i = 0; i < w->conf.n_local; i++) {
		const struct dp_local *l = &w->local[i];

		if (l->ip.family == ADDR_V6 && l->port == port &&
		    memcmp(l->ip.ip + 13, ip + 13, 3) == 0)
			return true;
	}
	return false;
}

static bool is_all_nodes(const uint8_t *ip)
{
	static const uint8_t all[16] = {0xff, 2, [15] = 1};

	return memcmp(ip, all, sizeof all) == 0;
}

static int ipv6_multicast(const struct dp_worker *w, const uint8_t *ip, size_t left, uint16_t port)
{
	const uint8_t *icmp = ip + V6_LEN;

	if (ip[6] != IPPROTO_ICMPV6 || left < 8 || ip[7] != 255)
		return DROP_NOT_OURS;
	if (icmp[0] == 135 && is_solicited_node(w, ip + 24, port))
		return CLASS_PUNT;
	return icmp[0] == 136 && is_all_nodes(ip + 24) ? CLASS_PUNT : DROP_NOT_OURS;
}

/* Neighbour discovery is believed only if no router forwarded it (RFC 4861 7.1). */
static int icmpv6(const uint8_t *ip, size_t left)
{
	const uint8_t *icmp = ip + V6_LEN;

	if (left < 8)
		return DROP_MALFORMED;
	if (icmp[0] == 128)
		return CLASS_PUNT;
	return (icmp[0] == 135 || icmp[0] == 136) && ip[7] == 255 ? CLASS_PUNT : DROP_NOT_UDP;
}

static int ipv6(const struct dp_worker *w, struct dp_pkt *p, const uint8_t *eth, size_t len,
		uint16_t port)
{
	const uint8_t *ip = eth + ETH_LEN;
	const struct local_slot *local;
	size_t left;

	if (len < ETH_LEN + V6_LEN || ip[0] >> 4 != 6)
		return DROP_MALFORMED;
	left = be16(ip + 4);
	if (left > len - ETH_LEN - V6_LEN)
		return DROP_MALFORMED;
	if (ip[8] == 0xff)
		return DROP_MALFORMED; /* a multicast source */
	if (ip[24] == 0xff)
		return ipv6_multicast(w, ip, left, port);
	local = worker_local(w, ADDR_V6, ip + 24);
	if (!for_station(local, eth, port))
		return DROP_NOT_OURS;
	switch (ip[6]) {
	case IPPROTO_UDP:
		break;
	case IPPROTO_ICMPV6:
		return icmpv6(ip, left);
	case IPPROTO_FRAGMENT:
		return DROP_FRAGMENT;
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_ESP:
	case IPPROTO_AH:
	case 135: /* mobility */
	case 139: /* HIP */
	case 140: /* Shim6 */
		return DROP_IP_OPTIONS;
	default:
		return DROP_NOT_UDP;
	}
	p->src = (struct addr){.family = ADDR_V6};
	memcpy(p->src.ip, ip + 8, 16);
	return udp(w, p, ip + V6_LEN, left, ETH_LEN + V6_LEN, local);
}

static inline int frame(const struct dp_worker *w, struct dp_pkt *p, uint16_t port)
{
	const uint8_t *eth = rte_pktmbuf_mtod(p->m, const uint8_t *);
	size_t len = rte_pktmbuf_data_len(p->m);

	if (len < ETH_LEN || p->m->nb_segs != 1)
		return DROP_MALFORMED;
	switch (be16(eth + 12)) {
	case 0x0800:
		return ipv4(w, p, eth, len, port);
	case 0x86dd:
		return ipv6(w, p, eth, len, port);
	case 0x0806:
		return CLASS_PUNT;
	default:
		return DROP_NOT_OURS;
	}
}

void stage_classify(struct dp_worker *w, struct dp_burst *b)
{
	for (uint16_t i = 0; i < b->n; i++) {
		int class = frame(w, &b->pkt[i], b->port);

		if (class == CLASS_PUNT)
			dp_punt(w, b, i);
		else if (class != CLASS_MEDIA)
			dp_drop(w, b, i, (enum drop) class);
	}
	burst_compact(b);
}
