/* /api/v1/objects and /api/v1/object. */
#include "objects.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json_out.h"

#define LIMIT 200
#define LIMIT_MOST 5000

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void finding_json(struct hf_buf *out, const struct hf_view_finding *finding)
{
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "path", finding->path);
    hf_out_text(out, "readable", finding->readable);
    hf_out_text(out, "class", finding->class);
    hf_out_text(out, "desired", finding->desired);
    hf_out_text(out, "live", finding->live);
    hf_out_text(out, "manager", finding->manager);
    hf_out_text(out, "operation", finding->operation);
    hf_out_time(out, "at", finding->at_ms);
    hf_out_close(out, '}');
}

static void object_json(struct hf_buf *out, const struct hf_view_object *object, bool findings)
{
    hf_out_open(out, NULL, '{');
    hf_out_text(out, "target", object->target);
    hf_out_text(out, "space", object->space);
    hf_out_text(out, "unit", object->unit);
    hf_out_int(out, "revision", object->revision);
    hf_out_text(out, "api_version", object->api_version);
    hf_out_text(out, "kind", object->kind);
    hf_out_text(out, "namespace", object->namespace);
    hf_out_text(out, "name", object->name);
    hf_out_text(out, "verdict", hf_rank_name(hf_rank_of(object->verdict)));
    hf_out_text(out, "reason", object->reason);
    hf_out_text(out, "incident", object->incident);
    hf_out_time(out, "since", object->since_ms);
    hf_out_int(out, "order", object->order);
    hf_out_int(out, "corrections", object->corrections);
    if (object->last_correction_ms == HF_TIME_NONE) {
        hf_out_text(out, "last_correction_ms", NULL);
    } else {
        hf_out_int(out, "last_correction_ms", object->last_correction_ms);
    }
    hf_out_count(out, "finding_count", object->finding_count);
    if (findings) {
        hf_out_open(out, "findings", '[');
        for (size_t i = 0; i < object->finding_count; i++) {
            finding_json(out, &object->findings[i]);
        }
        hf_out_close(out, ']');
    }
    hf_out_close(out, '}');
}

static bool is_or_any(const char *wanted, const char *text)
{
    return !wanted || strcmp(wanted, or_empty(text)) == 0;
}

static bool holds(const char *text, const char *part)
{
    return strcasestr(or_empty(text), part) != NULL;
}

/* Every word of q must stand somewhere. */
static bool holds_words(const struct hf_view_object *object, char words[][HF_WORD_SIZE], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *word = words[i];
        if (!holds(object->name, word) && !holds(object->kind, word) && !holds(object->namespace, word) &&
            !holds(object->unit, word) && !holds(object->space, word) && !holds(object->target, word) &&
            !holds(hf_rank_words(hf_rank_of(object->verdict)), word) &&
            !holds(hf_rank_name(hf_rank_of(object->verdict)), word)) {
            return false;
        }
    }
    return true;
}

bool hf_objects_match(const struct hf_object_filter *filter, const struct hf_view_object *object)
{
    return (filter->verdicts & 1u << hf_rank_of(object->verdict)) && is_or_any(filter->target, object->target) &&
           is_or_any(filter->space, object->space) && is_or_any(filter->unit, object->unit) &&
           is_or_any(filter->kind, object->kind) && is_or_any(filter->namespace, object->namespace) &&
           is_or_any(filter->name, object->name) && is_or_any(filter->api_version, object->api_version) &&
           holds_words(object, (char(*)[HF_WORD_SIZE])filter->words, filter->word_count);
}

/* "drifted,missing" */
static bool read_verdicts(const char *text, unsigned *out)
{
    for (const char *at = text; *at;) {
        char name[16];
        enum hf_rank rank;
        size_t len = strcspn(at, ",");
        if (len == 0 || len >= sizeof name) {
            return false;
        }
        memcpy(name, at, len);
        name[len] = '\0';
        if (!hf_rank_parse(name, &rank)) {
            return false;
        }
        *out |= 1u << rank;
        at += len + (at[len] == ',');
    }
    return *out != 0;
}

