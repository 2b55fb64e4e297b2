/* Shared by the files of checks: places in the tree. For this library only. */
#ifndef REMPART_CONF_CHECK_H
#define REMPART_CONF_CHECK_H

#include "conf/load.h"

/* The i-th named thing or item of a section of the file. */
const struct node *check_at(const struct loader *l, const char *section, size_t i);
/* The value behind a key, else n itself: the nearest place. */
const struct node *check_in(const struct node *n, const char *key);
/* The i-th value of "one or a list". */
const struct node *check_nth(const struct node *n, size_t i);

/* Registrar, trunks and routing. */
void check_calls(struct loader *l);

#endif
