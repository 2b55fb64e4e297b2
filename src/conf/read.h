/* One reader per type of value: text of the tree in, a field of struct conf out, a sentence about what is wrong. For
 * read*.c only; the loader calls conf_read(). Main thread, at load. */
#ifndef REMPART_CONF_READ_H
#define REMPART_CONF_READ_H

#include "conf/load.h"

/* The last word of the row's path: how the file calls it. */
const char *read_label(const struct conf_row *row);
/* False, and reported, when it is a map or a list. */
bool read_is_scalar(struct loader *l, const struct conf_row *row, const struct node *n);
/* "LABEL: expected WANTED, not 'TEXT'"; always false. */
bool read_bad(struct loader *l, const struct conf_row *row, const struct node *n,
	      const char *wanted);
/* Items of "one or a list": a scalar is a list of itself. */
const struct node *read_first(const struct node *n);
const struct node *read_next(const struct node *list, const struct node *n);
size_t read_count(const struct node *n);
/* True, and reported, when the list is empty. */
bool read_no_items(struct loader *l, const struct conf_row *row, const struct node *n);
/* False, and reported, when the text is shorter or longer than the row allows (1 to 255 bytes where it says nothing). */
bool read_text_fits(struct loader *l, const struct conf_row *row, const struct node *n);
/* text as it stands, or behind the folder of the configuration file. False: too long, or l->nomem. */
bool read_keep_path(struct loader *l, struct str text, struct str *out);

/* The readers: the value of n into what `at` points to, whose type stands beside the row's type in schema.h. False when
 * it was wrong (reported) or there is no memory (l->nomem). */
bool read_string(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_strings(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_path(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_file(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_key_file(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_ca(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_choice(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_pci(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_vdev(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_number(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_bool(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_duration(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_size(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_percent(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_rate(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_cpu(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_dscp(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_ports(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_hostport(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_addr(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_addrs(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_subnets(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_prefixes(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_listen(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_ref(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_refs(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_password(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_peer_uri(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_from(struct loader *l, const struct conf_row *row, const struct node *n, void *at);
bool read_to(struct loader *l, const struct conf_row *row, const struct node *n, void *at);

#endif
