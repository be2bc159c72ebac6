/* Which units: the selection as ConfigHub's expressions, and what these can't say. */
#include "confighub_select.h"

#include <stdlib.h>
#include <string.h>

#include "confighub_client.h"

#define MOST_SPACES 64u
#define MOST_WHERE 4000u

#define COMMON                                                                                                         \
    "UnitID,SpaceID,Slug,HeadRevisionNum,LastAppliedRevisionNum,LiveRevisionNum,PreviousLiveRevisionNum,"              \
    "ToolchainType,TargetID,ApplyGates,Labels,UpstreamUnitID,UpstreamRevisionNum,Version,UpdatedAt,LastActionAt"
#define SELECT_NEW COMMON ",SpaceSlug,DataHash,DriftReconciliationMode"
#define SELECT_OLD COMMON ",ContentHash"

bool confighub_glob(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *again = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            again = text;
        } else if (*pattern == *text || *pattern == '?') {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

bool confighub_space_is_chosen(const struct confighub_choice *choice, const char *slug)
{
    bool some = false;
    bool chosen = false;
    for (size_t i = 0; i < choice->space_count; i++) {
        const char *space = choice->spaces[i];
        if (*space == '!') {
            if (confighub_glob(space + 1, slug)) {
                return false;
            }
        } else {
            some = true;
            chosen = chosen || confighub_glob(space, slug);
        }
    }
    return chosen || !some;
}

bool confighub_target_is_chosen(const struct confighub_choice *choice, const char *slug)
{
    return !choice->target || confighub_glob(choice->target, slug);
}

static bool is_pattern(const char *space)
{
    return strpbrk(space, "*?") != NULL;
}

/* "_" stands for any character in LIKE: it lists too much rather than too little, and what comes is looked at again. */
static void add_like(struct hf_buf *out, const char *pattern)
{
    hf_auto_buf struct hf_buf like = {0};
    for (; *pattern; pattern++) {
        hf_buf_addc(&like, *pattern == '*' ? '%' : *pattern == '?' ? '_' : *pattern);
    }
    hf_buf_adds(out, "Space.Slug LIKE ");
    confighub_add_quoted(out, hf_buf_text(&like));
}

static const char *keep(struct confighub_choice *choice, const struct hf_buf *text)
{
    return hf_buf_ok(text) ? hf_arena_copy(choice->arena, hf_buf_text(text), text->len) : NULL;
}

static bool make_listings(struct confighub_choice *choice)
{
    hf_auto_buf struct hf_buf slugs = {0};
    bool some = false;
    choice->listings = hf_arena_array(choice->arena, choice->space_count + 1, sizeof *choice->listings);
    for (size_t i = 0; choice->listings && i < choice->space_count; i++) {
        const char *space = choice->spaces[i];
        hf_auto_buf struct hf_buf like = {0};
        if (*space == '!') {
            continue;
        }
        some = true;
        if (!is_pattern(space)) {
            hf_buf_adds(&slugs, slugs.len > 0 ? "," : "Space.Slug IN (");
            confighub_add_quoted(&slugs, space);
            continue;
        }
        add_like(&like, space);
        choice->listings[choice->listing_count] = keep(choice, &like);
        if (!choice->listings[choice->listing_count++]) {
            return false;
        }
    }
    hf_buf_adds(&slugs, slugs.len > 0 ? ")" : "");
    if (!choice->listings ||
        ((!some || slugs.len > 0) && !(choice->listings[choice->listing_count++] = keep(choice, &slugs)))) {
        return false;
    }
    return hf_buf_ok(&slugs);
}

static void add_and(struct hf_buf *where, const char *more)
{
    if (more && *more) {
        hf_buf_adds(where, where->len > 0 ? " AND " : "");
        hf_buf_adds(where, more);
    }
}

static bool is_label_name(const char *name)
{
    return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == strlen(name);
}

static int make_where(const struct hf_confighub_selection *selection, struct confighub_choice *out,
                      struct hf_error *err)
{
    hf_auto_buf struct hf_buf where = {0};
    for (size_t i = 0; i < selection->label_count; i++) {
        hf_auto_buf struct hf_buf relation = {0};
        if (!is_label_name(selection->labels[i].name) || !selection->labels[i].value) {
            return hf_error_set(err, HF_EINVAL,
                                "ConfigHub's selection: label \"%.100s\": expected letters, digits, -_./ and a value",
                                selection->labels[i].name);
        }
        hf_buf_addf(&relation, "Labels.%s = ", selection->labels[i].name);
        confighub_add_quoted(&relation, selection->labels[i].value);
        add_and(&where, hf_buf_text(&relation));
    }
    add_and(&where, selection->where);
    if (where.len > MOST_WHERE) {
        return hf_error_set(err, HF_EINVAL, "ConfigHub's selection: the expression is longer than %u bytes",
                            MOST_WHERE);
    }
    out->where = keep(out, &where);
    return out->where ? 0 : hf_error_set(err, HF_ENOMEM, "ConfigHub's selection: out of memory");
}

/* "space/slug" */
static int take_pair(struct confighub_choice *out, const char *what, const char *text, const char **space,
                     const char **slug, struct hf_error *err)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    if (!text) {
        return 0;
    }
    if (!slash || slash == text || !slash[1] || strchr(slash + 1, '/')) {
        return hf_error_set(err, HF_EINVAL, "ConfigHub's selection: %s: found \"%.200s\", expected \"space/slug\"",
                            what, text);
    }
    *space = hf_arena_copy(out->arena, text, (size_t)(slash - text));
    *slug = hf_arena_copy(out->arena, slash + 1, strlen(slash + 1));
    return *space && *slug ? 0 : hf_error_set(err, HF_ENOMEM, "ConfigHub's selection: out of memory");
}

