/* A server with a small made-up cluster for the browser tests. Prints its address, then does what each line of its
 * input says: well | drift | fix | block | lost | many N | quit */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"
#include "holdfast/serve.h"

#define EVENTS_MOST 4096

struct trail {
    pthread_mutex_t lock;
    char *events[EVENTS_MOST];
    int64_t count;
};

static const char *const SERVICES[] = {"reference-data", "people-service",  "account-service", "position-service",
                                       "trade-service",  "trade-processor", "trade-feed",      "web-gui"};
#define SERVICE_COUNT 8

/* Whether an event says so: "name":"value". */
static bool says(const char *event, const char *name, const char *value)
{
    hf_auto_buf struct hf_buf part = {0};
    hf_buf_addf(&part, "\"%s\":", name);
    hf_buf_add_json(&part, hf_slice_of(value));
    if (strcmp(name, "type") == 0 && value && value[0] && value[strlen(value) - 1] == '.') {
        part.ptr[--part.len] = '\0'; /* a beginning */
    }
    return !value || strstr(event, hf_buf_text(&part));
}

static bool is_asked(const struct hf_serve_query *query, const char *event)
{
    return says(event, "name", query->name) && says(event, "incident", query->incident) &&
           says(event, "type", query->type) && says(event, "manager", query->manager) &&
           says(event, "kind", query->kind) && says(event, "severity", query->severity);
}

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
        if (in_range && is_asked(query, trail->events[at])) {
            hf_buf_adds(out, given++ > 0 ? "," : "");
            hf_buf_adds(out, trail->events[at]);
        }
    }
    hf_buf_addc(out, ']');
    pthread_mutex_unlock(&trail->lock);
    return 0;
}

struct said {
    const char *type;
    const char *severity;
    const char *incident; /* NULL: of no object */
    const char *kind;
    const char *name;
    const char *manager;
    const char *message;
    const char *detail; /* JSON; NULL */
};

static void add_text(struct hf_buf *event, const char *name, const char *text)
{
    if (text) {
        hf_buf_addf(event, ",\"%s\":", name);
        hf_buf_add_json(event, hf_slice_of(text));
    }
}

