/* What is done to the objects: small random changes of live by others, and of the unit by its next revision. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

#define MOST_PLACES 2000

/* A value within a document, and what holds it. */
struct place {
    struct hf_value *value;
    struct hf_value *holder;
    struct hf_slice key; /* in an object */
    size_t index;        /* in a list */
    const struct hf_type *type;
    const struct hf_type *holder_type;
};

struct places {
    struct place at[MOST_PLACES];
    size_t count;
};

static bool is_fixed(const char *path)
{
    static const char *const FIXED[] = {"/apiVersion", "/kind", "/status"};
    for (size_t i = 0; i < sizeof FIXED / sizeof FIXED[0]; i++) {
        if (strcmp(path, FIXED[i]) == 0) {
            return true;
        }
    }
    return strncmp(path, "/metadata/", 10) == 0 && strncmp(path, "/metadata/labels", 16) != 0 &&
           strncmp(path, "/metadata/annotations", 21) != 0;
}

/* An autoscaler's metrics are stored as autoscaling/v1 and its annotations, which loses some of what a unit may say. */
static void collect(struct places *places, struct hf_value *value, const struct hf_type *type, struct hf_buf *path,
                    bool is_unit)
{
    size_t len = path->len;
    for (size_t i = 0; i < hf_value_count(value); i++) {
        bool is_object = value->kind == HF_OBJECT;
        struct hf_value *below = is_object ? &value->as.object.members[i].value : &value->as.array.items[i];
        const struct hf_type *below_type = type ? type->element : NULL;
        if (is_object && type && type->kind == HF_TYPE_STRUCT) {
            const struct hf_field *field = hf_type_field(type, value->as.object.members[i].key);
            below_type = field ? field->type : NULL;
        }
        if (is_object) {
            hf_pointer_add_key(path, value->as.object.members[i].key);
        } else {
            hf_pointer_add_index(path, i);
        }
        if (!is_fixed(hf_buf_text(path)) && !(is_unit && strcmp(hf_buf_text(path), "/spec/metrics") == 0) &&
            places->count < MOST_PLACES) {
            if (strcmp(hf_buf_text(path), "/metadata") != 0) {
                places->at[places->count++] =
                    (struct place){.value = below,
                                   .holder = value,
                                   .key = is_object ? value->as.object.members[i].key : (struct hf_slice){NULL, 0},
                                   .index = i,
                                   .type = below_type,
                                   .holder_type = type};
            }
            collect(places, below, below_type, path, is_unit);
        }
        path->len = len;
        if (path->ptr) {
            path->ptr[len] = '\0';
        }
    }
}

static const struct hf_type *type_of(const struct oracle *oracle, const struct hf_value *object)
{
    const char *api_version = hf_value_text(hf_value_get(object, "apiVersion"));
    const char *slash = strchr(api_version, '/');
    char group[200] = "";
    if (slash) {
        memcpy(group, api_version, (size_t)(slash - api_version));
    }
    return hf_types_find(oracle->types, group, slash ? slash + 1 : api_version,
                         hf_value_text(hf_value_get(object, "kind")));
}

static struct hf_value text_value(struct oracle *oracle, const char *text)
{
    return *hf_value_string(oracle->arena, hf_slice_of(text));
}

static struct hf_value number_value(struct oracle *oracle, int64_t number)
{
    return *hf_value_integer(oracle->arena, number);
}

/* Another spelling, or another value, of a quantity. */
static struct hf_value other_quantity(struct oracle *oracle)
{
    static const char *const TEXTS[] = {"1",  "1000m", "0.5",     "500m", "1Gi",  "1024Mi", "1073741824", "1e3",
                                        "1k", "100m",  "0.1",     "0",    "2",    "2000m",  "4Gi",        "8Gi",
                                        "10", "1E3",   "0.00001", "250m", "10Gi", "1e8",    "100M"};
    return text_value(oracle, TEXTS[oracle_below(oracle, sizeof TEXTS / sizeof TEXTS[0])]);
}

static void change_scalar(struct oracle *oracle, struct place *place)
{
    struct hf_value *value = place->value;
    if (place->type && place->type->kind == HF_TYPE_QUANTITY) {
        *value = other_quantity(oracle);
    } else if (value->kind == HF_BOOL) {
        value->as.boolean = !value->as.boolean;
    } else if (value->kind == HF_NUMBER) {
        int64_t number = 0;
        hf_value_int(value, &number);
        *value = number_value(oracle, oracle_below(oracle, 3) == 0 ? 0 : number + 1);
    } else if (value->kind == HF_STRING) {
        size_t how = oracle_below(oracle, 5);
        *value = text_value(oracle, how == 0   ? ""
                                    : how == 1 ? "Other"
                                               : hf_arena_printf(oracle->arena, "%sx", value->as.text.ptr));
    }
}

