/* Wrong configurations and every word that is said about them. All findings of a text are in one row, in the file's
 * order, without the file's name in front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "conf/node.h"
#include "conf/schema.h"

#define V    "version: 1\n"
#define IF   "interfaces: {i: {port: auto, address: 192.0.2.2/24, sip_address: 192.0.2.1}}\n"
#define PO   "media_pools: {p: {interface: i, ports: 2000-2999}}\n"
#define RE   "realms: {access: {interface: i, media_pool: p}}\n"
#define LI   "listeners: {l: {realm: access, on: udp:5060}}\n"
#define BASE V IF PO RE LI
#define X16  "xxxxxxxxxxxxxxxx"
#define X64  X16 X16 X16 X16
#define X256 X64 X64 X64 X64

struct row {
	const char *what, *in, *out;
};

static const struct row yaml_rows[] = {
	{"nothing", "", "1:1: error: the file is empty\n"},
	{"only a comment", "# hello\n", "1:1: error: the file is empty\n"},
	{"not a map", "- a\n", "1:1: error: expected a map, not a list\n"},
	{"a bare word", "hello\n", "1:1: error: expected a map, not a single value\n"},
	{"broken YAML",
	 "version: [1\n"
	 "system: {}\n",
	 "2:7: error: YAML: did not find expected ',' or ']' while parsing a flow sequence\n"},
	{"a tab", V "	system: {}\n", "2:1: error: a line cannot begin with a tab, use spaces\n"},
	{"a tab below a section", V "system:\n  name: a\n \tshards: 1\n",
	 "4:1: error: a line cannot begin with a tab, use spaces\n"},
	{"a tab below an empty section", V "system:\n\tname: a\n",
	 "3:1: error: a line cannot begin with a tab, use spaces\n"},
	{"a byte order mark", "\357\273\277" V "bananas: {}\n",
	 "2:1: error: unknown key 'bananas'\n"},
	{"nothing but a byte order mark", "\357\273\277", "1:1: error: the file is empty\n"},
	{"twins",
	 V "system: {name: a, name: b}\n"
	   "version: 1\n",
	 "2:19: error: 'name' stands here twice (first on line 2)\n"
	 "3:1: error: 'version' stands here twice (first on line 1)\n"},
	{"an anchor", V "system: &x {name: a}\n", "2:9: error: anchors and tags are not allowed\n"},
	{"an alias", V "system: {name: *x}\n", "2:16: error: aliases are not allowed\n"},
	{"a tag", "version: !!int 1\n", "1:10: error: anchors and tags are not allowed\n"},
	{"two documents",
	 V "---\n"
	   "version: 1\n",
	 "2:1: error: a second document; one file holds one\n"},
	{"a key that is a list",
	 V "? [a]\n"
	   ": b\n",
	 "2:3: error: a key must be a plain word, not a map or list\n"},
	{"too deep", "a: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n",
	 "1:19: error: nested deeper than 16 levels\n"},
	{"a control character", V "system: {name: \"a\\x01b\"}\n",
	 "2:16: error: control character in a value\n"},
	{"not UTF-8", V "system: {name: \377}\n",
	 "2:16: error: YAML: invalid leading UTF-8 octet\n"},
};

static const struct row keys_rows[] = {
	{"no version", "system: {}\n", "1:1: error: 'version' is missing\n"},
	{"a version of the future", "version: 2\n", "1:10: error: version: must be 1, not 2\n"},
	{"unknown at the top", V "relams: {}\n",
	 "2:1: error: unknown key 'relams'; did you mean 'realms'\n"},
	{"unknown, nothing near", V "bananas: {}\n", "2:1: error: unknown key 'bananas'\n"},
	{"unknown inside",
	 V "system: {nmae: x}\n"
	   "dataplane: {ports: {a: {vdev: net_null, queue: 1}}}\n",
	 "2:10: error: unknown key 'nmae'; did you mean 'name'\n"
	 "3:41: error: unknown key 'queue'; did you mean 'queues'\n"},
	{"a key with a dot", V "system.name: x\n", "2:1: error: unknown key 'system.name'\n"},
	{"the schema's own signs",
	 V "\"registrar.users\": 1\n"
	   "\"*\": 1\n"
	   "realms[]: 1\n",
	 "2:1: error: unknown key 'registrar.users'\n"
	 "3:1: error: unknown key '*'\n"
	 "4:1: error: unknown key 'realms[]'; did you mean 'realms'\n"},
	{"a section that is a word",
	 V "system: yes\n"
	   "realms: [a]\n"
	   "routing: {a: b}\n",
	 "2:9: error: system: expected a map, not a single value\n"
	 "3:9: error: realms: expected a map, not a list\n"
	 "4:10: error: routing: expected a list, not a map\n"},
	{"empty sections",
	 V "realms:\n"
	   "system:\n",
	 "2:8: error: realms: expected a map, not a single value\n"
	 "3:8: error: system: expected a map, not a single value\n"},
	{"missing keys",
	 V "interfaces: {i: {}}\n"
	   "realms: {r: {}}\n"
	   "media_pools: {p: {}}\n"
	   "listeners: {l: {}}\n"
	   "registrar: {}\n"
	   "trunks: {t: {peers: [{}]}}\n"
	   "routing: [{}]\n",
	 "2:14: error: 'port' is missing in 'i'\n"
	 "2:14: error: 'address' is missing in 'i'\n"
	 "3:10: error: 'interface' is missing in 'r'\n"
	 "3:10: error: 'media_pool' is missing in 'r'\n"
	 "4:15: error: 'interface' is missing in 'p'\n"
	 "4:15: error: 'ports' is missing in 'p'\n"
	 "5:13: error: 'realm' is missing in 'l'\n"
	 "5:13: error: 'on' is missing in 'l'\n"
	 "6:1: error: 'realm' is missing in 'registrar'\n"
	 "7:10: error: 'realm' is missing in 't'\n"
	 "7:22: error: 'uri' is missing\n"
	 "8:11: error: 'name' is missing\n"
	 "8:11: error: a rule needs either to or reject\n"},
	{"names that are none", V "realms: {\"a/b\": {}, \"\": {}, \"a b\": {}}\n",
	 "2:10: error: 'a/b' is not a name: 1 to 64 letters, digits and simple signs\n"
	 "2:21: error: '' is not a name: 1 to 64 letters, digits and simple signs\n"
	 "2:29: error: 'a b' is not a name: 1 to 64 letters, digits and simple signs\n"},
};

static const struct row values_rows[] = {
	{"numbers",
	 BASE "registrar: {realm: access, users: {}, max_contacts: 0, min_expires: 1d}\n",
	 "6:53: error: max_contacts: 0 is not between 1 and 100\n"
	 "6:69: error: min_expires: expected a duration such as 250ms, 60s or 2h, not '1d'\n"},
	{"out of range",
	 BASE "registrar: {realm: access, users: {}, max_contacts: 1000, min_expires: 48h}\n",
	 "6:53: error: max_contacts: 1000 is not between 1 and 100\n"
	 "6:72: error: min_expires: 48h is not between 1s and 24h\n"},
	{"sizes", V "dataplane: {memory: {huge: 2X}}\n",
	 "2:28: error: huge: expected a size such as 256M or 2G, not '2X'\n"},
	{"too little memory", V "dataplane: {memory: {huge: 2M}}\n",
	 "2:28: error: huge: 2M is not between 32M and 1024G\n"},
	{"both kinds of memory", V "dataplane: {memory: {huge: 1G, nohuge: 1G}}\n",
	 "2:13: error: memory: huge and nohuge exclude each other\n"},
	{"choices",
	 V "dataplane: {poll: fast}\n"
	   "observability: {log: {level: loud, format: xml}}\n",
	 "2:19: error: poll: expected adaptive or busy, not 'fast'\n"
	 "3:30: error: level: expected debug, info, warn or error, not 'loud'\n"
	 "3:44: error: format: expected logfmt or json, not 'xml'\n"},
	{"a map for a value",
	 V "dataplane: {poll: {a: b}}\n"
	   "system: {name: [a, b]}\n",
	 "2:19: error: poll: expected a single value, not a map\n"
	 "3:16: error: name: expected a single value, not a list\n"},
	{"CPU", V "dataplane: {lcores: first}\n",
	 "2:21: error: lcores: expected the number of a CPU, not 'first'\n"},
	{"an address list",
	 V "interfaces: {i: {port: auto, address: [192.0.2.2, 192.0.2.3/33, x], "
	   "sip_address: [192.0.2.1/24], gateway: []}}\n",
	 "2:40: error: address: expected an address with its subnet such as "
	 "192.0.2.10/24, not '192.0.2.2'\n"
	 "2:51: error: address: expected an address with its subnet such as "
	 "192.0.2.10/24, not '192.0.2.3/33'\n"
	 "2:65: error: address: expected an address with its subnet such as "
	 "192.0.2.10/24, not 'x'\n"
	 "2:83: error: sip_address: expected an IP address, not '192.0.2.1/24'\n"
	 "2:107: error: gateway: the list is empty\n"},
	{"addresses of no host",
	 V "interfaces: {i: {port: auto, address: [224.0.0.1/24, 0.0.0.0/8, 10.0.0.1/0], "
	   "sip_address: 255.255.255.255}}\n",
	 "2:40: error: address: '224.0.0.1/24' is not an address of a host\n"
	 "2:54: error: address: '0.0.0.0/8' is not an address of a host\n"
	 "2:65: error: address: a subnet of /0 is the whole world\n"
	 "2:91: error: sip_address: '255.255.255.255' is not an address of a host\n"},
	{"too many addresses",
	 V "interfaces: {i: {port: auto, address: [10.0.0.1/24, 10.0.0.2/24, 10.0.0.3/24, "
	   "10.0.0.4/24, 10.0.0.5/24]}}\n",
	 "2:39: error: address: more than 4 addresses\n"},
	{"DSCP",
	 V "interfaces: {i: {port: auto, address: 10.0.0.1/24, dscp: {sip: af44, rtp: 64}}}\n",
	 "2:64: error: sip: expected cs0 to cs7, af11 to af43, ef or a number up to 63, "
	 "not 'af44'\n"
	 "2:75: error: rtp: expected cs0 to cs7, af11 to af43, ef or a number up to 63, "
	 "not '64'\n"},
	{"port ranges",
	 V IF "media_pools: {a: {interface: i, ports: 3000}, b: {interface: i, ports: "
	      "3000-2000}, c: {interface: i, ports: 3000-70000}}\n",
	 "3:40: error: ports: expected a range of ports such as 20000-20999, not '3000'\n"
	 "3:72: error: ports: expected a range of ports such as 20000-20999, not "
	 "'3000-2000'\n"
	 "3:109: error: ports: expected a range of ports such as 20000-20999, not "
	 "'3000-70000'\n"},
	{"listeners",
	 V IF PO RE
	 "listeners: {l: {realm: access, on: [udp, \"udp:0\", sctp:5060, udp:99999, []]}, "
	 "m: {realm: access, on: []}}\n",
	 "5:37: error: on: expected a transport and port such as udp:5060, not 'udp'\n"
	 "5:42: error: on: expected a transport and port such as udp:5060, not 'udp:0'\n"
	 "5:51: error: on: expected a transport and port such as udp:5060, not 'sctp:5060'\n"
	 "5:62: error: on: expected a transport and port such as udp:5060, not 'udp:99999'\n"
	 "5:73: error: on: expected a single value, not a list\n"
	 "5:102: error: on: the list is empty\n"},
	{"http", V "observability: {http: 8080}\n",
	 "2:23: error: http: expected an address and port such as 127.0.0.1:8080 or "
	 "[::1]:8080, not '8080'\n"},
	{"http without a port", V "observability: {http: 127.0.0.1}\n",
	 "2:23: error: http: expected an address and port such as 127.0.0.1:8080 or "
	 "[::1]:8080, not '127.0.0.1'\n"},
	{"text that is empty or long", V "system: {name: \"\", user_agent: " X256 "}\n",
	 "2:16: error: name: must not be empty\n"
	 "2:32: error: user_agent: longer than 255 bytes\n"},
	{"ports of the dataplane",
	 V "dataplane: {ports: {a: {}, b: {pci: \"1\", vdev: eth0}, c: {pci: \"0000:3b:00.0\", "
	   "vdev: net_null}}}\n",
	 "2:21: error: port 'a' needs either pci or vdev\n"
	 "2:28: error: port 'b' needs either pci or vdev\n"
	 "2:37: error: pci: expected a PCI address such as 0000:3b:00.0, not '1'\n"
	 "2:48: error: vdev: expected a device such as net_af_packet,iface=eth1, not "
	 "'eth0'\n"
	 "2:55: error: port 'c' needs either pci or vdev\n"},
	{"secrets that are none",
	 BASE "registrar: {realm: access, users: {a: {file: /}, b: {file: /dev/null}, c: {file: "
	      "/dev/zero}}}\n",
	 "6:46: error: cannot take a secret from /: it is a folder\n"
	 "6:60: error: cannot take a secret from /dev/null: its first line is empty\n"
	 "6:82: error: cannot take a secret from /dev/zero: its first line is too long\n"},
	{"a secret",
	 BASE "registrar: {realm: access, users: {a: {file: /nonexistent/a.pw}, b: {env: "
	      "REMPART_TEST_UNSET}, c: {path: x}, d: [x], e: \"\", f: {file: x, env: y}}}\n",
	 "6:46: error: cannot take a secret from /nonexistent/a.pw: there is no such file\n"
	 "6:75: error: environment variable REMPART_TEST_UNSET is not set\n"
	 "6:99: error: expected a secret: {file: PATH} or {env: NAME}\n"
	 "6:113: error: expected a secret: {file: PATH} or {env: NAME}\n"
	 "6:121: error: expected a secret: {file: PATH} or {env: NAME}\n"
	 "6:128: error: expected a secret: {file: PATH} or {env: NAME}\n"},
};

static const struct row later_rows[] = {
	{"values",
	 V "system: {shards: 2}\n"
	   "dataplane: {lcores: 2-5, crypto: openssl, ports: {a: {vdev: net_null, queues: "
	   "2}}}\n",
	 "2:18: error: shards: 2 is not supported yet\n"
	 "3:21: error: lcores: more than one CPU is not supported yet\n"
	 "3:34: error: crypto: openssl is not supported yet\n"
	 "3:79: error: queues: 2 is not supported yet\n"},
	{"lists of CPUs", V "dataplane: {lcores: [1, 2]}\n",
	 "2:21: error: lcores: more than one CPU is not supported yet\n"},
	{"keys",
	 V "cluster: {}\n"
	   "store: {backend: embedded}\n"
	   "system: {overload: {cpu: 85%}}\n",
	 "2:1: error: 'cluster' is not supported yet\n"
	 "3:1: error: 'store' is not supported yet\n"
	 "4:10: error: 'overload' is not supported yet\n"},
	{"a VLAN", V "interfaces: {i: {port: auto, address: 192.0.2.2/24, vlan: 5}}\n",
	 "2:53: error: 'vlan' is not supported yet\n"},
	{"transports", V IF PO RE "listeners: {l: {realm: access, on: [ws:80, wss:443]}}\n",
	 "5:37: error: on: ws is not supported yet\n"
	 "5:44: error: on: wss is not supported yet\n"},
	{"profiles",
	 V "profiles: {p: {codecs: [opus], srtp: require, prack: required, refer: local, "
	   "ice: lite}}\n",
	 "2:16: error: 'codecs' is not supported yet\n"
	 "2:38: error: srtp: require is not supported yet\n"
	 "2:54: error: prack: required is not supported yet\n"
	 "2:71: error: refer: local is not supported yet\n"
	 "2:78: error: 'ice' is not supported yet\n"},
	{"peers",
	 BASE "trunks: {t: {realm: access, peers: [{uri: \"sip:itsp.example\"}, {uri: "
	      "\"sips:192.0.2.9\"}, {uri: \"sip:192.0.2.9;transport=wss\"}, {uri: "
	      "\"sip:192.0.2.9;lr\"}, {uri: \"sip:192.0.2.9\", dns: srv}]}}\n",
	 "6:43: error: uri: 'sip:itsp.example': a host name is not supported yet, write "
	 "its IP address\n"
	 "6:70: error: uri: 'sips:192.0.2.9': sips is not supported yet\n"
	 "6:95: error: uri: 'sip:192.0.2.9;transport=wss': this transport is not "
	 "supported yet\n"
	 "6:133: error: uri: 'sip:192.0.2.9;lr': only the parameter 'transport' is "
	 "supported yet\n"
	 "6:182: error: dns: srv is not supported yet\n"},
	{"routing",
	 BASE "trunks: {t: {realm: access, peers: [{uri: \"sip:192.0.2.9\"}]}}\n"
	      "routing:\n"
	      "  - {name: a, to: [trunk/t, trunk/t]}\n"
	      "  - {name: b, redirect: \"sip:x\"}\n",
	 "8:5: warning: rule 'a' matches every call, those behind it are never reached\n"
	 "8:19: error: to: more than one destination is not supported yet\n"
	 "9:15: error: 'redirect' is not supported yet\n"},
};

static const struct row references_rows[] = {
	{"a port that is nearly auto",
	 V "interfaces: {i: {port: Auto, address: 192.0.2.2/24}, j: {port: zzzzz, address: "
	   "192.0.2.3/24}}\n",
	 "2:24: error: no port named 'Auto'; did you mean 'auto'\n"
	 "2:64: error: no port named 'zzzzz'; there is none at all\n"},
	{"a name left out", V IF PO "realms: {access: {interface: , media_pool: p}}\n",
	 "4:30: error: interface: must not be empty\n"},
	{"a near one", V IF PO RE "listeners: {l: {realm: acess, on: udp:5060}}\n",
	 "5:24: error: no realm named 'acess'; did you mean 'access' (line 4)\n"},
	{"none near", BASE "registrar: {realm: zzz, users: {a: {env: HOME}}}\n",
	 "6:20: error: no realm named 'zzz'; the first one is 'access' (line 4)\n"},
	{"none at all", V "realms: {a: {interface: x, media_pool: y, profile: z}}\n",
	 "2:25: error: no interface named 'x'; there is none at all\n"
	 "2:40: error: no media pool named 'y'; there is none at all\n"
	 "2:52: error: no profile named 'z'; there is none at all\n"},
	{"a port",
	 V "dataplane: {ports: {wan0: {vdev: net_null}}}\n"
	   "interfaces: {i: {port: wan, address: 192.0.2.2/24}}\n",
	 "3:24: error: no port named 'wan'; did you mean 'wan0' (line 2)\n"},
	{"in routing",
	 BASE "trunks: {pbx: {realm: access, peers: [{uri: \"sip:192.0.2.9\"}]}}\n"
	      "routing:\n"
	      "  - {name: a, match: {from: realm/acces}, to: trunk/pxb}\n"
	      "  - {name: b, match: {from: access}, to: pbx}\n"
	      "  - {name: c, match: {from: trunk/}, to: registrar}\n",
	 "8:29: error: no realm named 'acces'; did you mean 'access' (line 4)\n"
	 "8:47: error: no trunk named 'pxb'; did you mean 'pbx' (line 6)\n"
	 "9:29: error: from: expected realm/NAME or trunk/NAME, not 'access'\n"
	 "9:42: error: to: expected trunk/NAME, registrar or media/echo, not 'pbx'\n"
	 "10:29: error: from: expected realm/NAME or trunk/NAME, not 'trunk/'\n"
	 "10:42: error: to: there is no registrar\n"},
};

#define TLS "tls: {edge: {cert: Makefile, key: {file: Makefile}}}\n"

static const struct row tls_rows[] = {
	{"files",
	 V "tls:\n"
	   "  a: {cert: none.pem, key: none.pem, ca: none.pem}\n"
	   "  b: {cert: src, key: {file: src}, ca: src}\n"
	   "  c: {cert: Makefile, key: {env: KEY}, min: \"1.1\", client_auth: maybe, watch: 2}\n"
	   "  d: {key: {file: none.key}}\n",
	 "3:13: error: cert: cannot read none.pem: there is no such file\n"
	 "3:28: error: key: expected {file: PATH}\n"
	 "3:42: error: ca: cannot read none.pem: there is no such file\n"
	 "4:13: error: cert: cannot read src: it is a folder\n"
	 "4:30: error: key: cannot read src: it is a folder\n"
	 "5:28: error: key: expected {file: PATH}\n"
	 "5:45: error: min: expected 1.2 or 1.3, not '1.1'\n"
	 "5:65: error: client_auth: expected none, optional or required, not 'maybe'\n"
	 "5:79: error: watch: expected true or false, not '2'\n"
	 "6:3: error: 'cert' is missing in 'd'\n"
	 "6:19: error: key: cannot read none.key: there is no such file\n"},
	{"a listener without a certificate",
	 V IF PO RE "listeners: {l: {realm: access, on: [udp:5060, tls:5061]}}\n",
	 "5:13: error: listener 'l' has a tls port and needs 'tls', a name under tls\n"},
	{"a certificate without a port",
	 V IF PO RE "listeners: {l: {realm: access, on: udp:5060, tls: edge}}\n" TLS,
	 "5:51: warning: listener 'l' has no tls port\n"},
	{"names that lead nowhere",
	 V IF PO RE "listeners: {l: {realm: access, on: tls:5061, tls: egde}}\n"
		    "tls: {edge: {cert: Makefile, key: {file: Makefile}, sni: {a.example: x}}}\n",
	 "5:51: error: no tls block named 'egde'; did you mean 'edge' (line 6)\n"
	 "6:70: error: no tls block named 'x'; the first one is 'edge' (line 6)\n"},
	{"a peer that cannot be reached",
	 BASE "trunks: {t: {realm: access, peers: [{uri: \"sip:192.0.2.9;transport=tls\"}]}}\n",
	 "6:43: error: uri: realm 'access' has no listener with tls to connect from\n"},
	{"a name that nobody asks for",
	 V IF PO RE "listeners: {l: {realm: access, on: tls:5061, tls: edge}}\n" TLS
		    "trunks: {t: {realm: access, match: {tls_san: a.example}, peers: [{uri: "
		    "\"sip:192.0.2.9;transport=tls\"}]}}\n",
	 "7:46: warning: tls_san: no listener of realm 'access' asks for a certificate "
	 "(client_auth), calls from this trunk are not known as its own\n"},
	{"trunks that nothing tells apart",
	 V IF PO RE
	 "listeners: {l: {realm: access, on: tls:5061, tls: edge}}\n"
	 "tls: {edge: {cert: Makefile, key: {file: Makefile}, client_auth: optional}}\n"
	 "trunks:\n"
	 "  a: {realm: access, match: {tls_san: a.example}, peers: [{uri: \"sip:192.0.2.9\"}]}\n"
	 "  b: {realm: access, match: {tls_san: A.example}, peers: [{uri: \"sip:192.0.2.9\"}]}\n"
	 "  c: {realm: access, match: {tls_san: c.example}, peers: [{uri: \"sip:192.0.2.9\"}]}\n"
	 "  d: {realm: access, peers: [{uri: \"sip:192.0.2.9\"}]}\n",
	 "9:3: error: trunks 'b' and 'a' both match the tls_san A.example\n"},
};

static const struct row checks_rows[] = {
	{"one device twice",
	 V "dataplane: {ports: {a: {vdev: \"net_tap,iface=x\"}, b: {vdev: \"net_tap,iface=x\"}, "
	   "auto: {vdev: net_null}}}\n",
	 "2:51: error: port 'b' is the same device as 'a'\n"
	 "2:81: error: a port cannot be named 'auto'\n"},
	{"one address twice",
	 V "interfaces:\n"
	   "  a: {port: auto, address: 192.0.2.2/24, sip_address: 192.0.2.2}\n"
	   "  b: {port: auto, address: 192.0.2.3/24, sip_address: [192.0.2.1, 192.0.2.2]}\n",
	 "3:55: error: address 192.0.2.2 is already taken by interface 'a'\n"
	 "4:67: error: address 192.0.2.2 is already taken by interface 'a'\n"},
	{"edges of subnets",
	 V "interfaces:\n"
	   "  a: {port: auto, address: [192.0.2.0/24, 192.0.2.255/24, 10.0.0.0/31]}\n",
	 "3:29: error: 192.0.2.0 is the first or last address of its subnet\n"
	 "3:43: error: 192.0.2.255 is the first or last address of its subnet\n"},
	{"a gateway elsewhere",
	 V "interfaces: {i: {port: auto, address: 192.0.2.2/24, gateway: 198.51.100.1}}\n",
	 "2:62: error: gateway 198.51.100.1 is in no subnet of interface 'i'\n"},
	{"media pools",
	 V IF "media_pools:\n"
	      "  a: {interface: i, ports: 2000-2999}\n"
	      "  b: {interface: i, ports: 2998-3999}\n"
	      "  c: {interface: i, ports: 4001-4998}\n"
	      "  d: {interface: i, ports: 100-199}\n",
	 "5:28: error: ports: 2998-3999 overlap with media pool 'a' (2000-2999)\n"
	 "6:28: error: ports: begin with an even and end with an odd port, RTP and RTCP "
	 "go in pairs\n"
	 "7:28: error: ports: below 1024 is not for media\n"},
	{"one socket twice",
	 V IF "media_pools: {p: {interface: i, ports: 2000-2999}}\n"
	      "realms:\n"
	      "  a: {interface: i, media_pool: p}\n"
	      "  b: {interface: i, media_pool: p}\n"
	      "listeners:\n"
	      "  a: {realm: a, on: [udp:5060, tcp:5060, udp:5060]}\n"
	      "  b: {realm: b, on: [udp:5061, tcp:5060]}\n",
	 "8:42: error: on: this port is already taken by listener 'a'\n"
	 "9:32: error: on: this port is already taken by listener 'a'\n"},
	{"no address to listen on",
	 V "interfaces: {i: {port: auto, address: 192.0.2.2/24}}\n"
	   "media_pools: {p: {interface: i, ports: 2000-2999}}\n"
	   "realms: {access: {interface: i, media_pool: p}}\n"
	   "listeners: {l: {realm: access, on: udp:5060}}\n",
	 "5:13: error: listener 'l': interface 'i' has no sip_address\n"},
	{"a realm without listener", V IF PO RE,
	 "4:18: warning: realm 'access' has no listener, nobody can call from it\n"},
	{"peers only, and none there",
	 V IF "media_pools: {p: {interface: i, ports: 2000-2999}}\n"
	      "realms: {r: {interface: i, media_pool: p, trust: peers_only}}\n"
	      "listeners: {l: {realm: r, on: udp:5060}}\n"
	      "registrar: {realm: r}\n",
	 "4:50: error: realm 'r' trusts peers only, but no trunk is in it\n"
	 "6:20: error: realm 'r' trusts peers only, phones cannot register there\n"},
	{"a registrar without users", BASE "registrar: {realm: access}\n",
	 "6:12: warning: the registrar has no users, nobody can register\n"},
	{"trunks alike",
	 BASE "trunks:\n"
	      "  a: {realm: access, peers: [{uri: \"sip:192.0.2.9\"}]}\n"
	      "  b: {realm: access, peers: [{uri: \"sip:192.0.2.9:5070\"}], match: {source: "
	      "198.51.100.0/24}}\n",
	 "8:3: error: trunks 'b' and 'a' both match the source 192.0.2.9/32\n"},
	{"peers that cannot be",
	 BASE "trunks:\n"
	      "  a: {realm: access, peers: [{uri: \"192.0.2.9\"}, {uri: \"sip:@192.0.2.9\"}, {uri: "
	      "\"sip:a:b@192.0.2.9\"}, {uri: \"sip:0.0.0.0\"}, {uri: "
	      "\"sip:192.0.2.9;transport=sctp\"}, {uri: \"sip:192.0.2.9?a=b\"}, {uri: "
	      "\"sip:[2001:db8::9]\"}, {uri: \"sip:192.0.2.1\"}, {uri: \"sip:192.0.2.2:9\"}, {uri: "
	      "\"sip:192.0.2.9:0\"}]}\n"
	      "  b: {realm: access, peers: []}\n",
	 "7:36: error: uri: '192.0.2.9': must begin with sip:\n"
	 "7:56: error: uri: 'sip:@192.0.2.9': nothing stands before the @\n"
	 "7:81: error: uri: 'sip:a:b@192.0.2.9': a password has no place here\n"
	 "7:109: error: uri: 'sip:0.0.0.0': not an address of a host\n"
	 "7:131: error: uri: 'sip:192.0.2.9;transport=sctp': transport must be udp, tcp or tls\n"
	 "7:170: error: uri: 'sip:192.0.2.9?a=b': headers have no place here\n"
	 "7:198: error: uri: interface 'i' has no sip_address of the family of 2001:db8::9\n"
	 "7:226: error: uri: 192.0.2.1 is ourselves\n"
	 "7:250: error: uri: 192.0.2.2 is ourselves\n"
	 "7:276: error: uri: 'sip:192.0.2.9:0': expected an IP address, an IPv6 one in "
	 "brackets, with or without a port\n"
	 "8:29: error: peers: the list is empty\n"},
	{"routing",
	 BASE "routing:\n"
	      "  - {name: a, match: {called: \"1\"}}\n"
	      "  - {name: a, match: {called: \"1\"}, to: registrar, reject: 404}\n"
	      "  - {name: c, to: registrar}\n"
	      "  - {name: d, match: {called: []}, to: media/moh}\n"
	      "  - {name: e, to: [], reject: 200}\n",
	 "7:5: error: a rule needs either to or reject\n"
	 "8:5: error: a rule needs either to or reject\n"
	 "8:12: error: two rules are named 'a'\n"
	 "9:5: warning: rule 'c' matches every call, those behind it are never reached\n"
	 "9:19: error: to: there is no registrar\n"
	 "10:31: error: called: the list is empty\n"
	 "10:40: error: to: expected trunk/NAME, registrar or media/echo, not 'media/moh'\n"
	 "11:5: error: a rule needs either to or reject\n"
	 "11:19: error: to: the list is empty\n"
	 "11:31: error: reject: 200 is not between 400 and 699\n"},
};

static const struct row all_at_once_rows[] = {
	{"every finding in the file's order",
	 V "listeners: {l: {realm: acess, on: udp:x}}\n"
	   "realms: {access: {interface: i, media_pool: q, nat: maybe}}\n"
	   "media_pools: {p: {interface: i, ports: 2001-2999}}\n"
	   "interfaces: {i: {port: auto, address: 192.0.2.2/24, sip_adress: 192.0.2.1}}\n"
	   "vlan: 1\n",
	 "2:24: error: no realm named 'acess'; did you mean 'access' (line 3)\n"
	 "2:35: error: on: expected a transport and port such as udp:5060, not 'udp:x'\n"
	 "3:45: error: no media pool named 'q'; did you mean 'p' (line 4)\n"
	 "3:53: error: nat: expected off, auto or remote, not 'maybe'\n"
	 "4:40: error: ports: begin with an even and end with an odd port, RTP and RTCP "
	 "go in pairs\n"
	 "5:53: error: unknown key 'sip_adress'; did you mean 'sip_address'\n"
	 "6:1: error: unknown key 'vlan'\n"},
};

static void check(const struct row *row, size_t n)
{
	static char got[16384], line[2048];

	for (size_t i = 0; i < n; i++) {
		struct conf_errors e;
		struct conf *c = NULL;
		struct buf b = BUF_ON(got);
		size_t fatal = 0;
		int err;

		conf_errors_init(&e);
		err = conf_load_text("t.yaml", str_c(row[i].in), &c, &e);
		for (size_t k = 0; k < e.n; k++) {
			snprintf(line, sizeof(line), "%u:%u: %s: %.*s\n", e.error[k].line,
				 e.error[k].column, e.error[k].warning ? "warning" : "error",
				 STR_FMT(e.error[k].text));
			buf_c(&b, line);
			fatal += !e.error[k].warning;
			assert_true(str_eq(e.error[k].file, STR("t.yaml")));
		}
		if (strcmp(buf_cstr(&b), row[i].out) != 0)
			fail_msg("%s: got\n%s", row[i].what, got);
		assert_int_equal(fatal, e.n_fatal);
		assert_int_equal(err, fatal ? ERR_SYNTAX : 0);
		assert_true(fatal ? c == NULL : c != NULL);
		conf_free(c);
		conf_errors_free(&e);
	}
}

static void yaml(void **state)
{
	(void)state;
	check(yaml_rows, sizeof(yaml_rows) / sizeof(yaml_rows[0]));
}

static void keys(void **state)
{
	(void)state;
	check(keys_rows, sizeof(keys_rows) / sizeof(keys_rows[0]));
}

static void values(void **state)
{
	(void)state;
	check(values_rows, sizeof(values_rows) / sizeof(values_rows[0]));
}

static void later(void **state)
{
	(void)state;
	check(later_rows, sizeof(later_rows) / sizeof(later_rows[0]));
}

static void references(void **state)
{
	(void)state;
	check(references_rows, sizeof(references_rows) / sizeof(references_rows[0]));
}

static void tls(void **state)
{
	(void)state;
	check(tls_rows, sizeof(tls_rows) / sizeof(tls_rows[0]));
}

static void checks(void **state)
{
	(void)state;
	check(checks_rows, sizeof(checks_rows) / sizeof(checks_rows[0]));
}

static void all_at_once(void **state)
{
	(void)state;
	check(all_at_once_rows, sizeof(all_at_once_rows) / sizeof(all_at_once_rows[0]));
}

static size_t slurp(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, cap - 1, f);
	fclose(f);
	out[n] = 0;
	return n;
}

/* Each key of the tree has a row, whether its feature exists or not. */
static void walk(const struct conf_row *row, const struct node *n)
{
	const struct conf_row *entry, *child;

	if (!row) {
		fail_msg("%u:%u: no row for '%s'", n->key_line, n->key_column, n->key.p);
		return;
	}
	entry = row->type == CONF_NAMED ? schema_entry(row) : NULL;
	if (row->type == CONF_NAMED || row->type == CONF_LIST) {
		for (const struct node *k = n->first; k; k = k->next) {
			if (entry) {
				walk(entry, k);
				continue;
			}
			for (const struct node *m = k->first; m; m = m->next) {
				child = schema_child(row, m->key);
				walk(child, m);
			}
		}
		return;
	}
	for (const struct node *k = n->first; k && row->type == CONF_SECTION; k = k->next) {
		child = schema_child(row, k->key);
		walk(child, k);
	}
}

