/* The units of a target in ConfigHub, read once. */
#include "check_hub.h"

#include <stdlib.h>

#include "holdfast/confighub.h"
#include "holdfast/loop.h"
#include "holdfast/mem.h"
#include "holdfast/run.h"

struct reading {
    struct hf_loop *loop;
    struct hf_unit **units;
    size_t count;
    bool has_units;
    struct hf_error problem;
};

static void on_units(void *ctx, struct hf_unit *const *units, size_t count)
{
    struct reading *reading = ctx;
    if (reading->has_units) {
        return;
    }
    reading->units = hf_calloc(count, sizeof *reading->units);
    for (size_t i = 0; reading->units && i < count; i++) {
        reading->units[reading->count++] = hf_unit_keep(units[i]);
    }
    reading->has_units = reading->units != NULL;
    hf_loop_stop(reading->loop);
}

static void on_state(void *ctx, const struct hf_error *state)
{
    struct reading *reading = ctx;
    if (state->code != HF_OK) {
        reading->problem = *state;
        hf_loop_stop(reading->loop);
    }
}

static int read_all(const struct hf_config *config, const struct hf_config_target *target, struct reading *reading,
                    struct hf_error *err)
{
    struct hf_log *log = hf_log_new(2, HF_ERROR, HF_LOGFMT);
    struct hf_http *http = hf_http_new(reading->loop, "holdfast/" HF_VERSION, err);
    struct hf_confighub *hub = NULL;
    struct hf_source *source = NULL;
    struct hf_source_events events = {reading, on_units, on_state};
    int result = http && log ? hf_run_hub_open(config, reading->loop, http, log, &hub, err) : -1;
    result = result == 0 ? hf_run_hub_select(hub, target->hub, &events, NULL, &source, err) : result;
    result = result == 0 ? hf_source_start(source, err) : result;
    result = result == 0 ? hf_loop_run(reading->loop, err) : result;
    hf_source_free(source);
    hf_confighub_close(hub);
    hf_http_free(http);
    hf_log_free(log);
    return result;
}

int hf_check_hub_units(const struct hf_config *config, const struct hf_config_target *target, struct hf_unit ***units,
                       size_t *count, struct hf_error *err)
{
    struct reading reading = {.problem = HF_ERROR_INIT};
    reading.loop = hf_loop_new(err);
    int result = reading.loop ? read_all(config, target, &reading, err) : -1;
    if (reading.loop) {
        hf_loop_free(reading.loop);
    }
    if (result == 0 && !reading.has_units) {
        result = reading.problem.code != HF_OK
                     ? hf_error_set(err, reading.problem.code, "%s", reading.problem.text)
                     : hf_error_set(err, HF_ENOMEM, "read the units of ConfigHub: out of memory");
    }
    if (result != 0) {
        for (size_t i = 0; i < reading.count; i++) {
            hf_unit_drop(reading.units[i]);
        }
        free(reading.units);
        return -1;
    }
    *units = reading.units;
    *count = reading.count;
    return 0;
}
