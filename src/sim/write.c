/* Creating, updating and patching. */
#include "write.h"

#include <stdio.h>
#include <string.h>

#include "defaults.h"
#include "holdfast/digest.h"
#include "patch.h"
#include "shape.h"

static int fold_string_data(struct hf_arena *arena, struct hf_value *secret)
{
    struct hf_value *data = sim_get(secret, "stringData") ? sim_object_at(arena, secret, "data") : NULL;
    const struct hf_value *texts = sim_get(secret, "stringData"); /* after data, which may have moved it */
    for (size_t i = 0; data && i < hf_value_count(texts); i++) {
        const struct hf_member *member = &texts->as.object.members[i];
        hf_auto_buf struct hf_buf text = {0};
        hf_buf_add_base64(&text, member->value.as.text.ptr, member->value.as.text.len);
        struct hf_value *value = hf_value_string(arena, (struct hf_slice){hf_buf_text(&text), text.len});
        if (!hf_buf_ok(&text) || !value || hf_value_set(arena, data, member->key, value) != 0) {
            return -1;
        }
    }
    sim_drop(secret, "stringData");
    return 0;
}

int sim_decode(struct sim_work *work, const struct sim_kind *kind, const struct hf_value *raw, struct hf_value **out)
{
    const char *version = sim_api_version(work->arena, kind);
    if (sim_shape(work, kind->type, raw, out) != 0) {
        if (work->problem.code == 400) {
            return sim_fail(work, 400, "BadRequest", "%s in version \"%s\" cannot be handled as a %s: %s", kind->kind,
                            kind->version, kind->kind, work->problem.message);
        }
        return -1;
    }
    if (!version || sim_put_text(work->arena, *out, "apiVersion", version) != 0 ||
        sim_put_text(work->arena, *out, "kind", kind->kind) != 0 ||
        (strcmp(kind->kind, "Secret") == 0 && fold_string_data(work->arena, *out) != 0)) {
        return -1;
    }
    return sim_default(work->arena, kind->type, *out);
}

/* An object without managedFields, for comparing. NULL: memory. */
static struct hf_value *without_managers(struct hf_arena *arena, const struct hf_value *object)
{
    struct hf_value *copy = hf_value_copy(arena, object);
    sim_drop(sim_get(copy, "metadata"), "managedFields");
    return copy;
}

/* metadata.managedFields: [] or [{}] asks for forgetting them. */
static bool is_reset(const struct hf_value *raw)
{
    const struct hf_value *entries = hf_value_path(raw, "metadata", "managedFields", NULL);
    return entries && entries->kind == HF_ARRAY &&
           (hf_value_count(entries) == 0 ||
            (hf_value_count(entries) == 1 && hf_value_count(hf_value_at(entries, 0)) == 0));
}

static int read_managers(struct sim_writing *w, const struct hf_value *raw, const struct hf_value *fresh,
                         struct sim_managers *out)
{
    *out = (struct sim_managers){0};
    if (is_reset(raw)) {
        return 0;
    }
    if (sim_managers_read(w->work->arena, fresh, out) == 0 && out->count > 0) {
        return 0;
    }
    *out = (struct sim_managers){0};
    if (w->live) {
        (void)sim_managers_read(w->work->arena, w->live->value, out);
    }
    return 0;
}

static int make_change(struct sim_writing *w, struct sim_change *out)
{
    const struct sim_kind *kind = &w->collection->kind;
    *out = (struct sim_change){.type = kind->type,
                               .version = sim_api_version(w->work->arena, kind),
                               .manager = w->manager,
                               .now = w->now,
                               .empty = kind->empty,
                               .live = w->live ? without_managers(w->work->arena, w->live->value) : kind->empty,
                               .exists = w->live != NULL};
    return out->version && out->live ? 0 : -1;
}

/* A live object that breaks the rules of its type (a list with one key twice) loses its managers, as on the real
 * server. */
static int own_changes(struct sim_writing *w, const struct hf_value *raw, struct hf_value *fresh)
{
    struct sim_managers managers;
    struct sim_change change;
    if (read_managers(w, raw, fresh, &managers) != 0 || make_change(w, &change) != 0) {
        return -1;
    }
    sim_drop(sim_get(fresh, "metadata"), "managedFields");
    if (sim_managers_update(w->work, &change, fresh, &managers) != 0) {
        if (!w->work->problem.message) {
            return -1;
        }
        w->work->problem = (struct sim_problem){0};
        managers.count = 0;
    }
    return sim_managers_write(w->work->arena, fresh, &managers);
}

