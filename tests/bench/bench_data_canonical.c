/* How fast documents are read, made canonical and digested, next to plain SHA-256 over the same bytes. */
#include <stdio.h>
#include <time.h>

#include "holdfast/canonical.h"
#include "holdfast/json.h"
#include "holdfast/yaml.h"

#define ROUNDS 9

/* Processor time, so that a busy machine does not change the figures much. */
static double now(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void add_deployment(struct hf_buf *buf, int index)
{
    hf_buf_addf(
        buf,
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: service-%d\n  namespace: traderx-dev\n  labels:\n"
        "    app.kubernetes.io/name: service-%d\n    layer: backend\n    order: \"%d\"\nspec:\n  replicas: %d\n"
        "  selector:\n    matchLabels:\n      app: service-%d\n  template:\n    metadata:\n      labels:\n"
        "        app: service-%d\n    spec:\n      containers:\n      - name: main\n"
        "        image: registry.example/service-%d:1.%d.0\n        ports:\n        - containerPort: %d\n"
        "          name: http\n        env:\n        - name: LOG_LEVEL\n          value: info\n"
        "        - name: BACKEND_URL\n          value: http://service-%d.traderx-dev.svc:18080/api\n"
        "        resources:\n          requests:\n            cpu: 500m\n            memory: 512Mi\n"
        "          limits:\n            cpu: 1000m\n            memory: 1Gi\n        readinessProbe:\n"
        "          httpGet:\n            path: /health\n            port: http\n          periodSeconds: 10\n"
        "        securityContext:\n          runAsNonRoot: true\n          allowPrivilegeEscalation: false\n",
        index, index, index, index % 5, index, index, index, index, 18000 + index % 1000, index + 1);
}

static void add_schema(struct hf_buf *buf, int index)
{
    hf_buf_addf(
        buf,
        "%s\"io.example.v1.Type%d\":{\"description\":\"Type %d is one of many types; see \\\"Types\\\" for more.\","
        "\"properties\":{\"apiVersion\":{\"description\":\"APIVersion defines the versioned schema of this "
        "representation of an object.\",\"type\":\"string\"},\"ports\":{\"items\":{\"$ref\":\"#/definitions/"
        "io.example.v1.Port\"},\"type\":\"array\",\"x-kubernetes-list-map-keys\":[\"port\",\"protocol\"],"
        "\"x-kubernetes-list-type\":\"map\"},\"replicas\":{\"format\":\"int32\",\"minimum\":%d,\"type\":\"integer\"}},"
        "\"required\":[\"apiVersion\"],\"type\":\"object\"}",
        index ? "," : "{\"definitions\":{", index, index, index);
}

struct work {
    struct hf_buf text;
    bool yaml;
};

/* One round: reading, then digesting what was read. */
static int round_of(const struct work *work, struct hf_hasher *hasher, double *reading, double *digesting,
                    size_t *canonical, struct hf_error *err)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf written = {0};
    struct hf_document one = {0};
    struct hf_document *documents = &one;
    size_t count = 1;
    double start = now();
    int status = work->yaml ? hf_yaml_read(arena, work->text.ptr, work->text.len, NULL, &documents, &count, err)
                            : hf_json_read(arena, work->text.ptr, work->text.len, NULL, &one.value, err);
    *reading = now() - start;
    start = now();
    for (size_t i = 0; status == 0 && i < count; i++) {
        struct hf_digest digest;
        status = hf_canonical_digest(hasher, documents[i].value, &digest, err);
    }
    *digesting = now() - start;
    for (size_t i = 0; status == 0 && i < count; i++) {
        hf_canonical_write(&written, documents[i].value);
    }
    *canonical = written.len;
    return status;
}

static int measure(const char *name, struct work *work)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_hasher *hasher = hf_hasher_new(&err);
    double reading = 1e9;
    double digesting = 1e9;
    double plain = 1e9;
    size_t canonical = 0;
    int status = hasher && hf_buf_ok(&work->text) ? 0 : -1;
    for (int i = 0; status == 0 && i < ROUNDS; i++) {
        double read_time = 0;
        double digest_time = 0;
        struct hf_digest digest;
        status = round_of(work, hasher, &read_time, &digest_time, &canonical, &err);
        double start = now();
        (void)hf_sha256(work->text.ptr, canonical < work->text.len ? canonical : work->text.len, &digest, &err);
        double plain_time = now() - start;
        reading = read_time < reading ? read_time : reading;
        digesting = digest_time < digesting ? digest_time : digesting;
        plain = plain_time < plain ? plain_time : plain;
    }
    if (status != 0) {
        (void)fprintf(stderr, "%s: %s\n", name, err.text);
    } else {
        size_t same = canonical < work->text.len ? canonical : work->text.len;
        printf("%-26s read %7.1f ms (%6.0f MB/s)   canonical digest %7.0f MB/s   plain SHA-256 %7.0f MB/s\n", name,
               reading * 1e3, (double)work->text.len / reading / 1e6, (double)canonical / digesting / 1e6,
               (double)same / plain / 1e6);
    }
    hf_hasher_free(hasher);
    hf_buf_free(&work->text);
    return status;
}

int main(void)
{
    struct work deployments = {.yaml = true};
    struct work openapi = {0};
    for (int i = 0; i < 1000; i++) {
        hf_buf_adds(&deployments.text, "---\n");
        add_deployment(&deployments.text, i);
    }
    for (int i = 0; openapi.text.len < 4u << 20; i++) {
        add_schema(&openapi.text, i);
    }
    hf_buf_adds(&openapi.text, "}}");
    int failed = measure("4 MB of OpenAPI as JSON", &openapi);
    return measure("1,000 Deployments as YAML", &deployments) == 0 && failed == 0 ? 0 : 1;
}
