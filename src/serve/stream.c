/* The event stream: one thread reads what is new and wakes the streams; they are suspended connections between, so that
 * a hundred of them cost memory only. */
#include <errno.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "holdfast/mem.h"
#include "json_out.h"
#include "server.h"
#include "trail.h"

#define RING 256         /* events kept for the streams */
#define BATCH 100        /* events read at once */
#define CATCH_UP 1000    /* a client that is farther behind is told of a gap, and asks the API */
#define COMMENT_MS 15000 /* a comment after so long a silence: proxies and the page learn that the stream lives */
#define ROUND_MS 100     /* news are gathered for so long */
#define TICK_MS 2500

struct frame {
    int64_t id;
    char *text;
};

struct stream {
    struct hf_streams *streams;
    struct MHD_Connection *connection;
    struct stream *next;
    struct stream **from;
    bool suspended;
    bool comment;
    int64_t last_id;  /* the newest event sent */
    int64_t until_id; /* what was there when it joined */
    uint64_t view_number;
    int64_t sent_ms;
    struct hf_buf pending;
    size_t sent;
    unsigned epoch;
    int64_t until_ms; /* of who reads it; HF_TIME_NONE */
    bool is_reviewed; /* a cluster says whether he may, again and again */
    struct hf_digest review;
};

struct hf_streams {
    struct hf_serve *serve;
    pthread_t thread;
    bool running;
    pthread_mutex_t wake_lock; /* held for a few instructions only: the loop takes it */
    pthread_cond_t news;
    bool view_news;
    bool trail_news;
    atomic_bool ending;
    atomic_uint count;
    unsigned most;
    pthread_mutex_t lock; /* for all below */
    struct stream *first;
    unsigned epoch;      /* those of an earlier one end */
    unsigned least_door; /* those that come by an earlier one are sent away */
    struct hf_buf view_frame;
    uint64_t view_number; /* counts the different frames */
    struct frame ring[RING];
    size_t oldest;
    size_t kept;
    int64_t floor_id; /* all events above it, up to head_id, are in the ring */
    int64_t head_id;  /* -1: not known */
};

static void add_frame_text(struct hf_buf *out, const char *event, int64_t id, struct hf_slice data)
{
    hf_buf_addf(out, "event: %s\n", event);
    if (id >= 0) {
        hf_buf_addf(out, "id: %lld\n", (long long)id);
    }
    hf_buf_adds(out, "data: ");
    for (size_t i = 0; i < data.len; i++) { /* a line end between JSON tokens is space */
        char c = data.ptr[i];
        if (c == '\n' || c == '\r') {
            c = ' ';
        }
        hf_buf_addc(out, c);
    }
    hf_buf_adds(out, "\n\n");
}

static void keep_frame(struct hf_streams *streams, int64_t id, char *text)
{
    if (streams->kept == RING) {
        struct frame *old = &streams->ring[streams->oldest];
        streams->floor_id = old->id;
        free(old->text);
        streams->oldest = (streams->oldest + 1) % RING;
        streams->kept--;
    }
    streams->ring[(streams->oldest + streams->kept) % RING] = (struct frame){id, text};
    streams->kept++;
    streams->head_id = id;
}

static void forget_frames(struct hf_streams *streams)
{
    for (; streams->kept > 0; streams->kept--) {
        free(streams->ring[streams->oldest].text);
        streams->ring[streams->oldest].text = NULL;
        streams->oldest = (streams->oldest + 1) % RING;
    }
    streams->head_id = -1;
}

/* Puts a batch into the ring; returns how many, or -1 to stop (memory). */
static int take_batch(struct hf_streams *streams, const char *events)
{
    struct hf_slice item;
    int count = 0;
    pthread_mutex_lock(&streams->lock);
    while (hf_array_next(&events, &item)) {
        int64_t id = hf_event_id(item);
        struct hf_buf text = {0};
        if (id <= streams->head_id) {
            continue;
        }
        add_frame_text(&text, "event", id, item);
        char *bytes = hf_buf_take(&text);
        if (!bytes) {
            count = -1;
            break;
        }
        keep_frame(streams, id, bytes);
        count++;
    }
    pthread_mutex_unlock(&streams->lock);
    return count;
}

