/* One step through UTF-8, shared by the escapers. */
#ifndef HF_BASE_UTF8_H
#define HF_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The length of the well-formed sequence at bytes (RFC 3629) and its code point; 0 when it is malformed. */
size_t hf_utf8_step(const unsigned char *bytes, size_t len, uint32_t *point);

#endif
