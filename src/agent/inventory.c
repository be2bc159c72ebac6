/* From units to objects: what should be, keyed so that a live form finds it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

bool hf_agent_key(struct hf_buf *key, const char *group, const char *kind, const char *namespace, const char *name)
{
    hf_buf_adds(key, group);
    hf_buf_addc(key, '\0');
    hf_buf_adds(key, kind);
    hf_buf_addc(key, '\0');
    hf_buf_adds(key, namespace);
    hf_buf_addc(key, '\0');
    hf_buf_adds(key, name);
    return hf_buf_ok(key);
}

static struct hf_slice key_slice(const struct hf_buf *key)
{
    return (struct hf_slice){key->ptr, key->len};
}

struct object *hf_agent_find_object(const struct target *target, const char *group, const char *kind,
                                    const char *namespace, const char *name)
{
    hf_auto_buf struct hf_buf key = {0};
    return hf_agent_key(&key, group, kind, namespace, name) ? hf_map_get(target->objects, key_slice(&key)) : NULL;
}

/* Namespaces and CRDs come first, then the unit's own order, then kinds in the order in which they lean on each other.
 */
int64_t hf_agent_rank(const struct hf_unit *unit, const char *group, const char *kind)
{
    static const char *const FIRST[] = {"Namespace",   "CustomResourceDefinition", "StorageClass", "PriorityClass",
                                        "ClusterRole", "ClusterRoleBinding"};
    static const char *const THEN[] = {"ServiceAccount", "Secret",      "ConfigMap", "PersistentVolumeClaim",
                                       "Role",           "RoleBinding", "Service",   "Deployment",
                                       "StatefulSet",    "DaemonSet",   "Job",       "CronJob",
                                       "Ingress"};
    (void)group;
    for (size_t i = 0; i < sizeof FIRST / sizeof FIRST[0]; i++) {
        if (strcmp(kind, FIRST[i]) == 0) {
            return (int64_t)i;
        }
    }
    int64_t order = 0;
    const char *text = hf_unit_label(unit, "order");
    if (!text || !hf_parse_int(hf_slice_of(text), 0, 1000000, &order)) {
        order = 1000;
    }
    int64_t stage = sizeof THEN / sizeof THEN[0];
    for (size_t i = 0; i < sizeof THEN / sizeof THEN[0]; i++) {
        if (strcmp(kind, THEN[i]) == 0) {
            stage = (int64_t)i;
        }
    }
    return 100 + order * 100 + stage;
}

void hf_agent_object_free(struct object *object)
{
    if (!object) {
        return;
    }
    hf_agent_flight_free(object->flight);
    hf_arena_free(object->findings_arena);
    hf_unit_drop(object->unit);
    hf_agent_paths_free(object);
    free(object->note);
    free(object->told_note);
    free(object->send);
    free(object->mark);
    free(object->mend);
    free(object->tidy);
    free(object->who);
    free(object->reason);
    free(object->strings);
    free(object);
}

static struct object *object_new(struct target *target, const char *api_version, const char *kind,
                                 const char *namespace, const char *name)
{
    struct object *object = hf_calloc(1, sizeof *object);
    struct hf_buf strings = {0};
    const char *parts[] = {api_version, kind, namespace ? namespace : "", name};
    size_t at[4];
    for (size_t i = 0; i < 4; i++) {
        at[i] = strings.len;
        hf_buf_adds(&strings, parts[i]);
        hf_buf_addc(&strings, '\0');
    }
    const char *slash = strchr(api_version, '/');
    size_t group_at = strings.len;
    hf_buf_add(&strings, api_version, slash ? (size_t)(slash - api_version) : 0);
    char *block = hf_buf_take(&strings);
    if (!object || !block) {
        free(object);
        free(block);
        return NULL;
    }
    object->target = target;
    object->strings = block;
    object->api_version = block + at[0];
    object->kind = block + at[1];
    object->namespace = namespace ? block + at[2] : NULL;
    object->name = block + at[3];
    object->group = block + group_at;
    object->verdict = HF_UNKNOWN;
    object->last_correction_ms = HF_TIME_NONE;
    return object;
}

