/* notify.c - see notify.h. */
#include "base/notify.h"

#include "base/buf.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM_WAIT_S 2

static const char *wanted_at(void)
{
    const char *name = getenv("NOTIFY_SOCKET");

    return name && *name ? name : NULL;
}

bool weir_notify_wanted(void)
{
    return wanted_at() != NULL;
}

/* An abstract name begins with a NUL where it is written with '@', and ends with its length. */
static weir_code address_of(const char *name, struct sockaddr_un *address, socklen_t *size,
                            weir_err *err)
{
    size_t length = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(address->sun_path))
        return weir_fail(err, WEIR_INVALID,
                         "NOTIFY_SOCKET is '%s': neither a path nor @ and a name, below %zu bytes",
                         name, sizeof(address->sun_path));
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == '/'));
    return WEIR_OK;
}

weir_code weir_notify(const char *lines, weir_err *err)
{
    const struct timeval patience = {.tv_sec = ROOM_WAIT_S};
    const char *name = wanted_at();
    struct sockaddr_un address;
    socklen_t size = 0;
    weir_code rc;
    int fd;

    if (!name)
        return weir_fail(err, WEIR_NOT_FOUND, "no NOTIFY_SOCKET");
    rc = address_of(name, &address, &size, err);
    if (rc != WEIR_OK)
        return rc;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return weir_fail(err, WEIR_FAILED, "no socket for '%s': %s", name, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0)
        rc = weir_fail(err, WEIR_FAILED, "cannot notify '%s': %s", name, strerror(errno));
    close(fd);
    return rc;
}

weir_code weir_notify_status(const char *text, weir_err *err)
{
    weir_buf line = WEIR_BUF;
    weir_code rc;

    weir_buf_text_add(&line, "STATUS=");
    for (; *text; text++)
        weir_buf_char(&line, *text == '\n' ? ' ' : *text);
    rc = weir_notify(weir_buf_text(&line), err);
    weir_buf_free(&line);
    return rc;
}

/* Without WATCHDOG_PID whoever inherits the variable is meant, as sd_watchdog_enabled() has it. */
int64_t weir_notify_watchdog_ms(void)
{
    const char *limit = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long us = limit ? strtoll(limit, NULL, 10) : 0;

    if (us <= 0 || (pid && strtoll(pid, NULL, 10) != getpid()))
        return 0;
    return us < 1000 ? 1 : us / 1000;
}
