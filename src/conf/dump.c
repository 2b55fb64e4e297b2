/* The effective configuration as YAML, made from the same rows that load it, so that a setting cannot be forgotten in one
 * of the two. For `rempartd --dump` and the tests. Secrets stand as their {file} or {env}; one that was written in the
 * file stands as '***': a dump may end up in a ticket, a password may not. Any thread, read-only. */
#include "conf/load.h"

static bool dump_children(const struct conf *c, const struct conf_row *row, const void *base,
			  unsigned depth, bool first_inline, struct buf *b);

static void indent(struct buf *b, unsigned depth)
{
	while (depth--)
		buf_c(b, "  ");
}

/* Ports made for `auto` are not in the file. */
static bool is_hidden(const struct conf *c, const char *element)
{
	for (size_t i = 0; i < c->dataplane.n_port; i++)
		if ((const char *)&c->dataplane.port[i] == element)
			return c->dataplane.port[i].is_auto;
	return false;
}

static bool dump_array(const struct conf *c, const struct conf_row *row, const void *base,
		       unsigned depth, struct buf *b)
{
	const char *element = *(const char *const *)(const void *)((const char *)base + row->at);
	size_t n = *(const size_t *)(const void *)((const char *)base + row->count);
	const struct conf_row *entry = row->type == CONF_NAMED ? schema_entry(row) : NULL;
	bool any = false;

	for (size_t i = 0; i < n; i++, element += row->size) {
		if (is_hidden(c, element))
			continue;
		any = true;
		indent(b, depth);
		if (row->type == CONF_LIST) {
			buf_c(b, "- ");
			dump_children(c, row, element, depth + 1, true, b);
			continue;
		}
		conf_print_text(b, *(const struct str *)(const void *)element);
		buf_ch(b, ':');
		if (entry) {
			buf_ch(b, ' ');
			conf_print(c, entry, element, b);
			buf_ch(b, '\n');
			continue;
		}
		buf_ch(b, '\n');
		dump_children(c, row, element, depth + 1, false, b);
	}
	return any;
}

/* One setting with its key; false, and nothing printed, when there is nothing to say. */
static bool dump_row(const struct conf *c, const struct conf_row *row, const char *name,
		     const void *base, unsigned depth, struct buf *b)
{
	struct buf before = *b;
	bool any;

	buf_c(b, name);
	buf_ch(b, ':');
	switch (row->type) {
	case CONF_SECTION:
		buf_ch(b, '\n');
		any = (!row->count || *(const bool *)((const char *)base + row->count)) &&
		      dump_children(c, row, base, depth + 1, false, b);
		break;
	case CONF_NAMED:
	case CONF_LIST:
		buf_ch(b, '\n');
		any = dump_array(c, row, base, depth + 1, b);
		break;
	default:
		buf_ch(b, ' ');
		any = conf_print(c, row, base, b);
		buf_ch(b, '\n');
	}
	if (!any)
		*b = before;
	return any;
}

static bool dump_children(const struct conf *c, const struct conf_row *row, const void *base,
			  unsigned depth, bool first_inline, struct buf *b)
{
	bool any = false;

	for (size_t i = 0; i < n_schema; i++) {
		const char *name = schema_name(row, &schema[i]);
		struct buf before = *b;

		if (!name || strchr(name, '*') || !schema[i].supported)
			continue;
		if (!first_inline || any)
			indent(b, depth);
		if (dump_row(c, &schema[i], name, base, depth, b))
			any = true;
		else
			*b = before;
	}
	return any;
}

void conf_dump(const struct conf *c, struct buf *b)
{
	dump_children(c, &schema_root, c, 0, false, b);
}
