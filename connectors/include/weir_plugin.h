/* weir_plugin.h - the contract between a worker and a connector.
 *
 * A connector is one shared object in a directory of `plugin.path`. It exports one
 * symbol, `weir_plugin_entry`, and includes no other header of weir's.
 *
 * Growth   Structs grow at the end only. `size` says how much of the struct its writer
 *          knew; read a field added later through WEIR_HAS(). A change that is not growth
 *          bumps WEIR_ABI_MAJOR, and the worker refuses the file.
 * Memory   Nothing is freed across this line. What you are handed is yours to read until
 *          the call returns (settings: until stop() has returned); what you hand over is copied.
 * Threads  [task] the task's own thread, one call at a time; [plan] the worker's thread for
 *          foreign code, one call at a time, given up after 10 s; [any] every thread.
 * State    No globals: one file serves many tasks in one process. Everything hangs off the
 *          `self` your start() returned.
 * Text     UTF-8, NUL-terminated, never NULL unless said otherwise.
 * Time     Milliseconds of the host's monotonic clock (`now_ms`), unless said otherwise.
 */
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEIR_ABI_MAJOR 1u

/* True when the writer of *s knew `field` and filled it in. */
#define WEIR_HAS(s, field)                                                                         \
    ((s)->size >= offsetof(__typeof__(*(s)), field) + sizeof((s)->field) && (s)->field)

#if defined(__GNUC__)
#define WEIR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define WEIR_EXPORT             __attribute__((visibility("default")))
#else
#define WEIR_PRINTF(fmt, first)
#define WEIR_EXPORT
#endif

typedef enum weir_level {
    WEIR_TRACE,
    WEIR_DEBUG,
    WEIR_INFO,
    WEIR_WARN,
    WEIR_ERROR,
} weir_level;

/* What a call across the line came to. */
typedef enum weir_status {
    WEIR_DONE,  /* it is done */
    WEIR_AGAIN, /* not now, nothing was taken; wakeup_fd says when to try again */
    WEIR_RETRY, /* failed; the worker calls again after a back-off */
    WEIR_FATAL, /* failed; the task (or the request) ends with the text given to fail() */
} weir_status;

/* What became of a record that emit() took. Every one gets exactly one outcome. */
typedef enum weir_outcome {
    WEIR_DELIVERED,     /* in Kafka, with the acks the producer asks for */
    WEIR_DEAD_LETTERED, /* in the dead-letter topic */
    WEIR_DROPPED,       /* dropped by a policy that the user wrote down */
    WEIR_ABANDONED,     /* the task is ending: do not acknowledge it to the source */
} weir_outcome;

/* ---- Configuration --------------------------------------------------------------------------- */

typedef enum weir_option_type {
    WEIR_STRING,
    WEIR_INT,
    WEIR_DOUBLE,
    WEIR_BOOL,
    WEIR_PAIRS, /* whatever begins with the name, which ends with '.' */
} weir_option_type;
typedef enum weir_importance { WEIR_HIGH, WEIR_MEDIUM, WEIR_LOW } weir_importance;

/* One key. A table of them, ended by a row whose name is NULL, parses a config into a struct,
 * fills in defaults, checks ranges, answers the REST validation call and prints the docs.
 * A string whose fallback is WEIR_UNSET is NULL in the struct when the user gave none. An option
 * named "config.unknown.keys" is read by the worker: with the value "error" a key that neither the
 * plugin nor the worker knows refuses the config, instead of being warned of.
 * A WEIR_PAIRS option, such as "kafka.headers.static.", takes every key that begins with its name
 * and that no other row names: the struct gets an array of them in the order of the config, the
 * name taken off, ended by a pair whose key is NULL. Its fallback is "", it is never NULL, and what
 * its keys and values may be is for validate() to say. */
typedef struct weir_option {
    const char *name;
    size_t offset; /* both from WEIR_FIELD() */
    weir_option_type type;
    const char *fallback;       /* the default, as text; NULL: the key is required */
    int64_t min, max;           /* of WEIR_INT; both 0: no limits */
    const char *const *allowed; /* of WEIR_STRING: NULL-terminated, any case; NULL: anything */
    bool secret;                /* never shown: type PASSWORD in the REST API */
    bool list;                  /* comma-separated text: type LIST in the REST API */
    weir_importance importance;
    const char *group; /* heading in the REST API and the docs; NULL: none */
    const char *doc;   /* one sentence, with the unit */
} weir_option;

