/* lone_task.c - one task of a source connector and nothing around it: no group, no REST, no topics
 * of the worker's. What runs is what runs in a worker: task layer, plugin, producer.
 *
 *     lone_task plugin.so key=value...            the config as posted; bootstrap.servers with it
 *
 * SIGTERM stops it in order. Exit code 1: the task failed, and its trace was printed; 2: could not
 * run.
 */
#include "base/footprint.h"
#include "base/log.h"
#include "task/source_task.h"
#include "task/task_internal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAILED = 1, BROKEN = 2 };

/* [task] */
static bool hear(void *ctx, weir_task_fact *fact)
{
    pthread_t *whole = ctx;

    if (!fact->is_details && fact->state == WEIR_TASK_FAILED) {
        fprintf(stderr, "%s\n", fact->trace);
        exit(FAILED);
    }
    if (!fact->is_details && fact->state == WEIR_TASK_ENDED)
        pthread_kill(*whole, SIGUSR1);
    weir_task_fact_free(fact);
    return true;
}

static void wait_for(int which)
{
    sigset_t set;
    int heard;

    sigemptyset(&set);
    sigaddset(&set, which);
    do
        sigwait(&set, &heard);
    while (heard != which);
}

static void read_words(int argc, char **argv, weir_props *props)
{
    for (int i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');

        if (!equals) {
            fprintf(stderr, "'%s' is not of the form key=value\n", argv[i]);
            exit(BROKEN);
        }
        *equals = '\0';
        weir_props_set(props, argv[i], equals + 1);
    }
}

int main(int argc, char **argv)
{
    weir_worker_settings settings = {.key_converter = "StringConverter",
                                     .value_converter = "ByteArrayConverter",
                                     .header_converter = "SimpleHeaderConverter",
                                     .override_policy = "All",
                                     .offset_flush_timeout_ms = 5000,
                                     .graceful_shutdown_ms = 5000};
    weir_props config = WEIR_PROPS;
    pthread_t whole = pthread_self();
    weir_task_spec spec = {.connector = "lone",
                           .settings = &settings,
                           .connector_config = &config,
                           .config = &config,
                           .report = hear,
                           .ctx = &whole};
    weir_plugin *plugin;
    weir_source_task *task;
    sigset_t blocked;
    weir_err err;

    weir_footprint_keep_small();
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    weir_log_setup(WEIR_WARN, WEIR_LOG_LOGFMT);
    if (argc < 2 || weir_plugin_open(argv[1], &plugin, &err) != WEIR_OK) {
        fprintf(stderr, "%s\n", argc < 2 ? "usage: lone_task plugin.so key=value..." : err.msg);
        return BROKEN;
    }
    read_words(argc, argv, &config);
    weir_props_set(&settings.props, "bootstrap.servers",
                   weir_props_get(&config, "bootstrap.servers"));
    weir_props_remove(&config, "bootstrap.servers");
    task = weir_source_task_start_with(&spec, weir_plugin_desc_of(plugin));
    wait_for(SIGTERM);
    weir_source_task_stop(task);
    wait_for(SIGUSR1);
    weir_source_task_free(task);
    weir_props_clear(&config);
    weir_props_clear(&settings.props);
    weir_plugin_close(plugin);
    return EXIT_SUCCESS;
}
