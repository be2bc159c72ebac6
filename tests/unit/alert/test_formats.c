/* What each service is sent: held to files of tests/fixtures/alert (HF_GOLDEN=write makes them anew), to the service's
 * own structure and limits, and to nothing of an object being able to mention, link or format. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holdfast/alert_text.h"
#include "holdfast/clock.h"
#include "holdfast/mem.h"

#define AT INT64_C(1772357400123)

static const struct hf_alert_change CHANGES[] = {{"spec.template.spec.containers[name=app].image", "changed",
                                                  "\"ghcr.io/finos/traderx/trade-service:1.4.2\"", "\"evil:1\"",
                                                  "kubectl-edit"},
                                                 {"spec.replicas", "removed", "3", NULL, NULL},
                                                 {"spec.template.spec.containers[name=miner]", "added", NULL,
                                                  "{\"image\":\"miner:latest\",\"name\":\"miner\"}", "kubectl-edit"}};

static struct hf_alert_text open_drift(void)
{
    return (struct hf_alert_text){.key = "dev-17-ops",
                                  .state = HF_ALERT_OPEN,
                                  .severity = "critical",
                                  .title =
                                      "Deployment traderx-dev/trade-service was changed by alice and is not put back",
                                  .target = "dev",
                                  .space = "traderx",
                                  .unit = "50-trade-service",
                                  .kind = "Deployment",
                                  .namespace = "traderx-dev",
                                  .name = "trade-service",
                                  .who = "alice via kubectl-edit from 10.0.0.7",
                                  .meaning = "critical by security/image: the image of a container",
                                  .action = "Not put back: paused by bob until 2026-03-01T10:00Z: debugging",
                                  .drifted_ms = AT - 1200,
                                  .seen_ms = AT - 1000,
                                  .corrected_ms = HF_TIME_NONE,
                                  .at_ms = AT,
                                  .incident = "20260301-093000-abcdef01",
                                  .incident_url = "https://holdfast.example.com/?incident=20260301-093000-abcdef01",
                                  .unit_url = "https://hub.confighub.com/unit/1",
                                  .changes = CHANGES,
                                  .change_count = 3};
}

static struct hf_alert_text resolved(void)
{
    struct hf_alert_text text = open_drift();
    text.state = HF_ALERT_RESOLVED;
    text.title = "Deployment traderx-dev/trade-service was put back, 412 ms after it was seen";
    text.action = "Put back by a server-side apply as confighub";
    text.corrected_ms = AT - 588;
    text.change_count = 0;
    return text;
}

static struct hf_alert_text group(void)
{
    static struct hf_alert_item items[17];
    static char names[17][24];
    for (int i = 0; i < 17; i++) {
        (void)snprintf(names[i], sizeof names[i], "object-%02d", i + 1);
        items[i] = (struct hf_alert_item){"Deployment", "traderx-dev", names[i], "deleted", "warning"};
    }
    return (struct hf_alert_text){.key = "group-1",
                                  .state = HF_ALERT_OPEN,
                                  .severity = "warning",
                                  .title = "17 objects of traderx in dev were deleted by alice",
                                  .target = "dev",
                                  .space = "traderx",
                                  .who = "alice via kubectl-delete from 10.0.0.7",
                                  .action = "All are being put back",
                                  .drifted_ms = HF_TIME_NONE,
                                  .seen_ms = AT,
                                  .corrected_ms = HF_TIME_NONE,
                                  .at_ms = AT,
                                  .incident = "group-dev-traderx-1",
                                  .items = items,
                                  .item_count = 17};
}

static struct hf_alert_text notice(void)
{
    return (struct hf_alert_text){.key = "n-1",
                                  .state = HF_ALERT_NOTICE,
                                  .severity = "info",
                                  .title = "the source of dev can be read again",
                                  .target = "dev",
                                  .drifted_ms = HF_TIME_NONE,
                                  .seen_ms = HF_TIME_NONE,
                                  .corrected_ms = HF_TIME_NONE,
                                  .at_ms = AT};
}

#define HOSTILE                                                                                                        \
    "<!channel> <@U123> @everyone @here @all <users/all> ](http://evil.example) [x](javascript:1) *b* _i_ ~s~ `c` "    \
    "``` "                                                                                                             \
    "<https://evil.example|ok> www.evil.example &lt; \x1b[31mred\x1b[0m \xe2\x80\xae"                                  \
    "drowssap \xff\xfe \"quote\" \\ \n\nnew line"

static struct hf_alert_text hostile(void)
{
    static struct hf_alert_change changes[1];
    static struct hf_alert_item items[1];
    struct hf_alert_text text = open_drift();
    text.title = text.who = text.meaning = text.action = text.name = text.unit = text.namespace = HOSTILE;
    changes[0] = (struct hf_alert_change){HOSTILE, "changed", HOSTILE, HOSTILE, HOSTILE};
    items[0] = (struct hf_alert_item){HOSTILE, HOSTILE, HOSTILE, HOSTILE, "warning"};
    text.changes = changes;
    text.change_count = 1;
    text.items = items;
    text.item_count = 1;
    text.incident_url = "https://holdfast.example.com/|<!channel>";
    return text;
}

static char *long_text(size_t len)
{
    char *text = malloc(3 * len + 1);
    for (size_t i = 0; i < len; i++) {
        memcpy(text + 3 * i, i % 7 ? "\xe2\x82\xac" : "&<_", 3); /* what grows when it is escaped */
    }
    text[3 * len] = '\0';
    return text;
}

