/* A flow: the way on which a peer is reached, and on which it reached us (RFC 5626's word). A value, copied freely. */
#ifndef REMPART_SIP_FLOW_H
#define REMPART_SIP_FLOW_H

#include "base/addr.h"
#include "conf/conf.h"

struct sip_flow {
	struct addr local;  /* our socket, with port */
	struct addr remote; /* the peer's address, with port, as seen on the wire */
	const struct conf_realm *realm;
	uint32_t socket; /* index of the listening socket in the transport layer */
	uint32_t conn,
		conn_gen; /* streams: connection slot and generation; conn is UINT32_MAX for none */
	enum conf_transport transport;
	/* TLS: the name in the peer's certificate, as it stands in a trunk's tls_san: proven where a message came, wanted where one goes. Empty: none of them came, the
	 * peer's address is wanted. */
	struct str tls_name;
};

/* "UDP", "TCP", ... for Via; "udp", "tcp" for URIs. */
struct str sip_transport_via(enum conf_transport t);
struct str sip_transport_param(enum conf_transport t);

#endif
