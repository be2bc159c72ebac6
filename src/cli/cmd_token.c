/* `holdfast token`: the tokens that the dashboard and the API are logged in by. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "holdfast/clock.h"
#include "holdfast/config.h"
#include "holdfast/digest.h"
#include "holdfast/mem.h"

#define TOKEN_BYTES 32
#define LEAST_TOKEN 32 /* characters of one that is made elsewhere */
#define MOST_TOKEN 4096
#define MOST_FOR_MS (INT64_C(3660) * 86400000)

/* Base64 for URLs, so that a double click takes all of it; the prefix lets scanners of secrets know it. */
static int make_token(struct hf_buf *out, struct hf_error *err)
{
    unsigned char bytes[TOKEN_BYTES];
    if (hf_random(bytes, sizeof bytes, err) != 0) {
        return -1;
    }
    hf_buf_adds(out, "holdfast_");
    hf_buf_add_base64(out, bytes, sizeof bytes);
    hf_wipe(bytes, sizeof bytes);
    for (char *at = out->ptr; hf_buf_ok(out) && *at; at++) {
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at;
    }
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "out of memory");
}

static bool is_name(const char *name)
{
    static const char ENDS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strlen(name);
    return len > 0 && len <= 100 && strchr(ENDS, name[0]) && strchr(ENDS, name[len - 1]) &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@:-") == len;
}

static int print_line(const char *token, const char *name, const char *role, int64_t expires_ms, struct hf_error *err)
{
    char hash[HF_SHA256_TEXT];
    char expires[HF_TIME_TEXT];
    struct hf_digest digest;
    if (hf_sha256(token, strlen(token), &digest, err) != 0) {
        return -1;
    }
    hf_digest_text(&digest, hash);
    hf_time_format(expires_ms, expires);
    printf("- {name: \"%s\", role: %s, hash: \"%s\"%s%s%s}\n", name, role, hash, expires[0] ? ", expires: \"" : "",
           expires, expires[0] ? "\"" : "");
    return fflush(stdout) == 0 ? 0 : hf_error_set(err, HF_EIO, "the output can't be written");
}

struct asked {
    const char *name;
    const char *role;
    const char *duration;
};

static int read_asked(const struct asked *asked, int64_t *expires_ms, struct hf_error *err)
{
    enum hf_role role;
    int64_t ms;
    *expires_ms = HF_TIME_NONE;
    if (!asked->name || !is_name(asked->name)) {
        return hf_error_set(err, HF_EINVAL, "expected --name: letters, digits and . _ @ : - between them");
    }
    if (!asked->role || !hf_role_parse(asked->role, &role)) {
        return hf_error_set(err, HF_EINVAL, "--role: found \"%s\", expected viewer, operator or auditor",
                            asked->role ? asked->role : "");
    }
    if (asked->duration && (!hf_duration_parse(hf_slice_of(asked->duration), &ms) || ms < 60000 || ms > MOST_FOR_MS)) {
        return hf_error_set(err, HF_EINVAL, "--for: found \"%s\", expected 1m to 3660d, such as 90d", asked->duration);
    }
    if (asked->duration) {
        *expires_ms = hf_now_ms() + ms;
    }
    return 0;
}

static int new_token(const struct asked *asked, struct hf_error *err)
{
    struct hf_buf token = {0};
    int64_t expires_ms;
    int result = read_asked(asked, &expires_ms, err);
    result = result == 0 ? make_token(&token, err) : result;
    if (result == 0) {
        printf("%s\n", hf_buf_text(&token));
        fprintf(stderr, "This is the token, told only now. Its line for access.tokens, or for tokens_file:\n");
        result = print_line(hf_buf_text(&token), asked->name, asked->role, expires_ms, err);
    }
    if (token.ptr) {
        hf_wipe(token.ptr, token.cap);
    }
    hf_buf_free(&token);
    return result;
}

/* Of one that was made elsewhere, from the standard input: what stands on a command line is told to every user. */
static int hash_token(const struct asked *asked, struct hf_error *err)
{
    char token[MOST_TOKEN + 2] = "";
    int64_t expires_ms;
    if (read_asked(asked, &expires_ms, err) != 0) {
        return -1;
    }
    size_t len = fread(token, 1, MOST_TOKEN + 1, stdin);
    while (len > 0 && (token[len - 1] == '\n' || token[len - 1] == '\r')) {
        len--;
    }
    token[len] = '\0';
    int result = 0;
    if (len < LEAST_TOKEN || len > MOST_TOKEN || strlen(token) != len || strcspn(token, " \t\r\n") != len) {
        result = hf_error_set(err, HF_EINVAL, "expected %d to %d characters without a space on the standard input",
                              LEAST_TOKEN, MOST_TOKEN);
    }
    result = result == 0 ? print_line(token, asked->name, asked->role, expires_ms, err) : result;
    hf_wipe(token, sizeof token);
    return result;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    struct asked asked = {0};
    const struct hf_option table[] = {
        {"name", "NAME", "who it is, as the trail tells it", &asked.name},
        {"role", "ROLE", "viewer, operator or auditor", &asked.role},
        {"for", "DURATION", "how long it holds, such as 90d; for ever without it", &asked.duration},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, table, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    const char *what = argc - first == 1 ? argv[first] : "";
    int result;
    if (strcmp(what, "new") == 0) {
        result = new_token(&asked, &err);
    } else if (strcmp(what, "hash") == 0) {
        result = hash_token(&asked, &err);
    } else {
        result = hf_error_set(&err, HF_EINVAL, "expected one of `token new` and `token hash`");
    }
    return result == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

const struct hf_command hf_cmd_token = {
    .name = "token",
    .summary = "Make a token for the dashboard and the API, and its line for the config.",
    .usage = "token new --name NAME --role viewer|operator|auditor [--for DURATION]\n"
             "       holdfast token hash --name NAME --role viewer|operator|auditor [--for DURATION] <FILE",
    .help = "`new` prints the token, which is kept nowhere, and then the line that lets it in: put that into the\n"
            "config's access.tokens, or into its tokens_file, which is read again when it changes. `hash` prints the\n"
            "line of a token that was made elsewhere (at least 32 random characters). Exit: 0, or 2.\n\n"
            "  holdfast token new --name alice --role operator --for 90d\n",
    .run = run,
};
