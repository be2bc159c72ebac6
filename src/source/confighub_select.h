/* Which units, private to src/source. */
#ifndef HF_SOURCE_CONFIGHUB_SELECT_H
#define HF_SOURCE_CONFIGHUB_SELECT_H

#include "holdfast/confighub.h"

/* A selection, checked and copied. */
struct confighub_choice {
    struct hf_arena *arena;
    const char *const *spaces; /* slugs and patterns; with "!" what is taken away */
    size_t space_count;
    const char **listings; /* of each listing, its condition on spaces; "": none */
    size_t listing_count;
    const char *where; /* what the selection says itself, with its labels; "": nothing */
    const char *filter_space;
    const char *filter_slug; /* NULL: no filter */
    const char *set_space;
    const char *set_slug; /* NULL: no set */
    const char *target;   /* NULL: any */
    enum hf_confighub_desired desired;
    int64_t poll_ms;
    int64_t applying_limit_ms;
    size_t parallel;
};

/* What the names in a choice have turned out to be. */
struct confighub_found {
    char *filter_id; /* NULL: there is no filter in the choice, or it is not found yet */
    char *filter_where;
    char *filter_data;
    char *filter_type;
    char *filter_space; /* FromSpaceID; "": any */
    char *set_id;
};

int confighub_choice_make(const struct hf_confighub_selection *selection, struct confighub_choice *out,
                          struct hf_error *err);
void confighub_choice_free(struct confighub_choice *choice);
void confighub_found_free(struct confighub_found *found);
bool confighub_glob(const char *pattern, const char *text);
bool confighub_space_is_chosen(const struct confighub_choice *choice, const char *slug);
bool confighub_target_is_chosen(const struct confighub_choice *choice, const char *slug);
/* The path of listing number index, with a `select` that servers of 2025 know, or one for those of 2026. */
void confighub_listing_path(const struct confighub_choice *choice, const struct confighub_found *found, size_t index,
                            bool old, struct hf_buf *path);
/* The path that lists one unit alone, by its id. */
void confighub_one_path(const char *space_id, const char *unit_id, bool old, struct hf_buf *path);

#endif
