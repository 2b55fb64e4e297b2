/* A list of the API's answers as a table. One thread. */
#ifndef REMPART_CTL_LIST_H
#define REMPART_CTL_LIST_H

#include <jansson.h>

#include "ctl/ctl_table.h"

/* Prints answer[key], a row each by `row`, under title ("ID|STATE"), or the words `none` when it is empty; says how many more there are than the
 * API sent. An enum ctl_exit. */
int ctl_print_list(FILE *out, const json_t *answer, const char *key, const char *title,
		   const char *none, void (*row)(struct table *t, const json_t *o));

#endif
