/* What is remembered of the paths of an object: since when each differs, and how often it was put back, so that a fight
 * with another writer is stopped path by path. */
#include <stdlib.h>
#include <string.h>

#include "state.h"

#define MOST_PATHS 512u
#define MOST_TIMES 100u
#define LONGEST_BLOCK_MS 86400000

static void clear(struct path_log *log)
{
    free(log->path);
    free(log->times);
    *log = (struct path_log){0};
}

void hf_agent_paths_free(struct object *object)
{
    for (size_t i = 0; i < object->path_count; i++) {
        clear(&object->paths[i]);
    }
    free(object->paths);
    object->paths = NULL;
    object->path_count = object->path_cap = 0;
}

static struct path_log *find(struct object *object, const char *path)
{
    for (size_t i = 0; i < object->path_count; i++) {
        if (strcmp(object->paths[i].path, path) == 0) {
            return &object->paths[i];
        }
    }
    return NULL;
}

struct path_log *hf_agent_path(struct object *object, const char *path)
{
    struct path_log *log = find(object, path);
    if (log || object->path_count == MOST_PATHS) {
        return log;
    }
    if (object->path_count == object->path_cap) {
        size_t cap = object->path_cap ? object->path_cap * 2 : 4;
        struct path_log *paths = hf_reallocarray(object->paths, cap, sizeof *paths);
        if (!paths) {
            return NULL;
        }
        object->paths = paths;
        object->path_cap = cap;
    }
    char *copy = hf_strdup(path);
    if (!copy) {
        return NULL;
    }
    log = &object->paths[object->path_count++];
    *log = (struct path_log){.path = copy};
    return log;
}

/* Forgets the paths of which nothing is to be remembered: not found now, and never put back. */
void hf_agent_paths_sweep(struct object *object)
{
    size_t kept = 0;
    for (size_t i = 0; i < object->path_count; i++) {
        struct path_log *log = &object->paths[i];
        if (log->pass == object->judgements || log->times) {
            object->paths[kept++] = *log;
        } else {
            clear(log);
        }
    }
    object->path_count = kept;
}

int64_t hf_agent_path_blocked_until(const struct path_log *log, int64_t now_ms)
{
    return log->blocked_until_ms > now_ms ? log->blocked_until_ms : 0;
}

static bool has_room(struct path_log *log, unsigned times)
{
    if (times > MOST_TIMES) {
        times = MOST_TIMES;
    }
    if (log->cap != times) {
        int64_t *fresh = hf_calloc(times, sizeof *fresh);
        if (!fresh) {
            return false;
        }
        free(log->times);
        log->times = fresh;
        log->cap = times;
        log->next = 0;
    }
    return true;
}

static int64_t block_length(const struct path_log *log)
{
    int64_t length = log->limit_within_ms;
    for (unsigned i = 0; i < log->rounds && length < LONGEST_BLOCK_MS; i++) {
        length *= 2;
    }
    return length < LONGEST_BLOCK_MS ? length : LONGEST_BLOCK_MS;
}

bool hf_agent_path_put_back(struct path_log *log, int64_t now_ms)
{
    if (log->limit_times == 0 || !has_room(log, log->limit_times)) {
        return false;
    }
    /* After a block one more try is free; when that is undone too, the next block is twice as long. */
    bool again = log->rounds > 0 && log->blocked_until_ms + log->limit_within_ms > now_ms;
    if (!again && log->blocked_until_ms + 2 * log->limit_within_ms < now_ms) {
        log->rounds = 0;
    }
    log->times[log->next] = now_ms + 1; /* 0 means never */
    log->next = (log->next + 1) % log->cap;
    int64_t oldest = log->times[log->next];
    bool blocks = again || (oldest != 0 && oldest + log->limit_within_ms > now_ms);
    if (blocks) {
        log->blocked_until_ms = now_ms + block_length(log);
        log->rounds++;
        memset(log->times, 0, log->cap * sizeof *log->times);
    }
    return blocks;
}

void hf_agent_count_put_back(struct hf_agent *agent, struct object *object)
{
    int64_t now = agent->effects.mono_ms(agent->effects.ctx);
    uint64_t *fights = &object->target->tally.fights;
    if (object->incident.created || object->incident.rollout) {
        return;
    }
    if (object->finding_count == 0) {
        struct path_log *log = find(object, "");
        if (log) {
            *fights += hf_agent_path_put_back(log, now);
        }
    }
    for (size_t i = 0; i < object->finding_count; i++) {
        struct path_log *log =
            object->outcomes && object->outcomes[i] == OUTCOME_NOW ? find(object, object->findings[i].path) : NULL;
        if (log) {
            *fights += hf_agent_path_put_back(log, now);
        }
    }
}
