#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Splits "host:port"; brackets of an IPv6 address are kept out of host. */
static int split(const char *text, char *host, size_t size, bool *is_v6, uint16_t *port, struct hf_error *err)
{
    const char *colon = strrchr(text, ':');
    int64_t number;
    if (!colon || !hf_parse_int(hf_slice_of(colon + 1), 0, 65535, &number)) {
        return hf_error_set(err, HF_EINVAL,
                            "listen on \"%.60s\": expected an address and a port, such as 127.0.0.1:8484", text);
    }
    *port = (uint16_t)number;
    size_t len = (size_t)(colon - text);
    *is_v6 = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (*is_v6) {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= size) {
        return hf_error_set(err, HF_EINVAL, "listen: expected an address of this machine before the port");
    }
    memcpy(host, text, len);
    host[len] = '\0';
    if (strcasecmp(host, "localhost") == 0) {
        (void)snprintf(host, size, "127.0.0.1");
    }
    return 0;
}

static int fill(struct sockaddr_storage *to, socklen_t *size, const char *host, bool is_v6, uint16_t port,
                bool anywhere, struct hf_error *err)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
    bool loopback;
    memset(to, 0, sizeof *to);
    if (is_v6 && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *size = sizeof *v6;
        loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    } else if (!is_v6 && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *size = sizeof *v4;
        loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    } else {
        return hf_error_set(err, HF_EINVAL,
                            "listen on \"%.60s\": expected an IPv4 address, an IPv6 address in brackets, or "
                            "localhost",
                            host);
    }
    if (!loopback && !anywhere) {
        return hf_error_set(
            err, HF_EDENIED,
            "listen on \"%.60s\": refused, since everyone who reaches that address could read the dashboard; "
            "listen on 127.0.0.1 or [::1], and reach it from elsewhere through ssh or kubectl port-forward",
            host);
    }
    return 0;
}

static int open_socket(struct hf_listen *out, const struct sockaddr_storage *to, socklen_t size, struct hf_error *err)
{
    int on = 1;
    out->fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (out->fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "make a socket to listen on");
    }
    (void)setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (out->is_v6) {
        (void)setsockopt(out->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (bind(out->fd, (const struct sockaddr *)to, size) != 0 || listen(out->fd, 128) != 0) {
        enum hf_code code = errno == EADDRINUSE ? HF_EBUSY : errno == EACCES ? HF_EDENIED : HF_EIO;
        return hf_error_errno(err, code, errno, "listen on %s", out->host);
    }
    return 0;
}

static int read_at(struct hf_listen *out, const char *text, bool anywhere, struct sockaddr_storage *to, socklen_t *size,
                   struct hf_error *err)
{
    char host[INET6_ADDRSTRLEN + 8];
    uint16_t port = 0;
    memset(out, 0, sizeof *out);
    out->fd = -1;
    if (split(text, host, sizeof host, &out->is_v6, &port, err) != 0 ||
        fill(to, size, host, out->is_v6, port, anywhere, err) != 0) {
        return -1;
    }
    (void)snprintf(out->host, sizeof out->host, out->is_v6 ? "[%s]" : "%s", host);
    return 0;
}

int hf_listen_read(struct hf_listen *out, const char *text, struct hf_error *err)
{
    struct sockaddr_storage to;
    socklen_t size = 0;
    return read_at(out, text, true, &to, &size, err);
}

static int open_at(struct hf_listen *out, const char *text, bool anywhere, struct hf_error *err)
{
    uint16_t port = 0;
    struct sockaddr_storage to;
    socklen_t size = 0;
    if (read_at(out, text, anywhere, &to, &size, err) != 0) {
        return -1;
    }
    struct sockaddr_storage real = {0};
    socklen_t real_size = sizeof real;
    int result = open_socket(out, &to, size, err);
    if (result == 0 && getsockname(out->fd, (struct sockaddr *)&real, &real_size) != 0) {
        result = hf_error_errno(err, HF_EIO, errno, "ask for the port listened on");
    }
    if (result != 0) {
        if (out->fd >= 0) {
            close(out->fd);
        }
        out->fd = -1;
        return -1;
    }
    port = out->is_v6 ? ((struct sockaddr_in6 *)&real)->sin6_port : ((struct sockaddr_in *)&real)->sin_port;
    (void)snprintf(out->address, sizeof out->address, "http://%s:%u", out->host, (unsigned)ntohs(port));
    return 0;
}

int hf_listen_open(struct hf_listen *out, const char *text, struct hf_error *err)
{
    return open_at(out, text, false, err);
}

int hf_listen_anywhere(struct hf_listen *out, const char *text, struct hf_error *err)
{
    return open_at(out, text, true, err);
}

static bool is_host(const char *header, const char *host)
{
    size_t len = strlen(host);
    int64_t port;
    if (strncasecmp(header, host, len) != 0) {
        return false;
    }
    return header[len] == '\0' || (header[len] == ':' && hf_parse_int(hf_slice_of(header + len + 1), 1, 65535, &port));
}

bool hf_host_is_local(const char *header, const char *host)
{
    return header && (is_host(header, "localhost") || is_host(header, "127.0.0.1") || is_host(header, "[::1]") ||
                      is_host(header, host));
}

bool hf_listen_is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}
