/* /api, /apis, /version, /healthz and the like. */
#include <stdio.h>
#include <string.h>

#include "openapi.h"
#include "sim.h"

static void add_verbs(struct hf_buf *buf, const char *const *verbs, size_t count)
{
    hf_buf_adds(buf, "\"verbs\":[");
    for (size_t i = 0; i < count; i++) {
        hf_buf_addf(buf, "%s\"%s\"", i ? "," : "", verbs[i]);
    }
    hf_buf_addc(buf, ']');
}

static void add_shorts(struct hf_buf *buf, const char *shorts)
{
    hf_buf_adds(buf, ",\"shortNames\":[");
    while (*shorts) {
        size_t len = strcspn(shorts, ",");
        hf_buf_addf(buf, "\"%.*s\"", (int)len, shorts);
        shorts += len;
        if (*shorts == ',') {
            hf_buf_addc(buf, ',');
            shorts++;
        }
    }
    hf_buf_addc(buf, ']');
}

static void add_resource(struct hf_buf *buf, const struct sim_kind *kind)
{
    static const char *const ALL[] = {"create", "delete", "deletecollection", "get",
                                      "list",   "patch",  "update",           "watch"};
    hf_buf_addf(buf, "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\",", kind->plural,
                kind->singular, kind->cluster ? "false" : "true", kind->kind);
    add_verbs(buf, ALL, sizeof ALL / sizeof ALL[0]);
    if (kind->shorts[0]) {
        add_shorts(buf, kind->shorts);
    }
    if (kind->category[0]) {
        hf_buf_addf(buf, ",\"categories\":[\"%s\"]", kind->category);
    }
    hf_buf_addc(buf, '}');
}

static void add_subresources(struct hf_buf *buf, const struct sim_kind *kind)
{
    static const char *const SOME[] = {"get", "patch", "update"};
    const char *space = kind->cluster ? "false" : "true";
    if (kind->scale) {
        hf_buf_addf(buf,
                    ",{\"name\":\"%s/scale\",\"singularName\":\"\",\"namespaced\":%s,\"group\":\"autoscaling\","
                    "\"version\":\"v1\",\"kind\":\"Scale\",",
                    kind->plural, space);
        add_verbs(buf, SOME, 3);
        hf_buf_addc(buf, '}');
    }
    if (kind->status) {
        hf_buf_addf(buf, ",{\"name\":\"%s/status\",\"singularName\":\"\",\"namespaced\":%s,\"kind\":\"%s\",",
                    kind->plural, space, kind->kind);
        add_verbs(buf, SOME, 3);
        hf_buf_addc(buf, '}');
    }
}

static bool is_in(const struct sim_collection *collection, const char *group, const char *version)
{
    return !collection->gone && strcmp(collection->kind.group, group) == 0 &&
           (!version || strcmp(collection->kind.version, version) == 0);
}

static bool add_resources(const struct sim *sim, struct hf_buf *buf, const char *group, const char *version)
{
    bool any = false;
    hf_buf_addf(buf, "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s%s%s\",\"resources\":[",
                group, group[0] ? "/" : "", version);
    for (size_t i = 0; i < sim->store.collection_count; i++) {
        if (is_in(sim->store.collections[i], group, version)) {
            hf_buf_adds(buf, any ? "," : "");
            add_resource(buf, &sim->store.collections[i]->kind);
            add_subresources(buf, &sim->store.collections[i]->kind);
            any = true;
        }
    }
    hf_buf_adds(buf, "]}\n");
    return any;
}

/* Whether a collection before index has the group (and the version, unless NULL): each is told once. */
static bool is_told(const struct sim *sim, size_t index, const char *group, const char *version)
{
    for (size_t i = 0; i < index; i++) {
        if (is_in(sim->store.collections[i], group, version)) {
            return true;
        }
    }
    return false;
}

static bool add_group(const struct sim *sim, struct hf_buf *buf, const char *group, bool alone)
{
    const char *preferred = NULL;
    for (size_t i = 0; i < sim->store.collection_count; i++) {
        const struct sim_kind *kind = &sim->store.collections[i]->kind;
        if (!is_in(sim->store.collections[i], group, NULL) || is_told(sim, i, group, kind->version)) {
            continue;
        }
        if (!preferred) {
            hf_buf_addf(buf, "{%s\"name\":\"%s\",\"versions\":[",
                        alone ? "\"kind\":\"APIGroup\",\"apiVersion\":\"v1\"," : "", group);
        }
        hf_buf_addf(buf, "%s{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}", preferred ? "," : "", group,
                    kind->version, kind->version);
        preferred = preferred ? preferred : kind->version;
    }
    if (preferred) {
        hf_buf_addf(buf, "],\"preferredVersion\":{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}}", group, preferred,
                    preferred);
    }
    return preferred != NULL;
}

