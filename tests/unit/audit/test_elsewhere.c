/* Export, backup, figures, JSON, and the plans of the common queries. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "holdfast/json.h"
#include "trail.h"

static void fill(struct trail *trail, int events)
{
    trail_begin(trail);
    for (int i = 0; i < events; i++) {
        trail_append(trail, EVENT(.type = "drift.seen", .incident = "i", .name = "web", .message = "sentence"),
                     (uint64_t)i + 1);
    }
    trail_wait_durable(trail, (size_t)events);
}

Test(backup, is_a_whole_private_trail_made_while_the_agent_writes)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *copy;
    char path[160];
    int64_t rows;
    struct stat info;
    fill(&trail, 3000);
    (void)snprintf(path, sizeof path, "%s/copy.db", trail.folder);
    struct hf_audit_reader *reader = trail_reader(&trail);
    for (uint64_t i = 0; i < 2000; i++) {
        trail_append(&trail, EVENT(.type = "unit.changed"), 0);
    }
    cr_assert_eq(hf_audit_backup(reader, path, NULL, NULL, &err), 0, "%s", err.text);
    cr_assert_eq(hf_audit_backup(reader, path, NULL, NULL, &err), -1);
    cr_expect_eq(err.code, HF_ECONFLICT);
    hf_audit_reader_close(reader);
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600u);
    hf_error_clear(&err);
    cr_assert_eq(hf_audit_reader_open(path, &copy, &err), 0, "%s", err.text);
    cr_expect_eq(hf_audit_verify(copy, NULL, NULL, &rows, &err), 0, "%s", err.text);
    cr_expect_geq(rows, 3000);
    hf_audit_reader_close(copy);
    trail_end(&trail);
}

Test(backup, that_fails_leaves_nothing_behind)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    fill(&trail, 1);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_expect_eq(hf_audit_backup(reader, "/nonexistent/copy.db", NULL, NULL, &err), -1);
    cr_expect_not_null(strstr(err.text, "/nonexistent/copy.db"), "%s", err.text);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

static bool count_line(void *ctx, int64_t id, const char *digest, struct hf_slice canonical)
{
    int64_t *next = ctx;
    cr_assert_eq(id, *next);
    cr_assert_eq(strlen(digest), 71u);
    cr_assert(hf_slice_starts(canonical, "{\"alert\":0,\"at\":\"2026"));
    (*next)++;
    return *next != 9;
}

Test(export, gives_what_is_above_an_id_until_told_to_stop)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    int64_t next = 4;
    fill(&trail, 20);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_assert_eq(hf_audit_export(reader, 3, count_line, &next, &err), 0, "%s", err.text);
    cr_expect_eq(next, 9);
    cr_assert_eq(hf_audit_export(reader, 9, count_line, (int64_t[]){10}, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

static bool write_figures(void *ctx, const struct hf_audit_figures *f)
{
    hf_buf_addf(ctx, "%s: %lld=%lld+%lld+%lld+%lld see %lld %lld %lld correct %lld %lld %lld\n", f->key,
                (long long)f->incidents, (long long)f->open, (long long)f->corrected, (long long)f->healed,
                (long long)f->dismissed, (long long)f->see_ms[0], (long long)f->see_ms[1], (long long)f->see_ms[2],
                (long long)f->correct_ms[0], (long long)f->correct_ms[1], (long long)f->correct_ms[2]);
    return true;
}

static void expect_figures(struct hf_audit_reader *reader, enum hf_audit_by by, int64_t since, int64_t until,
                           const char *wanted)
{
    struct hf_buf text = {0};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_audit_figures(reader, by, since, until, write_figures, &text, &err), 0, "%s", err.text);
    cr_expect_str_eq(hf_buf_text(&text), wanted, "%s", hf_buf_text(&text));
    hf_buf_free(&text);
}

Test(figures, count_incidents_of_a_person_also_when_the_name_came_late)
{
    static const int64_t T = 1772357400000;
    struct trail trail;
    trail_begin(&trail);
    for (int i = 1; i <= 4; i++) {
        char incident[16];
        (void)snprintf(incident, sizeof incident, "i%d", i);
        trail_append(&trail,
                     EVENT(.type = "drift.seen", .incident = incident, .at_ms = T + i, .drifted_at_ms = T,
                           .seen_at_ms = T + i, .manager = "kubectl",
                           .detail = i == 1 ? "{\"findings\":[],\"who\":{\"user\":\"alice\"}}" : NULL),
                     0);
    }
    trail_append(&trail,
                 EVENT(.type = "drift.attributed", .incident = "i2", .detail = "{\"who\":{\"user\":\"alice\"}}"), 0);
    trail_append(&trail, EVENT(.type = "drift.attributed", .incident = "i3", .detail = "{\"who\":{\"user\":\"bob\"}}"),
                 0);
    /* Another person goes on in an incident: it is of the one who began it. */
    trail_append(&trail, EVENT(.type = "drift.attributed", .incident = "i1", .detail = "{\"who\":{\"user\":\"bob\"}}"),
                 1);
    trail_wait_durable(&trail, 1);
    struct hf_audit_reader *reader = trail_reader(&trail);
    expect_figures(reader, HF_BY_USER, HF_TIME_NONE, HF_TIME_NONE,
                   ": 1=1+0+0+0 see 4 4 4 correct -1 -1 -1\n"
                   "alice: 2=2+0+0+0 see 1 2 2 correct -1 -1 -1\n"
                   "bob: 1=1+0+0+0 see 3 3 3 correct -1 -1 -1\n");
    hf_audit_reader_close(reader);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM v_incidents WHERE user = 'alice'"), 2);
    cr_expect_eq(trail_count(&trail, "SELECT incidents FROM v_by_user WHERE user = 'alice'"), 2);
    cr_expect_eq(trail_count(&trail, "SELECT count(*) FROM v_who WHERE incident = 'i1'"), 2);
    trail_end(&trail);
}

