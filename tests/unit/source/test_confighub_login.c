/* What a user relies on of the login to ConfigHub, and of answers that no honest server gives. */
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
    place_open(&p, &(struct hf_hub_options){.token = TOKEN, .worker_id = "w-1", .worker_secret = "worker-secret-0815"});
    struct hf_confighub_unit web = place_make(&p, "dev", "web", DOCUMENT("web", "1"));
    place_apply(&p, &web);
}

static void end(void)
{
    place_close(&p);
}

TestSuite(confighub_login, .init = begin, .fini = end, .timeout = 60);

static void follow(void)
{
    static const char *const SPACES[] = {"dev"};
    struct hf_confighub_selection selection = {.spaces = SPACES, .space_count = 1, .poll_ms = 100};
    place_source(&p, &selection, NULL);
}

static bool is_ready(const struct place *place)
{
    return place->count == 1 && place->units[0]->state == HF_UNIT_READY && !place->units[0]->problem;
}

static bool has_state(const struct place *place)
{
    return place->state.code != HF_OK;
}

static void write_token(const char *text)
{
    char path[100], temporary[110];
    (void)snprintf(path, sizeof path, "%s/token", p.root);
    (void)snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *file = fopen(temporary, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    cr_assert_eq(rename(temporary, path), 0);
}

static const char *token_file(void)
{
    static char path[100];
    (void)snprintf(path, sizeof path, "%s/token", p.root);
    return path;
}

static void assert_nothing_leaked(const char *secret)
{
    char path[100];
    struct hf_buf log = {0};
    struct hf_error err = HF_ERROR_INIT;
    (void)snprintf(path, sizeof path, "%s/log", p.root);
    (void)hf_read_file(path, 10u << 20, &log, &err);
    cr_assert_null(strstr(hf_buf_text(&log), secret), "the log: %s", hf_buf_text(&log));
    cr_assert_null(strstr(p.state.text, secret), "the state: %s", p.state.text);
    hf_buf_free(&log);
}

Test(confighub_login, a_token_file_is_read_again_when_it_changes)
{
    write_token("wrong-token-1\n");
    struct hf_confighub_options options = {.token.file = token_file()};
    place_client(&p, &options);
    follow();
    place_wait(&p, has_state, "the refusal");
    cr_assert_eq(p.state.code, HF_EDENIED);
    cr_assert_not_null(strstr(p.state.text, "refused"), "%s", p.state.text);
    assert_nothing_leaked("wrong-token-1");
    write_token(TOKEN "\n");
    place_wait(&p, is_ready, "the unit");
    assert_nothing_leaked(TOKEN);
}

Test(confighub_login, the_session_file_of_cub_is_a_token_file)
{
    write_token("{\"SessionID\":\"x\",\"AccessToken\":\"" TOKEN "\",\"RefreshToken\":\"y\"}");
    struct hf_confighub_options options = {.token.file = token_file()};
    place_client(&p, &options);
    follow();
    place_wait(&p, is_ready, "the unit");
}

Test(confighub_login, a_missing_variable_and_an_empty_file_are_named)
{
    struct hf_confighub_options options = {.token.environment = "HOLDFAST_TEST_NOT_SET"};
    place_client(&p, &options);
    follow();
    place_wait(&p, has_state, "a state");
    cr_assert_eq(p.state.code, HF_EDENIED);
    cr_assert_not_null(strstr(p.state.text, "HOLDFAST_TEST_NOT_SET"), "%s", p.state.text);
    hf_source_free(p.source);
    p.source = NULL;
    hf_confighub_close(p.hub);
    p.state.code = HF_OK;
    write_token(" \n");
    options = (struct hf_confighub_options){.token.file = token_file()};
    place_client(&p, &options);
    follow();
    place_wait(&p, has_state, "a state");
    cr_assert_not_null(strstr(p.state.text, token_file()), "%s", p.state.text);
}

static void be_worker(const char *secret)
{
    setenv("HOLDFAST_TEST_ID", "w-1", 1);
    setenv("HOLDFAST_TEST_SECRET", secret, 1);
    struct hf_confighub_options options = {.worker_id.environment = "HOLDFAST_TEST_ID",
                                           .worker_secret.environment = "HOLDFAST_TEST_SECRET"};
    place_client(&p, &options);
}

Test(confighub_login, a_worker_whose_session_expires_in_mid_poll_logs_in_again_unnoticed)
{
    struct hf_confighub_stats stats;
    be_worker("worker-secret-0815");
    follow();
    place_wait(&p, is_ready, "the unit");
    for (int i = 0; i < 3; i++) {
        place_ask(&p, "POST", "/sim/expire", "");
        place_run(&p, 300);
    }
    hf_confighub_stats(p.hub, &stats);
    cr_assert_eq(stats.renewals, 3);
    cr_assert_eq(p.states, 0, "%s", p.state.text);
    assert_nothing_leaked("session-");
    assert_nothing_leaked("worker-secret-0815");
}

Test(confighub_login, many_calls_that_are_refused_at_one_time_log_in_once)
{
    struct hf_confighub_stats before, after;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit web = place_make(&p, "dev", "more", DOCUMENT("more", "1"));
    be_worker("worker-secret-0815");
    cr_assert_eq(hf_confighub_revision(p.hub, &web, 1, place_revision, &p, NULL, &err), 0);
    place_done(&p);
    place_ask(&p, "POST", "/sim/expire", "");
    hf_confighub_stats(p.hub, &before);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(hf_confighub_revision(p.hub, &web, 1, place_revision, &p, NULL, &err), 0);
    }
    place_run(&p, 100);
    for (int i = 0; i < 10; i++) {
        place_run(&p, 20);
    }
    hf_confighub_stats(p.hub, &after);
    cr_assert_eq(after.renewals - before.renewals, 1);
    cr_assert_eq(after.requests - before.requests, 21, "ten refused, one login, ten again: %llu",
                 (unsigned long long)(after.requests - before.requests));
    cr_assert_eq(p.error.code, HF_OK, "%s", p.error.text);
}

