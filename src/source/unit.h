/* What the sources share, private to src/source. */
#ifndef HF_SOURCE_UNIT_H
#define HF_SOURCE_UNIT_H

#include "holdfast/source.h"

/* A unit without documents; NULL when memory is short. */
struct hf_unit *hf_source_unit_new(const char *space, const char *slug, const char *origin, const char *bytes,
                                   size_t len);

/* group, kind, namespace and name as one key; the object has been checked. */
bool hf_source_object_key(struct hf_buf *key, const struct hf_value *object);

#endif
