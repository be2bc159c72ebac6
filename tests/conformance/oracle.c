/* The oracle test: random mutations of real objects on a real API server. For each case the local verdict on (unit,
 * live) is held against what the server says it would change by a forced dry-run apply of the unit.
 *
 * usage: oracle --kubeconfig FILE [--objects FILE] [--cases N] [--seed N] [--kind KIND] [--verbose]
 * Exit 0 when they agreed in every case. A case can be run again alone: --seed S --cases 1 with the seed that was
 * printed. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

struct tally {
    size_t in_sync;
    size_t drifted;
    size_t refused;      /* the server refuses the unit as it now is, and the local verdict is no "in sync" */
    size_t refused_sync; /* … and the local verdict is "in sync": told, since only the server knows why it refuses */
    size_t skipped;      /* no mutation was accepted */
    size_t disagreed;
};

static const char *const IGNORED[] = {"managedFields", "resourceVersion", "generation", "creationTimestamp",
                                      "uid",           "selfLink"};

static void strip(struct hf_value *object)
{
    struct hf_value *metadata = (struct hf_value *)(uintptr_t)hf_value_get(object, "metadata");
    for (size_t i = 0; metadata && i < sizeof IGNORED / sizeof IGNORED[0]; i++) {
        (void)hf_value_unset(metadata, hf_slice_of(IGNORED[i]));
    }
    (void)hf_value_unset(object, hf_slice_of("status"));
}

struct paths {
    char *at[400];
    size_t count;
};

static void add_path(struct oracle *oracle, struct paths *paths, const struct hf_buf *path)
{
    if (paths->count < sizeof paths->at / sizeof paths->at[0]) {
        paths->at[paths->count++] = hf_arena_copy(oracle->arena, hf_buf_text(path), path->len);
    }
}

static void cut(struct hf_buf *buf, size_t len)
{
    buf->len = len;
    if (buf->ptr) {
        buf->ptr[len] = '\0';
    }
}

/* 1Gi and 1073741824 are one quantity: the server keeps the spelling it is given. */
static bool is_same_value(const struct hf_value *a, const struct hf_value *b)
{
    int order;
    return hf_value_equal(a, b) || (a->kind == HF_STRING && b->kind == HF_STRING &&
                                    hf_quantity_compare(a->as.text, b->as.text, &order) && order == 0);
}

static void differences(struct oracle *oracle, const struct hf_value *result, const struct hf_value *live,
                        struct hf_buf *path, struct paths *out)
{
    size_t len = path->len;
    if (result && live && result->kind == HF_OBJECT && live->kind == HF_OBJECT) {
        for (size_t i = 0; i < live->as.object.count; i++) {
            const struct hf_member *member = &live->as.object.members[i];
            hf_pointer_add_key(path, member->key);
            differences(oracle, hf_value_find(result, member->key), &member->value, path, out);
            cut(path, len);
        }
        for (size_t i = 0; i < result->as.object.count; i++) {
            const struct hf_member *member = &result->as.object.members[i];
            if (!hf_value_find(live, member->key)) {
                hf_pointer_add_key(path, member->key);
                add_path(oracle, out, path);
                cut(path, len);
            }
        }
    } else if (result && live && result->kind == HF_ARRAY && live->kind == HF_ARRAY &&
               result->as.array.count == live->as.array.count) {
        for (size_t i = 0; i < live->as.array.count; i++) {
            hf_pointer_add_index(path, i);
            differences(oracle, &result->as.array.items[i], &live->as.array.items[i], path, out);
            cut(path, len);
        }
    } else if (!result || !live || !is_same_value(result, live)) {
        add_path(oracle, out, path);
    }
}

