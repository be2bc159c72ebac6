/* A credential at work: a folder of its own, a loop, and what its callbacks were told. */
#ifndef HF_TEST_CREDENTIAL_DESK_H
#define HF_TEST_CREDENTIAL_DESK_H

#include "holdfast/kubeconfig.h"

#define V1 "client.authentication.k8s.io/v1"
#define PEM(name) "-----BEGIN " name "-----\nAAAA\n-----END " name "-----\n"

struct desk {
    char folder[64];
    char script[96]; /* the plugin */
    char file[96];
    struct hf_loop *loop;
    struct hf_timer *watchdog;
    struct hf_timer *pause;
    struct hf_credential *credential;
    struct hf_access access;
    struct hf_exec_plugin plugin;
    int called;
    bool hung;
    char bearer[128];
    char cert[128];
    char header[128];
    struct hf_error err;
};

void open_desk(struct desk *desk);
void close_desk(struct desk *desk);
void write_text(const char *path, const char *text);
/* A plugin of these shell lines; each run is counted in the file "runs". */
void use_plugin(struct desk *desk, const char *lines);
int runs(const struct desk *desk);
/* Makes the credential of desk->access. */
void start(struct desk *desk);
/* Runs the loop until it is stopped; fails after 30 s. */
void run(struct desk *desk);
void pause_for(struct desk *desk, int64_t ms);
/* Asks for the login and waits for the answer. */
void get(struct desk *desk);

#endif
