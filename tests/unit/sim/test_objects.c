/* Objects as they are stored: shape, defaults, checks, patches, deletion. What is expected was seen on a real
 * kube-apiserver 1.20.2. */
#include "served.h"

#include <stdio.h>
#include <string.h>

#include "quantity.h"

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

TestSuite(objects, .init = open_server, .fini = close_server);

#define MAPS "/api/v1/namespaces/a/configmaps"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/a/deployments"
#define SERVICES "/api/v1/namespaces/a/services"

struct amount {
    const char *given;
    const char *stored;
};

Test(quantities, take_the_form_in_which_the_server_stores_them)
{
    static const struct amount AMOUNTS[] = {
        {"1000m", "1"},       {"0.5", "500m"},    {"1024Mi", "1Gi"},   {"1e3", "1e3"},       {"1000", "1k"},
        {"0", "0"},           {"1500m", "1500m"}, {"1.5Gi", "1536Mi"}, {"0.5Gi", "512Mi"},   {"1024", "1024"},
        {"1023Ki", "1023Ki"}, {"-1000m", "-1"},   {"1Ki", "1Ki"},      {"1000Ki", "1000Ki"}, {"0.1", "100m"},
        {"100000k", "100M"},  {"1E", "1E"},       {"1n", "1n"},        {"0.5Ki", "512"},     {"2048Ki", "2Mi"},
        {"12e6", "12e6"},     {"1.0", "1"},       {"500", "500"},      {"0.1n", "1n"},
    };
    for (size_t i = 0; i < sizeof AMOUNTS / sizeof AMOUNTS[0]; i++) {
        hf_auto_buf struct hf_buf text = {0};
        cr_expect(sim_quantity_canonical(&text, hf_slice_of(AMOUNTS[i].given)));
        cr_expect(eq(str, (char *)hf_buf_text(&text), (char *)AMOUNTS[i].stored));
    }
}

Test(quantities, are_not_words_or_half_numbers)
{
    static const char *const WRONG[] = {
        "", "m", "1x", "1.2.3", "1 Gi", "e3", "--1", "1ee3", "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        hf_auto_buf struct hf_buf text = {0};
        cr_expect(not(sim_quantity_canonical(&text, hf_slice_of(WRONG[i]))), "%s", WRONG[i]);
    }
}

struct field {
    const char *path;
    const char *body;
    const char *pointer;
    const char *value;
};

#define POD(container, rest)                                                                                           \
    "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"             \
    "\"metadata\":{"                                                                                                   \
    "\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"x\",\"image\":\"y:1\"" container "}]" rest "}}}}"
#define CONTAINER "/spec/template/spec/containers/0"

