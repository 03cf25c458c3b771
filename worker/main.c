/* main.c - the daemon `weir`: parse, wire, run, unwind. */
#include "base/footprint.h"
#include "base/last_words.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/notify.h"
#include "base/thread.h"
#include "base/version.h"
#include "config/worker_settings.h"
#include "herder/herder.h"
#include "history/log_command.h"
#include "kafka/client.h"
#include "plugin/connector_check.h"
#include "plugin/foreign.h"
#include "plugin/registry.h"
#include "record/converter.h"
#include "rest-api/health_command.h"
#include "rest-api/server.h"
#include "service.h"
#include "task/source_task.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Exit codes, as Kafka's connect-distributed has them. */
enum { EXIT_USAGE = 1, EXIT_RUN = 2, EXIT_START = 3 };

extern char **environ;

static const char usage_text[] =
    "weir: Kafka Connect without the JVM\n"
    "\n"
    "  weir worker FILE            run a worker with the properties in FILE, and CONNECT_*\n"
    "                              environment variables on top (FILE may be - for none)\n"
    "  weir config [--markdown] [PLUGIN.PATH]\n"
    "                              every key of a worker, of a connector and of each plugin, with\n"
    "                              its default; the plugins are those of a worker whose\n"
    "                              plugin.path is PLUGIN.PATH\n"
    "  weir health FILE            asks the worker that runs with FILE here whether it is well: "
    "exit\n"
    "                              code 0, else 1\n"
    "  weir log FILE [--json] [--check] [--follow]\n"
    "  weir log --bootstrap HOST:PORT[,...] --topic TOPIC [--json] [--check] [--follow]\n"
    "                              what the group has done, from its config topic: leaders,\n"
    "                              assignments, presence, configs; FILE is a worker's. --json: an\n"
    "                              object a line; --check: only what should not have been, and\n"
    "                              exit code 1 for it; --follow: go on until interrupted\n"
    "  weir --version\n"
    "  weir --help\n";

/* ---- Everything that is started, and ended in the other order -------------------------------- */

typedef struct worker {
    weir_worker_settings *settings;
    weir_registry *registry;
    weir_foreign *foreign;
    weir_herder *herder;
    weir_server *server;
    pthread_t main;
    atomic_bool failed;
    weir_err why; /* written before `failed` is set, once */
} worker;