Test(figures, count_incidents_and_rank_their_times)
{
    static const int64_t T = 1772357400000;
    static const char DETAIL[] = "{\"findings\":[{\"readable\":\"spec.replicas\"},{\"path\":\"/metadata/labels/x\"},"
                                 "{\"readable\":\"spec.replicas\"}]}";
    struct trail trail;
    trail_begin(&trail);
    for (int i = 1; i <= 20; i++) {
        char incident[16];
        (void)snprintf(incident, sizeof incident, "i%d", i);
        trail_append(&trail,
                     EVENT(.type = "drift.seen", .incident = incident, .at_ms = T + i, .drifted_at_ms = T - 100,
                           .seen_at_ms = T + i, .unit = i <= 10 ? "web" : "db", .space = "s", .manager = "kubectl",
                           .detail = i == 1 ? DETAIL : "broken{"),
                     0);
        /* Seen again with more findings: still one incident, counted from the first. */
        trail_append(&trail, EVENT(.type = "drift.seen", .incident = incident, .at_ms = T + i + 1), 0);
        if (i != 20) {
            trail_append(&trail,
                         EVENT(.type = i == 18   ? "drift.healed"
                                       : i == 19 ? "drift.dismissed"
                                                 : "correction.confirmed",
                               .incident = incident, .corrected_at_ms = T + i + i * 10),
                         0);
        }
    }
    trail_append(&trail, EVENT(.type = "agent.stopped"), 1);
    trail_wait_durable(&trail, 1);
    struct hf_audit_reader *reader = trail_reader(&trail);
    expect_figures(reader, HF_BY_ALL, HF_TIME_NONE, HF_TIME_NONE, ": 20=1+17+1+1 see 110 119 120 correct 90 170 170\n");
    expect_figures(reader, HF_BY_UNIT, HF_TIME_NONE, HF_TIME_NONE,
                   "s/db: 10=1+7+1+1 see 115 120 120 correct 140 170 170\n"
                   "s/web: 10=0+10+0+0 see 105 110 110 correct 50 100 100\n");
    expect_figures(reader, HF_BY_UNIT, T + 20, HF_TIME_NONE, "s/db: 1=1+0+0+0 see 120 120 120 correct -1 -1 -1\n");
    expect_figures(reader, HF_BY_UNIT, HF_TIME_NONE, T + 2, "s/web: 1=0+1+0+0 see 101 101 101 correct 10 10 10\n");
    expect_figures(reader, HF_BY_MANAGER, T + 1, T + 3, "kubectl: 2=0+2+0+0 see 101 102 102 correct 10 20 20\n");
    expect_figures(reader, HF_BY_PATH, HF_TIME_NONE, HF_TIME_NONE,
                   "/metadata/labels/x: 1=0+1+0+0 see 101 101 101 correct 10 10 10\n"
                   "spec.replicas: 1=0+1+0+0 see 101 101 101 correct 10 10 10\n");
    expect_figures(reader, HF_BY_UNIT, T + 1000, HF_TIME_NONE, "");
    hf_audit_reader_close(reader);
    trail_end(&trail);
}

struct json_case {
    char detail[64];
    char wanted[96];
};