static int check_identity(struct sim_writing *w, struct hf_value *fresh)
{
    const struct sim_kind *kind = &w->collection->kind;
    struct hf_value *metadata = sim_get(fresh, "metadata");
    const char *space = sim_text(metadata, "namespace");
    const char *name = sim_text(metadata, "name");
    if (kind->cluster) {
        sim_drop(metadata, "namespace");
    } else if (space[0] && strcmp(space, w->space) != 0) {
        return sim_fail(w->work, 400, "BadRequest",
                        "the namespace of the provided object does not match the namespace sent on the request");
    } else if (sim_put_text(w->work->arena, metadata, "namespace", w->space) != 0) {
        return -1;
    }
    if (w->name[0] && !name[0]) {
        return sim_put_text(w->work->arena, metadata, "name", w->name);
    }
    if (w->name[0] && strcmp(name, w->name) != 0) {
        return sim_fail(w->work, 400, "BadRequest",
                        "the name of the object (%s) does not match the name on the URL (%s)", name, w->name);
    }
    return 0;
}

static int check_kind(struct sim_writing *w, const struct hf_value *raw)
{
    const struct sim_kind *kind = &w->collection->kind;
    const char *found = sim_text(raw, "kind");
    const char *version = sim_text(raw, "apiVersion");
    if (raw->kind != HF_OBJECT) {
        return sim_fail(w->work, 400, "BadRequest", "couldn't get version/kind; found %s, expected an object",
                        hf_kind_name(raw->kind));
    }
    if ((found[0] && strcmp(found, kind->kind) != 0) ||
        (version[0] && strcmp(version, sim_api_version(w->work->arena, kind)) != 0)) {
        return sim_fail(w->work, 400, "BadRequest",
                        "%s in version \"%s\" cannot be handled as a %s: unknown conversion", found, version,
                        kind->kind);
    }
    return 0;
}

int sim_write_begin(struct sim_writing *w, const struct hf_value *raw, struct hf_value **fresh)
{
    if (check_kind(w, raw) != 0 || sim_decode(w->work, &w->collection->kind, raw, fresh) != 0 ||
        check_identity(w, *fresh) != 0) {
        return -1;
    }
    return own_changes(w, raw, *fresh);
}

/* The version that the writer has seen must be the one that is there. */
static int check_version(struct sim_writing *w, struct hf_value *fresh)
{
    struct hf_value *metadata = sim_get(fresh, "metadata");
    const char *seen = sim_text(metadata, "resourceVersion");
    const char *uid = sim_text(metadata, "uid");
    const char *live_uid = w->live ? sim_text(hf_value_get(w->live->value, "metadata"), "uid") : "";
    char current[32];
    if (w->live && uid[0] && strcmp(uid, live_uid) != 0) {
        return sim_conflict(w->work, &w->collection->kind, w->name,
                            "Precondition failed: UID in precondition: %s, UID in object meta: %s", uid, live_uid);
    }
    if (!w->live || !seen[0]) {
        return 0;
    }
    snprintf(current, sizeof current, "%llu", (unsigned long long)w->live->version);
    if (strcmp(seen, current) != 0) {
        return sim_conflict(
            w->work, &w->collection->kind, w->name,
            "the object has been modified; please apply your changes to the latest version and try again");
    }
    return 0;
}

static int generate_name(struct sim_writing *w, struct hf_value *metadata)
{
    static const char LETTERS[] = "bcdfghjklmnpqrstvwxz2456789";
    char tail[6] = "";
    const char *prefix = sim_text(metadata, "generateName");
    if (sim_text(metadata, "name")[0] || !prefix[0]) {
        return 0;
    }
    for (size_t i = 0; i < 5; i++) {
        tail[i] = LETTERS[sim_random(w->sim) % (sizeof LETTERS - 1)];
    }
    char *name = hf_arena_printf(w->work->arena, "%.58s%s", prefix, tail);
    return name ? sim_put_text(w->work->arena, metadata, "name", name) : -1;
}

