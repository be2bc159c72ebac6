/* A simulated ConfigHub in a process of its own, a client of it and a source, for tests. */
#ifndef HF_TEST_CONFIGHUB_PLACE_H
#define HF_TEST_CONFIGHUB_PLACE_H

#include <criterion/criterion.h>
#include <sys/types.h>

#include "holdfast/clock.h"
#include "holdfast/confighub.h"
#include "holdfast/hub.h"
#include "holdfast/json.h"

#define TOKEN "right-token-4711"
#define DOCUMENT(name, value)                                                                                          \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name ", namespace: dev}\ndata: {a: \"" value "\"}\n"

struct place {
    char root[64];
    char url[128];  /* of the API */
    char host[128]; /* without /api */
    char target_id[64];
    pid_t hub_pid;
    struct hf_loop *loop;
    struct hf_http *http;
    struct hf_log *log;
    int log_fd;
    struct hf_timer *timer;
    struct hf_confighub *hub;
    struct hf_source *source;
    bool late;

    /* What the source told. */
    struct hf_unit **units;
    size_t count;
    unsigned told;   /* sets */
    unsigned states; /* with an error */
    struct hf_error state;
    bool (*wanted)(const struct place *place);

    /* Of the last request of the test itself. */
    int status;
    struct hf_arena *arena;
    const struct hf_value *answer;
    bool done;

    /* Of the last call of the client. */
    struct hf_error error;
    enum hf_confighub_outcome outcome;
    char result[64];
    char operation[80];
    int64_t revision;
    int64_t head;
    bool drifted;
    unsigned progressed;
    struct hf_buf data;
};

void place_open(struct place *place, const struct hf_hub_options *options);
void place_close(struct place *place);
/* A client with the right token in the variable HOLDFAST_TEST_TOKEN, unless options say otherwise. */
void place_client(struct place *place, const struct hf_confighub_options *options);
void place_source(struct place *place, const struct hf_confighub_selection *selection,
                  const struct hf_unit_store *store);
/* Runs until wanted holds (checked after each telling and each answer); fails after 10 s. */
void place_wait(struct place *place, bool (*wanted)(const struct place *place), const char *what);
void place_run(struct place *place, int64_t ms);
/* Asks the simulated ConfigHub itself; path is below the host. */
void place_ask(struct place *place, const char *method, const char *path, const char *body);
void place_fault(struct place *place, const char *json);
int64_t place_count(struct place *place, const char *name); /* of /sim/counts */

/* Ids of a space and of a unit, made when they are not there yet; the unit with the place's target. */
const char *place_space(struct place *place, const char *slug);
struct hf_confighub_unit place_make(struct place *place, const char *space, const char *slug, const char *data);
void place_patch(struct place *place, const struct hf_confighub_unit *unit, const char *json);
void place_revise(struct place *place, const struct hf_confighub_unit *unit, const char *data);
/* Applies head and waits until it is live. */
void place_apply(struct place *place, const struct hf_confighub_unit *unit);
const struct hf_unit *place_unit(const struct place *place, const char *slug); /* as told; NULL */

/* Callbacks of calls, which fill the place. */
struct hf_confighub_follower place_follower(struct place *place);
void place_changed(void *ctx, const struct hf_confighub_changed *unit, const struct hf_error *err);
void place_revision(void *ctx, const struct hf_confighub_revision *revision, const struct hf_error *err);
void place_done(struct place *place); /* waits for the callback */

/* A server of canned answers: each connection gets the next text and is closed; the last one for ever. */
pid_t canned_start(const char *const *answers, size_t count, char url[128], const char *log_path);

#endif