Test(confighub_login, a_wrong_worker_secret_is_told_and_never_shown)
{
    be_worker("wrong-secret-4712");
    follow();
    place_wait(&p, has_state, "the refusal");
    cr_assert_eq(p.state.code, HF_EDENIED);
    cr_assert_not_null(strstr(p.state.text, "log in as worker"), "%s", p.state.text);
    assert_nothing_leaked("wrong-secret-4712");
    cr_assert_eq(p.told, 0);
}

Test(confighub_login, options_without_a_login_or_with_two_or_with_a_url_that_holds_a_secret_are_refused)
{
    static const struct hf_confighub_options BAD[] = {
        {.base_url = "http://127.0.0.1/api"},
        {.base_url = "http://127.0.0.1/api", .token.file = "/a", .worker_id.file = "/b", .worker_secret.file = "/c"},
        {.base_url = "http://127.0.0.1/api", .worker_id.file = "/b"},
        {.base_url = "https://user:pass-4711@127.0.0.1/api", .token.file = "/a"},
        {.base_url = "https://127.0.0.1/api?token=pass-4711", .token.file = "/a"},
        {.base_url = "ftp://127.0.0.1/api", .token.file = "/a"},
        {.base_url = "https:///api", .token.file = "/a"},
        {.token.file = "/a"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct hf_confighub *hub = NULL;
        struct hf_error err = HF_ERROR_INIT;
        cr_assert_eq(hf_confighub_open(p.loop, p.http, NULL, &BAD[i], &hub, &err), -1, "row %zu", i);
        cr_assert_eq(err.code, HF_EINVAL);
        cr_assert_null(strstr(err.text, "pass-4711"), "%s", err.text);
    }
}

/* --- canned answers --- */

static pid_t canned;
static char canned_log[100];

static void serve(const char *const *answers, size_t count)
{
    static char url[128];
    (void)snprintf(canned_log, sizeof canned_log, "%s/store", p.root);
    canned = canned_start(answers, count, url, canned_log);
    struct hf_confighub_options options = {.base_url = url, .token.environment = "HOLDFAST_TEST_TOKEN"};
    place_client(&p, &options);
}

static void end_canned(void)
{
    kill(canned, SIGKILL);
    waitpid(canned, NULL, 0);
    place_close(&p);
}

TestSuite(confighub_canned, .init = begin, .fini = end_canned, .timeout = 60);

#define OK(body) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body
#define UNIT(slug, more)                                                                                               \
    "{\"Unit\":{\"UnitID\":\"u-" slug "\",\"SpaceID\":\"s-1\",\"SpaceSlug\":\"dev\",\"Slug\":\"" slug                  \
    "\",\"DataHash\":\"\"" more "}}"

Test(confighub_canned, a_redirect_to_another_host_is_refused_and_never_sees_the_token)
{
    char other_url[128], other_log[100], redirect[300];
    static const char *const LIST[] = {OK("[]")};
    (void)snprintf(other_log, sizeof other_log, "%s/url", p.root);
    cr_assert_eq(truncate(other_log, 0), 0);
    pid_t other = canned_start(LIST, 1, other_url, other_log);
    (void)snprintf(redirect, sizeof redirect,
                   "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s/unit\r\nContent-Length: 0\r\nConnection: "
                   "close\r\n\r\n",
                   other_url);
    const char *answers[] = {redirect};
    serve(answers, 1);
    follow();
    place_wait(&p, has_state, "a state");
    cr_assert_eq(p.state.code, HF_EREFUSED);
    cr_assert_not_null(strstr(p.state.text, "redirect"), "%s", p.state.text);
    place_run(&p, 300);
    struct hf_buf seen = {0};
    struct hf_error err = HF_ERROR_INIT;
    (void)hf_read_file(other_log, 1u << 20, &seen, &err);
    cr_assert_eq(seen.len, 0, "the other host was asked: %s", hf_buf_text(&seen));
    hf_buf_free(&seen);
    cr_assert_eq(p.told, 0);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
}

Test(confighub_canned, a_token_that_the_server_repeats_in_its_error_is_taken_out)
{
    static const char *const ANSWERS[] = {
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"Code\":\"403\",\"Message\":\"token " TOKEN " may not\"}"};
    serve(ANSWERS, 1);
    follow();
    place_wait(&p, has_state, "a state");
    cr_assert_eq(p.state.code, HF_EDENIED);
    cr_assert_not_null(strstr(p.state.text, "may not"), "%s", p.state.text);
    assert_nothing_leaked(TOKEN);
}

static bool has_two(const struct place *place)
{
    return place->count == 2;
}

Test(confighub_canned, a_value_of_a_wrong_type_is_that_units_problem_and_leaves_the_others_alone)
{
    static const char *const ANSWERS[] = {OK(
        "[" UNIT("a", ",\"HeadRevisionNum\":\"seven\"") "," UNIT("b", ",\"TargetID\":null,\"Labels\":{\"n\":7}") "]")};
    serve(ANSWERS, 1);
    follow();
    place_wait(&p, has_two, "the units");
    cr_assert_not_null(strstr(p.units[0]->problem, "HeadRevisionNum: found string"), "%s", p.units[0]->problem);
    cr_assert_null(p.units[1]->problem);
    cr_assert_eq(p.units[1]->state, HF_UNIT_NO_TARGET);
}

static const char *const WRONG[] = {
    OK(""),
    OK("{}"),
    OK("7"),
    OK("\"text\""),
    OK("[7]"),
    OK("[null]"),
    OK("[{}]"),
    OK("[{\"Unit\":7}]"),
    OK("[{\"Unit\":{\"UnitID\":7,\"SpaceID\":\"s\",\"Slug\":\"a\"}}]"),
    OK("[{\"UnitID\":\"../x\",\"SpaceID\":\"s\",\"Slug\":\"a\"}]"),
    OK("[{\"UnitID\":\"x\",\"SpaceID\":\"s\",\"Slug\":\"a/b\"}]"),
    OK("[{\"UnitID\":\"x\",\"SpaceID\":\"s\",\"Slug\":\"a\"}"),
    OK("[{\"UnitID\":\"x\",\"SpaceID\":\"s\",\"Slug\":\"a\"}]]"),
    OK("[{\"UnitID\":\"x\",\"SpaceID\":\"s\",\"Slug\":\"a\"}],\"items\":[]"),
    OK("[[[[[[[[[["),
    OK("nul"),
    OK("[{\"UnitID\":\"x\",\"UnitID\":\"y\",\"SpaceID\":\"s\",\"Slug\":\"a\"}]"),
    "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n[",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n[{\"Un",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "",
};

Test(confighub_canned, a_list_that_is_none_is_a_state_and_no_unit_is_told)
{
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        p.state.code = HF_OK;
        serve(&WRONG[i], 1);
        follow();
        place_wait(&p, has_state, WRONG[i]);
        cr_assert_eq(p.told, 0, "row %zu", i);
        cr_assert_neq(p.state.code, HF_EINTERNAL);
        hf_source_free(p.source);
        p.source = NULL;
        hf_confighub_close(p.hub);
        p.hub = NULL;
        kill(canned, SIGKILL);
        waitpid(canned, NULL, 0);
    }
    serve(WRONG, 1);
}

static bool is_told(const struct place *place)
{
    return place->told > 0;
}

Test(confighub_canned, an_empty_list_and_null_are_no_units)
{
    static const char *const EMPTY[] = {OK("[]"), OK(" null\n")};
    for (size_t i = 0; i < 2; i++) {
        p.told = 0;
        serve(&EMPTY[i], 1);
        follow();
        place_wait(&p, is_told, EMPTY[i]);
        cr_assert_eq(p.count, 0);
        hf_source_free(p.source);
        p.source = NULL;
        hf_confighub_close(p.hub);
        p.hub = NULL;
        kill(canned, SIGKILL);
        waitpid(canned, NULL, 0);
    }
    serve(EMPTY, 1);
}

#define AT(version, head) ",\"TargetID\":\"\",\"Version\":" version ",\"HeadRevisionNum\":" head

static bool is_head_9(const struct place *place)
{
    return place->count == 1 && place->units[0]->head_revision == 9;
}

static bool is_head_10(const struct place *place)
{
    cr_assert(place->count == 1 && place->units[0]->head_revision >= 9, "it went back");
    return place->units[0]->head_revision == 10;
}

Test(confighub_canned, an_answer_that_is_older_than_what_was_read_is_passed_over)
{
    static const char *const ANSWERS[] = {OK("[" UNIT("a", AT("5", "9")) "]"), OK("[" UNIT("a", AT("4", "8")) "]"),
                                          OK("[" UNIT("a", AT("5", "8")) "]"), OK("[" UNIT("a", AT("6", "10")) "]")};
    serve(ANSWERS, 4);
    follow();
    place_wait(&p, is_head_9, "the first reading");
    place_wait(&p, is_head_10, "the newest");
}

Test(confighub_canned, a_unit_that_is_listed_twice_while_the_list_changes_is_one_in_its_newer_form)
{
    static const char *const ANSWERS[] = {
        OK("[" UNIT("a", AT("6", "9")) "," UNIT("b", AT("1", "1")) "," UNIT("a", AT("5", "8")) "]")};
    serve(ANSWERS, 1);
    follow();
    place_wait(&p, has_two, "the units");
    cr_assert_eq(p.units[0]->head_revision, 9);
}

Test(confighub_canned, a_server_that_does_not_know_the_newer_fields_is_asked_without_them)
{
    static const char *const ANSWERS[] = {
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
        "{\"Code\":\"400\",\"Message\":\"select: unknown attribute DataHash\"}",
        OK("[{\"UnitID\":\"u-a\",\"SpaceID\":\"s-1\",\"Slug\":\"a\",\"ContentHash\":77}]"),
        OK("[{\"Space\":{\"SpaceID\":\"s-1\",\"Slug\":\"dev\"}}]"),
        OK("[{\"UnitID\":\"u-a\",\"SpaceID\":\"s-1\",\"Slug\":\"a\",\"ContentHash\":77}]")};
    serve(ANSWERS, 4);
    follow();
    place_wait(&p, is_told, "the unit");
    cr_assert_eq(p.count, 1);
    cr_assert_str_eq(p.units[0]->space, "dev");
    cr_assert_eq(p.states, 0, "%s", p.state.text);
}

Test(confighub_canned, a_revision_whose_data_does_not_match_its_hash_is_not_used)
{
    static const char *const ANSWERS[] = {
        OK("[" UNIT(
            "a", ",\"TargetID\":\"t-1\",\"HeadRevisionNum\":1,\"LastAppliedRevisionNum\":1,\"LiveRevisionNum\":1") "]"),
        OK("[{\"Unit\":{},\"Target\":{\"TargetID\":\"t-1\",\"Slug\":\"cluster\"}}]"),
        OK("[{\"Revision\":{\"RevisionNum\":1,\"Data\":\"YQ==\",\"DataHash\":"
           "\"0000000000000000000000000000000000000000000000000000000000000000\"}}]"),
        OK("[" UNIT(
            "a",
            ",\"TargetID\":\"t-1\",\"HeadRevisionNum\":1,\"LastAppliedRevisionNum\":1,\"LiveRevisionNum\":1") "]")};
    serve(ANSWERS, 4);
    follow();
    place_wait(&p, is_told, "the unit");
    cr_assert_not_null(p.units[0]->problem);
    cr_assert_not_null(strstr(p.units[0]->problem, "DataHash"), "%s", p.units[0]->problem);
    cr_assert_eq(p.units[0]->document_count, 0);
}

Test(confighub_canned, an_apply_that_the_server_makes_of_another_revision_is_told_at_once)
{
    static const char *const ANSWERS[] = {
        OK("[" UNIT("a", ",\"HeadRevisionNum\":7") "]"),
        OK("{\"QueuedOperationID\":\"q-1\",\"RevisionNum\":7,\"Action\":\"Apply\",\"Status\":\"Pending\"}")};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit unit = {"s-1", "u-a", "dev", "a"};
    serve(ANSWERS, 2);
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_apply(p.hub, &unit, 5, NULL, &follower, NULL, &err), 0);
    place_done(&p);
    cr_assert_eq(p.outcome, HF_ACTION_REFUSED);
    cr_assert_eq(p.error.code, HF_EINTERNAL);
    cr_assert_not_null(strstr(p.error.text, "revision 7 though revision 5"), "%s", p.error.text);
}

Test(confighub_canned, a_token_goes_to_the_configured_host_alone_and_in_the_header_alone)
{
    static const char *const ANSWERS[] = {OK("[]")};
    serve(ANSWERS, 1);
    follow();
    place_wait(&p, is_told, "the empty set");
    struct hf_buf seen = {0};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_read_file(canned_log, 1u << 20, &seen, &err), 0);
    const char *at = strstr(hf_buf_text(&seen), TOKEN);
    cr_assert_not_null(at);
    cr_assert_eq(strncmp(at - strlen("Authorization: Bearer "), "Authorization: Bearer ", 22), 0);
    cr_assert_null(memmem(seen.ptr, strcspn(seen.ptr, "\r"), TOKEN, strlen(TOKEN)), "the request line");
    hf_buf_free(&seen);
}

