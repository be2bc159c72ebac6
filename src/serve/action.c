/* What a person asks of the agent: put back, accept, roll back, pause, snooze, resume; and what came of it. */
#include <stdio.h>
#include <string.h>

#include "holdfast/json.h"
#include "json_out.h"
#include "post.h"

#define MOST_REASON 500
#define MOST_NAME 253
#define MOST_FOR_MS (INT64_C(366) * 86400000)
#define PREFIX "/api/v1/actions/"

static const char *const KINDS[] = {"put_back", "accept", "rollback", "pause", "snooze", "resume"};
#define KIND_COUNT (sizeof KINDS / sizeof KINDS[0])

struct asked {
    const struct hf_request *request;
    struct hf_answer *answer;
    const struct hf_value *body;
    struct hf_serve_act act;
};

/* What each kind knows. */
#define HAS_PLACE 1u  /* space, unit, object */
#define HAS_END 2u    /* for, until */
#define HAS_TO 4u     /* to */
#define HAS_DRY 8u    /* dry_run */
#define HAS_PAUSE 16u /* pause */
static const unsigned HAS[KIND_COUNT] = {HAS_PLACE,           HAS_PLACE | HAS_DRY, HAS_PLACE | HAS_TO | HAS_DRY,
                                         HAS_PLACE | HAS_END, HAS_PLACE | HAS_END, HAS_PAUSE};

static bool is_text(const char *text, size_t most)
{
    size_t len = strlen(text);
    if (len == 0 || len > most) {
        return false;
    }
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
    return true;
}

/* An object's name may hold nearly anything. */
static bool is_name(const char *text)
{
    return text[0] && strlen(text) <= MOST_NAME && !strpbrk(text, "\r\n");
}

/* NULL where it is not there; false where it is wrong. */
static bool take_text(const struct asked *asked, const struct hf_value *parent, const char *name, size_t most,
                      const char **out)
{
    const struct hf_value *value = hf_value_get(parent, name);
    *out = hf_value_text(value);
    if (!value || value->kind == HF_NULL || (*out && is_text(*out, most))) {
        return true;
    }
    hf_answer_problem(asked->answer, 400, "\"%s\" must be a text of 1 to %zu characters without line ends.", name,
                      most);
    return false;
}

static bool take_name(const struct asked *asked, const struct hf_value *parent, const char **out)
{
    const char *text = hf_value_text(hf_value_get(parent, "name"));
    *out = text && is_name(text) ? text : NULL;
    return *out || take_text(asked, parent, "name", MOST_NAME, out);
}

static bool only(const struct asked *asked, const struct hf_value *object, const char *const *known, const char *where)
{
    for (size_t i = 0; i < hf_value_count(object); i++) {
        struct hf_slice key = object->as.object.members[i].key;
        size_t at = 0;
        while (known[at] && !hf_slice_is(key, known[at])) {
            at++;
        }
        if (!known[at]) {
            hf_answer_problem(asked->answer, 400, "There is no \"%.60s\" %s.", key.ptr, where);
            return false;
        }
    }
    return true;
}

static bool take_kind(struct asked *asked)
{
    const char *text = hf_value_text(hf_value_get(asked->body, "kind"));
    for (size_t i = 0; text && i < KIND_COUNT; i++) {
        if (strcmp(text, KINDS[i]) == 0) {
            asked->act.kind = (enum hf_serve_act_kind)i;
            return true;
        }
    }
    hf_answer_problem(asked->answer, 400,
                      "\"kind\" must be one of put_back, accept, rollback, pause, snooze and resume.");
    return false;
}

/* What one kind knows and another does not: an until at a put_back is a mistake, and is not passed over. */
static bool is_in_place(const struct asked *asked)
{
    static const struct {
        const char *name;
        unsigned needs;
    } ROWS[] = {{"space", HAS_PLACE}, {"unit", HAS_PLACE}, {"object", HAS_PLACE}, {"for", HAS_END},
                {"until", HAS_END},   {"to", HAS_TO},      {"dry_run", HAS_DRY},  {"pause", HAS_PAUSE}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        if (hf_value_get(asked->body, ROWS[i].name) && !(HAS[asked->act.kind] & ROWS[i].needs)) {
            hf_answer_problem(asked->answer, 400, "\"%s\" has no meaning for %s.", ROWS[i].name,
                              KINDS[asked->act.kind]);
            return false;
        }
    }
    return true;
}

