/* The key of the chain: which files are taken for one, and that a keyed trail is not gone on with without it. */
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

#define KEY "0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdeF"

static void append(struct trail *trail, int count)
{
    trail_open(trail);
    for (int i = 0; i < count; i++) {
        trail_append(trail, EVENT(.type = "drift.seen", .name = "web", .revision = i), 0);
    }
    trail_close(trail);
}

static void use_key(struct trail *trail, const char *key)
{
    trail->options.key = key;
    trail->options.key_len = key ? strlen(key) : 0;
}

static void expect_refused(struct trail *trail, const char *naming)
{
    struct hf_error err = HF_ERROR_INIT;
    int64_t before = trail_count(trail, "SELECT count(*) FROM events");
    cr_expect_eq(trail_try_open(trail, &err), -1);
    cr_expect_eq(err.code, HF_EINVAL);
    cr_expect_not_null(strstr(err.text, naming), "said \"%s\"", err.text);
    cr_expect_null(strstr(err.text, KEY));
    cr_expect_eq(trail_count(trail, "SELECT count(*) FROM events"), before);
}

static int prove(const struct trail *trail, const char *key, struct hf_audit_proof *proof, struct hf_error *err)
{
    struct hf_audit_checks checks = {.key = key, .key_len = key ? strlen(key) : 0};
    struct hf_audit_reader *reader = trail_reader(trail);
    hf_error_clear(err);
    int status = hf_audit_prove(reader, &checks, proof, err);
    hf_audit_reader_close(reader);
    return status;
}

Test(key, a_keyed_trail_is_not_gone_on_with_without_its_key)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_proof proof;
    trail_init(&trail);
    append(&trail, 3);
    use_key(&trail, KEY);
    append(&trail, 2);
    use_key(&trail, NULL);
    expect_refused(&trail, "keyed from event 4 on, and no key is given");
    use_key(&trail, OTHER);
    expect_refused(&trail, "keyed from event 4 on, and the key that is given is another one");
    use_key(&trail, KEY);
    append(&trail, 1);
    cr_expect_eq(prove(&trail, KEY, &proof, &err), 0, "%s", err.text);
    cr_expect_eq(proof.rows, 6);
    cr_expect_eq(proof.keyed_from, 4);
    trail_end(&trail);
}

Test(key, a_trail_that_is_keyed_from_its_first_event_on_knows_its_key)
{
    struct trail trail;
    trail_init(&trail);
    use_key(&trail, KEY);
    append(&trail, 1);
    use_key(&trail, OTHER);
    expect_refused(&trail, "event 1");
    use_key(&trail, KEY);
    append(&trail, 1);
    trail_end(&trail);
}

Test(key, a_row_that_somebody_changed_keeps_no_agent_from_its_work)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_proof proof;
    trail_init(&trail);
    use_key(&trail, KEY);
    append(&trail, 5);
    trail_forge(&trail, "UPDATE events SET name = 'x' WHERE id = 5; DELETE FROM events WHERE id = 3");
    append(&trail, 1);
    cr_expect_eq(prove(&trail, KEY, &proof, &err), -1);
    cr_expect_not_null(strstr(err.text, "event 3 is missing"), "%s", err.text);
    trail_end(&trail);
}

Test(key, a_chain_made_anew_without_the_key_is_found)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_proof proof;
    trail_init(&trail);
    append(&trail, 5);
    cr_expect_eq(prove(&trail, NULL, &proof, &err), 0, "%s", err.text);
    cr_expect_eq(proof.keyed_from, 0);
    cr_expect_eq(prove(&trail, KEY, &proof, &err), -1);
    cr_expect_eq(err.code, HF_ECORRUPT);
    cr_expect_not_null(strstr(err.text, "none of the 5 events is keyed"), "%s", err.text);
    trail_end(&trail);
}

struct key_file {
    char text[64];
    unsigned mode;
    enum hf_code code;
    char naming[48];
};

ParameterizedTestParameters(key, a_file_is_a_key_only_when_it_is_long_enough_and_its_owners_alone)
{
    static struct key_file table[] = {
        {KEY, 0600, HF_OK, ""},
        {KEY, 0400, HF_OK, ""},
        {KEY "\n", 0600, HF_OK, ""},
        {KEY "\r\n", 0600, HF_OK, ""},
        {KEY "\n\n", 0600, HF_OK, ""},
        {"", 0600, HF_EINVAL, "0 bytes, expected at least 32"},
        {"0123456789abcdef0123456789abcde\n", 0600, HF_EINVAL, "31 bytes"},
        {KEY, 0640, HF_EDENIED, "mode 0640"},
        {KEY, 0604, HF_EDENIED, "mode 0604"},
        {KEY, 0620, HF_EDENIED, "mode 0620"},
        {KEY, 0644, HF_EDENIED, "mode 0644"},
    };
    return cr_make_param_array(struct key_file, table, sizeof table / sizeof table[0]);
}

ParameterizedTest(const struct key_file *file, key, a_file_is_a_key_only_when_it_is_long_enough_and_its_owners_alone)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf key = {0};
    char path[128];
    trail_init(&trail);
    (void)snprintf(path, sizeof path, "%s/trail.key", trail.folder);
    FILE *out = fopen(path, "wb");
    cr_assert_not_null(out);
    cr_assert_eq(fwrite(file->text, 1, strlen(file->text), out), strlen(file->text));
    fclose(out);
    cr_assert_eq(chmod(path, file->mode), 0);
    cr_expect_eq(hf_audit_key_load(path, &key, &err), file->code == HF_OK ? 0 : -1, "%s", err.text);
    cr_expect_eq(err.code, file->code);
    cr_expect_not_null(strstr(err.text, file->naming), "%s", err.text);
    cr_expect_null(strstr(err.text, "0123456789"), "%s", err.text);
    if (file->code == HF_OK) {
        cr_expect_str_eq(hf_buf_text(&key), KEY);
    }
    hf_buf_free(&key);
    cr_assert_eq(unlink(path), 0);
    trail_end(&trail);
}

Test(key, neither_a_folder_nor_a_pipe_nor_nothing_is_a_key)
{
    struct trail trail;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf key = {0};
    char path[128];
    trail_init(&trail);
    (void)snprintf(path, sizeof path, "%s/trail.key", trail.folder);
    cr_expect_eq(hf_audit_key_load(path, &key, &err), -1);
    cr_expect_eq(err.code, HF_ENOTFOUND);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(hf_audit_key_load(path, &key, &err), -1);
    cr_expect_not_null(strstr(err.text, "is not a file"), "%s", err.text);
    cr_expect_eq(hf_audit_key_load(trail.folder, &key, &err), -1);
    cr_assert_eq(unlink(path), 0);
    hf_buf_free(&key);
    trail_end(&trail);
}
