/* /livez, /healthz: does the loop turn. /readyz: is everything there that is needed to hold objects to their units. */
#include <string.h>

#include "holdfast/embedded.h"
#include "json_out.h"
#include "server.h"

static const char *const VERBOSE[] = {"verbose", NULL};

void hf_serve_livez(const struct hf_request *request, struct hf_answer *answer)
{
    int64_t stuck = hf_serve_stuck_ms(request->serve);
    bool verbose; /* taken, as on /readyz; there is one thing to tell */
    if (!hf_request_only(request, answer, VERBOSE) || !hf_request_bool(request, answer, "verbose", &verbose)) {
        return;
    }
    answer->type = "text/plain; charset=utf-8";
    if (stuck > 0) {
        char age[HF_TIME_TEXT];
        hf_duration_format(stuck, age);
        answer->status = 503;
        hf_buf_addf(&answer->body, "the loop has not turned for %s\n", age);
    } else {
        hf_buf_adds(&answer->body, "ok\n");
    }
}

/* One dependency; those that are well are told with ?verbose only. */
struct report {
    struct hf_buf *out;
    bool verbose;
    bool failed;
};

static void tell(struct report *report, const char *what, const char *name, const char *problem)
{
    bool failed = problem && problem[0];
    report->failed |= failed;
    if (!failed && !report->verbose) {
        return;
    }
    hf_buf_adds(report->out, failed ? "[-]" : "[+]");
    hf_buf_adds(report->out, what);
    if (name) {
        hf_buf_addc(report->out, ' ');
        hf_buf_add_safe(report->out, hf_slice_of(name), 100);
    }
    hf_buf_adds(report->out, failed ? ": " : " ok");
    hf_buf_add_safe(report->out, hf_slice_of(problem), 500);
    hf_buf_addc(report->out, '\n');
}

static void tell_view(struct report *report, const struct hf_view *view)
{
    for (size_t i = 0; i < view->target_count; i++) {
        const struct hf_view_target *target = &view->targets[i];
        bool synced = target->cluster_state && strcmp(target->cluster_state, "synced") == 0;
        bool told = target->cluster_problem && target->cluster_problem[0];
        tell(report, "cluster", target->name, synced ? NULL : told ? target->cluster_problem : "not synced yet");
        tell(report, "source", target->name, target->source_problem);
    }
    tell(report, "trail", NULL, view->trail_problem);
}

void hf_serve_readyz(const struct hf_request *request, struct hf_answer *answer)
{
    bool verbose;
    struct report report = {.out = &answer->body};
    if (!hf_request_only(request, answer, VERBOSE) || !hf_request_bool(request, answer, "verbose", &verbose)) {
        return;
    }
    report.verbose = verbose;
    answer->type = "text/plain; charset=utf-8";
    tell(&report, "loop", NULL, hf_serve_stuck_ms(request->serve) > 0 ? "does not turn" : NULL);
    bool ready = false;
    if (request->view) {
        const struct hf_view *view = request->view->view;
        ready = view->ready;
        tell_view(&report, view);
        if (!ready && !report.failed) {
            tell(&report, "ready", NULL, view->not_ready ? view->not_ready : "not yet");
        }
    } else {
        tell(&report, "view", NULL, "nothing has been read yet");
    }
    /* A lost cluster or source is told; what holdfast says of itself (view->ready) decides, with the loop. */
    bool stuck = hf_serve_stuck_ms(request->serve) > 0;
    answer->status = ready && !stuck ? 200 : 503;
    hf_buf_adds(&answer->body, answer->status == 200 ? "ok\n" : "not ready\n");
}

void hf_serve_openapi(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const NONE[] = {NULL};
    const struct hf_embedded *file = hf_embedded_find("schema/openapi.yaml");
    if (!hf_request_only(request, answer, NONE)) {
        return;
    }
    if (!file) {
        hf_answer_problem(answer, 404, "The API's document is not built in.");
        return;
    }
    answer->type = "application/yaml; charset=utf-8";
    hf_buf_add(&answer->body, file->bytes, file->size);
}
