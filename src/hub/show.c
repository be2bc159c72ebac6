/* What lists and reads show: entities as they are, extended, cut to `select`. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/digest.h"
#include "hub.h"

void hub_answer(struct hub_call *call, int status, cJSON *json)
{
    char *text = json ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    hf_buf_clear(&call->out);
    call->status = text ? status : 500;
    call->type = "application/json";
    hf_buf_adds(&call->out, text ? text : "{\"Code\":\"500\",\"Message\":\"out of memory\"}");
    cJSON_free(text);
}

void hub_fail(struct hub_call *call, int status, const char *format, ...)
{
    char text[500];
    char code[8];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    (void)snprintf(code, sizeof code, "%d", status);
    cJSON *json = cJSON_CreateObject();
    hub_set_text(json, "Code", code);
    hub_set_text(json, "Message", text);
    hub_answer(call, status, json);
}

/* Ids and the slug always come. */
static bool is_always_shown(const char *name)
{
    size_t len = strlen(name);
    return strcmp(name, "Slug") == 0 || (len > 2 && strcmp(name + len - 2, "ID") == 0);
}

static bool is_selected(const char *select, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strstr(select, name); at; at = strstr(at + 1, name)) {
        bool begins = at == select || at[-1] == ',' || at[-1] == ' ';
        bool ends = at[len] == '\0' || at[len] == ',' || at[len] == ' ';
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

static void cut(cJSON *json, const char *select)
{
    for (cJSON *item = json->child, *next; select && *select && item; item = next) {
        next = item->next;
        if (!is_always_shown(item->string) && !is_selected(select, item->string)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(json, item));
        }
    }
}

static void add_base64(cJSON *json, const char *name, const char *bytes, size_t len)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_add_base64(&text, bytes, len);
    hub_set_text(json, name, hf_buf_text(&text));
}

static cJSON *status_of(const struct hub_unit *unit)
{
    const cJSON *event = cJSON_GetArrayItem(unit->events, cJSON_GetArraySize(unit->events) - 1);
    cJSON *json = cJSON_CreateObject();
    int64_t live = hub_number(unit->json, "LiveRevisionNum");
    const char *status = hub_text(event, "Status");
    bool ended = !event || strcmp(status, "Completed") == 0 || strcmp(status, "Failed") == 0;
    hub_set_text(json, "Status",
                 !ended                          ? "Progressing"
                 : strcmp(status, "Failed") == 0 ? "Failed"
                 : live > 0                      ? "Ready"
                                                 : "NotLive");
    hub_set_text(json, "Action", event ? hub_text(event, "Action") : "None");
    hub_set_text(json, "ActionResult", event ? hub_text(event, "Result") : "None");
    hub_set_text(json, "ActionStartedAt", event ? hub_text(event, "StartedAt") : "0001-01-01T00:00:00Z");
    hub_set_text(json, "ActionTerminatedAt", event && ended ? hub_text(event, "TerminatedAt") : "0001-01-01T00:00:00Z");
    hub_set_text(json, "SyncStatus",
                 live > 0 && live == hub_number(unit->json, "HeadRevisionNum") ? "Synced" : "OutOfSync");
    return json;
}

cJSON *hub_show_unit(const struct hub_call *call, const struct hub_unit *unit, bool extended)
{
    struct hub *hub = call->hub;
    const char *select = call->parameter(call, "select");
    const struct hub_revision *head = hub_revision(unit, hub_number(unit->json, "HeadRevisionNum"));
    cJSON *json = cJSON_Duplicate(unit->json, true);
    if (json && head && (!select || is_selected(select, "Data"))) {
        add_base64(json, "Data", head->data, head->len);
    }
    if (json && unit->live_state && (!select || is_selected(select, "LiveState"))) {
        add_base64(json, "LiveState", unit->live_state, strlen(unit->live_state));
    }
    if (json) {
        cut(json, select);
    }
    if (!json || !extended) {
        return json;
    }
    cJSON *whole = cJSON_CreateObject();
    cJSON *space = hub_find(hub->spaces, "SpaceID", hub_text(unit->json, "SpaceID"));
    cJSON *target = hub_find(hub->targets, "TargetID", hub_text(unit->json, "TargetID"));
    const char *include = call->parameter(call, "include");
    cJSON_AddItemToObject(whole, "Unit", json);
    cJSON_AddItemToObject(whole, "UnitStatus", status_of(unit));
    if (space && include && strstr(include, "SpaceID")) {
        cJSON_AddItemToObject(whole, "Space", cJSON_Duplicate(space, true));
    }
    if (target && include && strstr(include, "TargetID")) {
        cJSON_AddItemToObject(whole, "Target", cJSON_Duplicate(target, true));
    }
    if (cJSON_GetArraySize(unit->events) > 0 && include && strstr(include, "UnitEventID")) {
        cJSON_AddItemToObject(
            whole, "LatestUnitEvent",
            cJSON_Duplicate(cJSON_GetArrayItem(unit->events, cJSON_GetArraySize(unit->events) - 1), true));
    }
    return whole;
}

void hub_list(struct hub_call *call, cJSON *list, const char *name)
{
    struct hf_error err = HF_ERROR_INIT;
    const char *where = call->parameter(call, "where");
    const char *select = call->parameter(call, "select");
    cJSON *out = cJSON_CreateArray();
    cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        bool holds = true;
        const cJSON *space = hub_find(call->hub->spaces, "SpaceID", hub_text(item, "SpaceID"));
        if (hub_where(where ? where : "", item, space, &holds, &err) != 0) {
            cJSON_Delete(out);
            hub_fail(call, 400, "%s", err.text);
            return;
        }
        if (!holds) {
            continue;
        }
        cJSON *copy = cJSON_Duplicate(item, true);
        if (copy) {
            cut(copy, select);
        }
        if (name && !call->hub->options->old) {
            cJSON *whole = cJSON_CreateObject();
            cJSON_AddItemToObject(whole, name, copy);
            copy = whole;
        }
        cJSON_AddItemToArray(out, copy);
    }
    hub_answer(call, 200, out);
}
