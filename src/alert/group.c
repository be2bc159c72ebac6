#include "group.h"

#include <string.h>

#include "compose.h"
#include "holdfast/clock.h"
#include "route.h"

#define NEVER INT64_MAX
#define CALM_MS 60000 /* a group that has nothing to say is known so long at the least */

static const char *literal(const char *severity)
{
    static const char *const NAMES[] = {"info", "warning", "critical"};
    return NAMES[hf_severity_rank(severity)];
}

int hf_row_new(const struct hf_alert_message *message, const char *dashboard_url, int64_t now_ms, struct hf_row **out,
               struct hf_error *err)
{
    struct hf_row *row = hf_calloc(1, sizeof *row);
    struct hf_arena *arena = row ? hf_arena_new(0) : NULL;
    *out = NULL;
    if (!arena) {
        free(row);
        return hf_error_set(err, HF_ENOMEM, "take an alert: out of memory");
    }
    row->arena = arena;
    row->message = *message;
    row->message.key = hf_arena_copy(arena, message->key, strlen(message->key));
    row->message.event_json = hf_arena_copy(arena, message->event_json, strlen(message->event_json));
    row->since_ms = message->created_ms < now_ms ? message->created_ms : now_ms;
    struct hf_error problem = HF_ERROR_INIT;
    bool is_whole = row->message.key && row->message.event_json;
    if (is_whole && hf_compose(arena, &row->message, dashboard_url, &row->text, &problem) != 0) {
        is_whole = problem.code != HF_ENOMEM;
        row->text = (struct hf_alert_text){.key = row->message.key,
                                           .title = "an event that can't be read",
                                           .state = HF_ALERT_NOTICE,
                                           .drifted_ms = HF_TIME_NONE,
                                           .seen_ms = HF_TIME_NONE,
                                           .corrected_ms = HF_TIME_NONE,
                                           .at_ms = row->since_ms};
    }
    if (!is_whole) {
        hf_row_free(row);
        return hf_error_set(err, HF_ENOMEM, "take an alert: out of memory");
    }
    *out = row;
    return 0;
}

void hf_row_free(struct hf_row *row)
{
    if (row) {
        hf_arena_free(row->arena);
        free(row);
    }
}

static void free_member(struct hf_incident *member)
{
    free(member->incident);
    free(member->kind);
    free(member->namespace);
    free(member->name);
    free(member->title);
    free(member->who);
    free(member->verdict);
}

void hf_group_drop(struct hf_group *group, size_t index)
{
    free_member(&group->members[index]);
    group->member_count--;
    memmove(&group->members[index], &group->members[index + 1],
            (group->member_count - index) * sizeof group->members[0]);
}

static void free_group(struct hf_group *group)
{
    while (group->first) {
        struct hf_row *row = group->first;
        group->first = row->next;
        hf_row_free(row);
    }
    for (size_t i = 0; i < group->member_count; i++) {
        free_member(&group->members[i]);
    }
    free(group->members);
    free(group->key);
    free(group->target);
    free(group->namespace);
    free(group->id);
    free(group->thread);
    free(group);
}

void hf_groups_free(struct hf_groups *groups)
{
    while (groups->first) {
        struct hf_group *group = groups->first;
        groups->first = group->next;
        free_group(group);
    }
    groups->row_count = 0;
}

static struct hf_incident *find_member(const struct hf_group *group, const char *incident)
{
    for (size_t i = 0; incident && i < group->member_count; i++) {
        if (strcmp(group->members[i].incident, incident) == 0) {
            return &group->members[i];
        }
    }
    return NULL;
}

static struct hf_group *group_of_incident(const struct hf_groups *groups, const char *incident)
{
    for (struct hf_group *group = groups->first; incident && group; group = group->next) {
        if (find_member(group, incident)) {
            return group;
        }
    }
    return NULL;
}

bool hf_groups_know(const struct hf_groups *groups, const char *incident)
{
    return group_of_incident(groups, incident) != NULL;
}

static void add_part(struct hf_buf *key, unsigned by, enum hf_alert_by bit, const char *text)
{
    if (by & (unsigned)bit) {
        hf_buf_adds(key, text ? text : "\x1e"); /* that there is none is not the same as an empty one */
    }
    hf_buf_addc(key, '\x1f');
}

/* What begins and ends without an object is a group by itself; notices are by their family; a snoozed object waits
 * alone. Of what is in hand nothing overtakes what stands before it in its group. */
