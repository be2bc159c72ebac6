/* What names may look like: RFC 1123, RFC 1035, and the words of the real server. */
#include <string.h>

#include "write.h"

static bool is_low(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label(const char *text, size_t len, bool letter_first)
{
    if (len == 0 || len > 63 || !is_low(text[0]) || !is_low(text[len - 1]) || (letter_first && text[0] <= '9')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_low(text[i]) && text[i] != '-') {
            return false;
        }
    }
    return true;
}

/* The parts of a subdomain may be longer than a label, the whole may not exceed 253. */
static bool is_subdomain(const char *name)
{
    size_t whole = strlen(name), begin = 0;
    if (whole == 0 || whole > 253) {
        return false;
    }
    for (size_t i = 0; i <= whole; i++) {
        if (i < whole && name[i] != '.') {
            continue;
        }
        if (i == begin || !is_low(name[begin]) || !is_low(name[i - 1])) {
            return false;
        }
        for (size_t j = begin; j < i; j++) {
            if (!is_low(name[j]) && name[j] != '-') {
                return false;
            }
        }
        begin = i + 1;
    }
    return true;
}

const char *sim_name_wrong(const char *name, enum sim_name_rule rule)
{
    switch (rule) {
    case NAME_SUBDOMAIN:
        return is_subdomain(name)
                   ? NULL
                   : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
                     "and "
                     "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation "
                     "is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    case NAME_LABEL:
        return is_label(name, strlen(name), false)
                   ? NULL
                   : "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
                     "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
                     "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    case NAME_LABEL_1035:
        return is_label(name, strlen(name), true)
                   ? NULL
                   : "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
                     "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
                     "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    default:
        return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/%") ? "may not contain '/'" : NULL;
    }
}
