/* Where people read: Slack, Teams, Google Chat, Discord, Mattermost. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "alert_services.h"

static const char JSON[] = "application/json";

/* Every link leads where links may lead; the incident is known by it. */
static void follow_link(struct visit *visit, const char *url, size_t len)
{
    const char *mark = "incident=";
    if (strncmp(url, visit->desk->links, strlen(visit->desk->links)) != 0) {
        find(visit, "a link to %.*s", (int)(len < 100 ? len : 100), url);
    }
    const char *incident = memmem(url, len, mark, strlen(mark));
    if (incident) {
        incident += strlen(mark);
        (void)snprintf(visit->about, sizeof visit->about, "%.*s", (int)(len - (size_t)(incident - url)), incident);
    }
}

static void keep_title(struct visit *visit, const char *title)
{
    static const char *const STATES[] = {"OPEN", "UPDATE", "RESOLVED", "NOTICE"};
    (void)snprintf(visit->title, sizeof visit->title, "%s", title);
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        if (strncmp(title, STATES[i], strlen(STATES[i])) == 0) {
            (void)snprintf(visit->state, sizeof visit->state, "%s", STATES[i]);
        }
    }
    if (!visit->state[0]) {
        find(visit, "a title that does not say how it stands: %.80s", title);
    }
}

/* --- Slack. https://docs.slack.dev/reference/block-kit/blocks: header 150, text 3,000 characters, 50 blocks;
 * https://github.com/slackapi/bolt-js/issues/2509: about 13,200 characters in all blocks (msg_blocks_too_long);
 * https://docs.slack.dev/messaging/formatting-message-text: what <…> means, and &amp; &lt; &gt;
 * https://docs.slack.dev/reference/block-kit/composition-objects/text-object: unless verbatim, URLs become links. */

enum { SLACK_BLOCKS = 50, SLACK_ALL = 13200, SLACK_TEXT = 40000 };

static void read_mrkdwn(struct visit *visit, const char *text, bool is_verbatim)
{
    for (const char *at = text; *at; at++) {
        if (*at == '&' && strncmp(at, "&amp;", 5) && strncmp(at, "&lt;", 4) && strncmp(at, "&gt;", 4)) {
            find(visit, "a bare & in mrkdwn: %.60s", at);
        } else if (*at == '<') {
            size_t len = strcspn(at, ">");
            if (at[1] == '!' || at[1] == '@' || at[1] == '#') {
                find(visit, "mrkdwn that pings: %.60s", at);
            } else if (!at[len]) {
                find(visit, "a < that does not end: %.60s", at);
            } else {
                follow_link(visit, at + 1, strcspn(at + 1, "|>"));
            }
            at += at[len] ? len : 0;
        } else if (!is_verbatim && (strncmp(at, "://", 3) == 0 || strncasecmp(at, "www.", 4) == 0)) {
            find(visit, "mrkdwn that is not verbatim, in which this becomes a link: %.60s", at);
        }
    }
}

static void refuse_blocks(struct visit *visit, const char *why)
{
    if (strcmp(visit->thread, "api") == 0) {
        refuse(visit, 200, JSON, "{\"ok\":false,\"error\":\"invalid_blocks\",\"errors\":[\"%s\"]}", why);
    } else {
        refuse(visit, 400, "text/html", "invalid_blocks: %s", why);
    }
}