struct scope *hf_agent_scope_new(struct hf_agent *agent, struct target *target, const char *api_version,
                                 const char *kind, const char *namespace)
{
    struct scope *scope = hf_calloc(1, sizeof *scope);
    if (!scope) {
        return NULL;
    }
    scope->api_version = hf_strdup(api_version);
    scope->kind = hf_strdup(kind);
    scope->namespace = hf_strdup(namespace);
    if (!scope->api_version || !scope->kind || (namespace && !scope->namespace)) {
        free(scope->api_version);
        free(scope->kind);
        free(scope->namespace);
        free(scope);
        return NULL;
    }
    scope->id = ++agent->next_scope;
    scope->target = target;
    scope->next = target->scopes;
    target->scopes = scope;
    return scope;
}

struct scope *hf_agent_scope_for(struct hf_agent *agent, struct target *target, const struct object *object)
{
    for (struct scope *scope = target->scopes; scope; scope = scope->next) {
        if (strcmp(scope->api_version, object->api_version) == 0 && strcmp(scope->kind, object->kind) == 0 &&
            (scope->namespace == NULL) == (object->namespace == NULL) &&
            (!scope->namespace || strcmp(scope->namespace, object->namespace) == 0)) {
            return scope;
        }
    }
    return hf_agent_scope_new(agent, target, object->api_version, object->kind, object->namespace);
}

static void follow(struct hf_agent *agent, const struct scope *scope)
{
    struct hf_agent_scope told = {scope->id, scope->target->name, scope->api_version, scope->kind, scope->namespace};
    agent->effects.follow(agent->effects.ctx, &told);
}

static void drop_unused_scopes(struct hf_agent *agent, struct target *target)
{
    for (struct scope **at = &target->scopes; *at;) {
        struct scope *scope = *at;
        if (scope->pass == target->pass) {
            at = &scope->next;
            continue;
        }
        agent->effects.unfollow(agent->effects.ctx, scope->id);
        hf_agent_autoscalers_free(target, scope);
        *at = scope->next;
        free(scope->api_version);
        free(scope->kind);
        free(scope->namespace);
        free(scope->problem);
        free(scope);
    }
}

/* Takes up what the trail knows of an object that is placed for the first time in this run. */
static void adopt(struct target *target, struct object *object, struct hf_slice key)
{
    struct resumed *resumed = hf_map_remove(target->resumed, key);
    if (resumed) {
        object->incident = resumed->incident;
        free(resumed);
    }
    struct known *known = hf_map_get(target->known, key);
    object->was_known = object->incident.open || known;
    if (known) {
        known->is_placed = true;
        object->told_note = hf_strdup(known->reason);
        (void)snprintf(object->known_uid, sizeof object->known_uid, "%s", known->uid);
    }
}

/* A new object, or the one of that key; NULL when memory is short. */
struct object *hf_agent_object_for(struct hf_agent *agent, struct target *target, const char *api_version,
                                   const char *kind, const char *namespace, const char *name)
{
    const char *slash = strchr(api_version, '/');
    hf_auto_buf struct hf_buf key = {0};
    hf_buf_add(&key, api_version, slash ? (size_t)(slash - api_version) : 0);
    hf_buf_addc(&key, '\0');
    hf_buf_adds(&key, kind);
    hf_buf_addc(&key, '\0');
    hf_buf_adds(&key, namespace);
    hf_buf_addc(&key, '\0');
    hf_buf_adds(&key, name);
    if (!hf_buf_ok(&key)) {
        return NULL;
    }
    struct object *object = hf_map_get(target->objects, key_slice(&key));
    if (object && strcmp(object->api_version, api_version) == 0) {
        return object;
    }
    struct object *fresh = object_new(target, api_version, kind, namespace, name);
    void *old = NULL;
    if (!fresh || hf_map_put(target->objects, key_slice(&key), fresh, &old) != 0) {
        hf_agent_object_free(fresh);
        return NULL;
    }
    fresh->since_ms = agent->effects.now_ms(agent->effects.ctx);
    if (old) {
        /* The same object in another apiVersion: what is known of it goes on. */
        struct object *before = old;
        hf_agent_end_flight(agent, before);
        hf_agent_deactivate(agent, before);
        fresh->incident = before->incident;
        fresh->was_known = before->was_known;
        memcpy(fresh->uid, before->uid, sizeof fresh->uid);
        fresh->corrections = before->corrections;
        hf_agent_object_free(before);
    } else {
        adopt(target, fresh, key_slice(&key));
    }
    return fresh;
}

