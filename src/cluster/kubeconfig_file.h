/* What the parts of the kubeconfig reader share. */
#ifndef HF_CLUSTER_KUBECONFIG_FILE_H
#define HF_CLUSTER_KUBECONFIG_FILE_H

#include "holdfast/kubeconfig.h"
#include "holdfast/value.h"

#define KUBECONFIG_FILE_MAX (1u << 20)

struct kubeconfig_file {
    char *path;
    char *folder; /* what its relative paths belong to */
    struct hf_arena *arena;
    const struct hf_value *root; /* an object, or null for an empty file */
};

struct hf_kubeconfig {
    struct kubeconfig_file *files;
    size_t count;
};

/* An entry of clusters, users or contexts, and the file it stands in. */
struct kubeconfig_entry {
    const struct kubeconfig_file *file;
    const struct hf_value *value; /* its cluster, user or context member: an object */
    const char *name;
};

/* "clusters", "users" or "contexts"; the first file that has the name wins. HF_ENOTFOUND names the nearest known ones.
 */
int kubeconfig_find(const struct hf_kubeconfig *config, const char *list, const char *name,
                    struct kubeconfig_entry *out, struct hf_error *err);

/* The member that holds an entry's contents: "cluster" for "clusters". */
const char *kubeconfig_member(const char *list);

/* Fields of an object, NULL or unchanged when absent or null. Errors (HF_EINVAL) name file, line and column. */
int field_text(const struct kubeconfig_file *file, const struct hf_value *object, const char *key, const char **out,
               struct hf_error *err);
int field_bool(const struct kubeconfig_file *file, const struct hf_value *object, const char *key, bool *out,
               struct hf_error *err);
/* NULL when absent; must be an array or object when there. */
int field_kind(const struct kubeconfig_file *file, const struct hf_value *object, const char *key, enum hf_kind kind,
               const struct hf_value **out, struct hf_error *err);
/* PEM from `data_key` (base64) or, when that is absent, from the file that `file_key` names; its whole path goes to
 * *path. */
int field_pem(const struct kubeconfig_file *file, const struct hf_value *object, const char *data_key,
              const char *file_key, struct hf_buf *out, char **path, struct hf_error *err);
/* A path as the file means it; NULL when memory is short. */
char *kubeconfig_path(const struct kubeconfig_file *file, const char *path);
/* Fills *err with the place of value, and the text. Returns -1. */
int field_error(const struct kubeconfig_file *file, const struct hf_value *value, struct hf_error *err,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "https://host:port/prefix" without what may not be there: see struct hf_access. tls: what a server without a scheme
 * gets. */
int server_url(const char *text, bool tls, char **out, struct hf_error *err);

/* Takes what a reader's error quotes of its input out of the text, since it may be part of a secret. */
void redact_found(struct hf_error *err);
/* Overwrites all texts of a document. Nothing may use it any more. */
void wipe_value(const struct hf_value *value);
void wipe_buf(struct hf_buf *buf); /* overwrites and frees */
void wipe_text(char *text);        /* overwrites and frees; NULL is fine */

#endif
