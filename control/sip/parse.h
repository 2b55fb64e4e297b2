/* The seam to libosip2: parse_osip.c is the only file that knows it. Internal to control/sip; any thread. */
#ifndef REMPART_SIP_PARSE_H
#define REMPART_SIP_PARSE_H

#include "sip/msg.h"

/* Reads the URI (of scheme sip or sips, without its headers) with libosip2 and compares what both found. 0, ERR_SYNTAX (libosip2 refuses it,
 * or sees another scheme, host or port), ERR_LIMIT (it needs more memory than one header can be worth). */
int sip_osip_uri(struct str text, const struct sip_uri *u) MUST_CHECK;
/* The same for transport, sent-by and branch of a Via. */
int sip_osip_via(const struct sip_via *v) MUST_CHECK;

#endif
