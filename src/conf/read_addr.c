/* Readers of addresses: of hosts, with their subnets, prefixes, with ports, and what listeners listen on. Wildcard,
 * multicast and broadcast addresses are refused where a host's is wanted. IPv4 and IPv6 alike. Main thread, at load; see
 * read.h. */
#include "conf/read.h"

bool read_hostport(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct addr a;

	if (!read_is_scalar(l, row, n))
		return false;
	if (addr_parse(n->text, &a) || a.port == 0)
		return read_bad(l, row, n,
				"an address and port such as 127.0.0.1:8080 or [::1]:8080");
	*(struct addr *)at = a;
	return true;
}

/* One that a host can have. */
static bool host_addr(struct loader *l, const struct conf_row *row, const struct node *n,
		      const struct addr *a)
{
	if (!addr_is_any(a) && !addr_is_multicast(a) && !addr_is_broadcast(a))
		return true;
	conf_fail(l, n, "%s: '%.*s' is not an address of a host", read_label(row),
		  NODE_CUT(n->text));
	return false;
}

bool read_addr(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct addr a;

	if (!read_is_scalar(l, row, n))
		return false;
	if (addr_parse_ip(n->text, &a))
		return read_bad(l, row, n, "an IP address");
	if (!host_addr(l, row, n, &a))
		return false;
	*(struct addr *)at = a;
	return true;
}

static bool fits_fixed(struct loader *l, const struct conf_row *row, const struct node *n)
{
	if (read_no_items(l, row, n))
		return false;
	if (read_count(n) <= CONF_IF_ADDRS)
		return true;
	conf_fail(l, n, "%s: more than %d addresses", read_label(row), CONF_IF_ADDRS);
	return false;
}

bool read_addrs(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct addr *out = at;
	bool ok = true;

	if (!fits_fixed(l, row, n))
		return false;
	for (const struct node *k = read_first(n); k; k = read_next(n, k))
		ok = read_addr(l, row, k, out++) && ok;
	return ok;
}

static bool read_subnet(struct loader *l, const struct conf_row *row, const struct node *n,
			struct addr *a, struct prefix *subnet)
{
	if (!read_is_scalar(l, row, n))
		return false;
	if (str_find(n->text, '/') < 0 || addr_parse_prefix(n->text, subnet, a))
		return read_bad(l, row, n, "an address with its subnet such as 192.0.2.10/24");
	if (!host_addr(l, row, n, a))
		return false;
	if (subnet->len_bits > 0)
		return true;
	conf_fail(l, n, "%s: a subnet of /0 is the whole world", read_label(row));
	return false;
}

bool read_subnets(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct conf_interface *ifc =
		(void *)((char *)at - offsetof(struct conf_interface, address));
	bool ok = true;
	size_t i = 0;

	if (!fits_fixed(l, row, n))
		return false;
	for (const struct node *k = read_first(n); k; k = read_next(n, k), i++)
		ok = read_subnet(l, row, k, &ifc->address[i], &ifc->subnet[i]) && ok;
	return ok;
}

bool read_prefixes(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct prefix **out = at, *item;
	bool ok = true;

	if (read_no_items(l, row, n))
		return false;
	item = conf_alloc(l, read_count(n) * sizeof(*item));
	if (!item)
		return false;
	*out = item;
	for (const struct node *k = read_first(n); k; k = read_next(n, k), item++) {
		if (!read_is_scalar(l, row, k))
			ok = false;
		else if (addr_parse_prefix(k->text, item, NULL))
			ok = read_bad(l, row, k, "an address or prefix such as 192.0.2.0/28");
	}
	return ok;
}

static const struct conf_choice transports[] = {{"udp", CONF_UDP}, {"tcp", CONF_TCP},
						{"tls", CONF_TLS}, {"ws", CONF_WS},
						{"wss", CONF_WSS}, {0}};

static bool read_listen_one(struct loader *l, const struct conf_row *row, const struct node *n,
			    struct conf_listen *out)
{
	struct str rest = n->text, word = str_cut(&rest, ':');
	const struct conf_choice *t = transports;
	uint64_t port;

	if (!read_is_scalar(l, row, n))
		return false;
	while (t->name && !str_eq(word, str_c(t->name)))
		t++;
	if (!t->name || str_to_u64(rest, UINT16_MAX, &port) || port == 0)
		return read_bad(l, row, n, "a transport and port such as udp:5060");
	if (t->value == CONF_WS || t->value == CONF_WSS) {
		conf_fail(l, n, "%s: %s is not supported yet", read_label(row), t->name);
		return false;
	}
	*out = (struct conf_listen){.transport = (enum conf_transport)t->value,
				    .port = (uint16_t)port};
	return true;
}

bool read_listen(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct conf_listen **out = at, *item;
	bool ok = true;

	if (read_no_items(l, row, n))
		return false;
	item = conf_alloc(l, read_count(n) * sizeof(*item));
	if (!item)
		return false;
	*out = item;
	for (const struct node *k = read_first(n); k; k = read_next(n, k))
		ok = read_listen_one(l, row, k, item++) && ok;
	return ok;
}
