/* Reading: events by filter, open incidents, the state of objects. */
#include <stdio.h>
#include <string.h>

#include "trail.h"

#define MOST_TERMS 24

/* A WHERE clause with what is to be bound to it. */
struct terms {
    struct hf_buf sql;
    const char *texts[MOST_TERMS];
    int64_t ids[MOST_TERMS];
    int count;
    char times[2][HF_TIME_TEXT];
    struct hf_buf type_end;
};

static void add_text(struct terms *terms, const char *condition, const char *text)
{
    if (text) {
        terms->texts[terms->count++] = text;
        hf_buf_addf(&terms->sql, " AND %s ?%d", condition, terms->count);
    }
}

/* Of these a trail mostly consists: the newest of them are soon found by walking back, while by the index of types all
 * of them would be read and sorted. Of any other family there are few. */
static bool is_common_family(const char *type)
{
    return strcmp(type, "drift.") == 0 || strcmp(type, "correction.") == 0 || strcmp(type, "alert.") == 0;
}

static void add_type(struct terms *terms, const char *type)
{
    size_t len = type ? strlen(type) : 0;
    if (len == 0 || type[len - 1] != '.') {
        add_text(terms, "type =", type);
        return;
    }
    hf_buf_add(&terms->type_end, type, len - 1);
    hf_buf_addc(&terms->type_end, '.' + 1);
    bool is_common = is_common_family(type);
    add_text(terms, is_common ? "+type >=" : "type >=", type);
    add_text(terms, is_common ? "+type <" : "type <", hf_buf_text(&terms->type_end));
}

/* By id alone a walk in the order of ids would go on past the span to the end of the table: the index of times, which
 * covers this, tells where the span begins and ends. Ids and times need not rise together: clocks are set. */
static void add_times(struct terms *terms, const struct hf_audit_filter *filter)
{
    /* A filter of zeros means "any", as HF_TIME_NONE does. */
    hf_time_format(filter->since_ms ? filter->since_ms : HF_TIME_NONE, terms->times[0]);
    hf_time_format(filter->until_ms ? filter->until_ms : HF_TIME_NONE, terms->times[1]);
    if (!*terms->times[0] && !*terms->times[1]) {
        return;
    }
    hf_auto_buf struct hf_buf span = {0};
    hf_buf_adds(&span, "(id) FROM events INDEXED BY events_at WHERE 1");
    size_t before = terms->sql.len;
    add_text(terms, "at >=", *terms->times[0] ? terms->times[0] : NULL);
    add_text(terms, "at <", *terms->times[1] ? terms->times[1] : NULL);
    if (filter->most_id != 0) {
        return; /* it ends soon anyway, and the span would be sought for each piece */
    }
    hf_buf_adds(&span, hf_buf_text(&terms->sql) + (hf_buf_ok(&terms->sql) ? before : 0));
    hf_buf_addf(&terms->sql, " AND id >= (SELECT min%s) AND id <= (SELECT max%s)", hf_buf_text(&span),
                hf_buf_text(&span));
    terms->sql.failed |= span.failed;
}

/* Both of the same finding. Texts are compared, not patterns: a path is full of what a pattern would take as its own.
 */
static void add_finding(struct terms *terms, const struct hf_audit_filter *filter)
{
    if (!filter->path && !filter->class) {
        return;
    }
    hf_buf_adds(&terms->sql,
                " AND EXISTS (SELECT 1 FROM json_each(CASE WHEN json_valid(detail) THEN detail ELSE '{}' END,"
                " '$.findings') f WHERE f.type = 'object'");
    if (filter->path) {
        terms->texts[terms->count++] = filter->path;
        hf_buf_addf(&terms->sql,
                    " AND ?%d IN (substr(json_extract(f.value, '$.path'), 1, length(?%d)),"
                    " substr(json_extract(f.value, '$.readable'), 1, length(?%d)))",
                    terms->count, terms->count, terms->count);
    }
    add_text(terms, "json_extract(f.value, '$.class') =", filter->class);
    hf_buf_addc(&terms->sql, ')');
}

