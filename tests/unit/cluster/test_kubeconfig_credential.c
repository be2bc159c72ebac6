/* The login that is current, with real files and real programs as plugins. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "exec_credential.h"
#include "holdfast/clock.h"
#include "holdfast/json.h"
#include "holdfast/kubeconfig.h"
#include "holdfast/mem.h"

#define V1 "client.authentication.k8s.io/v1"
#define PEM(name) "-----BEGIN " name "-----\nAAAA\n-----END " name "-----\n"

struct desk {
    char folder[64];
    char script[96];
    char file[96];
    struct hf_loop *loop;
    struct hf_timer *watchdog;
    struct hf_timer *pause;
    struct hf_credential *credential;
    struct hf_access access;
    struct hf_exec_plugin plugin;
    int called;
    bool hung;
    char bearer[128];
    char cert[128];
    char header[128];
    struct hf_error err;
};

static void on_watchdog(void *ctx)
{
    struct desk *desk = ctx;
    desk->hung = true;
    hf_loop_stop(desk->loop);
}

static void on_pause(void *ctx)
{
    hf_loop_stop(((struct desk *)ctx)->loop);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    fputs(text, file);
    fclose(file);
}

static void open_desk(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    *desk = (struct desk){.access = {.server = "https://kube.example:6443", .context = "x"}};
    snprintf(desk->folder, sizeof desk->folder, "/tmp/hf-credential-XXXXXX");
    cr_assert_not_null(mkdtemp(desk->folder));
    snprintf(desk->script, sizeof desk->script, "%s/plugin", desk->folder);
    snprintf(desk->file, sizeof desk->file, "%s/file", desk->folder);
    desk->loop = hf_loop_new(&err);
    desk->watchdog = hf_timer_new(desk->loop, on_watchdog, desk);
    desk->pause = hf_timer_new(desk->loop, on_pause, desk);
}

static void close_desk(struct desk *desk)
{
    static const char *const NAMES[] = {"plugin", "file", "runs", "seen", "cert", "key", "new"};
    hf_credential_free(desk->credential);
    hf_timer_free(desk->watchdog);
    hf_timer_free(desk->pause);
    hf_loop_free(desk->loop);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", desk->folder, NAMES[i]);
        unlink(path);
    }
    rmdir(desk->folder);
}

/* A plugin of these shell lines; each run is counted in the file "runs". */
static void use_plugin(struct desk *desk, const char *lines)
{
    char text[4096];
    snprintf(text, sizeof text, "#!/bin/sh\ncd %s || exit 9\necho run >>runs\n%s\n", desk->folder, lines);
    write_text(desk->script, text);
    cr_assert_eq(chmod(desk->script, 0700), 0);
    desk->plugin.api_version = V1;
    desk->plugin.command = desk->script;
    desk->access.exec = &desk->plugin;
}

static int runs(const struct desk *desk)
{
    char path[128];
    snprintf(path, sizeof path, "%s/runs", desk->folder);
    FILE *file = fopen(path, "r");
    int count = 0;
    for (int byte; file && (byte = fgetc(file)) != EOF;) {
        count += byte == '\n';
    }
    if (file) {
        fclose(file);
    }
    return count;
}

static void start(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_credential_new(desk->loop, &desk->access, NULL, &desk->credential, &err), 0, "%s", err.text);
}

static void on_login(void *ctx, const struct hf_login *login, const struct hf_error *err)
{
    struct desk *desk = ctx;
    desk->called++;
    desk->err = *err;
    cr_expect_eq(login == NULL, err->code != HF_OK);
    if (login) {
        snprintf(desk->bearer, sizeof desk->bearer, "%s", login->bearer ? login->bearer : "");
        snprintf(desk->cert, sizeof desk->cert, "%s", login->server.cert_pem ? login->server.cert_pem : "");
        snprintf(desk->header, sizeof desk->header, "%s", login->header_count ? login->headers[0].value : "");
    }
    hf_loop_stop(desk->loop);
}

static void run(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_timer_set(desk->watchdog, 30000);
    cr_assert_eq(hf_loop_run(desk->loop, &err), 0);
    cr_assert_not(desk->hung, "no answer in 30 s");
}

static void pause_for(struct desk *desk, int64_t ms)
{
    hf_timer_set(desk->pause, ms);
    run(desk);
}

static void get(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    int called = desk->called;
    cr_assert_eq(hf_credential_get(desk->credential, on_login, desk, &err), 0, "%s", err.text);
    cr_assert_eq(desk->called, called, "called from within hf_credential_get");
    run(desk);
    cr_assert_eq(desk->called, called + 1);
}

Test(credential, a_static_token_is_at_hand)
{
    struct desk desk;
    open_desk(&desk);
    desk.access.token = "static";
    start(&desk);
    const struct hf_login *login = hf_credential_now(desk.credential);
    cr_assert_not_null(login);
    cr_expect_str_eq(login->bearer, "static");
    get(&desk);
    cr_expect_str_eq(desk.bearer, "static");
    cr_expect_not(hf_credential_reject(desk.credential), "there is nothing new to try");
    close_desk(&desk);
}

