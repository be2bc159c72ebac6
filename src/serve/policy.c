/* What may be had by whom. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "post.h"

/* Told to everybody: whether it lives, and what is needed to log in. */
static const char *const OPEN[] = {
    "/login", "/livez", "/readyz", "/healthz", "/favicon.ico", "/api/v1/session", "/api/v1/login", "/api/v1/logout",
};
/* Whole parts of the trail at once: what an auditor takes away. */
static const char *const AUDIT[] = {"/api/v1/export"};

static bool is_one_of(const char *path, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(path, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool hf_policy_needs_who(const char *target)
{
    static const char *const NOBODY[] = {"/livez",  "/healthz", "/favicon.ico",  "/login",
                                         "/logout", "/assets/", "/api/v1/login", "/api/v1/logout"};
    size_t len = strcspn(target, "?");
    for (size_t i = 0; i < sizeof NOBODY / sizeof NOBODY[0]; i++) {
        size_t wanted = strlen(NOBODY[i]);
        bool is_folder = NOBODY[i][wanted - 1] == '/';
        if (len >= wanted && (is_folder || len == wanted) && strncmp(target, NOBODY[i], wanted) == 0) {
            return false;
        }
    }
    return true;
}

static bool wants_page(const struct hf_request *request)
{
    const char *accept = hf_request_header(request, "Accept");
    const char *path = request->query->path;
    return accept && strstr(accept, "text/html") && strncmp(path, "/api/", 5) != 0 && strcmp(path, "/metrics") != 0;
}

static void ask_to_log_in(const struct hf_request *request, struct hf_answer *answer)
{
    bool has_path = strcmp(request->query->path, "/") != 0 && strlen(request->query->path) < 150;
    hf_auto_buf struct hf_buf next = {0};
    if (!wants_page(request)) {
        answer->authenticate = true;
        hf_answer_problem(answer, 401, "Expected a bearer token, or a login.");
        return;
    }
    hf_buf_add_url(&next, hf_slice_of(has_path ? request->query->path : ""));
    (void)snprintf(answer->location, sizeof answer->location, has_path ? "/login?next=%.200s" : "/login",
                   hf_buf_text(&next));
    answer->is_page = true;
    hf_answer_problem(answer, 303, "Log in first.");
}

static bool refuse_away(const struct hf_request *request, struct hf_answer *answer)
{
    if (request->who.away_s > 0) {
        answer->is_page = request->query && wants_page(request);
        answer->retry_after_s = request->who.away_s;
        hf_answer_problem(answer, 503, "The cluster can't be asked now who this is, and what he may: try again.");
    }
    return request->who.away_s > 0;
}

static bool refuse_wrong(const struct hf_request *request, struct hf_answer *answer)
{
    if (request->who.is_wrong) {
        answer->authenticate = true;
        hf_answer_problem(answer, 401, "This token is not known, or no longer.");
    }
    return request->who.is_wrong;
}

bool hf_policy_read(const struct hf_request *request, struct hf_answer *answer)
{
    const char *path = request->query->path;
    if (strcmp(path, "/api/v1/session") == 0 && refuse_away(request, answer)) {
        return false;
    }
    if (is_one_of(path, OPEN, sizeof OPEN / sizeof OPEN[0]) || strncmp(path, "/assets/", 8) == 0) {
        return true;
    }
    if (refuse_wrong(request, answer) || refuse_away(request, answer)) {
        return false;
    }
    if (!request->who.may_read) {
        if (request->who.has_role || request->who.by != HF_BY_NOBODY) {
            answer->is_page = wants_page(request);
            hf_answer_problem(answer, 403, "You are known, and have no right to read here.");
        } else {
            ask_to_log_in(request, answer);
        }
        return false;
    }
    if (is_one_of(path, AUDIT, sizeof AUDIT / sizeof AUDIT[0]) && !request->who.may_audit) {
        hf_answer_problem(answer, 403, "An export is for the role auditor.");
        return false;
    }
    return true;
}

/* The page's script sends it as a header, which no form of another site can. */
static bool has_csrf(const struct hf_request *request)
{
    const char *given = hf_request_header(request, "X-CSRF-Token");
    size_t len = strlen(request->who.csrf);
    return len == 0 || (given && strlen(given) == len && CRYPTO_memcmp(given, request->who.csrf, len) == 0);
}

bool hf_policy_act(const struct hf_request *request, struct hf_answer *answer)
{
    if (refuse_wrong(request, answer) || refuse_away(request, answer)) {
        return false;
    }
    if (request->who.by == HF_BY_NOBODY) {
        answer->authenticate = true;
        hf_answer_problem(answer, 401, "Expected a bearer token, or a login.");
        return false;
    }
    if (!request->who.may_act) {
        hf_answer_problem(answer, 403,
                          request->who.by == HF_BY_LOOPBACK ? "Without a login this is read-only."
                                                            : "Actions are for the role operator.");
        return false;
    }
    bool is_user = request->who.by == HF_BY_COOKIE || request->who.by == HF_BY_PROXY;
    if (is_user && (!request->who.csrf[0] || !has_csrf(request))) {
        hf_answer_problem(answer, 403, "Expected the header X-CSRF-Token as /api/v1/session tells it.");
        return false;
    }
    return true;
}

bool hf_policy_admit(const struct hf_request *request, struct hf_answer *answer)
{
    struct hf_serve *serve = request->serve;
    struct hf_rights *rights = hf_guard_rights(&serve->guard);
    bool is_ours = hf_guard_host(rights, hf_request_header(request, "Host"), serve->host);
    hf_rights_release(rights);
    if (!is_ours) {
        hf_answer_problem(answer, 421, "This server does not answer to this name: see access.hosts.");
        return false;
    }
    if (request->who.slow_s > 0) {
        answer->retry_after_s = request->who.slow_s;
        hf_answer_problem(answer, 429, "Too many requests of this address.");
        return false;
    }
    if (request->who.shut_s > 0) {
        answer->retry_after_s = request->who.shut_s;
        hf_answer_problem(answer, 429, "Too many wrong tokens of this address.");
        return false;
    }
    return true;
}

void hf_policy_hide(const struct hf_request *request, struct hf_answer *answer)
{
    if (request->query && !request->who.may_read && strcmp(request->query->path, "/readyz") == 0 &&
        (answer->status == 200 || answer->status == 503)) {
        hf_buf_clear(&answer->body);
        hf_buf_adds(&answer->body, answer->status == 200 ? "ok\n" : "not ready\n");
    }
}
