/* What one message says for many rows. Pure. */
#include <stdio.h>
#include <string.h>

#include "group.h"
#include "holdfast/clock.h"
#include "route.h"

#define MOST_ITEMS 100
#define MOST_NAMES 3

static const char *const SEVERITIES[] = {"info", "warning", "critical"};

struct tally {
    size_t all;
    size_t open;
    size_t put_back;
    size_t stuck; /* blocked, or failing */
    size_t deleted;
    const struct hf_incident *namespace; /* one that was deleted itself */
    unsigned rank;
    int64_t drifted_ms;
    int64_t seen_ms;
    int64_t corrected_ms; /* the last */
};

static bool was_deleted(const struct hf_incident *member)
{
    return member->verdict && (strcmp(member->verdict, "missing") == 0 || strcmp(member->verdict, "terminating") == 0);
}

static void count(struct tally *tally, const struct hf_group *group)
{
    for (size_t i = 0; i < group->member_count; i++) {
        const struct hf_incident *member = &group->members[i];
        unsigned rank = hf_severity_rank(member->severity);
        tally->all++;
        tally->open += !member->over;
        tally->put_back += member->end == HF_END_CORRECTED;
        tally->stuck += member->end == HF_END_BLOCKED || member->end == HF_END_FAILED;
        tally->deleted += was_deleted(member);
        tally->rank = rank > tally->rank ? rank : tally->rank;
        tally->drifted_ms = hf_earlier(tally->drifted_ms, member->drifted_ms);
        tally->seen_ms = hf_earlier(tally->seen_ms, member->seen_ms);
        tally->corrected_ms = member->corrected_ms > tally->corrected_ms ? member->corrected_ms : tally->corrected_ms;
        if (was_deleted(member) && member->kind && strcmp(member->kind, "Namespace") == 0) {
            tally->namespace = member;
        }
    }
}

static const char *kept(struct hf_arena *arena, const struct hf_buf *buf)
{
    return hf_buf_ok(buf) ? hf_arena_copy(arena, hf_buf_text(buf), buf->len) : NULL;
}

/* --- of a group */

/* "alice, bob and 2 others"; NULL: nobody is known. */
static const char *people(struct hf_arena *arena, const struct hf_group *group)
{
    const char *names[MOST_NAMES];
    size_t known = 0;
    size_t others = 0;
    hf_auto_buf struct hf_buf text = {0};
    for (size_t i = 0; i < group->member_count; i++) {
        const char *who = group->members[i].who;
        bool is_new = who != NULL;
        for (size_t n = 0; n < known && is_new; n++) {
            is_new = strcmp(names[n], who) != 0;
        }
        if (is_new && known < MOST_NAMES) {
            names[known++] = who;
        } else if (is_new) {
            others++; /* may count one twice: said as "more" */
        }
    }
    for (size_t n = 0; n < known; n++) {
        hf_buf_addf(&text, "%s%s", n == 0 ? "" : ", ", names[n]);
    }
    hf_buf_adds(&text, others > 0 ? " and more" : "");
    return known > 0 ? kept(arena, &text) : NULL;
}

static const char *summary(struct hf_arena *arena, const struct hf_incident *member, bool names_who)
{
    static const char *const ENDS[] = {
        "", "", ", not put back", ", could not be put back", ", put back", ", right again by itself", ", closed"};
    char after[HF_TIME_TEXT] = "";
    const char *end = member->end == HF_END_OPEN && member->correcting ? ", being put back" : ENDS[member->end];
    if (member->end == HF_END_CORRECTED && member->corrected_ms != HF_TIME_NONE && member->seen_ms != HF_TIME_NONE &&
        member->corrected_ms >= member->seen_ms) {
        hf_duration_format(member->corrected_ms - member->seen_ms, after);
    }
    return hf_arena_printf(arena, "%s%s%s%s%s%s", was_deleted(member) ? "deleted" : "differs", end,
                           after[0] ? " after " : "", after, names_who && member->who ? ", by " : "",
                           names_who && member->who ? member->who : "");
}

/* What is wrong first. */
static unsigned order_of(const struct hf_incident *member)
{
    return member->end == HF_END_BLOCKED || member->end == HF_END_FAILED ? 0 : member->over ? 2 : 1;
}

