/* The chain, recomputed from the first row to the last. */
#include <stdio.h>
#include <string.h>

#include "holdfast/audit_keep.h"
#include "trail.h"

#define PROGRESS_ROWS 10000

struct walk {
    const struct hf_audit_checks *checks;
    struct hf_audit_proof *proof;
    struct hf_chain chain;
    bool is_keyed; /* from the first keyed row on, all must be */
    int64_t of;
    size_t checkpoint; /* the next that is to hold */
    char previous[HF_TRAIL_DIGEST_TEXT];
};

static int check_keyed(struct walk *walk, int64_t id, const char *digest, struct hf_error *err)
{
    bool is_keyed = hf_chain_is_keyed(digest);
    if (is_keyed && !walk->checks->key) {
        return hf_error_set(err, HF_EINVAL, "event %lld: the chain is keyed from here on, and no key was given",
                            (long long)id);
    }
    if (walk->is_keyed && !is_keyed) {
        return hf_error_set(err, HF_ECORRUPT, "event %lld: its digest is not keyed, those before it are",
                            (long long)id);
    }
    if (is_keyed && !walk->is_keyed) {
        walk->proof->keyed_from = id;
    }
    walk->is_keyed = is_keyed;
    return 0;
}

/* Both are in order of id. */
static int check_checkpoints(struct walk *walk, int64_t id, const char *digest, struct hf_error *err)
{
    const struct hf_audit_checks *checks = walk->checks;
    for (; walk->checkpoint < checks->checkpoint_count && checks->checkpoints[walk->checkpoint].id == id;
         walk->checkpoint++) {
        if (strcmp(checks->checkpoints[walk->checkpoint].digest, digest) != 0) {
            return hf_error_set(err, HF_ECORRUPT,
                                "event %lld: its digest is not the one that was kept: what is up to it was changed, or "
                                "another trail took its place",
                                (long long)id);
        }
        walk->proof->held++;
    }
    return 0;
}

/* Which checkpoint is the first that can't hold any more. */
static void name_checkpoint(const struct walk *walk, struct hf_error *err)
{
    const struct hf_audit_checks *checks = walk->checks;
    if (err->code != HF_ECORRUPT || walk->checkpoint >= checks->checkpoint_count) {
        return;
    }
    const struct hf_audit_checkpoint *first = &checks->checkpoints[walk->checkpoint];
    struct hf_error why = *err;
    (void)hf_error_set(err, HF_ECORRUPT, "%s; the first checkpoint that does not hold: line %zu, event %lld%s%s",
                       why.text, first->line, (long long)first->id, *first->at ? ", of " : "", first->at);
}

/* A trail whose beginning was removed begins behind it. What tells so is a row of the same chain, which is checked when
 * it comes; the table of removals is not asked. */
static int begin_behind_removal(struct walk *walk, sqlite3 *db, int64_t id, struct hf_error *err)
{
    const struct hf_audit_checks *checks = walk->checks;
    struct hf_audit_removal removal;
    if (hf_removal_before(db, id, &removal, err) != 0) {
        return -1;
    }
    if (removal.event_id == 0) {
        return hf_error_set(err, HF_ECORRUPT,
                            "event 1 is missing: the first is %lld, and no event tells that those before were removed",
                            (long long)id);
    }
    while (walk->checkpoint < checks->checkpoint_count && checks->checkpoints[walk->checkpoint].id < removal.last_id) {
        walk->checkpoint++;
        walk->proof->removed_checkpoints++;
    }
    if (check_checkpoints(walk, removal.last_id, removal.digest, err) != 0) {
        return -1;
    }
    (void)snprintf(walk->previous, sizeof walk->previous, "%s", removal.digest);
    walk->is_keyed = hf_chain_is_keyed(removal.digest);
    walk->proof->keyed_from = walk->is_keyed ? id : 0;
    walk->proof->last_id = removal.last_id;
    walk->proof->removed = removal.last_id;
    walk->proof->removed_by = removal.event_id;
    return 0;
}

static int check_row(struct walk *walk, sqlite3_stmt *statement, struct hf_error *err)
{
    struct hf_row row;
    char digest[HF_TRAIL_DIGEST_TEXT];
    int64_t id = sqlite3_column_int64(statement, 0);
    if (walk->proof->last_id == 0 && id > 1 && begin_behind_removal(walk, sqlite3_db_handle(statement), id, err) != 0) {
        return -1;
    }
    if (id != walk->proof->last_id + 1) {
        return hf_error_set(err, HF_ECORRUPT, "event %lld is missing: after %lld comes %lld",
                            (long long)walk->proof->last_id + 1, (long long)walk->proof->last_id, (long long)id);
    }
    const char *stored = (const char *)sqlite3_column_text(statement, 1);
    size_t len = (size_t)sqlite3_column_bytes(statement, 1);
    if (!stored || len >= sizeof digest || strlen(stored) != len) {
        return hf_error_set(err, HF_ECORRUPT, "event %lld: its digest is not one", (long long)id);
    }
    if (hf_row_from_statement(&row, id, statement, 2, err) != 0 || check_keyed(walk, id, stored, err) != 0 ||
        hf_chain_digest(&walk->chain, walk->previous, &row, walk->is_keyed, digest, err) != 0) {
        return -1;
    }
    if (strcmp(digest, stored) != 0) {
        return hf_error_set(err, HF_ECORRUPT, "event %lld: it is not what it was when it was recorded", (long long)id);
    }
    if (check_checkpoints(walk, id, stored, err) != 0) {
        return -1;
    }
    memcpy(walk->previous, digest, sizeof digest);
    walk->proof->last_id = id;
    walk->proof->rows++;
    return 0;
}

