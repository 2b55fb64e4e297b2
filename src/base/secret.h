/* Secrets: passwords and keys. Kept apart so that they are never logged and always wiped. Any thread. */
#ifndef REMPART_SECRET_H
#define REMPART_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct secret {
	char *p; /* NUL-terminated, NULL when unset */
	size_t len;
};

/* Replaces and wipes what was there; on failure that stays. ERR_NOMEM. */
int secret_set(struct secret *s, struct str value) MUST_CHECK;
/* First line of a file, without its line end. ERR_IO, ERR_ACCESS, ERR_NOENT, ERR_SYNTAX (empty, or a NUL in
 * it), ERR_LIMIT (over 4 KiB). */
int secret_from_file(struct secret *s, const char *path) MUST_CHECK;
/* ERR_NOENT when the variable is unset or empty. */
int secret_from_env(struct secret *s, const char *name) MUST_CHECK;
/* Wipes and frees. */
void secret_wipe(struct secret *s);
/* Compared in constant time for equal lengths. An unset secret equals nothing, not even "". */
bool secret_eq(const struct secret *s, struct str other);
/* explicit_bzero by another name. */
void secret_zero(void *p, size_t len_bytes);

#endif
