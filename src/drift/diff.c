/* A judgement as a unified diff of YAML, in the manner of `kubectl diff`: what the unit says, against the same with the
 * findings in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/pointer.h"
#include "holdfast/yaml.h"
#include "walk.h"

#define MOST_LINES 3000u

static int impose(struct hf_arena *arena, const struct hf_drift_input *input, const struct hf_finding *finding,
                  struct hf_value *document, bool is_secret)
{
    struct hf_slice place = hf_slice_of(finding->desired_path);
    if (place.len == 0) {
        return 0;
    }
    if (!finding->live) {
        (void)hf_pointer_cut(document, place);
        return 0;
    }
    const struct hf_value *live = hf_pointer_get(input->live, hf_slice_of(finding->path));
    if (is_secret) {
        live = hf_value_string(arena, hf_slice_of(finding->live));
    }
    struct hf_error err = HF_ERROR_INIT;
    if (!live || hf_pointer_put(arena, document, place, live, &err) == 0 || err.code != HF_ENOMEM) {
        return 0; /* a place whose holder the unit does not have is not shown */
    }
    return -1;
}

static int put_mask(struct hf_arena *arena, struct hf_value *value, const char *path,
                    const struct hf_judgement *judgement)
{
    const char *shown = "(masked)";
    for (size_t i = 0; i < judgement->count; i++) {
        if (strcmp(judgement->findings[i].path, path) == 0 && judgement->findings[i].desired) {
            shown = judgement->findings[i].desired;
        }
    }
    const struct hf_value *text = hf_value_string(arena, hf_slice_of(shown));
    if (text) {
        *value = *text;
    }
    return text ? 0 : -1;
}

