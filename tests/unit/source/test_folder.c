/* What a user relies on when the units are a folder of files. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "holdfast/clock.h"
#include "holdfast/source.h"

#define OBJECT(name) "apiVersion: v1\nkind: Service\nmetadata:\n  name: " name "\n"

/* A folder, its source, and a text of what it told: "units a b!;" ('!': with a problem), "lost code;", "back;". */
struct place {
    char root[64];
    char path[80];
    struct hf_loop *loop;
    struct hf_timer *timer;
    struct hf_source *source;
    struct hf_buf trace;
    const char *wanted;
    struct hf_unit **units; /* the newest set, kept */
    size_t count;
    unsigned told;
    bool late;
    bool free_at_once;
};

static void drop_units(struct place *place)
{
    for (size_t i = 0; i < place->count; i++) {
        hf_unit_drop(place->units[i]);
    }
    free(place->units);
    place->units = NULL;
    place->count = 0;
}

static void check(struct place *place)
{
    if (place->wanted && strstr(hf_buf_text(&place->trace), place->wanted)) {
        hf_loop_stop(place->loop);
    }
    if (place->free_at_once) {
        hf_source_free(place->source);
        place->source = NULL;
    }
}

static void on_units(void *ctx, struct hf_unit *const *units, size_t count)
{
    struct place *place = ctx;
    drop_units(place);
    place->units = hf_calloc(count, sizeof *place->units);
    place->count = count;
    place->told++;
    hf_buf_adds(&place->trace, "units");
    for (size_t i = 0; i < count; i++) {
        place->units[i] = hf_unit_keep(units[i]);
        hf_buf_addf(&place->trace, " %s%s", units[i]->slug, units[i]->problem ? "!" : "");
    }
    hf_buf_adds(&place->trace, ";");
    check(place);
}

static void on_state(void *ctx, const struct hf_error *err)
{
    struct place *place = ctx;
    if (err->code == HF_OK) {
        hf_buf_adds(&place->trace, "back;");
    } else {
        hf_buf_addf(&place->trace, "lost %s;", hf_code_name(err->code));
    }
    check(place);
}

static void on_timer(void *ctx)
{
    struct place *place = ctx;
    place->late = true;
    hf_loop_stop(place->loop);
}

static void open_place(struct place *place)
{
    *place = (struct place){.root = "/tmp/holdfast-units-XXXXXX"};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert(mkdtemp(place->root) != NULL);
    (void)snprintf(place->path, sizeof place->path, "%s/units", place->root);
    cr_assert_eq(mkdir(place->path, 0700), 0);
    place->loop = hf_loop_new(&err);
    place->timer = hf_timer_new(place->loop, on_timer, place);
}

