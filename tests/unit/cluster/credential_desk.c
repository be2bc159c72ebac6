#include "credential_desk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    fputs(text, file);
    fclose(file);
}

void open_desk(struct desk *desk)
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

void close_desk(struct desk *desk)
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

void use_plugin(struct desk *desk, const char *lines)
{
    char text[4096];
    snprintf(text, sizeof text, "#!/bin/sh\ncd %s || exit 9\necho run >>runs\n%s\n", desk->folder, lines);
    write_text(desk->script, text);
    cr_assert_eq(chmod(desk->script, 0700), 0);
    desk->plugin.api_version = V1;
    desk->plugin.command = desk->script;
    desk->access.exec = &desk->plugin;
}

int runs(const struct desk *desk)
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

void start(struct desk *desk)
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

void run(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_timer_set(desk->watchdog, 30000);
    cr_assert_eq(hf_loop_run(desk->loop, &err), 0);
    cr_assert_not(desk->hung, "no answer in 30 s");
}

void pause_for(struct desk *desk, int64_t ms)
{
    hf_timer_set(desk->pause, ms);
    run(desk);
}

void get(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    int called = desk->called;
    cr_assert_eq(hf_credential_get(desk->credential, on_login, desk, &err), 0, "%s", err.text);
    cr_assert_eq(desk->called, called, "called from within hf_credential_get");
    run(desk);
    cr_assert_eq(desk->called, called + 1);
}
