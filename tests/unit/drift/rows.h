/* Tables of cases, a YAML document each: case, desired, live, and what is expected:
 *   expect    the findings as "class path", or "class path by manager" ("by ?": not known); none: nothing is found, and
 *             nothing either when managedFields are gone
 *   in_sync   true: what is found does not make it drift
 *   readable  the readable paths, if they are looked at
 *   status    true: the kind has no status subresource */
#ifndef ROWS_H
#define ROWS_H

#include <criterion/parameterized.h>

#include "fixture.h"

/* Numbers 0… for each row of the file. */
struct criterion_test_params rows_numbers(const char *path);
void rows_run(const char *path, size_t number);

#endif
