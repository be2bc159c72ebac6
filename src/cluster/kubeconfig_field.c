/* Fields of a kubeconfig, each checked for its kind, with errors that name the place. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "holdfast/digest.h"
#include "holdfast/mem.h"
#include "kubeconfig_file.h"

#define PEM_FILE_MAX (1u << 20)

int field_error(const struct kubeconfig_file *file, const struct hf_value *value, struct hf_error *err,
                const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: %s", file->path, value->line, value->column, text);
}

/* The member, or NULL when it is absent or null. */
static const struct hf_value *present(const struct hf_value *object, const char *key)
{
    const struct hf_value *value = hf_value_get(object, key);
    return value && value->kind != HF_NULL ? value : NULL;
}

int field_kind(const struct kubeconfig_file *file, const struct hf_value *object, const char *key, enum hf_kind kind,
               const struct hf_value **out, struct hf_error *err)
{
    const struct hf_value *value = present(object, key);
    if (value && value->kind != kind) {
        return field_error(file, value, err, "%s: found %s, expected %s", key, hf_kind_name(value->kind),
                           hf_kind_name(kind));
    }
    *out = value;
    return 0;
}

int field_text(const struct kubeconfig_file *file, const struct hf_value *object, const char *key, const char **out,
               struct hf_error *err)
{
    const struct hf_value *value = NULL;
    if (field_kind(file, object, key, HF_STRING, &value, err) != 0) {
        return -1;
    }
    const char *text = value ? hf_value_text(value) : NULL;
    if (value && !text) {
        return field_error(file, value, err, "%s: found a NUL character, expected text", key);
    }
    *out = text && *text ? text : NULL;
    return 0;
}

int field_bool(const struct kubeconfig_file *file, const struct hf_value *object, const char *key, bool *out,
               struct hf_error *err)
{
    const struct hf_value *value = NULL;
    if (field_kind(file, object, key, HF_BOOL, &value, err) != 0) {
        return -1;
    }
    *out = value && value->as.boolean;
    return 0;
}

char *kubeconfig_path(const struct kubeconfig_file *file, const char *path)
{
    struct hf_buf whole = {0};
    if (path[0] == '/') {
        hf_buf_adds(&whole, path);
    } else {
        hf_buf_addf(&whole, "%s/%s", file->folder, path);
    }
    return hf_buf_take(&whole);
}

static bool is_pem(const struct hf_buf *buf)
{
    return buf->len > 0 && memchr(buf->ptr, '\0', buf->len) == NULL && strstr(buf->ptr, "-----BEGIN ") != NULL;
}

static int pem_of_data(const struct kubeconfig_file *file, const struct hf_value *value, const char *key,
                       struct hf_buf *out, struct hf_error *err)
{
    struct hf_error why = HF_ERROR_INIT;
    if (hf_base64_decode(value->as.text, out, &why) != 0) {
        if (why.code == HF_ENOMEM) {
            *err = why;
            return -1;
        }
        return field_error(file, value, err, "%s: found what is not base64, expected PEM in base64", key);
    }
    return is_pem(out) ? 0
                       : field_error(file, value, err,
                                     "%s: found base64 of something else, expected base64 of PEM (-----BEGIN …)", key);
}

static int pem_of_file(const struct kubeconfig_file *file, const struct hf_value *value, const char *key,
                       struct hf_buf *out, char **path, struct hf_error *err)
{
    const char *named = hf_value_text(value);
    char *whole = named ? kubeconfig_path(file, named) : NULL;
    if (!whole) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", file->path);
    }
    if (hf_read_file(whole, PEM_FILE_MAX, out, err) != 0) {
        (void)hf_error_wrap(err, "%s: line %u, column %u: %s", file->path, value->line, value->column, key);
    } else if (!is_pem(out)) {
        (void)field_error(file, value, err, "%s: %s holds no PEM, expected -----BEGIN …", key, whole);
    } else {
        *path = whole;
        return 0;
    }
    free(whole);
    return -1;
}

