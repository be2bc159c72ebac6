#include "faults.h"

#include <stdio.h>
#include <string.h>

#include "sim.h"

static int64_t number_of(const struct hf_value *body, const char *key, int64_t standard)
{
    int64_t number;
    return hf_value_int(hf_value_get(body, key), &number) && number >= 0 && number <= 86400000 ? number : standard;
}

static int64_t until(const struct sim *sim, const struct hf_value *body)
{
    return sim->clock() + number_of(body, "ms", number_of(body, "seconds", 10) * 1000);
}

static void set_drop(struct sim *sim, const struct hf_value *body)
{
    sim->faults.drop_until = until(sim, body);
    sim->faults.refuse = hf_value_is_true(hf_value_get(body, "refuse"));
}

static void set_error(struct sim *sim, const struct hf_value *body)
{
    sim->faults.error_until = until(sim, body);
    sim->faults.error_percent = (int)number_of(body, "percent", 100);
    sim->faults.error_status = (int)number_of(body, "status", 500);
}

static void set_throttle(struct sim *sim, const struct hf_value *body)
{
    sim->faults.throttle_until = until(sim, body);
    sim->faults.throttle_seconds = (int)number_of(body, "retryAfter", 1);
}

static void set_slow(struct sim *sim, const struct hf_value *body)
{
    sim->faults.slow_until = until(sim, body);
    sim->faults.slow_ms = number_of(body, "delay", 1000);
}

static void set_cut(struct sim *sim, const struct hf_value *body)
{
    (void)body;
    sim_watch_cut(sim);
}

static void set_silent(struct sim *sim, const struct hf_value *body)
{
    sim->faults.silent_until = until(sim, body);
    for (struct sim_watch *watch = sim->watches.first; watch; watch = watch->next) {
        watch->silent = true;
    }
}

static void set_gone(struct sim *sim, const struct hf_value *body)
{
    sim->faults.gone_watches = (int)number_of(body, "count", 1);
    if (hf_value_is_true(hf_value_get(body, "cut"))) {
        sim_watch_cut(sim);
    }
}

static void set_stale(struct sim *sim, const struct hf_value *body)
{
    sim->faults.stale_until = until(sim, body);
    sim->faults.stale_version = sim->store.version;
}

static void set_truncate(struct sim *sim, const struct hf_value *body)
{
    sim->faults.truncate_lists = (int)number_of(body, "count", 1);
}

static void set_garbage(struct sim *sim, const struct hf_value *body)
{
    sim->faults.garbage_lines = (int)number_of(body, "count", 1);
}

static void set_swallow(struct sim *sim, const struct hf_value *body)
{
    sim->faults.swallow_writes = (int)number_of(body, "count", 1);
}

static void set_path(struct sim *sim, const struct hf_value *body)
{
    sim->faults.path_until = until(sim, body);
    sim->faults.path_status = (int)number_of(body, "status", 404);
    (void)snprintf(sim->faults.path, sizeof sim->faults.path, "%s", sim_text(body, "path"));
}

static const struct {
    const char *kind;
    void (*set)(struct sim *sim, const struct hf_value *body);
} FAULTS[] = {
    {"drop", set_drop},         {"error", set_error},         {"throttle", set_throttle}, {"slow", set_slow},
    {"watch-cut", set_cut},     {"watch-silent", set_silent}, {"watch-gone", set_gone},   {"stale", set_stale},
    {"truncate", set_truncate}, {"garbage", set_garbage},     {"swallow", set_swallow},   {"path", set_path},
};

static int set_fault(struct sim *sim, struct sim_request *request)
{
    struct hf_value *body;
    hf_auto_buf struct hf_buf known = {0};
    if (sim_read_body(request, false, &body) != 0) {
        return -1;
    }
    const char *kind = sim_text(body, "kind");
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        if (strcmp(FAULTS[i].kind, kind) == 0) {
            FAULTS[i].set(sim, body);
            return 0;
        }
        hf_buf_addf(&known, "%s%s", i ? ", " : "", FAULTS[i].kind);
    }
    return sim_fail(&request->work, 400, "BadRequest", "found fault kind \"%s\", expected one of: %s", kind,
                    hf_buf_text(&known));
}

