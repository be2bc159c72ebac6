#include "works.h"

#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "holdfast/mem.h"

#define THREADS 4
#define WAITING 64
/* With the 9 s that a reading may take (src/run/pages_trail.c), less than a door waits for its connections (door.c). */
#define WAIT_MS 3000

struct hf_works {
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct hf_job *first;
    struct hf_job **last;
    size_t waiting;
    bool ending;
    pthread_t threads[THREADS];
    size_t thread_count;
};

void hf_job_free(struct hf_job *job)
{
    if (job) {
        hf_export_free(job->answer.export);
        hf_buf_free(&job->answer.body);
        hf_view_release(job->request.view);
        hf_query_free(&job->query);
        free(job);
    }
}

static void run(struct hf_job *job, bool is_late)
{
    if (is_late) {
        job->answer.retry_after_s = 2;
        hf_answer_problem(&job->answer, 503, "Too much is asked of the trail at once.");
    } else {
        job->route->handler(&job->request, &job->answer);
        hf_answer_encode(&job->request, &job->answer);
    }
    MHD_resume_connection(job->request.connection); /* from here on it is the server's */
}

static void *work(void *arg)
{
    struct hf_works *works = arg;
    pthread_mutex_lock(&works->lock);
    for (;;) {
        struct hf_job *job = works->first;
        if (job) {
            works->first = job->next;
            works->last = works->first ? works->last : &works->first;
            works->waiting--;
            bool is_late = works->ending || hf_mono_ms() > job->until_ms;
            pthread_mutex_unlock(&works->lock);
            run(job, is_late);
            pthread_mutex_lock(&works->lock);
        } else if (works->ending) {
            break;
        } else {
            pthread_cond_wait(&works->news, &works->lock);
        }
    }
    pthread_mutex_unlock(&works->lock);
    return NULL;
}

int hf_works_new(struct hf_works **out, struct hf_error *err)
{
    sigset_t all;
    sigset_t before;
    struct hf_works *works = hf_calloc(1, sizeof *works);
    if (!works) {
        return hf_error_set(err, HF_ENOMEM, "no memory for the server");
    }
    works->last = &works->first;
    if (pthread_mutex_init(&works->lock, NULL) != 0) {
        free(works);
        return hf_error_set(err, HF_ENOMEM, "no mutex for the server");
    }
    if (pthread_cond_init(&works->news, NULL) != 0) {
        pthread_mutex_destroy(&works->lock);
        free(works);
        return hf_error_set(err, HF_ENOMEM, "no condition for the server");
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (works->thread_count < THREADS &&
           pthread_create(&works->threads[works->thread_count], NULL, work, works) == 0) {
        works->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *out = works;
    if (works->thread_count < THREADS) {
        hf_works_end(works);
        hf_works_free(works);
        *out = NULL;
        return hf_error_set(err, HF_ENOMEM, "no thread for the server");
    }
    return 0;
}

bool hf_works_add(struct hf_works *works, struct hf_job *job)
{
    job->next = NULL;
    job->until_ms = hf_mono_ms() + WAIT_MS;
    pthread_mutex_lock(&works->lock);
    bool fits = !works->ending && works->waiting < WAITING;
    if (fits) {
        MHD_suspend_connection(job->request.connection); /* before a thread can resume it */
        *works->last = job;
        works->last = &job->next;
        works->waiting++;
        pthread_cond_signal(&works->news);
    }
    pthread_mutex_unlock(&works->lock);
    return fits;
}

void hf_works_end(struct hf_works *works)
{
    if (!works) {
        return;
    }
    pthread_mutex_lock(&works->lock);
    works->ending = true;
    pthread_cond_broadcast(&works->news);
    pthread_mutex_unlock(&works->lock);
    for (size_t i = 0; i < works->thread_count; i++) {
        pthread_join(works->threads[i], NULL);
    }
    works->thread_count = 0;
}

void hf_works_free(struct hf_works *works)
{
    if (works) {
        pthread_cond_destroy(&works->news);
        pthread_mutex_destroy(&works->lock);
        free(works);
    }
}
