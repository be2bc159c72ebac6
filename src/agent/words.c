/* What of a server's answer may be told: where it refuses a Secret, its words may quote the values. */
#include <string.h>

#include "correct.h"

#define ANSWERED "the server answered "
#define STATUS_LEN 3u

static bool is_secret(const struct object *object)
{
    return strcmp(object->kind, "Secret") == 0 && strcmp(object->api_version, "v1") == 0;
}

/* Answers that quote nothing of what was sent: about who may do what, about versions, about the server's own state. */
static bool quotes_nothing(const char *answer)
{
    static const struct {
        const char *status;
        const char *words;
    } KNOWN[] = {{"401", ""},
                 {"403", " is forbidden: User "},
                 {"403", "because it is being terminated"},
                 {"404", ""},
                 {"409", "the object has been modified"},
                 {"410", ""},
                 {"429", ""},
                 {"500", ": Internal error occurred: failed calling webhook "},
                 {"503", ""},
                 {"504", ""}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (strncmp(answer, KNOWN[i].status, STATUS_LEN) == 0 && strstr(answer, KNOWN[i].words)) {
            return true;
        }
    }
    return false;
}

const char *hf_agent_words_of(const struct object *object, const char *text, struct hf_buf *out)
{
    size_t prefix = sizeof ANSWERED - 1;
    if (!is_secret(object) || strncmp(text, ANSWERED, prefix) != 0 || quotes_nothing(text + prefix)) {
        return text;
    }
    hf_buf_add(out, text, prefix + strnlen(text + prefix, STATUS_LEN));
    hf_buf_adds(out, strstr(text, "field is immutable when `immutable` is set")
                         ? ": the Secret is immutable"
                         : "; its words are left out, they may quote the Secret's values");
    return hf_buf_text(out);
}
