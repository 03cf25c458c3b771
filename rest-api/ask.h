/* ask.h - a call's question to the herder, and what becomes of its reply.
 *
 * The one place where weir_codes become HTTP statuses.
 */
#ifndef WEIR_REST_ASK_H
#define WEIR_REST_ASK_H

#include "rest-api/call.h"

/* 200 … 503, as connect-rest-api.md 2.5 maps outcomes. */
int weir_http_status(weir_code code);

/* Fills in from the route what is asked, and from the path about what; asks; waits.
 * True: the herder said WEIR_OK and the answer is the caller's to write from *reply.
 * False: the call has its answer, the herder's refusal or the leader's word.
 * weir_reply_clear() either way. */
bool weir_call_ask(weir_call *call, weir_request request, weir_reply *reply);

/* A handler: asks, and answers with the route's status and what the herder gave. */
void weir_handle_ask(weir_call *call);

#endif
