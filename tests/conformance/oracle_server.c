/* The server's side of the oracle test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oracle.h"

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    hf_buf_add(ctx, bytes, size * count);
    return size * count;
}

static long perform(struct oracle *oracle, const char *method, const char *url, struct curl_slist *headers,
                    const struct hf_buf *body)
{
    long status = 0;
    hf_buf_clear(&oracle->answer);
    curl_easy_reset(oracle->curl);
    curl_easy_setopt(oracle->curl, CURLOPT_URL, url);
    curl_easy_setopt(oracle->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(oracle->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(oracle->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(oracle->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(oracle->curl, CURLOPT_CAINFO, oracle->ca);
    curl_easy_setopt(oracle->curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(oracle->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(oracle->curl, CURLOPT_WRITEDATA, &oracle->answer);
    if (body->len > 0) {
        curl_easy_setopt(oracle->curl, CURLOPT_POSTFIELDS, body->ptr);
        curl_easy_setopt(oracle->curl, CURLOPT_POSTFIELDSIZE, (long)body->len);
    }
    oracle->requests++;
    if (curl_easy_perform(oracle->curl) == CURLE_OK) {
        curl_easy_getinfo(oracle->curl, CURLINFO_RESPONSE_CODE, &status);
    }
    return status;
}

/* The answer is in oracle->answer. 0: no answer, also when asked again. */
static long request(struct oracle *oracle, const char *method, const char *url, const char *type,
                    const struct hf_value *body)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf authorization = {0};
    hf_auto_buf struct hf_buf content = {0};
    hf_buf_addf(&authorization, "Authorization: Bearer %s", oracle->token);
    hf_buf_addf(&content, "Content-Type: %s", type ? type : "application/json");
    struct curl_slist *headers = curl_slist_append(NULL, hf_buf_text(&authorization));
    headers = curl_slist_append(headers, hf_buf_text(&content));
    headers = curl_slist_append(headers, "Accept: application/json");
    headers = curl_slist_append(headers, "Expect:");
    if (body) {
        hf_json_write(&text, body);
    }
    long status = 0;
    for (int attempt = 0; attempt < 3 && status == 0; attempt++) {
        status = perform(oracle, method, url, headers, &text);
    }
    if (status == 0) {
        fprintf(stderr, "oracle: %s %s: no answer\n", method, url);
    }
    curl_slist_free_all(headers);
    return status;
}

static const struct hf_value *answered(struct oracle *oracle, struct hf_arena *arena)
{
    const struct hf_value *value = NULL;
    struct hf_error err = HF_ERROR_INIT;
    if (hf_json_read(arena, hf_buf_text(&oracle->answer), oracle->answer.len, NULL, &value, &err) != 0) {
        return NULL;
    }
    return value;
}

static int read_documents(struct oracle *oracle, const char *path, struct hf_buf *text, struct hf_document **documents,
                          size_t *count)
{
    struct hf_error err = HF_ERROR_INIT;
    if (hf_read_file(path, 1 << 20, text, &err) != 0 ||
        hf_yaml_read(oracle->kept, hf_buf_text(text), text->len, NULL, documents, count, &err) != 0) {
        fprintf(stderr, "oracle: %s: %s\n", path, err.text);
        return -1;
    }
    return 0;
}

static int read_kubeconfig(struct oracle *oracle)
{
    hf_auto_buf struct hf_buf text = {0};
    struct hf_document *documents;
    size_t count;
    if (read_documents(oracle, oracle->kubeconfig_path, &text, &documents, &count) != 0 || count != 1) {
        return -1;
    }
    const struct hf_value *cluster =
        hf_value_get(hf_value_at(hf_value_get(documents[0].value, "clusters"), 0), "cluster");
    const struct hf_value *user = hf_value_get(hf_value_at(hf_value_get(documents[0].value, "users"), 0), "user");
    oracle->server = hf_value_text(hf_value_get(cluster, "server"));
    oracle->ca = hf_value_text(hf_value_get(cluster, "certificate-authority"));
    oracle->token = hf_value_text(hf_value_get(user, "token"));
    return oracle->server && oracle->ca && oracle->token ? 0 : -1;
}