static bool is_below(const char *path, const char *other)
{
    size_t len = strlen(other);
    return strncmp(path, other, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* An item that is missing moves the others: its list speaks for it. */
static bool meet(const char *path, const struct hf_finding *finding)
{
    char place[2000];
    (void)snprintf(place, sizeof place, "%s", finding->path);
    char *last = strrchr(place, '/');
    if (finding->class == HF_REMOVED && last && last[1] >= '0' && last[1] <= '9') {
        *last = '\0';
    }
    return is_below(path, place) || is_below(place, path);
}

/* What the server derives from another field: a finding on the other field speaks for it. */
static bool is_derived(const char *path)
{
    static const char *const DERIVED[] = {"/serviceAccount",
                                          "/clusterIP",
                                          "/clusterIPs",
                                          "/nodePort",
                                          "/healthCheckNodePort",
                                          "/imagePullPolicy",
                                          "/externalTrafficPolicy",
                                          "/sessionAffinityConfig",
                                          "/targetPort",
                                          "/policyTypes",
                                          "/rollingUpdate",
                                          "/ipFamilies",
                                          "/defaultRequest",
                                          "/default",
                                          "/hostPort",
                                          "/emptyDir",
                                          "/requests",
                                          "/listKind",
                                          "/apiGroup",
                                          "/deprecated.daemonset.template.generation"};
    for (size_t i = 0; i < sizeof DERIVED / sizeof DERIVED[0]; i++) {
        if (strstr(path, DERIVED[i])) {
            return true;
        }
    }
    return false;
}

/* Each place that the server changes is told by a finding, and each finding is of a place that it changes. */
static bool paths_agree(const struct paths *paths, const struct hf_judgement *judgement)
{
    for (size_t i = 0; i < paths->count; i++) {
        bool told = is_derived(paths->at[i]);
        for (size_t j = 0; !told && j < judgement->count; j++) {
            told = meet(paths->at[i], &judgement->findings[j]);
        }
        if (!told) {
            return false;
        }
    }
    for (size_t j = 0; j < judgement->count; j++) {
        bool real = judgement->findings[j].class == HF_EXTRA_FIELD;
        for (size_t i = 0; !real && i < paths->count; i++) {
            real = meet(paths->at[i], &judgement->findings[j]);
        }
        if (!real) {
            return false;
        }
    }
    return true;
}

static void print_json(const char *title, const struct hf_value *value)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_json_write(&text, value);
    printf("  %s %s\n", title, hf_buf_text(&text));
}

static void tell_disagreement(const struct oracle *oracle, uint64_t seed, const struct hf_judgement *judgement,
                              const struct paths *paths, const struct hf_value *live)
{
    printf("DISAGREE seed %llu %s: %s\n", (unsigned long long)seed,
           hf_value_text(hf_value_get(oracle->desired, "kind")), oracle->story.ptr);
    for (size_t i = 0; i < paths->count; i++) {
        printf("  server changes %s\n", paths->at[i]);
    }
    for (size_t i = 0; i < judgement->count; i++) {
        const struct hf_finding *finding = &judgement->findings[i];
        printf("  finding %s %s: desired %s, live %s\n", hf_class_name(finding->class), finding->path,
               finding->desired ? finding->desired : "-", finding->live ? finding->live : "-");
    }
    if (oracle->verbose) {
        print_json("unit", oracle->desired);
        print_json("live", live);
    }
}

static int judge(struct oracle *oracle, const struct hf_value *live, struct hf_judgement *judgement)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_drift_input input = {.types = oracle->types,
                                   .desired = oracle->desired,
                                   .live = live,
                                   .manager = ORACLE_MANAGER,
                                   .has_status = true,
                                   .secret_key = "0123456789abcdef",
                                   .secret_key_len = 16};
    if (hf_drift_judge(oracle->arena, &input, judgement, &err) != 0) {
        fprintf(stderr, "oracle: %s\n", err.text);
        return -1;
    }
    return 0;
}

static bool is_local_drift(const struct hf_judgement *judgement)
{
    for (size_t i = 0; i < judgement->count; i++) {
        if (judgement->findings[i].class != HF_EXTRA_FIELD) {
            return true;
        }
    }
    return false;
}

