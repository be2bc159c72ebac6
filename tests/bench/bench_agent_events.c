/* What a live form costs the agent: a day of a cluster in one run (status writes, rollouts' annotations, now and then a
 * drift that is put back), the share of events that the fast path ends, and the time an event takes. usage:
 * bench_agent_events [EVENTS (default 100,000)] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "holdfast/agent.h"
#include "holdfast/embedded.h"

#define DEPLOYMENTS 200
#define DRIFT_EVERY 500 /* events */

struct bench {
    struct hf_agent *agent;
    uint64_t scope;
    uint64_t tickets[64];
    size_t ticket_count;
    uint64_t apply_ticket;
    char applied[64];
    uint64_t events;
    uint64_t applies;
    int64_t mono;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench_agent_events: %s\n", what);
    exit(1);
}

static int64_t now_ms(void *ctx)
{
    return 1772357400000 + ((struct bench *)ctx)->mono;
}

static int64_t mono_ms(void *ctx)
{
    return ((struct bench *)ctx)->mono;
}

static uint32_t random_number(void *ctx)
{
    (void)ctx;
    return 7;
}

static enum hf_agent_served kind_of(void *ctx, const char *target, const char *api_version, const char *kind,
                                    struct hf_agent_kind *out)
{
    (void)ctx;
    (void)target;
    (void)api_version;
    *out = (struct hf_agent_kind){true, true};
    return strcmp(kind, "Deployment") == 0 ? HF_SERVED : HF_NOT_SERVED;
}

static void follow(void *ctx, const struct hf_agent_scope *scope)
{
    ((struct bench *)ctx)->scope = scope->id;
}

static void unfollow(void *ctx, uint64_t scope)
{
    (void)ctx;
    (void)scope;
}

static int record(void *ctx, const struct hf_audit_batch *batch, uint64_t ticket, struct hf_error *err)
{
    struct bench *bench = ctx;
    (void)err;
    bench->events += batch->event_count;
    if (ticket != 0 && bench->ticket_count < 64) {
        bench->tickets[bench->ticket_count++] = ticket;
    }
    return 0;
}

static int apply(void *ctx, const struct hf_agent_ref *ref, const char *manager, struct hf_slice bytes, uint64_t ticket,
                 struct hf_error *err)
{
    struct bench *bench = ctx;
    (void)manager;
    (void)bytes;
    (void)err;
    bench->applies++;
    bench->apply_ticket = ticket;
    (void)snprintf(bench->applied, sizeof bench->applied, "%s", ref->name);
    return 0;
}

static int patch(void *ctx, const struct hf_agent_ref *ref, const char *manager, struct hf_slice bytes, uint64_t ticket,
                 struct hf_error *err)
{
    return apply(ctx, ref, manager, bytes, ticket, err);
}

static int remove_object(void *ctx, const struct hf_agent_ref *ref, const char *uid, const char *resource_version,
                         bool orphan, uint64_t ticket, struct hf_error *err)
{
    (void)ctx;
    (void)ref;
    (void)uid;
    (void)resource_version;
    (void)orphan;
    (void)ticket;
    return hf_error_set(err, HF_EINTERNAL, "nothing is deleted here");
}

static int get(void *ctx, const struct hf_agent_ref *ref, uint64_t ticket, struct hf_error *err)
{
    (void)ctx;
    (void)ref;
    (void)ticket;
    return hf_error_set(err, HF_EUNAVAILABLE, "nothing is read here");
}

static void wake_in(void *ctx, int64_t delay_ms)
{
    (void)ctx;
    (void)delay_ms;
}

static void changed(void *ctx)
{
    (void)ctx;
}

