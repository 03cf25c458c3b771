/* listener.h - the socket on which a worker is reached. */
#ifndef WEIR_REST_LISTENER_H
#define WEIR_REST_LISTENER_H

#include "base/err.h"

#include <stdint.h>

/* Listens on `host` ("" is every interface, IPv6 and IPv4) and `port` (0: the system chooses).
 * WEIR_INVALID: the address is in use or not ours; the text names it. */
WEIR_MUST_CHECK weir_code weir_listen(const char *host, uint16_t port, int *ret_fd,
                                      uint16_t *ret_port, weir_err *err);

#endif
