/* Resource quantities by exact value (k8s.io/apimachinery/pkg/api/resource): counted in nano, rounded up, as Kubernetes
 * stores them. */
#include "quantity.h"

#include "holdfast/drift.h"

__extension__ typedef unsigned __int128 wide;

#define WIDEST (~(wide)0)
#define ROOM ((wide)1 << 120)             /* a digit more can still be counted */
#define MOST_BINARY (((wide)1 << 63) - 1) /* what has a binary suffix is capped there */
#define NANO ((wide)1000000000)
#define MILLI_IN_NANO ((wide)1000000)

struct quantity {
    bool negative;
    wide nano; /* WIDEST: larger than can be counted */
};

static wide times(wide number, wide factor)
{
    return factor != 0 && number > WIDEST / factor ? WIDEST : number * factor;
}

/* number × 10^power, rounded up; rest: there was a bit more than number. */
static wide scale(wide number, bool rest, int64_t power)
{
    for (; power > 0 && number != 0 && number != WIDEST; power--) {
        number = times(number, 10);
    }
    for (; power < 0 && number != 0 && number != WIDEST; power++) {
        rest |= number % 10 != 0;
        number /= 10;
    }
    return rest && number != WIDEST ? number + 1 : number;
}

static bool suffix_of(struct hf_slice text, int64_t *power, unsigned *bits)
{
    static const struct {
        const char *name;
        int power;
        unsigned bits;
    } SUFFIXES[] = {{"", 0, 0},    {"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0}, {"k", 3, 0},   {"M", 6, 0},
                    {"G", 9, 0},   {"T", 12, 0},  {"P", 15, 0},  {"E", 18, 0}, {"Ki", 0, 10}, {"Mi", 0, 20},
                    {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50}, {"Ei", 0, 60}};
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
        if (text.len > 0 && text.ptr[0] == '-') {
            return false;
        }
    }
    return hf_parse_int(text, -1000, 1000, power);
}

struct digits {
    wide number;
    bool rest; /* digits behind the point that number has no room for, not all 0 */
    bool any;
    int64_t fraction; /* digits of number behind the point */
};

static void read_digits(struct hf_slice *text, struct digits *digits, bool is_fraction)
{
    for (; text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9'; text->ptr++, text->len--) {
        wide digit = (wide)(unsigned char)(text->ptr[0] - '0');
        digits->any = true;
        if (digits->number < ROOM) {
            digits->number = digits->number * 10 + digit;
            digits->fraction += is_fraction;
        } else if (is_fraction) {
            digits->rest |= digit != 0;
        } else {
            digits->number = WIDEST;
        }
    }
}

static bool read_quantity(struct hf_slice text, struct quantity *out)
{
    *out = (struct quantity){0};
    if (text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+')) {
        out->negative = text.ptr[0] == '-';
        text.ptr++;
        text.len--;
    }
    struct digits digits = {0};
    read_digits(&text, &digits, false);
    if (text.len > 0 && text.ptr[0] == '.') {
        text.ptr++;
        text.len--;
        read_digits(&text, &digits, true);
    }
    int64_t power;
    unsigned bits;
    if (!digits.any || !suffix_of(text, &power, &bits)) {
        return false;
    }
    out->nano = scale(times(digits.number, (wide)1 << bits), digits.rest, 9 + power - digits.fraction);
    if (bits > 0 && out->nano > MOST_BINARY * NANO) {
        out->nano = MOST_BINARY * NANO;
    }
    if (out->nano == 0) {
        out->negative = false;
    }
    return true;
}

static int order_of(const struct quantity *left, const struct quantity *right)
{
    if (left->negative != right->negative) {
        return left->negative ? -1 : 1;
    }
    int magnitude = (left->nano > right->nano) - (left->nano < right->nano);
    return left->negative ? -magnitude : magnitude;
}

bool hf_quantity_compare(struct hf_slice a, struct hf_slice b, int *order)
{
    struct quantity left;
    struct quantity right;
    if (!read_quantity(a, &left) || !read_quantity(b, &right)) {
        return false;
    }
    *order = order_of(&left, &right);
    return true;
}

bool hf_quantity_is_stored_as(struct hf_slice desired, struct hf_slice live, bool in_milli, bool *same)
{
    struct quantity left;
    struct quantity right;
    if (!read_quantity(desired, &left) || !read_quantity(live, &right)) {
        return false;
    }
    if (in_milli && left.nano < WIDEST - MILLI_IN_NANO) {
        left.nano = (left.nano + MILLI_IN_NANO - 1) / MILLI_IN_NANO * MILLI_IN_NANO;
    }
    *same = order_of(&left, &right) == 0;
    return true;
}
