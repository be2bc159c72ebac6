/* Spaces, targets, units and their revisions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/digest.h"
#include "holdfast/source.h"
#include "hub.h"

/* splitmix64 */
static uint64_t next_random(struct hub *hub)
{
    uint64_t z = (hub->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void hub_uuid(struct hub *hub, char out[40])
{
    uint64_t a = next_random(hub), b = next_random(hub);
    (void)snprintf(out, 40, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffffu,
                   (unsigned)a & 0xfffu, (unsigned)((b >> 48) & 0x3fffu) | 0x8000u,
                   (unsigned long long)(b & 0xffffffffffffu));
}

void hub_time(int64_t ms, char out[HUB_DATE + 8])
{
    char text[HF_TIME_TEXT];
    hf_time_format(ms, text);
    (void)snprintf(out, HUB_DATE + 8, "%s", text[0] ? text : "0001-01-01T00:00:00Z");
}

const char *hub_text(const cJSON *json, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(member) ? member->valuestring : "";
}

int64_t hub_number(const cJSON *json, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsNumber(member) ? (int64_t)member->valuedouble : 0;
}

static void set(cJSON *json, const char *name, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(json, name);
    if (value && !cJSON_AddItemToObject(json, name, value)) {
        cJSON_Delete(value);
    }
}

void hub_set_number(cJSON *json, const char *name, int64_t value)
{
    set(json, name, cJSON_CreateNumber((double)value));
}

void hub_set_text(cJSON *json, const char *name, const char *text)
{
    set(json, name, cJSON_CreateString(text));
}

cJSON *hub_find(cJSON *list, const char *id_name, const char *id)
{
    cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (strcmp(hub_text(item, id_name), id) == 0 || strcmp(hub_text(item, "Slug"), id) == 0) {
            return item;
        }
    }
    return NULL;
}

struct hub_unit *hub_unit_find(const struct hub *hub, const char *space_id, const char *id_or_slug)
{
    for (size_t i = 0; i < hub->unit_count; i++) {
        const cJSON *json = hub->units[i]->json;
        bool here = !space_id || strcmp(hub_text(json, "SpaceID"), space_id) == 0;
        if (here && (strcmp(hub_text(json, "UnitID"), id_or_slug) == 0 ||
                     (space_id && strcmp(hub_text(json, "Slug"), id_or_slug) == 0))) {
            return hub->units[i];
        }
    }
    return NULL;
}

/* What every entity has. */
static cJSON *new_entity(struct hub *hub, const char *id_name, const char *slug)
{
    char id[40];
    char now[HUB_DATE + 8];
    cJSON *json = cJSON_CreateObject();
    hub_uuid(hub, id);
    hub_time(hf_now_ms(), now);
    hub->is_changed = true;
    if (json) {
        hub_set_text(json, id_name, id);
        hub_set_text(json, "Slug", slug);
        hub_set_text(json, "DisplayName", slug);
        hub_set_text(json, "OrganizationID", "00000000-0000-4000-8000-000000000001");
        set(json, "Labels", cJSON_CreateObject());
        set(json, "Annotations", cJSON_CreateObject());
        hub_set_text(json, "CreatedAt", now);
        hub_set_text(json, "UpdatedAt", now);
        hub_set_number(json, "Version", 1);
    }
    return json;
}

cJSON *hub_space_new(struct hub *hub, const char *slug)
{
    cJSON *space = new_entity(hub, "SpaceID", slug);
    if (space) {
        cJSON_AddItemToArray(hub->spaces, space);
    }
    return space;
}

cJSON *hub_target_new(struct hub *hub, const char *space_id, const char *slug, const char *worker)
{
    cJSON *json = hub_find(hub->workers, "BridgeWorkerID", worker);
    if (!json) {
        json = new_entity(hub, "BridgeWorkerID", worker);
        if (!json) {
            return NULL;
        }
        hub_set_text(json, "SpaceID", space_id);
        cJSON_AddItemToArray(hub->workers, json);
    }
    cJSON *target = new_entity(hub, "TargetID", slug);
    if (target) {
        hub_set_text(target, "SpaceID", space_id);
        hub_set_text(target, "BridgeWorkerID", hub_text(json, "BridgeWorkerID"));
        hub_set_text(target, "ProviderType", "Kubernetes");
        hub_set_text(target, "ToolchainType", "Kubernetes/YAML");
        hub_set_text(target, "Parameters", "{}");
        cJSON_AddItemToArray(hub->targets, target);
    }
    return target;
}

/* The CRC-32 of zlib, which is what ContentHash was. */
static uint32_t crc32_of(const char *bytes, size_t len)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1u ? crc >> 1 ^ 0xedb88320u : crc >> 1;
        }
    }
    return ~crc;
}

