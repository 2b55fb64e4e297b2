/* GET /metrics: Prometheus text (version 0.0.4), every metric with HELP and TYPE.
 *
 * For admin.c, on the shard's thread. Control's own list comes from ops/metrics.h; what the layers below count is
 * listed here by field, one row each. Labels are bounded: pools and drop reasons. What the dataplane did not tell in
 * time is left out, so that a graph has a gap and not a zero. */
#include <stddef.h>

#include "base/mem.h"
#include "base/version.h"
#include "ops/admin_internal.h"
#include "registrar/registrar.h"

enum { METRICS_TEXT_MAX = 128 * 1024 };

struct field_metric {
	struct metric_desc desc;
	size_t at; /* of a uint64_t */
};

#define FIELD(struct_, field, type_, name_, help_)                                                 \
	{                                                                                          \
		.desc = {.name = (name_), .help = (help_), .type = METRIC_##type_},                \
		.at = offsetof(struct struct_, field)                                              \
	}

static const struct field_metric transport_metric[] = {
	FIELD(sip_transport_stat, rx_messages, COUNTER, "rempart_sip_rx_messages_total",
	      "SIP messages received."),
	FIELD(sip_transport_stat, tx_messages, COUNTER, "rempart_sip_tx_messages_total",
	      "SIP messages sent."),
	FIELD(sip_transport_stat, rx_bytes, COUNTER, "rempart_sip_rx_bytes_total",
	      "Bytes of SIP received."),
	FIELD(sip_transport_stat, tx_bytes, COUNTER, "rempart_sip_tx_bytes_total",
	      "Bytes of SIP sent."),
	FIELD(sip_transport_stat, tx_errors, COUNTER, "rempart_sip_tx_errors_total",
	      "SIP messages that could not be sent."),
	FIELD(sip_transport_stat, connections, GAUGE, "rempart_sip_connections",
	      "SIP connections open now."),
	FIELD(sip_transport_stat, connections_refused, COUNTER,
	      "rempart_sip_connections_refused_total", "SIP connections refused by a limit."),
	FIELD(sip_transport_stat, rx_keepalives, COUNTER, "rempart_sip_keepalives_total",
	      "Keepalives received."),
	FIELD(sip_transport_stat, rx_oversize, COUNTER, "rempart_sip_oversize_total",
	      "Datagrams dropped because they are too large."),
	FIELD(sip_transport_stat, rx_ignored, COUNTER, "rempart_sip_ignored_total",
	      "Datagrams that are not SIP."),
	FIELD(sip_transport_stat, timeouts, COUNTER, "rempart_sip_connection_timeouts_total",
	      "SIP connections closed by a limit of time."),
};

static const struct field_metric txn_metric[] = {
	FIELD(txn_stat, rx_requests, COUNTER, "rempart_txn_requests_total",
	      "SIP requests received, retransmissions aside."),
	FIELD(txn_stat, rx_responses, COUNTER, "rempart_txn_responses_total",
	      "SIP responses received."),
	FIELD(txn_stat, retransmissions_in, COUNTER, "rempart_txn_retransmissions_in_total",
	      "Retransmissions received."),
	FIELD(txn_stat, retransmissions_out, COUNTER, "rempart_txn_retransmissions_out_total",
	      "Retransmissions sent."),
	FIELD(txn_stat, stray_responses, COUNTER, "rempart_txn_stray_responses_total",
	      "Responses without a transaction."),
	FIELD(txn_stat, timeouts, COUNTER, "rempart_txn_timeouts_total",
	      "Transactions that timed out."),
	FIELD(txn_stat, merged, COUNTER, "rempart_txn_merged_total",
	      "Merged requests refused with 482."),
	FIELD(txn_stat, unexpected, COUNTER, "rempart_txn_unexpected_total",
	      "Events that a transaction's state did not expect."),
	FIELD(txn_stat, limited, COUNTER, "rempart_txn_limited_total",
	      "Requests refused by the limit of transactions."),
};

static const struct field_metric media_metric[] = {
	FIELD(media_totals, rx_packets, COUNTER, "rempart_media_rx_packets_total",
	      "Packets received by the dataplane."),
	FIELD(media_totals, tx_packets, COUNTER, "rempart_media_tx_packets_total",
	      "Packets sent by the dataplane."),
	FIELD(media_totals, rx_bytes, COUNTER, "rempart_media_rx_bytes_total",
	      "Bytes received by the dataplane."),
	FIELD(media_totals, tx_bytes, COUNTER, "rempart_media_tx_bytes_total",
	      "Bytes sent by the dataplane."),
	FIELD(media_totals, polls, COUNTER, "rempart_media_polls_total",
	      "Polls of the dataplane's ports."),
	FIELD(media_totals, polls_empty, COUNTER, "rempart_media_polls_empty_total",
	      "Polls that found nothing."),
};

static const struct metric_desc info_metric = {"rempart_info", "Which version runs.", METRIC_GAUGE};
static const struct metric_desc start_metric = {
	"rempart_start_time_seconds", "When rempart-control started, Unix time.", METRIC_GAUGE};
static const struct metric_desc txns_metric = {"rempart_transactions", "SIP transactions now.",
					       METRIC_GAUGE};
static const struct metric_desc up_metric = {"rempart_media_up", "1 while the dataplane answers.",
					     METRIC_GAUGE};
static const struct metric_desc endpoints_metric = {
	"rempart_media_endpoints", "Endpoints that the dataplane holds.", METRIC_GAUGE};
static const struct metric_desc drop_metric = {"rempart_media_dropped_packets_total",
					       "Packets that the dataplane dropped, by reason.",
					       METRIC_COUNTER};
static const struct metric_desc used_metric = {"rempart_media_pool_used",
					       "Port pairs in use, by media pool.", METRIC_GAUGE};
static const struct metric_desc size_metric = {"rempart_media_pool_size",
					       "Port pairs of a media pool.", METRIC_GAUGE};

uint64_t admin_rate_x100(const struct admin *a)
{
	uint32_t n = a->rate_n < ADMIN_RATE_S ? a->rate_n : ADMIN_RATE_S;
	uint32_t slots = ADMIN_RATE_S + 1, last;

	if (n == 0)
		return 0;
	last = a->rate_n % slots;
	return (a->rate_calls[last] - a->rate_calls[(a->rate_n - n) % slots]) * 100 / n;
}

static void one(struct buf *b, const struct metric_desc *d, uint64_t v)
{
	metric_head(b, d);
	metric_value(b, d, NULL, STR(""), v);
}

static void fields(struct buf *b, const struct field_metric *m, size_t n, const void *base)
{
	for (size_t i = 0; i < n; i++)
		one(b, &m[i].desc,
		    metric_get((const uint64_t *)(const void *)((const char *)base + m[i].at)));
}
#define FIELDS(b, list, base) fields((b), (list), sizeof(list) / sizeof((list)[0]), (base))

static void drops(struct buf *b, const struct media_totals *t)
{
	metric_head(b, &drop_metric);
	for (uint32_t i = 0; i < t->n_drop && i < MEDIA_DROPS_MAX; i++)
		metric_value(
			b, &drop_metric, "reason",
			str_n(t->drop_name[i], strnlen(t->drop_name[i], sizeof(t->drop_name[i]))),
			t->drop[i]);
}

static void pools(struct buf *b, const struct shard *s)
{
	const struct conf *c = s->conf;

	metric_head(b, &used_metric);
	for (size_t i = 0; s->media && i < c->n_media_pool; i++)
		metric_value(b, &used_metric, "pool", c->media_pool[i].name,
			     media_port_used(s->media, &c->media_pool[i]));
	metric_head(b, &size_metric);
	for (size_t i = 0; i < c->n_media_pool; i++)
		metric_value(
			b, &size_metric, "pool", c->media_pool[i].name,
			(uint64_t)(c->media_pool[i].port_last - c->media_pool[i].port_first + 1) /
				2 * c->media_pool[i].interface->n_address);
}

static void write_all(struct buf *b, const struct admin *a, const struct admin_figures *f)
{
	const struct shard *s = a->shard;

	metric_head(b, &info_metric);
	metric_value(b, &info_metric, "version", str_c(rempart_version), 1);
	one(b, &start_metric, s->start_wall_ms / 1000);
	for (size_t i = 0; i < METRIC_COUNT; i++)
		one(b, &metric_table[i], metric_get(&s->metrics.value[i]));
	if (s->transport)
		FIELDS(b, transport_metric, sip_transport_stat(s->transport));
	if (s->txn) {
		one(b, &txns_metric, txn_count(s->txn));
		FIELDS(b, txn_metric, txn_stat(s->txn));
	}
	pools(b, s);
	one(b, &up_metric, s->media && media_client_up(s->media));
	if (!f->has_totals)
		return;
	one(b, &endpoints_metric, f->totals.endpoints);
	FIELDS(b, media_metric, &f->totals);
	drops(b, &f->totals);
}

char *admin_metrics(const struct admin *a, const struct admin_figures *f, size_t *len)
{
	char *text = mem_alloc(METRICS_TEXT_MAX);
	struct buf b;

	*len = 0;
	if (!text)
		return NULL;
	b = buf_on(text, METRICS_TEXT_MAX);
	write_all(&b, a, f);
	if (buf_check(&b)) {
		mem_free(text);
		return NULL;
	}
	*len = b.len;
	return text;
}