static void add_groups(const struct sim *sim, struct hf_buf *buf)
{
    bool any = false;
    hf_buf_adds(buf, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
    for (size_t i = 0; i < sim->store.collection_count; i++) {
        const struct sim_collection *collection = sim->store.collections[i];
        if (!collection->gone && collection->kind.group[0] && !is_told(sim, i, collection->kind.group, NULL)) {
            hf_buf_adds(buf, any ? "," : "");
            any = add_group(sim, buf, collection->kind.group, false) || any;
        }
    }
    hf_buf_adds(buf, "]}\n");
}

static void add_version(struct hf_buf *buf)
{
    hf_buf_adds(buf, "{\n  \"major\": \"1\",\n  \"minor\": \"20\",\n  \"gitVersion\": \"v1.20.2+holdfast-sim\",\n"
                     "  \"gitCommit\": \"\",\n  \"gitTreeState\": \"\",\n  \"buildDate\": \"1970-01-01T00:00:00Z\",\n"
                     "  \"goVersion\": \"none\",\n  \"compiler\": \"cc\",\n  \"platform\": \"linux/amd64\"\n}");
}

/* One of the paths below /apis/GROUP; false when there is no such group or version. */
static bool discover_group(const struct sim *sim, const char *rest, struct hf_buf *buf)
{
    char group[254];
    size_t len = strcspn(rest, "/");
    if (len == 0 || len >= sizeof group) {
        return false;
    }
    memcpy(group, rest, len);
    group[len] = '\0';
    rest += len;
    if (*rest == '\0' || strcmp(rest, "/") == 0) {
        return add_group(sim, buf, group, true);
    }
    rest++;
    return strchr(rest, '/') == NULL && add_resources(sim, buf, group, rest);
}

static int unknown_page(struct sim_response *response)
{
    response->status = 404;
    response->content_type = "text/plain; charset=utf-8";
    hf_buf_clear(&response->body);
    hf_buf_adds(&response->body, "404 page not found\n");
    return 0;
}

static bool is_health(const char *path)
{
    return strncmp(path, "/healthz", 8) == 0 || strncmp(path, "/readyz", 7) == 0 || strncmp(path, "/livez", 6) == 0;
}

static bool has_group(const struct sim *sim, const char *rest)
{
    for (size_t i = 0; i < sim->store.collection_count; i++) {
        const struct sim_kind *kind = &sim->store.collections[i]->kind;
        size_t group = strlen(kind->group), version = strlen(kind->version);
        if (!sim->store.collections[i]->gone && strncmp(rest, kind->group, group) == 0 && rest[group] == '/' &&
            strncmp(rest + group + 1, kind->version, version) == 0 && rest[group + 1 + version] == '/') {
            return true;
        }
    }
    return false;
}

static int discover_below(const struct sim *sim, const char *path, struct sim_response *response, bool *known)
{
    if (strcmp(path, "/api/v1") == 0 || strcmp(path, "/api/v1/") == 0) {
        (void)add_resources(sim, &response->body, "", "v1");
        return 0;
    }
    if (strncmp(path, "/apis/", 6) == 0) {
        if (discover_group(sim, path + 6, &response->body)) {
            return 0;
        }
        hf_buf_clear(&response->body);
        *known = !has_group(sim, path + 6);
        return *known ? unknown_page(response) : 0;
    }
    *known = strncmp(path, "/api/v1/", 8) != 0;
    return *known ? unknown_page(response) : 0;
}

int sim_discover(struct sim *sim, struct sim_request *request, struct sim_response *response, bool *known)
{
    const char *path = request->path;
    struct hf_buf *buf = &response->body;
    *known = true;
    if (strcmp(path, "/api") == 0 || strcmp(path, "/api/") == 0) {
        hf_buf_adds(buf, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[]}\n");
    } else if (strcmp(path, "/apis") == 0 || strcmp(path, "/apis/") == 0) {
        add_groups(sim, buf);
    } else if (strcmp(path, "/version") == 0 || strcmp(path, "/version/") == 0) {
        add_version(buf);
    } else if (is_health(path)) {
        response->content_type = "text/plain; charset=utf-8";
        hf_buf_adds(buf, "ok");
    } else if (strcmp(path, "/openapi/v2") == 0) {
        return sim_openapi(sim, request, response);
    } else if (!sim->options->no_openapi_v3 && strncmp(path, "/openapi/v3", 11) == 0) {
        return sim_openapi_v3(sim, request, response);
    } else {
        return discover_below(sim, path, response, known);
    }
    return hf_buf_ok(buf) ? 0 : -1;
}
