/* Where machines read: PagerDuty, Alertmanager, and whoever takes Standard Webhooks with CloudEvents in them. */
#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alert_services.h"

static const char JSON[] = "application/json";

static void remember(struct visit *visit, const char *name, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(visit->desk->known, name);
    cJSON_AddStringToObject(visit->desk->known, name, value);
}

/* --- PagerDuty Events API v2. https://developer.pagerduty.com/docs/events-api-v2-overview and …/send-alert-event:
 * summary 1,024 characters, dedup_key 255, 512 KB; the answers: https://raw.githubusercontent.com/PagerDuty/api-schema/
 * main/reference/events-v2/openapiv3.json */

enum { PAGERDUTY_SIZE = 512 * 1024 };

static void refuse_event(struct visit *visit, const char *why)
{
    refuse(visit, 400, JSON,
           "{\"status\":\"invalid event\",\"message\":\"Event object is invalid\",\"errors\":[\"%s\"]}", why);
}

static void read_payload(struct visit *visit, const cJSON *payload)
{
    static const char *const PAYLOAD[] = {"summary", "source", "severity",       "timestamp", "component",
                                          "group",   "class",  "custom_details", NULL};
    const char *severity = text_in(payload, "severity");
    const char *time = text_in(payload, "timestamp");
    know_members(visit, "the payload", payload, PAYLOAD);
    (void)snprintf(visit->title, sizeof visit->title, "%s", text_in(payload, "summary"));
    if (!is_within(visit, "the summary", text_in(payload, "summary"), 1, 1024)) {
        refuse_event(visit, "'payload.summary' is missing or blank");
    }
    if (!*text_in(payload, "source")) {
        refuse_event(visit, "'payload.source' is missing or blank");
    }
    if (strcmp(severity, "critical") && strcmp(severity, "error") && strcmp(severity, "warning") &&
        strcmp(severity, "info")) {
        refuse_event(visit,
                     "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' "
                     "or 'info')");
    }
    if (*time && !is_time(time)) {
        refuse_event(visit, "'payload.timestamp' is invalid");
    }
}

static void read_alert(struct visit *visit, const char *action, const char *key)
{
    (void)snprintf(visit->about, sizeof visit->about, "%s", key);
    (void)snprintf(visit->state, sizeof visit->state, "%s", action);
    remember(visit, key, action);
}

static void pagerduty(struct visit *visit)
{
    static const char *const EVENT[] = {"routing_key", "event_action", "dedup_key", "client", "client_url",
                                        "links",       "images",       "payload",   NULL};
    static const char *const LINK[] = {"href", "text", NULL};
    const cJSON *link;
    const char *key = text_in(visit->json, "dedup_key");
    const char *action = text_in(visit->json, "event_action");
    const char *routing = text_in(visit->json, "routing_key");
    if (!is_type(visit, JSON) || !cJSON_IsObject(visit->json)) {
        refuse_event(visit, "JSON is invalid");
        return;
    }
    if (visit->len > PAGERDUTY_SIZE) {
        refuse(visit, 413, "text/plain", "Request Entity Too Large");
    }
    if (strlen(routing) != 32) {
        refuse_event(visit, "Length of 'routing_key' is incorrect (should be 32 characters)");
    } else if (strcmp(routing, visit->desk->token) != 0) {
        refuse_event(visit, "Invalid routing key");
    }
    if (strcmp(action, "trigger") != 0 && strcmp(action, "resolve") != 0) {
        refuse_event(visit, "'event_action' is invalid");
    }
    if (!is_within(visit, "the dedup_key", key, 1, 255)) {
        refuse_event(visit, "'dedup_key' is too long");
    }
    know_members(visit, "the event", visit->json, EVENT);
    read_payload(visit, cJSON_GetObjectItemCaseSensitive(visit->json, "payload"));
    cJSON_ArrayForEach(link, cJSON_GetObjectItemCaseSensitive(visit->json, "links"))
    {
        know_members(visit, "a link", link, LINK);
        if (strncmp(text_in(link, "href"), visit->desk->links, strlen(visit->desk->links)) != 0) {
            find(visit, "a link to %.100s", text_in(link, "href"));
        }
    }
    read_all_texts(visit, visit->json);
    if (visit->status == 0) {
        read_alert(visit, action, key);
    }
    accept_with(visit, 202, JSON, "{\"status\":\"success\",\"message\":\"Event processed\",\"dedup_key\":\"%s\"}", key);
}

