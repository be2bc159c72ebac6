/* Where the server listens, and whom it believes to be asked for. */
#ifndef HOLDFAST_SERVE_LISTEN_H
#define HOLDFAST_SERVE_LISTEN_H

#include "holdfast/error.h"
#include "holdfast/text.h"

struct hf_listen {
    int fd;
    bool is_v6;
    char host[64];    /* "127.0.0.1", "[::1]" */
    char address[96]; /* "http://127.0.0.1:8484" */
};

/* Opens a listening socket on "127.0.0.1:8484", "[::1]:0" or "localhost:8484". HF_EDENIED for an address that is not
 * loopback, HF_EINVAL for what is no address, HF_EIO, HF_EBUSY when it is in use. The caller closes fd. */
int hf_listen_open(struct hf_listen *out, const char *text, struct hf_error *err);
/* The same on any address: only for what has access control of its own. */
int hf_listen_anywhere(struct hf_listen *out, const char *text, struct hf_error *err);

/* Reads the address alone; fd is -1. HF_EINVAL. */
int hf_listen_read(struct hf_listen *out, const char *text, struct hf_error *err);
bool hf_listen_is_loopback(const char *host); /* as it stands in struct hf_listen */

/* Whether a Host header names this machine by an address or by localhost, with or without a port: a page of another
 * site whose name was pointed at 127.0.0.1 (DNS rebinding) sends its own name. */
bool hf_host_is_local(const char *header, const char *host);

#endif
