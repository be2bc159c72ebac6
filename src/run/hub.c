/* ConfigHub as the source of units, asked before a difference is believed to be drift. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/unitstore.h"
#include "run.h"

/* One question about one unit, for all its objects. */
struct run_confirm {
    struct run_target *target;
    char *space_id;
    char *unit_id;
    struct run_confirm *next;
};

static struct hf_confighub_secret secret_of(const struct hf_secret_ref *ref)
{
    return (struct hf_confighub_secret){ref->file, ref->environment};
}

int hf_run_hub_open(const struct hf_config *whole, struct hf_loop *loop, struct hf_http *http, struct hf_log *log,
                    struct hf_confighub **out, struct hf_error *err)
{
    const struct hf_config_hub *config = &whole->hub;
    hf_auto_buf struct hf_buf ca = {0};
    if (config->ca_file && hf_read_file(config->ca_file, (size_t)1 << 20, &ca, err) != 0) {
        return hf_error_wrap(err, "ca_file of ConfigHub");
    }
    struct hf_confighub_options options = {.base_url = config->url,
                                           .token = secret_of(&config->token),
                                           .worker_id = secret_of(&config->worker_id),
                                           .worker_secret = secret_of(&config->worker_secret),
                                           .ca_pem = ca.len > 0 ? hf_buf_text(&ca) : NULL,
                                           .proxy = config->proxy,
                                           .timeout_ms = config->timeout_ms};
    return hf_confighub_open(loop, http, log, &options, out, err);
}

void hf_run_hub_free(struct hf_run *run)
{
    hf_confighub_close(run->hub);
    run->hub = NULL;
    hf_unitstore_close(run->unitstore);
    run->unitstore = NULL;
}

int hf_run_hub_select(struct hf_confighub *hub, const struct hf_config_selection *from,
                      const struct hf_source_events *events, const struct hf_unit_store *store, struct hf_source **out,
                      struct hf_error *err)
{
    struct hf_label *labels = hf_calloc(from->label_count, sizeof *labels);
    if (!labels) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < from->label_count; i++) {
        labels[i] = (struct hf_label){from->labels[2 * i], from->labels[2 * i + 1]};
    }
    struct hf_confighub_selection selection = {.spaces = from->spaces,
                                               .space_count = from->space_count,
                                               .filter = from->filter,
                                               .set = from->set,
                                               .where = from->where,
                                               .labels = labels,
                                               .label_count = from->label_count,
                                               .target = from->target,
                                               .desired = from->is_head ? HF_CONFIGHUB_HEAD : HF_CONFIGHUB_LIVE,
                                               .poll_ms = from->poll_ms};
    int result = hf_source_confighub(hub, &selection, events, store, out, err);
    free(labels);
    return result;
}

static int open_store(struct hf_run *run, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    hf_buf_addf(&path, "%s" HF_UNITSTORE_SUFFIX, run->database);
    return run->unitstore ? 0 : hf_unitstore_open(hf_buf_text(&path), run->log, &run->unitstore, err);
}

int hf_run_hub_source(struct run_target *target, const struct hf_config_target *config,
                      const struct hf_source_events *events, struct hf_error *err)
{
    struct hf_run *run = target->run;
    if (!run->hub && hf_run_hub_open(run->config, run->loop, run->http, run->log, &run->hub, err) != 0) {
        return -1;
    }
    struct hf_unit_store store;
    target->is_hub = true;
    target->action_limit_ms = config->action_limit_ms;
    target->reports_back = config->report_back;
    if (open_store(run, err) != 0 || hf_unitstore_of(run->unitstore, config->name, &store, err) != 0) {
        return -1;
    }
    return hf_run_hub_select(run->hub, config->hub, events, &store, &target->source, err);
}

static void drop_confirm(struct run_confirm *confirm)
{
    struct run_confirm **at = &confirm->target->confirms;
    while (*at && *at != confirm) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = confirm->next;
    }
    free(confirm->space_id);
    free(confirm->unit_id);
    free(confirm);
}

void hf_run_hub_forget(struct run_target *target)
{
    while (target->confirms) {
        hf_source_confighub_unconfirm(target->source, target->confirms);
        drop_confirm(target->confirms);
    }
    hf_run_actions_forget(target);
    hf_run_report_forget(target);
}

static void on_confirmed(void *ctx, bool changed, const struct hf_error *state)
{
    struct run_confirm *confirm = ctx;
    struct hf_run *run = confirm->target->run;
    struct hf_error err = HF_ERROR_INIT;
    (void)changed; /* the units were told anew before */
    hf_run_told(run,
                hf_agent_confirmed(run->agent, confirm->target->name, confirm->space_id, confirm->unit_id, state, &err),
                &err);
    drop_confirm(confirm);
}

int hf_run_confirm(void *ctx, const char *target_name, const struct hf_unit *unit, struct hf_error *err)
{
    struct run_target *target = hf_run_target_find(ctx, target_name);
    if (!target || !target->is_hub || !unit->space_id) {
        return -1;
    }
    for (struct run_confirm *asked = target->confirms; asked; asked = asked->next) {
        if (strcmp(asked->unit_id, unit->unit_id) == 0 && strcmp(asked->space_id, unit->space_id) == 0) {
            return 0;
        }
    }
    struct run_confirm *confirm = hf_calloc(1, sizeof *confirm);
    if (!confirm) {
        return hf_error_set(err, HF_ENOMEM, "ask ConfigHub: out of memory");
    }
    confirm->target = target;
    confirm->space_id = hf_strdup(unit->space_id);
    confirm->unit_id = hf_strdup(unit->unit_id);
    confirm->next = target->confirms;
    target->confirms = confirm;
    if (!confirm->space_id || !confirm->unit_id ||
        hf_source_confighub_confirm(target->source, confirm->space_id, confirm->unit_id, on_confirmed, confirm, err) !=
            0) {
        drop_confirm(confirm);
        return -1;
    }
    return 0;
}
