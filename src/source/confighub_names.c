/* What stands behind the names in the selection and the ids in the units. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confighub_source.h"

#define UPSTREAMS_MS 60000
#define MOST_IDS 60u /* in one request: its URL stays below 4 KB */

struct upstream {
    int64_t head;
};

static const char *mapped(struct hf_map *map, const char *id)
{
    return hf_map_get(map, hf_slice_of(id));
}

static int remember(struct hf_map *map, const char *id, const char *slug)
{
    void *old = NULL;
    char *copy = hf_strdup(slug);
    if (!copy || hf_map_put(map, hf_slice_of(id), copy, &old) != 0) {
        free(copy);
        return -1;
    }
    free(old);
    return 0;
}

const char *confighub_space_slug(const struct feed *feed, const struct confighub_item *item)
{
    return *item->space ? item->space : mapped(feed->spaces, item->space_id);
}

const char *confighub_target_slug(const struct feed *feed, const struct confighub_item *item)
{
    return !*item->target_id ? "" : *item->target ? item->target : mapped(feed->targets, item->target_id);
}

int64_t confighub_upstream_head(const struct feed *feed, const struct confighub_item *item)
{
    const struct entry *here = *item->upstream_id ? confighub_entry(feed, item->upstream_id) : NULL;
    const struct upstream *upstream =
        *item->upstream_id ? hf_map_get(feed->upstreams, hf_slice_of(item->upstream_id)) : NULL;
    return here && here->text ? here->item.head : upstream ? upstream->head : 0;
}

static int ask(struct feed *feed, struct hf_buf *path, const char *doing, const struct errand *errand,
               struct hf_error *err)
{
    struct confighub_request request = {
        .method = "GET", .path = hf_buf_text(path), .doing = doing, .max_body = CONFIGHUB_MOST_LIST};
    return hf_buf_ok(path) ? confighub_errand(feed, &request, errand, err)
                           : hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
}

/* The answer as a list in *arena; on a failure the poll is over. */
static const struct hf_value *list_of(struct feed *feed, const char *doing, const struct hf_http_response *response,
                                      const struct hf_error *err, struct hf_arena *arena)
{
    const struct hf_value *list = NULL;
    struct hf_error problem = *err;
    if (problem.code == HF_OK && confighub_read_list(arena, response->body, response->body_len, &list, &problem) != 0) {
        (void)hf_error_wrap(&problem, "ConfigHub: %s", doing);
    }
    if (problem.code != HF_OK) {
        confighub_poll_fail(feed, &problem, response->retry_after_ms);
        return NULL;
    }
    return list;
}

static const struct hf_value *by_slug(const struct hf_value *list, const char *name, const char *slug)
{
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const struct hf_value *one = confighub_inner(hf_value_at(list, i), name);
        if (strcmp(confighub_text(one, "Slug"), slug) == 0) {
            return one;
        }
    }
    return NULL;
}

static void where_slug(struct hf_buf *path, const char *slug)
{
    hf_auto_buf struct hf_buf where = {0};
    hf_buf_adds(&where, "Slug = ");
    confighub_add_quoted(&where, slug);
    confighub_add_parameter(path, "where", hf_buf_text(&where));
}

static bool is_due(const struct feed *feed)
{
    return feed->names_ms == 0 || hf_mono_ms() - feed->names_ms >= CONFIGHUB_NAMES_MS;
}

static void fail_named(struct feed *feed, const char *what, const char *space, const char *slug)
{
    struct hf_error err = HF_ERROR_INIT;
    (void)hf_error_set(&err, HF_ENOTFOUND,
                       "ConfigHub: %s %s/%s of the selection is not there, or not visible to this token: the units "
                       "stay as they were",
                       what, space, slug);
    confighub_poll_fail(feed, &err, -1);
}

/* A copy of the member's text; "" when it is none; NULL: memory. */
static char *copy_of(const struct hf_value *object, const char *name)
{
    return hf_strdup(confighub_text(object, name));
}

