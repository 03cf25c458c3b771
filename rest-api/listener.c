/* listener.c - see listener.h. */
#include "rest-api/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 511

/* A listening socket on this address; -1 with errno. */
static int listen_on(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1, no = 0, problem;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    problem = errno;
    close(fd);
    errno = problem;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    memset(&address, 0, sizeof(address));
    getsockname(fd, (struct sockaddr *)&address, &size);
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

weir_code weir_listen(const char *host, uint16_t port, int *ret_fd, uint16_t *ret_port,
                      weir_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char service[8];
    int failed, fd = -1;

    snprintf(service, sizeof(service), "%u", (unsigned)port);
    /* "::" takes IPv4 as well; where there is no IPv6, 0.0.0.0 comes second. */
    failed = getaddrinfo(host[0] ? host : "::", service, &hints, &found);
    if (failed)
        return weir_fail(err, WEIR_INVALID, "cannot listen on '%s:%u': %s", host, (unsigned)port,
                         gai_strerror(failed));
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = listen_on(at);
    if (fd < 0 && !host[0] && errno != EADDRINUSE) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct addrinfo all = {
            .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&any, .ai_addrlen = sizeof(any)};

        fd = listen_on(&all);
    }
    if (fd < 0)
        failed = errno;
    freeaddrinfo(found);
    if (fd < 0)
        return weir_fail(err, WEIR_INVALID, "cannot listen on '%s:%u': %s", host, (unsigned)port,
                         strerror(failed));
    *ret_fd = fd;
    *ret_port = port_of(fd);
    return WEIR_OK;
}
