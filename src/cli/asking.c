#include "asking.h"

#include <string.h>
#include <time.h>

#include "holdfast/json.h"
#include "holdfast/mem.h"

#define LOOK_MS 50
#define TAKEN_WITHIN_MS 10000
#define MOST_MS (15 * INT64_C(60000)) /* ConfigHub's own limit for an action, and some */

struct talk {
    hf_asking_fn each;
    void *ctx;
    bool is_taken;
    int exit_code; /* -1: not over */
};

static int take_line(struct talk *talk, struct hf_slice line, struct hf_error *err)
{
    const struct hf_value *value;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    if (hf_json_read(arena, line.ptr, line.len, NULL, &value, err) != 0) {
        return hf_error_wrap(err, "the agent's answer");
    }
    const char *state = hf_value_text(hf_value_get(value, "state"));
    const char *message = hf_value_text(hf_value_get(value, "message"));
    if (!state || !message) {
        return hf_error_set(err, HF_EPARSE, "the agent's answer has no state or no message");
    }
    talk->is_taken = true;
    talk->each(talk->ctx, state, message);
    if (strcmp(state, "done") == 0) {
        talk->exit_code = HF_EXIT_OK;
    } else if (strcmp(state, "failed") == 0 || strcmp(state, "refused") == 0) {
        talk->exit_code = HF_EXIT_FOUND;
    }
    return 0;
}

static int take_lines(struct talk *talk, const struct hf_buf *lines, struct hf_error *err)
{
    size_t at = 0;
    while (at < lines->len) {
        const char *end = memchr(lines->ptr + at, '\n', lines->len - at);
        size_t len = end ? (size_t)(end - lines->ptr) - at : lines->len - at;
        if (take_line(talk, (struct hf_slice){lines->ptr + at, len}, err) != 0) {
            return -1;
        }
        at += len + 1;
    }
    return 0;
}

static void wait_a_little(void)
{
    const struct timespec pause = {0, LOOK_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

int hf_asking(const char *folder, struct hf_ask *ask, hf_asking_fn each, void *ctx, struct hf_error *err)
{
    char id[HF_ASK_ID];
    size_t offset = 0;
    struct talk talk = {each, ctx, false, -1};
    int64_t begun = hf_mono_ms();
    ask->by = hf_command_who();
    ask->at_ms = hf_now_ms();
    if (hf_ask_submit(folder, ask, id, err) != 0) {
        return -1;
    }
    for (;;) {
        hf_auto_buf struct hf_buf lines = {0};
        if (hf_ask_answers(folder, id, &offset, &lines, err) != 0 || take_lines(&talk, &lines, err) != 0) {
            return -1;
        }
        if (talk.exit_code >= 0) {
            return talk.exit_code;
        }
        int64_t waited = hf_mono_ms() - begun;
        if (!talk.is_taken && waited > TAKEN_WITHIN_MS && hf_ask_withdraw(folder, id)) {
            return hf_error_set(err, HF_ETIMEOUT,
                                "the agent has not taken it up within %d s: does it run, with this database? It is "
                                "taken back; nothing was done",
                                TAKEN_WITHIN_MS / 1000);
        }
        if (waited > MOST_MS) {
            return hf_error_set(err, HF_ETIMEOUT, "the agent gives no last answer: see the trail for %s", id);
        }
        wait_a_little();
    }
}
