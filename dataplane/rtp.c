/* RTP header and RTCP compound validation (RFC 3550 5.1, 5.3.1, 6.1, A.1, A.2; RFC 5506), for stage_parse, on the
 * worker's thread. A packet that contradicts itself is not relayed: the far end's parser is none of our trust. */
#include "rtp.h"

#define RTCP_SR      200
#define RTCP_TYPE_HI 207

/* One packet of a compound is long enough for what its type and count promise. */
static bool rtcp_one(const uint8_t *p, size_t len)
{
	unsigned count = p[0] & 0x1f;
	size_t need;

	switch (p[1]) {
	case 200: /* SR */
		need = 28 + 24U * count;
		break;
	case 201: /* RR */
		need = 8 + 24U * count;
		break;
	case 202: /* SDES: each chunk has an SSRC and a terminator */
		need = 4 + 8U * count;
		break;
	case 203: /* BYE */
		need = 4 + 4U * count;
		break;
	case 204: /* APP */
	case 205: /* RTPFB */
	case 206: /* PSFB */
		need = 12;
		break;
	default:
		need = 8;
		break;
	}
	return len >= need;
}

bool rtcp_parse(const uint8_t *p, size_t len, uint32_t *ssrc)
{
	size_t at = 0;

	if (len < 8 || p[1] < RTCP_SR || p[1] > RTCP_TYPE_HI)
		return false;
	while (at < len) {
		size_t left = len - at, one, body;

		if (left < 4 || p[at] >> 6 != 2 || p[at + 1] < 192)
			return false;
		one = 4U * rtp_be16(p + at + 2) + 4;
		if (one > left)
			return false;
		body = one;
		if (p[at] & 0x20) {
			uint8_t pad = p[at + one - 1];

			if (one != left || pad == 0 || pad % 4 || pad + 4U > one)
				return false;
			body -= pad;
		}
		if (!rtcp_one(p + at, body))
			return false;
		at += one;
	}
	*ssrc = rtp_be32(p + 4);
	return true;
}
