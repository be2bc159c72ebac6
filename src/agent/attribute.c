/* Who did it: what the API server has audited, joined to the drifts that were seen. Either may come first; a write that
 * comes late completes what was recorded by an event of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define MOST_WRITES 1024
#define MOST_AWAITED 256
#define KEEP_MS 600000   /* a write or a drift that found nothing in ten minutes never will */
#define EARLY_MS 1500    /* managedFields know seconds only */
#define LATE_MS 2000     /* the server's clock beside ours */
#define DELETED_MS 60000 /* a deletion is seen once all of it is gone */
#define MOST_WHO 4096
#define NAMESPACE_CONTROLLER "system:serviceaccount:kube-system:namespace-controller"

struct write {
    int64_t at_ms;
    bool is_delete;
    bool is_ours;
    char rv[HF_RV_TEXT];
    char manager[64];
    char user[128];
    char *key;   /* of the object, or of the collection */
    char *who;   /* {"user":…,"groups":[…],"userAgent":…,"source":…} without the closing brace */
    char *words; /* "alice via kubectl-edit from 10.0.0.7" */
};

/* A drift of which it is not known yet who did it. */
struct awaited {
    int64_t seen_ms;
    int64_t drifted_ms;
    bool is_missing;
    bool is_listed; /* found in a list: other writes may lie between */
    char incident[HF_INCIDENT_ID];
    char rv[HF_RV_TEXT];
    char manager[64];
    char operation[16];
    char *key;
    char *collection;
    char *namespace; /* the Namespace's own key; NULL: it has none */
    char *summary;
    char *api_version;
    char *kind;
    char *in;
    char *name;
};

struct attribution {
    struct write writes[MOST_WRITES];
    size_t next_write;
    struct awaited awaited[MOST_AWAITED];
    size_t next_awaited;
};

static void write_clear(struct write *write)
{
    free(write->key);
    free(write->who);
    free(write->words);
    *write = (struct write){0};
}

static void awaited_clear(struct awaited *awaited)
{
    free(awaited->key);
    free(awaited->collection);
    free(awaited->namespace);
    free(awaited->summary);
    free(awaited->api_version);
    free(awaited->kind);
    free(awaited->in);
    free(awaited->name);
    *awaited = (struct awaited){0};
}

void hf_agent_attribution_free(struct target *target)
{
    for (size_t i = 0; target->attribution && i < MOST_WRITES; i++) {
        write_clear(&target->attribution->writes[i]);
    }
    for (size_t i = 0; target->attribution && i < MOST_AWAITED; i++) {
        awaited_clear(&target->attribution->awaited[i]);
    }
    free(target->attribution);
    target->attribution = NULL;
}

static struct attribution *attribution_of(struct target *target)
{
    if (!target->attribution) {
        target->attribution = hf_calloc(1, sizeof *target->attribution);
    }
    return target->attribution;
}

/* As text with lines: no part of a name holds one. */
static char *key_text(const char *group, const char *kind, const char *namespace, const char *name)
{
    struct hf_buf key = {0};
    hf_buf_addf(&key, "%s\n%s\n%s\n%s", group ? group : "", kind, namespace ? namespace : "", name ? name : "");
    if (key.failed) {
        hf_buf_free(&key);
        return NULL;
    }
    return key.ptr;
}

static void add_member(struct hf_buf *out, const char *name, const char *text)
{
    if (text && *text) {
        hf_buf_addf(out, ",\"%s\":", name);
        hf_buf_add_json(out, hf_slice_of(text));
    }
}

static char *who_of(const struct hf_agent_write *from)
{
    struct hf_buf out = {0};
    hf_buf_adds(&out, "{\"user\":");
    hf_buf_add_json(&out, hf_slice_of(from->user));
    add_member(&out, "impersonated", from->impersonated);
    if (from->group_count > 0) {
        hf_buf_adds(&out, ",\"groups\":[");
        for (size_t i = 0; i < from->group_count && out.len < MOST_WHO; i++) {
            hf_buf_adds(&out, i ? "," : "");
            hf_buf_add_json(&out, hf_slice_of(from->groups[i]));
        }
        hf_buf_addc(&out, ']');
    }
    add_member(&out, "userAgent", from->user_agent);
    add_member(&out, "source", from->source);
    if (out.failed) {
        hf_buf_free(&out);
        return NULL;
    }
    return out.ptr;
}

