/* What people ask of the running agent: taken from the folder beside the trail, recorded, done, followed to its end. */
#include "asks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 200
#define FOLLOW_MS 60000
#define MOST_ASKS 8

struct run_asks {
    struct hf_timer *timer;
    char *folder;
    struct run_ask *first;
    size_t count;
    uint64_t next_ticket;
    unsigned turns;
    bool is_failing;
};

static const char *to_text(struct run_ask *ask, const char *text)
{
    return text ? hf_arena_copy(ask->arena, text, strlen(text)) : NULL;
}

static void free_ask(struct run_ask *ask)
{
    if (ask->call) {
        hf_confighub_cancel(ask->call);
    }
    if (ask->data.ptr) {
        hf_wipe(ask->data.ptr, ask->data.cap);
    }
    hf_buf_free(&ask->data);
    hf_arena_free(ask->arena);
    free(ask);
}

static void add_text(struct hf_buf *out, const char *name, const char *text)
{
    if (text && *text) {
        hf_buf_addf(out, ",\"%s\":", name);
        hf_buf_add_json(out, hf_slice_of(text));
    }
}

static int say(struct hf_run *run, const struct hf_ask *ask, const char *space, const char *step, const char *severity,
               const char *message, const struct run_ask *at, uint64_t ticket, struct hf_error *err)
{
    hf_auto_buf struct hf_buf type = {0};
    hf_auto_buf struct hf_buf detail = {0};
    hf_buf_addf(&type, "%s.%s", hf_ask_kind_name(ask->kind), step);
    hf_buf_adds(&detail, "{\"ask\":");
    hf_buf_add_json(&detail, hf_slice_of(ask->id));
    add_text(&detail, "by", ask->by);
    add_text(&detail, "reason", ask->reason);
    add_text(&detail, "drifts", at ? at->drifts : NULL);
    if (at && at->live > 0) {
        hf_buf_addf(&detail, ",\"from_revision\":%" PRId64, at->live);
    }
    if (at && at->revision > 0) {
        hf_buf_addf(&detail, ",\"to_revision\":%" PRId64, at->revision);
    }
    hf_buf_addc(&detail, '}');
    struct hf_audit_event event = {.at_ms = hf_now_ms(),
                                   .type = hf_buf_text(&type),
                                   .severity = severity,
                                   .message = message,
                                   .detail = hf_buf_text(&detail),
                                   .target = ask->target,
                                   .space = space ? space : ask->space,
                                   .unit = ask->unit,
                                   .revision = at ? (at->revision > 0 ? at->revision : at->live) : 0,
                                   .kind = ask->object_kind,
                                   .namespace = ask->namespace,
                                   .name = ask->name,
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE,
                                   .alert = strcmp(step, "done") == 0 || strcmp(step, "failed") == 0};
    struct hf_audit_batch batch = {.events = &event, .event_count = 1};
    if (!hf_buf_ok(&type) || !hf_buf_ok(&detail)) {
        return hf_error_set(err, HF_ENOMEM, "record what was asked: out of memory");
    }
    hf_log_write(run->log, HF_INFO, message, "event", hf_buf_text(&type), "target", ask->target, "unit", ask->unit,
                 "by", ask->by, NULL);
    return hf_audit_append(run->audit, &batch, ticket, err);
}

int hf_run_ask_say(struct run_ask *ask, const char *step, const char *severity, const char *message, uint64_t ticket,
                   struct hf_error *err)
{
    return say(ask->run, &ask->ask, ask->space, step, severity, message, ask, ticket, err);
}

void hf_run_ask_answer(struct run_ask *ask, const char *state, const char *message)
{
    struct hf_error err = HF_ERROR_INIT;
    if (hf_ask_answer(ask->run->asks->folder, ask->ask.id, state, message, &err) != 0) {
        hf_log_error(ask->run->log, HF_WARN, "an answer could not be written", &err, "ask", ask->ask.id, NULL);
    }
}