static bool is_established(const struct hf_value *crd)
{
    const struct hf_value *conditions = hf_value_path(crd, "status", "conditions", NULL);
    for (size_t i = 0; i < hf_value_count(conditions); i++) {
        const char *type = hf_value_text(hf_value_get(hf_value_at(conditions, i), "type"));
        const char *status = hf_value_text(hf_value_get(hf_value_at(conditions, i), "status"));
        if (type && status && strcmp(type, "Established") == 0 && strcmp(status, "True") == 0) {
            return true;
        }
    }
    return false;
}

/* Makes a definition and waits until its kind is served. The table of types is of what the server has then. */
static int serve_crd(struct oracle *oracle, const struct hf_value *crd, struct hf_types **types)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf url = {0};
    hf_buf_addf(&url, "%s/apis/%s/customresourcedefinitions/%s?fieldManager=oracle&force=true", oracle->server,
                hf_value_text(hf_value_get(crd, "apiVersion")),
                hf_value_text(hf_value_path(crd, "metadata", "name", NULL)));
    long status = request(oracle, "PATCH", hf_buf_text(&url), "application/apply-patch+yaml", crd);
    if (status != 200 && status != 201) {
        fprintf(stderr, "oracle: a CustomResourceDefinition was refused: %.600s\n", hf_buf_text(&oracle->answer));
        return -1;
    }
    hf_buf_clear(&url);
    hf_buf_addf(&url, "%s/apis/apiextensions.k8s.io/v1/customresourcedefinitions/%s", oracle->server,
                hf_value_text(hf_value_path(crd, "metadata", "name", NULL)));
    for (int attempt = 0; attempt < 200; attempt++) {
        const struct hf_value *live = NULL;
        if (request(oracle, "GET", hf_buf_text(&url), NULL, NULL) == 200) {
            live = answered(oracle, oracle->kept);
        }
        if (live && is_established(live)) {
            return hf_types_from_crd(live, NULL, 0, types, &err);
        }
        (void)usleep(50000);
    }
    fprintf(stderr, "oracle: a CustomResourceDefinition is not served\n");
    return -1;
}

/* As the agent reads them: of custom resources what their definitions say, of the rest the OpenAPI document. */
static int read_types(struct oracle *oracle)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf url = {0};
    struct hf_types **parts = hf_arena_array(oracle->kept, oracle->crd_count + 1, sizeof *parts);
    size_t count = 0;
    int result = parts ? 0 : -1;
    for (; result == 0 && count < oracle->crd_count; count++) {
        result = serve_crd(oracle, oracle->crds[count].value, &parts[count]);
    }
    hf_buf_addf(&url, "%s/openapi/v2", oracle->server);
    if (result == 0 && request(oracle, "GET", hf_buf_text(&url), NULL, NULL) == 200 &&
        hf_types_from_openapi_v2(hf_buf_text(&oracle->answer), oracle->answer.len, &parts[count], &err) == 0) {
        count++;
        result = hf_types_join(parts, count, &oracle->types, &err);
    } else {
        fprintf(stderr, "oracle: types: %s\n", err.text);
        result = -1;
    }
    for (size_t i = 0; i < count; i++) {
        hf_types_free(parts[i]);
    }
    return result;
}

/* The definitions' resources are served a moment after they are established. */
static int wait_served(struct oracle *oracle)
{
    for (size_t i = 0; i < oracle->object_count; i++) {
        const struct resource *resource = NULL;
        for (int attempt = 0; !resource && attempt < 100; attempt++) {
            resource = oracle_resource(oracle, oracle->objects[i].value);
            if (!resource) {
                (void)usleep(50000);
            }
        }
        if (!resource) {
            fprintf(stderr, "oracle: %s is not served\n",
                    hf_value_text(hf_value_get(oracle->objects[i].value, "kind")));
            return -1;
        }
    }
    return 0;
}

