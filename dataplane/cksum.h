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

/* Sums of 2, 4 and 8 bytes at p. */
static inline uint64_t cksum_2(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static inline uint64_t cksum_4(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static inline uint64_t cksum_8(const void *p)
{
	return cksum_4(p) + cksum_4((const uint8_t *)p + 4);
}

/* Two 64-bit lanes; every target has them, in a register or as two. */
typedef uint64_t cksum_lanes __attribute__((vector_size(16)));

/* Sum of len bytes at p (any alignment); an odd last byte is padded with 0. Add results, then cksum_fold(). */
static inline uint64_t cksum_add(const void *p, size_t len)
{
	const uint8_t *b = (const uint8_t *)p;
	cksum_lanes lo = {0, 0}, hi = {0, 0}, v;
	uint64_t sum;

	for (; len >= 16; b += 16, len -= 16) {
		memcpy(&v, b, 16);
		lo += v & 0xffffffff;
		hi += v >> 32;
	}
	lo += hi;
	sum = lo[0] + lo[1];
	/* In pieces that fit a load: copying an odd tail byte by byte stalls the load behind it. */
	if (len & 8) {
		sum += cksum_8(b);
		b += 8;
	}
	if (len & 4) {
		sum += cksum_4(b);
		b += 4;
	}
	if (len & 2) {
		sum += cksum_2(b);
		b += 2;
	}
	if (len & 1) {
		const uint8_t last[2] = {*b, 0};

		sum += cksum_2(last);
	}
	return sum;
}

#endif
