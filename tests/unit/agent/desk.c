#include "desk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/embedded.h"

static int64_t now_ms(void *ctx)
{
    return 1772357400000 + ((struct desk *)ctx)->mono;
}

static int64_t mono_ms(void *ctx)
{
    return ((struct desk *)ctx)->mono;
}

static uint32_t random_number(void *ctx)
{
    struct desk *desk = ctx;
    desk->seed = desk->seed * 1664525u + 1013904223u;
    return desk->seed >> 8;
}

static enum hf_agent_served kind_of(void *ctx, const char *target, const char *api_version, const char *kind,
                                    struct hf_agent_kind *out)
{
    static const char *const GLOBAL[] = {"Namespace", "ClusterRole", "PersistentVolume", "CustomResourceDefinition"};
    const struct desk *desk = ctx;
    (void)target;
    if (desk->not_served && strcmp(desk->not_served, kind) == 0) {
        return HF_NOT_SERVED;
    }
    if (strcmp(kind, "VerticalPodAutoscaler") == 0 && !strstr(api_version, "autoscaling.k8s.io")) {
        return HF_NOT_SERVED;
    }
    out->namespaced = true;
    for (size_t i = 0; i < sizeof GLOBAL / sizeof GLOBAL[0]; i++) {
        out->namespaced &= strcmp(kind, GLOBAL[i]) != 0;
    }
    out->has_status = true;
    return HF_SERVED;
}

static void follow(void *ctx, const struct hf_agent_scope *scope)
{
    struct desk *desk = ctx;
    cr_assert_lt(desk->scope_count, 32);
    int at = desk->scope_count++;
    (void)snprintf(desk->scope_names[at][0], 64, "%s", scope->api_version);
    (void)snprintf(desk->scope_names[at][1], 64, "%s", scope->kind);
    (void)snprintf(desk->scope_names[at][2], 64, "%s", scope->namespace ? scope->namespace : "");
    desk->scopes[at] = (struct hf_agent_scope){.id = scope->id, .kind = desk->scope_names[at][1]};
}

static void unfollow(void *ctx, uint64_t scope)
{
    struct desk *desk = ctx;
    for (int i = 0; i < desk->scope_count; i++) {
        if (desk->scopes[i].id == scope) {
            desk->scopes[i].id = 0;
        }
    }
}

static void copy(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text ? text : "");
}

static int record(void *ctx, const struct hf_audit_batch *batch, uint64_t ticket, struct hf_error *err)
{
    struct desk *desk = ctx;
    (void)err;
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct hf_audit_event *from = &batch->events[i];
        cr_assert_lt(desk->event_count, DESK_MOST);
        struct desk_event *event = &desk->events[desk->event_count++];
        copy(event->type, sizeof event->type, from->type);
        copy(event->severity, sizeof event->severity, from->severity);
        copy(event->name, sizeof event->name, from->name);
        copy(event->incident, sizeof event->incident, from->incident);
        copy(event->message, sizeof event->message, from->message);
        copy(event->detail, sizeof event->detail, from->detail);
        event->alert = from->alert;
    }
    if (ticket != 0) {
        desk->tickets[desk->ticket_count++] = ticket;
    }
    return 0;
}

static struct desk_request *put_down(struct desk *desk, const char *what, const struct hf_agent_ref *ref,
                                     uint64_t ticket)
{
    cr_assert_lt(desk->request_count, DESK_MOST);
    struct desk_request *request = &desk->requests[desk->request_count++];
    *request = (struct desk_request){.ticket = ticket};
    copy(request->what, sizeof request->what, what);
    copy(request->kind, sizeof request->kind, ref->kind);
    copy(request->name, sizeof request->name, ref->name);
    return request;
}

static char *text_of(struct hf_slice bytes)
{
    char *text = calloc(1, bytes.len + 1);
    cr_assert_not_null(text);
    memcpy(text, bytes.ptr, bytes.len);
    return text;
}

static int apply(void *ctx, const struct hf_agent_ref *ref, const char *manager, struct hf_slice bytes, uint64_t ticket,
                 struct hf_error *err)
{
    struct desk_request *request = put_down(ctx, "apply", ref, ticket);
    (void)err;
    copy(request->manager, sizeof request->manager, manager);
    request->body = text_of(bytes);
    return 0;
}

static int patch(void *ctx, const struct hf_agent_ref *ref, const char *manager, struct hf_slice bytes, uint64_t ticket,
                 struct hf_error *err)
{
    struct desk_request *request = put_down(ctx, "patch", ref, ticket);
    (void)err;
    copy(request->manager, sizeof request->manager, manager);
    request->body = text_of(bytes);
    return 0;
}

