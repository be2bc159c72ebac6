#include <stdio.h>
#include <string.h>

#include "channel.h"
#include "holdfast/mem.h"

#define SEGMENT_LEAST 4 /* shorter pieces of a path hold no secret, and stand in any sentence */

static const char *authority(const char *url, size_t *len)
{
    const char *from = strstr(url, "://");
    if (!from) {
        return NULL;
    }
    from += strlen("://");
    *len = strcspn(from, "/?#");
    for (size_t i = *len; i-- > 0;) {
        if (from[i] == '@') {
            *len -= i + 1;
            return from + i + 1;
        }
    }
    return from;
}

char *hf_alert_host(const char *url)
{
    size_t len = 0;
    const char *host = authority(url, &len);
    return host && len > 0 ? hf_strndup(host, len) : NULL;
}

/* Takes every occurrence of part out of text. */
static void cut_out(char *text, const char *part)
{
    size_t len = strlen(part);
    for (char *at = len > 1 ? strstr(text, part) : NULL; at; at = strstr(at, part)) {
        memmove(at, at + len, strlen(at + len) + 1);
    }
}

/* Whether a piece of the secret part still stands in the text, in whatever spelling surrounds it. */
static bool holds_piece(const char *text, const char *secret)
{
    while (*secret) {
        char piece[128];
        secret += strspn(secret, "/?&=#:@");
        size_t len = strcspn(secret, "/?&=#:@");
        size_t kept = len < sizeof piece ? len : sizeof piece - 1;
        memcpy(piece, secret, kept);
        piece[kept] = '\0';
        if (kept >= SEGMENT_LEAST && strstr(text, piece)) {
            return true;
        }
        secret += len;
    }
    return false;
}

void hf_alert_reason(char *out, size_t size, const char *url, const struct hf_error *err)
{
    char text[HF_ERROR_TEXT];
    char user[256] = "";
    size_t len = 0;
    const char *host = authority(url, &len);
    const char *scheme_end = strstr(url, "://");
    memcpy(text, err->text, sizeof text);
    if (host && scheme_end && host > scheme_end + 3) {
        (void)snprintf(user, sizeof user, "%.*s", (int)(host - scheme_end - 3), scheme_end + 3);
        cut_out(text, user);
    }
    const char *rest = host ? host + len : url;
    cut_out(text, rest);
    if (holds_piece(text, rest) || holds_piece(text, user)) {
        (void)snprintf(out, size, "%s", hf_code_name(err->code));
    } else {
        (void)snprintf(out, size, "%s: %s", hf_code_name(err->code), text);
    }
}

const char *hf_alert_usual_url(const char *type)
{
    return type && strcmp(type, "slack-bot") == 0   ? "https://slack.com/api/chat.postMessage"
           : type && strcmp(type, "pagerduty") == 0 ? "https://events.pagerduty.com/v2/enqueue"
                                                    : NULL;
}
