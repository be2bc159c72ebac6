/* The types of the kinds in use: from the best source, asked for no more than needed, group by group. */
#include <criterion/criterion.h>
#include <string.h>

#include "desk.h"

#define APPS "/openapi/v3/apis/apps/v1?hash=A1"
#define WIDGETS "/openapi/v3/apis/example.com/v1?hash=W1"
#define CRD "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
#define INDEX(hash)                                                                                                    \
    "{\"paths\":{\"apis/apps/v1\":{\"serverRelativeURL\":\"/openapi/v3/apis/apps/v1?hash=" hash                        \
    "\"},\"apis/example.com/v1\":{\"serverRelativeURL\":\"" WIDGETS                                                    \
    "\"},\"apis/batch/v1\":{\"serverRelativeURL\":\"/openapi/v3/apis/batch/v1?hash=B1\"}}}"

/* A Deployment whose spec.marker tells where it came from. */
static const char V2[] = "{\"swagger\":\"2.0\",\"definitions\":{\"io.k8s.api.apps.v1.Deployment\":{\"type\":\"object\","
                         "\"properties\":{\"fromV2\":{\"type\":\"string\"}},\"x-kubernetes-group-version-kind\":[{"
                         "\"group\":\"apps\",\"kind\":\"Deployment\",\"version\":\"v1\"}]}}}";

static const char WIDGET_V3[] =
    "{\"components\":{\"schemas\":{\"com.example.v1.Widget\":{\"type\":\"object\",\"properties\":{\"fromV3\":{\"type\":"
    "\"string\"}},\"x-kubernetes-group-version-kind\":[{\"group\":\"example.com\",\"kind\":\"Widget\",\"version\":"
    "\"v1\"}]}}}}";

#define WIDGET_CRD(generation, field)                                                                                  \
    "{\"kind\":\"CustomResourceDefinition\",\"metadata\":{\"name\":\"widgets.example.com\",\"uid\":\"u\","             \
    "\"generation\":" generation "},\"spec\":{\"group\":\"example.com\",\"names\":{\"kind\":\"Widget\"},\"versions\":" \
    "[{\"name\":\"v1\",\"served\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"" field  \
    "\":{\"type\":\"string\"}}}}}]}}"

static bool has_field(const struct hf_type *type, const char *name)
{
    return hf_type_field(type, hf_slice_of(name)) != NULL;
}

static void open_v3(struct desk *desk)
{
    desk_open(desk);
    desk_page(desk, "/openapi/v3", 200, INDEX("A1"));
    desk_file(desk, APPS, "apis-apps-v1.json");
    desk_page(desk, WIDGETS, 200, WIDGET_V3);
}

Test(schema, asks_only_for_the_documents_of_groups_in_use)
{
    struct desk desk;
    open_v3(&desk);
    desk_read(&desk, "apps/v1 Deployment", "apps/v1 Deployment", NULL);
    cr_assert_eq(desk.error.code, HF_OK, "%s", desk.error.text);
    cr_assert(desk.told_types);
    cr_assert_not(desk.partial);
    cr_assert(desk_was_asked(&desk, APPS));
    cr_assert_not(desk_was_asked(&desk, "/openapi/v2"));
    cr_assert_not(desk_was_asked(&desk, WIDGETS));
    cr_assert_not(desk_was_asked(&desk, CRD));
    cr_assert(has_field(desk_type(&desk, "apps", "v1", "Deployment"), "spec"));
    cr_assert_null(desk_type(&desk, "apps", "v1", "StatefulSet"), "not in use");
    cr_assert(hf_schema_covers(desk.schema, "apps/v1", "Deployment"));
    cr_assert_not(hf_schema_covers(desk.schema, "apps/v1", "StatefulSet"));
    desk_close(&desk);
}

Test(schema, asks_again_only_for_what_has_another_hash_or_a_kind_more)
{
    struct desk desk;
    open_v3(&desk);
    desk_read(&desk, "apps/v1 Deployment", NULL);
    desk_read(&desk, "apps/v1 Deployment", NULL);
    cr_assert(desk_was_asked(&desk, "/openapi/v3"));
    cr_assert_not(desk_was_asked(&desk, APPS), "the same hash");
    cr_assert_not(desk.told_types, "the table is the same");
    desk_read(&desk, "apps/v1 Deployment", "apps/v1 StatefulSet", NULL);
    cr_assert(desk_was_asked(&desk, APPS), "it was read for one kind only");
    cr_assert(desk.told_types);
    cr_assert_not_null(desk_type(&desk, "apps", "v1", "StatefulSet"));
    desk_page(&desk, "/openapi/v3", 200, INDEX("A2"));
    desk_file(&desk, "/openapi/v3/apis/apps/v1?hash=A2", "apis-apps-v1.json");
    desk_read(&desk, "apps/v1 Deployment", "apps/v1 StatefulSet", NULL);
    cr_assert(desk_was_asked(&desk, "/openapi/v3/apis/apps/v1?hash=A2"));
    cr_assert(desk.told_types);
    desk_close(&desk);
}

