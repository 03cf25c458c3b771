/* topics.c - see topics.h.
 *
 * Creation is always attempted, as Connect does: asking first would only leave a gap for another
 * worker to create the topic in. A topic that was there already must be compacted, or Kafka would
 * one day delete what the cluster is to run.
 */
#include "kafka/topics.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/client.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define REQUEST_MS     5000 /* one question, when there is that much time */
#define FIRST_PAUSE_MS 100
#define LAST_PAUSE_MS  1000
#define REASON_BYTES   512

typedef enum standing {
    MISSING, /* not known to exist yet */
    MADE,    /* by us, just now: as we wish it */
    FOUND,   /* it was there, or we may not create it: check it */
} standing;

typedef struct topic {
    const weir_topic_wish *wish;
    standing standing;
    rd_kafka_resp_err_t error; /* why it could not be created last time */
    char reason[REASON_BYTES];
} topic;

typedef struct admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int64_t until_ms, timeout_ms;
    char trouble[REASON_BYTES]; /* what librdkafka complained about last */
} admin;

/* ---- The handle ---------------------------------------------------------------------------- */

static void on_error(rd_kafka_t *rk, int error, const char *reason, void *opaque)
{
    admin *a = opaque;

    (void)rk;
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* that follows from what was said before */
        snprintf(a->trouble, sizeof(a->trouble), "%s", reason);
}

static void prepare(rd_kafka_conf_t *conf, void *ctx)
{
    rd_kafka_conf_set_opaque(conf, ctx);
    rd_kafka_conf_set_error_cb(conf, on_error);
}

static weir_code open_admin(admin *a, const weir_props *props, int64_t timeout_ms, weir_err *err)
{
    weir_code rc;

    *a = (admin){.until_ms = weir_now_ms() + timeout_ms, .timeout_ms = timeout_ms};
    rc = weir_kafka_client_new(RD_KAFKA_PRODUCER, props, prepare, a, &a->rk, err);
    if (rc == WEIR_OK)
        a->queue = rd_kafka_queue_new(a->rk);
    return rc;
}

static void close_admin(admin *a)
{
    if (a->queue)
        rd_kafka_queue_destroy(a->queue);
    if (a->rk)
        rd_kafka_destroy(a->rk);
}

static int left_ms(const admin *a, int most_ms)
{
    int64_t left = a->until_ms - weir_now_ms();

    return left <= 0 ? 0 : left < most_ms ? (int)left : most_ms;
}

static weir_code unavailable(admin *a, weir_err *err, const char *what)
{
    rd_kafka_poll(a->rk, 0); /* for on_error() */
    return weir_fail(err, WEIR_UNAVAILABLE, "%s within %lld ms%s%s", what, (long long)a->timeout_ms,
                     a->trouble[0] ? ": " : "", a->trouble);
}

/* Waits a little longer each time; false: the time is over. */
static bool pause_for(const admin *a, int *pause_ms)
{
    int ms = left_ms(a, *pause_ms);

    if (ms == 0)
        return false;
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
    *pause_ms = *pause_ms * 2 < LAST_PAUSE_MS ? *pause_ms * 2 : LAST_PAUSE_MS;
    return true;
}

weir_code weir_kafka_cluster_id(const weir_props *props, int64_t timeout_ms, char **ret_id,
                                weir_err *err)
{
    const char *servers = weir_props_get(props, "bootstrap.servers");
    char *id = NULL, what[256];
    admin a;
    weir_code rc;

    rc = open_admin(&a, props, timeout_ms, err);
    if (rc != WEIR_OK)
        goto out;
    id = rd_kafka_clusterid(a.rk, (int)timeout_ms);
    if (!id) {
        snprintf(what, sizeof(what), "no Kafka broker answered at %s",
                 servers ? servers : "bootstrap.servers");
        rc = unavailable(&a, err, what);
        goto out;
    }
    *ret_id = weir_strdup(id);
    rd_kafka_mem_free(a.rk, id);
out:
    close_admin(&a);
    return rc;
}

/* ---- Creating ------------------------------------------------------------------------------ */

