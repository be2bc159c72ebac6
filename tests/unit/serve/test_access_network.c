/* What the network may send: names of hosts, proxies, TLS and its renewal, slow and many clients. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access_fixture.h"
#include "address.h"

static struct server server;
static struct fake_actions fake;
static struct hf_serve_token tokens[4];
static struct hf_serve_access access_control;

static int with_host(const char *host)
{
    char head[200];
    (void)snprintf(head, sizeof head, "Host: %s\r\n" AS(BOB), host);
    struct reply reply = ask(&server, "GET", "/api/v1/objects", head);
    int status = reply.status;
    reply_free(&reply);
    return status;
}

Test(network, a_page_whose_name_was_pointed_here_is_refused, .timeout = 60)
{
    access_of(&access_control, tokens);
    access_control.hosts = (const char *const[]){"holdfast.example.com"};
    access_control.host_count = 1;
    access_start(&server, &fake, &access_control);
    cr_expect_eq(with_host("evil.example"), 421);
    cr_expect_eq(with_host("evil.example:8484"), 421);
    cr_expect_eq(with_host("holdfast.example.com.evil.example"), 421);
    cr_expect_eq(with_host("10.9.8.7"), 421);
    cr_expect_eq(with_host("localhost.evil.example"), 421);
    cr_expect_eq(with_host(""), 421);
    cr_expect_eq(with_host("holdfast.example.com"), 200);
    cr_expect_eq(with_host("Holdfast.Example.COM:443"), 200);
    cr_expect_eq(with_host("localhost"), 200);
    cr_expect_eq(with_host("[::1]:9"), 200);
    char head[300];
    (void)snprintf(head, sizeof head, "Host: evil.example\r\n" JSON AS(ALICE) "Content-Length: 2\r\n");
    struct reply reply = ask_body(&server, "POST", "/api/v1/actions", head, "{}");
    cr_expect_eq(reply.status, 421);
    reply_free(&reply);
    server_stop(&server);
}

static int start_at(const char *listen, struct hf_serve **serve, struct hf_error *err)
{
    struct hf_serve_options options = {.listen = listen, .access = access_control.token_count ? &access_control : NULL};
    return hf_serve_start(&options, NULL, NULL, serve, err);
}

Test(network, beyond_loopback_it_starts_only_with_access_control_and_tls)
{
    struct hf_serve *serve;
    struct hf_error err = HF_ERROR_INIT;
    static const char *const BEYOND[] = {"0.0.0.0:0", "[::]:0", "10.0.0.1:0"};
    for (size_t i = 0; i < sizeof BEYOND / sizeof BEYOND[0]; i++) {
        memset(&access_control, 0, sizeof access_control);
        if (i < 2) { /* an address that this machine has */
            cr_assert_eq(start_at(BEYOND[i], &serve, &err), -1);
            cr_expect_eq(err.code, HF_EDENIED);
            cr_expect(strstr(err.text, "everyone who reaches that address"), "%s", err.text);
            cr_expect(strstr(err.text, "docs/access.md"), "%s", err.text);
            hf_error_clear(&err);
        }
        cr_assert_eq(hf_serve_check(BEYOND[i], NULL, &err), -1);
        cr_expect_eq(err.code, HF_EDENIED);
        hf_error_clear(&err);
        access_of(&access_control, tokens);
        cr_assert_eq(hf_serve_check(BEYOND[i], &access_control, &err), -1);
        cr_expect(strstr(err.text, "without TLS"), "%s", err.text);
        hf_error_clear(&err);
        access_control.plain_http = true;
        cr_expect_eq(hf_serve_check(BEYOND[i], &access_control, &err), 0, "%s", err.text);
        access_control.anonymous_read = true;
        cr_assert_eq(hf_serve_check(BEYOND[i], &access_control, &err), -1);
        cr_expect(strstr(err.text, "anonymous"), "%s", err.text);
        hf_error_clear(&err);
    }
    access_control.anonymous_read = false;
    cr_assert_eq(start_at("0.0.0.0:0", &serve, &err), 0, "%s", err.text);
    cr_assert_eq(hf_serve_renew(serve, NULL, &err), -1, "nor is it taken away while it runs");
    cr_expect_eq(err.code, HF_EDENIED);
    hf_serve_stop(serve);
}

