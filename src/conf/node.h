/* The configuration text as a small tree with positions: what yaml.c makes of libyaml's events and the loader walks.
 * Everything lives in the arena given; read-only after node_parse(). One thread. */
#ifndef REMPART_CONF_NODE_H
#define REMPART_CONF_NODE_H

#include <stdarg.h>

#include "base/mem.h"
#include "conf/conf.h"

#define NODE_TEXT_MAX  (4U << 20) /* bytes of a configuration */
#define NODE_DEPTH_MAX 16
#define NODE_COUNT_MAX 200000

enum node_kind { NODE_SCALAR, NODE_MAP, NODE_LIST };

struct node {
	enum node_kind kind;
	bool bad; /* an error about it was reported; readers pass it over */
	uint32_t line, column;
	struct str text; /* of a scalar; the schema gives it a type, not YAML */
	struct str key;  /* in a map */
	uint32_t key_line, key_column;
	struct node *first, *last, *next;
	size_t n; /* children */
};

/* Parses one YAML document without anchors, aliases and tags, keys unique. Findings go to errors under the file's name;
 * *root is NULL when there is nothing to walk. ERR_NOMEM, ERR_SYNTAX (errors has why), else 0 though errors may hold
 * findings about single nodes. */
int node_parse(struct arena *a, struct str file, struct str text, struct node **root,
	       struct conf_errors *errors) MUST_CHECK;
/* Child by key of a map, by place of a list or map; NULL when absent. n may be NULL. */
const struct node *node_get(const struct node *n, const char *key);
const struct node *node_item(const struct node *n, size_t i);
const char *node_kind_text(const struct node *n);

/* Appends a finding; n->nomem is set when there is no memory for it. For this library only. */
void conf_errors_add(struct conf_errors *e, struct str file, uint32_t line, uint32_t column,
		     bool warning, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void conf_errors_addv(struct conf_errors *e, struct str file, uint32_t line, uint32_t column,
		      bool warning, const char *fmt, va_list ap)
	__attribute__((format(printf, 6, 0)));
/* Puts the findings into the file's order. */
void conf_errors_sort(struct conf_errors *e);

/* printf("'%.*s'", NODE_CUT(text)): what stands in the file may be long. */
#define NODE_CUT(s) (int)((s).len > 80 ? 80 : (s).len), (s).p

#endif
