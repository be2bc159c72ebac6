/* A unit as it is told. */
#include <stdlib.h>
#include <string.h>

#include "confighub_source.h"

struct hf_unit *confighub_content(const struct entry *entry, const char *space, int64_t revision, const char *bytes,
                                  size_t len, struct hf_error *err)
{
    hf_auto_buf struct hf_buf origin = {0};
    struct hf_unit *unit = NULL;
    hf_buf_addf(&origin, "ConfigHub unit %s/%s, revision %lld", space, entry->item.slug, (long long)revision);
    if (hf_unit_read(space, entry->item.slug, hf_buf_text(&origin), bytes, len, &unit, err) != 0) {
        return NULL;
    }
    if (unit->document_count == 0 && entry->content && entry->content->document_count > 0) {
        (void)hf_error_set(err, HF_EPARSE, "%s: found no object, expected at least one: the %zu it had are kept",
                           hf_buf_text(&origin), entry->content->document_count);
        hf_unit_drop(unit);
        return NULL;
    }
    return unit;
}

static const char *keep(struct hf_unit *unit, const char *text)
{
    return hf_arena_copy(unit->arena, text, strlen(text));
}

static bool has_label(const struct confighub_item *item, const char *name)
{
    for (size_t i = 0; i < item->label_count; i++) {
        if (strcmp(item->labels[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* ConfigHub's own, and of those in the data's comments what they don't say. */
static bool take_labels(struct hf_unit *unit, const struct entry *entry)
{
    const struct hf_unit *content = entry->content;
    size_t most = entry->item.label_count + (content ? content->label_count : 0);
    struct hf_label *labels = hf_arena_array(unit->arena, most, sizeof *labels);
    size_t count = 0;
    for (size_t i = 0; labels && i < most; i++) {
        bool own = i < entry->item.label_count;
        const struct hf_label *label = own ? &entry->item.labels[i] : &content->labels[i - entry->item.label_count];
        if (!own && has_label(&entry->item, label->name)) {
            continue;
        }
        labels[count] = (struct hf_label){keep(unit, label->name), keep(unit, label->value)};
        if (!labels[count].name || !labels[count].value) {
            return false;
        }
        count++;
    }
    unit->labels = labels;
    unit->label_count = count;
    return labels != NULL;
}

static void take_content(struct hf_unit *unit, struct entry *entry, bool with_documents)
{
    if (!entry->content) {
        return;
    }
    unit->content = hf_unit_keep(entry->content);
    unit->digest = entry->content->digest;
    unit->bytes = entry->content->bytes;
    unit->byte_count = entry->content->byte_count;
    if (with_documents) {
        unit->documents = entry->content->documents;
        unit->document_count = entry->content->document_count;
    }
}

/* The first of what is wrong with it. */
static bool take_problem(const struct feed *feed, struct hf_unit *unit, const struct entry *entry)
{
    int64_t wanted = confighub_wanted(feed, entry);
    const char *text = NULL;
    if (entry->item.wrong) {
        unit->problem =
            hf_arena_printf(unit->arena, "ConfigHub unit %s/%s: %s", unit->space, unit->slug, entry->item.wrong);
        return unit->problem != NULL;
    }
    if (entry->gone) {
        text = entry->gone;
    } else if (wanted > 0 && wanted != entry->content_revision) {
        bool is_broken = entry->broken && entry->broken_revision == wanted;
        bool is_waiting = entry->content && unit->state == HF_UNIT_APPLYING;
        text = is_broken ? entry->broken : is_waiting ? NULL : "its data has not been read yet";
    }
    unit->problem = text ? keep(unit, text) : NULL;
    return !text || unit->problem;
}

static bool take_item(const struct feed *feed, struct hf_unit *unit, const struct entry *entry)
{
    const struct confighub_item *item = &entry->item;
    const char *target = confighub_target_slug(feed, item);
    hf_auto_buf struct hf_buf reason = {0};
    unit->state = confighub_state(feed, entry, &reason);
    unit->mode = confighub_item_mode(item);
    unit->state_reason = hf_buf_ok(&reason) ? keep(unit, hf_buf_text(&reason)) : NULL;
    unit->space_id = keep(unit, item->space_id);
    unit->unit_id = keep(unit, item->unit_id);
    unit->target = keep(unit, target ? target : "");
    /* As ConfigHub's own workers link to it: beside the API, by the ids. */
    unit->page = hf_arena_printf(unit->arena, "%.*s/units/%s/%s", (int)feed->hub->root, feed->hub->base, item->space_id,
                                 item->unit_id);
    unit->head_revision = item->head;
    unit->applied_revision = item->applied;
    unit->live_revision = item->live;
    unit->previous_live_revision = item->previous;
    unit->upstream_revision = item->upstream;
    unit->upstream_head = confighub_upstream_head(feed, item);
    return unit->state_reason && unit->space_id && unit->unit_id && unit->target && unit->page;
}

int confighub_present(struct feed *feed, struct entry *entry, struct hf_error *err)
{
    const char *space = confighub_space_slug(feed, &entry->item);
    hf_auto_buf struct hf_buf origin = {0};
    hf_buf_addf(&origin, "%s/space/%s/unit/%s", feed->hub->base, entry->item.space_id, entry->item.unit_id);
    struct hf_unit *unit =
        hf_source_unit_new(space ? space : entry->item.space_id, entry->item.slug, hf_buf_text(&origin), "", 0);
    if (!unit || !hf_buf_ok(&origin) || !take_item(feed, unit, entry) || !take_labels(unit, entry)) {
        hf_unit_drop(unit);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    take_content(unit, entry, unit->state <= HF_UNIT_APPLYING);
    unit->revision = unit->state <= HF_UNIT_APPLYING ? entry->content_revision : 0;
    if (!take_problem(feed, unit, entry)) {
        hf_unit_drop(unit);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    hf_unit_drop(entry->unit);
    entry->unit = unit;
    entry->fresh = false;
    feed->changed = true;
    return 0;
}
