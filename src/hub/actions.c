/* Apply, refresh and destroy: an action is queued, its worker does it, events tell of it. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "hub.h"

static void add_event(struct hub *hub, struct hub_unit *unit, const cJSON *action, const char *status,
                      const char *result, const char *message)
{
    char id[40];
    char now[HUB_DATE + 8];
    cJSON *event = cJSON_CreateObject();
    hub_uuid(hub, id);
    hub_time(hf_now_ms(), now);
    hub_set_text(event, "UnitEventID", id);
    hub_set_text(event, "UnitID", hub_text(unit->json, "UnitID"));
    hub_set_text(event, "QueuedOperationID", hub_text(action, "QueuedOperationID"));
    hub_set_text(event, "Action", hub_text(action, "Action"));
    hub_set_text(event, "Status", status);
    hub_set_text(event, "Result", result);
    hub_set_number(event, "RevisionNum", hub_number(action, "RevisionNum"));
    hub_set_text(event, "Message", message);
    hub_set_text(event, "CreatedAt", now);
    hub_set_text(event, "StartedAt", now);
    if (strcmp(status, "Completed") == 0 || strcmp(status, "Failed") == 0) {
        hub_set_text(event, "TerminatedAt", now);
    }
    cJSON_AddItemToArray(unit->events, event);
    hub->is_changed = true;
}

static cJSON *queue(struct hub *hub, struct hub_unit *unit, const char *name, int64_t revision)
{
    char id[40];
    char now[HUB_DATE + 8];
    cJSON *action = cJSON_CreateObject();
    const cJSON *target = hub_find(hub->targets, "TargetID", hub_text(unit->json, "TargetID"));
    hub_uuid(hub, id);
    hub_time(hf_now_ms(), now);
    hub_set_text(action, "QueuedOperationID", id);
    hub_set_text(action, "UnitID", hub_text(unit->json, "UnitID"));
    hub_set_text(action, "SpaceID", hub_text(unit->json, "SpaceID"));
    hub_set_text(action, "TargetID", hub_text(unit->json, "TargetID"));
    hub_set_text(action, "BridgeWorkerID", hub_text(target, "BridgeWorkerID"));
    hub_set_number(action, "RevisionNum", revision);
    hub_set_text(action, "Action", name);
    hub_set_text(action, "Status", hub->options->old ? "pending" : "Pending");
    hub_set_text(action, "CreatedAt", now);
    cJSON_AddItemToArray(unit->actions, action);
    add_event(hub, unit, action, "Pending", "None", "");
    hub_set_text(unit->json, "LastActionAt", now);
    hub_worker_wake(hub);
    return action;
}

static bool has_gate(const struct hub_unit *unit)
{
    const cJSON *gate;
    cJSON_ArrayForEach(gate, cJSON_GetObjectItemCaseSensitive(unit->json, "ApplyGates"))
    {
        if (cJSON_IsTrue(gate)) {
            return true;
        }
    }
    return false;
}

/* Why an action can't be queued; NULL: it can. */
static const char *obstacle(const struct hub *hub, const struct hub_unit *unit, bool is_apply, int *status)
{
    *status = 400;
    if (!*hub_text(unit->json, "TargetID")) {
        return "the unit has no target";
    }
    if (is_apply && has_gate(unit)) {
        return "apply is blocked by an apply gate";
    }
    *status = 422;
    return hub->worker_is_down && hub->worker_fails[0] == '!' ? "bridge worker unavailable" : NULL;
}

/* The revision that a call names: a number, or a name of one; 0: there is none. */
static int64_t revision_of(const struct hub_call *call, const struct hub_unit *unit)
{
    const char *given = call->hub->options->old ? NULL : call->parameter(call, "revision");
    int64_t number;
    if (!given) {
        return hub_number(unit->json, "HeadRevisionNum");
    }
    if (!hf_parse_int(hf_slice_of(given), 1, 1000000000, &number)) {
        number = hub_number(unit->json, given);
    }
    return hub_revision(unit, number) ? number : 0;
}

static bool is_dry(const struct hub_call *call)
{
    const char *given = call->parameter(call, "dry_run");
    return given && strcmp(given, "true") == 0;
}

static cJSON *start_apply(struct hub *hub, struct hub_unit *unit, int64_t revision)
{
    hub_set_number(unit->json, "LastAppliedRevisionNum", revision);
    hub->applies++;
    return queue(hub, unit, "Apply", revision);
}

void hub_apply(struct hub_call *call, struct hub_unit *unit)
{
    int status;
    const char *why = obstacle(call->hub, unit, true, &status);
    int64_t revision = revision_of(call, unit);
    if (why) {
        hub_fail(call, status, "unit %s: %s", hub_text(unit->json, "Slug"), why);
    } else if (revision == 0) {
        hub_fail(call, 400, "unit %s has no such revision", hub_text(unit->json, "Slug"));
    } else if (is_dry(call)) {
        cJSON *action = cJSON_CreateObject();
        hub_set_number(action, "RevisionNum", revision);
        hub_set_text(action, "Action", "Apply");
        hub_set_text(action, "Status", "Completed");
        hub_answer(call, 200, action);
    } else {
        hub_answer(call, 200, cJSON_Duplicate(start_apply(call->hub, unit, revision), true));
    }
}