int oracle_open(struct oracle *oracle)
{
    oracle->kept = hf_arena_new(0);
    oracle->curl = curl_easy_init();
    oracle->resources = hf_map_new();
    if (!oracle->kept || !oracle->curl || !oracle->resources || read_kubeconfig(oracle) != 0 ||
        read_documents(oracle, oracle->objects_path, &oracle->objects_text, &oracle->objects, &oracle->object_count) !=
            0 ||
        read_documents(oracle, oracle->crds_path, &oracle->crds_text, &oracle->crds, &oracle->crd_count) != 0) {
        return -1;
    }
    return read_types(oracle) == 0 && wait_served(oracle) == 0 ? oracle_fill_pool(oracle) : -1;
}

void oracle_close(struct oracle *oracle)
{
    curl_easy_cleanup(oracle->curl);
    hf_types_free(oracle->types);
    hf_map_free(oracle->resources, NULL);
    free(oracle->pool.at);
    hf_buf_free(&oracle->answer);
    hf_buf_free(&oracle->story);
    hf_buf_free(&oracle->objects_text);
    hf_buf_free(&oracle->crds_text);
    hf_arena_free(oracle->kept);
}

const struct hf_type *oracle_type(const struct oracle *oracle, const struct hf_value *object)
{
    const char *api_version = hf_value_text(hf_value_get(object, "apiVersion"));
    const char *kind = hf_value_text(hf_value_get(object, "kind"));
    const char *slash = api_version ? strchr(api_version, '/') : NULL;
    char group[200] = "";
    if (!api_version || !kind || (slash && (size_t)(slash - api_version) >= sizeof group)) {
        return NULL;
    }
    if (slash) {
        memcpy(group, api_version, (size_t)(slash - api_version));
    }
    return hf_types_find(oracle->types, group, slash ? slash + 1 : api_version, kind);
}

/* The resource of a kind among those of its group-version. */
static struct resource *discover(struct oracle *oracle, const char *api_version, const char *kind)
{
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    hf_auto_buf struct hf_buf url = {0};
    hf_buf_addf(&url, "%s/%s/%s", oracle->server, strchr(api_version, '/') ? "apis" : "api", api_version);
    if (!arena || request(oracle, "GET", hf_buf_text(&url), NULL, NULL) != 200) {
        return NULL;
    }
    const struct hf_value *resources = hf_value_get(answered(oracle, arena), "resources");
    struct resource *found = NULL;
    const char *plural = NULL;
    for (size_t i = 0; i < hf_value_count(resources); i++) {
        const struct hf_value *resource = hf_value_at(resources, i);
        const char *name = hf_value_text(hf_value_get(resource, "name"));
        const char *of = hf_value_text(hf_value_get(resource, "kind"));
        bool is_namespaced = hf_value_is_true(hf_value_get(resource, "namespaced"));
        if (!found && name && of && strcmp(of, kind) == 0 && !strchr(name, '/')) {
            plural = name;
            found = hf_arena_alloc(oracle->kept, sizeof *found);
            *found = (struct resource){.collection = hf_arena_printf(oracle->kept, "%s%s/%s", hf_buf_text(&url),
                                                                     is_namespaced ? "/namespaces/default" : "", name)};
        }
    }
    for (size_t i = 0; found && i < hf_value_count(resources); i++) {
        const char *name = hf_value_text(hf_value_get(hf_value_at(resources, i), "name"));
        size_t len = strlen(plural);
        found->has_status |= name && strncmp(name, plural, len) == 0 && strcmp(name + len, "/status") == 0;
    }
    return found;
}

