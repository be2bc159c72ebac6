/* The configuration: one YAML file, checked against schema/config.json, with file, line and column in every error. */
#ifndef HOLDFAST_CONFIG_H
#define HOLDFAST_CONFIG_H

#include "holdfast/digest.h"
#include "holdfast/log.h"

/* Where a secret is: never inline. Exactly one is set; both NULL: there is none. */
struct hf_secret_ref {
    const char *file;        /* absolute */
    const char *environment; /* a variable's name */
};

struct hf_config_channel {
    const char *name;
    const char *type;                /* alert_text.h: "webhook", "slack", … */
    const char *conversation;        /* of a slack-bot */
    struct hf_secret_ref token;      /* a slack-bot's or Alertmanager's bearer token, PagerDuty's routing key */
    struct hf_secret_ref url;        /* an incoming webhook's URL is its password */
    struct hf_secret_ref secret;     /* signs the messages; may be absent */
    int64_t timeout_ms;              /* 0: the default */
    int64_t give_up_ms;              /* 0: the default */
    int64_t retry_within_ms;         /* 0: the default */
    const struct hf_value *settings; /* the channel in the file, by the schema: match, group, quiet, … */
};

/* Of which units in ConfigHub a target's are (confighub.h, struct hf_confighub_selection). */
struct hf_config_selection {
    const char *const *spaces;
    size_t space_count;
    const char *filter;
    const char *set;
    const char *where;
    const char *const *labels; /* name, value, name, value, … */
    size_t label_count;        /* pairs */
    const char *target;
    bool is_head;
    int64_t poll_ms; /* 0: the default */
};

/* ConfigHub itself; url NULL: no target has its units there. */
struct hf_config_hub {
    const char *url; /* with /api */
    struct hf_secret_ref token;
    struct hf_secret_ref worker_id;
    struct hf_secret_ref worker_secret;
    const char *ca_file;
    const char *proxy;
    int64_t timeout_ms;
};

struct hf_config_target {
    const char *name;
    const char *kubeconfig; /* absolute path or NULL: $KUBECONFIG, ~/.kube/config */
    const char *context;    /* NULL: the current one */
    bool in_cluster;
    bool correct;                          /* correction: auto */
    const char *manager;                   /* field_manager */
    const struct hf_config_selection *hub; /* source.confighub; NULL: a folder */
    int64_t step_in_ms;                    /* 0: the default */
    bool apply_by_source;                  /* apply: confighub */
    bool no_fallback;
    bool report_back; /* drift and correction as annotations on the unit in ConfigHub */
    int64_t action_limit_ms;
    const char *folder; /* source.folder, absolute; NULL: ConfigHub */
    const char *space;  /* source.space; NULL: the folder's name */
    unsigned parallel;
    unsigned fight_times;
    int64_t fight_within_ms;
    struct hf_secret_ref audit_token; /* of the API server's audit webhook; absent: it is not taken */
    uint32_t line;                    /* of the target in the file */
    struct hf_digest digest;          /* of this target's part of the file: whether a reload changes it */
};

/* How the trail proves itself, and how long it is kept. */
struct hf_config_trail {
    struct hf_secret_ref hmac_key; /* of the chain (hf_audit_key_load); absent: plain digests */
    const char *checkpoint_file;   /* absolute; NULL: in none */
    int64_t checkpoint_every_ms;   /* 0: no checkpoints are made */
    bool checkpoint_alert;         /* they go to the alert channels too */
    int64_t retain_ms;             /* 0: all is kept */
    const char *retain_folder;     /* where what is older is exported to; absolute */
};

enum hf_role { HF_ROLE_VIEWER, HF_ROLE_OPERATOR, HF_ROLE_AUDITOR };
bool hf_role_parse(const char *text, enum hf_role *role); /* "viewer", "operator", "auditor" */

/* A bearer token: its hash only. */
struct hf_config_token {
    const char *name;
    enum hf_role role;
    struct hf_digest hash; /* SHA-256 of the token's text */
    int64_t expires_ms;    /* HF_TIME_NONE: never */
};

/* Who may read and act (docs/access.md). Not set: loopback only, read-only. */
struct hf_config_access {
    bool is_set;
    const struct hf_config_token *tokens;
    size_t token_count;
    const char *tokens_file; /* more of them (hf_config_tokens); NULL */
    int64_t session_ms;
    bool anonymous_read;
    bool plain_http;
    const char *const *hosts;
    size_t host_count;
    const char *cert_file; /* NULL: without TLS */
    const char *key_file;
    const char *const *proxy_addresses; /* "10.0.0.1", "10.1.0.0/16" */
    size_t proxy_count;                 /* 0: no proxy is believed */
    const char *proxy_user_header;
    const char *proxy_role_header; /* NULL: all have proxy_role */
    enum hf_role proxy_role;
    const char *kubernetes_target; /* NULL: no cluster is asked */
    const char *const *audiences;
    size_t audience_count;
    unsigned connections;
    unsigned connections_per_address; /* 0: by the address listened on */
    unsigned requests_per_second;     /* 0: no limit */
    unsigned streams;
    int64_t idle_ms;
};

struct hf_config {
    struct hf_arena *arena;
    const char *path;
    struct hf_digest digest; /* of the file */
    const char *database;    /* absolute */
    const char *listen;
    const char *audit_listen; /* the audit webhook's own listener; NULL: there is none */
    const char *audit_cert;   /* files; NULL: without TLS */
    const char *audit_key;
    struct hf_config_access access;
    struct hf_config_trail trail;
    const char *web; /* a folder in place of the compiled-in web/; NULL */
    enum hf_level log_level;
    enum hf_log_form log_form;
    const char *const *rules; /* paths of rule packs, absolute; or "builtin:NAME" */
    size_t rule_count;
    const struct hf_config_target *targets;
    size_t target_count;
    struct hf_config_hub hub;
    const char *dashboard_url; /* what the alerts' links begin with; NULL: none */
    const struct hf_config_channel *channels;
    size_t channel_count;
};

/* Reads and checks a file (at most 1 MiB). Relative paths in it count from its folder. Errors: HF_EPARSE, HF_EINVAL
 * with "file: line L, column C: what: found X, expected Y"; HF_ENOTFOUND. *out is the caller's (hf_config_free). */
int hf_config_load(const char *path, struct hf_config **out, struct hf_error *err);
/* The same from bytes; path is for messages and for relative paths. */
int hf_config_read(const char *path, const char *bytes, size_t len, struct hf_config **out, struct hf_error *err);
void hf_config_free(struct hf_config *config); /* NULL is fine */

/* The tokens of a file of their own, into the arena. HF_EDENIED: others than its owner may write it. */
int hf_config_tokens(const char *path, struct hf_arena *arena, const struct hf_config_token **out, size_t *count,
                     struct hf_error *err);

/* Whether a document looks like a configuration: it has a `targets` list and no `apiVersion`. */
struct hf_value;
bool hf_config_is_one(const struct hf_value *document);

/* The text of a secret, without the line break at its end; appended to *out, which the caller wipes and frees. what
 * names it in errors ("webhook URL of channel ops"); the text itself is in none. A file is at most 64 KiB. */
int hf_secret_load(const struct hf_secret_ref *ref, const char *what, struct hf_buf *out, struct hf_error *err);

#endif
