/* Readers of what calls go by: references to named things, sources and destinations of routes, peers' URIs, and users'
 * secrets. A secret that stands in the file is wiped from the tree once it is kept. References are only noted; resolve.c
 * makes pointers of them when all names are known. Main thread, at load; see read.h. */
#include "conf/read.h"

#include <sys/stat.h>

#include "conf/peer.h"

bool read_ref(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!read_is_scalar(l, row, n) || !read_text_fits(l, row, n))
		return false;
	conf_ref_add(l, row->kind, n->text, n, at,
		     row->type == CONF_IF_PORT && str_eq(n->text, STR("auto")));
	return !l->nomem;
}

bool read_refs(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	void ***out = at, **slot;
	bool ok = true;
	size_t i = 0;

	if (read_no_items(l, row, n))
		return false;
	slot = conf_alloc(l, read_count(n) * sizeof(*slot));
	if (!slot)
		return false;
	for (const struct node *k = read_first(n); k; k = read_next(n, k), i++)
		ok = read_ref(l, row, k, &slot[i]) && ok;
	*out = slot;
	return ok;
}

/* What keeps a file from being a secret, in the words of whoever has to mend it. */
static const char *secret_why(int err, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return "it is a folder";
	switch (err) {
	case ERR_NOENT:
		return "there is no such file";
	case ERR_SYNTAX:
		return "its first line is empty";
	case ERR_LIMIT:
		return "its first line is too long";
	default:
		return err_text(err);
	}
}

static bool read_password_from(struct loader *l, const struct node *n, struct conf_user *u)
{
	const struct node *from = n->first;
	int err;

	if (n->n == 1 && str_eq(from->key, STR("file")) && from->kind == NODE_SCALAR) {
		if (!read_keep_path(l, from->text, &u->password_file)) {
			if (!l->nomem)
				conf_fail(l, from, "the path is too long");
			return false;
		}
		err = secret_from_file(&u->password, u->password_file.p);
		if (err && err != ERR_NOMEM)
			conf_fail(l, from, "cannot take a secret from %.*s: %s",
				  NODE_CUT(u->password_file), secret_why(err, u->password_file.p));
	} else if (n->n == 1 && str_eq(from->key, STR("env")) && from->kind == NODE_SCALAR) {
		u->password_env = conf_keep(l, from->text);
		if (l->nomem)
			return false;
		err = secret_from_env(&u->password, u->password_env.p);
		if (err && err != ERR_NOMEM)
			conf_fail(l, from, "environment variable %.*s is not set",
				  NODE_CUT(u->password_env));
	} else {
		conf_fail(l, n, "expected a secret: {file: PATH} or {env: NAME}");
		return false;
	}
	l->nomem = l->nomem || err == ERR_NOMEM;
	return err == 0;
}

bool read_password(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct conf_user *u = at;
	int err;

	if (n->kind == NODE_MAP)
		return read_password_from(l, n, u);
	if (n->kind == NODE_LIST || str_empty(n->text)) {
		conf_fail(l, n, "expected a secret: {file: PATH} or {env: NAME}");
		return false;
	}
	if (!read_text_fits(l, row, n))
		return false;
	conf_warn(l, n,
		  "the secret of '%.*s' stands in this file; {file: PATH} or {env: NAME} keeps it "
		  "out",
		  NODE_CUT(n->key));
	err = secret_set(&u->password, n->text);
	l->nomem = l->nomem || err == ERR_NOMEM;
	secret_zero((void *)(uintptr_t)n->text.p, n->text.len); /* the tree's copy */
	return err == 0;
}

bool read_peer_uri(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct conf_peer *p = at;
	const char *why;

	if (!read_is_scalar(l, row, n) || !read_text_fits(l, row, n))
		return false;
	why = conf_peer_parse(n->text, p);
	if (why) {
		conf_fail(l, n, "%s: '%.*s': %s", read_label(row), NODE_CUT(n->text), why);
		return false;
	}
	p->uri = conf_keep(l, p->uri);
	p->user = conf_keep(l, p->user);
	return !l->nomem;
}

bool read_from(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct conf_route *r = at;
	struct str name = n->text, kind = str_cut(&name, '/');

	if (!read_is_scalar(l, row, n))
		return false;
	if (str_eq(kind, STR("realm")) && !str_empty(name))
		conf_ref_add(l, KIND_REALM, name, n, &r->from_realm, false);
	else if (str_eq(kind, STR("trunk")) && !str_empty(name))
		conf_ref_add(l, KIND_TRUNK, name, n, &r->from_trunk, false);
	else
		return read_bad(l, row, n, "realm/NAME or trunk/NAME");
	return !l->nomem;
}

bool read_to(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct conf_route *r = at;
	struct str name, kind;

	if (read_no_items(l, row, n))
		return false;
	if (read_count(n) > 1) {
		conf_fail(l, n, "%s: more than one destination is not supported yet",
			  read_label(row));
		return false;
	}
	n = read_first(n);
	if (!read_is_scalar(l, row, n))
		return false;
	name = n->text;
	kind = str_cut(&name, '/');
	if (str_eq(n->text, STR("registrar"))) {
		r->to = CONF_TO_REGISTRAR;
	} else if (str_eq(n->text, STR("media/echo"))) {
		r->to = CONF_TO_ECHO;
	} else if (str_eq(kind, STR("trunk")) && !str_empty(name)) {
		r->to = CONF_TO_TRUNK;
		conf_ref_add(l, KIND_TRUNK, name, n, &r->to_trunk, false);
	} else {
		return read_bad(l, row, n, "trunk/NAME, registrar or media/echo");
	}
	return !l->nomem;
}
