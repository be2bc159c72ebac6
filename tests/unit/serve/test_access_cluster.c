/* A cluster's own users: what it says of their tokens counts for a while, and who waits for it holds nobody up. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access_fixture.h"

#define VERA "eyJ2ZXJh.viewer.0123456789"
#define OTTO "eyJvdHRv.operator.0123456789"
#define AUDRA "eyJhdWRyYQ.auditor.0123456789"
#define ROOT "eyJyb290.all.0123456789"
#define NOBODY "eyJub2JvZHk.no-right.0123456789"
#define SHORT "eyJzaG9ydA.ends-soon.0123456789"
#define ODD "eyJvZGQ.a-name-with-a-line-end.0123456789"

/* A cluster that answers after delay_ms, or while it is silent never. */
static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    bool stop;
    bool silent;
    bool is_down;
    bool vera_is_out;
    bool otto_may_read_only;
    int64_t delay_ms;
    unsigned asked;
    unsigned open;
    unsigned most_open;
    struct {
        uint64_t ticket;
        char token[9000];
        int64_t due_ms;
    } questions[100];
} cluster;

static struct server server;
static struct fake_actions fake;
static struct hf_serve_token tokens[4];
static struct hf_serve_access access_control;
static struct hf_serve_actions actions;

static int begin_review(void *ctx, uint64_t ticket, const char *token, struct hf_error *err)
{
    (void)ctx;
    pthread_mutex_lock(&cluster.lock);
    bool has_room = cluster.open < 100;
    cluster.asked++;
    if (has_room) {
        cluster.questions[cluster.open].ticket = ticket;
        cluster.questions[cluster.open].due_ms = hf_mono_ms() + cluster.delay_ms;
        (void)snprintf(cluster.questions[cluster.open].token, sizeof cluster.questions[0].token, "%s", token);
        cluster.open++;
        cluster.most_open = cluster.open > cluster.most_open ? cluster.open : cluster.most_open;
    }
    pthread_mutex_unlock(&cluster.lock);
    return has_room ? 0 : hf_error_set(err, HF_ELIMIT, "full");
}

static struct hf_serve_review answer_to(const char *token)
{
    struct hf_serve_review review = {.outcome = HF_SERVE_REVIEW_USER, .until_ms = HF_TIME_NONE};
    if (cluster.is_down) {
        review.outcome = HF_SERVE_REVIEW_NONE;
    } else if (strcmp(token, VERA) == 0) {
        review.user = "vera@example.com";
        review.may_read = !cluster.vera_is_out;
    } else if (strcmp(token, OTTO) == 0) {
        review.user = "system:serviceaccount:ops:otto";
        review.may_read = true;
        review.may_act = !cluster.otto_may_read_only;
    } else if (strcmp(token, AUDRA) == 0) {
        review.user = "audra";
        review.may_read = review.may_audit = true;
    } else if (strcmp(token, ROOT) == 0) {
        review.user = "root";
        review.may_read = review.may_act = review.may_audit = true;
    } else if (strcmp(token, NOBODY) == 0) {
        review.user = "nobody";
        review.may_act = review.may_audit = true; /* without the right to read these are none */
    } else if (strcmp(token, SHORT) == 0) {
        review.user = "short";
        review.may_read = true;
        review.until_ms = hf_now_ms() + 1500;
    } else if (strcmp(token, ODD) == 0) {
        review.user = "od\nd";
        review.may_read = true;
    } else {
        review.outcome = HF_SERVE_REVIEW_WRONG;
    }
    return review;
}

static void *answer_all(void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&cluster.lock);
    while (!cluster.stop) {
        for (unsigned i = 0; i < cluster.open && !cluster.silent; i++) {
            if (hf_mono_ms() < cluster.questions[i].due_ms) {
                continue;
            }
            uint64_t ticket = cluster.questions[i].ticket;
            struct hf_serve_review review = answer_to(cluster.questions[i].token);
            cluster.questions[i] = cluster.questions[--cluster.open];
            pthread_mutex_unlock(&cluster.lock);
            hf_serve_reviewed(server.serve, ticket, &review);
            pthread_mutex_lock(&cluster.lock);
            break;
        }
        pthread_mutex_unlock(&cluster.lock);
        usleep(1000);
        pthread_mutex_lock(&cluster.lock);
    }
    pthread_mutex_unlock(&cluster.lock);
    return NULL;
}