static void start(struct place *place)
{
    struct hf_source_events events = {place, on_units, on_state};
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(hf_source_folder(place->loop, NULL, place->path, NULL, &events, &place->source, &err), 0, "%s",
                 err.text);
    cr_assert_eq(hf_source_start(place->source, &err), 0, "%s", err.text);
    cr_assert_str_eq(hf_buf_text(&place->trace), "");
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static void close_place(struct place *place)
{
    hf_source_free(place->source);
    drop_units(place);
    hf_timer_free(place->timer);
    hf_loop_free(place->loop);
    hf_buf_free(&place->trace);
    nftw(place->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Runs until exactly this was told; then nothing else is waited for. */
static int64_t until(struct place *place, const char *text)
{
    struct hf_error err = HF_ERROR_INIT;
    int64_t begun = hf_mono_ms();
    place->wanted = text;
    if (!strstr(hf_buf_text(&place->trace), text)) {
        place->late = false;
        hf_timer_set(place->timer, 5000);
        cr_assert_eq(hf_loop_run(place->loop, &err), 0);
        cr_assert(!place->late, "waited for \"%s\", was told: %s", text, hf_buf_text(&place->trace));
        hf_timer_clear(place->timer);
    }
    cr_assert_str_eq(hf_buf_text(&place->trace), text);
    hf_buf_clear(&place->trace);
    place->wanted = NULL;
    return hf_mono_ms() - begun;
}

static void run(struct place *place, int ms)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_timer_set(place->timer, ms);
    cr_assert_eq(hf_loop_run(place->loop, &err), 0);
}

static const char *at(const struct place *place, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", place->path, name);
    return path;
}

static void put(const struct place *place, const char *name, const char *text)
{
    FILE *file = fopen(at(place, name), "w");
    cr_assert(file != NULL, "%s", name);
    cr_assert(fputs(text, file) >= 0);
    cr_assert_eq(fclose(file), 0);
}

static void folder(const struct place *place, const char *name)
{
    cr_assert_eq(mkdir(at(place, name), 0700), 0);
}

static void link_to(const struct place *place, const char *target, const char *name)
{
    cr_assert_eq(symlink(target, at(place, name)), 0);
}

static void move(const struct place *place, const char *from, const char *to)
{
    char source[256];
    (void)snprintf(source, sizeof source, "%s", at(place, from));
    cr_assert_eq(rename(source, at(place, to)), 0);
}

static void delete (const struct place *place, const char *name)
{
    cr_assert_eq(remove(at(place, name)), 0);
}

Test(folder, holds_one_unit_a_file_in_the_order_of_paths)
{
    struct place p;
    open_place(&p);
    put(&p, "b.yml", OBJECT("b"));
    put(&p, "a.json", "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"a\"}}");
    folder(&p, "c");
    put(&p, "c/d.e.yaml", OBJECT("d"));
    put(&p, "b.yaml~", OBJECT("x"));
    put(&p, ".b.yaml", OBJECT("x"));
    put(&p, "#b.yaml", OBJECT("x"));
    put(&p, "b.yaml.bak", OBJECT("x"));
    put(&p, "README.md", "x");
    folder(&p, ".git");
    put(&p, ".git/x.yaml", OBJECT("x"));
    start(&p);
    until(&p, "units a b c/d.e;");
    cr_assert_str_eq(p.units[0]->space, "units");
    cr_assert_eq(p.units[2]->revision, 1);
    cr_assert_str_eq(p.units[2]->origin, at(&p, "c/d.e.yaml"));
    close_place(&p);
}

Test(folder, an_empty_folder_is_told_once)
{
    struct place p;
    open_place(&p);
    start(&p);
    until(&p, "units;");
    close_place(&p);
}

Test(folder, a_change_is_told_at_once_and_nothing_else_is)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    start(&p);
    until(&p, "units a;");
    put(&p, "a.yaml", OBJECT("a2"));
    int64_t took = until(&p, "units a;");
    cr_assert(took >= 40 && took < 10000, "%lld ms", (long long)took);
    cr_assert_eq(p.units[0]->revision, 2);
    put(&p, "a.yaml", OBJECT("a2"));
    put(&p, ".a.yaml.swp", "x");
    put(&p, "notes.txt", "x");
    run(&p, 300);
    cr_assert_str_eq(hf_buf_text(&p.trace), "", "the same content again, and what is no unit, are no change");
    folder(&p, "new");
    run(&p, 200);
    put(&p, "new/b.yaml", OBJECT("b"));
    until(&p, "units a new/b;");
    close_place(&p);
}

Test(folder, a_file_replaced_by_a_rename_is_one_change)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    put(&p, "b.yaml", OBJECT("b"));
    start(&p);
    until(&p, "units a b;");
    put(&p, "a.yaml.tmp", OBJECT("a2"));
    move(&p, "a.yaml.tmp", "a.yaml");
    until(&p, "units a b;");
    cr_assert_eq(p.units[0]->revision, 2);
    move(&p, "a.yaml", "a.yaml~"); /* as vim does */
    put(&p, "a.yaml", OBJECT("a3"));
    until(&p, "units a b;");
    cr_assert_eq(p.units[0]->revision, 3);
    close_place(&p);
}

Test(folder, a_file_that_is_away_for_a_moment_is_never_told_as_gone)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    put(&p, "b.yaml", OBJECT("b"));
    start(&p);
    until(&p, "units a b;");
    move(&p, "a.yaml", "a.yaml~");
    run(&p, 100); /* read while it is away */
    move(&p, "a.yaml~", "a.yaml");
    run(&p, 400);
    cr_assert_str_eq(hf_buf_text(&p.trace), "");
    close_place(&p);
}

Test(folder, a_deleted_file_is_a_unit_that_is_gone)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    put(&p, "b.yaml", OBJECT("b"));
    start(&p);
    until(&p, "units a b;");
    delete (&p, "a.yaml");
    int64_t took = until(&p, "units b;");
    cr_assert(took < 1500, "%lld ms", (long long)took);
    close_place(&p);
}

Test(folder, a_burst_of_writes_is_told_once_and_constant_writes_now_and_then)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a0"));
    start(&p);
    until(&p, "units a;");
    char text[128];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(text, sizeof text, OBJECT("b%d"), i);
        put(&p, "a.yaml", text);
    }
    run(&p, 400);
    cr_assert_str_eq(hf_buf_text(&p.trace), "units a;");
    unsigned before = p.told;
    for (int i = 0; i < 75; i++) {
        (void)snprintf(text, sizeof text, OBJECT("c%d"), i);
        put(&p, "a.yaml", text);
        run(&p, 20);
    }
    cr_assert(p.told - before >= 2, "%u", p.told - before);
    close_place(&p);
}

