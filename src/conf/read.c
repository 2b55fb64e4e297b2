/* One reader per type of value: text of the tree in, a field of struct conf out, a sentence about what is wrong. The
 * loader calls them by the schema's rows. Main thread, at load only. SIP URIs of peers are in peer.c, the printers that
 * mirror these in print.c. */
#include "conf/load.h"

#include "conf/peer.h"
#include "conf/value.h"

typedef bool (*read_fn)(struct loader *, const struct conf_row *, const struct node *, void *at);

/* The last word of the row's path: how the file calls it. */
static const char *label(const struct conf_row *row)
{
	const char *dot = strrchr(row->path, '.');

	return dot && dot[1] != '*' ? dot + 1 : dot ? "value" : row->path;
}

static bool is_scalar(struct loader *l, const struct conf_row *row, const struct node *n)
{
	if (n->kind == NODE_SCALAR)
		return true;
	conf_fail(l, n, "%s: expected a single value, not %s", label(row), node_kind_text(n));
	return false;
}

static bool bad_value(struct loader *l, const struct conf_row *row, const struct node *n,
		      const char *wanted)
{
	conf_fail(l, n, "%s: expected %s, not '%.*s'", label(row), wanted, NODE_CUT(n->text));
	return false;
}

/* Items of "one or a list": a scalar is a list of itself. */
static const struct node *first_item(const struct node *n)
{
	return n->kind == NODE_LIST ? n->first : n;
}

static const struct node *next_item(const struct node *list, const struct node *n)
{
	return list->kind == NODE_LIST ? n->next : NULL;
}

static size_t count_items(const struct node *n)
{
	return n->kind == NODE_LIST ? n->n : 1;
}

static bool no_items(struct loader *l, const struct conf_row *row, const struct node *n)
{
	if (count_items(n))
		return false;
	conf_fail(l, n, "%s: the list is empty", label(row));
	return true;
}

static bool text_fits(struct loader *l, const struct conf_row *row, const struct node *n)
{
	uint64_t min = row->max ? row->min : 1, max = row->max ? row->max : 255;

	if (n->text.len >= min && n->text.len <= max)
		return true;
	if (n->text.len < min)
		conf_fail(l, n, "%s: must not be empty", label(row));
	else
		conf_fail(l, n, "%s: longer than %llu bytes", label(row), (unsigned long long)max);
	return false;
}

static bool read_string(struct loader *l, const struct conf_row *row, const struct node *n,
			void *at)
{
	struct str *out = at;

	if (!is_scalar(l, row, n) || !text_fits(l, row, n))
		return false;
	*out = conf_keep(l, n->text);
	return out->p != NULL;
}

static bool read_strings(struct loader *l, const struct conf_row *row, const struct node *n,
			 void *at)
{
	struct str **out = at, *item;
	bool ok = true;
	size_t i = 0;

	if (no_items(l, row, n))
		return false;
	item = conf_alloc(l, count_items(n) * sizeof(*item));
	if (!item)
		return false;
	for (const struct node *k = first_item(n); k; k = next_item(n, k), i++)
		ok = read_string(l, row, k, &item[i]) && ok;
	*out = item;
	return ok;
}

static struct str folder(struct str path)
{
	while (path.len > 1 && path.p[path.len - 1] != '/')
		path.len--;
	return path.len > 1 || (path.len && path.p[0] == '/') ? path : str_n("", 0);
}

/* text as it stands, or behind the folder of the configuration file. */
static bool keep_path(struct loader *l, struct str text, struct str *out)
{
	struct str dir = folder(l->c->path);
	char joined[4096 + 256];
	struct buf b = BUF_ON(joined);

	if (!str_starts(text, STR("/")))
		buf_str(&b, dir);
	buf_str(&b, text);
	if (b.overflow)
		return false;
	*out = conf_keep(l, buf_view(&b));
	return out->p != NULL;
}

static bool read_path(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!is_scalar(l, row, n) || !text_fits(l, row, n))
		return false;
	if (keep_path(l, n->text, at))
		return true;
	if (!l->nomem)
		conf_fail(l, n, "%s: the path is too long", label(row));
	return false;
}

static bool in_range(struct loader *l, const struct conf_row *row, const struct node *n, uint64_t v,
		     void (*text)(struct buf *, uint64_t))
{
	char low[32], high[32];
	struct buf bl = BUF_ON(low), bh = BUF_ON(high);

	if (!row->max || (v >= row->min && v <= row->max))
		return true;
	text(&bl, row->min);
	text(&bh, row->max);
	if (row->min == row->max)
		conf_fail(l, n, "%s: must be %s, not %.*s", label(row), buf_cstr(&bl),
			  NODE_CUT(n->text));
	else
		conf_fail(l, n, "%s: %.*s is not between %s and %s", label(row), NODE_CUT(n->text),
			  buf_cstr(&bl), buf_cstr(&bh));
	return false;
}

