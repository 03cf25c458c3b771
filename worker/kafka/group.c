/* group.c - see group.h.
 *
 * The handle is a consumer that never consumes: what it is assigned is paused at once. Everything
 * is served by one thread, which waits for nothing else.
 *
 * librdkafka tells of a lost session only from a steady group. One that is lost while a join round
 * is pending shows in the member id alone, so that is looked at about once a second.
 */
#include "kafka/group.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "kafka/client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS      1000
#define LEAVE_MS     1500 /* LeaveGroup needs a round trip, and a coordinator that is there */
#define LOG_EVERY_MS 10000

struct weir_group {
    char *group_id, *topic;
    void (*event)(void *ctx, const weir_group_event *event);
    bool (*herder_lives)(void *ctx);
    void *ctx;
    weir_lease *lease;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue; /* the handle's, to wake its poll */
    pthread_t thread;
    bool running;
    atomic_bool leaving;

    /* [group] */
    bool in_group;  /* ASSIGNED was said, and not LOST since */
    bool is_absent; /* left because the herder hangs */
    char *member;   /* of the last ASSIGNED */
    int64_t error_at_ms;
    rd_kafka_resp_err_t last_error;
};

/* ---- Generation and member ----------------------------------------------------------------- */

static const char metadata_magic[7] = {'C', 'G', 'M', 'D', 'v', '2', ':'};

bool weir_group_metadata_parse(const void *bytes, size_t size, int32_t *ret_generation,
                               const char **ret_member)
{
    const char *at = bytes, *end = at + size;
    const char *texts[2]; /* group, member; what says whether there is an instance follows */

    if (size < sizeof(metadata_magic) + sizeof(*ret_generation) ||
        memcmp(at, metadata_magic, sizeof(metadata_magic)) != 0)
        return false;
    at += sizeof(metadata_magic);
    memcpy(ret_generation, at, sizeof(*ret_generation)); /* the host's byte order */
    at += sizeof(*ret_generation);
    for (size_t i = 0; i < WEIR_COUNT(texts); i++) {
        const char *nul = memchr(at, '\0', (size_t)(end - at));

        if (!nul)
            return false;
        texts[i] = at;
        at = nul + 1;
    }
    *ret_member = texts[1];
    return true;
}

/* -1 and "" when not known. The member id is the caller's to free(). */
static void who_am_i(rd_kafka_t *rk, int64_t *ret_generation, char **ret_member)
{
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(rk);
    rd_kafka_error_t *error = NULL;
    void *bytes = NULL;
    size_t size = 0;
    int32_t generation;
    const char *member;

    *ret_generation = -1;
    *ret_member = NULL;
    if (metadata)
        error = rd_kafka_consumer_group_metadata_write(metadata, &bytes, &size);
    if (bytes && weir_group_metadata_parse(bytes, size, &generation, &member)) {
        *ret_generation = generation;
        *ret_member = weir_strdup(member);
    }
    if (!*ret_member)
        *ret_member = weir_strdup("");
    if (bytes)
        rd_kafka_mem_free(NULL, bytes);
    if (error)
        rd_kafka_error_destroy(error);
    if (metadata)
        rd_kafka_consumer_group_metadata_destroy(metadata);
}

/* ---- Events -------------------------------------------------------------------------------- */

static void tell(weir_group *group, weir_group_change change, bool holds_partition)
{
    int64_t generation;
    char *member;

    who_am_i(group->rk, &generation, &member);
    if (change == WEIR_GROUP_ASSIGNED)
        weir_replace(&group->member, member);
    group->in_group = change == WEIR_GROUP_ASSIGNED || change == WEIR_GROUP_REVOKED;
    if (change == WEIR_GROUP_LOST)
        weir_lease_end(group->lease);
    group->event(group->ctx, &(weir_group_event){.change = change,
                                                 .generation = generation,
                                                 .member = member,
                                                 .holds_partition = holds_partition});
    free(member);
}