int field_pem(const struct kubeconfig_file *file, const struct hf_value *object, const char *data_key,
              const char *file_key, struct hf_buf *out, char **path, struct hf_error *err)
{
    const char *data;
    const char *named;
    if (field_text(file, object, data_key, &data, err) != 0 || field_text(file, object, file_key, &named, err) != 0) {
        return -1;
    }
    if (data) {
        return pem_of_data(file, hf_value_get(object, data_key), data_key, out, err);
    }
    return named ? pem_of_file(file, hf_value_get(object, file_key), file_key, out, path, err) : 0;
}

static bool is_host_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           (byte != '\0' && strchr("-._~%[]:", byte));
}

static bool ascii_printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7F) {
            return false;
        }
    }
    return true;
}

int server_url(const char *text, bool tls, char **out, struct hf_error *err)
{
    const char *scheme = tls ? "https" : "http";
    const char *rest = strstr(text, "://");
    if (rest) {
        bool https = strncasecmp(text, "https:", 6) == 0;
        if (!https && strncasecmp(text, "http:", 5) != 0) {
            return hf_error_set(err, HF_EINVAL, "found another scheme, expected https:// or http://");
        }
        scheme = https ? "https" : "http";
        rest += 3;
    } else {
        rest = text;
    }
    size_t host = 0;
    while (is_host_byte(rest[host])) {
        host++;
    }
    if (strchr(rest, '@') || strpbrk(rest, "?#")) {
        return hf_error_set(err, HF_EINVAL,
                            "found a user, a query or a fragment in the URL, expected https://host[:port][/path]");
    }
    if (host == 0 || rest[0] == ':' || (rest[host] != '\0' && rest[host] != '/') || !ascii_printable(rest)) {
        return hf_error_set(err, HF_EINVAL, "found what is no URL, expected https://host[:port][/path]");
    }
    size_t len = strlen(rest);
    while (len > 0 && rest[len - 1] == '/') {
        len--;
    }
    struct hf_buf url = {0};
    hf_buf_addf(&url, "%s://", scheme);
    hf_buf_add(&url, rest, len);
    *out = hf_buf_take(&url);
    return *out ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
}

/* The readers' errors quote what they found ("found 'eyJhb…', expected a value"): kept only when it is one of their own
 * phrases, or a single character, which tells of syntax. */
void redact_found(struct hf_error *err)
{
    static const char *const PHRASES[] = {"the ",  "a ",         "an ",     "more than ", "control ",  "null ",
                                          "byte ", "something ", "deeper ", "key ",       "duplicate "};
    char *found = strstr(err->text, "found ");
    char *end = found ? strstr(found, ", expected ") : NULL;
    if (!end) {
        return;
    }
    found += strlen("found ");
    bool kept = end - found <= 3;
    for (size_t i = 0; i < sizeof PHRASES / sizeof PHRASES[0]; i++) {
        kept = kept || strncmp(found, PHRASES[i], strlen(PHRASES[i])) == 0;
    }
    if (!kept) {
        struct hf_buf text hf_auto_buf = {0};
        hf_buf_add(&text, err->text, (size_t)(found - err->text));
        hf_buf_addf(&text, "something else%s", end);
        (void)hf_error_set(err, err->code, "%s", hf_buf_text(&text));
    }
}

static void wipe_slice(struct hf_slice text)
{
    void *bytes;
    memcpy(&bytes, &text.ptr, sizeof bytes);
    hf_wipe(bytes, text.len);
}

void wipe_value(const struct hf_value *value)
{
    if (!value) {
        return;
    }
    if (value->kind == HF_STRING || value->kind == HF_NUMBER) {
        wipe_slice(value->as.text);
    } else if (value->kind == HF_ARRAY) {
        for (size_t i = 0; i < value->as.array.count; i++) {
            wipe_value(&value->as.array.items[i]);
        }
    } else if (value->kind == HF_OBJECT) {
        for (size_t i = 0; i < value->as.object.count; i++) {
            wipe_value(&value->as.object.members[i].value);
        }
    }
}
