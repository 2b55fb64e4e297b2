/* The SIP ladder of a call as ASCII art: the caller's leg on the left, the called ones on the right. One thread. */
#ifndef REMPART_CTL_LADDER_H
#define REMPART_CTL_LADDER_H

#include <stdio.h>

#include "base/str.h"

struct ladder_line {
	uint64_t t_ms; /* since the first one */
	unsigned leg;
	bool out; /* Rempart sent it */
	struct str text;
};

/* Names are cut where their column ends. Legs behind the second are told by their number. */
void ladder_print(FILE *out, struct str caller, struct str called, const struct ladder_line *line,
		  size_t n);

#endif
