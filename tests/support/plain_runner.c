/* Runs Criterion's tests without Criterion's runner, for builds under ThreadSanitizer: the runner maps an arena at
 * addresses that TSan keeps for itself, and aborts (github.com/Snaipe/Criterion/issues/274). Tests are found in the
 * sections that Criterion's macros put them in; each runs in a process of its own, one after another. What the tests'
 * assertions call is defined here and taken before the library's.
 *
 * usage: test_x [--filter SUITE/NAME-pattern] [-jN, ignored]. The closing line is like Criterion's. */
#include <criterion/criterion.h>
#include <criterion/event.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEFAULT_TIMEOUT = 180, FAILED_EXIT = 1, SKIPPED_EXIT = 77 };

extern struct criterion_test *tests_begin[] __asm__("__start_cr_tst");
extern struct criterion_test *tests_end[] __asm__("__stop_cr_tst");
extern struct criterion_suite *suites_begin[] __asm__("__start_cr_sts") __attribute__((weak));
extern struct criterion_suite *suites_end[] __asm__("__stop_cr_sts") __attribute__((weak));

/* Of the one test that this process runs. */
static const struct criterion_test *current;
static const struct criterion_suite *current_suite;
static void *current_parameter;
static int current_failed;
static jmp_buf current_abort;

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    fprintf(stderr, "%s:%u: %s\n", stats->file, stats->line, stats->message ? stats->message : "assertion failed");
}

void cri_asserts_passed_incr(void)
{
}

void criterion_abort_test(void)
{
    current_failed = 1;
    longjmp(current_abort, 1);
}

void criterion_continue_test(void)
{
    current_failed = 1;
}

void criterion_skip_test(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    exit(SKIPPED_EXIT);
}

void criterion_test_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    exit(FAILED_EXIT);
}

static void fixture(void (*suite)(void), void (*test)(void))
{
    if (suite) {
        suite();
    }
    if (test) {
        test();
    }
}

void criterion_internal_test_setup(void)
{
    fixture(current_suite && current_suite->data ? current_suite->data->init : NULL, current->data->init);
}

void criterion_internal_test_main(void (*body)(void))
{
    if (setjmp(current_abort)) {
        return;
    }
    if (current->data->kind_ == CR_TEST_PARAMETERIZED) {
        ((void (*)(void *))body)(current_parameter);
    } else {
        body();
    }
}

void criterion_internal_test_teardown(void)
{
    fixture(current->data->fini, current_suite && current_suite->data ? current_suite->data->fini : NULL);
}

static const struct criterion_suite *suite_of(const struct criterion_test *test)
{
    for (struct criterion_suite **suite = suites_begin; suite < suites_end; suite++) {
        if (*suite && strcmp((*suite)->name, test->category) == 0) {
            return *suite;
        }
    }
    return NULL;
}

static void run_here(const struct criterion_test *test, void *parameter)
{
    current = test;
    current_suite = suite_of(test);
    current_parameter = parameter;
    double limit = test->data->timeout > 0 ? test->data->timeout * 20 : DEFAULT_TIMEOUT;
    alarm((unsigned)limit + 1);
    test->test();
    exit(current_failed ? FAILED_EXIT : 0);
}

/* True when the process ended as the test says it should. */
static int ended_well(const struct criterion_test *test, int status)
{
    if (WIFSIGNALED(status)) {
        return test->data->signal == WTERMSIG(status);
    }
    int code = WEXITSTATUS(status);
    return test->data->signal == 0 &&
           (code == test->data->exit_code || (code == SKIPPED_EXIT && !test->data->exit_code));
}

static int run_one(const struct criterion_test *test, void *parameter, size_t number)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        run_here(test, parameter);
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid > 0 && ended_well(test, status)) {
        return 0;
    }
    printf("[FAIL] %s::%s (%zu): %s %d\n", test->category, test->name, number,
           WIFSIGNALED(status) ? "ended by signal" : "exit",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return 1;
}

static size_t run_test(const struct criterion_test *test, size_t *tested)
{
    if (test->data->kind_ != CR_TEST_PARAMETERIZED) {
        *tested += 1;
        return (size_t)run_one(test, NULL, 0);
    }
    size_t failed = 0;
    struct criterion_test_params table = test->data->param_();
    for (size_t i = 0; i < table.length; i++) {
        *tested += 1;
        failed += (size_t)run_one(test, (char *)table.params + i * table.size, i);
    }
    if (table.cleanup) {
        table.cleanup(&table);
    }
    return failed;
}

int main(int argc, char **argv)
{
    const char *filter = argc > 2 && strcmp(argv[1], "--filter") == 0 ? argv[2] : "*";
    size_t tested = 0, failed = 0;
    for (struct criterion_test **test = tests_begin; test < tests_end; test++) {
        char name[512];
        if (!*test || (*test)->data->disabled) {
            continue;
        }
        snprintf(name, sizeof name, "%s/%s", (*test)->category, (*test)->name);
        if (fnmatch(filter, name, 0) == 0) {
            failed += run_test(*test, &tested);
        }
    }
    printf("[====] Synthesis: Tested: %zu | Passing: %zu | Failing: %zu | Crashing: 0\n", tested, tested - failed,
           failed);
    return failed || tested == 0;
}
