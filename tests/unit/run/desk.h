/* A server on loopback that answers each path as a test says, and a cluster that speaks to it. */
#ifndef HF_TEST_RUN_DESK_H
#define HF_TEST_RUN_DESK_H

#include <pthread.h>

#include "holdfast/schema.h"

struct page {
    char *path; /* with its query */
    int status;
    char *body;
};

struct desk {
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    bool stop;
    struct page pages[64];
    size_t page_count;
    struct hf_buf asked; /* paths, each behind a space and before one */

    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_log *log;
    int log_fd;
    struct hf_cluster *cluster;
    struct hf_schema *schema;
    struct hf_types *types; /* of the last read that gave some */
    bool told_types;
    bool partial;
    struct hf_error error;
};

/* Serves discovery of ConfigMaps, Deployments, StatefulSets, Widgets (example.com/v1) and CustomResourceDefinitions. */
void desk_open(struct desk *desk);
void desk_close(struct desk *desk);
void desk_page(struct desk *desk, const char *path, int status, const char *body);
/* The text of a fixture as a page's body. */
void desk_file(struct desk *desk, const char *path, const char *fixture);
/* Reads the types of kinds, "apps/v1 Deployment" each, up to NULL; forgets what was asked before. */
void desk_read(struct desk *desk, ...) __attribute__((sentinel));
bool desk_was_asked(struct desk *desk, const char *path);
bool desk_log_has(struct desk *desk, const char *text);
const struct hf_type *desk_type(const struct desk *desk, const char *group, const char *version, const char *kind);

#endif
