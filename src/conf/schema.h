/* The schema: one row per setting, the only place where a setting is declared. Loading, error messages, defaults, the
 * dump and docs/CONFIG.md are all made from it. Constant; any thread. For this library only.
 *
 * A row's path says where it stands: "realms.*.trust" is `trust` in each of the named things under `realms`,
 * "routing[].to" is `to` in each item of the list `routing`, "registrar.users.*" is the value itself behind each name. */
#ifndef REMPART_CONF_SCHEMA_H
#define REMPART_CONF_SCHEMA_H

#include "conf/conf.h"

enum conf_type {
	CONF_SECTION,  /* a map of settings */
	CONF_NAMED,    /* a map by name: an array of structs whose first member is the name */
	CONF_LIST,     /* a list of maps: an array of structs */
	CONF_STRING,   /* struct str */
	CONF_STRINGS,  /* one or a list: struct str *, count */
	CONF_PATH,     /* struct str, made absolute or relative to the file's folder */
	CONF_FILE,     /* the same, of a file that can be read */
	CONF_KEY_FILE, /* the same, as {file: PATH} */
	CONF_CA,       /* the same, a folder is fine; `system`: empty */
	CONF_NUMBER,   /* uint32_t */
	CONF_BOOL,     /* bool */
	CONF_DURATION, /* uint64_t, milliseconds */
	CONF_SIZE,     /* uint64_t, bytes */
	CONF_PERCENT,  /* uint32_t */
	CONF_RATE,     /* struct rate */
	CONF_CHOICE,   /* int: an enum's value */
	CONF_CPU,      /* struct str: one CPU number */
	CONF_DSCP,     /* uint8_t */
	CONF_PORTS,    /* uint16_t first, last */
	CONF_HOSTPORT, /* struct addr */
	CONF_ADDR,     /* struct addr */
	CONF_ADDRS,    /* one or a list: struct addr[CONF_IF_ADDRS], count */
	CONF_SUBNETS,  /* the same with "/24": struct conf_interface, address and subnet */
	CONF_PREFIXES, /* one or a list: struct prefix *, count */
	CONF_LISTEN,   /* "udp:5060", one or a list: struct conf_listen *, count */
	CONF_PCI,      /* struct str */
	CONF_VDEV,     /* struct str */
	CONF_REF,      /* pointer to a named thing of the row's kind */
	CONF_REFS,     /* one or a list: an array of such pointers, count */
	CONF_IF_PORT,  /* the same for ports, or `auto` */
	CONF_PASSWORD, /* struct conf_user: {file}, {env} or the password itself */
	CONF_PEER_URI, /* struct conf_peer */
	CONF_FROM,     /* struct conf_route: realm/NAME or trunk/NAME */
	CONF_TO,       /* struct conf_route: one destination */
	CONF_TYPES
};

enum conf_kind {
	KIND_INTERFACE,
	KIND_REALM,
	KIND_POOL,
	KIND_PROFILE,
	KIND_TRUNK,
	KIND_PORT,
	KIND_TLS,
	KINDS
};

struct conf_choice {
	const char *name; /* NULL ends the list */
	int value;
};

struct conf_row {
	const char *path;
	enum conf_type type;
	bool supported;
	bool required;     /* where its section is there */
	bool reload;       /* a reload will take a change over */
	const char *only;  /* the one value whose feature exists so far */
	uint64_t min, max; /* numbers, durations, sizes; string length; max 0: the type's own */
	const char *def, *unit, *help;
	const struct conf_choice *choice;
	enum conf_kind kind;
	size_t at; /* in the struct of the section, CONF_NOWHERE for a value that changes nothing */
	size_t count; /* lists and NAMED: where the count is; SECTION: a bool that says it is there */
	size_t size; /* lists and NAMED: of one element */
};

#define CONF_NOWHERE SIZE_MAX

extern const struct conf_row schema[];
extern const size_t n_schema;
extern const struct conf_row schema_root;

/* A row's name within its parent; NULL when it is not directly under it. */
const char *schema_name(const struct conf_row *parent, const struct conf_row *row);
const struct conf_row *schema_child(const struct conf_row *parent, struct str name);
/* The row that a NAMED's names lead to, where that is a value and not a section; NULL for a section. */
const struct conf_row *schema_entry(const struct conf_row *named);
const struct conf_row *schema_find(const char *path);

/* How a kind is called, where its things are declared, and where they are in struct conf. */
struct conf_kind_desc {
	const char *noun, *section, *subsection;
	size_t at, count, size;
};
extern const struct conf_kind_desc conf_kinds[KINDS];

#endif
