#include "pages.h"

#include <stdlib.h>
#include <string.h>

/* So long may one reading take, whoever asked for it. */
#define READING_MS 3000

int hf_run_pages_begin(struct hf_run *run, struct hf_error *err)
{
    const char *key_file = run->config->trail.hmac_key.file;
    struct run_pages *pages = hf_calloc(1, sizeof *pages);
    if (!pages) {
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    pages->database = run->database;
    pages->log = run->log;
    pages->found.at_ms = HF_TIME_NONE;
    pages->key_file = hf_strdup(key_file);
    bool has_lock = pthread_mutex_init(&pages->lock, NULL) == 0;
    bool has_news = has_lock && pthread_cond_init(&pages->news, NULL) == 0;
    if (!has_news || (key_file && !pages->key_file)) {
        if (has_news) {
            pthread_cond_destroy(&pages->news);
        }
        if (has_lock) {
            pthread_mutex_destroy(&pages->lock);
        }
        free(pages->key_file);
        free(pages);
        return hf_error_set(err, HF_ENOMEM, "start: out of memory");
    }
    run->pages = pages;
    hf_run_pages_rules(run);
    return 0;
}

void hf_run_pages_free(struct hf_run *run)
{
    struct run_pages *pages = run->pages;
    if (!pages) {
        return;
    }
    run->pages = NULL;
    hf_pages_stop(pages);
    hf_pages_chain_end(pages);
    for (size_t i = 0; i < HF_PAGES_READERS; i++) {
        hf_audit_reader_close(pages->readers[i].reader);
    }
    hf_rules_free(pages->rules);
    pthread_cond_destroy(&pages->news);
    pthread_mutex_destroy(&pages->lock);
    free(pages->key_file);
    free(pages);
}

void hf_pages_stop(void *ctx)
{
    struct run_pages *pages = ctx;
    pthread_mutex_lock(&pages->lock);
    pages->stopping = true;
    for (size_t i = 0; i < HF_PAGES_READERS; i++) {
        if (pages->readers[i].is_lent && pages->readers[i].reader) {
            hf_audit_reader_interrupt(pages->readers[i].reader);
        }
    }
    if (pages->verifying) {
        hf_audit_reader_interrupt(pages->verifying);
    }
    pthread_cond_broadcast(&pages->news);
    pthread_mutex_unlock(&pages->lock);
}

/* An open one rather than none. */
static struct run_pages_reader *choose(struct run_pages *pages)
{
    struct run_pages_reader *chosen = NULL;
    for (size_t i = 0; i < HF_PAGES_READERS; i++) {
        struct run_pages_reader *slot = &pages->readers[i];
        if (!slot->is_lent && (!chosen || (slot->reader && !chosen->reader))) {
            chosen = slot;
        }
    }
    return chosen;
}

int hf_pages_borrow(struct run_pages *pages, struct hf_audit_reader **out, struct hf_error *err)
{
    struct hf_audit_reader *stale = NULL;
    struct hf_audit_reader *reader = NULL;
    pthread_mutex_lock(&pages->lock);
    struct run_pages_reader *slot = pages->stopping ? NULL : choose(pages);
    bool stopping = pages->stopping;
    if (slot) {
        slot->is_lent = true;
        reader = slot->reader;
        if (reader && hf_audit_reader_is_stale(reader)) {
            stale = reader;
            reader = slot->reader = NULL;
        }
    }
    pthread_mutex_unlock(&pages->lock);
    hf_audit_reader_close(stale);
    if (!slot) {
        return stopping ? hf_error_set(err, HF_ECANCELED, "the agent stops")
                        : hf_error_set(err, HF_EBUSY, "too many read the trail");
    }
    int result = reader ? 0 : hf_audit_reader_open(pages->database, &reader, err);
    pthread_mutex_lock(&pages->lock);
    slot->reader = result == 0 ? reader : NULL;
    slot->is_lent = result == 0;
    pthread_mutex_unlock(&pages->lock);
    if (result == 0) {
        hf_audit_reader_limit(reader, READING_MS);
        *out = reader;
    }
    return result;
}

void hf_pages_return(struct run_pages *pages, struct hf_audit_reader *reader)
{
    hf_audit_reader_limit(reader, 0);
    pthread_mutex_lock(&pages->lock);
    for (size_t i = 0; i < HF_PAGES_READERS; i++) {
        if (pages->readers[i].reader == reader) {
            pages->readers[i].is_lent = false;
        }
    }
    pthread_mutex_unlock(&pages->lock);
}

void hf_run_serve_trail(struct hf_run *run, struct hf_serve_trail *out)
{
    hf_pages_trail_table(run->pages, out);
}
