/* A callback of a follow may end it, or the whole cluster. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "apiserver.h"

#define LIST                                                                                                           \
    "{\"kind\":\"DeploymentList\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"resourceVersion\":\"10\"},\"items\":["    \
    "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"5\"}},{\"metadata\":{\"name\":\"b\",\"resourceVersion\":"     \
    "\"6\"}}]}"
#define ADDED(name, version)                                                                                           \
    "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Deployment\",\"apiVersion\":\"apps/v1\",\"metadata\":{\"name\":"       \
    "\"" name "\",\"resourceVersion\":\"" version "\"}}}\n"

struct ending {
    struct rig rig;
    struct hf_follow *follow;
    struct hf_follow_events inner;
    const char *at;
    bool cluster;
    unsigned told_after;
    bool ended;
};

static void end_if(struct ending *e, const char *here)
{
    e->told_after += e->ended;
    if (e->ended || strcmp(here, e->at) != 0) {
        return;
    }
    e->ended = true;
    if (e->cluster) {
        hf_cluster_free(e->rig.cluster);
        e->rig.cluster = NULL;
    } else {
        hf_follow_free(e->follow);
    }
    e->follow = NULL;
    rig_note(&e->rig, "ended;");
}

static void ending_begin(void *ctx)
{
    end_if(ctx, "begin");
}

static void ending_item(void *ctx, const struct hf_value *object, size_t bytes)
{
    (void)object;
    (void)bytes;
    end_if(ctx, "item");
}

static void ending_end(void *ctx, const char *version)
{
    (void)version;
    end_if(ctx, "end");
}

static void ending_change(void *ctx, enum hf_change change, const struct hf_value *object, size_t bytes)
{
    (void)change;
    (void)object;
    (void)bytes;
    end_if(ctx, "change");
}

static void ending_state(void *ctx, const struct hf_error *err)
{
    end_if(ctx, err->code == HF_OK ? "open" : "lost");
}

static void serve_ending(struct exchange *x, void *ctx)
{
    (void)ctx;
    if (!target_has(x, "watch=true")) {
        answer(x, 200, "", LIST);
        return;
    }
    stream_begin(x);
    stream(x, ADDED("b", "11") ADDED("c", "12"));
    stay(x, 100);
    cut(x);
}

static const struct ending_case {
    char at[8];
    bool cluster;
} ENDINGS[] = {{"begin", false}, {"item", false}, {"end", false}, {"open", false}, {"change", false}, {"lost", false},
               {"begin", true},  {"item", true},  {"end", true},  {"open", true},  {"change", true},  {"lost", true}};

ParameterizedTestParameters(follow_ending, any_callback_may_end_it)
{
    return cr_make_param_array(struct ending_case, (void *)ENDINGS, sizeof ENDINGS / sizeof *ENDINGS);
}

ParameterizedTest(struct ending_case *c, follow_ending, any_callback_may_end_it)
{
    struct apiserver *server = apiserver_start(0, serve_ending, NULL);
    struct ending e = {.at = c->at, .cluster = c->cluster};
    struct hf_follow_events events = {&e, ending_begin, ending_item, ending_end, ending_change, ending_state};
    struct hf_error err = HF_ERROR_INIT;
    rig_open(&e.rig, server->port, NULL, NULL);
    cr_assert_eq(hf_cluster_follow(e.rig.cluster, &DEPLOYMENTS, "shop", &events, &e.follow, &err), 0);
    rig_until(&e.rig, "ended;", 3000);
    rig_run(&e.rig, 100);
    cr_assert_eq(e.told_after, 0);
    rig_close(&e.rig);
    apiserver_stop(server);
}
