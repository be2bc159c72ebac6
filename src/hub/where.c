/* `where`: relations joined by AND over an entity's attributes. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hub.h"

#define MOST_TEXT 1000

struct reader {
    const char *at;
    const cJSON *entity;
    const cJSON *space;
    struct hf_error *err;
};

static void skip(struct reader *reader)
{
    reader->at += strspn(reader->at, " \t\n");
}

static int refuse(struct reader *reader, const char *wanted)
{
    return hf_error_set(reader->err, HF_EINVAL, "where: found \"%.40s\", expected %s", reader->at, wanted);
}

static bool take_word(struct reader *reader, const char *word)
{
    size_t len = strlen(word);
    skip(reader);
    if (strncasecmp(reader->at, word, len) != 0 || strcspn(reader->at + len, " \t\n(),") > 0) {
        return false;
    }
    reader->at += len;
    return true;
}

/* Labels.a.b is the label "a.b": the rest behind a map's name is its key. */
static const cJSON *attribute(const struct reader *reader, const char *name)
{
    const cJSON *entity = reader->entity;
    if (strncmp(name, "Space.", 6) == 0) {
        entity = reader->space;
        name += 6;
    }
    const cJSON *whole = cJSON_GetObjectItemCaseSensitive(entity, name);
    const char *dot = strchr(name, '.');
    if (whole || !dot) {
        return whole;
    }
    char head[64];
    (void)snprintf(head, sizeof head, "%.*s", (int)(dot - name), name);
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(entity, head), dot + 1);
}

static void text_of(const cJSON *value, char out[MOST_TEXT])
{
    if (cJSON_IsString(value)) {
        (void)snprintf(out, MOST_TEXT, "%s", value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        (void)snprintf(out, MOST_TEXT, "%.17g", value->valuedouble);
    } else {
        (void)snprintf(out, MOST_TEXT, "%s", cJSON_IsTrue(value) ? "true" : cJSON_IsFalse(value) ? "false" : "");
    }
}

/* 'it''s', a number, true or false. */
static int take_literal(struct reader *reader, char out[MOST_TEXT])
{
    size_t len = 0;
    skip(reader);
    if (*reader->at != '\'') {
        len = strcspn(reader->at, " \t\n(),");
        if (len == 0 || len >= MOST_TEXT) {
            return refuse(reader, "a value");
        }
        memcpy(out, reader->at, len);
        out[len] = '\0';
        reader->at += len;
        const cJSON *named = attribute(reader, out); /* HeadRevisionNum > LiveRevisionNum */
        if (named) {
            text_of(named, out);
        } else if (strcspn(out, "0123456789-") != 0 && strcmp(out, "true") != 0 && strcmp(out, "false") != 0) {
            return hf_error_set(reader->err, HF_EINVAL, "where: found %.100s, which is no attribute", out);
        }
        return 0;
    }
    for (reader->at++; *reader->at; reader->at++) {
        if (*reader->at == '\'' && reader->at[1] != '\'') {
            reader->at++;
            out[len] = '\0';
            return 0;
        }
        reader->at += *reader->at == '\'';
        if (len + 1 == MOST_TEXT) {
            return refuse(reader, "a shorter value");
        }
        out[len++] = *reader->at;
    }
    return refuse(reader, "a closing quote");
}

static int compare(const cJSON *value, const char *text, const char *literal)
{
    if (cJSON_IsNumber(value)) {
        double other = strtod(literal, NULL);
        return value->valuedouble < other ? -1 : value->valuedouble > other;
    }
    return strcmp(text, literal);
}

/* % is any text, _ any one character. */
static bool is_like(const char *pattern, const char *text, bool fold)
{
    for (; *pattern; pattern++, text++) {
        if (*pattern == '%') {
            do {
                if (is_like(pattern + 1, text, fold)) {
                    return true;
                }
            } while (*text++);
            return false;
        }
        bool same = fold ? strncasecmp(pattern, text, 1) == 0 : *pattern == *text;
        if (!*text || (*pattern != '_' && !same)) {
            return false;
        }
    }
    return *text == '\0';
}

static int matches(struct reader *reader, const char *pattern, const char *text, bool fold, bool *out)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | (fold ? REG_ICASE : 0)) != 0) {
        return hf_error_set(reader->err, HF_EINVAL, "where: '%.100s' is no regular expression", pattern);
    }
    *out = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return 0;
}

