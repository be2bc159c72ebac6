/* Which kinds a cluster serves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "apiserver.h"

static void discover(struct rig *rig)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_buf_clear(&rig->trace);
    cr_assert_eq(hf_cluster_discover(rig->cluster, rig_done, rig, &err), 0, "%s", err.text);
    struct hf_error busy = HF_ERROR_INIT;
    cr_assert_eq(hf_cluster_discover(rig->cluster, rig_done, rig, &busy), -1);
    cr_assert_eq(busy.code, HF_EBUSY);
    rig_until(rig, "done ", 3000);
}

static const char AGGREGATED_CORE[] =
    "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[{"
    "\"metadata\":{\"creationTimestamp\":null},\"versions\":[{\"version\":\"v1\",\"resources\":["
    "{\"resource\":\"namespaces\",\"responseKind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Namespace\"},"
    "\"scope\":\"Cluster\",\"singularResource\":\"namespace\",\"verbs\":[\"create\",\"get\",\"list\",\"patch\","
    "\"watch\"],\"subresources\":[{\"subresource\":\"status\",\"verbs\":[\"get\"]}]},"
    "{\"resource\":\"bindings\",\"responseKind\":{\"kind\":\"Binding\"},\"scope\":\"Namespaced\",\"verbs\":["
    "\"create\"]}],\"freshness\":\"Current\"}]}]}";
static const char AGGREGATED_GROUPS[] =
    "{\"kind\":\"APIGroupDiscoveryList\",\"items\":[{\"metadata\":{\"name\":\"apps\"},\"versions\":[{\"version\":"
    "\"v1\",\"resources\":[{\"resource\":\"deployments\",\"responseKind\":{\"group\":\"apps\",\"version\":\"v1\","
    "\"kind\":\"Deployment\"},\"scope\":\"Namespaced\",\"verbs\":[\"list\",\"watch\",\"patch\"],\"subresources\":[{"
    "\"subresource\":\"scale\",\"responseKind\":{\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\"}}]}]}]"
    "},{\"metadata\":{\"name\":\"metrics.k8s.io\"},\"versions\":[{\"version\":\"v1beta1\",\"resources\":[],"
    "\"freshness\":\"Stale\"}]}]}";

static void serve_aggregated(struct exchange *x, void *ctx)
{
    (void)ctx;
    bool asked = strstr(x->headers, "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList") &&
                 strstr(x->headers, "v=v2beta1;as=APIGroupDiscoveryList");
    if (asked && target_is(x, "/prefix/api")) {
        answer(x, 200, "", AGGREGATED_CORE);
    } else if (asked && target_is(x, "/prefix/apis")) {
        answer(x, 200, "", AGGREGATED_GROUPS);
    } else {
        answer_status(x, 404, "NotFound", "not found");
    }
}

Test(discovery, reads_all_from_two_aggregated_documents)
{
    struct apiserver *server = apiserver_start(0, serve_aggregated, NULL);
    struct rig rig;
    rig_open(&rig, server->port, NULL, NULL);
    cr_assert_null(hf_cluster_resource(rig.cluster, "v1", "Namespace"));
    discover(&rig);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "done ok;");
    cr_assert_eq(apiserver_count(server), 2);
    const struct hf_resource *namespace = hf_cluster_resource(rig.cluster, "v1", "Namespace");
    cr_assert(namespace && !namespace->namespaced && namespace->has_status && namespace->can_list &&
              namespace->can_watch && namespace->can_patch);
    cr_assert_str_eq(namespace->name, "namespaces");
    const struct hf_resource *binding = hf_cluster_resource(rig.cluster, "v1", "Binding");
    cr_assert(binding && binding->namespaced && !binding->has_status && !binding->can_list);
    const struct hf_resource *deployment = hf_cluster_resource(rig.cluster, "apps/v1", "Deployment");
    cr_assert(deployment && deployment->namespaced && !deployment->has_status);
    cr_assert_str_eq(deployment->group, "apps");
    cr_assert_null(hf_cluster_resource(rig.cluster, "autoscaling/v1", "Scale"));
    cr_assert_null(hf_cluster_resource(rig.cluster, "apps/v1beta1", "Deployment"));
    size_t count;
    const struct hf_resource *const *all = hf_cluster_resources(rig.cluster, &count);
    cr_assert_eq(count, 3);
    cr_assert_eq(all[0], binding);
    cr_assert_eq(all[2], deployment);
    hf_auto_free char *log = rig_log(&rig);
    cr_assert(has(log, "metrics.k8s.io/v1beta1"), "%s", log);
    rig_close(&rig);
    apiserver_stop(server);
}

static void serve_groups(struct exchange *x, void *ctx)
{
    const int *generation = ctx;
    if (target_is(x, "/prefix/api")) {
        answer(x, 200, "", "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[]}");
    } else if (target_is(x, "/prefix/apis")) {
        answer(x, 200, "",
               "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{\"name\":\"apps\",\"versions\":[{"
               "\"groupVersion\":\"apps/v1\",\"version\":\"v1\"}]},{\"name\":\"broken.example.com\",\"versions\":[{"
               "\"groupVersion\":\"broken.example.com/v1\",\"version\":\"v1\"}]},{\"name\":\"x\",\"versions\":[{"
               "\"groupVersion\":\"../v1\",\"version\":\"v1\"}]}]}");
    } else if (target_is(x, "/prefix/api/v1")) {
        answer(x, 200, "",
               "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":[{\"name\":\"pods\",\"namespaced\":"
               "true,\"kind\":\"Pod\",\"verbs\":[\"list\",\"watch\"]},{\"name\":\"pods/status\",\"namespaced\":true,"
               "\"kind\":\"Pod\",\"verbs\":[\"get\"]}]}");
    } else if (target_is(x, "/prefix/apis/apps/v1")) {
        answer(x, 200, "",
               *generation == 0 ? "{\"kind\":\"APIResourceList\",\"groupVersion\":\"apps/v1\",\"resources\":[{\"name\":"
                                  "\"deployments\",\"namespaced\":true,\"kind\":\"Deployment\",\"verbs\":[\"list\"]},"
                                  "{\"name\":\"olds\",\"namespaced\":true,\"kind\":\"Old\",\"verbs\":[\"list\"]}]}"
                                : "{\"kind\":\"APIResourceList\",\"groupVersion\":\"apps/v1\",\"resources\":[{\"name\":"
                                  "\"deployments\",\"namespaced\":true,\"kind\":\"Deployment\",\"verbs\":[\"list\","
                                  "\"watch\"]},{\"name\":\"news\",\"kind\":\"New\",\"verbs\":[]}]}");
    } else if (*generation == 2 && target_is(x, "/prefix/apis/broken.example.com/v1")) {
        answer(x, 200, "",
               "{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"things\",\"kind\":\"Thing\",\"verbs\":[]}]}");
    } else {
        answer(x, 503, "", "service unavailable");
    }
}

Test(discovery, an_older_server_is_read_group_by_group_and_a_broken_group_is_passed_over_and_named)
{
    int generation = 0;
    struct apiserver *server = apiserver_start(0, serve_groups, &generation);
    struct rig rig;
    rig_open(&rig, server->port, NULL, NULL);
    discover(&rig);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "done ok;");
    const struct hf_resource *pod = hf_cluster_resource(rig.cluster, "v1", "Pod");
    cr_assert(pod && pod->has_status && pod->can_watch && !pod->can_patch && pod->group[0] == '\0');
    cr_assert_str_eq(pod->name, "pods");
    cr_assert_not_null(hf_cluster_resource(rig.cluster, "apps/v1", "Deployment"));
    cr_assert_eq(apiserver_count(server), 5);
    hf_auto_free char *log = rig_log(&rig);
    cr_assert(has(log, "broken.example.com/v1") && strstr(log, "service unavailable"), "%s", log);
    rig_close(&rig);
    apiserver_stop(server);
}

Test(discovery, a_renewal_keeps_pointers_and_what_breaks_and_forgets_what_is_gone)
{
    int first = 2, later = 1;
    struct apiserver *server = apiserver_start(0, serve_groups, &first);
    struct rig rig;
    rig_open(&rig, server->port, NULL, NULL);
    discover(&rig);
    const struct hf_resource *deployment = hf_cluster_resource(rig.cluster, "apps/v1", "Deployment");
    const struct hf_resource *thing = hf_cluster_resource(rig.cluster, "broken.example.com/v1", "Thing");
    cr_assert(deployment && thing && hf_cluster_resource(rig.cluster, "apps/v1", "New"));
    int port = server->port;
    apiserver_stop(server);
    later = 0;
    server = apiserver_start(port, serve_groups, &later);
    discover(&rig);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "done ok;");
    cr_assert_eq(hf_cluster_resource(rig.cluster, "apps/v1", "Deployment"), deployment);
    cr_assert_not(deployment->can_watch);
    cr_assert_eq(hf_cluster_resource(rig.cluster, "broken.example.com/v1", "Thing"), thing);
    cr_assert_null(hf_cluster_resource(rig.cluster, "apps/v1", "New"));
    cr_assert_not_null(hf_cluster_resource(rig.cluster, "apps/v1", "Old"));
    apiserver_stop(server);
    discover(&rig);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "done unavailable;");
    cr_assert_eq(hf_cluster_resource(rig.cluster, "apps/v1", "Deployment"), deployment);
    rig_close(&rig);
}

static void serve_denied(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer_status(x, 403, "Forbidden", "nobody may");
}

static void serve_page(struct exchange *x, void *ctx)
{
    (void)ctx;
    answer(x, 200, "", "<html>");
}

Test(discovery, fails_when_the_server_denies_it_or_is_none)
{
    struct apiserver *server = apiserver_start(0, serve_denied, NULL);
    struct rig rig;
    rig_open(&rig, server->port, NULL, NULL);
    discover(&rig);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "done denied;");
    rig_close(&rig);
    apiserver_stop(server);
    server = apiserver_start(0, serve_page, NULL);
    rig_open(&rig, server->port, NULL, NULL);
    discover(&rig);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "done malformed;");
    rig_close(&rig);
    apiserver_stop(server);
}

Test(discovery, closing_the_cluster_ends_it_without_a_callback)
{
    struct apiserver *server = apiserver_start(0, serve_aggregated, NULL);
    struct rig rig;
    struct hf_error err = HF_ERROR_INIT;
    rig_open(&rig, server->port, NULL, NULL);
    cr_assert_eq(hf_cluster_discover(rig.cluster, rig_done, &rig, &err), 0);
    hf_cluster_free(rig.cluster);
    rig.cluster = NULL;
    rig_run(&rig, 100);
    cr_assert_str_eq(hf_buf_text(&rig.trace), "");
    rig_close(&rig);
    apiserver_stop(server);
}

Test(discovery, api_versions_split_into_group_and_version)
{
    struct hf_slice group, version;
    hf_api_version_split("apps/v1", &group, &version);
    cr_assert(hf_slice_is(group, "apps") && hf_slice_is(version, "v1"));
    hf_api_version_split("v1", &group, &version);
    cr_assert(hf_slice_is(group, "") && hf_slice_is(version, "v1"));
}
