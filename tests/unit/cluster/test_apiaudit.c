/* The API server's audit events: what is told of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/apiaudit.h"
#include "holdfast/clock.h"
#include "holdfast/mem.h"
#include "holdfast/text.h"

#define PATCH                                                                                                          \
    "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/"                                                               \
    "v1\",\"level\":\"RequestResponse\",\"auditID\":\"a-1\",\"stage\":\"ResponseComplete\","                           \
    "\"requestURI\":\"/api/v1/namespaces/dev/configmaps/web?fieldManager=kubectl-edit&x=%20\",\"verb\":\"patch\","     \
    "\"user\":{\"username\":\"alice\",\"uid\":\"u\",\"groups\":[\"traders\",\"system:authenticated\"]},"               \
    "\"impersonatedUser\":{\"username\":\"robot\"},\"sourceIPs\":[\"10.0.0.7\",\"10.0.0.1\"],"                         \
    "\"userAgent\":\"kubectl/v1.32.0 (linux/amd64) kubernetes/abc\","                                                  \
    "\"objectRef\":{\"resource\":\"configmaps\",\"namespace\":\"dev\",\"name\":\"web\",\"apiVersion\":\"v1\"},"        \
    "\"responseStatus\":{\"metadata\":{},\"code\":200},"                                                               \
    "\"requestObject\":{\"data\":{\"password\":\"hunter2\"}},"                                                         \
    "\"responseObject\":{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"web\",\"uid\":\"u-1\"," \
    "\"resourceVersion\":\"11\"},"                                                                                     \
    "\"data\":{\"password\":\"hunter2\"}},"                                                                            \
    "\"requestReceivedTimestamp\":\"2026-03-01T09:30:00.100000Z\",\"stageTimestamp\":\"2026-03-01T09:30:00.123456Z\"}"

struct told {
    size_t count;
    struct hf_apiaudit_event last;
    char text[8][200]; /* the last one's, which ends with the callback */
};

static void keep(struct told *told, size_t slot, const char **text)
{
    (void)snprintf(told->text[slot], sizeof told->text[slot], "%s", *text);
    *text = told->text[slot];
}

static void on_event(void *ctx, const struct hf_apiaudit_event *event)
{
    struct told *told = ctx;
    cr_assert(!strstr(event->user, "hunter2") && !strstr(event->name, "hunter2"));
    told->count++;
    told->last = *event;
    keep(told, 0, &told->last.user);
    keep(told, 1, &told->last.name);
    keep(told, 2, &told->last.resource_version);
    keep(told, 3, &told->last.manager);
    keep(told, 4, &told->last.source);
    keep(told, 5, &told->last.impersonated);
    keep(told, 6, &told->last.subresource);
    keep(told, 7, &told->last.uid);
}

static int read_list(const char *items, struct told *told, struct hf_apiaudit_counts *counts, struct hf_error *err)
{
    hf_auto_buf struct hf_buf list = {0};
    *told = (struct told){0};
    hf_buf_addf(&list, "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},\"items\":[%s]}",
                items);
    return hf_apiaudit_read(list.ptr, list.len, on_event, told, counts, err);
}

/* The one event, with a part of it replaced. */
static void read_changed(const char *part, const char *by, struct told *told, struct hf_apiaudit_counts *counts)
{
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf text = {0};
    const char *at = strstr(PATCH, part);
    cr_assert_not_null(at, "%s", part);
    hf_buf_add(&text, PATCH, (size_t)(at - PATCH));
    hf_buf_adds(&text, by);
    hf_buf_adds(&text, at + strlen(part));
    cr_assert_eq(read_list(hf_buf_text(&text), told, counts, &err), 0, "%s", err.text);
}

Test(apiaudit, who_wrote_what_and_which_version_came_of_it)
{
    struct told told;
    struct hf_apiaudit_counts counts;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_list(PATCH, &told, &counts, &err), 0, "%s", err.text);
    cr_assert_eq(told.count, 1);
    cr_assert_str_eq(told.last.user, "alice");
    cr_assert_str_eq(told.last.impersonated, "robot");
    cr_assert_str_eq(told.last.name, "web");
    cr_assert_str_eq(told.last.uid, "u-1");
    cr_assert_str_eq(told.last.resource_version, "11");
    cr_assert_str_eq(told.last.manager, "kubectl-edit");
    cr_assert_str_eq(told.last.source, "10.0.0.7");
    cr_assert_eq(told.last.group_count, 2);
    cr_assert_eq(told.last.at_ms, INT64_C(1772357400123));
}

struct row {
    const char *part;
    const char *by;
    size_t told;
};

