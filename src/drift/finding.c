/* What is found, put into words: paths, values (a Secret's only as a keyed digest), and who did it. */
#include <string.h>

#include "holdfast/clock.h"
#include "holdfast/json.h"
#include "walk.h"

#define MOST_VALUE 4096u
#define DEFAULT_FINDINGS 200u

static void cut(struct hf_buf *buf, size_t len)
{
    buf->len = len;
    if (buf->ptr) {
        buf->ptr[len] = '\0';
    }
}

static const char *keep(struct walk *walk, const struct hf_buf *text)
{
    char *copy = hf_buf_ok(text) ? hf_arena_copy(walk->arena, hf_buf_text(text), text->len) : NULL;
    walk->failed |= !copy;
    return copy;
}

/* A keyed digest and the length: enough to tell two values apart, and to say that one came back. */
static void add_masked(struct walk *walk, struct hf_buf *out, const struct hf_value *value)
{
    struct hf_digest digest;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf plain = {0};
    hf_auto_buf struct hf_buf decoded = {0};
    if (value->kind == HF_STRING && hf_base64_decode(value->as.text, &decoded, &err) == 0) {
        hf_buf_add(&plain, hf_buf_text(&decoded), decoded.len);
    } else {
        hf_canonical_write(&plain, value);
    }
    if (hf_hmac_sha256(walk->input->secret_key, walk->input->secret_key_len, hf_buf_text(&plain), plain.len, &digest,
                       &err) != 0) {
        hf_buf_adds(out, "\"(masked)\"");
    } else {
        hf_buf_adds(out, "\"hmac-sha256:");
        hf_buf_add_hex(out, digest.bytes, sizeof digest.bytes);
        hf_buf_addf(out, " (%zu bytes)\"", plain.len);
    }
    hf_wipe(decoded.ptr, decoded.cap);
    hf_wipe(plain.ptr, plain.cap);
}

/* Of a Secret only what can hold no value of it is told: a client-side apply writes the values into an annotation, and
 * a unit may have them in the wrong place. */
static bool is_masked(const struct walk *walk)
{
    static const char *const TOLD[] = {"/type", "/immutable", "/metadata/labels", "/metadata/finalizers",
                                       "/metadata/ownerReferences"};
    const char *path = hf_buf_text(&walk->path);
    for (size_t i = 0; walk->is_secret && i < sizeof TOLD / sizeof TOLD[0]; i++) {
        size_t len = strlen(TOLD[i]);
        if (strncmp(path, TOLD[i], len) == 0 && (path[len] == '\0' || path[len] == '/')) {
            return false;
        }
    }
    return walk->is_secret;
}

static void add_value(struct walk *walk, struct hf_buf *out, const struct hf_value *value)
{
    if (!is_masked(walk)) {
        hf_json_write(out, value);
    } else if (value->kind == HF_OBJECT) {
        hf_buf_addc(out, '{');
        for (size_t i = 0; i < value->as.object.count; i++) {
            hf_buf_adds(out, i ? "," : "");
            hf_buf_add_json(out, value->as.object.members[i].key);
            hf_buf_addc(out, ':');
            add_masked(walk, out, &value->as.object.members[i].value);
        }
        hf_buf_addc(out, '}');
    } else {
        add_masked(walk, out, value);
    }
}

static const char *tell_value(struct walk *walk, const struct hf_value *value)
{
    if (!value) {
        return NULL;
    }
    struct hf_buf out = {0};
    add_value(walk, &out, value);
    if (out.len > MOST_VALUE) {
        size_t end = MOST_VALUE;
        while (end > 0 && ((unsigned char)out.ptr[end] & 0xC0) == 0x80) {
            end--;
        }
        cut(&out, end);
        hf_buf_adds(&out, "…");
    }
    const char *kept = keep(walk, &out);
    hf_buf_free(&out);
    return kept;
}

/* The live object may go before the findings do. */
static const char *keep_text(struct walk *walk, const char *text)
{
    char *copy = text ? hf_arena_copy(walk->arena, text, strlen(text)) : NULL;
    walk->failed |= text && !copy;
    return copy;
}

/* Whoever wrote what is live: the latest that claims the place. Our own apply did not write another value than desired.
 */
static const struct owner *author(const struct walk *walk, const struct claims *claims, enum hf_class class)
{
    const struct owner *found = NULL;
    for (size_t i = 0; i < walk->owner_count; i++) {
        const struct owner *owner = &walk->owners[i];
        if ((!claims->at[i] && !claims->whole[i]) || (owner->is_ours && class != HF_LEFTOVER)) {
            continue;
        }
        if (!found || owner->at_ms > found->at_ms) {
            found = owner;
        }
    }
    return found;
}

static bool grow(struct walk *walk)
{
    if (walk->count < walk->cap) {
        return true;
    }
    size_t cap = walk->cap ? walk->cap * 2 : 8;
    struct hf_finding *findings = hf_arena_array(walk->arena, cap, sizeof *findings);
    if (!findings) {
        walk->failed = true;
        return false;
    }
    if (walk->count > 0) {
        memcpy(findings, walk->findings, walk->count * sizeof *findings);
    }
    walk->findings = findings;
    walk->cap = cap;
    return true;
}

void hf_walk_find(struct walk *walk, enum hf_class class, const struct hf_value *desired, const struct hf_value *live,
                  const struct claims *claims)
{
    walk->differs = true;
    if (walk->quiet) {
        return;
    }
    size_t most = walk->input->max_findings ? walk->input->max_findings : DEFAULT_FINDINGS;
    if (walk->count >= most) {
        walk->left_out++;
        return;
    }
    if (!grow(walk)) {
        return;
    }
    hf_walk_write(walk);
    const struct owner *owner = live ? author(walk, claims, class) : NULL;
    walk->findings[walk->count++] =
        (struct hf_finding){.path = keep(walk, &walk->path),
                            .desired_path = keep(walk, &walk->desired),
                            .readable = keep(walk, &walk->readable),
                            .keyed = keep(walk, &walk->keyed),
                            .class = class,
                            .desired = tell_value(walk, desired),
                            .live = tell_value(walk, live),
                            .manager = keep_text(walk, owner ? owner->manager : NULL),
                            .operation = keep_text(walk, owner ? owner->operation : NULL),
                            .subresource = keep_text(walk, owner ? owner->subresource : NULL),
                            .at_ms = owner ? owner->at_ms : HF_TIME_NONE,
                            .untyped = walk->untyped,
                            .unowned = class == HF_EXTRA_FIELD};
}
