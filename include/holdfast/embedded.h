/* The files of rules/, schema/ and web/, compiled in. */
#ifndef HOLDFAST_EMBEDDED_H
#define HOLDFAST_EMBEDDED_H

#include <stddef.h>

struct hf_embedded {
    const char *name;  /* as in the tree: "schema/config.json" */
    const char *bytes; /* terminated by a NUL that size does not count */
    size_t size;
};

extern const struct hf_embedded hf_embedded_files[]; /* sorted by name, closed by a NULL name */

/* NULL when there is none of that name. */
const struct hf_embedded *hf_embedded_find(const char *name);

#endif
