/* Reads kubeconfig files and finds entries in them by kubectl's rules of merging (client-go's tools/clientcmd). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holdfast/map.h"
#include "holdfast/mem.h"
#include "holdfast/yaml.h"
#include "kubeconfig_file.h"

#define FILES_MAX 64
#define NAMES_SHOWN 5
#define NAMES_CONSIDERED 200
#define NAME_COMPARED 64

static const struct hf_yaml_limits LIMITS = {
    .bytes = KUBECONFIG_FILE_MAX, .depth = 50, .nodes = 100000, .aliases = 100, .documents = 10};

static int out_of_memory(struct hf_error *err, const char *path)
{
    return hf_error_set(err, HF_ENOMEM, "%s: out of memory", path);
}

const char *kubeconfig_member(const char *list)
{
    return strcmp(list, "clusters") == 0 ? "cluster" : strcmp(list, "users") == 0 ? "user" : "context";
}

static void close_file(struct kubeconfig_file *file)
{
    wipe_value(file->root);
    hf_arena_free(file->arena);
    free(file->path);
    free(file->folder);
}

void hf_kubeconfig_free(struct hf_kubeconfig *config)
{
    if (config) {
        for (size_t i = 0; i < config->count; i++) {
            close_file(&config->files[i]);
        }
        free(config->files);
        free(config);
    }
}

/* The folder of a path, whole, so that a later change of the working folder doesn't matter. */
static char *folder_of(const char *path)
{
    struct hf_buf folder = {0};
    const char *slash = strrchr(path, '/');
    if (path[0] != '/') {
        char here[PATH_MAX];
        hf_buf_addf(&folder, "%s/", getcwd(here, sizeof here) ? here : ".");
    }
    hf_buf_add(&folder, path, slash ? (size_t)(slash - path) : 0);
    if (!slash) {
        hf_buf_adds(&folder, ".");
    }
    return hf_buf_take(&folder);
}

