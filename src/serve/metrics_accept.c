/* Which of the two text formats a scraper wants, by its Accept header (RFC 9110, 12.5.1). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "metrics.h"

#define OPEN_METRICS "application/openmetrics-text"

static bool is_named(const char *from, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(from, name, len) == 0;
}

/* Blanks at both ends are no part of it. */
static void trim(const char **from, size_t *len)
{
    while (*len > 0 && strchr(" \t", **from)) {
        ++*from;
        --*len;
    }
    while (*len > 0 && strchr(" \t", (*from)[*len - 1])) {
        --*len;
    }
}

/* One range of the list: its weight, and whether it asks for a version of the format that there is none of here. */
static double weight_of(const char *at, const char *end, bool *is_other)
{
    double weight = 1;
    while (at < end) {
        size_t len = strcspn(at, ";,");
        const char *part = at;
        size_t part_len = len;
        trim(&part, &part_len);
        if (part_len > 2 && strncasecmp(part, "q=", 2) == 0) {
            weight = strtod(part + 2, NULL);
        } else if (part_len > 8 && strncasecmp(part, "version=", 8) == 0) {
            const char *version = part + 8;
            size_t version_len = part_len - 8;
            trim(&version, &version_len);
            *is_other = !is_named(version, version_len, "1.0.0") && !is_named(version, version_len, "0.0.1");
        }
        at += len + 1;
    }
    return weight;
}

bool hf_metrics_wants_open(const char *accept)
{
    double open = 0;
    double plain = 0;
    for (const char *at = accept; at && *at;) {
        size_t len = strcspn(at, ",");
        const char *name = at;
        size_t name_len = strcspn(at, ",;");
        const char *end = at + len;
        const char *parameters = at + name_len < end ? at + name_len + 1 : end;
        bool is_other = false;
        trim(&name, &name_len);
        double weight = weight_of(parameters, end, &is_other);
        if (is_named(name, name_len, OPEN_METRICS) && !is_other) {
            open = weight > open ? weight : open;
        } else if (is_named(name, name_len, "text/plain")) {
            plain = weight > plain ? weight : plain;
        }
        at += len + (at[len] == ',');
    }
    return open > 0 && open >= plain;
}