/* What became of the event's incident: its last event that begins or ends one. */
static void add_outcome(struct terms *terms, const char *outcome)
{
    static const struct {
        const char *outcome;
        const char *types;
    } ENDS[] = {{"corrected", "('correction.confirmed', 'rollout.confirmed')"},
                {"healed", "('drift.healed')"},
                {"dismissed", "('drift.dismissed')"}};
    if (!outcome) {
        return;
    }
    const char *types = NULL;
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++) {
        types = strcmp(ENDS[i].outcome, outcome) == 0 ? ENDS[i].types : types;
    }
    if (strcmp(outcome, "ended") == 0) {
        hf_buf_adds(&terms->sql, " AND incident NOT IN (SELECT incident FROM open_incidents)");
        return;
    }
    if (!types) {
        hf_buf_adds(&terms->sql, " AND incident IN (SELECT incident FROM open_incidents)");
        return;
    }
    hf_buf_addf(&terms->sql,
                " AND incident IS NOT NULL AND (SELECT x.type FROM events x WHERE x.incident = events.incident"
                " AND (x.type IN " HF_OPENING_TYPES " OR x.type IN " HF_ENDING_TYPES ")"
                " ORDER BY x.id DESC LIMIT 1) IN %s",
                types);
}

static void add_filter(struct terms *terms, const struct hf_audit_filter *filter)
{
    if (filter->after_id != 0) {
        terms->ids[terms->count++] = filter->after_id;
        hf_buf_addf(&terms->sql, " AND id %s ?%d", filter->newest_first ? "<" : ">", terms->count);
    }
    if (filter->most_id != 0) {
        terms->ids[terms->count++] = filter->most_id;
        hf_buf_addf(&terms->sql, " AND id <= ?%d", terms->count);
    }
    add_times(terms, filter);
    add_type(terms, filter->type);
    add_text(terms, "incident =", filter->incident);
    add_text(terms, "target =", filter->target);
    add_text(terms, "space =", filter->space);
    add_text(terms, "unit =", filter->unit);
    /* A name or a unit is rarer than its namespace, and all are rarer than a kind: "+" keeps the index of the latter
     * out of the choice. */
    bool is_narrow = filter->incident || filter->unit || filter->name || filter->manager;
    add_text(terms, is_narrow || filter->namespace ? "+kind =" : "kind =", filter->kind);
    add_text(terms, is_narrow ? "+namespace =" : "namespace =", filter->namespace);
    add_text(terms, "name =", filter->name);
    add_text(terms, "manager =", filter->manager);
    if (filter->user) {
        /* The first as in the index. */
        hf_buf_adds(&terms->sql, " AND " HF_HAS_WHO("detail"));
        add_text(terms, HF_WHO_USER("detail") " =", filter->user);
    }
    if (filter->severity && strcmp(filter->severity, "critical") == 0 && !is_narrow) {
        hf_buf_adds(&terms->sql, " AND severity = 'critical'"); /* literally, so that the index of these is used */
    } else {
        add_text(terms, "+severity =", filter->severity);
    }
    add_text(terms, "verdict =", filter->verdict);
    add_finding(terms, filter);
    add_outcome(terms, filter->outcome);
}

/* Rows of a statement whose columns are id, digest, then HF_COLUMN_LIST. */
static int tell_rows(sqlite3 *db, sqlite3_stmt *statement, hf_audit_row_fn fn, void *ctx, struct hf_error *err)
{
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct hf_row row;
        struct hf_audit_event event;
        if (hf_row_from_statement(&row, sqlite3_column_int64(statement, 0), statement, 2, err) != 0) {
            return -1;
        }
        hf_row_to_event(&row, &event);
        const char *digest = (const char *)sqlite3_column_text(statement, 1);
        if (!fn(ctx, row.id, &event, digest ? digest : "")) {
            return 0;
        }
    }
    return result == SQLITE_DONE ? 0 : hf_store_error(db, err, "read the audit trail");
}

static int prepare_terms(struct hf_audit_reader *reader, const struct terms *terms, sqlite3_stmt **statement,
                         struct hf_error *err)
{
    if (!hf_buf_ok(&terms->sql) || !hf_buf_ok(&terms->type_end)) {
        return hf_error_set(err, HF_ENOMEM, "read the audit trail: out of memory");
    }
    if (hf_store_prepare(reader->db, terms->sql.ptr, statement, err) != 0) {
        return -1;
    }
    for (int i = 0; i < terms->count; i++) {
        if (terms->texts[i]) {
            /* Copied: the statement may outlive the terms. */
            sqlite3_bind_text64(*statement, i + 1, terms->texts[i], strlen(terms->texts[i]), SQLITE_TRANSIENT,
                                SQLITE_UTF8);
        } else {
            sqlite3_bind_int64(*statement, i + 1, terms->ids[i]);
        }
    }
    return 0;
}

static int run_query(struct hf_audit_reader *reader, const struct terms *terms, hf_audit_row_fn fn, void *ctx,
                     struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (prepare_terms(reader, terms, &statement, err) != 0) {
        return -1;
    }
    int status = tell_rows(reader->db, statement, fn, ctx, err);
    sqlite3_finalize(statement);
    return status;
}

