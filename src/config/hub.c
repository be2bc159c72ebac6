/* ConfigHub in the configuration: where it is, how to log in, and which units a target has there. */
#include "hub.h"

#include <stdlib.h>
#include <string.h>

#include "holdfast/clock.h"

#define HOSTED "https://hub.confighub.com/api"
#define ACTION_LIMIT_MS 15000 /* with a direct apply behind it, still within 30 s */

static int no_memory(const struct hf_config *config, struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "%s: out of memory", config->path);
}

static int complain(const struct hf_config *config, const struct hf_value *at, const char *what, struct hf_error *err)
{
    return hf_error_set(err, HF_EINVAL, "%s: line %u, column %u: %s", config->path, at->line, at->column, what);
}

static const char *copy(struct hf_config *config, const char *text)
{
    return text ? hf_arena_copy(config->arena, text, strlen(text)) : NULL;
}

static const char *text_of(struct hf_config *config, const struct hf_value *parent, const char *key)
{
    return copy(config, hf_value_text(hf_value_get(parent, key)));
}

static int64_t duration_of(const struct hf_value *parent, const char *key, int64_t otherwise)
{
    const char *text = hf_value_text(hf_value_get(parent, key));
    int64_t ms;
    return text && hf_duration_parse(hf_slice_of(text), &ms) ? ms : otherwise;
}

static struct hf_secret_ref ref_of(struct hf_config *config, const struct hf_value *value, const char *file,
                                   const char *environment)
{
    return (struct hf_secret_ref){hf_config_resolve(config, hf_value_text(hf_value_get(value, file))),
                                  text_of(config, value, environment)};
}

static bool is_set(const struct hf_secret_ref *ref)
{
    return ref->file || ref->environment;
}

/* As the official tools have it: CUB_TOKEN, a worker's CONFIGHUB_WORKER_*, else what `cub auth login` has left. */
static int usual_login(struct hf_config *config, const struct hf_value *at, struct hf_error *err)
{
    struct hf_config_hub *hub = &config->hub;
    const char *home = getenv("HOME");
    if (getenv("CUB_TOKEN")) {
        hub->token.environment = "CUB_TOKEN";
    } else if (getenv("CONFIGHUB_WORKER_ID") && getenv("CONFIGHUB_WORKER_SECRET")) {
        hub->worker_id.environment = "CONFIGHUB_WORKER_ID";
        hub->worker_secret.environment = "CONFIGHUB_WORKER_SECRET";
    } else if (home && *home) {
        hub->token.file = hf_arena_printf(config->arena, "%s/.confighub/session.json", home);
        return hub->token.file ? 0 : no_memory(config, err);
    } else {
        return complain(config, at, "found no login: expected token_file, token_env, worker_* or $CUB_TOKEN", err);
    }
    return 0;
}

int hf_config_read_hub(struct hf_config *config, const struct hf_value *document, struct hf_error *err)
{
    const struct hf_value *value = hf_value_get(document, "confighub");
    struct hf_config_hub *hub = &config->hub;
    const char *url = hf_value_text(hf_value_get(value, "url"));
    const char *usual = getenv("CUB_API_URL");
    url = url ? url : usual && *usual ? usual : HOSTED;
    hub->url = copy(config, url);
    hub->token = ref_of(config, value, "token_file", "token_env");
    hub->worker_id = ref_of(config, value, "worker_id_file", "worker_id_env");
    hub->worker_secret = ref_of(config, value, "worker_secret_file", "worker_secret_env");
    hub->ca_file = hf_config_resolve(config, hf_value_text(hf_value_get(value, "ca_file")));
    hub->proxy = text_of(config, value, "proxy");
    hub->timeout_ms = duration_of(value, "timeout", 0);
    if (!hub->url) {
        return no_memory(config, err);
    }
    if ((hub->token.file && hub->token.environment) || (hub->worker_id.file && hub->worker_id.environment) ||
        (hub->worker_secret.file && hub->worker_secret.environment)) {
        return complain(config, value, "found both the file and the variable of a secret, expected one of them", err);
    }
    if (is_set(&hub->worker_id) != is_set(&hub->worker_secret) || (is_set(&hub->token) && is_set(&hub->worker_id))) {
        return complain(config, value, "expected a token, or a worker's id with its secret", err);
    }
    return is_set(&hub->token) || is_set(&hub->worker_id) ? 0 : usual_login(config, value ? value : document, err);
}

static int read_labels(struct hf_config *config, const struct hf_value *labels, struct hf_config_selection *out,
                       struct hf_error *err)
{
    size_t count = hf_value_count(labels);
    const char **pairs = hf_arena_array(config->arena, count * 2, sizeof *pairs);
    for (size_t i = 0; pairs && i < count; i++) {
        const struct hf_member *member = &labels->as.object.members[i];
        pairs[2 * i] = hf_arena_copy(config->arena, member->key.ptr, member->key.len);
        pairs[2 * i + 1] = copy(config, hf_value_text(&member->value));
        if (!pairs[2 * i] || !pairs[2 * i + 1]) {
            return no_memory(config, err);
        }
    }
    out->labels = pairs;
    out->label_count = count;
    return pairs ? 0 : no_memory(config, err);
}

static int read_spaces(struct hf_config *config, const struct hf_value *list, struct hf_config_selection *out,
                       struct hf_error *err)
{
    size_t count = hf_value_count(list);
    const char **spaces = hf_arena_array(config->arena, count, sizeof *spaces);
    for (size_t i = 0; spaces && i < count; i++) {
        spaces[i] = copy(config, hf_value_text(hf_value_at(list, i)));
        if (!spaces[i]) {
            return no_memory(config, err);
        }
    }
    out->spaces = spaces;
    out->space_count = count;
    return spaces ? 0 : no_memory(config, err);
}

int hf_config_read_selection(struct hf_config *config, const struct hf_value *value, struct hf_config_target *target,
                             struct hf_error *err)
{
    const struct hf_value *from = hf_value_path(value, "source", "confighub", NULL);
    const struct hf_value *by = hf_value_get(value, "apply_by");
    const char *desired = hf_value_text(hf_value_get(from, "desired"));
    bool is_source = hf_value_text(by) && strcmp(hf_value_text(by), "confighub") == 0;
    if (!from) {
        return is_source ? complain(config, by, "found confighub, but the units come from a folder", err) : 0;
    }
    struct hf_config_selection *out = hf_arena_alloc(config->arena, sizeof *out);
    if (!out) {
        return no_memory(config, err);
    }
    *out = (struct hf_config_selection){.filter = text_of(config, from, "filter"),
                                        .set = text_of(config, from, "set"),
                                        .where = text_of(config, from, "where"),
                                        .target = text_of(config, from, "target"),
                                        .is_head = desired && strcmp(desired, "head") == 0,
                                        .poll_ms = duration_of(from, "poll", 0)};
    target->hub = out;
    target->apply_by_source = is_source;
    target->action_limit_ms = duration_of(value, "action_limit", ACTION_LIMIT_MS);
    target->step_in_ms = duration_of(value, "step_in", 0);
    target->report_back = hf_value_is_true(hf_value_get(value, "report_back"));
    const struct hf_value *fallback = hf_value_get(value, "fallback");
    target->no_fallback = fallback && !hf_value_is_true(fallback);
    return read_spaces(config, hf_value_get(from, "spaces"), out, err) != 0 ||
                   read_labels(config, hf_value_get(from, "labels"), out, err) != 0
               ? -1
               : 0;
}
