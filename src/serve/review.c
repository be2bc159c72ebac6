#include "review.h"

#include <microhttpd.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/mem.h"

#define ROWS 512
#define MOST_ASKED 32 /* at once, so that a flood of made-up tokens does not become one of the API server */
#define MOST_ASKED_FROM 8
#define KEEP_MS 60000
#define KEEP_WRONG_MS 10000
#define KEEP_NO_ANSWER_MS 2000
#define LIMIT_MS 5000

struct row {
    bool used;
    struct hf_digest id;
    char *token; /* wiped with the row */
    struct hf_address from;
    bool counts; /* for its address */
    bool asked;  /* an answer is awaited */
    uint64_t ticket;
    int64_t asked_ms;
    struct hf_review known;
    int64_t answered_ms;
    int64_t fresh_ms; /* until then; 0: nothing is known */
    int64_t looked_ms;
};

struct hf_reviews {
    struct hf_serve_reviewer reviewer;
    pthread_mutex_t lock; /* for all below */
    struct row *rows;
    uint64_t ticket;
    unsigned asked;
    bool ending;
    unsigned shut_door;
    struct hf_review_sleep *sleeping;
};

int hf_reviews_new(const struct hf_serve_reviewer *reviewer, struct hf_reviews **out, struct hf_error *err)
{
    struct hf_reviews *reviews = hf_calloc(1, sizeof *reviews);
    if (!reviews || !(reviews->rows = hf_calloc(ROWS, sizeof *reviews->rows)) ||
        pthread_mutex_init(&reviews->lock, NULL) != 0) {
        free(reviews ? reviews->rows : NULL);
        free(reviews);
        return hf_error_set(err, HF_ENOMEM, "no memory for access control");
    }
    reviews->reviewer = *reviewer;
    reviews->reviewer.keep_ms = reviewer->keep_ms ? reviewer->keep_ms : KEEP_MS;
    reviews->reviewer.keep_wrong_ms = reviewer->keep_wrong_ms ? reviewer->keep_wrong_ms : KEEP_WRONG_MS;
    reviews->reviewer.limit_ms = reviewer->limit_ms ? reviewer->limit_ms : LIMIT_MS;
    *out = reviews;
    return 0;
}

static void clear(struct hf_reviews *reviews, struct row *row)
{
    reviews->asked -= row->asked;
    if (row->token) {
        hf_wipe(row->token, strlen(row->token));
    }
    free(row->token);
    memset(row, 0, sizeof *row);
}

void hf_reviews_free(struct hf_reviews *reviews)
{
    if (!reviews) {
        return;
    }
    for (size_t i = 0; i < ROWS; i++) {
        clear(reviews, &reviews->rows[i]);
    }
    pthread_mutex_destroy(&reviews->lock);
    free(reviews->rows);
    free(reviews);
}

/* Lock held. */
static void wake(struct hf_review_sleep *sleep)
{
    *sleep->from = sleep->next;
    if (sleep->next) {
        sleep->next->from = sleep->from;
    }
    sleep->from = NULL;
    MHD_resume_connection(sleep->connection);
}

/* Lock held. id NULL: all. */
static void wake_all(struct hf_reviews *reviews, const struct hf_digest *id, unsigned door)
{
    for (struct hf_review_sleep *sleep = reviews->sleeping; sleep;) {
        struct hf_review_sleep *next = sleep->next;
        if (sleep->door <= door && (!id || hf_digest_equal(&sleep->id, id))) {
            wake(sleep);
        }
        sleep = next;
    }
}

/* Lock held. The place in the table is no secret of a token, whose digest is compared as a whole. */
static struct row *find(struct hf_reviews *reviews, const struct hf_digest *id)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (reviews->rows[i].used && CRYPTO_memcmp(&reviews->rows[i].id, id, sizeof *id) == 0) {
            return &reviews->rows[i];
        }
    }
    return NULL;
}

/* Lock held. A free one; else what was looked at longest ago, of wrong ones first. NULL: all are being asked for. */
static struct row *place(struct hf_reviews *reviews)
{
    struct row *best = NULL;
    for (size_t i = 0; i < ROWS; i++) {
        struct row *row = &reviews->rows[i];
        if (!row->used) {
            return row;
        }
        bool is_less = best && (best->known.state == HF_REVIEWED) < (row->known.state == HF_REVIEWED);
        bool is_more = best && (best->known.state == HF_REVIEWED) > (row->known.state == HF_REVIEWED);
        if (!row->asked && !is_less && (!best || is_more || row->looked_ms < best->looked_ms)) {
            best = row;
        }
    }
    return best;
}

