#include "served.h"

#include <string.h>

#include "holdfast/pointer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

int64_t served_now = 1000000;

static int64_t now(void)
{
    return served_now;
}

void served_open(struct served *served)
{
    struct hf_error err = HF_ERROR_INIT;
    if (served->options.bookmark_ms == 0) {
        served->options.bookmark_ms = 60000;
    }
    cr_assert(sim_open(&served->sim, &served->options, &err) == 0, "%s", err.text);
    served->sim.clock = now;
    served->sim.controllers.at = served->sim.controllers.at != 0 ? served_now : 0;
    served->last = (struct answer){0};
}

void served_close(struct served *served)
{
    hf_arena_free(served->last.arena);
    sim_close(&served->sim);
}

static void fill_parameters(struct sim_request *request, char *query)
{
    char *rest = NULL;
    for (char *pair = strtok_r(query, "&", &rest); pair; pair = strtok_r(NULL, "&", &rest)) {
        char *equals = strchr(pair, '=');
        if (equals) {
            *equals = '\0';
        }
        request->parameters[request->parameter_count++] = (struct sim_parameter){pair, equals ? equals + 1 : ""};
    }
}

const struct answer *ask_as(struct served *served, const char *agent, const char *method, const char *path,
                            const char *type, const char *body)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct sim_request *request = hf_arena_alloc(arena, sizeof *request);
    struct sim_response response;
    struct hf_error err = HF_ERROR_INIT;
    char *copy = hf_arena_printf(arena, "%s", path);
    char *query = strchr(copy, '?');
    if (query) {
        *query++ = '\0';
        fill_parameters(request, query);
    }
    request->work.arena = arena;
    request->method = method;
    request->path = copy;
    request->content_type = type ? type : "application/json";
    request->accept = "application/json";
    request->user_agent = agent;
    request->authorization = served->authorization ? served->authorization : "";
    request->body = body ? body : "";
    request->body_len = strlen(request->body);
    sim_handle(&served->sim, request, &response);
    hf_arena_free(served->last.arena);
    served->last = (struct answer){.status = response.status,
                                   .arena = arena,
                                   .text = hf_arena_copy(arena, hf_buf_text(&response.body), response.body.len),
                                   .watch = response.watch,
                                   .closed = response.close};
    if (hf_json_read(arena, served->last.text, response.body.len, NULL, &served->last.body, &err) != 0) {
        served->last.body = NULL;
    }
    hf_buf_free(&response.body);
    return &served->last;
}

const struct answer *ask(struct served *served, const char *method, const char *path, const char *body)
{
    return ask_as(served, "test/1.0", method, path, NULL, body);
}

const struct answer *apply(struct served *served, const char *path, const char *body)
{
    return ask_as(served, "test/1.0", "PATCH", path, "application/apply-patch+yaml", body);
}

const char *told(struct served *served, struct sim_watch *watch)
{
    char piece[4096];
    hf_auto_buf struct hf_buf all = {0};
    for (long len; (len = sim_watch_read(watch, piece, sizeof piece)) > 0;) {
        hf_buf_add(&all, piece, (size_t)len);
    }
    return hf_arena_copy(served->last.arena, hf_buf_text(&all), all.len);
}

const char *at(struct served *served, const char *pointer)
{
    const struct hf_value *value = hf_pointer_get(served->last.body, hf_slice_of(pointer));
    const char *json = value ? sim_json(served->last.arena, value) : NULL;
    return json ? json : "";
}

void make_space(struct served *served, const char *name)
{
    char *body =
        hf_arena_printf(served->sim.store.collections[0]->kind.arena, "{\"metadata\":{\"name\":\"%s\"}}", name);
    cr_assert(ask(served, "POST", "/api/v1/namespaces", body)->status == 201);
}
