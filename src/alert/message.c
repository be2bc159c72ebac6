/* The generic webhook's body and signature. Pure. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "channel.h"
#include "holdfast/alert.h"
#include "holdfast/digest.h"
#include "holdfast/mem.h"

#define SECRET_PREFIX "whsec_"

static const char *text_of(const cJSON *event, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(event, name);
    return cJSON_IsString(value) && value->valuestring[0] ? value->valuestring : NULL;
}

static void add_member(struct hf_buf *body, const char *name, const char *value)
{
    hf_buf_addf(body, "\"%s\":", name);
    hf_buf_add_json(body, hf_slice_of(value));
    hf_buf_addc(body, ',');
}

/* "dev/Deployment/traderx-dev/trade-service": what the event is about. */
static void add_subject(struct hf_buf *body, const cJSON *event)
{
    static const char *const PARTS[] = {"target", "kind", "namespace", "name"};
    hf_auto_buf struct hf_buf subject = {0};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        const char *part = text_of(event, PARTS[i]);
        if (part) {
            hf_buf_adds(&subject, subject.len > 0 ? "/" : "");
            hf_buf_adds(&subject, part);
        }
    }
    if (subject.failed) {
        body->failed = true;
    } else if (subject.len > 0) {
        add_member(body, "subject", subject.ptr);
    }
}

static void add_event(struct hf_buf *body, const struct hf_alert_message *message, const cJSON *event)
{
    const char *type = text_of(event, "type");
    const char *at = text_of(event, "at");
    hf_buf_adds(body, "{\"specversion\":\"1.0\",");
    add_member(body, "id", message->key);
    add_member(body, "source", "holdfast");
    hf_buf_adds(body, "\"type\":");
    hf_auto_buf struct hf_buf name = {0};
    hf_buf_addf(&name, "dev.holdfast.%s", type ? type : "event");
    hf_buf_add_json(body, hf_slice_of(hf_buf_text(&name)));
    body->failed |= name.failed;
    hf_buf_addc(body, ',');
    if (at) {
        add_member(body, "time", at);
    }
    add_subject(body, event);
    hf_buf_adds(body, "\"datacontenttype\":\"application/json\",\"data\":");
    hf_buf_adds(body, message->event_json);
    hf_buf_addc(body, '}');
}

int hf_alert_body(struct hf_buf *body, const struct hf_alert_message *message, struct hf_error *err)
{
    cJSON *event = cJSON_ParseWithOpts(message->event_json, NULL, 1);
    if (!cJSON_IsObject(event)) {
        cJSON_Delete(event);
        return hf_error_set(err, HF_EPARSE, "alert %" PRId64 ": the event is no JSON object", message->id);
    }
    add_event(body, message, event);
    cJSON_Delete(event);
    return hf_buf_ok(body) ? 0 : hf_error_set(err, HF_ENOMEM, "alert %" PRId64 ": no memory for its body", message->id);
}

/* A secret as the specification writes it is base64 behind "whsec_"; any other text is the key itself. */
static int read_key(const char *secret, struct hf_buf *key, struct hf_error *err)
{
    if (strncmp(secret, SECRET_PREFIX, sizeof SECRET_PREFIX - 1) != 0) {
        hf_buf_adds(key, secret);
    } else if (hf_base64_decode(hf_slice_of(secret + sizeof SECRET_PREFIX - 1), key, err) != 0) {
        return hf_error_set(err, HF_EINVAL, "an alert channel's secret begins with %s but what follows is not base64",
                            SECRET_PREFIX);
    }
    return hf_buf_ok(key) ? 0 : hf_error_set(err, HF_ENOMEM, "no memory to sign an alert");
}

int hf_alert_signature(struct hf_buf *out, const char *secret, const char *id, int64_t timestamp_s, const char *body,
                       size_t len, struct hf_error *err)
{
    struct hf_buf key = {0};
    hf_auto_buf struct hf_buf content = {0};
    struct hf_digest digest;
    int result = read_key(secret, &key, err);
    if (result == 0) {
        hf_buf_addf(&content, "%s.%" PRId64 ".", id, timestamp_s);
        hf_buf_add(&content, body, len);
        result = hf_buf_ok(&content) ? hf_hmac_sha256(key.ptr, key.len, content.ptr, content.len, &digest, err)
                                     : hf_error_set(err, HF_ENOMEM, "no memory to sign an alert");
    }
    if (key.ptr) {
        hf_wipe(key.ptr, key.len);
    }
    hf_buf_free(&key);
    if (result != 0) {
        return -1;
    }
    hf_buf_adds(out, "v1,");
    hf_buf_add_base64(out, digest.bytes, sizeof digest.bytes);
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "no memory to sign an alert");
}

const char *hf_alert_content_type(const struct hf_alert_format *format, bool is_grouped)
{
    return strcmp(format->type, "webhook") != 0 ? "application/json; charset=utf-8"
           : is_grouped                         ? "application/cloudevents-batch+json; charset=utf-8"
                                                : "application/cloudevents+json; charset=utf-8";
}
