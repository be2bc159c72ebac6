/* /api/v1/spaces: how each space of each target stands. */
#include <stdlib.h>
#include <string.h>

#include "holdfast/map.h"
#include "holdfast/mem.h"
#include "json_out.h"
#include "server.h"

struct space {
    const char *target; /* the view's; may be NULL */
    const char *name;
    size_t units;
    size_t counts[HF_RANK_COUNT];
};

struct spaces {
    struct hf_map *by_name; /* of struct space, which it owns */
    bool short_of;
};

static struct space *find(struct spaces *spaces, const char *target, const char *name)
{
    hf_auto_buf struct hf_buf key = {0};
    hf_buf_adds(&key, target ? target : "");
    hf_buf_addc(&key, '\0');
    hf_buf_adds(&key, name ? name : "");
    struct hf_slice slice = {key.ptr, key.len};
    struct space *space = hf_buf_ok(&key) ? hf_map_get(spaces->by_name, slice) : NULL;
    if (space || spaces->short_of) {
        return space;
    }
    space = hf_buf_ok(&key) ? hf_calloc(1, sizeof *space) : NULL;
    if (!space || hf_map_put(spaces->by_name, slice, space, NULL) != 0) {
        free(space);
        spaces->short_of = true;
        return NULL;
    }
    space->target = target;
    space->name = name;
    return space;
}

static void gather(struct spaces *spaces, const struct hf_view *view)
{
    struct space *space = NULL;
    for (size_t i = 0; i < view->unit_count && !spaces->short_of; i++) {
        space = find(spaces, view->units[i].target, view->units[i].space);
        if (space) {
            space->units++;
        }
    }
    for (size_t i = 0; i < view->object_count && !spaces->short_of; i++) {
        space = find(spaces, view->objects[i].target, view->objects[i].space);
        if (space) {
            space->counts[hf_rank_of(view->objects[i].verdict)]++;
        }
    }
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare(const void *left, const void *right)
{
    const struct space *a = *(const struct space *const *)left;
    const struct space *b = *(const struct space *const *)right;
    int order = compare_text(a->target, b->target);
    return order ? order : compare_text(a->name, b->name);
}

static void add_space(struct hf_buf *out, const struct space *space)
{
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "target", space->target);
    hf_out_text(out, "space", space->name);
    hf_out_count(out, "units", space->units);
    hf_out_open(out, "counts", '{');
    for (int rank = 0; rank < HF_RANK_COUNT; rank++) {
        hf_out_count(out, hf_rank_name((enum hf_rank)rank), space->counts[rank]);
    }
    hf_out_close(out, '}');
    hf_out_close(out, '}');
}

static bool list(struct hf_buf *out, const struct hf_view *view)
{
    struct spaces spaces = {.by_name = hf_map_new()};
    struct space **sorted = NULL;
    size_t count = 0;
    if (spaces.by_name) {
        gather(&spaces, view);
        sorted = hf_calloc(hf_map_count(spaces.by_name) + 1, sizeof(*sorted));
    }
    bool good = sorted && !spaces.short_of;
    size_t cursor = 0;
    void *value;
    while (good && hf_map_next(spaces.by_name, &cursor, NULL, &value)) {
        sorted[count++] = value;
    }
    if (good) {
        qsort(sorted, count, sizeof(*sorted), compare);
    }
    hf_out_open(out, NULL, '{');
    hf_out_count(out, "serial", view->serial);
    hf_out_open(out, "items", '[');
    for (size_t i = 0; i < count; i++) {
        add_space(out, sorted[i]);
    }
    hf_out_close(out, ']');
    hf_out_close(out, '}');
    free(sorted);
    hf_map_free(spaces.by_name, free);
    return good;
}

void hf_serve_spaces(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {NULL};
    if (!hf_request_only(request, answer, KNOWN) || !hf_answer_needs_view(request, answer)) {
        return;
    }
    answer->type = "application/json";
    if (!hf_answer_by_view(request, answer) && !list(&answer->body, request->view->view)) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
    }
}
