/* The data of revisions: each read once, and not at all where another unit holds the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "confighub_source.h"
#include "holdfast/digest.h"

#define TOO_LARGE_MS (5 * 60000)

static bool is_held(const struct entry *entry, int64_t revision)
{
    return revision == 0 || (entry->content && entry->content_revision == revision);
}

static bool may_try(const struct entry *entry, int64_t revision)
{
    return !entry->broken || entry->broken_revision != revision || hf_mono_ms() >= entry->retry_ms;
}

/* The revision that is read next; 0: none. */
static int64_t missing(const struct feed *feed, const struct entry *entry)
{
    int64_t wanted = confighub_wanted(feed, entry);
    if (entry->fetching || entry->gone || entry->item.wrong || entry->is_stored) {
        return 0;
    }
    if (!is_held(entry, wanted)) {
        return may_try(entry, wanted) ? wanted : 0;
    }
    /* Before it is live, so that the unit is judged by it at once when it is. */
    int64_t next = entry->applying_since_ms > 0 && wanted > 0 ? entry->item.applied : 0;
    return next > 0 && next != entry->content_revision && next != entry->ahead_revision && may_try(entry, next) ? next
                                                                                                                : 0;
}

static void note_broken(struct feed *feed, struct entry *entry, int64_t revision, const char *why, int64_t retry_ms)
{
    if (!entry->broken || entry->broken_revision != revision || strcmp(entry->broken, why) != 0) {
        hf_log_write(feed->hub->log, HF_WARN, "a unit's revision can't be used; its last good content stands", "unit",
                     entry->item.slug, "problem", why, NULL);
        entry->fresh = true;
    }
    if (confighub_set_text(&entry->broken, why) == 0) {
        entry->broken_revision = revision;
        entry->retry_ms = retry_ms;
    }
}

static void use(struct entry *entry, struct hf_unit *content, int64_t revision)
{
    hf_unit_drop(entry->content);
    entry->content = content;
    entry->content_revision = revision;
    entry->content_is_kept = false;
    entry->fresh = true;
    (void)confighub_set_text(&entry->broken, NULL);
}

static void drop_unit(void *unit)
{
    hf_unit_drop(unit);
}

static void remember_bytes(struct feed *feed, struct hf_unit *unit)
{
    void *old = NULL;
    if (feed->twins &&
        hf_map_put(feed->twins, (struct hf_slice){(const char *)unit->digest.bytes, HF_SHA256_SIZE}, unit, &old) == 0) {
        (void)hf_unit_keep(unit);
        hf_unit_drop(old);
    }
}

/* Lives as long as something is to be read. */
static bool know_twins(struct feed *feed)
{
    size_t cursor = 0;
    void *value;
    if (feed->twins) {
        return true;
    }
    feed->twins = hf_map_new();
    while (feed->twins && hf_map_next(feed->entries, &cursor, NULL, &value)) {
        struct entry *entry = value;
        struct hf_unit *holders[] = {entry->content, entry->ahead};
        for (size_t i = 0; i < 2; i++) {
            if (holders[i]) {
                remember_bytes(feed, holders[i]);
            }
        }
    }
    return feed->twins != NULL;
}

void confighub_forget_twins(struct feed *feed)
{
    hf_map_free(feed->twins, drop_unit);
    feed->twins = NULL;
}

static void take_bytes(struct feed *feed, struct entry *entry, int64_t revision, const char *bytes, size_t len)
{
    struct hf_error err = HF_ERROR_INIT;
    const char *space = confighub_space_slug(feed, &entry->item);
    struct hf_unit *content = confighub_content(entry, space ? space : "", revision, bytes, len, &err);
    bool is_wanted = confighub_wanted(feed, entry) == revision;
    if (content) {
        remember_bytes(feed, content);
    }
    if (!content) {
        /* What can't be read now can't be later: a revision does not change. */
        note_broken(feed, entry, revision, err.text,
                    err.code == HF_ENOMEM ? hf_mono_ms() + feed->choice.poll_ms / 2 : INT64_MAX);
    } else if (is_wanted) {
        use(entry, content, revision);
    } else {
        hf_unit_drop(entry->ahead);
        entry->ahead = content;
        entry->ahead_revision = revision;
    }
}

/* Asked to wait, the next poll waits as well: it is what would ask again. */
static void wait_as_asked(struct feed *feed, int64_t retry_after_ms)
{
    int64_t wait = retry_after_ms < CONFIGHUB_LONGEST_WAIT_MS ? retry_after_ms : CONFIGHUB_LONGEST_WAIT_MS;
    if (wait > feed->choice.poll_ms && feed->step == STEP_NONE) {
        hf_timer_set(feed->next, wait);
    }
}

