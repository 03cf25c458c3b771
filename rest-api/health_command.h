/* health_command.h - `weir health`: asks the worker on this machine, as container health checks
 * want it, without a client that an image would have to bring.
 */
#ifndef WEIR_REST_HEALTH_COMMAND_H
#define WEIR_REST_HEALTH_COMMAND_H

/* `file`: the worker's properties, "-" for none; CONNECT_* of `environment` go on top. Asks GET
 * /health at the listener they name and prints the answer, or why there was none. Returns the exit
 * code: 0 for a healthy worker, else 1, as Docker wants it. Waits ten seconds at most, as long as
 * a worker takes to call itself unhealthy. Logs go to standard error. */
int weir_health_command(const char *file, const char *const *environment);

#endif
