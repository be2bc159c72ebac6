#include "holdfast/config.h"

#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "holdfast/canonical.h"
#include "holdfast/clock.h"
#include "holdfast/embedded.h"
#include "holdfast/jsonschema.h"
#include "holdfast/mem.h"
#include "holdfast/yaml.h"

#define MOST_BYTES (1u << 20)
#define MOST_SECRET (64u << 10)
#define DEFAULT_CHECKPOINT_MS 3600000
#define LEAST_CHECKPOINT_MS 1000
#define DEFAULT_FIGHT_TIMES 10
#define DEFAULT_FIGHT_WITHIN_MS 600000

bool hf_config_is_one(const struct hf_value *document)
{
    return hf_value_get(document, "targets") && !hf_value_get(document, "apiVersion");
}

/* The path as seen from the config's folder; NULL when memory is short. */
const char *hf_config_resolve(struct hf_config *config, const char *text)
{
    if (!text || text[0] == '/') {
        return text ? hf_arena_copy(config->arena, text, strlen(text)) : NULL;
    }
    const char *slash = strrchr(config->path, '/');
    int folder = slash ? (int)(slash - config->path) + 1 : 0;
    return hf_arena_printf(config->arena, "%.*s%s", folder, config->path, text);
}

static const char *text_of(struct hf_config *config, const struct hf_value *parent, const char *key,
                           const char *otherwise)
{
    const char *text = hf_value_text(hf_value_get(parent, key));
    if (!text) {
        text = otherwise;
    }
    return text ? hf_arena_copy(config->arena, text, strlen(text)) : NULL;
}

static int64_t duration_of(const struct hf_value *parent, const char *key, int64_t otherwise)
{
    const struct hf_value *value = hf_value_get(parent, key);
    int64_t ms;
    return value && value->kind == HF_STRING && hf_duration_parse(value->as.text, &ms) ? ms : otherwise;
}

static int complain(const struct hf_config *config, const struct hf_value *at, struct hf_error *err, const char *what)
{
    return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: %s", config->path, at->line, at->column, what);
}

static int read_target(struct hf_config *config, const struct hf_value *value, struct hf_config_target *target,
                       struct hf_hasher *hasher, struct hf_error *err)
{
    const struct hf_value *source = hf_value_get(value, "source");
    const struct hf_value *limits = hf_value_get(value, "limits");
    const struct hf_value *fight = hf_value_get(limits, "fight");
    int64_t parallel = 8;
    int64_t times = DEFAULT_FIGHT_TIMES;
    (void)hf_value_int(hf_value_get(limits, "parallel"), &parallel);
    (void)hf_value_int(hf_value_get(fight, "times"), &times);
    *target = (struct hf_config_target){
        .name = text_of(config, value, "name", NULL),
        .kubeconfig = hf_config_resolve(config, hf_value_text(hf_value_get(value, "kubeconfig"))),
        .context = text_of(config, value, "context", NULL),
        .in_cluster = hf_value_is_true(hf_value_get(value, "in_cluster")),
        .manager = text_of(config, value, "field_manager", "confighub"),
        .folder = hf_config_resolve(config, hf_value_text(hf_value_get(source, "folder"))),
        .space = text_of(config, source, "space", NULL),
        .parallel = (unsigned)parallel,
        .fight_times = (unsigned)times,
        .fight_within_ms = duration_of(fight, "within", DEFAULT_FIGHT_WITHIN_MS),
        .line = value->line,
    };
    const char *correction = hf_value_text(hf_value_get(value, "correction"));
    target->correct = correction && strcmp(correction, "auto") == 0;
    target->audit_token.file =
        hf_config_resolve(config, hf_value_text(hf_value_path(value, "audit_webhook", "token_file", NULL)));
    if (hf_config_read_selection(config, value, target, err) != 0) {
        return -1;
    }
    if (!target->folder == !target->hub) {
        return complain(config, source, err,
                        target->hub ? "found both folder and confighub, expected one of them"
                                    : "found neither folder nor confighub, expected one of them");
    }
    if (!target->name || !target->manager) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", config->path);
    }
    if (target->in_cluster && (target->kubeconfig || target->context)) {
        return complain(config, value, err, "found in_cluster beside kubeconfig or context, expected one of them");
    }
    return hf_canonical_digest(hasher, value, &target->digest, err);
}

