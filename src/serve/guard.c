#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "holdfast/digest.h"
#include "listen.h"

#define SESSION_MS (12 * INT64_C(3600000))

static int no_memory(struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "no memory for access control");
}

static const char *copy(struct hf_arena *arena, const char *text)
{
    return text ? hf_arena_copy(arena, text, strlen(text)) : NULL;
}

static int copy_tokens(struct hf_rights *rights, const struct hf_serve_access *from, struct hf_error *err)
{
    struct hf_serve_token *tokens = hf_arena_array(rights->arena, from->token_count, sizeof *tokens);
    if (!tokens) {
        return no_memory(err);
    }
    for (size_t i = 0; i < from->token_count; i++) {
        tokens[i] = from->tokens[i];
        tokens[i].name = copy(rights->arena, from->tokens[i].name);
        if (!tokens[i].name) {
            return no_memory(err);
        }
    }
    rights->access.tokens = tokens;
    return 0;
}

static int copy_rest(struct hf_rights *rights, const struct hf_serve_access *from, struct hf_error *err)
{
    const char **hosts = hf_arena_array(rights->arena, from->host_count, sizeof *hosts);
    rights->proxies = hf_arena_array(rights->arena, from->proxy_count, sizeof *rights->proxies);
    if (!hosts || !rights->proxies) {
        return no_memory(err);
    }
    for (size_t i = 0; i < from->host_count; i++) {
        hosts[i] = copy(rights->arena, from->hosts[i]);
        if (!hosts[i]) {
            return no_memory(err);
        }
    }
    for (size_t i = 0; i < from->proxy_count; i++) {
        if (hf_network_read(from->proxy_addresses[i], &rights->proxies[i], err) != 0) {
            return hf_error_wrap(err, "access.proxy.addresses");
        }
    }
    struct hf_serve_access *access = &rights->access;
    access->hosts = hosts;
    access->proxy_user_header = copy(rights->arena, from->proxy_user_header);
    access->proxy_role_header = copy(rights->arena, from->proxy_role_header);
    access->session_ms = from->session_ms > 0 ? from->session_ms : SESSION_MS;
    bool lost = (from->proxy_user_header && !access->proxy_user_header) ||
                (from->proxy_role_header && !access->proxy_role_header);
    return lost ? no_memory(err) : 0;
}

static int make_rights(const struct hf_serve_access *from, struct hf_rights **out, struct hf_error *err)
{
    struct hf_rights *rights = hf_calloc(1, sizeof *rights);
    if (!rights || !(rights->arena = hf_arena_new(0))) {
        free(rights);
        return no_memory(err);
    }
    atomic_init(&rights->refs, 1);
    rights->access = *from;
    rights->access.cert_pem = rights->access.key_pem = NULL;
    rights->access.proxy_addresses = NULL;
    if (copy_tokens(rights, from, err) != 0 || copy_rest(rights, from, err) != 0) {
        hf_rights_release(rights);
        return -1;
    }
    *out = rights;
    return 0;
}

struct hf_rights *hf_guard_rights(struct hf_guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    struct hf_rights *rights = guard->rights;
    if (rights) {
        atomic_fetch_add(&rights->refs, 1);
    }
    pthread_mutex_unlock(&guard->lock);
    return rights;
}

void hf_rights_release(struct hf_rights *rights)
{
    if (rights && atomic_fetch_sub(&rights->refs, 1) == 1) {
        hf_arena_free(rights->arena);
        free(rights);
    }
}

int hf_guard_begin(struct hf_guard *guard, const struct hf_serve_access *access, const char *address,
                   struct hf_log *log, struct hf_error *err)
{
    const char *colon = strrchr(address, ':');
    guard->log = log;
    (void)snprintf(guard->cookie, sizeof guard->cookie, "holdfast-%.8s", colon ? colon + 1 : "0");
    guard->sessions = hf_calloc(HF_SESSIONS, sizeof *guard->sessions);
    if (!guard->sessions || pthread_mutex_init(&guard->lock, NULL) != 0) {
        free(guard->sessions);
        guard->sessions = NULL;
        return no_memory(err);
    }
    if (hf_book_begin(&guard->book, err) != 0 || hf_random(guard->key, sizeof guard->key, err) != 0) {
        return -1;
    }
    return access ? make_rights(access, &guard->rights, err) : 0;
}

void hf_guard_end(struct hf_guard *guard)
{
    if (!guard->sessions) {
        return;
    }
    hf_rights_release(guard->rights);
    hf_sessions_end(guard);
    hf_wipe(guard->key, sizeof guard->key);
    free(guard->sessions);
    guard->sessions = NULL;
    hf_book_end(&guard->book);
    pthread_mutex_destroy(&guard->lock);
}

int hf_guard_renew(struct hf_guard *guard, const struct hf_serve_access *access, struct hf_error *err)
{
    struct hf_rights *made = NULL;
    if (access && make_rights(access, &made, err) != 0) {
        return -1;
    }
    pthread_mutex_lock(&guard->lock);
    struct hf_rights *old = guard->rights;
    guard->rights = made;
    pthread_mutex_unlock(&guard->lock);
    hf_rights_release(old);
    return 0;
}

/* The length of the name in "name:port". */
static size_t name_len(const char *header)
{
    const char *colon = strrchr(header, ':');
    const char *bracket = strrchr(header, ']');
    return colon && (!bracket || colon > bracket) ? (size_t)(colon - header) : strlen(header);
}

static bool is_known(const struct hf_rights *rights, const char *header)
{
    size_t len = name_len(header);
    for (size_t i = 0; i < rights->access.host_count; i++) {
        if (strlen(rights->access.hosts[i]) == len && strncasecmp(rights->access.hosts[i], header, len) == 0) {
            return true;
        }
    }
    return false;
}

bool hf_guard_host(const struct hf_rights *rights, const char *header, const char *host)
{
    struct hf_address address;
    if (hf_host_is_local(header, host)) {
        return true;
    }
    if (!rights || !header) {
        return false;
    }
    if (is_known(rights, header)) {
        return true;
    }
    /* Beyond loopback nothing is given without a credential, which a page of another name does not have. */
    bool beyond = !hf_listen_is_loopback(host);
    return beyond &&
           (rights->access.host_count == 0 || hf_address_read((struct hf_slice){header, name_len(header)}, &address));
}

bool hf_guard_origin(const struct hf_rights *rights, const char *origin, const char *site, const char *host)
{
    if (site && strcasecmp(site, "same-origin") != 0 && strcasecmp(site, "none") != 0) {
        return false;
    }
    if (!origin) {
        return true;
    }
    const char *authority = strstr(origin, "://");
    if (!authority || !host) {
        return false; /* "null": a page that hides where it comes from */
    }
    authority += 3;
    return strcasecmp(authority, host) == 0 || (rights && is_known(rights, authority));
}
