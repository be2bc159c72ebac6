/* A request's target: path and parameters, decoded once, by us: libmicrohttpd's own decoding cuts at %00. */
#ifndef HOLDFAST_SERVE_QUERY_H
#define HOLDFAST_SERVE_QUERY_H

#include "holdfast/error.h"
#include "holdfast/text.h"

#define HF_QUERY_MAX 8192 /* bytes of the target as sent */
#define HF_QUERY_PARAMS 32

struct hf_param {
    const char *name;
    const char *value;
};

struct hf_query {
    char *bytes; /* what all the rest points into */
    size_t size; /* of bytes */
    const char *path;
    struct hf_param params[HF_QUERY_PARAMS];
    size_t count;
};

/* Reads "/path?name=value&…" (RFC 3986; '+' in a value is a space). Everything is decoded once; the result must be
 * UTF-8 without NUL and line ends (control characters only as a parameter's escapes), the path absolute and without
 * empty, "." and ".." segments. Errors: HF_EINVAL with a sentence for the client (which holds nothing of the input but
 * a parameter's name), HF_ELIMIT, HF_ENOMEM. The caller frees with hf_query_free, after a failure too. */
int hf_query_read(struct hf_query *query, const char *target, struct hf_error *err);
void hf_query_free(struct hf_query *query);
/* A copy that lives by itself; -1 when memory is short. */
int hf_query_copy(struct hf_query *to, const struct hf_query *from);
/* Decodes a terminated text in place, and checks it; `what` begins the sentence of the error (HF_EINVAL). */
#define HF_DECODE_PLUS 1u    /* a plus is a space */
#define HF_DECODE_CONTROL 2u /* escaped it may hold control characters, but for NUL and line ends */
#define HF_DECODE_LINES 4u   /* and line ends too */
int hf_query_decode(char *text, unsigned how, const char *what, struct hf_error *err);
/* NULL when it is not there, or is empty. Each name stands once. */
const char *hf_query_get(const struct hf_query *query, const char *name);
bool hf_query_has(const struct hf_query *query, const char *name); /* "?verbose" too */

#endif
