/* Values to put somewhere: those that the objects have in such places, those that validation knows, other spellings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

struct hf_value *oracle_text(struct oracle *oracle, const char *text)
{
    return hf_value_string(oracle->arena, hf_slice_of(text));
}

static int add_to_pool(struct pool *pool, const struct hf_type *holder, struct hf_slice key,
                       const struct hf_value *value)
{
    if (pool->count == pool->cap) {
        size_t cap = pool->cap ? pool->cap * 2 : 1024;
        void *grown = realloc(pool->at, cap * sizeof *pool->at);
        if (!grown) {
            return -1;
        }
        pool->at = grown;
        pool->cap = cap;
    }
    pool->at[pool->count].holder = holder;
    pool->at[pool->count].key = key;
    pool->at[pool->count++].value = value;
    return 0;
}

static int fill(struct pool *pool, const struct hf_value *value, const struct hf_type *type)
{
    for (size_t i = 0; type && i < hf_value_count(value); i++) {
        bool is_object = value->kind == HF_OBJECT;
        struct hf_slice key = is_object ? value->as.object.members[i].key : (struct hf_slice){"", 0};
        const struct hf_value *below = is_object ? &value->as.object.members[i].value : &value->as.array.items[i];
        const struct hf_field *field = type->kind == HF_TYPE_STRUCT ? hf_type_field(type, key) : NULL;
        const struct hf_type *below_type = field ? field->type : type->element;
        struct hf_slice kept = type->kind == HF_TYPE_STRUCT ? key : (struct hf_slice){"", 0};
        if (add_to_pool(pool, type, kept, below) != 0 || fill(pool, below, below_type) != 0) {
            return -1;
        }
    }
    return 0;
}

int oracle_fill_pool(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->object_count; i++) {
        if (fill(&oracle->pool, oracle->objects[i].value, oracle_type(oracle, oracle->objects[i].value)) != 0) {
            return -1;
        }
    }
    return 0;
}

/* Lists of the same items are of the same kind, wherever they stand. */
static bool is_alike(const struct hf_type *a, const struct hf_type *b)
{
    return a == b || (a && b && a->kind == HF_TYPE_LIST && b->kind == HF_TYPE_LIST && a->element == b->element);
}

const struct hf_value *oracle_drawn(struct oracle *oracle, const struct hf_type *holder, struct hf_slice key)
{
    size_t count = 0;
    const struct hf_value *found = NULL;
    for (size_t i = 0; i < oracle->pool.count; i++) {
        if (is_alike(oracle->pool.at[i].holder, holder) && hf_slice_equal(oracle->pool.at[i].key, key) &&
            oracle_below(oracle, ++count) == 0) {
            found = oracle->pool.at[i].value;
        }
    }
    return found;
}

