/* THE table of settings. A row is a sentence: what it is called, what it holds, its bounds and default, whether a reload
 * takes it over, where its value goes, and what it is for. Rows made with LATER are settings whose feature does not exist
 * yet: known to the documentation, refused by the loader. Constant data, any thread; schema.h tells how paths are read. */
#include "conf/schema.h"

#include <assert.h>
#include <stddef.h>

#define ROW(path_, type_, help_, ...)                                                              \
	{                                                                                          \
		.path = (path_), .type = CONF_##type_, .help = (help_), .supported = true,         \
		__VA_ARGS__                                                                        \
	}
#define LATER(path_, type_, help_)                                                                 \
	{                                                                                          \
		.path = (path_), .type = CONF_##type_, .help = (help_)                             \
	}
#define IN(struct_, field) .at = offsetof(struct struct_, field)
#define MANY(struct_, field, n_field, element)                                                     \
	IN(struct_, field), .count = offsetof(struct struct_, n_field),                            \
			    .size = sizeof(struct element)
#define FIXED(struct_, field, n_field)                                                             \
	IN(struct_, field), .count = offsetof(struct struct_, n_field)
#define NOWHERE          .at = CONF_NOWHERE
#define DEF(text)        .def = (text)
#define RANGE(low, high) .min = (low), .max = (high)
#define RELOAD           .reload = true
#define MUST             .required = true
#define ONLY(text)       .only = (text)
#define CHOICE_OF(list)  .choice = (list)
#define TO(kind_)        .kind = KIND_##kind_
#define SECOND           1000ULL
#define HOUR             (3600 * SECOND)

static const struct conf_choice tls_versions[] = {
	{"1.2", CONF_TLS_1_2}, {"1.3", CONF_TLS_1_3}, {0}};
static const struct conf_choice client_auths[] = {{"none", CONF_CLIENT_NONE},
						  {"optional", CONF_CLIENT_OPTIONAL},
						  {"required", CONF_CLIENT_REQUIRED},
						  {0}};
static const struct conf_choice polls[] = {
	{"adaptive", CONF_POLL_ADAPTIVE}, {"busy", CONF_POLL_BUSY}, {0}};
static const struct conf_choice cryptos[] = {
	{"auto", 0}, {"ipsec_mb", 0}, {"openssl", 0}, {"libsrtp2", 0}, {0}};
static const struct conf_choice trusts[] = {{"untrusted", CONF_TRUST_UNTRUSTED},
					    {"peers_only", CONF_TRUST_PEERS_ONLY},
					    {"trusted", CONF_TRUST_TRUSTED},
					    {0}};
static const struct conf_choice nats[] = {
	{"off", CONF_NAT_OFF}, {"auto", CONF_NAT_AUTO}, {"remote", CONF_NAT_REMOTE}, {0}};
static const struct conf_choice hidings[] = {{"full", 0}, {0}};
static const struct conf_choice srtps[] = {{"off", 0}, {"prefer", 0}, {"require", 0}, {0}};
static const struct conf_choice capabilities[] = {
	{"none", 0}, {"supported", 0}, {"required", 0}, {0}};
static const struct conf_choice refers[] = {{"local", 0}, {"pass", 0}, {"deny", 0}, {0}};
static const struct conf_choice modes[] = {{"local", 0}, {"cache", 0}, {"pass", 0}, {0}};
static const struct conf_choice dnses[] = {{"naptr", 0}, {"srv", 0}, {"a", 0}, {0}};
static const struct conf_choice formats[] = {{"logfmt", LOG_LOGFMT}, {"json", LOG_JSON}, {0}};
static const struct conf_choice levels[] = {
	{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR}, {0}};

