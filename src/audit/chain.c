/* Each row's digest covers its content and the digest of the row before. docs/trail.md tells how anybody recomputes it.
 */
#include <string.h>

#include "trail.h"

const char HF_CHAIN_START[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

int hf_chain_init(struct hf_chain *chain, const void *key, size_t key_len, struct hf_error *err)
{
    memset(chain, 0, sizeof *chain);
    chain->hasher = hf_hasher_new(err);
    if (!chain->hasher) {
        return -1;
    }
    if (key) {
        chain->key = hf_calloc(1, key_len ? key_len : 1);
        if (!chain->key) {
            hf_chain_free(chain);
            return hf_error_set(err, HF_ENOMEM, "audit chain: out of memory");
        }
        memcpy(chain->key, key, key_len);
        chain->key_len = key_len;
    }
    return 0;
}

void hf_chain_free(struct hf_chain *chain)
{
    hf_hasher_free(chain->hasher);
    hf_buf_free(&chain->canonical);
    if (chain->key) {
        hf_wipe(chain->key, chain->key_len);
        free(chain->key);
    }
    memset(chain, 0, sizeof *chain);
}

static void add_integer(struct hf_buf *buf, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (value < 0) {
        *--at = '-';
    }
    hf_buf_add(buf, at, (size_t)(digits + sizeof digits - at));
}

/* Text known to be UTF-8: only what RFC 8259 makes one escape is looked for. The same bytes as hf_buf_add_json gives.
 */
static void add_string(struct hf_buf *buf, struct hf_slice text)
{
    size_t clean = 0;
    while (clean < text.len && (unsigned char)text.ptr[clean] >= 0x20 && text.ptr[clean] != '"' &&
           text.ptr[clean] != '\\') {
        clean++;
    }
    if (clean < text.len) {
        hf_buf_add_json(buf, text);
        return;
    }
    hf_buf_addc(buf, '"');
    hf_buf_add(buf, text.ptr, text.len);
    hf_buf_addc(buf, '"');
}

static void add_key(struct hf_buf *buf, const char *name)
{
    hf_buf_adds(buf, buf->ptr[buf->len - 1] == '{' ? "\"" : ",\"");
    hf_buf_adds(buf, name);
    hf_buf_adds(buf, "\":");
}

void hf_chain_canonical(struct hf_buf *buf, const struct hf_row *row)
{
    bool has_id = false;
    hf_buf_addc(buf, '{');
    for (size_t i = 0; i < HF_COLUMN_COUNT && buf->ptr; i++) {
        const struct hf_cell *cell = &row->cells[i];
        if (!has_id && strcmp(hf_columns[i].name, "id") > 0) {
            add_key(buf, "id");
            add_integer(buf, row->id);
            has_id = true;
        }
        if (cell->is_integer) {
            add_key(buf, hf_columns[i].name);
            add_integer(buf, cell->integer);
        } else if (cell->text.ptr) {
            add_key(buf, hf_columns[i].name);
            add_string(buf, cell->text);
        }
    }
    hf_buf_addc(buf, '}');
}

static int hash(struct hf_chain *chain, bool keyed, struct hf_digest *digest, struct hf_error *err)
{
    if (keyed) {
        return hf_hmac_sha256(chain->key, chain->key_len, chain->canonical.ptr, chain->canonical.len, digest, err);
    }
    if (hf_hasher_add(chain->hasher, chain->canonical.ptr, chain->canonical.len, err) != 0) {
        return -1;
    }
    return hf_hasher_finish(chain->hasher, digest, err);
}

int hf_chain_digest(struct hf_chain *chain, const char *previous, const struct hf_row *row, bool keyed,
                    char out[HF_TRAIL_DIGEST_TEXT], struct hf_error *err)
{
    struct hf_digest digest;
    hf_buf_clear(&chain->canonical);
    hf_buf_adds(&chain->canonical, previous);
    hf_buf_addc(&chain->canonical, '\n');
    hf_chain_canonical(&chain->canonical, row);
    if (!hf_buf_ok(&chain->canonical)) {
        hf_buf_free(&chain->canonical);
        return hf_error_set(err, HF_ENOMEM, "audit chain: out of memory");
    }
    if (hash(chain, keyed, &digest, err) != 0) {
        return -1;
    }
    char text[HF_SHA256_TEXT];
    hf_digest_text(&digest, text);
    memcpy(out, "hmac-", 5);
    memcpy(out + (keyed ? 5 : 0), text, sizeof text);
    return 0;
}
