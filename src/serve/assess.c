/* One sentence for the person who was woken: is anything wrong, is it being handled, do I have to act? */
#include <string.h>

#include "view.h"

/* A drift that a target puts back by itself should be gone by then (architecture: time limits). */
#define LATE_MS 30000
#define PROBLEMS 20 /* told one by one; the rest is counted */

const char *hf_state_name(enum hf_state state)
{
    static const char *const NAMES[] = {[HF_STATE_WELL] = "well",
                                        [HF_STATE_HANDLED] = "handled",
                                        [HF_STATE_ACT] = "act",
                                        [HF_STATE_STARTING] = "starting"};
    return NAMES[state];
}

void hf_assessment_free(struct hf_assessment *assessment)
{
    hf_buf_free(&assessment->sentence);
    hf_buf_free(&assessment->problems);
}

/* One line; what comes from outside is cut and made visible by hf_buf_add_safe. */
static void add_problem(struct hf_assessment *out, const char *before, const char *name, const char *between,
                        const char *text)
{
    struct hf_buf *to = &out->problems;
    if (out->problem_count++ >= PROBLEMS) {
        return;
    }
    if (to->len > 0) {
        hf_buf_addc(to, '\n');
    }
    hf_buf_adds(to, before);
    hf_buf_add_safe(to, hf_slice_of(name), 100);
    hf_buf_adds(to, between);
    hf_buf_add_safe(to, hf_slice_of(text), 300);
}

static bool is_text(const char *text)
{
    return text && text[0];
}

static bool corrects(const struct hf_view *view, const char *target)
{
    for (size_t i = 0; i < view->target_count; i++) {
        if (view->targets[i].name && target && strcmp(view->targets[i].name, target) == 0) {
            return view->targets[i].correction && strcmp(view->targets[i].correction, "auto") == 0;
        }
    }
    return false;
}

/* What is wrong with what holdfast stands on. */
static void add_dependencies(struct hf_assessment *out, const struct hf_view *view)
{
    for (size_t i = 0; i < view->target_count; i++) {
        const struct hf_view_target *target = &view->targets[i];
        bool lost = target->cluster_state && strcmp(target->cluster_state, "lost") == 0;
        if (lost || is_text(target->cluster_problem)) {
            add_problem(out, "the cluster of ", target->name, lost ? " is lost: " : ": ",
                        is_text(target->cluster_problem) ? target->cluster_problem : "no connection");
        }
        if (is_text(target->source_problem)) {
            add_problem(out, "the source of ", target->name, " can't be read: ", target->source_problem);
        }
    }
    if (is_text(view->trail_problem)) {
        add_problem(out, "the audit trail can't be written, so corrections wait", "", ": ", view->trail_problem);
    }
    for (size_t i = 0; i < view->channel_count; i++) {
        if (view->channels[i].failing) {
            add_problem(out, "alert channel ", view->channels[i].name, " is failing", "");
        }
    }
    for (size_t i = 0; i < view->unit_count; i++) {
        if (is_text(view->units[i].problem)) {
            add_problem(out, "unit ", view->units[i].slug, ": ", view->units[i].problem);
        }
    }
}

struct tally {
    size_t open;     /* differ and are put back by themselves */
    size_t late;     /* of these, for longer than LATE_MS */
    size_t observed; /* differ where only a person puts back */
    size_t person;   /* blocked, unknown, extra */
    size_t moving;   /* pending, terminating */
};

static struct tally count(const struct hf_view *view, const struct hf_view_index *index)
{
    struct tally tally = {0};
    for (size_t i = 0; i < view->object_count; i++) {
        const struct hf_view_object *object = index->worst[i];
        enum hf_rank rank = hf_rank_of(object->verdict);
        if (rank == HF_RANK_IN_SYNC) {
            break;
        }
        if (rank == HF_RANK_MISSING || rank == HF_RANK_DRIFTED) {
            if (!corrects(view, object->target)) {
                tally.observed++;
            } else if (object->since_ms != HF_TIME_NONE && view->made_ms - object->since_ms > LATE_MS) {
                tally.late++;
            } else {
                tally.open++;
            }
        } else if (rank == HF_RANK_TERMINATING || rank == HF_RANK_PENDING) {
            tally.moving++;
        } else {
            tally.person++;
        }
    }
    return tally;
}

static const char *are(size_t count)
{
    return count == 1 ? "is" : "are";
}

