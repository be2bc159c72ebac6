/* `holdfast audit log`: events by filter, as a table, JSON or CSV. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cmd_audit.h"

#define FOLLOW_MS 500

enum form { FORM_TABLE, FORM_JSON, FORM_JSONL, FORM_CSV };

struct listing {
    enum form form;
    struct hf_buf out;
    size_t count;
    int64_t last_id; /* the highest printed so far */
    char last_digest[96];
    struct hf_error *err;
    int status;
};

static void pad_to(struct hf_buf *out, size_t start, size_t width)
{
    size_t columns = 0;
    for (size_t at = start; hf_buf_ok(out) && at < out->len; at++) {
        columns += ((unsigned char)out->ptr[at] & 0xC0) != 0x80;
    }
    for (; columns < width; columns++) {
        hf_buf_addc(out, ' ');
    }
    hf_buf_addc(out, ' ');
}

static void add_padded(struct hf_buf *out, const char *text, size_t width)
{
    size_t start = out->len;
    hf_audit_safe(out, text);
    pad_to(out, start, width);
}

static void add_table_row(struct hf_buf *out, int64_t id, const struct hf_audit_event *event)
{
    char at[HF_TIME_TEXT];
    hf_time_format(event->at_ms, at);
    hf_buf_addf(out, "%8lld ", (long long)id);
    add_padded(out, at, 24);
    add_padded(out, event->severity, 8);
    add_padded(out, event->type, 20);
    size_t start = out->len;
    hf_audit_add_object(out, event);
    pad_to(out, start, 40);
    add_padded(out, event->manager, 16);
    hf_audit_safe(out, event->message);
    hf_buf_addc(out, '\n');
}

static bool add_row(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct listing *listing = ctx;
    struct hf_buf *out = &listing->out;
    switch (listing->form) {
    case FORM_TABLE:
        add_table_row(out, id, event);
        break;
    case FORM_CSV:
        hf_audit_event_csv(out, id, event, digest);
        break;
    case FORM_JSON:
        hf_buf_adds(out, listing->count ? ",\n" : "[\n");
        hf_audit_event_json(out, id, event, digest);
        break;
    case FORM_JSONL:
        hf_audit_event_json(out, id, event, digest);
        hf_buf_addc(out, '\n');
        break;
    }
    listing->count++;
    if (id > listing->last_id) {
        listing->last_id = id;
        (void)snprintf(listing->last_digest, sizeof listing->last_digest, "%s", digest);
    }
    listing->status = hf_audit_print(out, listing->err);
    return listing->status == 0;
}

static void begin_listing(struct listing *listing)
{
    if (listing->form == FORM_TABLE) {
        hf_buf_addf(&listing->out, "%8s %-24s %-8s %-20s %-40s %-16s %s\n", "ID", "TIME", "SEVERITY", "TYPE", "OBJECT",
                    "BY", "MESSAGE");
    } else if (listing->form == FORM_CSV) {
        hf_audit_csv_names(&listing->out);
    }
}

static int parse_form(const char *text, enum form *form, struct hf_error *err)
{
    static const char *const NAMES[] = {"table", "json", "jsonl", "csv"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(NAMES[i], text) == 0) {
            *form = (enum form)i;
            return 0;
        }
    }
    return hf_error_set(err, HF_EINVAL, "--output: found \"%s\", expected table, json, jsonl or csv", text);
}

static int parse_limit(const char *text, size_t *limit, struct hf_error *err)
{
    int64_t number;
    if (!hf_parse_int(hf_slice_of(text), 0, INT32_MAX, &number)) {
        return hf_error_set(err, HF_EINVAL, "--limit: found \"%s\", expected a number (0: all)", text);
    }
    *limit = number ? (size_t)number : SIZE_MAX;
    return 0;
}

static bool is_last(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    struct listing *listing = ctx;
    (void)id;
    (void)event;
    if (strcmp(digest, listing->last_digest) != 0) {
        listing->last_id = 0;
    }
    return true;
}