Test(apiaudit, only_writes_that_were_done_are_told)
{
    static const struct row ROWS[] = {
        {"\"verb\":\"patch\"", "\"verb\":\"get\"", 0},
        {"\"verb\":\"patch\"", "\"verb\":\"watch\"", 0},
        {"\"verb\":\"patch\"", "\"verb\":\"update\"", 1},
        {"\"verb\":\"patch\"", "\"verb\":\"deletecollection\"", 1},
        {"\"stage\":\"ResponseComplete\"", "\"stage\":\"RequestReceived\"", 0},
        {"\"stage\":\"ResponseComplete\"", "\"stage\":\"Panic\"", 0},
        {"\"code\":200", "\"code\":409", 0},
        {"\"code\":200", "\"code\":201", 1},
        {"\"code\":200", "\"code\":500", 0},
        {"x=%20", "dryRun=All", 0},
        {"\"username\":\"alice\",", "", 0},
        {"\"resource\":\"configmaps\",", "", 0},
        {"\"objectRef\":{", "\"other\":{", 0},
        {"\"sourceIPs\":[\"10.0.0.7\",\"10.0.0.1\"],", "", 1},
        {"\"userAgent\":\"kubectl/v1.32.0 (linux/amd64) kubernetes/abc\",", "", 1},
        {"\"auditID\":\"a-1\",", "\"unknown\":{\"field\":[1,2]},", 1},
        {"\"responseObject\":{", "\"other\":{", 1},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct told told;
        struct hf_apiaudit_counts counts;
        read_changed(ROWS[i].part, ROWS[i].by, &told, &counts);
        cr_expect_eq(told.count, ROWS[i].told, "%s", ROWS[i].by);
        cr_expect_eq(counts.wrong, 0);
    }
}

Test(apiaudit, a_deletion_is_answered_by_a_status_which_is_no_version)
{
    struct told told;
    struct hf_apiaudit_counts counts;
    read_changed("\"responseObject\":{\"kind\":\"ConfigMap\"", "\"responseObject\":{\"kind\":\"Status\"", &told,
                 &counts);
    cr_assert_str_eq(told.last.resource_version, "");
}

Test(apiaudit, a_generated_name_comes_from_what_was_created)
{
    struct told told;
    struct hf_apiaudit_counts counts;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_list("{\"stage\":\"ResponseComplete\",\"verb\":\"create\",\"user\":{\"username\":\"a\"},"
                           "\"objectRef\":{\"resource\":\"pods\"},"
                           "\"responseStatus\":{\"code\":201},\"responseObject\":{\"kind\":\"Pod\",\"metadata\":{"
                           "\"name\":\"web-x7f\"}}}",
                           &told, &counts, &err),
                 0);
    cr_assert_str_eq(told.last.name, "web-x7f");
}

Test(apiaudit, one_that_can_not_be_read_is_counted_and_the_others_are_told)
{
    struct told told;
    struct hf_apiaudit_counts counts;
    struct hf_error err = HF_ERROR_INIT;
    cr_assert_eq(read_list("7,{\"verb\":7}," PATCH ",\"x\"", &told, &counts, &err), 0, "%s", err.text);
    cr_assert_eq(counts.events, 4);
    cr_assert_eq(counts.wrong, 3);
    cr_assert_eq(told.count, 1);
}

Test(apiaudit, what_is_no_list_is_refused)
{
    static const char *const WRONG[] = {"",
                                        "{",
                                        "[]",
                                        "{}",
                                        "{\"kind\":\"List\",\"items\":[]}",
                                        "{\"kind\":\"EventList\",\"items\":[}",
                                        "{\"kind\":\"EventList\",\"items\":[{]}"};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        struct told told = {0};
        struct hf_apiaudit_counts counts;
        struct hf_error err = HF_ERROR_INIT;
        cr_expect_eq(hf_apiaudit_read(WRONG[i], strlen(WRONG[i]), on_event, &told, &counts, &err), -1, "%s", WRONG[i]);
    }
}

Test(apiaudit, too_many_too_long_and_too_deep_is_refused)
{
    struct told told;
    struct hf_apiaudit_counts counts;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf many = {0};
    for (int i = 0; i < 10001; i++) {
        hf_buf_adds(&many, i ? ",{}" : "{}");
    }
    cr_assert_eq(read_list(hf_buf_text(&many), &told, &counts, &err), -1);
    cr_assert_eq(err.code, HF_ELIMIT);
    hf_error_clear(&err);
    cr_assert_eq(hf_apiaudit_read("{}", HF_APIAUDIT_MOST_BYTES + 1, on_event, &told, &counts, &err), -1);
    cr_assert_eq(err.code, HF_ELIMIT);
    hf_auto_buf struct hf_buf deep = {0};
    hf_buf_adds(&deep, "{\"verb\":");
    for (int i = 0; i < 1000; i++) {
        hf_buf_addc(&deep, '[');
    }
    for (int i = 0; i < 1000; i++) {
        hf_buf_addc(&deep, ']');
    }
    hf_buf_addc(&deep, '}');
    hf_error_clear(&err);
    (void)read_list(hf_buf_text(&deep), &told, &counts, &err);
    cr_assert_eq(told.count, 0);
}

Test(apiaudit, hostile_texts_are_cut_and_stay_text)
{
    struct told told;
    struct hf_apiaudit_counts counts;
    hf_auto_buf struct hf_buf name = {0};
    hf_buf_adds(&name, "\"username\":\"");
    for (int i = 0; i < 100000; i++) {
        hf_buf_addc(&name, 'x');
    }
    hf_buf_adds(&name, "\"");
    read_changed("\"username\":\"alice\"", hf_buf_text(&name), &told, &counts);
    cr_assert_eq(told.count, 1);
    read_changed("kubectl-edit", "%00%0a%zz%", &told, &counts);
    cr_assert_str_eq(told.last.manager, "?\n%zz%");
}