Test(objects, are_stored_as_the_real_server_stores_them)
{
    static const struct field FIELDS[] = {
        {DEPLOYMENTS, POD("", ""), "/spec/strategy",
         "{\"rollingUpdate\":{\"maxSurge\":\"25%\",\"maxUnavailable\":\"25%\"},\"type\":\"RollingUpdate\"}"},
        {DEPLOYMENTS, POD("", ""), "/spec/template/metadata", "{\"creationTimestamp\":null,\"labels\":{\"a\":\"b\"}}"},
        {DEPLOYMENTS, POD("", ""), CONTAINER "/resources", "{}"},
        {DEPLOYMENTS, POD("", ""), CONTAINER "/imagePullPolicy", "\"IfNotPresent\""},
        {DEPLOYMENTS, POD("", ""), "/status", "{}"},
        {DEPLOYMENTS, POD("", ""), "/metadata/generation", "1"},
        {DEPLOYMENTS, POD(",\"env\":[{\"name\":\"A\",\"value\":\"\"}]", ""), CONTAINER "/env", "[{\"name\":\"A\"}]"},
        {DEPLOYMENTS, POD(",\"ports\":[{\"containerPort\":80}]", ""), CONTAINER "/ports",
         "[{\"containerPort\":80,\"protocol\":\"TCP\"}]"},
        {DEPLOYMENTS, POD(",\"livenessProbe\":{\"httpGet\":{\"port\":\"http\"},\"initialDelaySeconds\":0}", ""),
         CONTAINER "/livenessProbe",
         "{\"failureThreshold\":3,\"httpGet\":{\"path\":\"/"
         "\",\"port\":\"http\",\"scheme\":\"HTTP\"},\"periodSeconds\":10,"
         "\"successThreshold\":1,\"timeoutSeconds\":1}"},
        {DEPLOYMENTS, POD(",\"unknown\":1,\"args\":[],\"command\":null", ""), CONTAINER "/unknown", ""},
        {DEPLOYMENTS, POD(",\"args\":[]", ""), CONTAINER "/args", ""},
        {DEPLOYMENTS, POD(",\"securityContext\":{\"privileged\":false}", ""), CONTAINER "/securityContext",
         "{\"privileged\":false}"},
        {DEPLOYMENTS, POD("", ",\"hostNetwork\":false"), "/spec/template/spec/hostNetwork", ""},
        {DEPLOYMENTS, POD("", ",\"serviceAccountName\":\"sa\""), "/spec/template/spec/serviceAccount", "\"sa\""},
        {DEPLOYMENTS, POD("", ",\"volumes\":[{\"name\":\"v\"},{\"name\":\"s\",\"secret\":{\"secretName\":\"q\"}}]"),
         "/spec/template/spec/volumes",
         "[{\"emptyDir\":{},\"name\":\"v\"},{\"name\":\"s\",\"secret\":{\"defaultMode\":420,\"secretName\":\"q\"}}]"},
        {DEPLOYMENTS,
         POD(",\"resources\":{\"limits\":{\"cpu\":\"1000m\",\"memory\":\"1024Mi\"},\"requests\":{\"cpu\":0.5}}", ""),
         CONTAINER "/resources", "{\"limits\":{\"cpu\":\"1\",\"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"500m\"}}"},
        {"/api/v1/namespaces/a/secrets",
         "{\"metadata\":{\"name\":\"d\"},\"stringData\":{\"a\":\"b\"},\"data\":{\"c\":\"ZA==\"}}", "/data",
         "{\"a\":\"Yg==\",\"c\":\"ZA==\"}"},
        {"/api/v1/namespaces/a/secrets", "{\"metadata\":{\"name\":\"d\"},\"stringData\":{\"a\":\"b\"}}", "/stringData",
         ""},
        {"/api/v1/namespaces/a/secrets", "{\"metadata\":{\"name\":\"d\"}}", "/type", "\"Opaque\""},
        {SERVICES, "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"ports\":[{\"port\":80}]}}", "/spec/ports",
         "[{\"port\":80,\"protocol\":\"TCP\",\"targetPort\":80}]"},
        {SERVICES, "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"ports\":[{\"port\":80}]}}", "/status",
         "{\"loadBalancer\":{}}"},
        {"/api/v1/namespaces/a/pods",
         "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"containers\":[{\"name\":\"x\",\"image\":\"y\"}]}}", "/status",
         "{\"phase\":\"Pending\",\"qosClass\":\"BestEffort\"}"},
        {"/apis/batch/v1beta1/namespaces/a/cronjobs",
         "{\"metadata\":{\"name\":\"d\"},\"spec\":{\"schedule\":\"* * * * "
         "*\",\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{"
         "\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"x\",\"image\":\"y:1\"}]}}}}}}",
         "/spec/jobTemplate/spec/backoffLimit", ""},
        {"/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings",
         "{\"metadata\":{\"name\":\"d\"},\"roleRef\":{\"kind\":\"Role\",\"name\":\"r\"},\"subjects\":[{\"kind\":"
         "\"User\",\"name\":\"u\"}]}",
         "/roleRef/apiGroup", "\"rbac.authorization.k8s.io\""},
    };
    for (size_t i = 0; i < sizeof FIELDS / sizeof FIELDS[0]; i++) {
        cr_expect(eq(int, ask(&s, "POST", FIELDS[i].path, FIELDS[i].body)->status, 201), "%s", s.last.text);
        cr_expect(eq(str, (char *)at(&s, FIELDS[i].pointer), (char *)FIELDS[i].value), "%s", FIELDS[i].body);
        char path[300];
        snprintf(path, sizeof path, "%s/d", FIELDS[i].path);
        cr_expect(eq(int, ask(&s, "DELETE", path, NULL)->status, 200));
    }
}

