/* Server-side apply and managedFields. What is expected here was seen on a real kube-apiserver 1.20.2. */
#include "served.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct served s;

static void open_server(void)
{
    served_open(&s);
    make_space(&s, "a");
}

static void close_server(void)
{
    served_close(&s);
}

TestSuite(apply, .init = open_server, .fini = close_server);

#define MAPS "/api/v1/namespaces/a/configmaps"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/a/deployments"

static const char DEPLOYMENT[] = "apiVersion: apps/v1\n"
                                 "kind: Deployment\n"
                                 "metadata: {name: web, labels: {app: web}}\n"
                                 "spec:\n"
                                 "  replicas: 3\n"
                                 "  selector: {matchLabels: {app: web}}\n"
                                 "  template:\n"
                                 "    metadata: {labels: {app: web}}\n"
                                 "    spec:\n"
                                 "      containers:\n"
                                 "      - name: web\n"
                                 "        image: web:1\n"
                                 "        ports: [{containerPort: 80}]\n"
                                 "        env: [{name: A, value: \"1\"}, {name: B, value: \"2\"}]\n"
                                 "        resources: {limits: {cpu: 1000m}}\n";

/* The i-th entry of managedFields without its time. */
static const char *entry(int index, const char *what)
{
    char pointer[128];
    snprintf(pointer, sizeof pointer, "/metadata/managedFields/%d/%s", index, what);
    return at(&s, pointer);
}

Test(apply, creates_what_is_not_there_and_owns_what_was_applied_and_nothing_defaulted)
{
    const struct answer *answer = apply(&s, DEPLOYMENTS "/web?fieldManager=ci", DEPLOYMENT);
    cr_assert(eq(int, answer->status, 201));
    cr_assert(eq(str, (char *)entry(0, "manager"), "\"ci\""));
    cr_assert(eq(str, (char *)entry(0, "operation"), "\"Apply\""));
    cr_assert(
        eq(str, (char *)entry(0, "fieldsV1"),
           "{\"f:metadata\":{\"f:labels\":{\"f:app\":{}}},\"f:spec\":{\"f:replicas\":{},\"f:selector\":{},"
           "\"f:template\":{\"f:metadata\":{\"f:labels\":{\"f:app\":{}}},\"f:spec\":{\"f:containers\":{"
           "\"k:{\\\"name\\\":\\\"web\\\"}\":{\".\":{},\"f:env\":{\"k:{\\\"name\\\":\\\"A\\\"}\":{\".\":{},"
           "\"f:name\":{},\"f:value\":{}},\"k:{\\\"name\\\":\\\"B\\\"}\":{\".\":{},\"f:name\":{},\"f:value\":{}}},"
           "\"f:image\":{},\"f:name\":{},\"f:ports\":{\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":"
           "{\".\":{},\"f:containerPort\":{}}},\"f:resources\":{\"f:limits\":{\"f:cpu\":{}}}}}}}}}"));
    cr_assert(eq(str, (char *)entry(1, "manager"), ""));
}

Test(apply, of_the_same_again_changes_nothing_and_makes_no_event)
{
    apply(&s, DEPLOYMENTS "/web?fieldManager=ci", DEPLOYMENT);
    uint64_t version = s.sim.store.version;
    cr_assert(eq(int, apply(&s, DEPLOYMENTS "/web?fieldManager=ci", DEPLOYMENT)->status, 200));
    cr_assert(eq(u64, s.sim.store.version, version));
}

Test(apply, tells_each_conflict_with_its_manager_and_path)
{
    apply(&s, DEPLOYMENTS "/web?fieldManager=ci", DEPLOYMENT);
    ask_as(&s, "kubectl-set/v1", "PATCH", DEPLOYMENTS "/web?fieldManager=kubectl-set",
           "application/strategic-merge-patch+json",
           "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"web:2\"}]}}}}");
    const struct answer *answer = apply(&s, DEPLOYMENTS "/web?fieldManager=ci", DEPLOYMENT);
    cr_assert(eq(int, answer->status, 409));
    cr_assert(eq(str, (char *)at(&s, "/message"),
                 "\"Apply failed with 1 conflict: conflict with \\\"kubectl-set\\\" using apps/v1: "
                 ".spec.template.spec.containers[name=\\\"web\\\"].image\""));
    cr_assert(eq(str, (char *)at(&s, "/details/causes/0/reason"), "\"FieldManagerConflict\""));
    cr_assert(eq(str, (char *)at(&s, "/details/causes/0/field"),
                 "\".spec.template.spec.containers[name=\\\"web\\\"].image\""));
}

Test(apply, with_force_takes_the_field_back_from_who_changed_it)
{
    apply(&s, DEPLOYMENTS "/web?fieldManager=ci", DEPLOYMENT);
    ask_as(&s, "kubectl/v1", "PATCH", DEPLOYMENTS "/web", "application/merge-patch+json",
           "{\"spec\":{\"replicas\":9}}");
    cr_assert(eq(str, (char *)entry(1, "manager"), "\"kubectl\""));
    cr_assert(eq(str, (char *)entry(1, "fieldsV1"), "{\"f:spec\":{\"f:replicas\":{}}}"));
    apply(&s, DEPLOYMENTS "/web?fieldManager=ci&force=true", DEPLOYMENT);
    cr_assert(eq(str, (char *)at(&s, "/spec/replicas"), "3"));
    cr_assert(eq(str, (char *)entry(1, "manager"), ""));
}