Test(folder, an_unreadable_file_keeps_its_last_good_objects_and_heals)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    put(&p, "b.yaml", OBJECT("b"));
    start(&p);
    until(&p, "units a b;");
    put(&p, "a.yaml", "apiVersion: v1\nkind: [\n");
    until(&p, "units a! b;");
    cr_assert_eq(p.units[0]->document_count, 1);
    cr_assert_eq(p.units[0]->revision, 1);
    cr_assert(strstr(p.units[0]->problem, "a.yaml: line 3, column ") != NULL, "%s", p.units[0]->problem);
    put(&p, "b.yaml", OBJECT("b2"));
    until(&p, "units a! b;");
    put(&p, "a.yaml", OBJECT("a2"));
    until(&p, "units a b;");
    cr_assert_eq(p.units[0]->revision, 2);
    close_place(&p);
}

Test(folder, a_file_that_never_was_readable_is_a_unit_with_a_problem_only)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", "kind: [\n");
    start(&p);
    until(&p, "units a!;");
    cr_assert_eq(p.units[0]->document_count, 0);
    close_place(&p);
}

Test(folder, a_file_emptied_in_mid_write_keeps_its_objects)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    start(&p);
    until(&p, "units a;");
    put(&p, "a.yaml", "");
    until(&p, "units a!;");
    cr_assert_eq(p.units[0]->document_count, 1);
    put(&p, "a.yaml", OBJECT("a"));
    until(&p, "units a;");
    close_place(&p);
}

Test(folder, an_object_in_two_files_belongs_to_the_first_by_path)
{
    struct place p;
    open_place(&p);
    put(&p, "b.yaml", OBJECT("same"));
    start(&p);
    until(&p, "units b;");
    put(&p, "a.yaml", "\n" OBJECT("same"));
    until(&p, "units a b!;");
    cr_assert(strstr(p.units[1]->problem, "found Service same on line 1, which ") != NULL, "%s", p.units[1]->problem);
    cr_assert(strstr(p.units[1]->problem, at(&p, "a.yaml")) != NULL, "%s", p.units[1]->problem);
    cr_assert_eq(p.units[1]->document_count, 1);
    /* A problem of its own comes first, and is still told once the other has gone. */
    put(&p, "b.yaml", "kind: [\n");
    until(&p, "units a b!;");
    put(&p, "a.yaml", OBJECT("other"));
    until(&p, "units a b!;");
    cr_assert(strstr(p.units[1]->problem, "line 2, column ") != NULL, "%s", p.units[1]->problem);
    put(&p, "b.yaml", OBJECT("same"));
    until(&p, "units a b;");
    close_place(&p);
}

Test(folder, two_files_of_one_slug_are_two_units)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    start(&p);
    until(&p, "units a;");
    put(&p, "a.json", "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"b\"}}");
    until(&p, "units a a.yaml!;");
    hf_source_refresh(p.source);
    run(&p, 100);
    cr_assert_str_eq(hf_buf_text(&p.trace), "");
    delete (&p, "a.json");
    until(&p, "units a;");
    cr_assert_str_eq(p.units[0]->origin, at(&p, "a.yaml"));
    close_place(&p);
}

Test(folder, a_folder_that_goes_away_is_a_state_and_the_units_stay)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    start(&p);
    until(&p, "units a;");
    char away[100];
    (void)snprintf(away, sizeof away, "%s-away", p.path);
    cr_assert_eq(rename(p.path, away), 0);
    int64_t took = until(&p, "lost not_found;");
    cr_assert(took < 1500, "%lld ms", (long long)took);
    cr_assert_eq(rename(away, p.path), 0);
    until(&p, "back;");
    put(&p, "a.yaml", OBJECT("a2"));
    until(&p, "units a;");
    close_place(&p);
}

Test(folder, one_that_loses_all_files_at_once_is_a_state_too)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    put(&p, "b.yaml", OBJECT("b"));
    start(&p);
    until(&p, "units a b;");
    delete (&p, "a.yaml");
    delete (&p, "b.yaml");
    until(&p, "lost not_found;");
    put(&p, "c.yaml", OBJECT("c"));
    until(&p, "back;units a b c;units c;");
    close_place(&p);
}

