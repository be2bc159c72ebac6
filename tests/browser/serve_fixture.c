/* A server with a small made-up cluster for the browser tests. Prints its address, then does what each line of its
 * input says: well | drift | fix | block | hostile | lost | many N | stream-stop | quit */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"
#include "holdfast/serve.h"

#define EVENTS_MOST 4096
#define HOSTILE "<img src=x onerror=\"document.title='owned'\">\xE2\x80\xAEtxt.exe"

struct trail {
    pthread_mutex_t lock;
    char *events[EVENTS_MOST];
    int64_t at_ms[EVENTS_MOST];
    int64_t count;
};

static const char *const SERVICES[] = {"reference-data", "people-service",  "account-service", "position-service",
                                       "trade-service",  "trade-processor", "trade-feed",      "web-gui"};
#define SERVICE_COUNT 8

static int read_events(void *ctx, const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err)
{
    struct trail *trail = ctx;
    size_t given = 0;
    (void)err;
    pthread_mutex_lock(&trail->lock);
    hf_buf_addc(out, '[');
    for (int64_t i = 0; i < trail->count && given < query->limit; i++) {
        int64_t at = query->oldest_first ? i : trail->count - 1 - i;
        bool in_range =
            query->oldest_first ? at + 1 > query->after_id : query->after_id == 0 || at + 1 < query->after_id;
        hf_auto_buf struct hf_buf name = {0};
        hf_buf_add_json(&name, hf_slice_of(query->name));
        if (in_range && (!query->name || strstr(trail->events[at], hf_buf_text(&name)))) {
            hf_buf_adds(out, given++ > 0 ? "," : "");
            hf_buf_adds(out, trail->events[at]);
        }
    }
    hf_buf_addc(out, ']');
    pthread_mutex_unlock(&trail->lock);
    return 0;
}

static void add_event(struct trail *trail, const char *type, const char *severity, const char *name,
                      const char *manager, const char *message)
{
    struct hf_buf event = {0};
    char at[HF_TIME_TEXT];
    hf_time_format(hf_now_ms(), at);
    pthread_mutex_lock(&trail->lock);
    hf_buf_addf(&event,
                "{\"id\":%" PRId64
                ",\"at\":\"%s\",\"severity\":\"%s\",\"type\":\"%s\",\"target\":\"dev\",\"kind\":\"Deployment\","
                "\"namespace\":\"traderx-dev\",\"name\":",
                trail->count + 1, at, severity, type);
    hf_buf_add_json(&event, hf_slice_of(name));
    if (manager) {
        hf_buf_adds(&event, ",\"manager\":");
        hf_buf_add_json(&event, hf_slice_of(manager));
    }
    hf_buf_adds(&event, ",\"message\":");
    hf_buf_add_json(&event, hf_slice_of(message));
    hf_buf_addc(&event, '}');
    trail->events[trail->count++] = hf_buf_take(&event);
    pthread_mutex_unlock(&trail->lock);
}

static struct hf_view_object *add_object(struct hf_view *view, size_t *count, const char *kind, const char *name,
                                         int64_t order)
{
    struct hf_view_object *object = (struct hf_view_object *)&view->objects[(*count)++];
    *object = (struct hf_view_object){.target = "dev",
                                      .space = "traderx",
                                      .unit = name,
                                      .revision = 12,
                                      .api_version = "v1",
                                      .kind = kind,
                                      .namespace = strcmp(kind, "Namespace") == 0 ? NULL : "traderx-dev",
                                      .name = name,
                                      .verdict = "in_sync",
                                      .since_ms = view->made_ms - 3 * 3600 * 1000,
                                      .order = order,
                                      .last_correction_ms = HF_TIME_NONE};
    return object;
}

static void add_finding(struct hf_view *view, struct hf_view_object *object, const char *readable, const char *desired,
                        const char *live, const char *manager)
{
    struct hf_view_finding *list = hf_arena_array(view->arena, object->finding_count + 1, sizeof *list);
    for (size_t i = 0; i < object->finding_count; i++) {
        list[i] = object->findings[i];
    }
    list[object->finding_count++] = (struct hf_view_finding){.path = readable,
                                                             .readable = readable,
                                                             .class = live ? "changed" : "removed",
                                                             .desired = desired,
                                                             .live = live,
                                                             .manager = manager,
                                                             .operation = "Update",
                                                             .at_ms = view->made_ms - 4000};
    object->findings = list;
}

