/* What was done while no agent ran is found by what the trail knows. */
#include "desk.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char UNIT[] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: dev}\ndata: {a: b}\n";
static const char LIVE[] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: dev, uid: u-new, "
                           "resourceVersion: \"7\"}\ndata: {a: b}\n";

static struct desk *restarted(const char *uid)
{
    struct desk *desk = desk_new(NULL);
    struct hf_error err = HF_ERROR_INIT;
    struct hf_audit_object known = {.target = "dev",
                                    .group = "",
                                    .version = "v1",
                                    .kind = "ConfigMap",
                                    .namespace = "dev",
                                    .name = "web",
                                    .space = "space",
                                    .unit = "web",
                                    .verdict = "in_sync",
                                    .uid = uid};
    cr_assert_eq(hf_agent_known(desk->agent, &known, &err), 0);
    desk_unit(desk, "web", UNIT);
    desk_units(desk);
    desk_discovered(desk);
    desk_list(desk, "ConfigMap", LIVE);
    desk_list_rest(desk);
    cr_assert_eq(desk_verdict(desk, "ConfigMap", "web", NULL), HF_IN_SYNC);
    return desk;
}

Test(restart, an_object_that_was_deleted_and_made_anew_meanwhile_is_recorded_once_though_its_content_is_the_same)
{
    struct desk *desk = restarted("u-old");
    cr_assert_eq(desk_count(desk, "object.recreated"), 1);
    cr_assert_eq(desk_count(desk, "drift.seen"), 0);
    desk_change(desk, "ConfigMap", LIVE);
    cr_assert_eq(desk_count(desk, "object.recreated"), 1);
    desk_free(desk);
}

Test(restart, an_object_that_is_still_the_same_is_not_told_of)
{
    struct desk *desk = restarted("u-new");
    cr_assert_eq(desk->event_count, 0);
    desk_free(desk);
}
