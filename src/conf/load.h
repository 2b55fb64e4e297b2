/* What the parts of the loader share during one load: the tree, the configuration being filled, references to be resolved
 * when all names are known. One thread; for this library only. */
#ifndef REMPART_CONF_LOAD_H
#define REMPART_CONF_LOAD_H

#include "conf/node.h"
#include "conf/schema.h"

/* A name that stood where a named thing is wanted. */
struct conf_ref {
	struct conf_ref *next;
	enum conf_kind kind;
	struct str name;
	const struct node *at;
	void *slot;   /* pointer to be set */
	bool is_auto; /* `port: auto` */
};

struct loader {
	struct conf *c;
	struct conf_errors *errors;
	struct arena tmp; /* the tree and the references; dies with the load */
	const struct node *root;
	struct conf_ref *ref, **ref_end;
	bool nomem;
	max_align_t nowhere; /* takes the values that change nothing */
};

/* Errors and warnings at a node; at its key for those about a named thing. */
void conf_fail(struct loader *l, const struct node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conf_fail_key(struct loader *l, const struct node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conf_warn(struct loader *l, const struct node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Memory of the configuration; sets l->nomem. */
void *conf_alloc(struct loader *l, size_t len_bytes);
struct str conf_keep(struct loader *l, struct str s);
void conf_ref_add(struct loader *l, enum conf_kind kind, struct str name, const struct node *at,
		  void *slot, bool is_auto);

/* Reads one value of the row's type into base + row->at; false when it was wrong (reported) or there is no memory. */
bool conf_read(struct loader *l, const struct conf_row *row, const struct node *n, void *base);
/* In the documentation: "duration", "number", ... and the unit where the row has none. */
const char *conf_type_text(enum conf_type type);
const char *conf_type_unit(enum conf_type type);
/* Prints one value as YAML; false, and nothing printed, when it is not set. */
bool conf_print(const struct conf *c, const struct conf_row *row, const void *base, struct buf *b);
void conf_print_text(struct buf *b, struct str s);

/* Makes the ports of `auto`, then turns every reference into a pointer. */
void conf_resolve(struct loader *l);
/* Fills in what follows from other settings. */
void conf_finish(struct loader *l);
/* Everything that one value alone cannot tell. */
void conf_check(struct loader *l);

/* The named thing of a kind, NULL when there is none. */
void *conf_named(const struct conf *c, enum conf_kind kind, struct str name);

#endif