/* What must be looked at anew because of the unit's newest content. */
static void take_desired(struct hf_agent *agent, struct object *object, struct hf_unit *unit, size_t document,
                         const struct hf_digest *desired)
{
    bool was_unreadable = object->unit && object->unit->problem;
    bool changed = object->unit && !hf_digest_equal(&object->desired, desired);
    bool stands_otherwise = object->unit && (object->unit->state != unit->state || object->unit->mode != unit->mode);
    if (object->unit != unit) {
        hf_unit_drop(object->unit);
        object->unit = hf_unit_keep(unit);
    }
    object->document = document;
    object->desired = *desired;
    object->rank = hf_agent_rank(unit, object->group, object->kind);
    if (changed) {
        object->has_in_sync = false;
        object->desired_changed = true;
        object->incident.blocked = false;
        object->incident.attempts = 0;
        object->due_ms = 0; /* what was refused was the content before */
    }
    if (unit->problem) {
        hf_agent_unplan(agent, object);
        hf_agent_set_verdict(agent, object, HF_UNKNOWN, unit->problem);
    } else if ((changed || was_unreadable || (stands_otherwise && object->verdict != HF_IN_SYNC)) && object->scope &&
               (object->scope->synced || object->scope->listing)) {
        object->wants_get = true;
        hf_agent_activate(agent, object);
    }
}

static int place(struct hf_agent *agent, struct target *target, struct hf_unit *unit, size_t index,
                 struct hf_error *err)
{
    const struct hf_value *document = unit->documents[index].value;
    const char *api_version = hf_value_text(hf_value_get(document, "apiVersion"));
    const char *kind = hf_value_text(hf_value_get(document, "kind"));
    const char *name = hf_value_text(hf_value_path(document, "metadata", "name", NULL));
    const char *namespace = hf_value_text(hf_value_path(document, "metadata", "namespace", NULL));
    if (!api_version || !kind || !name) {
        return 0; /* the source refuses such units */
    }
    struct hf_agent_kind facts = {.namespaced = namespace != NULL};
    enum hf_agent_served served = agent->effects.kind(agent->effects.ctx, target->name, api_version, kind, &facts);
    const char *placed = !facts.namespaced ? NULL : namespace && *namespace ? namespace : "default";
    struct object *object = hf_agent_object_for(agent, target, api_version, kind, placed, name);
    struct hf_digest digest;
    if (!object) {
        return hf_error_set(err, HF_ENOMEM, "place %s %s: out of memory", kind, name);
    }
    if (hf_canonical_digest(agent->hasher, document, &digest, err) != 0) {
        return -1;
    }
    if (object->pass == target->pass) {
        hf_log_write(agent->log, HF_WARN, "one object in two units, the first counts", "target", target->name, "kind",
                     kind, "name", name, "unit", unit->slug, "first", object->unit ? object->unit->slug : "", NULL);
        return 0;
    }
    object->pass = target->pass;
    object->has_status = facts.has_status;
    object->is_served = served == HF_SERVED;
    if (object->is_extra) {
        hf_agent_unplan(agent, object);
        hf_agent_dismiss(agent, object, "a unit holds it again");
        object->is_extra = false;
        object->wants_get = true;
        hf_agent_activate(agent, object);
    }
    take_desired(agent, object, unit, index, &digest);
    if (served != HF_SERVED) {
        object->scope = NULL;
        hf_agent_unplan(agent, object);
        hf_auto_buf struct hf_buf reason = {0};
        hf_buf_addf(&reason,
                    served == HF_NOT_KNOWN_YET ? "the types of %s in %s are being read"
                                               : "the cluster does not serve %s in %s",
                    kind, api_version);
        hf_agent_set_verdict(agent, object, HF_UNKNOWN, hf_buf_text(&reason));
        return 0;
    }
    bool joins = !object->scope;
    object->scope = hf_agent_scope_for(agent, target, object);
    if (!object->scope) {
        return hf_error_set(err, HF_ENOMEM, "place %s %s: out of memory", kind, name);
    }
    if (joins && object->scope->listing) {
        object->listed = object->scope->list; /* its item may have gone by: read, not told as absent */
        object->wants_get = true;
        hf_agent_activate(agent, object);
    }
    object->scope->pass = target->pass;
    object->scope->is_for_scales = false;
    return 0;
}

