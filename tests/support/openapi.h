/* schema/openapi.yaml, by which tests check what is answered. */
#ifndef TEST_SUPPORT_OPENAPI_H
#define TEST_SUPPORT_OPENAPI_H

#include "holdfast/mem.h"
#include "holdfast/value.h"

struct openapi {
    struct hf_arena *arena;
    const struct hf_value *document;
    struct hf_value *definitions; /* in which a field that is not named is an error, so that none is forgotten */
};

void openapi_read(struct openapi *api); /* freed with its arena */
/* What a reference leads to; what is none itself. */
const struct hf_value *openapi_follow(const struct openapi *api, const struct hf_value *value);
/* The get of a path. */
const struct hf_value *openapi_get(const struct openapi *api, const char *path);
/* That the answer is one that the operation has. type: without parameters; what names the answer in a failure. */
void openapi_check(const struct openapi *api, const struct hf_value *operation, const char *what, int status,
                   const char *type, const char *body, size_t len);

#endif
