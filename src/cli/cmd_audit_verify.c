/* `holdfast audit verify`: that the trail is whole. */
#include <string.h>
#include <unistd.h>

#include "cmd_audit_verify.h"
#include "holdfast/mem.h"

#define CHECKPOINTS_MOST (64u << 20)
#define QUIET_MS 1000

struct ticker {
    int64_t began_ms;
    bool shown;
};

static void show_progress(void *ctx, int64_t rows, int64_t of)
{
    struct ticker *ticker = ctx;
    if (hf_mono_ms() - ticker->began_ms >= QUIET_MS && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r%lld of %lld events", (long long)rows, (long long)of);
        ticker->shown = true;
    }
}

/* A file of what `audit checkpoint` prints, or one line of it as it is. */
static int read_checkpoints(const char *given, struct hf_buf *text, struct hf_arena *arena,
                            struct hf_audit_checks *checks, struct hf_error *err)
{
    struct hf_audit_checkpoint *list;
    bool is_literal = *given == '{';
    if (is_literal) {
        hf_buf_adds(text, given);
    } else if (hf_read_file(given, CHECKPOINTS_MOST, text, err) != 0) {
        return -1;
    }
    struct hf_slice lines = {hf_buf_text(text), text->len};
    if (hf_audit_checkpoints_read(arena, is_literal ? "--checkpoint" : given, lines, checks->key, checks->key_len,
                                  &list, &checks->checkpoint_count, err) != 0) {
        return -1;
    }
    checks->checkpoints = list;
    return 0;
}

static int prove(const char *database, const struct hf_audit_checks *checks, struct hf_audit_proof *proof,
                 struct hf_error *err)
{
    struct hf_audit_reader *reader;
    if (hf_audit_reader_open(database, &reader, err) != 0) {
        return -1;
    }
    int status = hf_audit_prove(reader, checks, proof, err);
    hf_audit_reader_close(reader);
    return status;
}

static int report(const struct hf_command *command, int status, const struct hf_audit_proof *proof,
                  const struct hf_error *err)
{
    if (status == 0) {
        printf("whole: %lld events", (long long)proof->rows);
        if (proof->rows > 0) {
            printf(", the last is %lld, %s", (long long)proof->last_id, proof->head);
        }
        if (proof->keyed_from > 0) {
            printf(", keyed from event %lld on", (long long)proof->keyed_from);
        }
        if (proof->removed > 0) {
            printf(", %lld before were removed (told by event %lld)", (long long)proof->removed,
                   (long long)proof->removed_by);
        }
        if (proof->removed_checkpoints > 0) {
            printf(", %zu checkpoints are of these", proof->removed_checkpoints);
        }
        if (proof->held > 0) {
            printf(", %zu checkpoint%s held", proof->held, proof->held == 1 ? "" : "s");
        }
        printf("\n");
        return HF_EXIT_OK;
    }
    (void)hf_command_fail(command, err);
    if (err->code != HF_ECORRUPT) {
        return HF_EXIT_ERROR;
    }
    fprintf(stderr, "The chain is right for %lld events, up to event %lld; what comes after is not proved.\n",
            (long long)proof->rows, (long long)proof->last_id);
    return HF_EXIT_FOUND;
}

static int run_verify(const struct hf_command *command, int argc, char **argv)
{
    const char *database = HF_AUDIT_DATABASE;
    const char *key_file = NULL;
    const char *checkpoint = NULL;
    const char *export = NULL;
    const struct hf_option options[] = {
        {"database", "FILE", "the trail (default: " HF_AUDIT_DATABASE ")", &database},
        {"key-file", "FILE", "the key of a keyed chain (trail.hmac_key in the config)", &key_file},
        {"export", "PATH", "a file of removed events, or their folder: proved as well", &export},
        {"checkpoint", "FILE", "checkpoints that were kept elsewhere (or one, as it was printed): each must hold",
         &checkpoint},
        {0},
    };
    struct ticker ticker = {.began_ms = hf_mono_ms()};
    struct hf_audit_checks checks = {.progress = show_progress, .ctx = &ticker};
    struct hf_audit_proof proof = {0};
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf key = {0};
    hf_auto_buf struct hf_buf kept = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    int exit_code;
    int first = hf_options_read(command, options, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    int status = arena ? 0 : hf_error_set(&err, HF_ENOMEM, "out of memory");
    if (status == 0 && first < argc) {
        status = hf_error_set(&err, HF_EINVAL, "found \"%s\", expected only options", argv[first]);
    }
    if (status == 0 && key_file) {
        status = hf_audit_key_load(key_file, &key, &err);
        checks.key = key.ptr;
        checks.key_len = key.len;
    }
    if (status == 0 && checkpoint) {
        status = read_checkpoints(checkpoint, &kept, arena, &checks, &err);
    }
    if (status != 0) {
        exit_code = hf_command_fail(command, &err);
    } else {
        status = prove(database, &checks, &proof, &err);
        bool is_whole = status == 0;
        if (ticker.shown) {
            fprintf(stderr, "\r%40s\r", "");
        }
        exit_code = report(command, status, &proof, &err);
        if (is_whole && export && hf_audit_verify_export(export, database, &checks, &err) != 0) {
            (void)hf_command_fail(command, &err);
            exit_code = err.code == HF_ECORRUPT ? HF_EXIT_FOUND : HF_EXIT_ERROR;
        }
    }
    if (key.ptr) {
        hf_wipe(key.ptr, key.cap);
    }
    hf_buf_free(&key);
    return exit_code;
}

const struct hf_command hf_cmd_audit_verify = {
    .name = "audit verify",
    .summary = "Recompute the chain of digests: nothing changed, deleted, swapped or cut off.",
    .usage = "audit verify [--database FILE] [--checkpoint FILE] [--export PATH] [--key-file FILE]",
    .help = "Reads every event, recomputes its digest from its content and the digest before it, and names the first "
            "event that\n"
            "is not as it was recorded. Against somebody who can write the whole file anew, hold it against a "
            "checkpoint that was\n"
            "kept elsewhere, or give the agent a key. docs/trail.md tells how to do the same without holdfast.\n\n"
            "Exit: 0 the chain is whole, 1 it is broken, 2 it could not be read.\n",
    .run = run_verify,
};