static struct hf_view *make_view(size_t many)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_view *view = hf_arena_alloc(arena, sizeof *view);
    struct hf_view_target *targets = hf_arena_array(arena, 2, sizeof *targets);
    uint64_t *histogram = hf_arena_array(arena, HF_SERVE_BUCKET_COUNT + 1, sizeof *histogram);
    size_t count = 0;
    view->arena = arena;
    view->made_ms = hf_now_ms();
    view->started_ms = view->made_ms - 7200000;
    view->ready = true;
    view->objects = hf_arena_array(arena, 2 * SERVICE_COUNT + 2 + many, sizeof *view->objects);
    add_object(view, &count, "Namespace", "traderx-dev", 0);
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        add_object(view, &count, "Deployment", SERVICES[i], (int64_t)i + 1)->api_version = "apps/v1";
        if (strcmp(SERVICES[i], "trade-processor") != 0) {
            add_object(view, &count, "Service", SERVICES[i], (int64_t)i + 1);
        }
    }
    add_object(view, &count, "Ingress", "traderx", 9)->api_version = "networking.k8s.io/v1";
    for (size_t i = 0; i < many; i++) {
        add_object(view, &count, "ConfigMap", hf_arena_printf(arena, "settings-%05zu", i), 10);
    }
    view->object_count = count;
    targets[0] = (struct hf_view_target){.name = "dev",
                                         .server = "https://127.0.0.1:6443",
                                         .correction = "auto",
                                         .cluster_state = "synced",
                                         .cluster_since_ms = view->started_ms,
                                         .source_at_ms = view->made_ms - 2000,
                                         .watches = 6,
                                         .corrected = 41,
                                         .corrected_histogram = histogram};
    targets[1] = targets[0];
    targets[1].name = "staging";
    targets[1].server = "https://10.20.0.1:6443";
    targets[1].correction = "observe";
    targets[1].corrected = 0;
    view->targets = targets;
    view->target_count = 2;
    return view;
}

static struct hf_view_object *find(struct hf_view *view, const char *kind, const char *name)
{
    for (size_t i = 0; i < view->object_count; i++) {
        if (strcmp(view->objects[i].kind, kind) == 0 && strcmp(view->objects[i].name, name) == 0) {
            return (struct hf_view_object *)&view->objects[i];
        }
    }
    return NULL;
}

static void drift(struct hf_view *view, struct trail *trail)
{
    struct hf_view_object *object = find(view, "Deployment", "trade-service");
    object->verdict = "drifted";
    object->since_ms = view->made_ms;
    object->incident = "inc-1";
    object->corrections = 3;
    object->last_correction_ms = 412;
    add_finding(view, object, "spec.replicas", "3", "10", "kubectl-scale");
    add_finding(view, object, "spec.template.spec.containers[name=trade-service].image",
                "\"ghcr.io/finos/traderx/trade-service:1.4.2\"", "\"ghcr.io/finos/traderx/trade-service:latest\"",
                "kubectl-set-image");
    add_event(trail, "drift.seen", "warning", "trade-service", "kubectl-scale",
              "trade-service differs from its unit in spec.replicas and 1 more");
}

static void block(struct hf_view *view, struct trail *trail)
{
    struct hf_view_object *object = find(view, "Deployment", "position-service");
    object->verdict = "blocked";
    object->reason =
        "put back 5 times in 10 min, and changed again by hpa-controller: two managers fight over spec.replicas";
    object->since_ms = view->made_ms - 600000;
    add_finding(view, object, "spec.replicas", "2", "4", "hpa-controller");
    object = find(view, "Service", "trade-feed");
    object->verdict = "missing";
    object->since_ms = view->made_ms - 1000;
    object = find(view, "Ingress", "traderx");
    object->verdict = "pending";
    add_event(trail, "correction.blocked", "critical", "position-service", "hpa-controller",
              "correction stopped: two managers fight over spec.replicas");
}

static void hostile(struct hf_view *view, struct trail *trail)
{
    struct hf_view_object *object = find(view, "Service", "web-gui");
    object->name = object->unit = object->reason = HOSTILE;
    object->verdict = "drifted";
    object->since_ms = view->made_ms;
    add_finding(view, object, HOSTILE, HOSTILE, HOSTILE, HOSTILE);
    add_event(trail, "drift.seen", "warning", HOSTILE, HOSTILE, HOSTILE);
}

static void obey(struct hf_serve *serve, struct trail *trail, const char *line)
{
    struct hf_view *view = make_view(strncmp(line, "many ", 5) == 0 ? strtoul(line + 5, NULL, 10) : 0);
    if (strcmp(line, "drift") == 0) {
        drift(view, trail);
    } else if (strcmp(line, "fix") == 0) {
        add_event(trail, "correction.confirmed", "info", "trade-service", NULL,
                  "trade-service is as its unit says again, 412 ms after the drift");
    } else if (strcmp(line, "block") == 0) {
        drift(view, trail);
        block(view, trail);
    } else if (strcmp(line, "hostile") == 0) {
        hostile(view, trail);
    } else if (strcmp(line, "lost") == 0) {
        struct hf_view_target *target = (struct hf_view_target *)&view->targets[0];
        target->cluster_state = "lost";
        target->cluster_problem = "connect to 127.0.0.1:6443: connection refused";
        target->cluster_since_ms = view->made_ms - 20000;
    }
    hf_serve_publish(serve, view);
    hf_serve_wake(serve);
}

int main(int argc, char **argv)
{
    static struct trail trail = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_serve *serve = NULL;
    struct hf_serve_trail table = {&trail, read_events};
    struct hf_serve_options options = {.listen = argc > 1 ? argv[1] : "127.0.0.1:0",
                                       .web_folder = argc > 2 ? argv[2] : NULL};
    char line[200];
    if (hf_serve_start(&options, &table, NULL, &serve, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    add_event(&trail, "agent.started", "info", "", NULL, "holdfast 0.1.0 started");
    hf_serve_publish(serve, make_view(0));
    printf("%s\n", hf_serve_address(serve));
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "quit") == 0) {
            break;
        }
        obey(serve, &trail, line);
        printf("done %s\n", line);
        (void)fflush(stdout);
    }
    hf_serve_stop(serve);
    for (int64_t i = 0; i < trail.count; i++) {
        free(trail.events[i]);
    }
    return 0;
}