/* A configuration with all that Rempart is going to have: every key is known, and what does not exist yet is refused. */
static void everything(void **state)
{
	static char text[16384], expected[16384], got[16384];
	size_t len = slurp("tests/data/conf/everything.yaml", text, sizeof(text)), n;
	struct conf_errors e;
	struct conf *c = NULL;
	struct node *root;
	struct arena a;
	FILE *f = tmpfile();

	(void)state;
	conf_errors_init(&e);
	arena_init(&a, 4096, 1 << 20);
	assert_int_equal(node_parse(&a, STR("x"), str_n(text, len), &root, &e), 0);
	walk(&schema_root, root);
	arena_free(&a);
	assert_int_equal(conf_load("tests/data/conf/everything.yaml", &c, &e), ERR_SYNTAX);
	conf_errors_print(&e, f);
	rewind(f);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = 0;
	fclose(f);
	slurp("tests/data/conf/everything.errors", expected, sizeof(expected));
	assert_string_equal(got, expected);
	conf_errors_free(&e);
}

/* A thousand findings are enough; the others are counted. */
static void noise_is_bounded(void **state)
{
	static char text[400000];
	struct buf b = BUF_ON(text);
	struct conf_errors e;
	struct conf *c = NULL;

	(void)state;
	buf_c(&b, "version: 1\n");
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&b, "key%u: 1\n", i);
	conf_errors_init(&e);
	assert_int_equal(conf_load_text("t.yaml", buf_view(&b), &c, &e), ERR_SYNTAX);
	assert_int_equal(e.n, 1000);
	assert_int_equal(e.n_fatal, 5000);
	assert_int_equal(e.n_dropped, 4000);
	conf_errors_free(&e);
}

