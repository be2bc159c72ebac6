/* Lists in pages, watches, their window, selectors, faults. */
#include "served.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct served s;

static void open_server(void)
{
    s.options.window = 40;
    served_open(&s);
    make_space(&s, "a");
}

static void close_server(void)
{
    served_close(&s);
}

TestSuite(watch, .init = open_server, .fini = close_server);

#define MAPS "/api/v1/namespaces/a/configmaps"

static void make(const char *name, const char *label)
{
    char body[200];
    snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"l\":\"%s\"}}}", name, label);
    cr_assert(eq(int, ask(&s, "POST", MAPS, body)->status, 201));
}

static void label(const char *name, const char *value)
{
    char path[200], body[200];
    snprintf(path, sizeof path, MAPS "/%s", name);
    snprintf(body, sizeof body, "{\"metadata\":{\"labels\":{\"l\":\"%s\"}}}", value);
    ask_as(&s, "t/1", "PATCH", path, "application/merge-patch+json", body);
}

static struct sim_watch *watch(const char *query)
{
    char path[300];
    snprintf(path, sizeof path, MAPS "?watch=1%s", query);
    const struct answer *answer = ask(&s, "GET", path, NULL);
    cr_assert(ne(ptr, answer->watch, NULL));
    return answer->watch;
}

static size_t count(const char *text, const char *word)
{
    size_t found = 0;
    for (const char *at_word = text; (at_word = strstr(at_word, word)); at_word += strlen(word)) {
        found++;
    }
    return found;
}

Test(watch, without_a_version_begins_with_what_is_there)
{
    make("one", "x");
    struct sim_watch *w = watch("");
    cr_assert(eq(sz, count(told(&s, w), "\"type\":\"ADDED\""), 1));
    make("two", "x");
    label("one", "y");
    ask(&s, "DELETE", MAPS "/two", NULL);
    const char *text = told(&s, w);
    cr_assert(eq(sz, count(text, "\"type\":\"ADDED\""), 1));
    cr_assert(eq(sz, count(text, "\"type\":\"MODIFIED\""), 1));
    cr_assert(eq(sz, count(text, "\"type\":\"DELETED\""), 1));
}

Test(watch, goes_on_from_a_version_without_missing_or_repeating_anything)
{
    make("one", "x");
    char query[64];
    snprintf(query, sizeof query, "&resourceVersion=%llu", (unsigned long long)s.sim.store.version);
    make("two", "x");
    make("three", "x");
    const char *text = told(&s, watch(query));
    cr_assert(eq(sz, count(text, "\"type\":\"ADDED\""), 2));
    cr_assert(eq(ptr, strstr(text, "\"name\":\"one\""), NULL));
}

Test(watch, from_a_forgotten_version_gets_410_as_an_event_and_ends)
{
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        make(name, "x");
    }
    struct sim_watch *w = watch("&resourceVersion=2");
    const char *text = told(&s, w);
    cr_assert(ne(ptr, strstr(text, "\"type\":\"ERROR\""), NULL));
    cr_assert(ne(ptr, strstr(text, "\"code\":410"), NULL));
    cr_assert(w->ended);
}

Test(watch, with_a_selector_tells_of_coming_into_it_and_leaving_it)
{
    make("one", "x");
    struct sim_watch *w = watch("&labelSelector=l=x");
    told(&s, w);
    label("one", "y");
    cr_assert(eq(sz, count(told(&s, w), "\"type\":\"DELETED\""), 1));
    label("one", "x");
    cr_assert(eq(sz, count(told(&s, w), "\"type\":\"ADDED\""), 1));
}

Test(watch, gets_bookmarks_when_it_asks_and_ends_at_its_time)
{
    struct sim_watch *w = watch("&allowWatchBookmarks=true&timeoutSeconds=100");
    served_now += 60001;
    (void)sim_tick(&s.sim);
    cr_assert(eq(sz, count(told(&s, w), "\"type\":\"BOOKMARK\""), 1));
    served_now += 40001;
    (void)sim_tick(&s.sim);
    cr_assert(w->ended);
    char byte[1];
    cr_assert(eq(long, sim_watch_read(w, byte, 1), -1));
}

struct selection {
    const char *query;
    size_t found;
};

