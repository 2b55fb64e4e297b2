/* SIP URIs of trunks' peers. Only what a peer can need: who, where, over what. Names are for the resolver, which is not
 * there yet, so the host is an IP address. Used by the loader, main thread. RFC 3261 section 19.1.1. */
#include "conf/peer.h"

static const char *parse_transport(struct str params, enum conf_transport *out)
{
	while (!str_empty(params)) {
		struct str value = str_cut(&params, ';'), name = str_cut(&value, '=');

		if (!str_ieq(name, STR("transport")))
			return "only the parameter 'transport' is supported yet";
		if (str_ieq(value, STR("udp")))
			*out = CONF_UDP;
		else if (str_ieq(value, STR("tcp")))
			*out = CONF_TCP;
		else if (str_ieq(value, STR("tls")))
			*out = CONF_TLS;
		else if (str_ieq(value, STR("ws")) || str_ieq(value, STR("wss")))
			return "this transport is not supported yet";
		else
			return "transport must be udp, tcp or tls";
	}
	return NULL;
}

/* Whether it could be the name of a host, with or without port. */
static bool is_name(struct str s)
{
	bool letter = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			letter = true;
		else if (!(c >= '0' && c <= '9') && c != '.' && c != '-' && c != ':')
			return false;
	}
	return letter;
}

static const char *parse_host(struct str host, struct addr *out)
{
	bool has_port = host.len && host.p[0] == '[' ? str_find_str(host, STR("]:")) >= 0
						     : str_find(host, ':') >= 0;

	if (has_port ? addr_parse(host, out) == 0 && out->port : addr_parse_ip(host, out) == 0) {
		if (addr_is_any(out) || addr_is_multicast(out) || addr_is_broadcast(out))
			return "not an address of a host";
		return NULL;
	}
	if (is_name(host))
		return "a host name is not supported yet, write its IP address";
	return "expected an IP address, an IPv6 one in brackets, with or without a port";
}

const char *conf_peer_parse(struct str s, struct conf_peer *p)
{
	struct conf_peer out = *p;
	struct str rest = s, host;
	const char *why;
	ptrdiff_t at;

	if (str_istarts(s, STR("sips:")))
		return "sips is not supported yet";
	if (!str_istarts(s, STR("sip:")))
		return "must begin with sip:";
	if (str_find(s, '?') >= 0)
		return "headers have no place here";
	rest = str_from(s, 4);
	at = str_find(rest, '@');
	out.uri = s;
	out.user = str_n("", 0);
	if (at >= 0) {
		out.user = str_head(rest, (size_t)at);
		rest = str_from(rest, (size_t)at + 1);
		if (str_empty(out.user))
			return "nothing stands before the @";
		if (str_find(out.user, ':') >= 0)
			return "a password has no place here";
	}
	host = str_cut(&rest, ';');
	why = parse_host(host, &out.addr);
	if (why)
		return why;
	out.transport = CONF_UDP;
	why = parse_transport(rest, &out.transport);
	if (why)
		return why;
	if (out.addr.port == 0)
		out.addr.port = out.transport == CONF_TLS ? 5061 : 5060;
	*p = out;
	return NULL;
}