static void on_revision(struct feed *feed, const struct errand *errand, const struct hf_http_response *response,
                        const struct hf_error *err)
{
    struct entry *entry = confighub_entry(feed, errand->id);
    struct hf_error problem = *err;
    struct hf_confighub_revision revision;
    hf_auto_buf struct hf_buf data = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    feed->fetching--;
    if (!entry) {
        return;
    }
    entry->fetching = false;
    if (problem.code == HF_OK && confighub_read_revision(arena, response->body, response->body_len, errand->number,
                                                         &data, &revision, &problem) != 0) {
        (void)hf_error_wrap(&problem, "ConfigHub unit %s, revision %lld", entry->item.slug, (long long)errand->number);
    }
    if (problem.code == HF_OK) {
        feed->hub->stats.revisions++;
        take_bytes(feed, entry, errand->number, data.len > 0 ? data.ptr : "", data.len);
        return;
    }
    if (err->code == HF_EUNAVAILABLE || err->code == HF_ETHROTTLED || err->code == HF_ETIMEOUT ||
        (err->code == HF_EDENIED && response->status != 403)) {
        feed->fetch_error = *err; /* the others would fare the same */
        wait_as_asked(feed, response->retry_after_ms);
    }
    int64_t pause = problem.code == HF_ELIMIT ? TOO_LARGE_MS : feed->choice.poll_ms / 2;
    note_broken(feed, entry, errand->number, problem.text, hf_mono_ms() + pause);
}

static int ask(struct feed *feed, struct entry *entry, int64_t revision, struct hf_error *err)
{
    char where[64];
    const char *space = confighub_space_slug(feed, &entry->item);
    hf_auto_buf struct hf_buf path = {0};
    hf_auto_buf struct hf_buf doing = {0};
    struct errand errand = {.done = on_revision, .number = revision};
    (void)snprintf(errand.id, sizeof errand.id, "%s", entry->unit_id);
    (void)snprintf(where, sizeof where, "RevisionNum=%lld", (long long)revision);
    confighub_add_unit_path(&path, entry->item.space_id, entry->item.unit_id, "/revision");
    confighub_add_parameter(&path, "where", where);
    hf_buf_addf(&doing, "unit %s/%s: read revision %lld", space ? space : "", entry->item.slug, (long long)revision);
    struct confighub_request request = {
        .method = "GET", .path = hf_buf_text(&path), .doing = hf_buf_text(&doing), .max_body = CONFIGHUB_MOST_DATA};
    if (!hf_buf_ok(&path) || !hf_buf_ok(&doing)) {
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: out of memory");
    }
    if (confighub_errand(feed, &request, &errand, err) != 0) {
        return -1;
    }
    entry->fetching = true;
    feed->fetching++;
    return 0;
}

static bool from_hex(const char *hex, struct hf_digest *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    if (strlen(hex) != (size_t)HF_SHA256_SIZE * 2 || strspn(hex, DIGITS) != (size_t)HF_SHA256_SIZE * 2) {
        return false;
    }
    for (size_t i = 0; i < HF_SHA256_SIZE; i++) {
        out->bytes[i] =
            (uint8_t)((strchr(DIGITS, hex[2 * i]) - DIGITS) * 16 + (strchr(DIGITS, hex[2 * i + 1]) - DIGITS));
    }
    return true;
}

/* Clones of a unit, and a unit whose new revision says what an old one did, hold the same bytes. */
static bool take_twin(const struct feed *feed, struct entry *entry, int64_t revision)
{
    struct hf_digest digest;
    if (revision != entry->item.head || !from_hex(entry->item.data_hash, &digest)) {
        return false;
    }
    struct hf_unit *twin = hf_map_get(feed->twins, (struct hf_slice){(const char *)digest.bytes, HF_SHA256_SIZE});
    if (!twin || (twin->document_count == 0 && entry->content && entry->content->document_count > 0)) {
        return false;
    }
    use(entry, hf_unit_keep(twin), revision);
    return true;
}

static bool take_ahead(struct entry *entry, int64_t revision)
{
    if (!entry->ahead || entry->ahead_revision != revision) {
        return false;
    }
    struct hf_unit *ahead = entry->ahead;
    entry->ahead = NULL;
    entry->ahead_revision = 0;
    use(entry, ahead, revision);
    return true;
}

/* One that needs data. */
static void fetch_one(struct feed *feed, struct entry *entry, int64_t revision)
{
    struct hf_error err = HF_ERROR_INIT;
    bool is_wanted = confighub_wanted(feed, entry) == revision;
    if (is_wanted && (take_ahead(entry, revision) || take_twin(feed, entry, revision))) {
        return;
    }
    if (feed->fetch_error.code != HF_OK) {
        if (is_wanted) {
            note_broken(feed, entry, revision, feed->fetch_error.text, hf_mono_ms() + feed->choice.poll_ms / 2);
        }
        return;
    }
    if (feed->fetching >= feed->choice.parallel) {
        return;
    }
    if (ask(feed, entry, revision, &err) != 0) {
        note_broken(feed, entry, revision, err.text, hf_mono_ms() + feed->choice.poll_ms / 2);
        return;
    }
}

bool confighub_fetch(struct feed *feed)
{
    size_t cursor = 0;
    void *value;
    while (hf_map_next(feed->entries, &cursor, NULL, &value)) {
        struct entry *entry = value;
        int64_t revision = missing(feed, entry);
        if (revision == 0) {
            continue;
        }
        if (!know_twins(feed)) {
            break;
        }
        fetch_one(feed, entry, revision);
        if (feed->fetching >= feed->choice.parallel) {
            break;
        }
    }
    if (feed->fetching == 0) {
        confighub_forget_twins(feed);
    }
    return feed->fetching == 0;
}
