/* What of a server's words is told. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "correct.h"

struct words {
    char kind[16];
    char text[200]; /* arrays: Criterion hands parameters to another process */
    char told[200];
};

static struct words TABLE[] = {
    {"Secret", "the server answered 500: .stringData.pin: expected string, got &value.valueUnstructured{Value:7701}",
     "the server answered 500; its words are left out, they may quote the Secret's values"},
    {"Secret", "the server answered 422: Secret \"a\" is invalid: data[my key]: Invalid value: \"my key\"",
     "the server answered 422; its words are left out, they may quote the Secret's values"},
    {"Secret", "the server answered 400: admission webhook \"w\" denied the request: password is weak: hunter2",
     "the server answered 400; its words are left out, they may quote the Secret's values"},
    {"Secret", "the server answered 403: admission webhook \"w\" denied the request: hunter2",
     "the server answered 403; its words are left out, they may quote the Secret's values"},
    {"Secret", "the server answered 409: Apply failed with 1 conflict: hunter2",
     "the server answered 409; its words are left out, they may quote the Secret's values"},
    {"Secret",
     "the server answered 422: Secret \"a\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
     "the server answered 422: the Secret is immutable"},
    {"Secret", "the server answered 403: secrets \"a\" is forbidden: User \"u\" cannot patch resource \"secrets\"", ""},
    {"Secret", "the server answered 404: namespaces \"a\" not found", ""},
    {"Secret", "the server answered 500: Internal error occurred: failed calling webhook \"w\": no endpoints", ""},
    {"Secret", "the server answered 503", ""},
    {"Secret", "the server answered 4",
     "the server answered 4; its words are left out, they may quote the Secret's values"},
    {"Secret", "no answer came", ""},
    {"Secret", "connect: refused", ""},
    {"ConfigMap", "the server answered 422: ConfigMap \"a\" is invalid: data[my key]: Invalid value: \"my key\"", ""},
};

ParameterizedTestParameters(words, of_a_refused_secret_never_quote_a_value)
{
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        if (TABLE[i].told[0] == '\0') {
            memcpy(TABLE[i].told, TABLE[i].text, sizeof TABLE[i].told);
        }
    }
    return cr_make_param_array(struct words, TABLE, sizeof TABLE / sizeof TABLE[0]);
}

ParameterizedTest(struct words *row, words, of_a_refused_secret_never_quote_a_value)
{
    struct object object = {.kind = (char *)(uintptr_t)row->kind, .api_version = (char *)(uintptr_t) "v1"};
    struct hf_buf out = {0};
    cr_assert_str_eq(hf_agent_words_of(&object, row->text, &out), row->told);
    hf_buf_free(&out);
}
