/* access: in the configuration, and a file of tokens. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/config.h"
#include "holdfast/mem.h"

#define TARGETS "targets: [{name: dev, source: {folder: units}}]\n"
#define HASH "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH2 "sha256:10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static int read_text(const char *text, struct hf_config **config, struct hf_error *err)
{
    return hf_config_read("/etc/holdfast/holdfast.yaml", text, strlen(text), config, err);
}

Test(access, without_it_nothing_is_set)
{
    struct hf_config *config;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_text(TARGETS, &config, &err), 0, "%s", err.text);
    cr_expect_not(config->access.is_set);
    cr_expect_eq(config->access.connections, 256);
    cr_expect_eq(config->access.requests_per_second, 0);
    hf_config_free(config);
}

Test(access, says_all_that_it_was_told)
{
    static const char TEXT[] =
        TARGETS "access:\n"
                "  tokens:\n"
                "  - {name: alice@example.com, role: operator, hash: \"" HASH "\", expires: 2027-01-31T00:00:00Z}\n"
                "  - {name: prometheus, role: viewer, hash: \"" HASH2 "\"}\n"
                "  tokens_file: tokens.yaml\n"
                "  session: 8h\n"
                "  anonymous: read\n"
                "  hosts: [holdfast.example.com]\n"
                "  tls: {cert_file: tls/crt, key_file: /run/key}\n"
                "  proxy: {addresses: [10.0.0.0/8], role_header: X-Role}\n"
                "  kubernetes: {target: dev, audiences: [holdfast]}\n"
                "  limits: {connections: 9, connections_per_address: 3, requests_per_second: 7, idle: 5s}\n";
    struct hf_config *config;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_text(TEXT, &config, &err), 0, "%s", err.text);
    const struct hf_config_access *access = &config->access;
    cr_assert(access->is_set);
    cr_assert_eq(access->token_count, 2u);
    cr_expect_str_eq(access->tokens[0].name, "alice@example.com");
    cr_expect_eq(access->tokens[0].role, HF_ROLE_OPERATOR);
    cr_expect_eq(access->tokens[0].hash.bytes[1], 0x11);
    cr_expect_eq(access->tokens[0].hash.bytes[31], 0xff);
    char expires[HF_TIME_TEXT];
    hf_time_format(access->tokens[0].expires_ms, expires);
    cr_expect_str_eq(expires, "2027-01-31T00:00:00.000Z");
    cr_expect_eq(access->tokens[1].expires_ms, HF_TIME_NONE);
    cr_expect_str_eq(access->tokens_file, "/etc/holdfast/tokens.yaml");
    cr_expect_eq(access->session_ms, 8 * INT64_C(3600000));
    cr_expect(access->anonymous_read);
    cr_expect_str_eq(access->hosts[0], "holdfast.example.com");
    cr_expect_str_eq(access->cert_file, "/etc/holdfast/tls/crt");
    cr_expect_str_eq(access->key_file, "/run/key");
    cr_expect_str_eq(access->proxy_addresses[0], "10.0.0.0/8");
    cr_expect_str_eq(access->proxy_user_header, "X-Forwarded-User");
    cr_expect_str_eq(access->proxy_role_header, "X-Role");
    cr_expect_eq(access->proxy_role, HF_ROLE_VIEWER);
    cr_expect_str_eq(access->kubernetes_target, "dev");
    cr_expect_str_eq(access->audiences[0], "holdfast");
    cr_expect_eq(access->connections, 9);
    cr_expect_eq(access->connections_per_address, 3);
    cr_expect_eq(access->requests_per_second, 7);
    cr_expect_eq(access->idle_ms, 5000);
    hf_config_free(config);
}

struct wrong {
    char text[400];
    char told[100];
};

ParameterizedTestParameters(access, wrong)
{
    static struct wrong rows[] = {
        {TARGETS "access: {}\n", "line 2, column 9: found nobody who may read"},
        {TARGETS "access: {anonymous: read, session: 10s}\n", "session below 1m"},
        {TARGETS "access: {anonymous: write}\n", "expected one of"},
        {TARGETS "access: {tokens: [{name: a, role: admin, hash: \"" HASH "\"}]}\n", "expected one of"},
        {TARGETS "access: {tokens: [{name: a, role: viewer, hash: secret}]}\n", "hash"},
        {TARGETS "access: {tokens: [{name: a, role: viewer}]}\n", "hash"},
        {TARGETS "access: {tokens: [{name: a, role: viewer, token: x, hash: \"" HASH "\"}]}\n", "token"},
        {TARGETS "access: {tokens: [{name: \"a b\", role: viewer, hash: \"" HASH "\"}]}\n", "name"},
        {TARGETS "access: {tokens: [{name: a, role: viewer, hash: \"" HASH "\", expires: next-monday}]}\n",
         "found no time"},
        {TARGETS "access:\n  tokens:\n  - {name: a, role: viewer, hash: \"" HASH
                 "\"}\n  - {name: b, role: viewer, hash: \"" HASH "\"}\n",
         "line 5, column 5: found the hash of another token"},
        {TARGETS "access: {anonymous: read, tls: {cert_file: a}}\n", "key_file"},
        {TARGETS "access: {kubernetes: {target: prod}}\n", "not in targets"},
        {TARGETS "access: {proxy: {}}\n", "addresses"},
        {TARGETS "access: {anonymous: read, hosts: [\"a b\"]}\n", "hosts"},
        {TARGETS "access: {anonymous: read, limits: {idle: 10ms}}\n", "idle"},
    };
    return cr_make_param_array(struct wrong, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(struct wrong *row, access, wrong)
{
    struct hf_config *config;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_text(row->text, &config, &err), -1, "%s was taken", row->text);
    cr_expect(strstr(err.text, row->told), "%s\n gives: %s", row->text, err.text);
}

static int read_file(const char *text, mode_t mode, size_t *count, struct hf_error *err)
{
    char path[] = "/tmp/holdfast-tokens-XXXXXX";
    const struct hf_config_token *tokens;
    struct hf_arena *arena = hf_arena_new(0);
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
    int result = hf_config_tokens(path, arena, &tokens, count, err);
    cr_assert(result != 0 || *count == 0 || tokens[0].name[0]);
    unlink(path);
    hf_arena_free(arena);
    return result;
}

Test(access, a_file_of_tokens_is_a_list_of_them)
{
    struct hf_error err = HF_ERROR_INIT;
    size_t count;
    cr_assert_eq(read_file("- {name: a, role: viewer, hash: \"" HASH "\"}\n", 0600, &count, &err), 0, "%s", err.text);
    cr_expect_eq(count, 1u);
    cr_assert_eq(read_file("[]\n", 0444, &count, &err), 0, "%s", err.text);
    cr_expect_eq(count, 0u);
    cr_assert_eq(read_file("- {name: a, role: viewer}\n", 0600, &count, &err), -1);
    cr_expect(strstr(err.text, "line 1"), "%s", err.text);
    cr_assert_eq(read_file("tokens: []\n", 0600, &count, &err), -1);
}

Test(access, a_file_of_tokens_that_others_may_write_is_refused)
{
    struct hf_error err = HF_ERROR_INIT;
    size_t count;
    cr_assert_eq(read_file("[]\n", 0620, &count, &err), -1);
    cr_expect_eq(err.code, HF_EDENIED);
    cr_assert_eq(read_file("[]\n", 0602, &count, &err), -1);
    cr_expect(strstr(err.text, "602"), "%s", err.text);
}
