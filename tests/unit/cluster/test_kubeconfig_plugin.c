/* Exec credential plugins: real programs, run as an agent runs them. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credential_desk.h"
#include "exec_credential.h"
#include "holdfast/clock.h"
#include "holdfast/json.h"
#include "holdfast/mem.h"

#define ANSWER(status) "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{" status "}}'"

Test(exec_plugin, a_plugin_gives_token_and_certificate)
{
    struct desk desk;
    open_desk(&desk);
    use_plugin(&desk, ANSWER("\"token\":\"abc\",\"clientCertificateData\":\"-----BEGIN "
                             "C-----\",\"clientKeyData\":\"-----BEGIN K-----\""));
    start(&desk);
    cr_expect_null(hf_credential_now(desk.credential));
    get(&desk);
    cr_expect_eq(desk.err.code, HF_OK, "%s", desk.err.text);
    cr_expect_str_eq(desk.bearer, "abc");
    cr_expect_str_eq(desk.cert, "-----BEGIN C-----");
    get(&desk);
    cr_expect_not_null(hf_credential_now(desk.credential));
    cr_expect_eq(runs(&desk), 1, "what it said once is kept");
    close_desk(&desk);
}

static void count_login(void *ctx, const struct hf_login *login, const struct hf_error *err)
{
    (void)err;
    struct desk *desk = ctx;
    cr_expect_not_null(login);
    if (++desk->called == 3) {
        hf_loop_stop(desk->loop);
    }
}

static void must_not_come(void *ctx, const struct hf_login *login, const struct hf_error *err)
{
    (void)ctx, (void)login, (void)err;
    cr_assert_fail("a forgotten call was answered");
}

Test(exec_plugin, calls_that_come_while_a_plugin_runs_share_its_answer)
{
    struct desk desk;
    struct hf_error err = HF_ERROR_INIT;
    int other = 0;
    open_desk(&desk);
    use_plugin(&desk, "sleep 0.2\n" ANSWER("\"token\":\"abc\""));
    start(&desk);
    cr_assert_eq(hf_credential_get(desk.credential, must_not_come, &other, &err), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hf_credential_get(desk.credential, count_login, &desk, &err), 0);
    }
    hf_credential_forget(desk.credential, &other);
    run(&desk);
    cr_expect_eq(desk.called, 3);
    cr_expect_eq(runs(&desk), 1);
    close_desk(&desk);
}

static void free_credential(void *ctx, const struct hf_login *login, const struct hf_error *err)
{
    (void)login, (void)err;
    struct desk *desk = ctx;
    hf_credential_free(desk->credential);
    desk->credential = NULL;
    desk->called++;
    hf_loop_stop(desk->loop);
}

Test(exec_plugin, a_callback_may_free_the_credential)
{
    struct desk desk;
    struct hf_error err = HF_ERROR_INIT;
    open_desk(&desk);
    use_plugin(&desk, ANSWER("\"token\":\"abc\""));
    start(&desk);
    cr_assert_eq(hf_credential_get(desk.credential, free_credential, &desk, &err), 0);
    cr_assert_eq(hf_credential_get(desk.credential, must_not_come, &desk, &err), 0);
    run(&desk);
    cr_expect_eq(desk.called, 1);
    close_desk(&desk);
}

Test(exec_plugin, a_plugin_that_runs_ends_when_the_credential_is_freed)
{
    struct desk desk;
    struct hf_error err = HF_ERROR_INIT;
    open_desk(&desk);
    use_plugin(&desk, "sleep 0.5; echo late >seen");
    start(&desk);
    cr_assert_eq(hf_credential_get(desk.credential, must_not_come, &desk, &err), 0);
    pause_for(&desk, 200);
    hf_credential_free(desk.credential);
    desk.credential = NULL;
    usleep(600000);
    char seen[128];
    snprintf(seen, sizeof seen, "%s/seen", desk.folder);
    cr_expect_neq(access(seen, F_OK), 0, "it ran on");
    cr_expect_eq(runs(&desk), 1);
    close_desk(&desk);
}

Test(exec_plugin, a_login_is_renewed_before_it_ends)
{
    struct desk desk;
    open_desk(&desk);
    /* 11 s from now: renewed a fifth before that. */
    use_plugin(&desk, "at=$(date -u -d '+11 seconds' +%Y-%m-%dT%H:%M:%SZ)\n"
                      "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{\"token\":\"abc\",'"
                      "'\"expirationTimestamp\":\"'$at'\"}}'");
    start(&desk);
    get(&desk);
    cr_expect_eq(desk.err.code, HF_OK, "%s", desk.err.text);
    cr_expect_eq(runs(&desk), 1);
    pause_for(&desk, 9500);
    cr_expect_eq(runs(&desk), 2);
    cr_expect_not_null(hf_credential_now(desk.credential), "there is no gap");
    close_desk(&desk);
}