#define QUEUED(more) OK("{\"QueuedOperationID\":\"q-1\",\"Status\":\"Pending\"" more "}")
#define EVENT(status, result)                                                                                          \
    OK("[{\"QueuedOperationID\":\"q-0\",\"Status\":\"Failed\",\"Result\":\"ApplyFailed\"},{\"QueuedOperationID\":"     \
       "\"q-1\",\"Status\":\"" status "\",\"Result\":\"" result "\",\"Message\":\"m\"}]")

static void refresh_dry(void)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit unit = {"s-1", "u-a", "dev", "a"};
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_refresh(p.hub, &unit, true, NULL, &follower, NULL, &err), 0);
    place_done(&p);
}

Test(confighub_canned, a_dry_run_of_a_refresh_gives_what_the_unit_would_become)
{
    static const char *const ANSWERS[] = {OK("[" UNIT("a", ",\"HeadRevisionNum\":7") "]"), QUEUED(""),
                                          EVENT("Progressing", "None"), EVENT("Completed", "RefreshAndDrifted"),
                                          OK("{\"QueuedOperationID\":\"q-1\",\"Data\":\"a2luZDogQQo=\"}")};
    serve(ANSWERS, 5);
    refresh_dry();
    cr_assert_eq(p.outcome, HF_ACTION_COMPLETED, "%s", p.error.text);
    cr_assert(p.drifted);
    cr_assert_str_eq(hf_buf_text(&p.data), "kind: A\n");
}

