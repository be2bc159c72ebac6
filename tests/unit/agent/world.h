/* A world for the agent: a clock that only a test moves, a cluster of a few objects whose watch and answers are late,
 * lost or out of step, and a trail that takes its time. */
#ifndef TEST_AGENT_WORLD_H
#define TEST_AGENT_WORLD_H

#include "holdfast/agent.h"

#define WORLD_OBJECTS 8
#define WORLD_QUEUE 4096
#define WORLD_EVENTS 8192

struct world_object {
    const char *api_version;
    const char *kind;
    const char *namespace;
    const char *name;
    bool exists;
    bool terminating;
    int value;
    int generation; /* makes the uid */
    uint64_t rv;
    const char *manager;
};

enum message_kind { MESSAGE_CHANGE, MESSAGE_DELETED, MESSAGE_ANSWER, MESSAGE_DURABLE };

struct message {
    enum message_kind kind;
    uint64_t ticket;
    uint64_t scope;
    int object;
    struct world_object state; /* as it was */
    enum hf_code code;
    char text[120];
};

struct scope_of {
    uint64_t id;
    char kind[64];
    char namespace[64];
};

struct told {
    char type[40];
    char incident[40];
    char name[64];
    char message[300];
    bool alert;
    bool durable;
};

struct world {
    struct hf_agent *agent;
    int64_t mono;
    int64_t wake_at;
    uint32_t seed;
    uint64_t rv;
    struct world_object objects[WORLD_OBJECTS];
    int object_count;
    struct scope_of scopes[32];
    int scope_count;
    struct message watch[WORLD_QUEUE]; /* in order */
    int watch_first;
    int watch_last;
    struct message answers[WORLD_QUEUE]; /* any order */
    int answer_count;
    struct message durable[WORLD_QUEUE]; /* in order */
    int durable_first;
    int durable_last;
    struct told events[WORLD_EVENTS];
    int event_count;
    int applies;
    int gets;
    int removals;
    bool last_was_orphaning;
    int in_flight[WORLD_OBJECTS];
    int most_in_flight; /* of one object */
    int unrecorded_applies;
    int intents[WORLD_OBJECTS]; /* told, not yet used up by an apply */
    int durable_intents[WORLD_OBJECTS];
    bool trail_is_full;
    bool refuse_with_422;
    bool kind_unserved;
    int wanted;            /* the value that the units ask for */
    enum hf_code get_code; /* HF_OK: reads are answered */
    bool cut_off;          /* nothing can be sent */
};

struct world *world_new(bool correct, unsigned fight_times);
struct world *world_new_paced(bool correct, unsigned fight_times, unsigned looked_at_a_ms);
void world_free(struct world *world);
int world_add(struct world *world, const char *api_version, const char *kind, const char *namespace, const char *name);
/* Units of all objects, one each, with "order" i; problem: the index of one that can't be read, or -1. */
void world_units(struct world *world, int problem);
void world_start(struct world *world); /* discovery, units, first lists of what exists */
void world_list(struct world *world, uint64_t scope);
void world_list_open(struct world *world, uint64_t scope); /* its items, and not its end */
void world_drift(struct world *world, int object, int value, const char *manager);
void world_delete(struct world *world, int object);
void world_deliver_watch(struct world *world);
void world_deliver_answer(struct world *world, int index, bool lost);
void world_deliver_durable(struct world *world);
void world_settle(struct world *world); /* all that is under way arrives, the clock moves, until nothing happens */
int world_count(const struct world *world, const char *type);
uint32_t world_random(struct world *world);
enum hf_verdict world_verdict(struct world *world, int object);

#endif
