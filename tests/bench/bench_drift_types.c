/* How long reading types takes, which happens on the loop: usage: bench_drift_types [OPENAPI.json …] */
#include <stdio.h>
#include <stdlib.h>

#include "holdfast/clock.h"
#include "holdfast/embedded.h"
#include "holdfast/types.h"

#define ROUNDS 20

static void fail(const char *text)
{
    fprintf(stderr, "bench_drift_types: %s\n", text);
    exit(1);
}

/* The best and the worst of some rounds. */
static void bench(const char *name, const char *json, size_t len, const struct hf_type_want *wants, size_t count)
{
    int64_t best = INT64_MAX;
    int64_t worst = 0;
    size_t kinds = 0;
    size_t size = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct hf_error err = HF_ERROR_INIT;
        struct hf_types *types;
        int64_t since = hf_mono_us();
        if (hf_types_from_openapi(json, len, wants, count, &types, &err) != 0) {
            fail(err.text);
        }
        int64_t took = hf_mono_us() - since;
        best = took < best ? took : best;
        worst = took > worst ? took : worst;
        kinds = hf_types_count(types);
        size = hf_types_size(types);
        hf_types_free(types);
    }
    printf("%-44s %7zu kB   %4zu kinds   %6.1f to %6.1f ms   %6zu kB kept\n", name, len / 1024, kinds,
           (double)best / 1e3, (double)worst / 1e3, size / 1024);
}

static void bench_both(const char *name, const char *json, size_t len)
{
    static const struct hf_type_want SOME[] = {
        {"apps", "v1", "Deployment"}, {"", "v1", "Service"}, {"", "v1", "Secret"}};
    bench(name, json, len, NULL, 0);
    bench("  … of it Deployment, Service and Secret", json, len, SOME, 3);
}

int main(int argc, char **argv)
{
    const struct hf_embedded *file = hf_embedded_find("schema/kubernetes-openapi.json");
    if (!file) {
        fail("no extract is built in");
    }
    bench_both("the built-in extract", file->bytes, file->size);
    for (int i = 1; i < argc; i++) {
        hf_auto_buf struct hf_buf json = {0};
        struct hf_error err = HF_ERROR_INIT;
        if (hf_read_file(argv[i], (size_t)64 << 20, &json, &err) != 0) {
            fail(err.text);
        }
        bench_both(argv[i], json.ptr, json.len);
    }
    return 0;
}
