/* The frame that `calls` and `reg list` share: nothing there, rows, and what was cut off. */
#include "ctl/ctl_list.h"
#include "ctl/ctl.h"

enum { ARENA_CHUNK = 65536, ARENA_CAP = 64 << 20 };

int ctl_print_list(FILE *out, const json_t *answer, const char *key, const char *title,
		   const char *none, void (*row)(struct table *t, const json_t *o))
{
	const json_t *list = json_object_get(answer, key), *o;
	json_int_t total = json_integer_value(json_object_get(answer, "total"));
	struct arena a;
	struct table t;
	size_t i;
	int err;

	if (json_array_size(list) == 0) {
		fprintf(out, "%s\n", none);
		return CTL_OK;
	}
	arena_init(&a, ARENA_CHUNK, ARENA_CAP);
	table_init(&t, &a, title);
	json_array_foreach(list, i, o) row(&t, o);
	err = table_print(&t, out);
	arena_free(&a);
	if (!err && (size_t)total > i)
		fprintf(out, "and %lld more\n", (long long)total - (long long)i);
	return err ? CTL_FAILED : CTL_OK;
}