static unsigned asked_from(const struct hf_reviews *reviews, const struct hf_address *from)
{
    struct hf_address house = hf_address_house(from);
    unsigned count = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &reviews->rows[i];
        count += row->used && row->asked && row->counts && memcmp(&row->from, &house, sizeof house) == 0;
    }
    return count;
}

/* Lock held. False: not now. */
static bool ask(struct hf_reviews *reviews, struct row *row, int64_t now)
{
    struct hf_error err = HF_ERROR_INIT;
    uint64_t ticket = ++reviews->ticket;
    if (reviews->ending || reviews->asked >= MOST_ASKED ||
        reviews->reviewer.begin(reviews->reviewer.ctx, ticket, row->token, &err) != 0) {
        return false;
    }
    row->ticket = ticket;
    row->asked = true;
    row->asked_ms = now;
    reviews->asked++;
    return true;
}

/* Lock held. NULL: not now. */
static struct row *ask_new(struct hf_reviews *reviews, const struct hf_digest *id, const char *token,
                           const struct hf_address *from, int64_t now)
{
    bool is_busy = reviews->asked >= MOST_ASKED || (from && asked_from(reviews, from) >= MOST_ASKED_FROM);
    struct row *row = is_busy ? NULL : place(reviews);
    char *copy = row ? hf_strdup(token) : NULL;
    if (!copy) {
        return NULL;
    }
    clear(reviews, row);
    *row = (struct row){.used = true, .id = *id, .token = copy, .counts = from != NULL, .looked_ms = now};
    row->known.state = HF_REVIEW_NO_ANSWER;
    if (from) {
        row->from = hf_address_house(from);
    }
    if (!ask(reviews, row, now)) {
        clear(reviews, row);
        return NULL;
    }
    return row;
}

/* Lock held. */
static void look(struct hf_reviews *reviews, struct row *row, int64_t now, struct hf_review *out)
{
    row->looked_ms = now;
    if (now >= row->fresh_ms) {
        if (row->asked || ask(reviews, row, now)) {
            out->state = HF_REVIEW_WAITS;
        }
        return;
    }
    *out = row->known;
    if (out->state == HF_REVIEWED && out->until_ms != HF_TIME_NONE && hf_now_ms() >= out->until_ms) {
        out->state = HF_REVIEW_WRONG;
    } else if (out->state == HF_REVIEWED && !row->asked &&
               now - row->answered_ms > (row->fresh_ms - row->answered_ms) / 2) {
        (void)ask(reviews, row, now); /* before it is needed: nobody waits for this one */
    }
}

void hf_reviews_look(struct hf_reviews *reviews, const struct hf_digest *id, const char *token,
                     const struct hf_address *from, struct hf_review *out)
{
    int64_t now = hf_mono_ms();
    *out = (struct hf_review){.state = HF_REVIEW_NO_ANSWER, .until_ms = HF_TIME_NONE, .retry_s = 1};
    pthread_mutex_lock(&reviews->lock);
    struct row *row = find(reviews, id);
    if (row) {
        look(reviews, row, now, out);
    } else if (!token) {
        out->state = HF_REVIEW_WRONG;
    } else if (ask_new(reviews, id, token, from, now)) {
        out->state = HF_REVIEW_WAITS;
    }
    pthread_mutex_unlock(&reviews->lock);
}

static bool is_plain(const char *user)
{
    size_t len = user ? strlen(user) : 0;
    bool good = len > 0 && len < HF_USER_SIZE && hf_utf8_valid(user, len);
    for (size_t i = 0; good && i < len; i++) {
        good = (unsigned char)user[i] >= 0x20 && user[i] != 0x7f;
    }
    return good;
}

/* Lock held. What is known already holds for its time when there is no answer. */
static void take(struct hf_reviews *reviews, struct row *row, const struct hf_serve_review *answer)
{
    int64_t now = hf_mono_ms();
    int64_t keep = KEEP_NO_ANSWER_MS;
    if (row->asked) {
        row->asked = false;
        reviews->asked--;
    }
    if (answer->outcome == HF_SERVE_REVIEW_NONE && now < row->fresh_ms) {
        row->answered_ms = now; /* not asked again at once */
        return;
    }
    row->known = (struct hf_review){.state = HF_REVIEW_NO_ANSWER, .until_ms = HF_TIME_NONE, .retry_s = 2};
    if (answer->outcome == HF_SERVE_REVIEW_USER && is_plain(answer->user)) {
        row->known.state = HF_REVIEWED;
        row->known.may_read = answer->may_read;
        row->known.may_act = answer->may_read && answer->may_act;
        row->known.may_audit = answer->may_read && answer->may_audit;
        row->known.until_ms = answer->until_ms;
        (void)snprintf(row->known.user, sizeof row->known.user, "%s", answer->user);
        keep = answer->may_read ? reviews->reviewer.keep_ms : reviews->reviewer.keep_wrong_ms;
    } else if (answer->outcome != HF_SERVE_REVIEW_NONE) {
        row->known.state = HF_REVIEW_WRONG;
        keep = reviews->reviewer.keep_wrong_ms;
    }
    row->answered_ms = now;
    row->fresh_ms = now + keep;
}

