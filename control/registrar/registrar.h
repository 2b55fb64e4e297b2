/* Local registrar (RFC 3261 10): digest, expiry, several contacts a user, and the address that each REGISTER really came from, which is where
 * a phone behind NAT is reached. In memory, one thread. */
#ifndef REMPART_REGISTRAR_H
#define REMPART_REGISTRAR_H

#include "base/timer.h"
#include "conf/conf.h"
#include "sip/digest.h"
#include "sip/msg.h"

struct shard;
struct registrar;

struct reg_contact {
	struct reg_contact *next;     /* of the same user, newest first */
	struct str uri;               /* as registered */
	struct str call_id;           /* of the REGISTER that made it */
	struct str user_agent;
	struct sip_flow flow;         /* the REGISTER's */
	uint32_t cseq;
	uint16_t q_x1000;
	bool nat;                     /* source and Contact (or Via) address differ */
	uint64_t expires_at_ms, registered_at_ms; /* monotonic */
};
struct reg_binding {                  /* address of record */
	struct str user;
	struct reg_contact *contact;
	uint32_t n_contact;
};

int registrar_create(struct shard *s, struct registrar **out) MUST_CHECK;
void registrar_destroy(struct registrar *r);
/* Handles one REGISTER of the registrar's realm: challenges, checks, binds, answers through txn_respond() on t. All of 200, 400, 401, 403, 404, 416, 420, 423, 503. */
void registrar_request(struct registrar *r, txn_id t, struct sip_msg *m, uint64_t now_ms);
/* True when this host part (domain or one of our own addresses) belongs to the registrar. */
bool registrar_is_domain(const struct registrar *r, struct str host);
/* NULL when the user has no contact. exists (may be NULL) says whether the user is configured. */
const struct reg_binding *registrar_find(const struct registrar *r, struct str user, bool *exists);
/* The configured user whose contact has this flow (address and port, connection for streams), or an empty view: who sent this INVITE. */
struct str registrar_user_by_flow(const struct registrar *r, const struct sip_flow *flow);
/* Walk for the admin API; i starts at 0; NULL at the end. */
const struct reg_binding *registrar_each(const struct registrar *r, size_t *i);
size_t registrar_contacts(const struct registrar *r);

#endif