/* Checks what every entry has: an object with a name of its own, and an object for its contents. */
static int check_entries(const struct kubeconfig_file *file, const char *list, struct hf_map *names,
                         struct hf_error *err)
{
    const struct hf_value *entries;
    if (field_kind(file, file->root, list, HF_ARRAY, &entries, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < hf_value_count(entries); i++) {
        const struct hf_value *entry = hf_value_at(entries, i);
        const struct hf_value *contents;
        const char *name;
        if (entry->kind != HF_OBJECT) {
            return field_error(file, entry, err, "%s: found %s, expected an object with name and %s", list,
                               hf_kind_name(entry->kind), kubeconfig_member(list));
        }
        if (field_text(file, entry, "name", &name, err) != 0 ||
            field_kind(file, entry, kubeconfig_member(list), HF_OBJECT, &contents, err) != 0) {
            return -1;
        }
        if (!name) {
            return field_error(file, entry, err, "%s: found an entry without a name, expected one", list);
        }
        void *earlier;
        if (hf_map_put(names, hf_slice_of(name), file->path, &earlier) != 0) {
            return out_of_memory(err, file->path);
        }
        if (earlier) {
            return field_error(file, entry, err, "%s: found the name \"%.100s\" again, expected each once", list, name);
        }
    }
    return 0;
}

static int check_list(const struct kubeconfig_file *file, const char *list, struct hf_error *err)
{
    struct hf_map *names = hf_map_new();
    int result = names ? check_entries(file, list, names, err) : out_of_memory(err, file->path);
    hf_map_free(names, NULL);
    return result;
}

static int check_file(const struct kubeconfig_file *file, struct hf_error *err)
{
    const char *text;
    if (file->root->kind == HF_NULL) {
        return 0; /* an empty file is an empty configuration */
    }
    if (file->root->kind != HF_OBJECT) {
        return field_error(file, file->root, err, "found %s, expected a kubeconfig (an object)",
                           hf_kind_name(file->root->kind));
    }
    if (field_text(file, file->root, "kind", &text, err) != 0) {
        return -1;
    }
    if (text && strcmp(text, "Config") != 0) {
        return field_error(file, hf_value_get(file->root, "kind"), err, "kind: found \"%.60s\", expected \"Config\"",
                           text);
    }
    if (field_text(file, file->root, "apiVersion", &text, err) != 0) {
        return -1;
    }
    if (text && strcmp(text, "v1") != 0) {
        return field_error(file, hf_value_get(file->root, "apiVersion"), err,
                           "apiVersion: found \"%.60s\", expected \"v1\"", text);
    }
    if (field_text(file, file->root, "current-context", &text, err) != 0) {
        return -1;
    }
    return check_list(file, "clusters", err) == 0 && check_list(file, "users", err) == 0
               ? check_list(file, "contexts", err)
               : -1;
}

static int read_file(struct kubeconfig_file *file, const char *bytes, size_t len, struct hf_error *err)
{
    static const struct hf_value EMPTY = {.kind = HF_NULL, .line = 1, .column = 1};
    struct hf_document *documents;
    size_t count;
    if (hf_yaml_read(file->arena, bytes, len, &LIMITS, &documents, &count, err) != 0) {
        redact_found(err);
        return hf_error_wrap(err, "%s", file->path);
    }
    file->root = count > 0 ? documents[0].value : &EMPTY;
    if (count > 1) {
        return field_error(file, documents[1].value, err, "found a second document, expected one");
    }
    return check_file(file, err);
}

/* Adds one file's text. */
static int add_file(struct hf_kubeconfig *config, const char *path, const char *bytes, size_t len, struct hf_error *err)
{
    struct kubeconfig_file *files = hf_reallocarray(config->files, config->count + 1, sizeof *files);
    if (!files) {
        return out_of_memory(err, path);
    }
    config->files = files;
    struct kubeconfig_file *file = &files[config->count];
    *file = (struct kubeconfig_file){
        .path = hf_strdup(path), .folder = folder_of(path), .arena = hf_arena_new((size_t)KUBECONFIG_FILE_MAX * 32)};
    config->count++;
    if (!file->path || !file->folder || !file->arena) {
        return out_of_memory(err, path);
    }
    return read_file(file, bytes, len, err);
}

int hf_kubeconfig_parse(const char *bytes, size_t len, const char *path, struct hf_kubeconfig **out,
                        struct hf_error *err)
{
    struct hf_kubeconfig *config = hf_calloc(1, sizeof *config);
    if (!config) {
        return out_of_memory(err, path);
    }
    if (len > KUBECONFIG_FILE_MAX) {
        hf_kubeconfig_free(config);
        return hf_error_set(err, HF_ELIMIT, "%s is larger than %u bytes", path, KUBECONFIG_FILE_MAX);
    }
    if (add_file(config, path, bytes, len, err) != 0) {
        hf_kubeconfig_free(config);
        return -1;
    }
    *out = config;
    return 0;
}

static int load_file(struct hf_kubeconfig *config, const char *path, struct hf_error *err)
{
    struct hf_buf text = {0};
    int result = hf_read_file(path, KUBECONFIG_FILE_MAX, &text, err);
    if (result != 0) {
        (void)hf_error_wrap(err, "kubeconfig");
    } else {
        result = add_file(config, path, hf_buf_text(&text), text.len, err);
    }
    wipe_buf(&text);
    return result;
}

/* Loads each path of a list; those of a longer list that are not there are passed over. */
static int load_list(struct hf_kubeconfig *config, const char *paths, struct hf_error *err)
{
    bool several = strchr(paths, ':') != NULL;
    size_t seen = 0;
    hf_error_clear(err);
    for (const char *at = paths; *at;) {
        size_t len = strcspn(at, ":");
        if (len > 0) {
            char *path hf_auto_free = hf_strndup(at, len);
            if (!path || ++seen > FILES_MAX) {
                return path ? hf_error_set(err, HF_ELIMIT, "KUBECONFIG names more than %d files", FILES_MAX)
                            : out_of_memory(err, "kubeconfig");
            }
            if (load_file(config, path, err) != 0 && !(several && err->code == HF_ENOTFOUND)) {
                return -1;
            }
        }
        at += len + (at[len] == ':');
    }
    if (config->count == 0) {
        return err->code ? -1 : hf_error_set(err, HF_ENOTFOUND, "kubeconfig: \"%s\" names no file", paths);
    }
    hf_error_clear(err);
    return 0;
}

/* Where kubectl looks when it is told nothing; NULL when memory is short or there is no home. */
static char *default_paths(void)
{
    const char *listed = getenv("KUBECONFIG");
    const char *home = getenv("HOME");
    if (listed && *listed) {
        return hf_strdup(listed);
    }
    struct hf_buf path = {0};
    hf_buf_addf(&path, "%s/.kube/config", home ? home : "");
    return hf_buf_take(&path);
}

int hf_kubeconfig_load(const char *paths, struct hf_kubeconfig **out, struct hf_error *err)
{
    char *names hf_auto_free = paths && *paths ? hf_strdup(paths) : default_paths();
    struct hf_kubeconfig *config = hf_calloc(1, sizeof *config);
    if (!names || !config) {
        hf_kubeconfig_free(config);
        return out_of_memory(err, "kubeconfig");
    }
    if (load_list(config, names, err) != 0) {
        hf_kubeconfig_free(config);
        return -1;
    }
    *out = config;
    return 0;
}

const char *hf_kubeconfig_current_context(const struct hf_kubeconfig *config)
{
    for (size_t i = 0; i < config->count; i++) {
        const char *name = hf_value_text(hf_value_get(config->files[i].root, "current-context"));
        if (name && *name) {
            return name;
        }
    }
    return "";
}

static const char *entry_name(const struct hf_value *entries, size_t index)
{
    const char *name = hf_value_text(hf_value_get(hf_value_at(entries, index), "name"));
    return name ? name : "";
}

const char *hf_kubeconfig_context(const struct hf_kubeconfig *config, size_t index)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct hf_value *entries = hf_value_get(config->files[i].root, "contexts");
        if (index < hf_value_count(entries)) {
            return entry_name(entries, index);
        }
        index -= hf_value_count(entries);
    }
    return NULL;
}

