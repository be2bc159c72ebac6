/* --audit-log: each write in the form of the API server's own audit log (audit.k8s.io/v1, level Metadata), one a line,
 * in the order in which they were done. For tests that compare it with what an agent says it has written. */
#include <string.h>
#include <time.h>

#include "sim.h"

static const char *verb_of(const struct sim_request *request)
{
    static const char *const VERBS[][2] = {{"POST", "create"}, {"PUT", "update"}, {"PATCH", "patch"}};
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++) {
        if (strcmp(request->method, VERBS[i][0]) == 0) {
            return VERBS[i][1];
        }
    }
    return strcmp(request->method, "DELETE") != 0 ? NULL : request->name[0] ? "delete" : "deletecollection";
}

static void add_text(struct hf_buf *line, const char *name, const char *value)
{
    if (value && *value) {
        hf_buf_addf(line, "\"%s\":", name);
        hf_buf_add_json(line, hf_slice_of(value));
        hf_buf_addc(line, ',');
    }
}

static void add_uri(struct hf_buf *line, const struct sim_request *request)
{
    hf_auto_buf struct hf_buf uri = {0};
    hf_buf_adds(&uri, request->path);
    for (size_t i = 0; i < request->parameter_count; i++) {
        hf_buf_addf(&uri, "%s%s=%s", i > 0 ? "&" : "?", request->parameters[i].name,
                    request->parameters[i].value ? request->parameters[i].value : "");
    }
    add_text(line, "requestURI", hf_buf_text(&uri));
    line->failed |= uri.failed;
}

static void add_time(struct hf_buf *line)
{
    struct timespec now;
    struct tm parts;
    char text[32] = "";
    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &parts)) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    }
    hf_buf_addf(line, "\"stageTimestamp\":\"%s.%06ldZ\"", text, now.tv_nsec / 1000);
}

void sim_audit(const struct sim *sim, const struct sim_request *request, const struct sim_response *response)
{
    const char *verb = verb_of(request);
    hf_auto_buf struct hf_buf line = {0};
    if (!sim->audit_log || !verb || !request->collection) {
        return;
    }
    const struct sim_kind *kind = &request->collection->kind;
    hf_buf_adds(&line, "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\","
                       "\"stage\":\"ResponseComplete\",");
    add_text(&line, "verb", verb);
    add_uri(&line, request);
    add_text(&line, "userAgent", request->user_agent);
    hf_buf_adds(&line, "\"objectRef\":{");
    add_text(&line, "resource", kind->plural);
    add_text(&line, "namespace", request->space);
    add_text(&line, "name", request->name);
    add_text(&line, "apiGroup", kind->group);
    add_text(&line, "subresource", request->subresource);
    add_text(&line, "apiVersion", kind->version);
    line.len--; /* the comma: a version is never empty */
    hf_buf_addf(&line, "},\"responseStatus\":{\"code\":%d},", response->status);
    add_time(&line);
    hf_buf_adds(&line, "}\n");
    if (!hf_buf_ok(&line) || fwrite(line.ptr, 1, line.len, sim->audit_log) != line.len || fflush(sim->audit_log) != 0) {
        perror("holdfast-sim: --audit-log");
        abort(); /* a test must not go on with a record that has gaps */
    }
}
