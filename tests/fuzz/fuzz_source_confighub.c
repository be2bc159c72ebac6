/* Any bytes as ConfigHub's answers: units, revisions, events, where-expressions' texts. What is read is well formed,
 * and a unit written as JSON reads back to the same. */
#include <stdint.h>
#include <string.h>

#include "confighub_client.h"
#include "confighub_read.h"
#include "confighub_select.h"

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_item(const struct hf_value *value)
{
    struct confighub_item item;
    struct confighub_item again;
    struct hf_error err = HF_ERROR_INIT;
    const struct hf_value *read;
    hf_auto_buf struct hf_buf text = {0};
    hf_auto_buf struct hf_buf second = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena || confighub_read_item(arena, value, &item, &err) != 0) {
        require(!arena || err.code != HF_OK);
        return;
    }
    require(confighub_id_is_sound(item.unit_id) && confighub_id_is_sound(item.space_id) && *item.slug);
    require(item.head >= 0 && item.live >= 0 && item.applied >= 0 && item.version >= 0);
    require(item.gate_count <= CONFIGHUB_MOST_GATES);
    (void)confighub_item_mode(&item);
    confighub_write_item(&text, &item);
    require(hf_buf_ok(&text));
    require(hf_json_read(arena, hf_buf_text(&text), text.len, NULL, &read, &err) == 0);
    require(confighub_read_item(arena, read, &again, &err) == 0);
    confighub_write_item(&second, &again);
    require(strcmp(hf_buf_text(&text), hf_buf_text(&second)) == 0);
    require(again.head == item.head && again.live == item.live && again.gate_count == item.gate_count);
}

static void check_event(const struct hf_value *value)
{
    struct confighub_event event;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (arena) {
        confighub_read_event(arena, value, &event);
        (void)confighub_outcome_of(&event);
        (void)confighub_is_taken(&event);
        require(strlen(event.message) < 20000);
    }
}

static void check_revision(const char *bytes, size_t len)
{
    struct hf_confighub_revision revision;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf data = {0};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (arena && confighub_read_revision(arena, bytes, len, 7, &data, &revision, &err) == 0) {
        require(revision.number == 7 && revision.byte_count == data.len && revision.description && revision.source);
    }
}

/* A text of anybody's in quotes stays one literal: an odd quote can't end it. */
static void check_quotes(const char *bytes, size_t len)
{
    size_t quotes = 0;
    hf_auto_buf struct hf_buf quoted = {0};
    hf_auto_free char *text = hf_strndup(bytes, len < 200 ? len : 200);
    if (!text) {
        return;
    }
    confighub_add_quoted(&quoted, text);
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        quotes += quoted.ptr[i] == '\'';
    }
    require(quotes % 2 == 0);
    (void)confighub_glob(text, "fluffy-bunny-traderx-dev");
    (void)confighub_glob("*a*b*c*d*", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const struct hf_value *value;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    check_revision(bytes, size);
    check_quotes(bytes, size);
    if (!arena || confighub_read_body(arena, bytes, size, &value, &err) != 0) {
        return 0;
    }
    check_item(value);
    check_event(value);
    for (size_t i = 0; i < hf_value_count(value) && value->kind == HF_ARRAY && i < 50; i++) {
        check_item(hf_value_at(value, i));
        check_event(confighub_inner(hf_value_at(value, i), "UnitEvent"));
    }
    return 0;
}