Test(network, a_proxy_is_believed_from_its_address_alone, .timeout = 60)
{
    static const char *const FAR[] = {"10.0.0.0/8"};
    static const char *const NEAR[] = {"127.0.0.0/8"};
    struct hf_error err = HF_ERROR_INIT;
    access_of(&access_control, tokens);
    access_control.proxy_addresses = FAR;
    access_control.proxy_count = 1;
    access_control.proxy_user_header = "X-Forwarded-User";
    access_control.proxy_role_header = "X-Role";
    access_start(&server, &fake, &access_control);
#define DAVE "X-Forwarded-User: dave\r\nX-Role: operator\r\n"
#define PUT "{\"kind\":\"put_back\",\"target\":\"dev\",\"unit\":\"unit-1\",\"reason\":\"r\"}"
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", DAVE, NULL), 401);
    cr_expect_eq(status_of(&server, "POST", "/api/v1/actions", JSON DAVE, PUT), 401);
    access_control.proxy_addresses = NEAR;
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), 0);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", DAVE, NULL), 200);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", "X-Forwarded-User: dave\r\nX-Role: root\r\n", NULL), 401);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", "X-Forwarded-User: dave\r\n", NULL), 401);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", "X-Role: operator\r\n", NULL), 401);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/objects", "X-Forwarded-User: eve\r\n" DAVE, NULL), 401,
                 "one of them may be the client's own");
    cr_expect_eq(status_of(&server, "POST", "/api/v1/actions", JSON DAVE, PUT), 403, "a browser sends it by itself");
    struct reply reply = with(&server, "GET", "/api/v1/session", DAVE, NULL);
    char head[300];
    const char *csrf = strstr(reply.body, "\"csrf\":\"");
    cr_assert(csrf && strstr(reply.body, "\"user\":\"dave\",\"role\":\"operator\",\"by\":\"proxy\""), "%s", reply.body);
    (void)snprintf(head, sizeof head, JSON DAVE "X-CSRF-Token: %.*s\r\n", (int)strcspn(csrf + 8, "\""), csrf + 8);
    reply_free(&reply);
    cr_expect_eq(status_of(&server, "POST", "/api/v1/actions", head, PUT), 202);
    cr_expect_str_eq(fake.by, "dave");
    server_stop(&server);
}

Test(network, behind_a_proxy_each_client_has_failures_of_his_own, .timeout = 60)
{
    static const char *const NEAR[] = {"127.0.0.1"};
    access_of(&access_control, tokens);
    access_control.proxy_addresses = NEAR;
    access_control.proxy_count = 1;
    access_start(&server, &fake, &access_control);
    for (int i = 0; i < 11; i++) {
        (void)status_of(&server, "GET", "/api/v1/objects", AS("guess") "X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\n",
                        NULL);
    }
    cr_expect_eq(status_of(&server, "GET", "/metrics", AS(ALICE) "X-Forwarded-For: 203.0.113.9\r\n", NULL), 429);
    cr_expect_eq(status_of(&server, "GET", "/metrics", AS(ALICE) "X-Forwarded-For: 203.0.113.8\r\n", NULL), 200);
    cr_expect_eq(status_of(&server, "GET", "/metrics", AS(ALICE) "X-Forwarded-For: 1.1.1.1\r\n", NULL), 200,
                 "what the client claims is hearsay");
    cr_expect_eq(status_of(&server, "GET", "/metrics",
                           AS(ALICE) "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9\r\n", NULL),
                 429, "the proxy's own line is the last");
    struct reply reply =
        with(&server, "POST", "/api/v1/login", JSON "X-Forwarded-Proto: https\r\nX-Forwarded-For: 203.0.113.1\r\n",
             "{\"token\":\"" ALICE "\"}");
    cr_assert_eq(reply.status, 204);
    cr_expect(strstr(reply_header(&reply, "Set-Cookie"), "; Secure"), "the browser came over TLS");
    reply_free(&reply);
    server_stop(&server);
}