/* [herder] */
static void fatal(void *ctx, const weir_err *err)
{
    worker *w = ctx;

    weir_logf(WEIR_ERROR, "the worker ends: %s", err->msg);
    if (!atomic_load(&w->failed))
        weir_fail(&w->why, err->code, "the worker ends: %s", err->msg);
    atomic_store(&w->failed, true);
    pthread_kill(w->main, SIGTERM);
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static weir_code check_converters(const weir_worker_settings *s, weir_err *err)
{
    const struct {
        const char *key, *prefix, *class_name;
        weir_converter_use use;
    } all[] = {{"key.converter", "key.converter.", s->key_converter, WEIR_KEY},
               {"value.converter", "value.converter.", s->value_converter, WEIR_VALUE},
               {"header.converter", "header.converter.", s->header_converter, WEIR_HEADER}};

    for (size_t i = 0; i < WEIR_COUNT(all); i++) {
        weir_converter *converter = NULL;
        weir_props props = WEIR_PROPS;
        weir_code rc;

        weir_props_merge_prefixed(&props, &s->props, all[i].prefix);
        rc = weir_converter_new(all[i].class_name, all[i].use, &props, &converter, err);
        weir_converter_free(converter);
        weir_props_clear(&props);
        if (rc != WEIR_OK)
            return weir_fail_in(err, "Invalid value %s for configuration %s", all[i].class_name,
                                all[i].key);
    }
    return WEIR_OK;
}

static weir_code start(worker *w, const char *file, weir_err *err)
{
    weir_code rc;

    rc = weir_worker_settings_read(file, (const char *const *)environ, &w->settings, err);
    if (rc == WEIR_OK)
        rc = weir_kafka_check_version(err);
    if (rc == WEIR_OK)
        rc = check_converters(w->settings, err);
    if (rc != WEIR_OK)
        return rc;
    weir_log(WEIR_INFO, "starting", "version", weir_version, "commit", weir_commit, "worker",
             w->settings->worker_id, "group", w->settings->group_id, NULL);
    raise_file_limit();
    w->registry = weir_registry_load(w->settings->plugin_path);
    weir_footprint_let_go(); /* what loading has left; joining the group leaves the rest */
    w->foreign = weir_foreign_start(WEIR_FOREIGN_LIMIT_MS);
    w->herder = weir_herder_start(&(weir_herder_options){.settings = w->settings,
                                                         .registry = w->registry,
                                                         .foreign = w->foreign,
                                                         .fatal = fatal,
                                                         .ctx = w});
    return weir_server_start(&(weir_server_options){.settings = w->settings,
                                                    .registry = w->registry,
                                                    .foreign = w->foreign,
                                                    .herder = w->herder},
                             &w->server, err);
}

/* The REST API goes last: it tells the truth about the stop until the very end. */
static void unwind(worker *w)
{
    weir_herder_stop(w->herder);
    weir_server_stop(w->server);
    weir_foreign_stop(w->foreign); /* what it still has to tell goes to the herder's mailbox */
    weir_herder_free(w->herder);
    if (weir_foreign_left_behind() > 0 || weir_source_task_left_behind() > 0)
        return; /* threads that hang in a plugin still use what comes now */
    weir_registry_free(w->registry);
    weir_worker_settings_free(w->settings);
}

/* ---- Signals --------------------------------------------------------------------------------- */

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

/* The operator has lost patience. */
static void *second_signal(void *arg)
{
    sigset_t stops;
    int number;

    (void)arg;
    stop_signals(&stops);
    sigwait(&stops, &number);
    weir_logf(WEIR_WARN, "second signal: exiting at once");
    _exit(EXIT_RUN);
}

static int run_worker(const char *file)
{
    worker w = {.main = pthread_self()};
    sigset_t stops;
    weir_err err;
    int number;

    weir_last_words_install();
    signal(SIGPIPE, SIG_IGN);
    stop_signals(&stops);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    if (start(&w, file, &err) != WEIR_OK) {
        weir_logf(WEIR_ERROR, "cannot start: %s", err.msg);
        weir_fail_in(&err, "cannot start");
        weir_notify_status(err.msg, NULL);
        atomic_store(&w.failed, true);
        unwind(&w);
        return EXIT_START;
    }
    number = weir_service_wait(&stops, w.herder);
    if (!atomic_load(&w.failed))
        weir_logf(WEIR_INFO, "stopping, as asked by signal %d", number);
    weir_thread_start("second-signal", second_signal, NULL);
    weir_service_stopping(w.settings, atomic_load(&w.failed) ? w.why.msg : "stopping");
    unwind(&w);
    weir_logf(WEIR_INFO, "stopped");
    return atomic_load(&w.failed) ? EXIT_RUN : EXIT_SUCCESS;
}

/* ---- The other commands ---------------------------------------------------------------------- */

static void print_heading(weir_buf *out, bool markdown, const char *text)
{
    weir_buf_format(out, markdown ? "\n## %s\n\n" : "\n%s\n\n", text);
}

static void print_plugin(weir_buf *out, bool markdown, const weir_plugin_desc *desc)
{
    print_heading(out, markdown, desc->name);
    for (size_t i = 0; WEIR_HAS(desc, aliases) && desc->aliases[i]; i++) {
        weir_buf_text_add(out, i == 0 ? "Also called " : ", ");
        weir_buf_format(out, markdown ? "`%s`" : "%s", desc->aliases[i]);
    }
    if (WEIR_HAS(desc, aliases) && desc->aliases[0])
        weir_buf_text_add(out, ".\n\n");
    weir_options_print(desc->options, markdown, out);
}

static int print_config(bool markdown, const char *plugin_path)
{
    weir_buf out = WEIR_BUF;
    weir_registry *registry;

    weir_log_setup(WEIR_WARN, WEIR_LOG_LOGFMT);
    weir_log_to(STDERR_FILENO); /* standard output is the answer's */
    registry = weir_registry_load(plugin_path);
    if (markdown)
        weir_buf_text_add(&out, "# Configuration\n\nMade by `make docs`: do not edit.\n");
    print_heading(&out, markdown, "Worker");
    weir_options_print(weir_worker_options, markdown, &out);
    print_heading(&out, markdown, "Every connector");
    weir_options_print(weir_connector_options, markdown, &out);
    for (size_t i = 0; i < weir_registry_count(registry); i++)
        print_plugin(&out, markdown, weir_plugin_desc_of(weir_registry_at(registry, i)));
    fputs(weir_buf_text(&out) + (markdown ? 0 : 1), stdout);
    weir_buf_free(&out);
    weir_registry_free(registry);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    int code;

    weir_footprint_keep_small();
    if (strcmp(command, "worker") == 0 && argc == 3)
        return run_worker(strcmp(argv[2], "-") == 0 ? NULL : argv[2]);
    if (strcmp(command, "config") == 0) {
        bool markdown = argc > 2 && strcmp(argv[2], "--markdown") == 0;
        int words = markdown ? 3 : 2;

        if (argc <= words + 1 && (argc == words || argv[words][0] != '-'))
            return print_config(markdown, argc > words ? argv[words] : NULL);
    }
    if (strcmp(command, "health") == 0 && argc == 3)
        return weir_health_command(argv[2], (const char *const *)environ);
    if (strcmp(command, "log") == 0) {
        code = weir_log_command(argc - 2, argv + 2, (const char *const *)environ);
        if (code != WEIR_LOG_USAGE)
            return code;
    }
    if (strcmp(command, "--version") == 0) {
        printf("weir %s (commit %s), librdkafka %s\n", weir_version, weir_commit,
               rd_kafka_version_str());
        return EXIT_SUCCESS;
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        fputs(usage_text, stdout);
        return EXIT_SUCCESS;
    }
    fputs(usage_text, stderr);
    return EXIT_USAGE;
}
