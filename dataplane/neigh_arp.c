/* ARP (RFC 826) for our IPv4 media addresses, with the announcements and the conflict watch of RFC 5227. Only Ethernet and
 * IPv4. The slow path's thread. */
#include "base/log.h"
#include "neigh_wire.h"

#define ARP_LEN     28
#define ARP_REQUEST 1
#define ARP_REPLY   2

/* Offsets from the frame's start. */
enum {
	ARP_OP = ETH_LEN + 6,
	ARP_SHA = ETH_LEN + 8,
	ARP_SPA = ETH_LEN + 14,
	ARP_THA = ETH_LEN + 18,
	ARP_TPA = ETH_LEN + 24
};

static const uint8_t arp_fixed[6] = {0, 1, 0x08, 0, 6, 4}; /* Ethernet, IPv4, their lengths */
static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void arp_send(struct neigh *n, const struct dp_local *from, uint16_t op,
		     const uint8_t eth_dst[6], const uint8_t *tha, const uint8_t *tpa)
{
	uint8_t f[ETH_MIN] = {0};

	put_eth(f, eth_dst, from->mac, ETHER_ARP);
	memcpy(f + ETH_LEN, arp_fixed, sizeof arp_fixed);
	put16(f + ARP_OP, op);
	memcpy(f + ARP_SHA, from->mac, 6);
	memcpy(f + ARP_SPA, from->ip.ip, 4);
	if (tha)
		memcpy(f + ARP_THA, tha, 6);
	memcpy(f + ARP_TPA, tpa, 4);
	neigh_send(n, from->port, f, sizeof f);
}

void arp_ask(struct neigh *n, const struct dp_local *from, const struct addr *ip,
	     const uint8_t *mac)
{
	arp_send(n, from, ARP_REQUEST, mac ? mac : everybody, mac, ip->ip);
}

void arp_announce(struct neigh *n, const struct dp_local *l)
{
	arp_send(n, l, ARP_REQUEST, everybody, NULL, l->ip.ip);
}

void arp_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t len, uint64_t now_ms)
{
	const struct dp_local *us;
	struct addr sender, target;
	uint16_t op;

	if (len < ETH_LEN + ARP_LEN || memcmp(f + ETH_LEN, arp_fixed, sizeof arp_fixed) != 0)
		return;
	op = get16(f + ARP_OP);
	sender = addr4(f + ARP_SPA);
	target = addr4(f + ARP_TPA);
	if ((op != ARP_REQUEST && op != ARP_REPLY) || !mac_unicast(f + ARP_SHA))
		return;
	us = neigh_local(n, port, &sender);
	if (us) { /* somebody else has our address, or a mirror shows us our own frame */
		if (memcmp(f + ARP_SHA, us->mac, 6) != 0)
			log_limited(LOG_WARN, "neigh", "address_conflict",
				    KV_C("ip", addr_ip_text(&sender, (char[ADDR_TEXT_MAX]){0})));
		return;
	}
	us = neigh_local(n, port, &target);
	if (!us) {
		if (addr_ip_eq(&sender, &target)) /* an announcement */
			neigh_heard(n, port, &sender, f + ARP_SHA, NEIGH_RUMOUR, now_ms);
		return;
	}
	if (op == ARP_REPLY) {
		if (memcmp(f, us->mac, 6) == 0 && memcmp(f + ARP_THA, us->mac, 6) == 0)
			neigh_heard(n, port, &sender, f + ARP_SHA, NEIGH_ANSWER, now_ms);
		return;
	}
	arp_send(n, us, ARP_REPLY, f + ARP_SHA, f + ARP_SHA, sender.ip);
	neigh_heard(n, port, &sender, f + ARP_SHA, NEIGH_ASKED, now_ms);
}