/* keep_ms, keep_wrong_ms and limit_ms as a test needs them; 0: the usual ones. */
static void open_with(int64_t keep_ms, int64_t keep_wrong_ms, int64_t limit_ms)
{
    static struct hf_serve_reviewer reviewer;
    reviewer = (struct hf_serve_reviewer){
        .begin = begin_review, .keep_ms = keep_ms, .keep_wrong_ms = keep_wrong_ms, .limit_ms = limit_ms};
    memset(&cluster, 0, sizeof cluster);
    pthread_mutex_init(&cluster.lock, NULL);
    access_of(&access_control, tokens);
    access_control.reviewed = true;
    fake_actions_table(&fake, &actions);
    struct hf_serve_options options = {.access = &access_control, .actions = &actions, .reviewer = &reviewer};
    server_start(&server, &options);
    hf_serve_publish(server.serve, view_new(3));
    cr_assert_eq(pthread_create(&cluster.thread, NULL, answer_all, NULL), 0);
}

static void set(bool *what, bool value)
{
    pthread_mutex_lock(&cluster.lock);
    *what = value;
    pthread_mutex_unlock(&cluster.lock);
}

static unsigned times_asked(void)
{
    pthread_mutex_lock(&cluster.lock);
    unsigned asked = cluster.asked;
    pthread_mutex_unlock(&cluster.lock);
    return asked;
}

static void close_all(void)
{
    set(&cluster.stop, true);
    pthread_join(cluster.thread, NULL);
    server_stop(&server);
}

static void start(void)
{
    open_with(0, 0, 0);
}

TestSuite(cluster_users, .init = start, .fini = close_all, .timeout = 60);

static int read_as(const char *head)
{
    struct reply reply = with(&server, "GET", "/api/v1/objects", head, NULL);
    int status = reply.status;
    reply_free(&reply);
    return status;
}

#define PUT_BACK "{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"why\"}"

static int act_as(const char *token_head)
{
    char head[400];
    (void)snprintf(head, sizeof head, JSON "%s", token_head);
    struct reply reply = with(&server, "POST", "/api/v1/actions", head, PUT_BACK);
    int status = reply.status;
    reply_free(&reply);
    return status;
}

Test(cluster_users, may_what_the_cluster_gives_them)
{
    static const struct {
        const char *head;
        int reads;
        int acts;
        int exports;
        const char *session;
    } ROWS[] = {
        {AS(VERA), 200, 403, 403,
         "\"user\":\"vera@example.com\",\"role\":\"viewer\",\"by\":\"kubernetes\",\"csrf\":null"},
        {AS(OTTO), 200, 202, 403, "\"user\":\"system:serviceaccount:ops:otto\",\"role\":\"operator\""},
        {AS(AUDRA), 200, 403, 404,
         "\"role\":\"auditor\",\"by\":\"kubernetes\",\"csrf\":null,\"may\":[\"read\",\"audit\"]"},
        {AS(ROOT), 200, 202, 404,
         "\"role\":\"operator\",\"by\":\"kubernetes\",\"csrf\":null,\"may\":[\"read\",\"act\",\"audit\"]"},
        {AS(NOBODY), 403, 403, 403, "\"user\":\"nobody\",\"role\":null,\"by\":\"kubernetes\",\"csrf\":null,\"may\":[]"},
        {AS(ALICE), 200, 202, 403, "\"user\":\"alice\",\"role\":\"operator\",\"by\":\"token\""},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        cr_expect_eq(read_as(ROWS[i].head), ROWS[i].reads, "%s", ROWS[i].head);
        cr_expect_eq(act_as(ROWS[i].head), ROWS[i].acts, "%s", ROWS[i].head);
        struct reply reply = with(&server, "GET", "/api/v1/export", ROWS[i].head, NULL);
        bool is_refused = reply.status == 403;
        cr_expect_eq(is_refused, ROWS[i].exports == 403, "%s: %d", ROWS[i].head, reply.status);
        reply_free(&reply);
        reply = with(&server, "GET", "/api/v1/session", ROWS[i].head, NULL);
        cr_expect(strstr(reply.body, ROWS[i].session), "%s\nis not %s", reply.body, ROWS[i].session);
        reply_free(&reply);
    }
    cr_expect_eq(times_asked(), 5, "each token is shown once, and ours never");
}

