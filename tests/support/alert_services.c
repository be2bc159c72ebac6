/* Plays the services that alerts go to, for the integration tests: each on a port of 127.0.0.1 of its own, with its own
 * address, credentials, checks and answers. Wrong structure, a limit passed or text of an object that could mention,
 * link or format is a finding.
 *
 * usage: alert_services FOLDER LINKS
 *
 * FOLDER gets NAME.url, NAME.token (where a channel needs one) and webhook.secret, and received.jsonl with a line a
 * request: at (ms), service, verdict (taken, refused, finding, fault), status, fault, findings, id, about, thread,
 * state, title, body. LINKS: what every link must begin with. FOLDER/faults is read again at each request; its lines
 * are "NAME FAULT [SECONDS]", each NAME once: 429 SECONDS (Retry-After), any other status, hang, close (at once), cut
 * (in the answer), lost (taken, but not answered), redirect (elsewhere on the same host), deleted (the service's own
 * answer), gone (nobody listens, while it stands there) Prints "listening" when all are there. A signal ends it. */
#include "alert_services.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_SERVICES = 16, MOST_BODY = 8 << 20, HANG_STEPS = 1200 };

struct post {
    const struct service *service;
    struct desk desk;
    char path[200];
    int reserve; /* holds the port while nobody listens on it */
    in_port_t port;
    struct MHD_Daemon *daemon; /* NULL: gone */
};

struct street {
    const char *folder;
    int log;
    pthread_mutex_t lock; /* of what the desks know, and of the log */
    struct post posts[MOST_SERVICES];
    size_t count;
};
static struct street street = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct fault {
    char name[20]; /* "": none */
    double seconds;
};

/* A request that is being read. */
struct reading {
    char *body;
    size_t len;
    size_t cap;
};

