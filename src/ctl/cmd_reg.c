/* `rempartctl reg list` and `reg show`. Printers; see ctl.h. */
#include "ctl/ctl.h"
#include "ctl/ctl_json.h"
#include "ctl/ctl_list.h"
#include "ctl/ctl_table.h"

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
	(void)args;
	return ctl_print_list(out, answer, "registrations",
			      "USER|CONTACT|SOURCE|OVER|NAT|EXPIRES|USER AGENT",
			      "nobody is registered", contact_row);
}