/* clang-format off */
const struct conf_row schema[] = {
	ROW("version", NUMBER, "Version of this file's form.", IN(conf, version), RANGE(1, 1), MUST),

	ROW("system", SECTION, "The node."),
	ROW("system.name", STRING, "The node's name, in logs and statistics.", IN(conf, system.name), DEF("rempart"), RANGE(1, 64)),
	ROW("system.shards", NUMBER, "Threads that handle signalling.", IN(conf, system.shards), DEF("1"), RANGE(1, 64), ONLY("1")),
	ROW("system.user_agent", STRING, "Value of the User-Agent and Server headers; `none` leaves them out.", IN(conf, system.user_agent), DEF("none"), RELOAD),
	ROW("system.run_dir", PATH, "Folder of sockets and of the pid file; systemd's RUNTIME_DIRECTORY takes the default's place.", IN(conf, system.run_dir), DEF("/run/rempart")),
	ROW("system.state_dir", PATH, "Folder of what outlives a restart; systemd's STATE_DIRECTORY takes the default's place.", IN(conf, system.state_dir), DEF("/var/lib/rempart")),
	LATER("system.overload", SECTION, "What to do when there is more work than time."),
	LATER("system.overload.cpu", PERCENT, "Load of the signalling thread from which on new calls are turned away."),
	LATER("system.overload.reply", NUMBER, "SIP status that they get."),
	LATER("system.overload.retry_after", DURATION, "Retry-After in that answer."),

	ROW("dataplane", SECTION, "The program that moves media."),
	ROW("dataplane.lcores", CPU, "CPU of the media worker; left out, it runs where the kernel puts it.", IN(conf, dataplane.lcores)),
	ROW("dataplane.poll", CHOICE, "Whether an idle worker sleeps (`adaptive`) or spins (`busy`).", IN(conf, dataplane.poll), CHOICE_OF(polls), DEF("adaptive")),
	ROW("dataplane.memory", SECTION, "Memory for packets; one of the two."),
	ROW("dataplane.memory.huge", SIZE, "Take so much from hugepages.", IN(conf, dataplane.huge_bytes), RANGE(32 << 20, 1ULL << 40)),
	ROW("dataplane.memory.nohuge", SIZE, "Take so much of ordinary memory (the default, 256M).", IN(conf, dataplane.nohuge_bytes), RANGE(32 << 20, 1ULL << 40)),
	ROW("dataplane.crypto", CHOICE, "SRTP engine.", NOWHERE, CHOICE_OF(cryptos), DEF("auto"), ONLY("auto")),
	ROW("dataplane.ports", NAMED, "DPDK ports; each has `pci` or `vdev`.", MANY(conf, dataplane.port, dataplane.n_port, conf_port)),
	ROW("dataplane.ports.*.pci", PCI, "PCI address of a network card.", IN(conf_port, pci)),
	ROW("dataplane.ports.*.vdev", VDEV, "Virtual device as EAL takes it, such as `net_af_packet,iface=eth1`.", IN(conf_port, vdev)),
	ROW("dataplane.ports.*.queues", NUMBER, "Receive queues.", IN(conf_port, queues), DEF("1"), RANGE(1, 64), ONLY("1")),

	ROW("interfaces", NAMED, "Networks: a port with our addresses on it.", MANY(conf, interface, n_interface, conf_interface)),
	ROW("interfaces.*.port", IF_PORT, "Name under `dataplane.ports`, or `auto`: a TAP device of our own.", IN(conf_interface, port), TO(PORT), MUST),
	LATER("interfaces.*.vlan", NUMBER, "802.1Q VLAN."),
	ROW("interfaces.*.address", SUBNETS, "Media addresses with their subnets; the dataplane answers for them.", FIXED(conf_interface, address, n_address), MUST),
	ROW("interfaces.*.sip_address", ADDRS, "Addresses of the kernel on which SIP is heard.", FIXED(conf_interface, sip_address, n_sip_address)),
	ROW("interfaces.*.gateway", ADDRS, "Next hop of media towards other subnets.", FIXED(conf_interface, gateway, n_gateway)),
	ROW("interfaces.*.advertise", ADDR, "Address shown in SIP and SDP where ours is translated on the way.", IN(conf_interface, advertise)),
	ROW("interfaces.*.dscp", SECTION, "Marking of what we send: a name or 0 to 63."),
	ROW("interfaces.*.dscp.sip", DSCP, "DSCP of SIP.", IN(conf_interface, dscp_sip), DEF("cs3")),
	ROW("interfaces.*.dscp.rtp", DSCP, "DSCP of media.", IN(conf_interface, dscp_rtp), DEF("ef")),

	ROW("realms", NAMED, "Sides of the border.", MANY(conf, realm, n_realm, conf_realm)),
	ROW("realms.*.interface", REF, "Interface that it lives on.", IN(conf_realm, interface), TO(INTERFACE), MUST),
	ROW("realms.*.trust", CHOICE, "Who may speak: anyone, known to be a stranger (`untrusted`); trunks' peers only; anyone, as a friend (`trusted`).", IN(conf_realm, trust), CHOICE_OF(trusts), DEF("untrusted"), RELOAD),
	ROW("realms.*.media_pool", REF, "Where its media ports come from.", IN(conf_realm, media_pool), TO(POOL), MUST),
	ROW("realms.*.profile", REF, "What its peers can do; left out: the permissive default.", IN(conf_realm, profile), TO(PROFILE), RELOAD),
	ROW("realms.*.topology_hiding", CHOICE, "What the far side sees of this one: nothing.", NOWHERE, CHOICE_OF(hidings), DEF("full"), ONLY("full")),
	ROW("realms.*.nat", CHOICE, "Whether peers sit behind NAT: never, when it shows, always.", IN(conf_realm, nat), CHOICE_OF(nats), DEF("auto"), RELOAD),
	LATER("realms.*.acl", STRING, "Name under `acl`."),
	LATER("realms.*.limits", STRING, "Name under `limits`."),

	ROW("media_pools", NAMED, "Ranges of media ports.", MANY(conf, media_pool, n_media_pool, conf_media_pool)),
	ROW("media_pools.*.interface", REF, "Interface whose addresses are used.", IN(conf_media_pool, interface), TO(INTERFACE), MUST),
	ROW("media_pools.*.ports", PORTS, "First and last port: an even and an odd one, RTP and RTCP go in pairs.", IN(conf_media_pool, port_first), MUST),
	ROW("media_pools.*.quarantine", DURATION, "How long a used port rests.", IN(conf_media_pool, quarantine_ms), DEF("60s"), RANGE(0, HOUR), RELOAD),
	ROW("media_pools.*.exhausted", NUMBER, "SIP status of calls for which no port is left.", IN(conf_media_pool, exhausted), DEF("503"), RANGE(400, 699), RELOAD),

	ROW("listeners", NAMED, "Where SIP is heard.", MANY(conf, listener, n_listener, conf_listener)),
	ROW("listeners.*.realm", REF, "Realm that what comes in belongs to.", IN(conf_listener, realm), TO(REALM), MUST),
	ROW("listeners.*.on", LISTEN, "Transports and ports, on every `sip_address` of the realm's interface; `tls` needs `tls` beside it; `ws` and `wss` are not supported yet.", MANY(conf_listener, on, n_on, conf_listen), MUST),
	ROW("listeners.*.tls", REF, "Name under `tls`; its certificate is also shown where we connect from this realm.", IN(conf_listener, tls), TO(TLS)),

	ROW("tls", NAMED, "Certificates and what is asked of the other side.", MANY(conf, tls, n_tls, conf_tls)),
	ROW("tls.*.cert", FILE, "Certificate chain, PEM, our own certificate first.", IN(conf_tls, cert), RANGE(1, 4000), MUST),
	ROW("tls.*.key", KEY_FILE, "Its private key, PEM, without a passphrase.", IN(conf_tls, key), RANGE(1, 4000), MUST),
	ROW("tls.*.min", CHOICE, "Lowest version.", IN(conf_tls, min), CHOICE_OF(tls_versions), DEF("1.2")),
	ROW("tls.*.client_auth", CHOICE, "Whether who connects must show a certificate: not asked for; asked for, and checked if there is one; must.", IN(conf_tls, client_auth), CHOICE_OF(client_auths), DEF("none")),
	ROW("tls.*.ca", CA, "Who may have signed the other side's, either way: a PEM file, a folder of them, or `system`.", IN(conf_tls, ca), RANGE(1, 4000), DEF("system")),
	ROW("tls.*.sni", NAMED, "Other sets by server name; `*.` stands for one label.", MANY(conf_tls, sni, n_sni, conf_sni)),
	ROW("tls.*.sni.*", REF, "Name under `tls`.", IN(conf_sni, tls), TO(TLS)),
	ROW("tls.*.watch", BOOL, "Look at the files every two seconds and take changed ones for new connections.", IN(conf_tls, watch), DEF("true")),

	ROW("profiles", NAMED, "What a peer can do; Rempart does the rest.", MANY(conf, profile, n_profile, conf_profile)),
	LATER("profiles.*.codecs", STRINGS, "Codecs, in order."),
	LATER("profiles.*.dtmf", STRING, "How digits are sent."),
	ROW("profiles.*.srtp", CHOICE, "Encrypted media.", NOWHERE, CHOICE_OF(srtps), DEF("off"), ONLY("off")),
	LATER("profiles.*.keying", STRINGS, "How media keys are agreed on."),
	LATER("profiles.*.suites", STRINGS, "SRTP suites, in order."),
	LATER("profiles.*.ice", STRING, "ICE."),
	LATER("profiles.*.rtcp_mux", STRING, "RTP and RTCP on one port."),
	ROW("profiles.*.timeout", SECTION, "When silence ends a call."),
	ROW("profiles.*.timeout.rtp", DURATION, "Media silence that ends a call.", IN(conf_profile, timeout_rtp_ms), DEF("60s"), RANGE(SECOND, 168 * HOUR), RELOAD),
	ROW("profiles.*.timeout.hold", DURATION, "The same while the call is held.", IN(conf_profile, timeout_hold_ms), DEF("2h"), RANGE(SECOND, 168 * HOUR), RELOAD),
	LATER("profiles.*.t38", STRING, "Fax."),
	ROW("profiles.*.prack", CHOICE, "Reliable provisional responses (RFC 3262).", NOWHERE, CHOICE_OF(capabilities), DEF("none"), ONLY("none")),
	ROW("profiles.*.update", CHOICE, "UPDATE (RFC 3311).", NOWHERE, CHOICE_OF(capabilities), DEF("none"), ONLY("none")),
	ROW("profiles.*.refer", CHOICE, "Who carries out a REFER (RFC 3515).", NOWHERE, CHOICE_OF(refers), DEF("deny"), ONLY("deny")),
	LATER("profiles.*.replaces", STRING, "Who carries out a Replaces (RFC 3891)."),
	LATER("profiles.*.session_timer", SECTION, "Session timers (RFC 4028)."),
	LATER("profiles.*.session_timer.expires", DURATION, "Interval that we ask for."),
	LATER("profiles.*.session_timer.min", DURATION, "Shortest interval that we take."),

	LATER("nat", SECTION, "Keeping the way to phones behind NAT open."),
	LATER("nat.keepalive", SECTION, "What we send."),
	LATER("nat.keepalive.udp", DURATION, "Interval over UDP."),
	LATER("nat.keepalive.method", STRING, "What is sent."),
	LATER("nat.reregister", SECTION, "Expiry given to phones behind NAT."),
	LATER("nat.reregister.udp", DURATION, "Over UDP."),
	LATER("nat.reregister.tcp", DURATION, "Over TCP."),
	LATER("nat.outbound", BOOL, "Outbound (RFC 5626)."),

	ROW("registrar", SECTION, "Where phones register.", .count = offsetof(struct conf, registrar.enabled)),
	ROW("registrar.realm", REFS, "Realms of the phones.", .at = offsetof(struct conf, registrar.realm), .count = offsetof(struct conf, registrar.n_realm), .size = sizeof(struct conf_realm *), TO(REALM), MUST),
	ROW("registrar.mode", CHOICE, "Whether we keep the registrations or a server behind us.", NOWHERE, CHOICE_OF(modes), DEF("local"), ONLY("local")),
	ROW("registrar.domains", STRINGS, "Domains that are ours; left out: every domain.", MANY(conf, registrar.domain, registrar.n_domain, str), RELOAD),
	ROW("registrar.users", NAMED, "Users and their passwords.", MANY(conf, registrar.user, registrar.n_user, conf_user), RELOAD),
	ROW("registrar.users.*", PASSWORD, "Password.", .at = 0, RELOAD),
	ROW("registrar.max_contacts", NUMBER, "Contacts that a user may have at a time.", IN(conf, registrar.max_contacts), DEF("5"), RANGE(1, 100), RELOAD),
	ROW("registrar.min_expires", DURATION, "Shortest registration that we take.", IN(conf, registrar.min_expires_ms), DEF("60s"), RANGE(SECOND, 24 * HOUR), RELOAD),
	LATER("registrar.upstream", STRING, "Trunk of the server behind us."),

	ROW("trunks", NAMED, "Peers that calls go to and come from.", MANY(conf, trunk, n_trunk, conf_trunk)),
	ROW("trunks.*.realm", REF, "Realm that its peers are in.", IN(conf_trunk, realm), TO(REALM), MUST, RELOAD),
	ROW("trunks.*.profile", REF, "What its peers can do; left out: the realm's.", IN(conf_trunk, profile), TO(PROFILE), RELOAD),
	ROW("trunks.*.peers", LIST, "Servers of the trunk.", MANY(conf_trunk, peer, n_peer, conf_peer), MUST, RELOAD),
	ROW("trunks.*.peers[].uri", PEER_URI, "SIP URI with an IP address; `;transport=tcp` for TCP, `;transport=tls` for TLS; other transports and names are not supported yet.", .at = 0, MUST, RELOAD),
	ROW("trunks.*.peers[].dns", CHOICE, "How its name is looked up.", NOWHERE, CHOICE_OF(dnses), DEF("a"), ONLY("a")),
	ROW("trunks.*.peers[].priority", NUMBER, "Lower ones are tried first.", IN(conf_peer, priority), DEF("1"), RANGE(0, 65535), RELOAD),
	ROW("trunks.*.peers[].weight", NUMBER, "Share among peers of one priority.", IN(conf_peer, weight), DEF("10"), RANGE(0, 65535), RELOAD),
	LATER("trunks.*.select", STRING, "How a peer is chosen."),
	ROW("trunks.*.match", SECTION, "How the trunk is recognised."),
	ROW("trunks.*.match.source", PREFIXES, "Source addresses or prefixes; the peers' own are always among them.", MANY(conf_trunk, match_source, n_match_source, prefix), RELOAD),
	ROW("trunks.*.match.tls_san", STRING, "Name in the peer's certificate, where it connects (`client_auth`) and where we do; with `source` both must hold, alone it comes from anywhere.", IN(conf_trunk, tls_san), RELOAD),
	LATER("trunks.*.auth", SECTION, "Our account at the peer."),
	LATER("trunks.*.auth.user", STRING, "User."),
	LATER("trunks.*.auth.password", PASSWORD, "Password."),
	LATER("trunks.*.register", SECTION, "Register there."),
	LATER("trunks.*.register.expires", DURATION, "For so long."),
	LATER("trunks.*.health", SECTION, "Probing with OPTIONS."),
	LATER("trunks.*.health.interval", DURATION, "Time between two probes."),
	LATER("trunks.*.health.down_after", NUMBER, "Failures in a row that take a peer out."),
	LATER("trunks.*.health.up_after", NUMBER, "Successes in a row that bring it back."),
	LATER("trunks.*.health.ok", STRINGS, "Answers that count as success."),
	LATER("trunks.*.failover", SECTION, "When the next peer is tried."),
	LATER("trunks.*.failover.on", STRINGS, "Answers that lead on."),
	LATER("trunks.*.failover.invite_timeout", DURATION, "Silence that leads on."),
	LATER("trunks.*.failover.attempts", NUMBER, "Peers tried for one call."),
	LATER("trunks.*.limits", SECTION, "How much a trunk takes."),
	LATER("trunks.*.limits.calls", NUMBER, "Calls at a time."),
	LATER("trunks.*.limits.cps", NUMBER, "New calls per second to it."),
	LATER("trunks.*.limits.in_cps", NUMBER, "New calls per second from it."),
	LATER("trunks.*.identity", SECTION, "Asserted identity."),
	LATER("trunks.*.identity.pai", STRING, "P-Asserted-Identity (RFC 3325)."),
	LATER("trunks.*.identity.privacy", STRING, "Privacy (RFC 3323)."),
	LATER("trunks.*.manipulation", SECTION, "Changes to messages."),
	LATER("trunks.*.manipulation.in", STRING, "Of those that come in: a name under `manipulations`."),
	LATER("trunks.*.manipulation.out", STRING, "Of those that go out."),

	LATER("manipulations", NAMED, "Lists of changes to messages."),
	LATER("manipulations.*", LIST, "Changes, in order."),
	LATER("manipulations.*[].on", STRINGS, "Methods."),
	LATER("manipulations.*[].header", STRING, "Header; `*` at its end stands for any rest."),
	LATER("manipulations.*[].set", STRING, "New value."),
	LATER("manipulations.*[].remove", BOOL, "Take the header out."),
	LATER("manipulations.*[].part", STRING, "Part of the header that `match` looks at."),
	LATER("manipulations.*[].match", STRING, "Regular expression."),
	LATER("manipulations.*[].replace", STRING, "What stands in the place of the match."),
	LATER("manipulations.*[].sdp", BOOL, "Change the SDP, not a header."),
	LATER("manipulations.*[].remove_line", STRING, "SDP lines to take out."),

	ROW("routing", LIST, "Where calls go; the first match wins.", MANY(conf, route, n_route, conf_route), RELOAD),
	ROW("routing[].name", STRING, "The rule's name, in logs.", IN(conf_route, name), RANGE(1, 64), MUST, RELOAD),
	ROW("routing[].match", SECTION, "What must be so; left out: any call."),
	ROW("routing[].match.from", FROM, "`realm/NAME` or `trunk/NAME` that it comes from.", .at = 0, RELOAD),
	ROW("routing[].match.called", STRINGS, "Called numbers or users.", MANY(conf_route, called, n_called, str), RELOAD),
	ROW("routing[].match.called_prefix", STRINGS, "What the called number begins with.", MANY(conf_route, called_prefix, n_called_prefix, str), RELOAD),
	LATER("routing[].bypass_limits", BOOL, "No limit holds the call back."),
	LATER("routing[].translate", STRING, "Name under `translations`."),
	ROW("routing[].to", TO, "`trunk/NAME`, `registrar` or `media/echo`; a list of one is fine.", .at = 0, RELOAD),
	ROW("routing[].reject", NUMBER, "SIP status that the call is refused with.", IN(conf_route, reject), RANGE(400, 699), RELOAD),
	LATER("routing[].redirect", STRING, "SIP URI that the caller is sent to."),

	LATER("translations", NAMED, "Lists of changes to numbers."),
	LATER("translations.*", LIST, "Changes, in order."),
	LATER("translations.*[].match", STRING, "Regular expression."),
	LATER("translations.*[].replace", STRING, "What stands in the place of the match."),

	LATER("acl", NAMED, "Who is turned away."),
	LATER("acl.*.deny", PREFIXES, "Source addresses or prefixes."),
	LATER("acl.*.user_agent_deny", STRINGS, "Words in User-Agent."),
	LATER("acl.*.ban", SECTION, "Turning away by behaviour."),
	LATER("acl.*.ban.auth_fail", RATE, "Failed authentications."),
	LATER("acl.*.ban.malformed", RATE, "Malformed messages."),
	LATER("acl.*.ban.for", DURATION, "How long."),

	LATER("limits", NAMED, "How much one may do."),
	LATER("limits.*.per_source", SECTION, "One source address."),
	LATER("limits.*.per_source.sip", RATE, "SIP messages."),
	LATER("limits.*.per_source.calls", NUMBER, "Calls at a time."),
	LATER("limits.*.per_user", SECTION, "One user."),
	LATER("limits.*.per_user.calls", NUMBER, "Calls at a time."),
	LATER("limits.*.max_duration", DURATION, "Longest call."),

	LATER("store", SECTION, "Where calls and registrations are kept."),
	LATER("store.backend", STRING, "`embedded` or `redis`."),

	LATER("cluster", SECTION, "Nodes that stand in for one another."),
	LATER("cluster.redis", SECTION, "The store that they share."),
	LATER("cluster.redis.url", STRING, "Its address."),
	LATER("cluster.redis.prefix", STRING, "What all keys begin with."),
	LATER("cluster.key", PASSWORD, "Key that wraps what leaves a node."),
	LATER("cluster.nodes", NAMED, "The nodes."),
	LATER("cluster.nodes.*.address", ADDR, "Address."),
	LATER("cluster.heartbeat", DURATION, "Time between two signs of life."),
	LATER("cluster.down_after", NUMBER, "How many missing ones mean death."),

	ROW("observability", SECTION, "Looking in."),
	ROW("observability.http", HOSTPORT, "Address and port of `/metrics`, `/healthz`, `/readyz`; left out: none.", IN(conf, observability.http)),
	ROW("observability.log", SECTION, "The log, on standard error."),
	ROW("observability.log.format", CHOICE, "Form of a line.", IN(conf, observability.log_format), CHOICE_OF(formats), DEF("logfmt"), RELOAD),
	ROW("observability.log.level", CHOICE, "Lowest level that is written.", IN(conf, observability.log_level), CHOICE_OF(levels), DEF("info"), RELOAD),
	LATER("observability.cdr", SECTION, "Call detail records."),
	LATER("observability.cdr.dir", PATH, "Folder."),
	LATER("observability.cdr.format", STRING, "Form."),
	LATER("observability.hep", SECTION, "A copy of SIP for Homer."),
	LATER("observability.hep.to", STRING, "Where to."),
	LATER("observability.hep.id", NUMBER, "Capture agent's number."),
};
/* clang-format on */