/* A PUT or an apply may carry what the server owns: it is the server's all the same. */
static int set_metadata(struct sim_writing *w, struct hf_value *fresh)
{
    static const char *const OWNED[] = {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
                                        "generation"};
    struct hf_arena *arena = w->work->arena;
    struct hf_value *metadata = sim_get(fresh, "metadata");
    const struct hf_value *live = w->live ? hf_value_get(w->live->value, "metadata") : NULL;
    sim_drop(metadata, "selfLink");
    for (size_t i = 0; i < sizeof OWNED / sizeof OWNED[0]; i++) {
        const struct hf_value *value = hf_value_get(live, OWNED[i]);
        sim_drop(metadata, OWNED[i]);
        if (value && sim_put(arena, metadata, OWNED[i], value) != 0) {
            return -1;
        }
    }
    if (live) {
        return sim_put(arena, metadata, "resourceVersion", hf_value_get(live, "resourceVersion"));
    }
    sim_drop(metadata, "resourceVersion");
    const char *uid = sim_uuid(w->sim, arena);
    return uid && sim_put_text(arena, metadata, "uid", uid) == 0 &&
                   sim_put_text(arena, metadata, "creationTimestamp", w->now) == 0
               ? generate_name(w, metadata)
               : -1;
}

static int store(struct sim_writing *w, struct hf_value *fresh, struct sim_object **stored, const struct hf_value **out)
{
    *stored = w->live;
    *out = fresh;
    if (w->live && hf_value_equal(w->live->value, fresh)) {
        *out = w->live->value;
        return 0; /* nothing changed: no new version, no event */
    }
    if (w->dry_run) {
        *stored = NULL;
        return 0;
    }
    if (strcmp(w->collection->kind.kind, "CustomResourceDefinition") == 0 &&
        sim_custom_defined(w->sim, w->work, fresh) != 0) {
        return -1;
    }
    *stored = sim_store_put(&w->sim->store, w->collection, fresh);
    if (!*stored) {
        return -1;
    }
    *out = (*stored)->value;
    return 0;
}

/* The last finalizer of a deleted object went: so does the object. */
static int finish_deletion(struct sim_writing *w, struct sim_object *stored)
{
    const struct hf_value *metadata = hf_value_get(stored->value, "metadata");
    if (w->dry_run || !hf_value_get(metadata, "deletionTimestamp") ||
        hf_value_count(hf_value_get(metadata, "finalizers")) > 0 ||
        hf_value_count(hf_value_path(stored->value, "spec", "finalizers", NULL)) > 0) {
        return 0;
    }
    return sim_store_delete(&w->sim->store, w->collection, stored);
}

/* An update of these must say which version it has seen. */
static bool needs_version(const struct sim_kind *kind)
{
    return strcmp(kind->kind, "Service") == 0 || strcmp(kind->kind, "PodDisruptionBudget") == 0 ||
           strcmp(kind->kind, "CustomResourceDefinition") == 0 || kind->type->custom;
}

int sim_write_finish(struct sim_writing *w, struct hf_value *fresh, struct sim_object **stored,
                     const struct hf_value **out)
{
    const struct sim_kind *kind = &w->collection->kind;
    w->unconditional = !hf_value_path(fresh, "metadata", "resourceVersion", NULL);
    if (check_version(w, fresh) != 0) {
        return -1;
    }
    if (!w->live &&
        sim_check_namespace(w->sim, w->work, kind, w->space, sim_text(hf_value_get(fresh, "metadata"), "name")) != 0) {
        return -1;
    }
    if (set_metadata(w, fresh) != 0 || (w->live ? sim_strategy_update(w, fresh) : sim_strategy_create(w, fresh)) != 0) {
        return -1;
    }
    const char *name = sim_text(hf_value_get(fresh, "metadata"), "name");
    if (w->live && w->unconditional && needs_version(kind)) {
        sim_cause(w->work, "FieldValueInvalid", "metadata.resourceVersion",
                  "Invalid value: \"\": must be specified for an update");
    }
    sim_validate(w->work, kind, fresh, w->live ? w->live->value : NULL);
    if (w->work->causes) {
        return sim_invalid(w->work, kind, name);
    }
    if (!w->live && sim_store_get(w->collection, w->space, name)) {
        sim_fail(w->work, 409, "AlreadyExists", "%s \"%s\" already exists", sim_resource_name(w->work->arena, kind),
                 name);
        return sim_details(w->work, name, kind->group, kind->plural);
    }
    if (store(w, fresh, stored, out) != 0) {
        return -1;
    }
    return *stored && w->live ? finish_deletion(w, *stored) : 0;
}

