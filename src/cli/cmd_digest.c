#include <stdio.h>

#include "command.h"
#include "holdfast/canonical.h"
#include "holdfast/mem.h"
#include "holdfast/yaml.h"
#include "input.h"

#define MOST_BYTES (64u << 20)

static void print_one(const char *path, size_t index, const struct hf_document *document,
                      const struct hf_digest *digest)
{
    char text[HF_SHA256_TEXT];
    hf_auto_buf struct hf_buf label = {0};
    const char *kind = hf_value_text(hf_value_get(document->value, "kind"));
    const char *name = hf_value_text(hf_value_path(document->value, "metadata", "name", NULL));
    hf_digest_text(digest, text);
    hf_buf_add_safe(&label, hf_slice_of(kind ? kind : ""), 200);
    hf_buf_adds(&label, kind && name ? "/" : "");
    hf_buf_add_safe(&label, hf_slice_of(name ? name : ""), 200);
    printf("%s  %s#%zu  %s\n", text, path, index + 1, hf_buf_text(&label));
}

static int digest_file(const char *path, struct hf_error *err)
{
    hf_auto_buf struct hf_buf bytes = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
    }
    if (hf_input_read(path, MOST_BYTES, &bytes, err) != 0) {
        return -1;
    }
    static const struct hf_yaml_limits LIMITS = {.bytes = MOST_BYTES};
    struct hf_document *documents;
    size_t count;
    if (hf_yaml_read(arena, hf_buf_text(&bytes), bytes.len, &LIMITS, &documents, &count, err) != 0) {
        return hf_error_wrap(err, "%s", path);
    }
    struct hf_hasher *hasher = hf_hasher_new(err);
    int result = hasher ? 0 : -1;
    for (size_t i = 0; result == 0 && i < count; i++) {
        struct hf_digest digest;
        result = hf_canonical_digest(hasher, documents[i].value, &digest, err);
        if (result == 0) {
            print_one(path, i, &documents[i], &digest);
        }
    }
    hf_hasher_free(hasher);
    return result;
}

static int run(const struct hf_command *command, int argc, char **argv)
{
    const struct hf_option none[] = {{0}};
    struct hf_error err = HF_ERROR_INIT;
    int exit_code;
    int first = hf_options_read(command, none, argc, argv, &exit_code);
    if (first < 0) {
        return exit_code;
    }
    char dash[] = "-";
    char *standard_input[] = {dash};
    char **paths = first < argc ? argv + first : standard_input;
    int count = first < argc ? argc - first : 1;
    int result = HF_EXIT_OK;
    for (int i = 0; i < count; i++) {
        if (digest_file(paths[i], &err) != 0) {
            result = hf_command_fail(command, &err);
        }
    }
    return result;
}

const struct hf_command hf_cmd_digest = {
    .name = "digest",
    .summary = "Print the canonical digest of each document.",
    .usage = "digest [FILE…|-]",
    .help = "One line a document: sha256:…, file#number, kind/name. Documents that mean the same have one digest, "
            "whatever their\n"
            "key order, layout or notation (YAML or JSON). Exit: 0, or 2 when a file can't be read.\n",
    .run = run,
};
