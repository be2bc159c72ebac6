/* Other types of the same objects: what was judged by the old ones is judged anew. */
#include <criterion/criterion.h>
#include <string.h>

#include "desk.h"
#include "holdfast/yaml.h"

static struct hf_types *widget_types(const char *fields)
{
    struct hf_types *types = NULL;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents;
    size_t count;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf text = {0};
    hf_buf_addf(&text,
                "{spec: {group: example.com, names: {kind: Widget}, versions: [{name: v1, served: true, schema: "
                "{openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {%s}}}}}}]}}",
                fields);
    cr_assert_eq(hf_yaml_read(arena, hf_buf_text(&text), text.len, NULL, &documents, &count, &err), 0, "%s", err.text);
    cr_assert_eq(hf_types_from_crd(documents[0].value, NULL, 0, &types, &err), 0, "%s", err.text);
    return types;
}

Test(new_types, an_object_in_sync_by_the_old_types_is_compared_by_the_new_ones)
{
    static const char LIVE[] = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: one, namespace: shop, uid: "
                               "u, resourceVersion: \"7\"}\nspec: {size: 3}\n";
    struct hf_error err = HF_ERROR_INIT;
    struct hf_types *before = widget_types("size: {type: integer}");
    struct hf_types *after = widget_types("size: {type: integer}, colour: {type: string}");
    struct desk *desk = desk_new(NULL);
    char reason[400] = "";
    desk_unit(
        desk, "widget",
        "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: one, namespace: shop}\nspec: {size: 3, colour: "
        "red}\n");
    desk_units(desk);
    cr_assert_eq(hf_agent_discovered(desk->agent, "dev", before, &err), 0, "%s", err.text);
    desk_list(desk, "Widget", LIVE);
    desk_list_rest(desk);
    cr_assert_eq(desk_verdict(desk, "Widget", "one", reason), HF_IN_SYNC, "%s", reason);
    cr_assert_eq(hf_agent_discovered(desk->agent, "dev", after, &err), 0, "%s", err.text);
    desk_list(desk, "Widget", LIVE);
    cr_assert_eq(desk_verdict(desk, "Widget", "one", reason), HF_DRIFTED, "the server's answer would be another now");
    cr_assert_eq(hf_agent_discovered(desk->agent, "dev", before, &err), 0, "%s", err.text);
    desk_free(desk);
    hf_types_free(before);
    hf_types_free(after);
}
