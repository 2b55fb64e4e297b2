/* Local registrar (RFC 3261 10): digest, expiry, several contacts a user, and the address that each REGISTER really came from, which is where
 * a phone behind NAT is reached. In memory, one thread. */
#ifndef REMPART_REGISTRAR_H
#define REMPART_REGISTRAR_H

#include "base/timer.h"
#include "conf/conf.h"
#include "sip/digest.h"
#include "sip/msg.h"
#include "sip/txn.h"

struct shard;
struct registrar;

struct reg_contact {
	struct reg_contact *next; /* of the same user, newest first */
	struct str uri;           /* as registered */
	struct str call_id;       /* of the REGISTER that made it */
	struct str user_agent;
	struct sip_flow flow; /* the REGISTER's */
	uint32_t cseq;
	uint16_t q_x1000;
	bool nat;                                 /* source and Contact (or Via) address differ */
	uint64_t expires_at_ms, registered_at_ms; /* monotonic */
};
struct reg_binding { /* address of record */
	struct str user;
	struct reg_contact *contact;
	uint32_t n_contact;
};

int registrar_create(struct shard *s, struct registrar **out) MUST_CHECK;
void registrar_destroy(struct registrar *r);
/* True when phones of this realm may register here. */
bool registrar_serves(const struct registrar *r, const struct conf_realm *realm);
/* Handles one REGISTER of a realm that the registrar serves: challenges, checks, binds, answers through txn_respond() on t. All of 200, 400, 401, 403,
 * 404, 416, 420, 423, 503. Either all contacts of a REGISTER are bound or none. A user's contacts over max_contacts push out those that were
 * refreshed longest ago; more than max_contacts in one REGISTER are refused (403). */
void registrar_request(struct registrar *r, txn_id t, struct sip_msg *m, uint64_t now_ms);
/* The realm of our challenges on this flow: the first domain, else the address that the phone knows us by. out holds the latter. */
struct str registrar_digest_realm(const struct registrar *r, const struct sip_flow *flow,
				  char out[ADDR_TEXT_MAX]);
/* A digest_lookup_fn; ctx is the registrar. */
const struct secret *registrar_password(void *ctx, struct str user);
/* True when this host part (domain or one of our own addresses) belongs to the registrar. */
bool registrar_is_domain(const struct registrar *r, struct str host);
/* NULL when the user has no contact. exists (may be NULL) says whether the user is configured. Escapes in the user part count as what they stand for. */
const struct reg_binding *registrar_find(const struct registrar *r, struct str user, bool *exists);
/* The configured user whose contact has this flow (address and port, connection for streams), or an empty view: who sent this INVITE. */
struct str registrar_user_by_flow(const struct registrar *r, const struct sip_flow *flow);
/* Where several users register over one flow (a PBX, a phone with two accounts): true when this user is one of them. */
bool registrar_user_on_flow(const struct registrar *r, const struct sip_flow *flow,
			    struct str user);
/* Walk for the admin API; i starts at 0; NULL at the end. */
const struct reg_binding *registrar_each(const struct registrar *r, size_t *i);
size_t registrar_contacts(const struct registrar *r);

#endif
