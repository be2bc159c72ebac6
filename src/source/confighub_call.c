/* Requests about one unit. */
#include "confighub_call.h"

#include <stdlib.h>
#include <string.h>

int confighub_subject_copy(struct confighub_subject *out, const struct hf_confighub_unit *unit, struct hf_error *err)
{
    struct hf_buf name = {0};
    *out = (struct confighub_subject){0};
    if (!confighub_id_is_sound(unit->space_id) || !confighub_id_is_sound(unit->unit_id)) {
        return hf_error_set(err, HF_EINVAL, "ConfigHub: unit %s/%s: expected the ids of its space and itself",
                            unit->space ? unit->space : "", unit->slug ? unit->slug : "");
    }
    hf_buf_adds(&name, unit->space && *unit->space ? unit->space : unit->space_id);
    hf_buf_addc(&name, '/');
    hf_buf_adds(&name, unit->slug && *unit->slug ? unit->slug : unit->unit_id);
    *out = (struct confighub_subject){hf_strdup(unit->space_id), hf_strdup(unit->unit_id), hf_buf_take(&name)};
    if (!out->space_id || !out->unit_id || !out->name) {
        confighub_subject_free(out);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    return 0;
}

void confighub_subject_free(struct confighub_subject *subject)
{
    free(subject->space_id);
    free(subject->unit_id);
    free(subject->name);
    *subject = (struct confighub_subject){0};
}

int confighub_ask_unit(struct hf_confighub *hub, const struct confighub_subject *subject,
                       const struct confighub_step *step, confighub_answer_fn fn, void *ctx, struct confighub_ask **out,
                       struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf doing = {0};
    confighub_add_unit_path(&path, subject->space_id, subject->unit_id, step->below);
    hf_buf_addf(&doing, "unit %s: %s", subject->name, step->doing);
    struct confighub_request request = {.method = step->method,
                                        .path = hf_buf_text(&path),
                                        .body = step->body,
                                        .body_len = step->body_len,
                                        .content_type = step->content_type,
                                        .doing = hf_buf_text(&doing),
                                        .max_body = step->max_body ? step->max_body : CONFIGHUB_MOST_LIST};
    if (!hf_buf_ok(&path) || !hf_buf_ok(&doing)) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    return confighub_ask(hub, &request, fn, ctx, out, err);
}

int confighub_wrap(const struct confighub_subject *subject, const char *doing, struct hf_error *err)
{
    return hf_error_wrap(err, "ConfigHub: unit %s: %s", subject->name, doing);
}
