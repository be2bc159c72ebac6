/* The running agent: every station wired together on one loop. */
#ifndef HOLDFAST_RUN_H
#define HOLDFAST_RUN_H

#include "holdfast/error.h"
#include "holdfast/text.h"

struct hf_run_options {
    const char *config;   /* path */
    const char *database; /* over the config's; NULL: the config's. The same for those below */
    const char *listen;
    const char *log_level;
    const char *log_format;
};

/* Runs until SIGTERM or SIGINT (drained and stopped within 5 s). SIGHUP re-reads the config. Logs to stderr. 0 after a
 * clean stop; -1 when it could not start. Thread: the main one; signals are taken over. */
int hf_run(const struct hf_run_options *options, struct hf_error *err);

/* The rules in force under a config (NULL: the shipped ones alone): its own packs ("builtin:NAME" is a shipped one),
 * then those shipped that it does not name: security, kubernetes, defaults. The caller frees *out (hf_rules_free). */
struct hf_config;
struct hf_rules;
int hf_run_rules(const struct hf_config *config, struct hf_rules **out, struct hf_error *err);

/* ConfigHub's client and a target's units there, as the config has them, for `check` too. */
struct hf_confighub;
struct hf_config_selection;
struct hf_http;
struct hf_log;
struct hf_loop;
struct hf_source;
struct hf_source_events;
struct hf_unit_store;
int hf_run_hub_open(const struct hf_config *config, struct hf_loop *loop, struct hf_http *http, struct hf_log *log,
                    struct hf_confighub **out, struct hf_error *err);
int hf_run_hub_select(struct hf_confighub *hub, const struct hf_config_selection *from,
                      const struct hf_source_events *events, const struct hf_unit_store *store, struct hf_source **out,
                      struct hf_error *err);

/* Whether the server could listen as the config says: tokens_file, certificate and key are there and right, and an
 * address beyond loopback has access control. listen NULL: the config's. For `validate` too. */
int hf_run_access_check(const struct hf_config *config, const char *listen, struct hf_error *err);

/* One alert channel as the config has it, for `alert test` too. *out borrows from config and secrets. Wipe the secrets
 * afterwards, also after a failure. */
struct hf_alert_channel;
struct hf_config_channel;
struct hf_run_secrets {
    struct hf_buf url;
    struct hf_buf key;
    struct hf_buf token;
};
int hf_run_channel(const struct hf_config *config, const struct hf_config_channel *from, struct hf_run_secrets *secrets,
                   struct hf_alert_channel *out, struct hf_error *err);
/* Its settings alone (no secret is read), for `validate` too; what it makes lives in the config's arena. */
int hf_run_channel_settings(const struct hf_config *config, const struct hf_config_channel *from,
                            struct hf_alert_channel *out, struct hf_error *err);
void hf_run_secrets_wipe(struct hf_run_secrets *secrets);

#endif