static int remove_object(void *ctx, const struct hf_agent_ref *ref, const char *uid, const char *resource_version,
                         bool orphan, uint64_t ticket, struct hf_error *err)
{
    struct desk_request *request = put_down(ctx, "remove", ref, ticket);
    char text[200];
    (void)err;
    (void)snprintf(text, sizeof text, "%s %s%s", uid, resource_version, orphan ? " orphan" : "");
    request->body = text_of(hf_slice_of(text));
    return 0;
}

static int get(void *ctx, const struct hf_agent_ref *ref, uint64_t ticket, struct hf_error *err)
{
    (void)put_down(ctx, "get", ref, ticket);
    (void)err;
    return 0;
}

static int confirm(void *ctx, const char *target, const struct hf_unit *unit, struct hf_error *err)
{
    struct hf_agent_ref ref = {target, "confighub", "Unit", unit->space, unit->slug};
    (void)err;
    (void)put_down(ctx, "confirm", &ref, 0);
    return 0;
}

static int apply_unit(void *ctx, const char *target, const struct hf_unit *unit, uint64_t ticket, struct hf_error *err)
{
    struct hf_agent_ref ref = {target, "confighub", "Unit", unit->space, unit->slug};
    (void)err;
    (void)put_down(ctx, "apply_unit", &ref, ticket);
    return 0;
}

static int accept_unit(void *ctx, const char *target, const struct hf_unit *unit, const char *rule,
                       struct hf_error *err)
{
    struct hf_agent_ref ref = {target, "confighub", "Unit", unit->space, unit->slug};
    struct desk_request *request = put_down(ctx, "accept_unit", &ref, 0);
    (void)err;
    request->body = text_of(hf_slice_of(rule));
    return 0;
}

static void wake_in(void *ctx, int64_t delay)
{
    struct desk *desk = ctx;
    desk->wake_at = desk->mono + (delay > 0 ? delay : 0);
}

static void changed(void *ctx)
{
    (void)ctx;
}

static void add_pack(struct desk *desk, const char *path, const char *bytes, size_t len)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_rules_add(desk->rules, path, bytes, len, &err), 0, "%s", err.text);
}

static void add_rules(struct desk *desk, const char *pack)
{
    static const char *const SHIPPED[] = {"rules/security.yaml", "rules/kubernetes.yaml"};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_rules_new(&desk->rules, &err), 0);
    if (pack) {
        add_pack(desk, "mine.yaml", pack, strlen(pack));
    }
    for (size_t i = 0; i < 2; i++) {
        const struct hf_embedded *file = hf_embedded_find(SHIPPED[i]);
        cr_assert_not_null(file);
        add_pack(desk, SHIPPED[i], file->bytes, file->size);
    }
    cr_assert_eq(hf_agent_rules(desk->agent, desk->rules, &err), 0);
}

struct desk *desk_new(const char *pack)
{
    struct desk *desk = calloc(1, sizeof *desk);
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_not_null(desk);
    desk->seed = 1;
    desk->wake_at = -1;
    desk->mono = 1000000;
    struct hf_agent_effects effects = {.ctx = desk,
                                       .now_ms = now_ms,
                                       .mono_ms = mono_ms,
                                       .random = random_number,
                                       .kind = kind_of,
                                       .follow = follow,
                                       .unfollow = unfollow,
                                       .record = record,
                                       .apply = apply,
                                       .patch = patch,
                                       .remove = remove_object,
                                       .get = get,
                                       .confirm = confirm,
                                       .apply_unit = apply_unit,
                                       .accept_unit = accept_unit,
                                       .wake_in = wake_in,
                                       .changed = changed};
    struct hf_agent_options options = {.secret_key = "0123456789abcdef", .secret_key_len = 16};
    cr_assert_eq(hf_agent_new(&effects, &options, NULL, &desk->agent, &err), 0);
    struct hf_agent_target_options target = {.name = "dev",
                                             .correct = true,
                                             .manager = "confighub",
                                             .parallel = 8,
                                             .fight_times = 3,
                                             .fight_within_ms = 600000};
    cr_assert_eq(hf_agent_target_add(desk->agent, &target, &err), 0);
    const struct hf_embedded *schema = hf_embedded_find("schema/kubernetes-openapi.json");
    cr_assert_eq(hf_types_from_openapi_v2(schema->bytes, schema->size, &desk->types, &err), 0, "%s", err.text);
    add_rules(desk, pack);
    return desk;
}

