/* Tokens: a user's own, and the session of a worker. */
#include <stdio.h>
#include <string.h>

#include "holdfast/digest.h"
#include "hub.h"

bool hub_may(const struct hub_call *call)
{
    const struct hub *hub = call->hub;
    const char *given = strncmp(call->authorization, "Bearer ", 7) == 0 ? call->authorization + 7 : "";
    bool is_session = hub->session[0] && strcmp(given, hub->session) == 0 &&
                      (hub->session_until_ms == 0 || hub->session_until_ms > hf_mono_ms());
    if (!hub->options->token && !hub->options->worker_secret) {
        return true;
    }
    return is_session || (hub->options->token && strcmp(given, hub->options->token) == 0);
}

/* POST /auth/worker */
void hub_session_call(struct hub_call *call)
{
    struct hub *hub = call->hub;
    cJSON *body = cJSON_ParseWithLength(call->body, call->body_len);
    bool is_right = hub->options->worker_id && hub->options->worker_secret &&
                    strcmp(hub_text(body, "worker_id"), hub->options->worker_id) == 0 &&
                    strcmp(hub_text(body, "worker_secret"), hub->options->worker_secret) == 0;
    cJSON_Delete(body);
    if (!is_right) {
        hub_fail(call, 401, "worker credentials are not right");
        return;
    }
    char id[40];
    hub_uuid(hub, id);
    (void)snprintf(hub->session, sizeof hub->session, "session-%s", id);
    hub->session_until_ms = hub->options->token_ms > 0 ? hf_mono_ms() + hub->options->token_ms : 0;
    cJSON *session = cJSON_CreateObject();
    hub_set_text(session, "AccessToken", hub->session);
    hub_set_text(session, "TokenType", "Bearer");
    hub_answer(call, 200, session);
}
