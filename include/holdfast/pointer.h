/* JSON Pointer (RFC 6901). */
#ifndef HOLDFAST_POINTER_H
#define HOLDFAST_POINTER_H

#include "holdfast/value.h"

/* Appends "/" and the key with ~ and / escaped. */
void hf_pointer_add_key(struct hf_buf *pointer, struct hf_slice key);
void hf_pointer_add_index(struct hf_buf *pointer, size_t index);

/* The value a pointer leads to; NULL when there is none. "" is the whole document. */
const struct hf_value *hf_pointer_get(const struct hf_value *document, struct hf_slice pointer);

/* A copy of document without what the pointer leads to (sharing what is unchanged). *out == document when there was
 * nothing there. -1: HF_EINVAL (malformed pointer), HF_ENOMEM. */
int hf_pointer_remove(struct hf_arena *arena, const struct hf_value *document, struct hf_slice pointer,
                      const struct hf_value **out, struct hf_error *err);

/* Sets the place that a pointer leads to, in a document that is the caller's to change; value is copied shallowly. What
 * holds the place must be there: HF_ENOTFOUND, else. In an array "-" or the index behind the last appends. */
int hf_pointer_put(struct hf_arena *arena, struct hf_value *document, struct hf_slice pointer,
                   const struct hf_value *value, struct hf_error *err);

/* Takes the place out of a document that is the caller's to change; false when there is nothing. */
bool hf_pointer_cut(struct hf_value *document, struct hf_slice pointer);

/* Orders well-formed pointers token by token, indices by number: what stands further down a list comes later, and what
 * is below a place behind it. */
int hf_pointer_compare(const char *a, const char *b);

#endif