static struct hf_alert_text too_long(void)
{
    static struct hf_alert_change changes[300];
    static struct hf_alert_item items[300];
    char *text = long_text(100000);
    struct hf_alert_text out = open_drift();
    out.title = out.who = out.meaning = out.action = out.name = out.unit = text;
    for (int i = 0; i < 300; i++) {
        changes[i] = (struct hf_alert_change){text, "changed", text, text, NULL};
        items[i] = (struct hf_alert_item){text, text, text, text, NULL};
    }
    out.changes = changes;
    out.change_count = 300;
    out.changes_left_out = 700;
    out.items = items;
    out.item_count = 300;
    out.items_left_out = 9700;
    return out;
}

static cJSON *body_of(const struct hf_alert_format *format, const struct hf_alert_text *text, size_t *len)
{
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf body = {0};
    struct hf_alert_form form = {
        .channel = "ops",
        .address = strcmp(format->type, "pagerduty") == 0 ? "routing-key" : "C0123456",
        .thread = "1772357400.000100",
        .event_json = "{\"id\":17,\"type\":\"drift.seen\",\"target\":\"dev\",\"at\":\"2026-03-01T09:30:00.123Z\"}"};
    cr_assert_eq(format->body(&body, text, &form, &err), 0, "%s: %s", format->type, err.text);
    *len = body.len;
    cJSON *json = cJSON_ParseWithLengthOpts(body.ptr, body.len + 1, NULL, 1);
    cr_assert_not_null(json, "%s: no JSON: %.300s", format->type, body.ptr);
    cr_assert(hf_utf8_valid(body.ptr, body.len));
    hf_buf_free(&body);
    return json;
}

static void compare(const char *type, const char *name, const cJSON *json)
{
    char path[300];
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf wanted = {0};
    (void)snprintf(path, sizeof path, "%s/tests/fixtures/alert/%s-%s.json", HF_SOURCE_DIR, type, name);
    char *text = cJSON_Print(json);
    if (getenv("HF_GOLDEN")) {
        FILE *file = fopen(path, "w");
        cr_assert(file && fprintf(file, "%s\n", text) > 0 && fclose(file) == 0, "%s", path);
    }
    cr_assert_eq(hf_read_file(path, (size_t)1 << 20, &wanted, &err), 0, "%s", err.text);
    size_t len = strlen(text);
    cr_expect(wanted.len == len + 1 && memcmp(wanted.ptr, text, len) == 0, "%s: found\n%s", path, text);
    cJSON_free(text);
}

