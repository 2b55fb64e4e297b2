/* The SIP headers that Rempart knows: one list with name, compact form and what the border does with the header on its way to
 * another leg. Everything that is not listed, and everything marked DROP or OWN, never crosses: egress is an allow-list. */
#ifndef REMPART_SIP_HDR_H
#define REMPART_SIP_HDR_H

#include "base/str.h"

/* OWN: written by us from our own state. PASS: copied to the far leg. DROP: known (we read it) but never copied. */
enum sip_hdr_policy { HDR_OWN, HDR_PASS, HDR_DROP };

/* X(id, "Name", 'compact or 0', policy, list)  list: 1 where several values may stand in one line, separated by commas */
#define SIP_HDR_LIST(X)                                                                            \
	X(VIA, "Via", 'v', OWN, 1)                                                                 \
	X(FROM, "From", 'f', OWN, 0)                                                               \
	X(TO, "To", 't', OWN, 0)                                                                   \
	X(CALL_ID, "Call-ID", 'i', OWN, 0)                                                         \
	X(CSEQ, "CSeq", 0, OWN, 0)                                                                 \
	X(CONTACT, "Contact", 'm', OWN, 1)                                                         \
	X(MAX_FORWARDS, "Max-Forwards", 0, OWN, 0)                                                 \
	X(ROUTE, "Route", 0, OWN, 1)                                                               \
	X(RECORD_ROUTE, "Record-Route", 0, OWN, 1)                                                 \
	X(CONTENT_LENGTH, "Content-Length", 'l', OWN, 0)                                           \
	X(CONTENT_TYPE, "Content-Type", 'c', OWN, 0)                                               \
	X(CONTENT_ENCODING, "Content-Encoding", 'e', OWN, 1)                                       \
	X(CONTENT_DISPOSITION, "Content-Disposition", 0, OWN, 0)                                   \
	X(CONTENT_LANGUAGE, "Content-Language", 0, OWN, 1)                                         \
	X(MIME_VERSION, "MIME-Version", 0, OWN, 0)                                                 \
	X(ALLOW, "Allow", 0, OWN, 1)                                                               \
	X(SUPPORTED, "Supported", 'k', OWN, 1)                                                     \
	X(REQUIRE, "Require", 0, OWN, 1)                                                           \
	X(PROXY_REQUIRE, "Proxy-Require", 0, DROP, 1)                                              \
	X(UNSUPPORTED, "Unsupported", 0, OWN, 1)                                                   \
	X(USER_AGENT, "User-Agent", 0, OWN, 0)                                                     \
	X(SERVER, "Server", 0, OWN, 0)                                                             \
	X(AUTHORIZATION, "Authorization", 0, DROP, 0)                                              \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0, DROP, 0)                                  \
	X(WWW_AUTHENTICATE, "WWW-Authenticate", 0, DROP, 0)                                        \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0, DROP, 0)                                    \
	X(AUTHENTICATION_INFO, "Authentication-Info", 0, DROP, 0)                                  \
	X(EXPIRES, "Expires", 0, OWN, 0)                                                           \
	X(MIN_EXPIRES, "Min-Expires", 0, DROP, 0)                                                  \
	X(SESSION_EXPIRES, "Session-Expires", 'x', OWN, 0)                                         \
	X(MIN_SE, "Min-SE", 0, OWN, 0)                                                             \
	X(RSEQ, "RSeq", 0, OWN, 0)                                                                 \
	X(RACK, "RAck", 0, OWN, 0)                                                                 \
	X(REFER_TO, "Refer-To", 'r', OWN, 0)                                                       \
	X(REFERRED_BY, "Referred-By", 'b', DROP, 0)                                                \
	X(REPLACES, "Replaces", 0, OWN, 0)                                                         \
	X(JOIN, "Join", 0, OWN, 0)                                                                 \
	X(EVENT, "Event", 'o', OWN, 0)                                                             \
	X(ALLOW_EVENTS, "Allow-Events", 'u', DROP, 1)                                              \
	X(SUBSCRIPTION_STATE, "Subscription-State", 0, OWN, 0)                                     \
	X(PATH, "Path", 0, DROP, 1)                                                                \
	X(SERVICE_ROUTE, "Service-Route", 0, DROP, 1)                                              \
	X(ACCEPT, "Accept", 0, PASS, 1)                                                            \
	X(ACCEPT_ENCODING, "Accept-Encoding", 0, DROP, 1)                                          \
	X(ACCEPT_LANGUAGE, "Accept-Language", 0, PASS, 1)                                          \
	X(ACCEPT_CONTACT, "Accept-Contact", 'a', PASS, 1)                                          \
	X(REJECT_CONTACT, "Reject-Contact", 'j', PASS, 1)                                          \
	X(REQUEST_DISPOSITION, "Request-Disposition", 'd', PASS, 1)                                \
	X(ALERT_INFO, "Alert-Info", 0, PASS, 1)                                                    \
	X(CALL_INFO, "Call-Info", 0, PASS, 1)                                                      \
	X(SUBJECT, "Subject", 's', PASS, 0)                                                        \
	X(PRIORITY, "Priority", 0, PASS, 0)                                                        \
	X(REASON, "Reason", 0, PASS, 1)                                                            \
	X(RETRY_AFTER, "Retry-After", 0, PASS, 0)                                                  \
	X(PRIVACY, "Privacy", 0, PASS, 0)                                                          \
	X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0, DROP, 1)                                  \
	X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0, DROP, 1)                                \
	X(P_EARLY_MEDIA, "P-Early-Media", 0, PASS, 1)                                              \
	X(DIVERSION, "Diversion", 0, DROP, 1)                                                      \
	X(HISTORY_INFO, "History-Info", 0, DROP, 1)                                                \
	X(IDENTITY, "Identity", 'y', DROP, 0)                                                      \
	X(GEOLOCATION, "Geolocation", 0, PASS, 1)                                                  \
	X(GEOLOCATION_ROUTING, "Geolocation-Routing", 0, PASS, 0)                                  \
	X(USER_TO_USER, "User-to-User", 0, PASS, 1)                                                \
	X(INFO_PACKAGE, "Info-Package", 0, PASS, 0)                                                \
	X(RECV_INFO, "Recv-Info", 0, PASS, 1)                                                      \
	X(DATE, "Date", 0, DROP, 0)                                                                \
	X(TIMESTAMP, "Timestamp", 0, DROP, 0)                                                      \
	X(WARNING, "Warning", 0, DROP, 1)                                                          \
	X(IN_REPLY_TO, "In-Reply-To", 0, DROP, 1)                                                  \
	X(ORGANIZATION, "Organization", 0, DROP, 0)                                                \
	X(ERROR_INFO, "Error-Info", 0, DROP, 1)

enum sip_hdr_id {
	SIP_H_OTHER, /* not in the list */
#define X(id, name, compact, policy, list) SIP_H_##id,
	SIP_HDR_LIST(X)
#undef X
		SIP_H_COUNT
};

/* Case-insensitive, compact forms too; constant time in the size of the list. */
enum sip_hdr_id sip_hdr_lookup(struct str name);
struct str sip_hdr_name(enum sip_hdr_id id); /* canonical spelling; empty for SIP_H_OTHER */
enum sip_hdr_policy sip_hdr_policy(enum sip_hdr_id id);
bool sip_hdr_is_list(enum sip_hdr_id id);

#endif
