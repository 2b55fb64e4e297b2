/* Addresses: IPv4 or IPv6 with a port, and prefixes. v4-mapped IPv6 is turned into IPv4 on the way in, so that
 * one host has one form. Pure functions, any thread. */
#ifndef REMPART_ADDR_H
#define REMPART_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/str.h"

enum addr_family { ADDR_NONE = 0, ADDR_V4 = 4, ADDR_V6 = 6 };

struct addr {
	uint8_t ip[16]; /* network order; IPv4 in the first 4 bytes, the rest 0 */
	uint16_t port;  /* host order, 0 = none */
	uint8_t family; /* enum addr_family */
	uint8_t pad_;   /* always 0, so that memcmp works */
};

struct prefix {
	struct addr base; /* host bits cleared, port 0 */
	uint8_t len_bits;
};

#define ADDR_TEXT_MAX 56 /* "[....]:65535" and NUL */

/* "192.0.2.1", "2001:db8::1", "[2001:db8::1]"; no port. ERR_SYNTAX. */
int addr_parse_ip(struct str s, struct addr *out) MUST_CHECK;
/* "192.0.2.1:5060", "[2001:db8::1]:5060"; the port is required. ERR_SYNTAX, ERR_RANGE (port 0 or over 65535). */
int addr_parse(struct str s, struct addr *out) MUST_CHECK;
/* "192.0.2.0/24"; a bare address is a host prefix. Host bits may be set: *host (may be NULL) gets the
 * address as written. ERR_SYNTAX, ERR_RANGE. */
int addr_parse_prefix(struct str s, struct prefix *out, struct addr *host) MUST_CHECK;
bool addr_eq(const struct addr *a, const struct addr *b);    /* with port */
bool addr_ip_eq(const struct addr *a, const struct addr *b); /* without */
bool addr_in(const struct prefix *p, const struct addr *a);
bool addr_is_set(const struct addr *a);
bool addr_is_any(const struct addr *a); /* 0.0.0.0, :: */
bool addr_is_loopback(const struct addr *a);
bool addr_is_multicast(const struct addr *a);
bool addr_is_broadcast(const struct addr *a); /* 255.255.255.255 */
bool addr_is_private(const struct addr *a);   /* RFC 1918, RFC 6598, link-local, fc00::/7 */
/* Text of the address alone ("2001:db8::1") / of address and port ("[2001:db8::1]:5060"); NUL-terminated; "none" when unset. Returns out. */
char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT_MAX]);
char *addr_text(const struct addr *a, char out[ADDR_TEXT_MAX]);
/* Fills ss and returns its length; 0 and AF_UNSPEC when unset. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);
/* ERR_UNSUPPORTED for other families. */
int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out) MUST_CHECK;

#endif
