/* Names of transports, as Via (RFC 3261 20.42) and URIs (19.1.1) write them.
 *
 * For the builder; any thread. TLS and secure WebSockets have no URI parameter of their own: TLS keeps the
 * deprecated "tls", which every phone understands, and RFC 7118 5.2.3 says "ws" for both. */
#include "sip/flow.h"

static const struct {
	struct str via, param;
} flow_transport[] = {
	[CONF_UDP] = {STR_INIT("UDP"), STR_INIT("udp")},
	[CONF_TCP] = {STR_INIT("TCP"), STR_INIT("tcp")},
	[CONF_TLS] = {STR_INIT("TLS"), STR_INIT("tls")},
	[CONF_WS] = {STR_INIT("WS"), STR_INIT("ws")},
	[CONF_WSS] = {STR_INIT("WSS"), STR_INIT("ws")},
};

struct str sip_transport_via(enum conf_transport t)
{
	return flow_transport[t].via;
}

struct str sip_transport_param(enum conf_transport t)
{
	return flow_transport[t].param;
}
