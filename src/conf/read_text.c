/* Readers of text: free words, paths, choices, devices. Text is kept in the configuration's arena, since the tree goes
 * when the load ends; a path that is not absolute is taken from the configuration file's folder, so that a service
 * manager's working folder changes nothing. Main thread, at load; see read.h. */
#include "conf/read.h"

bool read_text_fits(struct loader *l, const struct conf_row *row, const struct node *n)
{
	uint64_t min = row->max ? row->min : 1, max = row->max ? row->max : 255;

	if (n->text.len >= min && n->text.len <= max)
		return true;
	if (n->text.len < min)
		conf_fail(l, n, "%s: must not be empty", read_label(row));
	else
		conf_fail(l, n, "%s: longer than %llu bytes", read_label(row),
			  (unsigned long long)max);
	return false;
}

bool read_string(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct str *out = at;

	if (!read_is_scalar(l, row, n) || !read_text_fits(l, row, n))
		return false;
	*out = conf_keep(l, n->text);
	return out->p != NULL;
}

bool read_strings(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct str **out = at, *item;
	bool ok = true;
	size_t i = 0;

	if (read_no_items(l, row, n))
		return false;
	item = conf_alloc(l, read_count(n) * sizeof(*item));
	if (!item)
		return false;
	for (const struct node *k = read_first(n); k; k = read_next(n, k), i++)
		ok = read_string(l, row, k, &item[i]) && ok;
	*out = item;
	return ok;
}

static struct str folder(struct str path)
{
	while (path.len > 1 && path.p[path.len - 1] != '/')
		path.len--;
	return path.len > 1 || (path.len && path.p[0] == '/') ? path : str_n("", 0);
}

/* text as it stands, or behind the folder of the configuration file. */
bool read_keep_path(struct loader *l, struct str text, struct str *out)
{
	struct str dir = folder(l->c->path);
	char joined[4096 + 256];
	struct buf b = BUF_ON(joined);

	if (!str_starts(text, STR("/")))
		buf_str(&b, dir);
	buf_str(&b, text);
	if (b.overflow)
		return false;
	*out = conf_keep(l, buf_view(&b));
	return out->p != NULL;
}

bool read_path(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!read_is_scalar(l, row, n) || !read_text_fits(l, row, n))
		return false;
	if (read_keep_path(l, n->text, at))
		return true;
	if (!l->nomem)
		conf_fail(l, n, "%s: the path is too long", read_label(row));
	return false;
}

bool read_choice(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	char wanted[256];
	struct buf b = BUF_ON(wanted);

	if (!read_is_scalar(l, row, n))
		return false;
	for (const struct conf_choice *c = row->choice; c->name; c++) {
		if (str_eq(n->text, str_c(c->name))) {
			*(int *)at = c->value;
			return true;
		}
		buf_c(&b, c == row->choice ? "" : c[1].name ? ", " : " or ");
		buf_c(&b, c->name);
	}
	return read_bad(l, row, n, buf_cstr(&b));
}

/* "0000:3b:00.0" or "3b:00.0". */
static bool is_pci(struct str s)
{
	static const char form[] = "xxxx:xx:xx.x";
	const char *f = s.len == 7 ? form + 5 : form;

	if (s.len != strlen(f))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (f[i] == 'x' ? !strchr("0123456789abcdefABCDEF", s.p[i]) : s.p[i] != f[i])
			return false;
	return true;
}

bool read_pci(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!read_is_scalar(l, row, n))
		return false;
	if (!is_pci(n->text))
		return read_bad(l, row, n, "a PCI address such as 0000:3b:00.0");
	return read_string(l, row, n, at);
}

bool read_vdev(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!read_is_scalar(l, row, n))
		return false;
	if (!str_starts(n->text, STR("net_")) || n->text.len < 5)
		return read_bad(l, row, n, "a device such as net_af_packet,iface=eth1");
	return read_string(l, row, n, at);
}
