/* probe.c - see probe.h. */
#include "probe.h"

#include "dial.h"
#include "packet.h"
#include "reasons.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define KEEPALIVE_S  10
#define PACKET_LIMIT 65536 /* bytes of an answer: CONNACK and SUBACK are far smaller */
#define WHY_ROOM     384
#define SHARE_PREFIX "$share/"
#define SUBSCRIPTION 1    /* our only packet id */
#define NOT_RETAINED 0x20 /* MQTT 5: "do not send what is retained" */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- A line to one broker ---------------------------------------------------------------------
 */

typedef struct line {
    mqtt_transport transport;
    int64_t until_ms;
    mqtt_bytes in;
    size_t skip; /* bytes of a packet that nobody wants, still to come */
    bool closed; /* the broker hung up, without giving a reason */
    char why[WHY_ROOM];
} line;

static bool lost(line *l, const char *fmt, ...) WEIR_PRINTF(2, 3);
static bool lost(line *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(l->why, sizeof(l->why), fmt, args);
    va_end(args);
    return false;
}

static bool in_time(line *l, const char *doing)
{
    return now_ms() < l->until_ms || lost(l, "%s took too long", doing);
}

static bool wait_for(line *l, struct pollfd wait, const char *doing)
{
    int64_t left_ms = l->until_ms - now_ms();

    if (left_ms > 0 && poll(&wait, 1, (int)left_ms) > 0)
        return true;
    return lost(l, "%s took too long", doing);
}

static bool over(line *l)
{
    const char *why = mqtt_transport_why(&l->transport);

    l->closed = mqtt_transport_hung_up(&l->transport);
    return lost(l, "%s", why ? why : "the broker closed the connection");
}

static bool dial(line *l, const mqtt_endpoint *endpoint, const mqtt_settings *s)
{
    mqtt_dial *dialling = mqtt_dial_start(endpoint, &s->ssl, &s->ws);
    mqtt_dial_state state;
    char doing[256];
    bool soon = true;

    do {
        state = mqtt_dial_step(dialling, &l->transport, l->why, sizeof(l->why));
        mqtt_dial_doing(dialling, doing, sizeof(doing));
        if (state == MQTT_DIALLING)
            soon = wait_for(l, mqtt_dial_waits(dialling), doing);
    } while (state == MQTT_DIALLING && soon);
    mqtt_dial_free(dialling);
    return state == MQTT_DIALLED;
}

static bool say(line *l, const mqtt_bytes *packet)
{
    const uint8_t *at = packet->data + packet->start;
    size_t left = mqtt_bytes_size(packet);

    while (left) {
        struct pollfd wait = {.fd = l->transport.fd};
        size_t sent;

        switch (mqtt_transport_write(&l->transport, at, left, &sent)) {
        case MQTT_IO_DONE:
            at += sent;
            left -= sent;
            break;
        case MQTT_IO_AGAIN:
            wait.events = mqtt_transport_waits(&l->transport, false, true);
            if (!wait_for(l, wait, "writing to the broker"))
                return false;
            break;
        case MQTT_IO_OVER:
            return over(l);
        }
    }
    return true;
}

/* More bytes, in l->in or skipped. */
static bool hear(line *l, const char *awaited)
{
    uint8_t *to = mqtt_bytes_reserve(&l->in, 4096);
    struct pollfd wait = {.fd = l->transport.fd};
    size_t got;

    mqtt_transport_flush(&l->transport); /* when it fails, the read says why */
    switch (mqtt_transport_read(&l->transport, to, 4096, &got)) {
    case MQTT_IO_DONE:
        break;
    case MQTT_IO_AGAIN:
        wait.events = mqtt_transport_waits(&l->transport, true, false);
        return mqtt_transport_pending(&l->transport) ? in_time(l, awaited)
                                                     : wait_for(l, wait, awaited);
    case MQTT_IO_OVER:
        return over(l);
    }
    if (got <= l->skip) {
        l->skip -= got;
        return true;
    }
    memmove(to, to + l->skip, got - l->skip);
    l->in.end += got - l->skip;
    l->skip = 0;
    return true;
}

/* Takes `size` bytes off, those that have not arrived too. */
static void pass_over(line *l, size_t size)
{
    size_t here = mqtt_bytes_size(&l->in);

    mqtt_bytes_consume(&l->in, size < here ? size : here);
    l->skip = size < here ? 0 : size - here;
}

