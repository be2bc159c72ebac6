/* What the files of this station share. */
#ifndef HOLDFAST_SERVE_SERVER_H
#define HOLDFAST_SERVE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "guard.h"
#include "holdfast/serve.h"
#include "query.h"
#include "view.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;
struct hf_streams;

/* Who may post audit events, and how many lists are being taken. */
struct hf_hook_gate {
    struct hf_serve_hook hook;
    atomic_int open;
};

struct hf_doors;
struct hf_works;
struct hf_export;

struct hf_serve {
    struct hf_doors *doors;
    struct hf_guard guard;
    struct hf_serve_actions actions; /* act NULL: there are none */
    struct hf_serve_trail trail;     /* events may be NULL: no trail */
    struct hf_serve_rules rules;     /* list NULL: they are not told */
    struct hf_works *works;
    struct hf_hook_gate gate; /* take NULL: there is none */
    struct hf_log *log;
    struct hf_streams *streams;
    struct hf_views views;
    int64_t (*last_turn_ms)(void *ctx);
    void *last_turn_ctx;
    char *web_folder;
    char host[64];    /* the address listened on, as it stands in a Host header */
    char address[96]; /* "http://127.0.0.1:8484" */
    atomic_ullong requests;
};

/* One request, on one of the server's threads. */
struct hf_request {
    struct hf_serve *serve;
    struct MHD_Connection *connection;
    const struct hf_query *query;
    struct hf_view_ref *view; /* NULL until the first one is published */
    int64_t now_ms;
    struct hf_who who;
    unsigned door; /* door.h: by which daemon it came */
    bool is_head;
};

/* What a handler makes. Zero-initialised, freed by the caller. */
struct hf_answer {
    unsigned status;          /* 0: 200 */
    const char *type;         /* Content-Type */
    const char *allow;        /* Allow, with 405 */
    char etag[96];            /* "" for none; quoted */
    bool cacheable;           /* may be kept after asking again; else no-store */
    bool stream;              /* the event stream takes over */
    int64_t stream_after;     /* the id to go on after; -1: from now */
    struct hf_export *export; /* what is sent as it is read; NULL: the body is */
    const char *file;         /* the name it is to be kept by; NULL */
    bool is_private;          /* has a secret beside what others chose: its length may tell nothing, so never gzip */
    bool is_gzip;
    bool varies;  /* by Accept-Encoding */
    bool is_page; /* HTML for people: an error is told as a page */
    unsigned retry_after_s;
    bool must_wait;          /* nothing is answered yet: a cluster is being asked of a token */
    struct hf_digest review; /* of that token */
    bool authenticate;       /* WWW-Authenticate */
    char location[256];      /* "" for none */
    char cookie[256];        /* Set-Cookie; "" for none */
    struct hf_buf body;
};

typedef void (*hf_handler)(const struct hf_request *request, struct hf_answer *answer);

struct hf_route {
    const char *path;
    hf_handler handler;
    bool reads_trail; /* may take long: answered by a thread of works.h */
};
/* route.c: never NULL; the last one answers 404. */
const struct hf_route *hf_serve_route(const char *path);

/* answer.c */
/* A problem document (RFC 9457). title is the status's own phrase. */
void hf_answer_problem(struct hf_answer *answer, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sets the ETag of what is made from the view alone; true when the client has it (304, and nothing is left to do). */
bool hf_answer_by_view(const struct hf_request *request, struct hf_answer *answer);
bool hf_answer_by_tag(const struct hf_request *request, struct hf_answer *answer, const char *tag);
/* False, and a 503, while no view is published yet. */
bool hf_answer_needs_view(const struct hf_request *request, struct hf_answer *answer);
/* Takes the answer's body. NULL when memory is short. */
struct MHD_Response *hf_answer_response(struct hf_answer *answer);
void hf_answer_headers(struct MHD_Response *response, const struct hf_answer *answer);
/* NULL when the client did not send it. */
const char *hf_request_header(const struct hf_request *request, const char *name);
const char *hf_request_cookie(const struct hf_request *request, const char *name);

/* encode.c: makes the body shorter by gzip, where the client takes it and it is worth it. */
void hf_answer_encode(const struct hf_request *request, struct hf_answer *answer);
/* Whether an Accept-Encoding header (NULL: there is none) takes gzip; RFC 9110, 12.5.3. */
bool hf_accepts_gzip(const char *header);

/* parameters.c: each answers 400 with a clear problem and returns false when a parameter is wrong or not one of `known`
 * (closed by NULL). */
bool hf_request_only(const struct hf_request *request, struct hf_answer *answer, const char *const *known);
bool hf_request_int(const struct hf_request *request, struct hf_answer *answer, const char *name, int64_t least,
                    int64_t most, int64_t otherwise, int64_t *out);
bool hf_request_time(const struct hf_request *request, struct hf_answer *answer, const char *name, int64_t *out);
bool hf_request_bool(const struct hf_request *request, struct hf_answer *answer, const char *name, bool *out);
/* One of `words` (closed by NULL): its place in them, and `otherwise` where it is not given. */
bool hf_request_word(const struct hf_request *request, struct hf_answer *answer, const char *name,
                     const char *const *words, size_t otherwise, size_t *out);

/* Handlers, by file. */
void hf_serve_targets(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_units(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_summary(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_objects(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_object(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_spaces(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_events(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_incidents(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_incident(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_stats(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_timeline(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_chain(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_export(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_rules(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_explain(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_stream(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_livez(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_readyz(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_metrics(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_page(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_asset(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_openapi(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_post_only(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_nothing(const struct hf_request *request, struct hf_answer *answer);

/* login.c, action.c */
void hf_serve_session(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_login_page(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_action(const struct hf_request *request, struct hf_answer *answer);
void hf_serve_pauses(const struct hf_request *request, struct hf_answer *answer);

/* policy.c: whether it matters for what is asked at a target who asks. */
bool hf_policy_needs_who(const char *target);

/* export.c: takes over answer->export. NULL when memory is short. */
struct MHD_Response *hf_export_response(struct hf_answer *answer);
void hf_export_free(struct hf_export *export); /* NULL is fine */

/* How long the loop has not turned, when that is longer than it may be (10 s); else 0. */
int64_t hf_serve_stuck_ms(const struct hf_serve *serve);

/* asset.c: a file of web/, from the folder or compiled in. HF_ENOTFOUND. Appends to *out. */
int hf_serve_web_file(const struct hf_serve *serve, const char *name, struct hf_buf *out, struct hf_error *err);

/* summary.c */
/* What the stream tells of a view: serial, state, sentence, counts. */
void hf_summary_short(const struct hf_request *request, struct hf_buf *out);

/* stream.c */
int hf_streams_new(struct hf_serve *serve, unsigned most, struct hf_streams **out, struct hf_error *err);
/* Those that are open end, and those that come by an older door than least_door are sent away. */
void hf_streams_kick(struct hf_streams *streams, unsigned least_door);
void hf_streams_end(struct hf_streams *streams);  /* every stream ends; before the daemon is stopped */
void hf_streams_free(struct hf_streams *streams); /* after it is stopped; NULL is fine */
void hf_streams_wake(struct hf_streams *streams, bool trail);
unsigned hf_streams_count(struct hf_streams *streams);
/* NULL when memory is short; answer is then or otherwise filled when there are too many. */
struct MHD_Response *hf_streams_join(const struct hf_request *request, struct hf_answer *answer);

#endif