struct refusal {
    const char *method;
    const char *path;
    const char *type;
    const char *body;
    int status;
    const char *message;
};

Test(objects, are_refused_in_the_words_of_the_real_server)
{
    static const struct refusal REFUSALS[] = {
        {"GET", DEPLOYMENTS "/nope", NULL, NULL, 404, "deployments.apps \"nope\" not found"},
        {"GET", "/apis/apps/v1/nopes", NULL, NULL, 404, "the server could not find the requested resource"},
        {"POST", "/api/v1/namespaces/none/configmaps", NULL, "{\"metadata\":{\"name\":\"m\"}}", 404,
         "namespaces \"none\" not found"},
        {"POST", MAPS, NULL, "{\"metadata\":{\"name\":\"there\"}}", 409, "configmaps \"there\" already exists"},
        {"POST", MAPS, NULL, "{\"metadata\":{}}", 422,
         "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required"},
        {"POST", MAPS, NULL, "{\"metadata\":{\"name\":\"m\",\"namespace\":\"b\"}}", 400,
         "the namespace of the provided object does not match the namespace sent on the request"},
        {"POST", MAPS, "text/foo", "{}", 415,
         "the body of the request was in an unknown format - accepted media types include: application/json, "
         "application/yaml, application/vnd.kubernetes.protobuf"},
        {"POST", MAPS, NULL, "{\"metadata\":", 400, NULL},
        {"POST", MAPS, NULL, "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":1}}", 400, NULL},
        {"PUT", MAPS "/there", NULL, "{\"metadata\":{\"name\":\"there\",\"resourceVersion\":\"1\"}}", 409,
         "Operation cannot be fulfilled on configmaps \"there\": the object has been modified; please apply your "
         "changes to "
         "the latest version and try again"},
        {"PUT", MAPS "/there", NULL, "{\"metadata\":{\"name\":\"other\"}}", 400,
         "the name of the object (other) does not match the name on the URL (there)"},
        {"PATCH", MAPS "/there", "application/json-patch+json",
         "[{\"op\":\"test\",\"path\":\"/data/a\",\"value\":\"1\"}]", 422,
         "the server rejected our request due to an error in our request"},
        {"PATCH", MAPS "/there", "text/foo", "{}", 415, "415: Unsupported Media Type"},
        {"PATCH", MAPS "/none", "application/merge-patch+json", "{}", 404, "configmaps \"none\" not found"},
        {"POST", DEPLOYMENTS "/x", NULL, "{}", 405, "the server does not allow this method on the requested resource"},
        {"POST", DEPLOYMENTS, NULL, "{\"metadata\":{\"name\":\"x\"}}", 422,
         "Deployment.apps \"x\" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid "
         "value: "
         "map[string]string(nil): `selector` does not match template `labels`, spec.template.spec.containers: Required "
         "value]"},
        {"POST", SERVICES, NULL, "{\"metadata\":{\"name\":\"s\"},\"spec\":{}}", 422,
         "Service \"s\" is invalid: spec.ports: Required value"},
        {"DELETE", MAPS "/there", NULL, "{\"preconditions\":{\"resourceVersion\":\"1\"}}", 409, NULL},
        {"GET", MAPS "?fieldSelector=foo=s", NULL, NULL, 400, "field label not supported: foo"},
        {"GET", MAPS "?limit=x", NULL, NULL, 400, "strconv.ParseInt: parsing \"x\": invalid syntax"},
    };
    ask(&s, "POST", MAPS, "{\"metadata\":{\"name\":\"there\"}}");
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        const struct refusal *r = &REFUSALS[i];
        cr_expect(eq(int, ask_as(&s, "test/1", r->method, r->path, r->type, r->body)->status, r->status), "%s %s",
                  r->method, r->path);
        const char *found = hf_value_text(hf_value_get(s.last.body, "message"));
        cr_expect(r->message == NULL || (found && strcmp(found, r->message) == 0), "%s %s: %s", r->method, r->path,
                  found ? found : "");
        cr_expect(eq(str, (char *)at(&s, "/kind"), "\"Status\""));
    }
}

