/* What is sent when some paths stay as live has them. */
#include <criterion/criterion.h>
#include <string.h>

#include "holdfast/drift.h"
#include "holdfast/json.h"
#include "holdfast/yaml.h"

TestSuite(keep, .timeout = 10);

struct keep {
    const char *what;
    const char *kind;
    const char *desired; /* without apiVersion, kind, metadata.name */
    const char *live;
    struct hf_finding kept[3];
    const char *sent; /* NULL: it can't be kept */
};

static const struct keep ROWS[] = {
    {"a value",
     "ConfigMap",
     "{data: {a: '1', b: '1'}}",
     "{data: {a: '2', b: '2'}}",
     {{.path = "/data/a", .desired_path = "/data/a", .class = HF_CHANGED, .live = "x"}},
     "\"data\":{\"a\":\"2\",\"b\":\"1\"}"},
    {"what live lacks",
     "ConfigMap",
     "{data: {a: '1', b: '1'}}",
     "{data: {b: '2'}}",
     {{.path = "/data/a", .desired_path = "/data/a", .class = HF_REMOVED}},
     "\"data\":{\"b\":\"1\"}"},
    {"what the unit no longer sets",
     "ConfigMap",
     "{data: {b: '1'}}",
     "{data: {a: '2', b: '2'}}",
     {{.path = "/data/a", .desired_path = "/data/a", .class = HF_LEFTOVER, .live = "x"}},
     "\"data\":{\"a\":\"2\",\"b\":\"1\"}"},
    {"what the unit no longer sets, in a map it does not have",
     "ConfigMap",
     "{data: {b: '1'}}",
     "{data: {b: '2'}, binaryData: {a: eA==}}",
     {{.path = "/binaryData/a", .desired_path = "/binaryData/a", .class = HF_LEFTOVER, .live = "x"}},
     "\"binaryData\":{\"a\":\"eA==\"}"},
    {"what somebody else added is not ours to send",
     "ConfigMap",
     "{data: {b: '1'}}",
     "{data: {a: '2', b: '2'}}",
     {{.path = "/data/a", .desired_path = "/data/a", .class = HF_EXTRA_FIELD, .live = "x", .unowned = true}},
     "\"data\":{\"b\":\"1\"}"},
    {"in a list whose items stand elsewhere",
     "Thing",
     "{list: [{name: a, v: 1}, {name: b, v: 1}]}",
     "{list: [{name: z, v: 1}, {name: b, v: 2}, {name: a, v: 3}]}",
     {{.path = "/list/2/v", .desired_path = "/list/0/v", .class = HF_CHANGED, .live = "x"}},
     "\"list\":[{\"name\":\"a\",\"v\":3},{\"name\":\"b\",\"v\":1}]"},
    {"two items that the unit no longer has",
     "Thing",
     "{list: [{name: a}]}",
     "{list: [{name: x}, {name: a}, {name: z}]}",
     {{.path = "/list/0", .desired_path = "/list/1", .class = HF_LEFTOVER, .live = "x"},
      {.path = "/list/2", .desired_path = "/list/1", .class = HF_LEFTOVER, .live = "x"}},
     "\"list\":[{\"name\":\"a\"},{\"name\":\"x\"},{\"name\":\"z\"}]"},
    {"items that live lacks",
     "Thing",
     "{list: [{name: a}, {name: b}, {name: c}]}",
     "{list: [{name: b}]}",
     {{.path = "/list/1", .desired_path = "/list/0", .class = HF_REMOVED},
      {.path = "/list/2", .desired_path = "/list/2", .class = HF_REMOVED}},
     "\"list\":[{\"name\":\"b\"}]"},
    {"below an item that the unit does not have",
     "Thing",
     "{list: [{name: a}]}",
     "{list: [{name: a}, {name: z, v: 1}]}",
     {{.path = "/list/1/v", .desired_path = "/list/1/v", .class = HF_LEFTOVER, .live = "x"}},
     NULL},
    {"in a list that the unit does not have",
     "Thing",
     "{x: 1}",
     "{x: 1, list: [{name: z}]}",
     {{.path = "/list/0", .desired_path = "/list/0", .class = HF_LEFTOVER, .live = "x"}},
     NULL},
    {"a Secret's value that the unit gives as text",
     "Secret",
     "{stringData: {a: one, b: one}}",
     "{data: {a: dHdv, b: dHdv}}",
     {{.path = "/data/a", .desired_path = "/data/a", .class = HF_CHANGED, .live = "x"}},
     "\"data\":{\"a\":\"dHdv\"}"},
};

static const struct hf_value *read_row(struct hf_arena *arena, const char *kind, const char *version, const char *body)
{
    struct hf_document *documents;
    size_t count;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_yaml_read(arena, body, strlen(body), NULL, &documents, &count, &err), 0, "%s", err.text);
    struct hf_value *value = hf_value_copy(arena, documents[0].value);
    struct hf_value *metadata = hf_value_new(arena, HF_OBJECT);
    cr_assert_eq(hf_value_set(arena, value, hf_slice_of("kind"), hf_value_string(arena, hf_slice_of(kind))), 0);
    if (version) {
        cr_assert_eq(
            hf_value_set(arena, metadata, hf_slice_of("resourceVersion"), hf_value_string(arena, hf_slice_of(version))),
            0);
    }
    cr_assert_eq(hf_value_set(arena, value, hf_slice_of("metadata"), metadata), 0);
    return value;
}

Test(keep, what_stays_is_sent_as_live_has_it_under_the_version_that_was_seen)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct keep *row = &ROWS[i];
        struct hf_arena *arena = hf_arena_new(0);
        struct hf_error err = HF_ERROR_INIT;
        const struct hf_finding *kept[3];
        size_t count = 0;
        while (count < 3 && row->kept[count].path) {
            kept[count] = &row->kept[count];
            count++;
        }
        const struct hf_value *sent;
        cr_assert_eq(hf_drift_keep(arena, read_row(arena, row->kind, NULL, row->desired),
                                   read_row(arena, row->kind, "7", row->live), kept, count, &sent, &err),
                     0, "%s: %s", row->what, err.text);
        if (!row->sent) {
            cr_expect_null(sent, "%s", row->what);
        } else {
            struct hf_buf text = {0};
            cr_assert_not_null(sent, "%s", row->what);
            hf_json_write(&text, sent);
            cr_expect(strstr(hf_buf_text(&text), row->sent), "%s: found %s", row->what, hf_buf_text(&text));
            cr_expect(strstr(hf_buf_text(&text), "\"resourceVersion\":\"7\""), "%s", row->what);
            cr_expect(!strstr(hf_buf_text(&text), "stringData\":{\"a\""), "%s", row->what);
            hf_buf_free(&text);
        }
        hf_arena_free(arena);
    }
}

Test(keep, without_a_version_nothing_is_sent)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_finding *kept[] = {&ROWS[0].kept[0]};
    const struct hf_value *sent;
    cr_assert_eq(hf_drift_keep(arena, read_row(arena, "ConfigMap", NULL, ROWS[0].desired),
                               read_row(arena, "ConfigMap", NULL, ROWS[0].live), kept, 1, &sent, &err),
                 0);
    cr_assert_null(sent);
    hf_arena_free(arena);
}