/* Waits for the answer to one request of ours. NULL: none came. */
static rd_kafka_event_t *answer_to(admin *a, rd_kafka_event_type_t type, int timeout_ms)
{
    int64_t until_ms = weir_now_ms() + timeout_ms;
    rd_kafka_event_t *event;

    for (;;) {
        int64_t left = until_ms - weir_now_ms();

        event = rd_kafka_queue_poll(a->queue, left > 0 ? (int)left : 0);
        if (!event || rd_kafka_event_type(event) == type)
            break;
        rd_kafka_event_destroy(event); /* the late answer to an earlier one */
    }
    if (event && rd_kafka_event_error(event)) {
        snprintf(a->trouble, sizeof(a->trouble), "%s", rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        event = NULL;
    }
    return event;
}

static rd_kafka_AdminOptions_t *options_for(admin *a, rd_kafka_admin_op_t what, int timeout_ms)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(a->rk, what);
    char ignored[REASON_BYTES];

    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ignored, sizeof(ignored));
    return options;
}

static weir_code new_topic(const weir_topic_wish *wish, rd_kafka_NewTopic_t **ret_topic,
                           weir_err *err)
{
    char reason[REASON_BYTES];
    rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(wish->topic, wish->partitions,
                                                      wish->replication, reason, sizeof(reason));

    if (!made)
        return weir_fail(err, WEIR_INVALID, "topic '%s' (%s): %s", wish->topic, wish->property,
                         reason);
    WEIR_PROPS_EACH (pair, &wish->config)
        if (strcmp(pair->key, "cleanup.policy") != 0 && pair->value)
            rd_kafka_NewTopic_set_config(made, pair->key, pair->value);
    rd_kafka_NewTopic_set_config(made, "cleanup.policy", "compact");
    *ret_topic = made;
    return WEIR_OK;
}

static topic *find_topic(topic *topics, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(topics[i].wish->topic, name) == 0)
            return &topics[i];
    return NULL;
}

static void take_result(topic *t, const rd_kafka_topic_result_t *result)
{
    const char *reason = rd_kafka_topic_result_error_string(result);

    t->error = rd_kafka_topic_result_error(result);
    snprintf(t->reason, sizeof(t->reason), "%s", reason ? reason : "");
    switch ((int)t->error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        t->standing = MADE;
        weir_log(WEIR_INFO, "topic created", "topic", t->wish->topic, "for", t->wish->purpose,
                 NULL);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        t->standing = FOUND;
        break;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        t->standing = FOUND; /* somebody else has to create it: is it there? */
        weir_logf(WEIR_DEBUG, "topic '%s' is not ours to create: %s", t->wish->topic, t->reason);
        break;
    default:
        break;
    }
}

/* One CreateTopics for all that are missing. False: nobody answered. */
static weir_code create_missing(admin *a, topic *topics, size_t count, bool *ret_answered,
                                weir_err *err)
{
    rd_kafka_NewTopic_t **made = weir_new_array(rd_kafka_NewTopic_t *, count);
    int timeout_ms = left_ms(a, REQUEST_MS);
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event;
    size_t made_count = 0;
    weir_code rc = WEIR_OK;

    *ret_answered = false;
    for (size_t i = 0; i < count && rc == WEIR_OK; i++)
        if (topics[i].standing == MISSING) {
            rc = new_topic(topics[i].wish, &made[made_count], err);
            made_count += rc == WEIR_OK;
        }
    if (rc != WEIR_OK || timeout_ms < 1)
        goto out;
    options = options_for(a, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_CreateTopics(a->rk, made, made_count, options, a->queue);
    rd_kafka_AdminOptions_destroy(options);
    event = answer_to(a, RD_KAFKA_EVENT_CREATETOPICS_RESULT, timeout_ms + 500);
    if (event) {
        size_t n;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);

        for (size_t i = 0; i < n; i++) {
            topic *t = find_topic(topics, count, rd_kafka_topic_result_name(results[i]));

            if (t)
                take_result(t, results[i]);
        }
        rd_kafka_event_destroy(event);
        *ret_answered = true;
    }
out:
    rd_kafka_NewTopic_destroy_array(made, made_count);
    free(made);
    return rc;
}

