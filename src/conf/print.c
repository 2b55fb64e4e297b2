/* One printer per type of value, the mirrors of read.c: a field of struct conf in, YAML on one line out, which the reader
 * takes again. Nothing is printed for what is not set. Any thread, read-only. */
#include "conf/load.h"

#include "conf/value.h"

typedef bool (*print_fn)(const struct conf *, const struct conf_row *, const void *base,
			 struct buf *);

static bool is_plain(struct str s)
{
	if (str_empty(s) || s.p[0] == '-' || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '_' || c == '-' || c == '/'))
			return false;
	}
	return true;
}

void conf_print_text(struct buf *b, struct str s)
{
	bool quoted = !is_plain(s);

	if (quoted)
		buf_ch(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_ch(b, '\\');
		buf_ch(b, s.p[i]);
	}
	if (quoted)
		buf_ch(b, '"');
}

static const void *field(const struct conf_row *row, const void *base)
{
	return (const char *)base + row->at;
}

static size_t field_count(const struct conf_row *row, const void *base)
{
	return *(const size_t *)(const void *)((const char *)base + row->count);
}

/* "one" or "[one, two]" around what is printed for each. */
static void list_open(struct buf *b, size_t n)
{
	if (n != 1)
		buf_ch(b, '[');
}

static void list_next(struct buf *b, size_t i)
{
	if (i)
		buf_c(b, ", ");
}

static void list_close(struct buf *b, size_t n)
{
	if (n != 1)
		buf_ch(b, ']');
}

static bool print_string(const struct conf *c, const struct conf_row *row, const void *base,
			 struct buf *b)
{
	struct str s = *(const struct str *)field(row, base);

	(void)c;
	if (str_empty(s))
		return false;
	conf_print_text(b, s);
	return true;
}

static bool print_strings(const struct conf *c, const struct conf_row *row, const void *base,
			  struct buf *b)
{
	const struct str *s = *(const struct str *const *)field(row, base);
	size_t n = field_count(row, base);

	(void)c;
	list_open(b, n);
	for (size_t i = 0; i < n; i++) {
		list_next(b, i);
		conf_print_text(b, s[i]);
	}
	list_close(b, n);
	return n > 0;
}

/* Absolute as it is; a relative one is told as seen from the file's folder, where it will be read. */
static bool print_path_text(const struct conf *c, struct str path, struct buf *b)
{
	struct str dir = c->path;

	while (dir.len && dir.p[dir.len - 1] != '/')
		dir.len--;
	if (str_empty(path))
		return false;
	if (path.p[0] != '/')
		path = str_from(path, dir.len);
	conf_print_text(b, path);
	return true;
}

static bool print_path(const struct conf *c, const struct conf_row *row, const void *base,
		       struct buf *b)
{
	return print_path_text(c, *(const struct str *)field(row, base), b);
}

static bool print_key_file(const struct conf *c, const struct conf_row *row, const void *base,
			   struct buf *b)
{
	buf_c(b, "{file: ");
	if (!print_path(c, row, base, b))
		return false;
	buf_ch(b, '}');
	return true;
}

static bool print_ca(const struct conf *c, const struct conf_row *row, const void *base,
		     struct buf *b)
{
	if (!print_path(c, row, base, b))
		buf_c(b, "system");
	return true;
}

static bool print_number(const struct conf *c, const struct conf_row *row, const void *base,
			 struct buf *b)
{
	uint32_t v = *(const uint32_t *)field(row, base);

	(void)c;
	if (!v && row->min) /* 0 is not a value of its own: not set */
		return false;
	buf_u64(b, v);
	return true;
}

static bool print_bool(const struct conf *c, const struct conf_row *row, const void *base,
		       struct buf *b)
{
	(void)c;
	buf_c(b, *(const bool *)field(row, base) ? "true" : "false");
	return true;
}

static bool print_duration(const struct conf *c, const struct conf_row *row, const void *base,
			   struct buf *b)
{
	(void)c;
	value_duration_text(b, *(const uint64_t *)field(row, base));
	return true;
}

static bool print_size(const struct conf *c, const struct conf_row *row, const void *base,
		       struct buf *b)
{
	uint64_t v = *(const uint64_t *)field(row, base);

	(void)c;
	if (!v)
		return false;
	value_size_text(b, v);
	return true;
}

static bool print_percent(const struct conf *c, const struct conf_row *row, const void *base,
			  struct buf *b)
{
	(void)c;
	buf_u64(b, *(const uint32_t *)field(row, base));
	buf_ch(b, '%');
	return true;
}

