/* offsets.c - see offsets.h.
 *
 * The log's thread applies what it reads right here: offsets are nobody's decisions, so they do
 * not go through the herder. Locks are taken in this order: ours, then P's.
 */
#include "kafka/offsets.h"

#include "base/mem.h"
#include "kafka/offset_store.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

typedef struct write_out {
    struct write_out *next;
    uint64_t token;
    weir_offset_client *client; /* NULL: it is gone */
} write_out;

struct weir_offsets {
    pthread_mutex_t lock; /* guards all but `log` */
    size_t references;    /* the owner's and one of each client */
    bool closed, is_read;
    char *topic;
    weir_compacted_log *log;
    weir_producer *producer;
    weir_offset_store store;
    weir_offset_client *clients;
    write_out *writes, **writes_end; /* in the order in which they went out */
    uint64_t last_barrier, last_token;
};

struct weir_offset_client {
    weir_offset_client *next;
    weir_offsets *offsets;
    char *connector;
    int wakeup_fd;
    uint64_t barrier; /* waited for; 0: none was asked for, or it is reached */
    bool is_read;
    size_t unwritten, failures;
};

/* ---- Hearing from the log and from P ------------------------------------------------------- */

/* With the lock: so its fd is still there. */
static void wake(const weir_offset_client *client)
{
    uint64_t one = 1;

    /* The only way to fail is a full counter, and that is readable already. */
    if (client->wakeup_fd >= 0 && write(client->wakeup_fd, &one, sizeof(one)) < 0)
        return;
}

/* [log] */
static void on_record(void *ctx, const weir_log_record *record)
{
    weir_offsets *offsets = ctx;

    pthread_mutex_lock(&offsets->lock);
    weir_offset_store_apply(&offsets->store, record);
    pthread_mutex_unlock(&offsets->lock);
}

/* [log] */
static void on_reached(void *ctx, uint64_t barrier)
{
    weir_offsets *offsets = ctx;

    pthread_mutex_lock(&offsets->lock);
    if (barrier == 0) /* the log's own first one: nobody waits for that */
        offsets->is_read = true;
    for (weir_offset_client *client = offsets->clients; client; client = client->next)
        if (barrier != 0 && client->barrier == barrier) {
            client->barrier = 0;
            client->is_read = true;
            wake(client);
        }
    pthread_mutex_unlock(&offsets->lock);
}

bool weir_offsets_are_read(weir_offsets *offsets)
{
    bool is_read;

    pthread_mutex_lock(&offsets->lock);
    is_read = offsets->is_read;
    pthread_mutex_unlock(&offsets->lock);
    return is_read;
}

void weir_offsets_written(weir_offsets *offsets, uint64_t token, weir_code code)
{
    write_out **at, *found;

    pthread_mutex_lock(&offsets->lock);
    for (at = &offsets->writes; *at && (*at)->token != token; at = &(*at)->next)
        ;
    found = *at;
    if (found) {
        weir_offset_client *client = found->client;

        *at = found->next;
        if (!*at)
            offsets->writes_end = at;
        free(found);
        if (client) {
            client->unwritten--;
            client->failures += code != WEIR_OK;
            if (client->unwritten == 0)
                wake(client);
        }
    }
    pthread_mutex_unlock(&offsets->lock);
}

/* ---- Opening and closing ------------------------------------------------------------------- */

static void unref(weir_offsets *offsets)
{
    bool last;

    pthread_mutex_lock(&offsets->lock);
    last = --offsets->references == 0;
    pthread_mutex_unlock(&offsets->lock);
    if (!last)
        return;
    for (write_out *w = offsets->writes, *next; w; w = next) {
        next = w->next;
        free(w);
    }
    weir_offset_store_clear(&offsets->store);
    pthread_mutex_destroy(&offsets->lock);
    free(offsets->topic);
    free(offsets);
}

weir_code weir_offsets_open(const weir_props *props, const char *topic, weir_producer *producer,
                            weir_offsets **ret_offsets, weir_err *err)
{
    weir_offsets *offsets = weir_new(weir_offsets);
    const weir_log_listener listener = {offsets, on_record, on_reached};
    weir_code rc;

    pthread_mutex_init(&offsets->lock, NULL);
    offsets->references = 1;
    offsets->topic = weir_strdup(topic);
    offsets->producer = producer;
    offsets->writes_end = &offsets->writes;
    weir_offset_store_init(&offsets->store);
    rc = weir_compacted_log_open(props, topic, &listener, &offsets->log, err);
    if (rc == WEIR_OK) {
        *ret_offsets = offsets;
        offsets = NULL;
    }
    weir_offsets_free(offsets);
    return rc;
}

void weir_offsets_close(weir_offsets *offsets)
{
    weir_compacted_log *log;

    if (!offsets)
        return;
    pthread_mutex_lock(&offsets->lock);
    offsets->closed = true;
    log = offsets->log;
    offsets->log = NULL;
    pthread_mutex_unlock(&offsets->lock);
    weir_compacted_log_close(log); /* its thread may be waiting for the lock */
}

void weir_offsets_free(weir_offsets *offsets)
{
    if (!offsets)
        return;
    weir_offsets_close(offsets);
    unref(offsets);
}

