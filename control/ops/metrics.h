/* Control's metrics: one list. Counters belong to the shard's thread. */
#ifndef REMPART_OPS_METRICS_H
#define REMPART_OPS_METRICS_H

#include "base/metric.h"

#define METRICS_LIST(X)                                                                            \
	X(M_CALLS_TOTAL, COUNTER, "rempart_calls_total", "Calls begun since start.")               \
	X(M_CALLS_ANSWERED, COUNTER, "rempart_calls_answered_total", "Calls that were answered.")  \
	X(M_CALLS_FAILED, COUNTER, "rempart_calls_failed_total",                                   \
	  "Calls that ended before an answer, whatever the reason.")                               \
	X(M_CALLS_MEDIA_TIMEOUT, COUNTER, "rempart_calls_media_timeout_total",                     \
	  "Calls ended because their media fell silent.")                                          \
	X(M_CALLS_NO_PORTS, COUNTER, "rempart_calls_no_ports_total",                               \
	  "Calls refused because a media pool was exhausted.")                                     \
	X(M_CALLS_ARENA_CAP, COUNTER, "rempart_calls_memory_cap_total",                            \
	  "Calls refused or ended at the memory cap of a call.")                                   \
	X(M_CALL_UNEXPECTED, COUNTER, "rempart_call_unexpected_events_total",                      \
	  "Events that a call's state did not expect.")                                            \
	X(M_CALLS_ACTIVE, GAUGE, "rempart_calls", "Calls now, in any state.")                      \
	X(M_REG_REQUESTS, COUNTER, "rempart_register_requests_total", "REGISTER requests.")        \
	X(M_REG_AUTH_FAILED, COUNTER, "rempart_register_auth_failed_total",                        \
	  "REGISTER requests with wrong credentials.")                                             \
	X(M_REG_CONTACTS, GAUGE, "rempart_registered_contacts", "Contacts registered now.")        \
	X(M_SIP_MALFORMED, COUNTER, "rempart_sip_malformed_total",                                 \
	  "SIP messages refused by the scan.")                                                     \
	X(M_SIP_REJECTED, COUNTER, "rempart_sip_rejected_total",                                   \
	  "SIP requests answered with an error by policy.")

enum metric_id { METRICS_LIST(METRIC_ENUM) METRIC_COUNT };

struct metrics {
	uint64_t value[METRIC_COUNT];
};

extern const struct metric_desc metric_table[METRIC_COUNT];

static inline void metric_inc(struct metrics *m, enum metric_id id)
{
	metric_add(&m->value[id], 1);
}
static inline void metric_set(struct metrics *m, enum metric_id id, uint64_t v)
{
	__atomic_store_n(&m->value[id], v, __ATOMIC_RELAXED);
}

#endif