static void read_trail(struct hf_streams *streams)
{
    const struct hf_serve_trail *trail = &streams->serve->trail;
    struct hf_error err = HF_ERROR_INIT;
    int64_t head = streams->head_id; /* only this thread writes it */
    if (!trail->events) {
        return;
    }
    if (head < 0) {
        if (hf_trail_head(trail, &head, &err) != 0) {
            return;
        }
        pthread_mutex_lock(&streams->lock);
        streams->head_id = streams->floor_id = head;
        pthread_mutex_unlock(&streams->lock);
        return;
    }
    for (int count = BATCH; count == BATCH;) {
        struct hf_serve_query query = HF_SERVE_QUERY_INIT;
        hf_auto_buf struct hf_buf events = {0};
        query.after_id = streams->head_id;
        query.limit = BATCH;
        query.oldest_first = true;
        if (hf_trail_read(trail, &query, &events, &err) != 0) {
            hf_log_error(streams->serve->log, HF_DEBUG, "events for the stream can't be read", &err, NULL);
            return;
        }
        count = take_batch(streams, hf_buf_text(&events));
    }
}

static void make_view_frame(struct hf_streams *streams)
{
    hf_auto_buf struct hf_buf json = {0};
    struct hf_buf frame = {0};
    struct hf_request request = {.serve = streams->serve, .view = hf_views_get(&streams->serve->views)};
    hf_summary_short(&request, &json);
    hf_view_release(request.view);
    add_frame_text(&frame, "view", -1, (struct hf_slice){hf_buf_text(&json), json.len});
    pthread_mutex_lock(&streams->lock);
    bool same = strcmp(hf_buf_text(&frame), hf_buf_text(&streams->view_frame)) == 0;
    if (!same && hf_buf_ok(&frame) && hf_buf_ok(&json)) {
        hf_buf_free(&streams->view_frame);
        streams->view_frame = frame;
        streams->view_number++;
    } else {
        hf_buf_free(&frame);
    }
    pthread_mutex_unlock(&streams->lock);
}

/* Lock held. Its reader may read no longer, or is to come again by another door. */
static bool is_over(const struct hf_streams *streams, const struct stream *stream)
{
    if (stream->epoch != streams->epoch || (stream->until_ms != HF_TIME_NONE && hf_now_ms() >= stream->until_ms)) {
        return true;
    }
    struct hf_review review;
    if (stream->is_reviewed) {
        hf_reviews_look(streams->serve->guard.reviews, &stream->review, NULL, NULL, &review);
    }
    return stream->is_reviewed && review.state != HF_REVIEW_WAITS && !(review.state == HF_REVIEWED && review.may_read);
}

/* Lock held. */
static void resume_all(struct hf_streams *streams)
{
    int64_t now = hf_mono_ms();
    for (struct stream *stream = streams->first; stream; stream = stream->next) {
        bool silent = now - stream->sent_ms >= COMMENT_MS - TICK_MS;
        bool news = stream->view_number != streams->view_number || stream->last_id < streams->head_id;
        if (stream->suspended && (news || silent || is_over(streams, stream) || atomic_load(&streams->ending))) {
            stream->comment = silent;
            stream->suspended = false;
            MHD_resume_connection(stream->connection);
        }
    }
}

static void wait_until(struct hf_streams *streams, int64_t until_ms)
{
    struct timespec at = {.tv_sec = until_ms / 1000, .tv_nsec = (until_ms % 1000) * 1000000};
    (void)pthread_cond_timedwait(&streams->news, &streams->wake_lock, &at);
}

/* Sleeps until a round is due. False when the streams end. */
static bool await_round(struct hf_streams *streams, int64_t round_ms, bool *trail, bool *was_idle)
{
    bool due = false;
    *was_idle = false;
    pthread_mutex_lock(&streams->wake_lock);
    while (!due && !atomic_load(&streams->ending)) {
        bool news = streams->view_news || streams->trail_news;
        int64_t until = round_ms + (news ? ROUND_MS : TICK_MS);
        if (atomic_load(&streams->count) == 0) {
            *was_idle = true;
            (void)pthread_cond_wait(&streams->news, &streams->wake_lock);
        } else if (hf_mono_ms() < until) {
            wait_until(streams, until);
        } else {
            due = true;
        }
    }
    *trail = streams->trail_news;
    streams->view_news = streams->trail_news = false;
    pthread_mutex_unlock(&streams->wake_lock);
    return due;
}

static void *run(void *ctx)
{
    struct hf_streams *streams = ctx;
    int64_t round_ms = 0;
    bool trail;
    bool was_idle;
    while (await_round(streams, round_ms, &trail, &was_idle)) {
        round_ms = hf_mono_ms();
        if (was_idle) {
            pthread_mutex_lock(&streams->lock);
            forget_frames(streams);
            pthread_mutex_unlock(&streams->lock);
        }
        if (trail || streams->head_id < 0) {
            read_trail(streams);
        }
        make_view_frame(streams);
        pthread_mutex_lock(&streams->lock);
        resume_all(streams);
        pthread_mutex_unlock(&streams->lock);
    }
    pthread_mutex_lock(&streams->lock);
    resume_all(streams);
    pthread_mutex_unlock(&streams->lock);
    return NULL;
}

