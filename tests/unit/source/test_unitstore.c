/* The kept units: whole or not there, over restarts, kills and broken files. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdfast/mem.h"
#include "holdfast/unitstore.h"

static char folder[64];
static char path[128];
static struct hf_log *log_;

static void set_up(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/hf-units-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/trail.db.units", folder);
    log_ = hf_log_new(open("/dev/null", O_WRONLY | O_CLOEXEC), HF_DEBUG, HF_LOGFMT);
}

static void tear_down(void)
{
    char command[128];
    DIR *dir = opendir(folder);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        (void)snprintf(command, sizeof command, "%s/%.60s", folder, entry->d_name);
        (void)unlink(command);
    }
    (void)closedir(dir);
    (void)rmdir(folder);
    hf_log_free(log_);
}

TestSuite(unitstore, .init = set_up, .fini = tear_down, .timeout = 60);

static struct hf_unitstore *store_open(void)
{
    struct hf_unitstore *store;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_unitstore_open(path, log_, &store, &err), 0, "%s", err.text);
    return store;
}

static struct hf_unit_store table_of(struct hf_unitstore *store, const char *target)
{
    struct hf_unit_store table;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_unitstore_of(store, target, &table, &err), 0, "%s", err.text);
    return table;
}

static void save(const struct hf_unit_store *table, const char *unit, int64_t revision, const char *bytes)
{
    struct hf_unit_stored stored = {.space_id = "space",
                                    .unit_id = unit,
                                    .space = "traderx",
                                    .slug = unit,
                                    .revision = revision,
                                    .state = "{\"Slug\":\"x\"}",
                                    .bytes = bytes,
                                    .byte_count = bytes ? strlen(bytes) : 0};
    table->save(table->ctx, &stored);
}

static void collect(void *ctx, const struct hf_unit_stored *unit)
{
    hf_buf_addf(ctx, "%s/%s@%lld=", unit->space, unit->slug, (long long)unit->revision);
    hf_buf_add(ctx, unit->bytes ? unit->bytes : "none", unit->bytes ? unit->byte_count : 4);
    hf_buf_adds(ctx, "; ");
}

static const char *contents(const char *target)
{
    static char text[4000];
    hf_auto_buf struct hf_buf out = {0};
    struct hf_error err = HF_ERROR_INIT;
    int64_t seen;
    struct hf_unitstore *store = store_open();
    struct hf_unit_store table = table_of(store, target);
    cr_assert_eq(table.load(table.ctx, collect, &out, &seen, &err), 0, "%s", err.text);
    hf_unitstore_close(store);
    (void)snprintf(text, sizeof text, "%s", hf_buf_text(&out));
    return text;
}

Test(unitstore, what_was_kept_is_there_after_a_restart)
{
    struct hf_unitstore *store = store_open();
    struct hf_unit_store dev = table_of(store, "dev");
    struct hf_unit_store prod = table_of(store, "prod");
    struct hf_error err = HF_ERROR_INIT;
    int64_t seen = 0;
    hf_auto_buf struct hf_buf out = {0};
    save(&dev, "web", 1, "one");
    save(&dev, "web", 2, "two");
    save(&dev, "api", 7, "shared");
    save(&prod, "api", 5, "shared");
    dev.seen(dev.ctx, 1234567);
    hf_unitstore_close(store);
    cr_expect_str_eq(contents("dev"), "traderx/api@7=shared; traderx/web@2=two; ");
    cr_expect_str_eq(contents("prod"), "traderx/api@5=shared; ");
    store = store_open();
    dev = table_of(store, "dev");
    cr_assert_eq(dev.load(dev.ctx, collect, &out, &seen, &err), 0);
    cr_expect_eq(seen, 1234567);
    hf_unitstore_close(store);
}

Test(unitstore, data_that_is_not_given_again_stays_and_a_removed_unit_goes)
{
    struct hf_unitstore *store = store_open();
    struct hf_unit_store dev = table_of(store, "dev");
    save(&dev, "web", 1, "one");
    save(&dev, "web", 1, NULL);
    save(&dev, "api", 1, "two");
    dev.remove(dev.ctx, "space", "api");
    hf_unitstore_close(store);
    cr_expect_str_eq(contents("dev"), "traderx/web@1=one; ");
    store = store_open();
    dev = table_of(store, "dev");
    save(&dev, "web", 3, NULL);
    hf_unitstore_close(store);
    cr_expect_str_eq(contents("dev"), "traderx/web@3=one; ");
}

Test(unitstore, a_file_that_others_may_read_is_refused)
{
    struct hf_unitstore *store = store_open();
    struct hf_error err = HF_ERROR_INIT;
    struct stat info;
    hf_unitstore_close(store);
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(info.st_mode & 0777, 0600u);
    cr_assert_eq(chmod(path, 0644), 0);
    cr_expect_eq(hf_unitstore_open(path, log_, &store, &err), -1);
    cr_expect_eq(err.code, HF_EDENIED);
    cr_expect_not_null(strstr(err.text, "mode 644"), "%s", err.text);
}

Test(unitstore, a_corrupt_file_is_set_aside_and_begun_anew)
{
    static const char junk[9000] = "this is no database";
    struct hf_unitstore *store;
    struct hf_error err = HF_ERROR_INIT;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, junk, sizeof junk), (ssize_t)sizeof junk);
    (void)close(fd);
    cr_assert_eq(hf_unitstore_open(path, log_, &store, &err), 0, "%s", err.text);
    struct hf_unit_store dev = table_of(store, "dev");
    save(&dev, "web", 1, "one");
    hf_unitstore_close(store);
    cr_expect_str_eq(contents("dev"), "traderx/web@1=one; ");
    size_t aside = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        aside += strstr(entry->d_name, ".corrupt-") != NULL;
    }
    (void)closedir(dir);
    cr_expect_eq(aside, 1u);
}

Test(unitstore, data_that_was_changed_on_the_disk_is_not_used)
{
    struct hf_unitstore *store = store_open();
    struct hf_unit_store dev = table_of(store, "dev");
    char bytes[65536];
    save(&dev, "web", 1, "untouched-data");
    hf_unitstore_close(store);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t len = pread(fd, bytes, sizeof bytes, 0);
    char *at = memmem(bytes, (size_t)len, "untouched-data", 14);
    cr_assert_not_null(at);
    cr_assert_eq(pwrite(fd, "X", 1, at - bytes), 1);
    (void)close(fd);
    cr_expect_str_eq(contents("dev"), "traderx/web@1=none; ");
}

Test(unitstore, killed_at_any_instant_it_opens_with_whole_units)
{
    for (int round = 0; round < 12; round++) {
        pid_t child = fork();
        if (child == 0) {
            struct hf_unitstore *store = store_open();
            struct hf_unit_store dev = table_of(store, "dev");
            for (int64_t i = 1;; i++) {
                char name[16];
                char bytes[64];
                (void)snprintf(name, sizeof name, "unit-%lld", (long long)(i % 20));
                (void)snprintf(bytes, sizeof bytes, "content %lld of %s", (long long)i, name);
                save(&dev, name, i, bytes);
                (void)usleep(100);
            }
        }
        (void)usleep((useconds_t)(20000 + round * 7000));
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        cr_assert_null(strstr(contents("dev"), "none"), "a unit without its data");
    }
    cr_assert_not_null(strstr(contents("dev"), "content"), "nothing was ever kept");
}

Test(unitstore, a_newer_programs_file_is_refused_and_not_touched)
{
    struct hf_unitstore *store = store_open();
    struct hf_error err = HF_ERROR_INIT;
    unsigned char version[4] = {0, 0, 0, 9};
    hf_unitstore_close(store);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, version, 4, 60), 4); /* https://www.sqlite.org/fileformat.html, 1.3: the user version */
    (void)close(fd);
    cr_expect_eq(hf_unitstore_open(path, log_, &store, &err), -1);
    cr_expect_eq(err.code, HF_EUNSUPPORTED, "%s", err.text);
}