static void on_filter(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                      const struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *list = list_of(feed, "read the selection's filter", response, err, arena);
    const struct hf_value *filter = by_slug(list, "Filter", feed->choice.filter_slug);
    const char *id = confighub_text(filter, "FilterID");
    const char *from = confighub_text(filter, "From");
    struct hf_error problem = HF_ERROR_INIT;
    (void)errand;
    if (!list) {
        return;
    }
    if (!filter || !confighub_id_is_sound(id)) {
        fail_named(feed, "filter", feed->choice.filter_space, feed->choice.filter_slug);
        return;
    }
    if (*from && strcmp(from, "Unit") != 0) {
        (void)hf_error_set(&problem, HF_EINVAL, "ConfigHub: filter %s/%s is one of %.60s, expected one of Unit",
                           feed->choice.filter_space, feed->choice.filter_slug, from);
        confighub_poll_fail(feed, &problem, -1);
        return;
    }
    struct confighub_found found = {.filter_id = hf_strdup(id),
                                    .filter_where = copy_of(filter, "Where"),
                                    .filter_data = copy_of(filter, "WhereData"),
                                    .filter_type = copy_of(filter, "ResourceType"),
                                    .filter_space = copy_of(filter, "FromSpaceID"),
                                    .set_id = feed->found.set_id};
    feed->found.set_id = NULL;
    confighub_found_free(&feed->found);
    feed->found = found;
    if (!found.filter_id || !found.filter_where || !found.filter_data || !found.filter_type || !found.filter_space) {
        (void)hf_error_set(&problem, HF_ENOMEM, "ConfigHub: out of memory");
        confighub_poll_fail(feed, &problem, -1);
    }
}

static void on_set(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                   const struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *list = list_of(feed, "read the selection's set", response, err, arena);
    const char *id = confighub_text(by_slug(list, "Set", feed->choice.set_slug), "SetID");
    (void)errand;
    if (!list) {
        return;
    }
    if (!confighub_id_is_sound(id)) {
        fail_named(feed, "set", feed->choice.set_space, feed->choice.set_slug);
    } else if (confighub_set_text(&feed->found.set_id, id) != 0) {
        struct hf_error problem = HF_ERROR_INIT;
        (void)hf_error_set(&problem, HF_ENOMEM, "ConfigHub: out of memory");
        confighub_poll_fail(feed, &problem, -1);
    }
}

/* The space of a filter or set is known: now the filter or set itself. */
static void on_named_space(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                           const struct hf_error *err)
{
    bool is_set = errand->number == STEP_SET;
    const char *space = is_set ? feed->choice.set_space : feed->choice.filter_space;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf path = {0};
    struct hf_error problem = HF_ERROR_INIT;
    const struct hf_value *list = list_of(feed, "read the space of the selection's filter", response, err, arena);
    const char *id = confighub_text(by_slug(list, "Space", space), "SpaceID");
    if (!list) {
        return;
    }
    if (!confighub_id_is_sound(id)) {
        fail_named(feed, is_set ? "set" : "filter", space, is_set ? feed->choice.set_slug : feed->choice.filter_slug);
        return;
    }
    hf_buf_adds(&path, "/space/");
    hf_buf_add_url(&path, hf_slice_of(id));
    hf_buf_adds(&path, is_set ? "/set" : "/filter");
    where_slug(&path, is_set ? feed->choice.set_slug : feed->choice.filter_slug);
    struct errand next = {.done = is_set ? on_set : on_filter, .of_poll = true};
    if (ask(feed, &path, is_set ? "read the selection's set" : "read the selection's filter", &next, &problem) != 0) {
        confighub_poll_fail(feed, &problem, -1);
    }
}

static int find_named(struct feed *feed, enum step step, const char *space, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    struct errand errand = {.done = on_named_space, .number = step, .of_poll = true};
    hf_buf_adds(&path, "/space");
    where_slug(&path, space);
    return ask(feed, &path, "read the space of the selection's filter", &errand, err);
}

int confighub_find_filter(struct feed *feed, struct hf_error *err)
{
    bool due = feed->choice.filter_slug && (is_due(feed) || !feed->found.filter_id);
    return due ? find_named(feed, STEP_FILTER, feed->choice.filter_space, err) : 0;
}

int confighub_find_set(struct feed *feed, struct hf_error *err)
{
    bool due = feed->choice.set_slug && (is_due(feed) || !feed->found.set_id);
    return due ? find_named(feed, STEP_SET, feed->choice.set_space, err) : 0;
}

