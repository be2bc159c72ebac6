/* Whose a request is: a bearer token first, then the login's cookie, then a proxy's word. */
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "guard.h"
#include "holdfast/clock.h"
#include "holdfast/digest.h"

#define MOST_TOKEN HF_TOKEN_MAX

const char *hf_by_name(enum hf_by by)
{
    static const char *const NAMES[] = {NULL, "loopback", "token", "cookie", "proxy", "kubernetes"};
    return NAMES[by];
}

static const char *const ROLES[] = {"viewer", "operator", "auditor"};

const char *hf_role_name(enum hf_serve_role role)
{
    return ROLES[role];
}

static bool role_of(const char *text, enum hf_serve_role *role)
{
    for (size_t i = 0; text && i < sizeof ROLES / sizeof ROLES[0]; i++) {
        if (strcasecmp(text, ROLES[i]) == 0) {
            *role = (enum hf_serve_role)i;
            return true;
        }
    }
    return false;
}

void hf_who_give(struct hf_who *who, enum hf_serve_role role)
{
    who->has_role = true;
    who->role = role;
    who->may_read = true;
    who->may_act = role == HF_SERVE_OPERATOR;
    who->may_audit = role == HF_SERVE_AUDITOR;
}

void hf_guard_csrf(const struct hf_guard *guard, const char *what, const void *bytes, size_t len,
                   char out[HF_CSRF_SIZE])
{
    struct hf_digest digest;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf hex = {0};
    out[0] = '\0';
    hf_buf_add(&text, what, strlen(what) + 1);
    hf_buf_add(&text, bytes, len);
    if (hf_buf_ok(&text) && hf_hmac_sha256(guard->key, sizeof guard->key, text.ptr, text.len, &digest, &err) == 0) {
        hf_buf_add_hex(&hex, digest.bytes, 20);
        (void)snprintf(out, HF_CSRF_SIZE, "%s", hf_buf_text(&hex));
    }
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool is_proxy(const struct hf_rights *rights, const struct hf_address *address)
{
    for (size_t i = 0; i < rights->access.proxy_count; i++) {
        if (hf_network_has(&rights->proxies[i], address)) {
            return true;
        }
    }
    return false;
}

struct last {
    const char *name;
    const char *value;
    unsigned count;
};

static enum MHD_Result take_last(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct last *last = ctx;
    (void)kind;
    if (strcasecmp(name, last->name) == 0) {
        last->value = value;
        last->count++;
    }
    return MHD_YES;
}

static struct last last_header(struct MHD_Connection *connection, const char *name)
{
    struct last last = {.name = name};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, take_last, &last);
    return last;
}

