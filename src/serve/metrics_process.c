/* The metrics of a process that every Prometheus client serves, from proc(5). What can't be read is left out. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "metrics.h"

#define STAT_UTIME 14 /* fields of /proc/self/stat, counted from 1 */
#define STAT_STIME 15
#define STAT_START 22
#define STAT_VSIZE 23
#define STAT_RSS 24
#define STAT_FIELDS 24

static bool read_line(const char *path, const char *prefix, char *line, int size)
{
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, size, file)) {
        found = strncmp(line, prefix, strlen(prefix)) == 0;
    }
    if (file) {
        (void)fclose(file);
    }
    return found;
}

/* The second field is the program's name in parentheses and may hold anything: counting begins behind it. */
static bool read_stat(uint64_t fields[STAT_FIELDS + 1])
{
    char line[1024];
    if (!read_line("/proc/self/stat", "", line, sizeof line)) {
        return false;
    }
    char *at = strrchr(line, ')');
    if (!at || strlen(at) < 4) {
        return false;
    }
    at += 4; /* over the state, which is a letter */
    for (int field = 4; field <= STAT_FIELDS; field++) {
        fields[field] = strtoull(at, &at, 10);
    }
    return true;
}

static int64_t boot_s(void)
{
    char line[1024];
    return read_line("/proc/stat", "btime ", line, sizeof line) ? strtoll(line + strlen("btime "), NULL, 10) : 0;
}

static void add_descriptors(struct hf_metrics *metrics)
{
    struct rlimit limit;
    DIR *folder = opendir("/proc/self/fd");
    if (folder) {
        uint64_t count = 0;
        for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
            count += entry->d_name[0] != '.';
        }
        (void)closedir(folder);
        hf_metric_family(metrics, "process_open_fds", "gauge", "Number of open file descriptors.");
        hf_metric_count(metrics, count - 1, NULL, 0); /* but for the folder itself */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        hf_metric_family(metrics, "process_max_fds", "gauge", "Maximum number of open file descriptors.");
        hf_metric_count(metrics, limit.rlim_cur, NULL, 0);
    }
}

void hf_metrics_process(struct hf_metrics *metrics)
{
    uint64_t fields[STAT_FIELDS + 1] = {0};
    long ticks = sysconf(_SC_CLK_TCK);
    if (read_stat(fields) && ticks > 0) {
        uint64_t tick = (uint64_t)ticks;
        int64_t boot = boot_s();
        hf_metric_family(metrics, "process_cpu_seconds_total", "counter", "Total user and system CPU time spent.");
        hf_metric_seconds(metrics, (int64_t)((fields[STAT_UTIME] + fields[STAT_STIME]) * 1000 / tick), NULL, 0);
        if (boot > 0) {
            hf_metric_family(metrics, "process_start_time_seconds", "gauge",
                             "Start time of the process since the epoch.");
            hf_metric_seconds(metrics, boot * 1000 + (int64_t)(fields[STAT_START] * 1000 / tick), NULL, 0);
        }
        hf_metric_family(metrics, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.");
        hf_metric_count(metrics, fields[STAT_VSIZE], NULL, 0);
        hf_metric_family(metrics, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
        hf_metric_count(metrics, fields[STAT_RSS] * (uint64_t)sysconf(_SC_PAGESIZE), NULL, 0);
    }
    add_descriptors(metrics);
}
