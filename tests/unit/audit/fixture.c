#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int loop_post(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message)
{
    struct loop *loop = ctx;
    pthread_mutex_lock(&loop->mutex);
    struct message *entry = loop->refuses ? NULL : calloc(1, sizeof *entry);
    if (entry) {
        *entry = (struct message){NULL, fn, fn_ctx, message};
        if (loop->tail) {
            loop->tail->next = entry;
        } else {
            loop->head = entry;
        }
        loop->tail = entry;
        pthread_cond_signal(&loop->wake);
    }
    pthread_mutex_unlock(&loop->mutex);
    return entry ? 0 : -1;
}

bool trail_turn(struct trail *trail, int64_t wait_ms)
{
    struct loop *loop = &trail->loop;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(wait_ms / 1000);
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&loop->mutex);
    while (!loop->head && pthread_cond_timedwait(&loop->wake, &loop->mutex, &until) != ETIMEDOUT) {
    }
    struct message *entry = loop->head;
    if (entry) {
        loop->head = entry->next;
        loop->tail = loop->head ? loop->tail : NULL;
    }
    pthread_mutex_unlock(&loop->mutex);
    if (!entry) {
        return false;
    }
    entry->fn(entry->ctx, entry->message);
    free(entry);
    return true;
}

static void on_durable(void *ctx, uint64_t ticket)
{
    struct trail *trail = ctx;
    trail->tickets[trail->ticket_count++ % 4096] = ticket;
}

static void on_state(void *ctx, const struct hf_error *err)
{
    struct trail *trail = ctx;
    trail->states++;
    trail->state = *err;
}

static void on_outbox(void *ctx)
{
    struct trail *trail = ctx;
    trail->outbox_told++;
}

void trail_init(struct trail *trail)
{
    memset(trail, 0, sizeof *trail);
    pthread_mutex_init(&trail->loop.mutex, NULL);
    pthread_cond_init(&trail->loop.wake, NULL);
    (void)snprintf(trail->folder, sizeof trail->folder, "/tmp/hf-audit-XXXXXX");
    cr_assert_not_null(mkdtemp(trail->folder));
    (void)snprintf(trail->path, sizeof trail->path, "%s/holdfast.db", trail->folder);
    trail->options.path = trail->path;
}

int trail_try_open(struct trail *trail, struct hf_error *err)
{
    struct hf_audit_events events = {trail, on_durable, on_state, on_outbox};
    return hf_audit_open(&trail->options, &events, loop_post, &trail->loop, NULL, &trail->audit, err);
}

void trail_open(struct trail *trail)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(trail_try_open(trail, &err), 0, "%s", err.text);
}

void trail_begin(struct trail *trail)
{
    trail_init(trail);
    trail_open(trail);
}

void trail_close(struct trail *trail)
{
    hf_audit_close(trail->audit, WAIT_MS);
    trail->audit = NULL;
    while (trail_turn(trail, 0)) {
    }
}

void trail_end(struct trail *trail)
{
    if (trail->audit) {
        trail_close(trail);
    }
    DIR *folder = opendir(trail->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s/%s", trail->folder, entry->d_name);
        (void)unlink(path);
    }
    if (folder) {
        closedir(folder);
    }
    cr_expect_eq(rmdir(trail->folder), 0, "%s is left: %s", trail->folder, strerror(errno));
    pthread_mutex_destroy(&trail->loop.mutex);
    pthread_cond_destroy(&trail->loop.wake);
}

void trail_wait_durable(struct trail *trail, size_t count)
{
    while (trail->ticket_count < count) {
        cr_assert(trail_turn(trail, WAIT_MS), "%zu of %zu tickets were told", trail->ticket_count, count);
    }
}

void trail_append(struct trail *trail, const struct hf_audit_event *event, uint64_t ticket)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_batch batch = {.events = event, .event_count = 1};
    cr_assert_eq(hf_audit_append(trail->audit, &batch, ticket, &err), 0, "%s", err.text);
}

