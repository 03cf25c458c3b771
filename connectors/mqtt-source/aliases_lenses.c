/* aliases_lenses.c - the stream reactor's MQTT source: connect.mqtt.* and KCQL.
 *
 * Of KCQL there is what an MQTT source needs:
 *
 *     INSERT INTO target SELECT * FROM filter [WITHCONVERTER=`class`] [WITHKEY(field)] [; …]
 *
 * Names may stand in quotes or backticks; the target `$` is the MQTT topic. All statements need
 * one target here, for their filters become one subscription.
 */
#include "aliases.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KCQL         "connect.mqtt.kcql"
#define WORD_MAX     512
#define BY_TOLERANCE "has no effect: errors.tolerance decides"

/* ---- KCQL ------------------------------------------------------------------------------------ */

typedef struct reader {
    mqtt_config *config;
    const char *at;
    char word[WORD_MAX]; /* the last one taken */
    bool quoted;
    bool failed;
} reader;

static void fail(reader *r, const char *why)
{
    if (!r->failed)
        MQTT_NOTE(r->config, WEIR_ERROR, KCQL,
                  "%s; understood is INSERT INTO topic SELECT * FROM filter "
                  "[WITHCONVERTER=`class`] [WITHKEY(field)]",
                  why);
    r->failed = true;
}

/* The next name or sign; false at the end of the text. */
static bool next(reader *r)
{
    size_t size = 0;
    char quote = '\0';

    while (isspace((unsigned char)*r->at))
        r->at++;
    if (*r->at == '`' || *r->at == '\'' || *r->at == '"')
        quote = *r->at++;
    r->quoted = quote != '\0';
    while (*r->at && size + 1 < sizeof(r->word)) {
        if (quote ? *r->at == quote : isspace((unsigned char)*r->at) || strchr(";=(),", *r->at))
            break;
        r->word[size++] = *r->at++;
    }
    if (quote && *r->at != quote)
        fail(r, "a quote is not closed, or what it holds is too long");
    else if (quote)
        r->at++;
    else if (!size && *r->at)
        r->word[size++] = *r->at++; /* a sign */
    r->word[size] = '\0';
    return (size || quote) && !r->failed;
}

static bool is_word(const reader *r, const char *word)
{
    return !r->quoted && strcasecmp(r->word, word) == 0;
}

static void expect(reader *r, const char *word)
{
    char why[WORD_MAX + 64];

    if (r->failed)
        return;
    if (!next(r))
        snprintf(why, sizeof(why), "it ends where %s should be", word);
    else if (!is_word(r, word))
        snprintf(why, sizeof(why), "'%.200s' stands where %s should be", r->word, word);
    else
        return;
    fail(r, why);
}

/* The class that takes payloads apart there says what they are. */
static void take_converter(reader *r)
{
    static const struct {
        const char *part, *format;
    } formats[] = {{"Json", "json"}, {"Bytes", "bytes"}, {"String", "string"}, {NULL, NULL}};

    expect(r, "=");
    if (r->failed || !next(r))
        return;
    for (size_t i = 0; formats[i].part; i++)
        if (strstr(r->word, formats[i].part)) {
            if (!mqtt_meant(r->config, "mqtt.payload.format"))
                mqtt_mean_alias(r->config, KCQL, "mqtt.payload.format", formats[i].format);
            return;
        }
    fail(r, "its converter is none for JSON, bytes or text");
}

/* WITHKEY(a.b) is the field b of the object a. */
static void take_key(reader *r)
{
    char key[WORD_MAX + 16];
    char *at;

    expect(r, "(");
    if (r->failed || !next(r))
        return;
    snprintf(key, sizeof(key), "${json:/%s}", r->word);
    for (at = key + 7; *at; at++)
        if (*at == '.')
            *at = '/';
    if (next(r) && is_word(r, ","))
        fail(r, "a key of several fields is not supported: kafka.key can join them");
    else if (!is_word(r, ")"))
        fail(r, "WITHKEY is not closed");
    else if (!mqtt_meant(r->config, "kafka.key"))
        mqtt_mean_alias(r->config, KCQL, "kafka.key", key);
}

/* One statement. False: the text is over. */
static bool take_statement(reader *r, mqtt_bytes *filters)
{
    char target[WORD_MAX];

    while (next(r))
        if (!is_word(r, ";"))
            break;
    if (r->failed || !*r->word)
        return false;
    if (!is_word(r, "INSERT"))
        fail(r, "it does not begin with INSERT");
    expect(r, "INTO");
    if (r->failed || !next(r))
        return false;
    snprintf(target, sizeof(target), "%s", strcmp(r->word, "$") ? r->word : "${topic}");
    expect(r, "SELECT");
    expect(r, "*");
    expect(r, "FROM");
    if (r->failed || !next(r)) {
        fail(r, "it ends before the filter");
        return false;
    }
    if (mqtt_meant(r->config, "kafka.topic") && !mqtt_posted(r->config, "kafka.topic") &&
        strcmp(mqtt_meant(r->config, "kafka.topic"), target) != 0)
        fail(r, "its statements have several targets: make a connector of each, or use "
                "kafka.topic.rules");
    else
        mqtt_mean_alias(r->config, KCQL, "kafka.topic", target);
    if (mqtt_bytes_size(filters))
        mqtt_bytes_append(filters, ",", 1);
    mqtt_bytes_append(filters, r->word, strlen(r->word));
    while (!r->failed && next(r) && !is_word(r, ";")) {
        if (is_word(r, "WITHCONVERTER"))
            take_converter(r);
        else if (is_word(r, "WITHKEY"))
            take_key(r);
        else
            fail(r, "it has more to say than can be done here");
    }
    return !r->failed && *r->word;
}