Test(objects, immutable_fields_stay)
{
    ask(&s, "POST", DEPLOYMENTS, POD("", ""));
    cr_assert(eq(int,
                 ask_as(&s, "t/1", "PATCH", DEPLOYMENTS "/d", "application/merge-patch+json",
                        "{\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"z\"}},\"template\":{\"metadata\":{"
                        "\"labels\":{\"a\":\"z\"}}}}}")
                     ->status,
                 422));
    cr_assert(ne(ptr, strstr(at(&s, "/message"), "field is immutable"), NULL));
    ask(&s, "POST", SERVICES, "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    cr_assert(eq(int,
                 ask_as(&s, "t/1", "PATCH", SERVICES "/s", "application/merge-patch+json",
                        "{\"spec\":{\"clusterIP\":\"10.0.0.77\"}}")
                     ->status,
                 422));
    cr_assert(eq(str, (char *)at(&s, "/details/causes/0/field"), "\"spec.clusterIPs[0]\""));
}

Test(objects, a_stateful_sets_pods_may_mount_its_claims)
{
    const struct answer *answer =
        ask(&s, "POST", "/apis/apps/v1/namespaces/a/statefulsets",
            "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{"
            "\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\","
            "\"volumeMounts\":[{\"name\":\"data\",\"mountPath\":\"/data\"}]}]}},\"volumeClaimTemplates\":[{"
            "\"metadata\":{\"name\":\"data\"}}]}}");
    cr_assert(eq(int, answer->status, 201), "%s", answer->text);
}

Test(objects, a_secret_without_data_takes_string_data_alone)
{
    ask(&s, "POST", "/api/v1/namespaces/a/secrets", "{\"metadata\":{\"name\":\"s\"},\"data\":{\"k\":\"YQ==\"}}");
    ask_as(&s, "t/1", "PATCH", "/api/v1/namespaces/a/secrets/s", "application/json-patch+json",
           "[{\"op\":\"remove\",\"path\":\"/data/k\"}]");
    apply(&s, "/api/v1/namespaces/a/secrets/s?fieldManager=m",
          "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"s\",\"labels\":{\"a\":\"b\"}},"
          "\"stringData\":{\"k\":\"b\"}}");
    cr_assert(eq(str, (char *)at(&s, "/data"), "{\"k\":\"Yg==\"}"));
    cr_assert(eq(str, (char *)at(&s, "/metadata/name"), "\"s\""));
}

Test(objects, a_service_gets_an_address_of_its_own_and_ports_when_its_type_wants_them)
{
    ask(&s, "POST", SERVICES, "{\"metadata\":{\"name\":\"one\"},\"spec\":{\"ports\":[{\"port\":80}]}}");
    char first[64];
    snprintf(first, sizeof first, "%s", at(&s, "/spec/clusterIP"));
    ask(&s, "POST", SERVICES,
        "{\"metadata\":{\"name\":\"two\"},\"spec\":{\"type\":\"NodePort\",\"ports\":[{\"port\":80}]}}");
    cr_assert(ne(str, (char *)at(&s, "/spec/clusterIP"), first));
    cr_assert(ne(str, (char *)at(&s, "/spec/ports/0/nodePort"), ""));
    cr_assert(eq(str, (char *)at(&s, "/spec/externalTrafficPolicy"), "\"Cluster\""));
    ask_as(&s, "t/1", "PATCH", SERVICES "/two", "application/merge-patch+json",
           "{\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":81}]}}");
    cr_assert(ne(str, (char *)at(&s, "/spec/ports/0/nodePort"), ""));
    ask_as(&s, "t/1", "PATCH", SERVICES "/two", "application/merge-patch+json",
           "{\"spec\":{\"type\":\"ClusterIP\",\"externalTrafficPolicy\":null}}");
    cr_assert(eq(str, (char *)at(&s, "/spec/ports/0/nodePort"), ""));
}