/* ---- Clients ------------------------------------------------------------------------------- */

weir_offset_client *weir_offset_client_new(weir_offsets *offsets, const char *connector,
                                           int wakeup_fd)
{
    weir_offset_client *client = weir_new(weir_offset_client);

    client->offsets = offsets;
    client->connector = weir_strdup(connector);
    client->wakeup_fd = wakeup_fd;
    pthread_mutex_lock(&offsets->lock);
    offsets->references++;
    client->next = offsets->clients;
    offsets->clients = client;
    pthread_mutex_unlock(&offsets->lock);
    return client;
}

void weir_offset_client_free(weir_offset_client *client)
{
    weir_offset_client **at;
    weir_offsets *offsets;

    if (!client)
        return;
    offsets = client->offsets;
    pthread_mutex_lock(&offsets->lock);
    for (at = &offsets->clients; *at != client; at = &(*at)->next)
        ;
    *at = client->next;
    for (write_out *w = offsets->writes; w; w = w->next)
        if (w->client == client)
            w->client = NULL;
    pthread_mutex_unlock(&offsets->lock);
    free(client->connector);
    free(client);
    unref(offsets);
}

void weir_offset_client_read(weir_offset_client *client)
{
    weir_offsets *offsets = client->offsets;

    pthread_mutex_lock(&offsets->lock);
    client->is_read = false;
    client->barrier = ++offsets->last_barrier;
    if (offsets->log)
        weir_compacted_log_barrier(offsets->log, client->barrier);
    pthread_mutex_unlock(&offsets->lock);
}

bool weir_offset_client_is_read(weir_offset_client *client)
{
    bool is_read;

    pthread_mutex_lock(&client->offsets->lock);
    is_read = client->is_read;
    pthread_mutex_unlock(&client->offsets->lock);
    return is_read;
}

char *weir_offset_client_get(weir_offset_client *client, const char *canonical)
{
    weir_offsets *offsets = client->offsets;
    char *offset;

    pthread_mutex_lock(&offsets->lock);
    offset = weir_strdup(weir_offset_store_get(&offsets->store, client->connector, canonical));
    pthread_mutex_unlock(&offsets->lock);
    return offset;
}

json_t *weir_offset_client_list(weir_offset_client *client)
{
    weir_offsets *offsets = client->offsets;
    json_t *list;

    pthread_mutex_lock(&offsets->lock);
    list = weir_offset_store_list(&offsets->store, client->connector);
    pthread_mutex_unlock(&offsets->lock);
    return list;
}

/* ---- Writing ------------------------------------------------------------------------------- */

typedef struct writing {
    weir_offset_client *client;
    const char *offset; /* NULL: tombstones */
    weir_code rc;
} writing;

/* With the lock. */
static void send_one(void *ctx, const char *key, bool is_first)
{
    writing *w = ctx;
    weir_offsets *offsets = w->client->offsets;
    write_out *out;

    if (w->rc != WEIR_OK)
        return;
    out = weir_new(write_out);
    out->token = WEIR_OFFSETS_TOKEN | ++offsets->last_token;
    out->client = w->client;
    w->rc = weir_producer_send(offsets->producer, offsets->topic, key, is_first ? w->offset : NULL,
                               out->token);
    if (w->rc != WEIR_OK) {
        free(out);
        return;
    }
    *offsets->writes_end = out;
    offsets->writes_end = &out->next;
    w->client->unwritten++;
}

weir_code weir_offset_client_put(weir_offset_client *client, const char *canonical,
                                 const char *partition_json, const char *offset_json)
{
    weir_offsets *offsets = client->offsets;
    writing w = {client, offset_json, WEIR_OK};

    pthread_mutex_lock(&offsets->lock);
    if (offsets->closed)
        w.rc = WEIR_CLOSED;
    else
        weir_offset_store_keys(&offsets->store, client->connector, canonical, partition_json,
                               send_one, &w);
    pthread_mutex_unlock(&offsets->lock);
    return w.rc;
}

weir_code weir_offset_client_forget_all(weir_offset_client *client)
{
    weir_offsets *offsets = client->offsets;
    writing w = {client, NULL, WEIR_OK};

    pthread_mutex_lock(&offsets->lock);
    if (offsets->closed)
        w.rc = WEIR_CLOSED;
    else
        weir_offset_store_all_keys(&offsets->store, client->connector, send_one, &w);
    pthread_mutex_unlock(&offsets->lock);
    return w.rc;
}

size_t weir_offset_client_unwritten(weir_offset_client *client)
{
    size_t unwritten;

    pthread_mutex_lock(&client->offsets->lock);
    unwritten = client->unwritten;
    pthread_mutex_unlock(&client->offsets->lock);
    return unwritten;
}

bool weir_offset_client_failed(weir_offset_client *client)
{
    bool failed;

    pthread_mutex_lock(&client->offsets->lock);
    failed = client->failures > 0;
    pthread_mutex_unlock(&client->offsets->lock);
    return failed;
}

size_t weir_offset_client_failures(weir_offset_client *client)
{
    size_t failures;

    pthread_mutex_lock(&client->offsets->lock);
    failures = client->failures;
    client->failures = 0;
    pthread_mutex_unlock(&client->offsets->lock);
    return failures;
}