static bool read_number(struct loader *l, const struct conf_row *row, const struct node *n,
			void *at)
{
	uint64_t v;
	int err;

	if (!is_scalar(l, row, n))
		return false;
	err = str_to_u64(n->text, UINT32_MAX, &v);
	if (err)
		return bad_value(l, row, n, "a number");
	if (!in_range(l, row, n, v, buf_u64))
		return false;
	*(uint32_t *)at = (uint32_t)v;
	return true;
}

static bool read_bool(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!is_scalar(l, row, n))
		return false;
	if (!str_eq(n->text, STR("true")) && !str_eq(n->text, STR("false")))
		return bad_value(l, row, n, "true or false");
	*(bool *)at = str_eq(n->text, STR("true"));
	return true;
}

static bool read_duration(struct loader *l, const struct conf_row *row, const struct node *n,
			  void *at)
{
	uint64_t v;

	if (!is_scalar(l, row, n))
		return false;
	if (value_duration(n->text, &v))
		return bad_value(l, row, n, "a duration such as 250ms, 60s or 2h");
	if (!in_range(l, row, n, v, value_duration_text))
		return false;
	*(uint64_t *)at = v;
	return true;
}

static bool read_size(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	uint64_t v;

	if (!is_scalar(l, row, n))
		return false;
	if (value_size(n->text, &v))
		return bad_value(l, row, n, "a size such as 256M or 2G");
	if (!in_range(l, row, n, v, value_size_text))
		return false;
	*(uint64_t *)at = v;
	return true;
}

static bool read_percent(struct loader *l, const struct conf_row *row, const struct node *n,
			 void *at)
{
	if (!is_scalar(l, row, n))
		return false;
	return value_percent(n->text, at) == 0 || bad_value(l, row, n, "a percentage such as 85%");
}

static bool read_rate(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!is_scalar(l, row, n))
		return false;
	return value_rate(n->text, at) == 0 ||
	       bad_value(l, row, n, "a rate such as 30/s or 10/60s");
}

static bool read_choice(struct loader *l, const struct conf_row *row, const struct node *n,
			void *at)
{
	char wanted[256];
	struct buf b = BUF_ON(wanted);

	if (!is_scalar(l, row, n))
		return false;
	for (const struct conf_choice *c = row->choice; c->name; c++) {
		if (str_eq(n->text, str_c(c->name))) {
			*(int *)at = c->value;
			return true;
		}
		buf_c(&b, c == row->choice ? "" : c[1].name ? ", " : " or ");
		buf_c(&b, c->name);
	}
	return bad_value(l, row, n, buf_cstr(&b));
}

static bool read_cpu(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	uint64_t v;
	bool several = n->kind == NODE_LIST;

	for (size_t i = 0; i < n->text.len && !several; i++)
		several = n->text.p[i] == ',' || n->text.p[i] == '-';
	if (several) {
		conf_fail(l, n, "%s: more than one CPU is not supported yet", label(row));
		return false;
	}
	if (!is_scalar(l, row, n))
		return false;
	if (str_to_u64(n->text, 1023, &v))
		return bad_value(l, row, n, "the number of a CPU");
	*(struct str *)at = conf_keep(l, n->text);
	return !l->nomem;
}

static bool read_dscp(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!is_scalar(l, row, n))
		return false;
	return value_dscp(n->text, at) == 0 ||
	       bad_value(l, row, n, "cs0 to cs7, af11 to af43, ef or a number up to 63");
}

static bool read_ports(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	uint16_t *first = at;

	if (!is_scalar(l, row, n))
		return false;
	return value_ports(n->text, first, first + 1) == 0 ||
	       bad_value(l, row, n, "a range of ports such as 20000-20999");
}

static bool read_hostport(struct loader *l, const struct conf_row *row, const struct node *n,
			  void *at)
{
	struct addr a;

	if (!is_scalar(l, row, n))
		return false;
	if (addr_parse(n->text, &a) || a.port == 0)
		return bad_value(l, row, n,
				 "an address and port such as 127.0.0.1:8080 or [::1]:8080");
	*(struct addr *)at = a;
	return true;
}

