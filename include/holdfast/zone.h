/* Time zones: what a clock on a wall shows, from the system's tzdata (TZif, RFC 8536, with the rule in its footer for
 * the years to come). A zone is not changed once read. */
#ifndef HOLDFAST_ZONE_H
#define HOLDFAST_ZONE_H

#include "holdfast/error.h"
#include "holdfast/mem.h"
#include "holdfast/text.h"

struct hf_zone;

/* Reads a zone's file (at most 1 MiB of any bytes) into the arena. HF_EPARSE, HF_EUNSUPPORTED (leap seconds),
 * HF_ENOMEM.
 */
int hf_zone_read(struct hf_arena *arena, const char *bytes, size_t len, const struct hf_zone **out,
                 struct hf_error *err);

/* A zone by name: "UTC" and "Z", an offset ("+01:00", "-05:30"), else an IANA name ("America/New_York"), read from
 * folder; NULL: $TZDIR, else /usr/share/zoneinfo. HF_ENOTFOUND when there is none of that name. */
int hf_zone_find(struct hf_arena *arena, const char *folder, const char *name, const struct hf_zone **out,
                 struct hf_error *err);
/* "UTC" and offsets alone: asks no file. False for any other text. */
bool hf_zone_fixed(struct hf_arena *arena, const char *name, const struct hf_zone **out);

/* Seconds east of UTC at an instant (seconds since 1970). */
int32_t hf_zone_offset(const struct hf_zone *zone, int64_t at);
/* The instant when a wall clock there shows a local time (seconds, counted as if it were UTC). A time that comes twice:
 * the second one if later is set, else the first. One that is left out: as late after the gap as it is into it. */
int64_t hf_zone_instant(const struct hf_zone *zone, int64_t local, bool later);

#endif