static void change_list(struct oracle *oracle, struct hf_value *list)
{
    size_t count = list->as.array.count;
    size_t how = oracle_below(oracle, 5);
    if (count == 0 || how == 0) {
        struct hf_value item = text_value(oracle, "added");
        hf_value_push(oracle->arena, list, &item);
    } else if (how == 1) {
        list->as.array.count = 0;
    } else if (how == 2 && count > 1) {
        size_t a = oracle_below(oracle, count);
        size_t b = oracle_below(oracle, count);
        struct hf_value kept = list->as.array.items[a];
        list->as.array.items[a] = list->as.array.items[b];
        list->as.array.items[b] = kept;
    } else if (how == 3) {
        size_t gone = oracle_below(oracle, count);
        memmove(&list->as.array.items[gone], &list->as.array.items[gone + 1],
                (count - gone - 1) * sizeof *list->as.array.items);
        list->as.array.count--;
    } else {
        struct hf_value *copy = hf_value_copy(oracle->arena, &list->as.array.items[oracle_below(oracle, count)]);
        static const char *const NAMES[] = {"name", "key", "mountPath", "host", "path"};
        for (size_t i = 0; copy->kind == HF_OBJECT && i < sizeof NAMES / sizeof NAMES[0]; i++) {
            const char *name = hf_value_text(hf_value_get(copy, NAMES[i]));
            if (name) {
                struct hf_value other = text_value(oracle, hf_arena_printf(oracle->arena, "%s2", name));
                hf_value_set(oracle->arena, copy, hf_slice_of(NAMES[i]), &other);
                break;
            }
        }
        hf_value_push(oracle->arena, list, copy);
    }
}

/* Behind a feature gate that is off, or lost in a conversion: the server drops it, which nobody can know before the
 * first apply. */