static size_t read_block(struct visit *visit, const cJSON *block)
{
    static const char *const BLOCK[] = {"type", "block_id", "text", NULL};
    static const char *const PLAIN[] = {"type", "text", "emoji", NULL};
    static const char *const MRKDWN[] = {"type", "text", "verbatim", NULL};
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(block, "text");
    const char *text = text_in(object, "text");
    bool is_header = strcmp(text_in(block, "type"), "header") == 0;
    bool is_plain = strcmp(text_in(object, "type"), "plain_text") == 0;
    if (!is_header && strcmp(text_in(block, "type"), "section") != 0) {
        refuse_blocks(visit, "a block of an unknown type");
        return 0;
    }
    know_members(visit, "a block", block, BLOCK);
    know_members(visit, "a text", object, is_plain ? PLAIN : MRKDWN);
    if (is_plain != is_header || (!is_plain && strcmp(text_in(object, "type"), "mrkdwn") != 0)) {
        refuse_blocks(visit, "a text of the wrong type");
    }
    if (!is_within(visit, is_header ? "a header" : "a section", text, 1, is_header ? 150 : 3000)) {
        refuse_blocks(visit, "must be no more than so many characters");
    }
    if (!is_plain) {
        read_mrkdwn(visit, text, cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "verbatim")));
    }
    return characters(text);
}

static void read_slack(struct visit *visit)
{
    const cJSON *block;
    const cJSON *blocks = cJSON_GetObjectItemCaseSensitive(visit->json, "blocks");
    const char *text = text_in(visit->json, "text");
    size_t all = 0;
    int count = cJSON_GetArraySize(blocks);
    keep_title(visit, text);
    (void)is_within(visit, "the text", text, 1, SLACK_TEXT);
    read_mrkdwn(visit, text, true);
    if (!cJSON_IsArray(blocks) || count == 0 || count > SLACK_BLOCKS) {
        refuse_blocks(visit, "no more than 50 items allowed");
    }
    cJSON_ArrayForEach(block, blocks)
    {
        all += read_block(visit, block);
    }
    if (all > SLACK_ALL) {
        find(visit, "msg_blocks_too_long: %zu characters in all blocks", all);
    }
    read_all_texts(visit, visit->json);
}

/* https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors */
static void slack_webhook(struct visit *visit)
{
    static const char *const MESSAGE[] = {"text", "blocks", "unfurl_links", "unfurl_media", NULL};
    if (!is_type(visit, JSON) || !cJSON_IsObject(visit->json)) {
        refuse(visit, 400, "text/html", "invalid_payload");
        return;
    }
    know_members(visit, "the message", visit->json, MESSAGE);
    read_slack(visit);
    accept_with(visit, 200, "text/html", "ok");
}

/* https://docs.slack.dev/reference/methods/chat.postMessage: whatever comes of it, the status is 200. */
static void slack_bot(struct visit *visit)
{
    static const char *const MESSAGE[] = {"channel",      "text",         "blocks", "thread_ts",
                                          "unfurl_links", "unfurl_media", NULL};
    char ts[40];
    const char *thread = text_in(visit->json, "thread_ts");
    const char *bearer = strncmp(visit->authorization, "Bearer ", 7) == 0 ? visit->authorization + 7 : "";
    (void)snprintf(visit->thread, sizeof visit->thread, "api");
    if (!*bearer || strcmp(bearer, visit->desk->token) != 0) {
        refuse(visit, 200, JSON, "{\"ok\":false,\"error\":\"%s\"}", *bearer ? "invalid_auth" : "not_authed");
        return;
    }
    if (!is_type(visit, JSON) || !strcasestr(visit->content_type, "charset")) {
        refuse(visit, 200, JSON, "{\"ok\":false,\"error\":\"invalid_post_type\"}");
        return;
    }
    if (!cJSON_IsObject(visit->json)) {
        refuse(visit, 200, JSON, "{\"ok\":false,\"error\":\"invalid_json\"}");
        return;
    }
    if (strcmp(text_in(visit->json, "channel"), "C0HOLDFAST") != 0) {
        refuse(visit, 200, JSON, "{\"ok\":false,\"error\":\"channel_not_found\"}");
        return;
    }
    know_members(visit, "the message", visit->json, MESSAGE);
    read_slack(visit);
    if (*thread && !cJSON_HasObjectItem(visit->desk->known, thread)) {
        refuse(visit, 200, JSON, "{\"ok\":false,\"error\":\"thread_not_found\"}");
        return;
    }
    (void)snprintf(ts, sizeof ts, "1764000000.%06u", ++visit->desk->count);
    cJSON_AddStringToObject(visit->desk->known, ts, visit->title);
    (void)snprintf(visit->thread, sizeof visit->thread, "%s", *thread ? thread : ts);
    accept_with(
        visit, 200, JSON,
        "{\"ok\":true,\"channel\":\"C0HOLDFAST\",\"ts\":\"%s\",\"message\":{\"type\":\"message\",\"ts\":\"%s\"}}", ts,
        ts);
}