Test(formats, each_message_is_as_its_golden_file)
{
    static const struct {
        const char *name;
        struct hf_alert_text (*make)(void);
    } CASES[] = {
        {"open", open_drift}, {"resolved", resolved}, {"group", group}, {"notice", notice}, {"hostile", hostile}};
    for (size_t i = 0; i < hf_alert_format_count(); i++) {
        for (size_t k = 0; k < sizeof CASES / sizeof CASES[0]; k++) {
            const struct hf_alert_format *format = hf_alert_format_at(i);
            struct hf_alert_text text = CASES[k].make();
            size_t len;
            cJSON *json = body_of(format, &text, &len);
            compare(format->type, CASES[k].name, json);
            cJSON_Delete(json);
        }
    }
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; text && *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

static const char *text_of(const cJSON *json, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

/* What each service refuses. */
static void check_limits(const char *type, const cJSON *json)
{
    const cJSON *item;
    if (strncmp(type, "slack", 5) == 0) {
        const cJSON *blocks = cJSON_GetObjectItem(json, "blocks");
        cr_assert(cJSON_GetArraySize(blocks) >= 1 && cJSON_GetArraySize(blocks) <= 50);
        cJSON_ArrayForEach(item, blocks)
        {
            const char *text = text_of(cJSON_GetObjectItem(item, "text"), "text");
            bool is_header = strcmp(text_of(item, "type"), "header") == 0;
            cr_assert(characters(text) >= 1 && characters(text) <= (is_header ? 150 : 3000), "%zu characters",
                      characters(text));
        }
        cr_assert_eq(cJSON_HasObjectItem(json, "channel"), strcmp(type, "slack-bot") == 0);
        cr_assert(*text_of(json, "text"));
    } else if (strcmp(type, "discord") == 0) {
        const cJSON *embed = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "embeds"), 0);
        cr_assert_leq(characters(text_of(embed, "title")), 256);
        cr_assert_leq(characters(text_of(embed, "description")), 4096);
        cr_assert_leq(characters(text_of(embed, "title")) + characters(text_of(embed, "description")), 6000);
        cr_assert_eq(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "allowed_mentions"), "parse")),
                     0);
    } else if (strcmp(type, "mattermost") == 0) {
        cr_assert_leq(characters(text_of(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "attachments"), 0), "text")),
                      16383);
    } else if (strcmp(type, "pagerduty") == 0) {
        const cJSON *payload = cJSON_GetObjectItem(json, "payload");
        cr_assert(characters(text_of(payload, "summary")) <= 1024 && *text_of(payload, "summary") &&
                  *text_of(payload, "source"));
        cr_assert_leq(characters(text_of(json, "dedup_key")), 255);
    } else if (strcmp(type, "alertmanager") == 0) {
        cr_assert(cJSON_IsArray(json));
        cr_assert(*text_of(cJSON_GetObjectItem(cJSON_GetArrayItem(json, 0), "labels"), "alertname"));
    } else if (strcmp(type, "teams") == 0) {
        const cJSON *card =
            cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "attachments"), 0), "content");
        cr_assert_str_eq(text_of(card, "type"), "AdaptiveCard");
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(card, "body"))
        {
            cr_assert_str_eq(text_of(item, "type"), "RichTextBlock", "a TextBlock would read Markdown");
        }
    }
}

Test(formats, every_message_keeps_the_services_limits_however_long_the_object_is)
{
    struct hf_alert_text text = too_long();
    for (size_t i = 0; i < hf_alert_format_count(); i++) {
        const struct hf_alert_format *format = hf_alert_format_at(i);
        size_t len;
        cJSON *json = body_of(format, &text, &len);
        cr_expect_leq(len, format->body_limit, "%s: %zu bytes", format->type, len);
        check_limits(format->type, json);
        if (strcmp(format->type, "webhook") != 0) {
            char *all = cJSON_PrintUnformatted(json);
            cr_expect(strstr(all, "994 more changes"), "%s does not say what it left out", format->type);
            cJSON_free(all);
        }
        cJSON_Delete(json);
    }
}

/* In a code block nothing is markup. */
static void drop_code(char *text)
{
    for (char *open = strstr(text, "```"); open; open = strstr(open, "```")) {
        char *close = strstr(open + 3, "```");
        if (!close) {
            return; /* plain text, where it means nothing */
        }
        memmove(open, close + 3, strlen(close + 3) + 1);
    }
}

/* No text of the service's own markup may hold these as they are. */
static void check_texts(const char *type, const cJSON *json, const char *const *forbidden)
{
    const cJSON *item;
    if (cJSON_IsString(json)) {
        char *text = strdup(json->valuestring);
        drop_code(text);
        for (size_t i = 0; forbidden[i]; i++) {
            cr_expect_not(strstr(text, forbidden[i]), "%s: \"%s\" in %s", type, forbidden[i], json->valuestring);
        }
        free(text);
    }
    cJSON_ArrayForEach(item, json)
    {
        check_texts(type, item, forbidden);
    }
}