void desk_free(struct desk *desk)
{
    hf_agent_free(desk->agent);
    hf_rules_free(desk->rules);
    hf_types_free(desk->types);
    for (int i = 0; i < desk->unit_count; i++) {
        hf_unit_drop(desk->units[i]);
    }
    for (int i = 0; i < desk->request_count; i++) {
        free(desk->requests[i].body);
    }
    free(desk);
}

void desk_unit(struct desk *desk, const char *slug, const char *yaml)
{
    struct hf_error err = HF_ERROR_INIT;
    int at = 0;
    while (at < desk->unit_count && strcmp(desk->units[at]->slug, slug) != 0) {
        at++;
    }
    if (at < desk->unit_count) {
        hf_unit_drop(desk->units[at]);
        desk->units[at] = desk->units[--desk->unit_count];
    }
    if (yaml) {
        cr_assert_eq(hf_unit_read("space", slug, slug, yaml, strlen(yaml), &desk->units[desk->unit_count++], &err), 0,
                     "%s", err.text);
    }
}

void desk_unit_unreadable(struct desk *desk, const char *slug)
{
    for (int i = 0; i < desk->unit_count; i++) {
        if (strcmp(desk->units[i]->slug, slug) == 0) {
            desk->units[i]->problem = "line 3, column 1: found a tab, expected a key";
        }
    }
}

struct hf_unit *desk_hub(struct desk *desk, const char *slug, enum hf_unit_state state, enum hf_unit_mode mode,
                         int64_t revision)
{
    for (int i = 0; i < desk->unit_count; i++) {
        struct hf_unit *unit = desk->units[i];
        if (strcmp(unit->slug, slug) == 0) {
            unit->unit_id = hf_arena_printf(unit->arena, "id-%s", slug);
            unit->space_id = "space-id";
            unit->state = state;
            unit->state_reason = state == HF_UNIT_READY ? "" : "as ConfigHub says";
            unit->mode = mode;
            unit->revision = unit->live_revision = revision;
            return unit;
        }
    }
    cr_assert_fail("no unit %s", slug);
    return NULL;
}

void desk_units(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_agent_units(desk->agent, "dev", desk->units, (size_t)desk->unit_count, &err), 0, "%s", err.text);
}

void desk_discovered(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_agent_discovered(desk->agent, "dev", desk->types, &err), 0, "%s", err.text);
}

static struct hf_document *read_yaml(struct hf_arena *arena, const char *yaml, size_t *count)
{
    struct hf_document *documents = NULL;
    struct hf_error err = HF_ERROR_INIT;
    *count = 0;
    if (*yaml) {
        cr_assert_eq(hf_yaml_read(arena, yaml, strlen(yaml), NULL, &documents, count, &err), 0, "%s\n%s", err.text,
                     yaml);
    }
    return documents;
}

static void list(struct desk *desk, struct hf_agent_scope *scope, const char *yaml)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_arena *arena = hf_arena_new(0);
    size_t count;
    uint64_t id = scope->id;
    struct hf_document *documents = read_yaml(arena, yaml, &count);
    scope->id = 0; /* listed; a follow anew adds another */
    cr_assert_eq(hf_agent_list_begin(desk->agent, id, &err), 0);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(hf_agent_item(desk->agent, id, documents[i].value, &err), 0, "%s", err.text);
    }
    struct hf_error fine = HF_ERROR_INIT;
    cr_assert_eq(hf_agent_scope_state(desk->agent, id, &fine, &err), 0);
    cr_assert_eq(hf_agent_list_end(desk->agent, id, &err), 0, "%s", err.text);
    scope->id = id;
    scope->target = "listed";
    hf_arena_free(arena);
}

static struct hf_agent_scope *scope_of(struct desk *desk, const char *kind)
{
    for (int i = desk->scope_count - 1; i >= 0; i--) {
        if (desk->scopes[i].id != 0 && strcmp(desk->scopes[i].kind, kind) == 0) {
            return &desk->scopes[i];
        }
    }
    cr_assert_fail("%s is not followed", kind);
    return NULL;
}

void desk_list(struct desk *desk, const char *kind, const char *yaml)
{
    list(desk, scope_of(desk, kind), yaml);
}

void desk_list_rest(struct desk *desk)
{
    for (int i = 0; i < desk->scope_count; i++) {
        if (desk->scopes[i].id != 0 && !desk->scopes[i].target) {
            list(desk, &desk->scopes[i], "");
        }
    }
}

