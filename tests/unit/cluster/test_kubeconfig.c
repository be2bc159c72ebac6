#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/kubeconfig.h"
#include "holdfast/mem.h"

/* A folder of the test's own. */
struct place {
    char folder[64];
};

static void make_place(struct place *place)
{
    snprintf(place->folder, sizeof place->folder, "/tmp/hf-kubeconfig-XXXXXX");
    cr_assert_not_null(mkdtemp(place->folder));
}

static void drop_place(struct place *place)
{
    static const char *const NAMES[] = {"a",       "b",       "ca.crt", "token", "namespace",
                                        "tls.crt", "tls.key", "empty",  "dir/c"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", place->folder, NAMES[i]);
        unlink(path);
    }
    char inner[128];
    snprintf(inner, sizeof inner, "%s/dir", place->folder);
    rmdir(inner);
    rmdir(place->folder);
}

static const char *write_file(const struct place *place, const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", place->folder, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

#define PEM "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define PEM_BASE64 "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

/* Resolves the one user and cluster of a text made of their two bodies. */
static int resolve_text(const char *text, const char *context, struct hf_access **out, struct hf_error *err)
{
    struct hf_kubeconfig *config;
    *out = NULL;
    if (hf_kubeconfig_parse(text, strlen(text), "/etc/hf/kubeconfig", &config, err) != 0) {
        return -1;
    }
    int result = hf_kubeconfig_resolve(config, context, out, err);
    hf_kubeconfig_free(config);
    return result;
}

static char *config_of(const char *cluster, const char *user)
{
    struct hf_buf text = {0};
    hf_buf_addf(&text,
                "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
                "clusters:\n- name: c\n  cluster: {%s}\n"
                "users:\n- name: u\n  user: {%s}\n"
                "contexts:\n- name: main\n  context: {cluster: c, user: u, namespace: shop}\n",
                cluster, user);
    return hf_buf_take(&text);
}

static struct hf_access *resolve(const char *cluster, const char *user)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access *access;
    char *text = config_of(cluster, user);
    cr_assert_eq(resolve_text(text, NULL, &access, &err), 0, "%s", err.text);
    free(text);
    return access;
}

Test(kubeconfig, everything_a_context_says_is_taken)
{
    struct hf_access *access =
        resolve("server: 'https://kube.example:6443/prefix/', tls-server-name: kube.internal, "
                "certificate-authority-data: " PEM_BASE64 ", proxy-url: 'http://proxy:3128'",
                "client-certificate-data: " PEM_BASE64 ", client-key-data: " PEM_BASE64 ", token: sesame");
    cr_expect_str_eq(access->context, "main");
    cr_expect_str_eq(access->cluster, "c");
    cr_expect_str_eq(access->user, "u");
    cr_expect_str_eq(access->namespace, "shop");
    cr_expect_str_eq(access->server, "https://kube.example:6443/prefix");
    cr_expect_str_eq(access->server_name, "kube.internal");
    cr_expect_str_eq(access->ca_pem, PEM);
    cr_expect_str_eq(access->proxy, "http://proxy:3128");
    cr_expect_str_eq(access->cert_pem, PEM);
    cr_expect_str_eq(access->key_pem, PEM);
    cr_expect_str_eq(access->token, "sesame");
    cr_expect_not(access->insecure);
    cr_expect_null(access->ca_file);
    cr_expect_null(access->exec);
    hf_access_free(access);
}

struct server_case {
    char server[64];
    char more[64];
    char wanted[64]; /* "": refused */
};