void hf_reviews_answer(struct hf_reviews *reviews, uint64_t ticket, const struct hf_serve_review *answer)
{
    pthread_mutex_lock(&reviews->lock);
    for (size_t i = 0; i < ROWS; i++) {
        struct row *row = &reviews->rows[i];
        if (row->used && row->ticket == ticket) {
            take(reviews, row, answer);
            wake_all(reviews, &row->id, UINT32_MAX);
        }
    }
    pthread_mutex_unlock(&reviews->lock);
}

void hf_reviews_tick(struct hf_reviews *reviews)
{
    static const struct hf_serve_review NONE = {.outcome = HF_SERVE_REVIEW_NONE};
    if (!reviews) {
        return;
    }
    int64_t now = hf_mono_ms();
    pthread_mutex_lock(&reviews->lock);
    for (size_t i = 0; i < ROWS; i++) {
        struct row *row = &reviews->rows[i];
        if (row->used && row->asked && now - row->asked_ms >= reviews->reviewer.limit_ms) {
            take(reviews, row, &NONE); /* its ticket stays: an answer that comes yet is taken */
            wake_all(reviews, &row->id, UINT32_MAX);
        }
    }
    pthread_mutex_unlock(&reviews->lock);
}

void hf_reviews_forget(struct hf_reviews *reviews)
{
    if (!reviews) {
        return;
    }
    pthread_mutex_lock(&reviews->lock);
    for (size_t i = 0; i < ROWS; i++) {
        clear(reviews, &reviews->rows[i]);
    }
    wake_all(reviews, NULL, UINT32_MAX);
    pthread_mutex_unlock(&reviews->lock);
}

bool hf_review_sleep(struct hf_reviews *reviews, struct hf_review_sleep *sleep, struct MHD_Connection *connection,
                     unsigned door, const struct hf_digest *id)
{
    int64_t now = hf_mono_ms();
    pthread_mutex_lock(&reviews->lock);
    const struct row *row = find(reviews, id);
    bool sleeps = row && row->asked && !reviews->ending && door > reviews->shut_door &&
                  (sleep->since_ms == 0 || now - sleep->since_ms < reviews->reviewer.limit_ms);
    if (sleeps) {
        sleep->since_ms = sleep->since_ms ? sleep->since_ms : now;
        sleep->connection = connection;
        sleep->door = door;
        sleep->id = *id;
        sleep->next = reviews->sleeping;
        sleep->from = &reviews->sleeping;
        if (sleep->next) {
            sleep->next->from = &sleep->next;
        }
        reviews->sleeping = sleep;
        MHD_suspend_connection(connection); /* before anybody can wake it */
    }
    pthread_mutex_unlock(&reviews->lock);
    return sleeps;
}

void hf_review_leave(struct hf_reviews *reviews, struct hf_review_sleep *sleep)
{
    if (!reviews) {
        return;
    }
    pthread_mutex_lock(&reviews->lock);
    if (sleep->from) {
        *sleep->from = sleep->next;
        if (sleep->next) {
            sleep->next->from = sleep->from;
        }
        sleep->from = NULL;
    }
    pthread_mutex_unlock(&reviews->lock);
}

void hf_reviews_shut(struct hf_reviews *reviews, unsigned door)
{
    if (!reviews) {
        return;
    }
    pthread_mutex_lock(&reviews->lock);
    reviews->shut_door = door > reviews->shut_door ? door : reviews->shut_door;
    wake_all(reviews, NULL, door);
    pthread_mutex_unlock(&reviews->lock);
}

void hf_reviews_end(struct hf_reviews *reviews)
{
    if (!reviews) {
        return;
    }
    pthread_mutex_lock(&reviews->lock);
    reviews->ending = true;
    wake_all(reviews, NULL, UINT32_MAX);
    pthread_mutex_unlock(&reviews->lock);
}