static bool list(struct hf_arena *arena, const struct hf_group *group, bool names_who, struct hf_alert_text *out)
{
    size_t most = group->member_count < MOST_ITEMS ? group->member_count : MOST_ITEMS;
    struct hf_alert_item *items = hf_arena_array(arena, most, sizeof *items);
    for (unsigned order = 0; items && order < 3; order++) {
        for (size_t i = 0; i < group->member_count && out->item_count < most; i++) {
            const struct hf_incident *member = &group->members[i];
            if (order_of(member) == order) {
                items[out->item_count++] = (struct hf_alert_item){.kind = member->kind,
                                                                  .namespace = member->namespace,
                                                                  .name = member->name,
                                                                  .summary = summary(arena, member, names_who),
                                                                  .severity = member->severity};
            }
        }
    }
    out->items = items;
    out->items_left_out = group->member_count - out->item_count;
    return items != NULL;
}

static void add_place(struct hf_buf *text, const struct hf_group *group)
{
    if (group->namespace) {
        hf_buf_addf(text, " in namespace %s", group->namespace);
    }
    if (group->target) {
        hf_buf_addf(text, " on %s", group->target);
    }
}

static const char *title(struct hf_arena *arena, const struct hf_group *group, const struct tally *tally,
                         enum hf_alert_state state, bool again)
{
    hf_auto_buf struct hf_buf text = {0};
    char took[HF_TIME_TEXT];
    bool over = state == HF_ALERT_RESOLVED;
    bool is_known = over && hf_group_any_told(group); /* what had happened */
    hf_buf_adds(&text, again ? "Still so: " : "");
    if (is_known) {
        hf_buf_addf(&text, "All %zu objects are right again", tally->all);
        add_place(&text, group);
    } else if (tally->namespace && tally->namespace->name) {
        hf_buf_addf(&text, "Namespace %s was deleted, with %zu of its objects", tally->namespace->name,
                    tally->deleted - 1);
        hf_buf_addf(&text, "%s%s", group->target ? " on " : "", group->target ? group->target : "");
    } else {
        hf_buf_addf(&text, "%zu objects %s", tally->all, tally->deleted == tally->all ? "were deleted" : "differ");
        add_place(&text, group);
    }
    if (!is_known && tally->all > tally->open) {
        if (over) {
            hf_buf_adds(&text, "; all are right again");
        } else {
            hf_buf_addf(&text, "; %zu right again", tally->all - tally->open);
        }
    }
    if (over && tally->seen_ms != HF_TIME_NONE && tally->corrected_ms >= tally->seen_ms) {
        hf_duration_format(tally->corrected_ms - tally->seen_ms, took);
        hf_buf_addf(&text, ", %s after the first was seen", took);
    }
    return kept(arena, &text);
}

static void add_count(struct hf_buf *text, size_t number, const char *what)
{
    if (number > 0) {
        hf_buf_addf(text, "%s%zu %s", text->len > 0 ? "; " : "", number, what);
    }
}

static const char *action(struct hf_arena *arena, const struct hf_group *group, const struct tally *tally)
{
    size_t correcting = 0;
    hf_auto_buf struct hf_buf text = {0};
    for (size_t i = 0; i < group->member_count; i++) {
        correcting += group->members[i].end == HF_END_OPEN && group->members[i].correcting;
    }
    size_t left = tally->open - tally->stuck - correcting;
    add_count(&text, tally->put_back, "put back");
    add_count(&text, correcting, "being put back");
    add_count(&text, tally->stuck, "not put back, tried again");
    add_count(&text, left, "left as they are: only observed, or by a rule");
    return kept(arena, &text);
}

