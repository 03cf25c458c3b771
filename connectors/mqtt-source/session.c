/* session.c - see session.h. The only file that knows paho. */
#include "session.h"

#include "bytes.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

struct mqtt_session {
    MQTTAsync handle;
    mqtt_level level;
    int wake_fd;
    atomic_bool busy; /* between mqtt_session_open() and paho's word that it is over */
    atomic_bool joined;
};

/* The last handle to go takes paho's threads and lists with it, unlocked for a while; a handle made
 * meanwhile would stand in freed memory. */
static pthread_mutex_t handles = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up_paho(void)
{
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
}

/* ---- Callbacks [paho]: note, wake, return --------------------------------------------------- */

static void wake(mqtt_session *session)
{
    eventfd_write(session->wake_fd, 1);
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
    mqtt_session *session = context;

    (void)data;
    atomic_store(&session->joined, true);
    wake(session);
}

static void on_connected_5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    on_connected(context, NULL);
}

static void on_connect_failed(void *context, MQTTAsync_failureData *data)
{
    mqtt_session *session = context;

    (void)data;
    atomic_store(&session->busy, false);
    wake(session);
}

static void on_connect_failed_5(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    on_connect_failed(context, NULL);
}

static void on_lost(void *context, char *cause)
{
    mqtt_session *session = context;

    (void)cause;
    atomic_store(&session->busy, false);
    wake(session);
}

/* The link lets no PUBLISH through. Should one come all the same, "taken" is the only answer that
 * does not wedge paho's queue. */