Test(network, too_many_requests_of_one_address_are_sent_away, .timeout = 60)
{
    access_of(&access_control, tokens);
    access_control.requests_per_second = 2;
    access_start(&server, &fake, &access_control);
    int good = 0;
    int refused = 0;
    for (int i = 0; i < 40; i++) {
        int status = status_of(&server, "GET", "/api/v1/session", AS(BOB), NULL);
        good += status == 200;
        refused += status == 429;
    }
    cr_expect(good >= 20 && good <= 30, "%d of 40", good);
    cr_expect_eq(refused, 40 - good);
    usleep(1100000);
    cr_expect_eq(status_of(&server, "GET", "/api/v1/session", AS(BOB), NULL), 200, "they come back");
    server_stop(&server);
}

/* Whether the server has closed it within ms. */
static bool is_closed(int fd, int ms)
{
    char piece[4096];
    int64_t until = hf_mono_ms() + ms;
    for (int64_t left = ms; left > 0; left = until - hf_mono_ms()) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        if (poll(&poll_fd, 1, (int)left) > 0 && recv(fd, piece, sizeof piece, 0) <= 0) {
            return true;
        }
    }
    return false;
}

Test(network, who_sends_a_byte_now_and_then_holds_no_connection, .timeout = 60)
{
    struct hf_serve_options options = {.idle_timeout_s = 2, .max_connections = 4};
    server_start(&server, &options);
    int slow[4];
    for (int i = 0; i < 4; i++) {
        slow[i] = dial(&server);
        send_text(slow[i], "GET / HTTP/1.1\r\nX-Slow: ");
    }
    bool closed = false;
    for (int i = 0; i < 12 && !closed; i++) {
        for (int n = 0; n < 4; n++) {
            send_text(slow[n], "a");
        }
        closed = is_closed(slow[0], 1000);
    }
    cr_expect(closed, "12 s of a header that never ends");
    for (int i = 0; i < 4; i++) {
        close(slow[i]);
    }
    int status = 0;
    for (int i = 0; i < 50 && status != 200; i++) {
        usleep(100000);
        struct reply reply = get(&server, "/livez");
        status = reply.status;
        reply_free(&reply);
    }
    cr_expect_eq(status, 200);
    server_stop(&server);
}

