/* A server with access control, people with tokens, and a table of actions that writes down what it was asked. */
#ifndef TEST_SERVE_ACCESS_FIXTURE_H
#define TEST_SERVE_ACCESS_FIXTURE_H

#include "fixture.h"

#define ALICE "holdfast_alice-operator-0123456789abcdef"
#define BOB "holdfast_bob-viewer-0123456789abcdef00"
#define CAROL "holdfast_carol-auditor-0123456789abcdef"
#define OLD "holdfast_old-operator-0123456789abcdef"

#define AS(token) "Authorization: Bearer " token "\r\n"

/* What was asked last; texts are copies. */
struct fake_actions {
    pthread_mutex_t lock;
    unsigned count;
    enum hf_serve_act_kind kind;
    char by[300];
    char reason[600];
    char target[64];
    char unit[64];
    char name[64];
    char pause[64];
    int64_t to;
    int64_t until_ms;
    bool dry_run;
    int fails; /* an enum hf_code */
};
void fake_actions_table(struct fake_actions *fake, struct hf_serve_actions *out);

/* alice, bob, carol, and old whose token has run out. The tokens live in *tokens. */
void access_of(struct hf_serve_access *access, struct hf_serve_token tokens[4]);
/* One with these, a view of three objects and the actions. */
void access_start(struct server *server, struct fake_actions *fake, const struct hf_serve_access *access);

/* With the right Host; head: further lines, each with \r\n. body NULL: none. */
struct reply with(const struct server *server, const char *method, const char *target, const char *head,
                  const char *body);
int status_of(const struct server *server, const char *method, const char *target, const char *head, const char *body);

/* Logs in by JSON; "NAME=VALUE" of the cookie, and the CSRF token. */
struct login {
    char cookie[200];
    char csrf[100];
};
struct login log_in(const struct server *server, const char *token);

#define JSON "Content-Type: application/json\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

#endif