Test(watch, selectors_choose)
{
    static const struct selection SELECTIONS[] = {
        {"labelSelector=l=x", 2},
        {"labelSelector=l==x", 2},
        {"labelSelector=l!=x", 1},
        {"labelSelector=l in (x, y)", 3},
        {"labelSelector=l notin (x)", 1},
        {"labelSelector=l", 3},
        {"labelSelector=!l", 0},
        {"labelSelector=l=x,!m", 2},
        {"labelSelector=m", 0},
        {"fieldSelector=metadata.name=a1", 1},
        {"fieldSelector=metadata.name!=a1", 2},
        {"fieldSelector=metadata.namespace=b", 0},
        {"", 3},
    };
    make("a1", "x");
    make("a2", "x");
    make("a3", "y");
    for (size_t i = 0; i < sizeof SELECTIONS / sizeof SELECTIONS[0]; i++) {
        char path[200];
        snprintf(path, sizeof path, MAPS "?%s", SELECTIONS[i].query);
        ask(&s, "GET", path, NULL);
        cr_expect(eq(sz, hf_value_count(hf_value_get(s.last.body, "items")), SELECTIONS[i].found), "%s",
                  SELECTIONS[i].query);
    }
}

Test(watch, a_list_in_pages_is_one_moment_even_when_things_change_between)
{
    make("a1", "x");
    make("a2", "x");
    make("a3", "x");
    ask(&s, "GET", MAPS "?limit=2", NULL);
    cr_assert(eq(str, (char *)at(&s, "/metadata/remainingItemCount"), "1"));
    char path[400];
    snprintf(path, sizeof path, MAPS "?limit=2&continue=%s",
             hf_value_text(hf_value_path(s.last.body, "metadata", "continue", NULL)));
    char version[40];
    snprintf(version, sizeof version, "%s", at(&s, "/metadata/resourceVersion"));
    ask(&s, "DELETE", MAPS "/a3", NULL);
    make("a4", "x");
    ask(&s, "GET", path, NULL);
    cr_assert(eq(str, (char *)at(&s, "/items/0/metadata/name"), "\"a3\""));
    cr_assert(eq(str, (char *)at(&s, "/items/1"), ""));
    cr_assert(eq(str, (char *)at(&s, "/metadata/resourceVersion"), version));
}

Test(watch, an_old_page_token_gets_410)
{
    make("a1", "x");
    make("a2", "x");
    ask(&s, "GET", MAPS "?limit=1", NULL);
    char path[400];
    snprintf(path, sizeof path, MAPS "?limit=1&continue=%s",
             hf_value_text(hf_value_path(s.last.body, "metadata", "continue", NULL)));
    for (int i = 0; i < 30; i++) {
        label("a1", "y");
        label("a1", "z");
    }
    cr_assert(eq(int, ask(&s, "GET", path, NULL)->status, 410));
    cr_assert(eq(str, (char *)at(&s, "/reason"), "\"Expired\""));
}

Test(watch, a_version_from_the_future_gets_504)
{
    cr_assert(eq(int, ask(&s, "GET", MAPS "?resourceVersion=99999", NULL)->status, 504));
    cr_assert(eq(str, (char *)at(&s, "/details/causes/0/reason"), "\"ResourceVersionTooLarge\""));
}

static void fault(const char *body)
{
    const char *form = "application/x-www-form-urlencoded"; /* what curl -d says of a body */
    cr_assert(eq(int, ask_as(&s, "curl/7", "POST", "/sim/faults", form, body)->status, 200), "%s", s.last.text);
}

Test(watch, faults_do_what_they_say_for_as_long_as_they_say)
{
    fault("{\"kind\":\"error\",\"ms\":100,\"status\":503}");
    cr_assert(eq(int, ask(&s, "GET", MAPS, NULL)->status, 503));
    served_now += 101;
    cr_assert(eq(int, ask(&s, "GET", MAPS, NULL)->status, 200));
    fault("{\"kind\":\"throttle\",\"ms\":100,\"retryAfter\":7}");
    cr_assert(eq(int, ask(&s, "GET", MAPS, NULL)->status, 429));
    served_now += 101;
    fault("{\"kind\":\"drop\",\"ms\":100}");
    cr_assert(ask(&s, "GET", MAPS, NULL)->closed);
    served_now += 101;
    fault("{\"kind\":\"watch-gone\"}");
    cr_assert(ne(ptr, strstr(told(&s, watch("&resourceVersion=5")), "\"code\":410"), NULL));
    cr_assert(eq(ptr, strstr(told(&s, watch("&resourceVersion=5")), "\"code\":410"), NULL));
    cr_assert(eq(int, ask(&s, "POST", "/sim/faults", "{\"kind\":\"nonsense\"}")->status, 400));
}