static int answer(struct sim_writing *w, struct sim_object *stored, const struct hf_value *out,
                  struct sim_response *response)
{
    response->status = w->live ? 200 : 201;
    if (stored && !w->dry_run) {
        sim_object_write(&response->body, stored);
    } else {
        hf_json_write(&response->body, out);
    }
    return hf_buf_ok(&response->body) ? 0 : -1;
}

static int begin(struct sim *sim, struct sim_request *request, struct sim_writing *out)
{
    const char *manager = sim_manager_name(request);
    *out = (struct sim_writing){.sim = sim,
                                .work = &request->work,
                                .collection = request->collection,
                                .space = request->space,
                                .name = request->name,
                                .manager = hf_arena_printf(request->work.arena, "%s", manager),
                                .now = sim_now(request->work.arena),
                                .status = strcmp(request->subresource, "status") == 0,
                                .dry_run = sim_is_dry_run(request)};
    if (out->dry_run && strcmp(sim_parameter(request, "dryRun"), "All") != 0) {
        return sim_fail(&request->work, 422, "Invalid", "dryRun: Unsupported value: \"%s\": supported values: \"All\"",
                        sim_parameter(request, "dryRun"));
    }
    return out->now && out->manager ? 0 : -1;
}

int sim_create_object(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct sim_writing w;
    struct hf_value *raw, *fresh;
    struct sim_object *stored = NULL;
    const struct hf_value *out = NULL;
    if (begin(sim, request, &w) != 0 || sim_read_body(request, false, &raw) != 0 ||
        sim_write_begin(&w, raw, &fresh) != 0 || sim_write_finish(&w, fresh, &stored, &out) != 0) {
        return -1;
    }
    return answer(&w, stored, out, response);
}

int sim_update_object(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct sim_writing w;
    struct hf_value *raw, *fresh;
    struct sim_object *stored = NULL;
    const struct hf_value *out = NULL;
    if (begin(sim, request, &w) != 0 || sim_read_body(request, false, &raw) != 0) {
        return -1;
    }
    w.live = sim_store_get(w.collection, w.space, w.name);
    if (!w.live) {
        return sim_not_found(&request->work, &w.collection->kind, w.name);
    }
    if (sim_write_begin(&w, raw, &fresh) != 0 || sim_write_finish(&w, fresh, &stored, &out) != 0) {
        return -1;
    }
    return answer(&w, stored, out, response);
}

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* kubectl's server-side apply keeps the annotation of its client-side apply up to date, where there is one. */
static int sync_last_applied(struct sim_writing *w, const struct hf_value *config, struct hf_value *fresh)
{
    struct hf_value *annotations = sim_path(fresh, "metadata", "annotations");
    hf_auto_buf struct hf_buf text = {0};
    if (strcmp(w->manager, "kubectl") != 0 || !hf_value_get(annotations, LAST_APPLIED)) {
        return 0;
    }
    struct hf_value *applied = hf_value_copy(w->work->arena, config);
    sim_drop(sim_path(applied, "metadata", "annotations"), LAST_APPLIED);
    if (!applied) {
        return -1;
    }
    hf_json_write(&text, applied);
    hf_buf_addc(&text, '\n');
    return hf_buf_ok(&text) ? sim_put_text(w->work->arena, annotations, LAST_APPLIED, hf_buf_text(&text)) : -1;
}

