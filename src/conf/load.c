/* The loader: reads the file, lets yaml.c make a tree of it, walks the tree and the schema side by side and fills struct
 * conf by the rows' offsets. It goes on after an error, so that the operator sees all of them. Called once by each program
 * at its start, on the main thread. */
#include "conf/load.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void read_section(struct loader *l, const struct conf_row *row, const struct node *n,
			 void *base);
static void fill_defaults(struct loader *l, const struct conf_row *row, const struct node *n,
			  void *base);

void conf_fail(struct loader *l, const struct node *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	conf_errors_addv(l->errors, l->c->path, n->line, n->column, false, fmt, ap);
	va_end(ap);
}

void conf_fail_key(struct loader *l, const struct node *n, const char *fmt, ...)
{
	bool keyed = n->key.p != NULL;
	va_list ap;

	va_start(ap, fmt);
	conf_errors_addv(l->errors, l->c->path, keyed ? n->key_line : n->line,
			 keyed ? n->key_column : n->column, false, fmt, ap);
	va_end(ap);
}

void conf_warn(struct loader *l, const struct node *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	conf_errors_addv(l->errors, l->c->path, n->line, n->column, true, fmt, ap);
	va_end(ap);
}

void *conf_alloc(struct loader *l, size_t len_bytes)
{
	void *p = arena_alloc(&l->c->arena, len_bytes);

	if (!p)
		l->nomem = true;
	return p;
}

struct str conf_keep(struct loader *l, struct str s)
{
	struct str kept = arena_str(&l->c->arena, s);

	if (!kept.p)
		l->nomem = true;
	return kept;
}

void conf_ref_add(struct loader *l, enum conf_kind kind, struct str name, const struct node *at,
		  void *slot, bool is_auto)
{
	struct conf_ref *r = arena_new(&l->tmp, struct conf_ref);

	if (!r) {
		l->nomem = true;
		return;
	}
	*r = (struct conf_ref){
		.kind = kind, .name = name, .at = at, .slot = slot, .is_auto = is_auto};
	*l->ref_end = r;
	l->ref_end = &r->next;
}

static void unknown_key(struct loader *l, const struct conf_row *parent, const struct node *n)
{
	unsigned best = n->key.len < 4 ? 2 : n->key.len < 9 ? 3 : 4, d;
	const char *near = NULL;

	for (size_t i = 0; i < n_schema; i++) {
		const char *name = schema_name(parent, &schema[i]);

		if (!name || strchr(name, '*'))
			continue;
		d = str_distance(n->key, str_c(name), best);
		if (d < best) {
			best = d;
			near = name;
		}
	}
	if (near)
		conf_fail_key(l, n, "unknown key '%.*s'; did you mean '%s'", NODE_CUT(n->key),
			      near);
	else
		conf_fail_key(l, n, "unknown key '%.*s'", NODE_CUT(n->key));
}

static bool wants(struct loader *l, const struct conf_row *row, const struct node *n,
		  enum node_kind kind)
{
	if (n->bad)
		return false;
	if (n->kind == kind)
		return true;
	if (n->key.p)
		conf_fail(l, n, "%.*s: expected %s, not %s", NODE_CUT(n->key),
			  node_kind_text(&(struct node){.kind = kind}), node_kind_text(n));
	else
		conf_fail(l, n, "expected %s, not %s", node_kind_text(&(struct node){.kind = kind}),
			  node_kind_text(n));
	(void)row;
	return false;
}

/* Names end up in logs, URLs and "realm/NAME". */
static bool name_fits(struct loader *l, const struct node *n)
{
	bool ok = n->key.len >= 1 && n->key.len <= 64;

	for (size_t i = 0; ok && i < n->key.len; i++)
		ok = n->key.p[i] > ' ' && n->key.p[i] < 0x7f && !strchr("/@:;,<>\"\\", n->key.p[i]);
	if (!ok)
		conf_fail_key(l, n,
			      "'%.*s' is not a name: 1 to 64 letters, digits and simple signs",
			      NODE_CUT(n->key));
	return ok;
}

/* An array of structs for the children of a NAMED or LIST. */
static void read_array(struct loader *l, const struct conf_row *row, const struct node *n,
		       void *base)
{
	const struct conf_row *entry = row->type == CONF_NAMED ? schema_entry(row) : NULL;
	char *element;

	if (!wants(l, row, n, row->type == CONF_NAMED ? NODE_MAP : NODE_LIST))
		return;
	element = conf_alloc(l, n->n * row->size);
	if (!element)
		return;
	*(void **)(void *)((char *)base + row->at) = element;
	*(size_t *)(void *)((char *)base + row->count) = n->n;
	for (const struct node *k = n->first; k && !l->nomem; k = k->next, element += row->size) {
		if (row->type == CONF_NAMED) {
			*(struct str *)(void *)element = conf_keep(l, k->key);
			if (!name_fits(l, k))
				continue;
		}
		if (entry)
			conf_read(l, entry, k, element);
		else
			read_section(l, row, k, element);
	}
}

static void read_row(struct loader *l, const struct conf_row *row, const struct node *n, void *base)
{
	switch (row->type) {
	case CONF_SECTION:
		if (row->count)
			*(bool *)((char *)base + row->count) = true;
		read_section(l, row, n, base);
		return;
	case CONF_NAMED:
	case CONF_LIST:
		read_array(l, row, n, base);
		return;
	default:
		conf_read(l, row, n, base);
	}
}