Test(apply, removes_what_it_applied_last_time_and_does_not_now)
{
    apply(&s, MAPS "/m?fieldManager=x",
          "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: \"1\", b: \"2\"}}");
    apply(&s, MAPS "/m?fieldManager=x", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: \"1\"}}");
    cr_assert(eq(str, (char *)at(&s, "/data"), "{\"a\":\"1\"}"));
}

Test(apply, keeps_what_it_drops_while_somebody_else_owns_it)
{
    apply(&s, MAPS "/m?fieldManager=x",
          "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: \"1\", b: \"2\"}}");
    apply(&s, MAPS "/m?fieldManager=y", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {b: \"2\"}}");
    apply(&s, MAPS "/m?fieldManager=x", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: \"1\"}}");
    cr_assert(eq(str, (char *)at(&s, "/data"), "{\"a\":\"1\",\"b\":\"2\"}"));
    apply(&s, MAPS "/m?fieldManager=y", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}");
    cr_assert(eq(str, (char *)at(&s, "/data"), "{\"a\":\"1\"}"));
}

Test(apply, removes_an_item_of_a_keyed_list_that_it_drops_and_keeps_the_others)
{
    apply(&s, DEPLOYMENTS "/web?fieldManager=ci", DEPLOYMENT);
    ask_as(&s, "kubectl-set/v1", "PATCH", DEPLOYMENTS "/web", "application/strategic-merge-patch+json",
           "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"web\",\"env\":[{\"name\":\"C\",\"value\":"
           "\"3\"}]}]}}}}");
    char text[2000];
    snprintf(text, sizeof text, "%s", DEPLOYMENT);
    char *b = strstr(text, ", {name: B, value: \"2\"}");
    memset(b, ' ', strlen(", {name: B, value: \"2\"}"));
    apply(&s, DEPLOYMENTS "/web?fieldManager=ci", text);
    cr_assert(eq(str, (char *)at(&s, "/spec/template/spec/containers/0/env"),
                 "[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"C\",\"value\":\"3\"}]"));
}

/* Seen on the real server: {"f:data":{}} is read as all of data, so an updater that lost its only key conflicts again.
 */
Test(apply, an_emptied_owner_of_a_map_owns_its_keys_again)
{
    ask_as(&s, "probe/1", "POST", MAPS, NULL, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"1\"}}");
    apply(&s, MAPS "/m?fieldManager=x&force=true",
          "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: \"2\"}}");
    cr_assert(eq(str, (char *)entry(1, "fieldsV1"), "{\"f:data\":{}}"));
    apply(&s, MAPS "/m?fieldManager=y", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: \"3\"}}");
    cr_assert(eq(str, (char *)at(&s, "/message"),
                 "\"Apply failed with 2 conflicts: conflicts with \\\"probe\\\" using v1:\\n- .data.a\\nconflicts with "
                 "\\\"x\\\":\\n- .data.a\""));
}

Test(apply, refuses_an_unknown_field_a_wrong_version_managed_fields_and_no_manager)
{
    static const struct {
        const char *path, *body, *message;
        int status;
    } CASES[] = {
        {MAPS "/m?fieldManager=x", "{apiVersion: v1, kind: ConfigMap, datax: {a: b}}",
         "\"failed to create typed patch object: .datax: field not declared in schema\"", 500},
        {MAPS "/m?fieldManager=x", "{apiVersion: v2, kind: ConfigMap}",
         "\"Incorrect version specified in apply patch. Specified patch version: v2, expected: v1\"", 400},
        {MAPS "/m?fieldManager=x", "{apiVersion: v1, kind: ConfigMap, metadata: {managedFields: []}}",
         "\"metadata.managedFields must be nil\"", 400},
        {MAPS "/m", "{apiVersion: v1, kind: ConfigMap}",
         "\"PatchOptions.meta.k8s.io \\\"\\\" is invalid: fieldManager: Required value: is required for apply patch\"",
         422},
        {MAPS "/m?fieldManager=x", "- a", "\"error decoding YAML: expected an object\"", 400},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        cr_expect(eq(int, apply(&s, CASES[i].path, CASES[i].body)->status, CASES[i].status));
        cr_expect(eq(str, (char *)at(&s, "/message"), (char *)CASES[i].message));
    }
}

Test(apply, dry_run_answers_what_would_be_and_stores_nothing)
{
    apply(&s, DEPLOYMENTS "/web?fieldManager=ci&dryRun=All", DEPLOYMENT);
    cr_assert(eq(str, (char *)at(&s, "/spec/revisionHistoryLimit"), "10"));
    cr_assert(eq(str, (char *)at(&s, "/metadata/resourceVersion"), ""));
    cr_assert(eq(int, ask(&s, "GET", DEPLOYMENTS "/web", NULL)->status, 404));
}

Test(apply, over_an_object_nobody_tracked_gives_what_was_there_an_owner)
{
    ask(&s, "POST", MAPS, "{\"metadata\":{\"name\":\"m\",\"managedFields\":[]},\"data\":{\"a\":\"1\"}}");
    ask(&s, "PUT", MAPS "/m", "{\"metadata\":{\"name\":\"m\",\"managedFields\":[{}]},\"data\":{\"a\":\"1\"}}");
    cr_assert(eq(str, (char *)at(&s, "/metadata/managedFields"), ""));
    apply(&s, MAPS "/m?fieldManager=x", "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {b: \"2\"}}");
    cr_assert(eq(str, (char *)entry(1, "manager"), "\"before-first-apply\""));
    cr_assert(eq(str, (char *)entry(1, "fieldsV1"), "{\"f:data\":{\".\":{},\"f:a\":{}}}"));
}

Test(apply, kubectl_takes_over_what_its_client_side_apply_wrote)
{
    ask_as(&s, "kubectl/v1", "POST", MAPS "?fieldManager=kubectl-client-side-apply", NULL,
           "{\"metadata\":{\"name\":\"m\",\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":"
           "\"{\\\"apiVersion\\\":\\\"v1\\\",\\\"kind\\\":\\\"ConfigMap\\\",\\\"metadata\\\":{\\\"name\\\":\\\"m\\\"},"
           "\\\"data\\\":{\\\"a\\\":"
           "\\\"1\\\"}}\"}},\"data\":{\"a\":\"1\"}}");
    const char *body = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: \"2\"}}";
    cr_assert(eq(int, apply(&s, MAPS "/m?fieldManager=other", body)->status, 409));
    cr_assert(eq(int, apply(&s, MAPS "/m?fieldManager=kubectl", body)->status, 200));
    cr_assert(ne(ptr, strstr(at(&s, "/metadata/annotations"), "\\\"a\\\":\\\"2\\\""), NULL), "the annotation follows");
}

Test(apply, scale_changes_replicas_and_leaves_managed_fields_as_they_are)
{
    apply(&s, DEPLOYMENTS "/web?fieldManager=ci", DEPLOYMENT);
    const struct answer *answer = ask_as(&s, "kubectl/v1", "PATCH", DEPLOYMENTS "/web/scale",
                                         "application/merge-patch+json", "{\"spec\":{\"replicas\":10}}");
    cr_assert(eq(int, answer->status, 200));
    cr_assert(eq(str, (char *)at(&s, "/status/selector"), "\"app=web\""));
    ask(&s, "GET", DEPLOYMENTS "/web", NULL);
    cr_assert(eq(str, (char *)at(&s, "/spec/replicas"), "10"));
    cr_assert(eq(str, (char *)at(&s, "/metadata/generation"), "2"));
    cr_assert(eq(str, (char *)entry(1, "manager"), ""));
}

Test(apply, an_update_owns_what_it_created_with_what_was_defaulted)
{
    ask_as(&s, "probe/1.0", "POST", DEPLOYMENTS, NULL,
           "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"
           "\"metadata\":{"
           "\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"x\",\"image\":\"y\"}]}}}}");
    cr_assert(eq(str, (char *)entry(0, "manager"), "\"probe\""));
    cr_assert(
        eq(str, (char *)entry(0, "fieldsV1"),
           "{\"f:spec\":{\"f:progressDeadlineSeconds\":{},\"f:replicas\":{},\"f:revisionHistoryLimit\":{},"
           "\"f:selector\":{},\"f:strategy\":{\"f:rollingUpdate\":{\".\":{},\"f:maxSurge\":{},\"f:maxUnavailable\":{}},"
           "\"f:type\":{}},\"f:template\":{\"f:metadata\":{\"f:labels\":{\".\":{},\"f:a\":{}}},\"f:spec\":{"
           "\"f:containers\":{\"k:{\\\"name\\\":\\\"x\\\"}\":{\".\":{},\"f:image\":{},\"f:imagePullPolicy\":{},\"f:"
           "name\":{},"
           "\"f:resources\":{},\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{}}},\"f:dnsPolicy\":{},"
           "\"f:restartPolicy\":{},\"f:schedulerName\":{},\"f:securityContext\":{},"
           "\"f:terminationGracePeriodSeconds\":{}}}}}"));
}

Test(apply, eleven_updaters_become_ten)
{
    ask(&s, "POST", MAPS, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"1\"}}");
    for (int i = 0; i < 11; i++) {
        char path[200], body[100];
        snprintf(path, sizeof path, MAPS "/m?fieldManager=m%02d", i);
        snprintf(body, sizeof body, "{\"data\":{\"k%d\":\"1\"}}", i);
        ask_as(&s, "x/1", "PATCH", path, "application/merge-patch+json", body);
    }
    cr_assert(eq(str, (char *)entry(10, "manager"), ""));
    cr_assert(ne(ptr, strstr(at(&s, "/metadata/managedFields"), "ancient-changes"), NULL));
}