Test(watch, a_swallowed_write_happened)
{
    fault("{\"kind\":\"swallow\"}");
    cr_assert(ask(&s, "POST", MAPS, "{\"metadata\":{\"name\":\"m\"}}")->closed);
    cr_assert(eq(int, ask(&s, "GET", MAPS "/m", NULL)->status, 200));
}

Test(watch, stale_reads_show_what_was)
{
    make("m", "x");
    fault("{\"kind\":\"stale\",\"ms\":100}");
    label("m", "y");
    ask(&s, "GET", MAPS "/m", NULL);
    cr_assert(eq(str, (char *)at(&s, "/metadata/labels/l"), "\"x\""));
    ask(&s, "GET", MAPS, NULL);
    cr_assert(eq(str, (char *)at(&s, "/items/0/metadata/labels/l"), "\"x\""));
    served_now += 101;
    ask(&s, "GET", MAPS "/m", NULL);
    cr_assert(eq(str, (char *)at(&s, "/metadata/labels/l"), "\"y\""));
}

Test(watch, a_silent_watch_says_nothing_and_garbage_comes_before_an_event)
{
    struct sim_watch *w = watch("");
    fault("{\"kind\":\"garbage\"}");
    make("one", "x");
    cr_assert(ne(ptr, strstr(told(&s, w), "!! 503"), NULL));
    fault("{\"kind\":\"watch-silent\",\"ms\":100}");
    make("two", "x");
    cr_assert(eq(str, (char *)told(&s, w), ""));
    fault("{\"kind\":\"watch-cut\"}");
    char byte[1];
    cr_assert(eq(long, sim_watch_read(w, byte, 1), -2));
}

Test(watch, a_wrong_token_is_refused_and_a_missing_one_only_when_it_is_required)
{
    s.options.token = "right";
    cr_assert(eq(int, ask(&s, "GET", MAPS, NULL)->status, 200));
    s.options.require_token = true;
    cr_assert(eq(int, ask(&s, "GET", MAPS, NULL)->status, 401));
    cr_assert(eq(int, ask(&s, "GET", "/readyz", NULL)->status, 200));
}

TestSuite(controllers, .fini = close_server);

Test(controllers, give_deployments_a_status_and_a_revision_that_follows_the_template)
{
    s.options.controllers = true;
    served_open(&s);
    make_space(&s, "a");
    cr_assert(eq(int, ask(&s, "POST", "/sim/seed", "{\"deployments\":2}")->status, 200));
    served_now += 100;
    (void)sim_tick(&s.sim);
    ask(&s, "GET", "/apis/apps/v1/namespaces/seed/deployments/seed-0", NULL);
    cr_assert(eq(str, (char *)at(&s, "/status/readyReplicas"), "2"));
    cr_assert(eq(str, (char *)at(&s, "/status/observedGeneration"), "1"));
    cr_assert(eq(str, (char *)at(&s, "/metadata/generation"), "1"));
    cr_assert(eq(str, (char *)at(&s, "/metadata/annotations/deployment.kubernetes.io~1revision"), "\"1\""));
    ask_as(&s, "t/1", "PATCH", "/apis/apps/v1/namespaces/seed/deployments/seed-0",
           "application/strategic-merge-patch+json",
           "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"app\",\"image\":\"b:2\"}]}}}}");
    served_now += 100;
    (void)sim_tick(&s.sim);
    ask(&s, "GET", "/apis/apps/v1/namespaces/seed/deployments/seed-0", NULL);
    cr_assert(eq(str, (char *)at(&s, "/metadata/annotations/deployment.kubernetes.io~1revision"), "\"2\""));
    cr_assert(eq(int, ask(&s, "GET", "/api/v1/namespaces/a/serviceaccounts/default", NULL)->status, 200));
}

Test(controllers, churn_writes_statuses_and_no_specs)
{
    s.options.churn_ms = 10;
    s.options.seed_deployments = 3;
    served_open(&s);
    uint64_t before = s.sim.store.version;
    for (int i = 0; i < 6; i++) {
        served_now += 1100;
        (void)sim_tick(&s.sim);
    }
    cr_assert(gt(u64, s.sim.store.version, before));
    ask(&s, "GET", "/apis/apps/v1/namespaces/seed/deployments/seed-1", NULL);
    cr_assert(eq(str, (char *)at(&s, "/metadata/generation"), "1"));
}
