/* Where a request comes from and where it goes: source to realm and trunk, called number to a destination. Pure functions over the
 * configuration; `rempartctl route test` explains with the same ones. */
#ifndef REMPART_POLICY_ROUTE_H
#define REMPART_POLICY_ROUTE_H

#include "conf/conf.h"
#include "sip/flow.h"

/* The trunk of the flow's realm whose match.source holds the peer's address, and whose tls_san the peer has proven, where
 * they are given; a name counts for more than an address, a longer prefix for more than a shorter one. NULL when none. */
const struct conf_trunk *trunk_match(const struct conf *c, const struct sip_flow *flow);
/* May a request from this flow begin anything? trusted: yes; peers_only: only a trunk; untrusted: only after digest or from a registered phone.
 * Returns what is to be done. */
enum source_verdict { SOURCE_ALLOW, SOURCE_CHALLENGE, SOURCE_DENY };
enum source_verdict source_check(const struct conf_realm *realm, const struct conf_trunk *trunk);
/* First route that matches, or NULL (404). called is the R-URI's user part. */
const struct conf_route *route_find(const struct conf *c, const struct conf_realm *realm,
				    const struct conf_trunk *trunk, struct str called);
/* The peer to try first: lowest priority number; among equals by weight (random number r). */
const struct conf_peer *trunk_peer(const struct conf_trunk *t, uint32_t r);

#endif
