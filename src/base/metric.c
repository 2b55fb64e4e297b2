/* Prometheus text: heads and values, text format 0.0.4.
 *
 * For the management interface and the dataplane's report, on any thread. Names and helps are ours; a
 * label's value may come from the configuration, so it is escaped. */
#include "base/metric.h"

/* Backslash and line feed always, the quote where the text stands in quotes. */
static void metric_escaped(struct buf *b, struct str s, bool quoted)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == '\\' || c == '\n' || (quoted && c == '"'))
			buf_ch(b, '\\');
		buf_ch(b, c == '\n' ? 'n' : c);
	}
}

void metric_head(struct buf *b, const struct metric_desc *d)
{
	buf_c(b, "# HELP ");
	buf_c(b, d->name);
	buf_ch(b, ' ');
	metric_escaped(b, str_c(d->help), false);
	buf_c(b, "\n# TYPE ");
	buf_c(b, d->name);
	buf_c(b, d->type == METRIC_COUNTER ? " counter\n" : " gauge\n");
}

void metric_value(struct buf *b, const struct metric_desc *d, const char *label,
		  struct str label_value, uint64_t value)
{
	buf_c(b, d->name);
	if (label) {
		buf_ch(b, '{');
		buf_c(b, label);
		buf_c(b, "=\"");
		metric_escaped(b, label_value, true);
		buf_c(b, "\"}");
	}
	buf_ch(b, ' ');
	buf_u64(b, value);
	buf_ch(b, '\n');
}
