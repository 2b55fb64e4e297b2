/* `rempartctl calls`, `call show` and `call end`. Printers; see ctl.h. */
#include "ctl/ctl.h"
#include "ctl/ctl_json.h"
#include "ctl/ctl_ladder.h"
#include "ctl/ctl_list.h"
#include "ctl/ctl_table.h"

enum { ARENA_CHUNK = 65536, ARENA_CAP = 64 << 20 };

static void call_row(struct table *t, const json_t *c)
{
	struct arena *a = t->arena;

	table_cell(t, json_text(a, c, "id", 0));
	table_cell(t, json_text(a, c, "state", 0));
	table_cell(t, json_text(a, c, "from", 0));
	table_cell(t, json_text(a, c, "from_name", 0));
	table_cell(t, json_text(a, c, "to", 0));
	table_cell(t, json_text(a, c, "to_name", 0));
	table_cell(t, json_figure(a, c, "setup_ms", 0, " ms"));
	table_cell(t, json_duration(a, c, "talk_ms", 1000));
}

int ctl_print_calls(FILE *out, const struct json_t *answer, const struct ctl_args *args)
{
	(void)args;
	return ctl_print_list(out, answer, "calls", "ID|STATE|FROM|VIA|TO|VIA|SETUP|TALK",
			      "no calls", call_row);
}

/* Writes safe text of members around fixed words. */
static void line(FILE *out, struct arena *a, const json_t *o, const char *before, const char *key,
		 int digits, const char *unit)
{
	fputs(before, out);
	text_print(out, json_figure(a, o, key, digits, unit));
}

static void print_endpoint(FILE *out, struct arena *a, const json_t *e)
{
	struct str sdp = json_text(a, e, "sdp", 0), latched = json_text(a, e, "latched", 0);

	line(out, a, e, "    media at ", "local", 0, "");
	line(out, a, e, ", its SDP says ", "sdp", 0, "");
	if (str_empty(latched))
		fputs(", not latched\n", out);
	else if (str_eq(sdp, latched))
		fputs(", latched there\n", out);
	else {
		line(out, a, e, ", latched to ", "latched", 0, "");
		fputs(" (behind NAT)\n", out);
	}
	line(out, a, e, "      received ", "rx_packets", 0, " packets");
	line(out, a, e, " (", "rx_bytes", 0, " bytes");
	line(out, a, e, "), sent ", "tx_packets", 0, " packets");
	line(out, a, e, " (", "tx_bytes", 0, " bytes");
	line(out, a, e, "), not taken ", "dropped", 0, "");
	line(out, a, e, "\n      lost ", "lost", 0, "");
	line(out, a, e, " (", "loss_percent", 2, " %");
	line(out, a, e, "), reordered ", "reordered", 0, "");
	line(out, a, e, ", duplicates ", "duplicates", 0, "");
	line(out, a, e, ", jitter ", "jitter_ms", 2, " ms");
	line(out, a, e, " (most ", "jitter_max_ms", 2, " ms");
	line(out, a, e, "), MOS ", "mos", 2, "");
	fputc('\n', out);
}

static void print_leg(FILE *out, struct arena *a, const json_t *l, size_t i)
{
	const json_t *e;
	size_t k;

	fprintf(out, "  leg %zu, ", i);
	line(out, a, l, "", "role", 0, "");
	line(out, a, l, ": ", "state", 0, "");
	line(out, a, l, ", ", "far_uri", 0, "");
	line(out, a, l, ", ", "transport", 0, "");
	line(out, a, l, " ", "remote", 0, "");
	line(out, a, l, ", codec ", "codec", 0, "");
	line(out, a, l, "\n    Call-ID ", "call_id", 0, "");
	fputc('\n', out);
	json_array_foreach(json_object_get(l, "endpoints"), k, e) print_endpoint(out, a, e);
}

static void print_ladder(FILE *out, struct arena *a, const json_t *call)
{
	const json_t *list = json_object_get(call, "ladder"), *e;
	size_t n = json_array_size(list), i;
	struct ladder_line *l = arena_array(a, struct ladder_line, n + 1);

	if (!l || n == 0)
		return;
	json_array_foreach(list, i, e)
	{
		l[i].t_ms = (uint64_t)json_integer_value(json_object_get(e, "t_ms"));
		l[i].leg = (unsigned)json_integer_value(json_object_get(e, "leg"));
		l[i].out = str_eq(json_text(a, e, "dir", 0), STR("out"));
		l[i].text = json_text(a, e, "text", 0);
	}
	fputc('\n', out);
	ladder_print(out, json_text(a, call, "from", 0), json_text(a, call, "to", 0), l, n);
	if (json_object_get(call, "ladder_left_out"))
		line(out, a, call, "  (", "ladder_left_out", 0,
		     " messages between are left out)\n");
}

int ctl_print_call(FILE *out, const struct json_t *answer, const struct ctl_args *args)
{
	const json_t *l;
	struct arena a;
	size_t i;

	(void)args;
	arena_init(&a, ARENA_CHUNK, ARENA_CAP);
	line(out, &a, answer, "call ", "id", 0, "");
	line(out, &a, answer, ", ", "state", 0, "");
	line(out, &a, answer, ": ", "from", 0, "");
	line(out, &a, answer, " (", "from_name", 0, "");
	line(out, &a, answer, ") called ", "to", 0, "");
	line(out, &a, answer, " (", "to_name", 0, "");
	line(out, &a, answer, "), set up in ", "setup_ms", 0, " ms");
	fputs(", talking for ", out);
	text_print(out, json_duration(&a, answer, "talk_ms", 1000));
	fputc('\n', out);
	json_array_foreach(json_object_get(answer, "legs"), i, l) print_leg(out, &a, l, i);
	print_ladder(out, &a, answer);
	arena_free(&a);
	return CTL_OK;
}

int ctl_print_ended(FILE *out, const struct json_t *answer, const struct ctl_args *args)
{
	(void)answer;
	fprintf(out, "call %s is being ended\n", args->arg);
	return CTL_OK;
}
