/* Makes the kernel's end of our TAP usable at once: programs on this machine reach the media addresses through it, and SIP
 * listens on its addresses. rtnetlink carries the addresses of both families (IPv6 ones without duplicate address
 * detection, which would keep them from being bound for a second); an ioctl the MAC and the flags.
 *
 * DPDK's driver gives its own MAC to the kernel's end too. Two stations on one wire need two, so the kernel's gets another. */
#include "tap.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rng.h"

struct addr_request {
	struct nlmsghdr head;
	struct ifaddrmsg addr;
	uint8_t attr[64];
};

struct addr_reply {
	struct nlmsghdr head;
	struct nlmsgerr err;
	uint8_t rest[512];
};

static void put_attr(struct addr_request *r, uint16_t type, const void *p, size_t len)
{
	struct rtattr *attr = (struct rtattr *)(void *)((uint8_t *)r + r->head.nlmsg_len);

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), p, len);
	r->head.nlmsg_len += (uint32_t)RTA_SPACE(len);
}

/* 0 or an errno value. */
static int address_add(int nl, unsigned index, const struct addr *a, uint8_t len_bits)
{
	const size_t ip_len = a->family == ADDR_V4 ? 4 : 16;
	struct addr_request r = {
		.head = {.nlmsg_len = NLMSG_LENGTH(sizeof r.addr),
			 .nlmsg_type = RTM_NEWADDR,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
			 .nlmsg_seq = 1},
		.addr = {.ifa_family = a->family == ADDR_V4 ? AF_INET : AF_INET6,
			 .ifa_prefixlen = len_bits,
			 .ifa_flags = a->family == ADDR_V6 ? IFA_F_NODAD : 0,
			 .ifa_index = index},
	};
	struct addr_reply reply;

	put_attr(&r, IFA_LOCAL, a->ip, ip_len);
	put_attr(&r, IFA_ADDRESS, a->ip, ip_len);
	if (send(nl, &r, r.head.nlmsg_len, 0) < 0)
		return errno;
	if (recv(nl, &reply, sizeof reply, 0) < (ssize_t)NLMSG_LENGTH(sizeof reply.err) ||
	    reply.head.nlmsg_type != NLMSG_ERROR)
		return EPROTO;
	return -reply.err.error;
}

static int set_link(int fd, const char *name)
{
	struct ifreq ifr = {0};
	uint8_t mac[6];

	rng_bytes(mac, sizeof mac);
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02); /* locally administered, one station */
	str_copy(ifr.ifr_name, sizeof ifr.ifr_name, str_c(name));
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, sizeof mac);
	if (ioctl(fd, SIOCSIFHWADDR, &ifr))
		return errno;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		return errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &ifr) ? errno : 0;
}

/* The subnet of the media address that this SIP address lies in; alone (a host) where there is none. */
static uint8_t prefix_len(const struct conf_interface *conf, const struct addr *a)
{
	for (size_t i = 0; i < conf->n_address; i++) {
		if (addr_in(&conf->subnet[i], a))
			return conf->subnet[i].len_bits;
	}
	return a->family == ADDR_V4 ? 32 : 128;
}

int tap_setup(const char *name, const struct conf_interface *conf, struct buf *why)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const unsigned index = if_nametoindex(name);
	int e;

	e = fd < 0 || nl < 0 ? errno : set_link(fd, name);
	for (size_t i = 0; !e && i < conf->n_sip_address; i++)
		e = address_add(nl, index, &conf->sip_address[i],
				prefix_len(conf, &conf->sip_address[i]));
	if (e)
		buf_printf(why, "interfaces.%.*s: %s cannot be given its addresses: %s",
			   STR_FMT(conf->name), name, strerror(e));
	if (fd >= 0)
		close(fd);
	if (nl >= 0)
		close(nl);
	return e ? err_from_errno(e) : 0;
}
