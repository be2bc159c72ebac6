/* What the server's threads read of a real trail and real rules: by the document of the API, in pieces, side by side.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "holdfast/json.h"
#include "openapi.h"
#include "pages.h"

#define EVENTS 4500

static struct openapi api;
static char folder[64];
static char path[96];
static struct hf_audit *audit;
static struct hf_config config;
static struct hf_run run;
static struct hf_serve_trail trail;
static atomic_uint durable;

static int post_at_once(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message)
{
    (void)ctx;
    fn(fn_ctx, message);
    return 0;
}

static void on_durable(void *ctx, uint64_t ticket)
{
    (void)ctx;
    atomic_store(&durable, (unsigned)ticket);
}

static void on_state(void *ctx, const struct hf_error *state)
{
    (void)ctx;
    (void)state;
}

static void on_outbox(void *ctx)
{
    (void)ctx;
}

static void append(const struct hf_audit_event *events, size_t count)
{
    static unsigned ticket;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_batch batch = {.events = events, .event_count = count};
    ticket++;
    cr_assert_eq(hf_audit_append(audit, &batch, ticket, &err), 0, "%s", err.text);
    for (int i = 0; i < 2000 && atomic_load(&durable) != ticket; i++) {
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    cr_assert_eq(atomic_load(&durable), ticket, "nothing is written");
}

static struct hf_audit_event event_of(const char *type, const char *incident, int64_t at_ms)
{
    return (struct hf_audit_event){.at_ms = at_ms,
                                   .type = type,
                                   .severity = "warning",
                                   .incident = incident,
                                   .target = "dev",
                                   .space = "traderx",
                                   .unit = "web",
                                   .revision = 3,
                                   .api_version = "apps/v1",
                                   .kind = "Deployment",
                                   .namespace = "traderx-dev",
                                   .name = "web",
                                   .verdict = "drifted",
                                   .manager = "kubectl-scale",
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE,
                                   .message = "web differs"};
}

static void fill(void)
{
    int64_t now = hf_now_ms();
    struct hf_audit_event events[8];
    for (size_t i = 0; i < 8; i++) {
        events[i] = event_of("drift.seen", "inc-1", now - 60000 + (int64_t)i * 1000);
    }
    events[0].seen_at_ms = events[0].at_ms;
    events[0].drifted_at_ms = events[0].at_ms - 40;
    events[0].detail =
        "{\"findings\":[{\"path\":\"/spec/replicas\",\"readable\":\"spec.replicas\",\"class\":\"changed\"}],"
        "\"rule\":\"ours/web\"}";
    events[1].type = "correction.sent";
    events[2].type = "correction.confirmed";
    events[2].corrected_at_ms = events[2].at_ms;
    events[3].type = "drift.attributed";
    events[3].detail = "{\"who\":{\"user\":\"alice\",\"source\":\"10.1.0.7\"}}";
    events[4] = event_of("alert.delivered", NULL, events[4].at_ms);
    events[4].detail = "{\"attempts\":2,\"channel\":\"ops\",\"incidents\":[\"inc-1\"]}";
    events[5].incident = "inc-2";
    events[5].seen_at_ms = events[5].at_ms;
    events[6].type = "rollout.seen";
    events[6].incident = "roll-1";
    events[7] = event_of("audit.checkpoint", NULL, events[7].at_ms);
    events[7].detail = "{\"checkpoint\":{\"id\":6}}";
    append(events, 8);
}

static void set_up(void)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_events told = {NULL, on_durable, on_state, on_outbox};
    openapi_read(&api);
    memcpy(folder, "/tmp/hf-pages-XXXXXX", sizeof "/tmp/hf-pages-XXXXXX");
    cr_assert(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/holdfast.db", folder);
    struct hf_audit_options options = {.path = path};
    cr_assert_eq(hf_audit_open(&options, &told, post_at_once, NULL, NULL, &audit, &err), 0, "%s", err.text);
    fill();
    run = (struct hf_run){.database = path, .config = &config};
    cr_assert_eq(hf_run_rules(NULL, &run.rules, &err), 0, "%s", err.text);
    cr_assert_eq(hf_run_pages_begin(&run, &err), 0, "%s", err.text);
    hf_run_serve_trail(&run, &trail);
}

static void tear_down(void)
{
    char command[120];
    hf_run_pages_free(&run);
    hf_rules_free(run.rules);
    hf_audit_close(audit, 1000);
    hf_arena_free(api.arena);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(pages, .init = set_up, .fini = tear_down, .timeout = 60);

static void check(const char *at, int result, struct hf_buf *body, const struct hf_error *err)
{
    cr_assert_eq(result, 0, "%s: %s", at, err->text);
    openapi_check(&api, openapi_get(&api, at), at, 200, "application/json", hf_buf_text(body), body->len);
}

/* Checks it as the answer of a path, and that it holds a part. */
#define CHECK(at, part, call)                                                                                          \
    do {                                                                                                               \
        struct hf_error err = HF_ERROR_INIT;                                                                           \
        hf_auto_buf struct hf_buf out = {0};                                                                           \
        int result = call;                                                                                             \
        check(at, result, &out, &err);                                                                                 \
        cr_expect(strstr(hf_buf_text(&out), part), "%s: no %s in %s", at, part, hf_buf_text(&out));                    \
    } while (0)