static int take_spaces(const struct hf_confighub_selection *selection, struct confighub_choice *out,
                       struct hf_error *err)
{
    const char **spaces = hf_arena_array(out->arena, selection->space_count + 1, sizeof *spaces);
    if (selection->space_count > MOST_SPACES) {
        return hf_error_set(err, HF_EINVAL,
                            "ConfigHub's selection: found %zu spaces, expected at most %u; a pattern "
                            "with * names many",
                            selection->space_count, MOST_SPACES);
    }
    for (size_t i = 0; spaces && i < selection->space_count; i++) {
        const char *space = selection->spaces[i];
        const char *slug = space + (*space == '!');
        if (!*slug || strlen(slug) > 128 ||
            strspn(slug, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*?") != strlen(slug)) {
            return hf_error_set(err, HF_EINVAL,
                                "ConfigHub's selection: space \"%.140s\": expected a slug, or a pattern with * and ?",
                                space);
        }
        spaces[i] = hf_arena_copy(out->arena, space, strlen(space));
        spaces = spaces[i] ? spaces : NULL;
    }
    out->spaces = spaces;
    out->space_count = selection->space_count;
    return spaces && make_listings(out) ? 0 : hf_error_set(err, HF_ENOMEM, "ConfigHub's selection: out of memory");
}

static int take(const struct hf_confighub_selection *selection, struct confighub_choice *out, struct hf_error *err)
{
    const char *target = selection->target;
    if (take_spaces(selection, out, err) != 0 || make_where(selection, out, err) != 0 ||
        take_pair(out, "filter", selection->filter, &out->filter_space, &out->filter_slug, err) != 0 ||
        take_pair(out, "set", selection->set, &out->set_space, &out->set_slug, err) != 0) {
        return -1;
    }
    if (target) {
        if (strchr(target, '/')) {
            return hf_error_set(err, HF_EINVAL,
                                "ConfigHub's selection: target: found \"%.200s\", expected a slug or a pattern",
                                target);
        }
        out->target = hf_arena_copy(out->arena, target, strlen(target));
        if (!out->target) {
            return hf_error_set(err, HF_ENOMEM, "ConfigHub's selection: out of memory");
        }
    }
    return 0;
}

int confighub_choice_make(const struct hf_confighub_selection *selection, struct confighub_choice *out,
                          struct hf_error *err)
{
    *out = (struct confighub_choice){
        .arena = hf_arena_new(0),
        .desired = selection->desired,
        .poll_ms = selection->poll_ms > 0 ? selection->poll_ms : 10000,
        .applying_limit_ms = selection->applying_limit_ms > 0 ? selection->applying_limit_ms : 15 * 60000,
        .parallel = selection->parallel > 0 ? selection->parallel : 8,
    };
    int result =
        out->arena ? take(selection, out, err) : hf_error_set(err, HF_ENOMEM, "ConfigHub's selection: out of memory");
    if (result != 0) {
        confighub_choice_free(out);
    }
    return result;
}

void confighub_choice_free(struct confighub_choice *choice)
{
    hf_arena_free(choice->arena);
    *choice = (struct confighub_choice){0};
}

void confighub_found_free(struct confighub_found *found)
{
    free(found->filter_id);
    free(found->filter_where);
    free(found->filter_data);
    free(found->filter_type);
    free(found->filter_space);
    free(found->set_id);
    *found = (struct confighub_found){0};
}

static void add_id(struct hf_buf *where, const char *name, const char *id)
{
    hf_auto_buf struct hf_buf relation = {0};
    if (id && *id) {
        hf_buf_addf(&relation, "%s = ", name);
        confighub_add_quoted(&relation, id);
        add_and(where, hf_buf_text(&relation));
    }
}

/* A stored filter's own expression goes with its id: a server that does not know `filter` must not list everything. */
void confighub_listing_path(const struct confighub_choice *choice, const struct confighub_found *found, size_t index,
                            bool old, struct hf_buf *path)
{
    hf_auto_buf struct hf_buf where = {0};
    add_and(&where, choice->listings[index]);
    add_and(&where, choice->where);
    add_and(&where, found->filter_where);
    add_id(&where, "SpaceID", found->filter_space);
    add_id(&where, "SetID", found->set_id);
    hf_buf_adds(path, "/unit");
    if (where.len > 0) {
        confighub_add_parameter(path, "where", hf_buf_text(&where));
    }
    if (found->filter_id) {
        confighub_add_parameter(path, "filter", found->filter_id);
    }
    if (found->filter_type && *found->filter_type) {
        confighub_add_parameter(path, "resource_type", found->filter_type);
    }
    if (found->filter_data && *found->filter_data) {
        confighub_add_parameter(path, "where_data", found->filter_data);
    }
    confighub_add_parameter(path, "select", old ? SELECT_OLD : SELECT_NEW);
}

void confighub_one_path(const char *space_id, const char *unit_id, bool old, struct hf_buf *path)
{
    hf_auto_buf struct hf_buf where = {0};
    hf_buf_adds(path, "/space/");
    hf_buf_add_url(path, hf_slice_of(space_id));
    hf_buf_adds(path, "/unit");
    add_id(&where, "UnitID", unit_id);
    confighub_add_parameter(path, "where", hf_buf_text(&where));
    confighub_add_parameter(path, "select", old ? SELECT_OLD : SELECT_NEW);
}
