/* A folder of units, private to src/source: folder.c follows it, scan.c reads the disk, entry.c makes units of what was
 * read, notify.c is told of changes. */
#ifndef HF_SOURCE_FOLDER_H
#define HF_SOURCE_FOLDER_H

#include <sys/stat.h>

#include "holdfast/map.h"
#include "unit.h"

/* What tells one content of a file from another without reading it. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
    bool sure; /* was old enough when it was taken: a later write shows */
};

/* One file. */
struct entry {
    char *below; /* its path below the folder, with its ending */
    char *path;
    struct stamp stamp;
    struct hf_digest digest; /* of the bytes last read */
    bool read_once;
    struct hf_unit *good; /* the last that could be read; NULL: none yet */
    char *broken;         /* why the newest content can't be used; NULL: it can */
    char *clash;          /* what of it another file holds already; NULL: nothing */
    char *slug;
    struct hf_unit *unit; /* as it is told: good, or a copy with a problem */
    bool fresh;           /* good has changed since unit was made */
    uint64_t seen;        /* the scan that found it */
    int64_t missing_ms;   /* monotonic, since when it isn't found; 0: it is there */
};

struct folder {
    struct hf_source source;
    struct hf_loop *loop;
    struct hf_log *log;
    char *path;
    char *real; /* resolved at each scan */
    char *space;
    struct hf_source_events events;
    struct hf_map *entries; /* below → struct entry */
    uint64_t scan;
    size_t files;
    size_t folders;
    bool missing;   /* a file that was there isn't found; it counts as gone when it stays away */
    bool unsettled; /* an entry came, went or changed since hf_entries_settle */
    bool changed;   /* a unit that is told has */
    bool lost;
    int notify_fd;
    int parent_watch;  /* the inotify number of the folder that holds ours: ours may be a link that is swapped */
    bool notify_short; /* some folder could not be watched */
    struct hf_watch_fd *notify;
    struct hf_timer *settle;
    struct hf_timer *rescan;
    int64_t unsettled_since_ms; /* monotonic; 0: settled */
    unsigned busy;              /* in a callback */
    bool dead;
};

/* scan.c: reads the folder into entries; -1: the folder itself can't be read, nothing is known to have changed. */
int hf_folder_scan(struct folder *folder, struct hf_error *err);
bool hf_folder_is_unit_name(const char *name);

/* entry.c */

/* A file that was found. *gone: it went away while it was read. */
int hf_entry_take(struct folder *folder, const char *below, const char *path, const struct stat *info, bool *gone,
                  struct hf_error *err);
/* A file that can't even be looked at. */
int hf_entry_refuse(struct folder *folder, const char *below, const char *path, const char *why, struct hf_error *err);
/* Forgets files that stay away. */
void hf_entries_forget(struct folder *folder);
/* Makes of every entry the unit that is told: slugs, what two files hold both, problems. */
int hf_entries_settle(struct folder *folder, struct hf_error *err);
/* The units in the order of their files; the array is the caller's, the units stay the folder's. NULL: memory. */
struct hf_unit **hf_entries_units(const struct folder *folder, size_t *count);
void hf_entry_free(void *entry);

/* notify.c */
int hf_folder_notify_begin(struct folder *folder, struct hf_error *err);
void hf_folder_notify_folder(struct folder *folder, const char *path);
void hf_folder_notify_parent(struct folder *folder);
void hf_folder_notify_end(struct folder *folder);
void hf_folder_changed(struct folder *folder);

#endif
