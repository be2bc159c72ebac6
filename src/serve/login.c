/* Logging in and out, and who one is. */
#include <stdio.h>
#include <string.h>

#include "holdfast/json.h"
#include "json_out.h"
#include "post.h"
#include "query.h"

void hf_serve_session(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const NONE[] = {NULL};
    const struct hf_who *who = &request->who;
    struct hf_buf *out = &answer->body;
    if (!hf_request_only(request, answer, NONE)) {
        return;
    }
    struct hf_rights *rights = hf_guard_rights(&request->serve->guard);
    bool can_log_in = rights && (rights->access.token_count > 0 || rights->access.reviewed);
    hf_rights_release(rights);
    answer->type = "application/json";
    answer->is_private = true;
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "user", who->user[0] ? who->user : NULL);
    hf_out_text(out, "role", who->has_role ? hf_role_name(who->role) : NULL);
    hf_out_text(out, "by", hf_by_name(who->by));
    hf_out_text(out, "csrf", who->csrf[0] ? who->csrf : NULL);
    hf_out_open(out, "may", '[');
    const char *const may[] = {who->may_read ? "read" : NULL, who->may_act ? "act" : NULL,
                               who->may_audit ? "audit" : NULL};
    for (size_t i = 0; i < sizeof may / sizeof may[0]; i++) {
        if (may[i]) {
            hf_out_text(out, NULL, may[i]);
        }
    }
    hf_out_close(out, ']');
    hf_out_bool(out, "login", can_log_in);
    hf_out_time(out, "until", who->until_ms);
    hf_out_close(out, '}');
    hf_buf_addc(out, '\n');
}

/* Where the login leads back to: a place here, never another site. */
static bool is_place(const char *next)
{
    if (!next || next[0] != '/' || next[1] == '/' || next[1] == '\\' || strlen(next) > 200) {
        return false;
    }
    for (const char *at = next; *at; at++) {
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f || *at == '"' || *at == '\\') {
            return false;
        }
    }
    return true;
}

/* web/login.html, which has two places and no script; nothing of what is held is told on it. */
static void login_form(const struct hf_request *request, struct hf_answer *answer, const char *next,
                       const char *problem)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf template = {0};
    answer->is_page = true;
    answer->is_private = true;
    if (hf_serve_web_file(request->serve, "login.html", &template, &err) != 0 || !hf_buf_ok(&template)) {
        hf_answer_problem(answer, 503, "The dashboard's page can't be read.");
        return;
    }
    const char *at = template.ptr;
    answer->type = "text/html; charset=utf-8";
    hf_buf_clear(&answer->body);
    for (const char *open = strstr(at, "{{"); open; open = strstr(at, "{{")) {
        bool is_next = strncmp(open, "{{next}}", 8) == 0;
        const char *close = strstr(open, "}}");
        hf_buf_add(&answer->body, at, (size_t)(open - at));
        hf_html_add(&answer->body, is_next ? next : problem);
        at = close ? close + 2 : open + 2;
    }
    hf_buf_adds(&answer->body, at);
}

void hf_serve_login_page(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"next", NULL};
    const char *next = hf_query_get(request->query, "next");
    answer->is_page = true;
    if (hf_request_only(request, answer, KNOWN)) {
        login_form(request, answer, is_place(next) ? next : "/", NULL);
    }
}

struct asked {
    char token[HF_TOKEN_MAX + 2]; /* one that is too long stays so */
    char next[256];
};

static bool read_form(const struct hf_posted *posted, struct asked *asked)
{
    struct hf_buf target = {0};
    struct hf_query query = {.path = ""};
    struct hf_error err = HF_ERROR_INIT;
    hf_buf_adds(&target, "/?");
    hf_buf_add(&target, posted->body, posted->len);
    bool good =
        strlen(posted->body) == posted->len && hf_buf_ok(&target) && hf_query_read(&query, target.ptr, &err) == 0;
    const char *token = good ? hf_query_get(&query, "token") : NULL;
    const char *next = good ? hf_query_get(&query, "next") : NULL;
    (void)snprintf(asked->token, sizeof asked->token, "%s", token ? token : "");
    (void)snprintf(asked->next, sizeof asked->next, "%s", is_place(next) ? next : "/");
    hf_query_free(&query);
    if (target.ptr) {
        hf_wipe(target.ptr, target.cap);
    }
    hf_buf_free(&target);
    return good;
}

