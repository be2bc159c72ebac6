/* A posted action: whatever the body is, it is answered; and what reaches the agent is whole, in bounds, of something
 * that is held, and in the name of who asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/mem.h"
#include "post.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1772357400000)

static const struct hf_view_target TARGETS[] = {{.name = "dev"}};
static const struct hf_view_unit UNITS[] = {{.target = "dev", .space = "traderx", .slug = "web"}};
static const struct hf_view_object OBJECTS[] = {
    {.target = "dev", .space = "traderx", .unit = "web", .kind = "Deployment", .namespace = "a", .name = "web"},
    {.target = "dev", .space = "traderx", .unit = "web", .kind = "Deployment", .namespace = "b", .name = "web"}};

static void require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void check_text(const char *text, size_t most)
{
    require(!text || (strlen(text) <= most && hf_utf8_valid(text, strlen(text)) && !strpbrk(text, "\r\n\x1b\x7f")));
}

static int act(void *ctx, const struct hf_serve_act *act, char id[HF_SERVE_ID], struct hf_error *err)
{
    unsigned *taken = ctx;
    bool ends = act->kind == HF_SERVE_PAUSE || act->kind == HF_SERVE_SNOOZE;
    (void)err;
    check_text(act->reason, 500);
    check_text(act->unit, 253);
    check_text(act->name, 253);
    check_text(act->pause, 253);
    require(act->reason && *act->reason && strcmp(act->by, "olivia") == 0);
    require(act->kind == HF_SERVE_RESUME ? act->pause != NULL : strcmp(act->target, "dev") == 0);
    require(act->kind > HF_SERVE_ROLLBACK || strcmp(act->unit, "web") == 0);
    require(!act->name || (act->object_kind && act->namespace));
    require(!ends || act->until_ms == HF_TIME_NONE || act->until_ms > NOW_MS);
    require(act->to == -1 || act->to >= 1);
    memcpy(id, "a-1", 4);
    ++*taken;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned taken = 0;
    struct hf_view view = {.targets = TARGETS,
                           .target_count = 1,
                           .units = UNITS,
                           .unit_count = 1,
                           .objects = OBJECTS,
                           .object_count = sizeof OBJECTS / sizeof OBJECTS[0]};
    struct hf_view_ref ref = {.view = &view};
    struct hf_serve serve = {.actions = {.ctx = &taken, .act = act}};
    struct hf_request request = {
        .serve = &serve,
        .view = &ref,
        .now_ms = NOW_MS,
        .who = {.by = HF_BY_TOKEN, .has_role = true, .role = HF_SERVE_OPERATOR, .user = "olivia", .may_act = true}};
    struct hf_answer answer = {0};
    char *body = hf_strndup((const char *)data, size);
    if (body) {
        struct hf_posted posted = {.body = body, .len = strlen(body)};
        hf_post_action(&request, &posted, &answer);
        unsigned status = answer.status ? answer.status : 200;
        require(taken == (status < 300));
        require(status == 200 || status == 202 || status == 400 || status == 404);
        require(answer.body.len > 0 && hf_utf8_valid(hf_buf_text(&answer.body), answer.body.len));
    }
    hf_buf_free(&answer.body);
    free(body);
    return 0;
}
