/* ConfigHub as a hand that puts back: the apply actions of units, at the revision that is live, followed to their end.
 * Those of one space that come together are asked for in one call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define GATHER_MS 50
#define BULK_LEAST 3u
#define BULK_MOST 100u

/* One apply action of one unit, for all its objects that wait for it. */
struct run_action {
    struct run_target *target;
    char *strings; /* one block for those of `which` */
    struct hf_confighub_unit which;
    int64_t revision;
    bool is_head;   /* the revision is the head, too: a bulk apply does the same */
    bool is_queued; /* not asked for yet */
    struct run_bulk *bulk;
    struct hf_confighub_call *call;
    uint64_t *tickets;
    size_t ticket_count;
    struct run_action *next;
};

/* One call for several of them. */
struct run_bulk {
    struct run_target *target;
    struct hf_confighub_call *call;
    struct run_bulk *next;
};

static void drop_action(struct run_action *action)
{
    struct run_action **at = &action->target->actions;
    while (*at && *at != action) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = action->next;
    }
    free(action->strings);
    free(action->tickets);
    free(action);
}

static void drop_bulk(struct run_bulk *bulk)
{
    struct run_bulk **at = &bulk->target->bulks;
    while (*at && *at != bulk) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = bulk->next;
    }
    free(bulk);
}

void hf_run_actions_forget(struct run_target *target)
{
    while (target->bulks) {
        hf_confighub_cancel(target->bulks->call);
        drop_bulk(target->bulks);
    }
    while (target->actions) {
        if (target->actions->call) {
            hf_confighub_cancel(target->actions->call);
        }
        drop_action(target->actions);
    }
    hf_timer_free(target->gather_timer);
    target->gather_timer = NULL;
}

static void end_action(struct run_action *done, const char *text, const struct hf_error *state)
{
    struct hf_run *run = done->target->run;
    /* What is asked for from here on is another action. */
    for (struct run_action **at = &done->target->actions; *at; at = &(*at)->next) {
        if (*at == done) {
            *at = done->next;
            break;
        }
    }
    for (size_t i = 0; i < done->ticket_count; i++) {
        struct hf_error err = HF_ERROR_INIT;
        hf_run_told(run, hf_agent_unit_applied(run->agent, done->tickets[i], text, state, &err), &err);
    }
    drop_action(done);
}

static void on_done(void *ctx, const struct hf_confighub_action *action, const struct hf_error *state)
{
    struct run_action *done = ctx;
    hf_auto_buf struct hf_buf text = {0};
    done->call = NULL;
    hf_buf_addf(&text, "ConfigHub's action %s, apply of revision %lld, ended in %lld ms: %s", action->operation_id,
                (long long)done->revision, (long long)action->took_ms,
                *action->result ? action->result : hf_confighub_outcome_name(action->outcome));
    if (*action->message) {
        hf_buf_addf(&text, " (%s)", action->message);
    }
    end_action(done, hf_buf_text(&text), state);
}

static struct hf_confighub_limits limits_of(const struct run_action *action)
{
    return (struct hf_confighub_limits){.worker_ms = action->target->action_limit_ms,
                                        .total_ms = action->target->action_limit_ms};
}

static void ask_alone(struct run_action *action)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_limits limits = limits_of(action);
    struct hf_confighub_follower follower = {.ctx = action, .done = on_done};
    action->is_queued = false;
    action->bulk = NULL;
    if (hf_confighub_apply(action->target->run->hub, &action->which, action->revision, &limits, &follower,
                           &action->call, &err) != 0) {
        end_action(action, err.text, &err);
    }
}

static void follow(struct run_action *action, const struct hf_confighub_applied *applied)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_confighub_limits limits = limits_of(action);
    struct hf_confighub_follower follower = {.ctx = action, .done = on_done};
    action->bulk = NULL;
    if (applied->err.code != HF_OK) {
        end_action(action, applied->err.text, &applied->err);
    } else if (applied->revision > 0 && applied->revision != action->revision) {
        (void)hf_error_set(&err, HF_ECONFLICT, "ConfigHub applies revision %lld of unit %s, expected %lld",
                           (long long)applied->revision, action->which.slug, (long long)action->revision);
        end_action(action, err.text, &err);
    } else if (hf_confighub_follow(action->target->run->hub, &action->which, applied->operation_id, &limits, &follower,
                                   &action->call, &err) != 0) {
        end_action(action, err.text, &err);
    }
}

static struct run_action *action_of(const struct run_bulk *bulk, const char *unit_id)
{
    struct run_action *action = bulk->target->actions;
    while (action && !(action->bulk == bulk && strcmp(action->which.unit_id, unit_id) == 0)) {
        action = action->next;
    }
    return action;
}

static struct run_action *any_of(const struct run_bulk *bulk)
{
    struct run_action *action = bulk->target->actions;
    while (action && action->bulk != bulk) {
        action = action->next;
    }
    return action;
}

