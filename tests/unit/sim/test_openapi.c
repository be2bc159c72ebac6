/* OpenAPI v3 of the simulated server: as servers since 1.23 give it, by the schemas of 1.20. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "holdfast/types.h"
#include "served.h"

static struct served s;

static void open_it(void)
{
    served_open(&s);
}

static void close_it(void)
{
    served_close(&s);
}

TestSuite(openapi, .init = open_it, .fini = close_it);

/* The URL of a group-version in the index; "" when it is not there. In the arena of the test. */
static void url_of(const char *path, char out[300])
{
    ask(&s, "GET", "/openapi/v3", NULL);
    const char *url = hf_value_text(hf_value_path(s.last.body, "paths", path, "serverRelativeURL", NULL));
    strncpy(out, url ? url : "", 299);
    out[299] = '\0';
}

static void define(const char *properties)
{
    hf_auto_buf struct hf_buf body = {0};
    hf_buf_addf(&body,
                "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"CustomResourceDefinition\",\"metadata\":{"
                "\"name\":\"crons.ex.com\"},\"spec\":{\"group\":\"ex.com\",\"scope\":\"Namespaced\",\"names\":{"
                "\"plural\":\"crons\",\"kind\":\"Cron\"},\"versions\":[{\"name\":\"v1\",\"served\":true,\"storage\":"
                "true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":"
                "\"object\",\"properties\":{%s}}}}}}]}}",
                properties);
    apply(&s, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/crons.ex.com?fieldManager=m",
          hf_buf_text(&body));
    cr_assert(lt(int, s.last.status, 300), "%s", s.last.text);
}

Test(openapi, each_group_version_has_a_document_that_our_own_reader_understands)
{
    char url[300];
    struct hf_types *types = NULL;
    struct hf_error err = HF_ERROR_INIT;
    url_of("apis/apps/v1", url);
    cr_assert(ne(ptr, strstr(url, "/openapi/v3/apis/apps/v1?hash="), NULL), "%s", url);
    ask(&s, "GET", url, NULL);
    cr_assert(eq(int, s.last.status, 200));
    cr_assert(ne(str,
                 (char *)at(&s, "/paths/~1apis~1apps~1v1~1namespaces~1{namespace}~1deployments~1{name}/patch/"
                                "parameters"),
                 ""),
              "kubectl looks there for what a PATCH can do");
    cr_assert(eq(int, hf_types_from_openapi(s.last.text, strlen(s.last.text), NULL, 0, &types, &err), 0), "%s",
              err.text);
    const struct hf_type *type = hf_types_find(types, "apps", "v1", "Deployment");
    cr_assert(ne(ptr, (void *)(uintptr_t)type, NULL));
    static const char *const PATH[] = {"spec", "template", "spec", "containers"};
    for (size_t i = 0; i < 4; i++) {
        type = hf_type_field(type, hf_slice_of(PATH[i]))->type;
    }
    cr_assert(eq(int, type->list_type, HF_LIST_MAP));
    cr_assert(eq(ptr, (void *)(uintptr_t)hf_types_find(types, "", "v1", "ConfigMap"), NULL), "of its own group only");
    hf_types_free(types);
}

Test(openapi, a_custom_resource_has_a_document_that_changes_with_its_definition)
{
    char first[300];
    char apps[300];
    char second[300];
    char same[300];
    define("\"n\":{\"type\":\"integer\",\"default\":3}");
    url_of("apis/ex.com/v1", first);
    url_of("apis/apps/v1", apps);
    ask(&s, "GET", first, NULL);
    cr_assert(eq(str, (char *)at(&s, "/components/schemas/sim.holdfast.ex.com.v1.Cron/properties/spec/properties/n"),
                 "{\"default\":3,\"type\":\"integer\"}"));
    define("\"n\":{\"type\":\"integer\",\"default\":4},\"m\":{\"type\":\"string\"}");
    url_of("apis/ex.com/v1", second);
    url_of("apis/apps/v1", same);
    cr_assert(ne(str, first, second), "another hash");
    cr_assert(eq(str, apps, same), "nobody else's");
    make_space(&s, "a");
    cr_assert(eq(int,
                 ask(&s, "POST", "/apis/ex.com/v1/namespaces/a/crons",
                     "{\"apiVersion\":\"ex.com/v1\",\"kind\":\"Cron\",\"metadata\":{\"name\":\"c\"},\"spec\":{\"m\":"
                     "\"x\",\"z\":1}}")
                     ->status,
                 201));
    cr_assert(eq(str, (char *)at(&s, "/spec"), "{\"m\":\"x\",\"n\":4}"), "it is of the new schema");
    ask(&s, "DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/crons.ex.com", NULL);
    url_of("apis/ex.com/v1", first);
    cr_assert(eq(str, first, ""));
}

Test(openapi, version_3_can_be_left_out_as_before_1_23)
{
    s.options.no_openapi_v3 = true;
    cr_assert(eq(int, ask(&s, "GET", "/openapi/v3", NULL)->status, 404));
    cr_assert(eq(int, ask(&s, "GET", "/openapi/v2", NULL)->status, 200));
}

Test(openapi, one_document_can_be_made_to_fail)
{
    ask(&s, "POST", "/sim/faults",
        "{\"kind\":\"path\",\"seconds\":5,\"path\":\"/openapi/v3/apis/apps\",\"status\":503}");
    cr_assert(eq(int, ask(&s, "GET", "/openapi/v3/apis/apps/v1", NULL)->status, 503));
    cr_assert(eq(int, ask(&s, "GET", "/openapi/v3/api/v1", NULL)->status, 200));
    ask(&s, "POST", "/sim/faults", "{\"kind\":\"path\",\"seconds\":5,\"path\":\"/openapi/v3\",\"status\":200}");
    cr_assert(eq(int, ask(&s, "GET", "/openapi/v3/apis/apps/v1", NULL)->status, 200));
    cr_assert(eq(ptr, (void *)(uintptr_t)s.last.body, NULL), "junk");
    ask(&s, "DELETE", "/sim/faults", NULL);
    cr_assert(eq(int, ask(&s, "GET", "/openapi/v3/no/such", NULL)->status, 404));
}