Test(credential, a_user_name_and_password_become_a_basic_header)
{
    struct desk desk;
    open_desk(&desk);
    desk.access.username = "Aladdin";
    desk.access.password = "open sesame";
    start(&desk);
    get(&desk);
    cr_expect_str_eq(desk.header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    close_desk(&desk);
}

Test(credential, what_the_access_says_of_trust_is_in_the_login)
{
    struct desk desk;
    struct hf_http_header impersonate = {"Impersonate-User", "jane"};
    open_desk(&desk);
    desk.access.ca_pem = PEM("CERTIFICATE");
    desk.access.server_name = "kube.internal";
    desk.access.proxy = "";
    desk.access.impersonate = &impersonate;
    desk.access.impersonate_count = 1;
    start(&desk);
    const struct hf_login *login = hf_credential_now(desk.credential);
    cr_assert_not_null(login);
    cr_expect_str_eq(login->server.ca_pem, PEM("CERTIFICATE"));
    cr_expect_str_eq(login->server.server_name, "kube.internal");
    cr_expect_str_eq(login->server.proxy, "");
    cr_expect_null(login->bearer);
    cr_assert_eq(login->header_count, 1);
    cr_expect_str_eq(login->headers[0].value, "jane");
    close_desk(&desk);
}

Test(credential, a_token_file_is_read_again_when_it_changes)
{
    struct desk desk;
    open_desk(&desk);
    write_text(desk.file, "  first\n");
    desk.access.token_file = desk.file;
    start(&desk);
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "first");
    cr_expect_not(hf_credential_reject(desk.credential), "the file says the same");
    write_text(desk.file, "second token");
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "second token");
    /* As kubelet does it: another file put in its place. */
    char other[128];
    snprintf(other, sizeof other, "%s/new", desk.folder);
    write_text(other, "third tokens");
    cr_assert_eq(rename(other, desk.file), 0);
    cr_expect(hf_credential_reject(desk.credential), "there is a new one");
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "third tokens");
    close_desk(&desk);
}

Test(credential, a_token_file_that_vanishes_leaves_the_last_token_in_use)
{
    struct desk desk;
    open_desk(&desk);
    write_text(desk.file, "kept");
    desk.access.token_file = desk.file;
    start(&desk);
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "kept");
    unlink(desk.file);
    cr_expect_not(hf_credential_reject(desk.credential));
    cr_expect_str_eq(hf_credential_now(desk.credential)->bearer, "kept");
    close_desk(&desk);
}

struct file_case {
    bool exists;
    char token[16];
    enum hf_code code;
    char text[32];
};

ParameterizedTestParameters(credential, a_token_file_without_a_token_is_an_error)
{
    static struct file_case cases[] = {{false, "", HF_ENOTFOUND, "No such file"}, {true, " \n", HF_EINVAL, "no token"}};
    return cr_make_param_array(struct file_case, cases, 2);
}

ParameterizedTest(struct file_case *one, credential, a_token_file_without_a_token_is_an_error)
{
    struct desk desk;
    open_desk(&desk);
    if (one->exists) {
        write_text(desk.file, one->token);
    }
    desk.access.token_file = desk.file;
    start(&desk);
    cr_expect_null(hf_credential_now(desk.credential));
    get(&desk);
    cr_expect_eq(desk.err.code, one->code, "%s", desk.err.text);
    cr_expect_not_null(strstr(desk.err.text, one->text), "%s", desk.err.text);
    cr_expect_not_null(strstr(desk.err.text, desk.file), "%s", desk.err.text);
    close_desk(&desk);
}

Test(credential, a_certificate_pair_is_replaced_only_as_a_pair)
{
    struct desk desk;
    char cert[128];
    char key[128];
    open_desk(&desk);
    snprintf(cert, sizeof cert, "%s/cert", desk.folder);
    snprintf(key, sizeof key, "%s/key", desk.folder);
    write_text(cert, PEM("CERTIFICATE"));
    write_text(key, PEM("KEY"));
    desk.access.cert_file = cert;
    desk.access.key_file = key;
    desk.access.cert_pem = PEM("CERTIFICATE");
    desk.access.key_pem = PEM("KEY");
    start(&desk);
    cr_expect_str_eq(hf_credential_now(desk.credential)->server.cert_pem, PEM("CERTIFICATE"));
    write_text(cert, PEM("NEW CERTIFICATE"));
    write_text(key, "half writ");
    cr_expect_str_eq(hf_credential_now(desk.credential)->server.cert_pem, PEM("CERTIFICATE"));
    write_text(key, PEM("NEW KEY"));
    cr_expect_str_eq(hf_credential_now(desk.credential)->server.cert_pem, PEM("NEW CERTIFICATE"));
    cr_expect_str_eq(hf_credential_now(desk.credential)->server.key_pem, PEM("NEW KEY"));
    close_desk(&desk);
}

/* Plugins. */

#define ANSWER(status) "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{" status "}}'"

Test(credential, a_plugin_gives_token_and_certificate)
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

Test(credential, calls_that_come_while_a_plugin_runs_share_its_answer)
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

Test(credential, a_callback_may_free_the_credential)
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

Test(credential, a_plugin_that_runs_ends_when_the_credential_is_freed)
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

Test(credential, a_login_is_renewed_before_it_ends)
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

Test(credential, a_login_that_has_ended_already_does_not_make_the_plugin_run_without_end)
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

Test(credential, after_a_rejection_the_plugin_runs_again_though_not_at_once)
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

Test(credential, after_a_failure_the_next_call_tries_again)
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

ParameterizedTestParameters(credential, a_plugin_that_fails_says_why)
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

ParameterizedTest(struct plugin_case *one, credential, a_plugin_that_fails_says_why)
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

Test(credential, a_plugin_that_is_not_installed_is_told_with_its_hint)
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

Test(credential, a_plugin_that_hangs_is_ended_with_its_children)
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

Test(credential, a_plugin_sees_its_environment_and_no_input)
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
