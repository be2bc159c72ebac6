/* Reads what is served: "/api" and "/apis" at once, and where they don't give all in one, each group-version. */
#include <string.h>

#include "client.h"

#define PARALLEL 8
#define MOST_VERSIONS 2000u
#define MOST_DOCUMENT ((size_t)16 << 20)
#define ACCEPT_AGGREGATED                                                                                              \
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"                                            \
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"

/* A document to ask for: one of the two roots (group NULL), or a group-version. */
struct part {
    struct hf_discovery *discovery;
    struct part *next;
    const char *path;
    const char *group;
    const char *version;
    struct hf_call *call;
};

struct hf_discovery {
    struct hf_cluster *cluster;
    struct hf_arena *arena;
    struct part *all; /* all that were made */
    struct part *waiting;
    struct part **last_waiting;
    size_t made;
    unsigned active;
    hf_cluster_done_fn done;
    void *ctx;
};

void hf_discovery_free(struct hf_discovery *discovery)
{
    if (!discovery) {
        return;
    }
    if (discovery->cluster->discovery == discovery) {
        discovery->cluster->discovery = NULL;
    }
    for (size_t i = 0; i < discovery->made; i++) {
        hf_call_cancel(discovery->all[i].call);
    }
    free(discovery->all);
    hf_arena_free(discovery->arena);
    free(discovery);
}

static void end(struct hf_discovery *discovery, const struct hf_error *err)
{
    struct hf_error why = *err;
    hf_cluster_done_fn done = discovery->done;
    void *ctx = discovery->ctx;
    if (why.code != HF_OK) {
        (void)hf_error_wrap(&why, "read what %s serves", discovery->cluster->server);
    }
    hf_discovery_free(discovery);
    done(ctx, &why);
}

static struct part *add_part(struct hf_discovery *discovery, const char *path, const char *group, const char *version,
                             struct hf_error *err)
{
    if (discovery->made >= MOST_VERSIONS) {
        (void)hf_error_set(err, HF_ELIMIT, "found more than %u group-versions", MOST_VERSIONS);
        return NULL;
    }
    struct part *part = &discovery->all[discovery->made];
    *part = (struct part){.discovery = discovery, .path = hf_arena_copy(discovery->arena, path, strlen(path))};
    if (group) {
        part->group = hf_arena_copy(discovery->arena, group, strlen(group));
        part->version = hf_arena_copy(discovery->arena, version, strlen(version));
    }
    if (!part->path || (group && (!part->group || !part->version))) {
        (void)hf_error_set(err, HF_ENOMEM, "out of memory for discovery");
        return NULL;
    }
    discovery->made++;
    *discovery->last_waiting = part;
    discovery->last_waiting = &part->next;
    return part;
}

static void on_answer(void *ctx, const struct hf_http_response *response, const struct hf_error *err);

static int ask_more(struct hf_discovery *discovery, struct hf_error *err)
{
    while (discovery->waiting && discovery->active < PARALLEL) {
        struct part *part = discovery->waiting;
        discovery->waiting = part->next;
        if (!discovery->waiting) {
            discovery->last_waiting = &discovery->waiting;
        }
        struct hf_ask ask = {.method = "GET",
                             .path = part->path,
                             .accept = part->group ? "application/json" : ACCEPT_AGGREGATED,
                             .timeout_ms = discovery->cluster->options.request_timeout_ms,
                             .max_body = MOST_DOCUMENT};
        struct hf_call_events events = {.ctx = part, .done = on_answer};
        if (hf_call_start(discovery->cluster, &ask, &events, &part->call, err) != 0) {
            return -1;
        }
        discovery->active++;
    }
    return 0;
}

/* A group-version that can't be read: passed over, with what was known of it kept. */
static void pass_over(struct hf_discovery *discovery, const char *group, const char *version,
                      const struct hf_error *why)
{
    hf_auto_buf struct hf_buf name = {0};
    hf_buf_addf(&name, "%s%s%s", group, group[0] ? "/" : "", version);
    hf_mapping_keep(discovery->cluster->mapping, group, version);
    hf_log_error(discovery->cluster->log, HF_WARN, "an API group can't be read and is passed over", why, "target",
                 discovery->cluster->name, "group", hf_buf_text(&name), NULL);
}

static int on_found(void *ctx, const struct hf_resource *found, struct hf_error *err)
{
    struct hf_discovery *discovery = ctx;
    return hf_mapping_put(discovery->cluster->mapping, found, err);
}