static bool take_object(struct asked *asked)
{
    static const char *const KNOWN[] = {"kind", "namespace", "name", NULL};
    const struct hf_value *object = hf_value_get(asked->body, "object");
    struct hf_serve_act *act = &asked->act;
    if (!object || object->kind == HF_NULL) {
        return true;
    }
    if (object->kind != HF_OBJECT) {
        hf_answer_problem(asked->answer, 400, "\"object\" must have kind, name and, if it has one, namespace.");
        return false;
    }
    if (!only(asked, object, KNOWN, "of an object") ||
        !take_text(asked, object, "kind", MOST_NAME, &act->object_kind) ||
        !take_text(asked, object, "namespace", MOST_NAME, &act->namespace) || !take_name(asked, object, &act->name)) {
        return false;
    }
    if (!act->object_kind || !act->name) {
        hf_answer_problem(asked->answer, 400, "\"object\" must have kind, name and, if it has one, namespace.");
        return false;
    }
    return true;
}

static bool take_numbers(struct asked *asked)
{
    const struct hf_value *to = hf_value_get(asked->body, "to");
    const struct hf_value *dry = hf_value_get(asked->body, "dry_run");
    asked->act.to = -1;
    if (to && to->kind != HF_NULL && (!hf_value_int(to, &asked->act.to) || asked->act.to < 1)) {
        hf_answer_problem(asked->answer, 400, "\"to\" must be the number of a revision, from 1.");
        return false;
    }
    if (dry && dry->kind != HF_BOOL) {
        hf_answer_problem(asked->answer, 400, "\"dry_run\" must be true or false.");
        return false;
    }
    asked->act.dry_run = hf_value_is_true(dry);
    return true;
}

static bool take_end(struct asked *asked)
{
    const char *duration = hf_value_text(hf_value_get(asked->body, "for"));
    const char *until = hf_value_text(hf_value_get(asked->body, "until"));
    int64_t now = asked->act.at_ms;
    int64_t ms = 0;
    asked->act.until_ms = HF_TIME_NONE;
    if (!(HAS[asked->act.kind] & HAS_END)) {
        return true;
    }
    bool good = !duration != !until;
    if (good && duration) {
        good = hf_duration_parse(hf_slice_of(duration), &ms) && ms >= 1000 && ms <= MOST_FOR_MS;
        asked->act.until_ms = now + ms;
    } else if (good && strcmp(until, "resumed") != 0) {
        good = hf_time_parse(hf_slice_of(until), &asked->act.until_ms) && asked->act.until_ms > now &&
               asked->act.until_ms - now <= MOST_FOR_MS;
    }
    if (!good) {
        hf_answer_problem(
            asked->answer, 400,
            "Expected \"for\" of 1s to 366d such as \"2h\", or \"until\": a time to come, or \"resumed\".");
    }
    return good;
}

