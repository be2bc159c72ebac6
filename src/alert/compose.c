#include "compose.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "holdfast/clock.h"

#define MOST_EVENT ((size_t)4 << 20)
#define MOST_CHANGES 50
#define MOST_TEXT 2000

#define MOST_LABELS 64
#define MOST_ID ((double)((int64_t)1 << 53))

static const char *keep(struct hf_arena *arena, const cJSON *value)
{
    const char *text = cJSON_GetStringValue(value);
    if (!text || !*text) {
        return NULL;
    }
    size_t len = strnlen(text, MOST_TEXT);
    while (len == MOST_TEXT && len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
        len--; /* not within a character */
    }
    return hf_arena_copy(arena, text, len);
}

static const char *text_at(struct hf_arena *arena, const cJSON *json, const char *name)
{
    return keep(arena, cJSON_GetObjectItemCaseSensitive(json, name));
}

static int64_t time_at(const cJSON *json, const char *name)
{
    int64_t ms;
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    return text && hf_time_parse(hf_slice_of(text), &ms) ? ms : HF_TIME_NONE;
}

/* What each type of event means to whoever is told of it. */
static const struct meaning {
    const char *type;
    enum hf_alert_state state;
    enum hf_alert_end end;
    const char *action;
} MEANINGS[] = {
    {"drift.seen", HF_ALERT_OPEN, HF_END_OPEN, "Left as it is: holdfast only observes here, or a rule leaves it"},
    {"extra.seen", HF_ALERT_OPEN, HF_END_OPEN, "No unit holds it any more; only a rule has it removed"},
    {"drift.changed", HF_ALERT_UPDATE, HF_END_OPEN, "What differs has changed"},
    {"drift.attributed", HF_ALERT_UPDATE, HF_END_OPEN, "Now it is known who did it"},
    {"correction.blocked", HF_ALERT_OPEN, HF_END_BLOCKED, "Not put back; it is tried again when that is over"},
    {"correction.failed", HF_ALERT_OPEN, HF_END_FAILED, "Could not be put back; it is tried again"},
    {"correction.partial", HF_ALERT_UPDATE, HF_END_OPEN, "Put back in part"},
    {"correction.confirmed", HF_ALERT_RESOLVED, HF_END_CORRECTED, "Put back by holdfast"},
    {"rollout.confirmed", HF_ALERT_RESOLVED, HF_END_CORRECTED, "The unit's content is live"},
    {"drift.healed", HF_ALERT_RESOLVED, HF_END_HEALED, "Right again without holdfast"},
    {"drift.dismissed", HF_ALERT_RESOLVED, HF_END_DISMISSED, "Closed"},
    /* What begins and ends without being an incident of an object. */
    {"cluster.lost", HF_ALERT_OPEN, HF_END_NONE, "Nothing is seen or put back there until it answers"},
    {"cluster.found", HF_ALERT_RESOLVED, HF_END_NONE, "All is listed and judged anew"},
    {"source.lost", HF_ALERT_OPEN, HF_END_NONE, "The units known last are held to"},
    {"source.found", HF_ALERT_RESOLVED, HF_END_NONE, NULL},
    {"unit.unreadable", HF_ALERT_OPEN, HF_END_NONE, "Its last good content is held to"},
    {"unit.readable", HF_ALERT_RESOLVED, HF_END_NONE, NULL},
    {"trail.failing", HF_ALERT_OPEN, HF_END_NONE, "Nothing is put back that can't be recorded"},
    {"trail.resumed", HF_ALERT_RESOLVED, HF_END_NONE, NULL},
};

/* What begins and ends, and is no object's incident, is known by what it is about: "cluster:dev". */
static const char *family_of(struct hf_arena *arena, const struct hf_alert_text *out)
{
    return hf_arena_printf(arena, "%.*s:%s%s%s", (int)strcspn(out->type, "."), out->type,
                           out->target ? out->target : "", out->unit ? "/" : "", out->unit ? out->unit : "");
}

static void take_meaning(struct hf_arena *arena, const cJSON *event, const cJSON *detail, struct hf_alert_text *out)
{
    const char *rule = text_at(arena, detail, "rule");
    const struct meaning *meaning = NULL;
    out->type = text_at(arena, event, "type");
    for (size_t i = 0; out->type && i < sizeof MEANINGS / sizeof MEANINGS[0] && !meaning; i++) {
        meaning = strcmp(MEANINGS[i].type, out->type) == 0 ? &MEANINGS[i] : NULL;
    }
    out->state = meaning ? meaning->state : HF_ALERT_NOTICE;
    out->end = meaning ? meaning->end : HF_END_NONE;
    out->action = meaning ? meaning->action : NULL;
    if (meaning && meaning->end == HF_END_NONE && !out->incident) {
        out->incident = family_of(arena, out);
    }
    out->correcting = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(detail, "correcting"));
    if (out->correcting && out->end == HF_END_OPEN) {
        out->action = "Being put back by holdfast";
    }
    /* Who it was may be known only after the incident's end: then a pager that was told so must not be woken again. */
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(detail, "over"))) {
        out->state = HF_ALERT_RESOLVED;
        out->end = HF_END_CORRECTED;
    }
    if (out->severity && out->state != HF_ALERT_NOTICE) {
        out->meaning = hf_arena_printf(arena, "%s%s%s", out->severity, rule ? ", by rule " : "", rule ? rule : "");
    }
}