Test(schema, a_custom_kind_is_read_from_its_definition_until_that_changes)
{
    struct desk desk;
    open_v3(&desk);
    desk_page(&desk, CRD, 200, WIDGET_CRD("1", "one"));
    desk_read(&desk, "example.com/v1 Widget", NULL);
    cr_assert(has_field(desk_type(&desk, "example.com", "v1", "Widget"), "one"));
    cr_assert_not(desk_was_asked(&desk, WIDGETS));
    desk_read(&desk, "example.com/v1 Widget", NULL);
    cr_assert_not(desk.told_types, "the same generation");
    desk_page(&desk, CRD, 200, WIDGET_CRD("2", "two"));
    desk_read(&desk, "example.com/v1 Widget", NULL);
    cr_assert(desk.told_types);
    cr_assert(has_field(desk_type(&desk, "example.com", "v1", "Widget"), "two"));
    desk_close(&desk);
}

Test(schema, a_definition_that_may_not_be_read_leaves_its_openapi_document)
{
    struct desk desk;
    open_v3(&desk);
    desk_page(&desk, CRD, 403, "{\"kind\":\"Status\",\"code\":403}");
    desk_read(&desk, "example.com/v1 Widget", NULL);
    cr_assert(has_field(desk_type(&desk, "example.com", "v1", "Widget"), "fromV3"));
    cr_assert_not(desk.partial, "that is as somebody wants it");
    desk_page(&desk, CRD, 200, WIDGET_CRD("1", "one"));
    desk_read(&desk, "example.com/v1 Widget", NULL);
    cr_assert(desk.told_types, "the right was given");
    cr_assert(has_field(desk_type(&desk, "example.com", "v1", "Widget"), "one"));
    desk_close(&desk);
}

Test(schema, a_document_that_fails_falls_back_for_its_group_alone)
{
    static const struct {
        int status;
        const char *body;
        bool partial;
    } FAILURES[] = {{404, "{}", false}, {403, "{}", false}, {200, "<html>", true}, {503, "{}", true}};
    for (size_t i = 0; i < sizeof FAILURES / sizeof FAILURES[0]; i++) {
        struct desk desk;
        open_v3(&desk);
        desk_page(&desk, APPS, FAILURES[i].status, FAILURES[i].body);
        desk_page(&desk, "/openapi/v2", 200, V2);
        desk_read(&desk, "apps/v1 Deployment", "example.com/v1 Widget", NULL);
        cr_assert_eq(desk.error.code, HF_OK, "%s", desk.error.text);
        cr_assert(has_field(desk_type(&desk, "apps", "v1", "Deployment"), "fromV2"), "%d", FAILURES[i].status);
        cr_assert(has_field(desk_type(&desk, "example.com", "v1", "Widget"), "fromV3"));
        cr_assert_eq(desk.partial, FAILURES[i].partial, "%d", FAILURES[i].status);
        cr_assert(desk_log_has(&desk, "document=apis/apps/v1"));
        desk_file(&desk, APPS, "apis-apps-v1.json");
        desk_read(&desk, "apps/v1 Deployment", "example.com/v1 Widget", NULL);
        cr_assert(has_field(desk_type(&desk, "apps", "v1", "Deployment"), "spec"), "once it can be read, it is");
        cr_assert(desk_log_has(&desk, "types can be read again"));
        desk_close(&desk);
    }
}

Test(schema, without_any_document_the_built_in_types_serve)
{
    static const int STATUS[] = {404, 403, 200};
    for (size_t i = 0; i < sizeof STATUS / sizeof STATUS[0]; i++) {
        struct desk desk;
        desk_open(&desk);
        desk_page(&desk, "/openapi/v3", STATUS[i], "junk");
        desk_page(&desk, "/openapi/v2", STATUS[i], "junk");
        desk_read(&desk, "apps/v1 Deployment", "v1 ConfigMap", "example.com/v1 Widget", NULL);
        cr_assert_eq(desk.error.code, HF_OK, "%s", desk.error.text);
        cr_assert(has_field(desk_type(&desk, "apps", "v1", "Deployment"), "spec"));
        cr_assert(has_field(desk_type(&desk, "", "v1", "ConfigMap"), "data"));
        cr_assert_null(desk_type(&desk, "example.com", "v1", "Widget"), "nobody knows it");
        cr_assert(hf_schema_covers(desk.schema, "example.com/v1", "Widget"), "and it needs no further waiting");
        desk_close(&desk);
    }
}

