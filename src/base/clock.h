/* Clocks. Code that decides takes `now` as an argument; only loops and logs read these. Any thread. */
#ifndef REMPART_CLOCK_H
#define REMPART_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_ms(void);      /* monotonic */
uint64_t clock_us(void);      /* monotonic */
uint64_t clock_ns(void);      /* monotonic */
uint64_t clock_wall_ms(void); /* Unix epoch */
/* RFC 3339 UTC with milliseconds, "2026-01-02T03:04:05.678Z" and NUL; out has 25 bytes. */
void clock_rfc3339(uint64_t wall_ms, char out[25]);

#endif
