/* Validation of RTP and RTCP packets as they come from the network. Nothing here trusts a length. Pure functions. */
#ifndef REMPART_RTP_H
#define REMPART_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER_LEN 12

struct rtp_info {
	uint32_t ssrc, ts;
	uint16_t seq;
	uint8_t pt;
};

static inline uint16_t rtp_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t rtp_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* True when the len bytes at p are an RTP packet: version 2, and CSRC list, header extension and padding fit (RFC 3550
 * 5.1, 5.3.1, A.1). Fills *out on success only. Here and not in
 * rtp.c, since its results belong into registers. */
static inline bool rtp_parse(const uint8_t *p, size_t len, struct rtp_info *out)
{
	size_t head, pad = 0;

	if (len < RTP_HEADER_LEN || p[0] >> 6 != 2)
		return false;
	head = RTP_HEADER_LEN + 4U * (p[0] & 0x0f);
	if (p[0] & 0x10) {
		if (len < head + 4)
			return false;
		head += 4 + 4U * rtp_be16(p + head + 2);
	}
	if (len < head)
		return false;
	if (p[0] & 0x20) {
		pad = p[len - 1];
		if (pad == 0 || pad > len - head)
			return false;
	}
	out->pt = p[1] & 0x7f;
	out->seq = rtp_be16(p + 2);
	out->ts = rtp_be32(p + 4);
	out->ssrc = rtp_be32(p + 8);
	return true;
}

/* True when the len bytes at p are an RTCP packet: version 2 throughout, a chain of lengths that ends exactly at len,
 * padding only in the last one, first a sender or receiver report (RFC 3550 A.2) or, as reduced-size RTCP allows
 * (RFC 5506), any other type from 200 to 207. *ssrc is the sender's, of the first packet. */
bool rtcp_parse(const uint8_t *p, size_t len, uint32_t *ssrc);

#endif
