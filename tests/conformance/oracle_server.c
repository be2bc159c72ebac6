/* The server's side of the oracle test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

static size_t take_body(char *bytes, size_t size, size_t count, void *ctx)
{
    hf_buf_add(ctx, bytes, size * count);
    return size * count;
}

/* The answer is in oracle->answer. 0: no answer. */
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
    hf_buf_clear(&oracle->answer);
    curl_easy_reset(oracle->curl);
    curl_easy_setopt(oracle->curl, CURLOPT_URL, url);
    curl_easy_setopt(oracle->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(oracle->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(oracle->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(oracle->curl, CURLOPT_CAINFO, oracle->ca);
    curl_easy_setopt(oracle->curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(oracle->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(oracle->curl, CURLOPT_WRITEDATA, &oracle->answer);
    if (body) {
        hf_json_write(&text, body);
        curl_easy_setopt(oracle->curl, CURLOPT_POSTFIELDS, hf_buf_text(&text));
        curl_easy_setopt(oracle->curl, CURLOPT_POSTFIELDSIZE, (long)text.len);
    }
    long status = 0;
    CURLcode code = curl_easy_perform(oracle->curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(oracle->curl, CURLINFO_RESPONSE_CODE, &status);
    } else {
        fprintf(stderr, "oracle: %s %s: %s\n", method, url, curl_easy_strerror(code));
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

static int read_kubeconfig(struct oracle *oracle)
{
    hf_auto_buf struct hf_buf text = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_document *documents;
    size_t count;
    if (hf_read_file(oracle->kubeconfig_path, 1 << 20, &text, &err) != 0 ||
        hf_yaml_read(oracle->kept, hf_buf_text(&text), text.len, NULL, &documents, &count, &err) != 0 || count != 1) {
        fprintf(stderr, "oracle: %s\n", err.text);
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

int oracle_open(struct oracle *oracle)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf url = {0};
    oracle->kept = hf_arena_new(0);
    oracle->curl = curl_easy_init();
    if (!oracle->kept || !oracle->curl || read_kubeconfig(oracle) != 0) {
        return -1;
    }
    hf_buf_addf(&url, "%s/openapi/v2", oracle->server);
    if (request(oracle, "GET", hf_buf_text(&url), NULL, NULL) != 200 ||
        hf_types_from_openapi_v2(hf_buf_text(&oracle->answer), oracle->answer.len, &oracle->types, &err) != 0 ||
        hf_read_file(oracle->objects_path, 1 << 20, &oracle->objects_text, &err) != 0 ||
        hf_yaml_read(oracle->kept, hf_buf_text(&oracle->objects_text), oracle->objects_text.len, NULL, &oracle->objects,
                     &oracle->object_count, &err) != 0) {
        fprintf(stderr, "oracle: %s\n", err.text);
        return -1;
    }
    return 0;
}

void oracle_close(struct oracle *oracle)
{
    curl_easy_cleanup(oracle->curl);
    hf_types_free(oracle->types);
    hf_buf_free(&oracle->answer);
    hf_buf_free(&oracle->story);
    hf_buf_free(&oracle->objects_text);
    hf_arena_free(oracle->kept);
}

uint64_t oracle_next(struct oracle *oracle)
{
    uint64_t z = (oracle->random += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

size_t oracle_below(struct oracle *oracle, size_t limit)
{
    return limit ? (size_t)(oracle_next(oracle) % limit) : 0;
}

/* The collection's URL, by discovery. */
static char *collection_of(struct oracle *oracle, const char *api_version, const char *kind, bool *namespaced)
{
    hf_auto_buf struct hf_buf url = {0};
    hf_buf_addf(&url, "%s/%s/%s", oracle->server, strchr(api_version, '/') ? "apis" : "api", api_version);
    if (request(oracle, "GET", hf_buf_text(&url), NULL, NULL) != 200) {
        return NULL;
    }
    const struct hf_value *resources = hf_value_get(answered(oracle, oracle->arena), "resources");
    for (size_t i = 0; i < hf_value_count(resources); i++) {
        const struct hf_value *resource = hf_value_at(resources, i);
        const char *name = hf_value_text(hf_value_get(resource, "name"));
        const char *of = hf_value_text(hf_value_get(resource, "kind"));
        if (name && of && strcmp(of, kind) == 0 && !strchr(name, '/')) {
            *namespaced = hf_value_is_true(hf_value_get(resource, "namespaced"));
            return hf_arena_printf(oracle->arena, "%s%s/%s", hf_buf_text(&url),
                                   *namespaced ? "/namespaces/default" : "", name);
        }
    }
    return NULL;
}

static void put_text(struct oracle *oracle, struct hf_value *object, const char *key, const char *text)
{
    hf_value_set(oracle->arena, object, hf_slice_of(key), hf_value_string(oracle->arena, hf_slice_of(text)));
}

static const struct hf_value *pick(struct oracle *oracle)
{
    for (;;) {
        const struct hf_value *object = oracle->objects[oracle_below(oracle, oracle->object_count)].value;
        const char *kind = hf_value_text(hf_value_get(object, "kind"));
        if (!oracle->only_kind || strcmp(kind, oracle->only_kind) == 0) {
            return object;
        }
    }
}

void oracle_begin(struct oracle *oracle, uint64_t seed)
{
    bool namespaced = false;
    oracle->random = seed;
    oracle->arena = hf_arena_new(0);
    hf_buf_clear(&oracle->story);
    oracle->desired = hf_value_copy(oracle->arena, pick(oracle));
    struct hf_value *metadata = (struct hf_value *)(uintptr_t)hf_value_get(oracle->desired, "metadata");
    const char *base = hf_value_text(hf_value_get(metadata, "name"));
    char *name = hf_arena_printf(oracle->arena, "o%llu-%s", (unsigned long long)seed, base);
    put_text(oracle, metadata, "name", name);
    oracle->collection = collection_of(oracle, hf_value_text(hf_value_get(oracle->desired, "apiVersion")),
                                       hf_value_text(hf_value_get(oracle->desired, "kind")), &namespaced);
    oracle->url = hf_arena_printf(oracle->arena, "%s/%s", oracle->collection ? oracle->collection : "", name);
    if (oracle->collection) {
        (void)request(oracle, "DELETE", oracle->url, NULL, NULL);
    }
}

void oracle_end(struct oracle *oracle)
{
    (void)request(oracle, "DELETE", oracle->url, NULL, NULL);
    hf_arena_free(oracle->arena);
    oracle->arena = NULL;
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

bool oracle_replace(struct oracle *oracle, const struct hf_value *object, const char *manager)
{
    const char *url = hf_arena_printf(oracle->arena, "%s?fieldManager=%s", oracle->url, manager);
    return request(oracle, "PUT", url, NULL, object) == 200;
}

bool oracle_create(struct oracle *oracle)
{
    long status;
    if (!oracle->collection) {
        return false;
    }
    if (oracle_below(oracle, 10) == 0) {
        const char *url = hf_arena_printf(oracle->arena, "%s?fieldManager=kubectl-create", oracle->collection);
        hf_buf_adds(&oracle->story, "created by another; ");
        return request(oracle, "POST", url, NULL, oracle->desired) == 201;
    }
    return oracle_apply(oracle, oracle->desired, ORACLE_MANAGER, false, &status) != NULL;
}
