/* The file of pauses: looked at every second and handed to the agent; each pause that begins or ends is recorded once,
 * also over restarts. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "holdfast/json.h"
#include "run.h"

#define LOOK_MS 1000
#define MOST_EVENTS 1000000u

/* One that the trail has told as set and not as ended. */
struct run_pause {
    char id[HF_PAUSE_ID];
    bool is_snooze;
    bool is_there; /* while the file is gone through */
    struct run_pause *next;
};

/* The file as it was read last. */
struct run_pauses {
    struct hf_timer *timer;
    char *path;
    struct stat seen;
    bool was_read;
    bool is_failing;
    struct hf_pauses *set;
    struct run_pause *told;
};

static struct run_pause *find(const struct run_pauses *pauses, const char *id)
{
    for (struct run_pause *pause = pauses->told; pause; pause = pause->next) {
        if (strcmp(pause->id, id) == 0) {
            return pause;
        }
    }
    return NULL;
}

static bool remember(struct run_pauses *pauses, const char *id, bool is_snooze)
{
    struct run_pause *pause = strlen(id) < HF_PAUSE_ID ? hf_calloc(1, sizeof *pause) : NULL;
    if (!pause) {
        return false;
    }
    memcpy(pause->id, id, strlen(id) + 1);
    pause->is_there = true;
    pause->is_snooze = is_snooze;
    pause->next = pauses->told;
    pauses->told = pause;
    return true;
}

static void forget(struct run_pauses *pauses, const char *id)
{
    for (struct run_pause **at = &pauses->told; *at; at = &(*at)->next) {
        if (strcmp((*at)->id, id) == 0) {
            struct run_pause *gone = *at;
            *at = gone->next;
            free(gone);
            return;
        }
    }
}

static void add_text(struct hf_buf *out, const char *name, const char *text)
{
    if (text) {
        hf_buf_addf(out, ",\"%s\":", name);
        hf_buf_add_json(out, hf_slice_of(text));
    }
}

static void add_part(struct hf_buf *out, const char *before, const char *text)
{
    if (text) {
        hf_buf_adds(out, before);
        hf_buf_add_safe(out, hf_slice_of(text), 253);
    }
}

static void add_scope(struct hf_buf *out, const struct hf_pause *pause)
{
    add_part(out, "", pause->target);
    add_part(out, ", space ", pause->space);
    add_part(out, ", unit ", pause->unit);
    add_part(out, ", ", pause->kind);
    add_part(out, pause->kind ? " " : ", namespace ", pause->namespace);
    add_part(out, pause->namespace && pause->kind ? "/" : " ", pause->name);
}

static int say(struct hf_run *run, const struct hf_pause *pause, const char *type, const char *message)
{
    struct hf_error err = HF_ERROR_INIT;
    char until[HF_TIME_TEXT];
    hf_auto_buf struct hf_buf detail = {0};
    hf_time_format(pause->until_ms, until);
    hf_buf_adds(&detail, "{\"pause\":");
    hf_buf_add_json(&detail, hf_slice_of(pause->id));
    add_text(&detail, "by", pause->by);
    add_text(&detail, "reason", pause->reason);
    add_text(&detail, "until", until[0] ? until : NULL);
    add_text(&detail, "ended_by", pause->ended_by);
    hf_buf_addc(&detail, '}');
    struct hf_audit_event event = {.at_ms = hf_now_ms(),
                                   .type = type,
                                   .severity = "info",
                                   .message = message,
                                   .detail = hf_buf_text(&detail),
                                   .target = pause->target,
                                   .space = pause->space,
                                   .unit = pause->unit,
                                   .kind = pause->kind,
                                   .namespace = pause->namespace,
                                   .name = pause->name,
                                   .drifted_at_ms = HF_TIME_NONE,
                                   .seen_at_ms = HF_TIME_NONE,
                                   .corrected_at_ms = HF_TIME_NONE,
                                   .alert = true};
    struct hf_audit_batch batch = {.events = &event, .event_count = 1};
    if (!hf_buf_ok(&detail) || hf_audit_append(run->audit, &batch, 0, &err) != 0) {
        return -1; /* said at the next look */
    }
    hf_log_write(run->log, HF_INFO, message, "event", type, "target", pause->target, "by", pause->by, NULL);
    return 0;
}