static void add_key(struct hf_buf *key, const struct hf_group_settings *settings, const struct hf_row *row)
{
    const struct hf_alert_text *text = &row->text;
    bool is_alone = settings->wait_ms <= 0 || (settings->by & HF_GROUP_INCIDENT) || row->is_snoozed ||
                    (text->incident && !text->kind);
    if (is_alone && text->incident) {
        hf_buf_addf(key, "i\x1f%s", text->incident);
    } else if (is_alone || text->state == HF_ALERT_NOTICE) {
        /* "pause.set", "pause.ended": in order. */
        hf_buf_adds(key, "n\x1f");
        hf_buf_add(key, text->type, text->type ? strcspn(text->type, ".") : 0);
        hf_buf_addf(key, "\x1f%s", text->target ? text->target : "");
    } else {
        hf_buf_adds(key, "g\x1f");
        add_part(key, settings->by, HF_GROUP_TARGET, text->target);
        add_part(key, settings->by, HF_GROUP_SPACE, text->space);
        add_part(key, settings->by, HF_GROUP_UNIT, text->unit);
        /* A namespace is in itself, as it were: deleted, it takes all that is in it along. */
        bool is_namespace = text->kind && strcmp(text->kind, "Namespace") == 0 && !text->namespace;
        add_part(key, settings->by, HF_GROUP_NAMESPACE, is_namespace ? text->name : text->namespace);
        add_part(key, settings->by & (is_namespace ? ~(unsigned)HF_GROUP_KIND : ~0u), HF_GROUP_KIND, text->kind);
    }
}

static struct hf_group *new_group(struct hf_groups *groups, const struct hf_group_settings *settings, const char *key,
                                  const struct hf_alert_text *text)
{
    struct hf_group *group = hf_calloc(1, sizeof *group);
    const char *namespace =
        text->kind && strcmp(text->kind, "Namespace") == 0 && !text->namespace ? text->name : text->namespace;
    if (!group) {
        return NULL;
    }
    group->told_ms = HF_TIME_NONE;
    group->key = hf_strdup(key);
    group->target = hf_strdup(text->target);
    group->namespace = settings->by & HF_GROUP_NAMESPACE ? hf_strdup(namespace) : NULL;
    if (!group->key || (text->target && !group->target)) {
        free_group(group);
        return NULL;
    }
    struct hf_group **end = &groups->first;
    while (*end) {
        end = &(*end)->next;
    }
    *end = group;
    return group;
}

static struct hf_group *find_group(struct hf_groups *groups, const struct hf_group_settings *settings,
                                   const struct hf_row *row)
{
    struct hf_group *group = group_of_incident(groups, row->text.incident);
    hf_auto_buf struct hf_buf key = {0};
    add_key(&key, settings, row);
    for (struct hf_group *other = groups->first; !group && other && hf_buf_ok(&key); other = other->next) {
        group = strcmp(other->key, hf_buf_text(&key)) == 0 ? other : NULL;
    }
    return group || !hf_buf_ok(&key) ? group : new_group(groups, settings, hf_buf_text(&key), &row->text);
}

bool hf_put_text(char **at, const char *text)
{
    if (!text || (*at && strcmp(*at, text) == 0)) {
        return true;
    }
    char *copy = hf_strdup(text);
    if (copy) {
        free(*at);
        *at = copy;
    }
    return copy != NULL;
}

static struct hf_incident *member_for(struct hf_group *group, const char *incident)
{
    struct hf_incident *member = find_member(group, incident);
    if (member) {
        return member;
    }
    if (group->member_count == group->member_cap) {
        size_t cap = group->member_cap ? group->member_cap * 2 : 4;
        struct hf_incident *members = hf_reallocarray(group->members, cap, sizeof *members);
        if (!members) {
            return NULL;
        }
        group->members = members;
        group->member_cap = cap;
    }
    member = &group->members[group->member_count];
    *member = (struct hf_incident){.incident = hf_strdup(incident),
                                   .severity = "info",
                                   .drifted_ms = HF_TIME_NONE,
                                   .seen_ms = HF_TIME_NONE,
                                   .corrected_ms = HF_TIME_NONE};
    if (!member->incident) {
        return NULL;
    }
    group->member_count++;
    return member;
}

int64_t hf_earlier(int64_t a, int64_t b)
{
    return a == HF_TIME_NONE ? b : b == HF_TIME_NONE ? a : a < b ? a : b;
}

/* Whoever it was stays known when the newest event doesn't say. */
static int note(struct hf_group *group, const struct hf_alert_text *text)
{
    struct hf_incident *member = text->incident ? member_for(group, text->incident) : NULL;
    if (!text->incident) {
        return 0;
    }
    if (!member || !hf_put_text(&member->kind, text->kind) || !hf_put_text(&member->namespace, text->namespace) ||
        !hf_put_text(&member->name, text->name) || !hf_put_text(&member->title, text->title) ||
        !hf_put_text(&member->who, text->who) ||
        !hf_put_text(&member->verdict, member->verdict ? NULL : text->verdict)) {
        return -1;
    }
    bool over = text->state == HF_ALERT_RESOLVED;
    member->severity = over && hf_severity_rank(text->severity) < hf_severity_rank(member->severity)
                           ? member->severity
                           : literal(text->severity);
    member->over = over;
    member->end = text->end;
    member->correcting = text->correcting;
    member->event_id = text->event_id;
    member->drifted_ms = hf_earlier(member->drifted_ms, text->drifted_ms);
    member->seen_ms = hf_earlier(member->seen_ms, text->seen_ms);
    member->corrected_ms = text->corrected_ms;
    return 0;
}

