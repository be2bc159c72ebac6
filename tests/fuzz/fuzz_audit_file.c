/* Any bytes as a trail: opened, queried, verified, exported. Whatever is in the file, reading it ends in rows or an
 * error. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "holdfast/audit.h"

static bool count_row(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct hf_buf json = {.limit = 1 << 20};
    hf_audit_event_json(&json, id, event, digest);
    hf_buf_free(&json);
    return ++*(size_t *)ctx < 1000;
}

static bool count_object(void *ctx, const struct hf_audit_object *object)
{
    (void)object;
    return ++*(size_t *)ctx < 1000;
}

static bool count_line(void *ctx, int64_t id, const char *digest, struct hf_slice canonical)
{
    (void)id;
    (void)digest;
    if (!hf_utf8_valid(canonical.ptr, canonical.len)) {
        abort();
    }
    return ++*(size_t *)ctx < 1000;
}

static bool count_figures(void *ctx, const struct hf_audit_figures *figures)
{
    (void)figures;
    return ++*(size_t *)ctx < 1000;
}

static void read_all(struct hf_audit_reader *reader)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_filter filter = {.newest_first = true, .since_ms = 1, .unit = "web", .type = "drift."};
    struct hf_audit_filter found = {.path = "/a", .class = "changed"};
    struct hf_audit_filter all = {0};
    size_t rows = 0;
    int64_t right = 0;
    (void)hf_audit_query(reader, &all, count_row, &rows, &err);
    (void)hf_audit_query(reader, &filter, count_row, &rows, &err);
    (void)hf_audit_query(reader, &found, count_row, &rows, &err);
    (void)hf_audit_open_incidents(reader, count_row, &rows, &err);
    (void)hf_audit_objects(reader, count_object, &rows, &err);
    (void)hf_audit_export(reader, 0, count_line, &rows, &err);
    (void)hf_audit_figures(reader, HF_BY_PATH, HF_TIME_NONE, HF_TIME_NONE, count_figures, &rows, &err);
    (void)hf_audit_verify(reader, NULL, NULL, &right, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_reader *reader;
    (void)snprintf(path, sizeof path, "/tmp/hf-fuzz-audit-%ld.db", (long)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return 0;
    }
    ssize_t written = write(fd, data, size);
    close(fd);
    if (written == (ssize_t)size && hf_audit_reader_open(path, &reader, &err) == 0) {
        read_all(reader);
        hf_audit_reader_close(reader);
    }
    (void)unlink(path);
    return 0;
}