const struct resource *oracle_resource(struct oracle *oracle, const struct hf_value *object)
{
    const char *api_version = hf_value_text(hf_value_get(object, "apiVersion"));
    const char *kind = hf_value_text(hf_value_get(object, "kind"));
    hf_auto_buf struct hf_buf key = {0};
    hf_buf_addf(&key, "%s %s", api_version, kind);
    struct hf_slice name = {hf_buf_text(&key), key.len};
    struct resource *resource = hf_map_get(oracle->resources, name);
    if (!resource) {
        resource = discover(oracle, api_version, kind);
        if (resource && hf_map_put(oracle->resources, name, resource, NULL) != 0) {
            return NULL;
        }
    }
    return resource;
}

const struct hf_value *oracle_get(struct oracle *oracle)
{
    return request(oracle, "GET", oracle->url, NULL, NULL) == 200 ? answered(oracle, oracle->arena) : NULL;
}

const struct hf_value *oracle_apply(struct oracle *oracle, const struct hf_value *object, const char *manager,
                                    bool dry_run, long *status)
{
    const char *url = hf_arena_printf(oracle->arena, "%s?fieldManager=%s&force=true%s", oracle->url, manager,
                                      dry_run ? "&dryRun=All" : "");
    *status = request(oracle, "PATCH", url, "application/apply-patch+yaml", object);
    return *status == 200 || *status == 201 ? answered(oracle, oracle->arena) : NULL;
}

bool oracle_post(struct oracle *oracle, const struct hf_value *object, const char *manager)
{
    const char *url = hf_arena_printf(oracle->arena, "%s?fieldManager=%s", oracle->resource->collection, manager);
    return request(oracle, "POST", url, NULL, object) == 201;
}

bool oracle_replace(struct oracle *oracle, const struct hf_value *object, const char *manager)
{
    const char *url = hf_arena_printf(oracle->arena, "%s?fieldManager=%s", oracle->url, manager);
    return request(oracle, "PUT", url, NULL, object) == 200;
}

/* What holds the object back is taken away first, and nobody waits for its end. */
void oracle_delete(struct oracle *oracle)
{
    const char *url = hf_arena_printf(oracle->arena, "%s?gracePeriodSeconds=0", oracle->url);
    long status = request(oracle, "DELETE", url, NULL, NULL);
    const struct hf_value *left = status == 200 || status == 202 ? answered(oracle, oracle->arena) : NULL;
    const char *kind = hf_value_text(hf_value_get(left, "kind"));
    if (kind && strcmp(kind, "Status") != 0 &&
        hf_value_count(hf_value_path(left, "metadata", "finalizers", NULL)) > 0) {
        static const char RELEASE[] = "{\"metadata\":{\"finalizers\":null}}";
        struct hf_error err = HF_ERROR_INIT;
        const struct hf_value *patch = NULL;
        if (hf_json_read(oracle->arena, RELEASE, sizeof RELEASE - 1, NULL, &patch, &err) == 0) {
            (void)request(oracle, "PATCH", oracle->url, "application/merge-patch+json", patch);
        }
    }
}

void oracle_refusal(struct oracle *oracle, long status, char *out, size_t size)
{
    const struct hf_value *answer = answered(oracle, oracle->arena);
    const char *reason = hf_value_text(hf_value_get(answer, "reason"));
    const char *message = hf_value_text(hf_value_get(answer, "message"));
    const struct hf_value *causes = hf_value_path(answer, "details", "causes", NULL);
    const char *cause = hf_value_text(hf_value_get(hf_value_at(causes, 0), "reason"));
    const char *more = cause ? cause : "";
    if (message && strstr(message, "immutable")) {
        more = "immutable";
    } else if (message && strstr(message, "duplicate")) {
        more = "two items of one key";
    } else if (message && strstr(message, "not declared in schema")) {
        more = "a field that the kind does not have";
    } else if (message && strstr(message, "may not be")) {
        more = "may not be changed";
    } else if (message && strstr(message, "failed to create typed patch object")) {
        more = "a value of another type";
    } else if (message && strstr(message, "failed to create typed live object")) {
        more = "live can't be merged";
    }
    (void)snprintf(out, size, "%ld %s%s%s", status, reason ? reason : "", more[0] ? ": " : "", more);
}
