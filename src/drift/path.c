/* The way from the object to the place that is looked at: kept as steps, for most places are in sync and need no path;
 * written out when something is found. */
#include <string.h>

#include "holdfast/pointer.h"
#include "walk.h"

struct mark hf_walk_mark(const struct walk *walk)
{
    return (struct mark){walk->step_count};
}

void hf_walk_back(struct walk *walk, struct mark mark)
{
    walk->step_count = mark.steps;
}

static void push(struct walk *walk, struct step step)
{
    if (walk->step_count == walk->step_cap) {
        size_t cap = walk->step_cap ? walk->step_cap * 2 : 32;
        struct step *steps = hf_arena_array(walk->arena, cap, sizeof *steps);
        if (!steps) {
            walk->failed = true;
            return;
        }
        if (walk->step_count > 0) {
            memcpy(steps, walk->steps, walk->step_count * sizeof *steps);
        }
        walk->steps = steps;
        walk->step_cap = cap;
    }
    walk->steps[walk->step_count++] = step;
}

void hf_walk_key(struct walk *walk, struct hf_slice key)
{
    push(walk, (struct step){.key = key});
}

void hf_walk_item(struct walk *walk, const struct hf_type *type, const struct hf_value *item, size_t live_index,
                  size_t desired_index)
{
    push(walk, (struct step){.list = type,
                             .item = item,
                             .live_index = live_index,
                             .desired_index = desired_index,
                             .in_atomic = walk->in_atomic});
}

bool hf_walk_is_at(const struct walk *walk, const char *const *keys, size_t count, size_t end)
{
    bool same = walk->step_count >= end + count;
    for (size_t i = 0; same && i < count; i++) {
        const struct step *step = &walk->steps[walk->step_count - end - count + i];
        same = !step->item && hf_slice_is(step->key, keys[i]);
    }
    return same;
}

static bool is_plain(struct hf_slice key)
{
    for (size_t i = 0; i < key.len; i++) {
        char byte = key.ptr[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
              byte == '_' || byte == '-')) {
            return false;
        }
    }
    return key.len > 0;
}

static void write_key(struct walk *walk, struct hf_slice key)
{
    hf_pointer_add_key(&walk->path, key);
    hf_pointer_add_key(&walk->desired, key);
    hf_keyed_add_key(&walk->keyed, key);
    if (is_plain(key)) {
        if (walk->readable.len > 0) {
            hf_buf_addc(&walk->readable, '.');
        }
        hf_buf_add(&walk->readable, key.ptr, key.len);
    } else {
        hf_buf_addc(&walk->readable, '[');
        hf_buf_add_json(&walk->readable, key);
        hf_buf_addc(&walk->readable, ']');
    }
}

/* "[name=web]", "[containerPort=80,protocol=TCP]"; of a set or a whole list the index. */
static void write_readable_item(struct walk *walk, const struct step *step)
{
    const struct hf_type *type = step->list;
    size_t count = type && type->list_type == HF_LIST_MAP && !step->in_atomic ? type->list_key_count : 0;
    hf_buf_addc(&walk->readable, '[');
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *value = hf_item_key_value(walk, type, step->item, type->list_keys[i]);
        if (!value) {
            continue;
        }
        hf_buf_addf(&walk->readable, "%s%s=", first ? "" : ",", type->list_keys[i]);
        if (value->kind == HF_STRING || value->kind == HF_NUMBER) {
            hf_buf_add(&walk->readable, value->as.text.ptr, value->as.text.len);
        }
        first = false;
    }
    if (first) {
        hf_buf_addf(&walk->readable, "%zu", step->live_index);
    }
    hf_buf_addc(&walk->readable, ']');
}

/* "/[name=web]", "/[=value]" of a set; of a whole list the index. */
static void write_keyed_item(struct walk *walk, const struct step *step)
{
    const struct hf_type *type = step->list;
    bool granular = hf_is_granular_list(type) && !step->in_atomic;
    bool is_set = granular && type->list_type == HF_LIST_SET;
    size_t start = walk->keyed.len;
    size_t written = 0;
    hf_buf_adds(&walk->keyed, "/[");
    for (size_t i = 0; granular && i < (is_set ? 1 : type->list_key_count); i++) {
        const struct hf_value *value =
            is_set ? step->item : hf_item_key_value(walk, type, step->item, type->list_keys[i]);
        size_t before = walk->keyed.len;
        hf_buf_adds(&walk->keyed, written ? "," : "");
        if (value && hf_keyed_add_pair(&walk->keyed, is_set ? "" : type->list_keys[i], value)) {
            written++;
        } else if (hf_buf_ok(&walk->keyed)) {
            walk->keyed.len = before;
            walk->keyed.ptr[before] = '\0';
        }
    }
    hf_buf_addc(&walk->keyed, ']');
    if (written == 0 && hf_buf_ok(&walk->keyed)) {
        walk->keyed.len = start;
        hf_buf_addf(&walk->keyed, "/%zu", step->live_index);
    }
}

void hf_walk_write(struct walk *walk)
{
    struct hf_buf *const TEXTS[] = {&walk->path, &walk->desired, &walk->readable, &walk->keyed};
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        hf_buf_clear(TEXTS[i]);
        hf_buf_adds(TEXTS[i], "");
    }
    for (size_t i = 0; i < walk->step_count; i++) {
        const struct step *step = &walk->steps[i];
        if (!step->item) {
            write_key(walk, step->key);
            continue;
        }
        write_readable_item(walk, step);
        write_keyed_item(walk, step);
        hf_buf_addf(&walk->path, "/%zu", step->live_index);
        hf_buf_addf(&walk->desired, "/%zu", step->desired_index);
    }
}
