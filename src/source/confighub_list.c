/* Reads a plain array as it comes, in the memory of one item. */
#include "confighub_list.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ITEM ((size_t)96 << 20) /* should a server send Data in spite of `select` */
#define MOST_BYTES ((size_t)512 << 20)
#define MOST_UNITS 50000u

struct confighub_listing {
    struct hf_confighub *hub;
    struct confighub_ask *ask;
    struct hf_json_split *split;
    char *doing;
    size_t count;
    confighub_item_fn on_item;
    confighub_listed_fn on_done;
    void *ctx;
};

static void listing_free(struct confighub_listing *listing)
{
    hf_json_split_free(listing->split);
    free(listing->doing);
    free(listing);
}

void confighub_listing_cancel(struct confighub_listing *listing)
{
    if (listing) {
        confighub_ask_cancel(listing->ask);
        listing_free(listing);
    }
}

static int on_one(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct confighub_listing *listing = ctx;
    struct confighub_item item;
    const struct hf_value *value;
    struct hf_read_limits limits = {.bytes = len + 1};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (++listing->count > MOST_UNITS) {
        return hf_error_set(err, HF_ELIMIT, "found more than %u units", MOST_UNITS);
    }
    if (hf_json_read(arena, bytes, len, &limits, &value, err) != 0 ||
        confighub_read_item(arena, value, &item, err) != 0) {
        return hf_error_wrap(err, "unit %zu of the list", listing->count);
    }
    return listing->on_item(listing->ctx, &item, err);
}

/* The splitter splits a member of an object: the array is made one. */
static int feed(struct confighub_listing *listing, const char *bytes, size_t len, struct hf_error *err)
{
    return hf_json_split_feed(listing->split, bytes, len, err);
}

static int begin(struct confighub_listing *listing, struct hf_error *err)
{
    hf_json_split_free(listing->split);
    listing->count = 0;
    listing->split = hf_json_split_new("items", MOST_ITEM, 256, on_one, listing);
    return listing->split ? feed(listing, "{\"items\":", 9, err) : hf_error_set(err, HF_ENOMEM, "out of memory");
}

/* So that a page of something else is refused at its first byte. */
static int check_first(const char *bytes, size_t len, struct hf_error *err)
{
    while (len > 0 && strchr(" \t\r\n", *bytes)) {
        bytes++;
        len--;
    }
    if (len == 0 || *bytes == '[' || *bytes == 'n') {
        return 0;
    }
    return hf_error_set(err, HF_EPARSE, "not the list that was expected: found %s at its beginning",
                        *bytes == '{'   ? "an object"
                        : *bytes == '<' ? "a page of HTML or XML"
                                        : "something else");
}

static int on_bytes(void *ctx, const char *bytes, size_t len, struct hf_error *err)
{
    struct confighub_listing *listing = ctx;
    if (!listing->split && (check_first(bytes, len, err) != 0 || begin(listing, err) != 0)) {
        return -1;
    }
    return feed(listing, bytes, len, err);
}

static void on_open(void *ctx)
{
    struct confighub_listing *listing = ctx;
    hf_json_split_free(listing->split);
    listing->split = NULL;
}

static int end(struct confighub_listing *listing, struct hf_error *err)
{
    const struct hf_value *rest;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (!listing->split) {
        return hf_error_set(err, HF_EPARSE, "found nothing, expected a list of units");
    }
    if (feed(listing, "}", 1, err) != 0 || hf_json_split_finish(listing->split, arena, &rest, err) != 0) {
        return -1;
    }
    const struct hf_value *items = hf_value_get(rest, "items");
    if (hf_value_count(rest) != 1 || !items || (items->kind != HF_ARRAY && items->kind != HF_NULL)) {
        return hf_error_set(err, HF_EPARSE, "found %s, expected a list of units",
                            items ? hf_kind_name(items->kind) : "nothing");
    }
    return 0;
}

static void on_answer(void *ctx, const struct hf_http_response *response, const struct hf_error *err)
{
    struct confighub_listing *listing = ctx;
    struct hf_error problem = *err;
    if (problem.code == HF_OK && end(listing, &problem) != 0) {
        (void)hf_error_wrap(&problem, "ConfigHub: %s: not the list that was expected", listing->doing);
    }
    confighub_listed_fn on_done = listing->on_done;
    void *to = listing->ctx;
    int status = response->status;
    int64_t retry_after_ms = response->retry_after_ms;
    listing_free(listing);
    on_done(to, status, retry_after_ms, &problem);
}

int confighub_list_units(struct hf_confighub *hub, const char *path, const char *doing, confighub_item_fn on_item,
                         confighub_listed_fn on_done, void *ctx, struct confighub_listing **out, struct hf_error *err)
{
    struct confighub_listing *listing = hf_calloc(1, sizeof *listing);
    if (!listing || !(listing->doing = hf_strdup(doing))) {
        free(listing);
        return hf_error_set(err, HF_ENOMEM, "ConfigHub: %s: out of memory", doing);
    }
    listing->hub = hub;
    listing->on_item = on_item;
    listing->on_done = on_done;
    listing->ctx = ctx;
    struct confighub_request request = {
        .method = "GET", .path = path, .doing = doing, .max_body = MOST_BYTES, .on_data = on_bytes, .on_open = on_open};
    if (confighub_ask(hub, &request, on_answer, listing, &listing->ask, err) != 0) {
        listing_free(listing);
        return -1;
    }
    *out = listing;
    return 0;
}
