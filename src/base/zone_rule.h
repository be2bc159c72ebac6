/* The rule in a zone file's footer: a POSIX TZ text, "EST5EDT,M3.2.0,M11.1.0". Private to src/base. */
#ifndef HF_BASE_ZONE_RULE_H
#define HF_BASE_ZONE_RULE_H

#include "holdfast/text.h"

struct zone_day {
    char kind; /* 'M' month, week, weekday; 'J' day 1 to 365 without 29 February; 'N' day 0 to 365 */
    int month;
    int week;
    int day;
    int32_t time; /* seconds after midnight, may be negative */
};

struct zone_rule {
    int32_t standard; /* seconds east */
    int32_t summer;
    bool has_summer;
    struct zone_day begins; /* of summer time, by standard time */
    struct zone_day ends;   /* by summer time */
};

bool hf_zone_rule_read(struct hf_slice text, struct zone_rule *out);
int32_t hf_zone_rule_offset(const struct zone_rule *rule, int64_t at);

#endif
