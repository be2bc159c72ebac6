/* A desk where an agent's requests land: what it asks for is written down, and a test answers, in real documents and
 * with the shipped schema. */
#ifndef TEST_AGENT_DESK_H
#define TEST_AGENT_DESK_H

#include "holdfast/agent.h"

#define DESK_MOST 256

struct desk_request {
    char what[16]; /* "apply", "patch", "remove", "get"; "confirm", "apply_unit", "accept_unit" (body: the
                      rule) of a unit in ConfigHub */
    char kind[64];
    char name[64];
    char manager[64];
    char *body; /* of a remove: "UID VERSION" and " orphan" */
    uint64_t ticket;
    bool answered;
};

struct desk_event {
    char type[40];
    char severity[16];
    char name[64];
    char incident[40];
    char message[400];
    char detail[2000];
    bool alert;
};

struct desk {
    struct hf_agent *agent;
    struct hf_types *types;
    struct hf_rules *rules;
    int64_t mono;
    int64_t wake_at;
    uint32_t seed;
    struct desk_request requests[DESK_MOST];
    int request_count;
    struct desk_event events[DESK_MOST];
    int event_count;
    struct hf_agent_scope scopes[32];
    char scope_names[32][3][64]; /* what the scopes' texts point to */
    int scope_count;
    uint64_t tickets[DESK_MOST]; /* records that are to be told durable */
    int ticket_count;
    int unrecorded; /* writes that were asked for before any intent was durable */
    int intents;
    const char *not_served; /* a kind */
    struct hf_unit *units[16];
    int unit_count;
};

/* An agent with one target "dev" that corrects as "confighub"; pack: rules in YAML, NULL: none. The shipped packs are
 * behind it. */
struct desk *desk_new(const char *pack);
void desk_free(struct desk *desk);
/* Sets the unit of that slug; yaml NULL: it is gone. Then desk_units tells the agent. */
void desk_unit(struct desk *desk, const char *slug, const char *yaml);
void desk_unit_unreadable(struct desk *desk, const char *slug);
/* Makes the unit one of ConfigHub (unit_id "id-SLUG", space_id "space-id"). */
struct hf_unit *desk_hub(struct desk *desk, const char *slug, enum hf_unit_state state, enum hf_unit_mode mode,
                         int64_t revision);
void desk_units(struct desk *desk);
void desk_discovered(struct desk *desk);
/* Tells a list of one kind (in whatever namespace): objects in YAML documents, "" for none. */
void desk_list(struct desk *desk, const char *kind, const char *yaml);
void desk_list_rest(struct desk *desk); /* all scopes that were not listed, as empty */
void desk_change(struct desk *desk, const char *kind, const char *yaml);
void desk_deleted(struct desk *desk, const char *kind, const char *yaml);
void desk_refuse(struct desk *desk, const char *kind, enum hf_code code); /* the watch of a kind */
void desk_durable(struct desk *desk);
/* The oldest request that was not answered; NULL: there is none. Records are told durable first. */
struct desk_request *desk_next(struct desk *desk);
void desk_answer(struct desk *desk, struct desk_request *request, enum hf_code code, const char *text_or_yaml);
void desk_wait(struct desk *desk, int64_t ms); /* the clock moves, with every wake on the way */
int desk_count(const struct desk *desk, const char *type);
const struct desk_event *desk_last(const struct desk *desk, const char *type); /* NULL: there was none */
/* The verdict of an object in the agent's view, "" when it is not there; reason (may be NULL) is copied, 400 bytes. */
enum hf_verdict desk_verdict(struct desk *desk, const char *kind, const char *name, char *reason);

#endif
