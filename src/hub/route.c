/* Which call it is. */
#include <stdio.h>
#include <string.h>

#include "hub.h"

static bool is(const struct hub_call *call, size_t part, const char *text)
{
    return part < call->part_count && strcmp(call->parts[part], text) == 0;
}

static bool split(struct hub_call *call)
{
    call->part_count = 0;
    for (const char *at = call->path; *at == '/';) {
        size_t len = strcspn(at + 1, "/");
        if (call->part_count == sizeof call->parts / sizeof call->parts[0] || len >= sizeof call->parts[0]) {
            return false;
        }
        memcpy(call->parts[call->part_count], at + 1, len);
        call->parts[call->part_count++][len] = '\0';
        at += 1 + len;
    }
    return true;
}

static void not_found(struct hub_call *call)
{
    hub_fail(call, 404, "%s %s: no such resource", call->method, call->path);
}

static void info(struct hub_call *call)
{
    cJSON *json = cJSON_CreateObject();
    hub_set_text(json, "Build", call->hub->options->old ? "2025-08-01" : "2026-11-01");
    hub_set_text(json, "Revision", "holdfast-sim");
    hub_set_text(json, "WorkerPort", "443");
    hub_answer(call, 200, json);
}

static void me(struct hub_call *call)
{
    cJSON *json = cJSON_CreateObject();
    hub_set_text(json, "UserID", "00000000-0000-4000-8000-000000000002");
    hub_set_text(json, "DisplayName", "holdfast-sim");
    hub_set_text(json, "OrganizationID", "00000000-0000-4000-8000-000000000001");
    hub_answer(call, 200, json);
}

/* The list's entities that belong to the space. */
static void list_of_space(struct hub_call *call, const cJSON *list, const cJSON *space, const char *name)
{
    cJSON *here = cJSON_CreateArray();
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (strcmp(hub_text(item, "SpaceID"), hub_text(space, "SpaceID")) == 0) {
            cJSON_AddItemToArray(here, cJSON_Duplicate(item, true));
        }
    }
    hub_list(call, here, name);
    cJSON_Delete(here);
}

static void make_filter(struct hub_call *call, const cJSON *space)
{
    cJSON *json = cJSON_ParseWithLength(call->body, call->body_len);
    char id[40];
    if (!json || !*hub_text(json, "Slug")) {
        cJSON_Delete(json);
        hub_fail(call, 400, "a filter needs a Slug");
        return;
    }
    hub_uuid(call->hub, id);
    hub_set_text(json, "FilterID", id);
    hub_set_text(json, "SpaceID", hub_text(space, "SpaceID"));
    cJSON_AddItemToArray(call->hub->filters, json);
    hub_answer(call, 200, cJSON_Duplicate(json, true));
}

static void space_call(struct hub_call *call)
{
    struct hub *hub = call->hub;
    bool get = strcmp(call->method, "GET") == 0;
    if (call->part_count == 1) {
        cJSON *body = get ? NULL : cJSON_ParseWithLength(call->body, call->body_len);
        if (get) {
            hub_list(call, hub->spaces, "Space");
        } else if (strcmp(call->method, "POST") == 0 && *hub_text(body, "Slug")) {
            cJSON *made = hub_find(hub->spaces, "Slug", hub_text(body, "Slug"));
            made = made ? made : hub_space_new(hub, hub_text(body, "Slug"));
            hub_answer(call, 200, cJSON_Duplicate(made, true));
        } else {
            hub_fail(call, 400, "expected a space with a Slug");
        }
        cJSON_Delete(body);
        return;
    }
    const cJSON *space = hub_find(hub->spaces, "SpaceID", call->parts[1]);
    if (!space || strcmp(hub_text(space, "SpaceID"), call->parts[1]) != 0) {
        hub_fail(call, 404, "space %s is not found", call->parts[1]);
    } else if (call->part_count == 2 && get) {
        cJSON *whole = cJSON_CreateObject();
        cJSON_AddItemToObject(whole, "Space", cJSON_Duplicate(space, true));
        hub_answer(call, 200, whole);
    } else if (is(call, 2, "unit")) {
        hub_unit_call(call, space);
    } else if (is(call, 2, "filter") && call->part_count == 3) {
        if (get) {
            list_of_space(call, hub->filters, space, "Filter");
        } else {
            make_filter(call, space);
        }
    } else if (is(call, 2, "target") && get) {
        list_of_space(call, hub->targets, space, "Target");
    } else if (is(call, 2, "bridge_worker") && get) {
        list_of_space(call, hub->workers, space, "BridgeWorker");
    } else if (get && (is(call, 2, "link") || is(call, 2, "trigger") || is(call, 2, "change_set") ||
                       is(call, 2, "tag") || is(call, 2, "view") || (is(call, 2, "set") && hub->options->old))) {
        hub_answer(call, 200, cJSON_CreateArray());
    } else {
        not_found(call);
    }
}

void hub_handle(struct hub_call *call)
{
    int64_t number = 0;
    int64_t retry_after = -1;
    call->retry_after = -1;
    call->hub->requests++;
    if (!split(call)) {
        not_found(call);
    } else if (is(call, 0, "sim")) {
        hub_faults_call(call);
    } else if (hub_fault(call->hub, HUB_FAULT_STATUS, call->path, &number, &retry_after)) {
        hub_fail(call, (int)number, "asked for by /sim/faults");
        call->retry_after = retry_after;
    } else if (is(call, 0, "auth") && is(call, 1, "worker")) {
        hub_session_call(call);
    } else if (is(call, 0, "info")) {
        info(call);
    } else if (!hub_may(call)) {
        hub_fail(call, 401, "the token is not right");
    } else if (is(call, 0, "me")) {
        me(call);
    } else if (is(call, 0, "space")) {
        space_call(call);
    } else if (is(call, 0, "unit") && call->part_count == 1 && strcmp(call->method, "GET") == 0) {
        hub_units_list(call, NULL);
    } else if (is(call, 0, "unit") && is(call, 1, "apply") && strcmp(call->method, "POST") == 0) {
        hub_apply_many(call);
    } else {
        not_found(call);
    }
}