ParameterizedTestParameters(kubeconfig, a_server_is_read_as_kubectl_reads_it)
{
    static struct server_case cases[] = {
        {"https://host", "", "https://host"},
        {"https://host:6443/", "", "https://host:6443"},
        {"HTTPS://host/a/b//", "", "https://host/a/b"},
        {"http://127.0.0.1:8080", "", "http://127.0.0.1:8080"},
        {"https://[::1]:6443", "", "https://[::1]:6443"},
        {"localhost:8080", "", "http://localhost:8080"},
        {"localhost:8080", ", insecure-skip-tls-verify: true", "https://localhost:8080"},
        {"ftp://host", "", ""},
        {"https://", "", ""},
        {"https://user:pass@host", "", ""},
        {"https://host?x=hidden", "", ""},
        {"https://ho st", "", ""},
        {"https://:6443", "", ""},
        {"/path", "", ""},
    };
    return cr_make_param_array(struct server_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct server_case *one, kubeconfig, a_server_is_read_as_kubectl_reads_it)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access *access;
    char cluster[160];
    snprintf(cluster, sizeof cluster, "server: \"%s\"%s", one->server, one->more);
    char *text = config_of(cluster, "");
    int result = resolve_text(text, NULL, &access, &err);
    free(text);
    if (one->wanted[0]) {
        cr_assert_eq(result, 0, "%s", err.text);
        cr_expect_str_eq(access->server, one->wanted);
    } else {
        cr_expect_eq(result, -1, "accepted as %s", access ? access->server : "");
        cr_expect_eq(err.code, HF_EINVAL);
        cr_expect_not_null(strstr(err.text, "/etc/hf/kubeconfig: line 6, column "), "%s", err.text);
        cr_expect_null(strstr(err.text, "pass"), "%s", err.text);
    }
    hf_access_free(access);
}

struct wrong_case {
    char cluster[200];
    char user[240];
    enum hf_code code;
    char text[120];
};

#define SERVER "server: https://h"

ParameterizedTestParameters(kubeconfig, a_wrong_value_is_named_with_its_place)
{
    static struct wrong_case cases[] = {
        {"", "", HF_EINVAL, "line 6, column 12: cluster \"c\": server: found nothing, expected https://"},
        {"server: ''", "", HF_EINVAL, "line 6, column 21: cluster \"c\": server: found nothing"},
        {"server: 6443", "", HF_EINVAL, "line 6, column 21: server: found number, expected string"},
        {SERVER ", certificate-authority-data: '%%%'", "", HF_EINVAL,
         "certificate-authority-data: found what is not base64"},
        {SERVER ", certificate-authority-data: aGVsbG8=", "", HF_EINVAL,
         "found base64 of something else, expected base64 of PEM"},
        {SERVER ", certificate-authority: /none/ca.crt", "", HF_ENOTFOUND, "certificate-authority: "},
        {SERVER ", insecure-skip-tls-verify: 'yes'", "", HF_EINVAL,
         "insecure-skip-tls-verify: found string, expected boolean"},
        {SERVER ", insecure-skip-tls-verify: true, certificate-authority-data: " PEM_BASE64, "", HF_EINVAL,
         "expected one of them"},
        {SERVER ", proxy-url: 'ftp://x'", "", HF_EINVAL, "proxy-url: found another scheme"},
        {SERVER, "token: 12345", HF_EINVAL, "line 9, column 17: token: found number, expected string"},
        {SERVER, "token: a, username: b, password: hidden", HF_EINVAL, "found both a token and a user name"},
        {SERVER, "tokenFile: /none/token", HF_ENOTFOUND, "line 9, column 21: tokenFile: "},
        {SERVER, "client-certificate-data: " PEM_BASE64, HF_EINVAL, "found a client certificate without its key"},
        {SERVER, "client-key-data: " PEM_BASE64, HF_EINVAL, "found a client key without its certificate"},
        {SERVER, "client-key: /none/key", HF_ENOTFOUND, "client-key: "},
        {SERVER, "auth-provider: {name: gcp}", HF_EUNSUPPORTED, "auth-provider: found one, expected an exec plugin"},
        {SERVER, "exec: {command: x}", HF_EINVAL, "exec: apiVersion: found nothing"},
        {SERVER, "exec: {command: x, apiVersion: v9}", HF_EINVAL, "exec: apiVersion: found v9"},
        {SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1beta1}", HF_EINVAL, "exec: command: found nothing"},
        {SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1, command: x}", HF_EINVAL,
         "exec: interactiveMode: found nothing"},
        {SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}",
         HF_EUNSUPPORTED, "runs without a person at a terminal"},
        {SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: [1]}", HF_EINVAL,
         "exec: args: found number"},
        {SERVER, "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, env: [{value: hidden}]}",
         HF_EINVAL, "exec: env: found an entry without a proper name"},
        {SERVER, "as-groups: [a]", HF_EINVAL, "without as"},
    };
    return cr_make_param_array(struct wrong_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct wrong_case *one, kubeconfig, a_wrong_value_is_named_with_its_place)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access *access;
    char *text = config_of(one->cluster, one->user);
    cr_expect_eq(resolve_text(text, NULL, &access, &err), -1);
    cr_expect_eq(err.code, one->code, "%s: %s", hf_code_name(err.code), err.text);
    cr_expect_not_null(strstr(err.text, one->text), "%s", err.text);
    cr_expect_not_null(strstr(err.text, "context \"main\": /etc/hf/kubeconfig: line "), "%s", err.text);
    cr_expect_null(strstr(err.text, "hidden"), "%s", err.text);
    hf_access_free(access);
    free(text);
}

