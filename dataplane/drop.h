/* Why a packet was not relayed: the one list. Enum, name (metric label and trace word, at most 23 characters), help. */
#ifndef REMPART_DROP_H
#define REMPART_DROP_H

#define DROP_LIST(X)                                                                               \
	X(DROP_MALFORMED, "malformed",                                                             \
	  "frame, IP or UDP header is truncated or contradicts itself")                            \
	X(DROP_CHECKSUM, "checksum", "IPv4 header or UDP checksum is wrong")                       \
	X(DROP_FRAGMENT, "fragment", "IP fragment: media is never reassembled")                    \
	X(DROP_IP_OPTIONS, "ip_options", "IPv4 options or IPv6 extension headers")                 \
	X(DROP_NOT_OURS, "not_ours", "destination is no media address of ours")                    \
	X(DROP_NOT_UDP, "not_udp", "to a media address, but not UDP, ARP, ND or ping")             \
	X(DROP_NO_ENDPOINT, "no_endpoint", "no endpoint on this port")                             \
	X(DROP_NOT_RTP, "not_rtp", "not a valid RTP packet (RFC 3550 A.1)")                        \
	X(DROP_NOT_RTCP, "not_rtcp", "not a valid RTCP packet (RFC 3550 A.2)")                     \
	X(DROP_PAYLOAD_TYPE, "payload_type", "payload type was not negotiated")                    \
	X(DROP_SOURCE, "source", "source is no candidate of this endpoint's latch")                \
	X(DROP_LATCH_WAIT, "latch_wait", "candidate source, not yet proven")                       \
	X(DROP_DIRECTION, "direction", "the session description does not allow this direction")    \
	X(DROP_NO_SINK, "no_sink", "the other side has no endpoint yet")                           \
	X(DROP_NO_TARGET, "no_target", "the other side's address is not known or not locked yet")  \
	X(DROP_NEIGHBOUR, "neighbour", "the next hop's MAC address is not known yet")              \
	X(DROP_TOO_BIG, "too_big", "longer than the outgoing link takes: media is not fragmented") \
	X(DROP_HEADROOM, "headroom",                                                               \
	  "no room in front of the payload for the other side's headers")                          \
	X(DROP_PUNT_FULL, "punt_full", "the slow path's queue is full")                            \
	X(DROP_TX_FULL, "tx_full", "the port did not take the packet")

enum drop {
#define X(id, name, help) id,
	DROP_LIST(X)
#undef X
		DROP_COUNT
};

const char *drop_name(enum drop d);
const char *drop_help(enum drop d);

#endif