static long long left(const struct sim *sim, int64_t at)
{
    int64_t now = sim->clock();
    return at > now ? (long long)(at - now) : 0;
}

static void write_faults(const struct sim *sim, struct hf_buf *buf)
{
    const struct sim_faults *f = &sim->faults;
    hf_buf_addf(buf,
                "{\"drop\":%lld,\"error\":%lld,\"throttle\":%lld,\"slow\":%lld,\"watch-silent\":%lld,\"stale\":%lld,"
                "\"watch-gone\":%d,\"truncate\":%d,\"garbage\":%d,\"swallow\":%d,\"watches\":%zu,\"resourceVersion\":"
                "\"%llu\"}\n",
                left(sim, f->drop_until), left(sim, f->error_until), left(sim, f->throttle_until),
                left(sim, f->slow_until), left(sim, f->silent_until), left(sim, f->stale_until), f->gone_watches,
                f->truncate_lists, f->garbage_lines, f->swallow_writes, sim->watches.count,
                (unsigned long long)sim->store.version);
}

/* Watches that were told nothing can't go on as if nothing had been: they end. */
static void clear(struct sim *sim)
{
    for (struct sim_watch *watch = sim->watches.first; watch; watch = watch->next) {
        if (watch->silent) {
            watch->ended = watch->cut = true;
            if (watch->wake) {
                watch->wake(watch->ctx);
            }
        }
    }
    sim->faults = (struct sim_faults){0};
}

int sim_fault_request(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    if (strcmp(request->method, "POST") == 0) {
        if (set_fault(sim, request) != 0) {
            return -1;
        }
    } else if (strcmp(request->method, "DELETE") == 0) {
        clear(sim);
    } else if (strcmp(request->method, "GET") != 0) {
        return sim_fail(&request->work, 405, "MethodNotAllowed", "GET, POST or DELETE");
    }
    write_faults(sim, &response->body);
    return hf_buf_ok(&response->body) ? 0 : -1;
}

static bool is_read(const struct sim_request *request)
{
    return strcmp(request->method, "GET") == 0;
}

bool sim_fault_answer(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct sim_faults *f = &sim->faults;
    int64_t now = sim->clock();
    if (f->drop_until > now) {
        response->close = true;
        return true;
    }
    if (f->path_until > now && strncmp(request->path, f->path, strlen(f->path)) == 0) {
        if (f->path_status == 200) {
            hf_buf_adds(&response->body, "{\"paths\":[],\"components\":");
            return true;
        }
        sim_fail(&request->work, f->path_status,
                 f->path_status == 403   ? "Forbidden"
                 : f->path_status == 404 ? "NotFound"
                                         : "InternalError",
                 "a fault that was asked for");
    } else if (f->throttle_until > now) {
        sim_fail(&request->work, 429, "TooManyRequests", "too many requests, please try again later");
        response->retry_after = hf_arena_printf(request->work.arena, "%d", f->throttle_seconds);
    } else if (f->error_until > now && (int)(sim_random(sim) % 100) < f->error_percent) {
        sim_fail(&request->work, f->error_status, f->error_status == 503 ? "ServiceUnavailable" : "InternalError",
                 "Internal error occurred: a fault that was asked for");
    } else {
        return false;
    }
    sim_write_status(&response->body, &request->work);
    response->status = request->work.problem.code;
    return true;
}

void sim_fault_after(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    bool is_list = is_read(request) && !response->watch && request->collection && !request->name[0];
    if (sim->faults.truncate_lists > 0 && is_list && response->body.len > 1) {
        sim->faults.truncate_lists--;
        response->truncate = response->body.len / 2;
    }
    if (sim->faults.swallow_writes > 0 && !is_read(request)) {
        sim->faults.swallow_writes--;
        response->close = true;
    }
}

int64_t sim_fault_delay(const struct sim *sim, const struct sim_request *request)
{
    return sim->faults.slow_until > sim->clock() && strncmp(request->path, "/sim/", 5) != 0 ? sim->faults.slow_ms : 0;
}

bool sim_fault_drops(const struct sim *sim)
{
    return sim->faults.drop_until > sim->clock();
}