static void say_set(struct hf_run *run, const struct hf_pause *pause)
{
    char until[HF_TIME_TEXT];
    hf_auto_buf struct hf_buf text = {0};
    hf_time_format(pause->until_ms, until);
    hf_buf_adds(&text, pause->is_snooze ? "alerts snoozed by " : "paused by ");
    hf_buf_add_safe(&text, hf_slice_of(pause->by), 200);
    hf_buf_adds(&text, until[0] ? " until " : " until it is ended");
    hf_buf_adds(&text, until);
    hf_buf_adds(&text, ": ");
    add_scope(&text, pause);
    hf_buf_adds(&text, ": ");
    hf_buf_add_safe(&text, hf_slice_of(pause->reason), 500);
    if (say(run, pause, pause->is_snooze ? "snooze.set" : "pause.set", hf_buf_text(&text)) == 0 &&
        !remember(run->pauses, pause->id, pause->is_snooze)) {
        hf_log_write(run->log, HF_WARN, "a pause is told again: out of memory", "pause", pause->id, NULL);
    }
}

static void say_ended(struct hf_run *run, const struct hf_pause *pause)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_adds(&text, pause->is_snooze ? "the snooze " : "the pause ");
    hf_buf_adds(&text, pause->target ? "of " : "");
    add_part(&text, "", pause->target ? NULL : pause->id);
    add_scope(&text, pause);
    if (pause->ended_by) {
        hf_buf_adds(&text, " is ended by ");
        hf_buf_add_safe(&text, hf_slice_of(pause->ended_by), 200);
    } else {
        hf_buf_adds(&text, pause->by ? " is over" : " is no longer in the file");
    }
    if (say(run, pause, pause->is_snooze ? "snooze.ended" : "pause.ended", hf_buf_text(&text)) == 0) {
        forget(run->pauses, pause->id);
    }
}

/* What has begun or ended since the last look. */
static void tell(struct hf_run *run)
{
    struct run_pauses *pauses = run->pauses;
    int64_t now = hf_now_ms();
    for (struct run_pause *told = pauses->told; told; told = told->next) {
        told->is_there = false;
    }
    for (size_t i = 0; i < pauses->set->count; i++) {
        const struct hf_pause *pause = &pauses->set->items[i];
        struct run_pause *told = find(pauses, pause->id);
        if (told) {
            told->is_there = true;
        }
        if (hf_pause_holds(pause, now) && !told) {
            say_set(run, pause);
        } else if (!hf_pause_holds(pause, now) && told) {
            say_ended(run, pause);
        }
    }
    for (struct run_pause *told = pauses->told, *next; told; told = next) {
        next = told->next;
        if (!told->is_there) {
            say_ended(run, &(struct hf_pause){.id = told->id, .until_ms = HF_TIME_NONE, .is_snooze = told->is_snooze});
        }
    }
}

static void refuse(struct hf_run *run, const struct hf_error *err)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_log_error(run->log, HF_ERROR, "the file of pauses can't be read: what was paused stays so", err, NULL);
    hf_buf_addf(&text, "the file of pauses can't be read, what was paused stays so: %s", err->text);
    hf_run_say(run, "pause.refused", "warning", hf_buf_text(&text), NULL);
}

void hf_run_snooze(struct hf_run *run)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_pauses *set = run->pauses ? run->pauses->set : NULL;
    struct hf_alert_snooze *snoozes = hf_calloc(set ? set->count : 0, sizeof *snoozes);
    size_t count = 0;
    for (size_t i = 0; snoozes && set && i < set->count; i++) {
        const struct hf_pause *pause = &set->items[i];
        if (pause->is_snooze && hf_pause_holds(pause, hf_now_ms())) {
            snoozes[count++] = (struct hf_alert_snooze){.target = pause->target,
                                                        .space = pause->space,
                                                        .unit = pause->unit,
                                                        .kind = pause->kind,
                                                        .namespace = pause->namespace,
                                                        .name = pause->name,
                                                        .until_ms = pause->until_ms};
        }
    }
    if (!snoozes || (run->alert && hf_alert_snooze(run->alert, snoozes, count, &err) != 0)) {
        hf_log_write(run->log, HF_WARN, "alerts are not snoozed: out of memory", NULL);
    }
    free(snoozes);
}