Test(confighub_canned, a_dry_run_without_its_data_is_an_error_and_not_an_empty_unit)
{
    static const char *const ANSWERS[] = {OK("[" UNIT("a", ",\"HeadRevisionNum\":7") "]"), QUEUED(""),
                                          EVENT("Completed", "RefreshAndDrifted"),
                                          OK("{\"QueuedOperationID\":\"q-1\"}")};
    serve(ANSWERS, 4);
    refresh_dry();
    cr_assert_eq(p.outcome, HF_ACTION_REFUSED);
    cr_assert_eq(p.error.code, HF_EUNSUPPORTED, "%s", p.error.text);
}

static void apply_one(int64_t revision)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_unit unit = {"s-1", "u-a", "dev", "a"};
    struct hf_confighub_follower follower = place_follower(&p);
    cr_assert_eq(hf_confighub_apply(p.hub, &unit, revision, NULL, &follower, NULL, &err), 0);
    place_done(&p);
}

Test(confighub_canned, an_apply_whose_objects_are_right_but_not_ready_is_completed_and_says_so)
{
    static const char *const ANSWERS[] = {OK("[" UNIT("a", ",\"HeadRevisionNum\":7") "]"), QUEUED(",\"RevisionNum\":5"),
                                          EVENT("Failed", "ApplyWaitFailed")};
    serve(ANSWERS, 3);
    apply_one(5);
    cr_assert_eq(p.outcome, HF_ACTION_COMPLETED, "%s", p.error.text);
    cr_assert_str_eq(p.result, "ApplyWaitFailed");
}