static struct hf_unit *unit_of(int index)
{
    char text[800];
    char slug[32];
    struct hf_unit *unit;
    struct hf_error err = HF_ERROR_INIT;
    (void)snprintf(slug, sizeof slug, "web-%d", index);
    (void)snprintf(
        text, sizeof text,
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-%d, namespace: dev}\nspec:\n  replicas: "
        "3\n  selector: {matchLabels: {app: web-%d}}\n  template:\n    metadata: {labels: {app: web-%d}}\n"
        "    spec:\n      containers:\n      - name: web\n        image: \"web:1\"\n        env: [{name: A, "
        "value: a}]\n        ports: [{containerPort: 80}]\n        resources: {limits: {cpu: 1000m, memory: "
        "1Gi}}\n",
        index, index, index);
    if (hf_unit_read("dev", slug, slug, text, strlen(text), &unit, &err) != 0) {
        fail(err.text);
    }
    return unit;
}

/* As the server stores it, with its defaults, a status and managedFields. */
static const struct hf_value *live_of(struct hf_arena *arena, int index, int replicas, long version, long observed)
{
    char text[4000];
    const struct hf_value *value;
    struct hf_error err = HF_ERROR_INIT;
    int len = snprintf(
        text, sizeof text,
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"web-%d\",\"namespace\":\"dev\","
        "\"uid\":\"u-%d\",\"resourceVersion\":\"%ld\",\"generation\":1,\"annotations\":{\"deployment.kubernetes.io/"
        "revision\":\"1\"},\"managedFields\":[{\"manager\":\"confighub\",\"operation\":\"Apply\",\"apiVersion\":\"apps/"
        "v1\",\"time\":\"2026-03-01T09:00:00Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:replicas\":{}"
        ","
        "\"f:template\":{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"web\\\"}\":{\".\":{},\"f:name\":{},"
        "\"f:image\":{}}}}}}}},{\"manager\":\"kube-controller-manager\",\"operation\":\"Update\",\"apiVersion\":\"apps/"
        "v1\",\"time\":\"2026-03-01T09:00:00Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:status\":{\"f:replicas\":"
        "{}}}}]},\"spec\":{\"replicas\":%d,\"revisionHistoryLimit\":10,\"progressDeadlineSeconds\":600,\"selector\":{"
        "\"matchLabels\":{\"app\":\"web-%d\"}},\"strategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{"
        "\"maxSurge\":"
        "\"25%%\",\"maxUnavailable\":\"25%%\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"web-%d\"}},\"spec\":{"
        "\"containers\":[{\"name\":\"web\",\"image\":\"web:1\",\"imagePullPolicy\":\"IfNotPresent\",\"env\":[{\"name\":"
        "\"A\",\"value\":\"a\"}],\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}],\"resources\":{\"limits\":{"
        "\"cpu\":\"1\",\"memory\":\"1Gi\"}},\"terminationMessagePath\":\"/dev/"
        "termination-log\",\"terminationMessagePolicy\":\"File\"}],\"dnsPolicy\":\"ClusterFirst\",\"restartPolicy\":"
        "\"Always\",\"schedulerName\":\"default-scheduler\",\"securityContext\":{},\"terminationGracePeriodSeconds\":"
        "30}"
        "}},\"status\":{\"observedGeneration\":%ld,\"replicas\":%d}}",
        index, index, version, replicas, index, index, observed, replicas);
    if (hf_json_read(arena, text, (size_t)len, NULL, &value, &err) != 0) {
        fail(err.text);
    }
    return value;
}

