#include "holdfast/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/mem.h"

#define LONGEST_VALUE 2000u

struct hf_log {
    int fd;
    _Atomic int least;
    enum hf_log_form form;
};

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};

struct hf_log *hf_log_new(int fd, enum hf_level least, enum hf_log_form form)
{
    struct hf_log *log = hf_calloc(1, sizeof *log);
    if (log) {
        log->fd = fd;
        atomic_init(&log->least, (int)least);
        log->form = form;
    }
    return log;
}

void hf_log_free(struct hf_log *log)
{
    free(log);
}

void hf_log_level(struct hf_log *log, enum hf_level least)
{
    atomic_store(&log->least, (int)least);
}

static bool is_bare(const char *text)
{
    if (!*text) {
        return false;
    }
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at == '"' || *at == '=' || *at == '\\' || (unsigned char)*at >= 0x7F) {
            return false;
        }
    }
    return true;
}

static void add_pair(struct hf_buf *line, enum hf_log_form form, const char *name, const char *text)
{
    struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(text), LONGEST_VALUE);
    struct hf_slice value = hf_slice_of(hf_buf_text(&safe));
    if (form == HF_LOG_JSON) {
        hf_buf_addc(line, line->len ? ',' : '{');
        hf_buf_add_json(line, hf_slice_of(name));
        hf_buf_addc(line, ':');
        hf_buf_add_json(line, value);
    } else {
        if (line->len) {
            hf_buf_addc(line, ' ');
        }
        hf_buf_adds(line, name);
        hf_buf_addc(line, '=');
        if (is_bare(value.ptr)) {
            hf_buf_add(line, value.ptr, value.len);
        } else {
            hf_buf_add_json(line, value);
        }
    }
    hf_buf_free(&safe);
}

static void write_line(int fd, const struct hf_buf *line)
{
    size_t done = 0;
    while (done < line->len) {
        ssize_t wrote = write(fd, line->ptr + done, line->len - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return; /* a log that can't be written must not stop the agent */
        }
        done += (size_t)wrote;
    }
}

static void write_entry(struct hf_log *log, enum hf_level level, const char *message, const struct hf_error *err,
                        va_list args)
{
    char time[HF_TIME_TEXT];
    struct hf_buf line = {0};
    hf_time_format(hf_now_ms(), time);
    add_pair(&line, log->form, "time", time);
    add_pair(&line, log->form, "level", LEVELS[level]);
    add_pair(&line, log->form, "msg", message);
    for (const char *name = va_arg(args, const char *); name; name = va_arg(args, const char *)) {
        const char *text = va_arg(args, const char *);
        if (text) {
            add_pair(&line, log->form, name, text);
        }
    }
    if (err) {
        add_pair(&line, log->form, "code", hf_code_name(err->code));
        add_pair(&line, log->form, "error", err->text);
    }
    hf_buf_adds(&line, log->form == HF_LOG_JSON ? "}\n" : "\n");
    if (hf_buf_ok(&line)) {
        write_line(log->fd, &line);
    }
    hf_buf_free(&line);
}

void hf_log_write(struct hf_log *log, enum hf_level level, const char *message, ...)
{
    if (!log || (int)level < atomic_load(&log->least)) {
        return;
    }
    va_list args;
    va_start(args, message);
    write_entry(log, level, message, NULL, args);
    va_end(args);
}

void hf_log_error(struct hf_log *log, enum hf_level level, const char *message, const struct hf_error *err, ...)
{
    if (!log || (int)level < atomic_load(&log->least)) {
        return;
    }
    va_list args;
    va_start(args, err);
    write_entry(log, level, message, err, args);
    va_end(args);
}

bool hf_level_parse(struct hf_slice text, enum hf_level *level)
{
    for (int i = 0; i < 4; i++) {
        if (hf_slice_is(text, LEVELS[i])) {
            *level = (enum hf_level)i;
            return true;
        }
    }
    return false;
}

bool hf_log_form_parse(struct hf_slice text, enum hf_log_form *form)
{
    if (hf_slice_is(text, "logfmt")) {
        *form = HF_LOGFMT;
    } else if (hf_slice_is(text, "json")) {
        *form = HF_LOG_JSON;
    } else {
        return false;
    }
    return true;
}
