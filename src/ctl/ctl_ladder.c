/* Drawing the ladder:
 *
 *       time  alice             rempart               bob
 *      0.000    |--- INVITE +sdp --->|                  |
 *      0.002    |                    |--- INVITE ------>|
 *
 * For `call show`, which scripts/run prints too. Lanes are as wide as the longest text needs. */
#include "ctl/ctl_ladder.h"

#include "ctl/ctl_table.h"

enum { LANE_MIN = 22, LANE_MAX = 56, LABEL_MAX = 128 };

static struct str label(const struct ladder_line *l, struct buf *b)
{
	text_put(b, l->text);
	if (l->leg > 1)
		buf_printf(b, " (leg %u)", l->leg);
	return buf_view(b);
}

static int lane_width(const struct ladder_line *line, size_t n)
{
	size_t most = LANE_MIN;

	for (size_t i = 0; i < n; i++) {
		char mem[LABEL_MAX];
		struct buf b = BUF_ON(mem);
		size_t w = text_width(label(&line[i], &b)) + 10;

		if (w > most)
			most = w;
	}
	return (int)(most > LANE_MAX ? LANE_MAX : most);
}

static void repeat(FILE *out, char c, int n)
{
	while (n-- > 0)
		fputc(c, out);
}

/* "--- text ---->" or "<-- text -----", as wide as the lane. */
static void arrow(FILE *out, struct str text, int lane, bool right)
{
	int w = (int)text_width(text);

	fprintf(out, "%s %.*s ", right ? "---" : "<--", STR_FMT(text));
	repeat(out, '-', lane - w - 5 - (right ? 1 : 0));
	if (right)
		fputc('>', out);
}

/* A name, so that its middle is at the column. */
static void heading(FILE *out, struct str name, int *at, int column, int room)
{
	char mem[LABEL_MAX];
	struct buf b = BUF_ON(mem);
	struct str s;
	int w;

	text_put(&b, name);
	s = str_empty(name) ? STR("-") : buf_view(&b);
	while (s.len && (int)text_width(s) > room)
		s.len--;
	w = (int)text_width(s);
	repeat(out, ' ', column - w / 2 - *at);
	if (column - w / 2 > *at)
		*at = column - w / 2;
	fprintf(out, "%.*s", STR_FMT(s));
	*at += w;
}

void ladder_print(FILE *out, struct str caller, struct str called, const struct ladder_line *line,
		  size_t n)
{
	int lane = lane_width(line, n), left = 20, at = 10;

	fputs("      time", out);
	heading(out, caller, &at, left, 18);
	heading(out, STR("rempart"), &at, left + 1 + lane, lane);
	heading(out, called, &at, left + 2 + 2 * lane, lane);
	fputc('\n', out);
	for (size_t i = 0; i < n; i++) {
		const struct ladder_line *l = &line[i];
		char mem[LABEL_MAX];
		struct buf b = BUF_ON(mem);
		struct str text = label(l, &b);
		bool on_left = l->leg == 0;

		fprintf(out, "%6llu.%03llu%*s|", (unsigned long long)(l->t_ms / 1000),
			(unsigned long long)(l->t_ms % 1000), left - 10, "");
		if (on_left)
			arrow(out, text, lane, !l->out);
		else
			repeat(out, ' ', lane);
		fputc('|', out);
		if (on_left)
			repeat(out, ' ', lane);
		else
			arrow(out, text, lane, l->out);
		fputs("|\n", out);
	}
}
