#include "desk.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "holdfast/kubeconfig.h"

static void answer(struct desk *desk, int fd, const char *path)
{
    hf_auto_buf struct hf_buf text = {0};
    const char *body = "{\"kind\":\"Status\",\"status\":\"Failure\"}";
    int status = 404;
    pthread_mutex_lock(&desk->lock);
    hf_buf_addf(&desk->asked, " %s ", path);
    for (size_t i = 0; i < desk->page_count; i++) {
        if (strcmp(desk->pages[i].path, path) == 0) {
            status = desk->pages[i].status;
            body = desk->pages[i].body;
        }
    }
    hf_buf_addf(
        &text,
        "HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
        status, strlen(body), body);
    pthread_mutex_unlock(&desk->lock);
    for (size_t at = 0; at < text.len;) {
        ssize_t sent = send(fd, text.ptr + at, text.len - at, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        at += (size_t)sent;
    }
}

/* The head with all of its body: who closes before it has read them breaks off its own answer. */
static bool is_whole(const char *request, size_t len)
{
    const char *body = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\nContent-Length:");
    size_t wanted = length && body && length < body ? strtoul(length + 17, NULL, 10) : 0;
    return body && len - (size_t)(body + 4 - request) >= wanted;
}

static void serve(struct desk *desk, int fd)
{
    char request[8192];
    size_t len = 0;
    while (len < sizeof request - 1) {
        struct pollfd waits = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&waits, 1, 1000) == 1 ? recv(fd, request + len, sizeof request - 1 - len, 0) : 0;
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        request[len] = '\0';
        if (is_whole(request, len)) {
            break;
        }
    }
    char *path = strchr(request, ' ');
    char *end = path ? strchr(path + 1, ' ') : NULL;
    if (end) {
        *end = '\0';
        answer(desk, fd, path + 1);
    }
}

static void *run(void *ctx)
{
    struct desk *desk = ctx;
    for (;;) {
        struct pollfd waits = {.fd = desk->listener, .events = POLLIN};
        (void)poll(&waits, 1, 20);
        pthread_mutex_lock(&desk->lock);
        bool stop = desk->stop;
        pthread_mutex_unlock(&desk->lock);
        if (stop) {
            return NULL;
        }
        int fd = waits.revents ? accept(desk->listener, NULL, NULL) : -1;
        if (fd >= 0) {
            serve(desk, fd);
            close(fd);
        }
    }
}

void desk_page(struct desk *desk, const char *path, int status, const char *body)
{
    pthread_mutex_lock(&desk->lock);
    size_t at = 0;
    while (at < desk->page_count && strcmp(desk->pages[at].path, path) != 0) {
        at++;
    }
    cr_assert_lt(at, sizeof desk->pages / sizeof desk->pages[0]);
    if (at < desk->page_count) {
        free(desk->pages[at].path);
        free(desk->pages[at].body);
    } else {
        desk->page_count++;
    }
    desk->pages[at] = (struct page){strdup(path), status, strdup(body)};
    pthread_mutex_unlock(&desk->lock);
}

void desk_file(struct desk *desk, const char *path, const char *fixture)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf name = {0};
    hf_auto_buf struct hf_buf body = {0};
    hf_buf_addf(&name, HF_SOURCE_DIR "/tests/fixtures/drift/openapi-v3/%s", fixture);
    cr_assert_eq(hf_read_file(hf_buf_text(&name), 1u << 20, &body, &err), 0, "%s", err.text);
    desk_page(desk, path, 200, hf_buf_text(&body));
}

static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(fd, 64), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void on_discovered(void *ctx, const struct hf_error *err)
{
    struct desk *desk = ctx;
    desk->error = *err;
    hf_loop_stop(desk->loop);
}

static void add_discovery(struct desk *desk)
{
#define RESOURCE(name, kind)                                                                                           \
    "{\"name\":\"" name "\",\"kind\":\"" kind "\",\"namespaced\":true,\"verbs\":[\"get\",\"list\",\"watch\","          \
    "\"patch\"]}"
#define GROUP(name) "{\"name\":\"" name "\",\"versions\":[{\"groupVersion\":\"" name "/v1\",\"version\":\"v1\"}]}"
#define LIST(version, resources)                                                                                       \
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"" version "\",\"resources\":[" resources "]}"
    desk_page(desk, "/api", 200, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}");
    desk_page(desk, "/apis", 200,
              "{\"kind\":\"APIGroupList\",\"groups\":[" GROUP("apps") "," GROUP("example.com") "," GROUP(
                  "apiextensions.k8s.io") "]}");
    desk_page(desk, "/api/v1", 200, LIST("v1", RESOURCE("configmaps", "ConfigMap")));
    desk_page(desk, "/apis/apps/v1", 200,
              LIST("apps/v1", RESOURCE("deployments", "Deployment") "," RESOURCE("statefulsets", "StatefulSet")));
    desk_page(desk, "/apis/example.com/v1", 200, LIST("example.com/v1", RESOURCE("widgets", "Widget")));
    desk_page(desk, "/apis/apiextensions.k8s.io/v1", 200,
              LIST("apiextensions.k8s.io/v1", RESOURCE("customresourcedefinitions", "CustomResourceDefinition")));
}

