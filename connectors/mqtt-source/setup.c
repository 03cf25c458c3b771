/* setup.c - the settings, read together. See settings.h. */
#include "setup_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void mqtt_note(mqtt_making *m, weir_level level, const char *key, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (level == WEIR_ERROR)
        m->refused = true;
    m->findings->note(m->findings->ctx, level, key, text);
}

bool mqtt_says(const char *value, const char *word)
{
    return strcasecmp(value, word) == 0;
}

char *mqtt_expand(const mqtt_making *m, const char *text)
{
    mqtt_bytes out = {0};
    char number[12];

    snprintf(number, sizeof(number), "%d", m->task);
    while (*text) {
        if (strncmp(text, "${connector}", 12) == 0) {
            mqtt_bytes_append(&out, m->connector, strlen(m->connector));
            text += 12;
        } else if (m->task >= 0 && strncmp(text, "${task}", 7) == 0) {
            mqtt_bytes_append(&out, number, strlen(number));
            text += 7;
        } else {
            mqtt_bytes_append(&out, text++, 1);
        }
    }
    mqtt_bytes_append(&out, "", 1);
    return (char *)out.data;
}

/* ---- Connection ----------------------------------------------------------------------------- */

static void read_endpoints(mqtt_making *m)
{
    mqtt_setup *setup = m->setup;
    size_t count;
    char **uris = mqtt_list_split(m->settings->uris, &count);
    char why[192];

    setup->endpoints = mqtt_alloc(count, sizeof(*setup->endpoints));
    for (size_t i = 0; i < count; i++) {
        if (mqtt_endpoint_parse(uris[i], &setup->endpoints[setup->endpoint_count], why,
                                sizeof(why)))
            setup->endpoint_count++;
        else if (strchr(uris[i], '@')) /* what stands before it may be a password */
            mqtt_note(m, WEIR_ERROR, "mqtt.server.uri", "a broker's address is refused: %s", why);
        else
            mqtt_note(m, WEIR_ERROR, "mqtt.server.uri", "'%s': %s", uris[i], why);
    }
    if (!count)
        mqtt_note(m, WEIR_ERROR, "mqtt.server.uri", "no broker is named");
    mqtt_list_free(uris, count);
}