Test(cluster_users, act_in_their_own_name)
{
    cr_expect_eq(act_as(AS(OTTO)), 202);
    cr_expect_str_eq(fake.by, "system:serviceaccount:ops:otto");
}

Test(cluster_users, with_a_wrong_token_are_nobody_and_the_tenth_shuts_the_address_out)
{
    for (int i = 0; i < 10; i++) {
        cr_expect_eq(read_as(AS("eyJ3cm9uZw.wrong.0123456789")), 401);
    }
    cr_expect_eq(times_asked(), 1, "what is known to be wrong is not shown again at once");
    cr_expect_eq(read_as(AS("eyJ3cm9uZw.another.0123456789")), 429);
    cr_expect_eq(read_as(AS(VERA)), 429);
    cr_expect_eq(times_asked(), 1, "who is shut out has nobody asked");
}

Test(cluster_users, tokens_of_ours_are_never_shown_to_the_cluster)
{
    cr_expect_eq(read_as(AS(OLD)), 401, "one that has run out");
    cr_expect_eq(read_as(AS("holdfast_taken-out-of-the-config-0123456789")), 401);
    cr_expect_eq(read_as("Authorization: Bearer with a space\r\n"), 401);
    cr_expect_eq(read_as("Authorization: Bearer \r\n"), 401);
    cr_expect_eq(times_asked(), 0);
}

Test(cluster_users, a_token_has_at_most_8192_bytes)
{
    static char head[9000];
    static char token[8194];
    memset(token, 'a', 8193);
    (void)snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", token);
    cr_expect_eq(read_as(head), 401);
    cr_expect_eq(times_asked(), 0);
    static char body[9000];
    (void)snprintf(body, sizeof body, "{\"token\":\"%s\"}", token);
    struct reply reply = with(&server, "POST", "/api/v1/login", JSON, body);
    cr_expect_eq(reply.status, 401);
    reply_free(&reply);
    cr_expect_eq(times_asked(), 0, "one that is cut would be another");
    token[8192] = '\0';
    (void)snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", token);
    cr_expect_eq(read_as(head), 401);
    cr_expect_eq(times_asked(), 1);
}

Test(cluster_users, whose_name_can_not_stand_in_a_line_are_not_let_in)
{
    cr_expect_eq(read_as(AS(ODD)), 401);
}

/* Sends a request and leaves its answer for later. */
static int send_off(const char *target, const char *head)
{
    char text[600];
    int fd = dial(&server);
    (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%sConnection: close\r\n\r\n", target,
                   server.port, head);
    send_text(fd, text);
    return fd;
}

static int status_at(int fd, int64_t ms)
{
    struct hf_buf seen = {0};
    int status = 0;
    bool came = await_text(fd, &seen, "\r\n\r\n", ms);
    if (came) {
        (void)sscanf(hf_buf_text(&seen), "HTTP/1.1 %d", &status);
    }
    hf_buf_free(&seen);
    close(fd);
    return status;
}

Test(cluster_users, a_slow_cluster_holds_up_those_only_who_wait_for_it)
{
    int waiting[40];
    set(&cluster.silent, true);
    for (size_t i = 0; i < 40; i++) {
        waiting[i] = send_off("/api/v1/objects", AS(VERA));
    }
    for (int i = 0; i < 20; i++) {
        cr_expect_eq(read_as(AS(ALICE)), 200, "two threads serve all of them");
    }
    cr_expect_eq(status_of(&server, "GET", "/livez", AS(VERA), NULL), 200, "who asks does not matter here");
    cr_expect_eq(times_asked(), 1, "one token is one question");
    set(&cluster.silent, false);
    for (size_t i = 0; i < 40; i++) {
        cr_expect_eq(status_at(waiting[i], 10000), 200, "request %zu", i);
    }
    cr_expect_eq(times_asked(), 1);
}