static const struct hf_serve_query ANY = {.since_ms = HF_TIME_NONE, .until_ms = HF_TIME_NONE, .limit = 100};

static void wrap(struct hf_buf *out, const char *end)
{
    hf_auto_buf struct hf_buf items = {0};
    hf_buf_adds(&items, hf_buf_text(out));
    hf_buf_clear(out);
    hf_buf_addf(out, "{\"items\":%s,%s}", hf_buf_text(&items), end);
}

static int list_events(const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err)
{
    int result = trail.events(trail.ctx, query, out, err);
    wrap(out, "\"next_before\":null");
    return result;
}

static int list_incidents(const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err)
{
    int result = trail.incidents(trail.ctx, query, out, err);
    wrap(out, "\"next\":null");
    return result;
}

Test(pages, what_is_read_is_as_the_document_says)
{
    struct hf_serve_query by_path = ANY;
    by_path.path = "spec.repl";
    by_path.outcome = "corrected";
    CHECK("/api/v1/events", "\"drift.seen\"", list_events(&ANY, &out, &err));
    CHECK("/api/v1/incidents", "\"id\":\"inc-2\",\"event\":6,\"outcome\":\"open\"", list_incidents(&ANY, &out, &err));
    CHECK("/api/v1/incidents", "{\"items\":[{\"id\":\"inc-1\"", list_incidents(&by_path, &out, &err));
    CHECK("/api/v1/incidents/{incident}", "\"who\":{\"source\":\"10.1.0.7\",\"user\":\"alice\"}",
          trail.incident(trail.ctx, "inc-1", &out, &err));
    CHECK("/api/v1/incidents/{incident}", "\"rule\":\"ours/web\"", trail.incident(trail.ctx, "inc-1", &out, &err));
    CHECK("/api/v1/incidents/{incident}", "{\"channel\":\"ops\",\"state\":\"delivered\"",
          trail.incident(trail.ctx, "inc-1", &out, &err));
    CHECK("/api/v1/incidents/{incident}", "\"rollout.seen\"", trail.incident(trail.ctx, "roll-1", &out, &err));
    for (enum hf_serve_by by = HF_SERVE_BY_ALL; by < HF_SERVE_BY_COUNT; by++) {
        CHECK("/api/v1/stats", "\"incidents\":", trail.stats(trail.ctx, by, HF_TIME_NONE, HF_TIME_NONE, &out, &err));
    }
    CHECK("/api/v1/stats", "\"incidents\":0", trail.stats(trail.ctx, HF_SERVE_BY_ALL, 0, 1000, &out, &err));
    CHECK("/api/v1/stats", "\"p50\":40", trail.stats(trail.ctx, HF_SERVE_BY_ALL, 0, HF_TIME_NONE, &out, &err));
    CHECK("/api/v1/stats/timeline", "\"seen\":2",
          trail.timeline(trail.ctx, hf_now_ms() - 3600000, hf_now_ms(), 1, &out, &err));
}

Test(pages, an_incident_that_is_not_there_is_told_apart_from_one_that_can_not_be_read)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf out = {0};
    cr_expect_neq(trail.incident(trail.ctx, "inc-9", &out, &err), 0);
    cr_expect_eq(err.code, HF_ENOTFOUND);
}

