/* check_job.c - an examination on the foreign thread, waited for or not.
 *
 * The job owns copies of everything it reads, because a job that was given up may go on reading
 * them for ever. Who is answered gets the check by value; of a job that was given up, another one.
 */
#include "plugin/check_internal.h"

#include "base/mem.h"

#include <pthread.h>

typedef struct check_job {
    weir_job job; /* first: the foreign thread's pointer is ours */
    weir_check_request request;
    weir_props worker, config;
    char *connector, *class_in_path;
    weir_check_neighbour *neighbours; /* with copies of their own */
    size_t neighbour_count;
    weir_check check; /* run() writes it */
    weir_check_done *done;
    void *ctx;
} check_job;

static void run(weir_job *job)
{
    check_job *self = (check_job *)job;

    weir_check_run(&self->request, &self->check);
}

static weir_code explain(weir_check *check, const char *connector, weir_code code)
{
    const char *who = connector ? connector : "(unnamed)";

    if (code == WEIR_TIMED_OUT)
        weir_fail(&check->err, code,
                  "connector '%s': its plugin did not come back from examining the config", who);
    else
        weir_fail(&check->err, code, "connector '%s': its config was not examined: %s", who,
                  code == WEIR_FULL ? "too many are waiting" : "the worker is stopping");
    check->code = code;
    check->message = weir_strdup(check->err.msg);
    return code;
}

static void done(weir_job *job, weir_code code)
{
    check_job *self = (check_job *)job;
    weir_check check = {.code = WEIR_OK};

    if (code == WEIR_OK) {
        check = self->check;
        self->check = (weir_check){.code = WEIR_OK};
    } else {
        explain(&check, self->connector, code);
    }
    self->done(self->ctx, &check);
}

/* ---- Neighbours: of each no more than the plugin asks for ---------------------------------- */

static void copy_neighbour(check_job *self, const weir_check_neighbour *from,
                           const char *const *keys)
{
    weir_props *config = weir_new(weir_props);

    *config = (weir_props)WEIR_PROPS;
    weir_props_set(config, "task.class", weir_props_get(from->config, "task.class"));
    for (size_t i = 0; keys[i]; i++)
        if (weir_props_get(from->config, keys[i]))
            weir_props_set(config, keys[i], weir_props_get(from->config, keys[i]));
    self->neighbours[self->neighbour_count++] = (weir_check_neighbour){
        .connector = weir_strdup(from->connector), .task = from->task, .config = config};
}

static void copy_neighbours(check_job *self, const weir_check_request *request)
{
    const char *class_name = weir_props_get(request->config, "connector.class");
    const weir_plugin *plugin = class_name && request->neighbour_count > 0
                                    ? weir_registry_find(request->registry, class_name)
                                    : NULL;
    const weir_plugin_desc *desc = plugin ? weir_plugin_desc_of(plugin) : NULL;

    self->request.neighbours = NULL;
    self->request.neighbour_count = 0;
    if (!desc)
        return;
    self->neighbours = weir_new_array(weir_check_neighbour, request->neighbour_count);
    for (size_t i = 0; i < request->neighbour_count; i++)
        if (weir_is_neighbour(desc, request->neighbours[i].config))
            copy_neighbour(self, &request->neighbours[i], desc->neighbour_keys);
    self->request.neighbours = self->neighbours;
    self->request.neighbour_count = self->neighbour_count;
}

static void drop_neighbours(check_job *self)
{
    for (size_t i = 0; i < self->neighbour_count; i++) {
        weir_props *config = (weir_props *)(uintptr_t)self->neighbours[i].config;

        weir_props_clear(config);
        free(config);
        free((char *)(uintptr_t)self->neighbours[i].connector);
    }
    free(self->neighbours);
}

/* ---- The end of a job ----------------------------------------------------------------------- */

static void drop(weir_job *job)
{
    check_job *self = (check_job *)job;

    drop_neighbours(self);
    weir_props_clear(&self->worker);
    weir_props_clear(&self->config);
    free(self->connector);
    free(self->class_in_path);
    weir_check_clear(&self->check);
    free(self);
}

weir_code weir_check_submit(weir_foreign *foreign, const weir_check_request *request,
                            weir_check_done *callback, void *ctx)
{
    check_job *self = weir_new(check_job);
    const char *name = weir_props_get(request->config, "name");
    weir_code rc;

    self->job = (weir_job){run, done, drop};
    weir_props_merge(&self->worker, request->worker);
    weir_props_merge(&self->config, request->config);
    self->connector = weir_strdup(request->connector ? request->connector : name);
    self->class_in_path = weir_strdup(request->class_in_path);
    self->request = *request;
    self->request.worker = &self->worker;
    self->request.config = &self->config;
    self->request.connector = request->connector ? self->connector : NULL;
    self->request.class_in_path = self->class_in_path;
    copy_neighbours(self, request);
    self->done = callback;
    self->ctx = ctx;
    rc = weir_foreign_submit(foreign, &self->job);
    if (rc != WEIR_OK)
        drop(&self->job);
    return rc;
}

/* ---- Waited for --------------------------------------------------------------------------- */

typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    weir_check *check;
    bool done;
} waiter;

static void answer(void *ctx, weir_check *check)
{
    waiter *self = ctx;

    pthread_mutex_lock(&self->lock);
    *self->check = *check;
    self->done = true;
    pthread_cond_signal(&self->answered);
    pthread_mutex_unlock(&self->lock);
}

weir_code weir_check_on(weir_foreign *foreign, const weir_check_request *request, weir_check *check)
{
    waiter self = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER, .check = check};
    weir_code rc = weir_check_submit(foreign, request, answer, &self);

    if (rc != WEIR_OK)
        return explain(check, request->connector, rc);
    pthread_mutex_lock(&self.lock);
    while (!self.done)
        pthread_cond_wait(&self.answered, &self.lock);
    pthread_mutex_unlock(&self.lock);
    pthread_mutex_destroy(&self.lock);
    pthread_cond_destroy(&self.answered);
    return check->code;
}