static int broker_count(admin *a)
{
    const rd_kafka_metadata_t *metadata;
    int count = 0;

    if (rd_kafka_metadata(a->rk, 0, NULL, &metadata, REQUEST_MS / 5) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        count = metadata->broker_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    return count;
}

static weir_code too_few_brokers(admin *a, const topic *t, weir_err *err)
{
    const weir_topic_wish *wish = t->wish;
    size_t length = strlen(wish->property);
    int brokers = broker_count(a);

    if (length > 6 && strcmp(wish->property + length - 6, ".topic") == 0)
        length -= 6; /* config.storage.topic -> config.storage.replication.factor */
    return weir_fail(err, WEIR_INVALID,
                     "topic '%s' (%s) cannot be created with %.*s.replication.factor=%d: the "
                     "cluster has %d broker%s; start more brokers or lower the factor (%s)",
                     wish->topic, wish->property, (int)length, wish->property,
                     (int)wish->replication, brokers, brokers == 1 ? "" : "s", t->reason);
}

static bool is_worth_waiting(rd_kafka_resp_err_t error)
{
    weir_code code = weir_kafka_code(error);

    return error == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR || code == WEIR_TIMED_OUT ||
           code == WEIR_UNAVAILABLE;
}

/* The first topic that is still missing; NULL: none. */
static const topic *first_missing(const topic *topics, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (topics[i].standing == MISSING)
            return &topics[i];
    return NULL;
}

static weir_code create_all(admin *a, topic *topics, size_t count, weir_err *err)
{
    int pause_ms = FIRST_PAUSE_MS;
    const topic *missing;
    bool answered;

    do {
        weir_code rc = create_missing(a, topics, count, &answered, err);

        if (rc != WEIR_OK)
            return rc;
        missing = first_missing(topics, count);
        if (!missing)
            return WEIR_OK;
        if (answered && missing->error && !is_worth_waiting(missing->error))
            return weir_fail(err, WEIR_INVALID, "topic '%s' (%s) cannot be created: %s",
                             missing->wish->topic, missing->wish->property,
                             missing->reason[0] ? missing->reason
                                                : rd_kafka_err2str(missing->error));
    } while (pause_for(a, &pause_ms));
    if (missing->error == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR)
        return too_few_brokers(a, missing, err);
    if (missing->error)
        snprintf(a->trouble, sizeof(a->trouble), "%s", rd_kafka_err2str(missing->error));
    return unavailable(a, err, "Kafka did not create the internal topics");
}

/* ---- Checking ------------------------------------------------------------------------------ */

/* "compact" and nothing else, whatever the case and the blanks. */
static bool is_compact(const char *policy)
{
    size_t length;

    policy += strspn(policy, " ,");
    length = strcspn(policy, " ,");
    return length == 7 && strncasecmp(policy, "compact", 7) == 0 &&
           policy[7 + strspn(policy + 7, " ,")] == '\0';
}

static weir_code not_compact(const weir_topic_wish *wish, const char *policy, weir_err *err)
{
    return weir_fail(
        err, WEIR_INVALID,
        "Topic '%s' supplied via the '%s' property is required to have 'cleanup.policy=compact' to "
        "keep %s consistent and durable, but it has 'cleanup.policy=%s'. With that policy %s may "
        "be lost, and the cluster may not start again. Change the topic's policy, or let '%s' name "
        "a compacted topic.",
        wish->topic, wish->property, wish->purpose, policy, wish->purpose, wish->property);
}

static weir_code check_policy(const topic *t, const rd_kafka_ConfigResource_t *resource,
                              weir_err *err)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(resource);

    for (size_t i = 0; i < count && !error; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);

        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "cleanup.policy") != 0 || !value)
            continue;
        return is_compact(value) ? WEIR_OK : not_compact(t->wish, value, err);
    }
    weir_logf(WEIR_INFO, "topic '%s': whether it is compacted cannot be checked%s%s",
              t->wish->topic, error ? ": " : "", error ? rd_kafka_err2str(error) : "");
    return WEIR_OK;
}

