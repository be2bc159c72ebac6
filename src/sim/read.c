/* Getting and listing. */
#include <string.h>

#include "sim.h"

#include "holdfast/digest.h"

#define CONTINUE_VERSION "meta.k8s.io/v1"

struct page {
    struct sim_object **items;
    size_t count;
    uint64_t version;  /* of the list */
    const char *start; /* first key; "" for all */
    int64_t limit;     /* 0: none */
};

static int gone(struct sim_request *request, const char *start);

/* What a read sees: now, or what was at the version at which reads are held. */
static int view_of(struct sim *sim, struct sim_request *request, struct page *page)
{
    const struct sim_collection *collection = request->collection;
    bool stale = sim->faults.stale_until > sim->clock();
    page->version = stale && !page->version ? sim->faults.stale_version : page->version;
    if (!page->version || page->version == sim->store.version) {
        page->version = sim->store.version;
        page->items = collection->items;
        page->count = collection->count;
        return 0;
    }
    if (!sim_store_at(&sim->store, collection, page->version, request->work.arena, &page->items, &page->count)) {
        return gone(request, page->start);
    }
    return 0;
}

int sim_get_object(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct page page = {.start = ""};
    if (view_of(sim, request, &page) != 0) {
        return -1;
    }
    for (size_t i = 0; sim->faults.stale_until > sim->clock() && i < page.count; i++) {
        if (strcmp(page.items[i]->name, request->name) == 0 && strcmp(page.items[i]->space, request->space) == 0) {
            sim_object_write(&response->body, page.items[i]);
            return 0;
        }
    }
    struct sim_object *object = sim->faults.stale_until > sim->clock()
                                    ? NULL
                                    : sim_store_get(request->collection, request->space, request->name);
    if (!object) {
        return sim_not_found(&request->work, &request->collection->kind, request->name);
    }
    sim_object_write(&response->body, object);
    return 0;
}

/* base64url without padding, of {"v":…,"rv":…,"start":…}. version 0: whatever is now. */
static char *make_token(struct hf_arena *arena, int64_t version, const char *start)
{
    hf_auto_buf struct hf_buf json = {0};
    hf_auto_buf struct hf_buf token = {0};
    hf_buf_addf(&json, "{\"v\":\"" CONTINUE_VERSION "\",\"rv\":%lld,\"start\":", (long long)version);
    hf_buf_add_json(&json, hf_slice_of(start));
    hf_buf_addc(&json, '}');
    hf_buf_add_base64(&token, hf_buf_text(&json), json.len);
    for (size_t i = 0; i < token.len; i++) {
        token.ptr[i] = token.ptr[i] == '+' ? '-' : token.ptr[i] == '/' ? '_' : token.ptr[i];
    }
    while (token.len > 0 && token.ptr[token.len - 1] == '=') {
        token.len--;
    }
    return hf_buf_ok(&token) && hf_buf_ok(&json) ? hf_arena_copy(arena, hf_buf_text(&token), token.len) : NULL;
}

static int read_token(struct sim_request *request, const char *token, struct page *page)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf json = {0};
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *value = NULL;
    int64_t version = 0;
    for (const char *c = token; *c; c++) {
        hf_buf_addc(&text, *c == '-' ? '+' : *c == '_' ? '/' : *c);
    }
    while (text.len % 4 != 0) {
        hf_buf_addc(&text, '=');
    }
    if (hf_base64_decode((struct hf_slice){hf_buf_text(&text), text.len}, &json, &err) != 0 ||
        hf_json_read(request->work.arena, hf_buf_text(&json), json.len, NULL, &value, &err) != 0 ||
        strcmp(sim_text(value, "v"), CONTINUE_VERSION) != 0 || !hf_value_int(hf_value_get(value, "rv"), &version)) {
        return sim_fail(&request->work, 400, "BadRequest", "invalid continue token: continue key is not valid: %s",
                        err.code ? err.text : "unknown version");
    }
    page->start = sim_text(value, "start");
    page->version = version > 0 ? (uint64_t)version : 0;
    return 0;
}

/* 410, with a token that goes on with what is there now. */
static int gone(struct sim_request *request, const char *start)
{
    if (!start[0]) {
        return sim_fail(&request->work, 410, "Expired", "The resourceVersion for the provided list is too old.");
    }
    return sim_fail(
        &request->work, 410, "Expired",
        "The provided continue parameter is too old to display a consistent list result. You can start a new "
        "list without the continue parameter, or use the continue token in this response to retrieve the "
        "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
        "that were created, modified, or deleted between the time the first chunk was returned and now may "
        "show up in the list.");
}

