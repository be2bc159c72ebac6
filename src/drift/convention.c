/* What controllers and kubectl write where a unit may speak as well, and that nobody calls drift: a unit exported from
 * a cluster carries it. */
#include <string.h>

#include "walk.h"

/* Annotations, whole names or, ending in "/", all of a prefix. */
static const char *const ANNOTATIONS[] = {"autoscaling.alpha.kubernetes.io/",
                                          "control-plane.alpha.kubernetes.io/leader",
                                          "deployment.kubernetes.io/",
                                          "deprecated.daemonset.template.generation",
                                          "endpoints.kubernetes.io/last-change-trigger-time",
                                          "kubectl.kubernetes.io/last-applied-configuration",
                                          "kubectl.kubernetes.io/restartedAt",
                                          "pv.kubernetes.io/",
                                          "volume.beta.kubernetes.io/",
                                          "volume.kubernetes.io/"};

static bool is_ignored_annotation(struct hf_slice key)
{
    for (size_t i = 0; i < sizeof ANNOTATIONS / sizeof ANNOTATIONS[0]; i++) {
        size_t len = strlen(ANNOTATIONS[i]);
        if (ANNOTATIONS[i][len - 1] == '/' ? hf_slice_starts(key, ANNOTATIONS[i]) : hf_slice_is(key, ANNOTATIONS[i])) {
            return true;
        }
    }
    return false;
}

static bool is_annotation(const struct walk *walk)
{
    static const char *const NOTES[] = {"metadata", "annotations"};
    return hf_walk_is_at(walk, NOTES, 2, 1);
}

bool hf_is_kept_note(struct hf_slice annotation)
{
    return memchr(annotation.ptr, '.', annotation.len) && is_ignored_annotation(annotation);
}

bool hf_is_convention(const struct walk *walk, struct hf_slice key)
{
    return hf_is_kept_note(key) && is_annotation(walk);
}