static void on_kcql(mqtt_config *c, const char *key, const char *value)
{
    reader r = {.config = c, .at = value};
    mqtt_bytes filters = {0};

    while (take_statement(&r, &filters))
        ;
    mqtt_bytes_append(&filters, "", 1);
    if (!r.failed && !*(char *)filters.data)
        fail(&r, "it is empty");
    if (!r.failed)
        mqtt_mean_alias(c, key, "mqtt.topics", (char *)filters.data);
    mqtt_bytes_free(&filters);
}

/* ---- The rest -------------------------------------------------------------------------------- */

/* Whole seconds, rounded up: 0 is a meaning of its own. */
static void in_seconds(mqtt_config *c, const char *key, const char *value, const char *canonical)
{
    int64_t ms;
    char seconds[24];

    if (!mqtt_whole(value, 0, INT32_MAX, &ms)) {
        MQTT_NOTE(c, WEIR_ERROR, key, "'%s' is no number of milliseconds", value);
        return;
    }
    snprintf(seconds, sizeof(seconds), "%lld", (long long)((ms + 999) / 1000));
    mqtt_mean_alias(c, key, canonical, seconds);
}

static void on_keep_alive(mqtt_config *c, const char *key, const char *value)
{
    in_seconds(c, key, value, "mqtt.keepalive.interval.seconds");
}

static void on_timeout(mqtt_config *c, const char *key, const char *value)
{
    in_seconds(c, key, value, "mqtt.connect.timeout.seconds");
}

static void on_share(mqtt_config *c, const char *key, const char *value)
{
    if (mqtt_is(value, "true"))
        mqtt_mean_alias(c, key, "mqtt.task.assignment", "shared");
}

static void on_log(mqtt_config *c, const char *key, const char *value)
{
    if (mqtt_is(value, "true"))
        mqtt_mean_alias(c, key, "log.payload.level", "INFO");
}

static void on_policy(mqtt_config *c, const char *key, const char *value)
{
    if (mqtt_is(value, "NOOP"))
        mqtt_mean_alias(c, key, "errors.tolerance", "all");
    else if (!mqtt_is(value, "THROW") && !mqtt_is(value, "RETRY"))
        MQTT_NOTE(c, WEIR_ERROR, key, "'%s' is none of NOOP, THROW, RETRY", value);
}

const mqtt_alias mqtt_lenses_aliases[] = {
    {"connect.mqtt.hosts", "mqtt.server.uri", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.username", "mqtt.username", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.password", "mqtt.password", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.client.id", "mqtt.client.id", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.service.quality", "mqtt.qos", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.clean", "mqtt.clean.session.enabled", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.keep.alive", NULL, on_keep_alive, NULL, WEIR_INFO},
    {"connect.mqtt.timeout", NULL, on_timeout, NULL, WEIR_INFO},
    {KCQL, NULL, on_kcql, NULL, WEIR_INFO},
    {"connect.mqtt.share.replicate", NULL, on_share, NULL, WEIR_INFO},
    {"connect.mqtt.log.message", NULL, on_log, NULL, WEIR_INFO},
    {"connect.mqtt.error.policy", NULL, on_policy, NULL, WEIR_INFO},
    {"connect.mqtt.max.retries", NULL, NULL,
     "has no effect: an outage of the broker is waited out, see max.retry.time.ms", WEIR_INFO},
    {"connect.mqtt.retry.interval", NULL, NULL, "has no effect: see mqtt.reconnect.backoff.ms",
     WEIR_INFO},
    {"connect.mqtt.polling.timeout", NULL, NULL,
     "has no effect: a poll ends when something happens", WEIR_INFO},
    {"connect.mqtt.process.duplicates", NULL, NULL,
     "has no effect: a duplicate flag alone drops nothing, see dedupe.mode", WEIR_INFO},
    {"connect.mqtt.ssl.ca.cert", "mqtt.ssl.ca.location", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.ssl.cert", "mqtt.ssl.certificate.location", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.ssl.key", "mqtt.ssl.key.location", NULL, NULL, WEIR_INFO},
    {"connect.mqtt.", NULL, NULL, "is unknown here and has no effect", WEIR_WARN},
    {"connect.progress.enabled", NULL, NULL, "has no effect: the task's status has the counters",
     WEIR_INFO},
    {"connect.converter.throw.on.error", NULL, NULL, BY_TOLERANCE, WEIR_INFO},
    {0},
};

void mqtt_lenses_defaults(mqtt_config *c)
{
    if (!mqtt_meant(c, "mqtt.clean.session.enabled"))
        MQTT_NOTE(c, WEIR_INFO, "mqtt.clean.session.enabled",
                  "the session is kept unless told otherwise; the stream reactor starts a clean "
                  "one");
}