static int walk_rows(struct walk *walk, sqlite3 *db, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(db, "SELECT id, digest," HF_COLUMN_LIST " FROM events ORDER BY id", &statement, err) != 0) {
        return -1;
    }
    int status = 0;
    int result = SQLITE_DONE;
    while (status == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        status = check_row(walk, statement, err);
        if (walk->checks->progress && status == 0 && walk->proof->rows % PROGRESS_ROWS == 0) {
            walk->checks->progress(walk->checks->ctx, walk->proof->rows, walk->of);
        }
    }
    if (status == 0 && result != SQLITE_DONE) {
        status = hf_store_error(db, err, "read the audit trail");
        if (err->code == HF_ECORRUPT) {
            status = hf_error_wrap(err, "after event %lld", (long long)walk->proof->last_id);
        }
    }
    sqlite3_finalize(statement);
    return status;
}

/* What was cut off behind the last row. */
static int check_tail(const struct walk *walk, sqlite3 *db, struct hf_error *err)
{
    int64_t highest;
    int64_t last = walk->proof->last_id;
    if (hf_store_integer(db, "SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'", &highest, err) != 0) {
        return -1;
    }
    if (highest > last) {
        return hf_error_set(err, HF_ECORRUPT, "event %lld is missing: the trail once reached %lld and ends at %lld",
                            (long long)last + 1, (long long)highest, (long long)last);
    }
    if (walk->checkpoint < walk->checks->checkpoint_count) {
        return hf_error_set(
            err, HF_ECORRUPT, "event %lld is missing: the checkpoint is of event %lld and the trail ends at %lld",
            (long long)last + 1, (long long)walk->checks->checkpoints[walk->checkpoint].id, (long long)last);
    }
    return 0;
}

/* Who can write the file could make the whole chain anew without the key, and would not be missed. */
static int check_key_used(const struct walk *walk, struct hf_error *err)
{
    if (!walk->checks->key || walk->is_keyed || walk->proof->rows == 0) {
        return 0;
    }
    return hf_error_set(err, HF_ECORRUPT, "a key was given, and none of the %lld events is keyed",
                        (long long)walk->proof->rows);
}

/* An older schema's views and tables can't be told from a changed one: only the one this program makes is compared. */
static int check_schema(sqlite3 *db, struct hf_error *err)
{
    int64_t version;
    int newest;
    if (hf_store_integer(db, "PRAGMA user_version", &version, err) != 0 || hf_migrate_newest(&newest, err) != 0) {
        return -1;
    }
    return version == newest ? hf_migrate_check(db, err) : 0;
}

int hf_audit_prove(struct hf_audit_reader *reader, const struct hf_audit_checks *checks, struct hf_audit_proof *out,
                   struct hf_error *err)
{
    struct walk walk = {.checks = checks, .proof = out};
    memset(out, 0, sizeof *out);
    (void)snprintf(walk.previous, sizeof walk.previous, "%s", HF_CHAIN_START);
    if (hf_chain_init(&walk.chain, checks->key, checks->key_len, err) != 0) {
        return -1;
    }
    int status = -1;
    /* One snapshot for all, while an agent goes on writing. */
    if (hf_store_exec(reader->db, "BEGIN", err) == 0) {
        if (hf_store_integer(reader->db, "SELECT max(id) FROM events", &walk.of, err) == 0 &&
            walk_rows(&walk, reader->db, err) == 0 && check_tail(&walk, reader->db, err) == 0 &&
            check_key_used(&walk, err) == 0) {
            status = check_schema(reader->db, err);
        }
        sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
    }
    if (status != 0) {
        name_checkpoint(&walk, err);
    }
    if (out->rows > 0) {
        (void)snprintf(out->head, sizeof out->head, "%s", walk.previous);
    }
    hf_chain_free(&walk.chain);
    return status;
}

struct plain_progress {
    void (*fn)(void *ctx, int64_t rows);
    void *ctx;
};

static void pass_progress(void *ctx, int64_t rows, int64_t of)
{
    const struct plain_progress *plain = ctx;
    (void)of;
    if (plain->fn) {
        plain->fn(plain->ctx, rows);
    }
}

int hf_audit_verify(struct hf_audit_reader *reader, void (*progress)(void *ctx, int64_t rows), void *ctx, int64_t *rows,
                    struct hf_error *err)
{
    struct plain_progress plain = {progress, ctx};
    struct hf_audit_checks checks = {.progress = pass_progress, .ctx = &plain};
    struct hf_audit_proof proof;
    int status = hf_audit_prove(reader, &checks, &proof, err);
    *rows = proof.rows;
    return status;
}