static struct hf_slice trim(struct hf_slice text)
{
    while (text.len > 0 && (*text.ptr == ' ' || *text.ptr == '\t')) {
        text = (struct hf_slice){text.ptr + 1, text.len - 1};
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/* Behind proxies: the last address of X-Forwarded-For that is no proxy of ours. What stands before it is hearsay. */
static void look_behind(const struct hf_rights *rights, struct MHD_Connection *connection, struct hf_address *address)
{
    struct last last = last_header(connection, "X-Forwarded-For");
    struct hf_slice list = hf_slice_of(last.value);
    while (list.len > 0 && is_proxy(rights, address)) {
        size_t begin = list.len;
        while (begin > 0 && list.ptr[begin - 1] != ',') {
            begin--;
        }
        struct hf_address before;
        if (!hf_address_read(trim((struct hf_slice){list.ptr + begin, list.len - begin}), &before)) {
            return;
        }
        *address = before;
        list.len = begin > 0 ? begin - 1 : 0;
    }
}

/* Headers of a proxy that came twice: one of them may be the client's own. */
static const char *proxy_word(struct MHD_Connection *connection, const char *name)
{
    struct last last = last_header(connection, name);
    bool good = last.count == 1 && last.value[0] && strlen(last.value) < HF_USER_SIZE &&
                hf_utf8_valid(last.value, strlen(last.value));
    for (const char *at = last.value; good && *at; at++) {
        good = (unsigned char)*at >= 0x20 && *at != 0x7f;
    }
    return good ? last.value : NULL;
}

static void ask_proxy(struct hf_guard *guard, const struct hf_rights *rights, struct MHD_Connection *connection,
                      struct hf_who *who)
{
    const struct hf_serve_access *access = &rights->access;
    const char *user = access->proxy_user_header ? proxy_word(connection, access->proxy_user_header) : NULL;
    enum hf_serve_role role = access->proxy_role;
    if (!user || (access->proxy_role_header && !role_of(proxy_word(connection, access->proxy_role_header), &role))) {
        return;
    }
    who->by = HF_BY_PROXY;
    (void)snprintf(who->user, sizeof who->user, "%s", user);
    hf_who_give(who, role);
    hf_guard_csrf(guard, "proxy", user, strlen(user), who->csrf);
}

static void count_wrong(struct hf_guard *guard, struct hf_who *who)
{
    who->is_wrong = true;
    if (hf_book_failed(&guard->book, &who->address, hf_mono_ms())) {
        char text[HF_ADDRESS_TEXT];
        hf_address_text(&who->address, text);
        hf_log_write(guard->log, HF_WARN, "too many wrong tokens: this address has to wait a minute", "address", text,
                     NULL);
    }
}

/* What is right has no business with other programs: a token of ours that has run out is not shown about. */
static bool is_for_cluster(const struct hf_guard *guard, const struct hf_rights *rights, const char *token)
{
    if (!guard->reviews || !rights->access.reviewed || strncmp(token, "holdfast_", 9) == 0) {
        return false;
    }
    for (const char *at = token; *at; at++) {
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f) {
            return false;
        }
    }
    return true;
}

bool hf_guard_review(struct hf_guard *guard, const struct hf_digest *id, const char *token,
                     const struct hf_address *from, struct hf_who *who)
{
    struct hf_review review;
    hf_reviews_look(guard->reviews, id, token, from, &review);
    who->is_reviewed = true;
    who->review = *id;
    who->has_role = who->may_read = who->may_act = who->may_audit = false;
    who->must_wait = review.state == HF_REVIEW_WAITS;
    who->away_s = review.state == HF_REVIEW_NO_ANSWER ? review.retry_s : 0;
    if (review.state == HF_REVIEW_WRONG) {
        return false;
    }
    if (review.state == HF_REVIEWED) {
        who->by = HF_BY_KUBERNETES;
        (void)snprintf(who->user, sizeof who->user, "%s", review.user);
        if (who->until_ms == HF_TIME_NONE || (review.until_ms != HF_TIME_NONE && review.until_ms < who->until_ms)) {
            who->until_ms = review.until_ms;
        }
    }
    if (review.state == HF_REVIEWED && review.may_read) {
        hf_who_give(who, review.may_act ? HF_SERVE_OPERATOR : review.may_audit ? HF_SERVE_AUDITOR : HF_SERVE_VIEWER);
        who->may_audit = review.may_audit; /* rights add up: an operator may have this one too */
    }
    return true;
}

void hf_guard_token(struct hf_guard *guard, const struct hf_rights *rights, const char *token, struct hf_who *who)
{
    struct hf_digest digest;
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_serve_token *found = NULL;
    size_t len = strnlen(token, MOST_TOKEN + 1);
    who->shut_s = hf_book_shut(&guard->book, &who->address, hf_mono_ms());
    if (who->shut_s > 0) {
        return;
    }
    if (len == 0 || len > MOST_TOKEN || hf_sha256(token, len, &digest, &err) != 0) {
        count_wrong(guard, who);
        return;
    }
    for (size_t i = 0; i < rights->access.token_count; i++) {
        if (CRYPTO_memcmp(&rights->access.tokens[i].hash, &digest, sizeof digest) == 0) {
            found = &rights->access.tokens[i];
        }
    }
    if (!found && is_for_cluster(guard, rights, token)) {
        if (!hf_guard_review(guard, &digest, token, &who->address, who)) {
            count_wrong(guard, who);
        }
        return;
    }
    if (!found || (found->expires_ms != HF_TIME_NONE && hf_now_ms() >= found->expires_ms)) {
        count_wrong(guard, who);
        return;
    }
    who->by = HF_BY_TOKEN;
    who->until_ms = found->expires_ms;
    (void)snprintf(who->user, sizeof who->user, "%s", found->name);
    hf_who_give(who, found->role);
}

/* Where no access control is set, the server is on loopback: who is on this machine may read. */
static void greet_local(struct hf_who *who, bool may_audit)
{
    who->by = HF_BY_LOOPBACK;
    hf_who_give(who, HF_SERVE_VIEWER);
    who->may_audit = may_audit;
}

static void find_address(const struct hf_rights *rights, struct MHD_Connection *connection, struct hf_who *who)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    memset(&who->address, 0, sizeof who->address);
    (void)(info && hf_address_of(info->client_addr, &who->address));
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_PROTOCOL);
    who->is_secure = info != NULL;
    if (rights && is_proxy(rights, &who->address)) {
        const char *protocol = proxy_word(connection, "X-Forwarded-Proto");
        who->is_secure |= protocol && strcasecmp(protocol, "https") == 0;
        look_behind(rights, connection, &who->address);
    }
}

void hf_guard_who(struct hf_guard *guard, struct MHD_Connection *connection, bool is_counted, struct hf_who *who)
{
    struct hf_rights *rights = hf_guard_rights(guard);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct hf_address peer = {{0}};
    memset(who, 0, sizeof *who);
    who->until_ms = HF_TIME_NONE;
    find_address(rights, connection, who);
    if (rights && !is_counted) {
        who->slow_s = hf_book_ask(&guard->book, &who->address, rights->access.requests_per_second, hf_mono_ms());
    }
    if (who->slow_s > 0) {
        hf_rights_release(rights);
        return;
    }
    if (!rights) {
        greet_local(who, true);
        return;
    }
    const char *bearer = header(connection, "Authorization");
    const char *cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, guard->cookie);
    if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0) {
        hf_guard_token(guard, rights, bearer + 7, who);
    } else if (!cookie || !hf_session_find(guard, rights, cookie, hf_now_ms(), who)) {
        if (info && hf_address_of(info->client_addr, &peer) && is_proxy(rights, &peer)) {
            ask_proxy(guard, rights, connection, who);
        }
        if (!who->has_role && rights->access.anonymous_read) {
            greet_local(who, false);
        }
    }
    hf_rights_release(rights);
}
