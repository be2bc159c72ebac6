#include "post.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "holdfast/mem.h"

#define MOST_BODY ((size_t)64 << 10)

typedef void (*handler)(const struct hf_request *request, const struct hf_posted *posted, struct hf_answer *answer);

static const struct place {
    const char *path;
    handler handle;
    bool takes_form;
    bool is_page;
} PLACES[] = {
    {"/api/v1/actions", hf_post_action, false, false}, {"/api/v1/login", hf_post_login, true, false},
    {"/api/v1/logout", hf_post_logout, true, false},   {"/login", hf_post_login, true, true},
    {"/logout", hf_post_logout, true, true},
};

struct hf_post {
    const struct place *place;
    bool is_form;
    struct hf_buf body;
};

static bool is_type(const char *header, const char *type)
{
    size_t len = strlen(type);
    return header && strncasecmp(header, type, len) == 0 && (!header[len] || strchr("; \t", header[len]));
}

static const struct place *find(const char *target)
{
    size_t len = strcspn(target, "?");
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        if (strlen(PLACES[i].path) == len && strncmp(PLACES[i].path, target, len) == 0) {
            return &PLACES[i];
        }
    }
    return NULL;
}

struct hf_post *hf_post_begin(const struct hf_request *request, const char *target, struct hf_answer *answer)
{
    const struct place *place = find(target);
    const char *length = hf_request_header(request, "Content-Length");
    const char *type = hf_request_header(request, "Content-Type");
    int64_t len = 0;
    if (!place) {
        answer->allow = "GET, HEAD";
        hf_answer_problem(answer, 405, "Only GET and HEAD are answered here.");
        return NULL;
    }
    if (length && (!hf_parse_int(hf_slice_of(length), 0, INT64_MAX, &len) || len > (int64_t)MOST_BODY)) {
        hf_answer_problem(answer, 413, "A body has at most 64 KiB.");
        return NULL;
    }
    bool is_form = is_type(type, "application/x-www-form-urlencoded");
    bool is_empty = !type && place->handle == hf_post_logout;
    if (!is_type(type, "application/json") && !(is_form && place->takes_form) && !is_empty) {
        hf_answer_problem(answer, 415, "Expected application/json%s.",
                          place->takes_form ? " or application/x-www-form-urlencoded" : "");
        return NULL;
    }
    struct hf_post *post = hf_calloc(1, sizeof *post);
    if (!post) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
        return NULL;
    }
    post->place = place;
    post->is_form = is_form || is_empty;
    post->body.limit = MOST_BODY;
    return post;
}

bool hf_post_take(struct hf_post *post, const char *bytes, size_t len)
{
    hf_buf_add(&post->body, bytes, len);
    return !post->body.failed;
}

void hf_post_finish(struct hf_post *post, const struct hf_request *request, struct hf_answer *answer)
{
    struct hf_rights *rights = hf_guard_rights(&request->serve->guard);
    bool is_ours = hf_guard_origin(rights, hf_request_header(request, "Origin"),
                                   hf_request_header(request, "Sec-Fetch-Site"), hf_request_header(request, "Host"));
    hf_rights_release(rights);
    answer->is_page = post->place->is_page;
    if (!is_ours) {
        hf_answer_problem(answer, 403, "This comes from a page of another site.");
        return;
    }
    struct hf_posted posted = {.body = hf_buf_text(&post->body),
                               .len = post->body.len,
                               .is_form = post->is_form,
                               .is_page = post->place->is_page};
    post->place->handle(request, &posted, answer);
}

void hf_post_free(struct hf_post *post)
{
    if (post) {
        if (post->body.ptr) {
            hf_wipe(post->body.ptr, post->body.cap);
        }
        hf_buf_free(&post->body);
        free(post);
    }
}