Test(objects, generation_grows_with_the_spec_and_with_a_deployments_annotations_only)
{
    static const struct {
        const char *patch, *generation;
    } STEPS[] = {
        {"{\"metadata\":{\"labels\":{\"x\":\"y\"}}}", "1"},
        {"{\"spec\":{\"replicas\":4}}", "2"},
        {"{\"spec\":{\"replicas\":4}}", "2"},
        {"{\"metadata\":{\"annotations\":{\"x\":\"y\"}}}", "3"},
        {"{\"status\":{\"replicas\":7}}", "3"},
        {"{\"metadata\":{\"generation\":99}}", "3"},
    };
    ask(&s, "POST", DEPLOYMENTS, POD("", ""));
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        ask_as(&s, "t/1", "PATCH", DEPLOYMENTS "/d", "application/merge-patch+json", STEPS[i].patch);
        cr_expect(eq(str, (char *)at(&s, "/metadata/generation"), (char *)STEPS[i].generation), "step %zu", i);
    }
    cr_assert(eq(str, (char *)at(&s, "/status"), "{}"));
}

Test(objects, the_status_subresource_writes_the_status_only)
{
    ask(&s, "POST", DEPLOYMENTS, POD("", ""));
    ask_as(&s, "t/1", "PATCH", DEPLOYMENTS "/d/status", "application/merge-patch+json",
           "{\"spec\":{\"replicas\":9},\"status\":{\"replicas\":5}}");
    cr_assert(eq(str, (char *)at(&s, "/status/replicas"), "5"));
    cr_assert(eq(str, (char *)at(&s, "/spec/replicas"), "1"));
}

struct change {
    const char *type;
    const char *patch;
    const char *pointer;
    const char *value;
};

#define STRATEGIC "application/strategic-merge-patch+json"
#define MERGE "application/merge-patch+json"
#define JSON "application/json-patch+json"
#define TEMPLATE(inner) "{\"spec\":{\"template\":{\"spec\":{" inner "}}}}"
#define ENV "/spec/template/spec/containers/0/env"

