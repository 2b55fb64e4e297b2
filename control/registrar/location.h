/* The location service (RFC 3261 10.3): users, their contacts, and which user speaks over which flow. It stores what the
 * registrar decided, lets contacts expire by the shard's wheel, and answers by hash. One thread; internal to
 * control/registrar. */
#ifndef REMPART_REGISTRAR_LOCATION_H
#define REMPART_REGISTRAR_LOCATION_H

#include "base/hmap.h"
#include "registrar/registrar.h"

struct shard;
struct location_table;

#define LOCATION_USER_MAX 256 /* bytes of a user part; nobody has a longer name */

struct location_user {
	struct hmap_node node;
	const struct conf_user *conf;
	struct reg_binding binding; /* contact: newest first */
};

/* One contact; its texts stand behind it in the same block. */
struct location {
	struct reg_contact contact; /* first: the list goes through it */
	struct location_user *user; /* NULL while it is not in the table */
	struct location_table *table;
	struct timer timer;
	struct hmap_node flow_node;
};

struct location_table {
	struct shard *shard;
	struct hmap users, flows;
	struct location_user *user; /* one for each configured user, in the file's order of names */
	size_t n_user, n_contact;
};

int location_open(struct location_table *t, struct shard *s) MUST_CHECK;
void location_close(struct location_table *t);
/* NULL when nobody is called so. */
struct location_user *location_user(const struct location_table *t, struct str user);
/* The user's contact with this URI (RFC 3261 19.1.4), NULL when there is none. ERR_NOMEM. */
int location_find(const struct location_user *u, const struct sip_uri *uri, struct arena *a,
		  struct location **out) MUST_CHECK;
/* A copy with its texts, outside of the table; NULL when there is no memory. */
struct location *location_new(const struct reg_contact *c);
void location_free(struct location *l); /* of one outside of the table; NULL is fine */
/* Puts it in front of the user's contacts; never fails. */
void location_add(struct location_table *t, struct location_user *u, struct location *l,
		  uint64_t now_ms);
/* Takes it out and frees it. */
void location_remove(struct location_table *t, struct location *l);
/* Contacts over this flow, in no order: after NULL the first one, then the next; NULL at the end. */
const struct location *location_by_flow(const struct location_table *t, const struct sip_flow *flow,
					const struct location *after);

#endif
