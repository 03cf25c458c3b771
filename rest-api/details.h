/* details.h - what running tasks say about themselves, gathered from their workers. */
#ifndef WEIR_REST_DETAILS_H
#define WEIR_REST_DETAILS_H

#include "rest-api/call.h"

/* Gives each row of `tasks` ({"id": 0, …}) a last member "details", as far as the workers named in
 * `reply->owners` tell within 500 ms. Nothing when the worker's settings say so. Waits. */
void weir_details_add(weir_call *call, json_t *tasks, const weir_reply *reply);

#endif