static void on_spaces(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                      const struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *list = list_of(feed, "list the spaces", response, err, arena);
    (void)errand;
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const struct hf_value *space = confighub_inner(hf_value_at(list, i), "Space");
        const char *id = confighub_text(space, "SpaceID");
        const char *slug = confighub_text(space, "Slug");
        if (*id && *slug && (!mapped(feed->spaces, id) || strcmp(mapped(feed->spaces, id), slug) != 0)) {
            (void)remember(feed->spaces, id, slug);
        }
    }
}

/* A server of 2025 tells a unit's space by its id alone. */
int confighub_find_spaces(struct feed *feed, struct hf_error *err)
{
    size_t cursor = 0;
    void *value;
    bool needed = false;
    while (!needed && hf_map_next(feed->entries, &cursor, NULL, &value)) {
        needed = !confighub_space_slug(feed, &((struct entry *)value)->item);
    }
    hf_auto_buf struct hf_buf path = {0};
    struct errand errand = {.done = on_spaces, .of_poll = true};
    hf_buf_adds(&path, "/space");
    confighub_add_parameter(&path, "select", "SpaceID,Slug");
    return needed ? ask(feed, &path, "list the spaces", &errand, err) : 0;
}

static void freshen(struct feed *feed, const char *target_id)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(feed->entries, &cursor, NULL, &value)) {
        struct entry *entry = value;
        entry->fresh = entry->fresh || strcmp(entry->item.target_id, target_id) == 0;
    }
}

/* The targets of the unit's own space: what a server of 2025 has. */
static void on_targets(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                       const struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error ignored = HF_ERROR_INIT;
    const struct hf_value *list = NULL;
    if (err->code == HF_OK) {
        (void)confighub_read_list(arena, response->body, response->body_len, &list, &ignored);
    }
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const struct hf_value *target = confighub_inner(hf_value_at(list, i), "Target");
        if (strcmp(confighub_text(target, "TargetID"), errand->id) == 0) {
            (void)remember(feed->targets, errand->id, confighub_text(target, "Slug"));
        }
    }
    if (err->code == HF_OK || err->code == HF_EDENIED || err->code == HF_ENOTFOUND) {
        if (!mapped(feed->targets, errand->id)) {
            (void)remember(feed->targets, errand->id, "");
        }
    } else if (!mapped(feed->targets, errand->id)) {
        confighub_poll_fail(feed, err, response->retry_after_ms);
    }
    freshen(feed, errand->id);
}

/* A unit with its target beside it. */
static void on_target(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                      const struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf path = {0};
    struct hf_error problem = HF_ERROR_INIT;
    const struct hf_value *list = list_of(feed, "read a unit's target", response, err, arena);
    const struct hf_value *target = hf_value_get(hf_value_at(list, 0), "Target");
    const char *slug = confighub_text(target, "Slug");
    if (!list) {
        return;
    }
    if (*slug && strcmp(confighub_text(target, "TargetID"), errand->id) == 0) {
        (void)remember(feed->targets, errand->id, slug);
        freshen(feed, errand->id);
        return;
    }
    struct errand next = *errand;
    next.done = on_targets;
    hf_buf_adds(&path, "/space/");
    hf_buf_add_url(&path, hf_slice_of(errand->space));
    hf_buf_adds(&path, "/target");
    if (ask(feed, &path, "list the targets of a space", &next, &problem) != 0) {
        confighub_poll_fail(feed, &problem, -1);
    }
}

static int ask_target(struct feed *feed, const struct entry *entry, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf where = {0};
    struct errand errand = {.done = on_target, .of_poll = true};
    (void)snprintf(errand.id, sizeof errand.id, "%s", entry->item.target_id);
    (void)snprintf(errand.space, sizeof errand.space, "%s", entry->item.space_id);
    hf_buf_adds(&path, "/space/");
    hf_buf_add_url(&path, hf_slice_of(entry->item.space_id));
    hf_buf_adds(&path, "/unit");
    hf_buf_adds(&where, "UnitID = ");
    confighub_add_quoted(&where, entry->unit_id);
    confighub_add_parameter(&path, "where", hf_buf_text(&where));
    confighub_add_parameter(&path, "select", "UnitID,SpaceID,Slug,TargetID");
    confighub_add_parameter(&path, "include", "TargetID");
    return ask(feed, &path, "read a unit's target", &errand, err);
}

