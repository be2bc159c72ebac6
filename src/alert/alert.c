#include "holdfast/alert.h"

#include <string.h>

#include "channel.h"
#include "holdfast/mem.h"

int hf_alert_new(struct hf_loop *loop, struct hf_http *http, struct hf_log *log,
                 const struct hf_alert_channel *channels, size_t count, const struct hf_alert_outbox *outbox,
                 struct hf_alert **out, struct hf_error *err)
{
    struct hf_alert *alert = hf_calloc(1, sizeof *alert);
    *out = NULL;
    if (!alert) {
        return hf_error_set(err, HF_ENOMEM, "no memory for alerts");
    }
    alert->loop = loop;
    alert->http = http;
    alert->log = log;
    alert->outbox = *outbox;
    alert->channels = hf_calloc(count ? count : 1, sizeof *alert->channels);
    if (!alert->channels) {
        hf_alert_free(alert);
        return hf_error_set(err, HF_ENOMEM, "no memory for alerts");
    }
    for (size_t i = 0; i < count; i++) {
        alert->count++;
        if (hf_channel_init(&alert->channels[i], alert, &channels[i], err) != 0) {
            hf_alert_free(alert);
            return -1;
        }
    }
    *out = alert;
    hf_alert_wake(alert);
    return 0;
}

void hf_alert_free(struct hf_alert *alert)
{
    if (!alert) {
        return;
    }
    for (size_t i = 0; i < alert->count; i++) {
        hf_channel_end(&alert->channels[i]);
    }
    free(alert->channels);
    hf_arena_free(alert->snooze_arena);
    free(alert);
}

static struct hf_channel *channel_named(const struct hf_alert *alert, const char *name)
{
    for (size_t i = 0; i < alert->count; i++) {
        if (strcmp(alert->channels[i].name, name) == 0) {
            return &alert->channels[i];
        }
    }
    return NULL;
}

int hf_alert_recall(struct hf_alert *alert, const char *channel, const struct hf_alert_told *told, struct hf_error *err)
{
    struct hf_channel *found = channel_named(alert, channel);
    return found ? hf_groups_recall(&found->groups, &found->policy.group, told, err) : 0;
}

int hf_alert_inherit(struct hf_alert *alert, const struct hf_alert *before, struct hf_error *err)
{
    for (size_t i = 0; i < alert->count; i++) {
        const struct hf_channel *from = channel_named(before, alert->channels[i].name);
        if (from && hf_groups_inherit(&alert->channels[i].groups, &from->groups, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static bool keep_text(struct hf_arena *arena, const char **text)
{
    const char *from = *text;
    *text = from ? hf_arena_copy(arena, from, strlen(from)) : NULL;
    return !from || *text;
}

int hf_alert_snooze(struct hf_alert *alert, const struct hf_alert_snooze *snoozes, size_t count, struct hf_error *err)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_alert_snooze *copies = arena ? hf_arena_array(arena, count, sizeof *copies) : NULL;
    bool is_whole = copies != NULL;
    for (size_t i = 0; is_whole && i < count; i++) {
        copies[i] = snoozes[i];
        is_whole = keep_text(arena, &copies[i].target) && keep_text(arena, &copies[i].space) &&
                   keep_text(arena, &copies[i].unit) && keep_text(arena, &copies[i].kind) &&
                   keep_text(arena, &copies[i].namespace) && keep_text(arena, &copies[i].name);
    }
    if (!is_whole) {
        hf_arena_free(arena);
        return hf_error_set(err, HF_ENOMEM, "snooze alerts: out of memory");
    }
    for (size_t i = 0; i < alert->count; i++) {
        alert->channels[i].policy.group.snoozes = copies;
        alert->channels[i].policy.group.snooze_count = count;
    }
    hf_arena_free(alert->snooze_arena);
    alert->snooze_arena = arena;
    hf_alert_wake(alert);
    return 0;
}

void hf_alert_wake(struct hf_alert *alert)
{
    for (size_t i = 0; i < alert->count; i++) {
        hf_channel_wake(&alert->channels[i]);
    }
}

void hf_alert_taken(struct hf_alert *alert, const char *channel, const struct hf_alert_message *messages, size_t count,
                    int64_t next_due_ms)
{
    struct hf_channel *found = channel_named(alert, channel);
    if (found) {
        hf_channel_taken(found, messages, count, next_due_ms);
    }
}

size_t hf_alert_stats(const struct hf_alert *alert, struct hf_alert_stats *out, size_t most)
{
    for (size_t i = 0; i < alert->count && i < most; i++) {
        const struct hf_channel *channel = &alert->channels[i];
        out[i] =
            (struct hf_alert_stats){channel->name,    channel->delivered, channel->failed,          channel->given_up,
                                    channel->failing, channel->passed,    channel->groups.row_count};
    }
    return alert->count;
}