Test(formats, nothing_of_a_hostile_object_can_mention_link_or_hide)
{
    static const char *const ANY[] = {"\x1b", "\xe2\x80\xae", NULL};
    static const char *const SLACK[] = {"<!channel>", "<@U123>", "<https://evil", "&lt; \x1b", NULL};
    static const char *const MARKDOWN[] = {"@everyone", "@here", "@all", "](http:", "**b**", "[x](", "www.", NULL};
    static const char *const HTML[] = {"<users/all>", "<https", "<!channel>", NULL};
    struct hf_alert_text text = hostile();
    for (size_t i = 0; i < hf_alert_format_count(); i++) {
        const struct hf_alert_format *format = hf_alert_format_at(i);
        size_t len;
        cJSON *json = body_of(format, &text, &len);
        bool is_slack = strncmp(format->type, "slack", 5) == 0;
        bool is_markdown = strcmp(format->type, "discord") == 0 || strcmp(format->type, "mattermost") == 0;
        check_texts(format->type, json, ANY);
        if (is_slack) {
            const cJSON *block;
            cJSON_ArrayForEach(block, cJSON_GetObjectItem(json, "blocks"))
            {
                if (strcmp(text_of(block, "type"), "section") == 0) {
                    cr_expect(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(block, "text"), "verbatim")),
                              "Slack makes links of addresses");
                    check_texts(format->type, block, SLACK);
                }
            }
            cr_expect_not(strstr(text_of(json, "text"), "<!channel>"));
        } else if (is_markdown) {
            check_texts(format->type, json, MARKDOWN);
        } else if (strcmp(format->type, "google-chat") == 0) {
            const cJSON *card =
                cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(json, "cardsV2"), 0), "card");
            check_texts(format->type, cJSON_GetObjectItem(card, "sections"), HTML);
        }
        cJSON_Delete(json);
    }
}

Test(formats, one_incidents_messages_are_known_by_the_same_name)
{
    struct hf_alert_text first = open_drift();
    struct hf_alert_text last = resolved();
    size_t len;
    cJSON *a = body_of(hf_alert_format_named("pagerduty"), &first, &len);
    cJSON *b = body_of(hf_alert_format_named("pagerduty"), &last, &len);
    cr_assert_str_eq(text_of(a, "dedup_key"), text_of(b, "dedup_key"));
    cr_assert_str_eq(text_of(a, "event_action"), "trigger");
    cr_assert_str_eq(text_of(b, "event_action"), "resolve");
    cJSON_Delete(a);
    cJSON_Delete(b);
    a = body_of(hf_alert_format_named("alertmanager"), &first, &len);
    b = body_of(hf_alert_format_named("alertmanager"), &last, &len);
    char *labels = cJSON_PrintUnformatted(cJSON_GetObjectItem(cJSON_GetArrayItem(a, 0), "labels"));
    char *again = cJSON_PrintUnformatted(cJSON_GetObjectItem(cJSON_GetArrayItem(b, 0), "labels"));
    cr_assert_str_eq(labels, again);
    cr_assert_str_eq(text_of(cJSON_GetArrayItem(b, 0), "endsAt"), "2026-03-01T09:29:59.535Z");
    cJSON_free(labels);
    cJSON_free(again);
    cJSON_Delete(a);
    cJSON_Delete(b);
}

Test(formats, alertmanager_is_told_that_the_alert_of_the_severity_before_is_over)
{
    struct hf_alert_text text = open_drift();
    size_t len;
    text.told_severity = "warning";
    cJSON *json = body_of(hf_alert_format_named("alertmanager"), &text, &len);
    cr_assert_eq(cJSON_GetArraySize(json), 2);
    cr_expect_str_eq(text_of(cJSON_GetObjectItem(cJSON_GetArrayItem(json, 0), "labels"), "severity"), "critical");
    cr_expect_str_eq(text_of(cJSON_GetArrayItem(json, 0), "endsAt"), "2026-03-02T09:30:00.123Z");
    cr_expect_str_eq(text_of(cJSON_GetObjectItem(cJSON_GetArrayItem(json, 1), "labels"), "severity"), "warning");
    cr_expect_str_eq(text_of(cJSON_GetArrayItem(json, 1), "endsAt"), "2026-03-01T09:30:00.123Z");
    cJSON_Delete(json);
}

Test(formats, an_unknown_service_has_none)
{
    cr_assert_null(hf_alert_format_named("smoke-signals"));
    cr_assert_null(hf_alert_format_at(hf_alert_format_count()));
}
