/* process.c - see process.h. */
#include "base/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The start of a file as text; "" when it cannot be read. */
static void slurp(const char *path, char *text, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, room - 1) : -1;

    text[size > 0 ? size : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

/* When the machine was booted, by the wall clock: /proc/stat has it behind a line per processor. */
static long long booted_seconds(void)
{
    FILE *file = fopen("/proc/stat", "re");
    long long seconds = -1;
    char line[256];

    if (!file)
        return -1;
    while (seconds < 0 && fgets(line, sizeof(line), file))
        if (sscanf(line, "btime %lld", &seconds) != 1)
            seconds = -1;
    fclose(file);
    return seconds;
}

/* proc(5): the fields of stat, counted from behind the name, which may hold anything. */
static void read_stat(weir_process *process)
{
    double ticks = (double)sysconf(_SC_CLK_TCK);
    unsigned long long user, system, started, bytes;
    long long threads, pages, booted = booted_seconds();
    char text[1024];
    const char *at;

    slurp("/proc/self/stat", text, sizeof(text));
    at = strrchr(text, ')');
    if (!at || sscanf(at + 1,
                      " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %lld "
                      "%*d %llu %llu %lld",
                      &user, &system, &threads, &started, &bytes, &pages) != 6)
        return;
    process->cpu_seconds = (double)(user + system) / ticks;
    process->threads = threads;
    process->virtual_bytes = (int64_t)bytes;
    process->resident_bytes = pages * sysconf(_SC_PAGESIZE);
    if (booted >= 0)
        process->started_seconds = (double)booted + (double)started / ticks;
}

static int64_t count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;
    int64_t count = -1; /* the one that reads the folder is in it */

    if (!folder)
        return -1;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

weir_process weir_process_look(void)
{
    weir_process process = {-1, -1, -1, -1, -1, -1, -1};
    struct rlimit limit;

    read_stat(&process);
    process.open_fds = count_fds();
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        process.max_fds = (int64_t)limit.rlim_cur;
    return process;
}
