/* The known headers: names, compact forms, policies.
 *
 * For the scan, which looks up every header line of every message, and for the builder. The table is
 * the list in hdr.h; the hash over it (length, first and last letter; open addressing) is filled once
 * before main() and only read afterwards, so that a header added to the list needs nothing else. Any
 * thread. RFC 3261 7.3 and 20. */
#include "sip/hdr.h"

struct hdr_row {
	struct str name;
	char compact;
	uint8_t policy;
	bool list;
};

static const struct hdr_row hdr_row[SIP_H_COUNT] = {[SIP_H_OTHER] = {.policy = HDR_DROP},
#define X(id, text, letter, pol, multi)                                                            \
	[SIP_H_##id] = {STR_INIT(text), .compact = (letter), .policy = HDR_##pol, .list = (multi)},
						    SIP_HDR_LIST(X)
#undef X
};

enum { HDR_SLOTS = 256 };
_Static_assert(SIP_H_COUNT < HDR_SLOTS / 2, "the hash of header names is too full");

static uint8_t hdr_slot[HDR_SLOTS];
static uint8_t hdr_compact[32];

static unsigned hdr_hash(struct str name)
{
	unsigned first = (unsigned char)name.p[0] | 0x20;
	unsigned middle = (unsigned char)name.p[name.len / 2] | 0x20;
	unsigned last = (unsigned char)name.p[name.len - 1] | 0x20;

	return ((unsigned)name.len * 37 + first * 5 + middle * 11 + last * 23) % HDR_SLOTS;
}

__attribute__((constructor)) static void hdr_fill(void)
{
	for (unsigned id = 1; id < SIP_H_COUNT; id++) {
		unsigned at = hdr_hash(hdr_row[id].name);

		while (hdr_slot[at])
			at = (at + 1) % HDR_SLOTS;
		hdr_slot[at] = (uint8_t)id;
		if (hdr_row[id].compact)
			hdr_compact[hdr_row[id].compact & 31] = (uint8_t)id;
	}
}

enum sip_hdr_id sip_hdr_lookup(struct str name)
{
	if (name.len == 0)
		return SIP_H_OTHER;
	if (name.len == 1) {
		unsigned char c = (unsigned char)name.p[0] | 0x20;

		return c >= 'a' && c <= 'z' ? (enum sip_hdr_id)hdr_compact[c & 31] : SIP_H_OTHER;
	}
	for (unsigned at = hdr_hash(name); hdr_slot[at]; at = (at + 1) % HDR_SLOTS)
		if (str_ieq(hdr_row[hdr_slot[at]].name, name))
			return (enum sip_hdr_id)hdr_slot[at];
	return SIP_H_OTHER;
}

struct str sip_hdr_name(enum sip_hdr_id id)
{
	return hdr_row[id].name;
}

enum sip_hdr_policy sip_hdr_policy(enum sip_hdr_id id)
{
	return (enum sip_hdr_policy)hdr_row[id].policy;
}

bool sip_hdr_is_list(enum sip_hdr_id id)
{
	return hdr_row[id].list;
}
