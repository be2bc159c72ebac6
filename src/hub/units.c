/* Units and their revisions: lists, reads, changes, restores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/digest.h"
#include "hub.h"

static bool is(const struct hub_call *call, size_t part, const char *text)
{
    return part < call->part_count && strcmp(call->parts[part], text) == 0;
}

/* A stored filter's own `where`, by its id; NULL: there is none of that id. */
static const char *filter_of(const struct hub_call *call)
{
    const char *id = call->hub->options->old ? NULL : call->parameter(call, "filter"); /* unknown to it */
    const cJSON *filter = id ? hub_find(call->hub->filters, "FilterID", id) : NULL;
    return filter ? hub_text(filter, "Where") : NULL;
}

static int is_wanted(const struct hub_call *call, const struct hub_unit *unit, bool *wanted, struct hf_error *err)
{
    const char *where = call->parameter(call, "where");
    const char *filter = filter_of(call);
    const cJSON *space = hub_find(call->hub->spaces, "SpaceID", hub_text(unit->json, "SpaceID"));
    bool by_filter = true;
    if (hub_where(where ? where : "", unit->json, space, wanted, err) != 0 ||
        hub_where(filter ? filter : "", unit->json, space, &by_filter, err) != 0) {
        return -1;
    }
    *wanted = *wanted && by_filter;
    return 0;
}

void hub_units_list(struct hub_call *call, const char *space_id)
{
    struct hub *hub = call->hub;
    struct hf_error err = HF_ERROR_INIT;
    int64_t number;
    if (!hub->options->old && call->parameter(call, "filter") && !filter_of(call)) {
        hub_fail(call, 404, "filter %s is not found", call->parameter(call, "filter"));
        return;
    }
    cJSON *out = cJSON_CreateArray();
    for (size_t i = 0; i < hub->unit_count; i++) {
        const struct hub_unit *unit = hub->units[i];
        bool wanted = false;
        if (space_id && strcmp(hub_text(unit->json, "SpaceID"), space_id) != 0) {
            continue;
        }
        if (is_wanted(call, unit, &wanted, &err) != 0) {
            cJSON_Delete(out);
            hub_fail(call, 400, "%s", err.text);
            return;
        }
        if (wanted) {
            cJSON_AddItemToArray(out, hub_show_unit(call, unit, !hub->options->old));
        }
    }
    /* A stale read shows what the first such read has shown. */
    if (hub_fault(hub, HUB_FAULT_STALE, call->path, &number, NULL)) {
        hub->stale = hub->stale ? hub->stale : cJSON_Duplicate(out, true);
        cJSON_Delete(out);
        out = cJSON_Duplicate(hub->stale, true);
    } else {
        cJSON_Delete(hub->stale);
        hub->stale = NULL;
    }
    hub_answer(call, 200, out);
}

static void answer_bytes(struct hub_call *call, const struct hub_revision *revision)
{
    call->status = 200;
    call->type = "application/octet-stream";
    hf_buf_clear(&call->out);
    hf_buf_add(&call->out, revision->data, revision->len);
}

static cJSON *show_revision(const struct hub_call *call, const struct hub_revision *revision)
{
    const char *select = call->parameter(call, "select");
    cJSON *json = cJSON_Duplicate(revision->json, true);
    if (json && (!select || strstr(select, "Data"))) {
        hf_auto_buf struct hf_buf text = {0};
        hf_buf_add_base64(&text, revision->data, revision->len);
        hub_set_text(json, "Data", hf_buf_text(&text));
    }
    return json;
}

static void revisions_call(struct hub_call *call, const struct hub_unit *unit)
{
    struct hf_error err = HF_ERROR_INIT;
    const char *where = call->parameter(call, "where");
    cJSON *out = cJSON_CreateArray();
    for (size_t i = 0; i < unit->revision_count; i++) {
        const struct hub_revision *revision = &unit->revisions[i];
        bool holds = true;
        if (call->part_count > 5) {
            holds = is(call, 5, hub_text(revision->json, "RevisionID"));
        } else if (hub_where(where ? where : "", revision->json, NULL, &holds, &err) != 0) {
            cJSON_Delete(out);
            hub_fail(call, 400, "%s", err.text);
            return;
        }
        if (!holds) {
            continue;
        }
        if (is(call, 6, "data")) {
            cJSON_Delete(out);
            answer_bytes(call, revision);
            return;
        }
        cJSON *whole = cJSON_CreateObject();
        cJSON_AddItemToObject(whole, "Revision", show_revision(call, revision));
        cJSON_AddItemToArray(out, whole);
    }
    if (call->part_count <= 5) {
        hub_answer(call, 200, out);
        return;
    }
    cJSON *found = cJSON_DetachItemFromArray(out, 0);
    cJSON_Delete(out);
    if (found) {
        hub_answer(call, 200, found);
    } else {
        hub_fail(call, 404, "revision %s is not found", call->parts[5]);
    }
}