/* One that a host can have. */
static bool host_addr(struct loader *l, const struct conf_row *row, const struct node *n,
		      const struct addr *a)
{
	if (!addr_is_any(a) && !addr_is_multicast(a) && !addr_is_broadcast(a))
		return true;
	conf_fail(l, n, "%s: '%.*s' is not an address of a host", label(row), NODE_CUT(n->text));
	return false;
}

static bool read_addr(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct addr a;

	if (!is_scalar(l, row, n))
		return false;
	if (addr_parse_ip(n->text, &a))
		return bad_value(l, row, n, "an IP address");
	if (!host_addr(l, row, n, &a))
		return false;
	*(struct addr *)at = a;
	return true;
}

static bool fits_fixed(struct loader *l, const struct conf_row *row, const struct node *n)
{
	if (no_items(l, row, n))
		return false;
	if (count_items(n) <= CONF_IF_ADDRS)
		return true;
	conf_fail(l, n, "%s: more than %d addresses", label(row), CONF_IF_ADDRS);
	return false;
}

static bool read_addrs(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct addr *out = at;
	bool ok = true;

	if (!fits_fixed(l, row, n))
		return false;
	for (const struct node *k = first_item(n); k; k = next_item(n, k))
		ok = read_addr(l, row, k, out++) && ok;
	return ok;
}

static bool read_subnet(struct loader *l, const struct conf_row *row, const struct node *n,
			struct addr *a, struct prefix *subnet)
{
	if (!is_scalar(l, row, n))
		return false;
	if (str_find(n->text, '/') < 0 || addr_parse_prefix(n->text, subnet, a))
		return bad_value(l, row, n, "an address with its subnet such as 192.0.2.10/24");
	if (!host_addr(l, row, n, a))
		return false;
	if (subnet->len_bits > 0)
		return true;
	conf_fail(l, n, "%s: a subnet of /0 is the whole world", label(row));
	return false;
}

static bool read_subnets(struct loader *l, const struct conf_row *row, const struct node *n,
			 void *at)
{
	struct conf_interface *ifc =
		(void *)((char *)at - offsetof(struct conf_interface, address));
	bool ok = true;
	size_t i = 0;

	if (!fits_fixed(l, row, n))
		return false;
	for (const struct node *k = first_item(n); k; k = next_item(n, k), i++)
		ok = read_subnet(l, row, k, &ifc->address[i], &ifc->subnet[i]) && ok;
	return ok;
}

static bool read_prefixes(struct loader *l, const struct conf_row *row, const struct node *n,
			  void *at)
{
	struct prefix **out = at, *item;
	bool ok = true;

	if (no_items(l, row, n))
		return false;
	item = conf_alloc(l, count_items(n) * sizeof(*item));
	if (!item)
		return false;
	*out = item;
	for (const struct node *k = first_item(n); k; k = next_item(n, k), item++) {
		if (!is_scalar(l, row, k))
			ok = false;
		else if (addr_parse_prefix(k->text, item, NULL))
			ok = bad_value(l, row, k, "an address or prefix such as 192.0.2.0/28");
	}
	return ok;
}

static const struct conf_choice transports[] = {{"udp", CONF_UDP}, {"tcp", CONF_TCP},
						{"tls", CONF_TLS}, {"ws", CONF_WS},
						{"wss", CONF_WSS}, {0}};

static bool read_listen_one(struct loader *l, const struct conf_row *row, const struct node *n,
			    struct conf_listen *out)
{
	struct str rest = n->text, word = str_cut(&rest, ':');
	const struct conf_choice *t = transports;
	uint64_t port;

	if (!is_scalar(l, row, n))
		return false;
	while (t->name && !str_eq(word, str_c(t->name)))
		t++;
	if (!t->name || str_to_u64(rest, UINT16_MAX, &port) || port == 0)
		return bad_value(l, row, n, "a transport and port such as udp:5060");
	if (t->value != CONF_UDP && t->value != CONF_TCP) {
		conf_fail(l, n, "%s: %s is not supported yet", label(row), t->name);
		return false;
	}
	*out = (struct conf_listen){.transport = (enum conf_transport)t->value,
				    .port = (uint16_t)port};
	return true;
}

static bool read_listen(struct loader *l, const struct conf_row *row, const struct node *n,
			void *at)
{
	struct conf_listen **out = at, *item;
	bool ok = true;

	if (no_items(l, row, n))
		return false;
	item = conf_alloc(l, count_items(n) * sizeof(*item));
	if (!item)
		return false;
	*out = item;
	for (const struct node *k = first_item(n); k; k = next_item(n, k))
		ok = read_listen_one(l, row, k, item++) && ok;
	return ok;
}