void hf_run_ask_end(struct run_ask *ask, const char *state, const char *message)
{
    struct hf_error err = HF_ERROR_INIT;
    bool is_read_only = ask->ask.kind == HF_ASK_UNITS || ask->ask.dry_run;
    ask->is_over = true;
    if (!is_read_only &&
        hf_run_ask_say(ask, state, strcmp(state, "failed") == 0 ? "warning" : "info", message, 0, &err) != 0) {
        hf_log_error(ask->run->log, HF_ERROR, "how a request ended could not be recorded", &err, "ask", ask->ask.id,
                     NULL);
    }
    hf_run_ask_answer(ask, state, message);
    hf_ask_end(ask->run->asks->folder, ask->ask.id);
}

void hf_run_ask_unneeded(struct run_ask *ask, const char *message)
{
    ask->is_over = true;
    hf_run_ask_answer(ask, "done", message);
    hf_ask_end(ask->run->asks->folder, ask->ask.id);
}

void hf_run_ask_fail(struct run_ask *ask, const struct hf_error *why)
{
    hf_run_ask_end(ask, "failed", why->text);
}

void hf_run_ask_record(struct run_ask *ask, const char *message, void (*recorded)(struct run_ask *ask))
{
    struct hf_error err = HF_ERROR_INIT;
    ask->ticket = RUN_ASK_TICKET | ++ask->run->asks->next_ticket;
    ask->recorded = recorded;
    if (hf_run_ask_say(ask, "intended", "info", message, ask->ticket, &err) != 0) {
        ask->ticket = 0;
        hf_run_ask_fail(ask, &err);
    }
}

bool hf_run_ask_recorded(struct hf_run *run, uint64_t ticket)
{
    if ((ticket & RUN_ASK_TICKET) == 0) {
        return false;
    }
    for (struct run_ask *ask = run->asks ? run->asks->first : NULL; ask; ask = ask->next) {
        if (ask->ticket == ticket && !ask->is_over) {
            ask->ticket = 0;
            ask->recorded(ask);
            break;
        }
    }
    return true;
}

void hf_run_ask_follow(struct run_ask *ask)
{
    const struct run_target *target = hf_run_target_find(ask->run, ask->ask.target);
    ask->follow_until_ms = hf_mono_ms() + FOLLOW_MS;
    if (target && target->source) {
        hf_source_refresh(target->source);
    }
}

static struct hf_agent_ref only_of(const struct hf_ask *ask)
{
    return (struct hf_agent_ref){
        .target = ask->target, .kind = ask->object_kind, .namespace = ask->namespace, .name = ask->name};
}

/* The agent's part of putting back: recorded first, since it may write to an observed cluster. */
static void put_back(struct run_ask *ask)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_ref only = only_of(&ask->ask);
    size_t count;
    if (hf_agent_put_back(ask->run->agent, ask->ask.target, ask->space, ask->ask.unit,
                          ask->ask.object_kind ? &only : NULL, &count, &err) != 0) {
        hf_run_ask_end(ask, err.code == HF_EREFUSED ? "refused" : "failed", err.text);
    } else if (count == 0) {
        hf_run_ask_end(ask, "done", "nothing differs");
    } else {
        hf_run_ask_follow(ask);
    }
}

static void add_took(const struct run_ask *ask, struct hf_buf *out)
{
    hf_buf_addf(out, ", %" PRId64 " ms after it was asked", hf_mono_ms() - ask->begun_mono_ms);
}

static bool has_arrived(const struct run_ask *ask, const struct hf_agent_standing *standing)
{
    if (ask->ask.kind != HF_ASK_PUT_BACK && standing->unit->revision < ask->revision) {
        return false;
    }
    return standing->in_sync == standing->objects && standing->open == 0 && !standing->unit->problem &&
           hf_unit_is_held(standing->unit);
}

static void end_well(struct run_ask *ask)
{
    hf_auto_buf struct hf_buf text = {0};
    if (ask->ask.kind == HF_ASK_PUT_BACK) {
        hf_buf_addf(&text, "unit %s is in sync: put back as %s asked", ask->ask.unit, ask->ask.by);
    } else if (ask->ask.kind == HF_ASK_ACCEPT) {
        hf_buf_addf(&text,
                    "%s accepted what was live of unit %s: revision %" PRId64 " in place of %" PRId64 ", in sync",
                    ask->ask.by, ask->ask.unit, ask->revision, ask->live);
    } else {
        hf_buf_addf(&text, "%s rolled unit %s back: revision %" PRId64 " in place of %" PRId64 ", in sync", ask->ask.by,
                    ask->ask.unit, ask->revision, ask->live);
    }
    add_took(ask, &text);
    hf_run_ask_end(ask, "done", hf_buf_text(&text));
}

