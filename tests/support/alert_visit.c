/* What the services' checks have in common: findings, answers, texts. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "alert_services.h"

static void add_finding(struct visit *visit, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void add_finding(struct visit *visit, const char *format, va_list args)
{
    char text[600];
    (void)vsnprintf(text, sizeof text, format, args);
    cJSON_AddItemToArray(visit->findings, cJSON_CreateString(text));
}

void find(struct visit *visit, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_finding(visit, format, args);
    va_end(args);
}

void refuse(struct visit *visit, int status, const char *type, const char *format, ...)
{
    va_list args;
    if (visit->status == 0) {
        visit->status = status;
        visit->answer_type = type;
        va_start(args, format);
        (void)vsnprintf(visit->answer, sizeof visit->answer, format, args);
        va_end(args);
    }
    va_start(args, format);
    add_finding(visit, format, args);
    va_end(args);
}

void accept_with(struct visit *visit, int status, const char *type, const char *format, ...)
{
    va_list args;
    if (visit->status == 0) {
        visit->status = status;
        visit->answer_type = type;
        va_start(args, format);
        (void)vsnprintf(visit->answer, sizeof visit->answer, format, args);
        va_end(args);
    }
}

size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

const char *text_in(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text ? text : "";
}

bool is_type(const struct visit *visit, const char *media_type)
{
    size_t len = strlen(media_type);
    const char *rest = visit->content_type + len;
    if (strncasecmp(visit->content_type, media_type, len) != 0) {
        return false;
    }
    rest += strspn(rest, " ");
    return !*rest || (*rest == ';' && strcasestr(rest, "charset=utf-8"));
}

void know_members(struct visit *visit, const char *where, const cJSON *object, const char *const *names)
{
    const cJSON *member;
    if (!cJSON_IsObject(object)) {
        find(visit, "%s is no object", where);
        return;
    }
    cJSON_ArrayForEach(member, object)
    {
        bool known = false;
        for (size_t i = 0; names[i] && !known; i++) {
            known = strcmp(names[i], member->string) == 0;
        }
        if (!known) {
            find(visit, "%s has a member \"%s\", which the service does not know", where, member->string);
        }
    }
}

bool is_within(struct visit *visit, const char *where, const char *text, size_t least, size_t most)
{
    size_t count = characters(text);
    bool is = count >= least && count <= most;
    if (!is) {
        find(visit, "%s has %zu characters, expected %zu to %zu", where, count, least, most);
    }
    return is;
}

/* The length of the character at text, 0 when it is none. */
static size_t character(const unsigned char *text, uint32_t *out)
{
    size_t len = text[0] < 0x80 ? 1 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;
    uint32_t code = len == 1 ? text[0] : text[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3fu);
    }
    bool is_short = (len == 3 && code < 0x800) || (len == 4 && (code < 0x10000 || code > 0x10ffff));
    *out = code;
    return is_short || (code >= 0xd800 && code < 0xe000) ? 0 : len;
}

static void read_text(struct visit *visit, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        uint32_t code;
        size_t len = character(at, &code);
        if (len == 0) {
            find(visit, "text that is no UTF-8: %.60s", text);
            return;
        }
        bool is_control = (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
        bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0x200e ||
                     code == 0x200f || code == 0x61c;
        if (is_control || turns) {
            find(visit, "text with the character U+%04X: %.60s", code, text);
            return;
        }
        at += len;
    }
}

void read_all_texts(struct visit *visit, const cJSON *json)
{
    const cJSON *member;
    if (cJSON_IsString(json)) {
        read_text(visit, json->valuestring);
    }
    cJSON_ArrayForEach(member, json)
    {
        if (member->string) {
            read_text(visit, member->string);
        }
        read_all_texts(visit, member);
    }
}

/* RFC 3339, as these senders write it. */
bool is_time(const char *text)
{
    static const char FORM[] = "0000-00-00T00:00:00";
    for (size_t i = 0; FORM[i]; i++) {
        if (FORM[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != FORM[i]) {
            return false;
        }
    }
    text += sizeof FORM - 1;
    if (*text == '.') {
        text++;
        size_t digits = strspn(text, "0123456789");
        if (digits == 0) {
            return false;
        }
        text += digits;
    }
    return strcmp(text, "Z") == 0 || ((*text == '+' || *text == '-') && strlen(text) == 6);
}