/* What a field of that name may be, where the schema does not tell. */
static const struct {
    const char *field;
    const char *values[8];
} CHOICES[] = {{"protocol", {"TCP", "UDP", "SCTP"}},
               {"imagePullPolicy", {"Always", "IfNotPresent", "Never"}},
               {"image", {"busybox", "busybox:latest", "busybox:1.36", "registry:5000/a/b", "a/b@sha256:cd", "c:1"}},
               {"terminationMessagePolicy", {"File", "FallbackToLogsOnError"}},
               {"dnsPolicy", {"ClusterFirst", "Default", "ClusterFirstWithHostNet"}},
               {"restartPolicy", {"Always", "OnFailure", "Never"}},
               {"sessionAffinity", {"None", "ClientIP"}},
               {"externalTrafficPolicy", {"Cluster", "Local"}},
               {"concurrencyPolicy", {"Allow", "Forbid", "Replace"}},
               {"effect", {"NoSchedule", "PreferNoSchedule", "NoExecute"}},
               {"operator", {"In", "NotIn", "Exists", "DoesNotExist", "Equal"}},
               {"whenUnsatisfiable", {"DoNotSchedule", "ScheduleAnyway"}},
               {"scheme", {"HTTP", "HTTPS"}},
               {"pathType", {"Exact", "Prefix", "ImplementationSpecific"}},
               {"scope", {"*", "Namespaced", "Cluster"}},
               {"failurePolicy", {"Ignore", "Fail"}},
               {"matchPolicy", {"Exact", "Equivalent"}},
               {"sideEffects", {"None", "NoneOnDryRun"}},
               {"reinvocationPolicy", {"Never", "IfNeeded"}},
               {"persistentVolumeReclaimPolicy", {"Retain", "Delete", "Recycle"}},
               {"accessModes", {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"}},
               {"verbs", {"get", "list", "watch", "create", "update", "patch", "delete"}},
               {"operations", {"CREATE", "UPDATE", "DELETE", "CONNECT"}},
               {"selectPolicy", {"Max", "Min", "Disabled"}},
               {"policyTypes", {"Ingress", "Egress"}},
               {"type", {"ClusterIP", "NodePort", "LoadBalancer", "RollingUpdate", "Recreate", "OnDelete"}},
               {"medium", {"", "Memory"}},
               {"drop", {"ALL", "NET_RAW"}},
               {"add", {"NET_ADMIN", "SYS_TIME"}},
               {"schedule", {"0 3 * * *", "*/5 * * * *", "@hourly"}},
               {"apiGroup", {"", "rbac.authorization.k8s.io"}},
               {"fieldPath", {"metadata.name", "metadata.namespace", "status.podIP", "spec.nodeName"}},
               {"ip", {"10.1.2.3", "10.9.8.7", "10.1.2.4"}},
               {"cidr", {"10.0.0.0/8", "192.168.0.0/16", "0.0.0.0/0"}}};

static const char *chosen(struct oracle *oracle, struct hf_slice key)
{
    for (size_t i = 0; i < sizeof CHOICES / sizeof CHOICES[0]; i++) {
        if (hf_slice_is(key, CHOICES[i].field)) {
            size_t count = 0;
            while (count < 8 && CHOICES[i].values[count]) {
                count++;
            }
            return CHOICES[i].values[oracle_below(oracle, count)];
        }
    }
    return NULL;
}

/* Another spelling, or another value, of a quantity. */
static const char *quantity(struct oracle *oracle, const struct hf_value *was)
{
    static const char *const SAME[][5] = {
        {"1", "1000m", "1.0", "1e0", NULL},   {"1Gi", "1024Mi", "1073741824", "1048576Ki", NULL},
        {"500m", "0.5", ".5", "0.500", NULL}, {"1k", "1e3", "1000", "1E3", NULL},
        {"0", "0.0", "0m", "0Gi", NULL},      {"100M", "1e8", "100000000", "0.1G", NULL}};
    static const char *const TEXTS[] = {
        "1",  "1000m", "0.5",  "500m", "1Gi", "1024Mi", "1073741824", "1e3",  "1k",  "100m",    "0.1",  "0",
        "2",  "2000m", "4Gi",  "8Gi",  "10",  "1E3",    "250m",       "10Gi", "1e8", "0.00001", "100M", "1.5Gi",
        "+1", "3.0",   "0.1m", "1.5",  "1u",  "1n",     "9Ei",        "16Ei", "0.3", "1e-3"};
    const char *text = was ? hf_value_text(was) : NULL;
    for (size_t i = 0; text && i < sizeof SAME / sizeof SAME[0]; i++) {
        for (size_t j = 0; SAME[i][j]; j++) {
            if (strcmp(SAME[i][j], text) == 0 && !oracle_chance(oracle, 3)) {
                return SAME[i][oracle_below(oracle, 4)];
            }
        }
    }
    return TEXTS[oracle_below(oracle, sizeof TEXTS / sizeof TEXTS[0])];
}

static struct hf_value *number(struct oracle *oracle, const struct hf_value *was, bool may_be_spelled)
{
    int64_t now = 0;
    struct hf_value *value = hf_value_new(oracle->arena, HF_NUMBER);
    if (was) {
        (void)hf_value_int(was, &now);
    }
    const char *text;
    switch (oracle_below(oracle, may_be_spelled ? 6 : 4)) {
    case 0:
        text = "0";
        break;
    case 1:
        text = hf_arena_printf(oracle->arena, "%lld", (long long)(now > 0 ? now - 1 : 0));
        break;
    case 4:
        text = hf_arena_printf(oracle->arena, "%lld.0", (long long)now);
        break;
    case 5:
        text = hf_arena_printf(oracle->arena, "%llde0", (long long)now);
        break;
    default:
        text = hf_arena_printf(oracle->arena, "%lld", (long long)now + 1);
    }
    value->as.text = hf_slice_of(text);
    return value;
}

static const char *moment(struct oracle *oracle, bool in_micros)
{
    static const char *const MICROS[] = {"2026-01-01T00:00:00.000000Z",      "2026-01-01T00:00:00.500000Z",
                                         "2026-01-01T01:00:00.500000+01:00", "2026-01-01T00:00:00Z",
                                         "2026-01-01T00:00:00.5000009Z",     "2026-02-01T00:00:00.000001Z"};
    static const char *const SECONDS[] = {"2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00",
                                          "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.5Z",
                                          "2026-02-01T00:00:00Z"};
    return in_micros ? MICROS[oracle_below(oracle, 6)] : SECONDS[oracle_below(oracle, 5)];
}

static const char *bytes(struct oracle *oracle)
{
    static const char *const TEXTS[] = {"YWRkZWQ=", "YWRk\nZWQ=", "aGVsbG8=", "aHVudGVyMg==", "aHVu\r\ndGVyMg==", ""};
    return TEXTS[oracle_below(oracle, sizeof TEXTS / sizeof TEXTS[0])];
}

static struct hf_value *text(struct oracle *oracle, struct hf_slice key, const struct hf_value *was, bool is_free)
{
    static const char *const FREE[] = {"1h", "60m", "1h0m0s", "3600s", "1Gi", "1024Mi", "true", "null", "1.0", "0777"};
    const char *choice = chosen(oracle, key);
    const char *now = was ? hf_value_text(was) : NULL;
    if (choice && !oracle_chance(oracle, 5)) {
        return oracle_text(oracle, choice);
    }
    if (oracle_chance(oracle, 10)) {
        return oracle_text(oracle, "");
    }
    if (is_free && oracle_chance(oracle, 3)) {
        return oracle_text(oracle, FREE[oracle_below(oracle, sizeof FREE / sizeof FREE[0])]);
    }
    return oracle_text(oracle, now ? hf_arena_printf(oracle->arena, "%sx", now) : "added");
}

/* A single value of a type; of no type, of any. */
struct hf_value *oracle_scalar(struct oracle *oracle, const struct hf_type *type, const struct hf_type *holder,
                               struct hf_slice key, const struct hf_value *was, bool is_unit)
{
    enum hf_type_kind kind = type ? type->kind : HF_TYPE_UNKNOWN;
    const struct hf_value *drawn = oracle_chance(oracle, 3) ? oracle_drawn(oracle, holder, key) : NULL;
    if (drawn && drawn->kind != HF_OBJECT && drawn->kind != HF_ARRAY) {
        return hf_value_copy(oracle->arena, drawn);
    }
    switch (kind) {
    case HF_TYPE_BOOLEAN: {
        struct hf_value *value = hf_value_new(oracle->arena, HF_BOOL);
        value->as.boolean = was && was->kind == HF_BOOL ? !was->as.boolean : oracle_chance(oracle, 2);
        return value;
    }
    case HF_TYPE_NUMBER:
        if (oracle_chance(oracle, 2)) {
            struct hf_value *value = hf_value_new(oracle->arena, HF_NUMBER);
            static const char *const TEXTS[] = {"0.5", "5e-1", "1.50", "1.5", "-0.25", "1e21", "0.1"};
            value->as.text = hf_slice_of(TEXTS[oracle_below(oracle, 7)]);
            return value;
        }
        return number(oracle, was, is_unit);
    case HF_TYPE_INTEGER:
        return number(oracle, was, is_unit);
    case HF_TYPE_INT_OR_STRING: {
        static const char *const TEXTS[] = {"50%", "25%", "http", "80", "100%"};
        return oracle_chance(oracle, 2) ? number(oracle, was, is_unit)
                                        : oracle_text(oracle, TEXTS[oracle_below(oracle, 5)]);
    }
    case HF_TYPE_QUANTITY:
        if (is_unit && oracle_chance(oracle, 6)) {
            return number(oracle, was, true);
        }
        return oracle_text(oracle, quantity(oracle, was));
    case HF_TYPE_BYTES:
        return oracle_text(oracle, bytes(oracle));
    case HF_TYPE_TIME:
    case HF_TYPE_MICRO_TIME:
        return oracle_text(oracle, moment(oracle, kind == HF_TYPE_MICRO_TIME));
    case HF_TYPE_UNKNOWN:
        return oracle_chance(oracle, 3) ? number(oracle, was, is_unit) : text(oracle, key, was, true);
    default:
        return text(oracle, key, was, holder && !holder->is_built_in);
    }
}

/* Any value of a type. */
struct hf_value *oracle_made(struct oracle *oracle, const struct hf_type *type, struct hf_slice key)
{
    enum hf_type_kind kind = type ? type->kind : HF_TYPE_UNKNOWN;
    if (kind == HF_TYPE_STRUCT || kind == HF_TYPE_MAP) {
        return hf_value_new(oracle->arena, HF_OBJECT);
    }
    if (kind == HF_TYPE_LIST) {
        return hf_value_new(oracle->arena, HF_ARRAY);
    }
    return oracle_scalar(oracle, type, NULL, key, NULL, false);
}
