/* What the tests of drift share. */
#ifndef HF_TEST_DRIFT_FIXTURE_H
#define HF_TEST_DRIFT_FIXTURE_H

#include "holdfast/drift.h"

struct fixture {
    struct hf_arena *arena;
    struct hf_types *types;
};

struct fixture fixture_new(void); /* with the types that are built in */
void fixture_free(struct fixture *fixture);
const struct hf_value *fixture_yaml(struct fixture *fixture, const char *text);
struct hf_drift_input fixture_input(struct fixture *fixture, const struct hf_value *desired,
                                    const struct hf_value *live);
struct hf_judgement fixture_judge(struct fixture *fixture, const char *desired, const char *live);

#endif