static int is_in(struct reader *reader, const cJSON *value, const char *text, bool *out)
{
    char literal[MOST_TEXT];
    *out = false;
    skip(reader);
    if (*reader->at++ != '(') {
        return refuse(reader, "(");
    }
    do {
        if (take_literal(reader, literal) != 0) {
            return -1;
        }
        *out = *out || compare(value, text, literal) == 0;
        skip(reader);
    } while (*reader->at++ == ',');
    return reader->at[-1] == ')' ? 0 : refuse(reader, ")");
}

static int has_element(struct reader *reader, const cJSON *value, const char *literal, bool *out)
{
    const cJSON *item;
    (void)reader;
    *out = cJSON_IsObject(value) && cJSON_GetObjectItemCaseSensitive(value, literal) != NULL;
    cJSON_ArrayForEach(item, value)
    {
        *out = *out || (cJSON_IsArray(value) && cJSON_IsString(item) && strcmp(item->valuestring, literal) == 0);
    }
    return 0;
}

static const char *const OPERATORS[] = {"!~~", "!~*", "<=", ">=", "!=", "~~", "!~", "~*", "<", ">", "=", "~", "?"};

static int apply(struct reader *reader, const char *operator, const cJSON * value, const char *text, bool *out)
{
    char literal[MOST_TEXT];
    bool inverse = operator[0] == '!';
    const char *core = operator+ inverse;
    if (take_literal(reader, literal) != 0) {
        return -1;
    }
    if (*core == '?') {
        return has_element(reader, value, literal, out);
    }
    int order = compare(value, text, literal);
    if (strcmp(core, "~~") == 0) {
        *out = is_like(literal, text, false);
    } else if (*core == '~') {
        if (matches(reader, literal, text, core[1] == '*', out) != 0) {
            return -1;
        }
    } else {
        *out = (strchr(core, '=') && order == 0) || (*core == '<' && order < 0) || (*core == '>' && order > 0);
    }
    *out = *out != inverse;
    return 0;
}

static int take_relation(struct reader *reader, bool *out)
{
    char name[200];
    char text[MOST_TEXT];
    char literal[MOST_TEXT];
    skip(reader);
    bool is_length = strncasecmp(reader->at, "LEN(", 4) == 0;
    reader->at += is_length ? 4 : 0;
    size_t len = strcspn(reader->at, " \t\n()=<>!~?");
    if (len == 0 || len >= sizeof name) {
        return refuse(reader, "an attribute");
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)len, reader->at);
    reader->at += len;
    if (is_length && *reader->at++ != ')') {
        return refuse(reader, ")");
    }
    const cJSON *value = attribute(reader, name);
    cJSON length = {.type = cJSON_Number, .valuedouble = (double)cJSON_GetArraySize(value)};
    value = is_length ? &length : value;
    text_of(value, text);
    if (take_word(reader, "IS")) {
        bool inverse = take_word(reader, "NOT");
        *out = (!value || cJSON_IsNull(value)) != inverse;
        return take_word(reader, "NULL") ? 0 : refuse(reader, "NULL");
    }
    bool inverse = take_word(reader, "NOT");
    bool fold = false;
    int result;
    if (take_word(reader, "IN")) {
        result = is_in(reader, value, text, out);
    } else if (take_word(reader, "LIKE") || (fold = take_word(reader, "ILIKE"))) {
        result = take_literal(reader, literal);
        *out = result == 0 && is_like(literal, text, fold);
    } else {
        result = inverse ? refuse(reader, "IN or LIKE") : 1;
    }
    if (result <= 0) {
        *out = *out != inverse;
        return result;
    }
    skip(reader);
    for (size_t i = 0; i < sizeof OPERATORS / sizeof OPERATORS[0]; i++) {
        if (strncmp(reader->at, OPERATORS[i], strlen(OPERATORS[i])) == 0) {
            reader->at += strlen(OPERATORS[i]);
            return apply(reader, OPERATORS[i], value, text, out);
        }
    }
    return refuse(reader, "a relation");
}

int hub_where(const char *expression, const cJSON *entity, const cJSON *space, bool *holds, struct hf_error *err)
{
    struct reader reader = {.at = expression, .entity = entity, .space = space, .err = err};
    *holds = true;
    skip(&reader);
    if (!*reader.at) {
        return 0;
    }
    do {
        bool one = false;
        if (take_relation(&reader, &one) != 0) {
            return -1;
        }
        *holds = *holds && one;
    } while (take_word(&reader, "AND"));
    skip(&reader);
    return *reader.at ? refuse(&reader, "AND or the end") : 0;
}
