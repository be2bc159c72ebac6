/* `holdfast audit checkpoint`: what to hold the trail against later. */
#include <unistd.h>

#include "cmd_audit.h"
#include "holdfast/audit_keep.h"

static int make(const char *database, const struct hf_buf *key, struct hf_buf *out, struct hf_error *err)
{
    struct hf_audit_reader *reader;
    char host[256] = "";
    int64_t id;
    (void)gethostname(host, sizeof host - 1);
    if (hf_audit_reader_open(database, &reader, err) != 0) {
        return -1;
    }
    int status = hf_audit_checkpoint_make(reader, host, key->ptr, key->len, &id, out, err);
    hf_audit_reader_close(reader);
    return status == 0 && id == 0 ? hf_error_set(err, HF_ENOTFOUND, "the trail %s has no event yet", database) : status;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const char *database = HF_AUDIT_DATABASE;
    const char *key_file = NULL;
    const struct hf_option options[] = {
        {"database", "FILE", "the trail (default: " HF_AUDIT_DATABASE ")", &database},
        {"key-file", "FILE", "the key of a keyed chain: the line gets an HMAC of its own", &key_file},
        {0},
    };
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf key = {0};
    hf_auto_buf struct hf_buf out = {0};
    int exit_code;
    int first = hf_options_read(command, options, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    int status = first < argc ? hf_error_set(&err, HF_EINVAL, "found \"%s\", expected only options", argv[first]) : 0;
    if (status == 0 && key_file) {
        status = hf_audit_key_load(key_file, &key, &err);
    }
    if (status == 0) {
        status = make(database, &key, &out, &err);
    }
    if (status == 0) {
        status = hf_audit_print(&out, &err);
    }
    if (key.ptr) {
        hf_wipe(key.ptr, key.cap);
    }
    hf_buf_free(&key);
    return status == 0 ? HF_EXIT_OK : hf_command_fail(command, &err);
}

const struct hf_command hf_cmd_audit_checkpoint = {
    .name = "audit checkpoint",
    .summary = "Print the newest event's id and digest, to be kept where nobody can change it.",
    .usage = "audit checkpoint [--database FILE] [--key-file FILE]",
    .help = "One line of JSON. Append it now and then to a file on another machine, or let the agent do it "
            "(trail.checkpoint in the\n"
            "config); 'audit verify --checkpoint FILE' holds the trail against each of its lines, and so finds a tail "
            "that was cut off\n"
            "or a chain that was made anew.\n",
    .run = run,
};