static void build_query(struct terms *terms, const struct hf_audit_filter *filter)
{
    size_t limit = filter->limit ? filter->limit : 100;
    /* A piece is walked by its ids: by an index all that answers to the filter would be read again for each. */
    hf_buf_addf(&terms->sql, "SELECT id, digest," HF_COLUMN_LIST " FROM events%s WHERE 1",
                filter->most_id ? " NOT INDEXED" : "");
    add_filter(terms, filter);
    hf_buf_addf(&terms->sql, " ORDER BY id %s LIMIT %lld", filter->newest_first ? "DESC" : "ASC",
                (long long)(limit < INT64_MAX ? (int64_t)limit : INT64_MAX));
}

void hf_query_sql(struct hf_buf *sql, const struct hf_audit_filter *filter)
{
    struct terms terms = {0};
    build_query(&terms, filter);
    hf_buf_adds(sql, hf_buf_text(&terms.sql));
    hf_buf_free(&terms.sql);
    hf_buf_free(&terms.type_end);
}

int hf_query_prepare(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, sqlite3_stmt **statement,
                     struct hf_error *err)
{
    struct terms terms = {0};
    build_query(&terms, filter);
    int status = prepare_terms(reader, &terms, statement, err);
    hf_buf_free(&terms.sql);
    hf_buf_free(&terms.type_end);
    return status;
}

int hf_audit_query(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, hf_audit_row_fn fn, void *ctx,
                   struct hf_error *err)
{
    struct terms terms = {0};
    build_query(&terms, filter);
    int status = run_query(reader, &terms, fn, ctx, err);
    hf_buf_free(&terms.sql);
    hf_buf_free(&terms.type_end);
    return status;
}

/* Few are open: they are looked up, and sorted. Of all others there are many: they are met by walking in order. */
static void build_sightings(struct terms *terms, const struct hf_audit_filter *filter, size_t most)
{
    struct hf_audit_filter seen = *filter;
    seen.type = NULL;
    bool is_open = filter->outcome && strcmp(filter->outcome, "open") == 0;
    hf_buf_adds(&terms->sql, "SELECT id FROM events WHERE 1");
    add_filter(terms, &seen);
    hf_buf_addf(&terms->sql,
                " AND +type IN " HF_SEEN_TYPES " AND +incident IS NOT NULL AND id = (SELECT min(z.id) FROM events z"
                " WHERE z.incident = events.incident AND z.type IN " HF_SEEN_TYPES ") ORDER BY %sid %s LIMIT %lld",
                is_open ? "+" : "", filter->newest_first ? "DESC" : "ASC", (long long)most);
}

int hf_query_sightings(struct hf_audit_reader *reader, const struct hf_audit_filter *filter, int64_t *ids, size_t most,
                       size_t *count, struct hf_error *err)
{
    struct terms terms = {0};
    sqlite3_stmt *statement = NULL;
    int result = SQLITE_DONE;
    build_sightings(&terms, filter, most);
    int status = prepare_terms(reader, &terms, &statement, err);
    while (status == 0 && *count < most && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        ids[(*count)++] = sqlite3_column_int64(statement, 0);
    }
    if (status == 0 && result != SQLITE_DONE && result != SQLITE_ROW) {
        status = hf_store_error(reader->db, err, "read incidents");
    }
    sqlite3_finalize(statement);
    hf_buf_free(&terms.sql);
    hf_buf_free(&terms.type_end);
    return status;
}

int hf_audit_event_read(struct hf_audit_reader *reader, int64_t id, hf_audit_row_fn fn, void *ctx, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(reader->db, "SELECT id, digest," HF_COLUMN_LIST " FROM events WHERE id = ?1", &statement,
                         err) != 0) {
        return -1;
    }
    sqlite3_bind_int64(statement, 1, id);
    int status;
    int result = sqlite3_step(statement);
    if (result == SQLITE_DONE) {
        status = hf_error_set(err, HF_ENOTFOUND, "there is no event %lld in the trail", (long long)id);
    } else {
        sqlite3_reset(statement);
        status = tell_rows(reader->db, statement, fn, ctx, err);
    }
    sqlite3_finalize(statement);
    return status;
}