Test(exec_plugin, a_login_that_has_ended_already_does_not_make_the_plugin_run_without_end)
{
    struct desk desk;
    open_desk(&desk);
    use_plugin(&desk, ANSWER("\"token\":\"abc\",\"expirationTimestamp\":\"2001-01-01T00:00:00Z\""));
    start(&desk);
    for (int i = 0; i < 5; i++) {
        get(&desk);
        cr_expect_str_eq(desk.bearer, "abc");
    }
    cr_expect_eq(runs(&desk), 1);
    close_desk(&desk);
}

Test(exec_plugin, after_a_rejection_the_plugin_runs_again_though_not_at_once)
{
    struct desk desk;
    open_desk(&desk);
    use_plugin(&desk, "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                      "\",\"status\":{\"token\":\"t'$(wc -l <runs | tr -d ' ')'\"}}'");
    start(&desk);
    get(&desk);
    cr_expect_str_eq(desk.bearer, "t1");
    cr_expect(hf_credential_reject(desk.credential));
    cr_expect_not_null(hf_credential_now(desk.credential), "a 401 so soon was meant for the login before");
    pause_for(&desk, 2100);
    int64_t begun = hf_mono_ms();
    cr_expect(hf_credential_reject(desk.credential));
    cr_expect_null(hf_credential_now(desk.credential));
    get(&desk);
    cr_expect_str_eq(desk.bearer, "t2");
    cr_expect_geq(hf_mono_ms() - begun, 6000, "it ran again before 10 s had passed");
    close_desk(&desk);
}

Test(exec_plugin, after_a_failure_the_next_call_tries_again)
{
    struct desk desk;
    open_desk(&desk);
    use_plugin(&desk, "[ -f seen ] || { touch seen; exit 1; }\n" ANSWER("\"token\":\"abc\""));
    start(&desk);
    get(&desk);
    cr_expect_eq(desk.err.code, HF_EIO, "%s", desk.err.text);
    int64_t begun = hf_mono_ms();
    get(&desk);
    cr_expect_eq(desk.err.code, HF_OK, "%s", desk.err.text);
    cr_expect_geq(hf_mono_ms() - begun, 900);
    close_desk(&desk);
}

struct plugin_case {
    char lines[400];
    enum hf_code code;
    char text[80];
};