static bool take_texts(struct asked *asked)
{
    static const char *const KNOWN[] = {"kind",    "target", "space", "unit",  "object", "to",
                                        "dry_run", "reason", "for",   "until", "pause",  NULL};
    struct hf_serve_act *act = &asked->act;
    const struct hf_value *body = asked->body;
    if (!only(asked, body, KNOWN, "in an action") || !take_kind(asked) || !is_in_place(asked) ||
        !take_text(asked, body, "target", MOST_NAME, &act->target) ||
        !take_text(asked, body, "space", MOST_NAME, &act->space) ||
        !take_text(asked, body, "unit", MOST_NAME, &act->unit) ||
        !take_text(asked, body, "reason", MOST_REASON, &act->reason) ||
        !take_text(asked, body, "pause", MOST_NAME, &act->pause) || !take_object(asked) || !take_numbers(asked) ||
        !take_end(asked)) {
        return false;
    }
    if (!act->reason || strspn(act->reason, " ") == strlen(act->reason)) {
        hf_answer_problem(asked->answer, 400, "\"reason\" is missing: why? It stands in the trail.");
        return false;
    }
    return true;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool is_meant(const struct hf_serve_act *act, const struct hf_view_object *object)
{
    return same(object->target, act->target) && same(object->kind, act->object_kind) && same(object->name, act->name) &&
           (!act->namespace || same(object->namespace, act->namespace)) &&
           (!act->unit || same(object->unit, act->unit)) && (!act->space || same(object->space, act->space));
}

/* Which object is meant has to be one that is held, and no other; of it the unit follows. */
static bool find_object(struct asked *asked, const struct hf_view *view)
{
    struct hf_serve_act *act = &asked->act;
    const struct hf_view_object *found = NULL;
    for (size_t i = 0; i < view->object_count; i++) {
        if (!is_meant(act, &view->objects[i])) {
            continue;
        }
        if (found && (found->namespace || view->objects[i].namespace) &&
            !same(found->namespace, view->objects[i].namespace)) {
            hf_answer_problem(asked->answer, 400, "There are several such objects: say in which namespace.");
            return false;
        }
        found = found ? found : &view->objects[i];
    }
    if (!found) {
        hf_answer_problem(asked->answer, 404, "There is no such object held for this target.");
        return false;
    }
    act->space = found->space;
    act->unit = found->unit;
    act->namespace = found->namespace;
    return true;
}

static bool find_unit(const struct asked *asked, const struct hf_view *view)
{
    const struct hf_serve_act *act = &asked->act;
    for (size_t i = 0; i < view->unit_count; i++) {
        const struct hf_view_unit *unit = &view->units[i];
        if (same(unit->target, act->target) && (!act->unit || same(unit->slug, act->unit)) &&
            (!act->space || same(unit->space, act->space))) {
            return true;
        }
    }
    for (size_t i = 0; i < view->object_count; i++) {
        const struct hf_view_object *object = &view->objects[i];
        if (same(object->target, act->target) && (!act->unit || same(object->unit, act->unit)) &&
            (!act->space || same(object->space, act->space))) {
            return true;
        }
    }
    hf_answer_problem(asked->answer, 404, "There is no such unit for this target.");
    return false;
}

/* That what is meant is there, by the view of now. */
static bool find_place(struct asked *asked)
{
    struct hf_serve_act *act = &asked->act;
    const struct hf_view *view = asked->request->view->view;
    if (act->kind == HF_SERVE_RESUME) {
        return act->pause || (hf_answer_problem(asked->answer, 400, "\"pause\" is missing: the id of one."), false);
    }
    if (!act->target) {
        hf_answer_problem(asked->answer, 400, "\"target\" is missing.");
        return false;
    }
    size_t at = 0;
    while (at < view->target_count && !same(view->targets[at].name, act->target)) {
        at++;
    }
    if (at == view->target_count) {
        hf_answer_problem(asked->answer, 404, "There is no such target.");
        return false;
    }
    if (act->name && !find_object(asked, view)) {
        return false;
    }
    bool needs_unit = act->kind <= HF_SERVE_ROLLBACK;
    if (needs_unit && !act->unit) {
        hf_answer_problem(asked->answer, 400, "\"unit\" is missing.");
        return false;
    }
    return (!act->unit && !act->space) || act->name || find_unit(asked, view);
}

static void do_act(const struct asked *asked)
{
    const struct hf_serve_actions *actions = &asked->request->serve->actions;
    struct hf_answer *answer = asked->answer;
    struct hf_error err = HF_ERROR_INIT;
    char id[HF_SERVE_ID] = "";
    bool waits = asked->act.kind <= HF_SERVE_ROLLBACK;
    if (actions->act(actions->ctx, &asked->act, id, &err) != 0) {
        unsigned status = err.code == HF_ENOTFOUND ? 404 : err.code == HF_ELIMIT ? 429 : 503;
        hf_log_error(asked->request->serve->log, HF_WARN, "an action was not taken", &err, "user", asked->act.by, NULL);
        hf_answer_problem(answer, status, "%s",
                          status == 404   ? "There is no such pause that holds."
                          : status == 429 ? "Too much waits already: try again in a minute."
                                          : "This can't be taken now: the agent's log tells why.");
        return;
    }
    hf_log_write(asked->request->serve->log, HF_INFO, "asked for", "action", KINDS[asked->act.kind], "id", id, "by",
                 asked->act.by, "target", asked->act.target, "unit", asked->act.unit, NULL);
    answer->type = "application/json";
    answer->status = waits ? 202 : 200;
    hf_out_open(&answer->body, NULL, '{');
    hf_out_text(&answer->body, "id", id);
    hf_out_text(&answer->body, "state", waits ? "waiting" : "done");
    if (waits) {
        (void)snprintf(answer->location, sizeof answer->location, PREFIX "%s", id);
        hf_out_text(&answer->body, "href", answer->location);
    }
    hf_out_close(&answer->body, '}');
    hf_buf_addc(&answer->body, '\n');
}

void hf_post_action(const struct hf_request *request, const struct hf_posted *posted, struct hf_answer *answer)
{
    static const struct hf_read_limits LIMITS = {.bytes = 64 << 10, .depth = 4, .nodes = 100};
    struct hf_error err = HF_ERROR_INIT;
    struct asked asked = {
        .request = request, .answer = answer, .act = {.by = request->who.user, .at_ms = request->now_ms}};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!hf_policy_act(request, answer) || !hf_answer_needs_view(request, answer)) {
        return;
    }
    if (!request->serve->actions.act) {
        hf_answer_problem(answer, 404, "This server takes no actions.");
    } else if (!arena) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
    } else if (hf_json_read(arena, posted->body, posted->len, &LIMITS, &asked.body, &err) != 0) {
        hf_answer_problem(answer, 400, "The body is no JSON: %s.", err.text);
    } else if (asked.body->kind != HF_OBJECT) {
        hf_answer_problem(answer, 400, "Expected a JSON object.");
    } else if (take_texts(&asked) && find_place(&asked)) {
        do_act(&asked);
    }
}

