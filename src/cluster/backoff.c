/* How long to wait before another try. */
#include "client.h"
#include "holdfast/clock.h"
#include "holdfast/digest.h"

int64_t hf_backoff_ms(unsigned failures, int64_t first_ms, int64_t max_ms, int64_t since_ms, uint32_t random)
{
    int64_t span = first_ms;
    for (unsigned i = 1; i < failures && span < max_ms; i++) {
        span *= 2;
    }
    span = span < max_ms ? span : max_ms;
    int64_t delay = failures > 0 ? span * (int64_t)(random >> 1) / INT32_MAX : 0;
    int64_t least = since_ms < HF_LEAST_GAP_MS ? HF_LEAST_GAP_MS - since_ms : 0;
    return delay > least ? delay : least;
}

uint32_t hf_any_number(void)
{
    uint32_t number = 0;
    struct hf_error err = HF_ERROR_INIT;
    return hf_random(&number, sizeof number, &err) == 0 ? number : (uint32_t)hf_mono_us() * 2654435761u;
}
