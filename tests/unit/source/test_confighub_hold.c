/* What a user relies on when ConfigHub's units vanish, fail to be read, or ConfigHub itself is away. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confighub_place.h"

static struct place p;

static void begin(void)
{
    place_open(&p, NULL);
}

static void end(void)
{
    place_close(&p);
}

TestSuite(confighub_hold, .init = begin, .fini = end, .timeout = 60);

static struct hf_confighub_selection selection_of(const char *const *spaces, size_t count)
{
    return (struct hf_confighub_selection){.spaces = spaces, .space_count = count, .poll_ms = 100};
}

static void follow(const char *const *spaces, size_t count)
{
    struct hf_confighub_selection selection = selection_of(spaces, count);
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
}

static bool is_told(const struct place *place)
{
    return place->told > 0;
}

static const char *names(void)
{
    static char text[1000];
    text[0] = '\0';
    for (size_t i = 0; i < p.count; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%s%s/%s", i > 0 ? " " : "", p.units[i]->space, p.units[i]->slug);
    }
    return text;
}
static bool has_state(const struct place *place)
{
    return place->state.code != HF_OK;
}

static bool is_ready(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_READY && !place->units[0]->problem;
}

static bool is_at_2(const struct place *place)
{
    return is_ready(place) && place->units[0]->revision == 2;
}

static bool is_applying(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_APPLYING;
}

static bool is_gone_one(const struct place *place)
{
    const struct hf_unit *unit = place_unit(place, "web");
    return unit && unit->problem;
}

static bool has_two(const struct place *place)
{
    return place->count == 2 && !place_unit(place, "web")->problem;
}

static bool has_one(const struct place *place)
{
    return place->count == 1;
}

Test(confighub_hold, a_unit_that_lost_its_label_is_gone_from_view_with_its_documents_kept)
{
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    struct hf_confighub_unit db = place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    struct hf_error err = HF_ERROR_INIT;
    place_patch(&p, &web, "{\"Labels\":{\"held\":\"yes\"}}");
    place_patch(&p, &db, "{\"Labels\":{\"held\":\"yes\"}}");
    place_apply(&p, &web);
    place_apply(&p, &db);
    struct hf_confighub_selection selection = {
        .labels = (struct hf_label[]){{"held", "yes"}}, .label_count = 1, .poll_ms = 100};
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, has_two, "the units");
    place_patch(&p, &web, "{\"Labels\":{\"held\":null}}");
    place_wait(&p, is_gone_one, "the loss");
    cr_assert_eq(p.count, 2);
    cr_assert_not_null(strstr(place_unit(&p, "web")->problem, "gone from view"));
    cr_assert_eq(place_unit(&p, "web")->document_count, 1);
    cr_assert_eq(hf_source_confighub_forget(p.source, db.space_id, db.unit_id, &err), -1, "it is in view");
    place_patch(&p, &web, "{\"Labels\":{\"held\":\"yes\"}}");
    place_wait(&p, has_two, "its return");
    place_patch(&p, &web, "{\"Labels\":{\"held\":null}}");
    place_wait(&p, is_gone_one, "the second loss");
    cr_assert_eq(hf_source_confighub_forget(p.source, web.space_id, web.unit_id, &err), 0);
    cr_assert_eq(p.count, 1);
}

static void delete_unit(const struct hf_confighub_unit *unit)
{
    char path[200];
    (void)snprintf(path, sizeof path, "/api/space/%s/unit/%s", unit->space_id, unit->unit_id);
    place_ask(&p, "DELETE", path, NULL);
    cr_assert_eq(p.status, 200);
}

Test(confighub_hold, a_unit_that_was_deleted_is_told_as_gone_when_its_space_can_be_read)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    follow(SPACES, 1);
    place_wait(&p, has_two, "the units");
    delete_unit(&web);
    place_wait(&p, has_one, "the deletion");
    cr_assert_str_eq(names(), "dev/db");
}

Test(confighub_hold, all_units_gone_at_once_is_a_state_and_removes_none)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    struct hf_confighub_unit db = place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    follow(SPACES, 1);
    place_wait(&p, has_two, "the units");
    delete_unit(&web);
    delete_unit(&db);
    place_wait(&p, has_state, "a state");
    place_run(&p, 500);
    cr_assert_eq(p.state.code, HF_ENOTFOUND);
    cr_assert_not_null(strstr(p.state.text, "none of the 2 units"), "%s", p.state.text);
    cr_assert_eq(p.count, 2);
    cr_assert_null(p.units[0]->problem);
}

struct answer {
    bool came;
    bool changed;
    struct hf_error err;
};

static void on_confirmed(void *ctx, bool changed, const struct hf_error *err)
{
    *(struct answer *)ctx = (struct answer){true, changed, *err};
    p.done = true;
    hf_loop_stop(p.loop);
}

Test(confighub_hold, an_apply_that_the_last_poll_has_not_seen_is_seen_when_a_correction_asks)
{
    static const char *const SPACES[] = {"dev"};
    struct answer answer = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.poll_ms = 600000;
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert(answer.came && !answer.changed && answer.err.code == HF_OK, "%s", answer.err.text);
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_apply(&p, &web);
    cr_assert_eq(p.units[0]->revision, 1, "no poll was since");
    answer = (struct answer){0};
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert(answer.came && answer.changed && answer.err.code == HF_OK, "%s", answer.err.text);
    cr_assert(!hf_unit_is_held(p.units[0]) || p.units[0]->revision == 2, "told before the answer");
    place_wait(&p, is_at_2, "the new revision");
    place_fault(&p, "{\"kind\":\"status\",\"status\":503}");
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert_eq(answer.err.code, HF_EUNAVAILABLE);
}

Test(confighub_hold, a_revision_that_can_not_be_read_leaves_the_last_good_documents_beside_the_problem)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, is_ready, "the unit");
    place_revise(&p, &web, "kind: [broken\n");
    place_apply(&p, &web);
    place_wait(&p, is_gone_one, "the problem");
    cr_assert_not_null(strstr(p.units[0]->problem, "dev/web, revision 2"), "%s", p.units[0]->problem);
    cr_assert_eq(p.units[0]->document_count, 1);
    cr_assert_eq(p.units[0]->revision, 1);
    place_revise(&p, &web, DOCUMENT("web", "third"));
    place_apply(&p, &web);
    place_wait(&p, is_ready, "the mended unit");
    cr_assert_eq(p.units[0]->revision, 3);
}

Test(confighub_hold, a_unit_of_ten_thousand_documents_is_read)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_buf data = {0};
    for (int i = 0; i < 10000; i++) {
        hf_buf_addf(&data, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d}\ndata: {a: \"%d\"}\n", i, i);
    }
    struct hf_confighub_unit web = place_make(&p, "dev", "web", hf_buf_text(&data));
    hf_buf_free(&data);
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(p.units[0]->document_count, 10000);
}

static bool is_back(const struct place *place)
{
    return place->states > 0 && place->state.code == HF_OK;
}

Test(confighub_hold, every_failing_answer_is_a_state_with_the_consequence_and_changes_no_unit)
{
    static const struct {
        const char *fault;
        enum hf_code code;
        const char *words;
    } ROWS[] = {
        {"{\"kind\":\"status\",\"status\":401,\"count\":2}", HF_EDENIED, "refused"},
        {"{\"kind\":\"status\",\"status\":403,\"count\":2}", HF_EDENIED, "does not mean that it is gone"},
        {"{\"kind\":\"status\",\"status\":404,\"count\":2}", HF_ENOTFOUND, "does not mean deleted"},
        {"{\"kind\":\"status\",\"status\":409,\"count\":2}", HF_ECONFLICT, "409"},
        {"{\"kind\":\"status\",\"status\":422,\"count\":2}", HF_EREFUSED, "422"},
        {"{\"kind\":\"status\",\"status\":429,\"retryAfter\":1,\"count\":1}", HF_ETHROTTLED, "asked again in 1"},
        {"{\"kind\":\"status\",\"status\":500,\"count\":2}", HF_EUNAVAILABLE, "500"},
        {"{\"kind\":\"status\",\"status\":302,\"count\":2}", HF_EREFUSED, "redirect"},
        {"{\"kind\":\"truncate\",\"path\":\"/unit\",\"bytes\":200,\"count\":2}", HF_EUNAVAILABLE, "list the units"},
        {"{\"kind\":\"junk\",\"path\":\"/unit\",\"megabytes\":50,\"count\":2}", HF_EPARSE, "not the list"},
    };
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, is_ready, "the unit");
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        p.states = 0;
        p.state.code = HF_OK;
        int64_t began = hf_mono_ms();
        place_fault(&p, ROWS[i].fault);
        place_wait(&p, has_state, ROWS[i].fault);
        cr_assert_eq(p.state.code, ROWS[i].code, "%s: %s: %s", ROWS[i].fault, hf_code_name(p.state.code), p.state.text);
        cr_assert_not_null(strstr(p.state.text, ROWS[i].words), "%s: %s", ROWS[i].fault, p.state.text);
        cr_assert_not_null(strstr(p.state.text, "ago"), "how old the units are: %s", p.state.text);
        cr_assert_null(strstr(p.state.text, TOKEN));
        place_wait(&p, is_back, ROWS[i].fault);
        cr_assert(ROWS[i].code != HF_ETHROTTLED || hf_mono_ms() - began >= 900, "Retry-After is kept");
        cr_assert(is_ready(&p));
        place_fault(&p, NULL);
    }
    cr_assert_eq(p.told, 1);
}

/* A store in memory. */
struct kept {
    char text[5][40000];
    size_t len;
    int64_t revision;
    bool is_there;
    int64_t seen_ms;
    unsigned saves;
    unsigned saves_of_data;
};

