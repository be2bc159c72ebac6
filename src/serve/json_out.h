/* Writing JSON and HTML. */
#ifndef HOLDFAST_SERVE_JSON_OUT_H
#define HOLDFAST_SERVE_JSON_OUT_H

#include "holdfast/jsonout.h"

/* Text for HTML, in an element or in a quoted attribute: markup becomes entities; controls, and the marks that turn the
 * reading direction, become visible escapes; invalid UTF-8 becomes U+FFFD. NULL adds nothing. */
void hf_html_add(struct hf_buf *out, const char *text);

#endif