static void add_event(struct trail *trail, const struct said *said)
{
    struct hf_buf event = {0};
    char at[HF_TIME_TEXT];
    hf_time_format(hf_now_ms(), at);
    pthread_mutex_lock(&trail->lock);
    hf_buf_addf(&event, "{\"id\":%" PRId64 ",\"at\":\"%s\"", trail->count + 1, at);
    add_text(&event, "severity", said->severity);
    add_text(&event, "type", said->type);
    if (said->incident) {
        add_text(&event, "incident", said->incident);
        add_text(&event, "target", "dev");
        add_text(&event, "space", "traderx");
        add_text(&event, "unit", said->name);
        add_text(&event, "kind", said->kind);
        add_text(&event, "namespace", "traderx-dev");
        add_text(&event, "name", said->name);
    }
    if (strcmp(said->type, "drift.seen") == 0) {
        add_text(&event, "drifted_at", at);
        add_text(&event, "seen_at", at);
    }
    add_text(&event, "manager", said->manager);
    add_text(&event, "message", said->message);
    if (said->detail) {
        hf_buf_addf(&event, ",\"detail\":%s", said->detail);
    }
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

static void add_finding(struct hf_view *view, struct hf_view_object *object, const char *path, const char *readable,
                        const char *desired, const char *live, const char *manager)
{
    struct hf_view_finding *list = hf_arena_array(view->arena, object->finding_count + 1, sizeof *list);
    for (size_t i = 0; i < object->finding_count; i++) {
        list[i] = object->findings[i];
    }
    list[object->finding_count++] = (struct hf_view_finding){.path = path,
                                                             .readable = readable,
                                                             .class = live ? "changed" : "removed",
                                                             .desired = desired,
                                                             .live = live,
                                                             .manager = manager,
                                                             .operation = "Update",
                                                             .at_ms = view->made_ms - 4000};
    object->findings = list;
}

/* A unit each that has objects, as ConfigHub would tell of them. */
static void add_units(struct hf_view *view)
{
    struct hf_view_unit *units = hf_arena_array(view->arena, view->object_count, sizeof *units);
    const char *last = "";
    for (size_t i = 0; i < view->object_count; i++) {
        const struct hf_view_object *object = &view->objects[i];
        if (strcmp(object->unit, last) == 0) {
            units[view->unit_count - 1].objects++;
            continue;
        }
        last = object->unit;
        units[view->unit_count++] = (struct hf_view_unit){.target = "dev",
                                                          .space = object->space,
                                                          .slug = last,
                                                          .origin = "confighub",
                                                          .revision = 12,
                                                          .verdict = "in_sync",
                                                          .objects = 1,
                                                          .is_hub = true,
                                                          .state = "ready",
                                                          .mode = "on_demand",
                                                          .head_revision = 14,
                                                          .applied_revision = 12,
                                                          .live_revision = 12,
                                                          .upstream_revision = 3,
                                                          .upstream_head = 5};
    }
    view->units = units;
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
    add_units(view);
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

#define IMAGE_PATH "/spec/template/spec/containers/[name=trade-service]/image"
#define IMAGE "spec.template.spec.containers[name=trade-service].image"
#define OLD_IMAGE "\"ghcr.io/finos/traderx/trade-service:1.4.2\""
#define NEW_IMAGE "\"ghcr.io/finos/traderx/trade-service:latest\""

static void drift(struct hf_view *view, struct trail *trail)
{
    struct hf_view_object *object = find(view, "Deployment", "trade-service");
    object->verdict = "drifted";
    object->since_ms = view->made_ms;
    object->incident = "inc-1";
    object->corrections = 3;
    object->last_correction_ms = 412;
    add_finding(view, object, "/spec/replicas", "spec.replicas", "3", "10", "kubectl-scale");
    add_finding(view, object, IMAGE_PATH, IMAGE, OLD_IMAGE, NEW_IMAGE, "kubectl-set-image");
    add_event(trail,
              &(struct said){"drift.seen", "warning", "inc-1", "Deployment", "trade-service", "kubectl-scale",
                             "trade-service differs from its unit in spec.replicas and 1 more",
                             "{\"findings\":[{\"path\":\"/spec/replicas\",\"readable\":\"spec.replicas\",\"class\":"
                             "\"changed\",\"desired\":\"3\",\"live\":\"10\",\"manager\":\"kubectl-scale\","
                             "\"operation\":\"Update\"}],\"rule\":\"security/images\",\"who\":{\"user\":\"alice\","
                             "\"userAgent\":\"kubectl/v1.33\",\"source\":\"10.1.2.3\"}}"});
    add_event(trail, &(struct said){"correction.intended", "info", "inc-1", "Deployment", "trade-service", NULL,
                                    "2 paths are to be put back", NULL});
}

static void fix(struct trail *trail)
{
    add_event(trail, &(struct said){"correction.confirmed", "info", "inc-1", "Deployment", "trade-service", NULL,
                                    "trade-service is as its unit says again, 412 ms after the drift", NULL});
}

static void block(struct hf_view *view, struct trail *trail)
{
    struct hf_view_object *object = find(view, "Deployment", "position-service");
    object->verdict = "blocked";
    object->reason =
        "put back 5 times in 10 min, and changed again by hpa-controller: two managers fight over spec.replicas";
    object->since_ms = view->made_ms - 600000;
    object->incident = "inc-2";
    add_finding(view, object, "/spec/replicas", "spec.replicas", "2", "4", "hpa-controller");
    object = find(view, "Service", "trade-feed");
    object->verdict = "missing";
    object->since_ms = view->made_ms - 1000;
    object = find(view, "Ingress", "traderx");
    object->verdict = "pending";
    add_event(trail, &(struct said){"drift.seen", "critical", "inc-2", "Deployment", "position-service",
                                    "hpa-controller", "position-service differs in spec.replicas", NULL});
    add_event(trail,
              &(struct said){"correction.blocked", "critical", "inc-2", "Deployment", "position-service",
                             "hpa-controller", "correction stopped: two managers fight over spec.replicas", NULL});
}

static void obey(struct hf_serve *serve, struct trail *trail, const char *line)
{
    struct hf_view *view = make_view(strncmp(line, "many ", 5) == 0 ? strtoul(line + 5, NULL, 10) : 0);
    if (strcmp(line, "drift") == 0) {
        drift(view, trail);
    } else if (strcmp(line, "fix") == 0) {
        fix(trail);
    } else if (strcmp(line, "block") == 0) {
        drift(view, trail);
        block(view, trail);
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
    struct hf_serve_trail table = {.ctx = &trail, .events = read_events};
    struct hf_serve_options options = {.listen = argc > 1 ? argv[1] : "127.0.0.1:0",
                                       .web_folder = argc > 2 ? argv[2] : NULL};
    char line[200];
    if (hf_serve_start(&options, &table, NULL, &serve, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    add_event(&trail, &(struct said){.type = "agent.started", .severity = "info", .message = "holdfast 0.1.0 started"});
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
