/* `holdfast audit retain`: what is old leaves the trail, after it was exported. */
#include <pthread.h>
#include <string.h>

#include "cmd_audit.h"
#include "holdfast/audit_keep.h"

#define SEGMENT_ROWS 50000

struct retaining {
    const char *database;
    const char *folder;
    struct hf_buf key;
    int64_t before_ms;
    struct hf_audit *audit;
    pthread_mutex_t mutex; /* over done and outcome */
    pthread_cond_t wake;
    bool done;
    struct hf_error outcome;
};

/* There is no loop here: what would run on it runs at once, on the writer's thread. */
static int post_at_once(void *ctx, void (*fn)(void *, void *), void *fn_ctx, void *message)
{
    (void)ctx;
    fn(fn_ctx, message);
    return 0;
}

static void on_removed(void *ctx, const struct hf_error *outcome)
{
    struct retaining *retaining = ctx;
    pthread_mutex_lock(&retaining->mutex);
    retaining->outcome = *outcome;
    retaining->done = true;
    pthread_cond_signal(&retaining->wake);
    pthread_mutex_unlock(&retaining->mutex);
}

static void on_state(void *ctx, const struct hf_error *state)
{
    if (state->code != HF_OK) {
        on_removed(ctx, state); /* a full disk: it would be tried again for ever */
    }
}

static int remove_segment(struct retaining *retaining, const struct hf_audit_removal *removal, struct hf_error *err)
{
    retaining->done = false;
    if (hf_audit_remove(retaining->audit, removal, on_removed, retaining, err) != 0) {
        return -1;
    }
    pthread_mutex_lock(&retaining->mutex);
    while (!retaining->done) {
        pthread_cond_wait(&retaining->wake, &retaining->mutex);
    }
    *err = retaining->outcome;
    pthread_mutex_unlock(&retaining->mutex);
    return err->code == HF_OK ? 0 : -1;
}

static void print_segment(const char *what, const struct hf_audit_removal *removal)
{
    char until[HF_TIME_TEXT];
    hf_time_format(removal->last_at_ms, until);
    printf("%s %lld events, %lld to %lld (until %s): %s\n", what, (long long)(removal->last_id - removal->first_id + 1),
           (long long)removal->first_id, (long long)removal->last_id, until, removal->file);
}

static int plan_only(const struct retaining *retaining, struct hf_error *err)
{
    struct hf_audit_removal removal;
    struct hf_audit_reader *reader;
    hf_auto_buf struct hf_buf why = {0};
    if (hf_audit_reader_open(retaining->database, &reader, err) != 0) {
        return -1;
    }
    int status = hf_audit_removal_plan(reader, retaining->before_ms, INT64_C(1) << 62, &removal, &why, err);
    hf_audit_reader_close(reader);
    if (status == 0) {
        if (removal.first_id != 0) {
            print_segment("would remove", &removal);
        } else {
            printf("nothing to remove\n");
        }
        if (why.len > 0) {
            printf("%s\n", why.ptr);
        }
    }
    return status;
}

/* One file and one transaction a segment, so that no writer waits long. */
static int remove_all(struct retaining *retaining, struct hf_audit_reader *reader, struct hf_error *err)
{
    for (int count = 0;; count++) {
        struct hf_audit_removal removal;
        hf_auto_buf struct hf_buf why = {0};
        if (hf_audit_removal_plan(reader, retaining->before_ms, SEGMENT_ROWS, &removal, &why, err) != 0) {
            return -1;
        }
        if (removal.first_id == 0) {
            printf("%s%s%s\n", count == 0 ? "nothing to remove" : "done", why.len > 0 ? "; " : "", hf_buf_text(&why));
            return 0;
        }
        if (hf_audit_removal_export(reader, &removal, retaining->folder, retaining->key.ptr, retaining->key.len, NULL,
                                    NULL, err) != 0 ||
            remove_segment(retaining, &removal, err) != 0) {
            return -1;
        }
        print_segment("removed", &removal);
    }
}

static int retain(struct retaining *retaining, struct hf_error *err)
{
    struct hf_audit_options options = {
        .path = retaining->database, .key = retaining->key.ptr, .key_len = retaining->key.len};
    struct hf_audit_events events = {.ctx = retaining, .state = on_state};
    struct hf_audit_reader *reader;
    /* First to read: a trail that is not there must not be made. */
    if (hf_audit_reader_open(retaining->database, &reader, err) != 0) {
        return -1;
    }
    int status = hf_audit_open(&options, &events, post_at_once, NULL, NULL, &retaining->audit, err);
    if (status == 0) {
        status = remove_all(retaining, reader, err);
        hf_audit_reader_close(reader);
        hf_audit_close(retaining->audit, 10000);
    } else {
        hf_audit_reader_close(reader);
        if (err->code == HF_EBUSY) {
            (void)hf_error_wrap(err, "set trail.retain in the agent's config, or stop it");
        }
    }
    return status;
}

static int check_options(struct retaining *retaining, const char *before, const char *extra, struct hf_error *err)
{
    if (extra) {
        return hf_error_set(err, HF_EINVAL, "found \"%s\", expected only options", extra);
    }
    if (hf_audit_parse_time(before, "before", &retaining->before_ms, err) != 0) {
        return -1;
    }
    if (retaining->before_ms == HF_TIME_NONE || !retaining->folder) {
        return hf_error_set(err, HF_EINVAL, "found no %s, expected both --before and --export",
                            retaining->folder ? "--before" : "--export");
    }
    return 0;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    struct retaining retaining = {
        .database = HF_AUDIT_DATABASE, .mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    const char *before = NULL;
    const char *key_file = NULL;
    const char *dry = NULL;
    const struct hf_option options[] = {
        {"database", "FILE", "the trail (default: " HF_AUDIT_DATABASE ")", &retaining.database},
        {"before", "TIME", "what is older goes: a time, a day, or how long ago (400d)", &before},
        {"export", "FOLDER", "where it is written to before it goes", &retaining.folder},
        {"key-file", "FILE", "the key of a keyed chain (trail.hmac_key in the config)", &key_file},
        {"dry-run", NULL, "only tell what would go, and what keeps the rest", &dry},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, options, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    int status = check_options(&retaining, before, first < argc ? argv[first] : NULL, &err);
    if (status == 0 && key_file) {
        status = hf_audit_key_load(key_file, &retaining.key, &err);
    }
    if (status == 0) {
        status = dry ? plan_only(&retaining, &err) : retain(&retaining, &err);
    }
    if (retaining.key.ptr) {
        hf_wipe(retaining.key.ptr, retaining.key.cap);
    }
    hf_buf_free(&retaining.key);
    return status == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

const struct hf_command hf_cmd_audit_retain = {
    .name = "audit retain",
    .summary = "Remove old events after exporting them; the chain stays provable.",
    .usage = "audit retain --before TIME --export FOLDER [--dry-run] [--database FILE] [--key-file FILE]",
    .help =
        "Events go from the beginning, up to the first that is not old enough, belongs to an open incident or to "
        "one that goes on\n"
        "behind it, or has an alert that has not arrived. Each part is written to FOLDER/holdfast-FIRST-LAST.jsonl, "
        "synced, read again\n"
        "and checked; then one transaction records audit.removed, with the file's digest, and removes the rows. "
        "'audit verify' begins\n"
        "behind it; 'audit verify --export FOLDER' proves the files as well. No agent may be running on the trail: "
        "it does the same by\n"
        "itself when trail.retain is set in its config.\n",
    .run = run,
};