ParameterizedTestParameters(json, detail_is_embedded_only_when_it_is_an_object)
{
    static struct json_case table[] = {
        {"{\"b\": 1, \"a\":[true]}", "\"detail\":{\"a\":[true],\"b\":1}"},
        {"{}", "\"detail\":{}"},
        {"[1]", "\"detail\":\"[1]\""},
        {"{\"a\":1}}", "\"detail\":\"{\\\"a\\\":1}}\""},
        {"{\"a\":1,\"a\":2}", "\"detail\":\"{\\\"a\\\":1,\\\"a\\\":2}\""},
        {"</script>\x01", "\"detail\":\"</script>\\u0001\""},
        {"\xff", "\"detail\":\"\xEF\xBF\xBD\""},
    };
    return cr_make_param_array(struct json_case, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct json_case *one, json, detail_is_embedded_only_when_it_is_an_object)
{
    struct hf_buf text = {0};
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value;
    struct hf_arena *arena = hf_arena_new(0);
    hf_audit_event_json(&text, 3, EVENT(.type = "drift.seen", .detail = one->detail), "sha256:aa");
    cr_expect_not_null(strstr(hf_buf_text(&text), one->wanted), "%s", hf_buf_text(&text));
    cr_expect_eq(hf_json_read(arena, text.ptr, text.len, NULL, &value, &err), 0, "%s in %s", err.text, text.ptr);
    hf_buf_free(&text);
    hf_arena_free(arena);
}

Test(json, an_event_has_what_is_known_and_nothing_else)
{
    struct hf_buf text = {0};
    hf_audit_event_json(&text, 0, EVENT(.type = "unit.gone", .unit = "w\"eb", .revision = 7, .alert = true), NULL);
    cr_expect_str_eq(hf_buf_text(&text), "{\"alert\":true,\"at\":\"2026-03-01T09:30:00.123Z\",\"revision\":7,"
                                         "\"type\":\"unit.gone\",\"unit\":\"w\\\"eb\"}");
    hf_buf_clear(&text);
    hf_audit_event_json(&text, 12, EVENT(.type = "unit.gone"), "sha256:aa");
    cr_expect_str_eq(hf_buf_text(&text), "{\"id\":12,\"alert\":false,\"at\":\"2026-03-01T09:30:00.123Z\","
                                         "\"type\":\"unit.gone\",\"digest\":\"sha256:aa\"}");
    hf_buf_free(&text);
}

static void plan_of(const struct trail *trail, const char *sql, struct hf_buf *plan)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    struct hf_buf explain = {0};
    hf_buf_addf(&explain, "EXPLAIN QUERY PLAN %s", sql);
    cr_assert_eq(sqlite3_open_v2(trail->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, explain.ptr, -1, &statement, NULL), SQLITE_OK, "%s: %s", sql,
                 sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        hf_buf_addf(plan, "%s\n", (const char *)sqlite3_column_text(statement, 3));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    hf_buf_free(&explain);
}

Test(plans, the_common_queries_use_an_index)
{
    const struct {
        struct hf_audit_filter filter;
        const char *index;
    } TABLE[] = {
        {{.newest_first = true}, "SCAN events"}, /* by id, which is the table's own order */
        {{.after_id = 100}, "USING INTEGER PRIMARY KEY (rowid>?)"},
        {{.since_ms = 1, .newest_first = true}, "SEARCH events USING COVERING INDEX events_at (at>?)"},
        {{.since_ms = 1, .until_ms = 2}, "SEARCH events USING COVERING INDEX events_at (at>? AND at<?)"},
        {{.since_ms = 1, .newest_first = true}, "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
        {{.unit = "web", .since_ms = 1}, "USING INDEX events_unit (unit=? AND rowid>? AND rowid<?)"},
        {{.type = "drift.seen", .newest_first = true}, "USING INDEX events_type (type=?)"},
        {{.type = "drift."}, "SCAN events"},
        {{.type = "correction.", .newest_first = true}, "SCAN events"},
        {{.type = "correction.", .name = "web", .newest_first = true}, "USING INDEX events_name (name=?)"},
        {{.type = "trail.", .newest_first = true}, "USING INDEX events_type (type>? AND type<?)"},
        {{.incident = "i"}, "USING INDEX events_incident (incident=?)"},
        {{.unit = "web", .newest_first = true}, "USING INDEX events_unit (unit=?)"},
        {{.name = "web", .kind = "Deployment", .newest_first = true}, "USING INDEX events_name (name=?)"},
        {{.manager = "kubectl", .newest_first = true}, "USING INDEX events_manager (manager=?)"},
        {{.user = "alice", .newest_first = true}, "USING INDEX events_who"},
        {{.kind = "Job", .newest_first = true}, "USING INDEX events_kind (kind=?)"},
        {{.namespace = "shop", .kind = "Job", .newest_first = true}, "USING INDEX events_namespace (namespace=?)"},
        {{.outcome = "open", .newest_first = true}, "events_incident"},
        {{.outcome = "healed", .unit = "web", .newest_first = true}, "USING INDEX events_unit (unit=?)"},
        {{.severity = "critical", .newest_first = true}, "USING INDEX events_critical (severity=?)"},
        {{.severity = "critical", .target = "prod", .since_ms = 1}, "USING INDEX events_critical (severity=?"},
        {{.namespace = "shop", .newest_first = true}, "USING INDEX events_namespace (namespace=?)"},
        {{.namespace = "shop", .kind = "Job", .severity = "critical", .newest_first = true}, "USING INDEX events_"},
        /* a piece of an export */
        {{.after_id = 100, .most_id = 200, .type = "unit.", .unit = "web", .severity = "critical", .since_ms = 1},
         "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
        /* what the panel of an object asks */
        {{.target = "prod", .kind = "Deployment", .namespace = "shop", .name = "web", .newest_first = true},
         "USING INDEX events_name (name=?)"},
        {{.namespace = "shop", .unit = "web", .newest_first = true}, "USING INDEX events_unit (unit=?)"},
        {{.namespace = "shop", .manager = "kubectl", .newest_first = true}, "USING INDEX events_manager (manager=?)"},
    };
    struct trail trail;
    trail_begin(&trail);
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        struct hf_buf sql = {0};
        struct hf_buf plan = {0};
        hf_query_sql(&sql, &TABLE[i].filter);
        plan_of(&trail, sql.ptr, &plan);
        cr_expect_not_null(strstr(hf_buf_text(&plan), TABLE[i].index), "%s\n%s", sql.ptr, hf_buf_text(&plan));
        bool has_few = TABLE[i].filter.outcome || TABLE[i].filter.incident ||
                       (TABLE[i].filter.type && strcmp(TABLE[i].filter.type, "trail.") == 0);
        cr_expect(has_few || !strstr(hf_buf_text(&plan), "TEMP B-TREE"), "it is sorted: %s\n%s", sql.ptr,
                  hf_buf_text(&plan));
        hf_buf_free(&sql);
        hf_buf_free(&plan);
    }
    trail_end(&trail);
}

Test(plans, figures_are_found_by_when_incidents_were_seen_and_not_by_their_type)
{
    struct trail trail;
    trail_begin(&trail);
    for (enum hf_audit_by by = HF_BY_ALL; by <= HF_BY_PATH; by++) {
        struct hf_buf sql = {0};
        struct hf_buf plan = {0};
        hf_figures_sql(&sql, by);
        plan_of(&trail, sql.ptr, &plan);
        cr_expect_not_null(strstr(hf_buf_text(&plan), "SEARCH s USING INDEX events_seen (seen_at>? AND seen_at<?)"),
                           "%s", hf_buf_text(&plan));
        cr_expect_not_null(strstr(hf_buf_text(&plan), "SEARCH x USING COVERING INDEX events_incident (incident=?)\n"),
                           "%s", hf_buf_text(&plan));
        hf_buf_free(&sql);
        hf_buf_free(&plan);
    }
    trail_end(&trail);
}

Test(plans, views_and_the_outbox_never_scan_the_events)
{
    static const char *const SQL[] = {
        "SELECT * FROM v_incidents WHERE seen_at >= '2026-03-01'",
        "SELECT * FROM v_incidents WHERE unit = 'web' AND seen_at >= '2026-03-01'",
        "SELECT * FROM v_who WHERE incident = 'i'",
        "SELECT * FROM v_open",
        "SELECT * FROM v_findings WHERE seen_at >= '2026-03-01'",
        "SELECT o.id FROM outbox o WHERE o.channel = 'ops' AND o.due_at <= 'x' AND NOT EXISTS (SELECT 1 FROM outbox p"
        " WHERE p.channel = o.channel AND p.incident = o.incident AND p.id < o.id) ORDER BY o.due_at, o.id LIMIT 10",
    };
    struct trail trail;
    trail_begin(&trail);
    for (size_t i = 0; i < sizeof SQL / sizeof SQL[0]; i++) {
        struct hf_buf plan = {0};
        plan_of(&trail, SQL[i], &plan);
        cr_expect_null(strstr(hf_buf_text(&plan), "SCAN s\n"), "%s\n%s", SQL[i], hf_buf_text(&plan));
        cr_expect_null(strstr(hf_buf_text(&plan), "SCAN e\n"), "%s\n%s", SQL[i], hf_buf_text(&plan));
        cr_expect_null(strstr(hf_buf_text(&plan), "SCAN p"), "%s\n%s", SQL[i], hf_buf_text(&plan));
        cr_expect_not_null(strstr(hf_buf_text(&plan), "USING"), "%s\n%s", SQL[i], hf_buf_text(&plan));
        hf_buf_free(&plan);
    }
    trail_end(&trail);
}
