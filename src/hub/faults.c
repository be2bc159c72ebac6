/* What is asked for at /sim/…: faults of the server, a worker that is away or fails, and what was counted. */
#include <stdio.h>
#include <string.h>

#include "hub.h"

static const char *const KINDS[] = {"status", "slow", "truncate", "junk", "stale"};

bool hub_fault(struct hub *hub, enum hub_fault_kind kind, const char *path, int64_t *number, int64_t *retry_after)
{
    struct hub_fault *fault = &hub->faults[kind];
    if (fault->until_ms <= hf_mono_ms() || fault->count == 0 || !strstr(path, fault->path)) {
        return false;
    }
    fault->count -= fault->count > 0;
    *number = fault->number;
    if (retry_after) {
        *retry_after = fault->retry_after;
    }
    return true;
}

static int64_t number_or(const cJSON *json, const char *name, int64_t otherwise)
{
    return cJSON_HasObjectItem(json, name) ? hub_number(json, name) : otherwise;
}

static bool take(struct hub *hub, const cJSON *body)
{
    static const char *const NUMBERS[] = {"status", "delay", "bytes", "megabytes", "number"};
    static const int64_t USUAL[] = {500, 1000, 100, 50, 0};
    const char *kind = hub_text(body, "kind");
    if (strcmp(kind, "worker-down") == 0 || strcmp(kind, "worker-fails") == 0) {
        bool is_down = strcmp(kind, "worker-down") == 0;
        hub->worker_is_down = is_down;
        (void)snprintf(hub->worker_fails, sizeof hub->worker_fails, "%s",
                       is_down ? (cJSON_IsTrue(cJSON_GetObjectItem(body, "refuse")) ? "!" : "")
                               : hub_text(body, "message"));
        return is_down || hub->worker_fails[0];
    }
    for (size_t i = 0; i < HUB_FAULT_COUNT; i++) {
        if (strcmp(kind, KINDS[i]) == 0) {
            struct hub_fault *fault = &hub->faults[i];
            *fault = (struct hub_fault){.until_ms = hf_mono_ms() + 1000 * number_or(body, "seconds", 10),
                                        .count = number_or(body, "count", -1),
                                        .number = number_or(body, NUMBERS[i], USUAL[i]),
                                        .retry_after = number_or(body, "retryAfter", -1)};
            (void)snprintf(fault->path, sizeof fault->path, "%s", hub_text(body, "path"));
            return true;
        }
    }
    return false;
}

static void forget(struct hub *hub)
{
    memset(hub->faults, 0, sizeof hub->faults);
    hub->worker_is_down = false;
    hub->worker_fails[0] = '\0';
    hub_worker_wake(hub);
}

static void count(struct hub_call *call)
{
    cJSON *json = cJSON_CreateObject();
    hub_set_number(json, "requests", (int64_t)call->hub->requests);
    hub_set_number(json, "bytes", (int64_t)call->hub->bytes_out);
    hub_set_number(json, "bulks", (int64_t)call->hub->bulks);
    hub_set_number(json, "applies", (int64_t)call->hub->applies);
    hub_answer(call, 200, json);
}

void hub_faults_call(struct hub_call *call)
{
    bool is_faults = call->part_count == 2 && strcmp(call->parts[1], "faults") == 0;
    cJSON *body = cJSON_ParseWithLength(call->body, call->body_len);
    if (call->part_count == 2 && strcmp(call->parts[1], "counts") == 0) {
        count(call);
    } else if (is_faults && strcmp(call->method, "DELETE") == 0) {
        forget(call->hub);
        hub_answer(call, 200, cJSON_CreateObject());
    } else if (is_faults && strcmp(call->method, "POST") == 0 && take(call->hub, body)) {
        hub_answer(call, 200, cJSON_CreateObject());
    } else if (call->part_count == 2 && strcmp(call->parts[1], "expire") == 0) {
        call->hub->session[0] = '\0'; /* the worker's session is over */
        hub_answer(call, 200, cJSON_CreateObject());
    } else {
        hub_fail(call, 400, "expected POST or DELETE /sim/faults, GET /sim/counts or POST /sim/expire");
    }
    cJSON_Delete(body);
}
