/* notify.h - what systemd, or whoever plays it, is told about this process.
 *
 * A service manager that wants to hear from a process (Type=notify) names a Unix datagram socket in
 * NOTIFY_SOCKET: a path, or '@' and an abstract name. One datagram holds lines such as "READY=1",
 * "STATUS=what one should know", "STOPPING=1", "WATCHDOG=1" (sd_notify(3)). That is all there is to
 * it, so it is written here and not taken from libsystemd (docs/decisions/0005-dependencies.md).
 */
#ifndef WEIR_BASE_NOTIFY_H
#define WEIR_BASE_NOTIFY_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* [any] Is there somebody to tell? */
bool weir_notify_wanted(void);

/* [any] Sends `lines`, separated by newlines, as one datagram. A manager with no room is waited
 * for, two seconds at most. WEIR_NOT_FOUND: nobody wants to hear it; WEIR_INVALID: NOTIFY_SOCKET is
 * no address; WEIR_FAILED: it did not arrive. Whoever is not listened to goes on all the same. */
weir_code weir_notify(const char *lines, weir_err *err);

/* [any] "STATUS=<text>", which the manager shows beside the service: `text` on one line. */
weir_code weir_notify_status(const char *text, weir_err *err);

/* How many ms may lie between two "WATCHDOG=1" before the manager kills this process (its
 * WatchdogSec=, in WATCHDOG_USEC and WATCHDOG_PID); 0: it does not watch. */
int64_t weir_notify_watchdog_ms(void);

#endif