static bool is_gated(const struct hf_type *type, struct hf_slice key)
{
    static const char *const GATED[] = {"ttlSecondsAfterFinished",
                                        "serving",
                                        "terminating",
                                        "topologyKeys",
                                        "nodeName",
                                        "ephemeral",
                                        "ephemeralContainers",
                                        "setHostnameAsFQDN",
                                        "hostnameAsFQDN",
                                        "allocateLoadBalancerNodePorts",
                                        "storageCapacity",
                                        "requiresRepublish",
                                        "ipFamilyPolicy",
                                        "ipFamilies",
                                        "clusterIPs",
                                        "averageUtilization",
                                        "dataSource",
                                        "nodePort"};
    static const char *const TYPES[] = {"v2beta2.MetricTarget", "core.v1.PersistentVolumeClaim"};
    for (size_t i = 0; type && i < sizeof TYPES / sizeof TYPES[0]; i++) {
        size_t len = strlen(type->name);
        if (len > strlen(TYPES[i]) && strcmp(type->name + len - strlen(TYPES[i]), TYPES[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof GATED / sizeof GATED[0]; i++) {
        if (hf_slice_is(key, GATED[i])) {
            return true;
        }
    }
    return false;
}

/* A field that was not set: of a struct any simple one of its type, of a map a new entry. */
static void add_member(struct oracle *oracle, struct hf_value *object, const struct hf_type *type)
{
    struct hf_value value = text_value(oracle, "added");
    struct hf_slice key = hf_slice_of("added");
    if (type && type->kind == HF_TYPE_STRUCT && type->field_count > 0) {
        const struct hf_field *field = &type->fields[oracle_below(oracle, type->field_count)];
        key = hf_slice_of(field->name);
        switch (field->type->kind) {
        case HF_TYPE_BOOLEAN:
            value = (struct hf_value){.kind = HF_BOOL, .as.boolean = oracle_below(oracle, 2) == 0};
            break;
        case HF_TYPE_INTEGER:
            value = number_value(oracle, (int64_t)oracle_below(oracle, 3));
            break;
        case HF_TYPE_STRUCT:
        case HF_TYPE_MAP:
            value = (struct hf_value){.kind = HF_OBJECT};
            break;
        case HF_TYPE_LIST:
            value = (struct hf_value){.kind = HF_ARRAY};
            break;
        case HF_TYPE_QUANTITY:
            value = other_quantity(oracle);
            break;
        default:
            value = text_value(oracle, oracle_below(oracle, 3) == 0 ? "" : "added");
        }
    } else if (type && type->element && type->element->kind == HF_TYPE_QUANTITY) {
        value = other_quantity(oracle);
        key = hf_slice_of("cpu");
    } else if (type && type->element && type->element->kind == HF_TYPE_BYTES) {
        value = text_value(oracle, "YWRkZWQ=");
    }
    if (!hf_value_find(object, key) && !is_gated(type, key)) {
        hf_value_set(oracle->arena, object, key, &value);
    }
}

static void take_out(struct place *place)
{
    if (place->holder->kind == HF_OBJECT) {
        hf_value_unset(place->holder, place->key);
    } else {
        size_t count = place->holder->as.array.count;
        memmove(&place->holder->as.array.items[place->index], &place->holder->as.array.items[place->index + 1],
                (count - place->index - 1) * sizeof *place->holder->as.array.items);
        place->holder->as.array.count--;
    }
}

static void mutate_once(struct oracle *oracle, struct hf_value *object, bool is_unit)
{
    struct places *places = hf_arena_alloc(oracle->arena, sizeof *places);
    hf_auto_buf struct hf_buf path = {0};
    collect(places, object, type_of(oracle, object), &path, is_unit);
    if (places->count == 0) {
        return;
    }
    struct place *place = &places->at[oracle_below(oracle, places->count)];
    size_t how = oracle_below(oracle, is_unit ? 12 : 10);
    hf_auto_buf struct hf_buf before = {0};
    hf_json_write(&before, place->value);
    /* Empty in a list's key: the server moves the item at each apply, and keeps it as TCP. */
    bool is_key = hf_slice_is(place->key, "protocol");
    const char *what = "change";
    if (how < 2) {
        what = "remove";
        hf_buf_addf(&oracle->story, "%s %.*s (was %.120s); ", what, HF_SLICE(place->key), hf_buf_text(&before));
        take_out(place);
        return;
    }
    if (how == 10 && !is_key) {
        what = "null";
        *place->value = (struct hf_value){.kind = HF_NULL};
    } else if (how == 11 && !is_key) {
        what = "zero";
        if (place->value->kind == HF_BOOL) {
            place->value->as.boolean = false;
        } else if (place->value->kind == HF_NUMBER) {
            *place->value = number_value(oracle, 0);
        } else if (place->value->kind == HF_STRING) {
            *place->value = text_value(oracle, "");
        } else if (place->value->kind == HF_ARRAY || place->value->kind == HF_OBJECT) {
            *place->value = (struct hf_value){.kind = place->value->kind};
        }
    } else if (place->value->kind == HF_OBJECT) {
        what = "add to";
        add_member(oracle, place->value, place->type);
    } else if (place->value->kind == HF_ARRAY) {
        what = "reshape";
        change_list(oracle, place->value);
    } else {
        change_scalar(oracle, place);
        if (is_key && place->value->kind == HF_STRING && place->value->as.text.len == 0) {
            *place->value = text_value(oracle, "UDP");
        }
    }
    hf_auto_buf struct hf_buf after = {0};
    hf_json_write(&after, place->value);
    hf_buf_addf(&oracle->story, "%s %s %.*s: %.150s -> %.150s; ", is_unit ? "unit:" : "live:", what,
                HF_SLICE(place->key), hf_buf_text(&before), hf_buf_text(&after));
}

/* Says in the unit what the server had filled in. */
static void make_explicit(struct oracle *oracle, const struct hf_value *live)
{
    static const char *const PARTS[] = {"spec", "webhooks", "data", "rules", "template"};
    const char *part = PARTS[oracle_below(oracle, sizeof PARTS / sizeof PARTS[0])];
    const struct hf_value *value = hf_value_get(live, part);
    if (value) {
        hf_buf_addf(&oracle->story, "unit: all of live's %s; ", part);
        hf_value_set(oracle->arena, oracle->desired, hf_slice_of(part), hf_value_copy(oracle->arena, value));
    }
}

static void mutate_live(struct oracle *oracle)
{
    static const char *const MANAGERS[] = {"kubectl-edit", "controller", ORACLE_MANAGER};
    for (int attempt = 0; attempt < 6; attempt++) {
        const struct hf_value *live = oracle_get(oracle);
        size_t before = oracle->story.len;
        if (!live) {
            return;
        }
        struct hf_value *changed = hf_value_copy(oracle->arena, live);
        mutate_once(oracle, changed, false);
        if (oracle_replace(oracle, changed, MANAGERS[oracle_below(oracle, 3)])) {
            return;
        }
        oracle->story.len = before;
        oracle->story.ptr[before] = '\0';
    }
}

void oracle_mutate(struct oracle *oracle)
{
    long status;
    size_t how = oracle_below(oracle, 10);
    hf_buf_adds(&oracle->story, "");
    if (oracle_below(oracle, 6) == 0) {
        hf_buf_adds(&oracle->story, "another applies the same; ");
        (void)oracle_apply(oracle, oracle->desired, "another", false, &status);
    }
    for (size_t i = 0; how < 6 && i <= oracle_below(oracle, 3); i++) {
        mutate_live(oracle);
    }
    if (how == 9) {
        const struct hf_value *live = oracle_get(oracle);
        make_explicit(oracle, live);
    }
    for (size_t i = 0; how >= 4 && how < 10 && i <= oracle_below(oracle, 2); i++) {
        mutate_once(oracle, oracle->desired, true);
    }
}
