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
	bool marker;
};

/* True when the len bytes at p are an RTP packet: version 2, and CSRC list, header extension and padding fit (RFC 3550
 * 5.1, 5.3.1, A.1). Fills *out on success only. */
bool rtp_parse(const uint8_t *p, size_t len, struct rtp_info *out);

/* True when the len bytes at p are an RTCP packet: version 2 throughout, a chain of lengths that ends exactly at len,
 * padding only in the last one, first a sender or receiver report (RFC 3550 A.2) or, as reduced-size RTCP allows
 * (RFC 5506), any other type from 200 to 207. *ssrc is the sender's, of the first packet. */
bool rtcp_parse(const uint8_t *p, size_t len, uint32_t *ssrc);

#endif
