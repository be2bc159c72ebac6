/* What a forced apply alone can't put right.
 *
 * A Service port whose number was changed is another item to server-side apply: it would add ours beside it, and the
 * server refuses two ports of one name. So the list is replaced first, by a JSON patch that holds only for the version
 * that was judged; then the apply takes the fields into its own hands; then the patch's share of them is given up, so
 * that nobody is left a co-owner. */
#include <stdlib.h>
#include <string.h>

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

static void begin_patch(struct hf_buf *out, const struct hf_value *live)
{
    hf_buf_adds(out, "[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":");
    hf_json_write(out, hf_agent_metadata(live, "resourceVersion"));
    hf_buf_addc(out, '}');
}

void hf_agent_plan_mend(struct hf_agent *agent, struct object *object, const struct hf_value *live,
                        const struct hf_judgement *judgement)
{
    bool has_added = false;
    for (size_t i = 0; i < judgement->count; i++) {
        has_added |= judgement->findings[i].class == HF_EXTRA_FIELD &&
                     strncmp(judgement->findings[i].path, "/spec/ports/", 12) == 0;
    }
    free(object->mend);
    object->mend = NULL;
    const struct hf_value *desired =
        hf_value_path(object->unit->documents[object->document].value, "spec", "ports", NULL);
    if (!has_added || strcmp(object->kind, "Service") != 0 || !desired || !hf_agent_metadata(live, "resourceVersion")) {
        return;
    }
    struct hf_buf patch = {0};
    begin_patch(&patch, live);
    hf_buf_adds(&patch, ",{\"op\":\"replace\",\"path\":\"/spec/ports\",\"value\":");
    add_ports(&patch, desired, hf_value_path(live, "spec", "ports", NULL));
    hf_buf_adds(&patch, "}]");
    object->mend = hf_buf_take(&patch);
    agent->lacks_memory |= !object->mend;
}

/* After the apply: our mend's own entry in managedFields goes. */
void hf_agent_plan_tidy(struct object *object, const struct hf_value *live)
{
    const struct hf_value *entries = hf_agent_metadata(live, "managedFields");
    free(object->tidy);
    object->tidy = NULL;
    for (size_t i = 0; i < hf_value_count(entries); i++) {
        const struct hf_value *entry = hf_value_at(entries, i);
        const char *manager = hf_value_text(hf_value_get(entry, "manager"));
        const char *operation = hf_value_text(hf_value_get(entry, "operation"));
        if (manager && operation && strcmp(manager, HF_MEND_MANAGER) == 0 && strcmp(operation, "Update") == 0) {
            struct hf_buf patch = {0};
            begin_patch(&patch, live);
            hf_buf_addf(&patch, ",{\"op\":\"remove\",\"path\":\"/metadata/managedFields/%zu\"}]", i);
            object->tidy = hf_buf_take(&patch);
            return;
        }
    }
}