#define WEIR_UNSET "\x01unset"

#define WEIR_FIELD(struct_type, field)                                                             \
    .offset = offsetof(struct_type, field), .type = _Generic(((struct_type *)0)->field,            \
        const char *: WEIR_STRING,                                                                 \
        int64_t: WEIR_INT,                                                                         \
        double: WEIR_DOUBLE,                                                                       \
        bool: WEIR_BOOL,                                                                           \
        const weir_pair *: WEIR_PAIRS)

typedef struct weir_pair {
    const char *key;
    const char *value; /* NULL: JSON null was posted */
} weir_pair;

/* A task of another connector that runs this plugin, as it was planned. */
typedef struct weir_neighbour {
    const char *connector;
    int32_t task;
    const weir_pair *pairs; /* of its config, those that `neighbour_keys` names */
    size_t count;
} weir_neighbour;

/* What the worker lends to normalise(), plan(), validate() and probe(), for that call only. */
typedef struct weir_config_host {
    uint32_t size;
    void *ctx;                 /* the worker's */
    const char *connector;     /* the connector's name */
    const char *class_as_said; /* connector.class as it was posted, an alias perhaps */

    /* normalise(): one pair of the result. A key set twice keeps its last value. */
    void (*set)(const struct weir_config_host *host, const char *key, const char *value);
    /* plan(): one task. `pairs` replace or add to the connector's own config. */
    void (*task)(const struct weir_config_host *host, const weir_pair *pairs, size_t count);
    /* Something to say about `key` (NULL: about the whole). WEIR_ERROR refuses the config;
     * WEIR_WARN and WEIR_INFO are logged and shown in the task's status. */
    void (*note)(const struct weir_config_host *host, weir_level level, const char *key,
                 const char *fmt, ...) WEIR_PRINTF(4, 5);
    /* validate(), plan(): what counts for a key that is not in the plugin's table. A converter that
     * the connector does not name is the worker's, with the worker's keys below it; a class comes
     * under its full name. NULL: nobody gave any. Valid until the call returns. */
    const char *(*get)(const struct weir_config_host *host, const char *key);
    /* plan(), while a connector is created or changed: the tasks of the cluster's other connectors
     * that run this plugin. NULL, at any other time: nothing is known of them. */
    const weir_neighbour *neighbours;
    size_t neighbour_count;
} weir_config_host;

/* ---- Records --------------------------------------------------------------------------------- */

typedef enum weir_kind {
    WEIR_NULL,  /* no data: a tombstone as a value */
    WEIR_BYTES, /* any bytes */
    WEIR_TEXT,  /* valid UTF-8 */
    WEIR_JSON,  /* one valid JSON text (RFC 8259), passed on verbatim by a JSON converter */
} weir_kind;

typedef struct weir_data {
    weir_kind kind;
    const void *bytes; /* may be NULL when size is 0 */
    size_t size;
} weir_data;

typedef struct weir_header {
    const char *name;
    weir_data value;
} weir_header;

typedef struct weir_record {
    uint32_t size;
    const char *topic;    /* Kafka's */
    int32_t partition;    /* -1: by murmur2 of the key, as Java's producer does */
    int64_t timestamp_ms; /* since 1970, UTC; -1: none */
    weir_data key, value;
    const weir_header *headers;
    size_t header_count;
    uint64_t token;                    /* comes back in settled() */
    const char *source_partition_json; /* both or neither; NULL: this source keeps no offsets */
    const char *source_offset_json;
    const weir_data *original; /* what arrived, for the dead-letter topic; NULL: `value` is that */
} weir_record;

/* ---- Source ---------------------------------------------------------------------------------- */