/* A trail that was replaced is followed from its first event on, one that was written anew behind what was printed. One
 * that is gone for the moment is read from what is still open. */
static void follow_file(const char *database, struct hf_audit_reader **reader, struct listing *listing)
{
    struct hf_audit_reader *now;
    struct hf_error err = HF_ERROR_INIT;
    if (!hf_audit_reader_is_stale(*reader) || hf_audit_reader_open(database, &now, &err) != 0) {
        return;
    }
    if (hf_audit_event_read(now, listing->last_id, is_last, listing, &err) != 0) {
        listing->last_id = 0;
    }
    hf_audit_reader_close(*reader);
    *reader = now;
}

/* What comes later, as it comes, until the reader of our output goes away or a signal ends us. */
static int follow(const char *database, struct hf_audit_reader **reader, const struct hf_audit_filter *filter,
                  struct listing *listing)
{
    struct hf_audit_filter later = *filter;
    int status = 0;
    later.newest_first = false;
    later.limit = SIZE_MAX;
    while (status == 0) {
        if (fflush(stdout) != 0) {
            return hf_error_errno(listing->err, HF_EIO, errno, "write to standard output");
        }
        nanosleep(&(struct timespec){0, FOLLOW_MS * 1000000L}, NULL);
        follow_file(database, reader, listing);
        later.after_id = listing->last_id;
        status = hf_audit_query(*reader, &later, add_row, listing, listing->err);
        status = status == 0 ? listing->status : status;
    }
    return status;
}

/* --follow begins with the newest, told oldest first: their ids are looked up before. */
static bool keep_id(void *ctx, int64_t id, const struct hf_audit_event *event, const char *digest)
{
    (void)event;
    (void)digest;
    *(int64_t *)ctx = id;
    return true;
}

static int start_following(struct hf_audit_reader *reader, struct hf_audit_filter *filter, struct hf_error *err)
{
    struct hf_audit_filter newest = *filter;
    int64_t oldest_of_them = 1;
    newest.newest_first = true;
    if (hf_audit_query(reader, &newest, keep_id, &oldest_of_them, err) != 0) {
        return -1;
    }
    filter->newest_first = false;
    filter->after_id = oldest_of_them - 1;
    return 0;
}

static int list_events(const char *database, struct hf_audit_filter *filter, bool follows, struct listing *listing)
{
    struct hf_audit_reader *reader;
    if (hf_audit_reader_open(database, &reader, listing->err) != 0) {
        return -1;
    }
    begin_listing(listing);
    int status = hf_audit_print(&listing->out, listing->err);
    if (status == 0 && follows) {
        status = start_following(reader, filter, listing->err);
    }
    if (status == 0) {
        status = hf_audit_query(reader, filter, add_row, listing, listing->err);
    }
    status = status == 0 ? listing->status : status;
    if (status == 0 && follows) {
        status = follow(database, &reader, filter, listing);
    }
    if (status == 0 && listing->form == FORM_JSON) {
        hf_buf_adds(&listing->out, listing->count ? "\n]\n" : "[]\n");
        status = hf_audit_print(&listing->out, listing->err);
    }
    hf_audit_reader_close(reader);
    hf_buf_free(&listing->out);
    return status;
}

