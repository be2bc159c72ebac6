/* The last good revision of every unit of ConfigHub, kept in a SQLite file of its own beside the trail, so that holding
 * goes on while ConfigHub is away, over restarts (confighub.h, struct hf_unit_store).
 *
 * The file is as private as what it holds (mode 0600: the data of units may hold Secrets). Contents that units share
 * are kept once. One thread writes; nothing on the loop blocks. What is lost by a crash is read from ConfigHub anew;
 * half a unit is never read. */
#ifndef HOLDFAST_UNITSTORE_H
#define HOLDFAST_UNITSTORE_H

#include "holdfast/confighub.h"

#define HF_UNITSTORE_SUFFIX ".units" /* behind the database's path */

struct hf_unitstore;

/* Opens or makes the file. HF_EDENIED: somebody else owns it or may read it; HF_EUNSUPPORTED: a newer program made it.
 * A corrupt one is set aside as PATH.corrupt-TIME and begun anew. */
int hf_unitstore_open(const char *path, struct hf_log *log, struct hf_unitstore **out, struct hf_error *err);
/* Writes what waits. NULL is fine. After the sources that use it. */
void hf_unitstore_close(struct hf_unitstore *store);
/* The table for one target's source, valid until the store is closed. */
int hf_unitstore_of(struct hf_unitstore *store, const char *target, struct hf_unit_store *out, struct hf_error *err);

#endif
