/* The calls of the simulated ConfigHub, as its reference has them; without a port. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub.h"

#define DATA "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: dev}\ndata: {a: \"1\"}\n"

static struct hf_hub_options options;
static struct hub hub;
static char space_id[40];
static char unit_id[40];
static const char *query[8][2];

static const char *parameter(const struct hub_call *call, const char *name)
{
    (void)call;
    for (size_t i = 0; i < 8 && query[i][0]; i++) {
        if (strcmp(query[i][0], name) == 0) {
            return query[i][1];
        }
    }
    return NULL;
}

/* The answer's JSON (the caller's); status in *status. */
static cJSON *call(const char *method, const char *path, const char *body, int *status)
{
    struct hub_call made = {.hub = &hub,
                            .method = method,
                            .path = path,
                            .authorization = "Bearer right",
                            .content_type = "application/json",
                            .body = body ? body : "",
                            .body_len = body ? strlen(body) : 0,
                            .parameter = parameter};
    hub_handle(&made);
    *status = made.status;
    cJSON *json = cJSON_Parse(hf_buf_text(&made.out));
    hf_buf_free(&made.out);
    memset(query, 0, sizeof query);
    return json;
}

static cJSON *on_unit(const char *method, const char *below, const char *body, int wanted)
{
    char path[200];
    int status;
    (void)snprintf(path, sizeof path, "/space/%s/unit/%s%s", space_id, unit_id, below);
    cJSON *json = call(method, path, body, &status);
    char *text = cJSON_PrintUnformatted(json);
    cr_assert_eq(status, wanted, "%s %s: %d %s", method, path, status, text);
    cJSON_free(text);
    return json;
}

static void open_hub(void)
{
    struct hf_error err = HF_ERROR_INIT;
    hub = (struct hub){.options = &options, .random = 7};
    cr_assert_eq(hub_state_open(&hub, &err), 0, "%s", err.text);
    hub.loop = hf_loop_new(&err);
    cr_assert_eq(hub_worker_open(&hub, &err), 0, "%s", err.text);
}

static void begin(void)
{
    options = (struct hf_hub_options){.token = "right"};
    open_hub();
    cJSON *space = hub_space_new(&hub, "dev");
    cJSON *target = hub_target_new(&hub, hub_text(space, "SpaceID"), "cluster", "worker");
    struct hub_unit *unit = hub_unit_new(&hub, space, "web", DATA, strlen(DATA));
    hub_set_text(unit->json, "TargetID", hub_text(target, "TargetID"));
    (void)snprintf(space_id, sizeof space_id, "%s", hub_text(space, "SpaceID"));
    (void)snprintf(unit_id, sizeof unit_id, "%s", hub_text(unit->json, "UnitID"));
}

static void close_hub(void)
{
    hub_worker_close(&hub);
    hf_loop_free(hub.loop);
    hub_state_close(&hub);
}

TestSuite(calls, .init = begin, .fini = close_hub);

static struct hub_unit *the_unit(void)
{
    return hub_unit_find(&hub, space_id, unit_id);
}

static void stop(void *ctx)
{
    hf_loop_stop(ctx);
}

/* Lets the worker do what is queued. */
static void turn(void)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_timer *timer = hf_timer_new(hub.loop, stop, hub.loop);
    hf_timer_set(timer, 30);
    cr_assert_eq(hf_loop_run(hub.loop, &err), 0);
    hf_timer_free(timer);
}

Test(calls, what_is_not_known_answers_in_confighubs_error_shape)
{
    int status;
    cJSON *json = call("GET", "/space/none/unit", NULL, &status);
    cr_assert_eq(status, 404);
    cr_assert_str_eq(hub_text(json, "Code"), "404");
    cr_assert(*hub_text(json, "Message"));
    cJSON_Delete(json);
    json = call("GET", "/nothing/here", NULL, &status);
    cr_assert_eq(status, 404);
    cr_assert_str_eq(hub_text(json, "Code"), "404");
    cJSON_Delete(json);
}