static int on_message(void *context, char *topic, int size, MQTTAsync_message *message)
{
    (void)context;
    (void)size;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

/* ---- Life ---------------------------------------------------------------------------------- */

mqtt_session *mqtt_session_new(mqtt_level level, const char *client_id, int wake_fd, int *ret_code)
{
    mqtt_session *session = mqtt_alloc(1, sizeof(*session));
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    int code;

    session->wake_fd = wake_fd;
    session->level = level;
    options.MQTTVersion = level == MQTT_5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    pthread_once(&once, set_up_paho);
    pthread_mutex_lock(&handles);
    code = MQTTAsync_createWithOptions(&session->handle, "tcp://127.0.0.1:1", client_id,
                                       MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    pthread_mutex_unlock(&handles);
    if (code == MQTTASYNC_SUCCESS)
        code = MQTTAsync_setCallbacks(session->handle, session, on_lost, on_message, NULL);
    if (code == MQTTASYNC_SUCCESS)
        return session;
    *ret_code = code;
    mqtt_session_free(session);
    return NULL;
}

void mqtt_session_free(mqtt_session *session)
{
    if (!session)
        return;
    pthread_mutex_lock(&handles);
    if (session->handle)
        MQTTAsync_destroy(&session->handle);
    pthread_mutex_unlock(&handles);
    free(session);
}

mqtt_level mqtt_session_level(const mqtt_session *session)
{
    return session->level;
}

/* ---- Asking --------------------------------------------------------------------------------- */

/* paho (1.3.12 at least) writes four bytes as if they had a sign, and turns what is above 2^31 - 1
 * into something small: "for ever" would become 255 seconds. 68 years will do. */
static void add_number(MQTTProperties *properties, enum MQTTPropertyCodes id, uint32_t number)
{
    MQTTProperty property = {.identifier = id};

    if (id == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)
        property.value.integer2 = (unsigned short)number;
    else
        property.value.integer4 = number > INT32_MAX ? INT32_MAX : number;
    MQTTProperties_add(properties, &property);
}

/* What both versions have in common. */
static void fill_connect(MQTTAsync_connectOptions *options, mqtt_session *session,
                         const mqtt_session_connect *how, char *const *uri)
{
    options->keepAliveInterval = how->keepalive_s;
    options->connectTimeout = how->timeout_s;
    options->automaticReconnect = 0;
    options->username = how->secret;
    options->serverURIs = uri;
    options->serverURIcount = 1;
    options->context = session;
}

static void fill_will(MQTTAsync_willOptions *options, const mqtt_will *will)
{
    options->topicName = will->topic;
    options->message = will->payload;
    options->qos = will->qos;
    options->retained = will->retained;
}

static void fill_connect_3(MQTTAsync_connectOptions *options, const mqtt_session_connect *how)
{
    options->MQTTVersion = MQTTVERSION_3_1_1;
    options->cleansession = how->clean;
    options->onSuccess = on_connected;
    options->onFailure = on_connect_failed;
}

static void fill_connect_5(MQTTAsync_connectOptions *options, const mqtt_session_connect *how,
                           MQTTProperties *properties, MQTTProperties *will)
{
    options->MQTTVersion = MQTTVERSION_5;
    options->cleansession = 0;
    options->cleanstart = how->clean;
    options->onSuccess5 = on_connected_5;
    options->onFailure5 = on_connect_failed_5;
    if (how->session_expiry_s)
        add_number(properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, how->session_expiry_s);
    if (how->receive_maximum)
        add_number(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, how->receive_maximum);
    if (how->maximum_packet)
        add_number(properties, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, how->maximum_packet);
    options->connectProperties = properties;
    if (!options->will)
        return;
    if (how->will->delay_s)
        add_number(will, MQTTPROPERTY_CODE_WILL_DELAY_INTERVAL, how->will->delay_s);
    options->willProperties = will;
}

int mqtt_session_open(mqtt_session *session, const mqtt_session_connect *how)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperties will_properties = MQTTProperties_initializer;
    char *const uris[] = {(char *)how->uri};
    int code;

    fill_connect(&options, session, how, uris);
    if (how->will && how->will->topic) {
        fill_will(&will, how->will);
        options.will = &will;
    }
    if (session->level == MQTT_5)
        fill_connect_5(&options, how, &properties, &will_properties);
    else
        fill_connect_3(&options, how);
    atomic_store(&session->joined, false);
    atomic_store(&session->busy, true);
    code = MQTTAsync_connect(session->handle, &options);
    if (code != MQTTASYNC_SUCCESS)
        atomic_store(&session->busy, false);
    MQTTProperties_free(&properties);
    MQTTProperties_free(&will_properties);
    return code;
}

int mqtt_session_subscribe(mqtt_session *session, char *const *filters, const int *qos,
                           size_t count, mqtt_retain retain)
{
    static const unsigned char handling[] = {
        [MQTT_RETAIN_SEND] = 0, [MQTT_RETAIN_IF_NEW] = 1, [MQTT_RETAIN_NEVER] = 2};
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    MQTTSubscribe_options option = MQTTSubscribe_options_initializer, *options;
    int code;

    if (session->level != MQTT_5)
        return MQTTAsync_subscribeMany(session->handle, (int)count, filters, qos, &response);
    option.retainHandling = handling[retain];
    options = mqtt_alloc(count, sizeof(*options));
    for (size_t i = 0; i < count; i++)
        options[i] = option;
    response.subscribeOptions = option; /* this one counts for one filter, the list for more */
    response.subscribeOptionsList = options;
    response.subscribeOptionsCount = (int)count;
    code = MQTTAsync_subscribeMany(session->handle, (int)count, filters, qos, &response);
    free(options);
    return code;
}

int mqtt_session_publish(mqtt_session *session, const char *topic, const char *payload, int qos,
                         bool retained)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

    return MQTTAsync_send(session->handle, topic, (int)strlen(payload), payload, qos, retained,
                          &response);
}

int mqtt_session_unsubscribe(mqtt_session *session, char *const *filters, size_t count)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

    return MQTTAsync_unsubscribeMany(session->handle, (int)count, filters, &response);
}

bool mqtt_session_idle(const mqtt_session *session)
{
    return !atomic_load(&session->busy);
}

bool mqtt_session_joined(const mqtt_session *session)
{
    return atomic_load(&session->joined);
}
