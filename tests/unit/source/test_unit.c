/* What a user's file of objects is read as, and what is said of one that can't be. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "holdfast/source.h"

#define OBJECT(kind, name) "apiVersion: v1\nkind: " kind "\nmetadata:\n  name: " name "\n"

static struct hf_unit *read_unit(const char *text)
{
    struct hf_unit *unit = NULL;
    struct hf_error err = HF_ERROR_INIT;
    int status = hf_unit_read("dev", "web", "units/web.yaml", text, strlen(text), &unit, &err);
    cr_assert(status == 0, "%s", err.text);
    return unit;
}

static const char *name_of(const struct hf_unit *unit, size_t index)
{
    return hf_value_text(hf_value_path(unit->documents[index].value, "metadata", "name", NULL));
}

Test(unit, holds_every_document_with_its_own_bytes)
{
    struct hf_unit *unit =
        read_unit("# one\n" OBJECT("Namespace", "a") "---\n" OBJECT("Service", "b") "---\n# nothing\n---\n");
    cr_assert_eq(unit->document_count, 2);
    cr_assert_str_eq(name_of(unit, 0), "a");
    cr_assert_str_eq(name_of(unit, 1), "b");
    struct hf_slice source = unit->documents[1].source;
    cr_assert(source.ptr > unit->bytes && source.ptr + source.len <= unit->bytes + unit->byte_count);
    cr_assert(memmem(source.ptr, source.len, "name: b", 7) != NULL);
    cr_assert(memmem(source.ptr, source.len, "name: a", 7) == NULL);
    cr_assert_str_eq(unit->space, "dev");
    cr_assert_str_eq(unit->slug, "web");
    cr_assert_str_eq(unit->unit_id, "");
    cr_assert_eq(unit->revision, 1);
    cr_assert_null(unit->problem);
    hf_unit_drop(unit);
}

Test(unit, may_be_empty_or_json)
{
    struct hf_unit *unit = read_unit("# only a comment\n");
    cr_assert_eq(unit->document_count, 0);
    hf_unit_drop(unit);
    unit = read_unit("");
    cr_assert_eq(unit->document_count, 0);
    hf_unit_drop(unit);
    unit = read_unit("{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"a\"}}");
    cr_assert_eq(unit->document_count, 1);
    hf_unit_drop(unit);
}

Test(unit, outlives_the_bytes_it_was_read_from_and_counts_its_holders)
{
    char text[] = "# holdfast: order=1\n" OBJECT("Service", "a");
    struct hf_unit *unit = NULL;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_unit_read("s", "w", "o", text, strlen(text), &unit, &err), 0);
    memset(text, 'x', sizeof text - 1);
    struct hf_unit *second = hf_unit_keep(unit);
    hf_unit_drop(unit);
    cr_assert_str_eq(name_of(second, 0), "a");
    cr_assert_str_eq(hf_unit_label(second, "order"), "1");
    hf_unit_drop(second);
    hf_unit_drop(NULL);
}

Test(unit, has_the_labels_of_its_first_comment_lines)
{
    struct hf_unit *unit = read_unit(
        "\xef\xbb\xbf# TraderX\n#holdfast:order = 3\n---\n# holdfast: criticality=very high \r\n\n"
        "# holdfast: url=a=b\n# holdfast: no pair\n# holdfast: =x\n" OBJECT("Service", "a") "# holdfast: late=1\n");
    cr_assert_eq(unit->label_count, 3);
    cr_assert_str_eq(hf_unit_label(unit, "order"), "3");
    cr_assert_str_eq(hf_unit_label(unit, "criticality"), "very high");
    cr_assert_str_eq(hf_unit_label(unit, "url"), "a=b");
    cr_assert_null(hf_unit_label(unit, "late"));
    hf_unit_drop(unit);
}

Test(unit, a_list_is_its_items)
{
    struct hf_unit *unit =
        read_unit("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n"
                  "- apiVersion: v1\n  kind: List\n  items:\n  - apiVersion: v1\n    kind: Secret\n"
                  "    metadata: {name: b}\n---\n" OBJECT("Service", "c"));
    cr_assert_eq(unit->document_count, 3);
    cr_assert_str_eq(name_of(unit, 0), "a");
    cr_assert_str_eq(name_of(unit, 1), "b");
    cr_assert_str_eq(name_of(unit, 2), "c");
    struct hf_slice source = unit->documents[0].source;
    cr_assert_str_eq(source.ptr, "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"a\"}}");
    cr_assert_eq(source.len, strlen(source.ptr));
    cr_assert_eq(unit->documents[0].line, 4);
    hf_unit_drop(unit);
}

Test(unit, items_of_a_typed_list_have_its_kind)
{
    struct hf_unit *unit = read_unit("apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n");
    cr_assert_eq(unit->document_count, 1);
    cr_assert_str_eq(hf_value_text(hf_value_get(unit->documents[0].value, "kind")), "Deployment");
    cr_assert_str_eq(hf_value_text(hf_value_get(unit->documents[0].value, "apiVersion")), "apps/v1");
    hf_unit_drop(unit);
}

Test(unit, an_object_whose_kind_ends_in_list_is_no_list)
{
    struct hf_unit *unit = read_unit("apiVersion: x/v1\nkind: AllowList\nmetadata: {name: a}\nitems: [1]\n");
    cr_assert_eq(unit->document_count, 1);
    cr_assert_str_eq(name_of(unit, 0), "a");
    hf_unit_drop(unit);
}

Test(unit, one_object_of_two_namespaces_or_groups_is_two_objects)
{
    struct hf_unit *unit = read_unit("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: north}\n---\n"
                                     "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: south}\n---\n"
                                     "apiVersion: g/v1\nkind: Service\nmetadata: {name: a, namespace: south}\n");
    cr_assert_eq(unit->document_count, 3);
    hf_unit_drop(unit);
}

static const struct bad {
    char text[200];
    char said[120];
} BAD[] = {
    {"a: [", "units/web.yaml: line "},
    {"just text\n", "line 1, column 1: found string, expected a Kubernetes object"},
    {OBJECT("A", "a") "---\n- 1\n", "line 6, column 1: found array, expected a Kubernetes object"},
    {"kind: A\nmetadata: {name: a}\n",
     "line 1, column 1: found no apiVersion, expected a Kubernetes object with apiVersion"},
    {"apiVersion: v1\nmetadata: {name: a}\n", "found no kind"},
    {"apiVersion: v1\nkind: A\n", "found no metadata"},
    {"apiVersion: v1\nkind: A\nmetadata: a\n", "line 3, column 11: found no metadata"},
    {"apiVersion: v1\nkind: A\nmetadata: {}\n", "line 3, column 11: found no name"},
    {"apiVersion: v1\nkind: A\nmetadata: {name: \"\"}\n", "line 3, column 18: found an empty name"},
    {"apiVersion: v1\nkind: A\nmetadata: {name: 7}\n", "line 3, column 18: found number for name"},
    {"apiVersion: \"v\\01\"\nkind: A\nmetadata: {name: a}\n", "line 1, column 13: found a zero byte in apiVersion"},
    {"apiVersion: v1\nkind: \"A\\0\"\nmetadata: {name: a}\n", "found a zero byte in kind"},
    {"apiVersion: v1\nkind: A\nmetadata: {generateName: a-}\n", "line 3, column 26: found generateName"},
    {"apiVersion: v1\nkind: A\nmetadata: {name: a, namespace: [x]}\n",
     "found array, expected a string for metadata.namespace"},
    {"apiVersion: v1\nkind: List\nitems:\n- kind: A\n  metadata: {name: a}\n", "line 4, column 3: found no apiVersion"},
    {OBJECT("A", "a") "---\n" OBJECT("A", "a"), "line 6, column 1: found A a a second time (first on line 1)"},
    {OBJECT("A", "a") "kind: B\n", "line 5"},
};

ParameterizedTestParameters(unit, what_is_wrong_has_its_file_line_and_column)
{
    return cr_make_param_array(struct bad, (void *)BAD, sizeof BAD / sizeof *BAD);
}

ParameterizedTest(struct bad *c, unit, what_is_wrong_has_its_file_line_and_column)
{
    struct hf_unit *unit = NULL;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_unit_read("dev", "web", "units/web.yaml", c->text, strlen(c->text), &unit, &err), -1, "%s",
                 c->text);
    cr_assert_null(unit);
    cr_assert(strncmp(err.text, "units/web.yaml: ", 16) == 0, "%s", err.text);
    cr_assert(strstr(err.text, c->said) != NULL, "%s\nsaid: %s\nnot: %s", c->text, err.text, c->said);
}