/* --- Prometheus Alertmanager. https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml; what an alert
 * must be: types.Alert.Validate and model.Alert.Validate of prometheus/common. */

static bool is_label(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_') {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(name);
}

static void read_labels(struct visit *visit, const cJSON *labels, const char *where, bool may_be_none)
{
    const cJSON *label;
    if (!cJSON_IsObject(labels) || (!may_be_none && cJSON_GetArraySize(labels) == 0)) {
        refuse(visit, 400, JSON, "\"at least one label pair required\"");
    }
    cJSON_ArrayForEach(label, labels)
    {
        if (!is_label(label->string) || !cJSON_IsString(label) || !label->valuestring[0]) {
            refuse(visit, 400, JSON, "\"invalid %s: invalid name or value \\\"%.60s\\\"\"", where, label->string);
        }
    }
}

static int64_t seconds_of(const char *text)
{
    struct tm time = {0};
    return is_time(text) && strptime(text, "%Y-%m-%dT%H:%M:%S", &time) ? (int64_t)timegm(&time) : -1;
}

/* Its labels are what Alertmanager knows an alert by: with others it is another alert, and the first stays. */
static void know_alert(struct visit *visit, const cJSON *labels, bool is_over)
{
    const char *incident = text_in(labels, "incident");
    char *mark = cJSON_PrintUnformatted(labels);
    remember(visit, mark, is_over ? "" : incident);
    (void)snprintf(visit->about, sizeof visit->about, "%s", incident);
    if (!is_over || !visit->state[0]) {
        (void)snprintf(visit->state, sizeof visit->state, "%s", is_over ? "resolved" : "firing");
    }
    cJSON_free(mark);
}

static void count_firing(struct visit *visit)
{
    const cJSON *alert;
    int count = 0;
    cJSON_ArrayForEach(alert, visit->desk->known)
    {
        count += visit->about[0] && strcmp(alert->valuestring, visit->about) == 0;
    }
    if (count > 1) {
        find(visit, "%d alerts of one incident fire: the labels have changed", count);
    }
}

static void read_posted(struct visit *visit, const cJSON *alert)
{
    static const char *const ALERT[] = {"labels", "annotations", "startsAt", "endsAt", "generatorURL", NULL};
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(alert, "labels");
    const cJSON *annotations = cJSON_GetObjectItemCaseSensitive(alert, "annotations");
    const char *link = text_in(alert, "generatorURL");
    int64_t starts = seconds_of(text_in(alert, "startsAt"));
    int64_t ends = seconds_of(text_in(alert, "endsAt"));
    know_members(visit, "an alert", alert, ALERT);
    read_labels(visit, labels, "label set", false);
    read_labels(visit, annotations, "annotations", true);
    (void)snprintf(visit->title, sizeof visit->title, "%s", text_in(annotations, "summary"));
    if (!*text_in(labels, "alertname") || !*text_in(annotations, "summary")) {
        find(visit, "an alert without a name or a summary");
    }
    if ((*text_in(alert, "startsAt") && starts < 0) || (*text_in(alert, "endsAt") && ends < 0)) {
        refuse(visit, 400, JSON, "\"parsing alerts body: invalid time\"");
    } else if (ends >= 0 && starts > ends) {
        refuse(visit, 400, JSON, "\"start time must be before end time\"");
    }
    if (*link && strncmp(link, visit->desk->links, strlen(visit->desk->links)) != 0) {
        find(visit, "a link to %.100s", link);
    }
    if (visit->status == 0) {
        know_alert(visit, labels, ends >= 0 && ends <= (int64_t)time(NULL));
    }
}

static void alertmanager(struct visit *visit)
{
    const cJSON *alert;
    const char *bearer = strncmp(visit->authorization, "Bearer ", 7) == 0 ? visit->authorization + 7 : "";
    if (strcmp(bearer, visit->desk->token) != 0) {
        refuse(visit, 401, "text/plain", "Unauthorized"); /* of the proxy that stands before it */
        return;
    }
    if (!is_type(visit, JSON)) {
        refuse(visit, 415, JSON, "{\"code\":415,\"message\":\"unsupported media type\"}");
        return;
    }
    if (!cJSON_IsArray(visit->json)) {
        refuse(visit, 400, JSON, "{\"code\":400,\"message\":\"parsing alerts body failed\"}");
        return;
    }
    cJSON_ArrayForEach(alert, visit->json)
    {
        read_posted(visit, alert);
    }
    count_firing(visit);
    read_all_texts(visit, visit->json);
    accept_with(visit, 200, JSON, "%s", "");
}

