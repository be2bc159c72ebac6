/* The port, and the kubeconfig that leads to it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

/* Only loopback: whoever reaches the port may do all. */
static int read_address(const char *text, struct sockaddr_in *out, struct hf_error *err)
{
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    int64_t port = 0;
    if (!colon || (size_t)(colon - text) >= sizeof host || !hf_parse_int(hf_slice_of(colon + 1), 0, 65535, &port)) {
        return hf_error_set(err, HF_EINVAL, "listen: found \"%s\", expected ADDRESS:PORT", text);
    }
    memcpy(host, text, (size_t)(colon - text));
    *out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &out->sin_addr) != 1 ||
        (ntohl(out->sin_addr.s_addr) >> 24) != 127) {
        return hf_error_set(err, HF_EINVAL, "listen: found \"%s\", expected a loopback address such as 127.0.0.1:0",
                            text);
    }
    return 0;
}

int sim_listen(const char *address, uint16_t port, uint16_t *bound, struct hf_error *err)
{
    struct sockaddr_in name;
    socklen_t len = sizeof name;
    int on = 1;
    if (read_address(address, &name, err) != 0) {
        return -1;
    }
    if (port != 0) {
        name.sin_port = htons(port);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "socket");
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&name, sizeof name) != 0 || listen(fd, 512) != 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) != 0) {
        hf_error_errno(err, HF_EIO, errno, "listen on %s", address);
        close(fd);
        return -1;
    }
    *bound = ntohs(name.sin_port);
    return fd;
}

static int write_all(int fd, const struct hf_buf *buf)
{
    for (size_t at = 0; at < buf->len;) {
        ssize_t len = write(fd, buf->ptr + at, buf->len - at);
        if (len < 0 && errno != EINTR) {
            return -1;
        }
        at += len > 0 ? (size_t)len : 0;
    }
    return 0;
}

int sim_write_kubeconfig(const char *path, uint16_t port, const char *token, struct hf_error *err)
{
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf temporary = {0};
    hf_buf_addf(&temporary, "%s.%ld", path, (long)getpid());
    hf_buf_addf(
        &text,
        "apiVersion: v1\nkind: Config\nclusters:\n- name: sim\n  cluster:\n    server: http://127.0.0.1:%u\nusers:\n"
        "- name: sim\n  user:%s",
        port, token ? "\n    token: " : " {}\n");
    if (token) {
        hf_buf_add_json(&text, hf_slice_of(token));
        hf_buf_adds(&text, "\n");
    }
    hf_buf_adds(&text, "contexts:\n- name: sim\n  context: {cluster: sim, user: sim}\ncurrent-context: sim\n");
    if (!hf_buf_ok(&text) || !hf_buf_ok(&temporary)) {
        return hf_error_set(err, HF_ENOMEM, "no memory for the kubeconfig");
    }
    int fd = open(hf_buf_text(&temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return hf_error_errno(err, HF_EIO, errno, "write %s", path);
    }
    int status = write_all(fd, &text);
    if (close(fd) != 0 || status != 0 || rename(hf_buf_text(&temporary), path) != 0) {
        hf_error_errno(err, HF_EIO, errno, "write %s", path);
        unlink(hf_buf_text(&temporary));
        return -1;
    }
    return 0;
}
