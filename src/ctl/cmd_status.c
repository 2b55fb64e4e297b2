/* `rempartctl status` and `metrics -o json`. Printers; see ctl.h. */
#include "base/mem.h"
#include "ctl/ctl.h"
#include "ctl/ctl_json.h"
#include "ctl/ctl_table.h"

enum { ARENA_CHUNK = 16384, ARENA_CAP = 4 << 20 };

static void row(struct table *t, const char *name, struct str value)
{
	table_cell(t, str_c(name));
	table_cell(t, value);
}

static void media_rows(struct table *t, const json_t *m)
{
	const char *reason;
	json_t *n;

	row(t, "dataplane", json_is_true(json_object_get(m, "up")) ? STR("up") : STR("not there"));
	row(t, "endpoints", json_text(t->arena, m, "endpoints", 0));
	row(t, "media received",
	    text_printf(t->arena, "%.*s packets, %.*s bytes",
			STR_FMT(json_figure(t->arena, m, "rx_packets", 0, "")),
			STR_FMT(json_figure(t->arena, m, "rx_bytes", 0, ""))));
	row(t, "media sent",
	    text_printf(t->arena, "%.*s packets, %.*s bytes",
			STR_FMT(json_figure(t->arena, m, "tx_packets", 0, "")),
			STR_FMT(json_figure(t->arena, m, "tx_bytes", 0, ""))));
	json_object_foreach(json_object_get(m, "drops"), reason, n)
		row(t, "dropped",
		    text_printf(t->arena, "%lld %s", (long long)json_integer_value(n), reason));
}

static void status_rows(struct table *t, const json_t *s)
{
	struct arena *a = t->arena;
	const json_t *o;
	size_t i;

	row(t, "node", json_text(a, s, "node", 0));
	row(t, "version", json_text(a, s, "version", 0));
	row(t, "configuration",
	    text_printf(a, "generation %.*s", STR_FMT(json_figure(a, s, "generation", 0, ""))));
	row(t, "state", json_text(a, s, "state", 0));
	row(t, "up for", json_duration(a, s, "uptime_s", 1));
	row(t, "calls", json_text(a, s, "calls", 0));
	row(t, "calls begun",
	    text_printf(a, "%.*s (answered %.*s, failed %.*s)",
			STR_FMT(json_figure(a, s, "calls_total", 0, "")),
			STR_FMT(json_figure(a, s, "calls_answered", 0, "")),
			STR_FMT(json_figure(a, s, "calls_failed", 0, ""))));
	row(t, "calls a second", json_text(a, s, "cps", 2));
	row(t, "registrations", json_text(a, s, "registrations", 0));
	row(t, "transactions", json_text(a, s, "transactions", 0));
	json_array_foreach(json_object_get(s, "trunks"), i, o)
		row(t, "trunk",
		    text_printf(a, "%.*s in %.*s, %.*s peers",
				STR_FMT(json_figure(a, o, "name", 0, "")),
				STR_FMT(json_figure(a, o, "realm", 0, "")),
				STR_FMT(json_figure(a, o, "peers", 0, ""))));
	json_array_foreach(json_object_get(s, "pools"), i, o)
		row(t, "media pool",
		    text_printf(a, "%.*s: %.*s of %.*s port pairs",
				STR_FMT(json_figure(a, o, "name", 0, "")),
				STR_FMT(json_figure(a, o, "used", 0, "")),
				STR_FMT(json_figure(a, o, "size", 0, ""))));
	json_array_foreach(json_object_get(s, "lcores"), i, o)
		row(t, "worker",
		    text_printf(a, "%.*s: %.*s polls, %.*s of them empty",
				STR_FMT(json_figure(a, o, "worker", 0, "")),
				STR_FMT(json_figure(a, o, "polls", 0, "")),
				STR_FMT(json_figure(a, o, "polls_empty", 0, ""))));
	media_rows(t, json_object_get(s, "media"));
}

int ctl_print_status(FILE *out, const struct json_t *answer, const struct ctl_args *args)
{
	struct arena a;
	struct table t;
	int err;

	(void)args;
	arena_init(&a, ARENA_CHUNK, ARENA_CAP);
	table_init_plain(&t, &a, 2);
	status_rows(&t, answer);
	err = table_print(&t, out);
	arena_free(&a);
	return err ? CTL_FAILED : CTL_OK;
}

/* One line of Prometheus text: name{labels} value. */
static json_t *metric_json(struct str line)
{
	struct str rest, name;
	ptrdiff_t space = -1;
	json_t *o = json_object();

	for (size_t i = 0; i < line.len; i++) /* label values may hold spaces */
		if (line.p[i] == ' ')
			space = (ptrdiff_t)i;
	if (space < 0 || !o)
		return o;
	name = str_head(line, (size_t)space);
	rest = str_cut(&name, '{');
	json_object_set_new(o, "name", json_stringn(rest.p, rest.len));
	if (name.len > 1)
		json_object_set_new(o, "labels", json_stringn(name.p, name.len - 1));
	json_object_set_new(o, "value", json_real(strtod(line.p + space + 1, NULL)));
	return o;
}

int ctl_print_metrics_json(FILE *out, const char *text)
{
	json_t *root = json_object(), *list = json_array();
	struct str rest = str_c(text), line;
	int failed;

	while (!str_empty(rest)) {
		line = str_cut(&rest, '\n');
		if (!str_empty(line) && line.p[0] != '#')
			json_array_append_new(list, metric_json(line));
	}
	json_object_set_new(root, "metrics", list);
	failed = json_dumpf(root, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(root);
	fputc('\n', out);
	return failed ? CTL_FAILED : CTL_OK;
}
