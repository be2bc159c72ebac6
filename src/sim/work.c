#include "work.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char *format_text(struct hf_arena *arena, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static char *format_text(struct hf_arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    char *text = len < 0 ? NULL : hf_arena_alloc(arena, (size_t)len + 1);
    if (text) {
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return text;
}

int sim_fail(struct sim_work *work, int code, const char *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(work->arena, format, arguments);
    va_end(arguments);
    work->problem = (struct sim_problem){text ? code : 0, reason, text, NULL};
    return -1;
}

void sim_cause(struct sim_work *work, const char *reason, const char *field, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(work->arena, format, arguments);
    va_end(arguments);
    if (!work->causes) {
        work->causes = hf_value_new(work->arena, HF_ARRAY);
    }
    struct hf_value *cause = hf_value_new(work->arena, HF_OBJECT);
    if (!text || !work->causes || !cause || sim_put_text(work->arena, cause, "reason", reason) != 0 ||
        sim_put_text(work->arena, cause, "message", text) != 0 ||
        (field[0] && sim_put_text(work->arena, cause, "field", field) != 0)) {
        return;
    }
    (void)hf_value_push(work->arena, work->causes, cause);
}

const char *sim_printf(struct sim_work *work, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = format_text(work->arena, format, arguments);
    va_end(arguments);
    return text ? text : "";
}

int sim_details(struct sim_work *work, const char *name, const char *group, const char *kind)
{
    struct hf_value *details = work->problem.details ? work->problem.details : hf_value_new(work->arena, HF_OBJECT);
    if (!details) {
        return -1;
    }
    work->problem.details = details;
    const char *const pairs[][2] = {{"name", name}, {"group", group}, {"kind", kind}};
    for (size_t i = 0; i < 3; i++) {
        if (pairs[i][1] && pairs[i][1][0] && sim_put_text(work->arena, details, pairs[i][0], pairs[i][1]) != 0) {
            return -1;
        }
    }
    return -1;
}

struct hf_value *sim_get(struct hf_value *object, const char *key)
{
    return (struct hf_value *)(uintptr_t)hf_value_get(object, key);
}

struct hf_value *sim_path(struct hf_value *object, const char *first, const char *second)
{
    return sim_get(sim_get(object, first), second);
}

struct hf_value *sim_object_at(struct hf_arena *arena, struct hf_value *object, const char *key)
{
    struct hf_value *member = sim_get(object, key);
    if (member && member->kind == HF_OBJECT) {
        return member;
    }
    struct hf_value *fresh = hf_value_new(arena, HF_OBJECT);
    return fresh && sim_put(arena, object, key, fresh) == 0 ? sim_get(object, key) : NULL;
}

int sim_put(struct hf_arena *arena, struct hf_value *object, const char *key, const struct hf_value *value)
{
    return value ? hf_value_set(arena, object, hf_slice_of(key), value) : -1;
}

int sim_put_text(struct hf_arena *arena, struct hf_value *object, const char *key, const char *text)
{
    return sim_put(arena, object, key, hf_value_string(arena, hf_slice_of(text)));
}

int sim_put_int(struct hf_arena *arena, struct hf_value *object, const char *key, int64_t number)
{
    return sim_put(arena, object, key, hf_value_integer(arena, number));
}

int sim_put_bool(struct hf_arena *arena, struct hf_value *object, const char *key, bool value)
{
    struct hf_value *fresh = hf_value_new(arena, HF_BOOL);
    if (!fresh) {
        return -1;
    }
    fresh->as.boolean = value;
    return sim_put(arena, object, key, fresh);
}

int sim_put_json(struct hf_arena *arena, struct hf_value *object, const char *key, const char *json)
{
    return sim_put(arena, object, key, sim_parse(arena, json));
}

void sim_drop(struct hf_value *object, const char *key)
{
    if (object && object->kind == HF_OBJECT) {
        (void)hf_value_unset(object, hf_slice_of(key));
    }
}

struct hf_value *sim_parse(struct hf_arena *arena, const char *json)
{
    const struct hf_value *value = NULL;
    struct hf_error err = HF_ERROR_INIT;
    return hf_json_read(arena, json, strlen(json), NULL, &value, &err) == 0 ? (struct hf_value *)(uintptr_t)value
                                                                            : NULL;
}

const char *sim_text(const struct hf_value *object, const char *key)
{
    const char *text = hf_value_text(hf_value_get(object, key));
    return text ? text : "";
}

bool sim_is_empty(const struct hf_value *value)
{
    if (!value || value->kind == HF_NULL) {
        return true;
    }
    return value->kind == HF_STRING
               ? value->as.text.len == 0
               : (value->kind == HF_ARRAY || value->kind == HF_OBJECT) && hf_value_count(value) == 0;
}

const char *sim_json(struct hf_arena *arena, const struct hf_value *value)
{
    hf_auto_buf struct hf_buf buf = {0};
    hf_json_write(&buf, value);
    return hf_buf_ok(&buf) ? hf_arena_copy(arena, hf_buf_text(&buf), buf.len) : NULL;
}