/* Waits until it is as the part says. */
static void await_chain(const char *part)
{
    for (int i = 0; i < 1000; i++) {
        struct hf_error err = HF_ERROR_INIT;
        hf_auto_buf struct hf_buf out = {0};
        check("/api/v1/trail", trail.chain(trail.ctx, true, &out, &err), &out, &err);
        if (strstr(out.ptr, part)) {
            return;
        }
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    cr_assert_fail("the chain is never told as %s", part);
}

Test(pages, the_chain_is_verified_beside_the_questions)
{
    CHECK("/api/v1/trail", "\"verified_at\":null,\"verified\":null,\"verifying\":true,\"problem\":null",
          trail.chain(trail.ctx, false, &out, &err));
    await_chain("\"verified\":{\"events\":8,\"last_id\":8,");
    CHECK("/api/v1/trail", "\"checkpoint\":{\"at\":\"20", trail.chain(trail.ctx, false, &out, &err));
    CHECK("/api/v1/trail", "\"verifying\":false", trail.chain(trail.ctx, true, &out, &err)); /* just found */
}

Test(pages, a_row_that_was_changed_is_told)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "DROP TRIGGER events_no_update; UPDATE events SET manager = 'nobody' WHERE id = 3",
                              NULL, NULL, NULL),
                 SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    await_chain("\"problem\":\"event 3: it is not what it was when it was recorded\"");
}

/* --- exports */

static void add_many(void)
{
    struct hf_audit_event events[500];
    for (size_t done = 8; done < EVENTS; done += 500) {
        size_t count = EVENTS - done < 500 ? EVENTS - done : 500;
        for (size_t i = 0; i < count; i++) {
            events[i] = event_of(i % 100 == 0 ? "unit.changed" : "object.noted", NULL, hf_now_ms());
        }
        append(events, count);
    }
}

static size_t export(enum hf_serve_form form, struct hf_serve_query query, struct hf_buf *out)
{
    struct hf_error err = HF_ERROR_INIT;
    size_t pieces = 0;
    int64_t next = 0;
    int64_t first;
    cr_assert_eq(trail.span(trail.ctx, query.since_ms, query.until_ms, &first, &query.most_id, &err), 0, "%s",
                 err.text);
    query.after_id = first > 0 ? first - 1 : 0;
    do {
        size_t before = out->len;
        cr_assert_eq(trail.lines(trail.ctx, form, &query, pieces == 0, &next, out, &err), 0, "%s", err.text);
        cr_expect_lt(out->len - before, 200000, "a piece is short");
        query.after_id = next;
        pieces++;
    } while (next > 0);
    return pieces;
}

static bool add_line(void *ctx, int64_t id, const char *digest, struct hf_slice canonical)
{
    (void)id;
    hf_audit_export_line(ctx, digest, canonical);
    return true;
}

Test(pages, an_export_in_pieces_is_the_export_of_the_command)
{
    struct hf_audit_reader *reader;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf pieces = {0};
    hf_auto_buf struct hf_buf whole = {0};
    add_many();
    cr_expect_gt(export(HF_SERVE_JSONL, ANY, &pieces), 3);
    cr_assert_eq(hf_audit_reader_open(path, &reader, &err), 0, "%s", err.text);
    cr_assert_eq(hf_audit_export(reader, 0, add_line, &whole, &err), 0, "%s", err.text);
    hf_audit_reader_close(reader);
    cr_expect(strcmp(pieces.ptr, whole.ptr) == 0, "%zu bytes, %zu in pieces", whole.len, pieces.len);
}

static size_t lines_of(const struct hf_buf *text)
{
    size_t count = 0;
    for (size_t i = 0; i < text->len; i++) {
        count += text->ptr[i] == '\n';
    }
    return count;
}

Test(pages, an_export_holds_what_the_filters_let_through)
{
    struct hf_serve_query query = ANY;
    hf_auto_buf struct hf_buf some = {0};
    hf_auto_buf struct hf_buf csv = {0};
    hf_auto_buf struct hf_buf none = {0};
    add_many();
    query.type = "unit.";
    query.since_ms = hf_now_ms() - 3600000;
    export(HF_SERVE_JSONL, query, &some);
    cr_expect_eq(lines_of(&some), (EVENTS - 8 + 99) / 100, "%zu", lines_of(&some));
    export(HF_SERVE_CSV, query, &csv);
    cr_expect_eq(lines_of(&csv), lines_of(&some) + 1);
    query.until_ms = query.since_ms;
    export(HF_SERVE_CSV, query, &none);
    cr_expect_eq(lines_of(&none), 1, "the names alone: %s", hf_buf_text(&none));
}