static int store_load(void *ctx, void (*each)(void *, const struct hf_unit_stored *), void *each_ctx, int64_t *seen_ms,
                      struct hf_error *err)
{
    struct kept *kept = ctx;
    (void)err;
    *seen_ms = kept->seen_ms;
    if (kept->is_there) {
        each(each_ctx, &(struct hf_unit_stored){.space_id = kept->text[0],
                                                .unit_id = kept->text[1],
                                                .space = kept->text[2],
                                                .slug = "web",
                                                .revision = kept->revision,
                                                .state = kept->text[3],
                                                .bytes = kept->text[4],
                                                .byte_count = kept->len});
    }
    return 0;
}

static void store_save(void *ctx, const struct hf_unit_stored *unit)
{
    struct kept *kept = ctx;
    kept->saves++;
    kept->is_there = true;
    kept->revision = unit->revision;
    (void)snprintf(kept->text[0], 100, "%s", unit->space_id);
    (void)snprintf(kept->text[1], 100, "%s", unit->unit_id);
    (void)snprintf(kept->text[2], 100, "%s", unit->space);
    (void)snprintf(kept->text[3], 4000, "%s", unit->state);
    if (unit->bytes) {
        kept->saves_of_data++;
        memcpy(kept->text[4], unit->bytes, unit->byte_count);
        kept->text[4][unit->byte_count] = '\0';
        kept->len = unit->byte_count;
    }
}