/* Levenshtein's distance of the first 64 bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_COMPARED + 1];
    size_t width = strnlen(b, NAME_COMPARED);
    for (size_t j = 0; j <= width; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < NAME_COMPARED && a[i]; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t changed = corner + (a[i] != b[j]);
            size_t least = row[j] < row[j + 1] ? row[j] + 1 : row[j + 1] + 1;
            corner = row[j + 1];
            row[j + 1] = changed < least ? changed : least;
        }
    }
    return row[width];
}

struct near {
    const char *name;
    size_t distance;
};

/* Puts name among the nearest, which are kept in order. */
static void consider(struct near near[NAMES_SHOWN], const char *name, size_t how_far)
{
    for (size_t i = 0; i < NAMES_SHOWN; i++) {
        if (!near[i].name || how_far < near[i].distance) {
            memmove(&near[i + 1], &near[i], (NAMES_SHOWN - 1 - i) * sizeof near[0]);
            near[i] = (struct near){name, how_far};
            return;
        }
    }
}

static int not_found(const struct hf_kubeconfig *config, const char *list, const char *name, struct hf_error *err)
{
    struct near near[NAMES_SHOWN] = {0};
    size_t total = 0;
    for (size_t i = 0; i < config->count; i++) {
        const struct hf_value *entries = hf_value_get(config->files[i].root, list);
        for (size_t j = 0; j < hf_value_count(entries) && total < NAMES_CONSIDERED; j++, total++) {
            const char *known = entry_name(entries, j);
            consider(near, known, distance(name, known));
        }
    }
    struct hf_buf known hf_auto_buf = {0};
    for (size_t i = 0; i < NAMES_SHOWN && near[i].name; i++) {
        hf_buf_addf(&known, "%s\"%.100s\"", i ? ", " : "", near[i].name);
    }
    hf_buf_adds(&known, total > NAMES_SHOWN ? ", …" : "");
    return hf_error_set(err, HF_ENOTFOUND, "%s: no %s \"%.100s\"; known: %s", config->files[0].path,
                        kubeconfig_member(list), name, total ? hf_buf_text(&known) : "none");
}

int kubeconfig_find(const struct hf_kubeconfig *config, const char *list, const char *name,
                    struct kubeconfig_entry *out, struct hf_error *err)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct kubeconfig_file *file = &config->files[i];
        const struct hf_value *entries = hf_value_get(file->root, list);
        for (size_t j = 0; j < hf_value_count(entries); j++) {
            if (strcmp(entry_name(entries, j), name) != 0) {
                continue;
            }
            const struct hf_value *entry = hf_value_at(entries, j);
            const struct hf_value *contents = hf_value_get(entry, kubeconfig_member(list));
            if (!contents || contents->kind != HF_OBJECT) {
                return field_error(file, entry, err, "%s \"%.100s\": found an entry without %s, expected one",
                                   kubeconfig_member(list), name, kubeconfig_member(list));
            }
            *out = (struct kubeconfig_entry){.file = file, .value = contents, .name = name};
            return 0;
        }
    }
    return not_found(config, list, name, err);
}
