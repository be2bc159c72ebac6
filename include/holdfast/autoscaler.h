/* What a HorizontalPodAutoscaler or a VerticalPodAutoscaler may do to the object that it targets. Pure.
 *
 * A HorizontalPodAutoscaler owns the replicas of what it targets within its bounds; a VerticalPodAutoscaler that acts
 * owns the resources of its containers within its policies. autoscaling/v1 is read: every server that has
 * HorizontalPodAutoscalers serves it, and it holds all that counts here. What lies outside the bounds was not the
 * autoscaler's doing (k8s.io/kubernetes pkg/controller/podautoscaler, horizontal.go: it does not act on 0 replicas, and
 * brings all else within them). */
#ifndef HOLDFAST_AUTOSCALER_H
#define HOLDFAST_AUTOSCALER_H

#include "holdfast/error.h"
#include "holdfast/value.h"

struct hf_autoscaler;

/* Reads a live one; copies what counts. *out NULL: it may do nothing (a VPA that only recommends). -1: out of memory.
 */
int hf_autoscaler_read(const struct hf_value *live, bool is_vertical, struct hf_autoscaler **out, struct hf_error *err);
void hf_autoscaler_free(struct hf_autoscaler *autoscaler); /* NULL is fine */

const char *hf_autoscaler_name(const struct hf_autoscaler *autoscaler);
bool hf_autoscaler_is_vertical(const struct hf_autoscaler *autoscaler);
/* Whether both may do the same to the same object. */
bool hf_autoscaler_equal(const struct hf_autoscaler *a, const struct hf_autoscaler *b);
bool hf_autoscaler_targets(const struct hf_autoscaler *autoscaler, const char *group, const char *kind,
                           const char *namespace, const char *name);
/* What it targets: strings live as long as it does. */
void hf_autoscaler_target(const struct hf_autoscaler *autoscaler, const char **group, const char **kind,
                          const char **namespace, const char **name);

/* Which autoscaler could own a path (JSON Pointer into live) at all. */
enum hf_scaling { HF_SCALES_NOTHING, HF_SCALES_REPLICAS, HF_SCALES_RESOURCES };
enum hf_scaling hf_autoscaler_kind_for(const char *path);
/* Whether the value that live has at the path is one that this autoscaler, which targets live, may have set. */
bool hf_autoscaler_owns(const struct hf_autoscaler *autoscaler, const struct hf_value *live, const char *path);

#endif
