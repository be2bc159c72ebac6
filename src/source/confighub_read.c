/* A unit, as listings and reads of ConfigHub say it. */
#include "confighub_read.h"

#include <stdlib.h>
#include <string.h>

#include "confighub_client.h"

#define MOST_LABELS 200u
#define MOST_SLUG 255u

const struct hf_value *confighub_inner(const struct hf_value *json, const char *name)
{
    const struct hf_value *inner = hf_value_get(json, name);
    return inner && inner->kind == HF_OBJECT ? inner : json;
}

static void complain(struct hf_arena *arena, struct confighub_item *item, const char *name,
                     const struct hf_value *value, const char *expected)
{
    if (!item->wrong) {
        item->wrong = hf_arena_printf(arena, "%s: found %s, expected %s", name, hf_kind_name(value->kind), expected);
    }
}

static const char *text_of(struct hf_arena *arena, struct confighub_item *item, const struct hf_value *object,
                           const char *name)
{
    const struct hf_value *value = hf_value_get(object, name);
    if (!value || value->kind == HF_NULL) {
        return "";
    }
    const char *text = hf_value_text(value);
    if (!text) {
        complain(arena, item, name, value, "text");
        return "";
    }
    return text;
}

static int64_t number_of(struct hf_arena *arena, struct confighub_item *item, const struct hf_value *object,
                         const char *name)
{
    int64_t number = 0;
    const struct hf_value *value = hf_value_get(object, name);
    if (value && value->kind != HF_NULL && (!hf_value_int(value, &number) || number < 0)) {
        complain(arena, item, name, value, "a whole number from 0");
        number = 0;
    }
    return number;
}

/* UUIDs of all zeros stand for none. */
static const char *id_of(struct hf_arena *arena, struct confighub_item *item, const struct hf_value *object,
                         const char *name)
{
    const char *text = text_of(arena, item, object, name);
    return strspn(text, "0-") == strlen(text) || !confighub_id_is_sound(text) ? "" : text;
}

static bool read_gates(struct hf_arena *arena, struct confighub_item *item, const struct hf_value *unit)
{
    const struct hf_value *gates = hf_value_get(unit, "ApplyGates");
    size_t count = hf_value_count(gates);
    if (!gates || gates->kind == HF_NULL) {
        return true;
    }
    if (gates->kind != HF_OBJECT) {
        complain(arena, item, "ApplyGates", gates, "an object");
        return true;
    }
    count = count < CONFIGHUB_MOST_GATES ? count : CONFIGHUB_MOST_GATES;
    item->gates = hf_arena_array(arena, count, sizeof *item->gates);
    for (size_t i = 0; item->gates && i < hf_value_count(gates) && item->gate_count < count; i++) {
        const struct hf_member *member = &gates->as.object.members[i];
        /* Only what is false does not block: a gate of a shape that is not known does. */
        if (member->value.kind == HF_NULL || (member->value.kind == HF_BOOL && !member->value.as.boolean)) {
            continue;
        }
        item->gates[item->gate_count] = hf_arena_copy(arena, member->key.ptr, member->key.len);
        if (!item->gates[item->gate_count++]) {
            return false;
        }
    }
    return item->gates != NULL;
}

static bool read_labels(struct hf_arena *arena, struct confighub_item *item, const struct hf_value *unit)
{
    const struct hf_value *labels = hf_value_get(unit, "Labels");
    if (!labels || labels->kind == HF_NULL) {
        return true;
    }
    if (labels->kind != HF_OBJECT) {
        complain(arena, item, "Labels", labels, "an object");
        return true;
    }
    size_t count = hf_value_count(labels) < MOST_LABELS ? hf_value_count(labels) : MOST_LABELS;
    item->labels = hf_arena_array(arena, count, sizeof *item->labels);
    for (size_t i = 0; item->labels && i < count; i++) {
        const struct hf_member *member = &labels->as.object.members[i];
        const char *value = hf_value_text(&member->value);
        if (value) {
            item->labels[item->label_count++] =
                (struct hf_label){hf_arena_copy(arena, member->key.ptr, member->key.len), value};
        }
    }
    return item->labels != NULL;
}

static void read_status(struct hf_arena *arena, struct confighub_item *item, const struct hf_value *whole)
{
    const struct hf_value *status = hf_value_get(whole, "UnitStatus");
    const char *result = text_of(arena, item, status, "ActionResult");
    item->action = text_of(arena, item, status, "Action");
    item->action_result = strcmp(result, "None") == 0 ? "" : result;
    item->action = strcmp(item->action, "None") == 0 ? "" : item->action;
    item->action_ended =
        *item->action && (*item->action_result || confighub_time(status, "ActionTerminatedAt") != HF_TIME_NONE);
}

static bool is_slug(const char *slug)
{
    size_t len = slug ? strlen(slug) : 0;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)slug[i] < ' ' || slug[i] == 0x7f || slug[i] == '/') {
            return false;
        }
    }
    return len > 0 && len <= MOST_SLUG;
}

static void read_numbers(struct hf_arena *arena, struct confighub_item *out, const struct hf_value *unit)
{
    const struct hf_value *hash = hf_value_get(unit, "ContentHash");
    out->head = number_of(arena, out, unit, "HeadRevisionNum");
    out->applied = number_of(arena, out, unit, "LastAppliedRevisionNum");
    out->live = number_of(arena, out, unit, "LiveRevisionNum");
    out->previous = number_of(arena, out, unit, "PreviousLiveRevisionNum");
    out->upstream = number_of(arena, out, unit, "UpstreamRevisionNum");
    out->version = number_of(arena, out, unit, "Version");
    (void)(hash && hf_value_int(hash, &out->content_hash));
    out->updated_ms = confighub_time(unit, "UpdatedAt");
    out->action_ms = confighub_time(unit, "LastActionAt");
}

