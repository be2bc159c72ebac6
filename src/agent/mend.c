/* What a forced apply alone can't put right, by a JSON patch that holds only for the version that was judged.
 *
 * What another manager added is not the applier's to take away: it is removed. A Service port whose number was changed
 * is another item to server-side apply: it would add ours beside it, and the server refuses two ports of one name. So
 * the list is replaced first; then the apply takes the fields into its own hands; then the patch's share of them is
 * given up, so that nobody is left a co-owner. */
#include <stdlib.h>
#include <string.h>

#include "holdfast/pointer.h"
#include "state.h"

static const struct hf_value *by_name(const struct hf_value *ports, const struct hf_value *wanted)
{
    for (size_t i = 0; i < hf_value_count(ports); i++) {
        const struct hf_value *port = hf_value_at(ports, i);
        if (hf_value_equal(hf_value_get(port, "name"), hf_value_get(wanted, "name"))) {
            return port;
        }
    }
    return hf_value_count(ports) == 1 ? hf_value_at(ports, 0) : NULL;
}

/* The unit's ports; a node port that the cluster chose stays with its port. */
static void add_ports(struct hf_buf *out, const struct hf_value *desired, const struct hf_value *live)
{
    hf_buf_addc(out, '[');
    for (size_t i = 0; i < hf_value_count(desired); i++) {
        const struct hf_value *port = hf_value_at(desired, i);
        const struct hf_value *had = by_name(live, port);
        const struct hf_value *node_port = hf_value_get(port, "nodePort") ? NULL : hf_value_get(had, "nodePort");
        hf_buf_adds(out, i ? "," : "");
        hf_json_write(out, port);
        if (node_port && out->len > 0 && out->ptr[out->len - 1] == '}') {
            out->ptr[--out->len] = '\0';
            hf_buf_adds(out, ",\"nodePort\":");
            hf_json_write(out, node_port);
            hf_buf_addc(out, '}');
        }
    }
    hf_buf_addc(out, ']');
}

void hf_agent_begin_patch(struct hf_buf *out, const struct hf_value *live)
{
    hf_buf_adds(out, "[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":");
    hf_json_write(out, hf_agent_metadata(live, "resourceVersion"));
    hf_buf_addc(out, '}');
}

static bool is_port(const struct hf_finding *finding)
{
    return strncmp(finding->path, "/spec/ports/", 12) == 0;
}

/* Whether the ports must be replaced as a whole: some are foreign, and some of ours are not as they should be. */
static bool replaces_ports(const struct object *object)
{
    bool foreign = false;
    bool ours = false;
    for (size_t i = 0; i < object->finding_count; i++) {
        const struct hf_finding *finding = &object->findings[i];
        if (strcmp(object->kind, "Service") != 0 || !is_port(finding)) {
            continue;
        }
        if (object->outcomes[i] != OUTCOME_NOW) {
            return false; /* something there is to stay */
        }
        foreign |= finding->class == HF_EXTRA_FIELD;
        ours |= finding->class != HF_EXTRA_FIELD;
    }
    return foreign && ours;
}

static int further_down_first(const void *left, const void *right)
{
    const struct hf_finding *const *a = left;
    const struct hf_finding *const *b = right;
    return hf_pointer_compare((*b)->path, (*a)->path);
}

/* From the back: an index further up stays true. */
static void remove_unowned(struct hf_buf *patch, const struct object *object, bool without_ports, bool *short_of)
{
    const struct hf_finding **gone = hf_calloc(object->finding_count, sizeof *gone);
    size_t count = 0;
    if (!gone) {
        *short_of = true;
        return;
    }
    for (size_t i = 0; i < object->finding_count; i++) {
        const struct hf_finding *finding = &object->findings[i];
        bool unowned = finding->unowned || finding->class == HF_EXTRA_FIELD;
        if (object->outcomes[i] == OUTCOME_NOW && unowned && finding->live && !(without_ports && is_port(finding))) {
            gone[count++] = finding;
        }
    }
    qsort(gone, count, sizeof *gone, further_down_first);
    for (size_t i = 0; i < count; i++) {
        hf_buf_adds(patch, ",{\"op\":\"remove\",\"path\":");
        hf_buf_add_json(patch, hf_slice_of(gone[i]->path));
        hf_buf_addc(patch, '}');
    }
    free(gone);
}

void hf_agent_plan_mend(struct hf_agent *agent, struct object *object, const struct hf_value *live)
{
    free(object->mend);
    object->mend = NULL;
    if (!hf_agent_metadata(live, "resourceVersion") || object->finding_count == 0 || object->is_held) {
        return;
    }
    struct hf_buf patch = {0};
    hf_agent_begin_patch(&patch, live);
    size_t empty = patch.len;
    const struct hf_value *ports =
        hf_value_path(object->unit->documents[object->document].value, "spec", "ports", NULL);
    bool replace = ports && replaces_ports(object);
    bool short_of = false;
    remove_unowned(&patch, object, replace, &short_of);
    if (replace) {
        hf_buf_adds(&patch, ",{\"op\":\"replace\",\"path\":\"/spec/ports\",\"value\":");
        add_ports(&patch, ports, hf_value_path(live, "spec", "ports", NULL));
        hf_buf_addc(&patch, '}');
    }
    bool has_work = patch.len > empty;
    hf_buf_addc(&patch, ']');
    char *text = hf_buf_take(&patch);
    agent->lacks_memory |= short_of || !text;
    if (has_work && !short_of) {
        object->mend = text;
    } else {
        free(text);
    }
}

/* After the apply: our mend's own entry in managedFields goes. Our mark's part of it is no field of the unit's. */
void hf_agent_plan_tidy(struct object *object, const struct hf_value *live)
{
    const struct hf_value *entries = hf_agent_metadata(live, "managedFields");
    free(object->tidy);
    object->tidy = NULL;
    for (size_t i = 0; i < hf_value_count(entries); i++) {
        const struct hf_value *entry = hf_value_at(entries, i);
        const char *manager = hf_value_text(hf_value_get(entry, "manager"));
        const char *operation = hf_value_text(hf_value_get(entry, "operation"));
        if (manager && operation && strcmp(manager, HF_MEND_MANAGER) == 0 && strcmp(operation, "Update") == 0 &&
            hf_value_path(entry, "fieldsV1", "f:spec", NULL)) {
            struct hf_buf patch = {0};
            hf_agent_begin_patch(&patch, live);
            hf_buf_addf(&patch, ",{\"op\":\"remove\",\"path\":\"/metadata/managedFields/%zu\"}]", i);
            object->tidy = hf_buf_take(&patch);
            return;
        }
    }
}
