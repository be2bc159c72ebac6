/* What a judgement costs: a Deployment in sync, drifted, and on the fast path; the canonical digest next to SHA-256 of
 * the same bytes. usage: bench_drift_judge [ROUNDS (default 5,000)] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "holdfast/drift.h"
#include "holdfast/embedded.h"
#include "holdfast/yaml.h"

static const char UNIT[] =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, labels: {app: web}}, spec: {replicas: 2, selector: "
    "{matchLabels: {app: web}},"
    " template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: 'web:1', ports: "
    "[{containerPort: 80}],"
    " env: [{name: A, value: a}, {name: B, value: b}], resources: {limits: {cpu: 1000m, memory: 1024Mi}},"
    " livenessProbe: {httpGet: {path: /, port: 80}}, volumeMounts: [{name: v, mountPath: /v}]}, {name: side, image: "
    "'side:2'}],"
    " volumes: [{name: v, projected: {sources: [{configMap: {name: c}}, {serviceAccountToken: {path: t}}]}}]}}}}";

static const char LIVE[] =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default, uid: u, resourceVersion: '7', "
    "labels: {app: web},"
    " annotations: {deployment.kubernetes.io/revision: '1'}, managedFields: [{manager: confighub, operation: Apply, "
    "time: '2026-01-01T00:00:00Z',"
    " fieldsV1: {f:metadata: {f:labels: {f:app: {}}}, f:spec: {f:replicas: {}, f:selector: {}, f:template: {f:spec: "
    "{f:containers:"
    " {'k:{\"name\":\"web\"}': {.: {}, f:name: {}, f:image: {}}, 'k:{\"name\":\"side\"}': {.: {}, f:name: {}, f:image: "
    "{}}}}}}}},"
    " {manager: kube-controller-manager, operation: Update, time: '2026-01-01T00:00:01Z', fieldsV1: {f:status: "
    "{f:replicas: {}}}}]},"
    " spec: {replicas: 2, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, selector: {matchLabels: {app: web}},"
    " strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}, template: {metadata: "
    "{labels: {app: web}},"
    " spec: {dnsPolicy: ClusterFirst, restartPolicy: Always, schedulerName: default-scheduler, securityContext: {},"
    " terminationGracePeriodSeconds: 30, containers: [{name: web, image: 'web:1', imagePullPolicy: IfNotPresent,"
    " terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File, ports: [{containerPort: 80, "
    "protocol: TCP}],"
    " env: [{name: A, value: a}, {name: B, value: b}], resources: {limits: {cpu: '1', memory: 1Gi}}, livenessProbe: "
    "{httpGet: {path: /, port: 80,"
    " scheme: HTTP}, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3}, volumeMounts: "
    "[{name: v, mountPath: /v}]},"
    " {name: side, image: 'side:2', imagePullPolicy: IfNotPresent, resources: {}}], volumes: [{name: v, projected: "
    "{defaultMode: 420, sources:"
    " [{configMap: {name: c}}, {serviceAccountToken: {path: t, expirationSeconds: 3600}}]}}]}}}, status: {replicas: 2, "
    "readyReplicas: 2}}";

static void fail(const char *what)
{
    fprintf(stderr, "bench_drift_judge: %s\n", what);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const struct hf_value *read_yaml(struct hf_arena *arena, const char *text, size_t len)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents;
    size_t count;
    if (hf_yaml_read(arena, text, len, NULL, &documents, &count, &err) != 0 || count != 1) {
        fail(err.text);
    }
    return documents[0].value;
}

static double judge_many(const struct hf_drift_input *input, long rounds, enum hf_verdict expected)
{
    double since = seconds();
    for (long i = 0; i < rounds; i++) {
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        struct hf_error err = HF_ERROR_INIT;
        struct hf_judgement judgement;
        if (!arena || hf_drift_judge(arena, input, &judgement, &err) != 0 || judgement.verdict != expected) {
            fail("an unexpected verdict");
        }
    }
    return (seconds() - since) / (double)rounds * 1e6;
}

static void bench_digest(const struct hf_value *live, long rounds)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_hasher *hasher = hf_hasher_new(&err);
    hf_auto_buf struct hf_buf scratch = {0};
    hf_auto_buf struct hf_buf text = {0};
    struct hf_digest digest;
    hf_canonical_write(&text, live);
    double since = seconds();
    for (long i = 0; i < rounds; i++) {
        if (hf_drift_live_digest(hasher, &scratch, live, true, &digest, &err) != 0) {
            fail(err.text);
        }
    }
    double fast = (seconds() - since) / (double)rounds * 1e6;
    since = seconds();
    for (long i = 0; i < rounds; i++) {
        if (hf_canonical_digest(hasher, live, &digest, &err) != 0) {
            fail(err.text);
        }
    }
    double whole = (double)rounds * (double)text.len / (seconds() - since) / 1e6;
    since = seconds();
    for (long i = 0; i < rounds; i++) {
        if (hf_sha256(text.ptr, text.len, &digest, &err) != 0) {
            fail(err.text);
        }
    }
    double plain = (double)rounds * (double)text.len / (seconds() - since) / 1e6;
    printf("fast path (digest of a live Deployment)  %8.1f us\n", fast);
    printf("canonical digest                         %8.0f MB/s\n", whole);
    printf("SHA-256 of the same bytes                %8.0f MB/s\n", plain);
    hf_hasher_free(hasher);
}

int main(int argc, char **argv)
{
    const struct hf_embedded *file = hf_embedded_find("schema/kubernetes-openapi.json");
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *types = NULL;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 5000;
    if (!file || !arena || rounds <= 0) {
        fail("usage: bench_drift_judge [ROUNDS]");
    }
    double since = seconds();
    if (hf_types_from_openapi_v2(file->bytes, file->size, &types, &err) != 0) {
        fail(err.text);
    }
    printf("types of %zu kinds read                    %8.1f ms, %zu kB\n", hf_types_count(types),
           (seconds() - since) * 1e3, hf_types_size(types) / 1024);
    const struct hf_value *live = read_yaml(arena, LIVE, sizeof LIVE - 1);
    struct hf_value *drifted = hf_value_copy(arena, live);
    struct hf_value *spec = (struct hf_value *)(uintptr_t)hf_value_get(drifted, "spec");
    hf_value_set(arena, spec, hf_slice_of("replicas"), hf_value_integer(arena, 5));
    struct hf_drift_input input = {.types = types,
                                   .desired = read_yaml(arena, UNIT, sizeof UNIT - 1),
                                   .live = live,
                                   .manager = "confighub",
                                   .has_status = true,
                                   .secret_key = "0123456789abcdef",
                                   .secret_key_len = 16};
    printf("a Deployment in sync                     %8.1f us\n", judge_many(&input, rounds, HF_IN_SYNC));
    input.live = drifted;
    printf("a Deployment drifted                     %8.1f us\n", judge_many(&input, rounds, HF_DRIFTED));
    bench_digest(live, rounds);
    hf_types_free(types);
    return 0;
}
