#include "watch.h"

#include <stdio.h>
#include <string.h>

#include "sim.h"

#define LONGEST_MS (60 * 60 * 1000)

static void wake(struct sim_watch *watch)
{
    if (watch->wake) {
        watch->wake(watch->ctx);
    }
}

static void end(struct sim_watch *watch, bool cut)
{
    watch->ended = true;
    watch->cut = watch->cut || cut;
    wake(watch);
}

static void add_object(struct sim_watch *watch, const char *type, const struct sim_object *object)
{
    hf_buf_addf(&watch->pending, "{\"type\":\"%s\",\"object\":", type);
    sim_object_write(&watch->pending, object);
    hf_buf_adds(&watch->pending, "}\n");
}

/* An object that comes into the selection is ADDED, one that leaves it is DELETED. */
static void tell(struct sim *sim, struct sim_watch *watch, const struct sim_event *event)
{
    const struct sim_object *named = event->after;
    if (watch->collection != event->collection || (watch->space[0] && strcmp(watch->space, named->space) != 0)) {
        return;
    }
    bool before = event->before && sim_selector_matches(&watch->selector, event->before->value);
    bool after = !event->deleted && sim_selector_matches(&watch->selector, event->after->value);
    if (!before && !after) {
        return;
    }
    if (sim->faults.garbage_lines > 0) {
        sim->faults.garbage_lines--;
        hf_buf_adds(&watch->pending, "{\"type\":\"MODIFIED\",\"object\":{\"kind\":!! 503 \xff\n");
    }
    add_object(watch, !before ? "ADDED" : after ? "MODIFIED" : "DELETED", event->after);
}

/* A reader that does not keep up is dropped, and will list again. */
static bool is_too_slow(const struct sim_watch *watch)
{
    return !hf_buf_ok(&watch->pending) || watch->pending.len - watch->sent > SIM_WATCH_BACKLOG;
}

void sim_watch_event(struct sim *sim, const struct sim_event *event)
{
    for (struct sim_watch *watch = sim->watches.first; watch; watch = watch->next) {
        if (watch->ended || watch->silent) {
            continue;
        }
        size_t len = watch->pending.len;
        tell(sim, watch, event);
        watch->seen = event->version;
        if (is_too_slow(watch)) {
            end(watch, true);
        } else if (watch->pending.len != len) {
            wake(watch);
        }
    }
}

static void add_bookmark(struct sim *sim, struct sim_watch *watch)
{
    const struct sim_kind *kind = &watch->collection->kind;
    hf_buf_addf(&watch->pending,
                "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s%s%s\",\"metadata\":{"
                "\"resourceVersion\":\"%llu\",\"creationTimestamp\":null}}}\n",
                kind->kind, kind->group, kind->group[0] ? "/" : "", kind->version,
                (unsigned long long)sim->store.version);
}

int64_t sim_watch_tick(struct sim *sim, int64_t now)
{
    int64_t next = INT64_MAX;
    for (struct sim_watch *watch = sim->watches.first; watch; watch = watch->next) {
        if (watch->ended) {
            continue;
        }
        if (watch->deadline <= now) {
            end(watch, false);
            continue;
        }
        if (watch->bookmark <= now) {
            watch->bookmark = now + sim->options->bookmark_ms;
            if (!watch->silent) {
                add_bookmark(sim, watch);
                wake(watch);
            }
        }
        next = watch->deadline < next ? watch->deadline : next;
        next = watch->bookmark < next ? watch->bookmark : next;
    }
    return next;
}

void sim_watch_cut(struct sim *sim)
{
    for (struct sim_watch *watch = sim->watches.first; watch; watch = watch->next) {
        end(watch, true);
    }
}

long sim_watch_read(struct sim_watch *watch, char *out, size_t max)
{
    size_t left = watch->pending.len - watch->sent;
    if (watch->cut) {
        return -2;
    }
    if (left == 0) {
        hf_buf_clear(&watch->pending);
        watch->sent = 0;
        return watch->ended ? -1 : 0;
    }
    size_t len = left < max ? left : max;
    memcpy(out, watch->pending.ptr + watch->sent, len);
    watch->sent += len;
    return (long)len;
}