static char *words_of(const struct hf_agent_write *from, const struct write *write)
{
    struct hf_buf out = {0};
    hf_buf_add_safe(&out, hf_slice_of(from->user), 128);
    if (from->impersonated) {
        hf_buf_adds(&out, " as ");
        hf_buf_add_safe(&out, hf_slice_of(from->impersonated), 128);
    }
    if (write->manager[0]) {
        hf_buf_adds(&out, " via ");
        hf_buf_add_safe(&out, hf_slice_of(write->manager), 64);
    }
    if (from->source) {
        hf_buf_adds(&out, " from ");
        hf_buf_add_safe(&out, hf_slice_of(from->source), 64);
    }
    if (out.failed) {
        hf_buf_free(&out);
        return NULL;
    }
    return out.ptr;
}

/* As the API server names it: the request's fieldManager, else what stands before the slash of the user agent
 * (k8s.io/apiserver, managerOrUserAgent). */
static void take_manager(const struct hf_agent_write *from, struct write *to)
{
    const char *agent = from->user_agent ? from->user_agent : "";
    if (from->manager && *from->manager) {
        (void)snprintf(to->manager, sizeof to->manager, "%s", from->manager);
    } else {
        (void)snprintf(to->manager, sizeof to->manager, "%.*s", (int)strcspn(agent, "/"), agent);
    }
}

static bool take_write(struct write *to, const struct hf_agent_write *from)
{
    *to = (struct write){.at_ms = from->at_ms,
                         .is_delete = from->is_delete,
                         .is_ours = from->user_agent && strncmp(from->user_agent, "holdfast/", 9) == 0,
                         .key = key_text(from->group, from->kind, from->namespace, from->name)};
    (void)snprintf(to->rv, sizeof to->rv, "%s", from->resource_version ? from->resource_version : "");
    (void)snprintf(to->user, sizeof to->user, "%s", from->user);
    take_manager(from, to);
    to->who = who_of(from);
    to->words = words_of(from, to);
    if (!to->key || !to->who || !to->words) {
        write_clear(to);
        return false;
    }
    return true;
}

static bool same_manager(const struct awaited *awaited, const struct write *write)
{
    /* Both are cut at the same length. */
    return strcmp(awaited->manager, write->manager) == 0;
}

enum how { HOW_NOT, HOW_VERSION, HOW_TIME };

static enum how match_missing(const struct awaited *awaited, const struct write *write)
{
    bool is_of_it = strcmp(write->key, awaited->key) == 0 || strcmp(write->key, awaited->collection) == 0;
    bool is_then = write->at_ms <= awaited->seen_ms + LATE_MS && write->at_ms >= awaited->seen_ms - DELETED_MS;
    return write->is_delete && is_of_it && is_then ? HOW_TIME : HOW_NOT;
}

static enum how match(const struct awaited *awaited, const struct write *write)
{
    if (!write->key || !awaited->key || write->is_ours) {
        return HOW_NOT;
    }
    if (awaited->is_missing) {
        return match_missing(awaited, write);
    }
    if (write->is_delete || strcmp(write->key, awaited->key) != 0) {
        return HOW_NOT;
    }
    if (write->rv[0]) {
        /* Where the manager is known on both sides it must be the same: the version may be of a later, other write. */
        bool agrees = awaited->manager[0] ? same_manager(awaited, write) : !awaited->is_listed;
        return strcmp(write->rv, awaited->rv) == 0 && agrees ? HOW_VERSION : HOW_NOT;
    }
    int64_t since = awaited->drifted_ms != HF_TIME_NONE ? awaited->drifted_ms : awaited->seen_ms;
    bool is_then = write->at_ms >= since - EARLY_MS && write->at_ms <= awaited->seen_ms + LATE_MS;
    /* managedFields name nobody for what was removed: then whoever wrote at the moment it was seen. */
    bool agrees = awaited->manager[0] ? same_manager(awaited, write) : !awaited->is_listed;
    return agrees && is_then ? HOW_TIME : HOW_NOT;
}

