#include <string.h>

#include "server.h"

/* A path that ends in '/' takes all below it. */
static const struct hf_route ROUTES[] = {
    {"/", hf_serve_page, true},
    {"/units", hf_serve_page, false},
    {"/object", hf_serve_page, true},
    {"/incidents", hf_serve_page, true},
    {"/incidents/", hf_serve_page, true},
    {"/trail", hf_serve_page, true},
    {"/rules", hf_serve_page, false},
    {"/assets/", hf_serve_asset, false},
    {"/favicon.ico", hf_serve_asset, false},
    {"/openapi.yaml", hf_serve_openapi, false},
    {"/livez", hf_serve_livez, false},
    {"/readyz", hf_serve_readyz, false},
    {"/healthz", hf_serve_livez, false},
    {"/metrics", hf_serve_metrics, false},
    {"/api/v1/summary", hf_serve_summary, false},
    {"/api/v1/targets", hf_serve_targets, false},
    {"/api/v1/spaces", hf_serve_spaces, false},
    {"/api/v1/units", hf_serve_units, false},
    {"/api/v1/objects", hf_serve_objects, false},
    {"/api/v1/object", hf_serve_object, false},
    {"/api/v1/events", hf_serve_events, true},
    {"/api/v1/incidents", hf_serve_incidents, true},
    {"/api/v1/incidents/", hf_serve_incident, true},
    {"/api/v1/stats", hf_serve_stats, true},
    {"/api/v1/stats/timeline", hf_serve_timeline, true},
    {"/api/v1/trail", hf_serve_chain, true},
    {"/api/v1/export", hf_serve_export, true},
    {"/api/v1/rules", hf_serve_rules, false},
    {"/api/v1/rules/explain", hf_serve_explain, false},
    {"/api/v1/stream", hf_serve_stream, false},
    {"/api/v1/session", hf_serve_session, false},
    {"/api/v1/actions/", hf_serve_action, false},
    {"/api/v1/pauses", hf_serve_pauses, false},
    {"/api/v1/actions", hf_serve_post_only, false},
    {"/api/v1/login", hf_serve_post_only, false},
    {"/api/v1/logout", hf_serve_post_only, false},
    {"/logout", hf_serve_post_only, false},
    {"/login", hf_serve_login_page, false},
    {"/api/v1/openapi.yaml", hf_serve_openapi, false},
};

const struct hf_route *hf_serve_route(const char *path)
{
    static const struct hf_route NOTHING = {"", hf_serve_nothing, false};
    for (size_t i = 0; i < sizeof ROUTES / sizeof ROUTES[0]; i++) {
        size_t len = strlen(ROUTES[i].path);
        bool below = len > 1 && ROUTES[i].path[len - 1] == '/';
        if (below ? strncmp(path, ROUTES[i].path, len) == 0 && path[len] : strcmp(path, ROUTES[i].path) == 0) {
            return &ROUTES[i];
        }
    }
    return &NOTHING;
}

void hf_serve_nothing(const struct hf_request *request, struct hf_answer *answer)
{
    (void)request;
    hf_answer_problem(answer, 404, "There is nothing at this path. The API is described at /openapi.yaml.");
}

void hf_serve_post_only(const struct hf_request *request, struct hf_answer *answer)
{
    (void)request;
    answer->allow = "POST";
    hf_answer_problem(answer, 405, "Only POST is answered here.");
}