static int compare_verdicts(struct oracle *oracle, uint64_t seed, struct tally *tally)
{
    const struct hf_value *live = oracle_get(oracle);
    struct hf_judgement judgement;
    long status = 0;
    const struct hf_value *result = oracle_apply(oracle, oracle->desired, ORACLE_MANAGER, true, &status);
    if (!live || judge(oracle, live, &judgement) != 0) {
        fprintf(stderr, "oracle: seed %llu: the object can't be read\n", (unsigned long long)seed);
        return -1;
    }
    bool drifted = is_local_drift(&judgement);
    if (!result) {
        tally->refused += drifted || judgement.unit_problem;
        tally->refused_sync += !drifted && !judgement.unit_problem;
        if (oracle->verbose && !drifted && !judgement.unit_problem) {
            printf("REFUSED seed %llu %s: %s: %ld %.300s\n", (unsigned long long)seed,
                   hf_value_text(hf_value_get(oracle->desired, "kind")), oracle->story.ptr, status,
                   oracle->answer.ptr ? oracle->answer.ptr : "");
        }
        return 0;
    }
    struct hf_value *left = hf_value_copy(oracle->arena, result);
    struct hf_value *right = hf_value_copy(oracle->arena, live);
    hf_auto_buf struct hf_buf path = {0};
    struct paths paths = {.count = 0};
    strip(left);
    strip(right);
    differences(oracle, left, right, &path, &paths);
    if ((paths.count > 0) != drifted || !paths_agree(&paths, &judgement)) {
        tally->disagreed++;
        tell_disagreement(oracle, seed, &judgement, &paths, live);
    } else {
        tally->drifted += drifted;
        tally->in_sync += !drifted;
    }
    return 0;
}

static int run_case(struct oracle *oracle, uint64_t seed, struct tally *tally)
{
    int result = 0;
    oracle_begin(oracle, seed);
    if (!oracle_create(oracle)) {
        fprintf(stderr, "oracle: seed %llu: the first apply was refused: %.300s\n", (unsigned long long)seed,
                hf_buf_text(&oracle->answer));
        tally->skipped++;
    } else {
        oracle_mutate(oracle);
        result = compare_verdicts(oracle, seed, tally);
    }
    oracle_end(oracle);
    return result;
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"kubeconfig", required_argument, NULL, 'k'},
                                            {"objects", required_argument, NULL, 'o'},
                                            {"cases", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"kind", required_argument, NULL, 'K'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    struct oracle oracle = {.objects_path = HF_SOURCE_DIR "/tests/fixtures/drift/kinds.yaml"};
    struct tally tally = {0};
    uint64_t seed = 1;
    size_t cases = 1000;
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (option) {
        case 'k':
            oracle.kubeconfig_path = optarg;
            break;
        case 'o':
            oracle.objects_path = optarg;
            break;
        case 'n':
            cases = strtoul(optarg, NULL, 10);
            break;
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 'K':
            oracle.only_kind = optarg;
            break;
        case 'v':
            oracle.verbose = true;
            break;
        default:
            return 2;
        }
    }
    if (!oracle.kubeconfig_path || oracle_open(&oracle) != 0) {
        fprintf(stderr,
                "usage: oracle --kubeconfig FILE [--objects FILE] [--cases N] [--seed N] [--kind KIND] [--verbose]\n");
        return 2;
    }
    int result = 0;
    for (size_t i = 0; result == 0 && i < cases; i++) {
        result = run_case(&oracle, seed + i, &tally);
    }
    oracle_close(&oracle);
    printf("oracle: seeds %llu to %llu: %zu in sync, %zu drifted, %zu refused by the server (%zu of them in sync "
           "here), %zu skipped, "
           "%zu disagreements\n",
           (unsigned long long)seed, (unsigned long long)(seed + cases - 1), tally.in_sync, tally.drifted,
           tally.refused + tally.refused_sync, tally.refused_sync, tally.skipped, tally.disagreed);
    return result != 0 || tally.disagreed > 0;
}