Test(objects, patches_change_what_they_say)
{
    static const struct change CHANGES[] = {
        {STRATEGIC, TEMPLATE("\"containers\":[{\"name\":\"x\",\"env\":[{\"name\":\"B\",\"value\":\"3\"}]}]"), ENV,
         "[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\",\"value\":\"3\"}]"},
        {STRATEGIC, TEMPLATE("\"containers\":[{\"name\":\"x\",\"env\":[{\"name\":\"A\",\"$patch\":\"delete\"}]}]"), ENV,
         "[{\"name\":\"B\",\"value\":\"2\"}]"},
        {STRATEGIC,
         TEMPLATE(
             "\"containers\":[{\"name\":\"x\",\"env\":[{\"name\":\"C\",\"value\":\"9\"},{\"$patch\":\"replace\"}]}]"),
         ENV, "[{\"name\":\"C\",\"value\":\"9\"}]"},
        {STRATEGIC,
         TEMPLATE("\"containers\":[{\"name\":\"x\",\"$setElementOrder/"
                  "env\":[{\"name\":\"B\"},{\"name\":\"A\"}],\"env\":[{\"name\":"
                  "\"A\",\"value\":\"5\"}]}]"),
         ENV, "[{\"name\":\"B\",\"value\":\"2\"},{\"name\":\"A\",\"value\":\"5\"}]"},
        {STRATEGIC, "{\"metadata\":{\"labels\":{\"l\":null}}}", "/metadata/labels", ""},
        {STRATEGIC, "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"f/a\"]}}", "/metadata/finalizers",
         "[\"f/b\"]"},
        {STRATEGIC, "{\"spec\":{\"strategy\":{\"$retainKeys\":[\"type\"],\"type\":\"Recreate\"}}}", "/spec/strategy",
         "{\"type\":\"Recreate\"}"},
        {STRATEGIC, TEMPLATE("\"containers\":[{\"name\":\"y\",\"image\":\"z:1\"}]"),
         "/spec/template/spec/containers/1/name", "\"y\""},
        {MERGE, "{\"metadata\":{\"labels\":{\"l\":null,\"m\":\"n\"}}}", "/metadata/labels", "{\"m\":\"n\"}"},
        {MERGE, TEMPLATE("\"containers\":[{\"name\":\"q\",\"image\":\"r:1\"}]"), ENV, ""},
        {JSON, "[{\"op\":\"remove\",\"path\":\"" ENV "/0\"}]", ENV, "[{\"name\":\"B\",\"value\":\"2\"}]"},
        {JSON, "[{\"op\":\"add\",\"path\":\"" ENV "/0\",\"value\":{\"name\":\"Z\",\"value\":\"0\"}}]", ENV "/0/name",
         "\"Z\""},
        {JSON, "[{\"op\":\"add\",\"path\":\"" ENV "/-\",\"value\":{\"name\":\"Z\",\"value\":\"0\"}}]", ENV "/2/name",
         "\"Z\""},
        {JSON, "[{\"op\":\"move\",\"from\":\"/metadata/labels/l\",\"path\":\"/metadata/labels/k~1k\"}]",
         "/metadata/labels", "{\"k/k\":\"v\"}"},
        {JSON, "[{\"op\":\"copy\",\"from\":\"" ENV "/0/value\",\"path\":\"" ENV "/1/value\"}]", ENV "/1/value",
         "\"1\""},
        {JSON,
         "[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":1},{\"op\":\"replace\",\"path\":\"/spec/"
         "replicas\",\"value\":8}]",
         "/spec/replicas", "8"},
    };
    for (size_t i = 0; i < sizeof CHANGES / sizeof CHANGES[0]; i++) {
        make_space(&s, "fresh");
        cr_assert(
            eq(int,
               ask(&s, "POST", "/apis/apps/v1/namespaces/fresh/deployments",
                   "{\"metadata\":{\"name\":\"d\",\"labels\":{\"l\":\"v\"},\"finalizers\":[\"f/a\",\"f/b\"]},\"spec\":{"
                   "\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},"
                   "\"spec\":{"
                   "\"containers\":[{\"name\":\"x\",\"image\":\"y:1\",\"env\":[{\"name\":\"A\",\"value\":\"1\"},{"
                   "\"name\":\"B\","
                   "\"value\":\"2\"}]}]}}}}")
                   ->status,
               201));
        cr_expect(eq(int,
                     ask_as(&s, "t/1", "PATCH", "/apis/apps/v1/namespaces/fresh/deployments/d", CHANGES[i].type,
                            CHANGES[i].patch)
                         ->status,
                     200),
                  "%s: %s", CHANGES[i].patch, s.last.text);
        cr_expect(eq(str, (char *)at(&s, CHANGES[i].pointer), (char *)CHANGES[i].value), "%s", CHANGES[i].patch);
        ask_as(&s, "t/1", "PATCH", "/apis/apps/v1/namespaces/fresh/deployments/d", MERGE,
               "{\"metadata\":{\"finalizers\":null}}");
        ask(&s, "DELETE", "/apis/apps/v1/namespaces/fresh/deployments/d", NULL);
        ask(&s, "DELETE", "/api/v1/namespaces/fresh", NULL);
        served_now += 10;
        (void)sim_tick(&s.sim);
    }
}

Test(objects, with_finalizers_are_marked_and_go_when_the_last_is_taken_off)
{
    ask(&s, "POST", MAPS, "{\"metadata\":{\"name\":\"m\",\"finalizers\":[\"a/b\"]}}");
    cr_assert(eq(int, ask(&s, "DELETE", MAPS "/m", NULL)->status, 200));
    cr_assert(ne(str, (char *)at(&s, "/metadata/deletionTimestamp"), ""));
    cr_assert(eq(int, ask(&s, "GET", MAPS "/m", NULL)->status, 200));
    ask_as(&s, "t/1", "PATCH", MAPS "/m", MERGE, "{\"metadata\":{\"finalizers\":null}}");
    cr_assert(eq(int, ask(&s, "GET", MAPS "/m", NULL)->status, 404));
}