/* Waits for a packet of that type; whatever else arrives is passed over. Its body stays at the
 * start of l->in. */
static bool await(line *l, mqtt_type type, const char *awaited, mqtt_head *ret_head,
                  const uint8_t **ret_body)
{
    for (;;) {
        mqtt_scan scan =
            mqtt_scan_head(l->in.data + l->in.start, mqtt_bytes_size(&l->in), ret_head);

        if (scan == MQTT_BAD)
            return lost(l, "what answers there does not speak MQTT");
        if (scan == MQTT_SCANNED && ret_head->type == type) {
            if (ret_head->body_size > PACKET_LIMIT)
                return lost(l, "what answers there does not speak MQTT");
            if (mqtt_bytes_size(&l->in) >= ret_head->head_size + ret_head->body_size) {
                *ret_body = l->in.data + l->in.start + ret_head->head_size;
                return true;
            }
        } else if (scan == MQTT_SCANNED) {
            if (type == MQTT_TYPE_CONNACK)
                return lost(l, "what answers there does not speak MQTT");
            pass_over(l, ret_head->head_size + ret_head->body_size);
            continue;
        }
        if (!hear(l, awaited))
            return false;
    }
}

static void hang_up(line *l)
{
    mqtt_bytes packet = {0};

    if (l->transport.fd >= 0 && !l->closed) {
        mqtt_put_empty(&packet, MQTT_TYPE_DISCONNECT);
        say(l, &packet);
    }
    mqtt_transport_close(&l->transport);
    mqtt_bytes_free(&packet);
    mqtt_bytes_free(&l->in);
    *l = (line){.transport = MQTT_NO_TRANSPORT, .until_ms = l->until_ms};
}

/* ---- What is said ------------------------------------------------------------------------------
 */

static void put_number(mqtt_bytes *out, size_t number)
{
    const uint8_t bytes[] = {(uint8_t)(number >> 8), (uint8_t)number};

    mqtt_bytes_append(out, bytes, 2);
}

static void put_text(mqtt_bytes *out, const char *text)
{
    put_number(out, strlen(text));
    mqtt_bytes_append(out, text, strlen(text));
}

/* A fixed header and the body behind it. */
static void put_packet(mqtt_bytes *out, uint8_t first, const mqtt_bytes *body)
{
    size_t size = mqtt_bytes_size(body);

    mqtt_bytes_append(out, &first, 1);
    do {
        uint8_t digit = (uint8_t)(size % 128 + (size >= 128 ? 128 : 0));

        mqtt_bytes_append(out, &digit, 1);
        size /= 128;
    } while (size);
    mqtt_bytes_append(out, body->data + body->start, mqtt_bytes_size(body));
}

static void put_connect(mqtt_bytes *out, mqtt_level level, const mqtt_settings *s)
{
    uint8_t flags = 0x02, what = (uint8_t)level, none = 0; /* a clean session */
    mqtt_bytes body = {0};
    uint64_t nonce = (uint64_t)now_ms();
    char id[24];

    if (getrandom(&nonce, sizeof(nonce), GRND_NONBLOCK) < 0)
        nonce ^= (uint64_t)(uintptr_t)out;
    snprintf(id, sizeof(id), "weir-probe-%012llx", (unsigned long long)nonce & 0xffffffffffffu);
    flags |= s->username ? 0x80 : 0;
    flags |= s->password ? 0x40 : 0;
    put_text(&body, "MQTT");
    mqtt_bytes_append(&body, &what, 1);
    mqtt_bytes_append(&body, &flags, 1);
    put_number(&body, KEEPALIVE_S);
    if (level == MQTT_5)
        mqtt_bytes_append(&body, &none, 1);
    put_text(&body, id);
    if (s->username)
        put_text(&body, s->username);
    if (s->password)
        put_text(&body, s->password);
    put_packet(out, MQTT_TYPE_CONNECT << 4, &body);
    mqtt_bytes_free(&body);
}

/* "$share/group/filter" -> "filter" */
static const char *plain(const char *filter)
{
    const char *slash;

    if (strncmp(filter, SHARE_PREFIX, strlen(SHARE_PREFIX)) != 0)
        return filter;
    slash = strchr(filter + strlen(SHARE_PREFIX), '/');
    return slash ? slash + 1 : filter;
}

