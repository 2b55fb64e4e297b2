/* Reading the API's answers: a key that is absent is a figure that nobody knows, and prints as a dash. One thread. */
#ifndef REMPART_CTL_JSON_H
#define REMPART_CTL_JSON_H

#include <jansson.h>

#include "base/arena.h"

/* Text of a member: strings as they are, numbers with `digits` behind the dot (0 for integers), yes and no; empty when
 * absent. In the arena where it had to be made. */
struct str json_text(struct arena *a, const json_t *o, const char *key, int digits);
/* The same with a unit behind it, or "-". */
struct str json_figure(struct arena *a, const json_t *o, const char *key, int digits,
		       const char *unit);
/* printf() into the arena; empty when there is no memory. */
struct str text_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "1:02:03" or "0:05" of a member in units of 1/per of a second; "-" when absent. */
struct str json_duration(struct arena *a, const json_t *o, const char *key, uint64_t per);

#endif
