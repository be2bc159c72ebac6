/* Who a token belongs to, as a cluster knows it: TokenReview says whose it is, SubjectAccessReview what he may.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#webhook-token-authentication */
#include <stdlib.h>
#include <string.h>

#include "holdfast/digest.h"
#include "holdfast/json.h"
#include "run.h"

#define TOKEN_REVIEWS "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCESS_REVIEWS "/apis/authorization.k8s.io/v1/subjectaccessreviews"
#define REQUEST_MS 4000
#define MOST_CLAIMS 8192
#define MOST_USER 1000

/* What a role of the cluster gives: docs/access.md. */
enum right { RIGHT_READ, RIGHT_ACT, RIGHT_AUDIT, RIGHT_COUNT };
static const char *const VERBS[RIGHT_COUNT] = {"get", "update", "export"};

struct run_review {
    struct run_target *target;
    uint64_t ticket;
    char *token; /* wiped; not logged, not told */
    char user[MOST_USER];
    struct hf_buf subject; /* user, uid, groups and extra, as a SubjectAccessReview has them */
    int64_t until_ms;
    unsigned waits; /* answers that are awaited */
    bool has_failed;
    struct right_asked {
        struct run_review *review;
        bool allowed;
    } rights[RIGHT_COUNT];
    struct run_review *next;
    struct run_review **from;
};

/* On its way to the loop. */
struct question {
    uint64_t ticket;
    char token[];
};

static void review_free(struct run_review *review)
{
    if (review->from) {
        *review->from = review->next;
        if (review->next) {
            review->next->from = review->from;
        }
    }
    if (review->token) {
        hf_wipe(review->token, strlen(review->token));
    }
    free(review->token);
    hf_buf_free(&review->subject);
    free(review);
}

static void tell(struct run_review *review, enum hf_serve_review_outcome outcome)
{
    struct hf_serve_review answer = {.outcome = outcome,
                                     .user = review->user,
                                     .may_read = review->rights[RIGHT_READ].allowed,
                                     .may_act = review->rights[RIGHT_ACT].allowed,
                                     .may_audit = review->rights[RIGHT_AUDIT].allowed,
                                     .until_ms = review->until_ms};
    hf_serve_reviewed(review->target->run->serve, review->ticket, &answer);
    review_free(review);
}

/* Told once until it is over: each token that somebody shows would tell it again. */
static void note(struct run_review *review, const struct hf_error *state)
{
    struct hf_run *run = review->target->run;
    struct hf_error err = *state;
    if (run->review_problem == err.code) {
        return;
    }
    run->review_problem = err.code;
    if (err.code == HF_OK) {
        hf_log_write(run->log, HF_INFO, "the cluster can be asked again who its users are", "target",
                     review->target->name, NULL);
        return;
    }
    if (review->token && strstr(err.text, review->token)) { /* the server's words may hold ours */
        (void)hf_error_set(&err, err.code, "the API server refuses it");
    }
    (void)hf_error_wrap(&err, "ask target %s who its users are", review->target->name);
    hf_log_error(run->log, HF_ERROR, "a cluster's own users can't be let in (docs/access.md)", &err, "target",
                 review->target->name, NULL);
    if (err.code == HF_EDENIED) {
        hf_auto_buf struct hf_buf text = {0};
        hf_buf_addf(&text, "%s: the agent needs the ClusterRole system:auth-delegator (docs/access.md)", err.text);
        hf_run_say(run, "access.refused", "warning", hf_buf_text(&text), NULL);
    }
}

static void fail(struct run_review *review, const struct hf_error *err)
{
    note(review, err);
    tell(review, HF_SERVE_REVIEW_NONE);
}

/* The last answer of several has come, or none is. */
static void finish(struct run_review *review)
{
    struct hf_error none = HF_ERROR_INIT;
    if (review->waits > 0) {
        return;
    }
    if (review->has_failed) {
        tell(review, HF_SERVE_REVIEW_NONE);
        return;
    }
    note(review, &none);
    tell(review, HF_SERVE_REVIEW_USER);
}

