#include "query.h"

#include <string.h>

#include "holdfast/mem.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int hf_query_decode(char *text, unsigned how, const char *what, struct hf_error *err)
{
    size_t to = 0;
    for (size_t from = 0; text[from]; from++) {
        char c = text[from];
        bool is_escaped = c == '%';
        if (is_escaped) {
            int high = hex_digit(text[from + 1]);
            int low = high < 0 ? -1 : hex_digit(text[from + 2]);
            if (low < 0) {
                return hf_error_set(err, HF_EINVAL, "%s has a '%%' without two hex digits after it", what);
            }
            c = (char)(high * 16 + low);
            from += 2;
        } else if (c == '+' && (how & HF_DECODE_PLUS)) {
            c = ' ';
        }
        unsigned char byte = (unsigned char)c;
        /* Names in a cluster may hold nearly anything. */
        bool is_line_end = byte == '\n' || byte == '\r';
        bool is_taken = is_escaped && byte != 0 && (how & (is_line_end ? HF_DECODE_LINES : HF_DECODE_CONTROL));
        if ((byte < 0x20 || byte == 0x7F) && !is_taken) {
            return hf_error_set(err, HF_EINVAL, "%s holds a control character", what);
        }
        text[to++] = c;
    }
    text[to] = '\0';
    if (!hf_utf8_valid(text, to)) {
        return hf_error_set(err, HF_EINVAL, "%s is not UTF-8", what);
    }
    return 0;
}

static int check_path(const char *path, struct hf_error *err)
{
    if (path[0] != '/') {
        return hf_error_set(err, HF_EINVAL, "the path does not begin with '/'");
    }
    if (strchr(path, '\\')) {
        return hf_error_set(err, HF_EINVAL, "the path holds a backslash");
    }
    for (const char *at = path; *at;) {
        const char *segment = at + 1;
        size_t len = strcspn(segment, "/");
        bool last = segment[len] == '\0';
        if ((len == 0 && !last) || (len == 1 && segment[0] == '.') ||
            (len == 2 && segment[0] == '.' && segment[1] == '.')) {
            return hf_error_set(err, HF_EINVAL, "the path has an empty, '.' or '..' segment");
        }
        at = segment + len;
    }
    return 0;
}

static int add_param(struct hf_query *query, char *pair, struct hf_error *err)
{
    if (query->count == HF_QUERY_PARAMS) {
        return hf_error_set(err, HF_ELIMIT, "more than %d parameters", HF_QUERY_PARAMS);
    }
    char *value = strchr(pair, '=');
    if (value) {
        *value++ = '\0';
    } else {
        value = pair + strlen(pair);
    }
    if (hf_query_decode(pair, HF_DECODE_PLUS, "a parameter's name", err) != 0) {
        return -1;
    }
    if (!pair[0]) {
        return hf_error_set(err, HF_EINVAL, "a parameter has no name");
    }
    if (hf_query_decode(value, HF_DECODE_PLUS | HF_DECODE_CONTROL, "a parameter's value", err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->params[i].name, pair) == 0) {
            return hf_error_set(err, HF_EINVAL, "the parameter \"%.40s\" stands twice", pair);
        }
    }
    query->params[query->count].name = pair;
    query->params[query->count].value = value;
    query->count++;
    return 0;
}

int hf_query_read(struct hf_query *query, const char *target, struct hf_error *err)
{
    memset(query, 0, sizeof *query);
    query->path = "";
    if (strlen(target) > HF_QUERY_MAX) {
        return hf_error_set(err, HF_ELIMIT, "the request's target is longer than %d bytes", HF_QUERY_MAX);
    }
    query->size = strlen(target) + 1;
    query->bytes = hf_strdup(target);
    if (!query->bytes) {
        return hf_error_set(err, HF_ENOMEM, "no memory for the request's target");
    }
    char *rest = strchr(query->bytes, '?');
    if (rest) {
        *rest++ = '\0';
    }
    query->path = query->bytes;
    if (hf_query_decode(query->bytes, 0, "the path", err) != 0 || check_path(query->bytes, err) != 0) {
        return -1;
    }
    while (rest && *rest) {
        char *next = strchr(rest, '&');
        if (next) {
            *next++ = '\0';
        }
        if (*rest && add_param(query, rest, err) != 0) {
            return -1;
        }
        rest = next;
    }
    return 0;
}

int hf_query_copy(struct hf_query *to, const struct hf_query *from)
{
    *to = *from;
    to->bytes = hf_calloc(1, from->size);
    if (!to->bytes) {
        memset(to, 0, sizeof *to);
        to->path = "";
        return -1;
    }
    memcpy(to->bytes, from->bytes, from->size);
    to->path = to->bytes + (from->path - from->bytes);
    for (size_t i = 0; i < to->count; i++) {
        to->params[i].name = to->bytes + (from->params[i].name - from->bytes);
        to->params[i].value = to->bytes + (from->params[i].value - from->bytes);
    }
    return 0;
}

void hf_query_free(struct hf_query *query)
{
    free(query->bytes);
    memset(query, 0, sizeof *query);
    query->path = "";
}

const char *hf_query_get(const struct hf_query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->params[i].name, name) == 0) {
            return query->params[i].value[0] ? query->params[i].value : NULL;
        }
    }
    return NULL;
}

bool hf_query_has(const struct hf_query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->params[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}
