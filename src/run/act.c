/* What people ask by the dashboard and the API: handed on as the command line does it. On the server's threads. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "holdfast/asks.h"
#include "holdfast/jsonout.h"
#include "holdfast/pauses.h"
#include "run.h"

static int no_memory(struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "ask the agent: out of memory");
}

static int pause_until(struct hf_run *run, const struct hf_serve_act *act, char id[HF_SERVE_ID], struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    struct hf_pause pause = {.target = act->target,
                             .space = act->space,
                             .unit = act->unit,
                             .kind = act->object_kind,
                             .namespace = act->namespace,
                             .name = act->name,
                             .by = act->by,
                             .reason = act->reason,
                             .since_ms = act->at_ms,
                             .until_ms = act->until_ms,
                             .is_snooze = act->kind == HF_SERVE_SNOOZE};
    hf_buf_addf(&path, "%s" HF_PAUSES_SUFFIX, run->database);
    return hf_buf_ok(&path) ? hf_pauses_add(path.ptr, &pause, act->at_ms, id, err) : no_memory(err);
}

static int resume(struct hf_run *run, const struct hf_serve_act *act, char id[HF_SERVE_ID], struct hf_error *err)
{
    size_t count;
    hf_auto_buf struct hf_buf path = {0};
    hf_buf_addf(&path, "%s" HF_PAUSES_SUFFIX, run->database);
    if (!hf_buf_ok(&path)) {
        return no_memory(err);
    }
    if (hf_pauses_end(path.ptr, act->pause, act->by, act->at_ms, &count, err) != 0) {
        return -1;
    }
    (void)snprintf(id, HF_SERVE_ID, "%s", act->pause);
    return count > 0 ? 0 : hf_error_set(err, HF_ENOTFOUND, "there is no pause of that id that holds");
}

static int submit(struct hf_run *run, const struct hf_serve_act *act, char id[HF_SERVE_ID], struct hf_error *err)
{
    hf_auto_buf struct hf_buf folder = {0};
    struct hf_ask ask = {.kind = act->kind == HF_SERVE_ACCEPT     ? HF_ASK_ACCEPT
                                 : act->kind == HF_SERVE_ROLLBACK ? HF_ASK_ROLLBACK
                                                                  : HF_ASK_PUT_BACK,
                         .target = act->target,
                         .space = act->space,
                         .unit = act->unit,
                         .object_kind = act->object_kind,
                         .namespace = act->namespace,
                         .name = act->name,
                         .to = act->to,
                         .dry_run = act->dry_run,
                         .by = act->by,
                         .reason = act->reason,
                         .at_ms = act->at_ms};
    hf_buf_addf(&folder, "%s" HF_ASKS_SUFFIX, run->database);
    return hf_buf_ok(&folder) ? hf_ask_submit(folder.ptr, &ask, id, err) : no_memory(err);
}

static int act(void *ctx, const struct hf_serve_act *asked, char id[HF_SERVE_ID], struct hf_error *err)
{
    switch (asked->kind) {
    case HF_SERVE_PAUSE:
    case HF_SERVE_SNOOZE:
        return pause_until(ctx, asked, id, err);
    case HF_SERVE_RESUME:
        return resume(ctx, asked, id, err);
    default:
        return submit(ctx, asked, id, err);
    }
}

static bool is_there(const struct hf_run *run, const char *id, const char *ending)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_buf_addf(&path, "%s" HF_ASKS_SUFFIX "/%s%s", run->database, id, ending);
    return hf_buf_ok(&path) && access(path.ptr, F_OK) == 0;
}

/* Looked for in the order in which an ask goes, so that one on its way is not missed. */
static int answers(void *ctx, const char *id, bool *taken, struct hf_buf *out, struct hf_error *err)
{
    const struct hf_run *run = ctx;
    size_t offset = 0;
    hf_auto_buf struct hf_buf folder = {0};
    bool waits = is_there(run, id, ".ask");
    bool is_taken = is_there(run, id, ".taken");
    *taken = !waits;
    hf_buf_addf(&folder, "%s" HF_ASKS_SUFFIX, run->database);
    if (!hf_buf_ok(&folder)) {
        return no_memory(err);
    }
    if (hf_ask_answers(folder.ptr, id, &offset, out, err) != 0) {
        return -1;
    }
    if (!waits && !is_taken && offset == 0) {
        return hf_error_set(err, HF_ENOTFOUND, "there is no ask of that id");
    }
    return 0;
}

static void add_pause(struct hf_buf *out, const struct hf_pause *pause)
{
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "id", pause->id);
    hf_out_text(out, "target", pause->target);
    hf_out_text(out, "space", pause->space);
    hf_out_text(out, "unit", pause->unit);
    hf_out_text(out, "kind", pause->kind);
    hf_out_text(out, "namespace", pause->namespace);
    hf_out_text(out, "name", pause->name);
    hf_out_text(out, "by", pause->by);
    hf_out_text(out, "reason", pause->reason);
    hf_out_bool(out, "snooze", pause->is_snooze);
    hf_out_time(out, "since", pause->since_ms);
    hf_out_time(out, "until", pause->until_ms);
    hf_out_close(out, '}');
}

static int pauses(void *ctx, struct hf_buf *out, struct hf_error *err)
{
    const struct hf_run *run = ctx;
    hf_auto_buf struct hf_buf path = {0};
    struct hf_pauses *set;
    hf_buf_addf(&path, "%s" HF_PAUSES_SUFFIX, run->database);
    if (!hf_buf_ok(&path)) {
        return no_memory(err);
    }
    if (hf_pauses_read(path.ptr, &set, err) != 0) {
        return -1;
    }
    int64_t now = hf_now_ms();
    hf_out_open(out, NULL, '[');
    for (size_t i = 0; i < set->count; i++) {
        if (hf_pause_holds(&set->items[i], now)) {
            add_pause(out, &set->items[i]);
        }
    }
    hf_out_close(out, ']');
    hf_pauses_free(set);
    return hf_buf_ok(out) ? 0 : no_memory(err);
}

void hf_run_act_table(struct hf_run *run, struct hf_serve_actions *out)
{
    *out = (struct hf_serve_actions){.ctx = run, .act = act, .answers = answers, .pauses = pauses};
}
