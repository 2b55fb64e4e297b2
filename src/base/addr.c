/* Addresses: reading, writing and sorting them into kinds.
 *
 * For configuration, signalling and media, on any thread: pure functions. inet_pton() and inet_ntop() do
 * the texts (RFC 4291, RFC 5952), so octal or shortened IPv4 forms and zone ids are refused. What is
 * ::ffff:0:0/96 becomes IPv4 here and nowhere else. The kinds are rows of a table of prefixes. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/buf.h"

static const uint8_t addr_mapped[12] = {[10] = 0xff, [11] = 0xff};

static struct addr addr_v4(const void *ip, uint16_t port)
{
	struct addr a = {.port = port, .family = ADDR_V4};

	memcpy(a.ip, ip, 4);
	return a;
}

static struct addr addr_v6(const void *ip, uint16_t port)
{
	struct addr a = {.port = port, .family = ADDR_V6};

	if (memcmp(ip, addr_mapped, sizeof(addr_mapped)) == 0)
		return addr_v4((const uint8_t *)ip + sizeof(addr_mapped), port);
	memcpy(a.ip, ip, 16);
	return a;
}

/* The bare address, without brackets. *mapped says whether it was IPv4 written as IPv6. */
static int addr_parse_bare(struct str s, struct addr *out, bool *mapped)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (s.len >= sizeof(text) || str_find(s, '\0') >= 0)
		return ERR_SYNTAX;
	str_copy(text, sizeof(text), s);
	*mapped = false;
	if (inet_pton(AF_INET, text, ip) == 1) {
		*out = addr_v4(ip, 0);
		return 0;
	}
	if (inet_pton(AF_INET6, text, ip) != 1)
		return ERR_SYNTAX;
	*out = addr_v6(ip, 0);
	*mapped = out->family == ADDR_V4;
	return 0;
}

int addr_parse_ip(struct str s, struct addr *out)
{
	bool mapped;

	if (s.len < 2 || s.p[0] != '[')
		return addr_parse_bare(s, out, &mapped);
	if (s.p[s.len - 1] != ']')
		return ERR_SYNTAX;
	s = str_n(s.p + 1, s.len - 2);
	if (str_find(s, ':') < 0)
		return ERR_SYNTAX;
	return addr_parse_bare(s, out, &mapped);
}

int addr_parse(struct str s, struct addr *out)
{
	struct addr a;
	uint64_t port;
	ptrdiff_t end = str_find(s, ']');
	ptrdiff_t colon = str_find(str_from(s, (size_t)(end + 1)), ':');
	int err;

	if (colon < 0)
		return ERR_SYNTAX;
	colon += end + 1;
	err = addr_parse_ip(str_head(s, (size_t)colon), &a);
	if (err)
		return err;
	err = str_to_u64(str_from(s, (size_t)colon + 1), UINT16_MAX, &port);
	if (err)
		return err;
	if (port == 0)
		return ERR_RANGE;
	a.port = (uint16_t)port;
	*out = a;
	return 0;
}

static unsigned addr_bits(const struct addr *a)
{
	return a->family == ADDR_V4 ? 32 : 128;
}

int addr_parse_prefix(struct str s, struct prefix *out, struct addr *host)
{
	struct addr a;
	bool mapped;
	uint64_t len;
	ptrdiff_t slash = str_find(s, '/');
	int err = addr_parse_bare(slash < 0 ? s : str_head(s, (size_t)slash), &a, &mapped);

	if (err)
		return err;
	len = addr_bits(&a);
	if (slash >= 0) {
		unsigned skip = mapped ? 96 : 0;

		err = str_to_u64(str_from(s, (size_t)slash + 1), len + skip, &len);
		if (err)
			return err;
		if (len < skip)
			return ERR_RANGE;
		len -= skip;
	}
	if (host)
		*host = a;
	for (size_t i = 0; i < sizeof(a.ip); i++) {
		size_t keep = len > 8 * i ? len - 8 * i : 0;

		if (keep < 8)
			a.ip[i] = (uint8_t)(a.ip[i] & (0xff00U >> keep));
	}
	*out = (struct prefix){.base = a, .len_bits = (uint8_t)len};
	return 0;
}

bool addr_ip_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_ip_eq(a, b);
}