static void pause_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static struct fault fault_of(const struct post *post)
{
    char path[500];
    char name[40];
    struct fault fault = {0};
    (void)snprintf(path, sizeof path, "%s/faults", street.folder);
    FILE *in = fopen(path, "r");
    char line[200];
    while (in && fgets(line, sizeof line, in)) {
        struct fault found = {0};
        if (sscanf(line, "%39s %19s %lf", name, found.name, &found.seconds) >= 2 &&
            strcmp(name, post->service->name) == 0) {
            fault = found;
        }
    }
    if (in) {
        (void)fclose(in);
    }
    return fault;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void keep_line(const struct post *post, const struct visit *visit, const struct fault *fault, int status)
{
    cJSON *line = cJSON_CreateObject();
    int findings = cJSON_GetArraySize(visit->findings);
    const char *verdict = findings > 0                                  ? "finding"
                          : strcmp(fault->name, "lost") && *fault->name ? "fault"
                          : status < 300                                ? "taken"
                                                                        : "refused";
    cJSON_AddNumberToObject(line, "at", (double)now_ms());
    cJSON_AddStringToObject(line, "service", post->service->name);
    cJSON_AddStringToObject(line, "verdict", verdict);
    cJSON_AddNumberToObject(line, "status", status);
    cJSON_AddStringToObject(line, "fault", fault->name);
    cJSON_AddItemToObject(line, "findings", cJSON_Duplicate(visit->findings, 1));
    cJSON_AddStringToObject(line, "id", visit->id);
    cJSON_AddStringToObject(line, "about", visit->about);
    cJSON_AddStringToObject(line, "thread", visit->thread);
    cJSON_AddStringToObject(line, "state", visit->state);
    cJSON_AddStringToObject(line, "title", visit->title);
    cJSON_AddStringToObject(line, "body", visit->body);
    char *text = cJSON_PrintUnformatted(line);
    size_t len = text ? strlen(text) : 0;
    if (!text || write(street.log, text, len) != (ssize_t)len || write(street.log, "\n", 1) != 1) {
        perror("received.jsonl");
        exit(1);
    }
    cJSON_free(text);
    cJSON_Delete(line);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

static enum MHD_Result answer(struct MHD_Connection *connection, int status, const char *type, const char *text,
                              const char *name, const char *value)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (*text) {
        (void)MHD_add_response_header(response, "Content-Type", type);
    }
    if (name) {
        (void)MHD_add_response_header(response, name, value);
    }
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static ssize_t break_off(void *ctx, uint64_t at, char *buf, size_t most)
{
    (void)ctx;
    if (at > 0 || most < 4) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    memcpy(buf, "{\"ok", 4);
    return 4;
}

/* 0: no answer; -1: there is no such fault. */
static int status_of(const struct fault *fault)
{
    static const struct {
        const char *name;
        int status;
    } STATUSES[] = {{"hang", 0}, {"close", 0}, {"gone", 0}, {"cut", 200}, {"redirect", 307}, {"deleted", 404}};
    int status = (int)strtol(fault->name, NULL, 10);
    for (size_t i = 0; i < sizeof STATUSES / sizeof STATUSES[0]; i++) {
        if (strcmp(fault->name, STATUSES[i].name) == 0) {
            return STATUSES[i].status;
        }
    }
    return status >= 200 && status <= 599 ? status : -1;
}

static enum MHD_Result fail(struct MHD_Connection *connection, const struct post *post, const struct fault *fault,
                            int status)
{
    const struct service *service = post->service;
    char text[400];
    char seconds[40];
    if (strcmp(fault->name, "hang") == 0) {
        struct fault now = *fault;
        for (int step = 0; step < HANG_STEPS && strcmp(now.name, "hang") == 0; step++) {
            pause_ms(50);
            now = fault_of(post);
        }
    }
    if (status == 0) {
        return MHD_NO;
    }
    if (strcmp(fault->name, "cut") == 0) {
        struct MHD_Response *response = MHD_create_response_from_callback(200, 64, break_off, NULL, NULL);
        enum MHD_Result result = MHD_queue_response(connection, 200, response);
        MHD_destroy_response(response);
        return result;
    }
    if (status == 307) {
        return answer(connection, status, "text/html", "", "Location", "/elsewhere");
    }
    if (strcmp(fault->name, "deleted") == 0) {
        return answer(connection, status, service->gone_type, service->gone, NULL, NULL);
    }
    (void)snprintf(seconds, sizeof seconds, "%.0f", fault->seconds);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, sizeof text, status == 429 ? service->busy : "upstream failed (%g)", fault->seconds);
#pragma GCC diagnostic pop
    return answer(connection, status, status == 429 && text[0] == '{' ? "application/json" : "text/plain", text,
                  fault->seconds > 0 ? "Retry-After" : NULL, seconds);
}

static void read_visit(struct MHD_Connection *connection, struct post *post, const struct reading *reading,
                       struct visit *visit)
{
    *visit = (struct visit){.desk = &post->desk,
                            .content_type = header(connection, "Content-Type"),
                            .authorization = header(connection, "Authorization"),
                            .id = header(connection, "webhook-id"),
                            .timestamp = header(connection, "webhook-timestamp"),
                            .signature = header(connection, "webhook-signature"),
                            .body = reading->body ? reading->body : "",
                            .len = reading->len,
                            .answer_type = "text/plain"};
    visit->json = cJSON_ParseWithLengthOpts(visit->body, visit->len + 1, NULL, 1);
    visit->findings = cJSON_CreateArray();
    if (memchr(visit->body, 0, visit->len)) {
        find(visit, "a zero byte in the body");
    }
}

/* The query stands in the path that a service is known by. */
static bool is_address(struct MHD_Connection *connection, const struct post *post, const char *url)
{
    const char *query = strchr(post->path, '?');
    size_t len = query ? (size_t)(query - post->path) : strlen(post->path);
    bool fits = strncmp(url, post->path, len) == 0 && url[len] == '\0';
    while (query && fits) {
        char name[40];
        char value[100];
        const char *found;
        if (sscanf(query + 1, "%39[^=]=%99[^&]", name, value) != 2) {
            return false;
        }
        found = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
        fits = found && strcmp(found, value) == 0;
        query = strchr(query + 1, '&');
    }
    return fits;
}

static enum MHD_Result serve(struct MHD_Connection *connection, struct post *post, const char *url, const char *method,
                             const struct reading *reading)
{
    struct visit visit;
    enum MHD_Result result = MHD_NO;
    struct fault fault = fault_of(post);
    bool is_taken = !*fault.name || strcmp(fault.name, "lost") == 0;
    (void)pthread_mutex_lock(&street.lock);
    read_visit(connection, post, reading, &visit);
    if (strcmp(method, "POST") != 0) {
        refuse(&visit, 405, "text/plain", "%s is not what a message comes by", method);
    } else if (!is_address(connection, post, url)) {
        refuse(&visit, 404, post->service->gone_type, "%s", post->service->gone);
    }
    /* A service that fails remembers nothing. */
    cJSON *known = is_taken ? NULL : cJSON_Duplicate(post->desk.known, 1);
    if (visit.status == 0) {
        post->service->take(&visit);
    }
    if (!is_taken) {
        cJSON_Delete(post->desk.known);
        post->desk.known = known;
    }
    int status = !is_taken ? status_of(&fault) : visit.status ? visit.status : 200;
    if (status < 0) {
        fprintf(stderr, "there is no fault \"%s\"\n", fault.name);
        exit(2);
    }
    keep_line(post, &visit, &fault, status);
    if (is_taken && !*fault.name) {
        result = answer(connection, status, visit.answer_type, visit.answer, NULL, NULL);
    }
    cJSON_Delete(visit.json);
    cJSON_Delete(visit.findings);
    (void)pthread_mutex_unlock(&street.lock);
    return is_taken ? result : fail(connection, post, &fault, status);
}

static bool take_in(struct reading *reading, const char *bytes, size_t len)
{
    if (reading->len + len + 1 > reading->cap) {
        size_t cap = (reading->len + len + 1) * 2;
        char *body = cap <= MOST_BODY ? realloc(reading->body, cap) : NULL;
        if (!body) {
            return false;
        }
        reading->body = body;
        reading->cap = cap;
    }
    memcpy(reading->body + reading->len, bytes, len);
    reading->len += len;
    reading->body[reading->len] = '\0';
    return true;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **slot)
{
    struct reading *reading = *slot;
    (void)version;
    if (!reading) {
        *slot = calloc(1, sizeof *reading);
        return *slot ? MHD_YES : MHD_NO;
    }
    if (*len > 0) {
        bool is_in = take_in(reading, data, *len);
        *len = 0;
        return is_in ? MHD_YES : MHD_NO;
    }
    return serve(connection, ctx, url, method, reading);
}

static void on_end(void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode why)
{
    struct reading *reading = *slot;
    (void)ctx;
    (void)connection;
    (void)why;
    if (reading) {
        free(reading->body);
        free(reading);
    }
    *slot = NULL;
}

/* A socket with the port, which two may have as long as one of them does not listen. */
static int bind_port(in_port_t *port)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(*port)};
    socklen_t size = sizeof at;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        perror("bind");
        exit(1);
    }
    *port = ntohs(at.sin_port);
    return fd;
}