static void on_right(void *ctx, const struct hf_answer *answer, const struct hf_error *err)
{
    struct right_asked *asked = ctx;
    struct run_review *review = asked->review;
    const struct hf_value *status = hf_value_get(answer->object, "status");
    review->waits--;
    if (err->code != HF_OK) {
        review->has_failed = true;
        note(review, err);
    }
    asked->allowed =
        hf_value_is_true(hf_value_get(status, "allowed")) && !hf_value_is_true(hf_value_get(status, "denied"));
    finish(review);
}

static void ask_rights(struct run_review *review)
{
    struct hf_error err = HF_ERROR_INIT;
    review->waits++; /* this function itself */
    for (size_t i = 0; i < RIGHT_COUNT && !review->has_failed; i++) {
        hf_auto_buf struct hf_buf body = {0};
        hf_buf_addf(&body,
                    "{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SubjectAccessReview\",\"spec\":{%s,"
                    "\"resourceAttributes\":{\"group\":\"holdfast.dev\",\"resource\":\"dashboards\",\"verb\":\"%s\"}}}",
                    hf_buf_text(&review->subject), VERBS[i]);
        review->rights[i].review = review;
        if (!hf_buf_ok(&body) || !hf_buf_ok(&review->subject)) {
            (void)hf_error_set(&err, HF_ENOMEM, "out of memory for a review");
            review->has_failed = true;
        } else if (hf_cluster_review(review->target->cluster, ACCESS_REVIEWS, body.ptr, body.len, REQUEST_MS, on_right,
                                     &review->rights[i], &err) == 0) {
            review->waits++;
        } else {
            review->has_failed = true;
        }
    }
    if (review->has_failed) {
        note(review, &err);
    }
    review->waits--;
    finish(review);
}

static void add_member(struct hf_buf *out, const char *name, const struct hf_value *value)
{
    if (value && value->kind != HF_NULL) {
        hf_buf_addf(out, "%s\"%s\":", out->len > 0 ? "," : "", name);
        hf_json_write(out, value);
    }
}

/* What a token says of its own end, once the cluster has said that it is right; HF_TIME_NONE where it is no JWT. */
static int64_t end_of(const char *token)
{
    const char *claims = strchr(token, '.');
    const char *end = claims ? strchr(claims + 1, '.') : NULL;
    const struct hf_value *value;
    int64_t seconds;
    struct hf_error err = HF_ERROR_INIT;
    static const struct hf_read_limits LIMITS = {.bytes = MOST_CLAIMS, .depth = 16, .nodes = 1000};
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf json = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    for (const char *at = claims ? claims + 1 : NULL; end && at < end; at++) {
        hf_buf_addc(&text, *at == '-' ? '+' : *at == '_' ? '/' : *at);
    }
    while (text.len % 4 != 0) {
        hf_buf_addc(&text, '=');
    }
    bool has_end = end && arena && hf_buf_ok(&text) &&
                   hf_base64_decode((struct hf_slice){hf_buf_text(&text), text.len}, &json, &err) == 0 &&
                   hf_json_read(arena, hf_buf_text(&json), json.len, &LIMITS, &value, &err) == 0 &&
                   hf_value_int(hf_value_get(value, "exp"), &seconds) && seconds > 0 && seconds < INT64_MAX / 1000;
    return has_end ? seconds * 1000 : HF_TIME_NONE;
}

/* A server that does not know of audiences leaves them out; then the token is meant for the API server alone. */
static bool is_for_us(const struct hf_config_access *access, const struct hf_value *status)
{
    const struct hf_value *audiences = hf_value_get(status, "audiences");
    bool found = access->audience_count == 0;
    for (size_t i = 0; i < hf_value_count(audiences) && !found; i++) {
        const char *one = hf_value_text(hf_value_at(audiences, i));
        for (size_t j = 0; one && j < access->audience_count; j++) {
            found = found || strcmp(one, access->audiences[j]) == 0;
        }
    }
    return found;
}

