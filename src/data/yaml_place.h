/* Places in a YAML input: libyaml counts characters, we give lines and bytes. */
#ifndef HF_DATA_YAML_PLACE_H
#define HF_DATA_YAML_PLACE_H

#include <yaml.h>

#include "holdfast/error.h"
#include "holdfast/text.h"

struct hf_yaml_place {
    const char *bytes;
    size_t len;
    bool ascii;
    /* The last place asked for; the next one is looked for from here. */
    size_t character;
    size_t at;
    size_t line_start;
};

void hf_yaml_place_init(struct hf_yaml_place *place, const char *bytes, size_t len);
/* The byte of a mark, and its column in bytes from 1. */
size_t hf_yaml_place_of(struct hf_yaml_place *place, const yaml_mark_t *mark, uint32_t *column);

/* The length of the line end at these bytes, 0 when there is none: line feed, carriage return, and what YAML 1.1 adds.
 */
size_t hf_yaml_break(const char *at, size_t left);

/* What libyaml says of its failure, as "line L, column C: found X, expected Y". Returns -1. */
int hf_yaml_problem(struct hf_yaml_place *place, const yaml_parser_t *parser, struct hf_error *err);

#endif
