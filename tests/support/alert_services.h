/* The services that alerts go to, as far as a sender can tell them from the real ones: what each asks of a request, and
 * how it answers. alert_services.c is the server, alert_chats.c and alert_machines.c are the services. */
#ifndef ALERT_SERVICES_H
#define ALERT_SERVICES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a service knows: its secrets, and what it was told before. */
struct desk {
    char token[80];
    cJSON *known;      /* by the names that the service gives or is given; values are its own */
    const char *links; /* what every link must begin with */
    unsigned count;
};

/* One request, and what comes of it. */
struct visit {
    struct desk *desk;
    const char *content_type; /* headers; "" when missing */
    const char *authorization;
    const char *id;
    const char *timestamp;
    const char *signature;
    const char *body;
    size_t len;
    cJSON *json; /* NULL: the body is no JSON */

    cJSON *findings; /* array of texts: what the service takes perhaps, and a sender should not send */
    int status;      /* of the answer; 0: nothing decided yet, so it is taken */
    const char *answer_type;
    char answer[2000];
    char about[300]; /* the incident, as the service tells one from another; "": not known */
    char thread[40]; /* a chat's name for the first message of a thread */
    char state[20];
    char title[400];
};

struct service {
    const char *name;
    const char *path; /* %s: the token */
    void (*take)(struct visit *visit);
    const char *gone_type; /* the answer to an address that is not there */
    const char *gone;
    const char *busy; /* the body of a 429, which may hold %g: seconds */
};
extern const struct service alert_chats[]; /* ends with a nameless one */
extern const struct service alert_machines[];

void find(struct visit *visit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first refusal is the answer; it is a finding too. */
void refuse(struct visit *visit, int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void accept_with(struct visit *visit, int status, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

size_t characters(const char *text);
/* "" when it is no text. */
const char *text_in(const cJSON *object, const char *name);
bool is_type(const struct visit *visit, const char *media_type);
/* Members of an object that are none of the names (ends with NULL). */
void know_members(struct visit *visit, const char *where, const cJSON *object, const char *const *names);
/* A text from least to most characters. */
bool is_within(struct visit *visit, const char *where, const char *text, size_t least, size_t most);
/* No text of the JSON may have control characters, marks that turn the writing direction, or what is no UTF-8. */
void read_all_texts(struct visit *visit, const cJSON *json);
bool is_time(const char *text);

#endif
