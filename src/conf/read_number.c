/* Readers of figures: numbers, durations, sizes, percentages, rates, CPUs, DSCPs, ranges of ports, true and false. The
 * rows' bounds are judged here, each in the unit that the operator writes. Main thread, at load; see read.h. */
#include "conf/read.h"

#include "conf/value.h"

static bool in_range(struct loader *l, const struct conf_row *row, const struct node *n, uint64_t v,
		     void (*text)(struct buf *, uint64_t))
{
	char low[32], high[32];
	struct buf bl = BUF_ON(low), bh = BUF_ON(high);

	if (!row->max || (v >= row->min && v <= row->max))
		return true;
	text(&bl, row->min);
	text(&bh, row->max);
	if (row->min == row->max)
		conf_fail(l, n, "%s: must be %s, not %.*s", read_label(row), buf_cstr(&bl),
			  NODE_CUT(n->text));
	else
		conf_fail(l, n, "%s: %.*s is not between %s and %s", read_label(row),
			  NODE_CUT(n->text), buf_cstr(&bl), buf_cstr(&bh));
	return false;
}

bool read_number(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	uint64_t v;
	int err;

	if (!read_is_scalar(l, row, n))
		return false;
	err = str_to_u64(n->text, UINT32_MAX, &v);
	if (err)
		return read_bad(l, row, n, "a number");
	if (!in_range(l, row, n, v, buf_u64))
		return false;
	*(uint32_t *)at = (uint32_t)v;
	return true;
}

bool read_bool(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!read_is_scalar(l, row, n))
		return false;
	if (!str_eq(n->text, STR("true")) && !str_eq(n->text, STR("false")))
		return read_bad(l, row, n, "true or false");
	*(bool *)at = str_eq(n->text, STR("true"));
	return true;
}

bool read_duration(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	uint64_t v;

	if (!read_is_scalar(l, row, n))
		return false;
	if (value_duration(n->text, &v))
		return read_bad(l, row, n, "a duration such as 250ms, 60s or 2h");
	if (!in_range(l, row, n, v, value_duration_text))
		return false;
	*(uint64_t *)at = v;
	return true;
}

bool read_size(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	uint64_t v;

	if (!read_is_scalar(l, row, n))
		return false;
	if (value_size(n->text, &v))
		return read_bad(l, row, n, "a size such as 256M or 2G");
	if (!in_range(l, row, n, v, value_size_text))
		return false;
	*(uint64_t *)at = v;
	return true;
}

bool read_percent(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!read_is_scalar(l, row, n))
		return false;
	return value_percent(n->text, at) == 0 || read_bad(l, row, n, "a percentage such as 85%");
}

bool read_rate(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!read_is_scalar(l, row, n))
		return false;
	return value_rate(n->text, at) == 0 || read_bad(l, row, n, "a rate such as 30/s or 10/60s");
}

bool read_cpu(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	uint64_t v;
	bool several = n->kind == NODE_LIST;

	for (size_t i = 0; i < n->text.len && !several; i++)
		several = n->text.p[i] == ',' || n->text.p[i] == '-';
	if (several) {
		conf_fail(l, n, "%s: more than one CPU is not supported yet", read_label(row));
		return false;
	}
	if (!read_is_scalar(l, row, n))
		return false;
	if (str_to_u64(n->text, 1023, &v))
		return read_bad(l, row, n, "the number of a CPU");
	*(struct str *)at = conf_keep(l, n->text);
	return !l->nomem;
}

bool read_dscp(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!read_is_scalar(l, row, n))
		return false;
	return value_dscp(n->text, at) == 0 ||
	       read_bad(l, row, n, "cs0 to cs7, af11 to af43, ef or a number up to 63");
}

bool read_ports(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	uint16_t *first = at;

	if (!read_is_scalar(l, row, n))
		return false;
	return value_ports(n->text, first, first + 1) == 0 ||
	       read_bad(l, row, n, "a range of ports such as 20000-20999");
}
