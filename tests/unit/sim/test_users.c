/* Users of a file, as kube-apiserver has them, and what RBAC lets them do: as a real 1.20 answers (case 89 runs on
 * both). */
#include "served.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define REVIEWS "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCESS "/apis/authorization.k8s.io/v1/subjectaccessreviews"
#define ROLES "/apis/rbac.authorization.k8s.io/v1/clusterroles"
#define BINDINGS "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
#define MAPS "/api/v1/namespaces/a/configmaps"

static struct served s;
static char file[] = "/tmp/holdfast-users-XXXXXX";

static void open_server(void)
{
    static const char USERS[] = "token-of-vera,vera,vera-uid,\"people,readers\"\n"
                                "token-of-otto,otto,otto-uid\n"
                                "token-of-root,root,root-uid,system:masters\n";
    int fd = mkstemp(file);
    cr_assert(fd >= 0 && write(fd, USERS, strlen(USERS)) == (ssize_t)strlen(USERS) && close(fd) == 0);
    s = (struct served){.options = {.token = "admin", .token_auth_file = file}};
    served_open(&s);
    make_space(&s, "a");
    make_space(&s, "b");
}

static void close_server(void)
{
    served_close(&s);
    unlink(file);
}

TestSuite(users, .init = open_server, .fini = close_server);

static int as(const char *token, const char *method, const char *path, const char *body)
{
    char header[100];
    (void)snprintf(header, sizeof header, "Bearer %s", token);
    s.authorization = header;
    int status = ask(&s, method, path, body)->status;
    s.authorization = NULL;
    return status;
}

static void bind(const char *role, const char *rules, const char *subject)
{
    char body[600];
    (void)snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"%s\"},\"rules\":[%s]}", role, rules);
    cr_assert(eq(int, ask(&s, "POST", ROLES, body)->status, 201), "%s", s.last.text);
    (void)snprintf(body, sizeof body,
                   "{\"metadata\":{\"name\":\"%s\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":"
                   "\"ClusterRole\",\"name\":\"%s\"},\"subjects\":[%s]}",
                   role, role, subject);
    cr_assert(eq(int, ask(&s, "POST", BINDINGS, body)->status, 201), "%s", s.last.text);
}

#define USER(name) "{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"User\",\"name\":\"" name "\"}"
#define GROUP(name) "{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Group\",\"name\":\"" name "\"}"

static const char *allowed(const char *who, const char *attributes)
{
    char body[500];
    (void)snprintf(body, sizeof body,
                   "{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\",\"spec\":{%s,"
                   "\"resourceAttributes\":{%s}}}",
                   who, attributes);
    cr_assert(eq(int, ask(&s, "POST", ACCESS, body)->status, 201), "%s", s.last.text);
    return at(&s, "/status/allowed");
}

Test(users, a_token_review_says_whose_a_token_is)
{
    cr_assert(eq(int, ask(&s, "POST", REVIEWS, "{\"spec\":{\"token\":\"token-of-vera\"}}")->status, 201));
    cr_assert(eq(str, (char *)at(&s, "/status/authenticated"), "true"));
    cr_assert(eq(str, (char *)at(&s, "/status/user/username"), "\"vera\""));
    cr_assert(eq(str, (char *)at(&s, "/status/user/uid"), "\"vera-uid\""));
    cr_assert(eq(str, (char *)at(&s, "/status/user/groups"), "[\"people\",\"readers\",\"system:authenticated\"]"));
    ask(&s, "POST", REVIEWS, "{\"spec\":{\"token\":\"token-of-ver\"}}");
    cr_assert(eq(str, (char *)at(&s, "/status/authenticated"), ""));
    cr_assert(eq(int, ask(&s, "POST", REVIEWS, "{\"spec\":{}}")->status, 400));
    cr_assert(eq(int, ask(&s, "GET", REVIEWS, NULL)->status, 405));
}

Test(users, a_token_is_for_the_api_server_unless_another_audience_is_asked_for)
{
    ask(&s, "POST", REVIEWS,
        "{\"spec\":{\"token\":\"token-of-vera\",\"audiences\":[\"https://kubernetes.default.svc\"]}}");
    cr_assert(eq(str, (char *)at(&s, "/status/audiences"), "[\"https://kubernetes.default.svc\"]"));
    ask(&s, "POST", REVIEWS, "{\"spec\":{\"token\":\"token-of-vera\",\"audiences\":[\"holdfast\"]}}");
    cr_assert(eq(str, (char *)at(&s, "/status/authenticated"), ""));
}