static void forget_unplaced(struct hf_agent *agent, struct target *target)
{
    size_t cursor = 0;
    struct hf_slice key;
    void *value;
    while (hf_map_next(target->objects, &cursor, &key, &value)) {
        struct object *object = value;
        if (object->pass == target->pass || hf_agent_becomes_extra(agent, object)) {
            continue;
        }
        hf_agent_end_flight(agent, object);
        hf_agent_dismiss(agent, object, "no unit holds it any more");
        hf_agent_keep_row(agent, object, true);
        hf_agent_deactivate(agent, object);
        (void)hf_map_remove(target->objects, key);
        hf_agent_object_free(object);
    }
}

int hf_agent_place_all(struct hf_agent *agent, struct target *target, struct hf_error *err)
{
    if (!target->discovered || !target->has_units) {
        return 0;
    }
    target->pass++;
    size_t cursor = 0;
    void *value;
    while (hf_map_next(target->units, &cursor, NULL, &value)) {
        struct hf_unit *unit = value;
        for (size_t i = 0; i < unit->document_count; i++) {
            if (place(agent, target, unit, i, err) != 0) {
                /* Half placed: objects not reached yet must not count as gone. */
                size_t again = 0;
                while (hf_map_next(target->objects, &again, NULL, &value)) {
                    ((struct object *)value)->pass = target->pass;
                }
                for (struct scope *scope = target->scopes; scope; scope = scope->next) {
                    scope->pass = target->pass;
                }
                return -1;
            }
        }
    }
    forget_unplaced(agent, target);
    if (hf_agent_place_extras(agent, target, err) != 0 || hf_agent_follow_autoscalers(agent, target, err) != 0) {
        return -1;
    }
    hf_agent_close_unplaced(agent, target);
    drop_unused_scopes(agent, target);
    for (struct scope *scope = target->scopes; scope; scope = scope->next) {
        if (!scope->synced && !scope->listing && scope->users == 0) {
            scope->users = 1; /* followed */
            follow(agent, scope);
        } else if (scope->synced && !scope->listing) {
            /* An object that joined a scope already listed was passed over by that list. */
            for (cursor = 0; hf_map_next(target->objects, &cursor, NULL, &value);) {
                struct object *object = value;
                if (object->scope == scope && object->verdict == HF_UNKNOWN && object->listed == 0 &&
                    !object->unit->problem) {
                    object->wants_get = true;
                    hf_agent_activate(agent, object);
                }
            }
        }
    }
    agent->effects.changed(agent->effects.ctx);
    return 0;
}