/* "LiveRevisionNum", "LastAppliedRevisionNum", "PreviousLiveRevisionNum", a number, "Before:42", "Revision:uuid", and
 * the old "-2". 0: none of these. */
static int64_t restored(const struct hub_unit *unit, const char *what)
{
    int64_t head = hub_number(unit->json, "HeadRevisionNum");
    int64_t number;
    if (hf_parse_int(hf_slice_of(what), -1000000, 1000000000, &number)) {
        return number < 0 ? head + number : number;
    }
    if (strncmp(what, "Before:", 7) == 0 && hf_parse_int(hf_slice_of(what + 7), 1, 1000000000, &number)) {
        return number - 1;
    }
    const char *id = strncmp(what, "Revision:", 9) == 0 ? what + 9 : what;
    for (size_t i = 0; i < unit->revision_count; i++) {
        if (strcmp(hub_text(unit->revisions[i].json, "RevisionID"), id) == 0) {
            return hub_number(unit->revisions[i].json, "RevisionNum");
        }
    }
    return strstr(what, "RevisionNum") ? hub_number(unit->json, what) : 0;
}

static void copy_members(cJSON *to, const cJSON *from)
{
    static const char *const WRITABLE[] = {
        "DisplayName",           "ToolchainType", "TargetID", "ApplyGates",     "DriftReconciliationMode",
        "LastChangeDescription", "ApprovedBy",    "SetID",    "UpstreamUnitID", "UpstreamSpaceID",
        "UpstreamRevisionNum",   "DestroyGates"};
    static const char *const MAPS[] = {"Labels", "Annotations"};
    for (size_t i = 0; i < sizeof WRITABLE / sizeof WRITABLE[0]; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(from, WRITABLE[i]);
        if (value) {
            cJSON_DeleteItemFromObjectCaseSensitive(to, WRITABLE[i]);
            if (!cJSON_IsNull(value)) {
                cJSON_AddItemToObject(to, WRITABLE[i], cJSON_Duplicate(value, true));
            }
        }
    }
    for (size_t i = 0; i < sizeof MAPS / sizeof MAPS[0]; i++) {
        const cJSON *value;
        cJSON *map = cJSON_GetObjectItemCaseSensitive(to, MAPS[i]);
        cJSON_ArrayForEach(value, cJSON_GetObjectItemCaseSensitive(from, MAPS[i]))
        {
            cJSON_DeleteItemFromObjectCaseSensitive(map, value->string);
            if (cJSON_IsString(value)) {
                cJSON_AddItemToObject(map, value->string, cJSON_Duplicate(value, true));
            }
        }
    }
}

static int take_data(struct hub_call *call, struct hub_unit *unit, const cJSON *body)
{
    const char *text = hub_text(body, "Data");
    const char *description = hub_text(body, "LastChangeDescription");
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf data = {.limit = HUB_MOST_DATA};
    const struct hub_revision *head = hub_revision(unit, hub_number(unit->json, "HeadRevisionNum"));
    if (!*text) {
        return 0;
    }
    if (hf_base64_decode(hf_slice_of(text), &data, &err) != 0) {
        hub_fail(call, 400, "Data is not base64");
        return -1;
    }
    if (head && head->len == data.len && memcmp(head->data, hf_buf_text(&data), data.len) == 0) {
        return 0;
    }
    if (hub_revise(call->hub, unit, hf_buf_text(&data), data.len, "Unit.Update", description) != 0) {
        hub_fail(call, 500, "out of memory");
        return -1;
    }
    return 0;
}

static void change(struct hub_call *call, struct hub_unit *unit)
{
    const char *restore = call->parameter(call, "restore");
    bool dry = call->parameter(call, "dry_run") && strcmp(call->parameter(call, "dry_run"), "true") == 0;
    cJSON *body = call->body_len > 0 ? cJSON_ParseWithLength(call->body, call->body_len) : cJSON_CreateObject();
    int64_t version = hub_number(body, "Version");
    int64_t own = hub_number(unit->json, "Version");
    if (!cJSON_IsObject(body)) {
        hub_fail(call, 400, "the body is no JSON object");
    } else if ((version > 0 || strcmp(call->method, "PUT") == 0) && version != own && !(restore && version == 0)) {
        hub_fail(call, 409, "unit %s is at version %lld, not %lld", hub_text(unit->json, "Slug"), (long long)own,
                 (long long)version);
    } else if (restore) {
        const struct hub_revision *from = hub_revision(unit, restored(unit, restore));
        char description[160];
        const char *given = hub_text(body, "LastChangeDescription");
        (void)snprintf(description, sizeof description, "restored %s", restore);
        if (!from) {
            hub_fail(call, 400, "restore: there is no revision %s", restore);
        } else if (!dry && hub_revise(call->hub, unit, from->data, from->len, "Unit.Restore",
                                      *given ? given : description) != 0) {
            hub_fail(call, 500, "out of memory");
        } else {
            hub_answer(call, 200, hub_show_unit(call, unit, false));
        }
    } else if (dry) {
        hub_answer(call, 200, hub_show_unit(call, unit, false));
    } else {
        copy_members(unit->json, body);
        int64_t before = own;
        if (take_data(call, unit, body) == 0) {
            if (hub_number(unit->json, "Version") == before) {
                hub_set_number(unit->json, "Version", before + 1);
            }
            call->hub->is_changed = true;
            hub_answer(call, 200, hub_show_unit(call, unit, false));
        }
    }
    cJSON_Delete(body);
}

