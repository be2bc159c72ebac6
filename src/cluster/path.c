/* The paths of the API: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris */
#include <string.h>

#include "client.h"

#define MOST_NAME 1024

/* What apimachinery's path.IsValidPathSegmentName refuses; of a Role or its binding all else may be a name. */
static bool can_be_name(const char *name, size_t len)
{
    return len > 0 && len <= MOST_NAME && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/%");
}

static bool is_plain(const char *name, size_t len)
{
    bool plain = can_be_name(name, len);
    for (size_t i = 0; plain && i < len; i++) {
        unsigned char byte = (unsigned char)name[i];
        plain = byte > 0x20 && byte != 0x7f && byte != '\\' && byte != '?' && byte != '#';
    }
    return plain;
}

static int add_segment(struct hf_buf *path, const char *what, const char *name, struct hf_error *err)
{
    size_t len = name ? strlen(name) : 0;
    if (!(strcmp(what, "name") == 0 ? can_be_name : is_plain)(name, len)) {
        hf_auto_buf struct hf_buf safe = {0};
        hf_buf_add_safe(&safe, hf_slice_of(name), 100);
        return hf_error_set(err, HF_EINVAL, "found %s \"%s\", expected a name that can stand in a path", what,
                            hf_buf_text(&safe));
    }
    hf_buf_addc(path, '/');
    hf_buf_add_url(path, (struct hf_slice){name, len});
    return 0;
}

int hf_path_group_version(struct hf_buf *path, const char *group, const char *version, struct hf_error *err)
{
    hf_buf_adds(path, group[0] ? "/apis" : "/api");
    if (group[0] && add_segment(path, "API group", group, err) != 0) {
        return -1;
    }
    return add_segment(path, "API version", version, err);
}

int hf_path_add(struct hf_buf *path, const struct hf_resource *resource, const char *namespace, const char *name,
                struct hf_error *err)
{
    if (hf_path_group_version(path, resource->group, resource->version, err) != 0) {
        return -1;
    }
    if (resource->namespaced && namespace && namespace[0]) {
        hf_buf_adds(path, "/namespaces");
        if (add_segment(path, "namespace", namespace, err) != 0) {
            return -1;
        }
    } else if (resource->namespaced && name) {
        return hf_error_set(err, HF_EINVAL, "found %s without a namespace, expected one", resource->kind);
    }
    if (add_segment(path, "resource", resource->name, err) != 0 ||
        (name && add_segment(path, "name", name, err) != 0)) {
        return -1;
    }
    return hf_buf_ok(path) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory for a path");
}

void hf_path_query(struct hf_buf *path, const char *name, const char *value)
{
    bool more = path->len > 0 && memchr(path->ptr, '?', path->len);
    hf_buf_addc(path, more ? '&' : '?');
    hf_buf_add_url(path, hf_slice_of(name));
    hf_buf_addc(path, '=');
    hf_buf_add_url(path, hf_slice_of(value));
}