/* Lock held. True when the trail must be asked: the stream is behind what the ring holds. */
static bool gather(struct hf_streams *streams, struct stream *stream)
{
    if (stream->view_number != streams->view_number) {
        hf_buf_add(&stream->pending, hf_buf_text(&streams->view_frame), streams->view_frame.len);
        stream->view_number = streams->view_number;
    }
    if (stream->last_id < stream->until_id && (streams->head_id < 0 || stream->last_id < streams->floor_id)) {
        return true;
    }
    if (stream->last_id >= streams->head_id) {
        return false;
    }
    if (stream->last_id < streams->floor_id) {
        return true;
    }
    for (size_t i = 0; i < streams->kept; i++) {
        const struct frame *frame = &streams->ring[(streams->oldest + i) % RING];
        if (frame->id > stream->last_id) {
            hf_buf_adds(&stream->pending, frame->text);
            stream->last_id = frame->id;
        }
    }
    return false;
}

static void catch_up(struct hf_streams *streams, struct stream *stream)
{
    struct hf_serve_query query = HF_SERVE_QUERY_INIT;
    struct hf_error err = HF_ERROR_INIT;
    hf_auto_buf struct hf_buf events = {0};
    struct hf_slice item;
    size_t count = 0;
    query.after_id = stream->last_id;
    query.limit = BATCH;
    query.oldest_first = true;
    int failed = hf_trail_read(&streams->serve->trail, &query, &events, &err);
    for (const char *at = hf_buf_text(&events); !failed && hf_array_next(&at, &item); count++) {
        int64_t id = hf_event_id(item);
        if (id > stream->last_id) {
            add_frame_text(&stream->pending, "event", id, item);
            stream->last_id = id;
        }
    }
    if (count == 0) { /* nothing to be had: go on with what comes */
        pthread_mutex_lock(&streams->lock);
        int64_t target = streams->head_id > stream->until_id ? streams->head_id : stream->until_id;
        stream->last_id = target > stream->last_id ? target : stream->last_id;
        pthread_mutex_unlock(&streams->lock);
        hf_buf_adds(&stream->pending, "event: gap\ndata: {}\n\n");
    }
}

static ssize_t read_stream(void *ctx, uint64_t position, char *out, size_t max)
{
    struct stream *stream = ctx;
    struct hf_streams *streams = stream->streams;
    (void)position;
    pthread_mutex_lock(&streams->lock);
    if (atomic_load(&streams->ending) || stream->pending.failed || is_over(streams, stream)) {
        pthread_mutex_unlock(&streams->lock);
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    bool behind = false;
    if (stream->sent == stream->pending.len) {
        stream->sent = 0;
        hf_buf_clear(&stream->pending);
        behind = gather(streams, stream);
        if (stream->comment && stream->pending.len == 0 && !behind) {
            hf_buf_adds(&stream->pending, ": still here\nevent: still\ndata: {}\n\n");
        }
        stream->comment = false;
        if (stream->pending.len == 0 && !behind) {
            stream->suspended = true;
            MHD_suspend_connection(stream->connection);
            pthread_mutex_unlock(&streams->lock);
            return 0;
        }
    }
    stream->sent_ms = hf_mono_ms();
    pthread_mutex_unlock(&streams->lock);
    if (behind) {
        catch_up(streams, stream);
    }
    size_t left = stream->pending.len - stream->sent;
    size_t piece = left < max ? left : max;
    if (piece == 0) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    memcpy(out, stream->pending.ptr + stream->sent, piece);
    stream->sent += piece;
    return (ssize_t)piece;
}

static void drop_stream(void *ctx)
{
    struct stream *stream = ctx;
    struct hf_streams *streams = stream->streams;
    pthread_mutex_lock(&streams->lock);
    *stream->from = stream->next;
    if (stream->next) {
        stream->next->from = stream->from;
    }
    atomic_fetch_sub(&streams->count, 1);
    pthread_mutex_unlock(&streams->lock);
    hf_buf_free(&stream->pending);
    free(stream);
}

static bool join(struct hf_streams *streams, struct stream *stream, unsigned door)
{
    pthread_mutex_lock(&streams->lock);
    bool room =
        atomic_load(&streams->count) < streams->most && !atomic_load(&streams->ending) && door >= streams->least_door;
    if (room) {
        stream->next = streams->first;
        stream->epoch = streams->epoch;
        stream->from = &streams->first;
        if (stream->next) {
            stream->next->from = &stream->next;
        }
        streams->first = stream;
        atomic_fetch_add(&streams->count, 1);
    }
    pthread_mutex_unlock(&streams->lock);
    if (room) {
        hf_streams_wake(streams, true);
    }
    return room;
}

struct MHD_Response *hf_streams_join(const struct hf_request *request, struct hf_answer *answer)
{
    struct hf_streams *streams = request->serve->streams;
    struct hf_error err = HF_ERROR_INIT;
    struct stream *stream = hf_calloc(1, sizeof *stream);
    if (!stream) {
        return NULL;
    }
    stream->streams = streams;
    stream->connection = request->connection;
    stream->until_ms = request->who.until_ms;
    stream->is_reviewed = request->who.is_reviewed;
    stream->review = request->who.review;
    stream->sent_ms = hf_mono_ms();
    if (request->serve->trail.events && hf_trail_head(&request->serve->trail, &stream->until_id, &err) != 0) {
        hf_log_error(request->serve->log, HF_WARN, "events for the stream can't be read", &err, NULL);
    }
    int64_t last = answer->stream_after;
    bool gap = last >= 0 && (last > stream->until_id || stream->until_id - last > CATCH_UP);
    stream->last_id = last >= 0 && !gap ? last : stream->until_id;
    hf_buf_adds(&stream->pending, "retry: 2000\n\n");
    hf_buf_adds(&stream->pending, gap ? "event: gap\ndata: {}\n\n" : "");
    if (!join(streams, stream, request->door)) {
        hf_buf_free(&stream->pending);
        free(stream);
        answer->retry_after_s = 5;
        hf_answer_problem(answer, 503, "There are %u event streams open, the most that are allowed.", streams->most);
        return hf_answer_response(answer);
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, stream, drop_stream);
    if (!response) {
        drop_stream(stream);
        return NULL;
    }
    answer->type = "text/event-stream";
    hf_answer_headers(response, answer);
    return response;
}

void hf_serve_stream(const struct hf_request *request, struct hf_answer *answer)
{
    static const char *const KNOWN[] = {"after", NULL};
    const char *last = hf_request_header(request, "Last-Event-ID");
    if (!hf_request_only(request, answer, KNOWN) ||
        !hf_request_int(request, answer, "after", 0, INT64_MAX, -1, &answer->stream_after)) {
        return;
    }
    if (last && last[0] && !hf_parse_int(hf_slice_of(last), 0, INT64_MAX, &answer->stream_after)) {
        hf_answer_problem(answer, 400, "The Last-Event-ID must be the id of an event.");
        return;
    }
    answer->type = "text/event-stream";
    answer->stream = true;
}

static int start_thread(struct hf_streams *streams, struct hf_error *err)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&streams->thread, NULL, run, streams);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    streams->running = !failed;
    return failed ? hf_error_errno(err, HF_EIO, failed, "start the event stream's thread") : 0;
}