/* The write that explains a drift; by time only when no other person comes into question. */
static const struct write *find_write(const struct attribution *attribution, const struct awaited *awaited,
                                      enum how *how)
{
    const struct write *found = NULL;
    *how = HOW_NOT;
    for (size_t i = 0; i < MOST_WRITES; i++) {
        const struct write *write = &attribution->writes[i];
        enum how as = match(awaited, write);
        if (as == HOW_VERSION) {
            *how = as;
            return write;
        }
        if (as == HOW_TIME) {
            if (found && !awaited->is_missing && strcmp(found->user, write->user) != 0) {
                return NULL;
            }
            if (!found || write->at_ms > found->at_ms) {
                found = write;
                *how = as;
            }
        }
    }
    return found;
}

/* Whoever deleted the namespace deleted what was in it. */
static const struct write *behind(const struct attribution *attribution, const struct awaited *awaited,
                                  const struct write *write)
{
    const struct write *found = write;
    for (size_t i = 0; awaited->namespace && strcmp(write->user, NAMESPACE_CONTROLLER) == 0 && i < MOST_WRITES; i++) {
        const struct write *other = &attribution->writes[i];
        if (other->key && other->is_delete && !other->is_ours && strcmp(other->key, awaited->namespace) == 0 &&
            other->at_ms <= write->at_ms + LATE_MS && strcmp(other->user, NAMESPACE_CONTROLLER) != 0 &&
            (found == write || other->at_ms > found->at_ms)) {
            found = other;
        }
    }
    return found;
}

static void close_who(struct hf_buf *out, const struct write *write, enum how how)
{
    hf_buf_adds(out, write->who);
    hf_buf_addf(out, ",\"how\":\"%s\"}", how == HOW_VERSION ? "resourceVersion" : "time");
}

static void keep_who(struct hf_agent *agent, struct object *object, const struct write *write, enum how how)
{
    hf_auto_buf struct hf_buf out = {0};
    close_who(&out, write, how);
    free(object->who);
    object->who = hf_buf_ok(&out) ? hf_strdup(hf_buf_text(&out)) : NULL;
    agent->lacks_memory |= !object->who;
    (void)snprintf(object->incident.user, sizeof object->incident.user, "%s", write->user);
}

static struct object *object_of(const struct target *target, const struct awaited *awaited)
{
    const char *slash = strchr(awaited->api_version, '/');
    char group[256];
    (void)snprintf(group, sizeof group, "%.*s", slash ? (int)(slash - awaited->api_version) : 0, awaited->api_version);
    return hf_agent_find_object(target, group, awaited->kind, awaited->in, awaited->name);
}

/* The drift was recorded before it was known who did it. */
static void say_late(struct hf_agent *agent, struct target *target, const struct awaited *awaited,
                     const struct write *write, enum how how)
{
    struct object *object = object_of(target, awaited);
    if (!object) {
        return; /* no unit holds it any more */
    }
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf detail = {0};
    hf_buf_addf(&text, "%s: done by %s%s", awaited->summary, write->words,
                how == HOW_TIME ? " (joined by its time)" : "");
    hf_buf_adds(&detail, "{\"who\":");
    close_who(&detail, write, how);
    bool is_open = object->incident.open && strcmp(object->incident.id, awaited->incident) == 0;
    hf_buf_adds(&detail, is_open ? "}" : ",\"over\":true}");
    struct event_extra extra = {.manager = write->manager,
                                .operation = awaited->operation,
                                .drifted_ms = awaited->drifted_ms,
                                .corrected_ms = HF_TIME_NONE,
                                .alert = true,
                                .incident = awaited->incident,
                                .seen_ms = awaited->seen_ms,
                                .detail = hf_buf_text(&detail)};
    if (!hf_buf_ok(&text) || !hf_buf_ok(&detail)) {
        agent->lacks_memory = true;
        return;
    }
    hf_agent_say(agent, object, "drift.attributed", "info", hf_buf_text(&text), &extra);
    if (is_open) {
        keep_who(agent, object, write, how);
        /* A rule may ask who it was. */
        if (object->is_held || object->is_later) {
            object->wants_get = true;
            hf_agent_activate(agent, object);
        }
    }
}

