/* The places where the local verdict can't be the server's, each with the reason. Everything else must agree. */
#include <stdio.h>
#include <string.h>

#include "oracle.h"

/* What only the server knows. A difference here is confirmed by the dry-run and counted by its reason. */
static const struct known NOT_KNOWABLE[] = {
    {"batch.v1.JobSpec", "ttlSecondsAfterFinished", NULL, "feature gate TTLAfterFinished"},
};

/* What the server sets because of a field beside it: one finding, on that field, tells both. */
static const struct known DERIVED[] = {
    {"core.v1.PodSpec", "serviceAccount", "serviceAccountName", "deprecated copy"},
    {"core.v1.Container", "imagePullPolicy", "image", "by the image's tag"},
    {"core.v1.EphemeralContainer", "imagePullPolicy", "image", "by the image's tag"},
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

/* The next part of a path, unescaped; false at its end. */
static bool next_part(const char **path, char *part, size_t size)
{
    if (**path != '/') {
        return false;
    }
    size_t len = 0;
    for ((*path)++; **path && **path != '/'; (*path)++) {
        char byte = **path;
        if (byte == '~') {
            (*path)++;
            byte = **path == '1' ? '/' : '~';
        }
        if (len + 1 < size) {
            part[len++] = byte;
        }
    }
    part[len] = '\0';
    return true;
}

static const struct hf_type *below(const struct hf_type *type, const char *part)
{
    if (!type) {
        return NULL;
    }
    if (type->kind == HF_TYPE_STRUCT) {
        const struct hf_field *field = hf_type_field(type, hf_slice_of(part));
        return field ? field->type : NULL;
    }
    return type->element;
}

const struct hf_type *oracle_type_at(const struct hf_type *root, const char *path)
{
    char part[300];
    while (next_part(&path, part, sizeof part)) {
        root = below(root, part);
    }
    return root;
}

static const struct known *find(const struct known *table, size_t count, const struct hf_type *root, const char *path,
                                size_t *parent_len)
{
    const char *at = path;
    char part[300];
    for (;;) {
        size_t len = (size_t)(at - path);
        const struct hf_type *type = root;
        if (!next_part(&at, part, sizeof part)) {
            return NULL;
        }
        for (size_t i = 0; type && i < count; i++) {
            if (strcmp(part, table[i].field) == 0 && ends_with(type->name, table[i].type)) {
                *parent_len = len;
                return &table[i];
            }
        }
        root = below(root, part);
    }
}

const struct known *oracle_not_knowable(const struct hf_type *root, const char *path)
{
    size_t ignored;
    return find(NOT_KNOWABLE, sizeof NOT_KNOWABLE / sizeof NOT_KNOWABLE[0], root, path, &ignored);
}

const struct known *oracle_derived(const struct hf_type *root, const char *path, char *beside, size_t size)
{
    size_t len;
    const struct known *known = find(DERIVED, sizeof DERIVED / sizeof DERIVED[0], root, path, &len);
    if (known) {
        (void)snprintf(beside, size, "%.*s/%s", (int)len, path, known->because);
    }
    return known;
}