static int on_aggregated_version(void *ctx, const char *group, const char *version, bool broken, struct hf_error *err)
{
    (void)err;
    if (broken) {
        struct hf_error why = HF_ERROR_INIT;
        (void)hf_error_set(&why, HF_EUNAVAILABLE, "the API server itself can't read it");
        pass_over(ctx, group, version, &why);
    }
    return 0;
}

static int on_version(void *ctx, const char *group, const char *version, bool broken, struct hf_error *err)
{
    hf_auto_buf struct hf_buf path = {0};
    struct hf_error why = HF_ERROR_INIT;
    (void)broken;
    if (hf_path_group_version(&path, group, version, &why) != 0) {
        pass_over(ctx, group, version, &why);
        return 0;
    }
    return add_part(ctx, hf_buf_text(&path), group, version, err) ? 0 : -1;
}

static int read_part(struct part *part, const struct hf_http_response *response, struct hf_error *err)
{
    struct hf_discovery *discovery = part->discovery;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    const struct hf_value *document;
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for discovery");
    }
    if (hf_json_read(arena, response->body, response->body_len, NULL, &document, err) != 0) {
        return hf_error_wrap(err, "read %s", part->path);
    }
    const char *kind = hf_value_text(hf_value_get(document, "kind"));
    if (part->group && kind && strcmp(kind, "APIResourceList") == 0) {
        return hf_read_resources(document, part->group, part->version, on_found, discovery, err);
    }
    if (!part->group && kind && strcmp(kind, "APIGroupDiscoveryList") == 0) {
        return hf_read_aggregated(document, on_found, on_aggregated_version, discovery, err);
    }
    if (!part->group && kind && (strcmp(kind, "APIVersions") == 0 || strcmp(kind, "APIGroupList") == 0)) {
        return hf_read_versions(document, on_version, discovery, err);
    }
    hf_auto_buf struct hf_buf safe = {0};
    hf_buf_add_safe(&safe, hf_slice_of(kind ? kind : ""), 100);
    return hf_error_set(err, HF_EPARSE, "read %s: found kind \"%s\", expected a discovery document", part->path,
                        hf_buf_text(&safe));
}

/* Out of memory and our own limits end the whole; else only a root does. */
static bool is_fatal(const struct part *part, const struct hf_error *err)
{
    return !part->group || err->code == HF_ENOMEM;
}

static void on_answer(void *ctx, const struct hf_http_response *response, const struct hf_error *state)
{
    struct part *part = ctx;
    struct hf_discovery *discovery = part->discovery;
    struct hf_error err = *state;
    part->call = NULL;
    discovery->active--;
    if (err.code == HF_OK) {
        (void)read_part(part, response, &err);
    }
    if (err.code != HF_OK && !is_fatal(part, &err)) {
        pass_over(discovery, part->group, part->version, &err);
        hf_error_clear(&err);
    }
    if (err.code == HF_OK && ask_more(discovery, &err) == 0) {
        if (discovery->active > 0) {
            return;
        }
        (void)hf_mapping_end(discovery->cluster->mapping, &err);
    }
    end(discovery, &err);
}

int hf_cluster_discover(struct hf_cluster *cluster, hf_cluster_done_fn done, void *ctx, struct hf_error *err)
{
    if (cluster->discovery) {
        return hf_error_set(err, HF_EBUSY, "what %s serves is being read already", cluster->server);
    }
    struct hf_discovery *discovery = hf_calloc(1, sizeof *discovery);
    if (!discovery) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for discovery");
    }
    *discovery = (struct hf_discovery){.cluster = cluster, .done = done, .ctx = ctx};
    discovery->arena = hf_arena_new(0);
    discovery->all = hf_calloc(MOST_VERSIONS, sizeof *discovery->all);
    discovery->last_waiting = &discovery->waiting;
    if (!discovery->arena || !discovery->all) {
        hf_discovery_free(discovery);
        return hf_error_set(err, HF_ENOMEM, "out of memory for discovery");
    }
    hf_mapping_begin(cluster->mapping);
    if (!add_part(discovery, "/api", NULL, NULL, err) || !add_part(discovery, "/apis", NULL, NULL, err) ||
        ask_more(discovery, err) != 0) {
        hf_discovery_free(discovery);
        return -1;
    }
    cluster->discovery = discovery;
    return 0;
}