Test(confighub_canned, a_canceled_action_is_told_as_such)
{
    static const char *const ANSWERS[] = {OK("[" UNIT("a", ",\"HeadRevisionNum\":7") "]"), QUEUED(",\"RevisionNum\":5"),
                                          EVENT("Canceled", "None")};
    serve(ANSWERS, 3);
    apply_one(5);
    cr_assert_eq(p.outcome, HF_ACTION_CANCELED);
    cr_assert_eq(p.error.code, HF_ECANCELED);
}

Test(confighub_login, a_token_file_that_is_written_again_with_the_same_token_is_no_refusal)
{
    write_token(TOKEN "\n");
    struct hf_confighub_options options = {.token.file = token_file()};
    place_client(&p, &options);
    follow();
    place_wait(&p, is_ready, "the unit");
    for (int i = 0; i < 5; i++) {
        write_token(TOKEN "\n");
        place_run(&p, 150);
    }
    cr_assert_eq(p.states, 0, "%s", p.state.text);
}

Test(confighub_login, a_token_that_was_refused_once_is_tried_again)
{
    struct hf_confighub_options options = {.token.environment = "HOLDFAST_TEST_TOKEN"};
    place_client(&p, &options);
    place_fault(&p, "{\"kind\":\"status\",\"status\":401,\"count\":1}");
    follow();
    place_wait(&p, has_state, "the refusal");
    place_wait(&p, is_ready, "the unit");
}

