/* Trust, names and client certificates, against `openssl s_server` on loopback. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fetch.h"
#include "holdfast/mem.h"

extern char **environ;

struct tls {
    char folder[64];
    pid_t server;
    int output;
    int port;
    struct hf_buf cert; /* self-signed for real.test and 127.0.0.2, and so its own CA */
    struct hf_buf key;
    struct hf_buf other; /* a CA that signed nothing here */
};

/* Starts openssl with these words; its output comes on *output when that is asked for. */
static pid_t spawn_openssl(const char *const *words, int *output)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t pid;
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    cr_assert_eq(posix_spawnp(&pid, "openssl", &actions, NULL, (char *const *)words, environ), 0, "openssl is needed");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (output) {
        *output = ends[0];
    } else {
        close(ends[0]);
    }
    return pid;
}

static const char *in_folder(const struct tls *tls, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", tls->folder, name);
    return out;
}

static void make_pair(const struct tls *tls, const char *cert, const char *key, const char *names,
                      struct hf_buf *cert_pem, struct hf_buf *key_pem)
{
    char cert_path[128];
    char key_path[128];
    struct hf_error err = HF_ERROR_INIT;
    const char *const words[] = {"openssl",
                                 "req",
                                 "-x509",
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:P-256",
                                 "-nodes",
                                 "-days",
                                 "2",
                                 "-subj",
                                 "/CN=test",
                                 "-addext",
                                 names,
                                 "-out",
                                 in_folder(tls, cert, cert_path),
                                 "-keyout",
                                 in_folder(tls, key, key_path),
                                 NULL};
    int status;
    pid_t pid = spawn_openssl(words, NULL);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0, "openssl req failed");
    cr_assert_eq(hf_read_file(cert_path, 100000, cert_pem, &err), 0, "%s", err.text);
    cr_assert_eq(hf_read_file(key_path, 100000, key_pem, &err), 0, "%s", err.text);
}

/* Reads "ACCEPT 127.0.0.1:PORT". */
static int announced_port(int output)
{
    char text[512];
    size_t len = 0;
    struct pollfd wait = {.fd = output, .events = POLLIN};
    while (len < sizeof text - 1 && poll(&wait, 1, 10000) > 0) {
        ssize_t got = read(output, text + len, sizeof text - 1 - len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
        text[len] = '\0';
        char *line = strstr(text, "ACCEPT 127.0.0.1:");
        if (line && strchr(line, '\n')) {
            return (int)strtol(line + 17, NULL, 10);
        }
    }
    return 0;
}

static void start_tls(struct tls *tls, bool ask_client)
{
    char cert[128];
    char key[128];
    *tls = (struct tls){0};
    struct hf_buf other_key = {0};
    snprintf(tls->folder, sizeof tls->folder, "/tmp/hf-tls-XXXXXX");
    cr_assert_not_null(mkdtemp(tls->folder));
    make_pair(tls, "cert", "key", "subjectAltName=DNS:real.test,IP:127.0.0.2", &tls->cert, &tls->key);
    make_pair(tls, "other", "other-key", "subjectAltName=DNS:other.test", &tls->other, &other_key);
    hf_buf_free(&other_key);
    const char *words[20] = {"openssl",
                             "s_server",
                             "-accept",
                             "127.0.0.1:0",
                             "-www",
                             "-cert",
                             in_folder(tls, "cert", cert),
                             "-key",
                             in_folder(tls, "key", key)};
    size_t count = 9;
    if (ask_client) {
        words[count++] = "-Verify";
        words[count++] = "2";
        words[count++] = "-verify_return_error";
        words[count++] = "-CAfile";
        words[count++] = cert;
    }
    tls->server = spawn_openssl(words, &tls->output);
    tls->port = announced_port(tls->output);
    cr_assert_gt(tls->port, 0, "s_server did not start");
}

static void stop_tls(struct tls *tls)
{
    static const char *const NAMES[] = {"cert", "key", "other", "other-key"};
    char path[128];
    kill(tls->server, SIGKILL);
    waitpid(tls->server, NULL, 0);
    close(tls->output);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        unlink(in_folder(tls, NAMES[i], path));
    }
    rmdir(tls->folder);
    hf_buf_free(&tls->cert);
    hf_buf_free(&tls->key);
    hf_buf_free(&tls->other);
}