static void store_remove(void *ctx, const char *space_id, const char *unit_id)
{
    (void)space_id;
    (void)unit_id;
    ((struct kept *)ctx)->is_there = false;
}

static void store_seen(void *ctx, int64_t at_ms)
{
    ((struct kept *)ctx)->seen_ms = at_ms;
}

static struct kept kept;

static const struct hf_unit_store *the_store(void)
{
    static struct hf_unit_store store = {&kept, store_load, store_save, store_remove, store_seen};
    kept.seen_ms = kept.seen_ms ? kept.seen_ms : HF_TIME_NONE;
    return &store;
}

static void restart(const struct hf_confighub_selection *selection)
{
    hf_source_free(p.source);
    p.source = NULL;
    p.told = p.states = 0;
    p.state = (struct hf_error)HF_ERROR_INIT;
    place_source(&p, selection, the_store());
}

Test(confighub_hold, after_a_restart_with_confighub_away_the_kept_revision_is_held_and_its_age_told)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_stats before, after;
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.target = "cluster";
    place_client(&p, NULL);
    place_source(&p, &selection, the_store());
    place_wait(&p, is_ready, "the unit");
    cr_assert_eq(kept.saves_of_data, 1);
    place_fault(&p, "{\"kind\":\"status\",\"status\":503}");
    restart(&selection);
    place_wait(&p, is_told, "the kept unit");
    cr_assert(is_ready(&p), "%s", p.units[0]->problem);
    cr_assert_eq(p.units[0]->revision, 1);
    cr_assert_eq(p.units[0]->document_count, 1);
    cr_assert_str_eq(p.units[0]->target, "cluster");
    cr_assert_eq(p.state.code, HF_EUNAVAILABLE);
    cr_assert_not_null(strstr(p.state.text, "ago"), "%s", p.state.text);
    hf_confighub_stats(p.hub, &before);
    place_fault(&p, NULL);
    place_wait(&p, is_back, "ConfigHub");
    place_run(&p, 200);
    hf_confighub_stats(p.hub, &after);
    cr_assert_eq(before.revisions, after.revisions, "what is kept is not read again");
    cr_assert(is_ready(&p));
}

