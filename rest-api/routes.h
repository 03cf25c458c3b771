/* routes.h - which handler serves a call. */
#ifndef WEIR_REST_ROUTES_H
#define WEIR_REST_ROUTES_H

#include "rest-api/call.h"

/* True: call->route is set, its handler has the word. False: the call is answered already (an
 * error of connect-rest-api.md 2.5, or OPTIONS). Never waits. */
bool weir_route_call(weir_call *call);

#endif
