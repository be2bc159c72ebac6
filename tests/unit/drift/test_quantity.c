/* Quantities by exact value, as k8s.io/apimachinery/pkg/api/resource reads them. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "holdfast/drift.h"

struct pair {
    char left[48];
    char right[48];
    int order;
};

ParameterizedTestParameters(quantity, compares_by_exact_value)
{
    static struct pair pairs[] = {{"1000m", "1", 0},
                                  {"0.5", "500m", 0},
                                  {"1Gi", "1073741824", 0},
                                  {"1024Mi", "1Gi", 0},
                                  {"1e3", "1k", 0},
                                  {"1E3", "1000", 0},
                                  {"1E", "1000000000000000000", 0},
                                  {"100n", "0.1u", 0},
                                  {"0.1n", "1n", 0},
                                  {"1.0000000000000000000000000000000000000000", "1", 0},
                                  {"0.0000000000000000000000000000000000000001", "1n", 0},
                                  {"-1", "-1000m", 0},
                                  {"-0", "0", 0},
                                  {"+1", "1", 0},
                                  {".5", "500m", 0},
                                  {"5.", "5", 0},
                                  {"8Ei", "9223372036854775807", 0},
                                  {"16Ei", "8Ei", 0},
                                  {"1e-3", "1m", 0},
                                  {"1e999", "1e998", 0},
                                  {"1", "2", -1},
                                  {"-2", "1", -1},
                                  {"-2", "-1", -1},
                                  {"1Ki", "1k", 1},
                                  {"9223372036854775807", "9223372036854775806", 1},
                                  {"1.000000001", "1", 1}};
    return cr_make_param_array(struct pair, pairs, sizeof pairs / sizeof pairs[0]);
}

ParameterizedTest(struct pair *pair, quantity, compares_by_exact_value)
{
    int order = 9;
    cr_assert(hf_quantity_compare(hf_slice_of(pair->left), hf_slice_of(pair->right), &order), "%s, %s", pair->left,
              pair->right);
    cr_assert_eq(order, pair->order, "%s, %s: %d", pair->left, pair->right, order);
    cr_assert(hf_quantity_compare(hf_slice_of(pair->right), hf_slice_of(pair->left), &order));
    cr_assert_eq(order, -pair->order, "%s, %s", pair->right, pair->left);
}

struct text {
    char text[32];
};

ParameterizedTestParameters(quantity, what_is_none_is_refused)
{
    static struct text texts[] = {
        {""},    {"."},    {"-"},   {"1 "},    {" 1"},    {"1K"},  {"1ki"}, {"1mi"},
        {"0x1"}, {"1e"},   {"1e+"}, {"1e+-3"}, {"1.2.3"}, {"--1"}, {"Gi"},  {"1e99999999999999999999"},
        {"one"}, {"1Gi1"}, {"1,5"}};
    return cr_make_param_array(struct text, texts, sizeof texts / sizeof texts[0]);
}

ParameterizedTest(struct text *text, quantity, what_is_none_is_refused)
{
    int order;
    cr_assert_not(hf_quantity_compare(hf_slice_of(text->text), hf_slice_of("1"), &order), "%s", text->text);
}
