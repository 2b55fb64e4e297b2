/* Readers of paths whose files must be there: certificates, keys, authorities. That a file can be read is seen here, so that
 * the message names the line; what is in it only the program that uses it can tell. Main thread, at load; see read.h. */
#include "conf/read.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* What keeps it from being read, NULL for nothing. */
static const char *file_why(const char *path, bool folder_too)
{
	struct stat st;

	if (stat(path, &st) || access(path, R_OK))
		return errno == ENOENT ? "there is no such file" : strerror(errno);
	if (S_ISDIR(st.st_mode))
		return folder_too ? NULL : "it is a folder";
	return S_ISREG(st.st_mode) ? NULL : "it is not a file";
}

static bool read_existing(struct loader *l, const struct conf_row *row, const struct node *n,
			  bool folder_too, struct str *out)
{
	const char *why;

	if (!read_path(l, row, n, out))
		return false;
	why = file_why(out->p, folder_too);
	if (why)
		conf_fail(l, n, "%s: cannot read %.*s: %s", read_label(row), NODE_CUT(*out), why);
	return !why;
}

bool read_file(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	return read_existing(l, row, n, false, at);
}

bool read_key_file(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	const struct node *from = n->first;

	if (n->kind == NODE_MAP && n->n == 1 && str_eq(from->key, STR("file")))
		return read_existing(l, row, from, false, at);
	conf_fail(l, n, "%s: expected {file: PATH}", read_label(row));
	return false;
}

bool read_ca(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (n->kind == NODE_SCALAR && str_eq(n->text, STR("system")))
		return true;
	return read_existing(l, row, n, true, at);
}