static void set_hash(const struct hub *hub, cJSON *json, const char *data, size_t len)
{
    struct hf_digest digest;
    struct hf_error ignored = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf hex = {0};
    if (hub->options->old) {
        hub_set_number(json, "ContentHash", crc32_of(data, len));
    } else if (hf_sha256(data, len, &digest, &ignored) == 0) {
        hf_buf_add_hex(&hex, digest.bytes, sizeof digest.bytes);
        hub_set_text(json, "DataHash", hf_buf_text(&hex));
    }
}

const struct hub_revision *hub_revision(const struct hub_unit *unit, int64_t number)
{
    for (size_t i = 0; i < unit->revision_count; i++) {
        if (hub_number(unit->revisions[i].json, "RevisionNum") == number) {
            return &unit->revisions[i];
        }
    }
    return NULL;
}

static cJSON *revision_json(struct hub *hub, const struct hub_unit *unit, int64_t number, const char *source,
                            const char *description)
{
    char id[40];
    char now[HUB_DATE + 8];
    cJSON *json = cJSON_CreateObject();
    hub_uuid(hub, id);
    hub_time(hf_now_ms(), now);
    if (json) {
        hub_set_text(json, "RevisionID", id);
        hub_set_number(json, "RevisionNum", number);
        hub_set_text(json, "UnitID", hub_text(unit->json, "UnitID"));
        hub_set_text(json, "SpaceID", hub_text(unit->json, "SpaceID"));
        hub_set_text(json, "Source", source);
        hub_set_text(json, "Description", description);
        hub_set_text(json, "CreatedAt", now);
        hub_set_text(json, "LiveAt", "0001-01-01T00:00:00Z");
        hub_set_text(json, "UserAgent", "holdfast-sim");
    }
    return json;
}

int hub_revise(struct hub *hub, struct hub_unit *unit, const char *data, size_t len, const char *source,
               const char *description)
{
    char now[HUB_DATE + 8];
    struct hub_revision *more = hf_reallocarray(unit->revisions, unit->revision_count + 1, sizeof *unit->revisions);
    if (!more) {
        return -1;
    }
    unit->revisions = more;
    int64_t number = hub_number(unit->json, "HeadRevisionNum") + 1;
    struct hub_revision made = {revision_json(hub, unit, number, source, description), hf_calloc(len + 1, 1), len};
    if (!made.json || !made.data) {
        cJSON_Delete(made.json);
        free(made.data);
        return -1;
    }
    memcpy(made.data, data, len);
    made.data[len] = '\0';
    set_hash(hub, made.json, data, len);
    set_hash(hub, unit->json, data, len);
    unit->revisions[unit->revision_count++] = made;
    hub_time(hf_now_ms(), now);
    hub_set_number(unit->json, "HeadRevisionNum", number);
    hub_set_number(unit->json, "Version", hub_number(unit->json, "Version") + 1);
    hub_set_text(unit->json, "LastChangeDescription", description);
    hub_set_text(unit->json, "UpdatedAt", now);
    hub->is_changed = true;
    return 0;
}

