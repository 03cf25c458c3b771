/* session.c - see session.h. The only file that knows paho. */
#include "session.h"

#include "bytes.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct mqtt_session {
    MQTTAsync handle;
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

static void on_connect_failed(void *context, MQTTAsync_failureData *data)
{
    mqtt_session *session = context;

    (void)data;
    atomic_store(&session->busy, false);
    wake(session);
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

mqtt_session *mqtt_session_new(const char *client_id, int wake_fd, int *ret_code)
{
    mqtt_session *session = mqtt_alloc(1, sizeof(*session));
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    int code;

    session->wake_fd = wake_fd;
    options.MQTTVersion = MQTTVERSION_3_1_1;
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

int mqtt_session_open(mqtt_session *session, const mqtt_session_connect *how)
{
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    char *const uris[] = {(char *)how->uri};
    int code;

    options.MQTTVersion = MQTTVERSION_3_1_1;
    options.cleansession = how->clean;
    options.keepAliveInterval = how->keepalive_s;
    options.connectTimeout = how->timeout_s;
    options.automaticReconnect = 0;
    options.username = how->secret;
    options.serverURIs = uris;
    options.serverURIcount = 1;
    options.onSuccess = on_connected;
    options.onFailure = on_connect_failed;
    options.context = session;
    atomic_store(&session->joined, false);
    atomic_store(&session->busy, true);
    code = MQTTAsync_connect(session->handle, &options);
    if (code != MQTTASYNC_SUCCESS)
        atomic_store(&session->busy, false);
    return code;
}

int mqtt_session_subscribe(mqtt_session *session, char *const *filters, const int *qos,
                           size_t count)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

    return MQTTAsync_subscribeMany(session->handle, (int)count, filters, qos, &response);
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

bool mqtt_session_joined(mqtt_session *session)
{
    return atomic_exchange(&session->joined, false);
}
