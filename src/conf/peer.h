/* SIP URIs as the configuration has them. Pure, any thread; for this library only. */
#ifndef REMPART_CONF_PEER_H
#define REMPART_CONF_PEER_H

#include "conf/conf.h"

/* "sip:[USER@]ADDRESS[:PORT][;transport=udp|tcp]" (RFC 3261 section 19.1, the part of it that a peer needs) into p's uri,
 * user, addr and transport, all views of s. NULL when it is right, else a sentence about what is not. */
const char *conf_peer_parse(struct str s, struct conf_peer *p);

#endif