/* The settings of one map; row is its section, or the NAMED or LIST whose element it is. */
static void read_section(struct loader *l, const struct conf_row *row, const struct node *n,
			 void *base)
{
	const struct conf_row *child;

	if (!wants(l, row, n, NODE_MAP))
		return;
	for (const struct node *k = n->first; k && !l->nomem; k = k->next) {
		child = schema_child(row, k->key);
		if (!child)
			unknown_key(l, row, k);
		else if (!child->supported)
			conf_fail_key(l, k, "'%.*s' is not supported yet", NODE_CUT(k->key));
		else
			read_row(l, child, k, base);
	}
	fill_defaults(l, row, n, base);
}

static void missing(struct loader *l, const struct node *n, const char *name)
{
	if (n->key.p)
		conf_fail_key(l, n, "'%s' is missing in '%.*s'", name, NODE_CUT(n->key));
	else
		conf_fail_key(l, n, "'%s' is missing", name);
}

/* What the map n does not say; n is NULL when the section is not there at all. */
static void fill_defaults(struct loader *l, const struct conf_row *row, const struct node *n,
			  void *base)
{
	for (size_t i = 0; i < n_schema && !l->nomem; i++) {
		const struct conf_row *child = &schema[i];
		const char *name = schema_name(row, child);

		if (!name || !child->supported || node_get(n, name))
			continue;
		if (child->type == CONF_SECTION) {
			fill_defaults(l, child, NULL, base);
		} else if (child->required && n) {
			missing(l, n, name);
		} else if (child->def) {
			struct node text = {.text = str_c(child->def),
					    .line = n ? n->line : 1,
					    .column = n ? n->column : 1};

			conf_read(l, child, &text, base);
		}
	}
}

static int by_name(const void *a, const void *b)
{
	const struct conf_user *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static void load_tree(struct loader *l)
{
	struct conf *c = l->c;

	read_section(l, &schema_root, l->root, c);
	c->profile_default.name = STR("default");
	fill_defaults(l, schema_find("profiles"), NULL, &c->profile_default);
	if (!l->nomem)
		conf_resolve(l);
	if (!l->nomem)
		conf_finish(l);
	if (!l->nomem)
		conf_check(l);
	if (c->registrar.n_user > 1) /* only now: the checks go by the file's order */
		qsort(c->registrar.user, c->registrar.n_user, sizeof(*c->registrar.user), by_name);
}

static int load_into(struct conf *c, struct str path, struct str text, struct conf_errors *errors)
{
	struct loader l = {.c = c, .errors = errors};
	struct node *root;
	int err;

	l.ref_end = &l.ref;
	c->path = arena_str(&c->arena, path);
	if (!c->path.p)
		return ERR_NOMEM;
	arena_init(&l.tmp, 64 * 1024, 256U << 20);
	err = node_parse(&l.tmp, c->path, text, &root, errors);
	if (!err) {
		l.root = root;
		load_tree(&l);
	}
	arena_free(&l.tmp);
	conf_errors_sort(errors);
	if (err == ERR_NOMEM || l.nomem || errors->nomem)
		return ERR_NOMEM;
	return err || errors->n_fatal ? ERR_SYNTAX : 0;
}

int conf_load_text(const char *path, struct str text, struct conf **out, struct conf_errors *errors)
{
	struct conf *c = mem_alloc(sizeof(*c));
	int err;

	if (!c)
		return ERR_NOMEM;
	arena_init(&c->arena, 16 * 1024, 256U << 20);
	err = load_into(c, str_c(path), text, errors);
	if (err) {
		conf_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->registrar.n_user; i++)
		secret_wipe(&c->registrar.user[i].password);
	arena_free(&c->arena);
	mem_free(c);
}

/* Everything from offset 0 on, where the descriptor has offsets, so that a copy shared with other programs reads the
 * same for each of them. */
static int slurp(int fd, bool seekable, char **text, size_t *len)
{
	size_t cap = 64 * 1024, n = 0;
	char *p = mem_alloc(cap), *bigger;
	ssize_t got = 1;

	while (p && got && n <= NODE_TEXT_MAX) {
		if (n == cap) {
			bigger = mem_realloc(p, cap * 2);
			if (!bigger) {
				mem_free(p);
				return ERR_NOMEM;
			}
			p = bigger;
			cap *= 2;
		}
		got = seekable ? pread(fd, p + n, cap - n, (off_t)n) : read(fd, p + n, cap - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			mem_free(p);
			return ERR_IO;
		}
		n += (size_t)got;
	}
	if (!p)
		return ERR_NOMEM;
	*text = p;
	*len = n;
	return 0;
}

int conf_read_text(const char *path, int fd, char **text, size_t *len)
{
	int own = -1, err, saved;

	if (fd < 0) {
		own = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (own < 0)
			return ERR_IO;
		fd = own;
	}
	err = slurp(fd, lseek(fd, 0, SEEK_CUR) >= 0, text, len);
	saved = errno;
	if (own >= 0)
		close(own);
	errno = saved;
	return err;
}

static void drop_warnings(struct conf_errors *e)
{
	size_t kept = 0;

	for (size_t i = 0; i < e->n; i++)
		if (!e->error[i].warning)
			e->error[kept++] = e->error[i];
	e->n = kept;
}

int conf_load_args(const char *path, int fd, struct conf **out, struct conf_errors *errors)
{
	char *text;
	size_t len;
	int err = conf_read_text(path, fd, &text, &len);

	if (err == ERR_IO) {
		conf_errors_add(errors, str_c(path), 0, 0, false, "cannot read it: %s",
				strerror(errno));
		return errors->nomem ? ERR_NOMEM : ERR_SYNTAX;
	}
	if (err)
		return err;
	err = conf_load_text(path, str_n(text, len), out, errors);
	secret_zero(text, len);
	mem_free(text);
	if (fd >= 0)
		drop_warnings(errors);
	return err;
}

int conf_load(const char *path, struct conf **out, struct conf_errors *errors)
{
	return conf_load_args(path, -1, out, errors);
}