const size_t n_schema = sizeof(schema) / sizeof(schema[0]);
const struct conf_row schema_root = {.path = "", .type = CONF_SECTION, .supported = true};

#define KIND(noun_, section_, subsection_, field, n_field, type_)                                  \
	{                                                                                          \
		.noun = (noun_), .section = (section_), .subsection = (subsection_),               \
		.at = offsetof(struct conf, field), .count = offsetof(struct conf, n_field),       \
		.size = sizeof(struct type_)                                                       \
	}
const struct conf_kind_desc conf_kinds[KINDS] = {
	[KIND_INTERFACE] =
		KIND("interface", "interfaces", NULL, interface, n_interface, conf_interface),
	[KIND_REALM] = KIND("realm", "realms", NULL, realm, n_realm, conf_realm),
	[KIND_POOL] =
		KIND("media pool", "media_pools", NULL, media_pool, n_media_pool, conf_media_pool),
	[KIND_PROFILE] = KIND("profile", "profiles", NULL, profile, n_profile, conf_profile),
	[KIND_TRUNK] = KIND("trunk", "trunks", NULL, trunk, n_trunk, conf_trunk),
	[KIND_PORT] =
		KIND("port", "dataplane", "ports", dataplane.port, dataplane.n_port, conf_port),
	[KIND_TLS] = KIND("tls block", "tls", NULL, tls, n_tls, conf_tls),
};