static void make_unit(struct hub_call *call, const cJSON *space)
{
    cJSON *body = cJSON_ParseWithLength(call->body, call->body_len);
    const char *slug = hub_text(body, "Slug");
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf data = {.limit = HUB_MOST_DATA};
    if (!*slug || hf_base64_decode(hf_slice_of(hub_text(body, "Data")), &data, &err) != 0) {
        hub_fail(call, 400, "a unit needs a Slug and Data in base64");
    } else if (hub_unit_find(call->hub, hub_text(space, "SpaceID"), slug)) {
        hub_fail(call, 409, "unit %s exists", slug);
    } else {
        struct hub_unit *unit = hub_unit_new(call->hub, space, slug, hf_buf_text(&data), data.len);
        if (unit) {
            copy_members(unit->json, body);
        }
        hub_answer(call, 200, unit ? hub_show_unit(call, unit, false) : NULL);
    }
    cJSON_Delete(body);
}

static void show(struct hub_call *call, const struct hub_unit *unit)
{
    bool extended = call->part_count == 5 ? is(call, 4, "extended") : !call->hub->options->old;
    hub_answer(call, 200, hub_show_unit(call, unit, extended));
}

static void get_call(struct hub_call *call, struct hub_unit *unit)
{
    const struct hub_revision *head = hub_revision(unit, hub_number(unit->json, "HeadRevisionNum"));
    if (call->part_count == 4 || (is(call, 4, "extended") && call->hub->options->old)) {
        show(call, unit);
    } else if (is(call, 4, "data") && head && !call->hub->options->old) {
        answer_bytes(call, head);
    } else if (is(call, 4, "revision")) {
        revisions_call(call, unit);
    } else if (is(call, 4, "live-state")) {
        struct hub_revision live = {.data = unit->live_state, .len = unit->live_state ? strlen(unit->live_state) : 0};
        answer_bytes(call, &live);
    } else if (is(call, 4, "unit_event")) {
        hub_list(call, unit->events, NULL);
    } else if (is(call, 4, "unit_action") && !call->hub->options->old) {
        if (call->part_count == 5) {
            hub_list(call, unit->actions, NULL);
            return;
        }
        cJSON *action = hub_find(unit->actions, "QueuedOperationID", call->parts[5]);
        if (action) {
            hub_answer(call, 200, cJSON_Duplicate(action, true));
        } else {
            hub_fail(call, 404, "action %s is not found", call->parts[5]);
        }
    } else {
        hub_fail(call, 404, "GET %s: no such resource", call->path);
    }
}

void hub_unit_call(struct hub_call *call, const cJSON *space)
{
    bool get = strcmp(call->method, "GET") == 0;
    bool post = strcmp(call->method, "POST") == 0;
    if (call->part_count == 3) {
        if (get) {
            hub_units_list(call, hub_text(space, "SpaceID"));
        } else if (post) {
            make_unit(call, space);
        } else {
            hub_fail(call, 405, "%s is not allowed", call->method);
        }
        return;
    }
    struct hub_unit *unit = hub_unit_find(call->hub, hub_text(space, "SpaceID"), call->parts[3]);
    if (!unit || strcmp(hub_text(unit->json, "UnitID"), call->parts[3]) != 0) {
        hub_fail(call, 404, "unit %s is not found", call->parts[3]);
    } else if (get) {
        get_call(call, unit);
    } else if (call->part_count == 4 && strcmp(call->method, "DELETE") == 0) {
        hub_unit_remove(call->hub, unit);
        hub_answer(call, 200, cJSON_CreateObject());
    } else if (call->part_count == 4 && !post) {
        change(call, unit);
    } else if (post && is(call, 4, "apply")) {
        hub_apply(call, unit);
    } else if (post && is(call, 4, "refresh")) {
        hub_refresh(call, unit);
    } else if (post && is(call, 4, "destroy")) {
        hub_destroy(call, unit);
    } else if (post && is(call, 4, "approve")) {
        cJSON *by = cJSON_GetObjectItemCaseSensitive(unit->json, "ApprovedBy");
        by = by ? by : cJSON_AddArrayToObject(unit->json, "ApprovedBy");
        cJSON_AddItemToArray(by, cJSON_CreateString("00000000-0000-4000-8000-000000000002"));
        hub_answer(call, 200, hub_show_unit(call, unit, false));
    } else {
        hub_fail(call, 404, "%s %s: no such resource", call->method, call->path);
    }
}