int hf_groups_add(struct hf_groups *groups, const struct hf_group_settings *settings, struct hf_row *row,
                  struct hf_error *err)
{
    struct hf_group *group = find_group(groups, settings, row);
    if (!group || note(group, &row->text) != 0) {
        return hf_error_set(err, HF_ENOMEM, "take an alert: out of memory");
    }
    row->next = NULL;
    if (group->last) {
        group->last->next = row;
    } else {
        group->first = row;
    }
    group->last = row;
    group->row_count++;
    groups->row_count++;
    return 0;
}

int hf_groups_recall(struct hf_groups *groups, const struct hf_group_settings *settings,
                     const struct hf_alert_told *told, struct hf_error *err)
{
    struct hf_row *row;
    struct hf_alert_message message = {.key = told->incident, .event_json = told->event_json};
    if (hf_row_new(&message, NULL, 0, &row, err) != 0) {
        return -1;
    }
    row->text.incident = told->incident;
    row->text.state = HF_ALERT_OPEN;
    struct hf_group *group = find_group(groups, settings, row);
    bool is_whole = group && note(group, &row->text) == 0 && hf_put_text(&group->id, told->group) &&
                    hf_put_text(&group->thread, told->thread);
    if (is_whole) {
        struct hf_incident *member = find_member(group, told->incident);
        member->told = true;
        member->event_id = told->event_id;
        group->told_ms = told->at_ms > group->told_ms ? told->at_ms : group->told_ms;
        unsigned rank = hf_severity_rank(member->severity);
        group->told_rank = rank > group->told_rank ? rank : group->told_rank;
        group->said_rank = group->told_rank;
    }
    hf_row_free(row);
    return is_whole ? 0 : hf_error_set(err, HF_ENOMEM, "recall what was told: out of memory");
}

static int inherit_group(struct hf_groups *groups, const struct hf_group *from)
{
    static const struct hf_group_settings ALL_BY = {.by = HF_GROUP_NAMESPACE};
    const struct hf_alert_text place = {.target = from->target, .namespace = from->namespace};
    struct hf_group *group = NULL;
    for (size_t i = 0; i < from->member_count; i++) {
        const struct hf_incident *old = &from->members[i];
        if (!old->told) {
            continue;
        }
        group = group ? group : new_group(groups, &ALL_BY, from->key, &place);
        struct hf_incident *member = group ? member_for(group, old->incident) : NULL;
        if (!member || !hf_put_text(&member->kind, old->kind) || !hf_put_text(&member->namespace, old->namespace) ||
            !hf_put_text(&member->name, old->name) || !hf_put_text(&member->title, old->title) ||
            !hf_put_text(&member->who, old->who) || !hf_put_text(&member->verdict, old->verdict) ||
            !hf_put_text(&group->id, from->id) || !hf_put_text(&group->thread, from->thread)) {
            return -1;
        }
        member->severity = old->severity;
        member->end = old->end;
        member->told = true;
        member->event_id = old->event_id;
        member->drifted_ms = old->drifted_ms;
        member->seen_ms = old->seen_ms;
        group->told_ms = from->told_ms;
        group->told_rank = from->told_rank;
        group->said_rank = from->said_rank;
    }
    return 0;
}

int hf_groups_inherit(struct hf_groups *groups, const struct hf_groups *before, struct hf_error *err)
{
    for (const struct hf_group *group = before->first; group; group = group->next) {
        if (inherit_group(groups, group) != 0) {
            return hf_error_set(err, HF_ENOMEM, "recall what was told: out of memory");
        }
    }
    return 0;
}

bool hf_group_any_told(const struct hf_group *group)
{
    for (size_t i = 0; i < group->member_count; i++) {
        if (group->members[i].told) {
            return true;
        }
    }
    return false;
}

static bool all_over(const struct hf_group *group)
{
    for (size_t i = 0; i < group->member_count; i++) {
        if (!group->members[i].over) {
            return false;
        }
    }
    return group->member_count > 0;
}