static void take(struct hf_run *run)
{
    struct hf_error err = HF_ERROR_INIT;
    struct run_pauses *pauses = run->pauses;
    struct hf_pauses *read;
    if (hf_pauses_read(pauses->path, &read, &err) != 0) {
        if (!pauses->is_failing) {
            refuse(run, &err);
        }
        pauses->is_failing = true;
        return;
    }
    pauses->is_failing = false;
    struct hf_pauses *old = pauses->set;
    pauses->set = read;
    hf_run_told(run, hf_agent_pauses(run->agent, read, &err), &err);
    hf_pauses_free(old);
    hf_run_snooze(run);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_mode == b->st_mode && a->st_uid == b->st_uid;
}

static void look(void *ctx)
{
    struct hf_run *run = ctx;
    struct run_pauses *pauses = run->pauses;
    struct stat now;
    memset(&now, 0, sizeof now);
    (void)stat(pauses->path, &now); /* not there: all zero, which is a state like any other */
    if (!pauses->was_read || !same_file(&now, &pauses->seen)) {
        pauses->seen = now;
        pauses->was_read = true;
        take(run);
    }
    if (pauses->set) {
        tell(run);
    }
    hf_timer_set(pauses->timer, LOOK_MS);
}

static bool recall(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct run_pauses *pauses = ctx;
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *detail = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    (void)id;
    (void)digest;
    if (!arena || !event->detail ||
        hf_json_read(arena, event->detail, strlen(event->detail), NULL, &detail, &err) != 0) {
        return true;
    }
    const char *pause = hf_value_text(hf_value_get(detail, "pause"));
    bool is_snooze = strncmp(event->type, "snooze.", 7) == 0;
    if (pause && strcmp(event->type, is_snooze ? "snooze.set" : "pause.set") == 0) {
        (void)(find(pauses, pause) || remember(pauses, pause, is_snooze));
    } else if (pause && strcmp(event->type, is_snooze ? "snooze.ended" : "pause.ended") == 0) {
        forget(pauses, pause);
    }
    return true;
}

int hf_run_pauses_begin(struct hf_run *run, struct hf_error *err)
{
    struct hf_audit_filter filter = {
        .type = "pause.", .since_ms = HF_TIME_NONE, .until_ms = HF_TIME_NONE, .limit = MOST_EVENTS};
    struct hf_audit_reader *reader;
    hf_auto_buf struct hf_buf path = {0};
    hf_buf_addf(&path, "%s" HF_PAUSES_SUFFIX, run->database);
    run->pauses = hf_calloc(1, sizeof *run->pauses);
    if (!run->pauses || !hf_buf_ok(&path) || !(run->pauses->path = hf_strdup(hf_buf_text(&path))) ||
        !(run->pauses->timer = hf_timer_new(run->loop, look, run))) {
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    if (hf_audit_reader_open(run->database, &reader, err) != 0) {
        return -1;
    }
    int result = hf_audit_query(reader, &filter, recall, run->pauses, err);
    filter.type = "snooze.";
    result = result == 0 ? hf_audit_query(reader, &filter, recall, run->pauses, err) : result;
    hf_audit_reader_close(reader);
    if (result == 0) {
        look(run);
    }
    return result;
}

void hf_run_pauses_free(struct hf_run *run)
{
    if (!run->pauses) {
        return;
    }
    while (run->pauses->told) {
        forget(run->pauses, run->pauses->told->id);
    }
    hf_timer_free(run->pauses->timer);
    hf_pauses_free(run->pauses->set);
    free(run->pauses->path);
    free(run->pauses);
    run->pauses = NULL;
}