Test(calls, a_wrong_token_is_refused_everywhere_but_at_info)
{
    int status;
    options.token = "another";
    cJSON_Delete(call("GET", "/unit", NULL, &status));
    cr_assert_eq(status, 401);
    cJSON_Delete(call("GET", "/info", NULL, &status));
    cr_assert_eq(status, 200);
}

Test(calls, a_workers_session_is_right_until_it_expires)
{
    int status;
    options.token = NULL;
    options.worker_id = "w";
    options.worker_secret = "s";
    cJSON_Delete(call("POST", "/auth/worker", "{\"worker_id\":\"w\",\"worker_secret\":\"x\"}", &status));
    cr_assert_eq(status, 401);
    cJSON *session = call("POST", "/auth/worker", "{\"worker_id\":\"w\",\"worker_secret\":\"s\"}", &status);
    cr_assert_eq(status, 200);
    (void)snprintf(hub.session, sizeof hub.session, "right");
    cJSON_Delete(session);
    cJSON_Delete(call("GET", "/unit", NULL, &status));
    cr_assert_eq(status, 200);
    cJSON_Delete(call("POST", "/sim/expire", NULL, &status));
    cJSON_Delete(call("GET", "/unit", NULL, &status));
    cr_assert_eq(status, 401);
}

Test(calls, a_listing_with_select_has_no_data_and_one_without_has)
{
    int status;
    query[0][0] = "select";
    query[0][1] = "HeadRevisionNum,DataHash";
    cJSON *list = call("GET", "/unit", NULL, &status);
    const cJSON *unit = cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "Unit");
    cr_assert_eq(hub_number(unit, "HeadRevisionNum"), 1);
    cr_assert_eq(strlen(hub_text(unit, "DataHash")), 64);
    cr_assert_str_eq(hub_text(unit, "UnitID"), unit_id);
    cr_assert_not(cJSON_HasObjectItem(unit, "Data"));
    cr_assert_not(cJSON_HasObjectItem(unit, "Labels"));
    cJSON_Delete(list);
    list = call("GET", "/unit", NULL, &status);
    cr_assert(*hub_text(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "Unit"), "Data"));
    cJSON_Delete(list);
}

Test(calls, the_old_server_lists_bare_units_with_a_content_hash)
{
    int status;
    options.old = true;
    struct hub_unit *unit = the_unit();
    cr_assert_eq(hub_revise(&hub, unit, "123456789", 9, "x", "y"), 0);
    cJSON *list = call("GET", "/unit", NULL, &status);
    cr_assert_str_eq(hub_text(cJSON_GetArrayItem(list, 0), "UnitID"), unit_id);
    cr_assert_eq(hub_number(cJSON_GetArrayItem(list, 0), "ContentHash"), 0xcbf43926, "the CRC-32 of 123456789");
    cJSON_Delete(list);
}

Test(calls, an_apply_rolls_out_the_named_revision_and_tells_its_events)
{
    struct hub_unit *unit = the_unit();
    cr_assert_eq(hub_revise(&hub, unit, DATA "---\n", strlen(DATA) + 4, "Unit.Update", "second"), 0);
    query[0][0] = "revision";
    query[0][1] = "1";
    cJSON *action = on_unit("POST", "/apply", NULL, 200);
    cr_assert_eq(hub_number(action, "RevisionNum"), 1);
    cr_assert_eq(hub_number(unit->json, "LastAppliedRevisionNum"), 1);
    cr_assert_eq(hub_number(unit->json, "LiveRevisionNum"), 0, "it is not done yet");
    cJSON_Delete(action);
    turn();
    cr_assert_eq(hub_number(unit->json, "LiveRevisionNum"), 1);
    cJSON *events = on_unit("GET", "/unit_event", NULL, 200);
    cr_assert_eq(cJSON_GetArraySize(events), 3);
    cr_assert_str_eq(hub_text(cJSON_GetArrayItem(events, 2), "Status"), "Completed");
    cr_assert_str_eq(hub_text(cJSON_GetArrayItem(events, 2), "Result"), "ApplyCompleted");
    cJSON_Delete(events);
    cJSON_Delete(on_unit("POST", "/apply", NULL, 200)); /* without a revision: head */
    turn();
    cr_assert_eq(hub_number(unit->json, "LiveRevisionNum"), 2);
    cr_assert_eq(hub_number(unit->json, "PreviousLiveRevisionNum"), 1);
}

