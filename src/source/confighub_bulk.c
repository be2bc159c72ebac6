/* Many units applied in one call. */
#include <stdlib.h>
#include <string.h>

#include "confighub_call.h"

#define MOST_UNITS 100u
#define MOST_ANSWERS 20000u

struct bulk {
    struct hf_confighub_call call;
    struct confighub_ask *ask;
    hf_confighub_applied_fn fn;
    void *ctx;
};

static void bulk_free(struct hf_confighub_call *call)
{
    confighub_ask_cancel(((struct bulk *)call)->ask);
    free(call);
}

int hf_confighub_where_units(const char *space_id, const char *const *unit_ids, size_t count, struct hf_buf *out,
                             struct hf_error *err)
{
    if (count == 0 || count > MOST_UNITS) {
        return hf_error_set(err, HF_ELIMIT, "ConfigHub: found %zu units, expected 1 to %u", count, MOST_UNITS);
    }
    hf_buf_adds(out, "SpaceID = ");
    confighub_add_quoted(out, space_id);
    for (size_t i = 0; i < count; i++) {
        if (!confighub_id_is_sound(unit_ids[i])) {
            return hf_error_set(err, HF_EINVAL, "ConfigHub: expected the ids of units");
        }
        hf_buf_adds(out, i == 0 ? " AND UnitID IN (" : ",");
        confighub_add_quoted(out, unit_ids[i]);
    }
    hf_buf_addc(out, ')');
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
}

/* {"Action": QueuedOperation, "Error": {"Message", "ErrorCategory", "Status"}} */
static void read_one(struct hf_arena *arena, const struct hf_value *json, struct hf_confighub_applied *out)
{
    struct confighub_event event;
    const struct hf_value *action = hf_value_get(json, "Action");
    const struct hf_value *error = hf_value_get(json, "Error");
    const struct hf_value *unit = action && action->kind == HF_OBJECT ? action : json;
    confighub_read_event(arena, action, &event);
    out->space_id = confighub_text(unit, "SpaceID");
    out->unit_id = confighub_text(unit, "UnitID");
    out->operation_id = confighub_id_is_sound(event.operation_id) ? event.operation_id : "";
    out->revision = event.revision;
    if (error && error->kind == HF_OBJECT) {
        const char *message = confighub_safe_text(arena, error, "Message");
        (void)hf_error_set(&out->err, HF_EREFUSED, "ConfigHub: apply the unit: %s", message ? message : "");
        if (confighub_says_worker_unavailable(&out->err)) {
            out->err.code = HF_EUNAVAILABLE;
        }
        out->operation_id = "";
    } else if (!*out->operation_id) {
        (void)hf_error_set(&out->err, HF_EPARSE, "ConfigHub: apply the unit: found no QueuedOperationID");
    }
}

static int read_all(struct hf_arena *arena, const struct hf_http_response *response, struct hf_confighub_applied **out,
                    size_t *count, struct hf_error *err)
{
    const struct hf_value *list;
    if (confighub_read_list(arena, response->body, response->body_len, &list, err) != 0) {
        return -1;
    }
    *count = hf_value_count(list);
    if (*count > MOST_ANSWERS) {
        return hf_error_set(err, HF_ELIMIT, "found the answers of %zu units", *count);
    }
    *out = hf_arena_array(arena, *count, sizeof **out);
    for (size_t i = 0; *out && i < *count; i++) {
        read_one(arena, hf_value_at(list, i), &(*out)[i]);
    }
    return *out ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
}

static void on_applied(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct bulk *bulk = ctx;
    struct hf_confighub *hub = bulk->call.hub;
    struct hf_error problem = *err;
    struct hf_confighub_applied *units = NULL;
    size_t count = 0;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_confighub_applied_fn fn = bulk->fn;
    void *to = bulk->ctx;
    if (problem.code == HF_OK && read_all(arena, response, &units, &count, &problem) != 0) {
        (void)hf_error_wrap(&problem, "ConfigHub: apply many units");
    }
    confighub_scrub(hub, &problem);
    bulk->ask = NULL;
    confighub_call_remove(&bulk->call);
    bulk_free(&bulk->call);
    confighub_enter(hub);
    fn(to, units, problem.code == HF_OK ? count : 0, &problem);
    confighub_leave(hub);
}

int hf_confighub_apply_many(struct hf_confighub *hub, const char *where, hf_confighub_applied_fn fn, void *ctx,
                            struct hf_confighub_call **out, struct hf_error *err)
{
    hf_auto_buf struct hf_buf guarded = {0};
    hf_auto_buf struct hf_buf path = {0};
    if (!where || !*where) {
        return hf_error_set(err, HF_EINVAL, "ConfigHub: apply many units: found no expression for which");
    }
    hf_buf_addf(&guarded, "%s AND HeadRevisionNum = LiveRevisionNum", where);
    hf_buf_adds(&path, "/unit/apply");
    confighub_add_parameter(&path, "where", hf_buf_text(&guarded));
    struct bulk *bulk = hf_calloc(1, sizeof *bulk);
    if (!bulk || !hf_buf_ok(&path) || !hf_buf_ok(&guarded)) {
        free(bulk);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    bulk->fn = fn;
    bulk->ctx = ctx;
    struct confighub_request request = {
        .method = "POST", .path = hf_buf_text(&path), .doing = "apply many units", .max_body = CONFIGHUB_MOST_LIST};
    if (confighub_ask(hub, &request, on_applied, bulk, &bulk->ask, err) != 0) {
        free(bulk);
        return -1;
    }
    confighub_call_add(hub, &bulk->call, bulk_free);
    if (out) {
        *out = &bulk->call;
    }
    return 0;
}