static void look_at(struct run_ask *ask)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_standing standing;
    struct hf_agent_ref only = only_of(&ask->ask);
    if (hf_agent_standing(ask->run->agent, ask->ask.target, ask->space, ask->ask.unit,
                          ask->ask.object_kind ? &only : NULL, &standing, NULL, &err) != 0) {
        hf_run_ask_fail(ask, &err);
    } else if (has_arrived(ask, &standing)) {
        end_well(ask);
    } else if (hf_mono_ms() > ask->follow_until_ms) {
        (void)hf_error_set(&err, HF_ETIMEOUT, "unit %s is not in sync after %d s: %zu of %zu objects are; %s",
                           ask->ask.unit, FOLLOW_MS / 1000, standing.in_sync, standing.objects,
                           standing.reason ? standing.reason : "the others are still being looked at");
        hf_run_ask_fail(ask, &err);
    }
}

static bool is_busy(const struct run_ask *with)
{
    for (const struct run_ask *other = with->run->asks->first; other; other = other->next) {
        if (other != with && !other->is_over && other->ask.kind != HF_ASK_UNITS &&
            strcmp(other->ask.target, with->ask.target) == 0 && strcmp(other->ask.unit, with->ask.unit) == 0 &&
            strcmp(other->space ? other->space : "", with->space ? with->space : "") == 0) {
            return true;
        }
    }
    return false;
}

static void begin_put_back(struct run_ask *ask)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text, "%s asks that ", ask->ask.by);
    if (ask->ask.object_kind) {
        hf_buf_addf(&text, "%s %s of ", ask->ask.object_kind, ask->ask.name ? ask->ask.name : "");
    }
    hf_buf_addf(&text, "unit %s is put back now: %s", ask->ask.unit, ask->ask.reason);
    hf_run_ask_record(ask, hf_buf_text(&text), put_back);
}

static void begin(struct run_ask *ask)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_standing standing;
    hf_auto_buf struct hf_buf drifts = {0};
    if (ask->ask.kind == HF_ASK_UNITS) {
        hf_run_ask_units(ask);
        return;
    }
    if (hf_agent_standing(ask->run->agent, ask->ask.target, ask->ask.space, ask->ask.unit, NULL, &standing, &drifts,
                          &err) != 0) {
        hf_run_ask_end(ask, "refused", err.text);
        return;
    }
    ask->space = to_text(ask, standing.unit->space);
    ask->drifts = to_text(ask, hf_buf_text(&drifts));
    ask->which = (struct hf_confighub_unit){to_text(ask, standing.unit->space_id), to_text(ask, standing.unit->unit_id),
                                            ask->space, ask->ask.unit};
    ask->live = standing.unit->live_revision;
    ask->head = standing.unit->head_revision;
    if (!ask->drifts || !ask->space) {
        (void)hf_error_set(&err, HF_ENOMEM, "out of memory");
        hf_run_ask_fail(ask, &err);
    } else if (is_busy(ask)) {
        hf_run_ask_end(ask, "refused", "another request for this unit is under way");
    } else if (ask->ask.kind == HF_ASK_PUT_BACK) {
        begin_put_back(ask);
    } else {
        ask->is_well = standing.open == 0 && standing.in_sync == standing.objects;
        (ask->ask.kind == HF_ASK_ACCEPT ? hf_run_ask_accept : hf_run_ask_rollback)(ask, standing.unit);
    }
}

static bool take_one(struct hf_run *run)
{
    struct hf_error err = HF_ERROR_INIT;
    struct run_asks *asks = run->asks;
    struct run_ask *ask = hf_calloc(1, sizeof *ask);
    if (!ask || !(ask->arena = hf_arena_new(0)) || hf_ask_take(asks->folder, ask->arena, &ask->ask, &err) != 0) {
        if (err.code != HF_ENOTFOUND && !asks->is_failing) {
            hf_log_error(run->log, HF_WARN, "what people ask can't be read", &err, "folder", asks->folder, NULL);
        }
        asks->is_failing = err.code != HF_ENOTFOUND;
        if (ask) {
            hf_arena_free(ask->arena);
        }
        free(ask);
        return false;
    }
    asks->is_failing = false;
    ask->run = run;
    ask->begun_mono_ms = hf_mono_ms();
    ask->next = asks->first;
    asks->first = ask;
    asks->count++;
    hf_run_ask_answer(ask, "taken", "the agent has taken it up");
    begin(ask);
    return true;
}

