/* process.h - what the kernel says about this process (/proc/self).
 *
 * Threads  Any. Reads a few small files; never waits.
 */
#ifndef WEIR_BASE_PROCESS_H
#define WEIR_BASE_PROCESS_H

#include <stdint.h>

typedef struct weir_process { /* -1: the kernel does not say */
    double cpu_seconds;       /* user and system, all threads */
    double started_seconds;   /* since 1970 */
    int64_t resident_bytes, virtual_bytes;
    int64_t threads;
    int64_t open_fds, max_fds;
} weir_process;

weir_process weir_process_look(void);

#endif