static void unit_free(struct hub_unit *unit)
{
    for (size_t i = 0; i < unit->revision_count; i++) {
        cJSON_Delete(unit->revisions[i].json);
        free(unit->revisions[i].data);
    }
    free(unit->revisions);
    cJSON_Delete(unit->json);
    cJSON_Delete(unit->events);
    cJSON_Delete(unit->actions);
    free(unit->live_state);
    free(unit);
}

static struct hub_unit *add_unit(struct hub *hub, struct hub_unit *unit)
{
    struct hub_unit **more = hf_reallocarray(hub->units, hub->unit_count + 1, sizeof *more);
    if (!more) {
        return NULL;
    }
    hub->units = more;
    hub->units[hub->unit_count++] = unit;
    return unit;
}

struct hub_unit *hub_unit_new(struct hub *hub, const cJSON *space, const char *slug, const char *data, size_t len)
{
    struct hub_unit *unit = hf_calloc(1, sizeof *unit);
    if (!unit) {
        return NULL;
    }
    unit->json = new_entity(hub, "UnitID", slug);
    unit->events = cJSON_CreateArray();
    unit->actions = cJSON_CreateArray();
    if (!unit->json || !unit->events || !unit->actions) {
        unit_free(unit);
        return NULL;
    }
    hub_set_text(unit->json, "SpaceID", hub_text(space, "SpaceID"));
    hub_set_text(unit->json, "ToolchainType", "Kubernetes/YAML");
    hub_set_number(unit->json, "HeadRevisionNum", 0);
    hub_set_number(unit->json, "LastAppliedRevisionNum", 0);
    hub_set_number(unit->json, "LiveRevisionNum", 0);
    hub_set_number(unit->json, "PreviousLiveRevisionNum", 0);
    hub_set_number(unit->json, "UpstreamRevisionNum", 0);
    if (!hub->options->old) {
        hub_set_text(unit->json, "SpaceSlug", hub_text(space, "Slug"));
        hub_set_text(unit->json, "DriftReconciliationMode", "OnDemand");
    }
    if (hub_revise(hub, unit, data, len, "Unit.Create", "created") != 0 || !add_unit(hub, unit)) {
        unit_free(unit);
        return NULL;
    }
    return unit;
}

void hub_unit_remove(struct hub *hub, struct hub_unit *unit)
{
    for (size_t i = 0; i < hub->unit_count; i++) {
        if (hub->units[i] == unit) {
            memmove(&hub->units[i], &hub->units[i + 1], (hub->unit_count - i - 1) * sizeof *hub->units);
            hub->unit_count--;
            unit_free(unit);
            hub->is_changed = true;
            return;
        }
    }
}

/* A slug has no slash. */
static void slug_of(const char *path, char out[129])
{
    size_t i = 0;
    for (; path[i] && i < 128; i++) {
        out[i] = path[i] == '/' ? '.' : path[i];
    }
    out[i] = '\0';
}

static int load_unit(struct hub *hub, const cJSON *space, const struct hf_hub_folder *folder, const cJSON *target,
                     const struct hf_unit *from, struct hf_error *err)
{
    char slug[129];
    slug_of(from->slug, slug);
    if (hub_unit_find(hub, hub_text(space, "SpaceID"), slug)) {
        return 0; /* it was kept */
    }
    struct hub_unit *unit = hub_unit_new(hub, space, slug, from->bytes, from->byte_count);
    if (!unit) {
        return hf_error_set(err, HF_ENOMEM, "load %s: out of memory", folder->path);
    }
    cJSON *labels = cJSON_GetObjectItemCaseSensitive(unit->json, "Labels");
    for (size_t i = 0; i < from->label_count; i++) {
        hub_set_text(labels, from->labels[i].name, from->labels[i].value);
    }
    if (target) {
        hub_set_text(unit->json, "TargetID", hub_text(target, "TargetID"));
    }
    return 0;
}