static bool print_rate(const struct conf *c, const struct conf_row *row, const void *base,
		       struct buf *b)
{
	(void)c;
	value_rate_text(b, *(const struct rate *)field(row, base));
	return true;
}

static bool print_choice(const struct conf *c, const struct conf_row *row, const void *base,
			 struct buf *b)
{
	int v = *(const int *)field(row, base);

	(void)c;
	for (const struct conf_choice *k = row->choice; k->name; k++) {
		if (k->value != v)
			continue;
		conf_print_text(b, str_c(k->name));
		return true;
	}
	return false;
}

static bool print_dscp(const struct conf *c, const struct conf_row *row, const void *base,
		       struct buf *b)
{
	(void)c;
	value_dscp_text(b, *(const uint8_t *)field(row, base));
	return true;
}

static bool print_ports(const struct conf *c, const struct conf_row *row, const void *base,
			struct buf *b)
{
	const uint16_t *p = field(row, base);

	(void)c;
	buf_printf(b, "%u-%u", p[0], p[1]);
	return true;
}

static void print_ip(struct buf *b, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	conf_print_text(b, str_c(addr_ip_text(a, text)));
}

static bool print_hostport(const struct conf *c, const struct conf_row *row, const void *base,
			   struct buf *b)
{
	const struct addr *a = field(row, base);
	char text[ADDR_TEXT_MAX];

	(void)c;
	if (!addr_is_set(a))
		return false;
	conf_print_text(b, str_c(addr_text(a, text)));
	return true;
}

static bool print_addr(const struct conf *c, const struct conf_row *row, const void *base,
		       struct buf *b)
{
	const struct addr *a = field(row, base);

	(void)c;
	if (!addr_is_set(a))
		return false;
	print_ip(b, a);
	return true;
}

static bool print_addrs(const struct conf *c, const struct conf_row *row, const void *base,
			struct buf *b)
{
	const struct addr *a = field(row, base);
	size_t n = field_count(row, base);

	(void)c;
	list_open(b, n);
	for (size_t i = 0; i < n; i++) {
		list_next(b, i);
		print_ip(b, &a[i]);
	}
	list_close(b, n);
	return n > 0;
}

static void print_prefix(struct buf *b, const struct addr *a, unsigned len_bits)
{
	char ip[ADDR_TEXT_MAX], text[ADDR_TEXT_MAX + 8];
	struct buf t = BUF_ON(text);

	buf_printf(&t, "%s/%u", addr_ip_text(a, ip), len_bits);
	conf_print_text(b, buf_view(&t));
}

static bool print_subnets(const struct conf *c, const struct conf_row *row, const void *base,
			  struct buf *b)
{
	const struct conf_interface *f = base;

	(void)c;
	(void)row;
	list_open(b, f->n_address);
	for (size_t i = 0; i < f->n_address; i++) {
		list_next(b, i);
		print_prefix(b, &f->address[i], f->subnet[i].len_bits);
	}
	list_close(b, f->n_address);
	return f->n_address > 0;
}

static bool print_prefixes(const struct conf *c, const struct conf_row *row, const void *base,
			   struct buf *b)
{
	const struct prefix *p = *(const struct prefix *const *)field(row, base);
	size_t n = field_count(row, base);

	(void)c;
	list_open(b, n);
	for (size_t i = 0; i < n; i++) {
		list_next(b, i);
		print_prefix(b, &p[i].base, p[i].len_bits);
	}
	list_close(b, n);
	return n > 0;
}

static bool print_listen(const struct conf *c, const struct conf_row *row, const void *base,
			 struct buf *b)
{
	static const char *const word[] = {"udp", "tcp", "tls", "ws", "wss"};
	const struct conf_listen *s = *(const struct conf_listen *const *)field(row, base);
	size_t n = field_count(row, base);

	(void)c;
	list_open(b, n);
	for (size_t i = 0; i < n; i++) {
		list_next(b, i);
		buf_printf(b, "\"%s:%u\"", word[s[i].transport], s[i].port);
	}
	list_close(b, n);
	return n > 0;
}

static bool print_ref(const struct conf *c, const struct conf_row *row, const void *base,
		      struct buf *b)
{
	const void *item;

	memcpy(&item, field(row, base), sizeof(item));
	if (!item || item == &c->profile_default)
		return false;
	conf_print_text(b, *(const struct str *)item);
	return true;
}

