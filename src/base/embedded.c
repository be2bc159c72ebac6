#include "holdfast/embedded.h"

#include <string.h>

const struct hf_embedded *hf_embedded_find(const char *name)
{
    for (const struct hf_embedded *file = hf_embedded_files; file->name; file++) {
        if (strcmp(file->name, name) == 0) {
            return file;
        }
    }
    return NULL;
}