static void on_assigned(weir_group *group, rd_kafka_topic_partition_list_t *partitions)
{
    bool holds = false;

    for (int i = 0; i < partitions->cnt; i++) {
        holds = holds || partitions->elems[i].partition == 0;
        partitions->elems[i].offset = 0; /* or the committed one would be asked for */
    }
    rd_kafka_assign(group->rk, partitions);
    rd_kafka_pause_partitions(group->rk, partitions);
    tell(group, WEIR_GROUP_ASSIGNED, holds);
}

static void on_revoked(weir_group *group)
{
    bool lost = rd_kafka_assignment_lost(group->rk);

    rd_kafka_assign(group->rk, NULL);
    if (group->in_group) /* LOST may have been said before */
        tell(group, lost ? WEIR_GROUP_LOST : WEIR_GROUP_REVOKED, false);
}

/* [group] from inside poll */
static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    (void)rk;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        on_assigned(opaque, partitions);
    else
        on_revoked(opaque);
}

static void log_error(weir_group *group, const rd_kafka_message_t *message)
{
    int64_t now_ms = weir_now_ms();
    const char *advice = "";
    char *text;

    if (message->err == RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL)
        advice = ": it has members of another kind, probably JVM workers; stop them first";
    else if (message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        advice = ": the worker's Kafka user needs READ and DESCRIBE on this group";
    if (message->err == group->last_error && now_ms < group->error_at_ms)
        return;
    group->last_error = message->err;
    group->error_at_ms = now_ms + LOG_EVERY_MS;
    weir_logf(WEIR_WARN, "group '%s': %s%s", group->group_id, rd_kafka_message_errstr(message),
              advice);
    if (!advice[0])
        return;
    text = weir_format("%s%s", rd_kafka_message_errstr(message), advice);
    group->event(group->ctx,
                 &(weir_group_event){
                     .change = WEIR_GROUP_REFUSED, .generation = -1, .member = "", .text = text});
    free(text);
}

static void serve(weir_group *group, int timeout_ms)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(group->rk, timeout_ms);

    if (!message)
        return;
    if (message->err && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        log_error(group, message);
    rd_kafka_message_destroy(message); /* a record that came before the pause */
}

/* ---- The thread ---------------------------------------------------------------------------- */

static weir_code subscribe(weir_group *group, weir_err *err)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t error;

    rd_kafka_topic_partition_list_add(topics, group->topic, RD_KAFKA_PARTITION_UA);
    error = rd_kafka_subscribe(group->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (!error)
        return WEIR_OK;
    return weir_fail(err, weir_kafka_code(error), "cannot join group '%s': %s", group->group_id,
                     rd_kafka_err2str(error));
}

/* Membership is a promise that somebody does the work: without a herder it is given back. */
static void look_after_herder(weir_group *group)
{
    bool lives = !group->herder_lives || group->herder_lives(group->ctx);
    weir_err err;

    if (lives == !group->is_absent)
        return;
    group->is_absent = !lives;
    if (lives) {
        weir_logf(WEIR_INFO, "the herder is back: joining group '%s' again", group->group_id);
        if (subscribe(group, &err) != WEIR_OK) {
            weir_logf(WEIR_ERROR, "%s", err.msg);
            group->is_absent = true;
        }
        return;
    }
    weir_logf(WEIR_ERROR, "the herder hangs: leaving group '%s', others take the tasks over",
              group->group_id);
    if (group->in_group)
        tell(group, WEIR_GROUP_LOST, false);
    rd_kafka_unsubscribe(group->rk);
}

/* A member id that is gone or another one: the broker has thrown us out in mid-round. */
static void look_after_membership(weir_group *group)
{
    int64_t generation;
    char *member;

    if (!group->in_group)
        return;
    who_am_i(group->rk, &generation, &member);
    if (strcmp(member, group->member) != 0)
        tell(group, WEIR_GROUP_LOST, false);
    free(member);
}

/* LeaveGroup goes out; what the coordinator cannot be told it finds out by the session timeout. */
static void leave(weir_group *group)
{
    int64_t until_ms = weir_now_ms() + LEAVE_MS, left_ms;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(group->rk); /* the last events come here */
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(group->rk, queue);

    if (error) {
        weir_logf(WEIR_WARN, "group '%s': %s", group->group_id, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    } else {
        while (!rd_kafka_consumer_closed(group->rk) && (left_ms = until_ms - weir_now_ms()) > 0) {
            rd_kafka_event_t *event = rd_kafka_queue_poll(queue, left_ms < 20 ? (int)left_ms : 20);

            if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
                on_rebalance(group->rk, rd_kafka_event_error(event),
                             rd_kafka_event_topic_partition_list(event), group);
            if (event)
                rd_kafka_event_destroy(event);
        }
        if (!rd_kafka_consumer_closed(group->rk))
            weir_logf(WEIR_WARN, "group '%s': the coordinator does not answer our leaving",
                      group->group_id);
    }
    rd_kafka_queue_destroy(queue);
    group->event(group->ctx,
                 &(weir_group_event){.change = WEIR_GROUP_LEFT, .generation = -1, .member = ""});
}

static void *run(void *arg)
{
    weir_group *group = arg;
    int64_t look_at_ms = weir_now_ms() + LOOK_MS;

    while (!atomic_load(&group->leaving)) {
        int64_t left_ms = look_at_ms - weir_now_ms();

        if (left_ms > 0) {
            serve(group, (int)left_ms);
            continue;
        }
        look_after_membership(group);
        if (left_ms > -LOOK_MS) /* we were frozen ourselves: the herder gets a second to wake up */
            look_after_herder(group);
        look_at_ms = weir_now_ms() + LOOK_MS;
    }
    leave(group);
    return NULL;
}

/* ---- Joining and leaving ------------------------------------------------------------------- */

/* Requests of the group protocol by their numbers (Kafka protocol, "API Keys"). */
static bool concerns_lease(int16_t api, weir_lease_request *ret_request)
{
    enum { JOIN_GROUP = 11, HEARTBEAT = 12, SYNC_GROUP = 14 };

    *ret_request = api == JOIN_GROUP   ? WEIR_LEASE_JOIN
                   : api == SYNC_GROUP ? WEIR_LEASE_SYNC
                                       : WEIR_LEASE_HEARTBEAT;
    return api == JOIN_GROUP || api == HEARTBEAT || api == SYNC_GROUP;
}

/* [librdkafka's threads] */
static rd_kafka_resp_err_t on_sent(rd_kafka_t *rk, int fd, const char *broker, int32_t id,
                                   int16_t api, int16_t version, int32_t correlation, size_t size,
                                   void *ctx)
{
    const weir_group *group = ctx;
    weir_lease_request request;

    (void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)correlation, (void)size;
    if (concerns_lease(api, &request))
        weir_lease_asked(group->lease, request);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* [librdkafka's threads] `rtt` in microseconds. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int fd, const char *broker, int32_t id,
                                       int16_t api, int16_t version, int32_t correlation,
                                       size_t size, int64_t rtt, rd_kafka_resp_err_t error,
                                       void *ctx)
{
    const weir_group *group = ctx;
    int64_t rtt_ms = error || rtt < 0 ? -1 : (rtt + 999) / 1000;
    weir_lease_request request;

    (void)rk, (void)fd, (void)broker, (void)id, (void)version, (void)correlation, (void)size;
    if (concerns_lease(api, &request))
        weir_lease_answered(group->lease, request, rtt_ms);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *ctx,
                                  char *errstr, size_t errstr_size)
{
    (void)conf, (void)errstr, (void)errstr_size;
    rd_kafka_interceptor_add_on_request_sent(rk, "lease", on_sent, ctx);
    return rd_kafka_interceptor_add_on_response_received(rk, "lease", on_response, ctx);
}

static void prepare(rd_kafka_conf_t *conf, void *ctx)
{
    rd_kafka_conf_set_opaque(conf, ctx);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_interceptor_add_on_new(conf, "lease", on_new, ctx);
}

static void set_ms(weir_props *props, const char *name, int64_t ms)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)ms);
    weir_props_set(props, name, text);
}

