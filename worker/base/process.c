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
        if (strncmp(line, "btime ", 6) == 0)
            seconds = strtoll(line + 6, NULL, 10);
    fclose(file);
    return seconds;
}

/* The fields of /proc/self/stat, as proc(5) counts them, that are wanted here. */
enum { USER_TICKS = 14, SYSTEM_TICKS = 15, THREADS = 20, START_TICKS = 22, BYTES = 23, PAGES = 24 };

static void read_stat(weir_process *process)
{
    double ticks = (double)sysconf(_SC_CLK_TCK);
    long long fields[PAGES + 1] = {0}, booted = booted_seconds();
    char text[1024], *at;
    int field = 2; /* the name, in brackets, which may hold anything */

    slurp("/proc/self/stat", text, sizeof(text));
    at = strrchr(text, ')');
    for (at = at ? strchr(at, ' ') : NULL; at && field < PAGES; at = strchr(at + 1, ' '))
        fields[++field] = strtoll(at + 1, NULL, 10); /* 0 for the state, a letter */
    if (field < PAGES)
        return;
    process->cpu_seconds = (double)(fields[USER_TICKS] + fields[SYSTEM_TICKS]) / ticks;
    process->threads = fields[THREADS];
    process->virtual_bytes = fields[BYTES];
    process->resident_bytes = fields[PAGES] * sysconf(_SC_PAGESIZE);
    if (booted >= 0)
        process->started_seconds = (double)booted + (double)fields[START_TICKS] / ticks;
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
