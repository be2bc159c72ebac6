/* /api/v1/stats, /api/v1/stats/timeline, /api/v1/trail: figures of the trail. */
#include <string.h>

#include "server.h"
#include "trail.h"

#define DAY_MS 86400000
#define BUCKETS 48
#define BUCKETS_MOST 1000

/* Takes a 503 for what is not there. */
static bool has(const struct hf_request *request, struct hf_answer *answer, bool is_there)
{
    struct hf_error err = HF_ERROR_INIT;
    if (!is_there) {
        (void)hf_error_set(&err, HF_EUNAVAILABLE, "there is no trail to read");
        hf_trail_problem(request, answer, "the trail can't be read", &err);
    }
    return is_there;
}

static void finish(const struct hf_request *request, struct hf_answer *answer, int result, const struct hf_error *err)
{
    if (result != 0) {
        hf_trail_problem(request, answer, "figures of the trail can't be read", err);
    } else {
        answer->type = "application/json";
    }
}

void hf_serve_stats(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"by", "since", "until", NULL};
    static const char *const BY[HF_SERVE_BY_COUNT + 1] = {"all",     "target", "unit", "kind", "namespace",
                                                          "manager", "user",   "path", NULL};
    const struct hf_serve_trail *trail = &request->serve->trail;
    struct hf_error err = HF_ERROR_INIT;
    int64_t since;
    int64_t until;
    size_t by;
    if (!hf_request_only(request, answer, KNOWN) || !hf_request_word(request, answer, "by", BY, HF_SERVE_BY_ALL, &by) ||
        !hf_request_time(request, answer, "since", &since) || !hf_request_time(request, answer, "until", &until) ||
        !has(request, answer, trail->stats)) {
        return;
    }
    finish(request, answer, trail->stats(trail->ctx, (enum hf_serve_by)by, since, until, &answer->body, &err), &err);
}

void hf_serve_timeline(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"since", "until", "buckets", NULL};
    const struct hf_serve_trail *trail = &request->serve->trail;
    struct hf_error err = HF_ERROR_INIT;
    int64_t since;
    int64_t until;
    int64_t buckets;
    if (!hf_request_only(request, answer, KNOWN) || !hf_request_time(request, answer, "since", &since) ||
        !hf_request_time(request, answer, "until", &until) ||
        !hf_request_int(request, answer, "buckets", 1, BUCKETS_MOST, BUCKETS, &buckets) ||
        !has(request, answer, trail->timeline)) {
        return;
    }
    until = until == HF_TIME_NONE ? request->now_ms : until;
    since = since == HF_TIME_NONE ? until - DAY_MS : since;
    if (until <= since) {
        hf_answer_problem(answer, 400, "The parameter \"since\" must be before \"until\".");
        return;
    }
    finish(request, answer, trail->timeline(trail->ctx, since, until, (size_t)buckets, &answer->body, &err), &err);
}

void hf_serve_chain(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"verify", NULL};
    const struct hf_serve_trail *trail = &request->serve->trail;
    struct hf_error err = HF_ERROR_INIT;
    bool verify;
    if (!hf_request_only(request, answer, KNOWN) || !hf_request_bool(request, answer, "verify", &verify) ||
        !has(request, answer, trail->chain)) {
        return;
    }
    finish(request, answer, trail->chain(trail->ctx, verify, &answer->body, &err), &err);
}