Test(calls, a_gate_a_missing_target_and_an_unknown_revision_block_an_apply)
{
    struct hub_unit *unit = the_unit();
    query[0][0] = "revision";
    query[0][1] = "9";
    cJSON_Delete(on_unit("POST", "/apply", NULL, 400));
    cJSON_Delete(on_unit("PATCH", "", "{\"ApplyGates\":{\"needs/approval\":true}}", 200));
    cJSON_Delete(on_unit("POST", "/apply", NULL, 400));
    cJSON_Delete(on_unit("PATCH", "", "{\"ApplyGates\":null,\"TargetID\":null}", 200));
    cJSON_Delete(on_unit("POST", "/apply", NULL, 400));
    cr_assert_eq(cJSON_GetArraySize(unit->actions), 0);
}

Test(calls, a_worker_that_is_down_leaves_the_action_pending_and_one_that_fails_says_why)
{
    int status;
    struct hub_unit *unit = the_unit();
    cJSON_Delete(call("POST", "/sim/faults", "{\"kind\":\"worker-down\"}", &status));
    cJSON_Delete(on_unit("POST", "/apply", NULL, 200));
    turn();
    cr_assert_str_eq(hub_text(cJSON_GetArrayItem(unit->actions, 0), "Status"), "Pending");
    cJSON_Delete(call("POST", "/sim/faults", "{\"kind\":\"worker-fails\",\"message\":\"no room\"}", &status));
    hub_worker_wake(&hub);
    turn();
    cr_assert_str_eq(hub_text(cJSON_GetArrayItem(unit->actions, 0), "Status"), "Failed");
    cr_assert_eq(hub_number(unit->json, "LiveRevisionNum"), 0);
    cJSON *events = on_unit("GET", "/unit_event", NULL, 200);
    cr_assert_str_eq(hub_text(cJSON_GetArrayItem(events, 2), "Message"), "no room");
    cJSON_Delete(events);
    cJSON_Delete(call("POST", "/sim/faults", "{\"kind\":\"worker-down\",\"refuse\":true}", &status));
    cJSON_Delete(on_unit("POST", "/apply", NULL, 422));
}

Test(calls, a_put_needs_the_version_that_was_read)
{
    char body[200];
    struct hub_unit *unit = the_unit();
    cJSON_Delete(on_unit("PUT", "", "{\"Version\":1,\"Labels\":{\"a\":\"b\"}}", 409));
    (void)snprintf(body, sizeof body, "{\"Version\":%lld,\"Data\":\"YQ==\",\"LastChangeDescription\":\"by hand\"}",
                   (long long)hub_number(unit->json, "Version"));
    cJSON_Delete(on_unit("PUT", "", body, 200));
    cr_assert_eq(hub_number(unit->json, "HeadRevisionNum"), 2);
    cr_assert_str_eq(hub_revision(unit, 2)->data, "a");
    cr_assert_str_eq(hub_text(hub_revision(unit, 2)->json, "Description"), "by hand");
    cJSON_Delete(on_unit("PUT", "", body, 409));
}