/* --- Microsoft Teams, by a workflow.
 * https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/ connectors-using: 28 KB a
 * message, Adaptive Cards only; https://learn.microsoft.com/connectors/teams/#microsoft-teams- webhook: its trigger's
 * schema. The workflow answers 202 before the card is posted. */

enum { TEAMS_SIZE = 28 * 1024, TEAMS_ACTIONS = 6 };

static bool is_one_of(const char *text, const char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (strcasecmp(words[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static void read_run(struct visit *visit, const cJSON *run)
{
    static const char *const RUN[] = {"type", "text", "weight", "size", "color", "fontType", "isSubtle", NULL};
    static const char *const WEIGHTS[] = {"", "lighter", "default", "bolder", NULL};
    static const char *const SIZES[] = {"", "default", "small", "medium", "large", "extraLarge", NULL};
    static const char *const COLOURS[] = {"",     "default", "dark",      "light", "accent",
                                          "good", "warning", "attention", NULL};
    static const char *const FONTS[] = {"", "default", "monospace", NULL};
    know_members(visit, "a TextRun", run, RUN);
    if (strcmp(text_in(run, "type"), "TextRun") != 0 || !*text_in(run, "text") ||
        !is_one_of(text_in(run, "weight"), WEIGHTS) || !is_one_of(text_in(run, "size"), SIZES) ||
        !is_one_of(text_in(run, "color"), COLOURS) || !is_one_of(text_in(run, "fontType"), FONTS)) {
        find(visit, "a run that no Adaptive Card has: %.60s", text_in(run, "text"));
    }
}

static void read_card(struct visit *visit, const cJSON *card)
{
    static const char *const CARD[] = {"$schema", "type", "version", "msteams", "body", "actions", NULL};
    static const char *const BLOCK[] = {"type", "inlines", "spacing", "separator", NULL};
    static const char *const ACTION[] = {"type", "title", "url", NULL};
    static const char *const TEAMS[] = {"width", NULL};
    char title[400] = "";
    const cJSON *item;
    const cJSON *run;
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(card, "body");
    const cJSON *actions = cJSON_GetObjectItemCaseSensitive(card, "actions");
    know_members(visit, "the card", card, CARD);
    /* msteams.entities are mentions: none is wanted. */
    know_members(visit, "msteams", cJSON_GetObjectItemCaseSensitive(card, "msteams"), TEAMS);
    if (strcmp(text_in(card, "type"), "AdaptiveCard") != 0 || strncmp(text_in(card, "version"), "1.", 2) != 0 ||
        strcmp(text_in(card, "version"), "1.5") > 0 || cJSON_GetArraySize(body) == 0 ||
        cJSON_GetArraySize(actions) > TEAMS_ACTIONS) {
        find(visit, "no Adaptive Card of version 1.5 or below with a body and at most 6 actions");
    }
    cJSON_ArrayForEach(item, body)
    {
        /* A TextBlock reads Markdown, a RichTextBlock does not. */
        know_members(visit, "a block", item, BLOCK);
        if (strcmp(text_in(item, "type"), "RichTextBlock") != 0) {
            find(visit, "a block of type %s", text_in(item, "type"));
        }
        cJSON_ArrayForEach(run, cJSON_GetObjectItemCaseSensitive(item, "inlines"))
        {
            read_run(visit, run);
            if (item == body->child) {
                (void)strncat(title, text_in(run, "text"), sizeof title - strlen(title) - 1);
            }
        }
    }
    keep_title(visit, title);
    cJSON_ArrayForEach(item, actions)
    {
        know_members(visit, "an action", item, ACTION);
        if (strcmp(text_in(item, "type"), "Action.OpenUrl") != 0 || !*text_in(item, "title")) {
            find(visit, "an action of type %s", text_in(item, "type"));
        }
        follow_link(visit, text_in(item, "url"), strlen(text_in(item, "url")));
    }
}

static void teams(struct visit *visit)
{
    static const char *const MESSAGE[] = {"type", "attachments", NULL};
    static const char *const ATTACHMENT[] = {"contentType", "contentUrl", "content", NULL};
    const cJSON *attachments = cJSON_GetObjectItemCaseSensitive(visit->json, "attachments");
    const cJSON *attachment;
    if (!is_type(visit, JSON) || !cJSON_IsObject(visit->json) || !cJSON_IsArray(attachments) ||
        cJSON_GetArraySize(attachments) == 0 || strcmp(text_in(visit->json, "type"), "message") != 0) {
        refuse(visit, 400, JSON,
               "{\"error\":{\"code\":\"TriggerInputSchemaMismatch\",\"message\":\"The input body for trigger 'manual' "
               "of type "
               "'Request' did not match its schema definition.\"}}");
        return;
    }
    if (visit->len > TEAMS_SIZE) {
        find(visit, "%zu bytes, of which Teams takes %d", visit->len, TEAMS_SIZE);
    }
    know_members(visit, "the message", visit->json, MESSAGE);
    cJSON_ArrayForEach(attachment, attachments)
    {
        know_members(visit, "an attachment", attachment, ATTACHMENT);
        if (strcmp(text_in(attachment, "contentType"), "application/vnd.microsoft.card.adaptive") != 0) {
            find(visit, "an attachment of type %s", text_in(attachment, "contentType"));
        }
        read_card(visit, cJSON_GetObjectItemCaseSensitive(attachment, "content"));
    }
    read_all_texts(visit, visit->json);
    accept_with(visit, 202, "text/plain", "%s", "");
}

/* --- Google Chat. https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages: 32,000 bytes a
 * message; https://developers.google.com/workspace/chat/api/reference/rest/v1/cards: 100 widgets a card; tags: https://
 * developers.google.com/workspace/chat/format-messages#card-formatting. Unknown members are refused. */

enum { GOOGLE_SIZE = 32000, GOOGLE_WIDGETS = 100 };

static void refuse_google(struct visit *visit, const char *why)
{
    refuse(visit, 400, JSON, "{\"error\":{\"code\":400,\"message\":\"%s\",\"status\":\"INVALID_ARGUMENT\"}}", why);
}

static void read_html(struct visit *visit, const char *text)
{
    static const char *const TAGS[] = {"<b>", "</b>", "<br>", "<i>", "</i>", NULL};
    static const char *const ENTITIES[] = {"&amp;", "&lt;", "&gt;", NULL};
    for (const char *at = text; *at; at++) {
        const char *const *words = *at == '<' ? TAGS : *at == '&' ? ENTITIES : NULL;
        bool known = words == NULL;
        for (size_t i = 0; words && words[i] && !known; i++) {
            known = strncmp(at, words[i], strlen(words[i])) == 0;
        }
        if (!known) {
            find(visit, "a paragraph with %.60s", at);
        }
    }
}

static int read_widget(struct visit *visit, const cJSON *widget)
{
    static const char *const WIDGET[] = {"textParagraph", "buttonList", NULL};
    static const char *const PARAGRAPH[] = {"text", NULL};
    static const char *const BUTTON[] = {"text", "onClick", NULL};
    const cJSON *paragraph = cJSON_GetObjectItemCaseSensitive(widget, "textParagraph");
    const cJSON *buttons = cJSON_GetObjectItemCaseSensitive(widget, "buttonList");
    const cJSON *button;
    know_members(visit, "a widget", widget, WIDGET);
    if (cJSON_GetArraySize(widget) != 1) {
        refuse_google(visit, "a widget holds one thing");
    }
    if (paragraph) {
        know_members(visit, "a paragraph", paragraph, PARAGRAPH);
        read_html(visit, text_in(paragraph, "text"));
    }
    cJSON_ArrayForEach(button, cJSON_GetObjectItemCaseSensitive(buttons, "buttons"))
    {
        const cJSON *click = cJSON_GetObjectItemCaseSensitive(button, "onClick");
        const char *url = text_in(cJSON_GetObjectItemCaseSensitive(click, "openLink"), "url");
        know_members(visit, "a button", button, BUTTON);
        if (!*text_in(button, "text") || !*url) {
            refuse_google(visit, "a button without words or without a link");
        }
        follow_link(visit, url, strlen(url));
    }
    return 1;
}

static void read_google_card(struct visit *visit, const cJSON *outer)
{
    static const char *const OUTER[] = {"cardId", "card", NULL};
    static const char *const CARD[] = {"header", "sections", NULL};
    static const char *const HEADER[] = {"title", "subtitle", NULL};
    static const char *const SECTION[] = {"header", "widgets", NULL};
    const cJSON *section;
    const cJSON *widget;
    const cJSON *card = cJSON_GetObjectItemCaseSensitive(outer, "card");
    const cJSON *head = cJSON_GetObjectItemCaseSensitive(card, "header");
    int count = 0;
    know_members(visit, "a card", outer, OUTER);
    know_members(visit, "a card", card, CARD);
    know_members(visit, "a header", head, HEADER);
    keep_title(visit, text_in(head, "title"));
    cJSON_ArrayForEach(section, cJSON_GetObjectItemCaseSensitive(card, "sections"))
    {
        know_members(visit, "a section", section, SECTION);
        cJSON_ArrayForEach(widget, cJSON_GetObjectItemCaseSensitive(section, "widgets"))
        {
            count += read_widget(visit, widget);
        }
    }
    if (count == 0 || count > GOOGLE_WIDGETS) {
        refuse_google(visit, "a card has 1 to 100 widgets");
    }
}

static void google_chat(struct visit *visit)
{
    static const char *const MESSAGE[] = {"text", "fallbackText", "cardsV2", "thread", NULL};
    const cJSON *card;
    const cJSON *cards = cJSON_GetObjectItemCaseSensitive(visit->json, "cardsV2");
    if (!is_type(visit, JSON) || !cJSON_IsObject(visit->json)) {
        refuse_google(visit, "Invalid JSON payload received.");
        return;
    }
    if (visit->len > GOOGLE_SIZE) {
        refuse_google(visit, "Message is too long. The size limit is 32000 bytes.");
    }
    know_members(visit, "the message", visit->json, MESSAGE);
    if (!cJSON_IsArray(cards) || cJSON_GetArraySize(cards) == 0) {
        refuse_google(visit, "Message cannot be empty. Discarding empty create message request.");
    }
    cJSON_ArrayForEach(card, cards)
    {
        read_google_card(visit, card);
    }
    visit->desk->count++;
    if (strstr(text_in(visit->json, "text"), "<users/")) {
        find(visit, "a text that mentions");
    }
    read_all_texts(visit, visit->json);
    accept_with(visit, 200, JSON, "{\"name\":\"spaces/AAAA/messages/%u.%u\",\"cardsV2\":[]}", visit->desk->count,
                visit->desk->count);
}

/* --- Markdown, as Discord and Mattermost read it: links, bare addresses and mentions outside of code. */

static bool is_escaped(const char *text, const char *at)
{
    bool is = false;
    while (at-- > text && *at == '\\') {
        is = !is;
    }
    return is;
}

static void read_markdown(struct visit *visit, const char *text)
{
    static const char *const PINGS[] = {"@everyone", "@here", "@all", "@channel", "<@", "<#", "<:", "www.", NULL};
    bool in_code = false;
    for (const char *at = text; *at; at++) {
        if (strncmp(at, "```", 3) == 0 && !is_escaped(text, at)) {
            in_code = !in_code;
            at += 2;
            continue;
        }
        if (in_code || is_escaped(text, at)) {
            continue;
        }
        if (*at == '`') {
            find(visit, "a bare ` in Markdown: %.60s", at);
        }
        if (strncmp(at, "](", 2) == 0) {
            size_t len = strcspn(at + 2, ")");
            follow_link(visit, at + 2, len);
            at += 1 + len;
        } else if (strncmp(at, "://", 3) == 0) {
            find(visit, "an address that becomes a link: %.60s", at > text + 4 ? at - 5 : text);
        }
        for (size_t i = 0; PINGS[i]; i++) {
            if (strncasecmp(at, PINGS[i], strlen(PINGS[i])) == 0) {
                find(visit, "Markdown that pings or links: %.60s", at);
            }
        }
    }
    if (in_code) {
        find(visit, "code that does not end: %.60s", text);
    }
}

/* --- Discord. https://discord.com/developers/docs/resources/message#embed-object-embed-limits;
 * https://discord.com/developers/docs/resources/webhook#execute-webhook: 204 without ?wait. */

static void refuse_discord(struct visit *visit, const char *field, const char *why)
{
    refuse(
        visit, 400, JSON,
        "{\"message\":\"Invalid Form Body\",\"code\":50035,\"errors\":{\"%s\":{\"_errors\":[{\"code\":\"BASE_TYPE_BAD_"
        "LENGTH\",\"message\":\"%s\"}]}}}",
        field, why);
}

static size_t read_embed(struct visit *visit, const cJSON *embed)
{
    static const char *const EMBED[] = {"title", "description", "color", "url", "timestamp", NULL};
    const char *title = text_in(embed, "title");
    const char *description = text_in(embed, "description");
    double colour = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(embed, "color"));
    know_members(visit, "an embed", embed, EMBED);
    keep_title(visit, title);
    if (!is_within(visit, "a title", title, 1, 256)) {
        refuse_discord(visit, "title", "Must be 256 or fewer in length.");
    }
    if (!is_within(visit, "a description", description, 0, 4096)) {
        refuse_discord(visit, "description", "Must be 4096 or fewer in length.");
    }
    if (!(colour >= 0 && colour <= 0xffffff)) {
        refuse_discord(visit, "color", "int value should be less than or equal to 16777215.");
    }
    read_markdown(visit, title);
    read_markdown(visit, description);
    return characters(title) + characters(description);
}

static void discord(struct visit *visit)
{
    static const char *const MESSAGE[] = {"content", "embeds", "allowed_mentions", NULL};
    const cJSON *embed;
    const cJSON *embeds = cJSON_GetObjectItemCaseSensitive(visit->json, "embeds");
    const cJSON *mentions = cJSON_GetObjectItemCaseSensitive(visit->json, "allowed_mentions");
    const cJSON *parse = cJSON_GetObjectItemCaseSensitive(mentions, "parse");
    size_t all = 0;
    if (!is_type(visit, JSON) || !cJSON_IsObject(visit->json)) {
        refuse(visit, 400, JSON, "{\"message\":\"The request body contains invalid JSON.\",\"code\":50109}");
        return;
    }
    if (cJSON_GetArraySize(embeds) == 0 && !*text_in(visit->json, "content")) {
        refuse(visit, 400, JSON, "{\"message\":\"Cannot send an empty message\",\"code\":50006}");
        return;
    }
    know_members(visit, "the message", visit->json, MESSAGE);
    cJSON_ArrayForEach(embed, embeds)
    {
        all += read_embed(visit, embed);
    }
    if (all > 6000 || cJSON_GetArraySize(embeds) > 10) {
        refuse_discord(visit, "embeds", "Embed size exceeds maximum size of 6000");
    }
    if (!cJSON_IsArray(parse) || cJSON_GetArraySize(parse) > 0) {
        find(visit, "allowed_mentions lets text ping");
    }
    read_all_texts(visit, visit->json);
    accept_with(visit, 204, JSON, "%s", "");
}

/* --- Mattermost. https://developers.mattermost.com/integrate/reference/message-attachments/: 16,383 characters. */

static void mattermost(struct visit *visit)
{
    static const char *const MESSAGE[] = {"text", "attachments", NULL};
    static const char *const ATTACHMENT[] = {"fallback", "color", "title", "text", NULL};
    const cJSON *attachment;
    const cJSON *attachments = cJSON_GetObjectItemCaseSensitive(visit->json, "attachments");
    if (!is_type(visit, JSON) || !cJSON_IsObject(visit->json)) {
        refuse(visit, 400, JSON,
               "{\"id\":\"web.incoming_webhook.parse.app_error\",\"message\":\"Could not parse the multipart form or "
               "payload.\","
               "\"status_code\":400}");
        return;
    }
    if (cJSON_GetArraySize(attachments) == 0 && !*text_in(visit->json, "text")) {
        refuse(
            visit, 400, JSON,
            "{\"id\":\"web.incoming_webhook.text.app_error\",\"message\":\"No text specified.\",\"status_code\":400}");
    }
    know_members(visit, "the message", visit->json, MESSAGE);
    cJSON_ArrayForEach(attachment, attachments)
    {
        const char *colour = text_in(attachment, "color");
        know_members(visit, "an attachment", attachment, ATTACHMENT);
        keep_title(visit, text_in(attachment, "title"));
        if (strlen(colour) != 7 || colour[0] != '#' || strspn(colour + 1, "0123456789abcdefABCDEF") != 6) {
            find(visit, "the colour %s", colour);
        }
        (void)is_within(visit, "the text", text_in(attachment, "text"), 0, 16383);
        (void)is_within(visit, "the fallback", text_in(attachment, "fallback"), 1, 16383);
        read_markdown(visit, text_in(attachment, "title"));
        read_markdown(visit, text_in(attachment, "text"));
    }
    read_all_texts(visit, visit->json);
    accept_with(visit, 200, "text/plain", "ok");
}

const struct service alert_chats[] = {
    {"slack", "/services/T0HOLDFAST/B0HOLDFAST/%s", slack_webhook, "text/html", "no_service", "rate_limited"},
    {"slack-bot", "/api/chat.postMessage", slack_bot, "text/html", "not found",
     "{\"ok\":false,\"error\":\"ratelimited\"}"},
    {"teams", "/workflows/%s/triggers/manual/paths/invoke?api-version=2016-06-01&sv=1.0", teams, "application/json",
     "{\"error\":{\"code\":\"WorkflowNotFound\",\"message\":\"The workflow could not be found.\"}}",
     "{\"error\":{\"code\":\"WorkflowTriggerRequestsThrottled\",\"message\":\"Wait for %g seconds.\"}}"},
    {"google-chat", "/v1/spaces/AAAA/messages?key=AIza&token=%s", google_chat, "application/json",
     "{\"error\":{\"code\":404,\"message\":\"Space not found\",\"status\":\"NOT_FOUND\"}}",
     "{\"error\":{\"code\":429,\"message\":\"Resource has been exhausted.\",\"status\":\"RESOURCE_EXHAUSTED\"}}"},
    {"discord", "/api/webhooks/1430000000000000000/%s", discord, "application/json",
     "{\"message\":\"Unknown Webhook\",\"code\":10015}",
     "{\"message\":\"You are being rate limited.\",\"retry_after\":%g,\"global\":false}"},
    {"mattermost", "/hooks/%s", mattermost, "application/json",
     "{\"id\":\"web.incoming_webhook.invalid.app_error\",\"message\":\"Invalid webhook.\",\"status_code\":404}",
     "limit exceeded"},
    {0}};