Test(cluster_users, a_client_that_goes_away_while_it_waits_leaves_nothing_behind)
{
    set(&cluster.silent, true);
    for (int i = 0; i < 20; i++) {
        close(send_off("/api/v1/objects", AS(VERA)));
    }
    usleep(50000);
    set(&cluster.silent, false);
    cr_expect_eq(read_as(AS(VERA)), 200);
}

Test(cluster_users, a_server_that_stops_lets_go_of_who_waits)
{
    set(&cluster.silent, true);
    int fd = send_off("/api/v1/objects", AS(VERA));
    usleep(100000);
    close_all();
    cr_expect_neq(status_at(fd, 5000), 200);
    open_with(0, 0, 0);
}

Test(cluster_users, other_rules_of_access_have_them_asked_anew)
{
    struct hf_error err = HF_ERROR_INIT;
    cr_expect_eq(read_as(AS(VERA)), 200);
    cr_expect_eq(hf_serve_renew(server.serve, &access_control, &err), 0);
    cr_expect_eq(read_as(AS(VERA)), 200);
    cr_expect_eq(times_asked(), 2);
    access_control.reviewed = false;
    cr_expect_eq(hf_serve_renew(server.serve, &access_control, &err), 0);
    cr_expect_eq(read_as(AS(VERA)), 401);
    cr_expect_eq(times_asked(), 2);
}

Test(cluster_users, log_in_with_their_token_and_act_with_cookie_and_csrf)
{
    char head[600];
    struct login login = log_in(&server, OTTO);
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n" JSON, login.cookie);
    cr_expect_eq(read_as(head), 200);
    struct reply reply = with(&server, "GET", "/api/v1/session", head, NULL);
    cr_expect(strstr(reply.body, "\"user\":\"system:serviceaccount:ops:otto\",\"role\":\"operator\",\"by\":\"cookie\""),
              "%s", reply.body);
    reply_free(&reply);
    cr_expect_eq(act_as(head), 403, "the cookie alone is what any page makes a browser send");
    (void)snprintf(head, sizeof head, "Cookie: %s\r\nX-CSRF-Token: %s\r\n", login.cookie, login.csrf);
    cr_expect_eq(act_as(head), 202);
    cr_expect_str_eq(fake.by, "system:serviceaccount:ops:otto");
    cr_expect_eq(times_asked(), 1);
    cr_expect_eq(status_of(&server, "POST", "/api/v1/login", JSON, "{\"token\":\"" NOBODY "\"}"), 403);
    cr_expect_eq(status_of(&server, "POST", "/api/v1/login", JSON, "{\"token\":\"eyJ3cm9uZw.x\"}"), 401);
    reply = with(&server, "POST", "/login", FORM, "token=" VERA "&next=%2Fevents");
    cr_expect_eq(reply.status, 303);
    cr_expect_str_eq(reply_header(&reply, "Location"), "/events");
    reply_free(&reply);
    reply = with(&server, "POST", "/login", FORM, "token=" NOBODY "&next=%2F");
    cr_expect_eq(reply.status, 403);
    cr_expect(strstr(reply.body, "gives its user no right here"), "%s", reply.body);
    reply_free(&reply);
}

Test(cluster_users, are_out_when_their_token_ends_whatever_was_said_of_it)
{
    char head[600];
    struct login login = log_in(&server, SHORT);
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", login.cookie);
    cr_expect_eq(read_as(AS(SHORT)), 200);
    cr_expect_eq(read_as(head), 200);
    usleep(1700000);
    cr_expect_eq(read_as(AS(SHORT)), 401);
    cr_expect_eq(read_as(head), 401);
    cr_expect_eq(times_asked(), 1);
}

static void start_short(void)
{
    open_with(600, 300, 1000);
}

TestSuite(cluster_rights, .init = start_short, .fini = close_all, .timeout = 60);

static bool within(int64_t ms, int wanted, const char *head)
{
    int64_t end = hf_mono_ms() + ms;
    while (hf_mono_ms() < end) {
        if (read_as(head) == wanted) {
            return true;
        }
        usleep(20000);
    }
    return false;
}

