/* The state's file: JSON, written anew and put in the old one's place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holdfast/digest.h"
#include "hub.h"

#define MOST_STATE ((size_t)1 << 30)

static cJSON *unit_json(const struct hub_unit *unit)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *revisions = cJSON_AddArrayToObject(json, "revisions");
    cJSON_AddItemToObject(json, "unit", cJSON_Duplicate(unit->json, true));
    cJSON_AddItemToObject(json, "events", cJSON_Duplicate(unit->events, true));
    cJSON_AddItemToObject(json, "actions", cJSON_Duplicate(unit->actions, true));
    for (size_t i = 0; i < unit->revision_count; i++) {
        hf_auto_buf struct hf_buf text = {0};
        cJSON *revision = cJSON_Duplicate(unit->revisions[i].json, true);
        hf_buf_add_base64(&text, unit->revisions[i].data, unit->revisions[i].len);
        hub_set_text(revision, "Data", hf_buf_text(&text));
        cJSON_AddItemToArray(revisions, revision);
    }
    return json;
}

static char *state_text(const struct hub *hub)
{
    cJSON *json = cJSON_CreateObject();
    cJSON *units = cJSON_AddArrayToObject(json, "units");
    cJSON_AddItemToObject(json, "spaces", cJSON_Duplicate(hub->spaces, true));
    cJSON_AddItemToObject(json, "targets", cJSON_Duplicate(hub->targets, true));
    cJSON_AddItemToObject(json, "workers", cJSON_Duplicate(hub->workers, true));
    cJSON_AddItemToObject(json, "filters", cJSON_Duplicate(hub->filters, true));
    for (size_t i = 0; i < hub->unit_count; i++) {
        cJSON_AddItemToArray(units, unit_json(hub->units[i]));
    }
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

int hub_keep(struct hub *hub, struct hf_error *err)
{
    const char *path = hub->options->state;
    hf_auto_buf struct hf_buf name = {0};
    if (!path || !hub->is_changed) {
        return 0;
    }
    char *text = state_text(hub);
    hf_buf_addf(&name, "%s.new", path);
    int fd = text ? open(hf_buf_text(&name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    size_t len = text ? strlen(text) : 0;
    bool good = fd >= 0;
    for (size_t at = 0; good && at < len;) {
        ssize_t wrote = write(fd, text + at, len - at);
        good = wrote > 0;
        at += good ? (size_t)wrote : 0;
    }
    cJSON_free(text);
    good = (fd < 0 || close(fd) == 0) && good && rename(hf_buf_text(&name), path) == 0;
    if (!good) {
        return hf_error_errno(err, HF_EIO, errno, "write %s", path);
    }
    hub->is_changed = false;
    return 0;
}

static int recall_unit(struct hub *hub, const cJSON *from)
{
    struct hub_unit **more = hf_reallocarray(hub->units, hub->unit_count + 1, sizeof *more);
    struct hub_unit *unit = hf_calloc(1, sizeof *unit);
    cJSON *revision;
    if (!more || !unit) {
        free(unit);
        hub->units = more ? more : hub->units;
        return -1;
    }
    hub->units = more;
    hub->units[hub->unit_count++] = unit;
    unit->json = cJSON_Duplicate(cJSON_GetObjectItem(from, "unit"), true);
    unit->events = cJSON_Duplicate(cJSON_GetObjectItem(from, "events"), true);
    unit->actions = cJSON_Duplicate(cJSON_GetObjectItem(from, "actions"), true);
    cJSON_ArrayForEach(revision, cJSON_GetObjectItem(from, "revisions"))
    {
        struct hf_error err = HF_ERROR_INIT;
        struct hf_buf data = {0};
        struct hub_revision *wider = hf_reallocarray(unit->revisions, unit->revision_count + 1, sizeof *wider);
        hf_buf_adds(&data, "");
        if (!wider || hf_base64_decode(hf_slice_of(hub_text(revision, "Data")), &data, &err) != 0) {
            hf_buf_free(&data);
            return -1;
        }
        unit->revisions = wider;
        size_t len = data.len;
        unit->revisions[unit->revision_count++] =
            (struct hub_revision){cJSON_Duplicate(revision, true), hf_buf_take(&data), len};
        cJSON_DeleteItemFromObjectCaseSensitive(unit->revisions[unit->revision_count - 1].json, "Data");
    }
    return unit->json && unit->events && unit->actions ? 0 : -1;
}

static void replace(cJSON **list, const cJSON *from, const char *name)
{
    cJSON *copy = cJSON_Duplicate(cJSON_GetObjectItem(from, name), true);
    if (copy) {
        cJSON_Delete(*list);
        *list = copy;
    }
}

int hub_recall(struct hub *hub, struct hf_error *err)
{
    hf_auto_buf struct hf_buf bytes = {0};
    const cJSON *unit;
    int result = 0;
    if (hf_read_file(hub->options->state, MOST_STATE, &bytes, err) != 0) {
        return -1;
    }
    cJSON *json = cJSON_ParseWithLength(hf_buf_text(&bytes), bytes.len);
    if (!json) {
        return hf_error_set(err, HF_EPARSE, "%s is no state of holdfast-sim hub", hub->options->state);
    }
    replace(&hub->spaces, json, "spaces");
    replace(&hub->targets, json, "targets");
    replace(&hub->workers, json, "workers");
    replace(&hub->filters, json, "filters");
    cJSON_ArrayForEach(unit, cJSON_GetObjectItem(json, "units"))
    {
        result = result == 0 ? recall_unit(hub, unit) : result;
    }
    cJSON_Delete(json);
    /* Ids made from now on must not repeat those that are there. */
    hub->random += (uint64_t)hf_now_ms();
    return result == 0 ? 0 : hf_error_set(err, HF_EPARSE, "%s can't be read", hub->options->state);
}