/* Who is not in the answer has got an edit meanwhile, or was refused as a whole: by itself, at its revision. */
static void on_bulk(void *ctx, const struct hf_confighub_applied *units, size_t count, const struct hf_error *state)
{
    struct run_bulk *bulk = ctx;
    struct run_action *action;
    bulk->call = NULL;
    for (size_t i = 0; state->code == HF_OK && i < count; i++) {
        action = action_of(bulk, units[i].unit_id);
        if (action && (*units[i].operation_id || units[i].err.code != HF_OK)) {
            follow(action, &units[i]);
        }
    }
    while ((action = any_of(bulk))) {
        ask_alone(action);
    }
    drop_bulk(bulk);
}

static size_t gather(const struct run_action *first, struct run_action **out, const char **ids)
{
    size_t count = 0;
    for (struct run_action *action = first->target->actions; action && count < BULK_MOST; action = action->next) {
        if (action->is_queued && action->is_head && strcmp(action->which.space_id, first->which.space_id) == 0) {
            out[count] = action;
            ids[count++] = action->which.unit_id;
        }
    }
    return count;
}

/* False: each by itself. */
static bool ask_together(struct run_action *first)
{
    struct hf_error err = HF_ERROR_INIT;
    struct run_action *actions[BULK_MOST];
    const char *ids[BULK_MOST];
    hf_auto_buf struct hf_buf where = {0};
    size_t count = first->is_head ? gather(first, actions, ids) : 0;
    struct run_bulk *bulk = count >= BULK_LEAST ? hf_calloc(1, sizeof *bulk) : NULL;
    if (!bulk) {
        return false;
    }
    bulk->target = first->target;
    bulk->next = first->target->bulks;
    first->target->bulks = bulk;
    if (hf_confighub_where_units(first->which.space_id, ids, count, &where, &err) != 0) {
        drop_bulk(bulk);
        return false;
    }
    /* A bulk apply is of the head: an edit of the last seconds must not be rolled out by it. */
    hf_buf_adds(&where, " AND HeadRevisionNum = LiveRevisionNum");
    if (!hf_buf_ok(&where) ||
        hf_confighub_apply_many(first->target->run->hub, hf_buf_text(&where), on_bulk, bulk, &bulk->call, &err) != 0) {
        drop_bulk(bulk);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        actions[i]->is_queued = false;
        actions[i]->bulk = bulk;
    }
    return true;
}

static void on_gathered(void *ctx)
{
    struct run_target *target = ctx;
    struct run_action *action = target->actions;
    while (action) {
        if (!action->is_queued) {
            action = action->next;
            continue;
        }
        if (!ask_together(action)) {
            ask_alone(action);
        }
        action = target->actions; /* any may have gone */
    }
}

static bool add_ticket(struct run_action *action, uint64_t ticket)
{
    uint64_t *tickets = hf_reallocarray(action->tickets, action->ticket_count + 1, sizeof *tickets);
    if (tickets) {
        action->tickets = tickets;
        tickets[action->ticket_count++] = ticket;
    }
    return tickets != NULL;
}

static const char *put(char **at, const char *text)
{
    const char *start = *at;
    size_t size = strlen(text) + 1;
    memcpy(*at, text, size);
    *at += size;
    return start;
}

static bool copy_unit(struct run_action *action, const struct hf_unit *unit)
{
    const char *space = unit->space ? unit->space : "";
    char *at = hf_calloc(1, strlen(unit->space_id) + strlen(unit->unit_id) + strlen(space) + strlen(unit->slug) + 4);
    action->strings = at;
    if (at) {
        action->which.space_id = put(&at, unit->space_id);
        action->which.unit_id = put(&at, unit->unit_id);
        action->which.space = put(&at, space);
        action->which.slug = put(&at, unit->slug);
    }
    return at != NULL;
}

int hf_run_apply_unit(void *ctx, const char *target_name, const struct hf_unit *unit, uint64_t ticket,
                      struct hf_error *err)
{
    struct hf_run *run = ctx;
    struct run_target *target = hf_run_target_find(run, target_name);
    if (!target || !target->is_hub || !unit->space_id || unit->revision <= 0) {
        return hf_error_set(err, HF_EREFUSED, "unit %s has no revision that ConfigHub could apply", unit->slug);
    }
    if (!target->gather_timer && !(target->gather_timer = hf_timer_new(run->loop, on_gathered, target))) {
        return hf_error_set(err, HF_ENOMEM, "apply a unit: out of memory");
    }
    for (struct run_action *action = target->actions; action; action = action->next) {
        if (strcmp(action->which.unit_id, unit->unit_id) == 0 && action->revision == unit->revision) {
            return add_ticket(action, ticket) ? 0 : hf_error_set(err, HF_ENOMEM, "apply a unit: out of memory");
        }
    }
    struct run_action *action = hf_calloc(1, sizeof *action);
    if (!action) {
        return hf_error_set(err, HF_ENOMEM, "apply a unit: out of memory");
    }
    action->target = target;
    action->revision = unit->revision;
    action->is_head = unit->head_revision == unit->revision && unit->live_revision == unit->revision;
    action->is_queued = true;
    action->next = target->actions;
    target->actions = action;
    if (!copy_unit(action, unit) || !add_ticket(action, ticket)) {
        drop_action(action);
        return hf_error_set(err, HF_ENOMEM, "apply a unit: out of memory");
    }
    if (!hf_timer_is_set(target->gather_timer)) {
        hf_timer_set(target->gather_timer, GATHER_MS);
    }
    return 0;
}
