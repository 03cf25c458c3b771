/* handlers.h - what the routes of routes.c lead to, by resource. */
#ifndef WEIR_REST_HANDLERS_H
#define WEIR_REST_HANDLERS_H

#include "rest-api/call.h"

/* health.c */
void weir_handle_health(weir_call *call);

/* metrics.c */
void weir_handle_metrics(weir_call *call);

/* connectors.c */
void weir_handle_list(weir_call *call);
void weir_handle_create(weir_call *call);
void weir_handle_put_config(weir_call *call);
void weir_handle_patch_config(weir_call *call);
void weir_handle_restart(weir_call *call);
/* 201 and where the connector is to be found from now on. */
void weir_call_created(weir_call *call, const char *name);

/* offsets.c */
void weir_handle_alter_offsets(weir_call *call);

/* status.c */
void weir_handle_status(weir_call *call);
void weir_handle_task_status(weir_call *call);
void weir_handle_restart_task(weir_call *call);

/* plugins.c */
void weir_handle_plugins(weir_call *call);
void weir_handle_definitions(weir_call *call);
void weir_handle_validate(weir_call *call);

#endif
