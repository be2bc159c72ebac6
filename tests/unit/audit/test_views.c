/* The views, the figures and the filter by outcome say the same of every way that an incident begins and ends. */
#include "fixture.h"

struct step {
    const char *incident;
    const char *type;
    const char *detail;
};

static const char ALICE[] = "{\"who\":{\"user\":\"alice\"}}";

static const struct step STORY[] = {
    {"back", "drift.seen", NULL},
    {"back", "correction.intended", NULL},
    {"back", "correction.sent", NULL},
    {"back", "correction.confirmed", NULL},
    {"part", "drift.seen", NULL},
    {"part", "correction.intended", NULL},
    {"part", "correction.partial", NULL},
    {"extra", "extra.seen", NULL},
    {"pruned", "extra.seen", ALICE},
    {"pruned", "correction.intended", NULL},
    {"pruned", "correction.confirmed", NULL},
    {"absent", "object.absent", NULL},
    {"rolled", "rollout.seen", NULL},
    {"rolled", "correction.intended", NULL},
    {"rolled", "rollout.confirmed", NULL},
    {"healed", "drift.seen", NULL},
    {"healed", "drift.attributed", ALICE},
    {"healed", "drift.healed", NULL},
    {"late", "drift.seen", NULL},
    {"late", "correction.confirmed", NULL},
    {"late", "drift.attributed", ALICE},
    {"again", "drift.seen", NULL},
    {"again", "correction.confirmed", NULL},
    {"again", "correction.failed", NULL},
    {"unwanted", "object.absent", NULL},
    {"unwanted", "drift.dismissed", NULL},
    {"gone", "drift.seen", NULL},
    {"gone", "drift.dismissed", NULL},
};

static void tell(struct trail *trail)
{
    trail_begin(trail);
    for (size_t i = 0; i < sizeof STORY / sizeof STORY[0]; i++) {
        const struct step *step = &STORY[i];
        trail_append(trail,
                     EVENT(.at_ms = 1772357400000 + (int64_t)i * 1000, .incident = step->incident, .type = step->type,
                           .detail = step->detail, .unit = "web", .kind = "Deployment", .name = step->incident,
                           .manager = "kubectl"),
                     i + 1);
    }
    trail_wait_durable(trail, sizeof STORY / sizeof STORY[0]);
}

/* One column of all rows, joined by commas. */
static void expect_rows(const struct trail *trail, const char *sql, const char *wanted)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    struct hf_buf found = {0};
    cr_assert_eq(sqlite3_open_v2(trail->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        hf_buf_addf(&found, "%s%s", found.len ? "," : "", text ? text : "NULL");
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    cr_expect_str_eq(hf_buf_text(&found), wanted, "%s\nfound %s\nwanted %s", sql, hf_buf_text(&found), wanted);
    hf_buf_free(&found);
}

Test(views, an_incident_in_one_is_in_the_others_as_well)
{
    struct trail trail;
    tell(&trail);
    expect_rows(&trail, "SELECT incident || ' ' || outcome FROM v_incidents ORDER BY first_id",
                "back corrected,part open,extra open,pruned corrected,healed healed,late corrected,again open,"
                "gone dismissed");
    expect_rows(&trail, "SELECT incident || ' ' || latest FROM v_open ORDER BY first_id",
                "part correction.partial,extra extra.seen,again correction.failed");
    expect_rows(&trail, "SELECT incident || ' ' || what || ' ' || outcome FROM v_rollouts ORDER BY first_id",
                "absent new object open,rolled new content live,unwanted new object dismissed");
    expect_rows(&trail, "SELECT incident FROM v_open EXCEPT SELECT incident FROM v_incidents WHERE outcome = 'open'",
                "");
    expect_rows(&trail, "SELECT incident FROM v_incidents WHERE outcome = 'open' EXCEPT SELECT incident FROM v_open",
                "");
    expect_rows(&trail,
                "SELECT incident FROM open_incidents EXCEPT SELECT incident FROM v_open"
                " EXCEPT SELECT incident FROM v_rollouts WHERE outcome = 'open'",
                "");
    expect_rows(&trail, "SELECT incident FROM v_incidents INTERSECT SELECT incident FROM v_rollouts", "");
    expect_rows(&trail, "SELECT incident FROM v_incidents WHERE user = 'alice' ORDER BY first_id",
                "pruned,healed,late");
    expect_rows(&trail, "SELECT incidents || ' ' || open FROM v_by_actor", "8 3");
    expect_rows(&trail, "SELECT user || ' ' || incidents FROM v_by_user ORDER BY user", "alice 3,not known 5");
    expect_rows(&trail, "SELECT corrected FROM v_mttr", "3");
    trail_end(&trail);
}

static bool note_figures(void *ctx, const struct hf_audit_figures *figures)
{
    struct hf_buf *out = ctx;
    hf_buf_addf(out, "%s%s:%lld/%lld/%lld/%lld/%lld", out->len ? "," : "", figures->key, (long long)figures->incidents,
                (long long)figures->open, (long long)figures->corrected, (long long)figures->healed,
                (long long)figures->dismissed);
    return true;
}

Test(views, the_figures_count_what_the_views_list)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf found = {0};
    tell(&trail);
    struct hf_audit_reader *reader = trail_reader(&trail);
    cr_expect_eq(hf_audit_figures(reader, HF_BY_UNIT, HF_TIME_NONE, HF_TIME_NONE, note_figures, &found, &err), 0, "%s",
                 err.text);
    cr_expect_str_eq(hf_buf_text(&found), "web:8/3/3/1/1");
    hf_buf_clear(&found);
    cr_expect_eq(hf_audit_figures(reader, HF_BY_USER, HF_TIME_NONE, HF_TIME_NONE, note_figures, &found, &err), 0, "%s",
                 err.text);
    cr_expect_str_eq(hf_buf_text(&found), ":5/3/1/0/1,alice:3/0/2/1/0");
    hf_audit_reader_close(reader);
    hf_buf_free(&found);
    trail_end(&trail);
}

struct outcome {
    char outcome[16];
    int64_t events;
    char last_type[32];
};

ParameterizedTestParameters(views, events_are_found_by_what_became_of_their_incident)
{
    static struct outcome table[] = {
        {"open", 8, "correction.failed"},
        {"corrected", 13, "drift.attributed"},
        {"healed", 3, "drift.healed"},
        {"dismissed", 4, "drift.dismissed"},
    };
    return cr_make_param_array(struct outcome, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct outcome *outcome, views, events_are_found_by_what_became_of_their_incident)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct seen seen = {.arena = hf_arena_new(0)};
    tell(&trail);
    struct hf_audit_reader *reader = trail_reader(&trail);
    struct hf_audit_filter filter = {.outcome = outcome->outcome};
    cr_expect_eq(hf_audit_query(reader, &filter, seen_row, &seen, &err), 0, "%s", err.text);
    cr_expect_eq(seen.count, (size_t)outcome->events);
    cr_expect_str_eq(seen.types[seen.count - 1], outcome->last_type);
    hf_audit_reader_close(reader);
    hf_arena_free(seen.arena);
    trail_end(&trail);
}