static void tell(struct desk *desk, const char *kind, enum hf_change change, const char *yaml)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_arena *arena = hf_arena_new(0);
    size_t count;
    struct hf_document *documents = read_yaml(arena, yaml, &count);
    cr_assert_eq(count, 1u);
    cr_assert_eq(hf_agent_change(desk->agent, scope_of(desk, kind)->id, change, documents[0].value, &err), 0, "%s",
                 err.text);
    hf_arena_free(arena);
}

void desk_change(struct desk *desk, const char *kind, const char *yaml)
{
    tell(desk, kind, HF_MODIFIED, yaml);
}

void desk_deleted(struct desk *desk, const char *kind, const char *yaml)
{
    tell(desk, kind, HF_DELETED, yaml);
}

void desk_refuse(struct desk *desk, const char *kind, enum hf_code code)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_error state = HF_ERROR_INIT;
    (void)hf_error_set(&state, code, "%s: not allowed", kind);
    cr_assert_eq(hf_agent_scope_state(desk->agent, scope_of(desk, kind)->id, &state, &err), 0);
}

void desk_durable(struct desk *desk)
{
    struct hf_error err = HF_ERROR_INIT;
    for (int i = 0; i < desk->ticket_count; i++) {
        cr_assert_eq(hf_agent_recorded(desk->agent, desk->tickets[i], &err), 0, "%s", err.text);
    }
    desk->ticket_count = 0;
}

struct desk_request *desk_next(struct desk *desk)
{
    desk_durable(desk);
    for (int i = 0; i < desk->request_count; i++) {
        if (!desk->requests[i].answered) {
            return &desk->requests[i];
        }
    }
    return NULL;
}

void desk_answer(struct desk *desk, struct desk_request *request, enum hf_code code, const char *text_or_yaml)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_error state = HF_ERROR_INIT;
    struct hf_arena *arena = hf_arena_new(0);
    size_t count = 0;
    struct hf_document *documents = code == HF_OK ? read_yaml(arena, text_or_yaml, &count) : NULL;
    if (code != HF_OK) {
        (void)hf_error_set(&state, code, "%s", text_or_yaml);
    }
    request->answered = true;
    cr_assert_eq(hf_agent_answered(desk->agent, request->ticket, count ? documents[0].value : NULL, -1, &state, &err),
                 0, "%s", err.text);
    hf_arena_free(arena);
}

void desk_wait(struct desk *desk, int64_t ms)
{
    struct hf_error err = HF_ERROR_INIT;
    int64_t until = desk->mono + ms;
    for (int rounds = 0; desk->wake_at >= 0 && desk->wake_at <= until && rounds < 10000; rounds++) {
        desk->mono = desk->wake_at > desk->mono ? desk->wake_at : desk->mono;
        desk->wake_at = -1;
        cr_assert_eq(hf_agent_tick(desk->agent, &err), 0, "%s", err.text);
        desk_durable(desk);
    }
    desk->mono = until;
}

int desk_count(const struct desk *desk, const char *type)
{
    int count = 0;
    for (int i = 0; i < desk->event_count; i++) {
        count += strcmp(desk->events[i].type, type) == 0;
    }
    return count;
}

const struct desk_event *desk_last(const struct desk *desk, const char *type)
{
    for (int i = desk->event_count - 1; i >= 0; i--) {
        if (strcmp(desk->events[i].type, type) == 0) {
            return &desk->events[i];
        }
    }
    return NULL;
}

enum hf_verdict desk_verdict(struct desk *desk, const char *kind, const char *name, char *reason)
{
    struct hf_view view = {.arena = hf_arena_new(0)};
    struct hf_error err = HF_ERROR_INIT;
    enum hf_verdict verdict = HF_UNKNOWN;
    bool found = false;
    cr_assert_eq(hf_agent_fill_view(desk->agent, &view, &err), 0);
    for (size_t i = 0; i < view.object_count; i++) {
        const struct hf_view_object *object = &view.objects[i];
        if (strcmp(object->kind, kind) == 0 && strcmp(object->name, name) == 0) {
            cr_assert(hf_verdict_parse(hf_slice_of(object->verdict), &verdict));
            found = true;
            if (reason) {
                (void)snprintf(reason, 400, "%s", object->reason ? object->reason : "");
            }
        }
    }
    cr_assert(found, "%s %s is not held", kind, name);
    hf_arena_free(view.arena);
    return verdict;
}