static void on_timer(void *ctx)
{
    struct hf_run *run = ctx;
    struct run_asks *asks = run->asks;
    bool looks_again = asks->turns++ % 5 == 0;
    while (run->stop_by_ms == 0 && asks->count < MOST_ASKS && take_one(run)) {
    }
    for (struct run_ask *ask = asks->first; ask; ask = ask->next) {
        if (ask->is_over || ask->follow_until_ms == 0) {
            continue;
        }
        const struct run_target *target = hf_run_target_find(run, ask->ask.target);
        if (looks_again && target && target->source && ask->ask.kind != HF_ASK_PUT_BACK) {
            hf_source_refresh(target->source);
        }
        look_at(ask);
    }
    for (struct run_ask **at = &asks->first; *at;) {
        struct run_ask *over = *at;
        if (!over->is_over || over->call) {
            at = &over->next;
            continue;
        }
        *at = over->next;
        asks->count--;
        free_ask(over);
    }
    hf_timer_set(asks->timer, LOOK_MS);
}

int hf_run_accept_unit(void *ctx, const char *target, const struct hf_unit *unit, const char *rule,
                       struct hf_error *err)
{
    const struct hf_run *run = ctx;
    char id[HF_ASK_ID];
    hf_auto_buf struct hf_buf by = {0};
    if (!run->asks) {
        return hf_error_set(err, HF_EBUSY, "the agent is just starting");
    }
    hf_buf_addf(&by, "rule %s", rule);
    struct hf_ask ask = {.kind = HF_ASK_ACCEPT,
                         .target = target,
                         .space = unit->space,
                         .unit = unit->slug,
                         .by = hf_buf_text(&by),
                         .reason = "the rule accepts what is live",
                         .at_ms = hf_now_ms()};
    return hf_ask_submit(run->asks->folder, &ask, id, err);
}

static void tell_interrupted(void *ctx, const struct hf_ask *ask)
{
    struct hf_run *run = ctx;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    if (ask->kind == HF_ASK_UNITS || ask->dry_run) {
        return;
    }
    hf_buf_addf(&text, "the agent ended while it did what %s had asked of unit %s: look at the unit's revisions",
                ask->by, ask->unit);
    if (say(run, ask, NULL, "failed", "warning", hf_buf_text(&text), NULL, 0, &err) != 0) {
        hf_log_error(run->log, HF_ERROR, "a request that was cut short could not be recorded", &err, NULL);
    }
}

int hf_run_asks_begin(struct hf_run *run, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_buf_addf(&path, "%s" HF_ASKS_SUFFIX, run->database);
    run->asks = hf_calloc(1, sizeof *run->asks);
    if (!run->asks || !hf_buf_ok(&path) || !(run->asks->folder = hf_strdup(hf_buf_text(&path))) ||
        !(run->asks->timer = hf_timer_new(run->loop, on_timer, run))) {
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    if (hf_asks_begin(run->asks->folder, tell_interrupted, run, err) != 0) {
        if (err->code == HF_EDENIED) {
            return -1; /* whoever may write there could ask in anybody's name */
        }
        hf_log_error(run->log, HF_ERROR, "nothing can be asked of this agent", err, "folder", run->asks->folder, NULL);
        hf_error_clear(err);
        return 0;
    }
    hf_timer_set(run->asks->timer, LOOK_MS);
    return 0;
}

void hf_run_asks_free(struct hf_run *run)
{
    struct run_asks *asks = run->asks;
    if (!asks) {
        return;
    }
    while (asks->first) {
        struct run_ask *ask = asks->first;
        asks->first = ask->next;
        if (!ask->is_over) {
            hf_run_ask_end(ask, "failed", "the agent was stopped; what ConfigHub has begun goes on there");
        }
        free_ask(ask);
    }
    hf_timer_free(asks->timer);
    free(asks->folder);
    free(asks);
    run->asks = NULL;
}