Test(network, one_address_can_not_take_all_connections, .timeout = 60)
{
    struct hf_serve_options options = {.connections_per_address = 5};
    server_start(&server, &options);
    int held[5];
    struct hf_buf seen = {0};
    for (int i = 0; i < 5; i++) {
        held[i] = dial(&server);
        send_text(held[i], "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
        hf_buf_clear(&seen);
        cr_assert(await_text(held[i], &seen, "ok\n", 5000));
    }
    int more = dial(&server);
    send_text(more, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    cr_expect(is_closed(more, 3000), "a sixth is not taken");
    for (int i = 0; i < 5; i++) {
        close(held[i]);
    }
    close(more);
    hf_buf_free(&seen);
    server_stop(&server);
}

Test(network, a_header_that_is_too_long_is_refused, .timeout = 60)
{
    server_start(&server, NULL);
    struct hf_buf head = {0};
    hf_buf_adds(&head, "Host: localhost\r\nX-Long: ");
    for (int i = 0; i < 40000; i++) {
        hf_buf_addc(&head, 'a');
    }
    hf_buf_adds(&head, "\r\n");
    struct reply reply = ask(&server, "GET", "/livez", head.ptr);
    cr_expect(reply.status == 431 || reply.status == 413, "%d", reply.status);
    reply_free(&reply);
    hf_buf_free(&head);
    server_stop(&server);
}

struct pair {
    char cert[4096];
    char key[4096];
};

static void take_bio(BIO *bio, char *out, size_t size)
{
    int len = BIO_read(bio, out, (int)size - 1);
    out[len > 0 ? len : 0] = '\0';
    BIO_free(bio);
}

static void make_pair(struct pair *pair, long serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               (const unsigned char *)(serial == 1 ? "first" : "second"), -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    cr_assert_gt(X509_sign(x509, key, EVP_sha256()), 0);
    BIO *cert_bio = BIO_new(BIO_s_mem());
    BIO *key_bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(cert_bio, x509);
    PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
    take_bio(cert_bio, pair->cert, sizeof pair->cert);
    take_bio(key_bio, pair->key, sizeof pair->key);
    X509_free(x509);
    EVP_PKEY_free(key);
}

/* curl over TLS, without a check of the certificate, which it tells; its output is read from the descriptor. */
static int curl_begin(const char *path, pid_t *child)
{
    int ends[2];
    char url[200];
    const char *colon = strrchr(hf_serve_address(server.serve), ':');
    (void)snprintf(url, sizeof url, "https://127.0.0.1%s%s", colon, path);
    cr_assert_eq(pipe(ends), 0);
    *child = fork();
    if (*child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        (void)execlp("curl", "curl", "-sSvkN", "-m", "20", "--noproxy", "*", "-H", "Authorization: Bearer " BOB, url,
                     (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

/* Reads until text has come, or to the end. */
static bool curl_await(int fd, struct hf_buf *seen, const char *text)
{
    char piece[4096];
    while (!text || !strstr(hf_buf_text(seen), text)) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&poll_fd, 1, 20000) > 0 ? read(fd, piece, sizeof piece) : 0;
        if (got <= 0) {
            return false;
        }
        hf_buf_add(seen, piece, (size_t)got);
    }
    return true;
}

static void curl_get(const char *path, struct hf_buf *seen)
{
    pid_t child;
    hf_buf_clear(seen);
    int fd = curl_begin(path, &child);
    (void)curl_await(fd, seen, NULL);
    close(fd);
    (void)waitpid(child, NULL, 0);
}

Test(network, over_tls_a_new_certificate_counts_at_once_and_streams_come_again, .timeout = 90)
{
    static struct pair first;
    static struct pair second;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf seen = {0};
    struct hf_buf stream_seen = {0};
    pid_t child;
    make_pair(&first, 1);
    make_pair(&second, 2);
    access_of(&access_control, tokens);
    access_control.cert_pem = first.cert;
    access_control.key_pem = first.key;
    access_start(&server, &fake, &access_control);
    cr_expect(strncmp(hf_serve_address(server.serve), "https://127.0.0.1:", 18) == 0);
    curl_get("/api/v1/objects", &seen);
    cr_expect(strstr(hf_buf_text(&seen), "service-00001"), "%s", hf_buf_text(&seen));
    cr_expect(strstr(hf_buf_text(&seen), "CN=first"));
    int stream = curl_begin("/api/v1/stream", &child);
    cr_assert(curl_await(stream, &stream_seen, "event: view"), "%s", hf_buf_text(&stream_seen));
    access_control.cert_pem = second.cert;
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), -1, "a key of another certificate");
    cr_expect(strstr(err.text, "the key is not the certificate's"), "%s", err.text);
    cr_expect(!strstr(err.text, "PRIVATE"));
    hf_error_clear(&err);
    access_control.key_pem = second.key;
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), 0, "%s", err.text);
    cr_expect(!curl_await(stream, &stream_seen, "never"), "the stream ends, so that it comes again");
    cr_expect(strstr(hf_buf_text(&stream_seen), "left intact") || strstr(hf_buf_text(&stream_seen), "Closing"),
              "in good order: %s", hf_buf_text(&stream_seen));
    close(stream);
    (void)waitpid(child, NULL, 0);
    for (int i = 0; i < 5; i++) {
        curl_get("/api/v1/objects", &seen);
        cr_expect(strstr(hf_buf_text(&seen), "CN=second") && strstr(hf_buf_text(&seen), "service-00001"), "%s",
                  hf_buf_text(&seen));
    }
    access_control.cert_pem = access_control.key_pem = NULL;
    cr_assert_eq(hf_serve_renew(server.serve, &access_control, &err), -1, "TLS is not taken away while it runs");
    curl_get("/api/v1/objects", &seen);
    cr_expect(strstr(hf_buf_text(&seen), "CN=second"));
    hf_buf_free(&seen);
    hf_buf_free(&stream_seen);
    server_stop(&server);
}