Test(confighub_hold, what_is_kept_of_a_space_that_is_no_longer_selected_is_not_told)
{
    static const char *const SPACES[] = {"dev"};
    static const char *const OTHER[] = {"prod"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    place_client(&p, NULL);
    place_source(&p, &selection, the_store());
    place_wait(&p, is_ready, "the unit");
    place_fault(&p, "{\"kind\":\"status\",\"status\":503}");
    selection.spaces = OTHER;
    restart(&selection);
    place_wait(&p, has_state, "a state");
    place_run(&p, 100);
    cr_assert_eq(p.told, 0);
}

static bool is_gone_web(const struct place *place)
{
    return is_gone_one(place);
}

Test(confighub_hold, a_unit_whose_space_can_not_be_read_is_gone_from_view_and_not_deleted)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    follow(SPACES, 1);
    place_wait(&p, has_two, "the units");
    delete_unit(&web);
    place_ask(&p, "POST", "/sim/faults", "{\"kind\":\"status\",\"status\":404,\"path\":\"/space/\",\"seconds\":60}");
    place_wait(&p, is_gone_web, "the loss");
    cr_assert_not_null(strstr(place_unit(&p, "web")->problem, "its space"), "%s", place_unit(&p, "web")->problem);
    cr_assert_eq(p.count, 2);
}

static void on_units_free(void *ctx, struct hf_unit *const *units, size_t count)
{
    struct place *place = ctx;
    (void)units;
    place->count = 0;
    place->told += count > 0;
    hf_source_free(place->source);
    place->source = NULL;
    hf_confighub_close(place->hub);
    place->hub = NULL;
    hf_loop_stop(place->loop);
}

static void on_state_free(void *ctx, const struct hf_error *err)
{
    (void)err;
    on_units_free(ctx, NULL, 0);
}

Test(confighub_hold, a_source_and_its_client_may_be_freed_by_whoever_is_told)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_source_events events = {&p, on_units_free, on_state_free};
    struct hf_confighub_selection selection = {.poll_ms = 100};
    place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    for (int i = 0; i < 2; i++) {
        place_client(&p, NULL);
        place_fault(&p, i == 0 ? NULL : "{\"kind\":\"status\",\"status\":503}");
        cr_assert_eq(hf_source_confighub(p.hub, &selection, &events, NULL, &p.source, &err), 0);
        cr_assert_eq(hf_source_start(p.source, &err), 0);
        place_run(&p, 5000);
        cr_assert_null(p.source);
    }
    cr_assert_eq(p.told, 1);
}