int confighub_find_targets(struct feed *feed, struct hf_error *err)
{
    size_t cursor = 0;
    void *value;
    struct hf_map *asked = hf_map_new();
    int result = asked ? 0 : hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    while (result == 0 && hf_map_next(feed->entries, &cursor, NULL, &value)) {
        const struct entry *entry = value;
        struct hf_slice id = hf_slice_of(entry->item.target_id);
        if (entry->is_stored || confighub_target_slug(feed, &entry->item) || hf_map_get(asked, id)) {
            continue;
        }
        if (hf_map_put(asked, id, value, NULL) != 0) {
            result = hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
        } else {
            result = ask_target(feed, entry, err);
        }
    }
    hf_map_free(asked, NULL);
    return result;
}

static void on_upstreams(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                         const struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct hf_error ignored = HF_ERROR_INIT;
    const struct hf_value *list = NULL;
    (void)errand;
    if (err->code != HF_OK || confighub_read_list(arena, response->body, response->body_len, &list, &ignored) != 0) {
        return; /* what upgrade there is, is shown the next time */
    }
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const struct hf_value *unit = confighub_inner(hf_value_at(list, i), "Unit");
        struct upstream *upstream = hf_map_get(feed->upstreams, hf_slice_of(confighub_text(unit, "UnitID")));
        if (upstream) {
            upstream->head = confighub_integer(unit, "HeadRevisionNum");
        }
    }
}

void confighub_renew_clones(struct feed *feed)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(feed->entries, &cursor, NULL, &value)) {
        struct entry *entry = value;
        entry->fresh =
            entry->fresh || (entry->unit && entry->unit->upstream_head != confighub_upstream_head(feed, &entry->item));
    }
}

static int ask_upstreams(struct feed *feed, struct hf_buf *ids, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    struct errand errand = {.done = on_upstreams, .of_poll = true};
    hf_buf_addc(ids, ')');
    hf_buf_adds(&path, "/unit");
    confighub_add_parameter(&path, "where", hf_buf_text(ids));
    confighub_add_parameter(&path, "select", "UnitID,SpaceID,Slug,HeadRevisionNum");
    hf_buf_clear(ids);
    return ask(feed, &path, "read the units that others were cloned from", &errand, err);
}

/* Those that are not listed themselves, once a minute. */
static int note_upstream(struct feed *feed, const struct entry *entry, struct hf_map *asked, struct hf_buf *ids,
                         struct hf_error *err)
{
    struct hf_slice id = hf_slice_of(entry->item.upstream_id);
    if (id.len == 0 || confighub_entry(feed, entry->item.upstream_id) || hf_map_get(asked, id)) {
        return 0;
    }
    if (!hf_map_get(feed->upstreams, id)) {
        struct upstream *made = hf_calloc(1, sizeof *made);
        if (!made || hf_map_put(feed->upstreams, id, made, NULL) != 0) {
            free(made);
            return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
        }
    }
    if (hf_map_put(asked, id, feed, NULL) != 0) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    hf_buf_adds(ids, ids->len > 0 ? "," : "UnitID IN (");
    confighub_add_quoted(ids, entry->item.upstream_id);
    return hf_map_count(asked) % MOST_IDS == 0 ? ask_upstreams(feed, ids, err) : 0;
}

int confighub_find_upstreams(struct feed *feed, struct hf_error *err)
{
    size_t cursor = 0;
    void *value;
    hf_auto_buf struct hf_buf ids = {0};
    int64_t now = hf_mono_ms();
    if (feed->upstreams_ms > 0 && now - feed->upstreams_ms < UPSTREAMS_MS) {
        return 0;
    }
    feed->upstreams_ms = now;
    struct hf_map *asked = hf_map_new();
    int result = asked ? 0 : hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    while (result == 0 && hf_map_next(feed->entries, &cursor, NULL, &value)) {
        result = note_upstream(feed, value, asked, &ids, err);
    }
    if (result == 0 && ids.len > 0) {
        result = ask_upstreams(feed, &ids, err);
    }
    hf_map_free(asked, NULL);
    return result;
}