static void look_for_drifts(struct hf_agent *agent, struct target *target)
{
    struct attribution *attribution = target->attribution;
    int64_t now = agent->effects.now_ms(agent->effects.ctx);
    for (size_t i = 0; i < MOST_AWAITED; i++) {
        struct awaited *awaited = &attribution->awaited[i];
        enum how how;
        if (!awaited->key) {
            continue;
        }
        const struct write *write = find_write(attribution, awaited, &how);
        if (write) {
            say_late(agent, target, awaited, behind(attribution, awaited, write), how);
        }
        if (write || awaited->seen_ms + KEEP_MS < now) {
            awaited_clear(awaited);
        }
    }
}

int hf_agent_written(struct hf_agent *agent, const char *target_name, const struct hf_agent_write *writes, size_t count,
                     struct hf_error *err)
{
    struct target *target = hf_agent_find_target(agent, target_name);
    struct attribution *attribution = target ? attribution_of(target) : NULL;
    if (!attribution) {
        return target ? hf_error_set(err, HF_ENOMEM, "keep who wrote: out of memory") : 0;
    }
    for (size_t i = 0; i < count; i++) {
        const struct hf_agent_write *from = &writes[i];
        bool is_status = from->subresource && strcmp(from->subresource, "status") == 0;
        bool is_ours_to_hold = !from->name ||
                               hf_agent_find_object(target, from->group, from->kind, from->namespace, from->name) ||
                               (from->is_delete && strcmp(from->kind, "Namespace") == 0);
        struct write taken;
        if (is_status || !is_ours_to_hold) {
            continue;
        }
        if (!take_write(&taken, from)) {
            agent->lacks_memory = true;
            continue;
        }
        struct write *at = &attribution->writes[attribution->next_write++ % MOST_WRITES];
        write_clear(at);
        *at = taken;
    }
    look_for_drifts(agent, target);
    return hf_agent_leave(agent, err);
}

static bool await(struct awaited *to, const struct object *object, int64_t drifted_ms)
{
    const struct incident *incident = &object->incident;
    *to = (struct awaited){.seen_ms = incident->seen_ms,
                           .drifted_ms = drifted_ms,
                           .is_missing = object->verdict == HF_MISSING || object->verdict == HF_TERMINATING,
                           .is_listed = object->scope && object->scope->listing,
                           .key = key_text(object->group, object->kind, object->namespace, object->name),
                           .collection = key_text(object->group, object->kind, object->namespace, NULL),
                           .namespace = object->namespace ? key_text("", "Namespace", NULL, object->namespace) : NULL,
                           .summary = hf_strdup(incident->summary),
                           .api_version = hf_strdup(object->api_version),
                           .kind = hf_strdup(object->kind),
                           .in = object->namespace ? hf_strdup(object->namespace) : NULL,
                           .name = hf_strdup(object->name)};
    (void)snprintf(to->incident, sizeof to->incident, "%s", incident->id);
    (void)snprintf(to->rv, sizeof to->rv, "%s", object->last_rv);
    (void)snprintf(to->manager, sizeof to->manager, "%s", incident->manager);
    (void)snprintf(to->operation, sizeof to->operation, "%s", incident->operation);
    bool complete = to->key && to->collection && to->summary && to->api_version && to->kind && to->name &&
                    (to->namespace != NULL) == (object->namespace != NULL) &&
                    (to->in != NULL) == (object->namespace != NULL);
    if (!complete) {
        awaited_clear(to);
    }
    return complete;
}

void hf_agent_attribute(struct hf_agent *agent, struct object *object, int64_t drifted_ms)
{
    struct attribution *attribution = attribution_of(object->target);
    struct awaited awaited;
    enum how how;
    free(object->who);
    object->who = NULL;
    object->incident.user[0] = '\0';
    if (!attribution || !await(&awaited, object, drifted_ms)) {
        agent->lacks_memory = true;
        return;
    }
    const struct write *write = find_write(attribution, &awaited, &how);
    if (write) {
        keep_who(agent, object, behind(attribution, &awaited, write), how);
        awaited_clear(&awaited);
        return;
    }
    struct awaited *at = &attribution->awaited[attribution->next_awaited++ % MOST_AWAITED];
    awaited_clear(at);
    *at = awaited;
}