struct broken_case {
    char text[160];
    enum hf_code code;
    char wanted[80];
};

ParameterizedTestParameters(kubeconfig, a_file_that_is_no_kubeconfig_is_refused_with_its_place)
{
    static struct broken_case cases[] = {
        {"[1, 2]", HF_EINVAL, "line 1, column 1: found array, expected a kubeconfig"},
        {"kind: Deployment", HF_EINVAL, "line 1, column 7: kind: found \"Deployment\", expected \"Config\""},
        {"apiVersion: v2", HF_EINVAL, "apiVersion: found \"v2\", expected \"v1\""},
        {"clusters: {}", HF_EINVAL, "clusters: found object, expected array"},
        {"clusters: [a]", HF_EINVAL, "clusters: found string, expected an object with name and cluster"},
        {"users: [{user: {}}]", HF_EINVAL, "users: found an entry without a name"},
        {"users: [{name: a, user: 1}]", HF_EINVAL, "user: found number, expected object"},
        {"users:\n- {name: a}\n- {name: a}\n", HF_EINVAL, "line 3, column 3: users: found the name \"a\" again"},
        {"current-context: 3", HF_EINVAL, "current-context: found number, expected string"},
        {"a: 1\n---\nb: 2\n", HF_EINVAL, "found a second document, expected one"},
        {"users:\n- user: {token: \"hiddenvalue\n", HF_EPARSE, "line 3"},
        {"users: hidden: hidden", HF_EPARSE, "line 1, column"},
        {"token: hidden\n hidden2: hidden3", HF_EPARSE, "line 2"},
    };
    return cr_make_param_array(struct broken_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct broken_case *one, kubeconfig, a_file_that_is_no_kubeconfig_is_refused_with_its_place)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_kubeconfig *config;
    cr_expect_eq(hf_kubeconfig_parse(one->text, strlen(one->text), "k.yaml", &config, &err), -1);
    cr_expect_eq(err.code, one->code, "%s: %s", hf_code_name(err.code), err.text);
    cr_expect_eq(strncmp(err.text, "k.yaml: ", 8), 0, "%s", err.text);
    cr_expect_not_null(strstr(err.text, one->wanted), "%s", err.text);
    cr_expect_null(strstr(err.text, "hidden"), "%s", err.text);
}

Test(kubeconfig, an_unknown_name_is_told_with_the_nearest_known)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access *access;
    static const char TEXT[] =
        "contexts:\n- {name: staging, context: {cluster: eu-west}}\n- {name: production, context: {}}\n"
        "clusters:\n- {name: eu-west-1, cluster: {server: https://h}}\n";
    cr_expect_eq(resolve_text(TEXT, "prodution", &access, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND);
    cr_expect_str_eq(err.text, "/etc/hf/kubeconfig: no context \"prodution\"; known: \"production\", \"staging\"");
    cr_expect_eq(resolve_text(TEXT, "staging", &access, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND);
    cr_expect_not_null(strstr(err.text, "no cluster \"eu-west\"; known: \"eu-west-1\""), "%s", err.text);
    cr_expect_eq(resolve_text(TEXT, "", &access, &err), -1);
    cr_expect_not_null(strstr(err.text, "no current-context is set"), "%s", err.text);
}

Test(kubeconfig, a_context_without_user_is_anonymous)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access *access;
    static const char TEXT[] =
        "contexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: 'h:1'}}]\n";
    cr_assert_eq(resolve_text(TEXT, "a", &access, &err), 0, "%s", err.text);
    cr_expect_null(access->user);
    cr_expect_null(access->token);
    cr_expect_str_eq(access->namespace, "default");
    hf_access_free(access);
}