/* "0000:3b:00.0" or "3b:00.0". */
static bool is_pci(struct str s)
{
	static const char form[] = "xxxx:xx:xx.x";
	const char *f = s.len == 7 ? form + 5 : form;

	if (s.len != strlen(f))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (f[i] == 'x' ? !strchr("0123456789abcdefABCDEF", s.p[i]) : s.p[i] != f[i])
			return false;
	return true;
}

static bool read_pci(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!is_scalar(l, row, n))
		return false;
	if (!is_pci(n->text))
		return bad_value(l, row, n, "a PCI address such as 0000:3b:00.0");
	return read_string(l, row, n, at);
}

static bool read_vdev(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!is_scalar(l, row, n))
		return false;
	if (!str_starts(n->text, STR("net_")) || n->text.len < 5)
		return bad_value(l, row, n, "a device such as net_af_packet,iface=eth1");
	return read_string(l, row, n, at);
}

static bool read_ref(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	if (!is_scalar(l, row, n))
		return false;
	conf_ref_add(l, row->kind, n->text, n, at,
		     row->type == CONF_IF_PORT && str_eq(n->text, STR("auto")));
	return !l->nomem;
}

static bool read_refs(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	void ***out = at, **slot;
	bool ok = true;
	size_t i = 0;

	if (no_items(l, row, n))
		return false;
	slot = conf_alloc(l, count_items(n) * sizeof(*slot));
	if (!slot)
		return false;
	for (const struct node *k = first_item(n); k; k = next_item(n, k), i++)
		ok = read_ref(l, row, k, &slot[i]) && ok;
	*out = slot;
	return ok;
}

static bool read_password_from(struct loader *l, const struct node *n, struct conf_user *u)
{
	const struct node *from = n->first;
	int err;

	if (n->n == 1 && str_eq(from->key, STR("file")) && from->kind == NODE_SCALAR) {
		if (!keep_path(l, from->text, &u->password_file)) {
			if (!l->nomem)
				conf_fail(l, from, "the path is too long");
			return false;
		}
		err = secret_from_file(&u->password, u->password_file.p);
		if (err && err != ERR_NOMEM)
			conf_fail(l, from, "cannot take a secret from %.*s: %s",
				  NODE_CUT(u->password_file), err_text(err));
	} else if (n->n == 1 && str_eq(from->key, STR("env")) && from->kind == NODE_SCALAR) {
		u->password_env = conf_keep(l, from->text);
		if (l->nomem)
			return false;
		err = secret_from_env(&u->password, u->password_env.p);
		if (err && err != ERR_NOMEM)
			conf_fail(l, from, "environment variable %.*s is not set",
				  NODE_CUT(u->password_env));
	} else {
		conf_fail(l, n, "expected a secret: {file: PATH} or {env: NAME}");
		return false;
	}
	l->nomem = l->nomem || err == ERR_NOMEM;
	return err == 0;
}

static bool read_password(struct loader *l, const struct conf_row *row, const struct node *n,
			  void *at)
{
	struct conf_user *u = at;
	int err;

	if (n->kind == NODE_MAP)
		return read_password_from(l, n, u);
	if (n->kind == NODE_LIST || str_empty(n->text)) {
		conf_fail(l, n, "expected a secret: {file: PATH} or {env: NAME}");
		return false;
	}
	if (!text_fits(l, row, n))
		return false;
	conf_warn(l, n,
		  "the secret of '%.*s' stands in this file; {file: PATH} or {env: NAME} keeps it "
		  "out",
		  NODE_CUT(n->key));
	err = secret_set(&u->password, n->text);
	l->nomem = l->nomem || err == ERR_NOMEM;
	secret_zero((void *)(uintptr_t)n->text.p, n->text.len); /* the tree's copy */
	return err == 0;
}

static bool read_peer_uri(struct loader *l, const struct conf_row *row, const struct node *n,
			  void *at)
{
	struct conf_peer *p = at;
	const char *why;

	if (!is_scalar(l, row, n) || !text_fits(l, row, n))
		return false;
	why = conf_peer_parse(n->text, p);
	if (why) {
		conf_fail(l, n, "%s: '%.*s': %s", label(row), NODE_CUT(n->text), why);
		return false;
	}
	p->uri = conf_keep(l, p->uri);
	p->user = conf_keep(l, p->user);
	return !l->nomem;
}

