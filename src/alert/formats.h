/* The services' formatters, one file each. Private to src/alert. */
#ifndef HF_ALERT_FORMATS_H
#define HF_ALERT_FORMATS_H

#include "holdfast/alert_text.h"

typedef int hf_format_fn(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                         struct hf_error *err);
hf_format_fn hf_format_slack, hf_format_slack_bot, hf_format_teams, hf_format_google_chat, hf_format_discord,
    hf_format_mattermost, hf_format_pagerduty, hf_format_alertmanager, hf_format_webhook;

#endif