static int apply_patch(struct sim_writing *w, struct sim_request *request, struct hf_value **fresh)
{
    struct hf_value *config, *merged;
    struct sim_managers managers = {0};
    struct sim_change change;
    if (!sim_parameter(request, "fieldManager")[0]) {
        static const struct sim_kind OPTIONS = {.group = "meta.k8s.io", .kind = "PatchOptions"};
        sim_cause(w->work, "FieldValueRequired", "fieldManager", "Required value: is required for apply patch");
        return sim_invalid(w->work, &OPTIONS, "");
    }
    if (sim_read_body(request, true, &config) != 0 || make_change(w, &change) != 0) {
        return -1;
    }
    if (config->kind != HF_OBJECT) {
        return sim_fail(w->work, 400, "BadRequest", "error decoding YAML: expected an object");
    }
    if (w->live && sim_managers_read(w->work->arena, w->live->value, &managers) != 0) {
        return sim_fail(w->work, 500, "", "failed to decode managed fields");
    }
    bool force = strcmp(sim_parameter(request, "force"), "true") == 0;
    if (sim_apply(w->work, &change, config, force, &managers, &merged) != 0 ||
        sim_decode(w->work, &w->collection->kind, merged ? merged : change.live, fresh) != 0 ||
        check_identity(w, *fresh) != 0 || sync_last_applied(w, config, *fresh) != 0) {
        return -1;
    }
    return sim_managers_write(w->work->arena, *fresh, &managers);
}

static int other_patch(struct sim_writing *w, struct sim_request *request, struct hf_value **fresh)
{
    struct hf_value *patch, *patched;
    const char *type = request->content_type;
    const struct sim_type *schema = w->collection->kind.type;
    int status;
    if (sim_read_body(request, false, &patch) != 0) {
        return -1;
    }
    if (strncmp(type, "application/json-patch+json", 27) == 0) {
        status = sim_patch_json(w->work, w->live->value, patch, &patched);
    } else if (strncmp(type, "application/merge-patch+json", 28) == 0) {
        status = sim_patch_merge(w->work, w->live->value, patch, &patched);
    } else {
        status = sim_patch_strategic(w->work, schema, w->live->value, patch, &patched);
    }
    return status == 0 ? sim_write_begin(w, patched, fresh) : -1;
}

static bool is_media(const char *type, const char *wanted)
{
    return strncmp(type, wanted, strlen(wanted)) == 0;
}

static int check_patch_type(struct sim_request *request)
{
    const char *type = request->content_type;
    bool custom = request->collection->kind.type->custom;
    if (is_media(type, "application/json-patch+json") || is_media(type, "application/merge-patch+json") ||
        is_media(type, "application/apply-patch+yaml") ||
        (!custom && is_media(type, "application/strategic-merge-patch+json"))) {
        return 0;
    }
    if (is_media(type, "application/strategic-merge-patch+json")) {
        return sim_fail(&request->work, 415, "UnsupportedMediaType",
                        "the body of the request was in an unknown format - accepted media types include: "
                        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml");
    }
    sim_fail(&request->work, 415, "UnsupportedMediaType", "415: Unsupported Media Type");
    return sim_details(&request->work, "", "", "");
}

int sim_patch_object(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct sim_writing w;
    struct hf_value *fresh;
    struct sim_object *stored = NULL;
    const struct hf_value *out = NULL;
    if (check_patch_type(request) != 0 || begin(sim, request, &w) != 0) {
        return -1;
    }
    bool applies = is_media(request->content_type, "application/apply-patch+yaml");
    w.live = sim_store_get(w.collection, w.space, w.name);
    if (!w.live && !applies) {
        return sim_not_found(&request->work, &w.collection->kind, w.name);
    }
    if ((applies ? apply_patch(&w, request, &fresh) : other_patch(&w, request, &fresh)) != 0 ||
        sim_write_finish(&w, fresh, &stored, &out) != 0) {
        return -1;
    }
    return answer(&w, stored, out, response);
}

struct sim_object *sim_write_own(struct sim *sim, struct sim_work *work, struct sim_collection *collection,
                                 const struct hf_value *value, const char *manager)
{
    const struct hf_value *metadata = hf_value_get(value, "metadata");
    struct sim_writing w = {.sim = sim,
                            .work = work,
                            .collection = collection,
                            .space = sim_text(metadata, "namespace"),
                            .name = sim_text(metadata, "name"),
                            .manager = manager,
                            .now = sim_now(work->arena)};
    struct hf_value *fresh;
    struct sim_object *stored = NULL;
    const struct hf_value *out;
    w.live = sim_store_get(collection, w.space, w.name);
    w.status = w.live != NULL && collection->kind.status;
    if (!w.now || sim_write_begin(&w, value, &fresh) != 0 || sim_write_finish(&w, fresh, &stored, &out) != 0) {
        return NULL;
    }
    return stored;
}