static bool read_from(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct conf_route *r = at;
	struct str name = n->text, kind = str_cut(&name, '/');

	if (!is_scalar(l, row, n))
		return false;
	if (str_eq(kind, STR("realm")) && !str_empty(name))
		conf_ref_add(l, KIND_REALM, name, n, &r->from_realm, false);
	else if (str_eq(kind, STR("trunk")) && !str_empty(name))
		conf_ref_add(l, KIND_TRUNK, name, n, &r->from_trunk, false);
	else
		return bad_value(l, row, n, "realm/NAME or trunk/NAME");
	return !l->nomem;
}

static bool read_to(struct loader *l, const struct conf_row *row, const struct node *n, void *at)
{
	struct conf_route *r = at;
	struct str name, kind;

	if (no_items(l, row, n))
		return false;
	if (count_items(n) > 1) {
		conf_fail(l, n, "%s: more than one destination is not supported yet", label(row));
		return false;
	}
	n = first_item(n);
	if (!is_scalar(l, row, n))
		return false;
	name = n->text;
	kind = str_cut(&name, '/');
	if (str_eq(n->text, STR("registrar"))) {
		r->to = CONF_TO_REGISTRAR;
	} else if (str_eq(n->text, STR("media/echo"))) {
		r->to = CONF_TO_ECHO;
	} else if (str_eq(kind, STR("trunk")) && !str_empty(name)) {
		r->to = CONF_TO_TRUNK;
		conf_ref_add(l, KIND_TRUNK, name, n, &r->to_trunk, false);
	} else {
		return bad_value(l, row, n, "trunk/NAME, registrar or media/echo");
	}
	return !l->nomem;
}

static const struct {
	const char *text, *unit;
	read_fn read;
} types[CONF_TYPES] = {
	[CONF_SECTION] = {"section", "", NULL},
	[CONF_NAMED] = {"map by name", "", NULL},
	[CONF_LIST] = {"list of maps", "", NULL},
	[CONF_STRING] = {"text", "", read_string},
	[CONF_STRINGS] = {"text, one or a list", "", read_strings},
	[CONF_PATH] = {"path", "", read_path},
	[CONF_NUMBER] = {"number", "", read_number},
	[CONF_BOOL] = {"true or false", "", read_bool},
	[CONF_DURATION] = {"duration", "ms, s, m, h", read_duration},
	[CONF_SIZE] = {"size", "bytes, K, M, G", read_size},
	[CONF_PERCENT] = {"percentage", "%", read_percent},
	[CONF_RATE] = {"rate", "/s, /10s", read_rate},
	[CONF_CHOICE] = {"choice", "", read_choice},
	[CONF_CPU] = {"CPU", "", read_cpu},
	[CONF_DSCP] = {"DSCP", "", read_dscp},
	[CONF_PORTS] = {"port range", "", read_ports},
	[CONF_HOSTPORT] = {"address:port", "", read_hostport},
	[CONF_ADDR] = {"IP address", "", read_addr},
	[CONF_ADDRS] = {"IP address, one or a list", "", read_addrs},
	[CONF_SUBNETS] = {"IP address/bits, one or a list", "", read_subnets},
	[CONF_PREFIXES] = {"prefix, one or a list", "", read_prefixes},
	[CONF_LISTEN] = {"transport:port, one or a list", "", read_listen},
	[CONF_PCI] = {"PCI address", "", read_pci},
	[CONF_VDEV] = {"EAL device", "", read_vdev},
	[CONF_REF] = {"name", "", read_ref},
	[CONF_REFS] = {"name, one or a list", "", read_refs},
	[CONF_IF_PORT] = {"name or `auto`", "", read_ref},
	[CONF_PASSWORD] = {"secret", "", read_password},
	[CONF_PEER_URI] = {"SIP URI", "", read_peer_uri},
	[CONF_FROM] = {"source", "", read_from},
	[CONF_TO] = {"destination", "", read_to},
};

const char *conf_type_text(enum conf_type type)
{
	return types[type].text;
}

const char *conf_type_unit(enum conf_type type)
{
	return types[type].unit;
}

bool conf_read(struct loader *l, const struct conf_row *row, const struct node *n, void *base)
{
	void *at = row->at == CONF_NOWHERE ? (void *)&l->nowhere : (char *)base + row->at;
	size_t *count = row->count ? (size_t *)(void *)((char *)base + row->count) : NULL;

	if (n->bad || !types[row->type].read(l, row, n, at))
		return false;
	if (count)
		*count = count_items(n);
	if (!row->only || str_eq(n->text, str_c(row->only)))
		return true;
	conf_fail(l, n, "%s: %.*s is not supported yet", label(row), NODE_CUT(n->text));
	return false;
}
