/* The client of ConfigHub, private to src/source.
 *
 * confighub_client.c  requests, the login they carry   confighub_apply.c   actions, followed to their end
 * confighub_login.c   secrets and the worker's session confighub_bulk.c    many units applied in one call
 * confighub_error.c   what an answer means             confighub_change.c  data, restores, annotations, revisions
 * confighub_read.c    units in JSON                    confighub_select.c  which units
 * confighub_answer.c  revisions, actions, events       confighub_list.c    a listing, item by item
 * confighub_source.c and the files that confighub_source.h names: the source */
#ifndef HF_SOURCE_CONFIGHUB_CLIENT_H
#define HF_SOURCE_CONFIGHUB_CLIENT_H

#include <sys/stat.h>

#include "holdfast/clock.h"
#include "holdfast/confighub.h"

#define CONFIGHUB_MOST_ID 64u
#define CONFIGHUB_MOST_LIST ((size_t)16 << 20) /* of spaces, filters, events and the like */
#define CONFIGHUB_MOST_UNIT ((size_t)96 << 20) /* a unit with its data (64 MiB) in base64 */
#define CONFIGHUB_MOST_DATA ((size_t)24 << 20) /* a revision that can be read: 16 MiB in base64 */

/* Where a secret is, and the file as it was when it was read. */
struct confighub_secret {
    char *file;
    char *environment;
    struct timespec modified;
    ino_t inode;
    off_t size;
};

struct confighub_ask;

struct hf_confighub {
    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_log *log;
    char *base;      /* without a slash at its end */
    size_t root;     /* so much of base is the server itself, without /api */
    char *login_url; /* <host>/auth/worker */
    char *ca_pem;
    char *proxy;
    struct hf_http_server server;
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    struct confighub_secret token;
    struct confighub_secret worker_id;
    struct confighub_secret worker_secret;
    char *bearer;                  /* NULL: to be read or exchanged */
    char *refused;                 /* the bearer that was refused last */
    uint64_t generation;           /* counts the bearers */
    struct hf_http_call *exchange; /* under way */
    struct hf_timer *kick;
    struct confighub_ask *asks;
    struct hf_confighub_call *calls;
    struct hf_confighub_stats stats;
    unsigned busy; /* in a callback */
    bool dead;
};

/* One request. All is copied but ctx. */
struct confighub_request {
    const char *method;
    const char *path; /* below the base, with its query */
    const char *body; /* NULL: none */
    size_t body_len;
    const char *content_type;
    const char *doing; /* for errors: "unit dev/web: apply revision 7" */
    size_t max_body;
    hf_http_data_fn on_data; /* NULL: the body is kept for the answer. Begins anew after on_open */
    void (*on_open)(void *ctx);
};

/* err is HF_OK for a 2xx answer only, and says all otherwise. The ask is gone. */
typedef void (*confighub_answer_fn)(void *ctx, const struct hf_http_response *response, const struct hf_error *err);

/* confighub_client.c */
int confighub_ask(struct hf_confighub *hub, const struct confighub_request *request, confighub_answer_fn fn, void *ctx,
                  struct confighub_ask **out, struct hf_error *err);
void confighub_ask_cancel(struct confighub_ask *ask); /* NULL is fine */

/* What every public call begins with; free is called when it is cancelled. */
struct hf_confighub_call {
    struct hf_confighub *hub;
    struct hf_confighub_call *next;
    struct hf_confighub_call **link;
    void (*free)(struct hf_confighub_call *call);
};
void confighub_call_add(struct hf_confighub *hub, struct hf_confighub_call *call,
                        void (*free_call)(struct hf_confighub_call *call));
void confighub_call_remove(struct hf_confighub_call *call);
/* Around a callback of somebody else: hub stays. */
void confighub_enter(struct hf_confighub *hub);
void confighub_leave(struct hf_confighub *hub);

/* confighub_login.c */
int confighub_secret_copy(struct confighub_secret *secret, const struct hf_confighub_secret *from);
void confighub_secret_free(struct confighub_secret *secret);
bool confighub_secret_changed(const struct confighub_secret *secret); /* its file is another than the one read */
void confighub_login_free(struct hf_confighub *hub);
void confighub_forget_bearer(struct hf_confighub *hub); /* it was refused */
void confighub_drop_bearer(struct hf_confighub *hub);   /* a newer one may be there */
void confighub_forget_refused(struct hf_confighub *hub);
/* Reads or asks for a bearer; confighub_login_done is called now or later. */
void confighub_login(struct hf_confighub *hub);
/* confighub_client.c: what waits goes on, or fails with err. */
void confighub_login_done(struct hf_confighub *hub, const struct hf_error *err);
/* Takes the token and the worker's secret out of a text that may have been made by the server. */
void confighub_scrub(const struct hf_confighub *hub, struct hf_error *err);

/* confighub_error.c: -1 with all that is to be said, 0 for 2xx. */
int confighub_status_error(const struct hf_http_response *response, const char *doing, struct hf_error *err);
bool confighub_says_worker_unavailable(const struct hf_error *err);

/* Texts of requests. */
void confighub_add_unit_path(struct hf_buf *out, const char *space_id, const char *unit_id, const char *below);
void confighub_add_quoted(struct hf_buf *out, const char *text);                        /* 'it''s', not yet for a URL */
void confighub_add_parameter(struct hf_buf *path, const char *name, const char *value); /* "?" or "&" before it */
bool confighub_id_is_sound(const char *id); /* a UUID or the like: may stand in a path */

#endif
