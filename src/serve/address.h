/* Addresses of clients: networks that are believed, and how often each address asks and fails. */
#ifndef HOLDFAST_SERVE_ADDRESS_H
#define HOLDFAST_SERVE_ADDRESS_H

#include <pthread.h>
#include <sys/socket.h>

#include "holdfast/clock.h"
#include "holdfast/error.h"
#include "holdfast/text.h"

struct hf_address { /* IPv4 as ::ffff:a.b.c.d */
    unsigned char bytes[16];
};

struct hf_network {
    struct hf_address address;
    unsigned bits; /* of 128 */
};

/* False: it is no IPv4 or IPv6 address. */
bool hf_address_read(struct hf_slice text, struct hf_address *out);
#define HF_ADDRESS_TEXT 48
void hf_address_text(const struct hf_address *address, char out[HF_ADDRESS_TEXT]);
bool hf_address_of(const struct sockaddr *from, struct hf_address *out);
/* Of IPv6 the first 64 bits: who has one has them all. */
struct hf_address hf_address_house(const struct hf_address *address);
/* "10.0.0.1", "10.1.0.0/16", "fd00::/8". HF_EINVAL. */
int hf_network_read(const char *text, struct hf_network *out, struct hf_error *err);
bool hf_network_has(const struct hf_network *network, const struct hf_address *address);

#define HF_BOOK_SETS 256
#define HF_BOOK_WAYS 8

struct hf_book_row {
    bool used;
    struct hf_address address; /* of IPv6 the first 64 bits: who has one has them all */
    int64_t last_ms;
    int64_t left_thousandths; /* of requests that are free now */
    unsigned failures;
    int64_t failed_ms; /* the first of them */
};

/* Bounded: where room is short, who was here longest ago is forgotten. Any thread. Times are monotonic. */
struct hf_book {
    pthread_mutex_t lock;
    unsigned seed;
    struct hf_book_row rows[HF_BOOK_SETS][HF_BOOK_WAYS];
};

int hf_book_begin(struct hf_book *book, struct hf_error *err);
void hf_book_end(struct hf_book *book);
/* Counts a request. 0, or how many seconds to wait; per_second 0: no limit. */
unsigned hf_book_ask(struct hf_book *book, const struct hf_address *address, unsigned per_second, int64_t now_ms);
/* A login or a token that was wrong. True: it is the one that shuts the address out. */
bool hf_book_failed(struct hf_book *book, const struct hf_address *address, int64_t now_ms);
/* Whether so many were wrong that no more are tried; how many seconds yet, else 0. */
unsigned hf_book_shut(struct hf_book *book, const struct hf_address *address, int64_t now_ms);

#endif
