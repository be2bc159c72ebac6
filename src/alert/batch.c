/* One message under way: the rows it speaks for, and what its end means to their groups. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "group.h"
#include "holdfast/clock.h"
#include "holdfast/digest.h"
#include "route.h"

static size_t rows_of(struct hf_group *const *groups, size_t count, size_t most)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        rows += groups[i]->row_count;
    }
    return rows < most ? rows : most;
}

/* One row keeps its own key; many have one by all of theirs; what is told again has one by what and when. */
static int make_key(struct hf_batch *batch, struct hf_error *err)
{
    hf_auto_buf struct hf_buf keys = {0};
    hf_auto_buf struct hf_buf key = {0};
    struct hf_digest digest;
    if (batch->row_count == 1) {
        (void)snprintf(batch->key, sizeof batch->key, "%s", batch->messages[0]->key);
        return 0;
    }
    for (size_t i = 0; i < batch->row_count; i++) {
        hf_buf_addf(&keys, "%s\n", batch->messages[i]->key);
    }
    if (batch->row_count == 0) {
        hf_buf_addf(&keys, "%s\n%" PRId64, batch->groups[0]->id ? batch->groups[0]->id : "", batch->now_ms);
    }
    if (!hf_buf_ok(&keys)) {
        return hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    if (hf_sha256(keys.ptr, keys.len, &digest, err) != 0) {
        return -1;
    }
    hf_buf_adds(&key, "grp_");
    hf_buf_add_hex(&key, digest.bytes, 16);
    (void)snprintf(batch->key, sizeof batch->key, "%s", hf_buf_text(&key));
    return hf_buf_ok(&key) ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

static struct hf_row *pop_row(struct hf_group *group)
{
    struct hf_row *row = group->first;
    group->first = row->next;
    group->last = group->first ? group->last : NULL;
    group->row_count--;
    return row;
}

static bool take_rows(struct hf_batch *batch, size_t most)
{
    for (size_t i = 0; i < batch->group_count; i++) {
        struct hf_group *group = batch->groups[i];
        while (group->first && batch->row_count < most) {
            struct hf_row *row = pop_row(group);
            batch->rows[batch->row_count] = row;
            batch->messages[batch->row_count++] = &row->message;
            batch->created_ms = hf_earlier(batch->created_ms, row->message.created_ms);
            batch->attempts = row->message.attempts > batch->attempts ? row->message.attempts : batch->attempts;
        }
        group->in_flight = true;
        if (!group->id && group->member_count > 0) {
            group->id = hf_strdup(group->members[0].incident);
            if (!group->id) {
                return false;
            }
        }
    }
    return true;
}

static bool has_row(const struct hf_group *group, const char *incident)
{
    for (const struct hf_row *row = group->first; row; row = row->next) {
        if (row->text.incident && strcmp(row->text.incident, incident) == 0) {
            return true;
        }
    }
    return false;
}

static bool list_told(struct hf_batch *batch)
{
    size_t members = 0;
    for (size_t i = 0; i < batch->group_count; i++) {
        members += batch->groups[i]->member_count;
    }
    batch->told = hf_arena_array(batch->arena, members, sizeof *batch->told);
    for (size_t i = 0; batch->told && i < batch->group_count; i++) {
        const struct hf_group *group = batch->groups[i];
        for (size_t m = 0; m < group->member_count; m++) {
            const struct hf_incident *member = &group->members[m];
            struct hf_alert_told *told = &batch->told[batch->told_count++];
            *told = (struct hf_alert_told){.incident =
                                               hf_arena_copy(batch->arena, member->incident, strlen(member->incident)),
                                           .group = hf_arena_copy(batch->arena, group->id, strlen(group->id)),
                                           .at_ms = batch->now_ms,
                                           .event_id = member->event_id,
                                           .over = member->over && !has_row(group, member->incident)};
            if (!told->incident || !told->group) {
                return false;
            }
        }
    }
    return batch->told != NULL;
}

int hf_batch_new(struct hf_group *const *groups, size_t count, size_t most_rows, int64_t now_ms, struct hf_batch **out,
                 struct hf_error *err)
{
    size_t most = rows_of(groups, count, most_rows);
    struct hf_batch *batch = hf_calloc(1, sizeof *batch);
    struct hf_arena *arena = batch ? hf_arena_new(0) : NULL;
    *out = NULL;
    if (!arena) {
        free(batch);
        return hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    batch->arena = arena;
    batch->now_ms = now_ms;
    batch->created_ms = HF_TIME_NONE;
    batch->groups = hf_arena_array(arena, count, sizeof(struct hf_group *));
    batch->rows = hf_arena_array(arena, most, sizeof(struct hf_row *));
    batch->messages = hf_arena_array(arena, most, sizeof(struct hf_alert_message *));
    if (!batch->groups || !batch->rows || !batch->messages) {
        hf_arena_free(arena);
        free(batch);
        return hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    memcpy(batch->groups, groups, count * sizeof(struct hf_group *));
    batch->group_count = count;
    bool is_whole = take_rows(batch, most);
    batch->created_ms = batch->created_ms == HF_TIME_NONE ? now_ms : batch->created_ms;
    *out = batch;
    /* From here on the batch holds rows: the caller ends it also when this fails. */
    if (!is_whole || !list_told(batch)) {
        return hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    return make_key(batch, err);
}

static const struct hf_alert_told *told_of(const struct hf_batch *batch, const char *incident)
{
    for (size_t i = 0; i < batch->told_count; i++) {
        if (strcmp(batch->told[i].incident, incident) == 0) {
            return &batch->told[i];
        }
    }
    return NULL;
}

/* What its end was told of goes; what was told of stays; what could not be told comes again with its rows. */
static void settle_members(struct hf_group *group, const struct hf_batch *batch, bool told)
{
    for (size_t i = group->member_count; i-- > 0;) {
        struct hf_incident *member = &group->members[i];
        const struct hf_alert_told *what = told ? told_of(batch, member->incident) : NULL;
        bool waits = has_row(group, member->incident);
        if (what) {
            member->told = !what->over;
        }
        if (!waits && ((what && what->over) || (!told && !member->told))) {
            hf_group_drop(group, i);
        } else if (!told && !waits && member->over) {
            member->over = false; /* its end was not told: it comes again */
        }
    }
}

/* How grave its message was: what comes soon after it and is no graver waits, also when all was over meanwhile. */
static unsigned rank_told(const struct hf_group *group, const struct hf_batch *batch)
{
    unsigned most = 0;
    for (size_t i = 0; i < batch->row_count; i++) {
        unsigned rank = hf_severity_rank(batch->rows[i]->text.severity);
        most = rank > most ? rank : most;
    }
    for (size_t i = 0; i < group->member_count; i++) {
        unsigned rank = group->members[i].told ? hf_severity_rank(group->members[i].severity) : 0;
        most = rank > most ? rank : most;
    }
    return most;
}

void hf_batch_end(struct hf_groups *groups, struct hf_batch *batch, bool told, const char *thread)
{
    for (size_t i = 0; i < batch->group_count; i++) {
        struct hf_group *group = batch->groups[i];
        group->in_flight = false;
        settle_members(group, batch, told);
        if (told) {
            group->told_ms = batch->now_ms;
            group->told_rank = rank_told(group, batch);
            group->said_rank = batch->said_rank;
            (void)(group->thread || hf_put_text(&group->thread, thread)); /* without memory: the next one is no reply */
        }
        if (!hf_group_any_told(group)) {
            free(group->id);
            free(group->thread);
            group->id = group->thread = NULL;
        }
    }
    for (size_t i = 0; i < batch->row_count; i++) {
        hf_row_free(batch->rows[i]);
        groups->row_count--;
    }
    hf_arena_free(batch->arena);
    free(batch);
}

struct hf_row *hf_batch_rest(struct hf_groups *groups, struct hf_batch *batch)
{
    struct hf_row *rest = NULL;
    struct hf_row **end = &rest;
    for (size_t i = 0; i < batch->group_count; i++) {
        while (batch->groups[i]->first) {
            *end = pop_row(batch->groups[i]);
            groups->row_count--;
            end = &(*end)->next;
            *end = NULL;
        }
    }
    return rest;
}
