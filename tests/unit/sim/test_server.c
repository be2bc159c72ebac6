/* The server on its port: a process of its own, spoken to over a socket. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "served.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static pid_t child;
static int port;
static char path[64];

static void read_port(void)
{
    hf_auto_buf struct hf_buf text = {0};
    struct hf_error err = HF_ERROR_INIT;
    for (int tries = 0; tries < 500; tries++) {
        const char *found;
        if (hf_read_file(path, 4096, &text, &err) == 0 && (found = strstr(hf_buf_text(&text), "http://127.0.0.1:"))) {
            port = (int)strtol(found + 17, NULL, 10);
            return;
        }
        usleep(10000);
    }
    cr_assert(false, "the server does not start");
}

static void start(void)
{
    snprintf(path, sizeof path, "/tmp/hf-test-sim-%ld", (long)getpid());
    child = fork();
    if (child == 0) {
        struct hf_sim_options options = {.listen = "127.0.0.1:0", .kubeconfig = path, .namespace_delay_ms = 100};
        struct hf_error err = HF_ERROR_INIT;
        cr_assert(ne(ptr, freopen("/dev/null", "w", stdout), NULL));
        _exit(hf_sim_serve(&options, &err) == 0 ? 0 : 1);
    }
    read_port();
}

static void stop(void)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    unlink(path);
}

TestSuite(server, .init = start, .fini = stop, .timeout = 30);

/* A connection on which a request was sent. */
static int send_request(const char *method, const char *target, const char *type, const char *body)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char text[2000];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    int len =
        snprintf(text, sizeof text,
                 "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
                 method, target, type, strlen(body), body);
    cr_assert(eq(int, (int)send(fd, text, (size_t)len, MSG_NOSIGNAL), len));
    return fd;
}

/* Reads until the word comes or the connection ends; the ms that took, -1: it ended. */
static int64_t wait_for(int fd, const char *word)
{
    char text[65536] = "";
    size_t len = 0;
    int64_t begin = hf_mono_ms();
    for (;;) {
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (got <= 0) {
            return -1;
        }
        len += (size_t)got;
        text[len] = '\0';
        if (strstr(text, word)) {
            return hf_mono_ms() - begin;
        }
    }
}

static int64_t request(const char *method, const char *target, const char *type, const char *body, const char *word)
{
    int fd = send_request(method, target, type, body);
    int64_t took = fd < 0 ? -2 : wait_for(fd, word);
    close(fd);
    return took;
}

#define MERGE "application/merge-patch+json"
#define JSON "application/json"

Test(server, tells_a_watch_at_once_even_when_nothing_else_happens)
{
    cr_assert(ge(i64, request("POST", "/api/v1/namespaces", JSON, "{\"metadata\":{\"name\":\"x\"}}", "201"), 0));
    int watch = send_request("GET", "/api/v1/namespaces?watch=1", JSON, "");
    cr_assert(ge(i64, wait_for(watch, "\"name\":\"x\""), 0));
    for (int i = 0; i < 3; i++) {
        char body[100];
        usleep(200000);
        snprintf(body, sizeof body, "{\"metadata\":{\"labels\":{\"a\":\"b%d\"}}}", i);
        cr_assert(ge(i64, request("PATCH", "/api/v1/namespaces/x", MERGE, body, "200"), 0));
        cr_assert(lt(i64, wait_for(watch, "MODIFIED"), 200), "an event took too long");
    }
    close(watch);
}

Test(server, holds_an_answer_back_as_long_as_the_fault_says)
{
    request("POST", "/sim/faults", JSON, "{\"kind\":\"slow\",\"delay\":300,\"ms\":5000}", "200");
    int64_t took = request("GET", "/api/v1/namespaces", JSON, "", "200");
    cr_assert(ge(i64, took, 290));
    cr_assert(lt(i64, took, 600), "%lld ms", (long long)took);
}

Test(server, drops_connections_refuses_new_ones_and_comes_back_on_the_same_port)
{
    int watch = send_request("GET", "/api/v1/namespaces?watch=1", JSON, "");
    cr_assert(ge(i64, wait_for(watch, "default"), 0));
    request("POST", "/sim/faults", JSON, "{\"kind\":\"drop\",\"ms\":400,\"refuse\":true}", "200");
    cr_assert(eq(i64, wait_for(watch, "never"), -1), "the watch ends");
    cr_assert(eq(i64, request("GET", "/readyz", JSON, "", "200"), -2), "nobody listens");
    usleep(600000);
    cr_assert(ge(i64, request("GET", "/readyz", JSON, "", "200"), 0));
    close(watch);
}

Test(server, cuts_a_list_short_and_swallows_the_answer_to_a_write)
{
    request("POST", "/sim/faults", JSON, "{\"kind\":\"truncate\"}", "200");
    cr_assert(eq(i64, request("GET", "/api/v1/namespaces", JSON, "", "]}\n"), -1));
    request("POST", "/sim/faults", JSON, "{\"kind\":\"swallow\"}", "200");
    cr_assert(eq(i64, request("POST", "/api/v1/namespaces", JSON, "{\"metadata\":{\"name\":\"y\"}}", "HTTP"), -1));
    cr_assert(ge(i64, request("GET", "/api/v1/namespaces/y", JSON, "", "200"), 0));
}

Test(server, stops_within_a_second_with_watches_open)
{
    int watch = send_request("GET", "/api/v1/namespaces?watch=1", JSON, "");
    int status = -1;
    cr_assert(ge(i64, wait_for(watch, "default"), 0));
    int64_t begin = hf_mono_ms();
    kill(child, SIGTERM);
    cr_assert(eq(int, waitpid(child, &status, 0), child));
    cr_assert(lt(i64, hf_mono_ms() - begin, 2500)); /* the leak checker takes most of it */
    cr_assert(eq(int, WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0));
    close(watch);
}
