/* `rempartctl reg list` and `reg show`. Printers; see ctl.h. */
#include "ctl/ctl.h"
#include "ctl/ctl_json.h"
#include "ctl/ctl_table.h"

enum { ARENA_CHUNK = 65536, ARENA_CAP = 64 << 20 };

static void contact_row(struct table *t, const json_t *c)
{
	struct arena *a = t->arena;

	table_cell(t, json_text(a, c, "user", 0));
	table_cell(t, json_text(a, c, "contact", 0));
	table_cell(t, json_text(a, c, "source", 0));
	table_cell(t, json_text(a, c, "transport", 0));
	table_cell(t, json_text(a, c, "nat", 0));
	table_cell(t, json_figure(a, c, "expires_s", 0, " s"));
	table_cell(t, json_text(a, c, "user_agent", 0));
}

int ctl_print_registrations(FILE *out, const struct json_t *answer, const struct ctl_args *args)
{
	const json_t *list = json_object_get(answer, "registrations"), *c;
	json_int_t total = json_integer_value(json_object_get(answer, "total"));
	struct arena a;
	struct table t;
	size_t i;
	int err;

	(void)args;
	if (json_array_size(list) == 0) {
		fputs("nobody is registered\n", out);
		return CTL_OK;
	}
	arena_init(&a, ARENA_CHUNK, ARENA_CAP);
	table_init(&t, &a, "USER|CONTACT|SOURCE|OVER|NAT|EXPIRES|USER AGENT");
	json_array_foreach(list, i, c) contact_row(&t, c);
	err = table_print(&t, out);
	arena_free(&a);
	if (!err && (size_t)total > i)
		fprintf(out, "and %lld more\n", (long long)total - (long long)i);
	return err ? CTL_FAILED : CTL_OK;
}