static bool never(int fd, const char *request, void *ctx)
{
    (void)fd, (void)request, (void)ctx;
    return false;
}

struct trust_case {
    char name[64];
    char ca;              /* 'r': the right one, 'o': another, 'b': broken, '-': the system's */
    char server_name[32]; /* "": none */
    bool insecure;
    bool ask_client;
    char client; /* 'r': the pair that the server trusts, '-': none, 'b': a broken key */
    enum hf_code code;
    char text[40];
};

ParameterizedTestParameters(http_tls, a_server_is_talked_to_only_when_it_is_the_right_one)
{
    static struct trust_case cases[] = {
        {"right CA and name", 'r', "real.test", false, false, '-', HF_OK, ""},
        {"right CA, name of another", 'r', "wrong.test", false, false, '-', HF_EDENIED, "wrong.test"},
        {"right CA, address not in the certificate", 'r', "", false, false, '-', HF_EDENIED, "127.0.0.1"},
        {"right CA, name is an address", 'r', "127.0.0.2", false, false, '-', HF_OK, ""},
        {"another CA", 'o', "real.test", false, false, '-', HF_EDENIED, "certificate"},
        {"the system's CAs", '-', "real.test", false, false, '-', HF_EDENIED, "certificate"},
        {"a broken CA", 'b', "real.test", false, false, '-', HF_EINVAL, ""},
        {"not verified because the kubeconfig says so", '-', "", true, false, '-', HF_OK, ""},
        {"client certificate asked for and given", 'r', "real.test", false, true, 'r', HF_OK, ""},
        {"client certificate asked for and not given", 'r', "real.test", false, true, '-', HF_EUNAVAILABLE, ""},
        {"client key that is none", 'r', "real.test", false, true, 'b', HF_EINVAL, ""},
    };
    return cr_make_param_array(struct trust_case, cases, sizeof cases / sizeof cases[0]);
}

ParameterizedTest(struct trust_case *one, http_tls, a_server_is_talked_to_only_when_it_is_the_right_one)
{
    struct tls tls;
    struct fetch fetch;
    char url[64];
    static const char BROKEN[] = "-----BEGIN CERTIFICATE-----\nhidden\n-----END CERTIFICATE-----\n";
    start_tls(&tls, one->ask_client);
    fetch_start(&fetch, never, NULL);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", tls.port);
    struct hf_http_server server = {.ca_pem = one->ca == 'r'   ? hf_buf_text(&tls.cert)
                                              : one->ca == 'o' ? hf_buf_text(&tls.other)
                                              : one->ca == 'b' ? BROKEN
                                                               : NULL,
                                    .cert_pem = one->client != '-' ? hf_buf_text(&tls.cert) : NULL,
                                    .key_pem = one->client == 'r'   ? hf_buf_text(&tls.key)
                                               : one->client == 'b' ? BROKEN
                                                                    : NULL,
                                    .server_name = one->server_name[0] ? one->server_name : NULL,
                                    .insecure = one->insecure};
    struct hf_http_request request = {.url = url, .server = &server, .timeout_ms = 10000};
    fetch_call(&fetch, &request, NULL);
    cr_expect_eq(fetch.err.code, one->code, "%s: %s: %s", one->name, hf_code_name(fetch.err.code), fetch.err.text);
    cr_expect_eq(fetch.response.status, one->code == HF_OK ? 200 : 0, "%s", one->name);
    cr_expect_not_null(strstr(fetch.err.text, one->text), "%s: %s", one->name, fetch.err.text);
    cr_expect_null(strstr(fetch.err.text, "hidden"), "%s", fetch.err.text);
    fetch_stop(&fetch);
    stop_tls(&tls);
}
