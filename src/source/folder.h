/* A folder of units, private to src/source: folder.c keeps the set, scan.c reads the disk, notify.c is told of changes. */
#ifndef HF_SOURCE_FOLDER_H
#define HF_SOURCE_FOLDER_H

#include "holdfast/map.h"
#include "unit.h"

struct entry {
    char *slug;
    char *path;
    struct hf_digest digest; /* of the bytes last read */
    struct hf_unit *unit;    /* as it is told */
    struct hf_unit *good;    /* the last that could be read; NULL: none yet */
    uint64_t seen;           /* the scan that found it */
    bool read_once;
};

struct folder {
    struct hf_source source;
    struct hf_loop *loop;
    struct hf_log *log;
    char *path;
    char *real; /* resolved at each scan */
    char *space;
    struct hf_source_events events;
    struct hf_map *entries; /* slug → struct entry */
    uint64_t scan;
    size_t files;
    bool changed;
    bool lost;
    int notify_fd;
    struct hf_watch_fd *notify;
    struct hf_timer *settle;
    struct hf_timer *rescan;
    int64_t unsettled_since_ms; /* monotonic; 0: settled */
};

/* scan.c: reads the folder into entries; -1: the folder itself can't be read, nothing is known to have changed. */
int hf_folder_scan(struct folder *folder, struct hf_error *err);

/* folder.c: what a file's bytes make of its entry. */
int hf_folder_take(struct folder *folder, const char *slug, const char *path, const char *bytes, size_t len,
                   const struct hf_error *unreadable, struct hf_error *err);

/* notify.c */
int hf_folder_notify_begin(struct folder *folder, struct hf_error *err);
void hf_folder_notify_folder(struct folder *folder, const char *path);
void hf_folder_notify_end(struct folder *folder);
void hf_folder_changed(struct folder *folder);

#endif