static void begin(struct bench *bench, const struct hf_types *types)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_agent_effects effects = {.ctx = bench,
                                       .now_ms = now_ms,
                                       .mono_ms = mono_ms,
                                       .random = random_number,
                                       .kind = kind_of,
                                       .follow = follow,
                                       .unfollow = unfollow,
                                       .record = record,
                                       .apply = apply,
                                       .patch = patch,
                                       .remove = remove_object,
                                       .get = get,
                                       .wake_in = wake_in,
                                       .changed = changed};
    struct hf_agent_options options = {.secret_key = "0123456789abcdef", .secret_key_len = 16};
    struct hf_agent_target_options target = {.name = "dev", .correct = true, .manager = "confighub"};
    struct hf_unit *units[DEPLOYMENTS];
    for (int i = 0; i < DEPLOYMENTS; i++) {
        units[i] = unit_of(i);
    }
    if (hf_agent_new(&effects, &options, NULL, &bench->agent, &err) != 0 ||
        hf_agent_target_add(bench->agent, &target, &err) != 0 ||
        hf_agent_units(bench->agent, "dev", units, DEPLOYMENTS, &err) != 0 ||
        hf_agent_discovered(bench->agent, "dev", types, &err) != 0 ||
        hf_agent_list_begin(bench->agent, bench->scope, &err) != 0) {
        fail(err.text);
    }
    for (int i = 0; i < DEPLOYMENTS; i++) {
        struct hf_arena *arena = hf_arena_new(0);
        if (hf_agent_item(bench->agent, bench->scope, live_of(arena, i, 3, i + 1, 0), &err) != 0) {
            fail(err.text);
        }
        hf_arena_free(arena);
        hf_unit_drop(units[i]);
    }
    if (hf_agent_list_end(bench->agent, bench->scope, &err) != 0 || bench->events != 0) {
        fail("something was not in sync at the beginning");
    }
}

static void change(struct bench *bench, const struct hf_value *live)
{
    struct hf_error err = HF_ERROR_INIT;
    if (hf_agent_change(bench->agent, bench->scope, HF_MODIFIED, live, &err) != 0) {
        fail(err.text);
    }
}

/* A drift, its record, its correction, and the watch's word of it. */
static void drift(struct bench *bench, struct hf_arena *arena, int index, long *version)
{
    struct hf_error err = HF_ERROR_INIT;
    change(bench, live_of(arena, index, 9, ++*version, 1));
    for (size_t i = 0; i < bench->ticket_count; i++) {
        if (hf_agent_recorded(bench->agent, bench->tickets[i], &err) != 0) {
            fail(err.text);
        }
    }
    bench->ticket_count = 0;
    const struct hf_value *right = live_of(arena, index, 3, ++*version, 1);
    struct hf_error fine = HF_ERROR_INIT;
    if (hf_agent_answered(bench->agent, bench->apply_ticket, right, -1, &fine, &err) != 0) {
        fail(err.text);
    }
    change(bench, right);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    const struct hf_embedded *file = hf_embedded_find("schema/kubernetes-openapi.json");
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *types = NULL;
    struct bench bench = {.mono = 1000};
    long most = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
    long version = 1000;
    double inside = 0;
    if (most <= 0 || !file || hf_types_from_openapi_v2(file->bytes, file->size, &types, &err) != 0) {
        fail("usage: bench_agent_events [EVENTS]");
    }
    begin(&bench, types);
    for (long i = 0; i < most; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        int index = (int)(i % DEPLOYMENTS);
        bench.mono += 100;
        if (i % DRIFT_EVERY == DRIFT_EVERY - 1) {
            drift(&bench, arena, index, &version);
            continue;
        }
        const struct hf_value *live = live_of(arena, index, 3, ++version, i);
        double since = seconds();
        change(&bench, live);
        inside += seconds() - since;
    }
    struct hf_agent_counts counts;
    if (!hf_agent_counts(bench.agent, "dev", &counts) || counts.objects[HF_IN_SYNC] != DEPLOYMENTS) {
        fail("something was not put back");
    }
    printf("live forms received                      %8lu\n", (unsigned long)counts.events);
    printf("ended by the fast path                   %8.2f %%\n", 100.0 * (double)counts.fast / (double)counts.events);
    printf("an event of what is in sync              %8.2f us\n", inside / (double)(most - most / DRIFT_EVERY) * 1e6);
    printf("drifts put back                          %8lu\n", (unsigned long)counts.corrected);
    hf_agent_free(bench.agent);
    hf_types_free(types);
    return 0;
}
