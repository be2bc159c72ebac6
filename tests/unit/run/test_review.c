/* What an API server may answer to the question whose a token is, from the server's page to the page's answer. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "desk.h"
#include "run.h"

#define TOKENS "/apis/authentication.k8s.io/v1/tokenreviews"
#define RIGHTS "/apis/authorization.k8s.io/v1/subjectaccessreviews"
#define YES "{\"kind\":\"SubjectAccessReview\",\"status\":{\"allowed\":true}}"
#define USER(more) "{\"kind\":\"TokenReview\",\"status\":{\"authenticated\":true," more "}}"
#define VERA "\"user\":{\"username\":\"vera\",\"groups\":[\"a\"],\"extra\":{\"k\":[\"v\"]}}"
/* {"exp":4102444800}, 2100; {"exp":"soon"}; not JSON */
#define ENDS "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln"
#define ENDED "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4fQ.c2ln"
#define ENDS_SOON "eyJhbGciOiJub25lIn0.eyJleHAiOiJzb29uIn0.c2ln"
#define NO_JWT "eyJhbGciOiJub25lIn0.****.c2ln"

static struct desk desk;
static struct hf_run_options run_options;
static struct hf_config config;
static struct run_target target;
static struct hf_run run;

static void open_all(void)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_serve_reviewer reviewer;
    static const struct hf_serve_access ACCESS = {.reviewed = true};
    desk_open(&desk);
    config = (struct hf_config){.access = {.is_set = true, .kubernetes_target = "dev"}};
    target = (struct run_target){.run = &run, .name = strdup("dev"), .cluster = desk.cluster};
    run = (struct hf_run){.options = &run_options,
                          .config = &config,
                          .log = desk.log,
                          .loop = desk.loop,
                          .http = desk.http,
                          .targets = &target};
    hf_run_review_table(&run, &reviewer);
    struct hf_serve_options options = {.listen = "127.0.0.1:0", .access = &ACCESS, .reviewer = &reviewer};
    cr_assert_eq(hf_serve_start(&options, NULL, NULL, &run.serve, &err), 0, "%s", err.text);
}

static void close_all(void)
{
    hf_serve_stop(run.serve);
    run.has_stopped = true;
    desk_close(&desk);
    hf_run_reviews_forget(&target);
    free(target.name);
}

TestSuite(review, .init = open_all, .fini = close_all, .timeout = 30);

static void stop(void *ctx, void *message)
{
    (void)message;
    hf_loop_stop(ctx);
}

static struct {
    const char *token;
    char answer[4000];
} asked;

static void *ask_session(void *ctx)
{
    const char *colon = strrchr(hf_serve_address(run.serve), ':');
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    hf_auto_buf struct hf_buf request = {0};
    size_t len = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    hf_buf_addf(&request,
                "GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nConnection: "
                "close\r\n\r\n",
                asked.token);
    bool sent = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                send(fd, request.ptr, request.len, MSG_NOSIGNAL) == (ssize_t)request.len;
    for (ssize_t got = 1; sent && got > 0 && len<sizeof asked.answer - 1; len += got> 0 ? (size_t)got : 0) {
        got = recv(fd, asked.answer + len, sizeof asked.answer - 1 - len, 0);
    }
    asked.answer[len] = '\0';
    close(fd);
    (void)hf_loop_post(desk.loop, stop, desk.loop, NULL);
    return ctx;
}

/* The session of who shows the token; the loop turns meanwhile, as it does in the agent. */
static const char *session_of(const char *token)
{
    struct hf_error err = HF_ERROR_INIT;
    pthread_t client;
    asked.token = token;
    cr_assert_eq(pthread_create(&client, NULL, ask_session, NULL), 0);
    cr_assert_eq(hf_loop_run(desk.loop, &err), 0);
    pthread_join(client, NULL);
    return asked.answer;
}

Test(review, asks_whose_a_token_is_and_then_what_he_may)
{
    desk_page(&desk, TOKENS, 201, USER(VERA));
    desk_page(&desk, RIGHTS, 201, YES);
    const char *session = session_of("token-1");
    cr_expect(strstr(session, "\"user\":\"vera\",\"role\":\"operator\",\"by\":\"kubernetes\""), "%s", session);
    cr_expect(strstr(session, "\"may\":[\"read\",\"act\",\"audit\"]"), "%s", session);
    cr_expect(strstr(session, "\"until\":null"), "%s", session);
    cr_expect(desk_was_asked(&desk, RIGHTS));
}