static int read_number(struct sim_request *request, const char *name, int64_t *out)
{
    const char *text = sim_parameter(request, name);
    *out = 0;
    if (text[0] && !hf_parse_int(hf_slice_of(text), 0, INT64_MAX, out)) {
        return sim_fail(&request->work, 400, "BadRequest", "strconv.ParseInt: parsing \"%s\": invalid syntax", text);
    }
    return 0;
}

static int too_new(struct sim_request *request, int64_t version, uint64_t current)
{
    sim_cause(&request->work, "ResourceVersionTooLarge", "", "Too large resource version");
    sim_fail(&request->work, 504, "Timeout", "Timeout: Too large resource version: %lld, current: %llu",
             (long long)version, (unsigned long long)current);
    struct hf_value *details = hf_value_new(request->work.arena, HF_OBJECT);
    if (details && sim_put_int(request->work.arena, details, "retryAfterSeconds", 1) == 0) {
        request->work.problem.details = details;
    }
    return -1;
}

static int read_page(struct sim *sim, struct sim_request *request, struct page *page)
{
    int64_t version;
    const char *token = sim_parameter(request, "continue");
    *page = (struct page){.start = ""};
    if (read_number(request, "limit", &page->limit) != 0 || read_number(request, "resourceVersion", &version) != 0) {
        return -1;
    }
    if (token[0]) {
        if (read_token(request, token, page) != 0) {
            return -1;
        }
    } else if (version > 0 && (uint64_t)version > sim->store.version) {
        return too_new(request, version, sim->store.version);
    } else if (strcmp(sim_parameter(request, "resourceVersionMatch"), "Exact") == 0) {
        page->version = (uint64_t)version;
    }
    return view_of(sim, request, page);
}

static size_t first_of(const struct page *page, const char *key)
{
    size_t low = 0, high = page->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(page->items[middle]->key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void write_item(struct hf_buf *buf, const struct sim_object *object, bool first)
{
    hf_buf_adds(buf, first ? "" : ",");
    if (object->kind->type->custom) {
        sim_object_write(buf, object);
    } else {
        hf_buf_add(buf, object->json, object->json_len);
    }
}

/* Writes the items of a page; the key of the first that had no room is in *next, NULL when all had. */
static size_t write_items(struct hf_buf *buf, const struct sim_request *request, const struct page *page,
                          const struct sim_selector *selector, const char **next)
{
    size_t written = 0, left = 0, len = strlen(request->space);
    hf_auto_buf struct hf_buf prefix = {0};
    hf_buf_addf(&prefix, "%s/", request->space);
    const char *begin = len ? hf_buf_text(&prefix) : "";
    size_t at = first_of(page, strcmp(page->start, begin) > 0 ? page->start : begin);
    *next = NULL;
    for (; at < page->count; at++) {
        const struct sim_object *object = page->items[at];
        if (len && strcmp(object->space, request->space) != 0) {
            break;
        }
        if (!sim_selector_matches(selector, object->value)) {
            continue;
        }
        if (page->limit > 0 && written == (size_t)page->limit) {
            *next = *next ? *next : object->key;
            left++;
            continue;
        }
        write_item(buf, object, written == 0);
        written++;
    }
    return left;
}

static void write_head(struct hf_buf *buf, const struct sim_kind *kind, uint64_t version, const char *token,
                       size_t left)
{
    hf_buf_addf(buf, "{\"kind\":\"%sList\",\"apiVersion\":\"%s%s%s\",\"metadata\":{\"resourceVersion\":\"%llu\"",
                kind->kind, kind->group, kind->group[0] ? "/" : "", kind->version, (unsigned long long)version);
    if (token) {
        hf_buf_addf(buf, ",\"continue\":\"%s\"", token);
        if (left > 0) {
            hf_buf_addf(buf, ",\"remainingItemCount\":%zu", left);
        }
    }
    hf_buf_adds(buf, "},\"items\":[");
}

int sim_list_objects(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    struct page page;
    struct sim_selector selector;
    const char *next;
    hf_auto_buf struct hf_buf items = {0};
    if (sim_selector_read(&request->work, request->collection->kind.kind, sim_parameter(request, "labelSelector"),
                          sim_parameter(request, "fieldSelector"), &selector) != 0 ||
        read_page(sim, request, &page) != 0) {
        return -1;
    }
    size_t left = write_items(&items, request, &page, &selector, &next);
    char *token = next ? make_token(request->work.arena, (int64_t)page.version, next) : NULL;
    bool selective = selector.label_count + selector.field_count > 0;
    if (!hf_buf_ok(&items) || (next && !token)) {
        return -1;
    }
    write_head(&response->body, &request->collection->kind, page.version, token, selective ? 0 : left);
    hf_buf_add(&response->body, hf_buf_text(&items), items.len);
    hf_buf_adds(&response->body, "]}\n");
    return hf_buf_ok(&response->body) ? 0 : -1;
}
