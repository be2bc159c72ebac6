/* `where` expressions, as ConfigHub has them. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "hub.h"

static const char UNIT[] =
    "{\"Slug\":\"trade-service\",\"HeadRevisionNum\":7,\"LiveRevisionNum\":5,\"Labels\":{\"tier\":\"gold\","
    "\"app.kubernetes.io/name\":\"trade\"},\"ApplyGates\":{\"a/b\":true},\"ApprovedBy\":[\"u1\"],"
    "\"TargetID\":null,\"Note\":\"it's\"}";
static const char SPACE[] = "{\"Slug\":\"fluffy-bunny-traderx-dev\",\"Labels\":{\"Environment\":\"dev\"}}";

struct row {
    char where[120];
    int holds; /* -1: it is no expression */
};

ParameterizedTestParameters(where, it_holds_as_confighub_says)
{
    static struct row rows[] = {
        {"", 1},
        {"Slug = 'trade-service'", 1},
        {"Slug != 'trade-service'", 0},
        {"Slug='trade-service' AND HeadRevisionNum>6", 1},
        {"Slug = 'trade-service' AND HeadRevisionNum > 7", 0},
        {"HeadRevisionNum > LiveRevisionNum", 1},
        {"LiveRevisionNum >= HeadRevisionNum", 0},
        {"LiveRevisionNum = 5", 1},
        {"LiveRevisionNum IN (1, 5)", 1},
        {"Slug IN ('a', 'trade-service')", 1},
        {"Slug NOT IN ('a', 'trade-service')", 0},
        {"Slug LIKE 'trade-%'", 1},
        {"Slug LIKE 'trade_service'", 1},
        {"Slug LIKE 'TRADE%'", 0},
        {"Slug ILIKE 'TRADE%'", 1},
        {"Slug NOT LIKE 'x%'", 1},
        {"Slug ~~ '%service'", 1},
        {"Slug !~~ '%service'", 0},
        {"Slug ~ '^trade-(service|feed)$'", 1},
        {"Slug ~ '^TRADE'", 0},
        {"Slug ~* '^TRADE'", 1},
        {"Slug !~* '^TRADE'", 0},
        {"Labels.tier = 'gold'", 1},
        {"Labels.app.kubernetes.io/name = 'trade'", 1},
        {"Labels.none = 'gold'", 0},
        {"Labels.none IS NULL", 1},
        {"Labels.tier IS NOT NULL", 1},
        {"TargetID IS NULL", 1},
        {"Space.Slug LIKE 'fluffy-bunny-traderx-%'", 1},
        {"Space.Labels.Environment = 'dev'", 1},
        {"Note = 'it''s'", 1},
        {"LEN(ApprovedBy) = 1", 1},
        {"LEN(ApplyGates) > 1", 0},
        {"ApprovedBy ? 'u1'", 1},
        {"ApprovedBy ? 'u2'", 0},
        {"ApplyGates ? 'a/b'", 1},
        {"Slug", -1},
        {"Slug =", -1},
        {"Slug = 'open", -1},
        {"Slug = 'a' OR Slug = 'b'", -1},
        {"= 'a'", -1},
        {"Slug IN 'a'", -1},
        {"Slug ~ '('", -1},
        {"Slug IS 'a'", -1},
        {"HeadRevisionNum > NoSuchAttribute", -1},
    };
    return cr_make_param_array(struct row, rows, sizeof rows / sizeof rows[0]);
}

ParameterizedTest(struct row *row, where, it_holds_as_confighub_says)
{
    struct hf_error err = HF_ERROR_INIT;
    cJSON *unit = cJSON_Parse(UNIT);
    cJSON *space = cJSON_Parse(SPACE);
    bool holds = false;
    int result = hub_where(row->where, unit, space, &holds, &err);
    if (row->holds < 0) {
        cr_expect_eq(result, -1, "%s", row->where);
        cr_expect(strstr(err.text, "where: "), "%s", err.text);
    } else {
        cr_expect_eq(result, 0, "%s: %s", row->where, err.text);
        cr_expect_eq(holds, row->holds == 1, "%s", row->where);
    }
    cJSON_Delete(unit);
    cJSON_Delete(space);
}