/* librdkafka looks at its clock when something happens, or once a second: a heartbeat that is due
 * waits for that, and with it the news that the group forms anew. A timer that runs often is
 * something that happens; statistics that nobody hears are the cheapest one. */
static void look_at_the_clock(weir_props *props, int64_t heartbeat_ms)
{
    int64_t often_ms = heartbeat_ms / 2 < 250 ? heartbeat_ms / 2 : 250;

    set_ms(props, "statistics.interval.ms", often_ms > 10 ? often_ms : 10);
}

static weir_code make_handle(weir_group *group, const weir_group_options *options, weir_err *err)
{
    weir_props props = WEIR_PROPS;
    int64_t rebalance_ms = options->rebalance_timeout_ms;
    weir_code rc;

    if (rebalance_ms < options->session_timeout_ms) /* librdkafka insists */
        rebalance_ms = options->session_timeout_ms;
    weir_props_merge(&props, options->props);
    weir_props_remove(&props, "group.instance.id"); /* a static member never says that it leaves */
    weir_props_set(&props, "client.id", options->worker_id);
    weir_props_set(&props, "group.id", options->group_id);
    weir_props_set(&props, "partition.assignment.strategy", "range");
    set_ms(&props, "session.timeout.ms", options->session_timeout_ms);
    set_ms(&props, "heartbeat.interval.ms", options->heartbeat_interval_ms);
    set_ms(&props, "max.poll.interval.ms", rebalance_ms);
    look_at_the_clock(&props, options->heartbeat_interval_ms);
    weir_kafka_reconnect_soon(&props);
    weir_props_set(&props, "enable.auto.commit", "false");
    weir_props_set(&props, "enable.auto.offset.store", "false");
    rc = weir_kafka_client_new(RD_KAFKA_CONSUMER, &props, prepare, group, &group->rk, err);
    weir_props_clear(&props);
    return rc;
}

