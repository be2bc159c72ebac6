#include "shape.h"

#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/digest.h"
#include "quantity.h"

#define PATH_DEPTH 128

struct shaper {
    struct sim_work *work;
    struct hf_slice path[PATH_DEPTH];
    size_t depth;
};

static int shape(struct shaper *s, const struct sim_type *type, const struct hf_value *in, struct hf_value *out);

static int refuse(struct shaper *s, const char *wanted, const struct hf_value *in)
{
    hf_auto_buf struct hf_buf path = {0};
    for (size_t i = 0; i < s->depth; i++) {
        hf_buf_addc(&path, '.');
        hf_buf_add(&path, s->path[i].ptr, s->path[i].len);
    }
    return sim_fail(s->work, 400, "BadRequest", "%s: expected %s, found %s", path.len ? hf_buf_text(&path) + 1 : "body",
                    wanted, hf_kind_name(in->kind));
}

static int set_text(struct shaper *s, struct hf_value *out, const char *text, size_t len)
{
    struct hf_value *fresh = hf_value_string(s->work->arena, (struct hf_slice){text, len});
    if (!fresh) {
        return -1;
    }
    *out = *fresh;
    return 0;
}

static int shape_quantity(struct shaper *s, const struct hf_value *in, struct hf_value *out)
{
    hf_auto_buf struct hf_buf text = {0};
    if (in->kind == HF_NULL) {
        return set_text(s, out, "0", 1);
    }
    if (in->kind != HF_STRING && in->kind != HF_NUMBER) {
        return refuse(s, "a quantity", in);
    }
    if (!sim_quantity_canonical(&text, in->as.text)) {
        return sim_fail(s->work, 400, "BadRequest",
                        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    }
    return hf_buf_ok(&text) ? set_text(s, out, hf_buf_text(&text), text.len) : -1;
}

static int shape_bytes(struct shaper *s, const struct hf_value *in, struct hf_value *out)
{
    hf_auto_buf struct hf_buf bytes = {0};
    hf_auto_buf struct hf_buf text = {0};
    struct hf_error err = HF_ERROR_INIT;
    if (in->kind == HF_NULL) {
        out->kind = HF_NULL;
        return 0;
    }
    if (in->kind != HF_STRING) {
        return refuse(s, "base64 text", in);
    }
    if (hf_base64_decode(in->as.text, &bytes, &err) != 0) {
        return sim_fail(s->work, 400, "BadRequest", "illegal base64 data: %s", err.text);
    }
    hf_buf_add_base64(&text, hf_buf_text(&bytes), bytes.len);
    return hf_buf_ok(&text) ? set_text(s, out, hf_buf_text(&text), text.len) : -1;
}

/* metav1.Time is kept to the second, in UTC. */
static int shape_time(struct shaper *s, const struct sim_type *type, const struct hf_value *in, struct hf_value *out)
{
    int64_t ms;
    char text[HF_TIME_TEXT];
    if (in->kind == HF_NULL) {
        out->kind = HF_NULL;
        return 0;
    }
    if (in->kind != HF_STRING || !hf_time_parse(in->as.text, &ms)) {
        return refuse(s, "a time", in);
    }
    if (type->micro) {
        *out = *in;
        return 0;
    }
    hf_time_format(ms, text);
    memcpy(text + 19, "Z", 2);
    return set_text(s, out, text, 20);
}

static int shape_number(struct shaper *s, const struct sim_type *type, const struct hf_value *in, struct hf_value *out)
{
    int64_t number = 0;
    if (in->kind == HF_NULL) {
        out->kind = HF_NULL;
        return 0;
    }
    if (in->kind != HF_NUMBER || (type->shape == SHAPE_INTEGER && !hf_value_int(in, &number))) {
        return refuse(s, type->shape == SHAPE_INTEGER ? "an integer" : "a number", in);
    }
    *out = *in;
    if (type->shape == SHAPE_INTEGER) {
        struct hf_value *fresh = hf_value_integer(s->work->arena, number);
        if (!fresh) {
            return -1;
        }
        *out = *fresh;
    }
    return 0;
}

static int shape_scalar(struct shaper *s, const struct sim_type *type, const struct hf_value *in, struct hf_value *out)
{
    bool null = in->kind == HF_NULL;
    switch (type->shape) {
    case SHAPE_QUANTITY:
        return shape_quantity(s, in, out);
    case SHAPE_BYTES:
        return shape_bytes(s, in, out);
    case SHAPE_TIME:
        return shape_time(s, type, in, out);
    case SHAPE_INTEGER:
    case SHAPE_NUMBER:
        return shape_number(s, type, in, out);
    case SHAPE_STRING:
        if (null && !type->custom) {
            return set_text(s, out, "", 0);
        }
        if (!null && in->kind != HF_STRING) {
            return refuse(s, "a string", in);
        }
        break;
    case SHAPE_BOOLEAN:
        if (!null && in->kind != HF_BOOL) {
            return refuse(s, "a boolean", in);
        }
        break;
    case SHAPE_INT_OR_STRING:
        if (!null && in->kind != HF_STRING && in->kind != HF_NUMBER) {
            return refuse(s, "an integer or a string", in);
        }
        break;
    default:
        break;
    }
    *out = *in;
    return 0;
}

static bool is_zero(const struct hf_value *value)
{
    int64_t number;
    switch (value->kind) {
    case HF_NULL:
        return true;
    case HF_BOOL:
        return !value->as.boolean;
    case HF_NUMBER:
        return hf_value_int(value, &number) && number == 0;
    case HF_STRING:
        return value->as.text.len == 0;
    default:
        return hf_value_count(value) == 0;
    }
}

/* What Go writes for a field that was not given. NULL: nothing. */
static const char *zero_of(const struct sim_field *field)
{
    if (field->go == GO_OMITEMPTY || field->go == GO_POINTER) {
        return NULL;
    }
    if (field->go == GO_NULL) {
        return "null";
    }
    switch (field->type->shape) {
    case SHAPE_STRING:
        return "\"\"";
    case SHAPE_QUANTITY:
        return "\"0\"";
    case SHAPE_INTEGER:
    case SHAPE_NUMBER:
    case SHAPE_INT_OR_STRING:
        return "0";
    case SHAPE_BOOLEAN:
        return "false";
    case SHAPE_STRUCT:
        return "{}";
    default:
        return "null";
    }
}

static int put_zero(struct shaper *s, const struct sim_field *field, struct hf_value *out)
{
    const char *json = zero_of(field);
    if (!json) {
        return 0;
    }
    struct hf_value *zero = sim_parse(s->work->arena, json);
    struct hf_value *shaped = zero;
    if (zero && field->type->shape == SHAPE_STRUCT && zero->kind == HF_OBJECT) {
        shaped = hf_value_new(s->work->arena, HF_OBJECT);
        if (!shaped || shape(s, field->type, zero, shaped) != 0) {
            return -1;
        }
    }
    return shaped ? hf_value_set(s->work->arena, out, field->name, shaped) : -1;
}

/* A pointer to a struct is kept when it is empty, a struct inside it comes by put_zero. */
static bool is_left_out(const struct sim_field *field, const struct hf_value *value)
{
    if (field->go != GO_OMITEMPTY) {
        return value->kind == HF_NULL && field->go == GO_POINTER;
    }
    return field->type->shape == SHAPE_STRUCT || field->type->shape == SHAPE_ANY ? value->kind == HF_NULL
                                                                                 : is_zero(value);
}

static int shape_field(struct shaper *s, const struct sim_field *field, const struct hf_value *in, struct hf_value *out)
{
    struct hf_value value = {.kind = HF_NULL};
    if (!in || (in->kind == HF_NULL && !field->type->custom)) {
        return put_zero(s, field, out);
    }
    if (s->depth == PATH_DEPTH) {
        return sim_fail(s->work, 400, "BadRequest", "the body is nested too deeply");
    }
    s->path[s->depth++] = field->name;
    int status = shape(s, field->type, in, &value);
    s->depth--;
    if (status != 0) {
        return -1;
    }
    if (!field->type->custom && is_left_out(field, &value)) {
        return 0;
    }
    return hf_value_set(s->work->arena, out, field->name, &value);
}

static int shape_custom_struct(struct shaper *s, const struct sim_type *type, const struct hf_value *in,
                               struct hf_value *out)
{
    for (size_t i = 0; i < hf_value_count(in); i++) {
        const struct hf_member *member = &in->as.object.members[i];
        const struct sim_field *field = sim_type_field(type, member->key);
        if (!field && type->keeps_unknown && hf_value_set(s->work->arena, out, member->key, &member->value) != 0) {
            return -1;
        }
        if (field && shape_field(s, field, &member->value, out) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const struct sim_field *field = &type->fields[i];
        if (field->standard && !hf_value_find(out, field->name) &&
            hf_value_set(s->work->arena, out, field->name, field->standard) != 0) {
            return -1;
        }
        if (field->go == GO_INLINE && !hf_value_find(out, field->name) && put_zero(s, field, out) != 0) {
            return -1;
        }
    }
    return 0;
}

static int shape_struct(struct shaper *s, const struct sim_type *type, const struct hf_value *in, struct hf_value *out)
{
    if (type->custom) {
        return shape_custom_struct(s, type, in, out);
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const struct sim_field *field = &type->fields[i];
        if (shape_field(s, field, hf_value_find(in, field->name), out) != 0) {
            return -1;
        }
    }
    return 0;
}

static int shape_map(struct shaper *s, const struct sim_type *type, const struct hf_value *in, struct hf_value *out)
{
    for (size_t i = 0; i < hf_value_count(in); i++) {
        const struct hf_member *member = &in->as.object.members[i];
        struct hf_value value = {.kind = HF_NULL};
        if (s->depth == PATH_DEPTH) {
            return sim_fail(s->work, 400, "BadRequest", "the body is nested too deeply");
        }
        s->path[s->depth++] = member->key;
        int status = shape(s, type->element, &member->value, &value);
        s->depth--;
        if (status != 0 || hf_value_set(s->work->arena, out, member->key, &value) != 0) {
            return -1;
        }
    }
    return 0;
}

static int shape_list(struct shaper *s, const struct sim_type *type, const struct hf_value *in, struct hf_value *out)
{
    for (size_t i = 0; i < hf_value_count(in); i++) {
        struct hf_value value = {.kind = HF_NULL};
        if (shape(s, type->element, hf_value_at(in, i), &value) != 0 ||
            hf_value_push(s->work->arena, out, &value) != 0) {
            return -1;
        }
    }
    return 0;
}

static int shape(struct shaper *s, const struct sim_type *type, const struct hf_value *in, struct hf_value *out)
{
    if (type->shape == SHAPE_ANY) {
        *out = *in;
        return 0;
    }
    if (sim_type_is_scalar(type)) {
        return shape_scalar(s, type, in, out);
    }
    enum hf_kind kind = type->shape == SHAPE_LIST ? HF_ARRAY : HF_OBJECT;
    if (in->kind == HF_NULL && (type->shape != SHAPE_STRUCT || type->custom)) {
        out->kind = HF_NULL;
        return 0;
    }
    if (in->kind != kind && in->kind != HF_NULL) {
        return refuse(s, type->shape == SHAPE_LIST ? "an array" : "an object", in);
    }
    struct hf_value *fresh = hf_value_new(s->work->arena, kind);
    if (!fresh) {
        return -1;
    }
    *out = *fresh;
    return type->shape == SHAPE_LIST  ? shape_list(s, type, in, out)
           : type->shape == SHAPE_MAP ? shape_map(s, type, in, out)
                                      : shape_struct(s, type, in, out);
}

int sim_shape(struct sim_work *work, const struct sim_type *type, const struct hf_value *in, struct hf_value **out)
{
    struct shaper s = {.work = work};
    *out = hf_value_new(work->arena, HF_NULL);
    return *out ? shape(&s, type, in, *out) : -1;
}
