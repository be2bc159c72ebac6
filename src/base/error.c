#include "holdfast/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char CUT[] = "…";

/* vsnprintf cuts in the middle; step back to a whole UTF-8 sequence and mark the cut. */
static void mark_cut(char *text, size_t cap)
{
    size_t end = cap - sizeof CUT;
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80) {
        end--;
    }
    memcpy(text + end, CUT, sizeof CUT);
}

__attribute__((format(printf, 3, 0))) static void write_text(char *out, size_t cap, const char *format, va_list args)
{
    int wanted = vsnprintf(out, cap, format, args);
    if (wanted < 0) {
        out[0] = '\0';
    } else if ((size_t)wanted >= cap) {
        mark_cut(out, cap);
    }
}

int hf_error_set(struct hf_error *err, enum hf_code code, const char *format, ...)
{
    /* The arguments may point into err->text itself, so write aside first. */
    char text[HF_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    write_text(text, sizeof text, format, args);
    va_end(args);
    memcpy(err->text, text, sizeof text);
    err->code = code;
    return -1;
}

int hf_error_errno(struct hf_error *err, enum hf_code code, int number, const char *format, ...)
{
    char text[HF_ERROR_TEXT];
    char reason[128];
    va_list args;
    va_start(args, format);
    write_text(text, sizeof text, format, args);
    va_end(args);
    const char *words = strerror_r(number, reason, sizeof reason);
    return hf_error_set(err, code, "%s: %s", text, words);
}

int hf_error_wrap(struct hf_error *err, const char *format, ...)
{
    char text[HF_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    write_text(text, sizeof text, format, args);
    va_end(args);
    return hf_error_set(err, err->code, "%s: %s", text, err->text);
}

void hf_error_clear(struct hf_error *err)
{
    err->code = HF_OK;
    err->text[0] = '\0';
}

static const char *const NAMES[] = {
    [HF_OK] = "ok",
    [HF_ENOMEM] = "no_memory",
    [HF_EINVAL] = "invalid",
    [HF_EPARSE] = "malformed",
    [HF_ELIMIT] = "over_limit",
    [HF_EIO] = "io",
    [HF_ENOTFOUND] = "not_found",
    [HF_EDENIED] = "denied",
    [HF_ECONFLICT] = "conflict",
    [HF_EGONE] = "gone",
    [HF_EREFUSED] = "refused",
    [HF_ETHROTTLED] = "throttled",
    [HF_EUNAVAILABLE] = "unavailable",
    [HF_ETIMEOUT] = "timeout",
    [HF_EBUSY] = "busy",
    [HF_ECORRUPT] = "corrupt",
    [HF_EUNSUPPORTED] = "unsupported",
    [HF_ECANCELED] = "canceled",
    [HF_EINTERNAL] = "internal",
};

const char *hf_code_name(enum hf_code code)
{
    size_t index = (size_t)code;
    return index < sizeof NAMES / sizeof NAMES[0] ? NAMES[index] : "unknown";
}

int hf_code_is_transient(enum hf_code code)
{
    switch (code) {
    case HF_ECONFLICT:
    case HF_EGONE:
    case HF_ETHROTTLED:
    case HF_EUNAVAILABLE:
    case HF_ETIMEOUT:
    case HF_EBUSY:
    case HF_ENOMEM:
    case HF_EIO:
        return 1;
    default:
        return 0;
    }
}