/* Keys are shown. */
static int mask_entries(struct hf_arena *arena, struct hf_value *map, const char *path,
                        const struct hf_judgement *judgement)
{
    if (!map || map->kind != HF_OBJECT) {
        return map ? put_mask(arena, map, path, judgement) : 0;
    }
    for (size_t i = 0; i < map->as.object.count; i++) {
        hf_auto_buf struct hf_buf below = {0};
        hf_buf_adds(&below, path);
        hf_pointer_add_key(&below, map->as.object.members[i].key);
        if (put_mask(arena, &map->as.object.members[i].value, hf_buf_text(&below), judgement) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Values of a Secret that did not change are not shown either, wherever a unit may have them. */
static int mask(struct hf_arena *arena, struct hf_value *document, const struct hf_judgement *judgement)
{
    static const char *const TOLD[] = {"apiVersion", "kind", "metadata", "type", "immutable"};
    for (size_t i = 0; i < document->as.object.count; i++) {
        struct hf_member *member = &document->as.object.members[i];
        bool told = false;
        for (size_t j = 0; j < sizeof TOLD / sizeof TOLD[0]; j++) {
            told |= hf_slice_is(member->key, TOLD[j]);
        }
        hf_auto_buf struct hf_buf path = {0};
        hf_pointer_add_key(&path, hf_slice_is(member->key, "stringData") ? hf_slice_of("data") : member->key);
        if (!told && mask_entries(arena, &member->value, hf_buf_text(&path), judgement) != 0) {
            return -1;
        }
    }
    struct hf_value *notes = (struct hf_value *)(uintptr_t)hf_value_path(document, "metadata", "annotations", NULL);
    return mask_entries(arena, notes, "/metadata/annotations", judgement);
}

struct lines {
    struct hf_slice *at;
    size_t count;
};

static struct lines split(struct hf_arena *arena, const struct hf_buf *text)
{
    struct lines lines = {hf_arena_array(arena, MOST_LINES, sizeof *lines.at), 0};
    const char *at = hf_buf_text(text);
    while (lines.at && *at && lines.count < MOST_LINES) {
        size_t len = strcspn(at, "\n");
        lines.at[lines.count++] = (struct hf_slice){at, len};
        at += len + (at[len] == '\n');
    }
    return lines;
}

static void add_line(struct hf_buf *out, char mark, struct hf_slice line)
{
    hf_buf_addc(out, mark);
    hf_buf_add_safe(out, line, 2000);
    hf_buf_addc(out, '\n');
}

/* How each line of the longest common sequence's table goes on: ' ' both, '-' of live, '+' of the unit. */
static char *edits(struct hf_arena *arena, const struct lines *a, const struct lines *b, size_t *count)
{
    size_t width = b->count + 1;
    uint16_t *table = hf_arena_array(arena, (a->count + 1) * width, sizeof *table);
    char *marks = hf_arena_alloc(arena, a->count + b->count + 1);
    if (!table || !marks) {
        return NULL;
    }
    for (size_t i = a->count; i-- > 0;) {
        for (size_t j = b->count; j-- > 0;) {
            uint16_t down = table[(i + 1) * width + j];
            uint16_t right = table[i * width + j + 1];
            table[i * width + j] = hf_slice_equal(a->at[i], b->at[j]) ? (uint16_t)(table[(i + 1) * width + j + 1] + 1)
                                   : down > right                     ? down
                                                                      : right;
        }
    }
    size_t i = 0;
    size_t j = 0;
    *count = 0;
    while (i < a->count || j < b->count) {
        if (i < a->count && j < b->count && hf_slice_equal(a->at[i], b->at[j])) {
            marks[(*count)++] = ' ';
            i++, j++;
        } else if (j == b->count || (i < a->count && table[(i + 1) * width + j] >= table[i * width + j + 1])) {
            marks[(*count)++] = '-';
            i++;
        } else {
            marks[(*count)++] = '+';
            j++;
        }
    }
    return marks;
}

static bool is_near_edit(const char *marks, size_t count, size_t at, size_t context)
{
    size_t first = at > context ? at - context : 0;
    for (size_t i = first; i < count && i <= at + context; i++) {
        if (marks[i] != ' ') {
            return true;
        }
    }
    return false;
}

static int unified(struct hf_arena *arena, struct hf_buf *out, const struct hf_buf *live, const struct hf_buf *desired,
                   unsigned context)
{
    struct lines a = split(arena, live);
    struct lines b = split(arena, desired);
    size_t count = 0;
    char *marks = a.at && b.at ? edits(arena, &a, &b, &count) : NULL;
    if (!marks) {
        return -1;
    }
    size_t i = 0;
    size_t j = 0;
    bool in_hunk = false;
    for (size_t k = 0; k < count; k++) {
        bool near = is_near_edit(marks, count, k, context);
        if (near && !in_hunk) {
            hf_buf_addf(out, "@@ line %zu @@\n", j + 1);
        }
        in_hunk = near;
        if (near) {
            add_line(out, marks[k], marks[k] == '+' ? b.at[j] : a.at[i]);
        }
        i += marks[k] != '+';
        j += marks[k] != '-';
    }
    return 0;
}

int hf_drift_diff(struct hf_buf *buf, const struct hf_drift_input *input, const struct hf_judgement *judgement,
                  unsigned context_lines, struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new((size_t)256 << 20);
    struct hf_value *desired = arena ? hf_value_copy(arena, input->desired) : NULL;
    struct hf_value *live = desired ? hf_value_copy(arena, input->desired) : NULL;
    const char *kind = hf_value_text(hf_value_get(input->desired, "kind"));
    bool is_secret = kind && strcmp(kind, "Secret") == 0;
    if (!live || (is_secret && (mask(arena, desired, judgement) != 0 || mask(arena, live, judgement) != 0))) {
        return hf_error_set(err, HF_ENOMEM, "write a diff: out of memory");
    }
    for (size_t i = judgement->count; input->live && i-- > 0;) {
        if (impose(arena, input, &judgement->findings[i], live, is_secret) != 0) {
            return hf_error_set(err, HF_ENOMEM, "write a diff: out of memory");
        }
    }
    struct hf_buf live_text = {0};
    struct hf_buf desired_text = {0};
    if (input->live) {
        hf_yaml_write(&live_text, live);
    }
    hf_yaml_write(&desired_text, desired);
    hf_buf_adds(buf, "--- live\n+++ unit\n");
    int result = unified(arena, buf, &live_text, &desired_text, context_lines);
    hf_buf_free(&live_text);
    hf_buf_free(&desired_text);
    if (result != 0 || !hf_buf_ok(buf)) {
        return hf_error_set(err, HF_ENOMEM, "write a diff: out of memory");
    }
    return 0;
}
