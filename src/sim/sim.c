#include "sim.h"

#include <errno.h>
#include <string.h>

#include "holdfast/clock.h"

#define STANDARD_WINDOW 10000

static void on_event(void *ctx, const struct sim_event *event)
{
    struct sim *sim = ctx;
    sim_watch_event(sim, event);
    sim_controllers_event(sim, event);
}

static int make_namespace(struct sim *sim, const char *name, struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    struct sim_work work = {.arena = arena};
    struct sim_collection *namespaces = sim_store_collection(&sim->store, "", "v1", "namespaces");
    struct hf_value *space = arena ? sim_parse(arena, "{\"metadata\":{}}") : NULL;
    if (!space || sim_put_text(arena, sim_get(space, "metadata"), "name", name) != 0 ||
        !sim_write_own(sim, &work, namespaces, space, "kube-apiserver")) {
        return hf_error_set(err, HF_EINTERNAL, "namespace %s can't be made: %s", name,
                            work.problem.message ? work.problem.message : "no memory");
    }
    return 0;
}

int sim_open(struct sim *sim, const struct hf_sim_options *options, struct hf_error *err)
{
    static const char *const SPACES[] = {"default", "kube-node-lease", "kube-public", "kube-system"};
    *sim = (struct sim){.options = options, .clock = hf_mono_ms, .random = options->seed * 2 + 1};
    if (sim_store_open(&sim->store, options->window ? options->window : STANDARD_WINDOW, err) != 0) {
        return -1;
    }
    sim->store.on_event = on_event;
    sim->store.ctx = sim;
    sim->controllers.due = hf_map_new();
    if (!sim->controllers.due) {
        sim_close(sim);
        return hf_error_set(err, HF_ENOMEM, "no memory");
    }
    for (size_t i = 0; i < sizeof SPACES / sizeof SPACES[0]; i++) {
        if (make_namespace(sim, SPACES[i], err) != 0) {
            sim_close(sim);
            return -1;
        }
    }
    if (options->token_auth_file && sim_users_open(sim, options->token_auth_file, err) != 0) {
        sim_close(sim);
        return -1;
    }
    sim->audit_log = options->audit_log ? fopen(options->audit_log, "ae") : NULL;
    if (options->audit_log && !sim->audit_log) {
        sim_close(sim);
        return hf_error_errno(err, HF_EIO, errno, "open %s", options->audit_log);
    }
    if (options->seed_deployments > 0 && sim_seed_deployments(sim, options->seed_deployments, err) != 0) {
        sim_close(sim);
        return -1;
    }
    return 0;
}

void sim_close(struct sim *sim)
{
    while (sim->watches.first) {
        sim_watch_drop(sim, sim->watches.first);
    }
    sim_users_close(sim);
    sim_store_close(&sim->store);
    if (sim->audit_log) {
        fclose(sim->audit_log);
    }
    hf_map_free(sim->controllers.due, NULL);
    sim->controllers.due = NULL;
}

int64_t sim_tick(struct sim *sim)
{
    int64_t now = sim->clock();
    if (sim->next_sweep != 0 && sim->next_sweep <= now) {
        (void)sim_sweep_namespaces(sim);
    }
    int64_t next = sim_controllers_run(sim);
    int64_t watches = sim_watch_tick(sim, now);
    next = watches < next ? watches : next;
    return sim->next_sweep != 0 && sim->next_sweep < next ? sim->next_sweep : next;
}

/* splitmix64 */
uint64_t sim_random(struct sim *sim)
{
    uint64_t z = (sim->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

const char *sim_uuid(struct sim *sim, struct hf_arena *arena)
{
    uint64_t a = sim_random(sim), b = sim_random(sim);
    return hf_arena_printf(arena, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffffu,
                           (unsigned)a & 0xfffu, (unsigned)((b >> 48) & 0x3fffu) | 0x8000u,
                           (unsigned long long)(b & 0xffffffffffffu));
}

const char *sim_now(struct hf_arena *arena)
{
    char text[HF_TIME_TEXT];
    hf_time_format(hf_now_ms(), text);
    return hf_arena_printf(arena, "%.19sZ", text);
}

int sim_control(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct hf_value *body;
    struct hf_error err = HF_ERROR_INIT;
    int64_t count;
    request->content_type = "application/json"; /* whatever curl -d says */
    if (strcmp(request->path, "/sim/faults") == 0) {
        return sim_fault_request(sim, request, response);
    }
    if (strcmp(request->method, "POST") != 0) {
        return sim_fail(&request->work, 405, "MethodNotAllowed", "POST");
    }
    if (sim_read_body(request, false, &body) != 0) {
        return -1;
    }
    if (!hf_value_int(hf_value_get(body, "deployments"), &count) || count < 1 || count > 100000) {
        return sim_fail(&request->work, 400, "BadRequest", "expected {\"deployments\": N}, N from 1 to 100000");
    }
    if (sim_seed_deployments(sim, (size_t)count, &err) != 0) {
        return sim_fail(&request->work, 500, "InternalError", "%s", err.text);
    }
    hf_buf_addf(&response->body, "{\"deployments\":%lld}\n", (long long)count);
    return 0;
}
