/* Files that hold part of a login and may be replaced at any time. */
#ifndef HF_CLUSTER_CREDENTIAL_FILE_H
#define HF_CLUSTER_CREDENTIAL_FILE_H

#include <sys/stat.h>

#include "holdfast/error.h"
#include "holdfast/text.h"

struct watched_file {
    const char *path; /* NULL: none; the owner's */
    struct timespec changed;
    ino_t inode;
    off_t size;
    int64_t read_ms; /* monotonic; 0: never */
};

/* Whether it is time to read the file: it is another than the one read last, or a minute has passed. */
bool watched_file_due(const struct watched_file *file);
/* Reads it, appending to *out. A failure counts as a reading, so that it isn't tried at every request. */
int watched_file_read(struct watched_file *file, struct hf_buf *out, struct hf_error *err);
/* Makes it due. */
void watched_file_forget(struct watched_file *file);

#endif