static void open_post(struct post *post)
{
    int fd = bind_port(&post->port);
    if (listen(fd, 128) != 0) {
        perror("listen");
        exit(1);
    }
    post->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0, NULL, NULL,
                                    on_request, post, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_end,
                                    NULL, MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_END);
    if (!post->daemon) {
        fprintf(stderr, "the server does not start\n");
        exit(1);
    }
}

static void write_file(const char *name, const char *suffix, const char *text)
{
    char path[500];
    (void)snprintf(path, sizeof path, "%s/%s.%s", street.folder, name, suffix);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0) {
        perror(path);
        exit(1);
    }
}

/* 32 letters and digits, as keys of these services are. */
static void make_token(char *out, const char *prefix)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEF";
    unsigned char bytes[32];
    char *at = stpcpy(out, prefix);
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        exit(1);
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        *at++ = LETTERS[bytes[i] % 32];
    }
    *at = '\0';
}

static void set_up(const struct service *service, const char *links)
{
    struct post *post = &street.posts[street.count++];
    char url[400];
    bool is_bot = strcmp(service->name, "slack-bot") == 0;
    bool has_token = is_bot || strcmp(service->name, "pagerduty") == 0 || strcmp(service->name, "alertmanager") == 0;
    post->service = service;
    post->desk.known = cJSON_CreateObject();
    post->desk.links = links;
    make_token(post->desk.token, is_bot ? "xoxb-" : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
    (void)snprintf(post->path, sizeof post->path, service->path, post->desk.token);
#pragma GCC diagnostic pop
    post->reserve = bind_port(&post->port);
    open_post(post);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s\n", post->port, post->path);
    write_file(service->name, "url", url);
    if (has_token || strcmp(service->name, "webhook") == 0) {
        write_file(service->name, has_token ? "token" : "secret", post->desk.token);
    }
}

/* Nobody asks a service that is gone, so the faults are read here too. */
static void come_and_go(void)
{
    for (size_t i = 0; i < street.count; i++) {
        struct post *post = &street.posts[i];
        struct fault fault = fault_of(post);
        bool is_gone = strcmp(fault.name, "gone") == 0;
        if (is_gone && post->daemon) {
            MHD_stop_daemon(post->daemon);
            post->daemon = NULL;
        } else if (!is_gone && !post->daemon) {
            open_post(post);
        }
    }
}

int main(int argc, char **argv)
{
    char path[500];
    if (argc != 3) {
        fprintf(stderr, "usage: alert_services FOLDER LINKS\n");
        return 2;
    }
    street.folder = argv[1];
    (void)snprintf(path, sizeof path, "%s/received.jsonl", street.folder);
    street.log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (street.log < 0) {
        perror(path);
        return 1;
    }
    for (const struct service *service = alert_chats; service->name; service++) {
        set_up(service, argv[2]);
    }
    for (const struct service *service = alert_machines; service->name; service++) {
        set_up(service, argv[2]);
    }
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        come_and_go();
        pause_ms(50);
    }
}