/* --- Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md):
 * the signature of "id.timestamp.body", a timestamp no further away than five minutes. In it CloudEvents 1.0
 * (https://github.com/cloudevents/spec/blob/main/cloudevents/formats/json-format.md), one or a batch. */

static void check_signature(struct visit *visit)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char wanted[100] = "v1,";
    size_t head = strlen(visit->id) + strlen(visit->timestamp) + 2;
    char *content = malloc(head + visit->len + 1);
    if (!content) {
        exit(1);
    }
    (void)snprintf(content, head + 1, "%s.%s.", visit->id, visit->timestamp);
    memcpy(content + head, visit->body, visit->len);
    (void)HMAC(EVP_sha256(), visit->desk->token, (int)strlen(visit->desk->token), (unsigned char *)content,
               head + visit->len, mac, &len);
    free(content);
    (void)EVP_EncodeBlock((unsigned char *)wanted + 3, mac, (int)len);
    if (strcmp(visit->signature, wanted) != 0) {
        refuse(visit, 401, "text/plain", "no signature fits");
    }
    int64_t age = (int64_t)time(NULL) - strtoll(visit->timestamp, NULL, 10);
    if (age > 300 || age < -300) {
        refuse(visit, 400, "text/plain", "a timestamp of %lld seconds ago", (long long)age);
    }
    if (!*visit->id || strchr(visit->id, '.')) {
        refuse(visit, 400, "text/plain", "no id, or one with a full stop");
    }
}

static void read_event(struct visit *visit, const cJSON *event, bool is_one)
{
    static const char *const EVENT[] = {"specversion",     "id",   "source",  "type", "time",
                                        "datacontenttype", "data", "subject", NULL};
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(event, "data");
    know_members(visit, "the event", event, EVENT);
    if (strcmp(text_in(event, "specversion"), "1.0") != 0 || !*text_in(event, "id") || !*text_in(event, "source") ||
        !*text_in(event, "type") || !cJSON_IsObject(data) || strcmp(text_in(event, "datacontenttype"), JSON) != 0) {
        refuse(visit, 400, "text/plain", "no CloudEvent 1.0 with an object as its data");
    }
    if (!is_time(text_in(event, "time"))) {
        find(visit, "the time %s", text_in(event, "time"));
    }
    if (is_one && strcmp(text_in(event, "id"), visit->id) != 0) {
        find(visit, "the event's id is %s", text_in(event, "id"));
    }
    (void)snprintf(visit->about, sizeof visit->about, "%s", text_in(data, "incident"));
    (void)snprintf(visit->state, sizeof visit->state, "%s", text_in(data, "type"));
    (void)snprintf(visit->title, sizeof visit->title, "%s", text_in(data, "message"));
}

static void webhook(struct visit *visit)
{
    const cJSON *event;
    bool is_batch = is_type(visit, "application/cloudevents-batch+json");
    const cJSON *events = is_batch ? visit->json : NULL;
    check_signature(visit);
    if (visit->len > 1 << 20) {
        refuse(visit, 413, "text/plain", "%zu bytes", visit->len);
    }
    if (is_batch ? !cJSON_IsArray(visit->json)
                 : !is_type(visit, "application/cloudevents+json") || !cJSON_IsObject(visit->json)) {
        refuse(visit, 415, "text/plain", "no CloudEvents");
        return;
    }
    if (!is_batch) {
        read_event(visit, visit->json, true);
    }
    cJSON_ArrayForEach(event, events)
    {
        read_event(visit, event, false);
    }
    accept_with(visit, 204, "text/plain", "%s", "");
}

const struct service alert_machines[] = {
    {"pagerduty", "/v2/enqueue", pagerduty, "text/html", "not found",
     "{\"status\":\"throttle exceeded\",\"message\":\"Requests for this service are arriving too quickly.\"}"},
    {"alertmanager", "/api/v2/alerts", alertmanager, "text/plain", "404 page not found", "too many requests"},
    {"webhook", "/hook", webhook, "text/plain", "not found", "later"},
    {0}};
