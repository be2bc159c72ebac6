/* The one error type: a stable code, and a sentence that says what was being done and what went wrong.
 *
 * A function that can fail returns int: 0 on success, -1 on failure with *err filled. err is never NULL.
 * The text is held inside the struct, so reporting an error never allocates and needs no cleanup. */
#ifndef HOLDFAST_ERROR_H
#define HOLDFAST_ERROR_H

#include <stddef.h>

enum hf_code {
    HF_OK = 0,
    HF_ENOMEM,       /* allocation failed */
    HF_EINVAL,       /* a value is not what was asked for (config, option, argument) */
    HF_EPARSE,       /* bytes that do not form a document; the text names line and column */
    HF_ELIMIT,       /* larger, deeper or longer than allowed */
    HF_EIO,          /* the operating system or a library failed to read or write */
    HF_ENOTFOUND,    /* no such file, unit, object, kind (404) */
    HF_EDENIED,      /* not allowed (401, 403, file permission) */
    HF_ECONFLICT,    /* somebody else was first (409) */
    HF_EGONE,        /* a resourceVersion too old to resume from (410) */
    HF_EREFUSED,     /* the server understood and said no (400, 405, 415, 422) */
    HF_ETHROTTLED,   /* told to slow down (429) */
    HF_EUNAVAILABLE, /* can't be reached or answers 5xx; worth another try */
    HF_ETIMEOUT,     /* no answer in time; worth another try */
    HF_EBUSY,        /* held by another process, or a queue is full */
    HF_ECORRUPT,     /* stored data fails its own checks */
    HF_EUNSUPPORTED, /* known, and not served by the other side or not built in */
    HF_ECANCELED,    /* given up because the caller asked or the program is stopping */
    HF_EINTERNAL     /* a rule of our own was broken: a bug */
};

#define HF_ERROR_TEXT 1000

struct hf_error {
    enum hf_code code;
    char text[HF_ERROR_TEXT]; /* always terminated; cut with "…" where it would be longer */
};

#define HF_ERROR_INIT                                                                                                  \
    {                                                                                                                  \
        HF_OK, ""                                                                                                      \
    }

/* Fills *err and returns -1, so that a caller can write `return hf_error_set(err, HF_EIO, "…")`. */
int hf_error_set(struct hf_error *err, enum hf_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, and appends ": " and the text of the given errno. */
int hf_error_errno(struct hf_error *err, enum hf_code code, int number, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts what was being done before the text: "read unit \"web\": line 3: …". Keeps the code. Returns -1. */
int hf_error_wrap(struct hf_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Back to HF_OK and an empty text. */
void hf_error_clear(struct hf_error *err);

/* The stable lower-case name of a code ("not_found"); never NULL, "unknown" for a value outside the list. */
const char *hf_code_name(enum hf_code code);

/* Whether trying again later can succeed without anybody changing anything. */
int hf_code_is_transient(enum hf_code code);

#endif