void desk_open(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    int port;
    char server[64];
    struct hf_cluster_options options = {.name = "dev", .request_timeout_ms = 5000};
    *desk = (struct desk){.log_fd = memfd_create("log", MFD_CLOEXEC)};
    pthread_mutex_init(&desk->lock, NULL);
    desk->listener = listen_somewhere(&port);
    add_discovery(desk);
    cr_assert_eq(pthread_create(&desk->thread, NULL, run, desk), 0);
    (void)snprintf(server, sizeof server, "http://127.0.0.1:%d", port);
    struct hf_access access = {.server = server, .proxy = "", .token = "t"};
    desk->log = hf_log_new(desk->log_fd, HF_DEBUG, HF_LOGFMT);
    desk->loop = hf_loop_new(&err);
    desk->http = hf_http_new(desk->loop, "holdfast-test", &err);
    cr_assert_eq(hf_cluster_new(desk->loop, desk->http, desk->log, &access, &options, &desk->cluster, &err), 0, "%s",
                 err.text);
    cr_assert_eq(hf_schema_new(desk->cluster, desk->log, "dev", &desk->schema, &err), 0);
    cr_assert_eq(hf_cluster_discover(desk->cluster, on_discovered, desk, &err), 0);
    cr_assert_eq(hf_loop_run(desk->loop, &err), 0);
    cr_assert_eq(desk->error.code, HF_OK, "%s", desk->error.text);
}

void desk_close(struct desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    desk->stop = true;
    pthread_mutex_unlock(&desk->lock);
    pthread_join(desk->thread, NULL);
    hf_cluster_free(desk->cluster);
    hf_schema_free(desk->schema);
    hf_types_free(desk->types);
    hf_http_free(desk->http);
    hf_loop_free(desk->loop);
    hf_log_free(desk->log);
    close(desk->log_fd);
    close(desk->listener);
    for (size_t i = 0; i < desk->page_count; i++) {
        free(desk->pages[i].path);
        free(desk->pages[i].body);
    }
    hf_buf_free(&desk->asked);
    pthread_mutex_destroy(&desk->lock);
}

static void on_types(void *ctx, const struct hf_schema_result *result, const struct hf_error *err)
{
    struct desk *desk = ctx;
    desk->error = *err;
    desk->partial = result->partial;
    desk->told_types = result->types != NULL;
    if (result->types) {
        hf_types_free(desk->types);
        desk->types = result->types;
    }
    hf_loop_stop(desk->loop);
}

void desk_read(struct desk *desk, ...)
{
    struct hf_schema_kind kinds[16];
    char texts[16][100];
    size_t count = 0;
    struct hf_error err = HF_ERROR_INIT;
    va_list args;
    va_start(args, desk);
    for (const char *kind = va_arg(args, const char *); kind; kind = va_arg(args, const char *)) {
        (void)snprintf(texts[count], sizeof texts[count], "%s", kind);
        char *space = strchr(texts[count], ' ');
        *space = '\0';
        kinds[count] = (struct hf_schema_kind){texts[count], space + 1};
        count++;
    }
    va_end(args);
    pthread_mutex_lock(&desk->lock);
    hf_buf_clear(&desk->asked);
    pthread_mutex_unlock(&desk->lock);
    cr_assert_eq(hf_schema_read(desk->schema, kinds, count, on_types, desk, &err), 0, "%s", err.text);
    cr_assert_eq(hf_schema_read(desk->schema, kinds, count, on_types, desk, &err), -1, "one at a time");
    cr_assert_eq(err.code, HF_EBUSY);
    cr_assert_eq(hf_loop_run(desk->loop, &err), 0);
}

bool desk_was_asked(struct desk *desk, const char *path)
{
    hf_auto_buf struct hf_buf wanted = {0};
    hf_buf_addf(&wanted, " %s ", path);
    pthread_mutex_lock(&desk->lock);
    bool found = strstr(hf_buf_text(&desk->asked), hf_buf_text(&wanted)) != NULL;
    pthread_mutex_unlock(&desk->lock);
    return found;
}

bool desk_log_has(struct desk *desk, const char *text)
{
    static char bytes[1 << 16];
    ssize_t got = pread(desk->log_fd, bytes, sizeof bytes - 1, 0);
    bytes[got > 0 ? got : 0] = '\0';
    return strstr(bytes, text) != NULL;
}

const struct hf_type *desk_type(const struct desk *desk, const char *group, const char *version, const char *kind)
{
    return hf_types_find(desk->types, group, version, kind);
}