bool addr_in(const struct prefix *p, const struct addr *a)
{
	size_t whole = p->len_bits / 8;
	unsigned rest = p->len_bits % 8;

	if (a->family == ADDR_NONE || a->family != p->base.family)
		return false;
	if (memcmp(a->ip, p->base.ip, whole) != 0)
		return false;
	return rest == 0 || (a->ip[whole] ^ p->base.ip[whole]) >> (8 - rest) == 0;
}

bool addr_is_set(const struct addr *a)
{
	return a->family != ADDR_NONE;
}

enum addr_kind { KIND_ANY, KIND_LOOPBACK, KIND_MULTICAST, KIND_BROADCAST, KIND_PRIVATE };

#define ROW(kind_, family_, len_, ...)                                                             \
	{                                                                                          \
		.kind = (kind_), .net = { {.ip = {__VA_ARGS__}, .family = (family_)}, (len_) }     \
	}
static const struct {
	enum addr_kind kind;
	struct prefix net;
} addr_kinds[] = {
	ROW(KIND_ANY, ADDR_V4, 32, 0),
	ROW(KIND_ANY, ADDR_V6, 128, 0),
	ROW(KIND_LOOPBACK, ADDR_V4, 8, 127),
	ROW(KIND_LOOPBACK, ADDR_V6, 128, [15] = 1),
	ROW(KIND_MULTICAST, ADDR_V4, 4, 224),
	ROW(KIND_MULTICAST, ADDR_V6, 8, 0xff),
	ROW(KIND_BROADCAST, ADDR_V4, 32, 255, 255, 255, 255),
	ROW(KIND_PRIVATE, ADDR_V4, 8, 10),
	ROW(KIND_PRIVATE, ADDR_V4, 12, 172, 16),
	ROW(KIND_PRIVATE, ADDR_V4, 16, 192, 168),
	ROW(KIND_PRIVATE, ADDR_V4, 10, 100, 64),
	ROW(KIND_PRIVATE, ADDR_V4, 16, 169, 254),
	ROW(KIND_PRIVATE, ADDR_V6, 10, 0xfe, 0x80),
	ROW(KIND_PRIVATE, ADDR_V6, 7, 0xfc),
};
#undef ROW

static bool addr_is_kind(const struct addr *a, enum addr_kind kind)
{
	for (size_t i = 0; i < sizeof(addr_kinds) / sizeof(addr_kinds[0]); i++)
		if (addr_kinds[i].kind == kind && addr_in(&addr_kinds[i].net, a))
			return true;
	return false;
}

bool addr_is_any(const struct addr *a)
{
	return addr_is_kind(a, KIND_ANY);
}

bool addr_is_loopback(const struct addr *a)
{
	return addr_is_kind(a, KIND_LOOPBACK);
}

bool addr_is_multicast(const struct addr *a)
{
	return addr_is_kind(a, KIND_MULTICAST);
}

bool addr_is_broadcast(const struct addr *a)
{
	return addr_is_kind(a, KIND_BROADCAST);
}

bool addr_is_private(const struct addr *a)
{
	return addr_is_kind(a, KIND_PRIVATE);
}

char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	int af = a->family == ADDR_V4 ? AF_INET : AF_INET6;

	if (!addr_is_set(a))
		return str_copy(out, ADDR_TEXT_MAX, STR("none"));
	if (!inet_ntop(af, a->ip, out, ADDR_TEXT_MAX))
		out[0] = '\0';
	return out;
}

char *addr_text(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	char ip[ADDR_TEXT_MAX];
	struct buf b = buf_on(out, ADDR_TEXT_MAX);

	if (!addr_is_set(a))
		return addr_ip_text(a, out);
	buf_c(&b, a->family == ADDR_V6 ? "[" : "");
	buf_c(&b, addr_ip_text(a, ip));
	buf_c(&b, a->family == ADDR_V6 ? "]:" : ":");
	buf_u64(&b, a->port);
	buf_cstr(&b);
	return out;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(a->port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};

	memset(ss, 0, sizeof(*ss));
	if (a->family == ADDR_V4) {
		memcpy(&v4.sin_addr, a->ip, 4);
		memcpy(ss, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (a->family == ADDR_V6) {
		memcpy(&v6.sin6_addr, a->ip, 16);
		memcpy(ss, &v6, sizeof(v6));
		return sizeof(v6);
	}
	return 0;
}

int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		*out = addr_v4(&v4.sin_addr, ntohs(v4.sin_port));
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof(v6));
		*out = addr_v6(&v6.sin6_addr, ntohs(v6.sin6_port));
		return 0;
	}
	return ERR_UNSUPPORTED;
}
