/* ../shared/reference/false-alarms.md, row by row: where drift detectors cry wolf, and where they sleep. */
#include <criterion/criterion.h>

#include "rows.h"

#define TABLE HF_SOURCE_DIR "/tests/fixtures/drift/false-alarms.yaml"

ParameterizedTestParameters(false_alarms, no_false_alarm_and_no_missed_change)
{
    return rows_numbers(TABLE);
}

ParameterizedTest(size_t *number, false_alarms, no_false_alarm_and_no_missed_change)
{
    rows_run(TABLE, *number);
}