/* What the worker lends to one task, from start() until stop() has returned. */
typedef struct weir_host {
    uint32_t size;
    void *ctx;             /* the worker's */
    const char *connector; /* the connector's name */
    int32_t task;          /* 0 … tasks - 1 */
    int wakeup_fd; /* readable when poll() should return, or when emit() may have room again. The
                    * worker drains it before each poll(); never read it. */

    /* [any] One line in the worker's log, with the task's context. */
    void (*log)(const struct weir_host *host, weir_level level, const char *fmt, ...)
        WEIR_PRINTF(3, 4);
    /* [task] Remembers why, and returns `how`: return host->fail(host, WEIR_RETRY, "…"). */
    weir_status (*fail)(const struct weir_host *host, weir_status how, const char *fmt, ...)
        WEIR_PRINTF(3, 4);
    /* [task] Only inside poll(). Sends one record on its way and never blocks. WEIR_DONE: taken,
     * settled() will name its token. WEIR_AGAIN: no room now (Kafka is slow or away, or this
     * worker is suspended); nothing was taken. WEIR_FATAL: the task is failing because of this
     * record; nothing was taken, return WEIR_FATAL from poll(). */
    weir_status (*emit)(const struct weir_host *host, const weir_record *record);
    /* [task] Is the task still this worker's? Ask before each connect to a source that would
     * throw out another reader. */
    bool (*owned)(const struct weir_host *host);
    /* [any] The monotonic clock. */
    int64_t (*now_ms)(const struct weir_host *host);
    /* [task] Only inside poll(), and answered like emit(). Sends a message that cannot become a
     * record, or must not go to its topic, down the error path: errors.tolerance, the dead-letter
     * topic, a log line, or the end of the task. `record` is what there is of it: `topic` may be
     * NULL, `value` is the original; bytes NULL with a size: a payload that was not stored. `kind`
     * is one word for counters ("topic", "too-large", "mapping"), `why` is for people. */
    weir_status (*reject)(const struct weir_host *host, const weir_record *record, const char *kind,
                          const char *why);
    /* [task] From start() on. The offset that was kept for this source partition, by whichever
     * worker, or with a record that is in Kafka since: a JSON object. NULL: none. Valid until the
     * next call. Partitions are equal when their JSON is, whatever the order of the keys. */
    const char *(*offset)(const struct weir_host *host, const char *partition_json);
    /* [task] Keeps an offset without a record; NULL: forgets it. offset() shows it at once, other
     * processes do some time later: until then a crash brings the previous one back. */
    weir_status (*keep_offset)(const struct weir_host *host, const char *partition_json,
                               const char *offset_json);
    /* How many tasks the connector has: when this one was planned, and, for forget(), since what
     * makes it go; 0 then: the connector is deleted, or nobody knows. */
    int32_t tasks, tasks_left;
    /* Which planning of the connector's tasks this one is of: the same for all of them, larger for
     * each later one. 0: nobody knows. */
    int64_t plan;
    /* [task] Is in Kafka what keep_offset() was given so far? */
    bool (*all_kept)(const struct weir_host *host);
    /* [task] From start() on. Every offset that is known of the connector's, this task's or not, as
     * offset() would give it but for what this task has kept since. `each` calls nothing here. */
    void (*each_offset)(const struct weir_host *host,
                        void (*each)(void *ctx, const char *partition_json,
                                     const char *offset_json),
                        void *ctx);
} weir_host;

typedef struct weir_source {
    uint32_t size;
    /* [task] Makes the instance. Must not wait for the outside: connecting is poll()'s work. If it
     * returns WEIR_DONE, *self is passed on and stop() will be called once. */
    weir_status (*start)(const weir_host *host, const void *settings, void **self);
    /* [task] Emits what arrived; back by `deadline_ms` (absolute, host clock), or as soon as
     * wakeup_fd is readable. Best also when it has emitted all that was there: the worker decides
     * when there is to be more, so that records go to Kafka in bursts (linger.ms). WEIR_DONE and
     * WEIR_AGAIN both mean: call again. */
    weir_status (*poll)(void *self, int64_t deadline_ms);
    /* [task] What became of records. Only after WEIR_DELIVERED, WEIR_DEAD_LETTERED or WEIR_DROPPED
     * may the source forget them. Called between polls, in the order Kafka answered. */
    void (*settled)(void *self, const uint64_t *tokens, size_t count, weir_outcome outcome);
    /* [task] Take nothing new. poll() and settled() go on until nothing is unsettled or the grace
     * period is over; then the rest is settled as WEIR_ABANDONED. */
    void (*drain)(void *self);
    /* [task] Ends and frees self. Bounded: about a second at most. */
    void (*stop)(void *self);
    /* [task] Optional. Writes one JSON object about what the instance sees into json[room], NUL-
     * terminated, and returns its length; 0: nothing to say, or no room. Asked at most once a
     * second, between polls, and once more before stop(). */
    size_t (*status)(void *self, char *json, size_t room);
    /* [task] Optional. This task will not come back: its connector is deleted, or has fewer tasks.
     * Gives up what it has left outside, such as a session. No instance is there any more, or
     * never was; `settings` are the task's last. May wait for the outside, five seconds at most,
     * and is not repeated: what could not be given up is named in the log. */
    void (*forget)(const weir_host *host, const void *settings);
    /* [task] Optional. The user pauses the task, or (`paused` false) has it go on. True: the
     * instance stays and keeps its connection; poll() and settled() go on, emit() answers
     * WEIR_AGAIN while it is paused. False, or without this call: it is stopped now and another one
     * started later. */
    bool (*pause)(void *self, bool paused);
} weir_source;