Test(calls, a_patch_changes_single_labels_and_leaves_the_others)
{
    cJSON_Delete(on_unit("PATCH", "", "{\"Labels\":{\"a\":\"1\",\"b\":\"2\"}}", 200));
    cJSON *unit = on_unit("PATCH", "", "{\"Labels\":{\"a\":null,\"c\":\"3\"}}", 200);
    const cJSON *labels = cJSON_GetObjectItem(unit, "Labels");
    cr_assert_not(cJSON_HasObjectItem(labels, "a"));
    cr_assert_str_eq(hub_text(labels, "b"), "2");
    cr_assert_str_eq(hub_text(labels, "c"), "3");
    cJSON_Delete(unit);
}

Test(calls, a_restore_makes_an_earlier_revision_the_new_head)
{
    struct hub_unit *unit = the_unit();
    cr_assert_eq(hub_revise(&hub, unit, "b", 1, "x", "y"), 0);
    query[0][0] = "restore";
    query[0][1] = "1";
    cJSON_Delete(on_unit("PATCH", "", "{}", 200));
    cr_assert_eq(hub_number(unit->json, "HeadRevisionNum"), 3);
    cr_assert_str_eq(hub_revision(unit, 3)->data, DATA);
    query[0][0] = "restore";
    query[0][1] = "77";
    cJSON_Delete(on_unit("PATCH", "", "{}", 400));
}

Test(calls, revisions_are_found_by_number_and_read_whole)
{
    query[0][0] = "where";
    query[0][1] = "RevisionNum=1";
    cJSON *list = on_unit("GET", "/revision", NULL, 200);
    const cJSON *revision = cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "Revision");
    cr_assert_eq(hub_number(revision, "RevisionNum"), 1);
    cr_assert(*hub_text(revision, "Data"));
    cJSON_Delete(list);
}

Test(calls, a_bulk_apply_needs_a_where_and_tells_each_units_own_error)
{
    int status;
    cJSON *space = hub_find(hub.spaces, "SpaceID", "dev");
    cr_assert_not_null(hub_unit_new(&hub, space, "no-target", DATA, strlen(DATA)));
    cJSON_Delete(call("POST", "/unit/apply", NULL, &status));
    cr_assert_eq(status, 400);
    query[0][0] = "where";
    query[0][1] = "Space.Slug = 'dev'";
    cJSON *list = call("POST", "/unit/apply", NULL, &status);
    cr_assert_eq(status, 207);
    cr_assert_eq(cJSON_GetArraySize(list), 2);
    cr_assert(cJSON_HasObjectItem(cJSON_GetArrayItem(list, 0), "Action"));
    cr_assert(*hub_text(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "Error"), "Message"));
    cJSON_Delete(list);
}

Test(calls, a_fault_is_done_as_often_as_asked_for_and_carries_retry_after)
{
    int status;
    cJSON_Delete(
        call("POST", "/sim/faults", "{\"kind\":\"status\",\"status\":429,\"retryAfter\":3,\"count\":2}", &status));
    cr_assert_eq(status, 200);
    for (int i = 0; i < 3; i++) {
        cJSON_Delete(call("GET", "/unit", NULL, &status));
        cr_assert_eq(status, i < 2 ? 429 : 200);
    }
}

Test(calls, the_state_is_the_same_after_a_restart)
{
    struct hf_error err = HF_ERROR_INIT;
    char path[] = "/tmp/hf-hub-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    (void)unlink(path);
    options.state = path;
    cJSON_Delete(on_unit("POST", "/apply", NULL, 200));
    turn();
    hub.is_changed = true;
    cr_assert_eq(hub_keep(&hub, &err), 0, "%s", err.text);
    close_hub();
    open_hub();
    struct hub_unit *unit = the_unit();
    cr_assert_not_null(unit);
    cr_assert_eq(hub_number(unit->json, "LiveRevisionNum"), 1);
    cr_assert_str_eq(hub_revision(unit, 1)->data, DATA);
    cr_assert_eq(cJSON_GetArraySize(unit->events), 3);
    (void)unlink(path);
}
