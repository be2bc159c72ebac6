/* What decisions cost: 200 findings over the shipped packs, and over 200 rules more. usage: bench_drift_rules [ROUNDS
 * (default 200)] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "holdfast/clock.h"
#include "holdfast/embedded.h"
#include "holdfast/rules.h"

#define FINDINGS 200

static void fail(const char *what)
{
    fprintf(stderr, "bench_drift_rules: %s\n", what);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void add(struct hf_rules *rules, const char *path, const char *bytes, size_t len)
{
    struct hf_error err = HF_ERROR_INIT;
    if (hf_rules_add(rules, path, bytes, len, &err) != 0) {
        fail(err.text);
    }
}

static double decide_all(const struct hf_rules *rules, long rounds)
{
    static char paths[FINDINGS][100];
    static struct hf_finding findings[FINDINGS];
    struct hf_rule_subject subject = {.target = "dev",
                                      .space = "s",
                                      .unit = "u",
                                      .group = "apps",
                                      .kind = "Deployment",
                                      .namespace = "n",
                                      .name = "web"};
    for (int i = 0; i < FINDINGS; i++) {
        (void)snprintf(paths[i], sizeof paths[i], "/spec/template/spec/containers/[name=web]/env/[name=V%d]/value", i);
        findings[i] =
            (struct hf_finding){.path = paths[i], .keyed = paths[i], .class = HF_CHANGED, .manager = "kubectl"};
    }
    struct hf_rule_question question = {.subject = &subject, .now_ms = INT64_C(1772443800000)};
    unsigned long drift = 0;
    double since = seconds();
    for (long round = 0; round < rounds; round++) {
        for (int i = 0; i < FINDINGS; i++) {
            struct hf_decision decision;
            question.finding = &findings[i];
            hf_rules_decide(rules, &question, &decision);
            drift += hf_decision_weight(&findings[i], &decision) == HF_WEIGHT_CORRECT;
        }
    }
    double spent = seconds() - since;
    if (drift != (unsigned long)rounds * FINDINGS) {
        fail("an unexpected decision");
    }
    return spent / (double)rounds * 1e6;
}

int main(int argc, char **argv)
{
    static const char *const SHIPPED[] = {"rules/security.yaml", "rules/kubernetes.yaml", "rules/defaults.yaml"};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_rules *rules;
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 200;
    if (rounds <= 0 || hf_rules_new(&rules, &err) != 0) {
        fail("usage: bench_drift_rules [ROUNDS]");
    }
    for (size_t i = 0; i < sizeof SHIPPED / sizeof SHIPPED[0]; i++) {
        const struct hf_embedded *file = hf_embedded_find(SHIPPED[i]);
        if (!file) {
            fail(SHIPPED[i]);
        }
        add(rules, SHIPPED[i], file->bytes, file->size);
    }
    printf("200 findings over the shipped %3zu rules   %8.1f us\n", hf_rules_count(rules), decide_all(rules, rounds));
    hf_auto_buf struct hf_buf pack = {0};
    hf_buf_adds(&pack, "pack: more\nrules:\n");
    for (int i = 0; i < 200; i++) {
        hf_buf_addf(&pack,
                    "  - {name: r%d, match: {kind: [Deployment, StatefulSet], namespace: 'n*', path: "
                    "'/spec/template/spec/containers/*/env/[name=X%d]'}, severity: critical}\n",
                    i, i);
    }
    add(rules, "more", hf_buf_text(&pack), pack.len);
    printf("200 findings over             %3zu rules   %8.1f us\n", hf_rules_count(rules), decide_all(rules, rounds));
    hf_rules_free(rules);
    return 0;
}
