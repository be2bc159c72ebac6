/* /assets/…: the files of web/, by names of which none can lead out of it. */
#include <stdio.h>
#include <string.h>

#include "holdfast/digest.h"
#include "holdfast/embedded.h"
#include "server.h"

#define FILE_MOST (1u << 20)

/* By the end of the name; the pages' own templates are no assets. */
static const struct {
    const char *end;
    const char *type;
} TYPES[] = {
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
};
#define NAME_MOST 64

int hf_serve_web_file(const struct hf_serve *serve, const char *name, struct hf_buf *out, struct hf_error *err)
{
    char path[4096];
    if (serve->web_folder) {
        int len = snprintf(path, sizeof path, "%s/%s", serve->web_folder, name);
        if (len < 0 || (size_t)len >= sizeof path) {
            return hf_error_set(err, HF_ELIMIT, "the web folder's path is too long");
        }
        return hf_read_file(path, FILE_MOST, out, err);
    }
    (void)snprintf(path, sizeof path, "web/%s", name);
    const struct hf_embedded *file = hf_embedded_find(path);
    if (!file) {
        return hf_error_set(err, HF_ENOTFOUND, "%s is not built in", path);
    }
    hf_buf_add(out, file->bytes, file->size);
    return 0;
}

static void send_asset(const struct hf_request *request, struct hf_answer *answer, const char *file, const char *type)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_digest digest;
    char text[HF_SHA256_TEXT];
    if (hf_serve_web_file(request->serve, file, &answer->body, &err) != 0) {
        if (err.code == HF_ENOTFOUND) {
            hf_serve_nothing(request, answer);
            return;
        }
        hf_log_error(request->serve->log, HF_WARN, "a file of the dashboard can't be read", &err, NULL);
        hf_answer_problem(answer, 503, "This file of the dashboard can't be read.");
        return;
    }
    answer->type = type;
    if (hf_sha256(hf_buf_text(&answer->body), answer->body.len, &digest, &err) == 0) {
        hf_digest_text(&digest, text);
        (void)hf_answer_by_tag(request, answer, text + sizeof "sha256:" - 1);
    }
}

/* NULL when no asset can have this name: small letters and '-' before one of the ends. */
static const char *type_of(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz-");
    for (size_t i = 0; len > 0 && len < NAME_MOST && i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (strcmp(name + len, TYPES[i].end) == 0) {
            return TYPES[i].type;
        }
    }
    return NULL;
}

void hf_serve_asset(const struct hf_request *request, struct hf_answer *answer)
{
    const char *path = request->query->path;
    const char *name = strcmp(path, "/favicon.ico") == 0 ? "icon.svg" : path + strlen("/assets/");
    const char *type = type_of(name);
    if (type) {
        send_asset(request, answer, name, type);
    } else {
        hf_serve_nothing(request, answer);
    }
}
