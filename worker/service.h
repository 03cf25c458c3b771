/* service.h - a worker as the service that systemd, or whoever plays it, looks after.
 *
 * What the manager is told (base/notify.h), when it has asked to be told anything:
 *
 *   READY=1      as soon as the REST API answers, whether Kafka is there or not. A worker without
 *                Kafka is up: it waits, says so everywhere, and starts its tasks when Kafka comes.
 *                Were it "activating" meanwhile, the manager's start timeout would kill it again
 *                and again while Kafka is away, and each `systemctl start` would hang. Whether it
 *                is fit for work is GET /health.
 *   STATUS=      what it waits for, or its place in the group: `systemctl status` shows it
 *   WATCHDOG=1   each time the herder has answered a question, and only then
 *   STOPPING=1   when it is told to stop, with the time it needs for that
 *
 * Threads: [main] for all of it.
 */
#ifndef WEIR_SERVICE_H
#define WEIR_SERVICE_H

#include "config/worker_settings.h"
#include "herder/herder.h"

#include <signal.h>

/* Says that the worker is up and waits for one of the signals, which are blocked; tells the manager
 * how things are meanwhile. Returns the signal's number. Without a manager it only waits. */
int weir_service_wait(const sigset_t *stops, weir_herder *herder);

/* Says that the worker ends, and why. The end may take as long as weir_herder_stop() and
 * weir_server_stop() do, whatever the manager's own limit is. */
void weir_service_stopping(const weir_worker_settings *settings, const char *why);

#endif
