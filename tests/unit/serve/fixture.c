#include "fixture.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

void fake_trail_init(struct fake_trail *trail)
{
    memset(trail, 0, sizeof *trail);
    pthread_mutex_init(&trail->lock, NULL);
}

void fake_trail_free(struct fake_trail *trail)
{
    for (int64_t i = 0; i < trail->count; i++) {
        free(trail->events[i]);
    }
    pthread_mutex_destroy(&trail->lock);
}

void fake_trail_add(struct fake_trail *trail, const char *type, const char *incident, const char *name,
                    const char *message)
{
    struct hf_buf event = {0};
    pthread_mutex_lock(&trail->lock);
    hf_buf_addf(&event, "{\"id\":%lld,\"at\":\"2026-11-23T03:00:00.000Z\",\"severity\":\"warning\",\"type\":",
                (long long)trail->count + 1);
    hf_buf_add_json(&event, hf_slice_of(type));
    hf_buf_adds(&event, ",\"incident\":");
    hf_buf_add_json(&event, hf_slice_of(incident));
    hf_buf_adds(&event, ",\"kind\":\"Deployment\",\"manager\":\"kubectl-scale\",\"name\":");
    hf_buf_add_json(&event, hf_slice_of(name));
    hf_buf_adds(&event, ",\"message\":");
    hf_buf_add_json(&event, hf_slice_of(message));
    hf_buf_addc(&event, '}');
    trail->events[trail->count++] = hf_buf_take(&event);
    pthread_mutex_unlock(&trail->lock);
}

static bool is_wanted(const struct hf_serve_query *query, int64_t id, const char *event)
{
    if (query->after_id > 0 || query->oldest_first) {
        if (query->oldest_first ? id <= query->after_id : id >= query->after_id) {
            return false;
        }
    }
    return !query->incident || strstr(event, query->incident);
}

static int read_events(void *ctx, const struct hf_serve_query *query, struct hf_buf *out, struct hf_error *err)
{
    struct fake_trail *trail = ctx;
    size_t given = 0;
    pthread_mutex_lock(&trail->lock);
    trail->asked++;
    trail->last = *query;
    hf_buf_addc(out, '[');
    for (int64_t i = 0; i < trail->count && given < query->limit; i++) {
        int64_t at = query->oldest_first ? i : trail->count - 1 - i;
        if (is_wanted(query, at + 1, trail->events[at])) {
            hf_buf_adds(out, given++ > 0 ? "," : "");
            hf_buf_adds(out, trail->events[at]);
        }
    }
    hf_buf_addc(out, ']');
    bool broken = trail->broken;
    pthread_mutex_unlock(&trail->lock);
    return broken ? hf_error_set(err, HF_EIO, "read /var/lib/secret-place/holdfast.db: disk I/O error") : 0;
}

struct hf_serve_trail fake_trail_table(struct fake_trail *trail)
{
    struct hf_serve_trail table = {.ctx = trail, .events = read_events};
    fake_trail_more(&table);
    return table;
}

static int64_t last_turn(void *ctx)
{
    struct server *server = ctx;
    int64_t at = atomic_load(&server->turn_ms);
    return at ? at : hf_mono_ms();
}

void server_start(struct server *server, struct hf_serve_options *options)
{
    struct hf_serve_options plain = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_serve_options *use = options ? options : &plain;
    atomic_init(&server->turn_ms, 0);
    fake_trail_init(&server->trail);
    struct hf_serve_trail table = fake_trail_table(&server->trail);
    struct hf_serve_rules rules = fake_rules_table();
    use->rules = &rules; /* copied by the start */
    if (!use->listen) {
        use->listen = "127.0.0.1:0";
    }
    use->last_turn_ms = last_turn;
    use->last_turn_ctx = server;
    cr_assert_eq(hf_serve_start(use, &table, NULL, &server->serve, &err), 0, "%s", err.text);
    use->rules = NULL;
    server->port = (unsigned)atoi(strrchr(hf_serve_address(server->serve), ':') + 1);
}

void server_stop(struct server *server)
{
    hf_serve_stop(server->serve);
    fake_trail_free(&server->trail);
}

struct hf_view *view_new(size_t objects)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_view *view = hf_arena_alloc(arena, sizeof *view);
    struct hf_view_target *target = hf_arena_alloc(arena, sizeof *target);
    struct hf_view_object *list = hf_arena_array(arena, objects, sizeof *list);
    uint64_t *histogram = hf_arena_array(arena, HF_SERVE_BUCKET_COUNT + 1, sizeof *histogram);
    int64_t now = hf_now_ms();
    *target = (struct hf_view_target){.name = "dev",
                                      .server = "https://127.0.0.1:6443",
                                      .correction = "auto",
                                      .cluster_state = "synced",
                                      .cluster_since_ms = now - 60000,
                                      .source_at_ms = now - 1500,
                                      .corrected_histogram = histogram};
    for (size_t i = 0; i < objects; i++) {
        list[i] = (struct hf_view_object){.target = "dev",
                                          .space = "traderx",
                                          .unit = hf_arena_printf(arena, "unit-%zu", i),
                                          .revision = 3,
                                          .api_version = "apps/v1",
                                          .kind = "Deployment",
                                          .namespace = "traderx-dev",
                                          .name = hf_arena_printf(arena, "service-%05zu", i),
                                          .verdict = "in_sync",
                                          .since_ms = now - 5000,
                                          .last_correction_ms = HF_TIME_NONE};
    }
    *view = (struct hf_view){.made_ms = now,
                             .started_ms = now - 60000,
                             .ready = true,
                             .targets = target,
                             .target_count = 1,
                             .objects = list,
                             .object_count = objects,
                             .arena = arena};
    return view;
}

