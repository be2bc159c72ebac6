/* Logins: in memory only, so that a restart ends them all; of what the cookie holds only the digest is kept. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "holdfast/digest.h"

#define COOKIE_BYTES 32
#define MOST_OF_ONE 50 /* logins of one user: the oldest gives way */

static void end(struct hf_session *session)
{
    if (session->shown) {
        hf_wipe(session->shown, strlen(session->shown));
    }
    free(session->shown);
    hf_wipe(session, sizeof *session);
}

static bool same_user(const struct hf_session *session, const struct hf_who *who)
{
    return session->who.by == who->by && strcmp(session->who.user, who->user) == 0;
}

/* Lock held. A place for one more: a free or an ended one, else the user's oldest if he has many, else the oldest. */
static struct hf_session *place_for(struct hf_guard *guard, const struct hf_who *who, int64_t now_ms)
{
    struct hf_session *free = NULL;
    struct hf_session *oldest = &guard->sessions[0];
    struct hf_session *his = NULL;
    size_t count = 0;
    for (size_t i = 0; i < HF_SESSIONS; i++) {
        struct hf_session *session = &guard->sessions[i];
        if (session->used && session->who.until_ms <= now_ms) {
            end(session);
        }
        if (!session->used) {
            free = session;
            continue;
        }
        if (session->begun_ms < oldest->begun_ms) {
            oldest = session;
        }
        if (same_user(session, who)) {
            count++;
            his = !his || session->begun_ms < his->begun_ms ? session : his;
        }
    }
    return count >= MOST_OF_ONE ? his : free ? free : oldest;
}

int hf_session_begin(struct hf_guard *guard, const struct hf_who *who, const char *token, int64_t now_ms,
                     char cookie[HF_COOKIE_SIZE], struct hf_error *err)
{
    unsigned char bytes[COOKIE_BYTES];
    struct hf_session made = {.used = true, .who = *who, .begun_ms = now_ms};
    struct hf_buf text = {0};
    if (hf_random(bytes, sizeof bytes, err) != 0) {
        return -1;
    }
    hf_buf_add_base64(&text, bytes, sizeof bytes);
    hf_wipe(bytes, sizeof bytes);
    int result = hf_buf_ok(&text) ? 0 : hf_error_set(err, HF_ENOMEM, "no memory for a login");
    if (result == 0) {
        memcpy(cookie, text.ptr, text.len + 1); /* 44 characters and NUL */
        for (char *at = cookie; *at; at++) {
            *at = *at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? '\0' : *at;
        }
        result = hf_sha256(cookie, strlen(cookie), &made.id, err) == 0
                     ? hf_sha256(token, strlen(token), &made.token, err)
                     : -1;
    }
    if (text.ptr) {
        hf_wipe(text.ptr, text.cap);
    }
    hf_buf_free(&text);
    if (result == 0 && who->by == HF_BY_KUBERNETES && !(made.shown = hf_strdup(token))) {
        result = hf_error_set(err, HF_ENOMEM, "no memory for a login");
    }
    if (result != 0) {
        return -1;
    }
    pthread_mutex_lock(&guard->lock);
    struct hf_session *place = place_for(guard, who, now_ms);
    end(place);
    *place = made;
    pthread_mutex_unlock(&guard->lock);
    return 0;
}

/* Lock held. */
static struct hf_session *find(struct hf_guard *guard, const char *cookie)
{
    struct hf_digest id;
    struct hf_error err = HF_ERROR_INIT;
    size_t len = strlen(cookie);
    if (len == 0 || len >= HF_COOKIE_SIZE || hf_sha256(cookie, len, &id, &err) != 0) {
        return NULL;
    }
    struct hf_session *found = NULL;
    for (size_t i = 0; i < HF_SESSIONS; i++) {
        if (guard->sessions[i].used && CRYPTO_memcmp(&guard->sessions[i].id, &id, sizeof id) == 0) {
            found = &guard->sessions[i];
        }
    }
    return found;
}

/* A token that was taken away, or has run out, takes its logins along; its role is what it is now. */
static bool token_holds(struct hf_guard *guard, const struct hf_rights *rights, struct hf_session *session,
                        int64_t now_ms)
{
    if (session->who.by == HF_BY_KUBERNETES) {
        return guard->reviews && rights->access.reviewed &&
               hf_guard_review(guard, &session->token, session->shown, NULL, &session->who);
    }
    if (session->who.by != HF_BY_TOKEN) {
        return true;
    }
    for (size_t i = 0; i < rights->access.token_count; i++) {
        const struct hf_serve_token *token = &rights->access.tokens[i];
        if (hf_digest_equal(&token->hash, &session->token)) {
            hf_who_give(&session->who, token->role);
            return token->expires_ms == HF_TIME_NONE || now_ms < token->expires_ms;
        }
    }
    return false;
}

bool hf_session_find(struct hf_guard *guard, const struct hf_rights *rights, const char *cookie, int64_t now_ms,
                     struct hf_who *who)
{
    struct hf_address address = who->address;
    bool is_secure = who->is_secure;
    bool holds = false;
    pthread_mutex_lock(&guard->lock);
    struct hf_session *session = find(guard, cookie);
    if (session) {
        holds = now_ms < session->who.until_ms && token_holds(guard, rights, session, now_ms);
        if (holds) {
            *who = session->who;
            hf_guard_csrf(guard, "session", &session->id, sizeof session->id, who->csrf);
        } else {
            end(session);
        }
    }
    pthread_mutex_unlock(&guard->lock);
    who->address = address;
    who->is_secure = is_secure;
    who->by = holds ? HF_BY_COOKIE : who->by;
    return holds;
}

bool hf_session_end(struct hf_guard *guard, const char *cookie)
{
    pthread_mutex_lock(&guard->lock);
    struct hf_session *session = find(guard, cookie);
    if (session) {
        end(session);
    }
    pthread_mutex_unlock(&guard->lock);
    return session != NULL;
}

void hf_sessions_end(struct hf_guard *guard)
{
    for (size_t i = 0; i < HF_SESSIONS; i++) {
        end(&guard->sessions[i]);
    }
}
