/* Runs an exec plugin beside the loop: spawned, its output read as it comes, its end waited for. */
#include "exec_credential.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "holdfast/mem.h"
#include "kubeconfig_file.h"

#define REAP_EVERY_MS 20
#define OUTPUT_MAX (1u << 20)
#define COMPLAINT_MAX 4096u
#define COMPLAINT_SHOWN 400u

extern char **environ;

struct exec_run {
    struct hf_loop *loop;
    const struct hf_access *access;
    exec_done_fn done;
    void *ctx;
    pid_t pid; /* also its process group; 0 once it was waited for */
    int pidfd; /* -1 where the kernel has none: then reap_timer looks */
    int out_fd;
    int err_fd;
    struct hf_watch_fd *pid_watch;
    struct hf_watch_fd *out_watch;
    struct hf_watch_fd *err_watch;
    struct hf_timer *timeout;
    struct hf_timer *reap_timer;
    int64_t timeout_ms;
    char *out; /* OUTPUT_MAX + 1 bytes at once, so that no copy of a token is left by growing */
    size_t out_len;
    char complaint[COMPLAINT_MAX]; /* the end of its stderr */
    size_t complaint_len;
};

static void close_watched(struct hf_loop *loop, struct hf_watch_fd **watch, int *fd)
{
    hf_loop_remove_fd(loop, *watch);
    *watch = NULL;
    hf_cleanup_fd(fd);
    *fd = -1;
}

/* Ends the plugin with all it started: it has a process group of its own. */
static void kill_group(struct exec_run *run)
{
    if (run->pid > 0) {
        (void)kill(-run->pid, SIGKILL);
        while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        run->pid = 0;
    }
}

void exec_run_free(struct exec_run *run)
{
    if (!run) {
        return;
    }
    kill_group(run);
    close_watched(run->loop, &run->pid_watch, &run->pidfd);
    close_watched(run->loop, &run->out_watch, &run->out_fd);
    close_watched(run->loop, &run->err_watch, &run->err_fd);
    hf_timer_free(run->timeout);
    hf_timer_free(run->reap_timer);
    if (run->out) {
        hf_wipe(run->out, OUTPUT_MAX);
        free(run->out);
    }
    free(run);
}

static void finish(struct exec_run *run, struct exec_answer *answer, const struct hf_error *err)
{
    exec_done_fn done = run->done;
    void *ctx = run->ctx;
    exec_run_free(run);
    done(ctx, answer, err);
    exec_answer_free(answer);
}

static void fail(struct exec_run *run, struct hf_error *err)
{
    struct exec_answer none = {0};
    (void)hf_error_wrap(err, "credential plugin %s", run->access->exec->command);
    finish(run, &none, err);
}

/* Reads what is there. True at the end of the stream. */
static bool read_output(struct exec_run *run)
{
    while (run->out_len <= OUTPUT_MAX) {
        ssize_t got = read(run->out_fd, run->out + run->out_len, OUTPUT_MAX + 1 - run->out_len);
        if (got <= 0) {
            return got == 0 || (errno != EAGAIN && errno != EINTR);
        }
        run->out_len += (size_t)got;
    }
    return true;
}

static bool read_complaint(struct exec_run *run)
{
    for (;;) {
        char piece[1024];
        ssize_t got = read(run->err_fd, piece, sizeof piece);
        if (got <= 0) {
            return got == 0 || (errno != EAGAIN && errno != EINTR);
        }
        size_t keep = COMPLAINT_MAX - (size_t)got;
        if (run->complaint_len > keep) {
            memmove(run->complaint, run->complaint + run->complaint_len - keep, keep);
            run->complaint_len = keep;
        }
        memcpy(run->complaint + run->complaint_len, piece, (size_t)got);
        run->complaint_len += (size_t)got;
    }
}

/* The last lines it wrote to stderr, for a person. */
static void add_complaint(const struct exec_run *run, struct hf_buf *text)
{
    struct hf_slice said = {run->complaint, run->complaint_len};
    while (said.len > 0 && strchr(" \t\r\n", said.ptr[said.len - 1])) {
        said.len--;
    }
    if (said.len > COMPLAINT_SHOWN) {
        said.ptr += said.len - COMPLAINT_SHOWN;
        said.len = COMPLAINT_SHOWN;
        while (said.len > 0 && ((unsigned char)said.ptr[0] & 0xC0u) == 0x80u) { /* not in the middle of a character */
            said.ptr++;
            said.len--;
        }
    }
    if (said.len > 0) {
        hf_buf_adds(text, "; it said: ");
        hf_buf_add_safe(text, said, COMPLAINT_SHOWN);
    }
}