static void add_clause(struct hf_buf *out, const char *between, size_t count, const char *format)
{
    if (count > 0) {
        hf_buf_addf(out, "%s%zu %s %s", out->len > 0 && out->ptr[out->len - 1] != ' ' ? between : "", count, are(count),
                    format);
    }
}

static void act_sentence(struct hf_assessment *out, const struct hf_view_index *index, const struct tally *tally)
{
    struct hf_buf *to = &out->sentence;
    hf_buf_adds(to, "You have to act: ");
    add_clause(to, ", ", index->counts[HF_RANK_BLOCKED], "blocked");
    add_clause(to, ", ", index->counts[HF_RANK_UNKNOWN], "unknown");
    add_clause(to, ", ", index->counts[HF_RANK_EXTRA], "held by no unit");
    add_clause(to, ", ", tally->late, "not put back within 30 s");
    add_clause(to, ", ", tally->observed, "different where holdfast only observes");
    if (out->problem_count > 0) {
        hf_buf_adds(to, to->len > 0 && to->ptr[to->len - 1] == ' ' ? "" : "; ");
    }
    if (out->problem_count == 1) {
        hf_buf_add_safe(to, hf_slice_of(hf_buf_text(&out->problems)), 160);
    } else if (out->problem_count > 1) {
        hf_buf_addf(to, "%zu things that holdfast depends on fail", out->problem_count);
    }
    hf_buf_addc(to, '.');
    if (tally->open > 0) {
        hf_buf_addf(to, " %zu more %s being put back.", tally->open, are(tally->open));
    }
}

static void handled_sentence(struct hf_buf *to, const struct hf_view_index *index, const struct tally *tally)
{
    if (tally->open > 0) {
        hf_buf_adds(to, "Being put back: ");
        hf_buf_addf(to, "%zu %s", tally->open, tally->open == 1 ? "object" : "objects");
        hf_buf_addf(to, " (%zu drifted, %zu missing). ", index->counts[HF_RANK_DRIFTED],
                    index->counts[HF_RANK_MISSING]);
    }
    if (tally->moving > 0) {
        hf_buf_addf(to, "%zu %s in a rollout or going away. ", tally->moving, are(tally->moving));
    }
    hf_buf_adds(to, "Nothing for you to do.");
}

static void say(struct hf_assessment *out, const struct hf_view *view, const struct hf_view_index *index)
{
    struct hf_buf *to = &out->sentence;
    struct tally tally = count(view, index);
    add_dependencies(out, view);
    if (out->problem_count > PROBLEMS) {
        hf_buf_addf(&out->problems, "\nand %zu more", out->problem_count - PROBLEMS);
    }
    if (tally.person + tally.late + tally.observed > 0 || out->problem_count > 0) {
        out->state = HF_STATE_ACT;
        act_sentence(out, index, &tally);
    } else if (!view->ready) {
        out->state = HF_STATE_STARTING;
        hf_buf_adds(to, "Starting: not everything is read yet");
        if (is_text(view->not_ready)) {
            hf_buf_adds(to, " (");
            hf_buf_add_safe(to, hf_slice_of(view->not_ready), 200);
            hf_buf_adds(to, ")");
        }
        hf_buf_adds(to, ". Nothing to do.");
    } else if (tally.open + tally.moving > 0) {
        out->state = HF_STATE_HANDLED;
        handled_sentence(to, index, &tally);
    } else {
        out->state = HF_STATE_WELL;
        hf_buf_addf(to,
                    view->object_count == 1 ? "All is well: %zu object is as its unit says. Nothing to do."
                                            : "All is well: %zu objects are as their units say. Nothing to do.",
                    view->object_count);
    }
}

void hf_assess(struct hf_assessment *out, const struct hf_view *view, const struct hf_view_index *index,
               int64_t stuck_ms)
{
    memset(out, 0, sizeof *out);
    if (stuck_ms > 0) {
        char age[HF_TIME_TEXT];
        hf_duration_format(stuck_ms, age);
        out->state = HF_STATE_ACT;
        hf_buf_addf(&out->sentence, "You have to act: holdfast itself has stood still for %s. What is shown is old.",
                    age);
        add_problem(out, "the agent's loop does not turn", "", "", "");
        return;
    }
    if (!view) {
        out->state = HF_STATE_STARTING;
        hf_buf_adds(&out->sentence, "Starting: no cluster has been read yet. Nothing to do.");
        return;
    }
    if (!index) {
        out->state = HF_STATE_ACT;
        hf_buf_adds(&out->sentence, "You have to act: holdfast is short of memory.");
        return;
    }
    say(out, view, index);
}