Test(kubeconfig, an_empty_file_is_an_empty_configuration)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_kubeconfig *config;
    cr_assert_eq(hf_kubeconfig_parse("", 0, "k", &config, &err), 0, "%s", err.text);
    cr_expect_str_eq(hf_kubeconfig_current_context(config), "");
    cr_expect_null(hf_kubeconfig_context(config, 0));
    hf_kubeconfig_free(config);
}

Test(kubeconfig, a_file_above_one_mebibyte_is_refused)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_kubeconfig *config;
    size_t len = (1u << 20) + 1;
    char *text = hf_calloc(1, len);
    memset(text, '#', len);
    cr_expect_eq(hf_kubeconfig_parse(text, len, "k", &config, &err), -1);
    cr_expect_eq(err.code, HF_ELIMIT);
    free(text);
}

Test(kubeconfig, data_wins_over_a_file)
{
    struct hf_access *access =
        resolve(SERVER ", certificate-authority: /none, certificate-authority-data: " PEM_BASE64, "");
    cr_expect_str_eq(access->ca_pem, PEM);
    cr_expect_null(access->ca_file);
    hf_access_free(access);
}

Test(kubeconfig, an_exec_plugin_is_taken_with_all_it_says)
{
    struct hf_access *access =
        resolve(SERVER ", extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: x}}]",
                "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, args: [get, --x=1], env: "
                "[{name: A, value: b}], "
                "installHint: brew install login, provideClusterInfo: true, interactiveMode: IfAvailable}");
    const struct hf_exec_plugin *plugin = access->exec;
    cr_assert_not_null(plugin);
    cr_expect_str_eq(plugin->command, "/etc/hf/./bin/login");
    cr_expect_eq(plugin->arg_count, 2);
    cr_expect_str_eq(plugin->args[1], "--x=1");
    cr_expect_eq(plugin->env_count, 1);
    cr_expect_str_eq(plugin->env[0], "A=b");
    cr_expect_str_eq(plugin->install_hint, "brew install login");
    cr_expect_str_eq(plugin->cluster_config, "{\"audience\":\"x\"}");
    cr_expect(plugin->provide_cluster_info);
    hf_access_free(access);
}

Test(kubeconfig, a_token_in_the_file_makes_the_plugin_needless)
{
    struct hf_access *access =
        resolve(SERVER, "token: t, exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x}");
    cr_expect_null(access->exec);
    cr_expect_str_eq(access->token, "t");
    hf_access_free(access);
}

Test(kubeconfig, impersonation_becomes_headers)
{
    struct hf_access *access =
        resolve(SERVER, "as: jane, as-uid: '7', as-groups: [dev, ops], as-user-extra: {'a/b': [x]}");
    cr_assert_eq(access->impersonate_count, 5);
    cr_expect_str_eq(access->impersonate[0].name, "Impersonate-User");
    cr_expect_str_eq(access->impersonate[0].value, "jane");
    cr_expect_str_eq(access->impersonate[1].name, "Impersonate-Uid");
    cr_expect_str_eq(access->impersonate[3].name, "Impersonate-Group");
    cr_expect_str_eq(access->impersonate[3].value, "ops");
    cr_expect_str_eq(access->impersonate[4].name, "Impersonate-Extra-a%2Fb");
    hf_access_free(access);
}

Test(kubeconfig, a_socks_proxy_resolves_names_itself)
{
    struct hf_access *access = resolve(SERVER ", proxy-url: 'socks5://p:1080'", "");
    cr_expect_str_eq(access->proxy, "socks5h://p:1080");
    hf_access_free(access);
}

Test(kubeconfig, of_several_files_the_first_to_say_something_wins)
{
    struct place place;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_kubeconfig *config;
    struct hf_access *access;
    make_place(&place);
    write_file(&place, "a", "clusters: [{name: c, cluster: {server: https://first}}]\n");
    write_file(&place, "b",
               "current-context: x\nclusters: [{name: c, cluster: {server: https://second, tls-server-name: no}}]\n"
               "contexts: [{name: x, context: {cluster: c}}, {name: z, context: {cluster: c}}]\n");
    char paths[300];
    snprintf(paths, sizeof paths, "%s/none:%s/a:%s/b", place.folder, place.folder, place.folder);
    setenv("KUBECONFIG", paths, 1);
    cr_assert_eq(hf_kubeconfig_load(NULL, &config, &err), 0, "%s", err.text);
    cr_expect_str_eq(hf_kubeconfig_current_context(config), "x");
    cr_expect_str_eq(hf_kubeconfig_context(config, 1), "z");
    cr_expect_null(hf_kubeconfig_context(config, 2));
    cr_assert_eq(hf_kubeconfig_resolve(config, NULL, &access, &err), 0, "%s", err.text);
    cr_expect_str_eq(access->server, "https://first");
    cr_expect_null(access->server_name, "values of a later entry of the same name must not be mixed in");
    hf_access_free(access);
    hf_kubeconfig_free(config);
    drop_place(&place);
}