static int check_outcome(const char *outcome, struct hf_error *err)
{
    static const char *const OUTCOMES[] = {"open", "corrected", "healed", "dismissed"};
    for (size_t i = 0; i < sizeof OUTCOMES / sizeof OUTCOMES[0]; i++) {
        if (!outcome || strcmp(outcome, OUTCOMES[i]) == 0) {
            return 0;
        }
    }
    return hf_error_set(err, HF_EINVAL, "--outcome: found \"%s\", expected open, corrected, healed or dismissed",
                        outcome);
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *database = HF_AUDIT_DATABASE;
    const char *since = NULL;
    const char *until = NULL;
    const char *output = "table";
    const char *limit = "100";
    const char *oldest_first = NULL;
    const char *follows = NULL;
    struct hf_audit_filter filter = {0};
    const struct hf_option options[] = {
        {"database", "FILE", "the trail (default: " HF_AUDIT_DATABASE ")", &database},
        {"since", "TIME", "not before: a time, a day, today, yesterday, or how long ago (2h)", &since},
        {"until", "TIME", "before this", &until},
        {"type", "TYPE", "drift.seen; or all that begin so: correction.", &filter.type},
        {"severity", "S", "info, warning or critical", &filter.severity},
        {"verdict", "V", "drifted, missing, blocked, …", &filter.verdict},
        {"path", "PATH", "a field: spec.replicas or /spec/replicas, and all below it", &filter.path},
        {"class", "CLASS", "how it differs: changed, removed, leftover or added", &filter.class},
        {"outcome", "O", "of the incident: open, corrected, healed or dismissed", &filter.outcome},
        {"incident", "ID", "the events of one drift", &filter.incident},
        {"target", "NAME", "the cluster", &filter.target},
        {"space", "NAME", "the unit's space", &filter.space},
        {"unit", "SLUG", "the unit", &filter.unit},
        {"kind", "KIND", "the object's kind: Deployment", &filter.kind},
        {"namespace", "NAME", "the object's namespace", &filter.namespace},
        {"name", "NAME", "the object's name", &filter.name},
        {"manager", "NAME", "with what it was done: the field manager", &filter.manager},
        {"user", "NAME", "who did it, where the API server's audit events told it", &filter.user},
        {"limit", "N", "at most so many (default: 100; 0: all)", &limit},
        {"oldest-first", NULL, "in the order in which it happened (default: the newest first)", &oldest_first},
        {"follow", NULL, "the newest, then each as it comes (table, jsonl, csv)", &follows},
        {"output", "FORM", "table, json, jsonl or csv (default: table)", &output},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    struct listing listing = {.err = &err};
    int exit_code;
    int first = hf_options_read(command, options, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    filter.newest_first = !oldest_first;
    if (first < argc) {
        (void)hf_error_set(&err, HF_EINVAL, "found \"%s\", expected only options", argv[first]);
        return hf_command_fail(command, &err);
    }
    if (follows && strcmp(output, "json") == 0) {
        (void)hf_error_set(&err, HF_EINVAL,
                           "--follow never ends, so it can't print one JSON array: use --output jsonl");
        return hf_command_fail(command, &err);
    }
    if (check_outcome(filter.outcome, &err) != 0 || parse_form(output, &listing.form, &err) != 0 ||
        parse_limit(limit, &filter.limit, &err) != 0 ||
        hf_audit_parse_time(since, "since", &filter.since_ms, &err) != 0 ||
        hf_audit_parse_time(until, "until", &filter.until_ms, &err) != 0 ||
        list_events(database, &filter, follows != NULL, &listing) != 0) {
        return hf_command_fail(command, &err);
    }
    return HF_EXIT_OK;
}

const struct hf_command hf_cmd_audit_log = {
    .name = "audit log",
    .summary = "List events: by time, object, unit, who did it, type, severity.",
    .usage = "audit log [--since TIME] [--unit SLUG] [--manager NAME] [--user NAME] [--output table|json|jsonl|csv] "
             "[OPTIONS]",
    .help = "Filters are joined: an event is listed when all of them hold. Times are UTC.\n\n"
            "  holdfast audit log --since today --type drift.\n"
            "  holdfast audit log --follow --severity critical\n"
            "  holdfast audit log --unit trade-service --since 2026-03-01 --until 2026-04-01 --oldest-first\n"
            "  holdfast audit log --manager kubectl-edit --limit 0 --output csv\n"
            "  holdfast audit log --user alice --since 7d\n\n"
            "In CSV a field that a spreadsheet would take for a formula begins with an apostrophe. Exit: 0, or 2 on an "
            "error.\n",
    .run = run,
};
