/* Writing metrics in Prometheus's text forms. */
#ifndef HOLDFAST_SERVE_METRICS_H
#define HOLDFAST_SERVE_METRICS_H

#include "view.h"

struct hf_metrics {
    struct hf_buf *out;
    bool open_metrics;
    const char *name; /* the family's */
};

struct hf_metric_label {
    const char *name;
    const char *value; /* escaped when written */
};

/* Begins a family; its samples follow at once. type: "counter" (name ends in _total), "gauge", "histogram", "info"
 * (name ends in _info). */
void hf_metric_family(struct hf_metrics *metrics, const char *name, const char *type, const char *help);
void hf_metric_count(struct hf_metrics *metrics, uint64_t value, const struct hf_metric_label *labels, size_t count);
void hf_metric_seconds(struct hf_metrics *metrics, int64_t ms, const struct hf_metric_label *labels, size_t count);
void hf_metric_micro(struct hf_metrics *metrics, int64_t us); /* seconds, without labels */
/* Counts are by HF_SERVE_BUCKETS_MS, then one for above. */
void hf_metric_histogram(struct hf_metrics *metrics, const uint64_t *counts, int64_t sum_ms, const char *target);

/* metrics_accept.c: whether it asks for OpenMetrics rather than for the older text. accept may be NULL. */
bool hf_metrics_wants_open(const char *accept);
/* metrics_process.c */
void hf_metrics_process(struct hf_metrics *metrics);
/* metrics_view.c: what the view holds. */
void hf_metrics_view(struct hf_metrics *metrics, struct hf_view_ref *ref, int64_t now_ms);

#endif
