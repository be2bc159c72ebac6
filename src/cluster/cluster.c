/* What belongs to one API server. */
#include <string.h>

#include "client.h"

#define MIB ((size_t)1 << 20)

void hf_api_version_split(const char *api_version, struct hf_slice *group, struct hf_slice *version)
{
    const char *slash = strchr(api_version, '/');
    *group = (struct hf_slice){api_version, slash ? (size_t)(slash - api_version) : 0};
    *version = hf_slice_of(slash ? slash + 1 : api_version);
}

static void fill(struct hf_cluster_options *to, const struct hf_cluster_options *from)
{
    if (from) {
        *to = *from;
    }
    to->request_timeout_ms = to->request_timeout_ms ? to->request_timeout_ms : 15000;
    to->silence_ms = to->silence_ms ? to->silence_ms : 20000;
    to->backoff_first_ms = to->backoff_first_ms ? to->backoff_first_ms : 200;
    to->backoff_max_ms = to->backoff_max_ms ? to->backoff_max_ms : 10000;
    to->denied_retry_ms = to->denied_retry_ms ? to->denied_retry_ms : 30000;
    to->max_object = to->max_object ? to->max_object : 8 * MIB;
    to->page = to->page ? to->page : 250;
}

/* The access's server without what a URL must not show and a path must not follow. */
static char *server_of(const char *url)
{
    size_t len = strcspn(url, "?#");
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t authority = strcspn(host, "/?#");
    const char *user_end = NULL;
    for (size_t i = 0; i < authority; i++) {
        user_end = host[i] == '@' ? host + i + 1 : user_end;
    }
    hf_auto_buf struct hf_buf server = {0};
    if (!user_end || user_end > url + len) {
        hf_buf_add(&server, url, len);
    } else {
        hf_buf_add(&server, url, (size_t)(host - url));
        hf_buf_add(&server, user_end, (size_t)(url + len - user_end));
    }
    return hf_buf_take(&server);
}

int hf_cluster_new(struct hf_loop *loop, struct hf_http *http, struct hf_log *log, const struct hf_access *access,
                   const struct hf_cluster_options *options, struct hf_cluster **out, struct hf_error *err)
{
    if (!access->server || (!hf_slice_starts(hf_slice_of(access->server), "https://") &&
                            !hf_slice_starts(hf_slice_of(access->server), "http://"))) {
        return hf_error_set(err, HF_EINVAL, "found no http or https URL of an API server, expected one");
    }
    struct hf_cluster *cluster = hf_calloc(1, sizeof *cluster);
    if (!cluster) {
        return hf_error_set(err, HF_ENOMEM, "out of memory for a cluster");
    }
    cluster->loop = loop;
    cluster->http = http;
    cluster->log = log;
    fill(&cluster->options, options);
    cluster->server = server_of(access->server);
    cluster->name = hf_strdup(cluster->options.name ? cluster->options.name : "");
    cluster->options.name = cluster->name;
    cluster->mapping = hf_mapping_new();
    int status = 0;
    if (!cluster->server || !cluster->name || !cluster->mapping) {
        status = hf_error_set(err, HF_ENOMEM, "out of memory for a cluster");
    } else {
        status = hf_credential_new(loop, access, log, &cluster->credential, err);
    }
    if (status != 0) {
        hf_cluster_free(cluster);
        return -1;
    }
    *out = cluster;
    return 0;
}

void hf_cluster_free(struct hf_cluster *cluster)
{
    if (!cluster) {
        return;
    }
    while (cluster->follows) {
        hf_follow_free(cluster->follows);
    }
    while (cluster->lists) {
        hf_list_job_free(cluster->lists);
    }
    hf_discovery_free(cluster->discovery);
    while (cluster->calls) {
        hf_call_cancel(cluster->calls);
    }
    hf_credential_free(cluster->credential);
    hf_mapping_free(cluster->mapping);
    free(cluster->server);
    free(cluster->name);
    free(cluster);
}

const char *hf_cluster_server(const struct hf_cluster *cluster)
{
    return cluster->server;
}

const struct hf_resource *hf_cluster_resource(const struct hf_cluster *cluster, const char *api_version,
                                              const char *kind)
{
    struct hf_slice group;
    struct hf_slice version;
    hf_api_version_split(api_version, &group, &version);
    return hf_mapping_find(cluster->mapping, group, version, kind);
}

const struct hf_resource *const *hf_cluster_resources(const struct hf_cluster *cluster, size_t *count)
{
    return hf_mapping_all(cluster->mapping, count);
}

void hf_cluster_stats(const struct hf_cluster *cluster, struct hf_cluster_stats *out)
{
    *out = cluster->stats;
}
