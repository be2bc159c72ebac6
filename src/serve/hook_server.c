/* The audit webhook's own listener. */
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "door.h"
#include "holdfast/mem.h"
#include "hook.h"
#include "listen.h"

#define CONNECTIONS 32u
#define IDLE_S 60u

struct hf_hook_server {
    struct MHD_Daemon *daemon;
    struct hf_hook_gate gate;
    char *cert;
    char *key;
    char address[96];
};

struct exchange {
    struct hf_hook_call *call;
    bool headed;
    char target[512]; /* as sent */
};

static void *keep_target(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *exchange = hf_calloc(1, sizeof *exchange);
    (void)ctx;
    (void)connection;
    if (exchange) {
        (void)snprintf(exchange->target, sizeof exchange->target, "%s", uri);
    }
    return exchange;
}

static void drop(void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *slot;
    (void)ctx;
    (void)connection;
    (void)code;
    if (exchange) {
        hf_hook_free(exchange->call);
        free(exchange);
        *slot = NULL;
    }
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct hf_answer *answer)
{
    enum MHD_Result queued = MHD_NO;
    struct MHD_Response *response = hf_answer_response(answer);
    if (response) {
        queued = MHD_queue_response(connection, answer->status ? answer->status : MHD_HTTP_OK, response);
        MHD_destroy_response(response);
    }
    hf_buf_free(&answer->body);
    return queued;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **slot)
{
    struct hf_hook_server *server = ctx;
    struct exchange *exchange = *slot;
    struct hf_answer answer = {0};
    (void)url;
    (void)version;
    if (!exchange) {
        return MHD_NO;
    }
    if (!exchange->headed) {
        exchange->headed = true;
        if (!hf_hook_is(method, exchange->target)) {
            hf_answer_problem(&answer, 404, "Only POST /audit/v1/TARGET is answered here.");
            return send_answer(connection, &answer);
        }
        exchange->call = hf_hook_begin(&server->gate, connection, exchange->target, &answer);
        return exchange->call ? MHD_YES : send_answer(connection, &answer);
    }
    if (!exchange->call) {
        return MHD_NO;
    }
    if (*upload_size > 0) {
        bool good = hf_hook_take(exchange->call, upload, *upload_size);
        *upload_size = 0;
        return good ? MHD_YES : MHD_NO;
    }
    hf_hook_finish(exchange->call, &answer);
    return send_answer(connection, &answer);
}

static int start_daemon(struct hf_hook_server *server, const struct hf_listen *listen, struct hf_error *err)
{
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | (listen->is_v6 ? MHD_USE_IPv6 : 0u) | (server->cert ? MHD_USE_TLS : 0u);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, server->cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, server->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET,
                                      (MHD_socket)listen->fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
                                      MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                                      MHD_OPTION_URI_LOG_CALLBACK, keep_target, NULL, MHD_OPTION_NOTIFY_COMPLETED, drop,
                                      NULL, MHD_OPTION_ARRAY, server->cert ? tls : none, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return server->daemon ? 0 : hf_error_set(err, HF_EIO, "start the audit listener on %s", listen->address);
}

static int fill(struct hf_hook_server *server, const struct hf_hook_server_options *options, struct hf_error *err)
{
    server->gate.hook = *options->hook;
    atomic_init(&server->gate.open, 0);
    if (!options->cert_pem) {
        return 0;
    }
    server->cert = hf_strdup(options->cert_pem);
    server->key = hf_strdup(options->key_pem ? options->key_pem : "");
    if (!server->cert || !server->key) {
        return hf_error_set(err, HF_ENOMEM, "no memory for the audit listener");
    }
    return hf_tls_check(server->cert, server->key, err) == 0 ? 0 : hf_error_wrap(err, "the audit listener");
}

int hf_hook_server_start(const struct hf_hook_server_options *options, struct hf_log *log, struct hf_hook_server **out,
                         struct hf_error *err)
{
    struct hf_listen listen;
    *out = NULL;
    if ((options->cert_pem ? hf_listen_anywhere : hf_listen_open)(&listen, options->listen, err) != 0) {
        return -1;
    }
    struct hf_hook_server *server = hf_calloc(1, sizeof *server);
    if (!server) {
        close(listen.fd);
        return hf_error_set(err, HF_ENOMEM, "no memory for the audit listener");
    }
    const char *rest = strstr(listen.address, "://");
    (void)snprintf(server->address, sizeof server->address, "%s%.80s", options->cert_pem ? "https" : "http",
                   rest ? rest : "");
    if (fill(server, options, err) != 0 || start_daemon(server, &listen, err) != 0) {
        close(listen.fd);
        hf_hook_server_stop(server);
        return -1;
    }
    hf_log_write(log, HF_INFO, "listening for audit events", "address", server->address, NULL);
    *out = server;
    return 0;
}

void hf_hook_server_stop(struct hf_hook_server *server)
{
    if (!server) {
        return;
    }
    if (server->daemon) {
        MHD_stop_daemon(server->daemon);
    }
    if (server->key) {
        hf_wipe(server->key, strlen(server->key));
    }
    free(server->key);
    free(server->cert);
    free(server);
}

const char *hf_hook_server_address(const struct hf_hook_server *server)
{
    return server->address;
}