static void read_words(struct hf_object_filter *filter, const char *text)
{
    while (text && *text && filter->word_count < HF_WORDS) {
        text += strspn(text, " ");
        size_t len = strcspn(text, " ");
        if (len > 0) {
            size_t kept = len < HF_WORD_SIZE ? len : HF_WORD_SIZE - 1;
            memcpy(filter->words[filter->word_count], text, kept);
            filter->words[filter->word_count++][kept] = '\0';
        }
        text += len;
    }
}

bool hf_objects_filter(const struct hf_request *request, struct hf_answer *answer, struct hf_object_filter *filter)
{
    const struct hf_query *query = request->query;
    const char *verdict = hf_query_get(query, "verdict");
    memset(filter, 0, sizeof *filter);
    if (!verdict) {
        filter->verdicts = (1u << HF_RANK_COUNT) - 1;
    } else if (!read_verdicts(verdict, &filter->verdicts)) {
        hf_answer_problem(
            answer, 400,
            "The parameter \"verdict\" must be one or more, joined by commas, of blocked, unknown, missing, "
            "drifted, extra, terminating, pending, in_sync.");
        return false;
    }
    filter->target = hf_query_get(query, "target");
    filter->space = hf_query_get(query, "space");
    filter->unit = hf_query_get(query, "unit");
    filter->kind = hf_query_get(query, "kind");
    filter->namespace = hf_query_get(query, "namespace");
    filter->name = hf_query_get(query, "name");
    filter->api_version = hf_query_get(query, "api_version");
    read_words(filter, hf_query_get(query, "q"));
    return true;
}

/* A cursor is the key of the last object given, so that paging goes on right when the view has changed between. */
static void write_cursor(struct hf_buf *out, const struct hf_view_object *object)
{
    const char *const texts[] = {object->kind, object->namespace, object->name, object->api_version};
    hf_buf_addf(out, "%d,", (int)hf_rank_of(object->verdict));
    hf_buf_add_url(out, hf_slice_of(object->target));
    hf_buf_addf(out, ",%" PRId64, object->order);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        hf_buf_addc(out, ',');
        hf_buf_add_url(out, hf_slice_of(texts[i]));
    }
}

bool hf_cursor_read(struct hf_cursor *cursor, const char *text, struct hf_error *err)
{
    char *fields[7];
    int64_t rank;
    memset(cursor, 0, sizeof *cursor);
    cursor->bytes = hf_strdup(text);
    char *rest = cursor->bytes;
    for (size_t i = 0; i < 7; i++) {
        fields[i] = rest ? strsep(&rest, ",") : NULL;
        if (!fields[i] || hf_query_decode(fields[i], HF_DECODE_CONTROL | HF_DECODE_LINES, "the cursor", err) != 0) {
            return false;
        }
    }
    if (rest || !hf_parse_int(hf_slice_of(fields[0]), 0, HF_RANK_COUNT - 1, &rank) ||
        !hf_parse_int(hf_slice_of(fields[2]), INT64_MIN, INT64_MAX, &cursor->object.order)) {
        return false;
    }
    cursor->rank = (enum hf_rank)rank;
    cursor->object.target = fields[1];
    cursor->object.kind = fields[3];
    cursor->object.namespace = fields[4];
    cursor->object.name = fields[5];
    cursor->object.api_version = fields[6];
    return true;
}

static bool is_after(const struct hf_view_object *object, const struct hf_cursor *cursor, bool worst_first)
{
    int rank = (int)hf_rank_of(object->verdict) - (int)cursor->rank;
    return worst_first && rank != 0 ? rank > 0 : hf_object_compare(object, &cursor->object) > 0;
}