/* The loader finds the name of a named thing at its beginning, and writes these as plain ints. */
static_assert(offsetof(struct conf_port, name) == 0 && offsetof(struct conf_interface, name) == 0 &&
		      offsetof(struct conf_media_pool, name) == 0 &&
		      offsetof(struct conf_profile, name) == 0 &&
		      offsetof(struct conf_realm, name) == 0 &&
		      offsetof(struct conf_listener, name) == 0 &&
		      offsetof(struct conf_user, name) == 0 &&
		      offsetof(struct conf_trunk, name) == 0 &&
		      offsetof(struct conf_tls, name) == 0 && offsetof(struct conf_sni, name) == 0,
	      "name is the first member");
static_assert(sizeof(enum conf_trust) == sizeof(int) && sizeof(enum log_level) == sizeof(int),
	      "choices are ints");
static_assert(offsetof(struct conf_media_pool, port_last) ==
		      offsetof(struct conf_media_pool, port_first) + sizeof(uint16_t),
	      "a range of ports is two neighbours");

const char *schema_name(const struct conf_row *parent, const struct conf_row *row)
{
	const char *under = parent->type == CONF_NAMED  ? ".*."
			    : parent->type == CONF_LIST ? "[]."
							: ".";
	const char *p = row->path;
	size_t n = strlen(parent->path);

	if (n) {
		if (strncmp(p, parent->path, n) != 0 || strncmp(p + n, under, strlen(under)) != 0)
			return NULL;
		p += n + strlen(under);
	}
	return strchr(p, '.') ? NULL : p;
}

const struct conf_row *schema_child(const struct conf_row *parent, struct str name)
{
	for (size_t i = 0; i < n_schema; i++) {
		const char *own = schema_name(parent, &schema[i]);

		if (own && !strchr(own, '*') && str_eq(str_c(own), name))
			return &schema[i];
	}
	return NULL;
}

const struct conf_row *schema_entry(const struct conf_row *named)
{
	size_t n = strlen(named->path);

	for (size_t i = 0; i < n_schema; i++)
		if (strncmp(schema[i].path, named->path, n) == 0 &&
		    strcmp(schema[i].path + n, ".*") == 0)
			return &schema[i];
	return NULL;
}

const struct conf_row *schema_find(const char *path)
{
	for (size_t i = 0; i < n_schema; i++)
		if (strcmp(schema[i].path, path) == 0)
			return &schema[i];
	return NULL;
}
