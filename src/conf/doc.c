/* The reference of all settings as Markdown, made from the schema: `rempartd --dump-schema` prints it and scripts/gen-docs
 * puts it behind the hand-written opening of docs/CONFIG.md. Any thread. */
#include "conf/load.h"

#include "conf/value.h"

static void doc_bounds(const struct conf_row *row, struct buf *b)
{
	void (*text)(struct buf *, uint64_t) = row->type == CONF_DURATION ? value_duration_text
					       : row->type == CONF_SIZE   ? value_size_text
									  : buf_u64;

	if (!row->max || row->type == CONF_STRING)
		return;
	buf_c(b, ", ");
	text(b, row->min);
	if (row->min != row->max) {
		buf_c(b, " to ");
		text(b, row->max);
	}
}

static void doc_type(const struct conf_row *row, struct buf *b)
{
	if (row->type != CONF_CHOICE) {
		buf_c(b, conf_type_text(row->type));
		doc_bounds(row, b);
		return;
	}
	for (const struct conf_choice *c = row->choice; c->name; c++) {
		buf_c(b, c == row->choice ? "`" : ", `");
		buf_c(b, c->name);
		buf_ch(b, '`');
	}
}

static void doc_row(const struct conf_row *row, struct buf *b)
{
	buf_c(b, "| `");
	buf_c(b, row->path);
	buf_c(b, "` | ");
	doc_type(row, b);
	buf_c(b, " | ");
	if (row->def)
		buf_printf(b, "`%s`", row->def);
	else if (row->required)
		buf_c(b, "**needed**");
	buf_c(b, " | ");
	buf_c(b, row->unit ? row->unit : conf_type_unit(row->type));
	buf_c(b, row->supported ? row->reload ? " | yes | " : " | no | " : " | | ");
	if (!row->supported)
		buf_c(b, "not yet");
	else if (row->only)
		buf_printf(b, "only `%s`", row->only);
	else
		buf_c(b, "yes");
	buf_c(b, " | ");
	buf_c(b, row->help);
	buf_c(b, " |\n");
}

void conf_dump_schema(struct buf *b)
{
	for (size_t i = 0; i < n_schema; i++) {
		const struct conf_row *row = &schema[i];

		if (!strchr(row->path, '.')) {
			buf_printf(b, "\n### %s\n\n", row->path);
			buf_c(b, "| Key | Type | Default | Unit | Reload | Supported | Meaning |\n"
				 "|---|---|---|---|---|---|---|\n");
		}
		doc_row(row, b);
	}
}
