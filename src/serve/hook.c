#include "hook.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "holdfast/mem.h"

#define PREFIX "/audit/v1/"
#define MOST_BODY ((size_t)16 << 20)
#define MOST_AT_ONCE 8
#define MOST_MS 20000 /* for a whole body */
#define RETRY_S 1

struct hf_hook_call {
    struct hf_hook_gate *gate;
    int64_t began_ms;
    struct hf_buf body;
    char target[64];
};

bool hf_hook_is(const char *method, const char *target)
{
    return target && strcmp(method, "POST") == 0 && strncmp(target, PREFIX, sizeof PREFIX - 1) == 0;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

/* The target's name as it stands in the path; API servers add ?timeout=30s. */
static bool read_target(const char *sent, char out[64])
{
    const char *name = sent + sizeof PREFIX - 1;
    size_t len = strcspn(name, "?");
    if (len == 0 || len > 63 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") < len) {
        return false;
    }
    memcpy(out, name, len);
    out[len] = '\0';
    return true;
}

/* The same answer for a target that is not there and for a wrong token: who has none learns nothing. */
static bool may(struct hf_hook_gate *gate, struct MHD_Connection *connection, const char *target)
{
    const char *given = header(connection, "Authorization");
    bool is_bearer = strncasecmp(given, "Bearer ", 7) == 0;
    return gate->hook.may && gate->hook.may(gate->hook.ctx, target, is_bearer ? given + 7 : "");
}

static bool is_too_long(struct MHD_Connection *connection)
{
    int64_t len;
    const char *text = header(connection, "Content-Length");
    return *text && (!hf_parse_int(hf_slice_of(text), 0, INT64_MAX, &len) || len > (int64_t)MOST_BODY);
}

struct hf_hook_call *hf_hook_begin(struct hf_hook_gate *gate, struct MHD_Connection *connection, const char *target,
                                   struct hf_answer *answer)
{
    char name[64];
    if (!gate->hook.take) {
        hf_answer_problem(answer, 404, "No target of this agent takes audit events.");
        return NULL;
    }
    if (!read_target(target, name) || !may(gate, connection, name)) {
        hf_answer_problem(answer, 401, "The token is not right for this target.");
        return NULL;
    }
    if (strncasecmp(header(connection, "Content-Type"), "application/json", 16) != 0) {
        hf_answer_problem(answer, 415, "Expected an EventList as application/json.");
        return NULL;
    }
    if (is_too_long(connection)) {
        hf_answer_problem(answer, 413, "A list of audit events has at most 16 MiB.");
        return NULL;
    }
    if (atomic_fetch_add(&gate->open, 1) >= MOST_AT_ONCE) {
        atomic_fetch_sub(&gate->open, 1);
        answer->retry_after_s = RETRY_S;
        hf_answer_problem(answer, 503, "Too many lists of audit events at once.");
        return NULL;
    }
    struct hf_hook_call *call = hf_calloc(1, sizeof *call);
    if (!call) {
        atomic_fetch_sub(&gate->open, 1);
        hf_answer_problem(answer, 503, "The server is short of memory.");
        return NULL;
    }
    call->gate = gate;
    call->began_ms = hf_mono_ms();
    call->body.limit = MOST_BODY;
    memcpy(call->target, name, sizeof name);
    return call;
}

bool hf_hook_take(struct hf_hook_call *call, const char *bytes, size_t len)
{
    hf_buf_add(&call->body, bytes, len);
    return !call->body.failed && hf_mono_ms() - call->began_ms <= MOST_MS;
}

void hf_hook_finish(struct hf_hook_call *call, struct hf_answer *answer)
{
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_serve_hook *hook = &call->gate->hook;
    if (hook->take(hook->ctx, call->target, hf_buf_text(&call->body), call->body.len, &err) == 0) {
        answer->type = "application/json";
        hf_buf_adds(&answer->body, "{}\n");
    } else if (err.code == HF_EBUSY || err.code == HF_ENOMEM) {
        answer->retry_after_s = RETRY_S;
        hf_answer_problem(answer, 503, "The events can't be taken now.");
    } else {
        hf_answer_problem(answer, 400, "%s", err.text);
    }
}

void hf_hook_free(struct hf_hook_call *call)
{
    if (call) {
        atomic_fetch_sub(&call->gate->open, 1);
        hf_buf_free(&call->body);
        free(call);
    }
}