weir_code weir_group_join(const weir_group_options *options, weir_group **ret_group, weir_err *err)
{
    weir_group *group = weir_new(weir_group);
    weir_code rc;

    group->group_id = weir_strdup(options->group_id);
    group->topic = weir_strdup(options->topic);
    group->member = weir_strdup("");
    group->event = options->event;
    group->herder_lives = options->herder_lives;
    group->ctx = options->ctx;
    group->lease = options->lease;
    rc = make_handle(group, options, err);
    if (rc != WEIR_OK)
        goto out;
    rd_kafka_poll_set_consumer(group->rk);
    group->queue = rd_kafka_queue_get_consumer(group->rk);
    rc = subscribe(group, err);
    if (rc != WEIR_OK)
        goto out;
    group->thread = weir_thread_start("group", run, group);
    group->running = true;

    *ret_group = group;
    group = NULL;
out:
    weir_group_close(group);
    return rc;
}

void weir_group_leave(weir_group *group)
{
    atomic_store(&group->leaving, true);
    rd_kafka_queue_yield(group->queue);
}

void weir_group_close(weir_group *group)
{
    if (!group)
        return;
    if (group->running) {
        weir_group_leave(group);
        pthread_join(group->thread, NULL);
    }
    if (group->queue)
        rd_kafka_queue_destroy(group->queue);
    if (group->rk)
        rd_kafka_destroy_flags(group->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(group->group_id);
    free(group->topic);
    free(group->member);
    free(group);
}
