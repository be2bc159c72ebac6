/* The oracle test: random mutations of real objects on a real API server. For each case the local verdict on (unit,
 * live) is held against what the server says it would change by a forced dry-run apply of the unit. A disagreement is
 * made small and printed in the form of tests/fixtures/drift/verdicts.yaml.
 *
 * usage: oracle --kubeconfig FILE [--objects FILE] [--crds FILE] [--cases N] [--seed N] [--kind KIND] [--verbose]
 *               [--no-shrink]
 * Exit 0 when they agreed in every case. A case can be done again alone: --seed S --cases 1 with the seed that was
 * printed. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

struct tally {
    size_t cases;
    size_t in_sync;
    size_t drifted;
    size_t disagreed;
    size_t respelled; /* cases with quantities that the server would only write otherwise */
    size_t by_apply;  /* cases in which the dry-run said otherwise than the apply itself, which agreed */
    struct counts refused;
    struct counts confirmed;
    struct counts skipped;
    struct counts kinds;
};

void counts_add(struct counts *counts, const char *name)
{
    size_t at = 0;
    size_t most = sizeof counts->at / sizeof counts->at[0];
    while (at < counts->used && strncmp(counts->at[at].name, name, sizeof counts->at[at].name - 1) != 0) {
        at++;
    }
    if (at == counts->used && at < most) {
        (void)snprintf(counts->at[at].name, sizeof counts->at[at].name, "%s", name);
        counts->used++;
    }
    counts->at[at < most ? at : most - 1].count++;
}

size_t counts_sum(const struct counts *counts)
{
    size_t sum = 0;
    for (size_t i = 0; i < counts->used; i++) {
        sum += counts->at[i].count;
    }
    return sum;
}

void counts_print(const char *title, const struct counts *counts)
{
    for (size_t i = 0; i < counts->used; i++) {
        printf("  %s: %zu %s\n", title, counts->at[i].count, counts->at[i].name);
    }
}

static void tell_disagreement(struct oracle *oracle, const struct outcome *out)
{
    printf("DISAGREE seed %llu %s: %s\n", (unsigned long long)oracle->seed,
           hf_value_text(hf_value_get(oracle->example.desired, "kind")), hf_buf_text(&oracle->story));
    for (size_t i = 0; i < out->count; i++) {
        printf("  server changes (%s) %s%s\n", hf_class_name(out->at[i].class), out->at[i].path,
               out->at[i].is_told ? "" : " (untold)");
    }
    for (size_t i = 0; i < out->judgement.count; i++) {
        const struct hf_finding *finding = &out->judgement.findings[i];
        printf("  finding %s %s: desired %.200s, live %.200s\n", hf_class_name(finding->class), finding->path,
               finding->desired ? finding->desired : "-", finding->live ? finding->live : "-");
    }
}

static int run_case(struct oracle *oracle, uint64_t seed, struct tally *tally, bool shrinks)
{
    int result = 0;
    struct outcome out;
    tally->cases++;
    if (!oracle_begin(oracle, seed)) {
        fprintf(stderr, "oracle: seed %llu: the first step was refused: %.300s\n", (unsigned long long)seed,
                hf_buf_text(&oracle->answer));
        counts_add(&tally->skipped, hf_value_text(hf_value_get(oracle->example.desired, "kind")));
        oracle_end(oracle);
        return 0;
    }
    counts_add(&tally->kinds, hf_arena_printf(oracle->arena, "%s %s",
                                              hf_value_text(hf_value_get(oracle->example.desired, "apiVersion")),
                                              hf_value_text(hf_value_get(oracle->example.desired, "kind"))));
    if (oracle_compare(oracle, oracle->example.desired, &out) != 0) {
        fprintf(stderr, "oracle: seed %llu: the object can't be read\n", (unsigned long long)seed);
        oracle_end(oracle);
        return -1;
    }
    tally->respelled += out.respelled > 0;
    tally->by_apply += out.is_by_apply;
    switch (out.kind) {
    case OUTCOME_IN_SYNC:
        tally->in_sync++;
        break;
    case OUTCOME_DRIFTED:
        tally->drifted++;
        break;
    case OUTCOME_CONFIRMED:
        counts_add(&tally->confirmed, out.why);
        break;
    case OUTCOME_REFUSED:
        counts_add(&tally->refused, out.refusal);
        if (oracle->verbose) {
            printf("REFUSED seed %llu %s: %s: %.400s\n", (unsigned long long)seed, out.refusal,
                   hf_buf_text(&oracle->story), hf_buf_text(&oracle->answer));
        }
        break;
    case OUTCOME_DISAGREED:
        tally->disagreed++;
        tell_disagreement(oracle, &out);
        if (shrinks) {
            oracle_shrink(oracle);
        }
        (void)fflush(stdout);
    }
    oracle_end(oracle);
    return result;
}

static void summarise(const struct tally *tally, uint64_t seed, size_t requests)
{
    size_t refused = counts_sum(&tally->refused);
    size_t confirmed = counts_sum(&tally->confirmed);
    size_t compared = tally->in_sync + tally->drifted + tally->disagreed + confirmed;
    counts_print("refused by the server", &tally->refused);
    counts_print("not knowable locally, confirmed by dry-run", &tally->confirmed);
    counts_print("never created", &tally->skipped);
    printf("oracle: seeds %llu to %llu, %zu kinds, %zu requests: %zu cases, %zu compared (%.1f %%), %zu in sync, %zu "
           "drifted, %zu not knowable locally, %zu refused by the server, %zu never created, %zu only respelled a "
           "quantity, %zu agreed with a true apply and not with its dry-run, %zu disagreements\n",
           (unsigned long long)seed, (unsigned long long)(seed + tally->cases - 1), tally->kinds.used, requests,
           tally->cases, compared, 100.0 * (double)compared / (double)(tally->cases ? tally->cases : 1), tally->in_sync,
           tally->drifted, confirmed, refused, counts_sum(&tally->skipped), tally->respelled, tally->by_apply,
           tally->disagreed);
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"kubeconfig", required_argument, NULL, 'k'},
                                            {"objects", required_argument, NULL, 'o'},
                                            {"crds", required_argument, NULL, 'c'},
                                            {"cases", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"kind", required_argument, NULL, 'K'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {"no-shrink", no_argument, NULL, 'S'},
                                            {NULL, 0, NULL, 0}};
    struct oracle oracle = {.objects_path = HF_SOURCE_DIR "/tests/fixtures/drift/kinds.yaml",
                            .crds_path = HF_SOURCE_DIR "/tests/fixtures/drift/crds.yaml"};
    static struct tally tally;
    uint64_t seed = 1;
    size_t cases = 1000;
    bool shrinks = true;
    for (int option; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (option) {
        case 'k':
            oracle.kubeconfig_path = optarg;
            break;
        case 'o':
            oracle.objects_path = optarg;
            break;
        case 'c':
            oracle.crds_path = optarg;
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
        case 'S':
            shrinks = false;
            break;
        default:
            return 2;
        }
    }
    if (!oracle.kubeconfig_path || oracle_open(&oracle) != 0) {
        fprintf(stderr, "usage: oracle --kubeconfig FILE [--objects FILE] [--crds FILE] [--cases N] [--seed N] [--kind "
                        "KIND] [--verbose] [--no-shrink]\n");
        return 2;
    }
    int result = 0;
    for (size_t i = 0; result == 0 && i < cases; i++) {
        result = run_case(&oracle, seed + i, &tally, shrinks);
    }
    summarise(&tally, seed, oracle.requests);
    oracle_close(&oracle);
    return result != 0 || tally.disagreed > 0;
}