Test(folder, may_come_after_the_start)
{
    struct place p;
    open_place(&p);
    cr_assert_eq(rmdir(p.path), 0);
    start(&p);
    until(&p, "lost not_found;");
    cr_assert_eq(mkdir(p.path, 0700), 0);
    put(&p, "a.yaml", OBJECT("a"));
    int64_t took = until(&p, "back;units a;");
    cr_assert(took < 1500, "%lld ms", (long long)took);
    close_place(&p);
}

Test(folder, a_mounted_config_map_changes_by_a_swapped_link)
{
    struct place p;
    open_place(&p);
    folder(&p, "..v1");
    put(&p, "..v1/a.yaml", OBJECT("a"));
    link_to(&p, "..v1", "..data");
    link_to(&p, "..data/a.yaml", "a.yaml");
    start(&p);
    until(&p, "units a;");
    folder(&p, "..v2");
    put(&p, "..v2/a.yaml", OBJECT("a2"));
    link_to(&p, "..v2", "..data_tmp");
    move(&p, "..data_tmp", "..data");
    int64_t took = until(&p, "units a;");
    cr_assert(took < 10000, "%lld ms", (long long)took);
    cr_assert_eq(p.units[0]->revision, 2);
    close_place(&p);
}

Test(folder, may_itself_be_a_link_that_is_swapped)
{
    struct place p;
    open_place(&p);
    char other[100];
    char link[100];
    (void)snprintf(other, sizeof other, "%s/other", p.root);
    (void)snprintf(link, sizeof link, "%s/current", p.root);
    put(&p, "a.yaml", OBJECT("a"));
    cr_assert_eq(symlink("units", link), 0);
    memcpy(p.path, link, strlen(link) + 1);
    start(&p);
    until(&p, "units a;");
    cr_assert_eq(mkdir(other, 0700), 0);
    (void)snprintf(link, sizeof link, "%s/next", p.root);
    cr_assert_eq(symlink("other", link), 0);
    (void)snprintf(p.path, sizeof p.path, "%s/other", p.root);
    put(&p, "a.yaml", OBJECT("a2"));
    (void)snprintf(p.path, sizeof p.path, "%s/current", p.root);
    cr_assert_eq(rename(link, p.path), 0);
    int64_t took = until(&p, "units a;");
    cr_assert(took < 1500, "%lld ms", (long long)took);
    close_place(&p);
}

Test(folder, links_out_of_the_folder_and_round_in_it_are_passed_over)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    link_to(&p, "/etc/hostname", "out.yaml");
    link_to(&p, "..", "up");
    link_to(&p, ".", "round");
    link_to(&p, "nowhere", "dangling.yaml");
    link_to(&p, "itself.yaml", "itself.yaml");
    folder(&p, "b");
    put(&p, "b/c.yaml", OBJECT("c"));
    link_to(&p, "b", "also-b");
    start(&p);
    until(&p, "units a b/c itself!;");
    close_place(&p);
}

Test(folder, a_callback_may_free_the_source)
{
    struct place p;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    p.free_at_once = true;
    start(&p);
    until(&p, "units a;");
    run(&p, 100);
    close_place(&p);
}

Test(folder, freeing_it_before_the_first_look_is_silent)
{
    struct place p;
    open_place(&p);
    start(&p);
    hf_source_free(p.source);
    p.source = NULL;
    run(&p, 100);
    cr_assert_str_eq(hf_buf_text(&p.trace), "");
    close_place(&p);
}

Test(folder, deeper_than_eight_folders_is_not_read)
{
    struct place p;
    open_place(&p);
    char name[64] = "";
    for (int i = 0; i < 8; i++) {
        strcat(name, i ? "/d" : "d");
        folder(&p, name);
    }
    put(&p, "d/d/d/d/d/d/d/in.yaml", OBJECT("in"));
    put(&p, "d/d/d/d/d/d/d/d/out.yaml", OBJECT("out"));
    start(&p);
    until(&p, "units d/d/d/d/d/d/d/in;");
    close_place(&p);
}

Test(folder, can_be_read_once_without_a_loop)
{
    struct place p;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_unit **units = NULL;
    size_t count = 0;
    open_place(&p);
    put(&p, "a.yaml", OBJECT("a"));
    put(&p, "b.yaml", "kind: [");
    cr_assert_eq(hf_source_folder_once(p.path, "dev", &units, &count, &err), 0, "%s", err.text);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(units[0]->space, "dev");
    cr_assert(units[0]->problem == NULL && units[1]->problem != NULL);
    hf_unit_drop(units[0]);
    hf_unit_drop(units[1]);
    free(units);
    cr_assert_eq(hf_source_folder_once("/nowhere/at/all", NULL, &units, &count, &err), -1);
    cr_assert_eq(err.code, HF_ENOTFOUND);
    close_place(&p);
}
