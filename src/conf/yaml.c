/* YAML to tree. libyaml's event parser does the reading; this file keeps of YAML what a configuration needs: maps, lists,
 * scalars, one document. Anchors, aliases and tags are refused (no billion laughs, no types chosen by the text), size,
 * depth and node count are bounded, and a key may stand in a map only once. Runs in whichever program loads the
 * configuration, on its main thread. The only file that knows libyaml. */
#include "conf/node.h"

#include <yaml.h>

struct frame {
	struct node *node;
	bool have_key;
	struct str key;
	uint32_t key_line, key_column;
};

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	struct conf_errors *errors;
	struct str file, text;
	struct node *root;
	struct frame stack[NODE_DEPTH_MAX];
	size_t depth, count;
	int err; /* stops the loop */
	bool done;
	uint32_t documents;
};

static uint32_t place(size_t zero_based)
{
	return zero_based >= UINT32_MAX ? UINT32_MAX : (uint32_t)zero_based + 1;
}

static void complain(struct reader *r, yaml_mark_t at, const char *text)
{
	conf_errors_add(r->errors, r->file, place(at.line), place(at.column), false, "%s", text);
}

static void stop(struct reader *r, yaml_mark_t at, const char *text)
{
	complain(r, at, text);
	r->err = ERR_SYNTAX;
}

static struct node *new_node(struct reader *r, yaml_mark_t at, enum node_kind kind)
{
	struct node *n;

	if (++r->count > NODE_COUNT_MAX) {
		stop(r, at, "more than 200000 values in one file");
		return NULL;
	}
	n = arena_new(r->arena, struct node);
	if (!n) {
		r->err = ERR_NOMEM;
		return NULL;
	}
	n->kind = kind;
	n->line = place(at.line);
	n->column = place(at.column);
	return n;
}

/* Hangs n under the innermost open collection. */
static void attach(struct reader *r, struct node *n)
{
	struct frame *f;

	if (r->depth == 0) {
		r->root = n;
		return;
	}
	f = &r->stack[r->depth - 1];
	if (f->node->kind == NODE_MAP) {
		n->key = f->key;
		n->key_line = f->key_line;
		n->key_column = f->key_column;
		f->have_key = false;
	}
	if (f->node->last)
		f->node->last->next = n;
	else
		f->node->first = n;
	f->node->last = n;
	f->node->n++;
}

static bool wants_key(const struct reader *r)
{
	return r->depth > 0 && r->stack[r->depth - 1].node->kind == NODE_MAP &&
	       !r->stack[r->depth - 1].have_key;
}

static void open_collection(struct reader *r, const yaml_event_t *ev, enum node_kind kind,
			    bool decorated)
{
	struct node *n;

	if (wants_key(r)) {
		stop(r, ev->start_mark, "a key must be a plain word, not a map or list");
		return;
	}
	if (r->depth == NODE_DEPTH_MAX) {
		stop(r, ev->start_mark, "nested deeper than 16 levels");
		return;
	}
	if (decorated)
		complain(r, ev->start_mark, "anchors and tags are not allowed");
	n = new_node(r, ev->start_mark, kind);
	if (!n)
		return;
	n->bad = decorated;
	attach(r, n);
	r->stack[r->depth++] = (struct frame){.node = n};
}

static int by_key(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a;
	const struct node *y = *(const struct node *const *)b;
	int c = str_cmp(x->key, y->key);

	if (c)
		return c;
	if (x->key_line != y->key_line)
		return x->key_line < y->key_line ? -1 : 1;
	return x->key_column < y->key_column ? -1 : x->key_column > y->key_column;
}

/* Reports keys that stand twice and takes the later ones out of the map. */
static void refuse_twins(struct reader *r, struct node *map)
{
	struct node **sorted, *keep = NULL, *next;
	size_t i = 0, first = 0;

	if (map->n < 2)
		return;
	sorted = mem_alloc(map->n * sizeof(struct node *));
	if (!sorted) {
		r->err = ERR_NOMEM;
		return;
	}
	for (struct node *n = map->first; n; n = n->next)
		sorted[i++] = n;
	qsort(sorted, map->n, sizeof(struct node *), by_key);
	for (i = 1; i < map->n; i++) {
		if (!str_eq(sorted[i]->key, sorted[first]->key)) {
			first = i;
			continue;
		}
		conf_errors_add(r->errors, r->file, sorted[i]->key_line, sorted[i]->key_column,
				false, "'%.*s' stands here twice (first on line %u)",
				NODE_CUT(sorted[i]->key), sorted[first]->key_line);
		sorted[i]->key_line = 0; /* to go */
	}
	mem_free(sorted);
	map->n = 0;
	for (struct node *n = map->first; n; n = next) {
		next = n->next;
		if (n->key_line == 0)
			continue;
		if (keep)
			keep->next = n;
		else
			map->first = n;
		keep = n;
		map->n++;
	}
	if (keep) /* always: the first of twins stays */
		keep->next = NULL;
	map->last = keep;
}

static void close_collection(struct reader *r)
{
	struct node *n = r->stack[--r->depth].node;

	if (n->kind == NODE_MAP)
		refuse_twins(r, n);
}