Test(cluster_rights, that_are_taken_away_end_within_their_time)
{
    char head[600];
    struct login login = log_in(&server, VERA);
    (void)snprintf(head, sizeof head, "Cookie: %s\r\n", login.cookie);
    cr_expect_eq(read_as(AS(VERA)), 200);
    cr_expect_eq(read_as(head), 200);
    set(&cluster.vera_is_out, true);
    cr_expect(within(5000, 403, AS(VERA)));
    cr_expect(within(5000, 403, head), "her login too");
    set(&cluster.vera_is_out, false);
    cr_expect(within(5000, 200, head), "and comes back with the right");
}

Test(cluster_rights, of_an_operator_become_a_viewers)
{
    cr_expect_eq(act_as(AS(OTTO)), 202);
    set(&cluster.otto_may_read_only, true);
    usleep(700000);
    cr_expect_eq(act_as(AS(OTTO)), 403);
    cr_expect_eq(read_as(AS(OTTO)), 200);
}

Test(cluster_rights, hold_for_their_time_while_the_cluster_is_away_and_then_no_more)
{
    cr_expect_eq(read_as(AS(VERA)), 200);
    set(&cluster.is_down, true);
    cr_expect_eq(read_as(AS(VERA)), 200, "what is known is still known");
    cr_expect(within(5000, 503, AS(VERA)));
    struct reply reply = with(&server, "GET", "/api/v1/objects", AS(VERA), NULL);
    cr_expect_eq(reply.status, 503);
    cr_expect_not_null(reply_header(&reply, "Retry-After"));
    cr_expect(strstr(reply.body, "The cluster can't be asked now"), "%s", reply.body);
    cr_expect(!strstr(reply.body, VERA));
    reply_free(&reply);
    cr_expect_eq(read_as(AS(ALICE)), 200, "our own tokens need no cluster");
    reply = with(&server, "POST", "/api/v1/login", JSON, "{\"token\":\"" AUDRA "\"}");
    cr_expect_eq(reply.status, 503);
    cr_expect_not_null(reply_header(&reply, "Retry-After"));
    reply_free(&reply);
    set(&cluster.is_down, false);
    cr_expect(within(5000, 200, AS(VERA)));
}

Test(cluster_rights, are_not_waited_for_longer_than_the_limit)
{
    set(&cluster.silent, true);
    int64_t begin = hf_mono_ms();
    struct reply reply = with(&server, "GET", "/api/v1/objects", AS(VERA), NULL);
    cr_expect_eq(reply.status, 503);
    cr_expect_not_null(reply_header(&reply, "Retry-After"));
    cr_expect(hf_mono_ms() - begin >= 900, "it was waited for");
    reply_free(&reply);
    cr_expect_eq(read_as(AS(ALICE)), 200);
    set(&cluster.silent, false);
    cr_expect(within(5000, 200, AS(VERA)), "an answer that comes late counts too");
}

Test(cluster_rights, are_asked_of_few_at_once_however_many_tokens_are_made_up)
{
    int waiting[60];
    set(&cluster.silent, true);
    for (int i = 0; i < 60; i++) {
        char head[100];
        (void)snprintf(head, sizeof head, "Authorization: Bearer made-up.token.%d\r\n", i);
        waiting[i] = send_off("/api/v1/objects", head);
    }
    int refused = 0;
    for (int i = 0; i < 60; i++) {
        refused += status_at(waiting[i], 10000) == 503;
    }
    cr_expect_eq(refused, 60);
    cr_expect_leq(cluster.most_open, 8, "%u questions of one address were open", cluster.most_open);
    cr_expect_eq(read_as(AS(ALICE)), 200);
}

Test(cluster_rights, that_are_lost_end_an_event_stream)
{
    struct hf_buf seen = {0};
    int fd = dial(&server);
    char text[400];
    (void)snprintf(text, sizeof text, "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n" AS(VERA) "\r\n",
                   server.port);
    send_text(fd, text);
    cr_assert(await_text(fd, &seen, "event: view", 10000), "%s", hf_buf_text(&seen));
    cr_expect(!await_text(fd, &seen, "\r\n0\r\n", 3000), "it goes on while she may: %s", hf_buf_text(&seen));
    set(&cluster.vera_is_out, true);
    cr_expect(await_text(fd, &seen, "\r\n0\r\n", 10000), "%s", hf_buf_text(&seen));
    hf_buf_free(&seen);
    close(fd);
}
