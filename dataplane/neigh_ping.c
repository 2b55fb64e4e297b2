/* Echo replies for our media addresses (RFC 792, RFC 4443 4.2), so that an operator sees them alive. Rate-limited over all
 * addresses, unicast only, back to the MAC that the request came from: nothing is resolved for a stranger. The slow path's
 * thread. */
#include "cksum.h"
#include "neigh_wire.h"

#define IP4_LEN     20
#define IP4_ICMP    1
#define ICMP_LEN    8
#define ICMP_ECHO   8
#define ICMP6_REPLY 129
#define PING_TTL    64
#define IP4_DF      0x40

static bool may_answer(const struct addr *source)
{
	return !addr_is_any(source) && !addr_is_multicast(source) && !addr_is_broadcast(source) &&
	       !addr_is_loopback(source);
}

void ping4_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t len, uint64_t now_ms)
{
	const uint8_t *ip = f + ETH_LEN;
	uint8_t r[NEIGH_REPLY_MAX];
	const struct dp_local *us;
	struct addr source, target;
	size_t total;
	uint16_t sum;

	if (len < ETH_LEN + IP4_LEN + ICMP_LEN || ip[0] != 0x45 || ip[9] != IP4_ICMP)
		return;
	total = get16(ip + 2);
	if (total < IP4_LEN + ICMP_LEN || total > len - ETH_LEN || ETH_LEN + total > sizeof r)
		return;
	if ((get16(ip + 6) & 0x3fff) || cksum_fold(cksum_add(ip, IP4_LEN)) != 0xffff)
		return; /* a fragment, or damaged */
	source = addr4(ip + 12);
	target = addr4(ip + 16);
	us = neigh_local(n, port, &target);
	if (!us || (us->mtu && total > us->mtu) || !may_answer(&source) ||
	    ip[IP4_LEN] != ICMP_ECHO || ip[IP4_LEN + 1] != 0 ||
	    cksum_fold(cksum_add(ip + IP4_LEN, total - IP4_LEN)) != 0xffff ||
	    !neigh_ping_pass(n, now_ms))
		return;
	memcpy(r, f, ETH_LEN + total);
	put_eth(r, f + 6, us->mac, ETHER_IPV4);
	put16(r + ETH_LEN + 4, 0);
	put16(r + ETH_LEN + 6, IP4_DF << 8);
	r[ETH_LEN + 8] = PING_TTL;
	memcpy(r + ETH_LEN + 12, target.ip, 4);
	memcpy(r + ETH_LEN + 16, source.ip, 4);
	put16(r + ETH_LEN + 10, 0);
	sum = (uint16_t)~cksum_fold(cksum_add(r + ETH_LEN, IP4_LEN));
	memcpy(r + ETH_LEN + 10, &sum, 2);
	r[ETH_LEN + IP4_LEN] = 0;
	put16(r + ETH_LEN + IP4_LEN + 2, 0);
	sum = (uint16_t)~cksum_fold(cksum_add(r + ETH_LEN + IP4_LEN, total - IP4_LEN));
	memcpy(r + ETH_LEN + IP4_LEN + 2, &sum, 2);
	neigh_send(n, port, r, ETH_LEN + total);
}

void ping6_input(struct neigh *n, uint16_t port, const uint8_t *f, size_t icmp_len, uint64_t now_ms)
{
	const size_t icmp = ETH_LEN + IP6_LEN;
	const struct addr source = addr6(f + ETH_LEN + 8), target = addr6(f + ETH_LEN + 24);
	const struct dp_local *us = neigh_local(n, port, &target);
	uint8_t r[NEIGH_REPLY_MAX];
	uint16_t sum;

	if (!us || (us->mtu && IP6_LEN + icmp_len > us->mtu) || icmp + icmp_len > sizeof r ||
	    f[icmp + 1] != 0 || !may_answer(&source) || !neigh_ping_pass(n, now_ms))
		return;
	memcpy(r, f, icmp + icmp_len);
	put_eth(r, f + 6, us->mac, ETHER_IPV6);
	r[ETH_LEN + 7] = PING_TTL;
	memcpy(r + ETH_LEN + 8, target.ip, 16);
	memcpy(r + ETH_LEN + 24, source.ip, 16);
	r[icmp] = ICMP6_REPLY;
	put16(r + icmp + 2, 0);
	sum = icmp6_checksum(r + ETH_LEN, r + icmp, icmp_len);
	memcpy(r + icmp + 2, &sum, 2);
	neigh_send(n, port, r, icmp + icmp_len);
}
