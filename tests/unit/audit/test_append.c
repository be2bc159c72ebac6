#include "fixture.h"

static const struct hf_audit_event FULL = {
    .at_ms = 1772357400123,
    .type = "drift.seen",
    .severity = "critical",
    .incident = "inc-1",
    .target = "dev",
    .space = "traderx",
    .unit = "trade-service",
    .revision = 42,
    .api_version = "apps/v1",
    .kind = "Deployment",
    .namespace = "traderx-dev",
    .name = "trade-service",
    .uid = "6f1e",
    .resource_version = "9007199254740993",
    .verdict = "drifted",
    .manager = "kubectl-edit",
    .operation = "Update",
    .subresource = "scale",
    .drifted_at_ms = 1772357399000,
    .seen_at_ms = 1772357399120,
    .corrected_at_ms = 1772357401000,
    .message = "spec.replicas: 3 became 10 — \"scaled\"\n",
    .detail = "{\"findings\":[{\"path\":\"/spec/replicas\",\"live\":\"10\"}]}",
    .alert = true,
};

Test(append, every_column_is_read_back_as_it_was_written)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct seen seen = {.arena = hf_arena_new(0)};
    trail_begin(&trail);
    trail_append(&trail, &FULL, 7);
    trail_wait_durable(&trail, 1);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_event_read(reader, 1, seen_row, &seen, &err), 0, "%s", err.text);
    const struct hf_audit_event *got = &seen.last;
    cr_expect_eq(got->at_ms, FULL.at_ms);
    cr_expect_str_eq(got->type, FULL.type);
    cr_expect_str_eq(got->severity, FULL.severity);
    cr_expect_str_eq(got->incident, FULL.incident);
    cr_expect_str_eq(got->target, FULL.target);
    cr_expect_str_eq(got->space, FULL.space);
    cr_expect_str_eq(got->unit, FULL.unit);
    cr_expect_eq(got->revision, FULL.revision);
    cr_expect_str_eq(got->api_version, FULL.api_version);
    cr_expect_str_eq(got->kind, FULL.kind);
    cr_expect_str_eq(got->namespace, FULL.namespace);
    cr_expect_str_eq(got->name, FULL.name);
    cr_expect_str_eq(got->uid, FULL.uid);
    cr_expect_str_eq(got->resource_version, FULL.resource_version);
    cr_expect_str_eq(got->verdict, FULL.verdict);
    cr_expect_str_eq(got->manager, FULL.manager);
    cr_expect_str_eq(got->operation, FULL.operation);
    cr_expect_str_eq(got->subresource, FULL.subresource);
    cr_expect_eq(got->drifted_at_ms, FULL.drifted_at_ms);
    cr_expect_eq(got->seen_at_ms, FULL.seen_at_ms);
    cr_expect_eq(got->corrected_at_ms, FULL.corrected_at_ms);
    cr_expect_str_eq(got->message, FULL.message);
    cr_expect_str_eq(got->detail, FULL.detail);
    cr_expect(got->alert);
    cr_expect_eq(strncmp(seen.digest, "sha256:", 7), 0);
    cr_expect_eq(strlen(seen.digest), 71u);
    hf_audit_reader_close(reader);
    hf_arena_free(seen.arena);
    trail_end(&trail);
}

Test(append, what_is_not_known_is_null_not_empty)
{
    struct trail trail;
    trail_begin(&trail);
    trail_append(&trail, EVENT(.type = "agent.started"), 1);
    trail_wait_durable(&trail, 1);
    cr_expect_eq(
        trail_count(&trail,
                    "SELECT count(*) FROM events WHERE type = 'agent.started' AND unit IS NULL AND drifted_at IS NULL"
                    " AND revision IS NULL AND detail IS NULL AND at = '2026-03-01T09:30:00.123Z'"),
        1);
    trail_end(&trail);
}

Test(append, tickets_are_told_in_the_order_of_appending_and_only_when_durable)
{
    struct trail trail;
    trail_begin(&trail);
    for (uint64_t i = 1; i <= 500; i++) {
        trail_append(&trail, EVENT(.type = "drift.seen", .incident = "x"), i % 10 == 0 ? 0 : i);
    }
    trail_wait_durable(&trail, 450);
    uint64_t before = 0;
    for (size_t i = 0; i < 450; i++) {
        cr_assert_gt(trail.tickets[i], before);
        before = trail.tickets[i];
    }
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events"), 500);
    cr_expect_str_empty(trail_verify(&trail, NULL));
    trail_end(&trail);
}

