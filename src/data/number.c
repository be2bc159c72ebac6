#include "number.h"

#include "holdfast/value.h"

#define FARTHEST 1000000000000000000 /* of an exponent; what lies beyond is as good as endless */

static size_t count_digits(struct hf_slice text)
{
    size_t count = 0;
    while (count < text.len && text.ptr[count] >= '0' && text.ptr[count] <= '9') {
        count++;
    }
    return count;
}

static void skip(struct hf_slice *text, size_t count)
{
    text->ptr += count;
    text->len -= count;
}

static bool read_exponent(struct hf_slice *text, int64_t *exponent)
{
    *exponent = 0;
    if (text->len == 0 || (text->ptr[0] != 'e' && text->ptr[0] != 'E')) {
        return true;
    }
    skip(text, 1);
    bool negative = text->len > 0 && text->ptr[0] == '-';
    if (text->len > 0 && (text->ptr[0] == '-' || text->ptr[0] == '+')) {
        skip(text, 1);
    }
    size_t count = count_digits(*text);
    if (count == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        *exponent = *exponent > FARTHEST / 10 ? FARTHEST : *exponent * 10 + (text->ptr[i] - '0');
    }
    if (*exponent > FARTHEST) {
        *exponent = FARTHEST;
    }
    if (negative) {
        *exponent = -*exponent;
    }
    skip(text, count);
    return true;
}

/* Takes zeros off both ends of the digits, moving the point along. */
static void normalise(struct hf_number *number)
{
    size_t zeros = 0;
    while (number->head.len > 0 && number->head.ptr[0] == '0') {
        skip(&number->head, 1);
    }
    number->point += (int64_t)number->head.len;
    while (number->tail.len > 0 && number->tail.ptr[number->tail.len - 1] == '0') {
        number->tail.len--;
    }
    if (number->head.len == 0) {
        while (zeros < number->tail.len && number->tail.ptr[zeros] == '0') {
            zeros++;
        }
        skip(&number->tail, zeros);
        number->point -= (int64_t)zeros;
    }
    if (number->tail.len == 0) {
        while (number->head.len > 0 && number->head.ptr[number->head.len - 1] == '0') {
            number->head.len--;
        }
    }
    number->digits = number->head.len + number->tail.len;
    if (number->digits == 0) {
        number->negative = false;
        number->point = 0;
    }
}

bool hf_number_read(struct hf_slice text, struct hf_number *out)
{
    *out = (struct hf_number){0};
    if (text.len > 0 && text.ptr[0] == '-') {
        out->negative = true;
        skip(&text, 1);
    }
    size_t count = count_digits(text);
    if (count == 0 || (count > 1 && text.ptr[0] == '0')) {
        return false;
    }
    out->head = (struct hf_slice){text.ptr, count};
    skip(&text, count);
    out->tail = (struct hf_slice){text.ptr, 0};
    if (text.len > 0 && text.ptr[0] == '.') {
        skip(&text, 1);
        count = count_digits(text);
        if (count == 0) {
            return false;
        }
        out->tail = (struct hf_slice){text.ptr, count};
        skip(&text, count);
    }
    if (!read_exponent(&text, &out->point) || text.len != 0) {
        return false;
    }
    normalise(out);
    return true;
}

char hf_number_digit(const struct hf_number *number, size_t index)
{
    return index < number->head.len ? number->head.ptr[index] : number->tail.ptr[index - number->head.len];
}

bool hf_number_int(const struct hf_number *number, int64_t *out)
{
    *out = 0;
    if (number->digits == 0) {
        return true;
    }
    if (number->point < (int64_t)number->digits || number->point > 19) {
        return false;
    }
    int64_t value = 0;
    for (size_t i = 0; i < (size_t)number->point; i++) {
        int64_t digit = i < number->digits ? hf_number_digit(number, i) - '0' : 0;
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) { /* downwards: INT64_MIN has no positive */
            return false;
        }
    }
    if (!number->negative && __builtin_sub_overflow((int64_t)0, value, &value)) {
        return false;
    }
    *out = value;
    return true;
}

static int compare_digits(const struct hf_number *a, const struct hf_number *b)
{
    if (a->point != b->point) {
        return a->point < b->point ? -1 : 1;
    }
    for (size_t i = 0; i < a->digits && i < b->digits; i++) {
        char left = hf_number_digit(a, i);
        char right = hf_number_digit(b, i);
        if (left != right) {
            return left < right ? -1 : 1;
        }
    }
    return (a->digits > b->digits) - (a->digits < b->digits);
}

int hf_number_compare(struct hf_slice left, struct hf_slice right)
{
    struct hf_number a;
    struct hf_number b;
    if (!hf_number_read(left, &a) || !hf_number_read(right, &b)) {
        return hf_slice_compare(left, right);
    }
    if (a.digits == 0 || b.digits == 0 || a.negative != b.negative) {
        int sign_a = a.digits == 0 ? 0 : a.negative ? -1 : 1;
        int sign_b = b.digits == 0 ? 0 : b.negative ? -1 : 1;
        return (sign_a > sign_b) - (sign_a < sign_b);
    }
    return a.negative ? compare_digits(&b, &a) : compare_digits(&a, &b);
}
