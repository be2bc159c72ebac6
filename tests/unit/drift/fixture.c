#include "fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#include "holdfast/embedded.h"
#include "holdfast/yaml.h"

struct fixture fixture_new(void)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_embedded *file = hf_embedded_find("schema/kubernetes-openapi.json");
    struct fixture fixture = {.arena = hf_arena_new(0)};
    cr_assert_not_null(file);
    cr_assert_eq(hf_types_from_openapi_v2(file->bytes, file->size, &fixture.types, &err), 0, "%s", err.text);
    return fixture;
}

void fixture_free(struct fixture *fixture)
{
    hf_types_free(fixture->types);
    hf_arena_free(fixture->arena);
}

const struct hf_value *fixture_yaml(struct fixture *fixture, const char *text)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents;
    size_t count;
    cr_assert_eq(hf_yaml_read(fixture->arena, text, strlen(text), NULL, &documents, &count, &err), 0, "%s", err.text);
    cr_assert_eq(count, 1u);
    return documents[0].value;
}

struct hf_drift_input fixture_input(struct fixture *fixture, const struct hf_value *desired,
                                    const struct hf_value *live)
{
    return (struct hf_drift_input){.types = fixture->types,
                                   .desired = desired,
                                   .live = live,
                                   .manager = "confighub",
                                   .has_status = true,
                                   .secret_key = "0123456789abcdef",
                                   .secret_key_len = 16};
}

struct hf_judgement fixture_judge(struct fixture *fixture, const char *desired, const char *live)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_judgement judgement;
    struct hf_drift_input input =
        fixture_input(fixture, fixture_yaml(fixture, desired), live ? fixture_yaml(fixture, live) : NULL);
    cr_assert_eq(hf_drift_judge(fixture->arena, &input, &judgement, &err), 0, "%s", err.text);
    return judgement;
}
