/* What an answer outside 2xx means for the units, in words. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "confighub_client.h"

struct meaning {
    int status;
    enum hf_code code;
    const char *words;
};

static const struct meaning MEANINGS[] = {
    {400, HF_EREFUSED, "ConfigHub does not take the request as it is"},
    {401, HF_EDENIED,
     "the token is refused, and so it was after it was read or asked for anew: nothing is known to have "
     "changed"},
    {403, HF_EDENIED,
     "no permission: it can't be seen or changed with this token, which does not mean that it is gone"},
    {404, HF_ENOTFOUND, "not there, or not visible to this token: gone from view, which does not mean deleted"},
    {409, HF_ECONFLICT, "somebody was first: it has to be read again before it is changed"},
    {410, HF_ENOTFOUND, "gone from view, which does not mean deleted"},
    {413, HF_ELIMIT, "larger than ConfigHub takes"},
    {422, HF_EREFUSED, "ConfigHub can't do it as things are"},
    {429, HF_ETHROTTLED, "asked to slow down"},
};

bool confighub_says_worker_unavailable(const struct hf_error *err)
{
    return strcasestr(err->text, "worker") &&
           (strcasestr(err->text, "unavailable") || strcasestr(err->text, "not available") ||
            strcasestr(err->text, "not connected") || strcasestr(err->text, "disconnected"));
}

static const struct meaning *meaning_of(int status)
{
    static const struct meaning AWAY = {0, HF_EUNAVAILABLE, "ConfigHub fails: nothing is known to have changed"};
    for (size_t i = 0; i < sizeof MEANINGS / sizeof MEANINGS[0]; i++) {
        if (MEANINGS[i].status == status) {
            return &MEANINGS[i];
        }
    }
    return status >= 500 ? &AWAY : NULL;
}

int confighub_status_error(const struct hf_http_response *response, const char *doing, struct hf_error *err)
{
    struct hf_error said = HF_ERROR_INIT;
    char wait[HF_TIME_TEXT + 32] = "";
    if (hf_http_status_error(response, &said) == 0) {
        return 0;
    }
    const struct meaning *meaning = meaning_of(response->status);
    if (response->retry_after_ms >= 0) {
        char text[HF_TIME_TEXT];
        hf_duration_format(response->retry_after_ms, text);
        (void)snprintf(wait, sizeof wait, ", to be asked again in %s", text);
    }
    (void)hf_error_set(err, meaning ? meaning->code : said.code, "ConfigHub: %s: %s%s%s%s", doing, said.text,
                       meaning ? ": " : "", meaning ? meaning->words : "", wait);
    if (response->status == 422 && confighub_says_worker_unavailable(&said)) {
        err->code = HF_EUNAVAILABLE;
    }
    return -1;
}
