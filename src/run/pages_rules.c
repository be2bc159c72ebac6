/* The rules for the pages: a reference of their own, so that a reload takes nothing from under a question. */
#include "pages.h"

void hf_run_pages_rules(struct hf_run *run)
{
    struct run_pages *pages = run->pages;
    if (!pages) {
        return;
    }
    pthread_mutex_lock(&pages->lock);
    struct hf_rules *before = pages->rules;
    pages->rules = run->rules ? hf_rules_share(run->rules) : NULL;
    pthread_mutex_unlock(&pages->lock);
    hf_rules_free(before);
}

static struct hf_rules *take(struct run_pages *pages)
{
    pthread_mutex_lock(&pages->lock);
    struct hf_rules *rules = pages->rules ? hf_rules_share(pages->rules) : NULL;
    pthread_mutex_unlock(&pages->lock);
    return rules;
}

static int list(void *ctx, struct hf_buf *out, struct hf_error *err)
{
    struct hf_rules *rules = take(ctx);
    hf_rules_json(rules, out);
    hf_rules_free(rules);
    return hf_buf_ok(out) ? 0 : hf_error_set(err, HF_ENOMEM, "list rules: out of memory");
}

static int explain(void *ctx, const struct hf_serve_wish *wish, struct hf_buf *out, struct hf_error *err)
{
    struct hf_rule_asking asking;
    struct hf_rule_wish words = {.target = wish->target,
                                 .space = wish->space,
                                 .unit = wish->unit,
                                 .labels = wish->labels,
                                 .group = wish->group,
                                 .kind = wish->kind,
                                 .namespace = wish->namespace,
                                 .name = wish->name,
                                 .path = wish->path,
                                 .class = wish->class,
                                 .manager = wish->manager,
                                 .operation = wish->operation,
                                 .user = wish->user,
                                 .at = wish->at};
    hf_auto_arena struct hf_arena *arena = hf_arena_new(0);
    if (!arena) {
        return hf_error_set(err, HF_ENOMEM, "explain rules: out of memory");
    }
    int result = hf_rule_ask(arena, &words, "", &asking, err);
    for (size_t i = 0; result == 0 && i < wish->unit_label_count; i++) {
        result = hf_rule_ask_label(arena, &asking, hf_slice_of(wish->unit_labels[i].name),
                                   hf_slice_of(wish->unit_labels[i].value), err);
    }
    struct hf_rules *rules = take(ctx);
    if (result == 0 && !rules) {
        result = hf_error_set(err, HF_EUNAVAILABLE, "there are no rules yet");
    }
    if (result == 0) {
        result = hf_rule_answer_json(rules, &asking, out, err);
    }
    hf_rules_free(rules);
    return result;
}

void hf_run_serve_rules(struct hf_run *run, struct hf_serve_rules *out)
{
    *out = (struct hf_serve_rules){run->pages, list, explain};
}
