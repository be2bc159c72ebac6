#include "formats.h"

#include <string.h>

/* The limits are the services' own, in bytes of a whole message, a little below: docs/alert-channels.md names them. */
static const struct hf_alert_format FORMATS[] = {
    {"webhook", (size_t)1 << 20, hf_format_webhook},  {"slack", 40000, hf_format_slack},
    {"slack-bot", 40000, hf_format_slack_bot},        {"teams", 27000, hf_format_teams},
    {"google-chat", 31000, hf_format_google_chat},    {"discord", 30000, hf_format_discord},
    {"mattermost", 60000, hf_format_mattermost},      {"pagerduty", 500000, hf_format_pagerduty},
    {"alertmanager", 500000, hf_format_alertmanager},
};

size_t hf_alert_format_count(void)
{
    return sizeof FORMATS / sizeof FORMATS[0];
}

const struct hf_alert_format *hf_alert_format_at(size_t index)
{
    return index < hf_alert_format_count() ? &FORMATS[index] : NULL;
}

const struct hf_alert_format *hf_alert_format_named(const char *type)
{
    for (size_t i = 0; i < hf_alert_format_count(); i++) {
        if (strcmp(FORMATS[i].type, type) == 0) {
            return &FORMATS[i];
        }
    }
    return NULL;
}
