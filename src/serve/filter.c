/* The filters of the trail, for events, incidents, exports and the page. */
#include <string.h>

#include "server.h"
#include "trail.h"

const char *const hf_trail_outcomes[] = {"open", "ended", "corrected", "healed", "dismissed", NULL};
static const char *const SEVERITIES[] = {"info", "warning", "critical", NULL};
static const char *const VERDICTS[] = {"in_sync", "drifted", "missing",     "extra", "blocked",
                                       "unknown", "pending", "terminating", NULL};
static const char *const CLASSES[] = {"changed", "removed", "leftover", "added", NULL};

static bool read_word(const struct hf_request *request, struct hf_answer *answer, const char *name,
                      const char *const *words, const char **out)
{
    size_t at;
    *out = NULL;
    if (!hf_request_word(request, answer, name, words, SIZE_MAX, &at)) {
        return false;
    }
    *out = at == SIZE_MAX ? NULL : words[at];
    return true;
}

bool hf_trail_filter(const struct hf_request *request, struct hf_answer *answer, struct hf_serve_query *query)
{
    const struct hf_query *from = request->query;
    if (!hf_request_time(request, answer, "since", &query->since_ms) ||
        !hf_request_time(request, answer, "until", &query->until_ms) ||
        !read_word(request, answer, "severity", SEVERITIES, &query->severity) ||
        !read_word(request, answer, "verdict", VERDICTS, &query->verdict) ||
        !read_word(request, answer, "class", CLASSES, &query->class) ||
        !read_word(request, answer, "outcome", hf_trail_outcomes, &query->outcome)) {
        return false;
    }
    query->type = hf_query_get(from, "type");
    query->incident = hf_query_get(from, "incident");
    query->target = hf_query_get(from, "target");
    query->space = hf_query_get(from, "space");
    query->unit = hf_query_get(from, "unit");
    query->kind = hf_query_get(from, "kind");
    query->namespace = hf_query_get(from, "namespace");
    query->name = hf_query_get(from, "name");
    query->manager = hf_query_get(from, "manager");
    query->user = hf_query_get(from, "user");
    query->path = hf_query_get(from, "path");
    return true;
}

void hf_trail_problem(const struct hf_request *request, struct hf_answer *answer, const char *what,
                      const struct hf_error *err)
{
    hf_log_error(request->serve->log, HF_WARN, what, err, NULL);
    answer->retry_after_s = 2;
    if (err->code == HF_ECANCELED) {
        hf_answer_problem(answer, 503, "This took too long: ask for less, such as by since.");
    } else {
        hf_answer_problem(answer, 503, "The trail can't be read now (%s).", hf_code_name(err->code));
    }
}
