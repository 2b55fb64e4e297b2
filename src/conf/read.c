/* The readers' table: which one takes which type of value, and how the documentation calls the type. The loader calls
 * them by the schema's rows. Main thread, at load only. The readers themselves are in read_*.c; the printers that mirror
 * them in print.c. */
#include "conf/read.h"

typedef bool (*read_fn)(struct loader *, const struct conf_row *, const struct node *, void *at);

const char *read_label(const struct conf_row *row)
{
	const char *dot = strrchr(row->path, '.');

	return dot && dot[1] != '*' ? dot + 1 : dot ? "value" : row->path;
}

bool read_is_scalar(struct loader *l, const struct conf_row *row, const struct node *n)
{
	if (n->kind == NODE_SCALAR)
		return true;
	conf_fail(l, n, "%s: expected a single value, not %s", read_label(row), node_kind_text(n));
	return false;
}

bool read_bad(struct loader *l, const struct conf_row *row, const struct node *n,
	      const char *wanted)
{
	conf_fail(l, n, "%s: expected %s, not '%.*s'", read_label(row), wanted, NODE_CUT(n->text));
	return false;
}

const struct node *read_first(const struct node *n)
{
	return n->kind == NODE_LIST ? n->first : n;
}

const struct node *read_next(const struct node *list, const struct node *n)
{
	return list->kind == NODE_LIST ? n->next : NULL;
}

size_t read_count(const struct node *n)
{
	return n->kind == NODE_LIST ? n->n : 1;
}

bool read_no_items(struct loader *l, const struct conf_row *row, const struct node *n)
{
	if (read_count(n))
		return false;
	conf_fail(l, n, "%s: the list is empty", read_label(row));
	return true;
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
	[CONF_FILE] = {"path of a file", "", read_file},
	[CONF_KEY_FILE] = {"{file: path}", "", read_key_file},
	[CONF_CA] = {"path or `system`", "", read_ca},
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
		*count = read_count(n);
	if (!row->only || str_eq(n->text, str_c(row->only)))
		return true;
	conf_fail(l, n, "%s: %.*s is not supported yet", read_label(row), NODE_CUT(n->text));
	return false;
}