static int say_group(struct hf_batch *batch, const struct hf_group *group, struct hf_alert_text *out,
                     struct hf_error *err)
{
    struct tally tally = {.drifted_ms = HF_TIME_NONE, .seen_ms = HF_TIME_NONE, .corrected_ms = HF_TIME_NONE};
    count(&tally, group);
    enum hf_alert_state state = tally.open == 0            ? HF_ALERT_RESOLVED
                                : hf_group_any_told(group) ? HF_ALERT_UPDATE
                                                           : HF_ALERT_OPEN;
    const char *who = people(batch->arena, group);
    *out = (struct hf_alert_text){.state = state,
                                  .severity = SEVERITIES[tally.rank],
                                  .title = title(batch->arena, group, &tally, state, batch->row_count == 0),
                                  .target = group->target,
                                  .namespace = group->namespace,
                                  .who = who,
                                  .action = action(batch->arena, group, &tally),
                                  .drifted_ms = tally.drifted_ms,
                                  .seen_ms = tally.seen_ms,
                                  .corrected_ms = state == HF_ALERT_RESOLVED ? tally.corrected_ms : HF_TIME_NONE,
                                  .at_ms = batch->now_ms,
                                  .incident = group->id,
                                  .resolved_items = tally.all - tally.open};
    return out->title && out->action && list(batch->arena, group, who && strchr(who, ','), out)
               ? 0
               : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

/* --- of one incident, or one notice */

static void say_one(const struct hf_batch *batch, const struct hf_group *group, struct hf_alert_text *out)
{
    const struct hf_alert_text *newest = &batch->rows[batch->row_count - 1]->text;
    *out = *newest;
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct hf_alert_text *text = &batch->rows[i]->text;
        out->who = text->who ? text->who : out->who;
        out->drifted_ms = hf_earlier(out->drifted_ms, text->drifted_ms);
        out->seen_ms = hf_earlier(out->seen_ms, text->seen_ms);
        out->meaning = newest->meaning ? newest->meaning : text->meaning;
        if (text->change_count > 0 && newest->change_count == 0) {
            out->changes = text->changes;
            out->change_count = text->change_count;
            out->changes_left_out = text->changes_left_out;
        }
    }
    if (out->state == HF_ALERT_UPDATE && !hf_group_any_told(group)) {
        out->state = HF_ALERT_OPEN;
    }
    if (group->member_count == 1) {
        out->severity = group->members[0].severity; /* of its end: how grave it was */
    }
    out->incident = group->id ? group->id : out->incident;
}

