/* Codecs and directions: the small closed sets of SDP.
 *
 * For the SDP parser and the call layer, any thread: constant tables. The payload types with a fixed meaning are
 * those of RFC 3551 tables 4 and 5; every other type has the meaning that its a=rtpmap gives it. A direction is
 * two bits, sending and receiving, as RFC 3264 section 5.1 sees them from the describing side. */
#include "sdp/sdp.h"

#define ROW(pt_, enc, rate, chan)                                                                  \
	[pt_] = {.pt = (pt_), .encoding = STR_INIT(enc), .clock_rate = (rate), .channels = (chan)}
static const struct sdp_codec codecs[] = {
	ROW(0, "PCMU", 8000, 1),   ROW(3, "GSM", 8000, 1),    ROW(4, "G723", 8000, 1),
	ROW(5, "DVI4", 8000, 1),   ROW(6, "DVI4", 16000, 1),  ROW(7, "LPC", 8000, 1),
	ROW(8, "PCMA", 8000, 1),   ROW(9, "G722", 8000, 1),   ROW(10, "L16", 44100, 2),
	ROW(11, "L16", 44100, 1),  ROW(12, "QCELP", 8000, 1), ROW(13, "CN", 8000, 1),
	ROW(14, "MPA", 90000, 1),  ROW(15, "G728", 8000, 1),  ROW(16, "DVI4", 11025, 1),
	ROW(17, "DVI4", 22050, 1), ROW(18, "G729", 8000, 1),  ROW(25, "CelB", 90000, 1),
	ROW(26, "JPEG", 90000, 1), ROW(28, "nv", 90000, 1),   ROW(31, "H261", 90000, 1),
	ROW(32, "MPV", 90000, 1),  ROW(33, "MP2T", 90000, 1), ROW(34, "H263", 90000, 1),
};
#undef ROW

bool sdp_codec_static(uint8_t pt, struct sdp_codec *c)
{
	if (pt >= sizeof(codecs) / sizeof(codecs[0]) || str_empty(codecs[pt].encoding)) {
		*c = (struct sdp_codec){.pt = pt};
		return false;
	}
	*c = codecs[pt];
	return true;
}

const struct sdp_codec *sdp_codec_find(const struct sdp_media *m, uint8_t pt)
{
	for (size_t i = 0; i < m->n_codec; i++)
		if (m->codec[i].pt == pt)
			return &m->codec[i];
	return NULL;
}

enum { BIT_SEND = 1, BIT_RECV = 2 };

static const struct {
	unsigned bits;
	struct str name;
} directions[] = {
	[SDP_SENDRECV] = {BIT_SEND | BIT_RECV, STR_INIT("sendrecv")},
	[SDP_SENDONLY] = {BIT_SEND, STR_INIT("sendonly")},
	[SDP_RECVONLY] = {BIT_RECV, STR_INIT("recvonly")},
	[SDP_INACTIVE] = {0, STR_INIT("inactive")},
};

enum sdp_direction sdp_direction_and(enum sdp_direction a, enum sdp_direction b)
{
	static const enum sdp_direction of_bits[] = {
		[0] = SDP_INACTIVE,
		[BIT_SEND] = SDP_SENDONLY,
		[BIT_RECV] = SDP_RECVONLY,
		[BIT_SEND | BIT_RECV] = SDP_SENDRECV,
	};

	return of_bits[directions[a].bits & directions[b].bits];
}

enum sdp_direction sdp_direction_reverse(enum sdp_direction d)
{
	static const enum sdp_direction reverse[] = {
		[SDP_SENDRECV] = SDP_SENDRECV,
		[SDP_SENDONLY] = SDP_RECVONLY,
		[SDP_RECVONLY] = SDP_SENDONLY,
		[SDP_INACTIVE] = SDP_INACTIVE,
	};

	return reverse[d];
}

enum sdp_direction sdp_direction_parse(struct str attr)
{
	struct str name = str_trim(str_cut(&attr, ':'));
	enum sdp_direction d = SDP_SENDRECV;

	while (d < SDP_INACTIVE && !str_ieq(name, sdp_direction_name(d)))
		d++;
	return d;
}

struct str sdp_direction_name(enum sdp_direction d)
{
	return directions[d].name;
}
