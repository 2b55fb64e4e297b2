/* Random numbers fit for tags, ports and keys: getrandom() behind a small per-thread buffer. Aborts the
 * program if the kernel has none. Any thread. */
#ifndef REMPART_RNG_H
#define REMPART_RNG_H

#include <stddef.h>
#include <stdint.h>

void rng_bytes(void *out, size_t len_bytes);
uint32_t rng_u32(void);
uint64_t rng_u64(void);
/* Uniform in [0, n); n > 0. */
uint32_t rng_below(uint32_t n);
/* len characters of [a-z2-7] (5 bits each) and no NUL. */
void rng_token(char *out, size_t len);

#endif