/* What people write in other places for something new at each start. */
static bool is_random(const char *name)
{
    static const char *const words[] = {"random", "rand", "uuid", "guid",
                                        "time",   "date", "now",  "pid"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncasecmp(name, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

/* A client id has two places to fill in; a third one would stand there as it is written. */
static void check_places(mqtt_making *m)
{
    const char *at = m->settings->client_id;

    for (at = strstr(at, "${"); at; at = strstr(at + 2, "${")) {
        int size = (int)strcspn(at, "}") + 1;

        if (strncmp(at, "${connector}", 12) == 0 || strncmp(at, "${task}", 7) == 0)
            continue;
        if (is_random(at + 2) && !m->settings->clean)
            mqtt_note(m, WEIR_ERROR, "mqtt.client.id",
                      "'%.*s' would be another client at each start, and nobody would read what "
                      "the broker keeps for the last one",
                      size, at);
        else
            mqtt_note(m, WEIR_ERROR, "mqtt.client.id",
                      "'%.*s' is not known: ${connector} and ${task} are", size, at);
    }
}

static void on_finding(void *ctx, weir_level level, const char *key, const char *text)
{
    mqtt_note(ctx, level, key, "%s", text);
}

static void read_tls(mqtt_making *m)
{
    const mqtt_setup *setup = m->setup;
    size_t tls = 0;

    for (size_t i = 0; i < setup->endpoint_count; i++)
        tls += setup->endpoints[i].tls;
    if (tls && tls < setup->endpoint_count)
        mqtt_note(
            m, WEIR_WARN, "mqtt.server.uri",
            "some brokers are reached with TLS and some without: whoever breaks the connection to "
            "the first reads what goes to the second");
    if (tls)
        mqtt_tls_check(&m->settings->ssl, m->task < 0, on_finding, m);
    else if (setup->endpoint_count)
        mqtt_tls_check_unused(&m->settings->ssl, on_finding, m);
}

static void read_ws(mqtt_making *m)
{
    mqtt_ws_check(&m->settings->ws, m->setup->endpoints, m->setup->endpoint_count, on_finding, m);
}

static void read_identity(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    char *id = mqtt_expand(m, s->client_id);

    m->setup->client_id = id;
    check_places(m);
    if (!*id || strlen(id) > 65535 || !mqtt_is_text(id, strlen(id)))
        mqtt_note(m, WEIR_ERROR, "mqtt.client.id", "must be UTF-8 of 1 to 65535 bytes");
    else if (strlen(id) > 23)
        mqtt_note(m, WEIR_INFO, "mqtt.client.id",
                  "'%s' is longer than 23 bytes, which a broker may refuse", id);
    if ((s->username && strlen(s->username) > 65535) ||
        (s->password && strlen(s->password) > 65535))
        mqtt_note(m, WEIR_ERROR, "mqtt.username",
                  "user name and password hold 65535 bytes at most");
    if (s->backoff_ms > s->backoff_max_ms)
        mqtt_note(m, WEIR_ERROR, "mqtt.reconnect.backoff.ms",
                  "is larger than mqtt.reconnect.backoff.max.ms");
    if (s->keepalive_s && s->ping_timeout_ms >= s->keepalive_s * 1000)
        mqtt_note(m, WEIR_WARN, "mqtt.ping.timeout.ms",
                  "is not shorter than mqtt.keepalive.interval.seconds");
    if (s->max_retry_ms >= 0)
        mqtt_note(m, WEIR_INFO, "max.retry.time.ms", "the task fails after an outage of %lld ms",
                  (long long)s->max_retry_ms);
}

/* ---- Subscription --------------------------------------------------------------------------- */

static void check_filter(mqtt_making *m, const char *filter)
{
    char why[128];

    if (!mqtt_filter_check(filter, why, sizeof(why)))
        mqtt_note(m, WEIR_ERROR, "mqtt.topics", "'%s' is no topic filter: %s", filter, why);
    else if (*filter == '/')
        mqtt_note(m, WEIR_WARN, "mqtt.topics",
                  "'%s' begins with '/': its first level is empty, and matches no topic without it",
                  filter);
}

static void read_filters(mqtt_making *m)
{
    mqtt_setup *setup = m->setup;

    setup->filters = mqtt_list_split(m->settings->topics, &setup->filter_count);
    setup->all_filters = mqtt_list_split(
        m->settings->connector_topics ? m->settings->connector_topics : m->settings->topics,
        &setup->all_count);
    if (m->settings->connector_topics && m->task < 0)
        mqtt_note(m, WEIR_ERROR, "mqtt.connector.topics",
                  "is filled in for tasks, and not to be given");
    if (!setup->filter_count)
        mqtt_note(m, WEIR_ERROR, "mqtt.topics", "no topic filter is given");
    for (size_t i = 0; i < setup->filter_count; i++) {
        check_filter(m, setup->filters[i]);
        for (size_t j = 0; j < i; j++)
            if (mqtt_filters_overlap(setup->filters[i], setup->filters[j]))
                mqtt_note(m, WEIR_WARN, "mqtt.topics",
                          "'%s' and '%s' overlap: a message that matches both may come twice",
                          setup->filters[j], setup->filters[i]);
    }
}

static bool shares_qos2(const mqtt_setup *setup)
{
    for (size_t i = 0; i < setup->filter_count; i++)
        if (setup->qos[i] == 2 && (setup->shared || strncmp(setup->filters[i], "$share/", 7) == 0))
            return true;
    return false;
}

static void read_qos(mqtt_making *m)
{
    mqtt_setup *setup = m->setup;
    size_t count;
    char **values = mqtt_list_split(m->settings->qos, &count);
    int low = 2, high = 0;

    setup->qos = mqtt_alloc(setup->filter_count, sizeof(*setup->qos));
    if (count != 1 && count != setup->filter_count)
        mqtt_note(m, WEIR_ERROR, "mqtt.qos", "give one value, or one for each of the %zu filters",
                  setup->filter_count);
    for (size_t i = 0; i < count; i++)
        if (values[i][0] < '0' || values[i][0] > '2' || values[i][1])
            mqtt_note(m, WEIR_ERROR, "mqtt.qos", "'%s' is none of 0, 1, 2", values[i]);
    for (size_t i = 0; i < setup->filter_count && count; i++) {
        int qos = values[count == 1 ? 0 : i < count ? i : 0][0] - '0';

        setup->qos[i] = qos;
        low = qos < low ? qos : low;
        high = qos > high ? qos : high;
    }
    if (!m->settings->clean && !low)
        mqtt_note(m, WEIR_WARN, "mqtt.qos",
                  "with QoS 0 the broker stores nothing while the task is away");
    if (m->settings->clean && high)
        mqtt_note(
            m, WEIR_WARN, "mqtt.clean.session.enabled",
            "a clean session loses what is published while the task is away, whatever the QoS");
    if (shares_qos2(m->setup))
        mqtt_note(m, WEIR_WARN, "mqtt.qos",
                  "a broker gives QoS 2 messages of a lost member to no other member");
    mqtt_list_free(values, count);
}

/* What is another matter when several read the same filter. */
static void check_shared(mqtt_making *m)
{
    mqtt_note(m, WEIR_WARN, "mqtt.task.assignment",
              "a device's messages go to any of the tasks: their order holds only if the broker "
              "hashes shared subscriptions by topic or client (EMQX: shared_subscription_strategy "
              "= hash_topic)");
    mqtt_note(m, WEIR_INFO, "mqtt.task.assignment",
              "brokers send no retained messages to shared subscriptions");
    if (m->setup->version != MQTT_VERSION_5)
        mqtt_note(m, m->setup->version == MQTT_VERSION_AUTO ? WEIR_INFO : WEIR_WARN, "mqtt.version",
                  "MQTT 3.1.1 knows no shared subscriptions: mosquitto, EMQX, HiveMQ and VerneMQ "
                  "have them all the same, to other brokers $share is a level of a topic, and "
                  "nothing comes");
}

static void read_subscription(mqtt_making *m)
{
    const mqtt_settings *s = m->settings;
    mqtt_setup *setup = m->setup;

    setup->shared = mqtt_says(s->assignment, "shared");
    setup->share_group = mqtt_expand(m, s->share_group);
    if (setup->shared && (!*setup->share_group || strpbrk(setup->share_group, "/+#")))
        mqtt_note(m, WEIR_ERROR, "mqtt.share.group", "'%s' must not be empty or contain / + #",
                  setup->share_group);
    if (setup->shared)
        check_shared(m);
    setup->retain = mqtt_says(s->retain, "never")  ? MQTT_RETAIN_NEVER
                    : mqtt_says(s->retain, "send") ? MQTT_RETAIN_SEND
                                                   : MQTT_RETAIN_IF_NEW;
    read_filters(m);
    read_qos(m);
}

/* ---- Delivery -------------------------------------------------------------------------------- */

static void read_delivery(mqtt_making *m)
{
    static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};
    const mqtt_settings *s = m->settings;
    mqtt_setup *setup = m->setup;

    setup->ack_on_receive = mqtt_says(s->ack_mode, "receive");
    setup->fail_when_full = mqtt_says(s->full_policy, "fail");
    setup->first_failure_is_fatal = mqtt_says(s->startup_error, "error");
    setup->hold_when_paused = mqtt_says(s->pause, "hold");
    setup->payload_level = -1;
    for (int i = 0; i < 5; i++)
        if (mqtt_says(s->payload_level, levels[i]))
            setup->payload_level = i;
    if (setup->ack_on_receive)
        mqtt_note(
            m, WEIR_WARN, "ack.mode",
            "receive acknowledges before Kafka has the record: what is on its way is lost when "
            "the worker dies");
    if (setup->payload_level > WEIR_DEBUG)
        mqtt_note(m, WEIR_WARN, "log.payload.level", "payloads in a log may be personal data");
}

mqtt_setup *mqtt_setup_new(const mqtt_settings *settings, const char *connector, int task,
                           const mqtt_findings *findings)
{
    mqtt_making m = {.setup = mqtt_alloc(1, sizeof(*m.setup)),
                     .settings = settings,
                     .findings = findings,
                     .connector = connector,
                     .task = task};

    m.setup->settings = settings;
    read_endpoints(&m);
    read_tls(&m);
    read_ws(&m);
    read_identity(&m);
    mqtt_read_session(&m);
    read_subscription(&m);
    mqtt_read_dedupe(&m);
    mqtt_read_mapping(&m);
    read_delivery(&m);
    if (!m.refused)
        return m.setup;
    mqtt_setup_free(m.setup);
    return NULL;
}

void mqtt_setup_free(mqtt_setup *setup)
{
    if (!setup)
        return;
    for (size_t i = 0; i < setup->endpoint_count; i++)
        mqtt_endpoint_clear(&setup->endpoints[i]);
    free(setup->endpoints);
    mqtt_list_free(setup->filters, setup->filter_count);
    mqtt_list_free(setup->all_filters, setup->all_count);
    free(setup->qos);
    free(setup->client_id);
    free(setup->share_group);
    free(setup->will.topic);
    free(setup->will.payload);
    mqtt_mapping_clear(&setup->mapping);
    free(setup);
}
