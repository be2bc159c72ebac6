#include "world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t world_random(struct world *world)
{
    world->seed = world->seed * 1664525u + 1013904223u;
    return world->seed >> 8;
}

static int64_t now_ms(void *ctx)
{
    return 1772357400000 + ((struct world *)ctx)->mono;
}

static int64_t mono_ms(void *ctx)
{
    return ((struct world *)ctx)->mono;
}

static uint32_t random_number(void *ctx)
{
    return world_random(ctx);
}

static enum hf_agent_served kind_of(void *ctx, const char *target, const char *api_version, const char *kind,
                                    struct hf_agent_kind *out)
{
    const struct world *world = ctx;
    (void)target;
    (void)api_version;
    out->namespaced = strcmp(kind, "Namespace") != 0;
    out->has_status = true;
    return world->kind_unserved && strcmp(kind, "ConfigMap") == 0 ? HF_NOT_SERVED : HF_SERVED;
}

static void follow(void *ctx, const struct hf_agent_scope *scope)
{
    struct world *world = ctx;
    struct scope_of *made = &world->scopes[world->scope_count++];
    made->id = scope->id;
    (void)snprintf(made->kind, sizeof made->kind, "%s", scope->kind);
    (void)snprintf(made->namespace, sizeof made->namespace, "%s", scope->namespace ? scope->namespace : "");
}

static void unfollow(void *ctx, uint64_t scope)
{
    struct world *world = ctx;
    for (int i = 0; i < world->scope_count; i++) {
        if (world->scopes[i].id == scope) {
            world->scopes[i] = world->scopes[--world->scope_count];
            return;
        }
    }
}

