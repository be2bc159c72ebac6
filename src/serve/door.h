/* The listening daemon, which is made anew when its certificate changes; and connections that take too long. */
#ifndef HOLDFAST_SERVE_DOOR_H
#define HOLDFAST_SERVE_DOOR_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "holdfast/error.h"
#include "server.h"

struct MHD_Connection;

/* One daemon. The newest takes connections; those before it end what they have. */
struct hf_door {
    struct hf_serve *serve;
    struct MHD_Daemon *daemon;
    unsigned number;
    char *cert; /* NULL: no TLS */
    char *key;
    int64_t retired_ms; /* 0: it is the newest */
    struct hf_door *next;
};

/* Where a connection stands, by which it may take more or less time. */
enum hf_phase {
    HF_PHASE_HEAD,   /* the next request's headers have not all come */
    HF_PHASE_BODY,   /* its body has not */
    HF_PHASE_ANSWER, /* it is being answered */
    HF_PHASE_STREAM, /* for as long as it likes */
};

struct hf_line {
    int fd;
    enum hf_phase phase;
    int64_t since_ms;
    struct hf_line *next;
    struct hf_line **from;
};

struct hf_doors {
    struct hf_serve *serve;
    struct hf_door *first; /* the newest; changed by the thread that starts, renews and stops, and by the keeper */
    atomic_uint newest;    /* its number */
    int listen_fd;
    bool is_v6;
    unsigned threads;
    unsigned connections;
    unsigned per_address;
    unsigned idle_s;
    pthread_mutex_t lock; /* of first and of the lines */
    pthread_cond_t ending_news;
    bool ending;
    bool running;
    pthread_t keeper;
    struct hf_line *lines;
};

/* Takes over listen_fd. cert_pem NULL: no TLS. */
int hf_doors_begin(struct hf_doors *doors, const char *cert_pem, const char *key_pem, struct hf_error *err);
/* Another certificate for the connections from now on; those that are open end what they do. */
int hf_doors_renew(struct hf_doors *doors, const char *cert_pem, const char *key_pem, struct hf_error *err);
void hf_doors_end(struct hf_doors *doors);
void hf_line_phase(struct hf_serve *serve, struct MHD_Connection *connection, enum hf_phase phase);

/* tls.c: a certificate that is none, or a key of another, is told at the start and not at each handshake. */
int hf_tls_check(const char *cert_pem, const char *key_pem, struct hf_error *err);

bool hf_doors_is_old(struct hf_doors *doors, unsigned number);
unsigned hf_doors_newest(struct hf_doors *doors);

/* server.c: what a daemon calls. */
void hf_door_callbacks(struct hf_door *door, struct MHD_OptionItem *options); /* fills four, the last is the end */
enum MHD_Result hf_door_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **slot);

#endif
