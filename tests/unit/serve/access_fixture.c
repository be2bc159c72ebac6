#include "access_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void copy(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from ? from : "");
}

static int act(void *ctx, const struct hf_serve_act *act, char id[HF_SERVE_ID], struct hf_error *err)
{
    struct fake_actions *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    int fails = fake->fails;
    if (!fails) {
        fake->count++;
        fake->kind = act->kind;
        copy(fake->by, sizeof fake->by, act->by);
        copy(fake->reason, sizeof fake->reason, act->reason);
        copy(fake->target, sizeof fake->target, act->target);
        copy(fake->unit, sizeof fake->unit, act->unit);
        copy(fake->name, sizeof fake->name, act->name);
        copy(fake->pause, sizeof fake->pause, act->pause);
        fake->to = act->to;
        fake->until_ms = act->until_ms;
        fake->dry_run = act->dry_run;
    }
    pthread_mutex_unlock(&fake->lock);
    copy(id, HF_SERVE_ID, act->kind >= HF_SERVE_PAUSE ? "p-12345678" : "a0123-456789");
    return fails ? hf_error_set(err, (enum hf_code)fails, "write /var/lib/secret-place: no") : 0;
}

static int answers(void *ctx, const char *id, bool *taken, struct hf_buf *out, struct hf_error *err)
{
    (void)ctx;
    if (strcmp(id, "a0123-456789") != 0 && strcmp(id, "inc-1") != 0) {
        return hf_error_set(err, HF_ENOTFOUND, "none");
    }
    *taken = true;
    hf_buf_adds(out, "{\"at\":\"2026-11-23T03:00:00.000Z\",\"state\":\"taken\",\"message\":\"begun\"}\n"
                     "{\"at\":\"2026-11-23T03:00:01.000Z\",\"state\":\"done\",\"message\":\"put <b>back</b>\"}\n");
    return 0;
}

static int pauses(void *ctx, struct hf_buf *out, struct hf_error *err)
{
    (void)ctx;
    (void)err;
    hf_buf_adds(out, "[{\"id\":\"p-1\",\"target\":\"dev\",\"space\":null,\"unit\":\"unit-1\",\"kind\":null,"
                     "\"namespace\":null,\"name\":null,\"by\":\"alice\",\"reason\":\"why\",\"snooze\":false,"
                     "\"since\":\"2026-11-23T03:00:00.000Z\",\"until\":null}]");
    return 0;
}

void fake_actions_table(struct fake_actions *fake, struct hf_serve_actions *out)
{
    memset(fake, 0, sizeof *fake);
    pthread_mutex_init(&fake->lock, NULL);
    *out = (struct hf_serve_actions){fake, act, answers, pauses};
}

static struct hf_serve_token token_of(const char *name, enum hf_serve_role role, const char *text, int64_t expires_ms)
{
    struct hf_serve_token token = {.name = name, .role = role, .expires_ms = expires_ms};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_sha256(text, strlen(text), &token.hash, &err), 0);
    return token;
}

void access_of(struct hf_serve_access *access, struct hf_serve_token tokens[4])
{
    tokens[0] = token_of("alice", HF_SERVE_OPERATOR, ALICE, HF_TIME_NONE);
    tokens[1] = token_of("bob", HF_SERVE_VIEWER, BOB, HF_TIME_NONE);
    tokens[2] = token_of("carol", HF_SERVE_AUDITOR, CAROL, HF_TIME_NONE);
    tokens[3] = token_of("old", HF_SERVE_OPERATOR, OLD, hf_now_ms() - 1000);
    *access = (struct hf_serve_access){.tokens = tokens, .token_count = 4};
}

void access_start(struct server *server, struct fake_actions *fake, const struct hf_serve_access *access)
{
    struct hf_serve_actions actions;
    struct hf_serve_options options = {.access = access, .actions = &actions};
    fake_actions_table(fake, &actions);
    server_start(server, &options);
    hf_serve_publish(server->serve, view_new(3));
    fake_trail_add(&server->trail, "drift.seen", "inc-1", "service-00001", "scaled");
}

struct reply with(const struct server *server, const char *method, const char *target, const char *head,
                  const char *body)
{
    struct hf_buf lines = {0};
    hf_buf_addf(&lines, "Host: 127.0.0.1:%u\r\n%s", server->port, head);
    if (body) {
        hf_buf_addf(&lines, "Content-Length: %zu\r\n", strlen(body));
    }
    struct reply reply = ask_body(server, method, target, lines.ptr, body ? body : "");
    hf_buf_free(&lines);
    return reply;
}

int status_of(const struct server *server, const char *method, const char *target, const char *head, const char *body)
{
    struct reply reply = with(server, method, target, head, body);
    int status = reply.status;
    cr_expect(status < 500, "%s %s: %s", method, target, reply.body);
    reply_free(&reply);
    return status;
}

struct login log_in(const struct server *server, const char *token)
{
    struct login login = {0};
    char body[300];
    char head[300];
    (void)snprintf(body, sizeof body, "{\"token\":\"%s\"}", token);
    struct reply reply = with(server, "POST", "/api/v1/login", JSON, body);
    cr_assert_eq(reply.status, 204, "%d %s", reply.status, reply.body);
    const char *cookie = reply_header(&reply, "Set-Cookie");
    cr_assert(cookie);
    (void)snprintf(login.cookie, sizeof login.cookie, "%.*s", (int)strcspn(cookie, ";"), cookie);
    reply_free(&reply);
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", login.cookie);
    reply = with(server, "GET", "/api/v1/session", head, NULL);
    const char *at = strstr(reply.body, "\"csrf\":\"");
    cr_assert(at, "%s", reply.body);
    (void)snprintf(login.csrf, sizeof login.csrf, "%.*s", (int)strcspn(at + 8, "\""), at + 8);
    reply_free(&reply);
    return login;
}