/* Nothing is new: what is still open is told again. */
static int say_again(struct hf_batch *batch, const struct hf_group *group, struct hf_alert_text *out,
                     struct hf_error *err)
{
    const struct hf_incident *member = &group->members[0];
    int64_t since = member->seen_ms != HF_TIME_NONE ? member->seen_ms : group->told_ms;
    char open[HF_TIME_TEXT];
    hf_duration_format(batch->now_ms > since ? batch->now_ms - since : 0, open);
    *out = (struct hf_alert_text){
        .state = HF_ALERT_UPDATE,
        .severity = member->severity,
        .title = hf_arena_printf(batch->arena, "Still so, for %s: %s", open, member->title ? member->title : ""),
        .target = group->target,
        .kind = member->kind,
        .namespace = member->namespace,
        .name = member->name,
        .who = member->who,
        .drifted_ms = member->drifted_ms,
        .seen_ms = member->seen_ms,
        .corrected_ms = HF_TIME_NONE,
        .at_ms = batch->now_ms,
        .incident = group->id};
    return out->title ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

/* --- notices of one type, and digests */

static int say_notices(struct hf_batch *batch, const struct hf_group *group, struct hf_alert_text *out,
                       struct hf_error *err)
{
    size_t most = batch->row_count < MOST_ITEMS ? batch->row_count : MOST_ITEMS;
    struct hf_alert_item *items = hf_arena_array(batch->arena, most, sizeof *items);
    *out = batch->rows[batch->row_count - 1]->text;
    for (size_t i = 0; items && i < most; i++) {
        const struct hf_alert_text *text = &batch->rows[i]->text;
        items[i] = (struct hf_alert_item){.kind = text->kind ? text->kind : "Unit",
                                          .namespace = text->namespace,
                                          .name = text->name ? text->name : text->unit,
                                          .summary = text->title,
                                          .severity = text->severity};
        if (!items[i].name) {
            items[i].kind = NULL;
        }
        out->severity =
            hf_severity_rank(text->severity) > hf_severity_rank(out->severity) ? text->severity : out->severity;
    }
    out->title =
        hf_arena_printf(batch->arena, "%zu notices (%s)%s%s", batch->row_count, out->type ? out->type : "event",
                        group->target ? " on " : "", group->target ? group->target : "");
    out->unit = out->space = NULL;
    out->items = items;
    out->item_count = most;
    out->items_left_out = batch->row_count - most;
    return items && out->title ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

static const char *line_of(struct hf_batch *batch, const struct hf_group *group, const struct hf_alert_text **one)
{
    struct hf_alert_text text;
    struct hf_error ignored = HF_ERROR_INIT;
    *one = NULL;
    for (size_t i = 0; i < batch->row_count; i++) {
        const struct hf_alert_text *row = &batch->rows[i]->text;
        const struct hf_incident *member = group->member_count == 1 ? &group->members[0] : NULL;
        if (member && row->incident && strcmp(row->incident, member->incident) == 0) {
            *one = row;
        }
    }
    if (*one) {
        return (*one)->title;
    }
    if (group->member_count == 0) {
        return hf_arena_printf(batch->arena, "notices%s%s", group->target ? " on " : "",
                               group->target ? group->target : "");
    }
    return say_group(batch, group, &text, &ignored) == 0 ? text.title : NULL;
}

static int say_digest(struct hf_batch *batch, struct hf_alert_text *out, struct hf_error *err)
{
    size_t most = batch->group_count < MOST_ITEMS ? batch->group_count : MOST_ITEMS;
    struct hf_alert_item *items = hf_arena_array(batch->arena, most, sizeof *items);
    struct tally tally = {.drifted_ms = HF_TIME_NONE, .seen_ms = HF_TIME_NONE, .corrected_ms = HF_TIME_NONE};
    char since[HF_TIME_TEXT];
    for (size_t i = 0; items && i < batch->group_count; i++) {
        const struct hf_alert_text *one;
        count(&tally, batch->groups[i]);
        if (i < most) {
            items[i] = (struct hf_alert_item){.summary = line_of(batch, batch->groups[i], &one)};
            if (one) {
                items[i].kind = one->kind;
                items[i].namespace = one->namespace;
                items[i].name = one->name;
            }
        }
    }
    hf_time_format(batch->created_ms, since);
    *out = (struct hf_alert_text){
        .state = HF_ALERT_NOTICE,
        .severity = SEVERITIES[tally.rank],
        .title = hf_arena_printf(
            batch->arena, "%zu alerts of %zu places in one, since %s: %zu objects still differ, %zu are right again",
            batch->row_count, batch->group_count, since, tally.open, tally.all - tally.open),
        .action = "Put together because this channel's limit of messages was reached",
        .drifted_ms = tally.drifted_ms,
        .seen_ms = tally.seen_ms,
        .corrected_ms = HF_TIME_NONE,
        .at_ms = batch->now_ms,
        .items = items,
        .item_count = most,
        .items_left_out = batch->group_count - most,
        .resolved_items = tally.all - tally.open};
    return items && out->title ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
}

static int add_link(struct hf_batch *batch, const char *dashboard_url, struct hf_alert_text *out, struct hf_error *err)
{
    /* A group's page is the list: of the incidents of its namespace. */
    if (dashboard_url && !out->incident_url) {
        out->incident_url = hf_arena_copy(batch->arena, dashboard_url, strlen(dashboard_url));
        return out->incident_url ? 0 : hf_error_set(err, HF_ENOMEM, "make an alert: out of memory");
    }
    return 0;
}

int hf_batch_text(struct hf_batch *batch, const char *dashboard_url, struct hf_alert_text *out, struct hf_error *err)
{
    int result = 0;
    const struct hf_group *group = batch->groups[0];
    if (batch->group_count > 1) {
        result = say_digest(batch, out, err);
    } else if (group->member_count > 1) {
        result = say_group(batch, group, out, err);
    } else if (batch->row_count == 0) {
        result = say_again(batch, group, out, err);
    } else if (group->member_count == 0 && batch->row_count > 1) {
        result = say_notices(batch, group, out, err);
    } else {
        say_one(batch, group, out);
    }
    out->key = batch->key;
    batch->said_rank = hf_severity_rank(out->severity);
    if (batch->group_count == 1 && hf_group_any_told(group)) {
        out->told_severity = SEVERITIES[group->said_rank];
    }
    return result == 0 ? add_link(batch, dashboard_url, out, err) : -1;
}
