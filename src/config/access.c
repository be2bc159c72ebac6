/* Who may read and act, in the configuration. */
#include "access.h"

#include <string.h>
#include <sys/stat.h>

#include "holdfast/clock.h"
#include "holdfast/embedded.h"
#include "holdfast/jsonschema.h"
#include "holdfast/yaml.h"

#define MOST_TOKENS_BYTES (1u << 20)
#define SESSION_MS (12 * INT64_C(3600000))
#define LEAST_SESSION_MS 60000
#define CONNECTIONS 256
#define REQUESTS 100
#define STREAMS 64
#define IDLE_MS 30000

static int no_memory(const char *path, struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
}

static int complain(const char *path, const struct hf_value *at, const char *what, struct hf_error *err)
{
    return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: %s", path, at->line, at->column, what);
}

static const char *copy(struct hf_arena *arena, const char *text)
{
    return text ? hf_arena_copy(arena, text, strlen(text)) : NULL;
}

static enum hf_role role_of(const char *text, enum hf_role otherwise)
{
    enum hf_role role;
    return text && hf_role_parse(text, &role) ? role : otherwise;
}

bool hf_role_parse(const char *text, enum hf_role *role)
{
    static const char *const NAMES[] = {"viewer", "operator", "auditor"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(text, NAMES[i]) == 0) {
            *role = (enum hf_role)i;
            return true;
        }
    }
    return false;
}

static int digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* Lowercase hex digits: the schema has seen to it. */
static void read_hash(const char *text, struct hf_digest *out)
{
    const char *hex = text + strlen("sha256:");
    for (size_t i = 0; i < HF_SHA256_SIZE; i++) {
        out->bytes[i] = (uint8_t)(digit(hex[2 * i]) * 16 + digit(hex[2 * i + 1]));
    }
}

static int read_tokens(struct hf_arena *arena, const char *path, const struct hf_value *list,
                       const struct hf_config_token **out, size_t *out_count, struct hf_error *err)
{
    size_t count = hf_value_count(list);
    struct hf_config_token *tokens = hf_arena_array(arena, count, sizeof *tokens);
    if (!tokens) {
        return no_memory(path, err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct hf_value *value = hf_value_at(list, i);
        const struct hf_value *expires = hf_value_get(value, "expires");
        tokens[i].name = copy(arena, hf_value_text(hf_value_get(value, "name")));
        tokens[i].role = role_of(hf_value_text(hf_value_get(value, "role")), HF_ROLE_VIEWER);
        tokens[i].expires_ms = HF_TIME_NONE;
        read_hash(hf_value_text(hf_value_get(value, "hash")), &tokens[i].hash);
        if (!tokens[i].name) {
            return no_memory(path, err);
        }
        if (expires && !hf_time_parse(hf_slice_of(hf_value_text(expires)), &tokens[i].expires_ms)) {
            return complain(path, expires, "found no time, expected one such as 2027-01-31T00:00:00Z", err);
        }
        for (size_t j = 0; j < i; j++) {
            if (hf_digest_equal(&tokens[i].hash, &tokens[j].hash)) {
                return complain(path, value, "found the hash of another token, expected one of its own", err);
            }
        }
    }
    *out = tokens;
    *out_count = count;
    return 0;
}

/* Whoever may write the list may act. */
static int check_owner(const char *path, struct hf_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & 022) != 0) {
        return hf_error_set(err, HF_EDENIED, "%s: found mode %03o, expected one that only its owner may write", path,
                            (unsigned)(info.st_mode & 0777));
    }
    return 0;
}

static int check_list(struct hf_arena *arena, const char *path, const struct hf_value *list, struct hf_error *err)
{
    const struct hf_embedded *file = hf_embedded_find("schema/config.json");
    const struct hf_value *whole;
    struct hf_value *schema = hf_value_new(arena, HF_OBJECT);
    if (!file || hf_json_read(arena, file->bytes, file->size, NULL, &whole, err) != 0) {
        return hf_error_set(err, HF_EINTERNAL, "schema/config.json can't be read");
    }
    struct hf_value *reference = hf_value_string(arena, hf_slice_of("#/$defs/tokens"));
    if (!schema || !reference || hf_value_set(arena, schema, hf_slice_of("$ref"), reference) != 0 ||
        hf_value_set(arena, schema, hf_slice_of("$defs"), hf_value_get(whole, "$defs")) != 0) {
        return no_memory(path, err);
    }
    return hf_jsonschema_check(schema, list, err) == 0 ? 0 : hf_error_wrap(err, "%s", path);
}

int hf_config_tokens(const char *path, struct hf_arena *arena, const struct hf_config_token **out, size_t *count,
                     struct hf_error *err)
{
    static const struct hf_yaml_limits LIMITS = {
        .bytes = MOST_TOKENS_BYTES, .depth = 10, .nodes = 20000, .documents = 2};
    hf_auto_buf struct hf_buf bytes = {0};
    struct hf_document *documents;
    size_t documents_count;
    if (hf_read_file(path, MOST_TOKENS_BYTES, &bytes, err) != 0 || check_owner(path, err) != 0) {
        return -1;
    }
    if (hf_yaml_read(arena, hf_buf_text(&bytes), bytes.len, &LIMITS, &documents, &documents_count, err) != 0) {
        return hf_error_wrap(err, "%s", path);
    }
    if (documents_count != 1) {
        return hf_error_set(err, HF_EINVAL, "%s: found %zu documents, expected one list of tokens", path,
                            documents_count);
    }
    if (check_list(arena, path, documents[0].value, err) != 0) {
        return -1;
    }
    return read_tokens(arena, path, documents[0].value, out, count, err);
}