Test(review, takes_no_answer_for_a_yes_that_is_none)
{
    static const char *const ROWS[] = {
        "{}",
        "{\"status\":null}",
        "{\"status\":{\"authenticated\":\"true\"," VERA "}}",
        "{\"status\":{\"authenticated\":false," VERA "}}",
        USER("\"user\":{}"),
        USER("\"user\":{\"username\":\"\"}"),
        USER("\"user\":{\"username\":7}"),
        USER("\"user\":{\"username\":\"a\\u0000b\"}"),
        USER("\"user\":{\"username\":\"line\\nend\"}"),
        USER("\"user\":\"vera\""),
    };
    desk_page(&desk, RIGHTS, 201, YES);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char token[40];
        (void)snprintf(token, sizeof token, "token-of-row-%zu", i);
        desk_page(&desk, TOKENS, 201, ROWS[i]);
        hf_serve_renew(run.serve, &(struct hf_serve_access){.reviewed = true}, &(struct hf_error)HF_ERROR_INIT);
        const char *session = session_of(token);
        cr_expect(strstr(session, "\"user\":null,\"role\":null"), "%s:\n%s", ROWS[i], session);
    }
}

Test(review, gives_no_right_that_was_not_allowed)
{
    static const char *const NOT_ALLOWED[] = {
        "{}",
        "{\"status\":{\"allowed\":\"true\"}}",
        "{\"status\":{\"allowed\":true,\"denied\":true}}",
        "{\"status\":{\"allowed\":false}}",
    };
    desk_page(&desk, TOKENS, 201, USER(VERA));
    for (size_t i = 0; i < sizeof NOT_ALLOWED / sizeof NOT_ALLOWED[0]; i++) {
        char token[40];
        (void)snprintf(token, sizeof token, "token-without-%zu", i);
        desk_page(&desk, RIGHTS, 201, NOT_ALLOWED[i]);
        const char *session = session_of(token);
        cr_expect(strstr(session, "\"user\":\"vera\",\"role\":null"), "%s:\n%s", NOT_ALLOWED[i], session);
    }
}

Test(review, says_so_when_the_server_can_not_answer_and_tells_no_token)
{
    static const struct {
        int status;
        const char *body;
    } ROWS[] = {
        {500, "{\"kind\":\"Status\",\"message\":\"token-7 broke it\"}"}, {201, "not JSON"}, {201, "[]"}, {404, "{}"}};
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        desk_page(&desk, TOKENS, ROWS[i].status, ROWS[i].body);
        hf_serve_renew(run.serve, &(struct hf_serve_access){.reviewed = true}, &(struct hf_error)HF_ERROR_INIT);
        const char *session = session_of("token-7");
        cr_expect(strstr(session, " 503 ") && strstr(session, "Retry-After: "), "%s:\n%s", ROWS[i].body, session);
        cr_expect(!strstr(session, "token-7"));
    }
    cr_expect(desk_log_has(&desk, "own users can't be let in"));
    cr_expect(!desk_log_has(&desk, "token-7"), "the server's words held it");
    desk_page(&desk, TOKENS, 201, USER(VERA));
    desk_page(&desk, RIGHTS, 500, "{}");
    cr_expect(strstr(session_of("token-8"), " 503 "), "%s", asked.answer);
}

Test(review, a_token_names_its_own_end)
{
    desk_page(&desk, TOKENS, 201, USER(VERA));
    desk_page(&desk, RIGHTS, 201, YES);
    cr_expect(strstr(session_of(ENDS), "\"until\":\"2100-01-01T00:00:00.000Z\""), "%s", asked.answer);
    cr_expect(strstr(session_of(ENDED), "\"user\":null"), "whatever the server says: %s", asked.answer);
    cr_expect(strstr(session_of(ENDS_SOON), "\"user\":\"vera\"") && strstr(asked.answer, "\"until\":null"), "%s",
              asked.answer);
    cr_expect(strstr(session_of(NO_JWT), "\"user\":\"vera\"") && strstr(asked.answer, "\"until\":null"), "%s",
              asked.answer);
}

Test(review, a_token_must_be_for_one_of_the_audiences_asked_for)
{
    static const struct {
        const char *answer;
        bool is_for_us;
    } ROWS[] = {
        {USER(VERA ",\"audiences\":[\"other\",\"holdfast\"]"), true},
        {USER(VERA ",\"audiences\":[\"other\"]"), false},
        {USER(VERA ",\"audiences\":[]"), false},
        {USER(VERA), false}, /* a server that does not know of audiences */
        {USER(VERA ",\"audiences\":\"holdfast\""), false},
    };
    config.access.audiences = (const char *const[]){"holdfast", "holdfast-eu"};
    config.access.audience_count = 2;
    desk_page(&desk, RIGHTS, 201, YES);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char token[40];
        (void)snprintf(token, sizeof token, "token-for-%zu", i);
        desk_page(&desk, TOKENS, 201, ROWS[i].answer);
        bool found = strstr(session_of(token), "\"user\":\"vera\"") != NULL;
        cr_expect_eq(found, ROWS[i].is_for_us, "%s:\n%s", ROWS[i].answer, asked.answer);
    }
}

Test(review, a_target_that_is_gone_can_not_be_asked)
{
    run.targets = NULL;
    cr_expect(strstr(session_of("token-9"), " 503 "), "%s", asked.answer);
}
