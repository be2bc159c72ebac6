/* Failures as the Status bodies of the real server. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "request.h"

const char *sim_resource_name(struct hf_arena *arena, const struct sim_kind *kind)
{
    char *text = kind->group[0] ? hf_arena_printf(arena, "%s.%s", kind->plural, kind->group) : NULL;
    return text ? text : kind->plural;
}

int sim_not_found(struct sim_work *work, const struct sim_kind *kind, const char *name)
{
    sim_fail(work, 404, "NotFound", "%s \"%s\" not found", sim_resource_name(work->arena, kind), name);
    return sim_details(work, name, kind->group, kind->plural);
}

int sim_conflict(struct sim_work *work, const struct sim_kind *kind, const char *name, const char *format, ...)
{
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    sim_fail(work, 409, "Conflict", "Operation cannot be fulfilled on %s \"%s\": %s",
             sim_resource_name(work->arena, kind), name, why);
    return sim_details(work, name, kind->group, kind->plural);
}

static void add_cause(struct hf_buf *text, const struct hf_value *cause)
{
    hf_buf_addf(text, "%s: %s", sim_text(cause, "field"), sim_text(cause, "message"));
}

int sim_invalid(struct sim_work *work, const struct sim_kind *kind, const char *name)
{
    hf_auto_buf struct hf_buf text = {0};
    size_t count = hf_value_count(work->causes);
    hf_buf_adds(&text, count > 1 ? "[" : "");
    for (size_t i = 0; i < count; i++) {
        hf_buf_adds(&text, i ? ", " : "");
        add_cause(&text, hf_value_at(work->causes, i));
    }
    hf_buf_adds(&text, count > 1 ? "]" : "");
    const char *group = strcmp(kind->kind, "Ingress") == 0 ? "extensions" : kind->group; /* 1.20's word */
    sim_fail(work, 422, "Invalid", "%s%s%s \"%s\" is invalid: %s", kind->kind, group[0] ? "." : "", group, name,
             hf_buf_text(&text));
    return sim_details(work, name, group, kind->kind);
}

/* The reasons that come with a details object even when there is nothing in it. */
static bool has_details(const struct sim_problem *problem)
{
    return problem->code == 405 || problem->code == 422 || (problem->code == 404 && problem->reason[0] != '\0');
}

void sim_write_status(struct hf_buf *buf, struct sim_work *work)
{
    static const struct sim_problem SHORT = {500, "InternalError", "the simulated server is out of memory", NULL};
    const struct sim_problem *problem = work->problem.code ? &work->problem : &SHORT;
    struct hf_value *details = problem->details;
    if (!details && (work->causes || has_details(problem))) {
        details = hf_value_new(work->arena, HF_OBJECT);
    }
    if (details && work->causes) {
        (void)sim_put(work->arena, details, "causes", work->causes);
    }
    hf_buf_adds(buf, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":");
    hf_buf_add_json(buf, hf_slice_of(problem->message));
    if (problem->reason[0]) {
        hf_buf_addf(buf, ",\"reason\":\"%s\"", problem->reason);
    }
    if (details) {
        hf_buf_adds(buf, ",\"details\":");
        hf_json_write(buf, details);
    }
    hf_buf_addf(buf, ",\"code\":%d}\n", problem->code);
}
