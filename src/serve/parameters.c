#include <inttypes.h>
#include <string.h>

#include "server.h"

bool hf_request_only(const struct hf_request *request, struct hf_answer *answer, const char *const *known)
{
    for (size_t i = 0; i < request->query->count; i++) {
        const char *name = request->query->params[i].name;
        size_t at = 0;
        while (known[at] && strcmp(known[at], name) != 0) {
            at++;
        }
        if (!known[at]) {
            hf_answer_problem(answer, 400, "There is no parameter \"%.60s\" here.", name);
            return false;
        }
    }
    return true;
}

bool hf_request_int(const struct hf_request *request, struct hf_answer *answer, const char *name, int64_t least,
                    int64_t most, int64_t otherwise, int64_t *out)
{
    const char *text = hf_query_get(request->query, name);
    *out = otherwise;
    if (text && !hf_parse_int(hf_slice_of(text), least, most, out)) {
        hf_answer_problem(answer, 400, "The parameter \"%s\" must be a whole number from %" PRId64 " to %" PRId64 ".",
                          name, least, most);
        return false;
    }
    return true;
}

bool hf_request_time(const struct hf_request *request, struct hf_answer *answer, const char *name, int64_t *out)
{
    const char *text = hf_query_get(request->query, name);
    int64_t ago;
    *out = HF_TIME_NONE;
    if (!text || hf_time_parse(hf_slice_of(text), out)) {
        return true;
    }
    if (hf_duration_parse(hf_slice_of(text), &ago)) {
        *out = request->now_ms - ago;
        return true;
    }
    hf_answer_problem(
        answer, 400,
        "The parameter \"%s\" must be a time such as 2026-03-01T09:30:00Z or a duration back from now such "
        "as 2h.",
        name);
    return false;
}

bool hf_request_bool(const struct hf_request *request, struct hf_answer *answer, const char *name, bool *out)
{
    const char *text = hf_query_get(request->query, name);
    *out = false;
    if (!text) {
        *out = hf_query_has(request->query, name);
        return true;
    }
    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0) {
        *out = true;
        return true;
    }
    if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0) {
        return true;
    }
    hf_answer_problem(answer, 400, "The parameter \"%s\" must be true or false.", name);
    return false;
}

bool hf_request_word(const struct hf_request *request, struct hf_answer *answer, const char *name,
                     const char *const *words, size_t otherwise, size_t *out)
{
    const char *text = hf_query_get(request->query, name);
    hf_auto_buf struct hf_buf known = {0};
    *out = otherwise;
    if (!text) {
        return true;
    }
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
        hf_buf_addf(&known, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    }
    hf_answer_problem(answer, 400, "The parameter \"%s\" must be %s.", name, hf_buf_text(&known));
    return false;
}