/* "alice via kubectl-edit from 10.0.0.7", or what managedFields know. */
static void take_who(struct hf_arena *arena, const cJSON *event, const cJSON *detail, struct hf_alert_text *out)
{
    const cJSON *who = cJSON_GetObjectItemCaseSensitive(detail, "who");
    const char *user = text_at(arena, who, "user");
    const char *as = text_at(arena, who, "impersonated");
    const char *source = text_at(arena, who, "source");
    const char *manager = text_at(arena, event, "manager");
    if (user) {
        out->who =
            hf_arena_printf(arena, "%s%s%s%s%s%s%s", user, as ? " as " : "", as ? as : "", manager ? " via " : "",
                            manager ? manager : "", source ? " from " : "", source ? source : "");
    } else {
        out->who = manager;
    }
}

static void take_changes(struct hf_arena *arena, const cJSON *detail, struct hf_alert_text *out)
{
    const cJSON *finding;
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(detail, "findings");
    size_t total = (size_t)cJSON_GetArraySize(findings);
    size_t count = total < MOST_CHANGES ? total : MOST_CHANGES;
    struct hf_alert_change *changes = hf_arena_array(arena, count, sizeof *changes);
    cJSON_ArrayForEach(finding, findings)
    {
        if (!changes || out->change_count == count) {
            break;
        }
        const char *readable = text_at(arena, finding, "readable");
        changes[out->change_count++] =
            (struct hf_alert_change){.path = readable ? readable : text_at(arena, finding, "path"),
                                     .class = text_at(arena, finding, "class"),
                                     .desired = text_at(arena, finding, "desired"),
                                     .live = text_at(arena, finding, "live"),
                                     .who = text_at(arena, finding, "manager")};
    }
    out->changes = changes;
    out->changes_left_out = total - out->change_count;
}

static void take_labels(struct hf_arena *arena, const cJSON *detail, struct hf_alert_text *out)
{
    const cJSON *label;
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(detail, "labels");
    struct hf_alert_unit_label *labels = hf_arena_array(arena, MOST_LABELS, sizeof *labels);
    cJSON_ArrayForEach(label, from)
    {
        const char *value = keep(arena, label);
        const char *name = label->string ? hf_arena_copy(arena, label->string, strlen(label->string)) : NULL;
        if (labels && name && value && out->label_count < MOST_LABELS) {
            labels[out->label_count++] = (struct hf_alert_unit_label){name, value};
        }
    }
    out->labels = labels;
}

static void take_link(struct hf_arena *arena, const char *dashboard_url, struct hf_alert_text *out)
{
    hf_auto_buf struct hf_buf url = {0};
    if (!dashboard_url || !out->incident) {
        return;
    }
    hf_buf_adds(&url, dashboard_url);
    hf_buf_adds(&url, strchr(dashboard_url, '?') ? "&incident=" : "?incident=");
    hf_buf_add_url(&url, hf_slice_of(out->incident));
    out->incident_url = hf_buf_ok(&url) ? hf_arena_copy(arena, url.ptr, url.len) : NULL;
}

int hf_compose(struct hf_arena *arena, const struct hf_alert_message *message, const char *dashboard_url,
               struct hf_alert_text *out, struct hf_error *err)
{
    size_t len = strnlen(message->event_json, MOST_EVENT + 1);
    cJSON *event = len <= MOST_EVENT ? cJSON_ParseWithLength(message->event_json, len) : NULL;
    const cJSON *detail = cJSON_GetObjectItemCaseSensitive(event, "detail");
    const double id = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(event, "id"));
    if (!cJSON_IsObject(event)) {
        cJSON_Delete(event);
        return hf_error_set(err, HF_EPARSE, "alert %s holds no event", message->key);
    }
    *out = (struct hf_alert_text){
        .key = message->key,
        .severity = text_at(arena, event, "severity"),
        .title = text_at(arena, event, "message"),
        .target = text_at(arena, event, "target"),
        .space = text_at(arena, event, "space"),
        .unit = text_at(arena, event, "unit"),
        .kind = text_at(arena, event, "kind"),
        .namespace = text_at(arena, event, "namespace"),
        .name = text_at(arena, event, "name"),
        .drifted_ms = time_at(event, "drifted_at"),
        .seen_ms = time_at(event, "seen_at"),
        .corrected_ms = time_at(event, "corrected_at"),
        .at_ms = time_at(event, "at"),
        .incident = text_at(arena, event, "incident"),
        .verdict = text_at(arena, event, "verdict"),
        .manager = text_at(arena, event, "manager"),
        .unit_url = text_at(arena, detail, "unit_url"),
        .event_id = id > 0 && id < MOST_ID ? (int64_t)id : 0,
    };
    out->title = out->title ? out->title : "an event without words";
    take_meaning(arena, event, detail, out);
    take_who(arena, event, detail, out);
    take_changes(arena, detail, out);
    take_labels(arena, detail, out);
    if (out->kind) {
        take_link(arena, dashboard_url, out);
    }
    cJSON_Delete(event);
    return 0;
}