static void on_token(void *ctx, const struct hf_answer *answer, const struct hf_error *err)
{
    struct run_review *review = ctx;
    const struct hf_value *status = hf_value_get(answer->object, "status");
    const struct hf_value *user = hf_value_get(status, "user");
    const char *name = hf_value_text(hf_value_get(user, "username"));
    if (err->code != HF_OK) {
        fail(review, err);
        return;
    }
    if (!hf_value_is_true(hf_value_get(status, "authenticated")) || !name || !name[0] || strlen(name) >= MOST_USER ||
        !is_for_us(&review->target->run->config->access, status)) {
        tell(review, HF_SERVE_REVIEW_WRONG);
        return;
    }
    memcpy(review->user, name, strlen(name) + 1);
    review->until_ms = end_of(review->token);
    add_member(&review->subject, "user", hf_value_get(user, "username"));
    add_member(&review->subject, "uid", hf_value_get(user, "uid"));
    add_member(&review->subject, "groups", hf_value_get(user, "groups"));
    add_member(&review->subject, "extra", hf_value_get(user, "extra"));
    ask_rights(review);
}

static int ask_token(struct run_review *review, struct hf_error *err)
{
    const struct hf_config_access *access = &review->target->run->config->access;
    struct hf_buf body = {0};
    hf_buf_adds(&body, "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\",\"spec\":{\"token\":");
    hf_buf_add_json(&body, hf_slice_of(review->token));
    for (size_t i = 0; i < access->audience_count; i++) {
        hf_buf_adds(&body, i == 0 ? ",\"audiences\":[" : ",");
        hf_buf_add_json(&body, hf_slice_of(access->audiences[i]));
    }
    hf_buf_adds(&body, access->audience_count > 0 ? "]}}" : "}}");
    int result = hf_buf_ok(&body) ? hf_cluster_review(review->target->cluster, TOKEN_REVIEWS, body.ptr, body.len,
                                                      REQUEST_MS, on_token, review, err)
                                  : hf_error_set(err, HF_ENOMEM, "out of memory for a review");
    if (body.ptr) {
        hf_wipe(body.ptr, body.cap);
    }
    hf_buf_free(&body);
    return result;
}

static void begin(struct hf_run *run, uint64_t ticket, const char *token)
{
    static const struct hf_serve_review NONE = {.outcome = HF_SERVE_REVIEW_NONE};
    struct hf_error err = HF_ERROR_INIT;
    const char *name = run->config->access.kubernetes_target;
    struct run_target *target = name ? hf_run_target_find(run, name) : NULL;
    struct run_review *review = target ? hf_calloc(1, sizeof *review) : NULL;
    if (review) {
        *review = (struct run_review){.target = target,
                                      .ticket = ticket,
                                      .token = hf_strdup(token),
                                      .until_ms = HF_TIME_NONE,
                                      .next = target->reviews,
                                      .from = &target->reviews};
        if (review->next) {
            review->next->from = &review->next;
        }
        target->reviews = review;
    }
    if (!review || !review->token) {
        hf_serve_reviewed(run->serve, ticket, &NONE);
        if (review) {
            review_free(review);
        }
    } else if (ask_token(review, &err) != 0) {
        fail(review, &err);
    }
}

static void question_free(struct question *question)
{
    hf_wipe(question->token, strlen(question->token));
    free(question);
}

static void on_question(void *ctx, void *message)
{
    struct hf_run *run = ctx;
    struct question *question = message;
    if (!run->has_stopped) { /* what comes with the loop's end has no server any more */
        begin(run, question->ticket, question->token);
    }
    question_free(question);
}

/* On a thread of the server's. */
static int post(void *ctx, uint64_t ticket, const char *token, struct hf_error *err)
{
    struct hf_run *run = ctx;
    size_t len = strlen(token);
    struct question *question = hf_calloc(1, sizeof *question + len + 1);
    if (!question) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a review");
    }
    question->ticket = ticket;
    memcpy(question->token, token, len);
    if (hf_loop_post(run->loop, on_question, run, question) != 0) {
        question_free(question);
        return hf_error_set(err, HF_ENOMEM, "out of memory for a review");
    }
    return 0;
}

void hf_run_review_table(struct hf_run *run, struct hf_serve_reviewer *out)
{
    *out = (struct hf_serve_reviewer){.ctx = run, .begin = post};
}

void hf_run_reviews_forget(struct run_target *target)
{
    while (target->reviews) {
        review_free(target->reviews); /* who waits is told by the server's own limit */
    }
}