/* Tells what became of a unit since the last set. before: NULL for a new one. */
static void tell_change(struct hf_agent *agent, const struct target *target, const struct hf_unit *before,
                        const struct hf_unit *now)
{
    hf_auto_buf struct hf_buf text = {0};
    if (now->problem) {
        if (!before || !before->problem || strcmp(before->problem, now->problem) != 0) {
            hf_buf_addf(&text, "unit %s can't be read: %s. Its objects are left as they are.", now->slug, now->problem);
            hf_agent_say_target(agent, target, now, "unit.unreadable", "warning", hf_buf_text(&text), true);
        }
        return;
    }
    if (before && before->problem) {
        hf_buf_addf(&text, "unit %s can be read again", now->slug);
        hf_agent_say_target(agent, target, now, "unit.readable", "info", hf_buf_text(&text), true);
        return;
    }
    if (before && before->state != now->state) {
        hf_buf_addf(&text, "unit %s is %s now%s%s", now->slug, hf_unit_state_name(now->state),
                    now->state_reason && *now->state_reason ? ": " : "", now->state_reason ? now->state_reason : "");
        hf_agent_say_target(agent, target, now, "unit.state", "info", hf_buf_text(&text), false);
        hf_buf_clear(&text);
    }
    if (before ? !hf_digest_equal(&before->digest, &now->digest) : target->has_units) {
        hf_buf_addf(&text, "unit %s %s", now->slug, before ? "has changed" : "is new");
        hf_agent_say_target(agent, target, now, "unit.changed", "info", hf_buf_text(&text), false);
    }
}

static void drop_unit(void *unit)
{
    hf_unit_drop(unit);
}

static int keep_units(struct hf_agent *agent, struct target *target, struct hf_unit *const *units, size_t count,
                      struct hf_map *next, struct hf_error *err)
{
    for (size_t i = 0; i < count; i++) {
        hf_auto_buf struct hf_buf key = {0};
        hf_buf_adds(&key, units[i]->space);
        hf_buf_addc(&key, '\0');
        hf_buf_adds(&key, units[i]->slug);
        void *old = NULL;
        if (!hf_buf_ok(&key) || hf_map_put(next, key_slice(&key), units[i], &old) != 0) {
            return hf_error_set(err, HF_ENOMEM, "take units: out of memory");
        }
        hf_unit_keep(units[i]);
        hf_unit_drop(old);
        tell_change(agent, target, hf_map_get(target->units, key_slice(&key)), units[i]);
    }
    return 0;
}

int hf_agent_units(struct hf_agent *agent, const char *target_name, struct hf_unit *const *units, size_t count,
                   struct hf_error *err)
{
    struct target *target = hf_agent_find_target(agent, target_name);
    if (!target) {
        return hf_error_set(err, HF_EINVAL, "there is no target %s", target_name);
    }
    struct hf_map *next = hf_map_new();
    if (!next) {
        return hf_error_set(err, HF_ENOMEM, "take units: out of memory");
    }
    if (keep_units(agent, target, units, count, next, err) != 0) {
        hf_map_free(next, drop_unit);
        return -1;
    }
    size_t cursor = 0;
    struct hf_slice key;
    void *value;
    while (hf_map_next(target->units, &cursor, &key, &value)) {
        if (!hf_map_get(next, key)) {
            hf_auto_buf struct hf_buf text = {0};
            hf_buf_addf(&text, "unit %s is gone: its objects are no longer held, and left as they are",
                        ((struct hf_unit *)value)->slug);
            hf_agent_say_target(agent, target, value, "unit.gone", "info", hf_buf_text(&text), false);
        }
    }
    hf_map_free(target->units, drop_unit);
    target->units = next;
    target->has_units = true;
    if (hf_agent_place_all(agent, target, err) != 0) {
        struct hf_error ignored;
        (void)hf_agent_leave(agent, &ignored);
        return -1;
    }
    return hf_agent_leave(agent, err);
}