Test(users, an_access_review_says_what_roles_and_bindings_give)
{
    static const char GET[] = "\"group\":\"holdfast.dev\",\"resource\":\"dashboards\",\"verb\":\"get\"";
    static const char UPDATE[] = "\"group\":\"holdfast.dev\",\"resource\":\"dashboards\",\"verb\":\"update\"";
    cr_assert(eq(str, (char *)allowed("\"user\":\"vera\"", GET), "false"));
    bind("looks", "{\"apiGroups\":[\"holdfast.dev\"],\"resources\":[\"dashboards\"],\"verbs\":[\"get\"]}",
         USER("vera") "," GROUP("readers"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"vera\"", GET), "true"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"vera\"", UPDATE), "false"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"x\",\"groups\":[\"readers\"]", GET), "true"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"readers\"", GET), "false"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"x\",\"groups\":[\"vera\"]", GET), "false"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"x\",\"groups\":[\"system:masters\"]", UPDATE), "true"));
    bind("robots", "{\"apiGroups\":[\"*\"],\"resources\":[\"*\"],\"verbs\":[\"update\"]}",
         "{\"kind\":\"ServiceAccount\",\"namespace\":\"a\",\"name\":\"robot\"}");
    cr_assert(eq(str, (char *)allowed("\"user\":\"system:serviceaccount:a:robot\"", UPDATE), "true"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"system:serviceaccount:b:robot\"", UPDATE), "false"));
    bind("one", "{\"apiGroups\":[\"\"],\"resources\":[\"pods\"],\"resourceNames\":[\"web\"],\"verbs\":[\"get\"]}",
         USER("otto"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"otto\"", "\"resource\":\"pods\",\"name\":\"web\",\"verb\":\"get\""),
                 "true"));
    cr_assert(eq(str, (char *)allowed("\"user\":\"otto\"", "\"resource\":\"pods\",\"name\":\"db\",\"verb\":\"get\""),
                 "false"));
    cr_assert(eq(str,
                 (char *)allowed("\"user\":\"otto\"",
                                 "\"resource\":\"pods\",\"subresource\":\"log\",\"name\":\"web\",\"verb\":\"get\""),
                 "false"));
    cr_assert(eq(int, ask(&s, "DELETE", BINDINGS "/looks", NULL)->status, 200));
    cr_assert(eq(str, (char *)allowed("\"user\":\"vera\"", GET), "false"));
    cr_assert(eq(int, ask(&s, "POST", ACCESS, "{\"spec\":{\"user\":\"vera\"}}")->status, 422));
}

Test(users, may_in_requests_of_their_own_what_they_are_bound_to)
{
    cr_assert(eq(int, as("admin", "GET", MAPS, NULL), 200));
    cr_assert(eq(int, as("wrong", "GET", MAPS, NULL), 401));
    cr_assert(eq(int, as("token-of-root", "GET", MAPS, NULL), 200));
    cr_assert(eq(int, as("token-of-vera", "GET", MAPS, NULL), 403));
    cr_assert(eq(str, (char *)at(&s, "/message"),
                 "\"configmaps is forbidden: User \\\"vera\\\" cannot list resource \\\"configmaps\\\" in API group "
                 "\\\"\\\" in the namespace \\\"a\\\"\""));
    cr_assert(eq(int, as("token-of-vera", "POST", REVIEWS, "{\"spec\":{\"token\":\"token-of-otto\"}}"), 403));
    cr_assert(eq(int, as("token-of-vera", "GET", "/apis", NULL), 200), "discovery is everybody's");
    bind("asks", "{\"apiGroups\":[\"authentication.k8s.io\"],\"resources\":[\"tokenreviews\"],\"verbs\":[\"create\"]}",
         USER("vera"));
    cr_assert(eq(int, as("token-of-vera", "POST", REVIEWS, "{\"spec\":{\"token\":\"token-of-otto\"}}"), 201));
    cr_assert(eq(int, as("token-of-vera", "POST", ACCESS, "{}"), 403));
    cr_assert(eq(int,
                 ask(&s, "POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles",
                     "{\"metadata\":{\"name\":\"maps\"},\"rules\":[{\"apiGroups\":[\"\"],\"resources\":[\"configmaps\"]"
                     ",\"verbs\":"
                     "[\"list\",\"watch\",\"create\"]}]}")
                     ->status,
                 201));
    cr_assert(eq(int,
                 ask(&s, "POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings",
                     "{\"metadata\":{\"name\":\"maps\"},\"roleRef\":{\"apiGroup\":\"rbac.authorization.k8s.io\","
                     "\"kind\":\"Role\","
                     "\"name\":\"maps\"},\"subjects\":[" USER("otto") "]}")
                     ->status,
                 201));
    cr_assert(eq(int, as("token-of-otto", "GET", MAPS, NULL), 200));
    cr_assert(eq(int, as("token-of-otto", "POST", MAPS, "{\"metadata\":{\"name\":\"m\"}}"), 201));
    cr_assert(eq(int, as("token-of-otto", "DELETE", MAPS "/m", NULL), 403));
    cr_assert(eq(int, as("token-of-otto", "GET", MAPS "/m", NULL), 403));
    cr_assert(eq(int, as("token-of-otto", "GET", "/api/v1/namespaces/b/configmaps", NULL), 403));
    cr_assert(eq(int, as("token-of-otto", "GET", "/api/v1/configmaps", NULL), 403));
}