static int read_texts(struct hf_config *config, const struct hf_value *list, const char *const **out, size_t *out_count,
                      struct hf_error *err)
{
    size_t count = hf_value_count(list);
    const char **texts = hf_arena_array(config->arena, count, sizeof *texts);
    for (size_t i = 0; texts && i < count; i++) {
        texts[i] = copy(config->arena, hf_value_text(hf_value_at(list, i)));
        if (!texts[i]) {
            return no_memory(config->path, err);
        }
    }
    *out = texts;
    *out_count = count;
    return texts ? 0 : no_memory(config->path, err);
}

static unsigned number_of(const struct hf_value *parent, const char *key, unsigned otherwise)
{
    int64_t number = otherwise;
    (void)hf_value_int(hf_value_get(parent, key), &number);
    return (unsigned)number;
}

static int64_t duration_of(const struct hf_value *parent, const char *key, int64_t otherwise)
{
    const char *text = hf_value_text(hf_value_get(parent, key));
    int64_t ms;
    return text && hf_duration_parse(hf_slice_of(text), &ms) ? ms : otherwise;
}

static void read_limits(struct hf_config_access *access, const struct hf_value *limits)
{
    access->connections = number_of(limits, "connections", CONNECTIONS);
    access->connections_per_address = number_of(limits, "connections_per_address", 0);
    access->requests_per_second = number_of(limits, "requests_per_second", REQUESTS);
    access->streams = number_of(limits, "streams", STREAMS);
    access->idle_ms = duration_of(limits, "idle", IDLE_MS);
}

static int read_proxy(struct hf_config *config, const struct hf_value *proxy, struct hf_error *err)
{
    struct hf_config_access *access = &config->access;
    const char *user = hf_value_text(hf_value_get(proxy, "user_header"));
    access->proxy_user_header = copy(config->arena, user ? user : "X-Forwarded-User");
    access->proxy_role_header = copy(config->arena, hf_value_text(hf_value_get(proxy, "role_header")));
    access->proxy_role = role_of(hf_value_text(hf_value_get(proxy, "role")), HF_ROLE_VIEWER);
    if (!access->proxy_user_header) {
        return no_memory(config->path, err);
    }
    return read_texts(config, hf_value_get(proxy, "addresses"), &access->proxy_addresses, &access->proxy_count, err);
}

static int read_kubernetes(struct hf_config *config, const struct hf_value *value, const struct hf_value *targets,
                           struct hf_error *err)
{
    struct hf_config_access *access = &config->access;
    const struct hf_value *target = hf_value_get(value, "target");
    access->kubernetes_target = copy(config->arena, hf_value_text(target));
    if (!access->kubernetes_target) {
        return no_memory(config->path, err);
    }
    for (size_t i = 0; i < hf_value_count(targets); i++) {
        if (hf_value_equal(hf_value_get(hf_value_at(targets, i), "name"), target)) {
            return read_texts(config, hf_value_get(value, "audiences"), &access->audiences, &access->audience_count,
                              err);
        }
    }
    return complain(config->path, target, "found a target that is not in targets", err);
}

static int check_whole(const struct hf_config *config, const struct hf_value *value, struct hf_error *err)
{
    const struct hf_config_access *access = &config->access;
    if (access->session_ms < LEAST_SESSION_MS) {
        return complain(config->path, hf_value_get(value, "session"), "found session below 1m, expected 1m or more",
                        err);
    }
    if (access->idle_ms < 1000 || access->idle_ms > 3600000) {
        return complain(config->path, value, "found limits.idle, expected 1s to 1h", err);
    }
    if (access->token_count == 0 && !access->tokens_file && access->proxy_count == 0 && !access->kubernetes_target &&
        !access->anonymous_read) {
        return complain(config->path, value,
                        "found nobody who may read, expected tokens, tokens_file, proxy, kubernetes or anonymous: read",
                        err);
    }
    return 0;
}

int hf_config_read_access(struct hf_config *config, const struct hf_value *document, struct hf_error *err)
{
    const struct hf_value *value = hf_value_get(document, "access");
    const struct hf_value *tls = hf_value_get(value, "tls");
    const struct hf_value *proxy = hf_value_get(value, "proxy");
    const struct hf_value *kubernetes = hf_value_get(value, "kubernetes");
    const char *anonymous = hf_value_text(hf_value_get(value, "anonymous"));
    struct hf_config_access *access = &config->access;
    if (!value) {
        read_limits(access, NULL);
        access->requests_per_second = 0;
        return 0;
    }
    access->is_set = true;
    access->tokens_file = hf_config_resolve(config, hf_value_text(hf_value_get(value, "tokens_file")));
    access->session_ms = duration_of(value, "session", SESSION_MS);
    access->anonymous_read = anonymous && strcmp(anonymous, "read") == 0;
    access->plain_http = hf_value_is_true(hf_value_get(value, "plain_http"));
    access->cert_file = hf_config_resolve(config, hf_value_text(hf_value_get(tls, "cert_file")));
    access->key_file = hf_config_resolve(config, hf_value_text(hf_value_get(tls, "key_file")));
    read_limits(access, hf_value_get(value, "limits"));
    if ((tls && (!access->cert_file || !access->key_file)) ||
        (hf_value_get(value, "tokens_file") && !access->tokens_file)) {
        return no_memory(config->path, err);
    }
    if (read_texts(config, hf_value_get(value, "hosts"), &access->hosts, &access->host_count, err) != 0 ||
        read_tokens(config->arena, config->path, hf_value_get(value, "tokens"), &access->tokens, &access->token_count,
                    err) != 0 ||
        (proxy && read_proxy(config, proxy, err) != 0) ||
        (kubernetes && read_kubernetes(config, kubernetes, hf_value_get(document, "targets"), err) != 0)) {
        return -1;
    }
    return check_whole(config, value, err);
}
