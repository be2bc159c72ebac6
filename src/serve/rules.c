/* /api/v1/rules and /api/v1/rules/explain: the rules as loaded, and which of them decides. */
#include <string.h>

#include "json_out.h"
#include "objects.h"

static bool are_told(const struct hf_request *request, struct hf_answer *answer)
{
    if (!request->serve->rules.list) {
        hf_answer_problem(answer, 404, "This agent does not tell its rules.");
    }
    return request->serve->rules.list != NULL;
}

static void fail(const struct hf_request *request, struct hf_answer *answer, const struct hf_error *err)
{
    if (err->code == HF_EINVAL) {
        hf_answer_problem(answer, 400, "Wrong question: %s.", err->text);
        return;
    }
    hf_log_error(request->serve->log, HF_WARN, "the rules can't be told", err, NULL);
    answer->retry_after_s = 2;
    hf_answer_problem(answer, 503, "The rules can't be told now (%s).", hf_code_name(err->code));
}

void hf_serve_rules(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {NULL};
    const struct hf_serve_rules *rules = &request->serve->rules;
    struct hf_error err = HF_ERROR_INIT;
    if (!hf_request_only(request, answer, KNOWN) || !are_told(request, answer)) {
        return;
    }
    if (rules->list(rules->ctx, &answer->body, &err) != 0) {
        fail(request, answer, &err);
        return;
    }
    answer->type = "application/json";
}

static bool is_asked(const char *asked, const char *found)
{
    return !asked || strcmp(asked, found ? found : "") == 0;
}

static const struct hf_view_object *find_object(const struct hf_view *view, const struct hf_serve_wish *wish)
{
    const char *slash = wish->kind ? strrchr(wish->kind, '/') : NULL;
    const char *kind = slash ? slash + 1 : wish->kind;
    for (size_t i = 0; i < view->object_count && (wish->name || wish->unit); i++) {
        const struct hf_view_object *object = &view->objects[i];
        if (is_asked(wish->target, object->target) && is_asked(wish->space, object->space) &&
            is_asked(wish->unit, object->unit) && is_asked(kind, object->kind) &&
            is_asked(wish->namespace, object->namespace) && is_asked(wish->name, object->name)) {
            return object;
        }
    }
    return NULL;
}

static void take_labels(const struct hf_view *view, struct hf_serve_wish *wish)
{
    for (size_t i = 0; i < view->unit_count; i++) {
        const struct hf_view_unit *unit = &view->units[i];
        if (wish->unit && is_asked(wish->unit, unit->slug) && is_asked(wish->target, unit->target) &&
            is_asked(wish->space ? wish->space : "", unit->space)) {
            wish->unit_labels = unit->labels;
            wish->unit_label_count = unit->label_count;
            return;
        }
    }
}

/* What the question leaves out is taken from the object that is held. */
static void complete(const struct hf_view *view, struct hf_serve_wish *wish, struct hf_buf *group)
{
    const struct hf_view_object *object = find_object(view, wish);
    if (object) {
        const struct {
            const char **into;
            const char *text;
        } TEXTS[] = {{&wish->target, object->target},       {&wish->space, object->space}, {&wish->unit, object->unit},
                     {&wish->namespace, object->namespace}, {&wish->name, object->name},   {&wish->kind, object->kind}};
        for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
            *TEXTS[i].into = *TEXTS[i].into ? *TEXTS[i].into : TEXTS[i].text;
        }
        const char *slash = object->api_version ? strchr(object->api_version, '/') : NULL;
        hf_buf_add(group, slash ? object->api_version : "core", slash ? (size_t)(slash - object->api_version) : 4);
        if (!wish->group && wish->kind && !strchr(wish->kind, '/')) {
            wish->group = hf_buf_text(group);
        }
    }
    take_labels(view, wish);
}

void hf_serve_explain(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"target", "space", "unit",    "labels",    "group", "kind", "namespace", "name",
                                        "path",   "class", "manager", "operation", "user",  "at",   NULL};
    const struct hf_query *from = request->query;
    const struct hf_serve_rules *rules = &request->serve->rules;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf group = {0};
    struct hf_serve_wish wish = {.target = hf_query_get(from, "target"),
                                 .space = hf_query_get(from, "space"),
                                 .unit = hf_query_get(from, "unit"),
                                 .labels = hf_query_get(from, "labels"),
                                 .group = hf_query_get(from, "group"),
                                 .kind = hf_query_get(from, "kind"),
                                 .namespace = hf_query_get(from, "namespace"),
                                 .name = hf_query_get(from, "name"),
                                 .path = hf_query_get(from, "path"),
                                 .class = hf_query_get(from, "class"),
                                 .manager = hf_query_get(from, "manager"),
                                 .operation = hf_query_get(from, "operation"),
                                 .user = hf_query_get(from, "user"),
                                 .at = hf_query_get(from, "at")};
    if (!hf_request_only(request, answer, KNOWN) || !are_told(request, answer)) {
        return;
    }
    if (!wish.kind && !wish.name && !wish.unit) {
        hf_answer_problem(answer, 400, "One of the parameters \"kind\", \"name\" and \"unit\" is needed.");
        return;
    }
    if (request->view) {
        complete(request->view->view, &wish, &group);
    }
    if (rules->explain(rules->ctx, &wish, &answer->body, &err) != 0) {
        fail(request, answer, &err);
        return;
    }
    answer->type = "application/json";
}