struct hf_view_object *view_object(struct hf_view *view, size_t index)
{
    return (struct hf_view_object *)&view->objects[index];
}

struct hf_view_target *view_target(struct hf_view *view)
{
    return (struct hf_view_target *)&view->targets[0];
}

void view_finding(struct hf_view *view, size_t index, const char *path, const char *desired, const char *live,
                  const char *manager)
{
    struct hf_view_object *object = view_object(view, index);
    struct hf_view_finding *list = hf_arena_array(view->arena, object->finding_count + 1, sizeof *list);
    for (size_t i = 0; i < object->finding_count; i++) {
        list[i] = object->findings[i];
    }
    list[object->finding_count] = (struct hf_view_finding){.path = path,
                                                           .readable = path,
                                                           .class = "changed",
                                                           .desired = desired,
                                                           .live = live,
                                                           .manager = manager,
                                                           .operation = "Update",
                                                           .at_ms = view->made_ms - 2000};
    object->findings = list;
    object->finding_count++;
}

int dial(const struct server *server)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

void send_text(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t sent = send(fd, text, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server closed: the answer tells */
        }
        text += sent;
        len -= (size_t)sent;
    }
}

/* False at the end of the stream, or when ms have passed. */
static bool read_some(int fd, struct hf_buf *seen, int64_t ms)
{
    char piece[16384];
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    if (poll(&poll_fd, 1, (int)ms) <= 0) {
        return false;
    }
    ssize_t got = recv(fd, piece, sizeof piece, 0);
    if (got <= 0) {
        return false;
    }
    hf_buf_add(seen, piece, (size_t)got);
    return true;
}

bool await_text(int fd, struct hf_buf *seen, const char *text, int64_t ms)
{
    int64_t until = hf_mono_ms() + ms;
    while (!strstr(hf_buf_text(seen), text)) {
        int64_t left = until - hf_mono_ms();
        if (left <= 0 || !read_some(fd, seen, left)) {
            return false;
        }
    }
    return true;
}

static void unchunk(struct reply *reply)
{
    char *from = reply->body;
    char *to = reply->body;
    for (;;) {
        size_t size = strtoul(from, &from, 16);
        if (size == 0 || strncmp(from, "\r\n", 2) != 0) {
            break;
        }
        memmove(to, from + 2, size);
        to += size;
        from += 2 + size + 2;
    }
    *to = '\0';
    reply->body_len = (size_t)(to - reply->body);
}

struct reply ask(const struct server *server, const char *method, const char *target, const char *head)
{
    return ask_body(server, method, target, head, "");
}

struct reply ask_body(const struct server *server, const char *method, const char *target, const char *head,
                      const char *body)
{
    struct reply reply = {0};
    struct hf_buf request = {0};
    struct hf_buf seen = {0};
    int fd = dial(server);
    hf_buf_addf(&request, "%s %s HTTP/1.1\r\n%sConnection: close\r\n\r\n%s", method, target, head, body);
    send_text(fd, request.ptr);
    while (read_some(fd, &seen, 10000)) {
    }
    close(fd);
    hf_buf_free(&request);
    const char *text = hf_buf_text(&seen);
    const char *end = strstr(text, "\r\n\r\n");
    cr_assert(end, "no whole answer to %s %.100s: %.200s", method, target, text);
    reply.status = atoi(text + strlen("HTTP/1.1 "));
    reply.head = hf_strndup(text, (size_t)(end - text) + 2);
    reply.body_len = seen.len - (size_t)(end + 4 - text);
    reply.body = hf_strndup(end + 4, reply.body_len);
    const char *encoding = reply_header(&reply, "Transfer-Encoding");
    if (encoding && strcasecmp(encoding, "chunked") == 0) {
        unchunk(&reply);
    }
    hf_buf_free(&seen);
    return reply;
}

struct reply get(const struct server *server, const char *target)
{
    char head[100];
    (void)snprintf(head, sizeof head, "Host: 127.0.0.1:%u\r\n", server->port);
    return ask(server, "GET", target, head);
}

void reply_free(struct reply *reply)
{
    free(reply->head);
    free(reply->body);
}

const char *reply_header(const struct reply *reply, const char *name)
{
    static char value[1024];
    size_t len = strlen(name);
    for (const char *line = strstr(reply->head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *from = line + 2 + len + 1;
            from += strspn(from, " ");
            (void)snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\r\n"), from);
            return value;
        }
    }
    return NULL;
}
