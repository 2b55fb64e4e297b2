/* The configuration as the programs read it: typed, checked, references resolved. One YAML file, described by the one
 * table in schema.c; a row there says type, default, bounds, unit, whether it can be reloaded, help, and whether the feature
 * behind it exists. Loaded once, then read-only; any thread.
 *
 * Named things (interfaces, realms, ...) are arrays in the file's order. References are pointers into these arrays. */
#ifndef REMPART_CONF_H
#define REMPART_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/str.h"

#define CONF_IF_ADDRS  4  /* addresses of one kind on an interface */
#define CONF_PORTS_MAX 16 /* DPDK ports */
#define CONF_IFS_MAX   64 /* interfaces; also the bound of media addresses in the dataplane */

enum conf_poll { CONF_POLL_ADAPTIVE, CONF_POLL_BUSY };
enum conf_trust { CONF_TRUST_UNTRUSTED, CONF_TRUST_PEERS_ONLY, CONF_TRUST_TRUSTED };
enum conf_nat { CONF_NAT_OFF, CONF_NAT_AUTO, CONF_NAT_REMOTE };
enum conf_transport { CONF_UDP, CONF_TCP, CONF_TLS, CONF_WS, CONF_WSS };
enum conf_tls_version { CONF_TLS_1_2, CONF_TLS_1_3 };
enum conf_client_auth { CONF_CLIENT_NONE, CONF_CLIENT_OPTIONAL, CONF_CLIENT_REQUIRED };

struct conf_system {
	struct str name, user_agent;   /* user_agent is empty for none */
	struct str run_dir, state_dir; /* where they are, whoever said so */
	bool run_dir_given,
		state_dir_given; /* the file says so, not the default or the environment */
	uint32_t shards;
};

/* A DPDK port: `name:` under dataplane.ports, or the one made by an interface's `port: auto`. */
struct conf_port {
	struct str name;
	struct str
		pci; /* one of pci and vdev is set; for auto, vdev is "net_tap,iface=rempart0" and so on */
	struct str vdev; /* as EAL takes it, with or without a number behind the driver's name */
	bool is_auto;
	uint32_t queues;
};

struct conf_dataplane {
	struct str lcores; /* empty: one worker, not pinned; else the one CPU's number */
	enum conf_poll poll;
	uint64_t huge_bytes;   /* one of the two is not 0 */
	uint64_t nohuge_bytes; /* default 256M */
	struct conf_port *port;
	size_t n_port;
};

struct conf_interface {
	struct str name;
	uint32_t index;
	struct conf_port *port;
	/* Media addresses, the dataplane's own, with their subnets. */
	struct addr address[CONF_IF_ADDRS];
	struct prefix subnet[CONF_IF_ADDRS];
	size_t n_address;
	struct addr sip_address[CONF_IF_ADDRS]; /* the kernel's */
	size_t n_sip_address;
	struct addr gateway[CONF_IF_ADDRS];
	size_t n_gateway;
	struct addr
		advertise; /* what SIP and SDP show in the place of our own address; unset: the address itself */
	uint8_t dscp_sip, dscp_rtp;
};

struct conf_media_pool {
	struct str name;
	struct conf_interface *interface;
	uint16_t port_first, port_last; /* inclusive */
	uint64_t quarantine_ms;
	uint32_t exhausted; /* SIP status, 503 */
};

struct conf_profile {
	struct str name;
	uint64_t timeout_rtp_ms;  /* media silence that ends a call */
	uint64_t timeout_hold_ms; /* the same while held */
};

struct conf_realm {
	struct str name;
	uint32_t index;
	struct conf_interface *interface;
	struct conf_media_pool *media_pool;
	struct conf_profile *profile; /* never NULL: the permissive default */
	enum conf_trust trust;
	enum conf_nat nat;
};

struct conf_listen {
	enum conf_transport transport;
	uint16_t port;
};

struct conf_tls;

/* A server name that clients may ask for (RFC 6066), "*.example.net" for any one label, and the set that answers for it. */
struct conf_sni {
	struct str name;
	struct conf_tls *tls;
};

/* A certificate and what is asked of the other side. Files were there when the configuration was read. */
struct conf_tls {
	struct str name;
	uint32_t index;
	struct str cert, key; /* PEM files: the chain, own certificate first, and its key */
	struct str ca;        /* PEM file or folder; empty: the system's */
	enum conf_tls_version min;
	enum conf_client_auth client_auth;
	struct conf_sni *sni;
	size_t n_sni;
	bool watch;
};

struct conf_listener {
	struct str name;
	struct conf_realm *realm;
	struct conf_tls *tls; /* never NULL where `on` has a tls port */
	struct conf_listen *on;
	size_t n_on;
};

struct conf_user {
	struct str name;
	struct secret password;
	struct str password_file,
		password_env; /* where it came from; both empty: written in the file */
};

