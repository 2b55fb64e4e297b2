/* The Internet checksum (RFC 1071) in the pieces that a packet rewrite needs. All sums are over 16-bit words as they
 * lie in memory, so byte order never matters; none of these complements. Pure functions, any thread. */
#ifndef REMPART_CKSUM_H
#define REMPART_CKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t cksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Sum of len bytes at p (any alignment); an odd last byte is padded with 0. Add results, then cksum_fold(). */
static inline uint64_t cksum_add(const void *p, size_t len)
{
	const uint8_t *b = (const uint8_t *)p;
	uint64_t s0 = 0, s1 = 0;
	uint64_t a, c;

	while (len >= 16) {
		memcpy(&a, b, 8);
		memcpy(&c, b + 8, 8);
		s0 += (a & 0xffffffff) + (a >> 32);
		s1 += (c & 0xffffffff) + (c >> 32);
		b += 16;
		len -= 16;
	}
	if (len >= 8) {
		memcpy(&a, b, 8);
		s0 += (a & 0xffffffff) + (a >> 32);
		b += 8;
		len -= 8;
	}
	if (len) {
		a = 0;
		memcpy(&a, b, len);
		s1 += (a & 0xffffffff) + (a >> 32);
	}
	return s0 + s1;
}

#endif