static rd_kafka_event_t *describe(admin *a, const topic *topics, size_t count, int timeout_ms)
{
    rd_kafka_ConfigResource_t **resources = weir_new_array(rd_kafka_ConfigResource_t *, count);
    rd_kafka_AdminOptions_t *options =
        options_for(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    size_t asked = 0;

    for (size_t i = 0; i < count; i++)
        if (topics[i].standing == FOUND)
            resources[asked++] =
                rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i].wish->topic);
    rd_kafka_DescribeConfigs(a->rk, resources, asked, options, a->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy_array(resources, asked);
    free(resources);
    return answer_to(a, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT, timeout_ms + 500);
}

static weir_code check_policies(admin *a, topic *topics, size_t count, weir_err *err)
{
    const rd_kafka_ConfigResource_t **resources;
    int pause_ms = FIRST_PAUSE_MS, timeout_ms;
    rd_kafka_event_t *event = NULL;
    weir_code rc = WEIR_OK;
    bool any = false;
    size_t n;

    for (size_t i = 0; i < count; i++)
        any = any || topics[i].standing == FOUND;
    if (!any)
        return WEIR_OK;
    do
        if ((timeout_ms = left_ms(a, REQUEST_MS)) > 0)
            event = describe(a, topics, count, timeout_ms);
    while (!event && pause_for(a, &pause_ms));
    if (!event)
        return unavailable(a, err, "Kafka did not describe the internal topics");
    resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    for (size_t i = 0; i < n && rc == WEIR_OK; i++) {
        const topic *t = find_topic(topics, count, rd_kafka_ConfigResource_name(resources[i]));

        if (t)
            rc = check_policy(t, resources[i], err);
    }
    rd_kafka_event_destroy(event);
    return rc;
}

/* Its partitions once each has a leader; 0: not yet, a->trouble says why. */
static int ready_partitions(admin *a, const weir_topic_wish *wish)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(a->rk, wish->topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__INVALID_ARG;
    int count = 0;

    if (rkt)
        error = rd_kafka_metadata(a->rk, 0, rkt, &metadata, left_ms(a, REQUEST_MS));
    if (!error && metadata->topic_cnt == 1) {
        error = metadata->topics[0].err;
        count = error ? 0 : metadata->topics[0].partition_cnt;
        for (int i = 0; i < count; i++)
            if (metadata->topics[0].partitions[i].leader < 0) {
                error = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
                count = 0;
            }
    }
    if (error)
        snprintf(a->trouble, sizeof(a->trouble), "%s", rd_kafka_err2str(error));
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    if (rkt)
        rd_kafka_topic_destroy(rkt);
    return count;
}

static weir_code check_partitions(admin *a, const weir_topic_wish *wish, weir_err *err)
{
    int pause_ms = FIRST_PAUSE_MS, count;
    char what[320];

    do
        count = ready_partitions(a, wish);
    while (count == 0 && pause_for(a, &pause_ms));
    if (count == 0) {
        snprintf(what, sizeof(what), "no partition metadata for topic '%s'", wish->topic);
        return unavailable(a, err, what);
    }
    if (wish->exact_partitions && count != wish->exact_partitions)
        return weir_fail(err, WEIR_INVALID,
                         "Topic '%s' supplied via the '%s' property is required to have %s, but it "
                         "has %d. Let '%s' name another topic.",
                         wish->topic, wish->property,
                         wish->exact_partitions == 1 ? "a single partition" : "other partitions",
                         count, wish->property);
    return WEIR_OK;
}

weir_code weir_topics_ensure(const weir_props *props, const weir_topic_wish *wishes, size_t count,
                             int64_t timeout_ms, weir_err *err)
{
    topic *topics = weir_new_array(topic, count);
    weir_code rc;
    admin a;

    for (size_t i = 0; i < count; i++)
        topics[i].wish = &wishes[i];
    rc = open_admin(&a, props, timeout_ms, err);
    if (rc == WEIR_OK)
        rc = create_all(&a, topics, count, err);
    if (rc == WEIR_OK)
        rc = check_policies(&a, topics, count, err);
    for (size_t i = 0; i < count && rc == WEIR_OK; i++)
        rc = check_partitions(&a, &wishes[i], err);
    close_admin(&a);
    free(topics);
    return rc;
}