Test(network, a_certificate_that_is_none_is_told_at_the_start)
{
    static struct pair first;
    struct hf_serve *serve;
    struct hf_error err = HF_ERROR_INIT;
    make_pair(&first, 1);
    access_of(&access_control, tokens);
    access_control.cert_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    access_control.key_pem = first.key;
    cr_assert_eq(start_at("127.0.0.1:0", &serve, &err), -1);
    cr_expect(strstr(err.text, "certificate"), "%s", err.text);
    cr_expect(!strstr(err.text, "PRIVATE") && !strstr(err.text, "AAAA"));
    hf_error_clear(&err);
    access_control.cert_pem = first.cert;
    access_control.key_pem = "x";
    cr_assert_eq(hf_serve_check("127.0.0.1:0", &access_control, &err), -1);
    cr_expect(strstr(err.text, "private key"), "%s", err.text);
}

struct net {
    char network[40];
    char address[40];
    int has; /* -1: it is no network */
};

ParameterizedTestParameters(network, networks)
{
    static struct net rows[] = {
        {"10.0.0.1", "10.0.0.1", 1},      {"10.0.0.1", "10.0.0.2", 0},
        {"10.1.0.0/16", "10.1.255.9", 1}, {"10.1.0.0/16", "10.2.0.1", 0},
        {"10.1.0.0/15", "10.1.2.3", 1},   {"10.0.0.0/9", "10.127.1.1", 1},
        {"10.0.0.0/9", "10.128.1.1", 0},  {"0.0.0.0/0", "8.8.8.8", 1},
        {"0.0.0.0/0", "2001:db8::1", 0},  {"fd00::/8", "fdab::1", 1},
        {"fd00::/8", "fe80::1", 0},       {"::1", "::1", 1},
        {"::/0", "1.2.3.4", 1},           {"::ffff:10.0.0.1", "10.0.0.1", 1},
        {"10.0.0.0/33", "", -1},          {"10.0.0/8", "", -1},
        {"example.com", "", -1},          {"10.0.0.1/", "", -1},
        {"10.0.0.1/-1", "", -1},          {"", "", -1},
        {"fd00::/129", "", -1},           {"10.0.0.1/8x", "", -1},
    };
    return cr_make_param_array(struct net, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(struct net *row, network, networks)
{
    struct hf_network network;
    struct hf_address address;
    struct hf_error err = HF_ERROR_INIT;
    if (row->has < 0) {
        cr_expect_eq(hf_network_read(row->network, &network, &err), -1, "%s", row->network);
        return;
    }
    cr_assert_eq(hf_network_read(row->network, &network, &err), 0, "%s", err.text);
    cr_assert(hf_address_read(hf_slice_of(row->address), &address));
    cr_expect_eq(hf_network_has(&network, &address), row->has == 1, "%s in %s", row->address, row->network);
}

Test(network, of_ten_thousand_addresses_none_grows_the_book)
{
    static struct hf_book book;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_book_begin(&book, &err), 0);
    struct hf_address mine;
    cr_assert(hf_address_read(hf_slice_of("192.0.2.1"), &mine));
    int64_t now = 1000000;
    for (int i = 0; i < 10; i++) {
        (void)hf_book_failed(&book, &mine, now);
    }
    cr_expect_eq(hf_book_shut(&book, &mine, now), 60u);
    cr_expect_eq(hf_book_shut(&book, &mine, now + 59001), 1u);
    cr_expect_eq(hf_book_shut(&book, &mine, now + 60000), 0u);
    for (unsigned i = 0; i < 10000; i++) {
        struct hf_address other = mine;
        other.bytes[12] = (unsigned char)(i >> 8);
        other.bytes[13] = (unsigned char)i;
        cr_expect_eq(hf_book_ask(&book, &other, 1, now + i), 0u);
    }
    struct hf_address six;
    struct hf_address neighbour;
    cr_assert(hf_address_read(hf_slice_of("2001:db8::1"), &six));
    cr_assert(hf_address_read(hf_slice_of("2001:db8::2"), &neighbour));
    for (int i = 0; i < 10; i++) {
        (void)hf_book_failed(&book, &six, now);
    }
    cr_expect_gt(hf_book_shut(&book, &neighbour, now), 0u, "who has one of a /64 has all of it");
    hf_book_end(&book);
}
