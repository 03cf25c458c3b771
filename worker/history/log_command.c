/* log_command.c - see log_command.h: words, where to read, how to print. */
#include "history/log_command.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/client_config.h"
#include "config/worker_settings.h"
#include "history/history.h"
#include "history/history_check.h"
#include "history/history_text.h"
#include "kafka/client.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct words {
    const char *file;              /* "-": the environment alone; NULL: bootstrap and topic */
    const char *bootstrap, *topic; /* NULL with a file */
    bool json, check, follow;
} words;

/* Between opening and closing the log its thread owns this. */
typedef struct printer {
    const words *words;
    weir_history_teller *teller;
    weir_history_check *check;
    weir_buf line;
} printer;

/* ---- The words ---------------------------------------------------------------------------------
 */

static bool take_word(words *w, const char *word)
{
    if (strcmp(word, "--json") == 0)
        w->json = true;
    else if (strcmp(word, "--check") == 0)
        w->check = true;
    else if (strcmp(word, "--follow") == 0)
        w->follow = true;
    else if (!w->file && word[0] && (word[0] != '-' || !word[1]))
        w->file = word;
    else
        return false;
    return true;
}

static bool parse(int count, char **given, words *w)
{
    for (int i = 0; i < count; i++) {
        const char **option = strcmp(given[i], "--bootstrap") == 0 ? &w->bootstrap
                              : strcmp(given[i], "--topic") == 0   ? &w->topic
                                                                   : NULL;

        if (option && (*option || i + 1 == count || !given[i + 1][0]))
            return false;
        if (option)
            *option = given[++i];
        else if (!take_word(w, given[i]))
            return false;
    }
    return w->file ? !w->bootstrap && !w->topic : w->bootstrap && w->topic;
}

/* ---- Where to read -----------------------------------------------------------------------------
 */

/* A worker's file says everything. *ret_topic is the caller's to free(). */
static weir_code of_worker(const char *file, const char *const *environment, weir_props *client,
                           char **ret_topic, weir_err *err)
{
    weir_worker_settings *settings = NULL;
    weir_code rc;

    rc = weir_worker_settings_read(strcmp(file, "-") == 0 ? NULL : file, environment, &settings,
                                   err);
    weir_log_setup(WEIR_WARN, WEIR_LOG_LOGFMT); /* the file's wish is for its worker */
    if (rc == WEIR_OK)
        rc = weir_client_config_build(WEIR_CLIENT_WORKER, &settings->props, NULL, client, err);
    if (rc == WEIR_OK)
        *ret_topic = weir_strdup(settings->config_topic);
    weir_worker_settings_free(settings);
    return rc;
}

static weir_code source(const words *w, const char *const *environment, weir_props *client,
                        char **ret_topic, weir_err *err)
{
    weir_props given = WEIR_PROPS;
    weir_code rc;

    if (w->file)
        return of_worker(w->file, environment, client, ret_topic, err);
    weir_props_set(&given, "bootstrap.servers", w->bootstrap);
    rc = weir_client_config_build(WEIR_CLIENT_WORKER, &given, NULL, client, err);
    if (rc == WEIR_OK)
        *ret_topic = weir_strdup(w->topic);
    weir_props_clear(&given);
    return rc;
}

/* ---- What is printed ---------------------------------------------------------------------------
 */

static void print_line(printer *p)
{
    weir_buf_char(&p->line, '\n');
    fwrite(p->line.data, 1, p->line.size, stdout);
    weir_buf_clear(&p->line);
    if (p->words->follow)
        fflush(stdout);
}

/* [log] */
static void print_violation(void *ctx, int64_t offset, const char *text)
{
    printer *p = ctx;

    if (p->words->json) {
        json_t *line = json_pack("{s:I}", "offset", (json_int_t)offset);

        weir_json_set_str(line, "violation", text);
        weir_json_write(&p->line, line);
        json_decref(line);
    } else {
        weir_buf_format(&p->line, "offset %lld: %s", (long long)offset, text);
    }
    print_line(p);
}

/* [log] */
static bool print_record(void *ctx, const weir_log_record *raw)
{
    printer *p = ctx;
    weir_history_record record;

    if (p->check) {
        weir_history_check_feed(p->check, raw);
        return !ferror(stdout);
    }
    weir_history_decode(raw, &record);
    if (p->words->json)
        weir_history_json(&record, &p->line);
    else
        weir_history_tell(p->teller, &record, &p->line);
    print_line(p);
    weir_history_record_clear(&record);
    return !ferror(stdout); /* whoever read along has gone */
}

static void print_summary(printer *p)
{
    const weir_history_figures *f = weir_history_check_figures(p->check);

    if (p->words->json)
        weir_buf_format(&p->line,
                        "{\"records\":%zu,\"leaders\":%zu,\"assignments\":%zu,\"void\":%zu,"
                        "\"skipped\":%zu,\"unreadable\":%zu,\"generations\":%zu,\"workers\":%zu,"
                        "\"moves\":%zu,\"most_moves\":%zu,\"largest_bytes\":%zu,"
                        "\"violations\":%zu}",
                        f->records, f->leaders, f->assignments, f->voids, f->skipped, f->unreadable,
                        f->generations, f->workers, f->moves, f->most_moves, f->largest_bytes,
                        f->violations);
    else
        weir_buf_format(&p->line,
                        "%zu records (%zu unreadable), leaders %zu, assignments %zu (void %zu, "
                        "numbers skipped %zu, largest %zu bytes), generations %zu, workers %zu, "
                        "moves %zu (at most %zu at once), violations %zu",
                        f->records, f->unreadable, f->leaders, f->assignments, f->voids, f->skipped,
                        f->largest_bytes, f->generations, f->workers, f->moves, f->most_moves,
                        f->violations);
    print_line(p);
}

/* ---- The command -------------------------------------------------------------------------------
 */

static weir_code replay(const words *w, printer *p, const char *const *environment, weir_err *err)
{
    const weir_history_reader reader = {.record = print_record, .ctx = p};
    weir_props client = WEIR_PROPS;
    char *topic = NULL;
    weir_code rc;

    weir_log_setup(WEIR_ERROR, WEIR_LOG_LOGFMT); /* what would be better is a worker's to say */
    rc = weir_kafka_check_version(err);
    weir_log_setup(WEIR_WARN, WEIR_LOG_LOGFMT);
    if (rc == WEIR_OK)
        rc = source(w, environment, &client, &topic, err);
    if (rc == WEIR_OK)
        rc = weir_history_read(&client, topic, w->follow, &reader, err);
    weir_props_clear(&client);
    free(topic);
    return rc;
}

int weir_log_command(int count, char **given, const char *const *environment)
{
    words w = {.file = NULL};
    printer p = {.words = &w};
    int code = WEIR_LOG_DONE;
    sigset_t stops;
    weir_err err;

    if (!parse(count, given, &w))
        return WEIR_LOG_USAGE;
    weir_log_to(STDERR_FILENO); /* standard output is the history's */
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    p.teller = weir_history_teller_new();
    if (w.check)
        p.check = weir_history_check_new(print_violation, &p);
    if (replay(&w, &p, environment, &err) != WEIR_OK) {
        fflush(stdout);
        fprintf(stderr, "weir log: %s\n", err.msg);
        code = WEIR_LOG_UNREAD;
    } else if (w.check) {
        print_summary(&p);
        if (weir_history_check_figures(p.check)->violations > 0)
            code = WEIR_LOG_VIOLATIONS;
    }
    fflush(stdout);
    weir_history_teller_free(p.teller);
    weir_history_check_free(p.check);
    weir_buf_free(&p.line);
    return code;
}
