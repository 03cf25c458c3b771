/* forward.h - a call that is another worker's to answer. */
#ifndef WEIR_REST_FORWARD_H
#define WEIR_REST_FORWARD_H

#include "rest-api/call.h"

/* Makes the same call at the worker at `url` ("http://host:port/") and gives its answer back.
 * At most two hops, follower to leader to owner: the `forward` parameter counts them
 * (connect-rest-api.md 2.1). Waits, until the call's deadline at most. False: that worker could not
 * be reached, so nothing was sent; the call's answer says so unless another one is tried. */
bool weir_forward(weir_call *call, const char *url);

#endif
