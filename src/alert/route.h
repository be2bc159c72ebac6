/* Who is told what, and when: pure. Private to src/alert. */
#ifndef HF_ALERT_ROUTE_H
#define HF_ALERT_ROUTE_H

#include "holdfast/alert.h"
#include "holdfast/alert_text.h"

/* 0 for what is no severity: info; then warning, critical. */
unsigned hf_severity_rank(const char *severity);

bool hf_route_matches(const struct hf_alert_match *match, const struct hf_alert_text *text);
/* Whether any of the first list fits (none in it: yes) and none of the second. */
bool hf_route_wants(const struct hf_alert_match *match, size_t match_count, const struct hf_alert_match *except,
                    size_t except_count, const struct hf_alert_text *text);

/* When the quiet is over that is at now_ms; HF_TIME_NONE: there is none now. */
int64_t hf_route_quiet_until(const struct hf_alert_hours *hours, size_t count, int64_t now_ms);

/* Until when it is snoozed; HF_TIME_NONE: it is not. INT64_MAX: no end is known. */
int64_t hf_route_snoozed_until(const struct hf_alert_snooze *snoozes, size_t count, const struct hf_alert_text *text,
                               int64_t now_ms);

#endif