int confighub_read_item(struct hf_arena *arena, const struct hf_value *json, struct confighub_item *out,
                        struct hf_error *err)
{
    const struct hf_value *unit = confighub_inner(json, "Unit");
    const char *slug = hf_value_text(hf_value_get(unit, "Slug"));
    *out = (struct confighub_item){.unit_id = hf_value_text(hf_value_get(unit, "UnitID")),
                                   .space_id = hf_value_text(hf_value_get(unit, "SpaceID")),
                                   .slug = slug};
    if (!confighub_id_is_sound(out->unit_id) || !confighub_id_is_sound(out->space_id) || !is_slug(slug)) {
        return hf_error_set(err, HF_EPARSE, "found no unit, expected one with UnitID, SpaceID and Slug");
    }
    out->space = text_of(arena, out, unit, "SpaceSlug");
    if (!*out->space) {
        out->space = text_of(arena, out, hf_value_get(json, "Space"), "Slug");
    }
    if (!is_slug(out->space)) {
        out->space = "";
    }
    out->toolchain = text_of(arena, out, unit, "ToolchainType");
    out->target_id = id_of(arena, out, unit, "TargetID");
    out->target = text_of(arena, out, hf_value_get(json, "Target"), "Slug");
    out->data_hash = text_of(arena, out, unit, "DataHash");
    out->mode = text_of(arena, out, unit, "DriftReconciliationMode");
    out->upstream_id = id_of(arena, out, unit, "UpstreamUnitID");
    out->is_new = hf_value_get(unit, "DataHash") || hf_value_get(unit, "DriftReconciliationMode");
    read_numbers(arena, out, unit);
    read_status(arena, out, json);
    return read_gates(arena, out, unit) && read_labels(arena, out, unit)
               ? 0
               : hf_error_set(err, HF_ENOMEM, "out of memory");
}

enum hf_unit_mode confighub_item_mode(const struct confighub_item *item)
{
    if (!*item->mode || strcmp(item->mode, "OnDemand") == 0) {
        return HF_UNIT_ON_DEMAND;
    }
    return strcmp(item->mode, "ContinuousApply") == 0 ? HF_UNIT_CONTINUOUS_APPLY : HF_UNIT_CONTINUOUS_REFRESH;
}

static void write_text(struct hf_buf *out, const char *name, const char *text)
{
    if (text && *text) {
        hf_buf_addf(out, ",\"%s\":", name);
        hf_buf_add_json(out, hf_slice_of(text));
    }
}

static void write_number(struct hf_buf *out, const char *name, int64_t number)
{
    if (number != 0) {
        hf_buf_addf(out, ",\"%s\":%lld", name, (long long)number);
    }
}

static void write_maps(struct hf_buf *out, const struct confighub_item *item)
{
    hf_buf_adds(out, item->gate_count > 0 ? ",\"ApplyGates\":{" : "");
    for (size_t i = 0; i < item->gate_count; i++) {
        hf_buf_adds(out, i > 0 ? "," : "");
        hf_buf_add_json(out, hf_slice_of(item->gates[i]));
        hf_buf_adds(out, ":true");
    }
    hf_buf_adds(out, item->gate_count > 0 ? "}" : "");
    hf_buf_adds(out, item->label_count > 0 ? ",\"Labels\":{" : "");
    for (size_t i = 0; i < item->label_count; i++) {
        hf_buf_adds(out, i > 0 ? "," : "");
        hf_buf_add_json(out, hf_slice_of(item->labels[i].name));
        hf_buf_addc(out, ':');
        hf_buf_add_json(out, hf_slice_of(item->labels[i].value));
    }
    hf_buf_adds(out, item->label_count > 0 ? "}" : "");
}

void confighub_write_item(struct hf_buf *out, const struct confighub_item *item)
{
    hf_buf_adds(out, "{\"Unit\":{\"UnitID\":");
    hf_buf_add_json(out, hf_slice_of(item->unit_id));
    write_text(out, "SpaceID", item->space_id);
    write_text(out, "Slug", item->slug);
    write_text(out, "SpaceSlug", item->space);
    write_text(out, "ToolchainType", item->toolchain);
    write_text(out, "TargetID", item->target_id);
    write_text(out, "DataHash", item->data_hash);
    write_text(out, "DriftReconciliationMode", item->mode);
    write_text(out, "UpstreamUnitID", item->upstream_id);
    write_number(out, "HeadRevisionNum", item->head);
    write_number(out, "LastAppliedRevisionNum", item->applied);
    write_number(out, "LiveRevisionNum", item->live);
    write_number(out, "PreviousLiveRevisionNum", item->previous);
    write_number(out, "UpstreamRevisionNum", item->upstream);
    write_number(out, "ContentHash", item->content_hash);
    write_maps(out, item);
    hf_buf_addc(out, '}');
    hf_buf_adds(out, *item->action ? ",\"UnitStatus\":{" : "");
    if (*item->action) {
        hf_buf_adds(out, "\"Action\":");
        hf_buf_add_json(out, hf_slice_of(item->action));
        write_text(out, "ActionResult", item->action_result);
        /* The time itself tells nothing: only that it has ended does. */
        write_text(out, "ActionTerminatedAt", item->action_ended ? "2000-01-01T00:00:00Z" : "");
        hf_buf_addc(out, '}');
    }
    if (*item->target) {
        hf_buf_adds(out, ",\"Target\":{\"Slug\":");
        hf_buf_add_json(out, hf_slice_of(item->target));
        hf_buf_addc(out, '}');
    }
    hf_buf_addc(out, '}');
}