/* --- readers */

Test(pages, readers_are_lent_side_by_side_and_are_not_without_end)
{
    struct hf_audit_reader *lent[HF_PAGES_READERS];
    struct hf_audit_reader *more;
    struct hf_error err = HF_ERROR_INIT;
    for (size_t i = 0; i < HF_PAGES_READERS; i++) {
        cr_assert_eq(hf_pages_borrow(run.pages, &lent[i], &err), 0, "%s", err.text);
        for (size_t n = 0; n < i; n++) {
            cr_expect_neq(lent[i], lent[n]);
        }
    }
    cr_expect_neq(hf_pages_borrow(run.pages, &more, &err), 0);
    cr_expect_eq(err.code, HF_EBUSY);
    hf_pages_return(run.pages, lent[3]);
    cr_assert_eq(hf_pages_borrow(run.pages, &more, &err), 0);
    cr_expect_eq(more, lent[3], "one that is open is lent again");
    trail.stop(trail.ctx);
    for (size_t i = 0; i < HF_PAGES_READERS; i++) {
        hf_pages_return(run.pages, lent[i]);
    }
    cr_expect_neq(hf_pages_borrow(run.pages, &more, &err), 0);
    cr_expect_eq(err.code, HF_ECANCELED);
}

/* --- rules */

Test(pages, rules_are_told_as_the_document_says_and_count_on_after_a_reload)
{
    struct hf_serve_rules rules;
    struct hf_error unused = HF_ERROR_INIT;
    struct hf_serve_wish wish = {
        .kind = "rbac.authorization.k8s.io/Role", .name = "x", .path = "/rules", .class = "changed"};
    struct hf_rule_wish asked = {.kind = wish.kind, .path = wish.path};
    struct hf_rule_asking asking;
    struct hf_decision decision;
    struct hf_rules *next;
    hf_run_serve_rules(&run, &rules);
    CHECK("/api/v1/rules", "\"name\":\"security\"", rules.list(rules.ctx, &out, &err));
    CHECK("/api/v1/rules/explain", "\"severity\":{\"value\":\"critical\",\"rule\":\"security/access\"}",
          rules.explain(rules.ctx, &wish, &out, &err));
    CHECK("/api/v1/rules", "\"severity\":\"critical\",\"fired\":0", rules.list(rules.ctx, &out, &err));
    cr_assert_eq(hf_rule_ask(api.arena, &asked, "", &asking, &unused), 0, "%s", unused.text);
    hf_rules_decide(run.rules, &asking.question, &decision);
    hf_rules_fired(run.rules, &decision);
    CHECK("/api/v1/rules", "\"severity\":\"critical\",\"fired\":1", rules.list(rules.ctx, &out, &err));
    cr_assert_eq(hf_run_rules(NULL, &next, &unused), 0);
    hf_rules_go_on(next, run.rules);
    hf_rules_free(run.rules);
    run.rules = next;
    CHECK("/api/v1/rules", "\"fired\":1", rules.list(rules.ctx, &out, &err)); /* by those before, which are kept */
    hf_run_pages_rules(&run);
    CHECK("/api/v1/rules", "\"fired\":1", rules.list(rules.ctx, &out, &err));
}

Test(pages, a_wrong_question_about_rules_is_told_as_one)
{
    static const struct hf_serve_wish WISHES[] = {
        {.kind = "Pod", .path = "spec"},    {.kind = "Pod", .class = "added"},
        {.kind = "Pod", .class = "new"},    {.kind = "Pod", .class = "missing", .path = "/a"},
        {.kind = "Pod", .labels = "a"},     {.kind = "Pod", .at = "noon"},
        {.kind = "Pod", .path = "/a/[b=c"},
    };
    struct hf_serve_rules rules;
    hf_run_serve_rules(&run, &rules);
    for (size_t i = 0; i < sizeof WISHES / sizeof WISHES[0]; i++) {
        struct hf_error err = HF_ERROR_INIT;
        hf_auto_buf struct hf_buf out = {0};
        cr_expect_neq(rules.explain(rules.ctx, &WISHES[i], &out, &err), 0, "%zu", i);
        cr_expect_eq(err.code, HF_EINVAL, "%zu: %s", i, err.text);
    }
}
