/* Values with units, from text and back: durations, sizes, rates, percentages, port ranges, DSCP. Pure functions, any
 * thread. The readers give ERR_SYNTAX or ERR_RANGE and write *out on success only. */
#ifndef REMPART_CONF_VALUE_H
#define REMPART_CONF_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct rate {
	uint32_t count;
	uint64_t per_ms;
};

/* "250ms", "60s", "2h"; a unit is required. */
int value_duration(struct str s, uint64_t *ms) MUST_CHECK;
/* "2048", "256M", "2G": powers of 1024. */
int value_size(struct str s, uint64_t *bytes) MUST_CHECK;
/* "30/s", "10/60s". */
int value_rate(struct str s, struct rate *out) MUST_CHECK;
/* "85%", 0 to 100. */
int value_percent(struct str s, uint32_t *out) MUST_CHECK;
/* "20000-20999", first <= last. */
int value_ports(struct str s, uint16_t *first, uint16_t *last) MUST_CHECK;
/* RFC 2474, 2597, 3246: "cs0".."cs7", "af11".."af43", "ef", or 0 to 63. */
int value_dscp(struct str s, uint8_t *out) MUST_CHECK;

/* The largest unit that divides it. */
void value_duration_text(struct buf *b, uint64_t ms);
void value_size_text(struct buf *b, uint64_t bytes);
void value_rate_text(struct buf *b, struct rate r);
void value_dscp_text(struct buf *b, uint8_t dscp);

#endif