Test(kubeconfig, a_missing_file_is_not_found)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_kubeconfig *config;
    cr_expect_eq(hf_kubeconfig_load("/none/config", &config, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND, "%s", err.text);
    cr_expect_eq(hf_kubeconfig_load("/none/a:/none/b", &config, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND, "%s", err.text);
    cr_expect_eq(hf_kubeconfig_load(":", &config, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND, "%s", err.text);
}

Test(kubeconfig, without_anything_said_the_home_folders_file_is_read)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_kubeconfig *config;
    unsetenv("KUBECONFIG");
    setenv("HOME", "/none/home", 1);
    cr_expect_eq(hf_kubeconfig_load(NULL, &config, &err), -1);
    cr_expect_not_null(strstr(err.text, "/none/home/.kube/config"), "%s", err.text);
}

Test(kubeconfig, relative_paths_belong_to_the_files_folder)
{
    struct place place;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_kubeconfig *config;
    struct hf_access *access;
    char expected[128];
    make_place(&place);
    char inner[128];
    snprintf(inner, sizeof inner, "%s/dir", place.folder);
    cr_assert_eq(mkdir(inner, 0700), 0);
    write_file(&place, "ca.crt", PEM);
    write_file(&place, "tls.crt", PEM);
    write_file(&place, "tls.key", PEM);
    write_file(&place, "token", "from-file\n");
    write_file(
        &place, "dir/c",
        "current-context: x\nclusters: [{name: c, cluster: {server: https://h, certificate-authority: ../ca.crt}}]\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "users: [{name: u, user: {client-certificate: ../tls.crt, client-key: ../tls.key, tokenFile: ../token}}]\n");
    cr_assert_eq(chdir(inner), 0);
    cr_assert_eq(hf_kubeconfig_load("c", &config, &err), 0, "%s", err.text);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(hf_kubeconfig_resolve(config, NULL, &access, &err), 0, "%s", err.text);
    cr_expect_str_eq(access->ca_pem, PEM);
    snprintf(expected, sizeof expected, "%s/dir/./../token", place.folder);
    cr_expect_str_eq(access->token_file, expected);
    cr_expect_not_null(access->key_file);
    hf_access_free(access);
    hf_kubeconfig_free(config);
    drop_place(&place);
}

Test(in_cluster, a_pods_service_account_is_taken)
{
    struct place place;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access *access;
    make_place(&place);
    write_file(&place, "token", "pod-token");
    write_file(&place, "ca.crt", PEM);
    write_file(&place, "namespace", "shop\n");
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    cr_assert_eq(hf_access_in_cluster(place.folder, &access, &err), 0, "%s", err.text);
    cr_expect_str_eq(access->server, "https://10.0.0.1:443");
    cr_expect_str_eq(access->namespace, "shop");
    cr_expect_str_eq(access->ca_pem, PEM);
    cr_expect_not_null(strstr(access->token_file, "/token"));
    hf_access_free(access);
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    unlink(write_file(&place, "namespace", ""));
    cr_assert_eq(hf_access_in_cluster(place.folder, &access, &err), 0, "%s", err.text);
    cr_expect_str_eq(access->server, "https://[fd00::1]:443");
    cr_expect_str_eq(access->namespace, "default");
    hf_access_free(access);
    unlink(write_file(&place, "ca.crt", ""));
    cr_expect_eq(hf_access_in_cluster(place.folder, &access, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND, "%s", err.text);
    drop_place(&place);
}

Test(in_cluster, outside_a_pod_it_says_so)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_access *access;
    unsetenv("KUBERNETES_SERVICE_HOST");
    cr_expect_eq(hf_access_in_cluster(NULL, &access, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND);
    cr_expect_not_null(strstr(err.text, "no pod"), "%s", err.text);
}