static int read_secret_ref(struct hf_config *config, const struct hf_value *webhook, const char *file,
                           const char *environment, bool required, struct hf_secret_ref *out, struct hf_error *err)
{
    out->file = hf_config_resolve(config, hf_value_text(hf_value_get(webhook, file)));
    out->environment = text_of(config, webhook, environment, NULL);
    if (out->file && out->environment) {
        return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: found both %s and %s, expected one of them",
                            config->path, webhook->line, webhook->column, file, environment);
    }
    if (required && !out->file && !out->environment) {
        return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: found neither %s nor %s, expected one of them",
                            config->path, webhook->line, webhook->column, file, environment);
    }
    return 0;
}

static int read_channel(struct hf_config *config, const struct hf_value *value, struct hf_config_channel *channel,
                        struct hf_error *err)
{
    const struct hf_value *webhook = hf_value_get(value, "webhook");
    bool has_address;
    channel->name = text_of(config, value, "name", NULL);
    channel->type = text_of(config, value, "type", "webhook");
    channel->conversation = text_of(config, webhook, "conversation", NULL);
    channel->timeout_ms = duration_of(webhook, "timeout", 0);
    channel->give_up_ms = duration_of(webhook, "give_up", 0);
    channel->retry_within_ms = duration_of(webhook, "retry_within", 0);
    channel->settings = value;
    if (!channel->name || !channel->type) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", config->path);
    }
    bool is_bot = strcmp(channel->type, "slack-bot") == 0;
    bool needs_token = is_bot || strcmp(channel->type, "pagerduty") == 0;
    has_address = needs_token; /* a service with one address for everybody */
    if (read_secret_ref(config, webhook, "url_file", "url_env", !has_address, &channel->url, err) != 0 ||
        read_secret_ref(config, webhook, "token_file", "token_env", needs_token, &channel->token, err) != 0) {
        return -1;
    }
    if (is_bot != (channel->conversation != NULL)) {
        return complain(config, webhook, err,
                        is_bot ? "found no conversation, expected the id of the one that the bot posts to"
                               : "found conversation, which only a slack-bot has");
    }
    return read_secret_ref(config, webhook, "secret_file", "secret_env", false, &channel->secret, err);
}

/* Names that the rest of the program looks things up by must not stand twice. */
static int refuse_twice(const struct hf_config *config, const struct hf_value *list, struct hf_error *err)
{
    for (size_t i = 0; i < hf_value_count(list); i++) {
        for (size_t j = 0; j < i; j++) {
            const struct hf_value *name = hf_value_get(hf_value_at(list, i), "name");
            const struct hf_value *other = hf_value_get(hf_value_at(list, j), "name");
            if (hf_value_equal(name, other)) {
                return hf_error_set(err, HF_EINVAL,
                                    "%s: line %u, column %u: found the name \"%s\" a second time (first on line %u)",
                                    config->path, name->line, name->column, hf_value_text(name), other->line);
            }
        }
    }
    return 0;
}