/* The gravest of what waits. */
static unsigned rank_of(const struct hf_group *group)
{
    unsigned most = 0;
    for (const struct hf_row *row = group->first; row; row = row->next) {
        unsigned rank = hf_severity_rank(row->text.severity);
        most = rank > most ? rank : most;
    }
    return most;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t plus(int64_t at_ms, int64_t delay_ms)
{
    return at_ms > NEVER - delay_ms ? NEVER : at_ms + delay_ms;
}

/* When a snoozed object may be told of: at once where the channel was told of it before and it is over. */
static int64_t snoozed_until(const struct hf_group *group, const struct hf_group_settings *settings, int64_t now_ms)
{
    int64_t until = HF_TIME_NONE;
    for (const struct hf_row *row = group->first; row; row = row->next) {
        int64_t end = hf_route_snoozed_until(settings->snoozes, settings->snooze_count, &row->text, now_ms);
        if (end == HF_TIME_NONE) {
            return HF_TIME_NONE;
        }
        until = later(until, end);
    }
    return until;
}

static int64_t due_at(const struct hf_group *group, const struct hf_group_settings *settings, int64_t now_ms)
{
    bool ends = hf_group_any_told(group) && all_over(group);
    if (group->in_flight) {
        return NEVER;
    }
    if (!group->first) {
        return settings->repeat_ms > 0 && hf_group_any_told(group) && !all_over(group)
                   ? plus(group->told_ms, settings->repeat_ms)
                   : NEVER;
    }
    unsigned rank = rank_of(group);
    int64_t due = plus(ends ? group->last->since_ms : group->first->since_ms, settings->wait_ms);
    bool is_graver = rank > group->told_rank && !all_over(group);
    if (settings->wait_ms > 0 && group->told_ms != HF_TIME_NONE && !ends && !is_graver) {
        due = later(due, plus(group->told_ms, settings->interval_ms));
    }
    if (rank < settings->quiet_below) {
        due = later(due, hf_route_quiet_until(settings->quiet, settings->quiet_count, now_ms));
    }
    return ends ? due : later(due, snoozed_until(group, settings, now_ms));
}

struct hf_group *hf_groups_due(struct hf_groups *groups, const struct hf_group_settings *settings, int64_t now_ms,
                               int64_t *wait_ms)
{
    struct hf_group *first = NULL;
    int64_t first_due = NEVER;
    for (struct hf_group *group = groups->first; group; group = group->next) {
        int64_t due = due_at(group, settings, now_ms);
        if (due < first_due) {
            first = group;
            first_due = due;
        }
    }
    *wait_ms = first_due == NEVER ? NEVER : first_due > now_ms ? first_due - now_ms : 0;
    return first && first_due <= now_ms ? first : NULL;
}

size_t hf_groups_due_count(const struct hf_groups *groups, const struct hf_group_settings *settings, int64_t now_ms)
{
    size_t count = 0;
    for (const struct hf_group *group = groups->first; group; group = group->next) {
        count += due_at(group, settings, now_ms) <= now_ms;
    }
    return count;
}

/* A pager is not woken by what nothing is to be done about, and would never be told the end of: that somebody has
 * paused something. But by a test. */
static bool is_mere_news(const struct hf_group *group)
{
    const char *type = group->first->text.type;
    return group->member_count == 0 && rank_of(group) == 0 && !(type && strcmp(type, "alert.test") == 0);
}

static bool may_be_told(const struct hf_group *group)
{
    for (const struct hf_row *row = group->first; row; row = row->next) {
        if (row->may_be_told) {
            return true;
        }
    }
    return false;
}

bool hf_group_passes(const struct hf_group *group, const struct hf_group_settings *settings)
{
    if (!group->first || group->member_count == 0) {
        return group->first && settings->is_pager && is_mere_news(group);
    }
    bool told = hf_group_any_told(group) || may_be_told(group);
    bool over = all_over(group);
    bool only_closed = true;
    for (size_t i = 0; i < group->member_count; i++) {
        only_closed &= group->members[i].end == HF_END_DISMISSED;
    }
    /* Of one event at a time only the end of a correction is told, not its beginning. */
    bool begins = settings->wait_ms <= 0 && group->first->text.correcting && group->first->text.end == HF_END_OPEN;
    return begins || (over && (settings->without_resolved || (!told && (settings->is_pager || only_closed))));
}

void hf_groups_tidy(struct hf_groups *groups, const struct hf_group_settings *settings, int64_t now_ms)
{
    int64_t calm_ms = settings->interval_ms > CALM_MS ? settings->interval_ms : CALM_MS;
    for (struct hf_group **at = &groups->first; *at;) {
        struct hf_group *group = *at;
        bool is_calm = settings->wait_ms <= 0 || group->told_ms == HF_TIME_NONE || group->told_ms + calm_ms <= now_ms;
        if (!group->first && !group->in_flight && group->member_count == 0 && is_calm) {
            *at = group->next;
            free_group(group);
        } else {
            at = &group->next;
        }
    }
}
