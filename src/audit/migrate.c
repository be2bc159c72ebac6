/* The schema, forward only: schema/migrations/NNNN-*.sql, compiled in; PRAGMA user_version counts how many were run. */
#include <stdio.h>
#include <string.h>

#include "holdfast/embedded.h"
#include "trail.h"

/* The embedded file with this number; NULL when there is none. Files are sorted by name. */
static const struct hf_embedded *find_migration(int number)
{
    char prefix[64];
    (void)snprintf(prefix, sizeof prefix, HF_TRAIL_MIGRATIONS "%04d-", number);
    for (const struct hf_embedded *file = hf_embedded_files; file->name; file++) {
        if (strncmp(file->name, prefix, strlen(prefix)) == 0) {
            return file;
        }
    }
    return NULL;
}

int hf_migrate_newest(int *version, struct hf_error *err)
{
    *version = 0;
    while (find_migration(*version + 1)) {
        (*version)++;
    }
    return *version > 0 ? 0 : hf_error_set(err, HF_EINTERNAL, "no schema is compiled in");
}

static int run_migration(sqlite3 *db, int number, struct hf_error *err)
{
    const struct hf_embedded *file = find_migration(number);
    char version[64];
    (void)snprintf(version, sizeof version, "PRAGMA user_version = %d", number);
    if (hf_store_exec(db, "BEGIN IMMEDIATE", err) != 0) {
        return -1;
    }
    if (hf_store_exec(db, file->bytes, err) != 0 || hf_store_exec(db, version, err) != 0 ||
        hf_store_exec(db, "COMMIT", err) != 0) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return hf_error_wrap(err, "migrate by %s", file->name);
    }
    return 0;
}

int hf_migrate_known(sqlite3 *db, int64_t *version, struct hf_error *err)
{
    int newest;
    if (hf_migrate_newest(&newest, err) != 0 || hf_store_integer(db, "PRAGMA user_version", version, err) != 0) {
        return -1;
    }
    if (*version > newest) {
        return hf_error_set(err, HF_EUNSUPPORTED,
                            "its schema is version %lld, this program knows up to %d: use a newer holdfast",
                            (long long)*version, newest);
    }
    return *version >= 0 ? 0 : hf_error_set(err, HF_ECORRUPT, "its schema has version %lld", (long long)*version);
}

int hf_migrate(sqlite3 *db, struct hf_error *err)
{
    int newest;
    int64_t version;
    if (hf_migrate_known(db, &version, err) != 0 || hf_migrate_newest(&newest, err) != 0) {
        return -1;
    }
    for (int number = (int)version + 1; number <= newest; number++) {
        if (run_migration(db, number, err) != 0) {
            return -1;
        }
    }
    return 0;
}

#define LIST_SCHEMA "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite@_%' ESCAPE '@'"

static int same_in(sqlite3_stmt *find, sqlite3_stmt *entry, bool *is_same)
{
    sqlite3_reset(find);
    sqlite3_bind_value(find, 1, sqlite3_column_value(entry, 0));
    sqlite3_bind_value(find, 2, sqlite3_column_value(entry, 1));
    int result = sqlite3_step(find);
    const char *a = (const char *)sqlite3_column_text(entry, 2);
    const char *b = result == SQLITE_ROW ? (const char *)sqlite3_column_text(find, 0) : NULL;
    *is_same = a && b && strcmp(a, b) == 0;
    return result == SQLITE_ROW || result == SQLITE_DONE ? 0 : -1;
}

/* Every entry that `list` gives of one database must be in the other, word for word. */
static int compare(sqlite3 *listed, const char *list, sqlite3 *other, const char *complaint, struct hf_error *err)
{
    sqlite3_stmt *entries = NULL;
    sqlite3_stmt *find = NULL;
    int status = -1;
    if (hf_store_prepare(listed, list, &entries, err) != 0 ||
        hf_store_prepare(other, "SELECT sql FROM sqlite_schema WHERE type = ?1 AND name = ?2", &find, err) != 0) {
        goto done;
    }
    int result;
    while ((result = sqlite3_step(entries)) == SQLITE_ROW) {
        bool is_same;
        if (same_in(find, entries, &is_same) != 0) {
            hf_store_error(other, err, "check the schema");
            goto done;
        }
        if (!is_same) {
            hf_error_set(err, HF_ECORRUPT, "%s %.100s %s", (const char *)sqlite3_column_text(entries, 0),
                         (const char *)sqlite3_column_text(entries, 1), complaint);
            goto done;
        }
    }
    status = result == SQLITE_DONE ? 0 : hf_store_error(listed, err, "check the schema");
done:
    sqlite3_finalize(entries);
    sqlite3_finalize(find);
    return status;
}

int hf_migrate_check(sqlite3 *db, struct hf_error *err)
{
    sqlite3 *model = NULL;
    if (sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_MEMORY, NULL) !=
        SQLITE_OK) {
        sqlite3_close(model);
        return hf_error_set(err, HF_ENOMEM, "check the schema: out of memory");
    }
    int status = -1;
    if (hf_migrate(model, err) == 0 && compare(model, LIST_SCHEMA, db, "is not there as holdfast made it", err) == 0 &&
        compare(db, LIST_SCHEMA " AND type IN ('trigger', 'table')", model, "is not holdfast's", err) == 0) {
        status = 0;
    }
    sqlite3_close(model);
    return status;
}