static void write_list(const struct hf_request *request, struct hf_answer *answer, const struct hf_list *list)
{
    const struct hf_view *view = request->view->view;
    const struct hf_view_index *index = hf_view_index(request->view);
    const struct hf_view_object *last = NULL;
    const struct hf_view_object **objects = NULL;
    size_t given = 0;
    size_t matched = 0;
    bool more = false;
    if (!index) {
        hf_answer_problem(answer, 503, "The server is short of memory.");
        return;
    }
    objects = list->worst_first ? index->worst : index->by_key;
    hf_out_open(&answer->body, NULL, '{');
    hf_out_count(&answer->body, "serial", view->serial);
    hf_out_open(&answer->body, "items", '[');
    for (size_t i = 0; i < view->object_count; i++) {
        if (!hf_objects_match(&list->filter, objects[i])) {
            continue;
        }
        matched++;
        if (list->cursor && !is_after(objects[i], list->cursor, list->worst_first)) {
            continue;
        }
        if (given == list->limit) {
            more = true;
            continue;
        }
        object_json(&answer->body, objects[i], list->findings);
        last = objects[i];
        given++;
    }
    hf_out_close(&answer->body, ']');
    hf_out_count(&answer->body, "matched", matched);
    hf_out_count(&answer->body, "total", view->object_count);
    hf_auto_buf struct hf_buf next = {0};
    if (more && last) {
        write_cursor(&next, last);
    }
    hf_out_text(&answer->body, "next", next.len > 0 ? next.ptr : NULL);
    hf_out_close(&answer->body, '}');
}

static bool read_list(const struct hf_request *request, struct hf_answer *answer, struct hf_list *list)
{
    static const char *const KNOWN[] = {"target",  "space", "unit",  "kind",   "namespace", "name",     "api_version",
                                        "verdict", "q",     "limit", "cursor", "sort",      "findings", NULL};
    const char *sort = hf_query_get(request->query, "sort");
    int64_t limit;
    if (!hf_request_only(request, answer, KNOWN) || !hf_objects_filter(request, answer, &list->filter) ||
        !hf_request_int(request, answer, "limit", 1, LIMIT_MOST, LIMIT, &limit) ||
        !hf_request_bool(request, answer, "findings", &list->findings)) {
        return false;
    }
    if (sort && strcmp(sort, "worst") != 0 && strcmp(sort, "order") != 0) {
        hf_answer_problem(answer, 400, "The parameter \"sort\" must be worst or order.");
        return false;
    }
    list->worst_first = !sort || strcmp(sort, "worst") == 0;
    list->limit = (size_t)limit;
    return true;
}

void hf_serve_objects(const struct hf_request *request, struct hf_answer *answer)
{
    struct hf_list list = {0};
    struct hf_cursor cursor = {0};
    struct hf_error err = HF_ERROR_INIT;
    const char *text = hf_query_get(request->query, "cursor");
    if (!read_list(request, answer, &list) || !hf_answer_needs_view(request, answer)) {
        return;
    }
    answer->type = "application/json";
    if (text && !hf_cursor_read(&cursor, text, &err)) {
        hf_answer_problem(answer, 400, "The parameter \"cursor\" must be the \"next\" of an earlier answer.");
    } else if (!hf_answer_by_view(request, answer)) {
        list.cursor = text ? &cursor : NULL;
        write_list(request, answer, &list);
    }
    free(cursor.bytes);
}

const struct hf_view_object *hf_objects_find(const struct hf_request *request, const struct hf_object_filter *filter)
{
    const struct hf_view *view = request->view ? request->view->view : NULL;
    for (size_t i = 0; view && i < view->object_count; i++) {
        if (hf_objects_match(filter, &view->objects[i]) &&
            (filter->namespace || !view->objects[i].namespace || !view->objects[i].namespace[0])) {
            return &view->objects[i];
        }
    }
    return NULL;
}

void hf_serve_object(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"target", "kind", "namespace", "name", "api_version", NULL};
    struct hf_object_filter filter;
    if (!hf_request_only(request, answer, KNOWN) || !hf_objects_filter(request, answer, &filter)) {
        return;
    }
    if (!filter.target || !filter.kind || !filter.name) {
        hf_answer_problem(answer, 400,
                          "The parameters \"target\", \"kind\" and \"name\" (and \"namespace\", where the object "
                          "has one) are needed.");
        return;
    }
    if (!hf_answer_needs_view(request, answer)) {
        return;
    }
    const struct hf_view_object *object = hf_objects_find(request, &filter);
    if (!object) {
        hf_answer_problem(answer, 404, "No unit holds such an object.");
        return;
    }
    answer->type = "application/json";
    if (!hf_answer_by_view(request, answer)) {
        object_json(&answer->body, object, true);
    }
}