Test(objects, a_deleted_namespace_takes_nothing_new_then_empties_then_goes)
{
    s.options.namespace_delay_ms = 500;
    make_space(&s, "gone");
    ask(&s, "POST", "/api/v1/namespaces/gone/configmaps", "{\"metadata\":{\"name\":\"m\"}}");
    ask(&s, "DELETE", "/api/v1/namespaces/gone", NULL);
    cr_assert(eq(str, (char *)at(&s, "/status/phase"), "\"Terminating\""));
    cr_assert(eq(
        int, ask(&s, "POST", "/api/v1/namespaces/gone/configmaps", "{\"metadata\":{\"name\":\"late\"}}")->status, 403));
    cr_assert(
        eq(str, (char *)at(&s, "/message"),
           "\"configmaps \\\"late\\\" is forbidden: unable to create new content in namespace gone because it is being "
           "terminated\""));
    cr_assert(eq(str, (char *)at(&s, "/details/causes/0/reason"), "\"NamespaceTerminating\""));
    cr_assert(eq(int, ask(&s, "GET", "/api/v1/namespaces/gone/configmaps/m", NULL)->status, 200));
    served_now += 501;
    (void)sim_tick(&s.sim);
    cr_assert(eq(int, ask(&s, "GET", "/api/v1/namespaces/gone/configmaps/m", NULL)->status, 404));
    cr_assert(eq(int, ask(&s, "GET", "/api/v1/namespaces/gone", NULL)->status, 404));
}

Test(objects, of_a_defined_kind_are_pruned_and_defaulted_by_its_schema)
{
    cr_assert(eq(int,
                 ask(&s, "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                     "{\"metadata\":{\"name\":\"crons.ex.com\"},\"spec\":{\"group\":\"ex.com\",\"scope\":"
                     "\"Namespaced\",\"names\":{"
                     "\"plural\":\"crons\",\"kind\":\"Cron\"},\"versions\":[{\"name\":\"v1\",\"served\":true,"
                     "\"storage\":true,"
                     "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":"
                     "\"object\",\"properties\":{"
                     "\"n\":{\"type\":\"integer\",\"default\":3},\"zero\":{\"type\":\"integer\"}}}}}}}]}}")
                     ->status,
                 201),
              "%s", s.last.text);
    cr_assert(eq(str, (char *)at(&s, "/status/conditions/1/type"), "\"Established\""));
    cr_assert(eq(int,
                 ask(&s, "POST", "/apis/ex.com/v1/namespaces/a/crons",
                     "{\"apiVersion\":\"ex.com/"
                     "v1\",\"kind\":\"Cron\",\"metadata\":{\"name\":\"c\"},\"spec\":{\"zero\":0,\"x\":1}}")
                     ->status,
                 201));
    cr_assert(eq(str, (char *)at(&s, "/spec"), "{\"n\":3,\"zero\":0}"));
    ask(&s, "DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/crons.ex.com", NULL);
    cr_assert(eq(int, ask(&s, "GET", "/apis/ex.com/v1/namespaces/a/crons/c", NULL)->status, 404));
}

Test(objects, are_seen_in_discovery_and_in_the_openapi_document)
{
    ask(&s, "GET", "/apis/apps", NULL);
    cr_assert(eq(str, (char *)at(&s, "/preferredVersion/groupVersion"), "\"apps/v1\""));
    ask(&s, "GET", "/apis/apps/v1", NULL);
    cr_assert(ne(ptr, strstr(s.last.text, "\"name\":\"deployments/scale\""), NULL));
    ask(&s, "GET", "/openapi/v2", NULL);
    cr_assert(ne(str, (char *)at(&s, "/definitions/io.k8s.api.apps.v1.Deployment"), ""));
    cr_assert(eq(
        str,
        (char *)at(
            &s,
            "/paths/~1api~1v1~1namespaces~1{namespace}~1configmaps~1{name}/patch/x-kubernetes-group-version-kind/kind"),
        "\"ConfigMap\""));
}