static bool print_refs(const struct conf *c, const struct conf_row *row, const void *base,
		       struct buf *b)
{
	const void *const *item = *(const void *const *const *)field(row, base);
	size_t n = field_count(row, base);

	(void)c;
	list_open(b, n);
	for (size_t i = 0; i < n; i++) {
		list_next(b, i);
		conf_print_text(b, *(const struct str *)item[i]);
	}
	list_close(b, n);
	return n > 0;
}

static bool print_if_port(const struct conf *c, const struct conf_row *row, const void *base,
			  struct buf *b)
{
	const struct conf_interface *f = base;

	if (!f->port->is_auto)
		return print_ref(c, row, base, b);
	buf_c(b, "auto");
	return true;
}

static bool print_password(const struct conf *c, const struct conf_row *row, const void *base,
			   struct buf *b)
{
	const struct conf_user *u = base;

	(void)row;
	if (u->password_file.len) {
		buf_c(b, "{file: ");
		print_path_text(c, u->password_file, b);
		buf_ch(b, '}');
	} else if (u->password_env.len) {
		buf_c(b, "{env: ");
		conf_print_text(b, u->password_env);
		buf_ch(b, '}');
	} else {
		buf_c(b, "\"***\"");
	}
	return true;
}

static bool print_peer_uri(const struct conf *c, const struct conf_row *row, const void *base,
			   struct buf *b)
{
	(void)c;
	(void)row;
	conf_print_text(b, ((const struct conf_peer *)base)->uri);
	return true;
}

static bool print_from(const struct conf *c, const struct conf_row *row, const void *base,
		       struct buf *b)
{
	const struct conf_route *r = base;
	char text[128];
	struct buf t = BUF_ON(text);

	(void)c;
	(void)row;
	if (!r->from_realm && !r->from_trunk)
		return false;
	buf_c(&t, r->from_realm ? "realm/" : "trunk/");
	buf_str(&t, r->from_realm ? r->from_realm->name : r->from_trunk->name);
	conf_print_text(b, buf_view(&t));
	return true;
}

static bool print_to(const struct conf *c, const struct conf_row *row, const void *base,
		     struct buf *b)
{
	const struct conf_route *r = base;
	char text[128];
	struct buf t = BUF_ON(text);

	(void)c;
	(void)row;
	switch (r->to) {
	case CONF_TO_REJECT:
		return false;
	case CONF_TO_REGISTRAR:
		buf_c(&t, "registrar");
		break;
	case CONF_TO_ECHO:
		buf_c(&t, "media/echo");
		break;
	case CONF_TO_TRUNK:
		buf_c(&t, "trunk/");
		buf_str(&t, r->to_trunk->name);
		break;
	}
	conf_print_text(b, buf_view(&t));
	return true;
}

static const print_fn printers[CONF_TYPES] = {
	[CONF_STRING] = print_string,
	[CONF_STRINGS] = print_strings,
	[CONF_PATH] = print_path,
	[CONF_FILE] = print_path,
	[CONF_KEY_FILE] = print_key_file,
	[CONF_CA] = print_ca,
	[CONF_NUMBER] = print_number,
	[CONF_BOOL] = print_bool,
	[CONF_DURATION] = print_duration,
	[CONF_SIZE] = print_size,
	[CONF_PERCENT] = print_percent,
	[CONF_RATE] = print_rate,
	[CONF_CHOICE] = print_choice,
	[CONF_CPU] = print_string,
	[CONF_DSCP] = print_dscp,
	[CONF_PORTS] = print_ports,
	[CONF_HOSTPORT] = print_hostport,
	[CONF_ADDR] = print_addr,
	[CONF_ADDRS] = print_addrs,
	[CONF_SUBNETS] = print_subnets,
	[CONF_PREFIXES] = print_prefixes,
	[CONF_LISTEN] = print_listen,
	[CONF_PCI] = print_string,
	[CONF_VDEV] = print_string,
	[CONF_REF] = print_ref,
	[CONF_REFS] = print_refs,
	[CONF_IF_PORT] = print_if_port,
	[CONF_PASSWORD] = print_password,
	[CONF_PEER_URI] = print_peer_uri,
	[CONF_FROM] = print_from,
	[CONF_TO] = print_to,
};

bool conf_print(const struct conf *c, const struct conf_row *row, const void *base, struct buf *b)
{
	struct buf before = *b;

	if (row->at == CONF_NOWHERE) {
		buf_c(b, row->def);
		return true;
	}
	if (printers[row->type](c, row, base, b))
		return true;
	*b = before;
	return false;
}