static void a_file_that_is_not_there(void **state)
{
	struct conf_errors e;
	struct conf *c = NULL;

	(void)state;
	conf_errors_init(&e);
	assert_int_equal(conf_load("/nonexistent/x.yaml", &c, &e), ERR_SYNTAX);
	assert_int_equal(e.n, 1);
	assert_true(str_eq(e.error[0].text, STR("cannot read it: No such file or directory")));
	assert_int_equal(e.error[0].line, 0);
	conf_errors_free(&e);
	conf_errors_init(&e);
	assert_int_equal(conf_load("/tmp", &c, &e), ERR_SYNTAX);
	assert_true(str_eq(e.error[0].text, STR("cannot read it: Is a directory")));
	conf_errors_free(&e);
}

static void sizes_are_bounded(void **state)
{
	char *text = mem_alloc(NODE_TEXT_MAX + 1);
	struct conf_errors e;
	struct conf *c = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', NODE_TEXT_MAX + 1);
	conf_errors_init(&e);
	assert_int_equal(conf_load_text("t.yaml", str_n(text, NODE_TEXT_MAX + 1), &c, &e),
			 ERR_SYNTAX);
	assert_true(str_eq(e.error[0].text, STR("larger than 4 MiB")));
	conf_errors_free(&e);
	for (size_t i = 0; i < NODE_TEXT_MAX; i++) /* two million values */
		text[i] = i == 0 ? '[' : i % 2 ? 'a' : ',';
	conf_errors_init(&e);
	assert_int_equal(conf_load_text("t.yaml", str_n(text, NODE_TEXT_MAX), &c, &e), ERR_SYNTAX);
	assert_true(str_eq(e.error[0].text, STR("more than 200000 values in one file")));
	conf_errors_free(&e);
	mem_free(text);
}