static void put_subscribe(mqtt_bytes *out, mqtt_level level, const mqtt_setup *setup)
{
    mqtt_bytes body = {0};
    uint8_t none = 0;

    put_number(&body, SUBSCRIPTION);
    if (level == MQTT_5)
        mqtt_bytes_append(&body, &none, 1);
    for (size_t i = 0; i < setup->filter_count; i++) {
        uint8_t how = (uint8_t)(setup->qos[i] | (level == MQTT_5 ? NOT_RETAINED : 0));

        put_text(&body, plain(setup->filters[i]));
        mqtt_bytes_append(&body, &how, 1);
    }
    put_packet(out, MQTT_TYPE_SUBSCRIBE << 4 | 0x02, &body);
    mqtt_bytes_free(&body);
}

/* ---- What one broker says ----------------------------------------------------------------------
 */

typedef struct probing {
    const weir_config_host *host;
    const mqtt_setup *setup;
    line line;
    mqtt_level level;
    mqtt_connack connack; /* its properties are inside line.in */
    size_t connack_size;  /* as a packet */
} probing;

#define NOTE(p, level, key, ...) ((p)->host->note((p)->host, level, key, __VA_ARGS__))

/* From TCP to CONNACK, whatever that says. */
static bool greet(probing *p, const mqtt_endpoint *endpoint)
{
    mqtt_bytes packet = {0};
    mqtt_fault fault;
    mqtt_head head = {0};
    const uint8_t *body = NULL;
    bool good = dial(&p->line, endpoint, p->setup->settings);

    mqtt_bytes_reserve(&p->line.in, PACKET_LIMIT / 16);
    if (good) {
        put_connect(&packet, p->level, p->setup->settings);
        good = say(&p->line, &packet) &&
               await(&p->line, MQTT_TYPE_CONNACK, "the answer to CONNECT", &head, &body);
    }
    p->connack_size = good ? head.head_size + head.body_size : 0;
    if (good && !mqtt_scan_connack(p->level, &head, body, &p->connack, &fault))
        good = lost(&p->line, "the broker sent %s", fault.why);
    if (good && p->connack.code && p->connack.old)
        p->connack.code = mqtt_reason_of_old(p->connack.code);
    mqtt_bytes_free(&packet);
    return good;
}

static bool wants_older(const probing *p, bool answered)
{
    if (p->setup->version != MQTT_VERSION_AUTO || p->level != MQTT_5)
        return false;
    return answered ? mqtt_reason_remedy(p->connack.code) == MQTT_TRY_OLDER_MQTT : p->line.closed;
}

static bool greet_in_either_version(probing *p, const mqtt_endpoint *endpoint)
{
    bool answered;

    p->level = p->setup->version == MQTT_VERSION_3_1_1 ? MQTT_3_1_1 : MQTT_5;
    answered = greet(p, endpoint);
    if (!wants_older(p, answered))
        return answered;
    hang_up(&p->line);
    p->level = MQTT_3_1_1;
    return greet(p, endpoint);
}

/* The key that a refusal is about. */
static void tell_refusal(const probing *p, const char *uri)
{
    const mqtt_settings *s = p->setup->settings;
    uint8_t code = p->connack.code;
    const char *key = "mqtt.server.uri";

    if (code == MQTT_CLIENT_ID_REFUSED) {
        NOTE(p, WEIR_WARN, "mqtt.client.id",
             "%s refuses the client id of the probe; whether it takes the connector's was not "
             "tried, for that would end a session of that id",
             uri);
        return;
    }
    if (code == MQTT_BAD_PASSWORD || code == MQTT_NOT_AUTHORISED)
        key = s->password ? "mqtt.password" : "mqtt.username";
    if (code == MQTT_VERSION_REFUSED)
        key = "mqtt.version";
    NOTE(p, WEIR_ERROR, key, "%s refuses the connection: %s", uri, mqtt_reason_text(code));
}

static void tell_grant(const probing *p, size_t i, uint8_t code, const char *uri)
{
    const char *filter = p->setup->filters[i];

    if (code >= 0x80)
        NOTE(p, WEIR_ERROR, "mqtt.topics", "%s refuses '%s': %s", uri, plain(filter),
             code == 0x80 ? "it gives no reason" : mqtt_reason_text(code));
    else if (code < p->setup->qos[i])
        NOTE(p, WEIR_WARN, "mqtt.qos", "%s grants QoS %d for '%s', not %d", uri, code,
             plain(filter), p->setup->qos[i]);
}

static bool is_shared(const mqtt_setup *setup)
{
    bool shared = setup->shared;

    for (size_t i = 0; i < setup->filter_count; i++)
        shared = shared || plain(setup->filters[i]) != setup->filters[i];
    return shared;
}