static int explain_end(const struct exec_run *run, int status, struct hf_error *err)
{
    struct hf_buf said hf_auto_buf = {0};
    const char *hint = run->access->exec->install_hint;
    add_complaint(run, &said);
    if (WIFSIGNALED(status)) {
        return hf_error_set(err, HF_EIO, "ended by signal %d%s", WTERMSIG(status), hf_buf_text(&said));
    }
    if (WEXITSTATUS(status) == 127) {
        return hf_error_set(err, HF_ENOTFOUND, "exit 127%s%s%s", hf_buf_text(&said), hint ? "; " : "",
                            hint ? hint : "");
    }
    return hf_error_set(err, HF_EIO, "exit %d%s", WEXITSTATUS(status), hf_buf_text(&said));
}

static int too_much(struct hf_error *err)
{
    return hf_error_set(err, HF_ELIMIT, "printed more than %u bytes", OUTPUT_MAX);
}

static int judge(struct exec_run *run, int status, struct exec_answer *answer, struct hf_error *err)
{
    if (run->out_fd >= 0) {
        (void)read_output(run);
    }
    if (run->err_fd >= 0) {
        (void)read_complaint(run);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return explain_end(run, status, err);
    }
    if (run->out_len > OUTPUT_MAX) {
        return too_much(err);
    }
    if (exec_answer_read(run->out, run->out_len, run->access->exec->api_version, answer, err) != 0) {
        return hf_error_wrap(err, "what it printed");
    }
    return 0;
}

static void reap(struct exec_run *run)
{
    int status = 0;
    pid_t got = waitpid(run->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) {
        hf_timer_set(run->reap_timer, REAP_EVERY_MS);
        return;
    }
    struct hf_error err = HF_ERROR_INIT;
    struct exec_answer answer = {0};
    run->pid = 0;
    if (got < 0) {
        (void)hf_error_errno(&err, HF_EIO, errno, "wait for it");
    } else if (judge(run, status, &answer, &err) == 0) {
        finish(run, &answer, &err);
        return;
    }
    fail(run, &err);
}

static void on_exit_told(void *ctx, int fd, unsigned events)
{
    (void)fd, (void)events;
    reap(ctx);
}

static void on_reap_timer(void *ctx)
{
    reap(ctx);
}

static void on_output(void *ctx, int fd, unsigned events)
{
    (void)fd, (void)events;
    struct exec_run *run = ctx;
    if (!read_output(run)) {
        return;
    }
    close_watched(run->loop, &run->out_watch, &run->out_fd);
    if (run->out_len > OUTPUT_MAX) {
        struct hf_error err = HF_ERROR_INIT;
        (void)too_much(&err);
        fail(run, &err);
    }
}

static void on_complaint(void *ctx, int fd, unsigned events)
{
    (void)fd, (void)events;
    struct exec_run *run = ctx;
    if (read_complaint(run)) {
        close_watched(run->loop, &run->err_watch, &run->err_fd);
    }
}

static void on_timeout(void *ctx)
{
    struct exec_run *run = ctx;
    struct hf_error err = HF_ERROR_INIT;
    struct hf_buf said hf_auto_buf = {0};
    add_complaint(run, &said);
    (void)hf_error_set(&err, HF_ETIMEOUT, "no answer within %lld ms; it was ended%s", (long long)run->timeout_ms,
                       hf_buf_text(&said));
    fail(run, &err);
}