static void scalar(struct reader *r, const yaml_event_t *ev)
{
	struct str text = str_n(ev->data.scalar.value, ev->data.scalar.length);
	bool decorated = ev->data.scalar.anchor || ev->data.scalar.tag;
	bool bad = decorated || !str_printable(text);
	struct frame *f;
	struct node *n;

	if (decorated)
		complain(r, ev->start_mark, "anchors and tags are not allowed");
	else if (bad)
		complain(r, ev->start_mark, "control character in a value");
	text = arena_str(r->arena, bad ? STR("?") : text);
	if (!text.p) {
		r->err = ERR_NOMEM;
		return;
	}
	if (wants_key(r)) {
		f = &r->stack[r->depth - 1];
		f->key = text;
		f->key_line = place(ev->start_mark.line);
		f->key_column = place(ev->start_mark.column);
		f->have_key = true;
		return;
	}
	n = new_node(r, ev->start_mark, NODE_SCALAR);
	if (!n)
		return;
	n->text = text;
	n->bad = bad;
	attach(r, n);
}

static void alias(struct reader *r, const yaml_event_t *ev)
{
	stop(r, ev->start_mark, "aliases are not allowed");
}

static void event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->documents++)
			stop(r, ev->start_mark, "a second document; one file holds one");
		return;
	case YAML_MAPPING_START_EVENT:
		open_collection(r, ev, NODE_MAP,
				ev->data.mapping_start.anchor || ev->data.mapping_start.tag);
		return;
	case YAML_SEQUENCE_START_EVENT:
		open_collection(r, ev, NODE_LIST,
				ev->data.sequence_start.anchor || ev->data.sequence_start.tag);
		return;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		close_collection(r);
		return;
	case YAML_SCALAR_EVENT:
		scalar(r, ev);
		return;
	case YAML_ALIAS_EVENT:
		alias(r, ev);
		return;
	case YAML_STREAM_END_EVENT:
		r->done = true;
		return;
	default:
		return;
	}
}

static yaml_mark_t mark_of(struct str text, size_t offset)
{
	yaml_mark_t at = {0};

	for (size_t i = 0; i < offset && i < text.len; i++) {
		at.column = text.p[i] == '\n' ? 0 : at.column + 1;
		at.line += text.p[i] == '\n';
	}
	return at;
}

/* Whether the line has a tab among the blanks that it begins with: YAML indents with spaces alone, and libyaml's words
 * for it help nobody. */
static bool begins_with_tab(struct str text, size_t line)
{
	while (line--)
		str_cut(&text, '\n');
	while (str_starts(text, STR(" ")))
		text = str_from(text, 1);
	return str_starts(text, STR("\t"));
}

/* libyaml's own words, at the place of the problem. */
static void syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "not readable as YAML";
	yaml_mark_t at = p->problem_mark;

	r->err = ERR_SYNTAX;
	if (p->error == YAML_MEMORY_ERROR) {
		r->err = ERR_NOMEM;
		return;
	}
	if (p->error == YAML_READER_ERROR) /* it has an offset only */
		at = mark_of(r->text, p->problem_offset);
	if (p->error == YAML_SCANNER_ERROR && begins_with_tab(r->text, at.line)) {
		conf_errors_add(r->errors, r->file, place(at.line), 1, false,
				"a line cannot begin with a tab, use spaces");
		return;
	}
	conf_errors_add(r->errors, r->file, place(at.line), place(at.column), false, "YAML: %s%s%s",
			problem, p->context ? " " : "", p->context ? p->context : "");
}

int node_parse(struct arena *a, struct str file, struct str text, struct node **root,
	       struct conf_errors *errors)
{
	struct reader r = {.arena = a, .errors = errors, .file = file, .text = text};
	yaml_event_t ev;

	if (text.len > NODE_TEXT_MAX) {
		conf_errors_add(errors, file, 1, 1, false, "larger than 4 MiB");
		return ERR_SYNTAX;
	}
	/* The mark that editors of another system put in front; libyaml takes it for text when told the encoding. */
	if (str_starts(text, STR("\357\273\277")))
		r.text = text = str_from(text, 3);
	if (!yaml_parser_initialize(&r.parser))
		return ERR_NOMEM;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.len);
	while (!r.done && !r.err) {
		if (!yaml_parser_parse(&r.parser, &ev)) {
			syntax(&r);
			break;
		}
		event(&r, &ev);
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&r.parser);
	if (r.err)
		return r.err;
	if (!r.root) {
		conf_errors_add(errors, file, 1, 1, false, "the file is empty");
		return ERR_SYNTAX;
	}
	*root = r.root;
	return 0;
}

const struct node *node_get(const struct node *n, const char *key)
{
	if (!n || n->kind != NODE_MAP)
		return NULL;
	for (const struct node *c = n->first; c; c = c->next)
		if (str_eq(c->key, str_c(key)))
			return c;
	return NULL;
}

const struct node *node_item(const struct node *n, size_t i)
{
	const struct node *c = n ? n->first : NULL;

	while (c && i--)
		c = c->next;
	return c;
}

const char *node_kind_text(const struct node *n)
{
	static const char *const text[] = {
		[NODE_SCALAR] = "a single value",
		[NODE_MAP] = "a map",
		[NODE_LIST] = "a list",
	};

	return text[n->kind];
}
