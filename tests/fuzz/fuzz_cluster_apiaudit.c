/* Whatever an API server, or somebody in its place, posts: no crash, and what is told is terminated text of bounded
 * length. */
#include <stdlib.h>
#include <string.h>

#include "holdfast/apiaudit.h"

static void must_be_text(const char *text)
{
    if (!text || strlen(text) > 1024) {
        abort();
    }
}

static void on_event(void *ctx, const struct hf_apiaudit_event *event)
{
    size_t *count = ctx;
    ++*count;
    must_be_text(event->user);
    must_be_text(event->impersonated);
    must_be_text(event->user_agent);
    must_be_text(event->source);
    must_be_text(event->verb);
    must_be_text(event->group);
    must_be_text(event->resource);
    must_be_text(event->subresource);
    must_be_text(event->namespace);
    must_be_text(event->name);
    must_be_text(event->uid);
    must_be_text(event->resource_version);
    must_be_text(event->manager);
    for (size_t i = 0; i < event->group_count; i++) {
        must_be_text(event->groups[i]);
    }
    if (!*event->user || !*event->resource) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_apiaudit_counts counts;
    size_t told = 0;
    int result = hf_apiaudit_read((const char *)data, size, on_event, &told, &counts, &err);
    if ((result != 0) != (err.code != HF_OK) || told != counts.writes || counts.writes + counts.wrong > counts.events) {
        abort();
    }
    return 0;
}