static bool read_json(const struct hf_posted *posted, struct asked *asked)
{
    static const struct hf_read_limits LIMITS = {.bytes = 64 << 10, .depth = 4, .nodes = 20};
    const struct hf_value *value;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena || hf_json_read(arena, posted->body, posted->len, &LIMITS, &value, &err) != 0) {
        return false;
    }
    struct hf_slice none = {"", 0};
    const struct hf_value *token = hf_value_get(value, "token");
    const char *text = hf_value_text(token);
    (void)snprintf(asked->token, sizeof asked->token, "%s", text ? text : "");
    if (text) {
        none = token->as.text;
        hf_wipe((void *)(uintptr_t)none.ptr, none.len);
    }
    return text && hf_value_count(value) == 1;
}

/* Path=/ and no Domain: it goes to this host alone; Strict: and to none of its pages from another site's link. */
static void set_cookie(const struct hf_request *request, struct hf_answer *answer, const char *value, int64_t seconds)
{
    (void)snprintf(answer->cookie, sizeof answer->cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
                   request->serve->guard.cookie, value, (long long)seconds, request->who.is_secure ? "; Secure" : "");
}

static void go(struct hf_answer *answer, const char *place)
{
    (void)snprintf(answer->location, sizeof answer->location, "%s", place);
    answer->status = 303;
    answer->is_page = false;
}

static void refuse(const struct hf_request *request, const struct hf_posted *posted, struct hf_answer *answer,
                   const struct asked *asked, const struct hf_who *who)
{
    bool is_known = who->by == HF_BY_KUBERNETES;
    unsigned status = who->shut_s > 0 ? 429 : who->away_s > 0 ? 503 : is_known ? 403 : 401;
    const char *why = status == 429   ? "Too many wrong tokens of this address: wait a minute."
                      : status == 503 ? "The cluster can't be asked now whose token this is: try again."
                      : is_known      ? "The cluster knows this token, and gives its user no right here."
                                      : "This token is not known, or has run out.";
    answer->retry_after_s = who->shut_s > 0 ? who->shut_s : who->away_s;
    if (posted->is_page) {
        login_form(request, answer, asked->next, why);
        answer->status = status;
    } else {
        hf_answer_problem(answer, status, "%s", why);
    }
}

static void begin_session(const struct hf_request *request, const struct hf_rights *rights, struct hf_who *who,
                          const char *token, struct hf_answer *answer)
{
    char cookie[HF_COOKIE_SIZE];
    struct hf_error err = HF_ERROR_INIT;
    int64_t end = request->now_ms + rights->access.session_ms;
    who->until_ms = who->until_ms != HF_TIME_NONE && who->until_ms < end ? who->until_ms : end;
    if (hf_session_begin(&request->serve->guard, who, token, request->now_ms, cookie, &err) != 0) {
        hf_answer_problem(answer, 503, "A login can't be begun now.");
        return;
    }
    set_cookie(request, answer, cookie, (who->until_ms - request->now_ms) / 1000);
    hf_wipe(cookie, sizeof cookie);
    hf_log_write(request->serve->log, HF_INFO, "logged in", "user", who->user, "role", hf_role_name(who->role), NULL);
}

void hf_post_login(const struct hf_request *request, const struct hf_posted *posted, struct hf_answer *answer)
{
    struct asked asked = {.next = "/"};
    struct hf_rights *rights = hf_guard_rights(&request->serve->guard);
    struct hf_who who = {.address = request->who.address, .until_ms = HF_TIME_NONE};
    if (!rights) {
        hf_answer_problem(answer, 404, "Nobody can log in: no access is configured (docs/access.md).");
        return;
    }
    if (!(posted->is_form ? read_form : read_json)(posted, &asked)) {
        hf_answer_problem(answer, 400, "Expected {\"token\": \"…\"} or a form with token=….");
    } else {
        hf_guard_token(&request->serve->guard, rights, asked.token, &who);
        if (who.must_wait) {
            answer->must_wait = true;
            answer->review = who.review;
        } else if (!who.has_role) {
            refuse(request, posted, answer, &asked, &who);
        } else {
            answer->status = 204;
            begin_session(request, rights, &who, asked.token, answer);
            if (posted->is_page && answer->status == 204) {
                go(answer, asked.next);
            }
        }
    }
    hf_wipe(&asked, sizeof asked);
    hf_rights_release(rights);
}

void hf_post_logout(const struct hf_request *request, const struct hf_posted *posted, struct hf_answer *answer)
{
    const char *cookie = hf_request_cookie(request, request->serve->guard.cookie);
    if (cookie && hf_session_end(&request->serve->guard, cookie)) {
        hf_streams_kick(request->serve->streams, request->door);
        hf_log_write(request->serve->log, HF_INFO, "logged out", "user", request->who.user, NULL);
    }
    set_cookie(request, answer, "", 0);
    answer->status = 204;
    if (posted->is_page) {
        go(answer, "/login");
    }
}
