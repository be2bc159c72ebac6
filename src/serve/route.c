#include <string.h>

#include "server.h"

/* A path that ends in '/' takes all below it. */
static const struct {
    const char *path;
    hf_handler handler;
} ROUTES[] = {
    {"/", hf_serve_page},
    {"/units", hf_serve_page},
    {"/object", hf_serve_page},
    {"/incidents", hf_serve_page},
    {"/incidents/", hf_serve_page},
    {"/trail", hf_serve_page},
    {"/rules", hf_serve_page},
    {"/assets/", hf_serve_asset},
    {"/favicon.ico", hf_serve_asset},
    {"/openapi.yaml", hf_serve_openapi},
    {"/livez", hf_serve_livez},
    {"/readyz", hf_serve_readyz},
    {"/healthz", hf_serve_livez},
    {"/metrics", hf_serve_metrics},
    {"/api/v1/summary", hf_serve_summary},
    {"/api/v1/targets", hf_serve_targets},
    {"/api/v1/units", hf_serve_units},
    {"/api/v1/objects", hf_serve_objects},
    {"/api/v1/object", hf_serve_object},
    {"/api/v1/events", hf_serve_events},
    {"/api/v1/incidents/", hf_serve_incident},
    {"/api/v1/stream", hf_serve_stream},
    {"/api/v1/session", hf_serve_session},
    {"/api/v1/actions/", hf_serve_action},
    {"/api/v1/pauses", hf_serve_pauses},
    {"/api/v1/actions", hf_serve_post_only},
    {"/api/v1/login", hf_serve_post_only},
    {"/api/v1/logout", hf_serve_post_only},
    {"/logout", hf_serve_post_only},
    {"/login", hf_serve_login_page},
    {"/api/v1/openapi.yaml", hf_serve_openapi},
};

hf_handler hf_serve_route(const char *path)
{
    for (size_t i = 0; i < sizeof ROUTES / sizeof ROUTES[0]; i++) {
        size_t len = strlen(ROUTES[i].path);
        bool below = len > 1 && ROUTES[i].path[len - 1] == '/';
        if (below ? strncmp(path, ROUTES[i].path, len) == 0 && path[len] : strcmp(path, ROUTES[i].path) == 0) {
            return ROUTES[i].handler;
        }
    }
    return hf_serve_nothing;
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