/* Errors too must survive a lack of memory. */
static void every_allocation_may_fail(void **state)
{
	const struct row *row = &all_at_once_rows[0];
	int64_t before = mem_live();
	struct conf_errors e;
	struct conf *c;
	uint64_t n;
	int err;

	(void)state;
	for (n = 1; n < 10000; n++) {
		c = NULL;
		mem_fail_nth(n);
		conf_errors_init(&e);
		err = conf_load_text("t.yaml", str_c(row->in), &c, &e);
		mem_fail_nth(0);
		assert_null(c);
		conf_errors_free(&e);
		assert_int_equal(mem_live(), before);
		if (err == ERR_SYNTAX)
			break;
		assert_int_equal(err, ERR_NOMEM);
	}
	assert_true(n > 3 && n < 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml),
		cmocka_unit_test(keys),
		cmocka_unit_test(values),
		cmocka_unit_test(later),
		cmocka_unit_test(references),
		cmocka_unit_test(tls),
		cmocka_unit_test(checks),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(everything),
		cmocka_unit_test(noise_is_bounded),
		cmocka_unit_test(a_file_that_is_not_there),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(every_allocation_may_fail),
	};

	unsetenv("RUNTIME_DIRECTORY");
	unsetenv("STATE_DIRECTORY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