/* The lines of JSON as an array; the last state. */
static void add_answers(struct hf_buf *out, const char *lines, char state[20])
{
    hf_out_open(out, "answers", '[');
    for (const char *at = lines; *at;) {
        size_t len = strcspn(at, "\n");
        struct hf_error ignored = HF_ERROR_INIT;
        const struct hf_value *value;
        hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
        if (arena && hf_json_read(arena, at, len, NULL, &value, &ignored) == 0) {
            const char *text = hf_value_text(hf_value_get(value, "state"));
            hf_out_open(out, NULL, '{');
            hf_out_text(out, "at", hf_value_text(hf_value_get(value, "at")));
            hf_out_text(out, "state", text);
            hf_out_text(out, "message", hf_value_text(hf_value_get(value, "message")));
            hf_out_close(out, '}');
            (void)snprintf(state, 20, "%s", text ? text : "taken");
        }
        at += len + (at[len] == '\n');
    }
    hf_out_close(out, ']');
}

void hf_serve_action(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const NONE[] = {NULL};
    const struct hf_serve_actions *actions = &request->serve->actions;
    const char *id = request->query->path + sizeof PREFIX - 1;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf lines = {0};
    hf_auto_buf struct hf_buf answers = {0};
    bool taken = false;
    if (!hf_request_only(request, answer, NONE)) {
        return;
    }
    bool is_id = strlen(id) < HF_SERVE_ID && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(id);
    if (!actions->answers || !is_id || actions->answers(actions->ctx, id, &taken, &lines, &err) != 0) {
        bool gone = !actions->answers || !is_id || err.code == HF_ENOTFOUND;
        hf_answer_problem(answer, gone ? 404 : 503, "%s",
                          gone ? "There is no such action, or it is long over." : "The answers can't be read now.");
        return;
    }
    char state[20];
    (void)snprintf(state, sizeof state, "%s", taken ? "taken" : "waiting");
    hf_buf_adds(&answers, "{");
    add_answers(&answers, hf_buf_text(&lines), state);
    answer->type = "application/json";
    hf_out_open(&answer->body, NULL, '{');
    hf_out_text(&answer->body, "id", id);
    hf_out_text(&answer->body, "state", state);
    hf_buf_addc(&answer->body, ',');
    hf_buf_adds(&answer->body, hf_buf_text(&answers) + 1);
    hf_out_close(&answer->body, '}');
    hf_buf_addc(&answer->body, '\n');
}

void hf_serve_pauses(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const NONE[] = {NULL};
    const struct hf_serve_actions *actions = &request->serve->actions;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf list = {0};
    if (!hf_request_only(request, answer, NONE)) {
        return;
    }
    if (actions->pauses && actions->pauses(actions->ctx, &list, &err) != 0) {
        hf_log_error(request->serve->log, HF_WARN, "the pauses can't be read", &err, NULL);
        hf_answer_problem(answer, 503, "The pauses can't be read now.");
        return;
    }
    answer->type = "application/json";
    hf_out_open(&answer->body, NULL, '{');
    hf_out_raw(&answer->body, "items", actions->pauses ? hf_buf_text(&list) : "[]");
    hf_out_close(&answer->body, '}');
    hf_buf_addc(&answer->body, '\n');
}