static int find_object(const struct world *world, const char *kind, const char *name)
{
    for (int i = 0; i < world->object_count; i++) {
        if (strcmp(world->objects[i].kind, kind) == 0 && strcmp(world->objects[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static int record(void *ctx, const struct hf_audit_batch *batch, uint64_t ticket, struct hf_error *err)
{
    struct world *world = ctx;
    if (world->trail_is_full) {
        return hf_error_set(err, HF_EBUSY, "the queue is full");
    }
    int first = world->event_count;
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct hf_audit_event *event = &batch->events[i];
        struct told *told = &world->events[world->event_count++];
        *told = (struct told){.alert = event->alert};
        (void)snprintf(told->type, sizeof told->type, "%s", event->type);
        (void)snprintf(told->incident, sizeof told->incident, "%s", event->incident ? event->incident : "");
        (void)snprintf(told->name, sizeof told->name, "%s", event->name ? event->name : "");
        (void)snprintf(told->message, sizeof told->message, "%s", event->message ? event->message : "");
        if (strcmp(event->type, "correction.intended") == 0) {
            world->intents[find_object(world, event->kind, event->name)]++;
        }
    }
    struct message *message = &world->durable[world->durable_last++ % WORLD_QUEUE];
    *message = (struct message){.kind = MESSAGE_DURABLE, .ticket = ticket, .object = first};
    message->state.value = world->event_count;
    return 0;
}

static struct message *new_answer(struct world *world, uint64_t ticket, int object)
{
    struct message *message = &world->answers[world->answer_count++];
    *message = (struct message){.kind = MESSAGE_ANSWER, .ticket = ticket, .object = object};
    return message;
}

static void push_watch(struct world *world, int object, enum message_kind kind)
{
    struct message *message = &world->watch[world->watch_last++ % WORLD_QUEUE];
    *message = (struct message){.kind = kind, .object = object, .state = world->objects[object]};
}

/* What the API server would do with a forced apply. */
static void do_apply(struct world *world, int index, int wanted, struct message *answer)
{
    struct world_object *object = &world->objects[index];
    if (world->refuse_with_422) {
        answer->code = HF_EREFUSED;
        (void)snprintf(answer->text, sizeof answer->text, "spec.selector: field is immutable");
        return;
    }
    for (int i = 0; object->namespace && i < world->object_count; i++) {
        const struct world_object *other = &world->objects[i];
        if (strcmp(other->kind, "Namespace") == 0 && strcmp(other->name, object->namespace) == 0) {
            if (!other->exists) {
                answer->code = HF_ENOTFOUND;
                return;
            }
            if (other->terminating) {
                answer->code = HF_EDENIED;
                (void)snprintf(answer->text, sizeof answer->text,
                               "unable to create new content in namespace %s because it is being terminated",
                               object->namespace);
                return;
            }
        }
    }
    if (!object->exists) {
        object->exists = true;
        object->generation++;
        object->value = 0;
    }
    if (object->value != wanted) {
        object->value = wanted;
        object->manager = "confighub";
        object->rv = ++world->rv;
        push_watch(world, index, MESSAGE_CHANGE);
    }
    answer->state = *object;
}

static int value_in(struct hf_slice bytes)
{
    static const char KEY[] = "\"value\":\"";
    const char *at = strstr(bytes.ptr, KEY);
    cr_assert_not_null(at);
    return at[sizeof KEY - 1] - '0';
}

static int apply(void *ctx, const struct hf_agent_ref *ref, const char *manager, struct hf_slice bytes, uint64_t ticket,
                 struct hf_error *err)
{
    struct world *world = ctx;
    int index = find_object(world, ref->kind, ref->name);
    if (world->cut_off) {
        return hf_error_set(err, HF_EUNAVAILABLE, "no token");
    }
    cr_assert_str_eq(manager, "confighub");
    cr_assert_gt(bytes.len, 0u);
    cr_assert_geq(index, 0);
    world->applies++;
    if (world->durable_intents[index] <= 0) {
        world->unrecorded_applies++;
    }
    world->durable_intents[index]--;
    if (++world->in_flight[index] > world->most_in_flight) {
        world->most_in_flight = world->in_flight[index];
    }
    struct message *answer = new_answer(world, ticket, index);
    answer->scope = 1; /* a write */
    do_apply(world, index, value_in(bytes), answer);
    return 0;
}

static int get(void *ctx, const struct hf_agent_ref *ref, uint64_t ticket, struct hf_error *err)
{
    struct world *world = ctx;
    int index = find_object(world, ref->kind, ref->name);
    (void)err;
    world->gets++;
    struct message *answer = new_answer(world, ticket, index);
    answer->state = world->objects[index];
    answer->code = world->get_code != HF_OK ? world->get_code : world->objects[index].exists ? HF_OK : HF_ENOTFOUND;
    return 0;
}

static int patch(void *ctx, const struct hf_agent_ref *ref, const char *manager, struct hf_slice bytes, uint64_t ticket,
                 struct hf_error *err)
{
    (void)ctx;
    (void)ref;
    (void)manager;
    (void)bytes;
    (void)ticket;
    return hf_error_set(err, HF_EUNSUPPORTED, "this world has no Services with foreign ports");
}

static int remove_object(void *ctx, const struct hf_agent_ref *ref, const char *uid, const char *resource_version,
                         bool orphan, uint64_t ticket, struct hf_error *err)
{
    struct world *world = ctx;
    int index = find_object(world, ref->kind, ref->name);
    (void)err;
    cr_assert_geq(index, 0);
    cr_assert_gt(strlen(resource_version), 0u, "a deletion holds for the version that was judged");
    struct world_object *object = &world->objects[index];
    char uid_of[64];
    (void)snprintf(uid_of, sizeof uid_of, "uid-%s-%d", object->name, object->generation);
    world->removals++;
    world->last_was_orphaning = orphan;
    if (world->durable_intents[index] <= 0) {
        world->unrecorded_applies++;
    }
    world->durable_intents[index]--;
    if (++world->in_flight[index] > world->most_in_flight) {
        world->most_in_flight = world->in_flight[index];
    }
    struct message *answer = new_answer(world, ticket, index);
    answer->scope = 1;
    if (!object->exists) {
        answer->code = HF_ENOTFOUND;
    } else if (strcmp(uid_of, uid) != 0) {
        answer->code = HF_ECONFLICT;
    } else {
        object->exists = false;
        push_watch(world, index, MESSAGE_DELETED);
        answer->state = *object;
    }
    return 0;
}

static void wake_in(void *ctx, int64_t delay)
{
    struct world *world = ctx;
    world->wake_at = world->mono + (delay > 0 ? delay : 0);
}

static void changed(void *ctx)
{
    (void)ctx;
}

struct world *world_new(bool correct, unsigned fight_times)
{
    return world_new_paced(correct, fight_times, 0);
}

struct world *world_new_paced(bool correct, unsigned fight_times, unsigned looked_at_a_ms)
{
    struct world *world = calloc(1, sizeof *world);
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_not_null(world);
    world->seed = 1;
    world->wake_at = -1;
    world->mono = 1000;
    world->wanted = 1;
    struct hf_agent_effects effects = {world,    now_ms, mono_ms, random_number, kind_of,       follow,
                                       unfollow, record, apply,   patch,         remove_object, get,
                                       NULL,     NULL,   NULL,    wake_in,       changed};
    struct hf_agent_options options = {
        .secret_key = "0123456789abcdef", .secret_key_len = 16, .looked_at_a_ms = looked_at_a_ms};
    cr_assert_eq(hf_agent_new(&effects, &options, NULL, &world->agent, &err), 0);
    struct hf_agent_target_options target = {.name = "dev",
                                             .correct = correct,
                                             .manager = "confighub",
                                             .parallel = 8,
                                             .fight_times = fight_times,
                                             .fight_within_ms = 600000};
    cr_assert_eq(hf_agent_target_add(world->agent, &target, &err), 0);
    return world;
}

void world_free(struct world *world)
{
    hf_agent_free(world->agent);
    free(world);
}

int world_add(struct world *world, const char *api_version, const char *kind, const char *namespace, const char *name)
{
    struct world_object *object = &world->objects[world->object_count];
    *object = (struct world_object){api_version, kind, namespace, name, true, false, 1, 1, ++world->rv, "confighub"};
    return world->object_count++;
}

static struct hf_unit *unit_of(const struct world_object *object, int order, int wanted, bool problem)
{
    char text[600];
    char slug[80];
    struct hf_unit *unit;
    struct hf_error err = HF_ERROR_INIT;
    (void)snprintf(slug, sizeof slug, "%s-%s", object->kind, object->name);
    (void)snprintf(
        text, sizeof text,
        "# holdfast: order=%d\napiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n%s%s%s  labels:\n    value: \"%d\"\n",
        order, object->api_version, object->kind, object->name, object->namespace ? "  namespace: " : "",
        object->namespace ? object->namespace : "", object->namespace ? "\n" : "", wanted);
    cr_assert_eq(hf_unit_read("space", slug, slug, text, strlen(text), &unit, &err), 0, "%s", err.text);
    if (problem) {
        unit->problem = "unit.yaml: line 3, column 1: found a tab, expected a key";
    }
    return unit;
}

void world_units(struct world *world, int problem)
{
    struct hf_unit *units[WORLD_OBJECTS];
    struct hf_error err = HF_ERROR_INIT;
    for (int i = 0; i < world->object_count; i++) {
        units[i] = unit_of(&world->objects[i], i, world->wanted, i == problem);
    }
    cr_assert_eq(hf_agent_units(world->agent, "dev", units, (size_t)world->object_count, &err), 0);
    for (int i = 0; i < world->object_count; i++) {
        hf_unit_drop(units[i]);
    }
}

static const struct hf_value *live_form(struct hf_arena *arena, const struct world_object *object)
{
    char text[1000];
    const struct hf_value *value;
    struct hf_error err = HF_ERROR_INIT;
    int len = snprintf(
        text, sizeof text,
        "{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":{\"name\":\"%s\"%s%s%s,\"uid\":\"uid-%s-%d\","
        "\"resourceVersion\":\"%llu\"%s,\"labels\":{\"value\":\"%d\"},\"managedFields\":[{\"manager\":\"%s\","
        "\"operation\":\"Update\",\"apiVersion\":\"%s\",\"time\":\"2026-03-01T09:30:00Z\",\"fieldsType\":\"FieldsV1\","
        "\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{\"f:value\":{}}}}}]}}",
        object->api_version, object->kind, object->name, object->namespace ? ",\"namespace\":\"" : "",
        object->namespace ? object->namespace : "", object->namespace ? "\"" : "", object->name, object->generation,
        (unsigned long long)object->rv, object->terminating ? ",\"deletionTimestamp\":\"2026-03-01T09:30:01Z\"" : "",
        object->value, object->manager, object->api_version);
    cr_assert_eq(hf_json_read(arena, text, (size_t)len, NULL, &value, &err), 0, "%s", err.text);
    return value;
}

static uint64_t scope_of(const struct world *world, const struct world_object *object)
{
    for (int i = 0; i < world->scope_count; i++) {
        if (strcmp(world->scopes[i].kind, object->kind) == 0 &&
            strcmp(world->scopes[i].namespace, object->namespace ? object->namespace : "") == 0) {
            return world->scopes[i].id;
        }
    }
    return 0;
}

void world_list_open(struct world *world, uint64_t scope)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_agent_list_begin(world->agent, scope, &err), 0);
    for (int i = 0; i < world->object_count; i++) {
        if (world->objects[i].exists && scope_of(world, &world->objects[i]) == scope) {
            struct hf_arena *arena = hf_arena_new(0);
            cr_assert_eq(hf_agent_item(world->agent, scope, live_form(arena, &world->objects[i]), &err), 0);
            hf_arena_free(arena);
        }
    }
}

void world_list(struct world *world, uint64_t scope)
{
    struct hf_error err = HF_ERROR_INIT;
    world_list_open(world, scope);
    cr_assert_eq(hf_agent_list_end(world->agent, scope, &err), 0);
}

void world_start(struct world *world)
{
    struct hf_error err = HF_ERROR_INIT;
    world_units(world, -1);
    cr_assert_eq(hf_agent_discovered(world->agent, "dev", NULL, &err), 0);
    int count = world->scope_count;
    for (int i = 0; i < count; i++) {
        world_list(world, world->scopes[i].id);
    }
}

void world_drift(struct world *world, int index, int value, const char *manager)
{
    struct world_object *object = &world->objects[index];
    object->exists = true;
    object->value = value;
    object->manager = manager;
    object->rv = ++world->rv;
    push_watch(world, index, MESSAGE_CHANGE);
}

void world_delete(struct world *world, int index)
{
    world->objects[index].exists = false;
    world->objects[index].terminating = false;
    world->objects[index].rv = ++world->rv;
    push_watch(world, index, MESSAGE_DELETED);
}

void world_deliver_watch(struct world *world)
{
    struct message *message = &world->watch[world->watch_first++ % WORLD_QUEUE];
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    enum hf_change change = message->kind == MESSAGE_DELETED ? HF_DELETED : HF_MODIFIED;
    cr_assert_eq(hf_agent_change(world->agent, scope_of(world, &message->state), change,
                                 live_form(arena, &message->state), &err),
                 0);
    hf_arena_free(arena);
}

void world_deliver_answer(struct world *world, int index, bool lost)
{
    struct message message = world->answers[index];
    world->answers[index] = world->answers[--world->answer_count];
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_error state = HF_ERROR_INIT;
    const struct hf_value *object = NULL;
    if (message.scope == 1) {
        world->in_flight[message.object]--;
    }
    if (lost) {
        (void)hf_error_set(&state, HF_EUNAVAILABLE, "the connection was cut");
    } else if (message.code != HF_OK) {
        (void)hf_error_set(&state, message.code, "%s", message.text[0] ? message.text : "not found");
    } else {
        object = live_form(arena, &message.state);
    }
    cr_assert_eq(hf_agent_answered(world->agent, message.ticket, object, -1, &state, &err), 0);
    hf_arena_free(arena);
}

void world_deliver_durable(struct world *world)
{
    struct message *message = &world->durable[world->durable_first++ % WORLD_QUEUE];
    struct hf_error err = HF_ERROR_INIT;
    for (int i = message->object; i < message->state.value; i++) {
        world->events[i].durable = true;
        if (strcmp(world->events[i].type, "correction.intended") == 0) {
            for (int j = 0; j < world->object_count; j++) {
                world->durable_intents[j] += strcmp(world->objects[j].name, world->events[i].name) == 0;
            }
        }
    }
    if (message->ticket) {
        cr_assert_eq(hf_agent_recorded(world->agent, message->ticket, &err), 0);
    }
}

void world_settle(struct world *world)
{
    struct hf_error err = HF_ERROR_INIT;
    for (int turn = 0; turn < 2000; turn++) {
        if (world->durable_first < world->durable_last) {
            world_deliver_durable(world);
        } else if (world->answer_count > 0) {
            world_deliver_answer(world, 0, false);
        } else if (world->watch_first < world->watch_last) {
            world_deliver_watch(world);
        } else if (world->wake_at >= 0 && world->wake_at < world->mono + 400000) {
            world->mono = world->wake_at > world->mono ? world->wake_at : world->mono;
            world->wake_at = -1;
            cr_assert_eq(hf_agent_tick(world->agent, &err), 0);
        } else {
            return;
        }
    }
}

int world_count(const struct world *world, const char *type)
{
    int count = 0;
    for (int i = 0; i < world->event_count; i++) {
        count += strcmp(world->events[i].type, type) == 0;
    }
    return count;
}

enum hf_verdict world_verdict(struct world *world, int index)
{
    struct hf_view view = {.arena = hf_arena_new(0)};
    struct hf_error err = HF_ERROR_INIT;
    enum hf_verdict verdict = HF_UNKNOWN;
    cr_assert_eq(hf_agent_fill_view(world->agent, &view, &err), 0);
    for (size_t i = 0; i < view.object_count; i++) {
        if (strcmp(view.objects[i].kind, world->objects[index].kind) == 0 &&
            strcmp(view.objects[i].name, world->objects[index].name) == 0) {
            cr_assert(hf_verdict_parse(hf_slice_of(view.objects[i].verdict), &verdict));
        }
    }
    hf_arena_free(view.arena);
    return verdict;
}
