/* Cutting a byte stream into SIP messages.
 *
 * For the stream transports, on the shard's thread, called whenever bytes have come. It keeps no state: the
 * search for the empty line is memmem(), and header lines are looked at only once they are all there, so
 * that a peer who sends single bytes costs little. A stream whose framing is in doubt is over: what one
 * side takes for a body the other may take for a request. RFC 3261 18.3 and 20.14, RFC 5626 3.5.1. */
#include "sip/lex.h"

/* The one Content-Length of a header block that ends with an empty line. ERR_SYNTAX: two, or a bad one; ERR_NOENT: none. */
static int frame_length(struct str head, size_t *out)
{
	bool have = false;
	uint64_t len = 0;

	str_cut(&head, '\n');
	while (!str_empty(head)) {
		struct str line = str_cut(&head, '\n');
		ptrdiff_t colon;

		if (line.len == 0 || line.p[0] == ' ' || line.p[0] == '\t')
			continue; /* a folded line is a part of the one before */
		if ((line.p[0] | 0x20) != 'c' && (line.p[0] | 0x20) != 'l')
			continue;
		colon = str_find(line, ':');
		if (colon < 0 ||
		    sip_hdr_lookup(str_trim(str_head(line, (size_t)colon))) != SIP_H_CONTENT_LENGTH)
			continue;
		line = str_from(line, (size_t)colon + 1);
		while (!str_empty(head) && (head.p[0] == ' ' || head.p[0] == '\t')) {
			struct str more = str_cut(&head, '\n');

			line.len = (size_t)(more.p + more.len - line.p);
		}
		line = str_trim(line);
		if (have || line.len > 5 || str_to_u64(line, 99999, &len))
			return ERR_SYNTAX;
		have = true;
	}
	if (!have)
		return ERR_NOENT;
	if (len > SIP_BODY_MAX)
		return ERR_LIMIT;
	*out = (size_t)len;
	return 0;
}

int sip_frame(const char *data, size_t n, size_t *skip, size_t *len, bool *ping)
{
	size_t lead = 0, head, body;
	const char *blank;
	int err;

	*len = 0;
	while (n - lead >= 2 && data[lead] == '\r' && data[lead + 1] == '\n')
		lead += 2;
	*skip = lead;
	*ping = lead >= 4;
	if (n == lead || (n - lead == 1 && data[lead] == '\r'))
		return 0;
	blank = memmem(data + lead, n - lead, "\r\n\r\n", 4);
	if (!blank) {
		if (n - lead <= SIP_MSG_MAX_STREAM)
			return 0;
		*len = n - lead;
		return ERR_LIMIT;
	}
	head = (size_t)(blank - data) - lead + 4;
	err = frame_length(str_n(data + lead, head), &body);
	if (!err && head + body > SIP_MSG_MAX_STREAM)
		err = ERR_LIMIT;
	if (err == ERR_NOENT) /* the scan would take it for a datagram's and find nothing wrong */
		return ERR_SYNTAX;
	if (err) {
		*len = head;
		return err;
	}
	if (head + body <= n - lead)
		*len = head + body;
	return 0;
}