/* The newest event of an incident need not repeat what the first one said about its object. */
static bool is_of_the_object(const char *name)
{
    static const char *const NAMES[] = {"api_version", "drifted_at", "kind",     "manager", "name",
                                        "namespace",   "operation",  "revision", "seen_at", "space",
                                        "subresource", "target",     "uid",      "unit"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(NAMES[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static int tell_incident(sqlite3_stmt *statement, hf_audit_row_fn fn, void *ctx, bool *go_on, struct hf_error *err)
{
    struct hf_row newest;
    struct hf_row first;
    struct hf_audit_event event;
    int64_t id = sqlite3_column_int64(statement, 0);
    if (hf_row_from_statement(&newest, id, statement, 3, err) != 0 ||
        hf_row_from_statement(&first, sqlite3_column_int64(statement, 1), statement, 3 + HF_COLUMN_COUNT, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        if (!newest.cells[i].is_integer && !newest.cells[i].text.ptr && is_of_the_object(hf_columns[i].name)) {
            newest.cells[i] = first.cells[i];
        }
    }
    hf_row_to_event(&newest, &event);
    const char *digest = (const char *)sqlite3_column_text(statement, 2);
    *go_on = fn(ctx, id, &event, digest ? digest : "");
    return 0;
}

static void add_columns(struct hf_buf *sql, const char *table)
{
    for (size_t i = 0; i < HF_COLUMN_COUNT; i++) {
        hf_buf_addf(sql, ", %s.%s", table, hf_columns[i].name);
    }
}

int hf_audit_open_incidents(struct hf_audit_reader *reader, hf_audit_row_fn fn, void *ctx, struct hf_error *err)
{
    hf_auto_buf struct hf_buf sql = {0};
    sqlite3_stmt *statement;
    hf_buf_adds(&sql, "SELECT l.id, f.id, l.digest");
    add_columns(&sql, "l");
    add_columns(&sql, "f");
    hf_buf_adds(&sql, " FROM open_incidents o CROSS JOIN events l ON l.id = o.last_id"
                      " CROSS JOIN events f ON f.id = o.first_id ORDER BY o.first_id");
    if (!hf_buf_ok(&sql)) {
        return hf_error_set(err, HF_ENOMEM, "read open incidents: out of memory");
    }
    if (hf_store_prepare(reader->db, sql.ptr, &statement, err) != 0) {
        return -1;
    }
    int status = 0;
    bool go_on = true;
    int result = SQLITE_DONE;
    while (status == 0 && go_on && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        status = tell_incident(statement, fn, ctx, &go_on, err);
    }
    if (status == 0 && go_on && result != SQLITE_DONE) {
        status = hf_store_error(reader->db, err, "read open incidents");
    }
    sqlite3_finalize(statement);
    return status;
}

static const char *text_at(sqlite3_stmt *statement, int at)
{
    return (const char *)sqlite3_column_text(statement, at);
}

static void read_object(sqlite3_stmt *statement, struct hf_audit_object *object)
{
    *object = (struct hf_audit_object){.target = text_at(statement, 0),
                                       .group = text_at(statement, 1),
                                       .kind = text_at(statement, 2),
                                       .namespace = text_at(statement, 3),
                                       .name = text_at(statement, 4),
                                       .version = text_at(statement, 5),
                                       .space = text_at(statement, 6),
                                       .unit = text_at(statement, 7),
                                       .revision = sqlite3_column_int64(statement, 8),
                                       .verdict = text_at(statement, 9),
                                       .reason = text_at(statement, 10),
                                       .uid = text_at(statement, 11),
                                       .incident = text_at(statement, 12),
                                       .since_ms = HF_TIME_NONE,
                                       .corrections = sqlite3_column_int64(statement, 14)};
    const char *since = text_at(statement, 13);
    if (since && !hf_time_parse(hf_slice_of(since), &object->since_ms)) {
        object->since_ms = HF_TIME_NONE;
    }
    if (object->namespace && !*object->namespace) {
        object->namespace = NULL; /* cluster-scoped, as it was handed over */
    }
}

int hf_audit_objects(struct hf_audit_reader *reader, hf_audit_object_fn fn, void *ctx, struct hf_error *err)
{
    sqlite3_stmt *statement;
    if (hf_store_prepare(
            reader->db,
            "SELECT target, api_group, kind, namespace, name, version, space, unit, revision, verdict, reason, uid,"
            " incident, since, corrections FROM objects"
            " ORDER BY target, api_group, kind, namespace, name",
            &statement, err) != 0) {
        return -1;
    }
    bool go_on = true;
    int result = SQLITE_DONE;
    while (go_on && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct hf_audit_object object;
        read_object(statement, &object);
        go_on = fn(ctx, &object);
    }
    int status = go_on && result != SQLITE_DONE ? hf_store_error(reader->db, err, "read the objects") : 0;
    sqlite3_finalize(statement);
    return status;
}