int hub_load_folder(struct hub *hub, const struct hf_hub_folder *folder, struct hf_error *err)
{
    struct hf_unit **units;
    size_t count;
    cJSON *space = hub_find(hub->spaces, "SpaceID", folder->space);
    cJSON *target = NULL;
    space = space ? space : hub_space_new(hub, folder->space);
    if (!space) {
        return hf_error_set(err, HF_ENOMEM, "load %s: out of memory", folder->path);
    }
    if (folder->target) {
        const char *slash = strchr(folder->target, '/');
        char worker[129];
        (void)snprintf(worker, sizeof worker, "%.*s", (int)strcspn(folder->target, "/"), folder->target);
        target = hub_find(hub->targets, "TargetID", slash ? slash + 1 : folder->target);
        target = target ? target
                        : hub_target_new(hub, hub_text(space, "SpaceID"), slash ? slash + 1 : folder->target, worker);
    }
    if (hf_source_folder_once(folder->path, folder->space, &units, &count, err) != 0) {
        return -1;
    }
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        if (result == 0 && units[i]->problem) {
            result = hf_error_set(err, HF_EINVAL, "%s", units[i]->problem);
        }
        result = result == 0 ? load_unit(hub, space, folder, target, units[i], err) : result;
        hf_unit_drop(units[i]);
    }
    free(units);
    return result;
}

/* Made from the base's head of now; what is a clone already stays as it is. */
static int link_upstream(struct hub *hub, const struct hf_hub_upstream *upstream, struct hf_error *err)
{
    const cJSON *space = hub_find(hub->spaces, "SpaceID", upstream->space);
    const cJSON *base = hub_find(hub->spaces, "SpaceID", upstream->base);
    if (!space || !base) {
        return hf_error_set(err, HF_ENOTFOUND, "--upstream: there is no space %s",
                            space ? upstream->base : upstream->space);
    }
    for (size_t i = 0; i < hub->unit_count; i++) {
        cJSON *unit = hub->units[i]->json;
        struct hub_unit *from = hub_unit_find(hub, hub_text(base, "SpaceID"), hub_text(unit, "Slug"));
        if (strcmp(hub_text(unit, "SpaceID"), hub_text(space, "SpaceID")) == 0 && from &&
            hub_number(unit, "UpstreamRevisionNum") == 0) {
            hub_set_text(unit, "UpstreamUnitID", hub_text(from->json, "UnitID"));
            hub_set_text(unit, "UpstreamSpaceID", hub_text(base, "SpaceID"));
            hub_set_number(unit, "UpstreamRevisionNum", hub_number(from->json, "HeadRevisionNum"));
            hub->is_changed = true;
        }
    }
    return 0;
}

int hub_state_open(struct hub *hub, struct hf_error *err)
{
    hub->spaces = cJSON_CreateArray();
    hub->targets = cJSON_CreateArray();
    hub->workers = cJSON_CreateArray();
    hub->filters = cJSON_CreateArray();
    if (!hub->spaces || !hub->targets || !hub->workers || !hub->filters) {
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    if (hub->options->state && hub_recall(hub, err) != 0) {
        if (err->code != HF_ENOTFOUND) {
            return -1;
        }
        hf_error_clear(err);
    }
    for (size_t i = 0; i < hub->options->folder_count; i++) {
        if (hub_load_folder(hub, &hub->options->folders[i], err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < hub->options->upstream_count; i++) {
        if (link_upstream(hub, &hub->options->upstreams[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

void hub_state_close(struct hub *hub)
{
    while (hub->unit_count > 0) {
        unit_free(hub->units[--hub->unit_count]);
    }
    free(hub->units);
    cJSON_Delete(hub->spaces);
    cJSON_Delete(hub->targets);
    cJSON_Delete(hub->workers);
    cJSON_Delete(hub->filters);
    cJSON_Delete(hub->stale);
}