static void add_problem(cJSON *out, struct hub_unit *unit, const char *why, int status)
{
    cJSON *entry = cJSON_CreateObject();
    cJSON *error = cJSON_CreateObject();
    char code[8];
    (void)snprintf(code, sizeof code, "%d", status);
    hub_set_text(error, "Message", why);
    hub_set_text(error, "ErrorCategory", "Precondition");
    hub_set_text(error, "Status", code);
    hub_set_text(entry, "UnitID", hub_text(unit->json, "UnitID"));
    cJSON_AddItemToObject(entry, "Error", error);
    cJSON_AddItemToArray(out, entry);
}

void hub_apply_many(struct hub_call *call)
{
    struct hub *hub = call->hub;
    struct hf_error err = HF_ERROR_INIT;
    const char *where = call->parameter(call, "where");
    cJSON *out = cJSON_CreateArray();
    bool some_failed = false;
    hub->bulks++;
    if (!where || !*where) {
        cJSON_Delete(out);
        hub_fail(call, 400, "where is required");
        return;
    }
    for (size_t i = 0; i < hub->unit_count; i++) {
        struct hub_unit *unit = hub->units[i];
        const cJSON *space = hub_find(hub->spaces, "SpaceID", hub_text(unit->json, "SpaceID"));
        bool holds;
        int status;
        if (hub_where(where, unit->json, space, &holds, &err) != 0) {
            cJSON_Delete(out);
            hub_fail(call, 400, "%s", err.text);
            return;
        }
        if (!holds) {
            continue;
        }
        const char *why = obstacle(hub, unit, true, &status);
        int64_t revision = revision_of(call, unit);
        if (why || revision == 0) {
            add_problem(out, unit, why ? why : "no such revision", status);
            some_failed = true;
        } else if (!is_dry(call)) {
            cJSON *entry = cJSON_CreateObject();
            cJSON_AddItemToObject(entry, "Action", cJSON_Duplicate(start_apply(hub, unit, revision), true));
            cJSON_AddItemToArray(out, entry);
        }
    }
    hub_answer(call, some_failed ? 207 : 200, out);
}

void hub_refresh(struct hub_call *call, struct hub_unit *unit)
{
    int status;
    const char *why = obstacle(call->hub, unit, false, &status);
    if (why) {
        hub_fail(call, status, "unit %s: %s", hub_text(unit->json, "Slug"), why);
        return;
    }
    cJSON *action = queue(call->hub, unit, "Refresh", hub_number(unit->json, "HeadRevisionNum"));
    if (is_dry(call) && !call->hub->options->old) {
        cJSON_AddTrueToObject(action, "DryRun");
    }
    hub_answer(call, 200, cJSON_Duplicate(action, true));
}

void hub_destroy(struct hub_call *call, struct hub_unit *unit)
{
    int status;
    const char *why = obstacle(call->hub, unit, false, &status);
    if (why) {
        hub_fail(call, status, "unit %s: %s", hub_text(unit->json, "Slug"), why);
        return;
    }
    hub_answer(call, 200,
               cJSON_Duplicate(queue(call->hub, unit, "Destroy", hub_number(unit->json, "LiveRevisionNum")), true));
}

void hub_action_started(struct hub *hub, struct hub_unit *unit, cJSON *action)
{
    hub_set_text(action, "Status", hub->options->old ? "delivered" : "Progressing");
    add_event(hub, unit, action, "Progressing", "None", "");
}

static void set_live(struct hub *hub, struct hub_unit *unit, int64_t revision)
{
    char now[HUB_DATE + 8];
    int64_t live = hub_number(unit->json, "LiveRevisionNum");
    const struct hub_revision *made = hub_revision(unit, revision);
    if (live != revision) {
        hub_set_number(unit->json, "PreviousLiveRevisionNum", live);
    }
    hub_set_number(unit->json, "LiveRevisionNum", revision);
    hub_time(hf_now_ms(), now);
    if (made) {
        hub_set_text(made->json, "LiveAt", now);
    }
    hub->is_changed = true;
}

void hub_action_ended(struct hub *hub, struct hub_unit *unit, cJSON *action, const char *result, const char *message)
{
    bool failed = strstr(result, "Failed") != NULL && strcmp(result, "ApplyWaitFailed") != 0;
    if (!hub->options->old) {
        hub_set_text(action, "Status", failed ? "Failed" : "Completed");
    }
    add_event(hub, unit, action, failed ? "Failed" : "Completed", result, message);
    if (!failed && strncmp(result, "Apply", 5) == 0) {
        set_live(hub, unit, hub_number(action, "RevisionNum"));
    } else if (!failed && strncmp(result, "Destroy", 7) == 0) {
        set_live(hub, unit, 0);
    } else if (strcmp(result, "RefreshAndDrifted") == 0 && !cJSON_HasObjectItem(action, "DryRun")) {
        /* What is live is the new head: it counts as applied. */
        int64_t head = hub_number(unit->json, "HeadRevisionNum");
        hub_set_number(unit->json, "LastAppliedRevisionNum", head);
        set_live(hub, unit, head);
    }
}
