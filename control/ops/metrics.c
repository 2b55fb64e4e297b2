/* The table behind control's list of metrics: names and help for the Prometheus page. Constant; any thread. */
#include "ops/metrics.h"

const struct metric_desc metric_table[METRIC_COUNT] = {METRICS_LIST(METRIC_DESC)};
