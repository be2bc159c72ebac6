/* Resource quantities by exact value (k8s.io/apimachinery/pkg/api/resource): counted in nano, rounded up, as Kubernetes stores them. */
#include "holdfast/drift.h"

__extension__ typedef unsigned __int128 wide;

#define MOST_DIGITS 21
#define WIDEST (~(wide)0)

struct quantity {
    bool negative;
    wide nano; /* WIDEST: larger than can be counted */
};

static wide times(wide number, wide factor)
{
    return factor != 0 && number > WIDEST / factor ? WIDEST : number * factor;
}

/* number × 10^power, rounded up. */
static wide scale(wide number, int64_t power)
{
    if (number == 0) {
        return 0;
    }
    for (; power > 0 && number != WIDEST; power--) {
        number = times(number, 10);
    }
    bool rest = false;
    for (; power < 0 && (number != 0 || rest); power++) {
        rest |= number % 10 != 0;
        number /= 10;
        if (number == 0) {
            break;
        }
    }
    return rest && number != WIDEST ? number + 1 : number;
}

static bool suffix_of(struct hf_slice text, int64_t *power, unsigned *bits)
{
    static const struct {
        const char *name;
        int power;
        unsigned bits;
    } SUFFIXES[] = {{"", 0, 0},    {"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0},  {"k", 3, 0},   {"M", 6, 0},   {"G", 9, 0},  {"T", 12, 0},
                    {"P", 15, 0},  {"E", 18, 0},  {"Ki", 0, 10}, {"Mi", 0, 20}, {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50}, {"Ei", 0, 60}};
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        if (hf_slice_is(text, SUFFIXES[i].name)) {
            *power = SUFFIXES[i].power;
            *bits = SUFFIXES[i].bits;
            return true;
        }
    }
    *bits = 0;
    if (text.len < 2 || (text.ptr[0] != 'e' && text.ptr[0] != 'E')) {
        return false;
    }
    text.ptr++;
    text.len--;
    if (text.ptr[0] == '+') {
        text.ptr++;
        text.len--;
    }
    return hf_parse_int(text, -1000, 1000, power);
}

static bool read_digits(struct hf_slice *text, wide *number, unsigned *digits, int64_t *count)
{
    *count = 0;
    while (text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9') {
        if (*digits > 0 || text->ptr[0] != '0') {
            if (++*digits > MOST_DIGITS) {
                return false;
            }
        }
        *number = *number * 10 + (wide)(unsigned char)(text->ptr[0] - '0');
        ++*count;
        text->ptr++;
        text->len--;
    }
    return true;
}

static bool read_quantity(struct hf_slice text, struct quantity *out)
{
    *out = (struct quantity){0};
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        out->negative = text.ptr[0] == '-';
        text.ptr++;
        text.len--;
    }
    wide number = 0;
    unsigned digits = 0;
    int64_t whole;
    int64_t fraction = 0;
    if (!read_digits(&text, &number, &digits, &whole)) {
        return false;
    }
    if (text.len > 0 && text.ptr[0] == '.') {
        text.ptr++;
        text.len--;
        if (!read_digits(&text, &number, &digits, &fraction)) {
            return false;
        }
    }
    int64_t power;
    unsigned bits;
    if (whole + fraction == 0 || !suffix_of(text, &power, &bits)) {
        return false;
    }
    out->nano = scale(times(number, (wide)1 << bits), 9 + power - fraction);
    if (out->nano == 0) {
        out->negative = false;
    }
    return true;
}

bool hf_quantity_compare(struct hf_slice a, struct hf_slice b, int *order)
{
    struct quantity left;
    struct quantity right;
    if (!read_quantity(a, &left) || !read_quantity(b, &right)) {
        return false;
    }
    if (left.negative != right.negative) {
        *order = left.negative ? -1 : 1;
        return true;
    }
    int magnitude = (left.nano > right.nano) - (left.nano < right.nano);
    *order = left.negative ? -magnitude : magnitude;
    return true;
}
