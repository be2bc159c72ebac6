/* Who is asking, and what he may: tokens, logins, a proxy's word, limits. Private to src/serve. */
#ifndef HOLDFAST_SERVE_GUARD_H
#define HOLDFAST_SERVE_GUARD_H

#include <pthread.h>
#include <stdatomic.h>

#include "address.h"
#include "holdfast/mem.h"
#include "holdfast/serve.h"
#include "review.h"

struct MHD_Connection;
struct hf_answer;
struct hf_request;

#define HF_CSRF_SIZE 48
#define HF_TOKEN_MAX 8192

enum hf_by { HF_BY_NOBODY, HF_BY_LOOPBACK, HF_BY_TOKEN, HF_BY_COOKIE, HF_BY_PROXY, HF_BY_KUBERNETES };

struct hf_who {
    enum hf_by by;
    bool has_role;
    enum hf_serve_role role;
    char user[HF_USER_SIZE]; /* "": nobody known */
    char csrf[HF_CSRF_SIZE]; /* "": none is needed, since no browser sends the credential by itself */
    bool may_read;
    bool may_act;
    bool may_audit;
    bool is_wrong;    /* a credential was shown that is none */
    bool must_wait;   /* a cluster is being asked (review.h) */
    unsigned away_s;  /* it can't be asked now: so many seconds to wait */
    unsigned slow_s;  /* too many requests: so many seconds to wait */
    unsigned shut_s;  /* too many were wrong: for so long none is looked at */
    int64_t until_ms; /* HF_TIME_NONE: as long as he likes */
    bool is_secure;   /* he came over TLS, or by a proxy that he reached so */
    struct hf_address address;
    bool is_reviewed;        /* a cluster says who he is */
    struct hf_digest review; /* of the token that it was shown */
};

/* What the configuration says; immutable, counted. */
struct hf_rights {
    atomic_uint refs;
    struct hf_arena *arena;
    struct hf_serve_access access; /* in the arena, without certificate and key */
    struct hf_network *proxies;
};

#define HF_SESSIONS 1000

struct hf_session {
    bool used;
    struct hf_digest id;    /* of what the cookie holds */
    struct hf_digest token; /* that it was begun with: it ends when the token does */
    struct hf_who who;
    char *shown; /* the token itself where a cluster is asked of it again and again; wiped */
    int64_t begun_ms;
};

struct hf_guard {
    pthread_mutex_t lock;        /* of rights and sessions */
    struct hf_rights *rights;    /* NULL: no access control */
    struct hf_session *sessions; /* HF_SESSIONS */
    unsigned char key[32];       /* of CSRF tokens */
    struct hf_book book;
    struct hf_log *log;
    struct hf_reviews *reviews; /* NULL: no cluster is asked */
    char cookie[40];            /* its name: two agents on one host are apart */
};

/* guard.c. access NULL: none. Errors: HF_EINVAL, HF_ENOMEM. */
int hf_guard_begin(struct hf_guard *guard, const struct hf_serve_access *access, const char *address,
                   struct hf_log *log, struct hf_error *err);
void hf_guard_end(struct hf_guard *guard);
int hf_guard_renew(struct hf_guard *guard, const struct hf_serve_access *access, struct hf_error *err);
struct hf_rights *hf_guard_rights(struct hf_guard *guard); /* NULL: no access control; to be released */
void hf_rights_release(struct hf_rights *rights);          /* NULL is fine */
/* Whether the Host header is one that this server answers to; host: the address listened on. */
bool hf_guard_host(const struct hf_rights *rights, const char *header, const char *host);
/* Whether a post may come from the page that the browser says it comes from. */
bool hf_guard_origin(const struct hf_rights *rights, const char *origin, const char *site, const char *host);

/* who.c */
/* is_counted: the request has been here before. */
void hf_guard_who(struct hf_guard *guard, struct MHD_Connection *connection, bool is_counted, struct hf_who *who);
/* Looks a token up, and counts it where it is wrong: fills who, whose address is known. */
void hf_guard_token(struct hf_guard *guard, const struct hf_rights *rights, const char *token, struct hf_who *who);
void hf_who_give(struct hf_who *who, enum hf_serve_role role);
/* What is known of a token that was shown to a cluster; from is NULL: it was let in already. False: it is wrong. */
bool hf_guard_review(struct hf_guard *guard, const struct hf_digest *id, const char *token,
                     const struct hf_address *from, struct hf_who *who);
const char *hf_by_name(enum hf_by by);             /* "token"; NULL: nobody */
const char *hf_role_name(enum hf_serve_role role); /* "viewer", … */
/* The token that a page must send with what changes something. */
void hf_guard_csrf(const struct hf_guard *guard, const char *what, const void *bytes, size_t len,
                   char out[HF_CSRF_SIZE]);

/* sessions.c */
#define HF_COOKIE_SIZE 48
/* Begins one; cookie gets what the browser is to keep. HF_EINTERNAL when there is no randomness. */
int hf_session_begin(struct hf_guard *guard, const struct hf_who *who, const char *token, int64_t now_ms,
                     char cookie[HF_COOKIE_SIZE], struct hf_error *err);
bool hf_session_find(struct hf_guard *guard, const struct hf_rights *rights, const char *cookie, int64_t now_ms,
                     struct hf_who *who);
bool hf_session_end(struct hf_guard *guard, const char *cookie); /* whether there was one */
void hf_sessions_end(struct hf_guard *guard);                    /* all of them */

#endif