void sim_watch_drop(struct sim *sim, struct sim_watch *watch)
{
    for (struct sim_watch **link = &sim->watches.first; *link; link = &(*link)->next) {
        if (*link == watch) {
            *link = watch->next;
            sim->watches.count--;
            hf_buf_free(&watch->pending);
            hf_arena_free(watch->arena);
            return;
        }
    }
}

/* What is there now, as ADDED events. */
static void add_present(struct sim_watch *watch)
{
    for (size_t i = 0; i < watch->collection->count; i++) {
        const struct sim_object *object = watch->collection->items[i];
        if ((!watch->space[0] || strcmp(watch->space, object->space) == 0) &&
            sim_selector_matches(&watch->selector, object->value)) {
            add_object(watch, "ADDED", object);
        }
    }
}

static void add_gone(struct sim_watch *watch, uint64_t version, uint64_t current)
{
    hf_buf_addf(
        &watch->pending,
        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
        "\"Failure\",\"message\":\"too old resource version: %llu (%llu)\",\"reason\":\"Expired\",\"code\":410}}\n",
        (unsigned long long)version, (unsigned long long)current);
    watch->ended = true;
}

/* The events since a version, or 410 as an event when they are forgotten. */
static void add_past(struct sim *sim, struct sim_watch *watch, uint64_t version)
{
    if (sim->faults.gone_watches > 0 || version < sim_store_oldest(&sim->store)) {
        sim->faults.gone_watches -= sim->faults.gone_watches > 0 ? 1 : 0;
        add_gone(watch, version, sim_store_oldest(&sim->store));
        return;
    }
    for (size_t i = 0; i < sim->store.event_count; i++) {
        const struct sim_event *event = sim_store_event(&sim->store, i);
        if (event->version > version) {
            tell(sim, watch, event);
        }
    }
}

static struct sim_watch *new_watch(struct sim_request *request)
{
    struct hf_arena *arena = hf_arena_new(0);
    struct sim_watch *watch = arena ? hf_arena_alloc(arena, sizeof *watch) : NULL;
    if (!watch) {
        hf_arena_free(arena);
        return NULL;
    }
    *watch = (struct sim_watch){.collection = request->collection, .arena = arena, .bookmark = INT64_MAX};
    watch->space = hf_arena_printf(arena, "%s", request->space);
    struct sim_work work = {.arena = arena};
    if (!watch->space ||
        sim_selector_read(&work, request->collection->kind.kind, sim_parameter(request, "labelSelector"),
                          sim_parameter(request, "fieldSelector"), &watch->selector) != 0) {
        request->work.problem = work.problem;
        if (work.problem.message) {
            request->work.problem.message = hf_arena_printf(request->work.arena, "%s", work.problem.message);
        }
        hf_arena_free(arena);
        return NULL;
    }
    return watch;
}

static void set_times(struct sim *sim, struct sim_request *request, struct sim_watch *watch)
{
    int64_t seconds = 0, now = sim->clock();
    const char *bookmarks = sim_parameter(request, "allowWatchBookmarks");
    if (!hf_parse_int(hf_slice_of(sim_parameter(request, "timeoutSeconds")), 1, 86400, &seconds)) {
        seconds = 1800 + (int64_t)(sim_random(sim) % 1800);
    }
    watch->deadline = now + seconds * 1000;
    if (strcmp(bookmarks, "true") == 0 || strcmp(bookmarks, "1") == 0) {
        watch->bookmark = now + sim->options->bookmark_ms;
    }
    watch->silent = sim->faults.silent_until > now;
}

int sim_watch_open(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    int64_t version = 0;
    const char *text = sim_parameter(request, "resourceVersion");
    if (text[0] && !hf_parse_int(hf_slice_of(text), 0, INT64_MAX, &version)) {
        return sim_fail(&request->work, 500, "",
                        "resourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": invalid syntax",
                        text, text);
    }
    struct sim_watch *watch = new_watch(request);
    if (!watch) {
        return -1;
    }
    set_times(sim, request, watch);
    if (version == 0) {
        add_present(watch);
    } else {
        add_past(sim, watch, (uint64_t)version);
    }
    if (!hf_buf_ok(&watch->pending)) {
        hf_buf_free(&watch->pending);
        hf_arena_free(watch->arena);
        return -1;
    }
    watch->seen = sim->store.version;
    watch->next = sim->watches.first;
    sim->watches.first = watch;
    sim->watches.count++;
    response->watch = watch;
    return 0;
}