ParameterizedTestParameters(exec_plugin, a_plugin_that_fails_says_why)
{
    static struct plugin_case cases[] = {
        {"echo 'not logged in' >&2; exit 3", HF_EIO, "exit 3; it said: not logged in"},
        {"printf 'a\\033[31mred' >&2; exit 1", HF_EIO, "it said: a\\x1b[31mred"},
        {"i=0; while [ $i -lt 3000 ]; do echo filler filler; i=$((i+1)); done >&2; echo the end >&2; exit 1", HF_EIO,
         "the end"},
        {"kill -TERM $$", HF_EIO, "ended by signal 15"},
        {"no-such-program-here", HF_ENOTFOUND, "exit 127"},
        {"echo hidden-token", HF_EINVAL, "not JSON: line 1, column 1"},
        {"echo '\"hidden\" x'", HF_EINVAL, "not JSON"},
        {"true", HF_EINVAL, "not JSON"},
        {"echo '[]'", HF_EINVAL, "kind: found something else, expected ExecCredential"},
        {"echo '{\"kind\":\"Secret\"}'", HF_EINVAL, "expected ExecCredential"},
        {"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"hidden/v9\"}'", HF_EINVAL, "expected " V1},
        {"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\"}'", HF_EINVAL, "status: found none"},
        {ANSWER(""), HF_EINVAL, "found neither token nor clientCertificateData"},
        {ANSWER("\"token\":7"), HF_EINVAL, "status.token: found number, expected text"},
        {ANSWER("\"clientCertificateData\":\"-----BEGIN hidden\""), HF_EINVAL, "expected both"},
        {ANSWER("\"clientCertificateData\":\"hidden\",\"clientKeyData\":\"hidden\""), HF_EINVAL, "expected PEM"},
        {ANSWER("\"token\":\"hidden\",\"expirationTimestamp\":\"tomorrow\""), HF_EINVAL, "expected RFC 3339"},
        {"head -c 1200000 /dev/zero; sleep 5", HF_ELIMIT, "printed more than 1048576 bytes"},
    };
    return cr_make_param_array(struct plugin_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct plugin_case *one, exec_plugin, a_plugin_that_fails_says_why)
{
    struct desk desk;
    open_desk(&desk);
    use_plugin(&desk, one->lines);
    start(&desk);
    int64_t begun = hf_mono_ms();
    get(&desk);
    cr_expect_eq(desk.err.code, one->code, "%s: %s", hf_code_name(desk.err.code), desk.err.text);
    cr_expect_not_null(strstr(desk.err.text, one->text), "%s", desk.err.text);
    cr_expect_not_null(strstr(desk.err.text, "credential plugin /tmp/"), "%s", desk.err.text);
    cr_expect_null(strstr(desk.err.text, "hidden"), "%s", desk.err.text);
    cr_expect_lt(hf_mono_ms() - begun, 4000);
    close_desk(&desk);
}

Test(exec_plugin, a_plugin_that_is_not_installed_is_told_with_its_hint)
{
    struct desk desk;
    open_desk(&desk);
    desk.plugin = (struct hf_exec_plugin){
        .api_version = V1, .command = "no-such-plugin-anywhere", .install_hint = "get it from https://example.com"};
    desk.access.exec = &desk.plugin;
    start(&desk);
    get(&desk);
    cr_expect_eq(desk.err.code, HF_ENOTFOUND, "%s", desk.err.text);
    cr_expect_not_null(strstr(desk.err.text, "no-such-plugin-anywhere: not found; get it from https://example.com"),
                       "%s", desk.err.text);
    close_desk(&desk);
}

static void on_exec_done(void *ctx, struct exec_answer *answer, const struct hf_error *err)
{
    struct desk *desk = ctx;
    (void)answer;
    desk->err = *err;
    hf_loop_stop(desk->loop);
}

Test(exec_plugin, a_plugin_that_hangs_is_ended_with_its_children)
{
    struct desk desk;
    struct exec_run *one;
    struct hf_error err = HF_ERROR_INIT;
    open_desk(&desk);
    use_plugin(&desk, "echo waiting for you >&2\n(sleep 1; echo late >seen) & wait");
    cr_assert_eq(exec_run_start(desk.loop, &desk.access, 300, on_exec_done, &desk, &one, &err), 0, "%s", err.text);
    run(&desk);
    cr_expect_eq(desk.err.code, HF_ETIMEOUT);
    cr_expect_not_null(strstr(desk.err.text, "no answer within 300 ms; it was ended; it said: waiting for you"), "%s",
                       desk.err.text);
    usleep(1000000);
    char seen[128];
    snprintf(seen, sizeof seen, "%s/seen", desk.folder);
    cr_expect_neq(access(seen, F_OK), 0, "its child ran on");
    close_desk(&desk);
}

Test(exec_plugin, a_plugin_sees_its_environment_and_no_input)
{
    struct desk desk;
    open_desk(&desk);
    setenv("HF_TEST_OURS", "ours", 1);
    setenv("HF_TEST_BOTH", "ours", 1);
    setenv("KUBERNETES_EXEC_INFO", "stale", 1);
    const char *const args[] = {"get token", "--x"};
    const char *const env[] = {"HF_TEST_BOTH=theirs", "HF_TEST_NEW=a=b"};
    use_plugin(&desk,
               "cat >seen\n"
               "printf '%s|%s|%s|%s|%s|' \"$1\" \"$2\" \"$HF_TEST_OURS\" \"$HF_TEST_BOTH\" \"$HF_TEST_NEW\" >>seen\n"
               "printf '%s' \"$KUBERNETES_EXEC_INFO\" >>seen\n" ANSWER("\"token\":\"abc\""));
    desk.plugin.args = args;
    desk.plugin.arg_count = 2;
    desk.plugin.env = env;
    desk.plugin.env_count = 2;
    desk.plugin.provide_cluster_info = true;
    desk.plugin.cluster_config = "{\"audience\":\"x\"}";
    desk.access.ca_pem = "hello";
    desk.access.server_name = "say \"hi\"";
    start(&desk);
    get(&desk);
    cr_expect_eq(desk.err.code, HF_OK, "%s", desk.err.text);
    char path[128];
    struct hf_buf seen = {0};
    struct hf_error err = HF_ERROR_INIT;
    snprintf(path, sizeof path, "%s/seen", desk.folder);
    cr_assert_eq(hf_read_file(path, 10000, &seen, &err), 0, "%s", err.text);
    static const char START[] = "get token|--x|ours|theirs|a=b|";
    cr_expect_eq(strncmp(hf_buf_text(&seen), START, strlen(START)), 0, "%s", hf_buf_text(&seen));
    const char *json = hf_buf_text(&seen) + strlen(START);
    struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *info;
    cr_assert_eq(hf_json_read(arena, json, strlen(json), NULL, &info, &err), 0, "%s: %s", err.text, json);
    cr_expect_str_eq(hf_value_text(hf_value_get(info, "apiVersion")), V1);
    const struct hf_value *cluster = hf_value_path(info, "spec", "cluster", NULL);
    cr_expect_str_eq(hf_value_text(hf_value_get(cluster, "server")), "https://kube.example:6443");
    cr_expect_str_eq(hf_value_text(hf_value_get(cluster, "tls-server-name")), "say \"hi\"");
    cr_expect_str_eq(hf_value_text(hf_value_get(cluster, "certificate-authority-data")), "aGVsbG8=");
    cr_expect_str_eq(hf_value_text(hf_value_path(cluster, "config", "audience", NULL)), "x");
    const struct hf_value *interactive = hf_value_path(info, "spec", "interactive", NULL);
    cr_expect(interactive && interactive->kind == HF_BOOL && !interactive->as.boolean);
    hf_arena_free(arena);
    hf_buf_free(&seen);
    close_desk(&desk);
}

Test(exec_plugin, no_open_file_of_ours_goes_to_the_plugin)
{
    struct desk desk;
    open_desk(&desk);
    cr_assert_eq(dup2(STDERR_FILENO, 77), 77);
    use_plugin(&desk, "[ ! -e /proc/$$/fd/77 ] || exit 5\n" ANSWER("\"token\":\"abc\""));
    start(&desk);
    get(&desk);
    cr_expect_eq(desk.err.code, HF_OK, "%s", desk.err.text);
    close_desk(&desk);
}