/* ---- Metrics ----------------------------------------------------------------------------------
 */

typedef enum weir_metric_type {
    /* Only grows while an instance lives; its name ends with "_total". The worker adds up what the
     * instances of one run of the task have counted, one after the other. */
    WEIR_COUNTER,
    /* A number. true and false are 1 and 0, and 0 once the instance is gone; a number, and what is
     * null or missing, is not shown then. */
    WEIR_GAUGE,
    /* A word: one series for each of `states`, 1 for the one that it is in. */
    WEIR_STATE,
} weir_metric_type;

/* One row of GET /metrics, taken from what status() writes anyway: declared once, counted nowhere
 * else. Shown for each task as weir_<plugin>_<name>{connector="…",task="…"}, the plugin's name with
 * '_' for whatever is no letter or digit, for as long as the task's status is. */
typedef struct weir_metric {
    const char *name; /* a-z, 0-9 and '_'; with the base unit: "_bytes", "_seconds" */
    weir_metric_type type;
    const char *path; /* where the value is: the keys that lead to it, joined by '.' */
    /* NULL, or the value is an object: each of its members is a series, whose key is the value of
     * this label. Not for WEIR_STATE, whose label is "state". */
    const char *label;
    const char *const *states; /* of WEIR_STATE: NULL-terminated */
    const char *help;          /* one sentence */
} weir_metric;

struct weir_sink; /* the contract for sinks comes with the first sink connector */

/* ---- The plugin ------------------------------------------------------------------------------ */

typedef struct weir_plugin_desc {
    uint32_t size;
    uint32_t abi_major;         /* these two stay first for ever */
    const char *name;           /* canonical connector.class: "mqtt-source" */
    const char *version;        /* "1.0.0" */
    const char *const *aliases; /* other names of connector.class, NULL-terminated; optional */
    const weir_option *options; /* ends with a row whose name is NULL */
    size_t settings_size;       /* of the struct that the options fill */
    const weir_source *source;  /* exactly one of source and sink is set */
    const struct weir_sink *sink;
    /* [plan] Optional. Rewrites a posted config, aliases and all, into this plugin's own keys, by
     * host->set() for each pair that stays (keys of the worker's own, such as key.converter, pass
     * through like any other). What was posted is what is stored and shown. Runs again wherever
     * the config is used, so it must be a pure function. */
    weir_status (*normalise)(const weir_config_host *host, const weir_pair *pairs, size_t count);
    /* [plan] Optional. Checks across fields, after every single field was found valid; says what
     * it finds with host->note(). Must not touch the network. */
    weir_status (*validate)(const weir_config_host *host, const void *settings);
    /* [plan] Divides the work: 1 … max_tasks calls of host->task(). Optional: without it there is
     * one task with the connector's own config. */
    weir_status (*plan)(const weir_config_host *host, const void *settings, int32_t max_tasks);
    /* [plan] Optional, asked for with ?probe=true only, after validate() found nothing wrong. Tries
     * the config against the outside world and says what it finds with host->note(). Must not
     * disturb a task that runs with the same config. Bounded like every [plan] call. */
    weir_status (*probe)(const weir_config_host *host, const void *settings);
    /* Optional, NULL-terminated. Keys by which tasks of different connectors can get into each
     * other's way; plan() sees those of its neighbours. No secrets. */
    const char *const *neighbour_keys;
    /* Optional, NULL-terminated. Keys whose values name Kafka topics that records go to, unless
     * they hold more than a name can: for a probe the worker looks for them itself. */
    const char *const *topic_keys;
    /* Optional, ends with a row whose name is NULL: what GET /metrics shows of status(). */
    const weir_metric *metrics;
} weir_plugin_desc;

/* The one symbol a connector exports:
 *   WEIR_EXPORT const weir_plugin_desc weir_plugin_entry = {.size = sizeof(weir_plugin_desc), …};
 */
extern WEIR_EXPORT const weir_plugin_desc weir_plugin_entry;

#endif