static void on_taken(void *ctx, const struct hf_outbox_row *rows, size_t count, int64_t next_due_ms)
{
    struct trail *trail = ctx;
    trail->taken = true;
    trail->row_count = count;
    trail->next_due_ms = next_due_ms;
    for (size_t i = 0; i < count && i < 64; i++) {
        trail->row_ids[i] = rows[i].id;
        trail->row_attempts[i] = rows[i].attempts;
        (void)snprintf(trail->row_keys[i], sizeof trail->row_keys[i], "%s", rows[i].key);
        (void)snprintf(trail->row_json[i], sizeof trail->row_json[i], "%s", rows[i].event_json);
    }
}

void trail_take(struct trail *trail, const char *channel, int64_t now_ms, size_t most)
{
    struct hf_error err = HF_ERROR_INIT;
    trail->taken = false;
    cr_assert_eq(hf_audit_outbox_take(trail->audit, channel, now_ms, most, on_taken, trail, &err), 0, "%s", err.text);
    while (!trail->taken) {
        cr_assert(trail_turn(trail, WAIT_MS), "the outbox does not answer");
    }
}

static const char *keep(struct seen *seen, const char *text)
{
    return text ? hf_arena_copy(seen->arena, text, strlen(text)) : NULL;
}

bool seen_row(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct seen *seen = ctx;
    if (seen->count < 256) {
        seen->ids[seen->count] = id;
        (void)snprintf(seen->types[seen->count], sizeof seen->types[0], "%s", event->type ? event->type : "");
    }
    seen->count++;
    (void)snprintf(seen->digest, sizeof seen->digest, "%s", digest);
    seen->last = *event;
    const char **const texts[] = {&seen->last.type,        &seen->last.severity, &seen->last.incident,
                                  &seen->last.target,      &seen->last.space,    &seen->last.unit,
                                  &seen->last.api_version, &seen->last.kind,     &seen->last.namespace,
                                  &seen->last.name,        &seen->last.uid,      &seen->last.resource_version,
                                  &seen->last.verdict,     &seen->last.manager,  &seen->last.operation,
                                  &seen->last.subresource, &seen->last.message,  &seen->last.detail};
    for (size_t i = 0; seen->arena && i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = keep(seen, *texts[i]);
    }
    return seen->stop_after == 0 || seen->count < seen->stop_after;
}

struct hf_audit_reader *trail_reader(const struct trail *trail)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader = NULL;
    cr_assert_eq(hf_audit_reader_open(trail->path, &reader, &err), 0, "%s", err.text);
    return reader;
}

const char *trail_verify(const struct trail *trail, int64_t *rows)
{
    static struct hf_error err;
    int64_t right = 0;
    hf_error_clear(&err);
    struct hf_audit_reader *reader = trail_reader(trail);
    int status = hf_audit_verify(reader, NULL, NULL, &right, &err);
    hf_audit_reader_close(reader);
    if (rows) {
        *rows = right;
    }
    cr_assert_eq(status == 0, err.code == HF_OK);
    return err.text;
}

int trail_sql(const struct trail *trail, const char *sql)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(trail->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, WAIT_MS);
    int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return result;
}

void trail_forge(const struct trail *trail, const char *sql)
{
    struct hf_buf triggers = {0};
    sqlite3 *db;
    sqlite3_stmt *statement;
    cr_assert_eq(sqlite3_open(trail->path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_schema WHERE type = 'trigger'", -1, &statement, NULL),
                 SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        hf_buf_addf(&triggers, "%s;\n", (const char *)sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    cr_assert_eq(
        sqlite3_exec(db,
                     "DROP TRIGGER events_no_update; DROP TRIGGER events_no_delete; DROP TRIGGER events_only_append;",
                     NULL, NULL, NULL),
        SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_exec(db, hf_buf_text(&triggers), NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    hf_buf_free(&triggers);
    sqlite3_close(db);
}

int64_t trail_count(const struct trail *trail, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    cr_assert_eq(sqlite3_open_v2(trail->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(statement), SQLITE_ROW, "%s", sqlite3_errmsg(db));
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}