static int read_lists(struct hf_config *config, const struct hf_value *document, struct hf_hasher *hasher,
                      struct hf_error *err)
{
    const struct hf_value *targets = hf_value_get(document, "targets");
    const struct hf_value *channels = hf_value_path(document, "alerts", "channels", NULL);
    if (refuse_twice(config, targets, err) != 0 || refuse_twice(config, channels, err) != 0) {
        return -1;
    }
    config->dashboard_url = text_of(config, hf_value_get(document, "alerts"), "dashboard_url", NULL);
    config->target_count = hf_value_count(targets);
    config->channel_count = hf_value_count(channels);
    struct hf_config_target *target = hf_arena_array(config->arena, config->target_count, sizeof *target);
    struct hf_config_channel *channel = hf_arena_array(config->arena, config->channel_count, sizeof *channel);
    if (!target || !channel) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", config->path);
    }
    config->targets = target;
    bool has_hub = hf_value_get(document, "confighub") != NULL;
    for (size_t i = 0; i < config->target_count; i++) {
        has_hub |= hf_value_path(hf_value_at(targets, i), "source", "confighub", NULL) != NULL;
    }
    if (has_hub && hf_config_read_hub(config, document, err) != 0) {
        return -1;
    }
    config->channels = channel;
    for (size_t i = 0; i < config->target_count; i++) {
        if (read_target(config, hf_value_at(targets, i), &target[i], hasher, err) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < config->channel_count; i++) {
        if (read_channel(config, hf_value_at(channels, i), &channel[i], err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int read_rule_paths(struct hf_config *config, const struct hf_value *list, struct hf_error *err)
{
    const char **paths = hf_arena_array(config->arena, hf_value_count(list), sizeof *paths);
    if (!paths) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", config->path);
    }
    for (size_t i = 0; i < hf_value_count(list); i++) {
        const char *text = hf_value_text(hf_value_at(list, i));
        bool built_in = text && strncmp(text, "builtin:", 8) == 0;
        paths[i] = built_in ? hf_arena_copy(config->arena, text, strlen(text)) : hf_config_resolve(config, text);
        if (!paths[i]) {
            return hf_error_set(err, HF_ENOMEM, "%s: out of memory", config->path);
        }
    }
    config->rules = paths;
    config->rule_count = hf_value_count(list);
    return 0;
}

/* A key that is short of memory must not become none. */
static int read_trail(struct hf_config *config, const struct hf_value *trail, struct hf_error *err)
{
    const struct hf_value *checkpoint = hf_value_get(trail, "checkpoint");
    const char *key = hf_value_text(hf_value_path(trail, "hmac_key", "file", NULL));
    const char *file = hf_value_text(hf_value_get(checkpoint, "file"));
    struct hf_config_trail *out = &config->trail;
    out->hmac_key.file = hf_config_resolve(config, key);
    out->checkpoint_file = hf_config_resolve(config, file);
    const struct hf_value *retain = hf_value_get(trail, "retain");
    const char *folder = hf_value_text(hf_value_get(retain, "export"));
    out->retain_folder = hf_config_resolve(config, folder);
    out->retain_ms = duration_of(retain, "for", 0);
    if ((key && !out->hmac_key.file) || (file && !out->checkpoint_file) || (folder && !out->retain_folder)) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", config->path);
    }
    out->checkpoint_alert = hf_value_is_true(hf_value_get(checkpoint, "alert"));
    if (checkpoint) {
        out->checkpoint_every_ms = duration_of(checkpoint, "every", DEFAULT_CHECKPOINT_MS);
        if (out->checkpoint_every_ms < LEAST_CHECKPOINT_MS) {
            return complain(config, checkpoint, err, "found every below 1s, expected 1s or more");
        }
        if (!file && !out->checkpoint_alert) {
            return complain(config, checkpoint, err, "found neither file nor alert: true, expected one of them");
        }
    }
    return 0;
}

static int read_document(struct hf_config *config, const struct hf_value *document, struct hf_error *err)
{
    const struct hf_embedded *schema_file = hf_embedded_find("schema/config.json");
    const struct hf_value *schema;
    if (!schema_file) {
        return hf_error_set(err, HF_EINTERNAL, "schema/config.json is not compiled in");
    }
    if (hf_json_read(config->arena, schema_file->bytes, schema_file->size, NULL, &schema, err) != 0) {
        return hf_error_wrap(err, "schema/config.json");
    }
    if (hf_jsonschema_check(schema, document, err) != 0) {
        return hf_error_wrap(err, "%s", config->path);
    }
    const struct hf_value *log = hf_value_get(document, "log");
    const char *database = hf_value_text(hf_value_get(document, "database"));
    config->database = hf_config_resolve(config, database ? database : "holdfast.db");
    config->web = hf_config_resolve(config, hf_value_text(hf_value_get(document, "web")));
    config->listen = text_of(config, document, "listen", "127.0.0.1:8484");
    const struct hf_value *listener = hf_value_get(document, "audit_listener");
    config->audit_listen = text_of(config, listener, "listen", NULL);
    config->audit_cert = hf_config_resolve(config, hf_value_text(hf_value_get(listener, "cert_file")));
    config->audit_key = hf_config_resolve(config, hf_value_text(hf_value_get(listener, "key_file")));
    if (!config->audit_cert != !config->audit_key) {
        return complain(config, listener, err, "found one of cert_file and key_file, expected both or none");
    }
    config->log_level = HF_INFO;
    config->log_form = HF_LOGFMT;
    (void)hf_level_parse(hf_slice_of(hf_value_text(hf_value_get(log, "level"))), &config->log_level);
    (void)hf_log_form_parse(hf_slice_of(hf_value_text(hf_value_get(log, "format"))), &config->log_form);
    if (!config->database || !config->listen) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", config->path);
    }
    if (hf_config_read_access(config, document, err) != 0 ||
        read_trail(config, hf_value_get(document, "trail"), err) != 0 ||
        read_rule_paths(config, hf_value_get(document, "rules"), err) != 0) {
        return -1;
    }
    struct hf_hasher *hasher = hf_hasher_new(err);
    if (!hasher) {
        return -1;
    }
    int result = read_lists(config, document, hasher, err);
    hf_hasher_free(hasher);
    return result;
}

static int read_bytes(struct hf_config *config, const char *bytes, size_t len, struct hf_error *err)
{
    struct hf_document *documents;
    size_t count;
    static const struct hf_yaml_limits LIMITS = {.bytes = MOST_BYTES, .depth = 20, .nodes = 50000, .documents = 2};
    if (hf_yaml_read(config->arena, bytes, len, &LIMITS, &documents, &count, err) != 0) {
        return hf_error_wrap(err, "%s", config->path);
    }
    if (count != 1) {
        return hf_error_set(err, HF_EINVAL, "%s: found %zu documents, expected one", config->path, count);
    }
    if (hf_sha256(bytes, len, &config->digest, err) != 0) {
        return -1;
    }
    return read_document(config, documents[0].value, err);
}

int hf_config_read(const char *path, const char *bytes, size_t len, struct hf_config **out, struct hf_error *err)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct hf_config *config = arena ? hf_arena_alloc(arena, sizeof *config) : NULL;
    if (!config) {
        hf_arena_free(arena);
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    config->arena = arena;
    /* Absolute, so that a later change of folder can't move what relative paths mean. */
    hf_auto_free char *absolute = realpath(path, NULL);
    const char *place = absolute ? absolute : path;
    config->path = hf_arena_copy(arena, place, strlen(place));
    if (!config->path || read_bytes(config, bytes, len, err) != 0) {
        if (!config->path) {
            (void)hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
        }
        hf_arena_free(arena);
        return -1;
    }
    *out = config;
    return 0;
}

int hf_config_load(const char *path, struct hf_config **out, struct hf_error *err)
{
    hf_auto_buf struct hf_buf bytes = {0};
    if (hf_read_file(path, MOST_BYTES, &bytes, err) != 0) {
        return -1;
    }
    return hf_config_read(path, hf_buf_text(&bytes), bytes.len, out, err);
}

void hf_config_free(struct hf_config *config)
{
    if (config) {
        hf_arena_free(config->arena);
    }
}

int hf_secret_load(const struct hf_secret_ref *ref, const char *what, struct hf_buf *out, struct hf_error *err)
{
    size_t start = out->len;
    if (ref->file) {
        if (hf_read_file(ref->file, MOST_SECRET, out, err) != 0) {
            return hf_error_wrap(err, "%s", what);
        }
    } else if (ref->environment) {
        const char *text = getenv(ref->environment);
        if (!text) {
            return hf_error_set(err, HF_ENOTFOUND, "%s: the environment has no %s", what, ref->environment);
        }
        hf_buf_adds(out, text);
    }
    if (!hf_buf_ok(out)) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", what);
    }
    while (out->len > start && (out->ptr[out->len - 1] == '\n' || out->ptr[out->len - 1] == '\r')) {
        out->ptr[--out->len] = '\0';
    }
    if (out->len == start && (ref->file || ref->environment)) {
        return hf_error_set(err, HF_EINVAL, "%s is empty", what);
    }
    return 0;
}