/* The plugin's signals are as a new program's; its input is empty; its process group is its own. */
static int spawn_with(struct exec_run *run, int out_fd, int err_fd, char *const *argv, char *const *environment)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
    /* Nothing of ours goes with it: not every library opens its sockets close-on-exec. */
    failed = failed ? failed : posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    failed = failed ? failed : posix_spawnattr_setsigmask(&attributes, &none);
    failed = failed ? failed : posix_spawnattr_setsigdefault(&attributes, &all);
    failed = failed ? failed : posix_spawnattr_setpgroup(&attributes, 0);
    failed = failed ? failed
                    : posix_spawnattr_setflags(&attributes,
                                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    failed = failed ? failed : posix_spawnp(&run->pid, argv[0], &actions, &attributes, argv, environment);
    if (failed) {
        run->pid = 0;
    }
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static char **arguments(const struct hf_exec_plugin *plugin)
{
    char **argv = hf_calloc(plugin->arg_count + 2, sizeof *argv);
    bool ok = argv && (argv[0] = hf_strdup(plugin->command)) != NULL;
    for (size_t i = 0; ok && i < plugin->arg_count; i++) {
        argv[i + 1] = hf_strdup(plugin->args[i]);
        ok = argv[i + 1] != NULL;
    }
    if (!ok) {
        exec_environment_free(argv);
        return NULL;
    }
    return argv;
}

static int spawn(struct exec_run *run, int out_fd, int err_fd, struct hf_error *err)
{
    const struct hf_exec_plugin *plugin = run->access->exec;
    char **argv = arguments(plugin);
    char **environment = exec_environment(run->access, environ);
    int failed = argv && environment ? spawn_with(run, out_fd, err_fd, argv, environment) : ENOMEM;
    exec_environment_free(argv);
    exec_environment_free(environment);
    if (failed == ENOENT) {
        return hf_error_set(err, HF_ENOTFOUND, "not found%s%s", plugin->install_hint ? "; " : "",
                            plugin->install_hint ? plugin->install_hint : "");
    }
    if (failed) {
        enum hf_code code = failed == ENOMEM ? HF_ENOMEM : failed == EACCES ? HF_EDENIED : HF_EIO;
        return hf_error_errno(err, code, failed, "can't be run");
    }
    return 0;
}

static int watch(struct exec_run *run, struct hf_error *err)
{
    run->out_watch = hf_loop_add_fd(run->loop, run->out_fd, HF_READ, on_output, run, err);
    run->err_watch = run->out_watch ? hf_loop_add_fd(run->loop, run->err_fd, HF_READ, on_complaint, run, err) : NULL;
    if (!run->err_watch) {
        return -1;
    }
    run->pidfd = pidfd_open(run->pid, 0);
    if (run->pidfd >= 0) {
        run->pid_watch = hf_loop_add_fd(run->loop, run->pidfd, HF_READ, on_exit_told, run, err);
        return run->pid_watch ? 0 : -1;
    }
    hf_timer_set(run->reap_timer, REAP_EVERY_MS);
    return 0;
}

static int begin(struct exec_run *run, struct hf_error *err)
{
    int out_pipe[2] = {-1, -1};
    int err_pipe[2] = {-1, -1};
    run->out = malloc(OUTPUT_MAX + 1);
    run->timeout = hf_timer_new(run->loop, on_timeout, run);
    run->reap_timer = hf_timer_new(run->loop, on_reap_timer, run);
    if (!run->out || !run->timeout || !run->reap_timer) {
        return hf_error_set(err, HF_ENOMEM, "out of memory");
    }
    int result = pipe2(out_pipe, O_CLOEXEC) == 0 && pipe2(err_pipe, O_CLOEXEC) == 0
                     ? 0
                     : hf_error_errno(err, HF_EIO, errno, "make a pipe");
    run->out_fd = out_pipe[0];
    run->err_fd = err_pipe[0];
    if (result == 0 && (fcntl(run->out_fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(run->err_fd, F_SETFL, O_NONBLOCK) != 0)) {
        result = hf_error_errno(err, HF_EIO, errno, "make a pipe");
    }
    result = result == 0 ? spawn(run, out_pipe[1], err_pipe[1], err) : -1;
    hf_cleanup_fd(&out_pipe[1]);
    hf_cleanup_fd(&err_pipe[1]);
    if (result != 0 || watch(run, err) != 0) {
        return -1;
    }
    hf_timer_set(run->timeout, run->timeout_ms);
    return 0;
}

int exec_run_start(struct hf_loop *loop, const struct hf_access *access, int64_t timeout_ms, exec_done_fn done,
                   void *ctx, struct exec_run **out, struct hf_error *err)
{
    struct exec_run *run = hf_calloc(1, sizeof *run);
    if (!run) {
        return hf_error_set(err, HF_ENOMEM, "credential plugin: out of memory");
    }
    *run = (struct exec_run){.loop = loop,
                             .access = access,
                             .timeout_ms = timeout_ms,
                             .done = done,
                             .ctx = ctx,
                             .pidfd = -1,
                             .out_fd = -1,
                             .err_fd = -1};
    if (begin(run, err) != 0) {
        exec_run_free(run);
        return hf_error_wrap(err, "credential plugin %s", access->exec->command);
    }
    *out = run;
    return 0;
}
