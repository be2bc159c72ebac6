/* Anything that takes CloudEvents: the newest event whole (message.c), as it stands in the trail. */
#include "formats.h"
#include "holdfast/alert.h"

int hf_format_webhook(struct hf_buf *body, const struct hf_alert_text *text, const struct hf_alert_form *form,
                      struct hf_error *err)
{
    struct hf_alert_message message = {.key = text->key, .event_json = form->event_json};
    return hf_alert_body(body, &message, err);
}
