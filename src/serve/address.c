#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "holdfast/digest.h"

#define BURST 10 /* seconds' worth of requests at once */
#define MOST_FAILURES 10
#define FAILURES_MS 60000

static const unsigned char MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_v4(const struct hf_address *address)
{
    return memcmp(address->bytes, MAPPED, sizeof MAPPED) == 0;
}

bool hf_address_read(struct hf_slice text, struct hf_address *out)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']') {
        text = (struct hf_slice){text.ptr + 1, text.len - 2};
    }
    if (text.len == 0 || text.len >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    memcpy(out->bytes, MAPPED, sizeof MAPPED);
    return inet_pton(AF_INET, copy, out->bytes + sizeof MAPPED) == 1 || inet_pton(AF_INET6, copy, out->bytes) == 1;
}

bool hf_address_of(const struct sockaddr *from, struct hf_address *out)
{
    if (from && from->sa_family == AF_INET) {
        memcpy(out->bytes, MAPPED, sizeof MAPPED);
        memcpy(out->bytes + sizeof MAPPED, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
        return true;
    }
    if (from && from->sa_family == AF_INET6) {
        memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
        return true;
    }
    return false;
}

void hf_address_text(const struct hf_address *address, char out[HF_ADDRESS_TEXT])
{
    bool v4 = is_v4(address);
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? sizeof MAPPED : 0), out, HF_ADDRESS_TEXT)) {
        out[0] = 0;
    }
}

int hf_network_read(const char *text, struct hf_network *out, struct hf_error *err)
{
    size_t len = strcspn(text, "/");
    int64_t bits;
    if (!hf_address_read((struct hf_slice){text, len}, &out->address)) {
        return hf_error_set(err, HF_EINVAL, "found \"%.60s\", expected an address or a network such as 10.1.0.0/16",
                            text);
    }
    bool v4 = is_v4(&out->address) && !memchr(text, ':', len);
    bits = v4 ? 32 : 128;
    if (text[len] && !hf_parse_int(hf_slice_of(text + len + 1), 0, bits, &bits)) {
        return hf_error_set(err, HF_EINVAL, "found \"%.60s\", expected at most %d bits behind the /", text,
                            v4 ? 32 : 128);
    }
    out->bits = (unsigned)bits + (v4 ? 96 : 0);
    return 0;
}

bool hf_network_has(const struct hf_network *network, const struct hf_address *address)
{
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(network->address.bytes, address->bytes, whole) != 0) {
        return false;
    }
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return rest == 0 || ((network->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

int hf_book_begin(struct hf_book *book, struct hf_error *err)
{
    memset(book, 0, sizeof *book);
    if (hf_random(&book->seed, sizeof book->seed, err) != 0) {
        return -1;
    }
    int failed = pthread_mutex_init(&book->lock, NULL);
    return failed ? hf_error_set(err, HF_ENOMEM, "no memory for the server") : 0;
}

void hf_book_end(struct hf_book *book)
{
    pthread_mutex_destroy(&book->lock);
}

/* FNV-1a; the seed keeps others from choosing addresses that fall into one set. */
static unsigned place_of(const struct hf_book *book, const struct hf_address *address)
{
    unsigned hash = 2166136261u ^ book->seed;
    for (size_t i = 0; i < sizeof address->bytes; i++) {
        hash = (hash ^ address->bytes[i]) * 16777619u;
    }
    return (hash ^ hash >> 16) % HF_BOOK_SETS;
}

struct hf_address hf_address_house(const struct hf_address *address)
{
    struct hf_address house = *address;
    if (!is_v4(&house)) {
        memset(house.bytes + 8, 0, 8);
    }
    return house;
}

/* Lock held. The address's row, made where there is none yet. */
static struct hf_book_row *find(struct hf_book *book, const struct hf_address *address, int64_t now_ms)
{
    struct hf_address key = hf_address_house(address);
    struct hf_book_row *set = book->rows[place_of(book, &key)];
    struct hf_book_row *oldest = &set[0];
    for (size_t i = 0; i < HF_BOOK_WAYS; i++) {
        if (set[i].used && memcmp(&set[i].address, &key, sizeof key) == 0) {
            return &set[i];
        }
        if (!set[i].used || (oldest->used && set[i].last_ms < oldest->last_ms)) {
            oldest = &set[i];
        }
    }
    *oldest = (struct hf_book_row){
        .used = true, .address = key, .last_ms = now_ms, .left_thousandths = INT64_MAX, .failed_ms = now_ms};
    return oldest;
}

unsigned hf_book_ask(struct hf_book *book, const struct hf_address *address, unsigned per_second, int64_t now_ms)
{
    int64_t most = (int64_t)per_second * BURST * 1000;
    if (per_second == 0) {
        return 0;
    }
    pthread_mutex_lock(&book->lock);
    struct hf_book_row *row = find(book, address, now_ms);
    int64_t passed = now_ms > row->last_ms ? now_ms - row->last_ms : 0;
    int64_t gained = passed > 1000 * BURST ? most : passed * (int64_t)per_second;
    row->left_thousandths = row->left_thousandths > most - gained ? most : row->left_thousandths + gained;
    row->last_ms = now_ms;
    bool free = row->left_thousandths >= 1000;
    row->left_thousandths -= free ? 1000 : 0;
    pthread_mutex_unlock(&book->lock);
    return free ? 0 : 1;
}

bool hf_book_failed(struct hf_book *book, const struct hf_address *address, int64_t now_ms)
{
    pthread_mutex_lock(&book->lock);
    struct hf_book_row *row = find(book, address, now_ms);
    if (now_ms - row->failed_ms >= FAILURES_MS) {
        row->failures = 0;
    }
    if (row->failures == 0) {
        row->failed_ms = now_ms;
    }
    row->failures++;
    row->last_ms = now_ms;
    bool shuts = row->failures == MOST_FAILURES;
    pthread_mutex_unlock(&book->lock);
    return shuts;
}

unsigned hf_book_shut(struct hf_book *book, const struct hf_address *address, int64_t now_ms)
{
    pthread_mutex_lock(&book->lock);
    const struct hf_book_row *row = find(book, address, now_ms);
    int64_t left = row->failed_ms + FAILURES_MS - now_ms;
    bool shut = row->failures >= MOST_FAILURES && left > 0;
    pthread_mutex_unlock(&book->lock);
    return shut ? (unsigned)((left + 999) / 1000) : 0;
}