static void tell_shared(const probing *p, const char *uri)
{
    if (p->level == MQTT_5 &&
        !mqtt_properties_number(&p->connack.properties, MQTT_SHARED_AVAILABLE, 1))
        NOTE(p, WEIR_ERROR, "mqtt.topics", "%s has no shared subscriptions", uri);
    else
        NOTE(p, WEIR_INFO, "mqtt.topics",
             "%s was asked for the filters without $share: a member of the group would take "
             "messages from the others",
             uri);
}

static void ask_for_filters(probing *p, const char *uri)
{
    mqtt_bytes packet = {0};
    mqtt_answer answer;
    mqtt_fault fault;
    mqtt_head head = {0};
    const uint8_t *body = NULL;

    if (is_shared(p->setup))
        tell_shared(p, uri);
    pass_over(&p->line, p->connack_size);
    put_subscribe(&packet, p->level, p->setup);
    if (!say(&p->line, &packet) ||
        !await(&p->line, MQTT_TYPE_SUBACK, "the answer to SUBSCRIBE", &head, &body))
        NOTE(p, WEIR_ERROR, "mqtt.topics", "%s: %s", uri, p->line.why);
    else if (!mqtt_scan_answer(p->level, &head, body, &answer, &fault))
        NOTE(p, WEIR_ERROR, "mqtt.topics", "%s sent %s", uri, fault.why);
    else if (answer.code_count != p->setup->filter_count)
        NOTE(p, WEIR_ERROR, "mqtt.topics", "%s answers for %zu filters, not %zu", uri,
             answer.code_count, p->setup->filter_count);
    else
        for (size_t i = 0; i < answer.code_count; i++)
            tell_grant(p, i, answer.codes[i], uri);
    mqtt_bytes_free(&packet);
}

/* ---- All of them -------------------------------------------------------------------------------
 */

/* Sets *ret_why, to be freed, when nobody answers there. */
static bool probe_one(probing *p, const mqtt_endpoint *endpoint, char **ret_why)
{
    const char *version;
    bool answered = greet_in_either_version(p, endpoint);

    version = p->level == MQTT_5 ? "5" : "3.1.1";
    if (!answered) {
        *ret_why = mqtt_strndup(p->line.why, strlen(p->line.why));
    } else if (p->connack.code) {
        tell_refusal(p, endpoint->uri);
    } else {
        NOTE(p, WEIR_INFO, "mqtt.server.uri", "%s accepts the connection, in MQTT %s",
             endpoint->uri, version);
        ask_for_filters(p, endpoint->uri);
    }
    hang_up(&p->line);
    return answered;
}

static void tell_silent(const probing *p, const mqtt_endpoint *endpoint, const char *why, bool all)
{
    bool local = mqtt_endpoint_is_local(endpoint);

    NOTE(p, all ? WEIR_ERROR : WEIR_WARN, "mqtt.server.uri", "%s: %s%s", endpoint->uri, why,
         local ? " (inside a container, this name is the container itself)" : "");
}

static void to_nobody(void *ctx, weir_level level, const char *key, const char *text)
{
    (void)ctx;
    (void)level;
    (void)key;
    (void)text;
}

weir_status mqtt_probe(const weir_config_host *host, const void *settings)
{
    mqtt_findings findings = {.note = to_nobody}; /* validate() has said it all */
    mqtt_setup *setup = mqtt_setup_new(settings, host->connector, -1, &findings);
    probing p = {.host = host, .setup = setup, .line.transport = MQTT_NO_TRANSPORT};
    int64_t until_ms = now_ms() + MQTT_PROBE_MS;
    size_t count = setup ? setup->endpoint_count : 0, answered = 0;
    char **whys = mqtt_alloc(count + 1, sizeof(*whys));

    for (size_t i = 0; i < count; i++) {
        int64_t share_ms = (until_ms - now_ms()) / (int64_t)(count - i);
        int64_t limit_ms = setup->settings->connect_timeout_s * 1000;

        p.line.until_ms = now_ms() + (share_ms < limit_ms ? share_ms : limit_ms);
        answered += probe_one(&p, &setup->endpoints[i], &whys[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (whys[i])
            tell_silent(&p, &setup->endpoints[i], whys[i], answered == 0);
        free(whys[i]);
    }
    free(whys);
    mqtt_setup_free(setup);
    return WEIR_DONE;
}