Test(confighub_hold, a_confighub_that_is_silent_at_the_start_leaves_the_kept_units_held_after_five_seconds)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    place_client(&p, NULL);
    place_source(&p, &selection, the_store());
    place_wait(&p, is_ready, "the unit");
    place_fault(&p, "{\"kind\":\"slow\",\"delay\":9000,\"path\":\"/unit\",\"seconds\":60}");
    int64_t began = hf_mono_ms();
    restart(&selection);
    place_wait(&p, is_told, "the kept unit");
    cr_assert_leq(hf_mono_ms() - began, 6000);
    cr_assert(is_ready(&p));
    cr_assert_eq(p.state.code, HF_ETIMEOUT);
    cr_assert_not_null(strstr(p.state.text, "has not answered"), "%s", p.state.text);
}

static bool is_remade(const struct place *place)
{
    const struct hf_unit *unit = place_unit(place, "web");
    cr_assert_leq(place->count, 2, "one of each name");
    return unit && !unit->problem && unit->live_revision == 0 && unit->head_revision == 1;
}

Test(confighub_hold, a_unit_that_is_deleted_and_made_again_is_told_once)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_make(&p, "dev", "db", DOCUMENT("db", "1"));
    place_apply(&p, &web);
    follow(SPACES, 1);
    place_wait(&p, has_two, "the units");
    delete_unit(&web);
    place_make(&p, "dev", "web", DOCUMENT("web", "2"));
    place_wait(&p, is_remade, "the unit made again");
    place_run(&p, 500);
    cr_assert_eq(p.count, 2);
}

static bool is_broken(const struct place *place)
{
    return place->count == 1 && place->units[0]->problem;
}

Test(confighub_hold, a_revision_that_is_throttled_is_asked_for_again_after_the_time_that_was_said)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_apply(&p, &web);
    place_fault(&p, "{\"kind\":\"status\",\"status\":429,\"retryAfter\":1,\"count\":1,\"path\":\"/revision\"}");
    int64_t began = hf_mono_ms();
    follow(SPACES, 1);
    place_wait(&p, is_broken, "the problem");
    cr_assert_not_null(strstr(p.units[0]->problem, "429"), "%s", p.units[0]->problem);
    place_wait(&p, is_ready, "the unit");
    cr_assert_geq(hf_mono_ms() - began, 900);
}

Test(confighub_hold, a_unit_is_not_held_to_the_old_revision_while_the_new_one_is_still_being_read)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.poll_ms = 600000;
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_ready, "the unit");
    place_revise(&p, &web, DOCUMENT("web", "second"));
    place_apply(&p, &web);
    place_fault(&p, "{\"kind\":\"slow\",\"delay\":1000,\"path\":\"/revision\"}");
    hf_source_refresh(p.source);
    int64_t began = hf_mono_ms();
    place_wait(&p, is_applying, "the warning");
    cr_assert_leq(hf_mono_ms() - began, 900);
    cr_assert_eq(p.units[0]->live_revision, 2);
    cr_assert_eq(p.units[0]->revision, 1);
    cr_assert_not_null(strstr(p.units[0]->state_reason, "is being read"), "%s", p.units[0]->state_reason);
    place_wait(&p, is_at_2, "the new revision");
}

static bool is_of_another_target(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_OTHER_TARGET;
}

Test(confighub_hold, a_unit_that_was_moved_or_deleted_since_the_last_poll_is_never_confirmed)
{
    static const char *const SPACES[] = {"dev"};
    struct answer answer = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "first"));
    place_apply(&p, &web);
    struct hf_confighub_selection selection = selection_of(SPACES, 1);
    selection.poll_ms = 600000;
    selection.target = "cluster";
    place_client(&p, NULL);
    place_source(&p, &selection, NULL);
    place_wait(&p, is_ready, "the unit");
    place_patch(&p, &web, "{\"TargetID\":\"33333333-3333-4333-8333-333333333333\"}");
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert_eq(answer.err.code, HF_EBUSY, "%s", answer.err.text);
    place_wait(&p, is_of_another_target, "the move");
    delete_unit(&web);
    answer = (struct answer){0};
    cr_assert_eq(hf_source_confighub_confirm(p.source, web.space_id, web.unit_id, on_confirmed, &answer, &err), 0);
    place_done(&p);
    cr_assert_eq(answer.err.code, HF_EGONE, "%s", answer.err.text);
}
