/* Secrets: one heap block each, wiped before it is freed.
 *
 * For passwords and keys from the configuration, on any thread (each secret belongs to one). Nothing
 * here logs, and what passes through the stack is wiped too. A file holds the secret on its first line,
 * as editors and `echo` leave it. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { SECRET_FILE_MAX = 4096 };

void secret_zero(void *p, size_t len_bytes)
{
	explicit_bzero(p, len_bytes);
}

void secret_wipe(struct secret *s)
{
	if (s->p)
		secret_zero(s->p, s->len);
	mem_free(s->p);
	*s = (struct secret){0};
}

int secret_set(struct secret *s, struct str value)
{
	char *p = mem_alloc(value.len + 1);

	if (!p)
		return ERR_NOMEM;
	if (value.len)
		memcpy(p, value.p, value.len);
	secret_wipe(s);
	*s = (struct secret){.p = p, .len = value.len};
	return 0;
}

/* Reads up to the first line end, the end of the file or cap bytes. Returns the bytes read or an error. */
static ssize_t secret_read(int fd, char *out, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = read(fd, out + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			break;
		len += (size_t)n;
		if (str_find(str_n(out + len - (size_t)n, (size_t)n), '\n') >= 0)
			break;
	}
	return (ssize_t)len;
}

int secret_from_file(struct secret *s, const char *path)
{
	char text[SECRET_FILE_MAX + 2]; /* and CR LF */
	struct str rest, line;
	ssize_t n;
	int err;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_from_errno(errno);
	n = secret_read(fd, text, sizeof(text));
	err = (int)n;
	if (n < 0)
		goto out;
	rest = str_n(text, (size_t)n);
	line = str_cut(&rest, '\n');
	if (str_ends(line, STR("\r")))
		line.len--;
	err = ERR_LIMIT;
	if (line.len > SECRET_FILE_MAX)
		goto out;
	err = ERR_SYNTAX;
	if (str_empty(line) || str_find(line, '\0') >= 0)
		goto out;
	err = secret_set(s, line);
out:
	secret_zero(text, sizeof(text));
	close(fd);
	return err;
}

int secret_from_env(struct secret *s, const char *name)
{
	struct str value = str_c(getenv(name));

	if (str_empty(value))
		return ERR_NOENT;
	return secret_set(s, value);
}

bool secret_eq(const struct secret *s, struct str other)
{
	unsigned char diff = 0;

	if (!s->p || s->len != other.len)
		return false;
	for (size_t i = 0; i < s->len; i++)
		diff = (unsigned char)(diff | (s->p[i] ^ other.p[i]));
	/* keep the compiler from leaving the loop early */
	__asm__ volatile("" : "+r"(diff));
	return diff == 0;
}