int hf_streams_new(struct hf_serve *serve, unsigned most, struct hf_streams **out, struct hf_error *err)
{
    pthread_condattr_t monotonic;
    struct hf_streams *streams = hf_calloc(1, sizeof *streams);
    if (!streams) {
        return hf_error_set(err, HF_ENOMEM, "no memory for event streams");
    }
    streams->serve = serve;
    streams->most = most;
    streams->head_id = -1;
    atomic_init(&streams->ending, false);
    atomic_init(&streams->count, 0);
    pthread_mutex_init(&streams->lock, NULL);
    pthread_mutex_init(&streams->wake_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&streams->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out = streams;
    return start_thread(streams, err);
}

void hf_streams_kick(struct hf_streams *streams, unsigned least_door)
{
    pthread_mutex_lock(&streams->lock);
    streams->epoch++;
    streams->least_door = least_door;
    resume_all(streams);
    pthread_mutex_unlock(&streams->lock);
}

void hf_streams_end(struct hf_streams *streams)
{
    pthread_mutex_lock(&streams->wake_lock);
    atomic_store(&streams->ending, true);
    pthread_cond_signal(&streams->news);
    pthread_mutex_unlock(&streams->wake_lock);
    if (streams->running) {
        pthread_join(streams->thread, NULL);
        streams->running = false;
    }
}

void hf_streams_free(struct hf_streams *streams)
{
    if (!streams) {
        return;
    }
    forget_frames(streams);
    hf_buf_free(&streams->view_frame);
    pthread_cond_destroy(&streams->news);
    pthread_mutex_destroy(&streams->wake_lock);
    pthread_mutex_destroy(&streams->lock);
    free(streams);
}

void hf_streams_wake(struct hf_streams *streams, bool trail)
{
    pthread_mutex_lock(&streams->wake_lock);
    if (trail) {
        streams->trail_news = true;
    } else {
        streams->view_news = true;
    }
    if (atomic_load(&streams->count) > 0) {
        pthread_cond_signal(&streams->news);
    }
    pthread_mutex_unlock(&streams->wake_lock);
}

unsigned hf_streams_count(struct hf_streams *streams)
{
    return atomic_load(&streams->count);
}