Test(append, what_waits_together_is_committed_together)
{
    struct trail trail;
    struct hf_audit_stats stats;
    sqlite3 *holder;
    trail_begin(&trail);
    /* While somebody else holds the write lock, everything queues up behind the first group. */
    cr_assert_eq(sqlite3_open(trail.path, &holder), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (uint64_t i = 1; i <= 1000; i++) {
        trail_append(&trail, EVENT(.type = "unit.changed"), i);
    }
    cr_assert_eq(sqlite3_exec(holder, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(holder);
    trail_wait_durable(&trail, 1000);
    hf_audit_stats(trail.audit, &stats);
    cr_expect_eq(stats.events, 1000u);
    cr_expect_leq(stats.commits, 3u, "%llu commits", (unsigned long long)stats.commits);
    cr_expect_eq(stats.queued, 0u);
    cr_expect_gt(stats.last_commit_us, 0);
    trail_end(&trail);
}

Test(append, a_full_queue_refuses_and_takes_again_later)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    sqlite3 *holder;
    trail_init(&trail);
    trail.options.queue_limit = 10;
    trail_open(&trail);
    cr_assert_eq(sqlite3_open(trail.path, &holder), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct hf_audit_batch batch = {.events = EVENT(.type = "unit.changed"), .event_count = 1};
    for (uint64_t i = 1; i <= 10; i++) {
        cr_assert_eq(hf_audit_append(trail.audit, &batch, i, &err), 0, "%s", err.text);
    }
    cr_assert_eq(hf_audit_append(trail.audit, &batch, 11, &err), -1);
    cr_expect_eq(err.code, HF_EBUSY);
    cr_assert_eq(sqlite3_exec(holder, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(holder);
    trail_wait_durable(&trail, 10);
    cr_assert_eq(hf_audit_append(trail.audit, &batch, 11, &err), 0);
    trail_wait_durable(&trail, 11);
    cr_expect_eq(trail.tickets[10], 11u);
    trail_end(&trail);
}

Test(append, a_batch_larger_than_the_queue_goes_alone)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_event events[50];
    trail_init(&trail);
    trail.options.queue_limit = 10;
    trail_open(&trail);
    for (size_t i = 0; i < 50; i++) {
        events[i] = *EVENT(.type = "unit.changed");
    }
    struct hf_audit_batch batch = {.events = events, .event_count = 50};
    cr_assert_eq(hf_audit_append(trail.audit, &batch, 1, &err), 0, "%s", err.text);
    trail_wait_durable(&trail, 1);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events"), 50);
    trail_end(&trail);
}

Test(append, closing_writes_what_is_queued)
{
    struct trail trail;
    trail_begin(&trail);
    for (uint64_t i = 1; i <= 3000; i++) {
        trail_append(&trail, EVENT(.type = "unit.changed"), i);
    }
    trail_close(&trail);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM events"), 3000);
    trail_end(&trail);
}

Test(append, a_ticket_is_told_even_when_the_loop_could_not_take_the_message_at_first)
{
    struct trail trail;
    trail_begin(&trail);
    pthread_mutex_lock(&trail.loop.mutex);
    trail.loop.refuses = true;
    pthread_mutex_unlock(&trail.loop.mutex);
    trail_append(&trail, EVENT(.type = "unit.changed"), 5);
    cr_expect_not(trail_turn(&trail, 150));
    pthread_mutex_lock(&trail.loop.mutex);
    trail.loop.refuses = false;
    pthread_mutex_unlock(&trail.loop.mutex);
    trail_wait_durable(&trail, 1);
    cr_expect_eq(trail.tickets[0], 5u);
    trail_end(&trail);
}

Test(append, text_that_is_not_utf8_or_too_long_is_mended_and_the_chain_holds)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct seen seen = {.arena = hf_arena_new(0)};
    char *longest = hf_calloc(1, 5 * 1024 * 1024 + 1);
    memset(longest, 'a', 5 * 1024 * 1024);
    longest[0] = '"';
    char name[2000];
    memset(name, 0, sizeof name);
    for (size_t i = 0; i + 2 < sizeof name; i += 2) {
        memcpy(name + i, "é", 2);
    }
    trail_begin(&trail);
    trail_append(&trail, EVENT(.type = "drift.seen", .manager = "ab\xff\xc3zé", .name = name, .detail = longest), 1);
    trail_wait_durable(&trail, 1);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_event_read(reader, 1, seen_row, &seen, &err), 0, "%s", err.text);
    cr_expect_str_eq(seen.last.manager, "ab\xEF\xBF\xBD\xEF\xBF\xBDzé");
    cr_expect_leq(strlen(seen.last.name), 1024u);
    cr_expect_str_eq(seen.last.name + strlen(seen.last.name) - 3, "…");
    cr_expect_str_eq(seen.last.detail, "{\"left_out\":\"5242880 bytes of detail\"}");
    hf_audit_reader_close(reader);
    cr_expect_str_empty(trail_verify(&trail, NULL));
    hf_arena_free(seen.arena);
    free(longest);
    trail_end(&trail);
}

Test(append, closing_inside_a_callback_ends_all_telling)
{
    /* The loop still holds a wake when the trail is closed: nothing is told, nothing leaks (the sanitizer watches). */
    struct trail trail;
    trail_begin(&trail);
    trail_append(&trail, EVENT(.type = "unit.changed"), 1);
    struct hf_audit_stats stats;
    do {
        hf_audit_stats(trail.audit, &stats);
    } while (stats.commits == 0);
    trail_close(&trail);
    cr_expect_eq(trail.ticket_count, 0u);
    trail_end(&trail);
}

Test(objects, the_state_of_an_object_is_replaced_by_its_key_and_forgotten)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_object object = {.target = "dev",
                                     .group = "apps",
                                     .version = "v1",
                                     .kind = "Deployment",
                                     .namespace = "traderx-dev",
                                     .name = "web",
                                     .verdict = "drifted",
                                     .incident = "i1",
                                     .since_ms = 1772357400123};
    struct hf_audit_object cluster_scoped = {
        .target = "dev", .kind = "Namespace", .name = "traderx-dev", .verdict = "in_sync", .since_ms = HF_TIME_NONE};
    trail_begin(&trail);
    struct hf_audit_batch batch = {.objects = (struct hf_audit_object[]){object, cluster_scoped}, .object_count = 2};
    cr_assert_eq(hf_audit_append(trail.audit, &batch, 1, &err), 0);
    object.verdict = "in_sync";
    object.corrections = 3;
    batch = (struct hf_audit_batch){.objects = &object, .object_count = 1};
    cr_assert_eq(hf_audit_append(trail.audit, &batch, 2, &err), 0);
    trail_wait_durable(&trail, 2);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM objects"), 2);
    cr_expect_eq(trail_count(&trail, "SELECT corrections FROM objects WHERE name = 'web' AND verdict = 'in_sync'"), 3);
    object.forget = true;
    cr_assert_eq(hf_audit_append(trail.audit, &batch, 3, &err), 0);
    trail_wait_durable(&trail, 3);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM objects"), 1);
    trail_end(&trail);
}

static bool see_object(void *ctx, const struct hf_audit_object *object)
{
    struct hf_buf *text = ctx;
    char since[HF_TIME_TEXT];
    hf_time_format(object->since_ms, since);
    hf_buf_addf(text, "%s/%s/%s/%s/%s %s %s %lld\n", object->target, object->group, object->kind,
                object->namespace ? object->namespace : "-", object->name, object->verdict, since,
                (long long)object->corrections);
    return true;
}

Test(objects, are_told_to_a_starting_agent_in_order)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf text = {0};
    const struct hf_audit_object objects[] = {
        {.target = "prod",
         .group = "apps",
         .kind = "Deployment",
         .namespace = "n",
         .name = "b",
         .verdict = "in_sync",
         .since_ms = 1772357400123,
         .corrections = 2},
        {.target = "dev",
         .group = "",
         .kind = "Namespace",
         .name = "n",
         .verdict = "missing",
         .since_ms = HF_TIME_NONE},
    };
    trail_begin(&trail);
    struct hf_audit_batch batch = {.objects = objects, .object_count = 2};
    cr_assert_eq(hf_audit_append(trail.audit, &batch, 1, &err), 0);
    trail_wait_durable(&trail, 1);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_objects(reader, see_object, &text, &err), 0, "%s", err.text);
    cr_expect_str_eq(hf_buf_text(&text), "dev//Namespace/-/n missing  0\n"
                                         "prod/apps/Deployment/n/b in_sync 2026-03-01T09:30:00.123Z 2\n");
    hf_buf_free(&text);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}
