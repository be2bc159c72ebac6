/* Two texts, a line each: an order of quantities is the same from both sides, and a quantity is equal to itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/drift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size ? memchr(text, '\n', size) : NULL;
    struct hf_slice a = {text, end ? (size_t)(end - text) : size};
    struct hf_slice b = end ? (struct hf_slice){end + 1, size - a.len - 1} : (struct hf_slice){"1", 1};
    int forth = 0;
    int back = 0;
    bool both = hf_quantity_compare(a, b, &forth);
    must(both == hf_quantity_compare(b, a, &back));
    must(forth == -back);
    if (hf_quantity_compare(a, a, &forth)) {
        must(forth == 0);
    }
    return 0;
}