struct conf_registrar {
	bool enabled;              /* the section is there */
	struct conf_realm **realm; /* where phones may register; at least one, no two alike */
	size_t n_realm;
	struct str *domain; /* none: every domain is ours */
	size_t n_domain;
	struct conf_user *user; /* sorted by name */
	size_t n_user;
	uint32_t max_contacts;
	uint64_t min_expires_ms;
};

struct conf_peer {
	struct str uri;   /* as written */
	struct str user;  /* of the URI, may be empty */
	struct addr addr; /* of the URI's host and port (when none 5060, with TLS 5061) */
	enum conf_transport transport;
	uint32_t priority, weight;
};

struct conf_trunk {
	struct str name;
	uint32_t index;
	struct conf_realm *realm;
	struct conf_profile *profile; /* the realm's unless given */
	struct conf_peer *peer;
	size_t n_peer;
	struct prefix *
		match_source; /* as written, then its peers' addresses; none when tls_san is all that is asked for */
	size_t n_match_source;
	struct str
		tls_san; /* what the peer's certificate must say, either way; empty: the URI's host when we connect */
};

enum conf_dest_type { CONF_TO_TRUNK, CONF_TO_REGISTRAR, CONF_TO_ECHO, CONF_TO_REJECT };

struct conf_route {
	struct str name;
	/* All given parts must match; an absent part matches all. */
	struct conf_realm *from_realm;
	struct conf_trunk *from_trunk;
	struct str *called; /* exact user parts; any of them */
	size_t n_called;
	struct str *called_prefix;
	size_t n_called_prefix;
	enum conf_dest_type to;
	struct conf_trunk *to_trunk;
	uint32_t reject; /* SIP status */
};

struct conf_observability {
	bool http_enabled;
	struct addr http;
	enum log_format log_format;
	enum log_level log_level;
};

struct conf {
	struct arena arena;
	struct str path;
	uint32_t version;
	struct conf_system system;
	struct conf_dataplane dataplane;
	struct conf_interface *interface;
	size_t n_interface;
	struct conf_media_pool *media_pool;
	size_t n_media_pool;
	struct conf_profile *profile;
	size_t n_profile;
	struct conf_realm *realm;
	size_t n_realm;
	struct conf_listener *listener;
	size_t n_listener;
	struct conf_tls *tls;
	size_t n_tls;
	struct conf_registrar registrar;
	struct conf_trunk *trunk;
	size_t n_trunk;
	struct conf_route *route;
	size_t n_route;
	struct conf_observability observability;
	struct conf_profile
		profile_default; /* of realms without one; permissive, not part of profile[] */
};

/* One finding; line and column count from 1; warnings do not fail the load. */
struct conf_error {
	struct str file;
	uint32_t line, column;
	bool warning;
	struct str text;
};

struct conf_errors {
	struct arena arena;
	struct conf_error *error;
	size_t n, cap;
	size_t n_fatal;
	size_t n_dropped; /* counted, not kept: over a thousand of them */
	bool nomem;       /* there was no memory for one */
};

void conf_errors_init(struct conf_errors *e);
void conf_errors_free(struct conf_errors *e);
/* "FILE:LINE:COLUMN: error: text" or "... warning: ...", one line each, in the file's order. */
void conf_errors_print(const struct conf_errors *e, FILE *out);

/* Reads, parses and checks the file; on any error *out is not written, ERR_SYNTAX comes back and errors holds all of them
 * (a file that cannot be read is one of them). ERR_NOMEM: no memory; errors may be empty. errors must have been
 * initialised; it may hold warnings after success. RUNTIME_DIRECTORY and STATE_DIRECTORY (systemd) take the place of
 * system.run_dir and system.state_dir where the file does not set them. */
int conf_load(const char *path, struct conf **out, struct conf_errors *errors) MUST_CHECK;
/* The same from a text; path names the file in messages and anchors relative paths. */
int conf_load_text(const char *path, struct str text, struct conf **out,
		   struct conf_errors *errors) MUST_CHECK;
/* What the programs' arguments ask for: the text behind fd when there is one (`--config-fd`, the parent's sealed copy; not
 * closed, its offset not moved; warnings are dropped, the parent has printed them), else the file. */
int conf_load_args(const char *path, int fd, struct conf **out,
		   struct conf_errors *errors) MUST_CHECK;
/* Reads the whole file (fd < 0) or descriptor into *text, at most 4 MiB; mem_free(). errno says why on ERR_IO. */
int conf_read_text(const char *path, int fd, char **text, size_t *len) MUST_CHECK;
/* Wipes the secrets. NULL is fine. */
void conf_free(struct conf *c);

/* The effective configuration, defaults filled in, as YAML that loads again to the same. Secrets stand as their {file} or
 * {env}; one written in the file as '***', which is all that does not come back. b->overflow says it did not fit. */
void conf_dump(const struct conf *c, struct buf *b);
/* docs/CONFIG.md, made from the schema table. */
void conf_dump_schema(struct buf *b);

/* Look-ups by name; NULL when there is none. */
struct conf_realm *conf_realm(const struct conf *c, struct str name);
struct conf_trunk *conf_trunk(const struct conf *c, struct str name);

#endif
