/* One event as a line of CSV (RFC 4180), for exports that end in a spreadsheet. */
#include <stdio.h>
#include <string.h>

#include "trail.h"

static void csv_field(struct hf_buf *out, const char *text)
{
    hf_buf_addc(out, '"');
    if (text && *text && strchr("=+-@\t\r", *text)) {
        hf_buf_addc(out, '\'');
    }
    for (const char *at = text ? text : ""; *at; at++) {
        if (*at == '"') {
            hf_buf_addc(out, '"');
        }
        hf_buf_addc(out, *at);
    }
    hf_buf_addc(out, '"');
}

void hf_audit_csv_names(struct hf_buf *out)
{
    hf_buf_adds(out, "id,at,type,severity,incident,target,space,unit,revision,api_version,kind,namespace,name,uid,"
                     "resource_version,verdict,manager,operation,subresource,drifted_at,seen_at,corrected_at,"
                     "message,detail,alert,digest\r\n");
}

void hf_audit_event_csv(struct hf_buf *out, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    char times[4][HF_TIME_TEXT];
    char numbers[2][24];
    hf_time_format(event->at_ms, times[0]);
    hf_time_format(event->drifted_at_ms, times[1]);
    hf_time_format(event->seen_at_ms, times[2]);
    hf_time_format(event->corrected_at_ms, times[3]);
    (void)snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)id);
    (void)snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)event->revision);
    const char *const fields[] = {numbers[0],
                                  times[0],
                                  event->type,
                                  event->severity,
                                  event->incident,
                                  event->target,
                                  event->space,
                                  event->unit,
                                  event->revision ? numbers[1] : "",
                                  event->api_version,
                                  event->kind,
                                  event->namespace,
                                  event->name,
                                  event->uid,
                                  event->resource_version,
                                  event->verdict,
                                  event->manager,
                                  event->operation,
                                  event->subresource,
                                  times[1],
                                  times[2],
                                  times[3],
                                  event->message,
                                  event->detail,
                                  event->alert ? "1" : "0",
                                  digest};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (i > 0) {
            hf_buf_addc(out, ',');
        }
        csv_field(out, fields[i]);
    }
    hf_buf_adds(out, "\r\n");
}