Test(schema, what_was_read_stands_while_the_server_is_in_trouble)
{
    struct desk desk;
    open_v3(&desk);
    desk_page(&desk, CRD, 200, WIDGET_CRD("1", "one"));
    desk_read(&desk, "apps/v1 Deployment", "example.com/v1 Widget", NULL);
    desk_page(&desk, "/openapi/v3", 503, "{}");
    desk_page(&desk, "/openapi/v2", 503, "{}");
    desk_page(&desk, CRD, 503, "{}");
    desk_read(&desk, "apps/v1 Deployment", "example.com/v1 Widget", NULL);
    cr_assert_eq(desk.error.code, HF_OK, "%s", desk.error.text);
    cr_assert_not(desk.told_types);
    cr_assert(desk.partial, "to be looked at again soon");
    cr_assert_not(desk_was_asked(&desk, "/openapi/v2"));
    desk_page(&desk, "/openapi/v3", 200, INDEX("A2"));
    desk_page(&desk, "/openapi/v3/apis/apps/v1?hash=A2", 503, "{}");
    desk_read(&desk, "apps/v1 Deployment", "example.com/v1 Widget", NULL);
    cr_assert_not(desk.told_types, "the document of before is better than a substitute");
    cr_assert(has_field(desk_type(&desk, "apps", "v1", "Deployment"), "spec"));
    desk_close(&desk);
}

Test(schema, at_the_very_first_it_waits_some_before_a_substitute_serves)
{
    struct desk desk;
    desk_open(&desk);
    desk_page(&desk, "/openapi/v3", 503, "{}");
    desk_page(&desk, "/openapi/v2", 503, "{}");
    for (int i = 0; i < 3; i++) {
        desk_read(&desk, "apps/v1 Deployment", NULL);
        cr_assert_eq(desk.error.code, HF_EUNAVAILABLE);
        cr_assert_not(desk.told_types);
        cr_assert_not(hf_schema_covers(desk.schema, "apps/v1", "Deployment"));
    }
    desk_read(&desk, "apps/v1 Deployment", NULL);
    cr_assert_eq(desk.error.code, HF_OK);
    cr_assert(desk.partial);
    cr_assert(has_field(desk_type(&desk, "apps", "v1", "Deployment"), "spec"));
    desk_close(&desk);
}

Test(schema, an_index_that_leads_elsewhere_is_not_followed)
{
    static const char *const URLS[] = {"http://127.0.0.1/openapi/v3/apis/apps/v1", "/api/v1/secrets",
                                       "/openapi/v3/../../api/v1/secrets", "//other/openapi/v3/apis/apps/v1",
                                       "/openapi/v3/apis/apps/v1 x"};
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < sizeof URLS / sizeof URLS[0]; i++) {
        hf_auto_buf struct hf_buf index = {0};
        hf_buf_addf(&index, "{\"paths\":{\"apis/apps/v1\":{\"serverRelativeURL\":\"%s\"}}}", URLS[i]);
        desk_page(&desk, "/openapi/v3", 200, hf_buf_text(&index));
        desk_page(&desk, "/openapi/v2", 200, V2);
        desk_read(&desk, "apps/v1 Deployment", NULL);
        cr_assert(has_field(desk_type(&desk, "apps", "v1", "Deployment"), "fromV2"), "%s", URLS[i]);
        cr_assert_not(desk_was_asked(&desk, URLS[i]), "%s", URLS[i]);
    }
    desk_close(&desk);
}

Test(schema, an_early_index_that_is_a_list_means_v2)
{
    struct desk desk;
    desk_open(&desk);
    desk_page(&desk, "/openapi/v3", 200, "{\"Paths\":[\"apis/apps/v1\"],\"paths\":[\"apis/apps/v1\"]}");
    desk_page(&desk, "/openapi/v2", 200, V2);
    desk_read(&desk, "apps/v1 Deployment", NULL);
    cr_assert(has_field(desk_type(&desk, "apps", "v1", "Deployment"), "fromV2"));
    desk_read(&desk, "apps/v1 Deployment", NULL);
    cr_assert_not(desk.told_types, "the same bytes");
    desk_close(&desk);
}

Test(schema, a_kind_that_is_not_served_is_not_asked_for)
{
    struct desk desk;
    open_v3(&desk);
    desk_read(&desk, "apps/v1 Deployment", "other.example.com/v1 Thing", "batch/v1 Job", NULL);
    cr_assert_eq(desk.error.code, HF_OK);
    cr_assert_not(desk_was_asked(&desk, "/openapi/v3/apis/batch/v1?hash=B1"));
    cr_assert_not(desk_was_asked(&desk, "/openapi/v2"));
    cr_assert_not(hf_schema_covers(desk.schema, "other.example.com/v1", "Thing"),
                  "once it is served, it is waited for");
    desk_read(&desk, NULL);
    cr_assert(desk.told_types, "no kinds, no types");
    cr_assert_eq(hf_types_count(desk.types), 0u);
    desk_close(&desk);
}

Test(schema, groups_of_kubernetes_own_are_told_from_custom_ones)
{
    static const char *const OWN[] = {"v1", "apps/v1", "networking.k8s.io/v1", "rbac.authorization.k8s.io/v1"};
    static const char *const CUSTOM[] = {"example.com/v1", "gateway.networking.k8s.io/v1", "snapshot.storage.k8s.io/v1",
                                         "metrics.k8s.io/v1beta1"};
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++) {
        cr_assert_not(hf_schema_is_custom(OWN[i]), "%s", OWN[i]);
        cr_assert(hf_schema_is_custom(CUSTOM[i]), "%s", CUSTOM[i]);
    }
}
