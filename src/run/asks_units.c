/* How the units stand, as a JSON array. */
#include "asks.h"

#include <inttypes.h>
#include <string.h>

static void add_text(struct hf_buf *out, const char *name, const char *text)
{
    hf_buf_addf(out, ",\"%s\":", name);
    if (text && *text) {
        hf_buf_add_json(out, hf_slice_of(text));
    } else {
        hf_buf_adds(out, "null");
    }
}

static void add_number(struct hf_buf *out, const char *name, int64_t number)
{
    if (number > 0) {
        hf_buf_addf(out, ",\"%s\":%" PRId64, name, number);
    } else {
        hf_buf_addf(out, ",\"%s\":null", name);
    }
}

static void add_unit(struct hf_run *run, const struct hf_view_unit *unit, struct hf_buf *out)
{
    const struct run_target *target = hf_run_target_find(run, unit->target);
    char read_at[HF_TIME_TEXT] = "";
    if (target) {
        hf_time_format(hf_run_source_seen_ms(target), read_at);
    }
    hf_buf_adds(out, out->len > 1 ? ",\n{\"target\":" : "{\"target\":");
    hf_buf_add_json(out, hf_slice_of(unit->target));
    add_text(out, "space", unit->space);
    add_text(out, "unit", unit->slug);
    add_text(out, "verdict", unit->objects > 0 || unit->problem ? unit->verdict : NULL);
    add_text(out, "state", unit->is_hub ? unit->state : "ready");
    add_text(out, "state_reason", unit->state_reason);
    add_text(out, "mode", unit->is_hub ? unit->mode : NULL);
    add_number(out, "revision", unit->revision);
    add_number(out, "head_revision", unit->head_revision);
    add_number(out, "applied_revision", unit->applied_revision);
    add_number(out, "live_revision", unit->live_revision);
    add_number(out, "upstream_revision", unit->upstream_revision);
    add_number(out, "upstream_head", unit->upstream_head);
    hf_buf_addf(out, ",\"upgrade_needed\":%s", unit->upstream_head > unit->upstream_revision ? "true" : "false");
    hf_buf_addf(out, ",\"objects\":%zu", unit->objects);
    add_text(out, "problem", unit->problem);
    add_text(out, "source_problem", target && target->source_problem[0] ? target->source_problem : NULL);
    add_text(out, "read_at", read_at);
    hf_buf_addc(out, '}');
}

void hf_run_ask_units(struct run_ask *ask)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf out = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_view view = {.arena = arena};
    if (!arena) {
        (void)hf_error_set(&err, HF_ENOMEM, "list the units: out of memory");
        hf_run_ask_fail(ask, &err);
        return;
    }
    if (hf_agent_fill_view(ask->run->agent, &view, &err) != 0) {
        hf_run_ask_fail(ask, &err);
        return;
    }
    hf_buf_addc(&out, '[');
    for (size_t i = 0; i < view.unit_count; i++) {
        const struct hf_view_unit *unit = &view.units[i];
        if ((!ask->ask.target || strcmp(ask->ask.target, unit->target) == 0) &&
            (!ask->ask.space || (unit->space && strcmp(ask->ask.space, unit->space) == 0)) &&
            (!ask->ask.unit || strcmp(ask->ask.unit, unit->slug) == 0)) {
            add_unit(ask->run, unit, &out);
        }
    }
    hf_buf_addc(&out, ']');
    if (!hf_buf_ok(&out)) {
        (void)hf_error_set(&err, HF_ENOMEM, "list the units: out of memory");
        hf_run_ask_fail(ask, &err);
        return;
    }
    hf_run_ask_end(ask, "done", hf_buf_text(&out));
}