static bool has_two_or_a_problem(const struct place *place)
{
    for (size_t i = 0; i < place->count; i++) {
        cr_assert_null(place->units[i]->problem, "%s", place->units[i]->problem);
    }
    return place->count == 2 && place->units[0]->head_revision == 2;
}

Test(confighub_canned, a_unit_that_one_listing_has_missed_is_not_called_gone)
{
    static const char *const ANSWERS[] = {OK("[" UNIT("a", AT("1", "1")) "," UNIT("b", AT("1", "1")) "]"),
                                          OK("[" UNIT("b", AT("1", "1")) "]"),
                                          OK("[" UNIT("a", AT("2", "2")) "," UNIT("b", AT("1", "1")) "]")};
    serve(ANSWERS, 3);
    follow();
    place_wait(&p, has_two, "the units");
    place_wait(&p, has_two_or_a_problem, "the unit that was missed");
}

static bool is_newer(const struct place *place)
{
    cr_assert_leq(place->count, 1);
    return place->count == 1 && strcmp(place->units[0]->unit_id, "u-2") == 0 && !place->units[0]->problem;
}

#define NAMED_A(id)                                                                                                    \
    OK("[{\"UnitID\":\"" id "\",\"SpaceID\":\"s-1\",\"SpaceSlug\":\"dev\",\"Slug\":\"a\",\"DataHash\":\"\"}]")

Test(confighub_canned, of_two_units_of_one_name_the_one_that_is_still_listed_is_told)
{
    static const char *const ANSWERS[] = {NAMED_A("u-1"), NAMED_A("u-2")};
    serve(ANSWERS, 2);
    follow();
    place_wait(&p, is_newer, "the newer unit");
    place_run(&p, 400);
    cr_assert(is_newer(&p));
}

Test(confighub_canned, a_page_in_place_of_the_space_is_no_proof_that_a_unit_was_deleted)
{
    static const char *const ANSWERS[] = {OK("[" UNIT("a", AT("1", "1")) "," UNIT("b", AT("1", "1")) "]"),
                                          OK("[" UNIT("b", AT("1", "1")) "]"),
                                          OK("[" UNIT("b", AT("1", "1")) "]"),
                                          "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n",
                                          OK("{\"login\":\"please\"}"),
                                          OK("[" UNIT("b", AT("1", "1")) "]")};
    struct hf_buf seen = {0};
    struct hf_error err = HF_ERROR_INIT;
    serve(ANSWERS, 6);
    follow();
    place_run(&p, 1200);
    cr_assert_eq(hf_read_file(canned_log, 1u << 20, &seen, &err), 0);
    cr_assert_not_null(strstr(hf_buf_text(&seen), "GET /api/space/s-1 "), "the space was asked for");
    hf_buf_free(&seen);
    cr_assert_eq(p.count, 2, "nothing is removed");
}
