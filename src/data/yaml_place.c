#include "yaml_place.h"

#include <string.h>

#include "found.h"

void hf_yaml_place_init(struct hf_yaml_place *place, const char *bytes, size_t len)
{
    unsigned char seen = 0;
    for (size_t i = 0; i < len; i++) {
        seen |= (unsigned char)bytes[i];
    }
    *place = (struct hf_yaml_place){.bytes = bytes, .len = len, .ascii = !(seen & 0x80)};
}

static size_t width(unsigned char lead)
{
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t hf_yaml_break(const char *at, size_t left)
{
    if (left == 0) {
        return 0;
    }
    if (*at == '\r') {
        return left > 1 && at[1] == '\n' ? 2 : 1;
    }
    if (*at == '\n') {
        return 1;
    }
    if (left >= 2 && memcmp(at, "\xC2\x85", 2) == 0) {
        return 2;
    }
    return left >= 3 && (memcmp(at, "\xE2\x80\xA8", 3) == 0 || memcmp(at, "\xE2\x80\xA9", 3) == 0) ? 3 : 0;
}

size_t hf_yaml_place_of(struct hf_yaml_place *place, const yaml_mark_t *mark, uint32_t *column)
{
    if (place->ascii) {
        *column = mark->column < UINT32_MAX ? (uint32_t)mark->column + 1 : UINT32_MAX;
        return mark->index < place->len ? mark->index : place->len;
    }
    if (mark->index < place->character) {
        place->character = place->at = place->line_start = 0;
    }
    while (place->character < mark->index && place->at < place->len) {
        size_t bytes = width((unsigned char)place->bytes[place->at]);
        bytes = bytes < place->len - place->at ? bytes : place->len - place->at;
        if (hf_yaml_break(place->bytes + place->at, place->len - place->at) > 0) {
            place->line_start = place->at + bytes;
        }
        place->at += bytes;
        place->character++;
    }
    size_t count = place->at - place->line_start + 1;
    *column = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    return place->at;
}

/* libyaml's words for a problem, and what would have been right. */
static const struct {
    const char *problem; /* how it begins */
    const char *expected;
} PROBLEMS[] = {
    {"did not find expected <document start>", "'---' or the end of the document"},
    {"did not find expected <stream-start>", "YAML"},
    {"did not find expected node content", "a value"},
    {"did not find expected '-' indicator", "'- ' and the next item, or less indentation"},
    {"did not find expected key", "a key in line with the others, or less indentation"},
    {"did not find expected ',' or ']'", "',' or ']'"},
    {"did not find expected ',' or '}'", "',' or '}'"},
    {"could not find expected ':'", "': ' behind the key"},
    {"mapping values are not allowed in this context",
     "no second ': ' here (quote the text, or check the indentation)"},
    {"block sequence entries are not allowed in this context", "no '- ' here (begin a new line)"},
    {"mapping keys are not allowed in this context", "no '? ' here (begin a new line)"},
    {"found character that cannot start any token",
     "a value (text that begins with this is quoted; indentation is spaces)"},
    {"found a tab character that violates indentation", "spaces, not a tab, as indentation"},
    {"found a tab character where an indentation space is expected", "spaces, not a tab, as indentation"},
    {"found unexpected end of stream", "the closing quote"},
    {"found unexpected document indicator", "the closing quote before the next document"},
    {"found unknown escape character", "a known escape (a backslash is written \\\\ in double quotes)"},
    {"did not find expected hexdecimal number", "hexadecimal digits"},
    {"found invalid Unicode character escape code", "the code of a character"},
    {"found undefined tag handle", "a tag that YAML knows (!!str, !!int, …)"},
    {"found incompatible YAML document", "YAML 1.1 or 1.2"},
    {"found duplicate", "each directive once"},
    {"found unknown directive name", "%YAML or %TAG"},
    {"did not find expected alphabetic or numeric character", "a name of letters and digits"},
    {"did not find expected comment or line break", "a comment or the end of the line"},
    {"found an indentation indicator equal to 0", "an indentation from 1 to 9"},
    {"control characters are not allowed", "text without control characters"},
    {"invalid leading UTF-8 octet", "UTF-8"},
    {"invalid trailing UTF-8 octet", "UTF-8"},
    {"incomplete UTF-8 octet sequence", "UTF-8"},
    {"invalid length of a UTF-8 sequence", "UTF-8"},
    {"invalid Unicode character", "UTF-8"},
};

static const char *expected_of(const char *problem)
{
    for (size_t i = 0; i < sizeof PROBLEMS / sizeof PROBLEMS[0]; i++) {
        if (strncmp(problem, PROBLEMS[i].problem, strlen(PROBLEMS[i].problem)) == 0) {
            return PROBLEMS[i].expected;
        }
    }
    return NULL;
}

/* A place given in bytes only. */
static void lines_to(const struct hf_yaml_place *place, size_t at, size_t *line, size_t *column)
{
    size_t start = 0;
    *line = 1;
    for (size_t i = 0; i < at; i++) {
        if (place->bytes[i] == '\n') {
            (*line)++;
            start = i + 1;
        }
    }
    *column = at - start + 1;
}

int hf_yaml_problem(struct hf_yaml_place *place, const yaml_parser_t *parser, struct hf_error *err)
{
    const char *problem = parser->problem ? parser->problem : "";
    if (parser->error == YAML_MEMORY_ERROR) {
        return hf_error_set(err, HF_ENOMEM, "out of memory while reading YAML");
    }
    size_t at;
    size_t line;
    size_t column;
    if (parser->error == YAML_READER_ERROR) {
        at = parser->problem_offset < place->len ? parser->problem_offset : place->len;
        lines_to(place, at, &line, &column);
    } else {
        uint32_t bytes;
        at = hf_yaml_place_of(place, &parser->problem_mark, &bytes);
        line = parser->problem_mark.line + 1;
        column = bytes;
    }
    char found[HF_FOUND_TEXT];
    hf_found(found, place->bytes, place->len, at);
    const char *expected = expected_of(problem);
    char context[120] = "";
    if (parser->context && parser->error != YAML_READER_ERROR && parser->context_mark.line + 1 < line) {
        (void)snprintf(context, sizeof context, " (%s that begins on line %zu)", parser->context,
                       parser->context_mark.line + 1);
    }
    return hf_error_set(err, HF_EPARSE, "line %zu, column %zu: found %s, expected %s%s%s", line, column, found,
                        expected ? expected : "other YAML: ", expected ? "" : problem, context);
}
